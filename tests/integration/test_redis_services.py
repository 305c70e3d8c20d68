# SPDX-License-Identifier: MIT
"""The contracts of chatd.kv, chatd.log and chatd.bus, asked by a plugin: the stores answer alike."""
import json
import threading
import time

import pytest
import requests
from redis_server import Proxy, Redis
from server import BUILD, DEADLINE, wait_until

PROBE = {"probe": BUILD / "lib" / "chatd-probe" / "probe.so"}
OK, INVAL, EXISTS, NOTFOUND, TIMEOUT, BACKEND = 0, -1, -2, -3, -8, -10
CORE = {"http_head_max": "256k"}  # the arguments lie in the address
EMPTY = {"err": NOTFOUND, "value": "", "number": 0}


class Asked:
    """The services of one chatd, as its probe plugin sees them."""

    def __init__(self, server):
        self.server = server

    def _ask(self, service, op, arguments):
        answer = requests.get(f"{self.server.http}/probe/{service}", timeout=DEADLINE,
                              params={"op": op, **arguments})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def kv(self, op, key="k", ns="ns", **arguments):
        return self._ask("kv", op, {"ns": ns, "key": key, **arguments})

    def log(self, op, room="a", **arguments):
        return self._ask("log", op, {"room": room, **arguments})

    def bus(self, op, topic="t", **arguments):
        return self._ask("bus", op, {"topic": topic, **arguments})

    def append(self, record="{}", room="a", **arguments):
        return self.log("append", room, record=record, user="alice", dedup=600000, **arguments)

    def top(self, room="a"):
        return self.log("before", room, limit=0)


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def start(redis, chatd):
    def run(address=None, **options):
        own = {"address": address or redis.address, "canary": "200ms", **options}
        return Asked(chatd(core=CORE, only={**PROBE, "history-redis": "on"},
                           sections={"history-redis": own}))

    return run


@pytest.fixture(params=["history-redis", "history-sqlite"])
def store(request, start, chatd):
    if request.param == "history-redis":
        return start()
    return Asked(chatd(core=CORE, only={**PROBE, "history-sqlite": "on"}))


# --- kv ----------------------------------------------------------------------------------------


def test_put_get_del(store):
    assert store.kv("get") == EMPTY
    assert store.kv("put", value="one")["err"] == OK
    assert store.kv("get") == {"err": OK, "value": "one", "number": 0}
    assert store.kv("put", value="")["err"] == OK
    assert store.kv("get") == {"err": OK, "value": "", "number": 0}
    assert store.kv("del")["err"] == OK
    assert store.kv("del")["err"] == NOTFOUND
    assert store.kv("get")["err"] == NOTFOUND


@pytest.mark.parametrize("ttl", [0, 60000])
def test_put_absent_tells_what_is_there(store, ttl):
    assert store.kv("put_absent", value="one", ttl=ttl) == {"err": OK, "value": "one", "number": 0}
    assert store.kv("put_absent", value="two", ttl=ttl) == {"err": EXISTS, "value": "one",
                                                            "number": 0}
    assert store.kv("get")["value"] == "one"


def test_cas(store):
    assert store.kv("cas", expected="", value="x")["err"] == NOTFOUND
    store.kv("put", value="one")
    assert store.kv("cas", expected="two", value="x") == {"err": EXISTS, "value": "one",
                                                          "number": 0}
    assert store.kv("cas", expected="one", value="two") == {"err": OK, "value": "two", "number": 0}
    assert store.kv("get")["value"] == "two"


def test_cas_does_not_see_what_has_a_ttl(store):
    store.kv("put", value="one", ttl=60000)
    assert store.kv("cas", expected="one", value="two")["err"] == NOTFOUND


@pytest.mark.parametrize("ttl", [0, 60000])
def test_add(store, ttl):
    assert store.kv("add", n=5, ttl=ttl)["number"] == 5
    assert store.kv("add", n=-7, ttl=ttl)["number"] == -2
    big = 2**63 - 1
    assert store.kv("add", "big", n=big, ttl=ttl)["number"] == big
    assert store.kv("add", "big", n=1, ttl=ttl)["err"] == INVAL
    assert store.kv("get", "big")["value"] == str(big)
    store.kv("put", "text", value="x", ttl=ttl)
    assert store.kv("add", "text", n=1, ttl=ttl)["err"] == INVAL


