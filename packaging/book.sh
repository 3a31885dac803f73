#!/bin/sh
# Builds the documentation as a book: dist/docs/index.html.
#
#   MDBOOK   the program; default: the one in PATH, else build/mdbook, where cargo installs it first
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
version=0.4.52
book=build/book

rm -rf "$book"
mkdir -p "$book/src"
packaging/docs.sh "$book/src" nginx-conf
cp -R nginx-conf "$book/src/"

# A link to README.md would lead to README.html, and mdBook writes index.html.
find "$book/src" -name README.md | while read -r page; do
    mv "$page" "${page%README.md}index.md"
done
find "$book/src" -name '*.md' -exec sed -i 's,\(\]([^)]*\)README\.md,\1index.md,g' '{}' +

# The contents are those of docs/README.md, which is a page itself.
{
    echo "# Summary"
    echo
    echo "[nginx-module-aws-auth](index.md)"
    echo "[All pages](docs/index.md)"
    echo
    sed -n -e 's/^## /# /p' -e 's/README\.md/index.md/' -e '/^ *- \[/s,](,](docs/,p' -e '/^$/p' docs/README.md
    echo
    echo "[Changelog](CHANGELOG.md)"
} >"$book/src/SUMMARY.md"

cat >"$book/book.toml" <<TOML
[book]
title = "nginx-module-aws-auth"
language = "en"

[build]
build-dir = "$root/dist/docs"
create-missing = false

[output.html]
default-theme = "light"
preferred-dark-theme = "navy"
TOML

if [ -z "${MDBOOK:-}" ]; then
    if command -v mdbook >/dev/null 2>&1; then
        MDBOOK=mdbook
    else
        MDBOOK=build/mdbook/bin/mdbook
        [ -x "$MDBOOK" ] || "${CARGO:-cargo}" install mdbook --version "$version" --locked --no-default-features --features search --root build/mdbook
    fi
fi
rm -rf dist/docs
"$MDBOOK" build "$book"
echo "built $root/dist/docs/index.html"
