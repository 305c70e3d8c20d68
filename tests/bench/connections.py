# SPDX-License-Identifier: MIT
"""What connections cost: parts of the table of goals."""
import contextlib
import math
import pathlib
import resource
import time

import lab
from lab import HEAD, cost_row, in_turn, middle, paired, wrong

HANDSHAKES, ROOMS = 10000, 100
IDLE, MANY, WORKERS = 10000, 100000, 8
BYTES = "private_bytes_per_conn"


def handshake(room):
    """A whole connection: accept, upgrade with the login checked, join, and its end."""
    floor = lab.start_floor(room.stack)
    chatd = lab.start_chatd(room.stack, room.folder, "chatd")
    for target in (floor, chatd):  # what is done only once is done now
        lab.load(target, "connect", conns=500)
    rows = [HEAD]
    for dialect in ("classic", "v1"):
        runs = room.compare("handshake", dialect, [floor, chatd], "connect", dialect=dialect, conns=HANDSHAKES,
                            rooms=ROOMS)
        rows.append(cost_row(f"{dialect}, us each", "50 us", runs, "chatd", "floor", "server_cpu_us_per_handshake", 1))
    return rows


def idle_row(room, dialect):
    """Fresh processes each time: what earlier connections made them allocate would hide what these cost."""
    def step(name):
        with contextlib.ExitStack() as stack:
            target = lab.start_floor(stack) if name == "floor" else lab.start_chatd(stack, room.folder, name)
            run = lab.load(target, "idle", conns=IDLE, rooms=10, dialect=dialect)
        room.results.add("idle", dialect, run)

    def bytes_each(runs):
        return f"{middle(runs, BYTES):.0f} ({middle(runs, BYTES + '_second_half'):.0f})"
    in_turn(room.repeat, ["floor", "chatd"], step)
    floor, chatd = (room.results.of("idle", dialect, name) for name in ("floor", "chatd"))
    return (f"{IDLE} {dialect}, bytes each (of the second half)", "350", bytes_each(chatd), bytes_each(floor),
            f"{paired(chatd, floor, BYTES):.2f}", wrong(chatd))


def available_bytes():
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def many_row(room):
    """More than one process may have descriptors for, on either side."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    work = f"{MANY} classic, {WORKERS} workers, bytes each"
    if limit < 1.3 * MANY / WORKERS:  # the kernel deals connections out by chance
        return (work, "350", f"not run: a process may have {limit} descriptors", "-", "-", "-")
    if available_bytes() < MANY * 32768:
        return (work, "350", "not run: too little memory for the sockets", "-", "-", "-")
    generators = math.ceil(MANY / min(MANY, limit - 100))
    with contextlib.ExitStack() as stack:
        chatd = lab.start_chatd(stack, room.folder, "many", workers=WORKERS)
        time.sleep(2)  # what a start leaves to be done
        before = lab.memory(chatd.pids)
        for _ in range(generators):
            stack.enter_context(lab.held(chatd, conns=MANY // generators, rooms=10, sources=50))
        time.sleep(2)
        each = (lab.memory(chatd.pids) - before) / (MANY // generators * generators)
    room.results.keep({"part": "idle", "case": "many", "target": "chatd", "workers": WORKERS,
                       "generators": generators, BYTES: round(each, 1)})
    return (work, "350", f"{each:.0f}", "-", "-", "-")


def idle(room):
    return [HEAD, idle_row(room, "classic"), idle_row(room, "v1"), many_row(room)]


def pings_once(room, target):
    seconds = max(6, room.seconds)
    with lab.held(target, conns=IDLE, rooms=10) as crowd:
        time.sleep(2)  # the first ones are for those who came early
        before, cpu = crowd.ask(), lab.cpu_s(target.pids)
        time.sleep(seconds)
        cpu = lab.cpu_s(target.pids) - cpu
        after = crowd.ask()
    pings = after["pings"] - before["pings"]
    room.results.add("pings", "2 s", {"target": target.name, "pings": pings, "seconds": seconds,
                                      "closed": after["closed"],
                                      "cpu_us": round(cpu / max(1, pings) * 1e6, 2)})


def pings(room):
    """Silent connections that are all asked every two seconds. chatd looks at a pong only when it would be late."""
    floor = lab.start_floor(room.stack, "--ping-ms", 2000)
    chatd = lab.start_chatd(room.stack, room.folder, "chatd", core={"ping_interval": "2s", "pong_timeout": "2s"})
    in_turn(room.repeat, [floor, chatd], lambda target: pings_once(room, target))
    runs = {target.name: room.results.of("pings", "2 s", target.name) for target in (floor, chatd)}
    return [HEAD, cost_row(f"{IDLE} connections, us per ping", "1.2", runs, "chatd", "floor", "cpu_us")]
