//! Text → a tree of values, each with the place where it was written.
//!
//! YAML as CloudFormation reads it, and JSON. Short-form functions arrive as their long forms (`!Ref X` → `{"Ref":
//! "X"}`), aliases and merge keys as what they represent, so that everything behind this module sees one shape.
//! ("Template formats" calls aliases and hash merges unsupported; people use them all the same, before or without
//! CloudFormation's refusal.) Knows no rule and no template.
//!
//! Whatever the text is, the answer is a [`Document`] or a [`SourceError`] in words: size, nesting
//! and what aliases multiply to are bounded ([`MAX_BYTES`], [`MAX_DEPTH`], `MAX_NODES`).

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

/// How long a text may be, in bytes: twice what CloudFormation accepts (1 MB, "CloudFormation
/// quotas"), because templates are often shrunk before they are sent.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// How many values may be nested, an intrinsic function counting as one of them. Hand-written and generated templates
/// stay below 40.
pub const MAX_DEPTH: usize = 128;

/// How many values a text may hold once its aliases represent what they name: one value for every eight bytes of the
/// largest template CloudFormation accepts; real ones have one for every thirty. Long texts count for several
/// ([`BYTES_PER_NODE`]).
pub(crate) const MAX_NODES: usize = 128 * 1024;

/// Each time a key or text is so long, in bytes, it counts for one value more.
pub(crate) const BYTES_PER_NODE: usize = 64;

/// Where something is in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte, counted from zero.
    pub offset: u32,
    /// Number of bytes.
    pub length: u32,
    /// The line of the first byte, counted from one.
    pub line: u32,
    /// The column of the first byte, in characters, counted from one.
    pub column: u32,
}

impl Span {
    /// Some bytes of a text; bytes within a character count as its first.
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

    /// The part of the text that it covers.
    #[must_use]
    pub fn text(self, text: &str) -> Option<&str> {
        let start = self.offset as usize;
        text.get(start..start.checked_add(self.length as usize)?)
    }

    /// Where it ends in this text: the place of the first character behind it.
    #[must_use]
    pub fn end_in(self, text: &str) -> Self {
        let covered = self.text(text).unwrap_or_default();
        let last_line = covered.rsplit('\n').next().unwrap_or_default();
        let newlines = narrow(covered.matches('\n').count());
        let columns = narrow(last_line.chars().count());
        let column = if newlines == 0 { self.column + columns } else { columns + 1 };
        Self { offset: self.end(), length: 0, line: self.line + newlines, column }
    }

    /// The first byte behind it.
    pub const fn end(self) -> u32 {
        self.offset.saturating_add(self.length)
    }
}

/// What a text was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON (RFC 8259).
    Json,
    /// YAML 1.1, as CloudFormation reads it.
    Yaml,
}

impl Format {
    /// How CloudFormation takes a text: one that begins with `{`, or with a comment of JavaScript, is JSON; anything
    /// else is YAML.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_start();
        if text.starts_with('{') || text.starts_with("//") || text.starts_with("/*") { Self::Json } else { Self::Yaml }
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text that was read.
#[derive(Debug, Clone)]
pub struct Document {
    /// The value that the text contains. Values of an alias point to where the anchor wrote them.
    pub root: Value,
    /// What it was written in.
    pub format: Format,
    /// What its author should know, in the order of the text where that is possible.
    pub warnings: Vec<Warning>,
    spans: Vec<Span>,
}

impl Document {
    /// Where a value or key of this document was written.
    #[must_use]
    pub fn span(&self, origin: Origin) -> Option<Span> {
        self.spans.get(origin.index()?).copied()
    }
}

/// Reads a text, YAML or JSON.
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
/// When the text is not one YAML or JSON document, uses what CloudFormation does not know (tags,
/// keys that are no text), or is larger than the limits of this module.
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

/// Offsets, lines and columns fit 32 bits: texts are bounded by [`MAX_BYTES`].
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
