# SPDX-License-Identifier: MIT
"""The chatd.v1 client of tests/lib against a server whose every frame is the test's."""
import asyncio
import contextlib
import json

import pytest
import websockets
from client import Closed, Refused, Unknown
from client_v1 import V1Client
from transcript import Transcript


class Script:
    """A server that plays one scene per connection."""

    def __init__(self, *scenes):
        self.scenes = list(scenes)
        self.faults = []

    async def serve(self, ws, path):
        scene = self.scenes.pop(0)
        await ws.send(json.dumps({"type": "hello", "user": "alice", "limits": {}, "features": []}))
        try:
            await scene(Peer(ws))
        except AssertionError as fault:
            self.faults.append(fault)

    def ws(self, path):
        return f"ws://127.0.0.1:{self.port}{path}"


class Peer:
    """The server's side of a connection."""

    def __init__(self, ws):
        self.ws = ws

    async def expect(self, **fields):
        """The client's next frame, which is this; returns its id."""
        frame = json.loads(await self.ws.recv())
        number = frame.pop("id")
        for key in [key for key, value in fields.items() if value is ANY]:
            frame[key] = ANY
        assert frame == fields
        return number

    async def ack(self, number, **fields):
        await self.event("ack", id=number, **fields)

    async def event(self, type, **fields):
        await self.ws.send(json.dumps({"type": type, **fields}))

    async def joined(self, epoch="e1", seq=0, top=0, recovered=False, since=None):
        more = {} if since is None else {"since": {"epoch": since[0], "seq": since[1]}}
        await self.ack(await self.expect(type="room.join", room="r", **more), room="r", epoch=epoch,
                       seq=seq, top=top, recovered=recovered)

    async def message(self, seq, text="x"):
        await self.event("message", room="r", seq=seq, ts=1, user="bob", text=text)

    async def cut(self):
        self.ws.transport.abort()

    async def stay(self):
        await self.ws.wait_closed()


ANY = object()


@contextlib.asynccontextmanager
async def play(*scenes, **options):
    script = Script(*scenes)
    async with websockets.serve(script.serve, "127.0.0.1", 0, subprotocols=["chatd.v1"]) as server:
        script.port = server.sockets[0].getsockname()[1]
        async with V1Client(script, name="alice", room="r", **options) as alice:
            yield alice
        assert not script.faults, script.faults[0]
        assert not script.scenes, "not all was played"


@pytest.mark.parametrize("events, position", [
    ([], ("e1", 5)),
    ([("message", 6), ("message", 7)], ("e1", 7)),
    ([("message", 6), ("gap", 7, 9)], ("e1", 9)),
    ([("message", 6), ("reset", "e2", 3)], ("e2", 3)),
    ([("message", 6), ("reset", "e2", 9)], ("e2", 6)),
    ([("reset", "e2", 3), ("message", 4)], ("e2", 4)),
], ids=repr)
async def test_it_resumes_from_the_position_that_the_events_left(events, position):
    async def first(peer):
        await peer.joined(seq=5)
        for event in events:
            if event[0] == "message":
                await peer.message(event[1])
            elif event[0] == "gap":
                await peer.event("gap", room="r", epoch="e1", **{"from": event[1], "to": event[2]})
            else:
                await peer.event("reset", room="r", epoch=event[1], seq=event[2])
        await peer.event("message", room="unknown", seq=1, user="bob", text="end")
        await peer.stay()

    async def second(peer):
        await peer.joined(position[0], position[1], 10, True, since=position)
        await peer.message(position[1] + 1, "resumed")
        await peer.stay()

    async with play(first, second, reconnects=True) as alice:
        await alice.until(text="end")
        assert alice.positions["r"] == position
        await alice.drop()
        await alice.until(text="resumed")
        assert alice.positions["r"] == (position[0], position[1] + 1)


async def test_an_ack_sets_the_position_before_the_message_behind_it_is_looked_at():
    async def scene(peer):
        await peer.joined(seq=5)
        await peer.message(6)
        await peer.stay()
    async with play(scene) as alice:
        await alice.hears("x")
        assert alice.positions["r"] == ("e1", 6)


