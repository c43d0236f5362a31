//! STACK invocations: blocks certain violations before anything is created. Uncertain ones are reported but left to the
//! RESOURCE target, which checks the same resource with resolved values.
//!
//! CloudFormation does not send the parameters of the deployment. The template is checked with their defaults, and a
//! violation that depends on them is not certain. The same applies to resources that a macro may change, and to a
//! template that cannot be read here.

mod deployed;

use std::collections::HashMap;

use super::decision::{Conclusion, ResourceAssessment, TemplateAssessment};
use super::invocation::{Invocation, InvocationPoint, context};
use super::payload::{self, StackPayload};
use super::request::Request;
use super::sentences;
use crate::check::{self, CheckContext, CheckedResource, Defaults};
use crate::rule::policy::{Date, Policy};
use crate::rule::{Assessment, Finding, Outcome, Treatment};
use crate::source;
use crate::template::{Macros, Scope};
use crate::value::Value;
use deployed::DeployedViolations;

/// Returns the conclusion on a stack's template.
pub(super) fn decide(
    document: &[u8],
    request: &Request,
    invocation: &Invocation,
    policy: &Policy,
    today: Date,
) -> Conclusion {
    Conclusion::Template(
        judged(document, request, invocation, policy, today).unwrap_or_else(TemplateAssessment::unread),
    )
}

fn judged(
    document: &[u8],
    request: &Request,
    invocation: &Invocation,
    policy: &Policy,
    today: Date,
) -> Result<TemplateAssessment, String> {
    let payload: StackPayload = payload::read(document)?;
    let Some(text) = payload.template.non_empty() else {
        return Err(sentences::empty_document("template"));
    };
    let place = context(request, None, None);
    let scope = Scope {
        account: place.account.map(str::to_owned),
        region: place.region.map(str::to_owned),
        stack_name: place.stack_name.map(str::to_owned),
        stack_id: place.stack_id.map(str::to_owned),
        ..Scope::default()
    };
    let by_default = CheckContext { context: place, ..CheckContext::of(policy, today) };
    let terms = CheckContext { defaults: Defaults::MayChange, ..by_default };
    let template = source::parse(text).map_err(|error| {
        sentences::unreadable_template(&error.to_string(), error.span.map(|span| (span.line, span.column)))
    })?;
    let checked = check::check(&template.root, &scope, &terms)
        .map_err(|error| sentences::unreadable_template(&error.to_string(), None))?;
    let mut remarks: Vec<String> = checked.notes.iter().map(ToString::to_string).collect();
    let previous = payload.previous_template.non_empty().filter(|_| {
        // A created resource did not exist before, whatever the document contains.
        policy.unchanged_rules == Treatment::Allow && invocation.point != InvocationPoint::Create
    });
    let before = previous.map(|text| DeployedViolations::of(text, &scope, &by_default)).transpose();
    let (mut before, mut before_open) = before
        .unwrap_or_else(|problem| {
            remarks.push(sentences::unreadable_previous_template(&problem));
            None
        })
        .unwrap_or_default();
    let macros = Macros::of(&checked.notes);
    let mut resources: Vec<ResourceAssessment> = checked
        .resources
        .iter()
        .map(|resource| ResourceAssessment {
            resource_type: resource.resource_type,
            logical_id: resource.logical_id.clone(),
            line: template.span(resource.origin).map(|span| span.line),
            assessment: Assessment {
                judged: resource.judged,
                findings: settled(findings(resource, &mut before), macros.proviso(&resource.logical_id)),
            },
        })
        .collect();
    let mut without_defaults = breaking(&resources);
    if !without_defaults.is_empty() && has_defaults(&template.root) {
        let open = Scope { ignore_defaults: true, ..scope };
        let mut take = |resource: CheckedResource| {
            if let Some(there) = without_defaults.get_mut(&resource.logical_id) {
                for finding in findings(&resource, &mut before_open) {
                    there.entry(finding.origin.index()).or_default().push(finding);
                }
            }
        };
        check::check_each(&template.root, &open, &by_default, &mut take)
            .map_err(|error| sentences::unreadable_template(&error.to_string(), None))?;
        resources.iter_mut().for_each(|resource| leave_open(resource, &without_defaults));
    }
    remarks.extend(checked.resources.iter().filter_map(|resource| {
        let why = resource.undetermined?;
        Some(sentences::not_wholly_judged(&resource.logical_id, &why.to_string()))
    }));
    Ok(TemplateAssessment { resources, remarks })
}

