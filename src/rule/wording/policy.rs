//! Every user-facing sentence about the policy.

mod explained;
mod remark;

pub use explained::{explained, nearly_exempted, written};
pub use remark::{GroupedRemark, remarks};

use std::fmt::Display;

use super::{for_annotation, name, place, setting_covers, statement};
use crate::rule::ID;
use crate::rule::finding::{Assessment, Finding, Outcome};
use crate::rule::policy::{AppliedExemption, Conditions, Date, Exemption, ExemptionError, Policy, TagCondition};
use crate::rule::settings::{Preset, Setting, Treatment};

/// Returns the reason, the owner, and the last day of an exemption.
#[must_use]
pub fn justification(exemption: &AppliedExemption) -> String {
    format!(
        "{} (exemption {}, owner: {}, {})",
        sentence(exemption.reason.as_str()),
        exemption.id,
        exemption.owner,
        until(exemption)
    )
}

/// Returns the reason why a non-compliant rule is allowed: `SecurityGroupEgress[0]: exempted until …`.
#[must_use]
pub fn allowed(finding: &Finding) -> String {
    for_annotation(&format!("{}: {}.", place(finding), standing(finding)))
}

/// Returns the reason why a non-compliant rule is allowed, without its place and without a final period.
#[must_use]
pub fn exempted(finding: &Finding) -> String {
    standing(finding)
}

/// Returns what allows a non-compliant rule, and how it breaks the rule.
fn standing(finding: &Finding) -> String {
    match (&finding.exemption, finding.outcome) {
        (Some(exemption), Outcome::Exempted) => format!(
            "exempt {} by {} (owner: {}): {}. It breaks the rule: {}",
            until(exemption),
            exemption.id,
            exemption.owner,
            sentence(exemption.reason.as_str()),
            statement(finding)
        ),
        (expired, _) => {
            let expired =
                expired.as_deref().map_or_else(String::new, |exemption| format!(" {}", expired_hint(exemption)));
            format!("known debt, unchanged by this update: {}.{expired}", statement(finding))
                .trim_end_matches('.')
                .to_owned()
        }
    }
}

/// Returns the first sentence about a resource that is allowed although some of its egress rules break the rule.
#[must_use]
pub(crate) fn headline(resource_type: &str, logical_id: &str, assessment: &Assessment) -> String {
    let name = name(resource_type, logical_id);
    let of = |outcome, what: &str| {
        let count = assessment.of(outcome).count();
        (count > 0).then(|| format!("{count} {} {what}", if count == 1 { "is" } else { "are" }))
    };
    let exempted = of(Outcome::Exempted, &format!("exempt from rule {ID}"));
    let debt = of(Outcome::KnownDebt, &format!("known debt under rule {ID}"));
    let parts: Vec<_> = exempted.into_iter().chain(debt).collect();
    match assessment.judged {
        // Avoids stating the number twice.
        1 => format!("{name} is allowed: its egress rule{}.", and(&parts).trim_start_matches('1')),
        judged => format!("{name} is allowed: of {judged} egress rules, {}.", and(&parts)),
    }
}

/// Returns what is allowed and what to do about it, on one line. The end of an exemption comes before its reason,
/// because readers that cut after `ANNOTATION_CHARS` characters must not lose it.
#[must_use]
pub fn line(finding: &Finding) -> String {
    match advice(finding) {
        Some(advice) if finding.outcome == Outcome::Exempted => {
            let exempted = for_annotation(&format!("It is {}.", standing(finding)));
            format!("{}: {advice} {exempted}", place(finding))
        }
        Some(advice) => format!("{} {advice}", allowed(finding)),
        None => allowed(finding),
    }
}

/// Returns the advice to those who rely on an exemption that ends, or on known debt.
#[must_use]
pub fn advice(finding: &Finding) -> Option<String> {
    match (&finding.exemption, finding.outcome) {
        (Some(exemption), Outcome::Exempted) if exemption.expires_soon() => Some(format!(
            "Exemption {} ends {}, on {}. After that day, this egress rule is blocked. Open single ports, or ask {} to renew \
             the exemption.",
            exemption.id,
            in_days(exemption.days_left),
            exemption.expires,
            exemption.owner
        )),
        (_, Outcome::KnownDebt) => {
            Some("Fix it in the next change. New or changed egress rules are blocked.".to_owned())
        }
        _ => None,
    }
}

/// Returns the hint about an exemption that no longer applies.
#[must_use]
pub fn expired_hint(exemption: &AppliedExemption) -> String {
    format!(
        "Exemption {} covered it and expired on {} ({}); ask {} to renew it.",
        exemption.id,
        exemption.expires,
        ago(exemption.days_left),
        exemption.owner
    )
}

/// Returns the reason why conditions do not form an exemption, and what to write instead.
#[must_use]
pub(crate) const fn exemption_error(error: ExemptionError) -> (&'static str, &'static str) {
    match error {
        ExemptionError::CoversEverything => (
            "the exemption has no condition, so it would cover every egress rule everywhere",
            "add at least one of account, region, stack_name, stack_id, logical_id, resource_type, protocol, ports, \
             destination, or tags",
        ),
        ExemptionError::PortsWithoutProtocol => (
            "the exemption names ports, but only protocols without ports, so it can never match",
            "only tcp and udp have ports: remove ports, or add one of them to protocol",
        ),
    }
}

