//! The explanation of the decision on each egress rule of a resource.

use super::{EgressEntry, ResourceType, default_egress, entries, finding};
use crate::rule::policy::{Policy, ResourceContext};
use crate::rule::{Assessment, DecidedBy, ExplainedRule, Judgement, Knowledge, judge};
use crate::value::Value;

/// Returns what decided about each egress rule, in the order written, or about a group without any.
#[must_use]
pub fn explain(
    resource_type: ResourceType,
    properties: &Value,
    knowledge: Knowledge,
    policy: &Policy,
    case: &ResourceContext<'_>,
) -> Vec<ExplainedRule> {
    let settings = policy.settings();
    let applied = |finding| {
        let assessment = policy.apply(Assessment { judged: 1, findings: vec![finding] }, case);
        assessment.findings.into_iter().next().map(|finding| ExplainedRule {
            path: finding.path.clone(),
            rule: None,
            decided: DecidedBy::Finding(Box::new(finding)),
        })
    };
    let entries = entries(resource_type, properties, knowledge);
    if entries.is_empty() {
        return applied(default_egress(properties.origin, &settings)).into_iter().collect();
    }
    let explained = |entry| match entry {
        EgressEntry::NoRule(finding) => applied(finding),
        EgressEntry::Rule(rule) => {
            let decided = match judge(&rule, &settings, knowledge) {
                Judgement::Compliant(None) => DecidedBy::Complies,
                Judgement::Compliant(Some(setting)) => DecidedBy::Setting(setting),
                Judgement::NonCompliant(_) | Judgement::Undetermined => {
                    return finding(rule, &settings, knowledge).and_then(applied);
                }
            };
            Some(ExplainedRule { path: rule.path.clone(), rule: Some(rule), decided })
        }
    };
    entries.into_iter().filter_map(explained).collect()
}
