//! `scan` against stacks in the shapes of `ListStacks`, `DescribeStacks` and `GetTemplate` (source: the output
//! structures of aws-sdk-cloudformation 1.136, written in the XML of the query protocol).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value as Json;

use super::server::{Answer, Request, Server, answered, escaped, refused};
use crate::support::{read, stderr, stdout, validator};

const COMPLIANT: &str = "{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}";
const BY_PARAMETER: &str = "{IpProtocol: tcp, FromPort: 443, ToPort: !Ref To, CidrIp: 10.0.0.0/8}";
const OPEN: &str = "{IpProtocol: '-1', CidrIp: 0.0.0.0/0}";

fn id(region: &str, name: &str) -> String {
    format!("arn:aws:cloudformation:{region}:123456789012:stack/{name}/1")
}

fn template(egress: &str) -> String {
    format!(
        "Parameters: {{To: {{Type: Number, Default: 443}}}}\nResources:\n  Sg:\n    Type: AWS::EC2::SecurityGroup\n    \
         Properties:\n      SecurityGroupEgress: [{egress}]\n"
    )
}

/// An account in which every Region has these stacks, two on a page.
fn account(request: &Request, stacks: &[(&str, &str)]) -> Answer {
    let first: usize = request.field("NextToken").parse().unwrap_or_default();
    let page = stacks.iter().skip(first).take(2);
    let next = if first + 2 < stacks.len() { format!("<NextToken>{}</NextToken>", first + 2) } else { String::new() };
    let common = |name: &str| {
        format!(
            "<StackId>{}</StackId><StackName>{name}</StackName><CreationTime>2026-01-02T03:04:05Z</CreationTime>\
             <StackStatus>UPDATE_COMPLETE</StackStatus>",
            id(&request.region, name)
        )
    };
    match request.action.as_str() {
        "ListStacks" => {
            let stacks: String = page.map(|(name, _)| format!("<member>{}</member>", common(name))).collect();
            answered("ListStacks", &format!("<StackSummaries>{stacks}</StackSummaries>{next}"))
        }
        "DescribeStacks" => {
            let stack = |(name, _): &(&str, &str)| {
                format!(
                    "<member>{}<Parameters><member><ParameterKey>To</ParameterKey><ParameterValue>444</ParameterValue>\
                     </member></Parameters><Tags><member><Key>Owner</Key><Value>team-{}</Value></member></Tags></member>",
                    common(name),
                    name.chars().next().unwrap()
                )
            };
            let wanted = request.field("StackName");
            let stacks: String = if wanted.is_empty() {
                page.map(stack).collect()
            } else {
                stacks.iter().filter(|(name, _)| id(&request.region, name) == wanted).map(stack).collect()
            };
            answered("DescribeStacks", &format!("<Stacks>{stacks}</Stacks>{next}"))
        }
        "GetTemplate" => {
            let wanted = request.field("StackName");
            let Some((_, egress)) = stacks.iter().find(|(name, _)| id(&request.region, name) == wanted) else {
                return refused(400, "ValidationError", "Stack does not exist");
            };
            answered("GetTemplate", &format!("<TemplateBody>{}</TemplateBody>", escaped(&template(egress))))
        }
        other => refused(400, "InvalidAction", other),
    }
}

const STACKS: [(&str, &str); 5] =
    [("a1", COMPLIANT), ("a2", OPEN), ("b1", BY_PARAMETER), ("b2", COMPLIANT), ("b3", OPEN)];

pub(super) fn json(server: &Server, arguments: &[&str]) -> (Option<i32>, Json) {
    let output = server.command(&[&["scan", "--format", "json"], arguments].concat());
    let error = stderr(&output);
    assert!(!error.contains("do-not-print-me") && !error.contains("nor-me"), "{error}");
    let result: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|parse| panic!("{parse}: {error}"));
    if let Err(error) = validator("schema/scan.schema.json").validate(&result) {
        panic!("{error}");
    }
    (output.status.code(), result)
}

