//! The template of a live stack → what the rule says of it.
//!
//! The only place that ties reading stacks to the evaluator and the rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::Origin;
use crate::rule::policy::{Case, Context, Date, Policy, Unchanged};
use crate::rule::{Assessment, Finding, Knowledge, Outcome, wording};
use crate::security_group::{ResourceType, assess, tags};
use crate::source;
use crate::template::{Scope, Template, World};
use crate::value::{Key, Kind, Map, Value};

/// How many findings of a stack are kept one by one.
pub(super) const MAX_FINDINGS: usize = 500;

/// How many notes of a stack are kept.
const MAX_NOTES: usize = 20;

/// What is known of a deployed stack beside its template.
#[derive(Debug, Clone, Default)]
pub(super) struct Deployed {
    /// Names, account, Region, and the values of parameters.
    pub(super) scope: Scope,
    /// Parameters that stand for a value that CloudFormation read from Systems Manager.
    pub(super) resolved: BTreeSet<String>,
    /// Whether the values of parameters could be read. A template's defaults say nothing about a
    /// stack that may have been given others.
    pub(super) parameters_known: bool,
}

/// What the rule says of a stack.
#[derive(Debug, Clone, Default)]
pub(super) struct Judged {
    /// Security groups and standalone egress rules that exist.
    pub(super) resources: usize,
    /// Egress rules that were judged.
    pub(super) rules: usize,
    /// What is to tell, under the first policy.
    pub(super) findings: Vec<Found>,
    /// Findings beyond the kept ones, of either outcome.
    pub(super) more: Counts,
    /// How it looks under each policy.
    pub(super) counts: Vec<Counts>,
    /// What the template leaves open.
    pub(super) notes: Vec<String>,
}

/// How many rules meet which fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) blocked: usize,
    pub(super) undetermined: usize,
    pub(super) exempted: usize,
    pub(super) known_debt: usize,
}

impl Counts {
    const fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::NonCompliant => self.blocked += 1,
            Outcome::Undetermined => self.undetermined += 1,
            Outcome::Exempted => self.exempted += 1,
            Outcome::KnownDebt => self.known_debt += 1,
            Outcome::Note => {}
        }
    }
}

/// One finding of a resource.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) logical_id: String,
    pub(super) resource_type: ResourceType,
    pub(super) finding: Finding,
    /// Under which assumption, if not in any case.
    pub(super) only_if: Option<String>,
}

/// Judges a template under each of the policies, the first of which is told in detail.
///
/// Every rule counts as one that stood there before: what is deployed does, at its next update.
///
/// # Errors
/// When the template cannot be read, in words.
pub(super) fn judge(text: &str, deployed: &Deployed, policies: &[Policy], today: Date) -> Result<Judged, String> {
    let root = source::parse(text).map_err(|error| error.to_string())?.root;
    let root = with_known_parameters(root, deployed);
    let template = Template::new(&root, &deployed.scope).map_err(|error| error.to_string())?;
    let mut judged = Judged { counts: vec![Counts::default(); policies.len()], ..Judged::default() };
    judged.notes.extend(template.notes().iter().take(MAX_NOTES).map(ToString::to_string));
    for resource in template.resources() {
        let Some(resource_type) = ResourceType::from_name(&resource.type_name) else { continue };
        let evaluated = template.evaluate(resource);
        let worlds: Vec<&World<'_>> = evaluated.worlds.iter().filter(|world| world.exists).collect();
        if worlds.is_empty() && evaluated.undetermined.is_none() {
            continue;
        }
        judged.resources += 1;
        if let Some(why) = evaluated.undetermined
            && judged.notes.len() < MAX_NOTES
        {
            judged.notes.push(format!("`{}` could not be looked at in full: {why}", resource.logical_id));
        }
        let always = evaluated.undetermined.is_none() && worlds.len() == evaluated.worlds.len();
        for (position, policy) in policies.iter().enumerate() {
            let assess =
                |world: &World<'_>| under(policy, resource_type, &resource.logical_id, world, &deployed.scope, today);
            let (rules, found) = merged(&worlds, always, assess);
            let mut counts = Counts::default();
            for (finding, only_if) in found {
                counts.add(finding.outcome);
                if position > 0 {
                    continue;
                }
                if judged.findings.len() < MAX_FINDINGS {
                    let logical_id = resource.logical_id.to_string();
                    judged.findings.push(Found { logical_id, resource_type, finding, only_if });
                } else {
                    judged.more.add(finding.outcome);
                }
            }
            if evaluated.undetermined.is_some() {
                counts.add(Outcome::Undetermined);
            }
            if position == 0 {
                judged.rules += rules;
                if evaluated.undetermined.is_some() {
                    judged.more.add(Outcome::Undetermined);
                }
            }
            if let Some(sum) = judged.counts.get_mut(position) {
                sum.blocked += counts.blocked;
                sum.undetermined += counts.undetermined;
                sum.exempted += counts.exempted;
                sum.known_debt += counts.known_debt;
            }
        }
    }
    Ok(judged)
}

