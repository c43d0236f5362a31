"""An organization's switch: organization.yaml deployed, switched to WARN and back, in moto, for 40 accounts × 3
Regions.

The section "An organization" of docs/operations.md is run unchanged. moto_with_stack_sets.py describes which parts moto
plays and which the driver. The members' template is the output of organization_template.py, as far as moto can play it
(test_stack_set.py).
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile

import boto3
import pytest
from cfnlint.decode import cfn_yaml

import moto_with_stack_sets
from conftest import ROOT
from server import Server, environment, free_port
from test_operations import SECTIONS
from test_stack_set import organization_template, playable
from test_template import Stack

HERE = ROOT / "tests" / "parts"
SWITCH, POLICY = ROOT / "deploy" / "switch.sh", ROOT / "deploy" / "policy.sh"
HOME = "us-east-1"
REGIONS = ["eu-central-1", "eu-west-1", "us-east-1"]
ACCOUNTS = 40
NAME = "cfn-egress-guard-organization"
URL = f"https://acme-guard-{HOME}.s3.amazonaws.com/guard/1/guard.json"


class Organization:
    """An organization whose 40 members have the guard in three Regions, through a StackSet of organization.yaml."""

    def __init__(self, folder):
        self.folder, port = folder, free_port()
        for script in (SWITCH, POLICY):
            (folder / script.name).symlink_to(script)
        self.failing = folder / "failing"
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        self.server = Server(
            "moto",
            [sys.executable, HERE / "moto_with_stack_sets.py", "-H", "127.0.0.1", "-p", str(port)],
            port=port,
            folder=folder,
            variables={**keys, "FAILING_ACCOUNTS": str(self.failing)},
        )
        self.stop = self.server.stop
        self.clients = {}
        self.members = []
        self.variables = {
            **keys,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_DEFAULT_REGION": HOME,
            "CFN_EGRESS_GUARD": os.environ.get("CFN_EGRESS_GUARD", str(ROOT / "target/debug/cfn-egress-guard")),
        }

    def deploy(self):
        organizations = self.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        [root] = organizations.list_roots()["Roots"]
        unit = organizations.create_organizational_unit(ParentId=root["Id"], Name="workloads")["OrganizationalUnit"]["Id"]
        for number in range(ACCOUNTS):
            made = organizations.create_account(Email=f"{number}@example.com", AccountName=f"member-{number}")
            self.members.append(made["CreateAccountStatus"]["AccountId"])
            organizations.move_account(AccountId=self.members[-1], SourceParentId=root["Id"], DestinationParentId=unit)
        self.upload_the_guard()
        self.aws("cloudformation", "deploy", "--stack-name", NAME, "--template-file",
                 str(ROOT / "deploy" / "organization.yaml"), "--capabilities", "CAPABILITY_IAM", "--parameter-overrides",
                 f"OrganizationalUnitIds={unit}", f"Regions={','.join(REGIONS)}", f"TemplateUrl={URL}",
                 "FailureMode=FAIL")  # fmt: skip

    def upload_the_guard(self):
        with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
            text = organization_template.expanded("acme-guard", "guard/1/bootstrap.zip", "x86_64")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "the function")
            archive.writestr("policy.toml", 'preset = "literal"\n')
        for region in REGIONS:
            where = {} if region == HOME else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            storage = self.client("s3", region)
            storage.create_bucket(Bucket=f"acme-guard-{region}", **where)
            storage.put_object(Bucket=f"acme-guard-{region}", Key="guard/1/bootstrap.zip", Body=code.getvalue())
        parameters = Stack(cfn_yaml.load(str(ROOT / "deploy" / "organization.yaml")), OrganizationalUnitIds="ou-ab12-cd34ef56",
                           Regions=",".join(REGIONS), TemplateUrl=URL)  # fmt: skip
        [properties] = parameters.resources("AWS::CloudFormation::StackSet").values()
        given = {one["ParameterKey"]: one["ParameterValue"] for one in properties["Parameters"]}
        body = json.dumps(playable(json.loads(text), **given), indent=1)
        self.client("s3").put_object(Bucket=f"acme-guard-{HOME}", Key="guard/1/guard.json", Body=body.encode())

    def client(self, service, region=HOME, account=None):
        which = service, region, account
        if which not in self.clients:
            endpoint = self.variables["AWS_ENDPOINT_URL"]
            self.clients[which] = boto3.client(service, region_name=region, endpoint_url=endpoint, **self.keys(account))
        return self.clients[which]

    def keys(self, account):
        if account is None:
            return {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        assumed = self.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/look", RoleSessionName="look")
        names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key", "SessionToken": "aws_session_token"}
        return {names[key]: value for key, value in assumed["Credentials"].items() if key in names}

    def run(self, *command, account=None):
        keys = {name.upper(): value for name, value in self.keys(account).items()} if account else {}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment(self.folder, **{**self.variables, **keys}),
            capture_output=True,
            text=True,
            timeout=110,
        )

    def aws(self, *arguments):
        run = self.run("aws", *arguments)
        assert run.returncode == 0, f"aws {' '.join(arguments)}\n→ {run.returncode}\n{run.stdout}{run.stderr}"

    def page(self, number):
        """Runs a block of the page's section, after the variables that its first block sets."""
        blocks = SECTIONS["An organization"]
        names = [line for line in blocks[0].splitlines() if line.startswith(("REGION=", "ORGANIZATION="))]
        return self.run("bash", "-c", "\n".join([*names, blocks[number]]))

    def switch(self, *arguments, account=None):
        stack = [] if account else ["--stack", NAME]
        return self.run(SWITCH, *stack, "--regions", HOME, *arguments, account=account)

    def stack(self):
        return self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]

    def parameters(self):
        return {one["ParameterKey"]: one["ParameterValue"] for one in self.stack()["Parameters"]}

    def instances(self):
        pages = self.client("cloudformation").get_paginator("list_stack_instances").paginate(StackSetName="cfn-egress-guard")
        return [one for page in pages for one in page["Summaries"]]

    def modes(self):
        """Counts the members' stacks by FailureMode."""
        counted = {}
        for account in self.members:
            for region in REGIONS:
                [stack] = self.client("cloudformation", region, account).describe_stacks()["Stacks"]
                [mode] = [one["ParameterValue"] for one in stack["Parameters"] if one["ParameterKey"] == "FailureMode"]
                counted[mode] = counted.get(mode, 0) + 1
        return counted

    def last_operation(self):
        """Returns the last operation's status and its duration in minutes."""
        cloudformation = self.client("cloudformation")
        last = cloudformation.list_stack_set_operations(StackSetName="cfn-egress-guard")["Summaries"][-1]
        return last["Status"], (last["EndTimestamp"] - last["CreationTimestamp"]).total_seconds() / 60


