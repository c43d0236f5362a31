//! Reads properties from JSON, but keeps only the parts that the rule and the policy use.
//!
//! An event may contain up to six megabytes of arbitrary data. Anything that does not affect a decision is dropped:
//! other properties, nested values in ports and destinations, and entries beyond those that are judged. A digest
//! replaces the dropped parts, so that properties that differ anywhere still compare as different.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::unchanged::DESCRIPTION;
use super::{EGRESS, MAX_ENTRIES, RULE_PROPERTIES};
use crate::path::Origin;
use crate::value::{Key, Kind, Map, Value, scalar_visits};

/// The level of the properties that is being read.
#[derive(Clone, Copy)]
enum PropertyLevel {
    /// The properties of a resource.
    Properties,
    /// The value of `SecurityGroupEgress`: a list of entries, or one.
    Entries,
    /// An egress rule.
    Entry,
    /// The value of `Tags`.
    Tags,
    /// An entry of `Tags`: a `Key` and a `Value`.
    Tag,
    /// A value of which only the kind matters, unless it is a scalar.
    Scalar,
}

/// The properties that cannot change after a group or an egress rule is created, beside those of the rule.
const FIXED_PROPERTIES: [&str; 4] = ["GroupId", "GroupDescription", "GroupName", "VpcId"];

/// The maximum number of tags that are read; AWS allows 50. In a longer list, no tag is known.
const MAX_TAGS: usize = 1_000;

/// The key of the digest that replaces the dropped entries of an object. No property has this name.
const REST: &str = "\u{0}rest";

impl PropertyLevel {
    /// Returns the level to read a key's value at, if it is kept.
    fn of(self, key: &str) -> Option<Self> {
        match self {
            Self::Properties if key == EGRESS => Some(Self::Entries),
            Self::Properties if key == "Tags" => Some(Self::Tags),
            Self::Properties | Self::Entries | Self::Entry
                if RULE_PROPERTIES.contains(&key) || FIXED_PROPERTIES.contains(&key) || key == DESCRIPTION =>
            {
                Some(Self::Scalar)
            }
            Self::Tag if key == "Key" || key == "Value" => Some(Self::Scalar),
            _ => None,
        }
    }

    /// Returns the level to read a list's entries at, and the number of entries to keep. A digest follows them in place
    /// of those dropped, so that the list is still longer than the bound.
    const fn listed(self) -> Option<(Self, usize)> {
        match self {
            Self::Entries => Some((Self::Entry, MAX_ENTRIES)),
            Self::Tags => Some((Self::Tag, MAX_TAGS)),
            Self::Properties | Self::Entry | Self::Tag | Self::Scalar => None,
        }
    }
}

/// Reads a resource's properties.
///
/// # Errors
/// Returns the deserializer's error.
pub(crate) fn read_properties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    PropertyLevel::Properties.deserialize(deserializer).map(|value| Some(value).filter(|value| !value.is_null()))
}

impl<'de> DeserializeSeed<'de> for PropertyLevel {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(PropertyLevelSeed(self))
    }
}

struct PropertyLevelSeed(PropertyLevel);

impl<'de> Visitor<'de> for PropertyLevelSeed {
    type Value = Value;

    scalar_visits!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let mut rest = DefaultHasher::new();
        let (part, most) = self.0.listed().unwrap_or((PropertyLevel::Scalar, 0));
        let mut is_whole = true;
        while list.len() < most {
            match entries.next_element_seed(part)? {
                Some(entry) => list.push(entry),
                None => return Ok(Kind::List(list).into()),
            }
        }
        while entries.next_element_seed(ValueHasher(&mut rest))?.is_some() {
            is_whole = false;
        }
        if matches!(self.0, PropertyLevel::Tags) && !is_whole {
            return Ok(Kind::String("too many tags".to_owned()).into());
        }
        if !is_whole {
            list.push(digest(&rest));
        }
        Ok(Kind::List(list).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        let mut rest = DefaultHasher::new();
        let mut is_whole = true;
        while let Some(key) = entries.next_key::<String>()? {
            match self.0.of(&key) {
                Some(part) => {
                    let value = entries.next_value_seed(part)?;
                    let earlier = kept.iter_mut().find(|(earlier, _): &&mut (Key, Value)| earlier.name == key);
                    match earlier {
                        // The last value of a key wins.
                        Some((_, earlier)) => *earlier = value,
                        None => kept.push((Key { name: key, origin: Origin::NONE }, value)),
                    }
                }
                None => {
                    key.hash(&mut rest);
                    entries.next_value_seed(ValueHasher(&mut rest))?;
                    is_whole = false;
                }
            }
        }
        if !is_whole {
            kept.push((Key { name: REST.to_owned(), origin: Origin::NONE }, digest(&rest)));
        }
        Ok(Kind::Map(Map::from_unique(kept)).into())
    }
}

