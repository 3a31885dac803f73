#!/bin/sh
# Writes the documents of a package: docs.sh FOLDER EXAMPLES [CHANGELOG]
#
#   FOLDER     the folder; in the package, the package's folder of documentation
#   EXAMPLES   where nginx-conf/ is in the package, relative to that folder
#   CHANGELOG  what CHANGELOG.md is there, if the packager's own tools install it
#
# README.md, CHANGELOG.md and docs/ with its images, alert rules and so on, in which all links lead to files of the package. A file that only the
# sources have is named instead of linked.
set -eu

folder=$1
examples=$2
changelog=${3:-}
root=$(cd "$(dirname "$0")/.." && pwd)

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$root"
documents=$(find README.md CHANGELOG.md docs -type f | LC_ALL=C sort)
for document in $documents; do
    [ "$document" != CHANGELOG.md ] || [ -z "$changelog" ] || continue
    mkdir -p "$folder/$(dirname "$document")"
    case $document in
        *.md) ;;
        *) cp "$document" "$folder/$document" && continue ;;
    esac
    awk -v document="$document" -v documents="$documents" -v examples="$examples" -v changelog="$changelog" \
        -f packaging/docs.awk "$document" >"$folder/$document"
done
