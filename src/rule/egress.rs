//! An egress rule as written: protocol, ports, destination, and its location.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::port::{Port, Unknown};
use crate::excerpt::excerpt;
use crate::path::{Origin, PropertyPath};

/// One entry of `SecurityGroupEgress`, or one `AWS::EC2::SecurityGroupEgress` resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressRule {
    /// The location within the resource's properties: `SecurityGroupEgress[1]`, or the root for a separate resource.
    pub path: PropertyPath,
    /// `IpProtocol`.
    pub protocol: Protocol,
    /// `FromPort`; for ICMP, the type.
    pub from: Port,
    /// `ToPort`; for ICMP, the code.
    pub to: Port,
    /// The destinations. EC2 accepts exactly one. Every stated destination is kept, so that a condition on one
    /// destination never matches a rule that states two.
    pub destinations: Vec<Destination>,
    /// The origins of the entry, of `FromPort` and of `ToPort` in the source text.
    pub origins: Origins,
}

/// The nodes of the source text that an egress rule was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origins {
    /// The whole entry.
    pub entry: Origin,
    /// The value of `FromPort`.
    pub from: Origin,
    /// The value of `ToPort`.
    pub to: Origin,
}

/// `IpProtocol` as EC2 reads it: case-insensitive, and 1, 6, 17, and 58 stand for the names (source:
/// `AWS::EC2::SecurityGroupEgress`, EC2 API `IpPermission`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `-1`: every protocol. EC2 opens all ports and ignores the stated ones.
    All,
    /// TCP, 6.
    Tcp,
    /// UDP, 17.
    Udp,
    /// ICMP, 1.
    Icmp,
    /// `ICMPv6`, 58.
    Icmpv6,
    /// Another protocol number. It has no ports, and EC2 ignores stated ports.
    Number(u8),
    /// A protocol that EC2 does not know (with the text that was found), or none.
    Unrecognized(Option<String>),
    /// A value that only AWS knows.
    Unknown(Unknown),
}

impl Protocol {
    /// The number of characters kept of an unrecognized protocol.
    const SHOWN_CHARS: usize = 20;

    /// Returns the protocol with this number.
    #[must_use]
    pub(crate) fn from_integer(number: i64) -> Self {
        match number {
            -1 => Self::All,
            1 => Self::Icmp,
            6 => Self::Tcp,
            17 => Self::Udp,
            58 => Self::Icmpv6,
            _ => u8::try_from(number).map_or_else(|_| Self::Unrecognized(Some(number.to_string())), Self::Number),
        }
    }

    /// Parses a protocol: a name in any letter case, or a number in plain decimal digits. Other notations (`006`, `+6`)
    /// are not documented, so they are not recognized.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let name = text.trim();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.parse::<i64>().ok().filter(|number| number.to_string() == name) {
            Some(number) => Self::from_integer(number),
            None if is("tcp") => Self::Tcp,
            None if is("udp") => Self::Udp,
            None if is("icmp") => Self::Icmp,
            None if is("icmpv6") => Self::Icmpv6,
            None => Unknown::of_text(name).map_or_else(|| Self::of_wrong_kind(name), Self::Unknown),
        }
    }

    /// Returns whether `FromPort` and `ToPort` are ports for this protocol (TCP and UDP).
    #[must_use]
    pub(crate) const fn has_ports(&self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }

    /// Returns the unrecognized protocol for a value whose kind cannot be a protocol.
    #[must_use]
    pub(crate) fn of_wrong_kind(found: &str) -> Self {
        Self::Unrecognized(Some(excerpt(found, Self::SHOWN_CHARS)))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("-1"),
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Icmp => f.write_str("icmp"),
            Self::Icmpv6 => f.write_str("icmpv6"),
            Self::Number(number) => number.fmt(f),
            Self::Unrecognized(Some(found)) => f.write_str(found),
            Self::Unrecognized(None) => f.write_str("(no IpProtocol)"),
            Self::Unknown(unknown) => f.write_str(&unknown.shown_as),
        }
    }
}

/// The destination of an egress rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// `CidrIp` or `CidrIpv6`.
    Cidr(IpNet),
    /// `DestinationPrefixListId`.
    PrefixList(String),
    /// `DestinationSecurityGroupId`.
    SecurityGroup(String),
    /// A block of addresses that only AWS knows.
    Unknown(Unknown),
    /// The id of a prefix list or security group that only AWS knows; never an address.
    UnknownId(Unknown),
    /// A value that is not a destination (EC2 refuses it).
    Invalid(String),
}

impl Destination {
    /// The number of characters kept of a destination.
    pub const SHOWN_CHARS: usize = 43;

    /// Parses a CIDR block.
    #[must_use]
    pub(crate) fn from_cidr(text: &str) -> Self {
        let trimmed = text.trim();
        cidr(trimmed).map_or_else(|| Self::of_other_text(trimmed, Self::Invalid, Self::Unknown), Self::Cidr)
    }

