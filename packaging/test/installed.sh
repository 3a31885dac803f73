#!/usr/bin/env bash
# The nginx of this machine, with the module that a package has installed, signs for the demo's S3 server. For fresh.sh: it
# adds a file to /etc/nginx/conf.d, starts nginx as root, and stops it.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
conf=/etc/nginx/conf.d/installed.conf
trap 'sudo rm -f "$conf"; sudo nginx -s stop 2>/dev/null; kill "$origin"; rm -rf "$work"' EXIT

mkdir -p "$work/store/bucket"
echo hello >"$work/store/bucket/key"
echo DEMOACCESSKEY >"$work/access-key"
echo DEMOSECRETKEY >"$work/secret-key"
program=$(packaging/cargo-built.sh s3-origin build --locked -p aws-origin)
"$program" --root "$work/store" --listen 127.0.0.1:9000 --access-key-file "$work/access-key" \
    --secret-key-file "$work/secret-key" &
origin=$!

sudo tee "$conf" <<CONF
server {
    listen 127.0.0.1:8081;
    aws_access_key DEMOACCESSKEY;
    aws_secret_key_file $work/secret-key;
    aws_region us-east-1;
    location / {
        aws_sign on;
        proxy_pass http://127.0.0.1:9000;
    }
}
CONF
sudo nginx
[ "$(curl -sS --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:8081/bucket/key)" = hello ]
[ "$(curl -s -o "$work/answer" -w '%{http_code}' http://127.0.0.1:9000/bucket/key)" = 403 ]
