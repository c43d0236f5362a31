//! Judges the template of a live stack.
//!
//! Like the command of that name and the hook's STACK target, it calls [`check`]; this module adds what is known about
//! a deployed stack beyond its template.

use std::collections::BTreeSet;

use super::record::{OutcomeCounts, RuleRecord};
use cfn_egress_guard_core::check::{CheckContext, CheckedResource, CheckedTemplate, Declared, check, declared};
use cfn_egress_guard_core::path::Origin;
use cfn_egress_guard_core::rule::policy::{Context, Date, Policy, UnchangedRules};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Scope;
use cfn_egress_guard_core::value::{Key, Kind, Map, Value};

/// The maximum number of findings of a stack that are kept individually.
pub(super) const MAX_FINDINGS: usize = 500;

/// The maximum number of notes kept for a stack.
const MAX_NOTES: usize = 20;

/// The known facts about a deployed stack beyond its template.
#[derive(Debug, Clone, Default)]
pub(super) struct DeployedScope {
    /// The names, the account, the Region, and the values of parameters. If the values are unknown, defaults are
    /// ignored, because the stack may have been given other values.
    pub(super) scope: Scope,
    /// Parameters with a value that CloudFormation read from Systems Manager.
    pub(super) resolved: BTreeSet<String>,
}

/// The verdict on a stack.
#[derive(Debug, Clone, Default)]
pub(super) struct StackAssessment {
    /// The number of existing security groups and standalone egress rules.
    pub(super) resources: usize,
    /// The number of judged egress rules.
    pub(super) rules: usize,
    /// The findings under the policy.
    pub(super) findings: Vec<RuleRecord>,
    /// The counts of further findings.
    pub(super) more: OutcomeCounts,
    /// The counts under each of the other policies.
    pub(super) otherwise: Vec<OutcomeCounts>,
    /// The parts that the template leaves open.
    pub(super) notes: Vec<String>,
}

/// The template of a deployed stack, parsed once for everything that is asked about it.
#[derive(Debug)]
pub(super) struct DeployedTemplate {
    root: Value,
    scope: Scope,
}

impl DeployedTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// When the template cannot be read; the error is a message.
    pub(super) fn parse(text: &str, deployed: DeployedScope) -> Result<Self, String> {
        let root = source::parse(text).map_err(|error| error.to_string())?.root;
        let DeployedScope { scope, resolved } = deployed;
        Ok(Self { root: with_resolved_parameters(root, &resolved), scope })
    }

    /// Judges the template under a policy in detail, and under other policies in numbers.
    ///
    /// Every rule counts as unchanged: a deployed rule is, at the next update.
    ///
    /// # Errors
    /// When the value is not a template; the error is a message.
    pub(super) fn judge(&self, policy: &Policy, others: &[Policy], today: Date) -> Result<StackAssessment, String> {
        let Self { root, scope } = self;
        let context = Context {
            account: scope.account.as_deref(),
            region: scope.region.as_deref(),
            stack_name: scope.stack_name.as_deref(),
            stack_id: scope.stack_id.as_deref(),
            ..Context::default()
        };
        let under = |policy: &Policy| {
            let unchanged = &UnchangedRules::Everything;
            let terms = CheckContext { context, unchanged, ..CheckContext::of(policy, today) };
            check(root, scope, &terms).map_err(|error| error.to_string())
        };
        let mut judged = described(&under(policy)?);
        for other in others {
            judged.otherwise.push(tally(&under(other)?));
        }
        Ok(judged)
    }

    /// Returns the egress rules that the template declares, and their groups.
    ///
    /// # Errors
    /// When the value is not a template; the error is a message.
    pub(super) fn declared(&self) -> Result<Vec<Declared>, String> {
        declared(&self.root, &self.scope).map_err(|error| error.to_string())
    }
}

/// Returns the resources that exist or may exist.
fn present(checked: &CheckedTemplate) -> impl Iterator<Item = &CheckedResource> {
    checked.resources.iter().filter(|resource| resource.exists || resource.undetermined.is_some())
}

