//! A hook in CloudFormation's registry: its type and its configuration.
//!
//! Source: CloudFormation API Reference, `DescribeType`, `BatchDescribeTypeConfigurations`.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::operation::batch_describe_type_configurations::BatchDescribeTypeConfigurationsOutput;
use aws_sdk_cloudformation::operation::describe_type::DescribeTypeOutput;
use aws_sdk_cloudformation::types::{RegistryType, ThirdPartyType, TypeConfigurationIdentifier};

use super::failure::Failure;
use super::pace::{RetryPolicy, with_retries};

/// The IAM action that reads a hook's type.
pub(super) const TYPE: &str = "cloudformation:DescribeType";

/// The IAM action that reads a hook's configuration.
pub(super) const CONFIGURATION: &str = "cloudformation:BatchDescribeTypeConfigurations";

/// Returns the type of the hook with an alias.
///
/// # Errors
/// When it cannot be read; the failure is `Gone` if there is none.
pub(super) async fn hook_type(
    client: &Client,
    alias: &str,
    retry_policy: RetryPolicy,
) -> Result<DescribeTypeOutput, Failure> {
    with_retries(retry_policy, &mut 0, || async {
        let request = client.describe_type().r#type(RegistryType::Hook).type_name(alias);
        request.send().await.map_err(|error| Failure::of(TYPE, &error))
    })
    .await
}

/// Returns the configuration of the hook with an alias, which is in the answer's first entry.
///
/// # Errors
/// When it cannot be read; the failure is `Gone` if there is none.
pub(super) async fn hook_configuration(
    client: &Client,
    alias: &str,
    retry_policy: RetryPolicy,
) -> Result<BatchDescribeTypeConfigurationsOutput, Failure> {
    // By name: an ARN may end with a version.
    let identifier = TypeConfigurationIdentifier::builder().r#type(ThirdPartyType::Hook).type_name(alias);
    let identifier = identifier.type_configuration_alias("default").build();
    with_retries(retry_policy, &mut 0, || async {
        let request = client.batch_describe_type_configurations().type_configuration_identifiers(identifier.clone());
        request.send().await.map_err(|error| Failure::of(CONFIGURATION, &error))
    })
    .await
}
