//! Exemptions for the rules that are blocked today: a draft for review, in the policy's own TOML.
//!
//! Equal rules of several stacks become one exemption. The findings are on disk: memory contains only a number for each
//! group of equal rules, and the places of the stacks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use super::live::{Difference, Ownership};
use super::record::{OpenedTraffic, RuleOutcome, RuleRecord, StackRecord};
use super::result::ScanResult;
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::fingerprint::Fingerprint;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::policy::{Date, DestinationRange, Glob, Placeholder};

/// The number of stack names in an exemption above which a pattern is tried.
const NAMED_STACKS: usize = 8;

/// The number of hexadecimal digits of a hash in an ID.
const ID_DIGITS: usize = 12;

/// Writes an exemption for each blocked rule that an exemption can cover, and lists the others. The end dates are
/// spread over the second half of `days`, so that the rules are not all blocked on one day.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_exemptions(result: &mut ScanResult, today: Date, days: u16, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "# Draft exemptions for what `cfn-egress-guard scan` found on {}. `policy check` rejects this draft until\n# \
         each reason ({}) and owner ({}) is replaced. Remove an exemption if its rule can be changed.\n# Each id \
         contains the account, so drafts of several accounts can be joined in one policy.",
        result.head.started,
        Placeholder::Reason.prefix(),
        Placeholder::Owner.prefix()
    )?;
    let mut uncovered = false;
    let mut stacks = ScannedStacks::default();
    let mut equal: HashMap<Fingerprint, Vec<u32>> = HashMap::new();
    for stack in result.stacks.iter() {
        let stack = stack?;
        write_uncovered(&stack, &mut uncovered, out)?;
        let position = stacks.push(&stack);
        for group in groups(&stack) {
            equal.entry(group.fingerprint()).or_default().push(position);
        }
    }
    write_live(result, out)?;
    let mut ends = EndDates { today, days, all: equal.len(), written: 0 };
    for (position, stack) in (0_u32..).zip(result.stacks.iter()) {
        let stack = stack?;
        for group in groups(&stack) {
            // The first stack writes the exemption for all of them.
            let Some(members) = equal.get(&group.fingerprint()).filter(|all| all.first() == Some(&position)) else {
                continue;
            };
            for place in stacks.places(members) {
                group.write(&place, ends.next(), out)?;
            }
        }
    }
    Ok(())
}

/// The end dates of exemptions.
struct EndDates {
    today: Date,
    days: u16,
    all: usize,
    written: usize,
}

impl EndDates {
    /// Returns the next date; the last one is the last day.
    fn next(&mut self) -> Date {
        self.written = (self.written + 1).min(self.all);
        let (first, days) = (usize::from(self.days.div_ceil(2)), usize::from(self.days));
        let day = first + (days - first) * self.written / self.all.max(1);
        self.today.days_later(u32::try_from(day).unwrap_or_default())
    }
}

/// The places of a scan's stacks.
#[derive(Default)]
struct ScannedStacks(Vec<(String, String, String)>);

/// Stacks that one exemption covers: one account, and every name in every Region.
struct ExemptedStacks {
    account: String,
    regions: BTreeSet<String>,
    names: Vec<String>,
}

impl ScannedStacks {
    fn push(&mut self, stack: &StackRecord) -> u32 {
        let position = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push((account_of(stack).to_owned(), stack.region.clone(), stack.stack.clone()));
        position
    }

    /// Groups the stacks of one account: one group if every name is in every Region, otherwise one for each Region.
    fn places(&self, members: &[u32]) -> Vec<ExemptedStacks> {
        let mut by_region: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut account = "";
        for position in members {
            let Some((of, region, name)) = usize::try_from(*position).ok().and_then(|at| self.0.get(at)) else {
                continue;
            };
            account = of;
            by_region.entry(region).or_default().insert(name);
        }
        let mut by_names: BTreeMap<BTreeSet<&str>, BTreeSet<String>> = BTreeMap::new();
        for (region, names) in by_region {
            by_names.entry(names).or_default().insert(region.to_owned());
        }
        let place = |(names, regions): (BTreeSet<&str>, BTreeSet<String>)| ExemptedStacks {
            account: account.to_owned(),
            names: self
                .pattern(account, &regions, &names)
                .map_or_else(|| names.iter().map(|name| (*name).to_owned()).collect(), |pattern| vec![pattern]),
            regions,
        };
        by_names.into_iter().map(place).collect()
    }

