#!/usr/bin/env bash
# Changes settings of a deployed guard: parameters of its stack and nothing else. The template, the function's code
# and all other parameters stay the same. Needs bash and the AWS CLI.
#
#   switch.sh [OPTION...] SETTING=VALUE...
#
#   switch.sh FAILURE_MODE=WARN                        report only, in every Region where the stack is
#   switch.sh --regions eu-west-1,us-east-1 HOOK_STATUS=DISABLED
#   switch.sh STACK_NAMES_EXCLUDE+=legacy-app          add to a list; -= removes from it, = replaces all of it
#   switch.sh --stack cfn-egress-guard-organization --emergency FAILURE_MODE=WARN
#
#   --stack NAME        the stack, or a StackSet that has a stack in this account (default: $STACK_NAME, or
#                       cfn-egress-guard)
#   --regions R,R...    these Regions (default: every Region of the account that has the stack)
#   --show              show the settings, and what would change; change nothing
#   --emergency         for the stack of organization.yaml: change every account and Region at once, and continue if
#                       some fail
#   --roll-out          for the stack of organization.yaml: change the accounts slowly again, with the template's defaults
#
# Safe to repeat: it changes only what differs, and waits for an update that is running. Exit status: 0 every Region
# has the settings, 1 a Region or an account does not, 2 nothing was changed.
set -euo pipefail
set -f # stack names and roles have asterisks
export AWS_PAGER="" AWS_RETRY_MODE="${AWS_RETRY_MODE:-standard}" AWS_MAX_ATTEMPTS="${AWS_MAX_ATTEMPTS:-5}"

# The settings: environment variable of `make deploy`, parameter, and why switch.sh does not change it. After
# the empty line, those of organization.yaml.
settings() {
  cat <<'SETTINGS'
FAILURE_MODE           FailureMode
HOOK_STATUS            HookStatus
PRESET                 Preset
TARGET_OPERATIONS      TargetOperations
STACK_NAMES_INCLUDE    StackNamesInclude
STACK_NAMES_EXCLUDE    StackNamesExclude
STACK_ROLES_INCLUDE    StackRolesInclude
STACK_ROLES_EXCLUDE    StackRolesExclude
WATCH_DIRECT_CALLS     WatchDirectCalls
RETENTION_DAYS         RetentionDays
ALARM_TOPIC_ARN        AlarmTopicArn
NOTIFICATION_TOPIC_ARN NotificationTopicArn
MEMORY_SIZE            MemorySize
ALIAS                  HookAlias                   replaces the hook and leaves a moment without one: run make deploy
ORGANIZATION_ID        OrganizationId              replaces the function: run make deploy
ARCH                   Architecture                needs a function that is built for it: run make deploy

TEMPLATE_URL                  TemplateUrl
CONCURRENCY_MODE              ConcurrencyMode
MAX_CONCURRENT_PERCENTAGE     MaxConcurrentPercentage
FAILURE_TOLERANCE_PERCENTAGE  FailureTolerancePercentage
REGION_CONCURRENCY            RegionConcurrency
SETTINGS
}

LISTS=" TargetOperations StackNamesInclude StackNamesExclude StackRolesInclude StackRolesExclude "
EMERGENCY="CONCURRENCY_MODE=SOFT_FAILURE_TOLERANCE MAX_CONCURRENT_PERCENTAGE=100 FAILURE_TOLERANCE_PERCENTAGE=100 REGION_CONCURRENCY=PARALLEL"
ROLL_OUT="CONCURRENCY_MODE=STRICT_FAILURE_TOLERANCE MAX_CONCURRENT_PERCENTAGE=10 FAILURE_TOLERANCE_PERCENTAGE=10 REGION_CONCURRENCY=SEQUENTIAL"

program=$(basename "$0" .sh)
name=${STACK_NAME:-cfn-egress-guard}
regions=
show=
wanted=() # PARAMETER OPERATOR=VALUE

