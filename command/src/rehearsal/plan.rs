//! What a rehearsal is going to do: the operations of a stack and of the stacks nested in it, in the order
//! of a deployment.

use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::Scope;
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

/// A stack to deploy.
#[derive(Debug, Clone, Copy)]
pub struct StackToDeploy<'a> {
    pub name: &'a str,
    /// Where its template came from.
    pub file: &'a str,
    /// The template's text.
    pub text: &'a str,
    /// What the text contains.
    pub document: &'a Document,
    /// What is known of the deployment.
    pub scope: &'a Scope,
}

/// The deployment of one stack.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentPlan {
    /// The stack's name.
    pub stack_name: String,
    /// Its template, as written.
    pub template: String,
    /// The template that is deployed already, if the stack is there.
    pub previous_template: Option<String>,
    /// What happens to its resources, in order.
    pub operations: Vec<ResourceOperation>,
    /// The security groups and egress rules whose condition keeps them from being created.
    pub switched_off: Vec<String>,
    /// What cannot be rehearsed of the template: macros, modules and what else is not written in it.
    pub notes: Vec<String>,
}

/// Something that the hook could not be asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NotRehearsed {
    pub stack_name: String,
    /// The resource, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logical_resource_id: Option<String>,
    /// Why not.
    pub reason: String,
}

/// What a resource that breaks the rule was taken for granted to do so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedViolation {
    pub stack_name: String,
    pub logical_resource_id: String,
    /// The assumption: `` `IsProd` is true ``, or what AWS does not say.
    pub assumption: String,
}

impl AssumedViolation {
    /// What is taken for granted of an update that is rolled back.
    pub const NO_HOOK_ON_ROLLBACK: &str =
        "hooks do not run while a stack rolls back (AWS does not document whether they do)";

    /// What is taken for granted of an update that is rolled back.
    #[must_use]
    pub fn of_rollback(stack_name: &str) -> Self {
        Self {
            stack_name: stack_name.to_owned(),
            logical_resource_id: stack_name.to_owned(),
            assumption: Self::NO_HOOK_ON_ROLLBACK.to_owned(),
        }
    }
}

impl DeploymentPlan {
    /// Whether the stack is there already.
    #[must_use]
    pub const fn is_update(&self) -> bool {
        self.previous_template.is_some()
    }

    /// The operations of this stack and of those nested in it, in order.
    pub fn all_operations(&self) -> Box<dyn Iterator<Item = &ResourceOperation> + '_> {
        Box::new(self.operations.iter().flat_map(|operation| {
            let nested = operation.nested.as_deref().map(Self::all_operations);
            std::iter::once(operation).chain(nested.into_iter().flatten())
        }))
    }

    /// Whether nothing at all changes: CloudFormation refuses such an update ("No updates are to be performed").
    #[must_use]
    pub(super) fn is_unchanged(&self) -> bool {
        self.operations.is_empty() && self.previous_template.as_ref() == Some(&self.template)
    }

    /// What the hook cannot be asked about in this stack and in those nested in it.
    #[must_use]
    pub fn not_judged(&self) -> Vec<NotRehearsed> {
        let about = |logical_resource_id: Option<String>, reason: &String| NotRehearsed {
            stack_name: self.stack_name.clone(),
            logical_resource_id,
            reason: reason.clone(),
        };
        let mut found: Vec<_> = self.notes.iter().map(|note| about(None, note)).collect();
        for operation in &self.operations {
            found.extend(operation.undetermined.iter().map(|why| about(Some(operation.logical_id.clone()), why)));
            found.extend(operation.nested.iter().flat_map(|nested| nested.not_judged()));
        }
        found
    }

    /// What is taken for granted, where a template leaves open whether the rule is broken.
    #[must_use]
    pub fn assumed(&self) -> Vec<AssumedViolation> {
        let mut found = Vec::new();
        for operation in &self.operations {
            found.extend(operation.hinges_on.iter().filter(|_| operation.breaks).map(|assumption| AssumedViolation {
                stack_name: self.stack_name.clone(),
                logical_resource_id: operation.logical_id.clone(),
                assumption: assumption.clone(),
            }));
            found.extend(operation.nested.iter().flat_map(|nested| nested.assumed()));
        }
        found
    }

    /// Has what breaks the rule in here hinge on what the stack around it hinges on.
    pub(super) fn hinge_on(&mut self, assumptions: &[String]) {
        for operation in &mut self.operations {
            if operation.breaks {
                operation.hinges_on.splice(0..0, assumptions.iter().cloned());
            }
            if let Some(nested) = &mut operation.nested {
                nested.hinge_on(assumptions);
            }
        }
    }
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceOperation {
    /// The resource's logical id.
    pub logical_id: String,
    pub resource_type: String,
    /// What is done to it.
    pub action: Action,
    /// The line of the template that it is on.
    pub line: Option<u32>,
    /// The proposed properties as they are sent, with stand-ins for what is not known here.
    pub properties: Json,
    /// The properties that it has, for an update.
    pub previous: Option<Json>,
    /// How a change set describes it before and after.
    pub described: DescribedProperties,
    /// What is not known here, and so stood in for: `VpcId is !Ref Vpc`.
    pub unknown: Vec<String>,
    /// Why the hook cannot be asked here: what it would decide on is not known.
    pub undetermined: Option<String>,
    /// Whether it breaks the rule as it is rehearsed; the policy may allow it.
    pub breaks: bool,
    /// What it was taken for granted to break the rule, where the template leaves it open: `` `IsProd` is true ``.
    pub hinges_on: Vec<String>,
    /// What happens inside it, if it is a nested stack whose template is here.
    pub nested: Option<Box<DeploymentPlan>>,
}

impl ResourceOperation {
    /// That the hook is not asked about it, and why.
    #[must_use]
    pub fn not_asked(&self) -> Option<String> {
        self.undetermined.as_ref().map(|why| format!("the hook is not called: {why}"))
    }
}

/// A resource's properties as a change set describes them: numbers as text, and
/// `{{changeSet:KNOWN_AFTER_APPLY}}` for what only the deployment will know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DescribedProperties {
    /// Before the change; nothing if it is created.
    pub before: Option<Json>,
    /// After the change; nothing if it is removed.
    pub after: Option<Json>,
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

    /// The action's name in a change set.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Remove => "DELETE",
        }
    }

    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Remove => "delete",
        }
    }
}