    /// Returns the destination for the id of a prefix list.
    #[must_use]
    pub(crate) fn from_prefix_list(id: &str) -> Self {
        Self::of_other_text(id, Self::PrefixList, Self::UnknownId)
    }

    /// Returns the destination for the id of a security group.
    #[must_use]
    pub(crate) fn from_security_group(id: &str) -> Self {
        Self::of_other_text(id, Self::SecurityGroup, Self::UnknownId)
    }

    /// Returns the destination of CDK's "Disallow all traffic" rule, `255.255.255.255/32` (source: aws-cdk-lib,
    /// `aws-ec2/lib/security-group.ts`).
    #[must_use]
    pub fn no_traffic() -> Self {
        Self::host(IpAddr::V4(Ipv4Addr::BROADCAST))
    }

    /// Returns the host itself: `127.0.0.1/32`, the IPv4 form of AWS's deny-all idiom.
    #[must_use]
    pub fn loopback() -> Self {
        Self::host(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Returns whether traffic to this destination never leaves the host: exactly `127.0.0.1/32` or `::1/128` (source:
    /// the `AWS::EC2::SecurityGroup` page, "Remove the default egress rule").
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        *self == Self::loopback() || *self == Self::host(IpAddr::V6(Ipv6Addr::LOCALHOST))
    }

    fn of_other_text(text: &str, known: fn(String) -> Self, unknown: fn(Unknown) -> Self) -> Self {
        Unknown::of_text(text).map_or_else(|| known(excerpt(text.trim(), Self::SHOWN_CHARS)), unknown)
    }

    /// Returns the destination as EC2 stores it: a CIDR block without host bits (`10.1.2.3/8` is `10.0.0.0/8`; source:
    /// EC2 API, `IpRange`).
    #[must_use]
    pub(crate) fn network(&self) -> Self {
        if let Self::Cidr(cidr) = self { Self::Cidr(cidr.trunc()) } else { self.clone() }
    }

    /// Returns the unknown value, if the destination is unknown.
    #[must_use]
    pub const fn unknown(&self) -> Option<&Unknown> {
        match self {
            Self::Unknown(unknown) | Self::UnknownId(unknown) => Some(unknown),
            Self::Cidr(_) | Self::PrefixList(_) | Self::SecurityGroup(_) | Self::Invalid(_) => None,
        }
    }

    fn host(address: IpAddr) -> Self {
        Self::Cidr(IpNet::from(address))
    }
}

/// Parses a block of addresses, only in the spelling that all readers agree on. `010.0.0.0/8` is 10.0.0.0/8 for some
/// and 8.0.0.0/8 for others (RFC 6943, section 3.1.1); EC2 refuses it.
pub(super) fn cidr(text: &str) -> Option<IpNet> {
    let (address, prefix) = text.split_once('/')?;
    let plain = prefix.bytes().all(|byte| byte.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
    plain.then(|| IpNet::new(address.parse().ok()?, prefix.parse().ok()?).ok()).flatten()
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::PrefixList(id) | Self::SecurityGroup(id) => f.write_str(id),
            Self::Unknown(unknown) | Self::UnknownId(unknown) => f.write_str(&unknown.shown_as),
            Self::Invalid(found) => write!(f, "\"{found}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_names_in_any_case_or_numbers() {
        for (text, expected) in [
            ("tcp", Protocol::Tcp),
            (" TCP ", Protocol::Tcp),
            ("6", Protocol::Tcp),
            ("17", Protocol::Udp),
            ("1", Protocol::Icmp),
            ("ICMPv6", Protocol::Icmpv6),
            ("58", Protocol::Icmpv6),
            ("-1", Protocol::All),
            ("50", Protocol::Number(50)),
            ("0", Protocol::Number(0)),
            ("256", Protocol::Unrecognized(Some("256".to_owned()))),
            ("-2", Protocol::Unrecognized(Some("-2".to_owned()))),
            ("all", Protocol::Unrecognized(Some("all".to_owned()))),
            ("+6", Protocol::Unrecognized(Some("+6".to_owned()))),
            ("006", Protocol::Unrecognized(Some("006".to_owned()))),
            ("", Protocol::Unrecognized(Some(String::new()))),
        ] {
            assert_eq!(Protocol::from_text(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_the_exact_loopback_addresses_keep_traffic_on_the_host() {
        for (cidr, expected) in [
            ("127.0.0.1/32", true),
            ("::1/128", true),
            ("0:0:0:0:0:0:0:1/128", true),
            ("127.0.0.1/31", false),
            ("127.0.0.0/8", false),
            ("::1/127", false),
            ("::ffff:127.0.0.1/128", false),
            ("0.0.0.0/0", false),
            ("127.0.0.1", false),
            ("127.0.0.01/32", false),
            ("0177.0.0.1/32", false),
            ("127.0.0.1/032", false),
            ("127.0.0.1/+32", false),
        ] {
            assert_eq!(Destination::from_cidr(cidr).is_loopback(), expected, "{cidr}");
        }
    }
}
