//! Describes a key that is written twice.

use cfn_egress_guard_core::path::Origin;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::wording::LOGICAL_ID_CHARS;
use cfn_egress_guard_core::security_group::ResourceType;
use cfn_egress_guard_core::value::{Key, Kind, Map, Value};

/// Describes the value that takes effect, if it is a section, a resource or part of an egress rule.
pub(super) fn concern(root: &Value, value: Origin) -> Option<String> {
    let place = value.index()?;
    let is_it = |other: &Value| other.origin.index() == Some(place);
    let mut sections = root.as_map()?.iter();
    if sections.any(|(_, section)| is_it(section)) {
        return Some("it is a section of the template, and the first one is not checked".to_owned());
    }
    root.get("Resources")?.as_map()?.iter().find_map(|(key, body)| {
        let id = excerpt(&key.name, LOGICAL_ID_CHARS);
        if is_it(body) {
            return Some(format!("`{id}` is a resource, and the first one is not checked"));
        }
        let resource_type = ResourceType::from_name(body.get("Type")?.as_str()?)?;
        let is_about_egress = match resource_type {
            ResourceType::SecurityGroupEgress => holds(body, place),
            ResourceType::SecurityGroup => {
                let is_about = |(key, entry): (&Key, &Value)| match key.name.as_str() {
                    "Properties" => is_it(entry) || entry.get("SecurityGroupEgress").is_some_and(|it| holds(it, place)),
                    _ => is_it(entry),
                };
                body.as_map().into_iter().flat_map(Map::iter).any(is_about)
            }
        };
        is_about_egress.then(|| format!("it affects the egress rules of `{id}`, and the first one is not checked"))
    })
}

/// Returns whether a value is the one at `within` or contains it.
fn holds(value: &Value, within: usize) -> bool {
    value.origin.index() == Some(within)
        || match &value.kind {
            Kind::List(list) => list.iter().any(|entry| holds(entry, within)),
            Kind::Map(map) => map.iter().any(|(_, entry)| holds(entry, within)),
            _ => false,
        }
}
