"""Builds the wheel with maturin: the command on the PATH, the function beside it, where `rehearse` finds it.

    python3 packaging/wheel.py FUNCTION [MATURIN'S OPTIONS]
"""

import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = Path(__file__).resolve().parent.parent / "command"
# What is installed as share/cfn-egress-guard: policy.toml, and while maturin runs the function. Not in .gitignore, which
# maturin obeys.
SHARE = COMMAND / "cfn_egress_guard.data" / "data" / "share" / "cfn-egress-guard"


def build(function, *options):
    place = SHARE / "bootstrap"
    shutil.copy(function, place)
    place.chmod(0o755)
    try:
        subprocess.run(["maturin", "build", "--manifest-path", COMMAND / "Cargo.toml", "--locked", *options], check=True)
    finally:
        place.unlink()


if __name__ == "__main__":
    build(*sys.argv[1:])
