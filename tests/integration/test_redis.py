# SPDX-License-Identifier: MIT
"""Rooms, accounts and signals in Redis: what is kept where, and what the seed left."""
import json

import bcrypt
import pytest
import requests
from chat import AUTH, PASSWORD, Client, classic, sign_up, v1
from redis_server import Redis
from server import DEADLINE, wait_until

ONLY = {"auth": "on", "rooms": "on", "typing": "on", "history-redis": "on"}
CANARY = {"canary": "100ms"}


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def start(redis, chatd):  # in this order: the Redis outlives the chatd
    """start(**options of [history-redis]) starts a chatd on the Redis of the test."""

    def run(only=None, sections=None, **options):
        own = {"address": redis.address, **CANARY, **options}
        return chatd(only=only or ONLY,
                     sections={"auth": AUTH, **(sections or {}), "history-redis": own})

    return run


def texts(client, n):
    return [client.recv()["text"] for _ in range(n)]


# --- keys and channels -------------------------------------------------------------------------


def test_records_lie_in_the_list_with_seq_and_ts_in_front(start, redis):
    server = start()
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        alice.say("one")
        seen = alice.hears("one")
        alice.say("two")
        alice.hears("two")
    entries = redis.client().lrange("chat_history:general", 0, -1)
    assert len(entries) == 2
    assert entries[0].startswith('{"seq":1,"ts":%d,' % seen["ts"])
    assert json.loads(entries[1])["seq"] == 2
    meta = redis.client().hgetall("chat_meta:general")
    assert (meta["seq"], meta["first"], meta["prev"]) == ("2", "1", "")
    assert meta["run"] == redis.client().info()["run_id"]


def test_accounts_lie_in_the_hash_users(start, redis):
    server = start()
    sign_up(server, "alice")
    assert redis.client().hkeys("users") == ["alice"]
    assert redis.client().hget("users", "alice").startswith("$2b$10$")


def test_a_channel_is_listened_to_while_somebody_is_in_the_room(start, redis):
    server = start()
    client = redis.client()
    token = sign_up(server, "alice")
    assert client.pubsub_channels("room:*") == []
    with classic(server, token, "lobby"):
        wait_until(lambda: client.pubsub_channels("room:*") == ["room:lobby"])
    wait_until(lambda: client.pubsub_channels("room:*") == [])


def test_a_room_that_is_only_looked_at_leaves_nothing_that_stays(start, redis):
    server, client = start(), redis.client()
    with classic(server, sign_up(server, "alice"), "made-up") as alice:
        wait_until(lambda: client.pubsub_channels("room:made-up"))
        assert client.keys("chat_*") == ["chat_epoch:made-up"]
        assert 0 < client.pttl("chat_epoch:made-up") <= 600_000
        _, ready = client.get("chat_epoch:made-up").split()
        alice.say("one")
        alice.hears("one")
    assert client.hget("chat_meta:made-up", "epoch") == ready
    assert not client.exists("chat_epoch:made-up")


def test_a_room_whose_first_records_are_lost_takes_another_epoch(start, redis):
    """Redis was killed within the second of `appendfsync everysec`: it knows the epoch that was kept ready for the room,
    and nothing of the messages that had it."""
    server, client = start().expect("history-redis: ", "the store lost the records after 0"), redis.client()
    with v1(server, sign_up(server, "alice")) as alice:
        first = alice.ask(type="room.join", room="general")["epoch"]
        ready = client.get("chat_epoch:general")
        alice.send({"type": "message.send", "room": "general", "text": "lost"})
        assert alice.hears("lost")["seq"] == 1
        client.delete("chat_history:general", "chat_meta:general")
        client.set("chat_epoch:general", ready, px=600_000)
        redis.restart()
        reset = alice.recv()
        while reset["type"] != "reset":
            reset = alice.recv()
        assert reset["epoch"] != first and reset["seq"] == 0
        wait_until(lambda: requests.get(server.http + "/readyz").ok)
        alice.send({"type": "message.send", "room": "general", "text": "kept"})
        assert alice.hears("kept")["seq"] == 1
        assert redis.client().hget("chat_meta:general", "epoch") == reset["epoch"]


