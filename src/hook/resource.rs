//! RESOURCE and CLOUD_CONTROL invocations: one resource with its resolved properties, the last check before it is
//! created or updated.

use super::decision::Conclusion;
use super::invocation::{Invocation, InvocationPoint, Target, context};
use super::request::Request;
use super::sentences;
use crate::check::judge_properties;
use crate::rule::policy::{Date, Policy, ResourceContext, UnchangedRules};
use crate::rule::{ExplainedRule, Knowledge, Treatment};
use crate::security_group::{ResourceType, explain as explain_each, tags, unchanged};
use crate::value::Value;

/// Returns the conclusion on an invocation about a resource.
pub(super) fn decide(request: &Request, invocation: &Invocation, policy: &Policy, today: Date) -> Conclusion {
    match ResourceToCheck::of(request, invocation, policy) {
        Ok(checked) => Conclusion::Resource(checked.case(request, policy, today, |case| {
            judge_properties(checked.resource_type, checked.properties, Knowledge::Final, policy, case)
        })),
        Err(conclusion) => conclusion,
    }
}

/// Returns the explanation for each egress rule of the resource.
///
/// # Errors
/// Returns the conclusion on an invocation that checks no egress rule.
pub(super) fn explain(
    request: &Request,
    invocation: &Invocation,
    policy: &Policy,
    today: Date,
) -> Result<Vec<ExplainedRule>, Conclusion> {
    let checked = ResourceToCheck::of(request, invocation, policy)?;
    Ok(checked.case(request, policy, today, |case| {
        explain_each(checked.resource_type, checked.properties, Knowledge::Final, policy, case)
    }))
}

/// A resource whose egress rules are checked.
struct ResourceToCheck<'a> {
    resource_type: ResourceType,
    properties: &'a Value,
    /// The properties before an update.
    previous: Option<&'a Value>,
}

impl<'a> ResourceToCheck<'a> {
    /// Returns the resource, or the conclusion without checking egress rules.
    fn of(request: &'a Request, invocation: &Invocation, policy: &Policy) -> Result<Self, Conclusion> {
        let failure = Conclusion::InternalFailure;
        if let Target::Stack | Target::ChangeSet = invocation.target {
            return Err(failure(sentences::unsupported_target(invocation.target.name())));
        }
        let data = request.request_data.as_ref().ok_or_else(|| failure(sentences::missing_field("requestData")))?;
        // Every resource type has at least two parts (`AWS::EC2::VPC`, `Custom::Thing`).
        if !invocation.resource_type.contains("::") {
            return Err(failure(sentences::missing_field("requestData.targetName")));
        }
        let Some(resource_type) = ResourceType::from_name(&invocation.resource_type) else {
            return Err(Conclusion::NotChecked(sentences::other_type(&invocation.resource_type)));
        };
        if invocation.point == InvocationPoint::Unstated {
            return Err(failure(sentences::missing_field("actionInvocationPoint")));
        }
        checked_point(invocation, policy)?;
        let model = data.target_model.as_ref();
        let properties = model
            .and_then(|model| model.resource_properties.as_ref())
            .ok_or_else(|| failure(sentences::missing_field("requestData.targetModel.resourceProperties")))?;
        let previous = model
            .and_then(|model| model.previous_resource_properties.as_ref())
            .filter(|_| invocation.point == InvocationPoint::Update);
        Ok(Self { resource_type, properties, previous })
    }

    /// Calls a function with the policy's facts about the resource.
    fn case<T>(
        &self,
        request: &Request,
        policy: &Policy,
        today: Date,
        then: impl FnOnce(&ResourceContext<'_>) -> T,
    ) -> T {
        let unchanged = match policy.unchanged_rules {
            Treatment::Allow => unchanged(self.resource_type, self.properties, self.previous),
            Treatment::Block => UnchangedRules::Nothing,
        };
        let tags = tags(self.resource_type, self.properties);
        let context = context(request, Some(self.resource_type), tags.as_deref());
        then(&ResourceContext { context, unchanged: &unchanged, today })
    }
}

/// Checks whether an operation needs a check.
///
/// # Errors
/// Returns the conclusion on an invocation of another operation.
pub(super) fn checked_point(invocation: &Invocation, policy: &Policy) -> Result<(), Conclusion> {
    match invocation.point {
        InvocationPoint::Create | InvocationPoint::Update | InvocationPoint::Unstated => Ok(()),
        InvocationPoint::Delete => Err(Conclusion::NotChecked(sentences::deletion())),
        InvocationPoint::Import => Err(Conclusion::NotChecked(sentences::import(policy.unchanged_rules))),
        InvocationPoint::Unknown => {
            Err(Conclusion::InternalFailure(sentences::unknown_invocation_point(&invocation.invocation_point)))
        }
    }
}
