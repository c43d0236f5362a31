//! `Fn::ForEach` of `AWS::LanguageExtensions`: repeats a fragment for each entry of a collection.
//!
//! "All instances of `${Identifier}` or `&{Identifier}` in the OutputKey and OutputValue parameters will be replaced
//! with the value from the Collection parameter". `Ref` of the identifier is replaced too; `&{Identifier}` keeps only
//! its letters and digits ("Fn::ForEach"). An unknown collection generates the fragment once, with an unknown value for
//! the identifier. An object with a key that contains the identifier is then unknown.

use super::budget::Budget;
use super::evaluator::{Evaluator, Stop};
use super::text;
use super::unknown::{self, TextPart};
use crate::rule::Unknown;
use crate::value::{Key, Kind, Map, Value};

/// The prefix of a loop's key; the loop's name follows.
pub(super) const LOOP: &str = "Fn::ForEach::";

/// The output of a loop, including nested loops.
#[derive(Default)]
pub(super) struct LoopOutput {
    /// The entries. A key with an unknown part still contains the identifier.
    pub(super) entries: Vec<(Key, Value)>,
    /// Whether a part of a key is unknown.
    pub(super) unknown_key: bool,
    /// Whether the loop is malformed.
    pub(super) malformed: bool,
}

/// Expands a loop.
pub(super) fn expand(
    evaluator: &mut Evaluator<'_>,
    key: &Key,
    body: &Value,
    made: &mut LoopOutput,
) -> Result<(), Stop> {
    evaluator.descend()?;
    let done = expand_inside(evaluator, key, body, made);
    evaluator.ascend();
    made.malformed |= done?.is_none();
    Ok(())
}

fn expand_inside(
    evaluator: &mut Evaluator<'_>,
    key: &Key,
    body: &Value,
    made: &mut LoopOutput,
) -> Result<Option<()>, Stop> {
    let Some([identifier, collection, output]) = body.as_list() else { return Ok(None) };
    let (Some(identifier), Some(output)) = (identifier.as_str(), output.as_map()) else { return Ok(None) };
    let collection = evaluator.resolve(collection)?.into_value(collection);
    let entries = match &collection.kind {
        Kind::List(entries) => entries.iter().map(Replacement::of).collect(),
        Kind::Unknown(list) => Some(vec![Replacement::Unknown(entry_of(identifier, key, list))]),
        _ => None,
    };
    let Some(entries): Option<Vec<Replacement>> = entries else { return Ok(None) };
    let budget = &evaluator.template.budget;
    let loops = Loop { identifier, plain: format!("${{{identifier}}}"), letters: format!("&{{{identifier}}}"), budget };
    for entry in &entries {
        made.unknown_key |= matches!(entry, Replacement::Unknown(_)) && loops.makes_keys(output)?;
        for (key, value) in output.iter() {
            let is_loop = key.name.starts_with(LOOP);
            let key = Key { name: loops.key(&key.name, entry)?, origin: key.origin };
            let value = loops.entry(is_loop, value, entry)?;
            if is_loop {
                expand(evaluator, &key, &value, made)?;
            } else {
                made.entries.push((key, value));
            }
        }
    }
    Ok(Some(()))
}

/// Returns the fragment that a loop repeats, if the loop is well-formed.
fn output(body: &Value) -> Option<&Map> {
    if let Some([_, _, output]) = body.as_list() { output.as_map() } else { None }
}

/// Returns the unknown entry that represents an unknown collection.
fn entry_of(identifier: &str, key: &Key, list: &Unknown) -> Unknown {
    let form = list.identity.as_ref().map(|identity| format!("!ForEach [{},{identity}]", key.name));
    let why = format!("it iterates over `{}`, and {}", list.shown_as, list.why);
    Unknown::new(form, format!("${{{}}}", unknown::shortened(identifier)), why)
}

/// The replacement for a loop's identifier.
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

    /// Returns whether the identifier is part of a key of an object, or of a key that a loop in the object generates.
    fn makes_keys(&self, map: &Map) -> Result<bool, Stop> {
        self.budget.steps(map.len() as u64)?;
        for (key, value) in map.iter() {
            let makes = match output(value).filter(|_| key.name.starts_with(LOOP)) {
                Some(output) => self.makes_keys(output)?,
                None => self.mentions(&key.name),
            };
            if makes {
                return Ok(true);
            }
        }
        Ok(false)
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

    /// Copies the value of a key with the identifier replaced. The fragment of a loop is not treated as an object.
    fn entry(&self, is_loop: bool, value: &Value, replacement: &Replacement) -> Result<Value, Stop> {
        match value.as_list() {
            Some([identifier, collection, Value { kind: Kind::Map(output), origin }]) if is_loop => {
                let mut body = vec![self.value(identifier, replacement)?, self.value(collection, replacement)?];
                body.push(Value::new(self.object(output, replacement)?, *origin));
                Ok(Value::new(Kind::List(body), value.origin))
            }
            _ => self.value(value, replacement),
        }
    }

    fn object(&self, map: &Map, replacement: &Replacement) -> Result<Kind, Stop> {
        let mut replaced = Map::new();
        for (key, value) in map.iter() {
            let name = self.key(&key.name, replacement)?;
            let value = self.entry(key.name.starts_with(LOOP), value, replacement)?;
            replaced.push_unique(Key { name, origin: key.origin }, value);
        }
        Ok(Kind::Map(replaced))
    }

    /// Copies a value with the identifier replaced.
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
                _ => match replacement {
                    Replacement::Unknown(unknown) if self.makes_keys(map)? => {
                        Kind::Unknown(unknown.clone().with_identity(None))
                    }
                    Replacement::Unknown(_) | Replacement::Text(_) => self.object(map, replacement)?,
                },
            },
            Kind::String(text) => {
                self.budget.text(text.len())?;
                Kind::String(text.clone())
            }
            _ => value.kind.clone(),
        };
        Ok(Value::new(kind, value.origin))
    }

    /// Returns the unknown for a text that contains an identifier with an unknown value.
    fn unknown(&self, text: &str, unknown: &Unknown) -> Kind {
        let mut parts = Vec::new();
        let identity = unknown.identity.as_ref().map(|identity| format!("!Letters {identity}"));
        let letters = unknown.clone().with_identity(identity);
        for (index, between) in text.split(&self.plain).enumerate() {
            if index > 0 {
                parts.push(TextPart::Unknown(unknown.clone()));
            }
            for (index, text) in between.split(&self.letters).enumerate() {
                if index > 0 {
                    parts.push(TextPart::Unknown(letters.clone()));
                }
                if !text.is_empty() {
                    parts.push(TextPart::Text(text.to_owned()));
                }
            }
        }
        unknown::text(parts).map_or_else(Kind::Unknown, Kind::String)
    }
}
