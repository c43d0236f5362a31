"""The queries and the metric filter of template.yaml, over log lines of the real function and the documented hook
event.

The function's log is read from AWS's runtime emulator. Only AWS can create the event: its shape is the one that AWS
publishes for `CloudFormation Hook Invocation Progress` in its EventBridge schema registry, taken from the CDK (Python
package aws-cdk.mixins-preview 2.275.0a0, `HookInvocationProgress`).
"""

import hashlib
import json
import re

import pytest
from cfnlint.decode import cfn_yaml

from conftest import ROOT
from emulator import Emulator
from insights import Query, filtered
from protocol import group, resource_request, rule

EXPIRED = """
[[exemption]]
id = "lb-bridge-mode"
reason = 'they said "soon"'
owner = "platform@example.com"
expires = 2020-01-31
ports = "32768-65535"

[[exemption]]
id = "holds"
reason = "still needed"
owner = "data@example.com"
expires = 2999-12-31
ports = "8000-8010"

[[exemption]]
id = "holds-too"
reason = "needed for longer"
owner = "data@example.com"
expires = 2999-12-31
ports = "9000-9001"
"""


@pytest.fixture(scope="module")
def queries():
    resources = cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"]
    return {
        name: (resource["Properties"]["LogGroupNames"][0]["Ref"], resource["Properties"]["QueryString"])
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Logs::QueryDefinition"
    }


@pytest.fixture(scope="module")
def decisions(bootstrap, tmp_path_factory):
    """The function's log lines about a few invocations."""
    folder = tmp_path_factory.mktemp("function")
    (folder / "policy.toml").write_text(EXPIRED)
    emulator = Emulator(bootstrap, folder, LAMBDA_TASK_ROOT=str(folder))
    stack = "arn:aws:cloudformation:us-east-1:123456789012:stack/{}/1a2345b6-0000-00a0-a123-00abc0abc000"
    try:
        for name, rules in (
            ("good", [rule()]),
            # Two exemptions in one decision, one of them for two egress rules.
            ("exempted", [rule(8000, 8010), rule(9000, 9001), rule(8000, 8001)]),
            ("range", [rule(), rule(80, 87), {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]),
            ("range", [rule(80, 88)]),
            # Not the first of the violating rules, and beside one that an exemption still covers.
            ("late", [rule(8000, 8010), rule(1, 2), rule(32768, 65535)]),
        ):
            emulator.invoke(resource_request(group(*rules), stack_id=stack.format(name)))
        # In the same log, but in no query about the hook. EventBridge delivers one of them twice.
        for call in ("authorize", "authorize-one-port", "modify-one", "by-a-service", "authorize"):
            emulator.invoke(json.loads((ROOT / "tests" / "fixtures" / "direct-calls" / f"{call}.json").read_text()))
        lines = [line for line in emulator.server.log().splitlines() if line.startswith("{") and '"event":' in line]
    finally:
        emulator.stop()
    assert sum('"event":"decision"' in line for line in lines) == 5, lines
    assert sum('"event":"direct-call"' in line for line in lines) == 5, lines
    return lines


def dashboard():
    """The dashboard with the widgets of direct calls."""
    body = cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    text, more = body["Fn::Sub"]
    condition, widgets, nothing = more["DirectCalls"]["Fn::If"]
    assert (condition, nothing) == ("WatchesCalls", "")
    return text.replace("${DirectCalls}", widgets["Fn::Sub"])


@pytest.fixture(scope="module")
def widgets():
    """Returns the log widgets of the dashboard by title; each names its log group in its query."""
    properties = [widget["properties"] for widget in json.loads(dashboard())["widgets"] if widget["type"] == "log"]
    return {one["title"]: one["query"].removeprefix("SOURCE '${DecisionLogGroup}' | ") for one in properties}


def metrics_of_the_template():
    """Returns the function's metrics that alarms and dashboard use, each with the names of its dimensions."""
    resources = cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"]
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Properties"]["Namespace"] == "CfnEgressGuard":
            alarm = resource["Properties"]
            yield alarm["MetricName"], frozenset(one["Name"] for one in alarm["Dimensions"])
    body = dashboard()
    for dimensions, metric in re.findall(r"\{CfnEgressGuard,([A-Za-z,]+)\} MetricName=\\\"(\w+)\\\"", body):
        yield metric, frozenset(dimensions.split(","))
    for metric, dimensions in re.findall(r'\["CfnEgressGuard", "(\w+)", ((?:"[^"]+", )+)\{', body):
        yield metric, frozenset(re.findall(r'"([^"]+)"', dimensions)[::2])


def test_alarms_and_dashboard_look_at_metrics_that_the_function_writes(decisions):
    """Apart from the dimension Guard, which separates the metrics of two guards."""
    written = set()
    for line in map(json.loads, decisions):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "CfnEgressGuard"
            for dimensions in directive["Dimensions"]:
                written |= {(metric["Name"], frozenset(dimensions)) for metric in directive["Metrics"]}
    looked_at = set(metrics_of_the_template())
    assert all("Guard" in dimensions for _, dimensions in looked_at)
    assert {metric for metric, _ in looked_at} == {"Decisions", "EvaluationTime", "ExemptedRules", "KnownDebtRules", "OffendingRules"}
    # These lines contain no decision about known debt, which is written like the violating rules.
    assert {(m, d) for m, d in looked_at if m != "KnownDebtRules"} <= written


def event(status, mode, account="123456789012"):
    return json.dumps({
        "version": "0",
        "id": "0",
        "detail-type": "CloudFormation Hook Invocation Progress",
        "source": "aws.cloudformation",
        "account": account,
        "time": "2026-11-24T10:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "hook-detail": {
                "hook-type-name": "Security::Egress::SinglePort",
                "hook-type-arn": "arn:aws:cloudformation:eu-west-1:123456789012:type/hook/Security-Egress-SinglePort",
                "hook-version": "00000001",
                "failure-mode": mode,
                "description": "",
                "documentation-url": "",
                "source-url": "",
            },
            "target-detail": {
                "target-name": "AWS::EC2::SecurityGroup",
                "target-type": "RESOURCE",
                "target-id": "Web",
                "target-action": "CREATE",
                "target-invocation-point": "PRE_PROVISION",
            },
            "status": status,
            "status-reason": "AWS::EC2::SecurityGroup Web breaks the rule",
            "result": {"data": ""},
        },
    })


