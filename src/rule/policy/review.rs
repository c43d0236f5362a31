//! What whoever reviews a policy should know of it.

use std::collections::{BTreeSet, HashMap};

use super::breadth::Breadth;
use super::conditions::{Conditions, DestinationRange};
use super::exemption::Exemption;
use super::glob::Glob;
use super::{Policy, PortRange};
use crate::rule::applied::AppliedExemption;
use crate::rule::date::Date;
use crate::rule::egress::Protocol;

/// How many days ahead an exemption ends at most without a warning.
pub(crate) const LONG_DAYS: i64 = 366;

/// Whether a [`Remark`] asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RemarkLevel {
    /// Good to know.
    Notice,
    /// It may be meant, but hardly.
    Warning,
    /// Somebody has to do something soon.
    Soon,
    /// Somebody has to do something now.
    Action,
    /// The policy's own limits refuse it.
    Error,
}

impl RemarkLevel {
    /// Its stable name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "note",
            Self::Warning => "warning",
            Self::Soon => "soon",
            Self::Action => "action",
            Self::Error => "error",
        }
    }
}

/// What a draft leaves for people to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Placeholder {
    /// The reason begins with `REVIEW`.
    Reason,
    /// The owner begins with `UNKNOWN`.
    Owner,
}

impl Placeholder {
    /// How the text begins.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Reason => "REVIEW",
            Self::Owner => "UNKNOWN",
        }
    }
}

/// Something that whoever deploys a stack chooses, so that matching on it is trust in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeployerChoice {
    /// `stack_name`.
    StackName,
    /// `stack_id` with a `*` or `?`: the ARN contains the stack's name.
    StackId,
    /// `logical_id`.
    LogicalId,
    /// `tags`.
    Tags,
}

