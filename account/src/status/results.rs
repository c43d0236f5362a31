//! Reads the hook's results: whether it failed recently, and whether its annotations can be read.
//!
//! Sources: CloudFormation API Reference, `ListHookResults`, `GetHookResult` (reading results that are encrypted with a
//! customer managed key needs `kms:Decrypt`).

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::HookResultSummary;
use aws_smithy_types::DateTime;

use super::StatusOptions;
use super::gap::Gap;
use super::record::RegionStatus;
use crate::failure::{Failure, FailureKind};
use crate::hook_results::ResultList;
use crate::pace::with_retries;
use cfn_egress_guard_core::rule::excerpt;

const GET: &str = "cloudformation:GetHookResult";

/// The maximum number of pages: AWS does not document the order of results.
const PAGES: usize = 50;

/// The number of results to try, because results may expire after they are listed.
const TRIES: usize = 3;

/// Checks whether the hook itself failed recently: its function is missing, throttled, too slow or broken.
pub(super) async fn failures(
    list: &mut ResultList<'_>,
    alias: Option<&str>,
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    let (mut times, mut newest): (usize, Option<HookResultSummary>) = (0, None);
    let mut token: Option<String> = None;
    let mut at_least = true;
    for _ in 0..PAGES {
        match list.page(Some("HOOK_FAILED"), token.as_deref()).await {
            Ok((results, next)) => {
                for result in
                    results.into_iter().filter(|result| invoked(result).is_none_or(|at| at >= options.since()))
                {
                    times += 1;
                    if newest.as_ref().is_none_or(|newest| invoked(newest) < invoked(&result)) {
                        newest = Some(result);
                    }
                }
                at_least = next.is_some();
                token = next;
            }
            Err(failure) if failure.kind == FailureKind::Gone => at_least = false,
            Err(failure) => {
                found.unread.push(failure);
                break;
            }
        }
        if !at_least {
            break;
        }
    }
    if let Some(newest) = newest {
        let reason = excerpt(newest.hook_status_reason().unwrap_or_default(), 300);
        found.gap_of(alias, &Gap::FailedLately { times, at_least, days: options.days, reason });
    }
}

/// Checks whether the annotations of a recent result can be read: without them, nobody sees the violated rule.
pub(super) async fn annotations(
    client: &Client,
    list: &mut ResultList<'_>,
    key: Option<&str>,
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    let mut results = Vec::new();
    // Every failure except an internal one has annotations; a pass has them if it is from this function.
    for status in ["HOOK_COMPLETE_FAILED", "HOOK_COMPLETE_SUCCEEDED"] {
        match list.page(Some(status), None).await {
            Ok((mut page, _)) => {
                page.sort_by_key(|result| std::cmp::Reverse(invoked(result)));
                results.extend(page.into_iter().take(TRIES));
            }
            Err(failure) if failure.kind == FailureKind::Gone => {}
            // The denial of the list was already reported.
            Err(failure) if found.unread.iter().any(|described| described.action == failure.action) => return,
            Err(failure) => return found.unread.push(failure),
        }
    }
    let (mut looked, mut last) = (false, None);
    for id in results.iter().filter_map(|result| result.hook_result_id()).take(TRIES) {
        let answer = with_retries(options.retry_policy, &mut 0, || async {
            client.get_hook_result().hook_result_id(id).send().await.map_err(|error| Failure::of(GET, &error))
        })
        .await;
        match answer {
            Ok(answer) if !answer.annotations().is_empty() => return,
            Ok(_) => (looked, last) = (true, Some(id)),
            Err(failure) if failure.kind == FailureKind::Gone => {}
            Err(failure) => return found.unread.push(failure),
        }
    }
    match (looked, last, key) {
        (true, Some(id), Some(key)) => found.note(
            "no-annotations",
            format!(
                "the newest results have no annotations (result {}). They are encrypted with {}; without kms:Decrypt \
                 on that key, AWS may omit them",
                excerpt(id, 64),
                excerpt(key, 256)
            ),
        ),
        (true, Some(id), None) => found.note(
            "no-annotations",
            format!(
                "the newest results have no annotations (result {}), so developers do not see which rule was broken. \
                 The function's log has the answers",
                excerpt(id, 64)
            ),
        ),
        _ => found.note(
            "no-results",
            "the hook has no results yet, so it is not confirmed that it works. To confirm it, create a security \
             group in a test stack"
                .to_owned(),
        ),
    }
}

fn invoked(result: &HookResultSummary) -> Option<i64> {
    result.invoked_at().map(DateTime::secs)
}
