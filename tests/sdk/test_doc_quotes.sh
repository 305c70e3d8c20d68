#!/bin/sh
# SPDX-License-Identifier: MIT
# Code in the SDK's pages, and in those of its examples, is quoted from files that are built, and still is in them:
#   <!-- quote: examples/echo/echo.c -->   before a fenced block; the path is relative to sdk/.
# No block of C or CMake is without such a line; those of hooks.md are made from the header, and
# test_doc_hooks.sh compiles them. Links between the pages lead somewhere, and services.md has the
# versions of the headers, client-protocol.md their close codes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sdk=$(cd "$here/../../sdk" && pwd)
cd "$sdk"

quotes() {
    awk -v page="$1" '
        function whole(path,   line, text) {
            while ((getline line <path) > 0)
                text = text line "\n"
            close(path)
            return text
        }
        function fail(line, text) {
            print "FAIL " page ":" line ": " text
            bad = 1
        }
        /^<!-- quote: / && !inside { source = $3; next }
        /^```/ && !inside {
            inside = 1
            block = ""
            first = NR
            if (source == "" && page != "doc/hooks.md" && /^```(c|h|cpp|cmake)$/)
                fail(NR, "this code is not quoted from a file that is built")
            next
        }
        /^```/ {
            if (source != "") {
                count++
                if (block == "" || index(whole(source), block) == 0)
                    fail(first, "this is not in " source " any more")
            }
            inside = 0
            source = ""
            next
        }
        inside { block = block $0 "\n" }
        !inside && source != "" && NF > 0 { fail(NR, "a quote without its block"); source = "" }
        END {
            if (inside || source != "")
                fail(NR, "a quote without its block")
            print count + 0 >"/dev/stderr"
            exit bad
        }' "$1"
}

failed=0
total=0
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
for page in doc/*.md examples/README.md examples/*/README.md; do
    quotes "$page" 2>"$counts" || failed=1
    total=$((total + $(cat "$counts")))
    for link in $(grep -oE '\]\([^)#:]+' "$page" | sed 's/^](//'); do
        if [ ! -e "$(dirname "$page")/$link" ]; then
            echo "FAIL $page: the link $link leads nowhere"
            failed=1
        fi
    done
done

# chatd.kv 1.0 in the heading and in the table, as in svc/kv.h.
for service in log kv bus auth rooms; do
    name=$(echo "$service" | tr '[:lower:]' '[:upper:]')
    version=$(sed -nE "s/^#define CHATD_${name}_(MAJOR|MINOR) +([0-9]+)\$/\2/p" "include/chatd/svc/$service.h" |
        paste -s -d .)
    if ! grep -q "^## chatd\.$service $version\$" doc/services.md ||
        ! grep -qE "^\| \[\`chatd\.$service\` $version\]" doc/services.md; then
        echo "FAIL doc/services.md: chatd.$service is $version by svc/$service.h"
        failed=1
    fi
    for call in $(grep -oE "chatd_${service}_[a-z_]+\(chatd_plugin \*self" "include/chatd/svc/$service.h" |
        sed 's/(.*//'); do
        if ! grep -q "\`$call()\`" doc/services.md; then
            echo "FAIL doc/services.md does not say what $call() does"
            failed=1
        fi
    done
done

# The codes that a connection may be closed with are those that a client is told of; 1000 is a plugin's good bye.
for code in $(sed -nE 's/^ +CHATD_CLOSE_[A-Z_]+ = ([0-9]+),?$/\1/p' include/chatd/conn.h); do
    if [ "$code" -ne 1000 ] && ! grep -qE "^\| ([0-9]+, )*$code(, [0-9]+)* \|" doc/client-protocol.md; then
        echo "FAIL doc/client-protocol.md does not say what the close code $code means"
        failed=1
    fi
done
[ "$total" -gt 0 ] || {
    echo "FAIL no quotes found"
    exit 1
}
[ "$failed" -eq 0 ] && echo "$total quotes hold"
