"""An AWS account on this machine: MiniStack with hooks.

Changes go through the AWS CLI, like a user's; reads go through boto3, which is faster.
"""

import json
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.config import Config

from server import PARTS, Server, environment, free_port, poll

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
HERE = Path(__file__).resolve().parent


def hook_of_a_member(folder):
    """Writes central-hook.yaml as it is in a member: MiniStack's only account is the one of the central function."""
    template = (HERE.parents[1] / "deploy" / "central-hook.yaml").read_text()
    assert template.count(", !Ref AWS::AccountId]]\n") == 1, "the condition IsMember"
    path = folder / "hook-of-a-member.yaml"
    path.write_text(template.replace(", !Ref AWS::AccountId]]\n", ", a member]]\n"))
    return str(path)


class Account:
    SERVER = "ministack_with_hooks.py"

    def __init__(self, folder, **variables):
        self.folder = folder
        port = free_port()
        self.server = Server(
            "ministack",
            [sys.executable, HERE / self.SERVER],
            port=port,
            folder=folder,
            variables={
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
                "MINISTACK_REGION": REGION,
                **variables,
            },
        )
        self.stop = self.server.stop
        self.endpoint = f"http://127.0.0.1:{port}"
        self.cloudformation, self.ec2, self.iam, self.lambdas, self.logs = map(
            self.client, ("cloudformation", "ec2", "iam", "lambda", "logs")
        )

    def client(self, service, region=REGION):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=ACCOUNT_ID,  # selects the account in MiniStack
            aws_secret_access_key="test",
            config=Config(proxies={}, read_timeout=30),
        )

    def aws(self, *arguments):
        """Runs `aws …`, which must succeed."""
        run = subprocess.run(
            [PARTS / "venv" / "bin" / "aws", *arguments],
            cwd=self.folder,
            env=environment(
                self.folder,
                AWS_ENDPOINT_URL=self.endpoint,
                AWS_ACCESS_KEY_ID=ACCOUNT_ID,
                AWS_SECRET_ACCESS_KEY="test",
                AWS_DEFAULT_REGION=REGION,
                AWS_PAGER="",
            ),
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert run.returncode == 0, f"aws {' '.join(arguments)}\n→ {run.returncode}\n{run.stdout}{run.stderr}"

    def write(self, name, template):
        path = self.folder / f"{name}.template"
        path.write_text(template if isinstance(template, str) else json.dumps(template))
        return path

    def create(self, stack, template):
        """Creates a stack and returns its final status."""
        self.aws("cloudformation", "create-stack", "--stack-name", stack,
                 "--template-body", f"file://{self.write(stack, template)}")  # fmt: skip
        return self.settled(stack)

    def update(self, stack, template):
        self.aws("cloudformation", "update-stack", "--stack-name", stack,
                 "--template-body", f"file://{self.write(stack, template)}")  # fmt: skip
        return self.settled(stack)

    def set_parameter(self, stack, name, value):
        """Changes one parameter of a deployed stack and keeps everything else."""
        others = [p["ParameterKey"] for p in self.stack(stack)["Parameters"] if p["ParameterKey"] != name]
        value = value.replace(",", "\\,")  # a comma ends a value in the CLI's shorthand
        self.aws("cloudformation", "update-stack", "--stack-name", stack, "--use-previous-template",
                 "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND",
                 "--parameters", f"ParameterKey={name},ParameterValue={value}",
                 *(f"ParameterKey={other},UsePreviousValue=true" for other in others))  # fmt: skip
        return self.settled(stack)

    def settled(self, stack):
        def ended():
            found = self.stack(stack)
            return None if found["StackStatus"].endswith("_IN_PROGRESS") else found["StackStatus"]

        return poll(ended, seconds=30, what=f"{stack} comes to an end")

    def stack(self, name):
        return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]

    def outputs(self, stack):
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack(stack)["Outputs"]}

    def resources(self, stack):
        answer = self.cloudformation.list_stack_resources(StackName=stack)
        return {r["LogicalResourceId"]: r for r in answer["StackResourceSummaries"]}

    def events(self, stack, logical_id):
        """Returns the events of one resource (or of the stack, by its name), oldest first."""
        answer = self.cloudformation.describe_stack_events(StackName=stack)
        return [event for event in reversed(answer["StackEvents"]) if event["LogicalResourceId"] == logical_id]

    def allows(self, role, action, resource):
        """Returns whether a role's policies allow an action, according to MiniStack's policy simulator."""
        answer = self.iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
        )
        return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"

    def groups(self, stack):
        """Returns the security groups of a stack in EC2."""
        found = self.ec2.describe_security_groups()["SecurityGroups"]
        return [group for group in found if group["GroupName"].startswith(f"{stack}-")]

    def open_ports(self, stack):
        """Returns the ports that a stack's security groups open in EC2: the first and the last port of each rule."""
        return [
            (permission.get("FromPort"), permission.get("ToPort"))
            for group in self.groups(stack)
            for permission in group["IpPermissionsEgress"]
        ]
