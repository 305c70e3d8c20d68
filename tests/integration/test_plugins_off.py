# SPDX-License-Identifier: MIT
"""What is off is off, the rest goes on."""
import re

import jwt
import pytest
import requests
from chat import ALL_OFF, AUTH, Client, PASSWORD, classic, does_not_start, refused, sign_up, v1
from raw_ws import signed
from server import DEADLINE, DEFAULT_PLUGINS, Server

GUEST = r"guest-[0-9a-f]{12}"


def only(*names):
    return {**ALL_OFF, **dict.fromkeys(names, "on")}


def without(*names):
    return only(*(name for name in DEFAULT_PLUGINS if name not in names))


def get(server, path):
    return requests.get(server.http + path, timeout=DEADLINE)


def post(server, path, **body):
    return requests.post(server.http + path, json=body, timeout=DEADLINE)


def features(server, token=None):
    with v1(server, token) as client:
        return set(client.hello["features"])


def typing_signals_before(reader, text):
    """Reads on until the message `text`; returns the typing frames that came before it."""
    signals = []
    while True:
        frame = reader.recv()
        if frame.get("text") == text:
            return signals
        if frame["typing"]:
            signals.append(frame)


# --- each one alone -----------------------------------------------------------------------------


def test_everything_on_is_the_whole_chat(chatd):
    server = chatd(sections={"auth": AUTH})
    alice, bob = sign_up(server, "alice"), sign_up(server, "bob")
    assert {"auth", "rooms", "typing"} <= features(server, alice)
    with classic(server, alice) as a, classic(server, bob) as b:
        a.send({"typing": True})
        a.say("hello")
        signals = typing_signals_before(b, "hello")
        assert [(s["user"], s["text"]) for s in signals] == [("alice", "")]
        assert a.hears("hello")["seq"] == 1
    assert "<html" in get(server, "/").text


def test_without_auth_everybody_is_a_guest(chatd):
    server = chatd(only=without("auth"))
    assert "auth" not in features(server)
    for path in ("/register", "/login"):
        answer = post(server, path, user="alice", password=PASSWORD)
        assert answer.status_code == 405  # the web client's files can only be read
    assert get(server, "/api/v1/me").status_code == 404
    with classic(server) as a, classic(server) as b:
        a.say("one")
        b.say("two")
        names = {b.hears("one")["user"], b.hears("two")["user"]}
    assert len(names) == 2
    assert all(re.fullmatch(GUEST, name) for name in names), names


def test_without_auth_no_token_is_looked_at(chatd):
    server = chatd(only=without("auth"))
    with v1(server, signed("alice")) as client:
        assert re.fullmatch(GUEST, client.hello["user"])


def test_without_rooms_nobody_claims_the_classic_socket(chatd):
    server = chatd(only=without("rooms"), sections={"auth": AUTH}).expect("chatd.rooms")
    token = sign_up(server, "alice")
    assert refused(server, "/ws?room=general", token) == 404
    assert "rooms" not in features(server, token)
    with v1(server, token) as client:
        for verb in ("room.join", "room.leave", "message.send"):
            answer = client.ask(type=verb, room="general", text="hello")
            assert (answer["type"], answer["code"]) == ("error", "unknown_type")
    assert "<html" in get(server, "/").text


def test_without_history_messages_have_no_sequence_and_are_not_kept(chatd):
    server = chatd(only=without("history-sqlite"), sections={"auth": AUTH}).expect("chatd.kv")
    with classic(server, signed("alice")) as a, classic(server, signed("bob")) as b:
        a.say("hello")
        for frame in (a.hears("hello"), b.hears("hello")):
            assert (frame["user"], frame["room"]) == ("alice", "general")
            assert "seq" not in frame
    with classic(server, signed("carol")) as c:
        c.say("anybody there?")
        assert c.recv()["text"] == "anybody there?"  # the first frame: no page came before it


def test_a_history_with_its_log_off_is_a_store_for_accounts_alone(chatd):
    server = chatd(sections={"auth": AUTH, "history-sqlite": {"log": "off"}})
    token = sign_up(server, "alice")
    with classic(server, token) as a:
        a.say("hello")
        assert "seq" not in a.hears("hello")


def test_without_typing_the_signal_is_ignored(chatd):
    server = chatd(only=without("typing"), sections={"auth": AUTH})
    assert "typing" not in features(server, signed("alice"))
    with classic(server, signed("alice")) as a, classic(server, signed("bob")) as b:
        a.send({"typing": True})
        a.say("hello")
        assert typing_signals_before(b, "hello") == []


