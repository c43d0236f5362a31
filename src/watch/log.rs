//! A decision on a call as one structured log line, which CloudWatch also reads as metrics.

use serde::Serialize;

use super::decision::CallDecision;
use crate::log::{DecisionSource, Delivery, ListedRule, Metadata, OffendingRules, push};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallLogLine<'a> {
    event: &'static str,
    level: &'static str,
    message: &'a str,
    verdict: &'static str,
    via: &'static str,
    offending_rule_count: usize,
    exempted_rule_count: usize,
    reasons: Vec<&'a str>,
    operation: &'static str,
    direction: &'static str,
    group_id: &'a str,
    caller: &'a str,
    role: &'a str,
    service: &'a str,
    source_ip: &'a str,
    tool: &'a str,
    user_agent: &'a str,
    account: &'a str,
    region: &'a str,
    time: &'a str,
    event_id: &'a str,
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
    /// Egress rules of these kinds that are not listed.
    unlisted_rule_count: usize,
}

/// The fields of a line that are neither reasons nor listed rules: 28 of its own, 12 in `_aws`, the count behind the
/// lists.
pub(super) const FIXED_FIELDS: usize = 41;

/// The log lines of a decision, each ending in a newline: the decision itself, then one per reason with the number of
/// its offending rules and one per exemption. Their metrics have the dimension `via` beside those of the hook; those of
/// the decision are there by level as well, so that one alarm can look at all that is worth a look.
#[must_use]
pub fn lines(decision: &CallDecision, delivery: &Delivery<'_>) -> String {
    const VIA: DecisionSource = DecisionSource::DirectCall;
    let told = OffendingRules::of(|outcome| decision.of(outcome).map(|finding| (None, finding)), FIXED_FIELDS);
    let call = &decision.call;
    let mut counts = String::new();
    told.push_counts(&mut counts, delivery, VIA);
    let mut lines = String::new();
    push(
        &mut lines,
        &CallLogLine {
            event: VIA.name().unwrap_or_default(),
            level: if decision.is_worth_a_look() { "WARN" } else { "INFO" },
            message: &decision.message(),
            verdict: decision.verdict(),
            via: VIA.name().unwrap_or_default(),
            offending_rule_count: told.offending_count(),
            exempted_rule_count: told.exempted_count(),
            reasons: told.reasons(),
            operation: call.operation.name(),
            direction: call.operation.direction().name(),
            group_id: &call.group_id,
            caller: &call.caller,
            role: &call.role,
            service: &call.service,
            source_ip: &call.source_ip,
            tool: &call.tool,
            user_agent: &call.user_agent,
            account: &call.account,
            region: &call.region,
            time: &call.time,
            event_id: &call.event_id,
            request_id: delivery.request_id,
            timestamp_millis: delivery.timestamp_millis,
            evaluation_micros: delivery.evaluation_micros,
            policy_source: delivery.policy_source,
            policy_sha256: delivery.policy_sha256,
            guard: delivery.guard,
            decisions: 1,
            evaluation_time: delivery.evaluation_micros,
            metadata: Metadata::of_decision(delivery, VIA, &["verdict", "level"]),
            unlisted_rule_count: told.unlisted_count(),
            offending_rules: told.offending,
            exempted_rules: told.exempted,
        },
    );
    lines + &counts
}
