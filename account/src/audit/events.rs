//! The hook events of one stack (`DescribeStackEvents`), with the real text where an event only points
//! to it.

use aws_sdk_cloudformation::types::StackEvent;

use super::{AuditResult, AuditUnread, HookRecord, MAX_RESULTS, TEXT_CHARS, detail, time};
use crate::connection::{Connection, MAX_PAGES};
use crate::failure::{Failure, FailureKind};
use crate::pace::{Patience, patiently};
use crate::stacks::following;
use cfn_egress_guard_core::rule::excerpt;

const EVENTS: &str = "cloudformation:DescribeStackEvents";

/// What an event says that has no text of its own
/// (source: the test fixtures of aws-cdk-cli, pull request 1768).
const ELSEWHERE: &str = "see hook results for details";

/// What CloudFormation writes before the hook's own message.
const PREFIX: &str = "Hook failed with message: ";

/// Reads the hook events of a stack, of every hook, the newest first.
pub async fn stack_events(connection: &Connection, region: &str, stack: &str, patience: Patience) -> AuditResult {
    let client = connection.cloudformation(region);
    let mut result = AuditResult::new("(every hook of the stack)", &[region.to_owned()], &[]);
    let mut token: Option<String> = None;
    for page in 0..=MAX_PAGES {
        let answer = patiently(patience, &mut 0, || async {
            let request = client.describe_stack_events().stack_name(stack).set_next_token(token.clone());
            request.send().await.map_err(|error| Failure::of(EVENTS, &error))
        })
        .await;
        let next = answer.and_then(|answer| {
            let finished = answer.stack_events().iter().filter_map(|event| record(region, event));
            result.results.extend(finished);
            following(answer.next_token(), token.as_deref(), EVENTS)
        });
        match next {
            Ok(None) => break,
            Ok(next) if page < MAX_PAGES && result.results.len() < MAX_RESULTS => token = next,
            Ok(_) => {
                let failure = Failure::new(EVENTS, FailureKind::Unreadable, "the list does not end");
                result.unread.push(AuditUnread { region: region.to_owned(), id: None, failure });
                break;
            }
            Err(failure) => {
                result.unread.push(AuditUnread { region: region.to_owned(), id: None, failure });
                break;
            }
        }
    }
    for record in &mut result.results {
        let elsewhere = record.reason.as_deref().is_none_or(|reason| reason.contains(ELSEWHERE));
        if !elsewhere || !record.is_failed() || record.id.is_empty() {
            continue;
        }
        match detail(&client, &record.id, patience, &mut 0).await {
            Ok(detail) => detail.add_to(record),
            Err(failure) => {
                let id = Some(record.id.clone());
                result.unread.push(AuditUnread { region: region.to_owned(), id, failure });
            }
        }
    }
    result.sort();
    result
}

/// The end of a hook's invocation; its beginning says nothing.
fn record(region: &str, event: &StackEvent) -> Option<HookRecord> {
    let status = event.hook_status()?.as_str().to_owned();
    if status == "HOOK_IN_PROGRESS" {
        return None;
    }
    let text = |text: Option<&str>| text.map(|text| excerpt(text, TEXT_CHARS));
    let reason = event.hook_status_reason().map(|reason| reason.strip_prefix(PREFIX).unwrap_or(reason));
    Some(HookRecord {
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
    })
}
