#!/usr/bin/env bash
# Builds the function into target/lambda/<architecture>/ for the named architectures, or for each one whose Rust target
# is installed. Installs no toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

# The oldest C library that the function starts with. provided.al2023 has 2.34; the wheel, which
# contains the function for rehearsals, supports 2.28.
glibc=2.28

triple() {
  case $1 in
    x86_64) echo x86_64-unknown-linux-gnu ;;
    arm64) echo aarch64-unknown-linux-gnu ;;
    *) echo "build: unknown architecture '$1': use x86_64 or arm64" >&2; return 2 ;;
  esac
}

has_target() { [ -d "$(rustc --print target-libdir --target "$1")" ]; }

missing() {
  echo "$1: the Rust target $2 is not installed; get it with: rustup target add $2" >&2
}

build() {
  local arch=$1 target=$2 out=target/lambda/$1
  RUSTFLAGS=$(deploy/rustflags.sh) cargo-lambda lambda build --skip-target-check --locked --profile function --bin bootstrap \
    --target "$target.$glibc" --lambda-dir "$out" --flatten bootstrap
  python3 deploy/check_artifact.py "$out/bootstrap" --arch "$arch" --glibc "$glibc"
  install -m 644 policy.toml "$out/policy.toml"
  origin >"$out/origin.txt"
}

# Prints the commit of the program and the policy, for `policy.sh show`.
origin() {
  local commit="no commit"
  if command -v git >/dev/null && [ -d .git -o -f .git ] && [ -z "$(git status --porcelain)" ]; then
    commit="commit $(git rev-parse HEAD)"
  fi
  printf 'program: %s\npolicy: %s\n' "$commit" "$commit"
}

# With an invalid policy, every invocation would fail. Exemptions that have expired or soon will (status 1 or 3) are
# warnings.
check_policy() {
  local status=0 said
  said=$(cargo run --quiet --locked --package cfn-egress-guard --no-default-features -- \
    policy check policy.toml) || status=$?
  [ $status -eq 0 ] || echo "$said" >&2
  [ $status -ne 2 ] && [ $status -lt 100 ]
}

# Check everything before the build starts.
for arch in "$@"; do
  target=$(triple "$arch")
  has_target "$target" || { missing "$arch" "$target"; exit 1; }
done
check_policy

if [ $# -gt 0 ]; then
  for arch in "$@"; do build "$arch" "$(triple "$arch")"; done
else
  for arch in x86_64 arm64; do
    target=$(triple "$arch")
    if has_target "$target"; then
      build "$arch" "$target"
    else
      missing "$arch: not built" "$target"
    fi
  done
fi
