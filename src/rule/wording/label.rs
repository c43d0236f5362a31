//! The short labels beside the values that a finding points at. The reader also sees the source line.

use super::count;
use crate::rule::EgressRule;
use crate::rule::finding::{Finding, FindingSubject, Reason};
use crate::rule::port::Port;

/// Returns the label for `FromPort`'s value.
#[must_use]
pub fn from_port(finding: &Finding) -> String {
    port(finding, "FromPort", "ToPort", "from", "type", |rule| &rule.from)
}

/// Returns the label for `ToPort`'s value.
#[must_use]
pub fn to_port(finding: &Finding) -> String {
    port(finding, "ToPort", "FromPort", "to", "code", |rule| &rule.to)
}

fn port(
    finding: &Finding,
    name: &str,
    partner: &str,
    direction: &str,
    icmp: &str,
    of: impl Fn(&EgressRule) -> &Port,
) -> String {
    let Some(rule) = finding.rule() else { return name.to_owned() };
    let own = of(rule);
    match finding.reason {
        Reason::AllTraffic | Reason::ProtocolWithoutPorts | Reason::LoopbackOnly => "ignored by EC2".to_owned(),
        Reason::MissingPorts | Reason::IcmpWithoutType => format!("without {partner}"),
        Reason::MinusOnePorts => "-1 means all".to_owned(),
        Reason::IcmpTypeAndCode | Reason::NoTrafficPlaceholder => format!("{icmp} {own}"),
        Reason::PortRange if name == "ToPort" => format!("to {own}: {} ports", count(rule)),
        Reason::ReversedRange if name == "ToPort" => format!("to {own}, which is lower"),
        _ => match own {
            Port::Invalid(_) => "not a port".to_owned(),
            Port::Unknown(_) => "not known here".to_owned(),
            Port::Absent => format!("no {name}"),
            Port::Known(_) if rule.protocol.has_ports() => format!("{direction} {own}"),
            Port::Known(_) => format!("{name} {own}"),
        },
    }
}

/// Returns the label for `IpProtocol`'s value.
#[must_use]
pub fn protocol(finding: &Finding) -> String {
    match finding.reason {
        Reason::AllTraffic => "every port of every protocol",
        Reason::ProtocolWithoutPorts => "the whole protocol",
        Reason::LoopbackOnly => "not one explicit port",
        Reason::MissingPorts | Reason::IcmpWithoutType => "without FromPort and ToPort",
        Reason::UnrecognizedProtocol => "not a protocol that EC2 recognizes",
        Reason::UnresolvedValue | Reason::UndeterminedValue => "not known here",
        _ => "the protocol",
    }
    .to_owned()
}

/// Returns the label for the destination's value.
#[must_use]
pub fn destination() -> String {
    "not known here".to_owned()
}

/// Returns the label for a whole entry.
#[must_use]
pub fn entry(finding: &Finding) -> String {
    match (&finding.subject, finding.reason) {
        (FindingSubject::Unknown(_), _) => "not known here",
        (_, Reason::MalformedEntry) => "not an egress rule",
        (_, Reason::MalformedEgress) => "not a list of egress rules",
        (_, Reason::MalformedProperties) => "not an object",
        (_, Reason::MissingPorts | Reason::IcmpWithoutType) => "neither FromPort nor ToPort here",
        (_, Reason::UnrecognizedProtocol) => "no IpProtocol here",
        (_, Reason::UnresolvedValue | Reason::UndeterminedValue) => "depends on a value that is not known here",
        _ => "this egress rule",
    }
    .to_owned()
}

/// Returns the label for a resource's logical id.
#[must_use]
pub fn resource() -> String {
    "no egress rule in this group".to_owned()
}