/// Something to know of an exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark<'a> {
    /// It has expired: what it covered is blocked again.
    Expired(&'a Exemption, AppliedExemption),
    /// It expires within the days asked for.
    Expires(&'a Exemption, AppliedExemption),
    /// Its ports are single ones, which need no exemption.
    OnlySinglePorts(&'a Exemption),
    /// Its `stack_id` belongs to none of its accounts, Regions or stack names.
    StackIdElsewhere(&'a Exemption),
    /// Both cover the same egress rules, or some of them.
    Overlap(&'a Exemption, &'a Exemption),
    /// It matches on what the deployer chooses.
    DeployerChooses(&'a Exemption, Vec<DeployerChoice>),
    /// It covers everything there, or every port, to everywhere, by whatever way of saying so.
    Covers(&'a Exemption, Breadth),
    /// It is a draft: a text is left for people to write.
    Draft(&'a Exemption, Placeholder),
    /// It ends more than `LONG_DAYS` days from today.
    EndsLate(&'a Exemption),
    /// It ends later than the policy allows: so many days from today.
    EndsTooLate(&'a Exemption, u32),
}

impl Remark<'_> {
    /// Whether it asks for something.
    #[must_use]
    pub const fn weight(&self) -> RemarkLevel {
        match self {
            Self::Expired(..) | Self::OnlySinglePorts(_) | Self::StackIdElsewhere(_) | Self::Draft(..) => {
                RemarkLevel::Action
            }
            Self::EndsTooLate(..) => RemarkLevel::Error,
            Self::Expires(..) => RemarkLevel::Soon,
            Self::Covers(..) | Self::EndsLate(_) => RemarkLevel::Warning,
            Self::Overlap(..) | Self::DeployerChooses(..) => RemarkLevel::Notice,
        }
    }
}

impl Policy {
    /// What is to know of the exemptions, in the order of the file; `within` is how many days ahead their ends are
    /// reported.
    #[must_use]
    pub fn review(&self, today: Date, within: u32) -> Vec<Remark<'_>> {
        let mut remarks = Vec::new();
        let near = ByStack::of(&self.exemptions);
        for (position, exemption) in self.exemptions.iter().enumerate() {
            let conditions = exemption.conditions();
            let now = exemption.on(today);
            if !now.holds() {
                remarks.push(Remark::Expired(exemption, now));
            } else if now.days_left <= i64::from(within) {
                remarks.push(Remark::Expires(exemption, now));
            }
            remarks.extend(self.ends_late(exemption, today));
            remarks.extend(drafted(exemption));
            if !conditions.ports.is_empty() && conditions.ports.iter().all(|range| range.is_single()) {
                remarks.push(Remark::OnlySinglePorts(exemption));
            }
            if !stack_ids_fit(&conditions.stack_ids, conditions) {
                remarks.push(Remark::StackIdElsewhere(exemption));
            }
            let chosen = deployer_choices(conditions);
            if !chosen.is_empty() {
                remarks.push(Remark::DeployerChooses(exemption, chosen));
            }
            if let Some(breadth) = conditions.breadth() {
                remarks.push(Remark::Covers(exemption, breadth));
            }
            let covers_some = |other: &&Exemption| overlap(conditions, other.conditions());
            let later = near.later_than(position, conditions);
            let later = later.into_iter().filter_map(|later| self.exemptions.get(later));
            remarks.extend(later.filter(covers_some).map(|other| Remark::Overlap(exemption, other)));
        }
        remarks
    }

    fn ends_late<'a>(&self, exemption: &'a Exemption, today: Date) -> Option<Remark<'a>> {
        let days = exemption.expires().days_after(today);
        match self.max_days {
            Some(max) if days > i64::from(max) => Some(Remark::EndsTooLate(exemption, max)),
            Some(_) => None,
            None => (days > LONG_DAYS).then_some(Remark::EndsLate(exemption)),
        }
    }
}

/// Exemptions by the names of their stacks: most of a long policy name some, and can only overlap with those of the
/// same stacks or of any.
#[derive(Default)]
struct ByStack<'a> {
    named: HashMap<&'a str, Vec<usize>>,
    any: Vec<usize>,
    all: usize,
}

impl<'a> ByStack<'a> {
    fn of(exemptions: &'a [Exemption]) -> Self {
        let mut found = Self { all: exemptions.len(), ..Self::default() };
        for (position, exemption) in exemptions.iter().enumerate() {
            match named_stacks(exemption.conditions()) {
                Some(names) => names.for_each(|name| found.named.entry(name).or_default().push(position)),
                None => found.any.push(position),
            }
        }
        found
    }

    /// Which of those behind a position may have stacks in common with conditions.
    fn later_than(&self, position: usize, conditions: &Conditions) -> Vec<usize> {
        let Some(names) = named_stacks(conditions) else { return (position + 1..self.all).collect() };
        let same = names.filter_map(|name| self.named.get(name)).flatten();
        let later: BTreeSet<usize> = same.chain(&self.any).copied().filter(|other| *other > position).collect();
        later.into_iter().collect()
    }
}

/// The stacks of conditions, if they are named one by one.
fn named_stacks(conditions: &Conditions) -> Option<impl Iterator<Item = &str>> {
    let names = &conditions.stack_names;
    (!names.is_empty() && names.iter().all(Glob::is_literal)).then(|| names.iter().map(Glob::as_str))
}

/// What is left to write in a draft.
fn drafted(exemption: &Exemption) -> impl Iterator<Item = Remark<'_>> {
    let texts = [(Placeholder::Reason, exemption.reason().as_str()), (Placeholder::Owner, exemption.owner().as_str())];
    let left = |(placeholder, text): &(Placeholder, &str)| {
        let rest = text.trim_start().strip_prefix(placeholder.prefix());
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    texts.into_iter().filter(left).map(|(placeholder, _)| Remark::Draft(exemption, placeholder))
}

/// Whether some stack in the accounts, Regions and names of `place` has one of the ARNs
/// (`arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/UUID`).
fn stack_ids_fit(stack_ids: &[Glob], place: &Conditions) -> bool {
    let texts = |globs: &[Glob]| {
        let texts: Vec<_> = globs.iter().map(ToString::to_string).collect();
        if texts.is_empty() { vec!["*".to_owned()] } else { texts }
    };
    let (regions, accounts, names) = (texts(&place.regions), texts(&place.accounts), texts(&place.stack_names));
    stack_ids.is_empty()
        || regions.iter().any(|region| {
            accounts.iter().any(|account| {
                names.iter().any(|name| {
                    // A pattern that is longer than a glob may be is not worth a remark.
                    let arn = format!("arn:*:cloudformation:{region}:{account}:stack/{name}/*").parse::<Glob>();
                    arn.map_or(true, |arn| stack_ids.iter().any(|stack_id| stack_id.intersects(&arn)))
                })
            })
        })
}

fn deployer_choices(conditions: &Conditions) -> Vec<DeployerChoice> {
    let chosen = [
        (!conditions.stack_names.is_empty(), DeployerChoice::StackName),
        (conditions.stack_ids.iter().any(|stack_id| !stack_id.is_literal()), DeployerChoice::StackId),
        (!conditions.logical_ids.is_empty(), DeployerChoice::LogicalId),
        (!conditions.tags.is_empty(), DeployerChoice::Tags),
    ];
    chosen.into_iter().filter_map(|(is_chosen, choice)| is_chosen.then_some(choice)).collect()
}

/// Whether some egress rule is covered by both.
fn overlap(one: &Conditions, two: &Conditions) -> bool {
    let blockable_range =
        |one: &PortRange, two: &PortRange| one.intersection(*two).is_some_and(|both| !both.is_single());
    some(&one.accounts, &two.accounts, Glob::intersects)
        && some(&one.regions, &two.regions, Glob::intersects)
        && some(&one.stack_names, &two.stack_names, Glob::intersects)
        && some(&one.stack_ids, &two.stack_ids, Glob::intersects)
        && [one, two]
            .into_iter()
            .all(|place| [one, two].into_iter().all(|other| stack_ids_fit(&other.stack_ids, place)))
        && some(&one.logical_ids, &two.logical_ids, Glob::intersects)
        && some(&one.resource_types, &two.resource_types, |one, two| one == two)
        && protocols_meet(one, two)
        && some(&one.ports, &two.ports, blockable_range)
        && some(&one.destinations, &two.destinations, DestinationRange::intersects)
        && one.tags.iter().all(|tag| {
            let same_key = two.tags.iter().filter(|other| other.key == tag.key);
            same_key.into_iter().all(|other| some(&tag.values, &other.values, Glob::intersects))
        })
}

/// Whether some protocol is covered by both; where either asks for ports, one that has them.
fn protocols_meet(one: &Conditions, two: &Conditions) -> bool {
    let with_ports = !one.ports.is_empty() || !two.ports.is_empty();
    let fits = |protocol: &Protocol| !with_ports || protocol.has_ports();
    match (one.protocols.as_slice(), two.protocols.as_slice()) {
        ([], []) => true,
        ([], some) | (some, []) => some.iter().any(fits),
        (some, others) => some.iter().any(|protocol| fits(protocol) && others.contains(protocol)),
    }
}

/// Whether some alternative of one meets some alternative of the other; an empty list is no condition.
fn some<T>(one: &[T], two: &[T], meet: impl Fn(&T, &T) -> bool) -> bool {
    one.is_empty() || two.is_empty() || one.iter().any(|one| two.iter().any(|two| meet(one, two)))
}
