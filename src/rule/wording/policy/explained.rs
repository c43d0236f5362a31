//! The explanation of a decision about an egress rule, for `policy explain`.

use super::super::{DestinationText, TrafficText, hints, place_of, setting_covers, statement};
use super::{advice, allowed, and, or, origin};
use crate::rule::egress::{EgressRule, Protocol};
use crate::rule::finding::{DecidedBy, ExplainedRule, Finding, Outcome};
use crate::rule::policy::{ContextCondition, NearlyExempted, Policy};
use crate::rule::port::Port;
use crate::rule::settings::Setting;

/// Returns which exemption would allow an egress rule if the place were known, and how to state the place.
#[must_use]
pub fn nearly_exempted(nearly: &NearlyExempted<'_>) -> String {
    let names = |condition: ContextCondition| match condition {
        ContextCondition::Account => ("account", "--account"),
        ContextCondition::Region => ("region", "--region"),
        ContextCondition::StackName => ("stack_name", "--stack-name"),
    };
    let asked: Vec<_> =
        nearly.asked.iter().map(|(condition, globs)| format!("{} is {}", names(*condition).0, or(globs))).collect();
    let flags: Vec<_> = nearly.asked.iter().map(|(condition, _)| names(*condition).1).collect();
    let id = nearly.exemption.id();
    format!(
        "Exemption {id} would cover it if {}. This is unknown here; to check it, pass {}.",
        and(&asked),
        and(&flags)
    )
}

/// Returns why an egress rule keeps the rule.
fn compliance(rule: &EgressRule) -> String {
    let (protocol, to) = (&rule.protocol, DestinationText(rule));
    match (protocol, &rule.from) {
        (Protocol::Icmp | Protocol::Icmpv6, Port::Known(number)) => {
            format!("the type and the code of {protocol}{to} are both {number}")
        }
        (_, Port::Unknown(unknown)) => {
            format!("FromPort and ToPort of {protocol}{to} are both {}", unknown.shown_as)
        }
        _ => format!("{} opens one explicit port", TrafficText(rule)),
    }
}

/// Returns what decided about an egress rule, on one line.
#[must_use]
pub fn explained(explained: &ExplainedRule, policy: &Policy) -> String {
    let place = place_of(&explained.path);
    match &explained.decided {
        DecidedBy::Complies => match &explained.rule {
            Some(rule) => format!("{place}: passes: {}.", compliance(rule)),
            None => format!("{place}: passes."),
        },
        DecidedBy::Setting(setting) => {
            let (name, origin, covers) = (setting.name(), origin(policy, *setting), setting_covers(*setting));
            let rule = explained.rule.as_ref().map_or_else(String::new, written);
            format!("{place}: passes: {rule}. The setting {name} = allow ({origin}) allows {covers}.")
        }
        DecidedBy::Finding(finding) => match finding.outcome {
            Outcome::NonCompliant => {
                format!("{place}: blocked: {}{}.{}", statement(finding), when(finding), hints(finding))
            }
            Outcome::Exempted | Outcome::KnownDebt => {
                let advice = advice(finding).map_or_else(String::new, |advice| format!(" {advice}"));
                format!("{}{advice}", allowed(finding))
            }
            Outcome::Undetermined => format!("{place}: undetermined: {}{}.", statement(finding), when(finding)),
            Outcome::Note => {
                let setting = finding.settings.first().copied().unwrap_or(Setting::DefaultEgress);
                let (name, origin) = (setting.name(), origin(policy, setting));
                format!("{place}: passes: {}. The setting {name} = allow ({origin}) allows this.", statement(finding))
            }
        },
    }
}

/// Returns the conditions under which a finding applies, if it has any.
fn when(finding: &Finding) -> String {
    finding.when.as_ref().map_or_else(String::new, |when| format!(" ({when})"))
}

/// Returns the protocol, ports, and destination of a rule; as written if its ports are not ports: `IpProtocol -1 with
/// FromPort 1 and ToPort 1 to …`.
#[must_use]
pub fn written(rule: &EgressRule) -> String {
    let (protocol, from, to) = (&rule.protocol, &rule.from, &rule.to);
    match (from, to) {
        _ if protocol.has_ports() => TrafficText(rule).to_string(),
        (Port::Absent, Port::Absent) => format!("IpProtocol {protocol}{}", DestinationText(rule)),
        _ => format!("IpProtocol {protocol} with FromPort {from} and ToPort {to}{}", DestinationText(rule)),
    }
}
