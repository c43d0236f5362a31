//! Reports of templates that another template deploys.

use super::diagnostic::{Diagnostic, DiagnosticLevel, FileReport, LabeledSpan};
use super::printable;
use cfn_egress_guard_core::fingerprint::Fingerprint;
use cfn_egress_guard_core::rule::Outcome;
use cfn_egress_guard_core::source::Span;

/// The way in which another template deploys this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NestedDeployment {
    /// The label: ``nested stack `Network` of app.yaml``.
    pub label: String,
    /// The conditions of the other template, if it does not always deploy this one.
    pub when: Option<String>,
    /// Whether this is deployed only if a deployment of the other template overrides defaults. Violations are then
    /// undetermined.
    pub is_by_override: bool,
}

impl FileReport {
    /// Adds how the template is deployed.
    pub fn deployed_by(&mut self, deployed: &NestedDeployment, strict: bool) {
        for entry in &mut self.entries {
            entry.deployments.push(printable(deployed.label.clone()));
            if let Some(when) = &deployed.when {
                let own = entry.when.take().map_or_else(String::new, |own| format!("{own}; "));
                entry.when = Some(printable(format!("{own}{when}")));
            }
            if deployed.is_by_override && entry.outcome == Outcome::NonCompliant {
                entry.outcome = Outcome::Undetermined;
                entry.level = if strict { DiagnosticLevel::Error } else { DiagnosticLevel::Warning };
            }
        }
    }

    /// Moves all spans. Spans without a new place move to `whole`, the value that contains the template.
    pub fn moved(&mut self, whole: Option<Span>, move_to: impl Fn(Span) -> Option<Span>) {
        let moved = |span: Span| move_to(span).or(whole);
        for entry in &mut self.entries {
            let keep = |place: LabeledSpan| Some(LabeledSpan { span: move_to(place.span)?, ..place });
            entry.related = std::mem::take(&mut entry.related).into_iter().filter_map(keep).collect();
            let label = |place: &LabeledSpan| move_to(place.span).map_or_else(String::new, |_| place.label.clone());
            entry.place = match &entry.place {
                Some(place) => moved(place.span).map(|span| LabeledSpan { span, label: label(place) }),
                None => whole.map(|span| LabeledSpan { span, label: String::new() }),
            };
        }
        for resource in &mut self.resources {
            resource.span = resource.span.and_then(moved);
        }
        if let Some(problem) = &mut self.problem {
            problem.span = problem.span.map_or(whole, moved);
        }
    }

    /// Adds the report of a template that is written inside this one, in the resource of this name.
    pub fn take_in(&mut self, logical_id: &str, inner: Self) {
        let first = self.resources.len();
        let logical_id = printable(logical_id.to_owned());
        self.resources.extend(inner.resources.into_iter().map(|mut resource| {
            resource.logical_id = format!("{logical_id}/{}", resource.logical_id);
            resource
        }));
        self.entries.extend(inner.entries.into_iter().map(|entry| Diagnostic {
            resource: entry.resource.map(|index| first + index),
            fingerprint: Fingerprint::new().with(&logical_id).with(&entry.fingerprint).text(),
            ..entry
        }));
        self.entries.sort_by_key(|entry| entry.place.as_ref().map(|place| place.span.offset));
        self.rules += inner.rules;
        if self.problem.is_none() {
            self.problem = inner.problem.map(|mut problem| {
                problem.message = format!("the template in `{logical_id}`: {}", problem.message);
                problem
            });
        }
    }
}
