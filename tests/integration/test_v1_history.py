# SPDX-License-Identifier: MIT
"""Pages of a room's messages: `history.get`, and GET /api/v1/rooms/{room}/messages."""
import asyncio
from urllib.parse import quote

import pytest
import requests
from cluster import BULK, seqs, texts

BAD = {"bad_request": 400, "not_member": 403, "not_found": 404}


class Verb:
    """Pages by history.get, asked for by a member at the last instance."""

    def __init__(self, chat):
        self.chat = chat

    async def page(self, room="general", **arguments):
        async with self.chat.v1("reader", node=-1, room=room) as reader:
            answer = await reader.ask("history.get", room=room, **arguments)
        if answer["type"] == "error":
            return answer["code"]
        assert answer["room"] == room
        return answer


class Http:
    """Pages by HTTP."""

    def __init__(self, chat):
        self.chat = chat

    async def page(self, room="general", **arguments):
        path = f"/api/v1/rooms/{quote(room, safe='')}/messages"
        answer = await asyncio.to_thread(self.chat.get, path, node=-1, **arguments)
        if answer.status_code != 200:
            code = answer.json()["error"]["code"]
            assert answer.status_code == BAD[code]
            return code
        assert set(answer.json()) >= {"messages", "epoch", "top", "more"}
        return answer.json()


@pytest.fixture(params=[Verb, Http], ids=["verb", "http"])
def pages(request, cluster):
    return request.param(cluster(core=BULK))


def holds(page, first, last, more, top):
    assert seqs(page["messages"]) == list(range(first, last + 1))
    assert texts(page["messages"]) == [f"m{i}" for i in range(first, last + 1)]
    assert (page["more"], page["top"]) == (more, top)
    return True


async def test_the_newest_page_comes_without_arguments(pages):
    """Newest page without arguments; limit 1-200, default 50."""
    epoch, _ = await pages.chat.fill(120)
    page = await pages.page()
    assert holds(page, 71, 120, True, 120)
    assert page["epoch"] == epoch


async def test_a_row_is_the_message(pages):
    async with pages.chat.v1("alice") as alice:
        ack = await alice.say("hello \u00e9\"\\\n", cid="c-1")
        await alice.say("no cid")
    rows = (await pages.page())["messages"]
    assert rows[0] == {"seq": 1, "ts": ack["ts"], "user": "alice", "text": "hello \u00e9\"\\\n",
                       "cid": "c-1"}
    assert set(rows[1]) == {"seq", "ts", "user", "text"}


async def test_backward_to_the_beginning(pages):
    await pages.chat.fill(120)
    assert holds(await pages.page(before=71), 21, 70, True, 120)
    assert holds(await pages.page(before=21), 1, 20, False, 120)
    assert holds(await pages.page(before=21, limit=20), 1, 20, False, 120)
    assert holds(await pages.page(before=22, limit=20), 2, 21, True, 120)
    assert holds(await pages.page(before=2), 1, 1, False, 120)
    assert holds(await pages.page(before=1), 1, 0, False, 120)
    assert holds(await pages.page(before=1000, limit=3), 118, 120, True, 120)


async def test_forward_to_the_end(pages):
    await pages.chat.fill(120)
    assert holds(await pages.page(after=0), 1, 50, True, 120)
    assert holds(await pages.page(after=50), 51, 100, True, 120)
    assert holds(await pages.page(after=100), 101, 120, False, 120)
    assert holds(await pages.page(after=100, limit=20), 101, 120, False, 120)
    assert holds(await pages.page(after=99, limit=20), 100, 119, True, 120)
    assert holds(await pages.page(after=119), 120, 120, False, 120)
    assert holds(await pages.page(after=120), 121, 120, False, 120)


async def test_limits(pages):
    await pages.chat.fill(250)
    assert holds(await pages.page(limit=1), 250, 250, True, 250)
    assert holds(await pages.page(limit=200), 51, 250, True, 250)
    assert holds(await pages.page(limit=200, after=0), 1, 200, True, 250)
    for limit in (0, 201, 1000000, -1, "x", 1.5):
        assert await pages.page(limit=limit) == "bad_request", limit


async def test_bad_arguments_are_refused(pages):
    for arguments in ({"before": 5, "after": 2}, {"before": "x"}, {"after": "x"}, {"before": -1},
                      {"after": -1}, {"after": 1.5}, {"before": "1e3"}, {"before": "9" * 23}):
        assert await pages.page(**arguments) == "bad_request", arguments


