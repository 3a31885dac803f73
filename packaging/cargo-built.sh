#!/bin/sh
# Builds with cargo and prints the path of what was built: cargo-built.sh FILE ARGUMENT-OF-CARGO...
#
# Where cargo puts FILE is decided by the environment and by its configuration (CARGO_TARGET_DIR, build.target-dir,
# build.target ...), so cargo is asked.
set -eu

file=$1
shift
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
"${CARGO:-cargo}" "$@" --message-format=json-render-diagnostics >"$messages"
built=$(sed -n "s,.*\"filenames\":\\[\"\\([^\"]*/$file\\)\".*,\\1,p" "$messages" | tail -n 1)
[ -n "$built" ] || { echo "$0: cargo has not built $file" >&2; exit 1; }
echo "$built"
