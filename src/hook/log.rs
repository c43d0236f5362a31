//! A decision as one structured log line, which CloudWatch also reads as metrics (Embedded Metric
//! Format). It says what was decided and on which egress rules, never what else the template holds.
//!
//! Source: CloudWatch User Guide, "Specification: Embedded metric format".

use std::collections::BTreeMap;

use serde::Serialize;

use super::decision::Decision;
use super::response::{HookStatus, Response};
use crate::rule::{Finding, wording};

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
    reasons: Vec<&'static str>,
    offending_rules: Vec<OffendingRule>,
    offending_rule_count: usize,
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
struct OffendingRule {
    at: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReasonLine<'a> {
    event: &'static str,
    request_id: &'a str,
    reason: &'a str,
    #[serde(rename = "OffendingRules")]
    offending_rules: usize,
    #[serde(rename = "_aws")]
    metadata: Metadata<'a>,
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
const REASON_METRICS: &[Metric] = &[Metric { name: "OffendingRules", unit: "Count" }];

/// The log lines of a decision, each ending in a newline: the decision itself, then one per reason with
/// the number of its offending rules.
#[must_use]
pub fn lines(decision: &Decision, response: &Response, invocation: &Invocation<'_>) -> String {
    let mut by_reason: BTreeMap<&'static str, usize> = BTreeMap::new();
    for finding in decision.offending() {
        *by_reason.entry(finding.reason.code()).or_default() += 1;
    }
    let subject = &decision.subject;
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
            offending_rules: decision.offending().take(MAX_LISTED).map(OffendingRule::of).collect(),
            offending_rule_count: by_reason.values().sum(),
            message: &response.message,
            evaluation_micros: invocation.evaluation_micros,
            decisions: 1,
            evaluation_time: invocation.evaluation_micros,
            metadata: metadata(invocation, "verdict", DECISION_METRICS),
        },
    );
    for (reason, count) in &by_reason {
        push(
            &mut lines,
            &ReasonLine {
                event: "offending-rules",
                request_id: invocation.request_id,
                reason,
                offending_rules: *count,
                metadata: metadata(invocation, "reason", REASON_METRICS),
            },
        );
    }
    lines
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

impl OffendingRule {
    fn of(finding: &Finding) -> Self {
        let rule = finding.rule();
        Self {
            at: wording::place(finding),
            reason: finding.reason.code(),
            protocol: rule.map(|rule| rule.protocol.to_string()),
            ports: rule.map(wording::ports),
            destination: rule
                .map(|rule| rule.destinations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "))
                .filter(|destination| !destination.is_empty()),
        }
    }
}
