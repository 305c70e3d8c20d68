# SPDX-License-Identifier: MIT
"""chatd.v1: rooms and messages (protocol.md, part 3), by the client of tests/lib."""
import asyncio
import time

import pytest
from chat import example
from cluster import BULK, seqs, texts
from history_check import check
from transcript import Transcript


def keys(frame):
    return set(frame) - {"id"}


# --- joining and leaving -------------------------------------------------------------------------


async def test_the_first_join_of_a_room_finds_nothing(chat):
    """`ack {room,epoch,seq,recovered}` then the missed messages."""
    async with chat.v1("alice", room=None) as alice:
        ack = await alice.join("general")
        assert keys(ack) == {"type", "room", "epoch", "seq", "top", "recovered"}
        assert (ack["room"], ack["seq"], ack["top"]) == ("general", 0, 0)
        assert ack["recovered"] is False
        assert isinstance(ack["epoch"], str) and ack["epoch"]
        assert await alice.settle() == []


async def test_who_joins_gets_the_latest_messages_oldest_first_then_live_ones(cluster):
    """Without `since`: the latest `history_on_join`."""
    chat = cluster(core=BULK)
    epoch, top = await chat.fill(60)
    async with chat.v1("alice", node=-1, room=None) as alice, chat.v1("bob", room=None) as bob:
        ack = await alice.join("general")
        assert (ack["epoch"], ack["seq"], ack["top"], ack["recovered"]) == (epoch, 10, 60, False)
        page = await alice.hear(50)
        assert seqs(page) == list(range(11, 61))
        assert texts(page) == [f"m{i}" for i in range(11, 61)]
        await bob.join("general")
        await bob.say("live")
        assert (await alice.hears("live"))["seq"] == top + 1


async def test_without_a_page_there_are_only_live_messages(cluster):
    chat = cluster(core=BULK, sections={"rooms": {"history_on_join": "0"}})
    await chat.fill(5)
    async with chat.v1("alice", node=-1, room=None) as alice:
        ack = await alice.join("general")
        assert (ack["seq"], ack["top"]) == (5, 5)
        await alice.say("live")
        assert (await alice.hears("live"))["seq"] == 6


async def test_a_member_cannot_join_again(chat):
    async with chat.v1("alice") as alice:
        answer = await alice.ask("room.join", room="general")
        assert (answer["type"], answer["code"], answer["temporary"]) == ("error", "conflict", False)
        await alice.say("still a member")
        await alice.hears("still a member")


async def test_two_joins_at_once_make_one_member(chat):
    async with chat.v1("alice", room=None) as alice:
        answers = await asyncio.gather(*(alice.ask("room.join", room="general") for _ in range(3)))
        assert sorted(a["type"] for a in answers) == ["ack", "error", "error"]
        assert {a["code"] for a in answers if a["type"] == "error"} == {"conflict"}
        await alice.say("once", room="general")
        await alice.hears("once")
        assert await alice.settle() == []


@pytest.mark.parametrize("room", ["", "a b", "a\tb", "a/b", "{", "a}", "a\u200b", "\x7f", "\x01", "\u2028",
                                  "a\u00a0b", "a" * 65, "\u00e9" * 33, None, 7, ["general"], {}])
async def test_a_bad_name_of_a_room_is_refused(clusters, room):
    """Rooms: 1-64 bytes of UTF-8 without control characters, white space, what is not seen, `/`, `{`, `}`."""
    async with clusters().v1("alice", room=None) as alice:
        for verb, more in (("room.join", {}), ("room.leave", {}), ("message.send", {"text": "x"}),
                           ("typing", {"typing": True}), ("history.get", {})):
            answer = await alice.ask(verb, room=room, **more)
            assert (answer["type"], answer["code"]) == ("error", "bad_request"), verb
            assert answer["message"] and answer["temporary"] is False


async def test_without_a_room_a_request_is_refused(clusters):
    async with clusters().v1("alice", room=None) as alice:
        for verb in ("room.join", "room.leave", "message.send", "typing", "history.get"):
            assert (await alice.ask(verb, text="x", typing=True))["code"] == "bad_request", verb


async def test_other_names_of_rooms_work_and_come_back(chat):
    async with chat.v1("alice", room=None) as alice, chat.v1("bob", room=None, node=-1) as bob:
        for room in ("a" * 64, "\u00e9" * 32, "\u4e2d\u6587", "\U0001f600", "#x", "100%", "a'\"b",
                     "..", "*", "a\\b", "a:b", "[x]", "?"):
            await alice.join(room)
            await bob.join(room)
            assert (await alice.say("x", room=room))["room"] == room
            assert (await bob.hears("x"))["room"] == room


