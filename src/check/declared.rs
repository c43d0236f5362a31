//! The egress rules that a template declares for each group, to compare them with a live group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::judge::group_of;
use super::properties::{known_properties, properties_of};
use crate::rule::{Knowledge, Outcome, Unknown};
use crate::security_group::{EgressEntry, ResourceType, Traffic, entries};
use crate::template::{EvaluatedResource, Resource, Scope, Template, TemplateError, World};
use crate::value::Value;

/// The egress rules that one resource of a template declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Declared {
    /// The group with these rules.
    pub group: DeclaredGroup,
    /// The egress rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<DeclaredRule>,
    /// Whether there may be other rules, because parts of the resource are unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// Whether the group states no egress rule, so that EC2 adds its default rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
}

/// The group of an egress rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DeclaredGroup {
    /// A resource of the same template, by its logical id.
    LogicalId(String),
    /// An existing group outside of the template, by its id.
    GroupId(String),
    /// A group that only CloudFormation knows.
    Unknown,
}

/// An egress rule that a template declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeclaredRule {
    /// The traffic that the rule opens.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Whether the rule exists regardless of any unknown value.
    pub certain: bool,
}

/// Returns the egress rules that a template declares, by resource.
///
/// # Errors
/// Fails if the value is not a template or takes too much work.
pub fn declared(root: &Value, scope: &Scope) -> Result<Vec<Declared>, TemplateError> {
    let template = Template::new(root, scope)?;
    let of = |resource: &Resource<'_>| {
        let resource_type = ResourceType::from_name(&resource.type_name)?;
        let looked_at = [properties_of(resource_type), &["GroupId"]].concat();
        let evaluated = template.evaluate_given(resource, &looked_at, &[]);
        let is_made = evaluated.undetermined.is_some() || evaluated.worlds.iter().any(|world| world.exists);
        is_made.then(|| of_resource(&template, resource, resource_type, &evaluated))
    };
    Ok(template.resources().filter_map(of).collect())
}

fn of_resource(
    template: &Template<'_>,
    resource: &Resource<'_>,
    resource_type: ResourceType,
    evaluated: &EvaluatedResource<'_>,
) -> Declared {
    let group = match resource_type {
        ResourceType::SecurityGroup => DeclaredGroup::LogicalId(resource.logical_id.to_string()),
        ResourceType::SecurityGroupEgress => group(template, resource, evaluated),
    };
    let mut open = evaluated.undetermined.is_some();
    let mut default = false;
    let mut worlds: BTreeMap<Traffic, usize> = BTreeMap::new();
    for world in evaluated.worlds.iter().filter(|world| world.exists) {
        let properties = known_properties(resource_type, world);
        let found = entries(resource_type, &properties, Knowledge::Partial);
        open |= world.open.is_some();
        default |= found.is_empty();
        let mut rules: Vec<Traffic> = Vec::with_capacity(found.len());
        for entry in found {
            match entry {
                EgressEntry::Rule(rule) => rules.extend(Traffic::of(&rule)),
                EgressEntry::NoRule(finding) => open |= finding.outcome == Outcome::Undetermined,
            }
        }
        rules.sort_unstable();
        rules.dedup();
        rules.into_iter().for_each(|rule| *worlds.entry(rule).or_default() += 1);
    }
    let is_whole = evaluated.undetermined.is_none();
    let rules = worlds.into_iter().map(|(traffic, seen)| DeclaredRule {
        certain: is_whole && seen == evaluated.worlds.len() && traffic.is_known(),
        traffic,
    });
    Declared { group, rules: rules.collect(), open, default }
}

