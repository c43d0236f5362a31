//! The traffic of an egress rule as EC2 stores it, to compare a live group's rules with a template's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EGRESS, read_properties};
use crate::rule::{Destination, EgressRule, Port, Protocol};
use crate::value::{Kind, Map, Value};

/// The traffic that an egress rule opens. An unknown part is `None`. Descriptions and ports that EC2 ignores are not
/// included.
///
/// Sources: EC2 API Reference, `IpPermission`; the schema of `AWS::EC2::SecurityGroup`, `propertyTransform`, which has
/// -1 in place of the ports of every protocol without ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// The protocol: `tcp`, `udp`, `icmp`, `icmpv6`, another number, or `-1` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The first port; for ICMP, the type; -1 for a protocol without ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i32>,
    /// The last port; for ICMP, the code; -1 for a protocol without ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i32>,
    /// The destination: a block of addresses, a prefix list, or a security group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

impl Traffic {
    /// Returns the traffic of a rule, or `None` if it has no destination, because EC2 then adds no rule (source:
    /// `AWS::EC2::SecurityGroupEgress`, `CidrIp`).
    #[must_use]
    pub fn of(rule: &EgressRule) -> Option<Self> {
        let destination = match rule.destinations.as_slice() {
            [] => return None,
            // EC2 truncates a block of addresses to its network.
            [Destination::Cidr(cidr)] => Some(cidr.trunc().to_string()),
            [Destination::PrefixList(id) | Destination::SecurityGroup(id)] => Some(id.clone()),
            _ => None,
        };
        let port = |port: &Port| match port {
            Port::Known(number) => Some(number.get()),
            Port::Unknown(_) | Port::Absent | Port::Invalid(_) => None,
        };
        let (from_port, to_port) = match (&rule.protocol, &rule.from, &rule.to) {
            (Protocol::All | Protocol::Number(_), ..) => (Some(-1), Some(-1)),
            (Protocol::Icmpv6, Port::Absent, Port::Absent) => (Some(-1), Some(-1)),
            (Protocol::Unknown(_) | Protocol::Unrecognized(_), ..) => (None, None),
            (Protocol::Tcp | Protocol::Udp | Protocol::Icmp | Protocol::Icmpv6, from, to) => (port(from), port(to)),
        };
        let protocol = match &rule.protocol {
            Protocol::Unknown(_) | Protocol::Unrecognized(_) => None,
            known => Some(known.to_string()),
        };
        Some(Self { protocol, from_port, to_port, destination })
    }

    /// Returns EC2's default rules, which it adds to a group that is created without egress rules.
    #[must_use]
    pub fn defaults() -> [Self; 2] {
        ["0.0.0.0/0", "::/0"].map(|everywhere| Self {
            protocol: Some(Protocol::All.to_string()),
            from_port: Some(-1),
            to_port: Some(-1),
            destination: Some(everywhere.to_owned()),
        })
    }

    /// Returns whether all parts are known.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.protocol.is_some() && self.from_port.is_some() && self.to_port.is_some() && self.destination.is_some()
    }

    /// Returns whether this may be the traffic of a live rule: all known parts are equal.
    #[must_use]
    pub fn may_be(&self, live: &Self) -> bool {
        fn fits<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        fits(self.protocol.as_ref(), live.protocol.as_ref())
            && fits(self.from_port.as_ref(), live.from_port.as_ref())
            && fits(self.to_port.as_ref(), live.to_port.as_ref())
            && fits(self.destination.as_ref(), live.destination.as_ref())
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNKNOWN: &str = "(not known)";
        let protocol = self.protocol.as_deref().unwrap_or(UNKNOWN);
        let destination = self.destination.as_deref().unwrap_or(UNKNOWN);
        match (protocol, self.from_port, self.to_port) {
            ("tcp" | "udp", Some(from), Some(to)) if from == to => write!(f, "{protocol} {from} to {destination}"),
            ("tcp" | "udp", Some(from), Some(to)) => write!(f, "{protocol} {from}-{to} to {destination}"),
            ("icmp" | "icmpv6", Some(kind), Some(code)) => {
                write!(f, "{protocol} type {kind} code {code} to {destination}")
            }
            _ => write!(f, "IpProtocol {protocol} to {destination}"),
        }
    }
}

/// Reads the properties of a live group, as EC2 has them, from JSON. Returns `None` if they are not an object.
///
/// # Errors
/// Fails if the text is not JSON.
pub fn live_properties(text: &str) -> Result<Option<Value>, serde_json::Error> {
    let properties = read_properties(&mut serde_json::Deserializer::from_str(text))?;
    Ok(properties.filter(|properties| properties.as_map().is_some()).map(without_ignored_ports))
}

