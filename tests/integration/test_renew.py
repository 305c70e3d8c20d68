# SPDX-License-Identifier: MIT
"""Sessions that go on: POST /api/v1/session, session.refresh, and what hello says of the end."""
import asyncio
import time

import jwt
import pytest
import requests
from client_v1 import V1Client
from raw_ws import CALM, account, signed, with_secret


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def renew(server, token, **options):
    return requests.post(server.http + "/api/v1/session", cookies={"token": token}, **options)


def renew_as_bot(server, token):
    return requests.post(server.http + "/api/v1/session",
                         headers={"Authorization": "Bearer " + token})


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 60))


def test_a_cookie_is_renewed_for_the_browser_alone(chatd):
    server = chatd(core=CALM)
    token = account(server, "alice")
    reply = renew(server, token)
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"user", "expires"}  # a script sees no token
    fresh = reply.cookies["token"]
    assert "HttpOnly" in reply.headers["Set-Cookie"]
    before, after = claims_of(token), claims_of(fresh)
    assert after["exp"] >= before["exp"]
    for name in ("sub", "jti", "iat", "chatd_since", "chatd_renew"):
        assert after[name] == before[name]
    assert reply.json() == {"user": "alice", "expires": after["exp"] + 30}
    # The old one stays good, and one logout ends both.
    for each in (token, fresh):
        assert requests.get(server.http + "/api/v1/me", cookies={"token": each}).status_code == 200
    assert requests.post(server.http + "/logout", cookies={"token": token}).status_code == 200
    for each in (token, fresh):
        assert requests.get(server.http + "/api/v1/me", cookies={"token": each}).status_code == 401
    assert server.metrics()["chatd_auth_renewed_total"] == 1


def test_a_bot_gets_its_token_in_the_body(chatd):
    server = chatd(core=CALM)
    reply = renew_as_bot(server, account(server, "alice"))
    assert reply.status_code == 200
    assert "Set-Cookie" not in reply.headers
    assert claims_of(reply.json()["token"])["sub"] == "alice"


@pytest.mark.parametrize("max_age, status", [("0", 403), ("30d", 200)])
def test_sessions_are_renewed_for_session_max(chatd, max_age, status):
    server = chatd(core=CALM, sections={"auth": {"session_max": max_age}})
    reply = renew(server, account(server, "alice"))
    assert reply.status_code == status
    if status == 403:
        assert reply.json()["error"]["code"] == "not_renewable"


def test_who_may_not_renew(chatd):
    """No token, a foreign page, and a token whose issuer has not said that it may be renewed."""
    server = chatd(core=CALM, sections=with_secret()).expect("refused Origin")
    assert requests.post(server.http + "/api/v1/session").status_code == 401
    assert renew(server, signed("alice", ttl=-5)).status_code == 401
    assert renew(server, signed("alice"), headers={"Origin": "https://evil.example"}).status_code == 403
    assert renew(server, signed("alice")).json()["error"]["code"] == "not_renewable"
    until = int(time.time()) + 1000
    reply = renew(server, signed("alice", ttl=10, chatd_renew=until))
    assert (reply.status_code, reply.json()["expires"]) == (200, until)


def test_hello_says_when_the_session_ends(chatd):
    server = chatd(core=CALM, sections=with_secret())

    async def scenario():
        exp = int(time.time()) + 600
        async with V1Client(server, signed("alice", exp=exp), "alice") as alice:
            assert alice.hello["expires"] == exp * 1000
            assert abs(alice.hello["now"] - time.time() * 1000) < 60_000
    run(scenario())


def test_hello_of_a_guest_has_no_end(chatd):
    server = chatd(core=CALM, plugins={"auth": "off"})

    async def scenario():
        async with V1Client(server, None, None) as guest:
            assert "expires" not in guest.hello
    run(scenario())


def test_a_socket_outlives_its_token(chatd):
    """Without the verb it is closed with 4501: test_tokens.py."""
    server = chatd(core=CALM, sections=with_secret())
    until = int(time.time()) + 1000
    token = signed("alice", ttl=2, chatd_renew=until)

    async def scenario():
        async with V1Client(server, token, "alice", room="general") as alice:
            first = alice.hello["expires"]
            ack = await alice.request("session.refresh")
            assert ack["expires"] == until * 1000 > first
            while time.time() * 1000 < first + 1500:
                await alice.request("ping")
                await asyncio.sleep(0.1)
            await alice.say("still here")
    run(scenario())


def test_a_socket_takes_a_token_from_elsewhere(chatd):
    server = chatd(core=CALM, sections=with_secret())

    async def scenario():
        old, fresh = signed("alice", ttl=60), signed("alice", ttl=600)
        async with V1Client(server, old, "alice", room="general") as alice:
            assert (await alice.ask("session.refresh"))["code"] == "auth.not_renewable"
            bad = await alice.ask("session.refresh", token=signed("bob"))
            assert bad["code"] == "forbidden"
            bad = await alice.ask("session.refresh", token=signed("alice", key="x" * 40))
            assert (bad["code"], bad["temporary"]) == ("unauthorized", False)
            ack = await alice.request("session.refresh", token=fresh)
            assert ack["expires"] == claims_of(fresh)["exp"] * 1000
            # It hangs on the new one now, and on nothing else.
            requests.post(server.http + "/logout", cookies={"token": old})
            await alice.say("still here")
            requests.post(server.http + "/logout", cookies={"token": fresh})
            assert await closed(alice) == 4501
    run(scenario())


def test_a_logout_closes_a_socket_that_was_renewed(chatd):
    server = chatd(core=CALM, workers=2)
    token = account(server, "alice")

    async def scenario():
        async with V1Client(server, token, "alice", room="general") as alice:
            await alice.request("session.refresh")
            fresh = renew(server, token).cookies["token"]
            requests.post(server.http + "/logout", cookies={"token": fresh})
            assert await closed(alice) == 4501
    run(scenario())


async def closed(client):
    await asyncio.wait_for(client.ws.wait_closed(), 20)
    return client.ws.close_code
