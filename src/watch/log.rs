//! Writes the decision on a call as a structured log line, which CloudWatch also reads as metrics.

use serde::Serialize;

use super::decision::CallDecision;
use crate::log::{DecisionFields, DecisionSource, Delivery, OffendingRules, push};

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
    #[serde(flatten)]
    shared: DecisionFields<'a>,
}

/// The number of fields in a line other than reasons and listed rules: 28 of the line itself, 12 in `_aws`, and the
/// count after the lists.
pub(super) const FIXED_FIELDS: usize = 41;

/// Returns the log lines of a decision, each ending in a newline: the decision, then one per reason with the number of
/// its offending rules, and one per exemption. Their metrics have the dimension `via` in addition to those of the hook.
/// The metrics of the decision also exist by level, so that one alarm covers everything that needs a review.
#[must_use]
pub fn lines(decision: &CallDecision, delivery: &Delivery<'_>) -> String {
    const VIA: DecisionSource = DecisionSource::DirectCall;
    let rules = OffendingRules::of(|outcome| decision.of(outcome).map(|finding| (None, finding)), FIXED_FIELDS);
    let call = &decision.call;
    let mut counts = String::new();
    rules.push_counts(&mut counts, delivery, VIA);
    let mut lines = String::new();
    push(
        &mut lines,
        &CallLogLine {
            event: VIA.name().unwrap_or_default(),
            level: if decision.is_worth_a_look() { "WARN" } else { "INFO" },
            message: &decision.message(),
            verdict: decision.verdict(),
            via: VIA.name().unwrap_or_default(),
            offending_rule_count: rules.offending_count(),
            exempted_rule_count: rules.exempted_count(),
            reasons: rules.reasons(),
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
            shared: DecisionFields::new(rules, delivery, VIA, &["verdict", "level"]),
        },
    );
    lines + &counts
}
