#!/usr/bin/env bash
# Changes the policy of a deployed guard without a build: it replaces policy.toml in the function's zip file. Needs
# switch.sh beside it, the AWS CLI, zip, unzip, curl and openssl (AWS CloudShell has them all).
#
#   policy.sh [OPTION...] set POLICY.toml     check the file, test it on the function, deploy it with the stack
#   policy.sh [OPTION...] back [VERSION]      go back to the version before the live one, or to VERSION
#   policy.sh [OPTION...] carry               after --fast: update the stack to the live version
#   policy.sh [OPTION...] show [VERSION]      print policy.toml of the live version, or of VERSION
#   policy.sh [OPTION...] versions            list the function's versions, and mark the live one
#
#   --fast              publish a version and move the alias without updating the stack: takes seconds, but the next
#                       update of the stack must have the same policy
#   --unchecked         for the stack of organization.yaml: skip `cfn-egress-guard policy check`
#   --stack, --regions  as in switch.sh
#
# On the stack of organization.yaml, `set` changes the policy of all members. Exit status as in switch.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=switch.sh
. "$here/switch.sh"

fast='' unchecked='' verb='' operand=''
command=${CFN_EGRESS_GUARD:-cfn-egress-guard}

read_arguments() {
  local rest=()
  while [ $# -gt 0 ]; do
    case $1 in
      --fast) fast=yes ;;
      --unchecked) unchecked=yes ;;
      --stack | --regions) rest+=("$1" "${2-}"); [ $# -lt 2 ] || shift ;;
      --help | -h) usage; exit 0 ;;
      -*) refuse "unknown option $1; --help lists them" ;;
      *)
        if [ -z "$verb" ]; then verb=$1; elif [ -z "$operand" ]; then operand=$1; else refuse "unexpected argument '$1'"; fi
        ;;
    esac
    shift
  done
  arguments --show ${rest[@]+"${rest[@]}"}
  show=
  case $verb in
    set) [ -n "$operand" ] || refuse "set needs the file: policy.sh set POLICY.toml" ;;
    back | show) [[ $operand =~ ^[0-9]*$ ]] || refuse "'$operand' is not a version of the function" ;;
    carry | versions) [ -z "$operand" ] || refuse "unexpected argument '$operand'" ;;
    "") usage >&2; exit 2 ;;
    *) refuse "unknown command '$verb'; --help lists them" ;;
  esac
}

# ---- The policy and the zip file ------------------------------------------------------------------------------

# Checks the policy with the command, if it is installed.
check_policy() {
  local status=0 said
  [ -f "$1" ] && [ -r "$1" ] || refuse "cannot read $1"
  if ! command -v "$command" >/dev/null; then
    checked=
    echo "$program: cfn-egress-guard is not on the PATH, so only the function checks the policy"
    return 0
  fi
  checked=yes
  said=$("$command" policy check "$1" 2>&1) || status=$?
  [ $status -eq 0 ] || printf '%s\n' "$said" >&2
  # 2: the function cannot use it. Other statuses are warnings.
  [ $status -ne 2 ] && [ $status -lt 100 ] || refuse "$1 is not valid; nothing was changed"
}

# Prints where a policy comes from: its commit, if the file has no changes since.
origin() {
  local folder file commit
  folder=$(dirname "$1") file=$(basename "$1")
  if commit=$(git -C "$folder" log -n 1 --format=%H -- "$file" 2>/dev/null) && [ -n "$commit" ] &&
    [ -z "$(git -C "$folder" status --porcelain -- "$file")" ]; then
    printf 'policy: commit %s\n' "$commit"
  else
    printf 'policy: no commit\n'
  fi
}