def test_an_entry_ends_by_itself_and_a_counter_from_its_first_addition_on(store):
    store.kv("put", "short", value="x", ttl=400)
    began = time.monotonic()
    while store.kv("add", "count", n=1, ttl=1000)["number"] < 3:
        time.sleep(0.1)
    wait_until(lambda: store.kv("get", "count")["err"] == NOTFOUND)
    assert 0.9 < time.monotonic() - began < 5
    assert store.kv("get", "short")["err"] == NOTFOUND


def test_del_takes_either_kind(store):
    store.kv("put", "with", value="x", ttl=60000)
    store.kv("put", "without", value="x")
    for key in ("with", "without"):
        assert store.kv("del", key)["err"] == OK
        assert store.kv("get", key)["err"] == NOTFOUND


def test_scan_sees_all_without_ttl(store):
    expected = {f"key {i}": f"value {i}" for i in range(700)}
    for key, value in expected.items():
        store.kv("put", key, value=value)
    store.kv("put", "ends", value="x", ttl=60000)
    found, cursor, pages = {}, "", 0
    while cursor is not None:
        page = store.kv("scan", n=100, cursor=cursor)
        assert page["err"] == OK
        found.update(page["items"])
        cursor, pages = page["cursor"], pages + 1
    assert found == expected
    assert pages > 1
    assert store.kv("scan", ns="other", n=100) == {"err": OK, "items": {}, "cursor": None}


@pytest.mark.parametrize("call", [
    {"op": "get", "key": ""}, {"op": "get", "ns": ""}, {"op": "get", "key": "k" * 257},
    {"op": "put", "value": "v" * 65537}, {"op": "scan", "n": 0}, {"op": "scan", "n": 1001},
])
def test_what_is_no_call_is_refused_at_once(store, call):
    answer = store.kv(**call)
    assert (answer["err"], answer["at_once"]) == (INVAL, True)


def test_keys_of_redis(start, redis):
    asked, client = start(), redis.client()
    asked.kv("put", "a:b", ns="n:s", value="x", ttl=60000)
    asked.kv("put", "a:b", ns="n:s", value="y")
    assert client.get("kv:n%3As:a%3Ab") == "x"
    assert 0 < client.pttl("kv:n%3As:a%3Ab") <= 60000
    assert client.hgetall("n:s") == {"a:b": "y"}


# --- log ---------------------------------------------------------------------------------------


def seqs(page):
    return [record[0] for record in page["records"]]


def test_append_and_range(store):
    for i in range(1, 11):
        assert store.append(f'{{"n": {i}}}')["seq"] == i
    page = store.log("before", limit=3)
    assert (seqs(page), page["top"], page["more"]) == ([8, 9, 10], 10, True)
    assert page["records"][0][2] == '{"n": 8}'
    assert page["records"][0][1] > 0
    for op, seq, limit, found, more in [
            ("before", 4, 10, [1, 2, 3], False), ("before", 4, 2, [2, 3], True),
            ("before", 1, 5, [], False), ("before", 99, 2, [9, 10], True),
            ("after", 4, 3, [5, 6, 7], True), ("after", 7, 3, [8, 9, 10], False),
            ("after", 0, 2, [1, 2], True), ("after", 10, 5, [], False), ("after", 99, 5, [], False),
            ("after", 0, 0, [], False)]:
        page = store.log(op, seq=seq, limit=limit)
        assert (seqs(page), page["top"], page["more"]) == (found, 10, more), (op, seq, limit)


def test_a_room_that_nobody_wrote_to(store):
    page = store.log("before", room="new", limit=5)
    assert (page["err"], page["top"], page["records"], page["more"]) == (OK, 0, [], False)
    assert page["epoch"] != ""


