#!/bin/sh
# Installs what make targets need and this machine lacks:
#
#   deps.sh build|lint|test|demo|bench|rpm|deb|test-deb|test-rpm|test-fresh...
#
# The last target is what the user wants; those before it are what it builds on. First the script asks for everything, and
# changes nothing: what is too old is reported together with what to do, and what is missing is listed with the one command
# that installs it. Then it runs that command, as root or through sudo, and asks again. Only then does it prepare what is in
# build/: the configured sources of nginx and Python environments.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
build=$root/build
. "$root/packaging/deps/packages.sh"
. "$root/packaging/deps/ask.sh"
. "$root/packaging/deps/nginx.sh"
. "$root/packaging/progress.sh"

known="build lint test demo bench rpm deb test-deb test-rpm test-fresh"

main() {
    [ $# != 0 ] || usage
    for target in "$@"; do
        case " $known " in *" $target "*) ;; *) usage ;; esac
    done
    for goal in "$@"; do :; done
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' INT TERM HUP
    ask_for "$@"
    if [ -n "$missing" ]; then
        install_missing
        ask_for "$@"
        [ -z "$missing" ] || still_missing
    fi
    printf '%s' "$remarks"
    for target in "$@"; do
        prepare "$target"
    done
}

usage() {
    echo "usage: $0 $(echo "$known" | tr ' ' '|')..." >&2
    exit 2
}

# Sets $missing, and ends the script if something on this machine is too old or cannot be installed from packages.
ask_for() {
    missing= packages= problems= remarks=
    for target in "$@"; do
        ask "$target"
    done
    if [ -n "$problems" ]; then
        printf 'make %s cannot run on this machine:\n%s' "$goal" "$problems" >&2
        exit 1
    fi
}

ask() {
    case $1 in
        build|lint) want_rust .; want_compiler; want_libclang; want_sources ;;
        demo) want_rust crates/origin; want_compiler; want_nginx; want curl curl ;;
        test)
            want_rust t; want_compiler; want_nginx; want_njs; want curl curl; want openssl openssl
            want_python; optional skopeo; optional restic ;;
        bench) want_rust benches; want_compiler; want_nginx; want wrk wrk ;;
        rpm)
            want_rust .; want_compiler; want_libclang; want_headers; want rpmbuild rpmbuild; want cpio cpio; want xz xz; want_venv
            want git git ;;
        deb)
            [ "$manager" = apt ] || problem "Packages for Debian are made on Debian and its derivatives."
            want_rust .; want_compiler; want_libclang; want_nginx_dev; want dh debhelper
            want dpkg-buildpackage dpkg-dev; want python3 python3 ;;
        test-deb) want lintian lintian; want busybox busybox; want objdump binutils ;;
        test-rpm)
            optional rpmlint; want dnf dnf; want createrepo_c createrepo_c; want objdump binutils
            want unshare util-linux ;;
        test-fresh)
            want debootstrap debootstrap; want unshare util-linux; want ip iproute2; want git git
            [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || lack "keys of Debian's archive" debian-archive-keyring ;;
    esac
}

prepare() {
    case $1 in
        build|lint) prepare_sources ;;
        test) venv swift "OpenStack Swift" t/swift; venv clients "S3 clients" t/clients ;;
        rpm)
            venv packaging "zig, a linker for old distributions" packaging/portable
            [ "${ARCH:-$(uname -m)}" = "$(uname -m)" ] || other_rust ;;
    esac
}

# Lists what is missing, then installs it with one command.
install_missing() {
    if [ "$manager" = none ]; then
        printf 'make %s needs the following, which this machine lacks:\n%s' "$goal" "$missing" >&2
        exit 1
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "make $goal needs packages that this machine lacks. Run as root: $(install_command $packages)" >&2
            exit 1
        fi
        as_root="sudo "
    fi
    command=$(install_command $packages)
    printf 'make %s needs the following, which this machine lacks:\n%s' "$goal" "$missing"
    echo "+ $command"
    if ! progress "installing them, which can take some minutes" "$scratch/log" sh -c "$command"; then
        tail -n 20 "$scratch/log" >&2
        echo "The packages could not be installed; the command is: $command" >&2
        exit 1
    fi
}

still_missing() {
    printf 'The packages are installed, but the following still does not work:\n%s' "$missing" >&2
    exit 1
}

# venv NAME WHAT FOLDER: a virtual environment with what FOLDER/requirements.txt names.
venv() {
    requirements=$root/$3/requirements.txt
    venv=$build/$1-venv
    if cmp -s "$requirements" "$venv/requirements.txt"; then
        return
    fi
    echo "installing $2 into build/$1-venv"
    rm -rf "$venv"
    mkdir -p "$build"
    "$(python || echo python3)" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
}

# A Rust for the other processor, where rustup has not brought one.
other_rust() {
    target=$ARCH-unknown-linux-gnu
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || [ -x "$build/rust-$ARCH/rustc" ] && return
    if [ "$manager" = apt ] && [ "$ARCH" = aarch64 ]; then
        echo "getting Debian's Rust for $ARCH into build/rust-$ARCH"
        "$root/packaging/rust-aarch64.sh"
    else
        echo "+ rustup target add $target"
        rustup target add "$target" >/dev/null
    fi
}

PATH=$PATH:/usr/sbin:/sbin
main "$@"
