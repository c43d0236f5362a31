//! Direct calls in `audit`: log lines as the function writes them, in the shapes of `FilterLogEvents` (JSON 1.1;
//! source: the output structure of aws-sdk-cloudwatchlogs 1.162) and of the requests that lead there.

use cfn_egress_guard_core::log::Delivery;
use cfn_egress_guard_core::rule::policy::{Date, Policy};
use cfn_egress_guard_core::watch::{self, WatchOutcome};
use serde_json::{Value as Json, json};

use super::audit::{aws, ids, json};
use super::function::Function;
use super::server::{Answer, Reply, Request, Server, answered, escaped};
use crate::support::{read, stderr, stdout};

/// The function's log lines for a recorded call: its own line, and those of its metrics.
fn lines(call: &str) -> String {
    lines_under(&Policy::default(), call)
}

fn lines_under(policy: &Policy, call: &str) -> String {
    let event = read(&format!("tests/fixtures/direct-calls/{call}.json"));
    let WatchOutcome::Decided(decision) = watch::decide(event.as_bytes(), Ok(policy), Date::of_unix_seconds(0)) else {
        panic!("{call} is ignored")
    };
    let delivery = Delivery {
        request_id: "r",
        guard: "guard",
        policy_source: "none",
        policy_sha256: None,
        timestamp_millis: 1,
        evaluation_micros: 1,
    };
    watch::lines(&decision, &delivery)
}

