//! Checks one template: each resource with egress rules, in every world that its undecided conditions allow.
//!
//! This module contains the only code path to a verdict. The command line, the hook, rehearsals, and the scan of live
//! stacks all use it. It knows no text, no files, and no hook.

mod candidates;
mod checked;
mod context;
mod declared;
mod defaults;
mod explained;
mod gather;
mod group;
mod judge;
mod literal;
mod live;
mod located;
mod nested;
mod origins;
mod properties;
mod resource;

use std::cell::OnceCell;

pub use checked::{CheckedResource, CheckedTemplate};
pub use context::{CheckContext, Defaults};
pub use declared::{Declared, DeclaredGroup, DeclaredRule, declared};
pub use explained::{ExplainedResource, ExplainedWorld, explain_each};
pub use group::GroupIdentity;
pub(crate) use judge::MAX_JUDGED;
pub use judge::{JudgedResource, judge_properties, judge_resource};
pub use live::{Drift, drift, judge_live};
pub use located::LocatedFinding;
pub use nested::{Nested, NestedKind, NestedWay, nested, passed};
pub use origins::{FindingOrigins, RulePart};

use crate::security_group::ResourceType;
use crate::template::{Scope, Template, TemplateError, TemplateNote, Undetermined};
use crate::value::Value;
use judge::{ResourceCheck, rules_apart};
use resource::ResourceInWorlds;

/// Checks a template.
///
/// # Errors
/// Fails if the value is not a template or takes too much work.
pub fn check(root: &Value, scope: &Scope, terms: &CheckContext<'_>) -> Result<CheckedTemplate, TemplateError> {
    let mut resources = Vec::new();
    let notes = check_each(root, scope, terms, &mut |resource| resources.push(resource))?;
    Ok(CheckedTemplate { resources, notes })
}

/// Like [`check`], but passes on each resource as soon as it is checked, in the order written. Notes on what cannot be
/// checked come at the end.
///
/// # Errors
/// Fails in the same cases. All but one are found before the first resource: a loop over a default may take too much
/// work with other values.
pub fn check_each(
    root: &Value,
    scope: &Scope,
    terms: &CheckContext<'_>,
    take: &mut dyn FnMut(CheckedResource),
) -> Result<Vec<TemplateNote>, TemplateError> {
    let template = Template::new(root, scope)?;
    let open_scope = Scope { ignore_defaults: true, ..scope.clone() };
    let open = OnceCell::new();
    let mut checker = Checker { terms, left: MAX_JUDGED };
    let apart = rules_apart(&template);
    for resource in template.resources() {
        let Some(resource_type) = ResourceType::from_name(&resource.type_name) else { continue };
        let path = ResourceCheck { template: &template, resource, resource_type, terms, rules_apart: &apart };
        let mut found = ResourceInWorlds::of(&path, &mut checker.left);
        if terms.defaults == Defaults::MayChange && !found.defaults.is_empty() {
            match open.get_or_init(|| Template::new(root, &open_scope).ok()) {
                Some(open) => checker.without_defaults(&path, open, &mut found),
                None => drop(found.resource.undetermined.get_or_insert(Undetermined::TooMuchWork)),
            }
        }
        take(found.resource);
    }
    if terms.defaults == Defaults::MayChange && !template.loop_defaults().is_empty() {
        match open.get_or_init(|| Template::new(root, &open_scope).ok()) {
            Some(open) => checker.other_entries(&template, open, take),
            None => return Err(TemplateError::TooMuchWork { origin: root.origin }),
        }
    }
    Ok(template.notes().to_vec())
}

/// The state that the resources of one template share during the check.
struct Checker<'c> {
    terms: &'c CheckContext<'c>,
    /// The number of egress rules that may still be judged in further worlds.
    left: usize,
}

impl Checker<'_> {
    /// Adds the findings that apply if a deployment overrides defaults.
    fn without_defaults(&mut self, path: &ResourceCheck<'_, '_>, open: &Template<'_>, found: &mut ResourceInWorlds) {
        // An entry of a loop over a default. Resources of one name are otherwise the same with every value.
        if open.resource(&path.resource.logical_id).is_none() {
            return;
        }
        let other = ResourceCheck { template: open, ..*path };
        let without = ResourceInWorlds::of(&other, &mut self.left);
        defaults::add(found, without, open);
    }

    /// Checks resources that exist only with values other than the defaults, because their loops iterate over other
    /// lists.
    fn other_entries(&mut self, template: &Template<'_>, open: &Template<'_>, take: &mut dyn FnMut(CheckedResource)) {
        let apart = rules_apart(open);
        for resource in open.resources().filter(|resource| template.resource(&resource.logical_id).is_none()) {
            let Some(resource_type) = ResourceType::from_name(&resource.type_name) else { continue };
            let path =
                ResourceCheck { template: open, resource, resource_type, terms: self.terms, rules_apart: &apart };
            let without = ResourceInWorlds::of(&path, &mut self.left);
            let mut found = ResourceInWorlds::nothing(&path, template.loop_defaults());
            defaults::add(&mut found, without, open);
            if !found.resource.findings.is_empty() || found.resource.undetermined.is_some() {
                take(found.resource);
            }
        }
    }
}

#[cfg(test)]
mod tests;
