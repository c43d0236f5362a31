//! Plays a plan: asks the hook before each operation, and goes on, warns or rolls back as CloudFormation
//! does.
//!
//! Sources: CloudFormation Hooks User Guide ("Hooks are invoked before each create, update or delete of
//! a resource"; failure modes); the words of the events as CloudFormation prints them.

use serde::Deserialize;
use serde_json::json;

use super::event::{HookEvent, HookProgress, StackEvent};
use super::function::{Function, InvokeError};
use super::plan::{Action, FailureMode, Operation, Plan};
use crate::security_group::ResourceType;

/// Who asks, and on what terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The hook's alias.
    pub alias: String,
    /// What a failure means.
    pub failure_mode: FailureMode,
    /// The account that the events name.
    pub account: String,
    /// The Region that the events name.
    pub region: String,
}

/// How a rehearsed deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It went through.
    Complete,
    /// It went through with warnings, where the hook would have stopped it under `FAIL`.
    CompleteWithWarnings,
    /// The hook stopped it.
    RolledBack,
}

/// What CloudFormation reads of a hook's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    hook_status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_code: Option<String>,
}

/// A deployment that is being rehearsed.
struct Deployment<'a> {
    hook: &'a Hook,
    stack_name: &'a str,
    stack_id: String,
    clock: &'a dyn Fn() -> String,
    sink: &'a mut dyn FnMut(StackEvent),
    events: usize,
}

/// Rehearses a plan. Each event goes to the sink as it happens; `clock` gives its time.
///
/// # Errors
/// When an answer is missing where only the function's owner can help: it does not run at all.
pub async fn rehearse(
    plan: &Plan,
    hook: &Hook,
    function: &mut Function,
    clock: &dyn Fn() -> String,
    sink: &mut dyn FnMut(StackEvent),
) -> Result<Ending, InvokeError> {
    let stack_id = format!(
        "arn:aws:cloudformation:{}:{}:stack/{}/00000000-0000-4000-8000-000000000000",
        hook.region, hook.account, plan.stack_name
    );
    let mut deployment = Deployment { hook, stack_name: &plan.stack_name, stack_id, clock, sink, events: 0 };
    deployment.run(plan, function).await
}

