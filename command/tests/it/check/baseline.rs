//! Findings of an earlier run are known debt; new or wider rules are not.

use serde_json::Value as Json;

use super::{check, folder, template};

/// Returns the exit status, the errors and the known debts of a run.
fn run(folder: &std::path::Path, arguments: &[&str]) -> (i32, u64, usize) {
    let (code, described) = check(folder, &[arguments, &["--format", "json"]].concat()).described();
    let report: Json = serde_json::from_str(&described).unwrap();
    let findings = report["files"].as_array().unwrap().iter().flat_map(|file| file["findings"].as_array().unwrap());
    let debts = findings.filter(|finding| finding["outcome"] == "known-debt").count();
    (code, report["summary"]["errors"].as_u64().unwrap(), debts)
}

#[test]
fn what_was_there_is_debt_and_what_is_new_or_wider_fails() {
    let old = template("Old", 80, 87);
    let folder = folder("baseline", &[("infra/a.yaml", &old), ("infra/b.yaml", &template("Other", 1, 2))]);
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let (code, described) = check(&folder, &["--write-baseline", "debt.json"]).described();
    assert_eq!(code, 0, "{described}");
    assert!(described.contains("2 errors") && described.contains("error[port-range]"), "{described}");
    let baseline = ["--baseline", "debt.json"];
    assert_eq!(run(&folder, &baseline), (0, 0, 2));
    assert_eq!(
        run(&folder.join("infra"), &["--baseline", "../debt.json", "./../infra/a.yaml"]),
        (0, 0, 1),
        "elsewhere"
    );

    write("infra/a.yaml", &format!("# moved\n\n{old}"));
    assert_eq!(run(&folder, &baseline), (0, 0, 2), "lines move");
    std::fs::rename(folder.join("infra/a.yaml"), folder.join("renamed.yaml")).unwrap();
    assert_eq!(run(&folder, &baseline), (0, 0, 2), "a file is renamed");
    write("infra/a.yaml", &old);
    assert_eq!(run(&folder, &baseline), (1, 1, 2), "a copy is new");
    std::fs::remove_file(folder.join("renamed.yaml")).unwrap();

    for wider in [
        template("Old", 80, 88),
        template("Old", 79, 87),
        old.replace("10.0.0.0/8", "0.0.0.0/0"),
        old.replace("tcp", "udp"),
    ] {
        write("infra/a.yaml", &wider);
        assert_eq!(run(&folder, &baseline), (1, 1, 1), "{wider}");
    }
    let rule = old.lines().last().unwrap();
    write("infra/a.yaml", &format!("{old}{rule}\n"));
    assert_eq!(run(&folder, &baseline), (1, 1, 2), "the same once more is new");
    write("infra/a.yaml", &old.replace("Old:", "New:"));
    assert_eq!(run(&folder, &baseline), (1, 1, 1), "another group");
    write("infra/a.yaml", &template("Good", 80, 80));
    assert_eq!(run(&folder, &baseline), (0, 0, 1), "mended");
    write("infra/c.yaml", "Resources: {A: {Type: AWS::S3::Bucket");
    assert_eq!(run(&folder, &baseline).0, 2, "what cannot be read is no debt");
}

#[test]
fn a_report_in_json_is_a_baseline_and_stays_one() {
    let open = "Parameters: {P: {Type: Number}}\nConditions: {C: !Equals [!Ref P, 1]}\nResources:\n  R:\n    Type: \
                AWS::EC2::SecurityGroupEgress\n    Properties: {IpProtocol: tcp, FromPort: 1, ToPort: !Ref P}\n  S: {Type: \
                AWS::CloudFormation::Stack, Properties: {TemplateURL: https://x/y}}\n";
    let folder = folder("baseline-json", &[("a.yaml", &template("Old", 80, 87)), ("open.yaml", open)]);
    assert_eq!(check(&folder, &["--strict", "--format", "json=debt.json"]).described().0, 1);
    assert_eq!(run(&folder, &["--strict", "--baseline", "debt.json"]), (0, 0, 3), "and what was not judged");
    assert_eq!(
        check(&folder, &["--strict", "--baseline", "debt.json", "--format", "json=again.json"]).described().0,
        0
    );
    assert_eq!(run(&folder, &["--strict", "--baseline", "again.json"]), (0, 0, 3), "from debt to debt");
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let (code, described) = check(&folder, &["a.yaml", "--baseline", "debt.json", "--format", format]).described();
        assert_eq!(code, 0, "{format}");
        assert!(described.contains("is known debt from the baseline: tcp 80-87"), "{format}: {described}");
    }
    let conditional = open.replace("ToPort: !Ref P", "ToPort: !If [C, 1, 2]");
    std::fs::write(folder.join("open.yaml"), &conditional).unwrap();
    assert_eq!(check(&folder, &["--write-baseline", "debt.json"]).described().0, 0);
    std::fs::write(folder.join("open.yaml"), conditional.replace("!If [C, 1, 2]", "2")).unwrap();
    assert_eq!(run(&folder, &["--baseline", "debt.json"]).0, 1, "it breaks the rule under more conditions than before");
}

