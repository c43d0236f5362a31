//! The result of checking one template and each of its resources.

use super::group::GroupIdentity;
use super::located::LocatedFinding;
use crate::path::Origin;
use crate::rule::{Outcome, Verdict};
use crate::security_group::ResourceType;
use crate::template::{Occurrence, TemplateNote, Undetermined};

/// The result of checking one template.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedTemplate {
    /// The resources with egress rules, in the order written.
    pub resources: Vec<CheckedResource>,
    /// Notes on what cannot be checked from this template alone.
    pub notes: Vec<TemplateNote>,
}

/// The result of checking one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedResource {
    /// The key of the resource under `Resources`, with its loops unrolled.
    pub logical_id: String,
    /// The resource type, one of the two that can have egress rules.
    pub resource_type: ResourceType,
    /// The place of the logical id.
    pub origin: Origin,
    /// The group that its egress rules belong to.
    pub group: GroupIdentity,
    /// Whether the resource is created in any of the evaluated worlds.
    pub exists: bool,
    /// The number of egress rules that were judged, including compliant ones; the largest number of any world.
    pub judged: usize,
    /// The findings to report.
    pub findings: Vec<LocatedFinding>,
    /// Whether its findings that apply only under some conditions cover all cases together: whatever the values of the
    /// conditions, the resource breaks the rule.
    pub breaks_either_way: bool,
    /// The reason why it could not be checked in all of its worlds, if so.
    pub undetermined: Option<Undetermined>,
}

impl CheckedTemplate {
    /// Returns the verdict on the template: non-compliant if any resource is non-compliant under any condition.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.resources.iter().map(CheckedResource::verdict).max().unwrap_or(Verdict::Compliant)
    }
}

impl CheckedResource {
    /// Returns the outcome of a finding of the resource, as far as the template determines it. A violation under only
    /// some conditions is undetermined, unless the resource breaks the rule under all other conditions too.
    #[must_use]
    pub fn settled(&self, located: &LocatedFinding) -> Outcome {
        match located.finding.outcome {
            Outcome::NonCompliant if located.occurrence != Occurrence::Always && !self.breaks_either_way => {
                Outcome::Undetermined
            }
            outcome => outcome,
        }
    }

    /// Returns the worst verdict of any world of the resource; undetermined if not all worlds were evaluated.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let worst = self.findings.iter().map(|located| located.finding.outcome.verdict());
        let open = self.undetermined.map(|_| Verdict::Undetermined);
        worst.chain(open).max().unwrap_or(Verdict::Compliant)
    }
}
