# SPDX-License-Identifier: MIT
"""Two people who chat while others attack, and somebody who logs in every second."""
import asyncio
import time

import requests
from client import Refused, Unknown
from client_v1 import V1Client
from history_check import check
from raw_ws import PASSWORD, account
from server import DEADLINE
from transcript import Transcript

EVERY_S = 0.07
LOGIN_EVERY_S = 1.0
ROOM = "pair"


class From(requests.adapters.HTTPAdapter):
    """Connects from that address of this machine."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **options):
        super().init_poolmanager(*args, source_address=(self.address, 0), **options)


class Stamped(V1Client):
    """Notes when each message came."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.came = {}

    def take(self, frame):
        if frame["type"] == "message":
            self.came[frame["text"]] = time.monotonic()
        super().take(frame)


class Pair:
    """Of real accounts, with real logins. talk() until stop(); then judge() and the figures."""

    def __init__(self, server):
        self.server = server
        self.transcript = Transcript()
        self.sent, self.says = {}, []
        self.logins = []  # (seconds, status or the name of an error)
        self.people = []
        self.is_on = True

    async def open(self):
        for name in "alice", "bob":
            token = await asyncio.to_thread(account, self.server, name)
            self.people.append(Stamped(self.server, token, name, ROOM, transcript=self.transcript))
        await asyncio.gather(*(person.open() for person in self.people))
        return self

    async def close(self):
        await asyncio.gather(*(person.close() for person in self.people))

    def stop(self):
        self.is_on = False

    async def talk(self):
        """By the clock: neither waits for an answer before going on."""
        began, n = time.monotonic(), 0
        while self.is_on:
            for person in self.people:
                text = f"{person.name} {n}"
                self.sent[text] = time.monotonic()
                self.says.append(person.say_later(text))
                person.pending()  # it is in the transcript
            n += 1
            await asyncio.sleep(max(0, began + n * EVERY_S - time.monotonic()))

    async def log_in_and_out(self):
        while self.is_on:
            began = time.monotonic()
            self.logins.append(await asyncio.to_thread(self._log_in))
            await asyncio.sleep(max(0, began + LOGIN_EVERY_S - time.monotonic()))

    def _log_in(self):
        """Each time from another address, as people do: one logs in once."""
        began = time.monotonic()
        try:
            with requests.Session() as session:
                session.mount("http://", From(f"127.77.0.{1 + len(self.logins)}"))
                status = session.post(self.server.http + "/login", timeout=DEADLINE,
                                      json={"user": "alice", "password": PASSWORD}).status_code
        except requests.RequestException as error:
            status = type(error).__name__
        return time.monotonic() - began, status

    async def settle(self):
        """All is answered, and has come to both."""
        await asyncio.wait_for(asyncio.gather(*self.says), DEADLINE)

        async def all_came():
            while any(text not in person.came for text in self.sent for person in self.people):
                await asyncio.sleep(0.01)
        await asyncio.wait_for(all_came(), DEADLINE)

    # -- what became of it ----------------------------------------------------------------------

    def judge(self):
        """Fails on what was lost, doubled or reordered. Strangers in the room say the same again and again, and
        nothing of it was announced."""
        names = {person.name for person in self.people}
        strangers, entries = {}, []
        for entry in self.transcript.entries:
            if entry["op"] == "record" and entry["user"] not in names:
                entry = {**entry, "text": f"{entry['text']} {entry['seq']}"}
                strangers[entry["room"], entry["user"], entry["text"]] = None
            entries.append(entry)
        attempts = [{"op": "attempt", "room": room, "user": user, "text": text, "cid": None}
                    for room, user, text in strangers]
        check(attempts + entries).assert_good()

    def latencies(self):
        """Seconds, of each message to the other one."""
        alice, bob = self.people
        return sorted((bob if text.startswith(alice.name) else alice).came[text] - sent
                      for text, sent in self.sent.items())

    def refused(self):
        """Messages that the server did not take, by code."""
        codes = {}
        for say in self.says:
            error = say.exception()
            if isinstance(error, (Refused, Unknown)):
                code = error.code if isinstance(error, Refused) else "unknown"
                codes[code] = codes.get(code, 0) + 1
        return codes


def quantile(values, q):
    """Of sorted values, the one that the fraction q does not exceed."""
    return values[min(len(values) - 1, int(q * len(values)))]
