# SPDX-License-Identifier: MIT
"""The classic dialect (protocol.md, part 2), spoken by a client that nobody here wrote."""
import asyncio
import json
import time
import urllib.parse

import pytest
import requests
import websockets
from raw_ws import BINARY, CALM, TEXT, Raw, RawWs, cookie, frame, upgrade_request, with_secret
from server import wait_until


@pytest.fixture
def server(chatd):
    return chatd(core=CALM, sections=with_secret())


def join(server, user, room=None):
    """A connection of the library `websockets`."""
    query = "" if room is None else "?room=" + urllib.parse.quote(room, safe="")
    return websockets.connect(server.ws("/ws" + query), extra_headers=cookie(user), max_queue=None)


async def say(ws, text):
    await ws.send(json.dumps({"text": text, "typing": False}))


async def hear(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), 20))


async def hear_text(ws, text):
    """The next frame, which must be this message."""
    got = await hear(ws)
    assert got.get("text") == text, got
    return got


async def talk(ws, *texts):
    """Sends and waits for the echo of each: after that it is stored."""
    for text in texts:
        await say(ws, text)
        await hear_text(ws, text)


def test_a_message_reaches_both_with_name_room_seq_and_time(server):
    async def scenario():
        async with join(server, "alice") as alice, join(server, "bob") as bob:
            before = int(time.time() * 1000)
            await say(alice, "Hello")
            mine, his = await hear(alice), await hear(bob)
            assert mine == his
            assert set(mine) == {"user", "room", "text", "typing", "seq", "ts"}
            assert (mine["user"], mine["room"], mine["text"]) == ("alice", "general", "Hello")
            assert mine["typing"] is False and mine["seq"] == 1
            assert before - 1000 <= mine["ts"] <= int(time.time() * 1000) + 1000
            await say(bob, "Hi")
            assert (await hear_text(alice, "Hi"))["seq"] == 2
            assert (await hear_text(bob, "Hi"))["user"] == "bob"
    asyncio.run(scenario())


def test_who_joins_gets_the_latest_messages_oldest_first(chatd):
    """The room's latest messages (`history_on_join`), oldest first, each as its own frame."""
    server = chatd(core=CALM, sections=with_secret(rooms={"history_on_join": "3"}))

    async def scenario():
        async with join(server, "alice") as alice:
            await talk(alice, *[f"m{i}" for i in range(1, 6)])
            async with join(server, "bob") as bob:
                got = [await hear(bob) for _ in range(3)]
                assert [m["text"] for m in got] == ["m3", "m4", "m5"]
                assert [m["seq"] for m in got] == [3, 4, 5]
                await say(alice, "live")
                await hear_text(bob, "live")
    asyncio.run(scenario())


def test_history_on_join_is_50_by_default(server):
    async def scenario():
        async with join(server, "alice") as alice:
            await talk(alice, *[f"m{i}" for i in range(60)])
            async with join(server, "bob") as bob:
                assert [(await hear(bob))["seq"] for _ in range(50)] == list(range(11, 61))
    asyncio.run(scenario())


def test_rooms_are_apart_and_general_is_the_default(server):
    async def scenario():
        async with join(server, "a") as nameless, join(server, "b", "general") as named, \
                join(server, "c", "other") as other:
            await say(nameless, "one")
            assert (await hear_text(named, "one"))["room"] == "general"
            await say(other, "two")
            got = await hear_text(other, "two")  # nothing of "one" came before
            assert (got["room"], got["seq"]) == ("other", 1)
            await hear_text(nameless, "one")
            await talk(nameless, "three")  # nothing of "two" came before
    asyncio.run(scenario())


def test_history_survives_a_restart_and_seq_goes_on(server):
    async def before():
        async with join(server, "alice") as alice:
            await talk(alice, "one", "two")

    async def after():
        async with join(server, "bob") as bob:
            first = await hear_text(bob, "one")
            await hear_text(bob, "two")
            await say(bob, "three")
            assert (await hear_text(bob, "three"))["seq"] == 3
            return first
    asyncio.run(before())
    assert server.stop() == 0
    server.start()
    assert asyncio.run(after())["user"] == "alice"


# --- typing ------------------------------------------------------------------------------------


def test_typing_is_relayed_to_others_and_never_stored(server):
    """A typing signal: relayed to the others, never stored."""
    async def scenario():
        async with join(server, "alice") as alice, join(server, "bob") as bob:
            await alice.send('{"typing":true}')
            got = await hear(bob)
            assert (got["user"], got["room"], got["text"]) == ("alice", "general", "")
            assert got["typing"] is True and "seq" not in got
            await talk(alice, "done")  # the first that alice hears: no typing came back
            assert (await hear_text(bob, "done"))["seq"] == 1
            async with join(server, "carol") as carol:
                await hear_text(carol, "done")
                await talk(carol, "end")
    asyncio.run(scenario())


