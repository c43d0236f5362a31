//! The one record of a decision: the response, the log line and the metrics are made from it.

use std::collections::HashSet;

use super::invocation::Invocation;
use super::sentences;
use crate::rule::{Assessment, Finding, Outcome, Verdict};
use crate::security_group::ResourceType;

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// The rule was checked on one resource.
    Resource(Assessment),
    /// The rule was checked on a template or change set.
    Template(TemplateAssessment),
    /// Nothing was to be checked, for this reason.
    NotChecked(String),
    /// The rule could not be checked: what went wrong and what to do.
    InternalFailure(String),
}

/// What the rule says of a template or change set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateAssessment {
    /// Its resources that carry egress rules.
    pub resources: Vec<ResourceAssessment>,
    /// What in it cannot be judged at all.
    pub remarks: Vec<String>,
}

impl TemplateAssessment {
    /// Of a template or change set that could not be read: undetermined, for this reason.
    pub(super) fn unread(problem: String) -> Self {
        Self { resources: Vec::new(), remarks: vec![problem] }
    }
}

/// What the rule says of one resource of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceAssessment {
    /// Which of the two types that can have egress rules it is.
    pub resource_type: ResourceType,
    /// As the template or the change set names it.
    pub logical_id: String,
    /// Where it is in the template.
    pub line: Option<u32>,
    /// What the rule says.
    pub assessment: Assessment,
}

impl ResourceAssessment {
    pub(super) fn name(&self) -> String {
        sentences::resource(&self.logical_id, self.line)
    }

    /// How many egress rules break the rule: one that does under each of several conditions is one.
    pub(super) fn broken(&self) -> usize {
        self.assessment.of(Outcome::NonCompliant).map(|finding| &finding.path).collect::<HashSet<_>>().len()
    }
}

/// A decision on one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was asked.
    pub invocation: Invocation,
    /// What it came to.
    pub conclusion: Conclusion,
}

impl Decision {
    /// The verdict's name in logs and metrics.
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

    /// The findings that block.
    pub fn offending(&self) -> impl Iterator<Item = &Finding> {
        self.of(Outcome::NonCompliant)
    }

    /// The findings of one outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        self.of_each(outcome).map(|(_, finding)| finding)
    }

    /// The findings of one outcome, each with the resource of the template that it is about.
    pub(crate) fn of_each(&self, outcome: Outcome) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Finding)> {
        self.assessments()
            .flat_map(move |(judged, assessment)| assessment.of(outcome).map(move |finding| (judged, finding)))
    }

    /// The findings of a template that are reported, in this order: what blocks, what is allowed, what is
    /// undetermined, what passes although EC2 opens more.
    pub(super) fn reported(&self) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Finding)> {
        [Outcome::NonCompliant, Outcome::Exempted, Outcome::KnownDebt, Outcome::Undetermined]
            .into_iter()
            .flat_map(|outcome| self.of_each(outcome))
            .chain(self.noted())
    }

    /// What passes by a setting although EC2 opens more than one port for it.
    pub(super) fn noted(&self) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Finding)> {
        self.of_each(Outcome::Note).filter(|(_, finding)| finding.rule().is_some())
    }

    /// Everything that was judged, each with the resource of the template that it is about.
    pub(super) fn assessments(&self) -> impl Iterator<Item = (Option<&ResourceAssessment>, &Assessment)> {
        let (one, many) = match &self.conclusion {
            Conclusion::Resource(assessment) => (Some((None, assessment)), [].as_slice()),
            Conclusion::Template(template) => (None, template.resources.as_slice()),
            Conclusion::NotChecked(_) | Conclusion::InternalFailure(_) => (None, [].as_slice()),
        };
        one.into_iter().chain(many.iter().map(|judged| (Some(judged), &judged.assessment)))
    }

    /// The worst verdict on anything that was judged.
    pub(super) fn worst(&self) -> Verdict {
        let open = match &self.conclusion {
            Conclusion::Template(template) if !template.remarks.is_empty() => Some(Verdict::Undetermined),
            _ => None,
        };
        let verdicts = self.assessments().map(|(_, assessment)| assessment.verdict());
        verdicts.chain(open).max().unwrap_or(Verdict::Compliant)
    }

    /// What breaks the rule and is allowed: what asks for something soon comes first.
    pub(super) fn let_through(&self) -> impl Iterator<Item = &Finding> {
        let asks = |finding: &&Finding| finding.exemption.as_ref().is_some_and(|exemption| exemption.expires_soon());
        let exempted = |soon: bool| self.of(Outcome::Exempted).filter(move |finding| asks(finding) == soon);
        exempted(true).chain(exempted(false)).chain(self.of(Outcome::KnownDebt))
    }
}
