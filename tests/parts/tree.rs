//! What our reader makes of texts, for tests/parts/test_reader.py: a JSON array of texts on standard input, an array of
//! their trees on standard output. A scalar is `[kind, value]`, so that no kind poses as another.
#![expect(clippy::disallowed_methods, reason = "a program owns its standard output")]

use std::io::Read as _;

use cfn_egress_guard_core::source;
use cfn_egress_guard_core::value::{Kind, Value};
use serde_json::{Value as Json, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = String::new();
    std::io::stdin().lock().read_to_string(&mut input)?;
    let texts: Vec<String> = serde_json::from_str(&input)?;
    let read = |text: &String| match source::parse(text) {
        Ok(document) => tree(&document.root),
        Err(error) => json!(["refused", error.to_string()]),
    };
    let trees: Vec<Json> = texts.iter().map(read).collect();
    Ok(serde_json::to_writer(std::io::stdout().lock(), &trees)?)
}

fn tree(value: &Value) -> Json {
    match &value.kind {
        Kind::Null => json!(["null", null]),
        Kind::Bool(value) => json!(["bool", value]),
        Kind::Integer(number) => json!(["int", number]),
        Kind::Float(number) => json!(["float", number.to_string()]),
        Kind::Ambiguous(text) => json!(["disputed", text]),
        Kind::String(text) => json!(["text", text]),
        Kind::List(list) => json!(["list", list.iter().map(tree).collect::<Vec<_>>()]),
        Kind::Map(map) => {
            let entries: Vec<Json> = map.iter().map(|(key, value)| json!([key.name, tree(value)])).collect();
            json!(["map", entries])
        }
        Kind::Unknown(_) => json!(["unknown", null]),
    }
}
