//! The record of an existing security group.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scan::record::{OpenedTraffic, OutcomeCounts, RuleOutcome, RuleRecord, is_none};
use cfn_egress_guard_core::security_group::Traffic;

/// The verdict on one existing security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupRecord {
    /// The account; empty if unknown.
    #[serde(default)]
    pub account: String,
    /// The Region.
    pub region: String,
    /// The group's ID.
    pub group: String,
    /// The group's name.
    #[serde(default)]
    pub name: String,
    /// The VPC that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// Whether a stack owns it.
    pub ownership: Ownership,
    /// The stack that owns it, or that left it behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// That stack's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// Its logical ID in that stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical_id: Option<String>,
    /// The value of the group's own owner tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The start time of the scan that read it, in UTC.
    pub read: String,
    /// A hash of what it was compared with: the group is read again when this changes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub compared_with: String,
    /// The number of its egress rules.
    pub rules: usize,
    /// The findings; `blocked` is an egress rule that breaks the rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<RuleRecord>,
    /// The counts of the rules that are not listed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: OutcomeCounts,
    /// The differences from the templates of stacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// What is unknown about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether a stack owns a security group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// A stack owns it.
    Stack,
    /// No stack owns it: it was created otherwise, or its stack is gone.
    None,
    /// It is the default group of a VPC, which AWS creates with the VPC.
    Default,
    /// The owner is unknown.
    Unknown,
}

impl Ownership {
    /// Returns the word in CSV results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::None => "none",
            Self::Default => "default",
            Self::Unknown => "unknown",
        }
    }
}

/// An egress rule that differs between a live group and the templates of stacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Where the rule is missing.
    pub kind: DifferenceKind,
    /// Its place in the live group's properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The traffic that it opens.
    pub rule: OpenedTraffic,
    /// A sentence about it.
    pub statement: String,
}

/// The side that has a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// The group has it, but no template declares it.
    Added,
    /// The stack's template declares it, but the group does not have it.
    Removed,
}

impl DifferenceKind {
    /// Returns the word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

impl Difference {
    pub(super) fn new(kind: DifferenceKind, path: Option<String>, traffic: &Traffic) -> Self {
        let statement = match kind {
            DifferenceKind::Added => format!("{traffic} is in the group, but not in a template"),
            DifferenceKind::Removed => format!("{traffic} is in the stack's template, but not in the group"),
        };
        let rule = OpenedTraffic {
            protocol: traffic.protocol.clone().unwrap_or_default(),
            ports: traffic.from_port.zip(traffic.to_port),
            destination: traffic.destination.clone().unwrap_or_default(),
        };
        Self { kind, path, rule, statement }
    }
}

impl GroupRecord {
    /// Counts its rules by outcome.
    #[must_use]
    pub fn tally(&self) -> OutcomeCounts {
        let mut tally = self.more;
        self.findings.iter().for_each(|rule| tally.add_all(rule.fate.tally()));
        tally
    }

    /// Returns whether one of its rules breaks the rule.
    #[must_use]
    pub fn breaks_the_rule(&self) -> bool {
        self.more.blocked > 0 || self.findings.iter().any(|rule| rule.fate == RuleOutcome::Blocked)
    }

    /// Returns the group formatted for people: `sg-0123 (web)`.
    #[must_use]
    pub fn label(&self) -> String {
        if self.name.is_empty() { self.group.clone() } else { format!("{} ({})", self.group, self.name) }
    }

    /// Returns the owner, in words.
    #[must_use]
    pub fn owned_by(&self) -> String {
        match (self.ownership, &self.stack) {
            (Ownership::Stack, Some(stack)) => format!("stack {stack}"),
            (Ownership::None, Some(stack)) => format!("no stack, left behind by {stack}"),
            (Ownership::None, None) => "no stack".to_owned(),
            (Ownership::Default, _) => "default group of its VPC".to_owned(),
            (Ownership::Stack, None) | (Ownership::Unknown, _) => "owner not known".to_owned(),
        }
    }

    /// Returns whether there is anything to report about it.
    #[must_use]
    pub fn is_worth_a_line(&self) -> bool {
        !self.findings.is_empty() || !self.differences.is_empty()
    }
}
