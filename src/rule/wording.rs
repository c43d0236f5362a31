//! Every user-facing sentence about the rule.
//!
//! Statements and remedies are single sentences on one line that make sense within the first `ANNOTATION_CHARS`
//! characters. Statements start in lower case and have no final period, so that each caller can frame them.

mod cdk;
pub mod direct;
mod headed;
pub mod label;
pub mod policy;
pub mod reason;
mod remedy;

pub use cdk::cdk_remedy;
pub(crate) use headed::MAX_MESSAGE_LINES;
pub use headed::{MESSAGE_CHARS, headed};
pub(crate) use remedy::remediation;
pub use remedy::{ask, remedy};

use std::fmt;

use super::ID;
use super::egress::{Destination, EgressRule, Protocol};
use super::finding::{Assessment, Finding, FindingSubject, Outcome, Reason};
use super::number_form::NumberForm;
use super::port::{InvalidPort, InvalidPortProblem, Port, Unknown};
use super::settings::{Preset, Setting, Settings};
use crate::excerpt::excerpt;
use crate::path::PropertyPath;

/// The rule in one sentence.
pub const RULE: &str = "An egress rule of a security group must open exactly one explicit port: FromPort and ToPort \
                        must both be present and equal.";

/// The number of characters of an annotation's text that the AWS CDK CLI prints (source: aws-cdk-cli,
/// `toolkit-lib/lib/api/stack-events/hook-result-details.ts`).
pub(crate) const ANNOTATION_CHARS: usize = 400;

/// Shortens a text to [`ANNOTATION_CHARS`], the ellipsis included.
pub(crate) fn for_annotation(text: &str) -> String {
    excerpt(text, ANNOTATION_CHARS - 1)
}

/// The number of characters shown of a logical id. CloudFormation allows 255, chosen by the template's author.
pub const LOGICAL_ID_CHARS: usize = 100;

/// The maximum length of a stack's name.
const STACK_NAME_CHARS: usize = 128;

/// Returns what is wrong or worth knowing: `tcp 80-87 to 0.0.0.0/0 opens a range of 8 ports`.
#[must_use]
pub fn statement(finding: &Finding) -> String {
    match &finding.subject {
        FindingSubject::Rule(rule) => rule_statement(rule, finding.reason),
        FindingSubject::Unknown(unknown) => not_known("it", unknown),
        FindingSubject::NoRule(kind) => match finding.reason {
            Reason::MalformedEgress => format!("SecurityGroupEgress is {kind}, not a list of egress rules"),
            Reason::MalformedProperties => format!("the resource's properties are {kind}, not an object"),
            _ => format!("this entry is {kind}, not an egress rule"),
        },
        FindingSubject::Nothing => {
            "the group has no egress rule, so EC2 adds its default rule, which allows all traffic, when it creates \
             the group"
                .to_owned()
        }
    }
}

/// Returns a sentence for the owners of the guard: the setting that alone would change the verdict, if there is one.
#[must_use]
pub fn setting_hint(finding: &Finding) -> Option<String> {
    let setting = finding.settings.first()?;
    if finding.outcome == Outcome::Note {
        return Some(format!("The setting {} = \"allow\" allows this; \"block\" would block it.", setting.name()));
    }
    let in_effective = Settings::of(Preset::Effective).allows(*setting);
    let preset = if in_effective { " (as the preset effective does)" } else { "" };
    Some(format!("The setting {} = \"allow\" would allow this{preset}.", setting.name()))
}

/// Returns the name of a place within the properties: its path, or the properties themselves.
#[must_use]
pub fn place(finding: &Finding) -> String {
    place_of(&finding.path)
}

fn place_of(path: &PropertyPath) -> String {
    if path.is_root() { "Properties".to_owned() } else { path.to_string() }
}

/// Returns one finding on one line: place, statement, remedy, setting.
#[must_use]
pub fn line(finding: &Finding) -> String {
    format!("{}: {}. {}{}", place(finding), conditional_statement(finding), remedy(finding), hints(finding))
}

