"""`check` and `rehearse` on the output of `cdk synth`: the app in cdk/ has a stack for each way in which the CDK writes
egress rules, synthesized here by the CDK's own command."""

import json
import subprocess

import pytest

from conftest import ROOT
from server import PARTS, environment

APP = ROOT / "tests" / "parts" / "cdk" / "app.js"

# The verdicts of the literal rule on each stack: codes of errors and, in brackets, of all other entries.
LITERAL = {
    "AllIcmp": "",
    "AllTcp": "port-range",
    "AllTraffic": "all-traffic",
    "AllUdp": "port-range",
    "AllowAllOutbound": "all-traffic",
    # The instances' own group is the CDK's default; the load balancer reaches each of their ephemeral ports.
    "BridgeMode": "all-traffic port-range",
    "Condition": "port-range if `IsProduction` is false",
    "Database": "all-traffic",
    # The literal rule treats the CDK's placeholder 50 to 50 as a port, and a note explains what EC2 opens.
    "Esp": "[protocol-without-ports] [protocol-without-ports]",
    # The load balancer's rule to the service is 80/80; the service's own group is the CDK's default.
    "Fargate": "all-traffic",
    "IcmpPing": "icmp-type-and-code",
    "IcmpType": "icmp-type-and-code",
    "IcmpTypeAndCode": "icmp-type-and-code",
    "NoTraffic": "no-traffic-placeholder",
    # The same parameter on both sides is one port, whatever its value. For a reference, the CDK writes a separate rule.
    # A separate rule for a group of the template replaces its default egress.
    "Parameter": "",
    "StandaloneRules": "",
    "Tcp": "",
    "TcpRange": "port-range",
    "VpcFunction": "all-traffic",
}

# By the effect in EC2: ICMP is not a port range, the CDK's placeholder opens nothing, ESP opens everything.
EFFECTIVE = {
    **LITERAL,
    "Esp": "protocol-without-ports protocol-without-ports",
    "IcmpPing": "",
    "IcmpType": "",
    "IcmpTypeAndCode": "",
    "NoTraffic": "",
    # An unknown port on both sides may be -1, which opens every port.
    "Database": "all-traffic [undetermined-value]",
    "Parameter": "[undetermined-value]",
}


@pytest.fixture(scope="module")
def cdk_out(tmp_path_factory):
    """Returns the folder with the output of `cdk synth`."""
    folder = tmp_path_factory.mktemp("cdk")
    modules = PARTS / "cdk" / "node_modules"
    run = subprocess.run(
        [modules / ".bin" / "cdk", "synth", "--quiet", "--no-notices", "--app", f"node {APP}", "--output", "cdk.out"],
        cwd=folder,
        env=environment(
            folder, NODE_PATH=str(modules), CDK_DISABLE_VERSION_CHECK="1", CDK_DISABLE_CLI_TELEMETRY="true", NO_COLOR="1"
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, f"cdk synth → {run.returncode}\n{run.stdout}{run.stderr}"
    return folder / "cdk.out"


def told(program, folder, *arguments):
    """Returns the command's output and exit status."""
    run = subprocess.run(
        [program, *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60
    )
    assert run.returncode in (0, 1), f"{arguments} → {run.returncode}\n{run.stdout}{run.stderr}"
    return run.returncode, run.stdout


def tell(finding):
    code = finding["code"] if finding["level"] == "error" else f"[{finding['code']}]"
    return f"{code} {finding['when']}" if finding.get("when") else code


@pytest.mark.parametrize(("preset", "verdicts"), [("literal", LITERAL), ("effective", EFFECTIVE)])
def test_check_judges_each_construct_as_the_rule_says(program, cdk_out, preset, verdicts):
    code, text = told(program, cdk_out.parent, "check", "cdk.out", "--format", "json", "--preset", preset)
    assert code == 1
    files = json.loads(text)["files"]
    names = [file["path"].removeprefix("cdk.out/").removesuffix(".template.json") for file in files]
    assert dict(zip(names, (" ".join(map(tell, file["findings"])) for file in files), strict=True)) == verdicts


@pytest.mark.parametrize(("preset", "verdicts"), [("literal", LITERAL), ("effective", EFFECTIVE)])
def test_a_rehearsal_blocks_what_check_calls_an_error(program, bootstrap, cdk_out, preset, verdicts):
    templates = {path.name.removesuffix(".template.json"): path for path in cdk_out.glob("*.template.json")}
    assert templates.keys() == verdicts.keys()
    for name, template in templates.items():
        arguments = ["rehearse", template.name, "--bootstrap", bootstrap, "--preset", preset, "--format", "json"]
        # A parameter without a default needs a value, as in CloudFormation.
        arguments += ["-p", "Port=443"] if name == "Parameter" else []
        code, text = told(program, cdk_out, *arguments)
        events = json.loads(text)["StackEvents"]
        blocked = {event["HookStatusReason"] for event in events if event.get("HookStatus") == "HOOK_COMPLETE_FAILED"}
        has_error = any(not word.startswith("[") for word in verdicts[name].split())
        assert (code, bool(blocked)) == (int(has_error), has_error), f"{name}: {blocked}"
        assert events[0]["ResourceStatus"] == ("ROLLBACK_COMPLETE" if has_error else "CREATE_COMPLETE"), name
        assert all("Hook failed with message: AWS::EC2::SecurityGroup" in reason for reason in blocked)
