//! The records of a scan: one for each stack, and the parts that could not be read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alternative::AlternativeKind;
use crate::accounts::MemberAccount;
use crate::failure::Failure;
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::check::{CheckedResource, Declared, LocatedFinding};
use cfn_egress_guard_core::rule::{
    Destination, EgressRule, Finding, Outcome, Port, Protocol, Reason, excerpt, wording,
};
use cfn_egress_guard_core::security_group::ResourceType;

/// The maximum number of characters of a name.
pub(super) const NAME_CHARS: usize = 256;

/// The version of the result's format.
pub const FORMAT_VERSION: u32 = 1;

/// The scope and settings of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanHead {
    /// The version of the format.
    pub version: u32,
    /// The program's version: another version may judge differently.
    pub program: String,
    /// The policy: a preset, or a policy file with its fingerprint.
    pub policy: String,
    /// The start time, in UTC.
    pub started: String,
    /// The requested accounts; empty if the only account is the caller's own and its ID is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<MemberAccount>,
    /// The requested Regions; empty if they are the Regions that are enabled in each account.
    pub regions: Vec<String>,
    /// The reason why the account's Regions could not be listed; `regions` then contains those that every account has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions_assumed: Option<String>,
    /// The tags that name an owner.
    #[serde(default)]
    pub owner_tags: Vec<String>,
    /// The stack name patterns (`--stack`) that limit the scan; empty for every stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_stacks: Vec<String>,
    /// Whether the existing security groups were read, too (`--live`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
}

/// The verdict on one live stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackRecord {
    /// The account.
    #[serde(default)]
    pub account: String,
    pub region: String,
    /// The stack's name.
    pub stack: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// The name of the outermost stack, if this one is nested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The value of the owner tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The stack's status.
    pub status: String,
    /// The time of the last update or of the creation, in UTC: the stack is read again when this changes.
    pub changed: String,
    /// Whether it was judged without the values of its parameters: it is always read again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The number of its security groups and standalone egress rules.
    pub resources: usize,
    /// The number of its egress rules.
    pub rules: usize,
    /// The findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<RuleRecord>,
    /// The counts of the rules that are not listed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: OutcomeCounts,
    /// The results under other policies; empty for a stack without security groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub otherwise: BTreeMap<AlternativeKind, OutcomeCounts>,
    /// The parts that could not be checked in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The egress rules that its template declares, if live security groups are compared with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<Declared>,
}

pub(super) fn is_none(tally: &OutcomeCounts) -> bool {
    *tally == OutcomeCounts::default()
}

/// The number of rules by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeCounts {
    /// Would be blocked.
    pub blocked: usize,
    /// Cannot be determined from the template.
    pub undetermined: usize,
    /// Break the rule, but an exemption covers them.
    #[serde(default)]
    pub exempted: usize,
    /// Break the rule, but the policy allows them while they do not change.
    #[serde(default)]
    pub known_debt: usize,
}

impl OutcomeCounts {
    /// Counts a rule.
    pub(crate) const fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::NonCompliant => self.blocked += 1,
            Outcome::Undetermined => self.undetermined += 1,
            Outcome::Exempted => self.exempted += 1,
            Outcome::KnownDebt => self.known_debt += 1,
            Outcome::Note => {}
        }
    }

    /// Adds counts from elsewhere.
    pub(super) const fn add_all(&mut self, other: Self) {
        self.blocked += other.blocked;
        self.undetermined += other.undetermined;
        self.exempted += other.exempted;
        self.known_debt += other.known_debt;
    }
}

/// The outcome for an egress rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleOutcome {
    /// Its next creation or update would be blocked.
    Blocked,
    /// It cannot be determined from the template; the hook judges the resolved values.
    Undetermined,
    /// It breaks the rule, but an exemption covers it.
    Exempted,
    /// It breaks the rule, but the policy allows it while it does not change.
    KnownDebt,
}

impl RuleOutcome {
    /// Returns the outcome in the words of reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Undetermined => "undetermined",
            Self::Exempted => "exempted",
            Self::KnownDebt => "known debt",
        }
    }

    /// Returns the counts of one rule with this outcome.
    pub(super) fn tally(self) -> OutcomeCounts {
        let mut tally = OutcomeCounts::default();
        match self {
            Self::Blocked => tally.blocked = 1,
            Self::Undetermined => tally.undetermined = 1,
            Self::Exempted => tally.exempted = 1,
            Self::KnownDebt => tally.known_debt = 1,
        }
        tally
    }
}

/// An egress rule to report about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleRecord {
    /// The resource's logical ID.
    pub logical_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// Its place in the resource's properties.
    pub path: String,
    /// The outcome.
    pub fate: RuleOutcome,
    /// The cause, for grouping.
    pub cause: Cause,
    /// The rule's reason code, for example `port-range`.
    pub reason: String,
    /// The problem.
    pub statement: String,
    /// The fix.
    pub remedy: String,
    /// The traffic that it opens, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<OpenedTraffic>,
    /// The exemption that covers it, with its owner and end; an expired one has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
    /// The settings that, changed alone, would allow this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
}

impl RuleRecord {
    /// Creates the record of a template's finding, or nothing if the rule allows it.
    pub(crate) fn of(resource: &CheckedResource, located: &LocatedFinding) -> Option<Self> {
        let outcome = resource.settled(located);
        let record = Self::of_finding(&resource.logical_id, resource.resource_type, &located.finding, outcome)?;
        let statement = match located.when() {
            Some(when) => format!("{}, {when}", record.statement),
            None => record.statement,
        };
        Some(Self { statement, ..record })
    }

