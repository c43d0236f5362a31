//! Tests of the policy's effect on an invocation: exemptions, known debt, and invalid files.

use super::*;

/// The load balancer that connects to its bridge-mode containers on ephemeral host ports.
const POLICY: &str = r#"
[[exemption]]
id = "lb-bridge-mode"
reason = "the load balancer reaches bridge-mode containers on ephemeral host ports"
owner = "platform@example.com"
expires = 2027-09-30
account = "123456789012"
region = "us-*"
stack_name = "lb-*"
resource_type = "AWS::EC2::SecurityGroup"
protocol = "tcp"
ports = "32768-65535"
destination = "10.0.0.0/16"
tags = { team = "edge" }
"#;

fn load_balancer() -> Json {
    let mut event = group(json!([
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"},
        {"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535, "CidrIp": "10.0.0.0/16"},
    ]));
    event["stackId"] = json!("arn:aws:cloudformation:us-west-2:123456789012:stack/lb-prod/1a2345b6");
    event["requestData"]["targetModel"]["resourceProperties"]["Tags"] = json!([{"Key": "team", "Value": "edge"}]);
    event
}

fn config(text: &str) -> Config {
    let config = Config::read(Some(text), None);
    assert_eq!(config.problem(), None);
    config
}

fn on(day: &str, event: &Json, config: &Config) -> Decision {
    decide(event.to_string().as_bytes(), config, day.parse().unwrap())
}

/// Returns the answer and the log lines, both validated.
fn answered(decision: &Decision) -> Json {
    let response = decision.response();
    let answer = serde_json::to_value(&response).unwrap();
    assert!(RESPONSE_SCHEMA.is_valid(&answer), "{answer}");
    let lines = log::lines(decision, &response, &DELIVERY);
    let mut lines: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        for known in ["stackId", "account", "region", "stackName", "message", "timestampMillis", "EvaluationTime"] {
            line.remove(known);
        }
        line.remove("evaluationMicros");
        let directive = line.remove("_aws").unwrap()["CloudWatchMetrics"][0].clone();
        assert_eq!((&directive["Dimensions"][0][0], &line["Guard"]), (&json!("Guard"), &json!("guard")));
        let dimension = directive["Dimensions"][0][1].as_str().unwrap();
        assert!(line[dimension].is_string() && line[directive["Metrics"][0]["Name"].as_str().unwrap()].is_number());
    }
    json!({ "answer": answer, "log": lines })
}

#[test]
fn an_exempted_rule_is_let_through_and_says_so() {
    insta::assert_json_snapshot!(answered(&on("2027-06-15", &load_balancer(), &config(POLICY))));
}

#[test]
fn an_exemption_warns_from_thirty_days_before_its_end() {
    let config = config(POLICY);
    let message = |day| on(day, &load_balancer(), &config).message();
    assert!(!message("2027-08-30").contains("ends"), "{}", message("2027-08-30"));
    for (day, says) in [
        ("2027-08-31", "Exemption lb-bridge-mode ends in 30 days, on 2027-09-30"),
        ("2027-09-29", "ends tomorrow, on 2027-09-30"),
        ("2027-09-30", "ends today, on 2027-09-30"),
    ] {
        let decision = on(day, &load_balancer(), &config);
        assert_eq!(decision.verdict(), "exempted");
        let essence: String = decision.message().chars().take(400).collect();
        assert!(essence.contains(says), "{essence}");
        let annotation = &decision.response().annotations[0];
        assert!(annotation.remediation_message.contains(says), "{annotation:?}");
    }
}

#[test]
fn after_its_end_the_rule_blocks_again_and_says_which_exemption_has_expired() {
    let decision = on("2027-10-01", &load_balancer(), &config(POLICY));
    assert!(decision.message().contains("Exemption lb-bridge-mode covered it and expired on 2027-09-30 (yesterday)"));
    insta::assert_json_snapshot!(answered(&decision));
}

