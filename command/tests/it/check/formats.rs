//! Each output format, and whether its readers accept it.

use serde_json::Value as Json;

use super::{check, folder, template};
use crate::support::{read, stderr, stdout, validator};

const FORMATS: [&str; 6] = ["human", "json", "sarif", "github", "gitlab", "junit"];

/// Returns the report on every kind of finding and on a broken file.
fn report(format: &str) -> String {
    let fixture = |name: &str| read(&format!("tests/fixtures/check/{name}"));
    let (cases, broken) = (fixture("cases.yaml"), fixture("broken.yaml"));
    let folder = folder(&format!("format-{format}"), &[("cases.yaml", &cases), ("broken.yaml", &broken)]);
    let (code, text) = check(&folder, &["cases.yaml", "broken.yaml", "--format", format]).described();
    assert_eq!(code, 2);
    text.replace(env!("CARGO_PKG_VERSION"), "@@VERSION@@")
}

#[test]
fn each_format_is_golden() {
    for format in FORMATS {
        insta::assert_snapshot!(format, report(format));
    }
}

#[test]
fn the_json_report_satisfies_its_schema() {
    let schema = validator("schema/report.schema.json");
    let report: Json = serde_json::from_str(&report("json")).unwrap();
    if let Err(error) = schema.validate(&report) {
        panic!("{error}");
    }
    assert_eq!(report["formatVersion"], 1);
    let folder = folder("json", &[("good.yaml", &template("Good", 1, 1))]);
    let empty: Json = serde_json::from_str(&check(&folder, &["--format", "json"]).described().1).unwrap();
    assert!(schema.is_valid(&empty), "{empty}");
}

#[test]
fn the_sarif_log_satisfies_the_official_schema() {
    let mut schema: Json = serde_json::from_str(&read("tests/fixtures/sarif/sarif-schema-2.1.0.json")).unwrap();
    // One pattern of the schema is not a valid regular expression: its last bracket has no opening one.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        assert_eq!(language["pattern"], "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        language.as_object_mut().unwrap().remove("pattern");
    }
    let schema = jsonschema::validator_for(&schema).unwrap();
    let text = report("sarif").replace("@@VERSION@@", "1.2.3");
    let log: Json = serde_json::from_str(&text).unwrap();
    if let Err(error) = schema.validate(&log) {
        panic!("{error}");
    }
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let artifact = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!((&artifact["uri"], &artifact["uriBaseId"]), (&"cases.yaml".into(), &"%SRCROOT%".into()));
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert!(!schema.is_valid(&serde_json::json!({"version": "2.1.0"})), "the schema refuses what is no log");
}

#[test]
fn sarif_names_files_as_uris() {
    let folder = folder("uri", &[("a b/ä#1.yaml", &template("Bad", 1, 2))]);
    let (_, text) = check(&folder, &["--format", "sarif"]).described();
    assert!(text.contains("\"uri\": \"a%20b/%C3%A4%231.yaml\""), "{text}");
    let absolute = folder.join("a b/ä#1.yaml");
    let (_, text) = check(&folder, &["--format", "sarif", absolute.to_str().unwrap()]).described();
    assert!(text.contains("\"uri\": \"a%20b/%C3%A4%231.yaml\""), "below the working directory: {text}");
    let (_, text) = check(std::path::Path::new("/"), &["--format", "github", absolute.to_str().unwrap()]).described();
    assert!(text.contains("file=") && !text.contains("file=/"), "{text}");
}

