//! The reason why a request failed, in words, with the missing permission.

use std::fmt;

use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use cfn_egress_guard_core::rule::excerpt;

/// The maximum number of characters of a service's own message.
const MESSAGE_CHARS: usize = 400;

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The IAM action of the request, for example `cloudformation:GetTemplate`.
    pub action: String,
    /// The kind of failure.
    pub kind: FailureKind,
    /// The service's error code, if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The problem, on one line.
    pub message: String,
}

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A permission is missing; the failure's action names it.
    AccessDenied,
    /// There are no credentials, or they are not valid in this Region.
    Credentials,
    /// The service throttled the request until the retries ended.
    Throttled,
    /// The requested item no longer exists.
    Gone,
    /// The service rejected the request for another reason.
    Refused,
    /// The service could not be reached, or did not answer in time.
    Unreachable,
    /// The answer could not be parsed.
    Unreadable,
}

impl Failure {
    /// Converts an error of the SDK.
    pub(super) fn of<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let new = |kind, code: Option<&str>, message: &str| Self {
            action: action.to_owned(),
            kind,
            code: code.map(|code| excerpt(code, 100)),
            message: excerpt(message, MESSAGE_CHARS),
        };
        match error {
            SdkError::ServiceError(context) => {
                let code = context.err().code();
                let status = context.raw().status().as_u16();
                let message = context.err().message().unwrap_or_default();
                // A request may need more than its own permission: the message names the missing one.
                let named = denied_action(message);
                let kind = named
                    .map_or_else(|| kind(code.unwrap_or_default(), status, message), |_| FailureKind::AccessDenied);
                let action = named.unwrap_or(action);
                let new = |kind, code, message: &str| Self { action: action.to_owned(), ..new(kind, code, message) };
                match (kind, message) {
                    // Its message repeats the signed headers, including a session token.
                    (FailureKind::Credentials, _) => new(kind, code, &format!("{kind}")),
                    (_, "") => new(kind, code, &format!("the service answered with status {status}")),
                    (_, message) => new(kind, code, message),
                }
            }
            SdkError::TimeoutError(_) => new(FailureKind::Unreachable, None, "no answer in time"),
            SdkError::DispatchFailure(_) => new(FailureKind::Unreachable, None, &causes(error)),
            SdkError::ConstructionFailure(_) => new(construction(error), None, &causes(error)),
            _ => new(FailureKind::Unreadable, None, &causes(error)),
        }
    }

    /// Creates another failure of an action.
    pub(super) fn new(action: &str, kind: FailureKind, message: &str) -> Self {
        Self { action: action.to_owned(), kind, code: None, message: excerpt(message, MESSAGE_CHARS) }
    }

    /// Returns the permission to request, if one is missing.
    #[must_use]
    pub fn missing_permission(&self) -> Option<&str> {
        (self.kind == FailureKind::AccessDenied).then_some(&self.action)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, kind, code, message } = self;
        match (kind, code) {
            (FailureKind::AccessDenied, _) => write!(f, "{action} is not allowed: {message}"),
            (_, Some(code)) => write!(f, "{action}: {message} ({code})"),
            (_, None) => write!(f, "{action}: {message}"),
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => "a permission is missing",
            Self::Credentials => {
                "the credentials are not valid here (expired, or the Region is not enabled for the account)"
            }
            Self::Throttled => "throttled for too long",
            Self::Gone => "it no longer exists",
            Self::Refused => "the service rejected the request",
            Self::Unreachable => "no answer from the service",
            Self::Unreadable => "the answer could not be read",
        })
    }
}

/// Codes of the SDKs (source: `aws-runtime`, `retries::classifiers::THROTTLING_ERRORS`).
const THROTTLING: [&str; 13] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
];

const DENIED: [&str; 4] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"];

/// Codes of the common errors of all services (CloudFormation API Reference, "Common errors").
const CREDENTIALS: [&str; 11] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidCredentialsException",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Returns the action that a message reports as not allowed, for example `kms:Decrypt` (source: IAM User Guide,
/// "Troubleshoot access denied error messages").
fn denied_action(message: &str) -> Option<&str> {
    let (_, named) = message.split_once("not authorized to perform: ")?;
    let action = named.split_whitespace().next()?.trim_end_matches(['.', ',', ';']);
    let (service, operation) = action.split_once(':')?;
    let name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (name(service) && name(operation)).then_some(action)
}

