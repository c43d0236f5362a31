//! The hook: an invocation in, a decision out. Synchronous and total: whatever arrives is answered in the
//! protocol's shape, and what cannot be checked fails closed, in words.
//!
//! One walk: the request is read once into the facts of the [`Invocation`]; a resource is decided from the event, a
//! stack or change set with the document that the edge downloads; the [`Decision`] is the one record, from which the
//! [`Response`] and the log lines are made. Knows no socket, no environment and no clock.

mod annotation;
mod change_set;
mod config;
mod decision;
mod invocation;
pub mod log;
mod message;
mod payload;
mod request;
mod resource;
mod response;
mod sentences;
mod stack;

pub use annotation::MAX_ANNOTATIONS;
pub use config::{Config, ENV_LOOPBACK_PAYLOADS, ENV_LOOPBACK_ROOTS, ENV_PRESET, PolicyOrigin};
pub use decision::{Conclusion, Decision, ResourceAssessment, TemplateAssessment};
pub use invocation::{Invocation, InvocationPoint, Target};
pub use message::MESSAGE_CHARS;
pub use payload::{PayloadUrl, PayloadUrlError, is_loopback};
pub use request::{HookModel, LenientText, Request, RequestContext, RequestData, RequestError, TargetModel};
pub use response::{Annotation, AnnotationStatus, ErrorCode, HookStatus, Response, SeverityLevel};

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::rule::ExplainedRule;
use crate::rule::policy::{Date, Policy};

/// What an invocation needs.
#[derive(Debug, Clone)]
pub enum HookPlan {
    /// Nothing more: it is decided.
    Decided(Box<Decision>),
    /// The document that it is about, which the edge downloads.
    Fetch(Box<Fetch>),
}

/// A STACK or CHANGE_SET invocation that waits for its document.
#[derive(Debug, Clone)]
pub struct Fetch {
    request: Request,
    invocation: Invocation,
    url: PayloadUrl,
}

impl Fetch {
    /// The largest document that is read, in bytes: two templates of 1 MB, each byte of which JSON may
    /// write as two, and a change set's contexts.
    pub const MAX_BYTES: usize = 8 * 1024 * 1024;

    /// Where the document is.
    #[must_use]
    pub const fn url(&self) -> &PayloadUrl {
        &self.url
    }

    /// Decides with the document, or with what went wrong in fetching it.
    #[must_use]
    pub fn decide(&self, document: Result<&[u8], &str>, config: &Config, today: Date) -> Decision {
        let conclusion = match (&config.policy, document) {
            (Err(problem), _) => Conclusion::InternalFailure(problem.clone()),
            (Ok(_), Err(problem)) => Conclusion::InternalFailure(sentences::failed_download(self.url.host(), problem)),
            (Ok(policy), Ok(document)) if self.invocation.target == Target::ChangeSet => {
                change_set::decide(document, &self.request, policy, today)
            }
            (Ok(policy), Ok(document)) => stack::decide(document, &self.request, &self.invocation, policy, today),
        };
        Decision { invocation: self.invocation.clone(), conclusion }
    }
}

/// Decides an invocation, given as the bytes that Lambda delivered, as of a day (UTC), or says what has to
/// be fetched first.
#[must_use]
pub fn plan(event: &[u8], config: &Config, today: Date) -> HookPlan {
    let request = match Request::parse(event) {
        Ok(request) => request,
        Err(error) => return HookPlan::Decided(Box::new(unreadable(&error))),
    };
    let invocation = Invocation::of(&request);
    let conclusion = match (&config.policy, invocation.target) {
        (Err(problem), _) => Conclusion::InternalFailure(problem.clone()),
        (Ok(_), Target::Stack | Target::ChangeSet) => match document_url(&request, &invocation, config) {
            Ok(url) => return HookPlan::Fetch(Box::new(Fetch { request, invocation, url })),
            Err(conclusion) => conclusion,
        },
        (Ok(policy), Target::Resource | Target::CloudControl) => resource::decide(&request, &invocation, policy, today),
    };
    HookPlan::Decided(Box::new(Decision { invocation, conclusion }))
}

/// Decides an invocation that needs no document; one that does is an internal failure, since nobody here
/// downloads.
#[must_use]
pub fn decide(event: &[u8], config: &Config, today: Date) -> Decision {
    match plan(event, config, today) {
        HookPlan::Decided(decision) => *decision,
        HookPlan::Fetch(fetch) => fetch.decide(Err("nothing is downloaded here"), config, today),
    }
}

/// Where the document of a STACK or CHANGE_SET invocation is.
///
/// # Errors
/// What the invocation comes to without it.
fn document_url(request: &Request, invocation: &Invocation, config: &Config) -> Result<PayloadUrl, Conclusion> {
    let policy = config.policy.as_ref().map_err(|problem| Conclusion::InternalFailure(problem.clone()))?;
    resource::checked_point(invocation, policy)?;
    let url = request.request_data.as_ref().map_or("", |data| data.payload.as_str());
    PayloadUrl::parse(url, config.loopback_payloads).map_err(|error| {
        Conclusion::InternalFailure(match error {
            PayloadUrlError::NoUrl => sentences::missing_field("requestData.payload"),
            PayloadUrlError::NotHttps => sentences::refused_url("its URL is not https"),
            PayloadUrlError::ForeignHost(host) => {
                sentences::refused_url(&format!("its host is {host}, which is not Amazon S3"))
            }
        })
    })
}

/// Does what the function says, and answers its panic, a bug of this program, too: the
/// invocation gets its answer and the process lives on.
///
/// # Errors
/// The decision on a panic.
pub fn guarded<T>(event: &[u8], decide: impl FnOnce() -> T) -> Result<T, Box<Decision>> {
    catch_unwind(AssertUnwindSafe(decide)).map_err(|_| {
        let invocation = match Request::parse(event) {
            Ok(request) => Invocation::of(&request),
            Err(error) => Invocation::unreadable(error.client_request_token.as_str()),
        };
        Box::new(Decision { invocation, conclusion: Conclusion::InternalFailure(sentences::defect()) })
    })
}

/// What decides about each egress rule of an invocation, or what the whole of it comes to.
///
/// # Errors
/// The decision on an invocation of which no egress rule is checked.
pub fn explain(event: &[u8], policy: &Policy, today: Date) -> Result<(Invocation, Vec<ExplainedRule>), Box<Decision>> {
    let request = Request::parse(event).map_err(|error| unreadable(&error))?;
    let invocation = Invocation::of(&request);
    match resource::explain(&request, &invocation, policy, today) {
        Ok(explained) => Ok((invocation, explained)),
        Err(conclusion) => Err(Box::new(Decision { invocation, conclusion })),
    }
}

fn unreadable(error: &RequestError) -> Decision {
    Decision {
        invocation: Invocation::unreadable(error.client_request_token.as_str()),
        conclusion: Conclusion::InternalFailure(sentences::unreadable_event(&error.problem)),
    }
}

#[cfg(test)]
mod tests;
