# SPDX-License-Identifier: MIT
"""Readers that are too slow: chatd.v1 is told by `gap`, classic is closed with 4001."""
import json
import pathlib

import pytest
import requests
from raw_ws import TEXT, RawWs, cookie, frame

TEXT_BYTES = 60000
KERNEL_BYTES = int(pathlib.Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
MANY = KERNEL_BYTES // TEXT_BYTES + 40  # more than the kernel and chatd keep for one who reads not
BIG = {"message_max": "1m", "write_timeout": "10m", "ping_interval": "10m", "verb_rate": "0",
       "queue_hard": "128k", "queue_soft": "64k", "close_timeout": "60s"}


class Slow(RawWs):
    """A chatd.v1 connection that reads only when told to, with a small buffer at its side."""

    def __init__(self, server, user):
        super().__init__(server, headers={**cookie(user), "Sec-WebSocket-Protocol": "chatd.v1"},
                         receive_buffer=4096)
        assert self.event()["type"] == "hello"

    def event(self):
        return json.loads(self.text())

    def ask(self, **request):
        self.send(frame(TEXT, json.dumps({**request, "id": "1"})))
        while True:
            got = self.event()
            if got.get("id") == "1":
                return got


@pytest.fixture
def chat(cluster):
    return cluster(core=BIG, sections={"rooms": {"text_max": "64k", "history_on_join": "0"}})


async def talk(speaker, witness, n, first=1):
    """n large messages, each of which both hear in its turn."""
    for i in range(first, first + n):
        text = f"{i} " + "x" * TEXT_BYTES
        await speaker.say(text)
        for client in (speaker, witness):
            await client.hears(text, seq=i)


def read_on(slow, last, room="general"):
    """Reads up to the record `last`: ([seqs], [gaps]), which leave nothing out and are in order."""
    seqs, gaps, at = [], [], 0
    while at < last:
        got = slow.event()
        assert got["room"] == room
        if got["type"] == "gap":
            assert set(got) == {"type", "room", "from", "to", "epoch"}
            assert got["from"] == at + 1 and got["to"] >= got["from"], got
            gaps.append(got)
            at = got["to"]
        else:
            assert (got["type"], got["seq"]) == ("message", at + 1), got["seq"]
            seqs.append(got["seq"])
            at += 1
    return seqs, gaps


async def test_a_slow_reader_gets_a_gap_and_then_live_messages(chat):
    """`gap` `room, from, to, epoch`: this connection was too slow and skipped these; fetch them
    with `history.get`."""
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        with Slow(chat.nodes[-1], "slow") as slow:
            epoch = slow.ask(type="room.join", room="general")["epoch"]
            await talk(alice, bob, MANY)
            seqs, gaps = read_on(slow, MANY)
            assert len(gaps) == 1 and len(seqs) >= 1, "one time that it was too slow is one gap"
            assert {gap["epoch"] for gap in gaps} == {epoch}
            await talk(alice, bob, 1, MANY + 1)
            live = slow.event()
            assert (live["type"], live["seq"]) == ("message", MANY + 1)
            gap = gaps[0]
            page = slow.ask(type="history.get", room="general", after=gap["from"] - 1, limit=1)
            assert page["messages"][0]["seq"] == gap["from"]
            assert page["messages"][0]["text"].startswith(f"{gap['from']} x")


async def test_a_slow_reader_can_be_slow_again(chat):
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        with Slow(chat.nodes[-1], "slow") as slow:
            slow.ask(type="room.join", room="general")
            await talk(alice, bob, MANY)
            first = read_on(slow, MANY)[1]
            await talk(alice, bob, MANY, MANY + 1)
            at = MANY
            again = []
            while at < 2 * MANY:
                got = slow.event()
                if got["type"] == "gap":
                    assert got["from"] == at + 1
                    again.append(got)
                    at = got["to"]
                else:
                    assert got["seq"] == at + 1
                    at += 1
            assert first and again


async def test_a_slow_classic_reader_is_closed_and_a_v1_reader_beside_it_is_not(chat):
    """Wherever chatd.v1 gets a `gap` a classic connection is closed with 4001."""
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        with Slow(chat.nodes[0], "slow") as slow, \
                RawWs(chat.nodes[0], headers=cookie("dave"), receive_buffer=4096) as classic:
            slow.ask(type="room.join", room="general")
            await talk(alice, bob, MANY)
            at = 0
            while True:
                opcode, payload = classic.data()
                if opcode != TEXT:
                    break
                at += 1
                assert json.loads(payload)["seq"] == at
            assert (opcode, int.from_bytes(payload[:2], "big")) == (8, 4001)
            assert at < MANY
            assert read_on(slow, MANY)[1]
            metrics = requests.get(chat.nodes[0].http + "/metrics").text
            assert "\nchatd_too_slow_total 1\n" in metrics


async def test_a_gap_is_of_its_room_alone(chat):
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        with Slow(chat.nodes[-1], "slow") as slow:
            for room in ("general", "quiet"):
                slow.ask(type="room.join", room=room)
                if room != "general":
                    await alice.join(room)
            await talk(alice, bob, MANY)
            assert read_on(slow, MANY)[1]
            await alice.say("hush", room="quiet")
            got = slow.event()
            assert (got["type"], got["room"], got["seq"]) == ("message", "quiet", 1)


async def test_who_leaves_or_resumes_behind_a_gap_is_where_it_should_be(chat):
    """Its position is the gap's end: what it skipped does not come again."""
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        with Slow(chat.nodes[-1], "slow") as slow:
            slow.ask(type="room.join", room="general")
            await talk(alice, bob, MANY)
            gap = read_on(slow, MANY)[1][-1]
            since = {"epoch": gap["epoch"], "seq": MANY}
            assert slow.ask(type="room.leave", room="general")["type"] == "ack"
            ack = slow.ask(type="room.join", room="general", since=since)
            assert (ack["recovered"], ack["seq"], ack["top"]) == (True, MANY, MANY)
