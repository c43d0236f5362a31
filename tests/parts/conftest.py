"""Fixtures shared by the tests: the function under test, its environments, and their logs when a test fails."""

import os
from pathlib import Path

import pytest

from emulator import Emulator
from server import PARTS, Server

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items):
    """Starts with the file whose set-up takes longest: side by side, it would be the last to end."""
    items.sort(key=lambda item: item.path.name != "test_repeatable.py")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        report.sections += [(f"end of the log of {server.name}", server.tail()) for server in Server.running]


@pytest.fixture(scope="session")
def bootstrap():
    """The released function, or the program in BOOTSTRAP."""
    path = (ROOT / os.environ.get("BOOTSTRAP", "target/function/bootstrap")).resolve()
    assert os.access(path, os.X_OK), (
        f"{path} is not there; build it with: cargo build --profile function --bin bootstrap"
    )
    assert os.access(PARTS / "aws-lambda-rie", os.X_OK), "the parts are not there; get them with: tests/parts/setup"
    return path


@pytest.fixture(scope="session")
def program():
    """The command: the debug build of `cargo test`, or the program in CFN_EGRESS_GUARD."""
    path = (ROOT / os.environ.get("CFN_EGRESS_GUARD", "target/debug/cfn-egress-guard")).resolve()
    assert os.access(path, os.X_OK), f"{path} is not there; build it with: cargo build --package cfn-egress-guard"
    return path


@pytest.fixture(scope="module")
def emulator(bootstrap, tmp_path_factory):
    """The function with the default preset in AWS's runtime emulator."""
    emulator = Emulator(bootstrap, tmp_path_factory.mktemp("emulator"))
    yield emulator
    emulator.stop()


@pytest.fixture
def emulator_with_preset(bootstrap, tmp_path):
    """Starts an emulator with the function under another preset."""
    started = []

    def start(preset):
        started.append(Emulator(bootstrap, tmp_path, preset))
        return started[-1]

    yield start
    for emulator in started:
        emulator.stop()
