"""`status` and a real function: the real command calls MiniStack's Lambda and CloudWatch.

MiniStack has no hooks: a loopback proxy answers CloudFormation's four requests about them, in the shapes of the
CloudFormation API Reference, and forwards all others, including the download of the code. Python creates the zip files,
so that the code under test does not compute the expected hashes and contents.
"""

import io
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import boto3
import jsonschema
import pytest
from botocore.config import Config

from server import Handler, Loopback, Server, environment, free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("CFN_EGRESS_GUARD", "target/debug/cfn-egress-guard")
REGION = "eu-west-1"
ACCOUNT_ID = "123456789012"
HOOK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:type/hook/Security-Egress-SinglePort"
POLICY = b'preset = "literal"\n'


def zipped(program, policy):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bootstrap", program)
        archive.writestr("policy.toml", policy)
    return out.getvalue()


def configuration(function):
    hook = {
        "HookInvocationStatus": "ENABLED",
        "TargetOperations": ["RESOURCE", "CLOUD_CONTROL"],
        "FailureMode": "FAIL",
        "Properties": {"LambdaFunction": function},
    }
    return json.dumps({"CloudFormationConfiguration": {"HookConfiguration": hook}})


class HooksBeside(Loopback):
    """Answers requests about hooks, and forwards the rest to `upstream`."""

    def __init__(self, upstream, function):
        answers = {
            "DescribeType": f"<Arn>{HOOK}</Arn><IsActivated>true</IsActivated>"
            "<OriginalTypeName>AWS::Hooks::LambdaHook</OriginalTypeName>",
            "BatchDescribeTypeConfigurations": "<TypeConfigurations><member>"
            f"<Configuration>{escape(configuration(function))}</Configuration></member></TypeConfigurations>",
            "ListHookResults": "<HookResults></HookResults>",
        }

        class Requests(Handler):
            def do_GET(self):
                self.forward(None)

            def do_POST(self):
                body = self.body()
                form = "urlencoded" in self.headers.get("Content-Type", "")
                action = parse_qs(body.decode()).get("Action", [""])[0] if form else ""
                if action in answers:
                    text = f"<{action}Response><{action}Result>{answers[action]}</{action}Result></{action}Response>"
                    self.answer(200, text.encode(), {"Content-Type": "text/xml"})
                else:
                    self.forward(body)

            def forward(self, body):
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                request = urllib.request.Request(upstream + self.path, body, headers, method=self.command)
                try:
                    response = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30)
                except urllib.error.HTTPError as error:
                    response = error
                self.answer(response.status, response.read(), response.headers)

        super().__init__(Requests)


