//! Texts about a reason in general, for lists of rules without a specific egress rule.

use crate::rule::finding::Reason;

/// Returns a short title: `Egress rule opens a range of ports`.
#[must_use]
pub const fn title(reason: Reason) -> &'static str {
    match reason {
        Reason::PortRange => "Egress rule opens a range of ports",
        Reason::ReversedRange => "FromPort of an egress rule is above ToPort",
        Reason::MissingPorts => "Egress rule has no FromPort or no ToPort",
        Reason::AllTraffic => "Egress rule opens every port of every protocol",
        Reason::ProtocolWithoutPorts => "Egress rule opens a whole protocol",
        Reason::InvalidPort => "Port of an egress rule is not a port number",
        Reason::IcmpTypeAndCode => "ICMP type and code of an egress rule differ",
        Reason::IcmpWithoutType => "Egress rule has no ICMP type or no ICMP code",
        Reason::NoTrafficPlaceholder => "Egress rule is the CDK's placeholder for no traffic",
        Reason::LoopbackOnly => "Egress rule opens every protocol to the host itself",
        Reason::MinusOnePorts => "Ports of an egress rule are -1, which means all",
        Reason::UnrecognizedProtocol => "EC2 does not recognize the IpProtocol of an egress rule",
        Reason::DefaultEgress => "Security group without egress rules gets EC2's default rule",
        Reason::UnresolvedValue => "Value of an egress rule is unknown at deployment",
        Reason::UndeterminedValue => "Value of an egress rule is unknown in the template",
        Reason::MalformedEntry => "Entry of SecurityGroupEgress is not an egress rule",
        Reason::MalformedEgress => "SecurityGroupEgress is not a list of egress rules",
        Reason::MalformedProperties => "Properties of the resource are not an object",
    }
}

/// Returns the remedy in Markdown.
#[must_use]
pub const fn help(reason: Reason) -> &'static str {
    match reason {
        Reason::PortRange | Reason::ReversedRange => {
            "Write one egress rule for each port, with the same number in `FromPort` and `ToPort`. In the AWS CDK, add \
             each port with `addEgressRule(peer, ec2.Port.tcp(443))`."
        }
        Reason::MissingPorts => "Set both `FromPort` and `ToPort` to the same number.",
        Reason::AllTraffic => {
            "Name the protocol and one port: `IpProtocol: tcp`, `FromPort: 443`, `ToPort: 443`. In the AWS CDK, pass \
             `allowAllOutbound: false` and add each port with `addEgressRule(peer, ec2.Port.tcp(443))`."
        }
        Reason::ProtocolWithoutPorts => {
            "Use `tcp` or `udp` with one port. If the whole protocol is needed, ask the owners of the guard for an exemption."
        }
        Reason::InvalidPort => "Write the port as a plain number from 0 to 65535, the same in `FromPort` and `ToPort`.",
        Reason::IcmpTypeAndCode => {
            "For ICMP, `FromPort` is the type and `ToPort` is the code. Remove the rule if nothing needs it: replies to \
             inbound pings need no egress rule. To test whether a host answers, connect to a TCP port instead of sending \
             a ping. Otherwise, ask the owners of the guard for an exemption, or for the setting `icmp_type_and_code`."
        }
        Reason::IcmpWithoutType => {
            "Set `FromPort` to the ICMP type and `ToPort` to the code. Under `literal`, both must be the same number; -1 \
             and -1 are every type."
        }
        Reason::NoTrafficPlaceholder => {
            "Add the egress rule that the group needs with `addEgressRule(peer, ec2.Port.tcp(443))`: the AWS CDK then \
             removes its placeholder."
        }
        Reason::LoopbackOnly => {
            "Keep the destination and name one port: `IpProtocol: tcp`, `FromPort: 443`, `ToPort: 443`."
        }
        Reason::MinusOnePorts => "Name the port: `FromPort: 443`, `ToPort: 443`.",
        Reason::UnrecognizedProtocol => "Write `IpProtocol: tcp` or `udp`, with one port.",
        Reason::DefaultEgress => {
            "List the egress rules that the group needs. EC2 adds a rule that allows all traffic to a group that has \
             none when it is created."
        }
        Reason::UnresolvedValue => "Write the value itself: the rule requires an explicit port.",
        Reason::UndeterminedValue => {
            "The hook checks the resolved value at deployment. To check it in the pipeline, pass the values of the \
             parameters with `-p` or `--deployments`."
        }
        Reason::MalformedProperties => {
            "Write `Properties` as an object, in which `SecurityGroupEgress` is a list of egress rules."
        }
        Reason::MalformedEntry | Reason::MalformedEgress => {
            "Write a list of egress rules, each with `IpProtocol`, `FromPort`, `ToPort`, and one destination."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_texts_of_its_own() {
        for reason in Reason::ALL {
            assert!(title(*reason).len() < 80 && !title(*reason).ends_with('.'), "{reason:?}");
            assert!(help(*reason).ends_with('.'), "{reason:?}");
            assert_eq!(Reason::ALL.iter().filter(|other| title(**other) == title(*reason)).count(), 1, "{reason:?}");
        }
    }
}
