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

/// How many offending rules a log line lists; the count says how many there are.
pub const MAX_LISTED: usize = 20;

/// What the edge knows of an invocation: the core has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// Lambda's request id.
    pub request_id: &'a str,
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
    timestamp_millis: u64,
    request_id: &'a str,
    account: &'a str,
    region: &'a str,
    stack_id: &'a str,
    stack_name: &'a str,
    logical_id: &'a str,
    resource_type: &'a str,
    target: &'static str,
    invocation_point: &'a str,
    hook_status: HookStatus,
    verdict: &'static str,
    reasons: Vec<&'a str>,
    offending_rules: Vec<ListedRule>,
    offending_rule_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exempted_rules: Vec<ListedRule>,
    exempted_rule_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_debt_rules: Vec<ListedRule>,
    known_debt_rule_count: usize,
    undetermined_rule_count: usize,
    message: &'a str,
    evaluation_micros: u64,
    #[serde(rename = "Decisions")]
    decisions: u8,
    #[serde(rename = "EvaluationTime")]
    evaluation_time: u64,
    #[serde(rename = "_aws")]
    metadata: Metadata<'a>,
}

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

/// How many rules there are of one kind: a metric with one dimension.
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
    dimensions: [[&'a str; 1]; 1],
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
pub fn lines(decision: &Decision, response: &Response, invocation: &Invocation<'_>) -> String {
    let by_reason = counted(decision.offending().map(|finding| finding.reason.code()));
    let exemptions = decision.of(Outcome::Exempted).filter_map(|finding| finding.exemption.as_deref());
    let by_exemption = counted(exemptions.map(|exemption| exemption.id.as_str()));
    let debt_by_reason = counted(decision.of(Outcome::KnownDebt).map(|finding| finding.reason.code()));
    let listed = |outcome| decision.of_each(outcome).take(MAX_LISTED).map(ListedRule::of).collect();
    let subject = &decision.invocation;
    let mut lines = String::new();
    push(
        &mut lines,
        &DecisionLine {
            event: "decision",
            level: if response.hook_status == HookStatus::Success { "INFO" } else { "WARN" },
            timestamp_millis: invocation.timestamp_millis,
            request_id: invocation.request_id,
            account: &subject.account,
            region: &subject.region,
            stack_id: &subject.stack_id,
            stack_name: &subject.stack_name,
            logical_id: &subject.logical_id,
            resource_type: &subject.resource_type,
            target: subject.target.name(),
            invocation_point: &subject.invocation_point,
            hook_status: response.hook_status,
            verdict: decision.verdict(),
            reasons: by_reason.keys().copied().collect(),
            offending_rules: listed(Outcome::NonCompliant),
            offending_rule_count: by_reason.values().sum(),
            exempted_rules: listed(Outcome::Exempted),
            exempted_rule_count: by_exemption.values().sum(),
            known_debt_rules: listed(Outcome::KnownDebt),
            known_debt_rule_count: debt_by_reason.values().sum(),
            undetermined_rule_count: decision.of(Outcome::Undetermined).count(),
            message: &response.message,
            evaluation_micros: invocation.evaluation_micros,
            decisions: 1,
            evaluation_time: invocation.evaluation_micros,
            metadata: metadata(invocation, "verdict", DECISION_METRICS),
        },
    );
    for (count, numbers) in [(OFFENDING, by_reason), (EXEMPTED, by_exemption), (KNOWN_DEBT, debt_by_reason)] {
        for (value, number) in numbers {
            let [Metric { name, .. }] = count.metrics;
            push(
                &mut lines,
                &json!({
                    "event": count.event,
                    "requestId": invocation.request_id,
                    count.dimension: value,
                    *name: number,
                    "_aws": metadata(invocation, count.dimension, count.metrics),
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

fn metadata<'a>(invocation: &Invocation<'_>, dimension: &'a str, metrics: &'a [Metric]) -> Metadata<'a> {
    let directive = Directive { namespace: NAMESPACE, dimensions: [[dimension]], metrics };
    Metadata { timestamp: invocation.timestamp_millis, cloud_watch_metrics: [directive] }
}

fn push(lines: &mut String, line: &impl Serialize) {
    // Text and numbers always serialize; a line that did not would be left out rather than half written.
    if let Ok(line) = serde_json::to_string(line) {
        lines.push_str(&line);
        lines.push('\n');
    }
}

impl ListedRule {
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