def test_without_static_there_is_no_page(chatd):
    server = chatd(only=without("static"), sections={"auth": AUTH})
    for path in ("/", "/index.html", "/js/main.js"):
        assert get(server, path).status_code == 404
    assert get(server, "/livez").status_code == 200
    sign_up(server, "alice")


@pytest.mark.parametrize("name", DEFAULT_PLUGINS)
def test_the_rest_is_alive_and_ready_without(chatd, name):
    server = chatd(only=without(name), sections={"auth": AUTH}).expect("chatd.kv", "chatd.rooms")
    assert get(server, "/livez").json() == {"status": "alive"}
    assert get(server, "/readyz").status_code == 200
    assert f"chatd_{name.replace('-', '_')}_" not in get(server, "/metrics").text
    server.stop()
    assert "stopped" in server.log


# --- combinations -------------------------------------------------------------------------------


def test_all_off_is_a_core_that_says_hello(chatd):
    server = chatd(only=ALL_OFF)
    assert get(server, "/livez").status_code == 200
    assert get(server, "/readyz").json() == {"status": "ready", "reasons": []}
    assert get(server, "/").status_code == 404
    assert refused(server, "/ws?room=general") == 404
    assert refused(server, "/ws", subprotocol="other") == 404
    with v1(server) as client:
        assert re.fullmatch(GUEST, client.hello["user"])
        assert client.hello["features"] == []
        assert client.ask(type="room.join", room="general")["code"] == "unknown_type"
    assert sorted(p.name for p in server.folder.iterdir()) == ["chatd.ini", "chatd.log"]


def test_rooms_alone_let_guests_chat(chatd):
    server = chatd(only=only("rooms"))
    assert features(server) == {"rooms"}
    with classic(server) as a, classic(server) as b, classic(server, room="other") as c:
        a.say("hello")
        frame = b.hears("hello")
        assert re.fullmatch(GUEST, frame["user"])
        assert "seq" not in frame
        c.say("elsewhere")
        assert c.recv()["text"] == "elsewhere"


def test_rooms_with_history_keep_what_guests_said(chatd):
    server = chatd(only=only("rooms", "history-sqlite"))
    with classic(server) as a:
        a.say("first")
        said = a.hears("first")
        assert said["seq"] == 1
    with classic(server) as b:
        kept = b.recv()
        assert kept == said
        b.say("second")
        assert b.hears("second")["seq"] == 2


def test_rooms_with_auth_and_a_key_let_tokens_in(chatd):
    server = chatd(only=only("rooms", "auth"), sections={"auth": AUTH}).expect("chatd.kv")
    assert refused(server, "/ws?room=general") == 401
    assert refused(server, "/ws?room=general", signed("mallory", key="k" * 40)) == 401
    with classic(server, signed("alice")) as a:
        a.say("hello")
        assert a.hears("hello")["user"] == "alice"


def test_auth_without_a_store_checks_tokens_and_says_what_is_missing(chatd):
    server = chatd(only=only("auth"), sections={"auth": AUTH}).expect("chatd.kv")
    for path in ("/register", "/login"):
        answer = post(server, path, user="alice", password=PASSWORD)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert "chatd.kv" in answer.json()["error"]["message"]
    headers = {"Authorization": f"Bearer {signed('alice')}"}
    me = requests.get(server.http + "/api/v1/me", headers=headers, timeout=DEADLINE)
    assert (me.status_code, me.json()["user"]) == (200, "alice")
    assert get(server, "/api/v1/me").status_code == 401
    assert re.search(r"warn .*no plugin offers chatd\.kv", server.log)


def test_auth_with_neither_store_nor_key_refuses_to_start(tmp_path):
    server = Server(tmp_path / "chatd", only=only("auth"))
    does_not_start(server)
    line = re.search(r"error auth: .*", server.log)[0]
    assert "history-sqlite = on" in line and "jwt_secret" in line
    assert "plugin auth failed to start" in server.log


def test_accounts_and_messages_survive_a_restart(chatd):
    server = chatd()
    token = sign_up(server, "alice")
    with classic(server, token) as a:
        a.say("before")
        a.hears("before")
    server.stop()
    server.start()
    assert jwt.decode(token, options={"verify_signature": False})["sub"] == "alice"
    with Client(server.ws("/ws?room=general"), token) as a:
        assert (a.recv()["text"], a.ws.open) == ("before", True)
