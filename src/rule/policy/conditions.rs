//! The conditions of an exemption: on the place of a resource and on the content of its egress rule.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;

use super::glob::Glob;
use crate::rule::egress::{Destination, EgressRule, Protocol, cidr};
use crate::rule::port::Port;

/// The place of a resource, as far as it is known. A `None` matches no condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context<'a> {
    /// The account's 12 digits.
    pub account: Option<&'a str>,
    /// The Region, for example `eu-central-1`.
    pub region: Option<&'a str>,
    /// The stack's name as in its ARN; `None` for a template alone.
    pub stack_name: Option<&'a str>,
    /// The stack's ARN; `None` for the Cloud Control API and for a template alone.
    pub stack_id: Option<&'a str>,
    /// The key under `Resources`.
    pub logical_id: Option<&'a str>,
    /// The resource type, for example `AWS::EC2::SecurityGroup`.
    pub resource_type: Option<&'a str>,
    /// The group's tags.
    pub tags: Option<&'a [Tag]>,
}

/// A tag of a group. An unknown value is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// `Key`.
    pub key: String,
    /// `Value`.
    pub value: Option<String>,
}

/// A condition on a tag, which the group must have exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCondition {
    /// The tag's key, an exact match.
    pub key: String,
    /// Patterns for the value; one must match.
    pub values: Vec<Glob>,
}

/// A range of ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    from: u16,
    to: u16,
}

/// A range that must contain the rule's destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationRange {
    /// A block of addresses that contains the rule's whole block.
    Cidr(IpNet),
    /// Prefix lists with a matching id.
    PrefixList(Glob),
    /// Security groups with a matching id.
    SecurityGroup(Glob),
}

/// The conditions of an exemption. All of them must match. A list is a set of alternatives; an empty list is no
/// condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// The accounts, by their 12 digits; empty means any account.
    pub accounts: Vec<Glob>,
    /// The Regions, for example `eu-*`; empty means any Region.
    pub regions: Vec<Glob>,
    /// Stacks, by name.
    pub stack_names: Vec<Glob>,
    /// Stacks, by ARN.
    pub stack_ids: Vec<Glob>,
    /// Resources, by logical id.
    pub logical_ids: Vec<Glob>,
    /// The resource types; empty means both types.
    pub resource_types: Vec<String>,
    /// The protocols, an exact match: `-1` covers only a rule with `-1`.
    pub protocols: Vec<Protocol>,
    /// The ports of tcp and udp: one of the ranges must contain the rule's whole range.
    pub ports: Vec<PortRange>,
    /// The destinations: the rule must have exactly one, and one of these must contain it.
    pub destinations: Vec<DestinationRange>,
    /// The tags; the group must have all of them.
    pub tags: Vec<TagCondition>,
}

/// A condition on the place that a command line can state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextCondition {
    /// `account`.
    Account,
    /// `region`.
    Region,
    /// `stack_name`.
    StackName,
}

impl Conditions {
    /// Returns whether all conditions match an egress rule of a resource.
    ///
    /// A value that is unknown, ambiguous, or refused by EC2 does not match a condition about it. A rule that EC2
    /// cannot read is never matched.
    #[must_use]
    pub fn match_rule(&self, context: &Context<'_>, rule: &EgressRule) -> bool {
        self.match_context(context) && self.match_egress(rule)
    }

    /// Returns whether the conditions on the egress rule match.
    pub(super) fn match_egress(&self, rule: &EgressRule) -> bool {
        is_well_formed(rule)
            && any(&self.protocols, |protocol| *protocol == rule.protocol)
            && any(&self.ports, |ports| ports.contains_ports_of(rule))
            && any(&self.destinations, |range| match rule.destinations.as_slice() {
                [only] => range.contains(only),
                _ => false,
            })
    }

    /// Returns whether the conditions on the place match.
    pub(super) fn match_context(&self, context: &Context<'_>) -> bool {
        self.match_place(context, glob)
    }

    /// Like `match_context`, but `matches` compares the account, the Region, and the stack's name.
    fn match_place(&self, context: &Context<'_>, matches: fn(&[Glob], Option<&str>) -> bool) -> bool {
        matches(&self.accounts, context.account)
            && matches(&self.regions, context.region)
            && matches(&self.stack_names, context.stack_name)
            && glob(&self.stack_ids, context.stack_id)
            && glob(&self.logical_ids, context.logical_id)
            && any(&self.resource_types, |wanted| context.resource_type == Some(wanted.as_str()))
            && self.tags.iter().all(|tag| tag.matches(context.tags))
    }

