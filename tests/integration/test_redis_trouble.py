# SPDX-License-Identifier: MIT
"""Redis in trouble: each case is told with what to do, waits a bounded time, and ends without a restart
of chatd; what was acknowledged is there, once."""
import json
import os
import re
import threading
import time

import pytest
import redis as python_redis
import requests
import websockets
from chat import AUTH, PASSWORD, classic, does_not_start, refused, rogue, sign_up, v1
from redis_server import Proxy, Redis, free_port
from server import DEADLINE, Server, wait_until

ONLY = {"auth": "on", "rooms": "on", "typing": "on", "history-redis": "on"}
TROUBLE = "history-redis: (degraded|away|127)"
STARTS_AWAY = (TROUBLE, "auth: ")


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def proxy(redis):
    with Proxy(redis.port) as middle:
        yield middle


@pytest.fixture
def start(redis, proxy, chatd):  # in this order: both outlive the chatd
    """start(address, **options) starts a chatd whose troubles are no failure of the test."""

    def run(address=None, **options):
        own = {"address": address or redis.address, "canary": "200ms", **options}
        server = chatd(only=ONLY, sections={"auth": AUTH, "history-redis": own})
        return server.expect(*STARTS_AWAY, "rooms: ")

    return run


def readiness(server):
    """(HTTP status, what /readyz says of history-redis)."""
    answer = requests.get(server.http + "/readyz", timeout=DEADLINE)
    reasons = [r for r in answer.json()["reasons"] if r["plugin"] == "history-redis"]
    return answer.status_code, reasons[0]["reason"] if reasons else ""


def is_ready(server):
    return readiness(server) == (200, "")


def comes_back(server):
    wait_until(lambda: is_ready(server), what="ready again")


def tells(server, *parts, status=None):
    """Waits until /readyz says all of these."""

    def told():
        code, text = readiness(server)
        return all(part in text for part in parts) and status in (None, code)

    try:
        wait_until(told, what=f"{parts} in /readyz")
    except AssertionError as error:
        raise AssertionError(f"{error}; it says {readiness(server)}") from None


def register(server, user):
    return requests.post(server.http + "/register", timeout=DEADLINE,
                         json={"user": user, "password": PASSWORD}).status_code


def chats(server, token, text):
    """A message goes through, and is there for who comes later."""
    with classic(server, token) as client:
        client.say(text)
        client.hears(text)
    with classic(server, token) as client:
        client.hears(text)


# --- Redis is not there ------------------------------------------------------------------------


def test_absent_at_start_it_waits_says_so_and_recovers(chatd, tmp_path):
    port = free_port()
    own = {"address": f"127.0.0.1:{port}", "canary": "200ms"}
    server = chatd(only=ONLY, sections={"auth": AUTH, "history-redis": own}).expect(*STARTS_AWAY)
    tells(server, f"127.0.0.1:{port}", "Connection refused", status=503)
    began = time.monotonic()
    assert register(server, "alice") == 503
    assert time.monotonic() - began < 8
    redis = Redis(tmp_path / "redis")
    redis.port = port
    with redis:
        comes_back(server)
        chats(server, sign_up(server, "alice"), "hello")
        assert server.stop() == 0


def test_a_name_that_is_none_is_told(start):
    server = start("nowhere.invalid:6379")
    tells(server, "nowhere.invalid:6379", "the name cannot be resolved", status=503)


def test_somebody_else_at_the_address_is_told(start, chatd):
    other = chatd(only={"static": "on"})
    server = start(f"127.0.0.1:{other.port}")
    tells(server, "does not speak as Redis does", status=503)
    assert server.stop() == 0


def test_a_connection_that_is_taken_and_never_served_has_a_limit(start, proxy):
    proxy.blackhole()
    server = start(proxy.address, connect_timeout="300ms")
    tells(server, "connect_timeout", status=503)
    proxy.heal()
    comes_back(server)


