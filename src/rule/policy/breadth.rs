//! Finds exemptions that cover everything, however they express it.

use ipnet::IpNet;

use super::conditions::{Conditions, DestinationRange, PortRange};
use crate::rule::egress::Protocol;

/// The breadth of an exemption that does not narrow ports or destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Breadth {
    /// All protocols, to everywhere.
    Everything,
    /// All ports of the named protocols, to everywhere.
    AllPorts,
}

impl Conditions {
    /// Returns the breadth if the conditions cover everything, or every port to everywhere, however they express it.
    #[must_use]
    pub(crate) fn breadth(&self) -> Option<Breadth> {
        if !reach_everywhere(&self.destinations) || !cover_all_ports(&self.ports) {
            return None;
        }
        let names = |protocol: &Protocol| self.protocols.contains(protocol);
        // With ports, an exemption applies only to tcp and udp. Most stacks use no other protocols.
        let everything =
            self.protocols.is_empty() || names(&Protocol::All) || (names(&Protocol::Tcp) && names(&Protocol::Udp));
        if everything {
            Some(Breadth::Everything)
        } else {
            self.protocols.iter().any(Protocol::has_ports).then_some(Breadth::AllPorts)
        }
    }
}

/// Returns whether the destinations cover all IPv4 or all IPv6 addresses: no condition, one block, or several blocks
/// that together cover everything.
fn reach_everywhere(destinations: &[DestinationRange]) -> bool {
    let blocks: Vec<IpNet> = destinations
        .iter()
        .filter_map(|range| match range {
            DestinationRange::Cidr(cidr) => Some(*cidr),
            DestinationRange::PrefixList(_) | DestinationRange::SecurityGroup(_) => None,
        })
        .collect();
    destinations.is_empty() || IpNet::aggregate(&blocks).iter().any(|block| block.prefix_len() == 0)
}

/// Returns whether the ranges cover all ports from 1 to 65535: no condition, one range, or several ranges.
fn cover_all_ports(ranges: &[PortRange]) -> bool {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let covered = sorted.iter().fold(0_u16, |covered, range| {
        let (from, to) = range.bounds();
        if from <= covered.saturating_add(1) { covered.max(to) } else { covered }
    });
    ranges.is_empty() || covered == u16::MAX
}