EVENTS = [
    event("HOOK_COMPLETE_SUCCEEDED", "FAIL"),
    event("HOOK_COMPLETE_FAILED", "FAIL"),
    event("HOOK_COMPLETE_FAILED", "FAIL"),
    event("HOOK_FAILED", "FAIL"),
    event("HOOK_COMPLETE_FAILED", "WARN", account="210987654321"),
]


def run(queries, name, source, lines):
    group_name, text = queries[name]
    assert group_name == source
    return Query(text).run(lines)


def test_blocks_per_account_count_results_by_failure_mode(queries):
    rows = run(queries, "BlocksPerAccountQuery", "AuditLogGroup", EVENTS)
    told = [(row["account"], row["mode"], row["status"], row["results"]) for row in rows]
    assert told == [
        ("123456789012", "FAIL", "HOOK_COMPLETE_FAILED", 2),
        ("123456789012", "FAIL", "HOOK_FAILED", 1),
        ("210987654321", "WARN", "HOOK_COMPLETE_FAILED", 1),
    ]


def test_the_alarm_on_hook_failures_counts_what_got_no_answer_and_no_block():
    resources = cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"]
    [found] = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Logs::MetricFilter"]
    assert found["LogGroupName"]["Ref"] == "AuditLogGroup"
    [line] = filtered(found["FilterPattern"], EVENTS)
    assert json.loads(line)["detail"]["status"] == "HOOK_FAILED"


def test_the_latest_results_say_what_and_why(queries):
    rows = run(queries, "LatestResultsQuery", "AuditLogGroup", EVENTS)
    assert len(rows) == 4
    assert all(value for row in rows for value in row.values()), rows
    assert rows[0]["why"].endswith("breaks the rule")


def test_blocks_per_stack_count_what_the_function_decided(queries, decisions):
    rows = run(queries, "BlocksPerStackQuery", "DecisionLogGroup", decisions)
    told = [(row["account"], row["stackName"], row["logicalId"], row["verdict"], row["results"]) for row in rows]
    assert told == [
        ("123456789012", "range", "WebSecurityGroup", "non-compliant", 2),
        ("123456789012", "late", "WebSecurityGroup", "non-compliant", 1),
    ]


