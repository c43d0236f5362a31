//! `status` and the function behind the hook.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::function::{Function, base64_sha256, zipped};
use super::server::{Server, answered, escaped, refused};
use super::status::{around, codes, good, json};
use crate::support::{stderr, stdout};

const FILES: [(&str, &str); 2] = [("bootstrap", "program"), ("policy.toml", "# a policy")];

fn server(function: Function) -> Server {
    Server::start(move |request| around(request, &good(), &function))
}

/// The hash that `sha256sum` prints.
fn sha256(bytes: &[u8]) -> Json {
    cfn_egress_guard_account::status::hex_sha256(bytes).into()
}

/// Writes a file to cargo's folder for integration tests.
fn file(name: &str, content: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("status-{name}"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn a_function_that_is_well_is_reported_with_version_and_hash() {
    let function = Function::new();
    let hash = function.code_sha256.clone();
    let server = server(function);
    let (code, result) = json(&server, &["--function", "function:guard:live"]);
    assert_eq!((code, codes(&result)), (Some(0), vec![]), "{result}");
    let described = &result["regions"][0]["function"];
    assert_eq!(
        (&described["version"], &described["state"], &described["codeSha256"]),
        (&json!("7"), &json!("Active"), &json!(hash))
    );
    assert_eq!(described["recent"], json!({"invocations": 40, "errors": 0, "throttles": 0, "internalFailures": 0}));
    let policy = &described["contents"];
    assert_eq!(policy["policySha256"], sha256(b"# a policy"), "status names the policy");
    assert_eq!(policy["policyOrigin"], json!(null), "this zip file does not say where it is from");
    let downloaded = server.seen().iter().filter(|request| request.action.contains("/code/")).count();
    assert_eq!(downloaded, 1, "its zip file is looked into once");
    let metrics = server.seen().into_iter().find(|request| request.action.ends_with("/GetMetricData")).unwrap();
    assert!(metrics.body.contains("Resource") && metrics.body.contains("guard:live"), "of the alias: {metrics:?}");
}

#[test]
fn everything_that_is_wrong_with_it_is_a_hole() {
    let with = |more: Json| Function { more, ..Function::new() };
    let variables = |variables: Json| with(json!({"Environment": {"Variables": variables}}));
    for (name, function, expected) in [
        (
            "gone",
            Function { refused: Some(("GetFunctionConfiguration", "ResourceNotFoundException")), ..Function::new() },
            vec!["function-missing"],
        ),
        (
            "pending",
            with(json!({"State": "Pending", "StateReason": "The function is being created."})),
            vec!["function-not-active"],
        ),
        ("failed", with(json!({"LastUpdateStatus": "Failed"})), vec!["function-not-active"]),
        ("updating", with(json!({"LastUpdateStatus": "InProgress"})), vec![]),
        ("slow", with(json!({"Timeout": 30})), vec!["timeout-too-long"]),
        ("none at once", Function { reserved: Some(0), ..Function::new() }, vec!["no-concurrency"]),
        ("few at once", Function { reserved: Some(2), ..Function::new() }, vec!["low-concurrency"]),
        ("enough", Function { reserved: Some(100), ..Function::new() }, vec![]),
        ("preset", variables(json!({"EGRESS_PRESET": "effective", "OTHER": "do-not-show-me"})), vec!["preset"]),
        ("loopback", variables(json!({"EGRESS_LOOPBACK_PAYLOADS": ""})), vec!["test-setting"]),
        ("roots", variables(json!({"EGRESS_LOOPBACK_ROOTS": "/x"})), vec!["test-setting"]),
        ("split", Function { weights: json!({"6": 0.1}), ..Function::new() }, vec!["alias-split"]),
        ("throttled", Function { sums: vec![("throttles", 3.0)], ..Function::new() }, vec!["throttled"]),
        (
            "broken",
            Function { sums: vec![("errors", 2.0), ("undecided", 1.0)], ..Function::new() },
            vec!["errors", "internal-failures"],
        ),
        ("layers", with(json!({"Layers": [{"Arn": "x"}]})), vec![]),
    ] {
        let server = server(function);
        let (code, result) = json(&server, &[]);
        assert_eq!(codes(&result), expected, "{name}");
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{name}: {result}");
        assert!(!result.to_string().contains("do-not-show-me"), "{name}: only the preset is reported");
    }
    let server = server(variables(json!({"EGRESS_PRESET": "effective"})));
    assert_eq!(json(&server, &["--preset", "effective"]).0, Some(0), "it was said to be expected");
    assert_eq!(codes(&json(&server, &["--preset", "literal"]).1), ["preset"]);
}

#[test]
fn code_and_policy_are_compared_with_what_they_should_be() {
    let function = Function::new();
    let same = file("same.zip", &function.zip);
    let stem = "cfn-egress-guard-0.1.0-arm64";
    let released = {
        let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in [("DEPLOY.txt", b"x".as_slice()), ("bootstrap.zip", &function.zip)] {
            out.start_file(format!("{stem}/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut out, content).unwrap();
        }
        file("released.zip", &out.finish().unwrap().into_inner())
    };
    // The same two files, zipped again as `sam` does.
    let anew = file("anew.zip", &zipped(&[FILES[1], FILES[0]]));
    let folder = PathBuf::from(file("folder/bootstrap", b"program"));
    file("folder/policy.toml", b"# a policy");
    let folder = folder.parent().unwrap().to_str().unwrap().to_owned();
    let program = file("program.zip", &zipped(&[("bootstrap", "another"), FILES[1]]));
    let policy = file("policy.zip", &zipped(&[FILES[0], ("policy.toml", "# another")]));
    let without = file("without.zip", &zipped(&[FILES[0]]));
    let text = file("policy.toml", b"# a policy");
    let other = file("other.toml", b"# another");
    let hash = function.code_sha256.clone();
    let other_hash = base64_sha256(b"another");
    let server = server(function);
    for (arguments, expected, downloads) in [
        (vec!["--package", &same], vec![], 0),
        (vec!["--package", &released], vec![], 0),
        (vec!["--package", &anew], vec![], 1),
        (vec!["--package", &folder], vec![], 1),
        (vec!["--package", &program], vec!["code-differs"], 1),
        (vec!["--package", &policy], vec!["policy-differs"], 1),
        (vec!["--package", &policy, "--policy", &text], vec![], 1),
        (vec!["--package", &program, "--package", &anew], vec![], 1),
        (vec!["--package", &without], vec!["policy-differs"], 1),
        (vec!["--package", &same, "--policy", &other], vec!["policy-differs"], 0),
        (vec!["--policy", &text], vec![], 1),
        (vec!["--policy", &other], vec!["policy-differs"], 1),
        (vec!["--code-sha256", &hash], vec![], 1),
        (vec!["--code-sha256", &other_hash], vec!["code-differs"], 1),
    ] {
        let before = server.seen().len();
        let (code, result) = json(&server, &arguments);
        assert_eq!((codes(&result), code), (expected.clone(), Some(i32::from(!expected.is_empty()))), "{arguments:?}");
        let downloaded = server.seen()[before..].iter().filter(|request| request.action.contains("/code/")).count();
        assert_eq!(downloaded, downloads, "{arguments:?}");
    }
}

#[test]
fn where_the_policy_is_from_is_reported_if_the_zip_file_says_it() {
    let origin = "program: commit 1234\npolicy: commit 5678\nset: 2026-11-25T10:00:00Z by arn:aws:iam::1:user/ann\n";
    let function = Function::new().with(&[FILES[0], FILES[1], ("origin.txt", origin)]);
    let server = server(function);
    let (code, result) = json(&server, &[]);
    let contents = &result["regions"][0]["function"]["contents"];
    assert_eq!((code, &contents["policySha256"]), (Some(0), &sha256(b"# a policy")));
    assert_eq!(contents["policyOrigin"], "commit 5678, set 2026-11-25T10:00:00Z by arn:aws:iam::1:user/ann");
    let text = stdout(&server.command(&["status", "--region", "eu-west-1"]));
    let line = "(commit 5678, set 2026-11-25T10:00:00Z by arn:aws:iam::1:user/ann) in eu-west-1\n";
    assert!(text.contains(&format!("\npolicy 517b28d3eac4 {line}")), "{text}");

    // This is only a note: a caller who may not read the code still gets everything else.
    let function = Function { refused: Some(("GetFunction", "AccessDeniedException")), ..Function::new() };
    let (code, result) = json(&self::server(function), &[]);
    let note = &result["regions"][0]["notes"][0];
    assert_eq!((code, &note["code"]), (Some(0), &json!("policy-unread")), "{result}");
    assert!(note["message"].as_str().unwrap().contains("lambda:GetFunction is not allowed"), "{note}");
    let without =
        stdout(&self::server(Function::new().with(&[FILES[0]])).command(&["status", "--region", "eu-west-1"]));
    assert!(without.contains("\nwithout a policy.toml, the published rule applies in eu-west-1\n"), "{without}");
}

/// `DescribeStackResources` by the function's name, in the shape of the CloudFormation API Reference.
#[test]
fn a_version_that_the_stack_does_not_carry_is_reported_until_it_does() {
    let carries = |versions: &'static [&'static str]| {
        Server::start(move |request| {
            if request.action != "DescribeStackResources" {
                return around(request, &good(), &Function::new());
            }
            assert_eq!((request.field("PhysicalResourceId"), request.field("StackName")), ("guard", ""));
            let member = |kind: &str, id: &str| {
                format!(
                    "<member><StackName>egress</StackName><LogicalResourceId>X</LogicalResourceId>\
                     <PhysicalResourceId>{id}</PhysicalResourceId><ResourceType>{kind}</ResourceType>\
                     <Timestamp>2026-11-20T10:00:00Z</Timestamp><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
                )
            };
            let arn = "arn:aws:lambda:eu-west-1:123456789012:function:guard";
            let mut members =
                member("AWS::Lambda::Function", "guard") + &member("AWS::Lambda::Alias", &format!("{arn}:live"));
            // Another function of the same stack.
            members += &member("AWS::Lambda::Version", "arn:aws:lambda:eu-west-1:123456789012:function:other:7");
            members.extend(versions.iter().map(|version| member("AWS::Lambda::Version", &format!("{arn}:{version}"))));
            answered("DescribeStackResources", &format!("<StackResources>{members}</StackResources>")).into()
        })
    };
    for (versions, expected) in [
        (&["7"][..], vec![]),
        (&["6"], vec!["carries-another"]),
        (&["8"], vec!["carries-another"]),
        (&["6", "7"], vec![]),
        (&[], vec![]),
    ] {
        let (code, result) = json(&carries(versions), &[]);
        assert_eq!((codes(&result), code), (expected.clone(), Some(i32::from(!expected.is_empty()))), "{versions:?}");
    }
    let (_, result) = json(&carries(&["6"]), &[]);
    let described = result["regions"][0]["holes"][0]["message"].as_str().unwrap();
    assert!(
        described.starts_with("the alias live points to version 7, but the stack egress contains version 6"),
        "{described}"
    );
    assert!(described.ends_with("run `policy.sh carry`, or `policy.sh back 6`"), "{described}");
}

#[test]
fn code_beside_the_package_is_not_the_package() {
    let function = Function { more: json!({"Layers": [{"Arn": "x"}]}), ..Function::new() };
    let hash = function.code_sha256.clone();
    assert_eq!(codes(&json(&server(function), &["--code-sha256", &hash]).1), ["layers"]);
}

#[test]
fn what_could_not_be_looked_into_is_reported_without_its_url() {
    let policy = file("wanted.toml", b"# a policy");
    let function = Function::new();
    let broken = Function { code_sha256: base64_sha256(b"not this"), ..Function::new() };
    let no_zip = Function { zip: b"no zip".to_vec(), code_sha256: base64_sha256(b"no zip"), ..Function::new() };
    for (function, message) in [
        (
            Function { refused: Some(("GetFunction", "AccessDeniedException")), ..function.clone() },
            "lambda:GetFunction is not allowed",
        ),
        (Function { refused: Some(("download", "AccessDenied")), ..function }, "status 403"),
        (broken, "the hash of the downloaded code differs"),
        (no_zip, "not a readable zip file"),
    ] {
        let server = server(function);
        let output = server.command(&["status", "--region", "eu-west-1", "--policy", &policy]);
        assert_eq!(output.status.code(), Some(2), "{message}");
        let text = stdout(&output);
        assert!(text.contains(message), "{text}");
        assert!(!text.contains("X-Amz") && !text.contains("do-not-show-me") && !text.contains("/code/"), "{text}");
    }
}

#[test]
fn a_missing_permission_is_named_and_the_rest_goes_on() {
    for (operation, action) in [
        ("GetFunctionConfiguration", "lambda:GetFunctionConfiguration"),
        ("GetFunctionConcurrency", "lambda:GetFunctionConcurrency"),
        ("GetAlias", "lambda:GetAlias"),
        ("GetMetricData", "cloudwatch:GetMetricData"),
    ] {
        let function = Function { refused: Some((operation, "AccessDenied")), reserved: Some(0), ..Function::new() };
        let server = server(function);
        let (_, result) = json(&server, &[]);
        let unread = result["regions"][0]["unread"].as_array().unwrap();
        let actions: Vec<_> = unread.iter().map(|failure| failure["action"].as_str().unwrap()).collect();
        assert_eq!(actions, [action], "{operation}: {result}");
        let rest: &[&str] = if operation == "GetFunctionConcurrency" { &[] } else { &["no-concurrency"] };
        assert_eq!(codes(&result), rest, "{operation}");
    }
    let asked = stdout(&Server::start(|_| refused(400, "x", "")).command(&["status", "--print-iam-policy"]));
    for action in ["lambda:GetFunctionConfiguration", "lambda:GetAlias", "cloudwatch:GetMetricData"] {
        assert!(asked.contains(action), "{asked}");
    }
}

#[test]
fn variables_that_cannot_be_decrypted_are_not_taken_for_none() {
    let error = json!({"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt"});
    let server = server(Function { more: json!({"Environment": {"Error": error}}), ..Function::new() });
    let (code, result) = json(&server, &[]);
    assert_eq!(code, Some(2), "{result}");
    assert_eq!(result["regions"][0]["unread"][0]["action"], "kms:Decrypt");
}

#[test]
fn a_central_functions_metrics_are_not_those_of_this_account() {
    let elsewhere = "arn:aws:lambda:eu-west-1:999999999999:function:guard:live";
    let mut configuration = good();
    let function = "/CloudFormationConfiguration/HookConfiguration/Properties/LambdaFunction";
    *configuration.pointer_mut(function).unwrap() = json!(elsewhere);
    let function = Function { arn: elsewhere.to_owned(), sums: vec![("throttles", 3.0)], ..Function::new() };
    let server = Server::start(move |request| around(request, &configuration, &function));
    let (code, result) = json(&server, &[]);
    assert_eq!((code, codes(&result)), (Some(0), vec![]), "{result}");
    assert_eq!(result["regions"][0]["notes"][0]["code"], "function-elsewhere");
    assert!(server.seen().iter().all(|request| !request.action.ends_with("GetMetricData")));

    let profiles = file("profiles", b"[central]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n");
    let output = server
        .prepared(&["status", "--region", "eu-west-1", "--format", "json", "--function-profile", "central"])
        .env("AWS_SHARED_CREDENTIALS_FILE", profiles)
        .output()
        .unwrap();
    let result: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    assert_eq!(codes(&result), ["throttled"], "{result}");
}

#[test]
fn regions_that_differ_are_reported_when_nothing_is_expected() {
    let one = Function::new();
    let two = Function::new().with(&[FILES[0], ("policy.toml", "# another")]);
    let three = Function::new().with(&[("bootstrap", "another"), FILES[1]]);
    let x86 = Function { more: json!({"Architectures": ["x86_64"]}), ..three.clone() };
    let anew = Function::new().with(&[FILES[1], FILES[0]]);
    let denied = Function { refused: Some(("GetFunction", "AccessDeniedException")), ..two.clone() };
    for (other, expected) in [
        (one.clone(), vec![]),
        (anew, vec![]),
        (two, vec!["policy-between-regions"]),
        (three, vec!["code-between-regions"]),
        (x86, vec![]),
        (denied, vec!["zip-differs"]),
    ] {
        let one = one.clone();
        let server = Server::start(move |request| {
            let first = request.region == "eu-west-1" || request.action.contains("/eu-west-1.zip");
            let function = if first { &one } else { &other };
            let arn = function.arn.replace("eu-west-1", if first { "eu-west-1" } else { "us-east-1" });
            let mut configuration = good();
            configuration["CloudFormationConfiguration"]["HookConfiguration"]["Properties"]["LambdaFunction"] =
                json!(arn);
            around(request, &configuration, &Function { arn, ..function.clone() })
        });
        let output = server.command(&["status", "--regions", "eu-west-1,us-east-1", "--format", "json"]);
        let result: Json = serde_json::from_slice(&output.stdout).unwrap();
        let notes: Vec<_> =
            result["notes"].as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect();
        let notes: Vec<_> = notes.into_iter().filter(|code| *code != "direct-calls-not-watched").collect();
        assert_eq!((notes, output.status.code()), (expected, Some(0)), "{result}");
    }
}

#[test]
fn the_report_for_people_says_what_to_do() {
    let policy = file("reviewed.toml", b"# a policy");
    let server = Server::start(|request| {
        let mut function = Function::new();
        let region = if request.region.is_empty() { &request.action } else { &request.region };
        match region {
            region if region.contains("ap-south-1") => {
                function.refused = Some(("GetFunctionConfiguration", "ResourceNotFoundException"));
            }
            region if region.contains("eu-west-1") => {
                function = function.with(&[FILES[0], ("policy.toml", "# another")]);
                function.more = json!({"Environment": {"Variables": {"EGRESS_PRESET": "effective"}}});
                function.weights = json!({"6": 0.1});
                function.sums = vec![("invocations", 4_000.0), ("throttles", 3.0), ("errors", 1.0)];
                function.reserved = Some(2);
            }
            region if region.contains("us-east-1") => {
                function.refused = Some(("GetFunctionConfiguration", "AccessDenied"))
            }
            _ => {}
        }
        let region =
            ["ap-south-1", "eu-west-1", "us-east-1", "eu-central-1"].into_iter().find(|name| region.contains(name));
        function.arn = function.arn.replace("eu-west-1", region.unwrap_or("eu-west-1"));
        let mut configuration = good();
        configuration["CloudFormationConfiguration"]["HookConfiguration"]["Properties"]["LambdaFunction"] =
            json!(function.arn);
        match (region, request.action.as_str()) {
            (Some("eu-central-1"), "GetHookResult") => answered("GetHookResult", "").into(),
            _ => around(request, &configuration, &function),
        }
    });
    let regions = "eu-central-1,eu-west-1,us-east-1,ap-south-1";
    let output = server.command(&["status", "--regions", regions, "--policy", &policy]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn annotations_are_read_from_a_recent_result() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/k";
    let mut encrypted = good();
    encrypted["CloudFormationConfiguration"]["HookConfiguration"]["EncryptionConfiguration"] = json!({"KmsKeyId": key});
    let none = answered("GetHookResult", "<HookResultId>r1</HookResultId>").body;
    let denied = "User: x is not authorized to perform: kms:Decrypt on resource: k";
    for (configuration, status, body, expected) in [
        (good(), 200, none.clone(), ("notes", "code", "no-annotations")),
        (encrypted.clone(), 200, none, ("notes", "code", "no-annotations")),
        (good(), 404, refused(404, "HookResultNotFound", "expired").body, ("notes", "code", "no-results")),
        (encrypted, 400, refused(400, "ValidationError", denied).body, ("unread", "action", "kms:Decrypt")),
        (good(), 403, refused(403, "AccessDenied", "no").body, ("unread", "action", "cloudformation:GetHookResult")),
    ] {
        let customers_key = configuration.to_string().contains("KmsKeyId");
        let server = Server::start(move |request| match request.action.as_str() {
            "GetHookResult" => super::server::Answer { status, body: body.clone() }.into(),
            _ => around(request, &configuration, &Function::new()),
        });
        let (code, result) = json(&server, &[]);
        let (list, field, value) = expected;
        assert_eq!(result["regions"][0][list][0][field], value, "{result}");
        assert_eq!(code, Some(if list == "unread" { 2 } else { 0 }), "{result}");
        if list == "notes" {
            assert_eq!(
                result["regions"][0]["notes"][0]["message"].as_str().unwrap().contains(key),
                customers_key && status == 200
            );
        }
    }
}

#[test]
fn the_hook_for_templates_is_looked_at_too() {
    let stack = |actions: Json| {
        let mut configuration = good();
        let hook = &mut configuration["CloudFormationConfiguration"]["HookConfiguration"];
        hook["TargetOperations"] = json!(["STACK", "CHANGE_SET"]);
        hook["TargetFilters"] = json!({"Actions": actions});
        configuration
    };
    for (configuration, expected) in [
        (Some(stack(json!(["CREATE", "UPDATE"]))), vec![]),
        (Some(stack(json!(["CREATE"]))), vec!["target-missing"]),
        (None, vec!["operation-missing", "operation-missing"]),
    ] {
        let server = Server::start(move |request| {
            let about = |name: &str| request.form.values().any(|value| value.ends_with(name));
            let second = about("SinglePortStack") || about("SinglePort-Stack");
            match (request.action.as_str(), &configuration) {
                ("DescribeType", None) if second => refused(404, "TypeNotFoundException", "no").into(),
                ("DescribeType", Some(_)) if second => {
                    answered("DescribeType", "<Arn>arn:aws:cloudformation:x:1:type/hook/SinglePort-Stack</Arn>").into()
                }
                ("BatchDescribeTypeConfigurations", Some(configuration)) if second => answered(
                    "BatchDescribeTypeConfigurations",
                    &format!(
                        "<TypeConfigurations><member><Configuration>{}</Configuration></member></TypeConfigurations>",
                        escaped(&configuration.to_string())
                    ),
                )
                .into(),
                _ => around(request, &good(), &Function::new()),
            }
        });
        let (code, result) = json(&server, &["--operations", "RESOURCE,CLOUD_CONTROL,STACK,CHANGE_SET"]);
        assert_eq!((codes(&result), code), (expected.clone(), Some(i32::from(!expected.is_empty()))), "{result}");
    }
}
