//! `status` against answers in the shapes of `DescribeType` and `BatchDescribeTypeConfigurations`
//! (source: the output structures of aws-sdk-cloudformation 1.136; the configuration's JSON: Hooks User
//! Guide, "hook configuration schema"; `ListHookResults` and `GetHookResult` as in `audit`).

use serde_json::{Value as Json, json};

use super::function::Function;
use super::server::{Answer, Reply, Request, Server, answered, escaped, refused};
use crate::support::{stderr, stdout, validator};

fn arn(region: &str) -> String {
    format!("arn:aws:cloudformation:{region}:123456789012:type/hook/Security-Egress-SinglePort")
}

/// The configuration in template.yaml.
pub(super) fn good() -> Json {
    json!({"CloudFormationConfiguration": {"HookConfiguration": {
        "HookInvocationStatus": "ENABLED", "TargetOperations": ["RESOURCE", "CLOUD_CONTROL"], "FailureMode": "FAIL",
        "Properties": {"LambdaFunction": "arn:aws:lambda:eu-west-1:123456789012:function:guard:live"},
        "TargetFilters": {"TargetNames": ["AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"],
                          "Actions": ["CREATE", "UPDATE"]},
        "StackFilters": {"FilteringCriteria": "ALL", "StackNames": {"Exclude": ["cfn-egress-guard"]}}
    }}})
}

/// An account without gaps, except for the configuration.
pub(super) fn aws(request: &Request, configuration: &Json) -> Reply {
    around(request, configuration, &Function::new())
}

pub(super) fn around(request: &Request, configuration: &Json, function: &Function) -> Reply {
    function.reply(request).unwrap_or_else(|| hooks(request, configuration).into())
}

fn hooks(request: &Request, configuration: &Json) -> Answer {
    let arn = arn(&request.region);
    match request.action.as_str() {
        "DescribeType" => answered(
            "DescribeType",
            &format!(
                "<Arn>{arn}</Arn><Type>HOOK</Type><TypeName>Security::Egress::SinglePort</TypeName>\
                 <DefaultVersionId>00000001</DefaultVersionId><IsActivated>true</IsActivated>\
                 <OriginalTypeName>AWS::Hooks::LambdaHook</OriginalTypeName><PublicVersionNumber>1.2.3</PublicVersionNumber>\
                 <ExecutionRoleArn>arn:aws:iam::123456789012:role/hook</ExecutionRoleArn>"
            ),
        ),
        "BatchDescribeTypeConfigurations" => answered(
            "BatchDescribeTypeConfigurations",
            &format!(
                "<TypeConfigurations><member><TypeArn>{arn}</TypeArn><Alias>default</Alias>\
                 <Configuration>{}</Configuration></member></TypeConfigurations>",
                escaped(&configuration.to_string())
            ),
        ),
        "ListHookResults" if request.field("Status") == "HOOK_COMPLETE_FAILED" => answered(
            "ListHookResults",
            "<HookResults><member><HookResultId>r1</HookResultId><Status>HOOK_COMPLETE_FAILED</Status>\
             <InvokedAt>2026-11-20T10:00:00Z</InvokedAt></member></HookResults>",
        ),
        "ListHookResults" => answered("ListHookResults", "<HookResults></HookResults>"),
        "GetHookResult" => answered(
            "GetHookResult",
            "<HookResultId>r1</HookResultId><Annotations><member><AnnotationName>a</AnnotationName>\
             <Status>FAILED</Status></member></Annotations>",
        ),
        "DescribeStackResources" => refused(400, "ValidationError", "Stack for guard does not exist"),
        // Neither an EventBridge rule nor a trail.
        "ListRuleNamesByTarget" => Answer { status: 200, body: "{\"RuleNames\": []}".to_owned() },
        "DescribeTrails" => Answer { status: 200, body: "{\"trailList\": []}".to_owned() },
        other => refused(400, "InvalidAction", other),
    }
}

