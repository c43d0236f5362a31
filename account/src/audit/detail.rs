//! Details that only the request for a single result returns: the rules that broke.

use aws_sdk_cloudformation::Client;

use super::record::{AuditUnread, HookAnnotation, HookRecord, text};
use crate::failure::Failure;
use crate::pace::{RequestLimit, RetryPolicy, with_retries};
use crate::tasks::NamedTasks;

const GET: &str = "cloudformation:GetHookResult";

/// The number of results requested in parallel in a Region.
const AT_ONCE: usize = 6;

/// Requests each result that did not pass: its annotations name the rules.
pub(super) async fn details(
    client: &Client,
    records: &mut [HookRecord],
    unread: &mut Vec<AuditUnread>,
    retry_policy: RetryPolicy,
) {
    let mut limit = RequestLimit::new(AT_ONCE);
    let mut waiting = records
        .iter()
        .enumerate()
        .filter(|(_, record)| record.is_failed() && !record.id.is_empty())
        .map(|(position, record)| (position, record.id.clone()))
        .collect::<Vec<_>>()
        .into_iter();
    let mut running = NamedTasks::new();
    loop {
        while running.len() < limit.now() {
            let Some((position, id)) = waiting.next() else { break };
            let client = client.clone();
            running.spawn(position, async move {
                let mut throttled = 0;
                let answer = detail(&client, &id, retry_policy, &mut throttled).await;
                (answer, throttled)
            });
        }
        let Some((position, done)) = running.next().await else { return };
        let (answer, throttled) = done.unwrap_or_else(|failure| (Err(failure), 0));
        limit.learn(throttled);
        let Some(record) = records.get_mut(position) else { continue };
        match answer {
            Ok(detail) => detail.add_to(record),
            Err(failure) => {
                unread.push(AuditUnread {
                    account: record.account.clone(),
                    region: Some(record.region.clone()),
                    id: Some(record.id.clone()),
                    failure,
                });
            }
        }
    }
}

/// The details of a single result.
#[derive(Debug, Default)]
pub(super) struct Detail {
    target_type: Option<String>,
    target_name: Option<String>,
    target_id: Option<String>,
    action: Option<String>,
    reason: Option<String>,
    annotations: Vec<HookAnnotation>,
}

impl Detail {
    pub(super) fn add_to(self, record: &mut HookRecord) {
        let Self { target_type, target_name, target_id, action, reason, annotations } = self;
        record.target_type = target_type.or(record.target_type.take());
        record.target_id = target_id.or(record.target_id.take());
        record.reason = reason.or(record.reason.take());
        record.target_name = target_name;
        record.action = action;
        record.annotations = annotations;
    }
}

/// Requests one result.
///
/// Where the model requires a field that the answer lacks, the SDK returns empty text; it is treated as missing.
pub(super) async fn detail(
    client: &Client,
    id: &str,
    retry_policy: RetryPolicy,
    throttled: &mut u32,
) -> Result<Detail, Failure> {
    let answer = with_retries(retry_policy, throttled, || async {
        client.get_hook_result().hook_result_id(id).send().await.map_err(|error| Failure::of(GET, &error))
    })
    .await?;
    let target = answer.target();
    Ok(Detail {
        target_type: target.and_then(|target| target.target_type()).and_then(|target| text(Some(target.as_str()))),
        target_name: text(target.and_then(|target| target.target_type_name())),
        target_id: text(target.and_then(|target| target.target_id())),
        action: target.and_then(|target| target.action()).and_then(|action| text(Some(action.as_str()))),
        reason: text(answer.hook_status_reason()),
        annotations: answer
            .annotations()
            .iter()
            .map(|annotation| HookAnnotation {
                name: text(annotation.annotation_name()).unwrap_or_default(),
                status: annotation.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
                severity: annotation.severity_level().map(|severity| severity.as_str().to_owned()),
                message: text(annotation.status_message()),
                remedy: text(annotation.remediation_message()),
            })
            .collect(),
    })
}
