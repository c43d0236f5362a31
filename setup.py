"""What `pip install .` installs here: the released command of this version, not a build of it.

pre-commit installs a hook's repository this way. The package of the command itself is in command/.
"""

import re
from pathlib import Path

from setuptools import setup

version = re.search(r'^version = "(.+)"$', Path("Cargo.toml").read_text(), re.MULTILINE)[1]
setup(name="cfn-egress-guard-pre-commit", version=version, install_requires=[f"cfn-egress-guard=={version}"], py_modules=[])
