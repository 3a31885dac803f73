# nginx, and the sources that the module is built against; sourced by deps.sh.
#
# A dynamic module is for one version of nginx and one layout of its structures, so the headers must be those of the nginx
# on this machine, configured as it is.

tree=$build/nginx
oldest_nginx=$(cat "$root/packaging/oldest-nginx")

want_nginx() {
    if ! nginx -v >/dev/null 2>&1; then
        lack nginx nginx
    elif too_old; then
        problem "nginx $oldest_nginx or later is needed, and this is $(nginx_version)"
    fi
}

too_old() {
    nginx -v >/dev/null 2>&1 && ! at_least "$oldest_nginx" "$(nginx_version)"
}

nginx_version() {
    nginx -v 2>&1 | sed -n 's,^nginx version: [^/]*/\([0-9.]*\).*,\1,p'
}

# The sources of this machine's nginx, unless a tree is named.
want_sources() {
    if named; then
        [ -e "$NGINX_SOURCE_DIR/src/core/nginx.h" ] \
            || problem "NGINX_SOURCE_DIR=$NGINX_SOURCE_DIR does not contain the sources of nginx"
        configured_by_user || { want_nginx; want_headers; }
        return
    fi
    want_nginx
    if prepared || too_old; then
        return
    fi
    case $(origin) in
        distribution) want_nginx_dev ;;
        crate) want_headers ;;
        *) problem "The sources of nginx $(nginx_version) are not on this machine: unpack nginx-$(nginx_version).tar.gz of nginx.org and run the command with NGINX_SOURCE_DIR=<that folder>" ;;
    esac
}

# Where sources for this machine's nginx come from: the distribution's package for modules, crate nginx-src, or nowhere.
origin() {
    if nginx -v >/dev/null 2>&1; then
        if distributions_own; then echo distribution
        elif [ "$(nginx_version)" = "$(crate_version)" ]; then echo crate
        else echo nowhere
        fi
    else
        # nginx is about to be installed from the distribution.
        echo distribution
    fi
}

# Whether the nginx in PATH is from a package that the distribution builds modules for. That of nginx.org is not: to install
# nginx-dev or nginx-mod-devel beside it would replace it.
distributions_own() {
    program=$(command -v nginx)
    case $manager in
        apt)
            dpkg-query -S "$program" >/dev/null 2>&1 \
                && dpkg-query -W -f '${Provides}\n' nginx nginx-core nginx-light nginx-full nginx-extras 2>/dev/null \
                | grep -q nginx-abi- ;;
        dnf)
            rpm -qf "$program" >/dev/null 2>&1 && rpm -q --whatprovides 'nginx(abi)' >/dev/null 2>&1 ;;
        *) return 1 ;;
    esac
}

want_nginx_dev() {
    case $manager in
        apt)
            want_nginx
            if [ ! -x /usr/share/nginx/src/configure ]; then
                case $release in
                    "debian 11"*|"ubuntu 20"*|"ubuntu 22"*) problem "This release has no package nginx-dev: unpack the sources of its nginx and run the command with NGINX_SOURCE_DIR=<that folder>" ;;
                    *) lack "the sources of nginx, for modules" nginx-dev ;;
                esac
            fi ;;
        dnf) ls -d /usr/src/nginx-*/src >/dev/null 2>&1 || lack "the sources of nginx, for modules" nginx-dev ;;
        *) lack "the sources of nginx, for modules" ;;
    esac
}

named() {
    [ -n "${NGINX_SOURCE_DIR:-}" ] && [ "$NGINX_SOURCE_DIR" != "$tree" ]
}

configured_by_user() {
    [ -e "${NGINX_BUILD_DIR:-$NGINX_SOURCE_DIR/objs}/ngx_auto_config.h" ]
}

# Whether build/nginx is for the nginx that is installed.
prepared() {
    [ -e "$tree/objs/ngx_auto_config.h" ] && [ "$(cat "$tree/.version" 2>/dev/null)" = "$(nginx -v 2>&1)" ]
}

crate_version() {
    sed -n '/^name = "nginx-src"/{n;s/.*+\(.*\)"/\1/p;}' "$root/Cargo.lock"
}

prepare_sources() {
    if named; then
        configured_by_user || configure_in "$NGINX_SOURCE_DIR" "$NGINX_SOURCE_DIR"
        return
    fi
    prepared && return
    rm -rf "$tree"
    mkdir -p "$build"
    case $(origin),$manager in
        distribution,apt) cp -r /usr/share/nginx/src "$tree" ;;
        distribution,dnf) cp -rL "$(ls -d /usr/src/nginx-* | sort -V | tail -n 1)" "$tree" ;;
        crate,*) cp -rL "$("$root/packaging/nginx-src.sh")" "$tree"; chmod -R u+w "$tree" ;;
    esac
    configure_in "$tree" build/nginx
    nginx -v 2>"$tree/.version"
}

# configure_in FOLDER NAME
configure_in() {
    echo "configuring the sources of nginx $(nginx_version) in $2"
    mkdir -p "$build"
    if ! configure "$1" >"$build/configure.log" 2>&1; then
        tail -n 20 "$build/configure.log" >&2
        exit 1
    fi
}

# The arguments are those of the installed nginx, without modules that are not linked into it: these have sources or
# libraries of their own, and change nothing in nginx's headers.
configure() {
    version=$(sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' "$1/src/core/nginx.h")
    if [ "$version" != "$(nginx_version)" ]; then
        echo "$1 has the sources of nginx $version, and the nginx on this machine is $(nginx_version)"
        return 1
    fi
    eval "set -- \"\$1\" $(nginx -V 2>&1 | sed -n 's/^configure arguments: //p')"
    folder=$1
    shift
    for argument in "$@"; do
        shift
        case $argument in
            --add-module=*|--add-dynamic-module=*|--with-*=dynamic) ;;
            *) set -- "$@" "$argument" ;;
        esac
    done
    configure=configure
    [ -e "$folder/configure" ] || configure=auto/configure
    (cd "$folder" && sh "$configure" "$@")
}

# nginx's JavaScript module, where the distribution has one for its nginx.
want_njs() {
    [ "$manager" = apt ] && nginx -v >/dev/null 2>&1 && ! distributions_own && return
    [ "$manager" != apt ] || [ -e /usr/lib/nginx/modules/ngx_http_js_module.so ] \
        || lack "nginx's JavaScript module" libnginx-mod-http-js
}
