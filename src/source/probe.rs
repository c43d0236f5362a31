//! Detects whether a text was intended as a template, even if it cannot be read.
//!
//! Programs that search folders find many kinds of text: a playbook with its own tags, a hundred megabytes of JSON, a
//! template without its last bracket. Only the last one is worth an error.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::event::{YamlEvent, YamlEvents};
use super::{BYTE_ORDER_MARK, Format};

/// Returns whether a text may contain a template. This quick check does not parse the text and misses no template.
#[must_use]
pub fn may_hold_template(text: &str) -> bool {
    const SECTIONS: [&str; 3] = ["Resources", VERSION, "Transform"];
    SECTIONS.iter().any(|section| text.contains(section))
        // Section names can be written with escapes.
        || (text.contains('\\') && ["\\u00", "\\U0000", "\\x", "\\\n", "\\\r"].iter().any(|escape| text.contains(escape)))
}

/// Returns whether a text that cannot be read was intended as a template: its outermost object has a section that only
/// templates have.
///
/// Where the text is valid, only that object counts; words elsewhere do not matter. Where it is invalid, keys that are
/// written like those of the outermost object count too.
#[must_use]
pub fn is_meant_as_template(text: &str) -> bool {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if Format::of(text) == Format::Json {
        let found = Cell::new(false);
        let look = ProbeVisitor { at: ProbePosition::Sections, found: &found };
        let read = look.deserialize(&mut serde_json::Deserializer::from_str(text));
        if read.is_ok() || found.get() {
            return found.get();
        }
    }
    match JsonOutline::of(text) {
        JsonOutline::Template => true,
        JsonOutline::Other => false,
        JsonOutline::Broken { column: Some(column) } => is_written_in(text, column),
        // A template engine's directive begins with a bracket, too.
        JsonOutline::Broken { column: None } => is_written_between_brackets(text) || begins_sections(text),
    }
}

const VERSION: &str = "AWSTemplateFormatVersion";
const RESOURCES: &str = "Resources";
const TRANSFORM: &str = "Fn::Transform";
const LOOP: &str = "Fn::ForEach";

/// Returns whether a key of the outermost object identifies a template.
fn is_section(key: &str) -> bool {
    key == VERSION || key == TRANSFORM
}

/// Returns whether a key of `Resources` identifies a template.
fn is_special_resource(key: &str) -> bool {
    key == TRANSFORM || key.starts_with(LOOP)
}

/// Returns whether the `Type` of a resource identifies a template.
fn is_type(name: &str) -> bool {
    name.contains("::")
}

/// The result of scanning the events of a text.
enum JsonOutline {
    Template,
    Other,
    /// The text is invalid, and nothing before the error identifies it. Contains the column of the outermost object's
    /// keys, counting from zero, unless that object is written between brackets.
    Broken {
        column: Option<u32>,
    },
}

impl JsonOutline {
    fn of(text: &str) -> Self {
        let mut open: Vec<ProbeLevel> = Vec::new();
        let mut column = (Format::of(text) == Format::Yaml).then_some(0);
        let mut documents = 0;
        for event in YamlEvents::new(text) {
            let Ok((event, span)) = event else { return Self::Broken { column } };
            match event {
                YamlEvent::Document => {
                    documents += 1;
                    if documents > 1 {
                        return Self::Other;
                    }
                }
                YamlEvent::Scalar { text, .. } => {
                    if Self::scalar(&mut open, &text) == Some(true) {
                        return Self::Template;
                    }
                }
                YamlEvent::Object(node) => {
                    if open.is_empty() {
                        column = (!node.flow).then(|| span.column.saturating_sub(1));
                    }
                    open.push(ProbeLevel::Object { key: None });
                }
                // A template is not a list.
                YamlEvent::List(_) if open.is_empty() => return Self::Other,
                YamlEvent::List(_) => open.push(ProbeLevel::List),
                YamlEvent::End => {
                    open.pop();
                    ProbeLevel::value_done(&mut open);
                }
                YamlEvent::Alias(_) | YamlEvent::UnknownAlias(_) => ProbeLevel::value_done(&mut open),
            }
        }
        Self::Other
    }

    /// Processes a key or a value. Returns whether it identifies a template, or `None` if it is the whole text.
    fn scalar(open: &mut [ProbeLevel], text: &str) -> Option<bool> {
        let (innermost, outer) = open.split_last_mut()?;
        let ProbeLevel::Object { key } = innermost else { return Some(false) };
        let in_resources = matches!(outer.first(), Some(ProbeLevel::Object { key: Some(key) }) if key == RESOURCES);
        Some(match key.take() {
            None => {
                *key = Some(text.to_owned());
                match outer {
                    [] => is_section(text),
                    [_] => in_resources && is_special_resource(text),
                    [_, ProbeLevel::Object { .. }] => in_resources && text == TRANSFORM,
                    _ => false,
                }
            }
            Some(key) => {
                matches!(outer, [_, ProbeLevel::Object { .. }]) && in_resources && key == "Type" && is_type(text)
            }
        })
    }
}

