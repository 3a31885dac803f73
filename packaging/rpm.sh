#!/bin/sh
# Makes an RPM and prints its name: rpm.sh
#
#   DIST            el7 el8 el9 el10 amzn2 amzn2023; default: that of NGINX_SOURCE, or of this machine, or el9
#   FLAVOUR         distro: for the nginx of the distribution; nginx.org: for that of nginx.org; default: that of the
#                   installed nginx, or distro
#   ARCH            x86_64 or aarch64; default this machine's
#   NGINX_VERSION, NGINX_SOURCE     which nginx: see nginx-tree.sh; default: the one installed (nginx-source.sh)
#   EPOCH           where the C module's package, which is to be replaced, has one
#   OUT             the folder; default dist
#
# The module is built once for an nginx and a processor (portable.sh), and packed for each distribution.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
arch=${ARCH:-$(uname -m)}
out=${OUT:-$root/dist}
name=nginx-module-aws-auth

main() {
    case ${FLAVOUR:-distro} in
        distro|nginx.org) ;;
        *) fail "FLAVOUR is distro or nginx.org, not $FLAVOUR" ;;
    esac
    [ -z "${DIST:-}" ] || describe "$DIST"
    nginx=$("$root/packaging/nginx-source.sh")
    read -r dist flavour NGINX_SOURCE <<END
$nginx
END
    export NGINX_SOURCE
    describe "$dist"
    case $flavour,$NGINX_SOURCE in
        distro,|distro,*.tar.*)
            echo "$0: built with nginx's own sources; where $dist has patched nginx's structures, nginx -t will refuse the" \
                "module. Its RPM nginx-mod-devel as NGINX_SOURCE has the right ones." >&2 ;;
    esac
    files=$("$root/packaging/portable.sh" "$arch")
    version=$(basename "$files" | cut -d - -f 1)

    SOURCE_DATE_EPOCH=$("$root/packaging/date.sh")
    export SOURCE_DATE_EPOCH
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' HUP INT TERM
    stage "$work/files"
    pack
    mkdir -p "$out"
    built=$(cd "$work" && ls "$name"-*.rpm)
    mv "$work/$built" "$out/"
    "$root/packaging/checksums.sh" "$out"
    echo "$out/$built"
}

# What the distribution's own rpm would say. Payloads are what its rpm can read, so not zstd before RHEL 9.
describe() {
    case $1 in
        el7)      macro=rhel number=7 payload=w9.gzdio ;;
        el8)      macro=rhel number=8 payload=w6.xzdio ;;
        el9)      macro=rhel number=9 payload=w19.zstdio ;;
        el10)     macro=rhel number=10 payload=w19.zstdio ;;
        amzn2)    macro=amzn number=2 payload=w9.gzdio ;;
        amzn2023) macro=amzn number=2023 payload=w6.xzdio ;;
        *) fail "DIST is el7, el8, el9, el10, amzn2 or amzn2023, not $1" ;;
    esac
}

# All files of the package in one folder.
stage() {
    mkdir -p "$1"
    cp -p "$files/ngx_http_aws_auth_module.so" "$files/generate_signing_key" "$1/"
    cd "$root"
    cp -rp --parents LICENSE nginx-conf packaging/completions "$1/"
    packaging/third-party.py >"$1/THIRD-PARTY"
    packaging/docs.sh "$1/documents" nginx-conf
    packaging/man/build.sh "$1/man" "/usr/share/doc/$name/nginx-conf"
    # When files were checked out is not a part of the package.
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

pack() {
    set -- --with prebuilt
    [ "$flavour" = distro ] || set -- "$@" --with nginx_org
    [ -z "${EPOCH:-}" ] || set -- "$@" --define "module_epoch $EPOCH"
    requires=$(packaged_as)
    [ -z "$requires" ] || set -- "$@" --define "nginx_requires $requires"
    "$root/packaging/rpmbuild.sh" "$work" -bb --quiet --nodeps --target "$arch-redhat-linux" "$@" \
        --define "prebuilt $work/files" \
        --define "nginx_version $version" \
        --define "dist .$dist" --define "$macro $number" \
        --define "_rpmdir $work" --define "_rpmfilename %{NVRA}.rpm" \
        --define "_libdir /usr/lib64" --define "_binary_payload $payload" \
        --define "_build_id_links none" --define "__os_install_post %{nil}" \
        "$root/rpm/$name.spec" >&2
}

# A module that was built with the sources in a distribution's RPM, installed or not, is for that nginx or a later one:
# the ones before may lack a patch that changes nginx's structures.
packaged_as() {
    case $NGINX_SOURCE in
        '') ;;
        *.rpm) rpm -qp --nosignature --qf "$requirement" "$NGINX_SOURCE" ;;
        *) [ ! -d "$NGINX_SOURCE" ] || owned_by_package ;;
    esac
}

requirement='nginx >= %{epochnum}:%{version}-%{release}'

owned_by_package() {
    if name_of_package=$(rpm -qf "$NGINX_SOURCE" 2>/dev/null); then
        rpm -q --qf "$requirement" "$name_of_package"
    fi
}

fail() {
    echo "$0: $*" >&2
    exit 1
}

main
