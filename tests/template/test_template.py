"""What the linters cannot know of template.yaml and the helpers that build and deploy it."""

import contextlib
import json
import os
import re
import sys
import unittest
from functools import cache
from pathlib import Path

import jsonschema
from cfnlint.decode import cfn_yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
import check_artifact  # noqa: E402
import package  # noqa: E402

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")  # SAM's transform asks for one

STACK = "guard"
PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackId": f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{STACK}/0a1b2c3d-0000",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}
HOOK = "AWS::CloudFormation::LambdaHook"


@cache
def source():
    return cfn_yaml.load(str(ROOT / "template.yaml"))


@cache
def expanded():
    """The template as CloudFormation sees it after SAM's transform."""

    class NoManagedPolicies:
        def load(self):
            return {}

    template = json.loads(json.dumps(source()))
    template["Resources"]["GuardFunction"]["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
        return transform(template, {}, NoManagedPolicies())


class Stack:
    """A template's conditions and resources (template.yaml's, if none is given), resolved for parameter values."""

    def __init__(self, template=None, **values):
        self.template = expanded() if template is None else json.loads(json.dumps(template))
        self.values = dict(PSEUDO)
        for name, parameter in self.template["Parameters"].items():
            value = str(values.pop(name, parameter.get("Default")))
            is_list = parameter["Type"] == "CommaDelimitedList"
            self.values[name] = [item.strip() for item in value.split(",")] if is_list else value
        assert not values, f"no such parameters: {values}"

    def condition(self, name):
        return self.resolve(self.template["Conditions"][name])

    def refused(self):
        """What the template's Rules say against the values."""
        return [
            assertion["AssertDescription"]
            for rule in self.template.get("Rules", {}).values()
            if "RuleCondition" not in rule or self.resolve(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self.resolve(assertion["Assert"])
        ]

    def resources(self, kind):
        return {
            name: self.resolve(resource["Properties"])
            for name, resource in self.template["Resources"].items()
            if resource["Type"] == kind and ("Condition" not in resource or self.condition(resource["Condition"]))
        }

    def resolve(self, node):
        if isinstance(node, list):
            items = (self.resolve(item) for item in node)
            return [item for item in items if item is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(function, argument)] = node.items()
            method = {
                "Condition": self.condition,
                "Ref": lambda name: None if name == "AWS::NoValue" else self.values.get(name, f"<{name}>"),
                "Fn::And": lambda all_of: all(self.resolve(all_of)),
                "Fn::EachMemberIn": lambda lists: set(self.resolve(lists[0])) <= set(self.resolve(lists[1])),
                "Fn::Equals": lambda pair: self.resolve(pair[0]) == self.resolve(pair[1]),
                "Fn::GetAtt": self.attribute,
                "Fn::If": lambda choice: self.resolve(choice[1 if self.condition(choice[0]) else 2]),
                "Fn::Join": lambda join: join[0].join(self.resolve(join[1])),
                "Fn::Not": lambda negated: not self.resolve(negated[0]),
                "Fn::Or": lambda any_of: any(self.resolve(any_of)),
                "Fn::Select": lambda select: self.resolve(select[1])[int(select[0])],
                "Fn::Split": lambda split: self.resolve(split[1]).split(split[0]),
                "Fn::Sub": self.substitute,
            }.get(function)
            if method:
                return method(argument)
        members = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in members.items() if value is not None}

    def attribute(self, path):
        resource, attribute = path.split(".") if isinstance(path, str) else path
        kind = self.template["Resources"][resource]["Type"].split("::")[1].lower()
        suffix = f"role/{resource}" if kind == "iam" else resource
        return f"arn:aws:{kind}::111122223333:{suffix}" if attribute == "Arn" else f"<{resource}.{attribute}>"

    def substitute(self, argument):
        text, extra = argument if isinstance(argument, list) else (argument, {})

        def value(match):
            name = match[1]
            if name in extra:
                return self.resolve(extra[name])
            return self.attribute(name) if "." in name else self.resolve({"Ref": name})

        return re.sub(r"\$\{([^!}]+)\}", value, text).replace("${!", "${")


def hooks(**values):
    return Stack(**values).resources(HOOK)


class Hooks(unittest.TestCase):
    def test_by_default_security_groups_are_checked_on_create_and_update(self):
        [hook] = hooks().values()
        self.assertEqual(hook["TargetOperations"], ["RESOURCE", "CLOUD_CONTROL"])
        self.assertEqual(hook["TargetFilters"], {
            "TargetNames": ["AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"],
            "Actions": ["CREATE", "UPDATE"],
        })
        self.assertEqual((hook["FailureMode"], hook["HookStatus"]), ("FAIL", "ENABLED"))

    def test_each_operation_reaches_one_hook(self):
        for operations, expected in (
            ("RESOURCE", [(["RESOURCE"], True, ["CREATE", "UPDATE"])]),
            ("CLOUD_CONTROL,RESOURCE", [(["RESOURCE", "CLOUD_CONTROL"], True, ["CREATE", "UPDATE"])]),
            ("RESOURCE,STACK", [(["RESOURCE"], True, ["CREATE", "UPDATE"]), (["STACK"], False, ["CREATE", "UPDATE"])]),
            ("CHANGE_SET,RESOURCE", [(["RESOURCE"], True, ["CREATE", "UPDATE"]), (["CHANGE_SET"], False, ["CREATE"])]),
            ("RESOURCE, STACK, CHANGE_SET",
             [(["RESOURCE"], True, ["CREATE", "UPDATE"]), (["STACK", "CHANGE_SET"], False, ["CREATE", "UPDATE"])]),
        ):
            with self.subTest(operations):
                found = [
                    (hook["TargetOperations"], "TargetNames" in hook["TargetFilters"], hook["TargetFilters"]["Actions"])
                    for hook in hooks(TargetOperations=operations).values()
                ]
                self.assertEqual(found, expected)

    def test_templates_are_not_checked_without_their_resources(self):
        """STACK and CHANGE_SET let open values pass, so RESOURCE comes with them."""
        for operations, resources in (
            ("CLOUD_CONTROL", ["CLOUD_CONTROL"]),
            ("STACK", ["RESOURCE"]),
            ("STACK,CHANGE_SET", ["RESOURCE"]),
            ("CLOUD_CONTROL,STACK", ["RESOURCE", "CLOUD_CONTROL"]),
        ):
            with self.subTest(operations):
                first = next(iter(hooks(TargetOperations=operations).values()))
                self.assertEqual(first["TargetOperations"], resources)

    def test_filters_always_leave_out_this_stack(self):
        role = "arn:aws:iam::111122223333:role/deploy"
        for given, names, roles in (
            ({}, {"Exclude": [STACK]}, None),
            ({"StackNamesExclude": "a,b-*"}, {"Exclude": [STACK, "a", "b-*"]}, None),
            ({"StackNamesInclude": "a*"}, {"Include": ["a*"], "Exclude": [STACK]}, None),
            ({"StackRolesInclude": role}, {"Exclude": [STACK]}, {"Include": [role]}),
            ({"StackRolesExclude": role}, {"Exclude": [STACK]}, {"Exclude": [role]}),
        ):
            for hook in hooks(TargetOperations="RESOURCE,STACK", **given).values():
                with self.subTest(given=given, hook=hook["Alias"]):
                    expected = {"FilteringCriteria": "ALL", "StackNames": names, "StackRoles": roles}
                    self.assertEqual(hook["StackFilters"], {k: v for k, v in expected.items() if v})

    def test_hooks_are_what_cloudformation_accepts(self):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", HOOK).schema
        # Java's spelling of the pattern, which Python does not read.
        schema = json.loads(json.dumps(schema).replace("(?i)aws", "(?i:aws)"))
        for given in (
            {},
            {"TargetOperations": "RESOURCE,CLOUD_CONTROL,STACK,CHANGE_SET", "FailureMode": "WARN"},
            {"StackNamesInclude": "a,b", "StackNamesExclude": "c", "StackRolesExclude": "arn:aws:iam::*:role/x"},
        ):
            for hook in hooks(**given).values():
                with self.subTest(given=given, hook=hook["Alias"]):
                    jsonschema.validate(hook, schema)

    def test_both_hooks_of_the_longest_name_are_what_cloudformation_accepts(self):
        pattern = re.compile(source()["Parameters"]["HookAlias"]["AllowedPattern"])
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", HOOK).schema
        accepted = re.compile(schema["properties"]["Alias"]["pattern"].replace("(?i)aws", "(?i:aws)"))
        longest = "::".join(("A" * 64, "B" * 64, "C" * 59))
        self.assertRegex(longest, pattern)
        self.assertNotRegex(f"{longest}C", pattern)
        names = [hook["Alias"] for hook in hooks(TargetOperations="RESOURCE,STACK", HookAlias=longest).values()]
        self.assertEqual(names, [longest, f"{longest}Stack"])
        for name in names:
            self.assertRegex(name, accepted)

    def test_a_hook_may_call_the_alias_and_nothing_else(self):
        stack = Stack(TargetOperations="RESOURCE,STACK")
        [alias] = stack.resources("AWS::Lambda::Alias")
        [policy] = stack.resources("AWS::IAM::Role")["HookRole"]["Policies"]
        [statement] = policy["PolicyDocument"]["Statement"]
        self.assertEqual(statement["Resource"], f"<{alias}>")
        for hook in stack.resources(HOOK).values():
            self.assertEqual(hook["LambdaFunction"], f"<{alias}>")

    def test_a_hook_comes_after_all_it_needs(self):
        resources = expanded()["Resources"]

        def needs(name):
            text = json.dumps(resources[name])
            named = {other for other in resources if re.search(rf'["{{]{other}["}}.]', text)} - {name}
            return named.union(*map(needs, named))

        [alias] = Stack().resources("AWS::Lambda::Alias")
        for hook in ("EgressHook", "EgressStackHook"):
            self.assertLessEqual({alias, "HookRole", "AuditRule", "AuditLogGroup"}, needs(hook))


class Function(unittest.TestCase):
    def test_a_new_value_of_any_parameter_of_the_function_reaches_the_alias(self):
        function = source()["Resources"]["GuardFunction"]["Properties"]
        settings = {name: function[name] for name in ("Architectures", "MemorySize", "Environment")}
        used = set(re.findall(r'"Ref": "(\w+)"', json.dumps(settings)))
        named = set(re.findall(r"\$\{(\w+)\}", json.dumps(function["VersionDescription"])))
        self.assertEqual(used, named)

    def test_it_gives_up_well_before_cloudformation_does(self):
        self.assertLessEqual(source()["Resources"]["GuardFunction"]["Properties"]["Timeout"], 15)

    def test_the_stack_holds_nothing_that_its_own_hook_checks(self):
        for resource in expanded()["Resources"].values():
            self.assertFalse(resource["Type"].startswith("AWS::EC2::"))


class Records(unittest.TestCase):
    def test_the_dashboard_is_json_about_metrics_and_fields_that_exist(self):
        stack = Stack()
        [dashboard] = stack.resources("AWS::CloudWatch::Dashboard").values()
        widgets = [widget["properties"] for widget in json.loads(dashboard["DashboardBody"])["widgets"]]
        hook = ROOT / "src" / "hook"
        [log] = hook.glob("snapshots/*the_log_tells*.snap")
        logs = "".join(file.read_text() for file in [log, *hook.glob("tests/snapshots/*.snap")])
        for query in (widget["query"] for widget in widgets if "query" in widget):
            fields = re.findall(r"[a-zA-Z]+", " ".join(re.findall(r"(?:filter|fields|by) ([^|]*)", query)))
            for field in {*fields} - {"and", "as", "decision", "exempted", "rules", "FAILED", "timestamp"}:
                self.assertIn(f'"{field}":', logs)
        verdicts = {metric[-2] for metric in widgets[0]["metrics"]}
        self.assertEqual(len(verdicts), 7)
        [alarm] = (a for a in stack.resources("AWS::CloudWatch::Alarm").values() if a["MetricName"] == "Decisions")
        [verdict] = (one["Value"] for one in alarm["Dimensions"] if one["Name"] == "verdict")
        for verdict in verdicts | {verdict}:
            self.assertIn(f'"{verdict}"', (hook / "decision.rs").read_text())

    def test_two_guards_of_an_account_and_region_share_no_metric(self):
        """What an alarm or the dashboard looks at names the stack: in a dimension, or where there is none, in the namespace."""
        stack = Stack()
        [function] = stack.resources("AWS::Lambda::Function").values()
        self.assertEqual(function["Environment"]["Variables"]["GUARD_NAME"], STACK, "the dimension Guard of the function's metrics")
        for name, alarm in stack.resources("AWS::CloudWatch::Alarm").items():
            dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
            with self.subTest(name):
                if alarm["Namespace"] == "AWS/Lambda":
                    self.assertEqual(dimensions, {"FunctionName": "<GuardFunction>"})
                elif alarm["Namespace"] == "CfnEgressGuard":
                    self.assertEqual(dimensions["Guard"], STACK)
                else:
                    self.assertEqual(alarm["Namespace"], f"CfnEgressGuard/{STACK}")
        [found] = stack.resources("AWS::Logs::MetricFilter").values()
        self.assertEqual(found["MetricTransformations"][0]["MetricNamespace"], f"CfnEgressGuard/{STACK}")

        [dashboard] = stack.resources("AWS::CloudWatch::Dashboard").values()
        widgets = [widget["properties"] for widget in json.loads(dashboard["DashboardBody"])["widgets"]]
        metrics = [metric for widget in widgets for metric in widget.get("metrics", [])]
        searches = [metric[0]["expression"] for metric in metrics if isinstance(metric[0], dict)]
        self.assertEqual(len(searches), 4)
        for search in searches:
            self.assertRegex(search, rf"{{CfnEgressGuard,Guard,[a-z]+}} MetricName=\"\w+\" Guard=\"{STACK}\"'")
        for metric in metrics:
            if metric[0] == "CfnEgressGuard":
                self.assertEqual(metric[2:4], ["Guard", STACK])

    def test_every_alarm_watches_a_metric_that_is_there_and_tells_the_topic(self):
        topic = "arn:aws:sns:eu-west-1:111122223333:guard"
        stack = Stack(AlarmTopicArn=topic)
        [found] = stack.resources("AWS::Logs::MetricFilter").values()
        self.assertEqual(found["LogGroupName"], "<AuditLogGroup>", "CloudFormation's word, not the function's")
        [filtered] = found["MetricTransformations"]
        alarms = stack.resources("AWS::CloudWatch::Alarm")
        metrics = {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms.values()}
        self.assertEqual(metrics, {
            ("AWS/Lambda", "Errors"),
            ("AWS/Lambda", "Throttles"),
            ("AWS/Lambda", "Duration"),
            ("CfnEgressGuard", "Decisions"),
            (filtered["MetricNamespace"], filtered["MetricName"]),  # what the filter writes
        })
        for name, alarm in alarms.items():
            with self.subTest(name):
                self.assertEqual((alarm["AlarmActions"], alarm["OKActions"]), ([topic], [topic]))
                self.assertEqual(alarm["TreatMissingData"], "notBreaching")
        for name, alarm in Stack().resources("AWS::CloudWatch::Alarm").items():
            self.assertEqual((alarm["AlarmActions"], alarm["OKActions"]), ([], []), name)

    def test_the_audit_feed_is_let_in_by_its_group_alone(self):
        """The account and Region have ten policies of CloudWatch Logs, and the CDK uses them up."""
        stack = Stack()
        self.assertEqual(stack.resources("AWS::Logs::ResourcePolicy"), {})
        group = stack.resources("AWS::Logs::LogGroup")["AuditLogGroup"]
        [rule] = stack.resources("AWS::Events::Rule").values()
        arn = f"arn:aws:logs:eu-west-1:111122223333:log-group:{group['LogGroupName']}"
        self.assertEqual(rule["Targets"], [{"Id": "audit-log", "Arn": arn}], "the group by its name")
        services = {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}
        source = {"ArnEquals": {"aws:SourceArn": stack.attribute("AuditRule.Arn")}}
        stream = {"Effect": "Allow", "Principal": services, "Action": "logs:CreateLogStream", "Resource": f"{arn}:*"}
        write = {"Effect": "Allow", "Principal": services, "Action": "logs:PutLogEvents", "Resource": f"{arn}:*:*"}
        statements = [stream, {**write, "Condition": source}]
        self.assertEqual(group["ResourcePolicyDocument"], {"Version": "2012-10-17", "Statement": statements})


class DirectCalls(unittest.TestCase):
    """Calls of EC2's API that no hook sees, with WatchDirectCalls."""

    def stack(self, **given):
        stack = Stack(WatchDirectCalls="ENABLED", **given)
        # Its name is taken out of this ARN.
        stack.values["GuardFunctionAliaslive"] = "arn:aws:lambda:eu-west-1:111122223333:function:guard:live"
        return stack

    def test_without_it_nothing_is_there(self):
        on, off = self.stack(), Stack()
        kinds = {resource["Type"] for resource in on.template["Resources"].values()}
        more = {name for kind in kinds for name in {*on.resources(kind)} - {*off.resources(kind)}}
        self.assertEqual(more, {
            "DirectCallsRule", "DirectCallsPermission", "DirectCallsRetries", "DirectCallsQuery", "DirectCallsAlarm",
            "LostCallsQueue", "LostCallsQueuePolicy", "LostCallsAlarm",
        })  # fmt: skip
        for kind in kinds:
            for name, properties in off.resources(kind).items():
                if name not in ("GuardFunctionRole", "Dashboard"):
                    # An alias is <named> where its ARN does not matter.
                    expected = json.loads(json.dumps(properties).replace("<GuardFunctionAliaslive>", on.values["GuardFunctionAliaslive"]))
                    self.assertEqual(on.resources(kind)[name], expected, "the hook's side stays as it is")

    def test_the_function_may_write_its_log_and_keep_what_it_could_not_do(self):
        role = self.stack().resources("AWS::IAM::Role")["GuardFunctionRole"]
        statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        self.assertEqual([(one["Action"], one["Resource"]) for one in statements], [
            (["logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs::111122223333:DecisionLogGroup"),
            ("sqs:SendMessage", "arn:aws:sqs::111122223333:LostCallsQueue"),
        ])
        self.assertEqual(len(Stack().resources("AWS::IAM::Role")["GuardFunctionRole"]["Policies"]), 1)

    def test_events_are_tried_a_few_times_and_then_kept(self):
        stack = self.stack()
        queue = "arn:aws:sqs::111122223333:LostCallsQueue"
        [target] = stack.resources("AWS::Events::Rule")["DirectCallsRule"]["Targets"]
        self.assertEqual(target["Arn"], stack.values["GuardFunctionAliaslive"])
        self.assertEqual(target["DeadLetterConfig"], {"Arn": queue})
        [retries] = stack.resources("AWS::Lambda::EventInvokeConfig").values()
        self.assertEqual((retries["FunctionName"], retries["Qualifier"]), ("<GuardFunction>", "live"))
        self.assertEqual(retries["DestinationConfig"], {"OnFailure": {"Destination": queue}})
        self.assertLessEqual(retries["MaximumRetryAttempts"], 2)
        self.assertLessEqual(target["RetryPolicy"]["MaximumRetryAttempts"], 8)
        for age in (retries["MaximumEventAgeInSeconds"], target["RetryPolicy"]["MaximumEventAgeInSeconds"]):
            self.assertLessEqual(age, 3600)

    def test_the_rule_alone_may_call_the_function_and_fill_the_queue(self):
        stack = self.stack()
        rule = stack.attribute("DirectCallsRule.Arn")
        [permission] = stack.resources("AWS::Lambda::Permission").values()
        self.assertEqual(permission, {
            "FunctionName": stack.values["GuardFunctionAliaslive"], "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com", "SourceArn": rule,
        })  # fmt: skip
        [policy] = stack.resources("AWS::SQS::QueuePolicy").values()
        [statement] = policy["PolicyDocument"]["Statement"]
        self.assertEqual((statement["Action"], statement["Condition"]), ("sqs:SendMessage", {"ArnEquals": {"aws:SourceArn": rule}}))

    def test_the_rule_asks_for_the_calls_that_the_function_judges(self):
        pattern = self.stack().resources("AWS::Events::Rule")["DirectCallsRule"]["EventPattern"]
        names = re.findall(r'=> "([A-Z]\w+)"', (ROOT / "src" / "watch" / "call.rs").read_text())
        self.assertEqual(pattern["detail"]["eventName"], names)
        sources = (ROOT / "src" / "watch" / "call.rs").read_text()
        for text in (*pattern["source"], *pattern["detail-type"], *pattern["detail"]["eventSource"]):
            self.assertIn(f'"{text}"', sources)

    def test_what_is_looked_at_is_what_the_function_writes(self):
        stack = self.stack(AlarmTopicArn="arn:aws:sns:eu-west-1:111122223333:guard")
        watch = ROOT / "src" / "watch"
        [log] = watch.glob("snapshots/*the_log_tells*.snap")
        decision, reason = json.loads(log.read_text().split("---\n", 2)[2])
        dimensions, by_level = decision["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
        alarm = stack.resources("AWS::CloudWatch::Alarm")["DirectCallsAlarm"]
        self.assertEqual((alarm["Namespace"], alarm["MetricName"]), ("CfnEgressGuard", "Decisions"))
        found = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        self.assertEqual([*found], by_level)
        self.assertEqual(found, {"Guard": STACK, "via": decision["via"], "level": decision["level"]})

        for one in ("DirectCallsAlarm", "LostCallsAlarm"):
            alarm = stack.resources("AWS::CloudWatch::Alarm")[one]
            self.assertEqual((alarm["AlarmActions"], alarm["OKActions"], alarm["TreatMissingData"]),
                             (["arn:aws:sns:eu-west-1:111122223333:guard"],) * 2 + ("notBreaching",))  # fmt: skip

        [dashboard] = stack.resources("AWS::CloudWatch::Dashboard").values()
        [plain] = Stack().resources("AWS::CloudWatch::Dashboard").values()
        widgets, before = (json.loads(one["DashboardBody"])["widgets"] for one in (dashboard, plain))
        self.assertEqual(widgets[: len(before)], before)
        series, top, latest = (widget["properties"] for widget in widgets[len(before) :])
        self.assertEqual(series["metrics"][0][2:8:2], dimensions)
        self.assertEqual(series["metrics"][0][3:6:2], [STACK, decision["via"]])
        source = (watch / "decision.rs").read_text()
        for metric in series["metrics"]:
            self.assertIn(f'"{metric[-2]}"', source)
        [of_reasons] = reason["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
        self.assertIn("{CfnEgressGuard," + ",".join(of_reasons) + "}", top["metrics"][0][0]["expression"])
        self.assertIn(f'Guard=\"{STACK}\" via=\"{decision["via"]}\"', top["metrics"][0][0]["expression"])
        [query] = [q["QueryString"] for name, q in stack.resources("AWS::Logs::QueryDefinition").items() if name == "DirectCallsQuery"]
        for text in (query, latest["query"]):
            self.assertIn(f"event = '{decision['event']}' and level = '{decision['level']}'", text)
            for field in re.search(r"fields ([^|]*)", text)[1].strip().split(", "):
                self.assertIn(field, decision)


def transformed(transformer, event):
    """What EventBridge makes of an event: a variable that is a whole value is JSON, one in a string is put in as it is.

    Source: EventBridge User Guide, "Amazon EventBridge input transformation", common issues. A variable whose path
    leads nowhere is left out.
    """

    def at(path):
        value = event
        for name in path.removeprefix("$.").split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    values = {name: at(path) for name, path in transformer["InputPathsMap"].items()}

    def inside(match):
        value = values[match[1]]
        return "" if value is None else value if isinstance(value, str) else json.dumps(value).replace('"', "")

    def replaced(match):
        if match[0].startswith('"'):
            return re.sub(r"<([^<>]+)>", inside, match[0])
        value = values[match[1]]
        return "" if value is None else json.dumps(value)

    return re.sub(r'"(?:\\.|[^"\\])*"|<([^<>]+)>', replaced, transformer["InputTemplate"])


# Amazon Q Developer in chat applications, "Custom notifications", event schema.
CUSTOM_NOTIFICATION = {
    "type": "object", "required": ["version", "source", "content"], "additionalProperties": False,
    "properties": {
        "version": {"const": "1.0"}, "source": {"const": "custom"}, "id": {"type": "string"},
        "content": {
            "type": "object", "required": ["description"], "additionalProperties": False,
            "properties": {
                "textType": {"const": "client-markdown"}, "title": {"type": "string"}, "description": {"type": "string"},
                "nextSteps": {"type": "array", "items": {"type": "string"}},
                "keywords": {"type": "array", "items": {"type": "string"}},
            },
        },
        "metadata": {
            "type": "object", "additionalProperties": False,
            "properties": {
                "threadId": {"type": "string"}, "summary": {"type": "string"}, "eventType": {"type": "string"},
                "relatedResources": {"type": "array", "items": {"type": "string"}},
                "additionalContext": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
}  # fmt: skip
REASONS = (
    "", "Hook failed with message: x breaks the rule.\n- SecurityGroupEgress[0]: …", 'a "quoted" word, a \\ and a \\" more',
    "\t\r\n\x00\x1f\u2028 <reason> <account> ${AWS::Region} }{", "é € 🔥", "x" * 1024,
)  # fmt: skip


class Notifications(unittest.TestCase):
    """With NotificationTopicArn."""

    TOPIC = "arn:aws:sns:eu-west-1:111122223333:guard"

    def rules(self, **given):
        stack = Stack(NotificationTopicArn=self.TOPIC, **given)
        stack.values["GuardFunctionAliaslive"] = "arn:aws:lambda:eu-west-1:111122223333:function:guard:live"
        rules = stack.resources("AWS::Events::Rule")
        return {name: rule for name, rule in rules.items() if name.endswith("NotificationRule")}

    def sent(self, rule, event):
        [target] = rule["Targets"]
        message = json.loads(transformed(target["InputTransformer"], event))
        jsonschema.validate(message, CUSTOM_NOTIFICATION)
        return message["content"]

    def test_without_the_topic_nothing_is_there(self):
        for given in ({}, {"WatchDirectCalls": "ENABLED"}):
            stack = Stack(**given)
            stack.values["GuardFunctionAliaslive"] = "arn:aws:lambda:eu-west-1:111122223333:function:guard:live"
            for kind in ("AWS::Events::Rule", "AWS::IAM::Role"):
                self.assertEqual([name for name in stack.resources(kind) if "Notification" in name], [])

    def test_each_rule_sends_to_the_topic_with_a_role_for_nothing_else(self):
        for given, number in (({}, 2), ({"WatchDirectCalls": "ENABLED"}, 3)):
            rules = self.rules(**given)
            self.assertEqual(len(rules), number)
            for name, rule in rules.items():
                [target] = rule["Targets"]
                self.assertEqual((target["Arn"], target["RoleArn"]), (self.TOPIC, "arn:aws:iam::111122223333:role/NotificationRole"), name)
        role = Stack(NotificationTopicArn=self.TOPIC).resources("AWS::IAM::Role")["NotificationRole"]
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual((trust["Principal"], trust["Condition"]), ({"Service": "events.amazonaws.com"}, {
            "StringEquals": {"aws:SourceAccount": "111122223333"},
            "ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:111122223333:rule/*"},
        }))  # fmt: skip
        publish, key = role["Policies"][0]["PolicyDocument"]["Statement"]
        self.assertEqual((publish["Action"], publish["Resource"]), ("sns:Publish", self.TOPIC))
        self.assertEqual((key["Action"], key["Resource"], key["Condition"]), (
            ["kms:Decrypt", "kms:GenerateDataKey"], "arn:aws:kms:eu-west-1:*:key/*", {"StringEquals": {
                "kms:ViaService": "sns.eu-west-1.amazonaws.com", "kms:EncryptionContext:aws:sns:topicArn": self.TOPIC}},
        ))  # fmt: skip

    def test_any_reason_becomes_a_notification(self):
        blocks, warnings = (self.rules()[f"{name}NotificationRule"] for name in ("Blocks", "Warnings"))
        for reason in REASONS:
            event = {
                "account": "111122223333", "region": "eu-west-1", "resources": ["arn:aws:cloudformation:eu-west-1:111122223333:stack/web/1"],
                "detail": {"target-detail": {"target-id": "WebSg"}, "status-reason": reason},
            }  # fmt: skip
            where = "Security::Egress::SinglePort in account 111122223333, eu-west-1: WebSg"
            self.assertEqual(self.sent(blocks, event), {"title": f"Blocked by {where}", "description": reason})
            self.assertEqual(self.sent(warnings, event), {"title": f"Not blocked, since FailureMode is WARN: {where}", "description": reason})

    def test_a_target_has_no_character_that_json_escapes(self):
        """It is put into a string: what AWS's model allows there (ListHookResults, TargetId)."""
        allowed = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/]*|[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}")
        fitting = [chr(code) for code in range(0x10000) if allowed.fullmatch(f"a{chr(code)}") or allowed.fullmatch(f"arn:{chr(code)}")]
        self.assertEqual([one for one in fitting if json.dumps(one, ensure_ascii=False) != f'"{one}"'], [])
        for rule in self.rules(WatchDirectCalls="ENABLED").values():
            transformer = rule["Targets"][0]["InputTransformer"]
            inside = {name for text in re.findall(r'"(?:[^"])*"', transformer["InputTemplate"]) for name in re.findall(r"<(.+?)>", text)}
            self.assertLessEqual(inside, {"account", "region", "target"})
            self.assertEqual(set(re.findall(r"<(.+?)>", transformer["InputTemplate"])), {*transformer["InputPathsMap"]})

    def test_blocks_and_warnings_have_rules_of_their_own_and_together_they_miss_nothing(self):
        blocks, warnings = (self.rules()[f"{name}NotificationRule"]["EventPattern"] for name in ("Blocks", "Warnings"))
        feed = Stack().resources("AWS::Events::Rule")["AuditRule"]["EventPattern"]
        for pattern, mode in ((blocks, [{"exists": False}, {"anything-but": "WARN"}]), (warnings, ["WARN"])):
            hooks = pattern["detail"]["hook-detail"]
            self.assertEqual(hooks.pop("failure-mode"), mode)
            self.assertEqual(pattern["detail"].pop("status"), ["HOOK_COMPLETE_FAILED", "HOOK_FAILED"])
            self.assertEqual(pattern, feed)

    def test_direct_calls_notify_through_their_alarm(self):
        rule = self.rules(WatchDirectCalls="ENABLED")["CallsNotificationRule"]
        # CloudWatch User Guide, "Alarm events and EventBridge".
        event = {
            "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "account": "111122223333",
            "region": "eu-west-1", "resources": ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:guard-DirectCallsAlarm-1"],
            "detail": {"alarmName": "guard-DirectCallsAlarm-1", "state": {"value": "ALARM"}, "previousState": {"value": "OK"}},
        }  # fmt: skip
        pattern = rule["EventPattern"]
        self.assertEqual((pattern["source"], pattern["detail-type"]), ([event["source"]], [event["detail-type"]]))
        self.assertEqual((pattern["resources"], pattern["detail"]), (["arn:aws:cloudwatch::111122223333:DirectCallsAlarm"], {"state": {"value": ["ALARM"]}}))
        said = self.sent(rule, event)
        self.assertIn("Not blocked: a direct call to the EC2 API in account 111122223333, eu-west-1", said["title"])
        self.assertIn("cfn-egress-guard audit --region eu-west-1 --since 1d", said["description"])


class Names(unittest.TestCase):
    """A stack's name has up to 128 characters (CreateStack, StackName); Lambda takes 64 for a function."""

    def refused(self, length, **given):
        name = "g" * length
        pseudo = {"AWS::StackName": name, "AWS::StackId": PSEUDO["AWS::StackId"].replace(f"/{STACK}/", f"/{name}/")}
        stack = Stack(TargetOperations="RESOURCE,STACK", WatchDirectCalls="ENABLED", **given)
        stack.values.update(pseudo, GuardFunctionAliaslive="arn:aws:lambda:eu-west-1:111122223333:function:guard:live")
        for kind in {resource["Type"] for resource in stack.template["Resources"].values()}:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
            schema = json.loads(json.dumps(schema).replace("(?i)aws", "(?i:aws)").replace(r"\\Z", "$"))
            for resource, properties in stack.resources(kind).items():
                yield from (
                    f"{resource}.{error.json_path[2:]}"
                    for error in jsonschema.Draft7Validator(schema).iter_errors(properties)
                    if name in str(error.instance) and error.validator in ("maxLength", "pattern")
                )

    def test_a_stack_may_have_the_longest_name(self):
        self.assertEqual(list(self.refused(128)), [])

    def test_with_an_organization_the_functions_name_is_the_stacks(self):
        for length, found in ((64, []), (65, ["GuardFunction.FunctionName"])):
            self.assertEqual(list(self.refused(length, OrganizationId="o-ab12cd34ef")), found)

    def test_where_it_is_set_says_what_it_changes(self):
        said = " ".join(source()["Parameters"]["OrganizationId"]["Description"].split())
        for words in ("at most 64 characters", "replaces the function and its alias", "first set FailureMode to WARN"):
            self.assertIn(words, said)


class Parameters(unittest.TestCase):
    def test_each_explains_itself_and_has_a_place_in_the_console(self):
        console = source()["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in console["ParameterGroups"] for name in group["Parameters"]]
        self.assertCountEqual(grouped, source()["Parameters"])
        self.assertCountEqual(console["ParameterLabels"], source()["Parameters"])
        for name, parameter in source()["Parameters"].items():
            with self.subTest(name):
                self.assertIn("Description", parameter)
                self.assertIn("ConstraintDescription", parameter)


class Artifact(unittest.TestCase):
    def test_a_version_newer_than_the_floor_is_told(self):
        for version, newer in (
            ("GLIBC_2.34", False), ("GLIBC_2.4", False), ("GLIBC_2.2.5", False), ("GCC_3.0", False),
            ("GLIBC_2.35", True), ("GLIBC_2.340", True), ("GLIBC_3.0", True), ("GLIBC_ABI_DT_RELR", True),
        ):
            with self.subTest(version):
                self.assertEqual(check_artifact.is_newer(version, "2.34"), newer)

    @unittest.skipUnless(sys.platform == "linux", "needs an ELF file")
    def test_a_real_program_is_read(self):
        arch = "arm64" if os.uname().machine == "aarch64" else "x86_64"
        other = {"arm64": "x86_64", "x86_64": "arm64"}[arch]

        def complaints(arch, floor):
            return [problem for problem in check_artifact.problems(sys.executable, arch, floor) if "library" not in problem]

        self.assertEqual(complaints(arch, "9.99"), [])
        self.assertIn("needs GLIBC_2.", " ".join(complaints(arch, "2.0")))
        self.assertRegex(" ".join(complaints(other, "9.99")), "is built for ELF machine")

    def test_something_else_is_refused(self):
        self.assertEqual(check_artifact.problems(__file__, "x86_64", "2.34"), ["is not a 64-bit little-endian ELF file"])

    def test_a_packaged_template_is_for_one_architecture_and_needs_no_build(self):
        for arch in ("x86_64", "arm64"):
            text = package.packaged_template((ROOT / "template.yaml").read_text(), arch)
            self.assertIn("CodeUri: bootstrap.zip", text)
            self.assertIn(f"Default: {arch}\n    AllowedValues: [{arch}]", text)
            self.assertNotIn("BuildMethod", text)


if __name__ == "__main__":
    unittest.main()
