# SPDX-License-Identifier: MIT
"""Accounts: register, log in, log out (protocol.md, part 1)."""
import json
import sqlite3
import statistics
import time

import bcrypt
import jwt
import pytest
import requests
from raw_ws import CALM, PASSWORD, SECRET, RawWs, account, login, register, wait_for_key
from server import run_chatd

GOOD = {"user": "alice", "password": PASSWORD}


@pytest.fixture
def server(chatd):
    started = chatd(core=CALM)
    wait_for_key(started)
    return started


def post(server, path, data, **headers):
    return requests.post(server.http + path, data=data, headers=headers)


def me(server, token):
    return requests.get(server.http + "/api/v1/me", headers={"Authorization": "Bearer " + token})


def error_of(reply):
    return reply.status_code, reply.json()["error"]["code"]


# --- register ----------------------------------------------------------------------------------


def test_registering_answers_201(server):
    reply = register(server, "alice")
    assert (reply.status_code, reply.json()) == (201, {"status": "registered"})


@pytest.mark.parametrize("first, second", [
    ("alice", "alice"),
    ("alice", "Alice"),
    ("ALICE", "alice"),
    ("alice", "\uff21\uff4c\uff49\uff43\uff45"),  # full width
    ("stra\u00dfe", "STRASSE"),
    ("caf\u00e9", "cafe\u0301"),  # composed and decomposed
    ("\ufb01lip", "filip"),  # ligature
    ("\u03c3\u03b9\u03c3", "\u03a3\u0399\u03a3"),  # final sigma
])
def test_a_name_that_folds_to_a_taken_one_is_409(server, first, second):
    """protocol.md: the account name is the NFKC-casefolded name."""
    assert register(server, first).status_code == 201
    assert error_of(register(server, second)) == (409, "name_taken")


@pytest.mark.parametrize("name", ["a", "a" * 32, "a.b_c-d", "\u0663", "\u4e2d\u6587",
                                  "\u0928\u0947\u0939\u093e", "\u00e9" * 32])
def test_names_of_any_script_register_and_log_in(server, name):
    assert register(server, name).status_code == 201
    token = login(server, name).json()["token"]
    assert me(server, token).json()["user"] == name


@pytest.mark.parametrize("name", ["admin", "ROOT", "\uff21dmin", "Everyone"])
def test_a_reserved_name_is_400(server, name):
    assert error_of(register(server, name)) == (400, "bad_name")


@pytest.mark.parametrize("names, free, taken", [("", "admin", "guest-1"), ("boss", "admin", "Boss")])
def test_reserved_names_are_those_of_the_option(chatd, names, free, taken):
    server = chatd(sections={"auth": {"bcrypt_cost": "10", "reserved_names": names}})
    assert error_of(register(server, taken)) == (400, "bad_name")
    assert register(server, free).status_code == 201


@pytest.mark.parametrize("name", ["", "a" * 33, "a b", "a/b", "a\tb", "<b>", "a@b", "\u200bab",
                                  "\U0001f600", "a\u00a0b", "guest-1", "Guest-x", "a\u202eb"])
def test_a_bad_name_is_400(server, name):
    """1-32 characters, letters, marks and digits of any script, `.` `_` `-`."""
    assert error_of(register(server, name)) == (400, "bad_name")


@pytest.mark.parametrize("password", ["", "q7!mk2v", "x" * 73, "\u00e9" * 37])
def test_a_bad_password_is_400(server, password):
    """Passwords: 8 to 72 bytes at registration."""
    assert error_of(register(server, "alice", password)) == (400, "bad_password")


@pytest.mark.parametrize("password", ["zq7!mk2v", "correct horse " * 5 + "!?", "\u00e9\u00e8\u00ea\u00eb\u00e0\u00e2" * 6, "horse key \u2603"])
def test_passwords_of_8_to_72_bytes_work(server, password):
    assert register(server, "alice", password).status_code == 201
    assert login(server, "alice", password).status_code == 200
    assert login(server, "alice", password[:-1] + "!").status_code == 401


