"""deploy/organization.yaml in a moto organization: the stacks that its StackSet creates in each account and Region.

moto supports StackSets through their API, but not as a resource of a template. So the resource's properties, with
resolved parameters and functions, go to CreateStackSet and CreateStackInstances, as in CloudFormation's own handler of
the type; moto then creates the stacks in the members' accounts. It leaves out resources that it does not support there
(LambdaHook, alarms, saved queries). It fails on an output of such a resource, a condition on an empty list, and
AWS::NoValue in a list, so it gets the members' templates without outputs and with decided conditions.
"""

import ast
import contextlib
import io
import json
import os
import sys
import zipfile

import boto3
import pytest
from cfnlint.decode import cfn_yaml

from conftest import ROOT
from server import Server, free_port

sys.path += [str(ROOT / "deploy"), str(ROOT / "tests" / "template")]
import organization_template  # noqa: E402
from test_template import Stack  # noqa: E402

HOME = "us-east-1"
REGIONS = ["eu-west-1", "us-east-1"]
CENTRAL = "arn:aws:lambda:{region}:111122223333:function:guard:live"
TOPIC = "arn:aws:sns:{region}:111122223333:guard-alarms"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def playable(template, **given):
    """Returns a template that moto can play."""
    stack = Stack(template, **given)
    decided = {name: {"Fn::Equals": [str(stack.condition(name)), "True"]} for name in template.get("Conditions", {})}
    played = {**template, "Resources": chosen(template["Resources"], stack), "Conditions": decided}
    return {name: section for name, section in played.items() if name != "Outputs"}


NO_VALUE = {"Ref": "AWS::NoValue"}


def chosen(node, stack):
    """Resolves conditional values: moto keeps AWS::NoValue in lists."""
    if isinstance(node, dict) and [*node] == ["Fn::If"]:
        condition, if_true, if_false = node["Fn::If"]
        return chosen(if_true if stack.condition(condition) else if_false, stack)
    if isinstance(node, dict):
        members = {name: chosen(member, stack) for name, member in node.items()}
        return {name: member for name, member in members.items() if member != NO_VALUE}
    if isinstance(node, list):
        return [item for item in (chosen(item, stack) for item in node) if item != NO_VALUE]
    return node


