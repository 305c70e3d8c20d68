#!/bin/sh
# SPDX-License-Identifier: MIT
# Each SDK header alone compiles without a warning, as C11 and as C++17, with gcc and clang where
# they are installed. Arguments: [INCLUDE_DIR], default the tree's sdk/include.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "${1:-$here/../../sdk/include}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

checks=0
failures=0

# try COMPILER STANDARD LANGUAGE HEADER
try() {
    checks=$((checks + 1))
    # Twice, so that a missing include guard shows.
    printf '#include <%s>\n#include <%s>\n' "$4" "$4" >"$work/one.src"
    if ! "$1" "-std=$2" -Wall -Wextra -Wpedantic -Werror -I "$include" -x "$3" -c "$work/one.src" \
        -o "$work/one.o" 2>"$work/err"; then
        failures=$((failures + 1))
        printf 'FAIL %s with %s -std=%s\n' "$4" "$1" "$2"
        cat "$work/err"
    # A definition in a header would clash between the files of a plugin.
    elif nm "$work/one.o" | grep -E ' [BCDGRSTVW] '; then
        failures=$((failures + 1))
        printf 'FAIL %s defines the symbols above (%s -std=%s)\n' "$4" "$1" "$2"
    fi
}

headers=$(cd "$include" && find chatd -name '*.h' | sort)
[ -n "$headers" ] || {
    echo "FAIL no header below $include"
    exit 1
}
for header in $headers; do
    for cc in gcc clang; do
        if command -v "$cc" >/dev/null; then try "$cc" c11 c "$header"; fi
    done
    for cxx in g++ clang++; do
        if command -v "$cxx" >/dev/null; then try "$cxx" c++17 c++ "$header"; fi
    done
done

[ "$checks" -gt 0 ] || {
    echo "FAIL no compiler found"
    exit 1
}
echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
