//! STACK and CHANGE_SET invocations, with their documents.

use super::*;

pub(super) fn invocation(target: &str) -> Json {
    let mut event = range();
    event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
    event["requestData"] = json!({
        "targetName": target, "targetType": target, "targetLogicalId": "MyStack",
        "payload": "https://bucket.s3.us-west-2.amazonaws.com/key?X-Amz-Signature=SECRET",
    });
    event
}

pub(super) fn with_document(event: &Json, document: Result<&Json, &str>, config: &Config) -> Json {
    let HookPlan::Fetch(fetch) = plan(event.to_string().as_bytes(), config, today()) else {
        panic!("not to be fetched")
    };
    let document = document.map(|document| document.to_string().into_bytes());
    let decision = fetch.decide(document.as_deref().map_err(|problem| *problem), config, today());
    let lines = log::lines(
        &decision,
        &decision.response(),
        &log::Delivery {
            request_id: "r",
            guard: "guard",
            policy_source: "none",
            policy_sha256: None,
            timestamp_millis: 1,
            evaluation_micros: 1,
        },
    );
    assert!(!lines.contains("SECRET"), "the URL's signature is never logged");
    let logged: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    for rule in logged["offendingRules"].as_array().unwrap() {
        assert!(rule["logicalId"].is_string(), "of which resource: {rule}");
    }
    let answer = serde_json::to_value(decision.response()).unwrap();
    assert!(RESPONSE_SCHEMA.is_valid(&answer), "{answer}");
    assert!(!answer.to_string().contains("SECRET"));
    answer
}

pub(super) fn stack(template: &str) -> Json {
    let document = json!({ "template": template, "previousTemplate": "" });
    with_document(&invocation("STACK"), Ok(&document), &Config::new(Settings::default()))
}

const TEMPLATE: &str = "
Parameters:
  Port: {Type: Number}
  Wide: {Type: String}
Conditions:
  IsWide: !Equals [!Ref Wide, 'yes']
Resources:
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: x
      SecurityGroupEgress:
        - {IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 10.0.0.0/8}
        - {IpProtocol: tcp, FromPort: !Ref Port, ToPort: 443, CidrIp: 10.0.0.0/8}
        - {IpProtocol: tcp, FromPort: 80, ToPort: !If [IsWide, 90, 80], CidrIp: 10.0.0.0/8}
";

#[test]
fn what_is_certain_in_a_template_blocks_the_stack() {
    let answer = stack(&format!("{TEMPLATE}        - {{IpProtocol: '-1', CidrIp: 0.0.0.0/0}}\n"));
    insta::assert_json_snapshot!(answer);
}

#[test]
fn what_is_not_certain_is_named_and_does_not_block() {
    let answer = stack(TEMPLATE);
    insta::assert_json_snapshot!(answer);
}

#[test]
fn annotations_left_out_are_counted_with_the_remarks_among_them() {
    let violations = |number: usize| {
        let rules = "{IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8}, ".repeat(number);
        let answer = stack(&format!(
            "Transform: Mine\nResources: {{Web: {{Type: AWS::EC2::SecurityGroup, Properties: {{SecurityGroupEgress: [{rules}]}}}}}}"
        ));
        let annotations = answer["annotations"].as_array().unwrap().clone();
        (annotations.len(), annotations.last().unwrap()["statusMessage"].as_str().unwrap().to_owned())
    };
    let (number, last) = violations(MAX_ANNOTATIONS - 1);
    assert_eq!(number, MAX_ANNOTATIONS);
    assert!(last.contains("macro"), "{last}");
    assert_eq!(violations(MAX_ANNOTATIONS), (MAX_ANNOTATIONS, "… and 2 more.".to_owned()));
    assert_eq!(violations(MAX_ANNOTATIONS + 20), (MAX_ANNOTATIONS, "… and 22 more.".to_owned()));
}

#[test]
fn a_template_without_egress_rules_passes() {
    let answer = stack("Resources: {Bucket: {Type: AWS::S3::Bucket}}");
    assert_eq!(answer["hookStatus"], "SUCCESS");
    assert_eq!(answer["annotations"][0]["status"], "PASSED");
}

