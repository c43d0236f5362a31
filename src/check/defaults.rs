//! The findings that apply if a deployment overrides the defaults of parameters.
//!
//! A violation with the defaults is certain for a deployment that keeps them. Compliance only because of the defaults
//! is not certain: such a finding is undetermined and names the parameters.

use std::collections::{BTreeSet, HashSet};

use super::candidates::parameters_in;
use super::located::LocatedFinding;
use super::resource::ResourceInWorlds;
use crate::rule::Outcome;
use crate::template::Template;

/// Adds the findings that occur without the defaults but not with them.
pub(super) fn add(found: &mut ResourceInWorlds, without: ResourceInWorlds, open: &Template<'_>) {
    let counts = |outcome| matches!(outcome, Outcome::NonCompliant | Outcome::Undetermined);
    let known: HashSet<Option<usize>> = found
        .resource
        .findings
        .iter()
        .filter(|located| counts(located.finding.outcome))
        .map(|located| located.finding.origin.index())
        .collect();
    for mut located in without.resource.findings {
        if !counts(located.finding.outcome) || known.contains(&located.finding.origin.index()) {
            continue;
        }
        located.finding.outcome = Outcome::Undetermined;
        located.defaults = behind(&located, &found.defaults, open);
        found.resource.findings.push(located);
    }
    found.resource.judged = found.resource.judged.max(without.resource.judged);
    found.resource.undetermined = found.resource.undetermined.or(without.resource.undetermined);
}

/// Returns the parameters that a finding depends on, among those whose defaults were used; all of those if none can be
/// determined.
fn behind(located: &LocatedFinding, used: &BTreeSet<String>, open: &Template<'_>) -> Vec<String> {
    let conditions: Vec<_> =
        located.conditions().iter().map(|assumption| open.parameters_behind(&assumption.condition)).collect();
    let mut names: BTreeSet<&str> = conditions.iter().flat_map(|names| names.iter().map(String::as_str)).collect();
    names.extend(located.values.iter().map(|(name, _)| name.as_str()));
    let in_rule = parameters_in(&located.finding);
    names.extend(in_rule.iter().map(String::as_str));
    let named: Vec<String> = names.into_iter().filter(|name| used.contains(*name)).map(str::to_owned).collect();
    if named.is_empty() { used.iter().cloned().collect() } else { named }
}
