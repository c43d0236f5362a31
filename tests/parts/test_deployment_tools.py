"""The statements of docs/deployment.md about the CDK and SAM, checked in the versions of the tests."""

import json
import re
import subprocess

import pytest
from cfnlint.decode import cfn_yaml

from conftest import ROOT
from server import PARTS, environment

PAGE = (ROOT / "docs" / "deployment.md").read_text()
CDK = PARTS / "cdk" / "node_modules" / "aws-cdk"


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Returns the options of a tool's deploy command, with their help texts."""
    folder = tmp_path_factory.mktemp("help")
    tools = {"cdk": PARTS / "cdk" / "node_modules" / ".bin" / "cdk", "sam": ROOT / ".venv" / "bin" / "sam"}

    def ask(tool):
        run = subprocess.run([tools[tool], "deploy", "--help"], cwd=folder, capture_output=True, text=True, timeout=100,
                             env=environment(folder, SAM_CLI_TELEMETRY="0", COLUMNS="200"))  # fmt: skip
        assert run.returncode == 0, run.stderr
        return run.stdout

    return ask


def test_the_modes_without_rollback_have_the_options_that_are_named(options):
    for tool in ("cdk", "sam"):
        for option in re.findall(rf"`{tool} deploy (--[a-z-]+)`", PAGE):
            # The CDK lists an option without its negation.
            assert re.sub("^--no-", "--", option) in options(tool), f"{tool} deploy {option}"


def test_in_express_mode_the_cdk_rolls_back_only_when_asked():
    code = (CDK / "lib" / "index.js").read_text()
    assert re.search(r'Mode === "EXPRESS" \? \w+\.DisableRollback === false', code), "the CDK's own reading"


def test_the_cdks_bootstrap_lets_the_deploying_role_read_the_hooks_results():
    template = cfn_yaml.load(str(CDK / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"))
    resources = template["Resources"]
    assert int(resources["CdkBootstrapVersion"]["Properties"]["Value"]) >= 32
    managed = json.dumps(resources["DeploymentActionRole"]["Properties"]["ManagedPolicyArns"])
    assert "policy/AWSCloudFormationReadOnlyAccess" in managed


def test_the_statement_for_a_role_of_ones_own_is_what_the_cdk_calls():
    fragments = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    [statement] = [json.loads(fragment) for fragment in fragments if "GetHookResult" in fragment]
    assert statement["Effect"] == "Allow"
    code = (CDK / "lib" / "index.js").read_text()
    for action in statement["Action"]:
        assert f"{action.removeprefix('cloudformation:')}Command" in code