#[test]
fn a_template_that_cannot_be_read_is_left_to_the_resource_target() {
    for (template, says) in [("Resources: [", "line 1"), ("a: 1", "Resources"), ("", "template"), ("- x", "template")] {
        let answer = stack(template);
        assert_eq!(
            (&answer["hookStatus"], &answer["annotations"][0]["status"]),
            (&json!("SUCCESS"), &json!("SKIPPED"))
        );
        let message = answer["message"].as_str().unwrap();
        assert!(message.starts_with("The template was not checked"), "{message}");
        assert!(message.contains(says) && message.contains("RESOURCE target checks"), "{message}");
    }
    for document in [json!([]), json!({}), json!("x"), json!(null), json!({"template": {"Resources": 1}})] {
        for target in ["STACK", "CHANGE_SET"] {
            let answer = with_document(&invocation(target), Ok(&document), &Config::new(Settings::default()));
            assert_eq!(answer["hookStatus"], "SUCCESS", "{target} {document}");
            assert_eq!(answer["annotations"][0]["status"], "SKIPPED", "{target} {document}");
        }
    }
}

pub(super) fn change(action: &str, before: Option<Json>, after: Option<Json>) -> Json {
    let context = |properties: Option<Json>| properties.map(|properties| json!({"Properties": properties}).to_string());
    json!({
        "template": "…",
        "changedResources": [
            {"logicalResourceId": "Bucket", "resourceType": "AWS::S3::Bucket", "action": "CREATE", "lineNumber": 3,
             "beforeContext": null, "afterContext": "{}"},
            {"logicalResourceId": "Web", "resourceType": "AWS::EC2::SecurityGroup", "action": action,
             "lineNumber": 14, "beforeContext": context(before), "afterContext": context(after)},
        ],
    })
}

pub(super) fn egress(from: &str, to: &str) -> Json {
    json!({"SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8"}]})
}

fn change_set(document: &Json) -> Json {
    with_document(&invocation("CHANGE_SET"), Ok(document), &Config::new(Settings::default()))
}

#[test]
fn a_change_set_is_blocked_before_anyone_executes_it() {
    let answer = change_set(&change("CREATE", None, Some(egress("80", "87"))));
    assert_eq!(answer["errorCode"], "NonCompliant");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("Web (template line 14), SecurityGroupEgress[0]: tcp 80-87"), "{message}");
    assert_eq!(change_set(&change("UPDATE", None, Some(egress("443", "443"))))["hookStatus"], "SUCCESS");
    for action in ["DELETE", "IMPORT"] {
        assert_eq!(change_set(&change(action, Some(egress("80", "87")), None))["hookStatus"], "SUCCESS", "{action}");
    }
    let unknown = change_set(&change("CREATE", None, Some(egress("443", "{{changeSet:KNOWN_AFTER_APPLY}}"))));
    assert_eq!(unknown["hookStatus"], "SUCCESS");
    assert_eq!(unknown["annotations"][0]["status"], "SKIPPED");
    let without = change_set(&change("CREATE", None, None));
    assert_eq!(without["annotations"][0]["status"], "SKIPPED");
    assert!(without["message"].as_str().unwrap().contains("Web"), "{without}");
}

#[test]
fn what_stood_there_before_is_known_debt_if_the_policy_says_so() {
    let policy = Policy { unchanged_rules: Treatment::Allow, ..Policy::default() };
    let config = Config::new(policy);
    let document = change("UPDATE", Some(egress("80", "87")), Some(egress("80", "87")));
    let answer = with_document(&invocation("CHANGE_SET"), Ok(&document), &config);
    assert_eq!(answer["hookStatus"], "SUCCESS");
    let wider = change("UPDATE", Some(egress("80", "87")), Some(egress("80", "88")));
    assert_eq!(with_document(&invocation("CHANGE_SET"), Ok(&wider), &config)["errorCode"], "NonCompliant");

    let template = |to: u16| {
        json!({"Resources": {"Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": {
            "SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": to, "CidrIp": "10.0.0.0/8"}]}}}})
        .to_string()
    };
    for (before, now, status) in [(87, 87, "SUCCESS"), (87, 88, "FAILED")] {
        let document = json!({"template": template(now), "previousTemplate": template(before)});
        let answer = with_document(&invocation("STACK"), Ok(&document), &config);
        assert_eq!(answer["hookStatus"], status, "{answer}");
    }
}

