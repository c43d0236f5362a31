//! The properties of a resource that the rule uses, and their known values in a world.

use std::borrow::Cow;

use crate::rule::Unknown;
use crate::security_group::{EGRESS, RULE_PROPERTIES, ResourceType, TRAFFIC_PROPERTIES};
use crate::template::World;
use crate::value::{Key, Kind, Value};

/// Returns the properties that the rule uses.
pub(super) const fn properties_of(resource_type: ResourceType) -> &'static [&'static str] {
    match resource_type {
        ResourceType::SecurityGroup => &[EGRESS],
        ResourceType::SecurityGroupEgress => &RULE_PROPERTIES,
    }
}

/// Returns the properties of a world. If a transform or a loop may add properties, missing ones that the rule uses
/// become unknown.
pub(super) fn known_properties<'w>(resource_type: ResourceType, world: &'w World<'_>) -> Cow<'w, Value> {
    let Some((map, function)) = world.properties.as_map().zip(world.open) else {
        return Cow::Borrowed(world.properties.as_ref());
    };
    let origin = world.properties.origin;
    let why = match function {
        "Fn::ForEach" => "a loop may add it when the stack is deployed",
        _ => "a transform may add it when the stack is deployed",
    };
    let mut opened = map.clone();
    // A missing destination does not matter, because a rule has only one of the possible destinations.
    let needed = match resource_type {
        ResourceType::SecurityGroup => properties_of(resource_type),
        ResourceType::SecurityGroupEgress => TRAFFIC_PROPERTIES.as_slice(),
    };
    for key in needed.iter().filter(|key| map.get(key).is_none()) {
        let unknown = Unknown::new(None, function, why);
        opened.push_unique(Key { name: (*key).to_owned(), origin }, Value::new(Kind::Unknown(unknown), origin));
    }
    Cow::Owned(Value::new(Kind::Map(opened), origin))
}