fn names(result: &Json) -> Vec<&str> {
    result["stacks"].as_array().unwrap().iter().map(|stack| stack["stack"].as_str().unwrap()).collect()
}

#[test]
fn every_page_is_read_and_deployed_values_decide() {
    let server = Server::start(|request| account(request, &STACKS));
    let (code, result) = json(&server, &["--region", "eu-west-1"]);
    assert_eq!(code, Some(1));
    assert_eq!(names(&result), ["a1", "a2", "b1", "b2", "b3"]);
    assert_eq!(result["summary"]["answer"], "no");
    assert_eq!(result["summary"]["stacksBlocked"], 3, "444 was given, not the default 443");
    assert_eq!(result["summary"]["owners"][0]["name"], "team-b");
    assert_eq!(result["complete"], true);
    let described = server.seen().iter().filter(|request| request.action == "DescribeStacks").count();
    assert_eq!(described, 3, "in pages, not one by one");
}

#[test]
fn the_report_for_people_ends_with_the_answer() {
    let server = Server::start(|request| account(request, &STACKS));
    let output = server.command(&["scan", "--regions", "eu-west-1,us-east-1", "--stack", "a*"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn throttling_slows_down_and_loses_nothing() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        // Every third request of any kind is throttled.
        if calls.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            return refused(400, "Throttling", "Rate exceeded");
        }
        account(request, &STACKS)
    });
    let (code, result) = json(&server, &["--region", "eu-west-1", "--concurrency", "2"]);
    assert_eq!((code, names(&result).len(), &result["unread"]), (Some(1), 5, &Json::Array(vec![])));
}

