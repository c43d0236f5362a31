//! The answer in the form and within the limits that CloudFormation accepts.
//!
//! Sources: CloudFormation Hooks User Guide, "Create a Lambda function to evaluate resources" (response);
//! `HookStatusReason` and `Annotation` in the CloudFormation API model (lengths).

use serde::Serialize;

use super::decision::{Conclusion, Decision};
use crate::rule::{Severity, Verdict};

/// An answer to CloudFormation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[cfg_attr(feature = "schema", schemars(extend(
    "if" = { "properties": { "hookStatus": { "const": "FAILED" } } },
    "then" = { "required": ["errorCode"] },
    "else" = { "not": { "required": ["errorCode"] } },
)))]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// Whether the operation may continue.
    pub hook_status: HookStatus,
    /// The reason for a failure; only with `FAILED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "ErrorCode"))]
    pub error_code: Option<ErrorCode>,
    /// The message in the stack's events: 1 to 1,024 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub message: String,
    /// The invocation's token, repeated.
    pub client_request_token: String,
    /// The annotations in the hook's results, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 100)))]
    pub annotations: Vec<Annotation>,
}

/// Whether the operation may continue. `IN_PROGRESS` is never returned: the decision takes microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookStatus {
    /// The operation may continue.
    Success,
    /// The operation may not continue (under FailureMode `WARN`, it continues with a warning).
    Failed,
}

/// The reason why an operation may not continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ErrorCode {
    /// The resource breaks the rule.
    NonCompliant,
    /// The rule could not be checked.
    InternalFailure,
}

/// One line of the hook's results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// The rule's id.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub annotation_name: String,
    /// The result of the check.
    pub status: AnnotationStatus,
    /// The finding.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 400)))]
    pub status_message: String,
    /// The remedy.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 400)))]
    pub remediation_message: String,
    /// The page of the published rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = 5120)))]
    pub remediation_link: Option<&'static str>,
    /// The severity of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "SeverityLevel"))]
    pub severity_level: Option<SeverityLevel>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AnnotationStatus {
    /// The check passed.
    Passed,
    /// The check failed.
    Failed,
    /// The result does not count: nothing was checked, or the policy allows it.
    Skipped,
}

/// The CloudFormation severities that this rule uses (`LOW`, `HIGH`, and `CRITICAL` also exist).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SeverityLevel {
    /// No action needed.
    Informational,
    /// The published rule's severity.
    Medium,
}

impl From<Severity> for SeverityLevel {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Informational => Self::Informational,
            Severity::Medium => Self::Medium,
        }
    }
}

impl Decision {
    /// Returns the answer to CloudFormation.
    #[must_use]
    pub fn response(&self) -> Response {
        let (hook_status, error_code) = match &self.conclusion {
            Conclusion::Resource(_) | Conclusion::Template(_) if self.worst() == Verdict::NonCompliant => {
                (HookStatus::Failed, Some(ErrorCode::NonCompliant))
            }
            Conclusion::Resource(_) | Conclusion::Template(_) | Conclusion::NotChecked(_) => {
                (HookStatus::Success, None)
            }
            Conclusion::InternalFailure(_) => (HookStatus::Failed, Some(ErrorCode::InternalFailure)),
        };
        Response {
            hook_status,
            error_code,
            message: self.message(),
            client_request_token: self.invocation.client_request_token.clone(),
            annotations: self.annotations(),
        }
    }
}
