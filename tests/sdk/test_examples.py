# SPDX-License-Identifier: MIT
"""The SDK's examples do what their READMEs say. feed and dice have files of their own."""
import re
import subprocess

import pytest
import requests
from chat import ALL_OFF, AUTH, EXAMPLES, Client, PASSWORD, classic, example, sign_up
from server import DEADLINE, ROOT, ini_text, run_chatd, wait_until

ALL = sorted(file.stem for file in EXAMPLES.glob("*.so"))


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


def test_every_example_exports_one_symbol():
    """Templates of the C++ library, too, stay inside."""
    for name in ALL:
        lines = subprocess.run(["nm", "-D", "--defined-only", EXAMPLES / f"{name}.so"], text=True, check=True,
                               stdout=subprocess.PIPE).stdout.splitlines()
        symbols = {line.split()[-1] for line in lines}
        assert {symbol for symbol in symbols if not symbol.startswith("__odr_asan")} == {"chatd_plugin_v1"}, name


def test_every_example_has_its_line_in_the_readme():
    text = (ROOT / "sdk/examples/README.md").read_text()
    assert ALL == sorted(path.name for path in (ROOT / "sdk/examples").iterdir() if path.is_dir())
    for name in ALL:
        assert re.search(rf"^\| \[{name}\]\({name}/({name}\.(c|cpp)|README\.md)\) \|", text, re.M), name


@pytest.mark.parametrize("name", ["hello", "echo", "shout", "slowmode", "memory-store", "feed", "dice"])
def test_every_example_passes_the_check(tmp_path, name):
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": {"rooms": "on", **example(name)}}))
    result = run_chatd("--check", "-c", ini)
    assert (result.returncode, result.stderr) == (0, "")


def test_slowmode_lets_each_connection_speak_once_in_a_while(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("slowmode")},
                   sections={"slowmode": {"every": "300ms"}})
    with classic(server) as one, classic(server) as two:
        one.say("first")
        assert one.hears("first") and two.hears("first")
        one.say("too soon")
        assert one.recv()["error"]["code"] == "slowmode.wait"
        two.say("not me")
        assert two.hears("not me") and one.hears("not me")

        def said():
            one.say("second")
            return "error" not in one.recv()

        wait_until(said, what="the end of the wait")
    metrics = server.metrics()
    assert metrics["chatd_slowmode_refused_total"] >= 1


def announcing(chatd, workers=0, **plugins):
    server = chatd(workers=workers, sections={"auth": AUTH, "announce": {"per_day": "3"}},
                   only={"auth": "on", "rooms": "on", "history-sqlite": "on", "typing": "off",
                         "static": "off", **example("announce"), **plugins})
    return server, sign_up(server, "alice")


def announce(server, token, text="The build is green", room="general", **headers):
    return requests.post(server.http + "/announce", headers=headers, timeout=DEADLINE,
                         json={"token": token, "room": room, "text": text})


def last_announcement(server, token):
    answer = requests.get(server.http + "/announce", cookies={"token": token}, timeout=DEADLINE)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("workers", [0, 2])
def test_announce_says_it_in_the_room_and_every_worker_knows(chatd, workers):
    server, token = announcing(chatd, workers)
    assert last_announcement(server, token)[0] == 404
    with classic(server, token) as reader:
        answer = announce(server, token)
        assert (answer.status_code, answer.json()) == (201, {"seq": 1})
        heard = reader.hears("The build is green")
        assert (heard["user"], heard["seq"]) == ("alice", 1)
        announce(server, token, "Again")
        assert reader.hears("Again")["seq"] == 2

    def known_everywhere():
        # Each request is a new connection, which may come to any worker.
        shown = [last_announcement(server, token) for _ in range(8)]
        return all(status == 200 and body["seq"] == 2 for status, body in shown) and shown[0][1]

    record = wait_until(known_everywhere, what="the announcement in all workers")["record"]
    assert (record["user"], record["room"], record["text"]) == ("alice", "general", "Again")
    assert requests.get(server.http + "/announce", timeout=DEADLINE).status_code == 401


def test_announce_refuses_what_is_not_right_and_what_is_too_much(chatd):
    server, token = announcing(chatd)
    answer = announce(server, token + "x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    for body in ({}, {"token": token, "room": "general"}, {"token": 7, "room": "general", "text": "x"}):
        answer = requests.post(server.http + "/announce", json=body, timeout=DEADLINE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
        assert "token, room and text" in answer.json()["error"]["message"]
    assert announce(server, token, room="no/room").status_code == 400
    assert announce(server, token, text="").status_code != 201
    assert announce(server, token).status_code == 201
    answer = announce(server, token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "3600"


def test_what_another_plugin_refuses_is_told_to_who_announces(chatd):
    server = chatd(sections={"auth": AUTH, "wordfilter": {"word": "cake"}},
                   only={"auth": "on", "rooms": "on", "history-sqlite": "on", **example("announce"),
                         **example("wordfilter")})
    answer = announce(server, sign_up(server, "alice"), "have some cake")
    assert (answer.status_code, answer.json()["error"]) == (
        403, {"code": "wordfilter.refused", "message": "this word is not welcome here"})


def test_announce_names_the_service_it_lacks(tmp_path):
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": {"rooms": "on", **example("announce")}}))
    result = run_chatd("--check", "-c", ini)
    assert result.returncode == 1
    assert "announce needs the service chatd.auth" in result.stderr
