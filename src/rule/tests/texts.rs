//! The texts of each finding, for review: labels beside values, remedies, and the effect of a policy.

use std::collections::BTreeSet;

use super::*;
use crate::rule::policy::{
    Conditions, Context, ContextCondition, Date, Exemption, Glob, NearlyExempted, Policy, ResourceContext,
};
use crate::rule::policy::{Owner, UnchangedRules};
use crate::rule::wording::{cdk_remedy, direct, label, policy as policy_wording};
use crate::security_group::{EgressEntry, entries, explain};

/// Returns the findings of every row of the documentation's tables.
fn every_finding() -> Vec<Finding> {
    let mut all = Vec::new();
    let mut egress = Vec::new();
    for row in rows(8) {
        let mut rule = json!({});
        for (key, cell) in ["IpProtocol", "FromPort", "ToPort", "CidrIp"].iter().zip(&row) {
            if let Some(cell) = cell {
                rule[*key] = serde_json::from_str(cell).unwrap();
            }
        }
        egress.push(inline(&rule));
    }
    let odd = rows(4).into_iter().filter_map(|row| row.first().cloned().flatten());
    egress.extend(odd.map(|cell| json!({"SecurityGroupEgress": serde_json::from_str::<Json>(&cell).unwrap()})));
    egress.extend([json!("text"), json!({"SecurityGroupEgress": ["{{resolve:ssm:a}}"]})]);
    let unknown = "{{resolve:ssm:a}}";
    for (protocol, port, to) in [(unknown, json!(443), "10.0.0.0/8"), ("tcp", json!(unknown), "10.0.0.0/8")] {
        egress.push(inline(&json!({"IpProtocol": protocol, "FromPort": 443, "ToPort": port, "CidrIp": to})));
    }
    for properties in egress {
        for preset in Preset::ALL {
            for knowledge in [Knowledge::Final, Knowledge::Partial] {
                all.extend(
                    assess(ResourceType::SecurityGroup, &value(&properties), &preset.into(), knowledge).findings,
                );
            }
        }
    }
    all
}

#[test]
fn labels_of_every_finding() {
    let labels: BTreeSet<String> = every_finding()
        .iter()
        .map(|finding| {
            let (from, to) = (label::from_port(finding), label::to_port(finding));
            let code = finding.reason.code();
            format!("{code} | {from} | {to} | {} | {}", label::protocol(finding), label::entry(finding))
        })
        .collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let others = format!("{}\n{}", label::destination(), label::resource());
    insta::assert_snapshot!(format!("{}\n{others}", labels.join("\n")));
}

#[test]
fn remedies_in_the_cdk() {
    let remedies: BTreeSet<String> = every_finding()
        .iter()
        .map(|finding| format!("{}: {}", finding.reason.code(), cdk_remedy(finding).unwrap_or_else(|| "—".to_owned())))
        .collect();
    insta::assert_snapshot!(remedies.into_iter().collect::<Vec<_>>().join("\n"));
}

fn conditions() -> Conditions {
    Conditions { accounts: vec!["111122223333".parse::<Glob>().unwrap()], ..Conditions::default() }
}

fn exemption(reason: &str, owner: &str) -> Exemption {
    let (id, reason, owner) = ("lb".parse().unwrap(), reason.parse().unwrap(), owner.parse().unwrap());
    Exemption::new(id, reason, owner, "2027-06-30".parse().unwrap(), conditions()).unwrap()
}

