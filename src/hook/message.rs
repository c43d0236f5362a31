//! The message of an answer: what the stack's events show.

use super::decision::{Conclusion, Decision, ResourceAssessment, TemplateAssessment};
use super::invocation::Target;
use crate::rule::{Finding, Outcome, Reason, Verdict, excerpt, wording};

/// The longest message that every reader gets whole, in characters: CloudFormation keeps 4,096, Cloud Control
/// and the API's `HookStatusReason` 1,024.
pub const MESSAGE_CHARS: usize = 1_024;

/// How many lines a message is made of at the most: no line is shorter than nine characters.
const MAX_LINES: usize = MESSAGE_CHARS / 8;

impl Decision {
    /// What the stack's events say, within the protocol's length.
    #[must_use]
    pub fn message(&self) -> String {
        let subject = &self.invocation;
        match &self.conclusion {
            Conclusion::Template(template) => self.template_message(template),
            Conclusion::Resource(assessment) => {
                let let_through = self.let_through().map(wording::policy::line);
                let noted = self.noted().map(|(_, finding)| wording::note(finding));
                let apart = self.offending().any(|finding| finding.reason == Reason::DefaultEgress);
                let apart = apart.then(|| wording::RULES_APART.to_owned());
                let others = let_through.chain(noted).chain(apart.clone());
                let lines: Vec<String> = self.offending().map(wording::line).chain(others).take(MAX_LINES).collect();
                let all = self.offending().count()
                    + self.let_through().count()
                    + self.noted().count()
                    + usize::from(apart.is_some());
                let headline = match assessment.verdict() {
                    Verdict::NonCompliant => wording::broken,
                    _ if self.let_through().next().is_none() => wording::passed,
                    _ => wording::policy::headline,
                };
                let headline = headline(&subject.resource_type, &subject.logical_id, assessment);
                message(&headline, &lines, all, wording::and_more)
            }
            Conclusion::NotChecked(why) | Conclusion::InternalFailure(why) => message(why, &[], 0, wording::and_more),
        }
    }

    /// The message on a template: what blocks first, then what is let through or cannot be judged.
    fn template_message(&self, template: &TemplateAssessment) -> String {
        let lines_of = |outcome, line: fn(&str, &Finding) -> String| {
            template
                .resources
                .iter()
                .flat_map(move |judged| judged.assessment.of(outcome).map(move |finding| (judged, finding)))
                .filter(move |(_, finding)| outcome != Outcome::Note || finding.rule().is_some())
                .map(move |(judged, finding)| line(&judged.name(), finding))
        };
        let let_through = |resource: &str, finding: &Finding| format!("{resource}, {}", wording::policy::line(finding));
        let undetermined =
            |resource: &str, finding: &Finding| format!("{resource}, {}", wording::template::undetermined(finding));
        let lines: Vec<String> = lines_of(Outcome::NonCompliant, wording::template::finding_line)
            .chain(lines_of(Outcome::Exempted, let_through))
            .chain(lines_of(Outcome::KnownDebt, let_through))
            .chain(lines_of(Outcome::Undetermined, undetermined))
            .chain(lines_of(Outcome::Note, |resource, finding| format!("{resource}, {}", wording::note(finding))))
            .chain(template.remarks.iter().cloned())
            .take(MAX_LINES)
            .collect();
        let all = self.reported().count() + template.remarks.len();
        let counts = wording::template::Counts {
            judged: template.resources.iter().map(|judged| judged.assessment.judged).sum(),
            broken: template.resources.iter().map(ResourceAssessment::broken).sum(),
            undetermined: self.of(Outcome::Undetermined).count(),
            let_through: self.let_through().count(),
            open: !template.remarks.is_empty(),
        };
        let what = match self.invocation.target {
            Target::ChangeSet => "The change set",
            Target::Stack | Target::Resource | Target::CloudControl => "The template",
        };
        message(&wording::template::headline(what, counts), &lines, all, wording::and_more)
    }
}

/// Joins a headline and the first of so many lines below it within [`MESSAGE_CHARS`]: whole lines while they
/// fit, then how many there are besides.
fn message(headline: &str, lines: &[String], all: usize, and_more: impl Fn(usize) -> String) -> String {
    let mut message = excerpt(headline, MESSAGE_CHARS - 1);
    let mut length = message.chars().count();
    for (position, line) in lines.iter().enumerate() {
        let left = all.saturating_sub(position);
        let reserve = if left > 1 { and_more(left - 1).chars().count() + 1 } else { 0 };
        let line_chars = line.chars().count() + 3;
        if length + line_chars + reserve <= MESSAGE_CHARS {
            message.push_str("\n- ");
            message.push_str(line);
            length += line_chars;
            continue;
        }
        // The first line is worth more cut than left out.
        if position == 0 {
            let room = MESSAGE_CHARS.saturating_sub(length + reserve + 4);
            message.push_str("\n- ");
            message.push_str(&excerpt(line, room));
        }
        let rest = if position == 0 { left - 1 } else { left };
        if rest > 0 {
            message.push('\n');
            message.push_str(&and_more(rest));
        }
        break;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn more(count: usize) -> String {
        format!("… and {count} more.")
    }

    #[test]
    fn whole_lines_while_they_fit_then_how_many_more() {
        for count in 0..40 {
            for width in [1, 10, 90, 300, 990, 2_000] {
                let lines: Vec<String> = (0..count).map(|_| "x".repeat(width)).collect();
                let text = message("headline", &lines, lines.len(), more);
                assert!(text.chars().count() <= MESSAGE_CHARS, "{count} lines of {width}");
                let shown = text.lines().filter(|line| line.starts_with("- ")).count();
                let rest = text.lines().find_map(|line| line.strip_prefix("… and ")?.split(' ').next()?.parse().ok());
                assert_eq!(shown + rest.unwrap_or(0), count, "{count} lines of {width}:\n{text}");
                assert!(shown > 0 || count == 0, "the first line is always shown");
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        let text = message("headline", &["é".repeat(5_000), "b".to_owned()], 2, more);
        assert_eq!(text.chars().count(), MESSAGE_CHARS);
        assert!(text.ends_with("…\n… and 1 more."));
    }
}
