use super::*;

/// Declarations that the functions of these tests refer to.
const DECLARED: &str = r#"
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::LanguageExtensions
Parameters:
  Port: {Type: Number, Default: 443}
  Text: {Type: String, Default: 'a,b'}
  Ports: {Type: CommaDelimitedList, Default: '80, 443'}
  Numbers: {Type: List<Number>, Default: '1,2'}
  Octal: {Type: String, Default: 0443}
  Open: {Type: Number}
  OpenList: {Type: CommaDelimitedList}
  Vpc: {Type: 'AWS::EC2::VPC::Id', Default: vpc-1}
  Ssm: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /port}
  SsmList: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /ports}
  Secret: {Type: String, NoEcho: true, Default: hunter2}
  OnlyOne: {Type: Number, AllowedValues: [443]}
Mappings:
  Stages:
    prod: {Port: 443, List: [80, 443]}
    dev: {Port: '8443'}
Conditions:
  Yes: !Equals [a, a]
  No: !Equals [a, b]
Resources:
  Other: {Type: 'AWS::SNS::Topic'}
  Db: {Type: 'AWS::RDS::DBInstance'}
"#;

fn scope() -> Scope {
    Scope { account: Some("123456789012".into()), region: Some("eu-west-1".into()), ..Scope::default() }
}

/// Returns the value of resource `X`'s only property.
fn value(yaml: &str) -> Json {
    let text =
        format!("{DECLARED}  X:\n    Type: A::B::C\n    Properties:\n      P: {}\n", yaml.replace('\n', "\n        "));
    only(&text, &scope())["P"].clone()
}

/// Returns the same value from a JSON template.
fn value_from_json(yaml: &str) -> Json {
    let document = read(&format!("P: {}\n", yaml.replace('\n', "\n  ")));
    let mut template = plain(&read(&format!("{DECLARED}  X: {{Type: 'A::B::C', Properties: {{}}}}\n")).root);
    template["Resources"]["X"]["Properties"] = plain(&document.root);
    only(&template.to_string(), &scope())["P"].clone()
}

fn unknown(shown: &str) -> Json {
    json!({"?": shown})
}

