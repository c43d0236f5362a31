//! The recent results of the function's calls, from CloudWatch: no hook result contains the calls that CloudFormation
//! retried successfully.
//!
//! Sources: Lambda Developer Guide, "Types of metrics for Lambda functions" (the dimension `Resource` is the function
//! with its version or alias); `CfnEgressGuard` is the function's own namespace.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use aws_smithy_types::DateTime;

use super::StatusOptions;
use super::gap::Gap;
use super::record::{RecentCalls, RegionStatus};
use crate::called::CalledFunction;
use crate::failure::Failure;
use crate::pace::with_retries;
use crate::pages::PageCursor;
use cfn_egress_guard_core::log::{GUARD, NAMESPACE};

const METRICS: &str = "cloudwatch:GetMetricData";

/// The period of a sum, in seconds: an hour, because finer ones are kept for only 15 days.
const PERIOD: i32 = 3_600;

/// Reads the metrics and reports gaps.
pub(super) async fn look(
    client: &Client,
    called: &CalledFunction,
    guard: Option<&str>,
    options: &StatusOptions,
    found: &mut RegionStatus,
) -> Option<RecentCalls> {
    match read(client, called, guard, options).await {
        Ok(calls) => {
            for (times, gap) in [
                (calls.throttles, Gap::Throttled { times: calls.throttles, days: options.days }),
                (calls.errors, Gap::Erred { times: calls.errors, days: options.days }),
                (calls.internal_failures, Gap::InternalFailures { times: calls.internal_failures, days: options.days }),
            ] {
                if times > 0 {
                    found.gap(&gap);
                }
            }
            Some(calls)
        }
        Err(failure) => {
            found.unread.push(failure);
            None
        }
    }
}

async fn read(
    client: &Client,
    called: &CalledFunction,
    guard: Option<&str>,
    options: &StatusOptions,
) -> Result<RecentCalls, Failure> {
    let mut calls = RecentCalls::default();
    let mut pages = PageCursor::new(METRICS);
    while pages.has_page() {
        let page = with_retries(options.retry_policy, &mut 0, || async {
            let request = client
                .get_metric_data()
                .start_time(DateTime::from_secs(options.since()))
                .end_time(DateTime::from_secs(options.now))
                .set_metric_data_queries(Some(queries(called, guard)))
                .set_next_token(pages.token());
            request.send().await.map_err(|error| Failure::of(METRICS, &error))
        })
        .await?;
        for result in page.metric_data_results() {
            let sum = whole(result.values().iter().sum());
            match result.id() {
                Some("invocations") => calls.invocations += sum,
                Some("errors") => calls.errors += sum,
                Some("throttles") => calls.throttles += sum,
                Some("undecided") => calls.internal_failures += sum,
                _ => {}
            }
        }
        pages.advance(page.next_token())?;
    }
    Ok(calls)
}

/// Without the guard's name, its own metric cannot be requested: every dimension is part of its identity.
fn queries(called: &CalledFunction, guard: Option<&str>) -> Vec<MetricDataQuery> {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let mut function = vec![dimension("FunctionName", &called.name)];
    if let Some(qualifier) = &called.qualifier {
        function.push(dimension("Resource", &format!("{}:{qualifier}", called.name)));
    }
    let query = |id: &str, namespace: &str, name: &str, dimensions: Vec<Dimension>| {
        let metric = Metric::builder().namespace(namespace).metric_name(name).set_dimensions(Some(dimensions)).build();
        let sum = MetricStat::builder().metric(metric).period(PERIOD).stat("Sum").build();
        MetricDataQuery::builder().id(id).metric_stat(sum).return_data(true).build()
    };
    let mut queries = vec![
        query("invocations", "AWS/Lambda", "Invocations", function.clone()),
        query("errors", "AWS/Lambda", "Errors", function.clone()),
        query("throttles", "AWS/Lambda", "Throttles", function),
    ];
    queries.extend(guard.map(|guard| {
        let undecided = vec![dimension(GUARD, guard), dimension("verdict", "internal-failure")];
        query("undecided", NAMESPACE, "Decisions", undecided)
    }));
    queries
}

/// Converts a sum of counts to an integer.
fn whole(sum: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum of counts; a negative sum or NaN becomes 0"
    )]
    let whole = sum.round() as u64;
    whole
}
