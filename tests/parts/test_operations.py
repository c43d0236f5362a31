"""Every command of docs/operations.md, unchanged and in the order of the page, in MiniStack with hooks.

A section's blocks are run in the folder of the package, each followed by a check of its effect. A line NAME=value at
the top of a block is an example on the page: the test replaces the value with its own. The test first produces the
situation that a section describes. The section about organizations is played in moto, by test_organization_switch.py.
"""

import datetime
import hashlib
import io
import re
import zipfile

import pytest

from account import ACCOUNT_ID, REGION, hook_of_a_member
from conftest import ROOT
from deployed import ALIAS, GUARD, OF_CLOUDSHELL, Deployed, stack_with
from protocol import rule
from server import poll

PAGE = (ROOT / "docs" / "operations.md").read_text()
SECTIONS = {
    part.split("\n", 1)[0]: re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL) for part in PAGE.split("\n## ")[1:]
}
ELSEWHERE = {"An organization"}
RANGE = rule(8000, 8010, CidrIp="10.0.16.0/20")  # the range that the page exempts
FRIDAY = (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=3)).isoformat()


def stack_of(name, *rules):
    """Returns a template of a group with the given egress rules."""
    return stack_with(*rules)


class Page:
    """The blocks of one section, run one after the other; a block sees the variables of the earlier ones."""

    played = set()

    def __init__(self, guard, section, **values):
        Page.played.add(section)
        self.guard, self.values = guard, values
        self.blocks, self.before = iter(SECTIONS[section]), ""

    def run(self, expect=0, **values):
        """Runs the next block and returns its output."""
        block = next(self.blocks)
        for name, value in {**self.values, **values}.items():
            block = re.sub(rf"^{name}=.*$", f"{name}={value}", block, flags=re.MULTILINE)
        said = self.guard.run(f"{self.before}set -e\n{block}", expect=expect)
        self.before += "".join(line + "\n" for line in re.findall(r"^[A-Z]+=.*$", block, re.MULTILINE) if "$(" not in line)
        return said

    def ends(self):
        assert list(self.blocks) == [], "every block of the section is run"


@pytest.fixture(scope="module")
def guard(bootstrap, tmp_path_factory):
    """The guard, blocking, in an account where hooks also run during rollbacks."""
    folder = tmp_path_factory.mktemp("operations")
    guard = Deployed(bootstrap, folder, HOOKS_ON_ROLLBACKS="1", REFUSED=str(folder / "refused"), REGIONS=REGION)
    try:
        guard.add_tools(OF_CLOUDSHELL)
        guard.deploy()
        yield guard
    finally:
        guard.stop()


def status(guard, name):
    return guard.stack(name)["StackStatus"]


def test_warn_in_every_region(guard):
    page = Page(guard, "WARN in every Region", REGION=REGION)
    assert guard.blocks("blocked")
    page.run()
    assert page.run() == f"{REGION}       FailureMode=WARN\n"
    assert not guard.blocks("let-through")
    page.run()
    assert guard.blocks("blocked-again")
    # Without the package.
    page.run()
    poll(lambda: status(guard, GUARD) == "UPDATE_COMPLETE", seconds=30, what="the update ends")
    assert guard.parameters()["FailureMode"] == "WARN"
    guard.run("./switch.sh FAILURE_MODE=FAIL")
    page.ends()


def test_one_deployment_until_friday(guard):
    page = Page(guard, "One deployment until Friday", REGION=REGION, FRIDAY=FRIDAY)
    assert guard.create("payments", stack_with(rule(443, 443))) == "CREATE_COMPLETE"
    assert guard.update("payments", stack_with(RANGE)) == "UPDATE_ROLLBACK_COMPLETE"
    page.run()
    assert guard.update("payments", stack_with(RANGE)) == "UPDATE_COMPLETE"
    assert guard.open_ports("payments") == [(8000, 8010)]
    [*_, last] = [event["HookStatusReason"] for event in guard.events("payments", "Web") if event.get("HookType") == ALIAS]
    assert "payments-until-friday" in last and FRIDAY in last
    assert guard.blocks("orders", RANGE), "another stack's is blocked as before"
    fast = guard.function()[1]
    page.run()
    assert guard.function()[1] != fast and not guard.blocks("payments-2", rule(443, 443))
    assert b"payments-until-friday" in guard.code(guard.function()[1])["policy.toml"], "the stack carries it"
    page.run()
    assert guard.parameters()["StackNamesExclude"] == "payments"
    page.run()
    assert guard.parameters()["StackNamesExclude"] == ""
    page.ends()
    guard.run("./policy.sh back 1")


