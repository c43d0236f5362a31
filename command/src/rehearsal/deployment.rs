//! Plays a plan: invokes the hook before each operation, then continues, warns or rolls back as CloudFormation does.
//!
//! Sources: CloudFormation Hooks User Guide ("Hooks are invoked before each create, update or delete of a resource";
//! failure modes); the text of the events as CloudFormation prints them. AWS does not document where a hook on STACK
//! appears in a stack's events or what happens to the stack; the rehearsal reports both as for a resource. Change sets
//! have no stack events; the events here represent the output of `DescribeChangeSet` and `GetHookResult`.

use super::documents::Documents;
use super::event::{HookEvent, HookProgress, StackEvent};
use super::function::Function;
use super::invocation::{HookSettings, InvocationSubject, change_set_document, read, stack_document};
use super::invoke::InvokeError;
use super::nested::NESTED_STACK;
use super::plan::{Action, DeploymentPlan, FailureMode, ResourceOperation};
use super::status_names::StatusNames;
use cfn_egress_guard_core::hook::Target;
use cfn_egress_guard_core::security_group::ResourceType;

/// The result of a rehearsed deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RehearsalOutcome {
    /// The deployment succeeded.
    Complete,
    /// The deployment succeeded with warnings; in mode `FAIL`, the hook would have stopped it.
    CompleteWithWarnings,
    /// The hook stopped it.
    RolledBack,
    /// The hook stopped it, and rollback is disabled.
    LeftAsItIs,
    /// The hook stopped its change set before any resource was changed.
    ChangeSetFailed,
    /// Nothing changes, so the hook was not invoked.
    NothingToUpdate,
}

/// An event of a rehearsal.
#[derive(Debug)]
pub struct RehearsalEvent<'a> {
    pub event: StackEvent,
    /// The operation that the event is about, if any.
    pub operation: Option<&'a ResourceOperation>,
    /// How deeply its stack is nested; 0 for the outermost.
    pub depth: usize,
}

/// A rehearsal in progress.
struct Rehearsal<'a> {
    hook: &'a HookSettings,
    function: &'a mut Function,
    documents: Option<Documents>,
    clock: &'a dyn Fn() -> String,
    sink: &'a mut dyn FnMut(RehearsalEvent<'_>),
    events: usize,
    warned: bool,
}

/// A stack that is being deployed.
#[derive(Debug, Clone)]
struct StackInProgress {
    name: String,
    id: String,
    depth: usize,
}

/// A completed operation, and the operations of its nested stack.
struct CompletedOperation<'p> {
    operation: &'p ResourceOperation,
    place: Option<StackInProgress>,
    inside: Vec<CompletedOperation<'p>>,
}

/// The result of deploying one stack.
struct DeploymentResult<'p> {
    done: Vec<CompletedOperation<'p>>,
    /// The reason, if it failed.
    failure: Option<String>,
}