/// Returns the line about a rule that passes although EC2 opens more: place, statement, setting.
#[must_use]
pub fn note(finding: &Finding) -> String {
    format!("{}: passes, but {}.{}", place(finding), conditional_statement(finding), hints(finding))
}

/// Returns the statement, with the condition under which it applies, if any.
fn conditional_statement(finding: &Finding) -> String {
    let statement = statement(finding);
    match &finding.when {
        Some(when) => format!("{statement} {when}"),
        None => statement,
    }
}

/// Returns the text of a finding's annotation: place, statement, and setting. The remedy has a separate field.
#[must_use]
pub fn annotation(finding: &Finding) -> String {
    format!("{}: {}.{}", place(finding), conditional_statement(finding), hints(finding))
}

/// Returns the hints after a finding: the expired exemption, and the setting that would allow it.
fn hints(finding: &Finding) -> String {
    let expired = finding.exemption.as_deref().filter(|exemption| !exemption.is_active()).map(policy::expired_hint);
    expired.into_iter().chain(setting_hint(finding)).map(|hint| format!(" {hint}")).collect()
}

/// Returns the first sentence about a resource that breaks the rule: type, logical id, rule, and count.
#[must_use]
pub fn broken(resource_type: &str, logical_id: &str, stack: &str, assessment: &Assessment) -> String {
    let mut name = name(resource_type, logical_id);
    // For readers who do not see the stack beside the message, for example in a notification.
    if !stack.is_empty() {
        name = format!("{name} in stack {}", excerpt(stack, STACK_NAME_CHARS));
    }
    let count = assessment.of(Outcome::NonCompliant).count();
    match assessment.judged {
        0 => format!("{name} breaks rule {ID}."),
        1 => format!("{name} breaks rule {ID}: its egress rule does not open exactly one explicit port."),
        judged => {
            let verb = if count == 1 { "does" } else { "do" };
            format!(
                "{name} breaks rule {ID}: {count} of {judged} egress rules {verb} not open exactly one explicit port."
            )
        }
    }
}

/// Returns the sentence about a resource that does not break the rule.
#[must_use]
pub fn passed(resource_type: &str, logical_id: &str, assessment: &Assessment) -> String {
    let name = name(resource_type, logical_id);
    match assessment.judged {
        0 => {
            let notes = assessment.of(Outcome::Note).map(statement).next();
            let note = notes.map_or_else(String::new, |note| format!(" Note: {note}. {RULES_APART}"));
            format!("{name} follows rule {ID}: it has no egress rule to check.{note}")
        }
        1 => format!("{name} follows rule {ID}: its egress rule is allowed."),
        judged => format!("{name} follows rule {ID}: its {judged} egress rules are allowed."),
    }
}

/// The limit of what the hook knows about a group without egress rules: a RESOURCE invocation is about one resource.
pub(crate) const RULES_APART: &str = "The hook cannot see whether the stack has AWS::EC2::SecurityGroupEgress \
                                      resources for the group, which remove the default rule.";

fn name(resource_type: &str, logical_id: &str) -> String {
    let id = excerpt(logical_id, LOGICAL_ID_CHARS);
    if id.is_empty() { resource_type.to_owned() } else { format!("{resource_type} {id}") }
}

/// Returns the line that replaces lines that do not fit.
#[must_use]
pub(crate) fn and_more(count: usize) -> String {
    format!("… and {count} more.")
}

/// Displays as `tcp 80-87 to 0.0.0.0/0`.
struct TrafficText<'a>(&'a EgressRule);

impl fmt::Display for TrafficText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rule) = self;
        write!(f, "{} {}{}", rule.protocol, PortsText(rule), DestinationText(rule))
    }
}

