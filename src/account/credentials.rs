//! Whose credentials sign: those of the profile that the command line names, else what the SDK finds.
//!
//! They are looked for once before anything is asked: without them every request of every Region would
//! say the same.

use std::error::Error;
use std::fmt;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_cloudformation::config::{ProvideCredentials, SharedCredentialsProvider, SharedHttpClient};

use super::failure::causes;

/// Why there are no credentials, as one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCredentials {
    message: String,
}

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for NoCredentials {}

/// The credentials of a profile and of nothing else: the SDK's own search takes `AWS_ACCESS_KEY_ID` of the
/// environment before a profile that was named, where the AWS command line takes the profile
/// (AWS CLI User Guide, "Configuration and credential precedence").
pub(super) fn of_profile(name: &str, region: Option<Region>, http: SharedHttpClient) -> SharedCredentialsProvider {
    let around = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_http_client(http)
        .with_region(region);
    let profile = ProfileFileCredentialsProvider::builder().configure(&around).profile_name(name).build();
    SharedCredentialsProvider::new(profile)
}

/// Looks for credentials now.
pub(super) async fn look(provider: &SharedCredentialsProvider, profile: Option<&str>) -> Result<(), NoCredentials> {
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(error) => Err(NoCredentials { message: why_not(&causes(&error), profile) }),
    }
}

fn why_not(causes: &str, profile: Option<&str>) -> String {
    match profile {
        // Source of both phrases: aws-config, `profile::credentials`.
        Some(name) if causes.contains(&format!("`{name}` was not defined: could not find")) => format!(
            "there is no profile `{name}` in ~/.aws/config or ~/.aws/credentials: `aws configure list-profiles` names \
             those there are"
        ),
        Some(name) if causes == "the credential provider was not enabled" => format!(
            "there is no profile `{name}` with credentials in ~/.aws/config or ~/.aws/credentials: `aws configure \
             list-profiles` names those there are"
        ),
        Some(name) => format!("the profile `{name}` gives no credentials: {causes}"),
        None if causes.contains("no credentials found in chain") => {
            "no AWS credentials: give --profile, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .to_owned()
        }
        None => format!("no AWS credentials: {causes}"),
    }
}
