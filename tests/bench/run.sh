#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares chatd's fan-out with bench_floor's in one run and reads what an idle connection costs.
# Settings, all optional, from the environment:
#   REPEAT=5 SECONDS_EACH=3     repetitions, and how long each sends
#   CASES="1x1000x1"            rooms x members x messages in flight, any number of them
#   SWEEPS="0 50"               --sweep-ms values, see README.md
#   WORKERS=0                   chatd's workers; 0 is one process, as the reference is
#   IDLE_CONNS=10000            0 leaves the idle part out
#   OUT=FILE                    one line of JSON for each run; without it they are dropped
#   INI_EXTRA=FILE              lines for the end of the generated chatd.ini
#   CHATD=... BENCH=...         the program, and the folder of bench_load and bench_floor
set -eu
cd "$(dirname "$0")/../.."
: "${REPEAT:=5}" "${SECONDS_EACH:=3}" "${CASES:=1x1000x1}" "${SWEEPS:=0 50}" "${WORKERS:=0}"
: "${IDLE_CONNS:=10000}" "${OUT:=/dev/null}" "${INI_EXTRA:=}"
: "${CHATD:=build/release/bin/chatd}" "${BENCH:=build/bench}"

temp=$(mktemp -d)
floor_pid='' chatd_pid=''

say() { printf '%s\n' "run.sh: $*" >&2; }

# A master that was killed hard cannot stop its workers, so they are noted while it lives.
stop() {
    [ -n "$1" ] || return 0
    children=$(cat "/proc/$1/task/$1/children" 2>/dev/null || true)
    kill -TERM "$1" 2>/dev/null || true
    tries=0
    while kill -0 "$1" 2>/dev/null && [ $tries -lt 50 ]; do
        sleep 0.2
        tries=$((tries + 1))
    done
    if kill -0 "$1" 2>/dev/null; then
        say "process $1 did not stop within 10 s and is killed"
        # shellcheck disable=SC2086 # a list of numbers
        kill -KILL "$1" $children 2>/dev/null || true
    fi
    wait "$1" 2>/dev/null || true
}