/// Returns whether a parameter has a default. Otherwise, nothing depends on defaults.
fn has_defaults(root: &Value) -> bool {
    let parameters = root.get("Parameters").and_then(Value::as_map);
    parameters.is_some_and(|parameters| parameters.iter().any(|(_, declaration)| declaration.get("Default").is_some()))
}

/// Marks violations as undetermined if a macro may change the resource.
fn settled(mut findings: Vec<Finding>, proviso: Option<String>) -> Vec<Finding> {
    if let Some(proviso) = proviso {
        for finding in findings.iter_mut().filter(|finding| finding.outcome == Outcome::NonCompliant) {
            finding.outcome = Outcome::Undetermined;
            finding.when.get_or_insert_with(|| proviso.clone());
        }
    }
    findings
}

/// Findings by their place in the text, because loops and lists may have a different length.
type FindingsByOrigin = HashMap<Option<usize>, Vec<Finding>>;

/// Returns an empty entry for each resource that breaks the rule.
fn breaking(resources: &[ResourceAssessment]) -> HashMap<String, FindingsByOrigin> {
    let breaks = |resource: &&ResourceAssessment| resource.assessment.of(Outcome::NonCompliant).next().is_some();
    resources.iter().filter(breaks).map(|resource| (resource.logical_id.clone(), FindingsByOrigin::new())).collect()
}

/// Marks violations as undetermined if they depend on the defaults of parameters.
fn leave_open(resource: &mut ResourceAssessment, without_defaults: &HashMap<String, FindingsByOrigin>) {
    let there = without_defaults.get(&resource.logical_id);
    let breaking = resource.assessment.findings.iter_mut().filter(|finding| finding.outcome == Outcome::NonCompliant);
    for finding in breaking {
        let others = there.and_then(|there| there.get(&finding.origin.index())).map(Vec::as_slice).unwrap_or_default();
        // `findings` leaves a violation only where the resource breaks the rule in every world.
        if others.iter().any(|other| other.outcome == Outcome::NonCompliant) {
            continue;
        }
        finding.outcome = Outcome::Undetermined;
        finding.when = others
            .first()
            .and_then(|other| other.when.clone().or_else(|| sentences::by_default(other)))
            .or_else(|| Some(sentences::BY_DEFAULT.to_owned()));
    }
}

/// Returns the findings of one resource of a template. A finding is known debt if it was already in the deployed
/// template, for the same resource. A finding under only some conditions is certain if the resource breaks the rule
/// under all other conditions too.
fn findings(resource: &CheckedResource, before: &mut DeployedViolations) -> Vec<Finding> {
    let mut certain = resource.breaks_either_way;
    let mut findings: Vec<Finding> = Vec::with_capacity(resource.findings.len());
    for located in &resource.findings {
        let mut finding = Finding { when: located.when(), ..located.finding.clone() };
        if finding.outcome == Outcome::NonCompliant
            && let Some(stood_there) = before.take(resource, &finding)
        {
            // A rule that may have existed before may be known debt.
            finding.outcome = if stood_there { Outcome::KnownDebt } else { Outcome::Undetermined };
            certain = certain && finding.when.is_none();
        }
        findings.push(finding);
    }
    if !certain {
        let conditional = |finding: &&mut Finding| finding.when.is_some() && finding.outcome == Outcome::NonCompliant;
        findings.iter_mut().filter(conditional).for_each(|finding| finding.outcome = Outcome::Undetermined);
    }
    findings
}
