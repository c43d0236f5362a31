//! `audit` against answers in the shapes of `ListHookResults`, `GetHookResult`, `DescribeType` and
//! `DescribeStackEvents` (source: the output structures of aws-sdk-cloudformation 1.136). The deviations are public: a
//! target type outside the model's enum and a reason without prefix in the test fixtures of aws-cdk-cli (pull request
//! 1768), results that expire after 90 days in the Hooks User Guide.

use serde_json::Value as Json;

use super::server::{Answer, Request, Server, answered, escaped, refused};
use crate::support::{stderr, stdout, validator};

const ALIAS: &str = "Security::Egress::SinglePort";
const ARN: &str = "arn:aws:cloudformation:eu-west-1:123456789012:type/hook/Security-Egress-SinglePort";

struct Result<'a> {
    id: &'a str,
    status: &'a str,
    at: &'a str,
    target: &'a str,
    /// The stack's ARN, or the token of a Cloud Control request.
    of: &'a str,
}

const WEB: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/51af3dc0-da77-11e4-872e-1234567db123";

const RESULTS: [Result<'_>; 4] = [
    Result { id: "r1", status: "HOOK_COMPLETE_FAILED", at: "2026-11-20T10:00:00Z", target: "RESOURCE", of: WEB },
    Result { id: "r2", status: "HOOK_COMPLETE_FAILED", at: "2026-11-21T10:00:00Z", target: "CHANGE_SET", of: WEB },
    Result { id: "r3", status: "HOOK_FAILED", at: "2026-11-22T10:00:00Z", target: "CLOUD_CONTROL", of: "token-1" },
    Result { id: "r4", status: "HOOK_COMPLETE_SUCCEEDED", at: "2026-11-23T10:00:00Z", target: "RESOURCE", of: WEB },
];

fn summary(result: &Result<'_>, alias: &str) -> String {
    let Result { id, status, at, target, of } = result;
    format!(
        "<member><HookResultId>{id}</HookResultId><InvocationPoint>PRE_PROVISION</InvocationPoint>\
         <FailureMode>{}</FailureMode><TypeName>{alias}</TypeName><TypeVersionId>00000001</TypeVersionId>\
         <Status>{status}</Status><HookStatusReason>listed {id}</HookStatusReason><InvokedAt>{at}</InvokedAt>\
         <TargetType>{target}</TargetType><TargetId>target-{id}</TargetId><TypeArn>{ARN}</TypeArn>\
         <HookExecutionTarget>{of}</HookExecutionTarget></member>",
        if *id == "r2" { "WARN" } else { "FAIL" }
    )
}

/// A hook without a known function: no direct calls are read.
pub(super) fn aws(request: &Request) -> Answer {
    match request.action.as_str() {
        "DescribeType" if request.field("TypeName") != ALIAS => refused(404, "TypeNotFoundException", "no such type"),
        "DescribeType" => answered("DescribeType", &format!("<Arn>{ARN}</Arn><TypeName>{ALIAS}</TypeName>")),
        "BatchDescribeTypeConfigurations" => {
            answered("BatchDescribeTypeConfigurations", "<TypeConfigurations></TypeConfigurations>")
        }
        "ListHookResults" => {
            let status = request.field("Status");
            if request.field("TypeArn").is_empty() && !status.is_empty() {
                return refused(400, "ValidationError", "a status needs a type ARN");
            }
            let all: Vec<_> = RESULTS.iter().filter(|result| status.is_empty() || result.status == status).collect();
            // One on a page, and the last page points to an empty one.
            let at: usize = request.field("NextToken").parse().unwrap_or_default();
            let page = all.get(at).map(|result| summary(result, ALIAS)).unwrap_or_default();
            let next = if at < all.len() { format!("<NextToken>{}</NextToken>", at + 1) } else { String::new() };
            let others = summary(&Result { id: "x", ..RESULTS[0] }, "Other::Hook::Type");
            let others = if request.field("TypeArn").is_empty() { others } else { String::new() };
            answered("ListHookResults", &format!("<HookResults>{page}{others}</HookResults>{next}"))
        }
        "GetHookResult" => match request.field("HookResultId") {
            "r1" => answered(
                "GetHookResult",
                "<HookResultId>r1</HookResultId><Status>HOOK_COMPLETE_FAILED</Status>\
                 <OriginalTypeName>AWS::Hooks::LambdaHook</OriginalTypeName>\
                 <HookStatusReason>AWS::EC2::SecurityGroup WebSg breaks the rule</HookStatusReason>\
                 <Target><TargetType>RESOURCE</TargetType><TargetTypeName>AWS::EC2::SecurityGroup</TargetTypeName>\
                 <TargetId>WebSg</TargetId><Action>UPDATE</Action></Target>\
                 <Annotations><member><AnnotationName>first</AnnotationName><Status>FAILED</Status>\
                 <StatusMessage>tcp 80-87 opens a range</StatusMessage>\
                 <RemediationMessage>Open one port.</RemediationMessage><SeverityLevel>MEDIUM</SeverityLevel></member>\
                 <member><AnnotationName>second</AnnotationName><Status>PASSED</Status></member></Annotations>",
            ),
            // A target type and an action that are not in the model, and no annotations.
            "r2" => answered(
                "GetHookResult",
                "<HookResultId>r2</HookResultId><HookStatusReason>seen in a change set</HookStatusReason>\
                 <Target><TargetType>CHANGE_SET</TargetType><Action>SOMETHING_NEW</Action></Target>",
            ),
            _ => refused(404, "HookResultNotFound", "the result has expired"),
        },
        other => refused(400, "InvalidAction", other),
    }
}