def test_a_restart_loses_nothing_and_doubles_nothing(start, redis):
    """Messages with a cid are sent again to a Redis that came back: senders notice a delay."""
    server = start()
    token = sign_up(server, "alice")
    with v1(server, token) as alice:
        assert alice.ask(type="room.join", room="general")["type"] == "ack"
        acks = []
        for i in range(60):
            alice.send({"type": "message.send", "room": "general", "text": f"m{i}",
                        "cid": f"a client's number {i}", "id": f"i{i}"})
            if i in (20, 40, 59):
                redis.kill()
                redis.start()
                while len(acks) <= i:
                    frame = alice.recv()
                    if "id" in frame:
                        assert frame["type"] == "ack", frame
                        assert not frame.get("duplicate"), frame
                        acks.append((frame["id"], frame["seq"]))
    assert acks == [(f"i{i}", i + 1) for i in range(60)]
    stored = [json.loads(entry) for entry in redis.client().lrange("chat_history:general", 0, -1)]
    assert [entry["text"] for entry in stored] == [f"m{i}" for i in range(60)]


def test_readers_of_another_instance_get_what_was_sent_while_they_were_cut_off(start, redis, proxy):
    near, far = start(), start(proxy.address)
    alice_token, bob_token = sign_up(near, "alice"), sign_up(near, "bob")
    with classic(near, alice_token) as alice, classic(far, bob_token) as bob:
        alice.say("before")
        bob.hears("before")
        proxy.cut()
        tells(far, proxy.address)
        for i in range(10):
            alice.say(f"m{i}")
            alice.hears(f"m{i}")
        proxy.heal()
        assert [bob.recv()["text"] for _ in range(10)] == [f"m{i}" for i in range(10)]
        alice.say("after")
        assert bob.recv()["text"] == "after"


def test_a_call_waits_for_a_connection_that_was_just_lost(start, redis, proxy):
    server = start(proxy.address)
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        proxy.cut()
        alice.say("patience")
        tells(server, proxy.address)
        proxy.heal()
        alice.hears("patience")


def test_a_message_that_redis_does_not_take_in_time_closes_its_senders_connection(start, proxy):
    server = start(proxy.address)
    token = sign_up(server, "alice")
    alice = classic(server, token)
    proxy.cut()
    began = time.monotonic()
    alice.say("never")
    assert alice.close_code() == 1013
    assert 3 < time.monotonic() - began < 9
    alice.drop()
    tells(server, proxy.address, status=503)
    assert refused(server, "/ws?room=other", token) == 503
    proxy.heal()
    comes_back(server)
    chats(server, token, "hello")


def test_half_open_connections_are_given_up(start, proxy):
    server = start(proxy.address)
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        alice.say("before")
        alice.hears("before")
        proxy.blackhole()
        # Nothing is reset: only that no answer comes gives it away.
        tells(server, "has not answered for 5 s")
        proxy.heal()
        comes_back(server)
        alice.say("after")
        alice.hears("after")


def test_a_redis_that_stands_still_is_waited_for(start, redis):
    server = start()
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        redis.pause()
        alice.say("patience")
        time.sleep(0.5)  # not a wait for something: this is how long it stands still
        redis.resume()
        alice.hears("patience")
    comes_back(server)


def test_a_stop_does_not_wait_for_redis(start, redis):
    server = start()
    alice = classic(server, sign_up(server, "alice"))
    redis.pause()
    try:
        alice.say("never")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
    finally:
        redis.resume()
    alice.drop()


def test_a_slow_redis_is_slow_and_nothing_else(start, proxy):
    proxy.delay(250)
    server = start(proxy.address)
    comes_back(server)
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        began = time.monotonic()
        for i in range(20):
            alice.say(f"m{i}")
        assert [alice.recv()["seq"] for _ in range(20)] == list(range(1, 21))
        assert time.monotonic() - began < 5  # pipelined: not twenty times half a second
    assert is_ready(server)


# --- Redis says no -----------------------------------------------------------------------------


def test_a_wrong_password_is_told_until_it_is_right(start, redis):
    redis.configure(requirepass="right")
    redis.password = "right"
    server = start(password="wrong")
    tells(server, "WRONGPASS", "correct user and password in [history-redis]", status=503)
    assert "wrong" not in server.log.replace("WRONGPASS", "")
    redis.configure(requirepass="wrong")
    redis.password = "wrong"
    comes_back(server)
    chats(server, sign_up(server, "alice"), "hello")


def test_a_password_that_is_asked_for_is_told(start, redis):
    redis.configure(requirepass="right")
    redis.password = "right"
    server = start()
    tells(server, "NOAUTH", "write its password into [history-redis] password", status=503)