fn digest(hasher: &DefaultHasher) -> Value {
    Kind::String(format!("{:016x}", hasher.finish())).into()
}

/// Hashes a value without storing it.
struct ValueHasher<'h>(&'h mut DefaultHasher);

impl<'de> DeserializeSeed<'de> for ValueHasher<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueHasher<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        (0_u8, value).hash(self.0);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        (1_u8, i128::from(value)).hash(self.0);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        (1_u8, i128::from(value)).hash(self.0);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        (2_u8, value.to_bits()).hash(self.0);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        (3_u8, value).hash(self.0);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        4_u8.hash(self.0);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        5_u8.hash(self.0);
        while entries.next_element_seed(ValueHasher(self.0))?.is_some() {}
        6_u8.hash(self.0);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        7_u8.hash(self.0);
        while let Some(key) = entries.next_key::<String>()? {
            key.hash(self.0);
            entries.next_value_seed(ValueHasher(self.0))?;
        }
        8_u8.hash(self.0);
        Ok(())
    }
}

/// The context of a resource in a change set, as JSON text.
#[derive(serde::Deserialize)]
struct ChangeSetContext {
    #[serde(rename = "Properties", default, deserialize_with = "read_properties")]
    properties: Option<Value>,
}

/// Returns the `Properties` in a JSON text, or `None` if the text is not such JSON.
#[must_use]
pub(crate) fn properties_of_context(context: &str) -> Option<Value> {
    serde_json::from_str::<ChangeSetContext>(context).ok()?.properties
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Value {
        read_properties(&mut serde_json::Deserializer::from_str(json)).unwrap().unwrap_or(Kind::Null.into())
    }

    #[test]
    fn what_is_looked_at_is_kept() {
        let kept = read(
            r#"{"SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": 1, "FromPort": 443, "ToPort": "443",
            "CidrIp": "10.0.0.0/8"}, "x", null], "Tags": [{"Key": "a", "Value": 1}], "VpcId": "vpc-1"}"#,
        );
        let all: Value = serde_json::from_str(
            r#"{"SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": "443",
            "CidrIp": "10.0.0.0/8"}, "x", null], "Tags": [{"Key": "a", "Value": 1}], "VpcId": "vpc-1"}"#,
        )
        .unwrap();
        assert_eq!(kept, all);
        let one = read(r#"{"SecurityGroupEgress": {"IpProtocol": "-1"}, "FromPort": [1, [2]]}"#);
        assert_eq!(one.get(EGRESS).and_then(|one| one.get("IpProtocol")?.as_str()), Some("-1"));
        assert_eq!(one.get("FromPort").map(Value::kind_name), Some("a list"));
    }

    #[test]
    fn what_is_not_kept_still_makes_a_difference() {
        for (one, other) in [
            (r#"{"A": 1}"#, r#"{"A": 2}"#),
            (r#"{"A": 1}"#, r#"{"B": 1}"#),
            (r#"{"A": [1, [2]]}"#, r#"{"A": [[1], 2]}"#),
            (r#"{"A": {"x": 1}}"#, r#"{"A": {"y": 1}}"#),
            (r#"{"A": "1"}"#, r#"{"A": 1}"#),
            (r#"{"A": "1"}"#, r#"{"A": "2"}"#),
            (r#"{"A": -1}"#, r#"{"A": -2}"#),
            (r#"{"A": 1.5}"#, r#"{"A": 2.5}"#),
            (r#"{"A": true}"#, r#"{"A": false}"#),
            (r#"{"A": [null]}"#, r#"{"A": []}"#),
            (r#"{"FromPort": [1]}"#, r#"{"FromPort": [2]}"#),
            (
                r#"{"SecurityGroupEgress": [{"Description": "a"}]}"#,
                r#"{"SecurityGroupEgress": [{"Description": "b"}]}"#,
            ),
        ] {
            assert_ne!(read(one), read(other), "{one} {other}");
            assert_eq!(read(one), read(one), "{one}");
        }
    }

    #[test]
    fn nothing_else_is_kept() {
        let group = read(r#"{"A": [1], "SecurityGroupEgress": [{"Other": "x"}], "Tags": [{"Other": 1}]}"#);
        assert_eq!(group.get("A"), None);
        for list in [EGRESS, "Tags"] {
            let Some(Kind::List(entries)) = group.get(list).map(|list| &list.kind) else { panic!("{group:?}") };
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].get("Other"), None, "{list}");
        }
    }

    #[test]
    fn tags_beyond_the_bound_are_not_known() {
        let tags = |count| format!(r#"{{"Tags": [{}]}}"#, vec![r#"{"Key": "a", "Value": "b"}"#; count].join(","));
        let of = |count| super::super::tags(super::super::ResourceType::SecurityGroup, &read(&tags(count)));
        assert_eq!(of(MAX_TAGS).map(|tags| tags.len()), Some(MAX_TAGS));
        assert_eq!(of(MAX_TAGS + 1), None);
    }
}