async def test_more_rooms_than_joins_max_are_refused_until_one_is_left(clusters):
    chat = clusters(sections={"rooms": {"joins_max": "3"}})
    async with chat.v1("alice", room=None) as alice:
        assert alice.hello["limits"]["rooms"] == 3
        for room in ("a", "b", "c"):
            await alice.join(room)
        assert (await alice.ask("room.join", room="d"))["code"] == "rate_limited"
        await alice.leave("b")
        await alice.join("d")
        assert (await alice.ask("room.join", room="b"))["code"] == "rate_limited"


async def test_after_leaving_nothing_of_the_room_comes(chat):
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        await alice.join("other")
        ack = await alice.leave("general")
        assert (keys(ack), ack["room"]) == ({"type", "room"}, "general")
        await bob.say("unheard")
        await bob.hears("unheard")
        await bob.join("other")
        await bob.say("heard", room="other")
        await alice.hears("heard", room="other")
        assert (await alice.ask("message.send", room="general", text="x"))["code"] == "not_member"
        await alice.join("general")
        await alice.hears("unheard")


async def test_what_one_is_not_in_cannot_be_left_or_spoken_in(chat):
    async with chat.v1("alice", room=None) as alice, chat.v1("bob") as bob:
        for verb, more in (("room.leave", {}), ("message.send", {"text": "x"}),
                           ("typing", {"typing": True}), ("history.get", {})):
            answer = await alice.ask(verb, room="general", **more)
            assert (answer["code"], answer["temporary"]) == ("not_member", False), verb
        assert await bob.settle() == []


# --- messages ------------------------------------------------------------------------------------


async def test_a_message_reaches_both_with_all_it_has(chat):
    """`ack {room,seq,ts,cid,duplicate?}`; event `message`: `room, seq, ts, user, text, cid?`."""
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        before = int(time.time() * 1000)
        ack = await alice.say("Hello", cid="c-1")
        assert keys(ack) == {"type", "room", "seq", "ts", "cid"}
        assert (ack["room"], ack["seq"], ack["cid"]) == ("general", 1, "c-1")
        assert before - 1000 <= ack["ts"] <= int(time.time() * 1000) + 1000
        mine, his = await alice.hears("Hello"), await bob.hears("Hello")
        assert mine == his == {"type": "message", "room": "general", "seq": 1, "ts": ack["ts"],
                               "user": "alice", "text": "Hello", "cid": "c-1"}
        await bob.say("Hi")
        got = await alice.hears("Hi")
        assert (got["seq"], got["user"]) == (2, "bob") and "cid" not in got


async def test_a_client_may_send_without_waiting_for_its_join(chat):
    """A client may pipeline room.join and message.send."""
    async with chat.v1("alice", room=None) as alice:
        joined = alice.join_later("general")
        says = [alice.say_later(f"m{i}", room="general") for i in range(10)]
        assert (await joined)["type"] == "ack"
        assert [(await say)["seq"] for say in says] == list(range(1, 11))
        assert texts(await alice.hear(10)) == [f"m{i}" for i in range(10)]


async def test_a_send_behind_a_join_that_fails_is_of_no_member(chat):
    async with chat.v1("alice", room=None) as alice:
        joined = alice.join_later("a b")
        sent = alice.ask_later("message.send", room="general", text="x")
        assert (await joined)["code"] == "bad_request"
        assert (await sent)["code"] == "not_member"


async def test_rooms_count_for_themselves(chat):
    async with chat.v1("alice", room="a") as alice:
        await alice.join("b")
        for n in (1, 2, 3):
            assert (await alice.say(f"a{n}", room="a"))["seq"] == n
            assert (await alice.say(f"b{n}", room="b"))["seq"] == n
        got = await alice.hear(6)
        for room in ("a", "b"):  # between rooms there is no order
            assert [f["seq"] for f in got if f["room"] == room] == [1, 2, 3]


