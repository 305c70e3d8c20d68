# SPDX-License-Identifier: MIT
"""Plugins of every minor of the ABI in a chat: messages, rooms, accounts, services, and each other. See test_minors.py."""
import minors
import pytest
import requests
from chat import ALL_OFF, AUTH, Client, classic, refused, sign_up, v1
from minors import Probe
from server import DEADLINE, wait_until

NAMES = minors.names()
STORES = {"rooms": "on", "history-sqlite": "on"}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def in_chat(chatd, name):
    """A probe in a server with rooms and a store."""
    return Probe(chatd(only={**ALL_OFF, **STORES, **minors.line(name)}), name)


# -- rooms and accounts ---------------------------------------------------------------------------


def test_messages_in_every_band(in_chat):
    probe, word = in_chat, in_chat.word
    with classic(probe.server) as one, classic(probe.server) as two:
        one.say(word("deny"))
        assert one.recv()["error"] == {"code": f"{probe.name}.refused", "message": "The probe refuses."}
        one.say(word("wait"))
        assert one.hears(word("wait"))["seq"] == 1
        one.say(word("wait deny"))
        assert one.recv()["error"]["message"] == "Denied after a while."
        one.say(word("change"))
        assert one.hears(f"changed by {probe.name}")["seq"] == 2
        one.say(word("done"))
        assert one.hears(word("done"))["seq"] == 3
        one.say(word("hidden"))
        one.say("the last one")
        assert one.recv()["text"] == "the last one"  # seq 4 was not delivered
        assert [two.recv()["text"] for _ in range(4)] == [word("wait"), f"changed by {probe.name}", word("done"),
                                                          "the last one"]
    for what, n in {"message.check": 7, "message.change": 4, "message.watch": 5, "resumed": 2}.items():
        assert probe.seen(what) == n, what
    assert probe.seen("deliver") == 2
    for what in ("not skipped", "set_text failed", "ev_alloc failed", "wait failed"):
        assert probe.seen(what) == 0, what
    assert probe.server.metrics()[f'chatd_{probe.name.replace("-", "_")}_things_total{{kind="one"}}'] == 5


def test_waits_end_by_their_deadline_and_with_their_client(in_chat):
    probe = in_chat
    server = probe.server.expect("did not resume message by its deadline")
    with classic(server) as client:
        client.say(probe.word("wait late"))
        assert client.recv()["error"]["code"] == "timeout"
    probe.wait_seen("resume is gone")
    leaver = classic(server)
    leaver.say(probe.word("wait long"))
    probe.wait_seen("message.check", 2)
    leaver.drop()
    probe.wait_seen("gone")
    probe.wait_seen("resume is gone", 2)


def test_joining_leaving_and_signals(in_chat):
    probe = in_chat
    with v1(probe.server) as client:
        refusal = client.ask(type="room.join", room=f"{probe.name}-closed")
        assert (refusal["code"], refusal["message"]) == (f"{probe.name}.join", "This room is closed.")
        assert client.ask(type="room.join", room="general")["type"] == "ack"
        sent = client.ask(type="message.send", room="general", text="hello", cid=probe.name)
        assert sent["seq"] == 1
        probe.wait_seen("message.cid")
        told = probe.ask("members")
        assert told.pop("here", None) == (0 if probe.minor >= 2 else None)
        assert told == {"each": 0, "n": 1, "in": 1, "out": 0, "signal": 0, "denied": 0, "no_member": -3}

        def signal():
            while True:
                frame = client.recv()
                if frame["type"] == probe.name:
                    return frame
        frames = [signal() for _ in range(2 if probe.minor >= 2 else 1)]
        assert {"type": probe.name, "room": "general", "user": "probe", probe.name: True} in frames
        if probe.minor >= 2:
            assert {"type": probe.name, "room": "general", "user": "here", probe.name: True} in frames
            probe.wait_seen("signaled")
        assert probe.ask("publish", text="from outside") == {
            "err": 0, "seq": 2, "duplicate": 0, "has_ts": 1, "code": "", "text": ""}
        told = probe.ask("publish", text=probe.word("deny"))
        assert (told["err"], told["code"], told["text"]) == (-1, f"{probe.name}.refused", "The probe refuses.")
        assert client.ask(type="room.leave", room="general")["type"] == "ack"
    assert (probe.seen("join"), probe.seen("leave"), probe.seen("signal")) == (1, 1, 1)


def test_accounts_and_tokens(chatd, name):
    server = chatd(only={**ALL_OFF, "history-sqlite": "on", "auth": "on", **minors.line(name)}, sections={"auth": AUTH})
    probe = Probe(server, name)
    token = sign_up(server, "alice")
    assert (probe.seen("register"), probe.seen("login")) == (1, 1)
    answer = requests.post(server.http + "/register", json={"user": "refused", "password": "correct horse"},
                           timeout=DEADLINE)
    assert answer.json()["error"] == {"code": f"{name}.register", "message": "Nobody of that name."}
    assert probe.ask("token", token=token) == {"err": 0, "user": "alice", "expires": 1}
    assert probe.ask("token", token="forged")["err"] == -3
    assert probe.get("login").status_code == 401
    assert probe.get("login", cookies={"token": token}).json() == {"in": True}
    assert refused(server, f"/{name}/ws", subprotocol="probe") == 401
    Client(probe.ws()).close()


