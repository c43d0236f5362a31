//! The memory that `scan` uses for an account with many stacks and many findings.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::accounts::{account as signed_by, with_egress};
use super::live::cloud_control;
use super::server::{Answer, Reply, Request, Server, answered, escaped, refused};

/// The number of violations in each stack: some 40 kB in a result.
const RULES: usize = 100;

/// The number of stacks on a page.
const PAGE: usize = 50;

/// An account with this many stacks, each with a long parameter value.
fn account(request: &Request, stacks: usize) -> Answer {
    let first: usize = request.field("NextToken").parse().unwrap_or_default();
    let page = first..stacks.min(first + PAGE);
    let next = if page.end < stacks { format!("<NextToken>{}</NextToken>", page.end) } else { String::new() };
    let common = |number: usize| {
        format!(
            "<StackId>arn:aws:cloudformation:{}:123456789012:stack/s{number:05}/1</StackId>\
             <StackName>s{number:05}</StackName><CreationTime>2026-01-02T03:04:05Z</CreationTime>\
             <StackStatus>UPDATE_COMPLETE</StackStatus>",
            request.region
        )
    };
    let value = "x".repeat(4_000);
    let (mut listed, mut described) = (String::new(), String::new());
    for number in page {
        let common = common(number);
        let _ = write!(listed, "<member>{common}</member>");
        let _ = write!(
            described,
            "<member>{common}<Parameters><member><ParameterKey>Long</ParameterKey><ParameterValue>{value}\
             </ParameterValue></member></Parameters></member>"
        );
    }
    match request.action.as_str() {
        "ListStacks" => answered("ListStacks", &format!("<StackSummaries>{listed}</StackSummaries>{next}")),
        "DescribeStacks" => answered("DescribeStacks", &format!("<Stacks>{described}</Stacks>{next}")),
        "GetTemplate" => {
            let rule = |rule| format!("{{IpProtocol: tcp, FromPort: {rule}, ToPort: 9000, CidrIp: 10.0.0.0/8}}");
            let rules: Vec<String> = (0..RULES).map(rule).collect();
            let template = format!(
                "Resources:\n  Sg:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      \
                 SecurityGroupEgress: [{}]\n",
                rules.join(", ")
            );
            answered("GetTemplate", &format!("<TemplateBody>{}</TemplateBody>", escaped(&template)))
        }
        other => refused(400, "InvalidAction", other),
    }
}

/// Returns the peak memory of a command, in KiB; it must find something.
fn peak_kib(mut command: Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(1));
    peak
}

/// Runs every way to create and to read a result; returns the peak memory of each.
fn peaks(folder: &Path, stacks: usize) -> [u64; 4] {
    let server = Server::start(move |request| account(request, stacks));
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (json, csv, html, toml) = (file("scan.json"), file("scan.csv"), file("scan.html"), file("debt.toml"));
    let _ = std::fs::remove_file(&toml);
    let all = ["scan", "--region", "eu-west-1", "--output", &json, "--output", &csv, "--output", &html];
    let scanned = peak_kib(server.prepared(&[&all[..], &["--suggest-exemptions", &toml, "--format", "json"]].concat()));
    let result: Json = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(result["summary"]["tally"]["blocked"], RULES * stacks);
    assert_eq!(std::fs::read_to_string(csv).unwrap().lines().count(), RULES * stacks + 1);
    assert_eq!(std::fs::read_to_string(toml).unwrap().matches("[[exemption]]").count(), RULES, "equal rules share one");
    let asked = server.seen().len();
    let resumed = peak_kib(server.prepared(&["scan", "--region", "eu-west-1", "--resume", &json]));
    let pages = stacks.div_ceil(PAGE);
    let asked = server.seen().into_iter().skip(asked).filter(|request| request.action != "GetCallerIdentity").count();
    assert_eq!(asked, 2 * pages, "every stack was known");
    let read = peak_kib(server.prepared(&["scan", "--from", &json, "--format", "html"]));
    let people = peak_kib(server.prepared(&["scan", "--from", &json, "--format", "human"]));
    [scanned, resumed, read, people]
}

/// The additional stacks have 6 MB more of findings and 0.6 MB of parameter values. Only a name, a position in a file,
/// and the allocator's overhead may grow.
#[test]
fn memory_holds_where_a_stack_is_and_not_what_was_found() {
    let folder = crate::support::scratch("scan-memory");
    let few = peaks(&folder, 50);
    let many = peaks(&folder, 200);
    assert!(std::fs::metadata(folder.join("scan.json")).unwrap().len() > 7_000_000);
    for (what, (few, many)) in ["scan", "--resume", "--from", "human"].iter().zip(few.iter().zip(&many)) {
        let grown = many.saturating_sub(*few);
        assert!(grown < 2_560, "{what}: {few} KiB for 50 stacks, {many} KiB for 200");
    }
}

