#!/bin/sh
# Writes the manual pages: build.sh FOLDER [EXAMPLES]
#
# EXAMPLES is where the package puts nginx-conf/.
set -eu

folder=$1
examples=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
date=$(date -u -d "@$("$root/packaging/date.sh")" +%Y-%m-%d)

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$root"
awk -v version="$version" -v date="$date" -v basic=nginx-conf/private-bucket.conf -v examples="$examples" \
    -v readme=README.md -f "$here/docs-to-man.awk" README.md \
    docs/signing.md docs/uploads.md docs/credentials/README.md docs/upstream-blocks.md docs/presigned-urls.md docs/tokens.md \
    docs/security.md docs/directives.md docs/variables.md docs/troubleshooting.md >"$folder/ngx_http_aws_auth_module.5"
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$date/" packaging/man/generate_signing_key.1.in >"$folder/generate_signing_key.1"
