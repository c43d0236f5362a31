//! The connection to AWS: the SDK's configuration, and a client for each Region.

use cfn_egress_guard_core::arn::Arn;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_account::types::RegionOptStatus;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::SharedHttpClient;
use aws_sdk_cloudformation::config::retry::RetryPartition;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder, tls};
use aws_smithy_types::timeout::TimeoutConfig;

use super::credentials::{self, NoCredentials, RoleOptions};
use super::failure::{Failure, FailureKind};
use super::pace::{RetryPolicy, with_retries};
use super::pages::PageCursor;

/// The timeout of one attempt. The SDK then retries as often as the user's configuration says (`AWS_MAX_ATTEMPTS`,
/// `max_attempts`).
const ATTEMPT: Duration = Duration::from_secs(30);

/// The timeout for opening a connection.
const CONNECT: Duration = Duration::from_secs(5);

const REGIONS: &str = "account:ListRegions";

/// The options from the command line; everything else comes from the SDK's own search (environment, `~/.aws`, SSO, web
/// identity, containers, instance metadata).
#[derive(Debug, Clone, Default)]
pub struct ConnectionOptions {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--endpoint-url`, in place of `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
}

/// The timeout for looking up the caller's identity where it is useful but not required.
const CALLER: Duration = Duration::from_secs(3);

/// The timeout for renewing an account's credentials: STS may throttle requests.
const RENEWAL: Duration = Duration::from_secs(60);

/// The configuration for creating clients.
#[derive(Debug, Clone)]
pub struct Connection {
    config: SdkConfig,
    /// The account that was entered, if it is not the caller's own.
    account: Option<String>,
}

/// The identity of the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) account: String,
    /// The AWS partition, for example `aws` or `aws-cn`.
    pub(super) partition: String,
}