def test_blocks_per_reason_count_egress_rules(queries, decisions):
    rows = run(queries, "BlocksPerReasonQuery", "DecisionLogGroup", decisions)
    assert [(row["reason"], row["rules"], row["decisions"]) for row in rows] == [
        ("port-range", 4, 3),
        ("all-traffic", 1, 1),
    ]


def test_expired_exemptions_are_found_at_any_place_and_those_that_hold_are_not(queries, decisions):
    rows = run(queries, "ExpiredExemptionsQuery", "DecisionLogGroup", decisions)
    [row] = rows
    assert (row["exemption"], row["owner"], row["expired"], row["stackName"], row["results"]) == (
        "lb-bridge-mode",
        "platform@example.com",
        "2020-01-31",
        "late",
        1,
    )


def test_the_dashboard_counts_every_exemption_of_a_decision(widgets, decisions):
    rows = Query(widgets["Exemptions in use"]).run(decisions)
    assert [(row["exemption"], row["rules"], row["decisions"]) for row in rows] == [
        ("holds", 3, 2),
        ("holds-too", 1, 1),
    ]


def test_the_dashboard_lists_what_was_blocked(widgets, decisions):
    latest = Query(widgets["Latest blocks"]).run(decisions)
    assert sorted(row["stackName"] for row in latest) == ["late", "range", "range"]
    most = Query(widgets["Most blocked stacks"]).run(decisions)
    assert [(row["stackName"], row["blocks"]) for row in most] == [("range", 2), ("late", 1)]


def test_each_policy_that_decided_is_a_row(queries, decisions):
    lines = [(line, number) for number, line in enumerate(decisions)]
    [row] = run(queries, "PoliciesQuery", "DecisionLogGroup", lines)
    assert (row["policySource"], row["policySha256"]) == ("policy.toml", hashlib.sha256(EXPIRED.encode()).hexdigest())
    asked = [number for line, number in lines if '"event":"decision"' in line]
    assert (row["decisions"], row["first"], row["last"]) == (5, min(asked), max(asked))
    # Another policy is a separate row, in the order of the last decisions.
    other = [(line.replace(row["policySha256"], "0" * 64), len(lines) + number) for line, number in lines]
    rows = run(queries, "PoliciesQuery", "DecisionLogGroup", lines + other)
    assert [(found["policySha256"], found["decisions"]) for found in rows] == [(row["policySha256"], 5), ("0" * 64, 5)]


def test_direct_calls_that_someone_should_look_at_are_listed_once(queries, decisions, widgets):
    rows = run(queries, "DirectCallsQuery", "DecisionLogGroup", decisions)
    told = sorted((row["operation"], row["verdict"], row["tool"] or row["service"]) for row in rows)
    assert told == [
        ("AuthorizeSecurityGroupEgress", "non-compliant", "Terraform"),
        ("AuthorizeSecurityGroupEgress", "non-compliant", "eks.amazonaws.com"),
        ("ModifySecurityGroupRules", "undetermined", "AWS console"),
    ]
    latest = Query(widgets["Latest direct calls that break the rule"]).run(decisions)
    assert len(latest) == 4, "the dashboard shows every delivery"
    assert all(row["message"] and row["caller"] and row["groupId"] for row in latest)


def test_every_log_widget_is_tested(widgets):
    assert sorted(widgets) == [
        "Exemptions in use", "Latest blocks", "Latest direct calls that break the rule", "Most blocked stacks",
    ]  # fmt: skip


def test_every_saved_query_is_tested(queries):
    assert sorted(queries) == sorted(
        ["BlocksPerAccountQuery", "BlocksPerReasonQuery", "BlocksPerStackQuery", "DirectCallsQuery",
         "ExpiredExemptionsQuery", "LatestResultsQuery", "PoliciesQuery"]
    )  # fmt: skip


def test_a_field_that_no_line_has_is_refused(decisions):
    with pytest.raises(AssertionError, match="no line has a field stackNames"):
        Query("filter event = 'decision' | stats count(*) as n by stackNames").run(decisions)