async def test_it_repeats_by_cid_after_a_reconnect_and_in_order():
    cids = []

    async def first(peer):
        await peer.joined()
        for text in ("one", "two"):
            frame = json.loads(await peer.ws.recv())
            assert frame["text"] == text
            cids.append(frame["cid"])
        await peer.cut()

    async def second(peer):
        await peer.joined(since=("e1", 0), recovered=True)
        for seq, (text, cid) in enumerate(zip(("one", "two"), cids), 1):
            number = await peer.expect(type="message.send", room="r", text=text, cid=cid)
            await peer.ack(number, room="r", seq=seq, cid=cid, duplicate=seq == 1)
        await peer.stay()

    transcript = Transcript()
    async with play(first, second, reconnects=True, transcript=transcript) as alice:
        acks = await asyncio.gather(alice.say_surely("one"), alice.say_surely("two"))
        assert [ack["seq"] for ack in acks] == [1, 2]
    assert [entry["op"] for entry in transcript.entries if "text" in entry] == \
        ["attempt", "attempt", "ok", "ok"]


@pytest.mark.parametrize("code, temporary", [("unavailable", True), ("not_member", False)])
async def test_it_repeats_what_may_be_repeated(code, temporary):
    async def scene(peer):
        await peer.joined()
        number = await peer.expect(type="message.send", room="r", text="x", cid=ANY)
        await peer.event("error", id=number, code=code, message="", temporary=temporary, retry_ms=1)
        number = await peer.expect(type="message.send", room="r", text="x", cid=ANY)
        await peer.ack(number, room="r", seq=1)
        await peer.stay()
    async with play(scene) as alice:
        assert (await alice.say_surely("x"))["seq"] == 1


async def test_it_does_not_repeat_what_was_refused_for_good():
    async def scene(peer):
        await peer.joined()
        number = await peer.expect(type="message.send", room="r", text="x", cid=ANY)
        await peer.event("error", id=number, code="too_large", message="no", temporary=False)
        await peer.stay()
    transcript = Transcript()
    async with play(scene, transcript=transcript) as alice:
        with pytest.raises(Refused, match="too_large"):
            await alice.say_surely("x")
    assert transcript.of("fail", text="x", code="too_large")


async def test_without_a_repeat_an_answer_that_never_came_is_unknown():
    async def scene(peer):
        await peer.joined()
        await peer.expect(type="message.send", room="r", text="x")
        await peer.cut()
    transcript = Transcript()
    async with play(scene, transcript=transcript) as alice:
        with pytest.raises(Unknown):
            await alice.say("x")
        with pytest.raises(Closed):
            await alice.next()
    assert transcript.of("unknown", text="x")


async def test_a_join_is_repeated_while_the_store_is_away():
    async def first(peer):
        await peer.joined(seq=3)
        await peer.cut()

    async def second(peer):
        number = await peer.expect(type="room.join", room="r", since={"epoch": "e1", "seq": 3})
        await peer.event("error", id=number, code="unavailable", message="", temporary=True,
                         retry_ms=1)
        await peer.joined("e1", 3, 3, True, since=("e1", 3))
        await peer.message(4, "there")
        await peer.stay()

    async with play(first, second, reconnects=True) as alice:
        await alice.hears("there")


async def test_it_fetches_what_a_gap_left_out():
    async def scene(peer):
        await peer.joined()
        await peer.event("gap", room="r", epoch="e1", **{"from": 1, "to": 3})
        for after, rows in ((0, [1, 2]), (2, [3])):
            number = await peer.expect(type="history.get", room="r", after=after, limit=3 - after)
            await peer.ack(number, room="r", epoch="e1", top=3, more=after == 0, messages=[
                {"seq": seq, "ts": 1, "user": "bob", "text": f"m{seq}"} for seq in rows])
        await peer.message(4, "end")
        await peer.stay()
    transcript = Transcript()
    async with play(scene, fetches=True, transcript=transcript) as alice:
        await alice.until(text="end")
    assert [entry["seq"] for entry in transcript.of("fetched")] == [1, 2, 3]


async def test_after_4501_it_does_not_come_back():
    async def scene(peer):
        await peer.joined()
        await peer.ws.close(4501)
    async with play(scene, reconnects=True) as alice:
        assert await alice.closed() == 4501
