//! The totals of a scan: by cause, owner, account, organizational unit and Region, and under other policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alternative::{Alternative, AlternativeKind};
use super::live::LiveSummary;
use super::record::OutcomeCounts;
use crate::accounts::MemberAccount;
use crate::failure::Failure;

/// The totals of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanSummary {
    /// Whether the failure mode can be FAIL.
    pub answer: Readiness,
    /// Stacks that were judged.
    pub stacks: usize,
    /// Stacks with security groups or egress rules.
    pub stacks_with_rules: usize,
    /// Stacks with at least one rule that would be blocked.
    pub stacks_blocked: usize,
    /// Stacks without such a rule, but with an undetermined one.
    pub stacks_undetermined: usize,
    /// Egress rules in all of them.
    pub rules: usize,
    /// The counts of the rules by outcome.
    pub tally: OutcomeCounts,
    /// The rules by cause, those with the most blocked rules first.
    pub causes: Vec<RuleGroup>,
    /// Rules by owner, the one with the most blocked stacks first.
    pub owners: Vec<RuleGroup>,
    /// Rules by Region, the one with the most blocked stacks first.
    pub regions: Vec<RuleGroup>,
    /// The accounts, those with the most blocked stacks first.
    #[serde(default)]
    pub accounts: Vec<AccountSummary>,
    /// Rules by organizational unit, the one with the most blocked stacks first.
    #[serde(default)]
    pub organizational_units: Vec<RuleGroup>,
    /// The results under other policies.
    pub alternatives: Vec<Alternative>,
    /// Stacks that could not be judged.
    pub unread: usize,
    /// Regions whose stacks could not all be listed.
    pub regions_unread: Vec<String>,
    /// Accounts that could not be accessed.
    #[serde(default)]
    pub accounts_unread: Vec<String>,
    /// Accounts whose Regions could not be listed; those that every account has were read.
    #[serde(default)]
    pub accounts_in_part: Vec<String>,
    /// The existing security groups, if they were read (`--live`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveSummary>,
}

/// The totals of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountSummary {
    /// The account.
    #[serde(flatten)]
    pub account: MemberAccount,
    /// Whether the failure mode can be FAIL there.
    pub answer: Readiness,
    /// Stacks that were judged.
    pub stacks: usize,
    /// Stacks with security groups or egress rules.
    pub stacks_with_rules: usize,
    /// Stacks with at least one rule that would be blocked.
    pub stacks_blocked: usize,
    /// Egress rules in all of them.
    pub rules: usize,
    /// The counts of the rules by outcome.
    pub tally: OutcomeCounts,
    /// Stacks that could not be judged.
    pub unread: usize,
    /// Regions whose stacks could not all be listed.
    pub regions_unread: Vec<String>,
    /// The reason why the account could not be accessed, or its Regions could not be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Its existing security groups, if they were read (`--live`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveSummary>,
}

/// Whether the failure mode can be FAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// Nothing that is deployed breaks the rule.
    Yes,
    /// No violation is certain, but some rules are undetermined.
    Probably,
    /// At least one rule breaks the rule.
    No,
    /// Not enough could be read.
    #[default]
    Unknown,
}

/// Rules with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleGroup {
    /// The common value; nothing for stacks without an owner.
    pub name: Option<String>,
    /// Stacks with rules that would be blocked.
    pub stacks: usize,
    /// The counts of the rules by outcome.
    #[serde(flatten)]
    pub tally: OutcomeCounts,
    /// Some of those stacks, the ones with the most blocked rules.
    pub examples: Vec<String>,
}

impl ScanSummary {
    pub(super) fn answered(&self, complete: bool) -> Readiness {
        if self.tally.blocked > 0 {
            Readiness::No
        } else if !complete || self.unread > 0 || !self.regions_unread.is_empty() || self.is_missing_accounts() {
            Readiness::Unknown
        } else if self.tally.undetermined > 0 {
            Readiness::Probably
        } else {
            Readiness::Yes
        }
    }

    fn is_missing_accounts(&self) -> bool {
        !self.accounts_unread.is_empty() || !self.accounts_in_part.is_empty()
    }

    /// Returns the totals under one of the other policies.
    #[must_use]
    pub(crate) fn alternative(&self, kind: AlternativeKind) -> Option<&Alternative> {
        self.alternatives.iter().find(|alternative| alternative.kind == kind)
    }
}

impl AccountSummary {
    pub(super) fn answered(&self, complete: bool) -> Readiness {
        let all_read = complete && self.unread == 0 && self.regions_unread.is_empty() && self.failure.is_none();
        if self.tally.blocked > 0 {
            Readiness::No
        } else if !all_read {
            Readiness::Unknown
        } else if self.tally.undetermined > 0 {
            Readiness::Probably
        } else {
            Readiness::Yes
        }
    }
}
