//! `schema/` matches the types, and the payloads in the protocol's documentation satisfy it.

use serde_json::{Value as Json, json};

use crate::support::{command, event, read, root, stdout, validator};

#[test]
fn the_schema_files_are_what_the_types_say() {
    let mut files: Vec<String> = std::fs::read_dir(root().join("schema"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut generated: Vec<String> = Vec::new();
    for (name, generate) in cfn_egress_guard::schema::all() {
        let file = format!("{name}.schema.json");
        let text = cfn_egress_guard::schema::text(&generate());
        assert!(read(&format!("schema/{file}")) == text, "schema/{file} has drifted: run `make schema`");
        assert_eq!(stdout(&command(&["schema", name])), text);
        generated.push(file);
    }
    generated.sort();
    assert_eq!(files, generated, "schema/ holds what is generated and nothing else");
}

/// The payloads of the Hooks User Guide, shortened, and of the `cfn` contract suite.
fn documented_payloads() -> Vec<Json> {
    let resource = event("AWS::EC2::SecurityGroup", &json!({"SecurityGroupEgress": []}));
    let mut update = resource.clone();
    update["requestData"]["targetModel"]["previousResourceProperties"] = json!({"GroupDescription": "x"});
    let mut cloud_control = resource.clone();
    cloud_control["stackId"] = json!("");
    cloud_control["requestData"]["targetType"] = json!("RESOURCE");
    let mut stack = resource.clone();
    stack["requestData"] = json!({
        "targetName": "STACK", "targetType": "STACK", "targetLogicalId": "my-stack",
        "payload": "https://s3.us-west-2.amazonaws.com/bucket/key?X-Amz-Signature=x"
    });
    let mut change_set = stack.clone();
    change_set["requestData"]["targetName"] = json!("CHANGE_SET");
    let contract = json!({
        "requestData": {
            "callerCredentials": "{\"accessKeyId\":\"x\"}", "targetName": "AWS::EC2::SecurityGroup",
            "targetType": "RESOURCE", "targetLogicalId": "5a0b9b3e-0000-4000-8000-000000000000",
            "targetModel": {"resourceProperties": {}, "previousResourceProperties": {}}
        },
        "requestContext": {"callbackContext": null}, "hookTypeName": "A::B::C", "hookTypeVersion": "00000001",
        "clientRequestToken": "t", "stackId": "5a0b9b3e-0000-4000-8000-000000000000", "awsAccountId": "1",
        "actionInvocationPoint": "CREATE_PRE_PROVISION", "hookModel": {}
    });
    vec![resource, update, cloud_control, stack, change_set, contract]
}

#[test]
fn documented_payloads_satisfy_the_request_schema() {
    let schema = validator("schema/hook-request.schema.json");
    for payload in documented_payloads() {
        if let Err(error) = schema.validate(&payload) {
            panic!("{error}: {payload}");
        }
    }
    assert!(
        !schema.is_valid(&json!({"requestData": {"targetName": 7}})),
        "the schema says what is sent, not what is tolerated"
    );
}

#[test]
fn the_response_schema_refuses_what_the_protocol_refuses() {
    let schema = validator("schema/hook-response.schema.json");
    let good = json!({"hookStatus": "FAILED", "errorCode": "NonCompliant", "message": "m", "clientRequestToken": "t"});
    assert!(schema.is_valid(&good));
    for (key, value) in [
        ("hookStatus", json!("IN PROGRESS")),
        ("errorCode", json!("Other")),
        ("errorCode", Json::Null),
        ("message", json!("")),
        ("message", json!("x".repeat(1_025))),
        ("annotations", json!([])),
        ("annotations", json!([{"annotationName": "", "status": "FAILED"}])),
        ("annotations", json!([{"annotationName": "x", "status": "FAILED", "statusMessage": ""}])),
        ("more", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert!(!schema.is_valid(&bad), "{bad}");
    }
    let mut without_code = good.clone();
    without_code.as_object_mut().unwrap().remove("errorCode");
    assert!(!schema.is_valid(&without_code));
    let mut success = good;
    success["hookStatus"] = json!("SUCCESS");
    assert!(!schema.is_valid(&success), "a success has no error code");
}
