#!/usr/bin/env bash
# Builds the function and deploys it with template.yaml, using the AWS credentials and Region of the environment.
# Settings are environment variables, for example:
#
#   FAILURE_MODE=WARN STACK_NAME=egress-guard make deploy
#
# A setting that is left out keeps its deployed value, the architecture (ARCH) too. An empty value clears the setting.
# The first deployment must set FAILURE_MODE. template.yaml explains each parameter. switch.sh lists the settings, and
# changes them without a build.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

missing=()
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || missing+=("Python 3.11 or newer, as python3")
for tool in cargo rustc; do
  command -v $tool >/dev/null || missing+=("Rust's $tool (https://rustup.rs)")
done
if [ ${#missing[@]} -gt 0 ]; then
  printf 'deploy: needs %s\n' "${missing[@]}" >&2
  echo "deploy: deploy/switch.sh changes settings and needs only the AWS CLI; deploy/policy.sh changes the policy and also needs curl, openssl, unzip and zip" >&2
  exit 2
fi
python3 deploy/settings.py names

# The SAM CLI and cargo-lambda.
make --no-print-directory .venv/.build ||
  { echo "deploy: needs the SAM CLI and cargo-lambda, which pip could not install into .venv" >&2; exit 2; }

plan=$(python3 deploy/settings.py plan)
overrides=()
{
  IFS= read -r architecture
  while IFS= read -r line; do overrides+=("$line"); done
} <<<"$plan"
export AWS_DEFAULT_REGION="${AWS_REGION:-${AWS_DEFAULT_REGION:-}}"
[ -n "$AWS_DEFAULT_REGION" ] || unset AWS_DEFAULT_REGION # the profile has one

deploy/build.sh "$architecture"
sam build --parameter-overrides ${overrides[@]+"${overrides[@]}"}
sam deploy ${STACK_NAME:+--stack-name "$STACK_NAME"} --parameter-overrides ${overrides[@]+"${overrides[@]}"}