def break_the_policy(guard):
    """Puts another policy.toml into the function's zip file without policy.sh, which would reject it."""
    function, version = guard.function()
    files = guard.code(version)
    broken = io.BytesIO()
    with zipfile.ZipFile(broken, "w") as archive:
        for name, content in {**files, "policy.toml": b'preset = "litteral"\n'}.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, content)
    guard.lambdas.update_function_code(FunctionName=function, ZipFile=broken.getvalue())
    guard.lambdas.get_waiter("function_updated").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    published = guard.lambdas.publish_version(FunctionName=function)["Version"]
    guard.lambdas.update_alias(FunctionName=function, Name="live", FunctionVersion=published)
    return version, published


def test_the_policy_has_a_mistake(guard):
    page = Page(guard, "The policy has a mistake", REGION=REGION)
    before, broken = break_the_policy(guard)
    assert guard.blocks("harmless", rule(443, 443))
    [*_, last] = [event["HookStatusReason"] for event in guard.events("harmless", "Web") if event.get("HookType") == ALIAS]
    assert "cfn-egress-guard is misconfigured" in last and "policy.toml, line 1, column 10" in last
    page.run()
    [decides] = [line for line in page.run().splitlines() if line.endswith("<- live")]
    assert decides.split()[1] == before
    assert not guard.blocks("harmless-again", rule(443, 443))
    page.run()
    assert int(guard.function()[1]) > int(broken), "the stack carries it, as a version of its own"
    assert guard.same(guard.function()[1], before)
    # Without the package. In a shell, $FUNCTION stays from one block to the next.
    assert f"{before}\t20" in page.run()
    page.before += f"FUNCTION={guard.function()[0]}:live\n"
    page.run(VERSION=broken)
    assert guard.function()[1] == broken
    page.ends()
    guard.run(f"./policy.sh back {before}")
    assert not guard.blocks("harmless-at-last", rule(443, 443))


def test_yesterdays_policy(guard):
    page = Page(guard, "Yesterday's policy", REGION=REGION, VERSION=guard.function()[1])
    (guard.package / "today.toml").write_text('preset = "effective"\n')
    guard.run("./policy.sh set today.toml")
    assert not guard.blocks("ping-today", rule(8, -1, IpProtocol="icmp"))
    assert "<- live" in page.run()
    said = page.run()
    assert 'preset = "literal"' in said and "the stack still has" not in said
    assert guard.blocks("ping-yesterday", rule(8, -1, IpProtocol="icmp"))
    assert 'preset = "literal"' in page.run()
    page.ends()


def test_who_changed_the_policy(guard):
    page = Page(guard, "Who changed the policy", REGION=REGION)
    (guard.package / "changed.toml").write_text('preset = "effective"\n')
    before = guard.code(guard.function()[1])["policy.toml"]
    guard.blocks("asked-before")
    guard.run("./policy.sh --fast set changed.toml")
    guard.blocks("asked-after")
    rows = [line.split("  ") for line in page.run().splitlines()]
    hashes = [hashlib.sha256(policy).hexdigest() for policy in (before, b'preset = "effective"\n')]
    found = {row[0]: row[1:] for row in rows}
    # policySource, first, last, decisions
    assert set(hashes) <= set(found) and all(row[0] == "policy.toml" for row in found.values()), rows
    assert rows[-1][0] == hashes[1] and found[hashes[0]][2] < found[hashes[1]][2], "the last to decide is the new one"
    said = page.run()
    assert "<- live" in said and "# program: commit 1234" in said and f"# sha256: {hashes[1]}" in said
    page.ends()
    guard.run("./policy.sh back")  # as a separate version, so that the next `back` returns here
    template = (ROOT / "template.yaml").read_text()
    [query] = re.findall(r'--query-string "(.*?)"\)', SECTIONS["Who changed the policy"][0], re.DOTALL)
    assert " ".join(query.split()) in " ".join(template.split()), "the saved query is the same"