usage() { sed -n '/^#   /s/^# //p' "$0"; }
refuse() { echo "$program: $*" >&2; exit 2; }

# One line at a time, so that Regions that work side by side do not mix.
say() { printf '%-15s %s\n' "$1" "$2"; }

# ---- What is asked for ----------------------------------------------------------------------------------------

# One SETTING=VALUE, SETTING+=VALUE or SETTING-=VALUE.
want() {
  local variable parameter why found='' given operator value other
  [[ $1 =~ ^([A-Za-z_]+)([-+]?)=(.*)$ ]] || refuse "'$1' is not SETTING=VALUE"
  given=${BASH_REMATCH[1]} operator=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
  while read -r variable parameter why; do
    [ "$given" = "$variable" ] || [ "$given" = "$parameter" ] || continue
    [ -z "$why" ] || refuse "switch.sh cannot change $variable, which $why"
    found=$parameter
  done < <(settings | grep .)
  [ -n "$found" ] || refuse "unknown setting $given. The settings are: $(settings | sed '/^$/,$d' | awk 'NF == 2 {printf "%s ", $1}')"
  case $value in
    *[\"\\]* | *[[:cntrl:]]*) refuse "$given must not contain quotation marks, backslashes or control characters" ;;
  esac
  if [ -n "$operator" ]; then
    [[ $LISTS == *" $found "* ]] || refuse "$given is not a list: write $given=$value"
    [ -n "$value" ] || refuse "$given$operator= needs at least one value"
  fi
  for other in ${wanted[@]+"${wanted[@]}"}; do
    [ "${other%% *}" != "$found" ] || refuse "$given is set twice"
  done
  wanted+=("$found $operator=$value")
}

arguments() {
  local pair
  while [ $# -gt 0 ]; do
    case $1 in
      --stack | --regions)
        [ $# -gt 1 ] || refuse "$1 needs a value"
        [ "$1" = --stack ] && name=$2 || regions=$2
        shift
        ;;
      --show) show=yes ;;
      --emergency) for pair in $EMERGENCY; do want "$pair"; done ;;
      --roll-out) for pair in $ROLL_OUT; do want "$pair"; done ;;
      --help | -h) usage; exit 0 ;;
      --settings) settings | sed '/^$/,$d'; exit 0 ;; # for deploy.sh
      -*) refuse "unknown option $1; --help lists them" ;;
      *) want "$1" ;;
    esac
    shift
  done
  [[ $name =~ ^[a-zA-Z][-a-zA-Z0-9]*$ ]] || refuse "'$name' is not a stack name"
  [ -n "$show" ] || [ ${#wanted[@]} -gt 0 ] || { usage >&2; exit 2; }
}

# ---- AWS ------------------------------------------------------------------------------------------------------

# The error of the latest AWS call in a Region, on one line. A subshell, such as $(…), cannot set $err.
last_error() { tr -s '\n' ' ' <"$work/$1.err" | sed 's/^ *//; s/ *$//'; }

# Runs the AWS CLI in a Region. What it prints is in $out; if it fails, why is in $err.
call() {
  local region=$1
  shift
  if out=$(aws --region "$region" --output text "$@" 2>"$work/$region.err"); then return 0; fi
  err=$(last_error "$region")
  return 1
}

# The Regions that the account can use, one a line.
all_regions() {
  aws account list-regions --region-opt-status-contains ENABLED ENABLED_BY_DEFAULT \
    --query 'Regions[].[RegionName]' --output text 2>/dev/null ||
    aws ec2 describe-regions --query 'Regions[].[RegionName]' --output text ||
    refuse "could not list the Regions of the account; name them with --regions"
}

# Reads a stack into $rows: its parameters by name, its outputs as @NAME, and =id, =name, =status, =parent.
rows_of() {
  call "$1" cloudformation describe-stacks --stack-name "$2" --query "Stacks[0].[
    [['=id', StackId], ['=name', StackName], ['=status', StackStatus], ['=parent', ParentId || '']],
    Parameters[].[ParameterKey, ParameterValue],
    Outputs[].[join('', ['@', OutputKey]), OutputValue]][]" || return 1
  rows=$out
}

