//! The audit results of one Region of an account.

use std::collections::HashSet;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::HookResultSummary;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::AuditOptions;
use super::detail::details;
use super::direct::direct_calls;
use super::record::{AuditUnread, HookRecord, text};
use crate::accounts::AccountRegion;
use crate::failure::{Failure, FailureKind};
use crate::hook_results::{FOR_TEMPLATES, LIST, ResultList, type_arn};
use crate::pages::MAX_PAGES;
use crate::registration::hook_type;
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::rule::excerpt;

/// The maximum number of results for a Region; CloudFormation keeps them for 90 days.
pub(super) const MAX_RESULTS: usize = 100_000;

/// The results of a Region.
#[derive(Debug, Default)]
pub(super) struct RegionResults {
    pub(super) records: Vec<HookRecord>,
    pub(super) unread: Vec<AuditUnread>,
    /// The reason why direct calls could not be read.
    pub(super) direct_calls_unread: Option<Failure>,
}

/// Reads a Region.
pub(super) async fn of_region(place: &AccountRegion, options: &AuditOptions) -> RegionResults {
    let client = place.connection.cloudformation(&place.region);
    let mut found = RegionResults::default();
    let arns = match hook_arns(&client, options).await {
        Ok(arns) => arns,
        Err(failure) => {
            found.unread.push(not_read(place, failure));
            Vec::new()
        }
    };
    let account = place.account.clone().or_else(|| arns.iter().find_map(|(_, arn)| account(arn)));
    let both = [options.alias.clone(), format!("{}{FOR_TEMPLATES}", options.alias)];
    // With a hook's ARN, the service filters; without it, everything is listed and filtered here.
    let mut lists: Vec<ResultList<'_>> = arns
        .iter()
        .map(|(alias, arn)| ResultList::of(&client, Some(arn), std::slice::from_ref(alias), options.retry_policy))
        .collect();
    if lists.is_empty() {
        lists.push(ResultList::of(&client, None, &both, options.retry_policy));
    }
    for list in &mut lists {
        // A status filter requires an ARN and accepts a single status.
        let statuses = if list.is_filtered() { options.statuses.as_slice() } else { &[] };
        let asked: Vec<Option<&str>> = match statuses {
            [] => vec![None],
            statuses => statuses.iter().map(|status| Some(status.as_str())).collect(),
        };
        for status in asked {
            if let Err(failure) = read(list, place, options, status, &mut found.records).await {
                found.unread.push(not_read(place, failure));
            }
        }
    }
    let mut seen = HashSet::new();
    found.records.retain(|record| seen.insert(record.id.clone()));
    for record in &mut found.records {
        record.account = record.account.take().or_else(|| account.clone());
    }
    details(&client, &mut found.records, &mut found.unread, options.retry_policy).await;
    let hook = arns.first().map(|(alias, _)| alias.as_str());
    let room = MAX_RESULTS.saturating_sub(found.records.len());
    let calls = direct_calls(place, account.as_deref(), hook, options, room).await;
    found.records.extend(calls.records);
    match calls.unread {
        Some(failure) if options.decision_log.is_some() => found.unread.push(not_read(place, failure)),
        // They were not requested: the hook's decisions are complete without them.
        unread => found.direct_calls_unread = unread,
    }
    found
}

fn not_read(place: &AccountRegion, failure: Failure) -> AuditUnread {
    AuditUnread { account: place.account.clone(), region: Some(place.region.clone()), id: None, failure }
}

/// Returns the account in an ARN.
pub(super) fn account(arn: &str) -> Option<String> {
    Arn::parse(arn)?.account().map(str::to_owned)
}

/// Returns the names and ARNs of the hook and of the hook for whole templates; none if the Region has no such hook.
async fn hook_arns(client: &Client, options: &AuditOptions) -> Result<Vec<(String, String)>, Failure> {
    let mut arns = Vec::new();
    for alias in [options.alias.clone(), format!("{}{FOR_TEMPLATES}", options.alias)] {
        match hook_type(client, &alias, options.retry_policy).await {
            Ok(hook) => arns.extend(hook.arn.as_deref().and_then(type_arn).map(|arn| (alias, arn))),
            // The hook no longer exists, but its results may.
            Err(failure) if failure.kind == FailureKind::Gone && alias == options.alias => return Ok(Vec::new()),
            Err(failure) if failure.kind == FailureKind::Gone => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(arns)
}

async fn read(
    list: &mut ResultList<'_>,
    place: &AccountRegion,
    options: &AuditOptions,
    status: Option<&str>,
    records: &mut Vec<HookRecord>,
) -> Result<(), Failure> {
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let (results, next) = list.page(status, token.as_deref()).await?;
        for summary in &results {
            if records.len() >= MAX_RESULTS {
                return Err(Failure::new(
                    LIST,
                    FailureKind::Refused,
                    "there are more results than the limit: choose a \
                    shorter time range",
                ));
            }
            records.extend(wanted(summary, options).then(|| record(&place.region, summary)));
        }
        match next {
            Some(next) => token = Some(next),
            None => return Ok(()),
        }
    }
    Err(Failure::new(LIST, FailureKind::Unreadable, "the list has too many pages"))
}

/// Returns whether a result matches the criteria; one without the field matches.
fn wanted(summary: &HookResultSummary, options: &AuditOptions) -> bool {
    let at = summary.invoked_at().map(DateTime::secs);
    let status = summary.status().is_none_or(|status| {
        options.statuses.is_empty() || options.statuses.iter().any(|wanted| wanted == status.as_str())
    });
    status
        && at.is_none_or(|at| {
            options.since.is_none_or(|since| at >= since) && options.until.is_none_or(|until| at < until)
        })
}

fn record(region: &str, summary: &HookResultSummary) -> HookRecord {
    let targets = [summary.hook_execution_target(), summary.target_id()].into_iter().flatten();
    HookRecord {
        account: targets.clone().find_map(account),
        region: region.to_owned(),
        id: summary.hook_result_id().unwrap_or_default().to_owned(),
        at: summary.invoked_at().map(time).unwrap_or_default(),
        status: summary.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        failure_mode: summary.failure_mode().map(|mode| mode.as_str().to_owned()),
        hook: text(summary.type_name()),
        version: text(summary.type_version_id()),
        target_type: summary.target_type().map(|target| target.as_str().to_owned()),
        target_id: text(summary.target_id().or(summary.hook_execution_target())),
        target_name: None,
        stack: targets.clone().find_map(stack_name),
        execution_target: text(summary.hook_execution_target()),
        action: None,
        reason: text(summary.hook_status_reason()),
        annotations: Vec::new(),
        call: None,
    }
}

/// Returns the name in a stack's ARN.
fn stack_name(arn: &str) -> Option<String> {
    Arn::parse(arn)?.stack_name().map(|name| excerpt(name, 128))
}

pub(super) fn time(time: &DateTime) -> String {
    time.fmt(Format::DateTime).unwrap_or_default()
}
