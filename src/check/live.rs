//! Checks a live security group as Cloud Control reads it, and compares it with the declarations in stacks' templates.

use std::collections::BTreeSet;

use super::declared::Declared;
use super::judge::judge_properties;
use crate::path::PropertyPath;
use crate::rule::policy::{Policy, ResourceContext};
use crate::rule::{Assessment, Knowledge, Reason};
use crate::security_group::{EgressEntry, ResourceType, Traffic, entries};
use crate::value::Value;

/// Returns the assessment of a live group's properties under a policy. A live group without egress rules allows no
/// outbound traffic; otherwise EC2's default rule would be listed.
#[must_use]
pub fn judge_live(properties: &Value, policy: &Policy, case: &ResourceContext<'_>) -> Assessment {
    let mut assessment = judge_properties(ResourceType::SecurityGroup, properties, Knowledge::Final, policy, case);
    assessment.findings.retain(|finding| finding.reason != Reason::DefaultEgress);
    assessment
}

/// The differences between a live group and its declarations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// Live rules that no template declares.
    pub added: Vec<(PropertyPath, Traffic)>,
    /// Rules that are certainly declared but missing from the group.
    pub removed: Vec<Traffic>,
    /// The places of live rules that are declared or may be.
    pub declared: BTreeSet<PropertyPath>,
}

/// Compares a live group with the resources that declare its egress rules. `elsewhere` returns whether a template may
/// declare a rule for an unknown group. An unknown value never counts as a difference.
#[must_use]
pub fn drift(properties: &Value, declared: &[Declared], elsewhere: impl Fn(&Traffic) -> bool) -> Drift {
    let is_open = declared.iter().any(|one| one.open);
    let rules = || declared.iter().flat_map(|one| &one.rules);
    // A rule in a separate resource removes EC2's default rule.
    let defaults = if rules().next().is_none() && declared.iter().any(|one| one.default) {
        Traffic::defaults().to_vec()
    } else {
        Vec::new()
    };
    let is_declared = |live: &Traffic| {
        is_open || rules().any(|rule| rule.traffic.may_be(live)) || defaults.contains(live) || elsewhere(live)
    };
    let mut drift = Drift::default();
    let mut live_rules = BTreeSet::new();
    for entry in entries(ResourceType::SecurityGroup, properties, Knowledge::Final) {
        let EgressEntry::Rule(rule) = entry else { continue };
        let Some(live) = Traffic::of(&rule) else { continue };
        live_rules.insert(live.clone());
        if is_declared(&live) {
            drift.declared.insert(rule.path);
        } else {
            drift.added.push((rule.path, live));
        }
    }
    let is_gone = |traffic: &&Traffic| !live_rules.contains(traffic);
    let certain = rules().filter(|rule| rule.certain).map(|rule| &rule.traffic);
    let mut removed: Vec<Traffic> = certain.filter(is_gone).cloned().collect();
    removed.sort_unstable();
    removed.dedup();
    drift.removed = removed;
    drift
}

#[cfg(test)]
mod tests {
    use super::super::declared::declared;
    use super::*;
    use crate::rule::policy::{Context, Date, UnchangedRules};
    use crate::rule::{Preset, Verdict};
    use crate::security_group::live_properties;
    use crate::template::Scope;

    fn live(egress: &str) -> Value {
        let text = format!("{{\"GroupName\": \"web\", \"SecurityGroupEgress\": [{egress}]}}");
        live_properties(&text).unwrap().unwrap()
    }

    fn described(live: &Value, template: &str) -> (Vec<String>, Vec<String>) {
        let root = crate::source::parse(template).unwrap().root;
        let declared = declared(&root, &Scope::default()).unwrap();
        let drift = drift(live, &declared, |_| false);
        let added = drift.added.iter().map(|(path, traffic)| format!("{path}: {traffic}")).collect();
        (added, drift.removed.iter().map(ToString::to_string).collect())
    }

