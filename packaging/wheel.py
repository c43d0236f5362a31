"""Builds the wheel with maturin: the command on the PATH, the function beside it, where `rehearse` finds it.

    python3 packaging/wheel.py FUNCTION [MATURIN'S OPTIONS]
"""

import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = Path(__file__).resolve().parent.parent / "command"
DATA = COMMAND / "cfn_egress_guard.data"  # maturin's own name for what goes into the wheel beside the program


def build(function, *options):
    shutil.rmtree(DATA, ignore_errors=True)
    place = DATA / "data" / "share" / "cfn-egress-guard" / "bootstrap"
    place.parent.mkdir(parents=True)
    shutil.copy(function, place)
    place.chmod(0o755)
    try:
        subprocess.run(["maturin", "build", "--manifest-path", COMMAND / "Cargo.toml", "--locked", *options], check=True)
    finally:
        shutil.rmtree(DATA)


if __name__ == "__main__":
    build(*sys.argv[1:])