#[test]
fn fingerprints_outlive_the_lines_around_them() {
    let fingerprints = |text: &str| {
        let folder = folder("fingerprints", &[("t.yaml", text)]);
        let report: Json = serde_json::from_str(&check(&folder, &["--format", "json"]).described().1).unwrap();
        let findings = report["files"][0]["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["fingerprint"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let text = template("Bad", 1, 2);
    let rule = text.lines().last().unwrap();
    let before = fingerprints(&text);
    assert_eq!(fingerprints(&format!("# a comment\n\n{text}")), before, "lines move");
    let twice = fingerprints(&format!("{text}{rule}\n"));
    assert_eq!(twice.first(), before.first(), "the first of two is the same");
    assert_ne!(twice.first(), twice.last(), "the second is distinguished");
    assert_ne!(fingerprints(&text.replace("ToPort: 2", "ToPort: 3")), before, "other ports are another finding");
}

#[test]
fn github_takes_what_is_written_as_text() {
    let name = "a,b:c%d.yaml";
    let text = template("Bad", 1, 2).replace("10.0.0.0/8", "\"x::error::\\n::set-output name=a::%0A\"");
    let folder = folder("github", &[(name, &text)]);
    let (_, described) = check(&folder, &["--format", "github"]).described();
    assert_eq!(described.lines().count(), 2, "{described}");
    assert!(
        described.starts_with("::error file=a%2Cb%3Ac%25d.yaml,line=7,endLine=7,col=50,endColumn=51,title="),
        "{described}"
    );
    assert!(described.contains("%250A"), "{described}");
}

#[test]
fn junit_is_well_formed_whatever_is_written_and_its_sums_are_right() {
    let text = template("Bad", 1, 2).replace("10.0.0.0/8", "\"<a href=\\\"x\\\">&'\\u0001]]>\"");
    let folder = folder("junit", &[("a<&>\"'.yaml", &text), ("good.yaml", &template("Good", 1, 1))]);
    let (_, own) = check(&folder, &["--format", "junit"]).described();
    for text in [own, report("junit")] {
        let document = roxmltree::Document::parse(&text).unwrap();
        let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count().to_string();
        let root = document.root_element();
        for (sum, element) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            assert_eq!(root.attribute(sum), Some(count(element).as_str()), "{sum}: {text}");
        }
        for suite in document.descendants().filter(|node| node.has_tag_name("testsuite")) {
            let cases = suite.children().filter(|node| node.has_tag_name("testcase")).count();
            assert_eq!(suite.attribute("tests"), Some(cases.to_string().as_str()));
        }
    }
}

/// A template with this many egress rules that open a range, each on a separate line.
fn ranges(count: usize) -> String {
    let text = template("Bad", 1, 2);
    let (head, rule) = text.trim_end().rsplit_once('\n').unwrap();
    format!("{head}\n{}", format!("{rule}\n").repeat(count))
}

#[test]
fn people_see_the_first_findings_in_full_and_how_many_more_there_are() {
    let folder =
        folder("first-findings", &[("a.yaml", &ranges(150)), ("b.yaml", &ranges(80)), ("c.yaml", "Resources: [")]);
    let shown = |arguments: &[&str]| {
        let (code, described) = check(&folder, arguments).described();
        assert_eq!(code, 2);
        assert!(described.contains("--> c.yaml:1:"), "a file that could not be checked is always named: {described}");
        let line =
            |words: &str| described.lines().rev().find(|line| line.contains(words)).unwrap_or_default().to_owned();
        (described.matches("error[port-range]").count(), line("more finding"), line(" checked: "))
    };
    let sums = "230 egress rules in 2 resources of 2 templates checked: 230 errors, 0 warnings, 0 notes; 1 file could \
                not be checked";
    let more = |count| {
        format!(
            "{count} more findings are not shown ({count} errors). To show more, use --max-findings; --format json, \
             sarif, github, gitlab or junit contains all of them"
        )
    };
    let paths = ["a.yaml", "b.yaml", "c.yaml"];
    assert_eq!(shown(&paths), (200, more(30), sums.to_owned()));
    for (limit, count) in [("10", 10), ("0", 0), ("229", 229)] {
        let (found, said, last) = shown(&[&paths[..], &["--max-findings", limit]].concat());
        let said_count = said.split(' ').next().unwrap();
        assert_eq!((found, said_count, last.as_str()), (count, (230 - count).to_string().as_str(), sums));
    }
    for limit in ["all", "230"] {
        let (found, said, _) = shown(&[&paths[..], &["--max-findings", limit]].concat());
        assert_eq!((found, said.as_str()), (230, ""));
    }
    // Even if nothing else is printed.
    let (_, described) = check(&folder, &["--quiet", "a.yaml", "b.yaml"]).described();
    assert_eq!(described.lines().last(), Some(more(30).as_str()));
    for format in ["json", "sarif", "github", "gitlab", "junit"] {
        let (_, described) = check(&folder, &["--format", format, "a.yaml", "b.yaml"]).described();
        assert!(described.matches("port-range").count() >= 230, "{format}");
    }
    let refused = check(&folder, &["--max-findings", "many"]).output();
    assert!(crate::support::stderr(&refused).contains("write a number, or `all`"));
}

#[test]
fn what_authors_write_cannot_forge_lines_or_colors() {
    let text = template("Bad", 1, 2).replace("10.0.0.0/8", "\"x\\e[31m\\u202e\\nerror: forged\"");
    let folder = folder("forged", &[("t.yaml", &text)]);
    for format in FORMATS {
        let (_, described) = check(&folder, &["--format", format]).described();
        assert!(!described.contains('\u{1b}') && !described.contains('\u{202e}'), "{format}: {described}");
        assert!(!described.lines().any(|line| line.starts_with("error: forged")), "{format}: {described}");
    }
}

#[test]
fn the_schema_file_names_every_code_of_the_reports() {
    let known: Vec<_> = cfn_egress_guard_core::rule::Reason::ALL.iter().map(|reason| reason.code()).collect();
    let report: Json = serde_json::from_str(&report("json")).unwrap();
    for finding in report["files"][0]["findings"].as_array().unwrap() {
        let code = finding["code"].as_str().unwrap();
        assert!(known.contains(&code) || code == "not-judged", "{code}");
    }
    assert!(read("schema/report.schema.json").contains("formatVersion"));
}

#[test]
fn services_get_paths_from_the_root_of_the_repository() {
    let bad = template("Bad", 1, 2);
    let folder = folder("from-root", &[("infra/x/a.yaml", &bad), ("infra/b.yaml", &bad), ("top.yaml", &bad)]);
    let absolute = folder.join("infra/x/../x/a.yaml");
    let link = folder.parent().unwrap().join("from-root-link");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    let outside = std::path::Path::new("/");
    let below = |path: &std::path::Path| path.join("infra/x").strip_prefix("/").unwrap().to_str().unwrap().to_owned();
    let (from_outside, by_link) = (below(&folder), below(&link));
    for (here, given) in [
        (folder.clone(), "infra/x/a.yaml"),
        (folder.clone(), "./infra/./x/a.yaml"),
        (folder.clone(), "infra/x/*.yaml"),
        (folder.clone(), "infra/x"),
        (folder.join("infra"), "x/a.yaml"),
        (folder.join("infra"), "../infra/x/"),
        (folder.join("infra/x"), "."),
        (folder.join("infra/x"), "../x/a.yaml"),
        (folder.join("infra/x"), absolute.to_str().unwrap()),
        (outside.to_owned(), &from_outside),
        (outside.to_owned(), absolute.to_str().unwrap()),
        (outside.to_owned(), &by_link),
        (link.join("infra"), "x/a.yaml"),
    ] {
        for (format, expected) in [
            ("github", "::error file=infra/x/a.yaml,"),
            ("sarif", "\"uri\": \"infra/x/a.yaml\""),
            ("gitlab", "\"path\": \"infra/x/a.yaml\""),
            ("json", "\"repositoryPath\": \"infra/x/a.yaml\""),
        ] {
            let (code, described) = check(&here, &["--format", format, given, "--no-policy"]).described();
            assert!(
                code == 1 && described.contains(expected),
                "{format} of {given} in {}: {described}",
                here.display()
            );
        }
    }
    let (_, described) =
        check(&folder.join("infra"), &["--format", "github", "missing.yaml", "../top.yaml"]).described();
    assert!(
        described.contains("::error file=infra/missing.yaml,") && described.contains("::error file=top.yaml,"),
        "{described}"
    );
}

#[test]
fn github_gets_errors_first_and_a_notice_that_sums_up() {
    let warning = "  W:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties: {IpProtocol: tcp, FromPort: 1, ToPort: !ImportValue X}\n";
    let note = |n: usize| format!("  N{n}: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: x}}}}\n");
    let notes: String = (0..15).map(note).collect();
    let folder = folder(
        "github-order",
        &[
            ("a.yaml", &format!("Resources:\n{notes}{warning}")),
            ("b.yaml", &ranges(12)),
            ("good.yaml", &template("Good", 1, 1)),
        ],
    );
    let summary = folder.join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let run = check(&folder, &["--format", "github"]).environment("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    let (_, described) = run.described();
    let kinds: Vec<&str> =
        described.lines().map(|line| line.split([' ', ':']).find(|part| !part.is_empty()).unwrap()).collect();
    let expected = [vec!["error"; 12], vec!["warning"], vec!["notice"; 9], vec!["note"; 6], vec!["notice"]].concat();
    assert_eq!(kinds, expected, "GitHub shows the first ten of a kind: the last notice is one of them");
    let last = described.lines().last().unwrap();
    assert!(
        last.contains("14 egress rules in 18 resources of 3 templates checked: 12 errors, 1 warning, 15 notes."),
        "{last}"
    );
    let written = std::fs::read_to_string(&summary).unwrap();
    assert!(written.starts_with("before\n### cfn-egress-guard: 12 errors, 1 warning, 15 notes\n"), "{written}");
    assert!(written.contains("\n| port-range | 12 | 0 | 0 |\n"), "{written}");
    assert!(
        written.contains("\n| b.yaml | 12 | 0 | 0 |\n") && written.contains("| a.yaml | 0 | 1 | 15 |"),
        "{written}"
    );
    assert!(written.contains("- policy: the published rule"), "{written}");

    let (code, described) = check(&folder, &["--format", "github", "good.yaml"]).described();
    let passed = "::notice title=cfn-egress-guard::1 egress rule in 1 resource of 1 template checked: 0 errors, 0 warnings, 0 \
                  notes.%0Apolicy: the published rule\n";
    assert_eq!((code, described.as_str()), (0, passed));
    let run = check(&folder, &["good.yaml"]).environment("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    run.described();
    assert_eq!(std::fs::read_to_string(&summary).unwrap(), written, "in that format alone");
}

#[test]
fn several_formats_come_from_one_run() {
    let folder = folder("several", &[("a.yaml", &template("Bad", 1, 2))]);
    let alone = |format: &str| check(&folder, &["a.yaml", "--format", format]).described().1;
    let both =
        ["a.yaml", "--format", "github", "--format", "sarif=out.sarif", "-f", "gitlab=gl.txt", "-f", "human=h.txt"];
    let (code, described) = check(&folder, &both).described();
    assert_eq!((code, described), (1, alone("github")));
    for (format, file) in [("sarif", "out.sarif"), ("gitlab", "gl.txt"), ("human", "h.txt")] {
        assert_eq!(std::fs::read_to_string(folder.join(file)).unwrap(), alone(format), "{format}");
    }
    let (_, described) = check(&folder, &["a.yaml", "--format", "junit=j.xml"]).described();
    assert_eq!(described, alone("human"), "people read standard output");
    for wrong in [&["-f", "json", "-f", "sarif"][..], &["-f", "jsn=x"], &["-f", "json=/no/such/folder/x"]] {
        assert_eq!(check(&folder, wrong).output().status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_report_that_cannot_be_written_does_not_lose_the_others() {
    let folder = folder("unwritable", &[("a.yaml", &template("Bad", 1, 2))]);
    let (_, alone) = check(&folder, &["a.yaml"]).described();
    let summary = check(&folder, &["a.yaml", "-f", "github"]).environment("GITHUB_STEP_SUMMARY", "/no/such/folder/s");
    for (run, says) in [
        (
            check(&folder, &["a.yaml", "-f", "json=/no/such/folder/x"]),
            "error: writing `/no/such/folder/x`: No such file",
        ),
        (
            check(&folder, &["a.yaml", "--write-baseline", "/no/such/folder/x"]),
            "error: writing `/no/such/folder/x`: No",
        ),
        (check(&folder, &["a.yaml", "-f", "json=/dev/full"]), "error: writing `/dev/full`: No space left"),
        (
            check(&folder, &["a.yaml", "-f", "json=/dev/full", "-f", "sarif=/no/x", "-f", "junit=j.xml"]),
            "error: writing `/no/x`: No such file or directory (os error 2)\nwriting `/dev/full`: No space left",
        ),
    ] {
        let output = run.output();
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), alone.clone()), "{says}");
        assert!(stderr(&output).starts_with(says), "{}", stderr(&output));
    }
    assert!(std::fs::read_to_string(folder.join("j.xml")).unwrap().ends_with("</testsuites>\n"));
    let output = summary.output();
    assert!(
        stdout(&output).contains("::error") && stderr(&output).contains("/no/such/folder/s` (GITHUB_STEP_SUMMARY)")
    );
    let output = check(&folder, &["a.yaml", "-f", "json=/no/such/folder/x", "-p", "Nobody=1"]).output();
    assert!(output.status.code() == Some(2) && stdout(&output).contains("error[port-range]"));
}

#[test]
fn the_report_for_people_counts_and_advises_once() {
    let folder = folder(
        "table",
        &[("a.yaml", &ranges(2)), ("b.yaml", &template("All", 0, 65535)), ("c.yaml", &template("Good", 1, 1))],
    );
    let (_, described) = check(&folder, &[]).described();
    let advice = "= help: Open one port per egress rule: FromPort: 1 and ToPort: 1";
    assert_eq!(
        (described.matches(advice).count(), described.matches("= help: as above").count()),
        (1, 1),
        "{described}"
    );
    assert!(
        described.contains("= help: Open only the ports that are used, one per egress rule, for example FromPort: 443"),
        "{described}"
    );
    let table = "errors  warnings  notes  reason\n     3         0      0  port-range\n\nerrors  warnings  notes  file\n     2         0      0  \
                 a.yaml\n     1         0      0  b.yaml\n\n";
    assert!(described.contains(table), "{described}");
    let (_, described) = check(&folder, &["--quiet"]).described();
    assert!(!described.contains("warnings") && !described.contains("policy: "), "{described}");
    assert!(!check(&folder, &["c.yaml"]).described().1.contains("reason"), "nothing to count");
}

#[test]
fn findings_of_the_cdk_name_the_construct_and_speak_of_its_code() {
    let text = r#"{"Resources": {"Sg74B": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x",
        "SecurityGroupEgress": [{"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}, {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 80, "ToPort": 90}]},
        "Metadata": {"aws:cdk:path": "App/Web/Sg/Resource"}}}}"#;
    let folder = folder("construct", &[("App.template.json", text)]);
    for format in FORMATS {
        let (_, described) = check(&folder, &["--format", format]).described();
        assert!(described.contains("App/Web/Sg") && !described.contains("Sg/Resource"), "{format}: {described}");
        assert!(
            described.contains("allowAllOutbound: false")
                && described.contains("addEgressRule(peer, ec2.Port.tcp(80))"),
            "{format}: {described}"
        );
    }
}

#[test]
fn narrow_terminals_get_whole_words_and_programs_get_everything() {
    let long = "a".repeat(40);
    let text =
        template("Bad", 1, 2).replace("GroupDescription: x", &format!("GroupDescription: x # {long} {long} {long}"));
    let text = text.replace("CidrIp: 10.0.0.0/8}", &format!("CidrIp: 10.0.0.0/8, Description: {long} {long}}}"));
    let folder = folder("narrow", &[("a.yaml", &text)]);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let (_, wide) = check(&folder, &["a.yaml"]).described();
    for columns in [30_usize, 60, 79] {
        let (_, described) = check(&folder, &["a.yaml"]).environment("COLUMNS", &columns.to_string()).described();
        let known = words(&wide);
        for word in words(&described) {
            assert!(known.contains(&word), "{columns}: `{word}` is cut: {described}");
        }
        for line in described.lines().filter(|line| line.chars().count() > columns) {
            assert_eq!(line.split_whitespace().count(), 1, "{columns}: {line}");
        }
    }
    for format in ["json", "sarif", "github", "gitlab", "junit"] {
        let (_, described) = check(&folder, &["--format", format]).environment("COLUMNS", "20").described();
        assert_eq!(described, check(&folder, &["--format", format]).described().1, "{format}");
    }
}

#[test]
fn no_control_character_of_a_template_reaches_a_report() {
    let evil = "A\\e[2J\\u202eb\\u0085\\x07";
    let text = format!(
        "Parameters: {{\"P{evil}\": {{Type: Number}}}}\nTransform: \"M{evil}\"\nResources:\n  \"{evil}\":\n    Type: AWS::EC2::SecurityGroup\n    \
         Metadata: {{\"aws:cdk:path\": \"C/{evil}\"}}\n    Properties:\n      SecurityGroupEgress:\n        - {{IpProtocol: \"{evil}\", FromPort: \
         \"{evil}\", ToPort: {{Ref: \"P{evil}\"}}, CidrIp: \"{evil}\"}}\n  \"N{evil}\": {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: \
         \"{evil}\"}}}}\n  \"T{evil}\": {{}}\n"
    );
    let broken = "Resources: {\u{1b}[2J\u{202e}";
    let folder = folder("control", &[("t.yaml", &text), ("broken.yaml", broken)]);
    for format in FORMATS {
        for flags in [&["t.yaml", "--notes"][..], &["t.yaml", "broken.yaml", "--strict"]] {
            let (_, described) = check(&folder, &[flags, &["--format", format]].concat()).described();
            let found = described.chars().find(|c| c.is_control() && *c != '\n' || matches!(c, '\u{202e}'));
            assert_eq!(found, None, "{format}: {described}");
            // The report for people quotes the source lines as written.
            let described = if format == "human" { String::new() } else { described };
            assert!(
                !described.contains("\\u001b") && !described.contains("\\u0085") && !described.contains("\\u0007"),
                "{format}, escaped: {described}"
            );
        }
    }
}
