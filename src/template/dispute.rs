//! Detects conditions that compare numbers that YAML readers interpret differently.

use super::Template;
use super::reference::each_reference;
use crate::value::{Kind, Value};

impl Template<'_> {
    /// Returns whether a condition compares a number that YAML readers interpret differently. Its result is fixed, but
    /// not known here.
    #[must_use]
    pub(crate) fn is_in_dispute(&self, condition: &str) -> bool {
        self.facts.of(condition, |facts| &facts.in_dispute, || self.compares_numbers_in_dispute(condition))
    }

    fn compares_numbers_in_dispute(&self, condition: &str) -> bool {
        let mut found = false;
        self.each_definition(condition, &mut |definition| {
            found |= self.compares_disputed(definition);
            each_reference(definition, &mut |_, name| {
                found |= self.parameter(name).is_some_and(|parameter| parameter.is_in_dispute);
            });
        });
        found
    }

    /// Returns whether a value contains such a number, or looks one up in a mapping.
    fn compares_disputed(&self, value: &Value) -> bool {
        match &value.kind {
            Kind::List(list) => list.iter().any(|entry| self.compares_disputed(entry)),
            Kind::Map(map) => map.iter().any(|(key, entry)| {
                (key.name == "Fn::FindInMap" && self.finds_disputed(entry)) || self.compares_disputed(entry)
            }),
            kind => is_disputed(kind),
        }
    }

    /// Returns whether a mapping contains such a number under these keys. A key that is a function matches any.
    fn finds_disputed(&self, keys: &Value) -> bool {
        let keys = keys.as_list().unwrap_or_default().iter().take(3);
        let mut found = self.mappings;
        for key in keys.map_while(Value::as_str) {
            found = found.and_then(|entries| entries.get(key));
        }
        found.is_some_and(has_disputed)
    }
}

fn has_disputed(value: &Value) -> bool {
    match &value.kind {
        Kind::List(list) => list.iter().any(has_disputed),
        Kind::Map(map) => map.iter().any(|(_, entry)| has_disputed(entry)),
        kind => is_disputed(kind),
    }
}

const fn is_disputed(kind: &Kind) -> bool {
    matches!(kind, Kind::Ambiguous(_))
}
