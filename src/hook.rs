//! The hook: an invocation in, a decision out. Synchronous and total: whatever arrives is answered in the
//! protocol's shape, and what cannot be checked fails closed, in words.
//!
//! Knows no socket, no environment and no clock.

mod change_set;
mod decision;
pub mod log;
mod payload;
mod request;
mod response;
mod stack;
mod subject;

pub use decision::{Conclusion, Decision, Judged, TemplateJudgement};
pub use payload::{PayloadUrl, PayloadUrlError, is_loopback};
pub use request::{HookModel, Request, RequestContext, RequestData, RequestError, TargetModel, Text};
pub use response::{
    Annotation, AnnotationStatus, ErrorCode, HookStatus, MAX_ANNOTATIONS, MESSAGE_CHARS, Response, SeverityLevel,
};
pub use subject::{Subject, Target};

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::policy;
use crate::rule::policy::{Case, Date, Policy, Unchanged};
use crate::rule::{Explained, Knowledge, Preset, Treatment, Verdict, wording};
use crate::security_group::{ResourceType, assess, explain as explain_each, tags, unchanged};
use crate::value::Value;
use subject::context;

/// The function's variable that chooses the preset, in place of the policy's.
pub const ENV_PRESET: &str = "EGRESS_PRESET";
/// Set (to anything) by rehearsals and tests, never by template.yaml: documents of STACK and CHANGE_SET
/// invocations may lie on the function's machine.
pub const ENV_LOOPBACK_PAYLOADS: &str = "EGRESS_LOOPBACK_PAYLOADS";
/// A file of further certificates to trust, only where documents may lie on the function's machine.
pub const ENV_LOOPBACK_ROOTS: &str = "EGRESS_LOOPBACK_ROOTS";

/// How the function was configured. A configuration that cannot be used fails every invocation closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    policy: Result<Policy, String>,
    loopback_payloads: bool,
}

impl Config {
    /// A configuration with the given policy, settings or preset.
    #[must_use]
    pub fn new(policy: impl Into<Policy>) -> Self {
        Self { policy: Ok(policy.into()), loopback_payloads: false }
    }

    /// The configuration that a policy file (its text) and `EGRESS_PRESET` make: without both the
    /// published rule; the variable overrides the file's preset.
    #[must_use]
    pub fn read(file: Option<&str>, preset: Option<&str>) -> Self {
        let policy = file.map_or_else(|| Ok(Policy::default()), policy::parse).map_err(|error| in_file(&error));
        let preset = preset.map(str::parse::<Preset>).transpose().map_err(|error| error.to_string());
        let overridden =
            policy.and_then(|policy| preset.map(|preset| Policy { preset: preset.unwrap_or(policy.preset), ..policy }));
        Self { policy: overridden.map_err(|problem| wording::broken_configuration(&problem)), loopback_payloads: false }
    }

    /// The configuration of a function whose policy file is there but cannot be read.
    #[must_use]
    pub fn unreadable(problem: &str) -> Self {
        Self { policy: Err(wording::broken_configuration(&in_file(&problem))), loopback_payloads: false }
    }

    /// This configuration, with documents from this machine allowed: for rehearsals and tests alone.
    #[must_use]
    pub fn with_loopback_payloads(self) -> Self {
        Self { loopback_payloads: true, ..self }
    }

    /// What is wrong with the configuration, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.policy.as_ref().err().map(String::as_str)
    }
}

fn in_file(problem: &impl std::fmt::Display) -> String {
    format!("{}, {problem}", policy::FILE_NAME)
}

/// What an invocation needs.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Nothing more: it is decided.
    Decided(Box<Decision>),
    /// The document that it is about, which the edge downloads.
    Fetch(Box<Fetch>),
}

/// A STACK or CHANGE_SET invocation that waits for its document.
#[derive(Debug, Clone)]
pub struct Fetch {
    request: Request,
    subject: Subject,
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
            (Ok(_), Err(problem)) => {
                Conclusion::InternalFailure(wording::template::failed_download(self.url.host(), problem))
            }
            (Ok(policy), Ok(document)) if self.subject.target == Target::ChangeSet => {
                change_set::decide(document, &self.request, policy, today)
            }
            (Ok(policy), Ok(document)) => stack::decide(document, &self.request, policy, today),
        };
        Decision { subject: self.subject.clone(), conclusion }
    }
}

