//! The tags of a group.

use std::borrow::Cow;

use super::ResourceType;
use crate::rule::policy::Tag;
use crate::value::{Kind, Unknown, Value};

/// Returns the tags of a resource: an empty list for a group without tags; `None` if they are unknown or the type has
/// no tags. A tag with an unknown value has no value.
///
/// Source: `AWS::EC2::SecurityGroup`, property `Tags`; `AWS::EC2::SecurityGroupEgress` has none.
#[must_use]
pub fn tags(resource_type: ResourceType, properties: &Value) -> Option<Vec<Tag>> {
    if resource_type == ResourceType::SecurityGroupEgress {
        return None;
    }
    match properties.as_map()?.get("Tags").map(|tags| &tags.kind) {
        None | Some(Kind::Null) => Some(Vec::new()),
        Some(Kind::List(tags)) => tags.iter().map(tag).collect(),
        Some(_) => None,
    }
}

/// Reads a tag. If its key is uncertain, no tag of the group is certain, so the result is `None`.
fn tag(value: &Value) -> Option<Tag> {
    Some(Tag { key: text(value.get("Key")?)?, value: value.get("Value").and_then(text) })
}

fn text(value: &Value) -> Option<String> {
    value.as_text().filter(|text| Unknown::of_text(text).is_none()).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(properties: &str) -> Option<Vec<(String, Option<String>)>> {
        let properties = serde_json::from_str(properties).unwrap();
        let tags = tags(ResourceType::SecurityGroup, &properties)?;
        Some(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    #[test]
    fn tags_are_known_or_not() {
        let pair = |key: &str, value: Option<&str>| (key.to_owned(), value.map(str::to_owned));
        for (properties, expected) in [
            (r#"{}"#, Some(vec![])),
            (r#"{"Tags": null}"#, Some(vec![])),
            (r#"{"Tags": [{"Key": "a", "Value": "b"}]}"#, Some(vec![pair("a", Some("b"))])),
            (r#"{"Tags": [{"Key": "a", "Value": 1}]}"#, Some(vec![pair("a", Some("1"))])),
            (r#"{"Tags": [{"Key": true, "Value": 1.5}]}"#, Some(vec![pair("true", Some("1.5"))])),
            (r#"{"Tags": [{"Key": "a", "Value": "x{{resolve:ssm:b}}"}]}"#, Some(vec![pair("a", None)])),
            (r#"{"Tags": [{"Key": "a"}]}"#, Some(vec![pair("a", None)])),
            (r#"{"Tags": [{"Key": "a", "Value": "b"}, {"Key": "{{resolve:ssm:a}}", "Value": "c"}]}"#, None),
            (r#"{"Tags": [{"Value": "b"}]}"#, None),
            (r#"{"Tags": {"a": "b"}}"#, None),
            (r#"[]"#, None),
        ] {
            assert_eq!(of(properties), expected, "{properties}");
        }
        let properties = serde_json::from_str(r#"{"Tags": [{"Key": "a", "Value": "b"}]}"#).unwrap();
        assert_eq!(tags(ResourceType::SecurityGroupEgress, &properties), None);
    }
}
