//! The same template in YAML's short form, in YAML's long form, and in JSON gives the same findings, each at the same
//! value.

use cfn_egress_guard_core::check::{CheckContext, check};
use cfn_egress_guard_core::rule::policy::{Date, Policy};
use cfn_egress_guard_core::rule::wording;
use cfn_egress_guard_core::source::{self, Document};
use cfn_egress_guard_core::template::Scope;
use cfn_egress_guard_core::value::{Kind, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const TODAY: Date = Date::of_unix_seconds(1_790_000_000);

/// Whether functions are written with tags.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Short,
    Long,
}

/// Writes a value as block YAML with every text quoted. If the value already has a tag, no second one is written.
fn block(value: &Json, form: Form, indent: usize, tagged: bool, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Json::Array(list) if !list.is_empty() => {
            for entry in list {
                out.push_str(&format!("\n{margin}-"));
                block(entry, form, indent + 2, false, out);
            }
        }
        Json::Object(map) if !map.is_empty() => {
            for (key, entry) in map {
                if let (Form::Short, false, 1, Some(tag)) = (form, tagged, map.len(), tag(key)) {
                    out.push_str(&format!(" {tag}"));
                    return match attribute(key, entry) {
                        Some(path) => out.push_str(&format!(" {path}")),
                        None => block(entry, form, indent, true, out),
                    };
                }
                out.push_str(&format!("\n{margin}{}:", Json::from(key.as_str())));
                block(entry, form, indent + 2, false, out);
            }
        }
        other => out.push_str(&format!(" {other}")),
    }
}

/// Returns the tag of a function; a loop has none.
fn tag(key: &str) -> Option<String> {
    match key {
        "Ref" | "Condition" => Some(format!("!{key}")),
        _ if key.starts_with("Fn::ForEach") => None,
        _ => key.strip_prefix("Fn::").map(|name| format!("!{name}")),
    }
}

/// Returns `[a, b]` of `Fn::GetAtt` as `a.b`.
fn attribute(key: &str, argument: &Json) -> Option<String> {
    let [resource, attribute] = argument.as_array().filter(|_| key == "Fn::GetAtt")?.as_slice() else { return None };
    Some(format!("{}.{}", resource.as_str()?, attribute.as_str()?))
}

/// Returns the content of a document, without places.
fn plain(value: &Value) -> Json {
    match &value.kind {
        Kind::Null => Json::Null,
        Kind::Bool(value) => json!(value),
        Kind::Integer(number) => json!(number),
        Kind::Float(number) => json!(number),
        Kind::String(text) => json!(text),
        Kind::List(list) => list.iter().map(plain).collect(),
        Kind::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.name.clone(), plain(value))).collect()),
        Kind::Ambiguous(text) => json!(text),
        Kind::Unknown(unknown) => panic!("a source knows everything: {unknown:?}"),
    }
}

/// Returns the value at a place, parsed again from the text alone; for a key, its name.
fn underlined(document: &Document, origin: cfn_egress_guard_core::path::Origin, text: &str) -> Json {
    let span = document.span(origin).unwrap();
    let written = span.text(text).unwrap();
    let alone = format!("value:\n{}{written}\n", " ".repeat(span.column.max(2) as usize - 1));
    let read = source::parse(&alone).unwrap_or_else(|error| panic!("{error}\n{alone}"));
    plain(read.root.get("value").unwrap())
}

/// Returns each finding: its statement, subject, conditions, and the values it points at.
fn findings(text: &str) -> Vec<String> {
    let document = source::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let policy = Policy::default();
    let checked = check(&document.root, &Scope::default(), &CheckContext::of(&policy, TODAY)).unwrap();
    let of_resource = |resource: &cfn_egress_guard_core::check::CheckedResource| -> Vec<String> {
        let tell = |located: &cfn_egress_guard_core::check::LocatedFinding| {
            let finding = &located.finding;
            let places = std::iter::once(located.place.primary).chain(located.place.related.iter().map(|it| it.0));
            let places: Vec<_> = places.map(|origin| underlined(&document, origin, text).to_string()).collect();
            format!(
                "{} {} {}: {} {:?} at {}",
                resource.logical_id,
                finding.path,
                finding.reason.code(),
                wording::statement(finding),
                located.when(),
                places.join(" | ")
            )
        };
        resource.findings.iter().map(tell).collect()
    };
    let mut described: Vec<String> = checked.resources.iter().flat_map(of_resource).collect();
    described.extend(checked.notes.iter().map(ToString::to_string));
    described
}

/// Returns the findings of a template, and asserts that they are the same in each form.
fn same_findings(template: &Json) -> Result<Vec<String>, TestCaseError> {
    let json = serde_json::to_string_pretty(template).unwrap();
    let in_json = findings(&json);
    for form in [Form::Short, Form::Long] {
        let mut yaml = String::new();
        block(template, form, 0, false, &mut yaml);
        prop_assert_eq!(&plain(&source::parse(&yaml).unwrap().root), template, "{}", yaml);
        prop_assert_eq!(&findings(&yaml), &in_json, "{}", yaml);
    }
    Ok(in_json)
}

