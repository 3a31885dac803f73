#!/usr/bin/env bash
# make test-alpine: the functions of packaging/alpine/APKBUILD, called as abuild calls them. There is no musl
# here, so this tells of the recipe and not of the libc.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

recipe=$root/packaging/alpine/APKBUILD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export srcdir=$work/src pkgdir=$work/pkg NGX_CARGO_TARGET_DIR=$root/build/test-nginx-build/target
unset CARGO_BUILD_TARGET NGINX_SOURCE_DIR NGINX_BUILD_DIR NGINX_SOURCE

main() {
    version=$(value pkgver)
    nginx_version=$(value _nginxver)
    builddir=$(value builddir)
    export builddir
    check "APKBUILD is of the module's version" grep -qx "version = \"$version\"" "$root/Cargo.toml"
    check "it names what packages have to" named
    unpack
    local step
    for step in build check package; do
        need "$step" sh -euc ". $recipe; $step"
    done
    check "the files of the package" diff <(expected_files) <(cd "$pkgdir" && find . -type f | sort)
    check "the links in its documents lead to its files" no_dead_links "$pkgdir/usr/share/doc"
    finish
}

# What the recipe sets a variable to. Its functions have names that are used here, too.
value() {
    sh -euc ". $recipe; printf %s \"\$$1\""
}

named() {
    local name
    for name in pkgname pkgrel pkgdesc url arch license source; do
        [ -n "$(value $name)" ] || return 1
    done
    # The nginx that is asked for is the one that is built for.
    [ "$(value depends)" = "nginx~$nginx_version" ]
}

# What abuild unpacks: the tarball, and nginx. Its sources are those of crate nginx-src, which are from its
# repository: configure stands elsewhere there.
unpack() {
    mkdir -p "$builddir" "$pkgdir"
    "$root/packaging/copy-sources.sh" "$builddir"
    (cd "$root" && packaging/third-party.py) >"$builddir/THIRD-PARTY"
    cp -r "$(NGINX_VERSION=$nginx_version "$root/packaging/nginx-tree.sh")" "$srcdir/nginx-$nginx_version"
    rm -rf "$srcdir/nginx-$nginx_version/objs"
    cp -n "$srcdir/nginx-$nginx_version/auto/configure" "$srcdir/nginx-$nginx_version/configure"

    # The nginx that is installed here is another one; that version has been built by nginx-build.sh.
    mkdir "$work/bin"
    ln -s "$root/build/test-nginx-build/dynamic/objs/nginx" "$work/bin/nginx"
    export PATH=$work/bin:$PATH
}

expected_files() {
    local doc file
    doc=./usr/share/doc/$(value pkgname)
    {
        printf '%s\n' \
            ./etc/nginx/modules/http_aws_auth.conf \
            ./usr/bin/generate_signing_key \
            ./usr/lib/nginx/modules/ngx_http_aws_auth_module.so \
            ./usr/share/man/man1/generate_signing_key.1 \
            ./usr/share/man/man5/ngx_http_aws_auth_module.5 \
            $doc/THIRD-PARTY
        documents | sed "s,^,$doc/,"
        for file in "$root"/nginx-conf/*.conf; do
            echo "$doc/examples/$(basename "$file")"
        done
    } | sort
}

main