#[test]
fn a_document_that_does_not_come_fails_closed() {
    let answer =
        with_document(&invocation("STACK"), Err("the answer was 403 Forbidden"), &Config::new(Settings::default()));
    assert_eq!(answer["errorCode"], "InternalFailure");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("403") && message.contains("bucket.s3.us-west-2.amazonaws.com"), "{message}");
}

#[test]
fn a_url_that_leads_elsewhere_is_refused_without_showing_it() {
    for url in ["http://s3.amazonaws.com/SECRET", "https://evil.example/SECRET", "", "SECRET"] {
        let mut event = invocation("STACK");
        event["requestData"]["payload"] = json!(url);
        let answer = answer(&event);
        assert_eq!(answer["errorCode"], "InternalFailure", "{url}");
        assert!(!answer.to_string().contains("SECRET"), "{answer}");
    }
}

#[test]
fn a_stack_that_goes_away_is_let_through_without_a_download() {
    let mut event = invocation("STACK");
    event["actionInvocationPoint"] = json!("DELETE_PRE_PROVISION");
    assert_eq!(answer(&event)["annotations"][0]["status"], "SKIPPED");
}

/// Returns port ranges that depend on a condition: one in both branches, and one in only one branch.
fn branches(from: u16, to_if_not: u16) -> String {
    let group = json!({"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupEgress": [
        {"IpProtocol": "tcp", "FromPort": from, "ToPort": {"Fn::If": ["Wide", 90, to_if_not]}, "CidrIp": "10.0.0.0/8"}]}});
    json!({
        "Parameters": {"Size": {"Type": "String"}},
        "Conditions": {"Wide": {"Fn::Equals": [{"Ref": "Size"}, "wide"]}},
        "Resources": {"Web": group},
    })
    .to_string()
}

#[test]
fn what_breaks_the_rule_in_every_branch_is_certain_and_each_branch_is_named() {
    let answer = stack(&branches(80, 85));
    assert_eq!(answer["errorCode"], "NonCompliant");
    let message = answer["message"].as_str().unwrap();
    for branch in ["opens a range of 11 ports if `Wide` is true.", "opens a range of 6 ports if `Wide` is false."] {
        assert!(message.contains(branch), "{message}");
    }
    assert!(message.contains("1 of 1 egress rule does not open"), "{message}");

    let answer = stack(&branches(80, 80));
    assert_eq!(answer["hookStatus"], "SUCCESS");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("11 ports if `Wide` is true, which the template does not determine."), "{message}");
}

#[test]
fn known_debt_in_one_branch_leaves_the_other_open() {
    let policy = Policy { unchanged_rules: Treatment::Allow, ..Policy::default() };
    for (before, now, status) in [
        ((80, 85), (80, 85), "SUCCESS"),
        ((80, 85), (80, 84), "SUCCESS"), // the same as before if `Wide` is true
        ((80, 80), (80, 85), "SUCCESS"), // the same
        ((80, 85), (81, 85), "FAILED"),
    ] {
        let document = json!({"template": branches(now.0, now.1), "previousTemplate": branches(before.0, before.1)});
        let answer = with_document(&invocation("STACK"), Ok(&document), &Config::new(policy.clone()));
        assert_eq!(answer["hookStatus"], status, "{before:?} {now:?}: {answer}");
    }
}

