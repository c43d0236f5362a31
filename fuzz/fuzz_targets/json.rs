//! JSON is read as any reader of JSON does, or refused for a reason that CloudFormation has too: a key that is written
//! twice, half of a surrogate pair, or more of anything than the limits allow.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes a file")]

use cfn_egress_guard_core::source::{self, SourceErrorKind};
use cfn_egress_guard_core::value::{Kind, Value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

fuzz_target!(|text: &str| {
    if !text.trim_start().starts_with('{') {
        return;
    }
    match (serde_json::from_str::<Json>(text), source::parse(text)) {
        (Ok(json), Ok(document)) => assert!(same(&document.root, &json), "{:?}\n{json}", document.root),
        // RFC 8259 knows no largest number.
        (Err(error), Ok(_)) => {
            assert!(error.to_string().starts_with("number out of range"), "only we read it: {error}")
        }
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
        (Err(_), Err(_)) => {}
    }
});

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
