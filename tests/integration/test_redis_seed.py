# SPDX-License-Identifier: MIT
"""A Redis as the seed left it is taken over: accounts, messages, rooms (protocol.md, part 4)."""
import json

import bcrypt
import pytest
import requests
from cluster import BULK, seqs, texts
from raw_ws import login, register
from redis_server import Redis
from server import wait_until

PASSWORD = "old password"
TOTAL = 120


def seeds_hash(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()


def entry(room, i):
    """A message as the seed wrote it."""
    return json.dumps({"user": "alice" if i % 2 else "Bob", "room": room, "text": f"old {i}",
                       "typing": False}, ensure_ascii=i % 3 == 0)


@pytest.fixture
def left(tmp_path):
    """A Redis with two accounts and two rooms."""
    with Redis(tmp_path / "redis") as redis:
        client = redis.client()
        client.hset("users", mapping={"alice": seeds_hash(PASSWORD), "Bob": seeds_hash(PASSWORD)})
        client.rpush("chat_history:general", *[entry("general", i) for i in range(1, TOTAL + 1)])
        client.rpush("chat_history:caf\u00e9", *[entry("caf\u00e9", i) for i in range(1, 4)])
        yield redis


@pytest.fixture(params=[1, 3], ids=["redis-1", "redis-3"])
def chat(request, left, clusters):
    return clusters(store="redis", instances=request.param, redis=left, core=BULK)


# --- accounts ------------------------------------------------------------------------------------


def test_old_accounts_log_in_and_their_hash_is_renewed(chat, left):
    """A hash of another cost or variant (`$2a$`, `$2y$`) verifies and is rehashed at login."""
    before = left.client().hget("users", "alice")
    assert login(chat.nodes[0], "alice", "wrong password").status_code == 401
    assert left.client().hget("users", "alice") == before
    assert login(chat.nodes[0], "alice", PASSWORD).status_code == 200

    def renewed():
        return left.client().hget("users", "alice").startswith("$2b$10$")
    wait_until(renewed, what="a new hash")
    for node in chat.nodes:
        token = login(node, "alice", PASSWORD).json()["token"]
        answer = requests.get(node.http + "/api/v1/me", headers={"Cookie": f"token={token}"})
        assert answer.json()["user"] == "alice"


def test_an_old_name_keeps_its_spelling_and_cannot_be_taken(chat):
    """Login tries the exact field, then the folded one; `/register` answers 409 when any field
    folds to the same name."""
    token = login(chat.nodes[-1], "Bob", PASSWORD).json()["token"]
    answer = requests.get(chat.nodes[0].http + "/api/v1/me", headers={"Cookie": f"token={token}"})
    assert answer.json()["user"] == "Bob"
    for name in ("alice", "Alice", "bob", "BOB"):
        answer = register(chat.nodes[-1], name)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "name_taken"), name
    assert register(chat.nodes[0], "carol").status_code == 201
    assert login(chat.nodes[-1], "carol").status_code == 200


# --- messages ------------------------------------------------------------------------------------


async def test_old_messages_are_the_first_page(chat, dialect):
    """On first touch of a list left by the seed, `seq` = LLEN, so entries without `seq` take the
    number of their place."""
    async with chat.person(dialect, "alice", node=-1) as alice:
        page = await alice.hear(50)
        assert seqs(page) == list(range(71, 121))
        assert texts(page) == [f"old {i}" for i in range(71, 121)]
        assert [f["user"] for f in page] == ["alice" if i % 2 else "Bob" for i in range(71, 121)]
        assert {f["room"] for f in page} == {"general"}
        assert all("ts" not in f and "cid" not in f for f in page)


async def test_new_messages_go_on_behind_the_old_ones(chat, dialect, left):
    before = left.client().lrange("chat_history:general", 0, -1)
    async with chat.person(dialect, "alice") as alice, chat.v1("bob", node=-1) as bob:
        await alice.hear(50)
        await bob.hear(50)
        assert (await alice.say("new"))["seq"] == TOTAL + 1
        assert (await bob.say("newer"))["seq"] == TOTAL + 2
        for client in (alice, bob):
            assert (await client.hears("new"))["ts"] > 0
            assert (await client.hears("newer"))["seq"] == TOTAL + 2
    entries = left.client().lrange("chat_history:general", 0, -1)
    assert entries[:TOTAL] == before
    assert [json.loads(e)["text"] for e in entries[TOTAL:]] == ["new", "newer"]
    assert left.client().hget("chat_meta:general", "seq") == str(TOTAL + 2)


async def test_a_message_may_be_the_first_touch(chat, left):
    async with chat.v1("alice", room=None) as alice:
        join = alice.join_later("caf\u00e9")
        assert (await alice.say("new", room="caf\u00e9"))["seq"] == 4
        assert (await join)["type"] == "ack"
        assert texts(await alice.hear(4)) == ["old 1", "old 2", "old 3", "new"]


async def test_old_messages_are_paged(chat):
    async with chat.v1("alice", node=-1) as alice:
        found, before = [], None
        while True:
            more = {} if before is None else {"before": before}
            page = await alice.history(limit=50, **more)
            found = page["messages"] + found
            before = found[0]["seq"]
            if not page["more"]:
                break
        assert seqs(found) == list(range(1, TOTAL + 1))
        assert texts(found) == [f"old {i}" for i in range(1, TOTAL + 1)]
        assert all(set(row) == {"seq", "user", "text"} for row in found)
        answer = chat.get("/api/v1/rooms/general/messages", after=0, limit=200).json()
        assert answer["messages"] == found
        assert (answer["top"], answer["epoch"]) == (TOTAL, alice.positions["general"][0])


async def test_a_position_among_the_old_ones_is_resumed(chat):
    async with chat.v1("alice", room=None) as alice, chat.v1("bob", room=None, node=-1) as bob:
        epoch = (await alice.join("general"))["epoch"]
        ack = await bob.join("general", (epoch, 10))
        assert (ack["recovered"], ack["seq"], ack["top"]) == (True, 10, TOTAL)
        assert seqs(await bob.hear(110)) == list(range(11, TOTAL + 1))


def test_old_rooms_are_listed(chat):
    """history-redis reports the seed's by one SCAN of `chat_history:*` at start."""
    for i in range(len(chat.nodes)):
        def listed():
            rooms = chat.get("/api/v1/rooms", node=i).json()["rooms"]
            return {"general", "caf\u00e9"} <= {room["room"] for room in rooms}
        wait_until(listed, what="the seed's rooms in the list")


async def test_a_list_that_lost_its_meta_is_taken_over_again(chat, left):
    """A list without `chat_meta` is treated as one left by the seed, in a new epoch."""
    chat.expect("rooms: room general: the store lost")
    async with chat.v1("alice", room=None) as alice:
        first = await alice.join("general")
        await alice.hear(50)
        await alice.say("new", room="general")
        left.client().delete("chat_meta:general")
        await alice.say("newer", room="general")
        reset = await alice.until(type="reset")
        assert reset["epoch"] != first["epoch"]
        assert (await alice.until(text="newer"))["seq"] == TOTAL + 2
