#!/bin/sh
# Copies the sources into an existing folder: copy-sources.sh FOLDER
#
# In a checkout, these are the files that git knows or would add; in an unpacked tarball, all files.
set -eu

folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
if [ -e .git ]; then
    packaging/git.sh ls-files -z --cached --others --exclude-standard | xargs -0 cp -p --parents -t "$folder"
else
    cp -rp . "$folder"
fi
