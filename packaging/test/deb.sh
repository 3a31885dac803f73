#!/usr/bin/env bash
# make test-deb: the package for this Debian's nginx is made, looked at, installed into a root of its own,
# used, removed, and made a second time.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

package=libnginx-mod-http-aws-auth
nginx=/usr/sbin/nginx
abi=$(sed -n 's/^nginx:abi=//p' /usr/share/nginx/src/debian/libnginx-mod.abisubstvars)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rootfs=$work/root
module=$rootfs/usr/lib/nginx/modules/ngx_http_aws_auth_module.so
enabled=$rootfs/etc/nginx/modules-enabled/50-mod-http-aws-auth.conf

main() {
    need "make deb, in a checkout of another user" make_deb
    check "it did not keep silent" grep -q "building the package" "$work/printed"
    deb=$(ls "$work"/first/${package}_*.deb)

    check "lintian has nothing to say" lintian --allow-root --fail-on error,warning "$deb"
    check "the version is the module's" is_of_version
    check "it is for this nginx" contains "Depends: .*$abi," dpkg-deb -f "$deb" Depends --show-name
    check "its files" diff <(expected_files) <(files)

    scratch_root
    check "beside another nginx it is not installed" \
        refused "depends on $abi" dpkg_root --install "$deb" "$(stand_in nginx nginx-abi-9.9.9-1)"
    need "beside this nginx it is" \
        dpkg_root --install "$deb" "$(stand_in nginx "$abi")"
    check "and enabled" test -L "$enabled"
    check "the module needs libc and libgcc_s alone" needs_only "$module"
    check "no path of the machine that built it is in it" no_paths
    check "nginx -t of an example that was installed" nginx_takes private-bucket.conf
    check "the links in its documents lead to its files" no_dead_links "$rootfs/usr/share/doc/$package"
    check "generate_signing_key" derives
    check "a part of the suite, with the module that was installed" \
        signs "$nginx" "$module" access examples/static_keys examples/credentials forms

    rm "$enabled"
    check "who disables it keeps it disabled" stays_disabled
    check "what is removed is gone" is_removed
    check "what is purged leaves nothing" is_purged

    check "made again elsewhere, it has the same bytes" is_reproducible
    finish
}

make_deb() {
    cd "$root"
    OUT=$work/first as_other_owner packaging/deb.sh 2>&1 | tee "$work/printed"
}

is_of_version() {
    local version
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
    contains "^$version-" dpkg-deb -f "$deb" Version
}

# contains PATTERN COMMAND...: what the command prints holds the pattern.
contains() {
    local pattern=$1 output
    shift
    output=$("$@")
    printf '%s\n' "$output" | grep -E -- "$pattern" || {
        printf '%s\n' "$pattern was expected in:" "$output"
        return 1
    }
}

expected_files() {
    local doc=/usr/share/doc/$package file
    {
        printf '%s\n' \
            /usr/bin/generate_signing_key \
            /usr/lib/nginx/modules/ngx_http_aws_auth_module.so \
            /usr/share/bash-completion/completions/generate_signing_key \
            /usr/share/lintian/overrides/$package \
            /usr/share/man/man1/generate_signing_key.1.gz \
            /usr/share/man/man5/ngx_http_aws_auth_module.5.gz \
            /usr/share/nginx/modules-available/mod-http-aws-auth.conf \
            $doc/{THIRD-PARTY.gz,changelog.Debian.gz,changelog.gz,copyright}
        documents | grep -v '^CHANGELOG' | sed "s,^,$doc/,"
        for file in "$root"/nginx-conf/*.conf; do
            echo "$doc/examples/$(basename "$file")"
        done
    } | sort
}

files() {
    dpkg-deb -c "$deb" | awk '$1 !~ /^d/ { sub(/^\./, "", $6); print $6 }' | sort
}

# A root with what the maintainer scripts call, and stand-ins for the libraries.
scratch_root() {
    mkdir -p "$rootfs"/{bin,usr/bin,usr/share/nginx,etc/nginx/modules-enabled} \
        "$rootfs"/var/lib/dpkg/{info,updates}
    touch "$rootfs/var/lib/dpkg/status"
    cp "$(command -v busybox)" "$rootfs/bin/busybox"
    local tool
    for tool in sh ln rm mv cut which; do
        ln -s busybox "$rootfs/bin/$tool"
    done
    # As nginx-common has it.
    ln -s ../../lib/nginx/modules "$rootfs/usr/share/nginx/modules"
    need "a root to install into" dpkg_root --install \
        "$(stand_in libc6 "libc6 (= 99)")" "$(stand_in libgcc-s1 "libgcc-s1 (= 99)")"
}

# stand_in NAME PROVIDES: makes an empty package, and prints its file.
stand_in() {
    local folder
    folder=$(mktemp -d "$work/stand-in.XXXXXX")
    mkdir "$folder/DEBIAN"
    printf '%s: %s\n' Package "stand-in-$1" Version 1 Architecture all Maintainer nobody \
        Provides "$2" Description "stands for $1" >"$folder/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$folder" "$folder.deb" >/dev/null
    echo "$folder.deb"
}

# dpkg, in the root of our own.
dpkg_root() {
    local as=()
    [ "$(id -u)" = 0 ] || as=(unshare --map-root-user)
    PATH=$PATH:/usr/sbin:/sbin "${as[@]}" dpkg --root="$rootfs" --force-bad-path --no-debsig "$@"
}

needs_only() {
    diff <(objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' | grep -v '^ld-linux' | sort) \
        <(printf '%s\n' libc.so.6 libgcc_s.so.1)
}

no_paths() {
    ! grep -a -o -F -e "$work" -e "$root" -e "$HOME/.cargo" "$module" \
        "$rootfs/usr/bin/generate_signing_key"
}

# An example as installed, except the file with the secret and a name that must be resolved.
nginx_takes() {
    echo wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY >"$work/key"
    chmod 600 "$work/key"
    sed -e "s,/etc/nginx/aws-secret-key,$work/key," -e "s,https://my-bucket[^;]*,http://127.0.0.1," \
        -e "1i pid $work/pid;" -e "1i error_log stderr;" \
        "$rootfs/usr/share/doc/$package/examples/$1" >"$work/$1"
    "$nginx" -t -p "$rootfs/usr/share/nginx" -c "$work/$1"
}

# The example of the C module's README.
derives() {
    contains '^L4vRLWAO92X5L3Sqk5QydUSdB0nC9\+1wfqLMOKLbRp4=$' \
        "$rootfs/usr/bin/generate_signing_key" -k wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY \
        -r us-east-1 -d 20160902
}

stays_disabled() {
    dpkg_root --install "$deb" && [ ! -e "$enabled" ] && [ ! -L "$enabled" ] || return 1
    ln -s /usr/share/nginx/modules-available/mod-http-aws-auth.conf "$enabled"
}

is_removed() {
    dpkg_root --remove $package && [ ! -e "$module" ] && [ ! -L "$enabled" ]
}

is_purged() {
    dpkg_root --purge $package || return 1
    ! find "$rootfs/etc" "$rootfs/usr" | grep aws
}

is_reproducible() {
    mkdir "$work/elsewhere"
    # As in a checkout that is older than the commit.
    touch -d 2020-01-01 "$root/nginx-conf/private-bucket.conf"
    TMPDIR=$work/elsewhere OUT=$work/second "$root/packaging/deb.sh"
    touch "$root/nginx-conf/private-bucket.conf"
    diff <(cd "$work/first" && sha256sum -- *) <(cd "$work/second" && sha256sum -- *)
}

main
