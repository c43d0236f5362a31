//! What a scan found, added up: by cause, by owner, by Region, and under other policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::Tally;
use cfn_egress_guard_core::rule::policy::Policy;
use cfn_egress_guard_core::rule::{Preset, Treatment};

/// What a scan found, added up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Whether the failure mode can be FAIL.
    pub answer: Answer,
    /// Stacks that were judged.
    pub stacks: usize,
    /// Stacks with security groups or egress rules.
    pub stacks_with_rules: usize,
    /// Stacks with at least one rule that would be blocked.
    pub stacks_blocked: usize,
    /// Stacks without such a rule, but with one that cannot be judged.
    pub stacks_undetermined: usize,
    /// Egress rules in all of them.
    pub rules: usize,
    /// What would happen to the rules.
    pub tally: Tally,
    /// Rules by what kind of rule they are, those with the most blocked rules first.
    pub causes: Vec<Group>,
    /// Rules by owner, the one with the most blocked stacks first.
    pub owners: Vec<Group>,
    /// Rules by Region, the one with the most blocked stacks first.
    pub regions: Vec<Group>,
    /// How the answer would change under another policy.
    pub alternatives: Vec<Alternative>,
    /// Stacks that could not be judged.
    pub unread: usize,
    /// Regions whose stacks could not all be listed.
    pub regions_unread: Vec<String>,
}

/// Whether the failure mode can be FAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing that is deployed breaks the rule.
    Yes,
    /// Nothing certainly does, and some of it cannot be judged here.
    Probably,
    /// Something does.
    No,
    /// Not enough could be read.
    #[default]
    Unknown,
}

/// Rules with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What they have in common; nothing for stacks without an owner.
    pub name: Option<String>,
    /// Stacks with rules that would be blocked.
    pub stacks: usize,
    /// What would happen to the rules.
    #[serde(flatten)]
    pub tally: Tally,
    /// Some of those stacks, the ones with the most blocked rules.
    pub examples: Vec<String>,
}

/// How it would look under another policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// What would be different.
    pub name: String,
    /// What it is: `published`, `unchanged-allowed`, `effective`, or `setting` for a single one.
    pub kind: AlternativeKind,
    /// Stacks with blocked rules.
    pub stacks_blocked: usize,
    /// Blocked rules.
    pub rules_blocked: usize,
    /// Rules that could not be judged.
    pub rules_undetermined: usize,
}

/// Which other policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlternativeKind {
    /// The published rule to the letter, without exemptions: what a draft policy is compared with.
    Published,
    /// Rules that an update leaves as they were pass.
    UnchangedAllowed,
    /// The preset `effective` in place of preset and settings.
    Effective,
    /// One setting at `allow`.
    Setting,
}

impl AlternativeKind {
    /// The other policies to compare one with: those that are not the same as it.
    pub(super) fn beside(policy: &Policy) -> Vec<(Self, Policy)> {
        let effective = Policy { preset: Preset::Effective, overrides: Vec::new(), ..policy.clone() };
        let unchanged_allowed = Policy { unchanged_rules: Treatment::Allow, ..policy.clone() };
        let mut others = vec![
            (Self::Published, Policy::default()),
            (Self::UnchangedAllowed, unchanged_allowed),
            (Self::Effective, effective),
        ];
        others.retain(|(_, other)| other != policy);
        others
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Published => "the published rule alone",
            Self::UnchangedAllowed => "unchanged_rules = \"allow\"",
            Self::Effective => "preset = \"effective\"",
            Self::Setting => "a setting",
        }
    }
}

impl Summary {
    pub(super) fn answered(&self, complete: bool) -> Answer {
        if self.tally.blocked > 0 {
            Answer::No
        } else if !complete || self.unread > 0 || !self.regions_unread.is_empty() {
            Answer::Unknown
        } else if self.tally.undetermined > 0 {
            Answer::Probably
        } else {
            Answer::Yes
        }
    }

    /// One of the other policies.
    #[must_use]
    pub fn alternative(&self, kind: AlternativeKind) -> Option<&Alternative> {
        self.alternatives.iter().find(|alternative| alternative.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_compared_with_those_that_are_not_the_same() {
        let kinds =
            |policy: &Policy| AlternativeKind::beside(policy).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        let (published, unchanged, effective) =
            (AlternativeKind::Published, AlternativeKind::UnchangedAllowed, AlternativeKind::Effective);
        assert_eq!(kinds(&Policy::default()), [unchanged, effective]);
        assert_eq!(kinds(&Policy::from(Preset::Effective)), [published, unchanged]);
        let tolerant = Policy { unchanged_rules: Treatment::Allow, ..Policy::default() };
        assert_eq!(kinds(&tolerant), [published, effective]);
    }
}
