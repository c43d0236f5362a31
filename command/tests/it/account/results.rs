//! Uses of results: joined, compared with earlier ones, and as findings for AWS Security Hub.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::accounts::{OWN, account, with_egress};
use super::server::{Request, Server, refused};
use crate::support::{stderr, stdout, validator};

const WEB: &str = "222222222222";
const DATA: &str = "333333333333";

const RANGE: &str = "{IpProtocol: tcp, FromPort: 80, ToPort: 87, CidrIp: 10.0.0.0/8}";
const OPEN: &str = "{IpProtocol: '-1', CidrIp: 0.0.0.0/0}";
const GOOD: &str = "{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}";

fn folder(name: &str) -> PathBuf {
    crate::support::scratch(&format!("results/{name}"))
}

/// Scans accounts whose stacks have these egress rules, into a file dated this many days ago.
fn scanned(folder: &std::path::Path, name: &str, rules: &'static [(&str, &str)], regions: &str) -> String {
    let server = Server::start(|request: &Request| {
        let own = rules.iter().find(|(id, _)| *id == account(request));
        own.map_or_else(|| with_egress(request, GOOD), |(_, rules)| with_egress(request, rules))
    });
    let path = folder.join(format!("{name}.json")).to_str().unwrap().to_owned();
    let accounts: Vec<&str> = rules.iter().map(|(id, _)| *id).collect();
    let output = server.command(&["scan", "--accounts", &accounts.join(","), "--regions", regions, "--output", &path]);
    assert!(output.status.code() <= Some(1), "{}", stderr(&output));
    // Each is a day newer than the previous one.
    let text = std::fs::read_to_string(&path).unwrap();
    let mut head: Json = serde_json::from_str(&text).unwrap();
    head["started"] = json!(format!("2026-11-{name}T00:00:00Z"));
    std::fs::write(&path, head.to_string()).unwrap();
    path
}

fn reported(arguments: &[&str]) -> Json {
    let server = Server::start(|_| refused(500, "x", "nobody should ask"));
    let output = server.command(&[&["scan", "--format", "json"], arguments].concat());
    let result: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    validator("schema/scan.schema.json").validate(&result).unwrap_or_else(|error| panic!("{error}"));
    assert!(server.seen().is_empty());
    result
}

fn text(arguments: &[&str]) -> String {
    let server = Server::start(|_| refused(500, "x", "nobody should ask"));
    stdout(&server.command(&[&["scan"], arguments].concat()))
}

