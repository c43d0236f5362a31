"""A whole organization end to end: the real command in 40 accounts and 3 Regions. moto plays them in one server, with
Organizations, STS and every account's stacks; some roles cannot be assumed, one account is suspended, and faults occur.

moto does not support hooks: a loopback proxy answers the requests about them, in the shapes of the CloudFormation API
Reference.
"""

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import boto3
import jsonschema
import pytest
from botocore.config import Config
from botocore.session import Session
from botocore.validate import ParamValidator

from cloud_control import CloudControl
from conftest import ROOT
from faults import FaultyProxy
from server import Server, environment, free_port
from test_scan import BLOCKED, template

PROGRAM = ROOT / os.environ.get("CFN_EGRESS_GUARD", "target/debug/cfn-egress-guard")
GUIDE = (ROOT / "deploy" / "ORGANIZATION.md").read_text()
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGIONS = ["ap-south-1", "eu-west-1", "us-east-1"]
HOME = "us-east-1"
MEMBERS = 39  # 40 with the management account
FAULTS = {5: "throttle", 7: "fail", 11: "reset", 37: "dawdle"}

pytestmark = pytest.mark.timeout(300)


class Organization:
    """40 accounts in 3 Regions, one of them suspended and two without a usable role, with one or two stacks in each
    Region."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        organizations = self.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        self.management = organizations.describe_organization()["Organization"]["MasterAccountId"]
        [root] = organizations.list_roots()["Roots"]
        self.root = root["Id"]
        made = organizations.create_organizational_unit(ParentId=self.root, Name="Workloads")
        self.workloads = made["OrganizationalUnit"]["Id"]
        made = organizations.create_organizational_unit(ParentId=self.workloads, Name="Production")
        self.production = made["OrganizationalUnit"]["Id"]
        self.units = {self.management: "Root"}
        members = []
        for number in range(MEMBERS + 1):
            status = organizations.create_account(Email=f"a{number}@example.com", AccountName=f"account-{number:02}")
            account = status["CreateAccountStatus"]["AccountId"]
            unit, path = [
                (self.root, "Root"),
                (self.workloads, "Root/Workloads"),
                (self.production, "Root/Workloads/Production"),
            ][number % 3]
            if unit != self.root:
                organizations.move_account(AccountId=account, SourceParentId=self.root, DestinationParentId=unit)
            self.units[account] = path
            members.append(account)
        self.suspended = members.pop()
        organizations.close_account(AccountId=self.suspended)
        self.refusing = members[3:5]
        self.accounts = sorted([self.management, *members])
        self.entered = [account for account in self.accounts if account not in self.refusing]
        self.stacks = {}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.fill, self.entered))

    def keys(self, account):
        if account == self.management:
            return {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        assumed = self.client("sts").assume_role(RoleArn=role, RoleSessionName="fill")["Credentials"]
        return {
            "aws_access_key_id": assumed["AccessKeyId"],
            "aws_secret_access_key": assumed["SecretAccessKey"],
            "aws_session_token": assumed["SessionToken"],
        }

    def client(self, service, region=HOME, account=None):
        keys = self.keys(account) if account else {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint, config=Config(proxies={}), **keys)

    def fill(self, account):
        number = self.accounts.index(account)
        kinds = ["good", "range", "open", "given"]
        for region in REGIONS:
            cloudformation = self.client("cloudformation", region, account)
            for name in (kinds[number % 4], kinds[(number // 4) % 2])[: 1 + number % 2]:
                stack = f"{name}-{number:02}{len(self.stacks.get((account, region), []))}"
                cloudformation.create_stack(
                    StackName=stack,
                    TemplateBody=template(name),
                    Parameters=[{"ParameterKey": "To", "ParameterValue": "444"}],
                    Tags=[{"Key": "Owner", "Value": f"team-{number % 5}"}],
                )
                self.stacks.setdefault((account, region), []).append(stack)

    def expected(self):
        return Counter((*place, stack) for place, stacks in self.stacks.items() for stack in stacks)


@pytest.fixture(scope="module")
def organization(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("organization"), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("moto", command, port=port, folder=folder, variables=CREDENTIALS)
    yield Organization(f"http://127.0.0.1:{port}")
    server.stop()


def variables(folder, endpoint):
    return environment(folder, AWS_ENDPOINT_URL=endpoint, AWS_REGION=HOME, AWS_DEFAULT_REGION=HOME, AWS_PAGER="", **CREDENTIALS)


def run(folder, endpoint, *arguments):
    assert os.access(PROGRAM, os.X_OK), f"{PROGRAM} is not there; build it with: cargo build --package cfn-egress-guard"
    return subprocess.run(
        [PROGRAM, *arguments], env=variables(folder, endpoint), capture_output=True, text=True, timeout=200, check=False
    )


def result(folder, endpoint, command, *arguments):
    done = run(folder, endpoint, command, "--format", "json", "--regions", ",".join(REGIONS), *arguments)
    found = json.loads(done.stdout) if done.stdout else pytest.fail(done.stderr)
    jsonschema.validate(found, json.loads((ROOT / f"schema/{command}.schema.json").read_text()))
    return done.returncode, found


def check(organization, found):
    """Checks that nothing is lost or duplicated, and that every verdict is correct."""
    assert Counter((s["account"], s["region"], s["stack"]) for s in found["stacks"]) == organization.expected()
    for stack in found["stacks"]:
        fates = [rule["fate"] for rule in stack.get("findings", [])]
        assert fates == (["blocked"] if stack["stack"].split("-")[0] in BLOCKED else []), stack
    unread = [(what["account"], what.get("region"), what["failure"]["action"]) for what in found["unread"]]
    assert sorted(unread) == [(account, None, "sts:AssumeRole") for account in sorted(organization.refusing)]


@contextlib.contextmanager
def proxy(organization, **given):
    proxy = FaultyProxy(organization.endpoint, refusing=organization.refusing, **given)
    try:
        yield proxy
    finally:
        proxy.stop()


def test_forty_accounts_in_three_regions_with_faults_in_between(organization, tmp_path):
    with proxy(organization, faults=FAULTS) as between:
        code, found = result(tmp_path, between.url, "scan", "--organization")
    assert set(between.counts) == set(FAULTS.values()), "every fault was met"
    assert code == 2, "two accounts could not be accessed"
    check(organization, found)
    members = {member["account"]: member for member in found["accounts"]}
    assert sorted(members) == organization.accounts, "the suspended one is left out"
    for account, member in members.items():
        assert member["organizationalUnit"] == organization.units[account]
    assert Counter(between.assumed) == Counter(set(organization.entered) - {organization.management}), "one session each"

    summary = found["summary"]
    blocked = {place: [s for s in stacks if s.split("-")[0] in BLOCKED] for place, stacks in organization.stacks.items()}
    by_account = Counter()
    for (account, _), stacks in blocked.items():
        by_account[account] += len(stacks)
    told = {one["account"]: (one["answer"], one["stacksBlocked"]) for one in summary["accounts"]}
    assert told == {
        account: ("unknown", 0) if account in organization.refusing else ("no" if by_account[account] else "yes", by_account[account])
        for account in organization.accounts
    }
    by_unit = Counter()
    for account, number in by_account.items():
        by_unit[organization.units[account]] += number
    assert {unit["name"]: unit["stacks"] for unit in summary["organizationalUnits"]} == dict(+by_unit)
    assert summary["accountsUnread"] == sorted(organization.refusing)
    assert sum(owner["stacks"] for owner in summary["owners"]) == sum(by_account.values()) == summary["stacksBlocked"]


def test_the_groups_of_forty_accounts_are_read_live(organization, tmp_path):
    """moto's EC2 behind Cloud Control: a default group in each Region, open as EC2 makes it, and the groups of the stacks."""
    there, defaults = Counter(), Counter()
    for account in organization.entered:
        for region in REGIONS:
            for group in organization.client("ec2", region, account).describe_security_groups()["SecurityGroups"]:
                there[account, region, group["GroupId"]] += 1
                defaults[account] += group["GroupName"] == "default"
    played = CloudControl(organization.endpoint)
    between = FaultyProxy(played.url, refusing=organization.refusing, faults=FAULTS)
    try:
        code, found = result(tmp_path, between.url, "scan", "--organization", "--live")
    finally:
        between.stop()
        played.stop()
    assert set(between.counts) == set(FAULTS.values()), "every fault was met"
    assert code == 2, "two accounts could not be accessed"
    check(organization, found)
    assert Counter((g["account"], g["region"], g["group"]) for g in found["groups"]) == there, "nothing lost, nothing twice"
    owners = Counter(group["ownership"] for group in found["groups"])
    assert owners["default"] == sum(defaults.values()) and owners["stack"] > 0
    live = found["summary"]["live"]
    assert live["groups"] == sum(there.values())
    assert live["defaults"]["breaking"] == sum(defaults.values()) == len(organization.entered) * len(REGIONS)


