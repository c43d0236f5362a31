//! The remarks on a policy for its reviewers.

use std::collections::{BTreeSet, HashMap};

use super::breadth::Breadth;
use super::conditions::{Conditions, DestinationRange};
use super::exemption::Exemption;
use super::glob::Glob;
use super::{Policy, PortRange};
use crate::region;
use crate::rule::applied::AppliedExemption;
use crate::rule::date::Date;
use crate::rule::egress::Protocol;

/// The maximum number of days ahead that an exemption may end without a warning.
pub(crate) const LONG_DAYS: i64 = 366;

/// The level of a [`Remark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RemarkLevel {
    /// For information.
    Notice,
    /// Probably not intended.
    Warning,
    /// Action is needed soon.
    Soon,
    /// Action is needed now.
    Action,
    /// The policy's own limits do not allow it.
    Error,
}

impl RemarkLevel {
    /// Returns the level's stable name in reports.
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

/// A text that a draft leaves for people to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Placeholder {
    /// The reason begins with `REVIEW`.
    Reason,
    /// The owner begins with `UNKNOWN`.
    Owner,
}

impl Placeholder {
    /// Returns the beginning of the text.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Reason => "REVIEW",
            Self::Owner => "UNKNOWN",
        }
    }
}

/// A value that the deployer of a stack chooses. A condition on it relies on trust in the deployer.
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

