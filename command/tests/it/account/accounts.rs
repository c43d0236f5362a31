//! Several accounts: an organization, its units and the roles in its accounts, in the shapes of `ListAccounts` and
//! related actions (awsJson; source: the output structures of aws-sdk-organizations 1.137) and of `AssumeRole` and
//! `GetCallerIdentity` (awsQuery; aws-sdk-sts 1.124). The credentials of a request determine which account answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::function::Function;
use super::live::cloud_control;
use super::server::{Answer, Reply, Request, Server, answered, escaped, refused};
use super::status::{around, good};
use crate::support::{stderr, stdout, validator};

/// The caller's own account.
pub(super) const OWN: &str = "111111111111";

const ROLE: &str = "cfn-egress-guard-reader";

/// The accounts of the organization: ID, name, state, organizational unit.
const ACCOUNTS: [(&str, &str, &str, &str); 5] = [
    (OWN, "security", "ACTIVE", "r-root"),
    ("222222222222", "web", "ACTIVE", "ou-root-workload"),
    ("333333333333", "data", "ACTIVE", "ou-root-prodprod"),
    ("444444444444", "closed", "SUSPENDED", "ou-root-workload"),
    ("555555555555", "refuses", "ACTIVE", "ou-root-workload"),
];

/// The units: ID, name, parent.
const UNITS: [(&str, &str, &str); 3] = [
    ("r-root", "Root", ""),
    ("ou-root-workload", "Workloads", "r-root"),
    ("ou-root-prodprod", "Production", "ou-root-workload"),
];

/// The ports that an account opens.
fn egress(account: &str) -> &'static str {
    match account {
        "222222222222" => "{IpProtocol: '-1', CidrIp: 0.0.0.0/0}",
        "333333333333" => "{IpProtocol: tcp, FromPort: 80, ToPort: 87, CidrIp: 10.0.0.0/8}",
        _ => "{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}",
    }
}

/// The account whose credentials signed the request.
pub(super) fn account(request: &Request) -> &str {
    request.access_key.strip_prefix("AKIA-").map_or(OWN, |rest| rest.split('-').next().unwrap())
}

fn organizations(body: &Json) -> Reply {
    let headers = "content-type: application/x-amz-json-1.1\r\n";
    Reply { status: 200, headers, body: body.to_string().into_bytes() }
}

/// An account in the shape of Organizations, with its new field or with the earlier one.
fn described((id, name, state, _): &(&str, &str, &str, &str)) -> Json {
    let field = if *id == OWN { "Status" } else { "State" };
    json!({"Id": id, "Name": name, field: state})
}

/// The answers of STS and Organizations; nothing for requests to other services.
fn entered(request: &Request) -> Option<Reply> {
    let asked: Json = serde_json::from_str(&request.body).unwrap_or_default();
    let parent = asked["ParentId"].as_str().unwrap_or_default();
    Some(match request.action.as_str() {
        "GetCallerIdentity" => {
            let arn = format!("arn:aws:sts::{OWN}:assumed-role/admin/me");
            answered("GetCallerIdentity", &format!("<Arn>{arn}</Arn><UserId>x</UserId><Account>{OWN}</Account>")).into()
        }
        "AssumeRole" => {
            let arn = request.field("RoleArn");
            let account = arn.split(':').nth(4).unwrap();
            if account == "555555555555" || account == "444444444444" {
                let message = format!(
                    "User: arn:aws:sts::{OWN}:assumed-role/admin/me is not authorized to perform: sts:AssumeRole on resource: {arn}"
                );
                refused(403, "AccessDenied", &message).into()
            } else {
                assumed(&format!("AKIA-{account}"), "2099-01-01T00:00:00Z").into()
            }
        }
        "ListAccounts" => {
            // Two on a page.
            let at: usize = asked["NextToken"].as_str().unwrap_or("0").parse().unwrap();
            let page: Vec<Json> = ACCOUNTS.iter().skip(at).take(2).map(described).collect();
            let mut answer = json!({"Accounts": page});
            if at + 2 < ACCOUNTS.len() {
                answer["NextToken"] = json!((at + 2).to_string());
            }
            organizations(&answer)
        }
        // A page may be empty.
        "ListRoots" if asked["NextToken"].is_null() => organizations(&json!({"Roots": [], "NextToken": "2"})),
        "ListRoots" => organizations(&json!({"Roots": [{"Id": "r-root", "Name": "Root"}]})),
        "ListAccountsForParent" => {
            let accounts: Vec<Json> = ACCOUNTS.iter().filter(|(.., unit)| *unit == parent).map(described).collect();
            organizations(&json!({"Accounts": accounts}))
        }
        "ListOrganizationalUnitsForParent" => {
            let units = UNITS.iter().filter(|(.., above)| *above == parent);
            let units: Vec<Json> = units.map(|(id, name, _)| json!({"Id": id, "Name": name})).collect();
            organizations(&json!({"OrganizationalUnits": units}))
        }
        "DescribeOrganizationalUnit" => {
            let unit = UNITS.iter().find(|(id, ..)| asked["OrganizationalUnitId"] == *id).unwrap();
            organizations(&json!({"OrganizationalUnit": {"Id": unit.0, "Name": unit.1}}))
        }
        _ => return None,
    })
}

