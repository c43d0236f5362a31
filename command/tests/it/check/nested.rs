//! Templates that a template deploys: nested stacks, applications, StackSets.

use serde_json::Value as Json;

use super::discovery::files;
use super::{check, folder, template};
use crate::support::{command_in, stdout};

const CHILD: &str = "Parameters:\n  To: {Type: Number, Default: 80}\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
                     Properties: {GroupId: sg-1, CidrIp: 10.0.0.0/8, IpProtocol: tcp, FromPort: 80, ToPort: !Ref To}\n";

/// A template with a nested stack that has these properties.
fn parent(properties: &str) -> String {
    format!(
        "Parameters:\n  Port: {{Type: Number, Default: 80}}\n  Any: {{Type: Number}}\n  Env: {{Type: String, AllowedValues: [a, \
         b]}}\n  Open: {{Type: String, Default: x}}\nConditions:\n  IsA: !Equals [!Ref Env, a]\n  IsOpen: !Equals [!Ref Open, \
         y]\nResources:\n  Net:\n    Type: AWS::CloudFormation::Stack\n{properties}"
    )
}

#[test]
fn a_nested_stack_is_judged_with_the_parameters_that_its_parent_passes() {
    for (name, properties, plain, strict, says) in [
        ("good", "Parameters: {To: 80}", 0, 0, ""),
        ("none", "Parameters: {}", 0, 0, ""),
        ("bad", "Parameters: {To: 90}", 1, 1, "opens a range of 11 ports (deployed as nested stack Net of app.yaml)"),
        ("default", "Parameters: {To: !Ref Port}", 0, 1, "compliant only while `To` keeps its default"),
        ("unknown", "Parameters: {To: !Ref Any}", 0, 1, "warning[undetermined-value]"),
        (
            "branch",
            "Parameters: {To: !If [IsA, 80, 90]}",
            1,
            1,
            "(if `IsA` is false in app.yaml; deployed as nested stack Net",
        ),
        (
            "both",
            "Parameters: {To: !If [IsA, 91, 90]}",
            1,
            1,
            "opens a range of 12 ports (if `IsA` is true in app.yaml; deployed",
        ),
    ] {
        let app = parent(&format!("    Properties: {{TemplateURL: stacks/net.yaml, {properties}}}\n"));
        let folder = folder(&format!("nested-{name}"), &[("app.yaml", &app), ("stacks/net.yaml", CHILD)]);
        let (code, described) = check(&folder, &["app.yaml"]).described();
        assert_eq!(code, plain, "{name}: {described}");
        assert!(described.contains(says) && described.contains("of 2 templates checked"), "{name}: {described}");
        assert!(says.is_empty() || described.contains("--> stacks/net.yaml:6:"), "{name}: {described}");
        let (code, described) = check(&folder, &["app.yaml", "--strict"]).described();
        assert_eq!(code, strict, "{name}: {described}");
        // Values given for the parent are certain.
        let given = ["app.yaml", "--strict", "-p", "Any=80", "-p", "Port=80", "-p", "Env=a"];
        let expected = i32::from(matches!(name, "bad" | "both"));
        assert_eq!(check(&folder, &given).described().0, expected, "{name}");
        assert_eq!(
            check(&folder, &["app.yaml", "--trust-defaults", "--strict"]).described().0,
            i32::from(plain == 1 || name == "unknown")
        );
    }
}

#[test]
fn a_loop_over_a_default_can_nest_with_other_entries() {
    let app = "Transform: AWS::LanguageExtensions\nParameters: {Ports: {Type: CommaDelimitedList, Default: '80'}}\nResources:\n  \
               Fn::ForEach::Nets:\n    - Port\n    - !Ref Ports\n    - 'Net${Port}': {Type: AWS::CloudFormation::Stack, \
               Properties: {TemplateURL: net.yaml, Parameters: {To: !Ref Port}}}\n";
    let folder = folder("nested-loop", &[("app.yaml", app), ("net.yaml", CHILD)]);
    let (code, described) = check(&folder, &["app.yaml"]).described();
    assert!(code == 0 && described.contains("warning[undetermined-value]"), "{described}");
    assert_eq!(check(&folder, &["app.yaml", "--strict"]).described().0, 1);
    assert_eq!(check(&folder, &["app.yaml", "--strict", "-p", "Ports=80"]).described().0, 0);
    assert_eq!(check(&folder, &["app.yaml", "--strict", "--trust-defaults"]).described().0, 0);
}

