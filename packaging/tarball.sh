#!/bin/sh
# Makes a tarball that the packages are built from without a network, and prints its name: tarball.sh
#
#   OUT    the folder; default dist
#
# It holds what git has, and vendor/: the crates that are linked or that the build needs. Of the others,
# which are for tests, only the manifests are there, since cargo wants to read those of all that
# Cargo.lock names; so Cargo.lock and Cargo.toml stay what they are. THIRD-PARTY has the crates' licences.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/packaging/progress.sh"
out=${OUT:-$root/dist}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
name=nginx-module-aws-auth-$version

main() {
    SOURCE_DATE_EPOCH=$("$root/packaging/date.sh")
    export SOURCE_DATE_EPOCH
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' HUP INT TERM
    tree=$work/$name
    mkdir -p "$tree/.cargo" "$out"
    cd "$root"
    if [ -n "$(packaging/git.sh status --porcelain)" ]; then
        echo "$0: this holds what is committed, and something here is not" >&2
    fi
    packaging/git.sh archive HEAD | tar -xf - -C "$tree"
    packaging/third-party.py >"$tree/THIRD-PARTY"
    cd "$tree"
    progress "collecting the crates" "$work/log" vendor || {
        cat "$work/log" >&2
        exit 1
    }
    strip_tests
    echo "compressing the tarball" >&2
    tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s --mtime="@$SOURCE_DATE_EPOCH" \
        --format=ustar -C "$work" -cf - "$name" | xz -T1 -6 >"$out/$name.tar.xz"
    "$root/packaging/checksums.sh" "$out"
    echo "$out/$name.tar.xz"
}

vendor() {
    cargo vendor --locked --versioned-dirs vendor >.cargo/config.toml
}

# Leaves the manifests of the crates that no build needs.
strip_tests() {
    needed "x86_64-unknown-linux-gnu" >"$work/needed"
    needed "aarch64-unknown-linux-gnu" >>"$work/needed"
    for crate in vendor/*; do
        if ! grep -qx "$(basename "$crate")" "$work/needed"; then
            find "$crate" -mindepth 1 ! -path "$crate/Cargo.toml" ! -path "$crate/.cargo-checksum.json" -delete
            mkdir -p "$crate/src"
            : >"$crate/src/lib.rs"
            # No files, no sums of files; the package's own stays, which Cargo.lock has too.
            sed -i 's/"files":{[^}]*}/"files":{}/' "$crate/.cargo-checksum.json"
        fi
    done
}

# The crates for a processor, as their folders are named.
needed() {
    cargo tree --locked --offline --no-default-features --features export-modules --target "$1" \
        --edges normal,build --prefix none --format '{p}' \
        -p ngx_http_aws_auth_module -p generate-signing-key \
        | sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/p'
}

main
