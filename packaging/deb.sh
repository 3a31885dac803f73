#!/bin/sh
# Makes the package for the Debian or Ubuntu that this is, and one of symbols, and prints their names: deb.sh
#
#   OUT    the folder they are put into; default dist
#
# The package is for the nginx whose nginx-dev is installed.
#
# The sources are those of the checkout, or of the tarball, which brings its crates along.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/packaging/progress.sh"
out=${OUT:-$root/dist}
mkdir -p "$out"
out=$(cd "$out" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
tree=$work/libnginx-mod-http-aws-auth
mkdir "$tree"
"$root/packaging/copy-sources.sh" "$tree"
cp -r "$root/packaging/debian" "$tree/debian"
# When files were checked out is not a part of the package.
find "$tree" -exec touch -h -d "@$("$root/packaging/date.sh")" {} +

# debhelper gives programs an empty home: crates and a Rust of one's own would not be found. Rust is taken from the
# PATH, no matter who has installed it, so that dependencies are not asked for.
cd "$tree"
export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
progress "building the package, which takes some minutes" "$work/log" \
    dpkg-buildpackage --build=binary --unsigned-changes --no-check-builddeps || {
    tail -n 60 "$work/log" >&2
    exit 1
}
for package in "$work"/*.deb; do
    mv "$package" "$out/"
    echo "$out/$(basename "$package")"
done
"$root/packaging/checksums.sh" "$out"
