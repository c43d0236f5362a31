//! Which properties of a resource the rule looks at, and what is known of them in a world.

use std::borrow::Cow;

use crate::rule::Unknown;
use crate::security_group::{EGRESS, ResourceType};
use crate::template::World;
use crate::value::{Key, Kind, Value};

/// The properties that the rule looks at.
pub(super) const fn properties_of(resource_type: ResourceType) -> &'static [&'static str] {
    match resource_type {
        ResourceType::SecurityGroup => &[EGRESS],
        ResourceType::SecurityGroupEgress => &[
            "IpProtocol",
            "FromPort",
            "ToPort",
            "CidrIp",
            "CidrIpv6",
            "DestinationPrefixListId",
            "DestinationSecurityGroupId",
        ],
    }
}

/// The properties of a world. Where a transform or a loop may add some, those that the rule looks at and that
/// are missing are not known to be missing.
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
    // A destination that is missing changes nothing: of those that may be there, only one is.
    for key in properties_of(resource_type).iter().take(3).filter(|key| map.get(key).is_none()) {
        let unknown = Unknown::new(None, function, why);
        opened.push_unique(Key { name: (*key).to_owned(), origin }, Value::new(Kind::Unknown(unknown), origin));
    }
    Cow::Owned(Value::new(Kind::Map(opened), origin))
}
