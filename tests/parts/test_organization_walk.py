"""The commands of deploy/ORGANIZATION.md, unchanged, run one after the other in MiniStack with hooks.

MiniStack executes the commands, with these exceptions: the driver answers ActivateOrganizationsAccess and records the
StackSet (in test_stack_set.py, moto creates its members' stacks). `make package` and `make deploy` are replaced by the
release build, without cargo-lambda and the SAM CLI; `make scp` is the real one.
"""

import json
import re
import shutil
import subprocess

import pytest

from account import ACCOUNT_ID, Account
from conftest import ROOT
from policies import Request, iam_simulate
from server import PARTS, environment

pytestmark = pytest.mark.timeout(300)  # a whole walk runs before the first test

HOME, OTHER = "eu-west-1", "us-east-1"
GUIDE = (ROOT / "deploy" / "ORGANIZATION.md").read_text()
MAKE = """#!/bin/bash
set -euo pipefail
case $1 in
  lint-template) ;;
  package) exec python deploy/package.py x86_64 ;;
  scp) exec /usr/bin/make --no-print-directory scp ;;
  deploy)
    python deploy/package.py x86_64
    unzip -jqo dist/cfn-egress-guard-*-x86_64.zip '*/bootstrap.zip' '*/template.yaml' -d packaged
    aws s3 mb "s3://artifacts-$AWS_REGION" > /dev/null
    aws cloudformation package --template-file packaged/template.yaml --s3-bucket "artifacts-$AWS_REGION" \\
      --output-template-file packaged.yaml > /dev/null
    exec aws cloudformation deploy --template-file packaged.yaml --stack-name "$STACK_NAME" --capabilities CAPABILITY_IAM \\
      --parameter-overrides FailureMode="$FAILURE_MODE" OrganizationId="$ORGANIZATION_ID" HookAlias="$ALIAS" ;;
esac
"""


def blocks(central):
    """Returns the guide's commands: for a function in every account, or for a central one per Region."""
    for label, commands in re.findall(r"^```sh(.*?)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL):
        if "MEMBERS_TEMPLATE=" in commands and (label == " central") != central:
            continue
        # In MiniStack, the management account is the central one, for which the guide skips this step.
        if "create-stack" in commands and central:
            continue
        yield commands


class Walk:
    def __init__(self, bootstrap, folder, *, central):
        self.folder = folder
        for name in ("deploy", "docs", "template.yaml", "Makefile", "policy.toml", "LICENSE", "Cargo.toml"):
            source = ROOT / name
            shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder / name)
        built = folder / "target" / "lambda" / "x86_64"
        built.mkdir(parents=True)
        shutil.copy(bootstrap, built / "bootstrap")
        shutil.copy(ROOT / "policy.toml", built)
        (folder / ".venv").symlink_to(PARTS / "venv")
        (folder / "bin").mkdir()
        make = folder / "bin" / "make"
        make.write_text(MAKE)
        make.chmod(0o755)

        self.account = Account(folder)
        organizations = self.client("organizations")
        self.root = organizations.list_roots()["Roots"][0]["Id"]
        self.organization = organizations.describe_organization()["Organization"]["Id"]
        given = f"export UNITS={self.root} ORGANIZATION={self.organization}\n"
        names, *rest = blocks(central)
        script = "\n".join(["set -euo pipefail", names, given, *rest]).replace("111122223333", ACCOUNT_ID)
        variables = environment(
            folder, AWS_ENDPOINT_URL=self.account.endpoint, AWS_ACCESS_KEY_ID=ACCOUNT_ID, AWS_SECRET_ACCESS_KEY="test", AWS_PAGER=""
        )
        variables["PATH"] = f"{folder / 'bin'}:{variables['PATH']}"
        run = subprocess.run(["bash", "-c", script], cwd=folder, env=variables, capture_output=True, text=True, timeout=280)
        assert run.returncode == 0, f"{run.stdout[-3000:]}{run.stderr[-3000:]}"
        self.said = run.stdout

    def client(self, service, region=HOME):
        return self.account.client(service, region)

    def stack_set(self):
        """Returns the last StackSet that the driver recorded."""
        found = re.findall(r"^StackSet: (.*)$", self.account.server.log(), re.MULTILINE)
        return json.loads(found[-1])

    def stacks(self, region):
        return {stack["StackName"]: stack for stack in self.client("cloudformation", region).describe_stacks()["Stacks"]}


def walk_of(bootstrap, folder, **given):
    walk = Walk(bootstrap, folder, **given)
    try:
        yield walk
    finally:
        walk.account.stop()


@pytest.fixture(scope="module")
def own(bootstrap, tmp_path_factory):
    yield from walk_of(bootstrap, tmp_path_factory.mktemp("own"), central=False)


@pytest.fixture(scope="module")
def central(bootstrap, tmp_path_factory):
    yield from walk_of(bootstrap, tmp_path_factory.mktemp("central"), central=True)


