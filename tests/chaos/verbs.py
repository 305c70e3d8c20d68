# SPDX-License-Identifier: MIT
"""Random clients: some speak chatd.v1, some classic, some nothing of it. What they do is drawn from a seed.

    /usr/bin/python3 tests/chaos/verbs.py [--seed N] [--seconds N] [--clients N] [--store sqlite|redis] [--workers N]

They join, leave, speak, read, type, renew and revoke sessions, change passwords, compress or not, send what
is no frame, no JSON and no request, and vanish. It goes in rounds; what has to hold is in README.md.
"""
import argparse
import asyncio
import json
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import requests  # noqa: E402

from cluster import BULK, Cluster  # noqa: E402
from raw_ws import signed  # noqa: E402
from server import DEADLINE, wait_until  # noqa: E402
from wire import BINARY, CLOSE, CONT, PING, TEXT, Gone, Refused, Ws, frame  # noqa: E402

ROUND_S = 8
ROOMS = 4
ACCOUNTS = 3
PENDING_MAX = 40
# What a refusal may be called. "internal" is never right.
CODES = {"bad_request", "unknown_type", "unauthorized", "forbidden", "not_found", "not_member",
         "rate_limited", "too_large", "conflict", "unavailable", "timeout", "auth.not_renewable"}
UNSURE = {"unavailable", "timeout"}  # the message may be in the log all the same
# With what a connection may end; None: without a close frame, 4000: what it said itself. 1011 is never right.
ENDS = {None, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1013, 4000, 4001, 4003, 4501}
SECTIONS = {"auth": {"login_rate": "0", "register_rate": "0", "account_rate": "0",
                     "login_rate_total": "0", "register_rate_total": "0"},
            "rooms": {"joins_max": "3"}}
ODD_TEXTS = ["", " ", "\n", "a\tb", "x" * 5000, "\u202eopen", "\u202eclosed\u202c",
             "bell\a", "\u2028", "😀" * 20, "\"\\/", "{\"text\":\"nested\"}"]
ODD_ROOMS = ["", "a/b", "a b", "x" * 65, "\u200b", None, 7, [], "{room}"]


class Broken(AssertionError):
    """Something that has to hold does not."""


def need(condition, *what):
    if not condition:
        raise Broken(" ".join(str(word) for word in what))


class Account:
    """One that several clients use at one time."""

    def __init__(self, world, name):
        self.world, self.name, self.password = world, name, f"{name} 1 long enough"
        self.changes = 1
        self.token = None
        self.sockets = set()
        self.lock = asyncio.Lock()

    async def post(self, path, body, token=None):
        headers = {"Authorization": "Bearer " + token} if token else {}
        node = self.world.node()
        return await asyncio.to_thread(requests.post, node.http + path, json=body, headers=headers,
                                       timeout=DEADLINE)

    async def register(self):
        answer = await self.post("/register", {"user": self.name, "password": self.password})
        need(answer.status_code == 201, "register", answer.status_code, answer.text)

    async def login(self):
        async with self.lock:
            if self.token is None:
                answer = await self.post("/login", {"user": self.name, "password": self.password})
                need(answer.status_code == 200, "login", answer.status_code, answer.text)
                self.token = answer.json()["token"]
            return self.token

    async def _ended(self, sockets):
        """Whoever was there when all tokens were revoked is not any more."""
        for ws in sockets:
            try:
                await asyncio.wait_for(ws.ended.wait(), DEADLINE)
            except asyncio.TimeoutError:
                raise Broken(f"{self.name}: a socket outlived its token") from None

    async def sign_out(self):
        token = await self.login()
        async with self.lock:
            before = set(self.sockets)
            answer = await self.post("/api/v1/logout-all", {}, token)
            need(answer.status_code in (200, 401), "logout-all", answer.status_code, answer.text)
            if answer.status_code == 200 or self.token == token:
                self.token = None
        if answer.status_code == 200:
            await self._ended(before)

    async def change_password(self, rng):
        token = await self.login()
        async with self.lock:
            before = set(self.sockets)
            old = self.password if rng.random() < 0.7 else "not my password"
            self.changes += 1
            new = rng.choice([f"{self.name} {self.changes} long enough", "short", self.name])
            answer = await self.post("/api/v1/password", {"old": old, "new": new}, token)
            good = old == self.password and "long enough" in new
            need(answer.status_code in ((200, 401) if good else (400, 401, 403)),
                 "password", answer.status_code, answer.text)
            if answer.status_code != 200:
                return
            self.password, self.token = new, answer.json()["token"]
        await self._ended(before)