#[test]
fn what_breaks_the_rule_only_by_a_default_is_not_certain() {
    let with_ports = |from: &Json, to: &Json| {
        stack(
            &json!({
                "Parameters": {
                    "To": {"Type": "Number", "Default": 8443},
                    "Only": {"Type": "Number", "Default": 90, "AllowedValues": [90]},
                },
                "Conditions": {"Default": {"Fn::Equals": [{"Ref": "To"}, "8443"]}},
                "Resources": {"Web": {"Type": "AWS::EC2::SecurityGroupEgress", "Properties": {
                    "IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8"}}},
            })
            .to_string(),
        )
    };
    let to = json!({"Ref": "To"});
    for (from, to, says) in [
        (json!(443), to.clone(), "opens a range of 8001 ports while !Ref To keeps its default, which"),
        (json!(443), json!({"Fn::If": ["Default", 444, 443]}), "opens a range of 2 ports if `Default` is true, which"),
    ] {
        let answer = with_ports(&from, &to);
        assert_eq!(answer["hookStatus"], "SUCCESS", "{answer}");
        assert_eq!(answer["annotations"][0]["status"], "SKIPPED");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(says) && message.contains("RESOURCE target checks it"), "{message}");
    }
    for (from, to) in [(json!(443), json!({"Ref": "Only"})), (to.clone(), json!("http")), (json!(1), json!(2))] {
        assert_eq!(with_ports(&from, &to)["errorCode"], "NonCompliant", "{from} {to}");
    }
    assert_eq!(with_ports(&to, &to)["annotations"][0]["status"], "PASSED", "one port, whatever it is");
    let kept = with_ports(&json!(8443), &to);
    assert_eq!((&kept["hookStatus"], &kept["annotations"][0]["status"]), (&json!("SUCCESS"), &json!("SKIPPED")));
    assert!(kept["message"].as_str().unwrap().contains("compliant only while `To` keeps its default"), "{kept}");
}

/// Returns nine undecided conditions, each of which adds an entry.
fn many_conditions(entries: &[Json]) -> Json {
    let names: Vec<String> = (0..9).map(|number| format!("C{number}")).collect();
    let each = |make: &dyn Fn(&str) -> Json| -> Json {
        Json::Object(names.iter().map(|name| (name.clone(), make(name))).collect())
    };
    let open = names.iter().map(|name| json!({"Fn::If": [name, {"Ref": "AWS::NoValue"}, {"Ref": "AWS::NoValue"}]}));
    let egress: Vec<Json> = entries.iter().cloned().chain(open).collect();
    json!({
        "Parameters": each(&|_| json!({"Type": "String"})),
        "Conditions": each(&|name| json!({"Fn::Equals": [{"Ref": name}, "a"]})),
        "Resources": {"Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupEgress": egress}}},
    })
}

#[test]
fn what_is_written_out_is_certain_whatever_stands_beside_it() {
    let all = json!({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "CidrIp": "0.0.0.0/0"});
    let one = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"});
    let by_conditions = stack(&many_conditions(std::slice::from_ref(&all)).to_string());
    assert_eq!(by_conditions["errorCode"], "NonCompliant", "{by_conditions}");
    // A description that takes more work than a template's budget.
    let mut tower = json!("x");
    for _ in 0..24 {
        tower = json!({"Fn::ToJsonString": {"a": tower}});
    }
    let mut costly = one.clone();
    costly["Description"] = tower;
    let group = |egress: &[&Json]| {
        json!({"Resources": {"Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupEgress": egress}}}})
            .to_string()
    };
    let by_work = stack(&group(&[&all, &costly]));
    assert_eq!(by_work["errorCode"], "NonCompliant", "{by_work}");
    for open in [many_conditions(&[one]).to_string(), group(&[&costly])] {
        let answer = stack(&open);
        assert_eq!(answer["hookStatus"], "SUCCESS", "{answer}");
        assert_eq!(answer["annotations"][0]["status"], "SKIPPED", "not wholly judged: {answer}");
        assert!(!answer["message"].as_str().unwrap().contains("follows rule"), "{answer}");
    }
}

