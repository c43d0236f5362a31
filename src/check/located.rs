//! A finding of a template: under which conditions it is one, and what to point at.

use super::origins::FindingOrigins;
use crate::rule::{Finding, excerpt};
use crate::template::{Assumption, Occurrence};

/// A finding, under which conditions it is one, and what to point at.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedFinding {
    /// What the rule says, and whether the policy allows it.
    pub finding: Finding,
    /// Under which undecided conditions.
    pub occurrence: Occurrence,
    /// Values of parameters under which it is one, each a name and a value; nothing if it rests on none.
    pub values: Vec<(String, String)>,
    /// The parameters whose defaults avoid it: it is one only if a deployment overrides them.
    pub defaults: Vec<String>,
    /// The values to point at.
    pub place: FindingOrigins,
}

/// How much of a parameter's value is shown, in characters.
const SHOWN_CHARS: usize = 40;

impl LocatedFinding {
    /// A finding in every world.
    #[must_use]
    pub const fn always(finding: Finding, place: FindingOrigins) -> Self {
        Self { finding, occurrence: Occurrence::Always, values: Vec::new(), defaults: Vec::new(), place }
    }

    /// The undecided conditions under which it is a finding.
    pub(super) fn conditions(&self) -> &[Assumption] {
        match &self.occurrence {
            Occurrence::Always => &[],
            Occurrence::Under(assumptions) | Occurrence::Sometimes(assumptions) => assumptions,
        }
    }

    /// Under which conditions it is a finding, if not always: ``if `IsProd` is true``.
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

    /// Which defaults keep the rule.
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