/// The texts of `policy explain` and of messages for rules that a policy allows or nearly allows.
#[test]
fn what_a_policy_makes_of_egress_rules() {
    let policy =
        Policy { exemptions: vec![exemption("ephemeral ports.", "platform@example.com")], ..Policy::default() };
    let rules = json!({"SecurityGroupEgress": [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"},
        {"IpProtocol": "tcp", "FromPort": -1, "ToPort": -1, "CidrIp": "10.0.0.0/8"},
        {"IpProtocol": "-1", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/8"},
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8"},
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": "{{resolve:ssm:a}}", "CidrIp": "10.0.0.0/8"},
        "text",
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": 8, "CidrIp": "10.0.0.0/8"},
        {"IpProtocol": "icmpv6", "FromPort": -1, "ToPort": -1, "CidrIpv6": "::/0"},
    ]});
    let mut lines = Vec::new();
    for (account, today) in [
        (Some("111122223333"), "2027-05-01"),
        (Some("111122223333"), "2027-06-29"),
        (Some("111122223333"), "2027-06-30"),
        (Some("111122223333"), "2027-07-01"),
        (Some("111122223333"), "2027-07-09"),
        (Some("444455556666"), "2027-05-01"),
    ] {
        let today: Date = today.parse().unwrap();
        let context = Context { account, ..Context::default() };
        let case = ResourceContext { context, unchanged: &UnchangedRules::Nothing, today };
        lines.push(format!("== {account:?} {today}"));
        for (knowledge, properties) in [(Knowledge::Partial, rules.clone()), (Knowledge::Final, json!({}))] {
            for one in explain(ResourceType::SecurityGroup, &value(&properties), knowledge, &policy, &case) {
                lines.push(policy_wording::explained(&one, &policy));
                let DecidedBy::Finding(finding) = &one.decided else { continue };
                if let Some(applied) = finding.exemption.as_deref().filter(|_| finding.outcome == Outcome::Exempted) {
                    lines.push(policy_wording::justification(applied));
                    lines.push(policy_wording::exempted(finding));
                    lines.push(policy_wording::line(finding));
                }
            }
        }
    }
    let asked = policy.exemptions[0].conditions().accounts.clone();
    let nearly = NearlyExempted {
        exemption: &policy.exemptions[0],
        asked: vec![
            (ContextCondition::Account, &asked),
            (ContextCondition::Region, &asked),
            (ContextCondition::StackName, &asked),
        ],
    };
    lines.push(policy_wording::nearly_exempted(&nearly));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_reason_that_is_too_long_is_cut_within_the_length_of_an_annotation() {
    let policy = Policy { exemptions: vec![exemption(&"x".repeat(160), &"y".repeat(80))], ..Policy::default() };
    let context = Context { account: Some("111122223333"), ..Context::default() };
    let rule = json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8", "DestinationSecurityGroupId":
        format!("sg-{}", "a".repeat(40))});
    let assessment =
        assess(ResourceType::SecurityGroup, &value(&inline(&rule)), &Preset::Literal.into(), Knowledge::Final);
    let [finding] = assessment.findings.as_slice() else { panic!("{assessment:?}") };
    for (today, cut) in
        [("2027-05-01", policy_wording::allowed as fn(&Finding) -> String), ("2027-06-30", policy_wording::line)]
    {
        let case = ResourceContext { context, unchanged: &UnchangedRules::Nothing, today: today.parse().unwrap() };
        let applied = policy.apply(Assessment { judged: 1, findings: vec![finding.clone()] }, &case);
        let text = cut(&applied.findings[0]);
        let part = text.find("It is exempt").and_then(|at| text.get(at..)).unwrap_or(&text);
        assert_eq!(part.chars().count(), wording::ANNOTATION_CHARS, "{text}");
    }
}

#[test]
fn a_contact_is_named_once() {
    let mut finding = example_of_each_reason().into_iter().find(|finding| finding.reason == Reason::PortRange).unwrap();
    assert_eq!(wording::remediation(&finding), wording::remedy(&finding));
    let contact: Owner = "network@example.com".parse().unwrap();
    finding.contact = Some(contact.clone());
    let said = wording::remediation(&finding);
    assert!(said.ends_with(&wording::ask(&contact)), "{said}");
    assert_eq!(said.matches("network@example.com").count(), 1);
    // The remedy for a wide range names it already.
    let wide = json!({"IpProtocol": "tcp", "FromPort": 1_024, "ToPort": 65_535, "CidrIp": "10.0.0.0/8"});
    let assessment =
        assess(ResourceType::SecurityGroup, &value(&inline(&wide)), &Preset::Literal.into(), Knowledge::Final);
    let finding = Finding { contact: Some(contact), ..assessment.findings[0].clone() };
    let said = wording::remediation(&finding);
    assert_eq!(said.matches("network@example.com").count(), 1, "{said}");
}