fn function(variables: Json, sums: &[(&'static str, f64)]) -> Function {
    let more = json!({
        "Environment": {"Variables": variables},
        "LoggingConfig": {"LogGroup": "/aws/lambda/guard-stack", "LogFormat": "Text"},
    });
    Function { more, sums: sums.to_vec(), ..Function::new() }
}

/// The hook's configuration, which names the function.
fn configuration(function: &str) -> Answer {
    let configuration = json!({"CloudFormationConfiguration": {"HookConfiguration": {
        "FailureMode": "FAIL", "Properties": {"LambdaFunction": function}}}});
    let configuration = escaped(&configuration.to_string());
    answered(
        "BatchDescribeTypeConfigurations",
        &format!(
            "<TypeConfigurations><member><Configuration>{configuration}</Configuration></member></TypeConfigurations>"
        ),
    )
}

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:guard:live";

/// An account in which the function recorded these calls, one page of the log for each.
fn account(function: Function, calls: Vec<String>) -> impl Fn(&Request) -> Reply {
    move |request| match request.action.as_str() {
        "BatchDescribeTypeConfigurations" => {
            let asked = |field: &str| request.field(&format!("TypeConfigurationIdentifiers.member.1.{field}"));
            let by_name = (asked("Type"), asked("TypeName"), asked("TypeArn"));
            assert_eq!(by_name, ("HOOK", "Security::Egress::SinglePort", ""), "as status asks");
            configuration(FUNCTION).into()
        }
        "FilterLogEvents" => {
            let asked: Json = serde_json::from_str(&request.body).unwrap();
            assert_eq!(asked["filterPattern"], "{ $.event = \"direct-call\" }");
            assert!(asked["startTime"].as_i64() < asked["endTime"].as_i64(), "{asked}");
            let at: usize = asked["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
            let events: Vec<Json> = calls.get(at).into_iter().flat_map(|lines| lines.lines()).map(message).collect();
            let mut body = json!({"events": events, "searchedLogStreams": []});
            if at < calls.len() {
                body["nextToken"] = json!((at + 1).to_string());
            }
            log_reply(200, &body)
        }
        path if path.contains("/functions/") => {
            assert!(path.ends_with("/configuration?Qualifier=live"), "{path}");
            function.configured()
        }
        _ => function.reply(request).unwrap_or_else(|| aws(request).into()),
    }
}

fn message(line: &str) -> Json {
    json!({"logStreamName": "s", "timestamp": 1, "ingestionTime": 1, "eventId": "1", "message": format!("{line}\n")})
}

fn log_reply(status: u16, body: &Json) -> Reply {
    Reply { status, headers: "content-type: application/x-amz-json-1.1\r\n", body: body.to_string().into_bytes() }
}

fn refused_log(code: &str) -> Reply {
    let message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: logs:FilterLogEvents";
    log_reply(400, &json!({"__type": code, "message": message}))
}

fn asked(server: &Server, action: &str) -> usize {
    server.seen().iter().filter(|request| request.action == action).count()
}

fn direct(result: &Json) -> Vec<&Json> {
    result["results"].as_array().unwrap().iter().filter(|result| !result["call"].is_null()).collect()
}

/// One call delivered twice, one that passes, and lines about other events.
fn calls() -> Vec<String> {
    let noise = "START RequestId: r Version: 7\n{\"event\": \"decision\"}\n{\"event\": 1}\n".to_owned();
    vec![lines("authorize"), noise, lines("modify-one"), lines("authorize"), lines("authorize-one-port")]
}

const COUNTED: &[(&str, f64)] = &[("info", 1.0), ("warn", 3.0)];

#[test]
fn direct_calls_are_listed_once_beside_the_hooks_results_as_not_blocked() {
    let server = Server::start(account(function(json!({"GUARD_NAME": "guard-stack"}), COUNTED), calls()));
    let (code, result) = json(&server, &[]);
    // The hook's results are unchanged: one of them has expired, hence 2.
    assert_eq!(code, Some(2));
    assert_eq!(result["directCallsUnread"], Json::Null);
    let hooks: Vec<_> = ids(&result).into_iter().filter(|id| id.len() == 2).collect();
    assert_eq!(hooks, ["r3", "r2", "r1"]);
    let direct = direct(&result);
    let described: Vec<_> = direct
        .iter()
        .map(|one| (one["call"]["operation"].as_str().unwrap(), one["call"]["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        described,
        [("AuthorizeSecurityGroupEgress", "non-compliant"), ("ModifySecurityGroupRules", "undetermined")],
        "each call once, without the calls that pass"
    );
    let opened = direct[0];
    assert_eq!(opened["status"], "DIRECT_CALL_NOT_BLOCKED");
    assert_eq!((&opened["targetType"], &opened["targetId"]), (&json!("DIRECT_CALL"), &json!("sg-0123456789abcdef0")));
    assert_eq!(
        (&opened["at"], &opened["account"], &opened["region"]),
        (&json!("2026-11-20T10:15:30Z"), &json!("123456789012"), &json!("eu-west-1"))
    );
    assert_eq!(opened["call"]["tool"], "Terraform");
    assert_eq!(opened["annotations"].as_array().unwrap().len(), 3, "a line for each egress rule");
    assert!(opened["reason"].as_str().unwrap().contains("The call was not blocked"), "{opened}");

    let (_, result) = json(&server, &["--status", "succeeded"]);
    let described: Vec<_> = self::direct(&result).iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(described, ["DIRECT_CALL_PASSED"]);
}

/// Only an egress rule that breaks the rule is one that failed, whatever else the message mentions.
#[test]
fn exempted_rules_and_notes_are_no_failures() {
    let policy = "[[exemption]]\nid = 'peers'\nreason = 'moved next year'\nowner = 'net'\nexpires = 2027-01-01\n\
                  protocol = 'tcp'\nports = '80-87'\ndestination = '10.0.0.0/16'\n";
    let strict = cfn_egress_guard_core::policy::parse(policy).unwrap();
    let lax = cfn_egress_guard_core::policy::parse(&format!("preset = 'effective'\n{policy}")).unwrap();
    let calls = vec![lines_under(&strict, "authorize"), lines_under(&lax, "modify-one")];
    let server = Server::start(account(function(json!({}), &[]), calls));
    let (_, result) = json(&server, &[]);
    let direct = direct(&result);
    let of = |call: &Json| -> Vec<String> {
        let annotations = call["annotations"].as_array().unwrap().iter();
        annotations
            .map(|one| format!("{} {}", one["status"].as_str().unwrap(), one["message"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(
        of(direct[0]),
        [
            "FAILED ipPermissions[0].ipRanges[1]: tcp 80-87 to 0.0.0.0/0 (port-range)",
            "FAILED ipPermissions[0].ipv6Ranges[0]: tcp 80-87 to ::/0 (port-range)",
            "SKIPPED ipPermissions[0].ipRanges[0]: tcp 80-87 to 10.0.0.0/16 (port-range): exempt by peers (net) until \
             2027-01-01",
        ]
    );
    assert_eq!(of(direct[1]), ["FAILED sgr-0aaaaaaaaaaaaaaa1: tcp 1024-65535 to 0.0.0.0/0 (port-range)"]);
}

#[test]
fn every_format_has_them() {
    let server = Server::start(account(function(json!({}), &[]), calls()));
    let text = stdout(&server.command(&["audit", "--region", "eu-west-1"]));
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("not blocked")).collect();
    insta::assert_snapshot!(lines.join("\n"));
    let csv = stdout(&server.command(&["audit", "--region", "eu-west-1", "--format", "csv"]));
    let row = csv.lines().find(|line| line.contains("DIRECT_CALL_NOT_BLOCKED")).unwrap();
    assert!(row.ends_with(
        ",AuthorizeSecurityGroupEgress,arn:aws:sts::123456789012:assumed-role/NetworkAdmin/alice,203.0.113.7,Terraform"
    ) || row.ends_with(",203.0.113.7,AWS console"), "{row}");
    let page = stdout(&server.command(&["audit", "--region", "eu-west-1", "--format", "html"]));
    assert!(page.contains("</b>not blocked<") && page.contains("by arn:aws:sts::123456789012:assumed-role"), "{page}");
    let findings = stdout(&server.command(&["audit", "--region", "eu-west-1", "--format", "asff"]));
    let findings: Vec<Json> = findings
        .lines()
        .flat_map(|batch| serde_json::from_str::<Json>(batch).unwrap()["Findings"].as_array().unwrap().clone())
        .filter(|finding| finding["Id"].as_str().unwrap().contains("sg-0123456789abcdef0"))
        .collect();
    // The newest for the group, whichever comes first in the same second.
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["RecordState"], "ACTIVE");
}

/// A log of 90 days is long, so the metrics first show whether it contains direct calls.
#[test]
fn the_log_is_read_only_if_the_metrics_count_direct_calls() {
    let guard = || json!({"GUARD_NAME": "guard-stack"});
    for (variables, sums, pages) in [
        (guard(), vec![("info", 0.0), ("warn", 0.0)], 0),
        (guard(), vec![], 0),
        (guard(), vec![("info", 1.0)], 6),
        // Metrics without the guard's name.
        (json!({}), vec![], 6),
    ] {
        let server = Server::start(account(function(variables.clone(), &sums), calls()));
        json(&server, &[]);
        assert_eq!(asked(&server, "FilterLogEvents"), pages, "{variables} {sums:?}");
    }
    let denied = Function { refused: Some(("GetMetricData", "AccessDeniedException")), ..function(guard(), &[]) };
    let server = Server::start(account(denied, calls()));
    json(&server, &[]);
    assert_eq!(asked(&server, "FilterLogEvents"), 6, "what the metrics do not say, the log does");
}

/// A caller with the permissions of an earlier version gets the hook's results as before, and a report.
#[test]
fn what_cannot_be_read_takes_nothing_from_the_hooks_results() {
    for refused in ["BatchDescribeTypeConfigurations", "GetFunctionConfiguration", "FilterLogEvents"] {
        let function = match refused {
            "GetFunctionConfiguration" => {
                Function { refused: Some((refused, "AccessDeniedException")), ..function(json!({}), &[]) }
            }
            _ => function(json!({}), &[]),
        };
        let account = account(function, calls());
        let server = Server::start(move |request| match request.action.as_str() {
            "FilterLogEvents" if refused == "FilterLogEvents" => refused_log("AccessDeniedException"),
            "BatchDescribeTypeConfigurations" if refused == "BatchDescribeTypeConfigurations" => {
                super::server::refused(403, "AccessDenied", "no").into()
            }
            _ => account(request),
        });
        let (code, result) = json(&server, &["--until", "2026-11-22"]);
        assert_eq!((code, ids(&result)), (Some(1), vec!["r2", "r1"]), "{refused}");
        let why = result["directCallsUnread"].as_str().unwrap();
        assert!(why.contains(refused) && why.contains("is not allowed"), "{why}");
        let text = stdout(&server.command(&["audit", "--region", "eu-west-1"]));
        assert!(text.contains("These results exclude direct EC2 API calls"), "{text}");
    }
}

#[test]
fn a_log_that_is_named_has_to_be_there() {
    let gone = |request: &Request| -> Reply {
        match request.action.as_str() {
            "FilterLogEvents" => {
                let asked: Json = serde_json::from_str(&request.body).unwrap();
                assert!(["/mine", "/aws/lambda/guard-stack"].contains(&asked["logGroupName"].as_str().unwrap()));
                log_reply(400, &json!({"__type": "ResourceNotFoundException", "message": "no such group"}))
            }
            _ => account(function(json!({}), &[]), calls())(request),
        }
    };
    let server = Server::start(gone);
    let (code, result) = json(&server, &["--until", "2026-11-22"]);
    assert_eq!((code, &result["directCallsUnread"]), (Some(1), &Json::Null), "a function that never ran has no log");
    let (code, result) = json(&server, &["--until", "2026-11-22", "--decision-log", "/mine"]);
    assert_eq!((code, &result["unread"][0]["failure"]["action"]), (Some(2), &json!("logs:FilterLogEvents")));

    // Read without other requests.
    let server = Server::start(account(function(json!({}), &[]), calls()));
    let (_, result) = json(&server, &["--decision-log", "/mine"]);
    assert_eq!((direct(&result).len(), asked(&server, "BatchDescribeTypeConfigurations")), (2, 0));
    let output = server.command(&["audit", "--region", "eu-west-1", "--events", "web", "--decision-log", "/mine"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn a_central_function_of_another_account_recorded_none_of_this_one() {
    let account = account(function(json!({}), &[]), calls());
    let server = Server::start(move |request| match request.action.as_str() {
        "BatchDescribeTypeConfigurations" => {
            configuration("arn:aws:lambda:eu-west-1:210987654321:function:guard:live").into()
        }
        _ => account(request),
    });
    let (_, result) = json(&server, &[]);
    assert_eq!((direct(&result).len(), asked(&server, "FilterLogEvents")), (0, 0));
    assert_eq!(result["directCallsUnread"], Json::Null);
}
