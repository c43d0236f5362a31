//! `Fn::ForEach` of `AWS::LanguageExtensions`: a fragment repeated for each entry of a collection.
//!
//! "All instances of `${Identifier}` or `&{Identifier}` in the OutputKey and OutputValue parameters
//! will be replaced with the value from the Collection parameter", and so is `Ref` of the
//! identifier; `&{Identifier}` keeps only its letters and digits ("Fn::ForEach"). A collection that
//! is not known gives the fragment once, with an unknown value for the identifier.

use super::budget::Budget;
use super::evaluate::{Evaluator, Stop};
use super::text;
use super::unknown::{self, Part};
use crate::rule::Unknown;
use crate::value::{Key, Kind, Map, Value};

/// How the keys of loops begin; the loop's name follows.
pub(super) const LOOP: &str = "Fn::ForEach::";

/// The entries that a loop makes, those of loops inside it included. False if it is not written
/// as a loop.
pub(super) fn expand(
    evaluator: &mut Evaluator<'_>,
    key: &Key,
    body: &Value,
    made: &mut Vec<(Key, Value)>,
) -> Result<bool, Stop> {
    evaluator.descend()?;
    let well_formed = expand_inside(evaluator, key, body, made);
    evaluator.ascend();
    well_formed
}

fn expand_inside(
    evaluator: &mut Evaluator<'_>,
    key: &Key,
    body: &Value,
    made: &mut Vec<(Key, Value)>,
) -> Result<bool, Stop> {
    let Some([identifier, collection, output]) = body.as_list() else { return Ok(false) };
    let (Some(identifier), Some(output)) = (identifier.as_str(), output.as_map()) else { return Ok(false) };
    let collection = evaluator.resolve(collection)?.into_value(collection);
    let entries = match &collection.kind {
        Kind::List(entries) => entries.iter().map(Replacement::of).collect(),
        Kind::Unknown(list) => Some(vec![Replacement::Unknown(entry_of(identifier, key, list))]),
        _ => None,
    };
    let Some(entries): Option<Vec<Replacement>> = entries else { return Ok(false) };
    let budget = &evaluator.template.budget;
    let loops = Loop { identifier, plain: format!("${{{identifier}}}"), letters: format!("&{{{identifier}}}"), budget };
    let mut well_formed = true;
    for entry in &entries {
        for (key, value) in output.iter() {
            let key = Key { name: loops.key(&key.name, entry)?, origin: key.origin };
            let value = loops.value(value, entry)?;
            if key.name.starts_with(LOOP) {
                well_formed &= expand(evaluator, &key, &value, made)?;
            } else {
                made.push((key, value));
            }
        }
    }
    Ok(well_formed)
}

/// The entry that an unknown collection is gone through with.
fn entry_of(identifier: &str, key: &Key, list: &Unknown) -> Unknown {
    let form = list.identity.as_ref().map(|identity| format!("!ForEach [{},{identity}]", key.name));
    let why = format!("it goes through `{}`, and {}", list.shown_as, list.why);
    Unknown::new(form, format!("${{{}}}", unknown::shortened(identifier)), why)
}

/// What stands for a loop's identifier.
enum Replacement {
    Text(String),
    Unknown(Unknown),
}

impl Replacement {
    fn of(value: &Value) -> Option<Self> {
        match &value.kind {
            Kind::Unknown(unknown) => Some(Self::Unknown(unknown.clone())),
            _ => text::of_scalar(value).map(|text| Self::Text(text.into_owned())),
        }
    }
}

struct Loop<'l> {
    identifier: &'l str,
    plain: String,
    letters: String,
    budget: &'l Budget,
}

impl Loop<'_> {
    fn mentions(&self, text: &str) -> bool {
        text.contains(&self.plain) || text.contains(&self.letters)
    }

    fn replaced(&self, text: &str, by: &str) -> Result<String, Stop> {
        let letters: String = by.chars().filter(char::is_ascii_alphanumeric).collect();
        let replaced = text.replace(&self.plain, by).replace(&self.letters, &letters);
        self.budget.text(replaced.len())?;
        Ok(replaced)
    }

    fn key(&self, name: &str, replacement: &Replacement) -> Result<String, Stop> {
        match replacement {
            Replacement::Text(by) if self.mentions(name) => self.replaced(name, by),
            Replacement::Text(_) | Replacement::Unknown(_) => Ok(name.to_owned()),
        }
    }

    /// A copy of a value with the identifier replaced.
    fn value(&self, value: &Value, replacement: &Replacement) -> Result<Value, Stop> {
        self.budget.copy(0)?;
        let kind = match &value.kind {
            Kind::String(text) if self.mentions(text) => match replacement {
                Replacement::Text(by) => Kind::String(self.replaced(text, by)?),
                Replacement::Unknown(unknown) => self.unknown(text, unknown),
            },
            Kind::List(list) => {
                let entries: Result<Vec<_>, _> = list.iter().map(|entry| self.value(entry, replacement)).collect();
                Kind::List(entries?)
            }
            Kind::Map(map) => match map.single() {
                Some((key, name)) if key.name == "Ref" && name.as_str() == Some(self.identifier) => match replacement {
                    Replacement::Text(by) => Kind::String(by.clone()),
                    Replacement::Unknown(unknown) => Kind::Unknown(unknown.clone()),
                },
                _ => {
                    let mut replaced = Map::new();
                    for (key, entry) in map.iter() {
                        let name = self.key(&key.name, replacement)?;
                        replaced.push_unique(Key { name, origin: key.origin }, self.value(entry, replacement)?);
                    }
                    Kind::Map(replaced)
                }
            },
            Kind::String(text) => {
                self.budget.text(text.len())?;
                Kind::String(text.clone())
            }
            _ => value.kind.clone(),
        };
        Ok(Value::new(kind, value.origin))
    }

    /// A text that mentions an identifier whose value is not known.
    fn unknown(&self, text: &str, unknown: &Unknown) -> Kind {
        let mut parts = Vec::new();
        let identity = unknown.identity.as_ref().map(|identity| format!("!Letters {identity}"));
        let letters = unknown.clone().with_identity(identity);
        for (index, between) in text.split(&self.plain).enumerate() {
            if index > 0 {
                parts.push(Part::Unknown(unknown.clone()));
            }
            for (index, text) in between.split(&self.letters).enumerate() {
                if index > 0 {
                    parts.push(Part::Unknown(letters.clone()));
                }
                if !text.is_empty() {
                    parts.push(Part::Text(text.to_owned()));
                }
            }
        }
        unknown::text(parts).map_or_else(Kind::Unknown, Kind::String)
    }
}
