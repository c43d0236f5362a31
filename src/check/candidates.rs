//! Tries each possible value of the parameters that undetermined egress rules depend on, if there are few.
//!
//! A rule that complies with every value is compliant, and one that breaks the rule with every value is non-compliant.
//! Otherwise the finding names a value that breaks the rule.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::gathered;
use super::judge::ResourceCheck;
use super::located::LocatedFinding;
use crate::path::Origin;
use crate::rule::{Destination, EgressRule, Finding, FindingSubject, Outcome, Port, Protocol, Unknown, Verdict};
use crate::template::{Occurrence, Parameter};

/// The maximum number of combinations of values that are tried for one resource.
const MAX_COMBINATIONS: usize = 64;

/// Resolves the undetermined findings of a resource as far as the possible values of parameters are known.
pub(super) fn settle(path: &ResourceCheck<'_, '_>, findings: &mut Vec<LocatedFinding>, left: &mut usize) {
    let mut tried = TriedCombinations { combinations: 0, of: BTreeMap::new() };
    let mut settled = Vec::with_capacity(findings.len());
    for located in findings.drain(..) {
        let names = if located.finding.outcome == Outcome::Undetermined {
            parameters_in(&located.finding)
        } else {
            BTreeSet::new()
        };
        match tried.outcomes(path, names, &located.finding, left) {
            Some(outcomes) => settled.extend(outcomes.settled(located)),
            None => settled.push(located),
        }
    }
    *findings = settled;
}

/// Returns the parameters that the unknown values of an egress rule refer to.
pub(super) fn parameters_in(finding: &Finding) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each_unknown(finding, &mut |unknown| {
        let references = unknown.identity.as_deref().unwrap_or_default().split("!Ref ").skip(1);
        names.extend(references.map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>()));
    });
    names
}

fn each_unknown(finding: &Finding, take: &mut dyn FnMut(&Unknown)) {
    match &finding.subject {
        FindingSubject::Rule(rule) => {
            if let Protocol::Unknown(unknown) = &rule.protocol {
                take(unknown);
            }
            [&rule.from, &rule.to].into_iter().filter_map(Port::unknown).for_each(&mut *take);
            rule.destinations.iter().filter_map(Destination::unknown).for_each(take);
        }
        FindingSubject::Unknown(unknown) => take(unknown),
        FindingSubject::NoRule(_) | FindingSubject::Nothing => {}
    }
}

/// The combinations of values that were tried for a resource, by parameters.
struct TriedCombinations {
    combinations: usize,
    of: BTreeMap<(BTreeSet<String>, bool), Option<Vec<Combination>>>,
}

/// One value for each of a set of parameters, and the findings with these values.
struct Combination {
    values: Vec<(String, String)>,
    findings: Vec<LocatedFinding>,
    /// Whether every world of the combination was evaluated.
    is_whole: bool,
}

/// The results of an egress rule with all combinations.
struct Outcomes {
    compliant: bool,
    undetermined: bool,
    breaking: Option<LocatedFinding>,
}

impl TriedCombinations {
    fn outcomes(
        &mut self,
        path: &ResourceCheck<'_, '_>,
        names: BTreeSet<String>,
        finding: &Finding,
        left: &mut usize,
    ) -> Option<Outcomes> {
        if names.is_empty() {
            return None;
        }
        let one_port = finding.rule().and_then(|rule| the_same_port(path, rule));
        let key = (names, one_port.is_some());
        if !self.of.contains_key(&key) {
            let tried = self.tried(path, &key.0, one_port, left);
            self.of.insert(key.clone(), tried);
        }
        let combinations = self.of.get(&key)?.as_ref()?;
        let mut outcomes = Outcomes { compliant: false, undetermined: false, breaking: None };
        for combination in combinations {
            let here = combination.findings.iter().filter(|it| is_at(it.finding.origin, finding.origin));
            let worst = here.max_by_key(|located| located.finding.outcome.verdict());
            match worst.map(|located| (located, located.finding.outcome.verdict())) {
                Some((located, Verdict::NonCompliant)) => {
                    if outcomes.breaking.is_none() {
                        outcomes.breaking =
                            Some(LocatedFinding { values: combination.values.clone(), ..located.clone() });
                    }
                    // Under some of its conditions, the combination may comply with the rule.
                    outcomes.undetermined |= located.occurrence != Occurrence::Always;
                }
                Some((_, Verdict::Undetermined)) => outcomes.undetermined = true,
                Some((_, Verdict::Compliant)) | None => outcomes.compliant = true,
            }
            outcomes.undetermined |= !combination.is_whole;
        }
        Some(outcomes)
    }

