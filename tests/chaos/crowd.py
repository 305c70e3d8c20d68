# SPDX-License-Identifier: MIT
"""A crowd that talks at a fixed rate and comes back when it is cut off, while a test does harm."""
import asyncio
import random
import time

import requests
from client import Refused, Unknown
from history_check import check
from server import DEADLINE
from transcript import Transcript

SETTLE = 3 * DEADLINE
END = "the end"
RESUME_MAX = 1000  # [rooms]'s default
LARGE_EVERY, LARGE_BYTES = 8, 3000  # so that who reads nothing is soon behind


class Crowd:
    """`groups` of people, dealt to the instances: two chatd.v1 clients that talk, one that reads, and a classic
    one. Whoever is cut off comes back at the next instance. The transcript lies in the test's folder.

    With several `rooms` each of them is in some, drawn by `dice`; classic ones, being in one room, talk too,
    now and then. `narrow`: of each group one of either dialect has small buffers, for pause()."""

    def __init__(self, chat, folder, rate=100, rooms=("general",), groups=None, dice=None,
                 classic=True, narrow=False):
        self.chat, self.rate, self.rooms = chat, rate, list(rooms)
        self.dice = dice or random.Random(0)
        self.transcript = Ends(folder / "transcript.jsonl")
        self.speakers, self.readers, self.classics, self.narrow = [], [], [], []
        for i in range(groups or len(chat.nodes)):
            self.speakers += [self._person("v1", f"speaker{i}{n}", i, 2 * i + n) for n in range(2)]
            self.readers.append(self._person("v1", f"reader{i}", i))
            if classic:
                self.classics.append(self._person("classic", f"classic{i}", i))
            if narrow:
                self.narrow.append(self._person("v1", f"slow{i}", i, narrow=True, fetches=i % 2 == 0))
                self.narrow.append(self._person("classic", f"slowclassic{i}", i, -i, narrow=True))
        self.says = []
        self.unsure = []  # of classic speakers, who cannot repeat
        self.talking = None

    def _person(self, dialect, name, i, home=None, **options):
        """The i-th of its kind. Its first room is that number `home`."""
        node = i % len(self.chat.nodes)
        room = self.rooms[(i if home is None else home) % len(self.rooms)]
        person = self.chat.person(dialect, name, room=room, transcript=self.transcript,
                                  reconnects=True, **options)
        person.servers = self.chat.nodes[node:] + self.chat.nodes[:node]
        others = [name for name in self.rooms if name != room]
        person.haunts = [room]
        if dialect == "v1":
            person.haunts += self.dice.sample(others, min(2, len(others)))
        return person

    @property
    def people(self):
        return self.speakers + self.readers + self.classics + self.narrow

    async def __aenter__(self):
        try:
            await asyncio.gather(*(self._open(person) for person in self.people))
        except BaseException:
            await self.__aexit__()
            raise
        self.talking = asyncio.create_task(self._talk())
        return self

    async def _open(self, person):
        await person.open()
        for room in person.haunts[1:]:
            await person.join(room)

    async def __aexit__(self, *exception):
        if self.talking is not None:
            self.talking.cancel()
        for say in self.says + self.unsure:
            say.cancel()
        await asyncio.gather(*(person.close() for person in self.people))
        self.transcript.close()

    async def _talk(self):
        """By the clock: it does not wait for answers."""
        began, n = time.monotonic(), 0
        while True:
            while n < (time.monotonic() - began) * self.rate:
                self._say(n)
                n += 1
            for person in self.people:
                person.pending()  # it is in the transcript
            await asyncio.sleep(0.005)

    def _say(self, n):
        text = f"m{n}"
        if len(self.rooms) == 1:
            speaker = self.speakers[n % len(self.speakers)]
        else:
            if n % LARGE_EVERY == 0:
                text += " " + "x" * LARGE_BYTES
            if n % 10 == 5 and self.classics:
                say = self._say_once(self.dice.choice(self.classics), text)
                self.unsure.append(asyncio.create_task(say))
                return
            speaker = self.dice.choice(self.speakers)
        say = speaker.say_surely(text, self.dice.choice(speaker.haunts), deadline=SETTLE)
        self.says.append(asyncio.create_task(say))

    async def _say_once(self, person, text):
        try:
            await person.say(text)
        except (Refused, Unknown, asyncio.TimeoutError):
            pass  # the transcript says so

    def acknowledged(self):
        return sum(say.done() and not say.cancelled() and say.exception() is None
                   for say in self.says)

    async def goes_on(self, n=100):
        """Waits until n more messages are acknowledged."""
        await until(lambda goal=self.acknowledged() + n: self.acknowledged() >= goal,
                    f"{n} acknowledgements")

    async def end(self):
        """Says no more, waits until all is answered and seen by everybody, reads the logs from every
        instance; returns the Report."""
        self.talking.cancel()
        await asyncio.wait_for(asyncio.gather(*self.says, *self.unsure), SETTLE)
        for room in self.rooms:
            somebody = next(person for person in self.speakers if room in person.haunts)
            await somebody.say_surely(f"{END} of {room}", room, deadline=SETTLE)
        for person in self.people:
            assert not person.life.done(), f"{person.reader} gave up: {person.life.exception()!r}"
        missing = {(person.reader, room) for person in self.people for room in person.haunts}
        refused = {person.reader: repr(person.refusal) for person in self.people if person.ws.closed}
        await until(lambda: missing <= self.transcript.ended, lambda: f"the end: "
                    f"{sorted(missing - self.transcript.ended)}, {refused}")
        for room in self.rooms:
            for node in range(len(self.chat.nodes)):
                self.transcript.add("log", **await asyncio.to_thread(self._log, room, node))
        return check(self.transcript.entries, RESUME_MAX)

    def _log(self, room, node):
        """All that a room's log holds, by way of HTTP."""
        rows, before = [], None
        while True:
            answer = requests.get(
                f"{self.chat.nodes[node].http}/api/v1/rooms/{room}/messages", timeout=DEADLINE,
                params={"limit": 200, **({"before": before} if before else {})},
                headers={"Authorization": "Bearer " + self.chat.token("historian")})
            answer.raise_for_status()
            page = answer.json()
            rows = [[m["seq"], m["user"], m["text"]] for m in page["messages"]] + rows
            if not page["more"]:
                return {"room": room, "epoch": page["epoch"], "rows": rows}
            before = page["messages"][0]["seq"]

    def epochs(self):
        """The epochs that the chatd.v1 readers are in now."""
        return {reader.positions[self.rooms[0]][0] for reader in self.readers}