fn any_port() -> BoxedStrategy<Json> {
    let known =
        || prop::sample::select(vec![json!(443), json!("443"), json!(8443), json!("http"), json!(-1), json!(null)]);
    let name = || prop::sample::select(vec!["IsProd", "IsEdge", "Nobody"]);
    let leaf = prop_oneof![
        3 => known(),
        4 => prop::sample::select(vec![
            json!({"Ref": "Port"}), json!({"Ref": "Open"}), json!({"Ref": "AWS::NoValue"}), json!({"Fn::Sub": "${Port}"}),
            json!({"Fn::Sub": ["4${Rest}", {"Rest": {"Ref": "Open"}}]}), json!({"Fn::GetAtt": ["Db", "Endpoint.Port"]}),
            json!({"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "Port"]}), json!({"Fn::FindInMap": ["Stages", "prod", "Port"]}),
            json!({"Fn::Select": [0, {"Ref": "Ports"}]}), json!({"Fn::Join": ["", ["4", {"Ref": "Rest"}]]}),
            json!({"Fn::Select": ["1", {"Fn::Split": ["-", "80-443"]}]}), json!({"Fn::ImportValue": {"Fn::Sub": "${Stage}-port"}}),
            json!({"Fn::Length": {"Fn::Split": [",", "a,b"]}}),
        ]),
    ];
    leaf.prop_recursive(2, 4, 2, move |inner| {
        (name(), inner.clone(), inner).prop_map(|(name, then, otherwise)| json!({"Fn::If": [name, then, otherwise]}))
    })
    .boxed()
}

fn any_entry() -> BoxedStrategy<Json> {
    let protocol =
        prop::sample::select(vec![json!("tcp"), json!("-1"), json!(-1), json!("icmp"), json!({"Ref": "Stage"})]);
    let entry = (protocol, any_port(), any_port()).prop_map(|(protocol, from, to)| {
        json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to, "CidrIp": {"Fn::Select": [0, {"Fn::Cidr": ["10.0.0.0/8", 2, 8]}]}})
    }).boxed();
    prop_oneof![
        4 => entry.clone(),
        1 => (entry.clone(), entry).prop_map(|(then, otherwise)| json!({"Fn::If": ["IsEdge", then, otherwise]})),
        1 => Just(json!({"Fn::If": ["IsProd", {"Ref": "AWS::NoValue"}, {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]})),
    ]
    .boxed()
}

fn any_egress() -> BoxedStrategy<Json> {
    let list = prop::collection::vec(any_entry(), 0..4).prop_map(Json::from).boxed();
    prop_oneof![
        4 => list.clone(),
        1 => (list.clone(), list).prop_map(|(then, otherwise)| json!({"Fn::If": ["IsProd", then, otherwise]})),
        1 => any_entry(),
    ]
    .boxed()
}

fn template(egress: &Json, rule: &Json) -> Json {
    json!({
        "Transform": "AWS::LanguageExtensions",
        "Parameters": {
            "Port": {"Type": "Number", "Default": 443}, "Open": {"Type": "Number"}, "Rest": {"Type": "String", "Default": "43"},
            "Stage": {"Type": "String"}, "Zone": {"Type": "String", "AllowedValues": ["edge", "core"]},
            "Ports": {"Type": "CommaDelimitedList", "Default": "443,80"},
        },
        "Mappings": {"Stages": {"prod": {"Port": 443}, "dev": {"Port": "8443"}}},
        "Conditions": {
            "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "IsEdge": {"Fn::And": [{"Fn::Equals": [{"Ref": "Zone"}, "edge"]}, {"Fn::Not": [{"Condition": "IsProd"}]}]},
        },
        "Resources": {
            "Sg": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x", "SecurityGroupEgress": egress}},
            "Rule": {"Type": "AWS::EC2::SecurityGroupEgress", "Condition": "IsEdge", "Properties": rule},
            "Fn::ForEach::Each": ["Each", {"Ref": "Ports"}, {"To${Each}": {
                "Type": "AWS::EC2::SecurityGroupEgress",
                "Properties": {"IpProtocol": "tcp", "FromPort": {"Ref": "Each"}, "ToPort": {"Fn::Sub": "${Each}"}},
            }}],
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_same_template_gives_the_same_findings_in_every_form(egress in any_egress(), rule in any_entry()) {
        same_findings(&template(&egress, &rule))?;
    }
}

#[test]
fn a_template_that_breaks_the_rule_in_every_way_does_so_in_every_form() {
    let port =
        |from: Json, to: Json| json!({"IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8"});
    let egress = json!([
        port(json!({"Ref": "Port"}), json!({"Fn::If": ["IsProd", 443, 8443]})),
        {"Fn::If": ["IsEdge", {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}, {"Ref": "AWS::NoValue"}]},
        port(json!({"Ref": "Open"}), json!({"Fn::Sub": "${Open}"})),
        port(json!({"Ref": "Open"}), json!({"Fn::GetAtt": ["Db", "Endpoint.Port"]})),
    ]);
    let rule = port(json!("http"), json!({"Ref": "AWS::NoValue"}));
    let described = same_findings(&template(&egress, &rule)).unwrap();
    assert_eq!(described.len(), 4, "{described:#?}");
    // serde_json sorts keys, so the rule comes before the group.
    for (described, expected) in described.iter().zip([
        r#"at "http""#,
        r#"Some("if `IsProd` is false") at 8443 | {"Ref":"Port"}"#,
        r#"Some("if `IsEdge` is true and `IsProd` is false") at "-1""#,
        "undetermined-value",
    ]) {
        assert!(described.contains(expected), "{described}\n{expected}");
    }
}
