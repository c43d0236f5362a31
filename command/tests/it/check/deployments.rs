//! Each template is judged once for each of its deployments.

use serde_json::Value as Json;

use super::{check, folder};

const TEMPLATE: &str = "Parameters:\n  To: {Type: Number, Default: 80}\nConditions:\n  IsProd: !Equals [!Ref AWS::StackName, \
                        app-prod]\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties: \
                        {GroupId: sg-1, CidrIp: 10.0.0.0/8, IpProtocol: tcp, FromPort: 80, ToPort: !If [IsProd, 80, !Ref To]}\n";

fn own(rest: &str) -> String {
    format!(
        "[[deployment]]\ntemplate = \"t.yaml\"\nstack_name = \"app-prod\"\naccount = \"111122223333\"\nregion = \
         \"eu-central-1\"\n\n[[deployment]]\ntemplate = \"t.yaml\"\nstack_name = \"app-test\"\n{rest}"
    )
}

#[test]
fn a_template_is_judged_once_for_each_deployment() {
    let ours = own("parameters = { To = 81 }\n\n[[deployment]]\ntemplate = \"t.yaml\"\nstack_name = \"app-dev\"\n\
                    parameters = \"dev.json\"\n\n[[deployment]]\ntemplate = \"t.yaml\"\nstack_name = \"app-qa\"\n\
                    [deployment.parameters]\nTo = \"82\"\n");
    let folder = folder(
        "deployments",
        &[
            ("t.yaml", TEMPLATE),
            ("d/dev.json", r#"["To=81"]"#),
            ("d/deploy.toml", &ours.replace("t.yaml", "../t.yaml")),
        ],
    );
    let (code, described) = check(&folder, &["--deployments", "d/deploy.toml", "t.yaml"]).described();
    assert_eq!(code, 1);
    assert!(
        described.contains("opens a range of 2 ports (deployed as app-test, app-dev)\n"),
        "the same once: {described}"
    );
    assert!(described.contains("opens a range of 3 ports (deployed as app-qa)\n"), "{described}");
    assert!(
        described.contains("1 egress rule in 1 resource of 1 template checked: 2 errors, 0 warnings, 0 notes"),
        "{described}"
    );
    for format in ["json", "sarif", "github", "gitlab", "junit"] {
        let (_, described) = check(&folder, &["--deployments", "d/deploy.toml", "--format", format]).described();
        assert!(
            described.contains("app-dev") && described.contains("app-qa") && !described.contains("app-prod"),
            "{format}: {described}"
        );
    }
    let (_, described) = check(&folder, &["--deployments", "d/deploy.toml", "--format", "json"]).described();
    let report: Json = serde_json::from_str(&described).unwrap();
    assert_eq!(report["files"][0]["findings"][0]["deployments"], serde_json::json!(["app-test", "app-dev"]));
    // Parameter values on the command line take precedence.
    let (code, _) = check(&folder, &["--deployments", "d/deploy.toml", "-p", "To=80", "--strict"]).described();
    assert_eq!(code, 0);
}

#[test]
fn exemptions_match_where_a_template_is_deployed() {
    let policy = "[[exemption]]\nid = \"prod\"\nreason = \"x\"\nowner = \"x\"\nexpires = 9999-12-31\naccount = \
                  \"111122223333\"\nports = \"80-81\"\n";
    let text = TEMPLATE.replace("!If [IsProd, 80, !Ref To]", "81");
    let folder = folder("deployments-exempt", &[("t.yaml", &text), ("policy.toml", policy), ("d.toml", &own(""))]);
    let (_, described) = check(&folder, &["t.yaml"]).described();
    assert!(described.contains("Exemption prod would cover it if account is"), "{described}");
    let (code, described) = check(&folder, &["t.yaml", "--deployments", "d.toml"]).described();
    assert_eq!(code, 1);
    assert!(
        described.contains("exempt until 9999-12-31")
            && described.contains("(deployed as app-prod (111122223333, eu-central-1))")
    );
    assert!(described.contains("opens a range of 2 ports (deployed as app-test)"), "{described}");
    let other = own("account = \"444455556666\"\n");
    std::fs::write(folder.join("d.toml"), other).unwrap();
    let (_, described) = check(&folder, &["t.yaml", "--deployments", "d.toml"]).described();
    assert!(!described.contains("would cover"), "{described}");
}

#[test]
fn files_of_aws_are_taken_as_they_are() {
    let sam = "version = 0.1\n[default.global.parameters]\nstack_name = \"app-sam\"\n[default.deploy.parameters]\n\
               parameter_overrides = \"To=\\\"81\\\" \"\ncapabilities = \"CAPABILITY_IAM\"\n[prod.deploy.parameters]\n\
               stack_name = \"app-prod\"\ntemplate_file = \"../t.yaml\"\n";
    let folder = folder(
        "deployments-aws",
        &[
            ("t.yaml", TEMPLATE),
            ("sam/template.yaml", TEMPLATE),
            ("sam/samconfig.toml", sam),
            ("sync/a.yaml", "template-file-path: ./t.yaml\nparameters:\n  To: 82\ntags: {a: b}\n"),
            ("sync/b.json", r#"{"template-file-path": "here.yaml", "parameters": {"To": "83"}}"#),
            ("sync/here.yaml", TEMPLATE),
        ],
    );
    let deployments =
        ["--deployments", "sam/samconfig.toml", "--deployments", "sync/a.yaml", "--deployments", "sync/b.json"];
    let (code, described) = check(&folder, &deployments).described();
    assert_eq!(code, 1);
    for says in [
        "2 ports (deployed as app-sam)",
        "3 ports (if `IsProd` is false; deployed as sync/a.yaml)",
        "4 ports (if `IsProd` is false; deployed as sync/b.json)",
    ] {
        assert!(described.contains(says), "{says}: {described}");
    }
    assert!(described.contains("of 3 templates checked: 3 errors"), "{described}");
}

#[test]
fn deployments_that_cannot_be_right_are_refused() {
    let folder = folder(
        "deployments-wrong",
        &[
            ("t.yaml", TEMPLATE),
            ("gone.toml", "[[deployment]]\ntemplate = \"gone.yaml\"\n"),
            ("typo.toml", "[[deployment]]\ntemplate = \"t.yaml\"\nstack = \"x\"\n"),
            ("broken.toml", "[[deployment]\nsecret = 'hunter2'\n"),
            ("sam/samconfig.toml", "[default.deploy.parameters]\nstack_name = \"app\"\n"),
            ("none.toml", "a = 1\n"),
            ("none.yaml", "on: push\n"),
            (
                "undeclared.toml",
                "[[deployment]]\ntemplate = \"t.yaml\"\nstack_name = \"app\"\nparameters = {Too = 'hunter2'}\n",
            ),
            (
                "value.toml",
                "[[deployment]]\ntemplate = \"t.yaml\"\nstack_name = \"app\"\nparameters = {To = 'hunter2'}\n",
            ),
        ],
    );
    for (file, says) in [
        ("gone.toml", "it names template `gone.yaml`, which does not exist"),
        (
            "sam/samconfig.toml",
            "deployment `app` names no template, and the default of SAM, `sam/template.yaml`, does not exist\nhelp: set \
             template_file",
        ),
        ("typo.toml", "line 3, column 1: unknown field `stack`"),
        ("broken.toml", "line 1, column"),
        ("none.toml", "help: write a [[deployment]] table"),
        ("none.yaml", "it is not a deployments file"),
        ("missing.toml", "cannot read `missing.toml`: No such file"),
        ("undeclared.toml", "parameter `Too` has a value but is not declared; declared: To (deployed as app)"),
        ("value.toml", "the value of parameter `To` is not a number, which its type Number requires (deployed as app)"),
    ] {
        let output = check(&folder, &["t.yaml", "--deployments", file]).output();
        let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{file}: {all}");
        assert!(all.contains(says) && !all.contains("hunter2"), "{file}: {all}");
    }
}

#[test]
fn a_finding_in_a_nested_stack_names_the_deployment() {
    let child = "Parameters:\n  To: {Type: Number}\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
                 Properties: {GroupId: sg-1, CidrIp: 10.0.0.0/8, IpProtocol: tcp, FromPort: 443, ToPort: !Ref To}\n";
    let app = "Parameters:\n  To: {Type: Number}\nResources:\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties: \
               {TemplateURL: child.yaml, Parameters: {To: !Ref To}}\n";
    let sam = app
        .replace("AWS::CloudFormation::Stack", "AWS::Serverless::Application")
        .replace("TemplateURL", "Location")
        .replacen("Parameters:", "Transform: AWS::Serverless-2016-10-31\nParameters:", 1);
    let deployments = |to: [(&str, u16); 3]| {
        to.map(|(name, to)| {
            format!("[[deployment]]\ntemplate = \"app.yaml\"\nstack_name = \"{name}\"\nparameters = {{To = {to}}}\n")
        })
        .concat()
    };
    for (kind, text) in [("nested stack", app), ("application", &sam)] {
        let toml = deployments([("prod", 443), ("test", 444), ("dev", 444)]);
        let folder = folder(
            &format!("deployments-{}", kind.replace(' ', "-")),
            &[("app.yaml", text), ("child.yaml", child), ("d.toml", &toml)],
        );
        let (code, described) =
            check(&folder, &["app.yaml", "--deployments", "d.toml", "--format", "json"]).described();
        assert_eq!(code, 1, "{kind}: {described}");
        let report: Json = serde_json::from_str(&described).unwrap();
        let expected = ["test", "dev"].map(|name| format!("{kind} N of app.yaml deployed as {name}"));
        assert_eq!(report["files"][1]["findings"][0]["deployments"], serde_json::json!(expected), "{described}");
        let (_, described) = check(&folder, &["app.yaml", "--deployments", "d.toml"]).described();
        assert!(described.contains(&format!("(deployed as {})", expected.join(", "))), "{described}");
    }
}
