//! The assumptions of a world: comparisons that cannot be decided, and how the world decides them.
//!
//! Everything undecided is reduced to [`Atom`]s: undecided comparisons in their canonical form. Conditions that depend
//! on the same atom are therefore always decided together. A comparison that is assumed to be true also determines the
//! unknown value: `!Ref Env` cannot be both `dev` and `prod`.

use std::collections::{HashMap, HashSet};

use super::Template;

/// An undecided fact that a condition depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Atom {
    /// Whether an unknown equals this text.
    Is {
        /// The unknown's identity.
        identity: String,
        text: String,
    },
    /// Any other fact, by its canonical form.
    Open(String),
}

/// The value of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConditionValue {
    /// Decided.
    Decided {
        /// Whether it is true.
        holds: bool,
        /// Whether the decision depends on an assumption.
        assumed: bool,
    },
    /// Undecided: contains the first atom to decide.
    Open(Atom),
}

/// The assumptions of a world.
#[derive(Debug, Default)]
pub(super) struct Assumptions {
    /// The assumed values of unknowns.
    is: HashMap<String, String>,
    /// The excluded values of unknowns.
    is_not: HashMap<String, HashSet<String>>,
    open: HashMap<Atom, bool>,
    /// The decision for atoms without an assumption; `None` leaves them open.
    pub(super) otherwise: Option<bool>,
    /// The atoms that were decided that way.
    pub(super) met: Vec<Atom>,
}

impl Assumptions {
    /// Returns the assumptions for these decisions.
    pub(super) fn of(template: &Template<'_>, decisions: &[(Atom, bool)]) -> Self {
        let mut assumptions = Self::default();
        for (atom, holds) in decisions {
            assumptions.assume(template, atom, *holds);
        }
        assumptions
    }

    /// Returns the assumed value of an unknown.
    pub(super) fn value(&self, identity: &str) -> Option<&str> {
        self.is.get(identity).map(String::as_str)
    }

    fn assume(&mut self, template: &Template<'_>, atom: &Atom, holds: bool) {
        match atom {
            Atom::Is { identity, text } if holds => {
                self.is.insert(identity.clone(), text.clone());
            }
            Atom::Is { identity, text } => {
                let is_not = self.is_not.entry(identity.clone()).or_default();
                is_not.insert(text.clone());
                let mut left = template.candidates(identity).iter().filter(|text| !is_not.contains(*text));
                if let (Some(only), None) = (left.next(), left.next()) {
                    self.is.insert(identity.clone(), only.clone());
                }
            }
            Atom::Open(_) => {
                self.open.insert(atom.clone(), holds);
            }
        }
    }

    pub(super) fn decide(&mut self, template: &Template<'_>, atom: Atom) -> ConditionValue {
        let assumed = |holds| ConditionValue::Decided { holds, assumed: true };
        match &atom {
            Atom::Is { identity, text } => {
                if let Some(value) = self.is.get(identity) {
                    return assumed(value == text);
                }
                if self.is_not.get(identity).is_some_and(|is_not| is_not.contains(text)) {
                    return assumed(false);
                }
                let candidates = template.candidates(identity);
                if (!candidates.is_empty() && !candidates.contains(text)) || template.rules_out(identity, text) {
                    return ConditionValue::Decided { holds: false, assumed: false };
                }
            }
            Atom::Open(_) => {
                if let Some(holds) = self.open.get(&atom) {
                    return assumed(*holds);
                }
            }
        }
        match self.otherwise {
            Some(holds) => {
                self.assume(template, &atom, holds);
                self.met.push(atom);
                assumed(holds)
            }
            None => ConditionValue::Open(atom),
        }
    }
}
