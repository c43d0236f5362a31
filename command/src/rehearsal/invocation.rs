//! The invocations and documents that CloudFormation would send, and how it interprets the answers.
//!
//! Sources: CloudFormation Hooks User Guide, "Create a Lambda function to evaluate resources", "… stacks" and "… change
//! sets".

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::event::HookProgress;
use super::plan::{DeploymentPlan, FailureMode, ResourceOperation};
use cfn_egress_guard_core::hook::Target;

/// The configuration of the rehearsed hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSettings {
    /// The hook's alias.
    pub alias: String,
    /// The effect of a failure.
    pub failure_mode: FailureMode,
    /// The targets that the hook is invoked for.
    pub target_operations: Vec<Target>,
    /// Whether a failed deployment is left as it is (`DisableRollback`, express mode).
    pub disable_rollback: bool,
    /// The account in the events.
    pub account: String,
    /// The Region in the events.
    pub region: String,
}

/// The subject of an invocation.
pub(super) enum InvocationSubject<'a> {
    Resource(&'a ResourceOperation),
    /// A whole stack, with the URL of its document.
    Stack(&'a DeploymentPlan, &'a str),
    /// A change set's ARN and the URL of its document.
    ChangeSet(&'a str, &'a str),
}

impl InvocationSubject<'_> {
    /// Returns the hook's name in the events: STACK and CHANGE_SET have separate hooks (template.yaml).
    pub(super) fn alias(&self, hook: &HookSettings) -> String {
        match self {
            Self::Resource(_) => hook.alias.clone(),
            Self::Stack(..) | Self::ChangeSet(..) => format!("{}Stack", hook.alias),
        }
    }

    fn request_data(&self) -> Json {
        match self {
            Self::Resource(operation) => json!({
                "targetName": operation.resource_type,
                "targetType": operation.resource_type,
                "targetLogicalId": operation.logical_id,
                "targetModel": {
                    "resourceProperties": operation.properties,
                    "previousResourceProperties": operation.previous,
                },
            }),
            Self::Stack(plan, url) => json!({
                "targetName": Target::Stack.name(),
                "targetType": Target::Stack.name(),
                "targetLogicalId": plan.stack_name,
                "payload": url,
            }),
            Self::ChangeSet(arn, url) => json!({
                "targetName": Target::ChangeSet.name(),
                "targetType": Target::ChangeSet.name(),
                "targetLogicalId": arn,
                "payload": url,
            }),
        }
    }

    const fn invocation_point(&self) -> &'static str {
        match self {
            Self::Resource(operation) => operation.action.invocation_point(),
            Self::Stack(plan, _) if plan.is_update() => "UPDATE_PRE_PROVISION",
            // "For CHANGE_SET targets, only the CREATE action is applicable."
            Self::Stack(..) | Self::ChangeSet(..) => "CREATE_PRE_PROVISION",
        }
    }

    pub(super) fn invocation(&self, hook: &HookSettings, stack_id: &str, number: usize) -> Json {
        let change_set = if let Self::ChangeSet(arn, _) = self { Some(*arn) } else { None };
        json!({
            "clientRequestToken": format!("00000000-0000-4000-9000-{number:012}"),
            "awsAccountId": hook.account,
            "stackId": stack_id,
            "changeSetId": change_set,
            "hookTypeName": self.alias(hook),
            "hookTypeVersion": "00000001",
            "hookModel": {
                "LambdaFunction": format!("arn:aws:lambda:{}:{}:function:cfn-egress-guard", hook.region, hook.account)
            },
            "actionInvocationPoint": self.invocation_point(),
            "requestData": self.request_data(),
            "requestContext": { "invocation": 1, "callbackContext": null },
        })
    }
}

/// Returns the document of a STACK invocation.
pub(super) fn stack_document(plan: &DeploymentPlan) -> Json {
    json!({ "template": plan.template, "previousTemplate": plan.previous_template.as_deref().unwrap_or_default() })
}

/// Returns the document of a CHANGE_SET invocation; contexts are JSON text.
pub(super) fn change_set_document(plan: &DeploymentPlan) -> Json {
    let changed: Vec<Json> = plan
        .operations
        .iter()
        .map(|operation| {
            json!({
                "logicalResourceId": operation.logical_id,
                "resourceType": operation.resource_type,
                "action": operation.action.name(),
                "lineNumber": operation.line,
                "beforeContext": operation.described.before.as_ref().map(Json::to_string),
                "afterContext": operation.described.after.as_ref().map(Json::to_string),
            })
        })
        .collect();
    json!({ "template": plan.template, "changedResources": changed })
}

/// The part of a hook's answer that CloudFormation reads.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HookResponse {
    hook_status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_code: Option<String>,
}

/// Interprets a hook's answer as CloudFormation does.
pub(super) fn read(answer: &[u8]) -> (HookProgress, String) {
    match serde_json::from_slice::<HookResponse>(answer) {
        Ok(answer) => match (answer.hook_status.as_str(), answer.error_code.as_deref()) {
            ("SUCCESS", _) => {
                (HookProgress::HookCompleteSucceeded, format!("Hook succeeded with message: {}", answer.message))
            }
            ("FAILED", Some("NonCompliant")) => {
                (HookProgress::HookCompleteFailed, format!("Hook failed with message: {}", answer.message))
            }
            ("FAILED", _) => (HookProgress::HookFailed, format!("Hook failed with message: {}", answer.message)),
            (other, _) => (HookProgress::HookFailed, format!("the hook answered with the status `{other}`")),
        },
        Err(error) => (HookProgress::HookFailed, format!("the hook's answer does not follow the protocol: {error}")),
    }
}