# The value of a row; fails if there is none.
row() {
  local key value
  while IFS=$'\t' read -r key value; do
    [ "$key" != "$1" ] || { printf '%s' "$value"; return 0; }
  done <<<"$rows"
  return 1
}

# Reads the stack of that name in a Region, or the one that a StackSet of that name made, into $rows, which is empty
# if there is none. Fails with $err.
find_stack() {
  local found uuid='[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
  rows=
  if rows_of "$1" "$name"; then return 0; fi
  [[ $err == *"does not exist"* ]] || return 1
  call "$1" cloudformation list-stacks \
    --query "StackSummaries[?starts_with(StackName, 'StackSet-$name-') && StackStatus != 'DELETE_COMPLETE'].[StackId]" || return 1
  found=$(grep -E ":stack/StackSet-$name-$uuid/" <<<"$out" || true)
  case $found in
    "") return 0 ;;
    *$'\n'*) err="several stacks are named StackSet-$name-…; choose one with --stack"; return 1 ;;
  esac
  rows_of "$1" "$found"
}

# Waits until an operation of the stack ends, and reads $rows again.
settle() {
  local region=$1 stack=$2 started=$SECONDS pause=1 failed=0 said=0 status
  while :; do
    if rows_of "$region" "$stack"; then
      failed=0 status=$(row =status)
      [[ $status == *_IN_PROGRESS ]] || return 0
      [ $((SECONDS - started - said)) -lt 60 ] || { said=$((SECONDS - started)); say "$region" "$status for $said s"; }
    else
      failed=$((failed + 1))
      [ $failed -lt 5 ] || return 1
    fi
    sleep $pause
    [ $pause -ge 8 ] || pause=$((pause * 2))
  done
}

# Why the last operation of a stack failed, oldest first.
failures() {
  call "$1" cloudformation describe-stack-events --stack-name "$2" --max-items 60 --query \
    "StackEvents[?ends_with(ResourceStatus, '_FAILED')].[LogicalResourceId, ResourceStatusReason]" || return 0
  { grep -v '^None$' <<<"$out" || true; } | tail -n 3
}

# ---- In one Region --------------------------------------------------------------------------------------------

