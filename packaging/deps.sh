#!/bin/sh
# Installs what a make target needs and this machine lacks: deps.sh build|test|demo|bench|rpm|deb|test-deb|test-rpm
#
# Prints each command that changes the machine. Runs with apt or dnf; as root or through sudo.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build
tree=$build/nginx

main() {
    case $1 in
        build) need_clang; [ "${NGINX_SOURCE_DIR:-$tree}" != "$tree" ] || need_tree ;;
        test)
            need_nginx; need curl curl; need openssl openssl; need cc gcc; need skopeo skopeo; need_njs
            need_venv swift "OpenStack Swift" t/swift; need_venv clients "clients of S3" t/clients
            need_restic ;;
        demo) need_nginx; need curl curl ;;
        bench) need_nginx; need wrk wrk ;;
        rpm)
            need_clang; need_headers; need rpmbuild "$(either rpm rpm-build)"; need cpio cpio; need xz xz-utils
            need_venv packaging "zig, a linker for old distributions" packaging/portable
            [ "${ARCH:-$(uname -m)}" = "$(uname -m)" ] || need_rust ;;
        deb)
            [ -x /usr/bin/apt-get ] || { echo "packages for Debian are made on Debian and its relatives" >&2; exit 1; }
            need_nginx; need_clang; need dh debhelper; need dpkg-buildpackage dpkg-dev; need python3 python3
            [ -e /usr/share/nginx/src/conf_flags ] || install_packages nginx-dev ;;
        test-deb) need lintian lintian; need busybox busybox-static; need objdump binutils ;;
        test-rpm)
            need rpmlint rpmlint; need dnf dnf; need createrepo_c "$(either createrepo-c createrepo_c)"
            need objdump binutils; need unshare util-linux ;;
        *) echo "usage: $0 build|test|demo|bench|rpm|deb|test-deb|test-rpm" >&2; exit 2 ;;
    esac
}

need_nginx() {
    need nginx nginx
}

need_clang() {
    # bindgen reads nginx's headers through libclang.
    if [ -x /usr/bin/apt-get ]; then
        ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || install_packages libclang-dev clang
    else
        need clang "clang clang-devel"
    fi
}

# The nginx sources as the installed nginx was configured: the headers and the Makefile are enough.
need_tree() {
    need_nginx
    version=$(nginx -v 2>&1)
    if [ -e "$tree/objs/ngx_auto_config.h" ] \
        && [ "$(cat "$tree/.version" 2>/dev/null)" = "$version" ]; then
        return
    fi
    if [ -x /usr/bin/apt-get ]; then
        [ -e /usr/share/nginx/src/conf_flags ] || install_packages nginx-dev
    else
        ls -d /usr/src/nginx-* >/dev/null 2>&1 || install_packages nginx-mod-devel
    fi
    echo "configuring the sources of $version in build/nginx"
    rm -rf "$tree"
    mkdir -p "$build"
    configure_tree >"$build/configure.log" 2>&1 || {
        tail -n 20 "$build/configure.log" >&2
        exit 1
    }
    printf '%s\n' "$version" >"$tree/.version"
}

configure_tree() {
    if [ -e /usr/share/nginx/src/conf_flags ]; then
        cp -r /usr/share/nginx/src "$tree"
        (cd "$tree" && bash -c '. ./conf_flags; ./configure "${NGX_CONF_FLAGS[@]}"')
    else
        cp -rL "$(ls -d /usr/src/nginx-* | sort | tail -n 1)" "$tree"
        flags=$(nginx -V 2>&1 | sed -n 's/^configure arguments: //p')
        (cd "$tree" && eval "./configure $flags")
    fi
}

# nginx's JavaScript module, where the distribution has one for its nginx.
need_njs() {
    [ -x /usr/bin/apt-get ] || return 0
    [ -e /usr/lib/nginx/modules/ngx_http_js_module.so ] || install_packages libnginx-mod-http-js
}

# The libraries whose names stand in nginx's headers.
need_headers() {
    [ -e /usr/include/pcre2.h ] || [ -e /usr/include/pcre.h ] || install_packages "$(either libpcre2-dev pcre2-devel)"
    [ -e /usr/include/openssl/ssl.h ] || install_packages "$(either libssl-dev openssl-devel)"
    [ -e /usr/include/zlib.h ] || install_packages "$(either zlib1g-dev zlib-devel)"
}

# A Rust for the other processor, where rustup has not brought one.
need_rust() {
    target=$ARCH-unknown-linux-gnu
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || [ -x "$build/rust-$ARCH/rustc" ] && return
    if [ -x /usr/bin/apt-get ] && [ "$ARCH" = aarch64 ]; then
        echo "getting Debian's Rust for $ARCH into build/rust-$ARCH"
        "$root/packaging/rust-aarch64.sh"
    else
        run rustup target add "$target"
    fi
}

# need_venv NAME WHAT FOLDER: a virtual environment with what FOLDER/requirements.txt names.
need_venv() {
    requirements=$root/$3/requirements.txt
    venv=$build/$1-venv
    if cmp -s "$requirements" "$venv/requirements.txt"; then
        return
    fi
    if ! python3 -c 'import venv, ensurepip' >/dev/null 2>&1; then
        if [ -x /usr/bin/apt-get ]; then
            install_packages python3-venv python3-dev
        else
            install_packages "python3 python3-devel"
        fi
    fi
    echo "installing $2 into build/$1-venv"
    rm -rf "$venv"
    mkdir -p "$build"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
}

# A client that signs chunks.
need_restic() {
    # The RHEL family has it in EPEL.
    if [ -x /usr/bin/dnf ] && ! command -v restic >/dev/null 2>&1; then
        dnf -q list restic >/dev/null 2>&1 || install_packages epel-release
    fi
    need restic restic
}

# need PROGRAM "PACKAGE ...": installs the packages where the program is missing.
need() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || install_packages "$2"
}

# either DEBIAN RHEL: what is the one in Debian's family, is the other in RHEL's.
either() {
    if [ -x /usr/bin/apt-get ]; then echo "$1"; else echo "$2"; fi
}

install_packages() {
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    if [ -x /usr/bin/apt-get ]; then
        [ -n "${updated:-}" ] || run $sudo apt-get update -q
        updated=1
        run $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $*
    elif [ -x /usr/bin/dnf ]; then
        run $sudo dnf install -y -q $*
    else
        echo "please install: $*" >&2
        exit 1
    fi
}

run() {
    echo "+ $*"
    "$@" >/dev/null
}

PATH=$PATH:/usr/sbin
main "$@"