def test_a_room_that_somebody_deletes_begins_a_new_life(start, redis):
    server, client = start().expect("the store lost the records after 0"), redis.client()
    with v1(server, sign_up(server, "alice")) as alice:
        first = alice.ask(type="room.join", room="general")["epoch"]
        for n in (1, 2, 3):
            alice.send({"type": "message.send", "room": "general", "text": f"m{n}"})
            alice.hears(f"m{n}")
        client.delete("chat_history:general", "chat_meta:general")
        alice.send({"type": "message.send", "room": "general", "text": "anew"})
        reset = alice.recv()
        assert (reset["type"], reset["seq"]) == ("reset", 0)
        assert reset["epoch"] != first
        assert alice.recv()["seq"] == 1


def test_a_cid_whose_room_was_deleted_is_no_double(start, redis):
    server, client = start().expect("the store lost the records after 0"), redis.client()
    message = {"type": "message.send", "room": "general", "text": "once", "cid": "0123456789abcdef"}
    with v1(server, sign_up(server, "alice")) as alice:
        alice.ask(type="room.join", room="general")
        assert alice.ask(**message)["seq"] == 1
        assert alice.ask(**message)["duplicate"]
        client.delete("chat_history:general", "chat_meta:general")
        answer = alice.ask(**message)
        assert answer["seq"] == 1 and "duplicate" not in answer
    assert client.llen("chat_history:general") == 1


def test_a_user_who_may_not_publish_stores_once_what_is_acknowledged(start, redis):
    """What fails after the record is written must not look as if nothing was stored."""
    client = redis.client()
    client.acl_setuser("chatd", enabled=True, nopass=True, keys="*", channels="*",
                       categories=["+@all"])
    server = start(user="chatd", password="any")
    server.expect("history-redis: ")
    token = sign_up(server, "alice")
    with v1(server, token) as alice:
        alice.ask(type="room.join", room="general")
        client.acl_setuser("chatd", commands=["-publish"])
        answer = alice.ask(type="message.send", room="general", text="kept", cid="0123456789abcdef")
        assert answer["type"] == "ack" and answer["seq"] == 1, answer
    assert client.llen("chat_history:general") == 1
    server.wait_log("give the user of .history-redis. this right")


def test_history_max_trims_the_list_and_seq_goes_on(start, redis):
    server = start(history_max=100)
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        for i in range(105):
            alice.say(f"m{i}")
            alice.hears(f"m{i}")
    assert redis.client().llen("chat_history:general") == 100
    with classic(server, token) as alice:
        assert alice.recv()["seq"] == 56
        alice.say("next")
        assert alice.hears("next")["seq"] == 106


def test_a_user_and_a_password_and_a_database(redis, chatd):
    client = redis.client()
    client.execute_command("ACL", "SETUSER", "chatd", "on", ">pass word", "~*", "&*", "+@all")
    redis.configure(requirepass="other")
    own = {"address": redis.address, "user": "chatd", "password": "pass word", "database": 3,
           **CANARY}
    server = chatd(only=ONLY, sections={"auth": AUTH, "history-redis": own})
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        alice.say("hello")
        alice.hears("hello")
        redis.password = "other"
        assert redis.client().pubsub_channels("*room:*") == ["3/room:general"]
    assert redis.client(db=3).llen("chat_history:general") == 1
    assert redis.client().keys("*") == []


def test_a_unix_socket(chatd, tmp_path):
    path = tmp_path / "r.sock"
    with Redis(tmp_path / "redis", ["--unixsocket", path]):
        own = {"address": f"unix:{path}", **CANARY}
        server = chatd(only=ONLY, sections={"auth": AUTH, "history-redis": own})
        with classic(server, sign_up(server, "alice")) as alice:
            alice.say("hello")
            alice.hears("hello")
        assert server.stop() == 0


