//! The one record of a decision: the response, the log line and the metrics are made from it.

use crate::rule::policy::{Context, Tag};
use crate::rule::{self, Assessment, Finding, Outcome, Verdict, excerpt, wording};
use crate::security_group::ResourceType;

use super::request::Request;
use super::response::{
    Annotation, AnnotationStatus, ErrorCode, HookStatus, MAX_ANNOTATIONS, Response, SeverityLevel, message,
};

/// What CloudFormation asked about (the hook's target operations).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A resource of a stack.
    Resource,
    /// A resource through the Cloud Control API.
    CloudControl,
    /// A whole stack's template.
    Stack,
    /// A change set.
    ChangeSet,
}

impl Target {
    /// The target operation's name in the hook's configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "RESOURCE",
            Self::CloudControl => "CLOUD_CONTROL",
            Self::Stack => "STACK",
            Self::ChangeSet => "CHANGE_SET",
        }
    }
}

/// What was asked: the facts of an invocation that are not about the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The token to repeat.
    pub client_request_token: String,
    /// The account.
    pub account: String,
    /// The Region, from the stack's or the function's ARN.
    pub region: String,
    /// The stack's ARN; empty for Cloud Control.
    pub stack_id: String,
    /// The stack's name; empty for Cloud Control.
    pub stack_name: String,
    /// The logical id.
    pub logical_id: String,
    /// The resource type.
    pub resource_type: String,
    /// The target operation.
    pub target: Target,
    /// The invocation point as sent.
    pub invocation_point: String,
}

impl Subject {
    /// How much of a field is kept, in characters: the longest documented one is a stack's ARN with a
    /// name of 128 characters. The token is repeated whole up to twice that.
    const FIELD_CHARS: usize = 300;

    /// The facts of an invocation.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let field = |text: &str| excerpt(text, Self::FIELD_CHARS);
        let data = request.request_data.as_ref();
        let target_name = data.map_or("", |data| data.target_name.as_str());
        let target_type = data.map_or("", |data| data.target_type.as_str());
        let resource_type = if target_name.is_empty() { target_type } else { target_name };
        let stack_id = request.stack_id.as_str();
        let function = request.hook_model.as_ref().map_or("", |model| model.lambda_function.as_str());
        let target = match (target_name, target_type) {
            ("STACK", _) | ("", "STACK") => Target::Stack,
            ("CHANGE_SET", _) | ("", "CHANGE_SET") => Target::ChangeSet,
            _ if stack_id.is_empty() => Target::CloudControl,
            _ => Target::Resource,
        };
        Self {
            client_request_token: excerpt(request.client_request_token.as_str(), 2 * Self::FIELD_CHARS),
            account: field(request.aws_account_id.as_str()),
            region: field(arn_region(stack_id).or_else(|| arn_region(function)).unwrap_or_default()),
            stack_id: field(stack_id),
            stack_name: field(stack_name(stack_id)),
            logical_id: field(data.map_or("", |data| data.target_logical_id.as_str())),
            resource_type: field(resource_type),
            target,
            invocation_point: field(request.action_invocation_point.as_str()),
        }
    }

    /// The facts of an invocation that could not be read beyond its token.
    #[must_use]
    pub fn unreadable(client_request_token: &str) -> Self {
        Self {
            client_request_token: excerpt(client_request_token, 2 * Self::FIELD_CHARS),
            account: String::new(),
            region: String::new(),
            stack_id: String::new(),
            stack_name: String::new(),
            logical_id: String::new(),
            resource_type: String::new(),
            target: Target::Resource,
            invocation_point: String::new(),
        }
    }
}

/// Where a resource stands, as the invocation says it: whole, never shortened, and not at all where a
/// text is longer than AWS has any.
pub(super) fn context<'a>(request: &'a Request, resource_type: ResourceType, tags: Option<&'a [Tag]>) -> Context<'a> {
    const LONGEST: usize = 1_024;
    let known = |text: &'a str| Some(text).filter(|text| (1..=LONGEST).contains(&text.len()));
    let stack_id = request.stack_id.as_str();
    let function = request.hook_model.as_ref().map_or("", |model| model.lambda_function.as_str());
    Context {
        account: known(request.aws_account_id.as_str()),
        region: arn_region(stack_id).or_else(|| arn_region(function)).and_then(known),
        stack_name: known(stack_name(stack_id)),
        stack_id: known(stack_id),
        logical_id: request.request_data.as_ref().and_then(|data| known(data.target_logical_id.as_str())),
        resource_type: Some(resource_type.name()),
        tags,
    }
}

/// The Region of an ARN (`arn:partition:service:region:account:resource`).
fn arn_region(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

/// The name within a stack's ARN (`…:stack/NAME/UUID`).
fn stack_name(stack_id: &str) -> &str {
    stack_id.split_once(":stack/").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default()
}

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// The rule was checked.
    Judged(Assessment),
    /// Nothing was to be checked, for this reason.
    NotChecked(String),
    /// The rule could not be checked: what went wrong and what to do.
    InternalFailure(String),
}

/// A decision on one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was asked.
    pub subject: Subject,
    /// What it came to.
    pub conclusion: Conclusion,
}

