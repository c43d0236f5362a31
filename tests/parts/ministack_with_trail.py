"""MiniStack with hooks and with CloudTrail in front of EventBridge, which MiniStack lacks.

    python ministack_with_trail.py        (address as for ministack_with_hooks.py)

Each call to the EC2 API that changes security groups becomes an event on MiniStack's EventBridge, in the shape that
CloudTrail documents: request parameters as EC2 received them, `errorCode` if EC2 rejected the call, and the caller by
the call's access key. Calls that the driver makes for a stack have CloudFormation's name, as in CloudTrail. MiniStack
evaluates the pattern of a rule and calls its target and the function.
"""

import json
import re
import time
import uuid
from urllib.parse import parse_qs

import boto3
import ministack_with_hooks as driver
from botocore.config import Config
from ministack import app
from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, eventbridge

RECORDED = ("AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress", "ModifySecurityGroupRules", "CreateSecurityGroup")
CLOUDFORMATION = "cloudformation.amazonaws.com"


def members(params, prefix):
    """Returns the entries of a list in the query protocol, each with its own parameters."""
    found = {}
    for name, [value, *_] in params.items():
        match = re.fullmatch(rf"{re.escape(prefix)}\.(\d+)(?:\.(.+))?", name)
        if match:
            found.setdefault(int(match[1]), {})[match[2] or ""] = [value]
    return [found[number] for number in sorted(found)]


def fields(params, **names):
    """Returns parameters under CloudTrail's names, with numbers as numbers."""
    return {
        shown: int(params[name][0]) if name.endswith("Port") else params[name][0]
        for shown, name in names.items()
        if name in params
    }


def listed(params, prefix, **names):
    items = [fields(entry, **names) for entry in members(params, prefix)]
    return {"items": items} if items else {}


def permission(params):
    return {
        **fields(params, ipProtocol="IpProtocol", fromPort="FromPort", toPort="ToPort"),
        "groups": listed(params, "Groups", groupId="GroupId"),
        "ipRanges": listed(params, "IpRanges", cidrIp="CidrIp", description="Description"),
        "ipv6Ranges": listed(params, "Ipv6Ranges", cidrIpv6="CidrIpv6"),
        "prefixListIds": listed(params, "PrefixListIds", prefixListId="PrefixListId"),
    }


def request_parameters(action, params):
    if action == "ModifySecurityGroupRules":
        names = ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")
        rules = [
            {
                **fields(entry, SecurityGroupRuleId="SecurityGroupRuleId"),
                "SecurityGroupRule": fields(entry, **{name: f"SecurityGroupRule.{name}" for name in names}),
                "tag": number,
            }
            for number, entry in enumerate(members(params, "SecurityGroupRule"), 1)
        ]
        rules = rules[0] if len(rules) == 1 else rules
        return {"ModifySecurityGroupRulesRequest": {**fields(params, GroupId="GroupId"), "SecurityGroupRule": rules}}
    if action == "CreateSecurityGroup":
        return fields(params, groupName="GroupName", groupDescription="GroupDescription", vpcId="VpcId")
    permissions = [permission(entry) for entry in members(params, "IpPermissions")]
    return {**fields(params, groupId="GroupId"), "ipPermissions": {"items": permissions} if permissions else {}}


def tell(action, params, headers, answer):
    status, _, body = answer
    text = body.decode() if isinstance(body, bytes) else body
    user_agent = headers.get("user-agent", "")
    by_cloudformation = CLOUDFORMATION in user_agent
    account, now = get_account_id(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    code = re.search(r"<Code>([^<]+)</Code>", text)
    group = re.search(r"<groupId>([^<]+)</groupId>", text)
    detail = {
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "IAMUser", "arn": f"arn:aws:iam::{account}:user/alice", "accountId": account, "userName": "alice",
            **({"invokedBy": CLOUDFORMATION} if by_cloudformation else {}),
        },
        "eventTime": now,
        "eventSource": "ec2.amazonaws.com",
        "eventName": action,
        "awsRegion": get_region(),
        "sourceIPAddress": CLOUDFORMATION if by_cloudformation else "203.0.113.7",
        "userAgent": CLOUDFORMATION if by_cloudformation else user_agent,
        **({"errorCode": f"Client.{code[1]}"} if status >= 400 and code else {}),
        "requestParameters": request_parameters(action, params),
        "responseElements": {"_return": True, **({"groupId": group[1]} if group else {})} if status < 400 else None,
        "eventID": str(uuid.uuid4()),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
    }  # fmt: skip
    print("CloudTrail:", action, detail.get("errorCode", "made"), "by CloudFormation" if by_cloudformation else "", flush=True)
    entry = {"Source": "aws.ec2", "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def with_trail(handle_request):
    async def handle(method, path, headers, body, query_params):
        answer = await handle_request(method, path, headers, body, query_params)
        params = {**query_params, **parse_qs(body.decode() if isinstance(body, bytes) else body or "")}
        action = params.get("Action", [""])[0]
        if action in RECORDED:
            tell(action, params, headers, answer)
        return answer

    return handle


def client_of_cloudformation(service):
    """Like the driver's client, with CloudFormation's name on its calls."""
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{driver.os.environ['GATEWAY_PORT']}",
        region_name=get_region(),
        aws_access_key_id=get_account_id(),
        aws_secret_access_key="test",
        config=Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1}, proxies={},
                      user_agent_extra=CLOUDFORMATION),  # fmt: skip
    )


if __name__ == "__main__":
    driver.client = client_of_cloudformation
    driver.install()
    ec2.handle_request = with_trail(ec2.handle_request)
    app.main()