fn rule_statement(rule: &EgressRule, reason: Reason) -> String {
    let protocol = &rule.protocol;
    let (to, traffic) = (DestinationText(rule), TrafficText(rule));
    match reason {
        Reason::PortRange => format!("{traffic} opens a range of {} ports", count(rule)),
        Reason::ReversedRange => format!("{traffic} has a FromPort above its ToPort, which EC2 rejects"),
        Reason::MissingPorts => format!("{protocol}{to} has {}", missing(rule)),
        Reason::AllTraffic => {
            format!("IpProtocol -1{to} opens every port of every protocol{}", ignored_ports(rule))
        }
        Reason::ProtocolWithoutPorts => {
            format!("IpProtocol {protocol}{to} opens the whole protocol, which has no ports{}", ignored_ports(rule))
        }
        Reason::InvalidPort => {
            let problems: Vec<_> = [("FromPort", &rule.from), ("ToPort", &rule.to)]
                .into_iter()
                .filter_map(|(name, port)| match port {
                    Port::Invalid(invalid) => Some(invalid_port(name, invalid)),
                    Port::Known(_) | Port::Unknown(_) | Port::Absent => None,
                })
                .collect();
            format!("{protocol}{to}: {}", problems.join(", and "))
        }
        Reason::IcmpTypeAndCode => format!(
            "{protocol} type {}, code {}{to}: for ICMP, FromPort is the type and ToPort is the code, and they differ",
            rule.from, rule.to
        ),
        Reason::IcmpWithoutType => {
            format!("{protocol}{to} has {}: for ICMP, FromPort is the type and ToPort is the code", missing(rule))
        }
        Reason::NoTrafficPlaceholder => format!(
            "{protocol} {}{to} is the CDK's placeholder for no traffic: it opens nothing, but its ports differ",
            PortsText(rule)
        ),
        Reason::LoopbackOnly => {
            format!("IpProtocol -1{to} allows no traffic to leave the host, but does not open one explicit port")
        }
        Reason::MinusOnePorts => format!("{protocol} {}{to} is not a single port: -1 means all", PortsText(rule)),
        Reason::UnrecognizedProtocol => match protocol {
            Protocol::Unrecognized(None) => format!("the egress rule{to} has no IpProtocol"),
            _ => format!("EC2 does not recognize IpProtocol \"{protocol}\"{to}"),
        },
        Reason::UnresolvedValue | Reason::UndeterminedValue => unknowns(rule),
        Reason::DefaultEgress | Reason::MalformedEntry | Reason::MalformedEgress | Reason::MalformedProperties => {
            traffic.to_string()
        }
    }
}

/// Returns the ports of an egress rule: `80-87`, `443`, `no ports`.
#[must_use]
pub fn ports(rule: &EgressRule) -> String {
    PortsText(rule).to_string()
}

struct PortsText<'a>(&'a EgressRule);

impl fmt::Display for PortsText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rule) = self;
        match (&rule.from, &rule.to) {
            (Port::Absent, Port::Absent) => f.write_str("no ports"),
            (Port::Known(from), Port::Known(to)) if from == to => from.fmt(f),
            (Port::Known(from), Port::Known(to)) if rule.protocol.has_ports() && from.get() >= 0 && to.get() >= 0 => {
                write!(f, "{from}-{to}")
            }
            (from, to) => write!(f, "{from}/{to}"),
        }
    }
}

/// Returns the text about ports that are stated for a protocol without ports.
fn ignored_ports(rule: &EgressRule) -> String {
    match (&rule.from, &rule.to) {
        (Port::Absent, Port::Absent) => String::new(),
        _ => format!(", and EC2 ignores the ports ({})", PortsText(rule)),
    }
}

/// Displays as ` to 0.0.0.0/0`, or as nothing if no destination is stated.
struct DestinationText<'a>(&'a EgressRule);

impl fmt::Display for DestinationText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, to) in self.0.destinations.iter().enumerate() {
            f.write_str(if position == 0 { " to " } else { " and " })?;
            match to {
                Destination::SecurityGroup(_) => f.write_str("security group ")?,
                Destination::PrefixList(_) => f.write_str("prefix list ")?,
                Destination::Cidr(_)
                | Destination::Unknown(_)
                | Destination::UnknownId(_)
                | Destination::Invalid(_) => {}
            }
            to.fmt(f)?;
        }
        Ok(())
    }
}

