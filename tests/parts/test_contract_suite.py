"""AWS's contract suite for hooks (`cfn test` of the CloudFormation CLI) against the release binary.

The suite checks that each target type's compliant example is answered SUCCESS without an error code or a callback
delay, and each non-compliant one FAILED with an error code that CloudFormation knows, a message and no delay, before
create and before update. It does not check clientRequestToken or annotations; test_runtime_emulator does.

Its payload differs from a Lambda Hook's: stackId is a bare UUID, changeSetId and requestContext.invocation are missing,
requestData.callerCredentials is present, and targetType is RESOURCE. A handler that requires the documented payload
fails here.

Two tests of the suite cannot run: a custom hook whose target names have wildcards must answer UnsupportedTarget, an
error code that Lambda Hooks do not have. The suite skips them for a hook that names its targets. There is no preDelete
handler: the suite would require that some delete is rejected, but this hook allows every delete.
"""

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cfnlint.data.schemas

from emulator import FUNCTION_NAME
from server import environment

HERE = Path(__file__).resolve().parent
TARGETS = ["AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"]


def resource_schema(type_name):
    """Returns CloudFormation's own schema of a resource type, from cfn-lint."""
    schemas = Path(cfnlint.data.schemas.__file__).parent
    name = json.loads((schemas / "providers" / "us-east-1.json").read_text())[type_name]
    return (schemas / "resources" / f"{name}.json").read_text()


def run_suite(emulator, folder):
    project = folder / "hook"
    shutil.copytree(HERE / "contract", project)
    (project / "target-schemas").mkdir()
    for number, target in enumerate(TARGETS):
        (project / "target-schemas" / f"{number}.json").write_text(resource_schema(target))
    return subprocess.run(
        [
            sys.executable, HERE / "run_contract_suite.py",
            "--endpoint", emulator.endpoint,
            "--function-name", FUNCTION_NAME,
            "--region", "us-east-1",
            "--", "--junitxml", folder / "results.xml",
        ],
        cwd=project,
        env=environment(
            folder, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_SESSION_TOKEN="test"
        ),
        capture_output=True,
        text=True,
        timeout=100,
    )  # fmt: skip


def results(path):
    """Returns the suite's tests by outcome."""
    outcomes = {"passed": [], "skipped": [], "failure": [], "error": []}
    for case in ElementTree.parse(path).iter("testcase"):
        outcome = next((child.tag for child in case if child.tag in outcomes), "passed")
        outcomes[outcome].append(case.get("name"))
    return {outcome: sorted(names) for outcome, names in outcomes.items()}


def test_awss_contract_suite_for_hooks_passes(emulator, tmp_path):
    invocations = emulator.reports()
    run = run_suite(emulator, tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert results(tmp_path / "results.xml") == {
        "passed": [
            "contract_check_asserts_work",
            "contract_pre_create_failed",
            "contract_pre_create_success",
            "contract_pre_update_failed",
            "contract_pre_update_success",
        ],
        "skipped": ["contract_pre_create_failed_unsupported_target", "contract_pre_update_failed_unsupported_target"],
        "failure": [],
        "error": [],
    }, run.stdout
    # Each of the four tests that invoke the hook did so for both target types.
    assert emulator.reports() - invocations == 4 * len(TARGETS)
    assert emulator.starts() == 1
