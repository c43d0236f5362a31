//! Unknown values: their identity, displayed form, and reason.
//!
//! Two unknowns are the same if their canonical forms are: `!Ref P`, `{"Ref": "P"}`, and `!Sub "${P}"` all have the
//! identity `!Ref P`. Literal text in a canonical form is quoted as JSON, so that no text can imitate a function.

use std::fmt::Write as _;

use crate::rule::{Unknown, excerpt};
use crate::value::{Kind, Value};

/// The maximum length of a canonical form. A longer unknown has no identity and equals nothing: on the two sides of a
/// rule, it counts as two different values.
pub const MAX_IDENTITY_BYTES: usize = 1024;

/// The number of characters shown of an unknown.
const SHOWN_CHARS: usize = 60;

/// Creates an unknown whose canonical form is both its identity and its displayed form, as for references.
pub(super) fn reference(form: &str, why: String) -> Unknown {
    Unknown::new(identity(form.to_owned()), shortened(form), why)
}

/// Creates the unknown result of a function.
pub(super) fn function(name: &str, argument: &Value, why: String) -> Unknown {
    let tag = tag(name);
    let mut form = format!("{tag} ");
    let identity = canonical(argument, &mut form).then_some(form);
    let mut shown_as = format!("{tag} ");
    show(argument, &mut shown_as);
    let of_parameter = within(argument).is_some_and(|inner| inner.is_from_parameter);
    let is_list = matches!(name, "Fn::Cidr" | "Fn::GetAZs" | "Fn::Split");
    Unknown::new(identity, shortened(&shown_as), why).of_parameter(of_parameter).of_list(is_list)
}

/// Creates the unknown text of a number that YAML readers interpret differently.
pub(super) fn ambiguous(text: &str) -> Unknown {
    let why = format!("YAML parsers disagree on whether `{}` is text or which number it is", shortened(text));
    Unknown::new(identity(format!("!Number {}", quoted(text))), shortened(text), why)
}

/// A part of a text: known or unknown.
#[derive(Debug, Clone)]
pub(super) enum TextPart {
    /// Known text.
    Text(String),
    /// An unknown value.
    Unknown(Unknown),
}

impl TextPart {
    /// Returns the cost of the part, as bytes of text.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Unknown(unknown) => 128 + unknown.identity.as_ref().map_or(0, String::len) + unknown.why.len(),
        }
    }
}

/// Joins parts to one text, or to an unknown if a part is unknown.
pub(super) fn text(parts: Vec<TextPart>) -> Result<String, Unknown> {
    let mut known = String::new();
    let mut unknowns = 0_usize;
    for part in &parts {
        match part {
            TextPart::Text(text) => known.push_str(text),
            TextPart::Unknown(_) => unknowns += 1,
        }
    }
    if unknowns == 0 {
        return Ok(known);
    }
    let mut form = Some("!Sub [".to_owned());
    let mut shown_as = "!Sub ".to_owned();
    let mut first: Option<Unknown> = None;
    let mut literal = String::new();
    for part in parts {
        match part {
            TextPart::Text(text) => {
                if shown_as.len() < 8 * SHOWN_CHARS {
                    shown_as.push_str(&text);
                }
                literal.push_str(&text);
            }
            TextPart::Unknown(unknown) => {
                let inside = unknown.shown_as.strip_prefix("!Ref ").or(unknown.shown_as.strip_prefix("!GetAtt "));
                let _ = write!(shown_as, "${{{}}}", inside.unwrap_or("…"));
                form = form.zip(unknown.identity.as_ref()).and_then(|(form, inner)| {
                    let quoted = quoted(&std::mem::take(&mut literal));
                    identity(format!("{form}{quoted},{inner},"))
                });
                first.get_or_insert(unknown);
            }
        }
    }
    if unknowns == 1 && known.is_empty() {
        return first.map_or(Ok(known), Err);
    }
    let identity = form.and_then(|form| identity(format!("{form}{}]", quoted(&literal))));
    let of_parameter = first.as_ref().is_some_and(|inner| inner.is_from_parameter);
    Err(Unknown::new(identity, shortened(&shown_as), contains(first.as_ref())).of_parameter(of_parameter))
}