#[test]
fn a_type_with_escapes_is_a_nested_stack_too() {
    let json = r#"{"Resources": {"Net": {"Type": "AWS\u003a\u003aCloudFormation::\u0053tack", "Properties": {"TemplateURL":
        "net.yaml"}}}}"#;
    let yaml = "Resources:\n  Net:\n    Type: \"AWS\\x3A\\x3ACloudFormation::Stack\"\n    Properties: {TemplateURL: net.yaml}\n";
    let folder = folder("nested-escaped", &[("a.json", json), ("b.yaml", yaml), ("net.yaml", &template("Bad", 1, 2))]);
    for file in ["a.json", "b.yaml"] {
        let (code, described) = check(&folder, &[file]).described();
        assert_eq!(code, 1, "{file}: {described}");
    }
}

#[test]
fn a_nested_stack_that_is_off_by_default_is_a_warning() {
    let app = parent("    Condition: IsOpen\n    Properties: {TemplateURL: net.yaml, Parameters: {To: 90}}\n");
    let folder = folder("nested-off", &[("app.yaml", &app), ("net.yaml", CHILD)]);
    let (code, described) = check(&folder, &["app.yaml"]).described();
    assert_eq!(code, 0, "{described}");
    assert!(
        described.contains("warning[port-range]") && described.contains("if `IsOpen` is true in app.yaml"),
        "{described}"
    );
    assert_eq!(check(&folder, &["app.yaml", "--strict"]).described().0, 1);
    assert_eq!(check(&folder, &["app.yaml", "--strict", "-p", "Open=x"]).described().0, 0, "certainly off");
    assert_eq!(check(&folder, &["app.yaml", "-p", "Open=y"]).described().0, 1);
}

#[test]
fn what_is_found_nested_and_on_its_own_is_reported_once() {
    let app = parent("    Properties: {TemplateURL: ./net.yaml}\n");
    let bad = template("Bad", 1, 2);
    let folder = folder("nested-once", &[("app.yaml", &app), ("b.yaml", &app), ("net.yaml", &bad)]);
    for paths in [&["."][..], &["net.yaml", "app.yaml"], &["app.yaml", "net.yaml", "b.yaml"]] {
        let (_, described) = check(&folder, &[paths, &["--format", "json"]].concat()).described();
        let report: Json = serde_json::from_str(&described).unwrap();
        let net: Vec<&Json> =
            report["files"].as_array().unwrap().iter().filter(|file| file["path"] == "net.yaml").collect();
        assert_eq!((net.len(), net[0]["findings"].as_array().unwrap().len()), (1, 1), "{paths:?}: {described}");
        assert_eq!(net[0]["findings"][0]["deployments"], serde_json::json!([]), "wherever it is deployed: {described}");
        assert_eq!(report["summary"]["egressRules"], 1, "{paths:?}");
    }
    let (_, described) = check(&folder, &["app.yaml", "b.yaml"]).described();
    assert!(
        described.contains("(deployed as nested stack Net of app.yaml, nested stack Net of b.yaml)"),
        "{described}"
    );
    assert!(described.contains("of 3 templates checked: 1 error,"), "{described}");
}

