# SPDX-License-Identifier: MIT
"""Behind a proxy: who is believed, whom a request then comes from, and what hangs on it."""
import re
import subprocess

import pytest
import requests
from raw_ws import CALM, PASSWORD, Raw, RawWs, cookie, register, upgrade_request, with_secret
from server import DEADLINE, ROOT, run_chatd

# The tests are the proxy: they come from 127.0.0.1.
TRUST = {**CALM, "trusted_proxies": "127.0.0.1 10.0.0.0/8"}
WHOAMI = r"""
#include <chatd/chatd.h>
#include <stdio.h>
static void handle(chatd_plugin *self, chatd_req req)
{
    struct chatd_request info = {.size = sizeof(info)};
    char text[200];
    int n;
    chatd_request(self, req, &info);
    n = snprintf(text, sizeof(text), "{\"address\":\"%.*s\",\"secure\":%u}", (int)info.address.n,
                 info.address.p, info.is_secure);
    chatd_reply_json(self, req, 200, (chatd_str){text, (size_t)n});
}
static int init(chatd_plugin *self)
{
    static const struct chatd_route_def def = {
        .size = sizeof(def), .method = "GET", .pattern = "/whoami", .handle = handle};
    return chatd_route(self, &def);
}
CHATD_PLUGIN(.name = "whoami", .version = "1.0", .license = "MIT", .init = init);
"""


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    """A plugin whose route /whoami tells what plugins are told of a request."""
    folder = tmp_path_factory.mktemp("whoami")
    source, so = folder / "whoami.c", folder / "whoami.so"
    source.write_text(WHOAMI)
    subprocess.run(["cc", "-shared", "-fPIC", "-I", ROOT / "sdk" / "include", source, "-o", so],
                   check=True)
    return so


@pytest.fixture
def whoami(chatd, plugin):
    """whoami(**core): a server that has /whoami and nothing else."""
    return lambda **core: chatd(core={**TRUST, **core}, only={"whoami": plugin})


def told(server, forwarded=None, proto=None, host="127.0.0.1"):
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": proto}
    reply = requests.get(f"http://{host}:{server.port}/whoami", timeout=DEADLINE,
                         headers={k: v for k, v in headers.items() if v is not None})
    assert reply.status_code == 200
    return reply.json()


def address(server, forwarded=None, host="127.0.0.1"):
    return told(server, forwarded, host=host)["address"]


# --- the address -------------------------------------------------------------------------------


