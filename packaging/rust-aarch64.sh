#!/bin/sh
# Puts a Rust that can build for aarch64 into build/rust-aarch64, on a Debian for x86_64.
#
# Where rustup can download, `rustup target add aarch64-unknown-linux-gnu` does the same. Else Debian's
# own Rust (rustc-web, that of its browsers) has a standard library for each of Debian's processors: the
# compiler is taken from this processor's packages, the library from the other's. Nothing is installed
# on the machine; apt keeps the other processor's lists in the folder.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
rust=$root/build/rust-aarch64
apt=$rust/apt

main() {
    [ ! -x "$rust/rustc" ] || return 0
    rm -rf "$rust"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
    : >"$apt/status"
    cat >"$apt/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
CONF
    version=$(apt-cache policy rustc-web | sed -n 's/^ *Candidate: //p')
    library=libstd-rust-web-$(echo "$version" | cut -d . -f 1,2)
    llvm=$(apt-cache show "$library=$version" | sed -n 's/^Depends:.*\(libllvm[0-9]*\).*/\1/p')

    cd "$apt/debs"
    apt-get -q -o APT::Sandbox::User=root download "rustc-web=$version" "$library=$version" \
        "libstd-rust-web-dev=$version" "$llvm"
    export APT_CONFIG="$apt/apt.conf"
    apt-get -q update
    apt-get -q download "libstd-rust-web-dev=$version"
    for deb in *.deb; do
        dpkg -x "$deb" "$rust"
    done
    rm -rf "$apt"

    cat >"$rust/rustc" <<RUSTC
#!/bin/sh
LD_LIBRARY_PATH=$rust/usr/lib/x86_64-linux-gnu exec $rust/usr/bin/rustc "\$@"
RUSTC
    chmod +x "$rust/rustc"
    "$rust/rustc" --version
}

main
