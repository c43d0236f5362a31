//! A finding in a template, with its conditions and the values to point at.

use super::origins::FindingOrigins;
use crate::rule::{Finding, excerpt};
use crate::template::{Assumption, Occurrence};

/// A finding with its conditions and the values to point at.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedFinding {
    /// The finding, including its outcome under the policy.
    pub finding: Finding,
    /// The undecided conditions under which it applies.
    pub occurrence: Occurrence,
    /// The parameter values under which it applies, as names and values; empty if it depends on none.
    pub values: Vec<(String, String)>,
    /// The parameters whose defaults avoid it. It applies only if a deployment overrides them.
    pub defaults: Vec<String>,
    /// The values to point at.
    pub place: FindingOrigins,
}

/// The number of characters shown of a parameter's value.
const SHOWN_CHARS: usize = 40;

impl LocatedFinding {
    /// Creates a finding that applies in every world.
    #[must_use]
    pub const fn always(finding: Finding, place: FindingOrigins) -> Self {
        Self { finding, occurrence: Occurrence::Always, values: Vec::new(), defaults: Vec::new(), place }
    }

    /// Returns the undecided conditions under which it applies.
    pub(super) fn conditions(&self) -> &[Assumption] {
        match &self.occurrence {
            Occurrence::Always => &[],
            Occurrence::Under(assumptions) | Occurrence::Sometimes(assumptions) => assumptions,
        }
    }

    /// Returns the conditions under which it applies, if it does not always apply: ``if `IsProd` is true``.
    #[must_use]
    pub fn when(&self) -> Option<String> {
        let start = if matches!(self.occurrence, Occurrence::Sometimes(_)) { "for example if" } else { "if" };
        let values = self.values.iter().map(|(name, value)| {
            format!("`{}` is {}", excerpt(name, SHOWN_CHARS), excerpt(value, SHOWN_CHARS).replace('`', " "))
        });
        let conditions: Vec<String> = self.conditions().iter().map(ToString::to_string).chain(values).collect();
        let conditions = if !conditions.is_empty() {
            Some(format!("{start} {}", conditions.join(" and ")))
        } else if self.occurrence == Occurrence::Always {
            None
        } else {
            Some("in the cases that were checked".to_owned())
        };
        match (conditions, self.kept_by_default()) {
            (conditions, None) => conditions,
            (Some(conditions), Some(kept)) => Some(format!("{conditions}; {kept}")),
            (None, kept) => kept,
        }
    }

    /// Returns the text about the defaults that comply with the rule.
    fn kept_by_default(&self) -> Option<String> {
        let names: Vec<String> = self.defaults.iter().map(|name| format!("`{}`", excerpt(name, SHOWN_CHARS))).collect();
        match names.as_slice() {
            [] => None,
            [only] => Some(format!("compliant only while {only} keeps its default")),
            [first @ .., last] => {
                Some(format!("compliant only while {} and {last} keep their defaults", first.join(", ")))
            }
        }
    }
}