/// Returns the group of a standalone egress rule.
fn group(template: &Template<'_>, resource: &Resource<'_>, evaluated: &EvaluatedResource<'_>) -> DeclaredGroup {
    if let Some(group) = group_of(template, resource).and_then(|name| template.resource(&name)) {
        return DeclaredGroup::LogicalId(group.logical_id.to_string());
    }
    let id = |world: &World<'_>| {
        let id = world.properties.get("GroupId")?.as_str()?.to_owned();
        Unknown::of_text(&id).is_none().then_some(id)
    };
    let mut ids = evaluated.worlds.iter().filter(|world| world.exists).map(id);
    match ids.next().flatten() {
        Some(first) if ids.all(|id| id.as_ref() == Some(&first)) => DeclaredGroup::GroupId(first),
        _ => DeclaredGroup::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> Vec<String> {
        let root = crate::source::parse(text).unwrap().root;
        let declared = declared(&root, &Scope::default()).unwrap();
        let rules = |one: &Declared| {
            let rule =
                |rule: &DeclaredRule| format!("{}{}", rule.traffic, if rule.certain { "" } else { " (perhaps)" });
            one.rules.iter().map(rule).collect::<Vec<_>>().join(", ")
        };
        let one = |one: &Declared| {
            let open = if one.open { " and more" } else { "" };
            let default = if one.default { " default" } else { "" };
            format!("{:?}: {}{open}{default}", one.group, rules(one))
        };
        declared.iter().map(one).collect()
    }

    const RULE: &str = "IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8";

    #[test]
    fn rules_of_a_group_and_rules_apart_are_reported_with_their_group() {
        let text = format!(
            "Parameters: {{Other: {{Type: String, Default: sg-12345678}}, To: {{Type: Number}}}}\nResources:\n  \
             A: {{Type: AWS::EC2::SecurityGroup, Properties: {{SecurityGroupEgress: [{{{RULE}}}]}}}}\n  \
             B: {{Type: AWS::EC2::SecurityGroup}}\n  \
             C: {{Type: AWS::EC2::SecurityGroupEgress, Properties: {{GroupId: !GetAtt B.GroupId, {RULE}}}}}\n  \
             D: {{Type: AWS::EC2::SecurityGroupEgress, Properties: {{GroupId: !Ref Other, {RULE}}}}}\n  \
             E: {{Type: AWS::EC2::SecurityGroupEgress, Properties: {{GroupId: !ImportValue x, IpProtocol: tcp, FromPort: \
             !Ref To, ToPort: !Ref To, CidrIp: 10.0.0.0/8}}}}\n"
        );
        assert_eq!(
            described(&text),
            [
                "LogicalId(\"A\"): tcp 443 to 10.0.0.0/8",
                "LogicalId(\"B\"):  default",
                "LogicalId(\"B\"): tcp 443 to 10.0.0.0/8",
                "GroupId(\"sg-12345678\"): tcp 443 to 10.0.0.0/8",
                "Unknown: IpProtocol tcp to 10.0.0.0/8 (perhaps)",
            ]
        );
    }

    #[test]
    fn what_rests_on_a_condition_is_not_certain() {
        let text = format!(
            "Parameters: {{Env: {{Type: String}}}}\nConditions: {{Prod: !Equals [!Ref Env, prod]}}\nResources:\n  \
             A: {{Type: AWS::EC2::SecurityGroup, Properties: {{SecurityGroupEgress: [{{{RULE}}}, !If [Prod, {{IpProtocol: \
             '-1', CidrIp: 0.0.0.0/0}}, !Ref AWS::NoValue]]}}}}\n  \
             B: {{Type: AWS::EC2::SecurityGroup, Properties: {{SecurityGroupEgress: !Split [x, !ImportValue y]}}}}\n  \
             C: {{Type: AWS::EC2::SecurityGroup, Condition: Prod, Properties: {{SecurityGroupEgress: [{{{RULE}}}]}}}}\n"
        );
        let described = described(&text);
        assert_eq!(
            described[0], "LogicalId(\"A\"): IpProtocol -1 to 0.0.0.0/0 (perhaps), tcp 443 to 10.0.0.0/8",
            "{described:?}"
        );
        assert_eq!(described[1], "LogicalId(\"B\"):  and more");
        assert_eq!(described[2], "LogicalId(\"C\"): tcp 443 to 10.0.0.0/8 (perhaps)");
    }

    #[test]
    fn a_standalone_rule_belongs_to_a_group_only_if_every_case_names_it() {
        let rule = |group: &str| {
            described(&format!(
                "Parameters: {{Env: {{Type: String}}}}\nConditions: {{Prod: !Equals [!Ref Env, prod]}}\nResources:\n  \
                 A: {{Type: AWS::EC2::SecurityGroupEgress, Properties: {{GroupId: {group}, {RULE}}}}}\n"
            ))
        };
        assert_eq!(rule("!If [Prod, sg-1, sg-2]"), ["Unknown: tcp 443 to 10.0.0.0/8"]);
        assert_eq!(rule("!If [Prod, sg-1, sg-1]"), ["GroupId(\"sg-1\"): tcp 443 to 10.0.0.0/8"]);
    }

    #[test]
    fn a_transform_in_a_group_may_add_rules() {
        let text = format!(
            "Resources: {{A: {{Type: AWS::EC2::SecurityGroup, Properties: {{SecurityGroupEgress: [{{{RULE}}}], Fn::Transform: \
             {{Name: Mine}}}}}}}}"
        );
        assert_eq!(described(&text), ["LogicalId(\"A\"): tcp 443 to 10.0.0.0/8 and more"]);
    }
}
