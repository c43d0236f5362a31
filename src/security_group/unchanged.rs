//! Which egress rules of an update stood there before: the same traffic to the same place, whatever the
//! order, the spelling (`443`, `"443"`, `TCP`) or the description.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{DESTINATIONS, ResourceType, places, rule};
use crate::path::PropertyPath;
use crate::rule::policy::UnchangedRules;
use crate::rule::{Destination, Port, Protocol, Unknown};
use crate::value::{Kind, Map, Value};

/// What of the proposed properties is already in the previous ones.
///
/// Each previous entry counts once: of two equal proposed entries, one of which is new, one is unchanged.
/// Missing or empty previous properties count as none. An entry with a value that is not certain (a
/// dynamic reference, which may resolve to something else this time) is never unchanged, unless nothing
/// at all changes. Of a group that the update replaces nothing stood there before.
#[must_use]
pub fn unchanged(resource_type: ResourceType, proposed: &Value, previous: Option<&Value>) -> UnchangedRules {
    let Some(previous) = previous.filter(|previous| previous.as_map().is_some_and(|map| !map.is_empty())) else {
        return UnchangedRules::Nothing;
    };
    if let (Some(now), Some(before)) = (text(proposed, Certainty::Written), text(previous, Certainty::Written))
        && now == before
    {
        return UnchangedRules::Everything;
    }
    if resource_type == ResourceType::SecurityGroup && is_replaced(proposed, previous) {
        return UnchangedRules::Nothing;
    }
    let (Ok(now), Ok(before)) = (places(resource_type, proposed), places(resource_type, previous)) else {
        return UnchangedRules::Nothing;
    };
    if now.is_empty() && before.is_empty() {
        // A group without egress rules that had none.
        return UnchangedRules::Entries([PropertyPath::root()].into());
    }
    let mut left: HashMap<String, usize> = HashMap::new();
    for (_, entry) in before {
        if let Some(identity) = identity(entry) {
            *left.entry(identity).or_default() += 1;
        }
    }
    let stood_before = |(path, entry): (PropertyPath, &Value)| {
        let count = left.get_mut(&identity(entry)?)?;
        *count = count.checked_sub(1)?;
        Some(path)
    };
    UnchangedRules::Entries(now.into_iter().filter_map(stood_before).collect())
}

/// The properties of a group that it is created with: another value makes another group, whose rules are all
/// new (source: `AWS::EC2::SecurityGroup`, "Update requires: Replacement").
const CREATED_WITH: [&str; 3] = ["GroupDescription", "GroupName", "VpcId"];

/// Whether the update certainly makes another group.
fn is_replaced(proposed: &Value, previous: &Value) -> bool {
    let written = |properties: &Value, key| match properties.get(key).filter(|value| !value.is_null()) {
        Some(value) => text(value, Certainty::Written),
        None => Some(String::new()),
    };
    CREATED_WITH.into_iter().any(
        |key| matches!((written(proposed, key), written(previous, key)), (Some(now), Some(before)) if now != before),
    )
}

/// What makes an entry the one it is, or nothing if that is not certain.
///
/// EC2 tells rules by protocol, ports and destination; the description is not part of it
/// (source: EC2 API, `UpdateSecurityGroupRuleDescriptionsEgress`). Every other property counts as written:
/// the same rule on another group is another rule.
fn identity(entry: &Value) -> Option<String> {
    let Some(map) = entry.as_map() else { return text(entry, Certainty::Resolved) };
    let rule = rule(map, entry.origin, PropertyPath::root());
    let port = |port: &Port| match port {
        Port::Known(_) | Port::Absent => Some(port.to_string()),
        Port::Unknown(_) | Port::Invalid(_) => None,
    };
    let known_protocol = !matches!(rule.protocol, Protocol::Unknown(_) | Protocol::Unrecognized(_));
    let (Some(from), Some(to), true) = (port(&rule.from), port(&rule.to), known_protocol) else {
        return text(entry, Certainty::Resolved);
    };
    let mut identity = format!("{} {from} {to}", rule.protocol);
    for (key, _) in DESTINATIONS {
        let Some(value) = map.get(key).filter(|value| !value.is_null()) else { continue };
        let network = match value.as_str().map(Destination::from_cidr) {
            Some(Destination::Cidr(cidr)) => cidr.trunc().to_string(),
            _ => text(value, Certainty::Resolved)?,
        };
        // Writing to a String cannot fail.
        let _ = write!(identity, " {key}={network}");
    }
    let is_told = |key: &str| {
        matches!(key, "IpProtocol" | "FromPort" | "ToPort" | "Description")
            || DESTINATIONS.iter().any(|(destination, _)| *destination == key)
    };
    let rest: Map = map
        .iter()
        .filter(|(key, _)| !is_told(&key.name))
        .map(|(key, value)| (key.name.clone(), value.clone()))
        .collect();
    identity.push_str(&text(&Kind::Map(rest).into(), Certainty::Resolved)?);
    Some(identity)
}

/// How certain a value has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// A dynamic reference is what it says: nothing is to change that would resolve it anew.
    Written,
    /// A dynamic reference may resolve to something else than before.
    Resolved,
}

/// A value as text in one spelling: keys sorted, `null` left out, scalars by what they say. `None` if it contains a
/// value that is not certain.
fn text(value: &Value, certainty: Certainty) -> Option<String> {
    let mut written = String::new();
    write_text(&mut written, value, certainty)?;
    Some(written)
}

fn write_text(out: &mut String, value: &Value, certainty: Certainty) -> Option<()> {
    match &value.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(truth) => write_scalar(out, &truth.to_string()),
        Kind::Integer(number) => write_scalar(out, &number.to_string()),
        Kind::Float(number) => write_scalar(out, &number.to_string()),
        Kind::Ambiguous(text) => write_scalar(out, text),
        Kind::String(text) => {
            if let Some(unknown) = Unknown::of_text(text)
                && (certainty == Certainty::Resolved || unknown.identity.is_none())
            {
                return None;
            }
            write_scalar(out, text);
        }
        Kind::List(list) => {
            out.push('[');
            for entry in list {
                write_text(out, entry, certainty)?;
                out.push(',');
            }
            out.push(']');
        }
        Kind::Map(map) => {
            let mut entries: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            entries.sort_by(|(one, _), (two, _)| one.name.cmp(&two.name));
            out.push('{');
            for (key, value) in entries {
                write_scalar(out, &key.name);
                out.push(':');
                write_text(out, value, certainty)?;
                out.push(',');
            }
            out.push('}');
        }
        Kind::Unknown(_) => return None,
    }
    Some(())
}

/// A scalar as a JSON string, so that no text can look like structure.
fn write_scalar(out: &mut String, text: &str) {
    // Writing to a String cannot fail; `Debug` escapes quotes and backslashes.
    let _ = write!(out, "{text:?}");
}

#[cfg(test)]
mod tests;