class Actor:
    """One client, and what it is owed."""

    path = "/ws"
    subprotocol = None

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.rng = random.Random(f"{world.seed}/{world.round}/{number}")
        self.account = self.rng.choice(world.accounts) if self.rng.random() < 0.4 else None
        self.user = self.account.name if self.account else f"user{number}"
        self.ws, self.reader = None, None
        self.doomed = False  # it said what has to end the connection
        self.lives = 0

    def __repr__(self):
        return f"{type(self).__name__} {self.number} ({self.user})"

    def text(self):
        """One that nobody else says."""
        self.world.texts += 1
        odd = self.rng.choice(ODD_TEXTS) if self.rng.random() < 0.3 else "hello"
        return f"{self.world.texts}:{odd}"

    # -- its connection -------------------------------------------------------------------------

    async def open(self):
        token = await self.account.login() if self.account else signed(self.user)
        try:
            self.ws = await Ws.open(self.world.node(), self.path, token, self.subprotocol,
                                    deflate=self.rng.random() < 0.5)
        except Refused as error:
            need(error.status in (401, 429, 503), self, "was refused with", error.status)
            if error.status == 401 and self.account and self.account.token == token:
                self.account.token = None
            return False
        except Gone:
            return False
        self.doomed = False
        self.lives += 1
        if self.account:
            self.account.sockets.add(self.ws)
        self.begin()
        self.reader = asyncio.create_task(self.read(self.ws))
        return True

    async def read(self, ws):
        try:
            while True:
                self.take(json.loads(await ws.message()))
        except Gone as gone:
            need(gone.code in ENDS, self, "was closed with", gone.code, gone.reason)
        finally:
            ws.ended.set()
            ws.abort()
            if self.account:
                self.account.sockets.discard(ws)

    async def gone(self):
        """Waits for the end of a connection that has one coming; raises what its reader met."""
        ws, self.ws = self.ws, None
        if ws is None:
            return
        try:
            await asyncio.wait_for(ws.ended.wait(), DEADLINE)
        except asyncio.TimeoutError:
            raise Broken(f"{self} was not closed") from None
        await self.reader

    async def send(self, data, **options):
        if self.ws.ended.is_set():
            return await self.gone()
        compressed = self.ws.deflate and self.rng.random() < 0.5
        return await self.ws.send(data, compressed=compressed, **options)

    async def run(self, end):
        while time.monotonic() < end:
            if self.ws is None and not await self.open():
                await asyncio.sleep(self.rng.random() * 0.05)
                continue
            if self.ws.ended.is_set():
                await self.gone()
                continue
            await self.rng.choice(self.deeds)(self)
            self.world.deeds += 1
            if self.rng.random() < 0.7:
                await asyncio.sleep(self.rng.random() * 0.02)

    async def finish(self):
        """Waits until it has what it is owed, and leaves."""
        if self.ws is not None and not self.ws.ended.is_set() and not self.doomed:
            await self.settle()
        if self.ws is not None:
            if self.rng.random() < 0.5:
                await self.ws.raw(frame(CLOSE, b"\x03\xe8"))
            else:
                self.ws.abort()
            await self.gone()

    async def until(self, condition, what):
        end = time.monotonic() + DEADLINE
        while not condition() and not self.ws.ended.is_set():
            need(time.monotonic() < end, self, what)
            await asyncio.sleep(0.01)

    # -- deeds of all ---------------------------------------------------------------------------

    async def drop(self):
        self.ws.abort()
        await self.gone()

    async def leave_politely(self):
        await self.ws.raw(frame(CLOSE, self.rng.choice([b"", b"\x03\xe8", b"\x0f\xa0bye"])))
        await self.gone()

    async def break_the_protocol(self):
        """What RFC 6455 forbids ends the connection."""
        junk = self.rng.choice([
            frame(TEXT, b"unmasked", mask=None), frame(3, b"reserved"), frame(TEXT, b"x", rsv=0x20),
            frame(CONT, b"nothing to continue"), frame(TEXT, b"\xff\xfe"), frame(PING, b"p" * 126),
            frame(PING, b"p", fin=False), frame(CLOSE, b"\x03"), frame(CLOSE, b"\x03\xed"),
            frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), frame(TEXT, b"x" * 70000),
            frame(PING, b"", rsv=0x40), frame(TEXT, b"\x06\xff\xff\xff", rsv=0x40),
            frame(BINARY, b"not text")])
        self.doomed = True
        await self.ws.raw(junk)
        await self.gone()

    async def send_noise(self):
        """Any bytes; what becomes of them is their affair."""
        self.doomed = True
        await self.ws.raw(self.rng.randbytes(self.rng.randrange(1, 400)))
        self.ws.abort()
        await self.gone()

    async def send_slowly(self):
        """A whole frame, a byte at a time."""
        await self.ws.raw(frame(PING, b"slow"), step=1)

    async def sign_out(self):
        if self.account and self.rng.random() < 0.2:
            await self.account.sign_out()

    async def change_password(self):
        if self.account and self.rng.random() < 0.2:
            await self.account.change_password(self.rng)


