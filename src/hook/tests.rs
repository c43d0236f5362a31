//! Tests of the protocol: it tolerates variations in requests and is strict in its answers.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::rule::{Setting, Settings, Treatment, wording};

mod bounds;
mod not_certain;
mod policy;
mod sentences;
mod template_target;

static RESPONSE_SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../schema/hook-response.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

fn today() -> Date {
    Date::new(2027, 6, 15).unwrap()
}

/// Returns the answer to an event, validated against the schema.
fn answer_bytes(event: &[u8], config: &Config) -> Json {
    let response = serde_json::to_value(decide(event, config, today()).response()).unwrap();
    if let Err(error) = RESPONSE_SCHEMA.validate(&response) {
        panic!("{error}: {response}");
    }
    response
}

fn answer(event: &Json) -> Json {
    answer_bytes(event.to_string().as_bytes(), &Config::new(Settings::default()))
}

/// The documented shape of a RESOURCE invocation.
fn event(resource_type: &str, properties: Json) -> Json {
    json!({
        "clientRequestToken": "f8da6d11-b23f-48f4-814c-0fb6a667f50e",
        "awsAccountId": "123456789012",
        "stackId": "arn:aws:cloudformation:us-west-2:123456789012:stack/MyStack/1a2345b6-0000-00a0-a123-00abc0abc000",
        "changeSetId": null,
        "hookTypeName": "Acme::Egress::SinglePort",
        "hookTypeVersion": "00000008",
        "hookModel": {"LambdaFunction": "arn:aws:lambda:us-west-2:123456789012:function:MyFunction"},
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {
            "targetName": resource_type,
            "targetType": resource_type,
            "targetLogicalId": "WebSg",
            "targetModel": { "resourceProperties": properties, "previousResourceProperties": null }
        },
        "requestContext": {"invocation": 1, "callbackContext": null}
    })
}

fn group(egress: Json) -> Json {
    event("AWS::EC2::SecurityGroup", json!({ "GroupDescription": "x", "SecurityGroupEgress": egress }))
}

fn range() -> Json {
    group(json!([
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": "443", "CidrIp": "10.0.0.0/16"},
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "0.0.0.0/0"},
        {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"},
    ]))
}

