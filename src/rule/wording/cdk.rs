//! What to write instead in the AWS CDK, for templates that it made: nobody edits those.

use super::{EXAMPLE_PORT, example_port};
use crate::rule::finding::{Finding, Reason};

/// What to write instead in the code of the CDK, where it has a way of its own.
#[must_use]
pub fn cdk_remedy(finding: &Finding) -> Option<String> {
    let port = finding.rule().map_or(EXAMPLE_PORT, example_port);
    let add = format!("addEgressRule(peer, ec2.Port.tcp({port}))");
    Some(match finding.reason {
        Reason::AllTraffic => {
            format!("Pass allowAllOutbound: false to the construct, and add each port that it needs with {add}.")
        }
        Reason::PortRange | Reason::ReversedRange | Reason::MinusOnePorts | Reason::MissingPorts => {
            format!("Add each port that is needed with {add}, instead of a range.")
        }
        Reason::DefaultEgress => {
            format!("Pass allowAllOutbound: false to the construct, and add each port that it needs with {add}.")
        }
        Reason::ProtocolWithoutPorts | Reason::UnrecognizedProtocol => {
            format!("Use ec2.Port.tcp or ec2.Port.udp with one port: {add}.")
        }
        // The usual words speak of the CDK, or there is nothing of its own to say.
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