/// Returns the origin of a setting: the policy itself or its preset.
fn origin(policy: &Policy, setting: Setting) -> String {
    if policy.overrides.iter().any(|(own, _)| *own == setting) {
        "set in the policy".to_owned()
    } else {
        format!("from the preset {}", policy.preset)
    }
}

/// Returns the meaning of a policy, one sentence per line.
#[must_use]
pub fn meaning(policy: &Policy, today: Date) -> Vec<String> {
    let mut lines = vec![preset_meaning(policy.preset)];
    let settings = policy.settings();
    for &setting in Setting::ALL {
        let origin = origin(policy, setting);
        let treatment = settings.get(setting);
        let verb = if treatment == Treatment::Allow { "allows" } else { "blocks" };
        let (name, treatment) = (setting.name(), treatment.name());
        lines.push(format!("{name} = {treatment} ({origin}): {verb} {}.", setting_covers(setting)));
    }
    lines.push(match policy.unchanged_rules {
        Treatment::Block => {
            "unchanged_rules = block: an egress rule that breaks the rule blocks every update of its group, even an \
             update that does not change it."
        }
        Treatment::Allow => {
            "unchanged_rules = allow: an egress rule that existed before the update is allowed as known debt; a new \
             or changed one is blocked."
        }
    }.to_owned());
    lines.extend(policy.contact.as_ref().map(|contact| format!("contact = {contact}: messages name this contact.")));
    lines
        .extend(policy.max_days.map(|days| format!("max_days = {days}: an exemption must end within this many days.")));
    if policy.exemptions.is_empty() {
        lines.push("There are no exemptions.".to_owned());
    }
    lines.extend(policy.exemptions.iter().map(|exemption| exemption_meaning(exemption, today)));
    lines
}

fn preset_meaning(preset: Preset) -> String {
    let means = match preset {
        Preset::Literal => "the text of the published rule",
        Preset::Effective => "what EC2 actually opens",
    };
    format!("preset = {preset}: decides by {means}.")
}

/// Returns the coverage of one exemption as a sentence.
fn exemption_meaning(exemption: &Exemption, today: Date) -> String {
    let now = exemption.on(today);
    let verb = if now.is_active() { "allows" } else { "allowed" };
    format!(
        "Exemption {}, {}, {verb} {}. Reason: {}. Owner: {}.",
        exemption.id(),
        until(&now),
        covered(exemption.conditions()),
        sentence(exemption.reason().as_str()),
        exemption.owner()
    )
}

/// Returns the text without its final period, so that one can be added.
fn sentence(text: &str) -> &str {
    text.trim_end_matches('.')
}

/// Displays as `tcp with ports within 32768-65535 to 10.0.0.0/8, in account 123456789012, in stack lb-*`.
#[must_use]
pub fn covered(conditions: &Conditions) -> String {
    let mut parts = Vec::new();
    let mut traffic = match (conditions.protocols.is_empty(), conditions.ports.is_empty()) {
        (true, true) => "every egress rule".to_owned(),
        (true, false) => "tcp or udp".to_owned(),
        (false, _) => format!("protocol {}", or(&conditions.protocols)),
    };
    if !conditions.ports.is_empty() {
        traffic.push_str(&format!(" with ports within {}", or(&conditions.ports)));
    }
    if !conditions.destinations.is_empty() {
        traffic.push_str(&format!(" to {}", or(&conditions.destinations)));
    }
    parts.push(traffic);
    let mut narrowed = |what: &str, values: String| {
        if !values.is_empty() {
            parts.push(format!("{what} {values}"));
        }
    };
    narrowed("of type", or(&conditions.resource_types));
    narrowed("in account", or(&conditions.accounts));
    narrowed("in Region", or(&conditions.regions));
    narrowed("in stack", or(&conditions.stack_names));
    narrowed("in the stack with the ARN", or(&conditions.stack_ids));
    narrowed("with logical ID", or(&conditions.logical_ids));
    let tag = |tag: &TagCondition| format!("{} = {}", tag.key, or(&tag.values));
    narrowed("with tag", conditions.tags.iter().map(tag).collect::<Vec<_>>().join(" and tag "));
    parts.join(", ")
}

/// Displays as `until 2027-06-30 (12 days left)`.
fn until(exemption: &AppliedExemption) -> String {
    let left = match exemption.days_left {
        0 => "the last day".to_owned(),
        1 => "1 day left".to_owned(),
        left @ 2.. => format!("{left} days left"),
        left => format!("expired {}", ago(left)),
    };
    format!("until {} ({left})", exemption.expires)
}

fn in_days(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days => format!("in {days} days"),
    }
}

fn ago(days_left: i64) -> String {
    match days_left.saturating_neg() {
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

fn or(values: &[impl Display]) -> String {
    joined(values, "or")
}

fn and(values: &[impl Display]) -> String {
    joined(values, "and")
}

/// Displays as `a`, `a or b`, `a, b or c`.
fn joined(values: &[impl Display], last: &str) -> String {
    match values {
        [] => String::new(),
        [only] => only.to_string(),
        [rest @ .., end] => {
            let rest: Vec<_> = rest.iter().map(ToString::to_string).collect();
            format!("{} {last} {end}", rest.join(", "))
        }
    }
}
