//! Tests of a group's properties that the rule's own tests do not cover.

use serde_json::json;

use super::*;
use crate::rule::policy::{Context, Date, Policy, ResourceContext, UnchangedRules};
use crate::rule::{DecidedBy, Preset};

fn value(json: &serde_json::Value) -> Value {
    serde_json::from_str(&json.to_string()).unwrap()
}

#[test]
fn a_list_is_judged_up_to_its_bound_and_breaks_the_rule_beyond() {
    let rule = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"});
    for (length, judged, reasons) in [
        (MAX_ENTRIES - 1, MAX_ENTRIES - 1, vec![]),
        (MAX_ENTRIES, MAX_ENTRIES, vec![]),
        (MAX_ENTRIES + 1, MAX_ENTRIES + 1, vec![Reason::MalformedEgress]),
        (MAX_ENTRIES + 9, MAX_ENTRIES + 1, vec![Reason::MalformedEgress]),
    ] {
        let properties = value(&json!({ "SecurityGroupEgress": vec![&rule; length] }));
        let assessment = assess(ResourceType::SecurityGroup, &properties, &Preset::Literal.into(), Knowledge::Final);
        let found: Vec<_> = assessment.findings.iter().map(|finding| finding.reason).collect();
        assert_eq!((assessment.judged, found), (judged, reasons), "{length}");
        for finding in assessment.findings {
            assert_eq!(finding.subject, FindingSubject::NoRule(TOO_MANY));
        }
    }
}

#[test]
fn what_stands_where_a_rule_belongs_and_may_become_one_is_not_known() {
    let properties = value(&json!({"SecurityGroupEgress": ["{{resolve:ssm:rule}}", "tcp 443"]}));
    for (knowledge, expected) in [
        (Knowledge::Partial, [Reason::UndeterminedValue, Reason::MalformedEntry]),
        (Knowledge::Final, [Reason::UnresolvedValue, Reason::MalformedEntry]),
    ] {
        let assessment = assess(ResourceType::SecurityGroup, &properties, &Preset::Literal.into(), knowledge);
        let found: Vec<_> = assessment.findings.iter().map(|finding| finding.reason).collect();
        assert_eq!(found, expected, "{knowledge:?}");
    }
}

#[test]
fn each_entry_is_explained_whatever_it_is() {
    let policy = Policy::default();
    let today = Date::new(2027, 6, 15).unwrap();
    let case = ResourceContext { context: Context::default(), unchanged: &UnchangedRules::Nothing, today };
    let explained = |properties| {
        let explained = explain(ResourceType::SecurityGroup, &value(&properties), Knowledge::Final, &policy, &case);
        explained
            .into_iter()
            .map(|one| match one.decided {
                DecidedBy::Complies => "complies".to_owned(),
                DecidedBy::Setting(setting) => setting.name().to_owned(),
                DecidedBy::Finding(finding) => finding.reason.code().to_owned(),
            })
            .collect::<Vec<_>>()
    };
    let rules = json!([
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"},
        {"IpProtocol": "-1", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/8"},
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8"},
        "text",
    ]);
    assert_eq!(
        explained(json!({ "SecurityGroupEgress": rules })),
        ["complies", "ignored_ports", "port-range", "malformed-entry"]
    );
    assert_eq!(explained(json!({})), ["default-egress"]);
}