def test_records_come_back_as_they_were(store):
    records = ["{}", "{ }", '{"a":{"b":[1,2]},"c":"\\u00e4\\"}"}', '{"a":"\u00e4\u20ac\U0001f600"}',
               "{\n\"a\": 1e5}", '{"big": 12345678901234567890}']
    for record in records:
        assert store.append(record)["err"] == OK
    page = store.log("before", limit=10)
    assert [record[2] for record in page["records"]] == records


def test_entries_in_redis_are_json(start, redis):
    asked = start()
    for record in ("{}", "{ }", '{"a":1}'):
        asked.append(record)
    for i, entry in enumerate(redis.client().lrange("chat_history:a", 0, -1)):
        assert json.loads(entry)["seq"] == i + 1


def test_a_repeat_is_found_by_user_and_cid(store):
    first = store.append(cid="c")
    assert (first["seq"], first["duplicate"]) == (1, False)
    again = store.append(cid="c")
    assert (again["seq"], again["duplicate"], again["ts"]) == (1, True, 0)
    assert store.append(cid="d")["seq"] == 2
    assert store.append(room="b", cid="c")["duplicate"] is False
    other = store.log("append", record="{}", user="bob", cid="c", dedup=600000)
    assert (other["seq"], other["duplicate"]) == (3, False)
    assert store.append()["duplicate"] is False
    assert store.append()["duplicate"] is False


def test_a_repeat_after_the_window_is_none(store):
    store.log("append", record="{}", user="a", cid="c", dedup=200)
    wait_until(lambda: not store.log("append", record="{}", user="a", cid="c",
                                     dedup=200)["duplicate"])


def test_large_pages_end_early(store):
    record = json.dumps({"x": "x" * 60000})
    for i in range(80):
        assert store.append(record)["err"] == OK
    newest = store.log("before", limit=100)
    assert newest["more"] and newest["records"][-1][0] == 80 and 10 < len(newest["records"]) < 80
    seen = seqs(newest)
    while newest["more"]:
        newest = store.log("before", seq=seen[0], limit=100)
        seen = seqs(newest) + seen
    assert seen == list(range(1, 81))
    oldest, seen = store.log("after", limit=100), []
    while True:
        seen += seqs(oldest)
        if not oldest["more"]:
            break
        oldest = store.log("after", seq=seen[-1], limit=100)
    assert seen == list(range(1, 81))


def test_trimmed_pages(start, redis):
    asked = start(history_max=100)
    for _ in range(130):
        asked.append()
    page = asked.log("after", seq=10, limit=5)
    assert (seqs(page), page["top"]) == ([31, 32, 33, 34, 35], 130)
    page = asked.log("before", seq=33, limit=5)
    assert (seqs(page), page["more"]) == ([31, 32], False)
    assert seqs(asked.log("before", seq=31, limit=5)) == []
    # All of it is gone, and the numbers go on.
    redis.client().delete("chat_history:a")
    page = asked.log("before", limit=5)
    assert (seqs(page), page["top"]) == ([], 130)
    assert asked.append()["seq"] == 131


def test_epochs_over_restarts(start, redis):
    asked = start()
    asked.server.expect("history-redis: ")
    first = asked.append()["epoch"]
    assert asked.top()["epoch"] == first
    assert asked.top()["previous"] == ""

    def restarted(before):
        redis.restart()
        wait_until(lambda: asked.top().get("epoch") not in (None, before))
        return asked.top()

    page = restarted(first)
    second = page["epoch"]
    assert (page["previous"], page["common"], page["top"]) == (first, 1, 1)
    assert asked.top()["epoch"] == second
    # It was noted although nobody wrote: the next one knows it.
    page = restarted(second)
    assert (page["previous"], page["common"]) == (second, 1)
    assert asked.append()["epoch"] == page["epoch"]
    assert asked.top()["common"] == 1


def test_all_readers_find_the_same_epoch_where_it_cannot_be_noted(start, redis):
    one, other = start(), start()
    for asked in (one, other):
        asked.server.expect("history-redis: ")
    redis.client().rpush("chat_history:seed", json.dumps({"user": "old", "text": "t"}))
    one.append()
    redis.restart()
    redis.configure(maxmemory="1mb", maxmemory_policy="noeviction")
    for room in ("a", "seed"):
        epochs = set()
        wait_until(lambda: one.top(room)["err"] == OK and other.top(room)["err"] == OK)
        for asked in (one, other, one):
            epochs.add(asked.top(room)["epoch"])
        assert len(epochs) == 1
    assert redis.client().hget("chat_meta:a", "prev") == ""
    redis.configure(maxmemory="0")
    assert one.append(room="seed")["epoch"] == other.top("seed")["epoch"]


