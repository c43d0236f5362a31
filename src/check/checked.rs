//! What the rule says of one template and of each of its resources.

use super::located::LocatedFinding;
use crate::path::Origin;
use crate::rule::{Outcome, Verdict};
use crate::security_group::ResourceType;
use crate::template::{Occurrence, TemplateNote, Undetermined};

/// What the rule says of one template.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedTemplate {
    /// Its resources that carry egress rules, in the order written.
    pub resources: Vec<CheckedResource>,
    /// What cannot be judged from this template alone.
    pub notes: Vec<TemplateNote>,
}

/// What the rule says of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedResource {
    /// The key of the resource under `Resources`, with its loops unrolled.
    pub logical_id: String,
    /// Which of the two types that can have egress rules it is.
    pub resource_type: ResourceType,
    /// Where its logical id was written.
    pub origin: Origin,
    /// Whether it is created in any of the worlds that were looked at.
    pub exists: bool,
    /// How many egress rules were judged, compliant ones included; of several worlds, the most.
    pub judged: usize,
    /// What is to report.
    pub findings: Vec<LocatedFinding>,
    /// Whether those of its findings that apply only under some conditions leave no way to keep the rule: however the
    /// conditions turn out, it breaks the rule in one way or another.
    pub breaks_either_way: bool,
    /// Why it could not be judged in all of its worlds, if so.
    pub undetermined: Option<Undetermined>,
}

impl CheckedTemplate {
    /// The verdict on the template: non-compliant if any resource is under any condition.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.resources.iter().map(CheckedResource::verdict).max().unwrap_or(Verdict::Compliant)
    }
}

impl CheckedResource {
    /// What a finding of the resource means as far as the template shows: what breaks the rule under some conditions
    /// only is undetermined, unless the resource breaks it under all others too.
    #[must_use]
    pub fn settled(&self, located: &LocatedFinding) -> Outcome {
        match located.finding.outcome {
            Outcome::NonCompliant if located.occurrence != Occurrence::Always && !self.breaks_either_way => {
                Outcome::Undetermined
            }
            outcome => outcome,
        }
    }

    /// The worst that any world of the resource comes to; undetermined if not all of it was looked at.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let worst = self.findings.iter().map(|located| located.finding.outcome.verdict());
        let open = self.undetermined.map(|_| Verdict::Undetermined);
        worst.chain(open).max().unwrap_or(Verdict::Compliant)
    }
}
