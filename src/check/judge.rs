//! The only code path from a resource to its assessment under the policy. Templates, change sets, and events all use
//! it; no other code calls the evaluator and then the rule.

use std::collections::HashSet;

use super::context::CheckContext;
use super::properties::{known_properties, properties_of};
use crate::rule::policy::{Context, Policy, ResourceContext, UnchangedRules};
use crate::rule::{Assessment, DecidedBy, ExplainedRule, Knowledge, Reason};
use crate::security_group::{ResourceType, assess, explain, tags};
use crate::template::{EvaluatedResource, Resource, Template, Undetermined, World};
use crate::value::{Kind, Value};

/// Returns the assessment of properties under a policy.
#[must_use]
pub fn judge_properties(
    resource_type: ResourceType,
    properties: &Value,
    knowledge: Knowledge,
    policy: &Policy,
    case: &ResourceContext<'_>,
) -> Assessment {
    let assessment = assess(resource_type, properties, &policy.settings(), knowledge);
    if policy.exemptions.is_empty() && policy.contact.is_none() && *case.unchanged == UnchangedRules::Nothing {
        return assessment;
    }
    policy.apply(assessment, case)
}

/// A resource in each of its worlds, with its assessment there under the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedResource<'t> {
    /// The resource in each world, with all of its properties computed.
    pub evaluated: EvaluatedResource<'t>,
    /// The assessment in each of those worlds, by index. It is empty where the resource is not created.
    pub assessments: Vec<Assessment>,
}

/// Judges a resource with all of its properties in each of its worlds. A resource without egress rules has no findings.
#[must_use]
pub fn judge_resource<'t>(
    template: &'t Template<'_>,
    resource: &'t Resource<'_>,
    terms: &CheckContext<'_>,
) -> JudgedResource<'t> {
    let mut evaluated = template.evaluate(resource);
    let mut assessments = vec![Assessment::default(); evaluated.worlds.len()];
    if let Some(resource_type) = ResourceType::from_name(&resource.type_name) {
        let path = ResourceCheck { template, resource, resource_type, terms, rules_apart: &rules_apart(template) };
        path.each_world(&mut evaluated, &mut MAX_JUDGED.clone(), |index, _, assessment, _| {
            if let Some(judged) = assessments.get_mut(index) {
                *judged = assessment;
            }
        });
    }
    JudgedResource { evaluated, assessments }
}

/// The maximum number of egress rules of one template that are judged beyond the first world of each resource, counted
/// in each world. Undecided conditions multiply this work.
pub(crate) const MAX_JUDGED: usize = 250_000;

/// A resource and everything needed to assess it.
#[derive(Clone, Copy)]
pub(super) struct ResourceCheck<'p, 'a> {
    pub(super) template: &'p Template<'a>,
    pub(super) resource: &'p Resource<'a>,
    pub(super) resource_type: ResourceType,
    pub(super) terms: &'p CheckContext<'p>,
    /// The groups whose egress rules are separate resources of the same template.
    pub(super) rules_apart: &'p HashSet<String>,
}

