"""The IAM policies of the commands and roles against the calls in the code, by name: every call is allowed, and no
policy allows an action that the code does not call."""

import json
import re
import subprocess
import sys

import boto3
import pytest
from botocore import xform_name
from cfnlint.decode import cfn_yaml

from conftest import ROOT
from server import environment

sys.path.insert(0, str(ROOT / "packaging"))
import sbom  # noqa: E402

SOURCES = ROOT / "account" / "src"
# Modules that every command uses: the Regions and, for an organization, the accounts.
SHARED = ("connection", "accounts")
# Modules whose calls belong to one command, because others use only their paging.
OWNERS = {"stacks": "scan"}
# Permissions that calls of the Cloud Control API need in addition to their own: both handlers of
# AWS::EC2::SecurityGroup call this with the caller's credentials (the type's schema, "handlers").
HANDLERS = {"cloudformation:ListResources": "ec2:DescribeSecurityGroups", "cloudformation:GetResource": "ec2:DescribeSecurityGroups"}
# Operations with another name in IAM than in the API. ListHookResults without a target has a separate permission
# (Service Authorization Reference, AWS CloudFormation).
OTHERWISE = {"cloudformation:ListHookResults": {"cloudformation:ListHookResults", "cloudformation:ListAllHookResults"}}


def operations():
    """Returns the operations of each linked AWS SDK, by their names in Rust: `list_stacks`."""
    services = re.findall(r"^aws-sdk-(\w+)", (ROOT / "account" / "Cargo.toml").read_text(), re.MULTILINE)
    assert "cloudformation" in services
    known = {}
    for service in services:
        client = {"cloudwatchlogs": "logs", "eventbridge": "events"}.get(service, service)
        # Service Authorization Reference, AWS Cloud Control API: its service prefix is CloudFormation's.
        prefix = {"cloudcontrol": "cloudformation"}.get(client, client)
        model = boto3.client(client, region_name="us-east-1").meta.service_model
        for operation in model.operation_names:
            known.setdefault(xform_name(operation), set()).add(f"{prefix}:{operation}")
    return known


OPERATIONS = operations()


def module_files(name):
    files = [SOURCES / f"{name}.rs", *sorted((SOURCES / name).rglob("*.rs"))]
    return [file for file in files if file.is_file() and file.name != "tests.rs"]


def text_of(files):
    """Returns the code without its tests."""
    return "\n".join(file.read_text().split("#[cfg(test)]\nmod tests {")[0] for file in files)


def calls(text):
    found = {}
    for name in re.findall(r"\.\s*([a-z_]+)\(\)", text):
        if name in OPERATIONS:
            [action] = OPERATIONS[name]
            found[action] = OTHERWISE.get(action, {action})
    return found


def reached(name):
    """Returns the code of a module and of the modules it uses, except the shared ones."""
    commands = {"scan", "audit", "status"}
    modules = {file.stem for file in SOURCES.glob("*.rs")} - {"lib", *SHARED, *OWNERS} - commands
    todo, done = {name, *(module for module, owner in OWNERS.items() if owner == name)}, set()
    while todo:
        module = todo.pop()
        done.add(module)
        used = set(re.findall(r"crate::(\w+)", text_of(module_files(module)))) & modules
        todo |= used - done
    return text_of([file for module in sorted(done) for file in module_files(module)])


def allowed(program, command, folder):
    printed = subprocess.run(
        [program, command, "--print-iam-policy"], env=environment(folder), capture_output=True, text=True, check=True
    )
    [statement] = json.loads(printed.stdout)["Statement"]
    assert statement["Effect"] == "Allow"
    return set(statement["Action"])


@pytest.mark.parametrize("command", ["scan", "audit", "status"])
def test_a_command_needs_what_it_calls_and_nothing_else(program, command, tmp_path):
    policy = allowed(program, command, tmp_path)
    made = calls(reached(command)) | {"account:ListRegions": {"account:ListRegions"}}
    assert len(made) > 1, "calls are found at all"
    handlers = {HANDLERS[action] for action in made if action in HANDLERS}
    assert handlers <= policy, f"{command} calls handlers that its policy does not allow"
    missing = [action for action, names in made.items() if not names & policy]
    assert not missing, f"{command} calls what its policy does not allow"
    assert not policy - handlers - set().union(*made.values()), f"{command}'s policy allows what it never calls"


def test_what_every_command_goes_through_is_named_too():
    named = (SOURCES / "permissions.rs").read_text()
    made = calls(text_of([file for module in SHARED for file in module_files(module)]))
    assert "account:ListRegions" in made
    made.pop("sts:GetCallerIdentity", None)  # needs no permission
    assert not [action for action in made if f'"{action}"' not in named]


def test_no_call_is_made_elsewhere():
    everywhere = calls(text_of(sorted(file for file in SOURCES.rglob("*.rs") if file.name != "tests.rs")))
    parts = [calls(reached(command)) for command in ("scan", "audit", "status")]
    parts.append(calls(text_of([file for module in SHARED for file in module_files(module)])))
    assert everywhere.keys() == set().union(*parts)


# The allowed actions of each role, and who calls them. The function itself calls no AWS API.
ROLES = {
    ("template.yaml", "GuardFunctionRole"): {
        "logs:CreateLogStream", "logs:PutLogEvents",  # Lambda, for the function's output
        "sqs:SendMessage",  # Lambda, for events that the function could not process
    },
    ("template.yaml", "NotificationRole"): {
        "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey",  # EventBridge, for each notification
    },
    ("template.yaml", "HookRole"): {"lambda:InvokeFunction"},  # CloudFormation, for each check
    ("deploy/central-hook.yaml", "HookRole"): {"lambda:InvokeFunction"},  # the same, across accounts
    ("deploy/reader-role.yaml", "ReaderRole"): "the commands",
}  # fmt: skip


def actions(role):
    """Returns every action of a role's policies, ignoring conditions."""
    if isinstance(role, dict):
        if "Action" in role:
            assert role["Effect"] == "Allow"
            yield from [role["Action"]] if isinstance(role["Action"], str) else role["Action"]
        else:
            yield from (action for value in role.values() for action in actions(value))
    elif isinstance(role, list):
        yield from (action for value in role for action in actions(value))


def test_each_role_may_do_what_it_is_for_and_nothing_else(program, tmp_path):
    found = {}
    for file in (ROOT / "template.yaml", *sorted((ROOT / "deploy").glob("*.yaml"))):
        for name, resource in cfn_yaml.load(str(file)).get("Resources", {}).items():
            if resource["Type"] == "AWS::IAM::Role":
                assert not resource["Properties"].get("ManagedPolicyArns"), name
                found[str(file.relative_to(ROOT)), name] = set(actions(resource["Properties"]["Policies"]))
    commands = set().union(*(allowed(program, command, tmp_path) for command in ("scan", "audit", "status")))
    assert found == {role: commands if may == "the commands" else may for role, may in ROLES.items()}


def test_the_function_calls_no_aws_api():
    linked = {name for name, _ in sbom.linked("cfn-egress-guard-core", "x86_64-unknown-linux-gnu")}
    assert "lambda_runtime" in linked
    assert not {name for name in linked if name.startswith("aws-")}