    /// Returns the conditions on the account, the Region, and the stack's name where these are unknown, if all other
    /// conditions on the place match.
    pub(super) fn asked_of_unknown(&self, context: &Context<'_>) -> Vec<(ContextCondition, &[Glob])> {
        let places = [
            (ContextCondition::Account, context.account, &self.accounts),
            (ContextCondition::Region, context.region, &self.regions),
            (ContextCondition::StackName, context.stack_name, &self.stack_names),
        ];
        if !self.match_place(context, |globs, known| known.is_none() || glob(globs, known)) {
            return Vec::new();
        }
        let asked = places.into_iter().filter(|(_, known, globs)| known.is_none() && !globs.is_empty());
        asked.map(|(place, _, globs)| (place, globs.as_slice())).collect()
    }

    /// Returns whether no condition narrows the egress rule itself. A destination of all addresses is not narrow.
    #[must_use]
    pub(crate) fn cover_every_rule(&self) -> bool {
        let everywhere =
            |range: &DestinationRange| matches!(range, DestinationRange::Cidr(cidr) if cidr.prefix_len() == 0);
        let any_destination = self.destinations.is_empty() || self.destinations.iter().any(everywhere);
        self.protocols.is_empty() && self.ports.is_empty() && any_destination
    }

    /// Returns whether at least one condition narrows the exemption. Naming both resource types does not narrow it.
    #[must_use]
    pub fn narrow(&self) -> bool {
        let conditions = [
            (&self.accounts, ANY_ACCOUNT),
            (&self.regions, ANY_REGION),
            (&self.stack_names, ANY_NAME),
            (&self.stack_ids, ANY_STACK),
            (&self.logical_ids, ANY_NAME),
        ];
        conditions
            .into_iter()
            .any(|(globs, texts)| !globs.is_empty() && !globs.iter().any(|glob| fits_all(glob, texts)))
            || matches!(self.resource_types.iter().collect::<BTreeSet<_>>().len(), 1)
            || !self.tags.is_empty()
            || !self.cover_every_rule()
    }
}

// Texts with nothing in common. A pattern that matches all texts of one kind narrows nothing, however it is written.
const ANY_ACCOUNT: &[&str] = &["111111111111", "222222222222"];
const ANY_REGION: &[&str] = &["us-gov-west-1", "ap-south-2", "ca-central-1", "il-north-3"];
const ANY_NAME: &[&str] = &["a", "B"];
const ANY_STACK: &[&str] = &[
    "arn:aws:cloudformation:ap-south-2:111111111111:stack/a/1",
    "arn:aws-cn:cloudformation:cn-north-1:222222222222:stack/B/2",
];

fn fits_all(glob: &Glob, texts: &[&str]) -> bool {
    texts.iter().all(|text| glob.matches(text))
}

/// Returns whether the list is empty (no condition) or one entry matches.
fn any<T>(alternatives: &[T], holds: impl Fn(&T) -> bool) -> bool {
    alternatives.is_empty() || alternatives.iter().any(holds)
}

fn glob(globs: &[Glob], text: Option<&str>) -> bool {
    any(globs, |glob| text.is_some_and(|text| glob.matches(text)))
}

/// Returns whether EC2 can read the rule: no value in it is ambiguous between readers.
fn is_well_formed(rule: &EgressRule) -> bool {
    let ports = [&rule.from, &rule.to];
    ports.into_iter().all(|port| !matches!(port, Port::Invalid(_)))
        && !matches!(rule.protocol, Protocol::Unrecognized(_))
        && !rule.destinations.iter().any(|to| matches!(to, Destination::Invalid(_)))
}

impl TagCondition {
    fn matches(&self, tags: Option<&[Tag]>) -> bool {
        let mut found = tags.unwrap_or_default().iter().filter(|tag| tag.key == self.key);
        // A duplicate key has no certain value (EC2 refuses it).
        match (found.next(), found.next()) {
            (Some(Tag { value: Some(value), .. }), None) => self.values.iter().any(|glob| glob.matches(value)),
            _ => false,
        }
    }
}

