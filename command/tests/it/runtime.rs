//! The real `bootstrap` over a real loopback Runtime API.

use serde_json::{Value as Json, json};

use crate::support::{answer, bootstrap, event, function, group, read};

#[tokio::test]
async fn one_process_answers_one_event_after_the_other() {
    let mut function = function(&[]).await;
    for _ in 0..50 {
        let blocked = answer(&mut function, group(80, 87).to_string()).await;
        assert_eq!(blocked["errorCode"], "NonCompliant");
        let passed = answer(&mut function, group(443, 443).to_string()).await;
        assert_eq!(passed["hookStatus"], "SUCCESS");
    }
}

#[tokio::test]
async fn whatever_bytes_arrive_are_answered_and_the_process_lives_on() {
    let mut function = function(&[]).await;
    let process = function.process_id();
    let deep = "[".repeat(10_000);
    let six_megabytes = format!("{{\"x\": \"{}\"", "y".repeat(6_000_000));
    let many_rules = event(
        "AWS::EC2::SecurityGroup",
        &json!({"SecurityGroupEgress": vec![json!({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}); 20_000]}),
    );
    for (bytes, code) in [
        (b"".to_vec(), "InternalFailure"),
        (b"not json".to_vec(), "InternalFailure"),
        (b"\xff\xfe\x00".to_vec(), "InternalFailure"),
        (b"{\"clientRequestToken\": \"\xc3\x28\"}".to_vec(), "InternalFailure"),
        (b"null".to_vec(), "InternalFailure"),
        (deep.into_bytes(), "InternalFailure"),
        (six_megabytes.into_bytes(), "InternalFailure"),
        (many_rules.to_string().into_bytes(), "NonCompliant"),
        (event("AWS::EC2::SecurityGroup", &json!("text")).to_string().into_bytes(), "NonCompliant"),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        assert_eq!(answer(&mut function, bytes).await["errorCode"], code, "{shown}");
    }
    assert_eq!(answer(&mut function, group(443, 443).to_string()).await["hookStatus"], "SUCCESS");
    assert_eq!(function.process_id(), process);
}

#[tokio::test]
async fn the_environment_chooses_the_preset() {
    let ping = event(
        "AWS::EC2::SecurityGroupEgress",
        &json!({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "10.0.0.0/8"}),
    )
    .to_string();
    for (environment, expected) in [
        (vec![], json!("NonCompliant")),
        (vec![("EGRESS_PRESET", "literal")], json!("NonCompliant")),
        (vec![("EGRESS_PRESET", "effective")], Json::Null),
        (vec![("EGRESS_PRESET", "Effective")], json!("InternalFailure")),
        (vec![("EGRESS_PRESET", "")], json!("InternalFailure")),
    ] {
        let mut function = function(&environment).await;
        let answer = answer(&mut function, ping.as_str()).await;
        assert_eq!(answer["errorCode"], expected, "{environment:?}");
        if expected == "InternalFailure" {
            assert!(answer["message"].as_str().unwrap().contains("`literal` or `effective`"), "{answer}");
        }
    }
}

#[tokio::test]
async fn each_invocation_is_logged_on_one_line_as_json() {
    let mut function = function(&[]).await;
    answer(&mut function, group(80, 87).to_string()).await;
    answer(&mut function, group(443, 443).to_string()).await;
    let mut lines: Vec<Json> = Vec::new();
    for _ in 0..200 {
        lines = function.output().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["decision", "offending-rules", "decision"]);
    assert_eq!(lines[0]["verdict"], "non-compliant");
    assert_eq!(lines[0]["requestId"], "00000000-0000-4000-8000-000000000001");
    assert_eq!(lines[2]["verdict"], "compliant");
}

