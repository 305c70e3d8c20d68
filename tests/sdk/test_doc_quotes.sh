#!/bin/sh
# SPDX-License-Identifier: MIT
# Code in the SDK's pages that is marked as a quote still is in the file it is quoted from:
#   <!-- quote: examples/echo/echo.c -->   before a fenced block; the path is relative to sdk/.
# Links between the pages lead somewhere, and every event of event.h has its row in events.md.
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
        /^<!-- quote: / { source = $3; next }
        /^```/ && source != "" && !inside { inside = 1; block = ""; first = NR; next }
        /^```/ && inside {
            count++
            if (index(whole(source), block) == 0) {
                print "FAIL " page ":" first ": this is not in " source " any more"
                bad = 1
            }
            inside = 0
            source = ""
            next
        }
        inside { block = block $0 "\n" }
        END {
            if (inside || source != "") {
                print "FAIL " page ": a quote without its block"
                bad = 1
            }
            print count + 0 >"/dev/stderr"
            exit bad
        }' "$1"
}

failed=0
total=0
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
for page in doc/*.md; do
    quotes "$page" 2>"$counts" || failed=1
    total=$((total + $(cat "$counts")))
    for link in $(grep -oE '\]\([^)#:]+\)' "$page" | sed 's/^](//; s/)$//'); do
        if [ ! -e "doc/$link" ]; then
            echo "FAIL $page: the link $link leads nowhere"
            failed=1
        fi
    done
done
for event in $(sed -nE 's/^ +X\([0-9]+, ([a-z]+), struct.*, ([A-Z_]+), "([a-z.]+)"\).*/\1:\2:\3/p' \
    include/chatd/event.h); do
    name=${event%%:*}
    rest=${event#*:}
    if ! grep -qE "^\| \`$name\` \| ${rest%%:*} \| \`?${rest#*:}\`? \|" doc/events.md; then
        echo "FAIL doc/events.md has no row for $name, ${rest%%:*}, of ${rest#*:}"
        failed=1
    fi
done
[ "$total" -gt 0 ] || {
    echo "FAIL no quotes found"
    exit 1
}
[ "$failed" -eq 0 ] && echo "$total quotes hold"
