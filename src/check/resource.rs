//! One resource in all of its worlds.

use std::collections::BTreeSet;

use super::candidates;
use super::checked::CheckedResource;
use super::gather::gathered;
use super::group::GroupIdentity;
use super::judge::ResourceCheck;
use super::literal;
use super::located::LocatedFinding;
use crate::rule::Outcome;

/// The result for a resource in all of its worlds.
#[derive(Debug)]
pub(super) struct ResourceInWorlds {
    pub(super) resource: CheckedResource,
    /// The parameters whose default decided something.
    pub(super) defaults: BTreeSet<String>,
}

impl ResourceInWorlds {
    pub(super) fn of(path: &ResourceCheck<'_, '_>, left: &mut usize) -> Self {
        let mut evaluated = path.evaluate(&[]);
        let (gathered, mut judged) = gathered(path, &mut evaluated, left);
        let breaks_either_way = gathered.breaks_either_way(&evaluated);
        let mut findings = gathered.merged(&evaluated);
        // Not every case was evaluated, but literal rules are still certain.
        if evaluated.undetermined.is_some()
            && !path.terms.policy.looks_at_tags()
            && let Some(literal) = literal::properties(path.resource_type, path.resource.body())
        {
            let assessment = path.assess(&literal);
            judged = judged.max(assessment.judged);
            literal::settle(&mut findings, &assessment, &literal, path.resource.origin);
        }
        if !breaks_either_way {
            leave_open(path, &mut findings);
        }
        candidates::settle(path, &mut findings, left);
        Self {
            resource: CheckedResource {
                exists: evaluated.worlds.iter().any(|world| world.exists),
                judged,
                breaks_either_way,
                findings,
                undetermined: evaluated.undetermined,
                ..Self::unjudged(path)
            },
            defaults: evaluated.defaults.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Returns the result for a resource that does not exist with the defaults of these parameters.
    pub(super) fn nothing(path: &ResourceCheck<'_, '_>, defaults: &BTreeSet<String>) -> Self {
        Self { resource: Self::unjudged(path), defaults: defaults.clone() }
    }

    fn unjudged(path: &ResourceCheck<'_, '_>) -> CheckedResource {
        CheckedResource {
            logical_id: path.resource.logical_id.to_string(),
            resource_type: path.resource_type,
            origin: path.resource.origin,
            group: GroupIdentity::of(path.template, path.resource, path.resource_type),
            exists: false,
            judged: 0,
            findings: Vec::new(),
            breaks_either_way: false,
            undetermined: None,
        }
    }
}

/// Marks a violation as undetermined if it depends on the interpretation of a number that YAML readers interpret
/// differently. No parameter decides that.
fn leave_open(path: &ResourceCheck<'_, '_>, findings: &mut [LocatedFinding]) {
    for located in findings.iter_mut().filter(|located| located.finding.outcome == Outcome::NonCompliant) {
        if located.conditions().iter().any(|assumption| path.template.is_in_dispute(&assumption.condition)) {
            located.finding.outcome = Outcome::Undetermined;
        }
    }
}
