# SPDX-License-Identifier: MIT
"""chatd.v1 as far as the core knows it: hello, and the envelope {type, id, ...}."""
import json
import re
import signal

import pytest
import websockets
from chat import ALL_OFF, AUTH, Client, v1
from raw_ws import signed


@pytest.fixture
def bare(chatd):
    """A connection to a chatd without any plugin."""
    with v1(chatd(only=ALL_OFF)) as client:
        yield client


def test_hello_is_the_first_frame_and_complete(chatd):
    server = chatd(core={"message_max": "8k", "ping_interval": "7s"}, only=ALL_OFF)
    with v1(server) as one, v1(server) as two:
        hello = one.hello
        assert hello["type"] == "hello"
        assert re.fullmatch(r"guest-[0-9a-f]{12}", hello["user"])
        assert re.fullmatch(r"[0-9a-f]{32}", hello["session"])
        assert re.search(rf"instance {hello['instance']}\)", server.log)
        assert re.fullmatch(r"chatd/[0-9.]+", hello["server"])
        assert (hello["features"], hello["ping_ms"]) == ([], 7000)
        assert hello["limits"]["message_bytes"] == 8192
        assert one.ws.subprotocol == "chatd.v1"
        assert two.hello["session"] != hello["session"]
        assert two.hello["instance"] == hello["instance"]


def test_hello_says_who_the_token_says(chatd):
    server = chatd(only={**ALL_OFF, "auth": "on"}, sections={"auth": AUTH}).expect("chatd.kv")
    with v1(server, signed("alice")) as client:
        assert client.hello["user"] == "alice"


@pytest.mark.parametrize("on", [[], ["rooms"], ["rooms", "typing"], ["auth", "rooms", "typing"],
                                ["history-sqlite", "rooms"]])
def test_the_features_are_those_of_the_loaded_plugins(chatd, on):
    server = chatd(only={**ALL_OFF, **dict.fromkeys(on, "on")},
                   sections={"auth": AUTH} if "auth" in on else {})
    server.expect("chatd.kv")
    with v1(server, signed("alice")) as client:
        named = {name.removesuffix("-sqlite") for name in on}
        assert {"auth", "history", "rooms", "typing"} & set(client.hello["features"]) == named


def test_an_unknown_type_is_answered_with_its_id(bare):
    answer = bare.ask(type="no.such.verb", id="a-1")
    assert (answer["type"], answer["id"]) == ("error", "a-1")
    assert (answer["code"], answer["temporary"]) == ("unknown_type", False)
    assert answer["message"]


def test_an_id_comes_back_as_it_was(bare):
    for name in ("ä☃\U0001f600", 'with "quotes" \\ and /', "x" * 64, " "):
        assert bare.ask(type="no.such.verb", id=name)["id"] == name


@pytest.mark.parametrize("frame", [{}, {"id": None}, {"id": ""}])
def test_without_an_id_the_error_has_none(bare, frame):
    bare.send({"type": "no.such.verb", **frame})
    answer = bare.recv()
    assert answer["code"] == "unknown_type" and "id" not in answer


@pytest.mark.parametrize("bad", ["x" * 65, "ä" * 33, 7, ["a"], {}])
def test_an_id_that_cannot_be_one_is_refused_and_not_echoed(bare, bad):
    bare.send({"type": "no.such.verb", "id": bad})
    answer = bare.recv()
    assert (answer["type"], answer["code"]) == ("error", "bad_request")
    assert "64 bytes" in answer["message"] and "id" not in answer


@pytest.mark.parametrize("bad", [None, 7, [], {}])
def test_a_type_that_is_no_string_is_refused_with_the_id(bare, bad):
    bare.send({"type": bad, "id": "a-2"})
    answer = bare.recv()
    assert (answer["code"], answer["id"]) == ("bad_request", "a-2")


def test_a_missing_type_is_refused_with_the_id(bare):
    bare.send({"id": "a-3"})
    answer = bare.recv()
    assert (answer["code"], answer["id"]) == ("bad_request", "a-3")


@pytest.mark.parametrize("frame", [
    "",
    "hello",
    "{",
    "[]",
    "7",
    "null",
    '"text"',
    '{"type":"x"} {"type":"x"}',
    '{"type":"x","type":"y"}',
    '{"type":"x","a":"\\u0000"}',
    '{"type":"x","a":"\\ud800"}',
    "[" * 3000 + "]" * 3000,
])
def test_what_is_not_one_json_object_is_refused_and_the_connection_stays(bare, frame):
    bare.send(frame)
    answer = bare.recv()
    assert (answer["type"], answer["code"]) == ("error", "bad_request")
    assert bare.ask(type="still.there")["code"] == "unknown_type"


def test_a_binary_frame_closes_with_1003(bare):
    bare.send(json.dumps({"type": "x"}).encode())
    assert bare.close_code() == 1003


def test_a_frame_over_message_max_closes_with_1009(chatd):
    with v1(chatd(core={"message_max": "1k"}, only=ALL_OFF)) as client:
        client.send({"type": "x", "pad": "x" * 900})
        assert client.recv()["code"] == "unknown_type"
        client.send({"type": "x", "pad": "x" * 1100})
        assert client.close_code() == 1009


def test_requests_are_answered_in_their_order(bare):
    for i in range(20):
        bare.send({"type": "no.such.verb", "id": str(i)})
    assert [bare.recv()["id"] for _ in range(20)] == [str(i) for i in range(20)]


def test_a_room_in_the_address_is_ignored(chatd):
    server = chatd(only=ALL_OFF)
    with Client(server.ws("/ws?room=%ff"), subprotocol="chatd.v1") as client:
        assert client.recv()["type"] == "hello"


def test_a_stop_says_bye_first_and_when_to_come_back(chatd):
    """`bye`: `reason, retry_ms` just before the server closes on purpose."""
    server = chatd(only={**ALL_OFF, "rooms": "on"})
    with v1(server) as client, Client(server.ws()) as classic:
        server.process.send_signal(signal.SIGTERM)
        bye = client.recv()
        assert (bye["type"], bye["code"], bye["reason"]) == ("bye", 1001, "the server stops")
        assert 500 <= bye["retry_ms"] < 5000
        assert client.close_code() == 1001
        with pytest.raises(websockets.ConnectionClosed):
            classic.recv()  # it would take a frame it does not know for a message
        assert server.stop() == 0


def test_who_must_not_come_back_is_told_no_time(chatd):
    server = chatd(only={**ALL_OFF, "auth": "on"}, sections={"auth": AUTH}).expect("offers chatd.kv")
    with v1(server, signed("alice", ttl=2)) as client:
        bye = client.recv()
        assert bye == {"type": "bye", "code": 4501, "reason": "token expired"}
        assert client.close_code() == 4501
