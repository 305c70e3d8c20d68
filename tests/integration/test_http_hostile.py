# SPDX-License-Identifier: MIT
"""HTTP as no client should speak it: each shape is refused, and the connection ends with it."""
import json
import time

import pytest
import requests
from raw_ws import CALM, PASSWORD, Raw, cookie, register, upgrade_request, with_secret
from server import DEADLINE, wait_until

FAST = {**CALM, "http_head_timeout": "500ms", "http_body_timeout": "500ms",
        "http_idle_timeout": "500ms"}
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"


@pytest.fixture
def server(chatd):
    return chatd(core={**CALM, "http_body_max": "64k"}, plugins={"static": "off"})


def refused(server, data, status, more=b""):
    """The answer to `data`; it must be the only one and the last thing on its connection."""
    with Raw(server) as raw:
        raw.send(data + more)
        reply = raw.reply()
        assert reply.status == status, reply
        assert reply.headers["connection"] == "close"
        assert raw.rest() == b""
    assert requests.get(server.http + "/livez").status_code == 200
    return reply


POST = b"POST /login HTTP/1.1\r\nHost: test\r\n"


@pytest.mark.parametrize("data", [
    pytest.param(b"GET / HTTP/1.1\nHost: test\n\n", id="bare LF everywhere"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\n\r\n", id="bare LF behind a header"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\rX: y\r\n\r\n", id="bare CR"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\nA: b\r\n c\r\n\r\n", id="folded header"),
    pytest.param(b"GET / HTTP/1.1\r\n Host: test\r\n\r\n", id="blank before the first header"),
    pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", id="two lengths"),
    pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", id="lengths differ"),
    pytest.param(POST + b"Content-Length: 2, 2\r\n\r\n{}", id="a list of lengths"),
    pytest.param(POST + b"Content-Length: +2\r\n\r\n{}", id="a signed length"),
    pytest.param(POST + b"Content-Length: 0x2\r\n\r\n{}", id="a hexadecimal length"),
    pytest.param(POST + b"Content-Length: \r\n\r\n", id="an empty length"),
    pytest.param(POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 id="length, then chunked"),
    pytest.param(POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
                 id="chunked, then length"),
    pytest.param(POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                 id="chunked twice"),
    pytest.param(POST + b"Content-Length : 2\r\n\r\n{}", id="a space before the colon"),
    pytest.param(POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", id="a space, chunked"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\nA: b\0c\r\n\r\n", id="NUL in a value"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\nA\0: b\r\n\r\n", id="NUL in a name"),
    pytest.param(b"GET /\0 HTTP/1.1\r\nHost: test\r\n\r\n", id="NUL in the target"),
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no Host"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two Hosts"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", id="the same Host twice"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", id="a list of Hosts"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", id="a Host with a path"),
    pytest.param(b"GET / HTTP/1.1\r\nHost:\r\n\r\n", id="an empty Host"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\n: b\r\n\r\n", id="a header without a name"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\nAccept\r\n\r\n", id="a header without a colon"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello",
                 id="a GET with a body"),
    pytest.param(b"GET  / HTTP/1.1\r\nHost: test\r\n\r\n", id="two spaces"),
    pytest.param(b"GET / HTTP/1.1 \r\nHost: test\r\n\r\n", id="a space behind the version"),
    pytest.param(b"GET / http/1.1\r\nHost: test\r\n\r\n", id="a version in lower case"),
    pytest.param(b"GET file:///etc/passwd HTTP/1.1\r\nHost: test\r\n\r\n", id="a file address"),
    pytest.param(b"POST /login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 id="chunks in HTTP/1.0"),
    pytest.param(b"GET /\r\n\r\n", id="HTTP/0.9"),
    pytest.param(b"\r\n\r\n\r\n", id="empty lines"),
    pytest.param(b"\x00\x01\x02\x03 garbage \xff\xfe\r\n\r\n", id="garbage"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
                 id="a TLS ClientHello"),
    pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="SSH"),
])
def test_a_malformed_head_gets_400_and_what_follows_is_never_served(server, data):
    reply = refused(server, data, 400, more=SMUGGLED)
    assert json.loads(reply.body)["error"]["code"] == "bad_request"


@pytest.mark.parametrize("target", [
    "http://test:99999/", "http://test:0x50/", "http://test:/", "http://test:80:80/", "//test:abc/",
    "//user@:x/", "//livez", "http://[::1/", "http://[zz]/", "http://[]/", "http://te%zzst/",
    "http://user@test/", "http://test\\@other/", "http:///livez", "/livez#here", "http://test#x/y",
])
def test_a_target_that_readers_disagree_about_gets_400(server, target):
    """evhttp would answer some of these with a page of its own."""
    refused(server, f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode(), 400, more=SMUGGLED)


@pytest.mark.parametrize("target, host, status", [
    ("http://test/livez", "test", 200), ("https://TEST/livez", "test", 200),
    ("http://test:8080/livez", "test:8080", 200), ("http://[::1]:80/livez", "[::1]:80", 200),
    ("http://other/livez", "test", 400), ("http://test:81/livez", "test", 400),
    ("http://test.evil/livez", "test", 400), ("http://tes/livez", "test", 400),
    ("http://evil?/test", "test", 400), ("http://test?/livez", "test", 404),
])
def test_an_absolute_target_and_host_name_one_host(server, target, host, status):
    """RFC 9112, 3.2.2: one of the two would be ignored, and whoever reads the other is deceived."""
    with Raw(server) as raw:
        for _ in range(2):  # the connection stays, as with any request
            reply = raw.ask(f"GET {target} HTTP/1.1\nHost: {host}\n\n")
            assert reply.status == status
        assert reply.headers["x-content-type-options"] == "nosniff"


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
MUCH = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(14))


@pytest.mark.parametrize("data", [
    pytest.param(POST + b"Transfer-Encoding:\tchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="tab before chunked"),
    pytest.param(POST + b"Content-Length: \t2\r\n\r\n{}", id="tab before a length"),
    pytest.param(b"POST /login HTTP/1.1\r\nHost:\ttest\r\nOrigin:\thttp://test\r\nContent-Length: 2\r\n\r\n{}",
                 id="tab before Host and Origin"),
    pytest.param(CHUNKED + b"\r\n2;name=value\r\n{}\r\n0\r\n\r\n", id="an extension"),
    pytest.param(CHUNKED + b"\r\n2\t;a=\"b;c\"\r\n{}\r\n0;x\r\n\r\n", id="a tab, then an extension"),
    pytest.param(CHUNKED + b"\r\n2\r\n{}\r\n0\r\nOrigin: http://evil.test\r\n\r\n", id="Origin in the trailer"),
    pytest.param(CHUNKED + b"\r\n2\r\n{}\r\n0\r\nConnection: close\r\n\r\n", id="Connection in the trailer"),
    pytest.param(CHUNKED + MUCH + b"\r\n2\r\n{}\r\n0\r\n" + MUCH + b"\r\n", id="a long head and long trailers"),
])
def test_what_is_legal_and_odd_is_read_as_one_request(server, data):
    """No page of evhttp's own, no other body, and the next request is where it is."""
    with Raw(server) as raw:
        raw.send(data + b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
        reply = raw.reply()
        assert reply.status == 400 and "user" in json.loads(reply.body)["error"]["message"], reply
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert raw.reply().status == 200


def test_expect_behind_a_tab(server):
    with Raw(server) as raw:
        raw.send(POST + b"Expect:\t100-continue\r\nContent-Length: 2\r\n\r\n")
        assert raw.reply().status == 100
        raw.send(b"{}")
        assert raw.reply().status == 400


def test_an_upgrade_with_two_hosts_gets_400(server):
    data = upgrade_request("http://evil.example/ws", {"Origin": "http://test"})
    refused(server, data, 400)


@pytest.mark.parametrize("chunk", [
    pytest.param(b"zz\r\n", id="not a number"),
    pytest.param(b"\r\n", id="no size"),
    pytest.param(b"-1\r\n", id="negative"),
    pytest.param(b"0x2\r\n{}\r\n", id="0x"),
    pytest.param(b" 2\r\n{}\r\n", id="a blank before"),
    pytest.param(b"2 2\r\n{}\r\n", id="two numbers"),
    pytest.param(b"2\n{}\r\n", id="bare LF"),
    pytest.param(b"2\r\n{}X\r\n", id="longer than it says"),
    pytest.param(b"00000000000000002\r\n{}\r\n", id="seventeen digits"),
    pytest.param(b"2;a=\0\r\n{}\r\n", id="NUL in an extension"),
    pytest.param(b"0\r\nHost: other\r\n\r\n", id="Host in the trailer"),
    pytest.param(b"0\r\nContent-Length: 5\r\n\r\n", id="a length in the trailer"),
])
def test_bad_chunks_get_400(server, chunk):
    refused(server, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, 400, more=SMUGGLED)


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity", b"chunked, chunked", b"xchunked"])
def test_other_transfer_codings_get_501(server, coding):
    refused(server, POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n", 501,
            more=SMUGGLED)


@pytest.mark.parametrize("body", [
    pytest.param(b"Content-Length: 65537\r\n\r\n", id="announced"),
    pytest.param(b"Content-Length: 99999999999999999999999999\r\n\r\n", id="beyond 64 bits"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n10001\r\n", id="one chunk"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", id="64 bits of chunk"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n" + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 5,
                 id="many chunks"),
])
def test_a_body_over_http_body_max_gets_413(server, body):
    refused(server, POST + body, 413)


@pytest.mark.parametrize("head", [
    pytest.param(b"A: " + b"x" * 20000 + b"\r\n", id="one long header"),
    pytest.param(b"".join(b"A%d: %s\r\n" % (i, b"x" * 400) for i in range(60)), id="many bytes"),
    pytest.param(b"A: b\r\n" * 101, id="many headers"),
])
def test_an_oversized_head_gets_431(server, head):
    refused(server, b"GET / HTTP/1.1\r\nHost: test\r\n" + head + b"\r\n", 431)


def test_a_long_request_line_gets_414(server):
    refused(server, b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", 414)


def test_an_endless_request_line_is_cut_off_early(server):
    with Raw(server) as raw:
        raw.send(b"GET /" + b"x" * 9000)
        assert raw.reply().status == 414


def test_another_version_gets_505(server):
    refused(server, b"GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505)


def test_connect_is_refused(server):
    refused(server, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 501)


# --- deadlines ---------------------------------------------------------------------------------


def drip(raw, data):
    """Sends a byte now and then until the server answers; returns the answer."""
    raw.sock.settimeout(0.05)
    end = time.monotonic() + DEADLINE
    for byte in data:
        assert time.monotonic() < end, "it goes on taking bytes"
        try:
            raw.send(bytes([byte]))
            if not raw.more():
                break
            if b"}}" in raw.buffer:
                break
        except TimeoutError:
            continue
        except OSError:
            break
    raw.sock.settimeout(20)
    return raw.reply()


@pytest.mark.parametrize("start, reason", [
    pytest.param(b"GET / HTTP/1.1\r\nHost: test\r\nA: ", "head", id="head"),
    pytest.param(POST + b"Content-Length: 4096\r\n\r\n", "body", id="body"),
    pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n", "body", id="chunk"),
])
def test_a_client_that_sends_byte_by_byte_is_cut_off_with_408(chatd, start, reason):
    """design.md: the filter carries the deadlines; evhttp's restart with every byte."""
    server = chatd(core=FAST, plugins={"static": "off"})
    with Raw(server) as raw:
        began = time.monotonic()
        raw.send(start)
        reply = drip(raw, b"x" * 4000)
        assert reply.status == 408
        assert reason in json.loads(reply.body)["error"]["message"]
        assert time.monotonic() - began >= 0.45
        assert raw.rest() == b""


@pytest.mark.parametrize("first", [b"", b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"])
def test_an_idle_connection_is_closed_without_a_word(chatd, first):
    server = chatd(core=FAST, only={"static": "off"})
    with Raw(server) as raw:
        if first:
            raw.send(first)
            assert raw.reply().status == 200
        assert raw.rest() == b""


def test_a_silent_connection_does_not_stop_others(chatd):
    server = chatd(core=CALM, only={"static": "off"})
    silent = [Raw(server) for _ in range(50)]
    for raw in silent:
        raw.send(b"GET /livez HTTP/1.1\r\n")
    assert requests.get(server.http + "/livez").status_code == 200
    for raw in silent:
        raw.close()


def test_a_client_that_leaves_while_its_request_waits_harms_nobody(server):
    body = json.dumps({"user": "leaver", "password": PASSWORD}).encode()
    for i in range(5):
        with Raw(server) as raw:
            raw.send(POST.replace(b"/login", b"/register") +
                     b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    # The account was made or not; the server must be able to tell.
    assert register(server, "after").status_code == 201

    def alone():
        text = requests.get(server.http + "/metrics").text
        return "\nchatd_http_connections 1\n" in text
    wait_until(alone, what="the end of the left connections")


def test_a_client_that_half_closes_still_gets_its_answer(server):
    with Raw(server) as raw:
        raw.send(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
        assert raw.reply().status == 200


# --- upgrades ----------------------------------------------------------------------------------


@pytest.fixture
def chat(chatd):
    return chatd(core=CALM, sections=with_secret())


@pytest.mark.parametrize("headers, options", [
    pytest.param({"Sec-WebSocket-Key": None}, {}, id="no key"),
    pytest.param({"Sec-WebSocket-Key": "short"}, {}, id="a short key"),
    pytest.param({"Sec-WebSocket-Key": "!" * 22 + "=="}, {}, id="a key that is not base64"),
    pytest.param({"Connection": None}, {}, id="no Connection"),
    pytest.param({"Connection": "keep-alive"}, {}, id="Connection without Upgrade"),
    pytest.param({"Connection": "notUpgrade"}, {}, id="Connection with another word"),
    pytest.param({}, {"version": "HTTP/1.0"}, id="HTTP/1.0"),
    pytest.param({}, {"method": "POST"}, id="POST"),
    pytest.param({"Content-Length": "2"}, {}, id="a body"),
    pytest.param({"Transfer-Encoding": "chunked"}, {}, id="a chunked body"),
])
def test_a_bad_upgrade_gets_400(chat, headers, options):
    """RFC 6455, 4.2.1"""
    data = upgrade_request("/ws", {**cookie("alice"), **headers}, **options)
    refused(chat, data, 400)


@pytest.mark.parametrize("version", ["12", "14", "8", "13, 8", "", None])
def test_another_websocket_version_gets_426_and_the_right_one(chat, version):
    """RFC 6455, 4.4; RFC 9110, 15.5.22: a server MUST send an Upgrade header field in a 426."""
    reply = refused(chat, upgrade_request("/ws", {**cookie("alice"),
                                                  "Sec-WebSocket-Version": version}), 426)
    assert reply.headers["sec-websocket-version"] == "13"
    assert reply.headers["upgrade"] == "websocket"


def test_an_upgrade_may_say_it_in_other_case_and_in_lists(chat):
    headers = {**cookie("alice"), "Connection": "keep-alive, uPGRADE", "Upgrade": "WebSocket"}
    with Raw(chat) as raw:
        raw.send(upgrade_request("/ws", headers))
        assert raw.reply().status == 101


def test_a_plain_get_of_ws_gets_426(chat):
    reply = requests.get(chat.http + "/ws")
    assert reply.status_code == 426
    assert reply.headers["upgrade"] == "websocket"


def test_an_upgrade_to_another_protocol_is_passed_over(chat):
    """RFC 9110, 7.8: a server MAY ignore a received Upgrade header field."""
    with Raw(chat) as raw:
        assert raw.ask("GET /livez HTTP/1.1\nHost: test\nConnection: Upgrade, HTTP2-Settings\n"
                       "Upgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n\n").status == 200


def test_an_upgrade_of_an_unknown_path_gets_404(chat):
    refused(chat, upgrade_request("/other", cookie("alice")), 404)


def test_without_a_token_there_is_no_upgrade(chat):
    refused(chat, upgrade_request("/ws"), 401)


def test_a_foreign_origin_gets_403_and_the_log_says_what_to_write(chat):
    """protocol.md: HTTP 403, and the log says which configuration line allows it."""
    chat.expect("refused Origin")
    refused(chat, upgrade_request("/ws", {**cookie("alice"), "Origin": "https://evil.example"}), 403)
    chat.wait_log(r"refused Origin https://evil\.example .*"
                  r"allowed_origins = https://evil\.example in \[chatd\]")


@pytest.mark.parametrize("origin", ["null", "", "http://", "http://test.evil.example",
                                    "http://eviltest", "http://test:81", "test"])
def test_an_origin_that_only_resembles_the_host_gets_403(chat, origin):
    """protocol.md: `Origin: null` counts as foreign."""
    chat.expect("refused Origin")
    refused(chat, upgrade_request("/ws", {**cookie("alice"), "Origin": origin}), 403)


@pytest.mark.parametrize("origin", ["http://test", "https://test", "http://TEST"])
def test_the_own_origin_gets_in(chat, origin):
    with Raw(chat) as raw:
        raw.send(upgrade_request("/ws", {**cookie("alice"), "Origin": origin}))
        assert raw.reply().status == 101


def test_allowed_origins_let_others_in_and_no_more(chatd):
    core = {**CALM, "allowed_origins": "https://a.example, https://b.example"}
    server = chatd(core=core, sections=with_secret()).expect("refused Origin")
    for origin, status in [("https://a.example", 101), ("https://b.example", 101),
                           ("https://c.example", 403), ("http://a.example", 403)]:
        with Raw(server) as raw:
            raw.send(upgrade_request("/ws", {**cookie("alice"), "Origin": origin}))
            assert raw.reply().status == status, origin


def test_a_star_in_allowed_origins_lets_all_in(chatd):
    server = chatd(core={**CALM, "allowed_origins": "*"}, sections=with_secret())
    with Raw(server) as raw:
        raw.send(upgrade_request("/ws", {**cookie("alice"), "Origin": "null"}))
        assert raw.reply().status == 101