class V1(Actor):
    subprotocol = "chatd.v1"

    def begin(self):
        self.has_hello = False
        self.asked = {}  # id: request, of which each is owed one answer
        self.maybe = {}  # those that are answered only when they are refused
        self.nameless = 0  # errors without an id that it is owed
        self.rooms = {}  # name: the seq it has
        self.numbers = 0

    # -- what comes -----------------------------------------------------------------------------

    def take(self, said):
        kind = said.get("type")
        if not self.has_hello:
            need(kind == "hello", self, "heard before hello:", said)
            self.has_hello = True
        elif kind in ("ack", "error"):
            self.take_answer(said)
        elif kind != "bye":
            getattr(self, f"take_{kind}")(said)

    def take_answer(self, said):
        code = said.get("code")
        need(code is None or code in CODES, self, "got", said)
        if "id" not in said:
            need(code and self.nameless > 0, self, "got an answer to nothing:", said)
            self.nameless -= 1
        elif said["id"] in self.maybe:
            need(code, self, "got an ack that nobody asked for:", said)
            del self.maybe[said["id"]]
        else:
            asked = self.asked.pop(said["id"], None)
            need(asked, self, "got two answers, or one to nothing:", said)
            getattr(self, "on_" + asked["type"].replace(".", "_"), lambda *_: None)(asked, said)

    def on_room_join(self, asked, said):
        if said["type"] == "ack":
            need(said["room"] == asked["room"] and said["room"] not in self.rooms, self, said)
            self.rooms[said["room"]] = said["seq"]

    def on_room_leave(self, asked, said):
        if said["type"] == "ack":
            need(self.rooms.pop(asked["room"], None) is not None, self, "left where it was not")

    def on_message_send(self, asked, said):
        if said["type"] == "ack":
            self.world.acknowledged(asked["room"], said["seq"], self.user, asked["text"])
        elif said["code"] not in UNSURE and not asked.get("repeats"):
            self.world.refused.add(asked["text"])

    def on_history_get(self, asked, said):
        if said["type"] == "ack":
            seqs = [row["seq"] for row in said["messages"]]
            need(seqs == sorted(set(seqs)) and len(seqs) <= 200, self, "got the page", seqs)
            for row in said["messages"]:
                self.world.heard(asked["room"], row)

    def on_ping(self, asked, said):
        need(said["type"] == "ack", self, said)

    def place(self, said):
        """The position in a room that it is in."""
        need(said["room"] in self.rooms, self, "hears a room that it is not in:", said)
        return self.rooms[said["room"]]

    def take_message(self, said):
        need(said["seq"] == self.place(said) + 1, self, "has", self.place(said), "and got", said)
        self.rooms[said["room"]] = said["seq"]
        self.world.heard(said["room"], said)

    def take_gap(self, said):
        need(said["from"] == self.place(said) + 1 <= said["to"], self, "got", said)
        self.rooms[said["room"]] = said["to"]

    def take_reset(self, said):
        need(False, self, "was told of a reset, and the store was never lost:", said)

    def take_typing(self, said):
        self.place(said)

    # -- what it does ---------------------------------------------------------------------------

    def room(self):
        if self.rooms and self.rng.random() < 0.6:
            return self.rng.choice(sorted(self.rooms))
        return self.rng.choice(self.world.rooms)

    async def ask(self, type, owed="one", **arguments):
        self.numbers += 1
        number = f"{self.lives}.{self.numbers}"
        request = {"type": type, "id": number, **arguments}
        {"one": self.asked, "maybe": self.maybe}[owed][number] = request
        sent = dict(request)
        sent.pop("repeats", None)
        await self.send(json.dumps(sent).encode())
        if self.ws is not None:
            await self.until(lambda: len(self.asked) < PENDING_MAX, "gets no answers")

    async def join(self):
        arguments = {}
        if self.rng.random() < 0.3:
            arguments["since"] = self.rng.choice(
                [{"epoch": "never", "seq": 3}, {"epoch": "e", "seq": 0}, None,
                 {"epoch": self.world.epoch or "x", "seq": self.rng.randrange(20)}])
        await self.ask("room.join", room=self.room(), **arguments)

    async def leave(self):
        await self.ask("room.leave", room=self.room())

    async def say(self):
        cid = {"cid": f"{self.number}.{self.rng.random()}"} if self.rng.random() < 0.5 else {}
        text, room = self.text(), self.room()
        await self.ask("message.send", room=room, text=text, **cid)
        if cid and self.ws is not None and self.rng.random() < 0.3:
            await self.ask("message.send", room=room, text=text, repeats=True, **cid)

    async def say_much(self):
        """One after the other without waiting."""
        for _ in range(self.rng.randrange(2, 12)):
            if self.ws is None:
                break
            await self.rng.choice([self.say, self.say, self.join, self.leave, self.read_back])()

    async def read_back(self):
        arguments = self.rng.choice([{}, {"limit": 5}, {"after": 0}, {"before": 3, "limit": 200}])
        await self.ask("history.get", room=self.room(), **arguments)

    async def type(self):
        await self.ask("typing", owed="maybe", room=self.room(), typing=self.rng.random() < 0.5)

    async def ping(self):
        await self.ask("ping")

    async def refresh(self):
        await self.ask("session.refresh")

    async def ask_wrongly(self):
        """No good request, and one answer by its id all the same."""
        rng = self.rng
        type, arguments = rng.choice([
            ("no.such.verb", {}), ("", {}), ("room.join", {"room": rng.choice(ODD_ROOMS)}),
            ("room.leave", {"room": rng.choice(ODD_ROOMS)}), ("message.send", {"text": "no room"}),
            ("message.send", {"room": "nowhere", "text": "not in it"}),
            ("message.send", {"room": self.room(), "text": rng.choice([None, 7, {}])}),
            ("message.send", {"room": self.room(), "text": "t", "cid": "c" * 65}),
            ("room.join", {"room": self.room(), "since": rng.choice([7, {}, {"epoch": 1}])}),
            ("history.get", {"room": self.room(), "before": 1, "after": 1}),
            ("history.get", {"room": self.room(), "limit": rng.choice([0, 201, -1, "5"])}),
            ("room.join", {"room": "r", "more": "x" * 5000}), ("session.refresh", {"token": "a.b.c"})])
        if type == "message.send":
            self.numbers += 1
            number = f"{self.lives}.{self.numbers}"
            self.asked[number] = {"type": "no.message"}
            await self.send(json.dumps({"type": type, "id": number, **arguments}).encode())
        else:
            await self.ask(type, **arguments)

    async def send_no_request(self):
        """What has no id to answer by: one error without."""
        data = self.rng.choice([
            b"", b"{", b"[]", b"null", b"{\"type\":\"ping\"}{}", b"{\"type\":\"a\",\"type\":\"b\"}",
            b"{\"type\":\"ping\",\"id\":7}", b"{\"type\":\"ping\",\"id\":\"" + b"i" * 65 + b"\"}",
            b"{\"type\":7}", b"{\"type\":\"ping\",\"id\":\"1\",\"text\":\"\\u0000\"}", b"[" * 3000, b"{\"a\":\"\\u0000\"}", b"{}", b"{\"type\":\"no.such\"}"])
        self.nameless += 1
        await self.send(data, pieces=self.rng.randrange(1, 4))

    async def settle(self):
        await self.ask("ping")
        if self.ws is None:
            return
        await self.until(lambda: not self.asked and not self.nameless,
                         f"is owed {self.asked} and {self.nameless} more")

    deeds = ([join] * 6 + [leave] * 2 + [say] * 12 + [say_much] * 4 + [read_back] * 3 + [type] * 3
             + [ping] * 2 + [refresh] * 2 + [ask_wrongly] * 5 + [send_no_request] * 3
             + [Actor.send_slowly, Actor.drop, Actor.leave_politely, Actor.break_the_protocol,
                Actor.send_noise, Actor.sign_out, Actor.change_password])