pub(super) fn json(server: &Server, arguments: &[&str]) -> (Option<i32>, Json) {
    let output = server.command(&[&["audit", "--region", "eu-west-1", "--format", "json"], arguments].concat());
    let result: Json =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|parse| panic!("{parse}: {}", stderr(&output)));
    if let Err(error) = validator("schema/audit.schema.json").validate(&result) {
        panic!("{error}");
    }
    (output.status.code(), result)
}

pub(super) fn ids(result: &Json) -> Vec<&str> {
    result["results"].as_array().unwrap().iter().map(|result| result["id"].as_str().unwrap()).collect()
}

#[test]
fn pages_are_joined_with_details_and_what_expired_keeps_what_the_list_reported() {
    let server = Server::start(aws);
    let (code, result) = json(&server, &[]);
    assert_eq!((code, ids(&result)), (Some(2), vec!["r3", "r2", "r1"]));
    let results = &result["results"];
    assert_eq!(results[2]["annotations"][0]["message"], "tcp 80-87 opens a range");
    assert_eq!((&results[2]["targetId"], &results[2]["action"]), (&Json::from("WebSg"), &Json::from("UPDATE")));
    assert_eq!(
        (&results[1]["targetType"], &results[1]["action"]),
        (&Json::from("CHANGE_SET"), &Json::from("SOMETHING_NEW"))
    );
    assert_eq!(results[0]["reason"], "listed r3");
    assert_eq!((&results[2]["stack"], &results[2]["executionTarget"]), (&Json::from("web"), &Json::from(WEB)));
    assert_eq!((&results[0]["stack"], &results[0]["executionTarget"]), (&Json::Null, &Json::from("token-1")));
    assert_eq!(
        (&result["unread"][0]["id"], &result["unread"][0]["failure"]["kind"]),
        (&Json::from("r3"), &Json::from("gone"))
    );
}