impl<'p, 'a> ResourceCheck<'p, 'a> {
    /// Evaluates the resource in each world with these values of parameters. Only the properties that the rule and the
    /// policy use are computed.
    pub(super) fn evaluate(&self, given: &[(&str, &str)]) -> EvaluatedResource<'p> {
        let looked_at = properties_of(self.resource_type);
        if self.terms.policy.looks_at_tags() {
            self.template.evaluate_given(self.resource, &[looked_at, &["Tags"]].concat(), given)
        } else {
            self.template.evaluate_given(self.resource, looked_at, given)
        }
    }

    /// Judges each world in which the resource is created. Worlds that exceed the remaining work are dropped, and the
    /// resource becomes undetermined.
    pub(super) fn each_world(
        &self,
        evaluated: &mut EvaluatedResource<'_>,
        left: &mut usize,
        mut take: impl FnMut(usize, &World<'_>, Assessment, &Value),
    ) {
        let mut judged_in_full = evaluated.worlds.len();
        for (index, world) in evaluated.worlds.iter().enumerate().filter(|(_, world)| world.exists) {
            if index > 0 && *left == 0 {
                judged_in_full = index;
                break;
            }
            let properties = known_properties(self.resource_type, world);
            let assessment = self.assess(&properties);
            *left = left.saturating_sub(assessment.judged);
            take(index, world, assessment, &properties);
        }
        if judged_in_full < evaluated.worlds.len() {
            evaluated.worlds.truncate(judged_in_full);
            evaluated.undetermined = Some(Undetermined::TooManyWorlds);
        }
    }

    /// Returns the assessment of properties of the resource under the policy.
    pub(super) fn assess(&self, properties: &Value) -> Assessment {
        let policy = self.terms.policy;
        let mut assessment = self.with_case(properties, |case| {
            judge_properties(self.resource_type, properties, Knowledge::Partial, policy, case)
        });
        if self.has_rules_apart() {
            assessment.findings.retain(|finding| finding.reason != Reason::DefaultEgress);
        }
        assessment
    }

    /// Returns the explanation for each egress rule in a world.
    pub(super) fn explain(&self, world: &World<'_>) -> Vec<ExplainedRule> {
        let properties = known_properties(self.resource_type, world);
        let mut explained = self.with_case(&properties, |case| {
            explain(self.resource_type, &properties, Knowledge::Partial, self.terms.policy, case)
        });
        if self.has_rules_apart() {
            let is_default = |decided: &DecidedBy| matches!(decided, DecidedBy::Finding(finding) if finding.reason == Reason::DefaultEgress);
            explained.retain(|one| !is_default(&one.decided));
        }
        explained
    }

    /// Returns whether the resource is a group whose egress rules are separate resources of the same template.
    fn has_rules_apart(&self) -> bool {
        self.rules_apart.contains(&*self.resource.logical_id)
    }

    fn with_case<T>(&self, properties: &Value, then: impl FnOnce(&ResourceContext<'_>) -> T) -> T {
        let terms = self.terms;
        let tags = if terms.policy.exemptions.is_empty() { None } else { tags(self.resource_type, properties) };
        let context = Context {
            logical_id: Some(&self.resource.logical_id),
            resource_type: Some(self.resource_type.name()),
            tags: tags.as_deref(),
            ..terms.context
        };
        then(&ResourceContext { context, unchanged: terms.unchanged, today: terms.today })
    }
}

/// Returns the groups with an egress rule that is a separate resource of the template and exists whenever the group
/// does. EC2's default rule is removed from these groups (source: `AWS::EC2::SecurityGroupEgress`, "when you use this
/// resource, the default rule is removed").
pub(super) fn rules_apart(template: &Template<'_>) -> HashSet<String> {
    let is_rule = |resource: &&Resource<'_>| resource.type_name == ResourceType::SecurityGroupEgress.name();
    let condition = |body: &Value| body.get("Condition").and_then(Value::as_str).map(str::to_owned);
    template
        .resources()
        .filter(is_rule)
        .filter_map(|rule| {
            let group = template.resource(&group_of(template, rule)?)?;
            let own = condition(rule.body());
            (own.is_none() || own == condition(group.body())).then(|| group.logical_id.to_string())
        })
        .collect()
}

/// Returns the logical id of a standalone egress rule's group, if its `GroupId` refers to one of the template in every
/// world.
pub(super) fn group_of(template: &Template<'_>, rule: &Resource<'_>) -> Option<String> {
    let written = rule.body().get("Properties")?.get("GroupId")?;
    let (function, argument) = written.as_map()?.single()?;
    let is_id = |attribute: &str| matches!(attribute, "GroupId" | "Id");
    match (function.name.as_str(), &argument.kind) {
        ("Ref", Kind::String(name)) => return Some(name.clone()),
        ("Fn::GetAtt", Kind::String(path)) => {
            return path.split_once('.').filter(|(_, attribute)| is_id(attribute)).map(|(group, _)| group.to_owned());
        }
        ("Fn::GetAtt", Kind::List(list)) => {
            let [group, attribute] = list.as_slice() else { return None };
            return attribute.as_str().filter(|name| is_id(name)).and(group.as_str()).map(str::to_owned);
        }
        _ => {}
    }
    let evaluated = template.evaluate_only(rule, &["GroupId"]);
    let mut groups = evaluated.worlds.iter().filter(|world| world.exists).map(|world| {
        let Kind::Unknown(group) = &world.properties.get("GroupId")?.kind else { return None };
        let identity = group.identity.as_deref()?;
        let attribute = || identity.strip_prefix("!GetAtt ")?.split_once('.').filter(|(_, attribute)| is_id(attribute));
        identity.strip_prefix("!Ref ").or_else(|| Some(attribute()?.0)).map(str::to_owned)
    });
    let first = groups.next()??;
    let is_same = groups.all(|group| group.as_ref() == Some(&first));
    (is_same && evaluated.undetermined.is_none()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::policy::{Date, Policy};
    use crate::template::Scope;

    #[test]
    fn the_first_case_is_always_judged_and_the_others_while_there_is_work_left() {
        let text = "Parameters: {Env: {Type: String}}\nConditions: {Prod: !Equals [!Ref Env, prod]}\nResources: {Rule: {Type: \
                    AWS::EC2::SecurityGroupEgress, Properties: {IpProtocol: tcp, FromPort: 1, ToPort: !If [Prod, 1, 2]}}}";
        let root = crate::source::parse(text).unwrap().root;
        let scope = Scope::default();
        let template = Template::new(&root, &scope).unwrap();
        let policy = Policy::default();
        let path = ResourceCheck {
            template: &template,
            resource: template.resource("Rule").unwrap(),
            resource_type: ResourceType::SecurityGroupEgress,
            terms: &CheckContext::of(&policy, Date::of_unix_seconds(0)),
            rules_apart: &HashSet::new(),
        };
        for (work, judged, undetermined, remaining) in [
            (0, vec![0], Some(Undetermined::TooManyWorlds), 0),
            (1, vec![0], Some(Undetermined::TooManyWorlds), 0),
            (2, vec![0, 1], None, 0),
            (5, vec![0, 1], None, 3),
        ] {
            let (mut evaluated, mut left, mut taken) = (path.evaluate(&[]), work, Vec::new());
            path.each_world(&mut evaluated, &mut left, |index, _, _, _| taken.push(index));
            assert_eq!((&taken, evaluated.undetermined, left), (&judged, undetermined, remaining), "{work}");
            assert_eq!(evaluated.worlds.len(), judged.len(), "{work}");
        }
    }
}
