# SPDX-License-Identifier: MIT
"""All sessions of an account at once: POST /api/v1/logout-all and /api/v1/password (protocol.md, part 1)."""
import contextlib
import re
import sqlite3
import time

import pytest
import requests
from raw_ws import CALM, RawWs, account, cookie, login, signed, with_secret
from redis_server import Proxy, Redis
from server import DEADLINE, ROOT, wait_until

OLD, NEW = "correct horse", "battery staple"
BOTH = ["/api/v1/logout-all", "/api/v1/password"]


def post(server, path, token=None, body=None, **headers):
    if token is not None:
        headers["Authorization"] = "Bearer " + token
    return requests.post(server.http + path, json=body, headers=headers, timeout=DEADLINE)


def logout_all(server, token):
    reply = post(server, "/api/v1/logout-all", token)
    assert (reply.status_code, reply.json()) == (200, {"status": "logged out"}), reply.text
    return reply


def change(server, token, old=OLD, new=NEW):
    return post(server, "/api/v1/password", token, {"old": old, "new": new})


def token_of(server, user="alice", password=OLD):
    reply = login(server, user, password)
    assert reply.status_code == 200, reply.text
    return reply.json()["token"]


def status(server, token):
    reply = requests.get(server.http + "/api/v1/me", timeout=DEADLINE,
                         headers={"Authorization": "Bearer " + token})
    return reply.status_code


def error_of(reply):
    return reply.status_code, reply.json()["error"]["code"]


def socket_of(server, token):
    return RawWs(server, headers={"Cookie": "token=" + token})


def stays_open(ws):
    ws.send(b"\x89\x80abcd")
    return ws.data()[0] == 10


@pytest.fixture
def server(chatd):
    return chatd(core=CALM, sections=with_secret())


# --- everywhere --------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [logout_all, change])
def test_all_sessions_end_on_every_worker_and_instance(cluster, call):
    """Open sockets are closed with 4501, on every instance."""
    nodes = cluster().nodes
    tokens = [account(nodes[0], "alice", OLD)] + [token_of(node) for node in nodes]
    others = [account(nodes[-1], "bob", OLD)]
    # Twice as many as workers, so that most have one.
    sockets = [socket_of(node, token) for node in nodes for token in tokens * 4]
    stay = [socket_of(node, others[0]) for node in nodes]
    reply = call(nodes[0], tokens[0])
    assert reply.status_code == 200
    assert [ws.close_code() for ws in sockets] == [4501] * len(sockets)
    assert all(stays_open(ws) for ws in stay)
    for node in nodes:
        for token in tokens:
            wait_until(lambda n=node, t=token: status(n, t) == 401, what="the news everywhere")
    assert status(nodes[-1], others[0]) == 200
    for ws in sockets + stay:
        ws.close()
    fresh = reply.json().get("token") or token_of(nodes[-1])
    assert [status(node, fresh) for node in nodes * 4] == [200] * 4 * len(nodes)


@pytest.fixture
def apart(clusters, tmp_path):
    """Two instances of one Redis, and the proxy by which the second has it."""
    with Redis(tmp_path / "redis") as redis, Proxy(redis.port) as proxy:
        near = clusters(store="redis", redis=redis).nodes[0]
        far = clusters(store="redis", redis=redis,
                       sections={"history-redis": {"address": proxy.address}}).nodes[0]
        for server in near, far:
            server.expect("history-redis", "auth: ", "rooms: ")
        yield near, far, proxy
        near.stop()
        far.stop()


def test_sessions_end_where_the_news_did_not_come(apart):
    """The store is the truth: whoever lost the bus looks the sessions up again."""
    near, far, proxy = apart
    token = account(near, "alice", OLD)
    with socket_of(far, token) as ws:
        proxy.cut()
        logout_all(near, token)
        assert stays_open(ws)
        proxy.heal()
        assert ws.close_code() == 4501
    wait_until(lambda: status(far, token) == 401, what="the truth")


