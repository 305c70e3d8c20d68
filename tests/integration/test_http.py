# SPDX-License-Identifier: MIT
"""HTTP as well-behaved clients speak it: statuses, headers, connections that are kept."""
import os
import re
import select
import subprocess

import pytest
import requests
from raw_ws import CALM, Raw, wait_for_key
from server import ROOT, run_chatd, wait_until

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": None,
    "cache-control": None,
}

JSON_PLUGIN = """
#include <chatd/chatd.h>
static void handle(chatd_plugin *self, chatd_req req)
{
    chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}
static int init(chatd_plugin *self)
{
    static const struct chatd_route_def def = {
        .size = sizeof(def), .flags = CHATD_ROUTE_JSON, .method = "POST",
        .pattern = "/json", .max_body = 100, .handle = handle};
    return chatd_route(self, &def);
}
CHATD_PLUGIN(.name = "wants-json", .version = "1.0", .license = "MIT", .init = init);
"""

# Answers nobody.
MUTE_PLUGIN = """
#include <chatd/chatd.h>
static void handle(chatd_plugin *self, chatd_req req)
{
    static int n;

    (void)req;
    chatd_log(self, CHATD_LOG_INFO, "%d wait", ++n);
}
static int init(chatd_plugin *self)
{
    static const struct chatd_route_def def = {
        .size = sizeof(def), .method = "GET", .pattern = "/mute", .handle = handle};
    return chatd_route(self, &def);
}
CHATD_PLUGIN(.name = "mute", .version = "1.0", .license = "MIT", .init = init);
"""


def get(path, method="GET", headers=""):
    return f"{method} {path} HTTP/1.1\nHost: test\n{headers}\n"


def assert_secure(headers):
    for name, value in SECURITY.items():
        assert name in headers, f"{name} is missing"
        assert value is None or headers[name] == value


