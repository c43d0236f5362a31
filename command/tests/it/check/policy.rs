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
        let (code, told) = check(&folder, &[&own[..], &["--format", format]].concat()).told();
        assert_eq!(code, 0, "{format}: {told}");
        assert!(told.contains("legacy-range"), "{format}: {told}");
    }
    let (_, log) = check(&folder, &[&own[..], &["--format", "sarif"]].concat()).told();
    let log: Json = serde_json::from_str(&log).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["suppressions"][0]["kind"], "external", "{log}");
    let (code, told) = check(&folder, &["t.yaml", "--account", "444455556666"]).told();
    assert_eq!(code, 1, "another account is not exempted: {told}");
}

#[test]
fn an_expired_exemption_blocks_and_every_format_names_it() {
    let folder = folder("expired", &[("t.yaml", &template("Legacy", 80, 87)), ("policy.toml", &policy("2020-01-01"))]);
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let (code, told) = check(&folder, &["t.yaml", "--account", "111122223333", "--format", format]).told();
        assert_eq!(code, 1, "{format}: {told}");
        assert!(told.contains("legacy-range"), "{format}: {told}");
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
        let (code, told) = check(&deep, &["--format", format]).told();
        assert_eq!(code, 0, "the policy of the repository: {format}: {told}");
        assert!(told.contains("policy.toml") && told.contains("effective"), "{format}: {told}");
        let (code, told) = check(&deep, &["--format", format, "--policy", "../../other/p.toml"]).told();
        assert_eq!(code, 1, "{format}: {told}");
        assert!(told.contains("other/p.toml") && !told.contains("policy.toml"), "{format}: {told}");
        let (code, told) = check(&deep, &["--format", format, "--no-policy"]).told();
        assert_eq!(code, 1, "{format}: {told}");
        assert!(!told.contains("p.toml"), "{format}: {told}");
    }
    let (_, told) = check(&deep, &[]).told();
    assert!(told.ends_with("\njudged by: ../../policy.toml (preset effective)\n"), "{told}");
    let (_, told) = check(&deep, &["--no-policy"]).told();
    assert!(told.ends_with("\njudged by: the published rule\n"), "{told}");
    let (code, told) = check(&deep, &["--no-policy", "--preset", "effective"]).told();
    assert!(code == 0 && told.ends_with("\njudged by: no policy file, preset effective\n"), "{told}");
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
    assert_eq!(check(&folder.join("r/svc"), &[]).told().0, 1);
    assert_eq!(check(&folder.join("r/svc"), &["--policy", "../../policy.toml"]).told().0, 0);
    std::fs::remove_dir_all(folder.join(".git")).unwrap();
    let (code, told) = check(&folder, &["s"]).told();
    assert!(code == 0 && told.contains("judged by: policy.toml (preset literal, 1 exemption)"), "{told}");
}

#[test]
fn what_an_exemption_would_cover_is_said_where_the_place_is_not_given() {
    let rule = policy("2999-01-01").replace("account = \"111122223333\"", "stack_name = \"legacy-*\"");
    let folder = folder("nearly", &[("t.yaml", &template("Legacy", 80, 87)), ("policy.toml", &rule)]);
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        let (code, told) = check(&folder, &["--format", format]).told();
        assert_eq!(code, 1, "{format}");
        assert!(told.contains("Exemption legacy-range would cover it if stack_name is"), "{format}: {told}");
        let (code, told) = check(&folder, &["--format", format, "--stack-name", "new"]).told();
        assert!(code == 1 && !told.contains("would cover"), "{format}: {told}");
        assert_eq!(check(&folder, &["--format", format, "--stack-name", "legacy-app"]).told().0, 0, "{format}");
    }
}
