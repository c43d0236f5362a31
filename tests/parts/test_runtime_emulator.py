"""The release binary in AWS's own Lambda Runtime Interface Emulator.

Unlike a mocked Runtime API, this proves that the released program starts under Lambda's process model, keeps answering,
and that the same process answers every input in the hook protocol's shape. The emulator answers 502 and restarts the
program when it crashes or exceeds its timeout.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from emulator import FUNCTION_NAME
from protocol import assert_acceptable, group, resource_request, rule

ROOT = Path(__file__).resolve().parents[2]
EGRESS = "AWS::EC2::SecurityGroupEgress"


@pytest.fixture(autouse=True)
def the_same_process_answers_every_invocation(emulator):
    yield
    assert emulator.starts() <= 1, "the function was started again: it crashed or took too long"


def set_field(event, path, value):
    *parents, last = path.split(".")
    for parent in parents:
        event = event[parent]
    event[last] = value


def passes(answer):
    return answer["hookStatus"] == "SUCCESS"


def assert_blocked(answer, event, *words):
    assert_acceptable(answer, event)
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "NonCompliant")
    assert [word for word in words if word not in answer["message"]] == [], answer["message"]


def assert_fails_closed(answer, event=None):
    assert_acceptable(answer, event)
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")


@pytest.mark.parametrize("rules", [[rule()], [rule(), rule(53, "53")], []], ids=["one", "two", "none"])
@pytest.mark.parametrize("action", ["CREATE_PRE_PROVISION", "UPDATE_PRE_PROVISION"])
def test_a_compliant_group_passes(emulator, action, rules):
    event = resource_request(group(*rules), action=action)
    answer = emulator.invoke(event)
    assert_acceptable(answer, event)
    assert passes(answer), answer


@pytest.mark.parametrize("action", ["CREATE_PRE_PROVISION", "UPDATE_PRE_PROVISION"])
def test_a_port_range_is_blocked_with_the_rule_and_the_ports(emulator, action):
    event = resource_request(group(rule(), rule(80, 87)), action=action)
    answer = emulator.invoke(event)
    assert_blocked(answer, event, "SecurityGroupEgress[1]", "80", "87")
    assert [a["status"] for a in answer["annotations"]] == ["FAILED"]


def test_missing_ports_are_blocked(emulator):
    event = resource_request(group({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}))
    assert_blocked(emulator.invoke(event), event, "SecurityGroupEgress[0]")


def test_a_standalone_rule_is_judged_alike(emulator):
    open_port = resource_request({"GroupId": "sg-1", **rule()}, target=EGRESS)
    assert passes(emulator.invoke(open_port))
    port_range = resource_request({"GroupId": "sg-1", **rule(0, 65535)}, target=EGRESS)
    assert_blocked(emulator.invoke(port_range), port_range, "0", "65535")


def test_cloud_control_is_judged_alike(emulator):
    """A Cloud Control call has no stack, and CloudFormation generates its logical ID."""

    def cloud_control(properties):
        event = resource_request(properties, logical_id="AWS-EC2-SecurityGroup-b7a1-4f0e")
        event.update(stackId="", changeSetId="")
        event["requestData"]["targetType"] = "RESOURCE"
        return event

    assert passes(emulator.invoke(cloud_control(group(rule()))))
    event = cloud_control(group(rule(1024, 65535)))
    assert_blocked(emulator.invoke(event), event, "SecurityGroupEgress[0]", "1024", "65535")


@pytest.mark.parametrize("properties", [None, {}, group(rule(1, 2))], ids=["null", "empty", "range"])
def test_a_delete_is_never_blocked(emulator, properties):
    event = resource_request(properties, previous=group(rule(1, 2)), action="DELETE_PRE_PROVISION")
    answer = emulator.invoke(event)
    assert_acceptable(answer, event)
    assert passes(answer), answer


def test_another_resource_type_is_let_through(emulator):
    event = resource_request({"BucketName": "logs"}, target="AWS::S3::Bucket")
    answer = emulator.invoke(event)
    assert_acceptable(answer, event)
    assert passes(answer), answer


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"not json", b"\xff\xfe\x00", b'{"requestData": "\xc3\x28"}', b"null", b"[]", b"42", b'"text"', b"{}"],
    ids=repr,
)
def test_what_is_no_invocation_fails_closed(emulator, body):
    assert_fails_closed(emulator.invoke(body))


@pytest.mark.parametrize(
    "field, value",
    [
        ("requestData", "text"),
        ("requestData", None),
        ("requestData", []),
        ("requestData.targetModel", "text"),
        ("requestData.targetModel", [1]),
        ("requestData.targetModel.resourceProperties", None),
    ],
)
def test_wrong_types_around_the_properties_fail_closed(emulator, field, value):
    event = resource_request(group(rule()))
    set_field(event, field, value)
    assert_fails_closed(emulator.invoke(event), event)


def test_an_invocation_that_names_no_target_fails_closed(emulator):
    event = resource_request(group(rule()))
    event["requestData"].update(targetName=None, targetType=None)
    assert_fails_closed(emulator.invoke(event), event)


@pytest.mark.parametrize(
    "properties",
    [
        "text",
        [1],
        *({"SecurityGroupEgress": egress} for egress in ("text", 7, True, [None], [[rule()]])),
        *(group(rule(port, port)) for port in ("http", True, [443], {"a": 1}, 443.5, 70000, None)),
    ],
    ids=json.dumps,
)
def test_wrong_types_within_the_resource_are_blocked(emulator, properties):
    event = resource_request(properties)
    assert_blocked(emulator.invoke(event), event)


@pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [200, 100_000])
def test_deep_nesting_fails_closed(emulator, opening, closing, depth):
    """… and the answer still carries the token, without which CloudFormation cannot place it."""
    event = resource_request(group(rule("DEEP", 443)))
    nested = opening * depth + b"1" + closing * depth
    assert_fails_closed(emulator.invoke(json.dumps(event).encode().replace(b'"DEEP"', nested)), event)


def test_nesting_that_json_readers_accept_is_judged(emulator):
    port = 443
    for _ in range(50):
        port = [port]
    event = resource_request(group(rule(port, port)))
    assert_blocked(emulator.invoke(event), event, "SecurityGroupEgress[0]")


def test_a_thousand_offending_rules_fit_into_the_answer(emulator):
    event = resource_request(group(*(rule(port, port + 1) for port in range(1000))))
    answer = emulator.invoke(event)
    assert_blocked(answer, event, "SecurityGroupEgress[0]")


def test_the_log_has_the_decision_and_nothing_of_the_template_or_of_credentials(emulator):
    event = resource_request({**group(rule(20, 21)), "GroupDescription": "PRIVATE-1", "Tags": ["PRIVATE-2"]})
    event["requestData"]["callerCredentials"] = "PRIVATE-3"
    assert_blocked(emulator.invoke(event), event, "20", "21")
    emulator.invoke(b'{"requestData": PRIVATE-4')
    lines = emulator.server.log().splitlines()
    decisions = [json.loads(line) for line in lines if '"event":"decision"' in line]
    assert [d["verdict"] for d in decisions[-2:]] == ["non-compliant", "internal-failure"]
    assert "PRIVATE" not in emulator.server.log()


def test_the_effective_preset_arrives(emulator_with_preset):
    ping = rule(8, -1, IpProtocol="icmp")
    event = resource_request(group(ping))
    assert passes(emulator_with_preset("effective").invoke(event))
    assert_blocked(emulator_with_preset("literal").invoke(event), event, "SecurityGroupEgress[0]")


def test_an_unknown_preset_fails_closed_and_says_so(emulator_with_preset):
    emulator = emulator_with_preset("lenient")
    for _ in range(2):
        answer = emulator.invoke(resource_request(group(rule())))
        assert_fails_closed(answer)
        assert "lenient" in answer["message"]
    assert emulator.starts() == 1


def test_many_invocations_in_a_row_get_each_its_own_answer(emulator):
    """Good, bad and broken ones alternate: none affects the next."""
    before = emulator.reports()
    for number in range(100):
        good, bad = resource_request(group(rule(number, number))), resource_request(group(rule(number, number + 1)))
        answer = emulator.invoke(good)
        assert_acceptable(answer, good)
        assert passes(answer), answer
        assert_blocked(emulator.invoke(bad), bad, f"{number}", f"{number + 1}")
        assert_fails_closed(emulator.invoke(b"{" * number))
    assert emulator.starts() == 1
    assert emulator.reports() - before == 300


@pytest.mark.parametrize(("template", "status"), [("compliant", 0), ("non-compliant", 1)])
def test_a_rehearsal_takes_any_invoke_endpoint(emulator, template, status):
    """`rehearse --endpoint` against AWS's emulator, which answers Lambda's Invoke API."""
    program = ROOT / os.environ.get("CFN_EGRESS_GUARD", "target/debug/cfn-egress-guard")
    command = [program, "rehearse", "--endpoint", emulator.endpoint, "--function-name", FUNCTION_NAME]
    result = subprocess.run([*command, ROOT / f"examples/{template}.yaml"], capture_output=True, text=True, timeout=60)
    assert result.returncode == status, result.stderr
    expected = "HOOK_COMPLETE_FAILED" if status else "HOOK_COMPLETE_SUCCEEDED"
    assert expected in result.stdout