#[test]
fn a_compliant_group_passes_with_one_annotation() {
    let answer =
        answer(&group(json!([{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}])));
    insta::assert_json_snapshot!(answer, @r#"
    {
      "annotations": [
        {
          "annotationName": "cloudformation-aws-security-group-egress-with-port-range",
          "status": "PASSED",
          "statusMessage": "AWS::EC2::SecurityGroup WebSg follows rule cloudformation-aws-security-group-egress-with-port-range: its egress rule is allowed."
        }
      ],
      "clientRequestToken": "f8da6d11-b23f-48f4-814c-0fb6a667f50e",
      "hookStatus": "SUCCESS",
      "message": "AWS::EC2::SecurityGroup WebSg follows rule cloudformation-aws-security-group-egress-with-port-range: its egress rule is allowed."
    }
    "#);
}

#[test]
fn a_group_that_breaks_the_rule_is_blocked_with_an_annotation_per_rule() {
    insta::assert_json_snapshot!(answer(&range()));
}

#[test]
fn the_first_400_characters_name_rule_resource_place_ports_and_fix() {
    let message = answer(&range())["message"].as_str().unwrap().to_owned();
    let essence: String = message.chars().take(400).collect();
    for part in [
        crate::rule::ID,
        "AWS::EC2::SecurityGroup WebSg",
        "SecurityGroupEgress[1]",
        "tcp 80-87 to 0.0.0.0/0",
        "FromPort: 80 and ToPort: 80",
    ] {
        assert!(essence.contains(part), "{part} in {essence}");
    }
}

/// Messages state the problem of the resource. A sentence that only states the rule would read as if that were the
/// problem.
#[test]
fn no_message_states_the_rule_as_the_fault() {
    let mut settings = Settings::default();
    for setting in Setting::ALL {
        settings = settings.with(*setting, Treatment::Block);
    }
    let config = Config::new(settings);
    let to = |ports: Json| {
        let mut rule = json!({"IpProtocol": "tcp", "CidrIp": "10.0.0.0/16"});
        rule.as_object_mut().unwrap().extend(ports.as_object().unwrap().clone());
        json!([rule])
    };
    for egress in [
        to(json!({"FromPort": 80, "ToPort": 87})),
        to(json!({"FromPort": 87, "ToPort": 80})),
        to(json!({"FromPort": 443})),
        to(json!({"FromPort": "0443", "ToPort": "0443"})),
        to(json!({"FromPort": -1, "ToPort": -1})),
        to(json!({"FromPort": "{{resolve:ssm:port}}", "ToPort": 443})),
        to(json!({"IpProtocol": "-1"})),
        to(json!({"IpProtocol": "-1", "FromPort": 443, "ToPort": 443})),
        to(json!({"IpProtocol": "50"})),
        to(json!({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1})),
        to(json!({"IpProtocol": "icmpv6"})),
        to(json!({"IpProtocol": "warp", "FromPort": 443, "ToPort": 443})),
        json!([{"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"}]),
        json!([{"IpProtocol": "-1", "CidrIp": "127.0.0.1/32"}]),
        json!([]),
        json!(["tcp"]),
        json!("tcp"),
    ] {
        let response = answer_bytes(group(egress.clone()).to_string().as_bytes(), &config);
        assert_eq!(response["errorCode"], "NonCompliant", "{egress}");
        let annotations = response["annotations"].as_array().unwrap().iter().map(|one| &one["statusMessage"]);
        for text in annotations.chain([&response["message"]]).map(|text| text.as_str().unwrap()) {
            for statement in ["opens exactly one explicit port", "open exactly one explicit port: rules", wording::RULE]
            {
                assert!(!text.contains(statement), "{egress}: {text}");
            }
        }
    }
}

fn changed(mut event: Json, change: impl FnOnce(&mut Json)) -> Json {
    change(&mut event);
    answer(&event)
}

#[test]
fn what_the_protocol_leaves_open_is_tolerated() {
    let blocked = |change: fn(&mut Json)| {
        let answer = changed(range(), change);
        assert_eq!(answer["errorCode"], "NonCompliant", "{answer}");
        answer
    };
    let token = blocked(|event| {
        event.as_object_mut().unwrap().remove("clientRequestToken");
    });
    assert_eq!(token["clientRequestToken"], "");
    blocked(|event| {
        let event = event.as_object_mut().unwrap();
        let token = event.remove("clientRequestToken").unwrap();
        event.insert("clientRequesttoken".to_owned(), token);
        let stack = event.remove("stackId").unwrap();
        event.insert("stackID".to_owned(), stack);
    });
    blocked(|event| event["requestData"]["targetType"] = json!("RESOURCE"));
    blocked(|event| event["requestData"]["targetName"] = json!(null));
    blocked(|event| event["stackId"] = json!(""));
    blocked(|event| event["stackId"] = json!(null));
    blocked(|event| event["changeSetId"] = json!({"odd": [1]}));
    blocked(|event| event["awsAccountId"] = json!(123_456_789_012_u64));
    blocked(|event| event["hookModel"] = json!("text"));
    blocked(|event| event["requestContext"] = json!([1, {"a": 2}]));
    blocked(|event| event["requestData"]["callerCredentials"] = json!("{\"accessKeyId\":\"x\"}"));
    blocked(|event| event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION"));
}

#[test]
fn what_is_not_ours_is_let_through_saying_that_nothing_was_checked() {
    for (change, says) in [
        ((|event| event["requestData"]["targetName"] = json!("AWS::S3::Bucket")) as fn(&mut Json), "AWS::S3::Bucket"),
        (|event| event["actionInvocationPoint"] = json!("DELETE_PRE_PROVISION"), "deleting"),
        (
            |event| {
                event["actionInvocationPoint"] = json!("DELETE_PRE_PROVISION");
                event["requestData"]["targetModel"] = json!(null);
            },
            "deleting",
        ),
        (|event| event["actionInvocationPoint"] = json!("IMPORT_PRE_PROVISION"), "import"),
    ] {
        let answer = changed(range(), change);
        assert_eq!(answer["hookStatus"], "SUCCESS");
        assert_eq!(answer["annotations"][0]["status"], "SKIPPED");
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
    let ingress = answer(&event("AWS::EC2::SecurityGroupIngress", json!({"FromPort": 1, "ToPort": 9})));
    assert_eq!(ingress["hookStatus"], "SUCCESS");
}

#[test]
fn what_cannot_be_checked_fails_closed_in_words() {
    for (change, says) in [
        ((|event| event["requestData"]["targetName"] = json!("STACK")) as fn(&mut Json), "requestData.payload"),
        (|event| event["requestData"]["targetName"] = json!("CHANGE_SET"), "requestData.payload"),
        (|event| event["requestData"]["targetName"] = json!(7), "requestData.targetName"),
        (|event| event["requestData"] = json!(null), "requestData"),
        (|event| event["requestData"] = json!({}), "requestData.targetName"),
        (|event| event["requestData"]["targetModel"] = json!(7), "resourceProperties"),
        (|event| event["requestData"]["targetModel"] = json!({}), "resourceProperties"),
        (|event| event["actionInvocationPoint"] = json!(null), "actionInvocationPoint"),
        (|event| event["actionInvocationPoint"] = json!("SYNC\n_PRE_PROVISION"), "SYNC _PRE_PROVISION"),
    ] {
        let answer = changed(range(), change);
        assert_eq!(answer["errorCode"], "InternalFailure", "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
}

#[test]
fn properties_of_wrong_types_break_the_rule_themselves() {
    for properties in [json!("text"), json!([1]), json!(7)] {
        assert_eq!(answer(&event("AWS::EC2::SecurityGroup", properties))["errorCode"], "NonCompliant");
    }
    for egress in [json!("text"), json!(7), json!(true), json!([7]), json!({"FromPort": {}})] {
        assert_eq!(answer(&group(egress))["errorCode"], "NonCompliant");
    }
}

#[test]
fn whatever_bytes_arrive_are_answered_in_shape() {
    let config = Config::new(Settings::default());
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_inside = range().to_string().replace("\"x\"", &deep);
    let large = group(Json::Array(vec![json!({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}); 100_000])).to_string();
    assert!(large.len() > 4_000_000);
    for bytes in [
        b"".as_slice(),
        b"not json",
        b"null",
        b"[]",
        b"\"text\"",
        b"7",
        b"{",
        b"{\"clientRequestToken\": \"\xff\xfe\"}",
        b"\xef\xbb\xbf{}",
        deep.as_bytes(),
        deep_inside.as_bytes(),
        br#"{"requestData":{"targetModel":{"resourceProperties":{"a":1e999}}}}"#,
        br#"{"stackId":"a","stackId":"b"}"#,
    ] {
        assert_eq!(answer_bytes(bytes, &config)["errorCode"], "InternalFailure");
    }
    let many = answer_bytes(large.as_bytes(), &config);
    assert_eq!(many["errorCode"], "NonCompliant");
    assert!(many["message"].as_str().unwrap().ends_with("more."));
    assert_eq!(many["annotations"].as_array().unwrap().len(), MAX_ANNOTATIONS);
    assert_eq!(many["annotations"][MAX_ANNOTATIONS - 1]["statusMessage"], "… and 19902 more.");
    assert_eq!(
        answer_bytes(deep_inside.as_bytes(), &config)["clientRequestToken"],
        "f8da6d11-b23f-48f4-814c-0fb6a667f50e",
        "the token of a deep event is repeated"
    );
}

#[test]
fn a_preset_that_does_not_exist_fails_every_invocation_closed() {
    for event in [range(), event("AWS::S3::Bucket", json!({}))] {
        let answer = answer_bytes(event.to_string().as_bytes(), &Config::read(None, Some("lax")));
        assert_eq!(answer["errorCode"], "InternalFailure");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("`lax`") && message.contains("`literal` or `effective`"), "{message}");
    }
    assert_eq!(Config::read(None, None), Config::new(Settings::default()));
    let ping = group(json!([{"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "10.0.0.0/8"}]));
    let effective = answer_bytes(ping.to_string().as_bytes(), &Config::read(None, Some("effective")));
    assert_eq!(effective["hookStatus"], "SUCCESS");
    let hint = answer(&ping)["message"].as_str().unwrap().to_owned();
    assert!(hint.contains("icmp_type_and_code = \"allow\""), "{hint}");
}

#[test]
fn a_panic_is_answered_with_the_token() {
    let decision = guarded(range().to_string().as_bytes(), || panic!("a defect")).unwrap_err();
    assert_eq!(decision.response().error_code, Some(ErrorCode::InternalFailure));
    assert_eq!(decision.response().client_request_token, "f8da6d11-b23f-48f4-814c-0fb6a667f50e");
}

#[test]
fn notes_reach_the_reader_of_a_group_without_egress_rules() {
    let answer = answer(&event("AWS::EC2::SecurityGroup", json!({"GroupDescription": "x"})));
    assert_eq!(answer["hookStatus"], "SUCCESS");
    assert!(answer["message"].as_str().unwrap().contains("default rule"), "{answer}");
    let settings = Settings::default().with(Setting::DefaultEgress, Treatment::Block);
    let blocked = group(json!([]));
    assert_eq!(answer_bytes(blocked.to_string().as_bytes(), &Config::new(settings))["errorCode"], "NonCompliant");
}

#[test]
fn the_log_tells_the_decision_and_nothing_else_of_the_template() {
    let mut event = range();
    event["requestData"]["targetModel"]["resourceProperties"]["Tags"] = json!([{"Key": "k", "Value": "SECRET"}]);
    event["requestData"]["callerCredentials"] = json!("SECRET");
    event["requestData"]["payload"] = json!("https://SECRET");
    let decision = decide(event.to_string().as_bytes(), &Config::new(Settings::default()), today());
    let invocation = log::Delivery {
        request_id: "r-1",
        guard: "guard",
        policy_source: "none",
        policy_sha256: None,
        timestamp_millis: 1_764_000_000_000,
        evaluation_micros: 42,
    };
    let lines = log::lines(&decision, &decision.response(), &invocation);
    assert!(!lines.contains("SECRET"));
    let lines: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    insta::assert_json_snapshot!(lines);
}

/// The facts that the program adds to a decision's log lines.
const DELIVERY: log::Delivery<'static> = log::Delivery {
    request_id: "r-1",
    guard: "guard",
    policy_source: "none",
    policy_sha256: None,
    timestamp_millis: 1,
    evaluation_micros: 42,
};

/// Every metric is a number at the top level of its line, and every dimension a text, as Embedded Metric Format
/// requires.
#[test]
fn the_metrics_are_where_the_embedded_metric_format_looks_for_them() {
    let decision = decide(range().to_string().as_bytes(), &Config::new(Settings::default()), today());
    for line in log::lines(&decision, &decision.response(), &DELIVERY).lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number());
        }
        for dimension in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[dimension.as_str().unwrap()].is_string());
        }
    }
}

/// A policy with a mistake that `policy.sh` tries must not raise the alarm on the hook's internal failures.
#[test]
fn the_trial_of_a_policy_is_not_counted_as_a_decision_of_the_hook() {
    let broken = Config::read(Some("preset = 'none'"), None);
    for (token, dimensions) in
        [("policy-trial", json!(["Guard", "via", "verdict"])), ("t-1", json!(["Guard", "verdict"]))]
    {
        let mut event = range();
        event["clientRequestToken"] = json!(token);
        let decision = decide(event.to_string().as_bytes(), &broken, today());
        assert_eq!(decision.verdict(), "internal-failure");
        let lines = log::lines(&decision, &decision.response(), &DELIVERY);
        let line: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0], dimensions, "{token}");
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        ".{0,2000}".prop_map(Json::from),
        prop_oneof!["AWS::EC2::SecurityGroup", "STACK", "CREATE_PRE_PROVISION", "tcp"].prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map(".{0,8}", inner, 0..4).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// Returns a pointer to any part of an event.
fn any_place() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(""),
        Just("/clientRequestToken"),
        Just("/stackId"),
        Just("/hookModel"),
        Just("/actionInvocationPoint"),
        Just("/requestData"),
        Just("/requestData/targetName"),
        Just("/requestData/targetLogicalId"),
        Just("/requestData/targetModel"),
        Just("/requestData/targetModel/resourceProperties"),
        Just("/requestData/targetModel/resourceProperties/SecurityGroupEgress"),
        Just("/requestData/targetModel/resourceProperties/SecurityGroupEgress/1"),
        Just("/requestData/targetModel/resourceProperties/SecurityGroupEgress/1/FromPort"),
        Just("/requestData/targetModel/resourceProperties/SecurityGroupEgress/1/IpProtocol"),
        Just("/requestData/targetModel/resourceProperties/SecurityGroupEgress/1/CidrIp"),
    ]
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer_in_shape(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        answer_bytes(&bytes, &Config::new(Settings::default()));
    }

    #[test]
    fn any_part_of_an_event_may_be_anything(place in any_place(), with in any_json()) {
        let mut event = range();
        *event.pointer_mut(place).unwrap() = with;
        answer(&event);
    }

    #[test]
    fn any_cut_of_an_event_fails_closed(cut in 0..1_000_usize) {
        let text = range().to_string();
        let cut = cut % text.len();
        let answer = answer_bytes(&text.as_bytes()[..cut], &Config::new(Settings::default()));
        prop_assert_eq!(&answer["errorCode"], "InternalFailure");
    }
}

