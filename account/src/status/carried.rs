//! Checks whether the guard's stack contains the active version. `policy.sh --fast` moves the alias without updating
//! the stack, whose next update would restore its own version.
//!
//! Source: CloudFormation API Reference, `DescribeStackResources`: by the physical ID of one resource, the resources of
//! the stack that it belongs to.

use aws_sdk_cloudformation::Client;

use super::StatusOptions;
use super::gap::Gap;
use super::record::{FunctionStatus, RegionStatus};
use crate::called::CalledFunction;
use crate::failure::{Failure, FailureKind};
use crate::pace::with_retries;
use cfn_egress_guard_core::rule::excerpt;

const RESOURCES: &str = "cloudformation:DescribeStackResources";

/// The resource type of a function's version.
const VERSION: &str = "AWS::Lambda::Version";

/// Compares the version that the alias names with that of the stack. A function that no stack created has none.
pub(super) async fn look(
    client: &Client,
    called: &CalledFunction,
    status: &FunctionStatus,
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    let (Some(alias), Some(live)) = (called.alias(), status.version.as_deref()) else { return };
    let answer = with_retries(options.retry_policy, &mut 0, || async {
        let request = client.describe_stack_resources().physical_resource_id(&called.name);
        request.send().await.map_err(|error| Failure::of(RESOURCES, &error))
    })
    .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) if failure.kind == FailureKind::Gone => return,
        Err(failure) => {
            return found
                .note("carried-unread", format!("it is unknown whether the stack has this version: {failure}"));
        }
    };
    let versions = answer.stack_resources().iter().filter(|resource| resource.resource_type() == Some(VERSION));
    // `arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION`
    let mut carried = versions.filter_map(|resource| {
        let mut parts = resource.physical_resource_id()?.rsplit(':');
        let version = parts.next()?;
        (parts.next()? == called.name).then_some((version, resource.stack_name().unwrap_or_default()))
    });
    let Some((version, stack)) = carried.next() else { return };
    if version != live && carried.all(|(version, _)| version != live) {
        found.gap(&Gap::CarriesAnother {
            alias: excerpt(alias, 64),
            live: live.to_owned(),
            stack: excerpt(stack, 128),
            carried: excerpt(version, 64),
        });
    }
}
