//! A witness for each reason: the smallest template that triggers it, and its compliant form.

use super::finding::Reason;
use super::judge::Knowledge;
use super::settings::Setting;

/// The smallest template that triggers a reason, and its compliant form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The template that triggers the reason.
    pub fails: &'static str,
    /// The same template, changed so that it passes.
    pub passes: &'static str,
    /// The setting that must be `block`, if the published rule allows the template.
    pub blocked_by: Option<Setting>,
    /// The knowledge about its values: everything that will ever be known (the hook), or only the text (`check`).
    pub knowledge: Knowledge,
}

/// Includes the two files of a reason in `src/rule/witness/`.
macro_rules! witness {
    ($code:literal) => {
        Witness {
            fails: include_str!(concat!("witness/", $code, ".fail.yaml")),
            passes: include_str!(concat!("witness/", $code, ".pass.yaml")),
            blocked_by: None,
            knowledge: Knowledge::Partial,
        }
    };
    ($code:literal, $setting:ident) => {
        Witness { blocked_by: Some(Setting::$setting), ..witness!($code) }
    };
}

/// Returns the witness of a reason.
#[must_use]
pub const fn witness(reason: Reason) -> Witness {
    match reason {
        Reason::PortRange => witness!("port-range"),
        Reason::ReversedRange => witness!("reversed-range"),
        Reason::MissingPorts => witness!("missing-ports"),
        Reason::AllTraffic => witness!("all-traffic"),
        Reason::ProtocolWithoutPorts => witness!("protocol-without-ports"),
        Reason::InvalidPort => witness!("invalid-port"),
        Reason::IcmpTypeAndCode => witness!("icmp-type-and-code"),
        Reason::IcmpWithoutType => witness!("icmp-without-type"),
        Reason::NoTrafficPlaceholder => witness!("no-traffic-placeholder"),
        Reason::LoopbackOnly => witness!("loopback-only"),
        Reason::MinusOnePorts => witness!("minus-one-ports", MinusOnePorts),
        Reason::UnrecognizedProtocol => witness!("unrecognized-protocol", UnrecognizedProtocol),
        Reason::DefaultEgress => witness!("default-egress", DefaultEgress),
        Reason::UnresolvedValue => Witness { knowledge: Knowledge::Final, ..witness!("unresolved-value") },
        Reason::UndeterminedValue => witness!("undetermined-value"),
        Reason::MalformedEntry => witness!("malformed-entry"),
        Reason::MalformedEgress => witness!("malformed-egress"),
        Reason::MalformedProperties => witness!("malformed-properties"),
    }
}
