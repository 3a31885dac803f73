#!/bin/sh
# Builds the module and generate_signing_key so that they run on every distribution since glibc 2.17
# (RHEL 7, Amazon Linux 2), and prints the folder they are in: portable.sh [x86_64|aarch64]
#
# Which nginx the module is for: see nginx-tree.sh. The compiler's C library is zig's, which knows the
# symbols of each version of glibc; Rust's own linker would ask for those of this machine.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/packaging/progress.sh"
arch=${1:-$(uname -m)}
venv=$root/build/packaging-venv
target=$arch-unknown-linux-gnu
glibc=2.17

main() {
    tree=$("$root/packaging/nginx-tree.sh" "$arch")
    out=$root/build/portable/$(basename "$tree")
    export NGINX_SOURCE_DIR="$tree" NGINX_BUILD_DIR="$tree/objs"
    export PATH="$venv/bin:$PATH"
    cd "$root"
    target_dir
    [ "$arch" = "$(uname -m)" ] || use_other_std
    headers
    remap

    mkdir -p "$out"
    build "building the module for nginx $(basename "$tree")" cargo zigbuild --release --locked --target "$target.$glibc" \
        -p ngx_http_aws_auth_module --no-default-features --features export-modules
    build "building generate_signing_key" cargo zigbuild --release --locked --target "$target.$glibc" -p generate-signing-key
    built=$CARGO_TARGET_DIR/$target/release
    install -m 755 "$built/libngx_http_aws_auth_module.so" "$out/ngx_http_aws_auth_module.so"
    install -m 755 "$built/generate_signing_key" "$out/generate_signing_key"
    echo "$out"
}

# The environment or cargo's configuration decides where cargo builds (CARGO_BUILD_TARGET_DIR, build.target-dir ...), so
# cargo is asked.
target_dir() {
    metadata=$(cargo metadata --no-deps --offline --locked --format-version 1)
    CARGO_TARGET_DIR=$(printf '%s' "$metadata" | sed -n 's,.*"target_directory":"\([^"]*\)".*,\1,p')
    [ -n "$CARGO_TARGET_DIR" ] || { echo "$0: cargo does not say where it builds" >&2; exit 1; }
    export CARGO_TARGET_DIR
}

# The C library's headers are zig's for the target; this machine's come last, for OpenSSL, PCRE and
# zlib, whose names nginx's headers use.
headers() {
    system="-idirafter /usr/include -idirafter /usr/include/$(uname -m)-linux-gnu"
    arguments="-nostdlibinc -isystem $(clang -print-resource-dir)/include -D__GLIBC_MINOR__=${glibc#2.}"
    for folder in $(zig_folders); do
        arguments="$arguments -isystem $folder"
    done
    export BINDGEN_EXTRA_CLANG_ARGS="$arguments $system"
    export "CFLAGS_$(echo "$target" | tr - _)=$system"
}

# zig prints them relative to where it runs.
zig_folders() {
    (cd / && "$venv/bin/python" -m ziglang cc -target "$arch-linux-gnu.$glibc" -E -v -xc /dev/null 2>&1) \
        | sed -n '/^#include <...>/,/^End of search/s,^ /*\(.*/libc/include/.*\),/\1,p'
}

# Names of folders are not to be found in what is built, so that it is the same from everywhere.
remap() {
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$root=."
    for folder in "$cargo_home"/registry/src/* "$root/vendor"; do
        [ -d "$folder" ] || continue
        CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$(printf '\037')--remap-path-prefix=$folder=crates"
    done
    CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$(printf '\037')--remap-path-prefix=$CARGO_TARGET_DIR=target"
}

# A Rust that has a standard library for the other processor.
use_other_std() {
    sysroot=$(rustc --print sysroot)
    [ ! -d "$sysroot/lib/rustlib/$target" ] || return 0
    rust=$root/build/rust-$arch
    if [ ! -x "$rust/rustc" ]; then
        echo "$0: no standard library for $target: rustup target add $target, or" \
            "ARCH=$arch packaging/deps.sh rpm" >&2
        exit 1
    fi
    export RUSTC="$rust/rustc"
    export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/$arch"
}

# build WHAT COMMAND...
build() {
    what=$1
    shift
    progress "$what" "$out/build.log" "$@" || {
        cat "$out/build.log" >&2
        exit 1
    }
}

main
