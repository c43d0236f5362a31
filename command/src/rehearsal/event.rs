//! Stack events in the shape of `DescribeStackEvents` (CloudFormation API model), with CloudFormation's own wording.

use serde::Serialize;

use super::plan::FailureMode;

/// One stack event. Omits the fields that CloudFormation omits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackEvent {
    /// The stack's ARN.
    pub stack_id: String,
    /// Unique within the stack.
    pub event_id: String,
    /// The stack's name.
    pub stack_name: String,
    /// The resource's logical ID; for the stack itself, the stack's name.
    pub logical_resource_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// The time in RFC 3339.
    pub timestamp: String,
    /// The resource's status.
    pub resource_status: &'static str,
    /// The reason for that status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_status_reason: Option<String>,
    /// The hook's result.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookEvent>,
}

/// The part of a stack event that a hook adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HookEvent {
    /// The hook's alias.
    pub hook_type: String,
    /// The hook's progress.
    pub hook_status: HookProgress,
    /// The hook's message.
    pub hook_status_reason: String,
    /// Always `PRE_PROVISION`.
    pub hook_invocation_point: &'static str,
    /// The effect of a failure.
    pub hook_failure_mode: FailureMode,
}

/// The progress of a hook (API model, `HookStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookProgress {
    /// It was invoked.
    HookInProgress,
    /// It allowed the operation.
    HookCompleteSucceeded,
    /// It evaluated the resource and blocked the operation.
    HookCompleteFailed,
    /// It could not evaluate the resource.
    HookFailed,
}

impl HookProgress {
    /// Returns the status as CloudFormation spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HookInProgress => "HOOK_IN_PROGRESS",
            Self::HookCompleteSucceeded => "HOOK_COMPLETE_SUCCEEDED",
            Self::HookCompleteFailed => "HOOK_COMPLETE_FAILED",
            Self::HookFailed => "HOOK_FAILED",
        }
    }
}
