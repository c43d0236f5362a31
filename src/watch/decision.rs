//! The record of a decision on a call. The log lines are derived from it.

use super::call::{Call, Direction};
use crate::rule::{Assessment, Finding, Outcome, Verdict, wording};

/// The result for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallConclusion {
    /// The rule was checked on the requested egress rules.
    Judged(Assessment),
    /// The event does not contain the egress rules; contains the reason.
    NotRead(String),
    /// The call does not open egress rules; contains the reason.
    NotChecked(String),
    /// The rule could not be checked; contains the problem and the remedy.
    InternalFailure(String),
}

/// A decision on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDecision {
    /// The call and its caller.
    pub call: Call,
    /// The result.
    pub conclusion: CallConclusion,
}

impl CallDecision {
    /// Returns the verdict's name in logs and metrics, the same names as for the hook. A rule that may be an egress
    /// rule, and would then break the rule, is undetermined.
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

    /// Returns whether someone should review the call.
    #[must_use]
    pub(crate) fn is_worth_a_look(&self) -> bool {
        ["non-compliant", "undetermined", "internal-failure"].contains(&self.verdict())
    }

    /// Returns the findings with this outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Finding> {
        let assessment = match &self.conclusion {
            CallConclusion::Judged(assessment) => Some(assessment),
            CallConclusion::NotRead(_) | CallConclusion::NotChecked(_) | CallConclusion::InternalFailure(_) => None,
        };
        assessment.into_iter().flat_map(move |assessment| assessment.of(outcome))
    }

    /// Returns the message for people: what was opened, by whom, and each egress rule that breaks the rule.
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
                let lines: Vec<String> =
                    lines.chain(rules(Outcome::Note).map(wording::note)).take(wording::MAX_MESSAGE_LINES).collect();
                let outcomes = [self.of(Outcome::NonCompliant).count(), self.of(Outcome::Exempted).count()];
                let all = outcomes.into_iter().sum::<usize>() + rules(Outcome::Note).count();
                wording::headed(&format!("{headline} {by}"), &lines, all, wording::MESSAGE_CHARS)
            }
            CallConclusion::NotRead(why) => wording::headed(&format!("{why} {by}"), &[], 0, wording::MESSAGE_CHARS),
            CallConclusion::NotChecked(why) | CallConclusion::InternalFailure(why) => {
                wording::headed(why, &[], 0, wording::MESSAGE_CHARS)
            }
        }
    }
}
