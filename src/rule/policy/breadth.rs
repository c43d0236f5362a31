//! Whether an exemption covers everything, by whatever way of saying so.

use ipnet::IpNet;

use super::conditions::{Conditions, DestinationRange, PortRange};
use crate::rule::egress::Protocol;

/// How much an exemption covers that says nothing, or everything, of ports and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Breadth {
    /// All protocols, to everywhere.
    Everything,
    /// All ports of the protocols that it names, to everywhere.
    AllPorts,
}

impl Conditions {
    /// Whether everything, or every port, to everywhere is covered, by whatever way of saying so.
    #[must_use]
    pub(crate) fn breadth(&self) -> Option<Breadth> {
        if !reach_everywhere(&self.destinations) || !cover_all_ports(&self.ports) {
            return None;
        }
        let names = |protocol: &Protocol| self.protocols.contains(protocol);
        // With ports an exemption is about tcp and udp, and these two are all that most stacks use.
        let everything =
            self.protocols.is_empty() || names(&Protocol::All) || (names(&Protocol::Tcp) && names(&Protocol::Udp));
        if everything {
            Some(Breadth::Everything)
        } else {
            self.protocols.iter().any(Protocol::has_ports).then_some(Breadth::AllPorts)
        }
    }
}

/// Whether all addresses of IPv4, or all of IPv6, are within: no condition, one block, or several that make them up.
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

/// Whether the ranges make up all ports from 1 to 65535: no condition, one range, or several.
fn cover_all_ports(ranges: &[PortRange]) -> bool {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let covered = sorted.iter().fold(0_u16, |covered, range| {
        let (from, to) = range.bounds();
        if from <= covered.saturating_add(1) { covered.max(to) } else { covered }
    });
    ranges.is_empty() || covered == u16::MAX
}