/// A remark on an exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark<'a> {
    /// It has expired, so that what it covered is blocked again.
    Expired(&'a Exemption, AppliedExemption),
    /// It expires within the given number of days.
    Expires(&'a Exemption, AppliedExemption),
    /// It names only single ports, which need no exemption.
    OnlySinglePorts(&'a Exemption),
    /// Its `stack_id` does not match any of its accounts, Regions, or stack names.
    StackIdElsewhere(&'a Exemption),
    /// These conditions on the Region match no text that has the form of a Region's name.
    NotARegion(&'a Exemption, Vec<&'a Glob>),
    /// Both cover the same egress rules, or some of the same.
    Overlap(&'a Exemption, &'a Exemption),
    /// It matches on values that the deployer chooses.
    DeployerChooses(&'a Exemption, Vec<DeployerChoice>),
    /// It covers everything in its place, or every port, to everywhere, however it expresses that.
    Covers(&'a Exemption, Breadth),
    /// It is a draft with a text left for people to write.
    Draft(&'a Exemption, Placeholder),
    /// It ends more than `LONG_DAYS` days from today.
    EndsLate(&'a Exemption),
    /// It ends later than the policy allows; contains the allowed number of days.
    EndsTooLate(&'a Exemption, u32),
}

impl Remark<'_> {
    /// Returns the level of the remark.
    #[must_use]
    pub const fn level(&self) -> RemarkLevel {
        match self {
            Self::Expired(..)
            | Self::OnlySinglePorts(_)
            | Self::StackIdElsewhere(_)
            | Self::NotARegion(..)
            | Self::Draft(..) => RemarkLevel::Action,
            Self::EndsTooLate(..) => RemarkLevel::Error,
            Self::Expires(..) => RemarkLevel::Soon,
            Self::Covers(..) | Self::EndsLate(_) => RemarkLevel::Warning,
            Self::Overlap(..) | Self::DeployerChooses(..) => RemarkLevel::Notice,
        }
    }
}

impl Policy {
    /// Returns the remarks on the exemptions, in the order of the file. Exemptions that end within the next `within`
    /// days are reported.
    #[must_use]
    pub fn review(&self, today: Date, within: u32) -> Vec<Remark<'_>> {
        let mut remarks = Vec::new();
        let near = ByStack::of(&self.exemptions);
        for (position, exemption) in self.exemptions.iter().enumerate() {
            let conditions = exemption.conditions();
            let now = exemption.on(today);
            if !now.is_active() {
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
            let no_regions: Vec<&Glob> =
                conditions.regions.iter().filter(|glob| !region::some_match(glob.as_str())).collect();
            if !no_regions.is_empty() {
                remarks.push(Remark::NotARegion(exemption, no_regions));
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

/// Exemptions indexed by stack name. In a long policy, most exemptions list stack names and can overlap only with those
/// that list the same names, or that list none or use patterns.
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

    /// Returns the positions after `position` of exemptions that may share stacks with the conditions.
    fn later_than(&self, position: usize, conditions: &Conditions) -> Vec<usize> {
        let Some(names) = named_stacks(conditions) else { return (position + 1..self.all).collect() };
        let same = names.filter_map(|name| self.named.get(name)).flatten();
        let later: BTreeSet<usize> = same.chain(&self.any).copied().filter(|other| *other > position).collect();
        later.into_iter().collect()
    }
}

/// Returns the stack names of the conditions, if there are any and none is a pattern.
fn named_stacks(conditions: &Conditions) -> Option<impl Iterator<Item = &str>> {
    let names = &conditions.stack_names;
    (!names.is_empty() && names.iter().all(Glob::is_literal)).then(|| names.iter().map(Glob::as_str))
}

/// Returns the remarks on the texts that a draft leaves to write.
fn drafted(exemption: &Exemption) -> impl Iterator<Item = Remark<'_>> {
    let texts = [(Placeholder::Reason, exemption.reason().as_str()), (Placeholder::Owner, exemption.owner().as_str())];
    let left = |(placeholder, text): &(Placeholder, &str)| {
        let rest = text.trim_start().strip_prefix(placeholder.prefix());
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    texts.into_iter().filter(left).map(|(placeholder, _)| Remark::Draft(exemption, placeholder))
}

/// The maximum number of combinations of Regions, accounts, names, and ARNs that are compared. An exemption with more
/// gets no remark about them.
const MAX_COMBINATIONS: usize = 2_000;

/// Returns whether a stack in the accounts, Regions, and names of `place` can have one of the ARNs
/// (`arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/UUID`).
fn stack_ids_fit(stack_ids: &[Glob], place: &Conditions) -> bool {
    let texts = |globs: &[Glob]| {
        let texts: Vec<_> = globs.iter().map(ToString::to_string).collect();
        if texts.is_empty() { vec!["*".to_owned()] } else { texts }
    };
    let (regions, accounts, names) = (texts(&place.regions), texts(&place.accounts), texts(&place.stack_names));
    let lengths = [regions.len(), accounts.len(), names.len(), stack_ids.len()];
    stack_ids.is_empty()
        || lengths.into_iter().fold(1, usize::saturating_mul) > MAX_COMBINATIONS
        || regions.iter().any(|region| {
            accounts.iter().any(|account| {
                names.iter().any(|name| {
                    stack_ids.iter().any(|stack_id| {
                        let partition = partition(stack_id);
                        let arn = format!("arn:{partition}:cloudformation:{region}:{account}:stack/{name}/*");
                        // A pattern that exceeds the length of a glob is not worth a remark.
                        arn.parse::<Glob>().map_or(true, |arn| stack_id.intersects(&arn))
                    })
                })
            })
        })
}

/// Returns the partition in an ARN, or `*`, which then matches the rest of the ARN too.
fn partition(arn: &Glob) -> &str {
    let partition = arn.as_str().split(':').nth(1);
    partition.filter(|partition| !partition.contains(['*', '?'])).unwrap_or("*")
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

/// Returns whether an egress rule exists that both cover.
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

/// Returns whether both cover a common protocol; if either names ports, one that has ports.
fn protocols_meet(one: &Conditions, two: &Conditions) -> bool {
    let with_ports = !one.ports.is_empty() || !two.ports.is_empty();
    let fits = |protocol: &Protocol| !with_ports || protocol.has_ports();
    match (one.protocols.as_slice(), two.protocols.as_slice()) {
        ([], []) => true,
        ([], some) | (some, []) => some.iter().any(fits),
        (some, others) => some.iter().any(|protocol| fits(protocol) && others.contains(protocol)),
    }
}

/// Returns whether an alternative of one list meets an alternative of the other. An empty list is no condition.
fn some<T>(one: &[T], two: &[T], meet: impl Fn(&T, &T) -> bool) -> bool {
    one.is_empty() || two.is_empty() || one.iter().any(|one| two.iter().any(|two| meet(one, two)))
}
