"""The service control policies of deploy/, asked by somebody else's policy evaluator: MiniStack's.

It takes a Deny, conditions on principals and context keys that are missing as AWS describes them. It does not know
that a service control policy binds neither the management account nor service-linked roles, and nothing here says so.
"""

import itertools
import json

import pytest
from cfnlint.decode import cfn_yaml
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from conftest import ROOT

ACCOUNT = "123456789012"
ALLOW_ALL = parse_policy_document(
    json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
)
DEPLOYMENT = f"arn:aws:iam::{ACCOUNT}:role/cfn-egress-guard-deployment"
STACK_SETS = f"arn:aws:iam::{ACCOUNT}:role/stacksets-exec-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
NOBODY_SPECIAL = [
    f"arn:aws:iam::{ACCOUNT}:role/Admin",
    f"arn:aws:iam::{ACCOUNT}:user/root-like",
    f"arn:aws:iam::{ACCOUNT}:root",
    f"arn:aws:iam::{ACCOUNT}:role/my-stacksets-exec-1",
    f"arn:aws:iam::{ACCOUNT}:role/cfn-egress-guard-deployment-2",
]
# What CloudFormation names the guard's stack in a member's account, and what it may make of that in the name of a
# resource: names that are too long are shortened.
STACK_NAMES = ["cfn-egress-guard", "StackSet-cfn-egress-guard-1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809"]
RANDOM = "1A2B3C4D5E6F"


def statements(name):
    return {statement["Sid"]: statement for statement in json.loads((ROOT / "deploy" / name).read_text())["Statement"]}


def decision(policy, action, resource, principal, **context):
    """What comes of a request that everything else allows, and which statement decides."""
    request = EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="eu-west-1",
        service_context={name.lower(): value for name, value in context.items()},
    )
    result = evaluate(request, [ALLOW_ALL], [ALLOW_ALL, parse_policy_document((ROOT / "deploy" / policy).read_text())])
    return result.decision, result.matched_sid


def resources_of_the_guard():
    """ARNs of what the guard's stacks hold, by the statement that has to protect them."""
    template = cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"]
    of_type = {}
    for name, resource in template.items():
        of_type.setdefault(resource["Type"], []).append(name)
    names = [(stack, stack[:24].rstrip("-")) for stack in STACK_NAMES]
    for stack, short in names:
        yield "GuardStack", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/{stack}/0a1b2c3d"
        for name in of_type["AWS::Serverless::Function"]:
            function = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{short}-{name}-{RANDOM}"
            yield from (("GuardFunction", function), ("GuardFunction", f"{function}:live"))
        for name in of_type["AWS::IAM::Role"]:
            yield "GuardRoles", f"arn:aws:iam::{ACCOUNT}:role/{short}-{name}-{RANDOM}"
        for name in of_type["AWS::Events::Rule"]:
            yield "GuardRecords", f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/{short}-{name}-{RANDOM}"
        for name in of_type["AWS::CloudWatch::Alarm"]:
            yield "GuardRecords", f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:{short}-{name}-{RANDOM}"
        for group in (f"/aws/lambda/{stack}", f"/aws/events/{stack}/0a1b2c3d"):
            yield "GuardRecords", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{group}"
            yield "GuardRecords", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{group}:log-stream:x"
    yield "GuardStackSet", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stackset/cfn-egress-guard:1a2b3c4d-5e6f"
    yield "GuardRoles", DEPLOYMENT
    yield "GuardRoles", STACK_SETS


PROTECT = "protect-hook.scp.json"
REFUSE = "refuse-direct-egress.scp.json"
HOOK = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:type/hook/Security-Egress-SinglePort"


def test_every_statement_is_exercised():
    protected = {sid for sid, _ in resources_of_the_guard()} | {"HookConfiguration"}
    assert protected == set(statements(PROTECT))
    exempt = {"ExemptRoles", "ExemptRolesForCloudFormation"}
    assert set(statements(REFUSE)) == {"EgressOnlyThroughCloudFormation", *exempt}


@pytest.mark.parametrize("principal", NOBODY_SPECIAL)
def test_nobody_else_touches_the_hook_or_what_belongs_to_it(principal):
    rules = statements(PROTECT)
    # Whether AWS asks about the hook's ARN or about everything: its documents disagree.
    hook = [("HookConfiguration", "*"), ("HookConfiguration", HOOK)]
    for sid, resource in itertools.chain(hook, resources_of_the_guard()):
        service = resource.split(":")[2] if resource != "*" else "cloudformation"
        actions = [action for action in rules[sid]["Action"] if action.startswith(f"{service}:")]
        assert actions, f"{sid} says nothing about {resource}"
        for action in actions:
            assert decision(PROTECT, action, resource, principal) == ("Deny", sid), (action, resource)


