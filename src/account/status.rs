//! Is enforcement really on: per Region, is the hook there, enabled, blocking, and for what.
//!
//! Sources: CloudFormation API Reference, `DescribeType` and `BatchDescribeTypeConfigurations`; the
//! Hooks User Guide, "hook configuration schema". A hook's configuration may name what it leaves
//! out; whatever narrows enforcement is a hole unless it was said to be expected.
//!
//! Not asked: Lambda, so whether the function is there, runs the expected code and is not throttled
//! shows only in failed results of the last days ([`RECENT_DAYS`]).

mod configuration;
mod record;

use std::sync::Arc;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{HookStatus, RegistryType, TypeConfigurationIdentifier};
use aws_smithy_types::DateTime;
use tokio::task::JoinSet;

pub use record::{Hole, HoleRecord, HookState, RegionStatus, StatusResult, Weight};

use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::pace::{Patience, patiently};
use crate::rule::excerpt;
use crate::rule::policy::Glob;
use configuration::Configuration;

const TYPE: &str = "cloudformation:DescribeType";
const CONFIGURATION: &str = "cloudformation:BatchDescribeTypeConfigurations";
const RESULTS: &str = "cloudformation:ListAllHookResults";

/// How far back failures of the hook itself count as lately.
pub const RECENT_DAYS: i64 = 7;

/// What is not looked at, for reports.
pub const NOT_CHECKED: &str = "not checked: the Lambda function itself (its code, throttling, concurrency); that it \
                               works shows only in the hook's results of the last 7 days";

/// What enforcement should look like.
#[derive(Debug, Clone)]
pub struct StatusOptions {
    /// The Regions.
    pub regions: Vec<String>,
    /// The hook's alias.
    pub alias: String,
    /// `FAIL` or `WARN`.
    pub failure_mode: String,
    /// The target operations that must be on.
    pub operations: Vec<String>,
    /// Stack names that may be left out, the hook's own stack among them.
    pub may_exclude: Vec<Glob>,
    /// The function's ARN, or the end of it, for example `function:guard:live`.
    pub function: Option<String>,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// How long AWS may ask for patience.
    pub patience: Patience,
}

/// Looks at every Region; those with problems come first.
pub async fn status(connection: &Connection, options: &StatusOptions) -> StatusResult {
    let options = Arc::new(options.clone());
    let mut running = JoinSet::new();
    for region in options.regions.clone() {
        let client = connection.cloudformation(&region);
        let options = Arc::clone(&options);
        running.spawn(async move { of_region(&client, region, &options).await });
    }
    let mut regions = Vec::new();
    let mut lost = Vec::new();
    while let Some(region) = running.join_next().await {
        match region {
            Ok(region) => regions.push(region),
            Err(error) => lost.push(Failure::new("(this program)", FailureKind::Unreadable, &error.to_string())),
        }
    }
    StatusResult::new(&options.alias, regions, lost)
}

async fn of_region(client: &Client, region: String, options: &StatusOptions) -> RegionStatus {
    let mut found = RegionStatus::new(region);
    let hook = patiently(options.patience, &mut 0, || async {
        let request = client.describe_type().r#type(RegistryType::Hook).type_name(&options.alias);
        request.send().await.map_err(|error| Failure::of(TYPE, &error))
    })
    .await;
    let arn = match hook {
        Ok(hook) => {
            found.version = hook.public_version_number().or(hook.default_version_id()).map(|text| excerpt(text, 64));
            found.execution_role = hook.execution_role_arn().map(|arn| excerpt(arn, 256));
            if hook.is_activated() == Some(false) {
                found.hole(Hole::NotActivated);
            }
            let original = hook.original_type_name();
            if let Some(other) = original.filter(|name| *name != "AWS::Hooks::LambdaHook") {
                found.hole(Hole::OtherHook { original: excerpt(other, 128) });
            }
            hook.arn
        }
        Err(failure) if failure.kind == FailureKind::Gone => {
            found.state = HookState::Missing;
            found.hole(Hole::Missing);
            return found;
        }
        Err(failure) => {
            found.unread.push(failure);
            None
        }
    };
    configuration(client, arn.as_deref(), options, &mut found).await;
    recent(client, arn.as_deref(), options, &mut found).await;
    found
}

/// What the hook is configured to do.
async fn configuration(client: &Client, arn: Option<&str>, options: &StatusOptions, found: &mut RegionStatus) {
    let identifier = match arn {
        Some(arn) => TypeConfigurationIdentifier::builder().type_arn(arn),
        None => TypeConfigurationIdentifier::builder()
            .r#type(aws_sdk_cloudformation::types::ThirdPartyType::Hook)
            .type_name(&options.alias),
    };
    let identifier = identifier.type_configuration_alias("default").build();
    let answer = patiently(options.patience, &mut 0, || async {
        let request = client.batch_describe_type_configurations().type_configuration_identifiers(identifier.clone());
        request.send().await.map_err(|error| Failure::of(CONFIGURATION, &error))
    })
    .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) if failure.kind == FailureKind::Gone => return found.hole(Hole::NoConfiguration),
        Err(failure) => return found.unread.push(failure),
    };
    for error in answer.errors() {
        let code = error.error_code().unwrap_or_default();
        let message = format!("{code} {}", error.error_message().unwrap_or_default());
        found.unread.push(Failure::new(CONFIGURATION, FailureKind::Refused, message.trim()));
    }
    let texts: Vec<_> = answer.type_configurations().iter().filter_map(|details| details.configuration()).collect();
    match texts.first().map(|text| serde_json::from_str::<Configuration>(text)) {
        Some(Ok(configuration)) => configuration.judge(options, found),
        Some(Err(error)) => found.unread.push(Failure::new(
            CONFIGURATION,
            FailureKind::Unreadable,
            &format!("the configuration is not understood: {error}"),
        )),
        None if answer.errors().is_empty() => found.hole(Hole::NoConfiguration),
        None => {}
    }
}

/// Whether the hook itself failed lately: its function is gone, throttled, too slow or broken.
async fn recent(client: &Client, arn: Option<&str>, options: &StatusOptions, found: &mut RegionStatus) {
    let Some(arn) = arn else { return };
    let answer = patiently(options.patience, &mut 0, || async {
        let request = client.list_hook_results().type_arn(arn).status(HookStatus::HookFailed);
        request.send().await.map_err(|error| Failure::of(RESULTS, &error))
    })
    .await;
    match answer {
        Ok(page) => {
            let since = options.now - RECENT_DAYS * 86_400;
            let recent = |at: Option<&DateTime>| at.is_none_or(|at| at.secs() >= since);
            let failures = page.hook_results().iter().filter(|result| recent(result.invoked_at()));
            let reasons: Vec<_> = failures.map(|result| result.hook_status_reason().unwrap_or_default()).collect();
            if let Some(reason) = reasons.first() {
                let more = page.next_token().is_some_and(|token| !token.is_empty());
                found.hole(Hole::FailedLately { times: reasons.len(), at_least: more, reason: excerpt(reason, 300) });
            }
        }
        Err(failure) if failure.kind == FailureKind::Gone => {}
        Err(failure) => found.unread.push(failure),
    }
}
