//! One hook of a Region: does it exist, is it activated, and how is it configured.

use aws_sdk_cloudformation::Client;

use super::StatusOptions;
use super::configuration::Configuration;
use super::gap::Gap;
use crate::failure::{Failure, FailureKind};
use crate::hook_results::type_arn;
use crate::registration::{CONFIGURATION, hook_configuration, hook_type};
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::rule::excerpt;

/// The type that every Lambda Hook is based on.
const LAMBDA_HOOK: &str = "AWS::Hooks::LambdaHook";

/// A hook as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct RegisteredHook {
    /// No hook has the alias.
    pub(super) missing: bool,
    /// The type's ARN, without a version.
    pub(super) arn: Option<String>,
    pub(super) version: Option<String>,
    pub(super) execution_role: Option<String>,
    pub(super) configuration: Option<Configuration>,
    pub(super) gaps: Vec<Gap>,
    pub(super) unread: Vec<Failure>,
}

impl RegisteredHook {
    /// Returns the account in the type's ARN.
    pub(super) fn account(&self) -> Option<String> {
        Arn::parse(self.arn.as_deref()?)?.account().map(str::to_owned)
    }
}

pub(super) async fn read(client: &Client, alias: &str, options: &StatusOptions) -> RegisteredHook {
    let mut hook = RegisteredHook::default();
    match hook_type(client, alias, options.retry_policy).await {
        Ok(answer) => {
            let version = answer.public_version_number().or(answer.default_version_id());
            hook.version = version.map(|text| excerpt(text, 64));
            hook.execution_role = answer.execution_role_arn().map(|arn| excerpt(arn, 256));
            if answer.is_activated() == Some(false) {
                hook.gaps.push(Gap::NotActivated);
            }
            if let Some(other) = answer.original_type_name().filter(|name| *name != LAMBDA_HOOK) {
                hook.gaps.push(Gap::OtherHook { original: excerpt(other, 128) });
            }
            hook.arn = answer.arn.as_deref().and_then(type_arn);
        }
        Err(failure) if failure.kind == FailureKind::Gone => {
            hook.missing = true;
            return hook;
        }
        Err(failure) => hook.unread.push(failure),
    }
    configuration(client, alias, options, &mut hook).await;
    hook
}

/// Reads the hook's configuration.
async fn configuration(client: &Client, alias: &str, options: &StatusOptions, hook: &mut RegisteredHook) {
    let answer = match hook_configuration(client, alias, options.retry_policy).await {
        Ok(answer) => answer,
        Err(failure) if failure.kind == FailureKind::Gone => return hook.gaps.push(Gap::NoConfiguration),
        Err(failure) => return hook.unread.push(failure),
    };
    for error in answer.errors() {
        let code = error.error_code().unwrap_or_default();
        let message = format!("{code} {}", error.error_message().unwrap_or_default());
        hook.unread.push(Failure::new(CONFIGURATION, FailureKind::Refused, message.trim()));
    }
    let text = answer.type_configurations().iter().find_map(|details| details.configuration());
    match text.map(serde_json::from_str::<Configuration>) {
        Some(Ok(configuration)) => hook.configuration = Some(configuration),
        Some(Err(error)) => hook.unread.push(Failure::new(
            CONFIGURATION,
            FailureKind::Unreadable,
            &format!("the configuration could not be read: {error}"),
        )),
        None if answer.errors().is_empty() => hook.gaps.push(Gap::NoConfiguration),
        None => {}
    }
}
