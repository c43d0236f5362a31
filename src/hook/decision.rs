//! The record of a decision. The response, the log line, and the metrics are derived from it.

use std::collections::HashSet;

use super::invocation::Invocation;
use super::sentences;
use crate::rule::{Assessment, Finding, Outcome, Verdict};
use crate::security_group::ResourceType;

/// The result of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// The rule was checked on one resource.
    Resource(Assessment),
    /// The rule was checked on a template or change set.
    Template(TemplateAssessment),
    /// Nothing had to be checked; contains the reason.
    NotChecked(String),
    /// The rule could not be checked; contains the problem and the remedy.
    InternalFailure(String),
}

/// The result of checking a template or change set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateAssessment {
    /// The resources with egress rules.
    pub resources: Vec<ResourceAssessment>,
    /// Remarks on parts that cannot be checked.
    pub remarks: Vec<String>,
}

impl TemplateAssessment {
    /// Returns the result for a template or change set that could not be read: undetermined, for this reason.
    pub(super) fn unread(problem: String) -> Self {
        Self { resources: Vec::new(), remarks: vec![problem] }
    }
}

/// The result of checking one resource of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceAssessment {
    /// The resource type, one of the two that can have egress rules.
    pub resource_type: ResourceType,
    /// The logical id in the template or the change set.
    pub logical_id: String,
    /// The line in the template.
    pub line: Option<u32>,
    /// The findings on the resource.
    pub assessment: Assessment,
}

impl ResourceAssessment {
    pub(super) fn name(&self) -> String {
        sentences::resource(&self.logical_id, self.line)
    }

    /// Returns the number of egress rules that break the rule. A rule that does so under several conditions counts
    /// once.
    pub(super) fn broken(&self) -> usize {
        self.assessment.of(Outcome::NonCompliant).map(|finding| &finding.path).collect::<HashSet<_>>().len()
    }
}

/// A decision on one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The facts of the invocation.
    pub invocation: Invocation,
    /// The result.
    pub conclusion: Conclusion,
}

impl Decision {
    /// Returns the verdict's name in logs and metrics.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match &self.conclusion {
            Conclusion::Resource(_) | Conclusion::Template(_) => match self.worst() {
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

    /// Returns the findings that block.
    pub fn offending(&self) -> impl Iterator<Item = &Finding> {
        self.of(Outcome::NonCompliant)
    }

    /// Returns the findings with this outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        self.of_each(outcome).map(|(_, finding)| finding)
    }

    /// Returns the findings with this outcome, each with its resource of the template.
    pub(crate) fn of_each(&self, outcome: Outcome) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Finding)> {
        self.assessments()
            .flat_map(move |(judged, assessment)| assessment.of(outcome).map(move |finding| (judged, finding)))
    }

    /// Returns the findings of a template to report, in this order: blocked, allowed, undetermined, and passed although
    /// EC2 opens more.
    pub(super) fn reported(&self) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Finding)> {
        [Outcome::NonCompliant, Outcome::Exempted, Outcome::KnownDebt, Outcome::Undetermined]
            .into_iter()
            .flat_map(|outcome| self.of_each(outcome))
            .chain(self.noted())
    }

    /// Returns the findings that pass because of a setting although EC2 opens more than one port.
    pub(super) fn noted(&self) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Finding)> {
        self.of_each(Outcome::Note).filter(|(_, finding)| finding.rule().is_some())
    }

    /// Returns all assessments, each with its resource of the template.
    pub(super) fn assessments(&self) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Assessment)> {
        let (one, many) = match &self.conclusion {
            Conclusion::Resource(assessment) => (Some((None, assessment)), [].as_slice()),
            Conclusion::Template(template) => (None, template.resources.as_slice()),
            Conclusion::NotChecked(_) | Conclusion::InternalFailure(_) => (None, [].as_slice()),
        };
        one.into_iter().chain(many.iter().map(|judged| (Some(judged), &judged.assessment)))
    }

    /// Returns the worst verdict of all assessments.
    pub(super) fn worst(&self) -> Verdict {
        let open = match &self.conclusion {
            Conclusion::Template(template) if !template.remarks.is_empty() => Some(Verdict::Undetermined),
            _ => None,
        };
        let verdicts = self.assessments().map(|(_, assessment)| assessment.verdict());
        verdicts.chain(open).max().unwrap_or(Verdict::Compliant)
    }

    /// Returns the violations that are allowed, those that need action soon first.
    pub(super) fn allowed(&self) -> impl Iterator<Item = &Finding> {
        let asks = |finding: &&Finding| finding.exemption.as_ref().is_some_and(|exemption| exemption.expires_soon());
        let exempted = |soon: bool| self.of(Outcome::Exempted).filter(move |finding| asks(finding) == soon);
        exempted(true).chain(exempted(false)).chain(self.of(Outcome::KnownDebt))
    }
}