# Downloads the zip file of a version of the function.
fetch() {
  local region=$1 version=$2 target=$3
  local expected
  call "$region" lambda get-function --function-name "$function" --qualifier "$version" \
    --query '[Code.Location, Configuration.CodeSha256]' || return 1
  IFS=$'\t' read -r out expected <<<"$out"
  # Not as an argument: other users of this machine could read the URL, which allows the download.
  if ! printf 'url = "%s"\n' "$out" | curl --silent --show-error --fail --max-time 120 --config - --output "$target" \
    2>"$work/$region.err"; then
    err="could not download version $version: $(cat "$work/$region.err")"
    return 1
  fi
  [ "$(openssl dgst -sha256 -binary "$target" | openssl base64)" = "$expected" ] && return 0
  err="the download is not version $version: its hash differs"
  return 1
}

# Replaces the policy in a zip file, and records its origin there.
replace_policy() {
  local archive=$1 folder=$2
  mkdir -p "$folder"
  cp "$operand" "$folder/policy.toml"
  {
    unzip -p "$archive" origin.txt 2>/dev/null | grep '^program: ' || true
    origin "$operand"
    printf 'set: %s by %s\n' "$stamp" "$caller"
  } >"$folder/origin.txt"
  # Lambda runs the function as another user, who cannot read a file of mode 600.
  chmod 644 "$folder/policy.toml" "$folder/origin.txt"
  (cd "$folder" && zip --quiet "$archive" policy.toml origin.txt) || { err="zip failed"; return 1; }
  unzip -p "$archive" policy.toml | cmp -s - "$operand" || { err="the policy is not in the zip file"; return 1; }
}

# Changes the bytes of a version's zip file: Lambda does not publish the same bytes twice in a row, and the stack's
# update would fail.
renew_archive() {
  local archive=$1 folder=$2
  mkdir -p "$folder"
  { unzip -p "$archive" origin.txt 2>/dev/null | grep -v '^deployed again: ' || true
    printf 'deployed again: %s by %s\n' "$stamp" "$caller"; } >"$folder/origin.txt"
  chmod 644 "$folder/origin.txt"
  (cd "$folder" && zip --quiet "$archive" origin.txt) || { err="zip failed"; return 1; }
}

# ---- The function ---------------------------------------------------------------------------------------------

