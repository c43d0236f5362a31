//! Evaluates conditions to three values: true, false, or open until an unknown is decided.

use super::assumption::{Atom, ConditionValue};
use super::evaluator::{Evaluator, Stop};
use super::{text, unknown};
use crate::rule::Unknown;
use crate::value::{Kind, Value};

impl Evaluator<'_> {
    /// Returns the value of a named condition and records what it depends on for the world.
    pub(super) fn condition(&mut self, name: &str) -> Result<ConditionValue, Stop> {
        match self.decided.get(name) {
            Some(Some(truth)) => return Ok(truth.clone()),
            // A condition that is being evaluated depends on itself.
            Some(None) => return Ok(self.open(&format!("condition {name} of itself"))),
            None => {}
        }
        let template = self.template;
        let Some(definition) = template.condition(name) else {
            self.template.budget.text(name.len())?;
            return Ok(self.open(&format!("condition {name}")));
        };
        self.template.budget.text(64 + name.len())?;
        self.decided.insert(name.to_owned(), None);
        let truth = self.truth(definition)?;
        self.decided.insert(name.to_owned(), Some(truth.clone()));
        Ok(truth)
    }

    /// Returns the value of a condition as written.
    pub(super) fn truth(&mut self, value: &Value) -> Result<ConditionValue, Stop> {
        self.descend()?;
        let truth = self.truth_inside(value);
        self.ascend();
        truth
    }

    fn truth_inside(&mut self, value: &Value) -> Result<ConditionValue, Stop> {
        let decided = |holds| Ok(ConditionValue::Decided { holds, assumed: false });
        if let Some(text) = text::of_scalar(value) {
            return match &*text {
                "true" => decided(true),
                "false" => decided(false),
                other => {
                    self.template.budget.text(other.len())?;
                    Ok(self.open(&format!("condition text {other}")))
                }
            };
        }
        if let Kind::Unknown(unknown) = &value.kind {
            return Ok(match &unknown.identity {
                Some(identity) => self.open(identity),
                None => self.open(&place(value)),
            });
        }
        let Some((key, argument)) = value.as_map().and_then(|map| map.single()) else {
            return Ok(self.open(&place(value)));
        };
        match (key.name.as_str(), argument.as_list()) {
            ("Condition", _) => match text::of_scalar(argument) {
                Some(name) => self.condition(&name),
                None => Ok(self.open(&place(value))),
            },
            ("Fn::Equals", Some([left, right])) => self.equals(value, left, right),
            ("Fn::Not", Some([operand])) => Ok(match self.truth(operand)? {
                ConditionValue::Decided { holds, assumed } => ConditionValue::Decided { holds: !holds, assumed },
                open @ ConditionValue::Open(_) => open,
            }),
            ("Fn::And", Some(operands)) => self.all_are(true, operands),
            ("Fn::Or", Some(operands)) => self.all_are(false, operands),
            _ => {
                let before = std::mem::take(&mut self.used_assumption);
                let resolved = self.resolve(value)?.into_value(value);
                let assumed = std::mem::replace(&mut self.used_assumption, before);
                match text::of_scalar(&resolved).as_deref() {
                    Some("true") => Ok(ConditionValue::Decided { holds: true, assumed }),
                    Some("false") => Ok(ConditionValue::Decided { holds: false, assumed }),
                    _ => {
                        let form = form(&resolved).unwrap_or_else(|| place(value));
                        Ok(self.open(&form))
                    }
                }
            }
        }
    }

    /// Evaluates `Fn::And` (`wanted` is true) and `Fn::Or` (`wanted` is false): returns whether every operand equals
    /// `wanted`. One that does not decides the result.
    fn all_are(&mut self, wanted: bool, operands: &[Value]) -> Result<ConditionValue, Stop> {
        let mut open = None;
        let mut on_assumption = None;
        let mut all_assumed = false;
        for operand in operands {
            match self.truth(operand)? {
                ConditionValue::Decided { holds, assumed } if holds == wanted => all_assumed |= assumed,
                ConditionValue::Decided { assumed: false, .. } => {
                    return Ok(ConditionValue::Decided { holds: !wanted, assumed: false });
                }
                ConditionValue::Decided { assumed: true, .. } => on_assumption = Some(!wanted),
                ConditionValue::Open(atom) => {
                    open.get_or_insert(atom);
                }
            }
        }
        Ok(match (on_assumption, open) {
            (Some(holds), _) => ConditionValue::Decided { holds, assumed: true },
            (None, Some(atom)) => ConditionValue::Open(atom),
            (None, None) => ConditionValue::Decided { holds: wanted, assumed: all_assumed },
        })
    }

    fn equals(&mut self, written: &Value, left: &Value, right: &Value) -> Result<ConditionValue, Stop> {
        let before = std::mem::take(&mut self.used_assumption);
        let left = self.resolve(left)?.into_value(left);
        let right = self.resolve(right)?.into_value(right);
        let assumed = std::mem::replace(&mut self.used_assumption, before);
        let decided = |holds| Ok(ConditionValue::Decided { holds, assumed });
        let atom = match (&left.kind, &right.kind) {
            (Kind::Ambiguous(left), Kind::Ambiguous(right)) if left == right => return decided(true),
            (Kind::Ambiguous(_), Kind::Ambiguous(_)) => None,
            (Kind::Ambiguous(written), other) | (other, Kind::Ambiguous(written)) => match other {
                // The value equals neither the text as written nor a number.
                Kind::String(text) if text != written && text.parse::<f64>().is_err() => return decided(false),
                Kind::Null | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => return decided(false),
                _ => None,
            },
            (Kind::Unknown(left), Kind::Unknown(right)) if left.is_same(right) => return decided(true),
            (Kind::Unknown(unknown), _) if text::of_scalar(&right).is_some() => is(unknown, &right),
            (_, Kind::Unknown(unknown)) if text::of_scalar(&left).is_some() => is(unknown, &left),
            _ if unknown::within(&left).is_none() && unknown::within(&right).is_none() => {
                self.template.budget.steps(1)?;
                return decided(same(&left, &right));
            }
            _ => None,
        };
        let atom = match atom {
            Some(atom) if !self.template.is_secret(&atom) => atom,
            _ => {
                let form = match (form(&left), form(&right)) {
                    (Some(left), Some(right)) if left <= right => format!("{left} = {right}"),
                    (Some(left), Some(right)) => format!("{right} = {left}"),
                    _ => place(written),
                };
                return Ok(self.open(&form));
            }
        };
        if let Atom::Is { identity, .. } = &atom {
            self.template.budget.steps(self.template.candidates(identity).len() as u64 / 4)?;
        }
        Ok(self.assumptions.decide(self.template, atom))
    }

    fn open(&mut self, form: &str) -> ConditionValue {
        self.assumptions.decide(self.template, Atom::Open(form.to_owned()))
    }
}

/// Returns a value's canonical form.
fn form(value: &Value) -> Option<String> {
    let mut form = String::new();
    unknown::canonical(value, &mut form).then_some(form)
}

/// Returns a unique identity for a condition without a canonical form: its address in the template, which does not
/// change during the evaluation.
fn place(written: &Value) -> String {
    format!("place {:p}", std::ptr::from_ref(written))
}

fn is(unknown: &Unknown, value: &Value) -> Option<Atom> {
    Some(Atom::Is { identity: unknown.identity.clone()?, text: text::of_scalar(value)?.into_owned() })
}

/// Returns whether two known values are equal: scalars as text, other values by their content.
fn same(left: &Value, right: &Value) -> bool {
    match (text::of_scalar(left), text::of_scalar(right)) {
        (Some(left), Some(right)) => left == right,
        (None, None) => match (&left.kind, &right.kind) {
            (Kind::List(left), Kind::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
            }
            (left, right) => left == right,
        },
        _ => false,
    }
}