#[test]
fn a_range_of_up_to_1024_ports_may_be_meant_port_by_port() {
    let is_wide = |from: u16, to: u16| {
        let rule = json!({"IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8"});
        let assessment =
            assess(ResourceType::SecurityGroup, &value(&inline(&rule)), &Preset::Literal.into(), Knowledge::Final);
        wording::remedy(&assessment.findings[0]).contains("Open only the ports that are used")
    };
    for (from, to, expected) in [(1, 1_024, false), (1, 1_025, true), (0, 443, false), (0, 444, true), (2, 600, false)]
    {
        assert_eq!(is_wide(from, to), expected, "{from}-{to}");
    }
}

#[test]
fn what_complies_and_what_is_written_is_explained() {
    let rule = |json: Json| {
        let entries = entries(ResourceType::SecurityGroupEgress, &value(&json), Knowledge::Partial);
        let Some(EgressEntry::Rule(rule)) = entries.into_iter().next() else { panic!("{json}") };
        rule
    };
    let complies = |json: Json| {
        let explained =
            ExplainedRule { path: PropertyPath::default(), rule: Some(rule(json)), decided: DecidedBy::Complies };
        policy_wording::explained(&explained, &Policy::default())
    };
    let to = "10.0.0.0/8";
    assert_eq!(
        complies(json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": to})),
        "Properties: passes: tcp 443 to 10.0.0.0/8 opens one explicit port."
    );
    assert_eq!(
        complies(json!({"IpProtocol": "icmp", "FromPort": 8, "ToPort": 8, "CidrIp": to})),
        "Properties: passes: the type and the code of icmp to 10.0.0.0/8 are both 8."
    );
    let port = "{{resolve:ssm:port}}";
    assert_eq!(
        complies(json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": to})),
        "Properties: passes: FromPort and ToPort of tcp to 10.0.0.0/8 are both {{resolve:ssm:port}}."
    );
    for (json, expected) in [
        (json!({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "CidrIp": to}), "tcp 1-2 to 10.0.0.0/8"),
        (json!({"IpProtocol": -1, "CidrIp": to}), "IpProtocol -1 to 10.0.0.0/8"),
        (
            json!({"IpProtocol": -1, "FromPort": 1, "ToPort": 1, "CidrIp": to}),
            "IpProtocol -1 with FromPort 1 and ToPort 1 to 10.0.0.0/8",
        ),
    ] {
        assert_eq!(policy_wording::written(&rule(json)), expected);
    }
    let finding = example_of_each_reason().into_iter().find(|finding| finding.reason == Reason::PortRange).unwrap();
    let finding = Finding { when: Some("if `IsProd` is true".to_owned()), ..finding };
    let explained =
        ExplainedRule { path: PropertyPath::default(), rule: None, decided: DecidedBy::Finding(Box::new(finding)) };
    let line = policy_wording::explained(&explained, &Policy::default());
    assert!(line.contains("(if `IsProd` is true)"), "{line}");
}

#[test]
fn what_is_said_of_events_that_are_no_calls() {
    let of = |outcomes: &[Outcome], judged| {
        let example = example_of_each_reason().into_iter().find(|finding| finding.reason == Reason::PortRange).unwrap();
        let findings = outcomes.iter().map(|outcome| Finding { outcome: *outcome, ..example.clone() }).collect();
        let assessment = Assessment { judged, findings };
        direct::headline("AuthorizeSecurityGroupEgress", "sg-1", true, &assessment)
    };
    let lines = [
        direct::no_egress_rules("ModifySecurityGroupRules"),
        direct::other_event(),
        direct::unreadable_event("line 1 column 2"),
        direct::defect(),
        of(&[], 1),
        of(&[], 3),
        of(&[Outcome::Exempted], 2),
        of(&[Outcome::NonCompliant], 1),
        of(&[Outcome::NonCompliant], 3),
        of(&[Outcome::NonCompliant, Outcome::NonCompliant], 3),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_text_for_an_annotation_keeps_to_its_length() {
    for length in [1, 399, 400, 401, 2_000] {
        let text = wording::for_annotation(&"x".repeat(length));
        assert_eq!(text.chars().count(), length.min(wording::ANNOTATION_CHARS), "{length}");
    }
}
