//! The changes since an earlier scan: the numbers in memory, the rules on disk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::{count, grouped};
use crate::spool::{Spool, SpoolList};

/// What changed since an earlier scan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparisonHead {
    /// When the earlier scan began, UTC.
    pub earlier: String,
    /// What decided then, if something else decides now: what changed may be the policy and not the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier_policy: Option<String>,
    /// Egress rules that would have been blocked then and are gone, or would not be now.
    pub fixed: usize,
    /// Egress rules that would be blocked now and were not there, or would not have been.
    pub new: usize,
    /// Egress rules that would have been blocked then and would be now.
    pub remaining: usize,
    /// Egress rules of either scan that the other did not look at.
    pub not_compared: usize,
    /// By account, the one with the most new rules first.
    pub accounts: Vec<ChangeGroup>,
    /// By owner, the one with the most new rules first.
    pub owners: Vec<ChangeGroup>,
    /// The scans in the order of time, this one last.
    pub trend: Vec<TrendPoint>,
    /// What changed of the security groups that exist, if both scans read them (`--live`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveChanges>,
}

/// What changed of the security groups that exist: their egress rules that break the rule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveChanges {
    /// Egress rules that broke the rule then and are gone.
    pub fixed: usize,
    /// Egress rules that break the rule now and were not there.
    pub new: usize,
    /// Egress rules that broke the rule then and still do.
    pub remaining: usize,
    /// Egress rules of either scan whose group the other did not read.
    pub not_compared: usize,
    /// Groups that differ from the templates of stacks now and did not then.
    pub groups_changed: usize,
    /// Groups that differed from the templates of stacks then and do not now, or are gone.
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
    /// The account's id, or the owner; nothing for stacks without an owner.
    pub name: Option<String>,
    /// Rules that were fixed.
    pub fixed: usize,
    /// Rules that are new.
    pub new: usize,
    /// Rules that are as before.
    pub remaining: usize,
}

/// How much a scan found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrendPoint {
    /// When it began, UTC.
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
    /// Which of the two.
    pub change: Change,
    /// The account.
    pub account: String,
    pub region: String,
    /// The stack's name; empty for a live group that no stack owns.
    pub stack: String,
    /// The stack's ARN; empty for a live group that no stack owns.
    pub stack_id: String,
    /// Whom the owner tag names.
    pub owner: Option<String>,
    /// The resource's logical id.
    pub logical_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// The id of the live security group that has it; nothing for a rule of a stack's template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What is wrong with the rule, or was.
    pub statement: String,
}

/// What became of a rule.
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

/// The same, as JSON has it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Comparison")]
#[serde(rename_all = "camelCase")]
pub struct ComparisonFile {
    /// The numbers.
    #[serde(flatten)]
    pub head: ComparisonHead,
    /// The rules that were fixed or are new.
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
    pub fn told(&self) -> String {
        let numbers = [(self.fixed, "fixed"), (self.new, "new"), (self.remaining, "as before")];
        let told = numbers.into_iter().filter(|(number, _)| *number > 0);
        told.map(|(number, what)| format!("{} {what}", grouped(number))).collect::<Vec<_>>().join(", ")
    }
}