def test_the_stack_set_reaches_every_account_and_only_reports(own):
    stack_set = own.stack_set()
    assert (stack_set["StackSetName"], stack_set["PermissionModel"]) == ("cfn-egress-guard", "SERVICE_MANAGED")
    assert stack_set["StackInstancesGroup"] == [
        {"DeploymentTargets": {"OrganizationalUnitIds": [own.root]}, "Regions": [HOME, OTHER]}
    ]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack_set["Parameters"]}
    assert (parameters["FailureMode"], parameters["Preset"]) == ("WARN", "policy")
    assert stack_set["TemplateURL"] == f"https://acme-guard-{HOME}.s3.{HOME}.amazonaws.com/guard/0.1.0/guard.json"
    s3 = own.client("s3")
    for region in (HOME, OTHER):
        keys = {one["Key"] for one in s3.list_objects_v2(Bucket=f"acme-guard-{region}")["Contents"]}
        assert keys == {"guard/0.1.0/bootstrap.zip", "guard/0.1.0/guard.json"}


def test_the_management_account_has_a_guard_in_each_region(own):
    [nested] = [name for name in own.stacks(HOME) if name.startswith("cfn-egress-guard-organization-ThisAccount-")]
    for region, stack in ((HOME, nested), (OTHER, "cfn-egress-guard")):
        cloudformation = own.client("cloudformation", region)
        found = own.stacks(region)[stack]
        assert found["StackStatus"] == "CREATE_COMPLETE"
        resources = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        [hook] = [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::CloudFormation::LambdaHook"]
        assert hook == f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:type/hook/Security-Egress-SinglePort"
        function = next(r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::Lambda::Function")
        configuration = own.client("lambda", region).get_function_configuration(FunctionName=function)
        assert configuration["Environment"]["Variables"] == {"GUARD_NAME": stack}, "which the alarms look for"


def bucket_statement(walk, region):
    policy = json.loads(walk.client("s3").get_bucket_policy(Bucket=f"acme-guard-{region}")["Policy"])
    [statement] = policy["Statement"]
    return statement


@pytest.mark.parametrize("region", [HOME, OTHER])
def test_the_roles_that_deploy_read_the_buckets_and_nobody_else_does(own, region):
    statement = bucket_statement(own, region)
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Allow", "*", "s3:GetObject")
    # Like a Deny of a service control policy; evaluators report which statement matches.
    text = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "Reads", "Effect": "Deny", **{k: statement[k] for k in ("Action", "Resource", "Condition")}}
    ]})  # fmt: skip
    key = f"arn:aws:s3:::acme-guard-{region}/guard/0.1.0/guard.json"
    in_it, outside = ({"aws:PrincipalOrgID": organization} for organization in (own.organization, "o-other0other"))
    table = [
        ("role/stacksets-exec-0a1b2c3d", key, in_it, True),
        ("role/stacksets-exec-custom-guard", key, in_it, True),
        ("role/cfn-egress-guard-deployment", key, in_it, True),
        ("role/Admin", key, in_it, False),
        ("role/stacksets-exec-0a1b2c3d", key, outside, False),
        ("role/stacksets-exec-0a1b2c3d", key, {}, False),
        ("role/stacksets-exec-0a1b2c3d", f"arn:aws:s3:::acme-guard-{region}/other", in_it, False),
    ]
    requests = [
        Request("s3:GetObject", resource, f"arn:aws:iam::210987654321:{principal}", context=context)
        for principal, resource, context, _ in table
    ]
    assert [sid == "Reads" for sid in iam_simulate(text, requests)] == [reads for *_, reads in table]


def test_the_policy_is_attached_to_the_units(own):
    organizations = own.client("organizations")
    found = organizations.list_policies_for_target(TargetId=own.root, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    [policy] = [one for one in found if one["Name"] == "protect-cfn-egress-guard"]
    content = organizations.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"]
    assert content == (own.folder / "dist" / "protect-hook.scp.json").read_text()


def test_with_a_central_function_the_members_hook_calls_that_of_its_region(central):
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in central.stack_set()["Parameters"]}
    arn = "arn:aws:lambda:{region}:%s:function:cfn-egress-guard:live" % ACCOUNT_ID
    assert parameters["CentralFunctionArn"] == arn
    # Here, the management account is the central one: it only has the hooks of the central function's stacks.
    assert {name for region in (HOME, OTHER) for name in central.stacks(region)} == {"cfn-egress-guard", "cfn-egress-guard-organization"}
    for region in (HOME, OTHER):
        function, alias = arn.replace("{region}", region).rsplit(":", 1)
        policy = json.loads(central.client("lambda", region).get_policy(FunctionName=function, Qualifier=alias)["Policy"])
        assert policy["Statement"][0]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": central.organization}}