def test_a_name_is_resolved(start, redis):
    server = start(address=f"localhost:{redis.port}")
    with classic(server, sign_up(server, "alice")) as alice:
        alice.say("hello")
        alice.hears("hello")


def test_without_the_log_accounts_and_signals_are_here_and_messages_pass_unstored(start, redis):
    server = start(log="off")
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        wait_until(lambda: redis.client().pubsub_channels("room:general"))
        alice.say("gone")
        assert "seq" not in alice.hears("gone")
    assert redis.client().keys("chat_*") == []


# --- several instances -------------------------------------------------------------------------


def test_three_instances_are_one_chat(start, redis):
    servers = [start() for _ in range(3)]
    tokens = [sign_up(server, f"user{i}") for i, server in enumerate(servers)]
    people = [classic(server, token) for server, token in zip(servers, tokens)]
    try:
        wait_until(lambda: dict(redis.client().pubsub_numsub("room:general"))["room:general"] == 3)
        for i, person in enumerate(people):
            person.say(f"from {i}")
            for other in people:
                assert other.hears(f"from {i}")["seq"] == i + 1
        people[0].send({"typing": True})
        for other in people[1:]:
            frame = other.recv()
            assert (frame["user"], frame["typing"]) == ("user0", True)
    finally:
        for person in people:
            person.close()


def test_all_see_the_same_order(start, redis):
    servers = [start() for _ in range(2)]
    people = [classic(server, sign_up(server, f"user{i}")) for i, server in enumerate(servers)]
    try:
        wait_until(lambda: dict(redis.client().pubsub_numsub("room:general"))["room:general"] == 2)
        for i in range(20):
            for person in people:
                person.say(str(i))
        seen = [[(f["seq"], f["user"], f["text"]) for f in (p.recv() for _ in range(40))]
                for p in people]
        assert seen[0] == seen[1]
        assert [seq for seq, _, _ in seen[0]] == list(range(1, 41))
    finally:
        for person in people:
            person.close()


# --- what the seed left ------------------------------------------------------------------------


def seed_entry(text, user="old"):
    return json.dumps({"user": user, "room": "general", "text": text, "typing": False})


def test_old_messages_are_shown_and_numbered_by_their_place(start, redis):
    redis.client().rpush("chat_history:general", *[seed_entry(f"old {i}") for i in range(60)])
    server = start()
    with classic(server, sign_up(server, "alice")) as alice:
        page = [alice.recv() for _ in range(50)]
        assert [frame["seq"] for frame in page] == list(range(11, 61))
        assert page[0]["text"] == "old 10"
        alice.say("new")
        assert alice.hears("new")["seq"] == 61
    assert redis.client().lindex("chat_history:general", 0) == seed_entry("old 0")


def test_rooms_of_the_seed_are_listed(start, redis):
    client = redis.client()
    for room in ("general", "lobby", "a room that cannot be"):
        client.rpush(f"chat_history:{room}", seed_entry("x"))
    server = start()
    token = sign_up(server, "alice")

    def listed():
        answer = requests.get(server.http + "/api/v1/rooms", timeout=DEADLINE,
                              headers={"Authorization": f"Bearer {token}"})
        return {room["room"] for room in answer.json()["rooms"]}

    wait_until(lambda: listed() == {"general", "lobby"})


def test_rooms_of_the_seed_are_told_to_the_kv_that_was_picked(start, redis):
    redis.client().rpush("chat_history:lobby", seed_entry("x"))
    services = {"services": {"chatd.kv": "history-sqlite", "chatd.log": "history-redis"}}
    server = start(only={**ONLY, "history-sqlite": "on"}, sections=services)
    server.expect("each host has for itself")
    token = sign_up(server, "alice")
    wait_until(lambda: "lobby" in requests.get(
        server.http + "/api/v1/rooms", timeout=DEADLINE,
        headers={"Authorization": f"Bearer {token}"}).text)
    assert redis.client().keys("users") == []
    assert redis.client().keys("rooms") == []


