//! The hook: turns an invocation into a decision. It is synchronous and never fails: every event gets an answer in the
//! protocol's shape, and if the check is impossible, the answer fails closed with an explanation.
//!
//! The request is read once into the facts of the [`Invocation`]. A resource is decided from the event, a stack or
//! change set with the document that the program downloads. The [`Decision`] is the only record, and the [`Response`]
//! and the log lines are derived from it. This module knows no sockets, no environment, and no clock.

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

pub use crate::rule::wording::MESSAGE_CHARS;
pub use annotation::MAX_ANNOTATIONS;
pub use config::{Config, ENV_LOOPBACK_PAYLOADS, ENV_LOOPBACK_ROOTS, ENV_PRESET, PolicyOrigin};
pub use decision::{Conclusion, Decision, ResourceAssessment, TemplateAssessment};
pub use invocation::{Invocation, InvocationPoint, Target};
pub use payload::{PayloadUrl, PayloadUrlError, is_loopback};
pub use request::{HookModel, LenientText, Request, RequestContext, RequestData, RequestError, TargetModel};
pub use response::{Annotation, AnnotationStatus, ErrorCode, HookStatus, Response, SeverityLevel};

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::rule::ExplainedRule;
use crate::rule::policy::{Date, Policy};

/// The next step for an invocation.
#[derive(Debug, Clone)]
pub enum HookPlan {
    /// Nothing: the invocation is decided.
    Decided(Box<Decision>),
    /// Downloading its document, which the program does.
    Fetch(Box<Fetch>),
}

/// A STACK or CHANGE_SET invocation that is waiting for its document.
#[derive(Debug, Clone)]
pub struct Fetch {
    request: Request,
    invocation: Invocation,
    url: PayloadUrl,
}

impl Fetch {
    /// The maximum size of a document in bytes: two templates of 1 MB, whose bytes JSON may encode as two bytes each,
    /// and a change set's contexts.
    pub const MAX_BYTES: usize = 8_388_608;

    /// Returns the URL of the document.
    #[must_use]
    pub const fn url(&self) -> &PayloadUrl {
        &self.url
    }

    /// Decides with the document, or with the error of the download.
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

/// Decides an invocation, given as the bytes that Lambda delivered, as of a day (UTC), or returns the document to fetch
/// first.
#[must_use]
pub fn plan(event: &[u8], config: &Config, today: Date) -> HookPlan {
    let request = match Request::parse(event) {
        Ok(request) => request,
        Err(error) => return HookPlan::Decided(Box::new(unreadable(&error))),
    };
    let invocation = Invocation::of(&request);
    let conclusion = match (&config.policy, invocation.target) {
        (Err(problem), _) => Conclusion::InternalFailure(problem.clone()),
        (Ok(policy), Target::Stack | Target::ChangeSet) => match document_url(&request, &invocation, policy, config) {
            Ok(url) => return HookPlan::Fetch(Box::new(Fetch { request, invocation, url })),
            Err(conclusion) => conclusion,
        },
        (Ok(policy), Target::Resource | Target::CloudControl) => resource::decide(&request, &invocation, policy, today),
    };
    HookPlan::Decided(Box::new(Decision { invocation, conclusion }))
}

/// Decides an invocation that needs no document. An invocation that needs one is an internal failure, because this
/// function downloads nothing.
#[must_use]
pub fn decide(event: &[u8], config: &Config, today: Date) -> Decision {
    match plan(event, config, today) {
        HookPlan::Decided(decision) => *decision,
        HookPlan::Fetch(fetch) => fetch.decide(Err("nothing is downloaded here"), config, today),
    }
}

/// Returns the URL of the document of a STACK or CHANGE_SET invocation.
///
/// # Errors
/// Returns the conclusion of the invocation without the document.
fn document_url(
    request: &Request,
    invocation: &Invocation,
    policy: &Policy,
    config: &Config,
) -> Result<PayloadUrl, Conclusion> {
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

/// Calls `decide` and catches a panic, which is a bug in this program, so that the invocation gets its answer and the
/// process continues.
///
/// # Errors
/// Returns the decision for a panic.
pub fn guarded<T>(event: &[u8], decide: impl FnOnce() -> T) -> Result<T, Box<Decision>> {
    catch_unwind(AssertUnwindSafe(decide)).map_err(|_| {
        let invocation = match Request::parse(event) {
            Ok(request) => Invocation::of(&request),
            Err(error) => Invocation::unreadable(error.client_request_token.as_str()),
        };
        Box::new(Decision { invocation, conclusion: Conclusion::InternalFailure(sentences::defect()) })
    })
}

/// Returns the explanation for each egress rule of an invocation.
///
/// # Errors
/// Returns the decision on an invocation that checks no egress rule.
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
