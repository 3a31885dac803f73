#!/usr/bin/env bash
# make test-nginx-build: the module built by nginx's own build, once as a dynamic module and once
# linked into nginx, and a part of the suite against each.
#
# NGINX_SOURCE: the sources of nginx, a folder or an archive; those of crate nginx-src if not given.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Part of the suite: filters on either side of nginx's own, bodies, phases, TLS of the module's own,
# processes.
suite=(harness access auth_errors cache/hits conf/warnings credentials/https examples/static_keys forms framed/decode
    lifecycle payload/filters payload/signed upstream_block/peers)

# Debian's nginx is too old for a test of upstream_block/peers: here it must run.
export AWS_AUTH_RUN_ALL=1

# The modules of nginx that the suite wants.
options=(--with-compat --with-debug --with-http_ssl_module --with-http_v2_module
    --with-http_slice_module --with-http_auth_request_module --with-http_addition_module
    --with-cc-opt=-O0)

# The build is kept, so that it is built once; the sources are copied again.
work=$root/build/test-nginx-build
export NGX_CARGO_TARGET_DIR=$work/target
unset CARGO_BUILD_TARGET NGINX_SOURCE_DIR NGINX_BUILD_DIR

main() {
    rm -rf "$work/module" "$work/dynamic" "$work/static" "$work/old"
    mkdir -p "$work/module" "$work/old"
    "$root/packaging/copy-sources.sh" "$work/module"
    unpack "${NGINX_SOURCE:-$("$root/packaging/nginx-src.sh")}" "$work/dynamic"
    cp -r "$work/dynamic" "$work/static"

    dynamic
    static
    mistakes
    finish
}

dynamic() {
    cd "$work/dynamic"
    need "configure --add-dynamic-module" run_configure --add-dynamic-module=../module
    need "make" make -j2
    local module=$work/dynamic/objs/ngx_http_aws_auth_module.so
    check "the module exports what nginx looks up, and nothing else" only_tables "$module"
    check "make again leaves all as it is" unchanged objs/nginx objs/ngx_http_aws_auth_module.so
    check "a change of the sources is noticed" notices_changes
    sources "$work/dynamic" objs
    check "a part of the suite, with the dynamic module" \
        signs "$work/dynamic/objs/nginx" "$module" "${suite[@]}"
}

static() {
    cd "$work/static"
    need "configure --add-module, with a --builddir of its own" \
        run_configure --builddir="$work/static/build" --add-module="$work/module"
    need "make" make -j2
    local nginx=$work/static/build/nginx
    check "the module is linked" linked "$nginx"
    check "nginx exports nothing of Rust's" no_rust "$nginx"
    check "make again leaves nginx as it is" unchanged build/nginx
    sources "$work/static" build
    check "a part of the suite, with the module linked" signs "$nginx" static "${suite[@]}"
}

mistakes() {
    cd "$work/dynamic"
    local mistaken=(--builddir=mistaken --add-dynamic-module=../module)
    check "without cargo, configure says what to do" refused "name its cargo in NGX_CARGO" \
        env NGX_CARGO="$work/no-cargo" "$(configure)" "${mistaken[@]}"
    cp -r "$work/dynamic/auto" "$work/dynamic/src" "$work/old/"
    sed -i 's/^#define NGINX_VERSION .*/#define NGINX_VERSION "1.16.1"/' "$work/old/src/core/nginx.h"
    check "with an nginx that is too old, configure says which one is needed" \
        refused "requires nginx $(cat "$root/packaging/oldest-nginx") or later" too_old
    check "without http, configure says why not" refused "requires the HTTP core" \
        "$(configure)" "${mistaken[@]}" --without-http
}

too_old() {
    cd "$work/old"
    sh auto/configure --builddir=objs --add-dynamic-module=../module
}

# unpack SOURCE FOLDER
unpack() {
    if [ -d "$1" ]; then
        cp -rL "$1" "$2"
    else
        mkdir "$2"
        tar -xf "$1" -C "$2" --strip-components=1
    fi
}

# A release has it at the top, a checkout does not.
configure() {
    if [ -x configure ]; then echo ./configure; else echo auto/configure; fi
}

run_configure() {
    "$(configure)" "${options[@]}" "$@"
}

# Where tests that build something against nginx find its headers.
sources() {
    export NGINX_SOURCE_DIR=$1 NGINX_BUILD_DIR=$1/$2
}

only_tables() {
    diff <(nm -D --defined-only "$1" | awk '{ print $3 }' | sort) \
        <(printf '%s\n' ngx_module_names ngx_module_order ngx_modules)
}

unchanged() {
    local before
    before=$(stat -c '%n %y' "$@")
    make -j2 && diff <(echo "$before") <(stat -c '%n %y' "$@")
}

# A mistake, and not a change that would take its time to build.
notices_changes() {
    local file=$work/module/crates/signing/src/lib.rs
    cp -p "$file" "$work/lib.rs"
    echo 'compile_error!("noticed");' >>"$file"
    local status=0
    refused noticed make || status=1
    mv "$work/lib.rs" "$file"
    return "$status"
}

linked() {
    "$1" -V 2>&1 | grep -F -- "--add-module=" && nm "$1" | grep -w ngx_http_aws_auth_module
}

no_rust() {
    ! nm -D --defined-only "$1" | grep -E "( |_)rust|aws_auth"
}

main