#[test]
fn known_debt_is_what_certainly_stood_there() {
    let policy = Policy { unchanged_rules: Treatment::Allow, ..Policy::default() };
    let config = Config::new(policy);
    let rule = |group: &str, to: Json| {
        json!({
            "Parameters": {"Max": {"Type": "Number", "Default": 65535}},
            "Resources": {"Rule": {"Type": "AWS::EC2::SecurityGroupEgress", "Properties": {
                "GroupId": group, "IpProtocol": "tcp", "FromPort": 0, "ToPort": to, "CidrIp": "0.0.0.0/0"}}},
        })
        .to_string()
    };
    let literal = rule("sg-1", json!(65535));
    for (before, point, verdict) in [
        (literal.clone(), "UPDATE_PRE_PROVISION", "known debt"),
        (literal.clone(), "CREATE_PRE_PROVISION", "blocked"),
        (rule("sg-2", json!(65535)), "UPDATE_PRE_PROVISION", "blocked"),
        // The deployment with another value than the default did not break the rule.
        (rule("sg-1", json!({"Ref": "Max"})), "UPDATE_PRE_PROVISION", "left open"),
    ] {
        let mut event = invocation("STACK");
        event["actionInvocationPoint"] = json!(point);
        let document = json!({"template": literal, "previousTemplate": before});
        let answer = with_document(&event, Ok(&document), &config);
        let message = answer["message"].as_str().unwrap();
        let found = match answer["hookStatus"].as_str().unwrap() {
            "FAILED" => "blocked",
            _ if message.contains("The policy allows 1 egress rule") => "known debt",
            _ => "left open",
        };
        assert_eq!(found, verdict, "{before} {point}: {answer}");
    }
}

#[test]
fn what_a_change_set_does_not_say_is_left_to_the_resource_target() {
    let properties = egress("0", "65535");
    let change = |kind: Json, context: Json| {
        json!({"changedResources": [{"logicalResourceId": "Web", "resourceType": kind, "action": "CREATE",
            "lineNumber": 1, "beforeContext": null, "afterContext": context.to_string()}]})
    };
    let ours = json!("AWS::EC2::SecurityGroup");
    for document in [
        change(Json::Null, json!({"Properties": properties})),
        change(json!(["AWS::EC2::SecurityGroup"]), json!({"Properties": properties})),
        change(ours.clone(), properties.clone()),
        change(ours, json!({"properties": properties})),
    ] {
        let answer = change_set(&document);
        assert_eq!(answer["hookStatus"], "SUCCESS", "{document}");
        assert!(answer["message"].as_str().unwrap().contains("\n- Web was not checked: "), "{answer}");
    }
    // The readable part still blocks.
    let mut document = change(json!("AWS::EC2::SecurityGroup"), json!({"Properties": egress("0", "65535")}));
    let unread = change(Json::Null, json!({}))["changedResources"][0].clone();
    document["changedResources"].as_array_mut().unwrap().insert(0, unread);
    assert_eq!(change_set(&document)["errorCode"], "NonCompliant", "{document}");
}

#[test]
fn a_document_of_another_shape_is_not_repeated() {
    for document in [json!("password: hunter2"), json!({"changedResources": "hunter2"}), json!([["hunter2"]])] {
        for target in ["STACK", "CHANGE_SET"] {
            let answer = with_document(&invocation(target), Ok(&document), &Config::new(Settings::default()));
            assert_eq!(answer["annotations"][0]["status"], "SKIPPED");
            assert!(!answer.to_string().contains("hunter2"), "{answer}");
        }
    }
    let answer = answer(&json!("https://bucket/x?X-Amz-Signature=hunter2"));
    assert!(answer["errorCode"] == "InternalFailure" && !answer.to_string().contains("hunter2"), "{answer}");
}

#[test]
fn an_import_of_a_whole_stack_is_let_through_as_that_of_a_resource() {
    let mut event = invocation("STACK");
    event["actionInvocationPoint"] = json!("IMPORT_PRE_PROVISION");
    assert_eq!(answer(&event)["annotations"][0]["status"], "SKIPPED");
}

