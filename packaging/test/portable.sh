#!/usr/bin/env bash
# make test-portable: the module as it is packed, in the nginx it is for, in others, and built again.
#
# The nginx it is for is built as distributions build theirs: with more modules than the sources were
# configured with that the module was built against. Another has the same version and a patch such as
# distributions add.
#
# NGINX_SOURCE: as for make rpm.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

work=$root/build/test-portable
mkdir -p "$work"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset ARCH

# As RHEL's, without the modules that need further libraries.
options=(--with-compat --with-debug --with-file-aio --with-threads --with-pcre-jit
    --with-http_addition_module --with-http_auth_request_module --with-http_dav_module
    --with-http_degradation_module --with-http_flv_module --with-http_gunzip_module
    --with-http_gzip_static_module --with-http_mp4_module --with-http_random_index_module
    --with-http_realip_module --with-http_secure_link_module --with-http_slice_module
    --with-http_ssl_module --with-http_stub_status_module --with-http_sub_module --with-http_v2_module
    --with-stream=dynamic --with-stream_realip_module --with-stream_ssl_module
    --with-stream_ssl_preread_module)

main() {
    cd "$root"
    tree=$(packaging/nginx-tree.sh)
    need "the module is built" packaging/portable.sh
    files=$root/build/portable/$(basename "$tree")
    module=$files/ngx_http_aws_auth_module.so
    need "an nginx as distributions build it" build_nginx like-distributions
    need "the same nginx with a patch" build_nginx patched
    nginx=$work/like-distributions/objs/nginx

    check "the module exports what nginx looks up, and nothing else" only_tables
    check "no folder of this machine is named in it" no_folders
    check "it loads" nginx_t "$nginx"
    check "the examples are signed with it" signs "$nginx" "$module" harness examples/static_keys examples/credentials
    check "panics, TLS, programs and bodies" \
        signs "$nginx" "$module" fail_closed/requests credentials/https credentials/process payload/signed auth_errors/hidden
    check "another version of nginx refuses it" refused "instead of" other_version
    check "it refuses an nginx of its version that is laid out differently" refused \
        "this nginx has the module's version, but was built from other sources" nginx_t "$work/patched/objs/nginx"
    check "built again in another folder, it is the same to the byte" same_again
    finish
}

# build_nginx KIND: kept in build/, and rebuilt for other sources only.
build_nginx() {
    local kind=$1 folder=$work/$1
    if [ "$(cat "$folder/.tree" 2>/dev/null)" = "$(basename "$tree")" ]; then
        return
    fi
    rm -rf "$folder"
    cp -r "$tree" "$folder"
    rm -rf "$folder/objs"
    cd "$folder"
    [ "$kind" != patched ] || patch_headers
    local configure=./configure
    [ -e configure ] || configure=auto/configure
    "$configure" "${options[@]}" --with-cc-opt=-O0
    make -j2
    basename "$tree" >.tree
}

# What the patch of RHEL that adds max_headers does to nginx's structures.
patch_headers() {
    sed -i '/^    ngx_list_t  *headers;$/{
        n
        s/^$/    ngx_uint_t                        count;\n/
    }' src/http/ngx_http_request.h
    grep -q 'ngx_uint_t  *count;' src/http/ngx_http_request.h
}

only_tables() {
    diff <(nm -D --defined-only "$module" | awk '{ print $3 }' | sort) \
        <(printf '%s\n' ngx_module_names ngx_module_order ngx_modules)
}

no_folders() {
    ! strings -a "$module" "$files/generate_signing_key" \
        | grep -F -e "$root" -e "$HOME/" -e "${CARGO_TARGET_DIR:-${CARGO_BUILD_TARGET_DIR:-$root}}"
}

# nginx_t NGINX: nginx -t of the configuration that the examples begin with.
nginx_t() {
    mkdir -p "$scratch/t/logs"
    printf '%s\n' "load_module $module;" "pid nginx.pid;" "events {}" "http {}" >"$scratch/t/nginx.conf"
    "$1" -p "$scratch/t" -c nginx.conf -t
}

other_version() {
    nginx_t "$(PATH=$PATH:/usr/sbin command -v nginx)"
}

# From a copy of the sources, with another target directory, which is empty.
same_again() {
    local copy=$scratch/elsewhere/sources
    mkdir -p "$copy/build"
    packaging/copy-sources.sh "$copy"
    ln -s "$root/build/packaging-venv" "$copy/build/"
    env -u CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR="$scratch/elsewhere/target" "$copy/packaging/portable.sh" || return
    cmp "$module" "$copy/build/portable/$(basename "$tree")/ngx_http_aws_auth_module.so" \
        && cmp "$files/generate_signing_key" "$copy/build/portable/$(basename "$tree")/generate_signing_key"
}

main
