#!/usr/bin/env bash
# Checks template.yaml with the linters of its field and with tests/template. Needs no AWS.
set -euo pipefail
cd "$(dirname "$0")/.."
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-us-east-1}" # asked for, not called

sam validate --lint
cfn-lint template.yaml deploy/organization.yaml deploy/central-hook.yaml deploy/reader-role.yaml
checkov --file template.yaml --framework cloudformation --skip-download --quiet --compact
python3 -m unittest discover --start-directory tests/template