def test_old_accounts_log_in_and_their_twins_are_taken(start, redis):
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    redis.client().hset("users", "Alice", old)
    server = start()

    def post(path, user):
        return requests.post(server.http + path, json={"user": user, "password": PASSWORD},
                             timeout=DEADLINE)

    assert post("/login", "Alice").status_code == 200
    assert post("/register", "alice").status_code == 409
    assert post("/register", "ALICE").status_code == 409
    assert post("/register", "bob").status_code == 201
    wait_until(lambda: redis.client().hget("users", "Alice").startswith("$2b$10$"))


def test_messages_in_sqlite_and_accounts_in_redis(start, redis):
    services = {"services": {"chatd.kv": "history-redis", "chatd.log": "history-sqlite"}}
    server = start(only={**ONLY, "history-sqlite": "on"}, sections=services)
    server.expect("each host has for itself")
    with classic(server, sign_up(server, "alice")) as alice:
        alice.say("hello")
        alice.hears("hello")
    assert redis.client().hkeys("users") == ["alice"]
    assert redis.client().keys("chat_*") == []


# --- the canary and the numbers ----------------------------------------------------------------


def test_what_others_publish_on_a_rooms_channel_is_left_alone(start, redis):
    server = start()
    with classic(server, sign_up(server, "alice")) as alice:
        wait_until(lambda: redis.client().pubsub_channels("room:general"))
        for payload in (seed_entry("bare"), "", "r", "r e 0 1 {}", "b", "x y"):
            redis.client().publish("room:general", payload)
        alice.say("after")
        assert alice.recv()["text"] == "after"


def test_a_position_of_the_epoch_before_is_good_after_a_restart(start, redis):
    server = start()
    server.expect("history-redis: (degraded|away)")
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        alice.say("before")
        alice.hears("before")
        redis.restart()
        alice.say("after")
        # Nobody is told to start again: what was seen is in both epochs.
        assert alice.recv()["text"] == "after"
    meta = redis.client().hgetall("chat_meta:general")
    assert meta["seq"] == "2" and meta["prev"] != "" and meta["first"] == "2"


def test_records_that_redis_lost_send_readers_back(chatd, tmp_path):
    """Without an append-only file a kill takes everything: members start again, and go on."""
    with Redis(tmp_path / "redis", ["--appendonly", "no"]) as redis:
        own = {"address": redis.address, **CANARY}
        server = chatd(only=ONLY, sections={"auth": AUTH, "history-redis": own})
        server.expect("history-redis: (degraded|away)", "the store lost the records")
        token = sign_up(server, "alice")
        alice = classic(server, token)
        alice.say("lost")
        alice.hears("lost")
        redis.kill()
        redis.start()
        assert alice.close_code() == 4001
        alice.drop()
        # The token is good: it is the key's, which is the tests' own.
        with classic(server, token) as alice:
            alice.say("again")
            assert alice.recv()["seq"] == 1
        assert server.stop() == 0


def test_a_flushed_database_sends_readers_back(start, redis):
    server = start()
    server.expect("the store lost the records")
    token = sign_up(server, "alice")
    bob = sign_up(server, "bob")
    alice = classic(server, token)
    alice.say("lost")
    alice.hears("lost")
    redis.client().flushall()
    with classic(server, bob) as other:
        other.say("new")
        assert alice.close_code() == 4001
    alice.drop()
    with classic(server, token) as alice:
        assert alice.recv()["text"] == "new"


def test_metrics_count(start):
    server = start()
    with classic(server, sign_up(server, "alice")) as alice:
        alice.say("hello")
        alice.hears("hello")

    def metrics():
        return requests.get(server.http + "/metrics", timeout=DEADLINE).text

    assert "chatd_history_redis_appends_total 1\n" in metrics()
    assert "chatd_history_redis_connects_total 1\n" in metrics()
    wait_until(lambda: "chatd_history_redis_queue 0\n" in metrics())  # a canary may be under way


def test_a_client_of_v1_knows_that_there_is_history(start):
    server = start()
    with Client(server.ws(), sign_up(server, "alice"), "chatd.v1") as client:
        assert "history" in client.recv()["features"]
