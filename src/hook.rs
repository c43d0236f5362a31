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

use crate::rule::{Knowledge, Preset, Settings, UnknownPresetError, wording};
use crate::security_group::{ResourceType, assess};

/// How the function was configured. A configuration that cannot be used fails every invocation closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    settings: Result<Settings, String>,
}

impl Config {
    /// A configuration with the given settings.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self { settings: Ok(settings) }
    }

    /// The configuration that `EGRESS_PRESET` chooses: the published rule if it is not set.
    #[must_use]
    pub fn from_preset(name: Option<&str>) -> Self {
        let preset = name.map_or(Ok(Preset::default()), str::parse::<Preset>);
        Self {
            settings: preset
                .map(Settings::of)
                .map_err(|error: UnknownPresetError| wording::broken_configuration(&error.to_string())),
        }
    }

    /// What is wrong with the configuration, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.settings.as_ref().err().map(String::as_str)
    }
}

/// Decides an invocation, given as the bytes that Lambda delivered.
#[must_use]
pub fn decide(event: &[u8], config: &Config) -> Decision {
    match Request::parse(event) {
        Ok(request) => {
            let conclusion = conclude(&request, config).unwrap_or_else(Conclusion::InternalFailure);
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
fn conclude(request: &Request, config: &Config) -> Result<Conclusion, String> {
    let settings = config.settings.as_ref().map_err(Clone::clone)?;
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
    let properties = data
        .target_model
        .as_ref()
        .and_then(|model| model.resource_properties.as_ref())
        .ok_or_else(|| wording::missing_field("requestData.targetModel.resourceProperties"))?;
    Ok(Conclusion::Judged(assess(resource_type, properties, settings, Knowledge::Final)))
}

#[cfg(test)]
mod tests;
