//! The references in conditions.

use std::collections::BTreeSet;

use super::{Template, text};
use crate::value::{Kind, Value};

impl Template<'_> {
    /// Returns the parameters that a condition refers to, directly or through other conditions.
    #[must_use]
    pub(crate) fn parameters_behind<'t>(&'t self, condition: &'t str) -> BTreeSet<&'t str> {
        let mut found = BTreeSet::new();
        self.each_definition(condition, &mut |definition| {
            each_reference(definition, &mut |kind, name| {
                if kind == "Ref" {
                    found.extend(self.parameter(name).map(|parameter| parameter.name.as_str()));
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
