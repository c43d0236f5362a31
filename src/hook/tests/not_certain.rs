//! STACK invocations: violations in the template that may not occur in the deployment.

use super::template_target::{invocation, stack, with_document};
use super::*;

const RULE: &str =
    "Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: sg-1, IpProtocol: tcp, CidrIp: 10.0.0.0/8";

/// Returns the verdict of the answer for a stack with this template: `blocked`, `left open`, or `passed`.
fn verdict(answer: &Json) -> &'static str {
    match (answer["hookStatus"].as_str().unwrap(), answer["annotations"][0]["status"].as_str()) {
        ("FAILED", Some("FAILED")) => "blocked",
        ("SUCCESS", Some("SKIPPED")) => "left open",
        ("SUCCESS", Some("PASSED")) => "passed",
        _ => panic!("{answer}"),
    }
}

#[test]
fn what_a_macro_may_change_is_left_open_and_what_aws_adds_is_not() {
    let include = "Fn::Transform: {Name: AWS::Include, Parameters: {Location: 's3://b/k'}}";
    let top =
        |transform: &str| format!("Transform: {transform}\nResources:\n  E: {{{RULE}, FromPort: 80, ToPort: 87}}}}\n");
    let among = |transform: &str| format!("Resources:\n  {transform}\n  E: {{{RULE}, FromPort: 80, ToPort: 87}}}}\n");
    let beside = |transform: &str| format!("Resources:\n  E: {{{transform}, {RULE}, FromPort: 80, ToPort: 87}}}}\n");
    let within = |transform: &str| format!("Resources:\n  E: {{{RULE}, FromPort: 80, ToPort: 87, {transform}}}}}\n");
    for (template, expected) in [
        (top("[MyMacro]"), "left open"),
        (top("{Name: MyMacro}"), "left open"),
        (top("[AWS::LanguageExtensions, {Name: MyMacro}]"), "left open"),
        (top("AWS::LanguageExtensions"), "blocked"),
        (top("AWS::Serverless-2016-10-31"), "blocked"),
        (top("{Name: AWS::Include}"), "blocked"),
        (among("Fn::Transform: {Name: MyMacro}"), "left open"),
        (among("Fn::Transform: {Name: !Ref Which}"), "left open"),
        (among("Fn::Transform: MyMacro"), "left open"),
        (among(include), "blocked"),
        (among("F: {Type: A::B::C, Properties: {Fn::Transform: {Name: MyMacro}}}"), "blocked"),
        (beside("Fn::Transform: {Name: MyMacro}"), "left open"),
        (beside(include), "blocked"),
        (within("Fn::Transform: {Name: MyMacro}"), "left open"),
        (within(include), "blocked"),
    ] {
        let answer = stack(&template);
        assert_eq!(verdict(&answer), expected, "{template}{answer}");
        let message = answer["message"].as_str().unwrap();
        if expected == "left open" && template.contains("MyMacro") {
            let says = "opens a range of 8 ports unless macro `MyMacro` changes it";
            assert!(message.contains(says) && message.contains("The RESOURCE target checks it"), "{message}");
            assert!(message.contains("macro `MyMacro` may change any"), "{message}");
        }
    }
}

#[test]
fn conditions_and_mappings_of_a_macro_decide_nothing() {
    let template = |section: &str, transform: &str, to: &str| {
        format!(
            "{section}:\n  {transform}\n  M: {{a: {{b: 90}}}}\n  C: !Equals [a, a]\nResources:\n  E: {{{RULE}, FromPort: 80, ToPort: {to}}}}}\n"
        )
    };
    let foreign = "Fn::Transform: {Name: MyMacro}";
    let include = "Fn::Transform: {Name: AWS::Include}";
    for (section, transform, to, expected) in [
        ("Conditions", foreign, "!If [C, 90, 80]", "left open"),
        ("Conditions", include, "!If [C, 90, 80]", "blocked"),
        ("Mappings", foreign, "!FindInMap [M, a, b]", "left open"),
        ("Mappings", include, "!FindInMap [M, a, b]", "blocked"),
        ("Mappings", include, "!FindInMap [M, a, c, {DefaultValue: 90}]", "left open"),
        ("Mappings", "N: {a: {b: 1}}", "!FindInMap [M, a, c, {DefaultValue: 90}]", "blocked"),
    ] {
        assert_eq!(verdict(&stack(&template(section, transform, to))), expected, "{section} {transform} {to}");
    }
}

#[test]
fn a_template_whose_resources_are_brought_in_is_left_open() {
    for transform in ["{Name: AWS::Include, Parameters: {Location: 's3://b/k'}}", "[MyMacro]"] {
        let answer = stack(&format!("AWSTemplateFormatVersion: 2010-09-09\nTransform: {transform}\n"));
        assert_eq!(verdict(&answer), "left open", "{answer}");
    }
    for transform in ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"] {
        let answer = stack(&format!("AWSTemplateFormatVersion: 2010-09-09\nTransform: {transform}\n"));
        assert_eq!(verdict(&answer), "left open", "{answer}");
    }
}

