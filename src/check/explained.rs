//! The explanation of the decision on each egress rule of a template.

use super::candidates::is_at;
use super::checked::CheckedResource;
use super::context::CheckContext;
use super::judge::{ResourceCheck, rules_apart};
use super::{MAX_JUDGED, check_each};
use crate::rule::{DecidedBy, ExplainedRule, Outcome};
use crate::security_group::ResourceType;
use crate::template::{Assumption, Scope, Template, TemplateError, TemplateNote};
use crate::value::Value;

/// The explanation of the decisions on the egress rules of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedResource {
    /// The result for the resource, the same as from [`super::check`].
    pub checked: CheckedResource,
    /// The explanation in each world in which the resource is created.
    pub worlds: Vec<ExplainedWorld>,
}

/// The explanation of the decisions on a resource's egress rules in one world.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedWorld {
    /// The undecided conditions that the world depends on.
    pub assumptions: Vec<Assumption>,
    /// The decision on each egress rule, in the order written.
    pub explained: Vec<ExplainedRule>,
}

/// Explains each resource with egress rules, in the order written. Notes on what cannot be checked come at the end.
///
/// # Errors
/// Fails if the value is not a template or takes too much work.
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

/// Replaces the verdict on an egress rule with the one from the check of its resource. The check also tries every
/// possible value of a parameter and leaves numbers open that YAML readers interpret differently.
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