@pytest.fixture
def web(chatd, tmp_path):
    """A server with a web root of its own; web.root is the folder."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "index.html").write_text("<!doctype html><title>test</title>")
    server = chatd(core=CALM, sections={"static": {"root": str(root), "file_max": "32m"}})
    server.root = root
    wait_for_key(server)
    return server


@pytest.fixture
def bare(chatd):
    """A server that has nothing but its core."""
    return chatd(core=CALM, only={"static": "off"})


def built(folder, name, text):
    """The path of the plugin with that text."""
    source, so = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text)
    subprocess.run(["cc", "-shared", "-fPIC", "-I", ROOT / "sdk" / "include", source, "-o", so],
                   check=True)
    return str(so)


@pytest.fixture
def wants_json(chatd, tmp_path):
    """A server with a route POST /json that wants application/json."""
    return chatd(core=CALM, only={"wants-json": built(tmp_path, "wants-json", JSON_PLUGIN)})


def test_livez_says_that_the_server_lives(bare):
    reply = requests.get(bare.http + "/livez")
    assert (reply.status_code, reply.json()) == (200, {"status": "alive"})
    assert reply.headers["content-type"] == "application/json"


def test_readyz_is_200_with_an_empty_list_of_reasons(web):
    wait_until(lambda: requests.get(web.http + "/readyz").status_code == 200, what="readiness")
    assert requests.get(web.http + "/readyz").json() == {"status": "ready", "reasons": []}


def test_a_start_leaves_no_warning_in_the_log(web):
    assert requests.get(web.http + "/livez").status_code == 200
    lines = [line for line in web.log.splitlines()
             if not (os.geteuid() == 0 and "running as root" in line)]
    assert lines and not any(" error " in line or " warn " in line for line in lines)


@pytest.mark.parametrize("request_text, status", [
    (get("/livez"), 200),
    (get("/"), 200),
    (get("/nothing"), 404),
    (get("/livez", "POST"), 405),
    (get("/livez", "OPTIONS"), 204),
    (get("/%zz"), 400),
    (get("/ws"), 426),
    (get("/api/v1/me"), 401),
    (get("/login", "POST", "Content-Length: 5000\n") + "x" * 5000, 413),
    (get("/login", "POST", "Content-Length: 9999999\n"), 413),
    (get("/a b"), 400),
    (get("/", headers="A: " + "x" * 20000 + "\n"), 431),
    (get("/" + "x" * 20000), 414),
    (get("/", "BREW"), 501),
    (get("/", "TRACE"), 501),
    ("GET / HTTP/3.0\nHost: test\n\n", 505),
    (get("/login", "POST", "Content-Length: 2\nExpect: wonders\n") + "{}", 417),
], ids=str)
def test_every_answer_has_the_security_headers_and_errors_are_json(web, request_text, status):
    with Raw(web) as raw:
        reply = raw.ask(request_text)
        assert reply.status == status, reply
        assert_secure(reply.headers)
        if status >= 400:
            assert reply.headers["content-type"] == "application/json"
            assert b'{"error":{"code":"' in reply.body


def test_head_says_the_length_and_sends_no_body(web):
    with Raw(web) as raw:
        reply = raw.ask(get("/", "HEAD"), no_body=True)
        assert reply.status == 200
        size = (web.root / "index.html").stat().st_size
        assert reply.headers["content-length"] == str(size)
        assert raw.ask(get("/livez")).status == 200  # nothing of a body came before it


@pytest.mark.parametrize("path, status", [
    ("/", 200), ("/index.html", 200), ("/nothing", 404), ("/livez", 200), ("/readyz", 200),
    ("/metrics", 200), ("/api/v1/me", 401), ("/api/v1/rooms", 401), ("/ws", 426), ("/%zz", 400)])
def test_head_is_get_without_its_body(web, path, status):
    """RFC 9110, 9.3.2"""
    wait_until(lambda: requests.get(web.http + "/readyz").status_code == 200, what="readiness")
    with Raw(web) as raw:
        head, body = raw.ask(get(path, "HEAD"), no_body=True), raw.ask(get(path))
        assert (head.status, body.status) == (status, status)
        for reply in (head, body):
            assert_secure(reply.headers)
        if path != "/metrics":  # which has other numbers each time
            assert head.headers == body.headers


@pytest.mark.parametrize("path, allowed", [("/livez", {"GET", "HEAD"}), ("/login", {"POST"}),
                                           ("/ws", {"GET"})])
def test_options_answers_204_and_allow(bare, chatd, path, allowed):
    server = bare if path == "/livez" else chatd(core=CALM, plugins={"static": "off"})
    reply = requests.options(server.http + path)
    assert (reply.status_code, reply.content) == (204, b"")
    assert allowed <= set(reply.headers["allow"].split(", "))


def test_options_of_a_path_that_is_not_there_is_404(bare):
    assert requests.options(bare.http + "/nothing").status_code == 404


def test_options_of_the_whole_server_is_answered(bare):
    """RFC 9110, 9.3.7: the target * is the server in general."""
    with Raw(bare) as raw:
        reply = raw.ask("OPTIONS * HTTP/1.1\nHost: test\n\n")
        assert reply.status == 204
        assert "GET" in reply.headers["allow"]


def test_another_method_is_405_with_allow(bare):
    reply = requests.delete(bare.http + "/livez")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "GET, HEAD"
    assert reply.json()["error"]["code"] == "bad_request"


def test_a_path_that_is_not_there_is_404_as_json(bare):
    reply = requests.get(bare.http + "/nothing")
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not_found"


def test_a_body_over_the_limit_of_its_route_is_413(wants_json):
    reply = requests.post(wants_json.http + "/json", json={"a": "x" * 200})
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize("content_type", ["text/plain", "application/jsonp", "application/x", None])
def test_a_json_route_answers_415_to_other_types(wants_json, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    reply = requests.post(wants_json.http + "/json", data=b"{}", headers=headers)
    assert reply.status_code == 415
    assert "application/json" in reply.json()["error"]["message"]


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_json_route_takes_json(wants_json, content_type):
    reply = requests.post(wants_json.http + "/json", data=b"{}",
                          headers={"Content-Type": content_type})
    assert reply.status_code == 200


def test_one_connection_serves_many_requests(web):
    with Raw(web) as raw:
        for path, status in [("/livez", 200), ("/nothing", 404), ("/", 200), ("/livez", 200)] * 5:
            assert raw.ask(get(path)).status == status


def test_pipelined_requests_are_answered_in_order(web):
    """RFC 9112, 9.3.2. The login waits for a password job, what follows must wait with it."""
    body = '{"user":"nobody","password":"12345678"}'
    login = get("/login", "POST", f"Content-Length: {len(body)}\n") + body
    with Raw(web) as raw:
        text = get("/livez") + login + get("/nothing") + get("/") + get("/livez", "POST")
        raw.send(text.replace("\n", "\r\n").encode())
        assert [raw.reply().status for _ in range(5)] == [200, 401, 404, 200, 405]


def test_a_request_that_comes_byte_by_byte_is_answered(bare):
    with Raw(bare) as raw:
        for byte in get("/livez").replace("\n", "\r\n").encode():
            raw.send(bytes([byte]))
        assert raw.reply().status == 200


def test_connection_close_closes_after_the_answer(bare):
    with Raw(bare) as raw:
        assert raw.ask(get("/livez", headers="Connection: close\n")).status == 200
        assert raw.rest() == b""


def test_http_10_is_answered_and_closed(bare):
    with Raw(bare) as raw:
        assert raw.ask("GET /livez HTTP/1.0\n\n").status == 200
        assert raw.rest() == b""


def test_expect_100_continue_is_told_to_go_on(web):
    body = b'{"user":"nobody","password":"12345678"}'
    with Raw(web) as raw:
        head = get("/login", "POST", f"Content-Length: {len(body)}\nExpect: 100-continue\n")
        assert raw.ask(head).status == 100
        raw.send(body)
        assert raw.reply().status == 401


def test_a_chunked_body_is_read(web):
    body = b'{"user":"nobody","password":"12345678"}'
    with Raw(web) as raw:
        raw.send(get("/login", "POST", "Transfer-Encoding: chunked\n").replace("\n", "\r\n").encode())
        for part in (body[:7], body[7:]):
            raw.send(b"%x\r\n%s\r\n" % (len(part), part))
        raw.send(b"0\r\nSome: trailer\r\n\r\n")
        assert raw.reply().status == 401
        assert raw.ask(get("/livez")).status == 200


def test_chunk_extensions_are_ignored(web):
    """RFC 9112, 7.1.1: a recipient MUST ignore unrecognized chunk extensions."""
    with Raw(web) as raw:
        raw.send(get("/login", "POST", "Transfer-Encoding: chunked\n").replace("\n", "\r\n").encode())
        raw.send(b"2;name=value\r\n{}\r\n0\r\n\r\n")
        assert raw.reply().status == 400


@pytest.mark.parametrize("size", [1 << 20, 6 << 20])
def test_a_large_file_reaches_a_slow_reader_whole(web, size):
    content = os.urandom(1 << 20) * (size >> 20)
    (web.root / "large.bin").write_bytes(content)
    with Raw(web, receive_buffer=4096) as raw, Raw(web) as other:
        raw.send(get("/large.bin").replace("\n", "\r\n").encode())
        head = raw.line_block()
        assert b" 200 " in head
        # The server stands with the rest in its hands, and serves others meanwhile.
        assert other.ask(get("/livez")).status == 200
        assert raw.take(size) == content
        assert raw.ask(get("/livez")).status == 200


def test_two_large_files_may_be_pipelined(web):
    content = os.urandom(3 << 20)
    (web.root / "large.bin").write_bytes(content)
    with Raw(web, receive_buffer=4096) as raw:
        raw.send(get("/large.bin").replace("\n", "\r\n").encode() * 2)
        assert raw.reply().body == content
        assert raw.reply().body == content


def test_metrics_are_for_this_machine(web):
    before = int(re.search(r"\nchatd_http_requests_total (\d+)\n",
                           requests.get(web.http + "/metrics").text)[1])
    text = requests.get(web.http + "/metrics")
    assert text.status_code == 200
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f"\nchatd_http_requests_total {before + 1}\n" in text.text


def numbers(server):
    """Every line of /metrics; a name has one HELP, one TYPE, and all its lines behind them."""
    found, names, last = {}, set(), None
    for line in requests.get(server.http + "/metrics").text.splitlines():
        if line.startswith("# HELP "):
            last = line.split()[2]
            assert last not in names
            names.add(last)
        elif line.startswith("# TYPE "):
            assert line.split()[2] == last
        else:
            series, number = line.rsplit(" ", 1)
            assert series not in found
            assert re.fullmatch(rf"{last}(_bucket|_sum|_count)?(\{{.*\}})?", series)
            found[series] = float(number)
    return found


def test_metrics_tell_how_upgrades_ended(web):
    def handshakes():
        return {re.search('"(.*)"', k)[1]: int(v) for k, v in numbers(web).items()
                if k.startswith("chatd_handshakes_total") and v != before.get(k, 0)}

    before = numbers(web)
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    wanted = {"not_found": ("/nowhere", key, ""), "bad_request": ("/ws", "X: y", ""),
              "forbidden": ("/ws", key, "Origin: https://evil.example\r\n")}
    for path, header, more in wanted.values():
        with Raw(web) as raw:
            raw.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                     f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{header}\r\n{more}\r\n".encode())
            assert raw.reply().status >= 400
    web.expect("refused Origin https://evil.example")
    assert set(handshakes()) == set(wanted)


def test_metrics_tell_what_handlers_take(web):
    found = numbers(web)
    assert found['chatd_hook_seconds_count{plugin="core",event="upgrade"}'] >= 0
    assert found['chatd_hook_seconds_sum{plugin="core",event="upgrade"}'] >= 0
    assert found['chatd_jobs_waiting{queue="cpu"}'] == 0
    assert found["chatd_http_connections"] == 1
    assert found["chatd_queue_bytes"] == 0


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
                                    "X-Real-IP", "Forwarded", "Via"])
def test_metrics_are_hidden_from_what_a_proxy_passes_on(bare, header):
    """design.md: own listen address or ACL; a proxy on this machine is not its clients."""
    bare.expect("write trusted_proxies = ")
    assert requests.get(bare.http + "/metrics", headers={header: "1.2.3.4"}).status_code == 404


@pytest.mark.parametrize("choice, status", [("off", 404), ("on", 200)])
def test_metrics_can_be_off_or_for_all(chatd, choice, status):
    server = chatd(core={**CALM, "metrics": choice}, only={"static": "off"})
    server.expect("write trusted_proxies = ")
    reply = requests.get(server.http + "/metrics", headers={"X-Forwarded-For": "1.2.3.4"})
    assert reply.status_code == status


def test_health_is_0_while_the_server_runs_and_1_when_it_is_down(bare):
    env = {"CHATD_LISTEN": f"127.0.0.1:{bare.port}"}
    alive = run_chatd("-c", bare.ini, "--health", env=env)
    assert alive.returncode == 0, alive.stderr
    assert bare.stop() == 0
    down = run_chatd("-c", bare.ini, "--health", env=env)
    assert down.returncode == 1
    assert f"127.0.0.1:{env['CHATD_LISTEN'].split(':')[1]}" in down.stderr


def test_who_is_waited_for_longest_makes_room(chatd):
    """Silent, begun or idle: a newer one is let in all the same."""
    server = chatd(core={**CALM, "max_http_connections": "3"}, only={"static": "off"})
    with Raw(server) as silent, Raw(server) as begun, Raw(server) as idle:
        begun.send(b"GET /livez HTTP/1.1\r\nHost:")
        for _ in range(8):  # turns of the loop: they are no newcomers any more
            assert idle.ask(get("/livez")).status == 200
        newer = [Raw(server) for _ in range(3)]
        try:
            for raw in newer:
                assert raw.ask(get("/livez")).status == 200
            assert [raw.rest()[:12] for raw in (silent, begun, idle)] == [b"", b"HTTP/1.1 503", b""]
        finally:
            for raw in newer:
                raw.close()
    assert server.metrics()["chatd_http_made_room_total"] >= 3


def test_nobody_who_is_being_answered_makes_room(chatd, tmp_path):
    server = chatd(core={**CALM, "max_http_connections": "2"}, only={"mute": built(tmp_path, "mute", MUTE_PLUGIN)})
    first, second = Raw(server), Raw(server)
    with first, second:
        first.send(get("/mute").replace("\n", "\r\n").encode())
        second.send(get("/mute").replace("\n", "\r\n").encode())
        server.wait_log("2 wait")
        with Raw(server) as third:
            refused = third.ask(get("/livez"))
            assert refused.status == 503 and b'"full"' in refused.body, refused.body
            assert third.rest() == b""
        assert select.select([first.sock, second.sock], [], [], 0)[0] == []  # neither an answer nor an end
        first.close()
        wait_until(lambda: requests.get(server.http + "/livez").status_code == 200, what="room")
    assert server.metrics()["chatd_http_refused_full_total"] >= 1


def test_a_flood_of_requests_takes_turns(chatd):
    server = chatd(core=CALM, only={"static": "off"})
    asked = get("/livez").replace("\n", "\r\n").encode()
    floods = [Raw(server) for _ in range(40)]
    try:
        for raw in floods:
            raw.send(asked * 20)
        for raw in floods:
            for _ in range(20):
                assert raw.reply().status == 200
    finally:
        for raw in floods:
            raw.close()
    assert server.metrics()["chatd_http_lined_total"] >= 40


def test_a_body_that_no_route_takes_is_refused_before_it_comes(chatd):
    server = chatd(core={**CALM, "http_body_max": "10m"})
    with Raw(server) as raw:
        reply = raw.ask(get("/login", "POST", "Content-Type: application/json\nContent-Length: 1000000\n"))
        assert reply.status == 413
        assert reply.headers["connection"] == "close"


