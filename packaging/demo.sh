#!/usr/bin/env bash
# make demo: a private object in an S3 server that verifies signatures, fetched directly (403) and
# through an nginx that signs (200). Stays up until Ctrl-C; with ONCE=1 it ends by itself.
#
# Needs MODULE (the built module) and ORIGIN (the built s3-origin). What it writes is in build/demo, and is removed in
# the end: docs/getting-started.md uses the key there.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/build/demo
pids=()

# The signals come from the terminal to all processes of the demo. A second one must not interrupt the cleaning up.
trap stop EXIT
trap 'trap "" INT TERM HUP; exit 0' INT TERM HUP

stop() {
    trap '' INT TERM HUP
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [ -z "${claimed:-}" ] || rm -rf "$dir"
}

# One demo in a checkout at a time. The folder of one that was killed is removed.
claim() {
    local other
    if other=$(cat "$dir/pid" 2>/dev/null) && grep -qs demo.sh "/proc/$other/cmdline"; then
        echo "a demo runs in this folder already, as process $other" >&2
        exit 1
    fi
    rm -rf "$dir"
    claimed=1
    mkdir -p "$dir/store/private-bucket" "$dir/tmp"
    echo $$ >"$dir/pid"
}

# A free port, the first at or above $1.
free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((port + 1))
    done
    echo "$port"
}

wait_for() {
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.05
    done
    echo "$2 does not answer; its log:" >&2
    cat "$dir/$2.log" >&2
    exit 1
}

# Shows what curl prints for a command line such as "-X DELETE http://...".
show() {
    echo "\$ curl $1"
    curl -s -w 'status %{http_code}\n' $1
}

expect() {
    local status
    status=$(curl -s -o /dev/null -w '%{http_code}' $2)
    if [ "$status" != "$1" ]; then
        echo "expected status $1, got $status" >&2
        cat "$dir/nginx.log" >&2
        exit 1
    fi
}

claim
origin_port=$(free_port 9000)
nginx_port=$(free_port 8080)

echo "Hello from a private bucket." >"$dir/store/private-bucket/hello.txt"
echo "DEMOACCESSKEY" >"$dir/access-key"
(umask 077 && head -c 30 /dev/urandom | base64 | tr -d '\n' >"$dir/secret-key")

cat >"$dir/nginx.conf" <<CONF
load_module "$MODULE";
daemon off;
pid "$dir/nginx.pid";
error_log "$dir/nginx.log";
events {}
http {
    access_log off;
    client_body_temp_path "$dir/tmp/body";
    proxy_temp_path "$dir/tmp/proxy";
    fastcgi_temp_path "$dir/tmp/fastcgi";
    uwsgi_temp_path "$dir/tmp/uwsgi";
    scgi_temp_path "$dir/tmp/scgi";
    server {
        listen 127.0.0.1:$nginx_port;
        location / {
            aws_sign on;
            aws_access_key DEMOACCESSKEY;
            aws_secret_key_file "$dir/secret-key";
            aws_region us-east-1;
            proxy_pass http://127.0.0.1:$origin_port;
        }
    }
}
CONF

"$ORIGIN" --root "$dir/store" --listen "127.0.0.1:$origin_port" --access-key-file "$dir/access-key" \
    --secret-key-file "$dir/secret-key" >"$dir/origin.log" 2>&1 &
pids+=($!)
wait_for "$origin_port" origin

PATH=$PATH:/usr/sbin nginx -p "$dir" -c "$dir/nginx.conf" 2>>"$dir/nginx.log" &
pids+=($!)
wait_for "$nginx_port" nginx

echo "The S3 server is s3-origin of this project (crates/origin). It verifies every signature, and serves this folder"
echo "at http://127.0.0.1:$origin_port/:"
echo "    $dir/store"
echo "The nginx that signs has this configuration, in $dir/nginx.conf:"
sed -n "/server {/,/^    }/p" "$dir/nginx.conf"

object=private-bucket/hello.txt
echo
echo "1. The S3 server rejects a request without a signature:"
show "-o /dev/null http://127.0.0.1:$origin_port/$object"
expect 403 "http://127.0.0.1:$origin_port/$object"

echo
echo "2. The same object through nginx, which signs the request:"
show "http://127.0.0.1:$nginx_port/$object"
expect 200 "http://127.0.0.1:$nginx_port/$object"

echo
echo "3. nginx rejects a method that the location does not sign:"
show "-o /dev/null -X DELETE http://127.0.0.1:$nginx_port/$object"
expect 405 "-X DELETE http://127.0.0.1:$nginx_port/$object"

if [ -n "${ONCE:-}" ]; then
    exit 0
fi
echo
echo "nginx answers on http://127.0.0.1:$nginx_port/ until Ctrl-C."
wait "${pids[1]}"
