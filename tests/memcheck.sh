#!/bin/sh
# SPDX-License-Identifier: MIT
# Whole chatd under valgrind: memory that is read before it is written, written beyond its end, or lost. The tests are
# those of tests/integration that reach the parsers, accounts, rooms and both ends of a connection; memcheck.sh
# PYTEST-ARGUMENT...: others. Ends with pytest's own line. The build is one without sanitizers,
# with the examples (build/dev).
set -u

cd "$(dirname "$0")/.." || exit 1
build=$PWD/${CHATD_BUILD:-build/dev}
# Errors are told in chatd's log, where the fixture looks for them, and by the exit code.
wrapper="valgrind --quiet --error-exitcode=99 --trace-children=yes --leak-check=full --show-leak-kinds=definite
    --errors-for-leak-kinds=definite --child-silent-after-fork=yes"

[ $# -gt 0 ] || set -- tests/integration/test_websocket.py tests/integration/test_http_hostile.py \
    tests/integration/test_accounts.py tests/integration/test_sessions.py tests/integration/test_classic.py \
    tests/integration/test_v1_talk.py tests/integration/test_static_files.py tests/integration/test_deflate.py
CHATD_BUILD=$build CHATD_TEST_WRAPPER=$wrapper CHATD_TEST_DEADLINE=${CHATD_TEST_DEADLINE:-120} \
    exec /usr/bin/python3 -m pytest -q -ra -p no:cacheprovider -n "$(nproc)" "$@"