    /// Returns a pattern for many names, if they have a common prefix and it covers no other scanned stack there.
    fn pattern(&self, account: &str, regions: &BTreeSet<String>, names: &BTreeSet<&str>) -> Option<String> {
        if names.len() <= NAMED_STACKS {
            return None;
        }
        let (first, last) = (names.first()?, names.last()?);
        // In sorted order, the common prefix of the first and the last name is that of all.
        let alike = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count();
        let prefix = first.get(..alike)?;
        let prefix = prefix.get(..=prefix.rfind('-')?)?;
        let pattern = format!("{prefix}*");
        let glob: Glob = pattern.parse().ok()?;
        let is_other = |(of, region, name): &(String, String, String)| {
            of == account && regions.contains(region) && glob.matches(name) && !names.contains(name.as_str())
        };
        (!self.0.iter().any(is_other)).then_some(pattern)
    }
}

/// Returns the account ID from the stack's ARN.
fn account_of(stack: &StackRecord) -> &str {
    Arn::parse(&stack.stack_id).map_or("", |arn| arn.account)
}

/// Equal rules of a stack, covered by one exemption.
struct EqualRules<'a> {
    account: &'a str,
    owner: Option<&'a str>,
    opens: &'a OpenedTraffic,
    cause: &'static str,
    logical_ids: BTreeSet<&'a str>,
}

/// Returns the blocked rules of a stack that an exemption can cover. A group may contain the same rule twice, or one
/// that is written in each branch of a condition.
fn groups(stack: &StackRecord) -> Vec<EqualRules<'_>> {
    let mut equal: BTreeMap<&OpenedTraffic, (&'static str, BTreeSet<&str>)> = BTreeMap::new();
    for rule in blocked(stack) {
        if let Some(opens) = nameable(rule) {
            let (_, ids) = equal.entry(opens).or_insert_with(|| (rule.cause.label(), BTreeSet::new()));
            ids.insert(&rule.logical_id);
        }
    }
    let owner = stack.owner.as_deref().filter(|owner| !owner.trim().is_empty());
    let group =
        |(opens, (cause, logical_ids))| EqualRules { account: account_of(stack), owner, opens, cause, logical_ids };
    equal.into_iter().map(group).collect()
}

impl EqualRules<'_> {
    /// Returns a value that is equal for equal rules of other stacks in the account, and the same in every version: it
    /// becomes part of an ID in a policy file.
    fn fingerprint(&self) -> Fingerprint {
        let OpenedTraffic { protocol, ports, destination } = self.opens;
        let ports = ports.map(|(from, to)| format!("{from}-{to}"));
        let optional = |text: Option<&str>| text.map_or_else(String::new, |text| format!("={text}"));
        let whole = Fingerprint::new()
            .with(self.account)
            .with(&optional(self.owner))
            .with(protocol)
            .with(&optional(ports.as_deref()))
            .with(destination)
            .with(self.cause);
        self.logical_ids.iter().fold(whole, |whole, id| whole.with(id))
    }

    /// Returns the ID of the exemption for some of the stacks.
    fn id(&self, place: &ExemptedStacks) -> String {
        let ExemptedStacks { account, regions, names } = place;
        // An empty part is between the lists, so that no name counts as a Region.
        let parts = regions.iter().map(String::as_str).chain([""]).chain(names.iter().map(String::as_str));
        let hash = parts.fold(self.fingerprint().with(""), Fingerprint::with).text();
        format!("debt-{account}-{}", hash.get(..ID_DIGITS).unwrap_or(&hash))
    }

    fn write(&self, place: &ExemptedStacks, expires: Date, out: &mut dyn Write) -> io::Result<()> {
        let ExemptedStacks { account, regions, names } = place;
        let unknown = format!("{}: name an owner", Placeholder::Owner.prefix());
        let owner = self.owner.unwrap_or(&unknown);
        let reason = format!("{}: deployed before enforcement ({})", Placeholder::Reason.prefix(), self.cause);
        writeln!(out, "\n[[exemption]]\nid = \"{}\"", self.id(place))?;
        writeln!(out, "reason = {}\nowner = {}", quoted(&reason, 160), quoted(owner, 80))?;
        writeln!(out, "expires = {expires}\naccount = \"{account}\"\nregion = {}", one_or_more(regions))?;
        writeln!(out, "stack_name = {}\nlogical_id = {}", one_or_more(names), one_or_more(&self.logical_ids))?;
        let OpenedTraffic { protocol, ports, destination } = self.opens;
        writeln!(out, "protocol = {}", quoted(protocol, 40))?;
        if let (Some((from, to)), "tcp" | "udp") = (ports, protocol.as_str()) {
            writeln!(out, "ports = \"{from}-{to}\"")?;
        }
        writeln!(out, "destination = {}", quoted(destination, 100))
    }
}

