#!/usr/bin/env bash
# The commands of docs/getting-started.md, word for word: the first block is what runs in the first terminal until Ctrl-C, the others
# are for the second terminal. It installs packages and files, so fresh.sh runs it in a root that is thrown away.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    blocks
    [ -s "$work/block-1" ] && [ -s "$work/block-2" ] || fail "docs/getting-started.md has no commands"
    before=$(ls -A /tmp)
    first_terminal
    # Each further block must succeed, and one of them prints the object.
    cat "$work"/block-[2-9] >"$work/second"
    bash -e "$work/second" | tee "$work/output"
    grep -Fx "Hello from a private bucket." "$work/output" || fail "the object was not downloaded"
    # Typed twice, as users do.
    ctrl_c '\003\003'
    first_terminal
    ctrl_c '\003'
    uninstalls
}

# The blocks of commands on the page.
blocks() {
    awk -v work="$work" '
        /^```sh$/ { file = work "/block-" ++n; next }
        /^```/ { file = ""; next }
        file { print >file }' docs/getting-started.md
}

# In a terminal of its own, so that Ctrl-C can be typed there. A shell has SIGINT ignored in what it starts in the background,
# and no shell below can change that.
first_terminal() {
    rm -f "$work/keys"
    mkfifo "$work/keys"
    env --default-signal=INT,QUIT script -qfec "bash -e $work/block-1" /dev/null <"$work/keys" >"$work/terminal" 2>&1 &
    terminal=$!
    exec 3>"$work/keys"
    for _ in $(seq 6000); do
        ! grep -q "until Ctrl-C" "$work/terminal" || break
        kill -0 "$terminal" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/terminal"
    grep -q "until Ctrl-C" "$work/terminal" || fail "the demo has not started"
    [ -n "$(demo_processes)" ] || fail "no process of the demo was found"
}

# ctrl_c KEYS: the demo ends as a command that SIGINT has ended, and leaves nothing.
ctrl_c() {
    local status=0
    printf "$1" >&3
    wait "$terminal" || status=$?
    exec 3>&-
    [ "$status" = 130 ] || fail "Ctrl-C ends with status $status"
    [ -z "$(demo_processes)" ] || fail "Ctrl-C has left a process: $(demo_processes)"
    [ ! -e build/demo ] || fail "Ctrl-C has left build/demo"
    [ "$(ls -A /tmp)" = "$before" ] || fail "Ctrl-C has left a file in /tmp: $(ls -A /tmp)"
    ! sed -n '/until Ctrl-C/,$p' "$work/terminal" | grep '\*\*\*' || fail "Ctrl-C ends with an error of make"
}

# The command lines of what runs for the demo. A minimal Debian has no ps.
demo_processes() {
    local file
    for file in /proc/[0-9]*/cmdline; do
        tr '\0' ' ' <"$file" 2>/dev/null | grep -E '^(nginx: |.*/s3-origin |.*/demo\.sh |make demo)' || true
    done
}

# What make install has done can be undone; a package would stage it in a folder.
uninstalls() {
    local module
    module=$(nginx_modules)/ngx_http_aws_auth_module.so
    [ -e "$module" ] || fail "make install has not installed $module"
    sudo make uninstall
    [ ! -e "$module" ] || fail "make uninstall has left $module"
    make install DESTDIR="$work/stage"
    [ "$(cd "$work/stage" && find . -type f)" = ".$module" ] || fail "DESTDIR is not honored"
}

nginx_modules() {
    sudo nginx -V 2>&1 | tr ' ' '\n' | sed -n 's/^--modules-path=//p'
}

fail() {
    echo "$0: $*" >&2
    [ ! -e "$work/terminal" ] || tail -n 30 "$work/terminal" >&2
    exit 1
}

main
