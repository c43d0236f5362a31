//! Lists and objects that are being read, and the tags on values.

use super::super::event::YamlTag;
use super::super::tag::{self, TagMeaning};
use super::super::{SourceError, SourceErrorKind, Span};
use crate::path::Origin;
use crate::value::{Key, Kind, Value};

/// A finished value, how many values it contains and how deep they go.
#[derive(Clone)]
pub(super) struct FinishedValue {
    pub(super) value: Value,
    pub(super) nodes: usize,
    pub(super) height: usize,
}

/// A list or an object that is not finished.
pub(super) struct OpenCollection {
    pub(super) content: CollectionContent,
    pub(super) flow: bool,
    pub(super) anchor: Option<usize>,
    pub(super) tag: Option<(YamlTag, TagMeaning)>,
    pub(super) origin: Origin,
    pub(super) start: Span,
    pub(super) nodes_before: usize,
    pub(super) height: usize,
}

/// What is open, and where its content begins.
pub(super) enum CollectionContent {
    List { first: usize },
    Object { first: usize, slot: ObjectSlot, merged: Vec<Vec<Value>> },
}

/// What the next value of an object is.
pub(super) enum ObjectSlot {
    Key,
    Value(Key),
    Merged(Span),
}

/// How many levels a list or an object with this tag is.
pub(super) fn levels(tag: Option<&(YamlTag, TagMeaning)>) -> usize {
    if matches!(tag, Some((_, TagMeaning::Function(_)))) { 2 } else { 1 }
}

/// What a tag says of its value.
///
/// # Errors
/// When no such tag is known.
pub(super) fn meaning(tag: &YamlTag) -> Result<TagMeaning, SourceError> {
    tag::meaning(&tag.name).map_err(|problem| SourceError::new(problem, Some(tag.span)))
}

/// The error of a tag on a value that it cannot be on.
pub(super) fn misplaced(tag: &YamlTag) -> SourceError {
    let name = tag.name.replace("tag:yaml.org,2002:", "!!");
    SourceError::new(SourceErrorKind::MisplacedTag { tag: name }, Some(tag.span))
}

/// `!GetAtt a.b` is the list `[a, b]`, split at the first point as CloudFormation does
/// (`!GetAtt Nested.Outputs.Port`).
pub(super) fn attribute(text: &str, origin: Origin) -> Value {
    let part = |text: &str| Value::new(Kind::String(text.to_owned()), origin);
    match text.split_once('.') {
        Some((resource, attribute)) => Value::new(Kind::List(vec![part(resource), part(attribute)]), origin),
        None => part(text),
    }
}
