//! The files that are checked.

use std::path::Path;

use super::{check, folder, template};

/// Returns the reported files, in order; broken ones with a `!`.
pub(super) fn files(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let (_, text) = check(folder, &[arguments, &["--format", "json"]].concat()).described();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let files = report["files"].as_array().unwrap().clone();
    files
        .iter()
        .map(|file| {
            let mark = if file["problem"].is_null() { "" } else { "!" };
            format!("{mark}{}", file["path"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn what_an_argument_names_is_checked_wherever_else_it_is_found() {
    let (good, bad) = (template("Good", 1, 1), template("Bad", 1, 2));
    let folder = folder(
        "named-and-found",
        &[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".gitignore", "gen*\n"),
            ("a.yaml", &good),
            ("sub/b.yaml", &good),
            ("gen.yaml", &bad),
            ("gen/c.yaml", &bad),
            ("other.yaml", "a: 1\n"),
        ],
    );
    for (arguments, expected) in [
        (&[".", "gen.yaml"][..], "a.yaml gen.yaml sub/b.yaml 1"),
        (&["gen.yaml", "."], "gen.yaml a.yaml sub/b.yaml 1"),
        (&["**/*.yaml", "gen.yaml"], "a.yaml gen.yaml sub/b.yaml 1"),
        (&[".", "gen"], "a.yaml gen/c.yaml sub/b.yaml 1"),
        (&[".", "sub"], "a.yaml sub/b.yaml 0"),
        (&["sub", "."], "sub/b.yaml a.yaml 0"),
        (&["sub", "sub", "./sub"], "sub/b.yaml 0"),
        (&["."], "a.yaml sub/b.yaml 0"),
        (&[".", "other.yaml"], "a.yaml !other.yaml sub/b.yaml 2"),
    ] {
        let code = check(&folder, arguments).described().0;
        assert_eq!(format!("{} {code}", files(&folder, arguments).join(" ")), expected, "{arguments:?}");
    }
}

#[test]
fn templates_in_folders_are_found_by_their_content() {
    let good = template("Good", 1, 1);
    let folder = folder(
        "content",
        &[
            ("a.yaml", &good),
            ("b.yml", &good),
            ("c.json", "{\"Resources\": {\"A\": {\"Type\": \"AWS::S3::Bucket\"}}}"),
            ("d.template", &good),
            ("E.YAML", &good),
            (".hidden/f.yaml", &good),
            ("sub/g.yaml", &good),
            ("notes.txt", &good),
            ("package.json", "{\"name\": \"Resources\"}"),
            ("other.yaml", "Resources: nothing of CloudFormation\n"),
            ("kubernetes.yaml", "kind: A\n---\nkind: B # Resources\n"),
            ("helm.yaml", "Resources: {{ .Values.x }}\n"),
            ("broken.yaml", "Resources:\n  A: {Type: AWS::S3::Bucket\n"),
            (".git/x.yaml", &good),
            ("escaped.json", r#"{"\u0052esources": {"A": {"T\u0079pe": "AWS::S3::Bucket"}}}"#),
            ("escaped.yaml", "\"\\x52esources\": {A: {Type: AWS::S3::Bucket}}\n"),
            ("macro.yaml", "Transform: Mine\n"),
            ("macros.yaml", "Transform: [Mine, {Name: Other}]\nResources: {}\n"),
            ("include.yaml", "Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}\n"),
            ("included.yaml", "Resources:\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}\n"),
            (
                "included-body.yaml",
                "Resources: {A: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}}}\n",
            ),
            (
                "loop.yaml",
                "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L: [X, [a], {R: {Type: A::B::C}}]\n",
            ),
            ("pipeline.yaml", "Transform: Mine\njobs: []\n"),
            (
                "playbook.yml",
                "- hosts: all\n  vars: {a: !vault x}\n  template: \"Resources: {A: {Type: AWS::S3::Bucket}}\"\n",
            ),
            (
                "ci.yaml",
                "job:\n  script: !reference [.a, script]\n  text: |\n    AWSTemplateFormatVersion: x\n    Resources: AWS::\n",
            ),
            ("mkdocs.yml", "nav: [Resources: AWS::S3.md]\nx: !!python/name:a.b\n"),
            ("map.yaml", "kind: ConfigMap\ndata:\n  t: |\n    Resources: {A: {Type: AWS::S3::Bucket}}\n---\nkind: B\n"),
            ("serverless.yml", "resources:\n  Resources: {A: {Type: AWS::S3::Bucket}}\nx: !Own y\n"),
        ],
    );
    std::fs::write(folder.join("binary.yaml"), b"\xff\xfeResources").unwrap();
    let large: Vec<String> = (0..60_000).map(|n| format!("{{\"Resources\": \"AWS::EC2::Instance {n}\"}}")).collect();
    std::fs::write(folder.join("large.json"), format!("{{\"Resources\": [{}]}}", large.join(","))).unwrap();
    std::fs::write(folder.join("list.json"), format!("[{}]", large.join(","))).unwrap();
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    std::fs::write(folder.join("utf-16.yaml"), utf_16(&format!("\u{feff}{good}"))).unwrap();
    std::fs::write(folder.join("utf-16-other.yaml"), utf_16("\u{feff}on: push\n")).unwrap();
    std::fs::write(folder.join("utf-16-bare.yaml"), utf_16(&good)).unwrap();
    let utf_32 = |text: &str| text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<u8>>();
    std::fs::write(folder.join("utf-32.yaml"), utf_32(&format!("\u{feff}{good}"))).unwrap();
    std::fs::write(folder.join("conflict.yaml"), format!("<<<<<<< HEAD\n{good}=======\n{good}>>>>>>> x\n")).unwrap();
    std::fs::write(folder.join("zeros.yaml"), [0; 64]).unwrap();
    let expected = [
        ".hidden/f.yaml",
        "E.YAML",
        "a.yaml",
        "b.yml",
        "!broken.yaml",
        "c.json",
        "!conflict.yaml",
        "d.template",
        "escaped.json",
        "escaped.yaml",
        "include.yaml",
        "included-body.yaml",
        "included.yaml",
        "loop.yaml",
        "macro.yaml",
        "macros.yaml",
        "sub/g.yaml",
        "!utf-16-bare.yaml",
        "!utf-16.yaml",
        "!utf-32.yaml",
    ];
    assert_eq!(files(&folder, &[]), expected);
    assert_eq!(files(&folder, &["."]), expected);
    assert_eq!(files(&folder, &["sub", "sub/g.yaml", "./a.yaml", "a.yaml"]), ["sub/g.yaml", "a.yaml"], "each once");
    for named in ["package.json", "kubernetes.yaml", "binary.yaml", "missing.yaml", "pipeline.yaml", "large.json"] {
        assert_eq!(files(&folder, &[named]), [format!("!{named}")], "a file that is named must be a template");
    }
    assert_eq!(files(&folder, &["notes.txt"]), ["notes.txt"], "whatever its name is");
}

/// The way in which pre-commit calls it.
#[test]
fn named_files_that_are_no_templates_are_passed_over_if_asked_for() {
    let bad = template("Bad", 1, 2);
    let broken = "Resources:\n  A: {Type: AWS::S3::Bucket\n";
    let folder = folder("skip", &[("bad.yaml", &bad), ("ci.yaml", "on: push\n"), ("broken.yaml", broken)]);
    assert_eq!(files(&folder, &["--skip-other-files", "ci.yaml", "bad.yaml"]), ["bad.yaml"]);
    assert_eq!(files(&folder, &["--skip-other-files", "ci.yaml", "broken.yaml"]), ["!broken.yaml"]);
    assert_eq!(check(&folder, &["--skip-other-files", "ci.yaml"]).described().0, 0);
    assert_eq!(check(&folder, &["--skip-other-files", "missing.yaml"]).described().0, 2);
}

#[test]
fn what_git_ignores_is_passed_over_unless_named() {
    let good = template("Good", 1, 1);
    let folder = folder(
        "ignored",
        &[
            (".gitignore", "cdk.out\nbuild/\n*.generated.yaml\n"),
            ("a.yaml", &good),
            ("x.generated.yaml", &good),
            ("build/b.yaml", &good),
            ("cdk.out/Stack.template.json", &good),
            ("cdk.out/manifest.json", "{\"version\": \"48.0.0\", \"artifacts\": {\"Resources\": {}}}"),
            ("cdk.out/assembly-Prod/Stack.template.json", &good),
            (&format!("cdk.out/asset.{}/template.yaml", "0123456789abcdef".repeat(4)), &good),
            ("sub/.gitignore", "c.yaml\n"),
            ("sub/c.yaml", &good),
            ("sub/d.yaml", &good),
        ],
    );
    assert_eq!(files(&folder, &[]), ["a.yaml", "sub/d.yaml"]);
    let synthesized = ["cdk.out/Stack.template.json", "cdk.out/assembly-Prod/Stack.template.json"];
    assert_eq!(files(&folder, &["cdk.out"]), synthesized);
    assert_eq!(files(&folder.join("cdk.out"), &[]), synthesized.map(|name| name.strip_prefix("cdk.out/").unwrap()));
    assert_eq!(files(&folder, &["x.generated.yaml"]), ["x.generated.yaml"]);
}

#[test]
fn patterns_that_the_shell_left_alone_are_looked_up() {
    let good = template("Good", 1, 1);
    let folder = folder(
        "patterns",
        &[
            ("a.yaml", &good),
            ("infra/b.yaml", &good),
            ("infra/deep/c.yaml", &good),
            ("infra/d.tpl", &good),
            ("[x].yaml", &good),
        ],
    );
    assert_eq!(files(&folder, &["*.yaml"]), ["[x].yaml", "a.yaml"]);
    assert_eq!(files(&folder, &["infra/**/*.yaml"]), ["infra/b.yaml", "infra/deep/c.yaml"]);
    assert_eq!(files(&folder, &["./infra/*.{yaml,tpl}"]), ["infra/b.yaml", "infra/d.tpl"]);
    assert_eq!(files(&folder, &["[x].yaml"]), ["[x].yaml"], "a file of that very name comes first");
    assert_eq!(files(&folder, &["*.nothing"]), ["!*.nothing"]);
}

#[test]
fn a_search_that_finds_nothing_does_not_pass() {
    let folder =
        folder("nothing", &[("readme.md", "x"), ("good/t.yaml", &template("Good", 1, 1)), ("empty/x.json", "{}")]);
    let (code, described) = check(&folder, &["good", "empty"]).described();
    assert_eq!(code, 2);
    assert!(described.contains("no CloudFormation template was found\n--> empty"), "{described}");
}
