//! The remarks on a policy as sentences, one for all exemptions that share the same remark.

use std::collections::BTreeMap;

use super::{ago, and, in_days, or};
use crate::region;
use crate::rule::egress::Protocol;
use crate::rule::policy::{
    Breadth, Conditions, DeployerChoice, ExemptionId, LONG_DAYS, Placeholder, Remark, RemarkLevel,
};

/// The maximum number of exemptions that a sentence names.
const NAMED: usize = 5;

/// A remark that applies to one or more exemptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupedRemark {
    /// The level of the remark.
    pub level: RemarkLevel,
    /// The remark's stable name.
    pub code: &'static str,
    /// The exemptions, in the order of the file.
    pub exemptions: Vec<ExemptionId>,
    /// The sentence, which applies to all of them.
    pub message: String,
}

/// Returns the remarks on a policy, grouped by content, in the order of the first of each group.
#[must_use]
pub fn remarks(remarks: &[Remark<'_>]) -> Vec<GroupedRemark> {
    let mut groups: Vec<(&Remark<'_>, Vec<&Remark<'_>>)> = Vec::new();
    let mut known: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    for remark in remarks {
        let next = groups.len();
        let position = *known.entry((code(remark), content(remark))).or_insert(next);
        match groups.get_mut(position) {
            Some((_, members)) => members.push(remark),
            None => groups.push((remark, vec![remark])),
        }
    }
    groups.into_iter().map(|(first, members)| grouped(first, &members)).collect()
}

/// Returns the content by which remarks of one kind are grouped. The accounts and Regions of the deployers are not part
/// of it: a policy for many accounts would repeat the same remark for each of them.
fn content(remark: &Remark<'_>) -> String {
    match remark {
        Remark::DeployerChooses(_, choices) => chosen(choices),
        _ => predicate(remark, true),
    }
}

fn grouped(remark: &Remark<'_>, members: &[&Remark<'_>]) -> GroupedRemark {
    let subjects: Vec<Vec<&ExemptionId>> = members.iter().map(|member| subject(member)).collect();
    let names: Vec<String> = subjects.iter().take(NAMED).map(|ids| and(ids)).collect();
    let (of_two, is_one) = (matches!(remark, Remark::Overlap(..)), subjects.len() == 1);
    let more = subjects.len() - names.len();
    let named = match (more, of_two) {
        (0, false) => and(&names),
        (0, true) => names.join("; "),
        (more, _) => format!(
            "{} and {more} more{}",
            names.join(if of_two { "; " } else { ", " }),
            if of_two { " pairs" } else { "" }
        ),
    };
    let plural = if of_two || !is_one { "s" } else { "" };
    let said = predicate(remark, of_two || !is_one);
    let said = match remark {
        Remark::DeployerChooses(_, choices) if members.iter().any(|member| predicate(member, !is_one) != said) => {
            format!(
                "match on {}, which the deployer of the stack chooses: they cover everyone who can deploy to their \
                 accounts and Regions.",
                chosen(choices)
            )
        }
        _ => said,
    };
    let mut exemptions: Vec<ExemptionId> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for id in subjects.iter().flatten() {
        if seen.insert(*id) {
            exemptions.push((*id).clone());
        }
    }
    GroupedRemark {
        level: remark.level(),
        code: code(remark),
        exemptions,
        message: format!("Exemption{plural} {named} {said}"),
    }
}

/// Returns the stable name of a kind of remark.
const fn code(remark: &Remark<'_>) -> &'static str {
    match remark {
        Remark::Expired(..) => "expired",
        Remark::Expires(..) => "expires-soon",
        Remark::OnlySinglePorts(_) => "only-single-ports",
        Remark::StackIdElsewhere(_) => "stack-id-elsewhere",
        Remark::NotARegion(..) => "not-a-region",
        Remark::Overlap(..) => "overlap",
        Remark::DeployerChooses(..) => "deployer-chooses",
        Remark::Covers(_, Breadth::Everything) => "covers-everything",
        Remark::Covers(_, Breadth::AllPorts) => "covers-all-ports",
        Remark::Draft(_, Placeholder::Reason) => "draft-reason",
        Remark::Draft(_, Placeholder::Owner) => "draft-owner",
        Remark::EndsLate(_) => "ends-late",
        Remark::EndsTooLate(..) => "ends-too-late",
    }
}

fn subject<'a>(remark: &Remark<'a>) -> Vec<&'a ExemptionId> {
    match remark {
        Remark::Overlap(one, two) => vec![one.id(), two.id()],
        Remark::Expired(exemption, _)
        | Remark::Expires(exemption, _)
        | Remark::OnlySinglePorts(exemption)
        | Remark::StackIdElsewhere(exemption)
        | Remark::NotARegion(exemption, _)
        | Remark::DeployerChooses(exemption, _)
        | Remark::Covers(exemption, _)
        | Remark::Draft(exemption, _)
        | Remark::EndsLate(exemption)
        | Remark::EndsTooLate(exemption, _) => vec![exemption.id()],
    }
}

