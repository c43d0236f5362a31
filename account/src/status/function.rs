//! The function behind the hook: does it exist, can it be called, and do its settings weaken enforcement.
//!
//! Sources: Lambda API Reference, `GetFunctionConfiguration`, `GetFunctionConcurrency`, `GetAlias`; Lambda Developer
//! Guide, "Lambda function states".

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::{LastUpdateStatus, State};

use super::StatusOptions;
use super::gap::{Gap, HOOK_SECONDS};
use super::record::{FunctionStatus, RegionStatus};
use crate::called::{CONFIGURATION, CalledFunction};
use crate::failure::{Failure, FailureKind};
use crate::pace::with_retries;
use cfn_egress_guard_core::hook::{ENV_LOOPBACK_PAYLOADS, ENV_LOOPBACK_ROOTS, ENV_PRESET};
use cfn_egress_guard_core::log::ENV_GUARD;
use cfn_egress_guard_core::rule::excerpt;

const CONCURRENCY: &str = "lambda:GetFunctionConcurrency";
const ALIAS: &str = "lambda:GetAlias";

/// The concurrency below which a gap is reported: it is the whole limit of a new account, and a large stack creates
/// that many security groups in parallel.
const LOW_CONCURRENCY: i32 = 10;

/// Checks the function; returns false if there is none.
pub(super) async fn look(
    client: &Client,
    called: &CalledFunction,
    options: &StatusOptions,
    status: &mut FunctionStatus,
    found: &mut RegionStatus,
) -> bool {
    let configuration = called.configuration(client, options.retry_policy).await;
    match configuration {
        Ok(configuration) => judge(&configuration, options, status, found),
        Err(failure) if failure.kind == FailureKind::Gone => {
            found.gap(&Gap::FunctionMissing { function: status.arn.clone() });
            return false;
        }
        Err(failure) => found.unread.push(failure),
    }
    concurrency(client, called, options, status, found).await;
    if let Some(alias) = called.alias() {
        routing(client, called, alias, options, found).await;
    }
    true
}

fn judge(
    configuration: &GetFunctionConfigurationOutput,
    options: &StatusOptions,
    status: &mut FunctionStatus,
    found: &mut RegionStatus,
) {
    status.version = configuration.version().map(|version| excerpt(version, 64));
    status.code_sha256 = configuration.code_sha256().map(|hash| excerpt(hash, 64));
    status.modified = configuration.last_modified().map(|time| excerpt(time, 64));
    status.architecture = configuration.architectures().first().map(|name| excerpt(name.as_str(), 64));
    status.state = configuration.state().map(|state| excerpt(state.as_str(), 64));
    status.timeout_seconds = configuration.timeout();
    state(configuration, found);
    if let Some(seconds) = configuration.timeout().filter(|seconds| *seconds >= HOOK_SECONDS) {
        found.gap(&Gap::TimeoutTooLong { seconds });
    }
    let layers = configuration.layers().len();
    if layers > 0 && options.expected.is_code() {
        found.gap(&Gap::Layers { number: layers });
    }
    variables(configuration, options, status, found);
}

/// Checks whether it can be called. During an update, the previous code stays in place.
fn state(configuration: &GetFunctionConfigurationOutput, found: &mut RegionStatus) {
    let reason = |reason: Option<&str>| excerpt(reason.unwrap_or("Lambda gives no reason"), 300);
    match configuration.state() {
        None | Some(State::Active) => {}
        Some(state) => found.gap(&Gap::FunctionNotActive {
            what: format!("is {} instead of Active", excerpt(state.as_str(), 64)),
            reason: reason(configuration.state_reason()),
        }),
    }
    if configuration.last_update_status() == Some(&LastUpdateStatus::Failed) {
        found.gap(&Gap::FunctionNotActive {
            what: "failed its last update".to_owned(),
            reason: reason(configuration.last_update_status_reason()),
        });
    }
}

/// Checks the variables that affect decisions; reads no other, and keeps no value except the preset's.
fn variables(
    configuration: &GetFunctionConfigurationOutput,
    options: &StatusOptions,
    status: &mut FunctionStatus,
    found: &mut RegionStatus,
) {
    let environment = configuration.environment();
    if let Some(error) = environment.and_then(|environment| environment.error()) {
        let code = error.error_code().unwrap_or_default();
        let message = format!("the function's variables cannot be read: {}", error.message().unwrap_or(code));
        // Lambda answers successfully, and the answer contains the decryption error.
        let (action, kind) = if code.contains("AccessDenied") {
            ("kms:Decrypt", FailureKind::AccessDenied)
        } else {
            (CONFIGURATION, FailureKind::Unreadable)
        };
        return found.unread.push(Failure::new(action, kind, &message));
    }
    let variables = environment.and_then(|environment| environment.variables());
    let set = |name: &str| variables.and_then(|variables| variables.get(name));
    status.guard = set(ENV_GUARD).map(String::as_str).or(configuration.function_name()).map(str::to_owned);
    status.preset = set(ENV_PRESET).map(|preset| excerpt(preset, 64));
    let should_be = options.preset.map(|preset| preset.name().to_owned());
    if status.preset != should_be {
        found.gap(&Gap::Preset { is: status.preset.clone(), should_be });
    }
    for variable in [ENV_LOOPBACK_PAYLOADS, ENV_LOOPBACK_ROOTS] {
        if set(variable).is_some() {
            found.gap(&Gap::TestSetting { variable });
        }
    }
}

async fn concurrency(
    client: &Client,
    called: &CalledFunction,
    options: &StatusOptions,
    status: &mut FunctionStatus,
    found: &mut RegionStatus,
) {
    let answer = with_retries(options.retry_policy, &mut 0, || async {
        let request = client.get_function_concurrency().function_name(&called.function);
        request.send().await.map_err(|error| Failure::of(CONCURRENCY, &error))
    })
    .await;
    match answer {
        Ok(answer) => {
            status.reserved_concurrency = answer.reserved_concurrent_executions();
            match status.reserved_concurrency {
                Some(0) => found.gap(&Gap::NoConcurrency),
                Some(reserved) if reserved < LOW_CONCURRENCY => found.gap(&Gap::LowConcurrency { reserved }),
                _ => {}
            }
        }
        Err(failure) => found.unread.push(failure),
    }
}

/// Checks whether the alias sends every call to the version that is checked.
async fn routing(
    client: &Client,
    called: &CalledFunction,
    alias: &str,
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    let answer = with_retries(options.retry_policy, &mut 0, || async {
        let request = client.get_alias().function_name(&called.function).name(alias);
        request.send().await.map_err(|error| Failure::of(ALIAS, &error))
    })
    .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return found.unread.push(failure),
    };
    let weights = answer.routing_config().and_then(|routing| routing.additional_version_weights());
    for (version, weight) in weights.into_iter().flatten().filter(|(_, weight)| **weight > 0.0) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what fits; a weight is between 0 and 1"
        )]
        let percent = (weight * 100.0).ceil().clamp(1.0, 100.0) as u8;
        found.gap(&Gap::AliasSplit { alias: alias.to_owned(), version: excerpt(version, 64), percent });
    }
}
