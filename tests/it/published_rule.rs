//! Runs the examples of the published page through the evaluator and the hook.

use cfn_egress_guard_core::rule::{Knowledge, Settings, Verdict};
use cfn_egress_guard_core::security_group::{ResourceType, assess};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::{Scope, Template};

use crate::support::read;

/// Returns the verdict on each checked resource of a template, by logical id.
fn verdicts(fixture: &str) -> Vec<(String, Verdict)> {
    let document = source::parse(&read(&format!("tests/fixtures/published-rule/{fixture}"))).unwrap();
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let mut verdicts: Vec<_> = template
        .resources()
        .filter_map(|resource| {
            let resource_type = ResourceType::from_name(&resource.type_name)?;
            let world = template.evaluate(resource).worlds.remove(0);
            let verdict = assess(resource_type, &world.properties, &Settings::default(), Knowledge::Partial).verdict();
            Some((resource.logical_id.to_string(), verdict))
        })
        .collect();
    verdicts.sort();
    verdicts
}

#[test]
fn the_compliant_examples_pass_and_the_others_fail_on_group_and_standalone_rule() {
    for (fixture, expected) in [
        ("compliant.yaml", Verdict::Compliant),
        ("compliant.json", Verdict::Compliant),
        ("non-compliant.yaml", Verdict::NonCompliant),
        ("non-compliant.json", Verdict::NonCompliant),
    ] {
        let expected = vec![("InstanceSecurityGroup".to_owned(), expected), ("OutboundRule".to_owned(), expected)];
        assert_eq!(verdicts(fixture), expected, "{fixture}: ingress is not judged");
    }
}