/// Formats one text, or a list of texts, as TOML.
fn one_or_more<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(|text| quoted(text.as_ref(), 256)).collect();
    match quoted.as_slice() {
        [only] => only.clone(),
        all => format!("[{}]", all.join(", ")),
    }
}

/// Writes the rules of a stack that no exemption covers, with a heading before the first.
fn write_uncovered(stack: &StackRecord, headed: &mut bool, out: &mut dyn Write) -> io::Result<()> {
    let uncovered = blocked(stack).filter(|rule| nameable(rule).is_none());
    let (region, name) = (&stack.region, &stack.stack);
    let mut lines: Vec<String> = uncovered
        .map(|rule| format!("{region} {name} {} {}: {}", rule.logical_id, rule.path, rule.statement))
        .collect();
    if stack.more.blocked > 0 {
        lines.push(format!("{region} {name}: {} more, which the scan only counted", stack.more.blocked));
    }
    if !lines.is_empty() && !*headed {
        *headed = true;
        writeln!(
            out,
            "#\n# Not covered, because an exemption names a protocol, ports, and a destination, and these rules do not \
             state\n# all of them:"
        )?;
    }
    lines.iter().try_for_each(|line| writeln!(out, "#   {line}"))
}

/// Writes the live groups that no exemption covers: an exemption without a stack would also cover deployments, and a
/// rule that someone added is not part of the owner's deployment.
fn write_live(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let mut is_headed = false;
    for group in result.groups.iter() {
        let group = group?;
        let is_added = |rule: &&RuleRecord| {
            let is_same = |one: &Difference| one.path.as_ref() == Some(&rule.path);
            group.ownership != Ownership::Stack || group.differences.iter().any(is_same)
        };
        let uncovered = group.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked).filter(is_added);
        for rule in uncovered {
            if !is_headed {
                is_headed = true;
                writeln!(
                    out,
                    "#\n# Not covered, because no stack deploys these egress rules of live security groups, and an \
                     exemption would\n# have to cover every stack of the account: close them, or add them to a stack:"
                )?;
            }
            let (region, name, owned) = (&group.region, group.label(), group.owned_by());
            writeln!(out, "#   {region} {name}, {owned}, {}: {}", rule.path, rule.statement)?;
        }
    }
    Ok(())
}

fn blocked(stack: &StackRecord) -> impl Iterator<Item = &RuleRecord> {
    stack.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked)
}

/// Returns the traffic that an exemption for the rule names, if possible: a policy accepts ports only for tcp and udp,
/// and only as an ascending range. The destination may come from the result of an earlier version.
fn nameable(rule: &RuleRecord) -> Option<&OpenedTraffic> {
    let opens = rule.rule.as_ref().filter(|opens| opens.destination.parse::<DestinationRange>().is_ok());
    opens.filter(|opens| match (opens.protocol.as_str(), opens.ports) {
        ("tcp" | "udp", Some((from, to))) => 0 <= from && from <= to,
        ("tcp" | "udp", None) => false,
        _ => true,
    })
}

/// Formats a text as TOML: at most this many characters, on one line.
fn quoted(text: &str, chars: usize) -> String {
    let text: String = excerpt(text, usize::MAX).chars().take(chars).collect();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ID is in policy files, so a new version, or another compiler, must not change it.
    #[test]
    fn an_id_is_the_same_in_every_version() {
        let opens =
            OpenedTraffic { protocol: "tcp".to_owned(), ports: Some((80, 87)), destination: "10.0.0.0/8".to_owned() };
        let rules = EqualRules {
            account: "123456789012",
            owner: Some("team-a"),
            opens: &opens,
            cause: "port range",
            logical_ids: ["Web"].into(),
        };
        let place = |regions: &[&str], names: &[&str]| ExemptedStacks {
            account: "123456789012".to_owned(),
            regions: regions.iter().map(|region| (*region).to_owned()).collect(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let id = rules.id(&place(&["eu-west-1"], &["app"]));
        assert_eq!(id, "debt-123456789012-f201110c929f");
        assert_ne!(rules.id(&place(&["eu-west-1", "eu-west-2"], &["app"])), id);
        let without = EqualRules { owner: None, ..rules };
        assert_ne!(without.id(&place(&["eu-west-1"], &["app"])), id);
    }
}