async def test_a_room_without_messages_has_an_empty_page(pages):
    for arguments in ({}, {"after": 0}, {"before": 10}):
        page = await pages.page("empty", **arguments)
        assert (page["messages"], page["top"], page["more"]) == ([], 0, False)
        assert page["epoch"]


async def test_rooms_of_any_name_are_found(pages):
    for room in ("\u00e9", "\u4e2d\u6587", "#x", "100%", "a?b", "a&b=c", "*", "a\\b", "a" * 64):
        await pages.chat.fill(3, room=room)
        assert holds(await pages.page(room), 1, 3, False, 3)


async def test_trimmed_messages_are_not_there_and_the_rest_is(cluster, place):
    chat = cluster(core=BULK, sections={f"history-{place[0]}": {"history_max": "100"}})
    await chat.fill(400)
    for pages in (Verb(chat), Http(chat)):
        first = (await pages.page(after=0, limit=1))["messages"][0]["seq"]
        assert 400 - 110 < first <= 301
        assert holds(await pages.page(after=0), first, first + 49, True, 400)
        assert holds(await pages.page(before=first + 10), first, first + 9, False, 400)
        assert holds(await pages.page(before=first), first, first - 1, False, 400)


async def test_a_page_of_large_messages_is_whole_or_says_more(cluster):
    chat = cluster(core={**BULK, "message_max": "1m"}, sections={"rooms": {"text_max": "64k"}})
    await chat.fill(80, prefix="x" * 60000)
    for pages in (Verb(chat), Http(chat)):
        found, after = [], 0
        while True:
            page = await pages.page(after=after, limit=200)
            found += seqs(page["messages"])
            if not page["more"]:
                break
            assert page["messages"], "an empty page that says more"
            after = found[-1]
        assert found == list(range(1, 81))


# --- who may ------------------------------------------------------------------------------------


async def test_history_get_is_for_members(chat):
    await chat.fill(3)
    async with chat.v1("alice", room=None) as alice:
        assert (await alice.ask("history.get", room="general"))["code"] == "not_member"
        await alice.join("general")
        assert len((await alice.history("general"))["messages"]) == 3
        await alice.leave("general")
        assert (await alice.ask("history.get", room="general"))["code"] == "not_member"


async def test_http_pages_want_a_login(clusters):
    """401 without a valid token."""
    server = clusters().nodes[0]
    for headers in ({}, {"Authorization": "Bearer x"}):
        answer = requests.get(server.http + "/api/v1/rooms/general/messages", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


async def test_a_bad_name_of_a_room_is_400(clusters):
    chat = clusters()
    for room in ("a%20b", "a%2Fb", "%7Ba", "%00", "%0A", "%C3", "a" * 65):
        answer = chat.get(f"/api/v1/rooms/{room}/messages")
        assert answer.status_code == 400, (room, answer.text)
        assert answer.json()["error"]["code"] == "bad_request"
    for path in ("//messages", "/a/b/messages", "/general/messages/"):
        assert chat.get(f"/api/v1/rooms{path}").status_code in (400, 404)


async def test_an_argument_twice_or_empty_is_refused(clusters):
    chat = clusters()
    for query in ("limit=1&limit=2", "limit=", "before=", "after=", "after=1&after=1"):
        answer = chat.get(f"/api/v1/rooms/general/messages?{query}")
        assert answer.status_code == 400, query


async def test_pages_and_events_tell_the_same(cluster):
    chat = cluster(core=BULK)
    async with chat.v1("alice") as alice:
        await alice.say_all([f"m{i}" for i in range(1, 31)])
        seen = await alice.hear(30)
        rows = (await alice.history())["messages"]
    strip = [{key: value for key, value in frame.items() if key not in ("type", "room")}
             for frame in seen]
    assert rows == strip
    assert chat.get("/api/v1/rooms/general/messages").json()["messages"] == rows


async def test_many_pages_at_once_are_answered_each(cluster):
    chat = cluster(core=BULK)
    await chat.fill(100)
    async with chat.v1("alice") as alice:
        answers = await asyncio.gather(*(alice.ask("history.get", room="general", after=i, limit=1)
                                         for i in range(100)))
        good = [a for a in answers if a["type"] == "ack"]
        assert len(good) >= 4
        for i, answer in enumerate(answers):
            if answer["type"] == "ack":
                assert seqs(answer["messages"]) == [i + 1]
            else:  # a cap is fine if it says so
                assert (answer["code"], answer["temporary"]) == ("rate_limited", True)
