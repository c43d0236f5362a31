"""The central variant in a deployment: the guard that serves an organization, and a member's hook that calls it.

In MiniStack, both are in one account, and it does not enforce a resource policy for another account: the test reads the
function's policy.
"""

import json

import pytest

from account import ACCOUNT_ID, REGION, hook_of_a_member
from protocol import rule
from test_end_to_end import GUARD, account, setting, stack_with  # noqa: F401

CENTRAL = "arn:aws:lambda:{region}:%s:function:cfn-egress-guard:live" % ACCOUNT_ID
ALIAS = "Acme::Member::Guard"


@pytest.fixture
def member(account, setting):  # noqa: F811
    """Deploys only a member's hook: the guard serves the organization, and its own hook is off."""
    setting("OrganizationId", "o-ab12cd34ef")
    setting("HookStatus", "DISABLED")
    account.aws("cloudformation", "deploy", "--template-file", hook_of_a_member(account.folder),
                "--stack-name", "member", "--capabilities", "CAPABILITY_IAM", "--parameter-overrides",
                f"CentralFunctionArn={CENTRAL}", f"HookAlias={ALIAS}", "FailureMode=FAIL")  # fmt: skip
    yield account
    account.aws("cloudformation", "delete-stack", "--stack-name", "member")


def test_a_members_hook_calls_the_central_function_and_blocks(member):
    assert member.outputs(GUARD)["FunctionAliasArn"] == CENTRAL.replace("{region}", REGION), "one name in all Regions"
    policy = json.loads(member.lambdas.get_policy(FunctionName="cfn-egress-guard", Qualifier="live")["Policy"])
    [statement] = policy["Statement"]
    assert (statement["Action"], statement["Principal"]) == ("lambda:InvokeFunction", "*")
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-ab12cd34ef"}}

    role = member.resources("member")["HookRole"]["PhysicalResourceId"]
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"
    assert member.allows(arn, "lambda:InvokeFunction", CENTRAL.replace("{region}", REGION))
    assert not member.allows(arn, "lambda:InvokeFunction", CENTRAL.replace("{region}", "eu-west-1"))

    assert member.create("central-good", stack_with(rule())) == "CREATE_COMPLETE"
    assert member.create("central-range", stack_with(rule(80, 87))) == "ROLLBACK_COMPLETE"
    reasons = [
        event["HookStatusReason"] for event in member.events("central-range", "Web") if event.get("HookType") == ALIAS
    ]
    assert "opens a range of 8 ports" in reasons[-1]
