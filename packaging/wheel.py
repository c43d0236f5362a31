"""Builds the wheel with maturin: the command goes on the PATH, and the function where `rehearse` finds it.

    python3 packaging/wheel.py FUNCTION [MATURIN'S OPTIONS]
"""

import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = Path(__file__).resolve().parent.parent / "command"
# Installed as share/cfn-egress-guard: policy.toml, and the function while maturin runs. Not in .gitignore, because
# maturin obeys it.
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
