#!/bin/sh
# Prints a folder with the sources of an nginx, configured so that a module built with it loads into
# every package of that nginx: nginx-tree.sh [x86_64|aarch64].
#
#   NGINX_SOURCE    a folder, an archive of nginx.org, or an nginx-mod-devel RPM of the distribution
#   NGINX_VERSION   without NGINX_SOURCE: 1.28.3, which crate nginx-src carries, or the one of Debian's
#                   nginx-dev
#
# The name of the folder is <version>-<digest of the headers>: distributions patch nginx's structures
# without telling its version, and a module is for one layout only.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/packaging/progress.sh"
trees=$root/build/trees
arch=${1:-$(uname -m)}

# The oldest nginx that the module works with.
MINIMUM=$(cat "$root/packaging/oldest-nginx")

# With --with-compat, structures and signature are those of all packages: nginx.org and the
# distributions build theirs with it. The other three only add code to nginx; they are here so that the
# headers declare what the module calls.
CONFIGURE="--with-compat --with-debug --with-threads --with-http_ssl_module"

main() {
    mkdir -p "$trees"
    fresh=$(mktemp -d "$trees/.new.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    unpack "$fresh/nginx"
    [ -e "$fresh/nginx/src/core/nginx.h" ] || fail "$source holds no sources of nginx"
    version=$(nginx_version "$fresh/nginx")
    printf '%s\n' "$MINIMUM" "$version" | sort -CV || fail "nginx $version is too old: the module needs $MINIMUM or later"
    if [ -n "${NGINX_VERSION:-}" ] && [ "$version" != "$NGINX_VERSION" ]; then
        fail "NGINX_SOURCE is nginx $version, NGINX_VERSION says $NGINX_VERSION: set one of them only"
    fi
    tree=$trees/$version-$(digest "$fresh/nginx")-$arch
    if [ ! -e "$tree/.configured" ]; then
        configure "$fresh/nginx"
        rm -rf "$tree"
        mv "$fresh/nginx" "$tree"
    fi
    echo "$tree"
}

unpack() {
    source=${NGINX_SOURCE:-$(default_source)}
    [ -e "$source" ] || fail "NGINX_SOURCE $source does not exist"
    case $source in
        *.rpm)
            mkdir "$fresh/rpm"
            (cd "$fresh/rpm" && rpm2cpio "$(absolute "$source")" | cpio -idm --quiet)
            found=$(ls -d "$fresh"/rpm/usr/src/*/src 2>/dev/null | head -n 1)
            [ -n "$found" ] || fail "$source holds no sources: give the RPM of nginx-mod-devel"
            mv "$(dirname "$found")" "$1" ;;
        *.tar.*|*.tgz)
            mkdir "$1"
            tar -xf "$source" -C "$1" --strip-components=1 ;;
        *) cp -rL "$source" "$1" ;;
    esac
    chmod -R u+w "$1"
    # What an earlier build has left.
    rm -rf "$1/objs"
}

absolute() {
    echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

# Where the sources of NGINX_VERSION are on this machine.
default_source() {
    crate=$("$root/packaging/nginx-src.sh")
    for source in "$crate" /usr/share/nginx/src; do
        [ -e "$source/src/core/nginx.h" ] || continue
        if [ "${NGINX_VERSION:-$(nginx_version "$crate")}" = "$(nginx_version "$source")" ]; then
            echo "$source"
            return
        fi
    done
    fail "the sources of nginx $NGINX_VERSION are not on this machine: get them from nginx.org, and say" \
        "NGINX_SOURCE=nginx-$NGINX_VERSION.tar.gz"
}

nginx_version() {
    sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' "$1/src/core/nginx.h"
}

# Of all headers, since they decide on the layout.
digest() {
    (cd "$1/src" && find . -name '*.h' | LC_ALL=C sort | xargs cat) | sha256sum | cut -c 1-8
}

configure() {
    configure=configure
    [ -e "$1/configure" ] || configure=auto/configure
    # configure asks uname for the processor; everything else it finds out is the same on both.
    mkdir -p "$fresh/bin"
    printf '#!/bin/sh\n[ "$1" = -m ] && echo %s || exec /usr/bin/env -i PATH=/usr/bin:/bin uname "$@"\n' \
        "$arch" >"$fresh/bin/uname"
    chmod +x "$fresh/bin/uname"
    progress "configuring nginx $version for $arch" "$fresh/log" configure_for_arch "$1" || {
        tail -n 20 "$fresh/log" >&2
        fail "nginx $version could not be configured"
    }
    touch "$1/.configured"
}

configure_for_arch() {
    # An nginx that knows PCRE 8 only: the same header on each machine, whether it has that library or not.
    if ! grep -q pcre2 "$1/src/core/ngx_regex.h"; then
        mkdir -p "$1/objs/pcre"
        cp "$root/packaging/headers/pcre.h" "$1/objs/pcre/"
        CONFIGURE="$CONFIGURE --with-pcre=objs/pcre"
    fi
    (cd "$1" && PATH=$fresh/bin:$PATH sh "$configure" $CONFIGURE)
}

fail() {
    echo "$0: $*" >&2
    exit 1
}

main