#[test]
fn what_was_exempted_is_no_debt_when_the_exemption_ends() {
    let policy = |expires: &str| {
        format!("[[exemption]]\nid = \"x\"\nreason = \"x\"\nowner = \"x\"\nexpires = {expires}\nports = \"80-87\"\n")
    };
    let folder =
        folder("baseline-exempted", &[("a.yaml", &template("Old", 80, 87)), ("policy.toml", &policy("9999-12-31"))]);
    assert_eq!(check(&folder, &["--write-baseline", "debt.json"]).described().0, 0);
    std::fs::write(folder.join("policy.toml"), policy("2020-01-01")).unwrap();
    assert_eq!(run(&folder, &["--baseline", "debt.json"]), (1, 1, 0));
}

#[test]
fn a_baseline_that_is_none_is_refused() {
    let folder = folder(
        "baseline-none",
        &[
            ("a.yaml", &template("Good", 1, 1)),
            ("b.json", "{\"files\": []}"),
            ("c.json", "{\"formatVersion\": 2, \"files\": []}"),
        ],
    );
    for (file, says) in [
        ("b.json", "--baseline b.json: it is not a report of `check --format json`"),
        ("c.json", "its formatVersion is 2"),
        ("missing.json", "cannot read `missing.json`: No such file"),
    ] {
        let output = check(&folder, &["a.yaml", "--baseline", file]).output();
        assert_eq!(output.status.code(), Some(2));
        assert!(crate::support::stderr(&output).contains(says), "{}", crate::support::stderr(&output));
    }
    let both = check(&folder, &["--baseline", "b.json", "--write-baseline", "b.json"]).output();
    assert_eq!(both.status.code(), Some(2), "a run that writes what it compares with never fails");
}

/// A rule with an unknown port, and a rule of its own: what the message does not name must not hide a wider rule.
#[test]
fn another_destination_port_or_group_is_a_new_finding() {
    let of_group = |from: &str, to: &str| {
        format!(
            "Parameters: {{P: {{Type: Number}}}}\nResources:\n  R: {{Type: AWS::EC2::SecurityGroup, Properties: \
             {{SecurityGroupEgress: {{IpProtocol: tcp, FromPort: {from}, ToPort: !Ref P, CidrIp: {to}}}}}}}\n"
        )
    };
    let of_rule = |group: &str| {
        format!(
            "Resources:\n  R: {{Type: AWS::EC2::SecurityGroupEgress, Properties: {{GroupId: {group}, IpProtocol: tcp, \
             FromPort: 1, ToPort: 2, CidrIp: 0.0.0.0/0}}}}\n"
        )
    };
    for (name, before, now, code) in [
        ("same", of_group("443", "10.0.0.0/32"), of_group("443", "10.0.0.0/32"), 0),
        ("port", of_group("443", "10.0.0.0/32"), of_group("0", "10.0.0.0/32"), 1),
        ("destination", of_group("443", "10.0.0.0/32"), of_group("443", "0.0.0.0/0"), 1),
        ("same-group", of_rule("sg-1"), of_rule("sg-1"), 0),
        ("group", of_rule("sg-1"), of_rule("sg-2"), 1),
    ] {
        let folder = folder(&format!("baseline-{name}"), &[("a.yaml", &before)]);
        check(&folder, &["a.yaml", "--strict", "--write-baseline", "b.json"]).described();
        std::fs::write(folder.join("a.yaml"), now).unwrap();
        let (status, described) = check(&folder, &["a.yaml", "--strict", "--baseline", "b.json"]).described();
        assert_eq!(status, code, "{name}: {described}");
    }
}
