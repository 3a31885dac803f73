# Asks whether what is used is here and works, by running or compiling it; sourced by deps.sh.
#
# Each want_* adds to $missing and $packages, or to $problems.

# The oldest Python that the pinned packages of the test environments support.
oldest_python=3.11

# lack WHAT [PACKAGE...]: one thing is missing, and these packages contain it.
lack() {
    what=$1
    shift
    case $missing in *"    $what
"*) return ;; esac
    missing="$missing    $what
"
    for name in "$@"; do
        for package in $(package "$name"); do
            case " $packages " in *" $package "*) ;; *) packages="$packages $package" ;; esac
        done
    done
}

# problem LINE: no package mends this.
problem() {
    case $problems in *"    $1
"*) ;; *) problems="$problems    $1
" ;; esac
}

# remark WHY: an optional program cannot be installed.
remark() {
    remarks="$remarks$1: tests that run it will fail
"
    return 1
}

# at_least WANTED VERSION
at_least() {
    printf '%s\n%s\n' "$1" "$2" | sort -V -C
}

# want PROGRAM PACKAGE
want() {
    command -v "$1" >/dev/null 2>&1 || lack "$1" "$2"
}

# optional PROGRAM: what only some tests run, and not every release has.
optional() {
    command -v "$1" >/dev/null 2>&1 && return
    if has_package "$1"; then lack "$1" "$1"; fi
}

# want_rust FOLDER: the Rust that this package of the workspace needs.
want_rust() {
    wanted=$(rust_version "$root/$1/Cargo.toml")
    how="install it with rustup (https://rustup.rs)"
    case $release in "debian 12"*) how="$how, or: apt-get install cargo-web rustc-web" ;; esac
    cargo=${CARGO:-cargo}
    if ! found=$("$cargo" --version 2>/dev/null) || ! found=$("${RUSTC:-rustc}" --version 2>/dev/null); then
        problem "Rust $wanted or later is needed, and there is no $cargo or ${RUSTC:-rustc} that runs: $how"
        return
    fi
    found=$(echo "$found" | cut -d ' ' -f 2)
    at_least "$wanted" "${found%%-*}" || problem "Rust $wanted or later is needed, and this is $found: $how"
}

# The rust-version of a manifest, or the workspace's.
rust_version() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' "$1" "$root/Cargo.toml" | head -n 1
}

want_compiler() {
    echo 'int main(void) { return 0; }' >"$scratch/program.c"
    cc -o "$scratch/program" "$scratch/program.c" >/dev/null 2>&1 || lack "a C compiler" compiler
}

# want_header WHAT PACKAGE HEADER [OPTION...]
want_header() {
    what=$1 name=$2 header=$3
    shift 3
    echo "#include <$header>" | cc -fsyntax-only "$@" -x c - >/dev/null 2>&1 || lack "$what" "$name"
}

# The libraries whose names are in nginx's headers.
want_headers() {
    want_header "headers of PCRE" pcre pcre2.h -DPCRE2_CODE_UNIT_WIDTH=8
    want_header "headers of OpenSSL" openssl-headers openssl/ssl.h
    want_header "headers of zlib" zlib zlib.h
}

# bindgen reads nginx's headers through libclang. Other parts of LLVM have similar file names, and libclang without the
# compiler's own headers is of no use: so a program loads it, as bindgen does, and has it read a header.
want_libclang() {
    folder=$(clang -print-resource-dir 2>/dev/null) && [ -e "$folder/include/stddef.h" ] && reads_headers \
        || lack "clang and libclang" libclang
}

reads_headers() {
    [ -x "$scratch/libclang" ] || cc -o "$scratch/libclang" "$root/packaging/deps/libclang.c" -ldl 2>/dev/null || return 1
    # Where bindgen looks.
    for library in ${LIBCLANG_PATH:+"$LIBCLANG_PATH" "$LIBCLANG_PATH"/libclang*.so*} \
        "$folder"/../../libclang.so* "$folder"/../../libclang-*.so* \
        /usr/lib/llvm-*/lib/libclang.so* /usr/lib/llvm-*/lib/libclang-*.so* /usr/lib/*-linux-gnu/libclang.so* \
        /usr/lib/*-linux-gnu/libclang-*.so* /usr/lib64/libclang.so* /usr/lib64/llvm*/lib*/libclang.so* \
        /usr/lib/libclang.so* /usr/local/lib*/libclang.so*; do
        [ -f "$library" ] || continue
        "$scratch/libclang" "$library" >/dev/null 2>&1 && return
    done
    return 1
}

# The Python of the test environments.
want_python() {
    if program=$(python); then
        "$program" -c 'import venv, ensurepip' >/dev/null 2>&1 || lack "Python's venv" python
    elif [ "$manager" = none ] || [ "$release" = "debian 11" ]; then
        problem "make test needs Python $oldest_python or later: put one into PATH as python3"
    else
        lack "Python $oldest_python or later" python
    fi
}

# Any Python serves the packages of packaging/portable.
want_venv() {
    python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || lack "Python's venv" python
}

# Prints the first Python that is new enough.
python() {
    for program in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$program" -c "import sys; sys.exit(sys.version_info < ($(echo "$oldest_python" | tr . ,)))" 2>/dev/null; then
            echo "$program"
            return
        fi
    done
    return 1
}