fn described(checked: &CheckedTemplate) -> StackAssessment {
    let mut judged = StackAssessment::default();
    let mut notes: Vec<String> = checked.notes.iter().map(ToString::to_string).collect();
    for resource in present(checked) {
        judged.resources += 1;
        judged.rules += resource.judged;
        for located in &resource.findings {
            if judged.findings.len() < MAX_FINDINGS {
                judged.findings.extend(RuleRecord::of(resource, located));
            } else {
                judged.more.add(resource.settled(located));
            }
        }
        if let Some(why) = resource.undetermined {
            judged.more.undetermined += 1;
            notes.push(format!("`{}` could not be checked in full: {why}", resource.logical_id));
        }
    }
    notes.truncate(MAX_NOTES);
    judged.notes = notes;
    judged
}

fn tally(checked: &CheckedTemplate) -> OutcomeCounts {
    let mut tally = OutcomeCounts::default();
    for resource in present(checked) {
        resource.findings.iter().for_each(|located| tally.add(resource.settled(located)));
        tally.undetermined += usize::from(resource.undetermined.is_some());
    }
    tally
}

/// Replaces Systems Manager parameters in the template by plain ones: the stack already has the values.
fn with_resolved_parameters(root: Value, resolved: &BTreeSet<String>) -> Value {
    if resolved.is_empty() {
        return root;
    }
    let Kind::Map(sections) = root.kind else { return root };
    let sections = sections.into_entries().map(|(key, section)| match section.kind {
        Kind::Map(parameters) if key.name == "Parameters" => {
            let parameters = parameters.into_entries().map(|(name, declaration)| {
                let declaration = if resolved.contains(&name.name) { plain(declaration) } else { declaration };
                (name, declaration)
            });
            (key, Value::new(Kind::Map(Map::from_unique(parameters.collect())), section.origin))
        }
        kind => (key, Value::new(kind, section.origin)),
    });
    Value::new(Kind::Map(Map::from_unique(sections.collect())), root.origin)
}

