#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares the layout of the SDK's structs with the golden records in sdk/abi/.
#
#   test_abi.sh             with $CC, default cc
#   test_abi.sh --print     prints the present layout: what a new record is made of
#   test_abi.sh --sdk DIR   those of another folder, which has include/ and abi/
#
# The record of the present ABI version must say exactly what the headers say. Those of older
# versions must still be true: nothing moved, renumbered or gone; records may only have grown. Types and
# signatures, which have no offset, are compared by test_abi_frozen.py with the headers of those versions.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sdk=$here/../../sdk
if [ "${1:-}" = --sdk ]; then
    sdk=$2
    shift 2
fi
sdk=$(cd "$sdk" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -I "$sdk/include" "$here/abi_golden.c" \
    "$here/abi_golden_svc.c" -o "$work/abi_golden"
"$work/abi_golden" >"$work/now"

if [ "${1:-}" = --print ]; then
    cat "$work/now"
    exit 0
fi
failed=0

# Is everything in the headers listed? A struct or enumerator that is not cannot be compared. Those of fields.h never
# leave the plugin that they were compiled into.
find "$sdk/include/chatd" -name '*.h' ! -name fields.h -exec cat {} + >"$work/headers"
sed -nE 's/^struct (chatd_[a-z_]+) \{.*/\1/p; s/^\} (chatd_[a-z_]+);.*/\1/p' "$work/headers" |
    sort >"$work/want"
grep -oE 'CHATD_[A-Z0-9_]+ = -?[0-9]' "$work/headers" | sed 's/ .*//' | sort >>"$work/want"
for name in $(cat "$work/want"); do
    if ! grep -qE "^(struct|row|frozen|value) $name " "$work/now"; then
        echo "FAIL $name is in the headers but not listed in abi_golden.c or abi_golden_svc.c"
        failed=1
    fi
done

version=$(sed -n 's/^abi //p' "$work/now")
if [ ! -f "$sdk/abi/$version.txt" ]; then
    echo "FAIL there is no sdk/abi/$version.txt; test_abi.sh --print gives it"
    failed=1
fi
for record in "$sdk"/abi/*.txt; do
    is_present=0
    if [ "$(basename "$record" .txt)" = "$version" ]; then is_present=1; fi
    if ! awk -v present="$is_present" -v file="$(basename "$record")" '
        function fail(text) { print "FAIL sdk/abi/" file ": " text; bad = 1 }
        /^#/ || NF == 0 { next }
        $1 == "abi" { next }
        NR == FNR { golden[$1 " " $2] = $0; next }
        { now[$1 " " $2] = $0 }
        END {
            for (key in golden) {
                split(golden[key], was)
                if (!(key in now)) {
                    fail(golden[key] ": is gone")
                    continue
                }
                split(now[key], is)
                if (now[key] == golden[key])
                    continue
                grows = was[1] == "struct" || was[1] == "row"
                if (!present && grows && is[3] > was[3])
                    continue
                fail(golden[key] ": is now: " now[key])
            }
            if (present)
                for (key in now)
                    if (!(key in golden))
                        fail(now[key] ": is not recorded: append it, raise CHATD_ABI_MINOR, " \
                             "add a line to sdk/doc/abi-changes.md")
            exit bad
        }' "$record" "$work/now"; then
        failed=1
    fi
done
if [ "$failed" -eq 0 ]; then
    echo "ABI $version: $(grep -c '^member' "$work/now") members," \
        "$(grep -c '^value' "$work/now") values as recorded"
fi
exit "$failed"
