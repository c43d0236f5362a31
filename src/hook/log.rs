//! Writes a decision as a structured log line, which CloudWatch also reads as metrics (Embedded Metric Format). It
//! contains the decision and the egress rules it is about, but no other content of the template.

use serde::Serialize;

use super::decision::Decision;
use super::response::{HookStatus, Response};
use crate::log::{DecisionFields, DecisionSource, OffendingRules, POLICY_TRIAL, push};
pub use crate::log::{Delivery, NAMESPACE};
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
    #[serde(flatten)]
    shared: DecisionFields<'a>,
}

/// The number of fields in a decision line other than reasons and listed rules: 26 of the line itself, 10 in `_aws`,
/// and the count after the lists.
const FIXED_FIELDS: usize = 37;

/// Returns the log lines of a decision, each ending in a newline: the decision, then one per reason with the number of
/// its offending rules, one per exemption, and one per reason of known debt.
#[must_use]
pub fn lines(decision: &Decision, response: &Response, delivery: &Delivery<'_>) -> String {
    let findings = |outcome| {
        let each = decision.of_each(outcome);
        each.map(|(judged, finding)| (judged.map(|judged| judged.logical_id.as_str()), finding))
    };
    let rules = OffendingRules::of(findings, FIXED_FIELDS);
    let invocation = &decision.invocation;
    let mut lines = String::new();
    let mut counts = String::new();
    let source = match invocation.client_request_token.as_str() {
        POLICY_TRIAL => DecisionSource::PolicyTrial,
        _ => DecisionSource::Hook,
    };
    rules.push_counts(&mut counts, delivery, source);
    push(
        &mut lines,
        &DecisionLine {
            event: "decision",
            level: if response.hook_status == HookStatus::Success { "INFO" } else { "WARN" },
            message: &response.message,
            verdict: decision.verdict(),
            hook_status: response.hook_status,
            offending_rule_count: rules.offending_count(),
            exempted_rule_count: rules.exempted_count(),
            known_debt_rule_count: rules.known_debt_count(),
            undetermined_rule_count: decision.of(Outcome::Undetermined).count(),
            reasons: rules.reasons(),
            stack_name: &invocation.stack_name,
            logical_id: &invocation.logical_id,
            resource_type: &invocation.resource_type,
            target: invocation.target.name(),
            invocation_point: &invocation.invocation_point,
            account: &invocation.account,
            region: &invocation.region,
            stack_id: &invocation.stack_id,
            shared: DecisionFields::new(rules, delivery, source, &["verdict"]),
        },
    );
    lines + &counts
}
