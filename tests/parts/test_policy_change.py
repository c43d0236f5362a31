"""A policy changed without a toolchain, in MiniStack with hooks: the package's policy.sh, the AWS CLI, curl and zip."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from account import ACCOUNT_ID, REGION
from deployed import GUARD, OF_CLOUDSHELL, POLICY, Deployed
from protocol import rule
from server import environment
from test_stack_set import organization_template
from test_status import HooksBeside

JSON_REGION = "ap-southeast-2"
PING = rule(8, -1, IpProtocol="icmp")  # blocked by `literal`, not by `effective`
HERE = f"--regions {REGION}"


@pytest.fixture(scope="module")
def guard(bootstrap, program, tmp_path_factory):
    guard = Deployed(bootstrap, tmp_path_factory.mktemp("policy"))
    try:
        guard.add_tools(OF_CLOUDSHELL)
        guard.deploy()
        guard.command = {"CFN_EGRESS_GUARD": str(program)}
        for name, text in (("effective", 'preset = "effective"\n'), ("typo", 'preset = "effectiv"\n')):
            (guard.package / f"{name}.toml").write_text(text)
        yield guard
    finally:
        guard.stop()


def template(guard):
    return guard.cloudformation.get_template(StackName=GUARD, TemplateStage="Original")["TemplateBody"]


def state(guard):
    function, version = guard.function()
    latest = guard.lambdas.get_function_configuration(FunctionName=function)["CodeSha256"]
    return version, latest, template(guard)


def test_a_policy_with_a_mistake_changes_nothing(guard):
    before = state(guard)
    said = guard.run(f"./policy.sh {HERE} set typo.toml", expect=2, variables=guard.command)
    assert "effectiv" in said and "typo.toml is not valid; nothing was changed" in said
    # Without the command, the new version of the function reports the mistake, not the active one.
    for fast in ("", "--fast"):
        said = guard.run(f"./policy.sh {HERE} {fast} set typo.toml", expect=1)
        assert "only the function checks the policy" in said
        assert "policy.toml, line 1, column 10" in said and "version 1 is still live" in said
        assert state(guard) == before
    assert guard.blocks("ping-before", PING)


def test_a_policy_is_deployed_with_the_same_code_and_taken_back_with_one_command(guard):
    before = guard.code("1")
    # The mode that an editor under `umask 077` gives the file.
    said = guard.run(f"umask 077; chmod 600 effective.toml; ./policy.sh {HERE} set effective.toml", variables=guard.command)
    assert f"{REGION}       {GUARD}             version 2 is live; before: 1" in said
    after = guard.code("2")
    assert after["bootstrap"] == before["bootstrap"]
    assert (before["policy.toml"], after["policy.toml"]) == (POLICY, b'preset = "effective"\n')
    assert after["origin.txt"].startswith(b"program: commit 1234\npolicy: no commit\nset: 20")
    readable = {"bootstrap": 0o755, "policy.toml": 0o644, "origin.txt": 0o644}
    assert guard.modes("2") == readable, "Lambda can read them"
    assert not guard.blocks("ping-effective", PING)
    assert guard.stack(GUARD)["StackStatus"] == "UPDATE_COMPLETE", "the stack carries it"
    assert template(guard).count("s3://artifacts-us-east-1/policy-") == 1

    said = guard.run(f"umask 077; ./policy.sh {HERE} back", variables=guard.command)
    assert guard.modes("3") == readable
    assert "version 1 is live, instead of 2" in said and "version 3 is live; before: 2" in said
    assert guard.same("3", "1"), "program and policy of before"
    assert guard.sha256("3") != guard.sha256("2") != guard.sha256("1") != guard.sha256("3")
    assert b"deployed again: " in guard.code("3")["origin.txt"]
    assert "  policy: commit 1234\n" in said and f"  sha256: {hashlib.sha256(POLICY).hexdigest()}\n" in said
    assert guard.blocks("ping-after", PING)
    # A switch does not change it.
    guard.run(f"./switch.sh {HERE} MEMORY_SIZE=512")
    assert guard.code(guard.function()[1])["policy.toml"] == POLICY


def holes(guard, folder):
    """Returns the gaps that `status` reports, and the SHA-256 of the active policy."""
    proxy = HooksBeside(guard.endpoint, guard.outputs(GUARD)["FunctionAliasArn"])
    try:
        run = subprocess.run(
            [guard.command["CFN_EGRESS_GUARD"], "status", "--region", REGION, "--format", "json"],
            env=environment(folder, AWS_ENDPOINT_URL=proxy.url, AWS_ACCESS_KEY_ID=ACCOUNT_ID, AWS_SECRET_ACCESS_KEY="test"),
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        proxy.stop()
    [region] = json.loads(run.stdout or pytest.fail(run.stderr))["regions"]
    return [hole["code"] for hole in region["holes"]], region["function"]["contents"]["policySha256"]


def test_the_fastest_way_leaves_the_stack_and_says_so(guard, tmp_path):
    before, carried = guard.function()[1], template(guard)
    said = guard.run(f"./policy.sh {HERE} --fast set effective.toml")
    assert "the stack still has the other policy" in said
    effective = hashlib.sha256(b'preset = "effective"\n').hexdigest()
    assert holes(guard, tmp_path) == (["carries-another"], effective)
    assert not guard.blocks("ping-fast", PING)
    assert template(guard) == carried
    function, version = guard.function()
    published = guard.lambdas.get_function_configuration(FunctionName=function, Qualifier=version)
    assert published["Description"].startswith("policy of 20") and published["Description"].endswith(", by root")

    # With the stack: Lambda does not publish unchanged code again, so these bytes differ.
    said = guard.run(f"./policy.sh {HERE} carry")
    carried = str(int(version) + 1)
    assert guard.function()[1] == carried and f"version {carried} is live; before: {version}" in said
    assert guard.same(carried, version) and guard.sha256(carried) != guard.sha256(version)
    assert not guard.blocks("ping-carried", PING)
    assert holes(guard, tmp_path) == ([], effective)
    # Back with the alias and forward with the stack, to the code that was published last.
    guard.run(f"./policy.sh {HERE} --fast back")
    guard.run(f"./policy.sh {HERE} back {carried}")
    assert guard.same(guard.function()[1], carried) and guard.sha256(guard.function()[1]) != guard.sha256(carried)

    said = guard.run(f"./policy.sh {HERE} --fast back {before}")
    assert f"version {before} is live" in said
    assert guard.blocks("ping-back", PING)
    guard.run(f"./policy.sh {HERE} back {before}")
    assert guard.code(guard.function()[1])["policy.toml"] == POLICY


def test_versions_and_policies_can_be_looked_at(guard):
    function, version = guard.function()
    said = guard.run(f"./policy.sh {HERE} versions")
    assert [line for line in said.splitlines() if line.endswith("<- live")][0].split()[1] == version
    shown = guard.run(f"./policy.sh {HERE} show 2 2> results")
    assert shown == (
        f"# {REGION}, version 2 (version {version} is live)\n"
        + "".join(f"# {line}\n" for line in guard.code("2")["origin.txt"].decode().splitlines())
        + f"# sha256: {hashlib.sha256(guard.code('2')['policy.toml']).hexdigest()}\n"
        + 'preset = "effective"\n'
    ), "what can be a policy again"


def test_a_committed_policy_says_its_commit(guard):
    repository = guard.package / "policies"
    repository.mkdir()
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    (repository / "policy.toml").write_text('preset = "effective"\n')
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "effective"]):
        subprocess.run([*git, *arguments], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    guard.add_tools("git")
    guard.run(f"./policy.sh {HERE} --fast set policies/policy.toml")
    origin = guard.code(guard.function()[1])["origin.txt"].decode().splitlines()
    assert origin[:2] == ["program: commit 1234", f"policy: commit {commit}"]
    assert origin[2].endswith(" by arn:aws:iam::123456789012:root")
    (repository / "policy.toml").write_text('preset = "literal"\n')
    guard.run(f"./policy.sh {HERE} --fast set policies/policy.toml")
    assert guard.code(guard.function()[1])["origin.txt"].decode().splitlines()[1] == "policy: no commit"


def test_a_template_of_json_gets_a_policy_too(guard):
    """The output of organization_template.py, in the management account's further Regions."""
    guard.bucket(f"acme-guard-{JSON_REGION}", JSON_REGION)
    storage = guard.client("s3", JSON_REGION)
    storage.put_object(Bucket=f"acme-guard-{JSON_REGION}", Key="guard/1/bootstrap.zip",
                       Body=(guard.package / "bootstrap.zip").read_bytes())  # fmt: skip
    with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
        text = organization_template.expanded("acme-guard", "guard/1/bootstrap.zip", "x86_64")
    storage.put_object(Bucket=f"acme-guard-{JSON_REGION}", Key="guard/1/guard.json", Body=text.encode())
    guard.run(f"aws cloudformation create-stack --stack-name {GUARD} --capabilities CAPABILITY_IAM"
              f" --template-url https://s3.{JSON_REGION}.amazonaws.com/acme-guard-{JSON_REGION}/guard/1/guard.json",
              region=JSON_REGION)  # fmt: skip
    said = guard.run(f"./policy.sh --regions {JSON_REGION} set effective.toml")
    assert "version 2 is live; before: 1" in said
    assert 'preset = "effective"' in guard.run(f"./policy.sh --regions {JSON_REGION} show")
    said = guard.run(f"./policy.sh --regions {JSON_REGION} back")
    assert "version 3 is live; before: 2" in said
    assert 'preset = "literal"' in guard.run(f"./policy.sh --regions {JSON_REGION} show")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("set", "set needs the file"),
        ("set nothing.toml", "cannot read nothing.toml"),
        ("restore", "unknown command 'restore'"),
        ("back yesterday", "'yesterday' is not a version of the function"),
        ("--slow set effective.toml", "unknown option --slow"),
        ("", "policy.sh [OPTION...] set POLICY.toml"),
    ],
)
def test_what_makes_no_sense_is_refused(guard, given, why):
    assert why in guard.run(f"./policy.sh {given}", expect=2, variables={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})


def test_what_is_missing_on_the_machine_is_named(guard):
    (guard.bin / "zip").unlink()
    assert "zip is not on the PATH; install it" in guard.run(f"./policy.sh {HERE} set effective.toml", expect=2)
    (guard.bin / "zip").symlink_to(shutil.which("zip"))