/// A Region with this many live groups, each with many violations that no template declares.
fn with_groups(request: &Request, groups: usize) -> Reply {
    let asked: Json = serde_json::from_str(&request.body).unwrap_or_default();
    match request.action.as_str() {
        "ListResources" => {
            let first: usize = asked["NextToken"].as_str().unwrap_or("0").parse().unwrap();
            let page = first..groups.min(first + PAGE);
            let ids: Vec<Json> = page.clone().map(|number| json!({"Identifier": format!("sg-0{number:05}")})).collect();
            let mut body = json!({"ResourceDescriptions": ids});
            if page.end < groups {
                body["NextToken"] = json!(page.end.to_string());
            }
            cloud_control(&body)
        }
        "GetResource" => {
            let rule = |rule| json!({"IpProtocol": "tcp", "FromPort": rule, "ToPort": 9000, "CidrIp": "10.0.0.0/8"});
            let rules: Vec<Json> = (0..RULES).map(rule).collect();
            let id = "arn:aws:cloudformation:eu-west-1:123456789012:stack/s00000/1";
            let tag = |name: &str, value: &str| json!({"Key": format!("aws:cloudformation:{name}"), "Value": value});
            let tags = [tag("stack-id", id), tag("stack-name", "s00000"), tag("logical-id", "Other")];
            let properties = json!({"GroupName": "x", "SecurityGroupEgress": rules, "Tags": tags}).to_string();
            cloud_control(
                &json!({"ResourceDescription": {"Identifier": asked["Identifier"], "Properties": properties}}),
            )
        }
        _ => account(request, 1).into(),
    }
}

/// Returns the peak memory of each way to create and to read a result with live groups.
fn live_peaks(folder: &Path, groups: usize) -> [u64; 3] {
    let server = Server::start(move |request| with_groups(request, groups));
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (json, csv, html) = (file("live.json"), file("live.csv"), file("live.html"));
    let all = ["scan", "--live", "--region", "eu-west-1", "--output", &json, "--output", &csv, "--output", &html];
    let scanned = peak_kib(server.prepared(&all));
    assert_eq!(std::fs::read_to_string(csv).unwrap().lines().count(), RULES * (groups + 1) + 1);
    let asked = server.seen().len();
    let resumed = peak_kib(server.prepared(&["scan", "--live", "--region", "eu-west-1", "--resume", &json]));
    let seen = server.seen();
    assert!(!seen.iter().skip(asked).any(|request| request.action == "GetResource"), "every group was known");
    let read = peak_kib(server.prepared(&["scan", "--from", &json, "--compare", &json, "--format", "asff"]));
    [scanned, resumed, read]
}

#[test]
fn memory_holds_where_a_live_group_is_and_not_what_was_found() {
    let folder = crate::support::scratch("live-memory");
    let few = live_peaks(&folder, 50);
    let many = live_peaks(&folder, 200);
    assert!(std::fs::metadata(folder.join("live.json")).unwrap().len() > 7_000_000);
    for (what, (few, many)) in ["scan", "--resume", "--from"].iter().zip(few.iter().zip(&many)) {
        let grown = many.saturating_sub(*few);
        assert!(grown < 2_560, "{what}: {few} KiB for 50 groups, {many} KiB for 200");
    }
}

/// Scans this many accounts, each with a stack and a group with many egress rules: 80 kB of findings.
fn accounts_peak(folder: &Path, accounts: usize) -> u64 {
    let rule = |rule| format!("{{IpProtocol: tcp, FromPort: {rule}, ToPort: 9000, CidrIp: 10.0.0.0/8}}");
    let egress = (0..RULES).map(rule).collect::<Vec<_>>().join(", ");
    let server = Server::start(move |request| match request.action.as_str() {
        "ListResources" | "GetResource" => with_groups(request, 1),
        "DescribeStackResources" => refused(400, "ValidationError", "Stack for x does not exist").into(),
        _ => with_egress(request, &egress),
    });
    let ids: Vec<String> = (0..accounts).map(|number| format!("{:012}", 700_000_000_000_u64 + number as u64)).collect();
    let json = folder.join("accounts.json").to_str().unwrap().to_owned();
    let ids = ids.join(",");
    let peak =
        peak_kib(server.prepared(&["scan", "--live", "--accounts", &ids, "--region", "eu-west-1", "--output", &json]));
    let entered: std::collections::BTreeSet<_> = server
        .seen()
        .iter()
        .filter(|request| request.action == "GetTemplate")
        .map(|r| signed_by(r).to_owned())
        .collect();
    assert_eq!(entered.len(), accounts);
    peak
}

/// Only a line of totals grows with each account, not its findings.
#[test]
fn memory_holds_sums_of_an_account_and_not_what_was_found() {
    let folder = crate::support::scratch("accounts-memory");
    let few = accounts_peak(&folder, 16);
    let many = accounts_peak(&folder, 96);
    assert!(std::fs::metadata(folder.join("accounts.json")).unwrap().len() > 7_000_000);
    let grown = many.saturating_sub(few);
    assert!(grown < 4_096, "{few} KiB for 16 accounts, {many} KiB for 96");
}