#[test]
fn the_report_says_who_what_and_why() {
    let server = Server::start(aws);
    let output = server.command(&["audit", "--region", "eu-west-1"]);
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn times_and_statuses_narrow_it() {
    let server = Server::start(aws);
    let (code, result) = json(&server, &["--since", "2026-11-20", "--until", "2026-11-21T00:00:00Z"]);
    assert_eq!((code, ids(&result)), (Some(1), vec!["r1"]));
    let (code, result) = json(&server, &["--status", "succeeded"]);
    assert_eq!((code, ids(&result)), (Some(0), vec!["r4"]));
    let output = server.command(&["audit", "--region", "eu-west-1", "--since", "yesterday"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("7d"), "{}", stderr(&output));
}

/// A zero is a claim: a count that was not requested or could not be read is not zero.
#[test]
fn only_what_was_asked_for_and_read_is_counted() {
    let last = |server: &Server, arguments: &[&str]| {
        let output = server.command(&[&["audit", "--regions", "eu-west-1,us-east-1"], arguments].concat());
        (output.status.code(), stdout(&output).lines().last().unwrap_or_default().to_owned())
    };
    let server = Server::start(aws);
    let place = "Security::Egress::SinglePort in account 123456789012, eu-west-1, us-east-1:";
    for (status, counted) in [
        ("failed", "blocked 2, warned 2, hook errors 2"),
        ("succeeded", "passed 2"),
        ("all", "blocked 2, warned 2, hook errors 2, passed 2"),
    ] {
        assert_eq!(last(&server, &["--status", status]).1, format!("{place} {counted}"), "{status}");
    }
    let page = |status: &str| {
        stdout(&server.command(&["audit", "--region", "eu-west-1", "--format", "html", "--status", status]))
    };
    assert!(page("all").contains("</b>passed<") && !page("failed").contains("</b>passed<"), "{}", page("failed"));

    let denied = Server::start(|_| refused(403, "AccessDenied", "no"));
    let place = "Security::Egress::SinglePort in eu-west-1, us-east-1:";
    let (code, said) = last(&denied, &[]);
    assert_eq!((code, said), (Some(2), format!("{place} unknown, because no result could be read")));
    let output = denied.command(&["audit", "--regions", "eu-west-1,us-east-1"]);
    assert_eq!(stdout(&output).lines().filter(|line| line.starts_with("not read eu-west-1, us-east-1 ")).count(), 2);
    let page = stdout(&denied.command(&["audit", "--region", "eu-west-1", "--format", "html"]));
    assert!(page.contains("<b>Unknown.</b> No result could be read.") && !page.contains("</b>blocked<"), "{page}");

    let half = Server::start(|request| match request.region.as_str() {
        "us-east-1" if request.action == "ListHookResults" => refused(403, "AccessDenied", "no"),
        _ => aws(request),
    });
    let said = last(&half, &[]).1;
    assert!(said.ends_with("blocked 1, warned 1, hook errors 1 (at least: not everything could be read)"), "{said}");
}

#[test]
fn a_time_in_which_nothing_can_be_is_refused() {
    let server = Server::start(aws);
    let audit = |arguments: &[&str]| server.command(&[&["audit", "--region", "eu-west-1"], arguments].concat());
    for (arguments, says) in [
        (["--since", "2026-11-21", "--until", "2026-11-21"], "--since must be before --until"),
        (["--since", "1d", "--until", "2d"], "--since must be before --until"),
        (["--since", "9000-01-01", "--format", "human"], "--since must not be in the future"),
        (["--since", "4294967295d", "--format", "human"], "too far in the past"),
    ] {
        let output = audit(&arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{arguments:?}");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
    assert!(server.seen().is_empty());
    assert!(stderr(&audit(&["--since", "91d"])).contains("keeps results for 90 days"));
    assert_eq!(stderr(&audit(&["--since", "89d"])), "");
}

#[test]
fn without_the_hooks_arn_everything_is_listed_and_filtered_here() {
    for answer in [("TypeNotFoundException", 404, None), ("AccessDenied", 403, Some("cloudformation:DescribeType"))] {
        let (code, status, missing) = answer;
        let server = Server::start(move |request| match request.action.as_str() {
            "DescribeType" => refused(status, code, "no"),
            _ => aws(request),
        });
        let (_, result) = json(&server, &["--until", "2026-11-22"]);
        assert_eq!(ids(&result), ["r2", "r1"], "other hooks' results are left out");
        let denied =
            result["unread"].as_array().unwrap().iter().find(|unread| unread["failure"]["kind"] == "access-denied");
        assert_eq!(denied.map(|unread| unread["failure"]["action"].as_str().unwrap()), missing);
    }
}

/// `DescribeType` returns some types' ARN with a version, which the model of `ListHookResults` rejects (`Server` checks
/// that).
#[test]
fn an_arn_with_a_version_is_cut_to_the_types() {
    let server = Server::start(|request| match request.action.as_str() {
        "DescribeType" if request.field("TypeName") == ALIAS => {
            answered("DescribeType", &format!("<Arn>{ARN}/00000001</Arn>"))
        }
        _ => aws(request),
    });
    let (_, result) = json(&server, &[]);
    assert_eq!((ids(&result), &result["unread"].as_array().unwrap().len()), (vec!["r3", "r2", "r1"], &1));
    assert_eq!(result["account"], "123456789012");
    let lists: Vec<_> = server.seen().into_iter().filter(|request| request.action == "ListHookResults").collect();
    assert!(!lists.is_empty() && lists.iter().all(|request| request.field("TypeArn") == ARN), "{lists:?}");
}

#[test]
fn a_list_by_arn_that_is_refused_is_made_without_it() {
    let server = Server::start(|request| match request.action.as_str() {
        "ListHookResults" if !request.field("TypeArn").is_empty() => refused(400, "ValidationError", "not this ARN"),
        _ => aws(request),
    });
    let (code, result) = json(&server, &["--until", "2026-11-22"]);
    assert_eq!((code, ids(&result)), (Some(1), vec!["r2", "r1"]), "what passed and other hooks' results are left out");
}

/// STACK and CHANGE_SET have a separate hook (template.yaml, `EgressStackHook`).
#[test]
fn results_of_the_hook_for_templates_are_read_too() {
    let server = Server::start(|request| {
        let (name, arn) = (format!("{ALIAS}Stack"), format!("{ARN}Stack"));
        match request.action.as_str() {
            "DescribeType" if request.field("TypeName") == name => {
                answered("DescribeType", &format!("<Arn>{arn}</Arn>"))
            }
            "ListHookResults" if request.field("TypeArn") == arn => {
                let failed = request.field("Status") == "HOOK_COMPLETE_FAILED";
                let result = Result { id: "r2", target: "STACK", at: "2026-11-24T10:00:00Z", ..RESULTS[0] };
                let result = if failed { summary(&Result { id: "s1", ..result }, &name) } else { String::new() };
                answered("ListHookResults", &format!("<HookResults>{result}</HookResults>"))
            }
            _ => aws(request),
        }
    });
    let (_, result) = json(&server, &[]);
    assert_eq!(ids(&result), ["s1", "r3", "r2", "r1"]);
    assert_eq!(result["results"][0]["stack"], "web");
}

#[test]
fn a_denied_look_leaves_the_list() {
    let server = Server::start(|request| match request.action.as_str() {
        "GetHookResult" => refused(403, "AccessDenied", "no"),
        _ => aws(request),
    });
    let (code, result) = json(&server, &[]);
    assert_eq!((code, ids(&result).len()), (Some(2), 3));
    let unread = result["unread"].as_array().unwrap();
    assert!(unread.iter().all(|unread| unread["failure"]["action"] == "cloudformation:GetHookResult"), "{result}");
    let text = stdout(&server.command(&["audit", "--region", "eu-west-1"]));
    let described: Vec<_> = text.lines().filter(|line| line.starts_with("not read")).collect();
    assert_eq!(described, ["not read eu-west-1 3 results: cloudformation:GetHookResult is not allowed: no"]);
    let page = stdout(&server.command(&["audit", "--region", "eu-west-1", "--format", "html"]));
    assert_eq!(page.matches("cloudformation:GetHookResult is not allowed: no").count(), 1, "{page}");
    assert!(page.contains("eu-west-1 3 results:"), "{page}");
}

#[test]
fn a_stacks_events_tell_the_real_text() {
    let server = Server::start(|request| {
        if request.action != "DescribeStackEvents" {
            return aws(request);
        }
        let event = |id: &str, status: &str, reason: &str, at: &str| {
            format!(
                "<member><StackId>s</StackId><EventId>{id}-{status}</EventId><StackName>web</StackName>\
                 <LogicalResourceId>WebSg</LogicalResourceId><ResourceType>AWS::EC2::SecurityGroup</ResourceType>\
                 <Timestamp>{at}</Timestamp><ResourceStatus>UPDATE_IN_PROGRESS</ResourceStatus>\
                 <HookType>{ALIAS}</HookType><HookStatus>{status}</HookStatus><HookStatusReason>{}</HookStatusReason>\
                 <HookInvocationPoint>PRE_PROVISION</HookInvocationPoint><HookInvocationId>{id}</HookInvocationId>\
                 <HookFailureMode>FAIL</HookFailureMode></member>",
                escaped(reason)
            )
        };
        let first = request.field("NextToken").is_empty();
        let events = if first {
            let plain = "<member><StackId>s</StackId><EventId>e</EventId><StackName>web</StackName>\
                         <Timestamp>2026-11-23T10:00:00Z</Timestamp><ResourceStatus>UPDATE_FAILED</ResourceStatus></member>";
            let failed = "Hook failed with message: see hook results for details";
            let begun = event("r1", "HOOK_IN_PROGRESS", "Invoking hook", "2026-11-23T09:59:58Z");
            format!("{plain}{}{begun}", event("r1", "HOOK_COMPLETE_FAILED", failed, "2026-11-23T09:59:59Z"))
        } else {
            event("r9", "HOOK_COMPLETE_FAILED", "Hook failed with message: tcp 1-2 & more", "2026-11-22T00:00:00Z")
        };
        let next = if first { "<NextToken>2</NextToken>" } else { "" };
        answered("DescribeStackEvents", &format!("<StackEvents>{events}</StackEvents>{next}"))
    });
    let output = server.command(&["audit", "--region", "eu-west-1", "--events", "web"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    let looked = server.seen().iter().filter(|request| request.action == "GetHookResult").count();
    assert_eq!(looked, 1, "only where the event has no text of its own");
}

#[test]
fn tables_and_pages_hold_every_result() {
    let server = Server::start(aws);
    let csv = stdout(&server.command(&["audit", "--region", "eu-west-1", "--format", "csv"]));
    assert_eq!(csv.lines().count(), 5, "a head, three results, one that could not be read: {csv}");
    let page = stdout(&server.command(&["audit", "--region", "eu-west-1", "--format", "html"]));
    assert!(page.contains("tcp 80-87 opens a range") && !page.contains("<script"), "{page}");
}

/// Events of an update that the hook blocked in a nested stack, newest first, and those of the update before it.
fn events(request: &Request, hook_status: &str, mode: &str) -> Answer {
    let nested = WEB.replace("/web/", "/web-Network/");
    let event = |stack: &str, logical: &str, physical: &str, kind: &str, status: &str, more: &str| {
        let name = if stack == WEB { "web" } else { "web-Network" };
        format!(
            "<member><StackId>{stack}</StackId><EventId>e</EventId><StackName>{name}</StackName>\
             <LogicalResourceId>{logical}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
             <ResourceType>{kind}</ResourceType><Timestamp>2026-11-23T10:00:00Z</Timestamp>\
             <ResourceStatus>{status}</ResourceStatus>{more}</member>"
        )
    };
    let reason = |reason: &str| format!("<ResourceStatusReason>{reason}</ResourceStatusReason>");
    let (stack, group) = ("AWS::CloudFormation::Stack", "AWS::EC2::SecurityGroup");
    let hook = |id: &str| {
        format!(
            "<HookType>{ALIAS}</HookType><HookStatus>{hook_status}</HookStatus><HookStatusReason>Hook failed with \
             message: see hook results for details</HookStatusReason><HookInvocationId>{id}</HookInvocationId>\
             <HookFailureMode>{mode}</HookFailureMode>"
        )
    };
    let events = if request.field("StackName") == nested {
        [
            event(&nested, "web-Network", &nested, stack, "UPDATE_ROLLBACK_COMPLETE", ""),
            event(&nested, "WebSg", "", group, "UPDATE_FAILED", &reason("The following hook(s) failed")),
            event(&nested, "WebSg", "", group, "UPDATE_IN_PROGRESS", &hook("r1")),
            event(&nested, "web-Network", &nested, stack, "UPDATE_IN_PROGRESS", ""),
        ]
    } else {
        [
            event(WEB, "web", WEB, stack, "UPDATE_ROLLBACK_COMPLETE", ""),
            event(WEB, "Network", &nested, stack, "UPDATE_FAILED", &reason("Embedded stack was not updated")),
            event(WEB, "web", WEB, stack, "UPDATE_IN_PROGRESS", &reason("User Initiated")),
            // From an earlier operation, which is out of scope.
            event(WEB, "OldSg", "", group, "UPDATE_FAILED", &hook("r9")),
        ]
    };
    answered("DescribeStackEvents", &format!("<StackEvents>{}</StackEvents>", events.concat()))
}

#[test]
fn why_a_stack_was_blocked_is_one_screen() {
    let server = Server::start(|request| match request.action.as_str() {
        "DescribeStackEvents" => events(request, "HOOK_COMPLETE_FAILED", "FAIL"),
        _ => aws(request),
    });
    let output = server.command(&["audit", "--region", "eu-west-1", "--stack", "web"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).lines().count() < 25, "{}", stdout(&output));
    insta::assert_snapshot!(stdout(&output));
    // An ARN contains the Region, and the JSON has the shape of every audit.
    let output = server.command(&["audit", "--region", "us-east-1", "--stack", WEB, "--format", "json"]);
    let result: Json = serde_json::from_slice(&output.stdout).unwrap();
    validator("schema/audit.schema.json").validate(&result).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((ids(&result), &result["results"][0]["region"]), (vec!["r1"], &Json::from("eu-west-1")));
}

#[test]
fn a_stack_says_what_became_of_it_otherwise() {
    for (status, mode, code, says) in [
        ("HOOK_COMPLETE_FAILED", "WARN", 1, "web in eu-west-1 was allowed with a warning by Security::Egress"),
        ("HOOK_FAILED", "FAIL", 1, "web in eu-west-1 was blocked, because there was no answer from Security::Egress"),
        ("HOOK_COMPLETE_SUCCEEDED", "FAIL", 0, "No hook blocked the latest operation of web in eu-west-1"),
    ] {
        let server = Server::start(move |request| match request.action.as_str() {
            "DescribeStackEvents" => events(request, status, mode),
            "ListChangeSets" => answered("ListChangeSets", "<Summaries/>"),
            _ => aws(request),
        });
        let output = server.command(&["audit", "--region", "eu-west-1", "--stack", "web"]);
        assert_eq!(output.status.code(), Some(code), "{status}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).starts_with(says), "{status}: {}", stdout(&output));
    }
    let gone = Server::start(|request| match request.action.as_str() {
        "DescribeStackEvents" => refused(400, "ValidationError", "Stack [web] does not exist"),
        _ => refused(400, "ValidationError", "Stack [web] does not exist"),
    });
    let output = gone.command(&["audit", "--region", "eu-west-1", "--stack", "web"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    assert!(stderr(&output).contains("there is no stack `web` in eu-west-1"), "{}", stderr(&output));
}

/// The CDK deploys with change sets: one that a hook blocked has no event for a resource.
#[test]
fn a_change_set_that_was_blocked_is_found() {
    let set = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/cdk-deploy/51af3dc0-da77-11e4-872e-1234567db123";
    let server = Server::start(move |request| match request.action.as_str() {
        "DescribeStackEvents" => answered("DescribeStackEvents", "<StackEvents/>"),
        "ListChangeSets" => {
            let summary = |name: &str, status: &str, reason: &str| {
                format!(
                    "<member><StackId>{WEB}</StackId><StackName>web</StackName><ChangeSetId>{set}</ChangeSetId>\
                     <ChangeSetName>{name}</ChangeSetName><Status>{status}</Status><StatusReason>{reason}</StatusReason>\
                     <CreationTime>2026-11-23T10:00:00Z</CreationTime></member>"
                )
            };
            let failed =
                summary("cdk-deploy", "FAILED", "Change set creation failed. The following hook(s) failed: [X]");
            let other = summary("other", "FAILED", "The submitted information contains no changes");
            let page = match request.field("NextToken") {
                "" => format!("<Summaries>{other}</Summaries><NextToken>2</NextToken>"),
                _ => format!("<Summaries>{failed}</Summaries>"),
            };
            answered("ListChangeSets", &page)
        }
        "ListHookResults" if request.field("TargetType") == "CHANGE_SET" && request.field("TargetId") == set => {
            let page = match request.field("NextToken") {
                "" => "<HookResults/><NextToken>2</NextToken>".to_owned(),
                _ => format!("<HookResults>{}</HookResults>", summary(&RESULTS[1], ALIAS)),
            };
            answered("ListHookResults", &page)
        }
        _ => aws(request),
    });
    let output = server.command(&["audit", "--region", "eu-west-1", "--stack", "web"]);
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("seen in a change set"), "{}", stdout(&output));
}

#[test]
fn the_statement_that_deploying_roles_need_is_printed() {
    let server = Server::start(aws);
    let output = server.command(&["audit", "--print-iam-policy=deployer"]);
    let policy: Json = serde_json::from_slice(&output.stdout).unwrap();
    let actions = serde_json::json!(["cloudformation:GetHookResult", "cloudformation:ListHookResults"]);
    assert_eq!((output.status.code(), &policy["Statement"][0]["Action"]), (Some(0), &actions));
    assert!(server.seen().is_empty());
}
