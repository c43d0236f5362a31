//! Distinguishes templates from other objects.

use super::{expand, note};
use crate::value::{Key, Value};

/// Returns whether a value is a CloudFormation template, judging by its content: an object with
/// `AWSTemplateFormatVersion`, with a `Resources` object in which an entry has a `Type`, or with a transform that may
/// add resources.
#[must_use]
pub fn is_template(root: &Value) -> bool {
    let Some(sections) = root.as_map() else { return false };
    let has_section = |name| sections.get(name).is_some();
    let is_resource = |(key, body): (&Key, &Value)| match body.get("Type").and_then(Value::as_str) {
        Some(name) => name.contains("::"),
        None => {
            key.name == "Fn::Transform"
                || body.get("Fn::Transform").is_some()
                || (key.name.starts_with(expand::LOOP) && body.as_list().is_some())
        }
    };
    has_section("AWSTemplateFormatVersion")
        || has_section("Fn::Transform")
        || sections.get("Resources").and_then(Value::as_map).is_some_and(|map| map.iter().any(is_resource))
        || (sections.get("Transform").is_some_and(note::is_transform)
            && match sections.get("Resources") {
                Some(resources) => resources.as_map().is_some() || resources.is_null(),
                None => sections.iter().all(|(key, _)| SECTIONS.contains(&key.name.as_str())),
            })
}

/// The sections of a template ("Template sections"), including SAM's.
const SECTIONS: [&str; 12] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];
