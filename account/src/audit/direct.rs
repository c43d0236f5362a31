//! Direct calls to the EC2 API, which no hook sees: the function records them in the log of its decisions.
//!
//! They are read with `FilterLogEvents`, which needs one permission on one log group; Logs Insights needs three, one of
//! them on everything. Because 90 days of logs are long, the function's metrics first show whether there is anything to
//! read.

use std::collections::HashSet;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use aws_smithy_types::DateTime;
use serde_json::Value as Json;

use super::AuditOptions;
use super::logged::{EVENT, LoggedCall};
use super::record::HookRecord;
use crate::accounts::AccountRegion;
use crate::called::CalledFunction;
use crate::failure::{Failure, FailureKind};
use crate::pace::with_retries;
use crate::pages::PageCursor;
use crate::registration::hook_configuration;
use cfn_egress_guard_core::log::{ENV_GUARD, GUARD, NAMESPACE};

const METRICS: &str = "cloudwatch:GetMetricData";
const LOG: &str = "logs:FilterLogEvents";

/// The default time span in seconds: as long as CloudFormation keeps results.
const KEPT: i64 = 90 * 86_400;

/// The direct calls of a Region, and the reason if they are incomplete.
#[derive(Debug, Default)]
pub(super) struct DirectCalls {
    pub(super) records: Vec<HookRecord>,
    pub(super) unread: Option<Failure>,
}

/// Reads the direct calls of a Region, up to a maximum.
pub(super) async fn direct_calls(
    place: &AccountRegion,
    account: Option<&str>,
    hook: Option<&str>,
    options: &AuditOptions,
    most: usize,
) -> DirectCalls {
    let mut found = DirectCalls::default();
    let log = match (&options.decision_log, hook) {
        (Some(log), _) => Ok(Some(log.clone())),
        (None, Some(hook)) => log_with_calls(place, account, hook, options).await,
        (None, None) => Ok(None),
    };
    let read = match log {
        Ok(Some(log)) => read(place, &log, options, most, &mut found.records).await,
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    // A function that never ran has no log; a log that was named must exist.
    let never_ran = |failure: &Failure| {
        options.decision_log.is_none() && failure.kind == FailureKind::Gone && failure.action == LOG
    };
    found.unread = read.err().filter(|failure| !never_ran(failure));
    found
}

/// Returns the log of the function that the hook calls, if the function recorded direct calls in the time span. A
/// central function in another account records none for this one.
async fn log_with_calls(
    place: &AccountRegion,
    account: Option<&str>,
    hook: &str,
    options: &AuditOptions,
) -> Result<Option<String>, Failure> {
    let client = place.connection.cloudformation(&place.region);
    let answer = hook_configuration(&client, hook, options.retry_policy).await?;
    let configuration = answer.type_configurations().iter().find_map(|details| details.configuration());
    let Some(function) = configuration.and_then(function_of) else { return Ok(None) };
    let called = CalledFunction::parse(&function);
    let elsewhere = called.account.as_deref().zip(account).is_some_and(|(of, own)| of != own);
    if elsewhere {
        return Ok(None);
    }
    let client = place.connection.lambda(&place.region);
    let function = called.configuration(&client, options.retry_policy).await?;
    let guard = function.environment().and_then(|environment| environment.variables()?.get(ENV_GUARD));
    if let Some(guard) = guard
        && let Ok(0) = calls(place, guard, options).await
    {
        return Ok(None);
    }
    let own = || format!("/aws/lambda/{}", function.function_name().unwrap_or_default());
    let log = function.logging_config().and_then(|logging| logging.log_group()).map_or_else(own, str::to_owned);
    Ok(Some(log))
}

/// Returns the function in a hook's configuration.
fn function_of(configuration: &str) -> Option<String> {
    let configuration: Json = serde_json::from_str(configuration).ok()?;
    let properties = configuration.pointer("/CloudFormationConfiguration/HookConfiguration/Properties")?;
    properties.get("LambdaFunction")?.as_str().map(str::to_owned)
}

/// Returns the number of direct calls in the guard's metrics.
async fn calls(place: &AccountRegion, guard: &str, options: &AuditOptions) -> Result<u64, Failure> {
    let client = place.connection.cloudwatch(&place.region);
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let queries: Vec<MetricDataQuery> = ["INFO", "WARN"]
        .into_iter()
        .map(|level| {
            let dimensions = [dimension(GUARD, guard), dimension("via", EVENT), dimension("level", level)];
            let metric = Metric::builder().namespace(NAMESPACE).metric_name("Decisions");
            let metric = metric.set_dimensions(Some(dimensions.to_vec())).build();
            // An hour, because finer sums are kept for only 15 days.
            let sum = MetricStat::builder().metric(metric).period(3_600).stat("Sum").build();
            MetricDataQuery::builder().id(level.to_ascii_lowercase()).metric_stat(sum).return_data(true).build()
        })
        .collect();
    let mut sum = 0.0;
    let mut pages = PageCursor::new(METRICS);
    while pages.has_page() {
        let page = with_retries(options.retry_policy, &mut 0, || async {
            let request = client
                .get_metric_data()
                .start_time(DateTime::from_secs(since(options)))
                .end_time(DateTime::from_secs(until(options)))
                .set_metric_data_queries(Some(queries.clone()))
                .set_next_token(pages.token());
            request.send().await.map_err(|error| Failure::of(METRICS, &error))
        })
        .await?;
        sum += page.metric_data_results().iter().flat_map(|result| result.values()).sum::<f64>();
        pages.advance(page.next_token())?;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of counts")]
    let calls = sum.ceil() as u64;
    Ok(calls)
}

fn since(options: &AuditOptions) -> i64 {
    options.since.unwrap_or(options.now - KEPT)
}

fn until(options: &AuditOptions) -> i64 {
    options.until.unwrap_or(options.now)
}

/// Reads the calls in a log.
async fn read(
    place: &AccountRegion,
    log: &str,
    options: &AuditOptions,
    most: usize,
    records: &mut Vec<HookRecord>,
) -> Result<(), Failure> {
    let client = place.connection.cloudwatch_logs(&place.region);
    let mut seen = HashSet::new();
    let mut pages = PageCursor::new(LOG);
    while pages.has_page() {
        let page = with_retries(options.retry_policy, &mut 0, || async {
            let request = client
                .filter_log_events()
                .log_group_name(log)
                .filter_pattern(format!("{{ $.event = \"{EVENT}\" }}"))
                .start_time(since(options).saturating_mul(1_000))
                // CloudWatch Logs includes the end time; this time span excludes it.
                .end_time(until(options).saturating_mul(1_000) - 1)
                .set_next_token(pages.token());
            request.send().await.map_err(|error| Failure::of(LOG, &error))
        })
        .await?;
        for event in page.events() {
            let Some(line) = event.message().and_then(LoggedCall::parse) else { continue };
            // EventBridge may deliver an event twice.
            if (line.event_id.is_empty() || seen.insert(line.event_id.clone())) && line.is_wanted(options) {
                if records.len() >= most {
                    return Err(Failure::new(
                        LOG,
                        FailureKind::Refused,
                        "there are more calls than the limit: choose a \
                        shorter time range",
                    ));
                }
                records.push(line.record(place));
            }
        }
        pages.advance(page.next_token())?;
    }
    Ok(())
}
