# SPDX-License-Identifier: MIT
"""Other servers, set up to be compared with: parts of the table of goals."""
import os
import pathlib
import shutil
import subprocess
import sys

import lab
from lab import HEAD, cost_row, free_port, shape

HERE = pathlib.Path(__file__).parent / "peers"
PLACE = lab.ROOT / "build" / "peers"


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
