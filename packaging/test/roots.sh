# Minimal Debian roots to test in; sourced after lib.sh.
#
# A root is an overlay on a base, which debootstrap makes once and which is kept as a tarball below build/fresh/. The
# script has mounts and processes of its own (isolate): both end with it.

fresh=$root/build/fresh
# The user in a root who is not root, and may use sudo.
user=ann
# What a newcomer has installed.
newcomers="make gcc libc6-dev git ca-certificates sudo"

# isolate ARGUMENT...: starts the script again in namespaces of its own, if that has not been done yet.
isolate() {
    if [ -z "${FRESH_ISOLATED:-}" ]; then
        [ "$(id -u)" = 0 ] || fail "run it as root: it makes roots with debootstrap, and mounts them"
        mkdir -p "$fresh"
        exec 9>"$fresh/lock"
        flock -n 9 || fail "another run uses $fresh"
        FRESH_ISOLATED=1 exec unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
    fi
    rm -rf "$fresh/run"
    trap clean_up EXIT
    trap 'exit 1' INT TERM HUP
}

clean_up() {
    close_root
    ! mountpoint -q "$fresh/run/registry/merged" || umount -l "$fresh/run/registry/merged"
    rm -rf "$fresh/run"
}

fail() {
    echo "$0: $*" >&2
    exit 1
}

# base SUITE: makes the tarball unless it is there.
base() {
    local suite=$1 folder=$fresh/run/base-$1 mirror
    [ ! -e "$fresh/$suite.tar" ] || return 0
    mirror=${FRESH_MIRROR:-$(sources | awk '{ print $1; exit }')}
    [ -n "$mirror" ] || { echo "no Debian archive in apt's sources: name one in FRESH_MIRROR"; return 1; }
    mkdir -p "$folder"
    debootstrap --variant=minbase --include="$(newcomers_of "$suite" | tr ' ' ,)" "$suite" "$folder" "$mirror" || return
    configure_base "$suite" "$folder" "$mirror" || return
    rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
    tar -C "$folder" -cf "$fresh/$suite.tar.new" . && mv "$fresh/$suite.tar.new" "$fresh/$suite.tar" || return
    rm -rf "$folder"
}

# In one of the suites, other programs have brought parts of LLVM whose files have names like libclang's.
newcomers_of() {
    case $1 in
        bookworm) echo "$newcomers libclang-cpp14 libclang1-14" ;;
        *) echo "$newcomers" ;;
    esac
}

# The archives of this machine's Debian, and the suites in them.
sources() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | sort -u | awk '
        $2 ~ /^[a-z]+$/ { print; next }
        { rest[++n] = $0 }
        END { for (i = 1; i <= n; i++) print rest[i] }'
}

# What makes the network work on this machine makes it work in a root.
configure_base() {
    local suite=$1 folder=$2 mirror=$3 codename uri release
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    if [ -n "${FRESH_MIRROR:-}" ] || [ "$suite" = sid ]; then
        echo "deb $mirror $suite main"
    else
        sources | while read -r uri release; do
            case $release in
                "$codename"*) echo "deb $uri $suite${release#"$codename"} main" ;;
            esac
        done
    fi >"$folder/etc/apt/sources.list"
    apt-config dump --format '%F "%v";%n' Acquire >"$folder/etc/apt/apt.conf.d/90machine"
    mkdir -p "$folder/usr/local/share/ca-certificates"
    cp /etc/ssl/certs/ca-certificates.crt "$folder/usr/local/share/ca-certificates/machine.crt"
    chroot "$folder" update-ca-certificates >/dev/null 2>&1 || true
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$folder/etc/pip.conf"
    # Nothing is started when it is installed, as in containers.
    printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
    chmod 755 "$folder/usr/sbin/policy-rc.d"
    chroot "$folder" useradd --create-home --shell /bin/bash "$user"
    echo "$user ALL=(ALL) NOPASSWD: ALL" >"$folder/etc/sudoers.d/$user"
}

