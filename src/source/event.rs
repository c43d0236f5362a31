//! The only file that uses the YAML parser. It converts the parser's events to this crate's types.

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event as Parsed, Options, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};

use super::{Format, MAX_DEPTH, SourceError, SourceErrorKind, Span, narrow};

/// An element of the text, in the order written.
pub(super) enum YamlEvent<'t> {
    /// The start of a document.
    Document,
    /// A scalar with its escapes resolved. An implicit empty value is the plain scalar `~`, or empty text after a tag.
    Scalar {
        text: Cow<'t, str>,
        /// Whether it is written without quotes and not as a block.
        plain: bool,
        /// Its anchor, tag, and style.
        node: YamlNode,
    },
    /// The start of a list.
    List(YamlNode),
    /// The start of an object.
    Object(YamlNode),
    /// The end of the innermost list or object.
    End,
    /// An alias of the anchor with this number.
    Alias(usize),
    /// An alias of an anchor that does not exist.
    UnknownAlias(Cow<'t, str>),
}

/// The anchor, tag, and style of a value.
pub(super) struct YamlNode {
    /// The number of its anchor, if it has one.
    pub(super) anchor: Option<usize>,
    /// Its tag, if it has one.
    pub(super) tag: Option<YamlTag>,
    /// Whether it is written between brackets.
    pub(super) flow: bool,
}

/// A resolved tag (`!Ref`, `tag:yaml.org,2002:str`; a lone `!` stays as written) and its place.
pub(super) struct YamlTag {
    pub(super) name: String,
    /// Its place.
    pub(super) span: Span,
}

/// The events of a text and their places.
pub(super) struct YamlEvents<'t> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
}

impl<'t> YamlEvents<'t> {
    /// Starts reading.
    pub(super) fn new(text: &'t str) -> Self {
        let mut options = Options::default();
        options.emit_unresolved_aliases = true;
        // As YAML 1.1 readers do.
        options.block_scalar_eof_without_line_feed = true;
        options.flow_nesting_limit = MAX_DEPTH;
        options.block_nesting_limit = MAX_DEPTH;
        Self { parser: Parser::new_from_str_with_options(text, options), text }
    }

    fn error(&self, error: &ScanError) -> SourceError {
        let marker = error.marker();
        let offset = marker.byte_offset().unwrap_or(0);
        let length = self.text.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let span = Span {
            offset: narrow(offset),
            length: narrow(length),
            line: narrow(marker.line()),
            column: narrow(marker.col() + 1),
        };
        let problem = if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            SourceErrorKind::TooDeep
        } else {
            let detail = printable(&error.kind().to_string()).trim_end_matches('.').to_owned();
            SourceErrorKind::Syntax { format: Format::Yaml, detail }
        };
        SourceError::new(problem, Some(span))
    }
}

impl<'t> Iterator for YamlEvents<'t> {
    type Item = Result<(YamlEvent<'t>, Span), SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (parsed, place) = match self.parser.next_event()? {
                Ok(event) => event,
                Err(error) => return Some(Err(self.error(&error))),
            };
            let node = |anchor: usize, tag: Option<Cow<'t, granit_parser::Tag>>, flow| YamlNode {
                anchor: (anchor != 0).then_some(anchor),
                tag: tag.map(|tag| YamlTag {
                    name: tag.to_string(),
                    span: place.tag_span().map_or_else(|| span(&place), |place| span(&place)),
                }),
                flow,
            };
            let event = match parsed {
                Parsed::DocumentStart(..) => YamlEvent::Document,
                Parsed::Scalar(text, style, anchor, tag) => {
                    YamlEvent::Scalar { text, plain: style == ScalarStyle::Plain, node: node(anchor, tag, false) }
                }
                Parsed::SequenceStart(style, anchor, tag) => {
                    YamlEvent::List(node(anchor, tag, style == StructureStyle::Flow))
                }
                Parsed::MappingStart(style, anchor, tag) => {
                    YamlEvent::Object(node(anchor, tag, style == StructureStyle::Flow))
                }
                Parsed::SequenceEnd | Parsed::MappingEnd => YamlEvent::End,
                Parsed::Alias(anchor) => YamlEvent::Alias(anchor),
                Parsed::UnresolvedAlias(name) => YamlEvent::UnknownAlias(name),
                Parsed::StreamStart | Parsed::StreamEnd | Parsed::DocumentEnd | Parsed::Anchor(..) | _ => continue,
            };
            return Some(Ok((event, span(&place))));
        }
    }
}

/// Returns the parser's message on one line, with the control characters that it quotes from the text escaped.
fn printable(message: &str) -> String {
    let mut printable = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn span(place: &granit_parser::Span) -> Span {
    let start = place.start.byte_offset().unwrap_or(0);
    let end = place.end.byte_offset().unwrap_or(start);
    Span {
        offset: narrow(start),
        length: narrow(end.saturating_sub(start)),
        line: narrow(place.start.line()),
        column: narrow(place.start.col() + 1),
    }
}