impl Connection {
    /// Loads the configuration as the AWS CLI does: a named profile takes precedence over credentials in the
    /// environment. Reads files and the environment through the SDK.
    ///
    /// # Errors
    /// When there are no credentials: they are looked up here, and again by the first request.
    pub async fn new(options: &ConnectionOptions) -> Result<Self, NoCredentials> {
        let http = http_client();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone()).timeout_config(
            TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build(),
        );
        if let Ok(name) = AppName::new("cfn-egress-guard") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let mut config = loader.load().await;
        if let Some(profile) = &options.profile {
            let credentials = credentials::of_profile(profile, config.region().cloned(), http);
            config = config.into_builder().credentials_provider(credentials).build();
        }
        if let Some(provider) = config.credentials_provider() {
            credentials::look(&provider, options.profile.as_deref()).await?;
        }
        Ok(Self { config, account: None })
    }

    /// Creates a connection to another account by assuming a role there.
    ///
    /// # Errors
    /// When the role cannot be assumed.
    pub(super) async fn in_role(
        &self,
        account: &str,
        arn: &str,
        role: &RoleOptions,
        retry_policy: RetryPolicy,
    ) -> Result<Self, Failure> {
        let base = match self.config.region() {
            Some(_) => self.config.clone(),
            None => self.config.clone().into_builder().region(Region::new(self.home())).build(),
        };
        let provider = credentials::of_role(&base, arn, role, retry_policy).await?;
        // The clients of all Regions share one cache: the role is assumed once and renewed before its session ends.
        let cache = IdentityCache::lazy().load_timeout(RENEWAL).build();
        let config = base.into_builder().credentials_provider(provider).identity_cache(cache).build();
        Ok(Self { config, account: Some(account.to_owned()) })
    }

    /// Returns the identity of the credentials (`sts:GetCallerIdentity`, which needs no permission).
    ///
    /// # Errors
    /// When STS does not return it.
    pub(super) async fn caller(&self, retry_policy: RetryPolicy) -> Result<Caller, Failure> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let config = aws_sdk_sts::config::Builder::from(&self.config).region(Region::new(self.home())).build();
        let client = aws_sdk_sts::Client::from_conf(config);
        let answer = with_retries(retry_policy, &mut 0, || async {
            client.get_caller_identity().send().await.map_err(|error| Failure::of(ACTION, &error))
        })
        .await?;
        let partition =
            answer.arn().and_then(Arn::parse).map(|arn| arn.partition).filter(|partition| !partition.is_empty());
        match (answer.account(), partition) {
            (Some(account), Some(partition)) if !account.is_empty() => {
                Ok(Caller { account: account.to_owned(), partition: partition.to_owned() })
            }
            _ => Err(Failure::new(ACTION, FailureKind::Unreadable, "the answer names no account")),
        }
    }

    /// Returns the identity if STS answers a single request within a short timeout.
    pub(super) async fn caller_if_known(&self) -> Option<Caller> {
        let once = RetryPolicy { rounds: 0, ..RetryPolicy::default() };
        tokio::time::timeout(CALLER, self.caller(once)).await.ok()?.ok()
    }

    /// Returns the Region for services that are not regional.
    fn home(&self) -> String {
        self.region().unwrap_or_else(|| "us-east-1".to_owned())
    }

    /// Returns a separate retry budget for the account. The SDK would share one among all clients of a service in a
    /// Region, and a throttled account would use up the budget of the others.
    fn retries(&self, service: &str, region: &str) -> Option<RetryPartition> {
        let account = self.account.as_ref()?;
        Some(RetryPartition::custom(format!("{service}-{region}-{account}")).build())
    }

    /// Returns the Region of the configuration, if set.
    #[must_use]
    pub fn region(&self) -> Option<String> {
        self.config.region().map(ToString::to_string)
    }

    /// Returns a CloudFormation client for a Region.
    pub(super) fn cloudformation(&self, region: &str) -> Client {
        let mut config =
            aws_sdk_cloudformation::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
        config.set_retry_partition(self.retries("cloudformation", region));
        Client::from_conf(config.build())
    }

    /// Returns a Cloud Control API client for a Region.
    pub(super) fn cloudcontrol(&self, region: &str) -> aws_sdk_cloudcontrol::Client {
        let mut config =
            aws_sdk_cloudcontrol::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
        config.set_retry_partition(self.retries("cloudcontrol", region));
        aws_sdk_cloudcontrol::Client::from_conf(config.build())
    }

    /// Returns a Lambda client for a Region.
    pub(super) fn lambda(&self, region: &str) -> aws_sdk_lambda::Client {
        let mut config = aws_sdk_lambda::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
        config.set_retry_partition(self.retries("lambda", region));
        aws_sdk_lambda::Client::from_conf(config.build())
    }

    /// Returns a CloudWatch client for a Region.
    pub(super) fn cloudwatch(&self, region: &str) -> aws_sdk_cloudwatch::Client {
        let mut config = aws_sdk_cloudwatch::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
        config.set_retry_partition(self.retries("cloudwatch", region));
        aws_sdk_cloudwatch::Client::from_conf(config.build())
    }

    /// Returns a CloudTrail client for a Region.
    pub(super) fn cloudtrail(&self, region: &str) -> aws_sdk_cloudtrail::Client {
        let mut config = aws_sdk_cloudtrail::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
        config.set_retry_partition(self.retries("cloudtrail", region));
        aws_sdk_cloudtrail::Client::from_conf(config.build())
    }

    /// Returns an EventBridge client for a Region.
    pub(super) fn eventbridge(&self, region: &str) -> aws_sdk_eventbridge::Client {
        let mut config =
            aws_sdk_eventbridge::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
        config.set_retry_partition(self.retries("events", region));
        aws_sdk_eventbridge::Client::from_conf(config.build())
    }

    /// Returns a CloudWatch Logs client for a Region.
    pub(super) fn cloudwatch_logs(&self, region: &str) -> aws_sdk_cloudwatchlogs::Client {
        let mut config =
            aws_sdk_cloudwatchlogs::config::Builder::from(&self.config).region(Region::new(region.to_owned()));
        config.set_retry_partition(self.retries("logs", region));
        aws_sdk_cloudwatchlogs::Client::from_conf(config.build())
    }

    /// Returns an Organizations client, which has one endpoint in each partition.
    pub(super) fn organizations(&self) -> aws_sdk_organizations::Client {
        let config = aws_sdk_organizations::config::Builder::from(&self.config).region(Region::new(self.home()));
        aws_sdk_organizations::Client::from_conf(config.build())
    }

    /// Returns the endpoint URL that the user set, if any.
    pub(super) fn endpoint_url(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// Returns the Regions that are enabled in the account (`account:ListRegions`).
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(super) async fn enabled_regions(&self, retry_policy: RetryPolicy) -> Result<Vec<String>, Failure> {
        // One endpoint serves all Regions of the partition.
        let config = aws_sdk_account::config::Builder::from(&self.config).region(Region::new(self.home())).build();
        let client = aws_sdk_account::Client::from_conf(config);
        let mut regions = Vec::new();
        let mut pages = PageCursor::new(REGIONS);
        while pages.has_page() {
            let page = with_retries(retry_policy, &mut 0, || async {
                let on = [RegionOptStatus::Enabled, RegionOptStatus::EnabledByDefault];
                let request = client.list_regions().set_region_opt_status_contains(Some(on.to_vec()));
                let answer = request.set_next_token(pages.token()).send().await;
                answer.map_err(|error| Failure::of(REGIONS, &error))
            })
            .await?;
            regions.extend(page.regions().iter().filter_map(|region| region.region_name().map(str::to_owned)));
            pages.advance(page.next_token())?;
        }
        regions.sort();
        regions.dedup();
        Ok(regions)
    }
}

