"""Direct calls to the EC2 API, which no hook sees, from the AWS CLI to the line in the guard's log.

The parts:

- The AWS CLI and EC2 are as in test_end_to_end.py. MiniStack also plays EventBridge: it matches events with the pattern
  of the rule in template.yaml and invokes the real function behind the alias.
- The driver, ministack_with_trail.py, plays CloudTrail: it turns each call to the EC2 API into an event.
- MiniStack does not play services that call EC2 for someone else, dry runs, and how EventBridge and Lambda handle
  undeliverable events. For the first two, the deployed function is invoked with recorded shapes
  (tests/fixtures/direct-calls); tests/template checks the queues and retries.
"""

import json
import time

import pytest

from conftest import ROOT
from deployed import GUARD, Deployed, stack_with
from protocol import rule
from server import poll

FIXTURES = ROOT / "tests" / "fixtures" / "direct-calls"


class Watched(Deployed):
    SERVER = "ministack_with_trail.py"


@pytest.fixture(scope="module")
def account(bootstrap, tmp_path_factory):
    account = Watched(bootstrap, tmp_path_factory.mktemp("account"))
    try:
        account.deploy(WatchDirectCalls="ENABLED")
        yield account
    finally:
        account.stop()


@pytest.fixture
def group(account):
    made = account.ec2.create_security_group(GroupName=f"g{time.monotonic_ns()}", Description="x")["GroupId"]
    told(account, made)
    return made


def lines(account):
    """Returns the function's log lines, the oldest first."""
    name = account.outputs(GUARD)["DecisionLogGroupName"]
    events = account.logs.filter_log_events(logGroupName=name)["events"]
    return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]


def told(account, group, count=1):
    """Waits for this many lines about a group, and returns them."""

    def enough():
        found = [line for line in lines(account) if line.get("groupId") == group and line["event"] == "direct-call"]
        return found if len(found) >= count else None

    return poll(enough, seconds=15, what=f"{count} lines about {group}\n{account.server.tail()}")


def recorded(account):
    """Returns CloudTrail's events so far: operation, result, and CloudFormation's calls."""
    return [line.removeprefix("CloudTrail: ").split() for line in account.server.log().splitlines() if line.startswith("CloudTrail: ")]


def open_egress(account, group):
    [found] = account.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return [(one.get("FromPort"), one.get("ToPort")) for one in found["IpPermissionsEgress"]]


def test_it_deploys_whole_and_the_hook_works_beside_it(account):
    assert account.stack(GUARD)["StackStatus"] == "CREATE_COMPLETE"
    resources = account.resources(GUARD)
    assert {r["ResourceStatus"] for r in resources.values()} == {"CREATE_COMPLETE"}
    [target] = account.client("events").list_targets_by_rule(Rule=resources["DirectCallsRule"]["PhysicalResourceId"])["Targets"]
    assert target["Arn"] == account.outputs(GUARD)["FunctionAliasArn"]
    assert account.create("range", stack_with(rule(80, 87))) == "ROLLBACK_COMPLETE"
    assert account.create("port", stack_with(rule(443, 443))) == "CREATE_COMPLETE"


def test_a_range_that_is_opened_directly_is_recorded_and_not_blocked(account, group):
    account.aws("ec2", "authorize-security-group-egress", "--group-id", group, "--ip-permissions",
                "IpProtocol=tcp,FromPort=80,ToPort=87,IpRanges=[{CidrIp=10.0.0.0/16},{CidrIp=10.1.0.0/16}]")  # fmt: skip
    assert (80, 87) in open_egress(account, group), "nothing is changed"
    made, opened = told(account, group, 2)
    assert (made["operation"], made["verdict"]) == ("CreateSecurityGroup", "compliant")
    assert (opened["operation"], opened["verdict"], opened["level"]) == ("AuthorizeSecurityGroupEgress", "non-compliant", "WARN")
    assert (opened["caller"], opened["sourceIp"], opened["tool"]) == (
        "arn:aws:iam::123456789012:user/alice", "203.0.113.7", "AWS CLI",
    )  # fmt: skip
    assert opened["reasons"] == ["port-range"]
    assert [(one["ports"], one["destination"]) for one in opened["offendingRules"]] == [
        ("80-87", "10.0.0.0/16"), ("80-87", "10.1.0.0/16"),
    ]  # fmt: skip
    counts = [line for line in lines(account) if line["event"] == "direct-call-offending-rules"]
    assert counts[-1]["OffendingRules"] == 2


def test_one_port_follows_the_rule(account, group):
    account.aws("ec2", "authorize-security-group-egress", "--group-id", group, "--protocol", "tcp", "--port", "443",
                "--cidr", "0.0.0.0/0")  # fmt: skip
    assert told(account, group, 2)[-1]["verdict"] == "compliant"