#[test]
fn every_function_in_every_form() {
    for (short, long, expected) in [
        ("!Ref Port", "{Ref: Port}", json!("443")),
        ("!Ref Text", "{Ref: Text}", json!("a,b")),
        ("!Ref Ports", "{Ref: Ports}", json!(["80", "443"])),
        ("!Ref Numbers", "{Ref: Numbers}", json!(["1", "2"])),
        ("!Ref Octal", "{Ref: Octal}", unknown("!Ref Octal")),
        ("!Ref Vpc", "{Ref: Vpc}", json!("vpc-1")),
        ("!Ref Open", "{Ref: Open}", unknown("!Ref Open")),
        ("!Ref OpenList", "{Ref: OpenList}", unknown("!Ref OpenList")),
        ("!Ref OnlyOne", "{Ref: OnlyOne}", json!("443")),
        ("!Ref Ssm", "{Ref: Ssm}", unknown("!Ref Ssm")),
        ("!Ref SsmList", "{Ref: SsmList}", unknown("!Ref SsmList")),
        ("!Ref Secret", "{Ref: Secret}", unknown("!Ref Secret")),
        ("!Ref Other", "{Ref: Other}", unknown("!Ref Other")),
        ("!Ref Nobody", "{Ref: Nobody}", unknown("!Ref Nobody")),
        ("!Ref AWS::Region", "{Ref: 'AWS::Region'}", json!("eu-west-1")),
        ("!Ref AWS::Partition", "{Ref: 'AWS::Partition'}", json!("aws")),
        ("!Ref AWS::URLSuffix", "{Ref: 'AWS::URLSuffix'}", json!("amazonaws.com")),
        ("!Ref AWS::AccountId", "{Ref: 'AWS::AccountId'}", json!("123456789012")),
        ("!Ref AWS::StackName", "{Ref: 'AWS::StackName'}", unknown("!Ref AWS::StackName")),
        ("!Ref AWS::NotificationARNs", "{Ref: 'AWS::NotificationARNs'}", unknown("!Ref AWS::NotificationARNs")),
        ("!Ref {Ref: Text}", "{Ref: {'Fn::Sub': '${Text}'}}", unknown("!Ref a,b")),
        ("!GetAtt Db.Endpoint.Port", "{'Fn::GetAtt': [Db, Endpoint.Port]}", unknown("!GetAtt Db.Endpoint.Port")),
        ("!GetAtt [Db, Endpoint.Port]", "{'Fn::GetAtt': Db.Endpoint.Port}", unknown("!GetAtt Db.Endpoint.Port")),
        ("!GetAtt [Db, !Ref Open]", "{'Fn::GetAtt': [Db, {Ref: Open}]}", unknown("!GetAtt [Db, !Ref Open]")),
        ("!Sub '${Port}'", "{'Fn::Sub': '${Port}'}", json!("443")),
        ("!Sub ['${A}${Port}', {A: 1}]", "{'Fn::Sub': ['${A}${Port}', {A: 1}]}", json!("1443")),
        ("!Sub 'a${!Port}b'", "{'Fn::Sub': 'a${!Port}b'}", json!("a${Port}b")),
        ("!Sub '${Open}'", "{'Fn::Sub': '${Open}'}", unknown("!Ref Open")),
        ("!Sub '${Db.Endpoint.Port}'", "{'Fn::Sub': ['${Db.Endpoint.Port}', {}]}", unknown("!GetAtt Db.Endpoint.Port")),
        ("!Sub '4${Open}'", "{'Fn::Sub': '4${Open}'}", unknown("!Sub 4${Open}")),
        (
            "!Sub ['${A}', {A: !GetAtt Db.Port}]",
            "{'Fn::Sub': ['${A}', {A: {'Fn::GetAtt': [Db, Port]}}]}",
            unknown("!GetAtt Db.Port"),
        ),
        ("!Sub '${AWS::NoValue}x'", "{'Fn::Sub': '${AWS::NoValue}x'}", json!("x")),
        ("!Sub '${Ports}'", "{'Fn::Sub': '${Ports}'}", unknown("a list")),
        ("!Join ['', [44, '3']]", "{'Fn::Join': ['', [44, '3']]}", json!("443")),
        ("!Join ['-', [a, true, 1.5]]", "{'Fn::Join': ['-', [a, true, 1.5]]}", json!("a-true-1.5")),
        ("!Join [',', !Ref Ports]", "{'Fn::Join': [',', {Ref: Ports}]}", json!("80,443")),
        ("!Join ['', [!Ref Open]]", "{'Fn::Join': ['', [{Ref: Open}]]}", unknown("!Ref Open")),
        ("!Join ['', [!Ref AWS::NoValue, a]]", "{'Fn::Join': ['', [{Ref: 'AWS::NoValue'}, a]]}", json!("a")),
        ("!Join [',', !Ref OpenList]", "{'Fn::Join': [',', {Ref: OpenList}]}", unknown("!Join [,, !Ref OpenList]")),
        ("!Split [',', !Ref Text]", "{'Fn::Split': [',', {Ref: Text}]}", json!(["a", "b"])),
        ("!Split [',', !Ref Open]", "{'Fn::Split': [',', {Ref: Open}]}", unknown("!Split [,, !Ref Open]")),
        ("!Select [1, !Ref Ports]", "{'Fn::Select': [1, {Ref: Ports}]}", json!("443")),
        ("!Select ['0', [80, 443]]", "{'Fn::Select': ['0', [80, 443]]}", json!(80)),
        ("!Select [0, !Split ['-', 443-444]]", "{'Fn::Select': [0, {'Fn::Split': ['-', 443-444]}]}", json!("443")),
        ("!Select [0, [!Ref Open, 1]]", "{'Fn::Select': [0, [{Ref: Open}, 1]]}", unknown("!Ref Open")),
        ("!Select [2, !Ref Ports]", "{'Fn::Select': [2, {Ref: Ports}]}", unknown("!Select [2, [80, 443]]")),
        ("!Select [0, !Ref OpenList]", "{'Fn::Select': [0, {Ref: OpenList}]}", unknown("!Select [0, !Ref OpenList]")),
        ("!FindInMap [Stages, prod, Port]", "{'Fn::FindInMap': [Stages, prod, Port]}", json!(443)),
        (
            "!FindInMap [Stages, !Sub dev, !Join ['', [Po, rt]]]",
            "{'Fn::FindInMap': [Stages, {'Fn::Sub': dev}, {'Fn::Join': ['', [Po, rt]]}]}",
            json!("8443"),
        ),
        ("!FindInMap [Stages, prod, List]", "{'Fn::FindInMap': [Stages, prod, List]}", json!([80, 443])),
        (
            "!FindInMap [Stages, !Ref Open, Port]",
            "{'Fn::FindInMap': [Stages, {Ref: Open}, Port]}",
            unknown("!FindInMap [Stages, !Ref Open, Port]"),
        ),
        (
            "!FindInMap [Stages, test, Port]",
            "{'Fn::FindInMap': [Stages, test, Port]}",
            unknown("!FindInMap [Stages, test, Port]"),
        ),
        (
            "!FindInMap [Stages, test, Port, {DefaultValue: !Ref Port}]",
            "{'Fn::FindInMap': [Stages, test, Port, {DefaultValue: {Ref: Port}}]}",
            json!("443"),
        ),
        (
            "!FindInMap [Stages, prod, Port, {DefaultValue: 1}]",
            "{'Fn::FindInMap': [Stages, prod, Port, {DefaultValue: 1}]}",
            json!(443),
        ),
        ("!If [Yes, 80, 443]", "{'Fn::If': [Yes, 80, 443]}", json!(80)),
        ("!If [No, 80, !Ref Port]", "{'Fn::If': [No, 80, {Ref: Port}]}", json!("443")),
        ("!Base64 abc", "{'Fn::Base64': abc}", json!("YWJj")),
        ("!Base64\n  Fn::Sub: '${Port}'", "{'Fn::Base64': {'Fn::Sub': '${Port}'}}", json!("NDQz")),
        ("!Base64\n  Ref: Open", "{'Fn::Base64': {Ref: Open}}", unknown("!Base64 !Ref Open")),
        ("!Length [a, b]", "{'Fn::Length': [a, b]}", json!(2)),
        ("!Length\n  Ref: Ports", "{'Fn::Length': {Ref: Ports}}", json!(2)),
        ("!Length\n  Ref: OpenList", "{'Fn::Length': {Ref: OpenList}}", unknown("!Length !Ref OpenList")),
        (
            "!ToJsonString {a: [1, !Ref Port]}",
            "{'Fn::ToJsonString': {a: [1, {Ref: Port}]}}",
            json!(r#"{"a":[1,"443"]}"#),
        ),
        ("!ToJsonString [!Ref Open]", "{'Fn::ToJsonString': [{Ref: Open}]}", unknown("!ToJsonString [!Ref Open]")),
        ("!Cidr [10.0.0.0/16, 2, 8]", "{'Fn::Cidr': [10.0.0.0/16, 2, 8]}", unknown("!Cidr [10.0.0.0/16, 2, 8]")),
        ("!GetAZs", "{'Fn::GetAZs': ''}", unknown("!GetAZs eu-west-1")),
        ("!GetAZs eu-west-1", "{'Fn::GetAZs': {Ref: 'AWS::Region'}}", unknown("!GetAZs eu-west-1")),
        ("!ImportValue port", "{'Fn::ImportValue': port}", unknown("!ImportValue port")),
        (
            "!ImportValue\n  Fn::Sub: '${Port}-x'",
            "{'Fn::ImportValue': {'Fn::Sub': '${Port}-x'}}",
            unknown("!ImportValue 443-x"),
        ),
        (
            "!GetStackOutput {OutputName: b, StackName: a}",
            "{'Fn::GetStackOutput': {OutputName: b, StackName: a}}",
            unknown("!GetStackOutput {OutputName: b, StackName: a}"),
        ),
        ("!Transform {Name: Mine}", "{'Fn::Transform': {Name: Mine}}", unknown("!Transform {Name: Mine}")),
        ("!ValueOf [a, b]", "{'Fn::ValueOf': [a, b]}", unknown("!ValueOf [a, b]")),
        ("!Select x", "{'Fn::Select': x}", unknown("Fn::Select")),
        ("!If [Yes, 1]", "{'Fn::If': [Yes, 1]}", unknown("Fn::If")),
        ("!Sub [1]", "{'Fn::Sub': [1]}", unknown("Fn::Sub")),
        ("{'Fn::Nothing': 1}", "{'Fn::Nothing': 1}", unknown("!Nothing 1")),
        // not functions: several keys, or keys of IAM
        ("{Ref: Port, x: 1}", "{Ref: Port, x: 1}", json!({"Ref": "Port", "x": 1})),
        ("{Condition: Yes}", "{Condition: Yes}", json!({"Condition": true})),
    ] {
        assert_eq!(value(short), expected, "short form {short}");
        assert_eq!(value(long), expected, "long form {long}");
        assert_eq!(value_from_json(short), expected, "JSON of {short}");
        assert_eq!(value_from_json(long), expected, "JSON of {long}");
    }
}

#[test]
fn no_value_removes_what_it_stands_for() {
    for (written, expected) in [
        ("[1, !Ref 'AWS::NoValue', 2]", json!([1, 2])),
        ("{a: !Ref 'AWS::NoValue', b: 1}", json!({"b": 1})),
        ("[!If [Yes, !Ref 'AWS::NoValue', 1], !If [No, 1, {a: !Ref 'AWS::NoValue'}]]", json!([{}])),
    ] {
        assert_eq!(value(written), expected);
    }
    assert_eq!(value("!If [Yes, !Ref 'AWS::NoValue', [1]]"), Json::Null);
}

/// Returns the unknowns that represent two values.
fn pair(left: &str, right: &str) -> (crate::rule::Unknown, crate::rule::Unknown) {
    let text = format!("{DECLARED}  X:\n    Type: A::B::C\n    Properties: {{L: {left}, R: {right}}}\n");
    let document = read(&text);
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let evaluated = template.evaluate(template.resource("X").unwrap());
    let unknown = |name: &str| match &evaluated.worlds[0].properties.get(name).unwrap().kind {
        Kind::Unknown(unknown) => unknown.clone(),
        other => panic!("{left} {right}: {other:?}"),
    };
    (unknown("L"), unknown("R"))
}

#[test]
fn the_same_unknown_is_the_same_in_every_spelling() {
    for (left, right) in [
        ("!Ref Open", "{Ref: Open}"),
        ("!Ref Open", "!Sub '${Open}'"),
        ("!Ref Open", "!Sub ['${A}', {A: !Ref Open}]"),
        ("!Ref Open", "!Join ['', [!Ref Open]]"),
        ("!Ref Open", "!If [Yes, !Ref Open, 1]"),
        ("!Ref Open", "!Select [0, [!Ref Open]]"),
        ("!GetAtt Db.Endpoint.Port", "{'Fn::GetAtt': [Db, Endpoint.Port]}"),
        ("!GetAtt Db.Endpoint.Port", "{'Fn::GetAtt': [Db, Endpoint, Port]}"),
        ("!GetAtt Db.Endpoint.Port", "!Sub '${Db.Endpoint.Port}'"),
        ("!Sub 'a${Open}b'", "!Join ['', [a, !Ref Open, b]]"),
        ("!Sub '${Open}-${Db.Port}'", "!Join ['-', [!Ref Open, !GetAtt Db.Port]]"),
        ("!FindInMap [Stages, !Ref Open, Port]", "!FindInMap [!Sub Stages, !Sub '${Open}', Port]"),
        ("!Select [0, !Ref OpenList]", "!Select ['0', !Ref OpenList]"),
        ("!ImportValue x", "{'Fn::ImportValue': {'Fn::Sub': x}}"),
        ("!GetAZs", "!GetAZs {Ref: 'AWS::Region'}"),
        ("!GetStackOutput {StackName: a, OutputName: b}", "!GetStackOutput {OutputName: b, StackName: a}"),
    ] {
        let (left_unknown, right_unknown) = pair(left, right);
        assert!(left_unknown.is_same(&right_unknown), "{left_unknown:?} {right_unknown:?}");
    }
    for (left, right) in [
        ("!Ref Open", "!Ref OpenList"),
        ("!Ref Open", "!Sub '${Open}0'"),
        ("!Sub '1${Open}'", "!Sub '${Open}1'"),
        ("!Sub '${Open}${Open}'", "!Ref Open"),
        ("!ImportValue '!Ref Open'", "!ImportValue {Ref: Open}"),
        ("!Sub '${Open}!Ref Open'", "!Sub '${Open}${Open}'"),
        ("!Select [0, !Ref OpenList]", "!Select [1, !Ref OpenList]"),
        ("!Select 1", "!Select 1"),
        ("!Transform {Name: M}", "!Transform {Name: M}"),
        ("{'Fn::Nothing': 1}", "{'Fn::Nothing': 1}"),
    ] {
        let (left_unknown, right_unknown) = pair(left, right);
        assert!(!left_unknown.is_same(&right_unknown), "{left_unknown:?} {right_unknown:?}");
    }
}

#[test]
fn what_is_not_known_says_why() {
    for (written, why) in [
        ("!Ref Open", "parameter `Open` has no default and no value"),
        ("!Ref Ssm", "CloudFormation reads parameter `Ssm` from Systems Manager when it deploys the stack"),
        ("!Ref Secret", "parameter `Secret` has `NoEcho`, so its value is not used"),
        ("!Ref Other", "the id of resource `Other` is known once it is created"),
        ("!Ref Nobody", "`Nobody` is neither a parameter nor a resource of this template"),
        ("!Ref AWS::Region", "`AWS::Region` has no value"),
        ("!GetAtt Db.Port", "attribute `Port` of resource `Db` is known once it is created"),
        ("!GetAtt Dbs.Port", "`Dbs` is not a resource of this template"),
        ("!Sub '4${Open}'", "it contains `!Ref Open`, and parameter `Open` has no default and no value"),
        (
            "!Base64 {Ref: Other}",
            "it contains `!Ref Other`, and the id of resource `Other` is known once it is created",
        ),
        ("!ImportValue x", "it is an export of another stack"),
        ("!FindInMap [Stages, test, Port]", "mapping `Stages` has no such keys"),
        ("!Select [7, [a]]", "the list has 1 entries"),
        ("!Select 7", "`Fn::Select` does not have the form that CloudFormation expects"),
        ("{'Fn::Transform': {Name: Mine}}", "a macro creates it when the stack is deployed"),
    ] {
        assert_eq!(pair(written, written).0.why, why, "{written}");
    }
}

#[test]
fn given_values_replace_defaults() {
    let text = format!(
        "{DECLARED}  X: {{Type: A::B::C, Properties: {{P: !Ref Port, L: !Ref OpenList, S: !Ref Secret, O: !Ref OnlyOne, M: !Ref Ssm}}}}\n"
    );
    let scope =
        given(&[("Port", " 8443"), ("OpenList", "a, b ,c"), ("Secret", "s3cr3t"), ("OnlyOne", "80"), ("Ssm", "/x")]);
    assert_eq!(
        only(&text, &scope),
        json!({"P": " 8443", "L": ["a", "b", "c"], "S": unknown("!Ref Secret"), "O": "80", "M": unknown("!Ref Ssm")})
    );
    assert!(!format!("{scope:?}").contains("s3cr3t"));
}

#[test]
fn secrets_are_never_shown() {
    let text = format!(
        "{DECLARED}  X: {{Type: A::B::C, Properties: {{A: !Sub 'x${{Secret}}', B: !Join ['', [!Ref Secret]], C: !Split [u, !Ref Secret], \
         D: !Base64 {{Ref: Secret}}, E: !Select [0, [!Ref Secret]], F: !FindInMap [Stages, !Ref Secret, Port]}}}}\n"
    );
    let document = read(&text);
    let scope = given(&[("Secret", "s3cr3t")]);
    let template = Template::new(&document.root, &scope).unwrap();
    let evaluated = format!("{:?}", template.evaluate(template.resource("X").unwrap()));
    for secret in ["hunter2", "s3cr3t", "aHVudGVyMg", "czNjcjN0"] {
        assert!(!evaluated.contains(secret), "{evaluated}");
    }
    assert!(!format!("{:?} {:?}", template.parameters().collect::<Vec<_>>(), template.notes()).contains("s3cr3t"));
}

#[test]
fn values_point_to_where_the_resource_has_them() {
    let text = format!(
        "{DECLARED}  X:\n    Type: A::B::C\n    Properties:\n      Egress:\n        - FromPort: !If [No, 80, 443]\n          ToPort: !Ref Port\n          A: !Select [0, [81, 82]]\n          B: !Select [1, !Ref Ports]\n          C: !FindInMap [Stages, prod, Port]\n          D: !Ref Open\n          E: 7\n"
    );
    let document = read(&text);
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let evaluated = template.evaluate(template.resource("X").unwrap());
    let entry = &evaluated.worlds[0].properties.get("Egress").unwrap().as_list().unwrap()[0];
    let written = |value: &Value| document.span(value.origin).unwrap().text(&text).unwrap().to_owned();
    for (key, expected) in [
        ("FromPort", "443"),
        ("ToPort", "!Ref Port"),
        ("A", "81"),
        ("B", "!Ref Ports"),
        ("C", "!FindInMap [Stages, prod, Port]"),
        ("D", "!Ref Open"),
        ("E", "7"),
    ] {
        assert_eq!(written(entry.get(key).unwrap()), expected);
    }
    assert!(written(entry).starts_with("FromPort: !If"));
    let resource = template.resource("X").unwrap();
    assert_eq!(document.span(resource.origin).unwrap().text(&text), Some("X"));
    assert_eq!(resource.path().to_string(), "Resources.X.Properties");
    assert_eq!(resource.type_name, "A::B::C");
}

#[test]
fn nothing_is_copied_where_nothing_changes() {
    let document = read(
        "Resources: {X: {Type: A::B::C, Properties: {A: [{B: 1}], C: !Ref 'AWS::Region'}}, Y: {Type: A::B::C, Properties: {A: [{B: 1}]}}}",
    );
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    assert!(matches!(template.evaluate(template.resource("Y").unwrap()).worlds[0].properties, Cow::Borrowed(_)));
    assert!(matches!(template.evaluate(template.resource("X").unwrap()).worlds[0].properties, Cow::Owned(_)));
}

#[test]
fn partitions_follow_from_the_region_where_they_are_certain() {
    let text = "Resources: {X: {Type: A::B::C, Properties: {P: !Ref 'AWS::Partition', S: !Ref 'AWS::URLSuffix'}}}";
    for (region, partition, suffix) in [
        ("us-east-1", json!("aws"), json!("amazonaws.com")),
        ("cn-north-1", json!("aws-cn"), json!("amazonaws.com.cn")),
        ("us-gov-west-1", json!("aws-us-gov"), json!("amazonaws.com")),
        ("us-iso-east-1", unknown("!Ref AWS::Partition"), unknown("!Ref AWS::URLSuffix")),
    ] {
        let scope = Scope { region: Some(region.into()), ..Scope::default() };
        assert_eq!(only(text, &scope), json!({"P": partition, "S": suffix}));
    }
}

#[test]
fn an_empty_list_has_one_empty_entry() {
    for kind in ["CommaDelimitedList", "List<String>"] {
        let text = format!(
            "Parameters: {{L: {{Type: '{kind}', Default: ''}}}}\nConditions:\n  Some: !Not [!Equals [!Select [0, !Ref L], '']]\n\
             Resources: {{X: {{Type: A::B::C, Properties: {{N: {{'Fn::Length': !Ref L}}, L: !Ref L, S: !If [Some, 1, 2], \
             J: !Join ['-', !Ref L]}}}}}}\n"
        );
        assert_eq!(only(&text, &Scope::default()), json!({"N": 1, "L": [""], "S": 2, "J": ""}));
    }
}

#[test]
fn what_a_transform_may_bring_into_a_mapping_is_not_known() {
    let include = "Fn::Transform: {Name: AWS::Include}";
    let foreign = "Fn::Transform: {Name: MyMacro}";
    for (before, mappings, found, default) in [
        ("", "M: {a: {b: 1}}".to_owned(), true, true),
        ("", format!("{include}, M: {{a: {{b: 1}}}}"), true, false),
        ("", format!("M: {{{include}, a: {{b: 1}}}}"), true, false),
        ("", format!("M: {{a: {{{include}, b: 1}}}}"), true, false),
        ("", format!("N: {{{foreign}}}, M: {{a: {{b: 1}}}}"), true, true),
        ("", format!("{foreign}, M: {{a: {{b: 1}}}}"), false, false),
        ("", format!("M: {{{foreign}, a: {{b: 1}}}}"), false, false),
        ("", format!("M: {{a: {{{foreign}, b: 1}}}}"), false, false),
        ("Transform: {Name: AWS::Include}\n", "M: {a: {b: 1}}".to_owned(), true, false),
        ("Transform: AWS::Serverless-2016-10-31\n", "M: {a: {b: 1}}".to_owned(), true, true),
    ] {
        let text = format!(
            "{before}Mappings: {{{mappings}}}\nResources: {{X: {{Type: A::B::C, Properties: {{F: !FindInMap [M, a, b], \
             D: !FindInMap [M, a, c, {{DefaultValue: 2}}]}}}}}}\n"
        );
        let properties = only(&text, &Scope::default());
        assert_eq!((properties["F"] == json!(1), properties["D"] == json!(2)), (found, default), "{text}{properties}");
    }
}