/// A rule that is not completely covered by the exemption is blocked as without one.
#[test]
fn nothing_beyond_its_conditions_is_exempted() {
    let egress = "/requestData/targetModel/resourceProperties/SecurityGroupEgress/1";
    let tags = "/requestData/targetModel/resourceProperties/Tags";
    let config = config(POLICY);
    assert_eq!(on("2027-06-15", &load_balancer(), &config).verdict(), "exempted");
    for (place, value) in [
        ("/awsAccountId", json!("999999999999")),
        ("/awsAccountId", json!(null)),
        ("/stackId", json!("arn:aws:cloudformation:eu-west-1:123456789012:stack/lb-prod/1a")),
        ("/stackId", json!("arn:aws:cloudformation:us-west-2:123456789012:stack/my-lb-prod/1a")),
        ("/stackId", json!(null)),
        (egress, json!({"IpProtocol": "tcp", "FromPort": 32767, "ToPort": 65535, "CidrIp": "10.0.0.0/16"})),
        (egress, json!({"IpProtocol": "tcp", "FromPort": "32768", "ToPort": 65535, "CidrIp": "10.0.0.0/15"})),
        (egress, json!({"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535, "CidrIp": "010.0.0.0/16"})),
        (egress, json!({"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535, "CidrIpv6": "::ffff:10.0.0.0/112"})),
        (egress, json!({"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535})),
        (
            egress,
            json!({"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535, "CidrIp": "10.0.0.0/16", "CidrIpv6": "::/0"}),
        ),
        (
            egress,
            json!({"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535, "CidrIp": "10.0.0.0/16",
                "DestinationSecurityGroupId": "sg-1"}),
        ),
        (egress, json!({"IpProtocol": "udp", "FromPort": 32768, "ToPort": 65535, "CidrIp": "10.0.0.0/16"})),
        (egress, json!({"IpProtocol": "-1", "FromPort": 32768, "ToPort": 65535, "CidrIp": "10.0.0.0/16"})),
        (
            egress,
            json!({"IpProtocol": "tcp", "FromPort": 40000, "ToPort": "{{resolve:ssm:p}}", "CidrIp": "10.0.0.0/16"}),
        ),
        (egress, json!({"IpProtocol": "tcp", "FromPort": 65535, "ToPort": 32768, "CidrIp": "10.0.0.0/16"})),
        (egress, json!({"IpProtocol": "tcp", "FromPort": "32768", "ToPort": "0xffff", "CidrIp": "10.0.0.0/16"})),
        (egress, json!({"IpProtocol": "tcp", "ToPort": 65535, "CidrIp": "10.0.0.0/16"})),
        (egress, json!("tcp 32768-65535 10.0.0.0/16")),
        (egress, json!([{"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535, "CidrIp": "10.0.0.0/16"}])),
        (tags, json!([])),
        (tags, json!(null)),
        (tags, json!([{"Key": "team", "Value": "edges"}])),
        (tags, json!([{"Key": "team", "Value": "edge"}, {"Key": "team", "Value": "other"}])),
        (tags, json!([{"Key": "team", "Value": "{{resolve:ssm:edge}}"}])),
        (tags, json!({"team": "edge"})),
        ("/requestData/targetName", json!("AWS::EC2::SecurityGroupEgress")),
    ] {
        let mut event = load_balancer();
        *event.pointer_mut(place).unwrap() = value.clone();
        let answer = answered(&on("2027-06-15", &event, &config));
        assert_eq!(answer["answer"]["errorCode"], "NonCompliant", "{place} {value}");
        assert!(!answer.to_string().contains("exemptedRules"), "{place} {value}");
    }
    // A rule that opens less is still covered.
    for rule in [
        json!({"IpProtocol": "6", "FromPort": "40000", "ToPort": 40001, "CidrIp": "10.0.9.0/24"}),
        json!({"IpProtocol": "TCP", "FromPort": 32768, "ToPort": 65535.0, "CidrIp": "10.0.0.1/16", "Description": "x"}),
    ] {
        let mut event = load_balancer();
        *event.pointer_mut(egress).unwrap() = rule;
        assert_eq!(on("2027-06-15", &event, &config).verdict(), "exempted");
    }
}

#[test]
fn one_rule_beyond_the_exemption_blocks_the_whole_group() {
    let mut event = load_balancer();
    let rules =
        event["requestData"]["targetModel"]["resourceProperties"]["SecurityGroupEgress"].as_array_mut().unwrap();
    rules.push(json!({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}));
    let answer = answered(&on("2027-06-15", &event, &config(POLICY)));
    let statuses: Vec<_> =
        answer["answer"]["annotations"].as_array().unwrap().iter().map(|a| a["status"].clone()).collect();
    assert_eq!(answer["answer"]["errorCode"], "NonCompliant");
    assert_eq!(statuses, ["FAILED", "SKIPPED"], "the annotation that blocks comes first");
    assert!(answer["answer"]["message"].as_str().unwrap().contains("1 of 3 egress rules"), "{answer}");
}

const ALLOW: &str = "unchanged_rules = 'allow'";

/// Returns an update from one list of egress rules to another that also changes a tag.
fn update(before: &[Json], now: &[Json]) -> Json {
    let mut event = group(json!(now));
    event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
    event["requestData"]["targetModel"]["previousResourceProperties"] =
        json!({"GroupDescription": "x", "Tags": [{"Key": "k", "Value": "before"}], "SecurityGroupEgress": before});
    event
}

fn old() -> Json {
    json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "0.0.0.0/0"})
}

#[test]
fn a_tag_change_on_an_old_group_is_let_through_as_known_debt() {
    insta::assert_json_snapshot!(answered(&on("2027-06-15", &update(&[old()], &[old()]), &config(ALLOW))));
}

#[test]
fn unchanged_rules_block_unless_the_policy_allows_them() {
    let today = "2027-06-15";
    let wide = json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 88, "CidrIp": "0.0.0.0/0"});
    let spelled = json!({"CidrIp": "0.0.0.0/0", "ToPort": "87", "FromPort": "80", "IpProtocol": "TCP"});
    let described =
        json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "0.0.0.0/0", "Description": "what for"});
    let allow = config(ALLOW);
    for (before, now, expected) in [
        (vec![old()], vec![old()], "known-debt"),
        (vec![old()], vec![spelled], "known-debt"),
        (vec![old()], vec![described], "known-debt"),
        (vec![old(), old()], vec![old()], "known-debt"),
        (vec![old()], vec![old(), old()], "non-compliant"),
        (vec![old()], vec![wide.clone()], "non-compliant"),
        (vec![old()], vec![old(), wide], "non-compliant"),
        (vec![], vec![old()], "non-compliant"),
        (vec![old()], vec![], "compliant"),
    ] {
        let event = update(&before, &now);
        assert_eq!(on(today, &event, &allow).verdict(), expected, "{event}");
        let blocked = if now.is_empty() { "compliant" } else { "non-compliant" };
        assert_eq!(on(today, &event, &config("")).verdict(), blocked, "{event}");
    }
    let mut event = update(&[old()], &[old()]);
    event["actionInvocationPoint"] = json!("CREATE_PRE_PROVISION");
    assert_eq!(on(today, &event, &allow).verdict(), "non-compliant", "a creation has nothing before it");
    for nothing in [json!(null), json!({}), json!("")] {
        let mut event = update(&[old()], &[old()]);
        event["requestData"]["targetModel"]["previousResourceProperties"] = nothing;
        assert_eq!(on(today, &event, &allow).verdict(), "non-compliant");
    }
}

#[test]
fn an_update_that_changes_nothing_is_always_let_through_under_allow() {
    for properties in [
        json!({"SecurityGroupEgress": [old(), {"IpProtocol": "tcp", "FromPort": "{{resolve:secretsmanager:p}}"}]}),
        json!({"SecurityGroupEgress": ["tcp", 7, null]}),
        json!({"SecurityGroupEgress": "all"}),
    ] {
        let mut event = event("AWS::EC2::SecurityGroup", properties.clone());
        event["actionInvocationPoint"] = json!("UPDATE_PRE_PROVISION");
        event["requestData"]["targetModel"]["previousResourceProperties"] = properties;
        assert_eq!(on("2027-06-15", &event, &config(ALLOW)).verdict(), "known-debt");
        assert_eq!(on("2027-06-15", &event, &config("")).verdict(), "non-compliant");
    }
}

#[test]
fn a_policy_that_cannot_be_used_fails_every_invocation_closed() {
    let broken = Config::read(Some("preset = 'literal'\n\n[[exemption]]\nid = 'a'\n"), None);
    for event in [load_balancer(), event("AWS::S3::Bucket", json!({}))] {
        let answer = answer_bytes(event.to_string().as_bytes(), &broken);
        assert_eq!(answer["errorCode"], "InternalFailure");
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer["message"].as_str().unwrap(), @r#"cfn-egress-guard is misconfigured: every check fails until this is fixed: policy.toml, line 3, column 1: `reason` is missing: add reason = "the load balancer reaches containers on ephemeral host ports" (and 2 more mistakes). The owners of the guard can restore the previous version with: policy.sh --fast back"#);
        }
    }
    let unreadable = answer_bytes(range().to_string().as_bytes(), &Config::unreadable("permission denied"));
    assert_eq!(unreadable["errorCode"], "InternalFailure");
    assert!(unreadable["message"].as_str().unwrap().contains("policy.toml, permission denied"), "{unreadable}");
}

#[test]
fn the_variable_overrides_the_preset_of_the_file_and_nothing_else() {
    let ping = group(json!([{"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "10.0.0.0/8"}]));
    let verdict = |file: &str, preset| on("2027-06-15", &ping, &Config::read(Some(file), preset)).verdict();
    assert_eq!(verdict("", None), "non-compliant");
    assert_eq!(verdict("preset = 'effective'", None), "compliant");
    assert_eq!(verdict("preset = 'effective'", Some("literal")), "non-compliant");
    assert_eq!(verdict("preset = 'literal'", Some("effective")), "compliant");
    assert_eq!(verdict("settings.icmp_type_and_code = 'block'", Some("effective")), "non-compliant");
    assert_eq!(verdict("preset = 'effective'", Some("lax")), "internal-failure");
}

fn any_rule() -> impl Strategy<Value = Json> {
    let port = prop_oneof![Just(json!(80)), Just(json!("80")), Just(json!(81)), Just(json!(90)), Just(json!(null))];
    let protocol = prop_oneof![Just("tcp"), Just("-1"), Just("x")];
    (port.clone(), port, protocol, prop_oneof![Just("10.0.0.0/8"), Just("0.0.0.0/0")]).prop_map(
        |(from, to, protocol, cidr)| json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to, "CidrIp": cidr}),
    )
}

proptest! {
    /// The oracle: every rule that would block on its own existed before, and each entry counts once.
    #[test]
    fn allow_never_lets_a_rule_through_that_was_not_there(
        before in prop::collection::vec(any_rule(), 0..5), now in prop::collection::vec(any_rule(), 0..5),
    ) {
        let allow = config(ALLOW);
        let verdict = |rules: &[Json], config: &Config| on("2027-06-15", &update(&before, rules), config).verdict();
        let text = |rule: &Json| rule.to_string().replace('"', "");
        let mut left: Vec<String> = before.iter().map(text).collect();
        let mut new_offence = false;
        for rule in &now {
            if verdict(std::slice::from_ref(rule), &config("")) == "non-compliant" {
                match left.iter().position(|other| *other == text(rule)) {
                    Some(position) => { left.remove(position); }
                    None => new_offence = true,
                }
            }
        }
        let allowed = verdict(&now, &allow) != "non-compliant";
        prop_assert!(!(allowed && new_offence));
        // A rule that EC2 would refuse is compared as written, which may be stricter.
        let odd = now.iter().any(|rule| rule["IpProtocol"] == "x");
        prop_assert!(allowed || new_offence || odd);
    }
}

#[test]
fn what_expires_soon_comes_first() {
    let rule = |port: u16| json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port + 1, "CidrIp": "10.0.0.0/16"});
    let exemption = |id: &str, expires: &str, from: u16| {
        format!(
            "[[exemption]]\nid = \"{id}\"\nreason = \"x\"\nowner = \"x\"\nexpires = {expires}\nports = \"{from}-{}\"\n",
            from + 1
        )
    };
    let text = exemption("late", "2028-01-01", 10) + &exemption("soon", "2027-07-01", 20);
    let decision = on("2027-06-15", &group(json!([rule(10), rule(20)])), &config(&text));
    let message = decision.response().message;
    let place = |text: &str| message.find(text).unwrap_or_else(|| panic!("{text}: {message}"));
    assert!(place("soon") < place("late"), "{message}");
}

#[test]
fn a_block_names_whom_to_ask() {
    let contact = "platform@example.com";
    let with = config(&format!("contact = \"{contact}\""));
    let without = config("");
    let wide = group(json!([{"IpProtocol": "tcp", "FromPort": 32768, "ToPort": 65535, "CidrIp": "10.0.0.0/16"}]));
    let narrow = group(json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/16"}]));
    let fine = group(json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/16"}]));
    let rules: Vec<Json> = (0..200)
        .map(|port| json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port + 9, "CidrIp": "10.0.0.0/16"}))
        .collect();
    let many = group(json!(rules));
    for (event, blocks) in [(&wide, true), (&narrow, true), (&many, true), (&fine, false)] {
        let answer = on("2027-01-01", event, &with).response();
        assert_eq!(answer.message.contains(contact), blocks, "{}", answer.message);
        assert!(answer.message.chars().count() <= MESSAGE_CHARS);
        assert_eq!(answer.message.ends_with(&format!("\nQuestions and exemptions: {contact}.")), blocks);
        let annotations = serde_json::to_value(&answer.annotations).unwrap();
        let listed = annotations.as_array().unwrap().iter().take(99);
        for annotation in listed.filter(|annotation| annotation["status"] == "FAILED") {
            assert!(annotation["remediationMessage"].as_str().unwrap().contains(contact), "{annotation}");
        }
        assert!(!on("2027-01-01", event, &without).response().message.contains("Questions"));
    }
    let message = on("2027-01-01", &wide, &with).response().message;
    assert!(message.contains("If the whole range is needed, ask platform@example.com for an exemption"), "{message}");
    assert!(!message.contains("FromPort: 443"), "{message}");
}

#[test]
fn each_decision_says_which_policy_decided() {
    let lines = |config: &Config| -> Json {
        let decision = on("2027-01-01", &load_balancer(), config);
        let policy = config.policy_origin();
        let delivery = log::Delivery {
            request_id: "r",
            guard: "guard",
            policy_source: policy.source(),
            policy_sha256: policy.sha256(),
            timestamp_millis: 1,
            evaluation_micros: 1,
        };
        let lines = log::lines(&decision, &decision.response(), &delivery);
        serde_json::from_str(lines.lines().next().unwrap()).unwrap()
    };
    let line = lines(&config(""));
    // `printf '' | sha256sum`
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!((&line["policySource"], &line["policySha256"]), (&json!("policy.toml"), &json!(empty)));
    let line = lines(&Config::read(Some("preset = 'x'"), None));
    assert_eq!((&line["policySource"], &line["verdict"]), (&json!("policy.toml"), &json!("internal-failure")));
    assert_eq!(line["policySha256"].as_str().unwrap().len(), 64, "a broken file, too, is one that can be found");
    let line = lines(&Config::read(None, None));
    assert_eq!((&line["policySource"], line.get("policySha256")), (&json!("none"), None));
    assert_eq!(lines(&Config::unreadable("no"))["policySource"], "policy.toml");
}
