//! Judged by a policy: the file that is packaged with the function.

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
