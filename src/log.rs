//! What the structured log lines of all decisions share: egress rules within the fields that CloudWatch Logs finds,
//! and metrics in Embedded Metric Format. A line says what was decided and on which egress rules, never what else the
//! template or the event contains.
//!
//! Source: CloudWatch User Guide, "Specification: Embedded metric format".

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::rule::{Finding, Outcome, excerpt, wording};

/// The CloudWatch namespace of the metrics.
pub const NAMESPACE: &str = "CfnEgressGuard";

/// How many egress rules of one kind a log line lists; the count says how many there are.
pub(crate) const MAX_LISTED: usize = 20;

/// How many fields a decision line has at most, those inside lists and objects counted one by one: CloudWatch Logs
/// Insights finds 200 in an event (source: CloudWatch Logs User Guide, "Supported logs and discovered fields").
pub(crate) const MAX_FIELDS: usize = 150;

/// The variable of the function that sets the guard's name in its metrics: the name of its stack. The function's own
/// name replaces it.
pub const ENV_GUARD: &str = "GUARD_NAME";

/// The dimension of every metric that names the guard.
pub const GUARD: &str = "Guard";

/// The dimension of the metrics of decisions that no hook asked for, and the field of their lines.
const VIA: &str = "via";

/// What the edge knows of an invocation: the core has no clock and no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Lambda's request id.
    pub request_id: &'a str,
    /// The guard's name, a dimension of every metric: the name of its stack.
    pub guard: &'a str,
    /// Where the policy is from: the name of its file, or `none`.
    pub policy_source: &'a str,
    /// The SHA-256 of the policy's file, in hexadecimal.
    pub policy_sha256: Option<&'a str>,
    /// Milliseconds since the Unix epoch.
    pub timestamp_millis: u64,
    /// How long reading and deciding took, in microseconds.
    pub evaluation_micros: u64,
}

/// Which way a decision came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionSource {
    /// A hook asked. The metrics of these decisions are the ones without the dimension `via`.
    Hook,
    /// EventBridge reported a call of EC2's API that no hook was asked about.
    DirectCall,
}

impl DecisionSource {
    /// The value of the dimension `via`, and the beginning of the name of every line, where there is one.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Hook => None,
            Self::DirectCall => Some("direct-call"),
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
    /// The metrics of a decision's own line: `Decisions` and `EvaluationTime`, by each of these fields.
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

/// How many rules there are of one kind: a metric with one dimension beside the guard.
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
    /// Those that break the rule.
    offending: Vec<ListedRule>,
    /// Those that an exemption allows.
    exempted: Vec<ListedRule>,
    /// Those that the policy allows as they were before.
    known_debt: Vec<ListedRule>,
}

impl<'a> OffendingRules<'a> {
    /// Of findings, each with the logical id of its resource where the decision is about several, on a line that has so
    /// many fields besides.
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

    /// The reasons for which egress rules break the rule, each once.
    pub(crate) fn reasons(&self) -> Vec<&'a str> {
        self.by_reason.keys().copied().collect()
    }

    /// How many break the rule.
    pub(crate) fn offending_count(&self) -> usize {
        self.by_reason.values().sum()
    }

    /// How many an exemption allows.
    pub(crate) fn exempted_count(&self) -> usize {
        self.by_exemption.values().sum()
    }

    /// How many the policy allows as they were before.
    pub(crate) fn known_debt_count(&self) -> usize {
        self.debt_by_reason.values().sum()
    }

    /// How many are counted and not listed.
    pub(crate) fn unlisted_count(&self) -> usize {
        let all = self.offending_count() + self.exempted_count() + self.known_debt_count();
        all - self.offending.len() - self.exempted.len() - self.known_debt.len()
    }

    /// Appends a line for each reason with the number of its offending rules, one for each exemption and one for each
    /// reason of known debt.
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

/// What the line of every decision ends with.
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
    /// Egress rules of these kinds that are not listed.
    unlisted_rule_count: usize,
}

impl<'a> DecisionFields<'a> {
    /// Of a decision that came in this way, with metrics by each of these fields.
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

/// Appends a line, with its line break.
pub(crate) fn push(lines: &mut String, line: &impl Serialize) {
    // Text and numbers always serialize; a line that did not would be left out rather than half written.
    if let Ok(line) = serde_json::to_string(line) {
        lines.push_str(&line);
        lines.push('\n');
    }
}

/// An egress rule on a decision line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedRule {
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

/// The exemption that covers a rule; one with days left below zero has expired and allows nothing.
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
    /// How many fields of the line it takes.
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