def test_the_rightmost_untrusted_address_is_the_clients(whoami):
    server = whoami()
    for forwarded, expected in [
        (None, "127.0.0.1"),
        ("203.0.113.1", "203.0.113.1"),
        ("198.51.100.9, 203.0.113.1", "203.0.113.1"),
        ("198.51.100.9, 203.0.113.1, 10.0.0.1", "203.0.113.1"),
        ("10.0.0.3, 10.0.0.2, 127.0.0.1", "10.0.0.3"),
        ("203.0.113.1:4711", "203.0.113.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8:0::1, 10.0.0.1", "2001:db8::1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("203.0.113.1, ::ffff:10.0.0.1", "203.0.113.1"),
        ("unknown", "127.0.0.1"),
        ("203.0.113.1, unknown, 10.0.0.1", "10.0.0.1"),
        ('"203.0.113.1"', "127.0.0.1"),
        ("", "127.0.0.1"),
        (", ,", "127.0.0.1"),
        ("203.0.113.1, ,", "203.0.113.1"),
    ]:
        assert address(server, forwarded) == expected, forwarded


def test_repeated_headers_are_one_list_in_their_order(whoami):
    server = whoami()
    with Raw(server) as raw:
        for lines, expected in [
            (["198.51.100.9", "203.0.113.1", "10.0.0.1"], "203.0.113.1"),
            (["198.51.100.9", "203.0.113.1, 10.0.0.2", "", "10.0.0.1"], "203.0.113.1"),
            (["203.0.113.1", "198.51.100.9"], "198.51.100.9"),
            (["203.0.113.1", "unknown"], "127.0.0.1"),
            (["", ""], "127.0.0.1"),
            (["10.0.0.7", *["10.0.0.1"] * 30], "10.0.0.7"),
            (["203.0.113.1", *["10.0.0.1"] * 90], "10.0.0.1"),
        ]:
            headers = "".join(f"x-forwarded-FOR: {line}\n" for line in lines)
            reply = raw.ask(f"GET /whoami HTTP/1.1\nHost: test\n{headers}\n")
            assert expected.encode() in reply.body, (lines, reply)


def test_a_thousand_elements_are_not_all_read(whoami):
    server = whoami(http_head_max="64k")
    many = ["10.0.0.1"] * 1000
    assert address(server, ", ".join([*many, "203.0.113.1"])) == "203.0.113.1"
    assert address(server, ", ".join(["203.0.113.1", *many])) == "10.0.0.1"
    assert address(server, "," * 1000 + "203.0.113.1") == "203.0.113.1"
    assert address(server, "203.0.113.1" + "," * 1000) == "127.0.0.1"
    assert address(server, "1" * 20000) == "127.0.0.1"


def test_requests_of_one_connection_are_each_of_their_own_client(whoami):
    server = whoami()
    with requests.Session() as session:
        for forwarded in ["203.0.113.1", "203.0.113.2", None]:
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            reply = session.get(server.http + "/whoami", headers=headers, timeout=DEADLINE)
            assert reply.json()["address"] == (forwarded or "127.0.0.1")


def test_proxies_that_come_by_ipv6(whoami):
    server = whoami(listen="[::]:0", trusted_proxies="::1 127.0.0.0/8 2001:db8:aa::/48")
    assert address(server, host="[::1]") == "::1"
    assert address(server, "2001:db8::1, 2001:db8:aa::7", host="[::1]") == "2001:db8::1"
    assert address(server, "203.0.113.1", host="[::1]") == "203.0.113.1"
    # IPv4 arrives there as ::ffff:127.0.0.1
    assert address(server) == "127.0.0.1"
    assert address(server, "203.0.113.1") == "203.0.113.1"


def test_all_of_ipv6_is_not_ipv4(whoami):
    server = whoami(listen="[::]:0", trusted_proxies="::/0")
    server.expect("trusts everybody", "write trusted_proxies = ")
    assert address(server, "203.0.113.1") == "127.0.0.1"
    assert address(server, "203.0.113.1", host="[::1]") == "203.0.113.1"


def test_private_is_a_word_for_all_local_networks(whoami):
    server = whoami(trusted_proxies="private")
    assert address(server, "203.0.113.1, fd12::7, 169.254.1.1, 172.31.0.1, 192.168.7.7, 10.1.2.3") \
        == "203.0.113.1"
    assert address(server, "203.0.113.1, 100.64.0.1") == "100.64.0.1"


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8", "127.0.0.2 ::1"])
def test_nobody_else_is_believed_and_one_line_says_what_is_missing(whoami, trusted):
    server = whoami(trusted_proxies=trusted)
    server.expect(r"127\.0\.0\.1 sends X-Forwarded-For .* write trusted_proxies = 127\.0\.0\.1 in")
    for _ in range(3):
        assert told(server, "203.0.113.1", "https") == {"address": "127.0.0.1", "secure": 0}
    assert len(re.findall("sends X-Forwarded-For", server.log)) == 1


def test_a_trusted_proxy_gets_no_such_line(whoami):
    server = whoami()
    assert address(server, "192.168.7.7") == "192.168.7.7"
    assert server.stop() == 0
    assert "sends X-Forwarded-For" not in server.log


def test_the_environment_and_a_reload_change_it(chatd, plugin):
    server = chatd(core=CALM, only={"whoami": plugin}, env={"CHATD_TRUSTED_PROXIES": "127.0.0.1"})
    assert address(server, "203.0.113.1, 10.0.0.1") == "10.0.0.1"
    server = chatd(core=TRUST, only={"whoami": plugin})
    server.expect("write trusted_proxies = ", "nothing has changed", "is a name")
    assert address(server, "203.0.113.1, 10.0.0.1") == "203.0.113.1"
    for value, line in [("127.0.0.1", "reload: done"), ("nginx", "nothing has changed")]:
        server.sections["chatd"]["trusted_proxies"] = value
        server.write_ini()
        server.hang_up()
        server.wait_log(line)
        assert address(server, "203.0.113.1, 10.0.0.1") == "10.0.0.1"
    server.sections["chatd"]["trusted_proxies"] = ""
    server.write_ini()
    server.hang_up()
    server.wait_log("(?s)reload: done.*reload: done")
    assert address(server, "203.0.113.1") == "127.0.0.1"


def test_workers_behind_a_master_believe_it_too(chatd, plugin):
    server = chatd(core=TRUST, only={"whoami": plugin}, workers=2)
    for i in range(8):
        assert address(server, f"203.0.113.{i}") == f"203.0.113.{i}"


def test_a_websocket_has_its_clients_address(chatd):
    server = chatd(core={**TRUST, "log_level": "debug"}, sections=with_secret())
    for forwarded in ["203.0.113.1", "2001:db8::1"]:
        RawWs(server, headers={**cookie("alice"), "X-Forwarded-For": forwarded}).close()
        server.wait_log(rf"alice \({re.escape(forwarded)}\) closed")


# --- limits ------------------------------------------------------------------------------------


def tries(server, path, forwarded, n):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return [requests.post(server.http + path, data=b"{}", headers=headers,
                          timeout=DEADLINE).status_code for _ in range(n)]


@pytest.mark.parametrize("path, option", [("/login", "login_rate"), ("/register", "register_rate")])
def test_limits_count_by_client(chatd, path, option):
    server = chatd(core=TRUST, sections=with_secret(auth={option: "2"}))
    assert tries(server, path, "203.0.113.1", 3) == [400, 400, 429]
    assert tries(server, path, "203.0.113.2", 3) == [400, 400, 429]
    assert tries(server, path, None, 3) == [400, 400, 429]
    server.wait_log("too many tries from 203.0.113.2")


def test_a_client_cannot_get_another_limit_by_its_own_header(chatd):
    """The proxy adds its address at the right of whatever it sent."""
    server = chatd(core=TRUST, sections=with_secret(auth={"login_rate": "2"}))
    assert tries(server, "/login", "203.0.113.1", 3) == [400, 400, 429]
    for own in ["198.51.100.9", "127.0.0.1", "10.0.0.1", "unknown", "", "::1", "a, b, 1.2.3.4"]:
        assert tries(server, "/login", f"{own}, 203.0.113.1", 1) == [429], own
    assert tries(server, "/login", "203.0.113.1, 198.51.100.9", 1) == [400]


def test_a_peer_that_is_not_trusted_cannot_at_all(chatd):
    server = chatd(core=CALM, sections=with_secret(auth={"login_rate": "2"}))
    server.expect("write trusted_proxies = ")
    assert [tries(server, "/login", f"203.0.113.{i}", 1)[0] for i in range(3)] == [400, 400, 429]


def test_ipv6_clients_behind_a_proxy_count_by_their_network(chatd):
    server = chatd(core=TRUST, sections=with_secret(auth={"login_rate": "2"}))
    assert tries(server, "/login", "2001:db8::1", 2) == [400, 400]
    assert tries(server, "/login", "[2001:db8::2]:443", 1) == [429]
    assert tries(server, "/login", "2001:db8:0:1::1", 1) == [400]
    assert tries(server, "/login", "::ffff:203.0.113.1", 2) == [400, 400]
    assert tries(server, "/login", "203.0.113.1", 1) == [429]


def test_a_failed_login_is_logged_with_the_clients_address(chatd):
    server = chatd(core=TRUST, sections=with_secret())
    reply = requests.post(server.http + "/login", json={"user": "alice", "password": PASSWORD},
                          headers={"X-Forwarded-For": "203.0.113.1"}, timeout=DEADLINE)
    assert reply.status_code == 401
    server.wait_log("login of `alice` from 203.0.113.1 failed")


# --- https -------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice, proto, is_secure", [
    ("auto", "https", True), ("auto", "HTTPS", True), ("auto", "wss", True),
    ("auto", "http, https", True),
    ("auto", "http", False), ("auto", None, False), ("auto", "", False), ("auto", "https, http", False),
    ("auto", "httpss", False), ("off", "https", False), ("on", "http", True), ("on", None, True),
])
def test_the_cookie_is_secure_as_the_proxy_says(chatd, choice, proto, is_secure):
    server = chatd(core=TRUST, sections=with_secret(auth={"cookie_secure": choice}))
    headers = {"X-Forwarded-For": "203.0.113.1"}
    if proto is not None:
        headers["X-Forwarded-Proto"] = proto
    register(server, "alice")
    for path in ("/login", "/logout"):
        reply = requests.post(server.http + path, headers=headers, timeout=DEADLINE,
                              json={"user": "alice", "password": PASSWORD})
        assert reply.status_code == 200
        assert ("Secure" in reply.headers["set-cookie"].split("; ")) == is_secure, path


