//! The documents of STACK and CHANGE_SET invocations, which CloudFormation provides at a presigned URL, and the allowed
//! hosts of these URLs.
//!
//! Sources: CloudFormation Hooks User Guide, "Create a Lambda function to evaluate stacks" and "… change sets"; Amazon
//! S3 User Guide, endpoints and virtual hosting of buckets.

use std::fmt;

use http::Uri;
use http::uri::Scheme;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};

use super::request::{LenientText, problem};
use super::sentences::unreadable_document;
use crate::region;

/// Defines an object whose fields have the documented spelling, the spelling of the models of custom hooks, or both.
/// The documented spelling wins.
macro_rules! object {
    ($(#[$about:meta])* struct $name:ident {
        $( $(#[$doc:meta])* $field:ident: $type:ty = $documented:literal or $other:ident = $custom:literal, )*
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name {
            $(
                $(#[$doc])*
                #[serde(rename = $documented)]
                pub(super) $field: $type,
                #[serde(rename = $custom)]
                $other: $type,
            )*
        }

        impl Documented for $name {
            fn documented(self) -> Self {
                Self { $( $field: self.$field.or(self.$other), $other: Default::default(), )* }
            }
        }
    };
}

/// An object whose fields can have two spellings.
pub(super) trait Documented {
    /// Returns the object with each field in the documented spelling.
    fn documented(self) -> Self;
}

object! {
    /// The document of a STACK invocation.
    struct StackPayload {
        /// The template as it was passed to CloudFormation; empty when the stack is deleted.
        template: LenientText = "template" or custom_template = "Template",
        /// The deployed template; empty when the stack is created.
        previous_template: LenientText = "previousTemplate" or custom_previous_template = "PreviousTemplate",
    }
}

object! {
    /// The document of a CHANGE_SET invocation.
    struct ChangeSetPayload {
        /// The planned changes. A missing list is an error; an empty one is not.
        changed_resources: Option<ChangedResources> = "changedResources" or custom_changes = "ChangedResources",
    }
}

object! {
    /// The planned change of one resource.
    struct ChangedResource {
        logical_resource_id: LenientText = "logicalResourceId" or custom_id = "LogicalResourceId",
        resource_type: LenientText = "resourceType" or custom_type = "ResourceType",
        /// `CREATE`, `UPDATE` or `DELETE`.
        action: LenientText = "action" or custom_action = "Action",
        /// The line of the resource in the template.
        line_number: LenientText = "lineNumber" or custom_line = "LineNumber",
        /// The resource before the change, as JSON text.
        before_context: LenientText = "beforeContext" or custom_before = "BeforeContext",
        /// The resource after the change, as JSON text.
        after_context: LenientText = "afterContext" or custom_after = "AfterContext",
    }
}

/// The maximum number of changes that are read. CloudFormation allows 500 resources in a template.
const MAX_CHANGES: usize = 10_000;

/// The changes of a change set.
#[derive(Debug, Clone)]
pub(super) struct ChangedResources(pub(super) Vec<ChangedResource>);

impl<'de> Deserialize<'de> for ChangedResources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ChangesVisitor)
    }
}

struct ChangesVisitor;

impl<'de> Visitor<'de> for ChangesVisitor {
    type Value = ChangedResources;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX_CHANGES} changes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<ChangedResources, A::Error> {
        let mut changes = Vec::new();
        while let Some(change) = entries.next_element()? {
            if changes.len() == MAX_CHANGES {
                return Err(A::Error::custom("too many changes"));
            }
            changes.push(change);
        }
        Ok(ChangedResources(changes))
    }
}

/// Reads a document.
///
/// # Errors
/// Returns the problem with the document and the remedy.
pub(super) fn read<T: DeserializeOwned + Documented>(document: &[u8]) -> Result<T, String> {
    let read: T = serde_json::from_slice(document).map_err(|error| unreadable_document(&problem(&error)))?;
    Ok(read.documented())
}

