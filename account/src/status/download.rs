//! The only download: a function's zip file from the URL that Lambda returns. Its size and time are limited, redirects
//! are not followed, and its URL, which is a credential, is never shown.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use cfn_egress_guard_core::hook::is_loopback;
use http::Uri;
use http::uri::Scheme;
use http_body_util::{BodyExt as _, Limited};

use crate::connection::connector;
use crate::failure::{Failure, FailureKind};
use crate::pace::{RetryPolicy, with_retries};

/// The IAM action that returns the URL.
pub(super) const ACTION: &str = "lambda:GetFunction";

/// The maximum size of the zip file (Lambda's quota for a direct upload; this function has a few MB).
const MAX_BYTES: usize = 50 * 1024 * 1024;

/// The timeout of one attempt.
const ATTEMPT: Duration = Duration::from_secs(60);

/// Downloads the file.
///
/// # Errors
/// When the download fails; the message does not contain the URL.
pub(super) async fn get(url: &str, loopback: bool, retry_policy: RetryPolicy) -> Result<Vec<u8>, Failure> {
    let refused = |message: &str| Failure::new(ACTION, FailureKind::Unreadable, message);
    if !allowed(url, loopback) {
        return Err(refused("the code location that Lambda returns is not an https URL"));
    }
    let connector = connector(|_| {});
    with_retries(retry_policy, &mut 0, || async {
        match tokio::time::timeout(ATTEMPT, attempt(&connector, url)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(ACTION, FailureKind::Unreachable, "the download of the code timed out")),
        }
    })
    .await
}

/// Returns whether a URL is allowed: https, or plain http on this machine if AWS itself is simulated there.
fn allowed(url: &str, loopback: bool) -> bool {
    url.parse().is_ok_and(|uri: Uri| uri.scheme() == Some(&Scheme::HTTPS) || (loopback && is_loopback(&uri)))
}

async fn attempt(connector: &Connector, url: &str) -> Result<Vec<u8>, Failure> {
    let failed = |kind, message: &str| Failure::new(ACTION, kind, message);
    let request = HttpRequest::get(url)
        .map_err(|_| failed(FailureKind::Unreadable, "the code location that Lambda returns is not a valid URL"))?;
    // The error is not quoted, because it may contain the URL.
    let answer = connector
        .call(request)
        .await
        .map_err(|_| failed(FailureKind::Unreachable, "the code location that Lambda returns cannot be reached"))?;
    let status = answer.status().as_u16();
    if status != 200 {
        let kind = if status >= 500 { FailureKind::Unreachable } else { FailureKind::Refused };
        return Err(failed(kind, &format!("the download of the code failed with status {status}")));
    }
    match Limited::new(answer.into_body(), MAX_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(failed(
            FailureKind::Unreadable,
            &format!("the code is larger than {} MB and was not checked", MAX_BYTES / (1024 * 1024)),
        )),
        Err(_) => Err(failed(FailureKind::Unreachable, "the download of the code was interrupted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_when_aws_is_played_there() {
        for (url, loopback, expected) in [
            ("https://prod-04-2014-tasks.s3.us-east-1.amazonaws.com/x?X-Amz-Signature=y", false, true),
            ("http://prod-04-2014-tasks.s3.us-east-1.amazonaws.com/x", false, false),
            ("http://prod-04-2014-tasks.s3.us-east-1.amazonaws.com/x", true, false),
            ("http://127.0.0.1:4566/x", true, true),
            ("http://127.0.0.1:4566/x", false, false),
            ("http://127.0.0.1.example.com/x", true, false),
            ("http://127.0.0.1@example.com/x", true, false),
            ("http://localhost:x@evil.example/", true, false),
            ("http://[::1]:80/x", true, true),
            ("https:///x", true, false),
            ("file:///etc/passwd", true, false),
        ] {
            assert_eq!(allowed(url, loopback), expected, "{url}");
        }
    }
}
