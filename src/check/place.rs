//! Which values of the template a finding points at.

use crate::path::{Origin, Segment};
use crate::rule::{EgressRule, Finding, Port, Protocol, Reason};
use crate::value::Value;

/// Values to point at: the offending one, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the offending value was written.
    pub primary: Origin,
    /// Which part of the egress rule the value states.
    pub part: Part,
    /// Where its partners were written, and what they are.
    pub related: Vec<(Origin, Part)>,
}

/// A part of an egress rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The value of `IpProtocol`.
    Protocol,
    /// The value of `FromPort`.
    From,
    /// The value of `ToPort`.
    To,
    /// The value of the destination.
    Destination,
    /// What stands where an egress rule, or a list of them, should.
    Entry,
    /// The resource's logical id.
    Resource,
}

const DESTINATIONS: [&str; 4] = ["CidrIp", "CidrIpv6", "DestinationPrefixListId", "DestinationSecurityGroupId"];

impl Place {
    /// The place of a finding about a resource with these properties.
    pub(super) fn of(finding: &Finding, properties: &Value, resource: Origin) -> Self {
        let parts = match finding.rule() {
            Some(rule) => parts(rule, finding.reason),
            None if finding.reason == Reason::DefaultEgress => vec![Part::Resource],
            None => Vec::new(),
        };
        let entry = value_at(properties, finding);
        let origin = |part: Part| match part {
            Part::Protocol => key(entry, "IpProtocol"),
            Part::From => key(entry, "FromPort"),
            Part::To => key(entry, "ToPort"),
            Part::Destination => DESTINATIONS.iter().map(|name| key(entry, name)).find(Option::is_some).flatten(),
            Part::Entry => Some(finding.origin),
            Part::Resource => Some(resource),
        };
        let mut places = parts.into_iter().filter_map(|part| Some((origin(part)?, part)));
        let (primary, part) = places.next().unwrap_or((finding.origin, Part::Entry));
        let mut related: Vec<(Origin, Part)> = Vec::new();
        for (place, part) in places {
            let index = place.index();
            // An alias can stand for both ports: one value is pointed at once.
            if index != primary.index() && !related.iter().any(|(other, _)| other.index() == index) {
                related.push((place, part));
            }
        }
        Self { primary, part, related }
    }
}

/// The parts that matter for a reason: the offending one first. Those that are not written are left
/// out later.
fn parts(rule: &EgressRule, reason: Reason) -> Vec<Part> {
    match reason {
        Reason::PortRange
        | Reason::ReversedRange
        | Reason::IcmpTypeAndCode
        | Reason::NoTrafficPlaceholder
        | Reason::MinusOnePorts => vec![Part::To, Part::From],
        Reason::MissingPorts | Reason::IcmpWithoutType => match (&rule.from, &rule.to) {
            (Port::Absent, Port::Absent) => vec![Part::Protocol],
            (Port::Absent, _) => vec![Part::To],
            (_, _) => vec![Part::From],
        },
        Reason::AllTraffic | Reason::ProtocolWithoutPorts | Reason::LoopbackOnly => {
            vec![Part::Protocol, Part::From, Part::To]
        }
        Reason::UnrecognizedProtocol => vec![Part::Protocol],
        Reason::InvalidPort => match &rule.from {
            Port::Invalid(_) => vec![Part::From, Part::To],
            Port::Known(_) | Port::Unknown(_) | Port::Absent => vec![Part::To, Part::From],
        },
        Reason::UnresolvedValue | Reason::UndeterminedValue => {
            if matches!(rule.protocol, Protocol::Unknown(_)) {
                vec![Part::Protocol]
            } else if matches!(rule.from, Port::Unknown(_)) {
                vec![Part::From, Part::To]
            } else if matches!(rule.to, Port::Unknown(_)) {
                vec![Part::To, Part::From]
            } else {
                vec![Part::Destination]
            }
        }
        Reason::DefaultEgress | Reason::MalformedEntry | Reason::MalformedEgress | Reason::MalformedProperties => {
            Vec::new()
        }
    }
}

/// The value that a finding's path leads to.
fn value_at<'v>(properties: &'v Value, finding: &Finding) -> Option<&'v Value> {
    finding.path.segments().iter().try_fold(properties, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.as_list()?.get(*index),
    })
}

/// Where the value of a key was written, if it stands for something.
fn key(entry: Option<&Value>, name: &str) -> Option<Origin> {
    let value = entry?.get(name)?;
    value.origin.index().map(|_| value.origin)
}
