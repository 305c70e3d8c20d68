#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the tests. Installs what they need, builds, and ends with a summary whose last line is
# `N passed, N failed`. Logs are in build/test-logs/. After installing, nothing leaves the machine.
#
#   sh tests/run.sh                  everything
#   sh tests/run.sh PART             build, unit, tsan, fuzz, sdk, package, client, integration,
#                                    chaos, browser, containers or lint
#   sh tests/run.sh fuzz DURATION    libFuzzer on each target for so long, then random clients: 60, 30s, 5m, 1h
#   sh tests/run.sh attack           floods from this machine for five minutes, and figures; not in everything
#   sh tests/run.sh chaos DURATION   faults on each store for so long; CHATD_CHAOS_SEED: those of an
#                                    earlier run
#   sh tests/run.sh analyze          clang-tidy and gcc -fanalyzer over all sources
#   sh tests/run.sh memcheck         a chatd under valgrind: unit tests, and those of the protocol
#   sh tests/run.sh races            a chatd built with the thread sanitizer: tests of accounts and stores
set -u

cd "$(dirname "$0")/.." || exit 1
root=$PWD
logs=$root/build/test-logs
python=/usr/bin/python3
jobs=$(nproc)
part_limit=2400 # seconds; a part that hangs is ended

usage() {
    parts='build|unit|tsan|fuzz [DURATION]|sdk|package|client|integration|chaos [DURATION]|attack|browser'
    echo "usage: sh tests/run.sh [$parts|containers|lint|analyze|memcheck|races]" >&2
    exit 2
}

# seconds DURATION
seconds() {
    case $1 in
    *[!0-9smh]* | '' | [smh]*) usage ;;
    *h) echo $((${1%h} * 3600)) ;;
    *m) echo $((${1%m} * 60)) ;;
    *) echo "${1%s}" ;;
    esac
}

# Settings of the user's own server are not the tests'.
unset CHATD_CONFIG CHATD_LISTEN REDIS_ADDR
export PYTHONDONTWRITEBYTECODE=1
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

# -- steps ----------------------------------------------------------------------------------------

# case_of NAME COMMAND: one test case that is a command.
case_of() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        echo "FAIL  $name"
    fi
}

preset() {
    cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"
}

# variant FOLDER OPTION...: a build that no preset describes.
variant() {
    folder=build/$1
    shift
    cmake -S . -B "$folder" "$@" && cmake --build "$folder" -j "$jobs"
}

# For a part that needs a build: failing to get it is the part's failure.
with_preset() {
    preset "$1" && return 0
    echo "FAIL  the build of preset $1"
    failed=$((failed + 1))
    return 1
}

# For a part that needs the npm packages.
with_npm_packages() {
    sh tests/client/packages.sh && return 0
    echo "FAIL  the npm packages"
    failed=$((failed + 1))
    return 1
}

# smoke PROGRAM: starts without a store, answers, and stops in order.
smoke() {
    dir=$(mktemp -d)
    printf '%s\n' '[chatd]' 'listen = 127.0.0.1:0' '[plugins]' 'auth = on' 'rooms = on' \
        'typing = on' 'static = on' '[auth]' 'jwt_secret = only for a test, only for a test' \
        >"$dir/chatd.ini"
    "$1" -c "$dir/chatd.ini" >"$dir/log" 2>&1 &
    pid=$!
    url=
    tries=0
    while [ -z "$url" ] && [ $tries -lt 200 ] && kill -0 $pid 2>/dev/null; do
        sleep 0.05
        tries=$((tries + 1))
        url=$(sed -n 's|.*listens on \(http://[0-9.:]*\).*|\1|p' "$dir/log")
    done
    good=1
    [ -n "$url" ] && curl -sf "$url/livez" && curl -sf "$url/" >/dev/null || good=0
    kill -TERM $pid 2>/dev/null
    wait $pid || good=0
    cat "$dir/log"
    rm -rf "$dir"
    [ $good -eq 1 ]
}

