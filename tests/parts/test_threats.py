"""THREATS.md: every line refers to an existing test, or to the AWS feature that it relies on."""

import re
import tomllib

from conftest import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "THREATS.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| tries", "| assumption"))
]


def names_of_tests():
    """Returns the names of all Rust and Python tests."""
    found = set()
    for folder in ("src", "command", "account", "tests"):
        for file in [*(ROOT / folder).rglob("*.rs"), *(ROOT / folder).rglob("*.py")]:
            text = file.read_text()
            found |= set(re.findall(r"#\[(?:tokio::)?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)\(", text))
            found |= set(re.findall(r"^ *def (test_\w+)\(", text, re.MULTILINE))
    return found


def test_every_line_points_at_a_test_or_at_aws():
    known = names_of_tests()
    assert len(ROWS) > 30
    for row in ROWS:
        shown_by = row[-1].rstrip(" |")
        if not shown_by.startswith("AWS: "):
            names = re.findall(r"`(\w+)`", shown_by)
            assert names, row
            assert not set(names) - known, f"no such test: {set(names) - known}"


def test_unsafe_code_is_forbidden_everywhere():
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert workspace["workspace"]["lints"]["rust"]["unsafe_code"] == "forbid"
    for member in (".", *workspace["workspace"]["members"]):
        manifest = tomllib.loads((ROOT / member / "Cargo.toml").read_text())
        if member == "fuzz":  # libFuzzer's macro expands to unsafe code in the programs, not in the library.
            assert "#![forbid(unsafe_code)]" in (ROOT / "fuzz/src/lib.rs").read_text()
        else:
            assert manifest.get("lints") == {"workspace": True}, member
