//! Whether `status` finds the rule that sends direct calls to the function, and the trail that this requires: answers
//! in the shapes of `ListRuleNamesByTarget`, `DescribeRule`, `DescribeTrails`, `GetTrailStatus` and `GetEventSelectors`
//! (JSON 1.1; source: the output structures of aws-sdk-eventbridge 1.127 and aws-sdk-cloudtrail 1.130).

use serde_json::{Value as Json, json};

use super::function::Function;
use super::server::{Reply, Request, Server};
use super::status::{around, codes, good, json};
use crate::support::stdout;

#[derive(Clone)]
struct Watch {
    /// The name, state and pattern of each rule whose target is the function.
    rules: Vec<(&'static str, &'static str, &'static str)>,
    /// The name of each trail, whether it logs, and its event selectors.
    trails: Vec<(&'static str, bool, Json)>,
    refused: Option<(&'static str, &'static str)>,
}

const PATTERN: &str = r#"{"source": ["aws.ec2"], "detail": {"eventName": ["AuthorizeSecurityGroupEgress"]}}"#;

fn management() -> Json {
    json!({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": []}]})
}

fn arn(trail: &str) -> String {
    format!("arn:aws:cloudtrail:us-east-1:123456789012:trail/{trail}")
}

impl Watch {
    fn good() -> Self {
        Self {
            rules: vec![("guard-DirectCallsRule-1", "ENABLED", PATTERN)],
            trails: vec![("main", true, management())],
            refused: None,
        }
    }

    fn reply(&self, request: &Request) -> Option<Reply> {
        let asked: Json = serde_json::from_str(&request.body).unwrap_or_default();
        let action = request.action.as_str();
        if let Some((_, code)) = self.refused.filter(|(refused, _)| *refused == action) {
            let message = format!("User: arn:aws:iam::123456789012:user/x is not authorized to perform: x:{action}");
            let body = json!({"__type": code, "message": message}).to_string().into_bytes();
            return Some(Reply { status: 400, headers: "", body });
        }
        let trail = |name: &str| {
            let asked = asked[name].as_str().unwrap();
            assert_eq!(request.region, "us-east-1", "where the trail was created");
            self.trails.iter().find(|(name, ..)| arn(name) == asked).unwrap()
        };
        let body = match action {
            "ListRuleNamesByTarget" => {
                assert_eq!(asked["TargetArn"], "arn:aws:lambda:eu-west-1:123456789012:function:guard:live");
                // One on a page.
                let at: usize = asked["NextToken"].as_str().unwrap_or("0").parse().unwrap();
                let page: Vec<_> = self.rules.iter().skip(at).take(1).map(|(name, ..)| name).collect();
                let mut body = json!({"RuleNames": page});
                if at + 1 < self.rules.len() {
                    body["NextToken"] = json!((at + 1).to_string());
                }
                body
            }
            "DescribeRule" => {
                let (name, state, pattern) = self.rules.iter().find(|(name, ..)| asked["Name"] == *name).unwrap();
                json!({"Name": name, "State": state, "EventPattern": pattern})
            }
            "DescribeTrails" => {
                let trails = self
                    .trails
                    .iter()
                    .map(|(name, ..)| json!({"Name": name, "TrailARN": arn(name), "HomeRegion": "us-east-1"}));
                json!({"trailList": trails.collect::<Vec<_>>()})
            }
            "GetTrailStatus" => json!({"IsLogging": trail("Name").1}),
            "GetEventSelectors" => trail("TrailName").2.clone(),
            _ => return None,
        };
        Some(Reply { status: 200, headers: "", body: body.to_string().into_bytes() })
    }

    fn server(&self) -> Server {
        let watch = self.clone();
        Server::start(move |request| watch.reply(request).unwrap_or_else(|| around(request, &good(), &Function::new())))
    }
}

fn notes(result: &Json) -> Vec<&str> {
    result["notes"].as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect()
}

#[test]
fn a_rule_and_a_trail_are_found() {
    let (code, result) = json(&Watch::good().server(), &[]);
    assert_eq!((code, codes(&result), notes(&result)), (Some(0), vec![], vec![]), "{result}");
    let calls = &result["regions"][0]["directCalls"];
    assert_eq!(
        (&calls["watched"], &calls["rule"], &calls["trail"]),
        (&json!(true), &json!("guard-DirectCallsRule-1"), &json!(arn("main")))
    );
}

#[test]
fn a_disabled_rule_and_a_missing_trail_are_gaps() {
    let selectors = |kind: &str, management: bool| json!({"EventSelectors": [{"ReadWriteType": kind, "IncludeManagementEvents": management}]});
    let advanced = |fields: &[(&str, &str)]| {
        let fields: Vec<Json> =
            fields.iter().map(|(field, value)| json!({"Field": field, "Equals": [value]})).collect();
        json!({"AdvancedEventSelectors": [{"Name": "x", "FieldSelectors": fields}]})
    };
    for (trails, expected) in [
        (vec![], vec!["watch-without-trail"]),
        (vec![("a", false, management())], vec!["watch-without-trail"]),
        (vec![("a", false, management()), ("b", true, management())], vec![]),
        (vec![("a", true, selectors("ReadOnly", true))], vec!["watch-without-trail"]),
        (vec![("a", true, selectors("All", false))], vec!["watch-without-trail"]),
        (vec![("a", true, selectors("WriteOnly", true))], vec![]),
        (vec![("a", true, advanced(&[("eventCategory", "Management")]))], vec![]),
        (vec![("a", true, advanced(&[("eventCategory", "Management"), ("readOnly", "false")]))], vec![]),
        (
            vec![("a", true, advanced(&[("eventCategory", "Management"), ("readOnly", "true")]))],
            vec!["watch-without-trail"],
        ),
        (vec![("a", true, advanced(&[("eventCategory", "Data")]))], vec!["watch-without-trail"]),
    ] {
        let watch = Watch { trails: trails.clone(), ..Watch::good() };
        let (code, result) = json(&watch.server(), &[]);
        assert_eq!(codes(&result), expected, "{trails:?}");
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{trails:?}");
        assert_eq!(result["regions"][0]["directCalls"]["watched"], json!(expected.is_empty()), "{trails:?}");
    }
    let off = Watch { rules: vec![("guard-DirectCallsRule-1", "DISABLED", PATTERN)], ..Watch::good() };
    assert_eq!(codes(&json(&off.server(), &[]).1), ["watch-disabled"]);
    let two = vec![("old", "DISABLED", PATTERN), ("new", "ENABLED", PATTERN)];
    let (_, result) = json(&Watch { rules: two, ..Watch::good() }.server(), &[]);
    assert_eq!((codes(&result), &result["regions"][0]["directCalls"]["rule"]), (vec![], &json!("new")));
}

/// The watch is optional: without it, there is a note, but no gap.
#[test]
fn without_a_rule_there_is_a_note_and_no_gap() {
    for (rules, trails, says) in [
        (vec![], Watch::good().trails, "in 1 Region: WatchDirectCalls is not on; there is a trail for it"),
        (vec![], vec![], "there is no trail for it"),
        // Other events that are sent to the function.
        (vec![("other", "ENABLED", r#"{"source": ["my.app"]}"#)], vec![], "there is no trail for it"),
    ] {
        let server = Watch { rules, trails, refused: None }.server();
        let (code, result) = json(&server, &[]);
        assert_eq!((code, codes(&result), notes(&result)), (Some(0), vec![], vec!["direct-calls-not-watched"]));
        let message = result["notes"][0]["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
        assert!(stdout(&server.command(&["status", "--region", "eu-west-1"])).contains(message));
    }
}

/// With the permissions of an earlier version, the verdict on enforcement is unchanged.
#[test]
fn what_cannot_be_read_does_not_change_the_verdict() {
    let denied = ["ListRuleNamesByTarget", "DescribeRule", "DescribeTrails", "GetTrailStatus", "GetEventSelectors"]
        .map(|action| (action, "AccessDeniedException"));
    // The list in a member account may contain an organization's trail that the account cannot read.
    for refused in denied.into_iter().chain([("GetTrailStatus", "TrailNotFoundException")]) {
        let (code, result) = json(&Watch { refused: Some(refused), ..Watch::good() }.server(), &[]);
        let (denied, _) = refused;
        assert_eq!((code, codes(&result)), (Some(0), vec![]), "{denied}");
        let calls = &result["regions"][0]["directCalls"];
        assert_eq!(calls["watched"], Json::Null, "{denied}");
        assert!(calls["unread"][0]["message"].as_str().unwrap().contains(denied), "{calls}");
    }
}
