//! The violations in the deployed template, which are known debt if the policy allows that.

use std::collections::HashMap;

use crate::check::{self, CheckContext, CheckedResource, GroupIdentity};
use crate::rule::{Destination, Finding, Outcome};
use crate::source::{self, Document};
use crate::template::{Macros, Scope};
use crate::value::Value;

/// The violations in the deployed template, by resource and traffic. For each one, it records whether it is certain,
/// regardless of the conditions and parameters of the deployment.
#[derive(Default)]
pub(super) struct DeployedViolations {
    rules: HashMap<String, Vec<bool>>,
    /// The group of each resource.
    groups: HashMap<String, GroupIdentity>,
}

impl DeployedViolations {
    /// Collects the violations twice: with the parameters' defaults, and with unknown parameters.
    ///
    /// # Errors
    /// Returns the problem with a template that cannot be read and so contributes nothing.
    pub(super) fn of(text: &str, scope: &Scope, terms: &CheckContext<'_>) -> Result<(Self, Self), String> {
        let Document { root, .. } = source::parse(text).map_err(|error| error.to_string())?;
        let (mut before, mut open) = (Self::default(), Self::default());
        open.add(&root, &Scope { ignore_defaults: true, ..scope.clone() }, terms, &mut |_, when| when.is_none())?;
        let mut certain = open.rules.clone();
        before.add(&root, scope, terms, &mut |key, when| {
            when.is_none() && certain.get_mut(key).and_then(take_certain_first).unwrap_or_default()
        })?;
        for (key, rules) in &before.rules {
            let there = open.rules.entry(key.clone()).or_default();
            there.resize(rules.len().max(there.len()), false);
        }
        Ok((before, open))
    }

    fn add(
        &mut self,
        root: &Value,
        scope: &Scope,
        terms: &CheckContext<'_>,
        is_certain: &mut dyn FnMut(&str, Option<String>) -> bool,
    ) -> Result<(), String> {
        let checked = check::check(root, scope, terms).map_err(|error| error.to_string())?;
        let macros = Macros::of(&checked.notes);
        for resource in checked.resources {
            let is_as_written = macros.proviso(&resource.logical_id).is_none();
            let breaking = resource.findings.iter().filter(|located| located.finding.outcome == Outcome::NonCompliant);
            for located in breaking {
                let key = Self::key(&resource.logical_id, &located.finding);
                let certain = is_as_written && is_certain(&key, located.when());
                self.rules.entry(key).or_default().push(certain);
            }
            self.groups.insert(resource.logical_id, resource.group);
        }
        Ok(())
    }

    /// Removes a violation with the same traffic, at any place, and returns whether it is certain. None is certain if
    /// the group may be another one than before.
    pub(super) fn take(&mut self, resource: &CheckedResource, finding: &Finding) -> Option<bool> {
        let is_same = self.groups.get(&resource.logical_id)?.is_same(&resource.group);
        if is_same == Some(false) {
            return None;
        }
        let rules = self.rules.get_mut(&Self::key(&resource.logical_id, finding))?;
        take_certain_first(rules).map(|is_certain| is_certain && is_same == Some(true))
    }

    fn key(logical_id: &str, finding: &Finding) -> String {
        match finding.rule() {
            Some(rule) => {
                let destinations: Vec<_> = rule.destinations.iter().map(Destination::network).collect();
                format!("{logical_id} {:?}", (&rule.protocol, &rule.from, &rule.to, destinations))
            }
            None => format!("{logical_id} {:?}", (finding.reason, &finding.subject, &finding.path)),
        }
    }
}

/// Removes one of several violations with the same traffic: a certain one, if there is one.
fn take_certain_first(rules: &mut Vec<bool>) -> Option<bool> {
    let position = rules.iter().position(|certain| *certain).or_else(|| rules.len().checked_sub(1))?;
    Some(rules.swap_remove(position))
}