# ctest_part REGEX: counts the cases inside each cmocka program; a program without cases, and one
# that ends badly without a failed case, count as one.
ctest_part() {
    with_preset asan || return
    out=$logs/$part.ctest
    timeout -k 10 $part_limit ctest --test-dir build/asan -j "$jobs" --timeout 300 -V -R "$1" \
        >"$out" 2>&1
    status=$?
    cat "$out"
    counts=$(awk '
        match($0, /^[0-9]+: \[       OK \] /) { good[$1 + 0]++ }
        match($0, /^[0-9]+: \[  FAILED  \] /) && $0 !~ /test\(s\)/ { bad[$1 + 0, $NF] = $1 + 0 }
        /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
            n = $0
            sub(/.*#/, "", n)
            result[n + 0] = ($0 ~ /   Passed /) ? "passed" : "failed"
        }
        END {
            for (key in bad)
                n_bad[bad[key]]++
            for (n in result) {
                if (result[n] == "failed" && n_bad[n] == 0)
                    n_bad[n] = 1
                if (good[n] + n_bad[n] == 0)
                    good[n] = 1
                passed += good[n]
                failed += n_bad[n]
            }
            print passed + 0, failed + 0
        }' "$out")
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    if [ $status -ne 0 ] || [ $((passed + failed)) -eq 0 ]; then
        [ $failed -gt 0 ] || failed=1
    fi
}

# pytest_part BUILD ARGUMENT...
pytest_part() {
    build=$1
    shift
    out=$logs/$part.pytest
    CHATD_BUILD=$root/build/$build timeout -k 10 $part_limit \
        "$python" -m pytest -q -ra -p no:cacheprovider "$@" >"$out" 2>&1
    count_pytest $?
}

# count_pytest STATUS: from what pytest wrote to $out.
count_pytest() {
    status=$1
    cat "$out"
    # "1 failed, 20 passed, 2 skipped, 1 error in 3.21s"
    line=$(grep -E '[0-9]+ (passed|failed|error|errors|skipped).* in [0-9.]+s' "$out" | tail -n 1)
    count() {
        echo "$line" | grep -oE "[0-9]+ $1" | head -n 1 | grep -oE '[0-9]+' || echo 0
    }
    passed=$((passed + $(count passed)))
    failed=$((failed + $(count failed) + $(count error)))
    skipped=$((skipped + $(count skipped)))
    if [ "$status" -ne 0 ] && [ $failed -eq 0 ]; then
        failed=1
    fi
}

# node_part FILE...: counts the cases inside each file; a file that ends badly counts as one.
node_part() {
    out=$logs/$part.tap
    timeout -k 10 $part_limit node --test --test-reporter=tap "$@" >"$out" 2>&1
    status=$?
    cat "$out"
    # The last such line: what a test prints is a comment too.
    total() {
        count=$(sed -n "s/^# $1 \([0-9]*\)\$/\1/p" "$out" | tail -n 1)
        echo "${count:-0}"
    }
    bad=$(($(total fail) + $(total cancelled)))
    good=$(total pass)
    passed=$((passed + good))
    skipped=$((skipped + $(total skipped) + $(total todo)))
    if [ $bad -eq 0 ] && { [ $status -ne 0 ] || [ "$good" -eq 0 ]; }; then
        bad=1
    fi
    failed=$((failed + bad))
}

# -- parts: each sets passed, failed and skipped; its output goes to its log ----------------------

part_build() {
    case_of "asan" preset asan
    case_of "release" preset release
    case_of "clang without warnings" variant clang -DCMAKE_C_COMPILER=clang \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS=-Werror -DCHATD_TESTS=ON
    case_of "without SQLite" variant no-sqlite -DCMAKE_BUILD_TYPE=Debug -DCHATD_SQLITE=OFF
    case_of "without SQLite: it runs" smoke build/no-sqlite/bin/chatd
}

part_unit() {
    ctest_part '^unit/'
}

part_fuzz() {
    ctest_part '^fuzz/'
}

# What has threads: the jobs, the log, and the plugin that lives in a job. setarch: the sanitizer
# wants its address space where it expects it.
part_tsan() {
    tests='unit_test_job unit_test_log unit_history-sqlite_test_batch'
    # shellcheck disable=SC2086 # a list of words
    if ! { cmake --preset tsan && cmake --build --preset tsan -j "$jobs" --target $tests; }; then
        failed=1
        echo "FAIL  the build of preset tsan"
        return
    fi
    for test in $tests; do
        case_of "$test" timeout 300 setarch "$(uname -m)" -R "build/tsan/bin/$test"
    done
}

# libFuzzer itself; what it finds goes to the logs, new inputs to build/fuzz/corpus. Then clients that do
# anything.
part_fuzzing() {
    if ! { cmake --preset fuzz && cmake --build --preset fuzz -j "$jobs" --target fuzz_targets; }; then
        failed=1
        echo "FAIL  the build of preset fuzz"
        return
    fi
    for source in tests/fuzz/fuzz_*.c; do
        target=${source##*/fuzz_}
        target=${target%.c}
        found=build/fuzz/corpus/$target
        dictionary=tests/fuzz/dict/$target.dict
        [ -e "$dictionary" ] || dictionary=
        mkdir -p "$found"
        case_of "$target for $fuzz_seconds s" "build/fuzz/bin/fuzz_$target" \
            -max_total_time="$fuzz_seconds" -timeout=30 -malloc_limit_mb=2000 -print_final_stats=1 \
            -artifact_prefix="$logs/$target-" ${dictionary:+"-dict=$dictionary"} \
            "$found" "tests/fuzz/corpus/$target"
    done
    with_preset asan || return
    for store in sqlite redis; do
        case_of "random clients on $store for $fuzz_seconds s" env CHATD_BUILD="$root/build/asan" \
            "$python" tests/chaos/verbs.py --store $store --seconds "$fuzz_seconds"
    done
}

part_sdk() {
    with_preset release || return
    rm -rf build/prefix
    if ! cmake --install build/release --prefix "$root/build/prefix" >/dev/null; then
        failed=1
        echo "FAIL  installing"
        return
    fi
    for script in tests/sdk/*.sh; do
        case $script in
        */test_out_of_tree.sh) case_of "$script" sh "$script" "$root/build/prefix" ;;
        *) case_of "$script" sh "$script" ;;
        esac
    done
    # What an author does, with the chatd that an author has; what needs plugins of the tests is part of integration.
    pytest_part release tests/sdk/test_first_plugin.py tests/sdk/test_debugging.py -k "not messages"
    grep '^SKIPPED' "$out" >>"$logs/tails"
}

