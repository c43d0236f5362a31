//! Why the latest operation of one stack was stopped, from its events, those of its nested stacks, and, if these
//! contain nothing, its change sets.
//!
//! Sources: CloudFormation API Reference, `DescribeStackEvents` (newest first), `ListChangeSets`, `ListHookResults`
//! (`TargetType` `CHANGE_SET`), `GetHookResult`.

use std::io;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{ChangeSetStatus, ChangeSetSummary, ListHookResultsTargetType, StackEvent};

use super::detail::detail;
use super::events::{EVERY_HOOK, read_events, record, unread};
use super::record::{HookRecord, text};
use super::region::time;
use super::result::AuditResult;
use crate::accounts::Accounts;
use crate::failure::Failure;
use crate::pace::{RetryPolicy, with_retries};
use crate::pages::each_page;

const CHANGE_SETS: &str = "cloudformation:ListChangeSets";
const RESULTS: &str = "cloudformation:ListHookResults";

/// The resource type of a stack.
const STACK: &str = "AWS::CloudFormation::Stack";

/// The maximum number of stacks to read: the stack and the failed stacks nested in it.
const MAX_STACKS: usize = 20;

/// The maximum number of events of an operation.
const MAX_EVENTS: usize = 20_000;

/// The maximum number of hook results that are requested individually.
const MAX_DETAILS: usize = 20;

/// The latest operation of a stack.
#[derive(Debug)]
pub struct StackOperation {
    /// The status of the stack after the operation.
    pub status: Option<String>,
    /// The reasons of failed resources, each as `LogicalId: reason`; a failure because of a hook says so.
    pub failures: Vec<String>,
    /// The operations that hooks blocked.
    pub result: AuditResult,
}

/// Reads what stopped the latest operation of a stack in the only account.
///
/// # Errors
/// When it cannot be written to disk.
pub async fn newest_operation(
    accounts: &Accounts,
    region: &str,
    stack: &str,
    retry_policy: RetryPolicy,
) -> io::Result<StackOperation> {
    let mut operation =
        StackOperation { status: None, failures: Vec::new(), result: AuditResult::new(EVERY_HOOK, accounts, &[]) };
    let client = match accounts.enter_first(retry_policy).await {
        Ok(connection) => connection.cloudformation(region),
        Err(failure) => {
            operation.result.unread(unread(accounts, region, None, failure))?;
            return Ok(operation);
        }
    };
    let mut found = Vec::new();
    let mut waiting = vec![stack.to_owned()];
    for number in 0..MAX_STACKS {
        let Some(stack) = waiting.pop() else { break };
        let mut events = OperationEvents::default();
        let read = read_events(&client, &stack, retry_policy, |event| events.take(region, event)).await;
        if let Err(failure) = read {
            operation.result.unread(unread(accounts, region, None, failure))?;
        }
        if number == 0 {
            operation.status = events.status;
        }
        operation.failures.extend(events.failures);
        found.extend(events.hooks);
        waiting.extend(events.nested);
    }
    if found.is_empty() {
        match of_change_sets(&client, region, stack, retry_policy).await {
            Ok(results) => found = results,
            Err(failure) => operation.result.unread(unread(accounts, region, None, failure))?,
        }
    }
    for (number, mut record) in found.into_iter().enumerate() {
        if number < MAX_DETAILS && !record.id.is_empty() {
            match detail(&client, &record.id, retry_policy, &mut 0).await {
                Ok(detail) => detail.add_to(&mut record),
                Err(failure) => {
                    operation.result.unread(unread(accounts, region, Some(record.id.clone()), failure))?;
                }
            }
        }
        operation.result.result(&record)?;
    }
    operation.result = operation.result.finish()?;
    Ok(operation)
}

/// The events of one stack about its latest operation.
#[derive(Debug, Default)]
struct OperationEvents {
    status: Option<String>,
    failures: Vec<String>,
    hooks: Vec<HookRecord>,
    /// The ARNs of failed nested stacks.
    nested: Vec<String>,
    events: usize,
}

