#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A roll under load: many chatd.v1 clients in rooms, messages at a fixed rate, one roll or more meanwhile.

Each client keeps what it saw of its room. A client that is sent away comes back after the time it was told, resumes
from its position, and sends again what nobody has acknowledged. At the end every client of a room must have
seen the same, each acknowledged message once, in order. Prints figures; exit code 1 if anything is wrong.
tests/chaos/test_workers.py runs it with fewer clients.
"""
import argparse
import asyncio
import json
import os
import pathlib
import random
import struct
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("CHATD_BUILD", str(ROOT / "build" / "release"))
sys.path.insert(0, str(ROOT / "tests" / "lib"))

from raw_ws import signed, with_secret  # noqa: E402
from server import Server  # noqa: E402

UPGRADE = ("GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "Sec-WebSocket-Protocol: chatd.v1\r\nCookie: token={token}\r\n\r\n")


def masked(opcode, payload):
    """A client's frame. The mask is zero: the rules ask for one, and nothing is to be hidden here."""
    n = len(payload)
    head = struct.pack("!BB", 0x80 | opcode, 0x80 | n) if n < 126 else struct.pack(
        "!BBH", 0x80 | opcode, 0x80 | 126, n)
    return head + b"\0\0\0\0" + payload


class Client(asyncio.Protocol):
    """One person in one room; a new connection whenever the old one ends."""

    def __init__(self, load, name, room):
        self.load, self.name, self.room = load, name, room
        self.upgrade = UPGRADE.format(token=signed(name)).encode()
        self.seen = []          # (seq, text)
        self.epoch, self.last = None, 0
        self.acked = {}         # cid: seq
        self.waiting = {}       # cid: frame
        self.refused = self.comebacks = 0
        self.codes = []
        self.retry_ms = None
        self.joined = asyncio.Event()
        self.transport = None

    async def connect(self):
        loop = asyncio.get_running_loop()
        while not self.load.over:
            try:
                await loop.create_connection(lambda: self, "127.0.0.1", self.load.server.port)
                return
            except OSError as error:
                self.refused += 1
                self.load.note(f"{self.name}: {error}")
                await asyncio.sleep(0.1)

    def connection_made(self, transport):
        self.transport, self.buffer, self.is_open, self.live = transport, b"", False, False
        transport.write(self.upgrade)

    def connection_lost(self, error):
        self.joined.clear()
        self.transport = None
        if self.load.over:
            return
        if not self.is_open:
            self.refused += 1
            self.load.note(f"{self.name}: ended before the upgrade was answered ({error})")
        self.comebacks += 1
        wait = (self.retry_ms or random.randint(1, 500)) / 1000
        self.retry_ms = None
        asyncio.get_running_loop().call_later(
            wait, lambda: self.load.spawn(self.connect()))

    def data_received(self, data):
        self.buffer += data
        if not self.is_open:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.load.note(f"{self.name}: {head.splitlines()[0].decode()}")
                self.transport.close()
                return
            self.is_open, self.buffer = True, rest
            self.join()
        self.frames()

    def frames(self):
        at, buffer = 0, self.buffer
        while len(buffer) - at >= 2:
            n, start = buffer[at + 1], at + 2
            if n == 126:
                if len(buffer) - at < 4:
                    break
                n, start = struct.unpack_from("!H", buffer, at + 2)[0], at + 4
            elif n == 127:
                if len(buffer) - at < 10:
                    break
                n, start = struct.unpack_from("!Q", buffer, at + 2)[0], at + 10
            if len(buffer) < start + n:
                break
            self.frame(buffer[at] & 15, buffer[start:start + n])
            at = start + n
        self.buffer = buffer[at:]

    def frame(self, opcode, payload):
        if opcode == 8:
            self.codes.append(struct.unpack("!H", payload[:2])[0] if payload else 1005)
            self.transport.write(masked(8, payload[:2]))
        elif opcode == 9:
            self.transport.write(masked(10, payload))
        elif opcode == 1:
            frame = json.loads(payload)
            getattr(self, "on_" + frame["type"], self.on_other)(frame)

    # -- the dialect --------------------------------------------------------------------------

    def send(self, frame):
        self.transport.write(masked(1, json.dumps(frame).encode()))

    def join(self):
        frame = {"type": "room.join", "id": "join", "room": self.room}
        if self.epoch is not None:
            frame["since"] = {"epoch": self.epoch, "seq": self.last}
        self.send(frame)

    def say(self, text):
        cid = f"{self.name}-{text}-{random.getrandbits(64):x}"
        frame = {"type": "message.send", "id": cid, "cid": cid, "room": self.room, "text": text}
        self.waiting[cid] = frame
        if self.joined.is_set():
            self.send(frame)

    def on_ack(self, frame):
        if frame["id"] != "join":
            self.waiting.pop(frame["id"], None)
            self.acked[frame["id"]] = frame["seq"]
            return
        if self.epoch is not None and not frame["recovered"]:
            self.load.note(f"{self.name}: not recovered from {self.last} to {frame['seq']}")
        if self.epoch is None:
            self.last = frame["seq"]
        self.epoch = frame["epoch"]
        self.joined.set()
        for again in list(self.waiting.values()):
            self.send(again)

    def on_message(self, frame):
        if frame["seq"] != self.last + 1:
            self.load.note(f"{self.name}: {frame['seq']} after {self.last}")
        self.last = frame["seq"]
        self.seen.append((frame["seq"], frame["text"]))

    def on_bye(self, frame):
        self.retry_ms = frame.get("retry_ms")

    def on_error(self, frame):
        if frame.get("temporary"):
            asyncio.get_running_loop().call_later(
                0.2, lambda: self.joined.is_set() and frame["id"] in self.waiting
                and self.send(self.waiting[frame["id"]]))
        else:
            self.load.note(f"{self.name}: {frame}")

    def on_other(self, frame):
        pass


