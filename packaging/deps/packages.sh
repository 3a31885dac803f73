# The names of packages in this release, and the command that installs them; sourced by deps.sh. docs/compatibility.md has
# the same names as a table.

if command -v apt-get >/dev/null 2>&1; then
    manager=apt
elif command -v dnf >/dev/null 2>&1; then
    manager=dnf
else
    manager=none
fi

# The release: "debian 12", "ubuntu 22.04", "rhel 9.4", "almalinux 10.0", "amzn 2023" ...
release=$(. /etc/os-release 2>/dev/null && echo "${ID:-unknown} ${VERSION_ID:-0}") || release="unknown 0"

# package NAME: what contains NAME, which is a package of Debian or one of the words below.
package() {
    case $manager,$1 in
        apt,compiler) echo gcc libc6-dev ;;
        # It depends on libclang1-<version>. Debian sid has no libclang1 without a version any more.
        apt,libclang) echo clang ;;
        apt,pcre) echo libpcre2-dev ;;
        apt,openssl-headers) echo libssl-dev ;;
        apt,zlib) echo zlib1g-dev ;;
        apt,rpmbuild) echo rpm ;;
        apt,xz) echo xz-utils ;;
        apt,busybox) echo busybox-static ;;
        apt,createrepo_c) echo createrepo-c ;;
        # The python3 of Ubuntu 22.04 is older than what the tests need.
        apt,python)
            case $release in
                "ubuntu 22."*) echo python3.11 python3.11-venv python3.11-dev ;;
                *) echo python3 python3-venv python3-dev ;;
            esac ;;
        dnf,compiler) echo gcc glibc-devel ;;
        dnf,libclang) echo clang clang-devel ;;
        dnf,pcre) echo pcre2-devel ;;
        dnf,openssl-headers) echo openssl-devel ;;
        dnf,zlib) case $release in *" 10"*) echo zlib-ng-compat-devel ;; *) echo zlib-devel ;; esac ;;
        dnf,rpmbuild) echo rpm-build ;;
        dnf,nginx-dev) echo nginx-mod-devel ;;
        # The same is true of RHEL 8 and 9 and of Amazon Linux 2023.
        dnf,python)
            case $release in
                *" 8"*|*" 9"*|amzn*) echo python3.12 python3.12-devel ;;
                *) echo python3 python3-devel ;;
            esac ;;
        *) echo "$1" ;;
    esac
}

# The repository that is off by default and contains nginx-mod-devel: CRB.
repositories() {
    case " $* " in
        *" nginx-mod-devel "*)
            case $release in
                *" 8"*) ;;
                rhel*) echo "--enablerepo=codeready-builder-for-rhel-*-rpms" ;;
                almalinux*|rocky*|centos*) echo "--enablerepo=crb" ;;
            esac ;;
    esac
}

# install_command PACKAGE...: one line for a shell, which begins its commands with $as_root.
install_command() {
    case $manager in
        apt)
            echo "${as_root}apt-get update -q &&" \
                "${as_root}env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $*" ;;
        dnf) echo "${as_root}dnf install -y -q $(repositories "$@") $*" | tr -s ' ' ;;
    esac
}

# Whether a program that only some tests run can be installed; says so where it cannot.
has_package() {
    case $manager,$release,$1 in
        apt,*|dnf,fedora*) return 0 ;;
        dnf,amzn*,skopeo) enabled skopeo || remark "skopeo is in SPAL, which is not enabled" ;;
        dnf,amzn*,restic) remark "restic is not packaged for this release" ;;
        dnf,*,restic) enabled restic || remark "restic is in EPEL, which is not enabled (dnf install epel-release)" ;;
        dnf,*" 10"*,rpmlint|dnf,amzn*,rpmlint) remark "rpmlint is not packaged for this release" ;;
        dnf,*) return 0 ;;
        *) remark "$1 is not installed" ;;
    esac
}

# Whether a repository that is enabled has the package.
enabled() {
    dnf -q list "$1" >/dev/null 2>&1
}