def test_a_proxy_need_not_name_the_client_to_name_the_scheme(whoami):
    server = whoami()
    assert told(server, None, "https") == {"address": "127.0.0.1", "secure": 1}
    assert told(server, None, "http") == {"address": "127.0.0.1", "secure": 0}


def test_the_scheme_of_a_peer_that_is_not_trusted_says_nothing(chatd):
    server = chatd(core=CALM, sections=with_secret())
    register(server, "alice")
    reply = requests.post(server.http + "/login", headers={"X-Forwarded-Proto": "https"},
                          json={"user": "alice", "password": PASSWORD}, timeout=DEADLINE)
    assert "Secure" not in reply.headers["set-cookie"].split("; ")


@pytest.mark.parametrize("origin, proto, status", [
    ("https://test", "https", 101), ("http://test", "https", 403), ("HTTP://test", "wss", 403),
    ("http://test", "http", 101), ("http://test", None, 101), ("https://test", None, 101),
    ("https://test", "http", 101),  # TLS ends before the proxy that says http
    ("http://a.example", "https", 101),
    (None, "https", 101),
])
def test_under_https_a_page_that_came_by_http_is_foreign(chatd, origin, proto, status):
    """RFC 6454, 4: the scheme is a part of the origin."""
    server = chatd(core={**TRUST, "allowed_origins": "http://a.example"}, sections=with_secret())
    if status == 403:
        server.expect(rf"refused Origin {origin} for Host test from 203\.0\.113\.1;")
    headers = {**cookie("alice"), "Origin": origin, "X-Forwarded-Proto": proto,
               "X-Forwarded-For": "203.0.113.1"}
    with Raw(server) as raw:
        raw.send(upgrade_request("/ws", headers))
        assert raw.reply().status == status


