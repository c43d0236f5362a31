//! A value of a template or of a hook payload: JSON's kinds, and [`Kind::Unknown`] for a value that only AWS knows.
//!
//! All inputs become this type: `source` reads text (with an [`Origin`] on each value), the hook deserializes payloads,
//! and `template` resolves intrinsic functions from one value to another.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::path::Origin;
pub use crate::rule::Unknown;

/// A value and its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// A scalar, a list, an object, or a value that only AWS knows.
    pub kind: Kind,
    /// The node of the source text that the value was read from, if any.
    pub origin: Origin,
}

/// JSON's kinds of values, and values that only AWS knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`; CloudFormation treats it like a missing property.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction that fits in 64 bits.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A plain scalar, as written, that YAML readers interpret differently: as one number, another number, or text
    /// (`0443`, `0x1bb`, `1_000`, `7:23`). CloudFormation does not document its interpretation.
    Ambiguous(String),
    /// Text.
    String(String),
    /// A list, its entries in the order written.
    List(Vec<Value>),
    /// An object, its keys in the order written.
    Map(Map),
    /// A value that is unknown here.
    Unknown(Unknown),
}

/// The keys and values of an object in the order written. Keys are unique: the last value of a repeated key wins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map(Vec<(Key, Value)>);

/// A key of a [`Map`] and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key as written, without quotes.
    pub name: String,
    /// The node of the source text that the key was read from, if any.
    pub origin: Origin,
}

impl Map {
    /// Creates an object without keys.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the object has no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entry(name).map(|(_, value)| value)
    }

    /// Returns a key and its value.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<(&Key, &Value)> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(key, value)| (key, value))
    }

    /// Returns the only entry of an object with exactly one key, the form of intrinsic functions.
    #[must_use]
    pub fn single(&self) -> Option<(&Key, &Value)> {
        match self.0.as_slice() {
            [(key, value)] => Some((key, value)),
            _ => None,
        }
    }

    /// Iterates over all entries in the order written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Creates an object from entries. The last entry of a repeated key wins, as in JSON and in CloudFormation
    /// templates. Takes linear time in the number of entries.
    #[must_use]
    pub fn of(mut entries: Vec<(Key, Value)>) -> Self {
        if repeated(&entries).next().is_some() {
            let mut seen = std::collections::HashSet::new();
            entries.reverse();
            entries.retain(|(key, _)| seen.insert(key.name.clone()));
            entries.reverse();
        }
        Self(entries)
    }

    /// Creates an object from entries with unique keys.
    #[must_use]
    pub const fn from_unique(entries: Vec<(Key, Value)>) -> Self {
        Self(entries)
    }

    /// Returns the entries, in the order written.
    pub fn into_entries(self) -> impl ExactSizeIterator<Item = (Key, Value)> {
        self.0.into_iter()
    }

    /// Appends an entry without checking for an existing one with the same name, for builders whose keys are unique.
    pub(crate) fn push_unique(&mut self, key: Key, value: Value) {
        self.0.push((key, value));
    }

    /// Sets the value of a key, replacing an earlier one.
    pub fn insert(&mut self, key: Key, value: Value) {
        match self.0.iter_mut().find(|(earlier, _)| earlier.name == key.name) {
            Some((_, earlier)) => *earlier = value,
            None => self.0.push((key, value)),
        }
    }
}

/// The largest object whose keys are compared one by one to find repeated ones.
const SMALL: usize = 12;

/// Returns each key that repeats an earlier one, as a pair of the earlier and the later key.
pub(crate) fn repeated(entries: &[(Key, Value)]) -> impl Iterator<Item = (&Key, &Key)> {
    let is_small = entries.len() <= SMALL;
    let mut seen: HashMap<&str, &Key> = HashMap::with_capacity(if is_small { 0 } else { entries.len() });
    entries.iter().enumerate().filter_map(move |(index, (key, _))| {
        let earlier = if is_small {
            entries.iter().take(index).rfind(|(earlier, _)| earlier.name == key.name).map(|(earlier, _)| earlier)
        } else {
            seen.insert(&key.name, key)
        };
        earlier.map(|earlier| (earlier, key))
    })
}