#[test]
fn each_field_is_read_in_both_spellings() {
    let stack = "arn:aws:cloudformation:us-west-2:123456789012:stack/MyStack/1a2b";
    let read = |fields: Json| {
        let request = Request::parse(fields.to_string().as_bytes()).unwrap();
        (request.client_request_token.as_str().to_owned(), request.stack_id.as_str().to_owned())
    };
    let expected = ("t".to_owned(), stack.to_owned());
    assert_eq!(read(json!({"clientRequestToken": "t", "stackId": stack})), expected);
    assert_eq!(read(json!({"clientRequesttoken": "t", "stackID": stack})), expected);
    assert_eq!(
        read(json!({"clientRequesttoken": "x", "stackID": "x", "clientRequestToken": "t", "stackId": stack})),
        expected
    );
    let deep = format!(
        "{{\"clientRequesttoken\": \"t\", \"requestData\": {{\"targetModel\": {{\"resourceProperties\": {}1{}}}}}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    assert_eq!(Request::parse(deep.as_bytes()).unwrap_err().client_request_token.as_str(), "t");
}

/// CloudWatch Logs Insights discovers 200 fields in an event.
#[test]
fn a_decision_line_has_few_enough_fields_and_says_what_it_leaves_out() {
    fn leaves(value: &Json) -> usize {
        match value {
            Json::Array(list) => list.iter().map(leaves).sum(),
            Json::Object(map) => map.values().map(leaves).sum(),
            _ => 1,
        }
    }
    let rules: Vec<Json> = (0..60_u16)
        .map(|port| {
            let to = if port % 2 == 0 { port + 1 } else { port + 2 };
            json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": to, "CidrIp": "10.0.0.0/16"})
        })
        .collect();
    let exempt = "[[exemption]]\nid = \"x\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2028-01-01\nports = \"0-31\"\n";
    let mut event = group(json!(rules));
    event["requestData"]["targetModel"]["previousResourceProperties"] = json!({"SecurityGroupEgress": rules[50..]});
    event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
    let config = Config::read(Some(&format!("unchanged_rules = \"allow\"\n{exempt}")), None);
    assert_eq!(config.problem(), None);
    let decision = decide(event.to_string().as_bytes(), &config, today());
    let delivery = log::Delivery {
        request_id: "r",
        guard: "guard",
        policy_source: "none",
        policy_sha256: None,
        timestamp_millis: 1,
        evaluation_micros: 1,
    };
    let lines = log::lines(&decision, &decision.response(), &delivery);
    let line: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert!(leaves(&line) <= crate::log::MAX_FIELDS, "{} fields", leaves(&line));
    assert!(leaves(&line) > crate::log::MAX_FIELDS - 12, "the room is used: {} fields", leaves(&line));
    let count = |key: &str| line[key].as_u64().unwrap();
    let listed = |key: &str| line[key].as_array().map_or(0, Vec::len) as u64;
    let all = count("offendingRuleCount") + count("exemptedRuleCount") + count("knownDebtRuleCount");
    let shown = listed("offendingRules") + listed("exemptedRules") + listed("knownDebtRules");
    assert_eq!(all, 60);
    assert_eq!(shown + count("unlistedRuleCount"), all);
    let text = lines.lines().next().unwrap();
    let keys: Vec<_> = ["event", "level", "message", "verdict", "hookStatus", "offendingRuleCount"]
        .map(|key| text.find(&format!("\"{key}\":")).unwrap())
        .into();
    assert!(keys.is_sorted(), "what a reader looks for comes first");
}

#[test]
fn a_token_that_is_no_text_is_answered_as_its_digits_or_as_none() {
    for (token, expected) in [
        (json!("t"), "t"),
        (json!(7), "7"),
        (json!(-7), "-7"),
        (json!(1.5), "1.5"),
        (json!(true), ""),
        (json!(null), ""),
        (json!(["t"]), ""),
        (json!({"t": 1}), ""),
    ] {
        let mut event = range();
        event["clientRequestToken"] = token.clone();
        assert_eq!(answer(&event)["clientRequestToken"], expected, "{token}");
    }
}
