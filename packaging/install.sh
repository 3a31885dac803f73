#!/bin/sh
# Puts the built module into the folder where nginx looks for modules, or removes it: install.sh install|uninstall
#
#   NGINX      the nginx that is asked for the folder; default: the one in PATH
#   DESTDIR    a folder that stands for /, as for packages
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
file=ngx_http_aws_auth_module.so
built=$root/build/modules/$file
PATH=$PATH:/usr/sbin:/usr/local/sbin
nginx=${NGINX:-nginx}

main() {
    folder=$(modules)
    case $1 in
        install)
            [ -e "$built" ] || fail "there is no build/modules/$file: run make build first, as the user who has Rust"
            install -d -m 755 "${DESTDIR:-}$folder"
            install -m 755 "$built" "${DESTDIR:-}$folder/$file"
            echo "installed ${DESTDIR:-}$folder/$file"
            echo "nginx.conf loads it with this line, at the top:"
            echo "    load_module $folder/$file;" ;;
        uninstall)
            rm -f "${DESTDIR:-}$folder/$file"
            echo "removed ${DESTDIR:-}$folder/$file; remove the load_module line from nginx.conf before nginx is reloaded" ;;
        *) fail "install or uninstall" ;;
    esac
}

# As nginx's configure determines the folder.
modules() {
    output=$("$nginx" -V 2>&1) || fail "$nginx does not run: install nginx, or name it with NGINX=<program>"
    prefix=/usr/local/nginx path=
    eval "set -- $(printf '%s\n' "$output" | sed -n 's/^configure arguments: //p')"
    for argument in "$@"; do
        case $argument in
            --prefix=*) prefix=${argument#--prefix=} ;;
            --modules-path=*) path=${argument#--modules-path=} ;;
        esac
    done
    case $path in
        /*) echo "$path" ;;
        *) echo "$prefix/${path:-modules}" ;;
    esac
}

fail() {
    echo "$0: $*" >&2
    exit 1
}

main "$@"
