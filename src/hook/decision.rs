//! The one record of a decision: the response, the log line and the metrics are made from it.

use std::collections::HashSet;

use crate::rule::{self, Assessment, Finding, Outcome, Verdict, excerpt, wording};
use crate::security_group::ResourceType;

use super::response::{
    Annotation, AnnotationStatus, ErrorCode, HookStatus, MAX_ANNOTATIONS, MESSAGE_CHARS, Response, SeverityLevel,
    message,
};
use super::subject::{Subject, Target};

/// How many lines a message is made of at the most: shorter than nine characters none is.
const MAX_LINES: usize = MESSAGE_CHARS / 8;

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// The rule was checked on one resource.
    Judged(Assessment),
    /// The rule was checked on a template or change set.
    Template(TemplateJudgement),
    /// Nothing was to be checked, for this reason.
    NotChecked(String),
    /// The rule could not be checked: what went wrong and what to do.
    InternalFailure(String),
}

/// What the rule says of a template or change set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateJudgement {
    /// Its resources that carry egress rules.
    pub resources: Vec<Judged>,
    /// What in it cannot be judged at all.
    pub remarks: Vec<String>,
}

/// What the rule says of one resource of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its type.
    pub resource_type: ResourceType,
    /// Its logical id.
    pub logical_id: String,
    /// Where it stands in the template.
    pub line: Option<u32>,
    /// What the rule says.
    pub assessment: Assessment,
}

impl Judged {
    fn name(&self) -> String {
        wording::template::resource(&self.logical_id, self.line)
    }

    /// How many egress rules break the rule: one that does under each of several conditions is one.
    fn broken(&self) -> usize {
        self.assessment.of(Outcome::NonCompliant).map(|finding| &finding.path).collect::<HashSet<_>>().len()
    }
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
            Conclusion::Judged(_) | Conclusion::Template(_) => match self.worst() {
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
        self.of_each(outcome).map(|(_, finding)| finding)
    }

    /// The findings of one outcome, each with the resource of the template that it is about.
    pub fn of_each(&self, outcome: Outcome) -> impl Iterator<Item = (Option<&Judged>, &Finding)> {
        self.assessments()
            .flat_map(move |(judged, assessment)| assessment.of(outcome).map(move |finding| (judged, finding)))
    }

    /// What there is to tell of a template, in that order: what blocks, what is let through, what is left open.
    fn told(&self) -> impl Iterator<Item = (Option<&Judged>, &Finding)> {
        [Outcome::NonCompliant, Outcome::Exempted, Outcome::KnownDebt, Outcome::Undetermined]
            .into_iter()
            .flat_map(|outcome| self.of_each(outcome))
    }

    /// Everything that was judged, each with the resource of the template that it is about.
    fn assessments(&self) -> impl Iterator<Item = (Option<&Judged>, &Assessment)> {
        let (one, many) = match &self.conclusion {
            Conclusion::Judged(assessment) => (Some((None, assessment)), [].as_slice()),
            Conclusion::Template(template) => (None, template.resources.as_slice()),
            Conclusion::NotChecked(_) | Conclusion::InternalFailure(_) => (None, [].as_slice()),
        };
        one.into_iter().chain(many.iter().map(|judged| (Some(judged), &judged.assessment)))
    }

