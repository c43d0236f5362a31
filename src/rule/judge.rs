//! The decision on one egress rule. This file is the rule; all other files provide its input or word its results.

use super::egress::{Destination, EgressRule, Protocol};
use super::finding::{Judgement, Reason};
use super::port::{Port, PortNumber};
use super::settings::{Setting, Settings};

/// Whether a value that is unknown here will be checked again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// The last check before the deployment (RESOURCE and Cloud Control invocations). The rule requires an explicit
    /// port, so an unknown value is non-compliant.
    Final,
    /// The text of a template (command line, STACK, and CHANGE_SET invocations). An unknown value is undetermined, and
    /// two uses of the same unknown value are equal.
    Partial,
}

/// The combined meaning of `FromPort` and `ToPort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatedPorts {
    /// The same explicit number.
    Single(PortNumber),
    /// The same unknown value.
    SameUnknown,
    /// Two different numbers.
    Range(PortNumber, PortNumber),
    /// `FromPort` is missing.
    NoFrom,
    /// `ToPort` is missing.
    NoTo,
    /// Both are missing.
    Neither,
    /// At least one is not a port.
    Invalid,
    /// At least one is unknown, and the result depends on it.
    Undetermined,
}

impl StatedPorts {
    /// Combines every pair of (`FromPort`, `ToPort`), without a default arm. This is the core of the rule.
    #[deny(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]
    pub(super) fn of(from: &Port, to: &Port) -> Self {
        match (from, to) {
            (Port::Known(from), Port::Known(to)) if from == to => Self::Single(*from),
            (Port::Known(from), Port::Known(to)) => Self::Range(*from, *to),
            (Port::Unknown(from), Port::Unknown(to)) if from.is_same(to) => Self::SameUnknown,
            (Port::Unknown(_), Port::Unknown(_) | Port::Known(_)) | (Port::Known(_), Port::Unknown(_)) => {
                Self::Undetermined
            }
            (Port::Absent, Port::Absent) => Self::Neither,
            (Port::Absent, Port::Known(_) | Port::Unknown(_)) => Self::NoFrom,
            (Port::Known(_) | Port::Unknown(_), Port::Absent) => Self::NoTo,
            (Port::Invalid(_), Port::Invalid(_) | Port::Known(_) | Port::Unknown(_) | Port::Absent)
            | (Port::Known(_) | Port::Unknown(_) | Port::Absent, Port::Invalid(_)) => Self::Invalid,
        }
    }
}

/// Decides one egress rule under the given settings.
///
/// This function never fails and depends only on its arguments. If the protocol or the destination is unknown and
/// matters, it judges every possible value; the result is certain only if all of them agree.
#[must_use]
pub fn judge(rule: &EgressRule, settings: &Settings, knowledge: Knowledge) -> Judgement {
    let judgement = judge_possibilities(rule, settings, knowledge);
    match (judgement, knowledge) {
        (Judgement::Undetermined, Knowledge::Final) => Judgement::NonCompliant(Reason::UnresolvedValue),
        (judgement, _) => judgement,
    }
}

fn judge_possibilities(rule: &EgressRule, settings: &Settings, knowledge: Knowledge) -> Judgement {
    let unknown_protocol = matches!(rule.protocol, Protocol::Unknown(_));
    let unknown_destination = rule.destinations.iter().any(|to| matches!(to, Destination::Unknown(_)));
    if !unknown_protocol && !unknown_destination {
        return judge_known(rule, &rule.protocol, &rule.destinations, settings, knowledge);
    }
    const EVERY_PROTOCOL: [Protocol; 6] = [
        Protocol::Tcp,
        Protocol::All,
        Protocol::Icmp,
        Protocol::Icmpv6,
        Protocol::Number(50),
        Protocol::Unrecognized(None),
    ];
    let own_protocol = [rule.protocol.clone()];
    let protocols = if unknown_protocol { EVERY_PROTOCOL.as_slice() } else { own_protocol.as_slice() };
    let special = [vec![Destination::loopback()], vec![Destination::no_traffic()]];
    let mut destinations = vec![rule.destinations.as_slice()];
    // Two destinations never match an idiom, whatever the value of the unknown one.
    if unknown_destination && rule.destinations.len() == 1 {
        destinations.extend(special.iter().map(Vec::as_slice));
    }
    protocols
        .iter()
        .flat_map(|protocol| destinations.iter().map(move |to| (protocol, *to)))
        .map(|(protocol, to)| judge_known(rule, protocol, to, settings, knowledge))
        .reduce(|first, next| if first.same_verdict(next) { first } else { Judgement::Undetermined })
        .unwrap_or(Judgement::Undetermined)
}