# open_root SUITE: sets $rootfs.
open_root() {
    local suite=$1 folder=$fresh/run/$1
    if [ ! -d "$folder/base" ]; then
        mkdir -p "$folder/base"
        tar -C "$folder/base" -xf "$fresh/$suite.tar"
    fi
    rootfs=$folder/root
    mkdir -p "$folder/upper" "$folder/work" "$rootfs"
    mount -t overlay overlay -o "lowerdir=$folder/base,upperdir=$folder/upper,workdir=$folder/work" "$rootfs"
    mount -t proc proc "$rootfs/proc"
    mount --rbind /dev "$rootfs/dev"
    cp /etc/resolv.conf /etc/hosts "$rootfs/etc/"
    mkdir -p "$fresh/apt/$suite/partial" "$rootfs/opt/rust"
    mount --bind "$fresh/apt/$suite" "$rootfs/var/cache/apt/archives"
    mount --bind "$(rust)" "$rootfs/opt/rust"
    mount -o remount,bind,ro "$rootfs/opt/rust"
    crates
    chmod a+rwx "$rootfs/opt/cargo" "$rootfs/opt/cargo/registry"
}

# The folder of this machine's Rust.
rust() {
    local folder
    folder=$(rustc --print sysroot)
    [ "$folder" != /usr ] || fail "Rust must be in a folder of its own, as rustup's is: it is bound into the roots"
    echo "$folder"
}

# The archives of crates that this machine has, and those that a root downloads, are there for all roots. The machine's own
# stay as they are. What cargo unpacks from them belongs to the user in the root.
crates() {
    local home=${CARGO_HOME:-$HOME/.cargo} folder=$fresh/run/registry part
    mkdir -p "$home/registry/cache" "$home/registry/index" "$folder/upper" "$folder/work" "$folder/merged"
    mountpoint -q "$folder/merged" || mount -t overlay overlay \
        -o "lowerdir=$home/registry,upperdir=$folder/upper,workdir=$folder/work" "$folder/merged"
    find "$folder/merged/cache" "$folder/merged/index" -maxdepth 1 -type d -exec chmod a+rwx {} +
    for part in cache index; do
        mkdir -p "$rootfs/opt/cargo/registry/$part"
        mount --bind "$folder/merged/$part" "$rootfs/opt/cargo/registry/$part"
    done
    [ ! -e "$home/config.toml" ] || cp "$home/config.toml" "$rootfs/opt/cargo/"
}

close_root() {
    if [ -n "${rootfs:-}" ]; then
        umount -l -R "$rootfs" || true
        rm -rf "$(dirname "$rootfs")/upper" "$(dirname "$rootfs")/work"
        rootfs=
    fi
}

# inside USER FOLDER COMMAND...: in the root, with the environment of a login. root has told cargo to build in another folder.
inside() {
    local who=$1 folder=$2 home path=/usr/local/bin:/usr/bin:/bin passed elsewhere=()
    shift 2
    home=/home/$who
    if [ "$who" = root ]; then
        home=/root path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        elsewhere=(CARGO_BUILD_TARGET_DIR=/opt/target)
    fi
    mapfile -t passed < <(env | grep -E '^(https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|PIP_[A-Z_]*|CARGO_(HTTP|NET|PROFILE|REGISTR|SOURCE)[A-Z_]*)=')
    chroot "$rootfs" /usr/bin/env -i "${passed[@]}" "${elsewhere[@]}" HOME="$home" USER="$who" PATH="/opt/rust/bin:$path" LANG=C.UTF-8 \
        CARGO_HOME=/opt/cargo \
        setpriv --reuid "$who" --regid "$who" --init-groups \
        /bin/bash -c 'cd "$1" && shift && exec "$@"' inside "$folder" "$@" </dev/null
}

# offline USER FOLDER COMMAND...: as inside, with a loopback interface alone: nothing is downloaded, and each port is free.
offline() {
    (
        export -f inside
        export rootfs
        unshare --net bash -c 'ip link set lo up && inside "$@"' offline "$@"
    )
}

# checkout USER FOLDER: a clean clone of what is committed here.
checkout() {
    rm -rf "$rootfs$2"
    mkdir -p "$(dirname "$rootfs$2")"
    git -c safe.directory='*' clone --quiet --no-hardlinks "$root" "$rootfs$2" || return
    chroot "$rootfs" chown -R "$1:" "$(dirname "$2")"
}