finish() {
    status=$?
    trap - EXIT INT TERM
    stop "$floor_pid"
    stop "$chatd_pid"
    if [ $status -ne 0 ] && [ -s "$temp/chatd.log" ]; then
        say "the end of chatd's log:"
        tail -n 20 "$temp/chatd.log" >&2
    fi
    rm -rf "$temp"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# The reference answers only upgrades, so a connection that is accepted is enough there.
wait_for() { # pid, port, path or nothing
    python3 - "$@" <<'PY'
import os, socket, sys, time, urllib.request
pid, port, path = int(sys.argv[1]), int(sys.argv[2]), (sys.argv[3:] or [""])[0]
end, why = time.monotonic() + 20, "nothing tried"
while time.monotonic() < end:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        sys.exit(f"run.sh: process {pid} ended before it was ready")
    try:
        if path:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
        else:
            socket.create_connection(("127.0.0.1", port), 2).close()
        sys.exit(0)
    except OSError as error:
        why = error
    time.sleep(0.05)
sys.exit(f"run.sh: port {port} is not ready after 20 s: {why}")
PY
}

start_floor() {
    floor_port=$(free_port)
    "$BENCH/bench_floor" "$floor_port" &
    floor_pid=$!
    wait_for "$floor_pid" "$floor_port"
}

start_chatd() {
    chatd_port=$(free_port)
    cat >"$temp/chatd.ini" <<INI
[chatd]
listen = 127.0.0.1:$chatd_port
core_dumps = on
workers = $WORKERS

[plugins]
rooms = on
typing = on
auth = off
history-sqlite = off
history-redis = off
static = off

[rooms]
message_rate = 0
message_rate_user = 0
message_rate_address = 0
message_rate_room = 0
byte_rate_user = 0
join_rate_user = 0
join_rate_address = 0
signal_rate_user = 0
INI
    [ -z "$INI_EXTRA" ] || cat "$INI_EXTRA" >>"$temp/chatd.ini"
    "$CHATD" -c "$temp/chatd.ini" >>"$temp/chatd.log" 2>&1 &
    chatd_pid=$!
    wait_for "$chatd_pid" "$chatd_port" /livez
}

field() { # name: its number in a line of JSON on stdin
    sed -n "s/.*\"$1\":\([-0-9.]*\)[,}].*/\1/p"
}

median() {
    sort -n | awk '{ v[NR] = $1 } END { if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

keep() { # server, line of JSON
    printf '%s\n' "$2" | sed "s/^{/{\"server\":\"$1\",/" >>"$OUT"
}

measure() { # server, pid, port, case, sweep
    rooms=${4%%x*} inflight=${4##*x} members=${4#*x}
    members=${members%x*}
    line=$("$BENCH/bench_load" fanout --port "$3" --pid "$2" --rooms "$rooms" --members "$members" \
        --inflight "$inflight" --seconds "$SECONDS_EACH" --sweep-ms "$5")
    keep "$1" "$line"
    for name in server_cpu_s_per_million client_cpu_s_per_million deliveries_per_s; do
        printf '%s\n' "$line" | field "$name" >>"$temp/$1.$4.$5.$name"
    done
    for name in lost doubled reordered; do
        printf '%s\n' "$line" | field "$name" >>"$temp/$1.$4.$5.wrong"
    done
}

row() { # case, sweep
    for server in floor chatd; do
        name="$temp/$server.$1.$2"
        [ -s "$name.wrong" ] || continue
        cpu=$(median <"$name.server_cpu_s_per_million")
        ratio=1 paired=1
        if [ $server = chatd ]; then
            ratio=$(echo "$cpu $floor_cpu" | awk '{ printf "%.3f", $1 / $2 }')
            paired=$(paste "$name.server_cpu_s_per_million" \
                "$temp/floor.$1.$2.server_cpu_s_per_million" | awk '{ print $1 / $2 }' | median |
                awk '{ printf "%.3f", $1 }')
        else
            floor_cpu=$cpu
        fi
        printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$2" $server "$cpu" "$ratio" \
            "$paired" "$(median <"$name.client_cpu_s_per_million")" \
            "$(median <"$name.deliveries_per_s")" "$(awk '{ n += $1 } END { print n }' "$name.wrong")"
    done
}

idle() { # server, pid, port
    line=$("$BENCH/bench_load" idle --port "$3" --pid "$2" --conns "$IDLE_CONNS")
    keep "$1" "$line"
    printf '| %s | %s | %s | %s |\n' "$1" "$(echo "$line" | field conns)" \
        "$(echo "$line" | field private_bytes_per_conn)" \
        "$(echo "$line" | field private_bytes_per_conn_second_half)"
}

[ "$OUT" = /dev/null ] || : >"$OUT"
have_chatd=yes
if [ ! -x "$CHATD" ]; then
    say "no $CHATD: only the reference is measured"
    have_chatd=
fi
start_floor
[ -z "$have_chatd" ] || start_chatd
for one in $CASES; do
    for sweep in $SWEEPS; do
        i=0
        while [ $i -lt "$REPEAT" ]; do
            measure floor "$floor_pid" "$floor_port" "$one" "$sweep"
            [ -z "$have_chatd" ] || measure chatd "$chatd_pid" "$chatd_port" "$one" "$sweep"
            i=$((i + 1))
        done
    done
done
echo '| case | sweep ms | server | CPU s/M | ratio | paired ratio | generator CPU s/M | deliveries/s | lost + doubled + reordered |'
echo '|---|---|---|---|---|---|---|---|---|'
for one in $CASES; do
    for sweep in $SWEEPS; do
        row "$one" "$sweep"
    done
done

# Fresh processes: what the load above made them allocate would hide what connections cost.
[ "$IDLE_CONNS" -gt 0 ] || exit 0
stop "$floor_pid"
floor_pid=
stop "$chatd_pid"
chatd_pid=
echo
echo '| server | idle connections | private bytes each | each of the second half |'
echo '|---|---|---|---|'
if [ -n "$have_chatd" ]; then
    start_chatd
    idle chatd "$chatd_pid" "$chatd_port"
fi
start_floor
idle floor "$floor_pid" "$floor_port"