class Ends(Transcript):
    """A transcript that knows who has come to the end of which room: has it, or was told by a gap that it misses it."""

    def __init__(self, path):
        super().__init__(path)
        self.ended = set()  # (reader, room)
        self.places = {}  # (room, epoch): seq of the end
        self.gaps = {}  # (reader, room): (epoch, to) of its latest gap

    def add(self, op, **fields):
        super().add(op, **fields)
        if op in ("record", "fetched") and fields["text"].startswith(END):
            self.places[fields["room"], fields["epoch"]] = fields["seq"]
            self.ended.add((fields["reader"], fields["room"]))
            self.ended |= {key for key in self.gaps if self._leaps(key)}
        elif op == "gap":
            self.gaps[fields["reader"], fields["room"]] = fields["epoch"], fields["to"]
            if self._leaps((fields["reader"], fields["room"])):
                self.ended.add((fields["reader"], fields["room"]))
        elif op == "join" and fields["seq"] is None:
            # Classic: it begins anew with a page, which a worker that lags behind ends where it is itself.
            self.ended.discard((fields["reader"], fields["room"]))

    def _leaps(self, key):
        """Over the end."""
        epoch, to = self.gaps[key]
        return to >= self.places.get((key[1], epoch), to + 1)


async def until(condition, what):
    end = time.monotonic() + SETTLE
    while not condition():
        late = time.monotonic() > end
        assert not late, f"{what() if callable(what) else what} did not come within {SETTLE} s"
        await asyncio.sleep(0.02)