def test_a_peer_that_is_not_trusted_does_not_change_what_is_foreign(chatd):
    server = chatd(core=CALM, sections=with_secret())
    headers = {**cookie("alice"), "Origin": "http://test", "X-Forwarded-Proto": "https"}
    with Raw(server) as raw:
        raw.send(upgrade_request("/ws", headers))
        assert raw.reply().status == 101


# --- /metrics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", ["127.0.0.1", "private", "10.0.0.0/8"])
def test_metrics_stay_local_whatever_a_proxy_says(chatd, trusted):
    server = chatd(core={**CALM, "trusted_proxies": trusted}, only={"static": "off"})
    server.expect("write trusted_proxies = ")
    for headers, status in [
        ({}, 200),
        ({"X-Forwarded-For": "127.0.0.1"}, 404),
        ({"X-Forwarded-For": ""}, 404),
        ({"X-Forwarded-For": "::1"}, 404),
        ({"X-Forwarded-For": "127.0.0.1, 203.0.113.1"}, 404),
        ({"X-Forwarded-For": "203.0.113.1, 127.0.0.1"}, 404),
        ({"X-Forwarded-For": "unknown"}, 404),
        ({"X-Forwarded-Proto": "http"}, 404),
        ({"X-Real-IP": "127.0.0.1"}, 404),
        ({"Via": "1.1 nginx"}, 404),
    ]:
        reply = requests.get(server.http + "/metrics", headers=headers, timeout=DEADLINE)
        assert reply.status_code == status, headers


