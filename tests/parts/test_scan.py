"""`scan` end to end: the real command, stacks created with the real SDK in moto and MiniStack, and faults."""

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import jsonschema
import pytest
from botocore.config import Config

from account import Account
from faults import FaultyProxy
from server import Server, environment, free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("CFN_EGRESS_GUARD", "target/debug/cfn-egress-guard")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = "eu-west-1"

EGRESS = {
    "good": {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"},
    "range": {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8"},
    "open": {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"},
    "given": {"IpProtocol": "tcp", "FromPort": 443, "ToPort": {"Ref": "To"}, "CidrIp": "10.0.0.0/8"},
}
BLOCKED = {"range", "open", "given"}


def template(kind):
    group = {"GroupDescription": kind, "SecurityGroupEgress": [EGRESS[kind]]}
    resources = {"Sg": {"Type": "AWS::EC2::SecurityGroup", "Properties": group}}
    return json.dumps({"Parameters": {"To": {"Type": "Number", "Default": 443}}, "Resources": resources})


def create(endpoint, region, names):
    client = boto3.client(
        "cloudformation",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=4),
    )

    def one(name):
        client.create_stack(
            StackName=name,
            TemplateBody=template(name.split("-")[0]),
            Parameters=[{"ParameterKey": "To", "ParameterValue": "444"}],
            Tags=[{"Key": "Owner", "Value": f"team-{name[-1]}"}],
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, names))


def names(count):
    kinds = sorted(EGRESS)
    return [f"{kinds[number % len(kinds)]}-{number:03}" for number in range(count)]


def scan(folder, endpoint, *arguments):
    assert os.access(PROGRAM, os.X_OK), f"{PROGRAM} is not there; build it with: cargo build --package cfn-egress-guard"
    run = subprocess.run(
        [PROGRAM, "scan", "--format", "json", *arguments],
        env=environment(folder, AWS_ENDPOINT_URL=endpoint, **CREDENTIALS),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    result = json.loads(run.stdout) if run.stdout else pytest.fail(run.stderr)
    jsonschema.validate(result, json.loads((ROOT / "schema/scan.schema.json").read_text()))
    return run.returncode, result


def check(result, expected):
    """Checks that nothing is lost or duplicated, and that every verdict is correct."""
    assert Counter(stack["stack"] for stack in result["stacks"]) == Counter(expected)
    for stack in result["stacks"]:
        fates = [rule["fate"] for rule in stack.get("findings", [])]
        kind = stack["stack"].split("-")[0]
        assert fates == (["blocked"] if kind in BLOCKED else []), stack


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("moto", command, port=port, folder=folder, variables=CREDENTIALS)
    endpoint = f"http://127.0.0.1:{port}"
    create(endpoint, REGION, names(203))
    create(endpoint, "us-east-1", names(3))
    yield endpoint
    server.stop()


def test_hundreds_of_stacks_in_pages(moto, tmp_path):
    code, result = scan(tmp_path, moto, "--region", REGION)
    assert code == 1 and result["unread"] == []
    check(result, names(203))
    assert result["summary"]["answer"] == "no"


def test_throttling_errors_resets_and_slow_answers_lose_nothing(moto, tmp_path):
    faults = {5: "throttle", 7: "fail", 11: "reset", 13: "dawdle"}
    proxy = FaultyProxy(moto, faults=faults)
    try:
        code, result = scan(tmp_path, proxy.url, "--region", REGION)
    finally:
        proxy.stop()
    assert set(proxy.counts) == set(faults.values()), "every fault was met"
    unread = {what["stack"] for what in result["unread"]}
    assert not unread, result["unread"]
    assert code == 1
    check(result, names(203))


def test_a_denied_region_is_reported_and_the_other_is_read(moto, tmp_path):
    proxy = FaultyProxy(moto, denied="us-east-1")
    try:
        code, result = scan(tmp_path, proxy.url, "--regions", f"{REGION},us-east-1")
    finally:
        proxy.stop()
    assert code == 2
    check(result, names(203))
    assert {what["region"] for what in result["unread"]} == {"us-east-1"}
    assert {what["failure"]["action"] for what in result["unread"]} == {
        "cloudformation:ListStacks",
        "cloudformation:DescribeStacks",
    }


def test_a_killed_scan_is_taken_up_where_it_stood(moto, tmp_path):
    file = tmp_path / "scan.json"
    proxy = FaultyProxy(moto, faults={3: "dawdle"})
    try:
        with subprocess.Popen(
            [PROGRAM, "scan", "--region", REGION, "--output", file],
            env=environment(tmp_path, AWS_ENDPOINT_URL=proxy.url, **CREDENTIALS),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as run:
            part = file.with_name("scan.json.part")
            while run.poll() is None and not (part.exists() and part.read_text().count("\n") > 40):
                pass
            run.kill()
    finally:
        proxy.stop()
    code, result = scan(tmp_path, moto, "--region", REGION, "--resume", file, "--output", file)
    assert code == 1
    check(result, names(203))
    assert file.exists() and not part.exists()


@pytest.fixture(scope="module")
def ministack(tmp_path_factory):
    account = Account(tmp_path_factory.mktemp("ministack"))
    try:
        create(account.endpoint, REGION, names(104))
        yield account.endpoint
    finally:
        account.stop()


def test_ministack_lists_stacks_in_pages(ministack, tmp_path):
    code, result = scan(tmp_path, ministack, "--region", REGION)
    assert code == 1, result["unread"]
    check(result, names(104))


def test_faults_between_the_pages_of_ministack_lose_nothing(ministack, tmp_path):
    faults = {4: "throttle", 7: "fail", 11: "reset", 13: "dawdle"}
    proxy = FaultyProxy(ministack, faults=faults)
    try:
        code, result = scan(tmp_path, proxy.url, "--region", REGION)
    finally:
        proxy.stop()
    assert set(proxy.counts) == set(faults.values()), "every fault was met"
    assert (code, result["unread"]) == (1, [])
    check(result, names(104))


def test_a_region_that_is_denied_half_way_is_reported_with_what_was_read(ministack, tmp_path):
    """Stacks that were listed before are judged, and the missing part is reported once, as a lower bound."""
    proxy = FaultyProxy(ministack, denied=REGION, denied_after=60)
    try:
        code, result = scan(tmp_path, proxy.url, "--region", REGION)
    finally:
        proxy.stop()
    assert code == 2
    judged = [stack["stack"] for stack in result["stacks"]]
    unread = [what["stack"] for what in result["unread"] if "stack" in what]
    assert Counter(judged + unread) == Counter(names(104)), "nothing lost, nothing twice"
    assert judged and unread
    actions = Counter(what["failure"]["action"] for what in result["unread"])
    assert actions.pop("cloudformation:GetTemplate") == len(unread)
    # The stacks' inputs are read a page at a time, while the stacks are judged; the other list is complete.
    lists = [what for what in result["unread"] if "stack" not in what]
    assert actions == {"cloudformation:DescribeStacks": 1} and all(what["judged"] for what in lists)
    assert result["summary"]["unread"] == len(unread)
