//! The annotations of an answer, one for each finding. The hook's results and the CDK show them.

use super::decision::{Conclusion, Decision, ResourceAssessment};
use super::response::{Annotation, AnnotationStatus, SeverityLevel};
use super::sentences;
use crate::rule::{self, Finding, Outcome, wording};

/// The maximum number of annotations in an answer. CloudFormation documents no limit, Lambda's response is limited to 6
/// MB, and nobody reads more.
pub const MAX_ANNOTATIONS: usize = 100;

impl Decision {
    pub(super) fn annotations(&self) -> Vec<Annotation> {
        match &self.conclusion {
            Conclusion::Resource(assessment) => {
                let all = self.offending().map(failed).chain(self.allowed().map(skipped));
                let kept = or_passed(bounded(all, self.offending().count() + self.allowed().count()), || {
                    wording::passed(&self.invocation.resource_type, &self.invocation.logical_id, assessment)
                });
                let room = MAX_ANNOTATIONS.saturating_sub(kept.len());
                kept.into_iter().chain(self.noted().take(room).map(|(_, finding)| noted(finding))).collect()
            }
            Conclusion::Template(template) => {
                let remarks =
                    template.remarks.iter().map(|remark| annotation(AnnotationStatus::Skipped, remark.clone()));
                let all = self.reported().map(|(judged, finding)| of(judged, finding)).chain(remarks);
                or_passed(bounded(all, self.reported().count() + template.remarks.len()), || self.message())
            }
            Conclusion::NotChecked(why) => vec![annotation(AnnotationStatus::Skipped, why.clone())],
            Conclusion::InternalFailure(_) => Vec::new(),
        }
    }
}

/// Returns at most [`MAX_ANNOTATIONS`] of the annotations. If there are more, the last one states how many are left out.
/// These are never created.
fn bounded(annotations: impl Iterator<Item = Annotation>, all: usize) -> Vec<Annotation> {
    let mut kept: Vec<Annotation> = annotations.take(MAX_ANNOTATIONS).collect();
    let left_out = all.saturating_sub(kept.len());
    if left_out > 0 {
        // The last one is replaced by the number of those left out.
        let status = kept.pop().map_or(AnnotationStatus::Skipped, |last| last.status);
        kept.push(annotation(status, wording::and_more(left_out + 1)));
    }
    kept
}

/// Returns the annotation of a finding, which names its resource of the template.
fn of(judged: Option<&ResourceAssessment>, finding: &Finding) -> Annotation {
    let annotation = match finding.outcome {
        Outcome::NonCompliant => failed(finding),
        Outcome::Exempted | Outcome::KnownDebt => skipped(finding),
        Outcome::Note => noted(finding),
        Outcome::Undetermined => undetermined(finding),
    };
    match judged {
        Some(judged) => within(&judged.name(), annotation),
        None => annotation,
    }
}

/// Returns one PASSED annotation if there are no others.
fn or_passed(mut annotations: Vec<Annotation>, passed: impl FnOnce() -> String) -> Vec<Annotation> {
    if annotations.is_empty() {
        annotations.push(annotation(AnnotationStatus::Passed, passed()));
    }
    annotations
}

/// Adds the resource of the template to an annotation.
fn within(resource: &str, annotation: Annotation) -> Annotation {
    let status_message = format!("{resource}, {}", annotation.status_message);
    Annotation { status_message: wording::for_annotation(&status_message), ..annotation }
}

fn noted(finding: &Finding) -> Annotation {
    Annotation {
        severity_level: Some(SeverityLevel::from(finding.severity())),
        ..annotation(AnnotationStatus::Passed, wording::note(finding))
    }
}

fn undetermined(finding: &Finding) -> Annotation {
    annotation(AnnotationStatus::Skipped, sentences::undetermined(finding))
}

fn annotation(status: AnnotationStatus, status_message: String) -> Annotation {
    Annotation {
        annotation_name: rule::ID.to_owned(),
        status,
        status_message: wording::for_annotation(&status_message),
        remediation_message: String::new(),
        remediation_link: None,
        severity_level: None,
    }
}

fn skipped(finding: &Finding) -> Annotation {
    let advice = wording::policy::advice(finding).unwrap_or_default();
    Annotation {
        remediation_link: (!advice.is_empty()).then_some(rule::URL),
        remediation_message: wording::for_annotation(&advice),
        severity_level: Some(SeverityLevel::from(finding.severity())),
        ..annotation(AnnotationStatus::Skipped, wording::policy::allowed(finding))
    }
}

fn failed(finding: &Finding) -> Annotation {
    Annotation {
        remediation_message: wording::for_annotation(&wording::remediation(finding)),
        remediation_link: Some(rule::URL),
        severity_level: Some(SeverityLevel::from(finding.severity())),
        ..annotation(AnnotationStatus::Failed, wording::annotation(finding))
    }
}
