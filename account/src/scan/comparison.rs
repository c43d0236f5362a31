//! The changes since an earlier scan: the numbers in memory, the rules on disk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::{count, grouped};
use crate::spool::{Spool, SpoolList};

/// The changes since an earlier scan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparisonHead {
    /// The start time of the earlier scan, in UTC.
    pub earlier: String,
    /// The earlier scan's policy, if it differs: a change may then come from the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier_policy: Option<String>,
    /// Egress rules that would have been blocked and are now gone or allowed.
    pub fixed: usize,
    /// Egress rules that would be blocked now and did not exist or were allowed before.
    pub new: usize,
    /// Egress rules that would have been blocked before and would be now.
    pub remaining: usize,
    /// Egress rules of either scan that the other did not cover.
    pub not_compared: usize,
    /// By account, the one with the most new rules first.
    pub accounts: Vec<ChangeGroup>,
    /// By owner, the one with the most new rules first.
    pub owners: Vec<ChangeGroup>,
    /// The scans by time; this one is last.
    pub trend: Vec<TrendPoint>,
    /// The changes of the existing security groups, if both scans read them (`--live`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveChanges>,
}

/// The changes of the existing security groups: their egress rules that break the rule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveChanges {
    /// Egress rules that broke the rule before and are gone.
    pub fixed: usize,
    /// Egress rules that break the rule now and did not exist before.
    pub new: usize,
    /// Egress rules that broke the rule before and still do.
    pub remaining: usize,
    /// Egress rules of either scan whose group the other did not read.
    pub not_compared: usize,
    /// Groups that differ from their templates now and did not before.
    pub groups_changed: usize,
    /// Groups that differed from their templates before and do not now, or are gone.
    pub groups_restored: usize,
    /// By account, the one with the most new rules first.
    pub accounts: Vec<ChangeGroup>,
    /// By owner, the one with the most new rules first.
    pub owners: Vec<ChangeGroup>,
}

/// The changes of an account or an owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeGroup {
    /// The account's ID, or the owner; nothing for stacks without an owner.
    pub name: Option<String>,
    /// The number of fixed rules.
    pub fixed: usize,
    /// The number of new rules.
    pub new: usize,
    /// The number of unchanged rules.
    pub remaining: usize,
}

/// The numbers of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrendPoint {
    /// Its start time, in UTC.
    pub started: String,
    /// Stacks that were judged.
    pub stacks: usize,
    /// Stacks with at least one rule that would be blocked.
    pub stacks_blocked: usize,
    /// Rules that would be blocked.
    pub rules_blocked: usize,
}

/// A rule that was fixed or is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleChange {
    /// Whether it was fixed or is new.
    pub change: Change,
    /// The account.
    pub account: String,
    pub region: String,
    /// The stack's name; empty for a live group that no stack owns.
    pub stack: String,
    /// The stack's ARN; empty for a live group that no stack owns.
    pub stack_id: String,
    /// The value of the owner tag.
    pub owner: Option<String>,
    /// The resource's logical ID.
    pub logical_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// The ID of the live security group; nothing for a rule in a stack's template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The problem of the rule.
    pub statement: String,
}

/// The change of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It no longer breaks the rule, or is gone.
    Fixed,
    /// It breaks the rule and did not before.
    New,
}

/// The changes since an earlier scan, with the rules on disk.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The numbers.
    pub head: ComparisonHead,
    /// The rules that are fixed or new.
    pub changes: Spool<RuleChange>,
}

/// The comparison as in JSON.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Comparison")]
#[serde(rename_all = "camelCase")]
pub struct ComparisonFile {
    /// The numbers.
    #[serde(flatten)]
    pub head: ComparisonHead,
    /// The rules that are fixed or new.
    pub changes: Vec<RuleChange>,
}

/// The JSON form, with one rule in memory at a time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ComparisonJson<'a> {
    #[serde(flatten)]
    head: &'a ComparisonHead,
    changes: SpoolList<'a, RuleChange>,
}

impl Comparison {
    /// Returns the JSON form.
    pub(super) fn json(&mut self) -> impl Serialize + '_ {
        ComparisonJson { head: &self.head, changes: SpoolList::new(&mut self.changes) }
    }
}

impl ComparisonHead {
    /// Returns the changes in sentences, the most important first.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let day = self.earlier.get(..10).unwrap_or(&self.earlier);
        let rules = |number| count(number, "egress rule");
        let mut said = vec![format!(
            "Since {day}: {} fixed, {} new, {} as before.",
            rules(self.fixed),
            grouped(self.new),
            grouped(self.remaining)
        )];
        if let Some(policy) = &self.earlier_policy {
            said.push(format!("That scan used {policy}, so a change may come from the policy."));
        }
        if self.not_compared > 0 {
            said.push(format!(
                "{} could not be compared, because only one of the scans covered them.",
                rules(self.not_compared)
            ));
        }
        if let Some(live) = &self.live {
            said.push(format!(
                "Of the security groups that exist: {} fixed, {} new, {} as before.",
                rules(live.fixed),
                grouped(live.new),
                grouped(live.remaining)
            ));
            if live.groups_changed + live.groups_restored > 0 {
                said.push(format!(
                    "Groups that differ from the templates of their stacks: {} more, {} fewer.",
                    grouped(live.groups_changed),
                    grouped(live.groups_restored)
                ));
            }
        }
        said
    }
}

impl ChangeGroup {
    /// Returns its numbers: `3 fixed, 1 new, 12 as before`.
    #[must_use]
    pub fn described(&self) -> String {
        let numbers = [(self.fixed, "fixed"), (self.new, "new"), (self.remaining, "as before")];
        let described = numbers.into_iter().filter(|(number, _)| *number > 0);
        described.map(|(number, what)| format!("{} {what}", grouped(number))).collect::<Vec<_>>().join(", ")
    }
}
