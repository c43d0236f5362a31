//! One resource in all of its worlds.

use std::collections::BTreeSet;

use super::candidates;
use super::checked::CheckedResource;
use super::gather::gathered;
use super::judge::ResourceCheck;
use super::literal;
use super::located::LocatedFinding;
use crate::rule::Outcome;

/// What a resource comes to in all of its worlds.
#[derive(Debug)]
pub(super) struct ResourceInWorlds {
    pub(super) resource: CheckedResource,
    /// The parameters of which a default decided something.
    pub(super) defaults: BTreeSet<String>,
}

impl ResourceInWorlds {
    pub(super) fn of(path: &ResourceCheck<'_, '_>, left: &mut usize) -> Self {
        let mut evaluated = path.evaluate(&[]);
        let (gathered, mut judged) = gathered(path, &mut evaluated, left);
        let breaks_either_way = gathered.breaks_either_way(&evaluated);
        let mut findings = gathered.merged(&evaluated);
        // Not looked at in every case: what rests on nothing is certain all the same.
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

    /// A resource that the defaults of these parameters do not make.
    pub(super) fn nothing(path: &ResourceCheck<'_, '_>, defaults: &BTreeSet<String>) -> Self {
        Self { resource: Self::unjudged(path), defaults: defaults.clone() }
    }

    fn unjudged(path: &ResourceCheck<'_, '_>) -> CheckedResource {
        CheckedResource {
            logical_id: path.resource.logical_id.to_string(),
            resource_type: path.resource_type,
            origin: path.resource.origin,
            exists: false,
            judged: 0,
            findings: Vec::new(),
            breaks_either_way: false,
            undetermined: None,
        }
    }
}

/// What breaks the rule only if a number that readers of YAML differ on is one and not another is undetermined: no
/// parameter decides that.
fn leave_open(path: &ResourceCheck<'_, '_>, findings: &mut [LocatedFinding]) {
    for located in findings.iter_mut().filter(|located| located.finding.outcome == Outcome::NonCompliant) {
        if located.conditions().iter().any(|assumption| path.template.is_in_dispute(&assumption.condition)) {
            located.finding.outcome = Outcome::Undetermined;
        }
    }
}