async def test_texts_arrive_as_they_were_sent(chat):
    kinds = ["x" * 4096, "\u00e9" * 2048, "\U0001f600" * 1024, "a\nb\"\\/", "a\r\n\tb", "\u202ea\u202c",
             "<script>", "a\u2028b", "\ufeff"]
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        for text in kinds:
            await alice.say(text, cid=f"\U0001f511 \"\\{len(text)}{text[:4]}")
            for client in (alice, bob):
                assert (await client.hears(text))["cid"].startswith("\U0001f511 \"\\")
    async with chat.v1("carol", node=-1) as carol, chat.classic("dave", node=-1) as dave:
        assert texts(await carol.hear(len(kinds))) == texts(await dave.hear(len(kinds))) == kinds


REFUSED = [
    ({"text": ""}, "bad_request"),
    ({"text": " \n\t\u3000"}, "bad_request"),
    ({}, "bad_request"),
    ({"text": None}, "bad_request"),
    ({"text": 7}, "bad_request"),
    ({"text": "x" * 4097}, "too_large"),
    ({"text": "\u00e9" * 2049}, "too_large"),
    ({"text": "x", "cid": "c" * 65}, "bad_request"),
    ({"text": "x", "cid": "\u00e9" * 33}, "bad_request"),
    ({"text": "x", "cid": 7}, "bad_request"),
    ({"text": "x", "cid": ["c"]}, "bad_request"),
]


async def test_a_refused_message_is_answered_to_its_sender_alone(chat):
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        for seq, (more, code) in enumerate(REFUSED, 1):
            answer = await alice.ask("message.send", room="general", **more)
            assert (answer["type"], answer["code"]) == ("error", code), more
            assert answer["message"] and answer["temporary"] is False
            await alice.say("next")  # the connection goes on, and nobody saw anything before
            for client in (alice, bob):
                assert (await client.hears("next"))["seq"] == seq


async def test_names_and_numbers_of_a_client_are_ignored(chat):
    """Unknown fields are ignored."""
    async with chat.v1("alice") as alice:
        ack = await alice.request("message.send", room="general", text="x", user="bob", seq=9, ts=1,
                                  kind="edit", more={"a": [None]})
        assert ack["seq"] == 1
        got = await alice.hears("x")
        assert (got["user"], got["seq"]) == ("alice", 1) and got["ts"] != 1
        assert keys(got) == {"type", "room", "seq", "ts", "user", "text"}


async def test_a_denial_carries_the_plugins_own_code(clusters):
    """A hook's denial carries the plugin's own code."""
    chat = clusters(plugins=example("wordfilter"), sections={"wordfilter": {"word": "darn"}})
    async with chat.v1("alice") as alice:
        answer = await alice.ask("message.send", room="general", text="darn it")
        assert answer["type"] == "error" and answer["code"].startswith("wordfilter.")
        assert (await alice.say("fine"))["seq"] == 1
        await alice.hears("fine")


async def test_hello_tells_features_and_limits(clusters):
    """`features:[what is offered: history, typing, ...], limits:{...}`"""
    chat = clusters(core={"message_max": "32k"}, sections={"rooms": {"text_max": "1k"}})
    async with chat.v1("alice") as alice:
        assert {"auth", "history", "rooms", "typing"} <= set(alice.hello["features"])
        limits = alice.hello["limits"]
        assert (limits["message_bytes"], limits["text_bytes"]) == (32768, 1024)
        assert limits["rooms"] == 100
        await alice.say("x" * 1024)
        assert (await alice.ask("message.send", room="general", text="x" * 1025))["code"] == \
            "too_large"


# --- cid -----------------------------------------------------------------------------------------


async def test_a_repeat_with_its_cid_is_not_stored_again_and_tells_the_first_seq(chat):
    """A repeat from the same user within `dedup_window` is not stored again and returns the first
    `seq`."""
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        first = await alice.say("once", cid="c-1")
        await alice.say("between")
        again = await alice.say("once", cid="c-1")
        assert again["duplicate"] is True and "ts" not in again
        assert (again["seq"], again["cid"], again["room"]) == (first["seq"], "c-1", "general")
        assert "duplicate" not in first
        await alice.say("end")
        for client in (alice, bob):
            assert texts(await client.hear(3)) == ["once", "between", "end"]


async def test_a_repeat_from_another_connection_of_the_user_is_one_too(chat):
    """Sending is safe to repeat: resend with the same `cid` after a reconnect."""
    async with chat.v1("alice") as alice:
        await alice.say("once", cid="c-1")
    async with chat.v1("alice", node=-1) as alice:
        again = await alice.say("once", cid="c-1")
        assert (again["duplicate"], again["seq"]) == (True, 1)
        await alice.hears("once")
        assert await alice.settle() == []