/// Decides an invocation, given as the bytes that Lambda delivered, as of a day (UTC), or says what has to
/// be fetched first.
#[must_use]
pub fn plan(event: &[u8], config: &Config, today: Date) -> Plan {
    let request = match Request::parse(event) {
        Ok(request) => request,
        Err(error) => return Plan::Decided(Box::new(unreadable(&error))),
    };
    let subject = Subject::of(&request);
    let conclusion = match fetch(&request, &subject, config) {
        Some(Ok(url)) => return Plan::Fetch(Box::new(Fetch { request, subject, url })),
        Some(Err(conclusion)) => conclusion,
        None => conclude(&request, &subject, config, today),
    };
    Plan::Decided(Box::new(Decision { subject, conclusion }))
}

/// Decides an invocation that needs no document; one that does is an internal failure, since nobody here
/// downloads.
#[must_use]
pub fn decide(event: &[u8], config: &Config, today: Date) -> Decision {
    match plan(event, config, today) {
        Plan::Decided(decision) => *decision,
        Plan::Fetch(fetch) => fetch.decide(Err("nothing is downloaded here"), config, today),
    }
}

/// Where the document of a STACK or CHANGE_SET invocation is, or what the invocation comes to without it.
fn fetch(request: &Request, subject: &Subject, config: &Config) -> Option<Result<PayloadUrl, Conclusion>> {
    let (Target::Stack | Target::ChangeSet) = subject.target else { return None };
    if let Err(problem) = &config.policy {
        return Some(Err(Conclusion::InternalFailure(problem.clone())));
    }
    match subject.invocation_point.as_str() {
        "DELETE_PRE_PROVISION" => return Some(Err(Conclusion::NotChecked(wording::deletion()))),
        point if point.starts_with("IMPORT") => return Some(Err(Conclusion::NotChecked(wording::import()))),
        // Documented for STACK and CHANGE_SET only in examples, so its absence is no reason to stop.
        "CREATE_PRE_PROVISION" | "UPDATE_PRE_PROVISION" | "" => {}
        point => return Some(Err(Conclusion::InternalFailure(wording::unknown_invocation_point(point)))),
    }
    let url = request.request_data.as_ref().map_or("", |data| data.payload.as_str());
    let refused = |error: PayloadUrlError| {
        Conclusion::InternalFailure(match error {
            PayloadUrlError::NoUrl => wording::missing_field("requestData.payload"),
            PayloadUrlError::NotHttps => wording::template::refused_url("its URL is not https"),
            PayloadUrlError::ForeignHost(host) => {
                wording::template::refused_url(&format!("its host is {host}, which is not Amazon S3"))
            }
        })
    };
    Some(PayloadUrl::parse(url, config.loopback_payloads).map_err(refused))
}

/// Does what the function says, and answers its panic, which is a defect of this program, too: the
/// invocation gets its answer and the process lives on.
///
/// # Errors
/// The decision on a panic.
pub fn guarded<T>(event: &[u8], decide: impl FnOnce() -> T) -> Result<T, Box<Decision>> {
    catch_unwind(AssertUnwindSafe(decide)).map_err(|_| {
        let subject = match Request::parse(event) {
            Ok(request) => Subject::of(&request),
            Err(error) => Subject::unreadable(error.client_request_token.as_str()),
        };
        Box::new(Decision { subject, conclusion: Conclusion::InternalFailure(wording::defect()) })
    })
}

