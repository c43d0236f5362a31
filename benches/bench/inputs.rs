//! The inputs of the measurements: events and templates, generated here and stored in `target/bench`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize as _;
use serde_json::{Value as Json, json};

/// Returns the repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Returns a path below the root, which a variable can override. The path must exist.
pub(crate) fn part(variable: &str, default: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| root().join(default), PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `make bench`", path.display());
    path
}

/// Writes a file of this run.
pub(crate) fn written(name: &str, text: &str) -> PathBuf {
    let path = root().join("target/bench").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// Returns an invocation for a group with this many egress rules.
pub(crate) fn resource_event(rules: usize) -> Vec<u8> {
    let rule = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"});
    event(&json!({
        "targetName": "AWS::EC2::SecurityGroup",
        "targetType": "AWS::EC2::SecurityGroup",
        "targetLogicalId": "WebSg",
        "targetModel": {
            "resourceProperties": {"GroupDescription": "x", "SecurityGroupEgress": vec![rule; rules]}
        }
    }))
}

/// Returns an invocation for a group with these properties, given as JSON text.
pub(crate) fn properties_event(properties: &str) -> Vec<u8> {
    let event = event(&json!({
        "targetName": "AWS::EC2::SecurityGroup",
        "targetType": "AWS::EC2::SecurityGroup",
        "targetLogicalId": "WebSg",
        "targetModel": {"resourceProperties": "PROPERTIES"}
    }));
    String::from_utf8(event).unwrap().replace("\"PROPERTIES\"", properties).into_bytes()
}

/// Returns an invocation for a stack whose document is at this URL.
pub(crate) fn stack_event(url: &str) -> Vec<u8> {
    event(&json!({"targetName": "STACK", "targetType": "STACK", "targetLogicalId": "web", "payload": url}))
}

fn event(request_data: &Json) -> Vec<u8> {
    json!({
        "clientRequestToken": "f8da6d11-b23f-48f4-814c-0fb6a667f50e",
        "awsAccountId": "123456789012",
        "stackId": "arn:aws:cloudformation:us-west-2:123456789012:stack/MyStack/1a2345b6-0000-00a0-a123-00abc0abc000",
        "hookTypeName": "Security::Egress::SinglePort",
        "hookTypeVersion": "00000008",
        "hookModel": {"LambdaFunction": "arn:aws:lambda:us-west-2:123456789012:function:MyFunction"},
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": request_data,
        "requestContext": {"invocation": 1, "callbackContext": null}
    })
    .to_string()
    .into_bytes()
}

/// Returns the document of an invocation for a stack.
pub(crate) fn document(template: &str) -> Vec<u8> {
    json!({"template": template, "previousTemplate": ""}).to_string().into_bytes()
}

/// The number of groups, with [`RULES`] egress rules each, in a template of one megabyte.
pub(crate) const GROUPS_OF_1_MB: usize = 500;

/// The number of egress rules in a group. Every third one opens a range of ports.
pub(crate) const RULES: usize = 9;

const fn ports(rule: usize) -> (usize, usize) {
    let from = 1_000 + 10 * rule;
    (from, if rule.is_multiple_of(3) { from + 7 } else { from })
}

fn description(rule: usize) -> String {
    format!("Reaches service number {rule} of the neighbours in the other network")
}

/// Returns a template in YAML, as people write it.
pub(crate) fn yaml(groups: usize, rules: usize) -> String {
    let mut text =
        "AWSTemplateFormatVersion: \"2010-09-09\"\nDescription: Measured by make bench\nResources:\n".to_owned();
    for group in 0..groups {
        let _ = writeln!(
            text,
            "  Group{group:04}:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      \
             GroupDescription: Group number {group} of the measured template\n      \
             VpcId: !ImportValue shared-network-vpc\n      SecurityGroupEgress:"
        );
        for rule in 0..rules {
            let (from, to) = ports(rule);
            let _ = writeln!(
                text,
                "        - IpProtocol: tcp\n          Description: {}\n          FromPort: {from}\n          \
                 ToPort: {to}\n          CidrIp: 10.{}.{rule}.0/24",
                description(rule),
                group % 256
            );
        }
    }
    text
}

/// Returns the same template in JSON, as the CDK writes it: indented by one space, with sorted keys.
pub(crate) fn json(groups: usize, rules: usize) -> String {
    let group = |group: usize| {
        let rule = |rule: usize| {
            let (from, to) = ports(rule);
            let destination = format!("10.{}.{rule}.0/24", group % 256);
            json!({"IpProtocol": "tcp", "Description": description(rule), "FromPort": from, "ToPort": to, "CidrIp": destination})
        };
        let properties = json!({
            "GroupDescription": format!("Group number {group} of the measured template"),
            "VpcId": {"Fn::ImportValue": "shared-network-vpc"},
            "SecurityGroupEgress": (0..rules).map(rule).collect::<Vec<_>>(),
        });
        (format!("Group{group:04}"), json!({"Type": "AWS::EC2::SecurityGroup", "Properties": properties}))
    };
    let resources: serde_json::Map<String, Json> = (0..groups).map(group).collect();
    let template = json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources});
    let mut text = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(b" ");
    template.serialize(&mut serde_json::Serializer::with_formatter(&mut text, style)).unwrap();
    String::from_utf8(text).unwrap()
}
