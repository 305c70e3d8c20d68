# SPDX-License-Identifier: MIT
"""What grows with rooms, members and stored messages: a part of the table of goals."""
import contextlib
import http.client
import json
import time

import lab
from lab import HEAD, in_turn, middle, paired, wrong
from raw_ws import TEXT, RawWs, frame

ROOMS, MEMBERS, MANY_MEMBERS = 10000, 1000, 15000
ONE_ROOM = {"rooms": 1, "path_format": "/ws?room=growth"}
SMALL, LARGE = "small", "large"
DELIVERY, JOIN = "server_cpu_s_per_million", "server_cpu_us_per_handshake"
FEW_STORED, STORED, BIG = 2000, 100000, 1000000
RING = 256  # of the latest messages, which are no question to the store
PAGES, RESUMES, MISSED = 2000, 200, 2 * RING


class Case:
    """The same work twice: `small` and `large` are each a mode of the generator with its settings and, perhaps,
    the connections that are held meanwhile."""

    def __init__(self, work, field, small, large):
        self.work = work
        self.field = field
        self.sizes = {SMALL: small, LARGE: large}

    def run(self, room, target, size):
        mode, settings, hold = self.sizes[size]
        with lab.held(target, **hold) if hold else contextlib.nullcontext():
            room.results.add("growth", f"{self.work}, {size}", lab.load(target, mode, seconds=room.seconds, **settings))

    def growth(self, room, name):
        """(text, growth by repetition) of one server."""
        small, large = (room.results.of("growth", f"{self.work}, {size}", name) for size in (SMALL, LARGE))
        text = f"{middle(small, self.field):.2f} -> {middle(large, self.field):.2f}"
        return text, [{"growth": b[self.field] / a[self.field]} for a, b in zip(small, large)]

    def row(self, room, targets):
        steps = [(target, size) for target in targets for size in (SMALL, LARGE)]
        in_turn(room.repeat, steps, lambda step: self.run(room, *step))
        (reference, before), (chatd, after) = (self.growth(room, target.name) for target in targets)
        runs = [run for size in (SMALL, LARGE) for run in room.results.of("growth", f"{self.work}, {size}", "chatd")]
        return (self.work, "1.2", chatd, reference, f"{paired(after, before, 'growth'):.2f}", wrong(runs))


def cases():
    ten_rooms = {"rooms": 10, "members": 10, "inflight": 1}
    joins = {"rooms": 100, "conns": 5000}
    others = {"rooms": ROOMS, "conns": ROOMS}
    sizes = [{"members": members, "rooms": 1, "inflight": 1} for members in (MEMBERS, MANY_MEMBERS)]
    crowds = [{"conns": members, **ONE_ROOM} for members in (MEMBERS, MANY_MEMBERS)]
    return [
        Case(f"s/M in 10x10x1, alone -> beside {ROOMS} rooms", DELIVERY,
             ("fanout", ten_rooms, None), ("fanout", ten_rooms, others)),
        Case(f"us per join, alone -> beside {ROOMS} rooms", JOIN, ("connect", joins, None), ("connect", joins, others)),
        Case(f"s/M in a room of {MEMBERS} -> {MANY_MEMBERS}", DELIVERY,
             *(("fanout", size, None) for size in sizes)),
        Case(f"us per join of a room of {MEMBERS} -> {MANY_MEMBERS}", JOIN,
             *(("connect", {"conns": 5000, **ONE_ROOM}, crowd) for crowd in crowds))]


def measured(target, count, work):
    """CPU and wall time of work() in microseconds for each of `count`."""
    cpu, begin = lab.cpu_s(target.pids), time.monotonic()
    work()
    wall = time.monotonic() - begin
    return {"cpu_us": round((lab.cpu_s(target.pids) - cpu) / count * 1e6, 1), "wall_us": round(wall / count * 1e6, 1)}


def get(connection, target, query):
    connection.request("GET", f"/api/v1/rooms/growth/messages?{query}", headers={"Cookie": target.cookie})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)


def read_pages(target, top):
    """Pages of 50 from all over the store, oldest first."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)) as connection:
        for i in range(PAGES):
            before = 51 + i * (top - RING - 51) // PAGES
            assert len(get(connection, target, f"limit=50&before={before}")["messages"]) == 50


def next_of(client, kind):
    while (event := json.loads(client.text()))["type"] != kind:
        assert event["type"] != "error", event
    return event


def resume(target, epoch, top):
    """Who has missed more than the ring has comes back, again and again."""
    headers = {"Cookie": target.cookie, "Sec-WebSocket-Protocol": "chatd.v1"}
    since = {"epoch": epoch, "seq": top - MISSED}
    join = {"type": "room.join", "id": "j", "room": "growth", "since": since}
    leave = {"type": "room.leave", "id": "l", "room": "growth"}
    with RawWs(target.server, headers=headers) as client:
        for _ in range(RESUMES):
            client.send(frame(TEXT, json.dumps(join).encode()))
            assert next_of(client, "ack")["recovered"]
            while next_of(client, "message")["seq"] < top:
                pass
            client.send(frame(TEXT, json.dumps(leave).encode()))
            next_of(client, "ack")


def start_filled(room, name, messages):
    """chatd with a room of so many messages. How they were synced changes nothing in what is read."""
    target = lab.start_chatd(room.stack, room.folder, name, sections={
        "history-sqlite": {"synchronous": "normal", "history_max": "10000000"}})
    fill = lab.load(target, "fanout", **ONE_ROOM, members=1, inflight=32, messages=messages, seconds=1800, sweep_ms=0)
    if fill["messages"] < messages:
        raise AssertionError(f"only {fill['messages']} messages in half an hour")
    room.results.keep({"part": "growth", "case": f"filling {name}", **fill})
    return target


def stored_rows(room):
    """There is no reference: the same store is to read as fast when it holds more."""
    count = BIG if room.options.big else STORED
    targets = [start_filled(room, SMALL, FEW_STORED), start_filled(room, LARGE, count)]

    def step(target):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)) as connection:
            page = get(connection, target, "limit=1")
        for case, number, work in (
                ("page", PAGES, lambda: read_pages(target, page["top"])),
                ("resume", RESUMES, lambda: resume(target, page["epoch"], page["top"]))):
            room.results.add("growth", case, {"target": target.name, **measured(target, number, work)})

    in_turn(room.repeat, targets, step)
    rows = []
    for case, work in (("page", "us per page of 50"), ("resume", f"us per join that missed {MISSED}")):
        small, large = (room.results.of("growth", case, target.name) for target in targets)
        for field, what in (("cpu_us", "CPU"), ("wall_us", "until it has come")):
            rows.append((f"{work}, {what}: {count} stored, reference {FEW_STORED}", "1.2",
                         f"{middle(large, field):.0f}", f"{middle(small, field):.0f}",
                         f"{paired(large, small, field):.2f}", "-"))
    return rows


def growth(room):
    """The growth of chatd's cost over that of the reference's; of the store's own for what is stored."""
    targets = [lab.start_floor(room.stack), lab.start_chatd(room.stack, room.folder, "chatd")]
    return [HEAD, *(case.row(room, targets) for case in cases()), *stored_rows(room)]