#[test]
fn templates_of_nested_stacks_are_found_where_they_are_named() {
    let cdk = r#"{"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": {"Fn::Sub": "https://x"}}, "Metadata": {"aws:asset:path": "inner.json"}}}}"#;
    let inner =
        r#"{"Resources": {"R": {"Type": "AWS::EC2::SecurityGroupEgress", "Properties": {"IpProtocol": "-1"}}}}"#;
    let middle = parent("    Properties: {TemplateURL: https://s3.amazonaws.com/b/k.yaml}\n");
    let outer = parent("    Properties: {TemplateURL: file://middle.yaml}\n");
    let sam = "Transform: AWS::Serverless-2016-10-31\nResources:\n  App: {Type: AWS::Serverless::Application, Properties: \
               {Location: ./net.yaml, Parameters: {To: 90}}}\n";
    let folder = folder(
        "nested-where",
        &[
            ("cdk/cdk.json", cdk),
            ("cdk/inner.json", inner),
            ("outer.yaml", &outer),
            ("middle.yaml", &middle),
            ("net.yaml", CHILD),
            ("sam.yaml", sam),
        ],
    );
    assert_eq!(check(&folder, &["cdk/cdk.json"]).described().0, 1, "the CDK's metadata");
    assert_eq!(check(&folder, &["sam.yaml"]).described().0, 1, "an application of SAM");
    let (code, described) = check(&folder, &["outer.yaml"]).described();
    assert!(code == 0 && described.contains("not checked: 1 nested stack (--notes lists them)"), "{described}");
    let (code, described) = check(&folder, &["outer.yaml", "--strict"]).described();
    assert!(code == 1 && described.contains("not checked here; pass --nested Net/Net=FILE"), "{described}");
    let (code, described) = check(&folder, &["outer.yaml", "--strict", "--nested", "Net/Net=net.yaml"]).described();
    assert_eq!(code, 0, "{described}");
    assert_eq!(
        files(&folder, &["outer.yaml", "--nested", "Net/Net=net.yaml"]),
        ["outer.yaml", "middle.yaml", "net.yaml"]
    );
    let unknown = check(&folder, &["outer.yaml", "--nested", "Nte=net.yaml"]).output();
    assert_eq!(unknown.status.code(), Some(2));
    let said = crate::support::stderr(&unknown);
    assert!(
        said.contains("--nested Nte: there is no nested stack with that name; the nested stacks are Net, Net/Net"),
        "{said}"
    );
}

#[test]
fn what_a_nested_stack_names_is_not_taken_on_trust() {
    let broken = "Resources:\n  A: {Type: AWS::S3::Bucket\n";
    let secret = "password: hunter2\n";
    let deploys = |file: &str| parent(&format!("    Properties: {{TemplateURL: {file}}}\n"));
    let folder = folder(
        "nested-trust",
        &[
            ("r/.git/HEAD", "ref: refs/heads/main\n"),
            ("r/broken.yaml", broken),
            ("r/secret.yaml", secret),
            ("secret.yaml", secret),
            ("outside.yaml", &template("Bad", 1, 2)),
            ("r/a.yaml", &deploys("broken.yaml")),
            ("r/b.yaml", &deploys("secret.yaml")),
            ("r/c.yaml", &deploys("../outside.yaml")),
            ("r/d.yaml", &deploys("missing.yaml")),
            ("r/e.yaml", &deploys("e.yaml")),
            ("r/f.yaml", &deploys("../secret.yaml")),
        ],
    );
    let here = folder.join("r");
    for (file, code, says) in [
        ("a.yaml", 2, "broken.yaml"),
        ("b.yaml", 2, "a nested stack uses this file, which is not a template"),
        ("c.yaml", 0, "not checked: 1 nested stack"),
        ("d.yaml", 0, "not checked: 1 nested stack"),
        ("e.yaml", 0, "not checked: 1 nested stack"),
        ("f.yaml", 0, "not checked: 1 nested stack"),
    ] {
        if file == "d.yaml" {
            let (_, described) = check(&here, &[file, "--notes"]).described();
            assert!(described.contains("; pass --nested Net=FILE (it names missing.yaml)"), "{described}");
        }
        for format in ["human", "json"] {
            let (found, described) = check(&here, &[file, "--format", format]).described();
            assert_eq!(found, code, "{file}: {described}");
            assert!(format == "json" || described.contains(says), "{file}: {described}");
            assert!(!described.contains("hunter2"), "{file}: {described}");
        }
        assert_ne!(check(&here, &[file, "--strict"]).described().0, 0, "{file}");
    }
}