# -- services -------------------------------------------------------------------------------------


def test_kv(in_chat):
    told = in_chat.ask("kv")
    assert told.pop("kv7")[0] == 0  # cas: what it replies of a value then is not said
    assert told == {
        "minor": in_chat.minor, "kv0": [0, "", 0], "kv1": [0, "one", 0], "kv2": [-2, "one", 0], "kv3": [0, "", 0],
        "kv4": [-3, "", 0], "kv5": [0, "", 5], "kv6": [0, "", 0], "kv8": [-2, "new", 0],
        "scan": [0, "key=new"], "more": 0, "kv10": [0, "", 0]}


def test_log(in_chat):
    told = in_chat.ask("log", room="quiet")
    if in_chat.minor >= 2:
        assert (told.pop("previous"), told.pop("common")) == (0, 0)
    assert told == {
        "minor": in_chat.minor, "append0": [0, 1, 0, 1], "append1": [0, 1, 1, 1], "append2": [0, 2, 0, 1],
        "page": [0, "1 {}", "2 {}"], "top": 2, "page_more": 0, "record1": 1, "record2": 1, "record3": 1,
        "unsubscribe": 0, "unsubscribed": -4}
    assert (in_chat.seen("reset"), in_chat.seen("append failed")) == (1, 0)


def test_records_are_forgotten_under_an_older_listener(chatd, name):
    """A listener of before log 1.2 ends where `forgotten` is now: nothing behind it is called."""
    server = chatd(only={**ALL_OFF, **STORES, **minors.line(name)}, sections={"history-sqlite": {"history_age": "1s"}})
    probe = Probe(server, name)
    assert probe.ask("follow", room="general") == {"rc": 0}
    with classic(server) as client:
        client.say("soon forgotten")
        assert client.hears("soon forgotten")
        probe.wait_seen("followed")
        wait_until(lambda: server.metrics()["chatd_history_sqlite_expired_total"] == 1, what="the end of a record")
        if probe.minor >= 4:
            probe.wait_seen("forgotten")
        client.say("and another")
        assert client.hears("and another")["seq"] == 2
    assert (probe.seen("forgotten") > 0) == (probe.minor >= 4)


def test_bus(in_chat):
    assert in_chat.ask("bus") == {"minor": in_chat.minor, "subscribe": 0, "topic": f"{in_chat.name}.topic",
                                  "data": "heard", "unsubscribe": 0, "unsubscribed": -4}


# -- together -------------------------------------------------------------------------------------


def test_all_minors_in_one_server_use_each_other(chatd):
    """Each calls the service of the one before and hooks its event, and a message passes all of them."""
    server = chatd(only={**ALL_OFF, **STORES, **minors.line(*NAMES)})
    probes = [Probe(server, name) for name in NAMES]
    for older, newer in zip([None, *probes], probes):
        told = newer.ask("previous")
        if older is None:
            assert told == {"there": 0}
        else:
            assert told == {"there": 1, "twice": 42, "of": older.name, "version": f"1.{older.minor}"}
            assert older.ask("event")["handlers"] == 2
            assert newer.seen(f"event of {older.name}") == 1
    with classic(server) as client:
        for probe in probes:
            client.say(probe.word("wait"))
            assert client.hears(probe.word("wait"))
            client.say(probe.word("change"))
            assert client.hears(f"changed by {probe.name}")
    assert all(probe.seen("message.watch") == 2 * len(probes) for probe in probes)


@pytest.mark.parametrize("old", [name for name in NAMES if (minors.FOLDER / name.removeprefix("probe-")).is_dir()])
def test_the_examples_of_an_older_minor(chatd, old):
    """memory-store keeps the accounts of today's auth, the others take part in today's rooms."""
    folder = minors.FOLDER / old.removeprefix("probe-")
    plugins = {name: folder / f"{name}.so" for name in ("hello", "echo", "wordfilter", "shout", "memory-store")}
    server = chatd(only={**ALL_OFF, "rooms": "on", "auth": "on", **plugins},
                   sections={"wordfilter": {"word": "cake"}, "hello": {"greeting": "Salve"}, "auth": AUTH})
    server.expect("memory of each worker")
    token = sign_up(server, "alice")
    assert requests.get(server.http + "/hello", timeout=DEADLINE).text == "Salve"
    with Client(server.ws("/echo")) as client:
        for data in ("text", b"\x00\xff"):
            client.send(data)
            assert client._run(client.ws.recv()) == data
    with classic(server, token) as client:
        client.say("cake")
        assert client.recv()["error"]["code"] == "wordfilter.refused"
        client.say("bread")
        assert client.hears("BREAD")["user"] == "alice"
        assert requests.post(server.http + "/logout", cookies={"token": token}, timeout=DEADLINE).status_code == 200
        assert client.close_code() == 4501
