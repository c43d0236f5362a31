"""Exemptions from the first scan to their end, in MiniStack with hooks, following docs/exemptions.md: old stacks of two
accounts, a draft for each, joined, reviewed, checked, and deployed with the package's policy.sh, and the hook's
answers."""

import datetime
import json
import re
import subprocess

import boto3
import jsonschema
import pytest

from account import ACCOUNT_ID, REGION
from conftest import ROOT
from deployed import ALIAS, OF_CLOUDSHELL, Deployed, stack_with
from protocol import rule
from server import environment

OTHER_ACCOUNT = "210987654321"
ALIKE = [f"web-{number:02}" for number in range(12)]
RANGE = rule(8000, 8010, CidrIp="10.0.16.0/20")
WIDE = rule(32768, 65535, CidrIp="10.0.0.0/16")
DRAFTS = (ACCOUNT_ID, OTHER_ACCOUNT)
PAGE = (ROOT / "docs" / "exemptions.md").read_text()
DRAFT, JOIN, ADD, CHECK, DEPLOY = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SAID = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TODAY = datetime.datetime.now(datetime.UTC).date()


@pytest.fixture(scope="module")
def guard(bootstrap, program, tmp_path_factory):
    """Old stacks, and a guard that was deployed after them and only warns."""
    guard = Deployed(bootstrap, tmp_path_factory.mktemp("exemptions"), REGIONS=REGION)
    guard.program = program
    try:
        guard.add_tools(OF_CLOUDSHELL)
        (guard.bin / "cfn-egress-guard").symlink_to(program)
        for name in ALIKE:
            created(guard, name, RANGE, owner="web@example.com")
        created(guard, "load-balancer", WIDE, RANGE)
        created(guard, "web-00", RANGE, account=OTHER_ACCOUNT, owner="web@example.com")
        guard.deploy(FailureMode="WARN")
        yield guard
    finally:
        guard.stop()


def client(guard, account):
    if account == ACCOUNT_ID:
        return guard.cloudformation
    # The access key selects the account in MiniStack.
    return boto3.client("cloudformation", endpoint_url=guard.endpoint, region_name=REGION, aws_access_key_id=account,
                        aws_secret_access_key="test")  # fmt: skip


