//! Lines and columns, asserted as the text that they underline.

use serde_json::Value as Json;

use super::{check, folder};
use crate::support::read;

/// Returns what each finding underlines: code, offending value, related values.
fn underlined(name: &str, text: &str) -> Vec<String> {
    let folder = folder(&format!("places-{name}"), &[(name, text)]);
    let report: Json = serde_json::from_str(&check(&folder, &[name, "--format", "json"]).described().1).unwrap();
    let findings = report["files"][0]["findings"].as_array().unwrap().clone();
    findings
        .iter()
        .map(|finding| {
            let related = finding["related"].as_array().unwrap().iter().map(|place| at(text, place));
            let places: Vec<_> = std::iter::once(at(text, &finding["location"])).chain(related).collect();
            format!("{}: {}", finding["code"].as_str().unwrap(), places.join(" | "))
        })
        .collect()
}

/// Returns the text at a place, after checking that its lines and columns match its bytes.
fn at(text: &str, place: &Json) -> String {
    let number = |key: &str| usize::try_from(place[key].as_u64().unwrap()).unwrap();
    let by_bytes = text.get(number("offset")..number("offset") + number("length")).unwrap();
    let byte = |line: usize, column: usize| {
        let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        before + text.get(before..).unwrap().chars().take(column - 1).map(char::len_utf8).sum::<usize>()
    };
    let by_lines =
        text.get(byte(number("line"), number("column"))..byte(number("endLine"), number("endColumn"))).unwrap();
    assert_eq!(by_bytes, by_lines);
    by_bytes.to_owned()
}

#[test]
fn the_published_examples_underline_the_range_in_yaml_and_json() {
    for name in ["non-compliant.yaml", "non-compliant.json"] {
        let text = read(&format!("tests/fixtures/published-rule/{name}"));
        let underlined = underlined(name, &text);
        assert_eq!(underlined.len(), 2, "{underlined:?}");
        for finding in &underlined {
            let ports = finding.strip_prefix("port-range: ").unwrap();
            let (to, from) = ports.split_once(" | ").unwrap();
            assert!(from.parse::<u16>().unwrap() < to.parse::<u16>().unwrap(), "{finding}");
        }
    }
}

#[test]
fn every_kind_of_finding_underlines_its_value() {
    let text = read("tests/fixtures/check/cases.yaml");
    insta::assert_snapshot!("underlined", underlined("cases.yaml", &text).join("\n"));
}

#[test]
fn line_endings_and_byte_order_marks_move_nothing() {
    let text = read("tests/fixtures/check/cases.yaml");
    let plain = underlined("plain.yaml", &text);
    assert_eq!(underlined("crlf.yaml", &text.replace('\n', "\r\n")), plain);
    let folder = folder("mark", &[("t.yaml", &format!("\u{feff}{text}"))]);
    let (code, described) = check(&folder, &["t.yaml"]).described();
    assert_eq!(code, 1);
    assert!(described.contains("!Ref LastPort\n"), "{described}");
}

#[test]
fn the_terminal_shows_what_is_underlined() {
    let text = read("tests/fixtures/check/cases.yaml");
    let folder = folder("crlf", &[("t.yaml", &text.replace('\n', "\r\n")), ("cases.yaml", &text)]);
    let (_, crlf) = check(&folder, &["t.yaml"]).described();
    let (_, lf) = check(&folder, &["cases.yaml"]).described();
    assert_eq!(crlf.replace("t.yaml", "cases.yaml"), lf);
}

#[test]
fn a_template_on_one_long_line_is_reported_without_it() {
    let mut text = "{\"Resources\": {".to_owned();
    for n in 0..50 {
        let comma = if n == 0 { "" } else { "," };
        text.push_str(&format!(
            "{comma}\"R{n}\": {{\"Type\": \"AWS::EC2::SecurityGroupEgress\", \"Properties\": {{\"IpProtocol\": \"tcp\", \
             \"FromPort\": 1, \"ToPort\": {n}}}}}"
        ));
    }
    text.push_str("}}");
    let folder = folder("long", &[("t.json", &text)]);
    let (code, described) = check(&folder, &["t.json"]).described();
    assert_eq!(code, 1);
    assert!(described.contains("--> t.json:1:"), "{described}");
    assert!(described.lines().all(|line| line.len() < 300), "{described}");
    assert!(underlined("long.json", &text).iter().any(|finding| finding == "port-range: 49 | 1"));
}

#[test]
fn a_key_that_is_written_twice_says_what_it_decides_about() {
    let rule = "Type: AWS::EC2::SecurityGroupEgress\n    Properties: {GroupId: g, IpProtocol: tcp, FromPort: 1";
    let texts = [
        ("section", "Resources:\n  A: {Type: A::B::C}\nResources:\n  B: {Type: A::B::C}\n".to_owned()),
        ("resource", "Resources:\n  A: {Type: A::B::C}\n  A: {Type: A::B::D}\n".to_owned()),
        ("egress", format!("Resources:\n  R:\n    {rule}, ToPort: 2, ToPort: 1}}\n")),
        (
            "group",
            "Resources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupEgress: []\n      \
             SecurityGroupEgress: []\n"
                .to_owned(),
        ),
        ("other", format!("Metadata: {{a: 1, a: 2}}\nResources:\n  R:\n    {rule}, ToPort: 1}}\n")),
    ];
    let messages = texts.map(|(name, text)| {
        let folder = folder(&format!("twice-{name}"), &[("t.yaml", &text)]);
        let (code, described) = check(&folder, &["--strict"]).described();
        let line =
            described.lines().find(|line| line.starts_with("warning[key-twice]: ")).unwrap_or_default().to_owned();
        (code, line.replace("warning[key-twice]: ", ""))
    });
    let said = messages.each_ref().map(|(code, line)| (*code, line.as_str()));
    assert_eq!(
        said,
        [
            (
                0,
                "key `Resources` appears twice, on lines 1 and 3: CloudFormation uses the last one; it is a section of the template, \
                 and the first one is not checked"
            ),
            (
                0,
                "key `A` appears twice, on lines 2 and 3: CloudFormation uses the last one; `A` is a resource, and the first one is not checked"
            ),
            (
                0,
                "key `ToPort` appears twice, on line 4: CloudFormation uses the last one; it affects the egress rules of `R`, and the first one is not checked"
            ),
            (
                0,
                "key `SecurityGroupEgress` appears twice, on lines 5 and 6: CloudFormation uses the last one; it affects the egress rules of `G`, and the first one is not checked"
            ),
            (0, "key `a` appears twice, on line 1: CloudFormation uses the last one"),
        ]
    );
}

#[test]
fn a_number_that_parsers_read_differently_says_how() {
    let port = |port: &str| {
        format!(
            "Resources:\n  R:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties: {{GroupId: sg-1, CidrIp: \
             10.0.0.0/8, IpProtocol: tcp, FromPort: {port}, ToPort: {port}}}\n"
        )
    };
    for (number, says) in [
        ("0443", "which some parsers read as octal and others as decimal"),
        ("0x1bb", "which some parsers read as a number in another base and others as text"),
        ("4_43", "which some parsers read as a number without underscores and others as text"),
        ("7:23", "which some parsers read as a number in base 60 and others as text"),
        ("1e3", "which some parsers read as a number with an exponent and others as text"),
        ("1.10", "which some parsers read as a number and others as text"),
    ] {
        let folder = folder("numbers", &[("t.yaml", &port(number))]);
        let (_, described) = check(&folder, &["t.yaml"]).described();
        assert!(described.contains(&format!("FromPort is \"{number}\", {says},")), "{number}: {described}");
    }
}
