//! STACK invocations: what is certain blocks, before anything is created; what is not is named, and left
//! to the RESOURCE target, which judges the same resource with resolved values.
//!
//! CloudFormation does not say with which parameters the stack is deployed. The template is judged with
//! their defaults, and what breaks the rule only with those is not certain.

use super::decision::{Conclusion, Judged, TemplateJudgement, context};
use super::payload::{self, StackPayload};
use super::request::Request;
use crate::check::{self, Checked, CheckedResource, Terms};
use crate::rule::policy::{Context, Date, Policy};
use crate::rule::wording::template as wording;
use crate::rule::{Assessment, Finding, Outcome, Treatment};
use crate::source::{self, Document};
use crate::template::Scope;
use crate::value::Value;

/// What a stack's template comes to.
pub(super) fn decide(document: &[u8], request: &Request, policy: &Policy, today: Date) -> Conclusion {
    decide_or_problem(document, request, policy, today).unwrap_or_else(Conclusion::InternalFailure)
}

fn decide_or_problem(document: &[u8], request: &Request, policy: &Policy, today: Date) -> Result<Conclusion, String> {
    let payload: StackPayload = payload::read(document)?;
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
        Treatment::Allow => broken_before(payload.previous_template.as_str(), &scope, &terms),
        Treatment::Block => Vec::new(),
    };
    let mut resources: Vec<Judged> = checked
        .resources
        .iter()
        .map(|resource| Judged {
            resource_type: resource.resource_type,
            logical_id: resource.logical_id.clone(),
            line: template.span(resource.origin).map(|span| span.line),
            assessment: Assessment { judged: resource.judged, findings: stack_findings(resource, &mut known) },
        })
        .collect();
    let breaks = resources.iter().any(|resource| resource.assessment.of(Outcome::NonCompliant).next().is_some());
    if breaks && has_defaults(&template.root) {
        let open = check::check(&template.root, &Scope { ignore_defaults: true, ..scope }, &terms);
        let open = open.map_err(|error| wording::unreadable_template(&error.to_string(), None))?;
        resources.iter_mut().for_each(|resource| leave_open(resource, &open));
    }
    let mut remarks: Vec<String> = checked.notes.iter().map(ToString::to_string).collect();
    remarks.extend(checked.resources.iter().filter_map(|resource| {
        let why = resource.undetermined?;
        Some(wording::not_wholly_judged(&resource.logical_id, &why.to_string()))
    }));
    Ok(Conclusion::Template(TemplateJudgement { resources, remarks }))
}

/// Whether a parameter has a default: without one, nothing rests on any.
fn has_defaults(root: &Value) -> bool {
    let parameters = root.get("Parameters").and_then(Value::as_map);
    parameters.is_some_and(|parameters| parameters.iter().any(|(_, declaration)| declaration.get("Default").is_some()))
}

/// Takes back what breaks the rule only as long as parameters keep their defaults.
fn leave_open(resource: &mut Judged, open: &Checked) {
    let same = open.resources.iter().filter(|other| other.logical_id == resource.logical_id);
    let open: Vec<Finding> = same.flat_map(|resource| stack_findings(resource, &mut Vec::new())).collect();
    let breaking = resource.assessment.findings.iter_mut().filter(|finding| finding.outcome == Outcome::NonCompliant);
    for finding in breaking {
        // The same place in the text: loops and lists may turn out longer or shorter.
        let place = finding.origin.index();
        let mut there = open.iter().filter(|other| other.origin.index() == place);
        if there.clone().any(|other| other.outcome == Outcome::NonCompliant) {
            continue;
        }
        finding.outcome = Outcome::Undetermined;
        finding.when = there
            .next()
            .and_then(|other| other.when.clone().or_else(|| wording::by_default(other)))
            .or_else(|| Some(wording::BY_DEFAULT.to_owned()));
    }
}

/// The findings of one resource of a template. One is known debt if it stood in the template before, for
/// the same resource; one that holds only under some conditions is certain if the resource breaks the rule
/// under all others too.
fn stack_findings(resource: &CheckedResource, known: &mut Vec<(String, Finding)>) -> Vec<Finding> {
    let mut certain = resource.breaks_either_way;
    let mut findings: Vec<Finding> = Vec::with_capacity(resource.findings.len());
    for located in &resource.findings {
        let mut finding = Finding { when: located.when(), ..located.finding.clone() };
        let before = known.iter().position(|(id, before)| *id == resource.logical_id && same_rule(before, &finding));
        if let Some(before) = before.filter(|_| finding.outcome == Outcome::NonCompliant) {
            let (_, before) = known.swap_remove(before);
            // What stood there under a condition may or may not be known debt.
            finding.outcome = if before.when.is_none() { Outcome::KnownDebt } else { Outcome::Undetermined };
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

/// What broke the rule in the template that is deployed, under some conditions at least.
fn broken_before(text: &str, scope: &Scope, terms: &Terms<'_>) -> Vec<(String, Finding)> {
    let checked =
        source::parse(text).ok().and_then(|template: Document| check::check(&template.root, scope, terms).ok());
    let resources = checked.map(|checked| checked.resources).unwrap_or_default();
    let findings = resources.into_iter().flat_map(|resource| {
        let id = resource.logical_id;
        resource.findings.into_iter().map(move |located| (id.clone(), located))
    });
    findings
        .filter(|(_, located)| located.finding.outcome == Outcome::NonCompliant)
        .map(|(id, located)| (id, Finding { when: located.when(), ..located.finding }))
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