def created(guard, name, *rules, account=ACCOUNT_ID, owner=None):
    cloudformation = client(guard, account)
    tags = [{"Key": "owner", "Value": owner}] if owner else []
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(stack_with(*rules)), Tags=tags)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def command(guard, *arguments, account=ACCOUNT_ID, expect=0):
    """Runs cfn-egress-guard in the package's folder and returns its output."""
    given = environment(guard.folder, AWS_ACCESS_KEY_ID=account, AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION,
                        AWS_ENDPOINT_URL=guard.endpoint)  # fmt: skip
    run = subprocess.run(
        [guard.program, *arguments], cwd=guard.package, env=given, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == expect, f"{arguments} → {run.returncode}\n{run.stdout}{run.stderr}"
    return run.stdout


def run(guard, block, account=ACCOUNT_ID, expect=0):
    """Runs a block of the page in an account and returns its output."""
    block = re.sub("^REGION=.*$", f"REGION={REGION}", block, flags=re.MULTILINE)
    return guard.run(f"export AWS_ACCESS_KEY_ID={account}\nREGION={REGION}\nset -e\n{block}", expect=expect)


def masked(text):
    """Masks the hash in an ID and the days of this run."""
    return re.sub(r"\d{4}-\d\d-\d\d", "DAY", re.sub(r"(debt-\d{12}-)[0-9a-f]{12}", r"\1HASH", text))


def check(guard, file, *arguments, expect):
    """Returns the remarks of `policy check` on a file, by code."""
    said = json.loads(command(guard, "policy", "check", file, "--format", "json", *arguments, expect=expect))
    jsonschema.validate(said, json.loads((ROOT / "schema" / "policy-check.schema.json").read_text()))
    codes = [remark["code"] for remark in said["remarks"]]
    once = [code for code in codes if not code.startswith("expire")]  # these contain a day
    assert len(once) == len(set(once)), "what is the same is said once"
    return said, {remark["code"]: remark for remark in said["remarks"]}


def reviewed(text):
    """Edits a draft as a reviewer would: nothing remains to be written."""
    text = re.sub(r'reason = "REVIEW: [^"]*"', 'reason = "partner systems listen on this range until they are moved"', text)
    return re.sub(r'owner = "UNKNOWN: [^"]*"', 'owner = "platform@example.com"', text)


def test_each_account_gets_a_draft(guard):
    for account in DRAFTS:
        run(guard, DRAFT, account=account, expect=1)
    draft = (guard.package / f"draft-{ACCOUNT_ID}.toml").read_text()
    tables = draft.split("[[exemption]]")[1:]
    # Equal rules of twelve stacks are one exemption; another owner's stack has a separate one.
    assert len(tables) == 3, draft
    [alike] = [table for table in tables if 'stack_name = "web-*"' in table]
    assert 'owner = "web@example.com"' in alike and 'ports = "8000-8010"' in alike and 'destination = "10.0.16.0/20"' in alike
    assert sum('owner = "UNKNOWN: name an owner"' in table for table in tables) == 2
    ids = re.findall(r'^id = "(.*)"', draft, re.MULTILINE)
    assert all(id.startswith(f"debt-{ACCOUNT_ID}-") for id in ids) and len(set(ids)) == 3
    # Their end dates differ, in the second half of 90 days.
    ends = [(datetime.date.fromisoformat(end) - TODAY).days for end in re.findall(r"expires = (\S+)", draft)]
    assert sorted(set(ends)) == sorted(ends) and min(ends) >= 45 and max(ends) in (90, 91), ends
    [shown] = re.findall(r"^```toml\n(\[\[exemption\]\]\nid = \"debt-.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert masked(shown.strip()) in masked(draft), "the page shows one of them"
    other = (guard.package / f"draft-{OTHER_ACCOUNT}.toml").read_text()
    assert f'id = "debt-{OTHER_ACCOUNT}-' in other and f'account = "{OTHER_ACCOUNT}"' in other


def test_a_draft_is_not_a_policy_and_says_each_thing_to_write_once(guard):
    said, remarks = check(guard, f"draft-{ACCOUNT_ID}.toml", expect=1)
    assert remarks["draft-reason"]["level"] == remarks["draft-owner"]["level"] == "action"
    assert (len(remarks["draft-reason"]["exemptions"]), len(remarks["draft-owner"]["exemptions"])) == (3, 2)
    human = command(guard, "policy", "check", f"draft-{ACCOUNT_ID}.toml", expect=1)
    assert [human.count(f"are drafts: replace the {what}") for what in ("reason", "owner")] == [1, 1]
    assert masked(SAID[1]) in masked(human), human


def test_drafts_are_joined_reviewed_and_accepted(guard):
    assert "are drafts: replace the reason" in run(guard, JOIN, expect=1)
    joined = guard.package / "exemptions.toml"
    said, _ = check(guard, "exemptions.toml", expect=1)
    assert len(said["policy"]["exemptions"]) == 4, "no two have one id"
    joined.write_text(reviewed(joined.read_text()))
    run(guard, ADD)
    policy = guard.package / "policy.toml"
    [head] = re.findall(r"^```toml\n(contact = .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    policy.write_text(head + policy.read_text())
    for account in DRAFTS:
        run(guard, CHECK, account=account)
    said, remarks = check(guard, "policy.toml", expect=0)
    assert set(remarks) <= {"deployer-chooses", "overlap"}, remarks
    assert said["policy"]["contact"] == "guard@example.com" and said["policy"]["maxDays"] == 365


def test_the_statuses_tell_soon_from_expired(guard):
    ends = sorted(re.findall(r"expires = (\S+)", (guard.package / "policy.toml").read_text()))
    check(guard, "policy.toml", "--as-of", ends[0], "--expiring-within", "0", expect=3)
    _, remarks = check(guard, "policy.toml", "--as-of", ends[0], expect=3)
    assert set(remarks) & {"expires-soon"} and not set(remarks) & {"expired"}
    after = (datetime.date.fromisoformat(ends[0]) + datetime.timedelta(days=1)).isoformat()
    check(guard, "policy.toml", "--as-of", after, expect=1)
    (guard.package / "long.toml").write_text((guard.package / "policy.toml").read_text().replace("max_days = 365", "max_days = 30"))
    _, remarks = check(guard, "long.toml", expect=2)
    assert remarks["ends-too-late"]["level"] == "error"


def last_reason(guard, stack):
    return [event["HookStatusReason"] for event in guard.events(stack, "Web") if event.get("HookType") == ALIAS][-1]


def with_tag(*rules):
    template = stack_with(*rules)
    template["Resources"]["Web"]["Properties"]["Tags"] = [{"Key": "release", "Value": "2"}]
    return template


def test_the_hook_lets_the_old_stacks_pass_and_nothing_else(guard):
    run(guard, DEPLOY)
    for stack, rules in (("web-03", [RANGE]), ("load-balancer", [WIDE, RANGE])):
        assert guard.update(stack, with_tag(*rules)) == "UPDATE_COMPLETE"
        assert re.search(r"exempt until \d{4}-\d\d-\d\d \(\d+ days left\)", last_reason(guard, stack))
    wider = rule(8000, 8011, CidrIp="10.0.16.0/20")
    assert guard.update("web-04", with_tag(wider)) == "UPDATE_ROLLBACK_COMPLETE"
    said = last_reason(guard, "web-04")
    assert "Questions and exemptions: guard@example.com." in said and "Open one port per egress rule: FromPort: 8000" in said
    # For a wide range, the message names a contact instead of requesting thousands of rules.
    assert guard.blocks("orders", WIDE)
    assert last_reason(guard, "orders") == f"Hook failed with message: {SAID[0].strip()}"


def test_after_its_end_an_exemption_blocks_and_names_its_owner(guard):
    text = (guard.package / "policy.toml").read_text()
    (guard.package / "ended.toml").write_text(re.sub(r"expires = \S+", "expires = 2026-01-31", text))
    assert "is not valid" not in guard.run("./policy.sh --fast set ended.toml")
    assert guard.update("web-05", with_tag(RANGE)) == "UPDATE_ROLLBACK_COMPLETE"
    said = last_reason(guard, "web-05")
    assert "covered it and expired on 2026-01-31" in said and "ask web@example.com to renew it" in said
    guard.run("./policy.sh --fast back")
    assert guard.update("web-05", with_tag(RANGE)) == "UPDATE_COMPLETE"