/// An event from EventBridge is recorded in a log line and gets an empty answer; a hook invocation after it is
/// answered.
#[tokio::test]
async fn an_event_of_eventbridge_gets_no_hooks_answer() {
    for (call, expected) in [
        ("authorize", vec![("direct-call", "non-compliant"), ("decision", "compliant")]),
        ("modify-one", vec![("direct-call", "undetermined"), ("decision", "compliant")]),
        ("create-group", vec![("direct-call", "compliant"), ("decision", "compliant")]),
        ("by-cloudformation", vec![("decision", "compliant")]),
        ("refused", vec![("decision", "compliant")]),
    ] {
        let mut function = function(&[]).await;
        let event = read(&format!("tests/fixtures/direct-calls/{call}.json"));
        assert_eq!(function.invoke(event.into_bytes().into()).await.unwrap(), "null", "{call}");
        assert_eq!(answer(&mut function, group(443, 443).to_string()).await["hookStatus"], "SUCCESS");
        // The hook's decision is the last line: any other line must be before it.
        let mut lines: Vec<Json> = Vec::new();
        for _ in 0..200 {
            lines = function.output().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            if lines.last().is_some_and(|line| line["event"] == "decision") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let decisions = lines.iter().filter(|line| line["verdict"].is_string());
        let described: Vec<_> =
            decisions.map(|line| (line["event"].as_str().unwrap(), line["verdict"].as_str().unwrap())).collect();
        assert_eq!(described, expected, "{call}");
    }
}

#[test]
fn started_by_hand_it_says_what_it_is() {
    let output = std::process::Command::new(bootstrap()).env_clear().envs(crate::support::coverage()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cfn-egress-guard rehearse"), "{said}");
}

/// Returns the peak memory of a process, in kilobytes.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Lambda's largest event has 6 MB; the function has 256 MB by default.
#[tokio::test]
async fn every_event_of_six_megabytes_is_answered_within_200_megabytes() {
    const BYTES: usize = 6_000_000;
    let repeated = |part: &str| vec![part; BYTES / (part.len() + 1)].join(",");
    let keys = |value: &str| {
        let each: Vec<String> = (0..BYTES / (value.len() + 12)).map(|key| format!("\"k{key:07}\":{value}")).collect();
        each.join(",")
    };
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let rule = r#"{"IpProtocol":"tcp","FromPort":1,"ToPort":2}"#;
    for (name, properties) in [
        ("deep lists", format!(r#"{{"SecurityGroupEgress":[{}]}}"#, repeated(&deep))),
        ("small objects", format!(r#"{{"SecurityGroupEgress":[{}]}}"#, repeated(r#"{"":0}"#))),
        ("empty lists", format!(r#"{{"SecurityGroupEgress":[{}]}}"#, repeated("[]"))),
        ("rules", format!(r#"{{"SecurityGroupEgress":[{}]}}"#, repeated(rule))),
        ("keys", format!("{{{}}}", keys("0"))),
        ("keys of a rule", format!(r#"{{"SecurityGroupEgress":[{{{}}}]}}"#, keys("0"))),
        ("deep ports", format!(r#"{{"SecurityGroupEgress":[{{"FromPort":[{}]}}]}}"#, repeated(&deep))),
        ("tags", format!(r#"{{"Tags":[{}]}}"#, repeated(r#"{"Key":"a"}"#))),
        ("no object", format!("[{}]", repeated("0"))),
    ] {
        let mut function = function(&[]).await;
        let mut event = event("AWS::EC2::SecurityGroup", &json!({})).to_string();
        event = event.replacen(r#""resourceProperties":{}"#, &format!(r#""resourceProperties":{properties}"#), 1);
        assert!(event.len() > BYTES * 9 / 10, "{name}: {}", event.len());
        let answer = answer(&mut function, event).await;
        assert_ne!(answer["errorCode"], "InternalFailure", "{name}: {answer}");
        let peak = peak_memory(function.process_id().unwrap());
        assert!(peak < 200_000, "{name}: {peak} kB");
        println!("{name}: {peak} kB");
    }
}
