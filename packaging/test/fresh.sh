#!/usr/bin/env bash
# make test-fresh: what a newcomer does, on machines where nothing is installed yet.
#
#   FRESH          suites of Debian; default: bookworm trixie sid
#   FRESH_STEPS    what is done there: refusals install demo quick-start deb suite; default: all but suite
#   FRESH_USERS    who does it: ann (sudo, a checkout whose path contains a blank), root; default: both
#   FRESH_MIRROR   the Debian archive; default: that of apt's sources
#
# Runs as root. The roots are below build/fresh/, where the bases and downloaded packages are kept.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"

suites=${FRESH:-bookworm trixie sid}
steps=${FRESH_STEPS:-refusals install demo quick-start deb}
users=${FRESH_USERS:-$user root}

main() {
    isolate "$@"
    [ -z "$(git -C "$root" status --porcelain)" ] || echo "what is not committed here is not tested"
    need "minimal roots: $suites" timed bases
    for suite in $suites; do
        for who in $users; do
            in_root
        done
        rm -rf "$fresh/run/$suite"
    done
    finish
}

# All steps of one user in one root.
in_root() {
    open_root "$suite"
    case $who in
        root) folder=/root/nginx-module-aws-auth ;;
        *) folder="/home/$who/source code/nginx-module-aws-auth" ;;
    esac
    need "$suite, $who: a clean clone" checkout "$who" "$folder"
    for step in $steps; do
        case $step in
            refusals) refusals ;;
            install) installs ;;
            demo) check "$suite, $who: make demo, at the first try" timed demo ;;
            quick-start) check "$suite, $who: the commands of docs/getting-started.md" timed offline "$who" "$folder" packaging/test/quick-start.sh ;;
            deb) debian_package ;;
            suite) check "$suite, $who: make test" timed suite ;;
            *) fail "FRESH_STEPS has no step $step" ;;
        esac
    done
    close_root
}

# All at once, since most of it is waiting for the archive.
bases() {
    local suite status=0 pids=()
    for suite in $suites; do
        base "$suite" >"$fresh/$suite.log" 2>&1 &
        pids+=($!)
    done
    for suite in $suites; do
        wait "${pids[0]}" || { status=1; tail -n 20 "$fresh/$suite.log"; }
        pids=("${pids[@]:1}")
    done
    return "$status"
}

# How long it takes is shown, and not judged.
timed() {
    local start=$SECONDS status=0
    "$@" || status=$?
    [ "$status" != 0 ] || echo "      $((SECONDS - start)) s" >&7
    return "$status"
}
exec 7>&1

demo() {
    inside "$who" "$folder" make demo ONCE=1
}

# What cannot work is told in one line, before anything is installed.
refusals() {
    local before
    before=$(inside root / dpkg-query -W)
    check "$suite, $who: without Rust, what to do is said" \
        refused "there is no cargo or rustc" inside "$who" "$folder" env PATH=/usr/bin:/bin make demo
    stand_in rustc 'echo "rustc 1.85.1 (4eb161250 2025-03-15)"'
    check "$suite, $who: an old Rust is told" \
        refused "Rust 1.95 or later is needed, and this is 1.85.1" with_stand_ins make demo
    stand_in nginx 'echo "nginx version: nginx/1.27.5" >&2'
    check "$suite, $who: sources of another nginx have to be named" \
        refused "nginx-1.27.5.tar.gz of nginx.org and run the command with NGINX_SOURCE_DIR=" with_stand_ins make build
    [ "$who" = root ] || without_sudo
    check "$suite, $who: nothing was installed so far" diff <(echo "$before") <(inside root / dpkg-query -W)
}

# stand_in PROGRAM SCRIPT: an executable for with_stand_ins, instead of the ones before.
stand_in() {
    rm -rf "$rootfs/opt/stand-in"
    mkdir "$rootfs/opt/stand-in"
    printf '#!/bin/sh\n%s\n' "$2" >"$rootfs/opt/stand-in/$1"
    chmod 755 "$rootfs/opt/stand-in/$1"
}

with_stand_ins() {
    inside "$who" "$folder" sh -c 'PATH=/opt/stand-in:$PATH exec "$@"' sh "$@"
}

