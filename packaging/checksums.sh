#!/bin/sh
# Writes SHA256SUMS of what is in a folder: checksums.sh [FOLDER], dist/ if none is given.
set -eu
cd "${1:-$(dirname "$0")/../dist}"
find . -type f ! -name 'SHA256SUMS*' | sed 's,^[.]/,,' | LC_ALL=C sort | xargs sha256sum >"SHA256SUMS.$$"
mv "SHA256SUMS.$$" SHA256SUMS
