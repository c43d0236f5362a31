//! The properties of every answer of the hook.

use cfn_egress_guard_core::hook::{
    Config, Decision, ErrorCode, Fetch, HookPlan, HookStatus, MAX_ANNOTATIONS, MESSAGE_CHARS, Response, log, plan,
};
use cfn_egress_guard_core::rule::policy::Date;
use serde_json::{Value as Json, json};

/// The facts about an invocation for the log lines.
pub const DELIVERY: log::Delivery<'_> = log::Delivery {
    request_id: "r",
    guard: "g",
    policy_source: "none",
    policy_sha256: None,
    timestamp_millis: 1,
    evaluation_micros: 1,
};

/// Returns the day of the decisions.
pub fn today() -> Date {
    Date::new(2027, 6, 15).expect("a day of the calendar")
}

/// Returns an invocation with this target.
pub fn invocation(target: &str, data: Json) -> Vec<u8> {
    json!({
        "clientRequestToken": "token",
        "stackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/web/1a2345b6-0000-00a0-a123-00abc0abc000",
        "requestData": data,
        "hookTypeName": target,
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
    })
    .to_string()
    .into_bytes()
}

/// Returns an invocation that needs a document.
pub fn about(target: &str, config: &Config) -> Fetch {
    let data = json!({"targetName": target, "targetType": target, "targetLogicalId": "web",
        "payload": "https://bucket.s3.us-east-1.amazonaws.com/key?X-Amz-Signature=SECRET"});
    match plan(&invocation(target, data), config, today()) {
        HookPlan::Fetch(fetch) => *fetch,
        HookPlan::Decided(decision) => panic!("it needs a document: {}", decision.response().message),
    }
}

/// Returns the answer to a decision, and asserts that CloudFormation accepts its form.
pub fn checked(decision: &Decision) -> Response {
    let response = decision.response();
    assert_eq!(response.hook_status == HookStatus::Failed, response.error_code.is_some());
    assert!((1..=MESSAGE_CHARS).contains(&response.message.chars().count()));
    assert!(response.annotations.len() <= MAX_ANNOTATIONS);
    assert!(response.error_code != Some(ErrorCode::NonCompliant) || !response.annotations.is_empty());
    for line in log::lines(decision, &response, &DELIVERY).lines() {
        assert!(serde_json::from_str::<Json>(line).is_ok() && !line.contains("SECRET"));
    }
    response
}