    /// The worst verdict on anything that was judged.
    fn worst(&self) -> Verdict {
        let open = match &self.conclusion {
            Conclusion::Template(template) if !template.remarks.is_empty() => Some(Verdict::Undetermined),
            _ => None,
        };
        let verdicts = self.assessments().map(|(_, assessment)| assessment.verdict());
        verdicts.chain(open).max().unwrap_or(Verdict::Compliant)
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
            Conclusion::Template(template) => self.template_message(template),
            Conclusion::Judged(assessment) => {
                let let_through = self.let_through().map(wording::policy::line);
                let lines: Vec<String> =
                    self.offending().map(wording::line).chain(let_through).take(MAX_LINES).collect();
                let all = self.offending().count() + self.let_through().count();
                let headline = match assessment.verdict() {
                    Verdict::NonCompliant => wording::broken,
                    _ if lines.is_empty() => wording::passed,
                    _ => wording::policy::headline,
                };
                let headline = headline(&subject.resource_type, &subject.logical_id, assessment);
                message(&headline, &lines, all, wording::and_more)
            }
            Conclusion::NotChecked(why) | Conclusion::InternalFailure(why) => message(why, &[], 0, wording::and_more),
        }
    }

    /// The message on a template: what blocks first, then what is let through or cannot be judged.
    fn template_message(&self, template: &TemplateJudgement) -> String {
        let lines_of = |outcome, line: fn(&str, &Finding) -> String| {
            template
                .resources
                .iter()
                .flat_map(move |judged| judged.assessment.of(outcome).map(move |finding| line(&judged.name(), finding)))
        };
        let let_through = |resource: &str, finding: &Finding| format!("{resource}, {}", wording::policy::line(finding));
        let undetermined =
            |resource: &str, finding: &Finding| format!("{resource}, {}", wording::template::undetermined(finding));
        let lines: Vec<String> = lines_of(Outcome::NonCompliant, wording::template::finding_line)
            .chain(lines_of(Outcome::Exempted, let_through))
            .chain(lines_of(Outcome::KnownDebt, let_through))
            .chain(lines_of(Outcome::Undetermined, undetermined))
            .chain(template.remarks.iter().cloned())
            .take(MAX_LINES)
            .collect();
        let all = self.told().count() + template.remarks.len();
        let counts = wording::template::Counts {
            judged: template.resources.iter().map(|judged| judged.assessment.judged).sum(),
            broken: template.resources.iter().map(Judged::broken).sum(),
            undetermined: self.of(Outcome::Undetermined).count(),
            let_through: self.let_through().count(),
            open: !template.remarks.is_empty(),
        };
        let what = match self.subject.target {
            Target::ChangeSet => "The change set",
            Target::Stack | Target::Resource | Target::CloudControl => "The template",
        };
        message(&wording::template::headline(what, counts), &lines, all, wording::and_more)
    }

    /// The answer to CloudFormation.
    #[must_use]
    pub fn response(&self) -> Response {
        let (hook_status, error_code) = match &self.conclusion {
            Conclusion::Judged(_) | Conclusion::Template(_) if self.worst() == Verdict::NonCompliant => {
                (HookStatus::Failed, Some(ErrorCode::NonCompliant))
            }
            Conclusion::Judged(_) | Conclusion::Template(_) | Conclusion::NotChecked(_) => (HookStatus::Success, None),
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
                let all = self.offending().map(failed).chain(self.let_through().map(skipped));
                or_passed(bounded(all, self.offending().count() + self.let_through().count()), || {
                    wording::passed(&self.subject.resource_type, &self.subject.logical_id, assessment)
                })
            }
            Conclusion::Template(template) => {
                let remarks =
                    template.remarks.iter().map(|remark| annotation(AnnotationStatus::Skipped, remark.clone()));
                let all = self.told().map(|(judged, finding)| of(judged, finding)).chain(remarks);
                or_passed(bounded(all, self.told().count() + template.remarks.len()), || self.message())
            }
            Conclusion::NotChecked(why) => vec![annotation(AnnotationStatus::Skipped, why.clone())],
            Conclusion::InternalFailure(_) => Vec::new(),
        }
    }
}

/// At most [`MAX_ANNOTATIONS`] of so many, the last one saying how many were left out. Those are not made.
fn bounded(annotations: impl Iterator<Item = Annotation>, all: usize) -> Vec<Annotation> {
    let mut kept: Vec<Annotation> = annotations.take(MAX_ANNOTATIONS).collect();
    let left_out = all.saturating_sub(kept.len());
    if left_out > 0 {
        // The last one gives way to the number of those left out.
        let status = kept.pop().map_or(AnnotationStatus::Skipped, |last| last.status);
        kept.push(annotation(status, wording::and_more(left_out + 1)));
    }
    kept
}

/// The annotation of a finding, which names the resource of the template that it is about.
fn of(judged: Option<&Judged>, finding: &Finding) -> Annotation {
    let annotation = match finding.outcome {
        Outcome::NonCompliant => failed(finding),
        Outcome::Exempted | Outcome::KnownDebt | Outcome::Note => skipped(finding),
        Outcome::Undetermined => undetermined(finding),
    };
    match judged {
        Some(judged) => within(&judged.name(), annotation),
        None => annotation,
    }
}

/// A PASSED one where there is nothing else to tell.
fn or_passed(mut annotations: Vec<Annotation>, passed: impl FnOnce() -> String) -> Vec<Annotation> {
    if annotations.is_empty() {
        annotations.push(annotation(AnnotationStatus::Passed, passed()));
    }
    annotations
}

/// An annotation that names the resource of the template that it is about.
fn within(resource: &str, annotation: Annotation) -> Annotation {
    let status_message = format!("{resource}, {}", annotation.status_message);
    Annotation { status_message: excerpt(&status_message, wording::ANNOTATION_CHARS - 1), ..annotation }
}

fn undetermined(finding: &Finding) -> Annotation {
    annotation(AnnotationStatus::Skipped, wording::template::undetermined(finding))
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