/// An unfinished object or list.
enum ProbeLevel {
    /// With the key of the next value.
    Object {
        key: Option<String>,
    },
    List,
}

impl ProbeLevel {
    /// Records the end of an object, a list, or an alias, which was the value of a key, or a key.
    fn value_done(open: &mut [Self]) {
        if let Some(Self::Object { key }) = open.last_mut() {
            *key = if key.is_some() { None } else { Some(String::new()) };
        }
    }
}

/// Returns whether keys in this column of the text, counting from zero, are sections of a template.
fn is_written_in(text: &str, column: u32) -> bool {
    let mut keys = text.lines().filter_map(|line| {
        let key = line.trim_start_matches(' ');
        let is_outermost = line.len() - key.len() == column as usize;
        let (key, _) = key.split_once(':').filter(|_| is_outermost)?;
        Some(key.trim_end().trim_matches(['"', '\'']))
    });
    keys.any(|key| key == VERSION || (key == RESOURCES && has_type(text)))
}

/// Returns whether a separate line begins a template's resources or states its version.
fn begins_sections(text: &str) -> bool {
    let has_line = |is: &dyn Fn(&str) -> bool| text.lines().any(|line| is(line.trim_end()));
    has_line(&|line| line.split_once(':').is_some_and(|(key, _)| key == VERSION))
        || (has_line(&|line| line.strip_suffix(':') == Some(RESOURCES)) && has_type(text))
}

/// Returns whether a text between brackets has the sections of a template.
fn is_written_between_brackets(text: &str) -> bool {
    let has_key = |name: &str, opening: &str| {
        text.match_indices(name).any(|(at, _)| {
            let rest = text.get(at + name.len()..).unwrap_or_default().trim_start_matches(['"', '\'']).trim_start();
            rest.strip_prefix(':').is_some_and(|value| value.trim_start().starts_with(opening))
        })
    };
    has_key(VERSION, "") || (has_key(RESOURCES, "{") && has_type(text))
}

/// Returns whether there is a `Type` as resources have it, or the name of an AWS type.
fn has_type(text: &str) -> bool {
    if text.contains("AWS::") {
        return true;
    }
    let quotes = ['"', '\''];
    text.match_indices("Type").any(|(at, word)| {
        let rest = text.get(at + word.len()..).unwrap_or_default().trim_start_matches(quotes).trim_start();
        let Some(name) = rest.strip_prefix(':') else { return false };
        let name = name.trim_start_matches(' ').trim_start_matches(quotes);
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = name.find(|c| !is_letter(c)).unwrap_or(name.len());
        end > 0 && name.get(end..).is_some_and(|rest| rest.starts_with("::"))
    })
}

/// Scans JSON of any size and remembers whether it contains something that only templates have.
struct ProbeVisitor<'f> {
    at: ProbePosition,
    found: &'f Cell<bool>,
}

/// The position that is being scanned.
#[derive(Clone, Copy)]
enum ProbePosition {
    Sections,
    Resources,
    Resource,
    Type,
}

impl ProbeVisitor<'_> {
    /// Returns the position after a key.
    fn behind(&self, key: &str) -> Option<ProbePosition> {
        let (says_so, next) = match self.at {
            ProbePosition::Sections => (is_section(key), (key == RESOURCES).then_some(ProbePosition::Resources)),
            ProbePosition::Resources => (is_special_resource(key), Some(ProbePosition::Resource)),
            ProbePosition::Resource => (key == TRANSFORM, (key == "Type").then_some(ProbePosition::Type)),
            ProbePosition::Type => (false, None),
        };
        self.found.set(self.found.get() || says_so);
        next
    }
}

impl<'de> DeserializeSeed<'de> for ProbeVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ProbeVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            match self.behind(&key) {
                Some(at) => entries.next_value_seed(ProbeVisitor { at, found: self.found })?,
                None => entries.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.found.set(self.found.get() || (matches!(self.at, ProbePosition::Type) && is_type(text)));
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_may_hold_a_template_has_a_section_however_it_is_written() {
        for text in [
            "Resources: {}",
            "AWSTemplateFormatVersion: x",
            "Transform: M",
            r#"{"\u0052esources": {}}"#,
            r#""\x52esources": {}"#,
            r#""\U00000052esources": {}"#,
            "? \"Reso\\\n  urces\"\n: {}",
        ] {
            assert!(may_hold_template(text), "{text}");
        }
        for text in ["on: push", r#"{"a": "\n\"\\"}"#, "resources: {}"] {
            assert!(!may_hold_template(text), "{text}");
        }
    }