def test_a_first_try_that_arrived_is_no_duplicate(start, redis):
    """The connection breaks between what is sent and its answer: sent again, it finds itself."""
    with Proxy(redis.port) as proxy:
        asked = start(proxy.address)
        asked.server.expect("history-redis: ")
        asked.append()
        proxy.delay(300)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(asked.append(cid="c")))
        thread.start()
        wait_until(lambda: redis.client().llen("chat_history:a") == 2)
        proxy.heal()
        proxy.drop()
        thread.join()
        assert (answers[0]["err"], answers[0]["seq"], answers[0]["duplicate"]) == (OK, 2, False)
        assert answers[0]["ts"] == json.loads(redis.client().lindex("chat_history:a", -1))["ts"]
        assert redis.client().llen("chat_history:a") == 2
        assert asked.server.stop() == 0


def test_without_a_cid_nobody_knows(start, redis):
    with Proxy(redis.port) as proxy:
        asked = start(proxy.address)
        asked.server.expect("history-redis: ")
        asked.append()
        proxy.delay(300)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(asked.append()))
        thread.start()
        wait_until(lambda: redis.client().llen("chat_history:a") == 2)
        proxy.heal()
        proxy.drop()
        thread.join()
        assert answers[0]["err"] == TIMEOUT
        assert redis.client().llen("chat_history:a") == 2
        assert asked.server.stop() == 0


def test_calls_while_redis_is_away(start, redis):
    asked = start()
    asked.server.expect("history-redis: ")
    redis.stop()
    began = time.monotonic()
    assert asked.kv("get")["err"] == BACKEND
    assert 3 < time.monotonic() - began < 7
    # Known to be away: at once.
    wait_until(lambda: asked.kv("get").get("at_once"))
    began = time.monotonic()
    assert asked.append()["err"] == BACKEND
    assert time.monotonic() - began < 1
    assert asked.bus("publish", data="x")["err"] == BACKEND
    redis.start()
    wait_until(lambda: asked.kv("get")["err"] == NOTFOUND)


# --- bus ---------------------------------------------------------------------------------------


def test_a_message_reaches_every_subscriber_of_every_instance(start, redis):
    one, other = start(), start()
    for asked in (one, one, other):
        assert asked.bus("subscribe", "topic x")["err"] == OK
    wait_until(lambda: redis.client().pubsub_numsub("bus:topic x") == [("bus:topic x", 2)])
    assert one.bus("publish", "topic x", data="bytes b c")["err"] == OK
    expected = ["topic x", "bytes b c", False]

    def messages(asked):  # without `lost`, by which the first subscriber is told that it is heard
        return [heard for heard in asked.bus("heard")["heard"] if not heard[2]]

    wait_until(lambda: messages(one) == [expected, expected])
    wait_until(lambda: messages(other) == [expected])
    assert one.bus("publish", "other", data="y")["err"] == OK
    sub = other.bus("subscribe", "room/a")["sub"]
    wait_until(lambda: redis.client().pubsub_channels("room:a"))
    assert other.bus("unsubscribe", sub=sub)["err"] == OK
    wait_until(lambda: not redis.client().pubsub_channels("room:a"))


def test_subscribers_are_told_that_something_may_be_lost(start, redis):
    asked = start()
    asked.server.expect("history-redis: ")
    asked.bus("subscribe")
    wait_until(lambda: asked.bus("heard")["heard"] == [["t", "", True]])
    redis.client().client_kill_filter(_type="pubsub")
    wait_until(lambda: asked.bus("heard")["heard"] == [["t", "", True]] * 2)
    asked.bus("publish", data="x")
    wait_until(lambda: asked.bus("heard")["heard"][2:] == [["t", "x", False]])
