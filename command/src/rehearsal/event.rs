//! Stack events in the shape of `DescribeStackEvents` (CloudFormation API model), in the words that
//! CloudFormation uses.

use serde::Serialize;

use super::plan::FailureMode;

/// One event of a stack. Fields that CloudFormation would leave out are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackEvent {
    /// The stack's ARN.
    pub stack_id: String,
    /// Unique within the stack.
    pub event_id: String,
    /// The stack's name.
    pub stack_name: String,
    /// The resource's logical id; the stack's name for the stack itself.
    pub logical_resource_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// When, in RFC 3339.
    pub timestamp: String,
    /// The resource's status.
    pub resource_status: &'static str,
    /// Why it has that status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_status_reason: Option<String>,
    /// What a hook had to say.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookEvent>,
}

/// The part of a stack event that a hook adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HookEvent {
    /// The hook's alias.
    pub hook_type: String,
    /// How far the hook is.
    pub hook_status: HookProgress,
    /// What it says.
    pub hook_status_reason: String,
    /// Always `PRE_PROVISION`.
    pub hook_invocation_point: &'static str,
    /// What a failure means.
    pub hook_failure_mode: FailureMode,
}

/// How far a hook is (API model, `HookStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookProgress {
    /// It was invoked.
    HookInProgress,
    /// It let the operation pass.
    HookCompleteSucceeded,
    /// It evaluated the resource and did not.
    HookCompleteFailed,
    /// It could not evaluate the resource.
    HookFailed,
}

impl HookProgress {
    /// The status as CloudFormation spells it.
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