def test_a_revoked_token_is_not_renewed_where_the_news_did_not_come(apart):
    """It would outlive what says that it was revoked. Nor is any other, until it is known."""
    near, far, proxy = apart
    gone, good = account(near, "alice", OLD), token_of(near)
    proxy.cut()
    assert post(near, "/logout", gone).status_code == 200
    for token in gone, good:
        assert status(far, token) == 200
        reply = post(far, "/api/v1/session", token)
        assert error_of(reply) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0 and "set-cookie" not in reply.headers
    proxy.heal()
    wait_until(lambda: post(far, "/api/v1/session", good).status_code == 200, what="the store")
    assert error_of(post(far, "/api/v1/session", gone)) == (401, "unauthorized")


def test_a_login_in_the_same_second_is_good(server):
    """`iat` has seconds; what tells the tokens apart is a claim of its own."""
    token = account(server, "alice", OLD)
    for _ in range(3):
        logout_all(server, token)
        assert status(server, token) == 401
        token = token_of(server)
        assert status(server, token) == 200


def test_logout_all_outlives_a_restart(server):
    token = account(server, "alice", OLD)
    logout_all(server, token)
    assert server.stop() == 0
    server.start()
    assert status(server, token) == 401
    assert status(server, token_of(server)) == 200


def test_a_deleted_account_is_signed_out_by_hand(server):
    """As plugins/auth/README.md says it."""
    page = (ROOT / "plugins" / "auth" / "README.md").read_text()
    command = re.search(r"    sqlite3 .*? chatd\.db \"(DELETE.*?)\"\n", page, re.DOTALL)[1]
    token, other = account(server, "alice", OLD), account(server, "bob", OLD)
    assert (status(server, token), status(server, other)) == (200, 200)
    with contextlib.closing(sqlite3.connect(server.folder / "chatd.db")) as db:
        db.executescript(command.replace("$(date +%s%3N)", str(int(time.time() * 1000))))
    wait_until(lambda: status(server, token) == 401, what="what was believed to be forgotten")
    reply = post(server, "/api/v1/session", token)
    assert error_of(reply) == (401, "unauthorized")
    assert login(server, "alice", OLD).status_code == 401
    assert status(server, other) == 200


def test_tokens_without_the_claim_end_by_their_iat(chatd):
    """As made by a server before this one, or elsewhere with the same key, by a clock that may be ahead by
    clock_leeway. In doubt they are revoked."""
    server = chatd(core=CALM, sections=with_secret(auth={"clock_leeway": "10m"}))
    account(server, "alice", OLD)
    now = int(time.time())
    old, none, later = (signed("alice", iat=now - 5), signed("alice", iat=None),
                        signed("alice", iat=now + 60))
    with socket_of(server, old) as ws:
        assert [status(server, t) for t in (old, none, later)] == [200] * 3
        logout_all(server, old)
        assert ws.close_code() == 4501
    assert [status(server, t) for t in (old, none, later)] == [401] * 3

    def is_in():
        """Made afterwards, whichever of the two clocks is right."""
        return status(server, signed("alice", iat=int(time.time()) + 600)) == 200
    wait_until(is_in, what="a second to go by")


# --- what the two calls want -------------------------------------------------------------------


@pytest.mark.parametrize("path", BOTH)
def test_without_a_good_token_it_is_401(server, path):
    token = account(server, "alice", OLD)
    body = {"old": OLD, "new": NEW}
    assert error_of(post(server, path, None, body)) == (401, "unauthorized")
    assert error_of(post(server, path, "nonsense", body)) == (401, "unauthorized")
    assert error_of(post(server, path, signed("alice", ttl=-1), body)) == (401, "unauthorized")
    assert status(server, token) == 200


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_foreign_origin_is_refused(server, path, origin):
    server.expect("refused Origin")
    token = account(server, "alice", OLD)
    reply = requests.post(server.http + path, cookies={"token": token}, headers={"Origin": origin},
                          json={"old": OLD, "new": NEW}, timeout=DEADLINE)
    assert error_of(reply) == (403, "forbidden")
    assert status(server, token) == 200
    assert token_of(server)


