#!/usr/bin/env bash
# make test-source: the source RPM makes the package again, without a network and without anything of this
# checkout.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

name=nginx-module-aws-auth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset ARCH NGINX_VERSION NGINX_SOURCE NGINX_SOURCE_DIR NGINX_BUILD_DIR CARGO_TARGET_DIR
export OUT=$work/dist

main() {
    cd "$root"
    need "the source RPM is made, in a checkout of another user" as_other_owner packaging/srpm.sh
    source_rpm=$(ls "$OUT/$name"-*.src.rpm)
    tree=$(packaging/nginx-tree.sh)
    nginx=$(basename "$tree" | cut -d - -f 1)
    check "it holds all that git has" all_of_git
    need "it is built, offline" rebuild el9 --define "rhel 9"
    check "as the prebuilt one, it requires nginx" requires el9 "nginx(abi) = $nginx"
    check "nginx -t of the example in it, with the module in it" loads el9
    check "with nginx-mod-devel, it requires that nginx" with_mod_devel
    finish
}

all_of_git() {
    mkdir "$work/tarball"
    rpm2cpio "$source_rpm" | (cd "$work/tarball" && cpio -idm --quiet)
    tar -xf "$work/tarball/$name"-*.tar.xz -C "$work/tarball" --strip-components=1
    mkdir "$work/git"
    packaging/git.sh archive HEAD | tar -xf - -C "$work/git"
    ! diff -r "$work/git" "$work/tarball" | grep -v "^Only in $work/tarball"
}

# rebuild DIST ARGUMENT...: with little optimization, which shows nothing that is not seen without. Cargo
# finds an empty home: all crates are in the package.
rebuild() {
    local dist=$1
    shift
    mkdir -p "$work/cargo-home"
    env HOME="$work" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" CARGO_HOME="$work/cargo-home" \
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH" RUSTC_WRAPPER= CARGO_NET_OFFLINE=true \
        CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        rpmbuild --rebuild --quiet --nodeps --define "_topdir $work/rpmbuild" --define "_rpmdir $work" \
        --define "_rpmfilename %{NVRA}.rpm" --define "dist .$dist" "$@" "$source_rpm"
}

requires() {
    rpm -qp --nosignature --requires "$work/$name"-*."$1.$(uname -m).rpm" | grep -Fx -- "$2"
}

# What the macros of that package say, and its release.
with_mod_devel() {
    rpmspec -q --requires --with mod_devel --define "fedora 99" --define "_nginx_abiversion 9.8.7" \
        --define "_nginx_srcdir /usr/src/nginx" --define "nginx_evr 2:9.8.7-3.fc99" "rpm/$name.spec" >"$work/requires"
    grep -Fx "nginx(abi) = 9.8.7" "$work/requires" && grep -Fx "nginx >= 2:9.8.7-3.fc99" "$work/requires"
}

# The example that the package installs, except its paths, its port, and a name that must be resolved.
loads() {
    local folder=$work/files
    mkdir -p "$folder/logs"
    rpm2cpio "$work/$name"-*."$1.$(uname -m).rpm" | (cd "$folder" && cpio -idm --quiet)
    (umask 077 && echo secret >"$folder/aws-secret-key")
    {
        echo "pid nginx.pid;"
        sed -e "s,modules/ngx_http,$folder/usr/lib64/nginx/&," -e "s,/etc/nginx/,$folder/,; s,listen 80;,listen unix:$folder/socket;," \
            -e "s,https://my-bucket[^;]*,https://127.0.0.1," "$folder/usr/share/doc/$name/nginx-conf/private-bucket.conf"
    } >"$folder/nginx.conf"
    build/test-portable/like-distributions/objs/nginx -p "$folder" -c nginx.conf -t
}

main
