#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs those of the named Debian packages that are missing, and says which. Silent when all are
# there. Elsewhere than on Debian it says what to install and fails.
#
#   packages.sh GROUP...        build, package, test, analysis, browser, package-test, containers-test,
#                               bench; the lists are below
#
# Not for Debian: CHATD_NO_INSTALL=1 takes it that everything is there.
set -eu

[ "${CHATD_NO_INSTALL:-}" != 1 ] || exit 0

packages=
for group in "$@"; do
    case $group in
    build)
        packages="$packages gcc libc6-dev make cmake pkg-config libevent-dev libjansson-dev
            libinih-dev nettle-dev uthash-dev libjwt-dev libssl-dev libcrypt-dev
            libutf8proc-dev libcrack2-dev libsqlite3-dev libhiredis-dev zlib1g-dev liburing-dev"
        # The dictionary that libcrack2 looks passwords up in.
        packages="$packages cracklib-runtime"
        ;;
    test)
        packages="$packages g++ clang libclang-rt-14-dev libcmocka-dev clang-format cppcheck
            shellcheck nodejs curl python3-pytest python3-pytest-xdist python3-pyflakes
            python3-requests python3-websockets python3-jwt python3-bcrypt redis-tools
            python3-redis python3-cryptography openssl gdb mandoc groff-base"
        # For the example webhook, which is no part of the server.
        packages="$packages libcurl4-openssl-dev"
        # Debian's nodejs comes without npm, and Debian's npm is some 350 packages. A nodejs from
        # elsewhere brings its own npm and conflicts with that of Debian.
        command -v npm >/dev/null || packages="$packages npm"
        ;;
    # What looks into the code and into the running program, longer than every run of the tests has time.
    analysis) packages="$packages clang-tidy valgrind" ;;
    browser) packages="$packages chromium chromium-driver python3-selenium" ;;
    # CPack asks dpkg-shlibdeps which libraries to depend on, and `file` which files are programs.
    package) packages="$packages dpkg-dev file" ;;
    package-test) packages="$packages lintian mmdebstrap debian-archive-keyring strace binutils" ;;
    # An engine, and what makes images where no registry answers. Installing it starts it where systemd runs.
    containers-test)
        packages="$packages docker.io docker-compose mmdebstrap debian-archive-keyring ca-certificates"
        ;;
    # What chatd is compared with, in network namespaces.
    bench)
        packages="$packages golang-go golang-github-gorilla-websocket-dev
            golang-github-gomodule-redigo-dev iproute2"
        ;;
    *)
        echo "packages.sh: there is no group \"$group\"" >&2
        exit 2
        ;;
    esac
done
# shellcheck disable=SC2086 # a list
set -- $packages

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    system=$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null | tr -d '"')
    {
        echo "This script installs packages on Debian 12 only; this is ${system:-another system}."
        echo "Install what these Debian packages hold, then start it again with CHATD_NO_INSTALL=1:"
        echo "  $*"
    } >&2
    exit 1
fi

# A package that was removed or half installed does not count.
present=" $(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^.i  *//p' | tr '\n' ' ')"
missing=
for package in "$@"; do
    case $present in
    *" $package "*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Some packages are missing, and there is no sudo to install them. As root, type:" >&2
        echo "  apt-get update && apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "Installing from Debian:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

install() {
    # shellcheck disable=SC2086 # a list; and sudo clears the environment
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        $missing >"$log" 2>&1 </dev/null
}

# The package lists may be absent or too old to name what the mirror has: then fetch them.
if [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print 2>/dev/null | head -n 1)" ] && install
then
    exit 0
fi
if ! $as_root apt-get update -q >"$log" 2>&1 </dev/null || ! install; then
    tail -n 15 "$log" >&2
    echo "The packages could not be installed; see above." >&2
    exit 1
fi
