"""deploy/organization.yaml and the service control policies beside it."""

import contextlib
import json
import os
import re
import sys
import unittest
from pathlib import Path

from botocore.session import Session

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
sys.path.insert(0, str(DEPLOY))
import organization_template  # noqa: E402

POLICIES = sorted(DEPLOY.glob("*.scp.json"))

# AWS Organizations, "Quotas": the longest service control policy, in characters, white space counted. It was
# raised since; what fits this fits everywhere.
MAX_CHARACTERS = 5120


def read(path):
    return json.loads(path.read_text())


class ServiceControlPolicies(unittest.TestCase):
    def test_both_are_there(self):
        self.assertEqual([path.name for path in POLICIES], ["protect-hook.scp.json", "refuse-direct-egress.scp.json"])

    def test_they_fit(self):
        for path in POLICIES:
            self.assertLessEqual(len(path.read_text()), MAX_CHARACTERS, path.name)

    def test_every_statement_denies_all_but_named_roles(self):
        for path in POLICIES:
            for statement in read(path)["Statement"]:
                with self.subTest(statement["Sid"]):
                    self.assertEqual(statement["Effect"], "Deny")
                    self.assertNotIn("Principal", statement, "a service control policy names no principal")
                    roles = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
                    for role in roles:
                        self.assertRegex(role, r"^arn:\*:iam::\*:role/[a-z]+-[a-z*-]+$")

    def test_every_action_is_one_of_the_services_model(self):
        session = Session()
        for path in POLICIES:
            for statement in read(path)["Statement"]:
                self.assertEqual(statement["Action"], sorted(set(statement["Action"])), statement["Sid"])
                for action in statement["Action"]:
                    service, operation = action.split(":")
                    self.assertIn(operation, session.get_service_model(service).operation_names, action)

    def test_what_could_switch_enforcement_off_is_denied(self):
        denied = {action for statement in read(POLICIES[0])["Statement"] for action in statement["Action"]}
        for action in (
            "cloudformation:SetTypeConfiguration",
            "cloudformation:DeactivateType",
            "cloudformation:DeregisterType",
            "cloudformation:DeleteStack",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateAlias",
            "lambda:PutFunctionConcurrency",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
        ):
            self.assertIn(action, denied)

    def test_nobody_can_make_a_role_that_is_let_through(self):
        statements = {statement["Sid"]: statement for statement in read(POLICIES[0])["Statement"]}
        protected = statements["GuardRoles"]["Resource"]
        self.assertIn("iam:CreateRole", statements["GuardRoles"]["Action"])
        for statement in statements.values():
            for role in statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]:
                covered = any(re.fullmatch(re.escape(name).replace(r"\*", ".*"), role) for name in protected)
                self.assertTrue(covered, f"{role} could be made by anybody")


class Organization(unittest.TestCase):
    def test_the_hook_of_members_is_the_one_of_the_template(self):
        """The central variant's hook must look at what template.yaml's looks at."""
        central = (DEPLOY / "organization.yaml").read_text()
        own = (DEPLOY.parent / "template.yaml").read_text()
        for line in ("TargetNames: [AWS::EC2::SecurityGroup, AWS::EC2::SecurityGroupEgress]", "Actions: [CREATE, UPDATE]"):
            self.assertIn(line, central)
            self.assertIn(line, own)
        default = re.search(r"HookAlias:\n +Type: String\n +Default: (\S+)", own).group(1)
        self.assertIn(f"Default: {default}", central)

    def test_the_template_of_the_stack_set_has_no_transform_and_code_of_its_region(self):
        with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
            text = organization_template.expanded("acme-guard", "guard/1/bootstrap.zip", "arm64")
        template = json.loads(text)
        self.assertNotIn("Transform", template)
        kinds = [resource["Type"] for resource in template["Resources"].values()]
        self.assertFalse([kind for kind in kinds if kind.startswith("AWS::Serverless::")])
        self.assertIn("AWS::CloudFormation::LambdaHook", kinds)
        code = template["Resources"]["GuardFunction"]["Properties"]["Code"]
        self.assertEqual(code["S3Bucket"], {"Fn::Sub": "acme-guard-${AWS::Region}"})
        self.assertLess(len(text), 460_800, "CreateStackSet: the longest template in S3, in bytes")


if __name__ == "__main__":
    unittest.main()