without_sudo() {
    mv "$rootfs/usr/bin/sudo" "$rootfs/root/sudo"
    check "$suite, $who: without sudo, the one command is said" \
        refused "Run as root: apt-get update -q && env DEBIAN_FRONTEND=noninteractive apt-get install" \
        inside "$who" "$folder" make demo
    mv "$rootfs/root/sudo" "$rootfs/usr/bin/sudo"
}

# The folder of modules is that of nginx's configure.
installs() {
    check "$suite, $who: make install without nginx says what to do" \
        refused "install nginx, or name it" inside "$who" "$folder" make install
    stand_in nginx 'echo "configure arguments: --prefix=/etc/nginx" >&2'
    check "$suite, $who: make install without a module says what to do" \
        refused "run make build first" with_stand_ins make install
    inside "$who" "$folder" sh -c 'mkdir -p build/modules && echo module >build/modules/ngx_http_aws_auth_module.so'
    installs_into /usr/lib64/nginx/modules "--prefix=/usr/share/nginx --modules-path=/usr/lib64/nginx/modules"
    installs_into /etc/nginx/modules "--prefix=/etc/nginx --with-cc-opt='-g -O2'"
    installs_into /usr/local/nginx/modules ""
    installs_into "/opt/my nginx/lib" "'--prefix=/opt/my nginx' --modules-path=lib"
    rm "$rootfs/opt/stand-in/nginx" "$rootfs$folder/build/modules/ngx_http_aws_auth_module.so"
}

installs_into() {
    stand_in nginx "echo \"configure arguments: $2\" >&2"
    check "$suite, $who: make install finds $1" \
        with_stand_ins make install DESTDIR=/tmp/stage
    check "$suite, $who: the module is there, and only there" \
        diff <(echo "./$1/ngx_http_aws_auth_module.so" | sed 's,//,/,') <(cd "$rootfs/tmp/stage" && find . -type f)
    check "$suite, $who: make uninstall removes it" with_stand_ins make uninstall DESTDIR=/tmp/stage
    check "$suite, $who: the module is gone" diff /dev/null <(cd "$rootfs/tmp/stage" && find . -type f)
    rm -rf "$rootfs/tmp/stage"
}

debian_package() {
    local deb module=$rootfs/usr/lib/nginx/modules/ngx_http_aws_auth_module.so
    check "$suite, $who: make deb" timed package
    deb=$(cd "$rootfs" && ls -- "${folder#/}"/dist/libnginx-mod-http-aws-auth_*.deb) || return 0
    check "$suite, $who: apt installs the package" inside "$who" / sudo apt-get install -y -q "/$deb"
    # The demo has installed them, if it ran before.
    check "$suite, $who: curl and the crates of the S3 server are there" \
        inside "$who" "$folder" sh -c 'sudo apt-get install -y -q --no-install-recommends curl && cargo fetch --locked'
    check "$suite, $who: nginx signs with it" offline "$who" "$folder" packaging/test/installed.sh
    check "$suite, $who: apt removes it" inside "$who" / sudo apt-get remove -y -q libnginx-mod-http-aws-auth
    check "$suite, $who: the module is gone, and nginx runs without it" inside "$who" / sudo nginx -t
    check "$suite, $who: apt purges it" inside "$who" / sudo apt-get purge -y -q libnginx-mod-http-aws-auth
    check "$suite, $who: nothing is left" nothing_left
}

package() {
    inside "$who" "$folder" make deb
}

nothing_left() {
    [ ! -e "$module" ] && ! find "$rootfs/etc" "$rootfs/usr" "$rootfs/var/lib" -name '*aws-auth*' ! -path '*/apt/*' | grep .
}

suite() {
    local size passed
    inside "$who" "$folder" make test 2>&1 | tee "$fresh/suite.log" || return
    size=$(du -sm "$rootfs$folder/target" | cut -f 1)
    passed=$(awk 'match($0, /[0-9]+ passed/) { n += substr($0, RSTART) } END { print n + 0 }' "$fresh/suite.log")
    echo "      $suite, $who: $passed tests have passed, target has $size MB" >&7
    [ "$passed" -gt 0 ] || { echo "no test has run"; return 1; }
    [ "$size" -lt 6144 ] || { echo "target has $size MB"; return 1; }
}

main "$@"
