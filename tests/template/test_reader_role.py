"""deploy/reader-role.yaml: whom it trusts. What it allows is compared with what the commands call by a test of theirs."""

import unittest
from pathlib import Path

from botocore.session import Session
from cfnlint.decode import cfn_yaml

from test_template import Stack

TEMPLATE = Path(__file__).resolve().parents[2] / "deploy" / "reader-role.yaml"
ACCOUNT = "111122223333"

# Permissions that are not named after an operation (Service Authorization Reference, "AWS CloudFormation").
NO_OPERATION = {"cloudformation:ListAllHookResults"}


def role(**given):
    stack = Stack(cfn_yaml.load(str(TEMPLATE)), TrustedAccount=ACCOUNT, **given)
    [role] = stack.resources("AWS::IAM::Role").values()
    return role


def trust(**given):
    [statement] = role(**given)["AssumeRolePolicyDocument"]["Statement"]
    return statement


class ReaderRole(unittest.TestCase):
    def test_it_trusts_one_account_or_one_role_of_it(self):
        self.assertEqual(trust()["Principal"], {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
        self.assertNotIn("Condition", trust())
        named = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/team/security-lead"}}
        self.assertEqual(trust(TrustedRole="team/security-lead")["Condition"], named)
        secret = {"StringEquals": {"sts:ExternalId": "x:1"}}
        self.assertEqual(trust(ExternalId="x:1")["Condition"], secret)
        self.assertEqual(trust(ExternalId="x:1", TrustedRole="team/security-lead")["Condition"], {**named, **secret})

    def test_it_only_reads_what_there_is_to_read(self):
        [policy] = role()["Policies"]
        [statement] = policy["PolicyDocument"]["Statement"]
        self.assertEqual(statement["Effect"], "Allow")
        session = Session()
        for action in statement["Action"]:
            service, operation = action.split(":")
            self.assertRegex(operation, r"^(Get|List|Describe|BatchDescribe|FilterLogEvents$)")
            if action not in NO_OPERATION:
                # Cloud Control API's actions have CloudFormation's prefix.
                models = ["cloudformation", "cloudcontrol"] if service == "cloudformation" else [service]
                known = {name for model in models for name in session.get_service_model(model).operation_names}
                self.assertIn(operation, known)


if __name__ == "__main__":
    unittest.main()