def test_a_run_that_is_interrupted_and_one_that_is_killed_are_taken_up(organization, tmp_path):
    file = tmp_path / "scan.json"
    arguments = [PROGRAM, "scan", "--organization", "--regions", ",".join(REGIONS), "--output", file]

    def started(between, *more):
        return subprocess.Popen(
            [*arguments, *more], env=variables(tmp_path, between.url), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def written(at_least):
        part = file.with_name("scan.json.part")
        return part.exists() and part.read_text().count("\n") > at_least

    with proxy(organization, faults={3: "dawdle"}) as between:
        with started(between) as first:
            while first.poll() is None and not written(20):
                pass
            first.terminate()  # leaves a result that is marked incomplete
            first.communicate()
        interrupted = json.loads(file.read_text())
        assert (interrupted["complete"], interrupted["interrupted"]) == (False, True)
        some = len(interrupted["stacks"])
        assert 20 <= some < sum(organization.expected().values())
        with started(between, "--resume", file) as second:
            while second.poll() is None and not written(some + 40):
                pass
            second.kill()  # leaves a file that is cut off
    with proxy(organization) as between:
        code, found = result(tmp_path, between.url, "scan", "--organization", "--resume", file, "--output", file)
    assert code == 2
    check(organization, found)
    assert not file.with_name("scan.json.part").exists()
    # The results of separate runs for each account equal the result of one run for all.
    ours = organization.entered[:2]
    files = []
    for account in ours:
        files += ["--from", tmp_path / f"{account}.json"]
        run(tmp_path, organization.endpoint, "scan", "--accounts", account, "--regions", ",".join(REGIONS), "--output", files[-1])
    joined = json.loads(run(tmp_path, "http://127.0.0.1:1", "scan", "--format", "json", *files).stdout)
    of_all = [stack for stack in found["stacks"] if stack["account"] in ours]
    assert joined["stacks"] == of_all and joined["complete"]


def test_units_bring_those_below_them(organization, tmp_path):
    code, found = result(tmp_path, organization.endpoint, "scan", "--organizational-unit", organization.production)
    inside = [account for account, unit in organization.units.items() if unit.endswith("/Production") and account in organization.accounts]
    assert sorted(member["account"] for member in found["accounts"]) == sorted(inside)
    _, found = result(tmp_path, organization.endpoint, "scan", "--organizational-unit", organization.workloads)
    inside = [account for account, unit in organization.units.items() if "/Workloads" in unit and account in organization.accounts]
    assert sorted(member["account"] for member in found["accounts"]) == sorted(inside)


def hooks(organization, without, warning):
    """Answers requests about hooks: one account has none, in one it only warns, and everywhere something was
    blocked."""

    def described(account, region, form):
        if (account or organization.management) == without or form["TypeName"].endswith("Stack"):
            return 404, "TypeNotFoundException"
        arn = f"arn:aws:cloudformation:{region}:{account or organization.management}:type/hook/Security-Egress-SinglePort"
        return (
            f"<Arn>{arn}/00000001</Arn><IsActivated>true</IsActivated>"
            "<OriginalTypeName>AWS::Hooks::LambdaHook</OriginalTypeName>"
        )

    def configured(account, region, form):
        assert form["TypeConfigurationIdentifiers.member.1.TypeName"] == "Security::Egress::SinglePort"
        mode = "WARN" if account == warning else "FAIL"
        hook = {"HookInvocationStatus": "ENABLED", "TargetOperations": ["RESOURCE", "CLOUD_CONTROL"], "FailureMode": mode}
        configuration = json.dumps({"CloudFormationConfiguration": {"HookConfiguration": hook}})
        return f"<TypeConfigurations><member><Configuration>{configuration}</Configuration></member></TypeConfigurations>"

    def listed(account, region, form):
        if form.get("Status") != "HOOK_COMPLETE_FAILED":
            return "<HookResults></HookResults>"
        account = account or organization.management
        assert re.fullmatch(r"arn:aws:cloudformation:[a-z0-9-]+:[0-9]{12}:type/hook/[A-Za-z0-9-]+/?", form["TypeArn"])
        # Each account has a different minute.
        minute = organization.accounts.index(account)
        return (
            f"<HookResults><member><HookResultId>r-{account}-{region}</HookResultId><Status>HOOK_COMPLETE_FAILED</Status>"
            f"<FailureMode>FAIL</FailureMode><TypeName>Security::Egress::SinglePort</TypeName>"
            f"<InvokedAt>2026-11-20T10:{minute:02}:00Z</InvokedAt><TargetType>RESOURCE</TargetType><TargetId>Sg</TargetId>"
            f"<HookExecutionTarget>arn:aws:cloudformation:{region}:{account}:stack/app/1</HookExecutionTarget></member></HookResults>"
        )

    def looked(account, region, form):
        return (
            "<HookResultId>r</HookResultId><Annotations><member><AnnotationName>a</AnnotationName><Status>FAILED</Status>"
            "<StatusMessage>tcp 80-87 opens a range</StatusMessage></member></Annotations>"
        )

    return {
        "DescribeType": described,
        "BatchDescribeTypeConfigurations": configured,
        "ListHookResults": listed,
        "GetHookResult": looked,
    }


def test_status_names_the_one_account_without_the_guard_first(organization, tmp_path):
    without, warning = organization.entered[7], organization.entered[9]
    with proxy(organization, answers=hooks(organization, without, warning)) as between:
        code, found = result(tmp_path, between.url, "status", "--organization")
        said = run(tmp_path, between.url, "status", "--organization", "--regions", ",".join(REGIONS)).stdout
    assert (code, found["verdict"]) == (1, "hole")
    verdicts = [(one["account"], one["verdict"]) for one in found["accounts"]]
    assert {account for account, _ in verdicts[:2]} == {without, warning}
    assert verdicts[2:4] == [(account, "unknown") for account in sorted(organization.refusing)]
    assert all(verdict == "enforced" for _, verdict in verdicts[4:]) and len(verdicts) == 40
    assert len(found["regions"]) == len(organization.entered) * 3
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[1:41]] == [account for account, _ in verdicts], "a line for each account"
    assert lines[-1] == "=> 36 of 40 accounts enforced, 2 with a gap, 2 could not be determined"


