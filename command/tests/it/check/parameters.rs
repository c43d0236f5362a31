//! Values given from outside: parameters, Region, account.

use super::{check, folder};
use crate::support::{stderr, stdout};

const FORMATS: [&str; 6] = ["human", "json", "sarif", "github", "gitlab", "junit"];

const BY_PARAMETER: &str = "Parameters:\n  Port: {Type: Number}\nResources:\n  Rule:\n    Type: \
                            AWS::EC2::SecurityGroupEgress\n    Properties: {IpProtocol: tcp, FromPort: 443, ToPort: !Ref \
                            Port}\n";

#[test]
fn given_values_decide_in_every_published_form() {
    let folder = folder(
        "given",
        &[
            ("t.yaml", BY_PARAMETER),
            ("list.json", r#"[{"ParameterKey": "Port", "ParameterValue": "443"}]"#),
            ("pairs.json", r#"["Port=443"]"#),
            ("pipeline.json", r#"{"Parameters": {"Port": "443"}}"#),
            ("pipeline.yaml", "Parameters:\n  Port: 443\n"),
        ],
    );
    assert!(check(&folder, &["t.yaml"]).described().1.starts_with("warning"), "without a value");
    for arguments in [
        &["t.yaml", "--parameters", "Port=443"][..],
        &["--parameters", "ParameterKey=Port,ParameterValue=443", "--", "t.yaml"],
        &["--parameters", "ParameterKey=Port,ParameterValue=1", "ParameterKey=Port,ParameterValue=443", "t.yaml"],
        &["--parameter-overrides", "Port=1", "Port=443", "t.yaml"],
        &["t.yaml", "-p", "list.json"],
        &["t.yaml", "-p", "file://list.json"],
        &["t.yaml", "-p", "pairs.json"],
        &["t.yaml", "-p", "pipeline.json"],
        &["t.yaml", "-p", "pipeline.yaml"],
        &["t.yaml", "-p", r#"[{"ParameterKey": "Port", "ParameterValue": "443"}]"#],
    ] {
        let (code, described) = check(&folder, arguments).described();
        assert_eq!(code, 0, "{arguments:?}");
        assert!(described.contains(" 0 errors, 0 warnings"), "{arguments:?}: {described}");
    }
    let (code, described) = check(&folder, &["t.yaml", "-p", "Port=8443"]).described();
    assert_eq!(code, 1);
    assert!(
        described.contains("^^^^^^^^^ to 8443: 8001 ports"),
        "what was given is said beside the reference: {described}"
    );
}

#[test]
fn region_and_account_decide_where_a_template_asks() {
    let text = "Mappings:\n  Ports:\n    eu-central-1: {To: 443}\n    us-east-1: {To: 8443}\nResources:\n  Rule:\n    Type: \
                AWS::EC2::SecurityGroupEgress\n    Properties:\n      IpProtocol: tcp\n      FromPort: 443\n      ToPort: \
                !FindInMap [Ports, !Ref AWS::Region, To]\n";
    let account = "Conditions:\n  IsTest: !Equals [!Ref AWS::AccountId, '111111111111']\nResources:\n  Rule:\n    Type: \
                   AWS::EC2::SecurityGroupEgress\n    Properties: {IpProtocol: tcp, FromPort: 1, ToPort: !If [IsTest, 1, 2]}\n";
    let folder = folder("region", &[("t.yaml", text), ("a.yaml", account)]);
    assert!(check(&folder, &["t.yaml"]).described().1.starts_with("warning"));
    assert_eq!(check(&folder, &["t.yaml", "--region", "eu-central-1"]).described().0, 0);
    assert_eq!(check(&folder, &["t.yaml", "--region", "us-east-1"]).described().0, 1);
    let (code, described) = check(&folder, &["a.yaml"]).described();
    assert_eq!(code, 1);
    assert!(described.contains("opens a range of 2 ports (if `IsTest` is false)"), "{described}");
    assert_eq!(check(&folder, &["a.yaml", "--account", "111111111111"]).described().0, 0);
}

#[test]
fn secrets_never_appear() {
    let secret = "hunter2-4711";
    let text = format!(
        "Parameters:\n  Secret: {{Type: String, NoEcho: true, Default: default-{secret}}}\n  Count: {{Type: Number, NoEcho: \
         'true'}}\nConditions:\n  IsKnown: !Equals [!Ref Secret, {secret}]\n  IsFour: !Equals [!Ref Count, '47110815']\n\
         Resources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties:\n      IpProtocol: tcp\n      FromPort: \
         !Ref Count\n      ToPort: !Ref Secret\n      CidrIp: !Sub '${{Secret}}/16'\n  Other:\n    Type: \
         AWS::EC2::SecurityGroupEgress\n    Properties:\n      IpProtocol: !Ref Secret\n      FromPort: !If [IsKnown, 1, \
         2]\n      ToPort: !If [IsFour, 3, !Select [0, !Split ['-', !Ref Secret]]]\n      DestinationSecurityGroupId: !Ref \
         Secret\n"
    );
    let folder = folder(
        "secrets",
        &[
            ("t.yaml", &text),
            ("p.json", &format!(r#"{{"Parameters": {{"Secret": "{secret}", "Count": "47110815"}}}}"#)),
        ],
    );
    for format in FORMATS {
        for strict in [&[][..], &["--strict"]] {
            for given in [&["-p", "p.json"][..], &["-p", &format!("Secret={secret}"), "-p", "Count=47110815"]] {
                let output = check(&folder, &[&["t.yaml", "--format", format][..], strict, given].concat()).output();
                let all = [output.stdout, output.stderr].concat();
                let all = String::from_utf8(all).unwrap();
                assert!(all.contains("NoEcho"), "{format} says why it is not known: {all}");
                assert!(!all.contains("hunter2") && !all.contains("47110815"), "{format}: {all}");
            }
        }
    }
}

#[test]
fn a_parameter_that_no_template_declares_is_refused() {
    let good = "Resources: {T: {Type: AWS::SNS::Topic}}\n";
    let folder =
        folder("undeclared", &[("t.yaml", BY_PARAMETER), ("good.yaml", good), ("open.yaml", "Transform: Mine\n")]);
    let refused = |arguments: &[&str]| {
        let output = check(&folder, arguments).output();
        (output.status.code(), stderr(&output))
    };
    let (code, said) = refused(&["t.yaml", "-p", "Port=443", "-p", "Prot=443"]);
    assert_eq!(code, Some(2));
    assert_eq!(said, "error: parameter `Prot` has a value but is not declared; declared: Port\n");
    let (code, said) = refused(&["good.yaml", "-p", "Prot=443"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(2), "error: parameter `Prot` has a value, but no template declares parameters\n")
    );
    assert_eq!(refused(&["t.yaml", "good.yaml", "-p", "Prot=443"]).0, Some(2), "of many templates");
    assert_eq!(refused(&["t.yaml", "good.yaml", "-p", "Port=443"]).0, Some(0), "one that some declare");
    assert_eq!(refused(&["t.yaml", "-p", "ParameterKey=Prot,UsePreviousValue=true"]).0, Some(2));
    assert_eq!(refused(&["open.yaml", "-p", "Prot=443"]).0, Some(0), "a macro may declare it");
    // Findings are still reported.
    let output = check(&folder, &["t.yaml", "-p", "Port=444", "-p", "Prot=1", "--format", "json"]).output();
    assert!(stdout(&output).contains("\"code\": \"port-range\""), "{}", stdout(&output));
}

#[test]
fn a_value_that_the_template_does_not_allow_is_refused_with_its_place() {
    let text =
        BY_PARAMETER.replace("Type: Number}", "Type: Number, MinValue: 400, MaxValue: 500, AllowedValues: [443, 444]}");
    let folder = folder("refused", &[("t.yaml", &text), ("u.yaml", BY_PARAMETER)]);
    for (format, says) in FORMATS.iter().zip(["AllowedValues: 443, 444"; 6]) {
        let (code, described) = check(&folder, &["t.yaml", "-p", "Port=450", "--format", format]).described();
        assert_eq!(code, 2, "{format}");
        assert!(described.contains(says) && described.contains("`Port`"), "{format}: {described}");
    }
    let (_, described) = check(&folder, &["t.yaml", "-p", "Port=450"]).described();
    assert!(described.contains("--> t.yaml:2:69\n"), "{described}");
    let (code, described) = check(&folder, &["t.yaml", "u.yaml", "-p", "Port=450"]).described();
    assert_eq!(code, 2, "others are judged: {described}");
    assert!(
        described.contains("opens a range of 8 ports") && described.contains("1 file could not be checked"),
        "{described}"
    );
}

#[test]
fn a_previous_value_is_not_known_here() {
    let text = BY_PARAMETER.replace("Type: Number}", "Type: Number, Default: 443}");
    let folder =
        folder("previous", &[("t.yaml", &text), ("p.json", r#"[{"ParameterKey": "Port", "UsePreviousValue": true}]"#)]);
    for given in [
        "ParameterKey=Port,UsePreviousValue=true",
        "p.json",
        r#"[{"ParameterKey": "Port", "UsePreviousValue": "true"}]"#,
    ] {
        let (code, described) = check(&folder, &["t.yaml", "-p", given]).described();
        assert_eq!(code, 0, "{given}");
        assert!(described.starts_with("warning[undetermined-value]: ToPort is !Ref Port"), "{given}: {described}");
        assert_eq!(check(&folder, &["t.yaml", "-p", given, "--strict"]).described().0, 1, "{given}");
        assert_eq!(
            check(&folder, &["t.yaml", "-p", given, "--strict", "--trust-defaults"]).described().0,
            1,
            "{given}"
        );
    }
}
