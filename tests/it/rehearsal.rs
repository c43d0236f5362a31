//! `rehearse`, the command, with the real function.

use serde_json::Value as Json;

use crate::support::{command, stderr, stdout};

#[test]
fn a_compliant_template_goes_through() {
    let output = command(&["rehearse", "examples/compliant.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_non_compliant_template_is_blocked_and_rolled_back() {
    let output = command(&["rehearse", "examples/non-compliant.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_warning_lets_it_pass_and_is_told() {
    let output = command(&["rehearse", "--failure-mode", "WARN", "examples/non-compliant.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table = stdout(&output);
    assert!(table.contains("HOOK_COMPLETE_FAILED") && !table.contains("ROLLBACK"), "{table}");
    assert!(table.contains("with a warning; under failure mode FAIL the hook would block it"), "{table}");
}

#[test]
fn an_update_sends_the_previous_properties_and_rolls_back_to_them() {
    let output = command(&["rehearse", "--update-from", "examples/compliant.yaml", "examples/non-compliant.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn the_published_examples_pass_and_fail_through_the_real_function() {
    for (template, code) in [("compliant", 0), ("non-compliant", 1)] {
        for format in ["yaml", "json"] {
            let path = format!("tests/fixtures/published-rule/{template}.{format}");
            let output = command(&["rehearse", &path]);
            assert_eq!(output.status.code(), Some(code), "{path}: {}", stderr(&output));
        }
    }
    // Under WARN the deployment goes on, so both resources are asked about.
    let output = command(&["rehearse", "--failure-mode", "WARN", "tests/fixtures/published-rule/non-compliant.yaml"]);
    let failed = stdout(&output).lines().filter(|line| line.contains("HOOK_COMPLETE_FAILED")).count();
    assert_eq!(failed, 2, "the group and the standalone rule");
}

#[test]
fn json_has_the_shape_of_describe_stack_events_newest_first() {
    let output = command(&["rehearse", "--format", "json", "examples/non-compliant.yaml"]);
    let events: Json = serde_json::from_slice(&output.stdout).unwrap();
    let events = events["StackEvents"].as_array().unwrap();
    let first = events.last().unwrap();
    assert_eq!(first["ResourceStatus"], "CREATE_IN_PROGRESS");
    assert_eq!(events[0]["ResourceStatus"], "ROLLBACK_COMPLETE");
    let hook = events.iter().find(|event| event["HookStatus"] == "HOOK_COMPLETE_FAILED").unwrap();
    assert_eq!(hook["HookInvocationPoint"], "PRE_PROVISION");
    assert_eq!(hook["HookFailureMode"], "FAIL");
    assert!(
        hook["HookStatusReason"].as_str().unwrap().starts_with("Hook failed with message: AWS::EC2::SecurityGroup")
    );
    for event in events {
        for field in ["StackId", "EventId", "StackName", "LogicalResourceId", "ResourceType", "Timestamp"] {
            assert!(event[field].is_string(), "{event}");
        }
    }
}

#[test]
fn values_of_parameters_decide() {
    let port = |value: &str| command(&["rehearse", "examples/compliant.yaml", "-p", &format!("HttpsPort={value}")]);
    assert_eq!(port("443").status.code(), Some(0));
    let blocked = port("8443");
    assert_eq!(blocked.status.code(), Some(1));
    assert!(stdout(&blocked).contains("tcp 8443-443 to 0.0.0.0/0 runs backwards"), "{}", stdout(&blocked));
}

#[test]
fn what_cannot_be_rehearsed_says_why() {
    for (arguments, says) in [
        (vec!["rehearse", "examples/no-such-file.yaml"], "reading `examples/no-such-file.yaml`"),
        (vec!["rehearse", "Makefile"], "Makefile"),
        (vec!["rehearse", "--bootstrap", "no-such-program", "examples/compliant.yaml"], "--bootstrap"),
        (vec!["rehearse", "--endpoint", "127.0.0.1:1", "examples/compliant.yaml"], "http://"),
        (vec!["rehearse", "--endpoint", "http://127.0.0.1:1", "examples/compliant.yaml"], "127.0.0.1:1"),
        (vec!["rehearse", "--preset", "lax", "examples/compliant.yaml"], "effective"),
        (vec!["rehearse", "--bootstrap", "/bin/false", "examples/non-compliant.yaml"], "the function ended"),
    ] {
        let output = command(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
}
