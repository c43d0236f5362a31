//! A decision as one structured log line, which CloudWatch also reads as metrics (Embedded Metric
//! Format). It says what was decided and on which egress rules, never what else the template holds.
//!
//! Source: CloudWatch User Guide, "Specification: Embedded metric format".

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::decision::{Decision, ResourceAssessment};
use super::response::{HookStatus, Response};
use crate::rule::{Finding, Outcome, excerpt, wording};

/// The CloudWatch namespace of the metrics.
pub const NAMESPACE: &str = "CfnEgressGuard";

/// How many egress rules of one kind a log line lists; the count says how many there are.
pub const MAX_LISTED: usize = 20;

/// How many fields a decision line has at the most, those inside lists and objects counted one by one: CloudWatch Logs
/// Insights finds 200 in an event (source: CloudWatch Logs User Guide, "Supported logs and discovered fields").
pub const MAX_FIELDS: usize = 150;

/// What the edge knows of an invocation: the core has no clock and no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Lambda's request id.
    pub request_id: &'a str,
    /// The guard's name, a dimension of every metric: the name of its stack.
    pub guard: &'a str,
    /// Milliseconds since the Unix epoch.
    pub timestamp_millis: u64,
    /// How long reading and deciding took, in microseconds.
    pub evaluation_micros: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionLine<'a> {
    event: &'static str,
    level: &'static str,
    message: &'a str,
    verdict: &'static str,
    hook_status: HookStatus,
    offending_rule_count: usize,
    exempted_rule_count: usize,
    known_debt_rule_count: usize,
    undetermined_rule_count: usize,
    reasons: Vec<&'a str>,
    stack_name: &'a str,
    logical_id: &'a str,
    resource_type: &'a str,
    target: &'static str,
    invocation_point: &'a str,
    account: &'a str,
    region: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    timestamp_millis: u64,
    evaluation_micros: u64,
    #[serde(rename = "Guard")]
    guard: &'a str,
    #[serde(rename = "Decisions")]
    decisions: u8,
    #[serde(rename = "EvaluationTime")]
    evaluation_time: u64,
    #[serde(rename = "_aws")]
    metadata: Metadata<'a>,
    offending_rules: Vec<ListedRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exempted_rules: Vec<ListedRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_debt_rules: Vec<ListedRule>,
    /// Egress rules of these kinds that are not listed.
    unlisted_rule_count: usize,
}

/// The fields of a decision line that are neither reasons nor listed rules: 24 of its own, 10 in `_aws`, the count
/// behind the lists.
const FIXED_FIELDS: usize = 35;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRule {
    /// The resource, where the invocation is about a template or a change set.
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_id: Option<String>,
    at: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemption: Option<ListedExemption>,
}

/// The exemption that covers a rule; one with days left below zero has expired and lets nothing through.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedExemption {
    id: String,
    owner: String,
    reason: String,
    expires: String,
    days_left: i64,
}

/// How many rules there are of one kind: a metric with one dimension beside the guard.
struct Count {
    event: &'static str,
    dimension: &'static str,
    metrics: &'static [Metric; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    timestamp: u64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: [[&'a str; 2]; 1],
    metrics: &'a [Metric],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

const DECISION_METRICS: &[Metric] =
    &[Metric { name: "Decisions", unit: "Count" }, Metric { name: "EvaluationTime", unit: "Microseconds" }];
const OFFENDING: Count = Count {
    event: "offending-rules",
    dimension: "reason",
    metrics: &[Metric { name: "OffendingRules", unit: "Count" }],
};
const EXEMPTED: Count = Count {
    event: "exempted-rules",
    dimension: "exemption",
    metrics: &[Metric { name: "ExemptedRules", unit: "Count" }],
};
const KNOWN_DEBT: Count = Count {
    event: "known-debt-rules",
    dimension: "reason",
    metrics: &[Metric { name: "KnownDebtRules", unit: "Count" }],
};

