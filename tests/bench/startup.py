# SPDX-License-Identifier: MIT
"""How soon a chatd as it is shipped serves, and how large it is then: a part of the table of goals."""
import contextlib
import os
import statistics
import subprocess
import time
import urllib.error
import urllib.request

import lab
from lab import HEAD, free_port, in_turn, wait_until
from server import CHATD, children_of, clean_env

NEW, OLD, ONE = "new database", "old database", "one worker"


def until(condition, begin):
    """Milliseconds from `begin` until condition() holds; looks every 0.2 ms."""
    while not condition():
        if time.monotonic() - begin > 20:
            raise AssertionError("chatd does not serve after 20 s")
        time.sleep(0.0002)
    return (time.monotonic() - begin) * 1000


def ready(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def running(folder, port, **more):
    """etc/chatd.ini as it stands, but for the port and the place of the database."""
    env = clean_env({"CHATD_LISTEN": f"127.0.0.1:{port}",
                     "CHATD_HISTORY_SQLITE_PATH": str(folder / "chatd.db"), **more})
    with open(folder / "log", "ab") as log:
        begin = time.monotonic()
        process = subprocess.Popen([CHATD, "-c", lab.ROOT / "etc" / "chatd.ini"], env=env, stdout=log, stderr=log)
    try:
        yield process, begin
    finally:
        lab.end(process, 20)


def start_once(room, folder, case):
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    more = {"CHATD_WORKERS": "1"} if case == ONE else {}
    with running(folder, port, **more) as (process, begin):
        accepts = until(lambda: lab.answers(port), begin)
        serves = until(lambda: ready(port, "/livez"), begin)
        wait_until(lambda: ready(port, "/readyz"), 60, "readiness")
        workers = max(lab.memory([pid]) for pid in children_of(process.pid))
        run = {"accepts_ms": round(accepts, 2), "serves_ms": round(serves, 2), "worker_bytes": workers,
               "tree_bytes": lab.memory([process.pid])}
    room.results.add("start", case, {"target": "chatd", **run})


def start_floor(room):
    """The time that starting any program takes here."""
    with contextlib.ExitStack() as stack:
        port = free_port()
        begin = time.monotonic()
        process = subprocess.Popen([lab.BENCH / "bench_floor", str(port)])
        stack.callback(lab.end, process)
        run = {"accepts_ms": round(until(lambda: lab.answers(port), begin), 2)}
        wait_until(lambda: lab.memory([process.pid]) > 0)
        run["worker_bytes"] = lab.memory([process.pid])
    room.results.add("start", "floor", {"target": "floor", **run})


def start(room):
    def step(case):
        if case == "floor":
            start_floor(room)
            return
        start_once(room, room.folder / (os.urandom(4).hex() if case == NEW else OLD), case)
    start_once(room, room.folder / OLD, "the first, not counted")
    in_turn(room.repeat, ["floor", NEW, OLD, ONE], step)

    def figure(case, target, field, unit=1.0):
        return statistics.median(run[field] for run in room.results.of("start", case, target)) / unit
    floor_ms = figure("floor", "floor", "accepts_ms")
    floor_mib = figure("floor", "floor", "worker_bytes", 2 ** 20)
    rows = [HEAD]
    for case in (NEW, OLD):
        for field, what in (("accepts_ms", "a connection is accepted"), ("serves_ms", "a request is answered")):
            ms = figure(case, "chatd", field)
            rows.append((f"{case}, ms until {what}", "50", f"{ms:.1f}", f"{floor_ms:.1f}", f"{ms / floor_ms:.1f}", "-"))
    mib = figure(ONE, "chatd", "worker_bytes", 2 ** 20)
    rows.append(("private MiB of the worker, if there is one", "8 MB", f"{mib:.2f}", f"{floor_mib:.2f}",
                 f"{mib / floor_mib:.1f}", "-"))
    return rows
