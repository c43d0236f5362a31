//! Tests of direct calls as CloudTrail records them; each fixture has a documented shape.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::log::{Delivery, MAX_FIELDS};
use crate::policy;
use crate::rule::{Outcome, Preset};

/// Includes each fixture with its name.
macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../tests/fixtures/direct-calls/", $name, ".json")))),*]
    };
}

const FIXTURES: [(&str, &str); 10] = fixtures![
    "authorize",
    "authorize-all-traffic",
    "authorize-one-port",
    "modify-one",
    "modify-several",
    "create-group",
    "by-a-service",
    "by-cloudformation",
    "refused",
    "dry-run",
];

fn fixture(name: &str) -> Json {
    let (_, text) = FIXTURES.into_iter().find(|(fixture, _)| *fixture == name).unwrap();
    serde_json::from_str(text).unwrap()
}

fn today() -> Date {
    Date::new(2027, 6, 15).unwrap()
}

fn watch(event: &Json, policy: &Policy) -> WatchOutcome {
    decide(event.to_string().as_bytes(), Ok(policy), today())
}

fn decided(event: &Json, policy: &Policy) -> CallDecision {
    match watch(event, policy) {
        WatchOutcome::Decided(decision) => *decision,
        WatchOutcome::Ignored(why) => panic!("ignored: {why:?}"),
    }
}

fn verdict(event: &Json, policy: &Policy) -> &'static str {
    decided(event, policy).verdict()
}

const DELIVERY: Delivery<'_> = Delivery {
    request_id: "r-1",
    guard: "guard",
    policy_source: "none",
    policy_sha256: None,
    timestamp_millis: 1_764_000_000_000,
    evaluation_micros: 42,
};