/// What decides about each egress rule of an invocation, or what the whole of it comes to.
///
/// # Errors
/// The decision on an invocation of which no egress rule is checked.
pub fn explain(event: &[u8], policy: &Policy, today: Date) -> Result<(Subject, Vec<Explained>), Box<Decision>> {
    let request = Request::parse(event).map_err(|error| unreadable(&error))?;
    let subject = Subject::of(&request);
    match Checked::of(&request, &subject) {
        Ok(checked) => {
            let (kind, properties) = (checked.resource_type, checked.properties);
            let explained = checked
                .case(&request, policy, today, |case| explain_each(kind, properties, Knowledge::Final, policy, case));
            Ok((subject, explained))
        }
        Err(conclusion) => Err(Box::new(Decision { subject, conclusion })),
    }
}

fn unreadable(error: &RequestError) -> Decision {
    Decision {
        subject: Subject::unreadable(error.client_request_token.as_str()),
        conclusion: Conclusion::InternalFailure(wording::unreadable_event(&error.problem)),
    }
}

/// What an invocation comes to.
fn conclude(request: &Request, subject: &Subject, config: &Config, today: Date) -> Conclusion {
    let policy = match &config.policy {
        Ok(policy) => policy,
        Err(problem) => return Conclusion::InternalFailure(problem.clone()),
    };
    let checked = match Checked::of(request, subject) {
        Ok(checked) => checked,
        Err(conclusion) => return conclusion,
    };
    let assessment = assess(checked.resource_type, checked.properties, &policy.settings(), Knowledge::Final);
    Conclusion::Judged(match assessment.verdict() {
        Verdict::NonCompliant => checked.case(request, policy, today, |case| policy.apply(assessment, case)),
        Verdict::Compliant | Verdict::Undetermined => assessment,
    })
}

/// An invocation whose egress rules are to be checked.
struct Checked<'a> {
    resource_type: ResourceType,
    properties: &'a Value,
    /// What stood there before, on an update.
    previous: Option<&'a Value>,
}

impl<'a> Checked<'a> {
    /// The invocation, or what it comes to without looking at egress rules.
    fn of(request: &'a Request, subject: &Subject) -> Result<Self, Conclusion> {
        let failure = Conclusion::InternalFailure;
        let point = subject.invocation_point.as_str();
        if let Target::Stack | Target::ChangeSet = subject.target {
            return Err(failure(wording::unsupported_target(subject.target.name())));
        }
        let data = request.request_data.as_ref().ok_or_else(|| failure(wording::missing_field("requestData")))?;
        // Every resource type has at least two parts (`AWS::EC2::VPC`, `Custom::Thing`).
        if !subject.resource_type.contains("::") {
            return Err(failure(wording::missing_field("requestData.targetName")));
        }
        let Some(resource_type) = ResourceType::from_name(&subject.resource_type) else {
            return Err(Conclusion::NotChecked(wording::other_type(&subject.resource_type)));
        };
        let is_update = match point {
            "CREATE_PRE_PROVISION" => false,
            "UPDATE_PRE_PROVISION" => true,
            "DELETE_PRE_PROVISION" => return Err(Conclusion::NotChecked(wording::deletion())),
            _ if point.starts_with("IMPORT") => return Err(Conclusion::NotChecked(wording::import())),
            "" => return Err(failure(wording::missing_field("actionInvocationPoint"))),
            _ => return Err(failure(wording::unknown_invocation_point(point))),
        };
        let model = data.target_model.as_ref();
        let properties = model
            .and_then(|model| model.resource_properties.as_ref())
            .ok_or_else(|| failure(wording::missing_field("requestData.targetModel.resourceProperties")))?;
        let previous = model.and_then(|model| model.previous_resource_properties.as_ref()).filter(|_| is_update);
        Ok(Self { resource_type, properties, previous })
    }

    /// Does something with what a policy has to know of the resource.
    fn case<T>(&self, request: &Request, policy: &Policy, today: Date, then: impl FnOnce(&Case<'_>) -> T) -> T {
        let unchanged = match policy.unchanged_rules {
            Treatment::Allow => unchanged(self.resource_type, self.properties, self.previous),
            Treatment::Block => Unchanged::Nothing,
        };
        let tags = tags(self.resource_type, self.properties);
        let context = context(request, Some(self.resource_type), tags.as_deref());
        then(&Case { context, unchanged: &unchanged, today })
    }
}

#[cfg(test)]
mod tests;