/// Applies the decision table to a known protocol and destination.
fn judge_known(
    rule: &EgressRule,
    protocol: &Protocol,
    destinations: &[Destination],
    settings: &Settings,
    knowledge: Knowledge,
) -> Judgement {
    let ports = match (StatedPorts::of(&rule.from, &rule.to), knowledge) {
        (StatedPorts::SameUnknown, Knowledge::Final) => StatedPorts::Undetermined,
        (ports, _) => ports,
    };
    let by = |setting: Setting, reason: Reason| {
        if settings.allows(setting) { Judgement::Compliant(Some(setting)) } else { Judgement::NonCompliant(reason) }
    };
    let one_destination = if let [only] = destinations { Some(only) } else { None };

    match protocol {
        Protocol::All | Protocol::Number(_) => {
            let loopback = *protocol == Protocol::All && one_destination.is_some_and(Destination::is_loopback);
            if loopback && settings.allows(Setting::LoopbackOnly) && ports != StatedPorts::Invalid {
                return Judgement::Compliant(Some(Setting::LoopbackOnly));
            }
            let reason = if loopback {
                Reason::LoopbackOnly
            } else if *protocol == Protocol::All {
                Reason::AllTraffic
            } else {
                Reason::ProtocolWithoutPorts
            };
            match ports {
                StatedPorts::Single(_) | StatedPorts::SameUnknown => by(Setting::IgnoredPorts, reason),
                StatedPorts::Undetermined if settings.allows(Setting::IgnoredPorts) => Judgement::Undetermined,
                // EC2 ignores an unknown port, whatever its value.
                StatedPorts::Range(..)
                | StatedPorts::NoFrom
                | StatedPorts::NoTo
                | StatedPorts::Neither
                | StatedPorts::Undetermined => Judgement::NonCompliant(reason),
                StatedPorts::Invalid => Judgement::NonCompliant(Reason::InvalidPort),
            }
        }
        Protocol::Icmp | Protocol::Icmpv6 => match ports {
            StatedPorts::Single(_) | StatedPorts::SameUnknown => Judgement::Compliant(None),
            StatedPorts::Range(from, to) if is_no_traffic_placeholder(protocol, from, to, one_destination) => {
                by(Setting::NoTrafficPlaceholder, Reason::NoTrafficPlaceholder)
            }
            StatedPorts::Range(..) => by(Setting::IcmpTypeAndCode, Reason::IcmpTypeAndCode),
            StatedPorts::Neither if *protocol == Protocol::Icmpv6 => {
                by(Setting::Icmpv6WithoutType, Reason::IcmpWithoutType)
            }
            StatedPorts::Neither | StatedPorts::NoFrom | StatedPorts::NoTo => {
                Judgement::NonCompliant(Reason::IcmpWithoutType)
            }
            StatedPorts::Undetermined => Judgement::Undetermined,
            StatedPorts::Invalid => Judgement::NonCompliant(Reason::InvalidPort),
        },
        Protocol::Tcp | Protocol::Udp | Protocol::Unrecognized(_) | Protocol::Unknown(_) => {
            let recognized = matches!(protocol, Protocol::Tcp | Protocol::Udp);
            match ports {
                StatedPorts::Single(_) | StatedPorts::SameUnknown if !recognized => {
                    by(Setting::UnrecognizedProtocol, Reason::UnrecognizedProtocol)
                }
                StatedPorts::Single(PortNumber::ALL) => by(Setting::MinusOnePorts, Reason::MinusOnePorts),
                // Both may be -1.
                StatedPorts::SameUnknown if !settings.allows(Setting::MinusOnePorts) => Judgement::Undetermined,
                StatedPorts::Single(_) | StatedPorts::SameUnknown => Judgement::Compliant(None),
                StatedPorts::Range(from, to) if from > to => Judgement::NonCompliant(Reason::ReversedRange),
                StatedPorts::Range(..) => Judgement::NonCompliant(Reason::PortRange),
                StatedPorts::NoFrom | StatedPorts::NoTo | StatedPorts::Neither => {
                    Judgement::NonCompliant(Reason::MissingPorts)
                }
                StatedPorts::Undetermined => Judgement::Undetermined,
                StatedPorts::Invalid => Judgement::NonCompliant(Reason::InvalidPort),
            }
        }
    }
}

/// Returns whether this is CDK's `MATCH_NO_TRAFFIC`: exactly icmp, 252, 86, `255.255.255.255/32` (source: aws-cdk-lib,
/// `aws-ec2/lib/security-group.ts`).
fn is_no_traffic_placeholder(
    protocol: &Protocol,
    from: PortNumber,
    to: PortNumber,
    destination: Option<&Destination>,
) -> bool {
    *protocol == Protocol::Icmp
        && (from.get(), to.get()) == (252, 86)
        && destination.is_some_and(|to| *to == Destination::no_traffic())
}
