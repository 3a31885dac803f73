#!/bin/sh
# Prints the folder with the nginx sources of crate nginx-src, which cargo downloads if needed.
set -eu
cd "$(dirname "$0")/.."
manifest=$("${CARGO:-cargo}" metadata --format-version 1 --locked --features vendored \
    --filter-platform x86_64-unknown-linux-gnu \
    | tr ',' '\n' | sed -n 's,^"manifest_path":"\(.*/nginx-src-[^/]*/\)Cargo.toml"$,\1,p' | head -n 1)
echo "${manifest}nginx"
