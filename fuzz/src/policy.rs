//! Any policy file is read or refused with an explanation. Applying any policy to any resource makes no verdict worse
//! and allows nothing that no exemption covers; a resource that fails with the exemptions fails without them too. The
//! input is a policy, a NUL, properties as JSON, a NUL, and previous properties.

use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::policy::{Context, Date, Glob, Policy, ResourceContext, UnchangedRules};
use cfn_egress_guard_core::rule::{Knowledge, Outcome, Treatment, wording};
use cfn_egress_guard_core::security_group::{ResourceType, assess, explain, tags, unchanged};
use cfn_egress_guard_core::value::Value;

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut parts = text.splitn(3, '\0');
    let file = parts.next().unwrap_or_default();
    let policy = match policy::parse(file) {
        Ok(policy) => policy,
        Err(error) => {
            for problem in error.problems() {
                assert!(!problem.to_string().contains(['\n', '\r']));
                assert!(problem.span.line as usize <= file.matches('\n').count() + 1);
            }
            return;
        }
    };
    let today = Date::new(2027, 6, 15).expect("a day of the calendar");
    for line in wording::policy::meaning(&policy, today) {
        assert!(!line.contains(['\n', '\r']));
    }
    for remark in wording::policy::remarks(&policy.review(today, 30)) {
        assert!(!remark.message.contains(['\n', '\r']));
    }
    let Some(properties) = parts.next().and_then(|json| serde_json::from_str::<Value>(json).ok()) else { return };
    let previous = parts.next().and_then(|json| serde_json::from_str::<Value>(json).ok());
    for kind in ResourceType::ALL {
        decide(&policy, kind, &properties, previous.as_ref(), today);
    }
}

fn decide(policy: &Policy, kind: ResourceType, properties: &Value, previous: Option<&Value>, today: Date) {
    let settings = policy.settings();
    let before = assess(kind, properties, &settings, Knowledge::Final);
    let tags = tags(kind, properties);
    let unchanged = unchanged(kind, properties, previous);
    assert!(previous.is_some() || unchanged == UnchangedRules::Nothing);
    // A place that matches the first exemption, so that conditions match more often than by chance.
    let first = policy.exemptions.first().map(|exemption| exemption.conditions());
    let text = |globs: Option<&Vec<Glob>>| globs.and_then(|globs| globs.first()).map(|glob| glob.as_str().to_owned());
    let account = text(first.map(|it| &it.accounts));
    let stack_name = text(first.map(|it| &it.stack_names));
    let context = Context {
        account: account.as_deref(),
        region: Some("eu-central-1"),
        stack_name: stack_name.as_deref(),
        stack_id: None,
        logical_id: Some("Group"),
        resource_type: Some(kind.name()),
        tags: tags.as_deref(),
    };
    let case = ResourceContext { context, unchanged: &unchanged, today };
    let after = policy.apply(before.clone(), &case);
    assert!(after.verdict() <= before.verdict());
    assert_eq!(before.findings.len(), after.findings.len());
    for (before, after) in before.findings.iter().zip(&after.findings) {
        match after.outcome {
            Outcome::Exempted => {
                let exemption = after.exemption.as_deref().expect("it says which exemption");
                assert!(exemption.is_active() && policy.exemptions.iter().any(|it| *it.id() == exemption.id));
                if let Some(rule) = after.rule() {
                    let covers = |it: &&_| matches_all(it, &context, rule);
                    assert!(policy.exemptions.iter().find(covers).is_some());
                }
            }
            Outcome::KnownDebt => {
                assert!(policy.unchanged_rules == Treatment::Allow && unchanged != UnchangedRules::Nothing)
            }
            outcome => assert_eq!(outcome, before.outcome),
        }
        for line in [wording::line(after), wording::policy::line(after)] {
            assert!(!line.contains(['\n', '\r']));
        }
    }
    let bare = Policy { exemptions: Vec::new(), ..policy.clone() };
    assert!(after.verdict() <= bare.apply(before, &case).verdict());
    let explained = explain(kind, properties, Knowledge::Final, policy, &case);
    assert!(explained.len() >= after.findings.len());
}

fn matches_all(
    exemption: &cfn_egress_guard_core::rule::policy::Exemption,
    context: &Context<'_>,
    rule: &cfn_egress_guard_core::rule::EgressRule,
) -> bool {
    exemption.conditions().match_rule(context, rule)
}