    /// Returns the findings with each combination of values, or nothing if there are too many combinations or a
    /// parameter can have any value.
    fn tried(
        &mut self,
        path: &ResourceCheck<'_, '_>,
        names: &BTreeSet<String>,
        one_port: Option<(&str, String)>,
        left: &mut usize,
    ) -> Option<Vec<Combination>> {
        let declared: Vec<&Parameter> =
            path.template.parameters().filter(|parameter| names.contains(&parameter.name)).collect();
        let mut combinations: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
        for parameter in declared {
            let only = one_port.as_ref().filter(|(name, _)| *name == parameter.name).map(|(_, port)| port);
            let values = only.map_or_else(|| parameter.candidates(), std::slice::from_ref);
            if values.is_empty() {
                continue;
            }
            let mut more =
                Vec::with_capacity(combinations.len().saturating_mul(values.len()).min(MAX_COMBINATIONS + 1));
            for combination in &combinations {
                for value in values {
                    let mut longer = combination.clone();
                    longer.push((&parameter.name, value));
                    more.push(longer);
                    if more.len() > MAX_COMBINATIONS {
                        return None;
                    }
                }
            }
            combinations = more;
        }
        self.combinations += combinations.len();
        if self.combinations > MAX_COMBINATIONS || combinations.iter().any(Vec::is_empty) {
            return None;
        }
        let tried = |values: Vec<(&str, &str)>| {
            let mut evaluated = path.evaluate(&values);
            let (gathered, _) = gathered(path, &mut evaluated, left);
            Combination {
                values: values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                is_whole: evaluated.undetermined.is_none(),
                findings: gathered.merged(&evaluated),
            }
        };
        Some(combinations.into_iter().map(tried).collect())
    }
}

/// Returns whether two values have the same origin, which `==` on origins does not compare.
pub(super) fn is_at(one: Origin, other: Origin) -> bool {
    one.index() == other.index()
}

/// Returns the parameter that both ports of a rule refer to, and its smallest value, if that is a port. Every possible
/// value then has the same result.
fn the_same_port<'p>(path: &ResourceCheck<'p, '_>, rule: &EgressRule) -> Option<(&'p str, String)> {
    let (Port::Unknown(from), Port::Unknown(to)) = (&rule.from, &rule.to) else { return None };
    let name = from.identity.as_deref().filter(|_| from.is_same(to))?.strip_prefix("!Ref ")?;
    let parameter = path.template.parameters().find(|parameter| parameter.name == name)?;
    let (least, _) = parameter.range();
    let least = least.filter(|least| *least >= 0 && parameter.candidates().is_empty())?;
    Some((&parameter.name, least.to_string()))
}

impl Outcomes {
    /// Returns the resolved finding, or `None` if the egress rule complies with every combination.
    fn settled(self, located: LocatedFinding) -> Option<LocatedFinding> {
        match (self.breaking, self.compliant, self.undetermined) {
            (None, true, false) => None,
            (Some(breaking), false, false) => Some(breaking),
            (Some(mut breaking), _, _) => {
                breaking.finding.outcome = Outcome::Undetermined;
                breaking.occurrence = combined(&located.occurrence, breaking.occurrence);
                Some(breaking)
            }
            (None, _, _) => Some(located),
        }
    }
}

/// Returns the conditions of a finding that was tried with values: its original conditions, unless only the trial has
/// some.
fn combined(before: &Occurrence, tried: Occurrence) -> Occurrence {
    if *before == Occurrence::Always { tried } else { before.clone() }
}
