//! Reads a text into a tree of values, each with its place in the text.
//!
//! It reads YAML as CloudFormation does, and JSON. Short-form functions become long forms (`!Ref X` → `{"Ref": "X"}`),
//! and aliases and merge keys are replaced by the values they represent, so that the rest of the crate handles one
//! shape. ("Template formats" calls aliases and hash merges unsupported; people use them anyway, before or without
//! CloudFormation's refusal.) This module knows no rule and no templates.
//!
//! The result for any text is a [`Document`] or a readable [`SourceError`]: size, nesting, and the expansion of aliases
//! are bounded ([`MAX_BYTES`], [`MAX_DEPTH`], `MAX_NODES`).

mod amend;
mod build;
mod dash;
mod error;
mod event;
mod json;
mod lenient;
mod probe;
mod scalar;
mod tag;

pub use error::{SourceError, SourceErrorKind, Warning};
pub use probe::{is_meant_as_template, may_hold_template};

use crate::path::Origin;
use crate::value::Value;
use build::BuiltDocument;

/// The maximum length of a text in bytes. It is twice what CloudFormation accepts (1 MB, "CloudFormation quotas"),
/// because templates are often minified before they are sent.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// The maximum nesting of values; an intrinsic function counts as one level. Handwritten and generated templates stay
/// below 40.
pub const MAX_DEPTH: usize = 128;

/// The maximum number of values in a text after its aliases are expanded: one value for every eight bytes of the
/// largest template that CloudFormation accepts. Real templates have one for every thirty. Long texts count as several
/// values ([`BYTES_PER_NODE`]).
pub(crate) const MAX_NODES: usize = 128 * 1024;

/// A key or text counts as one more value for each time it contains this many bytes.
pub(crate) const BYTES_PER_NODE: usize = 64;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte, counting from zero.
    pub offset: u32,
    /// The number of bytes.
    pub length: u32,
    /// The line of the first byte, counting from one.
    pub line: u32,
    /// The column of the first byte, in characters, counting from one.
    pub column: u32,
}

impl Span {
    /// Returns the span of a range of bytes. A byte within a character counts as the character's first byte.
    #[must_use]
    pub fn of(text: &str, bytes: std::ops::Range<usize>) -> Self {
        let offset = text.floor_char_boundary(bytes.start);
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            offset: narrow(offset),
            length: narrow(bytes.end.saturating_sub(offset)),
            line: narrow(before.matches('\n').count() + 1),
            column: narrow(before.get(line_start..).unwrap_or_default().chars().count() + 1),
        }
    }

    /// Returns the spans of several ranges of bytes in the order of their starts, in one pass over the text.
    pub(crate) fn of_sorted(
        text: &str,
        ranges: impl IntoIterator<Item = std::ops::Range<usize>>,
    ) -> impl Iterator<Item = Self> {
        let mut place = Self::of(text, 0..0);
        ranges.into_iter().map(move |bytes| {
            let offset = narrow(text.floor_char_boundary(bytes.start));
            place = Self { length: offset.saturating_sub(place.offset), ..place }.end_in(text);
            Self { length: narrow(bytes.end).saturating_sub(offset), ..place }
        })
    }

    /// Returns the part of the text that the span covers.
    #[must_use]
    pub fn text(self, text: &str) -> Option<&str> {
        let start = self.offset as usize;
        text.get(start..start.checked_add(self.length as usize)?)
    }

    /// Returns the empty span directly after this one in the text.
    #[must_use]
    pub fn end_in(self, text: &str) -> Self {
        let covered = self.text(text).unwrap_or_default();
        let last_line = covered.rsplit('\n').next().unwrap_or_default();
        let newlines = narrow(covered.matches('\n').count());
        let columns = narrow(last_line.chars().count());
        let column = if newlines == 0 { self.column + columns } else { columns + 1 };
        Self { offset: self.end(), length: 0, line: self.line + newlines, column }
    }

    /// Returns the first byte after the span.
    pub const fn end(self) -> u32 {
        self.offset.saturating_add(self.length)
    }
}

/// The format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON (RFC 8259).
    Json,
    /// YAML 1.1, as CloudFormation reads it.
    Yaml,
}

impl Format {
    /// Returns the format that CloudFormation detects: a text that begins with `{` or with a JavaScript comment is
    /// JSON; any other text is YAML.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_start();
        if text.starts_with('{') || text.starts_with("//") || text.starts_with("/*") { Self::Json } else { Self::Yaml }
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The result of reading a text.
#[derive(Debug, Clone)]
pub struct Document {
    /// The value that the text contains. Values of an alias have the origins of the anchor's value.
    pub root: Value,
    /// The format of the text.
    pub format: Format,
    /// Warnings for the author, in the order of the text where possible.
    pub warnings: Vec<Warning>,
    spans: Vec<Span>,
}

impl Document {
    /// Returns the place of a value or key of this document.
    #[must_use]
    pub fn span(&self, origin: Origin) -> Option<Span> {
        self.spans.get(origin.index()?).copied()
    }
}

/// Reads a YAML or JSON text.
///
/// ```
/// let text = "Port: !Ref HttpsPort\n";
/// let document = cfn_egress_guard_core::source::parse(text).unwrap();
/// let port = document.root.get("Port").unwrap();
/// assert_eq!(port.get("Ref").unwrap().as_str(), Some("HttpsPort"));
/// let span = document.span(port.origin).unwrap();
/// assert_eq!(span.text(text), Some("!Ref HttpsPort"));
/// assert_eq!((span.line, span.column), (1, 7));
/// ```
///
/// # Errors
/// Fails if the text is not exactly one YAML or JSON document, uses features that CloudFormation does not know (tags,
/// keys that are not text), or exceeds the limits of this module.
pub fn parse(text: &str) -> Result<Document, SourceError> {
    if text.len() > MAX_BYTES {
        return Err(SourceError::new(SourceErrorKind::TooLong { bytes: text.len() }, None));
    }
    let format = Format::of(text);
    let BuiltDocument { root, spans, warnings } = match format {
        Format::Json => json::document(text).or_else(|strict| lenient::document(text, strict)),
        Format::Yaml => amend::document(text),
    }?;
    Ok(Document { root, format, warnings, spans })
}

/// Converts an offset, line, or column to 32 bits; texts are limited to [`MAX_BYTES`].
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
