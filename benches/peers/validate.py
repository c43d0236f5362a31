"""cloudformation-validate over templates, with a Guard rule beside its own: validate.py RULE TEMPLATE..."""

import sys
from pathlib import Path

from cloudformation_validate import EngineConfig, ExternalRuleSource, RegoEngine

rule, *templates = sys.argv[1:]
source = ExternalRuleSource(name=rule, content=Path(rule).read_text())
engine = RegoEngine(EngineConfig(guard_rules=[source]))
found = sum(len(engine.validate_template(template).diagnostics) for template in templates)
sys.exit(0 if found else 1)
