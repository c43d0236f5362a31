//! The credentials that sign the requests, and the message when there are none.

use std::path::PathBuf;
use std::process::Output;

use super::server::{Request, Server, answered, refused};
use super::status::{around, good};
use crate::account::function::Function;
use crate::support::{stderr, stdout};

/// Creates a user's configuration and credentials files; one profile's source profile is missing.
fn files(name: &str) -> (PathBuf, PathBuf) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("credentials").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let (config, credentials) = (folder.join("config"), folder.join("credentials"));
    std::fs::write(&config, "[profile prod]\nregion = eu-west-1\n\n[profile orphan]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = gone\n\n[profile empty]\nregion = eu-west-1\n").unwrap();
    let keys = |name: &str, key: &str| format!("[{name}]\naws_access_key_id = {key}\naws_secret_access_key = s\n\n");
    std::fs::write(&credentials, keys("prod", "AKIAPROD") + &keys("central", "AKIACENTRAL")).unwrap();
    (config, credentials)
}

fn run(server: &Server, name: &str, arguments: &[&str]) -> Output {
    let (config, credentials) = files(name);
    let mut command = server.prepared(arguments);
    command.env("AWS_CONFIG_FILE", config).env("AWS_SHARED_CREDENTIALS_FILE", credentials).output().unwrap()
}

fn keys(server: &Server) -> Vec<(String, String)> {
    let of = |request: Request| (if request.action.starts_with('/') { "function" } else { "hook" }, request.access_key);
    // The signature of the code download is in its URL.
    let signed = server.seen().into_iter().filter(|request| !request.action.starts_with("/code/"));
    let mut keys: Vec<_> = signed.map(of).map(|(what, key)| (what.to_owned(), key)).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(what, key)| ((*what).to_owned(), (*key).to_owned())).collect()
}

/// As in the AWS CLI: a named profile takes precedence over keys in the environment.
#[test]
fn a_profile_wins_over_the_keys_of_the_environment() {
    for command in ["scan", "audit", "status"] {
        let server = Server::start(|request| match request.action.as_str() {
            "ListStacks" => answered("ListStacks", "<StackSummaries/>").into(),
            "DescribeStacks" => answered("DescribeStacks", "<Stacks/>").into(),
            _ => around(request, &good(), &Function::new()),
        });
        let output = run(&server, command, &[command, "--profile", "prod"]);
        let code = output.status.code().unwrap();
        assert!(code <= 1, "the profile's Region too: {}{}", stdout(&output), stderr(&output));
        let all = keys(&server);
        assert!(!all.is_empty() && all.iter().all(|(_, key)| key == "AKIAPROD"), "{command}: {all:?}");
    }
    let server = Server::start(|request| around(request, &good(), &Function::new()));
    run(&server, "environment", &["audit", "--region", "eu-west-1"]);
    assert_eq!(
        keys(&server),
        pairs(&[("function", "AKIAEXAMPLE"), ("hook", "AKIAEXAMPLE")]),
        "without a profile it is the environment"
    );
}

#[test]
fn the_functions_profile_is_asked_about_the_function_and_nothing_else() {
    let server = Server::start(|request| around(request, &good(), &Function::new()));
    run(&server, "function", &["status", "--region", "eu-west-1", "--function-profile", "central"]);
    let keys: Vec<_> = server.seen().into_iter().filter(|request| request.action.contains("/functions/")).collect();
    assert!(!keys.is_empty() && keys.iter().all(|request| request.access_key == "AKIACENTRAL"), "{keys:?}");
    let hook: Vec<_> = server.seen().into_iter().filter(|request| request.action == "DescribeType").collect();
    assert!(!hook.is_empty() && hook.iter().all(|request| request.access_key == "AKIAEXAMPLE"), "{hook:?}");
}

/// Every command prints one sentence, before any request to a Region.
#[test]
fn who_has_no_credentials_is_reported_once_and_nothing_is_asked() {
    let server = Server::start(|_: &Request| refused(500, "x", "x"));
    let regions = ["--regions", "eu-west-1,us-east-1"];
    for command in ["scan", "audit", "status"] {
        for (arguments, says) in [
            (vec!["--profile", "typo"], "error: there is no profile `typo` in ~/.aws/config or ~/.aws/credentials"),
            (vec!["--profile", "empty"], "error: there is no profile `empty` with credentials"),
            (
                vec!["--profile", "orphan"],
                "error: the profile `orphan` has no usable credentials: profile `gone` was \
                                           not",
            ),
        ] {
            let output = run(&server, "none", &[&[command][..], &regions, &arguments].concat());
            assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{arguments:?}");
            assert!(stderr(&output).starts_with(says), "{arguments:?}: {}", stderr(&output));
            assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        }
        let mut bare = server.prepared(&[&[command][..], &regions].concat());
        let output = bare.env_remove("AWS_ACCESS_KEY_ID").output().unwrap();
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
        let says = "error: no AWS credentials: pass --profile, or set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and \
                    AWS_SECRET_ACCESS_KEY\n";
        assert_eq!(stderr(&output), says);
    }
    let (config, credentials) = files("none");
    let mut named = server.prepared(&["audit", "--region", "eu-west-1"]);
    named.env("AWS_CONFIG_FILE", config).env("AWS_SHARED_CREDENTIALS_FILE", credentials);
    let output = named.env("AWS_PROFILE", "typo").env_remove("AWS_ACCESS_KEY_ID").output().unwrap();
    assert!(stderr(&output).starts_with("error: there is no profile `typo` in"), "{}", stderr(&output));
    let arguments = ["status", "--region", "eu-west-1", "--function-profile", "typo"];
    let output = run(&server, "none", &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there is no profile `typo`"), "{}", stderr(&output));
    assert!(server.seen().is_empty());
}

#[test]
fn an_endpoint_that_is_none_is_refused_and_no_request_is_shown() {
    let server = Server::start(|_: &Request| refused(500, "x", "x"));
    for nonsense in ["nonsense", "http://", "ftp://x", "https:///path", "http://a b"] {
        let output = server.command(&["audit", "--region", "eu-west-1", "--endpoint-url", nonsense]);
        assert_eq!(output.status.code(), Some(2), "{nonsense}");
        assert!(stderr(&output).contains("not an endpoint URL"), "{nonsense}: {}", stderr(&output));
    }
    for (endpoint, says) in [("nonsense", "endpoint must contain scheme"), ("http://127.0.0.1:1", "refused")] {
        let mut command = server.prepared(&["audit", "--region", "eu-west-1"]);
        let output = command.env("AWS_ENDPOINT_URL", endpoint).output().unwrap();
        let said = stdout(&output);
        assert!(said.contains(says), "{said}");
        for inside in ["SdkBody", "other:", "io error", "client error"] {
            assert!(!said.contains(inside), "{inside}: {said}");
        }
    }
    assert!(server.seen().is_empty());
}
