//! The remedy and the contact for a finding.

use super::count;
use crate::rule::applied::{Line, Owner};
use crate::rule::egress::{Destination, EgressRule, Protocol};
use crate::rule::finding::{Finding, FindingSubject, Reason};
use crate::rule::port::{Port, Unknown};

/// Returns what to write instead.
#[must_use]
pub fn remedy(finding: &Finding) -> String {
    let port = finding.rule().map_or(EXAMPLE_PORT, example_port);
    let whom = finding.contact.as_ref().map_or(OWNERS, Line::as_str);
    match finding.reason {
        Reason::PortRange if finding.contact.is_some() && finding.rule().is_some_and(is_wide) => format!(
            "If the whole range is needed, ask {whom} for an exemption; otherwise open only the ports that are used, \
             one per egress rule."
        ),
        Reason::PortRange if finding.rule().is_some_and(is_wide) => format!(
            "Open only the ports that are used, one per egress rule, for example FromPort: {port} and ToPort: {port}."
        ),
        Reason::PortRange => format!(
            "Open one port per egress rule: FromPort: {port} and ToPort: {port}, and one more rule for each \
             additional port."
        ),
        Reason::ReversedRange => {
            format!("Set FromPort and ToPort to the same port, for example {port} and {port}.")
        }
        Reason::MissingPorts => format!("Set both to the same port: FromPort: {port} and ToPort: {port}."),
        Reason::AllTraffic => format!(
            "Name the protocol and one port: IpProtocol: tcp, FromPort: {port}, ToPort: {port}; one rule per port."
        ),
        Reason::ProtocolWithoutPorts => format!(
            "Use tcp or udp with one port (FromPort: {port}, ToPort: {port}), or ask {whom} for an exemption if the \
             whole protocol is needed."
        ),
        Reason::InvalidPort => {
            format!(
                "Write the port as a plain number from 0 to 65535, the same for both: FromPort: {port}, ToPort: {port}."
            )
        }
        Reason::IcmpTypeAndCode => format!(
            "Remove the rule if nothing needs it (replies to inbound pings pass without it), or ask {whom} for an \
             exemption: do not widen it to -1."
        ),
        Reason::IcmpWithoutType => {
            "Set FromPort to the ICMP type and ToPort to the code; the rule requires the same number in both."
                .to_owned()
        }
        Reason::NoTrafficPlaceholder => format!(
            "Add the rule that the group needs, for example addEgressRule(peer, ec2.Port.tcp({port})): the CDK then \
             removes the placeholder."
        ),
        Reason::LoopbackOnly => format!(
            "Keep the destination and name one port: IpProtocol: tcp, FromPort: {port}, ToPort: {port} also keeps \
             all traffic on the host."
        ),
        Reason::MinusOnePorts => format!("Name the port: FromPort: {port}, ToPort: {port}."),
        Reason::UnrecognizedProtocol => {
            format!("Write IpProtocol: tcp or udp, with FromPort: {port} and ToPort: {port}.")
        }
        Reason::DefaultEgress => format!(
            "List the egress rules that the group needs. To allow no traffic, write one rule to 127.0.0.1/32: \
             IpProtocol: tcp, FromPort: {port}, ToPort: {port}."
        ),
        Reason::UnresolvedValue => {
            format!(
                "Write the value itself: the rule requires an explicit port, such as FromPort: {port} and ToPort: \
                 {port}."
            )
        }
        Reason::UndeterminedValue => undetermined_remedy(finding),
        Reason::MalformedProperties => {
            "Write Properties as an object, in which SecurityGroupEgress is a list of egress \
                                        rules."
                .to_owned()
        }
        Reason::MalformedEntry | Reason::MalformedEgress => format!(
            "Write a list of egress rules, each with IpProtocol, FromPort, ToPort, and one destination, for example \
             IpProtocol: tcp, FromPort: {port}, ToPort: {port}."
        ),
    }
}

/// The contact if the policy names none.
const OWNERS: &str = "the owners of the guard";

/// Returns the remedy, and the contact if the policy names one.
#[must_use]
pub(crate) fn remediation(finding: &Finding) -> String {
    let remedy = remedy(finding);
    match &finding.contact {
        Some(contact) if !remedy.contains(contact.as_str()) => format!("{remedy} {}", ask(contact)),
        _ => remedy,
    }
}

/// Returns the contact for blocked deployments, as the last line of a message.
#[must_use]
pub fn ask(contact: &Owner) -> String {
    format!("Questions and exemptions: {contact}.")
}

/// Returns the remedy for an unknown value, which may not be a port. Only the value of a parameter can be passed.
fn undetermined_remedy(finding: &Finding) -> String {
    let (what, unknowns): (_, Vec<&Unknown>) = match (finding.rule(), &finding.subject) {
        (Some(EgressRule { protocol: Protocol::Unknown(unknown), .. }), _) => ("protocol", vec![unknown]),
        (Some(rule), _) => {
            let ports: Vec<&Unknown> = [&rule.from, &rule.to].into_iter().filter_map(Port::unknown).collect();
            if ports.is_empty() {
                ("destination", rule.destinations.iter().filter_map(Destination::unknown).collect())
            } else {
                ("ports", ports)
            }
        }
        (None, FindingSubject::Unknown(unknown)) => ("value", vec![unknown]),
        (None, _) => ("value", Vec::new()),
    };
    let (its, it) = if what == "ports" { ("their values", "them") } else { ("its value", "it") };
    let when = if unknowns.iter().any(|unknown| unknown.is_from_parameter) {
        format!("; pass {its} with -p to check {it} now")
    } else {
        String::new()
    };
    format!("The hook checks the resolved {what} at deployment{when}.")
}

/// The largest number of ports in a range that may be meant as single ports.
const MAX_MEANT_PORTS: i64 = 1_024;

/// Returns whether a range is so wide that its bounds do not indicate the ports in use.
fn is_wide(rule: &EgressRule) -> bool {
    let (Port::Known(from), Port::Known(to)) = (&rule.from, &rule.to) else { return false };
    count(rule).abs() > MAX_MEANT_PORTS || (from.get() <= 0 && to.get() > EXAMPLE_PORT)
}

/// Returns an example port for the remedy: the rule's own, if it states a usable one.
pub(super) fn example_port(rule: &EgressRule) -> i32 {
    if is_wide(rule) {
        return EXAMPLE_PORT;
    }
    [&rule.from, &rule.to]
        .into_iter()
        .find_map(|port| match port {
            Port::Known(number) if number.get() > 0 && rule.protocol.has_ports() => Some(number.get()),
            _ => None,
        })
        .unwrap_or(EXAMPLE_PORT)
}

pub(super) const EXAMPLE_PORT: i32 = 443;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PropertyPath;
    use crate::rule::egress::Origins;
    use crate::rule::port::PortNumber;

    #[test]
    fn a_bound_of_a_wide_range_is_no_port_to_name() {
        let port = |number| Port::Known(PortNumber::new(number).unwrap());
        let example = |from, to| {
            example_port(&EgressRule {
                path: PropertyPath::root(),
                protocol: Protocol::Tcp,
                from: port(from),
                to: port(to),
                destinations: Vec::new(),
                origins: Origins::default(),
            })
        };
        for (from, to, expected) in [
            (80, 87, 80),
            (0, 87, 87),
            (8000, 8999, 8000),
            (0, 65535, 443),
            (1, 65535, 443),
            (0, 1023, 443),
            (-1, 65535, 443),
            (1024, 65535, 443),
            (32768, 60999, 443),
            (65535, 0, 443),
        ] {
            assert_eq!(example(from, to), expected, "{from}-{to}");
        }
    }
}
