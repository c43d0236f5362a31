//! `scan --live` against security groups in the shapes of the Cloud Control API (awsJson 1.0; source: the output
//! structures of aws-sdk-cloudcontrol 1.120; properties: the schema of `AWS::EC2::SecurityGroup`, whose read handler
//! writes -1 for the ports of protocols without ports).

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::accounts::{account, with_egress};
use super::server::{Reply, Request, Server, answered, escaped, refused};
use crate::support::{scratch, stderr, stdout, validator};

const REGION: &str = "eu-west-1";

/// A stack's name and its template's resources.
type Stack = (&'static str, &'static str);

/// A group: its ID, the stack and logical ID in its tags, its name, its egress rules.
type Group = (&'static str, Option<(&'static str, &'static str)>, &'static str, Vec<Json>);

fn stack_id(request: &Request, name: &str) -> String {
    format!("arn:aws:cloudformation:{}:123456789012:stack/{name}/1", request.region)
}

pub(super) fn cloud_control(body: &Json) -> Reply {
    let headers = "content-type: application/x-amz-json-1.0\r\n";
    Reply { status: 200, headers, body: body.to_string().into_bytes() }
}

pub(super) fn cloud_control_refuses(code: &str, message: &str) -> Reply {
    let body = json!({"__type": format!("com.amazonaws.cloudcontrol#{code}"), "Message": message});
    Reply { status: 400, ..cloud_control(&body) }
}

/// A Region with these stacks and groups, two groups on a page.
fn region(request: &Request, stacks: &[Stack], groups: &[Group]) -> Reply {
    let asked: Json = serde_json::from_str(&request.body).unwrap_or_default();
    let common = |name: &str| {
        format!(
            "<StackId>{}</StackId><StackName>{name}</StackName><CreationTime>2026-01-02T03:04:05Z</CreationTime>\
             <StackStatus>UPDATE_COMPLETE</StackStatus>",
            stack_id(request, name)
        )
    };
    let members = || stacks.iter().map(|(name, _)| format!("<member>{}</member>", common(name))).collect::<String>();
    match request.action.as_str() {
        "ListStacks" => answered("ListStacks", &format!("<StackSummaries>{}</StackSummaries>", members())).into(),
        "DescribeStacks" => answered("DescribeStacks", &format!("<Stacks>{}</Stacks>", members())).into(),
        "GetTemplate" => {
            let wanted = request.field("StackName");
            let (_, resources) = stacks.iter().find(|(name, _)| stack_id(request, name) == wanted).unwrap();
            let template = format!("Parameters: {{P: {{Type: Number}}}}\nResources:\n{resources}");
            answered("GetTemplate", &format!("<TemplateBody>{}</TemplateBody>", escaped(&template))).into()
        }
        "DescribeStackResources" => {
            let id = request.field("PhysicalResourceId");
            if id != "sg-0untagged" {
                return refused(400, "ValidationError", &format!("Stack for {id} does not exist")).into();
            }
            let resource = format!(
                "<StackName>app</StackName><StackId>{}</StackId><LogicalResourceId>Sg</LogicalResourceId>\
                 <PhysicalResourceId>{id}</PhysicalResourceId><ResourceType>AWS::EC2::SecurityGroup</ResourceType>\
                 <Timestamp>2026-01-02T03:04:05Z</Timestamp><ResourceStatus>CREATE_COMPLETE</ResourceStatus>",
                stack_id(request, "app")
            );
            let list = format!("<StackResources><member>{resource}</member></StackResources>");
            answered("DescribeStackResources", &list).into()
        }
        "ListResources" => {
            assert_eq!(asked["TypeName"], "AWS::EC2::SecurityGroup");
            let first: usize = asked["NextToken"].as_str().unwrap_or("0").parse().unwrap();
            let page = groups.iter().skip(first).take(2);
            // The list handler returns only the identifier in the properties.
            let one = |(id, ..): &Group| json!({"Identifier": id, "Properties": json!({"Id": id}).to_string()});
            let mut body =
                json!({"TypeName": asked["TypeName"], "ResourceDescriptions": page.map(one).collect::<Vec<_>>()});
            if first + 2 < groups.len() {
                body["NextToken"] = json!((first + 2).to_string());
            }
            cloud_control(&body)
        }
        "GetResource" => {
            let Some(group) = groups.iter().find(|(id, ..)| asked["Identifier"] == *id) else {
                return cloud_control_refuses("ResourceNotFoundException", "no such group");
            };
            cloud_control(&description(request, group))
        }
        other => refused(400, "InvalidAction", other).into(),
    }
}

