//! What decides about each egress rule of a template.

use super::candidates::is_at;
use super::checked::CheckedResource;
use super::context::CheckContext;
use super::judge::{ResourceCheck, rules_apart};
use super::{MAX_JUDGED, check_each};
use crate::rule::{DecidedBy, ExplainedRule, Outcome};
use crate::security_group::ResourceType;
use crate::template::{Assumption, Scope, Template, TemplateError, TemplateNote};
use crate::value::Value;

/// What decides about the egress rules of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedResource {
    /// What the resource comes to, as [`super::check`] says it.
    pub checked: CheckedResource,
    /// What decides in each world in which the resource is created.
    pub worlds: Vec<ExplainedWorld>,
}

/// What decides about the egress rules of a resource in one of its worlds.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedWorld {
    /// The undecided conditions that the world rests on.
    pub assumptions: Vec<Assumption>,
    /// What decides about each egress rule, in the order written.
    pub explained: Vec<ExplainedRule>,
}

/// Explains each resource that carries egress rules, in the order written; what cannot be judged comes at the end.
///
/// # Errors
/// When the value is no template, or one that takes too much work.
pub fn explain_each(
    root: &Value,
    scope: &Scope,
    terms: &CheckContext<'_>,
    take: &mut dyn FnMut(ExplainedResource),
) -> Result<Vec<TemplateNote>, TemplateError> {
    let template = Template::new(root, scope)?;
    let apart = rules_apart(&template);
    let mut left = MAX_JUDGED;
    check_each(root, scope, terms, &mut |checked| {
        let mut worlds = Vec::new();
        if let Some(resource) = template.resource(&checked.logical_id)
            && let Some(resource_type) = ResourceType::from_name(&resource.type_name)
        {
            let path = ResourceCheck { template: &template, resource, resource_type, terms, rules_apart: &apart };
            let mut evaluated = path.evaluate(&[]);
            path.each_world(&mut evaluated, &mut left, |_, world, _, _| {
                let mut explained = path.explain(world);
                explained.iter_mut().for_each(|one| settle(one, &checked));
                worlds.push(ExplainedWorld { assumptions: world.assumptions.clone(), explained });
            });
        }
        take(ExplainedResource { checked, worlds });
    })
}

/// Leaves no other verdict on an egress rule than the check of its resource has: there every value that a parameter can
/// have is tried, and what readers of YAML differ on is open.
fn settle(explained: &mut ExplainedRule, checked: &CheckedResource) {
    let DecidedBy::Finding(finding) = &mut explained.decided else { return };
    let here = || checked.findings.iter().map(|located| &located.finding).filter(|it| is_at(it.origin, finding.origin));
    match finding.outcome {
        Outcome::Undetermined if here().next().is_none() => explained.decided = DecidedBy::Complies,
        Outcome::NonCompliant => {
            let mut same = here().filter(|it| it.reason == finding.reason).peekable();
            if same.peek().is_some() && same.all(|it| it.outcome == Outcome::Undetermined) {
                finding.outcome = Outcome::Undetermined;
            }
        }
        _ => {}
    }
}
