#!/bin/sh
# Prints the seconds since 1970 that packages bear as their date: those of the last commit, or of the
# tarball that this is.
set -eu
cd "$(dirname "$0")/.."
if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
    echo "$SOURCE_DATE_EPOCH"
elif [ -e .git ]; then
    packaging/git.sh log -1 --format=%ct
else
    stat -c %Y CHANGELOG.md
fi
