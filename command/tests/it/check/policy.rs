//! `check` with a policy: the file that is packaged with the function.

use serde_json::Value as Json;

use super::{check, folder, template};

fn policy(expires: &str) -> String {
    format!(
        "[[exemption]]\nid = \"legacy-range\"\nreason = \"the partner's gateway answers on a range\"\nowner = \
         \"net@example.com\"\nexpires = {expires}\naccount = \"111122223333\"\nports = \"80-87\"\n"
    )
}

#[test]
fn an_exemption_lets_through_and_every_format_says_so() {
    let folder = folder("exempted", &[("t.yaml", &template("Legacy", 80, 87)), ("policy.toml", &policy("2999-01-01"))]);
    let own = ["t.yaml", "--account", "111122223333"];
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let (code, described) = check(&folder, &[&own[..], &["--format", format]].concat()).described();
        assert_eq!(code, 0, "{format}: {described}");
        assert!(described.contains("legacy-range"), "{format}: {described}");
    }
    let (_, log) = check(&folder, &[&own[..], &["--format", "sarif"]].concat()).described();
    let log: Json = serde_json::from_str(&log).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["suppressions"][0]["kind"], "external", "{log}");
    let (code, described) = check(&folder, &["t.yaml", "--account", "444455556666"]).described();
    assert_eq!(code, 1, "another account is not exempted: {described}");
}

#[test]
fn an_expired_exemption_blocks_and_every_format_names_it() {
    let folder = folder("expired", &[("t.yaml", &template("Legacy", 80, 87)), ("policy.toml", &policy("2020-01-01"))]);
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let (code, described) =
            check(&folder, &["t.yaml", "--account", "111122223333", "--format", format]).described();
        assert_eq!(code, 1, "{format}: {described}");
        assert!(described.contains("legacy-range"), "{format}: {described}");
    }
}

#[test]
fn a_date_shows_what_happens_when_an_exemption_expires() {
    let folder = folder("as-of", &[("t.yaml", &template("Legacy", 80, 87)), ("policy.toml", &policy("2999-01-01"))]);
    for (day, code) in [("2999-01-01", 0), ("2999-01-02", 1)] {
        let arguments = ["t.yaml", "--account", "111122223333", "--as-of", day];
        assert_eq!(check(&folder, &arguments).described().0, code, "{day}");
    }
    let output = check(&folder, &["t.yaml", "--as-of", "tomorrow"]).output();
    assert_eq!(output.status.code(), Some(2));
    assert!(crate::support::stderr(&output).contains("YYYY-MM-DD"), "{}", crate::support::stderr(&output));
}

#[test]
fn a_file_that_does_not_exist_is_an_error_with_its_name() {
    let folder = folder("missing", &[("t.yaml", &template("Good", 1, 1))]);
    for option in ["--policy", "--baseline", "--deployments"] {
        let output = check(&folder, &["t.yaml", option, "missing.x"]).output();
        assert_eq!(output.status.code(), Some(2));
        let error = crate::support::stderr(&output);
        assert!(error.starts_with("error: cannot read `missing.x`: No such file"), "{option}: {error}");
    }
    let (code, described) = check(&folder, &["missing.yaml"]).described();
    assert!(code == 2 && described.contains("cannot read this file: No such file"), "{described}");
    for (option, value) in [("--account", "1234"), ("--region", "us_east_1"), ("--region", "frankfurt")] {
        assert_eq!(check(&folder, &["t.yaml", option, value]).output().status.code(), Some(2), "{value}");
    }
}

#[test]
fn a_policy_that_cannot_be_used_ends_the_check() {
    let folder = folder("policy", &[("t.yaml", &template("Good", 1, 1)), ("policy.toml", "preset = 'efective'\n")]);
    let output = check(&folder, &["t.yaml"]).output();
    assert_eq!(output.status.code(), Some(2));
    assert!(crate::support::stderr(&output).contains("did you mean `effective`?"));
    assert_eq!(check(&folder, &["t.yaml", "--policy", "missing.toml"]).output().status.code(), Some(2));
}