def test_audit_is_one_time_line_of_all_accounts(organization, tmp_path):
    with proxy(organization, faults={17: "throttle", 31: "reset"}, answers=hooks(organization, None, None)) as between:
        code, found = result(tmp_path, between.url, "audit", "--organization")
    assert set(between.counts) == {"throttle", "reset"}
    assert code == 2
    assert [what["account"] for what in found["unread"]] == sorted(organization.refusing)
    results = found["results"]
    assert Counter(one["id"] for one in results) == Counter(
        f"r-{account}-{region}" for account in organization.entered for region in REGIONS
    ), "nothing lost, nothing twice"
    times = [one["at"] for one in results]
    assert times == sorted(times, reverse=True)
    assert all(one["annotations"] for one in results)
    some = ",".join(organization.entered[:3])
    with proxy(organization, answers=hooks(organization, None, None)) as between:
        asff = run(tmp_path, between.url, "audit", "--accounts", some, "--regions", ",".join(REGIONS), "--format", "asff").stdout
    assert len(imported(organization, asff)) == 9


def imported(organization, text):
    """Returns Security Hub's findings after BatchImportFindings of each line with the account's own credentials."""
    batches = [json.loads(line) for line in text.splitlines()]
    shape = Session().get_service_model("securityhub").operation_model("BatchImportFindings").input_shape
    places = {}
    for batch in batches:
        assert not (report := ParamValidator().validate(batch, shape)).has_errors(), report.generate_report()
        assert len(batch["Findings"]) <= 100
        [place] = {(one["AwsAccountId"], one["Region"]) for one in batch["Findings"]}
        for one in batch["Findings"]:
            check_constraints(one, shape.members["Findings"].member)
            assert one["ProductArn"] == f"arn:aws:securityhub:{place[1]}:{place[0]}:product/{place[0]}/default"
        places.setdefault(place, []).append(batch)
    told = {one["Id"] for batch in batches for one in batch["Findings"]}
    found = {}
    for (account, region), own in places.items():
        hub = organization.client("securityhub", region, account)
        with contextlib.suppress(hub.exceptions.ResourceConflictException):
            hub.enable_security_hub()
        for batch in own:
            answer = hub.batch_import_findings(**batch)
            assert (answer["FailedCount"], answer["SuccessCount"]) == (0, len(batch["Findings"])), answer
        # moto returns at most 100 findings.
        for one in hub.get_findings(MaxResults=100)["Findings"]:
            if one["Id"] in told:
                found[one["Id"]] = one
    return found