def test_the_guards_stack_cannot_be_updated(guard):
    page = Page(guard, "The guard's stack cannot be updated", REGION=REGION)
    refused = guard.folder / "refused"
    # One resource cannot be updated, and the rollback of an updated one fails.
    refused.write_text("update EgressHook\nrollback DecisionLogGroup\n")
    guard.run("./switch.sh FAILURE_MODE=WARN RETENTION_DAYS=30", expect=1)
    assert status(guard, GUARD) == "UPDATE_ROLLBACK_FAILED"
    said = guard.run("./switch.sh FAILURE_MODE=WARN", expect=1)
    assert "the stack is UPDATE_ROLLBACK_FAILED: continue its rollback first (see operations.md)" in said
    assert guard.blocks("stuck")

    page.run()
    assert not guard.blocks("not-checked"), "the hook is off"
    refused.write_text("")
    said = page.run()
    assert "EgressHook\tAccess denied" in said and "DecisionLogGroup" in said
    poll(lambda: page_says(guard, SECTIONS["The guard's stack cannot be updated"][2]), seconds=30, what="the rollback ends")
    assert page.run() == "UPDATE_ROLLBACK_COMPLETE\n"
    page.run()
    assert guard.blocks("checked-again"), "the hook is on as it was"
    page.ends()
    guard.run("./switch.sh RETENTION_DAYS=90")
    assert guard.parameters()["RetentionDays"] == "90"


def page_says(guard, block):
    return guard.run(f"REGION={REGION}\n{block}") == "UPDATE_ROLLBACK_COMPLETE\n"


def test_a_users_stack_cannot_roll_back(guard):
    page = Page(guard, "A user's stack cannot roll back", REGION=REGION, STACK="old")
    guard.run("./switch.sh FAILURE_MODE=WARN")
    assert guard.create("old", stack_with(rule(80, 87))) == "CREATE_COMPLETE", "an old group"
    guard.run("./switch.sh FAILURE_MODE=FAIL")
    # The owner fixes it and adds a rule that is blocked, so the stack rolls back to the old one.
    fixed = stack_with(rule(443, 443))
    fixed["Resources"]["More"] = {**stack_with(rule(0, 65535))["Resources"]["Web"], "DependsOn": "Web"}
    assert guard.update("old", fixed) == "UPDATE_ROLLBACK_FAILED"
    page.run()
    assert page.run() == "UPDATE_ROLLBACK_COMPLETE\n"
    assert guard.open_ports("old") == [(80, 87)]
    assert guard.parameters()["FailureMode"] == "FAIL"
    page.ends()


def test_a_central_function(guard):
    """The members' hook is in the same account, because MiniStack's hooks call functions of the same account."""
    page = Page(guard, "A central function", REGION=REGION)
    central = guard.outputs(GUARD)["FunctionAliasArn"].replace(REGION, "{region}")
    guard.run("./switch.sh HOOK_STATUS=DISABLED")
    guard.aws("cloudformation", "deploy", "--template-file", hook_of_a_member(guard.folder),
              "--stack-name", "member", "--capabilities", "CAPABILITY_IAM", "--parameter-overrides",
              f"CentralFunctionArn={central}", "HookAlias=Acme::Member::Guard", "FailureMode=FAIL")  # fmt: skip
    before, _ = break_the_policy(guard)
    assert guard.blocks("member-blocked", rule(443, 443))
    page.run()
    assert not guard.blocks("member-goes-on", rule(443, 443))
    page.run()
    assert guard.parameters()["FailureMode"] == "WARN"
    [decides] = [line for line in page.run().splitlines() if line.endswith("<- live")]
    assert decides.split()[1] == before
    page.run()
    assert guard.parameters()["FailureMode"] == "FAIL" and guard.same(guard.function()[1], before)
    page.ends()
    assert guard.run("./policy.sh --stack member versions", expect=1).count("change the policy of the central account's stack")
    # A member's own switch.
    guard.run("./switch.sh --stack member FAILURE_MODE=WARN")
    assert not guard.blocks("member-warned")


def test_every_section_is_played():
    """Runs last."""
    assert Page.played | ELSEWHERE == {name for name, blocks in SECTIONS.items() if blocks}
    assert ACCOUNT_ID not in PAGE
