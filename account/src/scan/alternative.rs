//! The other policies that a scan compares with its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use cfn_egress_guard_core::rule::policy::Policy;
use cfn_egress_guard_core::rule::{Preset, Treatment};

/// The result under another policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// The kind of policy.
    pub name: String,
    /// Its name: `published`, `unchanged-allowed`, `effective`, or `setting` for a single one.
    pub kind: AlternativeKind,
    /// Stacks with blocked rules.
    pub stacks_blocked: usize,
    /// Blocked rules.
    pub rules_blocked: usize,
    /// Rules that could not be judged.
    pub rules_undetermined: usize,
}

/// The kind of another policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlternativeKind {
    /// The published rule as written, without exemptions, to compare with a draft policy.
    Published,
    /// Rules that an update does not change are allowed.
    UnchangedAllowed,
    /// The preset `effective` instead of preset and settings.
    Effective,
    /// One setting with the value `allow`.
    Setting,
}

impl AlternativeKind {
    /// Returns the other policies to compare with a policy: those that differ from it.
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