fn assumed(key: &str, until: &str) -> Answer {
    answered(
        "AssumeRole",
        &format!(
            "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>{until}</Expiration></Credentials><AssumedRoleUser>\
             <Arn>arn:aws:sts::1:assumed-role/x/y</Arn><AssumedRoleId>z</AssumedRoleId></AssumedRoleUser>"
        ),
    )
}

/// Every account has a stack in every Region.
fn stacks(request: &Request) -> Answer {
    stack_with(request, egress(account(request)))
}

/// The caller's account or one that was entered; its stack in every Region has these egress rules.
pub(super) fn with_egress(request: &Request, egress: &str) -> Reply {
    entered(request).unwrap_or_else(|| stack_with(request, egress).into())
}

fn stack_with(request: &Request, egress: &str) -> Answer {
    let account = account(request);
    let id = format!("arn:aws:cloudformation:{}:{account}:stack/app/1", request.region);
    let stack = format!(
        "<member><StackId>{id}</StackId><StackName>app</StackName><CreationTime>2026-01-02T03:04:05Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><Tags><member><Key>owner</Key><Value>team</Value></member></Tags></member>"
    );
    match request.action.as_str() {
        "ListStacks" => answered("ListStacks", &format!("<StackSummaries>{stack}</StackSummaries>")),
        "DescribeStacks" => answered("DescribeStacks", &format!("<Stacks>{stack}</Stacks>")),
        "GetTemplate" => {
            let template = format!(
                "Resources: {{Sg: {{Type: 'AWS::EC2::SecurityGroup', Properties: {{SecurityGroupEgress: [{egress}]}}}}}}"
            );
            answered("GetTemplate", &format!("<TemplateBody>{}</TemplateBody>", escaped(&template)))
        }
        other => refused(400, "InvalidAction", other),
    }
}

fn organization(request: &Request) -> Reply {
    entered(request).unwrap_or_else(|| stacks(request).into())
}

fn json(server: &Server, arguments: &[&str]) -> (Option<i32>, Json) {
    let output = server.command(&[arguments, &["--format", "json"]].concat());
    let result: Json =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|parse| panic!("{parse}: {}", stderr(&output)));
    if let Err(error) = validator(&format!("schema/{}.schema.json", arguments[0])).validate(&result) {
        panic!("{error}");
    }
    (output.status.code(), result)
}

fn strings<'a>(list: &'a Json, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap()).collect()
}

