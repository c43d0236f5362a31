//! What an audit tells: one record for each invocation of the hook.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use cfn_egress_guard_core::rule::excerpt;

/// How much of a text is kept: a message's limit is 4,096 characters, an annotation's 16,384.
const TEXT_CHARS: usize = 4_096;

/// A text as it is kept. The SDK gives fields that the model requires and the answer lacks as empty text: they are
/// not there.
pub(super) fn text(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| excerpt(text, TEXT_CHARS))
}

/// One invocation of the hook.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookRecord {
    /// The account, if anybody says which it is.
    pub account: Option<String>,
    pub region: String,
    /// The result's id.
    pub id: String,
    /// When, UTC.
    pub at: String,
    /// `HOOK_COMPLETE_FAILED`, `HOOK_FAILED` and so on, as CloudFormation names it.
    pub status: String,
    /// `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// The hook's name.
    pub hook: Option<String>,
    /// The hook's version.
    pub version: Option<String>,
    /// What was looked at: `RESOURCE`, `CLOUD_CONTROL`, `STACK`, `CHANGE_SET`, or what comes.
    pub target_type: Option<String>,
    /// Which one: a resource, a stack, a change set, a request.
    pub target_id: Option<String>,
    /// Its resource type.
    pub target_name: Option<String>,
    /// The name of its stack.
    pub stack: Option<String>,
    /// The ARN of its stack, or the token of the Cloud Control request.
    pub execution_target: Option<String>,
    /// `CREATE`, `UPDATE` and so on.
    pub action: Option<String>,
    /// What the hook said.
    pub reason: Option<String>,
    /// What it said of each rule.
    pub annotations: Vec<HookAnnotation>,
    /// The call of EC2's API, if it is about one that no hook was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<DirectCall>,
}

/// A call of EC2's API that no hook was asked about, as CloudTrail recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectCall {
    /// The operation, for example `AuthorizeSecurityGroupEgress`.
    pub operation: String,
    /// Whether the rules are egress rules: `egress` or `may be egress`.
    pub direction: String,
    /// What the rule says of it: `non-compliant`, `compliant` and so on.
    pub verdict: String,
    /// The ARN of who called.
    pub caller: Option<String>,
    /// The ARN of the role whose session it was.
    pub role: Option<String>,
    /// The AWS service that called on behalf of them.
    pub service: Option<String>,
    /// The address that the call came from.
    pub source_ip: Option<String>,
    /// With what: `Terraform`, `AWS CLI`.
    pub tool: Option<String>,
}

/// The status of a direct call that broke the rule, or may have.
pub(super) const NOT_BLOCKED: &str = "DIRECT_CALL_NOT_BLOCKED";

/// The status of one that did not.
pub(super) const DIRECT_PASSED: &str = "DIRECT_CALL_PASSED";

/// What the hook said of one egress rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookAnnotation {
    /// The annotation's name.
    pub name: String,
    /// `PASSED`, `FAILED` or `SKIPPED`.
    pub status: String,
    /// How bad it is.
    pub severity: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
    /// What to write instead.
    pub remedy: Option<String>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditUnread {
    /// The account, if anybody says which it is.
    pub account: Option<String>,
    /// The Region; without one, it is the account.
    pub region: Option<String>,
    /// The result, if it is about one: what the list told of it is among the results.
    pub id: Option<String>,
    /// Why.
    pub failure: Failure,
}

impl HookRecord {
    /// Whether the hook did not let it pass, did not work, or was not asked and would not have let it pass.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.status.contains("FAILED") || self.status == NOT_BLOCKED
    }

    /// What was looked at, in words: the resource and its stack, or the request.
    #[must_use]
    pub fn subject(&self) -> String {
        if let Some(call) = &self.call {
            let by = call.service.as_ref().or(call.caller.as_ref()).map_or_else(String::new, |by| format!(" by {by}"));
            return format!("{} on {}{by}", call.operation, self.target_id.as_deref().unwrap_or("a security group"));
        }
        let target = [&self.target_name, &self.target_id];
        let target = target.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        match (&self.stack, &self.execution_target) {
            // A whole stack is its own target.
            (Some(stack), _) if target.is_empty() || target == *stack || target.contains(&format!("/{stack}/")) => {
                format!("stack {stack}")
            }
            (Some(stack), _) => format!("{target} in stack {stack}"),
            (None, Some(request)) if !target.contains(request) => format!("{target} in request {request}"),
            (None, _) => target,
        }
    }

    /// What became of it, in a word.
    #[must_use]
    pub fn fate(&self) -> &'static str {
        match (self.status.as_str(), self.failure_mode.as_deref()) {
            (_, Some("WARN")) if self.is_failed() => "warned",
            ("HOOK_FAILED", _) => "hook error",
            (NOT_BLOCKED, _) => "not blocked",
            _ if self.is_failed() => "blocked",
            ("HOOK_COMPLETE_SUCCEEDED" | DIRECT_PASSED, _) => "passed",
            _ => "other",
        }
    }

    /// What there is to say: the annotations that did not pass, else the hook's message.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let failed = self.annotations.iter().filter(|annotation| annotation.status == "FAILED");
        let said: Vec<String> = failed.filter_map(|annotation| annotation.message.clone()).collect();
        match (&self.reason, said.is_empty(), &self.call) {
            (reason, true, _) => reason.clone().into_iter().collect(),
            // Who called, and that nothing stopped it, is in no line about an egress rule.
            (Some(reason), false, Some(_)) => [vec![reason.clone()], said].concat(),
            (_, false, _) => said,
        }
    }
}
