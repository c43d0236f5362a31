//! What conditions refer to.

use std::collections::BTreeSet;

use super::{Template, text};
use crate::value::{Kind, Value};

impl Template<'_> {
    /// The parameters that a condition refers to, by its own definition or by that of a condition in it.
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

    /// The definition of a condition, and those of the conditions in it, each once.
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

/// Each `Ref`, name in a `Fn::Sub` and `Condition` of a value, as `Ref` or `Condition` and what it names.
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
        // The text of `Fn::Sub` with values of its own.
        Kind::String(text) => text::pieces(text).into_iter().for_each(|piece| {
            if let text::Piece::Name(name) = piece {
                take("Ref", name);
            }
        }),
        _ => {}
    }
}
