//! Remedies in the AWS CDK, for templates that it synthesized: nobody edits those.

use super::remedy::{EXAMPLE_PORT, example_port};
use crate::rule::egress::Protocol;
use crate::rule::finding::{Finding, Reason};

/// Returns the remedy in CDK code, if the CDK has a specific one.
#[must_use]
pub fn cdk_remedy(finding: &Finding) -> Option<String> {
    let port = finding.rule().map_or(EXAMPLE_PORT, example_port);
    let protocol = if finding.rule().is_some_and(|rule| rule.protocol == Protocol::Udp) { "udp" } else { "tcp" };
    let add = format!("addEgressRule(peer, ec2.Port.{protocol}({port}))");
    Some(match finding.reason {
        Reason::AllTraffic => {
            format!("Pass allowAllOutbound: false to the construct, and add each port that it needs with {add}.")
        }
        Reason::MissingPorts => format!("Pass the port to the rule: {add}."),
        Reason::PortRange | Reason::ReversedRange | Reason::MinusOnePorts => {
            format!("Add each port that is needed with {add}, instead of a range.")
        }
        Reason::DefaultEgress => {
            format!("Pass allowAllOutbound: false to the construct, and add each port that it needs with {add}.")
        }
        Reason::ProtocolWithoutPorts | Reason::UnrecognizedProtocol => {
            format!("Use ec2.Port.tcp or ec2.Port.udp with one port: {add}.")
        }
        // The general remedy already mentions the CDK, or the CDK has no specific one.
        Reason::NoTrafficPlaceholder
        | Reason::LoopbackOnly
        | Reason::InvalidPort
        | Reason::IcmpTypeAndCode
        | Reason::IcmpWithoutType
        | Reason::UnresolvedValue
        | Reason::UndeterminedValue
        | Reason::MalformedEntry
        | Reason::MalformedEgress
        | Reason::MalformedProperties => return None,
    })
}
