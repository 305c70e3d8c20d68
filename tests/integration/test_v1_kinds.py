# SPDX-License-Identifier: MIT
"""Records of kinds to come: they ride the way of messages, and no client makes them."""
import json

import pytest
import requests
from server import BUILD, DEADLINE
from test_v1_slow import Slow

PROBE = {"probe": BUILD / "lib" / "chatd-probe" / "probe.so"}
EDIT = {"user": "alice", "room": "general", "kind": "edit", "ref": 1, "text": "m1, mended"}
MARK = {"user": "bob", "kind": "x-mark", "ref": 2}  # without a text, which a message must have


@pytest.fixture
def chat(cluster):
    return cluster(plugins=PROBE)


def append(chat, record, room="general"):
    """Puts a record into the log as a plugin does; returns its seq."""
    arguments = {"op": "append", "room": room, "user": record["user"], "record": json.dumps(record)}
    answer = requests.get(chat.nodes[0].http + "/probe/log", params=arguments, timeout=DEADLINE).json()
    assert answer["err"] == 0, answer
    return answer["seq"]


def shows(frame, record, seq):
    """Whether a frame, or the row of a page, is that record."""
    expected = {"user": record["user"], "kind": record["kind"], "ref": record["ref"],
                "text": record.get("text", ""), "seq": seq}
    return {key: frame.get(key) for key in expected} == expected


async def test_other_kinds_come_live_in_order_and_classic_shows_none(chat):
    async with chat.v1("alice") as alice, chat.classic("carol", node=-1) as carol, \
            chat.v1("bob", node=-1) as bob:
        await alice.say("m1")
        assert (append(chat, EDIT), append(chat, MARK)) == (2, 3)
        await alice.say("m4")
        for client in (alice, bob):
            await client.hears("m1", seq=1)
            assert shows(await client.next(type="message"), EDIT, 2)
            assert shows(await client.next(type="message"), MARK, 3)
            await client.hears("m4", seq=4)
            assert client.positions["general"][1] == 4
        await carol.hears("m1", seq=1)
        await carol.hears("m4", seq=4)


async def test_other_kinds_are_in_the_first_page_and_in_what_was_missed(chat):
    async with chat.v1("alice") as alice:
        await alice.say("m1")
        append(chat, EDIT)
        append(chat, MARK)
        epoch = alice.positions["general"][0]
    for node in (0, -1):
        async with chat.v1("bob", node=node) as bob, chat.classic("carol", node=node) as carol:
            await bob.hears("m1", seq=1)
            assert shows(await bob.next(), EDIT, 2) and shows(await bob.next(), MARK, 3)
            await carol.hears("m1", seq=1)
            assert await bob.settle() == []
        async with chat.v1("bob", node=node, room=None) as bob:
            ack = await bob.join("general", since=(epoch, 1))
            assert (ack["recovered"], ack["seq"], ack["top"]) == (True, 1, 3)
            assert shows(await bob.next(), EDIT, 2) and shows(await bob.next(), MARK, 3)
            await bob.leave("general")
            # A position may be that of a record nobody shows: nothing is missing after it.
            ack = await bob.join("general", since=(epoch, 3))
            assert (ack["recovered"], ack["seq"], ack["top"]) == (True, 3, 3)
            assert await bob.settle() == []


async def test_a_room_of_nothing_but_other_kinds_is_empty_to_classic(chat):
    for i in range(1, 61):  # more than a page
        assert append(chat, MARK) == i
    async with chat.v1("bob", node=-1) as bob, chat.classic("carol", node=-1) as carol:
        assert [frame["seq"] for frame in await bob.hear(50)] == list(range(11, 61))
        await bob.say("m61")
        await bob.hears("m61", seq=61)
        await carol.hears("m61", seq=61)


async def test_pages_have_other_kinds(chat):
    async with chat.v1("alice") as alice:
        await alice.say("m1")
        append(chat, EDIT)
        append(chat, MARK)
        for page in (await alice.history(), chat.get("/api/v1/rooms/general/messages").json()):
            assert page["top"] == 3 and not page["more"]
            rows = page["messages"]
            assert (rows[0]["text"], rows[0]["seq"]) == ("m1", 1)
            assert shows(rows[1], EDIT, 2) and shows(rows[2], MARK, 3)
        page = await alice.history(after=1, limit=1)
        assert shows(page["messages"][0], EDIT, 2) and (page["more"], page["next"]) == (True, 2)


async def test_a_gap_covers_other_kinds(cluster):
    chat = cluster(plugins=PROBE, core={"queue_soft": "4k", "queue_hard": "8k", "unsent_max": "16k",
                                        "verb_rate": "0", "write_timeout": "10m", "ping_interval": "10m"},
                   sections={"rooms": {"history_on_join": "0"}})
    large = {**EDIT, "text": "x" * 4000}
    async with chat.v1("alice") as alice:
        with Slow(chat.nodes[-1], "slow") as slow:
            slow.ask(type="room.join", room="general")
            last = 0
            while last < 40:
                last = append(chat, large)
                assert shows(await alice.next(), large, last)
            at, gaps = 0, 0
            while at < last:
                got = slow.event()
                if got["type"] == "gap":
                    assert got["from"] == at + 1
                    at, gaps = got["to"], gaps + 1
                else:
                    assert shows(got, large, at + 1)
                    at += 1
            assert gaps >= 1
            append(chat, MARK)
            assert shows(slow.event(), MARK, last + 1)


@pytest.mark.parametrize("extra", [{"kind": "edit"}, {"kind": "edit", "ref": 1}, {"ref": 1},
                                   {"kind": {"a": 1}}, {"seq": 77, "ts": 1}, {"user": "mallory"}])
async def test_a_client_cannot_send_them(clusters, extra):
    """What it says beside room, text and cid is ignored, and not stored."""
    chat = clusters(plugins=PROBE)
    async with chat.v1("alice") as alice, chat.classic("carol") as carol:
        ack = await alice.request("message.send", room="general", text="m1", **extra)
        await carol.hears("m1", seq=ack["seq"], user="alice")
        got = await alice.hears("m1", seq=1, user="alice")
        assert "kind" not in got and "ref" not in got
        await carol.send({"text": "m2", **extra})
        got = await alice.hears("m2", seq=2, user="carol")
        assert "kind" not in got and "ref" not in got
    answer = requests.get(chat.nodes[0].http + "/probe/log", timeout=DEADLINE,
                          params={"op": "before", "room": "general", "seq": 0, "limit": 10}).json()
    stored = [json.loads(record) for _, _, record in answer["records"]]
    assert stored == [{"user": "alice", "room": "general", "text": "m1"},
                      {"user": "carol", "room": "general", "text": "m2"}]