fn description(request: &Request, (id, stack, name, egress): &Group) -> Json {
    let mut tags = vec![json!({"Key": "Owner", "Value": "team-net"})];
    if let Some((stack, logical_id)) = stack {
        for (key, value) in
            [("stack-id", &*stack_id(request, stack)), ("stack-name", stack), ("logical-id", logical_id)]
        {
            tags.push(json!({"Key": format!("aws:cloudformation:{key}"), "Value": value}));
        }
    }
    let properties = json!({
        "Id": id, "GroupId": id, "GroupName": name, "GroupDescription": "x", "VpcId": "vpc-1",
        "SecurityGroupEgress": egress, "SecurityGroupIngress": [], "Tags": tags,
    });
    json!({
        "TypeName": "AWS::EC2::SecurityGroup",
        "ResourceDescription": {"Identifier": id, "Properties": properties.to_string()},
    })
}

fn all() -> Json {
    json!({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIp": "0.0.0.0/0"})
}

fn tcp(from: u16, to: u16) -> Json {
    json!({"IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8", "Description": "x"})
}

/// `app` declares one group with a rule and one with an unknown value; `rules` declares a separate rule for the group
/// of another stack, and one for a group that only CloudFormation knows.
const STACKS: [Stack; 2] = [
    (
        "app",
        "  Sg: {Type: AWS::EC2::SecurityGroup, Properties: {SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, \
         ToPort: 443, CidrIp: 10.0.0.0/8}]}}\n  Open: {Type: AWS::EC2::SecurityGroup, Properties: \
         {SecurityGroupEgress: [{IpProtocol: tcp, FromPort: !Ref P, ToPort: !Ref P, CidrIp: 10.0.0.0/8}]}}\n",
    ),
    (
        "rules",
        "  A: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: sg-0same, IpProtocol: tcp, FromPort: 8443, \
         ToPort: 8443, CidrIp: 10.0.0.0/8}}\n  B: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: \
         !ImportValue x, IpProtocol: tcp, FromPort: 9443, ToPort: 9443, CidrIp: 10.0.0.0/8}}\n",
    ),
];

fn groups() -> Vec<Group> {
    vec![
        ("sg-0same", Some(("app", "Sg")), "app-Sg", vec![tcp(443, 443), tcp(8443, 8443), tcp(9443, 9443)]),
        ("sg-0unknown", Some(("app", "Open")), "app-Open", vec![tcp(5432, 5432)]),
        ("sg-0changed", Some(("app", "Sg")), "app-Sg-2", vec![tcp(443, 443), all()]),
        ("sg-0lacks", Some(("app", "Sg")), "app-Sg-3", vec![]),
        ("sg-0left", Some(("deleted", "Sg")), "deleted-Sg", vec![tcp(443, 443)]),
        ("sg-0hand", None, "by-hand", vec![tcp(80, 87)]),
        ("sg-0untagged", None, "app-Sg-4", vec![tcp(443, 443)]),
        ("sg-0default", None, "default", vec![all()]),
        ("sg-0closed", None, "default", vec![]),
    ]
}

fn json(server: &Server, arguments: &[&str]) -> (Option<i32>, Json) {
    super::scan::json(server, &[&["--live"], arguments].concat())
}

/// Each group's ID with one of its fields.
fn described<'a>(result: &'a Json, field: &str) -> Vec<(&'a str, &'a Json)> {
    result["groups"].as_array().unwrap().iter().map(|group| (group["group"].as_str().unwrap(), &group[field])).collect()
}

fn ids(result: &Json) -> Vec<&str> {
    described(result, "group").into_iter().map(|(id, _)| id).collect()
}

fn count(server: &Server, action: &str) -> usize {
    server.seen().iter().filter(|request| request.action == action).count()
}

#[test]
fn every_group_is_read_and_its_owner_and_differences_are_reported() {
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let (code, result) = json(&server, &["--region", REGION]);
    assert_eq!((code, &result["unread"]), (Some(1), &json!([])));
    assert_eq!(count(&server, "ListResources"), 5, "two on a page");
    let owned: Vec<_> = described(&result, "ownership")
        .into_iter()
        .map(|(id, owned)| format!("{id} {}", owned.as_str().unwrap()))
        .collect();
    assert_eq!(
        owned,
        [
            "sg-0changed stack",
            "sg-0closed default",
            "sg-0default default",
            "sg-0hand none",
            "sg-0lacks stack",
            "sg-0left none",
            "sg-0same stack",
            "sg-0unknown stack",
            "sg-0untagged stack"
        ]
    );
    let differences: Vec<_> = result["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["differences"].as_array().into_iter().flatten().map(move |one| (&group["group"], one)))
        .map(|(group, one)| format!("{} {}", group.as_str().unwrap(), one["statement"].as_str().unwrap()))
        .collect();
    assert_eq!(
        differences,
        [
            "sg-0changed IpProtocol -1 to 0.0.0.0/0 is in the group, but not in a template",
            "sg-0lacks tcp 443 to 10.0.0.0/8 is in the stack's template, but not in the group",
        ]
    );
    let live = &result["summary"]["live"];
    assert_eq!((&live["groups"], &live["breaking"]), (&json!(9), &json!(3)));
    assert_eq!((&live["unowned"]["groups"], &live["unowned"]["breaking"]), (&json!(2), &json!(1)));
    assert_eq!((&live["defaults"]["groups"], &live["defaults"]["breaking"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&live["changed"]["groups"], &live["rulesAdded"], &live["rulesRemoved"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(result["summary"]["accounts"][0]["live"]["groups"], 9);
    assert_eq!((&result["live"], &result["groups"][0]["owner"]), (&json!(true), &json!("team-net")));
    assert_eq!(count(&server, "DescribeStackResources"), 2, "of groups without tags alone");
    // The answer about deployments is the same as without --live.
    assert_eq!(result["summary"]["answer"], "yes");
}

#[test]
fn the_report_for_people_has_an_answer_of_its_own() {
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let output = server.command(&["scan", "--live", "--region", REGION]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn without_live_nothing_is_asked_and_nothing_is_said() {
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let output = server.command(&["scan", "--region", REGION, "--format", "json"]);
    let result: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(result.get("groups").is_none() && result.get("live").is_none() && result["summary"].get("live").is_none());
    assert!(result["stacks"].as_array().unwrap().iter().all(|stack| stack.get("declared").is_none()), "{result}");
    assert_eq!(count(&server, "ListResources") + count(&server, "GetResource"), 0);
}

#[test]
fn throttling_of_cloud_control_or_of_ec2_behind_it_loses_nothing() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let is_live = ["ListResources", "GetResource"].contains(&request.action.as_str());
        match calls.fetch_add(usize::from(is_live), Ordering::Relaxed) % 6 {
            2 if is_live => cloud_control_refuses("ThrottlingException", "Rate exceeded"),
            5 if is_live => cloud_control_refuses("GeneralServiceException", "Request limit exceeded. (Service: Ec2)"),
            _ => region(request, &STACKS, &groups()),
        }
    });
    let (code, result) = json(&server, &["--region", REGION, "--concurrency", "2"]);
    assert_eq!((code, ids(&result).len(), &result["unread"]), (Some(1), 9, &json!([])));
}

#[test]
fn a_group_deleted_meanwhile_is_no_failure() {
    let server = Server::start(|request| {
        if request.action == "GetResource" && request.body.contains("sg-0hand") {
            return cloud_control_refuses(
                "ResourceNotFoundException",
                "AWS::EC2::SecurityGroup sg-0hand was not found",
            );
        }
        region(request, &STACKS, &groups())
    });
    let (code, result) = json(&server, &["--region", REGION]);
    assert_eq!((code, ids(&result).len(), &result["unread"]), (Some(1), 8, &json!([])));
}

#[test]
fn what_is_not_allowed_is_named_and_the_rest_is_read() {
    const NOT_EC2: &str = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/x is \
                           not authorized to perform: ec2:DescribeSecurityGroups because no policy allows it";
    let server = Server::start(|request| match request.action.as_str() {
        "ListResources" => cloud_control_refuses("GeneralServiceException", NOT_EC2),
        _ => region(request, &STACKS, &groups()),
    });
    let (code, result) = json(&server, &["--region", REGION]);
    assert_eq!((code, result["stacks"].as_array().unwrap().len()), (Some(2), 2));
    assert_eq!(result["unread"][0]["failure"]["action"], "ec2:DescribeSecurityGroups");
    assert_eq!(result["summary"]["live"]["regionsUnread"], json!([REGION]));
    assert_eq!(result["summary"]["answer"], "yes", "what stacks deploy is known all the same");
    let said = stdout(&server.command(&["scan", "--live", "--region", REGION]));
    assert!(
        said.contains("eu-west-1 the list of security groups: ec2:DescribeSecurityGroups is not allowed"),
        "{said}"
    );
    assert!(said.contains("No security group could be read.\nThis is a lower bound"), "{said}");

    // One group, and the stack of a group without tags.
    let server = Server::start(|request| match request.action.as_str() {
        "GetResource" if request.body.contains("sg-0hand") => cloud_control_refuses(
            "AccessDeniedException",
            "User is not authorized to perform: cloudformation:GetResource",
        ),
        "DescribeStackResources" => refused(403, "AccessDenied", "no").into(),
        _ => region(request, &STACKS, &groups()),
    });
    let (code, result) = json(&server, &["--region", REGION]);
    assert_eq!((code, ids(&result).len(), &result["summary"]["live"]["unread"]), (Some(2), 8, &json!(1)));
    let untagged = result["groups"].as_array().unwrap().iter().find(|group| group["group"] == "sg-0untagged").unwrap();
    assert_eq!((&untagged["ownership"], &untagged["rules"]), (&json!("unknown"), &json!(1)));
}

/// CloudFormation describes at most 100 resources of a stack: the group may be another one.
#[test]
fn the_stack_of_a_group_beyond_its_first_hundred_resources_is_found() {
    let list = |request: &Request, last: &str| -> Reply {
        assert_eq!(request.field("StackName"), stack_id(request, "app"));
        let (id, next) = match request.field("NextToken") {
            "" => ("sg-0other", "<NextToken>2</NextToken>"),
            _ => (last, ""),
        };
        let resource = format!(
            "<LogicalResourceId>Sg</LogicalResourceId><PhysicalResourceId>{id}</PhysicalResourceId>\
             <ResourceType>AWS::EC2::SecurityGroup</ResourceType>\
             <LastUpdatedTimestamp>2026-01-02T03:04:05Z</LastUpdatedTimestamp>\
             <ResourceStatus>CREATE_COMPLETE</ResourceStatus>"
        );
        let list = format!("<StackResourceSummaries><member>{resource}</member></StackResourceSummaries>{next}");
        answered("ListStackResources", &list).into()
    };
    let others = |request: &Request| -> Reply {
        let mut reply = region(request, &STACKS, &groups());
        if request.action == "DescribeStackResources" {
            let text = String::from_utf8(reply.body).unwrap();
            reply.body = text.replace("sg-0untagged", "sg-0another").into_bytes();
        }
        reply
    };
    for (last, ownership, logical_id) in
        [("sg-0untagged", json!("stack"), json!("Sg")), ("sg-0different", json!("unknown"), Json::Null)]
    {
        let server = Server::start(move |request| match request.action.as_str() {
            "ListStackResources" => list(request, last),
            _ => others(request),
        });
        let (_, result) = json(&server, &["--region", REGION]);
        let groups = result["groups"].as_array().unwrap();
        let untagged = groups.iter().find(|group| group["group"] == "sg-0untagged").unwrap();
        assert_eq!((&untagged["ownership"], &untagged["logicalId"]), (&ownership, &logical_id), "{result}");
        assert_eq!(result["unread"].as_array().unwrap().len(), usize::from(ownership == "unknown"));
        assert_eq!(count(&server, "ListStackResources"), 2);
    }
}

/// Known debt is only what a template declares: a rule that someone added is new, even if the policy allows unchanged
/// rules.
#[test]
fn the_policy_decides_about_live_groups_too() {
    let folder = scratch("live-policy");
    let policy = folder.join("policy.toml");
    let policy = policy.to_str().unwrap();
    let stack: [Stack; 1] = [(
        "app",
        "  Sg: {Type: AWS::EC2::SecurityGroup, Properties: {SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 80, ToPort: \
         87, CidrIp: 10.0.0.0/8}]}}\n",
    )];
    let groups: Vec<Group> = vec![
        ("sg-0app", Some(("app", "Sg")), "app-Sg", vec![tcp(80, 87), tcp(90, 97)]),
        ("sg-0hand", None, "by-hand", vec![tcp(80, 87)]),
    ];
    let server = Server::start(move |request| region(request, &stack, &groups));
    std::fs::write(policy, "unchanged_rules = \"allow\"").unwrap();
    let (code, result) = json(&server, &["--region", REGION, "--policy", policy]);
    let fates: Vec<_> = result["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["findings"].as_array().unwrap())
        .map(|rule| rule["fate"].as_str().unwrap())
        .collect();
    assert_eq!((code, fates), (Some(1), vec!["known-debt", "blocked", "blocked"]));

    let exemption = "[[exemption]]\nid = \"by-hand\"\nreason = \"a reason\"\nowner = \"x\"\nexpires = 2099-01-01\naccount = \
                     \"123456789012\"\nprotocol = \"tcp\"\nports = \"80-87\"\ndestination = \"10.0.0.0/8\"\n";
    std::fs::write(policy, exemption).unwrap();
    let (_, result) = json(&server, &["--region", REGION, "--policy", policy]);
    let live = &result["summary"]["live"]["tally"];
    assert_eq!((&live["exempted"], &live["blocked"]), (&json!(2), &json!(1)), "one that names no stack holds");
}

#[test]
fn a_scan_that_was_cut_off_goes_on_with_the_groups_that_it_has_not_read() {
    let folder = scratch("live-resume");
    let file = folder.join("scan.json");
    let path = file.to_str().unwrap();
    let part = folder.join("scan.json.part");
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let arguments = ["scan", "--live", "--region", REGION, "--output", path];
    let output = server.command(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(file.exists() && !part.exists());
    let whole: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    if let Err(error) = validator("schema/scan.schema.json").validate(&whole) {
        panic!("{error}");
    }
    // Killed while writing: the file has a head, two stacks and four groups.
    let text = std::fs::read_to_string(&file).unwrap();
    let cut = text.match_indices('\n').nth(2 + 1 + 4).unwrap().0;
    std::fs::write(&part, text.get(..cut).unwrap()).unwrap();
    std::fs::remove_file(&file).unwrap();

    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let (code, result) = json(&server, &["--region", REGION, "--resume", path, "--output", path]);
    assert_eq!((code, ids(&result).len()), (Some(1), 9));
    assert_eq!((count(&server, "GetTemplate"), count(&server, "GetResource")), (0, 5));
    assert_eq!(
        result["groups"],
        whole["groups"]
            .as_array()
            .map(|_| whole["groups"].clone())
            .map(|mut all| {
                // Those that were read again have a new time.
                for (one, now) in all.as_array_mut().unwrap().iter_mut().zip(result["groups"].as_array().unwrap()) {
                    one["read"] = now["read"].clone();
                }
                all
            })
            .unwrap()
    );

    // A group is read again if it was read long ago or its stack's template changed.
    let old = std::fs::read_to_string(&file).unwrap().replace("\"read\":\"2", "\"read\":\"1");
    std::fs::write(&file, old).unwrap();
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let _ = json(&server, &["--region", REGION, "--resume", path]);
    assert_eq!((count(&server, "GetTemplate"), count(&server, "GetResource")), (0, 9));

    // A result without --live does not contain the templates' declarations.
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let output = server.command(&["scan", "--region", REGION, "--output", path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = server.command(&["scan", "--live", "--region", REGION, "--resume", path]);
    assert!(stderr(&output).contains("was created without --live: every stack is read again"), "{}", stderr(&output));
    assert!(stdout(&output).contains("2 groups differ"), "{}", stdout(&output));
}

#[test]
fn every_format_tells_of_live_groups() {
    let folder = scratch("live-formats");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (path, csv, html, toml) = (file("scan.json"), file("scan.csv"), file("scan.html"), file("debt.toml"));
    let _ = std::fs::remove_file(&toml);
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let all = ["scan", "--live", "--region", REGION, "--output", &path, "--output", &csv, "--output", &html];
    let output = server.command(&[&all[..], &["--suggest-exemptions", &toml, "--format", "asff"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));

    let csv = std::fs::read_to_string(csv).unwrap();
    let rows: Vec<&str> = csv.lines().collect();
    assert!(rows[0].ends_with(",group,group_name,vpc,owned_by"), "{csv}");
    assert!(rows.iter().all(|row| row.ends_with(",,,,") || row.contains(",vpc-1,") || *row == rows[0]), "{csv}");
    let added = rows.iter().find(|row| row.contains(",added,")).unwrap();
    assert!(added.contains(",app,arn:") && added.ends_with(",sg-0changed,app-Sg-2,vpc-1,stack"), "{added}");

    let html = std::fs::read_to_string(html).unwrap();
    let (_, section) = html.split_once("Security groups that exist").unwrap();
    for said in
        ["3 of 9 security groups that exist break the rule", "sg-0hand (by-hand)", "no stack, left behind by deleted"]
    {
        // A group that complies has no row, whoever left it behind.
        assert_eq!(section.contains(said), !said.contains("left behind"), "{said}: {section}");
    }
    for foreign in ["<script", "src=\"", "href=", "http:", "https:"] {
        assert!(!html.contains(foreign), "{foreign}");
    }

    let text = stdout(&output);
    let findings: Vec<Json> = text
        .lines()
        .flat_map(|line| serde_json::from_str::<Json>(line).unwrap()["Findings"].as_array().unwrap().clone())
        .collect();
    let of = |id: &str| {
        let resource = format!("arn:aws:ec2:{REGION}:123456789012:security-group/{id}");
        findings
            .iter()
            .find(|finding| finding["Resources"][0]["Id"] == resource)
            .unwrap_or_else(|| panic!("{id}: {text}"))
    };
    assert_eq!(of("sg-0hand")["Compliance"]["Status"], "FAILED");
    assert_eq!(
        (&of("sg-0lacks")["Compliance"]["Status"], &of("sg-0lacks")["RecordState"]),
        (&json!("WARNING"), &json!("ACTIVE"))
    );
    assert!(of("sg-0changed")["Description"].as_str().unwrap().contains("but not in a template"), "{text}");
    assert_eq!(of("sg-0changed")["ProductFields"]["cfn-egress-guard/Stack"], "app");
    let mut finding_ids: Vec<_> = findings.iter().map(|finding| finding["Id"].as_str().unwrap()).collect();
    finding_ids.sort_unstable();
    finding_ids.dedup();
    assert_eq!(finding_ids.len(), findings.len(), "one id for each resource: {finding_ids:?}");

    let toml = std::fs::read_to_string(toml).unwrap();
    assert!(toml.contains("#   eu-west-1 sg-0hand (by-hand), no stack, SecurityGroupEgress[0]: tcp 80-87"), "{toml}");
    assert!(!toml.contains("[[exemption]]"), "no exemption for what no stack deploys: {toml}");

    // The same from the JSON result, without AWS.
    let asked = server.seen().len();
    let again = server.command(&["scan", "--from", &path, "--format", "csv"]);
    assert_eq!((again.status.code(), stdout(&again)), (Some(1), csv.clone()));
    assert_eq!(server.seen().len(), asked);
}

#[test]
fn results_are_joined_and_compared() {
    let folder = scratch("live-compare");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (before, after, other) = (file("before.json"), file("after.json"), file("other.json"));
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    let scan = |server: &Server, region: &str, path: &str, more: &[&str]| {
        let arguments = [&["scan", "--live", "--region", region, "--output", path], more].concat();
        let output = server.command(&arguments);
        assert!(output.status.code().is_some_and(|code| code < 2), "{}", stderr(&output));
        output
    };
    scan(&server, REGION, &before, &[]);
    // One group was closed and one was opened.
    let server = Server::start(|request| {
        let mut groups = groups();
        groups[5].3 = vec![tcp(80, 80)];
        groups[6].3 = vec![tcp(443, 443), tcp(1, 9)];
        groups[3].3 = vec![tcp(443, 443)];
        region(request, &STACKS, &groups)
    });
    let output = scan(&server, REGION, &after, &["--compare", &before, "--format", "json"]);
    let result: Json = serde_json::from_slice(&output.stdout).unwrap();
    if let Err(error) = validator("schema/scan.schema.json").validate(&result) {
        panic!("{error}");
    }
    let live = &result["comparison"]["live"];
    assert_eq!((&live["fixed"], &live["new"], &live["remaining"]), (&json!(1), &json!(1), &json!(2)), "{live}");
    // The group without tags now differs from its stack, and another one has its rule again.
    assert_eq!((&live["groupsChanged"], &live["groupsRestored"]), (&json!(1), &json!(1)), "{live}");
    let changes: Vec<_> =
        result["comparison"]["changes"].as_array().unwrap().iter().map(|one| (&one["change"], &one["group"])).collect();
    assert_eq!(changes, [(&json!("fixed"), &json!("sg-0hand")), (&json!("new"), &json!("sg-0untagged"))]);
    let asff = stdout(&server.command(&["scan", "--from", &after, "--compare", &before, "--format", "asff"]));
    assert!(asff.contains("\"RecordState\":\"ARCHIVED\""), "{asff}");

    // Groups that only one of the scans read are neither fixed nor new.
    let plain = file("plain.json");
    let output = server.command(&["scan", "--region", REGION, "--output", &plain]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = server.command(&["scan", "--from", &after, "--compare", &plain, "--format", "json"]);
    let result: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&result["comparison"]["fixed"], result["comparison"].get("live")), (&json!(0), None));

    scan(&server, "us-east-1", &other, &[]);
    let output = server.command(&["scan", "--from", &before, "--from", &after, "--from", &other, "--format", "json"]);
    let joined: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(ids(&joined).len(), 18, "each group of each Region once");
    let output = server.command(&["scan", "--from", &plain, "--from", &other]);
    assert!(stderr(&output).contains("stack names, and --live"), "{}", stderr(&output));
}

/// The caller's account or one that was entered, each with a stack and a manually created group.
fn organization(request: &Request) -> Reply {
    let mine = account(request).to_owned();
    let asked: Json = serde_json::from_str(&request.body).unwrap_or_default();
    match request.action.as_str() {
        "ListResources" => cloud_control(&json!({"ResourceDescriptions": [{"Identifier": format!("sg-0{mine}")}]})),
        "GetResource" => {
            let egress = if mine == "222222222222" { all() } else { tcp(443, 443) };
            let properties = json!({"GroupName": "by-hand", "SecurityGroupEgress": [egress], "Tags": []}).to_string();
            cloud_control(
                &json!({"ResourceDescription": {"Identifier": asked["Identifier"], "Properties": properties}}),
            )
        }
        "DescribeStackResources" => refused(400, "ValidationError", "Stack for x does not exist").into(),
        _ => with_egress(request, "{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}"),
    }
}

#[test]
fn the_overview_of_the_organization_has_the_groups_of_each_account() {
    let server = Server::start(organization);
    let arguments = ["--organization", "--region", REGION];
    let (code, result) = json(&server, &arguments);
    assert_eq!(code, Some(2), "one account cannot be entered");
    let groups: Vec<_> =
        described(&result, "account").into_iter().map(|(id, account)| (id, account.as_str().unwrap())).collect();
    let each = ["111111111111", "222222222222", "333333333333"];
    assert_eq!(groups.iter().map(|(_, account)| *account).collect::<Vec<_>>(), each);
    assert!(groups.iter().all(|(id, account)| *id == format!("sg-0{account}")), "{groups:?}");
    let live = |account: &str| {
        let accounts = result["summary"]["accounts"].as_array().unwrap();
        accounts.iter().find(|one| one["account"] == account).unwrap()["live"]["breaking"].clone()
    };
    assert_eq!((live("222222222222"), live("333333333333")), (json!(1), json!(0)));
    let said = stdout(&server.command(&[&["scan", "--live"], &arguments[..]].concat()));
    assert!(said.contains("  222222222222 (web)  1 of 1 break the rule, 1 of no stack\n"), "{said}");
    assert!(
        said.contains(
            "No stack owns 3 groups, of which 1 breaks the rule (sg-0222222222222 (by-hand), eu-west-1, 222222222222)"
        ),
        "{said}"
    );
    let page = stdout(&server.command(&[&["scan", "--live", "--format", "html"], &arguments[..]].concat()));
    let (_, overview) = page.split_once("By account").unwrap();
    let (overview, _) = overview.split_once("Security groups that exist").unwrap();
    assert!(overview.contains("Yes, but") && overview.contains("1 live group against the rule"), "{overview}");
    assert!(overview.contains("sg-0222222222222 (by-hand)"), "{overview}");
}

#[test]
fn arguments_that_do_not_go_with_live_are_refused() {
    let server = Server::start(|request| region(request, &STACKS, &groups()));
    for more in [["--stack", "app"], ["--from", "x.json"]] {
        let output = server.command(&[&["scan", "--live"], &more[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("cannot be used with"), "{}", stderr(&output));
    }
    assert!(server.seen().is_empty());
}
