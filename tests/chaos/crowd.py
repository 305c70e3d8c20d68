# SPDX-License-Identifier: MIT
"""A crowd that talks at a fixed rate and comes back when it is cut off, while a test does harm."""
import asyncio
import time

from history_check import check
from server import DEADLINE
from transcript import Transcript

SETTLE = 3 * DEADLINE


class Crowd:
    """On each instance two chatd.v1 clients that talk, one that reads and a classic one that reads.
    Whoever is cut off comes back at the next instance. The transcript lies in the test's folder."""

    def __init__(self, chat, folder, rate=100, classic=True):
        self.chat, self.rate = chat, rate
        self.transcript = Transcript(folder / "transcript.jsonl")
        self.speakers, self.readers, self.classics = [], [], []
        nodes = range(len(chat.nodes))
        for i in nodes:
            self.speakers += [self._person("v1", f"speaker{i}{n}", i) for n in range(2)]
            self.readers.append(self._person("v1", f"reader{i}", i))
            if classic:
                self.classics.append(self._person("classic", f"classic{i}", i))
        self.says = []
        self.talking = None

    def _person(self, dialect, name, node):
        person = self.chat.person(dialect, name, transcript=self.transcript, reconnects=True)
        person.servers = self.chat.nodes[node:] + self.chat.nodes[:node]
        return person

    @property
    def people(self):
        return self.speakers + self.readers + self.classics

    async def __aenter__(self):
        await asyncio.gather(*(person.open() for person in self.people))
        self.talking = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *exception):
        self.talking.cancel()
        await asyncio.gather(*(person.close() for person in self.people))
        self.transcript.close()

    async def _talk(self):
        """By the clock: it does not wait for answers."""
        began, n = time.monotonic(), 0
        while True:
            while n < (time.monotonic() - began) * self.rate:
                speaker = self.speakers[n % len(self.speakers)]
                say = speaker.say_surely(f"m{n}", deadline=SETTLE)
                self.says.append(asyncio.create_task(say))
                n += 1
            await asyncio.sleep(0.005)

    def acknowledged(self):
        return sum(say.done() and say.exception() is None for say in self.says)

    async def goes_on(self, n=100):
        """Waits until n more messages are acknowledged."""
        await until(lambda goal=self.acknowledged() + n: self.acknowledged() >= goal,
                    f"{n} acknowledgements")

    async def end(self):
        """Says no more, waits until all is answered and seen by everybody; returns the Report."""
        self.talking.cancel()
        await asyncio.wait_for(asyncio.gather(*self.says), SETTLE)
        await self.speakers[0].say_surely("the end", deadline=SETTLE)
        for reader in (person.reader for person in self.people):
            await until(lambda: self.transcript.of("record", reader=reader, text="the end"),
                        f"{reader} at the end")
        return check(self.transcript.entries)

    def epochs(self):
        """The epochs that the chatd.v1 readers are in now."""
        return {reader.positions["general"][0] for reader in self.readers}


async def until(condition, what):
    end = time.monotonic() + SETTLE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {SETTLE} s"
        await asyncio.sleep(0.02)
