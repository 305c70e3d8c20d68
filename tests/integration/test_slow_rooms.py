# SPDX-License-Identifier: MIT
"""Readers that are too slow: in several rooms, past a `deliver` hook, one page after the other, or one byte."""
import json
import time

import pytest
from chat import rogue
from cluster import BULK
from raw_ws import TEXT, RawWs, cookie, frame
from server import wait_until
from test_v1_slow import Slow

TEXT_BYTES = 60000
SOFT, HARD, UNSENT = 65536, 131072, 65536
CORE = {**BULK, "message_max": "1m", "ping_interval": "10m", "write_timeout": "10m",
        "close_timeout": "60s", "queue_soft": SOFT, "queue_hard": HARD, "unsent_max": UNSENT}
ROOMS = {"text_max": "64k", "history_on_join": "0", "inflight_max": "256"}
MANY = 40  # messages of TEXT_BYTES are more than all buffers of one connection


@pytest.fixture(params=["plain", "filtered"])
def start(request, clusters):
    """start(**core): a chat, also one whose every message passes a `deliver` hook."""
    plugins = rogue("hide-word") if request.param == "filtered" else {}

    def begin(**core):
        return clusters(core={**CORE, **core}, sections={"rooms": ROOMS}, plugins=plugins)
    return begin


def counter(chat, name):
    return chat.nodes[0].metrics()[f"chatd_{name}"]


async def talk(speaker, witness, room, first, n, size=TEXT_BYTES):
    for i in range(first, first + n):
        text = f"{i} ".ljust(size, "x")
        await speaker.say(text, room=room)
        for client in (speaker, witness):
            await client.hears(text, seq=i, room=room)


def read_rooms(slow, lasts):
    """Reads on in all rooms up to their last records; returns {room: [gaps]}. Leaves nothing out."""
    at, gaps = dict.fromkeys(lasts, 0), {room: [] for room in lasts}
    while at != lasts:
        got = slow.event()
        room = got["room"]
        if got["type"] == "gap":
            assert got["from"] == at[room] + 1
            gaps[room].append(got)
            at[room] = got["to"]
        else:
            assert (got["type"], got["seq"]) == ("message", at[room] + 1)
            at[room] += 1
    return gaps


