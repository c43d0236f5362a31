//! A decision as one structured log line, which CloudWatch also reads as metrics (Embedded Metric
//! Format). It says what was decided and on which egress rules, never what else the template holds.

use serde::Serialize;

use super::decision::Decision;
use super::response::{HookStatus, Response};
use crate::log::{DecisionSource, ListedRule, Metadata, OffendingRules, push};
pub use crate::log::{Delivery, MAX_FIELDS, MAX_LISTED, NAMESPACE};
use crate::rule::Outcome;

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
    policy_source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_sha256: Option<&'a str>,
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

/// The fields of a decision line that are neither reasons nor listed rules: 26 of its own, 10 in `_aws`, the count
/// behind the lists.
const FIXED_FIELDS: usize = 37;

/// The log lines of a decision, each ending in a newline: the decision itself, then one per reason with
/// the number of its offending rules, one per exemption and one per reason of known debt.
#[must_use]
pub fn lines(decision: &Decision, response: &Response, delivery: &Delivery<'_>) -> String {
    let findings = |outcome| {
        let each = decision.of_each(outcome);
        each.map(|(judged, finding)| (judged.map(|judged| judged.logical_id.as_str()), finding))
    };
    let told = OffendingRules::of(findings, FIXED_FIELDS);
    let invocation = &decision.invocation;
    let mut lines = String::new();
    let mut counts = String::new();
    told.push_counts(&mut counts, delivery, DecisionSource::Hook);
    push(
        &mut lines,
        &DecisionLine {
            event: "decision",
            level: if response.hook_status == HookStatus::Success { "INFO" } else { "WARN" },
            message: &response.message,
            verdict: decision.verdict(),
            hook_status: response.hook_status,
            offending_rule_count: told.offending_count(),
            exempted_rule_count: told.exempted_count(),
            known_debt_rule_count: told.known_debt_count(),
            undetermined_rule_count: decision.of(Outcome::Undetermined).count(),
            reasons: told.reasons(),
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
            policy_source: delivery.policy_source,
            policy_sha256: delivery.policy_sha256,
            guard: delivery.guard,
            decisions: 1,
            evaluation_time: delivery.evaluation_micros,
            metadata: Metadata::of_decision(delivery, DecisionSource::Hook, &["verdict"]),
            unlisted_rule_count: told.unlisted_count(),
            offending_rules: told.offending,
            exempted_rules: told.exempted,
            known_debt_rules: told.known_debt,
        },
    );
    lines + &counts
}
