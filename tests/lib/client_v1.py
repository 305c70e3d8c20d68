# SPDX-License-Identifier: MIT
"""The client for chatd.v1.

    async with V1Client(server, token, "alice", room="general") as alice:
        ack = await alice.say("Hello")          # acknowledged: ack["seq"]
        mine = await alice.hears("Hello")       # the next event, which must be this message

With reconnects=True it resumes every room from its position, and repeats what say_surely() has no
answer to. The position in a room is (epoch, seq): the ack of room.join sets it, a message moves it
to its seq, a gap to its end, a reset to the new epoch and back to the smaller seq.
"""
import asyncio
import itertools
import json
import uuid

from client import Client, Refused, Say, Unknown
from server import DEADLINE

RETRY_S = 0.2  # before a refused message is repeated, when the server names no time


class OtherEpoch(Exception):
    """What was read belongs to another epoch than what it was read for."""


class V1Client(Client):
    """chatd.v1. `room`: joined when it opens, and the one that verbs mean when none is named."""

    subprotocols = ["chatd.v1"]

    def __init__(self, *args, fetches=False, **options):
        super().__init__(*args, **options)
        self.fetches = fetches  # what a gap left out, by itself
        self.hello = None
        self.positions = {}  # room: (epoch, seq), or None without a log; the rooms it is in
        self.answers = {}  # id: what to call with the answer, or with None when it is lost
        self.says = {}  # number: Say that has no answer yet
        self.numbers = itertools.count(1)

    async def open(self):
        await super().open()
        if self.room is not None:
            await self.join(self.room)
        return self

    async def _connect(self):
        await super()._connect()
        self.hello = json.loads(await asyncio.wait_for(self.ws.recv(), DEADLINE))
        assert self.hello["type"] == "hello", self.hello
        self.name = self.name or self.hello["user"]

    # -- requests -------------------------------------------------------------------------------

    async def ask(self, type, **arguments):
        """Sends a request; returns its answer, ack or error. Raises Unknown when it is lost."""
        return await soon(self.ask_later(type, **arguments))

    def ask_later(self, type, on_answer=None, **arguments):
        """The request is sent in its turn, the future has its answer. `on_answer` is called in the
        order of frames, before the next one is looked at."""
        answer = asyncio.get_running_loop().create_future()
        number = f"{next(self.numbers)}"

        def take(frame):
            if on_answer is not None:
                on_answer(frame)
            if answer.done():
                return
            if frame is None:
                fail(answer, Unknown(f"{type} {arguments}"))
            else:
                answer.set_result(frame)
        if self.ws.closed:
            take(None)
        else:
            self.answers[number] = take
            self.spawn(self.send({"type": type, "id": number, **arguments}))
        return answer

    async def request(self, type, **arguments):
        """Its ack; raises Refused."""
        return good(await self.ask(type, **arguments))

    async def join(self, room, since=None):
        """room.join; `since` is (epoch, seq). Returns the ack."""
        return good(await soon(self.join_later(room, since)))

    def join_later(self, room, since=None):
        def joined(frame):
            if frame is not None and frame["type"] == "ack":
                self.positions[room] = (frame["epoch"], frame["seq"]) if "epoch" in frame else None
                self.note("join", room=room, since=since, epoch=frame.get("epoch"),
                          seq=frame.get("seq"), top=frame.get("top"),
                          recovered=frame["recovered"])
        arguments = {"since": {"epoch": since[0], "seq": since[1]}} if since else {}
        return self.ask_later("room.join", joined, room=room, **arguments)

    async def leave(self, room=None):
        room = self._meant(room)

        def left(frame):
            if frame is not None and frame["type"] == "ack":
                self.positions.pop(room, None)
                self.note("leave", room=room)
        return good(await soon(self.ask_later("room.leave", left, room=room)))

    def _meant(self, room):
        """The room of a call that may name none: the first one, else the only one it is in."""
        return room or self.room or (next(iter(self.positions)) if self.positions else None)

    async def history(self, room=None, **arguments):
        return await self.request("history.get", room=self._meant(room), **arguments)

    async def type(self, on=True, room=None):
        """No answer on success; a refusal comes into the inbox."""
        await self.send({"type": "typing", "room": self._meant(room), "typing": on})

    def is_typing(self, frame, user, on=True):
        return (frame.get("type"), frame.get("user"), frame.get("typing")) == ("typing", user, on)

    async def settle(self):
        """All frames that came before the answer to a request of now."""
        await self.ask("no.such.verb")
        return self.pending()

    # -- messages -------------------------------------------------------------------------------

    async def say(self, text, room=None, cid=None):
        """message.send, once; returns the ack. Raises Refused, or Unknown."""
        return await soon(self.say_later(text, room, cid))

    async def say_surely(self, text, room=None, deadline=DEADLINE):
        """Draws a cid and repeats until there is an answer for good."""
        say = self.say_later(text, room, uuid.uuid4().hex, True)
        return await asyncio.wait_for(say, deadline)

    async def say_all(self, texts, room=None, window=32):
        """Many messages, at most `window` on their way; returns the acks."""
        answers = []
        for text in texts:
            if len(answers) >= window:
                await soon(answers[-window])
            answers.append(self.say_later(text, room))
        return [await soon(answer) for answer in answers]

    def say_later(self, text, room=None, cid=None, repeats=False):
        """The future of the ack."""
        say = Say(self._meant(room), text, cid, repeats)
        self.note_say("attempt", say)
        self.says[id(say)] = say
        self._transmit(say)
        return say.answer

    def _transmit(self, say):
        arguments = {"room": say.room, "text": say.text}
        if say.cid is not None:
            arguments["cid"] = say.cid
        self.ask_later("message.send", lambda frame: self._answered(say, frame), **arguments)

    def _answered(self, say, frame):
        if say.repeats and (frame is None or may_repeat(frame)):
            if frame is not None:  # else it is repeated after the reconnect
                self.spawn(self._repeat(say, frame.get("retry_ms", RETRY_S * 1000) / 1000))
            return
        self.says.pop(id(say), None)
        if say.answer.done():
            return  # nobody waits any more
        if frame is None:
            self.note_say("unknown", say)
            fail(say.answer, Unknown(say.text))
        elif frame["type"] == "ack":
            epoch = (self.positions.get(say.room) or (None,))[0]
            self.note_say("ok", say, epoch=epoch, seq=frame.get("seq"),
                          duplicate=frame.get("duplicate", False))
            say.answer.set_result(frame)
        else:
            self.note_say("fail", say, code=frame["code"])
            fail(say.answer, Refused(frame))

    async def _repeat(self, say, delay):
        connections = self.connections
        await asyncio.sleep(delay)
        if connections == self.connections and not self.ws.closed:
            self._transmit(say)  # after a reconnect it is repeated with all others

    # -- frames ---------------------------------------------------------------------------------

    def take(self, frame):
        kind = frame["type"]
        if kind in ("ack", "error") and frame.get("id") in self.answers:
            self.answers.pop(frame["id"])(frame)
            return
        if kind in ("message", "gap", "reset"):
            getattr(self, f"_on_{kind}")(frame)
        super().take(frame)

    def _on_message(self, frame):
        position = self.positions.get(frame["room"])
        self.note_record("record", frame, position and position[0])
        if position is not None:
            self.positions[frame["room"]] = (position[0], frame["seq"])

    def _on_gap(self, frame):
        self.note("gap", room=frame["room"], epoch=frame["epoch"],
                  **{"from": frame["from"], "to": frame["to"]})
        self.positions[frame["room"]] = (frame["epoch"], frame["to"])
        if self.fetches:
            self.spawn(self._fetch_if_it_can(frame))

    def _on_reset(self, frame):
        self.note("reset", room=frame["room"], epoch=frame["epoch"], seq=frame["seq"])
        _, seq = self.positions.get(frame["room"]) or (None, 0)
        self.positions[frame["room"]] = (frame["epoch"], min(seq, frame["seq"]))

    async def _fetch_if_it_can(self, gap):
        try:
            await self.fetch(gap)
        except (Unknown, Refused, OtherEpoch, asyncio.TimeoutError):
            pass  # it stays a gap

    async def fetch(self, gap):
        """Reads what a gap left out; returns the rows."""
        rows, at = [], gap["from"] - 1
        while at < gap["to"]:
            page = await self.history(gap["room"], after=at, limit=min(200, gap["to"] - at))
            if page["epoch"] != gap["epoch"]:
                raise OtherEpoch(page["epoch"])  # a reset is on its way
            if not page["messages"]:
                break
            for row in page["messages"]:
                self.note_record("fetched", {"room": gap["room"], **row}, page["epoch"])
            rows += page["messages"]
            at = rows[-1]["seq"]
        return rows

    # -- reconnects -----------------------------------------------------------------------------

    def opened(self):
        if self.connections > 1:
            self.spawn(self._resume())

    async def _resume(self):
        """Back into every room from its position, then what has no answer, in its order."""
        try:
            for room in list(self.positions):
                while True:
                    answer = await soon(self.join_later(room, self.positions.get(room)))
                    if answer["type"] == "ack" or not answer["temporary"]:
                        break
                    await asyncio.sleep(answer.get("retry_ms", RETRY_S * 1000) / 1000)
            for say in list(self.says.values()):
                self._transmit(say)
        except (Unknown, asyncio.TimeoutError):
            if not self.ws.closed:  # a join without an answer: anew
                await self.drop()

    def lost(self):
        answers, self.answers = self.answers, {}
        for answer in answers.values():
            answer(None)

    def gave_up(self):
        for say in list(self.says.values()):
            say.repeats = False
            self._answered(say, None)


def soon(future):
    return asyncio.wait_for(future, DEADLINE)


def fail(future, error):
    future.set_exception(error)
    future.exception()  # whoever does not wait for it does not care


def good(answer):
    if answer["type"] != "ack":
        raise Refused(answer)
    return answer


def may_repeat(frame):
    """Not stored now, or unknown: with its cid it may be sent again. A room that a reconnect has
    not entered yet counts, too."""
    return frame["type"] == "error" and (frame["temporary"] or frame["code"] == "not_member")