def test_a_password_that_nobody_asks_for_is_told(start):
    tells(start(password="x"), "empty [history-redis] password", status=503)


def test_a_right_that_is_missing_is_told(start, redis):
    acl = redis.client().execute_command
    acl("ACL", "SETUSER", "chatd", "on", ">x", "~*", "&*", "+@all", "-eval", "-evalsha")
    server = start(user="chatd", password="x")
    comes_back(server)
    assert register(server, "alice") == 503
    tells(server, "NOPERM", "ACL SETUSER", status=200)
    acl("ACL", "SETUSER", "chatd", "+@all")
    chats(server, sign_up(server, "alice"), "hello")


def test_a_database_that_is_not_there_is_told(start):
    tells(start(database=99), "correct [history-redis] database", status=503)


def test_a_key_of_the_wrong_type_is_named_and_harms_only_itself(start, redis):
    server = start()
    token = sign_up(server, "alice")
    redis.client().set("chat_history:general", "a string")
    assert refused(server, "/ws?room=general", token) == 503
    tells(server, "chat_history:general is a string, not a list", "rename or delete it", status=200)
    with classic(server, token, "lobby") as alice:
        alice.say("fine")
        alice.hears("fine")
    redis.client().delete("chat_history:general")
    chats(server, token, "hello")


def test_a_wrong_type_that_comes_later_refuses_the_message_and_leaves_nothing_half_done(start, redis):
    server = start()
    token = sign_up(server, "alice")
    client = redis.client()
    with classic(server, token) as alice:
        alice.say("one")
        alice.hears("one")
        client.rename("chat_meta:general", "kept")
        client.set("chat_meta:general", "x")
        alice.say("two")
        assert alice.close_code() == 1013
        tells(server, "chat_meta:general is a string, not a hash")
    assert client.llen("chat_history:general") == 1
    client.delete("chat_meta:general")
    client.rename("kept", "chat_meta:general")
    with classic(server, token) as alice:
        assert alice.recv()["text"] == "one"
        alice.say("two")
        assert alice.recv()["seq"] == 2


def test_users_of_the_wrong_type_are_named(start, redis):
    redis.client().set("users", "x")
    server = start()
    assert register(server, "alice") == 503
    tells(server, "WRONGTYPE key users", "rename or delete it")


def test_a_read_only_replica_is_told_with_its_master(start, redis, tmp_path):
    with Redis(tmp_path / "other") as master:
        server = start()
        token = sign_up(server, "alice")
        chats(server, token, "before")
        client = redis.client()
        client.execute_command("REPLICAOF", "127.0.0.1", str(master.port))
        tells(server, "read-only replica", "let [history-redis] address name")
        wait_until(lambda: f"its master, 127.0.0.1:{master.port}" in readiness(server)[1])
        client.execute_command("REPLICAOF", "NO", "ONE")
        comes_back(server)
        chats(server, sign_up(server, "bob"), "after")


def test_full_memory_refuses_messages_and_goes_on_reading(start, redis):
    server = start()
    token = sign_up(server, "alice")
    chats(server, token, "before")
    redis.configure(maxmemory="1mb", maxmemory_policy="noeviction")
    tells(server, "OOM", "raise maxmemory", status=200)
    with classic(server, token) as alice:
        assert alice.recv()["text"] == "before"
        alice.say("too much")
        assert alice.close_code() == 1013
    assert redis.client().llen("chat_history:general") == 1
    redis.configure(maxmemory="0")
    comes_back(server)
    with classic(server, token) as alice:
        alice.recv()
        alice.say("after")
        assert alice.hears("after")["seq"] == 2


def test_a_policy_that_may_throw_messages_away_is_told_once(start, redis):
    redis.configure(maxmemory="1gb", maxmemory_policy="allkeys-lru")
    server = start()
    server.expect("maxmemory-policy is allkeys-lru")
    comes_back(server)
    server.wait_log("maxmemory-policy is allkeys-lru: Redis may throw away messages")


