# SPDX-License-Identifier: MIT
"""Tokens: which are good, which are not, and what happens when one ends."""
import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
import requests
from raw_ws import CALM, SECRET, Raw, RawWs, account, signed, upgrade_request, with_secret


@pytest.fixture
def server(chatd):
    return chatd(core=CALM, sections=with_secret())


def me(server, token):
    return requests.get(server.http + "/api/v1/me", headers={"Authorization": "Bearer " + token})


def upgrade_status(server, header):
    with Raw(server) as raw:
        raw.send(upgrade_request("/ws", header))
        return raw.reply().status


def part(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def by_hand(header, claims, key=SECRET.encode(), digest=hashlib.sha256):
    """A token whose header and claims are any bytes, with a good HMAC."""
    text = part(header) + b"." + part(claims)
    return (text + b"." + part(hmac.new(key, text, digest).digest())).decode()


def claims_now(**more):
    return {"sub": "alice", "jti": "j", "exp": int(time.time()) + 600, **more}


HS256 = {"alg": "HS256", "typ": "JWT"}

BAD = {
    "expired": lambda: signed("alice", ttl=-5),
    "expires now": lambda: signed("alice", ttl=0),
    "another key": lambda: signed("alice", key="x" * 40),
    "an empty key": lambda: by_hand(HS256, claims_now(), key=b""),
    "a changed payload": lambda: signed("alice").split(".")[0] + "." +
        part(claims_now(sub="bob")).decode() + "." + signed("alice").split(".")[2],
    "a cut signature": lambda: signed("alice")[:-4],
    "no signature": lambda: signed("alice").rpartition(".")[0] + ".",
    "alg none": lambda: (part({"alg": "none"}) + b"." + part(claims_now()) + b".").decode(),
    "alg none, two parts": lambda: (part({"alg": "none"}) + b"." + part(claims_now())).decode(),
    "alg None with a signature": lambda: by_hand({"alg": "None"}, claims_now()),
    "alg NONE": lambda: (part({"alg": "NONE"}) + b"." + part(claims_now()) + b".").decode(),
    "HS512 with the right key": lambda: signed("alice", algorithm="HS512"),
    "HS384 with the right key": lambda: signed("alice", algorithm="HS384"),
    "RS256 with an HMAC": lambda: by_hand({"alg": "RS256", "typ": "JWT"}, claims_now()),
    "ES256 with an HMAC": lambda: by_hand({"alg": "ES256", "typ": "JWT"}, claims_now()),
    "no alg": lambda: by_hand({"typ": "JWT"}, claims_now()),
    "alg as a number": lambda: by_hand({"alg": 256}, claims_now()),
    "no sub": lambda: signed("alice", sub=None),
    "no jti": lambda: signed("alice", jti=None),
    "no exp": lambda: signed("alice", exp=None),
    "sub as a number": lambda: by_hand(HS256, claims_now(sub=7)),
    "sub empty": lambda: signed(""),
    "sub with NUL": lambda: by_hand(HS256, claims_now(sub="ali\0ce")),
    "jti as a number": lambda: by_hand(HS256, claims_now(jti=7)),
    "jti with a blank": lambda: by_hand(HS256, claims_now(jti="a b")),
    "jti of 129": lambda: by_hand(HS256, claims_now(jti="j" * 129)),
    "exp as a string": lambda: by_hand(HS256, claims_now(exp=str(int(time.time()) + 600))),
    "exp as a real": lambda: by_hand(HS256, claims_now(exp=time.time() + 600.5)),
    "exp negative": lambda: by_hand(HS256, claims_now(exp=-1)),
    "exp beyond reason": lambda: by_hand(HS256, claims_now(exp=1 << 62)),
    "exp beyond 64 bits": lambda: by_hand(HS256, claims_now(exp=1 << 70)),
    "iat as a string": lambda: by_hand(HS256, claims_now(iat="now")),
    "nbf to come": lambda: by_hand(HS256, claims_now(nbf=int(time.time()) + 300)),
    "nbf as null": lambda: by_hand(HS256, claims_now(nbf=None)),
    "iat to come": lambda: by_hand(HS256, claims_now(iat=int(time.time()) + 300)),
    "claims as a list": lambda: by_hand(HS256, []),
    "claims that are not JSON": lambda: by_hand(HS256, b"nonsense"),
    "four parts": lambda: signed("alice") + ".x",
    "padding": lambda: signed("alice") + "==",
    "one word": lambda: "token",
    "dots": lambda: "..",
    "8 KiB": lambda: "a" * 3000 + "." + "b" * 3000 + "." + "c" * 1000,
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_token_is_401_for_requests_and_upgrades(server, kind):
    """Without a valid token: HTTP 401, no upgrade."""
    token = BAD[kind]()
    reply = me(server, token)
    assert reply.status_code == 401, reply.text
    assert reply.json()["error"]["code"] == "unauthorized"
    assert upgrade_status(server, {"Cookie": "token=" + token}) == 401
    assert upgrade_status(server, {"Authorization": "Bearer " + token}) == 401


def test_the_token_made_by_hand_is_good_when_nothing_is_wrong_with_it(server):
    """Else the test above could not fail."""
    assert me(server, by_hand(HS256, claims_now())).json()["user"] == "alice"
    assert me(server, by_hand(HS256, claims_now(nbf=1, iat=1, more=[]))).status_code == 200
    assert me(server, signed("alice")).status_code == 200


def test_of_a_claim_that_is_there_twice_the_last_counts(server):
    """RFC 7519, 4: reject, or return only the lexically last duplicate member name."""
    claims = b'{"sub":"alice","sub":"bob","jti":"j","exp":%d}' % (time.time() + 600)
    assert me(server, by_hand(HS256, claims)).json()["user"] == "bob"


def test_me_tells_name_and_end(server):
    exp = int(time.time()) + 600
    assert me(server, signed("alice", exp=exp)).json() == {"user": "alice", "expires": exp}


@pytest.mark.parametrize("header", [
    {},
    {"Cookie": "token="},
    {"Cookie": "other=x"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Basic YWxpY2U6MTIzNDU2Nzg="},
])
def test_without_a_token_it_is_401(server, header):
    assert requests.get(server.http + "/api/v1/me", headers=header).status_code == 401
    assert upgrade_status(server, header) == 401


@pytest.mark.parametrize("header", [
    lambda t: {"Cookie": "token=" + t},
    lambda t: {"Cookie": f"a=b; token={t}; c=d"},
    lambda t: {"Authorization": "Bearer " + t},
    lambda t: {"Authorization": "bearer  " + t},
    lambda t: {"Authorization": "Basic eDp5", "Cookie": "token=" + t},
], ids=["cookie", "among cookies", "bearer", "lower case", "beside Basic"])
def test_a_token_counts_as_cookie_and_as_bearer(server, header):
    """`Authorization: Bearer` works wherever the cookie does."""
    fields = header(signed("alice"))
    assert requests.get(server.http + "/api/v1/me", headers=fields).json()["user"] == "alice"
    assert upgrade_status(server, fields) == 101


def test_the_bearer_header_wins_over_the_cookie(server):
    fields = {"Authorization": "Bearer " + signed("alice"), "Cookie": "token=" + signed("bob")}
    assert requests.get(server.http + "/api/v1/me", headers=fields).json()["user"] == "alice"
    fields["Authorization"] = "Bearer nonsense"
    assert requests.get(server.http + "/api/v1/me", headers=fields).status_code == 401


def test_a_token_in_the_query_is_no_token(server):
    with Raw(server) as raw:
        raw.send(upgrade_request("/ws?token=" + signed("alice")))
        assert raw.reply().status == 401


def test_two_tokens_are_none(server):
    """Which of them counts would depend on who reads."""
    good = signed("alice")
    assert upgrade_status(server, {"Cookie": f"token={good}; token={signed('bob')}"}) == 401
    with Raw(server) as raw:
        assert raw.ask("GET /api/v1/me HTTP/1.1\nHost: test\n"
                       f"Authorization: Bearer {good}\nAuthorization: Bearer {good}\n\n").status == 401


@pytest.mark.parametrize("claims, status", [
    ({"exp": -40}, 200), ({"exp": -100}, 401),
    ({"nbf": 40}, 200), ({"nbf": 100}, 401),
    ({"iat": 40}, 200), ({"iat": 100}, 401),
    ({"iat": 365 * 86400}, 401),
], ids=str)
def test_clocks_may_differ_by_the_leeway(chatd, claims, status):
    server = chatd(core=CALM, sections=with_secret(auth={"clock_leeway": "70s"}))
    token = signed("alice", **{name: int(time.time()) + s for name, s in claims.items()})
    assert me(server, token).status_code == status
    assert upgrade_status(server, {"Cookie": "token=" + token}) == (101 if status == 200 else 401)


def test_the_leeway_is_half_a_minute(chatd):
    server = chatd(core=CALM, sections={"auth": {"jwt_secret": SECRET}})
    exp = int(time.time()) + 600
    assert me(server, signed("alice", exp=exp)).json()["expires"] == exp + 30
    assert me(server, signed("alice", ttl=-15)).status_code == 200
    assert me(server, signed("alice", ttl=-31)).status_code == 401


def test_the_end_of_a_token_closes_its_socket(server):
    """4501 token revoked or expired."""
    with RawWs(server, headers={"Cookie": "token=" + signed("alice", ttl=2)}) as ws, \
            RawWs(server, headers={"Cookie": "token=" + signed("bob")}) as stays:
        assert ws.is_refused(4501)
        stays.send(b"\x89\x80abcd")
        assert stays.frame()[0] == 10


def test_a_token_of_a_login_ends_after_token_ttl(chatd):
    server = chatd(core=CALM, sections={"auth": {"token_ttl": "2m"}})
    claims = jwt.decode(account(server, "alice"), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 120


def test_a_token_from_elsewhere_can_be_revoked(server):
    token = signed("alice")
    with RawWs(server, headers={"Cookie": "token=" + token}) as ws:
        assert requests.post(server.http + "/logout", cookies={"token": token}).status_code == 200
        assert ws.is_refused(4501)
    assert me(server, token).status_code == 401
    assert upgrade_status(server, {"Cookie": "token=" + token}) == 401
