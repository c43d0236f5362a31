"""End to end: template.yaml deployed with the AWS CLI, then stacks that it allows and stacks that it blocks.

The parts:

- The AWS CLI is the real one. MiniStack plays CloudFormation, S3, IAM, Lambda, CloudWatch and EC2: it expands the SAM
  template with AWS's translator, creates every resource of template.yaml except the hook, runs the real `bootstrap` as
  the published version behind the alias, and produces the stacks' and resources' events, rollbacks and statuses.
- The driver, ministack_with_hooks.py, plays CloudFormation's hooks: the resource types LambdaHook and
  SecurityGroupEgress, the invocation before a create or an update, the events with a HookStatus, "Hook
  invocations complete.", and the text "The following hook(s) failed: […]" in MiniStack's CREATE_FAILED event.
- The message within these events is the answer of the real function.

So this proves the template, the function behind Lambda's API, and their parts in a deployment. That CloudFormation
itself calls a hook like this is known only from AWS's documentation.
"""

import importlib.util
import json
import platform
import zipfile

import pytest

from account import Account
from conftest import ROOT
from protocol import group, rule
from server import poll

ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
GUARD = "cfn-egress-guard"
ALIAS = "Security::Egress::SinglePort"
GROUP = "AWS::EC2::SecurityGroup"
EGRESS = "AWS::EC2::SecurityGroupEgress"
HOOK = "AWS::CloudFormation::LambdaHook"


def stack_with(*rules, **more):
    """Returns a template with a security group."""
    return {"Resources": {"Web": {"Type": GROUP, "Properties": group(*rules)}, **more}}


def package(bootstrap, folder):
    """Creates the output of `make package` with this bootstrap: a template and the function beside it."""
    spec = importlib.util.spec_from_file_location("package", ROOT / "deploy" / "package.py")
    packaging = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(packaging)
    with zipfile.ZipFile(folder / "bootstrap.zip", "w") as archive:
        packaging.write(archive, "bootstrap", bootstrap.read_bytes(), 0o755)
    template = packaging.packaged_template((ROOT / "template.yaml").read_text(), ARCHITECTURE)
    (folder / "template.yaml").write_text(template)


def use_up_the_policies_of_cloudwatch_logs(account):
    """Creates resource policies as the CDK does: an account and Region may have ten, and MiniStack rejects the
    eleventh."""
    document = json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "es.amazonaws.com"},
            "Action": "logs:PutLogEvents", "Resource": "*",
        }],
    })  # fmt: skip
    for number in range(10):
        account.logs.put_resource_policy(policyName=f"cdk-{number}", policyDocument=document)
    with pytest.raises(account.logs.exceptions.LimitExceededException):
        account.logs.put_resource_policy(policyName="one-more", policyDocument=document)


@pytest.fixture(scope="module")
def account(bootstrap, tmp_path_factory):
    """An account with the guard, deployed with the commands of deploy/DEPLOY.txt."""
    folder = tmp_path_factory.mktemp("account")
    account = Account(folder)
    try:
        package(bootstrap, folder)
        use_up_the_policies_of_cloudwatch_logs(account)
        account.aws("s3", "mb", "s3://artifacts")
        account.aws("cloudformation", "package", "--template-file", "template.yaml",
                    "--s3-bucket", "artifacts", "--output-template-file", "packaged.yaml")  # fmt: skip
        account.aws("cloudformation", "deploy", "--template-file", "packaged.yaml",
                    "--stack-name", GUARD, "--capabilities", "CAPABILITY_IAM")  # fmt: skip
        yield account
    finally:
        account.stop()


@pytest.fixture
def setting(account):
    """Changes a parameter of the deployed guard for one test."""
    changed = []

    def change(name, value):
        before = {p["ParameterKey"]: p["ParameterValue"] for p in account.stack(GUARD)["Parameters"]}[name]
        changed.append((name, before))
        assert account.set_parameter(GUARD, name, value) == "UPDATE_COMPLETE"

    yield change
    for name, value in changed:
        assert account.set_parameter(GUARD, name, value) == "UPDATE_COMPLETE"


def hook_events(account, stack, logical_id="Web"):
    """Returns the hook's events for a resource, oldest first: status, failure mode and reason."""
    return [
        (event["HookStatus"], event["HookFailureMode"], event["HookStatusReason"])
        for event in account.events(stack, logical_id)
        if event.get("HookType") == ALIAS
    ]


def last_message(account, stack, logical_id="Web"):
    """Returns the function's last message, as a user reads it in the stack's events."""
    _, _, reason = hook_events(account, stack, logical_id)[-1]
    return reason


def failures(account, stack, logical_id="Web"):
    """Returns the resource's own failure events."""
    return [
        (event["ResourceStatus"], event["ResourceStatusReason"])
        for event in account.events(stack, logical_id)
        if event["ResourceStatus"].endswith("_FAILED")
    ]