pub(super) fn json(server: &Server, arguments: &[&str]) -> (Option<i32>, Json) {
    let output = server.command(&[&["status", "--region", "eu-west-1", "--format", "json"], arguments].concat());
    let result: Json =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|parse| panic!("{parse}: {}", stderr(&output)));
    if let Err(error) = validator("schema/status.schema.json").validate(&result) {
        panic!("{error}");
    }
    (output.status.code(), result)
}

pub(super) fn codes(result: &Json) -> Vec<&str> {
    let holes = result["regions"][0]["holes"].as_array().unwrap();
    holes.iter().map(|hole| hole["code"].as_str().unwrap()).collect()
}

#[test]
fn what_the_stack_configures_is_enforced() {
    let server = Server::start(|request| aws(request, &good()));
    let (code, result) = json(&server, &["--function", "function:guard:live"]);
    assert_eq!((code, codes(&result)), (Some(0), vec![]), "{result}");
    assert_eq!(result["regions"][0]["state"], "blocking");
}

/// Both forms of an ARN that `DescribeType` returns; the server rejects one with a version where AWS's model does.
#[test]
fn an_arn_with_a_version_is_as_good_as_one_without() {
    let server = Server::start(|request| {
        let mut reply = aws(request, &good());
        if request.action == "DescribeType" {
            let text = String::from_utf8(reply.body).unwrap();
            reply.body = text.replace("SinglePort</Arn>", "SinglePort/00000001</Arn>").into_bytes();
        }
        reply
    });
    let (code, result) = json(&server, &["--function", "function:guard:live"]);
    assert_eq!((code, codes(&result), &result["account"]), (Some(0), vec![], &Json::from("123456789012")), "{result}");
    let asked = server.seen();
    let lists: Vec<_> = asked.iter().filter(|request| request.action == "ListHookResults").collect();
    assert!(!lists.is_empty() && lists.iter().all(|list| list.field("TypeArn") == arn("eu-west-1")), "{lists:?}");
    let described = asked.iter().find(|request| request.action == "BatchDescribeTypeConfigurations").unwrap();
    let identifier = |field: &str| described.field(&format!("TypeConfigurationIdentifiers.member.1.{field}"));
    assert_eq!((identifier("Type"), identifier("TypeName")), ("HOOK", "Security::Egress::SinglePort"));
    assert_eq!(identifier("TypeArn"), "");
}

#[test]
fn everything_that_narrows_enforcement_is_a_hole() {
    let pointer = |path: &str| format!("/CloudFormationConfiguration/HookConfiguration/{path}");
    for (path, value, expected) in [
        ("HookInvocationStatus", json!("DISABLED"), vec!["disabled"]),
        ("FailureMode", json!("WARN"), vec!["failure-mode"]),
        ("TargetOperations", json!(["RESOURCE"]), vec!["operation-missing"]),
        ("TargetFilters/TargetNames", json!(["AWS::EC2::SecurityGroup"]), vec!["target-missing", "target-missing"]),
        ("TargetFilters/TargetNames", json!(["AWS::EC2::*"]), vec![]),
        ("TargetFilters/Actions", json!(["CREATE"]), vec!["target-missing", "target-missing"]),
        (
            "TargetFilters",
            json!({"Targets": [{"TargetName": "AWS::EC2::SecurityGroup", "Action": "CREATE", "InvocationPoint": "PRE_PROVISION"}]}),
            vec!["target-missing", "target-missing", "target-missing"],
        ),
        ("StackFilters/StackNames", json!({"Include": ["prod-*"]}), vec!["only-stacks"]),
        ("StackFilters/StackNames", json!({"Include": ["*"]}), vec![]),
        ("StackFilters/StackNames", json!({"Exclude": ["*"]}), vec!["stacks-excluded"]),
        ("StackFilters/StackNames", json!({"Exclude": ["cfn-egress-guard-eu", "sandbox"]}), vec!["stacks-excluded"]),
        ("StackFilters/StackNames", json!({"Exclude": ["cfn-egress-guard*"]}), vec![]),
        ("StackFilters", json!({"StackRoles": {"Exclude": ["arn:aws:iam::*:role/x"]}}), vec!["roles-excluded"]),
        ("StackFilters", json!({"StackRoles": {"Include": ["arn:aws:iam::*:role/x"]}}), vec!["only-roles"]),
        ("Properties", json!({"LambdaFunction": "arn:aws:lambda:x:1:function:other"}), vec!["other-function"]),
    ] {
        let mut configuration = good();
        *configuration.pointer_mut(&pointer(path)).unwrap() = value.clone();
        let server = Server::start(move |request| aws(request, &configuration));
        let (code, result) = json(&server, &["--function", "function:guard:live"]);
        assert_eq!(codes(&result), expected, "{path} {value}");
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{path} {value}");
    }
}

