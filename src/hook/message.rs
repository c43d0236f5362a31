//! The message of an answer, which the stack's events show.

use super::decision::{Conclusion, Decision, ResourceAssessment, TemplateAssessment};
use super::invocation::Target;
use super::sentences;
use crate::rule::{Finding, Outcome, Reason, Verdict, wording};

impl Decision {
    /// Returns the message for the stack's events, within the protocol's length.
    #[must_use]
    pub fn message(&self) -> String {
        let subject = &self.invocation;
        match &self.conclusion {
            Conclusion::Template(template) => self.template_message(template),
            Conclusion::Resource(assessment) => {
                let allowed = self.allowed().map(wording::policy::line);
                let noted = self.noted().map(|(_, finding)| wording::note(finding));
                let apart = self.offending().any(|finding| finding.reason == Reason::DefaultEgress);
                let apart = apart.then(|| wording::RULES_APART.to_owned());
                let others = allowed.chain(noted).chain(apart.clone());
                let lines: Vec<String> =
                    self.offending().map(wording::line).chain(others).take(wording::MAX_MESSAGE_LINES).collect();
                let all = self.offending().count()
                    + self.allowed().count()
                    + self.noted().count()
                    + usize::from(apart.is_some());
                let (kind, id) = (&subject.resource_type, &subject.logical_id);
                let headline = match assessment.verdict() {
                    Verdict::NonCompliant => wording::broken(kind, id, &subject.stack_name, assessment),
                    _ if self.allowed().next().is_none() => wording::passed(kind, id, assessment),
                    _ => wording::policy::headline(kind, id, assessment),
                };
                self.with_contact(|room| wording::headed(&headline, &lines, all, room))
            }
            Conclusion::NotChecked(why) | Conclusion::InternalFailure(why) => {
                wording::headed(why, &[], 0, wording::MESSAGE_CHARS)
            }
        }
    }

    /// Returns the message for a template: blocked rules first, then allowed and undetermined ones.
    fn template_message(&self, template: &TemplateAssessment) -> String {
        let lines_of = |outcome, line: fn(&str, &Finding) -> String| {
            template
                .resources
                .iter()
                .flat_map(move |judged| judged.assessment.of(outcome).map(move |finding| (judged, finding)))
                .filter(move |(_, finding)| outcome != Outcome::Note || finding.rule().is_some())
                .map(move |(judged, finding)| line(&judged.name(), finding))
        };
        let allowed = |resource: &str, finding: &Finding| format!("{resource}, {}", wording::policy::line(finding));
        let undetermined =
            |resource: &str, finding: &Finding| format!("{resource}, {}", sentences::undetermined(finding));
        let lines: Vec<String> = lines_of(Outcome::NonCompliant, sentences::finding_line)
            .chain(lines_of(Outcome::Exempted, allowed))
            .chain(lines_of(Outcome::KnownDebt, allowed))
            .chain(lines_of(Outcome::Undetermined, undetermined))
            .chain(lines_of(Outcome::Note, |resource, finding| format!("{resource}, {}", wording::note(finding))))
            .chain(template.remarks.iter().cloned())
            .take(wording::MAX_MESSAGE_LINES)
            .collect();
        let all = self.reported().count() + template.remarks.len();
        let counts = sentences::TemplateCounts {
            judged: template.resources.iter().map(|judged| judged.assessment.judged).sum(),
            broken: template.resources.iter().map(ResourceAssessment::broken).sum(),
            undetermined: self.of(Outcome::Undetermined).count(),
            allowed: self.allowed().count(),
            open: !template.remarks.is_empty(),
        };
        let what = match self.invocation.target {
            Target::ChangeSet => "The change set",
            Target::Stack | Target::Resource | Target::CloudControl => "The template",
        };
        let headline = sentences::headline(what, counts);
        self.with_contact(|room| wording::headed(&headline, &lines, all, room))
    }

    /// Returns a message within a maximum length, followed by the contact for blocked rules if the policy names one.
    fn with_contact(&self, message: impl FnOnce(usize) -> String) -> String {
        match self.offending().find_map(|finding| finding.contact.as_ref()).map(wording::ask) {
            Some(ask) => {
                let ask = format!("\n{ask}");
                message(wording::MESSAGE_CHARS.saturating_sub(ask.chars().count())) + &ask
            }
            None => message(wording::MESSAGE_CHARS),
        }
    }
}