async def test_each_room_gets_its_own_gap(start):
    """Exactly one for each room that was missed, none for another; then live messages go on in all."""
    chat = start()
    rooms = ["a", "b", "c", "quiet"]
    async with chat.v1("alice", room=None) as alice, chat.v1("bob", room=None) as bob:
        with Slow(chat.nodes[0], "slow") as slow:
            for room in rooms:
                slow.ask(type="room.join", room=room)
                await alice.join(room)
                await bob.join(room)
            for i in range(1, MANY // 2 + 1):
                for room in rooms[:3]:
                    await talk(alice, bob, room, i, 1)
            assert counter(chat, "too_slow_total") == 0
            gaps = read_rooms(slow, {room: MANY // 2 for room in rooms[:3]})
            assert {room: len(of_room) for room, of_room in gaps.items()} == {"a": 1, "b": 1, "c": 1}
            for room in rooms:
                await talk(alice, bob, room, 1 if room == "quiet" else MANY // 2 + 1, 1)
                got = slow.event()
                assert (got["type"], got["room"], got["text"][:2]) == ("message", room, f"{got['seq']} "[:2])


async def test_a_message_above_queue_hard_is_taken_by_who_keeps_up(start):
    """However large: it is the queue that makes slow. Who does not read misses it, and is told."""
    chat = start(queue_soft="4k", queue_hard="8k", unsent_max="16k")
    async with chat.v1("alice") as alice, chat.v1("bob") as bob, chat.classic("carol") as carol:
        with Slow(chat.nodes[0], "slow") as slow, \
                RawWs(chat.nodes[0], headers=cookie("dave"), receive_buffer=4096) as classic:
            slow.ask(type="room.join", room="general")
            for i in range(1, MANY + 1):
                await talk(alice, bob, "general", i, 1)
                await carol.until(seq=i)
            assert counter(chat, "too_slow_total") == 1
            assert counter(chat, "queue_bytes") < 4 * TEXT_BYTES
            # The kernel alone may take a queue as small as this, and then it is too slow again.
            assert read_rooms(slow, {"general": MANY})["general"]
            await talk(alice, bob, "general", MANY + 1, 1)
            assert slow.event()["seq"] == MANY + 1
            while (got := classic.data())[0] == TEXT:
                assert json.loads(got[1])["seq"] < MANY
            assert (got[0], int.from_bytes(got[1][:2], "big")) == (8, 4001)


@pytest.mark.parametrize("subprotocol", [None, "chatd.v1"])
async def test_write_timeout_is_for_little_that_waits_too(start, subprotocol):
    """No progress for write_timeout closes with 4001, also below the caps; the kernel keeps nothing."""
    chat = start(write_timeout="1s", queue_soft="32m", queue_hard="64m")
    server = chat.nodes[0]
    server.expect("too slow")
    headers = {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}
    async with chat.v1("alice") as alice, chat.v1("bob") as bob:
        with RawWs(server, headers={**cookie("slow"), **headers}, receive_buffer=4096) as slow:
            if subprotocol:
                slow.send(frame(TEXT, '{"type":"room.join","room":"general","id":"1"}'))
                while json.loads(slow.text()).get("id") != "1":
                    pass
            spoken = 0
            while counter(chat, "queue_bytes") == 0:
                assert spoken < MANY
                spoken += 1
                await talk(alice, bob, "general", spoken, 1)
            wait_until(lambda: counter(chat, "connections") == 2, what="the end of the slow one")
            assert counter(chat, "too_slow_total") == 1
            wait_until(lambda: server.unsent_bytes() == 0, what="the end of what the kernel had")
            assert counter(chat, "skipped_total") == 0


async def test_who_takes_a_little_now_and_then_stays_within_the_caps(start):
    """A trickle is progress: it is kept, and what it may cost is bounded by queue_hard."""
    timeout_s = 3
    chat = start(write_timeout=f"{timeout_s}s")
    async with chat.v1("alice") as alice, chat.v1("bob") as bob:
        with Slow(chat.nodes[0], "slow") as slow:
            slow.ask(type="room.join", room="general")
            taken = slow.buffer
            began, last = time.monotonic(), 0
            # For longer than write_timeout: a trickle that does not count would have ended it.
            while last < 3 * MANY or time.monotonic() - began < 2 * timeout_s:
                last += 1
                await talk(alice, bob, "general", last, 1)
                taken += slow.sock.recv(2048)
                assert counter(chat, "queue_bytes") <= HARD
            assert counter(chat, "skipped_total") >= 1
            slow.buffer = taken
            assert len(read_rooms(slow, {"general": last})["general"]) >= 1
            await talk(alice, bob, "general", last + 1, 1)
            assert slow.event()["seq"] == last + 1


async def test_who_asks_for_pages_and_reads_nothing_is_bounded(start):
    """The next page is for who has read; what it asked for is all there when it reads."""
    chat = start(queue_soft="256k", queue_hard="1m")
    async with chat.v1("alice") as alice, chat.v1("bob") as bob:
        await talk(alice, bob, "general", 1, 10)
        with Slow(chat.nodes[0], "slow") as slow:
            slow.ask(type="room.join", room="general")
            asked = [f"p{i}" for i in range(200)]
            slow.send(b"".join(
                frame(TEXT, json.dumps({"type": "history.get", "room": "general", "id": label}))
                for label in asked))
            wait_until(lambda: counter(chat, "queue_bytes") > 262144, what="pages that wait")
            await talk(alice, bob, "general", 11, 5)  # and the server goes on
            assert counter(chat, "queue_bytes") < 3 * 262144 + 5 * TEXT_BYTES
            assert counter(chat, "rooms_store_reads_total") < 10
            answered = []
            while len(answered) < len(asked):
                got = slow.event()
                if got["type"] == "ack":
                    assert got["messages"]
                    answered.append(got["id"])
            assert answered == asked
            assert counter(chat, "too_slow_total") == 0


async def test_who_is_closed_for_it_costs_no_further_page(start):
    """Here one page is more than queue_hard: the second is too much."""
    chat = start()
    async with chat.v1("alice") as alice, chat.v1("bob") as bob:
        await talk(alice, bob, "general", 1, 10)
        with Slow(chat.nodes[0], "slow") as slow:
            slow.ask(type="room.join", room="general")
            slow.send(20 * frame(TEXT, '{"type":"history.get","room":"general","id":"1"}'))
            wait_until(lambda: counter(chat, "too_slow_total") == 1, what="the verdict")
            while (got := slow.data())[0] == TEXT:
                pass
            assert (got[0], int.from_bytes(got[1][:2], "big")) == (8, 4001)
            assert counter(chat, "rooms_store_reads_total") < 10
