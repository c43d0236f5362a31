use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::value::{Kind, plain};

fn read(text: &str) -> Json {
    match parse(text) {
        Ok(document) => plain(&document.root),
        Err(error) => panic!("{error}: {text}"),
    }
}

fn error(text: &str) -> SourceError {
    match parse(text) {
        Ok(document) => panic!("no error: {:?}", document.root),
        Err(error) => error,
    }
}

/// Returns the message, the underlined text, and the line of an error.
fn refusal(text: &str) -> (String, String, u32) {
    let error = error(text);
    let message = error.to_string();
    assert!(!message.contains('\n') && !message.ends_with('.'), "{message}");
    assert!(!error.help().is_empty() && !error.help().ends_with('.'));
    let span = error.span.unwrap_or_default();
    (message, span.text(text).unwrap_or_default().to_owned(), span.line)
}

#[test]
fn scalars_are_what_all_readers_agree_on() {
    for (text, expected) in [
        ("443", json!(443)),
        ("-1", json!(-1)),
        ("+443", json!(443)),
        ("0", json!(0)),
        ("443.0", json!(443.0)),
        ("443.5", json!(443.5)),
        ("443.00", json!(443.0)),
        ("0.5", json!(0.5)),
        ("1.5e+3", json!(1500.0)),
        ("99999999999999999999", json!(1e20)),
        (".", json!(".")),
        (".info", json!(".info")),
        ("-.a", json!("-.a")),
        ("-", json!([null])),
        ("1.2.3", json!("1.2.3")),
        ("2010-09-09", json!("2010-09-09")),
        ("y", json!("y")),
        ("N", json!("N")),
        ("yES", json!("yES")),
        // not numbers
        ("true", json!(true)),
        ("True", json!(true)),
        ("yes", json!(true)),
        ("Yes", json!(true)),
        ("ON", json!(true)),
        ("no", json!(false)),
        ("No", json!(false)),
        ("off", json!(false)),
        ("!!bool yes", json!(true)),
        ("'no'", json!("no")),
        ("!!str no", json!("no")),
        ("FALSE", json!(false)),
        ("null", json!(null)),
        ("Null", json!(null)),
        ("~", json!(null)),
        ("nULL", json!("nULL")),
        // quoted and blocks: always text
        ("'443'", json!("443")),
        ("\"443\"", json!("443")),
        ("'true'", json!("true")),
        ("'~'", json!("~")),
        ("|-\n  443", json!("443")),
        (">-\n  443", json!("443")),
        // tags
        ("!!str 443", json!("443")),
        ("! 443", json!("443")),
        ("!!int '443'", json!(443)),
        ("!!float 443", json!(443.0)),
        ("!!float 0443", json!({"ambiguous": "0443"})),
        ("!!null x", json!(null)),
        ("!!bool 'true'", json!(true)),
        ("!!null ''", json!(null)),
        ("!!map {a: 1}", json!({"a": 1})),
        ("!!seq [1]", json!([1])),
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
    assert_eq!(read("a:\nb: 1"), json!({"a": null, "b": 1}));
    // A boolean as a key becomes its text; the quoted word is a different key.
    assert_eq!(read("no: 1\nYes: 2\n'on': 3\nTrue: 4"), json!({"false": 1, "on": 3, "true": 4}));
    assert_eq!(read("{\"no\": \"no\"}"), json!({"no": "no"}));
}

#[test]
fn short_forms_become_long_forms() {
    for (text, expected) in [
        ("!Ref X", json!({"Ref": "X"})),
        ("!Ref 1", json!({"Ref": "1"})),
        ("!Condition C", json!({"Condition": "C"})),
        ("!GetAtt a.b", json!({"Fn::GetAtt": ["a", "b"]})),
        ("!GetAtt a.Outputs.b", json!({"Fn::GetAtt": ["a", "Outputs.b"]})),
        ("!GetAtt [a, b]", json!({"Fn::GetAtt": ["a", "b"]})),
        ("!Sub 'a-${B}'", json!({"Fn::Sub": "a-${B}"})),
        ("!Sub ['${B}', {B: 1}]", json!({"Fn::Sub": ["${B}", {"B": 1}]})),
        ("!GetAZs", json!({"Fn::GetAZs": ""})),
        ("!GetAZs ''", json!({"Fn::GetAZs": ""})),
        ("!ImportValue x", json!({"Fn::ImportValue": "x"})),
        ("!Base64 x", json!({"Fn::Base64": "x"})),
        ("!Base64\n  Fn::Sub: x", json!({"Fn::Base64": {"Fn::Sub": "x"}})),
        ("!Cidr [a, 1, 2]", json!({"Fn::Cidr": ["a", 1, 2]})),
        ("!FindInMap [a, !Ref b, c]", json!({"Fn::FindInMap": ["a", {"Ref": "b"}, "c"]})),
        ("!Select [0, !Split [',', a]]", json!({"Fn::Select": [0, {"Fn::Split": [",", "a"]}]})),
        ("!Join\n- ''\n- - a\n  - !Ref b", json!({"Fn::Join": ["", ["a", {"Ref": "b"}]]})),
        ("!If [C, !Ref 'AWS::NoValue', 1]", json!({"Fn::If": ["C", {"Ref": "AWS::NoValue"}, 1]})),
        (
            "!And [!Or [!Not [!Equals [a, b]]]]",
            json!({"Fn::And": [{"Fn::Or": [{"Fn::Not": [{"Fn::Equals": ["a", "b"]}]}]}]}),
        ),
        ("!Transform {Name: AWS::Include}", json!({"Fn::Transform": {"Name": "AWS::Include"}})),
        ("!Length [1]", json!({"Fn::Length": [1]})),
        ("!ToJsonString {a: 1}", json!({"Fn::ToJsonString": {"a": 1}})),
        (
            "!GetStackOutput\n  StackName: a\n  OutputName: b",
            json!({"Fn::GetStackOutput": {"StackName": "a", "OutputName": "b"}}),
        ),
        ("!ValueOf [a, b]", json!({"Fn::ValueOf": ["a", "b"]})),
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

#[test]
fn aliases_and_merge_keys_are_what_they_stand_for() {
    let text = "a: &a {x: 1, y: 2}\nb: *a\nc:\n  <<: *a\n  y: 3\nd:\n  z: 0\n  <<: [{y: 9}, *a]\n";
    assert_eq!(
        read(text),
        json!({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}, "c": {"y": 3, "x": 1}, "d": {"z": 0, "y": 9, "x": 1}})
    );
    assert_eq!(read("a: &k key\n*k : 1\n"), json!({"a": "key", "key": 1}));
    assert_eq!(read("\"<<\": 1\n"), json!({"<<": 1}));
    assert_eq!(read("{\"<<\": {\"a\": 1}}"), json!({"<<": {"a": 1}}));
    assert_eq!(read("- &a !Ref X\n- *a\n"), json!([{"Ref": "X"}, {"Ref": "X"}]));
    // an alias has the place of the anchor's value
    let document = parse(text).unwrap();
    let merged = document.root.get("c").unwrap().get("x").unwrap();
    assert_eq!(document.span(merged.origin).unwrap().line, 1);
}

#[test]
fn every_key_and_value_has_its_place() {
    let text = "Résources:\n  Sg:\n    Egress:\n      - FromPort: !If [C, 80, !Ref P]\n        ToPort: \"443\"\n      - {FromPort: 1,\n         ToPort: 2}\n    Next:\n";
    let document = parse(text).unwrap();
    let shown = |value: &Value| document.span(value.origin).unwrap().text(text).unwrap().to_owned();
    let sg = document.root.get("Résources").unwrap().get("Sg").unwrap();
    let egress = sg.get("Egress").unwrap().as_list().unwrap();
    assert_eq!(shown(&egress[0]), "FromPort: !If [C, 80, !Ref P]\n        ToPort: \"443\"");
    assert_eq!(shown(&egress[1]), "{FromPort: 1,\n         ToPort: 2}");
    let (key, from) = egress[0].as_map().unwrap().entry("FromPort").unwrap();
    assert_eq!(document.span(key.origin).unwrap(), Span { offset: 38, length: 8, line: 4, column: 9 });
    assert_eq!(shown(from), "!If [C, 80, !Ref P]");
    let branches = from.get("Fn::If").unwrap().as_list().unwrap();
    assert_eq!(shown(&branches[1]), "80");
    assert_eq!(shown(&branches[2]), "!Ref P");
    assert_eq!(shown(egress[0].get("ToPort").unwrap()), "\"443\"");
    assert!(shown(sg).ends_with("Next"));
    assert_eq!(document.span(Origin::NONE), None);
}

#[test]
fn byte_order_marks_and_windows_lines_are_read() {
    let text = "\u{feff}a: 1\r\nb:\r\n  - x\r\n";
    assert_eq!(read(text), json!({"a": 1, "b": ["x"]}));
    let document = parse(text).unwrap();
    let span = document.span(document.root.get("b").unwrap().as_list().unwrap()[0].origin).unwrap();
    assert_eq!((span.line, span.column, span.text(text)), (3, 5, Some("x")));
    let text = "\u{feff}{\"a\": [1,\r\n 2]}";
    assert_eq!(read(text), json!({"a": [1, 2]}));
    let document = parse(text).unwrap();
    assert_eq!(document.format, Format::Json);
    let span = document.span(document.root.get("a").unwrap().as_list().unwrap()[1].origin).unwrap();
    assert_eq!((span.line, span.column, span.text(text)), (2, 2, Some("2")));
}

#[test]
fn json_is_json() {
    let text = "{\"a\"\n:\t[1, -1, 1.5, 1e3, 0, true, null, \"0443\", \"\\u00e9\\/\\ud83d\\ude00\"], \"b\": {}}";
    assert_eq!(read(text), json!({"a": [1, -1, 1.5, 1000.0, 0, true, null, "0443", "é/😀"], "b": {}}));
    let text = "\t{\n\t\t\"a\": [\n\t\t\t1\n\t\t]\n\t}\n";
    assert_eq!(read(text), json!({"a": [1]}));
    let long_key = format!("{{\"{}\": 1}}", "k".repeat(900));
    assert!(parse(&long_key).is_ok());
    for (text, expected, underlined, line) in [
        ("{\"a\" 1}", "this is not valid JSON: expected `:`", "1", 1),
        ("{\"a\": 1", "this is not valid JSON: EOF while parsing an object", "1", 1),
        ("{} {}", "this is not valid JSON: trailing characters", "{", 1),
    ] {
        assert_eq!(refusal(text), (expected.to_owned(), underlined.to_owned(), line), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_in_words() {
    for (text, expected, underlined, line) in [
        ("", "the file is empty", "", 0),
        ("# nothing\n", "the file is empty", "", 0),
        ("a: 1\n---\nb: 1\n", "the file has more than one YAML document", "---", 2),
        ("? [a]\n: 1\n", "a key is a list or an object", "[", 1),
        ("a: !Reff x\n", "`!Reff` is not a CloudFormation function", "!Reff", 1),
        ("a: !Rain::Embed x\n", "`!Rain::Embed` is not a CloudFormation function", "!Rain::Embed", 1),
        ("a: !!binary x\n", "CloudFormation does not support tag `!!binary`", "!!binary", 1),
        ("a: !!set {x}\n", "CloudFormation does not support tag `!!set`", "!!set", 1),
        ("a: !!int abc\n", "tag `!!int` does not match its value", "!!int", 1),
        ("a: !!str [x]\n", "tag `!!str` does not match its value", "!!str", 1),
        ("!Ref a: 1\n", "tag `!Ref` does not match its value", "!Ref", 1),
        ("a: *b\n", "alias `*b` has no anchor before it", "*b", 1),
        ("a: &a [*a]\n", "an alias is inside the value that it refers to", "*a", 1),
        ("<<: 1\n", "the value of the merge key `<<` is not an object", "<<", 1),
        ("a: [1, 2\n", "this is not valid YAML: unclosed bracket '['", "[", 1),
        ("a: b: c\n", "this is not valid YAML: mapping values are not allowed in this context", ":", 1),
    ] {
        let (message, place, at) = refusal(text);
        assert_eq!((message.as_str(), place.as_str(), at), (expected, underlined, line), "{text}");
    }
    assert!(error("a:\n\t- b\n").to_string().starts_with("this is not valid YAML: "));
}

#[test]
fn many_keys_are_distinguished() {
    let mut text: String = (0..20_000).map(|key| format!("k{key}: 1\n")).collect();
    assert!(parse(&text).is_ok());
    text.push_str("k7: 2\n");
    let document = parse(&text).unwrap();
    assert_eq!(warnings(&document), ["key `k7` appears twice, on lines 8 and 20001: CloudFormation uses the last one"]);
    assert_eq!(document.root.get("k7").unwrap().kind, Kind::Integer(2));
}

#[test]
fn bombs_are_refused_at_once() {
    let billion_laughs = {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..40 {
            let before = level - 1;
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 9].join(", ")));
        }
        text
    };
    let merges = {
        let mut text =
            format!("a0: &a0 {{{}}}\n", (0..2000).map(|k| format!("k{k}: 1")).collect::<Vec<_>>().join(", "));
        for level in 1..2000 {
            text.push_str(&format!("a{level}: {{<<: *a0}}\n"));
        }
        text
    };
    let anchors =
        (0..120).fold(format!("[{}]", vec!["1"; 5000].join(",")), |text, anchor| format!("&a{anchor} [{text}]"));
    let deepening = {
        let mut text = format!("a0: &a0 {}x{}\n", "[".repeat(100), "]".repeat(100));
        for level in 1..20 {
            text.push_str(&format!("a{level}: &a{level} {}*a{}{}\n", "[".repeat(100), level - 1, "]".repeat(100)));
        }
        text
    };
    for (name, text, expected) in [
        ("billion laughs", billion_laughs, SourceErrorKind::TooManyValues),
        ("merges", merges, SourceErrorKind::TooManyValues),
        ("anchors in anchors", anchors, SourceErrorKind::TooManyValues),
        ("deepening aliases", deepening, SourceErrorKind::TooDeep),
        ("flow nesting", "[".repeat(10_000), SourceErrorKind::TooDeep),
        (
            "flow maps",
            "{a: ".repeat(10_000),
            SourceErrorKind::Syntax { format: Format::Json, detail: "key must be a string".to_owned() },
        ),
        ("json nesting", format!("{{\"a\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000)), SourceErrorKind::TooDeep),
        ("json objects", format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)), SourceErrorKind::TooDeep),
        ("block nesting", "- ".repeat(10_000), SourceErrorKind::TooDeep),
        (
            "block and flow",
            format!("{}{}x{}", "- ".repeat(100), "[".repeat(100), "]".repeat(100)),
            SourceErrorKind::TooDeep,
        ),
        ("functions", format!("{}x{}", "!Not [".repeat(100), "]".repeat(100)), SourceErrorKind::TooDeep),
        ("many values", format!("[{}]", "1,".repeat(MAX_NODES)), SourceErrorKind::TooManyValues),
        (
            "aliases of a long text",
            format!("a: &a {}\nb: [{}]", "x".repeat(20_000), "*a,".repeat(20_000)),
            SourceErrorKind::TooManyValues,
        ),
        (
            "aliases of an object with a long key",
            format!("a: &a {{{}: 1}}\nb: [{}]", "x".repeat(1_000), "*a,".repeat(20_000)),
            SourceErrorKind::TooManyValues,
        ),
        ("long", "#".repeat(MAX_BYTES + 1), SourceErrorKind::TooLong { bytes: MAX_BYTES + 1 }),
    ] {
        assert_eq!(error(&text).problem, expected, "{name}");
    }
    assert!(parse(&format!("{}x{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))).is_ok());
}

/// Characters that YAML calls printable. JSON may contain others, but here only escaped.
const TEXT: &str = "[ -~\n\t\u{a0}-\u{d7ff}\u{1f600}-\u{1f64f}]{0,12}";
const KEY: &str = "[A-Za-z:]{1,8}|[ -~\n\u{a0}-\u{d7ff}]{0,4}";

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1e9..1e9).prop_map(|number: f64| json!(number)),
        TEXT.prop_map(Json::from),
        r"(0x?)?[0-9_.e+:-]{1,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(KEY, inner, 0..6).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// Generates JSON in any spelling: white space, escapes, repeated keys.
fn any_spelling() -> impl Strategy<Value = String> {
    const SPACE: &str = "[ \n\t]{0,3}|\r\n";
    let text = || {
        prop_oneof![
            TEXT.prop_map(|text| Json::from(text).to_string()),
            "[a-c]".prop_map(|text| format!("\"{text}\"")),
            r#""(\\["\\/bfnrt]|\\u00[0-9a-fA-F]{2}|\\ud83d\\ude0[0-9]|[a-zé😀 ]){0,6}""#,
        ]
    };
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        text(),
    ];
    let value = leaf.prop_recursive(5, 40, 5, move |inner| {
        let list = prop::collection::vec((SPACE, inner.clone(), SPACE), 0..5);
        let object = prop::collection::vec((SPACE, text(), SPACE, SPACE, inner, SPACE), 0..5);
        prop_oneof![
            (SPACE, list).prop_map(|(space, list)| {
                let list: Vec<_> = list.into_iter().map(|(before, entry, behind)| before + &entry + &behind).collect();
                format!("[{space}{}]", list.join(","))
            }),
            (SPACE, object).prop_map(|(space, object)| {
                let entry = |(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}");
                format!("{{{space}{}}}", object.into_iter().map(entry).collect::<Vec<_>>().join(","))
            }),
        ]
    });
    (prop::bool::ANY, SPACE, value, SPACE).prop_map(|(mark, before, value, behind)| {
        format!("{}{before}{{\"value\": {value}}}{behind}", if mark { "\u{feff}" } else { "" })
    })
}

/// Asserts that JSON is YAML: the JSON reader agrees with the YAML reader on every value, every place, and every error.
fn assert_reads_as_yaml(text: &str) {
    let places = |BuiltDocument { root, spans, warnings }: BuiltDocument| format!("{root:?} {spans:?} {warnings:?}");
    match build::read_into(build::DocumentBuilder::new(Format::Json), text, &mut dash::Dashes::default()) {
        // The YAML reader does not accept characters that are not printable, or keys of a thousand characters.
        Err(SourceError { problem: SourceErrorKind::Syntax { .. }, .. }) => {}
        by_yaml => assert_eq!(json::document(text).map(places), by_yaml.map(places), "{text}"),
    }
}

#[test]
fn json_is_read_as_yaml_reads_it() {
    let nested = format!("{{\"a\":{}}}", "[".repeat(200) + &"]".repeat(200));
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(MAX_NODES));
    for text in [
        include_str!("../../tests/fixtures/published-rule/non-compliant.json"),
        include_str!("../../tests/fixtures/published-rule/compliant.json"),
        include_str!("../../tests/fixtures/nested/cdk.template.json"),
        include_str!("../../tests/fixtures/sarif/sarif-schema-2.1.0.json"),
        "{\"<<\": {\"a\": 1}, \"b\": {\"<<\": [1]}}",
        "{\"é\": \"😀\\\"\\\\\", \"f\": 1e999, \"a\": -0,\r\n\"b\":\t[ ]}",
        "{\"a\": {\"b\": 1, \"c\": 2,\n\"b\": 3}}",
        &nested,
        &many,
    ] {
        assert_reads_as_yaml(text);
    }
}

#[test]
fn json_may_hold_what_yaml_may_not() {
    let key = "k".repeat(5_000);
    let text = format!("{{\"{key}\": \"\u{7f}\u{9f}\u{fffe}\"}}");
    assert_eq!(read(&text), json!({key: "\u{7f}\u{9f}\u{fffe}"}));
    let text = "{\"a\":\n [\"x\", \"\\ud83d\"]}";
    let problem = SourceErrorKind::Unreadable { detail: "unexpected end of hex escape".to_owned() };
    assert_eq!((error(text).problem, error(text).span.unwrap().line), (problem, 2));
}

/// Writes a value as block YAML with every text quoted.
fn block(value: &Json, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Json::Array(list) if !list.is_empty() => {
            for entry in list {
                out.push_str(&format!("\n{margin}-"));
                block(entry, indent + 2, out);
            }
        }
        Json::Object(map) if !map.is_empty() => {
            for (key, entry) in map {
                out.push_str(&format!("\n{margin}{}:", Json::from(key.as_str())));
                block(entry, indent + 2, out);
            }
        }
        Json::Number(number) if number.is_f64() => {
            let digits = format!("{:.6}", number.as_f64().unwrap());
            let (whole, fraction) = digits.split_once('.').unwrap();
            let fraction = fraction.trim_end_matches('0');
            out.push_str(&format!(" {whole}.{}", if fraction.is_empty() { "0" } else { fraction }));
        }
        other => out.push_str(&format!(" {other}")),
    }
}

fn rounded(value: &Json) -> Json {
    match value {
        Json::Number(number) if number.is_f64() => {
            json!(format!("{:.6}", number.as_f64().unwrap()).parse::<f64>().unwrap())
        }
        Json::Array(list) => list.iter().map(rounded).collect(),
        Json::Object(map) => Json::Object(map.iter().map(|(key, value)| (key.clone(), rounded(value))).collect()),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn reading_is_total(text in "\\PC*|[-a-c:&*!<{}\\[\\],'\"|>#~ \n\t\r0-9.]{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn json_reads_as_serde_json_does(value in any_json()) {
        let text = json!({"value": value}).to_string();
        prop_assert_eq!(read(&text), json!({"value": value}));
    }

    #[test]
    fn json_in_any_spelling_is_read_as_yaml_reads_it(text in any_spelling()) {
        assert_reads_as_yaml(&text);
    }

    #[test]
    fn block_yaml_reads_as_the_same_json(value in any_json()) {
        let mut text = "\"value\":".to_owned();
        block(&value, 2, &mut text);
        prop_assert_eq!(read(&text), json!({"value": rounded(&value)}), "{}", text);
    }
}

fn warnings(document: &Document) -> Vec<String> {
    document.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn numbers_that_readers_differ_on_are_none() {
    for text in ["0443", "-0443", "0x1BB", "0o17", "0b11", "1_000", "7:23", "190:20:30.5", "1e3", "1.5e3", "08", "00.5"]
    {
        assert_eq!(read(text), json!({"ambiguous": text}), "{text}");
        assert_eq!(read(&format!("'{text}'")), json!(text), "{text}");
        assert_eq!(read(&format!("!!str {text}")), json!(text), "{text}");
    }
    for text in ["1:60", "a1:20", "1:2:3:x", "0xg", "1__", "12-34", "1.2.3", "2001:db8::1", "0o9"] {
        let expected = if text == "1__" { json!({"ambiguous": text}) } else { json!(text) };
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn of_a_key_that_is_written_twice_the_last_value_counts() {
    for text in ["a: 1\nb: 2\na: 3\n", "{\"a\": 1, \"b\": 2,\n\n\"\\u0061\": 3}", "{a: 1, b: 2,\n\na: 3}"] {
        let document = parse(text).unwrap();
        assert_eq!(plain(&document.root), json!({"a": 3, "b": 2}), "{text}");
        assert!(
            warnings(&document)
                .contains(&"key `a` appears twice, on lines 1 and 3: CloudFormation uses the last one".to_owned())
        );
        let twice = document.warnings.iter().find(|warning| matches!(warning, Warning::KeyTwice { .. })).unwrap();
        assert_eq!(twice.span().line, 3);
        let Warning::KeyTwice { value, .. } = twice else { panic!() };
        assert_eq!(document.span(*value).unwrap().text(text), Some("3"), "the value that counts");
    }
    let thrice = parse("a: 1\na: 2\na: 3\n").unwrap();
    assert_eq!((plain(&thrice.root), thrice.warnings.len()), (json!({"a": 3}), 2));
    // A merged key is not a repeated key.
    assert!(parse("x: &x {a: 1}\ny: {<<: *x, a: 2}").unwrap().warnings.is_empty());
}

#[test]
fn json_that_is_not_strict_is_read_with_a_warning() {
    for (text, expected) in [
        ("{\"a\": [1, 2,],}", json!({"a": [1, 2]})),
        ("{\"a\": 1 // c, {\n}", json!({"a": 1})),
        ("// first\n{\"a\": /* \" */ \"/* x */\", \"b\": \"//\"}", json!({"a": "/* x */", "b": "//"})),
        ("{\n\t\"a\": 1, # c\n\t\"b\": \"é\\\"//\",\n}\n", json!({"a": 1, "b": "é\"//"})),
        ("{'a': 'b'}", json!({"a": "b"})),
    ] {
        let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(plain(&document.root), expected, "{text}");
        assert!(warnings(&document)[0].starts_with("this is not strict JSON: "), "{text}");
    }
    for (text, says) in [("{\"a\": 1} x", "trailing"), ("{\"a\": [1}", ""), ("{\"a\": /* 1}", "")] {
        let refused = error(text).to_string();
        assert!(
            refused.starts_with("this is not valid JSON") && refused.contains(says) || says.is_empty(),
            "{refused}"
        );
    }
}

#[test]
fn what_only_yaml_1_1_takes_is_read_with_its_places() {
    for (text, expected) in [
        ("a: {b: [c]}# why\nd: \"e\"# f\n", json!({"a": {"b": ["c"]}, "d": "e"})),
        ("a: {Fn::If:[B, 1, {c:{d: 2}}]}\n", json!({"a": {"Fn::If": ["B", 1, {"c": {"d": 2}}]}})),
        ("a: b # c\u{2028}d: e\n", json!({"a": "b", "d": "e"})),
        ("a: b\u{85}d: [é,\u{2029} e]\n", json!({"a": "b", "d": ["é", "e"]})),
        ("a: 'b\u{2028}c'\n", json!({"a": "b c"})),
        ("a: b\u{2028}c\n", json!({"a": "b\u{2028}c"})),
        (
            "a: [-]# [-, b]\nc: |\n  [ -, b]# x\nd: \"[-, b]# e\"\n",
            json!({"a": ["-"], "c": "[ -, b]# x\n", "d": "[-, b]# e"}),
        ),
        ("a: {b:[-, c]}# d\n", json!({"a": {"b": ["-", "c"]}})),
        ("a: ! [1]\nb: ! {c: 1}\n", json!({"a": [1], "b": {"c": 1}})),
        ("<<: {a: 1, b: 1}\n<<: [{a: 2}, {a: 3, c: 3}]\n", json!({"a": 2, "c": 3, "b": 1})),
    ] {
        let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(plain(&document.root), expected, "{text}");
        for span in &document.spans {
            assert_eq!(*span, Span::of(text, span.offset as usize..span.end() as usize), "{text}");
        }
    }
    let document = parse("a: {Fn::If:[B, 1, {c:{d: 2}}]}\n").unwrap();
    let inner = document.root.get("a").unwrap().get("Fn::If").unwrap().as_list().unwrap()[2].get("c").unwrap();
    assert_eq!(document.span(inner.origin).unwrap().text("a: {Fn::If:[B, 1, {c:{d: 2}}]}\n"), Some("{d: 2}"));
}

#[test]
fn reading_again_ends() {
    for text in ["a: [b]#c\n".repeat(2_000), "a: '[-,'\nb: [-\n".to_owned(), "[-,".repeat(100), "{a:[".repeat(50)] {
        let _ = parse(&format!("x: 1\n{text}"));
    }
}

#[test]
fn a_dash_between_brackets_is_text() {
    let text = "N: !Join [-, [a, b]]\nM: [x, - , \"-\"]\n";
    let document = parse(text).unwrap();
    assert_eq!(plain(&document.root), json!({"N": {"Fn::Join": ["-", ["a", "b"]]}, "M": ["x", "-", "-"]}));
    let dash = &document.root.get("M").unwrap().as_list().unwrap()[1];
    assert_eq!(document.span(dash.origin).unwrap().text(text), Some("-"));
}

#[test]
fn spans_in_order_are_those_of_each_range() {
    let text = "a: é\n\n  b: [1,\n 2]\nlast";
    let ranges = [0..1, 0..0, 3..4, 4..6, 6..7, 6..99, 9..10, 17..18, 99..100];
    let each: Vec<Span> = ranges.iter().map(|range| Span::of(text, range.clone())).collect();
    assert_eq!(Span::of_sorted(text, ranges).collect::<Vec<_>>(), each);
}

/// A message shows an author's text on one line, without characters that hide or reorder text.
#[test]
fn an_error_shows_no_hidden_characters() {
    let error = parse("Resources:\n  A: *x\u{202e}y\u{200b}\n").unwrap_err().to_string();
    assert!(!error.contains(['\u{202e}', '\u{200b}']), "{error:?}");
}
