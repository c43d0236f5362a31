"""deploy/organization.yaml and the service control policies beside it."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

from botocore.session import Session
from cfnlint.decode import cfn_yaml

from test_template import HOOK, ROOT, STACK, Stack

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
sys.path.insert(0, str(DEPLOY))
import organization_template  # noqa: E402
import scp  # noqa: E402

CENTRAL = "arn:aws:lambda:{region}:444455556666:function:guard:live"

NAMES = {
    "STACK": "cfn-egress-guard",
    "ALIAS": "Security::Egress::SinglePort",
    "DEPLOYER": "cfn-egress-guard-deployment",
    "REGIONS": "eu-west-1,us-east-1",
}
EVERY_CALLER = ",".join(
    name if caller.roles or caller.called_via else f"{name}=Acme{name}" for name, caller in scp.CALLERS.items()
)

# A permission that several operations ask for (IAM User Guide, "Grant a user permissions to pass a role").
NO_OPERATION = {"iam:PassRole"}
# Newer than the botocore that the SAM CLI brings (CloudFormation API Reference).
NEWER = {"cloudformation:RemoveAlias", "cloudformation:SetAlias"}


def policies(**given):
    """The two policies for the names of a deployment."""
    deployment = scp.deployment_of({**NAMES, **given})
    return {name: json.loads(scp.rendered(name, deployment))["Statement"] for name in scp.POLICIES}


def organization_stack(**given):
    where = {"OrganizationalUnitIds": "ou-ab12-cd34ef56", "Regions": "eu-west-1,us-east-1"}
    url = "https://acme-guard.s3.amazonaws.com/guard.json"
    template = cfn_yaml.load(str(DEPLOY / "organization.yaml"))
    return Stack(template, **{**where, "TemplateUrl": url, **given})


class ServiceControlPolicies(unittest.TestCase):
    def statements(self):
        for name, statements in policies(ALLOW=EVERY_CALLER).items():
            yield from ((name, statement) for statement in statements)

    def test_they_are_rendered_and_not_kept(self):
        self.assertEqual(list(ROOT.glob("deploy/*.scp.json")), [])
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(DEPLOY, Path(folder) / "deploy")
            shutil.copy(ROOT / "Makefile", folder)
            make = ["make", "--no-print-directory", "-C", folder, "scp", *(f"{name}={value}" for name, value in NAMES.items())]
            said = subprocess.run(make, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}).stdout
            written = sorted(path.name for path in Path(folder).glob("dist/*"))
            self.assertEqual(written, ["protect-hook.scp.json", "refuse-direct-egress.scp.json"])
            for name, statements in policies().items():
                text = (Path(folder) / "dist" / f"{name}.scp.json").read_text()
                self.assertEqual(json.loads(text), {"Version": "2012-10-17", "Statement": statements})
                self.assertIn(f"dist/{name}.scp.json: {len(text)} characters", said)
            self.assertIn("every other hook, resource type and\nmodule of CloudFormation's registry", said)
            for name in scp.CALLERS:
                self.assertIn(f"  stops  {name}: ", said)

            make = [*make, "ALLOW=emr", "DEPLOYER="]
            refused = subprocess.run(make, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
            self.assertIn("scp: DEPLOYER is not set", refused.stderr)
            self.assertNotEqual(refused.returncode, 0)

    def test_they_leave_room(self):
        """AWS Organizations, "Quotas": 5,120 characters in any organization, white space counted."""
        for given in ({}, {"ALLOW": EVERY_CALLER}, {"STACK": "cfn-egress-guard,central-egress-guard"}):
            deployment = scp.deployment_of({**NAMES, **given})
            for name in scp.POLICIES:
                self.assertLess(len(scp.rendered(name, deployment)), 4500, given)

    def test_what_leaves_no_room_is_refused(self):
        many = ",".join(f"egress-guard-number-{n}" for n in range(9))
        with self.assertRaisesRegex(scp.Refused, "protect-hook would have [0-9]+ characters"):
            policies(STACK=many)

    def test_what_would_protect_nothing_or_too_much_is_refused(self):
        for given, words in (
            ({"STACK": ""}, "STACK is not set"),
            ({"ALIAS": ""}, "ALIAS must be the name of the hook"),
            ({"DEPLOYER": " "}, "DEPLOYER is not set"),
            ({"REGIONS": ","}, "REGIONS is not set"),
            ({"STACK": "*"}, "not the name of a stack"),
            ({"STACK": "guard"}, "other people's resources"),
            ({"STACK": "cfn_egress_guard"}, "not the name of a stack"),
            ({"STACK": "StackSet-cfn-egress-guard-1a2b3c4d"}, "give the name of the StackSet"),
            ({"ALIAS": "AWS::Egress::SinglePort"}, "ALIAS must be"),
            ({"ALIAS": "Security-Egress-SinglePort"}, "ALIAS must be"),
            ({"DEPLOYER": "*"}, "other people's roles"),
            ({"DEPLOYER": "Admin*"}, "other people's roles"),
            ({"DEPLOYER": "team/*"}, "other people's roles"),
            ({"DEPLOYER": "arn:aws:iam::111122223333:role/deploy"}, "names of roles, not ARNs"),
            ({"DEPLOYER": "/deploy"}, "not the name of a role"),
            ({"REGIONS": "eu-west1"}, "not a Region"),
            ({"REGIONS": "*"}, "not a Region"),
            ({"REGIONS": "all,eu-west-1"}, "not a Region"),
            ({"ALLOW": "everybody"}, "unknown; there are cdk, "),
            ({"ALLOW": "terraform"}, "name yours: terraform=ROLE"),
            ({"ALLOW": "terraform=*"}, "other people's roles"),
            ({"ALLOW": "emr=EMR_*"}, "other people's roles"),
        ):
            with self.subTest(given), self.assertRaisesRegex(scp.Refused, words):
                policies(**given)

    def test_every_statement_denies_all_but_named_roles(self):
        for _, statement in self.statements():
            with self.subTest(statement["Sid"]):
                self.assertEqual(statement["Effect"], "Deny")
                self.assertNotIn("Principal", statement, "a service control policy names no principal")
                roles = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
                self.assertLessEqual({"arn:*:iam::*:role/stacksets-exec-*", f"arn:*:iam::*:role/{NAMES['DEPLOYER']}"}, {*roles})
                for role in roles:
                    self.assertRegex(role, r"^arn:\*:iam::\*:role/")
                    self.assertGreaterEqual(len(re.sub(r".*/|\*", "", role)), 8)

    def test_every_action_is_one_of_the_services_model(self):
        session = Session()
        for _, statement in self.statements():
            self.assertEqual(statement["Action"], sorted(set(statement["Action"])), statement["Sid"])
            for action in {*statement["Action"]} - NO_OPERATION - NEWER:
                service, operation = action.split(":")
                self.assertIn(operation, session.get_service_model(service).operation_names, action)

    def test_what_could_switch_enforcement_off_is_denied(self):
        denied = {action for statement in policies()["protect-hook"] for action in statement["Action"]}
        for action in (
            "cloudformation:SetTypeConfiguration",
            "cloudformation:DeactivateType",
            "cloudformation:DeregisterType",
            "cloudformation:DeleteStack",
            "cloudformation:SetAlias",
            "cloudformation:RemoveAlias",
            "cloudformation:CreateStackRefactor",
            "cloudformation:ExecuteStackRefactor",
            "cloudformation:UpdateStackSet",
            "cloudformation:DeleteStackInstances",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateAlias",
            "lambda:PutFunctionConcurrency",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
            "cloudwatch:DisableAlarmActions",
            "cloudwatch:PutAlarmMuteRule",
            "logs:AssociateKmsKey",
            "logs:PutDataProtectionPolicy",
            "logs:PutMetricFilter",
        ):
            self.assertIn(action, denied)

    def test_nobody_can_make_a_role_that_is_let_through(self):
        statements = {statement["Sid"]: statement for _, statement in self.statements()}
        protected = [*statements["GuardByName"]["Resource"], *statements["ExemptRoles"]["Resource"]]
        for sid in ("GuardByName", "ExemptRoles"):
            for action in ("iam:CreateRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"):
                self.assertIn(action, statements[sid]["Action"])
        for statement in statements.values():
            for role in statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]:
                covered = any(re.fullmatch(re.escape(name).replace(r"\*", ".*"), role) for name in protected)
                self.assertTrue(covered, f"{role} could be made by anybody")


class Guide(unittest.TestCase):
    def test_what_it_tells_to_run_is_there(self):
        guide = (DEPLOY / "ORGANIZATION.md").read_text()
        makefile = (ROOT / "Makefile").read_text()
        blocks = re.findall(r"^```sh.*?^```$", guide, re.MULTILINE | re.DOTALL)
        targets = re.findall(r"\bmake ([a-z][a-z-]+)", "\n".join(blocks))
        self.assertEqual({"lint-template", "package", "deploy", "scp"}, set(targets))
        for target in targets:
            self.assertIn(f"\n{target}: ", makefile)
        version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        self.assertIn(f"unzip -jo dist/cfn-egress-guard-{version}-x86_64.zip '*/bootstrap.zip'", guide)
        package = (DEPLOY / "package.py").read_text()
        self.assertIn('stem = f"cfn-egress-guard-{version}-{arch}"', package)
        self.assertIn('write(archive, f"{stem}/bootstrap.zip", ', package)

    def test_it_names_whom_the_policy_would_stop_and_how_each_is_let_through(self):
        guide = (DEPLOY / "ORGANIZATION.md").read_text()
        rows = [row.strip("| ").split(" | ") for row in re.findall(r"^\| `[a-z0-9-]+(?:=ROLE)?` \|.*$", guide, re.MULTILINE)]
        self.assertEqual([row[0].strip("`").removesuffix("=ROLE") for row in rows], list(scp.CALLERS))
        for (name, who, through), caller in zip(rows, scp.CALLERS.values(), strict=True):
            self.assertEqual(who, caller.who.removesuffix(" (name yours)"))
            self.assertEqual(name.endswith("=ROLE`"), not (caller.roles or caller.called_via))
            named = re.findall(r"`([^`]+)`", through)
            self.assertEqual([one for one in named if one != "aws:CalledViaLast"], [*caller.roles, *caller.called_via])

    def test_its_policies_are_json(self):
        guide = (DEPLOY / "ORGANIZATION.md").read_text()
        fragments = re.findall(r"^```json\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
        self.assertEqual([json.loads(fragment)["Action"] for fragment in fragments], ["kms:Decrypt", "sns:Publish"])


class Organization(unittest.TestCase):
    def central_hook(self):
        return cfn_yaml.load(str(DEPLOY / "central-hook.yaml"))

    def members_template(self, arch="x86_64"):
        with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
            return organization_template.expanded("acme-guard", "guard/1/bootstrap.zip", arch)

    def test_the_hook_that_calls_a_central_function_is_the_one_of_the_template(self):
        """It must look at what template.yaml's looks at, and its role must be as narrow."""
        [own] = Stack().resources(HOOK).values()
        central = Stack(self.central_hook(), CentralFunctionArn=CENTRAL, FailureMode="FAIL")
        [hook] = central.resources(HOOK).values()
        for name in sorted({*own, *hook} - {"LambdaFunction", "ExecutionRole"}):
            self.assertEqual(hook.get(name), own.get(name), name)
        role = "arn:aws:iam::*:role/deploy"
        for given in (
            {"HookStatus": "DISABLED"},
            {"TargetOperations": "RESOURCE"},
            {"StackNamesExclude": "a,b-*", "StackRolesInclude": role},
            {"StackNamesInclude": "a*", "StackRolesExclude": role},
        ):
            [own] = Stack(**given).resources(HOOK).values()
            member = Stack(self.central_hook(), CentralFunctionArn=CENTRAL, FailureMode="FAIL", **given)
            [changed] = member.resources(HOOK).values()
            for name in ("HookStatus", "TargetOperations", "StackFilters"):
                self.assertEqual(changed[name], own[name], given)
        self.assertEqual(hook["LambdaFunction"], CENTRAL.replace("{region}", "eu-west-1"))
        [role] = central.resources("AWS::IAM::Role").values()
        own_role = Stack().resources("AWS::IAM::Role")["HookRole"]
        self.assertEqual(role["AssumeRolePolicyDocument"], own_role["AssumeRolePolicyDocument"])
        [statement] = role["Policies"][0]["PolicyDocument"]["Statement"]
        self.assertEqual((statement["Action"], statement["Resource"]), ("lambda:InvokeFunction", hook["LambdaFunction"]))

    def test_the_central_account_gets_no_second_hook_of_the_same_name(self):
        central = CENTRAL.replace("444455556666", "111122223333")
        stack = Stack(self.central_hook(), CentralFunctionArn=central)
        self.assertEqual(stack.resources(HOOK), {})
        self.assertEqual(len(stack.resources("AWS::IAM::Role")), 1, "a stack needs a resource")
        self.assertEqual(stack.template["Outputs"]["HookArn"]["Condition"], "IsMember")

    def test_only_an_organization_that_is_named_may_call_the_function(self):
        self.assertEqual(Stack().resources("AWS::Lambda::Permission"), {})
        [permission] = Stack(OrganizationId="o-ab12cd34ef").resources("AWS::Lambda::Permission").values()
        [function] = Stack(OrganizationId="o-ab12cd34ef").resources("AWS::Lambda::Function").values()
        self.assertEqual(function["FunctionName"], STACK, "the same in every Region")
        [function] = Stack().resources("AWS::Lambda::Function").values()
        self.assertNotIn("FunctionName", function)
        [alias] = Stack().resources("AWS::Lambda::Alias")
        self.assertEqual(permission, {
            "FunctionName": f"<{alias}>",
            "Action": "lambda:InvokeFunction",
            "Principal": "*",
            "PrincipalOrgID": "o-ab12cd34ef",
        })

    def test_members_are_given_parameters_that_their_template_has(self):
        for given, members in (({}, ROOT / "template.yaml"), ({"CentralFunctionArn": CENTRAL}, DEPLOY / "central-hook.yaml")):
            with self.subTest(members.name):
                organization = organization_stack(**given)
                [stack_set] = organization.resources("AWS::CloudFormation::StackSet").values()
                [this_account] = organization.resources("AWS::CloudFormation::Stack").values()
                known = cfn_yaml.load(str(members))["Parameters"]
                named = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack_set["Parameters"]}
                excluded = {"StackNamesExclude": STACK}
                self.assertEqual({**named, **excluded}, this_account["Parameters"], "the same for members and this account")
                self.assertLessEqual(set(named), set(known))
                needed = {name for name, parameter in known.items() if "Default" not in parameter}
                self.assertLessEqual(needed, set(named))

    def test_a_hooks_name_is_bound_alike_everywhere(self):
        patterns = {
            cfn_yaml.load(str(path))["Parameters"]["HookAlias"]["AllowedPattern"]
            for path in (ROOT / "template.yaml", DEPLOY / "organization.yaml", DEPLOY / "central-hook.yaml")
        }
        self.assertEqual(len(patterns), 1)

    def test_every_setting_of_the_guard_reaches_the_members(self):
        role, topic = "arn:aws:iam::*:role/deploy", "arn:aws:sns:{region}:111122223333:guard"
        own = {
            "Preset": "effective", "RetentionDays": "90", "AlarmTopicArn": topic, "TargetOperations": "RESOURCE,STACK",
            "WatchDirectCalls": "ENABLED", "NotificationTopicArn": topic,
        }  # fmt: skip
        both = {
            "FailureMode": "FAIL", "HookStatus": "DISABLED", "HookAlias": "Acme::Egress::Guard",
            "StackNamesInclude": "a,b-*", "StackNamesExclude": "c", "StackRolesInclude": role, "StackRolesExclude": role,
        }  # fmt: skip
        central = {"CentralFunctionArn": CENTRAL, "TargetOperations": "RESOURCE"}
        ours = cfn_yaml.load(str(DEPLOY / "organization.yaml"))
        # The architecture is in the template; a member serves nobody else; and 256 MB do for everybody.
        of_a_member = {*cfn_yaml.load(str(ROOT / "template.yaml"))["Parameters"]} - {"Architecture", "OrganizationId", "MemorySize"}
        self.assertEqual({*own, *both}, of_a_member)
        self.assertEqual({*central, *both}, {*self.central_hook()["Parameters"]})
        for given, members in ((own | both, json.loads(self.members_template())), (central | both, self.central_hook())):
            [stack_set] = organization_stack(**given).resources("AWS::CloudFormation::StackSet").values()
            named = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack_set["Parameters"]}
            self.assertEqual(named, given)
            for name, parameter in members["Parameters"].items():
                if name in given and name not in ("CentralFunctionArn", "TargetOperations", "FailureMode"):
                    for constraint in ("Type", "Default", "AllowedValues", "AllowedPattern"):
                        self.assertEqual(ours["Parameters"][name].get(constraint), parameter.get(constraint), name)

    def test_by_default_the_packaged_policy_decides_in_the_members(self):
        [stack_set] = organization_stack().resources("AWS::CloudFormation::StackSet").values()
        named = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack_set["Parameters"]}
        for given, variables in ((named, {}), ({**named, "Preset": "literal"}, {"EGRESS_PRESET": "literal"})):
            [function] = Stack(json.loads(self.members_template()), **given).resources("AWS::Lambda::Function").values()
            self.assertEqual(function["Environment"]["Variables"], {**variables, "GUARD_NAME": STACK})

    def test_the_alarms_of_a_member_tell_the_topic_of_their_region(self):
        template = json.loads(self.members_template())
        for topic, actions in (
            ("arn:aws:sns:{region}:111122223333:guard", ["arn:aws:sns:eu-west-1:111122223333:guard"]),
            ("", []),
        ):
            self.assertRegex(topic, template["Parameters"]["AlarmTopicArn"]["AllowedPattern"])
            alarms = Stack(template, AlarmTopicArn=topic).resources("AWS::CloudWatch::Alarm")
            self.assertEqual(len(alarms), 5)
            for name, alarm in alarms.items():
                self.assertEqual((alarm["AlarmActions"], alarm["OKActions"]), (actions, actions), name)
        self.assertNotRegex("arn:aws:sns:eu-west-1:111122223333:guard", template["Parameters"]["AlarmTopicArn"]["AllowedPattern"])

    def test_a_member_notifies_the_topic_of_its_region(self):
        template = json.loads(self.members_template())
        self.assertEqual(len(Stack(template).resources("AWS::Events::Rule")), 1)
        given = "arn:aws:sns:{region}:111122223333:guard"
        self.assertRegex(given, template["Parameters"]["NotificationTopicArn"]["AllowedPattern"])
        self.assertNotRegex(given.replace("{region}", "eu-west-1"), template["Parameters"]["NotificationTopicArn"]["AllowedPattern"])
        stack, topic = Stack(template, NotificationTopicArn=given), "arn:aws:sns:eu-west-1:111122223333:guard"
        rules = [rule for name, rule in stack.resources("AWS::Events::Rule").items() if "Notification" in name]
        self.assertEqual([target["Arn"] for rule in rules for target in rule["Targets"]], [topic, topic])
        publish, key = stack.resources("AWS::IAM::Role")["NotificationRole"]["Policies"][0]["PolicyDocument"]["Statement"]
        self.assertEqual((publish["Action"], publish["Resource"]), ("sns:Publish", topic))
        self.assertEqual(key["Condition"]["StringEquals"]["kms:EncryptionContext:aws:sns:topicArn"], topic)

    def test_what_would_not_reach_the_members_is_refused(self):
        for given, word in (
            ({}, None),
            ({"TargetOperations": "RESOURCE,STACK", "Preset": "literal", "RetentionDays": 30}, None),
            ({"CentralFunctionArn": CENTRAL}, None),
            ({"CentralFunctionArn": CENTRAL, "TargetOperations": "CLOUD_CONTROL"}, None),
            ({"CentralFunctionArn": CENTRAL, "TargetOperations": "RESOURCE,STACK"}, "TargetOperations"),
            ({"CentralFunctionArn": CENTRAL, "TargetOperations": "CHANGE_SET"}, "TargetOperations"),
            ({"CentralFunctionArn": CENTRAL, "Preset": "effective"}, "Preset"),
            ({"CentralFunctionArn": CENTRAL, "RetentionDays": 30}, "RetentionDays"),
            ({"CentralFunctionArn": CENTRAL, "WatchDirectCalls": "ENABLED"}, "WatchDirectCalls"),
            ({"CentralFunctionArn": CENTRAL, "AlarmTopicArn": "arn:aws:sns:{region}:111122223333:guard"}, "AlarmTopicArn"),
            ({"CentralFunctionArn": CENTRAL, "NotificationTopicArn": "arn:aws:sns:{region}:111122223333:guard"}, "NotificationTopicArn"),
        ):
            with self.subTest(given):
                self.assertRegex(" ".join(organization_stack(**given).refused()), f"^[^.]*{word}" if word else "^$")

    def test_a_broken_guard_of_this_account_does_not_stop_the_switch_of_the_organization(self):
        """With STACK and FAIL, the nested guard checks updates of every stack, and its parent's update is the switch."""
        for given, names in (("", [STACK]), ("a,b-*", [STACK, "a", "b-*"])):
            with self.subTest(given):
                organization = organization_stack(TargetOperations="RESOURCE,STACK", StackNamesExclude=given)
                [nested] = organization.resources("AWS::CloudFormation::Stack").values()
                hooks = Stack(json.loads(self.members_template()), **nested["Parameters"]).resources(HOOK)
                self.assertEqual(len(hooks), 2)
                for hook in hooks.values():
                    # The first is the nested stack itself, which has the name of every stack here.
                    self.assertEqual(hook["StackFilters"]["StackNames"]["Exclude"], [STACK, *names])

    def test_each_parameter_has_its_place_in_the_console(self):
        template = cfn_yaml.load(str(DEPLOY / "organization.yaml"))
        groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        self.assertCountEqual([name for group in groups for name in group["Parameters"]], template["Parameters"])

    def test_the_gap_of_the_management_account_is_closed_there_only(self):
        for given, closed in (
            ({}, True),
            ({"CentralFunctionArn": CENTRAL}, True),
            ({"CentralFunctionArn": CENTRAL.replace("444455556666", "111122223333")}, False),  # guarded by its own stack
            ({"IncludeThisAccount": "false"}, False),
            ({"CallAs": "DELEGATED_ADMIN"}, False),  # a member, which the StackSet reaches
        ):
            with self.subTest(given):
                stacks = organization_stack(**given).resources("AWS::CloudFormation::Stack")
                self.assertEqual(bool(stacks), closed)

    def test_the_template_of_the_stack_set_has_no_transform_and_code_of_its_region(self):
        text = self.members_template("arm64")
        template = json.loads(text)
        self.assertNotIn("Transform", template)
        kinds = [resource["Type"] for resource in template["Resources"].values()]
        self.assertFalse([kind for kind in kinds if kind.startswith("AWS::Serverless::")])
        self.assertIn("AWS::CloudFormation::LambdaHook", kinds)
        code = template["Resources"]["GuardFunction"]["Properties"]["Code"]
        self.assertEqual(code["S3Bucket"], {"Fn::Sub": "acme-guard-${AWS::Region}"})
        kept = {name: one["UpdateReplacePolicy"] for name, one in template["Resources"].items()
                if one["Type"] in ("AWS::Lambda::Version", "AWS::Lambda::Function") and "UpdateReplacePolicy" in one}  # fmt: skip
        self.assertRegex(" ".join(kept), "^GuardFunctionVersion[0-9a-f]{10}$", "policy.sh can return to it")
        self.assertEqual([*kept.values()], ["Retain"])
        self.assertLess(len(text), 460_800, "CreateStackSet: the longest template in S3, in bytes")


if __name__ == "__main__":
    unittest.main()
