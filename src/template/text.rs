//! Values as text, and the parts of texts that functions use.

use std::borrow::Cow;

use crate::value::{Kind, Value};

/// Returns a scalar as text (`Fn::Join`, `Fn::Sub`, `Fn::Equals`, and parameter values use only text).
pub(super) fn of_scalar(value: &Value) -> Option<Cow<'_, str>> {
    value.as_text()
}

/// Returns the text of a word that is used as an unquoted key: `!Ref No` refers to a parameter whose key `No` is a YAML
/// 1.1 boolean, so the name is `false`.
pub(super) fn word(name: &str) -> Option<&'static str> {
    let is = |words: [&str; 3]| words.iter().any(|word| name.eq_ignore_ascii_case(word));
    if is(["yes", "on", "true"]) {
        Some("true")
    } else if is(["no", "off", "false"]) {
        Some("false")
    } else {
        None
    }
}

/// A piece of an `Fn::Sub` text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Literal text; `${!Literal}` represents `${Literal}`.
    Text(Cow<'t, str>),
    /// A name in `${…}`.
    Name(&'t str),
}

/// Splits an `Fn::Sub` text into pieces.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else { break };
        if !before.is_empty() {
            pieces.push(Piece::Text(Cow::Borrowed(before)));
        }
        match name.strip_prefix('!') {
            Some(literal) => pieces.push(Piece::Text(Cow::Owned(format!("${{{literal}}}")))),
            None => pieces.push(Piece::Name(name.trim())),
        }
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(Cow::Borrowed(rest)));
    }
    pieces
}

/// Returns the Base64 (RFC 4648) of a text's UTF-8 bytes, as `Fn::Base64` does.
pub(super) fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            if position > chunk.len() {
                encoded.push('=');
            } else {
                let sextet = (bits >> (18 - 6 * position)) & 0x3f;
                encoded.extend(ALPHABET.get(sextet as usize).map(|byte| *byte as char));
            }
        }
    }
    encoded
}

/// Writes a value as JSON, as `Fn::ToJsonString` does. Returns `None` if a part of the value is unknown.
pub(super) fn json(value: &Value, text: &mut String) -> Option<()> {
    match &value.kind {
        Kind::Null => text.push_str("null"),
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => text.push_str(&of_scalar(value)?),
        Kind::String(string) => text.push_str(&serde_json::Value::from(string.as_str()).to_string()),
        Kind::List(list) => {
            text.push('[');
            for (index, entry) in list.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                json(entry, text)?;
            }
            text.push(']');
        }
        Kind::Map(map) => {
            text.push('{');
            for (index, (key, entry)) in map.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::Value::from(key.name.as_str()).to_string());
                text.push(':');
                json(entry, text)?;
            }
            text.push('}');
        }
        Kind::Ambiguous(_) | Kind::Unknown(_) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_what_rfc_4648_lists() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("\u{3ff}\u{3fe}\u{ffff}", "z7/Pvu+/vw=="),
        ] {
            assert_eq!(base64(text), expected);
        }
    }

    #[test]
    fn sub_texts_fall_into_pieces() {
        let text = |text: &'static str| Piece::Text(Cow::Borrowed(text));
        assert_eq!(pieces("a${B}c${ D.E }"), [text("a"), Piece::Name("B"), text("c"), Piece::Name("D.E")]);
        assert_eq!(pieces("${!A}${B"), [text("${A}"), text("${B")]);
        assert_eq!(pieces("$ {A} $$"), [text("$ {A} $$")]);
        assert_eq!(pieces(""), []);
    }
}