# Why something was skipped is shown, as a whole bare root is easily missed.
part_package() {
    with_preset release || return
    pytest_part release tests/package
    grep '^SKIPPED' "$out" >>"$logs/tails"
}

# The web client without a browser: its types, and those of its modules that know no DOM.
part_client() {
    with_npm_packages || return
    case_of "types" node build/client/node_modules/typescript/bin/tsc -p tests/client/tsconfig.json
    node_part tests/client/*.test.mjs
}

part_integration() {
    with_preset asan || return
    # Only the test of the client's library needs them; without them it fails, and the others run.
    with_npm_packages
    # They wait more than they compute.
    pytest_part asan -n $((jobs + jobs / 2)) tests/integration tests/conformance tests/sdk
}

# What dies under load.
part_chaos() {
    with_preset asan || return
    pytest_part asan -n "$jobs" tests/chaos
}

# Both stores at a time; what they met is shown as it is.
part_endurance() {
    with_preset asan || return
    export CHATD_CHAOS_SECONDS="$chaos_seconds"
    part_limit=$((2 * chaos_seconds + 600))
    pytest_part asan -n 2 -rP tests/chaos/test_faults.py
    grep -E '^(seed |round |sqlite|redis|faults|lost|doubled|    )' "$out" >>"$logs/tails"
}

# Floods while two people chat; the figures are shown.
part_attack() {
    with_preset release || return
    if ! { cmake -S tests/attack -B build/attack && cmake --build build/attack; }; then
        echo "FAIL  the build of the attacker"
        failed=1
        return
    fi
    pytest_part release tests/attack
    sed -n 's/^figure: /attack: /p' "$out" >>"$logs/tails"
}

part_browser() {
    # selenium asks for its driver by this name, and without it each test would wait for nothing.
    if ! getent hosts localhost; then
        echo "FAIL  \"localhost\" has no address here: /etc/hosts wants a line 127.0.0.1 localhost"
        failed=1
        return
    fi
    with_npm_packages || return
    with_preset release || return
    pytest_part release -n 2 tests/browser
}

# The image, the compose file and nginx.conf, in a container engine. Figures are shown, and why it was skipped.
part_containers() {
    out=$logs/$part.pytest
    timeout -k 120 $part_limit sh tests/containers/run.sh >"$out" 2>&1
    status=$?
    if [ $status -eq 77 ]; then
        cat "$out"
        skipped=1
        grep '^skipped: ' "$out" | tail -n 1 | sed 's/^/containers /' >>"$logs/tails"
        return
    fi
    count_pytest $status
    sed -n 's/^figure: /containers: /p' "$out" >>"$logs/tails"
}

# What a tool says that ends with `N passed, N failed`.
count_line() {
    line=$(tail -n 1 "$1")
    case $line in
    *' passed, '*' failed')
        passed=$((passed + ${line%% *}))
        line=${line#*, }
        failed=$((failed + ${line%% *}))
        ;;
    *) failed=$((failed + 1)) ;;
    esac
}

part_analyze() {
    with_preset asan || return
    out=$logs/$part.checks
    CHATD_BUILD=build/asan "$python" tests/analyze.py >"$out" 2>&1
    cat "$out"
    count_line "$out"
}

# The unit tests in a build without sanitizers, then whole servers.
part_memcheck() {
    with_preset dev || return
    part_limit=7200
    for test in build/dev/bin/unit_*; do
        # valgrind keeps its one lock while F_OFD_SETLKW waits for another thread's lock.
        if [ "$test" = build/dev/bin/unit_history-sqlite_test_peers ]; then
            skipped=$((skipped + 1))
            echo "skip  $test: waits for locks of files in threads"
            continue
        fi
        case_of "$test" timeout -k 10 900 valgrind --quiet --error-exitcode=99 --leak-check=full \
            --errors-for-leak-kinds=definite "$test"
    done
    out=$logs/$part.pytest
    CHATD_BUILD=build/dev timeout -k 10 $part_limit sh tests/memcheck.sh >"$out" 2>&1
    count_pytest $?
}

# Whatever has threads: password hashes, the stores, files of the page, jobs of plugins that know no better.
part_races() {
    with_preset tsan || return
    part_limit=3600
    export CHATD_TEST_DEADLINE="${CHATD_TEST_DEADLINE:-120}"
    export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=0}"
    pytest_part tsan -n "$jobs" tests/integration/test_accounts.py tests/integration/test_sessions.py \
        tests/integration/test_store.py tests/integration/test_static_files.py \
        tests/integration/test_classic.py tests/integration/test_log.py tests/sdk/test_rogue_jobs.py \
        tests/sdk/test_minors.py::test_timers_posts_jobs_and_watches \
        tests/sdk/test_debugging.py::test_the_thread_sanitizer_names_the_line_of_the_plugin
}

part_lint() {
    with_preset release || return
    out=$logs/$part.checks
    CHATD_BUILD=build/release sh tests/lint.sh >"$out" 2>&1
    cat "$out"
    count_line "$out"
}

# -- the run --------------------------------------------------------------------------------------

groups='build test'
case ${1:-all} in
all)
    parts='build unit tsan fuzz sdk package client integration chaos browser containers lint'
    groups='build test browser package package-test'
    ;;
browser | containers)
    parts=$1
    groups='build test browser'
    ;;
package)
    parts=package
    groups='build test package package-test'
    ;;
fuzz)
    parts=fuzz
    if [ $# -gt 1 ]; then
        fuzz_seconds=$(seconds "$2") || exit 2
        parts=fuzzing
    fi
    ;;
chaos)
    parts=chaos
    if [ $# -gt 1 ]; then
        chaos_seconds=$(seconds "$2") || exit 2
        parts=endurance
    fi
    ;;
analyze | memcheck | races)
    parts=$1
    groups='build test analysis'
    ;;
build | unit | tsan | sdk | client | integration | attack | lint) parts=$1 ;;
*) usage ;;
esac
[ $# -le 1 ] || [ "$1" = fuzz ] || [ "$1" = chaos ] || usage

# shellcheck disable=SC2086 # a list of words
sh etc/packages.sh $groups || exit 1
mkdir -p "$logs"
: >"$logs/summary"
: >"$logs/tails"
all_passed=0
all_failed=0
begin=$(date +%s)
for part in $parts; do
    echo "running $part ..."
    passed=0
    failed=0
    skipped=0
    start=$(date +%s)
    "part_$part" >"$logs/$part.log" 2>&1
    printf '%-12s %7d %7d %8d %8d\n' "$part" $passed $failed $skipped $(($(date +%s) - start)) \
        >>"$logs/summary"
    if [ $failed -gt 0 ]; then
        {
            echo "---- the end of build/test-logs/$part.log"
            grep -E '^(FAIL |FAILED |ERROR )|error: ' "$logs/$part.log" | head -n 40
            echo ...
            tail -n 30 "$logs/$part.log"
            echo
        } >>"$logs/tails"
    fi
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
done

cat "$logs/tails"
printf '\n%-12s %7s %7s %8s %8s\n' part passed failed skipped seconds
cat "$logs/summary"
printf '%-12s %7s %7s %8s %8d\n' all '' '' '' $(($(date +%s) - begin))
echo "$all_passed passed, $all_failed failed"
[ $all_failed -eq 0 ]
