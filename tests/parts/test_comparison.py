"""docs/comparison.md: the results of cloudformation-validate on each template, with the Guard rule that the page
names."""

import re

import pytest
from cloudformation_validate import EngineConfig, ExternalRuleSource, RegoEngine, version

from conftest import ROOT

PAGE = (ROOT / "docs" / "comparison.md").read_text()
ROWS = re.findall(r"^\| \[[a-z-]+\]\((comparison/[a-z-]+\.yaml)\) \| \w+ \| \w+ \| (\w+) \|", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def reported():
    rule = (ROOT / "benches" / "peers" / "port_range.guard").read_text()
    engine = RegoEngine(EngineConfig(guard_rules=[ExternalRuleSource(name="port_range.guard", content=rule)]))

    def reported(path):
        return {diagnostic.rule_id for diagnostic in engine.validate_template(ROOT / path).diagnostics}

    return reported


def test_each_template_is_judged_as_the_page_says(reported):
    assert len(ROWS) == len(list((ROOT / "docs" / "comparison").iterdir()))
    for path, said in ROWS:
        flagged = "EGRESS_OPENS_ONE_PORT" in reported(f"docs/{path}")
        assert ("flag" if flagged else "pass") == said, path


def test_it_flags_a_reference_and_reports_missing_ports_itself(reported):
    assert "EGRESS_OPENS_ONE_PORT" in reported("examples/compliant.yaml")
    assert "E3687" in reported("docs/comparison/missing-ports.yaml")


def test_the_page_names_the_version():
    assert f"cloudformation-validate {version()}" in PAGE
