//! Finds the egress rules of an update that already existed: the same traffic to the same destination, regardless of
//! the order, the spelling (`443`, `"443"`, `TCP`), or the description.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{DESTINATIONS, ResourceType, places, rule};
use crate::path::PropertyPath;
use crate::rule::policy::UnchangedRules;
use crate::rule::{Destination, Port, Protocol, Unknown};
use crate::value::{Kind, Map, Value};

/// Returns which of the proposed egress rules are already in the previous properties.
///
/// Each previous entry counts once: if two proposed entries are equal and one of them is new, one is unchanged. Missing
/// or empty previous properties contain no rules. An entry with an uncertain value (a dynamic reference, which may now
/// resolve to a different value) is never unchanged, unless no property changes at all. A group that the update
/// replaces has no previous rules.
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
        // A group that has no egress rules and had none before.
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

/// Returns the properties whose change makes all egress rules of a resource new.
pub(crate) const fn fixed_properties(resource_type: ResourceType) -> &'static [&'static str] {
    match resource_type {
        ResourceType::SecurityGroup => &CREATED_WITH,
        ResourceType::SecurityGroupEgress => &["GroupId"],
    }
}

/// Returns a value as text in one spelling, or nothing if it contains a value that the change set does not know.
pub(crate) fn written(value: &Value) -> Option<String> {
    text(value, Certainty::Written)
}

/// The properties of a group whose change requires replacement. A replacement is a new group, so all its rules are new
/// (source: `AWS::EC2::SecurityGroup`, "Update requires: Replacement").
const CREATED_WITH: [&str; 3] = ["GroupDescription", "GroupName", "VpcId"];

/// The property that says what an egress rule is for. A rule with another description is the same rule.
pub(super) const DESCRIPTION: &str = "Description";

/// Returns whether the update certainly replaces the group.
fn is_replaced(proposed: &Value, previous: &Value) -> bool {
    let written = |properties: &Value, key| match properties.get(key).filter(|value| !value.is_null()) {
        Some(value) => text(value, Certainty::Written),
        None => Some(String::new()),
    };
    CREATED_WITH.into_iter().any(
        |key| matches!((written(proposed, key), written(previous, key)), (Some(now), Some(before)) if now != before),
    )
}

/// Returns the identity of an entry, or `None` if it is uncertain.
///
/// EC2 identifies rules by protocol, ports, and destination, not by the description (source: EC2 API,
/// `UpdateSecurityGroupRuleDescriptionsEgress`). Every other property counts as written: the same rule on a different
/// group is a different rule.
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
        // Writing to a String never fails.
        let _ = write!(identity, " {key}={network}");
    }
    let is_described = |key: &str| {
        matches!(key, "IpProtocol" | "FromPort" | "ToPort" | DESCRIPTION)
            || DESTINATIONS.iter().any(|(destination, _)| *destination == key)
    };
    let rest: Map = map
        .iter()
        .filter(|(key, _)| !is_described(&key.name))
        .map(|(key, value)| (key.name.clone(), value.clone()))
        .collect();
    identity.push_str(&text(&Kind::Map(rest).into(), Certainty::Resolved)?);
    Some(identity)
}

/// The required certainty of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// A dynamic reference counts as written: no change would resolve it again.
    Written,
    /// A dynamic reference may resolve to a different value than before.
    Resolved,
}

/// Returns a value as text in one spelling: keys sorted, `null` left out, scalars by their value. Returns `None` if it
/// contains an uncertain value.
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

/// Writes a scalar as a JSON string, so that no text can look like structure.
fn write_scalar(out: &mut String, text: &str) {
    // Writing to a String never fails; `Debug` escapes quotes and backslashes.
    let _ = write!(out, "{text:?}");
}

#[cfg(test)]
mod tests;