#[test]
fn what_systems_manager_holds_is_not_what_its_name_may_be() {
    let template = |kind: &str| {
        format!(
            "Parameters:\n  Env: {{Type: '{kind}', Default: /app/env, AllowedValues: [/app/env, /app/env2]}}\n\
             Conditions:\n  IsProd: !Equals [!Ref Env, prod]\n\
             Resources:\n  E: {{{RULE}, FromPort: 443, ToPort: !If [IsProd, 443, 444]}}}}\n"
        )
    };
    assert_eq!(verdict(&stack(&template("AWS::SSM::Parameter::Value<String>"))), "left open");
    assert_eq!(verdict(&stack(&template("AWS::SSM::Parameter::Name"))), "blocked");
    assert_eq!(verdict(&stack(&template("String"))), "blocked");
}

#[test]
fn properties_of_an_unknown_name_may_be_those_that_are_missing() {
    let template = |extra: &str| {
        format!(
            "Transform: AWS::LanguageExtensions\nParameters:\n  Ends: {{Type: CommaDelimitedList}}\n\
             Resources:\n  E: {{{RULE}, {extra}}}}}\n"
        )
    };
    for (extra, expected) in [
        ("Fn::ForEach::Ports: [End, !Ref Ends, {'${End}Port': 443}]", "left open"),
        ("Fn::ForEach::Ports: [End, [To, From], {'${End}Port': 443}]", "passed"),
        ("Fn::ForEach::Ports: [End, [To], {'${End}Port': 443}]", "blocked"),
        ("Fn::ForEach::Ports: [End, !Ref Ends, {Description: '${End}'}]", "blocked"),
        ("Fn::ForEach::Ports: [End, !Ref Ends]", "left open"),
        ("FromPort: 80, ToPort: 87, Fn::ForEach::Ports: [End, !Ref Ends, {'${End}': x}]", "blocked"),
    ] {
        let answer = stack(&template(extra));
        assert_eq!(verdict(&answer), expected, "{extra} {answer}");
    }
}

/// Returns a group with the first ports if `C` is true, which is the default, and the second ports otherwise.
fn by_condition(then: (u16, u16), otherwise: (u16, u16)) -> String {
    let rule =
        |(from, to): (u16, u16)| json!([{"IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8"}]);
    json!({
        "Parameters": {"P": {"Type": "String", "Default": "a"}},
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "a"]}},
        "Resources": {"Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": {
            "SecurityGroupEgress": {"Fn::If": ["C", rule(then), rule(otherwise)]}}}},
    })
    .to_string()
}

#[test]
fn known_debt_counts_whatever_the_parameters_are() {
    let config = Config::new(Policy { unchanged_rules: Treatment::Allow, ..Policy::default() });
    let literal = by_condition((20, 30), (20, 30));
    for (before, now, expected) in [
        (literal.clone(), by_condition((1, 3), (20, 30)), "left open"),
        (literal.clone(), by_condition((1, 3), (20, 31)), "blocked"),
        (by_condition((443, 443), (20, 30)), by_condition((1, 3), (20, 30)), "left open"),
        (by_condition((20, 30), (443, 443)), by_condition((1, 3), (20, 30)), "left open"),
        (literal.replacen('{', "{\"Transform\": \"MyMacro\", ", 1), literal, "left open"),
    ] {
        let document = json!({"template": now, "previousTemplate": before});
        let answer = with_document(&invocation("STACK"), Ok(&document), &config);
        assert_eq!(verdict(&answer), expected, "{before}\n{now}\n{answer}");
    }
}

/// With the default, the first entry breaks the rule. Without it, the first one does in one world and the second one in
/// the other, whatever the order of the worlds.
#[test]
fn a_violation_by_default_is_certain_if_another_entry_breaks_the_rule_in_the_other_world() {
    for (condition, from, to) in [
        ("!Not [!Equals [!Ref A, a]]", "[Made, !Ref B, 1]", "[Made, 444, 443]"),
        ("!Equals [!Ref A, a]", "[Made, 1, !Ref B]", "[Made, 443, 444]"),
    ] {
        let template = format!(
            "Parameters:\n  A: {{Type: String, Default: a}}\n  B: {{Type: Number}}\nConditions:\n  Made: {condition}\n\
             Resources:\n  Web:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupEgress:\n        \
             - {{IpProtocol: tcp, FromPort: !If {from}, ToPort: 80, CidrIp: 10.0.0.0/8}}\n        \
             - {{IpProtocol: tcp, FromPort: 443, ToPort: !If {to}, CidrIp: 10.0.0.0/8}}\n",
        );
        let answer = template_target::stack(&template);
        assert_eq!(answer["errorCode"], "NonCompliant", "{answer}");
        // One port in the other world: the violation with the default is not certain.
        let answer = template_target::stack(&template.replace("444", "443"));
        assert_eq!(answer["hookStatus"], "SUCCESS", "{answer}");
    }
}
