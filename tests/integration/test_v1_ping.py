# SPDX-License-Identifier: MIT
"""The verb ping: how a script that sees no WebSocket pings tells a dead line from a quiet room."""
from chat import ALL_OFF, AUTH
from client_v1 import V1Client
from raw_ws import signed


async def test_a_ping_is_acknowledged_with_its_id_and_nothing_else(chatd):
    async with V1Client(chatd(only=ALL_OFF)) as client:
        assert await client.ask("ping") == {"type": "ack", "id": "1"}
        assert await client.ask("ping", later="unknown members are ignored") == {"type": "ack", "id": "2"}


async def test_a_guest_of_a_chatd_without_plugins_may_ping(chatd):
    async with V1Client(chatd(only=ALL_OFF)) as client:
        assert client.hello["user"].startswith("guest-")
        assert (await client.ask("ping"))["type"] == "ack"


async def test_who_signed_in_may_ping(chatd):
    server = chatd(only={**ALL_OFF, "auth": "on"}, sections={"auth": AUTH}).expect("chatd.kv")
    async with V1Client(server, signed("alice"), "alice") as client:
        assert (await client.ask("ping"))["type"] == "ack"


async def test_without_an_id_a_ping_is_not_answered(chatd):
    async with V1Client(chatd(only=ALL_OFF)) as client:
        await client.send({"type": "ping"})
        await client.send({"type": "ping", "id": ""})
        assert await client.settle() == []


async def test_pings_are_answered_among_other_requests_in_their_order(chatd):
    async with V1Client(chatd(only={**ALL_OFF, "rooms": "on"}), room="general") as client:
        order = []
        verbs = ["ping", "no.such.verb", "ping", "ping"]
        for i, verb in enumerate(verbs):
            last = client.ask_later(verb, lambda frame, i=i: order.append((i, frame["type"])))
        await last
        assert order == [(0, "ack"), (1, "error"), (2, "ack"), (3, "ack")]


async def test_pings_count_against_verb_rate(chatd):
    """Twice verb_rate in a burst. The bucket fills while we send, so a few more may pass."""
    async with V1Client(chatd(core={"verb_rate": "2"}, only=ALL_OFF)) as client:
        answers = [client.ask_later("ping") for _ in range(100)]
        await answers[-1]
        acks = [a for a in answers if a.result()["type"] == "ack"]
        assert 4 <= len(acks) < 100
        refused = next(a.result() for a in answers if a.result()["type"] == "error")
        assert (refused["code"], refused["temporary"]) == ("rate_limited", True)
        assert 0 < refused["retry_ms"] <= 500


async def test_a_ping_that_carries_too_much_is_refused(chatd):
    async with V1Client(chatd(only=ALL_OFF)) as client:
        assert (await client.ask("ping", pad="x" * 1100))["code"] == "too_large"
