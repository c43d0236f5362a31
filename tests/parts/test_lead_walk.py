"""The steps of a security lead, from an organization without a guard to the direct call in one of its accounts.

The parts:

- moto plays Organizations, STS, every account's stacks, functions, rules, trails, logs and metrics, in one server. The
  StackSet of deploy/organization.yaml creates the guard's stacks there (see test_stack_set.py).
- moto does not support aliases in templates: the guard's rule gets the alias by its ARN, and the alias is created
  through Lambda's API. The rule's permission and the retries, which need an alias at once, are left out, as is the
  dashboard.
- moto does not support the hook: a loopback proxy answers the requests about it, for each account and Region with the
  guard's stack, with the function's alias of that stack.
- The real function judges the direct call in AWS's runtime emulator, from a recorded event of CloudTrail. Its output
  goes to moto's log of that account, and the metrics in it to moto's CloudWatch, as Lambda and CloudWatch do.
- The commands are the real ones.
"""

import json
import os
import re
import subprocess
import sys
import time
from xml.sax.saxutils import escape

import jsonschema
import pytest
import yaml

from conftest import ROOT
from emulator import Emulator
from faults import FaultyProxy
from server import Server, environment, free_port, poll
from test_scan import template
from test_stack_set import CREDENTIALS, HOME, REGIONS, Organization, playable