/// Returns the number of ports that a range opens; -1 opens all of them.
fn count(rule: &EgressRule) -> i64 {
    match (&rule.from, &rule.to) {
        (Port::Known(from), Port::Known(to)) if from.get() >= 0 => i64::from(to.get()) - i64::from(from.get()) + 1,
        _ => 65_536,
    }
}

fn missing(rule: &EgressRule) -> &'static str {
    match (&rule.from, &rule.to) {
        (Port::Absent, Port::Absent) => "neither FromPort nor ToPort",
        (Port::Absent, _) => "no FromPort",
        _ => "no ToPort",
    }
}

fn invalid_port(name: &str, invalid: &InvalidPort) -> String {
    let found = &invalid.found;
    match invalid.problem {
        InvalidPortProblem::NotANumber => format!("{name} is {found}, not a port number"),
        InvalidPortProblem::NotAnInteger => format!("{name} is {found}, not a whole number"),
        InvalidPortProblem::OutOfRange => format!("{name} is {found}, outside 0 to 65535 (or -1 for all)"),
        InvalidPortProblem::Ambiguous(form) => format!("{name} is {found}, {}", readings(form)),
        InvalidPortProblem::SecretReference => {
            format!("{name} is a reference to a secret, which CloudFormation does not resolve before it invokes a hook")
        }
    }
}

/// Returns how parsers differ about a number.
const fn readings(form: NumberForm) -> &'static str {
    match form {
        NumberForm::Octal => "which some parsers read as octal and others as decimal",
        NumberForm::Prefix => "which some parsers read as a number in another base and others as text",
        NumberForm::Underscores => "which some parsers read as a number without underscores and others as text",
        NumberForm::Base60 => "which some parsers read as a number in base 60 and others as text",
        NumberForm::Exponent => "which some parsers read as a number with an exponent and others as text",
        NumberForm::Other => "which some parsers read as a number and others as text",
    }
}

fn unknowns(rule: &EgressRule) -> String {
    let mut shown = Vec::new();
    if let Protocol::Unknown(unknown) = &rule.protocol {
        shown.push(not_known("IpProtocol", unknown));
    }
    for (name, port) in [("FromPort", &rule.from), ("ToPort", &rule.to)] {
        if let Some(unknown) = port.unknown() {
            shown.push(not_known(name, unknown));
        }
    }
    if shown.is_empty() {
        shown.extend(
            rule.destinations
                .iter()
                .filter_map(Destination::unknown)
                .map(|unknown| not_known("the destination", unknown)),
        );
    }
    excerpt(&shown.join("; "), ANNOTATION_CHARS / 2)
}

fn not_known(name: &str, unknown: &Unknown) -> String {
    format!("{name} is {}, which has no known value: {}", unknown.shown_as, unknown.why)
}

/// Returns what a setting covers, for `--help` and messages.
#[must_use]
pub const fn setting_covers(setting: Setting) -> &'static str {
    match setting {
        Setting::IgnoredPorts => "protocol -1 or another protocol number, with equal ports, which EC2 ignores",
        Setting::MinusOnePorts => "tcp or udp from -1 to -1",
        Setting::UnrecognizedProtocol => "an IpProtocol that EC2 does not recognize, with equal ports",
        Setting::IcmpTypeAndCode => "icmp or icmpv6 with a type that differs from its code",
        Setting::Icmpv6WithoutType => "icmpv6 without type and code",
        Setting::NoTrafficPlaceholder => "the CDK's placeholder for no traffic (icmp 252/86 to 255.255.255.255/32)",
        Setting::LoopbackOnly => "protocol -1 to 127.0.0.1/32 or ::1/128 only",
        Setting::DefaultEgress => "a group without egress rules, to which EC2 adds its allow-all rule",
    }
}
