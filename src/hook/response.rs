//! The answer that CloudFormation accepts, within its limits.
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
    /// Whether the operation may go on.
    pub hook_status: HookStatus,
    /// Why not; only with `FAILED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "ErrorCode"))]
    pub error_code: Option<ErrorCode>,
    /// What the user reads in the stack's events: 1 to 1,024 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub message: String,
    /// The invocation's token, repeated.
    pub client_request_token: String,
    /// What the user reads in the hook's results, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 100)))]
    pub annotations: Vec<Annotation>,
}

/// Whether the operation may go on. `IN_PROGRESS` is never answered: the decision takes microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookStatus {
    /// It may.
    Success,
    /// It may not (under FailureMode `WARN` it goes on with a warning).
    Failed,
}

/// Why an operation may not go on.
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
    /// What the check came to.
    pub status: AnnotationStatus,
    /// What was found.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 400)))]
    pub status_message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 400)))]
    pub remediation_message: String,
    /// The page of the published rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = 5120)))]
    pub remediation_link: Option<&'static str>,
    /// How bad it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "SeverityLevel"))]
    pub severity_level: Option<SeverityLevel>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AnnotationStatus {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It does not count: nothing was checked, or the policy allows it.
    Skipped,
}

/// The severities of CloudFormation that this rule uses (it also knows `LOW`, `HIGH` and `CRITICAL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SeverityLevel {
    /// Nothing to do.
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
    /// The answer to CloudFormation.
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
