# SPDX-License-Identifier: MIT
"""The log: lines for people and for collectors, and nothing in them that is nobody's business."""
import json
import re

import pytest
import requests
from chat import ALL_OFF, AUTH, PASSWORD, classic, does_not_start, example, rogue, sign_up, v1
from rogues import reads
from server import DEADLINE, Server

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LEVELS = ("debug", "info", "warn", "error")
TEXT = "the cake is a lie"


def whole_session(server):
    """Registers, logs in, chats in both dialects, fails at each, logs out; returns its secrets."""
    token = sign_up(server, "alice")
    wrong = {"user": "alice", "password": "a wrong password"}
    answer = requests.post(server.http + "/login", json=wrong, timeout=DEADLINE)
    assert answer.status_code == 401
    bad = {"user": "!", "password": "another password"}
    assert requests.post(server.http + "/register", json=bad, timeout=DEADLINE).status_code == 400
    with classic(server, token) as client:
        client.say(TEXT)
        client.hears(TEXT)
        client.say(TEXT + "!" * 5000)
        assert client.recv()["error"]["code"] == "too_large"
        client.send({"typing": True, "text": ""})
        client.send('{"text": "' + TEXT)
        assert client.recv()["error"]["code"] == "bad_request"
    with v1(server, token) as client:
        client.ask(type="message.send", room="general", text=TEXT)
        client.send("[" + json.dumps(TEXT))
        assert client.recv()["code"] == "bad_request"
    broken = {"Authorization": f"Bearer {token}x"}
    assert requests.get(server.http + "/api/v1/me", headers=broken,
                        timeout=DEADLINE).status_code == 401
    query = requests.get(server.http + f"/api/v1/me?token={token}", timeout=DEADLINE)
    assert query.status_code == 401
    answer = requests.post(server.http + "/logout", cookies={"token": token}, timeout=DEADLINE)
    assert answer.status_code == 200
    return [token, token.split(".")[2], PASSWORD, "a wrong password", "another password", TEXT,
            AUTH["jwt_secret"]]


def test_a_line_is_time_level_who_and_text(chatd):
    server = chatd(sections={"auth": AUTH})
    lines = server.log.splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(rf"{TIME} ({'|'.join(LEVELS)}) *[a-z-]+: .+", line), line


def test_a_json_line_is_an_object_with_time_level_who_and_text(chatd):
    core = {"log_format": "json", "log_level": "debug"}
    server = chatd(core=core, sections={"auth": AUTH})
    whole_session(server)
    server.stop()
    rows = [json.loads(line) for line in server.log.splitlines()]
    assert len(rows) > 3
    for row in rows:
        assert re.fullmatch(TIME, row["time"]), row
        assert row["level"] in LEVELS and row["who"] and row["text"], row
        assert set(row) <= {"time", "level", "who", "text", "conn"}
    assert [r["text"] for r in rows if r["who"] == "core"][-1] == "stopped"
    failed = [r for r in rows if r["who"] == "auth" and "alice" in r["text"]]
    assert failed, "the failed login is not in the log"


def test_a_connection_is_named_beside_the_text(chatd):
    plugins = {**ALL_OFF, **example("hello")}
    text = chatd(only=plugins)
    with v1(text):
        text.wait_log(r"info  hello: \[[0-9a-f]+ guest-[0-9a-f]{12}\] hello, guest-")
    lines = chatd(core={"log_format": "json"}, only=plugins)
    with v1(lines):
        line = lines.wait_log(r".*hello, guest-.*")[0]
    assert re.fullmatch(r"[0-9a-f]+ guest-[0-9a-f]{12}", json.loads(line)["conn"])


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_log_never_holds_a_secret_or_what_was_said(chatd, log_format):
    server = chatd(core={"log_format": log_format, "log_level": "debug"}, sections={"auth": AUTH})
    secrets = whole_session(server)
    server.stop()
    assert "alice" in server.log  # the failed login: it was written at all
    for secret in secrets:
        assert secret not in server.log, secret


def test_a_user_cannot_forge_a_line(chatd):
    server = chatd(sections={"auth": AUTH})
    forged = "x\n2026-01-01T00:00:00.000Z error core: forged"
    body = {"user": forged, "password": "whatever"}
    answer = requests.post(server.http + "/login", json=body, timeout=DEADLINE)
    assert answer.status_code in (400, 401)
    server.stop()
    assert not re.search(r"^2026-01-01T00:00:00.000Z error core: forged", server.log, re.M)


@pytest.mark.parametrize("level, least", [("debug", 0), ("info", 1), ("warn", 2), ("error", 3)])
def test_what_is_below_the_level_is_left_out(tmp_path, level, least):
    plugins = {**ALL_OFF, **rogue("repeats"), **rogue("late-register"), **rogue("start-fails")}
    server = Server(tmp_path / "chatd", core={"log_level": level}, only=plugins)
    does_not_start(server)
    seen = {LEVELS.index(found) for found in re.findall(rf"^{TIME} (\w+)", server.log, re.M)}
    assert min(seen) == max(least, LEVELS.index("info"))  # nobody has debug lines at a start
    assert LEVELS.index("error") in seen


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_repeats_are_counted_instead_of_written(chatd, log_format):
    plugins = {**ALL_OFF, **rogue("repeats")}
    server = chatd(core={"log_format": log_format}, only=plugins)
    server.expect("repeats: again", "the line above")
    assert server.log.count("repeats: again") == 1
    lines = server.log.splitlines()
    at = [i for i, line in enumerate(lines) if "repeats: again" in line][0]
    assert "(the line above came 999 times more)" in lines[at + 1]
    assert log_format == "json" or reads("repeats", server.log)