fn logged(decision: &CallDecision) -> Vec<Json> {
    lines(decision, &DELIVERY).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_call_is_judged_and_named() {
    let said = FIXTURES.map(|(name, _)| match watch(&fixture(name), &Policy::default()) {
        WatchOutcome::Decided(decision) => format!("{name}: {}\n{}\n", decision.verdict(), decision.message()),
        WatchOutcome::Ignored(why) => format!("{name}: ignored, {why:?}\n"),
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_log_tells_who_called_what_and_nothing_else_of_the_event() {
    let mut event = fixture("authorize");
    event["detail"]["userIdentity"]["accessKeyId"] = json!("SECRET");
    event["detail"]["requestParameters"]["ipPermissions"]["items"][0]["ipRanges"]["items"][0]["description"] =
        json!("SECRET");
    let logged = logged(&decided(&event, &Policy::default()));
    assert!(!json!(logged).to_string().contains("SECRET"));
    insta::assert_json_snapshot!(logged);
}

/// No line of a direct call may count as one of the hook, in its queries, alarms, or widgets.
#[test]
fn what_is_counted_for_the_hook_does_not_count_direct_calls() {
    let exempt = policy::parse(
        "[[exemption]]\nid = \"x\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2028-01-01\ndestination = \"10.0.0.0/8\"\n",
    )
    .unwrap();
    let lines = logged(&decided(&fixture("authorize"), &exempt));
    assert_eq!(lines.len(), 3, "the decision, its reason, its exemption");
    for line in &lines {
        assert!(line["event"].as_str().unwrap().starts_with("direct-call"), "{line}");
        assert_eq!((line.get("hookStatus"), &line["via"]), (None, &json!("direct-call")));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for dimensions in directive["Dimensions"].as_array().unwrap() {
            let dimensions = dimensions.as_array().unwrap();
            assert!(dimensions.contains(&json!("via")));
            assert!(dimensions.iter().all(|name| line[name.as_str().unwrap()].is_string()), "{line}");
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!(metrics.iter().all(|metric| line[metric["Name"].as_str().unwrap()].is_number()), "{line}");
    }
}

#[test]
fn a_line_has_few_enough_fields_and_says_what_it_leaves_out() {
    fn leaves(value: &Json) -> usize {
        match value {
            Json::Array(list) => list.iter().map(leaves).sum(),
            Json::Object(map) => map.values().map(leaves).sum(),
            _ => 1,
        }
    }
    let mut event = fixture("authorize");
    let ranges: Vec<Json> = (0..60).map(|n| json!({"cidrIp": format!("10.{n}.0.0/16")})).collect();
    event["detail"]["requestParameters"]["ipPermissions"]["items"][0]["ipRanges"]["items"] = json!(ranges);
    let line = logged(&decided(&event, &Policy::default())).swap_remove(0);
    assert!(leaves(&line) <= MAX_FIELDS, "{} fields", leaves(&line));
    assert_eq!(line["offendingRules"].as_array().unwrap().len(), 20);
    assert_eq!((&line["offendingRuleCount"], &line["unlistedRuleCount"]), (&json!(61), &json!(41)));
    // If the line gets another field, the count is wrong.
    let quiet = logged(&decided(&fixture("authorize-one-port"), &Policy::default())).swap_remove(0);
    assert_eq!(leaves(&quiet) + 1, super::log::FIXED_FIELDS, "a policy's file adds its checksum");
}

/// A condition on a stack, a logical id, a resource type, or a tag cannot match, because a direct call has none.
#[test]
fn exemptions_hold_for_what_a_call_has() {
    let event = fixture("authorize-all-traffic");
    for (condition, covers) in [
        ("account = \"123456789012\"", true),
        ("account = \"210987654321\"", false),
        ("region = \"eu-*\"", true),
        ("region = \"us-*\"", false),
        ("protocol = \"-1\"", true),
        ("protocol = \"tcp\"", false),
        ("destination = \"0.0.0.0/0\"\naccount = \"123456789012\"", true),
        ("destination = \"10.0.0.0/8\"", false),
        ("stack_name = \"web*\"", false),
        ("stack_id = \"arn:aws:cloudformation:*\"", false),
        ("logical_id = \"Web*\"", false),
        ("resource_type = \"AWS::EC2::SecurityGroup\"", false),
        ("tags = { team = \"web\" }", false),
    ] {
        let file =
            format!("[[exemption]]\nid = \"x\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2028-01-01\n{condition}\n");
        let policy = policy::parse(&file).unwrap_or_else(|error| panic!("{condition}: {error}"));
        let expected = if covers { "exempted" } else { "non-compliant" };
        assert_eq!(verdict(&event, &policy), expected, "{condition}");
    }
    let ports = "[[exemption]]\nid = \"x\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2028-01-01\nports = \"80-90\"\n";
    assert_eq!(verdict(&fixture("authorize"), &policy::parse(ports).unwrap()), "exempted");
    let expired = ports.replace("2028", "2027");
    let decision = decided(&fixture("authorize"), &policy::parse(&expired).unwrap());
    assert_eq!(decision.verdict(), "non-compliant");
    assert!(decision.message().contains("expired on 2027-01-01"), "{}", decision.message());
}

#[test]
fn the_default_rule_of_a_new_group_follows_the_setting() {
    let event = fixture("create-group");
    let block = policy::parse("[settings]\ndefault_egress = \"block\"\n").unwrap();
    assert_eq!(verdict(&event, &Policy::default()), "compliant");
    let decision = decided(&event, &block);
    assert_eq!(decision.verdict(), "non-compliant");
    assert!(
        decision
            .message()
            .starts_with("CreateSecurityGroup created sg-0a1b2c3d4e5f60718 with EC2's default egress rule")
    );
}

#[test]
fn one_permission_with_several_ranges_is_several_egress_rules() {
    let decision = decided(&fixture("authorize"), &Policy::default());
    let at: Vec<String> = decision.of(Outcome::NonCompliant).map(|finding| finding.path.to_string()).collect();
    assert_eq!(at, ["ipPermissions[0].ipRanges[0]", "ipPermissions[0].ipRanges[1]", "ipPermissions[0].ipv6Ranges[0]"]);
    let CallConclusion::Judged(assessment) = decision.conclusion else { panic!() };
    assert_eq!(assessment.judged, 5);
}

#[test]
fn only_cloudformations_own_calls_were_judged_before() {
    for (identity, source, ignored) in [
        (json!("cloudformation.amazonaws.com"), "203.0.113.7", true),
        (Json::Null, "cloudformation.amazonaws.com", true),
        (json!("notcloudformation.amazonaws.com"), "203.0.113.7", false),
        (json!("cloudformation.amazonaws.com.evil.example"), "203.0.113.7", false),
        (json!("eks.amazonaws.com"), "eks.amazonaws.com", false),
    ] {
        let mut event = fixture("authorize");
        event["detail"]["userIdentity"]["invokedBy"] = identity.clone();
        event["detail"]["sourceIPAddress"] = json!(source);
        let is_ignored = watch(&event, &Policy::default()) == WatchOutcome::Ignored(IgnoredCall::ByCloudFormation);
        assert_eq!(is_ignored, ignored, "{identity} {source}");
    }
}

#[test]
fn shapes_that_ec2_would_refuse_are_reported_and_never_pass() {
    let set = |path: &str, value: Json| {
        let mut event = fixture("authorize-one-port");
        *event.pointer_mut(path).unwrap() = value;
        verdict(&event, &Policy::default())
    };
    let permissions = "/detail/requestParameters/ipPermissions";
    let item = format!("{permissions}/items/0");
    for (path, value, expected) in [
        ("/detail/requestParameters".to_owned(), Json::Null, "undetermined"),
        (permissions.to_owned(), json!({}), "undetermined"),
        (permissions.to_owned(), Json::Null, "undetermined"),
        (permissions.to_owned(), json!({"items": []}), "undetermined"),
        (permissions.to_owned(), json!("text"), "non-compliant"),
        (permissions.to_owned(), json!({"items": "text"}), "non-compliant"),
        (item.clone(), json!([1]), "non-compliant"),
        (item.clone(), json!({}), "non-compliant"),
        (format!("{item}/fromPort"), json!("443"), "compliant"),
        (format!("{item}/fromPort"), json!([443]), "non-compliant"),
        (format!("{item}/toPort"), Json::Null, "non-compliant"),
        (format!("{item}/ipRanges"), json!({}), "compliant"),
        (format!("{item}/ipRanges"), json!([{"cidrIp": "10.0.0.0/8"}]), "compliant"),
        ("/detail/eventName".to_owned(), json!("RevokeSecurityGroupEgress"), "not-checked"),
        ("/detail/eventSource".to_owned(), json!("s3.amazonaws.com"), "not-checked"),
        ("/source".to_owned(), json!("my.app"), "not-checked"),
        ("/detail-type".to_owned(), json!("Scheduled Event"), "not-checked"),
        ("/detail".to_owned(), json!("text"), "not-checked"),
    ] {
        assert_eq!(set(&path, value.clone()), expected, "{path} = {value}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_reported_on_the_line() {
    let event = fixture("authorize").to_string();
    let WatchOutcome::Decided(decision) = decide(event.as_bytes(), Err("policy.toml, line 3: …"), today()) else {
        panic!()
    };
    assert_eq!((decision.verdict(), decision.message().as_str()), ("internal-failure", "policy.toml, line 3: …"));
    let WatchOutcome::Decided(decision) = decide(b"{\"source\": \"SECRET", Err(""), today()) else { panic!() };
    assert_eq!(decision.verdict(), "internal-failure");
    assert!(!lines(&decision, &DELIVERY).contains("SECRET"));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        prop::sample::select(vec!["", "443", "tcp", "-1", "10.0.0.0/8", "\u{202e}\n", "{{resolve:ssm:x}}"])
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map("items|cidrIp|groupId|[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Collects each place in a value, as JSON pointers.
fn pointers(value: &Json, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Json::Array(list) => {
            for (index, entry) in list.iter().enumerate() {
                pointers(entry, &format!("{at}/{index}"), found);
            }
        }
        Json::Object(map) => {
            for (key, entry) in map {
                pointers(entry, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

proptest! {
    /// Any event is decided or ignored, and its message stays within bounds.
    #[test]
    fn no_event_makes_it_fail(
        fixture_name in prop::sample::select(FIXTURES.map(|(name, _)| name).to_vec()),
        at in any::<prop::sample::Index>(),
        value in any_json(),
        preset in prop::sample::select(vec![Preset::Literal, Preset::Effective]),
    ) {
        let mut event = fixture(fixture_name);
        let mut places = Vec::new();
        pointers(&event, "", &mut places);
        *event.pointer_mut(at.get(places.as_slice()).as_str()).unwrap() = value;
        if let WatchOutcome::Decided(decision) = watch(&event, &preset.into()) {
            let message = decision.message();
            prop_assert!(message.chars().count() <= 1_024);
            for line in lines(&decision, &DELIVERY).lines() {
                let line: Json = serde_json::from_str(line).unwrap();
                prop_assert_eq!(&line["via"], &json!("direct-call"));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decide(&bytes, Ok(&Policy::default()), today());
    }
}