def test_a_rule_that_is_modified_may_be_egress(account, group):
    [first, *_] = account.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    changed = {"SecurityGroupRuleId": first["SecurityGroupRuleId"],
               "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 1024, "ToPort": 65535, "CidrIpv4": "0.0.0.0/0"}}  # fmt: skip
    account.aws("ec2", "modify-security-group-rules", "--group-id", group, "--security-group-rules", json.dumps([changed]))
    modified = told(account, group, 2)[-1]
    assert (modified["operation"], modified["verdict"]) == ("ModifySecurityGroupRules", "undetermined")
    assert modified["direction"] == "may be egress"
    [offending] = modified["offendingRules"]
    assert (offending["at"], offending["ports"]) == (first["SecurityGroupRuleId"], "1024-65535")


def test_refused_calls_and_those_that_close_are_not_recorded(account, group):
    before = len(lines(account))
    with pytest.raises(account.ec2.exceptions.ClientError):
        account.ec2.authorize_security_group_egress(
            GroupId="sg-0000000000000none", IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        )
    account.ec2.revoke_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    # Sent after both: a line that is missing then will not appear.
    account.ec2.authorize_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.2/32"}]}]
    )
    told(account, group, 2)
    assert [line["operation"] for line in lines(account)[before:]] == ["AuthorizeSecurityGroupEgress"]
    assert ["AuthorizeSecurityGroupEgress", "Client.InvalidGroup.NotFound"] in recorded(account)


def test_what_cloudformation_calls_was_judged_by_the_hook(account, group):
    standalone = {"Type": "AWS::EC2::SecurityGroupEgress", "Properties": {"GroupId": group, **rule(8443, 8443)}}
    before = len(lines(account))
    assert account.create("standalone", {"Resources": {"Out": standalone}}) == "CREATE_COMPLETE"
    assert (8443, 8443) in open_egress(account, group)
    assert ["AuthorizeSecurityGroupEgress", "made", "by", "CloudFormation"] in recorded(account)
    account.ec2.authorize_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.2/32"}]}]
    )
    told(account, group, 2)
    decided = [(line["event"], line["verdict"]) for line in lines(account)[before:]]
    assert decided == [("decision", "compliant"), ("direct-call", "compliant")], "the hook's, and the call behind it"


@pytest.mark.parametrize(
    ("fixture", "verdict"),
    [("by-a-service", "non-compliant"), ("by-cloudformation", None), ("dry-run", None), ("refused", None),
     ("modify-several", "undetermined"), ("authorize", "non-compliant")],
)  # fmt: skip
def test_recorded_events_are_answered_with_nothing(account, fixture, verdict):
    event = json.loads((FIXTURES / f"{fixture}.json").read_text())
    answer = account.lambdas.invoke(FunctionName=account.outputs(GUARD)["FunctionAliasArn"], Payload=json.dumps(event))
    assert (answer.get("FunctionError"), json.loads(answer["Payload"].read())) == (None, None)

    def found():
        return [line for line in lines(account) if line.get("eventId") == event["detail"]["eventID"]]

    if verdict:
        [line] = poll(found, seconds=10, what=f"a line about {fixture}")
        assert line["verdict"] == verdict
        if fixture == "by-a-service":
            assert line["service"] == "eks.amazonaws.com"
            assert "Called by eks.amazonaws.com on behalf of" in line["message"]
    else:
        assert account.create(f"after-{fixture}", stack_with(rule(443, 443))) == "CREATE_COMPLETE"
        poll(lambda: any(line.get("stackName") == f"after-{fixture}" for line in lines(account)), seconds=10, what="a line behind it")
        assert found() == []


def test_the_function_may_fill_its_own_queue_and_nothing_else(account):
    function = account.outputs(GUARD)["FunctionAliasArn"].rsplit(":", 1)[0]
    role = account.lambdas.get_function_configuration(FunctionName=function)["Role"]
    url = account.outputs(GUARD)["LostCallsQueueUrl"]
    queue = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert account.allows(role, "sqs:SendMessage", queue)
    assert not account.allows(role, "sqs:SendMessage", f"{queue}-of-another")
    for action in ("sqs:ReceiveMessage", "ec2:RevokeSecurityGroupEgress", "ec2:DescribeSecurityGroups", "cloudtrail:LookupEvents"):
        assert not account.allows(role, action, "*"), action


def test_it_is_switched_off_again(account, group):
    """Runs last."""
    assert account.set_parameter(GUARD, "WatchDirectCalls", "DISABLED") == "UPDATE_COMPLETE"
    assert "DirectCallsRule" not in account.resources(GUARD)
    before = len(lines(account))
    account.ec2.authorize_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]
    )
    assert account.create("still-blocked", stack_with(rule(80, 87))) == "ROLLBACK_COMPLETE"
    poll(lambda: len(lines(account)) > before, seconds=10, what="the hook's line")
    assert {line["event"] for line in lines(account)[before:]} <= {"decision", "offending-rules"}