@pytest.mark.parametrize("principal", [DEPLOYMENT, STACK_SETS])
def test_who_deploys_the_guard_is_not_bound(principal):
    rules = statements(PROTECT)
    for sid, resource in itertools.chain([("HookConfiguration", HOOK)], resources_of_the_guard()):
        for action in rules[sid]["Action"]:
            assert decision(PROTECT, action, resource, principal)[0] == "Allow", (action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("cloudformation:UpdateStack", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/web/1"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/StackSet-baseline-1/1"),
        ("cloudformation:UpdateStackSet", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stackset/baseline:1"),
        ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/cfn-egress-guard/1"),
        ("cloudformation:ListHookResults", "*"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:web"),
        ("lambda:GetFunction", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:cfn-egress-guard-GuardFunction-1"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/web"),
        ("events:PutRule", f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/web"),
        ("logs:DeleteLogGroup", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/lambda/web"),
        ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:web"),
        ("cloudwatch:PutAlarmMuteRule", f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm-mute-rule:any"),
    ],
)
def test_what_is_not_the_guards_stays_everybodys(action, resource):
    assert decision(PROTECT, action, resource, NOBODY_SPECIAL[0])[0] == "Allow"


def test_roles_that_may_call_directly_are_nobodys_to_make_or_to_hand_to_others_than_cloudformation():
    service_role = f"arn:aws:iam::{ACCOUNT}:role/cfn-service-web"
    own = f"arn:aws:iam::{ACCOUNT}:role/web"
    to_cloudformation = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    for action in statements(REFUSE)["ExemptRoles"]["Action"]:
        for principal in [*NOBODY_SPECIAL, service_role]:
            assert decision(REFUSE, action, service_role, principal) == ("Deny", "ExemptRoles"), action
            assert decision(REFUSE, action, own, principal)[0] == "Allow", action
        for principal in (DEPLOYMENT, STACK_SETS):
            assert decision(REFUSE, action, service_role, principal)[0] == "Allow", action
    refused = ("Deny", "ExemptRolesForCloudFormation")
    for principal in NOBODY_SPECIAL:
        to_ec2 = {"iam:PassedToService": "ec2.amazonaws.com"}
        assert decision(REFUSE, "iam:PassRole", service_role, principal, **to_ec2) == refused
        assert decision(REFUSE, "iam:PassRole", service_role, principal) == refused
        assert decision(REFUSE, "iam:PassRole", service_role, principal, **to_cloudformation)[0] == "Allow"
        assert decision(REFUSE, "iam:PassRole", own, principal, **to_ec2)[0] == "Allow"


def called_via(*chain):
    """The keys of a call that services made one for the other, for whom the first of them was asked.

    IAM User Guide, "AWS global condition context keys": none of the three is there when the principal calls itself.
    """
    services = [f"{service}.amazonaws.com" for service in chain]
    return {"aws:CalledVia": services, "aws:CalledViaFirst": services[0], "aws:CalledViaLast": services[-1]}


def test_direct_egress_calls_are_refused_and_those_of_cloudformation_are_not():
    group = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/sg-1"
    service_role = f"arn:aws:iam::{ACCOUNT}:role/cfn-service-web"
    refused = ("Deny", "EgressOnlyThroughCloudFormation")
    for action in statements(REFUSE)["EgressOnlyThroughCloudFormation"]["Action"]:
        for principal in NOBODY_SPECIAL:
            assert decision(REFUSE, action, group, principal) == refused
            for chain in (["cloudformation"], ["servicecatalog", "cloudformation"], ["x", "y", "cloudformation"]):
                assert decision(REFUSE, action, group, principal, **called_via(*chain))[0] == "Allow", chain
            # What another service does for CloudFormation, no hook sees.
            for chain in (["x"], ["cloudformation", "x"], ["x", "cloudformation", "y"]):
                assert decision(REFUSE, action, group, principal, **called_via(*chain)) == refused, chain
        for principal in (DEPLOYMENT, STACK_SETS, service_role):
            assert decision(REFUSE, action, group, principal)[0] == "Allow"
    assert decision(REFUSE, "ec2:CreateSecurityGroup", group, NOBODY_SPECIAL[0])[0] == "Allow"
    assert decision(REFUSE, "ec2:RevokeSecurityGroupEgress", group, NOBODY_SPECIAL[0])[0] == "Allow"