@pytest.fixture(scope="module")
def organization(tmp_path_factory):
    made = Organization(tmp_path_factory.mktemp("organization"))
    try:
        made.deploy()
        yield made
    finally:
        made.stop()


@pytest.fixture
def one_fails(organization):
    """Makes every stack fail in one of the 40 accounts."""
    organization.failing.write_text(organization.members[7])
    yield organization.members[7]
    organization.failing.unlink()


def test_every_account_and_region_has_the_guard(organization):
    assert len(organization.instances()) == ACCOUNTS * len(REGIONS)
    assert organization.modes() == {"FAIL": 120}
    # 4 of 40 at a time, 10 rounds, 3 Regions one after the other.
    assert organization.last_operation() == ("SUCCEEDED", 10 * 3 * 2)


def test_the_emergency_switch_reaches_all_but_the_account_that_fails_and_comes_back(organization, one_fails):
    before = organization.parameters()
    run = organization.page(0)
    assert run.returncode == 1, run.stdout + run.stderr
    for region in REGIONS:
        assert f"not updated: {one_fails}\t{region}\tOUTDATED" in run.stdout
    assert "3 stacks of the organization are not updated" in run.stdout
    assert organization.modes() == {"WARN": 117, "FAIL": 3}
    assert organization.last_operation() == ("SUCCEEDED", 2), "all at once"
    assert organization.stack()["StackStatus"] == "UPDATE_COMPLETE"
    listed = organization.page(1).stdout.splitlines()
    assert sorted(line.split("\t")[:2] for line in listed) == [[one_fails, region] for region in REGIONS]

    # A repetition retries the failed accounts: first without success, then with the account repaired.
    again = organization.page(0)
    assert again.returncode == 1 and "FailureMode is already WARN" in again.stdout
    assert organization.modes() == {"WARN": 117, "FAIL": 3}
    organization.failing.write_text("")
    again = organization.page(0)
    assert again.returncode == 0 and "retrying where it failed" in again.stdout, again.stdout + again.stderr
    assert organization.modes() == {"WARN": 120}
    assert "nothing to change" in organization.switch("--emergency", "FAILURE_MODE=WARN").stdout

    back = organization.page(2)
    assert back.returncode == 0, back.stdout + back.stderr
    assert organization.modes() == {"FAIL": 120}
    assert organization.parameters() == before


def test_without_tolerance_one_failing_account_takes_the_switch_back_everywhere(organization, one_fails):
    """Why the emergency recipe differs from the roll-out's: strict, tolerance 0, as organization.yaml was before."""
    run = organization.switch("FAILURE_MODE=WARN", "FAILURE_TOLERANCE_PERCENTAGE=0")
    assert run.returncode == 1
    assert "UPDATE_ROLLBACK_COMPLETE" in run.stdout and "too many accounts failed" in run.stdout
    assert "WARN" not in organization.modes()