def test_registration_can_be_closed(chatd):
    server = chatd(core=CALM, sections={"auth": {"registration": "closed"}})
    assert error_of(register(server, "alice")) == (403, "registration_closed")


# --- log in ------------------------------------------------------------------------------------


def test_login_gives_a_token_and_the_same_as_a_cookie(server):
    """Cookie: `HttpOnly; SameSite=Lax; Path=/`, `Secure` when configured."""
    register(server, "alice")
    reply = login(server, "Alice")
    assert reply.status_code == 200
    token = reply.json()["token"]
    value, *attributes = reply.headers["set-cookie"].split("; ")
    assert value == "token=" + token
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert "Secure" not in attributes
    assert me(server, token).json()["user"] == "alice"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert {"sub", "jti", "iat", "exp"} <= set(claims)


def test_the_cookie_is_secure_when_configured(chatd):
    server = chatd(core=CALM, sections={"auth": {"cookie_secure": "on"}})
    register(server, "alice")
    assert "Secure" in login(server, "alice").headers["set-cookie"].split("; ")


def test_unknown_names_and_wrong_passwords_get_the_same_answer(server):
    """401 one answer, same time, for unknown user and wrong password."""
    register(server, "alice")
    wrong, unknown = login(server, "alice", "wrong-password"), login(server, "nobody")
    assert error_of(wrong) == (401, "bad_credentials")
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    hide = {"date"}
    assert {k: v for k, v in wrong.headers.items() if k.lower() not in hide} == \
           {k: v for k, v in unknown.headers.items() if k.lower() not in hide}


@pytest.mark.parametrize("name", ["nobody", "not a name", "x" * 300])
def test_unknown_names_cost_a_password_hash_too(server, name):
    register(server, "alice")

    def seconds(user):
        samples = []
        for _ in range(5):
            began = time.monotonic()
            assert login(server, user, "wrong-password").status_code == 401
            samples.append(time.monotonic() - began)
        return statistics.median(samples)
    ratio = seconds(name) / seconds("alice")
    assert 1 / 5 < ratio < 5, ratio


@pytest.mark.parametrize("password", ["", "x" * 511, "x" * 512, "x" * 2000])
def test_a_password_of_any_length_is_just_wrong(server, password):
    register(server, "alice")
    assert error_of(login(server, "alice", password)) == (401, "bad_credentials")


# --- bodies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/register", "/login"])
@pytest.mark.parametrize("body, hint", [
    (b"", "empty"),
    (b"{", None),
    (b"nonsense", None),
    (b"[]", "object"),
    (b'"text"', "object"),
    (b"null", "object"),
    (b"{} {}", None),
    (b'{"user":"alice"}', "password is missing"),
    (b'{"password":"12345678"}', "user is missing"),
    (b'{"user":1,"password":"12345678"}', "user is not a string"),
    (b'{"user":"alice","password":[]}', "password is not a string"),
    (b'{"user":null,"password":"12345678"}', "user is missing"),
    (b'{"user":"alice","user":"bob","password":"12345678"}', "twice"),
    (b'{"user":"alice","password":"12345678","x":1,"x":2}', "twice"),
    (b'{"user":"ali\\u0000ce","password":"12345678"}', "NUL"),
    (b'{"user":"alice","password":"1234\\u00005678"}', "NUL"),
    (b'{"user":"al\xffce","password":"12345678"}', "UTF-8"),
    (b'{"user":"alice","password":"\xc3\x28345678"}', "UTF-8"),
    (b'{"user":"\\ud800","password":"12345678"}', None),
    (b'{"user":' + b"[" * 3000 + b"}", None),
])
def test_a_bad_body_is_400_and_says_what_is_wrong(server, path, body, hint):
    """Duplicates, wrong types, NULs, bad UTF-8 and oversize bodies are refused by name."""
    register(server, "somebody")
    reply = post(server, path, body)
    assert error_of(reply) == (400, "bad_request")
    if hint:
        assert hint.lower() in reply.json()["error"]["message"].lower()


