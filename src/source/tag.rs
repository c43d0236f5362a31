//! YAML tags: CloudFormation's short-form functions, and YAML's own.

use super::{SourceErrorKind, scalar};
use crate::value::Kind;

/// The effect of a tag on the value after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagMeaning {
    /// A function: wraps the value in an object with this single key.
    Function(&'static str),
    /// Text, whatever it looks like (`!`, `!!str`).
    Text,
    /// A scalar of another kind (`!!int`, `!!float`, `!!bool`, `!!null`).
    Scalar(&'static str),
    /// A list, which the value already is (`!!seq`).
    List,
    /// An object, which the value already is (`!!map`).
    Object,
}

/// Every function in CloudFormation's documentation ("Intrinsic functions", "Condition functions", "Rule-specific
/// intrinsic functions"), by its short-form tag. `Fn::ForEach` has none.
const FUNCTIONS: [(&str, &str); 24] = [
    ("!And", "Fn::And"),
    ("!Base64", "Fn::Base64"),
    ("!Cidr", "Fn::Cidr"),
    ("!Condition", "Condition"),
    ("!Contains", "Fn::Contains"),
    ("!EachMemberEquals", "Fn::EachMemberEquals"),
    ("!EachMemberIn", "Fn::EachMemberIn"),
    ("!Equals", "Fn::Equals"),
    ("!FindInMap", "Fn::FindInMap"),
    ("!GetAZs", "Fn::GetAZs"),
    ("!GetAtt", "Fn::GetAtt"),
    ("!GetStackOutput", "Fn::GetStackOutput"),
    ("!If", "Fn::If"),
    ("!ImportValue", "Fn::ImportValue"),
    ("!Join", "Fn::Join"),
    ("!Length", "Fn::Length"),
    ("!Not", "Fn::Not"),
    ("!Or", "Fn::Or"),
    ("!Ref", "Ref"),
    ("!Select", "Fn::Select"),
    ("!Split", "Fn::Split"),
    ("!Sub", "Fn::Sub"),
    ("!ToJsonString", "Fn::ToJsonString"),
    ("!Transform", "Fn::Transform"),
];

/// Functions that only rules use. They are accepted here, but not evaluated.
const RULE_FUNCTIONS: [(&str, &str); 3] =
    [("!RefAll", "Fn::RefAll"), ("!ValueOf", "Fn::ValueOf"), ("!ValueOfAll", "Fn::ValueOfAll")];

/// Returns the meaning of a tag.
pub(super) fn meaning(name: &str) -> Result<TagMeaning, SourceErrorKind> {
    if let Some((_, function)) = FUNCTIONS.iter().chain(&RULE_FUNCTIONS).find(|(tag, _)| *tag == name) {
        return Ok(TagMeaning::Function(function));
    }
    if name == "!" {
        return Ok(TagMeaning::Text);
    }
    match name.strip_prefix("tag:yaml.org,2002:") {
        Some("str") => Ok(TagMeaning::Text),
        Some("int") => Ok(TagMeaning::Scalar("int")),
        Some("float") => Ok(TagMeaning::Scalar("float")),
        Some("bool") => Ok(TagMeaning::Scalar("bool")),
        Some("null") => Ok(TagMeaning::Scalar("null")),
        Some("seq") => Ok(TagMeaning::List),
        Some("map") => Ok(TagMeaning::Object),
        Some(other) => Err(SourceErrorKind::UnsupportedTag { tag: format!("!!{other}") }),
        None => Err(SourceErrorKind::UnknownTag { tag: name.to_owned() }),
    }
}

/// Returns the scalar for a text with a YAML tag.
pub(super) fn scalar(meaning: TagMeaning, text: &str) -> Option<Kind> {
    match meaning {
        // A function's text is never a number: `!Ref 1` refers to something named `1`.
        TagMeaning::Function(_) | TagMeaning::Text => Some(Kind::String(text.to_owned())),
        TagMeaning::Scalar("null") => Some(Kind::Null),
        TagMeaning::Scalar(kind) => {
            let value = scalar::of_yaml(text)?;
            match (kind, &value) {
                ("float", Kind::Integer(_)) => text.parse().ok().map(Kind::Float),
                ("int" | "float", Kind::Integer(_) | Kind::Ambiguous(_)) | ("float", Kind::Float(_)) => Some(value),
                ("bool", Kind::Bool(_)) => Some(value),
                _ => None,
            }
        }
        TagMeaning::List | TagMeaning::Object => None,
    }
}