# --- --check -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value, parts", [
    ("10.1.2.3/8", ["10.1.2.3/8 is an address within a network", "write 10.0.0.0/8", "10.1.2.3 for"]),
    ("10.0.0.0/33", ["10.0.0.0/33", "/0 to /32"]),
    ("2001:db8::/129", ["2001:db8::/129", "/0 to /128"]),
    ("2001:db8::1/32", ["write 2001:db8::/32"]),
    ("nginx", ["nginx is a name", "172.18.0.0/16, or private"]),
    ("127.0.0.1:8080", ["has a port; write 127.0.0.1"]),
    ("[::1]", ["[::1] is in brackets"]),
    ("10.0.0.0/255.0.0.0", ["no number of bits", "10.0.0.0/8"]),
    ("127.0.0.1 10.0.0", ["10.0.0 is not an address"]),
])
@pytest.mark.parametrize("where", ["ini", "env"])
def test_a_wrong_entry_is_named_with_what_to_write(tmp_path, value, parts, where):
    ini = tmp_path / "chatd.ini"
    line = f"trusted_proxies = {value}\n" if where == "ini" else ""
    ini.write_text(f"[chatd]\nlisten = 127.0.0.1:0\n{line}")
    env = {"CHATD_TRUSTED_PROXIES": value} if where == "env" else {}
    result = run_chatd("--check", "-c", ini, env=env, cwd=tmp_path)
    assert result.returncode == 1
    told_of = f"{ini}:3: " if where == "ini" else "environment CHATD_TRUSTED_PROXIES: "
    lines = [x for x in result.stderr.splitlines() if "trusted_proxies:" in x]
    assert len(lines) == 1, result.stderr
    for part in [told_of, "error: ", *parts]:
        assert part in lines[0]


def test_each_wrong_entry_is_named(tmp_path):
    ini = tmp_path / "chatd.ini"
    ini.write_text("[chatd]\ntrusted_proxies = nginx, 127.0.0.1 10.1.0.0/8\thaproxy\n")
    result = run_chatd("--check", "-c", ini, cwd=tmp_path)
    assert result.returncode == 1
    assert f"{ini}: 3 errors, 0 warnings" in result.stderr


@pytest.mark.parametrize("value", ["0.0.0.0/0", "::/0"])
def test_trusting_everybody_is_a_warning(tmp_path, value):
    ini = tmp_path / "chatd.ini"
    ini.write_text(f"[chatd]\ntrusted_proxies = {value}\n")
    result = run_chatd("--check", "-c", ini, cwd=tmp_path)
    assert result.returncode == 0
    assert f"warning: {ini}:2: [chatd] trusted_proxies: {value} trusts everybody" in result.stderr


def test_a_wrong_entry_stops_the_start(tmp_path):
    ini = tmp_path / "chatd.ini"
    ini.write_text("[chatd]\nlisten = 127.0.0.1:0\ntrusted_proxies = 10.1.2.3/8\n")
    result = run_chatd("-c", ini, cwd=tmp_path)
    assert result.returncode == 1
    assert f"{ini}:3: [chatd] trusted_proxies: 10.1.2.3/8" in result.stderr
