"""Two other implementations of CloudFormation's template language, and this project's: how each resolves a template's
groups.

Each deploys a template as a stack and returns the properties that a hook receives, by logical ID.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from server import PARTS, Handler, Loopback, Server, environment, free_port, poll

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
HERE = Path(__file__).resolve().parent
JUDGED = ("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress")
NOT_ASKED = "the hook is not asked"
LOCALSTACK = PARTS / "localstack" / "bin" / "python"


class Engine:
    """An AWS emulator whose driver records the output of its CloudFormation engine."""

    def __init__(self, name, command, folder, variables):
        self.name, self.record = name, folder / f"{name}.jsonl"
        self.record.touch()
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        variables = {key: value.format(port=port, folder=folder) for key, value in variables.items()}
        self.server = Server(name, command, port=port, folder=folder, variables={**variables, "RECORD": str(self.record)})
        self.stop = self.server.stop
        self.cloudformation = self.client("cloudformation")

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT_ID,  # selects the account in both
            aws_secret_access_key="test",
            config=Config(proxies={}, read_timeout=30, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def resolve(self, template, parameters):
        """Returns the properties of each judged resource, or a text that explains why there are none."""
        stack = template.stem
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        try:
            self.cloudformation.create_stack(
                StackName=stack, TemplateBody=template.read_text(), Parameters=given, Capabilities=["CAPABILITY_AUTO_EXPAND"]
            )
        except ClientError as error:
            return f"refused: {error.response['Error']['Message'].splitlines()[0]}"
        ended = poll(lambda: self.ended(stack), seconds=60, what=f"{stack} comes to an end in {self.name}")
        # Not only the stack's status: LocalStack may end a failed creation with CREATE_COMPLETE.
        for event in self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:
            if event["ResourceStatus"] == "CREATE_FAILED" and event["LogicalResourceId"] != stack:
                return f"failed: {event['ResourceStatusReason']}"
        if ended["StackStatus"] != "CREATE_COMPLETE":
            return f"failed: {ended['StackStatusReason']}"
        lines = [json.loads(line) for line in self.record.read_text().splitlines()]
        return {it["logicalId"]: it["properties"] for it in lines if it["stack"] == stack and it["type"] in JUDGED}

    def ended(self, name):
        stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack


def ministack(folder):
    return Engine(
        "ministack",
        [sys.executable, HERE / "ministack_recording.py"],
        folder,
        {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}", "MINISTACK_ACCOUNT_ID": ACCOUNT_ID, "MINISTACK_REGION": REGION},
    )


def localstack(folder):
    return Engine(
        "localstack",
        [LOCALSTACK, HERE / "localstack_recording.py"],
        folder,
        {
            "GATEWAY_LISTEN": "127.0.0.1:{port}",
            "GATEWAY_SERVER": "hypercorn",  # its other server listens on every address
            "SERVICES": "cloudformation,ec2,s3,sns,ssm,sts",
            "LOCALSTACK_VOLUME_DIR": "{folder}/volume",
            "DNS_ADDRESS": "0",  # no name server
            "DISABLE_EVENTS": "1",  # no telemetry
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",  # SecurityGroupEgress is one
        },
    )


class Ours(Loopback):
    """`cfn-egress-guard rehearse` with an Invoke endpoint that records the invocations and allows everything."""

    def __init__(self, program, folder):
        self.name, self.program, self.folder, self.events = "ours", program, folder, []
        events = self.events

        class Function(Handler):
            def do_POST(self):
                event = json.loads(self.body())
                events.append(event)
                answer = {"hookStatus": "SUCCESS", "clientRequestToken": event["clientRequestToken"], "message": "recorded"}
                self.answer(200, json.dumps(answer).encode())

        super().__init__(Function)

    def resolve(self, template, parameters):
        self.events.clear()
        given = [argument for key, value in parameters.items() for argument in ("--parameters", f"{key}={value}")]
        run = subprocess.run(
            [self.program, "rehearse", template, *given, "--account", ACCOUNT_ID, "--region", REGION,
             "--endpoint", self.url],
            cwd=self.folder, env=environment(self.folder), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert run.returncode == 0, f"{template.name}\n{run.stdout}{run.stderr}"
        self.unknown, resolved, logical_id = set(), {}, None
        for line in run.stdout.splitlines():
            if row := re.match(r"\s+(\w+) +[A-Z_]+_(IN_PROGRESS|COMPLETE)\b", line):
                logical_id = row[1]
            elif path := re.match(r"\s+not known here: (\S+) is ", line):
                self.unknown.add(f"{logical_id}.{path[1]}")
            elif re.match(r"\s+the hook is not called: ", line):
                resolved[logical_id] = NOT_ASKED
        for event in self.events:
            data = event["requestData"]
            if data["targetName"] in JUDGED:
                resolved[data["targetLogicalId"]] = data["targetModel"]["resourceProperties"]
        return resolved