#[test]
fn the_policy_that_judged_is_named_in_every_format() {
    let icmp = template("Ping", 8, 8).replace("ToPort: 8", "ToPort: -1").replace("tcp", "icmp");
    let folder = folder(
        "named",
        &[
            ("policy.toml", "preset = \"effective\"\n"),
            ("svc/deep/t.yaml", &icmp),
            ("other/p.toml", ""),
            ("t.yaml", &icmp),
        ],
    );
    let deep = folder.join("svc/deep");
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let (code, described) = check(&deep, &["--format", format]).described();
        assert_eq!(code, 0, "the policy of the repository: {format}: {described}");
        assert!(described.contains("policy.toml") && described.contains("effective"), "{format}: {described}");
        let (code, described) = check(&deep, &["--format", format, "--policy", "../../other/p.toml"]).described();
        assert_eq!(code, 1, "{format}: {described}");
        assert!(described.contains("other/p.toml") && !described.contains("policy.toml"), "{format}: {described}");
        let (code, described) = check(&deep, &["--format", format, "--no-policy"]).described();
        assert_eq!(code, 1, "{format}: {described}");
        assert!(!described.contains("p.toml"), "{format}: {described}");
    }
    let (_, described) = check(&deep, &[]).described();
    assert!(described.ends_with("\npolicy: ../../policy.toml (preset effective)\n"), "{described}");
    let (_, described) = check(&deep, &["--no-policy"]).described();
    assert!(described.ends_with("\npolicy: the published rule\n"), "{described}");
    let (code, described) = check(&deep, &["--no-policy", "--preset", "effective"]).described();
    assert!(code == 0 && described.ends_with("\npolicy: no policy file, preset effective\n"), "{described}");
    let both = check(&deep, &["--no-policy", "--policy", "x"]).output();
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_policy_above_the_repository_does_not_count() {
    let bad = template("Bad", 1, 2);
    let head = "ref: refs/heads/main\n";
    let lax = policy("2999-01-01").replace("80-87", "1-2").replace("account = \"111122223333\"\n", "");
    let folder =
        folder("above", &[("policy.toml", &lax), ("r/.git/HEAD", head), ("r/svc/t.yaml", &bad), ("s/t.yaml", &bad)]);
    assert_eq!(check(&folder.join("r/svc"), &[]).described().0, 1);
    assert_eq!(check(&folder.join("r/svc"), &["--policy", "../../policy.toml"]).described().0, 0);
    std::fs::remove_dir_all(folder.join(".git")).unwrap();
    let (code, described) = check(&folder, &["s"]).described();
    assert!(code == 0 && described.contains("policy: policy.toml (preset literal, 1 exemption)"), "{described}");
}

#[test]
fn what_an_exemption_would_cover_is_said_where_the_place_is_not_given() {
    let rule = policy("2999-01-01").replace("account = \"111122223333\"", "stack_name = \"legacy-*\"");
    let folder = folder("nearly", &[("t.yaml", &template("Legacy", 80, 87)), ("policy.toml", &rule)]);
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let (code, described) = check(&folder, &["--format", format]).described();
        assert_eq!(code, 1, "{format}");
        assert!(described.contains("Exemption legacy-range would cover it if stack_name is"), "{format}: {described}");
        let (code, described) = check(&folder, &["--format", format, "--stack-name", "new"]).described();
        assert!(code == 1 && !described.contains("would cover"), "{format}: {described}");
        assert_eq!(check(&folder, &["--format", format, "--stack-name", "legacy-app"]).described().0, 0, "{format}");
    }
}

/// Names in an error may come from the author of a template or of a file.
#[test]
fn an_error_prints_no_command_to_a_runner_and_no_control_characters() {
    let template = "{\"Resources\": {\"Q\\n::error::x\\u001b[31m\": {\"Type\": \"AWS::CloudFormation::Stack\", \"Properties\": \
                    {\"TemplateURL\": \"./nope\\n::error::y\\u202e\"}}}}";
    let folder = folder("forged", &[("t.json", template)]);
    let output = crate::support::command_in(&folder, &["rehearse", "--no-policy", "t.json"]);
    assert_eq!(output.status.code(), Some(2));
    let error = crate::support::stderr(&output);
    assert!(error.contains("::error::x") && error.contains("::error::y"), "{error}");
    assert!(error.lines().all(|line| !line.trim_start().starts_with("::")), "{error}");
    assert!(!error.contains(['\u{1b}', '\u{202e}']), "{error}");
}

#[test]
fn a_file_without_an_end_is_refused() {
    let folder = folder("endless", &[("t.yaml", &template("Good", 1, 1))]);
    let output = check(&folder, &["t.yaml", "--baseline", "/dev/zero"]).output();
    assert_eq!(output.status.code(), Some(2));
    assert!(crate::support::stderr(&output).contains("it is larger than 64 MiB"));
}
