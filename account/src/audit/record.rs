//! The result of an audit: one record for each invocation of the hook.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use cfn_egress_guard_core::rule::excerpt;

/// The maximum length of a text; CloudFormation's limit is 4,096 characters for a message and 16,384 for an annotation.
const TEXT_CHARS: usize = 4_096;

/// Returns a text cut to the maximum length. Where the model requires a field that the answer lacks, the SDK returns
/// empty text; it is treated as missing.
pub(super) fn text(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| excerpt(text, TEXT_CHARS))
}

/// One invocation of the hook.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookRecord {
    /// The account, if known.
    pub account: Option<String>,
    pub region: String,
    /// The result's ID.
    pub id: String,
    /// The time in UTC.
    pub at: String,
    /// `HOOK_COMPLETE_FAILED`, `HOOK_FAILED` and so on, as CloudFormation names it.
    pub status: String,
    /// `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// The hook's name.
    pub hook: Option<String>,
    /// The hook's version.
    pub version: Option<String>,
    /// The kind of target: `RESOURCE`, `CLOUD_CONTROL`, `STACK`, `CHANGE_SET`, or a new one.
    pub target_type: Option<String>,
    /// The target: a resource, a stack, a change set, or a request.
    pub target_id: Option<String>,
    /// Its resource type.
    pub target_name: Option<String>,
    /// The name of its stack.
    pub stack: Option<String>,
    /// The ARN of its stack, or the token of the Cloud Control request.
    pub execution_target: Option<String>,
    /// `CREATE`, `UPDATE` and so on.
    pub action: Option<String>,
    /// The hook's message.
    pub reason: Option<String>,
    /// The results for each rule.
    pub annotations: Vec<HookAnnotation>,
    /// The EC2 API call, if this is a direct call, which no hook sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<DirectCall>,
}

/// A direct EC2 API call, which no hook sees, as CloudTrail recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectCall {
    /// The operation, for example `AuthorizeSecurityGroupEgress`.
    pub operation: String,
    /// Whether the rules are egress rules: `egress` or `may be egress`.
    pub direction: String,
    /// The verdict: `non-compliant`, `compliant` and so on.
    pub verdict: String,
    /// The caller's ARN.
    pub caller: Option<String>,
    /// The ARN of the session's role.
    pub role: Option<String>,
    /// The AWS service that made the call for the caller.
    pub service: Option<String>,
    /// The source address of the call.
    pub source_ip: Option<String>,
    /// The client: `Terraform`, `AWS CLI`.
    pub tool: Option<String>,
}

/// The status of a direct call that breaks the rule or may break it.
pub(super) const NOT_BLOCKED: &str = "DIRECT_CALL_NOT_BLOCKED";

/// The status of a direct call that complies with the rule.
pub(super) const DIRECT_PASSED: &str = "DIRECT_CALL_PASSED";

/// The hook's result for one egress rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookAnnotation {
    /// The annotation's name.
    pub name: String,
    /// `PASSED`, `FAILED` or `SKIPPED`.
    pub status: String,
    /// The severity.
    pub severity: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
    /// The fix.
    pub remedy: Option<String>,
}

/// A part that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditUnread {
    /// The account, if known.
    pub account: Option<String>,
    /// The Region; if missing, the whole account could not be read.
    pub region: Option<String>,
    /// The ID of the result, if a single one could not be read; the fields from the list are still in the results.
    pub id: Option<String>,
    /// The reason.
    pub failure: Failure,
}

impl HookRecord {
    /// Returns whether the hook blocked or warned, failed, or would have blocked a direct call.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.status.contains("FAILED") || self.status == NOT_BLOCKED
    }

    /// Returns what was checked, in words: the resource and its stack, or the request.
    #[must_use]
    pub fn subject(&self) -> String {
        if let Some(call) = &self.call {
            let by = call.service.as_ref().or(call.caller.as_ref()).map_or_else(String::new, |by| format!(" by {by}"));
            return format!("{} on {}{by}", call.operation, self.target_id.as_deref().unwrap_or("a security group"));
        }
        let target = [&self.target_name, &self.target_id];
        let target = target.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        match (&self.stack, &self.execution_target) {
            // A whole stack is also its own target.
            (Some(stack), _) if target.is_empty() || target == *stack || target.contains(&format!("/{stack}/")) => {
                format!("stack {stack}")
            }
            (Some(stack), _) => format!("{target} in stack {stack}"),
            (None, Some(request)) if !target.contains(request) => format!("{target} in request {request}"),
            (None, _) => target,
        }
    }

    /// Returns the outcome in a word or two.
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

    /// Returns the messages: those of the annotations that did not pass, otherwise the hook's own.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let failed = self.annotations.iter().filter(|annotation| annotation.status == "FAILED");
        let said: Vec<String> = failed.filter_map(|annotation| annotation.message.clone()).collect();
        match (&self.reason, said.is_empty(), &self.call) {
            (reason, true, _) => reason.clone().into_iter().collect(),
            // No message about an egress rule names the caller or says that nothing blocked the call.
            (Some(reason), false, Some(_)) => [vec![reason.clone()], said].concat(),
            (_, false, _) => said,
        }
    }
}
