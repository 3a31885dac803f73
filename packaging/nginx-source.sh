#!/bin/sh
# Decides which nginx an RPM is for, and prints "DIST FLAVOUR SOURCE": nginx-source.sh
#
#   DIST, FLAVOUR, NGINX_SOURCE, NGINX_VERSION     as for rpm.sh
#
# What is not named is the nginx that is installed, on a machine of the RHEL family: its release, who packaged it,
# and its sources. Everywhere else, and if these sources are not there, this says in one line where they are.
# SOURCE is empty if NGINX_VERSION names the nginx.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/sbin

main() {
    here=$(this_release)
    dist=${DIST:-$(release_of_source)}
    dist=${dist:-${here:-el9}}
    installed=
    [ "$dist" != "$here" ] || installed=$(nginx -v 2>&1 | sed -n 's,^nginx version: [^/]*/\([0-9.]*\).*,\1,p')
    flavour=${FLAVOUR:-$(flavour_of_installed)}
    source=${NGINX_SOURCE:-}
    [ -n "$source" ] || [ -n "${NGINX_VERSION:-}" ] || source=$(source_of_installed)
    of_source=$(release_of_source)
    if [ -n "$of_source" ] && [ "$of_source" != "$dist" ]; then
        fail "DIST is $dist, but NGINX_SOURCE is the nginx of $of_source"
    fi
    echo "$dist $flavour $source"
}

# This machine, as DIST names it; nothing if it is of another family.
this_release() {
    [ -e /etc/os-release ] || return 0
    (
        ID= ID_LIKE= VERSION_ID=
        . /etc/os-release
        case "$ID $ID_LIKE " in
            amzn\ *) echo "amzn$VERSION_ID" ;;
            rhel\ *|*\ rhel\ *) echo "el${VERSION_ID%%.*}" ;;
        esac
    )
}

# The release that a distribution's RPM of sources is for.
release_of_source() {
    case ${NGINX_SOURCE:-} in
        *.rpm) ;;
        *) return 0 ;;
    esac
    basename "$NGINX_SOURCE" | sed -n 's/.*[.+_]\(el[0-9][0-9]*\).*/\1/p; s/.*\(amzn[0-9][0-9]*\).*/\1/p'
}

# nginx.org's packages provide this name, those of the distributions do not.
flavour_of_installed() {
    if [ -n "$installed" ] && rpm -q --whatprovides "nginx-r$installed" >/dev/null 2>&1; then
        echo nginx.org
    else
        echo distro
    fi
}

source_of_installed() {
    if [ "$flavour" = nginx.org ]; then
        [ -n "$installed" ] || fail "name the nginx of nginx.org that the package is for:" \
            "NGINX_SOURCE=nginx-<version>.tar.gz, or NGINX_VERSION=$(crate_version), whose sources cargo has"
        if [ "$installed" = "$(crate_version)" ]; then
            "$root/packaging/nginx-src.sh"
            return
        fi
        fail "the sources of nginx $installed are not here: get nginx-$installed.tar.gz from nginx.org," \
            "and set NGINX_SOURCE=nginx-$installed.tar.gz"
    fi
    [ -n "$installed" ] || fail "set NGINX_SOURCE to the sources of the nginx that the package is for: for $dist, $(package)"
    folder=$(rpm -ql nginx-mod-devel 2>/dev/null | grep -x '/usr/src/nginx[^/]*' | head -n 1)
    [ -n "$folder" ] && [ -e "$folder/src/core/nginx.h" ] \
        || fail "the sources of nginx $installed are not installed: install, or set NGINX_SOURCE to, $(package)"
    echo "$folder"
}

# Where a release has the sources of its nginx.
package() {
    case $dist in
        el7) echo "the folder that \"rpmbuild -bp\" unpacks from EPEL's source RPM of nginx" ;;
        el8) echo 'the RPM nginx-mod-devel of the enabled module stream ("dnf download nginx-mod-devel")' ;;
        el9) in_crb 1.20.1 ;;
        el10) in_crb 1.26.3 ;;
        amzn2) echo 'the RPM nginx-mod-devel of the topic nginx1 ("yumdownloader nginx-mod-devel")' ;;
        *) echo 'the RPM nginx-mod-devel ("dnf download nginx-mod-devel")' ;;
    esac
}

in_crb() {
    echo "the RPM nginx-mod-devel ($1) of the repository CRB (\"dnf download --enablerepo=crb nginx-mod-devel\")"
}

# The nginx of crate nginx-src.
crate_version() {
    sed -n '/^name = "nginx-src"/{n;s/.*+\(.*\)"/\1/p;}' "$root/Cargo.lock"
}

fail() {
    echo "$0: $*" >&2
    exit 1
}

main
