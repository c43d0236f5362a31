//! The credentials that sign requests: those of the profile on the command line, otherwise those that the SDK finds.
//!
//! They are looked up once before the first request: without them, every request in every Region would fail with the
//! same message.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::future;
use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::config::{Credentials, ProvideCredentials, SharedCredentialsProvider, SharedHttpClient};
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;

use super::failure::{Failure, FailureKind, causes};
use super::pace::{RetryPolicy, with_retries};

const ASSUME_ROLE: &str = "sts:AssumeRole";

/// The role that is assumed in each account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleOptions {
    /// Its name, with the path if it has one.
    pub name: String,
    /// The external ID that the role's trust policy requires, if any.
    pub external_id: Option<String>,
    /// The session name.
    pub session_name: String,
}

/// The reason why there are no credentials, as one sentence with advice.
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

/// Returns the credentials of a profile and nothing else: the SDK's own search prefers `AWS_ACCESS_KEY_ID` in the
/// environment to a named profile, while the AWS CLI prefers the profile (AWS CLI User Guide, "Configuration and
/// credential precedence").
pub(super) fn of_profile(name: &str, region: Option<Region>, http: SharedHttpClient) -> SharedCredentialsProvider {
    let around = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_http_client(http)
        .with_region(region);
    let profile = ProfileFileCredentialsProvider::builder().configure(&around).profile_name(name).build();
    SharedCredentialsProvider::new(profile)
}

/// Checks that there are credentials.
pub(super) async fn look(provider: &SharedCredentialsProvider, profile: Option<&str>) -> Result<(), NoCredentials> {
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(error) => Err(NoCredentials { message: why_not(&causes(&error), profile) }),
    }
}

/// Returns the credentials of a role that the caller assumes, now and again before its session ends.
///
/// # Errors
/// When it cannot be assumed.
pub(super) async fn of_role(
    base: &SdkConfig,
    arn: &str,
    role: &RoleOptions,
    retry_policy: RetryPolicy,
) -> Result<SharedCredentialsProvider, Failure> {
    let mut builder = AssumeRoleProvider::builder(arn).configure(base).session_name(&role.session_name);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    let provider = builder.build().await;
    let first = with_retries(retry_policy, &mut 0, || async {
        provider.provide_credentials().await.map_err(|error| not_assumed(&error))
    })
    .await?;
    Ok(SharedCredentialsProvider::new(AssumedRole { first: Mutex::new(Some(first)), provider }))
}

/// Returns why a role could not be assumed: STS's own message, if it answered.
fn not_assumed(error: &(dyn Error + 'static)) -> Failure {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
            return Failure::of(ASSUME_ROLE, refused);
        }
        cause = error.source();
    }
    Failure::new(ASSUME_ROLE, FailureKind::Unreadable, &causes(error))
}

/// The credentials of an assumed role; the first ones already exist.
#[derive(Debug)]
struct AssumedRole {
    first: Mutex<Option<Credentials>>,
    provider: AssumeRoleProvider,
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(first) => future::ProvideCredentials::ready(Ok(first)),
            None => self.provider.provide_credentials(),
        }
    }
}

/// Advice for when there are no credentials.
const NONE: &str =
    "no AWS credentials: pass --profile, or set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

fn why_not(causes: &str, profile: Option<&str>) -> String {
    // Source of the phrases: aws-config, `profile::credentials` and `meta::credentials::chain`.
    let undefined = causes
        .split_once("` was not defined: could not find")
        .and_then(|(before, _)| before.rsplit_once("profile `"))
        .map(|(_, name)| name);
    match (profile, undefined) {
        (Some(name), Some(undefined)) if name == undefined => no_profile(name, ""),
        (Some(name), _) if causes == "the credential provider was not enabled" => no_profile(name, " with credentials"),
        (Some(name), _) => format!("the profile `{name}` has no usable credentials: {causes}"),
        // AWS_PROFILE, or a profile that it refers to.
        (None, Some(undefined)) => no_profile(undefined, ""),
        (None, None) if causes.contains("no credentials found in chain") => NONE.to_owned(),
        (None, None) => format!("{NONE} (the search ended with: {causes})"),
    }
}

fn no_profile(name: &str, with: &str) -> String {
    format!(
        "there is no profile `{name}`{with} in ~/.aws/config or ~/.aws/credentials; `aws configure list-profiles` \
         lists the profiles"
    )
}