/// The presigned URL of a document. Its query is a credential, so only the host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PayloadUrl(Uri);

/// The reason why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadUrlError {
    /// The URL is missing or malformed.
    NoUrl,
    /// The scheme is not https.
    NotHttps,
    /// The host does not belong to Amazon S3.
    ForeignHost(String),
}

impl PayloadUrl {
    /// Parses a URL whose host belongs to Amazon S3, in any partition, or, with `loopback`, is this machine.
    ///
    /// # Errors
    /// Returns the condition that the URL violates.
    pub fn parse(url: &str, loopback: bool) -> Result<Self, PayloadUrlError> {
        let uri: Uri = url.parse().map_err(|_| PayloadUrlError::NoUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(PayloadUrlError::NoUrl);
        };
        if loopback && is_loopback(&uri) {
            return Ok(Self(uri));
        }
        if *scheme != Scheme::HTTPS {
            return Err(PayloadUrlError::NotHttps);
        }
        // User information (`s3.amazonaws.com@elsewhere`) and ports other than 443 are not allowed.
        let host = authority.host();
        if !matches!(authority.as_str().strip_prefix(host), Some("" | ":443")) || !is_s3(&host.to_ascii_lowercase()) {
            return Err(PayloadUrlError::ForeignHost(crate::rule::excerpt(host, 100)));
        }
        Ok(Self(uri))
    }

    /// Returns the whole URL, only for the download.
    #[must_use]
    pub const fn secret(&self) -> &Uri {
        &self.0
    }

    /// Returns the host, which is not a secret.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }
}

impl fmt::Debug for PayloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadUrl").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// Returns whether a URL is on this machine, with http or https and without user information.
#[must_use]
pub fn is_loopback(uri: &Uri) -> bool {
    let is_web = uri.scheme().is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
    is_web
        && uri.authority().is_some_and(|authority| {
            let host = authority.host();
            ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(host))
                && !authority.as_str().contains('@')
        })
}

/// The domains of AWS's partitions (botocore, `partitions.json`).
const AWS_DOMAINS: [&str; 7] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
];

