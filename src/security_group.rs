//! The AWS property shapes of the two resource types with egress rules, and the rule's findings on them.
//!
//! Sources: the `AWS::EC2::SecurityGroup` and `AWS::EC2::SecurityGroupEgress` pages of the CloudFormation template
//! reference. This module knows no templates and no hook.

mod explain;
mod read;
mod tags;
mod traffic;
mod unchanged;

pub use explain::explain;
pub(crate) use read::{properties_of_context, read_properties};
pub use tags::tags;
pub use traffic::{Traffic, live_properties};
pub use unchanged::unchanged;
pub(crate) use unchanged::{fixed_properties, written};

use crate::path::{Origin, PropertyPath};
use crate::rule::{
    Assessment, Destination, EgressRule, Finding, FindingSubject, Judgement, Knowledge, Origins, Outcome, Port,
    Protocol, Reason, Setting, Settings, Treatment, Unknown, judge,
};
use crate::value::{Kind, Map, Value};

/// A resource type with egress rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceType {
    /// `AWS::EC2::SecurityGroup`: a list of rules in `SecurityGroupEgress`.
    SecurityGroup,
    /// `AWS::EC2::SecurityGroupEgress`: one rule, the properties themselves.
    SecurityGroupEgress,
}

impl ResourceType {
    /// Both types.
    pub const ALL: [Self; 2] = [Self::SecurityGroup, Self::SecurityGroupEgress];

    /// Returns `AWS::EC2::SecurityGroup` or `AWS::EC2::SecurityGroupEgress`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecurityGroup => "AWS::EC2::SecurityGroup",
            Self::SecurityGroupEgress => "AWS::EC2::SecurityGroupEgress",
        }
    }

    /// Returns the type with this name, if it is one of the two.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource_type| resource_type.name() == name)
    }
}

/// The content of a place where an egress rule is expected.
#[derive(Debug, Clone, PartialEq)]
pub enum EgressEntry {
    /// An egress rule.
    Rule(EgressRule),
    /// A finding about a value that is not an egress rule, independent of the settings.
    NoRule(Finding),
}

impl EgressEntry {
    /// Replaces the kind of the finding's subject.
    fn of_kind(self, kind: &'static str) -> Self {
        match self {
            Self::NoRule(finding) => Self::NoRule(Finding { subject: FindingSubject::NoRule(kind), ..finding }),
            Self::Rule(rule) => Self::Rule(rule),
        }
    }
}

/// The property of `AWS::EC2::SecurityGroup` that lists egress rules.
pub const EGRESS: &str = "SecurityGroupEgress";

/// The properties of an egress rule that the rule uses: an entry of [`EGRESS`], and `AWS::EC2::SecurityGroupEgress`.
pub(crate) const RULE_PROPERTIES: [&str; 7] = {
    let ([protocol, from, to], [cidr, cidr_v6, prefix_list, group]) = (TRAFFIC_PROPERTIES, DESTINATION_PROPERTIES);
    [protocol, from, to, cidr, cidr_v6, prefix_list, group]
};

/// The properties of an egress rule that state its protocol and ports.
pub(crate) const TRAFFIC_PROPERTIES: [&str; 3] = ["IpProtocol", "FromPort", "ToPort"];

/// The properties that state the destination. A rule has exactly one of them.
pub(crate) const DESTINATION_PROPERTIES: [&str; 4] = {
    let [(cidr, _), (cidr_v6, _), (prefix_list, _), (group, _)] = DESTINATIONS;
    [cidr, cidr_v6, prefix_list, group]
};

/// The maximum number of egress rules of a group that are judged. A group with more breaks the rule. EC2 allows 1,000
/// (Amazon VPC quotas, "rules per security group" times groups per interface).
pub(crate) const MAX_ENTRIES: usize = 20_000;

/// The name of a longer list in messages.
const TOO_MANY: &str = "a list of more than 20,000 entries";

/// Returns the egress rules of a resource, in the order written. Never fails: a value that is not a rule becomes an
/// entry too.
#[must_use]
pub fn entries(resource_type: ResourceType, properties: &Value, knowledge: Knowledge) -> Vec<EgressEntry> {
    let mut entries = Vec::new();
    each_entry(resource_type, properties, knowledge, |entry| entries.push(entry));
    entries
}

