# SPDX-License-Identifier: MIT
"""Other servers, set up to be compared with: parts of the table of goals."""
import contextlib
import functools
import os
import pathlib
import resource
import shlex
import shutil
import subprocess
import sys

import lab
from lab import HEAD, cost_row, free_port, in_turn, shape, wrong

HERE = pathlib.Path(__file__).parent / "peers"
PLACE = lab.ROOT / "build" / "peers"
WS = lab.ROOT / "build" / "client" / "node_modules" / "ws" / "wrapper.mjs"
NCHAN = """
load_module {modules}/ngx_nchan_module.so;
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /ws {{
            nchan_pubsub websocket;
            nchan_channel_id $arg_room;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"""
IDLE, BYTES = 10000, "private_bytes_per_conn"


class Missing(Exception):
    """What is not here, and how to get it."""


def build_go():
    """The Go server, built with Debian's libraries and nothing from the network."""
    if not shutil.which("go"):
        raise Missing("no Go: sh etc/packages.sh bench")
    PLACE.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
           "GOCACHE": str(lab.ROOT / "build" / "go-cache")}
    done = subprocess.run(["go", "build", "-o", PLACE / "go", HERE / "go" / "main.go"], env=env)
    if done.returncode != 0:
        raise Missing("the Go server could not be built: sh etc/packages.sh bench")
    return PLACE / "go"


def start_go(room):
    program = build_go()
    store = lab.start_redis(room.stack, room.folder / "go-redis", "everysec")
    port = free_port()
    target = lab.start_program(room.stack, "go + redis", [program, port, store.address], port)
    target.pids.append(store.process.pid)
    return target


def start_chatd_on_redis(room):
    store = lab.start_redis(room.stack, room.folder / "chatd-redis", "everysec")
    return lab.start_chatd(room.stack, room.folder, "chatd + redis",
                           plugins={"history-sqlite": "off", "history-redis": "on"},
                           sections={"history-redis": {"address": store.address}}, pids=[store.process.pid])


def missing(why):
    """A part that cannot be run says so in its table, too."""
    print(f"table.py: {why}", file=sys.stderr)
    return [HEAD, (f"not run: {why}", "-", "-", "-", "-", "-")]


def redis(room):
    """chatd and its Redis against a plain server and its own: the CPU of both together."""
    try:
        go = start_go(room)
    except Missing as what:
        return missing(what)
    chatd = start_chatd_on_redis(room)
    for target in (go, chatd):  # what is done only once is done now
        lab.load(target, "fanout", rooms=10, members=10, inflight=8, seconds=1)
    rows = [HEAD]
    for case, goal in (("10x10x1", "0.5"), ("10x10x8", "0.25"), ("1x1000x8", "0.25"), ("100x1x1", "0.3")):
        runs = room.compare("redis", case, [go, chatd], **shape(case), sweep_ms=0 if "x1x" in case else 50)
        rows.append(cost_row(case, goal, runs, chatd.name, go.name))
    return rows


def start_node(stack, _):
    if not shutil.which("node") or not WS.exists():
        raise Missing("no node with the package ws: sh tests/client/packages.sh")
    port = free_port()
    return lab.start_program(stack, "node ws", ["node", HERE / "node" / "server.mjs", port, WS], port)


def start_nchan(stack, folder):
    """Passes on what was published as it came, to all of a channel."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    modules = pathlib.Path(program or "/usr/sbin/nginx").resolve().parents[1] / "lib" / "nginx" / "modules"
    if not program or not (modules / "ngx_nchan_module.so").exists():
        raise Missing("no nginx with nchan: apt-get install libnginx-mod-nchan")
    folder.mkdir(parents=True, exist_ok=True)
    port, files = free_port(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    config = folder / "nginx.conf"
    config.write_text(NCHAN.format(modules=modules, folder=folder, port=port, files=files, connections=files - 100))
    return lab.start_program(stack, "nchan", [program, "-p", folder, "-c", config], port)


def start_command(name, command, stack, _):
    port = free_port()
    return lab.start_program(stack, name, shlex.split(command.replace("{port}", str(port))), port)


def start_chatd(stack, folder):
    return lab.start_chatd(stack, folder, "chatd")


def usable(room, name, start):
    """Does it start, and does it understand what the generator says? Why not is said."""
    try:
        with contextlib.ExitStack() as stack:
            lab.load(start(stack, room.folder / name), "fanout", rooms=10, members=10, inflight=8, seconds=1)
    except (Missing, OSError, subprocess.TimeoutExpired, SystemExit) as why:
        print(f"table.py: {name} is left out: {why}", file=sys.stderr)
        return str(why)
    return ""


def known():
    """Those that are set up here, and PEER_<NAME>=command of the environment."""
    servers = {"node ws": start_node, "nchan": start_nchan}
    for variable, command in sorted(os.environ.items()):
        if variable.startswith("PEER_"):
            name = variable[len("PEER_"):].lower()
            servers[name] = functools.partial(start_command, name, command)
    return servers


def idle_runs(room, servers):
    """Fresh processes for each run."""
    def step(name):
        with contextlib.ExitStack() as stack:
            target = servers[name](stack, room.folder / "idle" / name)
            room.results.add("peers", "idle", lab.load(target, "idle", conns=IDLE, rooms=10))
    in_turn(room.repeat, list(servers), step)
    return {name: room.results.of("peers", "idle", name) for name in servers}


def peer_row(work, runs, name, field, digits):
    """A row of cost_row(); where a peer lost something, its figure says so."""
    row = list(cost_row(work, "-", runs, "chatd", name, field, digits))
    if wrong(runs[name]) != wrong([]):
        row[3] += f" ({wrong(runs[name])} wrong)"
    return tuple(row)


def peers(room):
    """The same messages through servers that do less: no accounts, no order, no store."""
    starts = known()
    left_out = {name: why for name, start in starts.items() if (why := usable(room, name, start))}
    servers = {"chatd": start_chatd, **{name: start for name, start in starts.items() if name not in left_out}}
    rows = [HEAD, *((f"{name}, not run: {why}", "-", "-", "-", "-", "-") for name, why in left_out.items())]
    if len(servers) == 1:
        return rows
    others = list(servers)[1:]
    targets = [start(room.stack, room.folder / name) for name, start in servers.items()]
    for case in ("10x10x1", "10x10x8", "1x1000x1", "1x1000x8", "100x1x1"):
        runs = room.compare("peers", case, targets, **shape(case), sweep_ms=0 if "x1x" in case else 50)
        rows += [peer_row(f"{name}, {case}", runs, name, "server_cpu_s_per_million", 2) for name in others]
    runs = room.compare("peers", "handshake", targets, "connect", conns=5000, rooms=100)
    rows += [peer_row(f"{name}, us per handshake", runs, name, "server_cpu_us_per_handshake", 1) for name in others]
    runs = idle_runs(room, servers)
    return rows + [peer_row(f"{name}, bytes of an idle connection", runs, name, BYTES, 0) for name in others]
