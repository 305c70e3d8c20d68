#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds plugins outside the tree against an installed SDK, as a stranger would.
#
#   test_out_of_tree.sh PREFIX [FILE]
#
# PREFIX is where chatd was installed. With FILE the built plugins are kept and the path of their
# folder is written there, for the integration tests to load them; whoever gives FILE removes it.
# shellcheck disable=SC2046 # pkg-config prints lists of flags
set -eu

prefix=$(cd "${1:?usage: test_out_of_tree.sh PREFIX [FILE]}" && pwd)
out_file=${2:-}
cc=${CC:-cc}
cxx=${CXX:-c++}
work=$(mktemp -d "${TMPDIR:-/tmp}/chatd-out-of-tree.XXXXXX")
plugins=$work/plugins
mkdir "$plugins"

finish() {
    status=$?
    if [ -n "$out_file" ] && [ "$status" -eq 0 ]; then
        find "$work" -mindepth 1 -maxdepth 1 ! -name plugins -exec rm -rf {} +
    else
        rm -rf "$work"
    fi
}
trap finish EXIT

fail() {
    echo "FAIL $*"
    exit 1
}

step() {
    echo "-- $*"
}

# one_symbol FILE: a plugin exports its descriptor and nothing else.
one_symbol() {
    symbols=$(nm -D --defined-only "$1" | awk '{ print $3 }')
    [ "$symbols" = chatd_plugin_v1 ] || fail "$1 exports: $symbols"
}

# with_cmake PREFIX SOURCE BUILD: configures and builds; the output is in BUILD.log.
with_cmake() {
    CC=$cc CXX=$cxx cmake -S "$2" -B "$3" -DCMAKE_PREFIX_PATH="$1" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF >"$3.log" 2>&1 &&
        cmake --build "$3" >>"$3.log" 2>&1
}

# with_cc PREFIX SOURCE OUTPUT: one call of the compiler; the output is in OUTPUT.log.
# The unquoted substitutions are lists of flags.
with_cc() {
    export PKG_CONFIG_PATH="$1/lib/pkgconfig"
    "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags chatd-sdk) -o "$3" "$2" \
        $(pkg-config --libs chatd-sdk) >"$3.log" 2>&1
}

examples=$prefix/share/chatd/sdk/examples
[ -d "$examples" ] || fail "$prefix has no share/chatd/sdk/examples: was chatd installed there?"

for name in echo wordfilter feed; do
    step "$name with cmake"
    cp -r "$examples/$name" "$work/$name"
    with_cmake "$prefix" "$work/$name" "$work/$name-build" || {
        cat "$work/$name-build.log"
        fail "$name does not build with cmake"
    }
    one_symbol "$work/$name-build/$name.so"
    cp "$work/$name-build/$name.so" "$plugins/"

    step "$name with cc"
    with_cc "$prefix" "$work/$name/$name.c" "$work/$name-cc.so" || {
        cat "$work/$name-cc.so.log"
        fail "$name does not build with cc"
    }
    one_symbol "$work/$name-cc.so"
done

step "announce with cmake, which links a library of its own"
cp -r "$examples/announce" "$work/announce"
with_cmake "$prefix" "$work/announce" "$work/announce-build" || {
    cat "$work/announce-build.log"
    fail "announce does not build with cmake"
}
one_symbol "$work/announce-build/announce.so"

# A project of many files, with libraries and tests of its own.
if pkg-config --exists 'libcurl >= 7.85' nettle jansson; then
    step "webhook with cmake, and its tests"
    cp -r "$examples/webhook" "$work/webhook"
    if ! with_cmake "$prefix" "$work/webhook" "$work/webhook-build" ||
        ! ctest --test-dir "$work/webhook-build" --output-on-failure >>"$work/webhook-build.log" 2>&1; then
        cat "$work/webhook-build.log"
        fail "webhook does not build with cmake, or its tests fail"
    fi
    one_symbol "$work/webhook-build/webhook.so"
    cp "$work/webhook-build/webhook.so" "$plugins/"
else
    step "webhook is left out: there is no libcurl"
fi

# In C++ templates of its library would be exported as well; the map that comes with the SDK is against that.
step "dice, in C++, with cmake"
cp -r "$examples/dice" "$work/dice"
with_cmake "$prefix" "$work/dice" "$work/dice-build" || {
    cat "$work/dice-build.log"
    fail "dice does not build with cmake"
}
one_symbol "$work/dice-build/dice.so"
cp "$work/dice-build/dice.so" "$plugins/"
if grep -q 'warning:' "$work/dice-build.log"; then
    cat "$work/dice-build.log"
    fail "dice builds with warnings"
