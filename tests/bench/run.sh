#!/bin/sh
# SPDX-License-Identifier: MIT
# The whole table of goals, or the parts that are named: builds what is measured, takes a network of its own and runs
# table.py there, with all arguments. CHATD_BUILD and BENCH name folders with programs made elsewhere. See README.md.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build
log=build/bench-build.log

say() {
    printf '%s\n' "run.sh: $*" >&2
}

# or_show COMMAND...: silent when it succeeds.
or_show() {
    "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        say "this failed: $*"
        exit 1
    }
}

if [ -z "${CHATD_BUILD:-}" ]; then
    or_show cmake --preset release
    or_show cmake --build --preset release
fi
if [ -z "${BENCH:-}" ]; then
    or_show cmake -S tests/bench -B build/bench
    or_show cmake --build build/bench
fi

# While there is still a network.
if command -v npm >/dev/null && ! sh tests/client/packages.sh; then
    say "node's ws will not be among the peers"
fi

# Rules of the host's packet filter are paid for by every send, also on the loopback interface.
set -- /usr/bin/python3 tests/bench/table.py "$@"
if unshare -n ip link set lo up 2>/dev/null; then
    # shellcheck disable=SC2016 # the inner shell's arguments
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$@"
fi
say "no network namespace (that takes root, unshare and ip): the host's packet filter is measured as well"
exec "$@"
