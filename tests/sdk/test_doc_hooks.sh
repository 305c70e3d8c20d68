#!/bin/sh
# SPDX-License-Identifier: MIT
# hooks.md is what hooks.py makes of event.h, and the handlers that it shows are those that compile.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sdk=$(cd "$here/../../sdk" && pwd)
python=/usr/bin/python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" "$sdk/doc/hooks.py" --check

# The prototypes as they are; the calls in a function, with each band that the comment names.
awk '
    /^```c$/ { inside = 1; next }
    /^```/ { inside = 0; next }
    !inside || NF == 0 { next }
    /^static / {
        n++
        print
        next
    }
    {
        print "int call" n "(chatd_plugin *self);"
        print "int call" n "(chatd_plugin *self)\n{\n    int rc;\n\n    " $0
        if (/or CHATD_CHANGE, CHATD_WATCH/) {
            for (i = 1; i <= 2; i++) {
                line = $0
                sub(/CHATD_CHECK/, i == 1 ? "CHATD_CHANGE" : "CHATD_WATCH", line)
                print "    if (rc == CHATD_OK)\n        " line
            }
        }
        print "    return rc;\n}"
    }
    END { exit n == 0 }' "$sdk/doc/hooks.md" >"$work/shown"
# Bodies for the prototypes, so that nothing is left undefined.
sed -nE 's/^static enum chatd_verdict (.*);$/static enum chatd_verdict \1\n{\n    (void)self, (void)ev;\n    return CHATD_NEXT;\n}/p; s/^static void (.*);$/static void \1\n{\n    (void)self, (void)ev;\n}/p' \
    "$work/shown" >"$work/bodies"
{
    printf '#include <chatd/chatd.h>\n'
    cat "$work/shown" "$work/bodies"
} >"$work/shown.c"
"${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -I "$sdk/include" -c "$work/shown.c" -o "$work/shown.o"

# And the test can fail: a handler of another event's type is refused.
sed 's/struct chatd_ev_message \*ev/struct chatd_ev_login *ev/' "$work/shown.c" >"$work/wrong.c"
if "${CC:-cc}" -std=c11 -Werror -I "$sdk/include" -c "$work/wrong.c" -o "$work/wrong.o" 2>/dev/null; then
    echo "FAIL a handler of another event's type compiles"
    exit 1
fi
echo "$(grep -c '^static ' "$work/bodies") handlers compile as shown"
