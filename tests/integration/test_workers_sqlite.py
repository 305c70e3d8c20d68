# SPDX-License-Identifier: MIT
"""One SQLite file under several workers: one order for all, and one server at a time."""
import asyncio
import contextlib
import os
import re
import signal

import pytest
from chat import does_not_start
from client import Refused
from cluster import BULK, seqs, texts
from disk import NoMount, SmallDisk
from server import DEADLINE, Server, wait_until


async def test_many_who_write_in_many_workers_are_numbered_without_a_hole(clusters):
    chat = clusters(workers=4, core=BULK)
    rooms, people, each = 3, 16, 25
    async with contextlib.AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(chat.v1(f"user{i}", room=f"room{i % rooms}"))
                 for i in range(people)]
        said = await asyncio.gather(*(person.say_all([f"{person.name} {n}" for n in range(each)])
                                      for person in crowd))
        for room in range(rooms):
            members = [i for i in range(people) if i % rooms == room]
            total = len(members) * each
            frames = [await crowd[i].hear(total) for i in members]
            assert all(seqs(one) == list(range(1, total + 1)) for one in frames)
            assert all(texts(one) == texts(frames[0]) for one in frames)
            acks = sorted(ack["seq"] for i in members for ack in said[i])
            assert acks == list(range(1, total + 1))


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_a_second_server_on_the_file_is_refused_with_whom_to_stop(clusters, tmp_path, workers):
    first = clusters(workers=4).nodes[0]
    second = Server(tmp_path / "second", workers=workers,
                    sections={"history-sqlite": {"path": first.folder / "chatd.db"}})
    does_not_start(second)
    assert f"is in use by another chatd (pid {first.process.pid})" in second.log


async def test_the_next_server_waits_for_workers_whose_master_was_killed(clusters):
    chat = clusters(workers=4)
    server = chat.nodes[0].expect("the master is gone", "waits|waiting")
    async with chat.v1("alice") as alice:
        await alice.say("before")
    server.process.kill()
    server.process.wait()
    server.start()
    chat.wait_ready(server)
    async with chat.v1("bob") as bob:
        await bob.hears("before")


@pytest.fixture
def disk():
    try:
        with SmallDisk(4) as small:
            yield small
    except NoMount as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("workers", [0, 1, 4])
async def test_a_full_disk_refuses_and_recovers(disk, clusters, workers):
    chat = clusters(workers=workers, core=BULK,
                    sections={"history-sqlite": {"path": f"{disk.path}/chatd.db", "canary": "1s"}})
    server = chat.nodes[0].expect("history-sqlite: ", " rooms: ", " auth: ")
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}")) for i in range(6)]
        kept, refused, n = set(), None, 0
        while refused is None:
            n += 1
            try:
                await people[n % 6].say(f"{n} " + "x" * 3900)
                kept.add(n)
            except Refused as error:
                refused = error
        assert refused.code == "unavailable"
        wait_until(lambda: server.ready()[0] == 503, what="a server that is away")
        assert "disk full" in str(server.ready()[1])
        disk.resize(64)
        wait_until(lambda: server.ready()[0] == 200, what="a server that works again")
        await people[0].say_surely("room again")
        # Everybody has all that was acknowledged, each once, in one order.
        views = []
        for person in people:
            view = []
            while not view or view[-1] != "room again":
                view.append((await person.next())["text"])
            views.append(view)
        assert all(view == views[0] for view in views)
        numbers = [int(text.split()[0]) for text in views[0][:-1]]
        assert len(numbers) == len(set(numbers)) and kept <= set(numbers)
    await asyncio.to_thread(server.stop)


async def test_a_writer_that_dies_lets_the_others_write(clusters):
    """The turn to write is a lock of the process: it ends with it."""
    chat = clusters(workers=4, core=BULK)
    server = chat.nodes[0].expect("was killed by signal 9")
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}", reconnects=True))
                  for i in range(8)]
        writing = [asyncio.create_task(person.say_surely(f"{person.name} {n}", deadline=3 * DEADLINE))
                   for n in range(50) for person in people]
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(server.wait_workers, 4, [pid])
        acks = await asyncio.gather(*writing)
    assert sorted(ack["seq"] for ack in acks) == list(range(1, 401))
    assert re.search("a new one starts now", server.log)
