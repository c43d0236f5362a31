//! Tests of the bounds of answers, of what the facts of an invocation become, and of exemptions in change sets.

use super::template_target::{change, egress, invocation, with_document};
use super::*;
use crate::hook::invocation::{Invocation, Target};

fn rules(count: usize, rule: &Json) -> Json {
    group(Json::Array(vec![rule.clone(); count]))
}

#[test]
fn the_last_of_too_many_annotations_counts_those_left_out() {
    let range = json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8"});
    let all = answer(&rules(MAX_ANNOTATIONS, &range));
    let annotations = all["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), MAX_ANNOTATIONS);
    assert!(annotations[MAX_ANNOTATIONS - 1]["statusMessage"].as_str().unwrap().contains("[99]: tcp 80-87"));
    for more in [1, 5] {
        let answer = answer(&rules(MAX_ANNOTATIONS + more, &range));
        let annotations = answer["annotations"].as_array().unwrap();
        assert_eq!(annotations.len(), MAX_ANNOTATIONS);
        let last = &annotations[MAX_ANNOTATIONS - 1];
        assert_eq!(last["status"], "FAILED");
        assert_eq!(last["statusMessage"], wording::and_more(more + 1));
    }
}

#[test]
fn exempted_and_blocked_rules_share_the_annotations() {
    let exemption =
        "[[exemption]]\nid = \"a\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2027-12-31\nports = \"80-87\"\n";
    let config = Config::read(Some(exemption), None);
    let mut entries =
        vec![json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8"}); MAX_ANNOTATIONS];
    entries.push(json!({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "CidrIp": "10.0.0.0/8"}));
    let answer = answer_bytes(group(Json::Array(entries)).to_string().as_bytes(), &config);
    let annotations = answer["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), MAX_ANNOTATIONS);
    assert_eq!(annotations[0]["status"], "FAILED", "the blocked rule comes first");
    assert_eq!(annotations[MAX_ANNOTATIONS - 1]["statusMessage"], wording::and_more(2));
}

#[test]
fn what_a_setting_lets_pass_is_an_annotation_with_its_severity() {
    let answer = answer(&group(json!([{"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "CidrIp": "10.0.0.0/8"}])));
    let annotations = answer["annotations"].as_array().unwrap();
    let noted =
        annotations.iter().find(|one| one["statusMessage"].as_str().unwrap().contains("ignored_ports")).unwrap();
    assert_eq!((&noted["status"], &noted["severityLevel"]), (&json!("PASSED"), &json!("INFORMATIONAL")));
}

#[test]
fn an_exemption_by_logical_id_covers_a_change_set() {
    let exemption = |logical_id: &str| {
        let text = format!(
            "[[exemption]]\nid = \"a\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2027-12-31\nports = \"80-87\"\nlogical_id = \"{logical_id}\"\n"
        );
        Config::read(Some(&text), None)
    };
    let document = change("CREATE", None, Some(egress("80", "87")));
    for (logical_id, status) in [("Web", "SUCCESS"), ("Other", "FAILED")] {
        let answer = with_document(&invocation("CHANGE_SET"), Ok(&document), &exemption(logical_id));
        assert_eq!(answer["hookStatus"], status, "{logical_id}: {answer}");
    }
}

#[test]
fn a_configuration_shows_its_policy_or_its_problem() {
    let config = Config::read(Some("preset = \"effective\""), None);
    assert_eq!(config.policy().map(|policy| policy.preset.to_string()), Ok("effective".to_owned()));
    assert_eq!(config.problem(), None);
    let broken = Config::read(Some("preset = \"other\""), None);
    assert!(broken.policy().is_err());
    assert!(broken.problem().unwrap().contains("policy.toml, line 1"), "{:?}", broken.problem());
}

#[test]
fn documents_from_this_machine_are_only_for_rehearsals() {
    let mut event = invocation("STACK");
    event["requestData"]["payload"] = json!("https://localhost:8443/document");
    let event = event.to_string();
    let config = Config::new(Settings::default());
    assert!(matches!(plan(event.as_bytes(), &config, today()), HookPlan::Decided(_)));
    assert!(matches!(plan(event.as_bytes(), &config.with_loopback_payloads(), today()), HookPlan::Fetch(_)));
}

#[test]
fn a_request_without_a_stack_comes_from_cloud_control() {
    let target = |event: &Json| Invocation::of(&Request::parse(event.to_string().as_bytes()).unwrap()).target;
    assert_eq!(target(&range()), Target::Resource);
    let mut event = range();
    event["stackId"] = Json::Null;
    assert_eq!(target(&event), Target::CloudControl);
}

#[test]
fn a_long_token_is_cut_in_every_answer() {
    let mut event = range();
    for (sent, kept) in [(600, 600), (5_000, 601)] {
        event["clientRequestToken"] = json!("t".repeat(sent));
        let answered = answer(&event);
        assert_eq!(answered["clientRequestToken"].as_str().unwrap().chars().count(), kept);
        // The rest of the event cannot be read.
        let mut broken = event.clone();
        broken["requestData"] = json!([1]);
        let answered = answer(&broken);
        assert_eq!(answered["errorCode"], "InternalFailure");
        assert_eq!(answered["clientRequestToken"].as_str().unwrap().chars().count(), kept);
    }
}

/// Returns the number of lines about egress rules, and the number of those left out, which the last line states.
fn lines_of(message: &str) -> (usize, usize) {
    let shown = message.lines().filter(|line| line.contains("SecurityGroupEgress[")).count();
    let more = message.lines().last().and_then(|line| line.strip_prefix("… and ")?.strip_suffix(" more."));
    (shown, more.map_or(0, |more| more.parse().unwrap()))
}

#[test]
fn a_message_counts_the_lines_that_it_leaves_out() {
    let exemption =
        "[[exemption]]\nid = \"a\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2027-12-31\nports = \"80-87\"\n";
    let config = Config::read(Some(exemption), None);
    let rule = |protocol: &str, from: u16, to: u16| json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8"});
    let (blocked, exempted, noted) = (rule("tcp", 1, 2), rule("tcp", 80, 87), rule("-1", 0, 0));
    let entries = [vec![blocked; 30], vec![exempted; 20], vec![noted; 10]].concat();
    let group = json!({"GroupDescription": "x", "SecurityGroupEgress": entries});
    let answer = answer_bytes(event("AWS::EC2::SecurityGroup", group.clone()).to_string().as_bytes(), &config);
    let (shown, more) = lines_of(answer["message"].as_str().unwrap());
    assert_eq!(shown + more, 60, "{}", answer["message"]);
    assert!(shown > 2);

    // A macro may change the whole template: a remark, of which the message has a line.
    let template = json!({"Resources": {
        "Web": {"Type": "AWS::EC2::SecurityGroup", "Properties": group},
        "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}
    }});
    let document = json!({"template": template.to_string(), "previousTemplate": ""});
    let answer = with_document(&invocation("STACK"), Ok(&document), &config);
    let (shown, more) = lines_of(answer["message"].as_str().unwrap());
    assert_eq!(shown + more, 61, "{}", answer["message"]);
}

#[test]
fn a_message_with_a_contact_keeps_to_its_length() {
    let rule = json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8"});
    let event = rules(40, &rule).to_string();
    for length in 1..60 {
        let contact = "c".repeat(length);
        let config = Config::read(Some(&format!("contact = \"{contact}\"")), None);
        let answer = answer_bytes(event.as_bytes(), &config);
        let message = answer["message"].as_str().unwrap();
        assert!(message.chars().count() <= MESSAGE_CHARS, "{length}: {}", message.chars().count());
        assert!(message.lines().last().unwrap().contains(&contact), "{message}");
    }
}

#[test]
fn a_template_message_has_what_a_setting_lets_pass_and_no_default_rule() {
    let answer = template_target::stack(
        "Resources:\n  Web: {Type: AWS::EC2::SecurityGroup, Properties: {SecurityGroupEgress: [{IpProtocol: '-1', FromPort: 0, \
         ToPort: 0, CidrIp: 10.0.0.0/8}]}}\n  None: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x}}\n",
    );
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("Web (template line 2), SecurityGroupEgress[0]: ") && message.contains("ignored_ports"),
        "{message}"
    );
    assert!(!message.contains("None"), "{message}");
}

#[test]
fn what_is_wrong_with_an_event_is_said_without_its_values() {
    let problem = |text: &str| Request::parse(text.as_bytes()).unwrap_err();
    for (text, expected) in [
        ("\"SECRET\"", "a value of an unexpected kind at line 1 column 8"),
        ("{", "EOF while parsing an object at line 1 column 1"),
    ] {
        let error = problem(text);
        assert_eq!((error.problem.as_str(), error.to_string().as_str()), (expected, expected), "{text}");
        let answer = answer_bytes(text.as_bytes(), &Config::new(Settings::default()));
        assert!(answer["message"].as_str().unwrap().contains(expected), "{answer}");
    }
}

#[test]
fn an_event_is_explained_rule_by_rule() {
    let (_, explained) = explain(range().to_string().as_bytes(), &Policy::default(), today()).unwrap();
    let breaks: Vec<bool> =
        explained.iter().map(|one| matches!(one.decided, crate::rule::DecidedBy::Finding(_))).collect();
    assert_eq!(breaks, [false, true, true]);
}

/// A group that opens a range of ports, if the condition is true.
fn conditional(condition: &str) -> String {
    format!(
        "Conditions:\n  Made: {condition}\nResources:\n  Web:\n    Type: AWS::EC2::SecurityGroup\n    Condition: Made\n    Properties:\n      \
         SecurityGroupEgress:\n        - {{IpProtocol: tcp, FromPort: 80, ToPort: 87, CidrIp: 10.0.0.0/8}}\n"
    )
}

#[test]
fn a_stack_knows_its_own_place() {
    for (condition, status) in [
        ("!Equals [!Ref AWS::AccountId, '123456789012']", "FAILED"),
        ("!Equals [!Ref AWS::AccountId, '999999999999']", "SUCCESS"),
        ("!Equals [!Ref AWS::Region, us-west-2]", "FAILED"),
        ("!Equals [!Ref AWS::Region, eu-west-1]", "SUCCESS"),
        ("!Equals [!Ref AWS::StackName, MyStack]", "FAILED"),
        ("!Equals [!Ref AWS::StackName, Other]", "SUCCESS"),
        (
            "!Equals [!Select [5, !Split [':', !Ref AWS::StackId]], stack/MyStack/1a2345b6-0000-00a0-a123-00abc0abc000]",
            "FAILED",
        ),
        ("!Equals [!Ref AWS::StackId, other]", "SUCCESS"),
    ] {
        let answer = template_target::stack(&conditional(condition));
        assert_eq!(answer["hookStatus"], status, "{condition}: {answer}");
        let certain = if status == "FAILED" { json!("NonCompliant") } else { Json::Null };
        assert_eq!(answer["errorCode"], certain, "{condition}");
        assert!(!answer["message"].as_str().unwrap().contains("alone"), "nothing is undetermined: {answer}");
    }
}

#[test]
fn exemptions_by_place_cover_a_resource_of_a_stack() {
    let document = json!({"template": conditional("!Equals [a, a]"), "previousTemplate": ""});
    for (condition, status) in [
        ("account = \"123456789012\"", "SUCCESS"),
        ("account = \"999999999999\"", "FAILED"),
        ("region = \"us-west-2\"", "SUCCESS"),
        ("region = \"eu-west-1\"", "FAILED"),
        ("stack_name = \"MyStack\"", "SUCCESS"),
        ("stack_name = \"Other\"", "FAILED"),
        ("logical_id = \"Web\"", "SUCCESS"),
        ("logical_id = \"Other\"", "FAILED"),
    ] {
        let text = format!(
            "[[exemption]]\nid = \"a\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2027-12-31\nports = \"80-87\"\n{condition}\n"
        );
        let answer = with_document(&invocation("STACK"), Ok(&document), &Config::read(Some(&text), None));
        assert_eq!(answer["hookStatus"], status, "{condition}: {answer}");
    }
}