def check_constraints(value, shape, path="finding"):
    """Checks the model's enums and patterns, which botocore leaves to the service."""
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members), path
        for name, member in value.items():
            check_constraints(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for item in value:
            check_constraints(item, shape.member, path)
    elif shape.type_name == "string":
        if shape.enum:
            assert value in shape.enum, f"{path}: {value}"
        if pattern := shape.metadata.get("pattern"):
            assert re.fullmatch(pattern, value, re.DOTALL), f"{path}: {value}"


def test_security_hub_is_told_what_is_open_and_what_is_over(organization, tmp_path):
    file = tmp_path / "before.json"
    accounts = organization.entered[1:5]
    ask = ["scan", "--accounts", ",".join(accounts), "--regions", ",".join(REGIONS)]
    first = run(tmp_path, organization.endpoint, *ask, "--output", file, "--format", "asff").stdout
    before = imported(organization, first)
    blocked = sum(s.split("-")[0] in BLOCKED for (a, _), own in organization.stacks.items() if a in accounts for s in own)
    assert len(before) == blocked > 0
    assert {(one["Compliance"]["Status"], one["RecordState"]) for one in before.values()} == {("FAILED", "ACTIVE")}

    # Someone fixes one stack.
    (account, region), own = next(
        (place, own) for place, own in organization.stacks.items() if place[0] in accounts and own[0].split("-")[0] in BLOCKED
    )
    organization.client("cloudformation", region, account).update_stack(
        StackName=own[0], TemplateBody=template("good"), Parameters=[{"ParameterKey": "To", "ParameterValue": "444"}]
    )
    try:
        # Judged again, because moto keeps the time of a stack's update only to the second.
        second = run(tmp_path, organization.endpoint, *ask, "--compare", file, "--format", "asff").stdout
        after = imported(organization, second)
    finally:
        organization.client("cloudformation", region, account).update_stack(
            StackName=own[0], TemplateBody=template(own[0].split("-")[0]), Parameters=[{"ParameterKey": "To", "ParameterValue": "444"}]
        )
    assert set(before) == set(after), "the ids are stable"
    over = [one for one in after.values() if one["RecordState"] == "ARCHIVED"]
    assert [(one["Compliance"]["Status"], one["AwsAccountId"], one["Region"]) for one in over] == [("PASSED", account, region)]
    assert own[0] in over[0]["Id"]


def test_the_guides_role_lets_the_commands_in(organization, tmp_path):
    """The commands of ORGANIZATION.md create the role in the unit's accounts; moto does not check its permissions."""
    section = GUIDE.split("## Look at every account from one\n")[1].split("\n## ")[0]
    commands = re.findall(r"^    (aws [^\n\\]*(?:\\\n[^\n\\]*)*)$", section, re.MULTILINE)
    assert len(commands) == 3
    script = "\n".join(command.replace("\\\n", " ") for command in commands)
    given = f"export UNITS={organization.production} HOME_REGION={HOME}\n"
    done = subprocess.run(
        ["bash", "-euc", given + script.replace("111122223333", organization.management).replace("security-lead", "lead")],
        cwd=ROOT,
        env=variables(tmp_path, organization.endpoint),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    inside = [a for a, unit in organization.units.items() if unit.endswith("/Production") and a in organization.accounts]
    allowed = defaultdict(set)
    for account in [organization.management, *inside]:
        iam = organization.client("iam", account=account)
        role = iam.get_role(RoleName="cfn-egress-guard-reader")["Role"]
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"AWS": f"arn:aws:iam::{organization.management}:root"}
        named = f"arn:aws:iam::{organization.management}:role/lead"
        assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": named}}
        [name] = iam.list_role_policies(RoleName="cfn-egress-guard-reader")["PolicyNames"]
        policy = iam.get_role_policy(RoleName="cfn-egress-guard-reader", PolicyName=name)["PolicyDocument"]
        policy = ast.literal_eval(policy) if isinstance(policy, str) else policy  # moto stores it as Python's text
        allowed[account] = set(policy["Statement"][0]["Action"])
    printed = set()
    for command in ("scan", "audit", "status"):
        policy = json.loads(run(tmp_path, organization.endpoint, command, "--print-iam-policy").stdout)
        printed |= set(policy["Statement"][0]["Action"])
    assert all(actions == printed for actions in allowed.values())
