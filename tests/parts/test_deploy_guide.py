"""Every command of deploy/DEPLOY.txt, unchanged, in MiniStack with hooks, in the folder of a package."""

import re
import shutil
import subprocess

import pytest

from account import ACCOUNT_ID, REGION, Account
from conftest import ROOT
from protocol import rule
from server import environment
from test_end_to_end import GUARD, hook_events, package, stack_with

COMMANDS = re.findall(r"^    (\S.*)$", (ROOT / "deploy" / "DEPLOY.txt").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def folder(bootstrap, tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    package(bootstrap, folder)
    for file in ("policy.toml", "deploy/switch.sh", "deploy/policy.sh"):
        shutil.copy(ROOT / file, folder)
    # The SAM CLI is in the environment of the linters, because it needs another version of botocore.
    sam = ROOT / ".venv" / "bin" / "sam"
    assert sam.exists(), f"{sam} is not there; get it with: make lint-template"
    (folder / "bin").mkdir()
    (folder / "bin" / "sam").symlink_to(sam)
    return folder


@pytest.fixture(scope="module")
def account(folder):
    account = Account(folder, REGIONS=REGION)
    account.client("s3").create_bucket(Bucket="artifacts")
    yield account
    account.stop()


def run(account, command):
    variables = environment(
        account.folder, AWS_ENDPOINT_URL=account.endpoint, AWS_ACCESS_KEY_ID=ACCOUNT_ID, AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION=REGION, AWS_PAGER="", SAM_CLI_TELEMETRY="0",
    )  # fmt: skip
    variables["PATH"] = f"{account.folder / 'bin'}:{variables['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command.replace("YOUR-BUCKET", "artifacts")],
        cwd=account.folder, env=variables, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n→ {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def parameters(account):
    return {one["ParameterKey"]: one["ParameterValue"] for one in account.stack(GUARD)["Parameters"]}


def reports_only(account):
    assert parameters(account)["FailureMode"] == "WARN"
    name = f"warned-{len(account.cloudformation.describe_stacks()['Stacks'])}"
    assert account.create(name, stack_with(rule(80, 87))) == "CREATE_COMPLETE"
    [*_, (status, mode, _)] = hook_events(account, name)
    assert (status, mode) == ("HOOK_COMPLETE_FAILED", "WARN")


def blocks(account):
    assert parameters(account)["FailureMode"] == "FAIL"
    assert account.create("blocked", stack_with(rule(80, 87))) == "ROLLBACK_COMPLETE"


def version_that_decides(account):
    function, alias = account.outputs(GUARD)["FunctionAliasArn"].rsplit(":", 1)
    return int(account.lambdas.get_alias(FunctionName=function, Name=alias)["FunctionVersion"])


def has_another_policy(account):
    template = account.cloudformation.get_template(StackName=GUARD, TemplateStage="Original")["TemplateBody"]
    assert "/policy-" in str(template), "the stack carries it"
    account.with_policy = version_that_decides(account)


def has_the_policy_of_before(account):
    assert version_that_decides(account) > account.with_policy


def checks_nothing(account):
    assert (parameters(account)["HookStatus"], parameters(account)["FailureMode"]) == ("DISABLED", "FAIL")
    assert account.create("unchecked", stack_with(rule(80, 87))) == "CREATE_COMPLETE"
    assert hook_events(account, "unchecked") == []


def is_gone(account):
    stacks = account.cloudformation.list_stacks()["StackSummaries"]
    [guard] = [stack for stack in stacks if stack["StackName"] == GUARD]
    assert account.settled(guard["StackId"]) == "DELETE_COMPLETE"


# The state after each command, by words that only that command contains.
AFTERWARDS = {
    "--template-file packaged.yaml --s3-bucket": reports_only,
    "sam deploy": reports_only,
    "FAILURE_MODE=FAIL": blocks,
    "HOOK_STATUS=DISABLED": checks_nothing,
    "policy.sh set": has_another_policy,
    "policy.sh back": has_the_policy_of_before,
    "delete-stack": is_gone,
}


def test_every_command_works_and_does_what_the_guide_says(account):
    checked = []
    for command in COMMANDS:
        run(account, command)
        for words, check in AFTERWARDS.items():
            if words in command:
                check(account)
                checked.append(words)
    assert checked == list(AFTERWARDS), "the guide's commands, in its order"
