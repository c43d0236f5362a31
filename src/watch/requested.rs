//! The egress rules that a call requests, converted to CloudFormation's properties.
//!
//! The request decides, not EC2's response: a hook also sees the request, and EC2 fills in ports that nobody stated.

use crate::path::{Origin, PropertyPath, Segment};
use crate::rule::{Assessment, FindingSubject, excerpt};
use crate::security_group::EGRESS;
use crate::value::{Key, Kind, Map, Value};

use super::call::{Ec2Operation, detail, text};

/// The egress rules of a call.
pub(super) struct RequestedRules {
    /// The rules as properties of an `AWS::EC2::SecurityGroup`.
    pub(super) properties: Value,
    /// The place of each rule in the call.
    places: Vec<PropertyPath>,
}

/// The lists of destinations in a permission: the list, the field of a destination in it, and CloudFormation's
/// property.
const DESTINATIONS: [(&str, &str, &str); 4] = [
    ("ipRanges", "cidrIp", "CidrIp"),
    ("ipv6Ranges", "cidrIpv6", "CidrIpv6"),
    ("prefixListIds", "prefixListId", "DestinationPrefixListId"),
    ("groups", "groupId", "DestinationSecurityGroupId"),
];

/// The fields of a permission that all of its egress rules share, and CloudFormation's properties.
const SHARED: [(&str, &str); 3] = [("ipProtocol", "IpProtocol"), ("fromPort", "FromPort"), ("toPort", "ToPort")];

/// The fields of a rule in `ModifySecurityGroupRules`, and CloudFormation's properties.
const OF_RULES: [(&str, &str); 7] = [
    ("IpProtocol", "IpProtocol"),
    ("FromPort", "FromPort"),
    ("ToPort", "ToPort"),
    ("CidrIpv4", "CidrIp"),
    ("CidrIpv6", "CidrIpv6"),
    ("PrefixListId", "DestinationPrefixListId"),
    ("ReferencedGroupId", "DestinationSecurityGroupId"),
];

impl RequestedRules {
    /// Returns the egress rules of a call, or `None` if it states none, which EC2 would refuse.
    pub(super) fn of(operation: Ec2Operation, event: &Value) -> Option<Self> {
        let request = detail(event, "requestParameters");
        let rules = match operation {
            Ec2Operation::AuthorizeSecurityGroupEgress => permissions(request?.get("ipPermissions")?),
            Ec2Operation::ModifySecurityGroupRules => {
                let request = request?;
                modified(request.get("ModifySecurityGroupRulesRequest").unwrap_or(request).get("SecurityGroupRule")?)
            }
            // A group without egress rules gets the default rule.
            Ec2Operation::CreateSecurityGroup => {
                return Some(Self { properties: Kind::Map(Map::new()).into(), places: Vec::new() });
            }
            Ec2Operation::Other => return None,
        };
        if rules.is_empty() {
            return None;
        }
        let (places, rules): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
        Some(Self { properties: object([(EGRESS, Kind::List(rules).into())]), places })
    }

    /// Replaces the place of each finding with its place in the call.
    pub(super) fn in_the_call(&self, mut judged: Assessment) -> Assessment {
        for finding in &mut judged.findings {
            finding.path = match finding.path.segments() {
                [_, Segment::Index(index), ..] => self.places.get(*index).cloned().unwrap_or_else(PropertyPath::root),
                _ => PropertyPath::root(),
            };
            if let FindingSubject::Rule(rule) = &mut finding.subject {
                rule.path.clone_from(&finding.path);
            }
        }
        judged
    }
}

type RuleAtPath = (PropertyPath, Value);

/// Returns one egress rule for each destination of each permission.
fn permissions(list: &Value) -> Vec<RuleAtPath> {
    let mut rules = Vec::new();
    for (index, permission) in items(list).into_iter().enumerate() {
        let path = PropertyPath::root().key("ipPermissions").index(index);
        if permission.as_map().is_none() {
            rules.push((path, permission.clone()));
            continue;
        }
        let shared = renamed(permission, &SHARED);
        let before = rules.len();
        for (list, field, property) in DESTINATIONS {
            for (index, destination) in permission.get(list).map(items).unwrap_or_default().into_iter().enumerate() {
                let mut rule = shared.clone();
                let named = destination.as_map().map_or(Some(destination), |named| named.get(field));
                if let Some(named) = named {
                    rule.push_unique(key(property), named.clone());
                }
                rules.push((path.key(list).index(index), Kind::Map(rule).into()));
            }
        }
        if rules.len() == before {
            rules.push((path, Kind::Map(shared).into()));
        }
    }
    rules
}

/// Returns the rules of `ModifySecurityGroupRules`, which are one object or a list, each with its id as its place.
fn modified(list: &Value) -> Vec<RuleAtPath> {
    let update = |(index, update): (usize, &Value)| {
        let id = text(update.get("SecurityGroupRuleId"));
        let path = match id.is_empty() {
            true => PropertyPath::root().key("SecurityGroupRule").index(index),
            false => PropertyPath::root().key(excerpt(&id, 40)),
        };
        let rule = update.get("SecurityGroupRule").unwrap_or(update);
        let rule = if rule.as_map().is_some() { Kind::Map(renamed(rule, &OF_RULES)).into() } else { rule.clone() };
        (path, rule)
    };
    items(list).into_iter().enumerate().map(update).collect()
}

/// Returns the entries of a list as CloudTrail writes it: `{"items": […]}`, or `{}` if it is empty. Also accepts a
/// plain list or the only entry itself.
fn items(list: &Value) -> Vec<&Value> {
    let wrapped = list.as_map().and_then(|map| map.get("items"));
    match (&list.kind, wrapped.map(|items| &items.kind)) {
        (Kind::List(list), _) | (_, Some(Kind::List(list))) => list.iter().collect(),
        (_, Some(Kind::Null)) | (Kind::Null, _) => Vec::new(),
        (Kind::Map(map), None) if map.is_empty() => Vec::new(),
        (_, Some(_)) => wrapped.into_iter().collect(),
        (_, None) => vec![list],
    }
}

/// Returns the fields of an object under the names of CloudFormation's properties.
fn renamed(object: &Value, names: &[(&'static str, &'static str)]) -> Map {
    let fields = names.iter().filter_map(|(from, to)| Some((key(to), object.get(from)?.clone())));
    Map::from_unique(fields.collect())
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Kind::Map(Map::from_unique(entries.into_iter().map(|(name, value)| (key(name), value)).collect())).into()
}

fn key(name: &str) -> Key {
    Key { name: name.to_owned(), origin: Origin::NONE }
}
