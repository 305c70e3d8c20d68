# SPDX-License-Identifier: MIT
"""Typing across three instances on one Redis: relayed, throttled, ended when its instance dies."""
import asyncio
import signal
import time

import pytest
from cluster import meet

QUICK = {"expire": "1s", "throttle": "0s"}


@pytest.fixture
def start(clusters):
    return lambda **typing: clusters(store="redis", instances=3, sections={"typing": typing})


async def test_typing_reaches_members_on_all_instances(start, dialect):
    chat = start(throttle="0s", expire="60s")
    async with chat.person(dialect, "alice") as alice, chat.v1("here") as here, \
            chat.v1("there", node=1) as there, chat.classic("far", node=2) as far:
        await meet(alice, here, there, far)
        await alice.type()
        for client in (here, there):
            await client.next(type="typing", room="general", user="alice", typing=True)
        assert far.is_typing(await far.next(), "alice")
        await alice.say("done")
        for client in (here, there, far, alice):
            await client.hears("done")


async def test_typing_is_throttled_for_all_instances(start, dialect):
    """Told at most every `throttle` that somebody still types."""
    chat = start(throttle="60s", expire="60s")
    async with chat.person(dialect, "alice") as alice, chat.v1("there", node=2) as there:
        await meet(alice, there)
        for _ in range(20):
            await alice.type()
        await alice.say("done")
        await there.next(type="typing", user="alice", typing=True)
        await there.hears("done")


async def test_typing_expires_by_silence_on_all_instances(start, dialect):
    """The server expires it after some time of silence."""
    chat = start(**QUICK)
    async with chat.person(dialect, "alice") as alice, chat.v1("here") as here, \
            chat.v1("there", node=1) as there, chat.v1("far", node=2) as far:
        await meet(alice, here, there, far)
        await alice.type()
        for client in (here, there, far):
            await client.next(type="typing", user="alice", typing=True)
        for client in (here, there, far):
            await client.next(type="typing", user="alice", typing=False)


async def test_typing_goes_on_while_it_is_repeated(start):
    chat = start(throttle="0s", expire="2s")
    async with chat.v1("alice") as alice, chat.v1("there", node=1) as there:
        await meet(alice, there)
        for _ in range(20):
            await alice.type()
            await there.next(type="typing", user="alice", typing=True)
            await asyncio.sleep(0.2)  # the pace of somebody who types for twice the time


async def test_who_leaves_does_not_type_any_more_anywhere(start, dialect):
    chat = start(throttle="0s", expire="60s")
    async with chat.v1("there", node=1) as there, chat.v1("far", node=2) as far:
        async with chat.person(dialect, "alice") as alice:
            await meet(alice, there, far)
            await alice.type()
            for client in (there, far):
                await client.next(type="typing", user="alice", typing=True)
        for client in (there, far):
            await client.next(type="typing", user="alice", typing=False)


async def test_typing_ends_when_its_instance_is_killed(start, dialect):
    """Expires when its instance dies."""
    chat = start(**QUICK)
    async with chat.person(dialect, "alice") as alice, chat.v1("there", node=1) as there, \
            chat.v1("far", node=2) as far:
        await meet(alice, there, far)
        await alice.type()
        for client in (there, far):
            await client.next(type="typing", user="alice", typing=True)
        chat.nodes[0].stop(signal.SIGKILL)
        killed = time.monotonic()
        for client in (there, far):
            await client.next(type="typing", user="alice", typing=False)
        assert time.monotonic() - killed < 10
        await there.say("still here")
        for client in (there, far):
            await client.hears("still here")