    /// Creates the record of a resource's finding, or nothing if the rule allows it.
    pub(super) fn of_finding(
        name: &str,
        resource_type: ResourceType,
        finding: &Finding,
        outcome: Outcome,
    ) -> Option<Self> {
        let fate = match outcome {
            Outcome::NonCompliant => RuleOutcome::Blocked,
            Outcome::Undetermined => RuleOutcome::Undetermined,
            Outcome::Exempted => RuleOutcome::Exempted,
            Outcome::KnownDebt => RuleOutcome::KnownDebt,
            Outcome::Note => return None,
        };
        Some(Self {
            logical_id: excerpt(name, NAME_CHARS),
            resource_type: resource_type.name().to_owned(),
            path: wording::place(finding),
            fate,
            cause: Cause::from(finding.reason),
            reason: finding.reason.code().to_owned(),
            statement: wording::statement(finding),
            remedy: wording::remedy(finding),
            rule: finding.rule().and_then(OpenedTraffic::of),
            exemption: finding.exemption.as_ref().map(|exemption| {
                let ended = if exemption.is_active() { "until" } else { "ended" };
                format!("{} ({}, {ended} {})", exemption.id, exemption.owner, exemption.expires)
            }),
            settings: finding.settings.iter().map(|setting| setting.name().to_owned()).collect(),
        })
    }
}

/// The traffic that an egress rule opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenedTraffic {
    /// The protocol.
    pub protocol: String,
    /// The first and last port (for ICMP: type and code), if both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<(i32, i32)>,
    /// The destination.
    pub destination: String,
}

impl OpenedTraffic {
    /// Returns the traffic that an egress rule opens, as an exemption names it, or nothing if it is only partly known.
    fn of(rule: &EgressRule) -> Option<Self> {
        let [destination] = rule.destinations.as_slice() else { return None };
        if matches!(rule.protocol, Protocol::Unknown(_) | Protocol::Unrecognized(_)) {
            return None;
        }
        let destination = match destination {
            // EC2 ignores the bits after the prefix, and a policy rejects them.
            Destination::Cidr(cidr) => cidr.trunc().to_string(),
            Destination::PrefixList(id) | Destination::SecurityGroup(id) => id.clone(),
            Destination::Unknown(_) | Destination::UnknownId(_) | Destination::Invalid(_) => return None,
        };
        let ports = match (&rule.from, &rule.to) {
            (Port::Known(from), Port::Known(to)) => Some((from.get(), to.get())),
            _ => None,
        };
        Some(Self { protocol: rule.protocol.to_string(), ports, destination })
    }
}

macro_rules! causes {
    ($( $(#[$doc:meta])* $variant:ident = $label:literal; )*) => {
        /// The kind of egress rule, for grouping.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Cause { $( $(#[$doc])* $variant, )* }

        impl Cause {
            /// Every cause.
            pub const ALL: &[Self] = &[$( Self::$variant, )*];

            /// The cause in words.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $( Self::$variant => $label, )* }
            }
        }
    };
}

causes! {
    /// Protocol -1, or another that has no ports.
    AllTraffic = "all traffic";
    /// tcp or udp from one port to another.
    PortRange = "port range";
    /// ICMP type and code.
    Icmp = "ICMP type and code";
    /// CDK's "Disallow all traffic", or loopback only: idioms that let nothing out.
    NoTraffic = "no-traffic placeholder";
    /// No `FromPort`, no `ToPort`, or neither.
    MissingPorts = "missing ports";
    /// A group without egress rules.
    DefaultEgress = "no egress rules (EC2's default)";
    /// Something that is no egress rule, or a port that is none.
    Invalid = "not a valid egress rule";
    /// A value that is not known.
    UnknownValue = "value not known";
}

impl From<Reason> for Cause {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::AllTraffic | Reason::ProtocolWithoutPorts => Self::AllTraffic,
            Reason::PortRange | Reason::ReversedRange | Reason::MinusOnePorts => Self::PortRange,
            Reason::IcmpTypeAndCode | Reason::IcmpWithoutType => Self::Icmp,
            Reason::NoTrafficPlaceholder | Reason::LoopbackOnly => Self::NoTraffic,
            Reason::MissingPorts => Self::MissingPorts,
            Reason::DefaultEgress => Self::DefaultEgress,
            Reason::UnresolvedValue | Reason::UndeterminedValue => Self::UnknownValue,
            Reason::InvalidPort
            | Reason::UnrecognizedProtocol
            | Reason::MalformedEntry
            | Reason::MalformedEgress
            | Reason::MalformedProperties => Self::Invalid,
        }
    }
}

/// A part that could not be read: a stack, a Region's list, or an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// The account, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The Region; if missing, the whole account could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The stack's name; if missing, the Region's list could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The stack's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// Whether it is about live security groups: one of them, or the Region's list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// The ID of a live security group; if missing, the Region's list could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The reason.
    pub failure: Failure,
    /// Whether there is a result in spite of this: the stack was judged with fewer facts; the Region's stacks came from
    /// another list; or the account was read in the Regions that every account has.
    #[serde(default)]
    pub judged: bool,
}

/// Returns the account in a stack's ARN.
pub(super) fn account_of(stack_id: &str) -> Option<&str> {
    Arn::parse(stack_id)?.account()
}

impl StackRecord {
    /// Takes the account from the ARN if a result of an earlier version does not contain it.
    pub(super) fn know_account(&mut self) {
        if self.account.is_empty() {
            self.account = account_of(&self.stack_id).unwrap_or_default().to_owned();
        }
    }

    /// Counts the outcomes of the stack's rules.
    #[must_use]
    pub fn tally(&self) -> OutcomeCounts {
        let mut tally = self.more;
        self.findings.iter().for_each(|rule| tally.add_all(rule.fate.tally()));
        tally
    }
}
