//! Unfinished lists and objects, and the tags on values.

use super::super::event::YamlTag;
use super::super::tag::{self, TagMeaning};
use super::super::{SourceError, SourceErrorKind, Span};
use crate::path::Origin;
use crate::value::{Key, Kind, Value};

/// A finished value, the number of values in it, and its depth.
#[derive(Clone)]
pub(super) struct FinishedValue {
    pub(super) value: Value,
    pub(super) nodes: usize,
    pub(super) height: usize,
}

/// An unfinished list or object.
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

/// The kind of an unfinished collection, and where its content begins.
pub(super) enum CollectionContent {
    List { first: usize },
    Object { first: usize, slot: ObjectSlot, merged: Vec<Vec<Value>> },
}

/// The role of the next value in an object.
pub(super) enum ObjectSlot {
    Key,
    Value(Key),
    Merged(Span),
}

/// Returns the number of levels of a list or an object with this tag.
pub(super) fn levels(tag: Option<&(YamlTag, TagMeaning)>) -> usize {
    if matches!(tag, Some((_, TagMeaning::Function(_)))) { 2 } else { 1 }
}

/// Returns the meaning of a tag.
///
/// # Errors
/// Fails if the tag is unknown.
pub(super) fn meaning(tag: &YamlTag) -> Result<TagMeaning, SourceError> {
    tag::meaning(&tag.name).map_err(|problem| SourceError::new(problem, Some(tag.span)))
}

/// Returns the error for a tag on a value that it cannot mark.
pub(super) fn misplaced(tag: &YamlTag) -> SourceError {
    let name = tag.name.replace("tag:yaml.org,2002:", "!!");
    SourceError::new(SourceErrorKind::MisplacedTag { tag: name }, Some(tag.span))
}

/// Splits `!GetAtt a.b` into the list `[a, b]` at the first dot, as CloudFormation does
/// (`!GetAtt Nested.Outputs.Port`).
pub(super) fn attribute(text: &str, origin: Origin) -> Value {
    let part = |text: &str| Value::new(Kind::String(text.to_owned()), origin);
    match text.split_once('.') {
        Some((resource, attribute)) => Value::new(Kind::List(vec![part(resource), part(attribute)]), origin),
        None => part(text),
    }
}