class Classic(Actor):
    def __init__(self, world, number):
        super().__init__(world, number)
        self.room = self.rng.choice(world.rooms)
        self.path = f"/ws?room={self.room}"

    def begin(self):
        self.said = set()  # texts that come back to it
        self.owed = 0  # errors for what is no message
        self.errors = 0
        self.seq = None

    def take(self, said):
        need(said["room"] == self.room, self, "hears", said)
        if "error" in said:
            need(said["error"]["code"] in CODES, self, "got", said)
            self.errors += 1
        elif not said["typing"]:
            need(self.seq is None or said["seq"] == self.seq + 1, self, "has", self.seq, "got", said)
            self.seq = said["seq"]
            self.world.heard(self.room, said)
            if said["text"] in self.said:
                self.said.remove(said["text"])
                self.world.acknowledged(self.room, said["seq"], self.user, said["text"])
        need(self.errors <= self.owed + len(self.said), self, "got more errors than it is owed")

    async def say(self):
        text = self.text()
        self.said.add(text)
        await self.send(json.dumps({"text": text, "typing": False}).encode(),
                        pieces=self.rng.randrange(1, 4))
        if self.ws is not None:
            await self.until(lambda: len(self.said) < PENDING_MAX + self.errors, "hears nothing")

    async def type(self):
        await self.send(b"{\"text\":\"\",\"typing\":true}")

    async def send_no_message(self):
        self.owed += 1
        await self.send(self.rng.choice([b"{", b"[]", b"{}", b"{\"text\":7}", b"{\"text\":\"  \"}",
                                         b"{\"text\":\"\",\"typing\":7}", b"[" * 3000]))

    async def settle(self):
        await self.until(lambda: self.errors == self.owed + len(self.said),
                         f"is owed {self.owed} errors and {self.said}, and got {self.errors} errors")

    deeds = ([say] * 10 + [type] * 2 + [send_no_message] * 2
             + [Actor.send_slowly, Actor.drop, Actor.leave_politely, Actor.break_the_protocol,
                Actor.send_noise, Actor.sign_out, Actor.change_password])