class Guard:
    """A function behind an alias, the hook that calls it, and the command that checks both."""

    def __init__(self, folder):
        self.folder, port = folder, free_port()
        self.ministack = Server(
            "ministack",
            [sys.executable, "-m", "ministack.app"],
            port=port,
            folder=folder,
            variables={"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_ACCOUNT_ID": ACCOUNT_ID},
        )
        self.endpoint = f"http://127.0.0.1:{port}"
        self.lambdas, self.cloudwatch = map(self.client, ("lambda", "cloudwatch"))
        self.package = zipped(b"#!/bin/sh\n", POLICY)
        created = self.lambdas.create_function(
            FunctionName="guard",
            Runtime="provided.al2023",
            Role=f"arn:aws:iam::{ACCOUNT_ID}:role/guard",
            Handler="bootstrap",
            Code={"ZipFile": self.package},
            Timeout=10,
            Publish=True,
        )
        self.code_sha256 = created["CodeSha256"]
        self.settled(created["Version"])
        alias = self.lambdas.create_alias(FunctionName="guard", Name="live", FunctionVersion=created["Version"])
        self.alias = alias["AliasArn"]
        self.proxy = HooksBeside(self.endpoint, self.alias)

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT_ID,
            aws_secret_access_key="test",
            config=Config(proxies={}, read_timeout=30),
        )

    def settled(self, version):
        """Waits until a version can be called, as a deployment does."""
        waiter = self.lambdas.get_waiter("published_version_active")
        waiter.wait(FunctionName="guard", Qualifier=version, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})

    def publish(self):
        """Publishes a new version and moves the alias to it."""
        version = self.lambdas.publish_version(FunctionName="guard")["Version"]
        self.settled(version)
        self.lambdas.update_alias(FunctionName="guard", Name="live", FunctionVersion=version)
        return version

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def status(self, *arguments):
        run = subprocess.run(
            [PROGRAM, "status", "--region", REGION, "--format", "json", *arguments],
            env=environment(
                self.folder,
                AWS_ENDPOINT_URL=self.proxy.url,
                AWS_ACCESS_KEY_ID=ACCOUNT_ID,
                AWS_SECRET_ACCESS_KEY="test",
            ),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        result = json.loads(run.stdout) if run.stdout else pytest.fail(run.stderr)
        jsonschema.validate(result, json.loads((ROOT / "schema/status.schema.json").read_text()))
        (region,) = result["regions"]
        assert region["unread"] == []
        assert urlsplit(self.endpoint).netloc not in run.stdout, "the place of the code is not shown"
        return run.returncode, [hole["code"] for hole in region["holes"]], region["function"]

    def stop(self):
        self.proxy.stop()
        self.ministack.stop()


@pytest.fixture(scope="module")
def guard(tmp_path_factory):
    assert os.access(PROGRAM, os.X_OK), f"{PROGRAM} is not there; build it with: cargo build --package cfn-egress-guard"
    guard = Guard(tmp_path_factory.mktemp("status"))
    yield guard
    guard.stop()


def test_a_deployed_function_is_found_by_its_alias(guard):
    code, holes, function = guard.status()
    assert (code, holes) == (0, [])
    assert (function["arn"], function["version"], function["state"]) == (guard.alias, "1", "Active")
    assert function["codeSha256"] == guard.code_sha256


def test_what_is_deployed_is_compared_with_what_should_be(guard):
    same = guard.write("same.zip", guard.package)
    assert guard.status("--package", same)[:2] == (0, [])
    # The same program and policy, zipped with another date, as `sam` does: only the contents show it.
    anew = io.BytesIO()
    with zipfile.ZipFile(anew, "w") as archive:
        archive.writestr(zipfile.ZipInfo("bootstrap", (2026, 1, 1, 0, 0, 0)), b"#!/bin/sh\n")
        archive.writestr(zipfile.ZipInfo("policy.toml", (2026, 1, 1, 0, 0, 0)), POLICY)
    assert guard.status("--package", guard.write("anew.zip", anew.getvalue()))[:2] == (0, [])
    other = guard.write("other.zip", zipped(b"#!/bin/bash\n", POLICY))
    assert guard.status("--package", other)[:2] == (1, ["code-differs"])
    assert guard.status("--policy", guard.write("same.toml", POLICY))[:2] == (0, [])
    draft = guard.write("draft.toml", b'preset = "effective"\n')
    assert guard.status("--policy", draft)[:2] == (1, ["policy-differs"])
    assert guard.status("--code-sha256", guard.code_sha256)[:2] == (0, [])


def test_what_was_changed_at_the_function_shows(guard):
    guard.lambdas.put_function_concurrency(FunctionName="guard", ReservedConcurrentExecutions=0)
    assert guard.status()[:2] == (1, ["no-concurrency"])
    guard.lambdas.delete_function_concurrency(FunctionName="guard")

    settings = {"EGRESS_PRESET": "effective", "EGRESS_LOOPBACK_PAYLOADS": "1"}
    guard.lambdas.update_function_configuration(FunctionName="guard", Timeout=60, Environment={"Variables": settings})
    assert guard.status()[:2] == (0, []), "the alias still has the version before"
    assert guard.publish() == "2"
    code, holes, function = guard.status()
    assert (code, sorted(holes)) == (1, ["preset", "test-setting", "timeout-too-long"])
    assert (function["version"], function["preset"]) == ("2", "effective")
    guard.lambdas.update_alias(FunctionName="guard", Name="live", FunctionVersion="1")

    weights = {"AdditionalVersionWeights": {"2": 0.25}}
    guard.lambdas.update_alias(FunctionName="guard", Name="live", RoutingConfig=weights)
    assert guard.status()[:2] == (1, ["alias-split"])
    guard.lambdas.update_alias(FunctionName="guard", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert guard.status()[:2] == (0, [])


def test_throttles_and_errors_are_read_from_the_metrics(guard):
    dimensions = [{"Name": "FunctionName", "Value": "guard"}, {"Name": "Resource", "Value": "guard:live"}]
    before = datetime.now(UTC) - timedelta(hours=3)
    guard.cloudwatch.put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Timestamp": before}
            for name, value in (("Invocations", 9), ("Throttles", 3), ("Errors", 2))
        ],
    )
    code, holes, function = guard.status()
    assert (code, holes) == (1, ["throttled", "errors"])
    assert function["recent"] == {"invocations": 9, "errors": 2, "throttles": 3, "internalFailures": 0}


def test_a_deleted_function_is_missing(guard):
    guard.lambdas.delete_function(FunctionName="guard")
    assert guard.status()[:2] == (1, ["function-missing"])