/// A template that deploys another one to other accounts; `body` follows `TemplateBody:`.
fn stack_set(body: &str) -> String {
    format!(
        "# é\nResources:\n  Own: {{Type: AWS::SNS::Topic}}\n  Set:\n    Type: AWS::CloudFormation::StackSet\n    Properties:\n      \
         StackSetName: x\n      PermissionModel: SELF_MANAGED\n      Parameters: [{{ParameterKey: To, ParameterValue: 90}}]\n      \
         TemplateBody: {body}\n"
    )
}

#[test]
fn a_template_that_is_written_in_a_stack_set_is_judged_with_its_places() {
    let block: String = CHILD.lines().map(|line| format!("        {line}\n")).collect();
    let places = |text: &str| {
        let folder = folder("stack-set", &[("t.yaml", text)]);
        let (code, described) = check(&folder, &["--format", "json"]).described();
        let report: Json = serde_json::from_str(&described).unwrap();
        let findings = report["files"][0]["findings"].as_array().unwrap().clone();
        let underlined = |place: &Json| {
            let number = |key: &str| usize::try_from(place[key].as_u64().unwrap()).unwrap();
            let line = text.lines().nth(number("line") - 1).unwrap();
            let by_column: String = line.chars().skip(number("column") - 1).take(number("length")).collect();
            let by_bytes = text.get(number("offset")..number("offset") + number("length")).unwrap().to_owned();
            assert!(by_bytes.starts_with(by_column.trim_end()), "{by_bytes} / {by_column}");
            by_bytes
        };
        let finding = &findings[0];
        let related = finding["related"].as_array().unwrap().iter().map(underlined).collect::<Vec<_>>();
        let id = finding["resource"]["logicalId"].as_str().unwrap().to_owned();
        (code, findings.len(), id, underlined(&finding["location"]), related)
    };
    let expected = (1, 1, "Set/Rule".to_owned(), "!Ref To".to_owned(), vec!["80".to_owned()]);
    for style in ["|", "|-", "|+", "|2"] {
        assert_eq!(places(&stack_set(&format!("{style}\n{block}"))), expected, "{style}");
    }
    assert_eq!(places(&stack_set(&format!("!Sub |\n{block}"))), expected, "with a function");
    let quoted = format!("\"{}\"", CHILD.replace('\n', "\\n"));
    let (code, count, id, place, related) = places(&stack_set(&quoted));
    assert_eq!((code, count, id.as_str(), related.len()), (1, 1, "Set/Rule", 0));
    assert!(place.starts_with("\"Parameters"), "the whole text: {place}");
}

#[test]
fn a_stack_set_whose_template_is_elsewhere_is_not_judged() {
    let text = |properties: &str| {
        format!(
            "Parameters: {{P: {{Type: String}}}}\nResources:\n  Set: {{Type: AWS::CloudFormation::StackSet, Properties: {{StackSetName: x, {properties}}}}}\n"
        )
    };
    let folder = folder(
        "stack-set-elsewhere",
        &[
            ("url.yaml", &text("TemplateURL: https://s3.amazonaws.com/b/k.yaml")),
            ("unknown.yaml", &text("TemplateBody: !Ref P")),
            ("none.yaml", &text("PermissionModel: SELF_MANAGED")),
            ("broken.yaml", &text("TemplateBody: 'Resources: {'")),
            ("local.yaml", &text("TemplateURL: net.yaml, Parameters: [{ParameterKey: To, ParameterValue: 80}]")),
            ("net.yaml", CHILD),
        ],
    );
    for file in ["url.yaml", "unknown.yaml", "none.yaml"] {
        let (code, described) = check(&folder, &[file]).described();
        assert!(code == 0 && described.contains("not checked: 1 StackSet (--notes"), "{file}: {described}");
        let (code, described) = check(&folder, &[file, "--strict"]).described();
        assert!(
            code == 1
                && described.contains("error[not-judged]: the template of StackSet `Set`")
                && described.contains("; pass --nested Set=FILE"),
            "{file}: {described}"
        );
        let (code, described) = check(&folder, &[file, "--strict", "--nested", "Set=net.yaml"]).described();
        assert!(!described.contains("not-judged"), "{file}: {code} {described}");
    }
    let (code, described) = check(&folder, &["broken.yaml"]).described();
    assert!(code == 2 && described.contains("the template in `Set`: this is not valid YAML"), "{described}");
    assert_eq!(check(&folder, &["local.yaml", "--strict"]).described().0, 0);
}

