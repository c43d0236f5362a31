//! The common parts of the structured log lines of all decisions: egress rules in the fields that CloudWatch Logs
//! discovers, and metrics in Embedded Metric Format. A line contains the decision and the egress rules it is about, but
//! no other content of the template or the event.
//!
//! Source: CloudWatch User Guide, "Specification: Embedded metric format".

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::rule::{Finding, Outcome, excerpt, wording};

/// The CloudWatch namespace of the metrics.
pub const NAMESPACE: &str = "CfnEgressGuard";

/// The maximum number of egress rules of one kind that a log line lists. A separate count covers all of them.
pub(crate) const MAX_LISTED: usize = 20;

/// The maximum number of fields in a decision line, including those inside lists and objects. CloudWatch Logs Insights
/// discovers 200 in an event (source: CloudWatch Logs User Guide, "Supported logs and discovered fields").
pub(crate) const MAX_FIELDS: usize = 150;

/// The environment variable of the function with the guard's name in its metrics: the name of its stack. The default is
/// the function's name.
pub const ENV_GUARD: &str = "GUARD_NAME";

/// The dimension with the guard's name, which every metric has.
pub const GUARD: &str = "Guard";

/// The dimension of metrics for decisions outside of the hook, and the field of their log lines.
const VIA: &str = "via";

/// The client request token of the event with which `policy.sh` tries a policy. CloudFormation chooses the tokens of its
/// events, so no deployment has this one.
pub(crate) const POLICY_TRIAL: &str = "policy-trial";

/// The facts about an invocation that the program adds: the core has no clock and no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Lambda's request id.
    pub request_id: &'a str,
    /// The guard's name, a dimension of every metric: the name of its stack.
    pub guard: &'a str,
    /// The origin of the policy: the name of its file, or `none`.
    pub policy_source: &'a str,
    /// The SHA-256 of the policy file, in hexadecimal.
    pub policy_sha256: Option<&'a str>,
    /// Milliseconds since the Unix epoch.
    pub timestamp_millis: u64,
    /// The duration of reading and deciding, in microseconds.
    pub evaluation_micros: u64,
}

/// The source of the event that was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionSource {
    /// A hook invocation. The metrics of these decisions do not have the dimension `via`.
    Hook,
    /// A call to the EC2 API, which invokes no hook, reported by EventBridge.
    DirectCall,
    /// The event with which `policy.sh` tries a policy before any hook uses it. Alarms on the hook's decisions must not
    /// count it.
    PolicyTrial,
}

impl DecisionSource {
    /// Returns the value of the dimension `via` and the prefix of every line's name, if there is one.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Hook => None,
            Self::DirectCall => Some("direct-call"),
            Self::PolicyTrial => Some(POLICY_TRIAL),
        }
    }
}

/// The metrics of a line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Metadata<'a> {
    timestamp: u64,
    cloud_watch_metrics: [MetricDirective<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDirective<'a> {
    namespace: &'static str,
    dimensions: Vec<Vec<&'a str>>,
    metrics: &'a [Metric],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl<'a> Metadata<'a> {
    /// Returns the metrics of a decision's line: `Decisions` and `EvaluationTime`, by each of these fields.
    pub(crate) fn of_decision(delivery: &Delivery<'_>, via: DecisionSource, by: &[&'a str]) -> Self {
        const METRICS: &[Metric] =
            &[Metric { name: "Decisions", unit: "Count" }, Metric { name: "EvaluationTime", unit: "Microseconds" }];
        Self::new(delivery, via, by, METRICS)
    }

    fn new(delivery: &Delivery<'_>, via: DecisionSource, by: &[&'a str], metrics: &'a [Metric]) -> Self {
        let via = via.name().map(|_| VIA);
        let beside = |field: &&'a str| [Some(GUARD), via, Some(*field)].into_iter().flatten().collect();
        let directive = MetricDirective { namespace: NAMESPACE, dimensions: by.iter().map(beside).collect(), metrics };
        Self { timestamp: delivery.timestamp_millis, cloud_watch_metrics: [directive] }
    }
}

/// The number of rules of one kind: a metric with one dimension in addition to the guard.
struct CountMetric {
    event: &'static str,
    dimension: &'static str,
    metrics: &'static [Metric; 1],
}

const OFFENDING: CountMetric = CountMetric {
    event: "offending-rules",
    dimension: "reason",
    metrics: &[Metric { name: "OffendingRules", unit: "Count" }],
};
const EXEMPTED: CountMetric = CountMetric {
    event: "exempted-rules",
    dimension: "exemption",
    metrics: &[Metric { name: "ExemptedRules", unit: "Count" }],
};
const KNOWN_DEBT: CountMetric = CountMetric {
    event: "known-debt-rules",
    dimension: "reason",
    metrics: &[Metric { name: "KnownDebtRules", unit: "Count" }],
};

/// The egress rules of a decision that break the rule, counted and listed.
pub(crate) struct OffendingRules<'a> {
    by_reason: BTreeMap<&'a str, usize>,
    by_exemption: BTreeMap<&'a str, usize>,
    debt_by_reason: BTreeMap<&'a str, usize>,
    /// The rules that break the rule and are not allowed.
    offending: Vec<ListedRule>,
    /// The rules that an exemption allows.
    exempted: Vec<ListedRule>,
    /// The rules that the policy allows because they existed before.
    known_debt: Vec<ListedRule>,
}

