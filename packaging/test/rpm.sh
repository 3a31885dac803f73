#!/usr/bin/env bash
# make test-rpm: what is in the RPMs, and what dnf and rpm make of them in a scratch root.
#
# The packages around them are stand-ins: nginx of right and wrong versions, the C module, and a glibc
# that provides what glibc 2.17 does. Needs dnf, createrepo_c, rpmbuild and rpmlint; runs as root, or where
# a user may be root in a namespace of its own.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || exec unshare --map-root-user "$0" "$@"

name=nginx-module-aws-auth
module=/usr/lib64/nginx/modules/ngx_http_aws_auth_module.so
load_file=/usr/share/nginx/modules/mod-http-aws-auth.conf
version=$(sed -n 's/^Version: *//p' "$root/rpm/$name.spec")
work=$(mktemp -d)
export OUT=$work/dist
trap 'rm -rf "$work"' EXIT

main() {
    cd "$root"
    unset DIST FLAVOUR ARCH EPOCH NGINX_SOURCE
    NGINX_VERSION=$(sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' "$(packaging/nginx-src.sh)/src/core/nginx.h")
    export NGINX_VERSION
    need "the packages are built" packages
    check "no step prints a warning" quiet
    check "one that is built again is the same to the byte" same_again
    nginx=$(rpm -qp --nosignature --requires "$(package el9)" | sed -n 's/^nginx(abi) = //p')
    check "the spec has the version of Cargo.toml" grep -qx "version = \"$version\"" Cargo.toml
    check "the spec's licences are those of what is linked" licences

    for dist in el7 el8 el9 el10 amzn2 amzn2023; do
        check "$dist: the files" files "$(package "$dist")"
        check "$dist: what it requires" requires "$dist" "$(package "$dist")"
        check "$dist: no library but glibc's, none newer than 2.17" libraries "$dist"
    done
    check "the links in the documents lead to files of the package" no_dead_links "$work/files-el9/usr/share/doc"
    check "nginx.org: the files" files "$(package el9.ngx)"
    check "nginx.org: what it requires" has --requires el9.ngx "nginx-r$nginx"
    check "nginx.org: what it provides" has --provides el9.ngx "$name-r$nginx"
    if command -v rpmlint >/dev/null || [ -n "${CI:-}" ]; then
        check "rpmlint" lint
    else
        echo "      rpmlint is not installed: what it would say of the packages is not tested"
    fi
    check "the sums are those of the files" sums

    check "of a distribution's nginx-mod-devel: it requires that nginx, or a later one" from_mod_devel
    check "what is mistaken is told" mistakes
    check "on a machine with nginx-mod-devel, the package is for its nginx" for_installed distro "nginx >= 2:$nginx-3.el9"
    check "on a machine with the nginx of nginx.org, too" for_installed nginx.org "nginx-r$nginx"
    check "without the sources of that nginx, one line says where they are" refused_in_one_line \
        "the sources of nginx $nginx are not installed" on_el9 distro-without-sources packaging/rpm.sh
    check "without an nginx, one line says what to name" refused_in_one_line \
        "nginx-mod-devel (1.26.3) of the repository CRB" env -u NGINX_VERSION DIST=el10 packaging/rpm.sh

    stand_ins
    for dist in el7 el9 el9.ngx; do
        repository "$dist"
        with "$dist"
    done
    epochs
    load_files
    finish
}

packages() {
    for dist in el7 el8 el9 el10 amzn2 amzn2023; do
        DIST=$dist packaging/rpm.sh || return
    done
    DIST=el9 FLAVOUR=nginx.org packaging/rpm.sh
}

same_again() {
    mkdir "$work/first"
    cp "$(package el9)" "$work/first/"
    sleep 1.1
    # As in a checkout that is older than the commit.
    touch -d 2020-01-01 nginx-conf/private-bucket.conf
    DIST=el9 packaging/rpm.sh || return
    touch nginx-conf/private-bucket.conf
    cmp "$work"/first/*.rpm "$(package el9)"
}

sums() {
    (cd "$OUT" && sha256sum --quiet -c SHA256SUMS && [ "$(wc -l <SHA256SUMS)" = "$(ls | grep -c 'rpm$')" ])
}

# The file of a package: el9, or el9.ngx for nginx.org's.
package() {
    ls "$OUT/$name-$version"-1.nginx*."$1.$(uname -m).rpm"
}

licences() {
    local expected
    expected=$(packaging/third-party.py --spdx)
    diff <(echo "$expected") <(sed -n 's/^License: *\(.*\)%{?with_prebuilt.*/\1/p' "rpm/$name.spec")
}

# Nothing but what belongs there, and each example.
files() {
    local doc=/usr/share/doc/$name license=/usr/share/licenses/$name
    diff <(rpm -qp --nosignature --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\n]' "$1" | sort) <({
        echo "-rwxr-xr-x root /usr/bin/generate_signing_key"
        echo "-rwxr-xr-x root $module"
        printf -- "drwxr-xr-x root %s\n" "$doc" "$doc/nginx-conf" "$license"
        find docs -type d -printf "drwxr-xr-x root $doc/%p\n"
        documents | sed "s,^,-rw-r--r-- root $doc/,"
        printf -- "-rw-r--r-- root %s\n" "$license/LICENSE" "$license/THIRD-PARTY"
        echo "-rw-r--r-- root /usr/share/bash-completion/completions/generate_signing_key"
        printf -- "-rw-r--r-- root /usr/share/man/%s.gz\n" man1/generate_signing_key.1 man5/ngx_http_aws_auth_module.5
        (cd nginx-conf && printf -- "-rw-r--r-- root $doc/nginx-conf/%s\n" *.conf)
        case $1 in *.ngx.*) ;; *) echo "-rw-r--r-- root $load_file" ;; esac
    } | sort)
}

