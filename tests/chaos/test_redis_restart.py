# SPDX-License-Identifier: MIT
"""Three chatd on one Redis under 100 messages a second, and one of the four dies."""
import asyncio
import signal

import pytest
from cluster import BULK
from crowd import Crowd

DOWN_S = 10


@pytest.fixture
def chat(clusters):
    """What a chatd warns of while its Redis is away, or lost something, belongs to these tests."""
    chat = clusters(store="redis", instances=3, core=BULK,
                    sections={"rooms": {"history_on_join": "200"}})
    return chat.expect(" history-redis: ", " rooms: ", " auth: ", " typing: ")


def is_complete(report, crowd):
    """All was acknowledged, everybody holds it, nobody was told to have missed anything."""
    report.assert_good()
    counts = report.counts
    assert counts["ok"] == counts["attempted"], str(report)
    assert counts["skipped"] == counts["voided"] == 0, str(report)
    assert counts["held"] == counts["ok"] * len(crowd.people), str(report)
    return True


async def test_redis_is_killed_for_ten_seconds(chat, tmp_path):
    """An acknowledged message reaches every member exactly once, in the same order for all."""
    async with Crowd(chat, tmp_path) as crowd:
        await crowd.goes_on(200)
        chat.redis.kill()
        await asyncio.sleep(DOWN_S)  # the time it is away, not a wait for something
        chat.redis.start(wait=False)
        await crowd.goes_on(300)
        report = await crowd.end()
    print(report)
    assert is_complete(report, crowd)
    assert report.counts["ok"] > 100 * DOWN_S


@pytest.mark.parametrize("how", ["flushed", "started without its data"])
async def test_redis_forgets_everything(chat, tmp_path, how):
    """With less, Redis may forget its last records, and then every reader is told by `reset`."""
    async with Crowd(chat, tmp_path) as crowd:
        await crowd.goes_on(200)
        before = crowd.epochs()
        if how == "flushed":
            chat.redis.client().flushall()
        else:
            chat.redis.kill()
            chat.redis.forget()
            chat.redis.start()
        await crowd.goes_on(300)
        report = await crowd.end()
        after = crowd.epochs()
    print(report)
    report.assert_good()
    assert len(before) == len(after) == 1 and before != after
    assert report.counts["ok"] == report.counts["attempted"]
    assert report.counts["voided"] > 0
    told = {entry["reader"] for entry in crowd.transcript.of("reset")}
    assert {reader.reader for reader in crowd.readers} <= told


async def test_a_chatd_is_killed(chat, tmp_path):
    """Its clients resume without loss at the others."""
    async with Crowd(chat, tmp_path) as crowd:
        await crowd.goes_on(200)
        chat.nodes[1].stop(signal.SIGKILL)
        await crowd.goes_on(200)
        await asyncio.to_thread(chat.nodes[1].start)
        await crowd.goes_on(200)
        report = await crowd.end()
    print(report)
    assert is_complete(report, crowd)
    assert report.counts["resumed"] >= 3


async def test_all_chatd_are_killed_one_after_the_other(chat, tmp_path):
    async with Crowd(chat, tmp_path) as crowd:
        for node in chat.nodes:
            await crowd.goes_on(100)
            node.stop(signal.SIGKILL)
            await crowd.goes_on(50)
            await asyncio.to_thread(node.start)
            await asyncio.to_thread(chat.wait_ready, node)
        report = await crowd.end()
    print(report)
    assert is_complete(report, crowd)
