//! Everything the rule says of one template: each resource that carries egress rules, in every world
//! that its undecided conditions allow.
//!
//! The command line, the hook's STACK target and the scan of live stacks meet here. Knows no text, no
//! file and no hook.

mod literal;
mod place;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

pub use place::{Part, Place};

use crate::path::Origin;
use crate::rule::policy::{Case, Context, Date, Policy, Unchanged};
use crate::rule::{Assessment, Finding, Knowledge, Outcome, Reason, Settings, Unknown, Verdict, wording};
use crate::security_group::{EGRESS, ResourceType, assess, tags};
use crate::template::{Evaluated, Note, Occurrence, Resource, Scope, Template, TemplateError, Undetermined, World};
use crate::value::{Key, Kind, Value};

/// What the rule says of one template.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Its resources that carry egress rules, in the order written.
    pub resources: Vec<CheckedResource>,
    /// What cannot be judged from this template alone.
    pub notes: Vec<Note>,
}

/// What the rule says of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedResource {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    pub resource_type: ResourceType,
    /// Where its logical id was written.
    pub origin: Origin,
    /// Whether it is created in any of the worlds that were looked at.
    pub exists: bool,
    /// How many egress rules were judged, compliant ones included; of several worlds, the most.
    pub judged: usize,
    /// What is to tell.
    pub findings: Vec<Located>,
    /// Whether those of its findings that hold only under some conditions leave no way to keep the rule:
    /// however the conditions turn out, it breaks the rule in one way or another.
    pub breaks_either_way: bool,
    /// Why it could not be judged in all of its worlds, if so.
    pub undetermined: Option<Undetermined>,
}

/// A finding, under which conditions it is one, and what to point at.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The finding.
    pub finding: Finding,
    /// Under which undecided conditions.
    pub occurrence: Occurrence,
    /// The values to point at.
    pub place: Place,
}

impl Located {
    /// Under which conditions it is a finding, if not always: `if IsProd is true`.
    #[must_use]
    pub fn when(&self) -> Option<String> {
        let (start, assumptions) = match &self.occurrence {
            Occurrence::Always => return None,
            Occurrence::Under(assumptions) => ("if", assumptions),
            Occurrence::Sometimes(assumptions) => ("for example if", assumptions),
        };
        if assumptions.is_empty() {
            return Some("in the cases that were looked at".to_owned());
        }
        let assumptions: Vec<_> = assumptions.iter().map(ToString::to_string).collect();
        Some(format!("{start} {}", assumptions.join(" and ")))
    }
}

impl Checked {
    /// The verdict on the template: non-compliant if any resource is under any condition.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.resources.iter().map(CheckedResource::verdict).max().unwrap_or(Verdict::Compliant)
    }
}

impl CheckedResource {
    /// What a finding of the resource means as far as the template tells: what breaks the rule under some
    /// conditions only is undetermined, unless the resource breaks it under all others too.
    #[must_use]
    pub fn settled(&self, located: &Located) -> Outcome {
        match located.finding.outcome {
            Outcome::NonCompliant if located.occurrence != Occurrence::Always && !self.breaks_either_way => {
                Outcome::Undetermined
            }
            outcome => outcome,
        }
    }

    /// The verdict on the resource.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let worst = self.findings.iter().map(|located| located.finding.outcome.verdict());
        let open = self.undetermined.map(|_| Verdict::Undetermined);
        worst.chain(open).max().unwrap_or(Verdict::Compliant)
    }
}

/// By which policy a template is judged, and where it is deployed as far as that is known.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Account, Region and stack; what is about a resource is filled in for each.
    pub context: Context<'a>,
    /// What stood there before. The hook's STACK target compares two templates itself.
    pub unchanged: &'a Unchanged,
    /// The day of the decision, UTC.
    pub today: Date,
}

impl<'a> Terms<'a> {
    /// The terms of a policy alone: nothing is known of the place.
    #[must_use]
    pub fn of(policy: &'a Policy, today: Date) -> Self {
        Self { policy, context: Context::default(), unchanged: &Unchanged::Nothing, today }
    }

    /// What the policy makes of an assessment.
    fn apply(
        &self,
        assessment: Assessment,
        resource_type: ResourceType,
        logical_id: &str,
        properties: &Value,
    ) -> Assessment {
        if self.policy.exemptions.is_empty() && *self.unchanged == Unchanged::Nothing {
            return assessment;
        }
        let tags = tags(resource_type, properties);
        let context = Context {
            logical_id: Some(logical_id),
            resource_type: Some(resource_type.name()),
            tags: tags.as_deref(),
            ..self.context
        };
        self.policy.apply(assessment, &Case { context, unchanged: self.unchanged, today: self.today })
    }
}

