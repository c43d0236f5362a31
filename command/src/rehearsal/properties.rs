//! A resource's properties as CloudFormation sends them, with placeholders for values that only AWS knows.
//!
//! Nothing here guesses a verdict: only values that do not affect it are replaced, and each is reported.

use serde_json::{Map as JsonMap, Number, Value as Json};

use cfn_egress_guard_core::path::{PropertyPath, Segment};
use cfn_egress_guard_core::rule::{Port, Unknown};
use cfn_egress_guard_core::security_group::EGRESS;
use cfn_egress_guard_core::value::{Kind, Map, Value};

/// The placeholder for an unknown port: the other port of the pair if that is known, otherwise the first dynamic port.
/// The choice does not matter, because the hook is not invoked for a rule whose verdict depends on it.
const STAND_IN_PORT: i32 = 49_152;

/// The text in a change set for a value that is known only after the deployment (source: CloudFormation API Reference,
/// `DescribeChangeSet` with property values).
const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// Returns the properties as in a RESOURCE invocation; adds the replaced values to `unknown`.
pub(super) fn resolved(properties: &Value, unknown: &mut Vec<String>) -> Json {
    let root = PropertyPath::root();
    let resolved = match &properties.kind {
        Kind::Map(map) => object(map, &root, unknown),
        // Sent unchanged: the hook has a message for properties that are not an object.
        _ => json(properties, &root, unknown),
    };
    if resolved.is_null() { Json::Object(JsonMap::new()) } else { resolved }
}

/// Returns the properties as a change set describes them: "all boolean and number values are strings".
pub(super) fn described(value: &Value) -> Json {
    match &value.kind {
        Kind::Ambiguous(text) => Json::from(text.as_str()),
        Kind::List(list) => Json::Array(list.iter().map(described).collect()),
        Kind::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.name.clone(), described(value))).collect()),
        Kind::Unknown(_) => Json::from(KNOWN_AFTER_APPLY),
        _ => value.as_text().map_or(Json::Null, Json::from),
    }
}

/// Returns an object of the properties; an unknown port takes the number of the other port.
fn object(map: &Map, path: &PropertyPath, unknown: &mut Vec<String>) -> Json {
    let mut entries = JsonMap::new();
    for (key, value) in map.iter() {
        let at = path.key(key.name.clone());
        let partner = match key.name.as_str() {
            "FromPort" => Some("ToPort"),
            "ToPort" => Some("FromPort"),
            _ => None,
        };
        let what = unknown_of(value).filter(|_| partner.is_some() || matches!(&*key.name, "IpProtocol" | EGRESS));
        let entry = match (what, partner) {
            (Some(what), partner) => {
                unknown.push(format!("{at} is {}", what.shown_as));
                match partner.map(|partner| map.get(partner).filter(|partner| unknown_of(partner).is_none())) {
                    Some(Some(known)) => json(known, &at, &mut Vec::new()),
                    Some(None) => Json::from(STAND_IN_PORT),
                    None if key.name == EGRESS => Json::Array(Vec::new()),
                    None => Json::from("tcp"),
                }
            }
            (None, _) => json(value, &at, unknown),
        };
        entries.insert(key.name.clone(), entry);
    }
    Json::Object(entries)
}

/// Returns what is unknown about a value: the value itself, or a dynamic reference in its text. References to secrets
/// count as known: CloudFormation sends them unresolved.
fn unknown_of(value: &Value) -> Option<Unknown> {
    match &value.kind {
        Kind::Unknown(what) => Some(what.clone()),
        Kind::String(text) => match Port::from_text(text) {
            Port::Unknown(what) => Some(what),
            Port::Known(_) | Port::Absent | Port::Invalid(_) => None,
        },
        _ => None,
    }
}

fn json(value: &Value, path: &PropertyPath, unknown: &mut Vec<String>) -> Json {
    match &value.kind {
        Kind::Null => Json::Null,
        Kind::Bool(bool) => Json::from(*bool),
        Kind::Integer(number) => Json::from(*number),
        Kind::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        // A tag that may have another value matches no exemption.
        Kind::Ambiguous(text) if matches!(path.segments(), [Segment::Key(first), ..] if first == "Tags") => {
            unknown.push(format!("{path} is {text}, a number that YAML parsers read differently"));
            Json::Null
        }
        Kind::Ambiguous(text) => Json::from(text.as_str()),
        Kind::String(text) => Json::from(text.as_str()),
        Kind::List(list) => {
            let known = list.iter().enumerate().filter_map(|(index, entry)| match &entry.kind {
                // An unknown list entry cannot be replaced by another.
                Kind::Unknown(what) if path.segments().len() == 1 => {
                    unknown.push(format!("{} is {}", path.index(index), what.shown_as));
                    None
                }
                _ => Some(json(entry, &path.index(index), unknown)),
            });
            Json::Array(known.collect())
        }
        Kind::Map(map) => object(map, path, unknown),
        Kind::Unknown(what) => {
            unknown.push(format!("{path} is {}", what.shown_as));
            Json::from(what.shown_as.as_str())
        }
    }
}