fn kind(code: &str, status: u16, message: &str) -> FailureKind {
    let gone = ["StackNotFoundException", "HookResultNotFound", "TypeNotFoundException", "ResourceNotFoundException"]
        .contains(&code)
        || (code == "ValidationError" && message.contains("does not exist"));
    // Cloud Control passes on the errors that its handler received from a service, including EC2's throttling.
    let by_the_handler = code == "GeneralServiceException"
        && ["Rate exceeded", "Request limit exceeded", "RequestLimitExceeded"]
            .iter()
            .any(|text| message.contains(text));
    if THROTTLING.contains(&code) || status == 429 || by_the_handler {
        FailureKind::Throttled
    } else if DENIED.contains(&code) {
        FailureKind::AccessDenied
    } else if CREDENTIALS.contains(&code) {
        FailureKind::Credentials
    } else if gone {
        FailureKind::Gone
    } else if status < 300 {
        // A success answer that the SDK rejects does not follow its protocol.
        FailureKind::Unreadable
    } else if status >= 500 {
        FailureKind::Unreachable
    } else {
        FailureKind::Refused
    }
}

/// Returns the kind of a failure before the request is sent, while the SDK looks for credentials and an endpoint.
fn construction<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> FailureKind {
    if causes(error).contains("credentials") { FailureKind::Credentials } else { FailureKind::Refused }
}

/// General phrases of the SDK about network errors that add no information.
const GENERAL: [&str; 3] = ["other", "io error", "client error (Connect)"];

/// Returns the causes of an error, without the SDK's general phrases and internals.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = plain(&cause.to_string());
        if !GENERAL.contains(&text.as_str()) && said.last() != Some(&text) {
            said.push(text);
        }
        next = cause.source();
    }
    if said.is_empty() { error.to_string() } else { said.join(": ") }
}

/// Removes the request that the SDK includes, with its body and signed headers.
fn plain(text: &str) -> String {
    let Some((before, shown)) = text.split_once(" to request `Request {") else { return text.to_owned() };
    let after = shown.rsplit_once("}`").map_or("", |(_, after)| after);
    format!("{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_kind() {
        for (code, status, message, expected) in [
            ("Throttling", 400, "Rate exceeded", FailureKind::Throttled),
            ("", 429, "", FailureKind::Throttled),
            ("GeneralServiceException", 400, "Request limit exceeded. (Service: Ec2)", FailureKind::Throttled),
            ("GeneralServiceException", 400, "The group is odd", FailureKind::Refused),
            ("ResourceNotFoundException", 400, "", FailureKind::Gone),
            ("AccessDenied", 403, "User is not authorized", FailureKind::AccessDenied),
            ("ExpiredToken", 403, "", FailureKind::Credentials),
            ("ValidationError", 400, "Stack with id x does not exist", FailureKind::Gone),
            ("HookResultNotFound", 404, "", FailureKind::Gone),
            ("ValidationError", 400, "1 validation error", FailureKind::Refused),
            ("InternalFailure", 500, "", FailureKind::Unreachable),
            ("", 200, "", FailureKind::Unreadable),
        ] {
            assert_eq!(kind(code, status, message), expected, "{code}");
        }
    }

    #[test]
    fn a_message_that_names_the_missing_permission_is_believed() {
        for (message, expected) in [
            (
                "User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:x:1:key/y",
                Some("kms:Decrypt"),
            ),
            (
                "User is not authorized to perform: cloudformation:ListAllHookResults.",
                Some("cloudformation:ListAllHookResults"),
            ),
            ("not authorized to perform: <script> on", None),
            ("not authorized", None),
        ] {
            assert_eq!(denied_action(message), expected, "{message}");
        }
    }

    #[test]
    fn the_request_that_the_sdk_shows_is_left_out() {
        let shown =
            "failed to apply endpoint `x` to request `Request { body: SdkBody { inner: \"`}` \" } }`: no scheme";
        assert_eq!(plain(shown), "failed to apply endpoint `x`: no scheme");
        assert_eq!(plain("failed to apply endpoint `x` to request `Request { cut"), "failed to apply endpoint `x`");
        assert_eq!(plain("connection refused"), "connection refused");
    }

    #[test]
    fn a_missing_permission_is_named() {
        let failure = Failure::new("cloudformation:GetTemplate", FailureKind::AccessDenied, "User x\nmay not");
        assert_eq!(failure.missing_permission(), Some("cloudformation:GetTemplate"));
        assert_eq!(failure.to_string(), "cloudformation:GetTemplate is not allowed: User x may not");
    }
}