# A list with other elements added (+) or removed (-).
list() {
  local elements=$1 operator=$2 given=$3 element kept='' IFS=,
  for element in $elements $([ "$operator" = - ] || printf '%s' "$given"); do
    element=${element# }
    [[ ",$kept," == *",$element,"* ]] && continue
    [ "$operator" = - ] && [[ ",$given," == *",$element,"* ]] && continue
    kept=$kept${kept:+,}$element
  done
  printf '%s' "$kept"
}

# Compares the stack with the wanted settings: prints each difference, and writes PARAMETER<tab>VALUE lines to $changes.
compare() {
  local region=$1 one parameter operator value before after
  changes=
  for one in ${wanted[@]+"${wanted[@]}"}; do
    parameter=${one%% *} value=${one#*=}
    operator=${one#* } operator=${operator%%=*}
    before=$(row "$parameter") || { err="this stack has no parameter $parameter"; return 1; }
    after=$value
    [ -z "$operator" ] || after=$(list "$before" "$operator" "$value")
    if [ "$before" = "$after" ]; then
      say "$region" "$parameter is already ${after:-empty}"
      continue
    fi
    if [[ $LISTS == *" $parameter "* ]]; then
      say "$region" "$parameter before: ${before:-(empty)}"
      say "$region" "$parameter after:  ${after:-(empty)}"
    else
      say "$region" "$parameter: ${before:-(empty)} -> ${after:-(empty)}"
    fi
    changes=$changes$parameter$'\t'$after$'\n'
  done
}

# Prints all parameters of the stack for update-stack: new values for the changed ones, UsePreviousValue for the others.
parameters() {
  local key value separator='' previous
  previous=$rows
  printf '['
  while IFS=$'\t' read -r key value; do
    case $key in =* | @* | None | "") continue ;; esac
    rows=$changes
    if value=$(row "$key"); then
      printf '%s{"ParameterKey":"%s","ParameterValue":"%s"}' "$separator" "$key" "$value"
    else
      printf '%s{"ParameterKey":"%s","UsePreviousValue":true}' "$separator" "$key"
    fi
    separator=,
  done <<<"$previous"
  rows=$previous
  printf ']'
}

# Prints the accounts and Regions that do not have the StackSet's current values: those that StackSets skips because they
# are suspended, if $2 is ==, or the others, if it is !=.
not_reached() {
  local skipped=SKIPPED_SUSPENDED_ACCOUNT
  call "$1" cloudformation list-stack-instances --stack-set-name "$(row GuardStackName)" \
    --call-as "$(row CallAs || echo SELF)" --query "Summaries[?Status != 'CURRENT' &&
    StackInstanceStatus.DetailedStatus $2 '$skipped'].[Account, Region, Status, StatusReason || '']" || return 1
  grep -v '^None$' <<<"$out" || true
}

# Runs the StackSet's update again, with its current values and preferences.
repeat() {
  local region=$1 keys key given=() operation set=(--stack-set-name "$(row GuardStackName)" --call-as "$(row CallAs || echo SELF)")
  call "$region" cloudformation describe-stack-set "${set[@]}" --query 'StackSet.Parameters[].[ParameterKey]' || return 1
  keys=$out
  for key in $keys; do given+=("ParameterKey=$key,UsePreviousValue=true"); done
  call "$region" cloudformation update-stack-set "${set[@]}" --use-previous-template --capabilities CAPABILITY_IAM \
    --parameters ${given[@]+"${given[@]}"} --query OperationId --operation-preferences \
    "ConcurrencyMode=$(row ConcurrencyMode),MaxConcurrentPercentage=$(row MaxConcurrentPercentage),RegionConcurrencyType=$(
      row RegionConcurrency),FailureTolerancePercentage=$(row FailureTolerancePercentage)" || return 1
  operation=$out
  say "$region" "retrying where it failed: operation $operation"
  while :; do
    call "$region" cloudformation describe-stack-set-operation "${set[@]}" --operation-id "$operation" \
      --query StackSetOperation.Status || return 1
    [[ $out == RUNNING || $out == QUEUED || $out == STOPPING ]] || return 0
    sleep 5
  done
}

result() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >"$work/$1.result"; }

# Ends a Region's work with a failure as its result.
stop() {
  say "$region" "${1:-$err}"
  result "$region" "${called:-$name}" "FAILED: ${1:-$err}"
  exit 0
}

# Finds the stack: sets $stack to its id, $called to its name, and $rows. Waits until the stack can be updated, unless
# called with `any`. A Region without the stack is reported only if it was named.
begin() {
  local status
  find_stack "$region" || stop
  if [ -z "$rows" ]; then
    [ -z "$regions" ] || stop "there is no stack $name here"
    : >"$work/$region.absent"
    exit 0
  fi
  stack=$(row =id) called=$(row =name)
  [ "${1-}" != any ] || return 0
  [ -z "$(row =parent)" ] || stop "this stack is nested in another one: change that one"
  status=$(row =status)
  if [[ $status == *_IN_PROGRESS ]]; then
    say "$region" "waiting for $status"
    settle "$region" "$stack" || stop
    status=$(row =status)
  fi
  case $status in
    *_ROLLBACK_FAILED) stop "the stack is $status: continue its rollback first (see operations.md)" ;;
    CREATE_FAILED | ROLLBACK_* | DELETE_* | REVIEW_*) stop "the stack is $status: delete it, then deploy it again" ;;
  esac
}

