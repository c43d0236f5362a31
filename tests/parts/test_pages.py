"""The blocks of README.md and docs/ that need an AWS account, in MiniStack with hooks.

Such a block has the comment `<!-- run by: tests/parts/test_pages.py -->` on its page. It is run unchanged, in the
repository or, where the page says so, in the folder of the package. docs/operations.md has a separate test,
test_operations.py.
"""

import re
import subprocess

import pytest

from account import ACCOUNT_ID, REGION
from conftest import ROOT
from deployed import GUARD, OF_CLOUDSHELL, Deployed
from server import environment, poll

MARKED = re.compile(r"^<!-- run by: tests/parts/test_pages\.py -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# cargo and rustc, which `make deploy` looks for before the build.
TOOLS = "make printf python3 touch tr uname sort"


def blocks(page):
    return MARKED.findall((ROOT / page).read_text())


@pytest.fixture(scope="module")
def guard(bootstrap, tmp_path_factory):
    guard = Deployed(bootstrap, tmp_path_factory.mktemp("pages"), REGIONS=REGION)
    try:
        guard.add_tools(OF_CLOUDSHELL)
        guard.add_tools(" ".join(set(TOOLS.split()) - {tool.name for tool in guard.bin.iterdir()}))
        guard.deploy(FailureMode="FAIL")
        yield guard
    finally:
        guard.stop()


def in_repository(guard, block, expect=0):
    """Runs a block in the repository and returns its output."""
    known = environment(guard.folder, AWS_ENDPOINT_URL=guard.endpoint, AWS_ACCESS_KEY_ID=ACCOUNT_ID,
                        AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION, REGIONS=REGION)  # fmt: skip
    done = subprocess.run(["bash", "-euc", block], cwd=ROOT, env={**known, "PATH": str(guard.bin)}, capture_output=True,
                          text=True, timeout=110)  # fmt: skip
    assert done.returncode == expect, f"{block}\n→ {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def settled(guard):
    poll(lambda: guard.stack(GUARD)["StackStatus"] == "UPDATE_COMPLETE", seconds=30, what="the update ends")


def test_the_readmes_deployment_is_accepted_and_its_switch_blocks(guard):
    deploy, emergency = blocks("README.md")
    first, audit, switch = deploy.splitlines()
    # Up to the build, which these two reject.
    for name in ("cargo", "rustc"):
        (guard.bin / name).write_text(f'#!/bin/sh\n[ "$1" = --version ] || touch {guard.folder}/called\nexit 1\n')
        (guard.bin / name).chmod(0o755)
    in_repository(guard, first.split("#")[0], expect=2)
    assert (guard.folder / "called").exists()
    # test_accounts.py and command/tests/it/account run `audit`.
    assert audit.startswith("cfn-egress-guard audit --since 7d")
    in_repository(guard, emergency)
    assert guard.parameters()["FailureMode"] == "WARN" and not guard.blocks("let-through")
    in_repository(guard, switch)
    assert guard.parameters()["FailureMode"] == "FAIL" and guard.blocks("blocked")


def test_without_the_repository_the_cli_switches_to_warn(guard):
    [block] = blocks("docs/deployment.md")
    in_repository(guard, block)
    settled(guard)
    assert guard.parameters()["FailureMode"] == "WARN"
    in_repository(guard, "deploy/switch.sh FAILURE_MODE=FAIL")


@pytest.mark.parametrize(
    ("page", "parameter", "value"),
    [
        ("docs/hook-targets.md", "TargetOperations", "RESOURCE,CLOUD_CONTROL,STACK,CHANGE_SET"),
        ("docs/watch.md", "WatchDirectCalls", "ENABLED"),
    ],
)
def test_an_option_is_switched_on(guard, page, parameter, value):
    block = blocks(page)[-1]
    in_repository(guard, block)
    assert guard.parameters()[parameter] == value


def test_the_policy_of_the_deployed_guard_changes_and_comes_back(guard):
    [block] = blocks("docs/policy.md")
    show, change, back = block.splitlines()
    guard.run(show.split("#")[0].replace("eu-west-1", "us-east-1"))
    policy = guard.package / "policy.toml"
    before = policy.read_text()
    policy.write_text(before + "# reviewed\n")
    version = guard.function()[1]
    guard.run(change.split("#")[0])
    assert guard.function()[1] != version
    assert guard.code(guard.function()[1])["policy.toml"].decode() == before + "# reviewed\n"
    guard.run(back.split("#")[0])
    assert guard.function()[1] != version and guard.code(guard.function()[1])["policy.toml"].decode() in before


def test_the_aws_cli_knows_the_trails_commands(guard):
    """MiniStack has no CloudTrail, so the CLI validates the command's arguments without a request."""
    [look, _] = blocks("docs/watch.md")
    rest = re.findall(r"^    (aws cloudtrail .*)$", (ROOT / "docs" / "watch.md").read_text(), re.MULTILINE)
    assert len(rest) == 2
    for command in (look.strip(), *rest):
        in_repository(guard, f"{command} --generate-cli-skeleton output > /dev/null")


def test_each_page_with_a_marked_block_is_here():
    marked = {str(page.relative_to(ROOT)) for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if MARKED.search(page.read_text())}
    assert marked == {"README.md", "docs/deployment.md", "docs/hook-targets.md", "docs/policy.md", "docs/watch.md"}