#[test]
fn a_previous_template_that_cannot_be_read_is_no_known_debt() {
    let config = Config::new(Policy { unchanged_rules: Treatment::Allow, ..Policy::default() });
    let mut event = invocation("STACK");
    event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
    let template = "Resources: {R: {Type: AWS::EC2::SecurityGroupEgress, Properties: {IpProtocol: '-1'}}}";
    for (previous, status) in [(template, "SUCCESS"), ("Resources: [", "FAILED"), ("- x", "FAILED")] {
        let answer = with_document(&event, Ok(&json!({"template": template, "previousTemplate": previous})), &config);
        assert_eq!(answer["hookStatus"], status, "{previous}: {answer}");
        let says = answer["message"].as_str().unwrap().contains("the previous template could not be read");
        assert_eq!(says, status == "FAILED", "{answer}");
    }
}

/// The same egress rule of another group is a new rule, as in the RESOURCE target.
#[test]
fn known_debt_belongs_to_its_group() {
    let config = Config::new(Policy { unchanged_rules: Treatment::Allow, ..Policy::default() });
    let mut event = invocation("STACK");
    event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
    let range = "IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8";
    let of_rule =
        |group: &str| format!("Type: AWS::EC2::SecurityGroupEgress, Properties: {{GroupId: {group}, {range}}}");
    let rule = |group: &str| format!("Resources: {{R: {{{}}}}}", of_rule(group));
    let by_default = |group: &str| format!("Parameters: {{G: {{Type: String, Default: {group}}}}}\n{}", rule("!Ref G"));
    let in_loop = |group: &str| {
        let fragment = format!("{{'R${{N}}': {{{}}}}}", of_rule(group));
        format!("Transform: AWS::LanguageExtensions\nResources: {{'Fn::ForEach::L': [N, [a], {fragment}]}}")
    };
    let described = |text: &str| {
        let egress = format!("GroupDescription: {text}, SecurityGroupEgress: [{{{range}}}]");
        format!("Resources: {{R: {{Type: AWS::EC2::SecurityGroup, Properties: {{{egress}}}}}}}")
    };
    let debt = "New or changed egress rules are blocked";
    for (before, now, status, is_debt) in [
        (rule("sg-1"), rule("sg-1"), "SUCCESS", true),
        (rule("sg-1"), rule("sg-2"), "FAILED", false),
        (in_loop("sg-1"), in_loop("sg-1"), "SUCCESS", true),
        (in_loop("sg-1"), in_loop("sg-2"), "FAILED", false),
        (described("a"), described("a"), "SUCCESS", true),
        // CloudFormation replaces the group.
        (described("a"), described("b"), "FAILED", false),
        // The stack may keep its value, so the RESOURCE target decides.
        (by_default("sg-1"), by_default("sg-2"), "SUCCESS", false),
    ] {
        let document = json!({"template": now, "previousTemplate": before});
        let answer = with_document(&event, Ok(&document), &config);
        assert_eq!(
            (answer["hookStatus"].as_str(), answer.to_string().contains(debt)),
            (Some(status), is_debt),
            "{now}\n{answer}"
        );
    }
}

/// EC2 stores a block of addresses without host bits, so both spellings are one rule, as in the RESOURCE target.
#[test]
fn known_debt_does_not_depend_on_host_bits() {
    let config = Config::new(Policy { unchanged_rules: Treatment::Allow, ..Policy::default() });
    let mut event = invocation("STACK");
    event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
    let template = |cidr: &str| {
        format!(
            "Resources: {{R: {{Type: AWS::EC2::SecurityGroupEgress, Properties: {{IpProtocol: '-1', CidrIp: {cidr}}}}}}}"
        )
    };
    for (now, status) in [("10.0.0.0/8", "SUCCESS"), ("10.0.0.0/9", "FAILED")] {
        let document = json!({"template": template(now), "previousTemplate": template("10.1.2.3/8")});
        assert_eq!(with_document(&event, Ok(&document), &config)["hookStatus"], status, "{now}");
    }
}

