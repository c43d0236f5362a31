#!/usr/bin/env bash
# Prints the compiler's flags of the function: without them, the folders of this machine are in the program (in the
# places that panics name), and the same source makes other bytes on another machine. Cargo's own `trim-paths` is not
# stable yet.
set -euo pipefail
cd "$(dirname "$0")/.."
printf -- '--remap-path-prefix=%s=%s ' "${CARGO_HOME:-$HOME/.cargo}/registry/src" /crates "$PWD" /source
printf -- '--remap-path-prefix=%s=%s\n' "$(rustc --print sysroot)" /rust
