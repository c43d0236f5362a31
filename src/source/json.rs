//! Reads JSON with serde_json, which validates the text and decodes its strings.
//!
//! serde_json does not report the place of a value. This module tracks it: between two values of valid JSON, there are
//! only white space, commas, and colons.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::build::{BuiltDocument, DocumentBuilder};
use super::event::{YamlEvent, YamlNode};
use super::{BYTE_ORDER_MARK, Format, SourceError, SourceErrorKind, Span, narrow};

/// Reads a JSON text.
pub(super) fn document(text: &str) -> Result<BuiltDocument, SourceError> {
    let json = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut reader =
        JsonReader { cursor: JsonCursor::new(text), builder: DocumentBuilder::new(Format::Json), refusal: None };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    // The builder limits the depth.
    deserializer.disable_recursion_limit();
    let read = reader.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    let Err(error) = read else { return reader.builder.end() };
    // An invalid text is reported before any other error, wherever it is.
    serde_json::from_str::<IgnoredAny>(json).map_err(|error| {
        let (detail, span) = described(&error, text);
        SourceError::new(SourceErrorKind::Syntax { format: Format::Json, detail }, Some(span))
    })?;
    Err(reader.refusal.unwrap_or_else(|| {
        let (detail, span) = described(&error, text);
        SourceError::new(SourceErrorKind::Unreadable { detail }, Some(span))
    }))
}

/// Returns serde_json's message and its place.
fn described(error: &serde_json::Error, text: &str) -> (String, Span) {
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
    let mut message = error.to_string();
    if let Some(at) = message.rfind(" at line ") {
        message.truncate(at);
    }
    (message, position(text, line, error.column()))
}

/// Returns the character at the line and (byte) column that serde_json reports, both counting from one.
fn position(text: &str, line: u32, column: usize) -> Span {
    let before: usize = text.split_inclusive('\n').take((line as usize).saturating_sub(1)).map(str::len).sum();
    let mut offset = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let column = text.get(before..offset).map_or(1, |part| part.chars().count() + 1);
    let length = text.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span { offset: narrow(offset), length: narrow(length), line: line.max(1), column: narrow(column) }
}

/// Passes each value and key to the builder, with its place.
struct JsonReader<'t> {
    cursor: JsonCursor<'t>,
    builder: DocumentBuilder,
    /// The builder's reason for rejecting a value.
    refusal: Option<SourceError>,
}

impl JsonReader<'_> {
    fn take<E: Error>(&mut self, event: YamlEvent<'_>, length: usize) -> Result<(), E> {
        let span = self.cursor.pass(length);
        self.builder.take(event, span).map_err(|refusal| {
            self.refusal = Some(refusal);
            E::custom("refused")
        })
    }

    fn scalar<E: Error>(&mut self, text: &str, plain: bool, length: usize) -> Result<(), E> {
        let node = YamlNode { anchor: None, tag: None, flow: true };
        self.take(YamlEvent::Scalar { text: Cow::Borrowed(text), plain, node }, length)
    }

    fn end<E: Error>(&mut self) -> Result<(), E> {
        self.cursor.next();
        self.take(YamlEvent::End, 1)
    }
}

/// Reads a value or a key.
impl<'de> DeserializeSeed<'de> for &mut JsonReader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.cursor.next() {
            Some(b'{') => deserializer.deserialize_map(self),
            Some(b'[') => deserializer.deserialize_seq(self),
            Some(b'"') => deserializer.deserialize_str(self),
            // Numbers are kept as written, without conversion to floating point.
            _ => {
                deserializer.deserialize_ignored_any(IgnoredAny)?;
                let text = self.cursor.word();
                self.scalar(text, true, text.len())
            }
        }
    }
}

impl<'de> Visitor<'de> for &mut JsonReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value there")
    }

    /// Reads text without escapes.
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.scalar(text, false, text.len() + 2)
    }

    /// Reads text with escapes.
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let length = self.cursor.quoted();
        self.scalar(text, false, length)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.take(YamlEvent::List(YamlNode { anchor: None, tag: None, flow: true }), 1)?;
        while entries.next_element_seed(&mut *self)?.is_some() {}
        self.end()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.take(YamlEvent::Object(YamlNode { anchor: None, tag: None, flow: true }), 1)?;
        while entries.next_key_seed(&mut *self)?.is_some() {
            entries.next_value_seed(&mut *self)?;
        }
        self.end()
    }
}

/// A position in a text that is known to be valid up to that position.
struct JsonCursor<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    /// The offset at which the line would begin if all earlier characters on it were one byte long.
    margin: usize,
}

impl<'t> JsonCursor<'t> {
    fn new(text: &'t str) -> Self {
        let at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Self { text, at, line: 1, margin: at }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Moves to the next value, key, or closing bracket, and returns its first byte.
    fn next(&mut self) -> Option<u8> {
        for &byte in self.rest() {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.margin = self.at + 1;
                }
                b' ' | b'\t' | b'\r' | b',' | b':' => {}
                _ => return Some(byte),
            }
            self.at += 1;
        }
        None
    }

    /// Returns the number or name at this position.
    fn word(&self) -> &'t str {
        let ends = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        let length = self.rest().iter().position(ends).unwrap_or(self.rest().len());
        self.text.get(self.at..self.at + length).unwrap_or_default()
    }

    /// Returns the length of the quoted text at this position.
    fn quoted(&self) -> usize {
        let mut escaped = false;
        let ends = |&byte: &u8| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        };
        self.rest().iter().skip(1).position(ends).map_or(0, |inner| inner + 2)
    }

    /// Moves past the value here and returns its place.
    fn pass(&mut self, length: usize) -> Span {
        let column = self.at - self.margin + 1;
        let span =
            Span { offset: narrow(self.at), length: narrow(length), line: narrow(self.line), column: narrow(column) };
        let passed = self.text.get(self.at..self.at + length).unwrap_or_default();
        if !passed.is_ascii() {
            self.margin += passed.len() - passed.chars().count();
        }
        self.at += length;
        span
    }
}