impl Deployment<'_> {
    async fn run(&mut self, plan: &Plan, function: &mut Function) -> Result<Ending, InvokeError> {
        let words = Words::of(plan.is_update);
        self.stack(words.in_progress, Some("User Initiated"));
        let mut done: Vec<&Operation> = Vec::new();
        let mut warned = false;
        for operation in plan.operations.iter().filter(|operation| operation.action != Action::Remove) {
            let status = Words::of(operation.action == Action::Update);
            self.resource(operation, status.in_progress, None, None);
            match self.ask(operation, status.in_progress, function).await? {
                Outcome::Pass => {}
                Outcome::Fail if self.hook.failure_mode == FailureMode::Warn => warned = true,
                Outcome::Fail => {
                    let reason = format!("The following hook(s) failed: [{}]", self.hook.alias);
                    self.resource(operation, status.failed, Some(reason), None);
                    self.roll_back(plan, operation, &done);
                    return Ok(Ending::RolledBack);
                }
            }
            self.resource(operation, status.complete, None, None);
            done.push(operation);
        }
        let removed = plan.operations.iter().filter(|operation| operation.action == Action::Remove);
        if plan.is_update {
            self.stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
        }
        for operation in removed {
            self.resource(operation, "DELETE_IN_PROGRESS", None, None);
            self.resource(operation, "DELETE_COMPLETE", None, None);
        }
        self.stack(words.complete, None);
        Ok(if warned { Ending::CompleteWithWarnings } else { Ending::Complete })
    }

    /// Asks the hook, if it is one of the types that the hook is for.
    async fn ask(
        &mut self,
        operation: &Operation,
        in_progress: &'static str,
        function: &mut Function,
    ) -> Result<Outcome, InvokeError> {
        if ResourceType::from_name(&operation.resource_type).is_none() || operation.undetermined.is_some() {
            return Ok(Outcome::Pass);
        }
        self.hook_event(operation, in_progress, HookProgress::HookInProgress, "Invoking hook".to_owned());
        let event = self.invocation(operation).to_string();
        let (progress, reason) = match function.invoke(event.into()).await {
            Ok(answer) => read(&answer),
            // The function's error is CloudFormation's to tell; a function that does not run is ours.
            Err(error @ (InvokeError::Function(_) | InvokeError::TimedOut)) => {
                (HookProgress::HookFailed, error.to_string())
            }
            Err(error) => return Err(error),
        };
        self.hook_event(operation, in_progress, progress, reason);
        if progress == HookProgress::HookCompleteSucceeded {
            let what = if operation.action == Action::Create { "creation" } else { "update" };
            let reason = format!("Hook invocations complete.  Resource {what} initiated");
            self.resource(operation, in_progress, Some(reason), None);
            return Ok(Outcome::Pass);
        }
        Ok(Outcome::Fail)
    }

    /// The invocation as CloudFormation sends it for a RESOURCE target.
    fn invocation(&self, operation: &Operation) -> serde_json::Value {
        json!({
            "clientRequestToken": format!("00000000-0000-4000-9000-{:012}", self.events),
            "awsAccountId": self.hook.account,
            "stackId": self.stack_id,
            "changeSetId": null,
            "hookTypeName": self.hook.alias,
            "hookTypeVersion": "00000001",
            "hookModel": {
                "LambdaFunction":
                    format!("arn:aws:lambda:{}:{}:function:cfn-egress-guard", self.hook.region, self.hook.account)
            },
            "actionInvocationPoint": operation.action.invocation_point(),
            "requestData": {
                "targetName": operation.resource_type,
                "targetType": operation.resource_type,
                "targetLogicalId": operation.logical_id,
                "targetModel": {
                    "resourceProperties": operation.properties,
                    "previousResourceProperties": operation.previous,
                },
            },
            "requestContext": { "invocation": 1, "callbackContext": null },
        })
    }

    fn roll_back(&mut self, plan: &Plan, failed: &Operation, done: &[&Operation]) {
        let reason = format!("The following resource(s) failed to {}: [{}].", failed.action.verb(), failed.logical_id);
        if plan.is_update {
            self.stack("UPDATE_ROLLBACK_IN_PROGRESS", Some(&reason));
            for operation in done.iter().filter(|operation| operation.action == Action::Update) {
                self.resource(operation, "UPDATE_IN_PROGRESS", None, None);
                self.resource(operation, "UPDATE_COMPLETE", None, None);
            }
            self.stack("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None);
        } else {
            self.stack("ROLLBACK_IN_PROGRESS", Some(&format!("{reason} Rollback requested by user.")));
        }
        for operation in done.iter().rev().filter(|operation| operation.action == Action::Create) {
            self.resource(operation, "DELETE_IN_PROGRESS", None, None);
            self.resource(operation, "DELETE_COMPLETE", None, None);
        }
        self.stack(if plan.is_update { "UPDATE_ROLLBACK_COMPLETE" } else { "ROLLBACK_COMPLETE" }, None);
    }

    fn stack(&mut self, status: &'static str, reason: Option<&str>) {
        let name = self.stack_name.to_owned();
        self.event(name, "AWS::CloudFormation::Stack".to_owned(), status, reason.map(str::to_owned), None);
    }

    fn resource(
        &mut self,
        operation: &Operation,
        status: &'static str,
        reason: Option<String>,
        hook: Option<HookEvent>,
    ) {
        self.event(operation.logical_id.clone(), operation.resource_type.clone(), status, reason, hook);
    }

    fn hook_event(&mut self, operation: &Operation, status: &'static str, progress: HookProgress, reason: String) {
        let hook = HookEvent {
            hook_type: self.hook.alias.clone(),
            hook_status: progress,
            hook_status_reason: reason,
            hook_invocation_point: "PRE_PROVISION",
            hook_failure_mode: self.hook.failure_mode,
        };
        self.resource(operation, status, None, Some(hook));
    }

    fn event(
        &mut self,
        logical_resource_id: String,
        resource_type: String,
        resource_status: &'static str,
        resource_status_reason: Option<String>,
        hook: Option<HookEvent>,
    ) {
        self.events += 1;
        (self.sink)(StackEvent {
            stack_id: self.stack_id.clone(),
            event_id: format!("rehearsal-{:04}", self.events),
            stack_name: self.stack_name.to_owned(),
            logical_resource_id,
            resource_type,
            timestamp: (self.clock)(),
            resource_status,
            resource_status_reason,
            hook,
        });
    }
}

enum Outcome {
    Pass,
    Fail,
}

/// The statuses of an operation.
struct Words {
    in_progress: &'static str,
    complete: &'static str,
    failed: &'static str,
}

impl Words {
    const fn of(is_update: bool) -> Self {
        if is_update {
            Self { in_progress: "UPDATE_IN_PROGRESS", complete: "UPDATE_COMPLETE", failed: "UPDATE_FAILED" }
        } else {
            Self { in_progress: "CREATE_IN_PROGRESS", complete: "CREATE_COMPLETE", failed: "CREATE_FAILED" }
        }
    }
}

impl Action {
    const fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Remove => "delete",
        }
    }
}

/// What CloudFormation makes of a hook's answer.
fn read(answer: &[u8]) -> (HookProgress, String) {
    match serde_json::from_slice::<Answer>(answer) {
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
        Err(error) => {
            (HookProgress::HookFailed, format!("the hook's answer is not what the protocol asks for: {error}"))
        }
    }
}