def test_a_redis_that_still_loads_is_waited_for(chatd, tmp_path):
    args = ["--appendonly", "no", "--key-load-delay", "60000",
            "--loading-process-events-interval-bytes", "1024"]
    with Redis(tmp_path / "redis", args) as redis:
        for i in range(40):
            redis.client().set(f"filler:{i}", "x" * 2000)
        own = {"address": redis.address, "canary": "200ms"}
        server = chatd(only=ONLY, sections={"auth": AUTH, "history-redis": own})
        server.expect(*STARTS_AWAY)
        token = sign_up(server, "alice")
        chats(server, token, "before")
        redis.client().save()
        redis.kill()
        redis.start(wait=False)
        tells(server, "LOADING", "reads its data")
        comes_back(server)
        with classic(server, token) as alice:
            assert alice.recv()["text"] == "before"
        assert server.stop() == 0


def tear(redis, within):
    """A power cut that left half of the transaction with these bytes at the end of the file."""
    redis.kill()
    file = next((redis.folder / "appendonlydir").glob("*.incr.aof"))
    data = file.read_bytes()
    os.truncate(file, data.index(b"HSET", data.index(within)) + 2)
    redis.start()


def test_a_transaction_that_was_torn_does_not_come_back(start, redis):
    """Redis keeps its beginning in the file and runs it with the next one after a further restart."""
    server = start()
    token = sign_up(server, "alice")
    for text, again in (("torn 1", "after 1"), ("torn 2", "after 2")):
        with classic(server, token) as alice:
            for message in (f"before {text}", text):
                alice.say(message)
                alice.hears(message)
        tear(redis, f'"text":"{text}"'.encode())
        comes_back(server)
        with classic(server, token) as alice:
            alice.say(again)
            alice.hears(again)
        lost = redis.client().lrange("chat_history:general", 0, -1)
        redis.restart()
        assert len(redis.client().lrange("chat_history:general", 0, -1)) == len(lost) + 1  # Redis' own
        comes_back(server)
        with classic(server, token) as alice:
            alice.say(f"end of {text}")
            alice.hears(f"end of {text}")
    page = requests.get(server.http + "/api/v1/rooms/general/messages", timeout=DEADLINE,
                        headers={"Authorization": f"Bearer {token}"}).json()
    assert [(m["seq"], m["text"]) for m in page["messages"]] == [
        (1, "before torn 1"), (2, "after 1"), (3, "end of torn 1"), (4, "before torn 2"), (5, "after 2"),
        (6, "end of torn 2")]
    assert redis.client().llen("chat_history:general") == 6


def test_flushed_scripts_are_sent_again_in_order(start, redis):
    server = start()
    token = sign_up(server, "alice")
    with classic(server, token) as alice:
        for i in range(30):
            if i % 7 == 0:
                redis.client().script_flush()
            alice.say(f"m{i}")
        assert [alice.recv()["text"] for _ in range(30)] == [f"m{i}" for i in range(30)]
    assert is_ready(server)


def test_a_busy_script_of_somebody_else_is_told(start, redis):
    redis.configure(busy_reply_threshold="100")
    server = start()
    blocker = redis.client(socket_timeout=60)

    def block():
        try:
            blocker.eval("while true do end", 0)
        except python_redis.RedisError:
            pass

    thread = threading.Thread(target=block)
    thread.start()
    try:
        tells(server, "BUSY", "SCRIPT KILL ends it")
    finally:
        redis.client().execute_command("SCRIPT", "KILL")
        thread.join()
    chats(server, sign_up(server, "alice"), "hello")


def test_too_many_clients_are_told(start, redis):
    server = start()
    client = redis.client()
    client.ping()
    client.config_set("maxclients", 1)
    client.client_kill_filter(skipme=True, _type="normal")
    client.client_kill_filter(skipme=True, _type="pubsub")
    tells(server, "max number of clients", "raise maxclients")
    client.config_set("maxclients", 100)
    comes_back(server)


def test_a_subscriber_closed_for_its_output_buffer_loses_nothing(start, redis):
    near, far = start(), start()
    token = sign_up(near, "alice")
    redis.configure(client_output_buffer_limit="pubsub 262144 0 0")
    with classic(near, token) as alice, classic(far, token) as bob:
        alice.say("before")
        bob.hears("before")
        # More than the limit in one piece: both subscribers are closed for it.
        redis.client().publish("room:general", "x" * 16_000_000)
        for i in range(20):
            alice.say(f"m{i}")
        for reader in (alice, bob):
            while reader.recv()["text"] != "m19":
                pass
        for server in (near, far):
            server.wait_log("raise client-output-buffer-limit pubsub")
            comes_back(server)
    with classic(far, token) as bob:
        frames = [bob.recv() for _ in range(21)]
    assert [frame["seq"] for frame in frames] == list(range(1, 22))


