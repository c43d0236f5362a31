//! STACK invocations: what is certain blocks, before anything is created; what is not is named, and left
//! to the RESOURCE target, which judges the same resource with resolved values.
//!
//! CloudFormation does not say with which parameters the stack is deployed. The template is judged with
//! their defaults, and what breaks the rule only with those is not certain.

use std::collections::HashMap;

use super::decision::{Conclusion, Judged, TemplateJudgement};
use super::payload::{self, StackPayload};
use super::request::Request;
use super::subject::context;
use crate::check::{self, Checked, CheckedResource, Terms};
use crate::rule::policy::{Context, Date, Policy};
use crate::rule::wording::template as wording;
use crate::rule::{Assessment, Finding, Outcome, Treatment};
use crate::security_group::ResourceType;
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
    let terms = Terms { context, ..Terms::of(policy, today) };
    let template = source::parse(text).map_err(|error| {
        wording::unreadable_template(&error.to_string(), error.span.map(|span| (span.line, span.column)))
    })?;
    let checked = check::check(&template.root, &scope, &terms)
        .map_err(|error| wording::unreadable_template(&error.to_string(), None))?;
    let mut before = match policy.unchanged_rules {
        // What is created did not stand there, whatever the document says.
        Treatment::Allow if request.action_invocation_point.as_str() != "CREATE_PRE_PROVISION" => {
            Before::of(payload.previous_template.as_str(), &scope, &terms)
        }
        Treatment::Allow | Treatment::Block => Before::default(),
    };
    let mut resources: Vec<Judged> = checked
        .resources
        .iter()
        .map(|resource| Judged {
            resource_type: resource.resource_type,
            logical_id: resource.logical_id.clone(),
            line: template.span(resource.origin).map(|span| span.line),
            assessment: Assessment {
                judged: resource.judged,
                findings: findings(resource, &template.root, &mut before),
            },
        })
        .collect();
    let breaks = resources.iter().any(|resource| resource.assessment.of(Outcome::NonCompliant).next().is_some());
    if breaks && has_defaults(&template.root) {
        let open = check::check(&template.root, &Scope { ignore_defaults: true, ..scope }, &terms);
        let open = open.map_err(|error| wording::unreadable_template(&error.to_string(), None))?;
        resources.iter_mut().for_each(|resource| leave_open(resource, &open, &template.root));
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
fn leave_open(resource: &mut Judged, open: &Checked, root: &Value) {
    // By the place in the text: loops and lists may turn out longer or shorter.
    let mut there: HashMap<Option<usize>, Finding> = HashMap::new();
    for same in open.resources.iter().filter(|other| other.logical_id == resource.logical_id) {
        for finding in findings(same, root, &mut Before::default()) {
            let kept = there.entry(finding.origin.index()).or_insert_with(|| finding.clone());
            if finding.outcome == Outcome::NonCompliant {
                *kept = finding;
            }
        }
    }
    let breaking = resource.assessment.findings.iter_mut().filter(|finding| finding.outcome == Outcome::NonCompliant);
    for finding in breaking {
        let other = there.get(&finding.origin.index());
        if other.is_some_and(|other| other.outcome == Outcome::NonCompliant) {
            continue;
        }
        finding.outcome = Outcome::Undetermined;
        finding.when = other
            .and_then(|other| other.when.clone().or_else(|| wording::by_default(other)))
            .or_else(|| Some(wording::BY_DEFAULT.to_owned()));
    }
}

/// What broke the rule in the template that is deployed: by resource and traffic, each time whether that is
/// certain, whatever the conditions and the parameters that the stack was deployed with.
#[derive(Default)]
struct Before {
    rules: HashMap<String, Vec<bool>>,
    /// The group of each egress rule that is a resource of its own, as written: on another group it is
    /// another rule.
    groups: HashMap<String, Value>,
}

impl Before {
    /// Without a template that can be read, nothing did.
    fn of(text: &str, scope: &Scope, terms: &Terms<'_>) -> Self {
        let Ok(Document { root, .. }) = source::parse(text) else { return Self::default() };
        let mut before = Self::default();
        let mut certain = Self::default();
        certain.add(&root, &Scope { ignore_defaults: true, ..scope.clone() }, terms, &mut |_, when| when.is_none());
        before.add(&root, scope, terms, &mut |key, when| {
            when.is_none() && certain.rules.get_mut(key).and_then(Vec::pop).unwrap_or_default()
        });
        before
    }

    fn add(
        &mut self,
        root: &Value,
        scope: &Scope,
        terms: &Terms<'_>,
        is_certain: &mut dyn FnMut(&str, Option<String>) -> bool,
    ) {
        let checked = check::check(root, scope, terms).ok();
        for resource in checked.map(|checked| checked.resources).unwrap_or_default() {
            let breaking = resource.findings.iter().filter(|located| located.finding.outcome == Outcome::NonCompliant);
            for located in breaking {
                let key = Self::key(&resource.logical_id, &located.finding);
                let certain = is_certain(&key, located.when());
                self.rules.entry(key).or_default().push(certain);
            }
            if let Some(group) = group(root, &resource) {
                self.groups.insert(resource.logical_id, group.clone());
            }
        }
    }

    /// Takes out one that is the same traffic, wherever it was written: whether it is certain.
    fn take(&mut self, resource: &CheckedResource, root: &Value, finding: &Finding) -> Option<bool> {
        let rules = self.rules.get_mut(&Self::key(&resource.logical_id, finding))?;
        if self.groups.get(&resource.logical_id) != group(root, resource) {
            return None;
        }
        rules.pop()
    }

    fn key(logical_id: &str, finding: &Finding) -> String {
        match finding.rule() {
            Some(rule) => {
                format!("{logical_id} {:?}", (&rule.protocol, &rule.from, &rule.to, &rule.destinations))
            }
            None => format!("{logical_id} {:?}", (finding.reason, &finding.subject, &finding.path)),
        }
    }
}

/// The group of an egress rule that is a resource of its own, as written.
fn group<'v>(root: &'v Value, resource: &CheckedResource) -> Option<&'v Value> {
    if resource.resource_type != ResourceType::SecurityGroupEgress {
        return None;
    }
    root.get("Resources")?.get(&resource.logical_id)?.get("Properties")?.get("GroupId")
}

/// The findings of one resource of a template. One is known debt if it stood in the template before, for
/// the same resource; one that holds only under some conditions is certain if the resource breaks the rule
/// under all others too.
fn findings(resource: &CheckedResource, root: &Value, before: &mut Before) -> Vec<Finding> {
    let mut certain = resource.breaks_either_way;
    let mut findings: Vec<Finding> = Vec::with_capacity(resource.findings.len());
    for located in &resource.findings {
        let mut finding = Finding { when: located.when(), ..located.finding.clone() };
        if finding.outcome == Outcome::NonCompliant
            && let Some(stood_there) = before.take(resource, root, &finding)
        {
            // What may have stood there, or not, may or may not be known debt.
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