impl FromIterator<(String, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self::of(entries.into_iter().map(|(name, value)| (Key { name, origin: Origin::NONE }, value)).collect())
    }
}

impl Value {
    /// Creates a value with an origin.
    #[must_use]
    pub const fn new(kind: Kind, origin: Origin) -> Self {
        Self { kind, origin }
    }

    /// Returns the object, if the value is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        if let Kind::Map(map) = &self.kind { Some(map) } else { None }
    }

    /// Returns the list's entries, if the value is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Kind::List(list) = &self.kind { Some(list) } else { None }
    }

    /// Returns the text, if the value is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Kind::String(text) = &self.kind { Some(text) } else { None }
    }

    /// Returns a scalar as the text that CloudFormation converts it to where it expects text: a parameter's value, a
    /// tag, an operand of `Fn::Equals`. A number keeps its fraction (`443.0`). An ambiguous number has no text, because
    /// it depends on the reader.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match &self.kind {
            Kind::String(text) => Some(Cow::Borrowed(text)),
            Kind::Integer(number) => Some(Cow::Owned(number.to_string())),
            Kind::Float(number) => Some(Cow::Owned(format!("{number:?}"))),
            Kind::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Kind::Null | Kind::Ambiguous(_) | Kind::List(_) | Kind::Map(_) | Kind::Unknown(_) => None,
        }
    }

    /// Returns the value of a key, if the value is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map().and_then(|map| map.get(name))
    }

    /// Returns whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Returns the kind of the value in words that a template's author knows (`a list`).
    #[must_use]
    pub(crate) const fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Integer(_) | Kind::Float(_) | Kind::Ambiguous(_) => "a number",
            Kind::String(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "an object",
            Kind::Unknown(_) => "a value that is not known yet",
        }
    }
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Self::new(kind, Origin::NONE)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// The methods of a `Visitor` that turn JSON's scalars into values.
macro_rules! scalar_visits {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }

        fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
            Ok(Kind::Bool(value).into())
        }

        fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
            Ok(Kind::Integer(value).into())
        }

        fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
            #[expect(clippy::cast_precision_loss, reason = "such a number is not a port in any precision")]
            Ok(i64::try_from(value).map_or(Kind::Float(value as f64), Kind::Integer).into())
        }

        fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
            Ok(Kind::Float(value).into())
        }

        fn visit_str<E>(self, value: &str) -> Result<Value, E> {
            Ok(Kind::String(value.to_owned()).into())
        }

        fn visit_unit<E>(self) -> Result<Value, E> {
            Ok(Kind::Null.into())
        }
    };
}
pub(crate) use scalar_visits;

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    scalar_visits!();

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Kind::String(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Kind::List(list).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            map.push((Key { name, origin: Origin::NONE }, value));
        }
        Ok(Kind::Map(Map::of(map)).into())
    }
}

/// Returns a value as JSON; an unknown becomes `{"?": "displayed form"}`.
#[cfg(test)]
pub(crate) fn plain(value: &Value) -> serde_json::Value {
    use serde_json::json;

    match &value.kind {
        Kind::Null => serde_json::Value::Null,
        Kind::Bool(value) => json!(value),
        Kind::Integer(number) => json!(number),
        Kind::Float(number) => json!(number),
        Kind::String(text) => json!(text),
        Kind::List(list) => list.iter().map(plain).collect(),
        Kind::Map(map) => map.iter().map(|(key, value)| (key.name.clone(), plain(value))).collect(),
        Kind::Ambiguous(text) => json!({"ambiguous": text}),
        Kind::Unknown(unknown) => json!({"?": unknown.shown_as}),
    }
}