def test_typing_that_expires_is_not_shown_as_an_empty_message(chatd):
    server = chatd(core=CALM, sections=with_secret(typing={"expire": "1s"}))

    async def scenario():
        async with join(server, "alice") as alice, join(server, "bob") as bob:
            await alice.send('{"text":"","typing":true}')
            assert (await hear(bob))["typing"] is True
            expired = asyncio.get_running_loop().run_in_executor(None, wait_for_expiry, server)
            await expired
            await say(alice, "next")
            await hear_text(bob, "next")
    asyncio.run(scenario())


def wait_for_expiry(server):
    wait_until(lambda: "\nchatd_typing_expired_total 1\n" in
               requests.get(server.http + "/metrics").text, what="the end of typing")


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data, code", [
    ('{"text":""}', "bad_request"),
    ('{"text":"","typing":false}', "bad_request"),
    ('{"text":" \\n\\t\\u3000"}', "bad_request"),
    ("{}", "bad_request"),
    ("", "bad_request"),
    ("nonsense", "bad_request"),
    ('{"text":"x"', "bad_request"),
    ('["text"]', "bad_request"),
    ('{"text":7}', "bad_request"),
    ('{"text":"x","typing":"yes"}', "bad_request"),
    ('{"text":"x","text":"y"}', "bad_request"),
    ('{"text":"a\\u0000b"}', "bad_request"),
    ('{"text":"\\ud800"}', "bad_request"),
    ('{"text":"a\\u001b[31m"}', "bad_request"),
    ('{"text":"a\\u009b31m"}', "bad_request"),
    ('{"text":"a\\u202eb"}', "bad_request"),
    ('{"text":"a\\u2069b"}', "bad_request"),
    (json.dumps({"text": "x" * 4097}), "too_large"),
    (json.dumps({"text": "\u00e9" * 2049}), "too_large"),
    ('{"a":' + "[" * 5000 + "]" * 5000 + "}", "bad_request"),
], ids=lambda v: repr(v)[:30])
def test_a_refused_message_comes_back_to_its_sender_alone(server, data, code):
    async def scenario():
        async with join(server, "alice") as alice, join(server, "bob") as bob:
            await alice.send(data)
            got = await hear(alice)
            error = got.pop("error")
            assert got == {"user": "", "room": "general", "text": "", "typing": False}
            assert error["code"] == code and error["message"]
            await say(alice, "next")  # the connection goes on, and bob saw nothing before
            assert (await hear_text(bob, "next"))["seq"] == 1
            await hear_text(alice, "next")
    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["x" * 4096, "\u00e9" * 2048, "\U0001f600" * 1024, "a\nb\"\\/",
                                  "a\r\n\tb", "\u202ea\u202c", "<script>", "a\u2028b", "\ufeff"],
                         ids=lambda v: repr(v)[:12])
def test_texts_arrive_as_they_were_sent(server, text):
    async def scenario():
        async with join(server, "alice") as alice:
            await talk(alice, text)
            async with join(server, "bob") as bob:
                await hear_text(bob, text)
    asyncio.run(scenario())


def test_text_max_can_be_set(chatd):
    server = chatd(core=CALM, sections=with_secret(rooms={"text_max": "10"}))

    async def scenario():
        async with join(server, "alice") as alice:
            await talk(alice, "0123456789")
            await say(alice, "0123456789a")
            assert (await hear(alice))["error"]["code"] == "too_large"
    asyncio.run(scenario())


def test_a_binary_frame_closes_with_1003(server):
    with RawWs(server, headers=cookie("alice")) as ws:
        ws.send(frame(BINARY, b'{"text":"x"}'))
        assert ws.is_refused(1003)


def test_name_and_room_of_a_client_are_ignored(server):
    """`user` and `room` sent by a client are ignored."""
    async def scenario():
        async with join(server, "alice") as alice, join(server, "bob", "other") as bob:
            await alice.send(json.dumps({"user": "bob", "room": "other", "text": "x", "seq": 9,
                                         "ts": 1, "more": None}))
            got = await hear_text(alice, "x")
            assert (got["user"], got["room"], got["seq"]) == ("alice", "general", 1)
            await talk(bob, "y")
    asyncio.run(scenario())