    /// These texts cannot be read: broken, with tags that CloudFormation does not know, or too large.
    #[test]
    fn what_was_meant_as_a_template_is_distinguished_from_what_only_has_its_words() {
        for text in [
            "Resources:\n  A: {Type: AWS::S3::Bucket\n",
            "Parameters: {P: {Type: String\nResources:\n  A:\n    Type: AWS::S3::Bucket\n",
            "Description: \"open\nResources:\n  A:\n    \"Type\": \"Custom::Thing\"\n",
            "AWSTemplateFormatVersion: 2010-09-09\nA: [\n",
            "Resources: [AWS::",
            "\"AWSTemplateFormatVersion\" : 2010-09-09\nA: [\n",
            "Resources:\n  A:\n    Type: !Own AWS::S3::Bucket\n",
            "  Resources:\n    A:\n      Type: A::B\n   C: ]\n",
            "\"\\x52esources\":\n  A:\n    Type: A::B\n    C: ]\n",
            "Resources:\n  Fn::Transform: {Name: AWS::Include\n",
            "Resources:\n  Fn::ForEach::L: [\n",
            "Fn::Transform: {Name: AWS::Include\n",
            "Resources:\n  A:\n    Fn::Transform: {Name: M}\n    B: ]\n",
            r#"{"Resources": {"A": {"Fn::Transform": {"Name": "M"}, "B": }}}"#,
            "{% set a = 1 %}\nAWSTemplateFormatVersion: 2010-09-09\n",
            r#"{"Resources": {"A": {"Type": "AWS::S3::Bucket""#,
            r#"{"Parameters": {"P" {}}, "Resources": {"A": {"Type": "AWS::S3::Bucket"}}}"#,
            r#"{"Resources": {"A": {"Properties": {"a" "b"}, "Type": "AWS::S3::Bucket"}}}"#,
            r#"{"\u0052esources": {"A": {"Type": "A\u003a:B", "x": }}}"#,
            r#"{"a": [1, 2 3], "AWSTemplateFormatVersion": "2010-09-09"}"#,
            "{Resources: {A: {Type: A::B, Properties: {a: ]}}}}",
            "<<<<<<< HEAD\nResources:\n  A: {Type: AWS::S3::Bucket}\n=======\n>>>>>>> x\n",
            "{{ header }}\nResources:\n  A: {Type: AWS::S3::Bucket}\n",
        ] {
            assert!(is_meant_as_template(text), "{text}");
        }
        for text in [
            "- hosts: localhost\n  vars: {secret: !vault \"x\"}\n  tasks:\n    - template_body: \"Resources: {A: {Type: AWS::SNS::Topic}}\"\n",
            "- AWSTemplateFormatVersion: x\n- Resources: {A: {Type: AWS::S3::Bucket}}\n- ]\n",
            "jobs:\n  a: !reference [b]\n  script: |\n    Resources:\n      A: {Type: AWS::S3::Bucket}\n",
            "jobs:\n  script: |\n    AWSTemplateFormatVersion: x\n  b: ]\n",
            "markdown_extensions:\n  - x: !!python/name:y\nnav:\n  - Resources: AWS::S3::Bucket.md\n",
            "kind: ConfigMap\ndata:\n  t: !Own |\n    AWSTemplateFormatVersion: 2010-09-09\n    Resources: {A: {Type: AWS::S3::Bucket}}\n",
            "kind: A\n---\nResources: {A: {Type: AWS::S3::Bucket}}\n",
            "resources:\n  Resources:\n    A: {Type: !Own AWS::S3::Bucket}\n",
            "Resources: {{ .Values.x }}\n",
            "{{- if .Values.x }}\nkind: A\nResources: AWS::EC2::Instance\n{{- end }}\n",
            "Resources: [A, {Type: AWS::S3::Bucket}]\nx: !y z\n",
            "Resources:\n  A: {Kind: AWS::S3::Bucket}\nx: !y z\n",
            "just: text\nResources of AWS:: are ]: here\n",
            r#"{"Resources": [{"Type": "AWS::S3::Bucket"}]}"#,
            r#"{"a": {"Resources": {"A": {"Type": "AWS::S3::Bucket"}}, "AWSTemplateFormatVersion": "x"}}"#,
            r#"{"a": 1}{"Resources": {"A": {"Type": "AWS::S3::Bucket"}}}"#,
            r#"{"Resources": {"A": {"Properties": {"Type": "AWS::S3::Bucket"}}}}"#,
            r#"{"Resources": {"A": {"Type": ["AWS::S3::Bucket"]}}}"#,
            "!own \"Resources: {Type: A::B}\"\n",
            "",
        ] {
            assert!(!is_meant_as_template(text), "{text}");
        }
    }

    #[test]
    fn deep_and_large_texts_are_looked_at_too() {
        let deep = format!("{{\"a\": {}{}, \"b\": \"Resources\"}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(!is_meant_as_template(&deep));
        let deep = deep.replace("\"b\"", "\"AWSTemplateFormatVersion\"");
        assert!(is_meant_as_template(&deep));
    }
}
