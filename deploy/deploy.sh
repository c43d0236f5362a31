#!/usr/bin/env bash
# Builds the function for the architecture named and deploys it with template.yaml, using the AWS
# credentials and Region of the environment. Settings are environment variables, for example:
#
#   FAILURE_MODE=WARN STACK_NAME=egress-guard make deploy
#
# A setting that is not given keeps the value of the deployed stack, or the template's default on
# the first deployment; one given empty becomes empty. template.yaml explains each parameter, and
# CloudFormation refuses values that do not fit it.
set -euo pipefail
cd "$(dirname "$0")/.."

overrides=("Architecture=$1")
while read -r variable parameter; do
  [ -n "${!variable+given}" ] || continue
  if [[ ${!variable} == *\"* ]]; then # which SAM would drop without a word
    echo "deploy: $variable must not contain quotation marks" >&2
    exit 2
  fi
  overrides+=("$parameter=\"${!variable}\"")
done <<'SETTINGS'
FAILURE_MODE         FailureMode
HOOK_STATUS          HookStatus
PRESET               Preset
TARGET_OPERATIONS    TargetOperations
STACK_NAMES_INCLUDE  StackNamesInclude
STACK_NAMES_EXCLUDE  StackNamesExclude
STACK_ROLES_INCLUDE  StackRolesInclude
STACK_ROLES_EXCLUDE  StackRolesExclude
RETENTION_DAYS       RetentionDays
ALARM_TOPIC_ARN      AlarmTopicArn
ALIAS                HookAlias
MEMORY_SIZE          MemorySize
ORGANIZATION_ID      OrganizationId
SETTINGS

deploy/build.sh "$1"
sam build --parameter-overrides "${overrides[@]}"
sam deploy ${STACK_NAME:+--stack-name "$STACK_NAME"} --parameter-overrides "${overrides[@]}"
