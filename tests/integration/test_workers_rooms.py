# SPDX-License-Identifier: MIT
"""The list of rooms is the same whichever worker answers."""
import contextlib
import os
import signal

import requests
from raw_ws import signed
from server import DEADLINE, wait_until


def rooms_of(chat, user="reader", node=0):
    """{room: members} by a new connection: the kernel chooses the worker."""
    answer = requests.get(chat.nodes[node].http + "/api/v1/rooms", timeout=DEADLINE,
                          headers={"Authorization": "Bearer " + signed(user)})
    assert answer.status_code == 200
    return {row["room"]: row["members"] for row in answer.json()["rooms"]}


def wait_all_say(chat, wanted):
    """Every worker of every instance: 24 connections in a row that agree."""
    def agree():
        return all(rooms_of(chat, node=i % len(chat.nodes)) == wanted for i in range(24))
    wait_until(agree, what=f"a list that says {wanted}")


async def test_members_count_over_all_workers(cluster):
    chat = cluster()
    async with contextlib.AsyncExitStack() as stack:
        for i in range(12):
            node = i % len(chat.nodes)
            room = "general" if i < 8 else "quiet"
            await stack.enter_async_context(chat.v1(f"user{i}", room=room, node=node))
        wait_all_say(chat, {"general": 8, "quiet": 4})
    wait_all_say(chat, {})  # without a message there is no room when nobody is there


async def test_a_room_with_messages_stays_when_its_members_leave(cluster):
    chat = cluster()
    async with chat.v1("alice", room="kept") as alice:
        await alice.say("Hello")
        wait_all_say(chat, {"kept": 1})
    wait_all_say(chat, {"kept": 0})


async def test_the_members_of_a_dead_worker_do_not_count(clusters):
    chat = clusters(workers=4)
    server = chat.nodes[0].expect("was killed by signal 9")
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}", reconnects=True))
                  for i in range(12)]
        wait_all_say(chat, {"general": 12})
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
        server.wait_serving(4)
        for person in people:
            await person.say_surely("back again")
        wait_all_say(chat, {"general": 12})
