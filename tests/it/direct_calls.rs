//! The same egress rule gets the same verdict in every form: as a group or a rule in a hook invocation, in a template,
//! and as a call to the EC2 API.

use cfn_egress_guard_core::check::{CheckContext, check};
use cfn_egress_guard_core::hook::{self, Config};
use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::policy::{Date, Policy};
use cfn_egress_guard_core::rule::{Outcome, Preset, Verdict};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Scope;
use cfn_egress_guard_core::watch::{self, WatchOutcome};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const TODAY: Date = Date::of_unix_seconds(1_790_000_000);
const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";

/// An egress rule, independent of any API.
#[derive(Debug, Clone)]
struct Rule {
    protocol: &'static str,
    from: Option<i64>,
    to: Option<i64>,
    to_where: Destination,
}

#[derive(Debug, Clone, Copy)]
enum Destination {
    V4(&'static str),
    V6(&'static str),
    PrefixList(&'static str),
    Group(&'static str),
}

impl Rule {
    /// Returns the rule in CloudFormation's form.
    fn in_cloud_formation(&self) -> Json {
        let (field, value) = match self.to_where {
            Destination::V4(cidr) => ("CidrIp", cidr),
            Destination::V6(cidr) => ("CidrIpv6", cidr),
            Destination::PrefixList(id) => ("DestinationPrefixListId", id),
            Destination::Group(id) => ("DestinationSecurityGroupId", id),
        };
        self.with(["IpProtocol", "FromPort", "ToPort"], field, json!(value))
    }

    /// Returns the rule as CloudTrail records a permission of `AuthorizeSecurityGroupEgress`.
    fn permission(&self) -> Json {
        let (list, field, value) = match self.to_where {
            Destination::V4(cidr) => ("ipRanges", "cidrIp", cidr),
            Destination::V6(cidr) => ("ipv6Ranges", "cidrIpv6", cidr),
            Destination::PrefixList(id) => ("prefixListIds", "prefixListId", id),
            Destination::Group(id) => ("groups", "groupId", id),
        };
        let mut permission = self.with(["ipProtocol", "fromPort", "toPort"], list, json!({"items": [{field: value}]}));
        for empty in ["ipRanges", "ipv6Ranges", "prefixListIds", "groups"] {
            permission.as_object_mut().unwrap().entry(empty).or_insert(json!({}));
        }
        permission
    }

    /// Returns the rule as CloudTrail records a rule of `ModifySecurityGroupRules`.
    fn update(&self) -> Json {
        let (field, value) = match self.to_where {
            Destination::V4(cidr) => ("CidrIpv4", cidr),
            Destination::V6(cidr) => ("CidrIpv6", cidr),
            Destination::PrefixList(id) => ("PrefixListId", id),
            Destination::Group(id) => ("ReferencedGroupId", id),
        };
        let rule = self.with(["IpProtocol", "FromPort", "ToPort"], field, json!(value));
        json!({"SecurityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa1", "SecurityGroupRule": rule})
    }

    fn with(&self, [protocol, from, to]: [&str; 3], field: &str, value: Json) -> Json {
        let mut rule = json!({protocol: self.protocol, field: value});
        for (name, port) in [(from, self.from), (to, self.to)] {
            if let Some(port) = port {
                rule[name] = json!(port);
            }
        }
        rule
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let port =
        || prop::option::weighted(0.85, prop::sample::select(vec![-1, 0, 22, 80, 443, 443, 443, 65_535, 70_000]));
    let destinations = vec![
        Destination::V4("10.0.0.0/16"),
        Destination::V4("0.0.0.0/0"),
        Destination::V4("127.0.0.1/32"),
        Destination::V4("255.255.255.255/32"),
        Destination::V6("::/0"),
        Destination::V6("::1/128"),
        Destination::PrefixList("pl-6da54004"),
        Destination::Group("sg-0fedcba9876543210"),
    ];
    let protocol = prop::sample::select(vec!["tcp", "TCP", "6", "udp", "icmp", "icmpv6", "58", "-1", "50", "", "sctp"]);
    (protocol, port(), port(), prop::sample::select(destinations)).prop_map(|(protocol, from, to, to_where)| Rule {
        protocol,
        from,
        to,
        to_where,
    })
}

/// Generates a policy with one exemption, without conditions on facts that only a template has.
fn any_policy() -> impl Strategy<Value = Policy> {
    let condition = prop::option::of(prop::sample::select(vec![
        "account = \"123456789012\"",
        "account = \"210987654321\"",
        "region = \"eu-*\"",
        "protocol = \"tcp\"\nports = \"0-1000\"",
        "destination = \"10.0.0.0/8\"",
        "destination = \"pl-*\"\nregion = \"eu-west-1\"",
    ]));
    (condition, prop::sample::select(vec![Preset::Literal, Preset::Effective])).prop_map(|(condition, preset)| {
        let file = condition.map_or_else(String::new, |condition| {
            format!("[[exemption]]\nid = \"x\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2099-01-01\n{condition}\n")
        });
        Policy { preset, ..policy::parse(&file).unwrap() }
    })
}

fn at_hook(resource_type: &str, properties: &Json, policy: &Policy) -> &'static str {
    let event = json!({
        "clientRequestToken": "x",
        "awsAccountId": ACCOUNT,
        "stackId": format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/web/1"),
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {"targetName": resource_type, "targetLogicalId": "Web",
            "targetModel": {"resourceProperties": properties}},
    });
    hook::decide(event.to_string().as_bytes(), &Config::new(policy.clone()), TODAY).verdict()
}

fn in_template(rules: &[Rule], policy: &Policy) -> &'static str {
    let egress: Vec<Json> = rules.iter().map(Rule::in_cloud_formation).collect();
    let template = json!({"Resources": {"Web": {"Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "x", "SecurityGroupEgress": egress}}}});
    let document = source::parse(&template.to_string()).unwrap();
    let mut terms = CheckContext::of(policy, TODAY);
    terms.context.account = Some(ACCOUNT);
    terms.context.region = Some(REGION);
    let checked = check(&document.root, &Scope::default(), &terms).unwrap();
    let exempted = checked.resources.iter().flat_map(|resource| &resource.findings);
    match checked.verdict() {
        Verdict::NonCompliant => "non-compliant",
        Verdict::Undetermined => "undetermined",
        Verdict::Compliant if exempted.into_iter().any(|found| found.finding.outcome == Outcome::Exempted) => {
            "exempted"
        }
        Verdict::Compliant => "compliant",
    }
}

fn called(operation: &str, request: &Json, policy: &Policy) -> &'static str {
    let event = json!({
        "version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2",
        "account": ACCOUNT, "region": REGION, "time": "2026-11-20T10:15:30Z", "resources": [],
        "detail": {"eventSource": "ec2.amazonaws.com", "eventName": operation, "requestParameters": request},
    });
    match watch::decide(event.to_string().as_bytes(), Ok(policy), TODAY) {
        WatchOutcome::Decided(decision) => decision.verdict(),
        WatchOutcome::Ignored(why) => panic!("{why:?}"),
    }
}

fn authorized(rules: &[Rule], policy: &Policy) -> &'static str {
    let permissions: Vec<Json> = rules.iter().map(Rule::permission).collect();
    let request = json!({"groupId": "sg-1", "ipPermissions": {"items": permissions}});
    called("AuthorizeSecurityGroupEgress", &request, policy)
}

fn modified(rules: &Json, policy: &Policy) -> &'static str {
    let request = json!({"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1", "SecurityGroupRule": rules}});
    called("ModifySecurityGroupRules", &request, policy)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_way_in_leads_to_the_same_verdict(
        rules in prop::collection::vec(any_rule(), 1..5),
        policy in any_policy(),
    ) {
        let egress: Vec<Json> = rules.iter().map(Rule::in_cloud_formation).collect();
        let group = at_hook("AWS::EC2::SecurityGroup", &json!({"SecurityGroupEgress": egress}), &policy);
        prop_assert_eq!(in_template(&rules, &policy), group);
        prop_assert_eq!(authorized(&rules, &policy), group);
        // Rules that are identified only by their ids may be ingress rules.
        let updates: Vec<Json> = rules.iter().map(Rule::update).collect();
        let if_egress = if group == "non-compliant" { "undetermined" } else { group };
        prop_assert_eq!(modified(&json!(updates), &policy), if_egress);
        let [only] = rules.as_slice() else { return Ok(()) };
        prop_assert_eq!(at_hook("AWS::EC2::SecurityGroupEgress", &egress[0], &policy), group);
        prop_assert_eq!(modified(&only.update(), &policy), if_egress);
    }

    /// Several ranges of one permission are separate egress rules.
    #[test]
    fn ranges_of_one_permission_are_judged_as_permissions_of_one_range(
        rule in any_rule(),
        policy in any_policy(),
    ) {
        let ranges = ["10.0.0.0/16", "0.0.0.0/0"];
        let rules = ranges.map(|cidr| Rule { to_where: Destination::V4(cidr), ..rule.clone() });
        let mut permission = rules[0].permission();
        permission["ipRanges"] = json!({"items": ranges.map(|cidr| json!({"cidrIp": cidr}))});
        let request = json!({"groupId": "sg-1", "ipPermissions": {"items": [permission]}});
        let together = called("AuthorizeSecurityGroupEgress", &request, &policy);
        prop_assert_eq!(together, authorized(&rules, &policy));
    }
}