class Load:
    def __init__(self, server, rooms, members):
        self.server, self.over, self.tasks, self.notes = server, False, set(), []
        self.rooms = [[Client(self, f"p{r}-{m}", f"room{r}") for m in range(members)]
                      for r in range(rooms)]

    @property
    def clients(self):
        return [client for room in self.rooms for client in room]

    def note(self, text):
        self.notes.append(text)

    def spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def enter(self):
        for i in range(0, len(self.clients), 100):
            await asyncio.gather(*(c.connect() for c in self.clients[i:i + 100]))
            await asyncio.gather(*(c.joined.wait() for c in self.clients[i:i + 100]))

    async def talk(self, rate, seconds):
        began, n = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            while n < (time.monotonic() - began) * rate:
                room = self.rooms[n % len(self.rooms)]
                room[n // len(self.rooms) % len(room)].say(f"m{n}")
                n += 1
            await asyncio.sleep(0.005)
        return n

    async def settle(self, limit=60):
        """Until all is acknowledged and everybody of a room is where the farthest is."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not any(c.waiting for c in self.clients) and all(
                    len({c.last for c in room}) == 1 for room in self.rooms):
                return
            await asyncio.sleep(0.05)
        self.note("it did not settle")

    def judge(self):
        """Differences between transcripts, lost, doubled."""
        differ = lost = doubled = 0
        for room in self.rooms:
            first = room[0].seen
            differ += sum(c.seen != first for c in room)
            seqs = [seq for seq, _ in first]
            doubled += len(first) - len({text for _, text in first})
            lost += sum(len(set(c.acked.values()) - set(seqs)) for c in room)
        return differ, lost, doubled


async def run(server, options):
    load = Load(server, options.rooms, options.members)
    await load.enter()
    talk = asyncio.create_task(load.talk(options.rate, options.seconds))
    times = []
    for i in range(options.rolls):
        await asyncio.sleep(options.seconds / (options.rolls + 1) / 2)
        began = time.monotonic()
        server.roll()
        while server.log.count("roll: done") < i + 1:
            assert "called off" not in server.log, server.log
            await asyncio.sleep(0.05)
        times.append(time.monotonic() - began)
    sent = await talk
    await load.settle()
    differ, lost, doubled = load.judge()
    load.over = True
    codes = {}
    for client in load.clients:
        for code in client.codes:
            codes[code] = codes.get(code, 0) + 1
        if client.transport:
            client.transport.abort()
    return {"clients": len(load.clients), "sent": sent,
            "acknowledged": sum(len(c.acked) for c in load.clients),
            "deliveries": sum(len(c.seen) for c in load.clients),
            "comebacks": sum(c.comebacks for c in load.clients), "close_codes": codes,
            "refused": sum(c.refused for c in load.clients),
            "roll_seconds": [round(t, 1) for t in times],
            "transcripts_that_differ": differ, "lost": lost, "doubled": doubled,
            "notes": load.notes[:10], "n_notes": len(load.notes)}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=100)
    parser.add_argument("--members", type=int, default=20, help="of each room")
    parser.add_argument("--rate", type=float, default=200, help="messages a second over all")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--rolls", type=int, default=1)
    parser.add_argument("--roll-time", default="15s")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, workers=options.workers, sections=with_secret(),
                        core={"roll_time": options.roll_time, "slow_hook": "60s"}, only={
                            "auth": "on", "rooms": "on", "history-sqlite": "on", "typing": "on"})
        with server:
            result = asyncio.run(run(server, options))
    print(json.dumps(result, indent=1))
    return int(any(result[key] for key in (
        "transcripts_that_differ", "lost", "doubled", "refused", "n_notes"))
        or result["acknowledged"] != result["sent"])


if __name__ == "__main__":
    sys.exit(main())