#[test]
fn a_region_that_is_denied_is_named_and_the_others_are_read() {
    let server = Server::start(|request| match (request.region.as_str(), request.action.as_str()) {
        ("us-east-1", "ListStacks" | "DescribeStacks") => {
            refused(403, "AccessDenied", "User: arn:aws:iam::123456789012:user/x is not authorized")
        }
        _ => account(request, &STACKS),
    });
    let (code, result) = json(&server, &["--regions", "eu-west-1,us-east-1"]);
    assert_eq!(code, Some(2));
    assert_eq!(names(&result).len(), 5);
    let unread = result["unread"].as_array().unwrap();
    let actions: BTreeSet<_> = unread.iter().map(|what| what["failure"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions, BTreeSet::from(["cloudformation:DescribeStacks", "cloudformation:ListStacks"]));
    assert!(unread.iter().all(|what| what["region"] == "us-east-1" && what["failure"]["kind"] == "access-denied"));
    let output = server.command(&["scan", "--regions", "eu-west-1,us-east-1"]);
    let report = stdout(&output);
    assert!(
        report.contains("Missing permissions: cloudformation:DescribeStacks, cloudformation:ListStacks"),
        "{report}"
    );
    assert!(report.contains("This is a lower bound"), "{report}");
}

#[test]
fn either_list_is_enough_to_find_the_stacks() {
    for denied in ["ListStacks", "DescribeStacks"] {
        let server = Server::start(move |request| {
            if request.action == denied {
                return refused(403, "AccessDenied", "no");
            }
            account(request, &STACKS)
        });
        let (code, result) = json(&server, &["--region", "eu-west-1"]);
        assert_eq!((code, names(&result).len()), (Some(2), 5), "without {denied}");
        let undetermined = &result["summary"]["tally"]["undetermined"];
        let expected = usize::from(denied == "DescribeStacks");
        assert_eq!(*undetermined, expected, "without {denied}: a default proves nothing about what was given");
    }
}

#[test]
fn a_template_that_cannot_be_read_is_listed_with_the_reason() {
    let server = Server::start(|request| match (request.action.as_str(), request.field("StackName")) {
        ("GetTemplate", name) if name.contains("/a2/") => refused(403, "AccessDenied", "not this one"),
        ("GetTemplate", name) if name.contains("/b2/") => refused(500, "InternalFailure", "sorry"),
        ("GetTemplate", name) if name.contains("/b3/") => {
            answered("GetTemplate", "<TemplateBody>Resources: [</TemplateBody>")
        }
        _ => account(request, &STACKS),
    });
    let (code, result) = json(&server, &["--region", "eu-west-1"]);
    assert_eq!(code, Some(2));
    assert_eq!(names(&result), ["a1", "b1"]);
    let mut unread: Vec<_> = result["unread"].as_array().unwrap().iter().collect();
    unread.sort_by_key(|what| what["stack"].as_str());
    let kinds: Vec<_> = unread.iter().map(|what| (&what["stack"], &what["failure"]["kind"])).collect();
    let expected = [("a2", "access-denied"), ("b2", "unreachable"), ("b3", "unreadable")];
    assert_eq!(
        kinds,
        expected
            .map(|(stack, kind)| (Json::from(stack), Json::from(kind)))
            .iter()
            .map(|(a, b)| (a, b))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_stack_deleted_meanwhile_is_no_failure() {
    let server = Server::start(|request| match request.action.as_str() {
        "GetTemplate" if request.field("StackName").contains("/a2/") => {
            refused(400, "ValidationError", "Stack with id x does not exist")
        }
        _ => account(request, &STACKS),
    });
    let (code, result) = json(&server, &["--region", "eu-west-1"]);
    assert_eq!((code, names(&result).len()), (Some(1), 4));
}

#[test]
fn the_original_template_is_judged_where_there_is_no_processed_one() {
    let server = Server::start(|request| match (request.action.as_str(), request.field("TemplateStage")) {
        ("GetTemplate", "Processed") => refused(400, "ValidationError", "no processed template"),
        _ => account(request, &STACKS),
    });
    let (code, result) = json(&server, &["--region", "eu-west-1", "--stack", "a2"]);
    assert_eq!(code, Some(1));
    assert!(result["stacks"][0]["notes"][0].as_str().unwrap().starts_with("checked as written"));
}

#[test]
fn resuming_reads_only_what_is_missing_or_changed() {
    let folder = crate::support::scratch("scan-resume");
    let file = folder.join("scan.json");
    let path = file.to_str().unwrap();

    let server = Server::start(|request| account(request, &STACKS));
    let output = server.command(&["scan", "--region", "eu-west-1", "--output", path]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    // Killed while writing: the last stack and the end are missing.
    let text = std::fs::read_to_string(&file).unwrap();
    let cut = text.match_indices('\n').nth(4).unwrap().0;
    std::fs::write(folder.join("scan.json.part"), text.get(..cut).unwrap()).unwrap();
    std::fs::remove_file(&file).unwrap();

    let server = Server::start(|request| account(request, &STACKS));
    let (code, result) = json(&server, &["--region", "eu-west-1", "--resume", path, "--output", path]);
    assert_eq!((code, names(&result).len()), (Some(1), 5));
    let templates = server.seen().iter().filter(|request| request.action == "GetTemplate").count();
    assert_eq!(templates, 1, "four of five were known");
    assert!(file.exists() && !folder.join("scan.json.part").exists());

    let refused = server.command(&["scan", "--region", "eu-west-1", "--resume", path, "--preset", "effective"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("preset literal"), "{}", stderr(&refused));

    // The same result in another format, without AWS.
    let page = folder.join("scan.html");
    let output = server.command(&["scan", "--from", path, "--format", "csv", "--output", page.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output).lines().count(), 4, "a head and three rules");
    assert!(std::fs::read_to_string(page).unwrap().contains("<b>Not yet.</b> With FAIL, 3 of the 5 stacks"));
}

#[test]
fn a_draft_policy_decides_and_suggested_exemptions_cover_todays_debt() {
    let folder = crate::support::scratch("scan-policy");
    let (draft, debt) = (folder.join("draft.toml"), folder.join("debt.toml"));
    let (draft, debt) = (draft.to_str().unwrap(), debt.to_str().unwrap());
    let server = Server::start(|request| account(request, &STACKS));

    let _ = std::fs::remove_file(debt);
    let suggest = ["scan", "--region", "eu-west-1", "--suggest-exemptions", debt];
    let output = server.command(&suggest);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let again = server.command(&suggest);
    assert_eq!((again.status.code(), stdout(&again)), (Some(2), String::new()), "it may be a policy by now");
    assert!(stderr(&again).contains("already exists and may be a policy"), "{}", stderr(&again));
    let text = std::fs::read_to_string(debt).unwrap();
    assert!(text.contains("owner = \"team-b\"") && text.contains("ports = \"443-444\""), "{text}");
    let (code, result) = json(&server, &["--region", "eu-west-1", "--policy", debt]);
    let tally = &result["summary"]["tally"];
    assert_eq!((code, &tally["blocked"], &tally["exempted"]), (Some(0), &Json::from(0), &Json::from(3)), "{text}");

    std::fs::write(draft, "unchanged_rules = \"allow\"").unwrap();
    let (code, result) = json(&server, &["--region", "eu-west-1", "--policy", draft]);
    assert_eq!((code, &result["summary"]["tally"]["knownDebt"]), (Some(0), &Json::from(3)));

    std::fs::write(draft, "preset = 'lax'").unwrap();
    let refused = server.command(&["scan", "--region", "eu-west-1", "--policy", draft]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("line 1, column 10"), "{}", stderr(&refused));
}

/// A policy rejects a destination whose value only AWS knows, and address bits after the prefix.
#[test]
fn suggested_exemptions_are_a_policy_whatever_the_destinations() {
    let range = |destination: &str| format!("{{IpProtocol: tcp, FromPort: 1, ToPort: 9, {destination}}}");
    let egress = [
        range("DestinationSecurityGroupId: !GetAtt Db.GroupId"),
        range("DestinationPrefixListId: !Ref List"),
        range("DestinationPrefixListId: PL-1"),
        range("CidrIp: 10.1.2.3/8"),
        range("CidrIpv6: '2001:db8::1/32'"),
        range("DestinationSecurityGroupId: sg-0123456789abcdef0"),
    ];
    let egress = egress.join(", ");
    let folder = crate::support::scratch("scan-destinations");
    let debt = folder.join("debt.toml");
    let _ = std::fs::remove_file(&debt);
    let debt = debt.to_str().unwrap();
    let server = Server::start(move |request| account(request, &[("app", &egress)]));
    let output = server.command(&["scan", "--region", "eu-west-1", "--suggest-exemptions", debt]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = std::fs::read_to_string(debt).unwrap();
    let destinations: Vec<&str> = text.lines().filter(|line| line.starts_with("destination = ")).collect();
    let parsed = cfn_egress_guard_core::policy::parse(&text);
    assert!(parsed.is_ok(), "{parsed:?}\n{text}");
    assert_eq!(
        destinations,
        ["destination = \"10.0.0.0/8\"", "destination = \"2001:db8::/32\"", "destination = \"sg-0123456789abcdef0\""]
    );
    let (_, result) = json(&server, &["--region", "eu-west-1", "--policy", debt]);
    let tally = &result["summary"]["tally"];
    assert_eq!((&tally["blocked"], &tally["exempted"]), (&Json::from(3), &Json::from(3)), "{text}");
}

#[test]
fn an_interruption_keeps_what_was_found() {
    for signal in ["-INT", "-TERM"] {
        let server = Server::start(|request| {
            if request.action == "GetTemplate" && !request.field("StackName").contains("/a1/") {
                std::thread::sleep(std::time::Duration::from_secs(60));
            }
            account(request, &STACKS)
        });
        let mut command = server.prepared(&["scan", "--region", "eu-west-1", "--format", "json"]);
        let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        // Four are read in parallel at first: the fifth is requested after a1 was judged.
        while server.seen().iter().filter(|request| request.action == "GetTemplate").count() < 5 {
            assert!(std::time::Instant::now() < deadline, "{:?}", server.seen());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let result: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), names(&result)), (Some(2), vec!["a1"]), "{signal}");
        assert_eq!((&result["complete"], &result["summary"]["answer"]), (&Json::from(false), &Json::from("unknown")));
    }
}

#[test]
fn nested_stacks_are_read_and_belong_to_their_root() {
    let server = Server::start(|request| {
        let mut answer = account(request, &[("app", COMPLIANT), ("net-1", OPEN), ("other", OPEN)]);
        let root = format!("<RootId>{}</RootId><ParentId>{0}</ParentId>", id(&request.region, "app"));
        for element in ["StackName>net-1</StackName>", "StackName>app</StackName>"] {
            // In some answers, AWS names a stack that is not nested as its own root.
            answer.body = answer.body.replace(element, &format!("{element}{root}"));
        }
        answer
    });
    let (code, result) = json(&server, &["--region", "eu-west-1", "--stack", "app"]);
    assert_eq!((code, names(&result)), (Some(1), vec!["app", "net-1"]), "what is nested in a wanted stack is wanted");
    let root = |at: usize| &result["stacks"][at]["root"];
    assert_eq!((root(0), root(1)), (&Json::Null, &Json::from("app")));
    let (_, result) = json(&server, &["--region", "eu-west-1", "--stack", "net*", "--stack", "other"]);
    assert_eq!(names(&result), ["net-1", "other"]);
}

/// An answer for selected stacks is not one for the account; without a matching stack there is no answer.
#[test]
fn a_filter_is_answered_for_and_nothing_else() {
    let server = Server::start(|request| account(request, &STACKS));
    let folder = crate::support::scratch("scan-filter");
    let path = folder.join("scan.json");
    let scan = ["scan", "--region", "eu-west-1", "--output", path.to_str().unwrap(), "--stack"];
    let output = server.command(&[&scan[..], &["typo-*", "--stack", "tpyo"]].concat());
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    let says = "error: no stack in eu-west-1 is named `typo-*` or `tpyo`, so nothing was scanned\n";
    assert_eq!(stderr(&output), says);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "no half of a result is left");

    let output = server.command(&[&scan[..], &["a1", "--stack", "typo-*"]].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), "warning: no stack is named `typo-*`\n".to_owned()));
    let said = stdout(&output);
    let asked =
        "Can the failure mode be FAIL for stacks named a1, typo-*? (1 stack read in account 123456789012, eu-west-1";
    assert!(said.contains(asked), "{said}");
    assert!(
        said.contains(
            "Yes: FAIL would block none of these stacks.\nThis covers only stacks named a1, typo-*, not the others"
        ),
        "{said}"
    );
    let again = server.command(&["scan", "--from", path.to_str().unwrap()]);
    assert_eq!(stdout(&again), said, "the result says what it was narrowed to");
    let page = stdout(&server.command(&["scan", "--from", path.to_str().unwrap(), "--format", "html"]));
    assert!(page.contains("only stacks named a1, typo-*"), "{page}");
}

/// Once, on standard output, with all the Regions that it applies to.
#[test]
fn what_fails_alike_in_several_regions_is_reported_once() {
    let server = Server::start(|_| refused(403, "AccessDenied", "no"));
    let output = server.command(&["scan", "--regions", "eu-west-1,us-east-1,us-east-2"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(2), String::new()));
    let said = stdout(&output);
    let line = "  eu-west-1, us-east-1, us-east-2 the list of stacks: cloudformation:ListStacks is not allowed: no\n";
    assert!(said.contains(line), "{said}");
    assert_eq!(said.matches("is not allowed").count(), 2, "one for each list: {said}");
}

#[test]
fn what_was_judged_without_its_parameters_is_read_again_on_resuming() {
    let folder = crate::support::scratch("scan-partial");
    let path = folder.join("scan.json");
    let path = path.to_str().unwrap();
    let server = Server::start(|request| match request.action.as_str() {
        "DescribeStacks" => refused(403, "AccessDenied", "no"),
        _ => account(request, &STACKS),
    });
    let output = server.command(&["scan", "--region", "eu-west-1", "--output", path]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let said = stdout(&output);
    assert_eq!(
        said.matches("cloudformation:DescribeStacks is not allowed").count(),
        1,
        "once, not for every stack: {said}"
    );
    assert!(said.contains("note: checked without the values of its parameters"), "{said}");
    assert!(!said.contains("lower bound"), "every stack was listed and judged: {said}");

    let server = Server::start(|request| account(request, &STACKS));
    let (code, result) = json(&server, &["--region", "eu-west-1", "--resume", path]);
    assert_eq!((code, &result["summary"]["stacksBlocked"]), (Some(1), &Json::from(3)));
    assert_eq!(server.seen().iter().filter(|request| request.action == "GetTemplate").count(), 5);

    let refused = server.command(&["scan", "--region", "eu-west-1", "--resume", path, "--owner-tag", "team"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("reads owners from the tags owner, team, contact"), "{}", stderr(&refused));
}

/// Names from account owners may be hostile: the page shows them, runs nothing and fetches nothing.
#[test]
fn the_page_fetches_nothing_and_shows_hostile_names_as_text() {
    const HOSTILE: &str = "</td><script src=//e.example/x>alert('x')</script><img onerror=\"x\">&";
    let server = Server::start(|request| {
        let mut answer = account(request, &[("a1", COMPLIANT), ("b1", OPEN), ("b2", OPEN)]);
        let hostile = escaped(HOSTILE);
        answer.body = answer.body.replace("team-b", &hostile);
        answer.body = answer.body.replace("<StackName>b2</StackName>", &format!("<StackName>{hostile}</StackName>"));
        answer.body = answer.body.replace("  Sg:\n", &format!("  {}:\n", escaped(&Json::from(HOSTILE).to_string())));
        answer
    });
    let output = server.command(&["scan", "--region", "eu-west-1", "--format", "html"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let page = stdout(&output);
    for foreign in ["<script", "<img", "<link", "<iframe", "src=\"", "href=", "http:", "https:", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}: {page}");
    }
    let shown =
        "&lt;/td&gt;&lt;script src=//e.example/x&gt;alert('x')&lt;/script&gt;&lt;img onerror=&quot;x&quot;&gt;&amp;";
    assert!(page.matches(shown).count() >= 6, "stack, owner and logical id in chart and table: {page}");
    assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"), "nor could a browser: {page}");
}

#[test]
fn all_regions_are_those_switched_on() {
    // Shape: ListRegionsOutput of aws-sdk-account (REST, JSON).
    let server = Server::start(|request| match request.action.as_str() {
        "/listRegions" => Answer {
            status: 200,
            body: "{\"Regions\":[{\"RegionName\":\"eu-west-1\",\"RegionOptStatus\":\"ENABLED_BY_DEFAULT\"},\
                   {\"RegionName\":\"af-south-1\",\"RegionOptStatus\":\"ENABLED\"}]}"
                .to_owned(),
        },
        _ => account(request, &STACKS),
    });
    let (_, result) = json(&server, &["--regions", "all"]);
    assert_eq!(result["regions"], serde_json::json!(["af-south-1", "eu-west-1"]));

    let server = Server::start(|request| match request.action.as_str() {
        "/listRegions" => {
            Answer { status: 403, body: "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}".to_owned() }
        }
        _ => account(request, &[]),
    });
    let output = server.command(&["scan", "--regions", "all"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let said = stdout(&output);
    assert!(said.contains("sa-east-1"), "the Regions that every account has are read");
    assert!(said.contains("could not be read: account:ListRegions is not allowed"), "{said}");
    assert!(!said.contains("--resume"), "there is nothing to take up: {said}");
    // The other commands print the same, in every format.
    let described = "Only the Regions that are enabled by default were read";
    let page = stdout(&server.command(&["scan", "--regions", "all", "--format", "html"]));
    assert!(page.contains(described), "{page}");
    for command in ["audit", "status"] {
        let said = stdout(&server.command(&[command, "--regions", "all"]));
        assert!(said.contains(described), "{command}: {said}");
        let output = server.command(&[command, "--regions", "all", "--format", "json"]);
        let result: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert!(result["regionsAssumed"].as_str().unwrap().contains("account:ListRegions"), "{result}");
    }
}

#[test]
fn the_regions_that_are_assumed_are_those_of_the_callers_partition() {
    let server = Server::start(|request| match request.action.as_str() {
        "/listRegions" => {
            Answer { status: 403, body: "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}".to_owned() }
        }
        "GetCallerIdentity" => {
            let arn = "arn:aws-cn:iam::123456789012:user/x";
            answered("GetCallerIdentity", &format!("<Arn>{arn}</Arn><Account>123456789012</Account>"))
        }
        _ => account(request, &[]),
    });
    for more in [&[][..], &["--accounts", "123456789012"]] {
        let _ = server.command(&[&["scan", "--regions", "all"], more].concat());
        let read = server.seen().into_iter().filter(|request| request.action == "ListStacks");
        let read: BTreeSet<String> = read.map(|request| request.region).collect();
        assert_eq!(read, ["cn-north-1", "cn-northwest-1"].map(str::to_owned).into());
    }
}

/// A list that does not end is not a shorter list.
#[test]
fn a_list_of_regions_that_refers_to_itself_is_not_complete() {
    let server = Server::start(|request| match request.action.as_str() {
        "/listRegions" => {
            let body = "{\"Regions\":[{\"RegionName\":\"eu-west-1\",\"RegionOptStatus\":\"ENABLED\"}],\
                        \"NextToken\":\"same\"}";
            Answer { status: 200, body: body.to_owned() }
        }
        _ => account(request, &[]),
    });
    let (code, result) = json(&server, &["--regions", "all"]);
    assert_eq!((code, result["regions"].as_array().unwrap().len()), (Some(2), 17));
    assert!(result["regionsAssumed"].as_str().unwrap().contains("refers to itself"), "{result}");
}

#[test]
fn what_cannot_be_scanned_says_why() {
    let server = Server::start(|request| account(request, &STACKS));
    for (arguments, says) in [
        (vec!["scan"], "no Region is configured"),
        (vec!["scan", "--region", "eu/west"], "not a Region name"),
        (vec!["scan", "--region", "eu-west-1", "--output", "x.txt"], ".json, .csv, or .html"),
        (vec!["scan", "--region", "eu-west-1", "--resume", "no-such-file.json"], "no-such-file.json"),
        (vec!["scan", "--from", "Cargo.toml"], "not the JSON result of a scan"),
        (vec!["scan", "--from", "x.json", "--stack", "a"], "cannot be used with"),
        (vec!["scan", "--from", "x.json", "--preset", "effective"], "cannot be used with"),
    ] {
        let output = server.command(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
    let output = server.prepared(&["scan", "--region", "eu-west-1"]).env_remove("AWS_ACCESS_KEY_ID").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
}

#[test]
fn the_policy_it_needs_is_printed() {
    let server = Server::start(|_| refused(500, "x", "x"));
    let output = server.command(&["scan", "--print-iam-policy"]);
    assert_eq!(output.status.code(), Some(0));
    let policy: Json = serde_json::from_slice(&output.stdout).unwrap();
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    for action in ["cloudformation:ListStacks", "cloudformation:DescribeStacks", "cloudformation:GetTemplate"] {
        assert!(actions.contains(&Json::from(action)), "{policy}");
    }
    assert!(server.seen().is_empty());
    assert!(read("schema/scan.schema.json").contains("\"stacks\""));
}