#[test]
fn what_is_left_out_on_purpose_is_no_hole() {
    let mut configuration = good();
    configuration["CloudFormationConfiguration"]["HookConfiguration"]["StackFilters"] = json!({
        "FilteringCriteria": "ALL",
        "StackNames": {"Include": ["prod-*"], "Exclude": ["cfn-egress-guard", "prod-legacy-*"]},
        "StackRoles": {"Exclude": ["arn:aws:iam::*:role/break-glass"]}
    });
    let server = Server::start(move |request| aws(request, &configuration));
    let roles = ["--may-exclude-role", "arn:aws:iam::*:role/break-*"];
    for (arguments, expected) in [
        (vec![], vec!["only-stacks", "stacks-excluded", "roles-excluded"]),
        (
            vec!["--may-exclude", "cfn-egress-guard*", "--may-exclude", "prod-legacy-*"],
            vec!["only-stacks", "roles-excluded"],
        ),
        (vec!["--may-exclude", "*"], vec!["roles-excluded"]),
        ([["--may-exclude", "*"], roles].concat(), vec![]),
    ] {
        assert_eq!(codes(&json(&server, &arguments).1), expected, "{arguments:?}");
    }
}

/// AWS does not document the order of results, so the newest failure may be on the last page.
#[test]
fn failures_of_the_hook_are_counted_over_all_pages() {
    let server = Server::start(|request| match request.action.as_str() {
        "ListHookResults" if request.field("Status") == "HOOK_FAILED" => {
            let (at, next) = match request.field("NextToken") {
                "" => ("2020-01-01T00:00:00Z".to_owned(), "<NextToken>2</NextToken>"),
                "2" => (jiff::Timestamp::now().to_string(), "<NextToken>3</NextToken>"),
                _ => ((jiff::Timestamp::now() - jiff::SignedDuration::from_hours(36)).to_string(), ""),
            };
            let result = format!(
                "<HookResultId>r</HookResultId><HookStatusReason>at {at}</HookStatusReason><InvokedAt>{at}</InvokedAt>"
            );
            answered("ListHookResults", &format!("<HookResults><member>{result}</member></HookResults>{next}")).into()
        }
        _ => aws(request, &good()),
    });
    for (arguments, expected) in [
        (["--days", "7"], "the hook itself failed 2 times in the last 7 days: at 20"),
        (["--days", "1"], "the hook itself failed once in the last 24 hours: at 20"),
    ] {
        let (_, result) = json(&server, &arguments);
        let message = result["regions"][0]["holes"][0]["message"].as_str().unwrap();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn the_report_has_a_line_for_each_region_the_problems_first() {
    let server = Server::start(|request| match (request.region.as_str(), request.action.as_str()) {
        ("ap-south-1", "DescribeType") => refused(404, "TypeNotFoundException", "no such type").into(),
        ("eu-west-1", "ListHookResults") if request.field("Status") == "HOOK_FAILED" => answered(
            "ListHookResults",
            &format!(
                "<HookResults><member><HookResultId>r</HookResultId><Status>HOOK_FAILED</Status>\
                 <HookStatusReason>Lambda throttled the call</HookStatusReason><InvokedAt>{}</InvokedAt></member>\
                 <member><HookResultId>old</HookResultId><Status>HOOK_FAILED</Status>\
                 <InvokedAt>2020-01-01T00:00:00Z</InvokedAt></member></HookResults>",
                jiff::Timestamp::now()
            ),
        )
        .into(),
        ("us-east-1", "BatchDescribeTypeConfigurations") => refused(403, "AccessDenied", "no").into(),
        _ => aws(request, &good()),
    });
    let output = server.command(&["status", "--regions", "eu-central-1,eu-west-1,us-east-1,ap-south-1"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

/// A Region that could not be read is neither healthy nor a gap; equal failures are reported once.
#[test]
fn regions_that_cannot_be_judged_are_counted_apart() {
    let server = Server::start(|request| match (request.region.as_str(), request.action.as_str()) {
        ("eu-west-1" | "us-east-1", "DescribeType" | "BatchDescribeTypeConfigurations") => {
            refused(403, "AccessDenied", "no").into()
        }
        ("ap-south-1", "DescribeType") => refused(404, "TypeNotFoundException", "no such type").into(),
        _ => aws(request, &good()),
    });
    let said = |regions: &str| stdout(&server.command(&["status", "--regions", regions]));
    let last = |regions: &str| said(regions).lines().last().unwrap().to_owned();
    assert_eq!(last("eu-west-1"), "=> 0 of 1 Region enforced, 1 could not be determined");
    assert_eq!(last("eu-central-1"), "=> 1 of 1 Region enforced");
    let all = "eu-west-1,us-east-1,ap-south-1,eu-central-1";
    assert_eq!(last(all), "=> 1 of 4 Regions enforced, 1 with a gap, 2 could not be determined");
    let line = "not read in eu-west-1, us-east-1: cloudformation:DescribeType is not allowed: no\n";
    assert!(said(all).contains(line), "{}", said(all));
    assert_eq!(said(all).matches("cloudformation:DescribeType is").count(), 1, "{}", said(all));

    // The same for programs: a verdict for each Region, and an overall one that matches the exit status.
    for (regions, code, verdict) in
        [("eu-central-1", 0, "enforced"), (all, 1, "hole"), ("eu-west-1,eu-central-1", 2, "unknown")]
    {
        let output = server.command(&["status", "--format", "json", "--regions", regions]);
        let result: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), result["verdict"].as_str()), (Some(code), Some(verdict)), "{regions}");
        let regions = result["regions"].as_array().unwrap();
        for (region, expected) in [("eu-central-1", "enforced"), ("ap-south-1", "hole"), ("eu-west-1", "unknown")] {
            let described = regions.iter().find(|described| described["region"] == region);
            assert!(described.is_none_or(|described| described["verdict"] == expected), "{region}: {result}");
        }
    }
}

#[test]
fn what_could_not_be_found_out_is_never_enforced() {
    for denied in ["DescribeType", "BatchDescribeTypeConfigurations", "ListHookResults"] {
        let server = Server::start(move |request| {
            if request.action == denied { refused(403, "AccessDenied", "no").into() } else { aws(request, &good()) }
        });
        let (code, result) = json(&server, &[]);
        assert_eq!(code, Some(2), "{denied}");
        let action = result["regions"][0]["unread"][0]["action"].as_str().unwrap();
        assert!(action.contains(&denied.replace("ListHook", "ListAllHook")), "{denied}: {action}");
    }
    let server = Server::start(|request| match request.action.as_str() {
        "BatchDescribeTypeConfigurations" => {
            answered("BatchDescribeTypeConfigurations", "<TypeConfigurations/>").into()
        }
        _ => aws(request, &good()),
    });
    let (code, result) = json(&server, &[]);
    assert_eq!((code, codes(&result)), (Some(1), vec!["no-configuration"]));
    let server = Server::start(|request| aws(request, &json!("not what is documented")));
    assert_eq!(json(&server, &[]).0, Some(2));
}