class Raw:
    """Speaks no WebSocket at all, or stops half-way."""

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.rng = random.Random(f"{world.seed}/{world.round}/{number}")

    def words(self):
        rng = self.rng
        head = Ws.request("/ws", signed("raw"), rng.choice(["chatd.v1", None]), rng.random() < 0.5)
        cut = rng.randrange(len(head))
        return rng.choice([
            rng.randbytes(rng.randrange(1, 600)), head[:cut], head + rng.randbytes(300),
            head[:cut] + rng.randbytes(20) + head[cut:], head * 3, b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01", b"GET /api/v1/rooms/%00/messages HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{\"user\":",
            b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"use\r\nz\r\n"])

    async def run(self, end):
        while time.monotonic() < end:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.world.node().port)
                writer.write(self.words())
                await asyncio.sleep(self.rng.random() * 0.05)
                writer.transport.abort()
            except OSError as error:
                need(self.world.lives(), "nobody listens:", error)
            self.world.deeds += 1

    async def finish(self):
        pass


class World:
    def __init__(self, folder, seed, clients=12, store="sqlite", workers=0, instances=1,
                 plugins=None):
        self.seed, self.clients = seed, clients
        self.cluster = Cluster(folder, store=store, core=BULK, sections=SECTIONS, workers=workers,
                               instances=instances, plugins=plugins)
        self.rng = random.Random(seed)
        self.round, self.texts, self.deeds, self.acks = 0, 0, 0, 0
        self.accounts, self.epoch = [], None

    def node(self):
        return self.rng.choice(self.cluster.nodes)

    def lives(self):
        return all(node.process.poll() is None for node in self.cluster.nodes)

    # -- what all know --------------------------------------------------------------------------

    def heard(self, room, record):
        """All hear the same at one place."""
        said = (record["user"], record["text"])
        there = self.log.setdefault((room, record["seq"]), said)
        need(there == said, room, record["seq"], "is", there, "and", said)

    def acknowledged(self, room, seq, user, text):
        self.acks += 1
        self.heard(room, {"seq": seq, "user": user, "text": text})

    def stored(self, room):
        """The room's records, as the store has them."""
        rows, after = {}, 0
        while True:
            answer = self.cluster.get(f"/api/v1/rooms/{room}/messages", after=after, limit=200)
            need(answer.status_code == 200, answer.status_code, answer.text)
            page = answer.json()
            self.epoch = page["epoch"]
            for row in page["messages"]:
                rows[row["seq"]] = (row["user"], row["text"])
            if not page["messages"]:
                need(sorted(rows) == list(range(1, page["top"] + 1)), room, "has holes:", sorted(rows))
                return rows
            after = page["messages"][-1]["seq"]

    # -- a round --------------------------------------------------------------------------------

    def actors(self):
        kinds = [V1, V1, Classic, V1, Raw, Classic]
        return [kinds[i % len(kinds)](self, i) for i in range(self.clients)]

    def check_store(self):
        """What was heard or acknowledged is there, what was refused is not, and nothing twice."""
        said = {}
        for room in self.rooms:
            rows = self.stored(room)
            for seq, row in rows.items():
                need(self.log.get((room, seq), row) == row, room, seq, "is", row)
                need(row[1] not in said, "stored twice:", row, said.get(row[1]), (room, seq))
                need(row[1] not in self.refused, "stored though it was refused:", row)
                said[row[1]] = (room, seq)
            for (where, seq), row in self.log.items():
                need(where != room or rows.get(seq) == row, "not in the store:", where, seq, row)

    def figures(self):
        """The sum over all instances."""
        total = {}
        for node in self.cluster.nodes:
            for name, value in node.metrics().items():
                total[name] = total.get(name, 0) + value
        return total

    def check_figures(self, waits):
        zero = ["chatd_connections", "chatd_rooms_members"] + (["chatd_rooms_rooms"] if waits else [])

        def is_empty():
            figures = self.figures()
            self.left = {name: figures[name] for name in zero if figures[name] != 0}
            return not self.left
        try:
            wait_until(is_empty, deadline=DEADLINE + 80 if waits else DEADLINE)
        except AssertionError:
            raise Broken(f"everybody has left, but {self.left}") from None

    async def play(self, seconds, is_last):
        self.round += 1
        self.rooms = [f"r{self.round}.{i}" for i in range(ROOMS)]
        self.log, self.refused = {}, set()
        if not self.accounts:
            self.accounts = [Account(self, f"account{i}") for i in range(ACCOUNTS)]
            for account in self.accounts:
                await account.register()
        actors = self.actors()
        end = time.monotonic() + seconds
        await asyncio.gather(*(actor.run(end) for actor in actors))
        await asyncio.gather(*(actor.finish() for actor in actors))
        need(self.lives(), "a server has ended")
        self.check_store()
        # A room with messages stays in memory for a minute.
        self.check_figures(waits=is_last and seconds * self.round > 60)

    async def play_all(self, seconds):
        rounds = max(1, round(seconds / ROUND_S))
        for i in range(rounds):
            await self.play(seconds / rounds, i == rounds - 1)

    def run(self, seconds):
        """Raises Broken; else returns how often what was done."""
        self.cluster.start()
        problems = []
        try:
            asyncio.run(self.play_all(seconds))
        except Exception as error:
            raise Broken(f"seed {self.seed}, round {self.round}: {error!r}") from error
        finally:
            problems = self.cluster.close()
        need(not problems, f"seed {self.seed}:", "\n".join(problems))
        return (f"seed {self.seed}: {self.round} rounds, {self.deeds} deeds, {self.texts} messages, "
                f"{self.acks} acknowledged")


def main():
    parser = argparse.ArgumentParser(description="random clients against a chatd")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--store", choices=["sqlite", "redis"], default="sqlite")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--instances", type=int, default=1)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder, options.seed, options.clients, options.store, options.workers,
                      options.instances)
        print(world.run(options.seconds))


if __name__ == "__main__":
    main()
