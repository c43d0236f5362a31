"""The switches of a deployed guard, in MiniStack with hooks: only the package's switch.sh and the AWS CLI."""

import concurrent.futures
import contextlib
import json
import os

import pytest

from account import REGION
from deployed import GUARD, Deployed
from test_stack_set import organization_template

OTHER = "eu-west-1"
BOTH = f"--regions {REGION},{OTHER}"


@pytest.fixture(scope="module")
def guard(bootstrap, tmp_path_factory):
    """The guard in two Regions, blocking."""
    guard = Deployed(bootstrap, tmp_path_factory.mktemp("switches"))
    try:
        for region in (REGION, OTHER):
            guard.deploy(region, MemorySize=512)
        yield guard
    finally:
        guard.stop()


def untouched(guard, region=REGION):
    """Returns everything that a switch must not change."""
    cloudformation = guard.client("cloudformation", region)
    template = cloudformation.get_template(StackName=GUARD, TemplateStage="Original")["TemplateBody"]
    function = guard.lambdas.get_function_configuration(FunctionName=guard.outputs(GUARD)["FunctionAliasArn"])
    del function["ResponseMetadata"]
    parameters = {name: value for name, value in guard.parameters(region).items() if name not in ("FailureMode", "StackNamesExclude")}
    return template, function, parameters


def test_warn_and_back_in_every_region_where_the_stack_is(guard):
    """Without --regions; the account's other Regions have no stack and are not reported."""
    before = untouched(guard)
    assert guard.blocks("before")
    said = guard.run("./switch.sh FAILURE_MODE=WARN")
    assert [line.split()[0] for line in said.splitlines() if "FailureMode: FAIL -> WARN" in line] in ([REGION, OTHER], [OTHER, REGION])
    results = said.split("\n\n")[1].splitlines()
    assert [(line.split()[:3]) for line in results] == [[OTHER, GUARD, "changed"], [REGION, GUARD, "changed"]]
    assert {guard.parameters(region)["FailureMode"] for region in (REGION, OTHER)} == {"WARN"}
    assert not guard.blocks("warned")
    assert untouched(guard) == before, "template, function and all other parameters"

    guard.run(f"./switch.sh {BOTH} FAILURE_MODE=FAIL")
    assert guard.blocks("after")
    assert untouched(guard) == before


def test_what_is_repeated_changes_nothing(guard):
    events = len(guard.events(GUARD, GUARD))
    said = guard.run(f"./switch.sh {BOTH} FAILURE_MODE=FAIL HOOK_STATUS=ENABLED")
    assert said.count("FailureMode is already FAIL") == 2
    assert said.count("nothing to change") == 2
    assert len(guard.events(GUARD, GUARD)) == events, "no update"


def test_two_operators_at_once_both_get_what_they_asked_for(guard):
    settings = ("RETENTION_DAYS=30", "STACK_NAMES_EXCLUDE+=legacy-*", "HOOK_STATUS=DISABLED")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda setting: guard.run(f"./switch.sh --regions {REGION} '{setting}'"), settings))
    after = guard.parameters()
    assert (after["RetentionDays"], after["StackNamesExclude"], after["HookStatus"]) == ("30", "legacy-*", "DISABLED")
    assert not guard.blocks("unchecked")
    guard.run(f"./switch.sh --regions {REGION} RETENTION_DAYS=365 STACK_NAMES_EXCLUDE-='legacy-*' HOOK_STATUS=ENABLED")
    assert guard.parameters() == guard.parameters(OTHER)