impl PortRange {
    /// Returns a range, or `None` if `from` is above `to`.
    #[must_use]
    pub fn new(from: u16, to: u16) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// Returns the first and the last port.
    pub(super) const fn bounds(self) -> (u16, u16) {
        (self.from, self.to)
    }

    /// Returns whether the range is a single port.
    #[must_use]
    pub(crate) const fn is_single(self) -> bool {
        self.from == self.to
    }

    /// Returns the ports in both ranges.
    #[must_use]
    pub(crate) fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// Returns whether the rule has a range of tcp or udp ports within this one. -1 means all ports; for ICMP the
    /// numbers are not ports, and the other protocols have none.
    fn contains_ports_of(self, rule: &EgressRule) -> bool {
        let (Protocol::Tcp | Protocol::Udp) = rule.protocol else { return false };
        let (Port::Known(from), Port::Known(to)) = (&rule.from, &rule.to) else { return false };
        let (from, to) = (from.get(), to.get());
        i32::from(self.from) <= from && from <= to && to <= i32::from(self.to)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() { self.from.fmt(f) } else { write!(f, "{}-{}", self.from, self.to) }
    }
}

/// The reason why a text is not a [`PortRange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRangeError {
    /// Not `PORT-PORT` or `PORT` with ports from 0 to 65535.
    NotAPortRange,
    /// The first port is above the last.
    Reversed,
}

impl fmt::Display for PortRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAPortRange => "not a range of ports from 0 to 65535",
            Self::Reversed => "a range whose first port is above its last",
        })
    }
}

impl std::error::Error for PortRangeError {}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
            if digits {
                text.parse().map_err(|_| PortRangeError::NotAPortRange)
            } else {
                Err(PortRangeError::NotAPortRange)
            }
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        Self::new(port(from.trim_end_matches(' '))?, port(to.trim_start_matches(' '))?).ok_or(PortRangeError::Reversed)
    }
}

impl DestinationRange {
    /// Returns whether the range contains the destination.
    #[must_use]
    pub fn contains(&self, destination: &Destination) -> bool {
        match (self, destination) {
            (Self::Cidr(range), Destination::Cidr(cidr)) => range.contains(cidr),
            (Self::PrefixList(ids), Destination::PrefixList(id)) => ids.matches(id),
            (Self::SecurityGroup(ids), Destination::SecurityGroup(id)) => ids.matches(id),
            _ => false,
        }
    }

    /// Returns whether a destination exists that both ranges contain.
    #[must_use]
    pub(crate) fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            // Two CIDR blocks are either nested or disjoint.
            (Self::Cidr(one), Self::Cidr(two)) => one.contains(two) || two.contains(one),
            (Self::PrefixList(one), Self::PrefixList(two)) | (Self::SecurityGroup(one), Self::SecurityGroup(two)) => {
                one.intersects(two)
            }
            _ => false,
        }
    }
}

impl fmt::Display for DestinationRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::PrefixList(ids) | Self::SecurityGroup(ids) => ids.fmt(f),
        }
    }
}

/// The reason why a text is not a [`DestinationRange`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationRangeError {
    /// Neither a CIDR block nor an id that begins with `pl-` or `sg-`.
    NotADestination,
    /// A CIDR block whose address has bits set after the prefix; contains the block that EC2 makes of it.
    HostBits(IpNet),
    /// An id that is not a glob.
    Id(super::glob::GlobError),
}

impl fmt::Display for DestinationRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADestination => f.write_str("neither a CIDR block nor the id of a prefix list or security group"),
            Self::HostBits(network) => write!(f, "not a network address: bits are set beyond the prefix of {network}"),
            Self::Id(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DestinationRangeError {}

impl FromStr for DestinationRange {
    type Err = DestinationRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = || text.parse::<Glob>().map_err(DestinationRangeError::Id);
        let is_id = |prefix: &str| {
            text.strip_prefix(prefix).is_some_and(|rest| {
                !rest.is_empty()
                    && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "*?".contains(c))
            })
        };
        if is_id("pl-") {
            return id().map(Self::PrefixList);
        }
        if is_id("sg-") {
            return id().map(Self::SecurityGroup);
        }
        let cidr = cidr(text).ok_or(DestinationRangeError::NotADestination)?;
        if cidr == cidr.trunc() { Ok(Self::Cidr(cidr)) } else { Err(DestinationRangeError::HostBits(cidr.trunc())) }
    }
}