async def test_only_the_pair_of_user_and_cid_means_anything(chat):
    """Only the pair (own user, cid) means anything; and each room is a log of its own."""
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        assert (await alice.say("hers", cid="c-1"))["seq"] == 1
        assert (await bob.say("his", cid="c-1"))["seq"] == 2
        await alice.join("other")
        ack = await alice.say("elsewhere", room="other", cid="c-1")
        assert ack["seq"] == 1 and "duplicate" not in ack


async def test_without_a_cid_nothing_is_deduplicated(chat):
    """Without `cid` nothing is deduplicated."""
    async with chat.v1("alice") as alice:
        assert [(await alice.say("same"))["seq"] for _ in range(3)] == [1, 2, 3]
        assert seqs(await alice.hear(3)) == [1, 2, 3]


async def test_repeats_at_the_same_time_are_stored_once(chat):
    async with chat.v1("alice") as alice, chat.v1("alice", node=-1) as same:
        says = [client.say_later("once", cid="c-1") for _ in range(5) for client in (alice, same)]
        acks = await asyncio.gather(*says)
        assert {ack["seq"] for ack in acks} == {1}
        assert sum("duplicate" not in ack for ack in acks) == 1
        await alice.say("end")
        for client in (alice, same):
            assert texts(await client.hear(2)) == ["once", "end"]


async def test_after_dedup_window_a_repeat_is_a_new_message(cluster):
    chat = cluster(sections={"rooms": {"dedup_window": "1s"}})
    async with chat.v1("alice") as alice:
        first = await alice.say("x", cid="c-1")
        while True:
            ack = await alice.say("x", cid="c-1")
            if "duplicate" not in ack:
                break
            assert ack["seq"] == first["seq"]
            await asyncio.sleep(0.1)
        assert ack["seq"] == 2 and ack["ts"] - first["ts"] >= 900


# --- many at once --------------------------------------------------------------------------------


async def test_more_than_inflight_max_at_once_are_refused_one_by_one(cluster):
    """Up to `inflight_max` messages of a connection at the store, answered in order."""
    chat = cluster(core=BULK, sections={"rooms": {"inflight_max": "4"}})
    async with chat.v1("alice") as alice:
        answers = await asyncio.gather(*(
            alice.ask("message.send", room="general", text=f"m{i}") for i in range(100)))
        stored = [a for a in answers if a["type"] == "ack"]
        refused = [a for a in answers if a["type"] == "error"]
        assert refused and len(stored) >= 4
        assert {(a["code"], a["temporary"]) for a in refused} == {("rate_limited", True)}
        assert seqs(stored) == list(range(1, len(stored) + 1))
        assert seqs(await alice.hear(len(stored))) == seqs(stored)


async def test_acknowledgements_come_in_the_order_of_the_messages(cluster):
    chat = cluster(core=BULK)
    async with chat.v1("alice") as alice:
        order = []
        says = [alice.say_later(f"m{i}") for i in range(30)]
        for i, say in enumerate(says):
            say.add_done_callback(lambda _, i=i: order.append(i))
        acks = await asyncio.gather(*says)
        assert order == list(range(30))
        assert seqs(acks) == list(range(1, 31))


async def test_many_who_write_at_once_are_seen_by_all_in_one_order(cluster):
    """Per room every connection sees records in `seq` order, each once."""
    chat = cluster(core=BULK)
    transcript = Transcript()
    people, each = 12, 30
    nodes = len(chat.nodes)
    crowd = [chat.person("classic" if i % 4 == 3 else "v1", f"u{i}", node=i % nodes,
                         transcript=transcript) for i in range(people)]

    async def talk(client):
        for i in range(each):
            await client.say(f"{client.name}:{i}")
        return await client.hear(people * each)

    await asyncio.gather(*(client.open() for client in crowd))
    views = await asyncio.gather(*(talk(client) for client in crowd))
    for client in crowd:
        await client.close()
    assert seqs(views[0]) == list(range(1, people * each + 1))
    for view in views:
        assert [(f["seq"], f["user"], f["text"]) for f in view] == \
            [(f["seq"], f["user"], f["text"]) for f in views[0]]
    for client in crowd:
        own = [f["text"] for f in views[0] if f["user"] == client.name]
        assert own == [f"{client.name}:{i}" for i in range(each)]
    check(transcript.entries).assert_good()
