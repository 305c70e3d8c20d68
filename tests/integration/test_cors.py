# SPDX-License-Identifier: MIT
"""Pages from elsewhere: none may read an answer unless cors_origins names its origin, exactly."""
import re

import pytest
import requests
from raw_ws import CALM, PASSWORD, Raw, cookie, register, upgrade_request, with_secret
from server import run_chatd

APP, OTHER = "https://app.example", "https://other.example"
BODY = {"user": "nobody", "password": PASSWORD}


@pytest.fixture
def server(chatd):
    return chatd(core={**CALM, "cors_origins": f"{APP} http://127.0.0.1:5173"},
                 sections=with_secret()).expect("refused pages of", "refused Origin")


@pytest.fixture
def closed(chatd):
    """One with the defaults, which may act but not read for OTHER."""
    return chatd(core={**CALM, "allowed_origins": OTHER},
                 sections=with_secret()).expect("refused pages of", "refused Origin")


def preflight(server, origin, path="/login", method="POST", **headers):
    return requests.options(server.http + path, headers={
        "Origin": origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type", **headers})


def cors(reply):
    return {k.lower(): v for k, v in reply.headers.items() if k.lower().startswith("access-control")}


def refusals(server):
    return int(re.search(r"\nchatd_http_refused_cors_total (\d+)\n",
                         requests.get(server.http + "/metrics").text)[1])


def test_a_named_origin_may_ask_and_read(server):
    reply = preflight(server, APP)
    assert (reply.status_code, reply.content) == (204, b"")
    assert cors(reply) == {
        "access-control-allow-origin": APP,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, Retry-After",
        "access-control-allow-methods": reply.headers["Allow"],
        "access-control-allow-headers": "Authorization, Content-Type, If-None-Match",
        "access-control-max-age": "600"}
    assert "POST" in reply.headers["Allow"]
    register(server, "alice")
    for path, method, status in [("/login", "POST", 401), ("/api/v1/me", "GET", 401),
                                 ("/nothing", "GET", 404), ("/livez", "GET", 200),
                                 ("/livez", "DELETE", 405)]:
        reply = requests.request(method, server.http + path, json=BODY if method == "POST" else None,
                                 headers={"Origin": APP})
        assert reply.status_code == status
        assert reply.headers["Access-Control-Allow-Origin"] == APP, path
        assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert refusals(server) == 0


@pytest.mark.parametrize("origin", [
    OTHER, "null", "*", "", "http://app.example", "https://app.example:443", "https://app.example/",
    "https://app.example.evil", "https://evilapp.example", "https://APP.example", "app.example",
    f"{APP} {APP}", f"{APP}, {OTHER}"])
def test_the_page_of_another_origin_gets_no_header(server, origin):
    reply = preflight(server, origin)
    assert (reply.status_code, cors(reply)) == (204, {})
    server.wait_log("refused pages of .* write cors_origins = ")
    assert refusals(server) == 1
    for path in ("/livez", "/api/v1/me", "/nothing"):
        assert cors(requests.get(server.http + path, headers={"Origin": origin})) == {}
    reply = requests.post(server.http + "/login", json=BODY, headers={"Origin": origin})
    assert (reply.status_code, cors(reply)) == (403, {})


def test_two_origins_are_none(server):
    with Raw(server) as raw:
        reply = raw.ask(f"GET /livez HTTP/1.1\nHost: test\nOrigin: {APP}\nOrigin: {APP}\n\n")
        assert not any(name.startswith("access-control") for name in reply.headers)


def test_off_by_default_and_allowed_origins_do_not_turn_it_on(closed):
    for origin in (OTHER, APP, closed.http, "null"):
        for reply in (preflight(closed, origin),
                      requests.get(closed.http + "/livez", headers={"Origin": origin})):
            assert cors(reply) == {}
            assert "Origin" not in reply.headers.get("Vary", "")
    register(closed, "alice", headers={"Origin": OTHER})  # it may act
    assert refusals(closed) == 4


def test_caches_are_told_that_answers_differ(server):
    """Also to those who may not read: else their answer is handed out to those who may."""
    for headers in ({}, {"Origin": APP}, {"Origin": OTHER}):
        reply = requests.get(server.http + "/", headers=headers)
        assert reply.status_code == 200
        assert {"Origin", "Accept-Encoding"} <= set(reply.headers["Vary"].split(", "))


def test_who_may_read_may_act(server):
    assert register(server, "alice", headers={"Origin": APP}).status_code == 201
    for origin, status in [(APP, 101), ("http://127.0.0.1:5173", 101), (OTHER, 403)]:
        with Raw(server) as raw:
            raw.send(upgrade_request("/ws", {**cookie("alice"), "Origin": origin}))
            assert raw.reply().status == status


@pytest.mark.parametrize("word", ["*", "null", "https://app.example/", "https://App.example",
                                  "app.example", "https://", "https://a.example/*"])
def test_the_check_refuses_what_is_no_origin(tmp_path, word):
    ini = tmp_path / "chatd.ini"
    ini.write_text(f"[chatd]\ncors_origins = https://good.example {word}\n")
    result = run_chatd("--check", "-c", ini)
    assert result.returncode == 1
    assert f":2: [chatd] cors_origins: {word} is not an origin" in result.stderr
