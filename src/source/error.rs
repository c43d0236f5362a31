//! Errors and warnings about a text, in words.

use std::fmt;

use crate::excerpt::excerpt;
use crate::path::Origin;

use super::{Format, MAX_BYTES, MAX_DEPTH, MAX_NODES, Span};

/// The reason why a text could not be read, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The problem.
    pub problem: SourceErrorKind,
    /// The place, if it has one.
    pub span: Option<Span>,
}

/// The kinds of errors in a text. The author of the text can correct all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// The text contains no value.
    Empty,
    /// The text is longer than [`MAX_BYTES`].
    TooLong { bytes: usize },
    /// Values are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The text has more values than `MAX_NODES`, most likely because of nested aliases.
    TooManyValues,
    /// The text contains more than one YAML document.
    SeveralDocuments,
    /// The text is invalid.
    Syntax {
        /// The format it was read as.
        format: Format,
        /// The parser's message.
        detail: String,
    },
    /// The text is valid JSON, but contains half of a surrogate pair, which is not text.
    Unreadable {
        /// The parser's message.
        detail: String,
    },
    /// A key is a list or an object.
    KeyNotText,
    /// A tag that is not a CloudFormation function.
    UnknownTag {
        /// The tag as written.
        tag: String,
    },
    /// A YAML tag that CloudFormation does not support, such as `!!binary` or `!!set`.
    UnsupportedTag {
        /// The tag as written.
        tag: String,
    },
    /// A tag on a value that it cannot mark (`!!int abc`, `!!str` on a list).
    MisplacedTag {
        /// The tag as written.
        tag: String,
    },
    /// An alias whose anchor is not defined before it.
    UnknownAlias {
        /// The anchor's name.
        name: String,
    },
    /// An alias inside the value that it represents.
    RecursiveAlias,
    /// A merge key (`<<`) whose value is neither an object nor a list of objects.
    MergeNotObject,
}

impl SourceError {
    pub(super) const fn new(problem: SourceErrorKind, span: Option<Span>) -> Self {
        Self { problem, span }
    }

    /// Returns the remedy in one sentence.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self.problem {
            SourceErrorKind::Empty => "write a template with a `Resources` section",
            SourceErrorKind::TooLong { .. } => {
                "CloudFormation accepts templates up to 1 MB: split it into nested stacks"
            }
            SourceErrorKind::TooDeep => "reduce the nesting: CloudFormation templates never need this many levels",
            SourceErrorKind::TooManyValues => "use fewer nested aliases: each alias repeats its whole value",
            SourceErrorKind::SeveralDocuments => "keep one template per file: CloudFormation reads one document",
            SourceErrorKind::Syntax { format: Format::Json, .. } => {
                "check the quotes, commas, and brackets before this place"
            }
            SourceErrorKind::Syntax { format: Format::Yaml, .. } => {
                "check the indentation, quotes, and brackets before this place"
            }
            SourceErrorKind::Unreadable { .. } => "write both halves of a surrogate pair (`\\ud83d\\ude00`)",
            SourceErrorKind::KeyNotText => "write keys as plain text",
            SourceErrorKind::UnknownTag { .. } => {
                "use a CloudFormation function (`!Ref`, `!Sub`, `!If`, and so on), or quote text that begins with `!`"
            }
            SourceErrorKind::UnsupportedTag { .. } => {
                "CloudFormation does not support the tags binary, omap, pairs, set, and timestamp: write plain text"
            }
            SourceErrorKind::MisplacedTag { .. } => "remove the tag",
            SourceErrorKind::UnknownAlias { .. } => {
                "define the anchor before its first alias, or quote text that begins with `*`"
            }
            SourceErrorKind::RecursiveAlias => "write out the value: it cannot contain itself",
            SourceErrorKind::MergeNotObject => "set `<<` to an alias of an object, or to a list of such aliases",
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            SourceErrorKind::Empty => f.write_str("the file is empty"),
            SourceErrorKind::TooLong { bytes } => {
                write!(f, "the file has {bytes} bytes, more than the limit of {MAX_BYTES}")
            }
            SourceErrorKind::TooDeep => write!(f, "values are nested more than {MAX_DEPTH} levels deep"),
            SourceErrorKind::TooManyValues => write!(f, "the file has more than {MAX_NODES} values"),
            SourceErrorKind::SeveralDocuments => f.write_str("the file has more than one YAML document"),
            SourceErrorKind::Syntax { format: Format::Json, detail } => {
                write!(f, "this is not valid JSON: {detail}")
            }
            SourceErrorKind::Syntax { format: Format::Yaml, detail } => {
                write!(f, "this is not valid YAML: {detail}")
            }
            SourceErrorKind::Unreadable { detail } => write!(f, "this JSON cannot be read: {detail}"),
            SourceErrorKind::KeyNotText => f.write_str("a key is a list or an object"),
            SourceErrorKind::UnknownTag { tag } => write!(f, "`{}` is not a CloudFormation function", shown(tag)),
            SourceErrorKind::UnsupportedTag { tag } => {
                write!(f, "CloudFormation does not support tag `{}`", shown(tag))
            }
            SourceErrorKind::MisplacedTag { tag } => write!(f, "tag `{}` does not match its value", shown(tag)),
            SourceErrorKind::UnknownAlias { name } => write!(f, "alias `*{}` has no anchor before it", shown(name)),
            SourceErrorKind::RecursiveAlias => f.write_str("an alias is inside the value that it refers to"),
            SourceErrorKind::MergeNotObject => f.write_str("the value of the merge key `<<` is not an object"),
        }
    }
}

impl std::error::Error for SourceError {}

/// A construct that CloudFormation accepts and the author should know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A key appears twice in one object; the last value wins.
    KeyTwice {
        /// The key as written, without quotes.
        key: String,
        /// The line of the earlier key.
        first_line: u32,
        /// The place of the later key.
        span: Span,
        /// The value that wins.
        value: Origin,
    },
    /// JSON with comments or trailing commas, which strict parsers refuse.
    NotStrictJson {
        /// The message of a strict parser.
        detail: String,
        /// The first byte that a strict parser does not accept.
        span: Span,
    },
}

impl Warning {
    /// Returns the place in the text.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::KeyTwice { span, .. } | Self::NotStrictJson { span, .. } => *span,
        }
    }

    pub(super) const fn span_mut(&mut self) -> &mut Span {
        match self {
            Self::KeyTwice { span, .. } | Self::NotStrictJson { span, .. } => span,
        }
    }

    /// Returns the remedy in one sentence.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::KeyTwice { .. } => "Remove the key that CloudFormation ignores.",
            Self::NotStrictJson { .. } => "Remove comments and trailing commas: other tools reject them.",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyTwice { key, first_line, span, .. } => {
                write!(f, "key `{}` appears twice, on ", shown(key))?;
                if *first_line == span.line {
                    write!(f, "line {first_line}")?;
                } else {
                    write!(f, "lines {first_line} and {}", span.line)?;
                }
                f.write_str(": CloudFormation uses the last one")
            }
            Self::NotStrictJson { detail, .. } => write!(f, "this is not strict JSON: {detail}"),
        }
    }
}

/// Shortens text of the template's author for a message, on one line and without backticks.
fn shown(text: &str) -> String {
    excerpt(text, 64).replace('`', " ")
}