def test_text_with_typing_true_is_a_message(server):
    async def scenario():
        async with join(server, "alice") as alice:
            await alice.send('{"text":"both","typing":true}')
            got = await hear_text(alice, "both")
            assert got["seq"] == 1 and got["typing"] is False
    asyncio.run(scenario())


# --- names of rooms ----------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["room=", "room=a%20b", "room=a+b", "room=a%2Fb", "room=a/b",
                                   "room=%7Ba", "room=a%7D", "room=%00", "room=%0A", "room=%7F",
                                   "room=%C2%85", "room=%E2%80%A8", "room=%C3", "room=%ED%A0%80",
                                   "room=" + "a" * 65, "room=" + "%C3%A9" * 33, "room=%zz",
                                   "room=a&room=b"])
def test_a_bad_name_of_a_room_is_400(server, query):
    """Rooms: 1-64 bytes of UTF-8 without control characters, white space, `/`, `{`, `}`."""
    with Raw(server) as raw:
        raw.send(upgrade_request("/ws?" + query, cookie("alice")))
        reply = raw.reply()
        assert reply.status == 400, reply
        assert json.loads(reply.body)["error"]["code"] == "bad_request"


@pytest.mark.parametrize("room", ["a" * 64, "\u00e9" * 32, "\u4e2d\u6587", "\U0001f600", "a&b=c",
                                  "#x", "100%", "a'\"b", "..", "*", ":", "a\\b"])
def test_other_names_of_rooms_work_and_come_back(server, room):
    async def scenario():
        async with join(server, "alice", room) as alice, join(server, "bob", room) as bob:
            await say(alice, "x")
            assert (await hear_text(bob, "x"))["room"] == room
    asyncio.run(scenario())


def test_percent_encoding_names_the_same_room(server):
    with RawWs(server, "/ws?room=abc", headers=cookie("alice")) as a, \
            RawWs(server, "/ws?x=1&room=%61b%63&y", headers=cookie("bob")) as b:
        a.send(frame(TEXT, '{"text":"x"}'))
        assert json.loads(b.text())["room"] == "abc"


def test_more_than_inflight_max_at_once_are_refused_one_by_one(chatd):
    server = chatd(core=CALM, sections=with_secret(rooms={"inflight_max": "4"}))
    with RawWs(server, headers=cookie("alice")) as ws:
        ws.send(b"".join(frame(TEXT, f'{{"text":"m{i}"}}') for i in range(100)))
        got = [json.loads(ws.text()) for _ in range(100)]
    refused = [m for m in got if "error" in m]
    stored = [m for m in got if "error" not in m]
    assert refused and all(m["error"]["code"] == "rate_limited" for m in refused)
    assert len(stored) >= 4 and [m["seq"] for m in stored] == list(range(1, len(stored) + 1))


def test_a_first_page_larger_than_queue_hard_reaches_its_client(chatd):
    """After the upgrade the server sends the room's latest messages, oldest first, whatever their size."""
    server = chatd(core={**CALM, "queue_soft": "4k", "queue_hard": "8k"},
                   sections=with_secret(rooms={"history_on_join": "40"}))
    with RawWs(server, headers=cookie("alice")) as ws:
        for i in range(40):
            ws.send(frame(TEXT, json.dumps({"text": f"{i} " + "x" * 4000})))
            ws.text()
    with RawWs(server, headers=cookie("bob")) as ws:
        assert [json.loads(ws.text())["seq"] for _ in range(40)] == list(range(1, 41))


# --- order -------------------------------------------------------------------------------------


def test_many_who_write_at_once_are_seen_by_all_in_one_order(chatd):
    """Per room every connection sees records in `seq` order, each once."""
    server = chatd(core=CALM, sections=with_secret(rooms={"inflight_max": "64"}))
    people, each = 20, 50

    async def person(ws, name):
        for i in range(each):
            await say(ws, f"{name}:{i}")
            await asyncio.sleep(0)  # the others' turn

    async def collect(ws):
        return [await hear(ws) for _ in range(people * each)]

    async def scenario():
        crowd = [await join(server, f"u{i}") for i in range(people)]
        readers = [asyncio.create_task(collect(ws)) for ws in crowd]
        await asyncio.gather(*(person(ws, f"u{i}") for i, ws in enumerate(crowd)))
        views = await asyncio.gather(*readers)
        for ws in crowd:
            await ws.close()
        return views
    views = asyncio.run(scenario())
    assert [m["seq"] for m in views[0]] == list(range(1, people * each + 1))
    assert all(view == views[0] for view in views)
    for i in range(people):
        own = [m["text"] for m in views[0] if m["user"] == f"u{i}"]
        assert own == [f"u{i}:{k}" for k in range(each)]