/// Creates an HTTPS client with ring that uses the proxy in the environment.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        connector(|builder| {
            builder.set_connector_settings(settings.cloned());
            builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        })
    })
}

/// Creates the connector for the SDK's clients and for the download URL that one of them returns.
pub(super) fn connector(set: impl FnOnce(&mut ConnectorBuilder)) -> Connector {
    let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
    set(&mut builder);
    builder.tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_config::retry::RetryConfig;
    use aws_credential_types::Credentials;
    use aws_sdk_cloudformation::config::{AsyncSleep, Sleep};
    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// Throttles each request of the busy account and the first attempt of each request of others; records the callers.
    #[derive(Debug, Clone, Default)]
    struct Throttling(Arc<Mutex<Vec<String>>>);

    impl HttpConnector for Throttling {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
            let is_busy = header("authorization").contains("Credential=busy/");
            let is_first = header("amz-sdk-request").contains("attempt=1");
            self.0.lock().unwrap().push(header("authorization"));
            let (status, body) = if is_busy || is_first {
                let error = "<ErrorResponse><Error><Code>Throttling</Code><Message>x</Message></Error></ErrorResponse>";
                (400, error)
            } else {
                (200, "<ListStacksResponse><ListStacksResult/></ListStacksResponse>")
            };
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))))
        }
    }

    impl HttpClient for Throttling {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    /// A sleep that returns immediately.
    #[derive(Debug)]
    struct AtOnce;

    impl AsyncSleep for AtOnce {
        fn sleep(&self, _: Duration) -> Sleep {
            Sleep::new(std::future::ready(()))
        }
    }

    fn connection(http: &Throttling, account: &str) -> Connection {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http.clone())
            .sleep_impl(aws_sdk_cloudformation::config::SharedAsyncSleep::new(AtOnce))
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::new(
                account, "secret", None, None, "test",
            )))
            .build();
        Connection { config, account: Some(account.to_owned()) }
    }

    /// Returns the number of attempts of a request, and whether it succeeded in the end.
    async fn asked(http: &Throttling, client: &Client) -> (usize, bool) {
        http.0.lock().unwrap().clear();
        let answer = client.list_stacks().send().await;
        (http.0.lock().unwrap().len(), answer.is_ok())
    }

    /// A constantly throttled account uses up only its own retry budget.
    #[tokio::test]
    async fn throttling_of_one_account_does_not_use_up_the_retries_of_another() {
        let http = Throttling::default();
        let busy = connection(&http, "busy").cloudformation("eu-west-1");
        assert_eq!(asked(&http, &busy).await, (3, false));
        for _ in 0..200 {
            let _ = asked(&http, &busy).await;
        }
        assert_eq!(asked(&http, &busy).await, (1, false), "its budget is used up");
        let other = connection(&http, "other").cloudformation("eu-west-1");
        assert_eq!(asked(&http, &other).await, (2, true), "the SDK tries again for this one");
        let busy_elsewhere = connection(&http, "busy").cloudformation("us-east-1");
        assert_eq!(asked(&http, &busy_elsewhere).await, (3, false), "each Region has a budget, too");
    }
}