impl Decision {
    /// The verdict's name in logs and metrics.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match &self.conclusion {
            Conclusion::Judged(assessment) => match assessment.verdict() {
                Verdict::Compliant if self.of(Outcome::Exempted).next().is_some() => "exempted",
                Verdict::Compliant if self.of(Outcome::KnownDebt).next().is_some() => "known-debt",
                Verdict::Compliant => "compliant",
                Verdict::Undetermined => "undetermined",
                Verdict::NonCompliant => "non-compliant",
            },
            Conclusion::NotChecked(_) => "not-checked",
            Conclusion::InternalFailure(_) => "internal-failure",
        }
    }

    /// The findings that block.
    pub fn offending(&self) -> impl Iterator<Item = &Finding> {
        self.of(Outcome::NonCompliant)
    }

    /// The findings of one outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        let assessment = match &self.conclusion {
            Conclusion::Judged(assessment) => Some(assessment),
            Conclusion::NotChecked(_) | Conclusion::InternalFailure(_) => None,
        };
        assessment.into_iter().flat_map(move |assessment| assessment.of(outcome))
    }

    /// What breaks the rule and is let through: what asks for something soon comes first.
    fn let_through(&self) -> impl Iterator<Item = &Finding> {
        let asks = |finding: &&Finding| finding.exemption.as_ref().is_some_and(|exemption| exemption.expires_soon());
        let exempted = |soon: bool| self.of(Outcome::Exempted).filter(move |finding| asks(finding) == soon);
        exempted(true).chain(exempted(false)).chain(self.of(Outcome::KnownDebt))
    }

    /// What the stack's events say, within the protocol's length.
    #[must_use]
    pub fn message(&self) -> String {
        let subject = &self.subject;
        match &self.conclusion {
            Conclusion::Judged(assessment) => {
                let let_through = self.let_through().map(wording::policy::line);
                let lines: Vec<String> = self.offending().map(wording::line).chain(let_through).collect();
                let headline = match assessment.verdict() {
                    Verdict::NonCompliant => wording::broken,
                    _ if lines.is_empty() => wording::passed,
                    _ => wording::policy::headline,
                };
                let headline = headline(&subject.resource_type, &subject.logical_id, assessment);
                message(&headline, &lines, wording::and_more)
            }
            Conclusion::NotChecked(why) | Conclusion::InternalFailure(why) => message(why, &[], wording::and_more),
        }
    }

    /// The answer to CloudFormation.
    #[must_use]
    pub fn response(&self) -> Response {
        let (hook_status, error_code) = match &self.conclusion {
            Conclusion::Judged(assessment) if assessment.verdict() == Verdict::NonCompliant => {
                (HookStatus::Failed, Some(ErrorCode::NonCompliant))
            }
            Conclusion::Judged(_) | Conclusion::NotChecked(_) => (HookStatus::Success, None),
            Conclusion::InternalFailure(_) => (HookStatus::Failed, Some(ErrorCode::InternalFailure)),
        };
        Response {
            hook_status,
            error_code,
            message: self.message(),
            client_request_token: self.subject.client_request_token.clone(),
            annotations: self.annotations(),
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        match &self.conclusion {
            Conclusion::Judged(assessment) => {
                let (offending, skipped) = (self.offending().map(failed), self.let_through().map(skipped));
                let mut annotations: Vec<_> = offending.chain(skipped).take(MAX_ANNOTATIONS).collect();
                let all = self.offending().count() + self.let_through().count();
                if all > annotations.len() {
                    // The last one gives way to the number of those left out.
                    let status = annotations.pop().map_or(AnnotationStatus::Skipped, |last| last.status);
                    annotations.push(annotation(status, wording::and_more(all - annotations.len())));
                }
                if annotations.is_empty() {
                    let passed = wording::passed(&self.subject.resource_type, &self.subject.logical_id, assessment);
                    annotations.push(annotation(AnnotationStatus::Passed, passed));
                }
                annotations
            }
            Conclusion::NotChecked(why) => vec![annotation(AnnotationStatus::Skipped, why.clone())],
            Conclusion::InternalFailure(_) => Vec::new(),
        }
    }
}

fn annotation(status: AnnotationStatus, status_message: String) -> Annotation {
    Annotation {
        annotation_name: rule::ID.to_owned(),
        status,
        status_message: excerpt(&status_message, wording::ANNOTATION_CHARS - 1),
        remediation_message: String::new(),
        remediation_link: None,
        severity_level: None,
    }
}

fn skipped(finding: &Finding) -> Annotation {
    let advice = wording::policy::advice(finding).unwrap_or_default();
    Annotation {
        remediation_link: (!advice.is_empty()).then_some(rule::URL),
        remediation_message: excerpt(&advice, wording::ANNOTATION_CHARS - 1),
        severity_level: Some(SeverityLevel::from(finding.severity())),
        ..annotation(AnnotationStatus::Skipped, wording::policy::let_through(finding))
    }
}

fn failed(finding: &Finding) -> Annotation {
    Annotation {
        remediation_message: excerpt(&wording::remedy(finding), wording::ANNOTATION_CHARS - 1),
        remediation_link: Some(rule::URL),
        severity_level: Some(SeverityLevel::from(finding.severity())),
        ..annotation(AnnotationStatus::Failed, wording::annotation(finding))
    }
}