fn each_entry(resource_type: ResourceType, properties: &Value, knowledge: Knowledge, take: impl FnMut(EgressEntry)) {
    let entry = |(path, value): (PropertyPath, &Value)| match &value.kind {
        Kind::Map(map) => EgressEntry::Rule(rule(map, value.origin, path)),
        _ => no_rule(value, path, Reason::MalformedEntry, knowledge),
    };
    match places(resource_type, properties) {
        Ok(mut places) => {
            let rest = (places.len() > MAX_ENTRIES).then(|| places.split_off(MAX_ENTRIES));
            let too_many = rest.and_then(|rest| rest.into_iter().next()).map(|(path, value)| {
                let list = Value::new(Kind::Null, value.origin);
                no_rule(&list, path, Reason::MalformedEgress, knowledge).of_kind(TOO_MANY)
            });
            places.into_iter().map(entry).chain(too_many).for_each(take);
        }
        Err(MalformedEgress { value, path, reason }) => {
            [no_rule(value, path, reason, knowledge)].into_iter().for_each(take)
        }
    }
}

/// A value without egress rules where a list of them is expected.
struct MalformedEgress<'a> {
    value: &'a Value,
    path: PropertyPath,
    reason: Reason,
}

/// Returns the entries of a resource with their paths, in the order written.
fn places(resource_type: ResourceType, properties: &Value) -> Result<Vec<(PropertyPath, &Value)>, MalformedEgress<'_>> {
    let root = PropertyPath::root();
    let Some(map) = properties.as_map() else {
        return Err(MalformedEgress { value: properties, path: root, reason: Reason::MalformedProperties });
    };
    if resource_type == ResourceType::SecurityGroupEgress {
        return Ok(vec![(root, properties)]);
    }
    let Some(value) = map.get(EGRESS) else { return Ok(Vec::new()) };
    let path = root.key(EGRESS);
    match &value.kind {
        Kind::Null => Ok(Vec::new()),
        Kind::Map(_) => Ok(vec![(path, value)]),
        Kind::List(list) => {
            Ok(list.iter().enumerate().take(MAX_ENTRIES + 1).map(|(index, entry)| (path.index(index), entry)).collect())
        }
        _ => Err(MalformedEgress { value, path, reason: Reason::MalformedEgress }),
    }
}

/// Returns the assessment of a resource's properties.
#[must_use]
pub fn assess(
    resource_type: ResourceType,
    properties: &Value,
    settings: &Settings,
    knowledge: Knowledge,
) -> Assessment {
    let mut assessment = Assessment::default();
    each_entry(resource_type, properties, knowledge, |entry| {
        assessment.judged += 1;
        match entry {
            EgressEntry::Rule(rule) => assessment.findings.extend(finding(rule, settings, knowledge)),
            EgressEntry::NoRule(finding) => assessment.findings.push(finding),
        }
    });
    if assessment.judged == 0 {
        assessment.findings.push(default_egress(properties.origin, settings));
    }
    assessment
}

/// Returns the finding on one egress rule, if there is one.
#[must_use]
pub fn finding(rule: EgressRule, settings: &Settings, knowledge: Knowledge) -> Option<Finding> {
    let (outcome, reason) = match judge(&rule, settings, knowledge) {
        Judgement::Compliant(setting) => return opens_more(rule, setting?),
        Judgement::NonCompliant(reason) => (Outcome::NonCompliant, reason),
        Judgement::Undetermined => (Outcome::Undetermined, Reason::UndeterminedValue),
    };
    let would_change =
        |setting: &&Setting| matches!(judge(&rule, &settings.flipped(**setting), knowledge), Judgement::Compliant(_));
    let settings = Setting::ALL.iter().filter(would_change).copied().collect();
    Some(Finding {
        outcome,
        reason,
        path: rule.path.clone(),
        origin: rule.origins.entry,
        subject: FindingSubject::Rule(Box::new(rule)),
        settings,
        exemption: None,
        contact: None,
        when: None,
    })
}

/// Returns the note on an egress rule that a setting allows although EC2 opens more than one port for it.
fn opens_more(rule: EgressRule, setting: Setting) -> Option<Finding> {
    let reason = match (setting, &rule.protocol) {
        // The traffic does not leave the host, whatever is open.
        (Setting::IgnoredPorts, _) if matches!(rule.destinations.as_slice(), [only] if only.is_loopback()) => {
            return None;
        }
        (Setting::IgnoredPorts, Protocol::All) => Reason::AllTraffic,
        (Setting::IgnoredPorts, _) => Reason::ProtocolWithoutPorts,
        (Setting::MinusOnePorts, _) => Reason::MinusOnePorts,
        _ => return None,
    };
    Some(Finding {
        outcome: Outcome::Note,
        reason,
        path: rule.path.clone(),
        origin: rule.origins.entry,
        subject: FindingSubject::Rule(Box::new(rule)),
        settings: vec![setting],
        exemption: None,
        contact: None,
        when: None,
    })
}

