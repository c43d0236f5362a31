#!/usr/bin/env bash
# Installs the packages of a requirements file into a virtual environment, and creates the environment if it is missing:
#
#   deploy/venv.sh FOLDER REQUIREMENTS [PYTHON]
#
# uv needs seconds where pip needs a minute. It compiles the packages, as pip does, because programs then start in less
# than half the time. pip installs the packages if uv cannot, for example because uv does not read pip's configuration.
set -euo pipefail

uv=0.13.9
folder=$1 requirements=$2 python=${3:-python3}

pip() { "$folder/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

with_uv() {
  pip install "uv==$uv" &&
    "$folder/bin/uv" pip install --quiet --compile-bytecode --python "$folder/bin/python" -r "$requirements"
}

[ -d "$folder" ] || "$python" -m venv "$folder"
with_uv 2> /dev/null || pip install -r "$requirements"