/// Returns the reason why a value that contains an unknown is unknown.
pub(super) fn contains(inner: Option<&Unknown>) -> String {
    inner.map_or_else(String::new, |inner| match inner.why.strip_prefix("it contains ") {
        Some(_) => inner.why.clone(),
        None => format!("it contains `{}`, and {}", inner.shown_as, inner.why),
    })
}

/// Returns the first unknown inside a value.
pub(super) fn within(value: &Value) -> Option<&Unknown> {
    match &value.kind {
        Kind::Unknown(unknown) => Some(unknown),
        Kind::List(list) => list.iter().find_map(within),
        Kind::Map(map) => map.iter().find_map(|(_, value)| within(value)),
        _ => None,
    }
}

/// Returns a function's name as its tag.
fn tag(name: &str) -> String {
    format!("!{}", name.strip_prefix("Fn::").unwrap_or(name))
}

fn identity(form: String) -> Option<String> {
    (form.len() <= MAX_IDENTITY_BYTES).then_some(form)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a value's canonical form. Returns `false` if it has none.
pub(super) fn canonical(value: &Value, form: &mut String) -> bool {
    match &value.kind {
        Kind::Null => form.push_str("null"),
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::String(_) => match super::text::of_scalar(value) {
            Some(text) if text.len() <= MAX_IDENTITY_BYTES => form.push_str(&quoted(&text)),
            _ => return false,
        },
        Kind::Ambiguous(text) => {
            form.push_str("!Number ");
            form.push_str(&quoted(text));
        }
        Kind::Unknown(unknown) => match &unknown.identity {
            Some(identity) => form.push_str(identity),
            None => return false,
        },
        Kind::List(list) => {
            form.push('[');
            for entry in list {
                if !canonical(entry, form) || form.len() > MAX_IDENTITY_BYTES {
                    return false;
                }
                form.push(',');
            }
            form.push(']');
        }
        Kind::Map(map) => {
            form.push('{');
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
            for (key, entry) in entries {
                form.push_str(&quoted(&key.name));
                form.push(':');
                if !canonical(entry, form) {
                    return false;
                }
                form.push(',');
            }
            form.push('}');
        }
    }
    form.len() <= MAX_IDENTITY_BYTES
}

fn show(value: &Value, shown: &mut String) {
    if shown.len() > 8 * SHOWN_CHARS {
        return;
    }
    match &value.kind {
        Kind::Null => shown.push_str("null"),
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::String(_) => match super::text::of_scalar(value) {
            Some(text) if text.is_empty() => shown.push_str("''"),
            Some(text) => shown.extend(text.chars().take(SHOWN_CHARS)),
            None => {}
        },
        Kind::Ambiguous(text) => shown.extend(text.chars().take(SHOWN_CHARS)),
        Kind::Unknown(unknown) => shown.push_str(&unknown.shown_as),
        Kind::List(list) => {
            shown.push('[');
            for (index, entry) in list.iter().enumerate() {
                if index > 0 {
                    shown.push_str(", ");
                }
                show(entry, shown);
            }
            shown.push(']');
        }
        Kind::Map(map) => {
            shown.push('{');
            for (index, (key, entry)) in map.iter().enumerate() {
                if index > 0 {
                    shown.push_str(", ");
                }
                shown.push_str(&key.name);
                shown.push_str(": ");
                show(entry, shown);
            }
            shown.push('}');
        }
    }
}

/// Shortens text of the template's author for a message, on one line and without backticks.
pub(super) fn shortened(text: &str) -> String {
    excerpt(text, SHOWN_CHARS).replace('`', " ")
}