/// Returns the predicate of the sentence, for one exemption or several.
fn predicate(remark: &Remark<'_>, several: bool) -> String {
    let of = |one: &'static str, more: &'static str| if several { more } else { one };
    let (it, its, covers, matches) =
        (of("it", "them"), of("its", "their"), of("covers", "cover"), of("matches", "match"));
    match remark {
        Remark::Expired(_, now) => format!(
            "expired on {} ({}): the egress rules that {} covered are blocked again. Remove {it}, or ask {} to renew \
             {it}.",
            now.expires,
            ago(now.days_left),
            of("it", "they"),
            now.owner
        ),
        Remark::Expires(_, now) => format!(
            "{} {}, on {}: after that day, the egress rules that {} {covers} are blocked. {} must renew {it} or \
             change the templates that need {it}.",
            of("ends", "end"),
            in_days(now.days_left),
            now.expires,
            of("it", "they"),
            now.owner
        ),
        Remark::OnlySinglePorts(exemption) => format!(
            "can never match: {} {covers} only single ports ({}), which comply without {it}. Name the whole range, or \
             remove {it}.",
            of("it", "they"),
            or(&exemption.conditions().ports)
        ),
        Remark::StackIdElsewhere(exemption) => format!(
            "can never match: no stack with {its} accounts, Regions, and stack names has an ARN like {}. Make them \
             agree, or keep only stack_id.",
            or(&exemption.conditions().stack_ids)
        ),
        Remark::NotARegion(_, regions) => format!(
            "{} Region {}, which can never match: the name of a Region has a form such as {}. Correct it.",
            of("names", "name"),
            or(regions),
            region::EXAMPLE
        ),
        Remark::Overlap(one, two) => {
            format!("overlap: an egress rule that both cover stays exempt until {}.", one.expires().max(two.expires()))
        }
        Remark::DeployerChooses(exemption, choices) => {
            format!(
                "{matches} on {}, which the deployer of the stack chooses: {} {covers} everyone who can deploy {}.",
                chosen(choices),
                of("it", "they"),
                reach(exemption.conditions())
            )
        }
        Remark::Covers(exemption, Breadth::Everything) => format!("{covers} {}.", everything(exemption.conditions())),
        Remark::Covers(exemption, Breadth::AllPorts) => format!(
            "{covers} every port of {} to all destinations: name the ports or the destination that is needed.",
            and(&exemption.conditions().protocols)
        ),
        Remark::Draft(_, Placeholder::Reason) => {
            let prefix = Placeholder::Reason.prefix();
            format!(
                "{}: replace the reason that begins with {prefix} with the actual reason.",
                of("is a draft", "are drafts")
            )
        }
        Remark::Draft(_, Placeholder::Owner) => {
            let prefix = Placeholder::Owner.prefix();
            format!(
                "{}: replace the owner that begins with {prefix} with the actual owner.",
                of("is a draft", "are drafts")
            )
        }
        Remark::EndsLate(_) => format!(
            "{} more than {LONG_DAYS} days from now: choose an earlier day, so that someone reviews {it}.",
            of("ends", "end")
        ),
        Remark::EndsTooLate(_, max) => format!(
            "{} more than {max} days from now, which is later than max_days allows: choose an earlier day.",
            of("ends", "end")
        ),
    }
}

/// Returns what an exemption covers that narrows neither ports nor destination, and what to name instead. An exemption
/// with ports covers only protocols that have ports.
fn everything(conditions: &Conditions) -> String {
    let with_ports = [Protocol::Tcp, Protocol::Udp];
    let named = if conditions.protocols.is_empty() && !conditions.ports.is_empty() {
        &with_ports[..]
    } else {
        conditions.protocols.as_slice()
    };
    let named: Vec<&Protocol> =
        named.iter().filter(|protocol| conditions.ports.is_empty() || protocol.has_ports()).collect();
    if named.is_empty() {
        return "every egress rule in scope, including rules that open all ports to all destinations: name the \
                protocol, ports, or destination that is needed"
            .to_owned();
    }
    let rules = format!("every egress rule in scope with protocol {}", or(&named));
    if named.contains(&&Protocol::All) {
        format!(
            "{rules}, to all destinations, and protocol -1 opens all traffic: name the destination, or the protocol \
             and ports, that are needed"
        )
    } else {
        format!(
            "{rules}, including rules that open all ports to all destinations: name the ports or the destination that is needed"
        )
    }
}

fn chosen(choices: &[DeployerChoice]) -> String {
    and(&choices.iter().map(|choice| choice_name(*choice)).collect::<Vec<_>>())
}

const fn choice_name(choice: DeployerChoice) -> &'static str {
    match choice {
        DeployerChoice::StackName => "the stack's name",
        DeployerChoice::StackId => "a part of the stack's ARN that contains its name",
        DeployerChoice::LogicalId => "the logical ID",
        DeployerChoice::Tags => "tags",
    }
}

/// Returns the accounts and Regions of those who can use an exemption by choosing a name.
fn reach(conditions: &Conditions) -> String {
    match (or(&conditions.accounts), or(&conditions.regions)) {
        (accounts, regions) if accounts.is_empty() && regions.is_empty() => {
            "to any account under this policy".to_owned()
        }
        (accounts, regions) if regions.is_empty() => format!("to account {accounts}"),
        (accounts, regions) if accounts.is_empty() => format!("to Region {regions} of any account under this policy"),
        (accounts, regions) => format!("to account {accounts} in Region {regions}"),
    }
}
