//! Any document of a CHANGE_SET invocation is decided, and a change set never disagrees with the resource: what blocks
//! one blocks the other, and what certainly passes in one passes in the other. The input is a whole document, or the
//! resource after the change, a NUL, and the resource before it, as JSON.

use crate::answer;
use cfn_egress_guard_core::hook::{AnnotationStatus, Config, ErrorCode, HookStatus, Response, decide};
use cfn_egress_guard_core::rule::Settings;
use serde_json::{Value as Json, json};

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let config = Config::new(Settings::default());
    let fetch = answer::about("CHANGE_SET", &config);
    answer::checked(&fetch.decide(Ok(text.as_bytes()), &config, answer::today()));
    let Some((after, before)) = text.split_once('\0') else { return };
    for resource_type in ["AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"] {
        let document = json!({"template": "", "changedResources": [{
            "logicalResourceId": "Web", "resourceType": resource_type, "action": "UPDATE", "lineNumber": 7,
            "beforeContext": before, "afterContext": after,
        }]});
        let document = document.to_string();
        let of_change_set = answer::checked(&fetch.decide(Ok(document.as_bytes()), &config, answer::today()));
        let Ok(context) = serde_json::from_str::<Json>(after) else { continue };
        let properties = match &context["Properties"] {
            Json::Null => json!({}),
            properties => properties.clone(),
        };
        let data = json!({"targetName": resource_type, "targetType": resource_type, "targetLogicalId": "Web",
            "targetModel": {"resourceProperties": properties}});
        let event = answer::invocation("RESOURCE", data);
        agree(&of_change_set, &answer::checked(&decide(&event, &config, answer::today())));
    }
}

fn agree(change_set: &Response, resource: &Response) {
    if change_set.error_code == Some(ErrorCode::NonCompliant) {
        assert_eq!(resource.error_code, Some(ErrorCode::NonCompliant), "{}", change_set.message);
    }
    let undetermined = change_set.annotations.iter().any(|it| it.status == AnnotationStatus::Skipped);
    if change_set.hook_status == HookStatus::Success && !undetermined {
        assert_eq!(resource.hook_status, HookStatus::Success, "{}\n{}", change_set.message, resource.message);
    }
}