/// Removes the -1 that the type's read handler writes as ports of a protocol without ports. Nobody stated that -1, and
/// the rule would take it for two equal ports.
fn without_ignored_ports(properties: Value) -> Value {
    let Kind::Map(properties_map) = properties.kind else { return properties };
    let entry = |entry: Value| {
        let Kind::Map(rule) = entry.kind else { return entry };
        let has_none = matches!(super::protocol(rule.get("IpProtocol")), Protocol::All | Protocol::Number(_));
        if !has_none {
            return Value::new(Kind::Map(rule), entry.origin);
        }
        let stated = rule.into_entries().filter(|(key, _)| !matches!(key.name.as_str(), "FromPort" | "ToPort"));
        Value::new(Kind::Map(Map::from_unique(stated.collect())), entry.origin)
    };
    let entries = properties_map.into_entries().map(|(key, value)| match value.kind {
        Kind::List(list) if key.name == EGRESS => {
            (key, Value::new(Kind::List(list.into_iter().map(entry).collect()), value.origin))
        }
        kind => (key, Value::new(kind, value.origin)),
    });
    Value::new(Kind::Map(Map::from_unique(entries.collect())), properties.origin)
}

#[cfg(test)]
mod tests {
    use super::super::{EgressEntry, ResourceType, entries};
    use super::*;
    use crate::rule::Knowledge;

    fn traffic(rule: &str) -> Option<String> {
        let rule: Value = serde_json::from_str(rule).unwrap();
        match entries(ResourceType::SecurityGroupEgress, &rule, Knowledge::Final).pop() {
            Some(EgressEntry::Rule(rule)) => Traffic::of(&rule).map(|traffic| traffic.to_string()),
            _ => None,
        }
    }

    #[test]
    fn spellings_that_ec2_keeps_alike_are_alike() {
        for (rule, expected) in [
            (
                r#"{"IpProtocol": "6", "FromPort": "443", "ToPort": 443, "CidrIp": "10.1.2.3/8"}"#,
                "tcp 443 to 10.0.0.0/8",
            ),
            (r#"{"IpProtocol": "TCP", "FromPort": 80, "ToPort": 87, "CidrIp": "0.0.0.0/0"}"#, "tcp 80-87 to 0.0.0.0/0"),
            (r#"{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}"#, "IpProtocol -1 to 0.0.0.0/0"),
            (
                r#"{"IpProtocol": "-1", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}"#,
                "IpProtocol -1 to 0.0.0.0/0",
            ),
            (r#"{"IpProtocol": 50, "FromPort": -1, "ToPort": -1, "CidrIpv6": "::/0"}"#, "IpProtocol 50 to ::/0"),
            (r#"{"IpProtocol": "icmpv6", "CidrIpv6": "::/0"}"#, "icmpv6 type -1 code -1 to ::/0"),
            (
                r#"{"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "DestinationPrefixListId": "pl-1"}"#,
                "icmp type 8 code -1 to pl-1",
            ),
        ] {
            assert_eq!(traffic(rule).as_deref(), Some(expected), "{rule}");
        }
        assert_eq!(traffic(r#"{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}"#), None, "EC2 adds no rule");
    }

    #[test]
    fn what_is_not_known_may_be_anything() {
        let all = |protocol: &str| Traffic { protocol: Some(protocol.to_owned()), ..Traffic::defaults()[0].clone() };
        let unknown = Traffic { destination: None, ..all("-1") };
        assert!(unknown.may_be(&all("-1")) && !unknown.may_be(&all("50")));
        assert!(!unknown.is_known() && all("-1").is_known());
    }

    #[test]
    fn ports_that_nobody_stated_are_left_out() {
        let live = |ports: &str, protocol: &str| {
            let text = format!(
                r#"{{"GroupName": "web", "SecurityGroupEgress": [{{"IpProtocol": "{protocol}", {ports} "CidrIp": "0.0.0.0/0"}}, 1]}}"#
            );
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let filled = |protocol| without_ignored_ports(live(r#""FromPort": -1, "ToPort": -1,"#, protocol));
        for protocol in ["-1", "50"] {
            assert_eq!(filled(protocol), live("", protocol));
        }
        assert_eq!(filled("icmp"), live(r#""FromPort": -1, "ToPort": -1,"#, "icmp"), "EC2 has these");
    }
}
