//! Egress rules get the same verdict in every form: in an event of the hook, in a template that `check` reads, and as a
//! call to the EC2 API. The input is a JSON list of egress rules in CloudFormation's form.

use cfn_egress_guard_core::check::{CheckContext, check};
use cfn_egress_guard_core::hook::{self, Config};
use cfn_egress_guard_core::rule::policy::Policy;
use cfn_egress_guard_core::rule::{Preset, Verdict};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Scope;
use cfn_egress_guard_core::watch::{self, WatchOutcome};
use serde_json::{Map, Value as Json, json};

use crate::answer;

/// Texts that are evaluated in a template but taken literally in an event.
const EVALUATED: [&str; 5] = ["Ref", "Fn::", "Condition", "{{", "AWS::"];

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(Json::Array(rules)) = serde_json::from_slice::<Json>(input) else { return };
    let written = Json::Array(rules.clone()).to_string();
    if EVALUATED.iter().any(|word| written.contains(word)) {
        return;
    }
    for preset in [Preset::Literal, Preset::Effective] {
        let policy = Policy { preset, ..Policy::default() };
        let Some(of_template) = in_template(&rules, &policy) else { continue };
        assert_eq!(of_template, at_hook(&rules, &policy), "template and event, {preset:?}: {written}");
        let permissions: Option<Vec<Json>> = rules.iter().map(permission).collect();
        if let Some(permissions) = permissions.filter(|permissions| !permissions.is_empty()) {
            assert_eq!(of_template, called(&permissions, &policy), "template and call, {preset:?}: {written}");
        }
    }
}

fn at_hook(rules: &[Json], policy: &Policy) -> &'static str {
    let data = json!({"targetName": "AWS::EC2::SecurityGroup", "targetLogicalId": "Web",
        "targetModel": {"resourceProperties": {"SecurityGroupEgress": rules}}});
    let event = answer::invocation("AWS::EC2::SecurityGroup", data);
    hook::decide(&event, &Config::new(policy.clone()), answer::today()).verdict()
}

/// Returns `None` if the template is refused: CloudFormation refuses it too, so there is no event.
fn in_template(rules: &[Json], policy: &Policy) -> Option<&'static str> {
    let template = json!({"Resources": {"Web": {"Type": "AWS::EC2::SecurityGroup",
        "Properties": {"SecurityGroupEgress": rules}}}});
    let document = source::parse(&template.to_string()).ok()?;
    let checked = check(&document.root, &Scope::default(), &CheckContext::of(policy, answer::today())).ok()?;
    Some(match checked.verdict() {
        Verdict::NonCompliant => "non-compliant",
        Verdict::Undetermined => "undetermined",
        Verdict::Compliant => "compliant",
    })
}

/// Returns the rule as CloudTrail records a permission of `AuthorizeSecurityGroupEgress`, or `None` if EC2's API has no
/// field for a part of it.
fn permission(rule: &Json) -> Option<Json> {
    let rule = rule.as_object()?;
    let mut permission = Map::new();
    let mut destinations = 0;
    for (name, value) in rule {
        let (list, field) = match (name.as_str(), value) {
            ("IpProtocol", Json::String(_)) => {
                permission.insert("ipProtocol".to_owned(), value.clone());
                continue;
            }
            ("FromPort" | "ToPort", Json::Number(number)) if number.is_i64() => {
                let name = if name == "FromPort" { "fromPort" } else { "toPort" };
                permission.insert(name.to_owned(), value.clone());
                continue;
            }
            ("CidrIp", Json::String(_)) => ("ipRanges", "cidrIp"),
            ("CidrIpv6", Json::String(_)) => ("ipv6Ranges", "cidrIpv6"),
            ("DestinationPrefixListId", Json::String(_)) => ("prefixListIds", "prefixListId"),
            ("DestinationSecurityGroupId", Json::String(_)) => ("groups", "groupId"),
            _ => return None,
        };
        destinations += 1;
        permission.insert(list.to_owned(), json!({"items": [{field: value}]}));
    }
    (destinations == 1).then_some(Json::Object(permission))
}

fn called(permissions: &[Json], policy: &Policy) -> &'static str {
    let event = json!({
        "version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2",
        "account": "123456789012", "region": "us-east-1", "time": "2026-11-20T10:15:30Z", "resources": [],
        "detail": {"eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupEgress",
            "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": permissions}}},
    });
    match watch::decide(event.to_string().as_bytes(), Ok(policy), answer::today()) {
        WatchOutcome::Decided(decision) => decision.verdict(),
        WatchOutcome::Ignored(why) => panic!("{why:?}"),
    }
}
