//! The hook: an invocation in, a decision out. Synchronous and total: whatever arrives is answered in the
//! protocol's shape, and what cannot be checked fails closed, in words.
//!
//! Knows no socket, no environment and no clock.

mod decision;
pub mod log;
mod request;
mod response;

pub use decision::{Conclusion, Decision, Subject, Target};
pub use request::{HookModel, Request, RequestContext, RequestData, RequestError, TargetModel, Text};
pub use response::{
    Annotation, AnnotationStatus, ErrorCode, HookStatus, MAX_ANNOTATIONS, MESSAGE_CHARS, Response, SeverityLevel,
};

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::policy;
use crate::rule::policy::{Case, Date, Policy, Unchanged};
use crate::rule::{Knowledge, Preset, Treatment, Verdict, wording};
use crate::security_group::{ResourceType, assess, tags, unchanged};
use decision::context;

/// How the function was configured. A configuration that cannot be used fails every invocation closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    policy: Result<Policy, String>,
}

impl Config {
    /// A configuration with the given policy, settings or preset.
    #[must_use]
    pub fn new(policy: impl Into<Policy>) -> Self {
        Self { policy: Ok(policy.into()) }
    }

    /// The configuration that a policy file (its text) and `EGRESS_PRESET` make: without both the
    /// published rule; the variable overrides the file's preset.
    #[must_use]
    pub fn read(file: Option<&str>, preset: Option<&str>) -> Self {
        let policy = file.map_or_else(|| Ok(Policy::default()), policy::parse).map_err(|error| in_file(&error));
        let preset = preset.map(str::parse::<Preset>).transpose().map_err(|error| error.to_string());
        let overridden =
            policy.and_then(|policy| preset.map(|preset| Policy { preset: preset.unwrap_or(policy.preset), ..policy }));
        Self { policy: overridden.map_err(|problem| wording::broken_configuration(&problem)) }
    }

    /// The configuration of a function whose policy file is there but cannot be read.
    #[must_use]
    pub fn unreadable(problem: &str) -> Self {
        Self { policy: Err(wording::broken_configuration(&in_file(&problem))) }
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

/// Decides an invocation, given as the bytes that Lambda delivered, as of a day (UTC).
#[must_use]
pub fn decide(event: &[u8], config: &Config, today: Date) -> Decision {
    match Request::parse(event) {
        Ok(request) => {
            let conclusion = conclude(&request, config, today).unwrap_or_else(Conclusion::InternalFailure);
            Decision { subject: Subject::of(&request), conclusion }
        }
        Err(error) => Decision {
            subject: Subject::unreadable(error.client_request_token.as_str()),
            conclusion: Conclusion::InternalFailure(wording::unreadable_event(&error.problem)),
        },
    }
}

/// Decides by the given function, and answers its panic, which is a defect of this program, likewise:
/// the invocation gets its answer and the process lives on.
pub fn guarded(event: &[u8], decide: impl FnOnce(&[u8]) -> Decision) -> Decision {
    catch_unwind(AssertUnwindSafe(|| decide(event))).unwrap_or_else(|_| {
        let subject = match Request::parse(event) {
            Ok(request) => Subject::of(&request),
            Err(error) => Subject::unreadable(error.client_request_token.as_str()),
        };
        Decision { subject, conclusion: Conclusion::InternalFailure(wording::defect()) }
    })
}

/// What an invocation comes to; the error is what an internal failure says.
fn conclude(request: &Request, config: &Config, today: Date) -> Result<Conclusion, String> {
    let policy = config.policy.as_ref().map_err(Clone::clone)?;
    let subject = Subject::of(request);
    let point = subject.invocation_point.as_str();
    if let Target::Stack | Target::ChangeSet = subject.target {
        return Err(wording::unsupported_target(subject.target.name()));
    }
    let data = request.request_data.as_ref().ok_or_else(|| wording::missing_field("requestData"))?;
    if subject.resource_type.is_empty() {
        return Err(wording::missing_field("requestData.targetName"));
    }
    let Some(resource_type) = ResourceType::from_name(&subject.resource_type) else {
        return Ok(Conclusion::NotChecked(wording::other_type(&subject.resource_type)));
    };
    match point {
        "CREATE_PRE_PROVISION" | "UPDATE_PRE_PROVISION" => {}
        "DELETE_PRE_PROVISION" => return Ok(Conclusion::NotChecked(wording::deletion())),
        _ if point.starts_with("IMPORT") => return Ok(Conclusion::NotChecked(wording::import())),
        "" => return Err(wording::missing_field("actionInvocationPoint")),
        _ => return Err(wording::unknown_invocation_point(point)),
    }
    let model = data.target_model.as_ref();
    let properties = model
        .and_then(|model| model.resource_properties.as_ref())
        .ok_or_else(|| wording::missing_field("requestData.targetModel.resourceProperties"))?;
    let assessment = assess(resource_type, properties, &policy.settings(), Knowledge::Final);
    if assessment.verdict() != Verdict::NonCompliant {
        return Ok(Conclusion::Judged(assessment));
    }
    let previous = model.and_then(|model| model.previous_resource_properties.as_ref());
    let unchanged = match (policy.unchanged_rules, point) {
        (Treatment::Allow, "UPDATE_PRE_PROVISION") => unchanged(resource_type, properties, previous),
        _ => Unchanged::Nothing,
    };
    let tags = tags(resource_type, properties);
    let context = context(request, resource_type, tags.as_deref());
    Ok(Conclusion::Judged(policy.apply(assessment, &Case { context, unchanged: &unchanged, today })))
}

#[cfg(test)]
mod tests;