/// Rehearses a plan. Sends each event to the sink as it happens; `clock` supplies the time.
///
/// # Errors
/// When there is no answer for a reason that only the function's owner can fix, for example because it does not start.
pub async fn rehearse(
    plan: &DeploymentPlan,
    hook: &HookSettings,
    function: &mut Function,
    clock: &dyn Fn() -> String,
    sink: &mut dyn FnMut(RehearsalEvent<'_>),
) -> Result<RehearsalOutcome, InvokeError> {
    if plan.is_unchanged() {
        return Ok(RehearsalOutcome::NothingToUpdate);
    }
    let needs_documents = |target: &Target| matches!(target, Target::Stack | Target::ChangeSet);
    let documents = if hook.target_operations.iter().any(needs_documents) {
        Some(Documents::serve().await.map_err(|error| InvokeError::Documents(error.to_string()))?)
    } else {
        None
    };
    let place = StackInProgress::of(&plan.stack_name, 0, hook);
    let mut deployment = Rehearsal { hook, function, documents, clock, sink, events: 0, warned: false };
    if !deployment.change_set(plan, &place).await? {
        return Ok(RehearsalOutcome::ChangeSetFailed);
    }
    let deployed = deployment.deploy(plan, &place).await?;
    Ok(match deployed.failure {
        Some(_) if hook.disable_rollback => RehearsalOutcome::LeftAsItIs,
        Some(_) => RehearsalOutcome::RolledBack,
        None if deployment.warned => RehearsalOutcome::CompleteWithWarnings,
        None => RehearsalOutcome::Complete,
    })
}

impl StackInProgress {
    fn of(stack_name: &str, depth: usize, hook: &HookSettings) -> Self {
        let id = format!(
            "arn:aws:cloudformation:{}:{}:stack/{stack_name}/00000000-0000-4000-8000-{depth:012}",
            hook.region, hook.account
        );
        Self { name: stack_name.to_owned(), id, depth }
    }
}

/// The subject of an event: a stack, a change set, or a resource with its operation.
#[derive(Clone, Copy)]
struct EventSubject<'a> {
    logical_id: &'a str,
    resource_type: &'a str,
    operation: Option<&'a ResourceOperation>,
}

impl<'a> EventSubject<'a> {
    const fn stack(place: &'a StackInProgress) -> Self {
        Self { logical_id: place.name.as_str(), resource_type: NESTED_STACK, operation: None }
    }

    const fn resource(operation: &'a ResourceOperation) -> Self {
        Self {
            logical_id: operation.logical_id.as_str(),
            resource_type: operation.resource_type.as_str(),
            operation: Some(operation),
        }
    }
}

