//! JSON is read as by any other JSON parser, or refused for a reason that CloudFormation has too: a repeated key, half
//! of a surrogate pair, or an exceeded limit. Written as YAML, it has the same values.

use std::fmt::Write as _;

use cfn_egress_guard_core::source::{self, SourceErrorKind};
use cfn_egress_guard_core::value::{Kind, Value};
use serde_json::Value as Json;

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if !text.trim_start().starts_with('{') {
        return;
    }
    match (serde_json::from_str::<Json>(text), source::parse(text)) {
        (Ok(json), Ok(document)) => {
            assert!(same(&document.root, &json), "{:?}\n{json}", document.root);
            as_yaml(&json);
        }
        // A text that is not JSON may be YAML, and RFC 8259 defines no largest number.
        (Err(_), _) => {}
        (Ok(_), Err(error)) => assert!(
            matches!(
                error.problem,
                SourceErrorKind::TooDeep
                    | SourceErrorKind::TooManyValues
                    | SourceErrorKind::TooLong { .. }
                    | SourceErrorKind::Unreadable { .. }
            ),
            "only we refuse it: {error}"
        ),
    }
}

fn same(ours: &Value, json: &Json) -> bool {
    match (&ours.kind, json) {
        (Kind::Null, Json::Null) => true,
        (Kind::Bool(ours), Json::Bool(json)) => ours == json,
        // serde_json reads -0 as a fraction.
        (Kind::Integer(ours), Json::Number(json)) => {
            json.as_i64() == Some(*ours) || (*ours == 0 && json.as_f64() == Some(0.0))
        }
        // serde_json is exact to a few units in the last place.
        (Kind::Float(ours), Json::Number(json)) => {
            json.as_i64().is_none() && json.as_f64().is_some_and(|json| (json - ours).abs() <= 1e-15 * ours.abs())
        }
        (Kind::String(ours), Json::String(json)) => ours == json,
        (Kind::List(ours), Json::Array(json)) => {
            ours.len() == json.len() && ours.iter().zip(json).all(|(ours, json)| same(ours, json))
        }
        (Kind::Map(ours), Json::Object(json)) => {
            ours.len() == json.len()
                && ours.iter().all(|(key, ours)| json.get(&key.name).is_some_and(|json| same(ours, json)))
        }
        _ => false,
    }
}

/// Writes the values as YAML and asserts that they are the same.
fn as_yaml(json: &Json) {
    let mut text = String::new();
    if write(json, 0, &mut text).is_none() {
        return;
    }
    match source::parse(&text) {
        Ok(document) => assert!(same(&document.root, json), "{text}\n{:?}\n{json}", document.root),
        Err(error) => {
            let limits = matches!(
                error.problem,
                SourceErrorKind::TooDeep | SourceErrorKind::TooManyValues | SourceErrorKind::TooLong { .. }
            );
            assert!(limits, "{error}\n{text}");
        }
    }
}

/// Writes a value after a key or a dash. Returns `None` for values that YAML writes differently or cannot represent:
/// fractions, which readers interpret differently, and keys of more than 1,024 characters.
fn write(json: &Json, indent: usize, text: &mut String) -> Option<()> {
    match json {
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = quoted(key);
                if key.len() > 1_000 {
                    return None;
                }
                let _ = write!(text, "\n{:indent$}{key}:", "");
                write(value, indent + 1, text)?;
            }
        }
        Json::Array(list) if !list.is_empty() => {
            for value in list {
                let _ = write!(text, "\n{:indent$}-", "");
                write(value, indent + 1, text)?;
            }
        }
        Json::Number(number) if !number.is_i64() => return None,
        Json::String(string) => {
            let _ = write!(text, " {}", quoted(string));
        }
        scalar_or_empty => {
            let _ = write!(text, " {scalar_or_empty}");
        }
    }
    Some(())
}

fn quoted(string: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in string.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            ' '..='~' => write!(quoted, "{c}"),
            _ => write!(quoted, "\\U{:08x}", u32::from(c)),
        };
    }
    quoted + "\""
}