def test_a_publication_that_nobody_got_is_found(start, redis, proxy):
    """A position check finds a pub/sub that fell silent."""
    here, there = start(position_check="200ms"), start(proxy.address, position_check="200ms")
    speaker, reader = classic(here, sign_up(here, "alice")), classic(there, sign_up(there, "bob"))
    with speaker, reader:
        speaker.say("first")
        for client in (speaker, reader):
            client.hears("first")
        proxy.lose(1.0)
        for text in ("second", "third"):
            speaker.say(text)
            speaker.hears(text)
        assert [reader.recv()["seq"] for _ in range(2)] == [2, 3]
        assert proxy.lost >= 2
        wait_until(lambda: there.metrics()["chatd_history_redis_missed_total"] >= 1, what="the count")
        proxy.lose(0.5)  # holes that the next publication shows
        for i in range(50):
            speaker.say(f"m{i}")
            speaker.hears(f"m{i}")
        assert [reader.recv()["seq"] for _ in range(50)] == list(range(4, 54))
        assert here.metrics()["chatd_history_redis_missed_total"] == 0


def test_a_room_that_somebody_deletes_is_noticed(start, redis):
    server = start(position_check="200ms")
    with v1(server, sign_up(server, "alice")) as alice:
        alice.ask(type="room.join", room="general")
        alice.ask(type="message.send", room="general", text="Hello")
        redis.client().delete("chat_history:general", "chat_meta:general")
        while (frame := alice.recv())["type"] != "reset":
            assert (frame["type"], frame["seq"]) == ("message", 1)
        assert frame["seq"] == 0


def test_every_reader_sees_each_message_once_while_connections_are_dropped(start, redis, proxy):
    near, far = start(), start(proxy.address)
    token = sign_up(near, "alice")
    with classic(near, token) as alice, classic(far, token) as bob:
        for i in range(100):
            alice.say(f"m{i}")
            alice.hears(f"m{i}")
            if i % 20 == 10:
                proxy.drop()
        seen = [bob.recv() for _ in range(100)]
    assert [frame["seq"] for frame in seen] == list(range(1, 101))
    assert [frame["text"] for frame in seen] == [f"m{i}" for i in range(100)]


def test_a_trouble_is_logged_once_and_so_is_its_end(start, redis):
    server = start()
    redis.stop()
    tells(server, "Connection refused", status=503)
    redis.start()
    comes_back(server)
    lines = [line for line in server.log.splitlines() if re.search(" history-redis: away", line)]
    assert len(lines) == 1, server.log
    assert len(re.findall("history-redis: ready", server.log)) == 1, server.log


def test_a_sender_at_a_cut_connection_is_told_or_served(start, redis, proxy):
    """Whatever the moment: acknowledged is stored once, the rest at most once."""
    server = start(proxy.address)
    token = sign_up(server, "alice")
    acked = set()
    for i in range(6):
        try:
            with classic(server, token, "loud") as alice:
                for k in range(20):
                    alice.say(f"m{i}.{k}")
                    if k == 5 + i:
                        proxy.drop()
                for k in range(20):
                    acked.add(alice.hears(f"m{i}.{k}")["text"])
        except (websockets.ConnectionClosed, websockets.InvalidStatusCode):
            comes_back(server)
    stored = [json.loads(e)["text"] for e in redis.client().lrange("chat_history:loud", 0, -1)]
    assert len(stored) == len(set(stored))
    assert acked <= set(stored)


def test_a_start_that_fails_leaves_no_call_unanswered(tmp_path):
    """`auth` waits for its key from a Redis that is away when another plugin stops the start."""
    server = Server(tmp_path / "chatd", only={**ONLY, **rogue("start-fails")},
                    sections={"history-redis": {"address": "127.0.0.1:1"}})
    does_not_start(server)
    assert "plugin start-fails failed to start" in server.log
    assert "Sanitizer" not in server.log, server.log
