# SPDX-License-Identifier: MIT
"""Everybody comes back at once, as after a restart of what is in front of chatd: a part of the table of goals."""
import contextlib
import http.client
import json
import statistics
import subprocess
import time

import lab
from lab import HEAD

CLIENTS, ROOMS, A_SECOND = 10000, 10, 2500
STORED, MISSED = 200, 100  # of each room; what was missed is in the ring
HONEST = {"dialect": "v1", "rooms": 10, "members": 10, "rate": 100}


def room_names(run):
    return [f"b{run:08x}-{i}" for i in range(ROOMS)]


def tops(target, run):
    """(epoch, the last seq of each room)."""
    found = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)) as connection:
        for name in room_names(run):
            connection.request("GET", f"/api/v1/rooms/{name}/messages?limit=1", headers={"Cookie": target.cookie})
            found.append(json.load(connection.getresponse()))
    return found[0]["epoch"], [page["top"] for page in found]


def reads(target):
    return target.server.metrics()["chatd_rooms_store_reads_total"]


def storm_once(room, chatd, run):
    lab.load(chatd, "fanout", dialect="v1", run=run, rooms=ROOMS, members=1, messages=STORED * ROOMS, seconds=600)
    alone = lab.load(chatd, "open", seconds=4, **HONEST)
    epoch, last = tops(chatd, run)
    since = min(last) - MISSED
    expected = sum(top - since for top in last) * (CLIENTS // ROOMS)
    before = reads(chatd)
    honest = subprocess.Popen(lab.load_command(chatd, "open", seconds=8, **HONEST), stdout=subprocess.PIPE)
    try:
        time.sleep(1.5)
        with lab.held(chatd, dialect="v1", run=run, rooms=ROOMS, conns=CLIENTS, connect_rate=A_SECOND,
                      since=json.dumps({"epoch": epoch, "seq": since})) as crowd:
            after = reads(chatd)
        met = json.loads(honest.communicate(timeout=120)[0])
    finally:
        honest.kill()
        honest.wait()
    room.results.add("storm", "resume", {
        "target": "chatd", "seconds": crowd.joined["seconds"], "missing": expected - crowd.joined["deliveries"],
        "doubled": crowd.joined["doubled"], "reordered": crowd.joined["reordered"], "closed": crowd.joined["closed"],
        "store_reads": after - before, "p99_us": met["p99_us"], "alone_p99_us": alone["p99_us"],
        "honest_lost": met["lost"]})


def storm(room):
    """All clients of ten rooms resume, 2,500 a second, while others talk."""
    chatd = lab.start_chatd(room.stack, room.folder, "chatd", sections={})
    for i in range(room.repeat):
        storm_once(room, chatd, 1 + i)
    runs = room.results.of("storm", "resume", "chatd")

    def figure(field):
        return statistics.median(run[field] for run in runs)
    lost = "/".join(str(sum(run[name] for run in runs)) for name in ("missing", "doubled", "reordered", "closed"))
    return [HEAD,
            (f"{CLIENTS} clients resume, s until all are served (missing/doubled/reordered/closed)", "5",
             f"{figure('seconds'):.2f}", "-", "-", lost),
            ("reads of the store meanwhile, of all", "not one each", f"{figure('store_reads'):.0f}", "-", "-", "-"),
            ("p99 of others, ms; reference: without the storm", "250", f"{figure('p99_us') / 1000:.1f}",
             f"{figure('alone_p99_us') / 1000:.1f}", f"{figure('p99_us') / figure('alone_p99_us'):.1f}",
             str(sum(run["honest_lost"] for run in runs)))]