/// What a policy says of a resource in one world.
fn under(
    policy: &Policy,
    resource_type: ResourceType,
    logical_id: &str,
    world: &World<'_>,
    scope: &Scope,
    today: Date,
) -> Assessment {
    let tags = tags(resource_type, &world.properties);
    let context = Context {
        account: scope.account.as_deref(),
        region: scope.region.as_deref(),
        stack_name: scope.stack_name.as_deref(),
        stack_id: scope.stack_id.as_deref(),
        logical_id: Some(logical_id),
        resource_type: Some(resource_type.name()),
        tags: tags.as_deref(),
    };
    let assessment = assess(resource_type, &world.properties, &policy.settings(), Knowledge::Partial);
    policy.apply(assessment, &Case { context, unchanged: &Unchanged::Everything, today })
}

/// The findings of all worlds: what breaks the rule in only some of them is undetermined.
fn merged(
    worlds: &[&World<'_>],
    always: bool,
    assess: impl Fn(&World<'_>) -> Assessment,
) -> (usize, Vec<(Finding, Option<String>)>) {
    let mut found: Vec<(Finding, usize, Option<String>)> = Vec::new();
    let mut rules = 0;
    for world in worlds {
        let assessment = assess(world);
        rules = rules.max(assessment.judged);
        for finding in assessment.findings {
            match found.iter_mut().find(|(earlier, _, _)| *earlier == finding) {
                Some((_, times, _)) => *times += 1,
                None => {
                    let assumptions: Vec<_> = world.assumptions.iter().map(ToString::to_string).collect();
                    found.push((finding, 1, (!assumptions.is_empty()).then(|| assumptions.join(" and "))));
                }
            }
        }
    }
    let settled = found.into_iter().map(|(mut finding, times, only_if)| {
        if always && times == worlds.len() {
            return (finding, None);
        }
        if finding.outcome == Outcome::NonCompliant {
            finding.outcome = Outcome::Undetermined;
        }
        (finding, only_if)
    });
    (rules, settled.collect())
}

/// The template with parameters as the stack has them: values read from Systems Manager are plain
/// values, and defaults are gone if nobody knows what was given instead.
fn with_known_parameters(root: Value, deployed: &Deployed) -> Value {
    if deployed.parameters_known && deployed.resolved.is_empty() {
        return root;
    }
    let Kind::Map(sections) = root.kind else { return root };
    let sections = sections.into_entries().map(|(key, section)| match section.kind {
        Kind::Map(parameters) if key.name == "Parameters" => {
            let parameters = parameters.into_entries().map(|(name, declaration)| {
                let declaration = declared(&name.name, declaration, deployed);
                (name, declaration)
            });
            (key, Value::new(Kind::Map(Map::from_unique(parameters.collect())), section.origin))
        }
        kind => (key, Value::new(kind, section.origin)),
    });
    Value::new(Kind::Map(Map::from_unique(sections.collect())), root.origin)
}

fn declared(name: &str, declaration: Value, deployed: &Deployed) -> Value {
    let Kind::Map(mut keys) = declaration.kind else { return declaration };
    if deployed.resolved.contains(name) {
        let is_list = keys.get("Type").and_then(Value::as_str).is_some_and(|name| name.contains("List"));
        let plain = if is_list { "CommaDelimitedList" } else { "String" };
        keys.insert(Key { name: "Type".to_owned(), origin: Origin::NONE }, Kind::String(plain.to_owned()).into());
    }
    if !deployed.parameters_known {
        keys = Map::from_unique(keys.into_entries().filter(|(key, _)| key.name != "Default").collect());
    }
    Value::new(Kind::Map(keys), declaration.origin)
}

impl Found {
    /// What is wrong, under which assumption.
    pub(super) fn statement(&self) -> String {
        let statement = wording::statement(&self.finding);
        match &self.only_if {
            Some(assumption) => format!("{statement}, if {assumption}"),
            None => statement,
        }
    }
}

/// The values of parameters as CloudFormation tells them: a `NoEcho` value comes as `****`.
pub(super) fn known_values(
    parameters: impl Iterator<Item = (String, Option<String>, Option<String>)>,
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let mut values = BTreeMap::new();
    let mut resolved = BTreeSet::new();
    for (name, value, from_systems_manager) in parameters {
        if let Some(value) = from_systems_manager {
            resolved.insert(name.clone());
            values.insert(name, value);
        } else if let Some(value) = value {
            values.insert(name, value);
        }
    }
    (values, resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Preset, Reason};

    const BY_PARAMETER: &str = "
Parameters:
  To: {Type: Number, Default: 443}
  Latest: {Type: AWS::SSM::Parameter::Value<String>, Default: /port}
Resources:
  Sg:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupEgress:
        - {IpProtocol: tcp, FromPort: 443, ToPort: !Ref To, CidrIp: 10.0.0.0/8}
        - {IpProtocol: tcp, FromPort: 443, ToPort: !Ref Latest, CidrIp: 10.0.0.0/8}
";

    fn outcomes(deployed: &Deployed) -> Vec<(Outcome, Reason)> {
        let judged = judge(BY_PARAMETER, deployed, &[Policy::default()], Date::of_unix_seconds(0)).unwrap();
        judged.findings.iter().map(|found| (found.finding.outcome, found.finding.reason)).collect()
    }

    #[test]
    fn deployed_values_decide_and_not_the_defaults() {
        let given = |name: &str, value: &str, resolved: Option<&str>| {
            let parameters = [(name.to_owned(), Some(value.to_owned()), resolved.map(str::to_owned))];
            let (parameters, resolved) = known_values(parameters.into_iter());
            Deployed { scope: Scope { parameters, ..Scope::default() }, resolved, parameters_known: true }
        };
        let undetermined = (Outcome::Undetermined, Reason::UndeterminedValue);
        let range = (Outcome::NonCompliant, Reason::PortRange);
        assert_eq!(outcomes(&given("To", "444", None)), [range, undetermined]);
        assert_eq!(outcomes(&given("Latest", "/port", Some("443"))), []);
        assert_eq!(outcomes(&given("Latest", "/port", Some("80-90"))), [(Outcome::NonCompliant, Reason::InvalidPort)]);
        assert_eq!(outcomes(&Deployed::default()), [undetermined, undetermined], "defaults prove nothing");
    }

    #[test]
    fn what_breaks_the_rule_in_some_worlds_only_is_undetermined() {
        let text = "
Parameters: {Env: {Type: String}}
Conditions: {Prod: !Equals [!Ref Env, prod]}
Resources:
  Sg:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupEgress:
        - !If [Prod, {IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8}, !Ref AWS::NoValue]
        - {IpProtocol: '-1', CidrIp: 0.0.0.0/0}
";
        let deployed = Deployed::default();
        let policies = [Policy::default(), Policy::from(Preset::Effective)];
        let judged = judge(text, &deployed, &policies, Date::of_unix_seconds(0)).unwrap();
        let told: Vec<_> = judged.findings.iter().map(|found| (found.finding.outcome, found.only_if.clone())).collect();
        assert!(told.contains(&(Outcome::Undetermined, Some("`Prod` is true".to_owned()))), "{told:?}");
        assert_eq!((judged.resources, judged.rules), (1, 2));
    }

    #[test]
    fn what_is_no_template_says_so() {
        assert!(judge("[]", &Deployed::default(), &[], Date::of_unix_seconds(0)).unwrap_err().contains("object"));
        assert!(judge("{", &Deployed::default(), &[], Date::of_unix_seconds(0)).is_err());
    }
}