# Changes the parameters in $changes, and waits.
update() {
  local status why
  if ! call "$region" cloudformation update-stack --stack-name "$stack" --use-previous-template \
    --capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND --parameters "$(parameters)"; then
    [[ $err != *_IN_PROGRESS* ]] || { switch_region "$region"; exit 0; } # which waits: another update started first
    [[ $err == *"No updates are to be performed"* ]] || stop
    return 0
  fi
  say "$region" "updating $called"
  settle "$region" "$stack" || stop
  status=$(row =status)
  [ "$status" != UPDATE_COMPLETE ] || return 0
  why=$(failures "$region" "$stack")
  [ -z "$why" ] || while IFS= read -r line; do say "$region" "$line"; done <<<"$why"
  stop "the update ended as $status"
}

# Checks that every account has the StackSet's values, except suspended ones, where nobody can deploy anything. If this run
# changed nothing, it runs the update again.
reach() {
  local missing suspended
  missing=$(not_reached "$region" '!=') || stop "cannot list the StackSet's accounts: $(last_error "$region")"
  if [ -n "$missing" ] && [ -z "$changes" ]; then
    repeat "$region" || stop
    missing=$(not_reached "$region" '!=') || stop "cannot list the StackSet's accounts: $(last_error "$region")"
  fi
  suspended=$(not_reached "$region" ==) || stop "cannot list the StackSet's accounts: $(last_error "$region")"
  [ -z "$suspended" ] || while IFS= read -r line; do say "$region" "skipped, because the account is suspended: $line"; done <<<"$suspended"
  [ -n "$missing" ] || return 0
  while IFS= read -r line; do say "$region" "not updated: $line"; done <<<"$missing"
  stop "$(wc -l <<<"$missing" | tr -d ' ') stacks of the organization are not updated"
}

switch_region() {
  local region=$1 stack='' called='' changes='' started=$SECONDS
  begin
  if [ ${#wanted[@]} -eq 0 ]; then
    grep -v '^[=@]' <<<"$rows" | while IFS=$'\t' read -r key value; do say "$region" "$key=$value"; done
    result "$region" "$called" "shown"
    return 0
  fi
  compare "$region" || stop
  if [ -n "$show" ]; then
    result "$region" "$called" "$([ -n "$changes" ] && echo "would change" || echo "nothing to change")"
    return 0
  fi
  [ -z "$changes" ] || update
  if row TemplateUrl >/dev/null; then reach; fi
  if [[ $called == StackSet-* ]]; then
    say "$region" "a StackSet manages this stack and will undo the change: change the organization's stack, too"
  fi
  result "$region" "$called" "$([ -n "$changes" ] && echo "changed in $((SECONDS - started)) s" || echo "nothing to change")"
}

# ---- In all of them -------------------------------------------------------------------------------------------

# Runs a function for all Regions at once, then prints the results and exits with their status.
everywhere() {
  local region found=$regions
  command -v aws >/dev/null || refuse "the AWS CLI (aws) is not on the PATH; install it"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'echo "$program: stopped watching; updates that have started continue in AWS. Run it again to see them." >&2; exit 1' INT TERM
  [ -n "$found" ] || found=$(all_regions) || exit 2
  found=$(tr ', \t' '\n' <<<"$found" | grep . | sort -u)
  for region in $found; do
    [[ $region =~ ^[a-z]+(-[a-z0-9]+)+$ ]] || refuse "'$region' is not a Region"
  done
  for region in $found; do "$@" "$region" & done
  wait
  for region in $found; do
    [ -e "$work/$region.absent" ] || [ -e "$work/$region.result" ] || result "$region" "$name" "FAILED: stopped early"
  done
  set +f
  if ! cat "$work"/*.result >"$work/results" 2>/dev/null; then
    echo "$program: no stack $name in any of the Regions; --stack names another one" >&2
    exit 1
  fi
  printf '\n'
  awk -F '\t' '{printf "%-15s %-28s %s\n", $1, $2, $3}' "$work/results"
  ! grep -q $'\tFAILED: ' "$work/results"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  arguments "$@"
  everywhere switch_region
fi
