#!/bin/sh
# Makes a source RPM, which builds without a network, and prints its name: srpm.sh
#
#   NGINX_VERSION, NGINX_SOURCE     which nginx it is for: see nginx-tree.sh
#   OUT                             the folder; default dist
#
# It holds the tarball and that nginx. `rpmbuild --rebuild` makes the package of it on any distribution
# with Rust 1.88, for either processor.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
out=${OUT:-$root/dist}
name=nginx-module-aws-auth

SOURCE_DATE_EPOCH=$("$root/packaging/date.sh")
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
mkdir -p "$out" "$work/sources"

OUT=$work/sources "$root/packaging/tarball.sh" >&2
rm "$work/sources/SHA256SUMS"
tree=$("$root/packaging/nginx-tree.sh")
version=$(basename "$tree" | cut -d - -f 1)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=ustar \
    --exclude=./objs --exclude=./.configured --exclude=./Makefile --transform="s,^\.,nginx-$version," \
    -C "$tree" -cf - . | gzip -9n >"$work/sources/nginx-$version.tar.gz"
# Rebuilt without any word about nginx, it is for the one it holds.
sed "s/^\(%{!?nginx_version: %global nginx_version\) [0-9.]*}/\1 $version}/" "$root/rpm/$name.spec" >"$work/$name.spec"

"$root/packaging/rpmbuild.sh" "$work" -bs --quiet --nodeps --define "_sourcedir $work/sources" \
    --define "_srcrpmdir $work" --define "_source_payload w9.gzdio" --undefine dist "$work/$name.spec" >&2
built=$(cd "$work" && ls "$name"-*.src.rpm)
mv "$work/$built" "$out/"
"$root/packaging/checksums.sh" "$out"
echo "$out/$built"
