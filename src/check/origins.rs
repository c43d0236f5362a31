//! The values of the template that a finding points at.

use crate::path::{Origin, Segment};
use crate::rule::{EgressRule, Finding, Port, Protocol, Reason};
use crate::security_group::DESTINATION_PROPERTIES;
use crate::value::Value;

/// The values to point at: the offending one and related ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingOrigins {
    /// The place of the offending value.
    pub primary: Origin,
    /// The part of the egress rule that this value states.
    pub part: RulePart,
    /// The places of the related values and their parts.
    pub related: Vec<(Origin, RulePart)>,
}

/// A part of an egress rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RulePart {
    /// The value of `IpProtocol`.
    Protocol,
    /// The value of `FromPort`.
    From,
    /// The value of `ToPort`.
    To,
    /// The value of the destination.
    Destination,
    /// The value where an egress rule, or a list of them, is expected.
    Entry,
    /// The resource's logical id.
    Resource,
}

impl FindingOrigins {
    /// Returns the origins of a finding about a resource with these properties.
    pub(super) fn of(finding: &Finding, properties: &Value, resource: Origin) -> Self {
        let parts = match finding.rule() {
            Some(rule) => parts(rule, finding.reason),
            None if finding.reason == Reason::DefaultEgress => vec![RulePart::Resource],
            None => Vec::new(),
        };
        let entry = value_at(properties, finding);
        let origin = |part: RulePart| match part {
            RulePart::Protocol => key(entry, "IpProtocol"),
            RulePart::From => key(entry, "FromPort"),
            RulePart::To => key(entry, "ToPort"),
            RulePart::Destination => {
                DESTINATION_PROPERTIES.iter().map(|name| key(entry, name)).find(Option::is_some).flatten()
            }
            RulePart::Entry => Some(finding.origin),
            RulePart::Resource => Some(resource),
        };
        let mut places = parts.into_iter().filter_map(|part| Some((origin(part)?, part)));
        let (primary, part) = places.next().unwrap_or((finding.origin, RulePart::Entry));
        let mut related: Vec<(Origin, RulePart)> = Vec::new();
        for (place, part) in places {
            let index = place.index();
            // An alias can represent both ports; each value is listed once.
            if index != primary.index() && !related.iter().any(|(other, _)| other.index() == index) {
                related.push((place, part));
            }
        }
        Self { primary, part, related }
    }
}

/// Returns the parts that matter for a reason, the offending one first. The caller removes parts that are not written.
fn parts(rule: &EgressRule, reason: Reason) -> Vec<RulePart> {
    match reason {
        Reason::PortRange
        | Reason::ReversedRange
        | Reason::IcmpTypeAndCode
        | Reason::NoTrafficPlaceholder
        | Reason::MinusOnePorts => vec![RulePart::To, RulePart::From],
        Reason::MissingPorts | Reason::IcmpWithoutType => match (&rule.from, &rule.to) {
            (Port::Absent, Port::Absent) => vec![RulePart::Protocol],
            (Port::Absent, _) => vec![RulePart::To],
            (_, _) => vec![RulePart::From],
        },
        Reason::AllTraffic | Reason::ProtocolWithoutPorts | Reason::LoopbackOnly => {
            vec![RulePart::Protocol, RulePart::From, RulePart::To]
        }
        Reason::UnrecognizedProtocol => vec![RulePart::Protocol],
        Reason::InvalidPort => match &rule.from {
            Port::Invalid(_) => vec![RulePart::From, RulePart::To],
            Port::Known(_) | Port::Unknown(_) | Port::Absent => vec![RulePart::To, RulePart::From],
        },
        Reason::UnresolvedValue | Reason::UndeterminedValue => {
            if matches!(rule.protocol, Protocol::Unknown(_)) {
                vec![RulePart::Protocol]
            } else if matches!(rule.from, Port::Unknown(_)) {
                vec![RulePart::From, RulePart::To]
            } else if matches!(rule.to, Port::Unknown(_)) {
                vec![RulePart::To, RulePart::From]
            } else {
                vec![RulePart::Destination]
            }
        }
        Reason::DefaultEgress | Reason::MalformedEntry | Reason::MalformedEgress | Reason::MalformedProperties => {
            Vec::new()
        }
    }
}

/// Returns the value at a finding's path.
fn value_at<'v>(properties: &'v Value, finding: &Finding) -> Option<&'v Value> {
    finding.path.segments().iter().try_fold(properties, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.as_list()?.get(*index),
    })
}

/// Returns the place of a key's value, if it has one.
fn key(entry: Option<&Value>, name: &str) -> Option<Origin> {
    let value = entry?.get(name)?;
    value.origin.index().map(|_| value.origin)
}
