//! What a rehearsal is going to do: the operations of one stack, in the order of a deployment.

use serde::Serialize;
use serde_json::Value as Json;

/// What a failed hook means for the operation (the hook's `FailureMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FailureMode {
    /// The operation is stopped and rolled back.
    #[default]
    Fail,
    /// It goes on, and the events tell.
    Warn,
}

/// The deployment of one stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The stack's name.
    pub stack_name: String,
    /// Whether the stack is there already.
    pub is_update: bool,
    /// What happens to its resources, in order.
    pub operations: Vec<Operation>,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The resource's logical id.
    pub logical_id: String,
    /// Its type.
    pub resource_type: String,
    /// What is done to it.
    pub action: Action,
    /// The proposed properties as they are sent, with stand-ins for what is not known here.
    pub properties: Json,
    /// The properties that it has, for an update.
    pub previous: Option<Json>,
    /// What is not known here, and so stood in for: `VpcId is !Ref Vpc`.
    pub unknown: Vec<String>,
    /// Why the hook cannot be asked here: what it would decide on is not known.
    pub undetermined: Option<String>,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is created.
    Create,
    /// It is updated, in place or by a replacement.
    Update,
    /// It is gone from the template: removed in the clean-up, which asks no hook.
    Remove,
}

impl Action {
    /// The hook's invocation point.
    pub(super) const fn invocation_point(self) -> &'static str {
        match self {
            Self::Create => "CREATE_PRE_PROVISION",
            Self::Update => "UPDATE_PRE_PROVISION",
            Self::Remove => "DELETE_PRE_PROVISION",
        }
    }
}
