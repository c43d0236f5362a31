//! Gathers the findings of all worlds of a resource, without duplicates.

use std::collections::{HashMap, HashSet};

use super::judge::ResourceCheck;
use super::located::LocatedFinding;
use super::origins::FindingOrigins;
use crate::path::Origin;
use crate::rule::{Assessment, Finding, Outcome, Reason, wording};
use crate::template::{EvaluatedResource, Occurrence};
use crate::value::Value;

/// The identity of a finding across worlds: the message, the values it is about, and the effect of the policy (which
/// may depend on tags).
#[derive(Debug, PartialEq, Eq, Hash)]
struct FindingIdentity {
    reason: Reason,
    outcome: Outcome,
    origins: [Option<usize>; 3],
    statement: String,
}

impl FindingIdentity {
    fn of(finding: &Finding) -> Self {
        let ports = finding.rule().map(|rule| rule.origins).unwrap_or_default();
        Self {
            reason: finding.reason,
            outcome: finding.outcome,
            origins: [finding.origin, ports.from, ports.to].map(Origin::index),
            statement: wording::statement(finding),
        }
    }
}

/// The findings of one identity. A loop or an alias repeats findings within one world; these stay separate.
#[derive(Debug, Default)]
struct Repetitions {
    /// The indices of the findings. The first repetition in a world is the first finding, and so on.
    findings: Vec<usize>,
    /// The latest world, and how many of its repetitions were added.
    latest: Option<(usize, usize)>,
}

impl Repetitions {
    /// Returns the number of the next repetition in a world.
    fn next(&mut self, world: usize) -> usize {
        let number = self.latest.filter(|(latest, _)| *latest == world).map_or(0, |(_, added)| added);
        self.latest = Some((world, number + 1));
        number
    }
}

/// The findings of all worlds, without duplicates.
#[derive(Debug, Default)]
pub(super) struct GatheredFindings {
    /// Each finding with the worlds it was found in; without worlds if the resource has only one.
    findings: Vec<(LocatedFinding, Vec<usize>)>,
    known: HashMap<FindingIdentity, Repetitions>,
}

impl GatheredFindings {
    pub(super) fn add(
        &mut self,
        world: usize,
        assessment: Assessment,
        properties: &Value,
        resource: Origin,
        several_worlds: bool,
    ) {
        for finding in assessment.findings {
            if several_worlds {
                let repetitions = self.known.entry(FindingIdentity::of(&finding)).or_default();
                let number = repetitions.next(world);
                let known = repetitions.findings.get(number).and_then(|index| self.findings.get_mut(*index));
                if let Some((_, worlds)) = known {
                    worlds.push(world);
                    continue;
                }
                repetitions.findings.push(self.findings.len());
            }
            let place = FindingOrigins::of(&finding, properties, resource);
            let worlds = if several_worlds { vec![world] } else { Vec::new() };
            self.findings.push((LocatedFinding::always(finding, place), worlds));
        }
    }

    /// Returns whether the violations that do not occur in all worlds cover all worlds together.
    pub(super) fn breaks_either_way(&self, evaluated: &EvaluatedResource<'_>) -> bool {
        let all = evaluated.worlds.len();
        if all <= 1 {
            return false;
        }
        let conditional = self
            .findings
            .iter()
            .filter(|(located, worlds)| worlds.len() < all && located.finding.outcome == Outcome::NonCompliant);
        let worlds: HashSet<usize> = conditional.flat_map(|(_, worlds)| worlds).copied().collect();
        worlds.len() == all && evaluated.undetermined.is_none()
    }

    pub(super) fn merged(self, evaluated: &EvaluatedResource<'_>) -> Vec<LocatedFinding> {
        if evaluated.worlds.len() <= 1 {
            let occurrence = evaluated.occurrence(&[0]).unwrap_or(Occurrence::Always);
            let located = |located| LocatedFinding { occurrence: occurrence.clone(), ..located };
            return self.findings.into_iter().map(|(finding, _)| located(finding)).collect();
        }
        let mut known: HashMap<Vec<usize>, Occurrence> = HashMap::new();
        let mut findings: Vec<LocatedFinding> = self
            .findings
            .into_iter()
            .map(|(mut located, worlds)| {
                let occurrence = known
                    .entry(worlds)
                    .or_insert_with_key(|worlds| evaluated.occurrence(worlds).unwrap_or(Occurrence::Always));
                located.occurrence = occurrence.clone();
                located
            })
            .collect();
        findings.sort_by_key(|located| located.place.primary.index());
        findings
    }
}

/// Returns the findings of each world, and the largest number of egress rules judged in any one world.
pub(super) fn gathered(
    path: &ResourceCheck<'_, '_>,
    evaluated: &mut EvaluatedResource<'_>,
    left: &mut usize,
) -> (GatheredFindings, usize) {
    let mut gathered = GatheredFindings::default();
    let mut judged = 0;
    let several = evaluated.worlds.len() > 1;
    path.each_world(evaluated, left, |index, _, assessment, properties| {
        judged = judged.max(assessment.judged);
        gathered.add(index, assessment, properties, path.resource.origin, several);
    });
    (gathered, judged)
}
