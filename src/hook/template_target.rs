//! STACK and CHANGE_SET invocations: what is certain blocks, before anything is created; what is not is
//! named, and left to the RESOURCE target, which judges the same resource with resolved values.

use serde::de::DeserializeOwned;

use super::decision::{Conclusion, Judged, TemplateJudgement, context};
use super::payload::{ChangeSetPayload, ChangedResource, StackPayload};
use super::request::Request;
use crate::check::{self, Located, Terms};
use crate::rule::policy::{Case, Context, Date, Policy, Unchanged};
use crate::rule::wording::template as wording;
use crate::rule::{Assessment, Finding, Knowledge, Outcome, Treatment};
use crate::security_group::{ResourceType, assess, tags, unchanged};
use crate::source::{self, Document};
use crate::template::{Occurrence, Scope};
use crate::value::Value;

/// What a stack's template comes to.
pub(super) fn stack(document: &[u8], request: &Request, policy: &Policy, today: Date) -> Conclusion {
    stack_or_problem(document, request, policy, today).unwrap_or_else(Conclusion::InternalFailure)
}

fn stack_or_problem(document: &[u8], request: &Request, policy: &Policy, today: Date) -> Result<Conclusion, String> {
    let payload: StackPayload = read(document)?;
    let Some(text) = payload.template.non_empty() else {
        return Err(wording::empty_document("template"));
    };
    let place = context(request, None, None);
    let scope = Scope {
        account: place.account.map(str::to_owned),
        region: place.region.map(str::to_owned),
        stack_name: place.stack_name.map(str::to_owned),
        stack_id: place.stack_id.map(str::to_owned),
        ..Scope::default()
    };
    let context = Context { logical_id: None, ..place };
    let terms = Terms { policy, context, today };
    let template = source::parse(text).map_err(|error| {
        wording::unreadable_template(&error.to_string(), error.span.map(|span| (span.line, span.column)))
    })?;
    let checked = check::check(&template.root, &scope, &terms)
        .map_err(|error| wording::unreadable_template(&error.to_string(), None))?;
    let mut known = match policy.unchanged_rules {
        Treatment::Allow => certain_before(payload.previous_template.as_str(), &scope, &terms),
        Treatment::Block => Vec::new(),
    };
    let resources = checked
        .resources
        .iter()
        .map(|resource| Judged {
            resource_type: resource.resource_type,
            logical_id: resource.logical_id.clone(),
            line: template.span(resource.origin).map(|span| span.line),
            assessment: Assessment {
                judged: resource.judged,
                findings: resource
                    .findings
                    .iter()
                    .map(|located| stack_finding(located, &resource.logical_id, &mut known))
                    .collect(),
            },
        })
        .collect();
    let mut remarks: Vec<String> = checked.notes.iter().map(ToString::to_string).collect();
    remarks.extend(checked.resources.iter().filter_map(|resource| {
        let why = resource.undetermined?;
        Some(wording::not_wholly_judged(&resource.logical_id, &why.to_string()))
    }));
    Ok(Conclusion::Template(TemplateJudgement { resources, remarks }))
}

/// A finding of a template: certain only if it occurs under every condition, and known debt if it stood
/// in the template before, for the same resource.
fn stack_finding(located: &Located, logical_id: &str, known: &mut Vec<(String, Finding)>) -> Finding {
    let mut finding = located.finding.clone();
    if finding.outcome != Outcome::NonCompliant {
        return finding;
    }
    if located.occurrence != Occurrence::Always {
        finding.outcome = Outcome::Undetermined;
    } else if let Some(index) = known.iter().position(|(id, before)| id == logical_id && same_rule(before, &finding)) {
        known.swap_remove(index);
        finding.outcome = Outcome::KnownDebt;
    }
    finding
}

/// What certainly broke the rule in the template that is deployed.
fn certain_before(text: &str, scope: &Scope, terms: &Terms<'_>) -> Vec<(String, Finding)> {
    let checked =
        source::parse(text).ok().and_then(|template: Document| check::check(&template.root, scope, terms).ok());
    let resources = checked.map(|checked| checked.resources).unwrap_or_default();
    resources
        .into_iter()
        .flat_map(|resource| {
            let id = resource.logical_id;
            resource.findings.into_iter().map(move |located| (id.clone(), located))
        })
        .filter(|(_, located)| located.occurrence == Occurrence::Always)
        .map(|(id, located)| (id, located.finding))
        .filter(|(_, finding)| finding.outcome == Outcome::NonCompliant)
        .collect()
}

/// Whether two findings are about the same traffic, wherever it was written.
fn same_rule(before: &Finding, now: &Finding) -> bool {
    match (before.rule(), now.rule()) {
        (Some(before), Some(now)) => {
            (&before.protocol, &before.from, &before.to, &before.destinations)
                == (&now.protocol, &now.from, &now.to, &now.destinations)
        }
        _ => before.reason == now.reason && before.subject == now.subject && before.path == now.path,
    }
}

/// What a change set comes to.
pub(super) fn change_set(document: &[u8], request: &Request, policy: &Policy, today: Date) -> Conclusion {
    let judged = read::<ChangeSetPayload>(document).and_then(|payload| {
        let changed = payload.changed_resources.ok_or_else(|| wording::empty_document("changedResources"))?;
        changed.iter().filter_map(|resource| changed_resource(resource, request, policy, today).transpose()).collect()
    });
    match judged {
        Ok(resources) => Conclusion::Template(TemplateJudgement { resources, remarks: Vec::new() }),
        Err(problem) => Conclusion::InternalFailure(problem),
    }
}

/// One resource of a change set; nothing if it is not ours or goes away.
fn changed_resource(
    changed: &ChangedResource,
    request: &Request,
    policy: &Policy,
    today: Date,
) -> Result<Option<Judged>, String> {
    let Some(resource_type) = ResourceType::from_name(changed.resource_type.as_str()) else { return Ok(None) };
    if changed.action.as_str() == "DELETE" {
        return Ok(None);
    }
    let logical_id = changed.logical_resource_id.as_str();
    let properties =
        properties(changed.after_context.as_str()).ok_or_else(|| wording::unreadable_change(logical_id))?;
    let previous = properties_before(changed);
    let assessment = assess(resource_type, &properties, &policy.settings(), Knowledge::Partial);
    let unchanged = match policy.unchanged_rules {
        Treatment::Allow => unchanged(resource_type, &properties, previous.as_ref()),
        Treatment::Block => Unchanged::Nothing,
    };
    let tags = tags(resource_type, &properties);
    let context = Context { logical_id: Some(logical_id), ..context(request, Some(resource_type), tags.as_deref()) };
    let assessment = policy.apply(assessment, &Case { context, unchanged: &unchanged, today });
    Ok(Some(Judged {
        resource_type,
        logical_id: logical_id.to_owned(),
        line: changed.line_number.as_str().parse().ok(),
        assessment,
    }))
}

/// The `Properties` of a context, which is JSON text.
fn properties(context: &str) -> Option<Value> {
    let context: Value = serde_json::from_str(context).ok()?;
    Some(context.as_map()?.get("Properties").cloned().unwrap_or_else(|| crate::value::Kind::Null.into()))
        .map(|value| if value.is_null() { crate::value::Kind::Map(crate::value::Map::new()).into() } else { value })
}

fn properties_before(changed: &ChangedResource) -> Option<Value> {
    changed.before_context.non_empty().and_then(properties)
}

fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, String> {
    serde_json::from_slice(document).map_err(|error| wording::unreadable_document(&error.to_string()))
}
