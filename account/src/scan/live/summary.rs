//! The totals of live security groups, and the answer in sentences.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::{DifferenceKind, GroupRecord, Ownership};
use crate::number::{count, grouped};
use crate::scan::record::{OutcomeCounts, Unread};

/// The maximum number of named groups.
const MAX_EXAMPLES: usize = 3;

/// The maximum number of Regions in a sentence.
const SHOWN: usize = 5;

/// The totals of live security groups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveSummary {
    /// Security groups that were read, and how many of them break the rule.
    #[serde(flatten)]
    pub all: LiveCount,
    /// Egress rules in all of them.
    pub rules: usize,
    /// The counts of the rules by outcome; `blocked` are those that break the rule.
    pub tally: OutcomeCounts,
    /// Groups that no stack owns.
    pub unowned: LiveCount,
    /// Default groups of VPCs; `breaking` are those that are open.
    pub defaults: LiveCount,
    /// Groups that differ from their templates.
    pub changed: LiveCount,
    /// Egress rules that the changed groups have and no template declares.
    pub rules_added: usize,
    /// Egress rules that a template declares and the changed groups lack.
    pub rules_removed: usize,
    /// Groups that could not be read.
    pub unread: usize,
    /// Regions whose groups could not all be listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions_unread: Vec<String>,
}

/// Groups with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveCount {
    /// The number of groups.
    pub groups: usize,
    /// The number of them with an egress rule that breaks the rule.
    pub breaking: usize,
    /// Some of them, those with the most such rules first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// The running totals of groups, added in any order.
#[derive(Debug, Default)]
pub(in crate::scan) struct LiveTotals {
    sums: LiveSummary,
    unowned: GroupExamples,
    defaults: GroupExamples,
    changed: GroupExamples,
}

/// The groups with the most violations: their number, place and name.
#[derive(Debug, Default)]
struct GroupExamples(Vec<(Reverse<usize>, String, String)>);

impl GroupExamples {
    fn add(&mut self, record: &GroupRecord, breaking: usize) {
        self.0.push((Reverse(breaking), record.account.clone(), format!("{}, {}", record.label(), record.region)));
        self.0.sort_unstable();
        self.0.truncate(MAX_EXAMPLES);
    }

    fn named(self, many: bool) -> Vec<String> {
        let name = |(_, account, group): (_, String, String)| if many { format!("{group}, {account}") } else { group };
        self.0.into_iter().map(name).collect()
    }
}

impl LiveTotals {
    /// Adds a group; each group must be added once.
    pub(in crate::scan) fn group(&mut self, record: &GroupRecord) {
        let tally = record.tally();
        let sums = &mut self.sums;
        let add = |count: &mut LiveCount| {
            count.groups += 1;
            count.breaking += usize::from(tally.blocked > 0);
        };
        add(&mut sums.all);
        sums.rules += record.rules;
        sums.tally.add_all(tally);
        match record.ownership {
            Ownership::None => {
                add(&mut sums.unowned);
                if tally.blocked > 0 {
                    self.unowned.add(record, tally.blocked);
                }
            }
            Ownership::Default => {
                add(&mut sums.defaults);
                if tally.blocked > 0 {
                    self.defaults.add(record, tally.blocked);
                }
            }
            Ownership::Stack | Ownership::Unknown => {}
        }
        if !record.differences.is_empty() {
            add(&mut sums.changed);
            self.changed.add(record, tally.blocked);
            let added = record.differences.iter().filter(|one| one.kind == DifferenceKind::Added).count();
            sums.rules_added += added;
            sums.rules_removed += record.differences.len() - added;
        }
    }

    /// Adds a part that could not be read.
    pub(in crate::scan) fn unread(&mut self, what: &Unread) {
        match (&what.group, &what.region) {
            _ if what.judged => {}
            (Some(_), _) => self.sums.unread += 1,
            (None, Some(region)) if !self.sums.regions_unread.contains(region) => {
                self.sums.regions_unread.push(region.clone());
            }
            (None, _) => {}
        }
    }

    /// Returns the totals; with `many` accounts, the examples include the account.
    pub(in crate::scan) fn summary(self, many: bool) -> LiveSummary {
        let mut sums = self.sums;
        sums.regions_unread.sort_unstable();
        sums.unowned.examples = self.unowned.named(many);
        sums.defaults.examples = self.defaults.named(many);
        sums.changed.examples = self.changed.named(many);
        sums
    }
}

impl LiveSummary {
    /// Returns whether a group breaks the rule or differs from its stack.
    #[must_use]
    pub const fn has_findings(&self) -> bool {
        self.all.breaking > 0 || self.changed.groups > 0
    }

    /// Returns whether every group was read.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.unread == 0 && self.regions_unread.is_empty()
    }

    /// Returns the answer in sentences, the most important first.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut said = vec![self.verdict()];
        let named = |count: &LiveCount| match count.examples.as_slice() {
            [] => String::new(),
            examples => format!(" ({})", examples.join("; ")),
        };
        if self.unowned.groups > 0 {
            let groups = count(self.unowned.groups, "group");
            said.push(match self.unowned.breaking {
                0 => format!("No stack owns {groups}; none of these breaks the rule."),
                breaking => format!(
                    "No stack owns {groups}, of which {} the rule{}.",
                    verb(breaking, "breaks", "break"),
                    named(&self.unowned)
                ),
            });
        }
        if self.changed.groups > 0 {
            let added = verb(self.rules_added, "egress rule was added", "egress rules were added");
            let removed = verb(self.rules_removed, "was removed", "were removed");
            said.push(format!(
                "{} the templates of their stacks: {added} outside of them, {removed}{}.",
                verb(self.changed.groups, "group differs from", "groups differ from"),
                named(&self.changed)
            ));
        }
        if self.defaults.groups > 0 {
            let all = count(self.defaults.groups, "default group");
            said.push(match self.defaults.breaking {
                0 => format!("None of {all} of VPCs is open."),
                breaking => {
                    format!("{} of {all} of VPCs {} open{}.", grouped(breaking), is(breaking), named(&self.defaults))
                }
            });
        }
        said.extend(self.lower_bound());
        said
    }

    fn verdict(&self) -> String {
        match (self.all.groups, self.all.breaking) {
            (0, _) if self.is_whole() => "There is no security group.".to_owned(),
            (0, _) => "No security group could be read.".to_owned(),
            (all, 0) => format!("No egress rule of {} that exist breaks the rule.", count(all, "security group")),
            (all, breaking) => format!(
                "{} of {} that exist {} the rule ({}).",
                grouped(breaking),
                count(all, "security group"),
                if breaking == 1 { "breaks" } else { "break" },
                count(self.tally.blocked, "egress rule")
            ),
        }
    }

    /// Returns what is missing from the numbers.
    fn lower_bound(&self) -> Option<String> {
        let mut missing = Vec::new();
        if self.unread > 0 {
            missing.push(format!("{} could not be read", count(self.unread, "group")));
        }
        let regions = &self.regions_unread;
        if !regions.is_empty() {
            let more = match regions.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {} more", grouped(more)),
            };
            let named = regions.get(..SHOWN).unwrap_or(regions).join(", ");
            missing.push(format!("not every group of {named}{more} could be listed"));
        }
        (!missing.is_empty()).then(|| format!("This is a lower bound: {}.", missing.join(", and ")))
    }
}

fn verb(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

const fn is(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}
