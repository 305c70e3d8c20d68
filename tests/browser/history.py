# SPDX-License-Identifier: MIT
"""Fills rooms with messages, as a second person would."""
import asyncio

import requests
from client_v1 import V1Client

from window import PASSWORD

# For servers that a test fills: nobody writes ten thousand messages by hand.
FAST = {"verb_rate": "0", "frame_rate": "0"}


class Writer:
    """Somebody with an account and no browser."""

    def __init__(self, server, user="writer"):
        self.server, self.user = server, user
        body = {"user": user, "password": PASSWORD}
        requests.post(f"{server.http}/register", json=body).raise_for_status()
        answer = requests.post(f"{server.http}/login", json=body)
        answer.raise_for_status()
        self.token = answer.json()["token"]

    def write(self, texts, room="general"):
        """All of them, in this order; returns when they are stored."""
        asyncio.run(self._write(list(texts), room))

    async def _write(self, texts, room):
        async with V1Client(self.server, self.token, self.user, room=room) as client:
            await client.say_all(texts, window=30)


def texts_of(count):
    """Messages as people write them: short ones, long ones, some with several lines."""
    words = "the rooms survive a restart and so does everything that was said in them".split()
    return [f"{number}: " + " ".join((words * 12)[:1 + number * 7 % (60 if number % 10 == 0 else 14)])
            + ("\nand a line" if number % 9 == 0 else "") for number in range(1, count + 1)]