def test_the_packaged_template_deploys_whole(account):
    assert account.stack(GUARD)["StackStatus"] == "CREATE_COMPLETE"
    resources = account.resources(GUARD)
    assert {r["ResourceStatus"] for r in resources.values()} == {"CREATE_COMPLETE"}
    # The driver creates only the hook; the rest is in MiniStack's services.
    assert [name for name, r in resources.items() if r["ResourceType"] == HOOK] == ["EgressHook"]
    outputs = account.outputs(GUARD)
    assert outputs["HookArn"] == resources["EgressHook"]["PhysicalResourceId"]
    function, version = outputs["FunctionAliasArn"].rsplit(":", 1)
    alias = account.lambdas.get_alias(FunctionName=function, Name=version)
    published = account.lambdas.get_function_configuration(FunctionName=function, Qualifier=alias["FunctionVersion"])
    assert (published["Runtime"], published["Version"]) == ("provided.al2023", "1")
    assert published["Environment"]["Variables"] == {"GUARD_NAME": GUARD}, "the packaged policy decides"


def test_the_audit_feed_has_a_policy_of_its_own_which_names_the_rule(account):
    group, rule_name = (account.resources(GUARD)[name]["PhysicalResourceId"] for name in ("AuditLogGroup", "AuditRule"))
    events = account.client("events")
    [target] = events.list_targets_by_rule(Rule=rule_name)["Targets"]
    assert target["Arn"].endswith(f":log-group:{group}")
    [policy] = account.logs.describe_resource_policies(policyScope="RESOURCE", resourceArn=target["Arn"])["resourcePolicies"]
    stream, write = json.loads(policy["policyDocument"])["Statement"]
    assert (stream["Action"], stream["Resource"]) == ("logs:CreateLogStream", f"{target['Arn']}:*")
    assert (write["Action"], write["Resource"]) == ("logs:PutLogEvents", f"{target['Arn']}:*:*")
    assert write["Condition"] == {"ArnEquals": {"aws:SourceArn": events.describe_rule(Name=rule_name)["Arn"]}}


def test_the_roles_allow_what_is_needed_and_no_more(account):
    """The driver calls the function without its execution role, so this test checks the role."""
    outputs = account.outputs(GUARD)
    hook_role, alias = outputs["HookRoleArn"], outputs["FunctionAliasArn"]
    function = alias.rsplit(":", 1)[0]
    assert account.allows(hook_role, "lambda:InvokeFunction", alias)
    assert not account.allows(hook_role, "lambda:InvokeFunction", function)
    assert not account.allows(hook_role, "lambda:UpdateFunctionCode", alias)
    trust = account.iam.get_role(RoleName=hook_role.rsplit("/", 1)[1])["Role"]["AssumeRolePolicyDocument"]
    assert [s["Principal"] for s in trust["Statement"]] == [{"Service": "hooks.cloudformation.amazonaws.com"}]

    function_role = account.lambdas.get_function_configuration(FunctionName=function)["Role"]
    log_group = next(
        group["arn"].removesuffix(":*")
        for group in account.logs.describe_log_groups()["logGroups"]
        if group["logGroupName"] == outputs["DecisionLogGroupName"]
    )
    assert account.allows(function_role, "logs:PutLogEvents", f"{log_group}:log-stream:any")
    assert not account.allows(function_role, "logs:PutLogEvents", f"{log_group}-of-another:log-stream:any")
    assert not account.allows(function_role, "s3:GetObject", "arn:aws:s3:::any/any")


def test_a_compliant_group_is_created(account):
    assert account.create("good", stack_with(rule(443, 443))) == "CREATE_COMPLETE"
    assert account.open_ports("good") == [(443, 443)]
    assert [status for status, _, _ in hook_events(account, "good")] == ["HOOK_IN_PROGRESS", "HOOK_COMPLETE_SUCCEEDED"]
    assert last_message(account, "good").startswith("Hook succeeded with message: AWS::EC2::SecurityGroup Web follows rule")


def test_a_port_that_is_a_parameter_arrives_as_text_and_passes(account):
    template = stack_with(rule({"Ref": "Port"}, {"Ref": "Port"}))
    template["Parameters"] = {"Port": {"Type": "Number", "Default": 5432}}
    assert account.create("parameter", template) == "CREATE_COMPLETE"
    assert account.open_ports("parameter") == [(5432, 5432)]
    assert hook_events(account, "parameter")[-1][0] == "HOOK_COMPLETE_SUCCEEDED"


def test_a_port_range_is_blocked_and_nothing_is_left(account):
    assert account.create("bad", stack_with(rule(443, 443), rule(80, 87))) == "ROLLBACK_COMPLETE"
    (status, mode, reason) = hook_events(account, "bad")[-1]
    assert (status, mode) == ("HOOK_COMPLETE_FAILED", "FAIL")
    assert reason.startswith("Hook failed with message: AWS::EC2::SecurityGroup Web in stack bad breaks rule")
    assert [word for word in ("SecurityGroupEgress[1]", "80", "87") if word not in reason] == []
    assert failures(account, "bad") == [("CREATE_FAILED", f"The following hook(s) failed: [{ALIAS}]")]
    assert account.groups("bad") == []


