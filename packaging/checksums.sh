#!/bin/sh
# Writes SHA256SUMS of what is in a folder: checksums.sh FOLDER
set -eu
cd "$1"
find . -type f ! -name 'SHA256SUMS*' | sed 's,^[.]/,,' | LC_ALL=C sort | xargs sha256sum >"SHA256SUMS.$$"
mv "SHA256SUMS.$$" SHA256SUMS
