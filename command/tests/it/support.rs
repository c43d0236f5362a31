//! Code shared by the tests: programs, fixtures, and the schema that every answer must satisfy.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use cfn_egress_guard::rehearsal::LocalFunction;
use serde_json::{Value as Json, json};

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Creates an empty folder for this test's files.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the path of the function, in the same folder as the command. It belongs to another package, so cargo does
/// not build it for these tests alone; `cargo test --workspace` does.
pub(crate) fn bootstrap() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_cfn-egress-guard")).with_file_name("bootstrap");
    assert!(path.is_file(), "the function is missing; build it with: cargo build --bin bootstrap");
    path
}

/// Runs the command in the repository's root, with no environment variable except `PATH`.
pub(crate) fn command(arguments: &[&str]) -> Output {
    command_in(root(), arguments)
}

/// The variable that names the file for a program's coverage, if coverage is measured (`tests/coverage`).
pub(crate) fn coverage() -> Option<(&'static str, std::ffi::OsString)> {
    let name = "LLVM_PROFILE_FILE";
    Some((name, std::env::var_os(name)?))
}

/// Runs the command in another folder.
pub(crate) fn command_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cfn-egress-guard"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .envs(coverage())
        .output()
        .unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Starts the real function with the given environment.
pub(crate) async fn function(environment: &[(&str, &str)]) -> LocalFunction {
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    LocalFunction::start(&bootstrap(), &[], &environment).await.unwrap()
}

/// Returns the function's answer to any bytes, checked against the schema.
pub(crate) async fn answer(function: &mut LocalFunction, event: impl Into<Vec<u8>>) -> Json {
    let answer = function.invoke(event.into().into()).await.unwrap();
    checked(serde_json::from_slice(&answer).unwrap())
}

/// Returns an answer, checked against the schema.
pub(crate) fn checked(answer: Json) -> Json {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("schema/hook-response.schema.json"));
    if let Err(error) = SCHEMA.validate(&answer) {
        panic!("{error}: {answer}");
    }
    answer
}

pub(crate) fn validator(schema: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(&read(schema)).unwrap()).unwrap()
}

/// The documented shape of a RESOURCE invocation.
pub(crate) fn event(resource_type: &str, properties: &Json) -> Json {
    json!({
        "clientRequestToken": "f8da6d11-b23f-48f4-814c-0fb6a667f50e",
        "awsAccountId": "123456789012",
        "stackId": "arn:aws:cloudformation:us-west-2:123456789012:stack/MyStack/1a2345b6-0000-00a0-a123-00abc0abc000",
        "changeSetId": null,
        "hookTypeName": "Security::Egress::SinglePort",
        "hookTypeVersion": "00000008",
        "hookModel": {"LambdaFunction": "arn:aws:lambda:us-west-2:123456789012:function:MyFunction"},
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {
            "targetName": resource_type,
            "targetType": resource_type,
            "targetLogicalId": "WebSg",
            "targetModel": { "resourceProperties": properties, "previousResourceProperties": null }
        },
        "requestContext": {"invocation": 1, "callbackContext": null}
    })
}

/// A group with one egress rule for tcp.
pub(crate) fn group(from: u16, to: u16) -> Json {
    event(
        "AWS::EC2::SecurityGroup",
        &json!({
            "GroupDescription": "x",
            "SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/16"}],
        }),
    )
}