@pytest.mark.parametrize("path", ["/register", "/login", "/logout"])
def test_an_oversized_body_is_413(server, path):
    reply = post(server, path, json.dumps({**GOOD, "x": "y" * 5000}))
    assert error_of(reply) == (413, "too_large")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "nonsense",
                                          "application/x-www-form-urlencoded"])
def test_any_content_type_is_taken(server, content_type):
    """`/register`, `/login`, `/logout` take any content type, as the seed does."""
    register(server, "other")
    headers = {"Content-Type": content_type}
    assert post(server, "/register", json.dumps(GOOD), **headers).status_code == 201
    assert post(server, "/login", json.dumps(GOOD), **headers).status_code == 200
    assert post(server, "/logout", "", **headers).status_code == 200


def test_unknown_fields_are_ignored(server):
    register(server, "other")
    assert post(server, "/register", json.dumps({**GOOD, "x": [1, {}]})).status_code == 201


@pytest.mark.parametrize("path", ["/register", "/login", "/logout"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_foreign_origin_is_refused(server, path, origin):
    server.expect("refused Origin")
    reply = post(server, path, json.dumps(GOOD), Origin=origin)
    assert error_of(reply) == (403, "forbidden")


def test_the_own_origin_is_taken(server):
    register(server, "other")
    assert post(server, "/register", json.dumps(GOOD), Origin=server.http).status_code == 201


# --- log out -----------------------------------------------------------------------------------


def test_logout_clears_the_cookie_revokes_the_token_and_closes_its_sockets(server):
    """Its open sockets are closed with 4501."""
    token = account(server, "alice")
    other = login(server, "alice").json()["token"]
    with RawWs(server, headers={"Cookie": "token=" + token}) as ws, \
            RawWs(server, headers={"Cookie": "token=" + other}) as stays:
        reply = requests.post(server.http + "/logout", cookies={"token": token})
        assert reply.status_code == 200
        value, *attributes = reply.headers["set-cookie"].split("; ")
        assert value == "token=" and "Max-Age=0" in attributes and "Path=/" in attributes
        assert ws.close_code() == 4501
        assert me(server, token).status_code == 401
        assert me(server, other).status_code == 200
        stays.send(b"\x89\x80abcd")  # the other login's socket answers pings
        assert stays.frame()[0] == 10


def test_a_revoked_token_stays_revoked_after_a_restart(server):
    token = account(server, "alice")
    assert me(server, token).status_code == 200
    requests.post(server.http + "/logout", headers={"Authorization": "Bearer " + token})
    assert server.stop() == 0
    server.start()
    wait_for_key(server)
    register(server, "other")
    assert me(server, token).status_code == 401


def test_logout_is_safe_to_repeat_and_without_a_token(server):
    token = account(server, "alice")
    for cookies in ({}, {"token": token}, {"token": token}, {"token": "nonsense"}):
        assert requests.post(server.http + "/logout", cookies=cookies).status_code == 200


# --- hashes from elsewhere ---------------------------------------------------------------------


def users(server):
    with sqlite3.connect(server.folder / "chatd.db") as db:
        rows = dict(db.execute("SELECT key, value FROM kv WHERE ns = 'users'").fetchall())
    db.close()
    return {as_text(k): as_text(v) for k, v in rows.items()}


def as_text(value):
    return value.decode() if isinstance(value, bytes) else value


def put_user(server, name, hash_text):
    """Inserts as the store itself does: whichever of text and blob it uses."""
    db = sqlite3.connect(server.folder / "chatd.db")
    kind = {r[0] for r in db.execute("SELECT typeof(key) FROM kv WHERE ns = 'users'")}
    values = {r[0] for r in db.execute("SELECT typeof(value) FROM kv WHERE ns = 'users'")}
    key = name.encode() if kind == {"blob"} else name
    value = hash_text.encode() if values == {"blob"} else hash_text
    db.execute("INSERT INTO kv VALUES ('users', ?, ?)", (key, value))
    db.commit()
    db.close()


@pytest.mark.parametrize("prefix, cost", [(b"2a", 10), (b"2b", 5), (b"2b", 11)])
def test_a_hash_made_elsewhere_logs_in_and_is_rehashed(server, prefix, cost):
    """A hash of another cost or variant (`$2a$`, `$2y$`) verifies and is rehashed at login."""
    register(server, "native")
    assert server.stop() == 0
    old = bcrypt.hashpw(b"old secret", bcrypt.gensalt(cost, prefix)).decode()
    put_user(server, "carol", old)
    server.start()
    wait_for_key(server)
    assert register(server, "carol").status_code == 409
    assert login(server, "carol", "not it").status_code == 401
    assert login(server, "carol", "old secret").status_code == 200
    assert login(server, "carol", "old secret").status_code == 200
    assert server.stop() == 0
    fresh = users(server)["carol"]
    assert fresh != old and fresh.startswith("$2b$10$")
    assert bcrypt.checkpw(b"old secret", fresh.encode())


def test_a_name_of_another_spelling_is_kept_and_cannot_be_registered_beside(server):
    """Login tries the exact field, then the folded one; 409 when any field folds to the same."""
    register(server, "native")
    assert server.stop() == 0
    put_user(server, "Dave", bcrypt.hashpw(b"old secret", bcrypt.gensalt(10, b"2a")).decode())
    server.start()
    wait_for_key(server)
    assert error_of(register(server, "dave")) == (409, "name_taken")
    assert error_of(register(server, "DAVE")) == (409, "name_taken")
    token = login(server, "Dave", "old secret").json()["token"]
    assert me(server, token).json()["user"] == "Dave"
    assert login(server, "dave", "old secret").status_code == 401


def test_passwords_are_neither_in_the_log_nor_in_the_database(server):
    """Logs never hold message text, tokens or passwords."""
    token = account(server, "alice", "very-secret-words")
    login(server, "alice", "wrong-secret-words")
    assert server.stop() == 0
    data = (server.folder / "chatd.db").read_bytes() + server.log.encode()
    assert b"secret-words" not in data
    assert token not in server.log


# --- limits and keys ---------------------------------------------------------------------------


@pytest.mark.parametrize("path, option", [("/login", "login_rate"), ("/register", "register_rate")])
def test_too_many_tries_get_429_with_retry_after(chatd, path, option):
    server = chatd(core=CALM, sections={"auth": {option: "3", "jwt_secret": SECRET}})
    replies = [post(server, path, b"{}") for _ in range(4)]
    assert [r.status_code for r in replies] == [400, 400, 400, 429]
    assert error_of(replies[-1]) == (429, "rate_limited")
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 20


def test_a_drawn_key_survives_a_restart(server):
    token = account(server, "alice")
    assert server.stop() == 0
    server.start()
    wait_for_key(server)
    register(server, "other")
    assert me(server, token).json()["user"] == "alice"


@pytest.mark.parametrize("how", ["ini", "env", "file"])
def test_a_configured_key_signs_the_tokens(chatd, tmp_path, how):
    env, section = {}, {}
    if how == "ini":
        section["jwt_secret"] = SECRET
    elif how == "env":
        env["CHATD_AUTH_JWT_SECRET"] = SECRET
    else:
        (tmp_path / "secret").write_text(SECRET + "\n")
        env["CHATD_AUTH_JWT_SECRET_FILE"] = str(tmp_path / "secret")
    server = chatd(core=CALM, sections={"auth": section}, env=env)
    claims = jwt.decode(account(server, "alice"), SECRET, algorithms=["HS256"])
    assert claims["sub"] == "alice"


@pytest.mark.parametrize("how", ["ini", "env"])
def test_a_short_key_stops_the_start_with_a_clear_line(tmp_path, how):
    ini = tmp_path / "chatd.ini"
    line = "jwt_secret = too short\n" if how == "ini" else ""
    ini.write_text(f"[chatd]\nlisten = 127.0.0.1:0\n[plugins]\nauth = on\n[auth]\n{line}")
    env = {"CHATD_AUTH_JWT_SECRET": "too short"} if how == "env" else {}
    ended = run_chatd("-c", ini, env=env, cwd=tmp_path)
    assert ended.returncode == 1
    assert "jwt_secret has 9 bytes; it needs 32 to 1024" in ended.stderr
    assert "too short" not in ended.stderr