PROGRAM = ROOT / os.environ.get("CFN_EGRESS_GUARD", "target/debug/cfn-egress-guard")
STACK = "cfn-egress-guard"
ALIAS = "GuardFunctionAliaslive"  # SAM's name for the resource
CALL = json.loads((ROOT / "tests" / "fixtures" / "direct-calls" / "authorize.json").read_text())

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def organization(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("moto", command, port=port, folder=folder, variables=CREDENTIALS)
    made = Organization(f"http://127.0.0.1:{port}")
    yield made
    server.stop()


@pytest.fixture(scope="module")
def guarded(organization):
    """The guard in the unit's accounts, through the StackSet, and in the management account, as ORGANIZATION.md
    describes."""
    settings = {"FailureMode": "FAIL", "WatchDirectCalls": "ENABLED"}
    text = json.dumps(organization.templates["guard.json"])
    alias = json.dumps({"Fn::Join": ["", [{"Fn::GetAtt": ["GuardFunction", "Arn"]}, ":live"]]})
    assert json.dumps({"Ref": ALIAS}) in text
    guard = organization.templates["guard.json"] = json.loads(text.replace(json.dumps({"Ref": ALIAS}), alias))
    for name in ("DirectCallsPermission", "DirectCallsRetries", "Dashboard"):
        del guard["Resources"][name]
    organization.deploy("guard.json", GuardStackName=STACK, **settings)
    body = json.dumps(playable(organization.templates["guard.json"], **settings))
    for region in REGIONS:
        organization.client("cloudformation", region).create_stack(StackName=STACK, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    for account in (None, *organization.members):
        trail(organization, account)
        for region in REGIONS:
            client = organization.client("lambda", region, account)
            [function] = client.list_functions()["Functions"]
            version = client.publish_version(FunctionName=function["FunctionName"])["Version"]
            client.create_alias(FunctionName=function["FunctionName"], Name="live", FunctionVersion=version)
    return organization


def trail(organization, account):
    """Creates a trail for every Region; without it, EventBridge gets no calls."""
    organization.client("s3", account=account).create_bucket(Bucket=f"trail-{account}")
    cloudtrail = organization.client("cloudtrail", account=account)
    cloudtrail.create_trail(Name="all", S3BucketName=f"trail-{account}", IsMultiRegionTrail=True)
    # CloudTrail gives a new trail these values, but moto does not.
    management = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
    cloudtrail.put_event_selectors(TrailName="all", EventSelectors=management)
    cloudtrail.start_logging(Name="all")


def function_of(organization, account, region):
    """Returns the function of an account's guard, if it has one."""
    account = None if account == organization.management else account
    functions = organization.client("lambda", region, account).list_functions()["Functions"]
    return functions[0]["FunctionArn"].removesuffix(":$LATEST") if functions else None


def hooks(organization):
    """Answers for the hook as CloudFormation would: it exists where the guard's stack does."""

    def described(account, region, form):
        account = account or organization.management
        if not function_of(organization, account, region) or form["TypeName"].endswith("Stack"):
            return 404, "TypeNotFoundException"
        arn = f"arn:aws:cloudformation:{region}:{account}:type/hook/Security-Egress-SinglePort"
        return f"<Arn>{arn}</Arn><IsActivated>true</IsActivated><OriginalTypeName>AWS::Hooks::LambdaHook</OriginalTypeName>"

    def configured(account, region, form):
        function = function_of(organization, account or organization.management, region)
        hook = {
            "HookInvocationStatus": "ENABLED", "TargetOperations": ["RESOURCE", "CLOUD_CONTROL"], "FailureMode": "FAIL",
            "Properties": {"LambdaFunction": f"{function}:live"},
        }  # fmt: skip
        configuration = json.dumps({"CloudFormationConfiguration": {"HookConfiguration": hook}})
        return f"<TypeConfigurations><member><Configuration>{escape(configuration)}</Configuration></member></TypeConfigurations>"

    return {
        "DescribeType": described,
        "BatchDescribeTypeConfigurations": configured,
        "ListHookResults": lambda *_: "<HookResults></HookResults>",
    }


@pytest.fixture
def variables(guarded, tmp_path):
    """Returns the environment of the lead's commands."""
    between = FaultyProxy(guarded.endpoint, answers=hooks(guarded))
    yield environment(tmp_path, AWS_ENDPOINT_URL=between.url, AWS_REGION=HOME, AWS_DEFAULT_REGION=HOME, **CREDENTIALS)
    between.stop()


@pytest.fixture
def ask(variables):
    """Runs a command for the whole organization. Returns its exit status, its result, and the text for people."""

    def run(command, *more):
        arguments = [PROGRAM, command, "--organization", "--regions", ",".join(REGIONS), *more]
        done = [
            subprocess.run([*arguments, "--format", form], env=variables, capture_output=True, text=True, timeout=100)
            for form in ("json", "human")
        ]
        assert done[0].stdout, done[0].stderr
        found = json.loads(done[0].stdout)
        jsonschema.validate(found, json.loads((ROOT / "schema" / f"{command}.schema.json").read_text()))
        return done[0].returncode, found, done[1].stdout

    return run


def test_status_shows_the_one_account_without_the_guard(guarded, ask):
    code, found, said = ask("status")
    assert code == 1
    verdicts = {one["account"]: one["verdict"] for one in found["accounts"]}
    assert verdicts.pop(guarded.other) == "hole"
    assert verdicts == dict.fromkeys([guarded.management, *guarded.members], "enforced"), json.dumps(found["regions"][2:4], indent=1)
    assert {hole["code"] for one in found["regions"] if one["account"] == guarded.other for hole in one["holes"]} == {"missing"}
    assert said.splitlines()[1].split()[0] == guarded.other, "the problems come first"
    watched = {(one["account"], one["region"]): one["directCalls"] and one["directCalls"]["watched"] for one in found["regions"]}
    assert {place: is_watched for place, is_watched in watched.items() if place[0] != guarded.other} == {
        (account, region): True for account in (guarded.management, *guarded.members) for region in REGIONS
    }, found["regions"]


def test_the_scheduled_check_fails_and_names_the_account(guarded, variables, tmp_path):
    """examples/scheduled-status.yml, in the Regions of this organization."""
    workflow = yaml.safe_load((ROOT / "examples" / "scheduled-status.yml").read_text())
    assert workflow[True]["schedule"], "on: in YAML 1.1"
    steps = workflow["jobs"]["status"]["steps"]
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    install, look = (step["run"] for step in steps if "run" in step)
    assert install == f"pip install cfn-egress-guard=={version}"
    assert look.count("--regions all") == 1
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cfn-egress-guard").symlink_to(PROGRAM)
    summary = tmp_path / "summary"
    done = subprocess.run(
        # As GitHub runs a step (GitHub Docs, "Workflow syntax", shell).
        ["bash", "-e", "-c", look.replace("--regions all", f"--regions {','.join(REGIONS)}")],
        env={**variables, "PATH": f"{tmp_path / 'bin'}:{variables['PATH']}", "GITHUB_STEP_SUMMARY": str(summary)},
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout == summary.read_text() == f"hole: {guarded.other} other\n"
    [upload] = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
    found = json.loads((tmp_path / upload["with"]["path"]).read_text())
    jsonschema.validate(found, json.loads((ROOT / "schema" / "status.schema.json").read_text()))


def test_scan_says_whom_to_talk_to_first(guarded, ask):
    one, two = guarded.members
    for account, stack, kind, owner in (
        (one, "shop", "range", "payments"), (one, "till", "open", "payments"), (two, "blog", "range", "web"), (two, "site", "good", "web"),
    ):  # fmt: skip
        guarded.client("cloudformation", REGIONS[0], account).create_stack(
            StackName=stack, TemplateBody=template(kind), Tags=[{"Key": "Owner", "Value": owner}]
        )
    code, found, said = ask("scan")
    assert code == 1
    summary = found["summary"]
    assert [(owner["name"], owner["stacks"]) for owner in summary["owners"]] == [("payments", 2), ("web", 1)]
    answers = {account["account"]: (account["answer"], account["stacksBlocked"]) for account in summary["accounts"]}
    assert (answers[one], answers[two], answers[guarded.other]) == (("no", 2), ("no", 1), ("yes", 0))
    by_owner = said.split("\nBy owner\n")[1]
    assert by_owner.index("payments") < by_owner.index("web")


def test_a_direct_call_in_one_account_is_in_audit_as_not_blocked(guarded, ask, bootstrap, tmp_path):
    account, region = guarded.members[1], REGIONS[0]
    assert ask("audit", "--since", "1d")[1]["results"] == []
    event = json.loads(json.dumps(CALL).replace(CALL["account"], account).replace(CALL["region"], region))
    event["time"] = event["detail"]["eventTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 120))
    called(guarded, account, region, event, bootstrap, tmp_path)

    code, found, said = ask("audit", "--since", "1d")
    [result] = found["results"]  # though EventBridge delivered the event twice
    assert code == 1
    assert (result["account"], result["region"], result["status"]) == (account, region, "DIRECT_CALL_NOT_BLOCKED")
    call, group = result["call"], event["detail"]["requestParameters"]["groupId"]
    assert (call["operation"], call["verdict"]) == ("AuthorizeSecurityGroupEgress", "non-compliant")
    assert call["caller"] == event["detail"]["userIdentity"]["arn"]
    [line] = [line for line in said.splitlines() if "AuthorizeSecurityGroupEgress on" in line and not line.startswith(" ")]
    for words in (account, region, "not blocked", group, call["caller"]):
        assert words in line


def called(organization, account, region, event, bootstrap, folder):
    """The function judges the event twice, because EventBridge may deliver one twice; its lines go to log and
    metrics."""
    emulator = Emulator(bootstrap, folder, GUARD_NAME=STACK)
    try:
        for _ in range(2):
            assert emulator.invoke(event) is None

        def printed():
            found = [line for line in emulator.server.log().splitlines() if line.startswith('{"event":"direct-call"')]
            return found if len(found) >= 2 else None

        lines = poll(printed, seconds=10, what="the function's lines")
    finally:
        emulator.stop()
    function = organization.client("lambda", region, account).get_function_configuration(
        FunctionName=function_of(organization, account, region)
    )
    group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function['FunctionName']}"
    logs = organization.client("logs", region, account)
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="live")
    # CloudTrail's events are at least a minute old.
    then = int(time.time()) - 60
    logs.put_log_events(logGroupName=group, logStreamName="live", logEvents=[{"timestamp": then * 1000, "message": line} for line in lines])
    cloudwatch = organization.client("cloudwatch", region, account)
    for line in map(json.loads, lines):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            cloudwatch.put_metric_data(Namespace=directive["Namespace"], MetricData=[
                {
                    "MetricName": metric["Name"], "Value": line[metric["Name"]], "Timestamp": then,
                    "Dimensions": [{"Name": name, "Value": str(line[name])} for name in dimensions],
                }
                for dimensions in directive["Dimensions"] for metric in directive["Metrics"]
            ])  # fmt: skip
