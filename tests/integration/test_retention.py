# SPDX-License-Identifier: MIT
"""history_age: what is older is gone, wherever somebody may look for it."""
import asyncio

import pytest
from chat import does_not_start
from cluster import BULK, seqs
from redis_server import Redis
from server import DEADLINE, Server, wait_until

AGE_S = 2


def retention(store):
    """A section that has what is older than AGE_S deleted, and looks often."""
    own = {"history_age": f"{AGE_S}s"}
    return {f"history-{store}": {**own, "position_check": "200ms"} if store == "redis" else own}


async def until_gone(chat, last, node=0, room="general"):
    """Waits until a page has nothing up to `last`; returns it."""
    end = asyncio.get_running_loop().time() + DEADLINE
    while True:
        page = await asyncio.to_thread(lambda: chat.get(f"/api/v1/rooms/{room}/messages", node=node).json())
        if not page["messages"] or page["messages"][0]["seq"] > last:
            return page
        assert asyncio.get_running_loop().time() < end, page["messages"]
        await asyncio.sleep(0.05)


@pytest.fixture
def aged(clusters, place):
    """A chat that forgets what is older than AGE_S, at the test's place."""
    store, instances, workers = place
    return clusters(store=store, instances=instances, workers=workers, core=BULK,
                    sections=retention(store))


async def test_what_is_too_old_is_gone_and_numbers_go_on(aged):
    await aged.fill(30)
    page = await until_gone(aged, 30)
    assert (page["messages"], page["top"]) == ([], 30)
    name = f"chatd_history_{aged.store}_expired_total"
    await asyncio.to_thread(wait_until, lambda: sum(node.metrics()[name] for node in aged.nodes) == 30)
    async with aged.v1("alice") as alice:
        assert (await alice.say("after"))["seq"] == 31
        await alice.until(type="message", seq=31)
        page = await alice.history()
        assert seqs(page["messages"]) == [31] and not page["more"]


async def test_a_joiner_is_not_shown_what_only_memory_has(aged):
    """A member keeps the room in memory, on every worker: its ring lets go, too."""
    nodes = range(len(aged.nodes))
    async with aged.v1("alice") as alice, aged.v1("bob", node=-1) as bob:
        await alice.say_all([f"m{i}" for i in range(20)])
        for person in (alice, bob):
            while (await person.next())["seq"] < 20:
                pass
        await until_gone(aged, 20)
        for node in list(nodes) * 4:  # several workers each
            end = asyncio.get_running_loop().time() + DEADLINE
            while True:
                async with aged.v1("eve", node=node, room=None) as eve:
                    ack = await eve.join("general")
                    await eve.settle()
                    if (ack["seq"], ack["top"]) == (20, 20):
                        break
                assert asyncio.get_running_loop().time() < end, ack
        assert (await bob.say("still here"))["seq"] == 21
        await alice.until(text="still here", seq=21)


async def test_a_position_before_what_is_left_is_not_recovered(aged):
    async with aged.v1("alice", room=None) as alice:
        joined = await alice.join("general")
        await alice.say_all([f"m{i}" for i in range(10)])
        await until_gone(aged, 10)
        epoch = joined["epoch"]
        async with aged.v1("bob", node=-1, room=None) as bob:
            end = asyncio.get_running_loop().time() + DEADLINE
            while (await bob.join("general", (epoch, 4)))["recovered"]:  # this worker was not told yet
                assert asyncio.get_running_loop().time() < end
                await bob.leave("general")
            await bob.leave("general")
            ack = await bob.join("general", (epoch, 10))  # it misses nothing
            assert (ack["recovered"], ack["seq"]) == (True, 10)


async def test_what_is_young_enough_stays(clusters, place):
    store, instances, workers = place
    chat = clusters(store=store, instances=instances, workers=workers, core=BULK,
                    sections={f"history-{store}": {"history_age": "1h"}})
    await chat.fill(5)
    page = await asyncio.to_thread(lambda: chat.get("/api/v1/rooms/general/messages").json())
    assert seqs(page["messages"]) == [1, 2, 3, 4, 5]


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as server:
        yield server


async def test_what_the_seed_left_goes_with_something_old_behind_it(redis, clusters):
    """It tells no time."""
    old = [f'{{"user":"old","room":"general","text":"{i}"}}' for i in range(1500)]
    redis.client().rpush("chat_history:general", *old)
    chat = clusters(store="redis", redis=redis, core=BULK, sections=retention("redis"))
    async with chat.v1("alice") as alice:
        assert (await alice.say("new"))["seq"] == 1501
        await until_gone(chat, 1501)
        assert redis.client().llen("chat_history:general") == 0
        assert (await alice.say("newer"))["seq"] == 1502


def test_an_age_under_a_second_is_refused(tmp_path):
    """0.5s is rather a slip than a wish."""
    for store in ("history-sqlite", "history-redis"):
        server = Server(tmp_path / store, only={store: "on"}, sections={store: {"history_age": "500ms"}})
        does_not_start(server)
        assert f"[{store}] history_age is under 1s" in server.log