#[test]
fn an_organization_is_scanned_and_an_account_that_refuses_is_reported_once() {
    let server = Server::start(organization);
    let arguments = ["scan", "--organization", "--regions", "eu-west-1,us-east-1"];
    let (code, result) = json(&server, &arguments);
    assert_eq!(code, Some(2));
    let stacks = result["stacks"].as_array().unwrap();
    let places: Vec<_> = stacks.iter().map(|stack| (stack["account"].as_str(), stack["region"].as_str())).collect();
    let expected = [OWN, "222222222222", "333333333333"];
    let expected = expected.iter().flat_map(|id| ["eu-west-1", "us-east-1"].map(|region| (Some(*id), Some(region))));
    assert_eq!(places, expected.collect::<Vec<_>>());
    assert_eq!(result["accounts"][2]["organizationalUnit"], "Root/Workloads/Production");
    assert_eq!(strings(&result["accounts"], "name"), ["security", "web", "data", "refuses"], "no suspended one");
    let unread = result["unread"].as_array().unwrap();
    assert_eq!(unread.len(), 1, "once, and not for each Region: {unread:?}");
    assert_eq!((&unread[0]["account"], &unread[0]["region"]), (&json!("555555555555"), &Json::Null));
    assert_eq!(unread[0]["failure"]["action"], "sts:AssumeRole");

    let summary = &result["summary"];
    let accounts: Vec<_> =
        summary["accounts"].as_array().unwrap().iter().map(|one| (&one["account"], &one["answer"])).collect();
    let (no, yes, unknown) = (json!("no"), json!("yes"), json!("unknown"));
    assert_eq!(
        accounts,
        [
            (&json!("222222222222"), &no),
            (&json!("333333333333"), &no),
            (&json!("555555555555"), &unknown),
            (&json!(OWN), &yes)
        ]
    );
    assert_eq!(strings(&summary["organizationalUnits"], "name"), ["Root/Workloads", "Root/Workloads/Production"]);
    assert_eq!(summary["accountsUnread"], json!(["555555555555"]));

    let asked = server.seen();
    let roles: Vec<_> = asked.iter().filter(|request| request.action == "AssumeRole").collect();
    assert_eq!(roles.len(), 3, "one session for the clients of all Regions, and none for the own account");
    assert!(roles.iter().all(|role| role.field("RoleArn").ends_with(&format!(":role/{ROLE}"))), "{roles:?}");
    let own = asked.iter().filter(|request| request.action == "ListStacks" && account(request) == OWN);
    assert!(own.clone().count() == 2 && own.clone().all(|request| request.access_key == "AKIAEXAMPLE"));
}

