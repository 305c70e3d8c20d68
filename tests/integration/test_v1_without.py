# SPDX-License-Identifier: MIT
"""chatd.v1 where something is off: the rest goes on, and hello says what there is."""
import re

from chat import ALL_OFF
from client_v1 import V1Client
from raw_ws import CALM, signed
from server import DEFAULT_PLUGINS


def start(chatd, *off):
    plugins = {**ALL_OFF, **dict.fromkeys((p for p in DEFAULT_PLUGINS if p not in off), "on")}
    sections = {"auth": {"jwt_secret": "a key of the tests, longer than 32 bytes"}}
    server = chatd(core=CALM, only=plugins, sections={} if "auth" in off else sections)
    return server.expect("no plugin offers chatd.kv")


def person(server, user, **options):
    return V1Client(server, signed(user), user, **options)


async def test_without_a_log_messages_have_no_seq_history_or_resume(chatd):
    """No `chatd.log`: rooms carry messages without sequence, history or resume."""
    server = start(chatd, "history-sqlite")
    async with person(server, "alice") as alice, person(server, "bob", room="general") as bob:
        assert "history" not in alice.hello["features"]
        ack = await alice.join("general", ("epoch", 3))
        assert set(ack) == {"type", "id", "room", "recovered"} and ack["recovered"] is False
        sent = await alice.request("message.send", room="general", text="Hello", cid="c-1")
        assert "seq" not in sent and "duplicate" not in sent
        assert (sent["room"], sent["cid"]) == ("general", "c-1")
        for client in (alice, bob):
            got = await client.hears("Hello")
            assert got["type"] == "message" and "seq" not in got
            assert (got["user"], got["room"], got["cid"]) == ("alice", "general", "c-1")
        assert (await alice.ask("history.get", room="general"))["code"] == "not_found"
        assert (await alice.ask("history.get", room="other"))["code"] in ("not_found", "not_member")
    async with person(server, "carol", room="general") as carol:
        assert await carol.settle() == []  # nothing is kept


async def test_without_a_log_a_client_may_send_without_waiting_for_its_join(chatd):
    server = start(chatd, "history-sqlite")
    async with person(server, "alice") as alice:
        joined = alice.join_later("general")
        sent = alice.say_later("x", room="general")
        assert (await joined)["type"] == (await sent)["type"] == "ack"
        await alice.hears("x")


async def test_without_a_log_there_are_no_pages(clusters):
    chat = clusters(sections={"history-sqlite": {"log": "off"}})
    answer = chat.get("/api/v1/rooms/general/messages")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


async def test_without_auth_guests_talk(chatd):
    """No `chatd.auth`: connections are guests named by the server."""
    server = start(chatd, "auth")
    async with V1Client(server, room="general") as one, V1Client(server, room="general") as two:
        assert "auth" not in one.hello["features"]
        assert re.fullmatch(r"guest-[0-9a-f]{12}", one.hello["user"])
        await one.say("Hello", cid="c-1")
        assert (await two.hears("Hello"))["user"] == one.hello["user"]
        ack = await two.say("Hello", cid="c-1")  # another user
        assert (ack["seq"], "duplicate" in ack) == (2, False)


async def test_without_typing_its_verb_is_unknown_and_the_rest_goes_on(chatd):
    """What is off is off, the rest goes on."""
    server = start(chatd, "typing")
    async with person(server, "alice", room="general") as alice, \
            person(server, "bob", room="general") as bob:
        assert "typing" not in alice.hello["features"]
        answer = await alice.ask("typing", room="general", typing=True)
        assert answer["code"] == "unknown_type"
        await alice.say("Hello")
        await bob.hears("Hello")  # no typing came before


async def test_without_rooms_its_verbs_are_unknown(chatd):
    """No `rooms`: its verbs answer `unknown_type`."""
    server = start(chatd, "rooms").expect("no plugin offers chatd.rooms")
    async with person(server, "alice") as alice:
        for verb in ("room.join", "room.leave", "message.send", "history.get"):
            assert (await alice.ask(verb, room="general", text="x"))["code"] == "unknown_type"
        answer = await alice.ask("typing", room="general", typing=True)  # of the plugin typing
        assert answer["code"] in ("unknown_type", "not_found")


async def test_the_seeds_dialect_works_beside_when_there_is_no_log(clusters):
    chat = clusters(sections={"history-sqlite": {"log": "off"}})
    async with chat.v1("alice") as alice, chat.classic("bob") as bob:
        await alice.say("Hello")
        await bob.say("Hi")
        for client in (alice, bob):
            assert {(await client.next())["text"] for _ in range(2)} == {"Hello", "Hi"}