#[test]
fn results_of_several_runs_are_put_together_and_the_newest_word_counts() {
    let folder = folder("joined");
    let old = scanned(&folder, "01", &[(WEB, OPEN), (DATA, RANGE)], "eu-west-1");
    let new = scanned(&folder, "02", &[(WEB, GOOD), (OWN, OPEN)], "eu-west-1,us-east-1");
    for order in [[&old, &new], [&new, &old]] {
        let result = reported(&["--from", order[0], "--from", order[1]]);
        let stacks = result["stacks"].as_array().unwrap();
        let places: Vec<_> = stacks
            .iter()
            .map(|stack| (stack["account"].as_str().unwrap(), stack["region"].as_str().unwrap()))
            .collect();
        let expected =
            [(OWN, "eu-west-1"), (OWN, "us-east-1"), (WEB, "eu-west-1"), (WEB, "us-east-1"), (DATA, "eu-west-1")];
        assert_eq!(places, expected, "each stack once");
        assert_eq!(stacks[2]["findings"], Json::Null, "what was open a day before is good");
        assert_eq!((&result["started"], &result["complete"]), (&json!("2026-11-02T00:00:00Z"), &json!(true)));
        assert_eq!(result["regions"], json!(["eu-west-1", "us-east-1"]));
        assert_eq!(result["summary"]["stacksBlocked"], 3);
    }
    // A single result stays the same.
    let one = reported(&["--from", &old]);
    assert_eq!(
        one["summary"],
        serde_json::from_str::<Json>(&std::fs::read_to_string(&old).unwrap()).unwrap()["summary"]
    );

    let other = std::fs::read_to_string(&old).unwrap().replace("preset literal", "preset effective");
    let path = folder.join("other.json");
    std::fs::write(&path, other).unwrap();
    let server = Server::start(|_| refused(500, "x", "nobody should ask"));
    let output = server.command(&["scan", "--from", &old, "--from", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("results that are joined must have the same policy"), "{}", stderr(&output));
}

#[test]
fn tables_have_accounts_ids_ports_and_destinations_in_columns_of_their_own() {
    let folder = folder("csv");
    let path = scanned(&folder, "01", &[(WEB, RANGE)], "eu-west-1");
    let csv = text(&["--from", &path, "--format", "csv"]);
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (head, row) = (lines.next().unwrap(), lines.next().unwrap());
    let cell = |name: &str| row[head.iter().position(|column| *column == name).unwrap()];
    assert_eq!((cell("account"), cell("region"), cell("stack")), (WEB, "eu-west-1", "app"));
    assert_eq!(cell("stack_id"), format!("arn:aws:cloudformation:eu-west-1:{WEB}:stack/app/1"));
    assert_eq!((cell("protocol"), cell("from_port"), cell("to_port")), ("tcp", "80", "87"));
    assert_eq!(cell("destination"), "10.0.0.0/8");
}

#[test]
fn what_was_fixed_and_what_is_new_is_reported_by_account_and_owner() {
    let folder = folder("compared");
    let oldest = scanned(&folder, "01", &[(WEB, OPEN), (DATA, OPEN)], "eu-west-1");
    let old = scanned(
        &folder,
        "10",
        &[
            (
                WEB,
                "{IpProtocol: '-1', CidrIp: 0.0.0.0/0}, {IpProtocol: tcp, FromPort: 80, ToPort: 87, CidrIp: 10.0.0.0/8}",
            ),
            (DATA, RANGE),
        ],
        "eu-west-1",
    );
    // The range is at another position in its list, so it is the same rule. All traffic is gone, and another rule is
    // new.
    let new = scanned(
        &folder,
        "20",
        &[
            (WEB, "{IpProtocol: tcp, FromPort: 80, ToPort: 87, CidrIp: 10.0.0.0/8}"),
            (
                DATA,
                "{IpProtocol: tcp, FromPort: 80, ToPort: 87, CidrIp: 10.0.0.0/8}, {IpProtocol: udp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8}",
            ),
            (OWN, OPEN),
        ],
        "eu-west-1",
    );
    let result = reported(&["--from", &new, "--compare", &old, "--compare", &oldest]);
    let comparison = &result["comparison"];
    let number = |field: &str| comparison[field].as_u64().unwrap();
    assert_eq!((number("fixed"), number("new"), number("remaining")), (1, 1, 2));
    assert_eq!(number("notCompared"), 1, "the third account was not looked at then: that is no news");
    assert_eq!(comparison["earlier"], "2026-11-10T00:00:00Z", "the newest of the earlier ones");
    let accounts: Vec<_> = comparison["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["fixed"].as_u64().unwrap(), one["new"].as_u64().unwrap()))
        .collect();
    assert_eq!(accounts, [(DATA, 0, 1), (WEB, 1, 0)]);
    assert_eq!(comparison["owners"][0], json!({"name": "team", "fixed": 1, "new": 1, "remaining": 2}));
    let changes: Vec<_> = comparison["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["change"].as_str().unwrap(), one["account"].as_str().unwrap(), one["statement"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("fixed", WEB, "IpProtocol -1 to 0.0.0.0/0 opens every port of every protocol"),
            ("new", DATA, "udp 1-2 to 10.0.0.0/8 opens a range of 2 ports")
        ]
    );
    let trend: Vec<_> =
        comparison["trend"].as_array().unwrap().iter().map(|one| one["rulesBlocked"].as_u64().unwrap()).collect();
    assert_eq!(trend, [2, 3, 4]);
    let said = text(&["--from", &new, "--compare", &old]);
    assert!(said.contains("Since 2026-11-10: 1 egress rule fixed, 1 new, 2 as before.\n"), "{said}");
    assert!(said.contains(&format!("  {DATA}  1 new, 1 as before\n  {WEB}  1 fixed, 1 as before\n")), "{said}");
    assert!(said.contains("1 egress rule could not be compared"), "{said}");
    // A rule that was not read is not fixed.
    let result = reported(&["--from", &old, "--compare", &new]);
    assert_eq!((&result["comparison"]["fixed"], &result["comparison"]["notCompared"]), (&json!(1), &json!(1)));

    let server = Server::start(|request: &Request| with_egress(request, GOOD));
    let output = server.command(&["scan", "--region", "eu-west-1", "--compare", &old, "--output", &old]);
    assert!(stderr(&output).contains("is used both for --compare and for the result"), "{}", stderr(&output));
    let output = server.command(&["scan", "--region", "eu-west-1", "--compare", "Cargo.toml"]);
    assert!(stderr(&output).contains("not the JSON result of a scan"), "{}", stderr(&output));
    assert!(server.seen().is_empty(), "it is said before anything is asked");
}

/// A stack that can no longer be read is not fixed.
#[test]
fn what_cannot_be_read_is_not_fixed() {
    let folder = folder("unread");
    let old = scanned(&folder, "01", &[(WEB, OPEN)], "eu-west-1");
    for denied in ["GetTemplate", "AssumeRole", "ListStacks"] {
        let server = Server::start(move |request: &Request| match request.action.as_str() {
            "DescribeStacks" if denied == "ListStacks" => refused(403, "AccessDenied", "no").into(),
            action if action == denied => refused(403, "AccessDenied", "no").into(),
            _ => with_egress(request, GOOD),
        });
        let output = server.command(&[
            "scan",
            "--accounts",
            WEB,
            "--region",
            "eu-west-1",
            "--compare",
            &old,
            "--format",
            "json",
        ]);
        let result: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        let comparison = &result["comparison"];
        assert_eq!((&comparison["fixed"], &comparison["notCompared"]), (&json!(0), &json!(1)), "{denied}");
    }
}

fn findings(asff: &str) -> Vec<Json> {
    let batches: Vec<Json> = asff.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for batch in &batches {
        let findings = batch["Findings"].as_array().unwrap();
        assert!((1..=100).contains(&findings.len()));
        let place = |finding: &Json| (finding["AwsAccountId"].clone(), finding["Region"].clone());
        assert!(findings.iter().all(|finding| place(finding) == place(&findings[0])), "of one account and Region");
    }
    batches.iter().flat_map(|batch| batch["Findings"].as_array().unwrap().clone()).collect()
}

#[test]
fn security_hub_gets_one_finding_for_each_resource_that_ends_when_it_is_fixed() {
    let folder = folder("asff");
    let old = scanned(
        &folder,
        "01",
        &[
            (
                WEB,
                "{IpProtocol: tcp, FromPort: 80, ToPort: 87, CidrIp: 10.0.0.0/8}, {IpProtocol: '-1', CidrIp: 0.0.0.0/0}",
            ),
            (DATA, OPEN),
        ],
        "eu-west-1,us-east-1",
    );
    let new = scanned(&folder, "02", &[(WEB, GOOD), (DATA, RANGE)], "eu-west-1,us-east-1");
    let before = findings(&text(&["--from", &old, "--format", "asff"]));
    assert_eq!(before.len(), 4, "two rules of one group are one finding");
    let web = before.iter().find(|finding| finding["AwsAccountId"] == WEB).unwrap();
    assert_eq!((&web["Compliance"]["Status"], &web["RecordState"]), (&json!("FAILED"), &json!("ACTIVE")));
    let description = web["Description"].as_str().unwrap();
    assert!(description.contains("Sg in stack app: SecurityGroupEgress[0]: tcp 80-87"), "{description}");
    assert_eq!(web["ProductArn"], format!("arn:aws:securityhub:eu-west-1:{WEB}:product/{WEB}/default"));

    let after = findings(&text(&["--from", &new, "--compare", &old, "--format", "asff"]));
    let ids = |findings: &[Json]| {
        let mut ids: Vec<String> = findings.iter().map(|finding| finding["Id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&before), ids(&after), "the ids are stable");
    let state = |finding: &Json| {
        (
            finding["Compliance"]["Status"].as_str().unwrap().to_owned(),
            finding["RecordState"].as_str().unwrap().to_owned(),
        )
    };
    for finding in &after {
        let expected = if finding["AwsAccountId"] == WEB { ("PASSED", "ARCHIVED") } else { ("FAILED", "ACTIVE") };
        assert_eq!(state(finding), (expected.0.to_owned(), expected.1.to_owned()), "{finding}");
    }
}
