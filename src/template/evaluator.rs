//! The state of an evaluation in one world, and the possible results for a value. The files named after values,
//! functions, conditions, and loops compute them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Template;
use super::assumption::{Assumptions, Atom, ConditionValue};
use super::budget::{Exhausted, MAX_EVALUATION_DEPTH};
use crate::path::Origin;
use crate::rule::Unknown;
use crate::value::{Kind, Value};

/// The reason why an evaluation stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// This atom must be decided first.
    Undecided(Atom),
    /// The template causes too much work.
    OutOfSteps,
    /// Values or conditions are nested too deeply.
    TooDeep,
}

impl From<Exhausted> for Stop {
    fn from(_: Exhausted) -> Self {
        Self::OutOfSteps
    }
}

/// The result of resolving a value.
#[derive(Debug)]
pub(super) enum Resolved<'v> {
    /// The value as written.
    Same(&'v Value),
    /// A different value.
    New(Value),
    /// The value is removed (`AWS::NoValue`).
    Gone,
}

impl<'v> Resolved<'v> {
    /// Returns the change to the written value: `None` if it is unchanged, `Some(None)` if it is removed. A value from
    /// elsewhere in the template (a branch) is a change.
    pub(super) fn change(self, written: &Value) -> Option<Option<Value>> {
        match self {
            Self::Same(value) if std::ptr::eq(value, written) => None,
            Self::Same(value) => Some(Some(value.clone())),
            Self::New(value) => Some(Some(value)),
            Self::Gone => Some(None),
        }
    }

    /// Returns a value for a place where a value is required.
    pub(super) fn into_value(self, written: &Value) -> Cow<'v, Value> {
        match self {
            Self::Same(value) => Cow::Borrowed(value),
            Self::New(value) => Cow::Owned(value),
            Self::Gone => Cow::Owned(Value::new(Kind::Null, written.origin)),
        }
    }
}

/// Evaluates the values of one template in one world.
pub(super) struct Evaluator<'t> {
    pub(super) template: &'t Template<'t>,
    pub(super) assumptions: Assumptions,
    /// The evaluated conditions; `None` while a condition is being evaluated.
    pub(super) decided: HashMap<String, Option<ConditionValue>>,
    /// Whether an assumed value was used since this flag was last reset.
    pub(super) used_assumption: bool,
    /// The conditions that a result depends on and that are decided only by assumption.
    pub(super) assumed: BTreeMap<String, bool>,
    /// The parameters whose default was used.
    pub(super) defaults: BTreeSet<&'t str>,
    /// The function that may add entries to the object that is being evaluated, if any.
    pub(super) open: Option<&'static str>,
    depth: usize,
}

impl<'t> Evaluator<'t> {
    pub(super) fn new(template: &'t Template<'t>, decisions: &[(Atom, bool)]) -> Self {
        Self {
            template,
            assumptions: Assumptions::of(template, decisions),
            decided: HashMap::new(),
            used_assumption: false,
            assumed: BTreeMap::new(),
            defaults: BTreeSet::new(),
            open: None,
            depth: 0,
        }
    }

    pub(super) fn descend(&mut self) -> Result<(), Stop> {
        self.template.budget.steps(1)?;
        self.depth += 1;
        if self.depth > MAX_EVALUATION_DEPTH { Err(Stop::TooDeep) } else { Ok(()) }
    }

    pub(super) const fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Returns whether a condition that a result depends on is true.
    pub(super) fn holds(&mut self, name: &str) -> Result<bool, Stop> {
        match self.condition(name)? {
            ConditionValue::Decided { holds, assumed } => {
                if assumed {
                    self.template.budget.text(name.len())?;
                    self.assumed.insert(name.to_owned(), holds);
                }
                Ok(holds)
            }
            ConditionValue::Open(atom) => Err(Stop::Undecided(atom)),
        }
    }

    /// Returns the unknown value, or the value that this world assumes for it.
    pub(super) fn unknown<'v>(&mut self, unknown: Unknown, origin: Origin) -> Resolved<'v> {
        let kind = self.assumed_value(&unknown).unwrap_or(Kind::Unknown(unknown));
        Resolved::New(Value::new(kind, origin))
    }

    pub(super) fn assumed_value(&mut self, unknown: &Unknown) -> Option<Kind> {
        let text = self.assumptions.value(unknown.identity.as_deref()?)?;
        self.used_assumption = true;
        Some(Kind::String(text.to_owned()))
    }
}