impl Rehearsal<'_> {
    /// Creates the change set, if the hook is invoked for it. Returns false if the hook stops it.
    async fn change_set(&mut self, plan: &DeploymentPlan, place: &StackInProgress) -> Result<bool, InvokeError> {
        if !self.hook.target_operations.contains(&Target::ChangeSet) {
            return Ok(true);
        }
        let name = "rehearsal";
        let arn = format!(
            "arn:aws:cloudformation:{}:{}:changeSet/{name}/00000000-0000-4000-8000-000000000000",
            self.hook.region, self.hook.account
        );
        let about = EventSubject { logical_id: name, resource_type: "AWS::CloudFormation::ChangeSet", operation: None };
        self.tell(place, about, "CREATE_IN_PROGRESS", None, None);
        let url = self.publish(&change_set_document(plan));
        let passed = self.ask(&InvocationSubject::ChangeSet(&arn, &url), place, about, "CREATE_IN_PROGRESS").await?;
        if passed {
            self.tell(place, about, "CREATE_COMPLETE", None, None);
        } else {
            let failed = self.failed_hooks(&InvocationSubject::ChangeSet(&arn, &url));
            self.tell(place, about, "FAILED", Some(format!("Change set creation failed. {failed}")), None);
        }
        Ok(passed)
    }

    /// Deploys a stack and its nested stacks.
    async fn deploy<'p>(
        &mut self,
        plan: &'p DeploymentPlan,
        place: &StackInProgress,
    ) -> Result<DeploymentResult<'p>, InvokeError> {
        let words = StatusNames::of(plan.is_update());
        self.stack(place, words.in_progress, Some("User Initiated"));
        let mut done: Vec<CompletedOperation<'p>> = Vec::new();
        if self.hook.target_operations.contains(&Target::Stack) {
            let url = self.publish(&stack_document(plan));
            let subject = InvocationSubject::Stack(plan, &url);
            if !self.ask(&subject, place, EventSubject::stack(place), words.in_progress).await? {
                let failure = format!("{}.", self.failed_hooks(&subject));
                self.roll_back(plan, place, &failure, &done);
                return Ok(DeploymentResult { done, failure: Some(failure) });
            }
        }
        for operation in plan.operations.iter().filter(|operation| operation.action != Action::Remove) {
            let status = StatusNames::of(operation.action == Action::Update);
            let about = EventSubject::resource(operation);
            self.tell(place, about, status.in_progress, operation.not_asked(), None);
            let failure = if let Some(nested) = &operation.nested {
                let inner = StackInProgress::of(&nested.stack_name, place.depth + 1, self.hook);
                let deployed = Box::pin(self.deploy(nested, &inner)).await?;
                let failure = deployed.failure.map(|reason| embedded(&inner, operation.action, &reason));
                done.push(CompletedOperation { operation, place: Some(inner), inside: deployed.done });
                failure
            } else {
                let failure = self.resource(operation, place, status.in_progress).await?;
                if failure.is_none() {
                    done.push(CompletedOperation { operation, place: None, inside: Vec::new() });
                }
                failure
            };
            if let Some(failure) = failure {
                self.tell(place, about, status.failed, Some(failure), None);
                let verb = operation.action.verb();
                let reason = format!("The following resource(s) failed to {verb}: [{}].", operation.logical_id);
                self.roll_back(plan, place, &reason, &done);
                return Ok(DeploymentResult { done, failure: Some(reason) });
            }
            self.tell(place, about, status.complete, None, None);
        }
        let removed = plan.operations.iter().filter(|operation| operation.action == Action::Remove);
        if plan.is_update() {
            self.stack(place, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
        }
        for operation in removed {
            self.tell(place, EventSubject::resource(operation), "DELETE_IN_PROGRESS", None, None);
            self.tell(place, EventSubject::resource(operation), "DELETE_COMPLETE", None, None);
        }
        self.stack(place, words.complete, None);
        Ok(DeploymentResult { done, failure: None })
    }

    /// Performs an operation on a resource. Returns the reason if the hook stops it.
    async fn resource(
        &mut self,
        operation: &ResourceOperation,
        place: &StackInProgress,
        in_progress: &'static str,
    ) -> Result<Option<String>, InvokeError> {
        if !self.hook.target_operations.contains(&Target::Resource)
            || ResourceType::from_name(&operation.resource_type).is_none()
            || operation.undetermined.is_some()
        {
            return Ok(None);
        }
        let subject = InvocationSubject::Resource(operation);
        let about = EventSubject::resource(operation);
        if !self.ask(&subject, place, about, in_progress).await? {
            return Ok(Some(self.failed_hooks(&subject)));
        }
        Ok(None)
    }

    /// Invokes the hook. Returns false if it stops the operation.
    async fn ask(
        &mut self,
        subject: &InvocationSubject<'_>,
        place: &StackInProgress,
        about: EventSubject<'_>,
        in_progress: &'static str,
    ) -> Result<bool, InvokeError> {
        let alias = subject.alias(self.hook);
        self.hook_event(&alias, place, about, in_progress, HookProgress::HookInProgress, "Invoking hook".to_owned());
        let event = subject.invocation(self.hook, &place.id, self.events).to_string();
        let (progress, reason) = match self.function.invoke(event.into()).await {
            Ok(answer) => read(&answer),
            // CloudFormation reports an error of the function; a function that does not run is an error of the
            // rehearsal.
            Err(error @ (InvokeError::Function(_) | InvokeError::TimedOut)) => {
                (HookProgress::HookFailed, error.to_string())
            }
            Err(error) => return Err(error),
        };
        self.hook_event(&alias, place, about, in_progress, progress, reason);
        if progress == HookProgress::HookCompleteSucceeded {
            if let Some(operation) = about.operation {
                let what = if operation.action == Action::Create { "creation" } else { "update" };
                let reason = format!("Hook invocations complete.  Resource {what} initiated");
                self.tell(place, about, in_progress, Some(reason), None);
            }
            return Ok(true);
        }
        self.warned |= self.hook.failure_mode == FailureMode::Warn;
        Ok(self.hook.failure_mode == FailureMode::Warn)
    }

    fn publish(&self, document: &serde_json::Value) -> String {
        // Without a server, an empty URL: the function reports that it is missing.
        self.documents.as_ref().map(|documents| documents.publish(document.to_string().into())).unwrap_or_default()
    }

    fn failed_hooks(&self, subject: &InvocationSubject<'_>) -> String {
        format!("The following hook(s) failed: [{}]", subject.alias(self.hook))
    }

    /// Undoes completed operations. A nested stack that was being created is left to its parent stack.
    fn roll_back(
        &mut self,
        plan: &DeploymentPlan,
        place: &StackInProgress,
        reason: &str,
        done: &[CompletedOperation<'_>],
    ) {
        if self.hook.disable_rollback {
            return self.stack(place, StatusNames::of(plan.is_update()).failed, Some(reason));
        }
        if plan.is_update() {
            self.stack(place, "UPDATE_ROLLBACK_IN_PROGRESS", Some(reason));
            for done in done.iter().filter(|done| done.operation.action == Action::Update) {
                self.tell(place, EventSubject::resource(done.operation), "UPDATE_IN_PROGRESS", None, None);
                self.tell(place, EventSubject::resource(done.operation), "UPDATE_COMPLETE", None, None);
            }
            self.stack(place, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None);
        } else if place.depth == 0 {
            self.stack(place, "ROLLBACK_IN_PROGRESS", Some(&format!("{reason} Rollback requested by user.")));
        } else {
            self.stack(place, "CREATE_FAILED", Some(reason));
            return;
        }
        self.delete(place, done);
        self.stack(place, if plan.is_update() { "UPDATE_ROLLBACK_COMPLETE" } else { "ROLLBACK_COMPLETE" }, None);
    }

    /// Deletes the created resources in reverse order.
    fn delete(&mut self, place: &StackInProgress, done: &[CompletedOperation<'_>]) {
        for done in done.iter().rev().filter(|done| done.operation.action == Action::Create) {
            let about = EventSubject::resource(done.operation);
            self.tell(place, about, "DELETE_IN_PROGRESS", None, None);
            if let Some(inner) = &done.place {
                self.stack(inner, "DELETE_IN_PROGRESS", None);
                self.delete(inner, &done.inside);
                self.stack(inner, "DELETE_COMPLETE", None);
            }
            self.tell(place, about, "DELETE_COMPLETE", None, None);
        }
    }

    fn stack(&mut self, place: &StackInProgress, status: &'static str, reason: Option<&str>) {
        self.tell(place, EventSubject::stack(place), status, reason.map(str::to_owned), None);
    }

    fn hook_event(
        &mut self,
        alias: &str,
        place: &StackInProgress,
        about: EventSubject<'_>,
        status: &'static str,
        progress: HookProgress,
        reason: String,
    ) {
        let hook = HookEvent {
            hook_type: alias.to_owned(),
            hook_status: progress,
            hook_status_reason: reason,
            hook_invocation_point: "PRE_PROVISION",
            hook_failure_mode: self.hook.failure_mode,
        };
        self.tell(place, about, status, None, Some(hook));
    }

    fn tell(
        &mut self,
        place: &StackInProgress,
        about: EventSubject<'_>,
        resource_status: &'static str,
        resource_status_reason: Option<String>,
        hook: Option<HookEvent>,
    ) {
        self.events += 1;
        let event = StackEvent {
            stack_id: place.id.clone(),
            event_id: format!("rehearsal-{:04}", self.events),
            stack_name: place.name.clone(),
            logical_resource_id: about.logical_id.to_owned(),
            resource_type: about.resource_type.to_owned(),
            timestamp: (self.clock)(),
            resource_status,
            resource_status_reason,
            hook,
        };
        (self.sink)(RehearsalEvent { event, operation: about.operation, depth: place.depth });
    }
}

/// Returns the reason that the parent stack gives when a nested stack fails.
fn embedded(nested: &StackInProgress, action: Action, reason: &str) -> String {
    match action {
        Action::Create => format!("Embedded stack {} was not successfully created: {reason}", nested.id),
        Action::Update | Action::Remove => format!(
            "Embedded stack {} was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: {reason}",
            nested.id
        ),
    }
}
