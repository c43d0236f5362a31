//! `rehearse`, the command, with the real function.

use std::process::Output;

use serde_json::Value as Json;

use crate::support::{command, stderr, stdout};

#[test]
fn a_compliant_template_goes_through() {
    let output = command(&["rehearse", "examples/compliant.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_non_compliant_template_is_blocked_and_rolled_back() {
    let output = command(&["rehearse", "examples/non-compliant.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_warning_lets_it_pass_and_is_reported() {
    let output = command(&["rehearse", "--failure-mode", "WARN", "examples/non-compliant.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table = stdout(&output);
    assert!(table.contains("HOOK_COMPLETE_FAILED") && !table.contains("ROLLBACK"), "{table}");
    assert!(table.contains("with a warning; with failure mode FAIL, the hook would block it"), "{table}");
}

#[test]
fn an_update_sends_the_previous_properties_and_rolls_back_to_them() {
    let output = command(&["rehearse", "--update-from", "examples/compliant.yaml", "examples/non-compliant.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn the_published_examples_pass_and_fail_through_the_real_function() {
    for (template, code) in [("compliant", 0), ("non-compliant", 1)] {
        for format in ["yaml", "json"] {
            let path = format!("tests/fixtures/published-rule/{template}.{format}");
            let output = command(&["rehearse", &path]);
            assert_eq!(output.status.code(), Some(code), "{path}: {}", stderr(&output));
        }
    }
    // Under WARN, the deployment continues, so the hook is invoked for both resources.
    let output = command(&["rehearse", "--failure-mode", "WARN", "tests/fixtures/published-rule/non-compliant.yaml"]);
    let failed = stdout(&output).lines().filter(|line| line.contains("HOOK_COMPLETE_FAILED")).count();
    assert_eq!(failed, 2, "the group and the standalone rule");
}

#[test]
fn json_has_the_shape_of_describe_stack_events_newest_first() {
    let output = command(&["rehearse", "--format", "json", "examples/non-compliant.yaml"]);
    let events: Json = serde_json::from_slice(&output.stdout).unwrap();
    let events = events["StackEvents"].as_array().unwrap();
    let first = events.last().unwrap();
    assert_eq!(first["ResourceStatus"], "CREATE_IN_PROGRESS");
    assert_eq!(events[0]["ResourceStatus"], "ROLLBACK_COMPLETE");
    let hook = events.iter().find(|event| event["HookStatus"] == "HOOK_COMPLETE_FAILED").unwrap();
    assert_eq!(hook["HookInvocationPoint"], "PRE_PROVISION");
    assert_eq!(hook["HookFailureMode"], "FAIL");
    assert!(
        hook["HookStatusReason"].as_str().unwrap().starts_with("Hook failed with message: AWS::EC2::SecurityGroup")
    );
    for event in events {
        for field in ["StackId", "EventId", "StackName", "LogicalResourceId", "ResourceType", "Timestamp"] {
            assert!(event[field].is_string(), "{event}");
        }
    }
}

#[test]
fn values_of_parameters_decide() {
    let port = |value: &str| command(&["rehearse", "examples/compliant.yaml", "-p", &format!("HttpsPort={value}")]);
    assert_eq!(port("443").status.code(), Some(0));
    let blocked = port("8443");
    assert_eq!(blocked.status.code(), Some(1));
    assert!(
        stdout(&blocked).contains("tcp 8443-443 to 0.0.0.0/0 has a FromPort above its ToPort"),
        "{}",
        stdout(&blocked)
    );
}

#[test]
fn what_cannot_be_rehearsed_says_why() {
    for (arguments, says) in [
        (vec!["rehearse", "examples/no-such-file.yaml"], "cannot read `examples/no-such-file.yaml`: "),
        (vec!["rehearse", "Makefile"], "Makefile"),
        (vec!["rehearse", "examples"], "examples: it is a folder"),
        (
            vec!["rehearse", "examples/compliant.yaml", "-p", "Httpsport=8000"],
            "parameter `Httpsport` has a value but is not declared; declared: HttpsPort",
        ),
        (
            vec!["rehearse", "examples/compliant.yaml", "examples/non-compliant.yaml", "--stack-name", "web"],
            "pass one template with them",
        ),
        (
            vec!["rehearse", "a.yaml", "b.yaml", "--update-from", "examples/compliant.yaml"],
            "pass one template with them",
        ),
        (vec!["rehearse", "examples/compliant.yaml", "--stack-name", "9"], "write a letter"),
        (vec!["rehearse", "examples/compliant.yaml", "--account", "1234"], "which has 12 digits"),
        (vec!["rehearse", "examples/compliant.yaml", "--region", "Frankfurt"], "not a Region name"),
        (vec!["rehearse", "--bootstrap", "no-such-program", "examples/compliant.yaml"], "--bootstrap"),
        (vec!["rehearse", "--endpoint", "127.0.0.1:1", "examples/compliant.yaml"], "http://"),
        (vec!["rehearse", "--endpoint", "http://127.0.0.1:1", "examples/compliant.yaml"], "127.0.0.1:1"),
        (vec!["rehearse", "--preset", "lax", "examples/compliant.yaml"], "effective"),
        (vec!["rehearse", "--bootstrap", "/bin/false", "examples/non-compliant.yaml"], "the function ended"),
    ] {
        let output = command(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn what_cloudformation_resolves_before_a_hook_sees_it_is_not_known_here() {
    for (ports, asked) in [
        ("FromPort: '{{resolve:ssm:/port}}', ToPort: '{{resolve:ssm:/port}}'", true),
        ("FromPort: '{{resolve:ssm:/port}}', ToPort: 443", false),
    ] {
        let output = rehearsed("dynamic", &format!("SecurityGroupEgress: [{{IpProtocol: tcp, {ports}}}]"));
        let table = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{ports}\n{table}");
        assert!(table.contains("not known here: SecurityGroupEgress[0].FromPort is {{resolve:ssm:/port}}"), "{table}");
        assert_eq!(table.contains("HOOK_COMPLETE_SUCCEEDED"), asked, "{table}");
        assert_eq!(table.contains("the hook is not called: SecurityGroupEgress[0]: FromPort"), !asked, "{table}");
    }
    // The hook receives a reference to a secret unresolved, and blocks it.
    let secret = "'{{resolve:secretsmanager:ports:SecretString:https}}'";
    let ports = format!("SecurityGroupEgress: [{{IpProtocol: tcp, FromPort: {secret}, ToPort: {secret}}}]");
    let output = rehearsed("secret", &ports);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("FromPort is a reference to a secret"), "{}", stdout(&output));
}

#[test]
fn a_group_that_a_transform_may_add_rules_to_is_not_judged_without_them() {
    let output = rehearsed("transform", "Fn::Transform: {Name: 'AWS::Include', Parameters: {Location: 's3://a/b'}}");
    let table = stdout(&output);
    assert!(table.contains("the hook is not called: SecurityGroupEgress: it is Fn::Transform"), "{table}");
    assert!(!table.contains("HOOK_IN_PROGRESS"), "{table}");
}

/// Writes a template of this test run, and returns its path.
fn written(name: &str, template: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rehearsal-{name}.yaml"));
    std::fs::write(&path, template).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_the_template_does_not_hold_is_reported_and_not_taken_for_judged() {
    let group = "  Web: {Type: 'AWS::EC2::SecurityGroup', Properties: {SecurityGroupEgress: [{IpProtocol: tcp, \
                 FromPort: 443, ToPort: 443}]}}\n";
    for (name, template, described, count) in [
        ("module", "Resources:\n  Net: {Type: 'Acme::Net::Sg::MODULE'}\n".to_owned(), "module `Net`", 1),
        ("macro", format!("Transform: Acme\nResources:\n{group}"), "macro `Acme` may change anything", 1),
        (
            "sam",
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  A: {Type: 'AWS::Serverless::Application'}\n"
                .to_owned(),
            "the template of application `A` is not checked here; name its file with --nested A=FILE",
            1,
        ),
        (
            "stack-set",
            "Resources:\n  S: {Type: 'AWS::CloudFormation::StackSet', Properties: {TemplateBody: 'Resources: {}'}}\n"
                .to_owned(),
            "the template of StackSet `S` is not checked here; use `check`",
            1,
        ),
    ] {
        let path = written(name, &template);
        let output = command(&["rehearse", &path]);
        let table = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(table.contains("not checked: ") && table.contains(described), "{table}");
        assert!(
            table
                .contains(&format!("would be deployed if the parts that are not known here follow the rule ({count} ")),
            "{table}"
        );
        assert!(!table.contains("the hook allows it"), "{table}");

        let output = command(&["rehearse", "--format", "json", &path]);
        let json: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["NotJudged"].as_array().unwrap().len(), count, "{json}");
        assert!(json["NotJudged"].to_string().contains(described), "{json}");
    }
}

#[test]
fn the_hook_is_not_said_to_let_pass_what_it_was_not_asked_about() {
    let queue = written("queue", "Resources: {Jobs: {Type: 'AWS::SQS::Queue'}}\n");
    let renamed = written("queue-new", "Resources: {Tasks: {Type: 'AWS::SQS::Queue'}}\n");
    for (arguments, says) in [
        (vec!["rehearse", &queue], "would be deployed without a call to the hook"),
        (vec!["rehearse", "--update-from", &queue, &renamed], "would be updated without a call to the hook"),
        (
            vec!["rehearse", "--update-from", "examples/compliant.yaml", "examples/compliant.yaml"],
            "there is nothing to update in compliant: CloudFormation does not call the hook",
        ),
    ] {
        let output = command(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).contains(says), "{}", stdout(&output));
        assert!(!stdout(&output).contains("HOOK_"), "{}", stdout(&output));
    }
}

#[test]
fn json_says_of_which_resource_the_hook_is_not_asked() {
    let path = written(
        "unknown-port",
        "Resources:\n  Db: {Type: AWS::RDS::DBInstance}\n  Rule: {Type: AWS::EC2::SecurityGroupEgress, Properties: \
         {IpProtocol: tcp, FromPort: 5432, ToPort: !GetAtt Db.Endpoint.Port}}\n",
    );
    let output = command(&["rehearse", "--format", "json", &path]);
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["NotJudged"][0]["LogicalResourceId"], "Rule", "{json}");
    let reasons: Vec<_> = json["StackEvents"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["ResourceStatusReason"].as_str())
        .collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("the hook is not called: ")), "{reasons:?}");
}

#[test]
fn a_verdict_that_hinges_on_an_open_condition_names_it() {
    let template = "
Parameters: {Env: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /env}}
Conditions: {IsProd: !Equals [!Ref Env, prod]}
Resources:
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: !If [IsProd, 443, 444]}]
  Anyway:
    Type: AWS::EC2::SecurityGroup
    DependsOn: Web
    Properties:
      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: !If [IsProd, 445, 444]}]
";
    let path = written("hinges", template);
    let output = command(&["rehearse", &path]);
    let table = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{table}");
    assert!(
        table.contains("=> rehearsal-hinges would be blocked if `IsProd` is false: no resource would remain"),
        "{table}"
    );
    assert!(table.contains("Only the deployment can determine this"), "{table}");

    let json: Json = serde_json::from_slice(&command(&["rehearse", "--format", "json", &path]).stdout).unwrap();
    assert_eq!(json["Assumed"][0]["Assumption"], "`IsProd` is false", "{json}");

    let open = written("open", &format!("Transform: Acme\n{template}"));
    let warned = stdout(&command(&["rehearse", "--failure-mode", "WARN", &open]));
    assert!(warned.contains("would block it if `IsProd` is false") && warned.contains("1 not checked"), "{warned}");

    // If every world breaks the rule, the verdict does not depend on an assumption.
    let given = written("given", &template.replace("'AWS::SSM::Parameter::Value<String>'", "String"));
    let output = command(&["rehearse", "-p", "Env=prod", &given]);
    assert!(stdout(&output).contains("would be blocked: no resource would remain"), "{}", stdout(&output));
    let anyway = written("anyway", &template.replace("IsProd, 443", "IsProd, 446"));
    let output = command(&["rehearse", &anyway]);
    assert!(stdout(&output).contains("would be blocked: no resource would remain"), "{}", stdout(&output));
    let output = command(&["rehearse", "--target-operations", "CHANGE_SET", &anyway]);
    assert!(stdout(&output).contains("would be blocked: nothing would change"), "{}", stdout(&output));
}

#[test]
fn a_value_that_is_not_given_and_decides_is_named() {
    let inner = "Parameters: {Region: {Type: String}}\nConditions: {C: !Equals [!Ref Region, us-east-1]}\nResources:\n  R: \
                 {Type: AWS::EC2::SecurityGroupEgress, Properties: {IpProtocol: tcp, FromPort: 80, ToPort: !If [C, 80, 90]}}\n";
    written("assumed-inner", inner);
    let template = |name: &str, condition: &str, to: &str| {
        let text = format!(
            "Mappings: {{M: {{us-east-1: {{To: 80}}, eu-west-1: {{To: 90}}}}}}\nConditions: {{C: {condition}}}\nResources:\n  R: \
             {{Type: AWS::EC2::SecurityGroupEgress, Properties: {{IpProtocol: tcp, FromPort: 80, ToPort: {to}}}}}\n"
        );
        written(name, &text)
    };
    let region = "   Assumed: `AWS::Region` is us-east-1, because --region is not given.\n";
    let is_region = "!Equals [!Ref 'AWS::Region', us-east-1]";
    let by_condition = template("assumed-condition", is_region, "!If [C, 80, 90]");
    let by_mapping = template("assumed-mapping", is_region, "!FindInMap [M, !Ref 'AWS::Region', To]");
    let alike = template("assumed-alike", is_region, "!If [C, 80, 80]");
    let blocked = template("assumed-blocked", is_region, "!If [C, 90, 80]");
    let partition = template("assumed-partition", "!Equals [!Ref 'AWS::Partition', aws]", "!If [C, 80, 90]");
    let account = template("assumed-account", "!Equals [!Ref 'AWS::AccountId', '111122223333']", "!If [C, 90, 80]");
    let name = template("assumed-name", "!Equals [!Ref 'AWS::StackName', prod]", "!If [C, 90, 80]");
    let together = "!And [!Equals [!Ref 'AWS::Region', x], !Equals [!Ref 'AWS::StackName', prod]]";
    let together = template("assumed-together", together, "!If [C, 90, 80]");
    let nested = written(
        "assumed-nested",
        "Resources:\n  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./rehearsal-assumed-inner.yaml, \
         Parameters: {Region: !Ref 'AWS::Region'}}}\n",
    );
    for (arguments, code, says) in [
        (vec![by_condition.as_str()], 0, region),
        (vec![&by_condition, "--region", "us-east-1"], 0, ""),
        (vec![&by_condition, "--region", "eu-west-1"], 1, ""),
        (vec![&by_mapping], 0, region),
        (vec![&alike], 0, ""),
        (vec![&blocked], 1, region),
        (vec![&partition], 0, region),
        (vec![&account], 0, "   Assumed: `AWS::AccountId` is 123456789012, because --account is not given.\n"),
        (vec![&name], 0, "`AWS::StackName` is rehearsal-assumed-name, because --stack-name is not given.\n"),
        (vec![&together], 0, region),
        (vec![&nested], 0, region),
        (vec![&nested, "--region", "us-east-1"], 0, ""),
        (vec![&by_condition, "--update-from", &by_condition], 0, ""),
        (vec![&by_condition, "--update-from", &account], 0, region),
    ] {
        let output = command(&[&["rehearse", "--no-policy"], arguments.as_slice()].concat());
        let described = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {described}");
        assert_eq!(described.contains("Assumed: "), !says.is_empty(), "{arguments:?}: {described}");
        assert!(described.contains(says), "{arguments:?}: {described}");
    }
    let json: Json = serde_json::from_slice(&command(&["rehearse", "--format", "json", &by_condition]).stdout).unwrap();
    let assumption = "`AWS::Region` is us-east-1, because --region is not given";
    assert_eq!(json["Assumed"][0]["Assumption"], assumption, "{json}");
}

#[test]
fn what_breaks_the_rule_in_a_nested_stack_hinges_on_whether_that_is_there() {
    let inner = written("inner", &crate::support::read("examples/non-compliant.yaml"));
    let outer = written(
        "outer",
        "Parameters: {Env: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /env}}\nConditions: {IsProd: !Equals \
         [!Ref Env, prod]}\nResources:\n  Net: {Type: \
         'AWS::CloudFormation::Stack', Condition: IsProd, Properties: {TemplateURL: x}}\n",
    );
    let output = command(&["rehearse", &outer, "--nested", &format!("Net={inner}")]);
    assert!(stdout(&output).contains("would be blocked if `IsProd` is true"), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn a_value_that_the_template_does_not_allow_is_refused_without_repeating_it() {
    let template = "Parameters:
  Env: {Type: String, AllowedValues: [dev, prod]}
  Zones: {Type: CommaDelimitedList, AllowedValues: [a, b], Default: a}
Resources: {Jobs: {Type: 'AWS::SQS::Queue'}}
";
    let path = written("allowed", template);
    for (value, says) in [
        ("Env=hunter2", "the value of parameter `Env` is not one of its AllowedValues: dev, prod"),
        ("Zones=a,hunter2", "the value of parameter `Zones` is not one of"),
    ] {
        let output = command(&["rehearse", &path, "-p", value]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(stderr(&output).contains(says) && !stderr(&output).contains("hunter2"), "{}", stderr(&output));
    }
    let output = command(&["rehearse", &path, "-p", "Env=prod", "-p", "Zones=b, a"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_rehearsed_hides_nothing_of_what_can() {
    let binary = written("binary", "");
    std::fs::write(&binary, b"Resources: \xff").unwrap();
    let output = command(&["rehearse", "no-such.yaml", "examples/non-compliant.yaml", &binary]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stdout(&output).contains("=> non-compliant would be blocked"), "{}", stdout(&output));
    let errors = stderr(&output);
    assert!(errors.contains("error: cannot read `no-such.yaml`: "), "{errors}");
    assert!(errors.contains(": it is not UTF-8 text\nhelp: save it as UTF-8"), "{errors}");
}

#[test]
fn a_template_from_standard_input_is_deployed_under_the_name_given() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_cfn-egress-guard"))
        .args(["rehearse", "-", "--stack-name", "lb-prod", "--bootstrap"])
        .arg(crate::support::bootstrap())
        .stdin(std::fs::File::open(crate::support::root().join("examples/non-compliant.yaml")).unwrap())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut table = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut table).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{table}");
    assert!(table.contains("=> lb-prod would be blocked"), "{table}");
}

/// A name from the template's author starts no new line and does not control the terminal.
#[test]
fn names_of_a_template_are_shown_on_one_line() {
    let folder = crate::support::scratch("rehearsal-names");
    let path = folder.join("names.json");
    let group = serde_json::json!({"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x",
        "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]}});
    let template = serde_json::json!({"Resources": {"A\u{1b}[31m\n::error::x": group}});
    std::fs::write(&path, template.to_string()).unwrap();
    for arguments in [&["rehearse"][..], &["policy", "explain"], &["check"]] {
        let output = crate::support::command(&[arguments, &[path.to_str().unwrap()]].concat());
        let said = stdout(&output);
        assert!(said.contains("::error::x"), "{arguments:?}: {}", stderr(&output));
        assert!(!said.contains("\n::error") && !said.contains('\u{1b}'), "{arguments:?}: {said}");
    }
}

/// Quiet, but not with 0: a job must not treat a broken pipe as a clean run.
#[test]
fn a_reader_that_goes_away_is_no_error_and_no_success() {
    for arguments in [["rehearse", "examples/compliant.yaml"], ["check", "examples/non-compliant.yaml"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_cfn-egress-guard"))
            .args(arguments)
            .current_dir(crate::support::root())
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(141), String::new()), "{arguments:?}");
    }
}

/// Rehearses a template with one group that has these properties.
fn rehearsed(name: &str, properties: &str) -> Output {
    let template = format!("Resources: {{Web: {{Type: 'AWS::EC2::SecurityGroup', Properties: {{{properties}}}}}}}\n");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rehearsal-{name}.yaml"));
    std::fs::write(&path, template).unwrap();
    command(&["rehearse", path.to_str().unwrap()])
}

#[test]
fn nested_stacks_are_deployed_with_the_parameters_that_they_are_given() {
    let output = command(&["rehearse", "tests/fixtures/nested/app.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));

    let output = command(&["rehearse", "tests/fixtures/nested/app.yaml", "-p", "Port=8443"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table = stdout(&output);
    assert!(table.contains("name its file with --nested Elsewhere=FILE"), "{table}");
    assert!(table.contains("(1 not checked)"), "{table}");

    // As the CDK writes it: the URL is an asset's, and the metadata names the file.
    let output = command(&["rehearse", "tests/fixtures/nested/cdk.template.json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("tcp 8443-8444"), "{}", stdout(&output));

    let blocked = ["rehearse", "tests/fixtures/nested/app.yaml", "-p", "Port=8443", "--nested"];
    let output = command(&[&blocked[..], &["Elsewhere=examples/non-compliant.yaml"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("Embedded stack"), "{}", stdout(&output));
}

#[test]
fn an_update_goes_into_nested_stacks_whose_template_alone_has_changed() {
    let folder = std::env::temp_dir().join(format!("cfn-egress-guard-nested-{}", std::process::id()));
    for (version, to) in [("old", 443), ("new", 444)] {
        std::fs::create_dir_all(folder.join(version)).unwrap();
        let parent =
            "Resources: {Inner: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: ./inner.yaml}}}";
        std::fs::write(folder.join(version).join("app.yaml"), parent).unwrap();
        let inner = format!(
            "Resources: {{Group: {{Type: 'AWS::EC2::SecurityGroup', Properties: {{GroupDescription: x, \
             SecurityGroupEgress: [{{IpProtocol: tcp, FromPort: 443, ToPort: {to}, CidrIp: 10.0.0.0/8}}]}}}}}}"
        );
        std::fs::write(folder.join(version).join("inner.yaml"), inner).unwrap();
    }
    let file = |version: &str| folder.join(version).join("app.yaml").to_string_lossy().into_owned();
    let output = command(&["rehearse", "--update-from", &file("old"), &file("new")]);
    let table = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(table.contains("was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS"), "{table}");
    let output = command(&["rehearse", "--update-from", &file("old"), &file("old")]);
    assert!(!stdout(&output).contains("Inner"), "nothing has changed: {}", stdout(&output));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_change_set_and_a_stack_are_asked_about_before_any_resource_is_touched() {
    let rehearse = |targets: &str, template: &str| command(&["rehearse", "--target-operations", targets, template]);
    let change_set = rehearse("CHANGE_SET,STACK,RESOURCE", "examples/non-compliant.yaml");
    assert_eq!(change_set.status.code(), Some(1), "{}", stderr(&change_set));
    insta::assert_snapshot!(stdout(&change_set));
    let stack = rehearse("STACK,RESOURCE", "examples/non-compliant.yaml");
    assert_eq!(stack.status.code(), Some(1), "{}", stderr(&stack));
    insta::assert_snapshot!(stdout(&stack));
    let passed = rehearse("CHANGE_SET,STACK,RESOURCE", "examples/compliant.yaml");
    assert_eq!(passed.status.code(), Some(0), "{}", stderr(&passed));
    assert_eq!(stdout(&passed).matches("HOOK_COMPLETE_SUCCEEDED").count(), 4, "{}", stdout(&passed));
    let only_stack = rehearse("STACK", "examples/compliant.yaml");
    assert_eq!(stdout(&only_stack).matches("HOOK_COMPLETE_SUCCEEDED").count(), 1, "{}", stdout(&only_stack));
}

#[test]
fn without_the_target_that_decides_a_deployment_is_not_said_to_pass() {
    let rule = "Parameters: {To: {Type: Number, Default: 443}}\nResources:\n  R: {Type: AWS::EC2::SecurityGroupEgress, \
                Properties: {IpProtocol: tcp, FromPort: 443, ToPort: !Ref To}}\n";
    let rule = written("targets", rule);
    let queue = written("targets-queue", "Resources: {Jobs: {Type: 'AWS::SQS::Queue'}}\n");
    let says = "not checked: RESOURCE, which decides with resolved values, is not among the targets";
    for (template, targets, code, is_said) in [
        (&rule, "STACK", 0, true),
        (&rule, "CHANGE_SET", 1, true),
        (&rule, "STACK,RESOURCE", 1, false),
        (&queue, "STACK", 0, false),
    ] {
        let mut arguments = vec!["rehearse", template, "--target-operations", targets];
        if template == &rule {
            arguments.extend(["-p", "To=444"]);
        }
        let output = command(&arguments);
        let table = stdout(&output);
        assert_eq!(output.status.code(), Some(code), "{targets}: {table}{}", stderr(&output));
        assert_eq!(table.contains(says), is_said, "{targets}: {table}");
        assert!(!is_said || !table.contains("the hook allows it"), "{targets}: {table}");
    }
}

#[test]
fn a_change_set_says_what_only_the_deployment_will_know() {
    // One port is a resource's attribute; STACK and CHANGE_SET leave it to RESOURCE.
    let folder = std::env::temp_dir().join(format!("cfn-egress-guard-open-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let template = folder.join("open.yaml");
    let text = "
Resources:
  Db: {Type: AWS::RDS::DBInstance}
  Rule:
    Type: AWS::EC2::SecurityGroupEgress
    Properties: {GroupId: sg-1, IpProtocol: tcp, FromPort: 5432, ToPort: !GetAtt Db.Endpoint.Port, CidrIp: 10.0.0.0/8}
";
    std::fs::write(&template, text).unwrap();
    let output = command(&["rehearse", "--target-operations", "CHANGE_SET,STACK", template.to_str().unwrap()]);
    let table = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(table.contains("{{changeSet:KNOWN_AFTER_APPLY}}"), "{table}");
    assert!(table.contains("ToPort is !GetAtt Db.Endpoint.Port"), "{table}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn templates_that_nest_themselves_or_are_nowhere_say_so() {
    let folder = std::env::temp_dir().join(format!("cfn-egress-guard-cycle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let nests = |name: &str, url: &str| {
        let text =
            format!("Resources: {{Next: {{Type: 'AWS::CloudFormation::Stack', Properties: {{TemplateURL: {url}}}}}}}");
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).to_string_lossy().into_owned()
    };
    let (a, missing) = (nests("a.yaml", "./b.yaml"), nests("missing.yaml", "gone.yaml"));
    nests("b.yaml", "./a.yaml");
    for (arguments, says) in [
        (vec!["rehearse", &a], "nested stack `Next/Next` uses"),
        (vec!["rehearse", &missing], "gone.yaml"),
        (
            vec!["rehearse", "--nested", "Web=x.yaml", "examples/compliant.yaml"],
            "the templates have no nested stack and no application",
        ),
        (vec!["rehearse", "--nested", "Net=x.yaml", "tests/fixtures/nested/app.yaml"], "Network, Network/Inner"),
        (vec!["rehearse", "--nested", "Network", "tests/fixtures/nested/app.yaml"], "LOGICAL_ID=FILE"),
        (vec!["rehearse", "--target-operations", "CLOUD_CONTROL", "examples/compliant.yaml"], "CHANGE_SET"),
    ] {
        let output = command(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_sam_application_is_deployed_as_a_nested_stack() {
    let child = "Parameters: {To: {Type: Number}}\nResources:\n  R: {Type: AWS::EC2::SecurityGroupEgress, Properties: \
                 {GroupId: sg-1, IpProtocol: tcp, FromPort: 80, ToPort: !Ref To, CidrIp: 10.0.0.0/8}}\n";
    let child = written("application", child);
    let app = |name: &str, location: &str| {
        let text = format!(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  App: {{Type: AWS::Serverless::Application, Properties: \
             {{Location: {location}, Parameters: {{To: 90}}}}}}\n"
        );
        written(name, &text)
    };
    let local = app("application-local", "./rehearsal-application.yaml");
    let elsewhere = app("application-elsewhere", "{ApplicationId: x, SemanticVersion: 1.0.0}");
    let given = format!("App={child}");
    for arguments in [vec!["rehearse", &local], vec!["rehearse", &elsewhere, "--nested", &given]] {
        let output = command(&arguments);
        let described = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {described}");
        assert!(described.contains("tcp 80-90") && described.contains("Embedded stack"), "{arguments:?}: {described}");
        assert!(!described.contains("not checked"), "{arguments:?}: {described}");
    }
    // An unchanged StackSet deploys nothing.
    let set = written("stack-set-twice", "Resources: {S: {Type: 'AWS::CloudFormation::StackSet'}}\n");
    let output = command(&["rehearse", &set, "--update-from", &set]);
    assert!(stdout(&output).contains("nothing to update") && !stdout(&output).contains("not checked"), "{output:?}");
}

#[test]
fn a_template_does_not_expose_files_outside_its_repository() {
    let folder = crate::support::scratch("rehearse-outside");
    std::fs::create_dir_all(folder.join("r/.git")).unwrap();
    std::fs::write(folder.join("r/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(folder.join("outside.yaml"), "password: hunter2\n  : broken\n").unwrap();
    for url in ["../outside.yaml", "file://../outside.yaml", "../no-such-file.yaml", "/etc/hostname", "x/../../no.yaml"]
    {
        let text = format!(
            "Resources: {{Next: {{Type: 'AWS::CloudFormation::Stack', Properties: {{TemplateURL: '{url}'}}}}}}"
        );
        std::fs::write(folder.join("r/app.yaml"), text).unwrap();
        let output = crate::support::command_in(&folder.join("r"), &["rehearse", "app.yaml"]);
        assert_eq!((stderr(&output).as_str(), output.status.code()), ("", Some(0)), "{url}: {}", stdout(&output));
        assert!(stdout(&output).contains("name its file with --nested Next=FILE"), "{url}: {}", stdout(&output));
    }
}

#[test]
fn a_parameter_that_keeps_its_value_has_the_one_of_the_deployed_stack() {
    let text = |default: u16, description: &str| {
        format!(
            "Parameters: {{To: {{Type: Number, Default: {default}}}}}\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
             Properties: {{GroupId: sg-1, IpProtocol: tcp, FromPort: 80, ToPort: !Ref To, Description: {description}}}\n"
        )
    };
    let (old, new) = (written("previous-old", &text(80, "a")), written("previous-new", &text(90, "b")));
    let required = written("previous-required", &text(80, "a").replace(", Default: 80", ""));
    let keep = "ParameterKey=To,UsePreviousValue=true";
    for (arguments, code, says) in [
        (vec!["--update-from", &old, &new], 1, "80-90"),
        (vec!["--update-from", &old, &new, "-p", keep], 0, "the hook allows it"),
        (vec!["--update-from", &old, &new, "-p", keep, "--previous-parameters", "To=85"], 1, "80-85"),
        (vec!["--update-from", &required, &new, "-p", keep, "--previous-parameters", "To=80"], 0, "the hook allows it"),
        (vec!["--update-from", &required, &new, "-p", keep], 2, "pass it with --previous-parameters"),
        (vec![&new, "-p", keep], 2, "name the deployed template with --update-from"),
        (
            vec!["--update-from", &old, &new, "--previous-parameters", "Too=80"],
            2,
            "`Too` has a value but is not declared",
        ),
        (vec!["--update-from", &old, &new, "--previous-parameters", keep], 2, "pass the value of `To` itself"),
        (vec![&new, "--previous-parameters", "To=80"], 2, "--update-from"),
    ] {
        let output = command(&[&["rehearse"], arguments.as_slice()].concat());
        let described = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {described}");
        assert!(described.contains(says), "{arguments:?}: {described}");
    }
}

#[test]
fn a_new_value_of_a_parameter_is_a_change_of_the_deployed_stack() {
    let text = |name: &str, default: &str, description: &str| {
        let template = format!(
            "Parameters: {{To: {{Type: Number{default}}}}}\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
             Properties: {{GroupId: sg-1, IpProtocol: tcp, FromPort: 1, ToPort: !Ref To, Description: {description}}}\n"
        );
        written(name, &template)
    };
    let (old, new) = (text("changed-old", ", Default: 2", "a"), text("changed-new", ", Default: 2", "b"));
    let (required, other) = (text("changed-required", "", "a"), text("changed-other", "", "b"));
    let policy = written("changed-policy", "unchanged_rules = 'allow'\n");
    let known_debt = "known debt, unchanged by this update";
    for (arguments, code, says) in [
        (vec![&new, "--update-from", &old, "-p", "To=3"], 1, "tcp 1-3"),
        (vec![&old, "--update-from", &old, "-p", "To=3"], 1, "tcp 1-3"),
        (vec![&old, "--update-from", &old, "-p", "To=2"], 0, "there is nothing to update"),
        (vec![&new, "--update-from", &old, "-p", "To=3", "--previous-parameters", "To=3"], 0, known_debt),
        (vec![&other, "--update-from", &required, "-p", "To=3", "--previous-parameters", "To=2"], 1, "tcp 1-3"),
        // Nothing else is known about the deployed value.
        (vec![&other, "--update-from", &required, "-p", "To=3"], 0, known_debt),
    ] {
        let output = command(&[&["rehearse", "--policy", &policy], arguments.as_slice()].concat());
        let described = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {described}");
        assert!(described.contains(says), "{arguments:?}: {described}");
    }
}

#[test]
fn a_value_that_the_template_does_not_allow_is_no_deployment() {
    let text = |constraint: &str| {
        format!("Parameters: {{To: {{Type: String, {constraint}}}}}\nResources: {{T: {{Type: 'AWS::SNS::Topic'}}}}\n")
    };
    for (name, constraint, says) in [
        ("values", "AllowedValues: [a, b]", "AllowedValues: a, b"),
        ("pattern", "AllowedPattern: '[a-z]'", "AllowedPattern"),
        ("length", "MinLength: 3", "MinLength"),
    ] {
        let path = written(&format!("allowed-{name}"), &text(constraint));
        let output = command(&["rehearse", &path, "-p", "To=X1"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(says) && !stderr(&output).contains("X1"), "{}", stderr(&output));
    }
}

#[test]
fn a_creation_needs_a_value_for_each_required_parameter() {
    let template = "Parameters:\n  A: {Type: Number}\n  B: {Type: Number}\n  C: {Type: Number, Default: 1}\nResources: \
                    {Jobs: {Type: 'AWS::SQS::Queue'}}\n";
    let path = written("required", template);
    let output = command(&["rehearse", &path]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let says = "parameters `A`, `B` have no default and no value; pass each one with -p Key=Value";
    assert!(stderr(&output).contains(says), "{}", stderr(&output));
    let output = command(&["rehearse", &path, "-p", "A=1", "-p", "B=2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // An update keeps the stack's values.
    let output = command(&["rehearse", "--update-from", &path, &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_group_that_parameters_switch_off_is_named() {
    let template = "Parameters: {Open: {Type: String, Default: 'no'}}\nConditions: {IsOpen: !Equals [!Ref Open, \
                    'yes']}\nResources:\n  Jobs: {Type: 'AWS::SQS::Queue'}\n  Web:\n    Type: \
                    AWS::EC2::SecurityGroup\n    Condition: IsOpen\n    Properties: {GroupDescription: x}\n";
    let path = written("switched-off", template);
    let table = stdout(&command(&["rehearse", &path]));
    assert!(table.contains("with these parameters it creates no Web."), "{table}");
    let table = stdout(&command(&["rehearse", &path, "-p", "Open=yes"]));
    assert!(table.contains("would be deployed: the hook allows it"), "{table}");
}

#[test]
fn without_rollback_a_blocked_stack_stays_as_it_is() {
    for flag in ["--disable-rollback", "--express"] {
        let output = command(&["rehearse", flag, "examples/non-compliant.yaml"]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let table = stdout(&output);
        assert!(!table.contains("ROLLBACK") && !table.contains("DELETE"), "{table}");
        assert!(table.contains("CREATE_FAILED") && table.contains("Rollback is disabled: resources"), "{table}");
    }
}

#[test]
fn no_control_character_of_a_template_reaches_a_terminal() {
    let evil = "A\\e[2J\\u202eb\\u0085\\a";
    let template = format!(
        "Transform: \"M{evil}\"\nParameters: {{\"P{evil}\": {{Type: Number, Default: 1}}}}\nConditions: {{\"C{evil}\": !Equals [!Ref \"P{evil}\", !ImportValue \
         x]}}\nResources:\n  \"{evil}\":\n    Type: AWS::EC2::SecurityGroup\n    Condition: \"C{evil}\"\n    Properties:\n      \
         GroupDescription: \"{evil}\"\n      SecurityGroupEgress: [{{IpProtocol: \"{evil}\", FromPort: \"{evil}\", ToPort: !Ref \
         \"P{evil}\", CidrIp: \"{evil}\"}}]\n  \"N{evil}\": {{Type: \"T{evil}::X::Y\", Properties: {{\"K{evil}\": !GetAtt \"{evil}.{evil}\"}}}}\n  \"S{evil}\": {{Type: \
         AWS::CloudFormation::Stack}}\n  \"A{evil}\": {{Type: AWS::Serverless::Application}}\n  \"T{evil}\": {{Type: \
         AWS::CloudFormation::StackSet}}\n"
    );
    let path = written("control", &template);
    for arguments in [
        vec!["rehearse", &path],
        vec!["rehearse", "--format", "json", &path],
        vec!["rehearse", "--update-from", "examples/compliant.yaml", &path],
        vec!["rehearse", &path, "-p", "X=1"],
        vec!["policy", "explain", &path],
    ] {
        let output = command(&arguments);
        let described = format!("{}{}", stdout(&output), stderr(&output));
        let found = described.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(found, None, "{arguments:?}: {described}");
    }
}

#[test]
fn a_nested_stack_that_does_not_take_what_it_is_passed_is_refused() {
    let child = "Parameters:\n  To: {Type: Number, MaxValue: 80}\nResources:\n  T: {Type: AWS::SNS::Topic}\n";
    let child = written("refused-child", child);
    for (passed, says) in [
        ("To: 80", ""),
        ("To: 90", "the value of parameter `To` is greater than its MaxValue, 80"),
        ("To: 80, Nobody: 1", "parameter `Nobody` has a value but is not declared; declared: To"),
        ("", "no value is passed for `To`, without a default"),
    ] {
        let parent = written(
            "refused-parent",
            &format!(
                "Resources:\n  S:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: x, Parameters: {{{passed}}}}}\n"
            ),
        );
        let output = command(&["rehearse", &parent, "--nested", &format!("S={child}")]);
        assert_eq!(output.status.code(), Some(if says.is_empty() { 0 } else { 2 }), "{passed}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{passed}: {}", stderr(&output));
    }
}
