# SPDX-License-Identifier: MIT
"""max_connections_per_address: one client cannot take the places of all others."""
import json
import os
import subprocess
import sys

import pytest
import requests
from raw_ws import CALM, TEXT, Raw, RawWs, cookie, frame, upgrade_request, with_secret
from server import DEADLINE, wait_until

# The tests are the proxy.
CORE = {**CALM, "trusted_proxies": "127.0.0.1", "max_connections_per_address": "3"}
ME, OTHER = {"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}


def metric(server, name):
    return server.metrics().get("chatd_" + name, 0)


def is_refused(reply):
    return (reply.status == 429 and int(reply.headers["retry-after"]) > 0
            and json.loads(reply.body)["error"]["code"] == "rate_limited")


def ask(server, headers):
    with Raw(server) as raw:
        raw.send(upgrade_request("/ws", {**cookie("alice"), **headers}))
        return raw.reply()


def test_one_address_gets_429_while_another_gets_in(chatd):
    server = chatd(core=CORE, sections=with_secret())
    sockets = [RawWs(server, headers={**cookie("alice"), **ME}) for _ in range(3)]
    assert is_refused(ask(server, ME))
    assert metric(server, "refused_address_total") == 1
    assert ask(server, OTHER).status == 101
    sockets[0].send(frame(TEXT, '{"text":"still here"}'))
    assert json.loads(sockets[0].text())["text"] == "still here"
    sockets[1].close()
    wait_until(lambda: ask(server, ME).status == 101, what="the place of the one who left")
    for ws in sockets:
        ws.close()


def test_an_ipv6_client_counts_by_its_64(chatd):
    server = chatd(core=CORE, sections=with_secret())
    sockets = [RawWs(server, headers={**cookie("alice"), "X-Forwarded-For": f"2001:db8::{i}"})
               for i in range(1, 4)]
    assert is_refused(ask(server, {"X-Forwarded-For": "2001:db8::ffff:1"}))
    assert ask(server, {"X-Forwarded-For": "2001:db8:0:1::1"}).status == 101
    for ws in sockets:
        ws.close()


@pytest.mark.parametrize("core, headers", [
    ({"max_connections_per_address": "0"}, ME),
    ({}, {}),  # a local address is not counted
    ({"trusted_proxies": ""}, ME),  # a proxy that is not trusted, and so everybody's address
], ids=["off", "local", "untrusted proxy"])
def test_who_is_not_counted(chatd, core, headers):
    server = chatd(core={**CORE, **core}, sections=with_secret()).expect("is not believed")
    sockets = [RawWs(server, headers={**cookie("alice"), **headers}) for _ in range(10)]
    assert metric(server, "connections") == 10
    for ws in sockets:
        ws.close()


def test_requests_through_a_trusted_proxy_count_by_its_client(chatd):
    """The password threads are slow enough for a few requests to be there at one time."""
    server = chatd(core={**CORE, "max_connections_per_address": "1"},
                   sections=with_secret(auth={"bcrypt_cost": "14"}))
    body = json.dumps({"user": "alice", "password": "12345678"})
    request = (f"POST /login HTTP/1.1\nHost: x\n%sContent-Length: {len(body)}\n\n{body}")
    mine, other = (request % f"X-Forwarded-For: {h['X-Forwarded-For']}\n" for h in (ME, OTHER))

    def is_asked():
        return requests.post(server.http + "/login", data="x").status_code == 400
    wait_until(is_asked, what="the key for tokens")
    with Raw(server) as first, Raw(server) as second, Raw(server) as third:
        first.send(mine.replace("\n", "\r\n").encode())
        wait_until(lambda: metric(server, 'jobs_total{queue="cpu"}') > 0, what="the first's job")
        assert is_refused(second.ask(mine))
        assert third.ask(other).status == 401
        assert first.reply().status == 401
        assert second.ask(mine).status == 401  # the same connection, which was not closed
    assert metric(server, "http_refused_address_total") == 1


# In a network of its own, where this address is the machine's, but no local one.
DIRECT = """
import pathlib, socket, sys
from server import Server, wait_until

ASK = b"GET /livez HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
server = Server(pathlib.Path(sys.argv[1]), core={
    "listen": "0.0.0.0:0", "max_connections_per_address": "3"})

def connect():
    return socket.create_connection(("203.0.113.1", server.port), 10, ("203.0.113.1", 0))

def gets_in():
    try:
        with connect() as one_more:
            one_more.sendall(ASK)
            return b" 200 " in one_more.recv(65536)
    except ConnectionError:
        return False  # refused before it had asked

try:
    server.start()
    held = [connect() for _ in range(3)]
    held[2].sendall(ASK)
    assert b" 200 " in held[2].recv(65536)
    answer = b""
    with connect() as one_more:
        while part := one_more.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 429 ") and b"Retry-After: " in answer, answer
    assert server.metrics()["chatd_http_refused_address_total"] == 1
    held.pop(0).close()
    wait_until(gets_in, what="the place of the one who left")
finally:
    server.close()
"""
SETUP, SHELL = "ip link set lo up && ip addr add 203.0.113.1/32 dev lo", ["unshare", "-Urn", "sh", "-ec"]


def test_idle_connections_without_a_request_count_too(tmp_path):
    if subprocess.run([*SHELL, SETUP], capture_output=True).returncode != 0:
        pytest.skip("needs a network namespace of its own (unshare -Urn, ip)")
    path = {**os.environ, "PYTHONPATH": os.path.join(os.path.dirname(__file__), "..", "lib")}
    done = subprocess.run([*SHELL, SETUP + ' && exec "$@"', "sh", sys.executable, "-c", DIRECT,
                           tmp_path / "chatd"], env=path, timeout=4 * DEADLINE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
