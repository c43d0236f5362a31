"""What `make deploy` refuses before it builds anything."""

import contextlib
import io
import re
import sys
import unittest
from pathlib import Path
from unittest import mock

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
import settings  # noqa: E402

PARAMETERS = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
FIRST = None
DEPLOYED = {"FailureMode": "FAIL", "Architecture": "arm64", "AlarmTopicArn": ""}
TOPIC = "arn:aws:sns:eu-west-1:111122223333:guard"


def refused(check, *arguments):
    """Why something is refused, or None."""
    try:
        check(*arguments)
    except settings.Refused as why:
        return str(why)
    return None


class Names(unittest.TestCase):
    def test_each_parameter_has_a_setting(self):
        self.assertCountEqual(settings.settings().values(), PARAMETERS)

    def test_a_misspelled_variable_is_refused_with_the_one_that_is_meant(self):
        for name, meant in (
            ("FAILURE_MOD", "FAILURE_MODE"),
            ("FAILUREMODE", "FAILURE_MODE"),
            ("FailureMode", "FAILURE_MODE"),
            ("failure_mode", "FAILURE_MODE"),
            ("FALIURE_MODE", "FAILURE_MODE"),
            ("HOOK_STATE", "HOOK_STATUS"),
            ("STACK_NAMES_EXCLUDED", "STACK_NAMES_EXCLUDE"),
            ("STACK_NAMES", "STACK_NAME"),
            ("STACKNAME", "STACK_NAME"),
            ("PRESETS", "PRESET"),
            ("RETENTION_DAY", "RETENTION_DAYS"),
            ("Architecture", "ARCH"),
        ):
            with self.subTest(name):
                self.assertIn(f"{name} is not a setting: did you mean {meant}?", refused(settings.check_names, {name: "x"}, []) or "")

    def test_what_others_have_in_their_environment_is_let_alone(self):
        for name in ("PATH", "HOME", "AWS_REGION", "AWS_PROFILE", "STACK_ID", "ALIASES_FILE", "ARC", "MODE", "CI", "HOOKS", "RUST_LOG"):
            with self.subTest(name):
                self.assertIsNone(refused(settings.check_names, {name: "x"}, []))

    def test_the_names_of_the_walk_for_organizations_are_let_alone(self):
        guide = (ROOT / "deploy" / "ORGANIZATION.md").read_text()
        names = dict.fromkeys(re.findall(r"\b([A-Z_]+)=", " ".join(re.findall(r"^ *export .*$", guide, re.MULTILINE))), "x")
        self.assertIn("ORGANIZATION", names)
        self.assertIsNone(refused(settings.check_names, names, []))

    def test_what_is_spelled_right_too_is_no_misspelling(self):
        both = {"HOOK_STATE": "x", "HOOK_STATUS": "ENABLED"}
        self.assertIsNone(refused(settings.check_names, both, []))

    def test_on_makes_command_line_every_name_must_be_a_setting(self):
        self.assertIn("MODE is not a setting. The settings are: STACK_NAME FAILURE_MODE", refused(settings.check_names, {}, ["MODE"]))
        self.assertIsNone(refused(settings.check_names, {}, ["FAILURE_MODE", "ARCH", "STACK_NAME", "VENV", "CARGO_BUILD_JOBS"]))


class Values(unittest.TestCase):
    def test_a_value_that_does_not_fit_is_refused(self):
        for variable, good, bad in (
            ("FAILURE_MODE", ["WARN", "FAIL"], ["", "WARM", "warn"]),
            ("HOOK_STATUS", ["DISABLED"], ["OFF"]),
            ("TARGET_OPERATIONS", ["RESOURCE", "RESOURCE,STACK", "RESOURCE, CHANGE_SET"], ["", "ALL", "RESOURCE;STACK"]),
            ("STACK_NAMES_EXCLUDE", ["", "a,b-*"], ["a b", "1a", '"a"']),
            ("STACK_ROLES_INCLUDE", ["", "arn:aws:iam::*:role/deploy"], ["deploy"]),
            ("RETENTION_DAYS", ["30"], ["31", "month", ""]),
            ("ALARM_TOPIC_ARN", ["", TOPIC], ["guard"]),
            ("NOTIFICATION_TOPIC_ARN", ["", TOPIC], ["guard"]),
            ("MEMORY_SIZE", ["128", "1024"], ["64", "2048", "256MB"]),
            ("ALIAS", ["Acme::Egress::Guard"], ["AWS::Egress::Guard", "Guard"]),
            ("ORGANIZATION_ID", ["", "o-ab12cd34ef"], ["ab12cd34ef"]),
            ("ARCH", ["arm64", "x86_64", ""], ["aarch64"]),
        ):  # fmt: skip
            for value in good:
                self.assertIsNone(refused(settings.given, {variable: value}, PARAMETERS), (variable, value))
            for value in bad:
                self.assertIn(f"{variable}={value!r}: must ", refused(settings.given, {variable: value}, PARAMETERS) or "", value)


class Plan(unittest.TestCase):
    def plan(self, deployed, **environment):
        with mock.patch.object(settings, "deployed", lambda _name: deployed), contextlib.redirect_stderr(io.StringIO()) as said:
            return (*settings.plan(environment), said.getvalue())

    def test_a_first_deployment_says_whether_it_blocks(self):
        self.assertIn("the stack cfn-egress-guard does not exist yet", refused(self.plan, FIRST))
        self.assertIn("the stack mine does not exist yet", refused(lambda: self.plan(FIRST, STACK_NAME="mine")))
        for mode in ("WARN", "FAIL"):
            self.assertEqual(self.plan(FIRST, FAILURE_MODE=mode)[1], {"FailureMode": mode})
        self.assertEqual(self.plan(DEPLOYED)[1], {}, "later, what is not named stays")

    def test_the_architecture_is_the_one_named_or_the_deployed_one_or_this_machines(self):
        with mock.patch("platform.machine", lambda: "aarch64"):
            self.assertEqual(self.plan(FIRST, FAILURE_MODE="WARN")[0], "arm64")
        with mock.patch("platform.machine", lambda: "x86_64"):
            self.assertEqual(self.plan(FIRST, FAILURE_MODE="WARN")[0], "x86_64")
            self.assertEqual(self.plan(DEPLOYED)[0], "arm64")
            self.assertEqual(self.plan(DEPLOYED, ARCH="x86_64")[0], "x86_64")

    def test_alarms_without_a_topic_bring_a_warning(self):
        for deployed, given, has_topic in (
            (FIRST, {"FAILURE_MODE": "WARN"}, False),
            (FIRST, {"FAILURE_MODE": "WARN", "ALARM_TOPIC_ARN": TOPIC}, True),
            (DEPLOYED, {}, False),
            ({**DEPLOYED, "AlarmTopicArn": TOPIC}, {}, True),
            ({**DEPLOYED, "AlarmTopicArn": TOPIC}, {"ALARM_TOPIC_ARN": ""}, False),
        ):
            self.assertEqual("the alarms have no SNS topic" in self.plan(deployed, **given)[2], not has_topic, (deployed, given))


if __name__ == "__main__":
    unittest.main()