class Organization:
    """Two accounts in a unit, one beside it, and a bucket with the members' templates."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        organizations = self.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        self.management = organizations.describe_organization()["Organization"]["MasterAccountId"]
        [root] = organizations.list_roots()["Roots"]
        self.unit = organizations.create_organizational_unit(ParentId=root["Id"], Name="workloads")["OrganizationalUnit"]["Id"]

        def account(name):
            made = organizations.create_account(Email=f"{name}@example.com", AccountName=name)
            return made["CreateAccountStatus"]["AccountId"]

        self.members = [account("one"), account("two")]
        self.other = account("other")
        for member in self.members:
            organizations.move_account(AccountId=member, SourceParentId=root["Id"], DestinationParentId=self.unit)
        self.client("s3").create_bucket(Bucket="acme-guard")
        with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
            guard = organization_template.expanded("acme-guard", "guard/1/bootstrap.zip", "x86_64")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "the function")
        for region in REGIONS:
            where = {} if region == HOME else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            storage = self.client("s3", region)
            storage.create_bucket(Bucket=f"acme-guard-{region}", **where)
            storage.put_object(Bucket=f"acme-guard-{region}", Key="guard/1/bootstrap.zip", Body=code.getvalue())
        self.templates = {
            "guard.json": json.loads(guard),
            "central-hook.yaml": cfn_yaml.load(str(ROOT / "deploy" / "central-hook.yaml")),
        }

    def client(self, service, region=HOME, account=None):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        if account:
            assumed = self.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/look", RoleSessionName="look")
            assumed = assumed["Credentials"]
            keys = {
                "aws_access_key_id": assumed["AccessKeyId"],
                "aws_secret_access_key": assumed["SecretAccessKey"],
                "aws_session_token": assumed["SessionToken"],
            }
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint, **keys)

    def deploy(self, key, **given):
        """Creates the StackSet of organization.yaml as its resource describes, and returns its name."""
        template = cfn_yaml.load(str(ROOT / "deploy" / "organization.yaml"))
        url = f"https://acme-guard.s3.amazonaws.com/{key}"
        stack = Stack(template, OrganizationalUnitIds=self.unit, Regions=",".join(REGIONS), TemplateUrl=url, **given)
        [properties] = stack.resources("AWS::CloudFormation::StackSet").values()
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in properties["Parameters"]}
        body = json.dumps(playable(self.templates[key], **parameters))
        self.client("s3").put_object(Bucket="acme-guard", Key=key, Body=body.encode())
        groups = properties.pop("StackInstancesGroup")
        preferences = properties.pop("OperationPreferences")
        for name in ("MaxConcurrentPercentage", "FailureTolerancePercentage"):
            preferences[name] = int(preferences[name])  # CloudFormation converts a parameter's text to a number
        cloudformation = self.client("cloudformation")
        # botocore checks the API's parameters: an unknown property would be rejected.
        cloudformation.create_stack_set(**properties)
        for group in groups:
            cloudformation.create_stack_instances(
                StackSetName=properties["StackSetName"], OperationPreferences=preferences, **group
            )
        return properties["StackSetName"]


@pytest.fixture(scope="module")
def organization(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("moto", command, port=port, folder=folder, variables=CREDENTIALS)
    yield Organization(f"http://127.0.0.1:{port}")
    server.stop()


def guarded(organization, name):
    """Returns the accounts and Regions that a StackSet reached."""
    cloudformation = organization.client("cloudformation")
    stack_set = cloudformation.describe_stack_set(StackSetName=name)["StackSet"]
    assert (stack_set["PermissionModel"], stack_set["Status"]) == ("SERVICE_MANAGED", "ACTIVE")
    instances = cloudformation.list_stack_instances(StackSetName=name)["Summaries"]
    return sorted((instance["Account"], instance["Region"]) for instance in instances)


def roles(organization, account):
    """Returns the permissions of an account's roles."""
    iam = organization.client("iam", account=account)
    found = []
    for role in iam.list_roles()["Roles"]:
        for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
            # moto stores an inline policy of a template as Python's text.
            document = ast.literal_eval(document) if isinstance(document, str) else document
            [statement] = document["Statement"]
            found.append((policy, statement["Action"], statement.get("Resource")))
    return sorted(found, key=str)


def everywhere(organization):
    return sorted((member, region) for member in organization.members for region in REGIONS)


def test_with_a_function_each_every_account_of_the_unit_gets_its_own(organization):
    name = organization.deploy("guard.json", GuardStackName="guard-own", RetentionDays=30, AlarmTopicArn=TOPIC)
    assert guarded(organization, name) == everywhere(organization)
    for account, region in everywhere(organization):
        [function] = organization.client("lambda", region, account).list_functions()["Functions"]
        assert function["Runtime"] == "provided.al2023"
        # The packaged policy applies, and the metrics name the stack: in moto it has the StackSet's name.
        assert function["Environment"]["Variables"] == {"GUARD_NAME": "guard-own"}
        groups = organization.client("logs", region, account).describe_log_groups()["logGroups"]
        assert [group["retentionInDays"] for group in groups] == [30, 30], "decisions and the audit feed"
    for account in (organization.other, organization.management):
        assert organization.client("lambda", REGIONS[0], account).list_functions()["Functions"] == [], "not in the unit"


def test_with_a_central_function_every_account_gets_a_role_that_may_call_that_of_its_region(organization):
    before = {member: roles(organization, member) for member in organization.members}
    name = organization.deploy("central-hook.yaml", GuardStackName="guard-central", CentralFunctionArn=CENTRAL)
    assert guarded(organization, name) == everywhere(organization)
    for member in organization.members:
        new = [role for role in roles(organization, member) if role not in before[member]]
        assert new == [
            ("invoke-guard", "lambda:InvokeFunction", CENTRAL.replace("{region}", region)) for region in REGIONS
        ]
