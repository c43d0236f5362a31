//! The plan of a rehearsal: the operations of a stack and its nested stacks, in deployment order.

use cfn_egress_guard_core::security_group::ResourceType;
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::Scope;
use serde::Serialize;
use serde_json::Value as Json;

/// The effect of a failed hook on the operation (the hook's `FailureMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FailureMode {
    /// The operation is stopped and rolled back.
    #[default]
    Fail,
    /// The operation continues, and the events contain a warning.
    Warn,
}

/// A stack to deploy.
#[derive(Debug, Clone, Copy)]
pub struct StackToDeploy<'a> {
    pub name: &'a str,
    /// The source of its template.
    pub file: &'a str,
    /// The template's text.
    pub text: &'a str,
    /// The parsed text.
    pub document: &'a Document,
    /// The known facts about the deployment.
    pub scope: &'a Scope,
}

/// The deployment of one stack.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentPlan {
    /// The stack's name.
    pub stack_name: String,
    /// Its template, as written.
    pub template: String,
    /// The deployed template, if the stack exists.
    pub previous_template: Option<String>,
    /// The operations on its resources, in order.
    pub operations: Vec<ResourceOperation>,
    /// The security groups and egress rules whose condition keeps them from being created.
    pub switched_off: Vec<String>,
    /// The parts of the template that cannot be rehearsed: macros, modules and anything else that is not written in it.
    pub notes: Vec<String>,
    /// The values that the rehearsal assumes and that decide the verdict: `` `AWS::Region` is us-east-1 ``.
    pub assumed_values: Vec<String>,
}

/// Something for which the hook could not be invoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NotRehearsed {
    pub stack_name: String,
    /// The resource, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logical_resource_id: Option<String>,
    /// The reason.
    pub reason: String,
}

/// An assumption that the verdict depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerdictAssumption {
    pub stack_name: String,
    /// The resource, or the stack's name if the assumption is about the stack.
    pub logical_resource_id: String,
    /// The assumption: `` `IsProd` is true ``, a value that is not given, or behavior that AWS does not document.
    pub assumption: String,
}

impl VerdictAssumption {
    /// The assumption about an update that is rolled back.
    pub const NO_HOOK_ON_ROLLBACK: &str =
        "hooks do not run while a stack rolls back (AWS does not document whether they do)";

    /// Returns the assumption about an update that is rolled back.
    #[must_use]
    pub fn of_rollback(stack_name: &str) -> Self {
        Self::of_stack(stack_name, Self::NO_HOOK_ON_ROLLBACK)
    }

    fn of_stack(stack_name: &str, assumption: &str) -> Self {
        Self {
            stack_name: stack_name.to_owned(),
            logical_resource_id: stack_name.to_owned(),
            assumption: assumption.to_owned(),
        }
    }
}

impl DeploymentPlan {
    /// Returns whether the stack already exists.
    #[must_use]
    pub const fn is_update(&self) -> bool {
        self.previous_template.is_some()
    }

    /// Returns the operations of this stack and its nested stacks, in order.
    pub fn all_operations(&self) -> Box<dyn Iterator<Item = &ResourceOperation> + '_> {
        Box::new(self.operations.iter().flat_map(|operation| {
            let nested = operation.nested.as_deref().map(Self::all_operations);
            std::iter::once(operation).chain(nested.into_iter().flatten())
        }))
    }

    /// Returns whether the deployment creates or updates a security group or an egress rule.
    #[must_use]
    pub fn has_checked_resources(&self) -> bool {
        self.all_operations().any(|operation| {
            operation.action != Action::Remove && ResourceType::from_name(&operation.resource_type).is_some()
        })
    }

    /// Returns whether nothing changes: CloudFormation refuses such an update ("No updates are to be performed").
    #[must_use]
    pub(super) fn is_unchanged(&self) -> bool {
        self.operations.is_empty() && self.previous_template.as_ref() == Some(&self.template)
    }

    /// Returns everything in this stack and its nested stacks for which the hook cannot be invoked.
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

    /// Returns the assumptions made where the template or the arguments leave open whether the rule is broken.
    #[must_use]
    pub fn assumed(&self) -> Vec<VerdictAssumption> {
        let of_stack = |value: &String| VerdictAssumption::of_stack(&self.stack_name, value);
        let mut found: Vec<_> = self.assumed_values.iter().map(of_stack).collect();
        for operation in &self.operations {
            found.extend(operation.hinges_on.iter().filter(|_| operation.breaks).map(|assumption| VerdictAssumption {
                stack_name: self.stack_name.clone(),
                logical_resource_id: operation.logical_id.clone(),
                assumption: assumption.clone(),
            }));
            found.extend(operation.nested.iter().flat_map(|nested| nested.assumed()));
        }
        found
    }

    /// Adds the parent's assumptions to every violation in this stack.
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

/// The operation on one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceOperation {
    /// The resource's logical id.
    pub logical_id: String,
    pub resource_type: String,
    /// The kind of operation.
    pub action: Action,
    /// Its line in the template.
    pub line: Option<u32>,
    /// The proposed properties as sent, with placeholders for unknown values.
    pub properties: Json,
    /// The previous properties, for an update.
    pub previous: Option<Json>,
    /// The properties before and after, as a change set describes them.
    pub described: DescribedProperties,
    /// The unknown values that were replaced: `VpcId is !Ref Vpc`.
    pub unknown: Vec<String>,
    /// The reason why the hook cannot be invoked: a value that decides the verdict is unknown.
    pub undetermined: Option<String>,
    /// Whether it breaks the rule in this rehearsal; the policy may allow it.
    pub breaks: bool,
    /// The assumptions under which it breaks the rule, where the template leaves it open: `` `IsProd` is true ``.
    pub hinges_on: Vec<String>,
    /// The plan of the nested stack, if this is one and its template is available.
    pub nested: Option<Box<DeploymentPlan>>,
}

impl ResourceOperation {
    /// Returns a message if the hook is not invoked for this operation: that it is not, and why.
    #[must_use]
    pub fn not_asked(&self) -> Option<String> {
        self.undetermined.as_ref().map(|why| format!("the hook is not called: {why}"))
    }
}

/// A resource's properties as a change set describes them: numbers as text, and `{{changeSet:KNOWN_AFTER_APPLY}}` for
/// values that are known only after the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DescribedProperties {
    /// Before the change; nothing for a new resource.
    pub before: Option<Json>,
    /// After the change; nothing for a removed resource.
    pub after: Option<Json>,
}

/// The kind of operation on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is created.
    Create,
    /// It is updated, in place or by a replacement.
    Update,
    /// It was removed from the template: CloudFormation deletes it in the cleanup, without invoking a hook.
    Remove,
}

impl Action {
    /// Returns the hook's invocation point.
    pub(super) const fn invocation_point(self) -> &'static str {
        match self {
            Self::Create => "CREATE_PRE_PROVISION",
            Self::Update => "UPDATE_PRE_PROVISION",
            Self::Remove => "DELETE_PRE_PROVISION",
        }
    }

    /// Returns the action's name in a change set.
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
