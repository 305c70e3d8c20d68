# SPDX-License-Identifier: MIT
"""The SDK's examples do what their READMEs say."""
import pytest
import requests
from chat import ALL_OFF, AUTH, Client, PASSWORD, classic, example, sign_up
from server import DEADLINE, ini_text, run_chatd


def test_hello_greets_and_logs_who_comes(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("hello")},
                   sections={"hello": {"greeting": "Grüß Gott"}})
    answer = requests.get(server.http + "/hello", timeout=DEADLINE)
    assert (answer.status_code, answer.content.decode()) == (200, "Grüß Gott")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    with classic(server):
        server.wait_log(r"hello, guest-[0-9a-f]{12} on /ws")


def test_hello_has_a_greeting_of_its_own(chatd):
    server = chatd(only={**ALL_OFF, **example("hello")})
    assert requests.get(server.http + "/hello", timeout=DEADLINE).text == "Hello from chatd"


def test_echo_sends_text_and_binary_back(chatd):
    server = chatd(only={**ALL_OFF, **example("echo")})
    with Client(server.ws("/echo")) as client:
        for data in ("plain", "", "ä☃\U0001f600", b"\x00\xff\xfe", b"", b"x" * 60000):
            client.send(data)
            got = client._run(client.ws.recv())
            assert got == data and isinstance(got, type(data))


def test_echo_lets_strangers_in_though_auth_is_on(chatd):
    server = chatd(only={**ALL_OFF, "auth": "on", **example("echo")}, sections={"auth": AUTH})
    server.expect("chatd.kv")
    with Client(server.ws("/echo")) as client:
        client.send("anybody")
        assert client._run(client.ws.recv()) == "anybody"


def test_wordfilter_refuses_its_word_to_the_sender_alone(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "history-sqlite": "on", **example("wordfilter")},
                   sections={"wordfilter": {"word": "cake"}})
    with classic(server) as sender, classic(server) as reader:
        sender.say("have some cake")
        frame = sender.recv()
        assert frame["error"] == {"code": "wordfilter.refused",
                                  "message": "this word is not welcome here"}
        assert (frame["user"], frame["text"]) == ("", "")
        sender.say("have some bread")
        assert sender.hears("have some bread")["seq"] == 1  # the refused one took no number
        assert reader.recv()["text"] == "have some bread"
    with classic(server) as later:
        assert later.recv()["text"] == "have some bread"
    assert "cake" not in server.log


def test_shout_rewrites_what_is_stored_and_sent(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "history-sqlite": "on", **example("shout")})
    with classic(server) as sender, classic(server) as reader:
        sender.say("hello wörld")
        assert sender.hears("HELLO WöRLD")
        assert reader.recv()["text"] == "HELLO WöRLD"
    with classic(server) as later:
        assert later.recv()["text"] == "HELLO WöRLD"


def test_wordfilter_looks_before_shout_rewrites(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("shout"), **example("wordfilter")},
                   sections={"wordfilter": {"word": "cake"}})
    with classic(server) as client:
        client.say("cake")
        assert client.recv()["error"]["code"] == "wordfilter.refused"
        client.say("bread")
        assert client.hears("BREAD")


def test_memory_store_keeps_accounts_until_the_server_ends(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "auth": "on", **example("memory-store")},
                   sections={"auth": AUTH})
    server.expect("memory of each worker")
    token = sign_up(server, "alice")
    body = {"user": "Alice", "password": PASSWORD}
    answer = requests.post(server.http + "/register", json=body, timeout=DEADLINE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "name_taken")
    answer = requests.post(server.http + "/login", json={**body, "password": "wrong one"},
                           timeout=DEADLINE)
    assert answer.status_code == 401
    with classic(server, token) as client:
        client.say("hello")
        assert client.hears("hello")["user"] == "alice"
        assert requests.post(server.http + "/logout", cookies={"token": token},
                             timeout=DEADLINE).status_code == 200
        assert client.close_code() == 4501
    server.stop()
    server.start()
    assert requests.post(server.http + "/login", json=body, timeout=DEADLINE).status_code == 401


def test_a_full_memory_store_refuses(chatd):
    server = chatd(only={**ALL_OFF, "auth": "on", **example("memory-store")},
                   sections={"auth": AUTH, "memory-store": {"entries_max": "1"}})
    server.expect("memory of each worker", "memory-store: full")
    sign_up(server, "alice")
    body = {"user": "bob", "password": PASSWORD}
    answer = requests.post(server.http + "/register", json=body, timeout=DEADLINE)
    assert answer.status_code == 503


@pytest.mark.parametrize("name", ["hello", "echo", "shout", "memory-store"])
def test_every_example_passes_the_check(tmp_path, name):
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": {"rooms": "on", **example(name)}}))
    result = run_chatd("--check", "-c", ini)
    assert (result.returncode, result.stderr) == (0, "")