/// An egress rule that was there only because of a default counts for as many rules of the same traffic, and makes none
/// of them certain.
#[test]
fn known_debt_by_a_default_makes_no_other_rule_certain() {
    let config = Config::new(Policy { unchanged_rules: Treatment::Allow, ..Policy::default() });
    let mut event = invocation("STACK");
    event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
    let template = |ends: &[&str]| {
        let rules: Vec<String> = ends
            .iter()
            .map(|end| format!("{{IpProtocol: tcp, FromPort: 80, ToPort: {end}, CidrIp: 10.0.0.0/8}}"))
            .collect();
        format!(
            "Parameters: {{P: {{Type: Number, Default: 87}}}}\nResources:\n  Sg:\n    Type: AWS::EC2::SecurityGroup\n    \
             Properties: {{SecurityGroupEgress: [{}]}}\n",
            rules.join(", ")
        )
    };
    let document = json!({"template": template(&["!Ref P", "87"]), "previousTemplate": template(&["!Ref P"])});
    let answer = with_document(&event, Ok(&document), &config);
    assert_eq!(answer["hookStatus"], "SUCCESS", "{answer}");
    let document = json!({"template": template(&["!Ref P", "88"]), "previousTemplate": template(&["!Ref P"])});
    assert_eq!(with_document(&event, Ok(&document), &config)["hookStatus"], "FAILED");
}

#[test]
fn each_field_is_read_in_both_spellings_and_the_documented_one_wins() {
    let wide = "Resources: {R: {Type: AWS::EC2::SecurityGroupEgress, Properties: {IpProtocol: '-1'}}}";
    let none = "Resources: {B: {Type: AWS::S3::Bucket}}";
    for (document, status) in [
        (json!({"template": wide}), "FAILED"),
        (json!({"Template": wide}), "FAILED"),
        (json!({"Template": wide, "template": wide}), "FAILED"),
        (json!({"Template": none, "template": wide}), "FAILED"),
        (json!({"Template": wide, "template": none}), "SUCCESS"),
    ] {
        let answer = with_document(&invocation("STACK"), Ok(&document), &Config::new(Settings::default()));
        assert_eq!(answer["hookStatus"], status, "{document}");
    }
    let entry = change("CREATE", None, Some(egress("1", "2")))["changedResources"][1].clone();
    let entry = entry.as_object().unwrap();
    let capital = |name: &str| {
        let (first, rest) = name.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    };
    let custom: serde_json::Map<String, Json> =
        entry.iter().map(|(name, value)| (capital(name), value.clone())).collect();
    let both: serde_json::Map<String, Json> = custom.clone().into_iter().chain(entry.clone()).collect();
    for entry in [&custom, &both] {
        for key in ["changedResources", "ChangedResources"] {
            assert_eq!(change_set(&json!({key: [entry]}))["errorCode"], "NonCompliant", "{key} {entry:?}");
        }
    }
    // Each of these fields decides something: a deleted resource or one of another type is not checked.
    for (name, value) in [("Action", "DELETE"), ("ResourceType", "AWS::S3::Bucket")] {
        let mut other = custom.clone();
        other.insert(name.to_owned(), json!(value));
        assert_eq!(change_set(&json!({"changedResources": [other]}))["hookStatus"], "SUCCESS", "{name}");
    }
}

#[test]
fn what_is_not_judged_is_undetermined_in_the_log() {
    let event = invocation("STACK").to_string();
    let HookPlan::Fetch(fetch) = plan(event.as_bytes(), &Config::new(Settings::default()), today()) else { panic!() };
    for (template, verdict) in [
        ("Resources: {B: {Type: AWS::S3::Bucket}}", "compliant"),
        ("Transform: [MyMacro]\nResources: {B: {Type: AWS::S3::Bucket}}", "undetermined"),
        ("Resources: [", "undetermined"),
    ] {
        let document = json!({"template": template}).to_string();
        let decision = fetch.decide(Ok(document.as_bytes()), &Config::new(Settings::default()), today());
        assert_eq!(decision.verdict(), verdict, "{template}");
    }
}