/// How many egress rules of one template are judged in more than the first of their worlds, each world
/// counted: the work that undecided conditions multiply.
pub const MAX_JUDGED: usize = 250_000;

/// Checks a template that was read.
///
/// # Errors
/// When the value is no template, or one that takes too much work.
pub fn check(root: &Value, scope: &Scope, terms: &Terms<'_>) -> Result<Checked, TemplateError> {
    let mut resources = Vec::new();
    let notes = check_each(root, scope, terms, &mut |resource| resources.push(resource))?;
    Ok(Checked { resources, notes })
}

/// Like [`check`], handing over each resource when it is checked, in the order written; what cannot be
/// judged comes at the end.
///
/// # Errors
/// The same, before any resource.
pub fn check_each(
    root: &Value,
    scope: &Scope,
    terms: &Terms<'_>,
    take: &mut dyn FnMut(CheckedResource),
) -> Result<Vec<Note>, TemplateError> {
    let template = Template::new(root, scope)?;
    let settings = terms.policy.settings();
    let mut left = MAX_JUDGED;
    for resource in template.resources() {
        if let Some(resource_type) = ResourceType::from_name(&resource.type_name) {
            take(check_resource(&template, resource, resource_type, &settings, terms, &mut left));
        }
    }
    Ok(template.notes().to_vec())
}

fn check_resource(
    template: &Template<'_>,
    resource: &Resource<'_>,
    resource_type: ResourceType,
    settings: &Settings,
    terms: &Terms<'_>,
    left: &mut usize,
) -> CheckedResource {
    let looked_at = properties_of(resource_type);
    let mut evaluated = if terms.policy.looks_at_tags() {
        template.evaluate_only(resource, &[looked_at, &["Tags"]].concat())
    } else {
        template.evaluate_only(resource, looked_at)
    };
    let mut gathered = Gathered::default();
    let mut judged = 0;
    let several = evaluated.worlds.len() > 1;
    for (index, world) in evaluated.worlds.iter().enumerate().filter(|(_, world)| world.exists) {
        if index > 0 && *left == 0 {
            evaluated.worlds.truncate(index);
            evaluated.undetermined = Some(Undetermined::TooManyWorlds);
            break;
        }
        let properties = known_properties(resource_type, world);
        let assessment = assess(resource_type, &properties, settings, Knowledge::Partial);
        judged = judged.max(assessment.judged);
        *left = left.saturating_sub(assessment.judged);
        let assessment = terms.apply(assessment, resource_type, &resource.logical_id, &properties);
        gathered.add(index, assessment, &properties, resource.origin, several);
    }
    let breaks_either_way = gathered.breaks_either_way(&evaluated);
    let mut findings = gathered.merged(&evaluated);
    // Not looked at in every case: what rests on nothing is certain all the same.
    if evaluated.undetermined.is_some()
        && !terms.policy.looks_at_tags()
        && let Some(literal) = literal::properties(resource_type, resource.body())
    {
        let assessment = assess(resource_type, &literal, settings, Knowledge::Partial);
        judged = judged.max(assessment.judged);
        let assessment = terms.apply(assessment, resource_type, &resource.logical_id, &literal);
        literal::settle(&mut findings, &assessment, &literal, resource.origin);
    }
    CheckedResource {
        logical_id: resource.logical_id.clone().into_owned(),
        resource_type,
        origin: resource.origin,
        exists: evaluated.worlds.iter().any(|world| world.exists),
        judged,
        breaks_either_way,
        findings,
        undetermined: evaluated.undetermined,
    }
}

/// The properties that the rule looks at.
const fn properties_of(resource_type: ResourceType) -> &'static [&'static str] {
    match resource_type {
        ResourceType::SecurityGroup => &[EGRESS],
        ResourceType::SecurityGroupEgress => &[
            "IpProtocol",
            "FromPort",
            "ToPort",
            "CidrIp",
            "CidrIpv6",
            "DestinationPrefixListId",
            "DestinationSecurityGroupId",
        ],
    }
}

