//! Builds values from events in one pass, with tags, aliases, and merge keys replaced by their meaning.

mod collection;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use self::collection::{
    CollectionContent, FinishedValue, ObjectSlot, OpenCollection, attribute, levels, meaning, misplaced,
};
use super::dash::Dashes;
use super::event::{YamlEvent, YamlEvents, YamlNode};
use super::tag::{self, TagMeaning};
use super::{BYTES_PER_NODE, Format, MAX_DEPTH, MAX_NODES, SourceError, SourceErrorKind, Span, Warning, scalar};
use crate::path::Origin;
use crate::value::{Key, Kind, Map, Value, repeated};

/// Reads a YAML text in which these dashes are replaced.
pub(super) fn read(text: &str, dashes: &mut Dashes) -> Result<BuiltDocument, SourceError> {
    read_into(DocumentBuilder::new(Format::Yaml), text, dashes)
}

pub(super) fn read_into(
    mut builder: DocumentBuilder,
    text: &str,
    dashes: &mut Dashes,
) -> Result<BuiltDocument, SourceError> {
    let mut documents = 0;
    for event in YamlEvents::new(text) {
        let (mut event, span) = event?;
        dashes.restore(&mut event, span);
        if matches!(event, YamlEvent::Document) {
            documents += 1;
            if documents > 1 {
                return Err(SourceError::new(SourceErrorKind::SeveralDocuments, Some(span)));
            }
            continue;
        }
        builder.take(event, span)?;
    }
    builder.end()
}

/// Returns the number of values that a text counts as in addition to itself, because aliases repeat its bytes.
const fn weight(text: &str) -> usize {
    text.len() / BYTES_PER_NODE
}

/// Receives the parts of a text, in the order written.
pub(super) struct DocumentBuilder {
    format: Format,
    spans: Vec<Span>,
    /// The number of values so far, with each alias expanded.
    nodes: usize,
    /// The unfinished lists and objects, the innermost last.
    open: Vec<OpenCollection>,
    /// Their content so far: of lists …
    values: Vec<Value>,
    /// … and of objects. A finished collection gets a separate allocation of the right size.
    entries: Vec<(Key, Value)>,
    /// The depth of the innermost collection; a tag counts as a level.
    depth: usize,
    anchors: HashMap<usize, FinishedValue>,
    /// The end of the last scalar or bracket, where block lists and objects end.
    end: u32,
    root: Option<Value>,
    warnings: Vec<Warning>,
}

/// The result: the value, the places of its parts, and the warnings.
pub(super) struct BuiltDocument {
    pub(super) root: Value,
    pub(super) spans: Vec<Span>,
    pub(super) warnings: Vec<Warning>,
}