def test_a_bad_update_is_rolled_back_and_the_old_rule_stays(account):
    assert account.create("updated", stack_with(rule(443, 443))) == "CREATE_COMPLETE"
    assert account.update("updated", stack_with(rule(1024, 65535))) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.open_ports("updated") == [(443, 443)]
    assert "1024" in last_message(account, "updated")
    assert failures(account, "updated") == [("UPDATE_FAILED", f"The following hook(s) failed: [{ALIAS}]")]
    # A compliant one is still possible.
    assert account.update("updated", stack_with(rule(8443, 8443))) == "UPDATE_COMPLETE"
    assert account.open_ports("updated") == [(8443, 8443)]


def with_standalone_rule(first, last):
    rule_properties = {"GroupId": {"Fn::GetAtt": ["Web", "GroupId"]}, **rule(first, last)}
    return stack_with(rule(443, 443), Out={"Type": EGRESS, "Properties": rule_properties})


def test_a_standalone_rule_takes_its_stack_down_with_it(account):
    assert account.create("standalone-bad", with_standalone_rule(0, 65535)) == "ROLLBACK_COMPLETE"
    assert hook_events(account, "standalone-bad", "Web")[-1][0] == "HOOK_COMPLETE_SUCCEEDED"
    assert failures(account, "standalone-bad", "Out") == [("CREATE_FAILED", f"The following hook(s) failed: [{ALIAS}]")]
    assert "AWS::EC2::SecurityGroupEgress Out in stack standalone-bad breaks rule" in last_message(account, "standalone-bad", "Out")
    assert account.groups("standalone-bad") == []


def test_a_standalone_rule_cannot_be_replaced_by_a_range(account):
    assert account.create("standalone", with_standalone_rule(53, 53)) == "CREATE_COMPLETE"
    assert account.open_ports("standalone") == [(443, 443), (53, 53)]
    assert account.update("standalone", with_standalone_rule(53, 5353)) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.open_ports("standalone") == [(443, 443), (53, 53)]
    assert "5353" in last_message(account, "standalone", "Out")


def test_other_resources_are_none_of_its_business(account):
    template = {"Resources": {"Web": {"Type": "AWS::SNS::Topic"}}}
    assert account.create("topic", template) == "CREATE_COMPLETE"
    assert hook_events(account, "topic") == []


def test_warn_lets_it_through_and_keeps_the_message(account, setting):
    setting("FailureMode", "WARN")
    assert account.create("warned", stack_with(rule(80, 87))) == "CREATE_COMPLETE"
    assert account.open_ports("warned") == [(80, 87)]
    (status, mode, reason) = hook_events(account, "warned")[-1]
    assert (status, mode) == ("HOOK_COMPLETE_FAILED", "WARN")
    assert "SecurityGroupEgress[0]" in reason
    assert failures(account, "warned") == []


def test_a_preset_reaches_the_function_behind_the_alias(account, setting):
    ping = stack_with(rule(8, -1, IpProtocol="icmp"))
    assert account.create("ping-literal", ping) == "ROLLBACK_COMPLETE"
    setting("Preset", "effective")
    assert account.create("ping-effective", ping) == "CREATE_COMPLETE"


def test_disabled_checks_nothing(account, setting):
    setting("HookStatus", "DISABLED")
    assert account.create("unchecked", stack_with(rule(80, 87))) == "CREATE_COMPLETE"
    assert hook_events(account, "unchecked") == []


def test_templates_bring_their_resources(account, setting):
    setting("TargetOperations", "STACK")
    assert account.create("beside-stack", stack_with(rule(80, 87))) == "ROLLBACK_COMPLETE"


def test_stacks_that_are_excluded_by_name_go_unchecked(account, setting):
    setting("StackNamesExclude", "sandbox-*")
    assert account.create("sandbox-1", stack_with(rule(80, 87))) == "CREATE_COMPLETE"
    assert hook_events(account, "sandbox-1") == []
    assert account.create("no-sandbox", stack_with(rule(80, 87))) == "ROLLBACK_COMPLETE"


def test_each_decision_is_in_the_log_group(account):
    assert account.create("logged", stack_with(rule(20, 21))) == "ROLLBACK_COMPLETE"
    group_name = account.outputs(GUARD)["DecisionLogGroupName"]

    def decision():
        found = account.logs.filter_log_events(logGroupName=group_name)["events"]
        lines = [json.loads(e["message"]) for e in found if e["message"].startswith("{")]
        return next((line for line in lines if line.get("stackName") == "logged"), None)

    logged = poll(decision, seconds=10, what=f"a decision about the stack in {group_name}")
    assert (logged["event"], logged["verdict"], logged["logicalId"]) == ("decision", "non-compliant", "Web")


def test_the_guard_is_removed_but_for_its_audit_feed(account):
    """Runs last."""
    audit_log_group = account.outputs(GUARD)["AuditLogGroupName"]
    stack_id = account.stack(GUARD)["StackId"]
    account.aws("cloudformation", "delete-stack", "--stack-name", GUARD)
    assert account.settled(stack_id) == "DELETE_COMPLETE"
    groups = account.logs.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == [audit_log_group]
    assert account.create("afterwards", stack_with(rule(80, 87))) == "CREATE_COMPLETE"
