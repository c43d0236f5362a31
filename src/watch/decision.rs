//! The one record of a decision on a call: the log lines are made from it.

use super::call::{Call, Direction};
use crate::rule::{Assessment, Finding, Outcome, Verdict, wording};

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallConclusion {
    /// The rule was checked on what it asks for.
    Judged(Assessment),
    /// The event does not say which egress rules it is about, for this reason.
    NotRead(String),
    /// It is no call that opens egress rules, for this reason.
    NotChecked(String),
    /// The rule could not be checked: what went wrong and what to do.
    InternalFailure(String),
}

/// A decision on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDecision {
    /// Who called what.
    pub call: Call,
    /// What it came to.
    pub conclusion: CallConclusion,
}

/// The longest message, in characters: as long as those of the hook.
const MESSAGE_CHARS: usize = 1_024;

/// How many lines a message is made of at most: no line is shorter than eight characters.
const MAX_LINES: usize = MESSAGE_CHARS / 8;

impl CallDecision {
    /// The verdict's name in logs and metrics, as the hook has them. What may be an egress rule and would break the rule
    /// as one is undetermined.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match &self.conclusion {
            CallConclusion::Judged(assessment) => match (assessment.verdict(), self.call.operation.direction()) {
                (Verdict::NonCompliant, Direction::Egress) => "non-compliant",
                (Verdict::NonCompliant, Direction::MayBeEgress) | (Verdict::Undetermined, _) => "undetermined",
                (Verdict::Compliant, _) if self.of(Outcome::Exempted).next().is_some() => "exempted",
                (Verdict::Compliant, _) => "compliant",
            },
            CallConclusion::NotRead(_) => "undetermined",
            CallConclusion::NotChecked(_) => "not-checked",
            CallConclusion::InternalFailure(_) => "internal-failure",
        }
    }

    /// Whether someone should look at it.
    #[must_use]
    pub(crate) fn is_worth_a_look(&self) -> bool {
        ["non-compliant", "undetermined", "internal-failure"].contains(&self.verdict())
    }

    /// The findings of one outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        let assessment = match &self.conclusion {
            CallConclusion::Judged(assessment) => Some(assessment),
            CallConclusion::NotRead(_) | CallConclusion::NotChecked(_) | CallConclusion::InternalFailure(_) => None,
        };
        assessment.into_iter().flat_map(move |assessment| assessment.of(outcome))
    }

    /// What a person reads: what was opened, by whom, and each egress rule that breaks the rule.
    #[must_use]
    pub fn message(&self) -> String {
        let call = &self.call;
        let by = wording::direct::by(&[&call.caller, &call.service, &call.tool, &call.source_ip]);
        match &self.conclusion {
            CallConclusion::Judged(assessment) => {
                let certain = call.operation.direction() == Direction::Egress;
                let headline = wording::direct::headline(call.operation.name(), &call.group_id, certain, assessment);
                let rules = |outcome| self.of(outcome).filter(|finding| finding.rule().is_some());
                let lines = self.of(Outcome::NonCompliant).map(wording::line);
                let lines = lines.chain(self.of(Outcome::Exempted).map(wording::policy::line));
                let lines: Vec<String> = lines.chain(rules(Outcome::Note).map(wording::note)).take(MAX_LINES).collect();
                let outcomes = [self.of(Outcome::NonCompliant).count(), self.of(Outcome::Exempted).count()];
                let all = outcomes.into_iter().sum::<usize>() + rules(Outcome::Note).count();
                wording::headed(&format!("{headline} {by}"), &lines, all, MESSAGE_CHARS)
            }
            CallConclusion::NotRead(why) => wording::headed(&format!("{why} {by}"), &[], 0, MESSAGE_CHARS),
            CallConclusion::NotChecked(why) | CallConclusion::InternalFailure(why) => {
                wording::headed(why, &[], 0, MESSAGE_CHARS)
            }
        }
    }
}
