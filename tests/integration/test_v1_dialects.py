# SPDX-License-Identifier: MIT
"""Both dialects in one room, and typing in both (protocol.md, parts 2 and 3)."""
import asyncio

import pytest
from cluster import BULK, meet, seqs, texts
from history_check import check
from transcript import Transcript

QUICK = {"typing": {"expire": "1s", "throttle": "0s"}}


def core_of(frame):
    """What both dialects tell of a message."""
    return {key: frame[key] for key in ("room", "user", "text", "seq", "ts")}


async def test_both_dialects_in_one_room_see_the_same(cluster):
    """Per room every connection sees records in `seq` order, each once."""
    chat = cluster(core=BULK)
    transcript = Transcript()
    async with chat.v1("alice", transcript=transcript) as alice, \
            chat.classic("bob", transcript=transcript) as bob, \
            chat.v1("carol", node=-1, transcript=transcript) as carol, \
            chat.classic("dave", node=-1, transcript=transcript) as dave:
        people = [alice, bob, carol, dave]
        await asyncio.gather(*(talk(client, 20) for client in people))
        views = [await client.hear(80) for client in people]
        for view in views:
            assert [core_of(f) for f in view] == [core_of(f) for f in views[0]]
        assert {frame["type"] for frame in views[0]} == {"message"}
        assert all("type" not in f and f["typing"] is False for f in views[1])
    check(transcript.entries).assert_good()


async def talk(client, n):
    for i in range(n):
        await client.say(f"{client.name} {i}")


async def test_both_dialects_get_the_same_page(cluster):
    chat = cluster(core=BULK)
    await chat.fill(60)
    async with chat.v1("alice", node=-1) as alice, chat.classic("bob", node=-1) as bob:
        hers, his = await alice.hear(50), await bob.hear(50)
        assert texts(his) == [f"m{i}" for i in range(11, 61)]
        assert [core_of(f) for f in hers] == [core_of(f) for f in his]


async def test_a_room_in_the_address_is_ignored(clusters):
    """`?room=` is ignored in this dialect."""
    chat = clusters()
    alice = chat.v1("alice", room=None)
    alice.path = lambda: "/ws?room=other"
    async with alice:
        assert (await alice.ask("message.send", room="other", text="x"))["code"] == "not_member"


# --- typing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["classic", "v1"])
async def test_typing_is_relayed_to_others_and_never_stored(chat, dialect, other):
    """A typing signal: relayed to the others, never stored. Event: `room, user, typing`."""
    async with chat.person(dialect, "alice") as alice, chat.person(other, "bob", node=-1) as bob:
        await meet(alice, bob)
        await alice.type()
        got = await bob.next(room="general", user="alice", typing=True)
        assert bob.is_typing(got, "alice") and "seq" not in got and "ts" not in got
        if other == "v1":
            assert got == {"type": "typing", "room": "general", "user": "alice", "typing": True}
        await alice.say("done")
        await alice.hears("done")  # the first that alice hears: no typing came back
        assert (await bob.hears("done"))["seq"] == 3
        async with chat.person(dialect, "carol", node=-1) as carol:
            assert seqs(await carol.hear(3)) == [1, 2, 3]
            await carol.say("end")
            await carol.hears("end")


async def test_who_stops_typing_or_falls_silent_is_told(cluster, dialect):
    """The server throttles, and expires it after some seconds of silence."""
    chat = cluster(sections=QUICK)
    async with chat.person(dialect, "alice") as alice, chat.v1("bob", node=-1) as bob:
        await meet(alice, bob)
        await alice.type()
        await bob.next(type="typing", user="alice", typing=True)
        await bob.next(type="typing", user="alice", typing=False)
        if dialect == "v1":
            await alice.type()
            await bob.next(type="typing", user="alice", typing=True)
            await alice.type(False)
            await bob.next(type="typing", user="alice", typing=False)
        await alice.say("end")
        await bob.hears("end")


async def test_who_leaves_does_not_type_any_more(cluster, dialect):
    chat = cluster(sections=QUICK)
    async with chat.v1("bob", node=-1) as bob:
        async with chat.person(dialect, "alice") as alice:
            await meet(alice, bob)
            await alice.type()
            await bob.next(type="typing", user="alice", typing=True)
        await bob.next(type="typing", user="alice", typing=False)


async def test_typing_goes_to_its_room_alone(chat):
    async with chat.v1("alice", room="a") as alice, chat.v1("bob", room="b", node=-1) as bob:
        await alice.join("b")
        await alice.say("hello", room="b")
        await bob.hears("hello")
        await alice.type(room="a")
        await alice.type(room="b")
        assert (await bob.next(type="typing", typing=True))["room"] == "b"


async def test_bad_typing_is_refused_and_good_typing_is_not_answered(chat):
    """Verb typing has no answer on success."""
    async with chat.v1("alice") as alice:
        for bad in (None, "yes", 1, [], {}):
            assert (await alice.ask("typing", room="general", typing=bad))["code"] == "bad_request"
        assert (await alice.ask("typing", room="general"))["code"] == "bad_request"
        assert (await alice.ask("typing", room="other", typing=True))["code"] == "not_member"
        await alice.send({"type": "typing", "id": "t-1", "room": "general", "typing": True})
        assert await alice.settle() == []


async def test_repeats_within_throttle_are_not_told(clusters):
    """The server throttles."""
    chat = clusters(sections={"typing": {"throttle": "60s", "expire": "60s"}})
    async with chat.v1("alice") as alice, chat.v1("bob") as bob:
        for _ in range(10):
            await alice.type()
        await alice.say("end")
        await bob.next(type="typing", user="alice", typing=True)
        await bob.hears("end")
