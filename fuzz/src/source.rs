//! Any text is read or refused in one line, and every place is inside the text.

use cfn_egress_guard_core::source::{self, Document};
use cfn_egress_guard_core::value::{Kind, Value};

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match source::parse(text) {
        Ok(document) => check(&document, &document.root, text),
        Err(error) => {
            assert!(!error.to_string().contains(['\n', '\r']) && !error.to_string().ends_with('.'));
            assert!(error.span.is_none_or(|span| span.text(text).is_some()));
        }
    }
}

fn check(document: &Document, value: &Value, text: &str) {
    let place = document.span(value.origin).expect("every value has a place");
    assert!(place.text(text).is_some());
    match &value.kind {
        Kind::List(list) => list.iter().for_each(|entry| check(document, entry, text)),
        Kind::Map(map) => map.iter().for_each(|(key, entry)| {
            assert!(document.span(key.origin).is_some());
            check(document, entry, text);
        }),
        Kind::Ambiguous(_) => {}
        Kind::Unknown(_) => panic!("a source never yields unknown values"),
        _ => {}
    }
}