requires() {
    case $1 in
        el7|amzn2) has --requires "$1" "nginx = 1:$nginx" ;;
        *) has --requires "$1" "nginx(abi) = $nginx" ;;
    esac
    # What the rpm of RHEL 7 (4.11) cannot do.
    case $1 in
        el7|amzn2) ! rpm -qp --nosignature --requires "$2" | grep -E "rpmlib\((PayloadIs|RichDep)" ;;
    esac
}

# has QUERY PACKAGE LINE
has() {
    rpm -qp --nosignature "$1" "$(package "$2")" | grep -Fx -- "$3"
}

libraries() {
    local folder=$work/files-$1 file
    mkdir -p "$folder"
    rpm2cpio "$(package "$1")" | (cd "$folder" && cpio -idm --quiet)
    for file in "$folder$module" "$folder/usr/bin/generate_signing_key"; do
        old_enough "$file" || return
    done
}

old_enough() {
    local foreign newest
    foreign=$(objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' \
        | grep -vxE 'lib(c|m|dl|pthread)\.so\.[0-9]|ld-linux-.*\.so\.[0-9]' || true)
    newest=$(objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
    echo "$1 needs $newest, libraries beside glibc's: ${foreign:-none}"
    [ -z "$foreign" ] && printf '%s\n' "$newest" GLIBC_2.17 | sort -CV
}

# Its distributions, not this one, decide which licences and groups there are: see the file.
lint() {
    local output
    output=$(rpmlint --config rpm/rpmlint.toml "$OUT/$name-$version"-*.rpm "rpm/$name.spec") || {
        echo "$output"
        return 1
    }
    echo "$output" | grep -F ", 0 warnings" || { echo "$output"; return 1; }
}

# The RPM holds the sources that the module has been built with already, so that this takes no time.
from_mod_devel() {
    local tree release="2:$nginx-3.el9"
    tree=$(packaging/nginx-tree.sh)
    printf '%s\n' "Name: nginx-mod-devel" "Epoch: 2" "Version: $nginx" "Release: 3.el9" "Summary: stand-in" \
        "License: MIT" "%description" "%install" "mkdir -p %{buildroot}/usr/src" \
        "cp -r $tree %{buildroot}/usr/src/nginx-$nginx-3.el9" "rm -r %{buildroot}/usr/src/*/objs" \
        "%files" /usr/src >"$work/stand-in.spec"
    HOME=$work rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_rpmdir $work" \
        --define "__os_install_post %{nil}" --define "_rpmfilename %{name}.rpm" "$work/stand-in.spec" || return
    OUT=$work/mod-devel NGINX_SOURCE=$work/nginx-mod-devel.rpm packaging/rpm.sh || return
    rpm -qp --nosignature --requires "$work"/mod-devel/*.rpm | grep -Fx "nginx >= $release"
}

# Except for the line that says what sources were used.
quiet() {
    DIST=el9 packaging/rpm.sh 2>&1 | tee "$work/log" | grep -v "nginx's own sources" | grep -i -E "warning|error|deprecated" || return 0
    return 1
}

# for_installed FLAVOUR LINE: what a package requires that is made without naming an nginx.
for_installed() {
    rm -rf "$work/installed"
    OUT=$work/installed on_el9 "$1" packaging/rpm.sh || return
    rpm -qp --nosignature --requires "$work"/installed/*.el9*.rpm | grep -Fx -- "$2"
}

# on_el9 PACKAGES COMMAND...: the command in a mount namespace that is an EL9 with an nginx, as far as it is asked:
# the release, nginx, rpm's database, /usr/src.
on_el9() {
    local packages=$1 provides="nginx(abi) = $nginx"
    shift
    [ "$packages" != nginx.org ] || provides="nginx-r$nginx"
    mkdir -p "$work/el9/bin" "$work/el9/rpm"
    printf '%s\n' 'ID="almalinux"' 'ID_LIKE="rhel centos fedora"' 'VERSION_ID="9.6"' >"$work/el9/os-release"
    printf '#!/bin/sh\necho "nginx version: nginx/%s" >&2\n' "$nginx" >"$work/el9/bin/nginx"
    chmod +x "$work/el9/bin/nginx"
    stand_in nginx "2:$nginx" "Provides: $provides" || return
    env -u NGINX_VERSION PATH="$work/el9/bin:$PATH" unshare --mount sh -euc '
        work=$1 packages=$2 nginx=$3 database=$4
        shift 4
        mount --bind "$work/el9/os-release" "$(readlink -f /etc/os-release)"
        mount -t tmpfs none /usr/src
        mkdir -p "$database"
        mount -t tmpfs none "$database"
        rpm -i --nodeps --nosignature --justdb "$work/stand-ins/nginx-2:$nginx.rpm" 2>"$work/log"
        [ "$packages" != distro ] || rpm -i --nodeps --nosignature "$work/nginx-mod-devel.rpm" 2>"$work/log"
        "$@"
    ' on_el9 "$work" "$packages" "$nginx" "$(rpm --eval %_dbpath)" "$@"
}

# refused_in_one_line MESSAGE COMMAND...
refused_in_one_line() {
    refused "$@" && shift && [ "$("$@" 2>&1 | wc -l)" = 1 ]
}

mistakes() {
    mkdir -p "$work/old/src/core"
    echo '#define NGINX_VERSION "1.16.1"' >"$work/old/src/core/nginx.h"
    refused "nginx 1.16.1 is too old" env -u NGINX_VERSION NGINX_SOURCE="$work/old" packaging/rpm.sh || return
    refused "NGINX_SOURCE is the nginx of el10" \
        env DIST=el9 NGINX_SOURCE=nginx-mod-devel-1.26.3-6.el10.x86_64.rpm packaging/rpm.sh || return
    refused "DIST is el7, el8" env DIST=el6 packaging/rpm.sh || return
    refused "FLAVOUR is distro or nginx.org" env FLAVOUR=nginx packaging/rpm.sh || return
    refused "NGINX_SOURCE=nginx-1.2.3.tar.gz" env NGINX_VERSION=1.2.3 packaging/rpm.sh || return
    refused "does not exist" env NGINX_SOURCE=none.tar.gz packaging/rpm.sh || return
    refused "holds no sources" env NGINX_SOURCE="$(package el9)" packaging/rpm.sh || return
    refused "holds no sources of nginx" env NGINX_SOURCE="$root/packaging" packaging/rpm.sh || return
    refused "set one of them only" env NGINX_VERSION=1.2.3 NGINX_SOURCE="$(packaging/nginx-tree.sh)" packaging/rpm.sh
}

# stand_in NAME EPOCH:VERSION [LINE OF THE SPEC]...: a package that has a file of its name.
stand_in() {
    local name=$1 epoch=${2%%:*} version=${2#*:} line
    shift 2
    {
        printf '%s\n' "Name: $name" "Epoch: $epoch" "Version: $version" "Release: 1" "Summary: stand-in" "License: MIT" "$@"
        printf '%s\n' "%description" "%install"
        echo "mkdir -p %{buildroot}/usr/lib64/nginx/modules"
        if [ "$name" = nginx-module-aws-auth ]; then
            echo "echo 'the C module' >%{buildroot}$module"
            printf '%s\n' %files "$module"
        else
            echo %files
        fi
    } >"$work/stand-in.spec"
    # No epoch is another thing than the epoch 0.
    [ "$epoch" != none ] || sed -i /^Epoch/d "$work/stand-in.spec"
    HOME=$work rpmbuild -bb --quiet --target "$(uname -m)-linux" --define "_topdir $work/rpmbuild" \
        --define "_rpmdir $work/stand-ins" --define "__os_install_post %{nil}" \
        --define "_rpmfilename %{name}-%{epochnum}:%{version}.rpm" "$work/stand-in.spec" 2>"$work/log" >&2 || {
        cat "$work/log"
        return 1
    }
}

stand_ins() {
    mkdir -p "$work/stand-ins" "$work/log.d"
    printf '[main]\nbest=True\n' >"$work/dnf.conf"
    stand_in glibc none:2.17 "$(glibc_provides)"
    # The distribution's nginx, in RHEL 7 (which does not say its abi) and later; nginx.org's.
    local major=${nginx%.*}
    stand_in nginx "1:$nginx" "Provides: nginx-r$nginx"
    stand_in nginx "2:$nginx" "Provides: nginx(abi) = $nginx"
    stand_in nginx "1:$major.99" "Provides: nginx-r$major.99"
    stand_in nginx "2:$major.99" "Provides: nginx(abi) = $major.99"
    stand_in "$name" none:2.1.1 "Requires: nginx"
    # The form of those who number a module by the nginx that it is for.
    stand_in "$name" "1:$nginx+2.1.1" "Requires: nginx"
}

# What glibc 2.17 says of itself, as rpm puts it.
glibc_provides() {
    local library version
    for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1; do
        echo "Provides: $library()(64bit)"
        for version in 2.2.5 2.3 2.3.2 2.3.4 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17; do
            echo "Provides: $library(GLIBC_$version)(64bit)"
        done
    done
}

# repository DIST: what dnf finds there. RHEL 7 and nginx.org have nginx with epoch 1, others with 2.
repository() {
    case $1 in el7|*.ngx) epoch=1 ;; *) epoch=2 ;; esac
    repository=$(mktemp -d "$work/repository.XXX")
    also "$work/stand-ins/glibc-0:2.17.rpm" "$work/stand-ins/nginx-$epoch:$nginx.rpm" \
        "$work/stand-ins/$name-0:2.1.1.rpm" "$(package "$1")"
}

# also FILE...: more packages in the repository.
also() {
    cp "$@" "$repository/"
    createrepo_c --quiet "$repository"
}

# fresh: an empty root.
fresh() {
    scratch=$work/root
    rm -rf "$scratch"
    mkdir -p "$scratch"
}

in_root() {
    HOME=$work dnf --installroot "$scratch" --config "$work/dnf.conf" --noplugins --assumeyes --quiet --nogpgcheck \
        --releasever 9 --forcearch "$(uname -m)" --repofrompath "test,file://$repository" --repoid test \
        --setopt=reposdir=/dev/null --setopt=cachedir="$repository.cache" --setopt=metadata_expire=0 \
        --setopt=logdir="$work/log.d" --setopt=persistdir="$work/persist" "$@"
}

with() {
    fresh
    check "$1: dnf install takes it, with an nginx that it is for" install_both
    check "$1: rpm -V finds nothing" in_rpm -V "$name"
    check "$1: nginx alone is not upgraded" refused "is needed by (installed) $name" \
        in_rpm -U "$work/stand-ins/nginx-$epoch:${nginx%.*}.99.rpm"
    check "$1: dnf remove leaves nothing" removed
    fresh
    check "$1: it replaces the C module 2.1.1" replaces 0:2.1.1
    check "$1: dnf downgrade gets the C module back" downgrades 0:2.1.1
    fresh
    repository "$1"
    rm "$repository/nginx-$epoch:$nginx.rpm"
    also "$work/stand-ins/nginx-$epoch:${nginx%.*}.99.rpm"
    check "$1: it is refused where nginx is of another version" refused "nothing provides nginx" \
        in_root install "$name-$version"
}

in_rpm() {
    HOME=$work rpm --root "$scratch" "$@"
}

installed() {
    in_rpm -q --qf '%{epochnum}:%{version}\n' "$name" | grep -Fx "$1"
}

install_both() {
    in_root install "$name" && installed "0:$version" && in_rpm -q nginx && is_ours
}

is_ours() {
    cmp "$scratch$module" "$work/files-el9$module"
}

removed() {
    in_rpm -q "$name" && in_root remove "$name" && ! find "$scratch/usr" -name '*aws*' -o -name generate_signing_key | grep .
}

# replaces EPOCH:VERSION [EPOCH of ours]
replaces() {
    in_root install "$name-$1" && installed "$1" && in_root upgrade "$name" && installed "${2:-0}:$version" && is_ours
}

# downgrades EPOCH:VERSION [EPOCH of ours]
downgrades() {
    installed "${2:-0}:$version" && in_root downgrade "$name" && installed "$1" && grep -x "the C module" "$scratch$module" \
        && [ ! -e "$scratch$load_file" ]
}

# A C module whose package has an epoch is only replaced by one that has it, too.
epochs() {
    fresh
    check "EPOCH=1: the package is built" env EPOCH=1 DIST=el7 packaging/rpm.sh
    repository el7
    also "$work/stand-ins/$name-1:$nginx+2.1.1.rpm"
    check "EPOCH=1: it replaces a C module of epoch 1" replaces "1:$nginx+2.1.1" 1
    check "EPOCH=1: dnf downgrade gets it back" downgrades "1:$nginx+2.1.1" 1
}

load_files() {
    repository el9
    fresh
    check "the load file loads the module" load_file_is "load_module \"$module\";"
    fresh
    mkdir -p "$scratch/etc/nginx"
    printf 'user nginx;\n  load_module modules/ngx_http_aws_auth_module.so;\nevents {}\n' >"$scratch/etc/nginx/nginx.conf"
    check "the load file is a comment where nginx.conf loads the module" load_file_is \
        "# /etc/nginx/nginx.conf loads the module.
#load_module \"$module\";"
    check "rpm -V does not mind" in_rpm -V "$name"
    fresh
    mkdir -p "$scratch/etc/nginx"
    printf '#load_module modules/ngx_http_aws_auth_module.so;\nload_module modules/other.so;\n' >"$scratch/etc/nginx/nginx.conf"
    check "other modules and comments in nginx.conf do not count" load_file_is "load_module \"$module\";"
}

load_file_is() {
    in_root install "$name" && diff <(echo "$1") "$scratch$load_file"
}

main
