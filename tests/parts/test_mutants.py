"""tests/mutants/mutants.py: the cases in which it passes, and those in which it fails."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "mutants"))
import mutants  # noqa: E402

ONE = "src/rule/port.rs:12:5: replace < with <= in Port::new"
OTHER = "src/rule/port.rs:40:9: replace < with <= in Port::new"
THIRD = "src/hook.rs:7:1: delete ! in plan"
WHY = "  # no port is that large, so no input shows it"
NAME = "src/rule/port.rs: replace < with <= in Port::new"


def verdict(survivors, text, caught=(), whole=False):
    said = []
    found = {"MissedMutant": survivors, "CaughtMutant": list(caught)}
    return mutants.verdict(found, mutants.listed(text), whole, said.append), "\n".join(said)


def test_a_survivor_that_is_not_listed_fails():
    fine, said = verdict([ONE], "")
    assert not fine
    assert f"survives and is not listed: {ONE}" in said
    fine, said = verdict([ONE, THIRD], f"{NAME}{WHY}\n")
    assert not fine
    assert THIRD in said and ONE not in said


def test_a_survivor_that_is_listed_passes_wherever_it_moved():
    moved = ONE.replace(":12:5:", ":99:1:")
    fine, said = verdict([moved], f"# a comment\n\n{NAME}{WHY}\n")
    assert fine
    assert said == (
        "1 mutants: 0 caught by a test, 0 ended by the time limit, 0 that do not compile, 1 that survive"
    )


def test_two_mutants_of_one_name_need_two_lines():
    assert not verdict([ONE, OTHER], f"{NAME}{WHY}\n")[0]
    assert verdict([ONE, OTHER], f"{NAME}{WHY}\n{NAME}{WHY}\n")[0]


def test_a_line_that_is_not_needed_any_more_is_named_and_passes():
    fine, said = verdict([], f"{NAME}{WHY}\n", caught=[ONE], whole=True)
    assert fine
    assert f"take it off survivors.txt: {NAME}" in said
    # A shard does not have all mutants of a file.
    assert "take it off" not in verdict([], f"{NAME}{WHY}\n", caught=[ONE])[1]
    assert "take it off" not in verdict([], f"{NAME}{WHY}\n", caught=[THIRD], whole=True)[1]


@pytest.mark.parametrize("reason", ["", "  #", "  # equivalent", " no port is that large"])
def test_a_line_needs_a_reason(reason):
    with pytest.raises(mutants.Mistake, match="line 1 gives no reason"):
        mutants.listed(NAME + reason)


def test_the_list_can_be_used():
    assert mutants.listed(mutants.LIST.read_text())


def test_the_runner_fails_where_a_test_fails_and_where_one_loops(tmp_path):
    def run(script):
        program = tmp_path / "program"
        program.write_text(f"#!/usr/bin/env bash\n{script}\n")
        program.chmod(0o755)
        command = ["env", "CPU_SECONDS=1", ROOT / "tests/mutants/runner", program]
        return subprocess.run(command, capture_output=True, timeout=60, cwd=tmp_path).returncode

    (tmp_path / "src/rule").mkdir(parents=True)
    (tmp_path / "src/check.rs").touch()
    os.utime(tmp_path / "src/check.rs", (0, 0))
    (tmp_path / "src/rule/judge.rs").touch()

    assert run("exit 0") == 0
    assert run("exit 101") == 101
    # Three runs: the tests of the module of the file written last, those of the other modules, and the slow ones.
    assert run('[[ " $* " != *" rule:: --skip template:: "* || " $* " == *" --skip rule:: "* ]] || exit 101') == 101
    assert run('[[ " $* " != *" --skip rule:: "* ]] || exit 101') == 101
    assert run('[[ " $* " != *" --fail-fast template:: "* ]] || exit 101') == 101
    assert run("while :; do :; done") != 0


def test_the_schedule_runs_targets_that_there_are_and_each_part_once():
    jobs = yaml.safe_load((ROOT / ".ci/schedule.yml").read_text())["jobs"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    named = [name for command in commands for name in re.findall(r"\bmake ([a-z-]+)", command)]
    assert set(named) == {"mutants", "fuzz", "faults", "soak", "coverage"} <= set(targets)
    parts = jobs["mutants"]["strategy"]["matrix"]["part"]
    total = re.search(r"PART=\$\{\{ matrix.part \}\}/(\d+)", "\n".join(commands))[1]
    assert parts == list(range(1, int(total) + 1))
