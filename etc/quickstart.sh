#!/bin/sh
# SPDX-License-Identifier: MIT
# From a checkout to a running chat server: installs what is missing, builds, starts chatd in the
# foreground with its configuration and data in var/.
#
#   sh etc/quickstart.sh            CHATD_LISTEN=127.0.0.1:9000 chooses another address
#   sh etc/quickstart.sh --build    installs and builds, starts nothing
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/release
stamp=$build/quickstart.stamp
data=$root/var

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

case ${1:-} in
'' | --build) ;;
*) fail "usage: sh etc/quickstart.sh [--build]" ;;
esac

# Folders count too: a file that was added or removed changes the time of its folder.
up_to_date() {
    [ -x "$build/bin/chatd" ] && [ -f "$stamp" ] &&
        [ -z "$(find "$root/core" "$root/plugins" "$root/sdk" "$root/CMakeLists.txt" \
            "$root/CMakePresets.json" -newer "$stamp" ! -name '*.md' -print 2>/dev/null |
            head -n 1)" ]
}

build() {
    sh "$root/etc/packages.sh" build
    mkdir -p "$build"
    # What is changed while the compiler runs is newer than this.
    : >"$stamp.new"
    echo "Building chatd into build/release; the first time takes a minute or two."
    if ! (cd "$root" && cmake --preset release && cmake --build --preset release -j "$(nproc)") \
        >"$build/quickstart.log" 2>&1; then
        tail -n 25 "$build/quickstart.log" >&2
        fail "The build failed. All of its output is in build/release/quickstart.log"
    fi
    mv "$stamp.new" "$stamp"
}

# port_taken PORT: does anything on this machine listen there? Unknown counts as no: chatd itself
# says it then.
port_taken() {
    hex=$(printf '%04X' "$1" 2>/dev/null) || return 1
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port=":$hex\$" '$4 == "0A" && $2 ~ port { found = 1 } END { exit !found }'
}

up_to_date || build
[ "${1:-}" != --build ] || exit 0

# A copy to be changed, so that the checkout stays clean.
mkdir -p "$data"
if [ ! -f "$data/chatd.ini" ]; then
    cp "$root/etc/chatd.ini" "$data/chatd.ini"
fi
listen=${CHATD_LISTEN:-$("$build/bin/chatd" -c "$data/chatd.ini" --dump-config 2>/dev/null |
    sed -n 's/^listen = //p' | head -n 1)}
host=${listen%:*}
port=${listen##*:}
case $host in
'' | 0.0.0.0 | '[::]' | 127.0.0.1 | '[::1]') host=localhost ;;
esac
if port_taken "$port"; then
    fail "Port $port is in use by another program. Stop that one, or choose another port:" \
        "  CHATD_LISTEN=0.0.0.0:$((port + 1)) sh etc/quickstart.sh"
fi

cat <<END

chatd is at   http://$host:$port
              open it in two browser windows, register two names, and chat
seen by       whoever reaches this machine; CHATD_LISTEN=127.0.0.1:$port before the
              command keeps it to the machine itself
stop it       Ctrl-C; the same command starts it again
settings      var/chatd.ini
data          var/: accounts and messages, in one SQLite file
next          README.md; tests: sh tests/run.sh
END
if [ "$(id -u)" -eq 0 ]; then
    echo "note          this is root; chatd needs no rights: use a user of its own where others chat"
fi
echo
cd "$root"
exec "$build/bin/chatd" -c "$data/chatd.ini"