/// Returns whether a host is an endpoint of Amazon S3: `s3`, `s3.REGION`, `s3.dualstack.REGION`, `s3-fips…`, or the old
/// `s3-REGION` directly below an AWS domain, with or without a bucket in front.
fn is_s3(host: &str) -> bool {
    let Some(service) = AWS_DOMAINS.iter().find_map(|domain| host.strip_suffix(domain)) else { return false };
    let labels: Vec<&str> = service.split('.').collect();
    let is_service = |label: &str| {
        matches!(label, "s3" | "s3-fips" | "s3-external-1") || label.strip_prefix("s3-").is_some_and(region::is_name)
    };
    match labels.as_slice() {
        [.., service, "dualstack", place] | [.., service, place] if is_service(service) && region::is_name(place) => {
            true
        }
        [.., service] => is_service(service),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_endpoints_of_s3_are_downloaded_from() {
        for host in [
            "s3.amazonaws.com",
            "s3.us-east-1.amazonaws.com",
            "bucket.s3.us-east-1.amazonaws.com",
            "b.u.c.s3.eu-central-1.amazonaws.com",
            "bucket.s3.dualstack.eu-west-1.amazonaws.com",
            "bucket.s3-us-west-2.amazonaws.com",
            "bucket.s3-fips.us-gov-west-1.amazonaws.com",
            "BUCKET.S3.US-EAST-1.AMAZONAWS.COM",
            "bucket.s3.cn-north-1.amazonaws.com.cn",
            "bucket.s3.us-iso-east-1.c2s.ic.gov",
            "bucket.s3.eusc-de-east-1.amazonaws.eu",
            "bucket.s3.us-east-1.amazonaws.com:443",
        ] {
            assert!(PayloadUrl::parse(&format!("https://{host}/key?X-Amz-Signature=x"), false).is_ok(), "{host}");
        }
        for host in [
            "s3.amazonaws.com.evil.example",
            "evil.example",
            "amazonaws.com",
            "s3.evil.elb.amazonaws.com",
            "s3.us-east-1.elb.amazonaws.com",
            "s3.evil.us-east-1.amazonaws.com",
            "xs3.amazonaws.com",
            "s3xamazonaws.com",
            "s3.us-east-1.amazonaws.com@evil.example",
            "user@s3.us-east-1.amazonaws.com",
            "s3.us-east-1.amazonaws.com:8443",
            "ec2.us-east-1.amazonaws.com",
            "bucket.s3.evil.amazonaws.com",
            "bucket.s3.us-east.amazonaws.com",
            "bucket.s3.us-east-x.amazonaws.com",
            "bucket.s3.us-east-123.amazonaws.com",
            "bucket.s3.u-east-1.amazonaws.com",
            "bucket.s3.us-ea5t-1.amazonaws.com",
            "bucket.s3.us-abcdefghijklm-1.amazonaws.com",
            "bucket.s3.us-1.amazonaws.com",
            "bucket.s3.us-a-b-c-d-1.amazonaws.com",
            "bucket.s3-evil.amazonaws.com",
            "bucket.s3.dualstack.evil.amazonaws.com",
            "169.254.169.254",
            "127.0.0.1",
            "localhost",
            "[::1]",
        ] {
            let refused = PayloadUrl::parse(&format!("https://{host}/key"), false);
            assert!(matches!(refused, Err(PayloadUrlError::ForeignHost(_))), "{host}: {refused:?}");
        }
        assert_eq!(PayloadUrl::parse("http://s3.amazonaws.com/k", false), Err(PayloadUrlError::NotHttps));
        assert_eq!(PayloadUrl::parse("ftp://s3.amazonaws.com/k", false), Err(PayloadUrlError::NotHttps));
        for url in [
            "",
            "s3.amazonaws.com",
            "/k",
            "https://",
            "https:///k",
            "file:///etc/passwd",
            "https://s3.amazonaws.com/ x",
            "https://s3.amazonaws.com\\@evil.example/k",
            "https://s3.amazonaws.com/\nx",
        ] {
            assert_eq!(PayloadUrl::parse(url, false), Err(PayloadUrlError::NoUrl), "{url}");
        }
    }

    #[test]
    fn what_is_printed_for_debugging_has_the_host_and_no_credential() {
        let url = PayloadUrl::parse("https://s3.us-east-1.amazonaws.com/key?X-Amz-Signature=SECRET", false).unwrap();
        assert_eq!(format!("{url:?}"), "PayloadUrl { host: \"s3.us-east-1.amazonaws.com\", .. }");
        assert!(url.secret().to_string().ends_with("SECRET"));
    }

    #[test]
    fn this_machine_is_downloaded_from_only_where_that_is_allowed() {
        for url in ["http://127.0.0.1:9000/k", "https://localhost:4566/k", "http://LOCALHOST/k", "http://[::1]:80/k"] {
            assert!(PayloadUrl::parse(url, true).is_ok(), "{url}");
            assert!(PayloadUrl::parse(url, false).is_err(), "{url}");
        }
        for url in [
            "http://169.254.169.254/k",
            "http://127.0.0.1.example.com/k",
            "http://127.0.0.1@example.com/k",
            "http://localhost:x@evil.example/",
            "http://user@localhost/",
            "http://evil.example/#@localhost",
            "ftp://localhost/k",
        ] {
            assert!(PayloadUrl::parse(url, true).is_err(), "{url}");
            assert!(!url.parse().is_ok_and(|uri| is_loopback(&uri)), "{url}");
        }
    }

    #[test]
    fn a_url_never_shows_its_signature() {
        let url = PayloadUrl::parse("https://s3.amazonaws.com/k?X-Amz-Signature=SECRET", false).unwrap();
        assert!(!format!("{url:?}").contains("SECRET"));
    }
}
