"""The requests that CloudFormation sends to a Lambda Hook, and the answers that it accepts.

Source: CloudFormation Hooks User Guide, "Create a Lambda function to evaluate resources for Lambda Hooks".
"""

import json
import uuid
from pathlib import Path

import jsonschema

SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "hook-response.schema.json"

# AWS's documentation as a schema, independent of the project's own: errorCode with FAILED and only then; messages are
# cut after 1,024 characters for Cloud Control; GetHookResult's lengths for annotations.
DOCUMENTED_ANSWER = {
    "type": "object",
    "required": ["hookStatus", "clientRequestToken"],
    "additionalProperties": False,
    "properties": {
        "hookStatus": {"enum": ["SUCCESS", "FAILED", "IN_PROGRESS"]},
        "errorCode": {"enum": ["NonCompliant", "InternalFailure"]},
        "message": {"type": "string", "minLength": 1, "maxLength": 1024},
        "clientRequestToken": {"type": "string"},
        "callbackContext": True,
        "callbackDelaySeconds": {"type": "integer"},
        "annotations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["annotationName", "status"],
                "additionalProperties": False,
                "properties": {
                    "annotationName": {"type": "string", "minLength": 1, "maxLength": 1024},
                    "status": {"enum": ["PASSED", "FAILED", "SKIPPED"]},
                    "statusMessage": {"type": "string", "minLength": 1, "maxLength": 16384},
                    "remediationMessage": {"type": "string", "minLength": 1, "maxLength": 16384},
                    "remediationLink": {"type": "string", "pattern": "^https://", "maxLength": 5120},
                    "severityLevel": {"enum": ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]},
                },
            },
        },
    },
    "if": {"properties": {"hookStatus": {"const": "FAILED"}}},
    "then": {"required": ["errorCode", "message"]},
    "else": {"not": {"required": ["errorCode"]}},
}


def rule(from_port=443, to_port=443, **properties):
    """Returns an egress rule as a template writes it."""
    return {"IpProtocol": "tcp", "FromPort": from_port, "ToPort": to_port, "CidrIp": "10.0.0.0/8", **properties}


def group(*rules):
    """Returns the properties of a security group with these egress rules."""
    return {"GroupDescription": "web servers", "SecurityGroupEgress": list(rules)}


def resource_request(
    properties,
    *,
    previous=None,
    action="CREATE_PRE_PROVISION",
    target="AWS::EC2::SecurityGroup",
    logical_id="WebSecurityGroup",
    stack_id="arn:aws:cloudformation:us-east-1:123456789012:stack/web/1a2345b6-0000-00a0-a123-00abc0abc000",
    change_set_id=None,
    alias="Security::Egress::SinglePort",
    function="arn:aws:lambda:us-east-1:123456789012:function:guard:live",
):
    """Returns an invocation for one resource of a stack: the documented payload, field by field."""
    return {
        "clientRequestToken": str(uuid.uuid4()),
        "awsAccountId": stack_id.split(":")[4],
        "stackId": stack_id,
        "changeSetId": change_set_id,
        "hookTypeName": alias,
        "hookTypeVersion": "00000001",
        "hookModel": {"LambdaFunction": function},
        "actionInvocationPoint": action,
        "requestData": {
            "targetName": target,
            "targetType": target,
            "targetLogicalId": logical_id,
            "targetModel": {"resourceProperties": properties, "previousResourceProperties": previous},
        },
        "requestContext": {"invocation": 1, "callbackContext": None},
    }


def assert_acceptable(answer, event=None):
    """Fails unless CloudFormation would accept this answer, for this event if one is given."""
    jsonschema.validate(answer, DOCUMENTED_ANSWER, cls=jsonschema.Draft202012Validator)
    jsonschema.validate(answer, json.loads(SCHEMA.read_text()), cls=jsonschema.Draft202012Validator)
    if event is not None:
        assert answer["clientRequestToken"] == event["clientRequestToken"]
