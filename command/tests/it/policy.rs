//! The policy file through the real programs: `policy check`, `policy explain`, the function, rehearsals.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::support::{answer, command, command_in, event, function, group, root, stderr, stdout};

const EXAMPLE: &str = "examples/load-balancer.policy.toml";

/// A folder with a policy, as Lambda unpacks a function's code.
struct Code(PathBuf);

impl Code {
    fn with(name: &str, policy: &[u8]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("policy.toml"), policy).unwrap();
        Self(folder)
    }

    fn policy(&self) -> String {
        self.0.join("policy.toml").display().to_string()
    }

    fn folder(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

#[test]
fn the_default_policy_is_the_published_rule_and_needs_nothing() {
    let output = command(&["policy", "check"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn check_says_what_a_policy_means_and_what_is_to_do() {
    let check =
        |day: &str, within: &str| command(&["policy", "check", EXAMPLE, "--as-of", day, "--expiring-within", within]);
    insta::assert_snapshot!(stdout(&check("2027-06-15", "30")));
    for (day, within, code) in [
        ("2027-05-30", "30", 0),
        ("2027-05-31", "30", 3),
        ("2027-05-31", "29", 0),
        ("2027-06-30", "0", 3),
        ("2027-07-01", "0", 1),
    ] {
        assert_eq!(check(day, within).status.code(), Some(code), "{day} {within}");
    }
}

#[test]
fn a_broken_policy_is_refused_at_once_with_every_mistake() {
    let code = Code::with("broken", b"preset = 'efective'\n[[exemption]]\nid = 'a'\nexpire = 2027-06-30\n");
    for arguments in [
        vec!["policy", "check", &code.policy()],
        vec!["policy", "explain", "examples/compliant.yaml", "--policy", &code.policy()],
        vec!["rehearse", "examples/compliant.yaml", "--policy", &code.policy()],
    ] {
        let output = command(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "");
        insta::allow_duplicates! {
            insta::assert_snapshot!(stderr(&output).replace(code.folder(), "@@FOLDER@@"), @r#"
            error: the policy cannot be used
            @@FOLDER@@/policy.toml:1:10: `preset` is "efective", which is not a known value
              help: did you mean `effective`?
            @@FOLDER@@/policy.toml:2:1: `reason` is missing
              help: add reason = "the load balancer reaches containers on ephemeral host ports"
            @@FOLDER@@/policy.toml:2:1: `owner` is missing
              help: add owner = "platform@example.com"
            @@FOLDER@@/policy.toml:2:1: `expires` is missing
              help: add expires = 2027-06-30
            @@FOLDER@@/policy.toml:4:1: unknown key `expire`
              help: did you mean `expires`?
            "#);
        }
    }
    let missing = command(&["policy", "check", "no-such-policy.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("no-such-policy.toml"));
}

#[test]
fn explain_says_what_decides_about_each_egress_rule() {
    let explain = |day: &str, place: &[&str]| {
        let mut arguments =
            vec!["policy", "explain", "examples/load-balancer.yaml", "--policy", EXAMPLE, "--as-of", day];
        arguments.extend(place);
        command(&arguments)
    };
    let here = ["--account", "123456789012", "--stack-name", "load-balancer"];
    let mut all = String::new();
    for (day, place, code) in [
        ("2027-01-01", here.as_slice(), 0),
        ("2027-06-30", here.as_slice(), 0),
        ("2027-07-01", here.as_slice(), 1),
        ("2027-01-01", &here[..2], 1),
        ("2027-01-01", &[], 1),
        ("2027-07-01", &[], 1),
        ("2027-01-01", &["--account", "999999999999"], 1),
        ("2027-01-01", &["--account", "999999999999", "--stack-name", "load-balancer"], 1),
    ] {
        let output = explain(day, place);
        assert_eq!(output.status.code(), Some(code), "{day} {place:?}");
        all.push_str(&format!("{day} {place:?}\n{}", stdout(&output)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn explain_names_the_setting_that_allows_ignored_ports_once() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("explain-setting");
    std::fs::create_dir_all(&folder).unwrap();
    let template = "Resources:\n  R:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties: {GroupId: sg-1, CidrIp: 0.0.0.0/0, \
                    IpProtocol: '-1', FromPort: 443, ToPort: 443}\n";
    std::fs::write(folder.join("t.yaml"), template).unwrap();
    let output = command_in(&folder, &["policy", "explain", "t.yaml", "--no-policy"]);
    let text = stdout(&output);
    assert!(text.contains("The setting ignored_ports = allow"), "{text}");
    assert!(!text.contains("default_egress") && !text.contains("with other values of parameters"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn explain_takes_parameters_and_nested_stacks_as_check_does() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("explain-nested");
    std::fs::create_dir_all(&folder).unwrap();
    let child = "Parameters:\n  To: {Type: Number, Default: 80, MaxValue: 90}\nResources:\n  Rule:\n    Type: \
                 AWS::EC2::SecurityGroupEgress\n    Properties: {GroupId: sg-1, CidrIp: 10.0.0.0/8, IpProtocol: tcp, FromPort: 80, \
                 ToPort: !Ref To}\n";
    let stack = "Type: AWS::CloudFormation::Stack, Properties:";
    let app = format!(
        "Parameters:\n  Port: {{Type: Number, Default: 80}}\n  Open: {{Type: String, Default: x}}\nConditions:\n  IsOpen: !Equals \
         [!Ref Open, y]\nResources:\n  Near: {{{stack} {{TemplateURL: near.yaml, Parameters: {{To: !Ref Port}}}}}}\n  Far: \
         {{{stack} {{TemplateURL: https://s3.amazonaws.com/b/k}}}}\n  Late: {{Condition: IsOpen, {stack} {{TemplateURL: near.yaml, \
         Parameters: {{To: 90}}}}}}\n"
    );
    for (name, text) in [("app.yaml", app.as_str()), ("near.yaml", child)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let app = folder.join("app.yaml").display().to_string();
    let far = format!("Far={}", folder.join("near.yaml").display());
    let mut all = String::new();
    for (more, code) in [
        (&[][..], 0),
        (&["-p", "Port=90"], 1),
        (&["-p", "Port=80", "Open=y"], 1),
        (&["--nested", &far], 0),
        (&["-p", "Port=100"], 1),
        (&["-p", "Prot=80"], 2),
        (&["--nested", "Fra=x"], 2),
    ] {
        let arguments = [&["policy", "explain", "--no-policy", &app], more].concat();
        let output = command(&arguments);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {}{}", stdout(&output), stderr(&output));
        let arguments = [&["check", "--no-policy", &app], more].concat();
        assert_eq!(command(&arguments).status.code(), Some(code), "check {more:?}");
        let more = more.join(" ").replace(&folder.display().to_string(), "FOLDER");
        all.push_str(&format!("{more}\n{}{}\n", stdout(&output), stderr(&output)));
    }
    insta::assert_snapshot!(all.replace(&folder.display().to_string(), "FOLDER"));
}

#[test]
fn explain_names_the_place_of_a_mistake_as_check_does() {
    let inline = |body: &str| {
        let body = body.replace('\n', "\n        ");
        format!(
            "Resources:\n  E:\n    Type: AWS::CloudFormation::StackSet\n    Properties:\n      TemplateBody: |\n        {body}\n"
        )
    };
    let broken = "Resources:\n  R: {Type: AWS::EC2::SecurityGroup, Properties: [}";
    let twice = inline(&inline(broken));
    let escaped =
        "Resources: {E: {Type: AWS::CloudFormation::StackSet, Properties: {TemplateBody: \"A:\\n  [}\\n\"}}}\n";
    let folder = crate::support::scratch("explain-mistakes");
    for (name, text, says) in [
        ("inline.yaml", inline(broken).as_str(), "inline.yaml:7:58: the template in `E`: this is not valid YAML"),
        ("twice.yaml", &twice, "twice.yaml:12:66: the template in `E`: the template in `E`: this is not valid YAML"),
        ("escaped.yaml", escaped, "escaped.yaml:1:81: the template in `E`: this is not valid YAML"),
        ("none.yaml", &inline("A: b"), "none.yaml:6:9: the template in `E`: the template has no `Resources` section"),
        ("own.yaml", broken, "own.yaml:2:50: this is not valid YAML"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
        let explained = command_in(&folder, &["policy", "explain", "--no-policy", name]);
        assert_eq!(explained.status.code(), Some(2), "{name}");
        assert!(stderr(&explained).contains(says), "{name}: {}", stderr(&explained));
        let checked = stdout(&command_in(&folder, &["check", "--no-policy", name]));
        let place = says.split(": ").next().unwrap();
        assert!(checked.contains(&format!("--> {place}\n")), "{name}: {checked}");
    }
}

/// Only words that do not fit on a line are wider than a terminal.
#[test]
fn lines_for_people_fit_a_narrow_terminal() {
    let program = env!("CARGO_BIN_EXE_cfn-egress-guard");
    let run = |columns: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program)
            .args(arguments)
            .env("COLUMNS", columns)
            .current_dir(crate::support::root())
            .output()
            .unwrap();
        format!("{}{}", stdout(&output), stderr(&output))
    };
    for arguments in [
        &["policy", "check", EXAMPLE][..],
        &["policy", "explain", "examples/load-balancer.yaml"],
        &["rehearse", "examples/non-compliant.yaml"],
        &["rehearse", "--target-operations", "STACK,CHANGE_SET", "examples/non-compliant.yaml"],
        &["rehearse", "no-such-file-is-here.yaml"],
        &["check", "examples/non-compliant.yaml", "-p", "Nobody=1"],
    ] {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (narrow, wide) = (run("45", arguments), run("1000", arguments));
        let is_too_wide = |line: &&str| line.chars().count() > 45 && line.trim_start().contains(' ');
        let too_wide = narrow.lines().filter(|line| !line.contains("-->")).find(is_too_wide);
        assert_eq!(too_wide, None, "{arguments:?}");
        if arguments[0] != "check" {
            assert_eq!(words(&narrow), words(&wide), "{arguments:?}: no word is cut or lost");
        }
    }
    for arguments in [&["policy", "check", "--format", "json", EXAMPLE][..], &["schema", "policy"]] {
        assert_eq!(run("20", arguments), run("1000", arguments), "what machines read is never broken");
    }
}

#[test]
fn explain_takes_an_event_of_the_hook() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("event");
    std::fs::create_dir_all(&folder).unwrap();
    let explain = |name: &str, event: &Json| {
        let path = folder.join(name);
        std::fs::write(&path, event.to_string()).unwrap();
        command(&["policy", "explain", path.to_str().unwrap()])
    };
    let rules = json!([
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"},
        {"IpProtocol": "-1", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/16"},
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "10.0.0.0/16"},
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": "{{resolve:ssm:p}}", "CidrIp": "10.0.0.0/16"},
        "tcp",
    ]);
    let output = explain("rules.json", &event("AWS::EC2::SecurityGroup", &json!({ "SecurityGroupEgress": rules })));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let none = explain("none.json", &event("AWS::EC2::SecurityGroup", &json!({})));
    assert_eq!(none.status.code(), Some(0));
    let other = explain("other.json", &event("AWS::S3::Bucket", &json!({})));
    assert_eq!(other.status.code(), Some(0));
    insta::assert_snapshot!(format!("{}{}{}", stdout(&output), stdout(&none), stdout(&other)));
    let stack = explain("stack.json", &json!({"requestData": {"targetName": "STACK"}}));
    assert_eq!(stack.status.code(), Some(2));
}

#[tokio::test]
async fn the_function_reads_the_policy_that_is_packaged_with_it() {
    let policy = format!(
        "[[exemption]]\nid = 'range'\nreason = 'x'\nowner = 'y'\nexpires = {}\naccount = '123456789012'\nports = '80-90'\n",
        "9999-12-31"
    );
    let held = Code::with("held", policy.as_bytes());
    let expired = Code::with("expired", policy.replace("9999-12-31", "2020-02-29").as_bytes());
    for (code, expected, says) in [
        (&held, Json::Null, ": exempt until 9999-12-31"),
        (&expired, json!("NonCompliant"), "Exemption range covered it and expired on 2020-02-29"),
    ] {
        let mut function = function(&[("LAMBDA_TASK_ROOT", code.folder())]).await;
        let answer = answer(&mut function, group(80, 87).to_string()).await;
        assert_eq!(answer["errorCode"], expected, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
}

#[tokio::test]
async fn a_packaged_policy_that_cannot_be_used_fails_every_invocation_closed() {
    for (name, policy, says) in [
        (
            "typo",
            b"preset = 'literal'\nexemptions = []\n".as_slice(),
            "policy.toml, line 2, column 1: unknown key `exemptions`",
        ),
        ("no-text", b"preset = \"\xff\"", "policy.toml, stream did not contain valid UTF-8"),
    ] {
        let code = Code::with(name, policy);
        let mut function = function(&[("LAMBDA_TASK_ROOT", code.folder())]).await;
        for _ in 0..2 {
            let answer = answer(&mut function, group(443, 443).to_string()).await;
            assert_eq!(answer["errorCode"], "InternalFailure");
            assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
        }
    }
    // A policy path that is a folder exists, but cannot be read.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("folder");
    std::fs::create_dir_all(folder.join("policy.toml")).unwrap();
    let mut function = function(&[("LAMBDA_TASK_ROOT", folder.to_str().unwrap())]).await;
    assert_eq!(answer(&mut function, group(443, 443).to_string()).await["errorCode"], "InternalFailure");
}

#[tokio::test]
async fn the_variable_overrides_the_preset_of_the_packaged_policy() {
    let code = Code::with("effective", b"preset = 'effective'\n");
    let ping = event(
        "AWS::EC2::SecurityGroupEgress",
        &json!({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "10.0.0.0/8"}),
    );
    for (preset, expected) in [(None, Json::Null), (Some("literal"), json!("NonCompliant"))] {
        let mut environment = vec![("LAMBDA_TASK_ROOT", code.folder())];
        environment.extend(preset.map(|preset| ("EGRESS_PRESET", preset)));
        let mut function = function(&environment).await;
        assert_eq!(answer(&mut function, ping.to_string()).await["errorCode"], expected, "{preset:?}");
    }
}

#[test]
fn a_rehearsal_shows_the_exemption_at_work() {
    let policy = std::fs::read_to_string(root().join(EXAMPLE)).unwrap().replace("2027-06-30", "9999-12-31");
    let code = Code::with("rehearsed", policy.as_bytes());
    let template = "examples/load-balancer.yaml";
    assert_eq!(command(&["rehearse", template]).status.code(), Some(1));
    let output = command(&["rehearse", template, "--policy", &code.policy()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains(": exempt until 9999-12-31"), "{}", stdout(&output));
    let elsewhere = command(&["rehearse", template, "--policy", &code.policy(), "--account", "999999999999"]);
    assert_eq!(elsewhere.status.code(), Some(1));
}

#[test]
fn a_rehearsal_takes_the_policy_of_the_working_directory() {
    let policy = std::fs::read_to_string(root().join(EXAMPLE)).unwrap().replace("2027-06-30", "9999-12-31");
    let code = Code::with("here", policy.as_bytes());
    let template = root().join("examples/load-balancer.yaml");
    let output = command_in(&code.0, &["rehearse", template.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains(": exempt until 9999-12-31"), "{}", stdout(&output));
    // A function elsewhere has its own policy: this one is not even read.
    std::fs::write(code.policy(), "preset = 'efective'").unwrap();
    let template = template.to_str().unwrap();
    let output = command_in(&code.0, &["rehearse", "--endpoint", "http://127.0.0.1:1", template]);
    assert!(stderr(&output).contains("127.0.0.1:1"), "{}", stderr(&output));
    assert!(stderr(&command_in(&code.0, &["rehearse", template])).contains("the policy cannot be used"));
}

#[test]
fn a_rehearsed_update_shows_known_debt() {
    let code = Code::with("debt", b"unchanged_rules = 'allow'\n");
    let template = std::fs::read_to_string(root().join("examples/load-balancer.yaml")).unwrap();
    let now = code.0.join("now.yaml");
    let tagged = "GroupDescription: Load balancer\n      Tags: [{Key: team, Value: web}]";
    std::fs::write(&now, template.replace("GroupDescription: Load balancer", tagged)).unwrap();
    let renamed = code.0.join("renamed.yaml");
    std::fs::write(&renamed, template.replace("GroupDescription: Load balancer", "GroupDescription: New")).unwrap();
    let wider = code.0.join("wider.yaml");
    std::fs::write(&wider, template.replace("FromPort: 32768", "FromPort: 1024")).unwrap();
    let update = |to: &PathBuf, policy: &[&str]| {
        let mut arguments = vec!["rehearse", "--update-from", "examples/load-balancer.yaml", to.to_str().unwrap()];
        arguments.extend(policy);
        command(&arguments)
    };
    let with = ["--policy", &code.policy()];
    let output = update(&now, &with);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains(": known debt, unchanged by this update"), "{}", stdout(&output));
    assert_eq!(update(&now, &[]).status.code(), Some(1), "without the setting the update is blocked");
    assert_eq!(update(&wider, &with).status.code(), Some(1), "a wider rule is blocked");
    assert_eq!(update(&renamed, &with).status.code(), Some(1), "it makes another group, whose rules are new");
}
