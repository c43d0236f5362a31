//! The hook events of one stack (`DescribeStackEvents`), with the full text where an event only refers to it.

use std::io;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::StackEvent;

use super::detail::detail;
use super::record::{AuditUnread, HookRecord, text};
use super::region::{MAX_RESULTS, account, time};
use super::result::AuditResult;
use crate::accounts::Accounts;
use crate::failure::{Failure, FailureKind};
use crate::pace::{RetryPolicy, with_retries};
use crate::pages::{MAX_PAGES, following};

const EVENTS: &str = "cloudformation:DescribeStackEvents";

/// The text of an event that refers to the hook result (source: the test fixtures of aws-cdk-cli, pull request 1768).
const ELSEWHERE: &str = "see hook results for details";

/// The text that CloudFormation puts before the hook's own message.
const PREFIX: &str = "Hook failed with message: ";

/// The name that an audit of one stack uses for its hooks.
pub(super) const EVERY_HOOK: &str = "(every hook of the stack)";

/// Reads the events of every hook for a stack of the only account, the newest first.
///
/// # Errors
/// When they cannot be written to disk.
pub async fn stack_events(
    accounts: &Accounts,
    region: &str,
    stack: &str,
    retry_policy: RetryPolicy,
) -> io::Result<AuditResult> {
    let mut result = AuditResult::new(EVERY_HOOK, accounts, &[]);
    let client = match accounts.enter_first(retry_policy).await {
        Ok(connection) => connection.cloudformation(region),
        Err(failure) => {
            result.unread(unread(accounts, region, None, failure))?;
            return result.finish();
        }
    };
    let mut records = Vec::new();
    let read = read_events(&client, stack, retry_policy, |event| {
        records.extend(record(region, event));
        records.len() < MAX_RESULTS
    })
    .await;
    if let Err(failure) = read {
        result.unread(unread(accounts, region, None, failure))?;
    }
    for mut record in records {
        let elsewhere = record.reason.as_deref().is_none_or(|reason| reason.contains(ELSEWHERE));
        if elsewhere && record.is_failed() && !record.id.is_empty() {
            match detail(&client, &record.id, retry_policy, &mut 0).await {
                Ok(detail) => detail.add_to(&mut record),
                Err(failure) => result.unread(unread(accounts, region, Some(record.id.clone()), failure))?,
            }
        }
        result.result(&record)?;
    }
    result.finish()
}

pub(super) fn unread(accounts: &Accounts, region: &str, id: Option<String>, failure: Failure) -> AuditUnread {
    let account = accounts.members.first().map(|member| member.account.clone());
    AuditUnread { account, region: Some(region.to_owned()), id, failure }
}

/// Reads the events of a stack, the newest first, as long as `take` returns true.
///
/// # Errors
/// When they cannot be read to the end.
pub(super) async fn read_events(
    client: &Client,
    stack: &str,
    retry_policy: RetryPolicy,
    mut take: impl FnMut(&StackEvent) -> bool,
) -> Result<(), Failure> {
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = with_retries(retry_policy, &mut 0, || async {
            let request = client.describe_stack_events().stack_name(stack).set_next_token(token.clone());
            request.send().await.map_err(|error| Failure::of(EVENTS, &error))
        })
        .await?;
        if !page.stack_events().iter().all(&mut take) {
            return Ok(());
        }
        token = following(page.next_token(), token.as_deref(), EVENTS)?;
        if token.is_none() {
            return Ok(());
        }
    }
    Err(Failure::new(EVENTS, FailureKind::Unreadable, "the list has too many pages"))
}

/// Returns a record of a hook invocation's end; its start has no information.
pub(super) fn record(region: &str, event: &StackEvent) -> Option<HookRecord> {
    let status = event.hook_status()?.as_str().to_owned();
    if status == "HOOK_IN_PROGRESS" {
        return None;
    }
    let reason = event.hook_status_reason().map(|reason| reason.strip_prefix(PREFIX).unwrap_or(reason));
    Some(HookRecord {
        account: event.stack_id().and_then(account),
        region: region.to_owned(),
        id: event.hook_invocation_id().unwrap_or_default().to_owned(),
        at: event.timestamp().map(time).unwrap_or_default(),
        status,
        failure_mode: event.hook_failure_mode().map(|mode| mode.as_str().to_owned()),
        hook: text(event.hook_type()),
        version: None,
        target_type: Some("RESOURCE".to_owned())
            .filter(|_| event.resource_type() != Some("AWS::CloudFormation::Stack")),
        target_id: text(event.logical_resource_id()),
        target_name: text(event.resource_type()),
        stack: text(event.stack_name()),
        execution_target: text(event.stack_id()),
        action: None,
        reason: text(reason),
        annotations: Vec::new(),
        call: None,
    })
}
