"""`make deploy` up to the build: its requests to CloudFormation, and the cases that it rejects.

MiniStack plays CloudFormation. Two scripts replace Rust and record their calls: until all checks pass, there must be
none. The SAM CLI is the one in .venv.
"""

import os
import shutil
import subprocess
import sys

import pytest

from account import ACCOUNT_ID, REGION
from conftest import ROOT
from deployed import ARCHITECTURE, GUARD, Deployed
from server import environment

OTHER = {"x86_64": "arm64", "arm64": "x86_64"}[ARCHITECTURE]


@pytest.fixture(scope="module")
def guard(bootstrap, tmp_path_factory):
    guard = Deployed(bootstrap, tmp_path_factory.mktemp("make"))
    yield guard
    guard.stop()


def make(guard, *arguments, rust=True, **variables):
    """Runs make with these tools and settings. Returns the exit status, the output, and whether Rust was called."""
    assert (ROOT / ".venv" / "bin" / "sam").exists(), "the SAM CLI is not there; get it with: make lint-template"
    tools = guard.folder / ("with-rust" if rust else "without-rust")
    called = guard.folder / "called"
    if not tools.exists():
        tools.mkdir()
        for name in ("awk", "basename", "bash", "cat", "dirname", "env", "grep", "make", "python3", "sed", "sort", "touch", "tr", "uname"):
            (tools / name).symlink_to(shutil.which(name))
        for name in ("cargo", "rustc") if rust else ():
            # pip requests the version for its user agent.
            (tools / name).write_text(f'#!/bin/sh\n[ "$1" = --version ] || echo {name} >> {called}\nexit 1\n')
            (tools / name).chmod(0o755)
    called.unlink(missing_ok=True)
    known = environment(guard.folder, AWS_ENDPOINT_URL=guard.endpoint, AWS_ACCESS_KEY_ID=ACCOUNT_ID,
                        AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION, **variables)  # fmt: skip
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, env={**known, "PATH": str(tools)}, capture_output=True, text=True, timeout=110
    )
    return done.returncode, done.stdout + done.stderr, called.exists()


def test_a_first_deployment_does_not_enforce_by_accident(guard):
    status, said, built = make(guard, "deploy")
    assert (status, built) == (2, False)
    assert f"deploy: the stack {GUARD} does not exist yet. A first deployment must set FAILURE_MODE" in said
    assert guard.cloudformation.describe_stacks()["Stacks"] == []


@pytest.mark.parametrize(
    ("given", "variables", "why"),
    [
        ([], {"FAILURE_MOD": "WARN"}, "FAILURE_MOD is not a setting: did you mean FAILURE_MODE?"),
        (["FAILURE_MOD=WARN"], {}, "FAILURE_MOD is not a setting: did you mean FAILURE_MODE?"),
        (["FAILURE_MODE=WARN", "OWNER=me"], {}, "OWNER is not a setting. The settings are: STACK_NAME FAILURE_MODE"),
        ([], {"FAILURE_MODE": "WARM"}, "FAILURE_MODE='WARM': must be FAIL (block) or WARN (report only)"),
        ([], {"FAILURE_MODE": "WARN", "RETENTION_DAYS": "31"}, "RETENTION_DAYS='31': must be a number of days"),
    ],
)
def test_names_and_values_are_checked_before_anything_is_built(guard, given, variables, why):
    status, said, built = make(guard, "deploy", *given, **variables)
    assert (status, built) == (2, False)
    assert why in said


def test_it_names_what_it_needs(guard):
    status, said, _ = make(guard, "deploy", rust=False, FAILURE_MODE="WARN")
    assert status == 2
    assert "deploy: needs Rust's cargo" in said and "deploy: needs Rust's rustc" in said
    assert "deploy/switch.sh changes settings" in said


def test_on_a_bare_machine_it_names_everything(tmp_path):
    """A clone without .venv: first without Python and Rust, then without make for the SAM CLI."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / "bin").mkdir()

    def said():
        run = [shutil.which("bash"), "deploy/deploy.sh"]
        done = subprocess.run(run, cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        return done.stderr

    for name in ("awk", "bash", "basename", "cat", "dirname", "env", "grep", "sed"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    bare = said()
    assert "needs Python 3.11 or newer" in bare and "needs Rust's cargo" in bare and "needs Rust's rustc" in bare
    for name in ("cargo", "rustc"):
        (tmp_path / "bin" / name).symlink_to(shutil.which("true"))
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    assert "needs the SAM CLI and cargo-lambda" in said()


def test_with_all_in_order_it_builds_and_warns_of_alarms_without_a_topic(guard):
    status, said, built = make(guard, "deploy", FAILURE_MODE="WARN")
    assert built and status != 0, "these scripts build nothing"
    assert "deploy: warning: the alarms have no SNS topic, so they notify nobody; set ALARM_TOPIC_ARN" in said
    assert guard.cloudformation.describe_stacks()["Stacks"] == []


def test_later_what_is_not_named_stays_the_architecture_too(guard):
    guard.deploy()
    # As if it had been deployed from a machine with the other processor.
    guard.cloudformation.update_stack(
        StackName=GUARD, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        TemplateBody=(guard.package / f"packaged-{REGION}.yaml").read_text().replace(ARCHITECTURE, OTHER),
        Parameters=[{"ParameterKey": "Architecture", "ParameterValue": OTHER}],
    )  # fmt: skip
    assert guard.settled(GUARD) == "UPDATE_COMPLETE"
    for variables, expected in (({}, OTHER), ({"ARCH": ARCHITECTURE}, ARCHITECTURE)):
        planned = subprocess.run(
            [ROOT / ".venv" / "bin" / "python", ROOT / "deploy" / "settings.py", "plan"],
            env={**environment(guard.folder, AWS_ENDPOINT_URL=guard.endpoint, AWS_ACCESS_KEY_ID=ACCOUNT_ID,
                               AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION, **variables),
                 "PATH": os.environ["PATH"]},
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert planned.stdout.splitlines() == [expected, f"Architecture={expected}"]