# Sets $function, $alias, and $live, the version that the alias points to.
find_function() {
  local arn
  if ! arn=$(row @FunctionAliasArn); then
    err="this stack has no function of its own: change the policy of the central account's stack"
    return 1
  fi
  function=${arn%:*} alias=${arn##*:}
  call "$1" lambda get-alias --function-name "$function" --name "$alias" --query FunctionVersion || return 1
  live=$out
}

upload() {
  call "$1" lambda update-function-code --function-name "$function" --zip-file "fileb://$2" --query CodeSha256 || return 1
  sha256=$out
  ready "$1" '$LATEST'
}

# Waits until a version can be called. The CLI's own waiter polls only every five seconds.
ready() {
  local left=120
  while [ $left -gt 0 ]; do
    call "$1" lambda get-function-configuration --function-name "$function" --qualifier "$2" \
      --query "join(' ', [State || 'Active', LastUpdateStatus || 'Successful'])" || return 1
    [ "$out" != "Active Successful" ] || return 0
    [[ $out != *Failed* ]] || break
    sleep 1
    left=$((left - 1))
  done
  err="version $2 of the function is $out"
  return 1
}

# Invokes the function with a group that every policy allows. It invokes the unpublished code, which no hook calls.
try() {
  local region=$1 account answer=$work/$1.answer
  account=$(cut -d : -f 5 <<<"$function")
  cat >"$work/$region.event" <<EVENT
{"clientRequestToken":"policy-trial","awsAccountId":"$account","hookTypeName":"Policy::Trial::Guard",
 "stackId":"arn:aws:cloudformation:$region:$account:stack/policy-trial/0","hookTypeVersion":"00000001",
 "hookModel":{"LambdaFunction":"$function"},"actionInvocationPoint":"CREATE_PRE_PROVISION",
 "requestData":{"targetName":"AWS::EC2::SecurityGroup","targetType":"AWS::EC2::SecurityGroup","targetLogicalId":"Trial",
  "targetModel":{"resourceProperties":{"GroupDescription":"trial","SecurityGroupEgress":
   [{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/16"}]}}},
 "requestContext":{"invocation":1,"callbackContext":null}}
EVENT
  call "$region" lambda invoke --function-name "$function" --payload "fileb://$work/$region.event" "$answer" || return 1
  grep -q '"hookStatus": *"SUCCESS"' "$answer" && return 0
  err="the function cannot use the policy: $(sed -E 's/.*"message": *"(([^"\\]|\\.)*)".*/\1/; s/\\n/ /g; s/\\"/"/g' "$answer" | cut -c 1-600)"
  return 1
}

move_alias() {
  call "$1" lambda update-alias --function-name "$function" --name "$alias" --function-version "$2" \
    --routing-config AdditionalVersionWeights={} --query FunctionVersion
}

# Finds the latest version before $2.
version_before() {
  call "$1" lambda list-versions-by-function --function-name "$function" --query 'Versions[].[Version]' || return 1
  out=$(grep -E '^[0-9]+$' <<<"$out" | awk -v live="$2" '$1 < live' | sort -n | tail -n 1)
  [ -n "$out" ] && return 0
  err="there is no version before $2: choose one of 'policy.sh versions'"
  return 1
}

# ---- The stack ------------------------------------------------------------------------------------------------

# Uploads a zip file beside the one that the stack's template names, and updates the stack to it.
carry() {
  local region=$1 archive=$2 bucket key new text old format count
  call "$region" cloudformation get-template --stack-name "$stack" --template-stage Processed --query \
    'TemplateBody.Resources.GuardFunction.Properties.Code.[S3Bucket."Fn::Sub" || S3Bucket, S3Key]' || return 1
  IFS=$'\t' read -r bucket key <<<"$out"
  bucket=${bucket//'${AWS::Region}'/$region}
  new=$(beside "$key").zip
  # The AWS CLI prints a JSON template as an object, and a YAML template as text.
  call "$region" cloudformation get-template --stack-name "$stack" --template-stage Original --query 'type(TemplateBody)' || return 1
  [ "$out" = string ] && format=text || format=json
  text=$(aws --region "$region" cloudformation get-template --stack-name "$stack" --template-stage Original \
    --query TemplateBody --output $format) || { err="could not read the stack's template"; return 1; }
  old=s3://$bucket/$key
  [[ $text == *"$old"* ]] && new_text=s3://$bucket/$new || { old=$key new_text=$new; }
  count=$(grep -oF -- "$old" <<<"$text" | grep -c . || true)
  if [ "$count" -ne 1 ]; then
    err="the stack's template contains $old $count times instead of once: run make deploy"
    return 1
  fi
  renew "$(replaced "$text" "$old" "$new_text")" >"$work/$region.template"
  call "$region" s3 cp --only-show-errors "$archive" "s3://$bucket/$new" || return 1
  say "$region" "updating $called: code from s3://$bucket/$new"
  local prefix=()
  [[ $key != */* ]] || prefix=(--s3-prefix "${key%/*}")
  call "$region" cloudformation deploy --stack-name "$called" --template-file "$work/$region.template" \
    --s3-bucket "$bucket" ${prefix[@]+"${prefix[@]}"} --capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND
}

# Replaces the first $2 in $1 with $3. (Not ${text/old/new}: bash 3.2 keeps quotation marks around the new part, and
# 5.2 interprets & in it.)
replaced() { printf '%s' "${1%%"$2"*}$3${1#*"$2"}"; }

# Prints a new name beside an S3 key.
beside() {
  [[ $1 != */* ]] || printf '%s/' "${1%/*}"
  printf 'policy-%s' "$(tr -d ':-' <<<"$stamp")"
}

# Renames the version's resource, so that a new version is published. SAM does that when it packages; here it does not run.
renew() { sed -E "s/GuardFunctionVersion[0-9a-f]{10}/GuardFunctionVersion$(token)/g" <<<"$1"; }
token() { printf '%s' "$stamp$RANDOM" | cksum | awk '{printf "%010x", $1}'; }

# ---- In one Region --------------------------------------------------------------------------------------------

set_region() {
  local region=$1 stack='' called='' function alias live sha256 why old=$work/$1.old.zip new=$work/$1.new.zip
  begin ${fast:+any}
  if row TemplateUrl >/dev/null; then set_organization; return 0; fi
  find_function "$region" || stop
  [ -n "$fast" ] || [[ $called != StackSet-* ]] ||
    stop "a StackSet manages this stack: change the policy of the organization's stack, or use --fast here"
  { fetch "$region" "$live" "$old" && cp "$old" "$new" && replace_policy "$new" "$work/$region"; } || stop
  if ! { upload "$region" "$new" && try "$region" && if [ -n "$fast" ]; then publish "$region"; else carry "$region" "$new"; fi; }; then
    why=$err
    upload "$region" "$old" || say "$region" "could not restore the unpublished code: $err"
    stop "$why; version $live is still live"
  fi
  now_live "$live"
}

# Prints the origin of a zip file's program and policy, and the SHA-256 of the policy.
contents() {
  local sum
  unzip -p "$1" origin.txt 2>/dev/null || true
  if sum=$(unzip -p "$1" policy.toml 2>/dev/null | openssl dgst -sha256 | awk '{print $NF}'); then
    printf 'sha256: %s\n' "$sum"
  else
    echo "no policy.toml: the published rule"
  fi
}

publish() {
  call "$1" lambda publish-version --function-name "$function" --code-sha256 "$sha256" \
    --description "policy of $stamp, by ${caller##*:}" --query Version || return 1
  local version=$out
  ready "$1" "$version" && move_alias "$1" "$version"
}

back_region() {
  local region=$1 stack='' called='' function alias live version=$operand old=$work/$1.old.zip
  begin ${fast:+any}
  find_function "$region" || stop
  if [ -z "$version" ]; then
    version_before "$region" "$live" || stop
    version=$out
  fi
  # The alias comes first: it takes effect at once.
  move_alias "$region" "$version" || stop
  say "$region" "version $version is live, instead of $live"
  if fetch "$region" "$version" "$old"; then
    while IFS= read -r line; do say "$region" "  $line"; done < <(contents "$old")
  fi
  [ -n "$fast" ] || again "$version"
  now_live "$live"
}

carry_region() {
  local region=$1 stack='' called='' function alias live old=$work/$1.old.zip
  begin
  find_function "$region" || stop
  again "$live"
  now_live "$live"
}

# Deploys a version of the function with the stack.
again() {
  { fetch "$region" "$1" "$old" && renew_archive "$old" "$work/$region" && carry "$region" "$old"; } ||
    stop "version $1 is live, but the stack does not have it: $err. Fix this, then run 'policy.sh carry'"
}

# Reports the live version and the one before.
now_live() {
  find_function "$region" || stop
  [ -z "$fast" ] ||
    say "$region" "the stack still has the other policy: run 'policy.sh carry' before you update the stack. Until then, 'cfn-egress-guard status' reports a gap"
  result "$region" "$called" "version $live is live; before: $1"
}

show_region() {
  local region=$1 stack='' called='' function alias live version text
  begin any
  find_function "$region" || stop
  version=${operand:-$live}
  fetch "$region" "$version" "$work/$region.zip" || stop
  unzip -p "$work/$region.zip" policy.toml >"$work/$region.toml" 2>/dev/null || echo '# no policy.toml: the published rule' >"$work/$region.toml"
  text="# $region, version $version (version $live is live)
$(unzip -p "$work/$region.zip" origin.txt 2>/dev/null | sed 's/^/# /')
# sha256: $(openssl dgst -sha256 "$work/$region.toml" | awk '{print $NF}')
$(cat "$work/$region.toml")"
  printf '%s\n' "$text" >&3
  result "$region" "$called" "version $version shown"
}

versions_region() {
  local region=$1 stack='' called='' function alias live
  begin any
  find_function "$region" || stop
  call "$region" lambda list-versions-by-function --function-name "$function" \
    --query "Versions[?Version != '\$LATEST'].[Version, LastModified, CodeSha256, Description]" || stop
  while IFS= read -r line; do
    [[ $line == "$live"$'\t'* ]] && line="$line  <- live"
    say "$region" "$line"
  done <<<"$out"
  result "$region" "$called" "version $live is live"
}

# ---- In an organization ---------------------------------------------------------------------------------------

# Uploads a zip file with the new policy to the buckets of all Regions, and updates the StackSet to a template that
# names it.
set_organization() {
  local url address bucket template prefix key one archive=$work/$region.new.zip text flat where
  [ -z "$fast" ] || stop "--fast needs a function, and each member has its own: run it there"
  [ -n "$checked$unchecked" ] || stop "there is no function here to test the policy on: install cfn-egress-guard, or use --unchecked"
  url=$(row TemplateUrl)
  # https://BUCKET.s3.REGION.amazonaws.com/KEY, or https://s3.REGION.amazonaws.com/BUCKET/KEY
  [[ $url =~ ^https://([^/]*)/(.*)$ ]] || stop "cannot read the stack's TemplateUrl"
  address=${BASH_REMATCH[1]} template=${BASH_REMATCH[2]}
  case $address in
    s3.* | s3-*) bucket=${template%%/*} address=$address/$bucket template=${template#*/} ;;
    *) bucket=${address%%.s3[.-]*} ;;
  esac
  call "$region" s3 cp --only-show-errors "s3://$bucket/$template" "$work/$region.members" || stop
  text=$(cat "$work/$region.members")
  flat=$(tr '\n' ' ' <<<"$text")
  [[ $flat =~ \"S3Bucket\":\ *\{\ *\"Fn::Sub\":\ *\"([^\"]*)\$\{AWS::Region\}\"\ *\},\ *\"S3Key\":\ *\"([^\"]*)\" ]] ||
    stop "the members call a central function: change the policy of its stack"
  prefix=${BASH_REMATCH[1]} key=${BASH_REMATCH[2]}
  one=$(row Regions)
  one=${one%%,*}
  { call "$one" s3 cp --only-show-errors "s3://$prefix$one/$key" "$archive" && replace_policy "$archive" "$work/$region"; } || stop
  where=$(beside "$key")/bootstrap.zip
  for one in $(printf '%s\n' "$(row Regions)" "$region" | tr ', ' '\n' | sort -u); do
    call "$one" s3 cp --only-show-errors "$archive" "s3://$prefix$one/$where" || stop "$one: $err"
    say "$region" "uploaded s3://$prefix$one/$where"
  done
  renew "$(replaced "$text" "\"$key\"" "\"$where\"")" >"$work/$region.members"
  template=$(beside "$template")/${template##*/}
  call "$region" s3 cp --only-show-errors "$work/$region.members" "s3://$bucket/$template" || stop
  say "$region" "to undo this: switch.sh --stack $called --regions $region TEMPLATE_URL=$url"
  wanted=("TemplateUrl =https://$address/$template")
  switch_region "$region"
}

read_arguments "$@"
for tool in curl openssl unzip zip; do
  command -v $tool >/dev/null || refuse "$tool is not on the PATH; install it, or use AWS CloudShell, which has it"
done
if [ "$verb" = set ]; then
  check_policy "$operand"
  operand=$(cd "$(dirname "$operand")" && pwd)/$(basename "$operand")
fi
stamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)
caller=unknown
[[ $verb != set && $verb != back && $verb != carry ]] || caller=$(aws sts get-caller-identity --query Arn --output text 2>/dev/null) || caller=unknown
# `show` prints a policy to standard output. Everything else goes to standard error.
exec 3>&1
[ "$verb" != show ] || exec 1>&2
everywhere "${verb}_region"
