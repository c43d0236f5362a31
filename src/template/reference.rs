//! The references in conditions.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::{Template, text};
use crate::value::{Kind, Value};

/// What was determined about conditions. Many findings can depend on one condition, whose definition may be long.
#[derive(Debug, Default)]
pub(super) struct ConditionFacts {
    /// Whether the condition compares a number that YAML readers interpret differently.
    pub(super) in_dispute: RefCell<HashMap<String, bool>>,
    /// The parameters that the condition refers to.
    pub(super) parameters: RefCell<HashMap<String, Rc<BTreeSet<String>>>>,
}

impl ConditionFacts {
    /// Returns a fact about a condition, which is determined at the first request.
    pub(super) fn of<T: Clone>(
        &self,
        condition: &str,
        facts: impl Fn(&Self) -> &RefCell<HashMap<String, T>>,
        determine: impl FnOnce() -> T,
    ) -> T {
        if let Some(known) = facts(self).borrow().get(condition) {
            return known.clone();
        }
        let fact = determine();
        facts(self).borrow_mut().insert(condition.to_owned(), fact.clone());
        fact
    }
}

impl Template<'_> {
    /// Returns the parameters that a condition refers to, directly or through other conditions.
    #[must_use]
    pub(crate) fn parameters_behind(&self, condition: &str) -> Rc<BTreeSet<String>> {
        self.facts.of(condition, |facts| &facts.parameters, || Rc::new(self.referenced_parameters(condition)))
    }

    fn referenced_parameters(&self, condition: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.each_definition(condition, &mut |definition| {
            each_reference(definition, &mut |kind, name| {
                if kind == "Ref" {
                    found.extend(self.parameter(name).map(|parameter| parameter.name.clone()));
                }
            });
        });
        found
    }

    /// Visits the definition of a condition and of the conditions in it, each once.
    pub(super) fn each_definition<'t>(&'t self, condition: &'t str, take: &mut dyn FnMut(&'t Value)) {
        let (mut seen, mut next) = (BTreeSet::new(), vec![condition]);
        while let Some(name) = next.pop() {
            if seen.insert(name)
                && let Some(definition) = self.condition(name)
            {
                take(definition);
                each_reference(definition, &mut |kind, name| {
                    if kind == "Condition" {
                        next.push(name);
                    }
                });
            }
        }
    }
}

/// Visits each `Ref`, each name in an `Fn::Sub`, and each `Condition` of a value, as `Ref` or `Condition` with the
/// name.
pub(super) fn each_reference<'v>(value: &'v Value, take: &mut dyn FnMut(&'static str, &'v str)) {
    match &value.kind {
        Kind::List(list) => list.iter().for_each(|entry| each_reference(entry, take)),
        Kind::Map(map) => {
            for (key, entry) in map.iter() {
                match (key.name.as_str(), entry.as_str()) {
                    ("Ref", Some(name)) => take("Ref", name),
                    ("Condition", Some(name)) => take("Condition", name),
                    (_, Some(text)) => text::pieces(text).into_iter().for_each(|piece| {
                        if let text::Piece::Name(name) = piece {
                            take("Ref", name);
                        }
                    }),
                    (_, None) => each_reference(entry, take),
                }
            }
        }
        // The text of an `Fn::Sub` that has a map of values.
        Kind::String(text) => text::pieces(text).into_iter().for_each(|piece| {
            if let text::Piece::Name(name) = piece {
                take("Ref", name);
            }
        }),
        _ => {}
    }
}
