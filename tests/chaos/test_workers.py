# SPDX-License-Identifier: MIT
"""Workers of one server die, or are renewed, under 100 messages a second."""
import asyncio
import os
import pathlib
import signal
import sys

import pytest
from cluster import BULK
from crowd import Crowd
from test_redis_restart import is_complete

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bench"))


@pytest.fixture(params=["sqlite", "redis"])
def chat(clusters, request):
    chat = clusters(store=request.param, workers=4, core={**BULK, "roll_time": "2s"},
                    sections={"rooms": {"history_on_join": "200"}})
    return chat.expect("was killed by signal 9", " history-redis: ", " history-sqlite: ", " rooms: ")


async def test_workers_are_killed_one_after_the_other(chat, tmp_path):
    """Its clients resume without loss at the others, and those do not notice."""
    server = chat.nodes[0]
    async with Crowd(chat, tmp_path) as crowd:
        for _ in range(5):
            await crowd.goes_on(100)
            pid = server.worker_pids()[0]  # the oldest: each has its turn
            os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(server.wait_workers, 4, [pid])
        await crowd.goes_on(100)
        report = await crowd.end()
    print(report)
    assert is_complete(report, crowd)
    assert report.counts["resumed"] >= 1


async def test_all_workers_are_killed_at_once(chat, tmp_path):
    server = chat.nodes[0]
    async with Crowd(chat, tmp_path) as crowd:
        for _ in range(2):
            await crowd.goes_on(100)
            pids = server.worker_pids()
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(server.wait_workers, 4, pids)
        await crowd.goes_on(100)
        report = await crowd.end()
    print(report)
    assert is_complete(report, crowd)


async def test_rolls_one_after_the_other(chat, tmp_path):
    server = chat.nodes[0]
    async with Crowd(chat, tmp_path) as crowd:
        for n in range(1, 4):
            await crowd.goes_on(100)
            server.roll()
            await asyncio.to_thread(server.wait_log, rf"(?s)(roll: done.*?){{{n}}}")
        report = await crowd.end()
    print(report)
    assert is_complete(report, crowd)


def test_a_roll_with_200_connections(capfd):
    """The benchmark itself, with fewer: it judges what every client saw."""
    from roll import main
    assert main(["--rooms", "10", "--members", "20", "--seconds", "12", "--rate", "100",
                 "--roll-time", "5s", "--workers", "4"]) == 0, capfd.readouterr().out