impl DocumentBuilder {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            spans: Vec::new(),
            nodes: 0,
            open: Vec::new(),
            values: Vec::new(),
            entries: Vec::new(),
            depth: 0,
            anchors: HashMap::new(),
            end: 0,
            root: None,
            warnings: Vec::new(),
        }
    }

    /// Returns the result.
    pub(super) fn end(self) -> Result<BuiltDocument, SourceError> {
        match self.root {
            Some(root) => Ok(BuiltDocument { root, spans: self.spans, warnings: self.warnings }),
            None => Err(SourceError::new(SourceErrorKind::Empty, None)),
        }
    }

    pub(super) fn take(&mut self, event: YamlEvent<'_>, span: Span) -> Result<(), SourceError> {
        match event {
            YamlEvent::Document => Ok(()),
            YamlEvent::Scalar { text, plain, node } => {
                if span.length > 0 {
                    self.end = span.end();
                }
                if self.awaits_key() {
                    self.key(&text, plain, &node, span)
                } else {
                    self.scalar(&text, plain, node, span)
                }
            }
            YamlEvent::List(node) => self.start(CollectionContent::List { first: self.values.len() }, node, span),
            YamlEvent::Object(node) => {
                let content =
                    CollectionContent::Object { first: self.entries.len(), slot: ObjectSlot::Key, merged: Vec::new() };
                self.start(content, node, span)
            }
            YamlEvent::End => self.finish(span),
            YamlEvent::Alias(anchor) => self.alias(anchor, span),
            YamlEvent::UnknownAlias(name) => {
                Err(SourceError::new(SourceErrorKind::UnknownAlias { name: name.into_owned() }, Some(span)))
            }
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(OpenCollection { content: CollectionContent::Object { slot: ObjectSlot::Key, .. }, .. })
        )
    }

    fn origin(&mut self, span: Span) -> Origin {
        self.spans.push(span);
        Origin::node(self.spans.len() - 1)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), SourceError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(SourceError::new(SourceErrorKind::TooManyValues, Some(span)));
        }
        Ok(())
    }

    fn key(&mut self, text: &str, plain: bool, node: &YamlNode, span: Span) -> Result<(), SourceError> {
        if let Some(tag) = &node.tag
            && meaning(tag)? != TagMeaning::Text
        {
            return Err(misplaced(tag));
        }
        let origin = self.origin(span);
        self.count(weight(text), span)?;
        if let Some(anchor) = node.anchor {
            let nodes = 1 + weight(text);
            self.count(nodes, span)?;
            let value = Value::new(Kind::String(text.to_owned()), origin);
            self.anchors.insert(anchor, FinishedValue { value, nodes, height: 0 });
        }
        let is_plain = plain && node.tag.is_none() && self.format == Format::Yaml;
        let merge = text == "<<" && is_plain;
        let name = if is_plain { scalar::key(text) } else { Cow::Borrowed(text) };
        if let Some(OpenCollection { content: CollectionContent::Object { slot, .. }, .. }) = self.open.last_mut() {
            *slot = if merge {
                ObjectSlot::Merged(span)
            } else {
                ObjectSlot::Value(Key { name: name.into_owned(), origin })
            };
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, plain: bool, node: YamlNode, span: Span) -> Result<(), SourceError> {
        self.count(1 + weight(text), span)?;
        let tag = node.tag.map(|tag| meaning(&tag).map(|meaning| (tag, meaning))).transpose()?;
        let kind = match &tag {
            Some((tag, meaning)) => tag::scalar(*meaning, text).ok_or_else(|| misplaced(tag))?,
            None if !plain => Kind::String(text.to_owned()),
            None => match self.format {
                Format::Json => scalar::of_json(text),
                Format::Yaml => scalar::of_yaml(text),
            }
            .unwrap_or_else(|| Kind::String(text.to_owned())),
        };
        let origin = self.origin(span);
        let mut value = Value::new(kind, origin);
        let mut height = 0;
        if let Some((tag, TagMeaning::Function(function))) = &tag {
            if *function == "Fn::GetAtt" {
                value = attribute(text, origin);
            }
            self.count(1, span)?;
            value = self.function(function, tag.span, value);
            height = 1;
            self.deep_enough(self.depth + height, span)?;
        }
        let nodes = 1 + weight(text) + height;
        self.attach(FinishedValue { value, nodes, height }, node.anchor, span)
    }

    fn start(&mut self, content: CollectionContent, node: YamlNode, span: Span) -> Result<(), SourceError> {
        if self.awaits_key() {
            return Err(SourceError::new(SourceErrorKind::KeyNotText, Some(span)));
        }
        let nodes_before = self.nodes;
        self.count(1, span)?;
        let tag = node.tag.map(|tag| meaning(&tag).map(|meaning| (tag, meaning))).transpose()?;
        if let Some((tag, meaning)) = &tag {
            match (meaning, &content) {
                (TagMeaning::Function(_), _) => self.count(1, span)?,
                (TagMeaning::List, CollectionContent::List { .. })
                | (TagMeaning::Object, CollectionContent::Object { .. }) => {}
                // A tag without a name does not change the value.
                (TagMeaning::Text, _) if tag.name == "!" => {}
                (TagMeaning::Text | TagMeaning::Scalar(_) | TagMeaning::List | TagMeaning::Object, _) => {
                    return Err(misplaced(tag));
                }
            }
        }
        self.depth += levels(tag.as_ref());
        self.deep_enough(self.depth, span)?;
        if node.flow {
            self.end = span.end();
        }
        let origin = self.origin(span);
        self.open.push(OpenCollection {
            content,
            flow: node.flow,
            anchor: node.anchor,
            tag,
            origin,
            start: span,
            nodes_before,
            height: 0,
        });
        Ok(())
    }

    fn finish(&mut self, span: Span) -> Result<(), SourceError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        if open.flow {
            self.end = span.end();
        }
        let end = self.end;
        if let Some(written) = open.origin.index().and_then(|index| self.spans.get_mut(index)) {
            written.length = end.saturating_sub(written.offset);
        }
        let levels = levels(open.tag.as_ref());
        self.depth -= levels;
        let kind = match open.content {
            CollectionContent::List { first } => Kind::List(self.values.split_off(first)),
            CollectionContent::Object { first, merged, .. } => {
                let entries = self.entries.split_off(first);
                Kind::Map(self.object(entries, merged))
            }
        };
        let mut value = Value::new(kind, open.origin);
        if let Some((tag, TagMeaning::Function(function))) = &open.tag {
            value = self.function(function, tag.span, value);
        }
        let nodes = self.nodes - open.nodes_before;
        self.attach(FinishedValue { value, nodes, height: open.height + levels }, open.anchor, open.start)
    }

    /// Returns the object for a short-form function. Its span is from the tag to the end of the value.
    fn function(&mut self, function: &'static str, tag: Span, value: Value) -> Value {
        let end = self.end.max(tag.end());
        let key = Key { name: function.to_owned(), origin: self.origin(tag) };
        let origin = self.origin(Span { length: end - tag.offset, ..tag });
        let mut map = Map::new();
        map.push_unique(key, value);
        Value::new(Kind::Map(map), origin)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), SourceError> {
        self.end = span.end();
        let Some(built) = self.anchors.get(&anchor) else {
            return Err(SourceError::new(SourceErrorKind::RecursiveAlias, Some(span)));
        };
        if self.awaits_key() {
            let Kind::String(text) = &built.value.kind else {
                return Err(SourceError::new(SourceErrorKind::KeyNotText, Some(span)));
            };
            let text = text.clone();
            return self.key(&text, false, &YamlNode { anchor: None, tag: None, flow: false }, span);
        }
        let (nodes, height) = (built.nodes, built.height);
        self.count(nodes, span)?;
        self.deep_enough(self.depth + height, span)?;
        match self.anchors.get(&anchor).cloned() {
            Some(built) => self.attach(built, None, span),
            None => Ok(()),
        }
    }

    fn deep_enough(&self, depth: usize, span: Span) -> Result<(), SourceError> {
        if depth > MAX_DEPTH { Err(SourceError::new(SourceErrorKind::TooDeep, Some(span))) } else { Ok(()) }
    }

    /// Adds a finished value to the innermost collection.
    fn attach(&mut self, built: FinishedValue, anchor: Option<usize>, span: Span) -> Result<(), SourceError> {
        if let Some(anchor) = anchor {
            // The copy that aliases are made from counts too: anchors can be nested in anchors.
            self.count(built.nodes, span)?;
            self.anchors.insert(anchor, built.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(built.value);
            return Ok(());
        };
        open.height = open.height.max(built.height);
        match &mut open.content {
            CollectionContent::List { .. } => self.values.push(built.value),
            CollectionContent::Object { slot, merged, .. } => match std::mem::replace(slot, ObjectSlot::Key) {
                ObjectSlot::Value(key) => self.entries.push((key, built.value)),
                ObjectSlot::Merged(at) => {
                    let values = match built.value.kind {
                        Kind::List(list) => list,
                        _ => vec![built.value],
                    };
                    if values.iter().any(|value| value.as_map().is_none()) {
                        return Err(SourceError::new(SourceErrorKind::MergeNotObject, Some(at)));
                    }
                    merged.push(values);
                }
                ObjectSlot::Key => {} // keys are never added here
            },
        }
        Ok(())
    }

    /// Builds an object from its entries and the entries of its merge keys. If a key is repeated, the last one wins, as
    /// in CloudFormation (go-to-k/cdk-real-drift#1074, #1133), with a warning. The object's own keys win over merged
    /// ones, and earlier merged keys over later ones ("Merge Key Language-Independent Type for YAML").
    fn object(&mut self, entries: Vec<(Key, Value)>, merged: Vec<Vec<Value>>) -> Map {
        let warnings = repeated(&entries).filter_map(|(first, second)| {
            let span = |key: &Key| key.origin.index().and_then(|index| self.spans.get(index)).copied();
            let (first_line, span) = (span(first)?.line, span(second)?);
            let origin = entries.iter().rfind(|(key, _)| key.name == second.name).map(|(_, value)| value.origin)?;
            Some(Warning::KeyTwice { key: second.name.clone(), first_line, span, value: origin })
        });
        let room = MAX_WARNINGS.saturating_sub(self.warnings.len());
        let warnings: Vec<Warning> = warnings.take(room).collect();
        let map = if warnings.is_empty() && room > 0 { Map::from_unique(entries) } else { Map::of(entries) };
        self.warnings.extend(warnings);
        if merged.is_empty() {
            return map;
        }
        let mut names: HashSet<String> = map.iter().map(|(key, _)| key.name.clone()).collect();
        let mut entries: Vec<(Key, Value)> = map.into_entries().collect();
        // The last of two merge keys wins, as for any key.
        for value in merged.into_iter().rev().flatten() {
            if let Kind::Map(map) = value.kind {
                entries.extend(map.into_entries().filter(|(key, _)| names.insert(key.name.clone())));
            }
        }
        Map::from_unique(entries)
    }
}

/// The maximum number of warnings that are kept for one text.
const MAX_WARNINGS: usize = 1_000;
