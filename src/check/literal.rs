//! Literal egress rules, which depend on no function, reference, or condition. These are certain even if other parts of
//! the template take too much work or depend on too many conditions.

use std::collections::HashSet;

use super::located::LocatedFinding;
use super::origins::FindingOrigins;
use super::properties::properties_of;
use crate::path::Origin;
use crate::rule::{Assessment, Finding, Outcome, Unknown};
use crate::security_group::{EGRESS, ResourceType};
use crate::template::Occurrence;
use crate::value::{Kind, Map, Value};

/// Returns the properties of an unconditional resource with its literal egress rules; the other rules are unknown.
/// Returns `None` if there are no literal rules.
pub(super) fn properties(resource_type: ResourceType, body: &Value) -> Option<Value> {
    if body.get("Condition").is_some() {
        return None;
    }
    let properties = body.get("Properties")?;
    if resource_type == ResourceType::SecurityGroupEgress {
        return literal(properties);
    }
    let written = properties.as_map().filter(|map| is_plain(map))?.get(EGRESS)?;
    let kind = match &written.kind {
        Kind::List(list) => {
            Kind::List(list.iter().map(|entry| literal(entry).unwrap_or_else(|| open(entry))).collect())
        }
        _ => return None,
    };
    let mut map = Map::new();
    let key = properties.as_map()?.iter().map(|(key, _)| key).find(|key| key.name == EGRESS)?;
    map.push_unique(key.clone(), Value::new(kind, written.origin));
    Some(Value::new(Kind::Map(map), properties.origin))
}

/// Treats violations by literal values as certain.
pub(super) fn settle(
    findings: &mut Vec<LocatedFinding>,
    assessment: &Assessment,
    properties: &Value,
    resource: Origin,
) {
    let key = |finding: &Finding| (finding.origin.index(), finding.reason);
    let breaking = || assessment.findings.iter().filter(|finding| finding.outcome == Outcome::NonCompliant);
    let literal: HashSet<_> = breaking().map(key).collect();
    let mut found = HashSet::new();
    for located in findings.iter_mut().filter(|located| literal.contains(&key(&located.finding))) {
        located.occurrence = Occurrence::Always;
        found.insert(key(&located.finding));
    }
    for finding in breaking().filter(|finding| !found.contains(&key(finding))).cloned() {
        let place = FindingOrigins::of(&finding, properties, resource);
        findings.push(LocatedFinding::always(finding, place));
    }
}

/// Returns the entry if every value in it that the rule uses is literal.
fn literal(entry: &Value) -> Option<Value> {
    let map = entry.as_map().filter(|map| is_plain(map))?;
    let mut kept = Map::new();
    for (key, value) in map.iter() {
        if !properties_of(ResourceType::SecurityGroupEgress).contains(&key.name.as_str()) {
            continue;
        }
        if matches!(value.kind, Kind::List(_) | Kind::Map(_) | Kind::Unknown(_)) {
            return None;
        }
        kept.push_unique(key.clone(), value.clone());
    }
    Some(Value::new(Kind::Map(kept), entry.origin))
}

/// Returns whether an object is plain: not a function, a transform, or a loop.
fn is_plain(map: &Map) -> bool {
    map.iter().all(|(key, _)| !key.name.starts_with("Fn::") && key.name != "Ref" && key.name != "Condition")
}

fn open(entry: &Value) -> Value {
    let unknown = Unknown::new(None, "an expression", "it was not computed");
    Value::new(Kind::Unknown(unknown), entry.origin)
}
