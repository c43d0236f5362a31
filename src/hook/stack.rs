//! STACK invocations: what is certain blocks, before anything is created; what is not is named, and left
//! to the RESOURCE target, which judges the same resource with resolved values.
//!
//! CloudFormation does not say with which parameters the stack is deployed. The template is judged with
//! their defaults, and what breaks the rule only with those is not certain. Neither is what a macro may
//! change.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::decision::{Conclusion, Judged, TemplateJudgement};
use super::payload::{self, StackPayload};
use super::request::Request;
use super::subject::context;
use crate::check::{self, CheckedResource, Terms};
use crate::rule::policy::{Context, Date, Policy};
use crate::rule::wording::template as wording;
use crate::rule::{Assessment, Finding, Outcome, Treatment};
use crate::security_group::ResourceType;
use crate::source::{self, Document};
use crate::template::{Macros, Scope};
use crate::value::{Map, Value};

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
    let groups = groups(&template.root);
    let (mut before, mut before_open) = match policy.unchanged_rules {
        // What is created did not stand there, whatever the document says.
        Treatment::Allow if request.action_invocation_point.as_str() != "CREATE_PRE_PROVISION" => {
            Before::of(payload.previous_template.as_str(), &scope, &terms)
        }
        Treatment::Allow | Treatment::Block => Default::default(),
    };
    let macros = Macros::of(&checked.notes);
    let mut resources: Vec<Judged> = checked
        .resources
        .iter()
        .map(|resource| Judged {
            resource_type: resource.resource_type,
            logical_id: resource.logical_id.clone(),
            line: template.span(resource.origin).map(|span| span.line),
            assessment: Assessment {
                judged: resource.judged,
                findings: settled(findings(resource, &groups, &mut before), macros.proviso(&resource.logical_id)),
            },
        })
        .collect();
    let mut without_defaults = breaking(&resources);
    if !without_defaults.is_empty() && has_defaults(&template.root) {
        let open = Scope { ignore_defaults: true, ..scope };
        let mut take = |resource: CheckedResource| {
            if let Some(there) = without_defaults.get_mut(&resource.logical_id) {
                findings(&resource, &groups, &mut before_open).into_iter().for_each(|finding| keep(there, finding));
            }
        };
        check::check_each(&template.root, &open, &terms, &mut take)
            .map_err(|error| wording::unreadable_template(&error.to_string(), None))?;
        resources.iter_mut().for_each(|resource| leave_open(resource, &without_defaults));
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

/// Takes back what breaks the rule only as long as a macro leaves it as it is written.
fn settled(mut findings: Vec<Finding>, proviso: Option<String>) -> Vec<Finding> {
    if let Some(proviso) = proviso {
        for finding in findings.iter_mut().filter(|finding| finding.outcome == Outcome::NonCompliant) {
            finding.outcome = Outcome::Undetermined;
            finding.when.get_or_insert_with(|| proviso.clone());
        }
    }
    findings
}

/// Findings by their place in the text: loops and lists may turn out longer or shorter.
type Found = HashMap<Option<usize>, Finding>;

/// Of two findings at one place, one that breaks the rule.
fn keep(there: &mut Found, finding: Finding) {
    match there.entry(finding.origin.index()) {
        Entry::Occupied(mut kept) if finding.outcome == Outcome::NonCompliant => drop(kept.insert(finding)),
        Entry::Occupied(_) => {}
        Entry::Vacant(place) => drop(place.insert(finding)),
    }
}

/// Room for the findings of each resource that breaks the rule.
fn breaking(resources: &[Judged]) -> HashMap<String, Found> {
    let breaks = |resource: &&Judged| resource.assessment.of(Outcome::NonCompliant).next().is_some();
    resources.iter().filter(breaks).map(|resource| (resource.logical_id.clone(), Found::new())).collect()
}

/// Takes back what breaks the rule only as long as parameters keep their defaults.
fn leave_open(resource: &mut Judged, without_defaults: &HashMap<String, Found>) {
    let there = without_defaults.get(&resource.logical_id);
    let breaking = resource.assessment.findings.iter_mut().filter(|finding| finding.outcome == Outcome::NonCompliant);
    for finding in breaking {
        let other = there.and_then(|there| there.get(&finding.origin.index()));
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
    /// With the parameters' defaults, and whatever the parameters are. Without a template that can be read,
    /// nothing did.
    fn of(text: &str, scope: &Scope, terms: &Terms<'_>) -> (Self, Self) {
        let Ok(Document { root, .. }) = source::parse(text) else { return Default::default() };
        let (mut before, mut open) = (Self::default(), Self::default());
        open.add(&root, &Scope { ignore_defaults: true, ..scope.clone() }, terms, &mut |_, when| when.is_none());
        let mut certain = open.rules.clone();
        before.add(&root, scope, terms, &mut |key, when| {
            when.is_none() && certain.get_mut(key).and_then(Vec::pop).unwrap_or_default()
        });
        for (key, rules) in &before.rules {
            let there = open.rules.entry(key.clone()).or_default();
            there.resize(rules.len().max(there.len()), false);
        }
        (before, open)
    }

    fn add(
        &mut self,
        root: &Value,
        scope: &Scope,
        terms: &Terms<'_>,
        is_certain: &mut dyn FnMut(&str, Option<String>) -> bool,
    ) {
        let Ok(checked) = check::check(root, scope, terms) else { return };
        let macros = Macros::of(&checked.notes);
        let groups = groups(root);
        for resource in checked.resources {
            let is_as_written = macros.proviso(&resource.logical_id).is_none();
            let breaking = resource.findings.iter().filter(|located| located.finding.outcome == Outcome::NonCompliant);
            for located in breaking {
                let key = Self::key(&resource.logical_id, &located.finding);
                let certain = is_as_written && is_certain(&key, located.when());
                self.rules.entry(key).or_default().push(certain);
            }
            if let Some(group) = groups.get(resource.logical_id.as_str()) {
                self.groups.insert(resource.logical_id, (*group).clone());
            }
        }
    }

    /// Takes out one that is the same traffic, wherever it was written: whether it is certain.
    fn take(&mut self, logical_id: &str, groups: &Groups<'_>, finding: &Finding) -> Option<bool> {
        let rules = self.rules.get_mut(&Self::key(logical_id, finding))?;
        if self.groups.get(logical_id) != groups.get(logical_id).copied() {
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

/// The group of each egress rule that is a resource of its own, by its logical id, as written.
type Groups<'v> = HashMap<&'v str, &'v Value>;

fn groups(root: &Value) -> Groups<'_> {
    let resources = root.get("Resources").and_then(Value::as_map).into_iter().flat_map(Map::iter);
    let is_rule =
        |body: &Value| body.get("Type").and_then(Value::as_str) == Some(ResourceType::SecurityGroupEgress.name());
    resources
        .filter(|(_, body)| is_rule(body))
        .filter_map(|(key, body)| Some((key.name.as_str(), body.get("Properties")?.get("GroupId")?)))
        .collect()
}

/// The findings of one resource of a template. One is known debt if it stood in the template before, for
/// the same resource; one that holds only under some conditions is certain if the resource breaks the rule
/// under all others too.
fn findings(resource: &CheckedResource, groups: &Groups<'_>, before: &mut Before) -> Vec<Finding> {
    let mut certain = resource.breaks_either_way;
    let mut findings: Vec<Finding> = Vec::with_capacity(resource.findings.len());
    for located in &resource.findings {
        let mut finding = Finding { when: located.when(), ..located.finding.clone() };
        if finding.outcome == Outcome::NonCompliant
            && let Some(stood_there) = before.take(&resource.logical_id, groups, &finding)
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