/// The log lines of a decision, each ending in a newline: the decision itself, then one per reason with
/// the number of its offending rules, one per exemption and one per reason of known debt.
#[must_use]
pub fn lines(decision: &Decision, response: &Response, delivery: &Delivery<'_>) -> String {
    let by_reason = counted(decision.offending().map(|finding| finding.reason.code()));
    let exemptions = decision.of(Outcome::Exempted).filter_map(|finding| finding.exemption.as_deref());
    let by_exemption = counted(exemptions.map(|exemption| exemption.id.as_str()));
    let debt_by_reason = counted(decision.of(Outcome::KnownDebt).map(|finding| finding.reason.code()));
    let mut fields = MAX_FIELDS.saturating_sub(FIXED_FIELDS + by_reason.len());
    let mut listed = |outcome| -> Vec<ListedRule> {
        let rules = decision.of_each(outcome).take(MAX_LISTED).map(ListedRule::of);
        rules
            .map_while(|rule| {
                fields = fields.checked_sub(rule.fields())?;
                Some(rule)
            })
            .collect()
    };
    let [offending_rules, exempted_rules, known_debt_rules] =
        [Outcome::NonCompliant, Outcome::Exempted, Outcome::KnownDebt].map(&mut listed);
    let number = |counts: &BTreeMap<&str, usize>| counts.values().sum::<usize>();
    let all = number(&by_reason) + number(&by_exemption) + number(&debt_by_reason);
    let invocation = &decision.invocation;
    let mut lines = String::new();
    push(
        &mut lines,
        &DecisionLine {
            event: "decision",
            level: if response.hook_status == HookStatus::Success { "INFO" } else { "WARN" },
            message: &response.message,
            verdict: decision.verdict(),
            hook_status: response.hook_status,
            offending_rule_count: number(&by_reason),
            exempted_rule_count: number(&by_exemption),
            known_debt_rule_count: number(&debt_by_reason),
            undetermined_rule_count: decision.of(Outcome::Undetermined).count(),
            reasons: by_reason.keys().copied().collect(),
            stack_name: &invocation.stack_name,
            logical_id: &invocation.logical_id,
            resource_type: &invocation.resource_type,
            target: invocation.target.name(),
            invocation_point: &invocation.invocation_point,
            account: &invocation.account,
            region: &invocation.region,
            stack_id: &invocation.stack_id,
            request_id: delivery.request_id,
            timestamp_millis: delivery.timestamp_millis,
            evaluation_micros: delivery.evaluation_micros,
            guard: delivery.guard,
            decisions: 1,
            evaluation_time: delivery.evaluation_micros,
            metadata: metadata(delivery, "verdict", DECISION_METRICS),
            unlisted_rule_count: all - offending_rules.len() - exempted_rules.len() - known_debt_rules.len(),
            offending_rules,
            exempted_rules,
            known_debt_rules,
        },
    );
    for (count, numbers) in [(OFFENDING, by_reason), (EXEMPTED, by_exemption), (KNOWN_DEBT, debt_by_reason)] {
        for (value, number) in numbers {
            let [Metric { name, .. }] = count.metrics;
            push(
                &mut lines,
                &json!({
                    "event": count.event,
                    "requestId": delivery.request_id,
                    "Guard": delivery.guard,
                    count.dimension: value,
                    *name: number,
                    "_aws": metadata(delivery, count.dimension, count.metrics),
                }),
            );
        }
    }
    lines
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut numbers = BTreeMap::new();
    for name in names {
        *numbers.entry(name).or_default() += 1;
    }
    numbers
}

fn metadata<'a>(delivery: &Delivery<'_>, dimension: &'a str, metrics: &'a [Metric]) -> Metadata<'a> {
    let directive = Directive { namespace: NAMESPACE, dimensions: [["Guard", dimension]], metrics };
    Metadata { timestamp: delivery.timestamp_millis, cloud_watch_metrics: [directive] }
}

fn push(lines: &mut String, line: &impl Serialize) {
    // Text and numbers always serialize; a line that did not would be left out rather than half written.
    if let Ok(line) = serde_json::to_string(line) {
        lines.push_str(&line);
        lines.push('\n');
    }
}

impl ListedRule {
    /// How many fields of the line it takes.
    fn fields(&self) -> usize {
        let optional = [&self.logical_id, &self.protocol, &self.ports, &self.destination];
        2 + optional.into_iter().flatten().count() + self.exemption.as_ref().map_or(0, |_| 5)
    }

    fn of((judged, finding): (Option<&ResourceAssessment>, &Finding)) -> Self {
        let rule = finding.rule();
        Self {
            logical_id: judged.map(|judged| excerpt(&judged.logical_id, wording::LOGICAL_ID_CHARS)),
            at: wording::place(finding),
            reason: finding.reason.code(),
            protocol: rule.map(|rule| rule.protocol.to_string()),
            ports: rule.map(wording::ports),
            destination: rule
                .map(|rule| rule.destinations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "))
                .filter(|destination| !destination.is_empty()),
            exemption: finding.exemption.as_deref().map(|exemption| ListedExemption {
                id: exemption.id.to_string(),
                owner: exemption.owner.to_string(),
                reason: exemption.reason.to_string(),
                expires: exemption.expires.to_string(),
                days_left: exemption.days_left,
            }),
        }
    }
}