/// Returns the finding on a group without egress rules: nothing to check, but EC2's default rule allows all traffic.
fn default_egress(origin: Origin, settings: &Settings) -> Finding {
    let (outcome, settings) = match settings.default_egress {
        Treatment::Allow => (Outcome::Note, Vec::new()),
        Treatment::Block => (Outcome::NonCompliant, vec![Setting::DefaultEgress]),
    };
    Finding {
        outcome,
        reason: Reason::DefaultEgress,
        path: PropertyPath::root(),
        origin,
        subject: FindingSubject::Nothing,
        settings,
        exemption: None,
        contact: None,
        when: None,
    }
}

fn no_rule(value: &Value, path: PropertyPath, malformed: Reason, knowledge: Knowledge) -> EgressEntry {
    let unknown = match &value.kind {
        Kind::Unknown(unknown) => Some(unknown.clone()),
        Kind::String(text) => Unknown::of_text(text),
        _ => None,
    };
    let (outcome, reason) = match (&unknown, knowledge) {
        (Some(_), Knowledge::Partial) => (Outcome::Undetermined, Reason::UndeterminedValue),
        (Some(_), Knowledge::Final) => (Outcome::NonCompliant, Reason::UnresolvedValue),
        (None, _) => (Outcome::NonCompliant, malformed),
    };
    let subject = unknown.map_or(FindingSubject::NoRule(value.kind_name()), FindingSubject::Unknown);
    EgressEntry::NoRule(Finding {
        outcome,
        reason,
        path,
        origin: value.origin,
        subject,
        settings: Vec::new(),
        exemption: None,
        contact: None,
        when: None,
    })
}

fn rule(properties: &Map, entry: Origin, path: PropertyPath) -> EgressRule {
    let (from, from_origin) = port(properties.get("FromPort"), entry);
    let (to, to_origin) = port(properties.get("ToPort"), entry);
    EgressRule {
        path,
        protocol: protocol(properties.get("IpProtocol")),
        from,
        to,
        destinations: destinations(properties),
        origins: Origins { entry, from: from_origin, to: to_origin },
    }
}

fn port(value: Option<&Value>, entry: Origin) -> (Port, Origin) {
    let Some(value) = value else { return (Port::Absent, entry) };
    let port = match &value.kind {
        Kind::Null => Port::Absent,
        Kind::Integer(number) => Port::from_integer(*number),
        Kind::Float(number) => Port::from_float(*number),
        Kind::Ambiguous(text) => Port::ambiguous(text),
        Kind::String(text) => Port::from_text(text),
        Kind::Unknown(unknown) if unknown.is_list => Port::of_wrong_kind("a list"),
        Kind::Unknown(unknown) => Port::Unknown(unknown.clone()),
        Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => Port::of_wrong_kind(value.kind_name()),
    };
    (port, value.origin)
}

fn protocol(value: Option<&Value>) -> Protocol {
    let Some(value) = value else { return Protocol::Unrecognized(None) };
    match &value.kind {
        Kind::Null => Protocol::Unrecognized(None),
        Kind::Integer(number) => Protocol::from_integer(*number),
        Kind::Float(number) => Protocol::from_text(&number.to_string()),
        Kind::String(text) => Protocol::from_text(text),
        // Which number it is depends on the YAML parser.
        Kind::Ambiguous(text) => Protocol::of_wrong_kind(text),
        Kind::Unknown(unknown) => Protocol::Unknown(unknown.clone()),
        Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => Protocol::of_wrong_kind(value.kind_name()),
    }
}

/// Functions that turn a property's text and its unknown value into a destination.
type DestinationReader = (fn(&str) -> Destination, fn(Unknown) -> Destination);

const DESTINATIONS: [(&str, DestinationReader); 4] = [
    ("CidrIp", (Destination::from_cidr, Destination::Unknown)),
    ("CidrIpv6", (Destination::from_cidr, Destination::Unknown)),
    ("DestinationPrefixListId", (Destination::from_prefix_list, Destination::UnknownId)),
    ("DestinationSecurityGroupId", (Destination::from_security_group, Destination::UnknownId)),
];

fn destinations(properties: &Map) -> Vec<Destination> {
    DESTINATIONS
        .into_iter()
        .filter_map(|(key, (from_text, from_unknown))| {
            let value = properties.get(key)?;
            match &value.kind {
                Kind::Null => None,
                Kind::String(text) | Kind::Ambiguous(text) => Some(from_text(text)),
                Kind::Unknown(unknown) => Some(from_unknown(unknown.clone())),
                Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::List(_) | Kind::Map(_) => {
                    Some(Destination::Invalid(value.kind_name().to_owned()))
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
