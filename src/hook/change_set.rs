//! CHANGE_SET invocations: checks the planned state of each resource with the values that CloudFormation knows when the
//! change set is created.

use super::decision::{Conclusion, ResourceAssessment, TemplateAssessment};
use super::invocation::context;
use super::payload::{self, ChangeSetPayload, ChangedResource, Documented as _};
use super::request::Request;
use super::sentences;
use crate::check::judge_properties;
use crate::rule::policy::{Context, Date, Policy, ResourceContext, UnchangedRules};
use crate::rule::{Knowledge, Treatment};
use crate::security_group::{ResourceType, properties_of_context, tags, unchanged};

/// Returns the conclusion on a change set. Parts that cannot be read are undetermined; the RESOURCE target checks each
/// resource.
pub(super) fn decide(document: &[u8], request: &Request, policy: &Policy, today: Date) -> Conclusion {
    let changed = payload::read::<ChangeSetPayload>(document)
        .and_then(|payload| payload.changed_resources.ok_or_else(|| sentences::empty_document("changedResources")));
    let changed = match changed {
        Ok(payload::ChangedResources(changed)) => changed,
        Err(problem) => return Conclusion::Template(TemplateAssessment::unread(problem)),
    };
    let mut judged = TemplateAssessment::default();
    for resource in changed {
        match changed_resource(&resource.documented(), request, policy, today) {
            Ok(resource) => judged.resources.extend(resource),
            Err(problem) => judged.remarks.push(problem),
        }
    }
    Conclusion::Template(judged)
}

/// Checks one resource of a change set. Returns `None` if it is of another type, deleted, or imported.
fn changed_resource(
    changed: &ChangedResource,
    request: &Request,
    policy: &Policy,
    today: Date,
) -> Result<Option<ResourceAssessment>, String> {
    let name = changed.resource_type.as_str();
    let Some(resource_type) = ResourceType::from_name(name) else {
        // A missing or malformed type may be one of ours, so the document is not as expected.
        return if name.contains("::") {
            Ok(None)
        } else {
            Err(sentences::untyped_change(changed.logical_resource_id.as_str()))
        };
    };
    // As for resources: a deletion, or an import of a resource that already exists.
    if matches!(changed.action.as_str(), "DELETE" | "IMPORT") {
        return Ok(None);
    }
    let logical_id = changed.logical_resource_id.as_str();
    let properties = properties_of_context(changed.after_context.as_str())
        .ok_or_else(|| sentences::unreadable_change(logical_id))?;
    let before = changed.before_context.non_empty().filter(|_| changed.action.as_str() == "UPDATE");
    let previous = before.and_then(properties_of_context);
    let unchanged = match policy.unchanged_rules {
        Treatment::Allow => unchanged(resource_type, &properties, previous.as_ref()),
        Treatment::Block => UnchangedRules::Nothing,
    };
    let tags = tags(resource_type, &properties);
    let context = Context { logical_id: Some(logical_id), ..context(request, Some(resource_type), tags.as_deref()) };
    let case = ResourceContext { context, unchanged: &unchanged, today };
    let assessment = judge_properties(resource_type, &properties, Knowledge::Partial, policy, &case);
    Ok(Some(ResourceAssessment {
        resource_type,
        logical_id: logical_id.to_owned(),
        line: changed.line_number.as_str().parse().ok(),
        assessment,
    }))
}