    fn template(egress: &str) -> String {
        format!(
            "Parameters: {{P: {{Type: Number}}}}\nResources: {{Sg: {{Type: AWS::EC2::SecurityGroup, Properties: \
             {{SecurityGroupEgress: [{egress}]}}}}}}"
        )
    }

    const HTTPS: &str = r#"{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"}"#;
    const ALL: &str = r#"{"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIp": "0.0.0.0/0"}"#;

    #[test]
    fn what_was_added_or_removed_by_hand_is_a_difference() {
        let written = template(r#"{IpProtocol: 6, FromPort: "443", ToPort: 443, CidrIp: 10.1.1.1/8, Description: x}"#);
        assert_eq!(described(&live(HTTPS), &written), (vec![], vec![]), "the same in another spelling");
        let added = "SecurityGroupEgress[1]: IpProtocol -1 to 0.0.0.0/0".to_owned();
        assert_eq!(described(&live(&format!("{HTTPS}, {ALL}")), &written), (vec![added], vec![]));
        assert_eq!(described(&live(""), &written), (vec![], vec!["tcp 443 to 10.0.0.0/8".to_owned()]));
        let all = template("{IpProtocol: '-1', CidrIp: 0.0.0.0/0}");
        assert_eq!(described(&live(ALL), &all), (vec![], vec![]), "ports that EC2 ignores");
    }

    #[test]
    fn unknown_values_are_no_difference() {
        let unknown = template("{IpProtocol: tcp, FromPort: !Ref P, ToPort: !Ref P, CidrIp: 10.0.0.0/8}");
        assert_eq!(described(&live(HTTPS), &unknown), (vec![], vec![]));
        assert_eq!(described(&live(""), &unknown), (vec![], vec![]));
        let (added, _) = described(&live(ALL), &unknown);
        assert_eq!(added.len(), 1, "what is known of it is different");
        let list = "Resources: {Sg: {Type: AWS::EC2::SecurityGroup, Properties: {SecurityGroupEgress: !Split [a, \
                    !ImportValue b]}}}";
        assert_eq!(described(&live(ALL), list), (vec![], vec![]));
    }

    #[test]
    fn ec2s_default_rule_belongs_to_a_group_that_states_none() {
        let none = "Resources: {Sg: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x}}}";
        assert_eq!(described(&live(ALL), none), (vec![], vec![]));
        assert_eq!(described(&live(""), none), (vec![], vec![]), "closing it opens nothing");
        let apart = "Resources:\n  Sg: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x}}\n  Out: {Type: \
                     AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !Ref Sg, IpProtocol: tcp, FromPort: 443, ToPort: \
                     443, CidrIp: 10.0.0.0/8}}";
        assert_eq!(described(&live(HTTPS), apart), (vec![], vec![]));
        let (added, removed) = described(&live(ALL), apart);
        assert_eq!((added.len(), removed.len()), (1, 1), "CloudFormation removes it for a rule of its own");
    }

    /// A live group has the same assessment as the same rules in a template, except for ports that only the read
    /// handler wrote.
    #[test]
    fn a_live_group_is_judged_as_what_ec2_opens() {
        let policy = Policy::default();
        let unchanged = UnchangedRules::Nothing;
        let case =
            ResourceContext { context: Context::default(), unchanged: &unchanged, today: Date::of_unix_seconds(0) };
        let verdict = |egress: &str, policy: &Policy| judge_live(&live(egress), policy, &case).verdict();
        assert_eq!(verdict(HTTPS, &policy), Verdict::Compliant);
        assert_eq!(verdict(ALL, &policy), Verdict::NonCompliant, "-1 is no port that anybody stated");
        let strict = Policy {
            overrides: vec![(crate::rule::Setting::DefaultEgress, crate::rule::Treatment::Block)],
            ..Policy::from(Preset::Effective)
        };
        assert_eq!(verdict("", &strict), Verdict::Compliant, "a live group without rules lets nothing out");
    }
}
