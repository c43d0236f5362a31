//! What each format looks like, and whether those who read it can.

use serde_json::Value as Json;

use super::{check, folder, template};
use crate::support::{read, validator};

const FORMATS: [&str; 6] = ["human", "json", "sarif", "github", "gitlab", "junit"];

/// The report of every kind of finding and of a broken file.
fn report(format: &str) -> String {
    let fixture = |name: &str| read(&format!("tests/fixtures/check/{name}"));
    let (cases, broken) = (fixture("cases.yaml"), fixture("broken.yaml"));
    let folder = folder(&format!("format-{format}"), &[("cases.yaml", &cases), ("broken.yaml", &broken)]);
    let (code, text) = check(&folder, &["cases.yaml", "broken.yaml", "--format", format]).told();
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
    let empty: Json = serde_json::from_str(&check(&folder, &["--format", "json"]).told().1).unwrap();
    assert!(schema.is_valid(&empty), "{empty}");
}

#[test]
fn the_sarif_log_satisfies_the_official_schema() {
    let mut schema: Json = serde_json::from_str(&read("tests/fixtures/sarif/sarif-schema-2.1.0.json")).unwrap();
    // The one pattern of the schema that is no regular expression: its last bracket was never opened.
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
    let (_, text) = check(&folder, &["--format", "sarif"]).told();
    assert!(text.contains("\"uri\": \"a%20b/%C3%A4%231.yaml\""), "{text}");
    let absolute = folder.join("a b/ä#1.yaml");
    let (_, text) = check(&folder, &["--format", "sarif", absolute.to_str().unwrap()]).told();
    assert!(text.contains("\"uri\": \"a%20b/%C3%A4%231.yaml\""), "below the working directory: {text}");
    let (_, text) = check(std::path::Path::new("/"), &["--format", "github", absolute.to_str().unwrap()]).told();
    assert!(text.contains("file=") && !text.contains("file=/"), "{text}");
}

#[test]
fn fingerprints_outlive_the_lines_around_them() {
    let fingerprints = |text: &str| {
        let folder = folder("fingerprints", &[("t.yaml", text)]);
        let report: Json = serde_json::from_str(&check(&folder, &["--format", "json"]).told().1).unwrap();
        let findings = report["files"][0]["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["fingerprint"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let text = template("Bad", 1, 2);
    let rule = text.lines().last().unwrap();
    let before = fingerprints(&text);
    assert_eq!(fingerprints(&format!("# a comment\n\n{text}")), before, "lines move");
    let twice = fingerprints(&format!("{text}{rule}\n"));
    assert_eq!(twice.first(), before.first(), "the first of two is the same");
    assert_ne!(twice.first(), twice.last(), "the second is told apart");
    assert_ne!(fingerprints(&text.replace("ToPort: 2", "ToPort: 3")), before, "other ports are another finding");
}

#[test]
fn github_takes_what_is_written_as_text() {
    let name = "a,b:c%d.yaml";
    let text = template("Bad", 1, 2).replace("10.0.0.0/8", "\"x::error::\\n::set-output name=a::%0A\"");
    let folder = folder("github", &[(name, &text)]);
    let (_, told) = check(&folder, &["--format", "github"]).told();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.starts_with("::error file=a%2Cb%3Ac%25d.yaml,line=7,endLine=7,col=50,endColumn=51,title="), "{told}");
    assert!(told.contains("%250A"), "{told}");
}

#[test]
fn junit_is_well_formed_whatever_is_written_and_its_sums_are_right() {
    let text = template("Bad", 1, 2).replace("10.0.0.0/8", "\"<a href=\\\"x\\\">&'\\u0001]]>\"");
    let folder = folder("junit", &[("a<&>\"'.yaml", &text), ("good.yaml", &template("Good", 1, 1))]);
    let (_, own) = check(&folder, &["--format", "junit"]).told();
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

/// A template with so many egress rules that open a range, each on a line of its own.
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
        let (code, told) = check(&folder, arguments).told();
        assert_eq!(code, 2);
        assert!(told.contains("--> c.yaml:1:"), "a file that could not be checked is always named: {told}");
        let line = |words: &str| told.lines().rev().find(|line| line.contains(words)).unwrap_or_default().to_owned();
        (told.matches("error[port-range]").count(), line("more finding"), line(" checked: "))
    };
    let sums = "230 egress rules in 2 resources of 2 templates checked: 230 errors, 0 warnings, 0 notes; 1 file could \
                not be checked";
    let more = |count| {
        format!(
            "{count} more findings are not shown ({count} errors); --max-findings sets how many are, --format json, \
             sarif, github, gitlab or junit has them all"
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
    // Even where nothing else is said.
    let (_, told) = check(&folder, &["--quiet", "a.yaml", "b.yaml"]).told();
    assert_eq!(told.lines().last(), Some(more(30).as_str()));
    for format in ["json", "sarif", "github", "gitlab", "junit"] {
        let (_, told) = check(&folder, &["--format", format, "a.yaml", "b.yaml"]).told();
        assert!(told.matches("port-range").count() >= 230, "{format}");
    }
    let refused = check(&folder, &["--max-findings", "many"]).output();
    assert!(crate::support::stderr(&refused).contains("write a number, or `all`"));
}

#[test]
fn what_authors_write_cannot_forge_lines_or_colours() {
    let text = template("Bad", 1, 2).replace("10.0.0.0/8", "\"x\\e[31m\\u202e\\nerror: forged\"");
    let folder = folder("forged", &[("t.yaml", &text)]);
    for format in FORMATS {
        let (_, told) = check(&folder, &["--format", format]).told();
        assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{format}: {told}");
        assert!(!told.lines().any(|line| line.starts_with("error: forged")), "{format}: {told}");
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