impl OperationEvents {
    /// Adds an event; returns false at the start of the operation.
    fn take(&mut self, region: &str, event: &StackEvent) -> bool {
        self.events += 1;
        self.hooks.extend(record(region, event).filter(HookRecord::is_failed));
        let status = event.resource_status().map(|status| status.as_str()).unwrap_or_default();
        let is_stack = event.resource_type() == Some(STACK);
        let is_own = is_stack && event.physical_resource_id() == event.stack_id();
        if is_own && self.status.is_none() {
            self.status = text(event.resource_status().map(|status| status.as_str()));
        }
        if !is_own && status.ends_with("_FAILED") && event.hook_status().is_none() {
            let reason = event.resource_status_reason().unwrap_or("no reason given");
            let failure = format!("{}: {reason}", event.logical_resource_id().unwrap_or_default());
            self.failures.extend(text(Some(&failure)));
            if is_stack {
                self.nested.extend(event.physical_resource_id().filter(|id| id.starts_with("arn:")).map(str::to_owned));
            }
        }
        let begins = matches!(
            status,
            "CREATE_IN_PROGRESS"
                | "UPDATE_IN_PROGRESS"
                | "DELETE_IN_PROGRESS"
                | "IMPORT_IN_PROGRESS"
                | "REVIEW_IN_PROGRESS"
        );
        !(is_own && begins && event.hook_status().is_none()) && self.events < MAX_EVENTS
    }
}

/// Reads the hook results of the stack's latest failed change set.
async fn of_change_sets(
    client: &Client,
    region: &str,
    stack: &str,
    retry_policy: RetryPolicy,
) -> Result<Vec<HookRecord>, Failure> {
    let Some(set) = failed_change_set(client, stack, retry_policy).await? else { return Ok(Vec::new()) };
    let Some(id) = set.change_set_id() else { return Ok(Vec::new()) };
    let mut results = Vec::new();
    each_page(RESULTS, async |token| {
        let page = with_retries(retry_policy, &mut 0, || async {
            let request = client.list_hook_results().target_type(ListHookResultsTargetType::ChangeSet).target_id(id);
            let answer = request.set_next_token(token.clone()).send().await;
            answer.map_err(|error| Failure::of(RESULTS, &error))
        })
        .await?;
        results.extend(page.hook_results.unwrap_or_default());
        Ok(page.next_token)
    })
    .await?;
    let record = |result: &aws_sdk_cloudformation::types::HookResultSummary| HookRecord {
        account: super::region::account(id),
        region: region.to_owned(),
        id: result.hook_result_id().unwrap_or_default().to_owned(),
        // The list for one target does not contain the time.
        at: result.invoked_at().or(set.creation_time()).map(time).unwrap_or_default(),
        status: result.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        failure_mode: result.failure_mode().map(|mode| mode.as_str().to_owned()),
        hook: text(result.type_name()),
        target_type: Some("CHANGE_SET".to_owned()),
        target_id: text(set.change_set_name()),
        stack: text(set.stack_name()),
        execution_target: text(set.stack_id()),
        reason: text(result.hook_status_reason()),
        ..HookRecord::default()
    };
    Ok(results.iter().map(record).filter(HookRecord::is_failed).collect())
}

/// Returns the stack's latest change set that failed because of a hook.
async fn failed_change_set(
    client: &Client,
    stack: &str,
    retry_policy: RetryPolicy,
) -> Result<Option<ChangeSetSummary>, Failure> {
    let mut newest: Option<ChangeSetSummary> = None;
    each_page(CHANGE_SETS, async |token| {
        let page = with_retries(retry_policy, &mut 0, || async {
            let request = client.list_change_sets().stack_name(stack).set_next_token(token.clone());
            request.send().await.map_err(|error| Failure::of(CHANGE_SETS, &error))
        })
        .await?;
        let failed = page.summaries.unwrap_or_default().into_iter().filter(|set| {
            let reason = set.status_reason().unwrap_or_default();
            set.status() == Some(&ChangeSetStatus::Failed) && reason.contains("hook")
        });
        newest = newest.take().into_iter().chain(failed).max_by_key(|set| set.creation_time().copied());
        Ok(page.next_token)
    })
    .await?;
    Ok(newest)
}