#[test]
fn the_report_for_people_names_accounts_and_units() {
    let server = Server::start(organization);
    let output = server.command(&["scan", "--organization", "--region", "eu-west-1"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(stderr(&output), "warning: Skipped 1 account that is not active: 444444444444 (closed).\n");
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn units_bring_those_below_them_and_accounts_are_named_one_by_one() {
    let server = Server::start(organization);
    let (_, result) = json(&server, &["scan", "--organizational-unit", "ou-root-workload", "--region", "eu-west-1"]);
    assert_eq!(strings(&result["accounts"], "account"), ["222222222222", "333333333333", "555555555555"]);
    assert_eq!(result["accounts"][1]["organizationalUnit"], "Workloads/Production");
    let arguments = ["--organizational-unit", "ou-root-prodprod", "--accounts", "222222222222,333333333333"];
    let (code, result) = json(&server, &[&["scan", "--region", "eu-west-1"][..], &arguments].concat());
    assert_eq!((code, strings(&result["accounts"], "account")), (Some(1), vec!["222222222222", "333333333333"]));

    // A caller that names accounts needs no permission to read the organization.
    let server = Server::start(|request| match request.action.as_str() {
        action if action.starts_with("List") && request.body.starts_with('{') => {
            refused(403, "AccessDenied", "no").into()
        }
        _ => organization(request),
    });
    let arguments = ["--role", "path/audit", "--external-id", "x:1", "--role-session-name", "me@work"];
    let (code, result) =
        json(&server, &[&["scan", "--region", "eu-west-1", "--accounts", "222222222222"][..], &arguments].concat());
    assert_eq!((code, strings(&result["stacks"], "account")), (Some(1), vec!["222222222222"]));
    let seen = server.seen();
    let role = seen.iter().find(|request| request.action == "AssumeRole").unwrap();
    assert_eq!(role.field("RoleArn"), "arn:aws:iam::222222222222:role/path/audit");
    assert_eq!((role.field("ExternalId"), role.field("RoleSessionName")), ("x:1", "me@work"));
}

#[test]
fn an_organization_that_cannot_be_read_says_what_to_do() {
    let refuses = |action: &'static str| {
        move |request: &Request| {
            if request.action == action {
                let body = json!({"__type": "AccessDeniedException", "message": "You don't have permissions"});
                return Reply { status: 400, ..organizations(&body) };
            }
            organization(request)
        }
    };
    let server = Server::start(refuses("ListAccounts"));
    let output = server.command(&["status", "--organization", "--region", "eu-west-1"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    let said = stderr(&output);
    assert!(said.contains("organizations:ListAccounts is not allowed") && said.contains("use --accounts"), "{said}");
    // Names of units are optional: without them, the command continues.
    let server = Server::start(refuses("ListRoots"));
    let output = server.command(&["scan", "--organization", "--region", "eu-west-1", "--format", "json"]);
    let result: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(strings(&result["stacks"], "account").len(), 3);
    assert!(stderr(&output).contains("The accounts' organizational units could not be read"), "{}", stderr(&output));
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let server = Server::start(organization);
    for (arguments, says) in [
        (vec!["scan", "--role", "x"], "required"),
        (vec!["scan", "--accounts", "123"], "not an account ID, which has 12 digits"),
        (vec!["scan", "--organizational-unit", "Workloads"], "ou-ab12-cd34ef56"),
        (vec!["scan", "--organization", "--accounts", OWN], "cannot be used with"),
        (vec!["audit", "--organization", "--role", "arn:aws:iam::1:role/x"], "write its name and not its ARN"),
        (vec!["scan", "--organization", "--from", "x.json"], "cannot be used with"),
    ] {
        let output = server.command(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
    assert!(server.seen().is_empty());
}

/// The SDK renews credentials before they expire: here they are always about to.
#[test]
fn a_session_that_ends_is_renewed() {
    let sessions = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.action.as_str() {
        "AssumeRole" => {
            let number = sessions.fetch_add(1, Ordering::SeqCst);
            let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1)).to_string();
            assumed(&format!("AKIA-222222222222-{number}"), &soon).into()
        }
        _ => organization(request),
    });
    let (code, result) = json(&server, &["scan", "--accounts", "222222222222", "--region", "eu-west-1"]);
    assert_eq!((code, result["unread"].as_array().unwrap().len()), (Some(1), 0));
    let seen = server.seen();
    let key = |action: &str| &seen.iter().find(|request| request.action == action).unwrap().access_key;
    assert_ne!(key("ListStacks"), key("GetTemplate"), "another session");
    assert!(key("GetTemplate").starts_with("AKIA-222222222222-"));
}

/// Each account has its own Regions; if an account's list cannot be read, those that every account has are read.
#[test]
fn each_account_says_which_regions_it_has() {
    let server = Server::start(|request| match (request.action.as_str(), account(request)) {
        ("/listRegions", "333333333333") => refused(403, "AccessDeniedException", "no").into(),
        ("/listRegions", id) => {
            let more = if id == OWN { ",{\"RegionName\":\"af-south-1\",\"RegionOptStatus\":\"ENABLED\"}" } else { "" };
            let body = format!(
                "{{\"Regions\":[{{\"RegionName\":\"eu-west-1\",\"RegionOptStatus\":\"ENABLED_BY_DEFAULT\"}}{more}]}}"
            );
            Answer { status: 200, body }.into()
        }
        _ => organization(request),
    });
    let accounts = format!("{OWN},222222222222,333333333333");
    let (code, result) = json(&server, &["scan", "--accounts", &accounts, "--regions", "all"]);
    assert_eq!((code, &result["regions"]), (Some(2), &json!([])));
    let of = |id: &str| {
        let stacks = result["stacks"].as_array().unwrap().iter().filter(|stack| stack["account"] == id);
        stacks.map(|stack| stack["region"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((of(OWN), of("222222222222")), (vec!["af-south-1", "eu-west-1"], vec!["eu-west-1"]));
    assert_eq!(of("333333333333").len(), 17);
    assert_eq!(result["summary"]["accountsInPart"], json!(["333333333333"]));
    assert_eq!(result["unread"][0]["judged"], true);
    let page = stdout(&server.command(&["scan", "--accounts", &accounts, "--regions", "all"]));
    assert!(page.contains("only the Regions that are enabled by default were read in 1 account"), "{page}");
}

/// The answers to `status` and `audit` about the hooks of each account.
fn guarded(request: &Request) -> Reply {
    if let Some(reply) = entered(request) {
        return reply;
    }
    let account = account(request).to_owned();
    let mut configuration = good();
    if account == "222222222222" {
        configuration["CloudFormationConfiguration"]["HookConfiguration"]["FailureMode"] = json!("WARN");
    }
    match request.action.as_str() {
        "DescribeType" if account == "333333333333" && request.region == "us-east-1" => {
            refused(404, "TypeNotFoundException", "no such type").into()
        }
        "ListHookResults" => {
            let target = format!("arn:aws:cloudformation:{}:{account}:stack/app/1", request.region);
            let at = if account == OWN { "2026-11-21T10:00:00Z" } else { "2026-11-20T10:00:00Z" };
            let result = format!(
                "<HookResultId>r-{account}-{}</HookResultId><Status>HOOK_COMPLETE_FAILED</Status>\
                 <FailureMode>FAIL</FailureMode><TypeName>Security::Egress::SinglePort</TypeName><InvokedAt>{at}</InvokedAt>\
                 <HookStatusReason>tcp 80-87 opens a range</HookStatusReason><TargetType>RESOURCE</TargetType>\
                 <TargetId>Sg</TargetId><HookExecutionTarget>{target}</HookExecutionTarget>",
                request.region
            );
            let failed = request.field("Status") == "HOOK_COMPLETE_FAILED";
            let result = if failed { format!("<member>{result}</member>") } else { String::new() };
            answered("ListHookResults", &format!("<HookResults>{result}</HookResults>")).into()
        }
        _ => {
            let arn = format!("arn:aws:lambda:eu-west-1:{account}:function:guard:live");
            let text = configuration.to_string().replace("123456789012", &account);
            let mut reply =
                around(request, &serde_json::from_str(&text).unwrap(), &Function { arn, ..Function::new() });
            if request.action == "DescribeType" {
                let text = String::from_utf8(reply.body).unwrap();
                reply.body = text.replace("123456789012", &account).into_bytes();
            }
            reply
        }
    }
}

#[test]
fn status_has_a_line_for_each_account_the_problems_first() {
    let server = Server::start(guarded);
    let arguments = ["status", "--organization", "--regions", "eu-west-1,us-east-1"];
    let output = server.command(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    let (code, result) = json(&server, &arguments);
    assert_eq!((code, &result["verdict"], &result["account"]), (Some(1), &json!("hole"), &Json::Null));
    let accounts: Vec<_> = result["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["account"].as_str().unwrap(), one["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        accounts,
        [("222222222222", "hole"), ("333333333333", "hole"), ("555555555555", "unknown"), (OWN, "enforced")]
    );
    assert_eq!(result["accounts"][2]["failure"]["kind"], "access-denied");
    let regions: Vec<_> = result["regions"].as_array().unwrap().iter().map(|one| &one["account"]).collect();
    assert_eq!(regions.len(), 6, "{regions:?}");
    assert!(regions.is_sorted_by_key(|id| accounts.iter().position(|(known, _)| *id == *known)), "as the accounts are");
}

#[test]
fn audit_is_one_time_line() {
    let server = Server::start(guarded);
    let arguments = ["audit", "--accounts", "111111111111,222222222222,333333333333", "--region", "eu-west-1"];
    let (code, result) = json(&server, &arguments);
    assert_eq!(code, Some(1), "{result}");
    let line: Vec<_> = result["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["at"].as_str().unwrap(), one["account"].as_str().unwrap()))
        .collect();
    assert_eq!(
        line,
        [
            ("2026-11-21T10:00:00Z", OWN),
            ("2026-11-20T10:00:00Z", "222222222222"),
            ("2026-11-20T10:00:00Z", "333333333333")
        ]
    );
    let text = stdout(&server.command(&arguments));
    assert!(text.starts_with("2026-11-21 10:00:00  111111111111  eu-west-1  blocked  Sg in stack app\n"), "{text}");
    assert!(text.ends_with("in 3 accounts, eu-west-1: blocked 3, warned 0, hook errors 0\n"), "{text}");
    let csv = stdout(&server.command(&[&arguments[..], &["--format", "csv"]].concat()));
    assert!(csv.lines().nth(1).unwrap().starts_with("2026-11-21T10:00:00Z,111111111111,eu-west-1,blocked,"), "{csv}");

    // An account that cannot be entered does not affect the others, and the numbers are a lower bound.
    let (code, result) = json(&server, &["audit", "--organization", "--region", "eu-west-1"]);
    assert_eq!((code, result["results"].as_array().unwrap().len()), (Some(2), 3));
    let unread = result["unread"].as_array().unwrap();
    assert_eq!((unread.len(), &unread[0]["account"]), (1, &json!("555555555555")));
}

#[test]
fn one_stack_of_another_account_is_looked_at_there() {
    let server = Server::start(|request| match request.action.as_str() {
        "DescribeStackEvents" => {
            let (id, kind) = (
                format!("arn:aws:cloudformation:eu-west-1:{}:stack/app/1", account(request)),
                "AWS::CloudFormation::Stack",
            );
            let event = format!(
                "<member><StackId>{id}</StackId><EventId>e</EventId><StackName>app</StackName><PhysicalResourceId>{id}\
                 </PhysicalResourceId><ResourceType>{kind}</ResourceType><ResourceStatus>UPDATE_COMPLETE</ResourceStatus>\
                 <Timestamp>2026-11-23T10:00:00Z</Timestamp></member>"
            );
            answered("DescribeStackEvents", &format!("<StackEvents>{event}</StackEvents>")).into()
        }
        "ListChangeSets" => answered("ListChangeSets", "<Summaries/>").into(),
        _ => organization(request),
    });
    let look = ["audit", "--stack", "app", "--region", "eu-west-1"];
    let output = server.command(&[&look[..], &["--accounts", "222222222222"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let events: Vec<_> = server.seen().into_iter().filter(|request| request.action == "DescribeStackEvents").collect();
    assert!(events.len() == 1 && account(&events[0]) == "222222222222");
    let output = server.command(&[&look[..], &["--accounts", "555555555555"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("sts:AssumeRole is not allowed"), "{}", stdout(&output));
    let output = server.command(&[&look[..], &["--organization"]].concat());
    assert!(stderr(&output).contains("--stack needs exactly one account"), "{}", stderr(&output));
}

/// A central function in the caller's account is read with the caller's own credentials, not the members'.
#[test]
fn a_central_function_of_the_callers_account_is_asked_there() {
    let server = Server::start(|request| {
        if let Some(reply) = entered(request) {
            return reply;
        }
        let arn = format!("arn:aws:lambda:eu-west-1:{OWN}:function:guard:live");
        let text = good().to_string().replace("123456789012", OWN);
        let mut reply = around(request, &serde_json::from_str(&text).unwrap(), &Function { arn, ..Function::new() });
        if request.action == "DescribeType" {
            reply.body = String::from_utf8(reply.body).unwrap().replace("123456789012", account(request)).into_bytes();
        }
        reply
    });
    let (code, result) = json(&server, &["status", "--accounts", "222222222222", "--region", "eu-west-1"]);
    assert_eq!(code, Some(0), "{result}");
    assert_eq!(result["regions"][0]["notes"], json!([]), "its metrics are read too");
    let functions: Vec<_> =
        server.seen().into_iter().filter(|request| request.action.contains("/functions/")).collect();
    assert!(!functions.is_empty() && functions.iter().all(|request| account(request) == OWN), "{functions:?}");
}

fn json_answer(body: &Json) -> Reply {
    Reply { status: 200, headers: "", body: body.to_string().into_bytes() }
}

/// `deploy/reader-role.yaml` allows the permissions that the commands list, and the commands call exactly those.
#[test]
fn the_reader_role_allows_what_the_commands_call_and_nothing_else() {
    let text = crate::support::read("deploy/reader-role.yaml");
    let (_, list) = text.split_once("Action:\n").unwrap();
    let actions = list.lines().map_while(|line| line.trim().strip_prefix("- "));
    let reader: Vec<&str> = actions.collect();
    let permissions = cfn_egress_guard_account::permissions::reader();
    assert_eq!(reader, permissions.iter().map(|permission| permission.action).collect::<Vec<_>>());
    assert!(list.contains("Resource: \"*\"\n"));

    let server = Server::start(|request: &Request| match request.action.as_str() {
        "/listRegions" => {
            let body = "{\"Regions\":[{\"RegionName\":\"eu-west-1\",\"RegionOptStatus\":\"ENABLED\"}]}".to_owned();
            Answer { status: 200, body }.into()
        }
        "ListStacks" | "DescribeStacks" | "GetTemplate" => organization(request),
        "DescribeStackEvents" => answered("DescribeStackEvents", "<StackEvents/>").into(),
        "ListResources" => cloud_control(&json!({"ResourceDescriptions": [{"Identifier": "sg-1"}]})),
        "GetResource" => cloud_control(&json!({"ResourceDescription": {"Identifier": "sg-1", "Properties": "{}"}})),
        "DescribeStackResources" if request.field("PhysicalResourceId") == "sg-1" => {
            let stack = "<StackName>app</StackName><StackId>arn:aws:cloudformation:eu-west-1:1:stack/app/1</StackId>";
            let list = format!("<StackResources><member>{stack}</member></StackResources>");
            answered("DescribeStackResources", &list).into()
        }
        "DescribeStackResources" => refused(400, "ValidationError", "Stack for guard does not exist").into(),
        "ListStackResources" => {
            let resource = "<LogicalResourceId>Sg</LogicalResourceId><PhysicalResourceId>sg-1</PhysicalResourceId>";
            let list = format!("<StackResourceSummaries><member>{resource}</member></StackResourceSummaries>");
            answered("ListStackResources", &list).into()
        }
        "FilterLogEvents" => json_answer(&json!({"events": []})),
        "ListRuleNamesByTarget" => json_answer(&json!({"RuleNames": ["r"]})),
        "DescribeRule" => {
            json_answer(&json!({"Name": "r", "State": "ENABLED", "EventPattern": "AuthorizeSecurityGroupEgress"}))
        }
        "DescribeTrails" => json_answer(&json!({"trailList": [{"Name": "main"}]})),
        "GetTrailStatus" => json_answer(&json!({"IsLogging": true})),
        "GetEventSelectors" => json_answer(&json!({"EventSelectors": [{"ReadWriteType": "All"}]})),
        "ListChangeSets" => {
            let set = "arn:aws:cloudformation:eu-west-1:222222222222:changeSet/x/1";
            let set =
                format!("<ChangeSetId>{set}</ChangeSetId><Status>FAILED</Status><StatusReason>hook</StatusReason>");
            answered("ListChangeSets", &format!("<Summaries><member>{set}</member></Summaries>")).into()
        }
        _ => guarded(request),
    });
    let package = crate::support::scratch("reader").join("reader.zip");
    std::fs::write(&package, super::function::zipped(&[("bootstrap", "other"), ("policy.toml", "")])).unwrap();
    for arguments in [
        vec!["scan", "--regions", "all", "--live"],
        vec!["audit", "--regions", "all"],
        vec!["audit", "--region", "eu-west-1", "--stack", "app"],
        vec!["status", "--regions", "all", "--package", package.to_str().unwrap()],
    ] {
        let output = server.command(&[&arguments[..], &["--accounts", "222222222222"]].concat());
        assert!(stderr(&output).is_empty(), "{arguments:?}: {}", stderr(&output));
    }
    let mut called: Vec<String> =
        server.seen().iter().filter(|request| request.access_key != "AKIAEXAMPLE").filter_map(action).collect();
    // Cloud Control calls the type's handlers with the caller's credentials.
    called.push("ec2:DescribeSecurityGroups".to_owned());
    called.sort();
    called.dedup();
    assert_eq!(called, reader, "each of them is called, and no other");
}

/// The IAM action that a request needs; nothing for a download.
fn action(request: &Request) -> Option<String> {
    let path = request.action.split('?').next().unwrap();
    Some(match path.rsplit('/').next().unwrap() {
        "listRegions" => "account:ListRegions".to_owned(),
        "GetMetricData" => "cloudwatch:GetMetricData".to_owned(),
        "FilterLogEvents" => "logs:FilterLogEvents".to_owned(),
        _ if path.starts_with("/code") => return None,
        "configuration" => "lambda:GetFunctionConfiguration".to_owned(),
        "concurrency" => "lambda:GetFunctionConcurrency".to_owned(),
        "live" => "lambda:GetAlias".to_owned(),
        _ if path.contains("/functions/") => "lambda:GetFunction".to_owned(),
        "ListHookResults" if request.field("TargetId").is_empty() => "cloudformation:ListAllHookResults".to_owned(),
        operation @ ("ListRuleNamesByTarget" | "DescribeRule") => format!("events:{operation}"),
        operation @ ("DescribeTrails" | "GetTrailStatus" | "GetEventSelectors") => format!("cloudtrail:{operation}"),
        operation => format!("cloudformation:{operation}"),
    })
}

#[test]
fn who_looks_at_others_needs_the_way_there() {
    let server = Server::start(organization);
    let output = server.command(&["scan", "--organization", "--role", "audit", "--print-iam-policy"]);
    let policy: Json = serde_json::from_slice(&output.stdout).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 3);
    assert!(statements[1]["Action"].as_array().unwrap().contains(&json!("organizations:ListAccounts")));
    assert_eq!(statements[2]["Action"], "sts:AssumeRole");
    assert_eq!(statements[2]["Resource"], "arn:*:iam::*:role/audit");
    assert!(server.seen().is_empty());
}

/// One page for everyone: each account can be opened, and the page runs and fetches nothing.
#[test]
fn pages_have_an_overview_of_accounts_that_can_be_opened() {
    let server = Server::start(organization);
    let page = stdout(&server.command(&["scan", "--organization", "--region", "eu-west-1", "--format", "html"]));
    let (_, overview) = page.split_once("By account").unwrap();
    assert_eq!(page.matches("<summary>").count(), 3, "two with rules and one that refuses: {page}");
    let order = ["222222222222 (web)", "333333333333 (data)", "555555555555 (refuses)", "111111111111 (security)"];
    let at = order.map(|account| overview.find(account).unwrap_or_else(|| panic!("{account}: {overview}")));
    assert!(at.is_sorted(), "what most keeps from FAIL comes first: {at:?}");
    assert!(
        overview.contains("could not be accessed") && overview.contains("sts:AssumeRole is not allowed"),
        "{overview}"
    );
    assert!(page.contains("Root/Workloads/Production"));
    let server = Server::start(guarded);
    let audit = stdout(&server.command(&["audit", "--organization", "--region", "eu-west-1", "--format", "html"]));
    assert_eq!(audit.matches("<summary>").count(), 3, "{audit}");
    assert!(audit.contains("1 blocked") && audit.contains("<th>account</th>"), "{audit}");
    for page in [page, audit] {
        for foreign in ["<script", "src=\"", "href=", "http:", "https:"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}
