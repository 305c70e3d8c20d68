#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that can be said about the sources without running them. Ends with one line
# `N passed, N failed`. The plugins of $CHATD_BUILD (default build/release) are looked at too.
# shellcheck disable=SC2046 # lists of files; no file here has white space in its name
set -u

cd "$(dirname "$0")/.." || exit 1
plugins=${CHATD_BUILD:-build/release}/lib/chatd
python=/usr/bin/python3
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# files FIND-EXPRESSION: the project's own files, whether git is there or not.
files() {
    find . \( -path ./build -o -path ./.git -o -path ./var -o -name node_modules \
        -o -name __pycache__ -o -name '.?*_cache' \) -prune -o -type f \( "$@" \) -print | sort
}

# check NAME COMMAND: a check is good when the command succeeds.
check() {
    name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        cat "$work/out"
        echo "FAIL  $name"
    fi
}

# Headers of released minors stay as they were: sdk/abi/README.md.
format() {
    clang-format --dry-run -Werror $(files \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \) \
        ! -path './sdk/abi/*')
}

shell() {
    # SC2013: where we loop over words, words are meant.
    shellcheck -e SC2013 $(files -name '*.sh' -o -path './.ci/run' -o -path './etc/debian/p*inst' \
        -o -path './etc/debian/p*rm')
}

cpp_check() {
    # cppcheck does not look into system headers; these are the loops it has to know. The second
    # line of suppressions is false alarms: a loop's element that the loop itself sets, and memory
    # that is given back under another name.
    cat >"$work/macros.h" <<'END'
#define HASH_ITER(hh, head, el, tmp) for ((el) = (head); (el) != NULL; (el) = (el)->hh.next)
#define DL_FOREACH_SAFE(head, el, tmp) for ((el) = (head); (el) != NULL; (el) = (el)->next)
#define DL_FOREACH2(head, el, next) for ((el) = (head); (el) != NULL; (el) = (el)->next)
#define TAILQ_HEAD(name, type) struct name { struct type *first; }
#define TAILQ_ENTRY(type) struct { struct type *next; }
END
    cppcheck -q -j 2 --std=c11 --enable=warning,portability,performance --inline-suppr \
        --error-exitcode=1 --suppress=missingIncludeSystem \
        --suppress=uninitvar:plugins/rooms/list.c --suppress=memleak:plugins/rooms/out.c \
        --include="$work/macros.h" -I core -I sdk/include core plugins sdk/examples tests/bench \
        tests/attack tests/fuzz
}

# A plugin includes its own folder, the SDK and libraries: never the core.
# But the test host, which has code of the core in it: sdk/testhost/CMakeLists.txt says why that harms nobody.
border() {
    bad=0
    for file in $(files -path './plugins/*.[ch]' -o -path './sdk/*.[ch]' -o -path './sdk/*.cpp' | grep -v '^\./sdk/testhost/'); do
        for include in $(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$file"); do
            if [ ! -f "$(dirname "$file")/$include" ]; then
                echo "$file: \"$include\" is not beside it"
                bad=1
            fi
        done
        case $file in
        ./sdk/include/*) ;;
        *)
            if grep -nE '^ *# *include *[<"](\.\./|core/|(base|config|board|link|net|host|worker|master|run)/)' "$file"; then
                echo "$file: includes the core or another plugin"
                bad=1
            fi
            ;;
        esac
    done
    return $bad
}

# Each folder of the core uses only itself and those before it.
layers() {
    bad=0
    later='base config board link net host worker master run'
    for layer in $later; do
        later=${later#"$layer"}
        later=${later# }
        for above in $later; do
            if grep -rnE "^ *# *include *\"$above/" "core/$layer"; then
                echo "core/$layer uses core/$above, which comes after it"
                bad=1
            fi
        done
    done
    return $bad
}

one_symbol() {
    bad=0
    count=0
    for plugin in "$plugins"/*.so; do
        [ -f "$plugin" ] || continue
        count=$((count + 1))
        symbols=$(nm -D --defined-only "$plugin" | awk '$3 !~ /^__odr_asan\./ { print $3 }' | tr '\n' ' ')
        if [ "$symbols" != 'chatd_plugin_v1 ' ]; then
            echo "$plugin exports: $symbols"
            bad=1
        fi
    done
    [ "$count" -gt 0 ] || {
        echo "no plugins in $plugins: build first"
        bad=1
    }
    return $bad
}

no_leftovers() {
    ! grep -nE '\b(TODO|FIXME|XXX)\b' $(files -name '*.[ch]' -o -name '*.cpp' -o -name '*.py' -o -name '*.js' \
        -o -name '*.mjs' -o -name '*.css' -o -name '*.html' -o -name '*.ini' -o -name 'CMakeLists.txt')
}

license_heads() {
    bad=0
    for file in $(files -name '*.[ch]' -o -name '*.cpp' -o -name '*.py' -o -name '*.js' \
        -o -name '*.mjs' -o -name '*.sh'); do
        if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT'; then
            echo "$file: no SPDX line at its head"
            bad=1
        fi
    done
    return $bad
}

python_files() {
    "$python" -m pyflakes $(files -name '*.py')
}

# What static/js/package.json makes modules, and what its name does.
scripts() {
    bad=0
    for file in $(files -path './static/*.js' -o -name '*.mjs'); do
        node --check "$file" || bad=1
    done
    return $bad
}

# A lock says which packages by version and hash; from where is each machine's own setting.
npm_lock() {
    ! grep -n '"resolved"' tests/client/package-lock.json &&
        ! grep -n '": "[~^<>=*]' tests/client/package.json
}

links() {
    bad=0
    for page in $(files -name '*.md'); do
        for link in $(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//; s/#.*//'); do
            case $link in
            *://* | mailto:*) ;;
            *)
                if [ ! -e "$(dirname "$page")/$link" ]; then
                    echo "$page: $link leads nowhere"
                    bad=1
                fi
                ;;
            esac
        done
    done
    return $bad
}

# Both readers of manual pages: what one takes the other may not. Of mandoc's remarks those that are more than style.
man_pages() {
    bad=0
    for page in man/*.[1-9]; do
        mandoc -Tlint -W warning "$page" || bad=1
        groff -ww -man -Tutf8 -z "$page" 2>"$work/groff" || bad=1
        if [ -s "$work/groff" ]; then
            cat "$work/groff"
            bad=1
        fi
    done
    return $bad
}

check "clang-format: layout of all C" format
check "shellcheck: all shell scripts" shell
check "cppcheck" cpp_check
check "plugins and SDK do not include the core" border
check "folders of the core use only those before them" layers
check "each plugin exports one symbol" one_symbol
check "nothing is left to do in the code" no_leftovers
check "every source names its license" license_heads
check "pyflakes: all Python" python_files
check "node --check: all scripts" scripts
check "npm: exact versions, and no address of a registry" npm_lock
check "mandoc and groff: manual pages" man_pages
check "links of the pages lead somewhere" links
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