def test_the_way_it_rolls_out_goes_on_past_one_failing_account(organization, one_fails):
    run = organization.switch("FAILURE_MODE=WARN")
    assert run.returncode == 1 and "3 stacks of the organization are not updated" in run.stdout
    assert organization.modes() == {"WARN": 117, "FAIL": 3}
    organization.failing.write_text("")
    assert organization.switch("FAILURE_MODE=FAIL").returncode == 0
    assert organization.modes() == {"FAIL": 120}


def test_a_suspended_account_is_reported_and_is_no_failure(organization, one_fails):
    organization.failing.write_text(f"suspended:{one_fails}")
    run = organization.switch("--emergency", "FAILURE_MODE=WARN")
    assert run.returncode == 0, run.stdout + run.stderr
    for region in REGIONS:
        assert f"skipped, because the account is suspended: {one_fails}\t{region}\tOUTDATED" in run.stdout
    assert "not updated" not in run.stdout and "retrying" not in organization.switch("FAILURE_MODE=WARN").stdout
    organization.failing.write_text("")
    assert organization.switch("--roll-out", "FAILURE_MODE=FAIL").returncode == 0
    assert organization.modes() == {"FAIL": 120}


def test_a_members_own_stack_is_found_by_the_stack_sets_name(organization):
    member = organization.members[3]
    shown = organization.switch("HOOK_STATUS=DISABLED", account=member)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "HookStatus: ENABLED -> DISABLED" in shown.stdout
    assert "will undo the change" in shown.stdout
    assert organization.switch("HOOK_STATUS=ENABLED", account=member).returncode == 0


def test_an_organizations_policy_is_changed_without_a_build_and_back(organization, program):
    policy = organization.folder / "policy.toml"
    policy.write_text('preset = "effective"\n')
    run = organization.page(3)
    assert run.returncode == 0, run.stdout + run.stderr
    url = organization.parameters()["TemplateUrl"]
    folder = url.rsplit("/", 2)[1]
    for region in REGIONS:
        body = organization.client("s3", region).get_object(
            Bucket=f"acme-guard-{region}", Key=f"guard/1/{folder}/bootstrap.zip"
        )["Body"].read()
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.read("policy.toml") == policy.read_bytes()
            assert archive.read("bootstrap") == b"the function"
    template = organization.client("s3").get_object(Bucket=f"acme-guard-{HOME}", Key=f"guard/1/{folder}/guard.json")
    after = json.loads(template["Body"].read())
    before = json.loads(organization.client("s3").get_object(Bucket=f"acme-guard-{HOME}", Key="guard/1/guard.json")["Body"].read())
    assert after["Resources"]["GuardFunction"]["Properties"]["Code"]["S3Key"] == f"guard/1/{folder}/bootstrap.zip"
    versions = [
        {name for name, one in template["Resources"].items() if one["Type"] == "AWS::Lambda::Version"} for template in (before, after)
    ]
    assert len(versions[1]) == 1 and versions[0] != versions[1], "a version of another name is published"

    [back] = [line.split(": ", 1)[1] for line in run.stdout.splitlines() if "to undo this: " in line]
    assert back.split()[0] == "switch.sh"
    assert organization.run(SWITCH, *back.split()[1:]).returncode == 0
    assert organization.parameters()["TemplateUrl"] == URL
    assert len(SECTIONS["An organization"]) == 4, "every block is run"


@pytest.mark.parametrize(
    ("preferences", "minutes"),
    [
        (["STRICT_FAILURE_TOLERANCE", 25, 0, "SEQUENTIAL"], 200 * 5 * 2),  # as organization.yaml was before
        (["STRICT_FAILURE_TOLERANCE", 10, 10, "SEQUENTIAL"], 10 * 5 * 2),  # 20 of 200 at a time
        (["SOFT_FAILURE_TOLERANCE", 100, 100, "PARALLEL"], 2),
    ],
)
def test_the_arithmetic_of_the_page_is_that_of_the_preferences(preferences, minutes):
    """200 accounts × 5 Regions, two minutes a stack."""
    names = ("ConcurrencyMode", "MaxConcurrentPercentage", "FailureTolerancePercentage", "RegionConcurrencyType")
    counted, succeeded = moto_with_stack_sets.operate(
        [f"region-{n}" for n in range(5)], range(200), dict(zip(names, preferences, strict=True)), lambda *_: True
    )
    assert (counted, succeeded) == (minutes, True)
    mode, concurrent, tolerance, regions = preferences
    said = f"{minutes / 60:.0f} hours" if minutes > 600 else f"{minutes} minutes"
    row = f"| `{mode}` | {concurrent}% | {tolerance}% | `{regions}` |"
    [line] = [line for line in (ROOT / "docs" / "operations.md").read_text().splitlines() if line.startswith(row)]
    assert said in line
