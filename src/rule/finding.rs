//! The results of the rule: verdicts, reasons, and findings.

use super::applied::{AppliedExemption, Owner};
use super::egress::EgressRule;
use super::port::Unknown;
use super::settings::Setting;
use crate::path::{Origin, PropertyPath};

/// The decision on one egress rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// The rule opens one explicit port, or a setting allows it.
    Compliant(Option<Setting>),
    /// The rule does not open one explicit port.
    NonCompliant(Reason),
    /// The decision depends on a value that only AWS knows.
    Undetermined,
}

impl Judgement {
    /// Returns whether both are the same verdict, regardless of the reason.
    pub(super) const fn same_verdict(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Compliant(_), Self::Compliant(_))
                | (Self::NonCompliant(_), Self::NonCompliant(_))
                | (Self::Undetermined, Self::Undetermined)
        )
    }
}

/// The severity of a finding (the published rule: Medium).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// For information; no action needed.
    Informational,
    /// The published rule's severity.
    Medium,
}

macro_rules! reasons {
    ($( $(#[$doc:meta])* $variant:ident = $code:literal; )*) => {
        /// The reason for a finding. The codes are stable: logs, metrics, and reports contain them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $( $(#[$doc])* $variant, )* }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$( Self::$variant, )*];

            /// Returns the reason's stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }
        }
    };
}

reasons! {
    /// TCP or UDP with two different ports.
    PortRange = "port-range";
    /// `FromPort` above `ToPort`, which EC2 refuses.
    ReversedRange = "reversed-range";
    /// TCP or UDP without `FromPort`, `ToPort`, or both.
    MissingPorts = "missing-ports";
    /// Protocol `-1`: all ports of all protocols.
    AllTraffic = "all-traffic";
    /// Another protocol number, which has no ports.
    ProtocolWithoutPorts = "protocol-without-ports";
    /// A value that is not a port.
    InvalidPort = "invalid-port";
    /// An ICMP type and code that differ.
    IcmpTypeAndCode = "icmp-type-and-code";
    /// ICMP without type, code, or both.
    IcmpWithoutType = "icmp-without-type";
    /// CDK's "Disallow all traffic" rule.
    NoTrafficPlaceholder = "no-traffic-placeholder";
    /// Protocol `-1` to the host itself.
    LoopbackOnly = "loopback-only";
    /// TCP or UDP from -1 to -1.
    MinusOnePorts = "minus-one-ports";
    /// An `IpProtocol` that EC2 does not know, or none.
    UnrecognizedProtocol = "unrecognized-protocol";
    /// A group without egress rules.
    DefaultEgress = "default-egress";
    /// A value that is still unknown at the last check before the deployment.
    UnresolvedValue = "unresolved-value";
    /// A value that is not known yet and will be checked again.
    UndeterminedValue = "undetermined-value";
    /// An entry of `SecurityGroupEgress` that is not an egress rule.
    MalformedEntry = "malformed-entry";
    /// `SecurityGroupEgress` that is not a list.
    MalformedEgress = "malformed-egress";
    /// Properties that are not an object.
    MalformedProperties = "malformed-properties";
}

/// The effect of a finding on the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Breaks the rule.
    NonCompliant,
    /// Cannot be decided here.
    Undetermined,
    /// Breaks the rule, and an exemption allows it.
    Exempted,
    /// Broke the rule before this update too, and the policy allows that.
    KnownDebt,
    /// Does not break the rule, but is worth knowing.
    Note,
}

impl Outcome {
    /// Returns the verdict that a finding with this outcome gives the resource.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::NonCompliant => Verdict::NonCompliant,
            Self::Undetermined => Verdict::Undetermined,
            Self::Exempted | Self::KnownDebt | Self::Note => Verdict::Compliant,
        }
    }
}

/// The subject of a [`Finding`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingSubject {
    /// An egress rule.
    Rule(Box<EgressRule>),
    /// Another value, named by its kind (`text`, `a list`).
    NoRule(&'static str),
    /// A value that is not known where the rule is checked.
    Unknown(Unknown),
    /// No egress rule.
    Nothing,
}

/// A result to report about an egress rule, or about the property that should contain one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The effect on the deployment.
    pub outcome: Outcome,
    /// The reason.
    pub reason: Reason,
    /// The location within the resource's properties.
    pub path: PropertyPath,
    /// The location in the source text.
    pub origin: Origin,
    /// The value at that location.
    pub subject: FindingSubject,
    /// The settings that, changed alone, would change the verdict.
    pub settings: Vec<Setting>,
    /// The exemption that covers the finding. An expired exemption affects only the message.
    pub exemption: Option<Box<AppliedExemption>>,
    /// The contact for questions, if the policy names one.
    pub contact: Option<Owner>,
    /// The undecided template conditions under which the finding applies, as a phrase (``if `IsProd` is true``); `None`
    /// if it always applies.
    pub when: Option<String>,
}

impl Finding {
    /// Returns the egress rule, if the subject is one.
    #[must_use]
    pub const fn rule(&self) -> Option<&EgressRule> {
        if let FindingSubject::Rule(rule) = &self.subject { Some(rule) } else { None }
    }

    /// Returns the severity for annotations and reports.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.outcome {
            Outcome::NonCompliant | Outcome::Undetermined | Outcome::KnownDebt => Severity::Medium,
            Outcome::Exempted | Outcome::Note => Severity::Informational,
        }
    }
}

/// All results of the rule for one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// The number of egress rules that were judged, including compliant ones.
    pub judged: usize,
    /// The findings, in the order of the properties.
    pub findings: Vec<Finding>,
}

/// The verdict on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Every egress rule is compliant, or the policy allows it.
    Compliant,
    /// No egress rule is known to be non-compliant, but at least one cannot be decided.
    Undetermined,
    /// At least one egress rule is non-compliant.
    NonCompliant,
}

impl Assessment {
    /// Returns the verdict on the resource.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.outcome.verdict()).max().unwrap_or(Verdict::Compliant)
    }

    /// Returns the findings with this outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.outcome == outcome)
    }
}

/// An egress rule and what decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRule {
    /// The location of the egress rule.
    pub path: PropertyPath,
    /// The egress rule, unless the finding already contains it.
    pub rule: Option<EgressRule>,
    /// The rule itself, a setting, or a finding with its exemption.
    pub decided: DecidedBy,
}

/// The source of the decision about an egress rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecidedBy {
    /// The rule itself: one explicit port.
    Complies,
    /// A setting allows it.
    Setting(Setting),
    /// A finding: the egress rule is blocked, exempted, or known debt.
    Finding(Box<Finding>),
}