impl<'a> OffendingRules<'a> {
    /// Collects the rules from findings. Each finding has the logical id of its resource if the decision is about
    /// several. `fixed_fields` is the number of other fields on the line.
    pub(crate) fn of<F>(findings: impl Fn(Outcome) -> F, fixed_fields: usize) -> Self
    where
        F: Iterator<Item = (Option<&'a str>, &'a Finding)>,
    {
        let reasons = |outcome| counted(findings(outcome).map(|(_, finding)| finding.reason.code()));
        let by_reason = reasons(Outcome::NonCompliant);
        let exemptions = findings(Outcome::Exempted).filter_map(|(_, finding)| finding.exemption.as_deref());
        let by_exemption = counted(exemptions.map(|exemption| exemption.id.as_str()));
        let mut fields = MAX_FIELDS.saturating_sub(fixed_fields + by_reason.len());
        let mut listed = |outcome| -> Vec<ListedRule> {
            let rules = findings(outcome).take(MAX_LISTED).map(ListedRule::of);
            rules
                .map_while(|rule| {
                    fields = fields.checked_sub(rule.fields())?;
                    Some(rule)
                })
                .collect()
        };
        let [offending, exempted, known_debt] =
            [Outcome::NonCompliant, Outcome::Exempted, Outcome::KnownDebt].map(&mut listed);
        Self { debt_by_reason: reasons(Outcome::KnownDebt), by_reason, by_exemption, offending, exempted, known_debt }
    }

    /// Returns the reasons why egress rules break the rule, each once.
    pub(crate) fn reasons(&self) -> Vec<&'a str> {
        self.by_reason.keys().copied().collect()
    }

    /// Returns the number of rules that break the rule.
    pub(crate) fn offending_count(&self) -> usize {
        self.by_reason.values().sum()
    }

    /// Returns the number of rules that an exemption allows.
    pub(crate) fn exempted_count(&self) -> usize {
        self.by_exemption.values().sum()
    }

    /// Returns the number of rules that the policy allows because they existed before.
    pub(crate) fn known_debt_count(&self) -> usize {
        self.debt_by_reason.values().sum()
    }

    /// Returns the number of rules that are counted but not listed.
    pub(crate) fn unlisted_count(&self) -> usize {
        let all = self.offending_count() + self.exempted_count() + self.known_debt_count();
        all - self.offending.len() - self.exempted.len() - self.known_debt.len()
    }

    /// Appends one line for each reason with the number of its offending rules, one for each exemption, and one for
    /// each reason of known debt.
    pub(crate) fn push_counts(&self, lines: &mut String, delivery: &Delivery<'_>, via: DecisionSource) {
        let Self { by_reason, by_exemption, debt_by_reason, .. } = self;
        for (count, numbers) in [(OFFENDING, by_reason), (EXEMPTED, by_exemption), (KNOWN_DEBT, debt_by_reason)] {
            for (value, number) in numbers {
                let [Metric { name, .. }] = count.metrics;
                let mut line = json!({
                    "event": count.event,
                    "requestId": delivery.request_id,
                    GUARD: delivery.guard,
                    count.dimension: value,
                    *name: number,
                    "_aws": Metadata::new(delivery, via, &[count.dimension], count.metrics),
                });
                if let (Some(name), Some(line)) = (via.name(), line.as_object_mut()) {
                    line.insert("event".to_owned(), format!("{name}-{}", count.event).into());
                    line.insert(VIA.to_owned(), name.into());
                }
                push(lines, &line);
            }
        }
    }
}

/// The fields at the end of every decision line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DecisionFields<'a> {
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
    /// The number of egress rules of these kinds that are not listed.
    unlisted_rule_count: usize,
}

impl<'a> DecisionFields<'a> {
    /// Returns the fields of a decision from this source, with metrics by each of the given fields.
    pub(crate) fn new(rules: OffendingRules<'_>, delivery: &Delivery<'a>, via: DecisionSource, by: &[&'a str]) -> Self {
        Self {
            request_id: delivery.request_id,
            timestamp_millis: delivery.timestamp_millis,
            evaluation_micros: delivery.evaluation_micros,
            policy_source: delivery.policy_source,
            policy_sha256: delivery.policy_sha256,
            guard: delivery.guard,
            decisions: 1,
            evaluation_time: delivery.evaluation_micros,
            metadata: Metadata::of_decision(delivery, via, by),
            unlisted_rule_count: rules.unlisted_count(),
            offending_rules: rules.offending,
            exempted_rules: rules.exempted,
            known_debt_rules: rules.known_debt,
        }
    }
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut numbers = BTreeMap::new();
    for name in names {
        *numbers.entry(name).or_default() += 1;
    }
    numbers
}

/// Appends a line with its line break.
pub(crate) fn push(lines: &mut String, line: &impl Serialize) {
    // Text and numbers always serialize. A line that did not would be left out, not half written.
    if let Ok(line) = serde_json::to_string(line) {
        lines.push_str(&line);
        lines.push('\n');
    }
}

/// An egress rule in a decision line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedRule {
    /// The resource, if the invocation is about a template or a change set.
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

/// The exemption that covers a rule. With negative days left, it has expired and allows nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedExemption {
    id: String,
    owner: String,
    reason: String,
    expires: String,
    days_left: i64,
}

impl ListedRule {
    /// Returns the number of fields that it adds to the line.
    fn fields(&self) -> usize {
        let optional = [&self.logical_id, &self.protocol, &self.ports, &self.destination];
        2 + optional.into_iter().flatten().count() + self.exemption.as_ref().map_or(0, |_| 5)
    }

    fn of((logical_id, finding): (Option<&str>, &Finding)) -> Self {
        let rule = finding.rule();
        Self {
            logical_id: logical_id.map(|id| excerpt(id, wording::LOGICAL_ID_CHARS)),
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
