//! What the rule says: verdicts, reasons, findings.

use super::applied::{AppliedExemption, Owner};
use super::egress::EgressRule;
use super::port::Unknown;
use super::settings::Setting;
use crate::path::{Origin, PropertyPath};

/// The decision on one egress rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// One explicit port, or a setting allows it.
    Compliant(Option<Setting>),
    /// Not one explicit port.
    NonCompliant(Reason),
    /// A value that only AWS knows decides.
    Undetermined,
}

impl Judgement {
    /// Whether both are the same verdict, whatever the reason.
    pub(super) const fn same_verdict(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Compliant(_), Self::Compliant(_))
                | (Self::NonCompliant(_), Self::NonCompliant(_))
                | (Self::Undetermined, Self::Undetermined)
        )
    }
}

/// How bad a finding is (the published rule: Medium).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing to do, but worth knowing.
    Informational,
    /// The published rule's severity.
    Medium,
}

macro_rules! reasons {
    ($( $(#[$doc:meta])* $variant:ident = $code:literal; )*) => {
        /// Why an egress rule was found. The codes are stable: logs, metrics and reports carry them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $( $(#[$doc])* $variant, )* }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$( Self::$variant, )*];

            /// The reason's stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }
        }
    };
}

reasons! {
    /// tcp or udp with two different ports.
    PortRange = "port-range";
    /// `FromPort` above `ToPort`, which EC2 refuses.
    ReversedRange = "reversed-range";
    /// tcp or udp without `FromPort`, `ToPort` or both.
    MissingPorts = "missing-ports";
    /// Protocol `-1`: all ports of all protocols.
    AllTraffic = "all-traffic";
    /// Another protocol number: it has no ports to narrow it.
    ProtocolWithoutPorts = "protocol-without-ports";
    /// A port that is none.
    InvalidPort = "invalid-port";
    /// An ICMP type and code that differ.
    IcmpTypeAndCode = "icmp-type-and-code";
    /// ICMP without type, code or both.
    IcmpWithoutType = "icmp-without-type";
    /// CDK's "Disallow all traffic" rule.
    NoTrafficPlaceholder = "no-traffic-placeholder";
    /// Protocol `-1` to the host itself.
    LoopbackOnly = "loopback-only";
    /// tcp or udp from -1 to -1.
    MinusOnePorts = "minus-one-ports";
    /// An `IpProtocol` that EC2 does not know, or none.
    UnrecognizedProtocol = "unrecognized-protocol";
    /// A group without egress rules.
    DefaultEgress = "default-egress";
    /// A value that is not known at the last look before the deployment.
    UnresolvedValue = "unresolved-value";
    /// A value that is not known yet and will be judged again.
    UndeterminedValue = "undetermined-value";
    /// An entry of `SecurityGroupEgress` that is no egress rule.
    MalformedEntry = "malformed-entry";
    /// `SecurityGroupEgress` that is no list.
    MalformedEgress = "malformed-egress";
    /// Properties that are no object.
    MalformedProperties = "malformed-properties";
}

/// What a finding means for the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It breaks the rule.
    NonCompliant,
    /// Whether it does cannot be known here.
    Undetermined,
    /// It breaks the rule, and an exemption allows it.
    Exempted,
    /// It breaks the rule as it did before this update, and the policy allows that.
    KnownDebt,
    /// It does not, but the reader should know.
    Note,
}

impl Outcome {
    /// What a finding of this outcome makes of the resource.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::NonCompliant => Verdict::NonCompliant,
            Self::Undetermined => Verdict::Undetermined,
            Self::Exempted | Self::KnownDebt | Self::Note => Verdict::Compliant,
        }
    }
}

/// What a [`Finding`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingSubject {
    /// An egress rule.
    Rule(Box<EgressRule>),
    /// Something else, named by its kind (`text`, `a list`).
    NoRule(&'static str),
    /// A value that is not known where the rule is checked.
    Unknown(Unknown),
    /// No egress rule at all.
    Nothing,
}

/// Something to report about an egress rule, or about the property that should hold one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it means for the deployment.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Where, within the resource's properties.
    pub path: PropertyPath,
    /// Where, in the source text.
    pub origin: Origin,
    /// The value there.
    pub subject: FindingSubject,
    /// The settings each of which, changed alone, would change the verdict.
    pub settings: Vec<Setting>,
    /// The exemption that covers it; one that has expired changes nothing but what is said.
    pub exemption: Option<Box<AppliedExemption>>,
    /// Whom to ask about it, where the policy names somebody.
    pub contact: Option<Owner>,
    /// Under which undecided conditions of a template it is one, as a phrase (``if `IsProd` is true``);
    /// nothing where it is one in any case.
    pub when: Option<String>,
}

impl Finding {
    /// The egress rule, if the value there is one.
    #[must_use]
    pub const fn rule(&self) -> Option<&EgressRule> {
        if let FindingSubject::Rule(rule) = &self.subject { Some(rule) } else { None }
    }

    /// The severity as annotations and reports carry it.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.outcome {
            Outcome::NonCompliant | Outcome::Undetermined | Outcome::KnownDebt => Severity::Medium,
            Outcome::Exempted | Outcome::Note => Severity::Informational,
        }
    }
}

/// Everything the rule says of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// How many egress rules were judged, compliant ones included.
    pub judged: usize,
    /// What is to report, in the order of the properties.
    pub findings: Vec<Finding>,
}

/// The verdict on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Every egress rule is, or the policy allows it.
    Compliant,
    /// None is certainly not, but at least one cannot be known.
    Undetermined,
    /// At least one is not.
    NonCompliant,
}

impl Assessment {
    /// The verdict on the resource.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.outcome.verdict()).max().unwrap_or(Verdict::Compliant)
    }

    /// The findings of one outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.outcome == outcome)
    }
}

/// What decided about an egress rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRule {
    /// Where it is.
    pub path: PropertyPath,
    /// The egress rule, unless the finding contains it.
    pub rule: Option<EgressRule>,
    /// The rule itself, a setting, or a finding with its exemption.
    pub decided: DecidedBy,
}

/// What decides about an egress rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecidedBy {
    /// The rule itself: one explicit port.
    Complies,
    /// A setting allows it.
    Setting(Setting),
    /// There is something to report: it blocks, an exemption allows it, it is known debt.
    Finding(Box<Finding>),
}