def test_a_list_is_shown_before_and_after_and_can_grow_and_shrink(guard):
    here = f"./switch.sh --regions {REGION}"
    guard.run(f"{here} STACK_NAMES_EXCLUDE='legacy-*,sandbox-*'")
    assert not guard.blocks("sandbox-1")
    replaced = guard.run(f"{here} --show STACK_NAMES_EXCLUDE=payments")
    assert "StackNamesExclude before: legacy-*,sandbox-*" in replaced
    assert "StackNamesExclude after:  payments" in replaced
    assert guard.parameters()["StackNamesExclude"] == "legacy-*,sandbox-*", "--show changes nothing"
    guard.run(f"{here} STACK_NAMES_EXCLUDE+=payments,sandbox-*")
    assert guard.parameters()["StackNamesExclude"] == "legacy-*,sandbox-*,payments"
    assert not guard.blocks("payments")
    guard.run(f"{here} STACK_NAMES_EXCLUDE-='payments,legacy-*'")
    assert guard.parameters()["StackNamesExclude"] == "sandbox-*"
    guard.run(f"{here} STACK_NAMES_EXCLUDE=")
    assert guard.parameters()["StackNamesExclude"] == ""
    assert guard.blocks("sandbox-2")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("FAILURE_MOD=WARN", "unknown setting FAILURE_MOD. The settings are: FAILURE_MODE "),
        ("FAILURE_MODE=WARN HOOK_STATE=DISABLED", "unknown setting HOOK_STATE"),
        ("ARCH=arm64", "switch.sh cannot change ARCH, which needs a function that is built for it"),
        ("HookAlias=Acme::Egress::Guard", "switch.sh cannot change ALIAS, which replaces the hook"),
        ("FAILURE_MODE=WARN FailureMode=FAIL", "FailureMode is set twice"),
        ("FAILURE_MODE+=WARN", "FAILURE_MODE is not a list"),
        ("'STACK_NAMES_EXCLUDE=\"a\"'", "must not contain quotation marks"),
        ("--force FAILURE_MODE=WARN", "unknown option --force"),
        ("--regions Frankfurt FAILURE_MODE=WARN", "'Frankfurt' is not a Region"),
        ("", "switch.sh [OPTION...] SETTING=VALUE..."),
    ],
)
def test_what_is_misspelled_is_refused_before_aws_is_asked(guard, given, why):
    said = guard.run(f"./switch.sh {given}", expect=2, variables={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert why in said


def test_each_region_says_what_went_wrong_there(guard):
    said = guard.run(f"./switch.sh --regions {REGION},eu-central-1 FAILURE_MODE=WARM", expect=1)
    assert "eu-central-1    cfn-egress-guard             FAILED: there is no stack cfn-egress-guard here" in said
    assert f"{REGION}       cfn-egress-guard             FAILED: " in said and "AllowedValues" in said
    assert guard.parameters()["FailureMode"] == "FAIL"
    said = guard.run("./switch.sh --stack nobody FAILURE_MODE=WARN", expect=1)
    assert "no stack nobody in any of the Regions" in said
    said = guard.run(f"./switch.sh {BOTH} --emergency FAILURE_MODE=WARN", expect=1)
    assert "this stack has no parameter ConcurrencyMode" in said
    assert guard.parameters()["FailureMode"] == "FAIL"


def test_the_settings_are_shown(guard):
    said = guard.run(f"./switch.sh --regions {REGION} --show")
    for name, value in guard.parameters().items():
        assert f"{REGION}       {name}={value}\n" in said


def test_a_template_of_json_is_switched_too(guard):
    """The output of organization_template.py, as a separate stack (the management account's further Regions)."""
    region = "ap-southeast-2"
    storage = guard.client("s3", region)
    guard.bucket(f"acme-guard-{region}", region)
    storage.put_object(Bucket=f"acme-guard-{region}", Key="guard/1/bootstrap.zip", Body=(guard.package / "bootstrap.zip").read_bytes())
    with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
        text = organization_template.expanded("acme-guard", "guard/1/bootstrap.zip", "x86_64")
    assert json.loads(text), "JSON"
    storage.put_object(Bucket=f"acme-guard-{region}", Key="guard/1/guard.json", Body=text.encode())
    guard.run(f"aws cloudformation create-stack --stack-name {GUARD} --capabilities CAPABILITY_IAM"
              f" --template-url https://s3.{region}.amazonaws.com/acme-guard-{region}/guard/1/guard.json", region=region)  # fmt: skip
    said = guard.run(f"./switch.sh --regions {region} FAILURE_MODE=WARN", region=region)
    assert "changed in" in said
    assert guard.parameters(region)["FailureMode"] == "WARN"