@pytest.mark.parametrize("path", BOTH)
def test_a_body_must_be_json(server, path):
    token = account(server, "alice", OLD)
    reply = requests.post(server.http + path, cookies={"token": token}, timeout=DEADLINE,
                          data='{"old":"correct horse","new":"battery staple"}',
                          headers={"Content-Type": "text/plain"})
    assert reply.status_code == 415
    assert status(server, token) == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("path", BOTH)
def test_other_methods_are_405(server, path, method):
    assert requests.request(method, server.http + path, timeout=DEADLINE).status_code == 405


def test_logout_all_takes_the_cookie_and_a_body_and_clears_the_cookie(server):
    token = account(server, "alice", OLD)
    reply = requests.post(server.http + "/api/v1/logout-all", cookies={"token": token}, json={},
                          headers={"Origin": server.http}, timeout=DEADLINE)
    assert reply.status_code == 200
    value, *attributes = reply.headers["set-cookie"].split("; ")
    assert value == "token=" and "Max-Age=0" in attributes
    assert status(server, token) == 401


# --- password ----------------------------------------------------------------------------------


def test_a_changed_password_and_a_new_token(server):
    """The caller gets a new token, as answer and as cookie; the old password is void."""
    token = account(server, "alice", OLD)
    reply = change(server, token)
    assert reply.status_code == 200, reply.text
    fresh = reply.json()["token"]
    assert reply.headers["set-cookie"].split("; ")[0] == "token=" + fresh
    assert (status(server, token), status(server, fresh)) == (401, 200)
    with socket_of(server, fresh) as ws:
        assert stays_open(ws)
    assert login(server, "alice", OLD).status_code == 401
    assert login(server, "alice", NEW).status_code == 200
    assert error_of(change(server, token, NEW, OLD)) == (401, "unauthorized")
    assert change(server, fresh, NEW, OLD).status_code == 200


@pytest.mark.parametrize("old, new, expected", [
    ("wrong", NEW, (403, "bad_credentials")),
    ("", NEW, (403, "bad_credentials")),
    ("x" * 600, NEW, (403, "bad_credentials")),
    (OLD, "short", (400, "bad_password")),
    (OLD, "x" * 73, (400, "bad_password")),
    (OLD, OLD, (400, "bad_password")),
    (OLD, None, (400, "bad_request")),
    (1, NEW, (400, "bad_request")),
])
def test_a_refused_change_changes_nothing(server, old, new, expected):
    token = account(server, "alice", OLD)
    assert error_of(change(server, token, old, new)) == expected
    assert status(server, token) == 200
    assert login(server, "alice", OLD).status_code == 200


def test_a_user_without_an_account_has_no_password_to_change(server):
    assert error_of(change(server, signed("nobody"))) == (403, "bad_credentials")


def test_passwords_are_not_in_the_log(server):
    token = account(server, "alice", "first-secret-words")
    change(server, token, "wrong-secret-words", "second-secret-words")
    assert change(server, token, "first-secret-words", "second-secret-words").status_code == 200
    assert server.stop() == 0
    assert "secret-words" not in server.log
    assert "the password of `alice` was changed from 127.0.0.1" in server.log


def test_what_is_counted(server):
    token = account(server, "alice", OLD)
    change(server, token, "wrong", NEW)
    fresh = change(server, token).json()["token"]
    logout_all(server, fresh)
    text = requests.get(server.http + "/metrics", timeout=DEADLINE).text
    assert 'chatd_auth_password_changes_total{result="ok"} 1' in text
    assert 'chatd_auth_password_changes_total{result="bad"} 1' in text
    assert "chatd_auth_revoked_users_total 2" in text


def test_without_a_store_it_is_503(chatd):
    server = chatd(core=CALM, sections=with_secret(), only={"auth": "on"})
    server.expect("no plugin offers chatd.kv")
    header = cookie("alice")["Cookie"].partition("=")[2]
    for path in BOTH:
        assert error_of(post(server, path, header, {"old": OLD, "new": NEW})) == (503, "unavailable")