fi

step "dice, in C++, with c++"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
"$cxx" -std=c++20 -Wall -Wextra -Wpedantic -Wno-missing-field-initializers -Werror \
    $(pkg-config --cflags chatd-sdk) -o "$work/dice-cc.so" "$work/dice/dice.cpp" \
    $(pkg-config --libs chatd-sdk) -Wl,--version-script="$(pkg-config --variable=plugin_map chatd-sdk)" ||
    fail "dice does not build with c++"
one_symbol "$work/dice-cc.so"

# The headers come from the prefix, not from wherever the tree may lie.
step "headers of the prefix are used"
"$cc" $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags chatd-sdk) -M \
    "$work/echo/echo.c" | tr ' ' '\n' | grep '/chatd/.*\.h$' >"$work/headers"
while read -r header; do
    dir=$(cd "$(dirname "$header")" && pwd)
    case $dir/ in
    "$prefix"/*) ;;
    *) fail "$header is not below $prefix" ;;
    esac
done <"$work/headers"

# The same for a call that does not exist: it has to fail, and to say so. gcc only warns of such a
# call in C11; what stops it is the linker, because nothing undefined is allowed.
step "a misspelt function is refused"
cp -r "$work/echo" "$work/typo"
sed -i 's/chatd_conn_send(/chatd_conn_sned(/' "$work/typo/echo.c"
grep -q chatd_conn_sned "$work/typo/echo.c" || fail "echo.c has no chatd_conn_send to misspell"
if with_cmake "$prefix" "$work/typo" "$work/typo-build"; then
    fail "a misspelt function builds with cmake"
fi
grep -q 'chatd_conn_sned' "$work/typo-build.log" || {
    cat "$work/typo-build.log"
    fail "the build failed, but not because of the misspelt function"
}
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
if "$cc" -w $(pkg-config --cflags chatd-sdk) -o "$work/typo.so" "$work/typo/echo.c" \
    $(pkg-config --libs chatd-sdk) 2>"$work/typo.so.log"; then
    fail "a misspelt function builds with cc"
fi
grep -q 'chatd_conn_sned' "$work/typo.so.log" || {
    cat "$work/typo.so.log"
    fail "cc failed, but not because of the misspelt function"
}

# A handler of the wrong type must not compile either: that is what the generated calls are for.
step "a handler of the wrong type is refused"
sed 's/struct chatd_ev_message \*msg/struct chatd_ev_login *msg/; s/msg->text/msg->user/' \
    "$work/wordfilter/wordfilter.c" >"$work/wrong.c"
if with_cc "$prefix" "$work/wrong.c" "$work/wrong.so"; then
    fail "a handler of another event's type builds"
fi
grep -q 'chatd_on_message' "$work/wrong.so.log" || {
    cat "$work/wrong.so.log"
    fail "cc failed, but not because of the handler's type"
}

# Only minors that are the same fit while the version is 0.x.
step "another version is refused"
mkdir "$work/newer"
sed 's/find_package(chatd-sdk 0\.4/find_package(chatd-sdk 0.5/' "$work/echo/CMakeLists.txt" \
    >"$work/newer/CMakeLists.txt"
cp "$work/echo/echo.c" "$work/newer/"
if with_cmake "$prefix" "$work/newer" "$work/newer-build"; then
    fail "find_package(chatd-sdk 0.5) takes this SDK"
fi
grep -q 'chatd-sdk' "$work/newer-build.log" || fail "the configuration failed for another reason"

# Nothing in an installed SDK says where it was installed.
step "a moved prefix works"
moved=$work/moved/prefix
mkdir -p "$moved/lib" "$moved/share/chatd"
cp -r "$prefix/include" "$moved/include"
cp -r "$prefix/lib/cmake" "$prefix/lib/pkgconfig" "$prefix/lib/libchatd-testhost.a" "$moved/lib/"
with_cmake "$moved" "$work/echo" "$work/moved-build" || {
    cat "$work/moved-build.log"
    fail "echo does not build with cmake against a moved prefix"
}
one_symbol "$work/moved-build/echo.so"
grep -rq "$moved/" "$work/moved-build/CMakeFiles/echo.dir/flags.make" ||
    fail "the moved prefix is not the one that was used"
with_cc "$moved" "$work/echo/echo.c" "$work/moved.so" || {
    cat "$work/moved.so.log"
    fail "echo does not build with cc against a moved prefix"
}
if grep -rn "$prefix" "$moved/lib"; then
    fail "the SDK's files above name the prefix they were installed to"
fi

if [ -n "$out_file" ]; then
    printf '%s\n' "$plugins" >"$out_file"
fi
echo "ok"