fn plain(declaration: Value) -> Value {
    let Kind::Map(mut keys) = declaration.kind else { return declaration };
    let is_list = keys.get("Type").and_then(Value::as_str).is_some_and(|name| name.contains("List"));
    let plain = if is_list { "CommaDelimitedList" } else { "String" };
    keys.insert(Key { name: "Type".to_owned(), origin: Origin::NONE }, Kind::String(plain.to_owned()).into());
    Value::new(Kind::Map(keys), declaration.origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::RuleOutcome;
    use crate::scan::stacks::known_values;
    use cfn_egress_guard_core::rule::{Preset, Treatment};

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

    fn judge(
        text: &str,
        deployed: &DeployedScope,
        policy: &Policy,
        others: &[Policy],
    ) -> Result<StackAssessment, String> {
        DeployedTemplate::parse(text, deployed.clone())?.judge(policy, others, Date::of_unix_seconds(0))
    }

    fn judged(text: &str, deployed: &DeployedScope) -> StackAssessment {
        judge(text, deployed, &Policy::default(), &[]).unwrap()
    }

    fn fates(text: &str, deployed: &DeployedScope) -> Vec<(RuleOutcome, String)> {
        judged(text, deployed).findings.into_iter().map(|rule| (rule.fate, rule.reason)).collect()
    }

    #[test]
    fn deployed_values_decide_and_not_the_defaults() {
        let given = |name: &str, value: &str, resolved: Option<&str>| {
            let parameters = [(name.to_owned(), Some(value.to_owned()), resolved.map(str::to_owned))];
            let (parameters, resolved) = known_values(parameters.into_iter());
            DeployedScope { scope: Scope { parameters, ..Scope::default() }, resolved }
        };
        let undetermined = (RuleOutcome::Undetermined, "undetermined-value".to_owned());
        let range = (RuleOutcome::Blocked, "port-range".to_owned());
        let invalid = (RuleOutcome::Blocked, "invalid-port".to_owned());
        assert_eq!(fates(BY_PARAMETER, &given("To", "444", None)), [range, undetermined.clone()]);
        assert_eq!(fates(BY_PARAMETER, &given("Latest", "/port", Some("443"))), []);
        assert_eq!(fates(BY_PARAMETER, &given("Latest", "/port", Some("80-90"))), [invalid]);
        let defaults_prove_nothing = [undetermined.clone(), undetermined];
        let values_unknown = Scope { ignore_defaults: true, ..Scope::default() };
        let values_unknown = DeployedScope { scope: values_unknown, ..DeployedScope::default() };
        assert_eq!(fates(BY_PARAMETER, &values_unknown), defaults_prove_nothing);
    }

    fn with_egress(egress: &str) -> String {
        format!(
            "Parameters: {{Env: {{Type: String}}}}\nConditions: {{Prod: !Equals [!Ref Env, prod]}}\nResources:\n  Sg:\n    \
             Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupEgress:\n{egress}"
        )
    }

    #[test]
    fn what_breaks_the_rule_in_some_worlds_only_is_undetermined() {
        let text = with_egress(
            "        - !If [Prod, {IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8}, !Ref AWS::NoValue]\n        \
             - {IpProtocol: '-1', CidrIp: 0.0.0.0/0}\n",
        );
        let judged = judged(&text, &DeployedScope::default());
        let described: Vec<_> = judged.findings.iter().map(|rule| (rule.fate, rule.statement.as_str())).collect();
        let range = "tcp 1-2 to 10.0.0.0/8 opens a range of 2 ports, if `Prod` is true";
        let all = "IpProtocol -1 to 0.0.0.0/0 opens every port of every protocol";
        assert_eq!(
            described,
            [(RuleOutcome::Undetermined, range), (RuleOutcome::Blocked, all)],
            "wherever the second one stands"
        );
        assert_eq!((judged.resources, judged.rules), (1, 2));
    }

    #[test]
    fn what_breaks_the_rule_in_one_way_or_another_is_blocked() {
        let text =
            with_egress("        - {IpProtocol: tcp, FromPort: 1, ToPort: !If [Prod, 2, 3], CidrIp: 10.0.0.0/8}\n");
        let judged = judged(&text, &DeployedScope::default());
        let described: Vec<_> =
            judged.findings.iter().map(|rule| (rule.fate, rule.statement.contains("if `Prod`"))).collect();
        assert_eq!(described, [(RuleOutcome::Blocked, true), (RuleOutcome::Blocked, true)]);
    }

    #[test]
    fn what_is_not_created_is_not_counted() {
        let text = "Conditions: {No: !Equals [a, b]}\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
                    Condition: No\n    Properties: {IpProtocol: '-1'}\n  Empty:\n    Type: AWS::EC2::SecurityGroup\n";
        let judged = judged(text, &DeployedScope::default());
        assert_eq!((judged.resources, judged.rules, judged.findings.len()), (1, 0, 0));
    }

    #[test]
    fn other_policies_are_counted_beside_the_one_that_is_reported() {
        let text = with_egress(
            "        - {IpProtocol: icmp, FromPort: 8, ToPort: -1, CidrIp: 0.0.0.0/0}\n        \
             - {IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 0.0.0.0/0}\n        \
             - {IpProtocol: tcp, FromPort: 1, ToPort: !Ref Env, CidrIp: 0.0.0.0/0}\n",
        );
        let effective = Policy::from(Preset::Effective);
        let tolerant = Policy { unchanged_rules: Treatment::Allow, ..Policy::default() };
        let others = [effective, tolerant];
        let judged = judge(&text, &DeployedScope::default(), &Policy::default(), &others).unwrap();
        let counts = |tally: OutcomeCounts| (tally.blocked, tally.undetermined, tally.known_debt);
        assert_eq!(judged.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked).count(), 2);
        assert_eq!(judged.otherwise.into_iter().map(counts).collect::<Vec<_>>(), [(1, 1, 0), (0, 1, 2)]);
    }

    #[test]
    fn findings_beyond_the_kept_ones_are_counted() {
        let rule = "        - {IpProtocol: '-1', CidrIp: 0.0.0.0/0}\n";
        let judged = judged(&with_egress(&rule.repeat(MAX_FINDINGS + 7)), &DeployedScope::default());
        assert_eq!((judged.findings.len(), judged.more.blocked), (MAX_FINDINGS, 7));
    }

    #[test]
    fn what_is_no_template_says_so() {
        let judge = |text| judge(text, &DeployedScope::default(), &Policy::default(), &[]);
        assert!(judge("[]").unwrap_err().contains("object"));
        assert!(judge("{").is_err());
    }
}
