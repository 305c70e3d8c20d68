# SPDX-License-Identifier: MIT
"""A thousand members that stop reading: what they cost is bounded, and others notice nothing."""
import json
import os
import pathlib
import re

import pytest
from raw_ws import TEXT, RawWs, cookie, frame
from server import wait_until

SOFT, HARD, UNSENT = 131072, 262144, 65536  # of one connection, in bytes
FRAME_BYTES = 100  # beside its text, at least
PLACE_BYTES = 16  # what each waiting frame counts beside its bytes
CORE = {"queue_soft": f"{SOFT}", "queue_hard": f"{HARD}", "unsent_max": f"{UNSENT}",
        "write_timeout": "10m", "ping_interval": "10m", "verb_rate": "0", "frame_rate": "0"}
# asan keeps what was freed for a while; here it would be counted.
FREES = {"ASAN_OPTIONS": ":".join([os.environ.get("ASAN_OPTIONS", ""), "quarantine_size_mb=1"])}
ROOMS = {"history_on_join": "0", "inflight_max": "256"}


class Stalled(RawWs):
    """A chatd.v1 member with a small buffer at its side, which reads when it is told to."""

    def __init__(self, server, room="general"):
        super().__init__(server, receive_buffer=4096,
                         headers={**cookie("stalled"), "Sec-WebSocket-Protocol": "chatd.v1"})
        self.send(frame(TEXT, json.dumps({"type": "room.join", "room": room, "id": "1"})))

    def event(self):
        return json.loads(self.text())

    def joined(self):
        while self.event().get("id") != "1":
            pass
        return self


def private_bytes(server):
    """What chatd's processes have for themselves alone."""
    pids = [server.process.pid, *server.worker_pids()]
    texts = (pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(re.search(r"^Private_Dirty:\s+(\d+)", text, re.M)[1]) for text in texts) * 1024


async def talk(speaker, readers, first, n, size):
    """n messages, which all readers hear, each in its turn."""
    texts = [f"{i} ".ljust(size, "x") for i in range(first, first + n)]
    if hasattr(speaker, "say_all"):
        acks = await speaker.say_all(texts, window=16)
        assert [ack["seq"] for ack in acks] == list(range(first, first + n))
    else:
        for text in texts:
            await speaker.say(text)
    for reader in readers:
        for i, text in enumerate(texts, first):
            await reader.hears(text, seq=i)


def read_up_to(slow, last):
    """Reads up to the record `last`; returns its gaps. Nothing else is left out or doubled."""
    gaps, at = [], 0
    while at < last:
        got = slow.event()
        if got["type"] == "gap":
            assert (got["room"], got["from"]) == ("general", at + 1) and got["to"] > at, got
            gaps.append(got)
            at = got["to"]
        else:
            assert (got["type"], got["seq"]) == ("message", at + 1), got
            at += 1
    return gaps


@pytest.mark.parametrize("readers, size", [(1000, 2000), (300, 30)])
async def test_a_thousand_stalled_readers_cost_little_more_than_one(clusters, readers, size):
    """Frames are shared: what each costs alone is places in its queue, and what the kernel took."""
    chat = clusters(core=CORE, sections={"rooms": ROOMS}, env=FREES)
    server = chat.nodes[0]
    async with chat.v1("alice") as alice, chat.v1("bob") as bob, chat.classic("carol") as carol:
        stalled = [Stalled(server) for _ in range(readers)]
        try:
            epoch = alice.positions["general"][0]
            for slow in stalled:
                slow.joined()
            step = max(20, 10000 // size)
            before, top = private_bytes(server), 0
            while server.metrics()["chatd_skipped_total"] < readers:
                assert top < 4 * (HARD + UNSENT) // size, "they are not too slow yet"
                await talk(alice, (alice, bob, carol), top + 1, step, size)
                top += step
            waiting = server.metrics()["chatd_queue_bytes"]
            assert 0.9 * readers * HARD < waiting <= readers * HARD
            # One queue of frames, and for each reader what its places may take; the build for asan puts
            # much around every block. With frames of their own they would take readers * HARD.
            places = HARD // (size + FRAME_BYTES + PLACE_BYTES) * PLACE_BYTES
            growth = private_bytes(server) - before
            assert growth < 16 * HARD + readers * (places + 16384) < readers * HARD // 4
            # The kernel took what it may hold unsent, in whole buffers, and the peer's own little.
            assert server.unsent_bytes() < readers * 2 * UNSENT

            # Theirs is over, for the others all goes on. Nothing more is kept.
            await talk(bob, (alice, bob, carol), top + 1, 20, size)
            await talk(carol, (alice, bob, carol), top + 21, 5, size)
            top += 25
            assert server.metrics()["chatd_queue_bytes"] <= waiting

            # When they read again each gets its gap, once, and then what is new.
            for slow in stalled:
                gaps = read_up_to(slow, top)
                assert len(gaps) == 1 and gaps[0]["to"] == top and gaps[0]["epoch"] == epoch
            await talk(alice, (alice, bob, carol), top + 1, 1, size)
            for slow in stalled:
                assert slow.event()["seq"] == top + 1
            wait_until(lambda: server.metrics()["chatd_queue_bytes"] == 0, what="empty queues")
            assert server.metrics()["chatd_rooms_gaps_total"] == readers
        finally:
            for slow in stalled:
                slow.close()