#[test]
fn what_a_parent_passes_and_its_nested_stack_does_not_take_is_said() {
    for (name, declared, passed, says) in [
        ("values", "{Type: Number, AllowedValues: [80, 443]}", "V: 90", "is not one of its AllowedValues: 80, 443"),
        ("pattern", "{Type: String, AllowedPattern: '[a-z]+'}", "V: '90'", "does not match its AllowedPattern: [a-z]+"),
        ("least", "{Type: Number, MinValue: 100}", "V: !Ref Port", "is less than its MinValue, 100"),
        (
            "length",
            "{Type: String, MaxLength: 1}",
            "V: !If [IsA, a, ab]",
            "longer than its MaxLength, 1 (if `IsA` is false)",
        ),
        ("type", "{Type: Number}", "V: many", "is not a number"),
        ("name", "{Type: Number, Default: 1}", "W: 1", "parameter `W` has a value but is not declared; declared: V"),
    ] {
        let app = parent(&format!("    Properties: {{TemplateURL: net.yaml, Parameters: {{{passed}}}}}\n"));
        let child = format!("Parameters:\n  V: {declared}\nResources:\n  T: {{Type: AWS::SNS::Topic}}\n");
        let folder = folder(&format!("refused-{name}"), &[("app.yaml", &app), ("net.yaml", &child)]);
        let (code, described) = check(&folder, &["app.yaml"]).described();
        let expected = "warning[refused-parameters]: `Net` cannot be deployed with the parameters that it passes: ";
        assert!(code == 0 && described.contains(expected) && described.contains(says), "{name}: {described}");
        assert_eq!(check(&folder, &["app.yaml", "--strict"]).described().0, 1, "{name}");
    }
    // The same for an inline template in a StackSet.
    let set = "Resources:\n  Set:\n    Type: AWS::CloudFormation::StackSet\n    Properties:\n      Parameters: [{ParameterKey: V, \
               ParameterValue: 9}]\n      TemplateBody: 'Parameters: {V: {Type: Number, MaxValue: 8}}\n\n        Resources: {T: {Type: \
               AWS::SNS::Topic}}'\n";
    let folder = folder("refused-set", &[("app.yaml", set)]);
    let (code, described) = check(&folder, &["app.yaml"]).described();
    assert!(code == 0 && described.contains("is greater than its MaxValue, 8"), "{described}");
}

#[test]
fn a_path_of_stacks_begins_in_the_template_that_is_named() {
    let stack = |id: &str, file: &str| {
        format!(
            "Resources:\n  {id}:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: {file}, \
             Parameters: {{To: 90}}}}\n"
        )
    };
    let middle = format!("Parameters: {{To: {{Type: Number}}}}\n{}", stack("Leaf", "old.yaml"));
    let files = [("grand.yaml", &stack("Top", "mid.yaml")), ("mid.yaml", &middle), ("old.yaml", &CHILD.to_owned())];
    let folder = folder("nested-path", &files.map(|(name, text)| (name, text.as_str())));
    let (_, described) = check(&folder, &["grand.yaml"]).described();
    assert!(described.contains("(deployed as nested stack Top/Leaf of grand.yaml)"), "{described}");
    let explained = stdout(&command_in(&folder, &["policy", "explain", "grand.yaml"]));
    assert!(explained.contains("nested stack Top/Leaf of grand.yaml:"), "{explained}");
}