/// The properties of a world. Where a transform or a loop may add some, those that the rule looks at and that
/// are missing are not known to be missing.
pub fn known_properties<'w>(resource_type: ResourceType, world: &'w World<'_>) -> Cow<'w, Value> {
    let Some((map, function)) = world.properties.as_map().zip(world.open) else {
        return Cow::Borrowed(world.properties.as_ref());
    };
    let origin = world.properties.origin;
    let why = match function {
        "Fn::ForEach" => "a loop may add it when the stack is deployed",
        _ => "a transform may add it when the stack is deployed",
    };
    let mut opened = map.clone();
    // A destination that is missing changes nothing: of those that may be there, only one is.
    for key in properties_of(resource_type).iter().take(3).filter(|key| map.get(key).is_none()) {
        let unknown = Unknown::new(None, function, why);
        opened.push_unique(Key { name: (*key).to_owned(), origin }, Value::new(Kind::Unknown(unknown), origin));
    }
    Cow::Owned(Value::new(Kind::Map(opened), origin))
}

/// What makes findings of several worlds the same one: what is said of which values, and what the
/// policy makes of it, since the tags that an exemption asks for may differ. Its number tells apart
/// what a loop or an alias repeats within one world.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Identity {
    reason: Reason,
    outcome: Outcome,
    origins: [Option<usize>; 3],
    statement: String,
    number: usize,
}

impl Identity {
    fn of(finding: &Finding) -> Self {
        let ports = finding.rule().map(|rule| rule.origins).unwrap_or_default();
        Self {
            reason: finding.reason,
            outcome: finding.outcome,
            origins: [finding.origin, ports.from, ports.to].map(Origin::index),
            statement: wording::statement(finding),
            number: 0,
        }
    }
}

/// Findings of all worlds, equal ones once.
#[derive(Debug, Default)]
struct Gathered {
    /// Each with the worlds it was found in; of a resource that has only one, without.
    findings: Vec<(Located, Vec<usize>)>,
    known: HashMap<Identity, usize>,
}

impl Gathered {
    fn add(
        &mut self,
        world: usize,
        assessment: Assessment,
        properties: &Value,
        resource: Origin,
        several_worlds: bool,
    ) {
        for finding in assessment.findings {
            if several_worlds {
                let mut identity = Identity::of(&finding);
                let mut known = self.known.get(&identity).copied();
                // Found in this world already: the same again is another finding.
                while let Some((_, worlds)) = known.and_then(|index| self.findings.get(index))
                    && worlds.last() == Some(&world)
                {
                    identity.number += 1;
                    known = self.known.get(&identity).copied();
                }
                if let Some((_, worlds)) = known.and_then(|index| self.findings.get_mut(index)) {
                    worlds.push(world);
                    continue;
                }
                self.known.insert(identity, self.findings.len());
            }
            let place = Place::of(&finding, properties, resource);
            let worlds = if several_worlds { vec![world] } else { Vec::new() };
            self.findings.push((Located { finding, occurrence: Occurrence::Always, place }, worlds));
        }
    }

    /// Whether the findings that are not in all worlds are in each of them all the same, taken together.
    fn breaks_either_way(&self, evaluated: &Evaluated<'_>) -> bool {
        let all = evaluated.worlds.len();
        if all <= 1 {
            return false;
        }
        let conditional = self
            .findings
            .iter()
            .filter(|(located, worlds)| worlds.len() < all && located.finding.outcome == Outcome::NonCompliant);
        let worlds: HashSet<usize> = conditional.flat_map(|(_, worlds)| worlds).copied().collect();
        worlds.len() == all && evaluated.undetermined.is_none()
    }

    fn merged(self, evaluated: &Evaluated<'_>) -> Vec<Located> {
        if evaluated.worlds.len() <= 1 {
            let occurrence = evaluated.occurrence(&[0]).unwrap_or(Occurrence::Always);
            let located = |located| Located { occurrence: occurrence.clone(), ..located };
            return self.findings.into_iter().map(|(finding, _)| located(finding)).collect();
        }
        let mut known: HashMap<Vec<usize>, Occurrence> = HashMap::new();
        let mut findings: Vec<Located> = self
            .findings
            .into_iter()
            .map(|(mut located, worlds)| {
                let occurrence = known
                    .entry(worlds)
                    .or_insert_with_key(|worlds| evaluated.occurrence(worlds).unwrap_or(Occurrence::Always));
                located.occurrence = occurrence.clone();
                located
            })
            .collect();
        findings.sort_by_key(|located| located.place.primary.index());
        findings
    }
}

#[cfg(test)]
mod tests;
