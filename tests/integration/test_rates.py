# SPDX-License-Identifier: MIT
"""The rates of [rooms]: each is attacked, with it on and with it off, while somebody it does not concern goes on."""
import asyncio
import json

import pytest
from client_v1 import V1Client
from raw_ws import CALM, CLOSE, TEXT, Raw, RawWs, cookie, frame, signed, upgrade_request, with_secret
from server import NO_RATES

# The tests are the proxy. Nothing else may be in the way of a flood.
CORE = {**CALM, "trusted_proxies": "127.0.0.1", "verb_rate": "0", "frame_rate": "0"}
V1 = {"Sec-WebSocket-Protocol": "chatd.v1"}
N = 40  # at one a second that takes longer than the test, however slow the machine


def start(chatd, typing=None, **rates):
    """All other rates are off."""
    return chatd(core=CORE, sections=with_secret(rooms={**rates, "inflight_max": "256"},
                                                 **({"typing": typing} if typing else {})))


def limited(server):
    """What was refused, by option."""
    found = {}
    for name, value in server.metrics().items():
        if name.startswith("chatd_rooms_limited_total{") and value > 0:
            found[name.split('"')[1]] = value
    return found


def person(server, user, address="203.0.113.1", room="general", **options):
    return V1Client(server, signed(user), user, room, headers={"X-Forwarded-For": address}, **options)


class Crowd:
    """async with Crowd(server, (user, address, room)...) as people: all connected."""

    def __init__(self, server, *who):
        self.people = [person(server, *one) for one in who]

    async def __aenter__(self):
        for one in self.people:
            await one.open()
        return self.people

    async def __aexit__(self, *_):
        for one in self.people:
            await one.close()


def judge(answers):
    """How many were let through; all others must have been told how long to wait."""
    for answer in answers:
        if answer["type"] == "error":
            assert (answer["code"], answer["temporary"]) == ("rate_limited", True), answer
            assert answer["retry_ms"] > 0 and "wait" in answer["message"], answer
    return sum(answer["type"] == "ack" for answer in answers)


async def flood(people, type, **arguments):
    """N requests, by all in turn, without a pause; `N` in an argument stands for the number."""
    asked = [people[i % len(people)].ask_later(
        type, **{"room": people[i % len(people)].room,
                 **{key: value.replace("N", str(i)) for key, value in arguments.items()}})
        for i in range(N)]
    return judge(await asyncio.gather(*asked))


ONE = ("alice", "203.0.113.1", "general")
ACCOUNTS = [(f"user{i}", "203.0.113.1", f"room{i}") for i in range(4)]
ADDRESSES = [(f"user{i}", f"203.0.113.{i}", "general") for i in range(4)]
NETWORK = [(f"user{i}", f"2001:db8::{i}", f"room{i}") for i in range(1, 5)]
OTHER_CONNECTION, OTHER_USER = ONE, ("bob", "203.0.113.1", "general")
OTHER_ADDRESS, OTHER_ROOM = ("user0", "203.0.113.99", "room0"), ("user0", "203.0.113.1", "elsewhere")

MESSAGES = [  # option, who attacks, who is not concerned
    ("message_rate", [ONE], OTHER_CONNECTION),
    ("message_rate_user", [ONE] * 4, OTHER_USER),
    ("message_rate_address", ACCOUNTS, OTHER_ADDRESS),
    ("message_rate_address", NETWORK, ("user1", "2001:db8:0:1::1", "room1")),
    ("message_rate_room", ADDRESSES, OTHER_ROOM),
    ("byte_rate_user", [ONE] * 4, OTHER_USER),
]


@pytest.mark.parametrize("option, attackers, bystander", MESSAGES,
                         ids=["connection", "user", "address", "ipv6", "room", "bytes"])
async def test_a_flood_of_messages(chatd, option, attackers, bystander):
    text, rate = ("N" + "x" * 98, "100") if option == "byte_rate_user" else ("N", "1")
    server = start(chatd, **{option: rate})
    async with Crowd(server, *attackers) as people, person(server, *bystander) as other:
        passed = await flood(people, "message.send", text=text)
        assert 5 <= passed < N
        assert limited(server) == {option: N - passed}
        await other.say("and I go on")


@pytest.mark.parametrize("option, attackers", [row[:2] for row in MESSAGES],
                         ids=["connection", "user", "address", "ipv6", "room", "bytes"])
async def test_0_lets_all_of_it_through(chatd, option, attackers):
    server = start(chatd, **{**NO_RATES, option: "0"})
    async with Crowd(server, *attackers) as people:
        assert await flood(people, "message.send", text="N" + "x" * 98) == N
    assert limited(server) == {}


JOINS = [("join_rate_user", [("alice", "203.0.113.1", None)] * 4, OTHER_USER),
         ("join_rate_address", [(*one[:2], None) for one in ACCOUNTS], OTHER_ADDRESS)]


@pytest.mark.parametrize("rate", ["1", "0"])
@pytest.mark.parametrize("option, attackers, bystander", JOINS, ids=["user", "address"])
async def test_a_flood_of_joins(chatd, option, attackers, bystander, rate):
    server = start(chatd, **{option: rate})
    async with Crowd(server, *attackers) as people:
        passed = await flood(people, "room.join", room="roomN")
        if rate == "0":
            assert passed == N
        else:
            assert 5 <= passed < N
            assert limited(server) == {option: N - passed}
        async with person(server, *bystander) as other:
            await other.say("I came in")


@pytest.mark.parametrize("rate", ["1", "0"])
async def test_a_flood_of_signals_is_dropped_silently(chatd, rate):
    server = start(chatd, typing={"throttle": "0"}, signal_rate_user=rate)
    async with person(server, *ONE) as alice, person(server, "bob") as bob:
        for i in range(8 * N):
            await alice.type(i % 2 == 0)
        assert [f for f in await alice.settle() if f["type"] == "error"] == []
        await alice.say("still here")
        seen = await typing_before_a_message(bob)
        begun = seen.count(True)
        assert seen == [True, False] * begun
        if rate == "0":
            assert begun == 4 * N and limited(server) == {}
        else:
            assert 5 <= begun < 4 * N
            assert limited(server) == {"signal_rate_user": 4 * N - begun}
        await bob.type()  # who is not concerned
        while not alice.is_typing(await alice.next(), "bob"):
            pass


async def typing_before_a_message(reader):
    seen = []
    while (got := await reader.next())["type"] != "message":
        if got["type"] == "typing":
            seen.append(got["typing"])
    return seen


async def test_that_somebody_stopped_typing_is_told_over_the_limit(chatd):
    """Else it would stand there until it expires."""
    server = start(chatd, typing={"throttle": "0"}, signal_rate_user="1")
    async with person(server, *ONE) as alice, person(server, "bob") as bob:
        for _ in range(N):
            await alice.type(True)
        await alice.type(False)
        await alice.say("still here")
        seen = await typing_before_a_message(bob)
        assert 5 <= len(seen) < N and seen == [True] * (len(seen) - 1) + [False]
    assert limited(server)["signal_rate_user"] > 0


def test_who_ignores_rate_limited_is_closed(chatd, dialect):
    """After the burst and a hundred refusals, with some forgiven on the way. Each is told before the next ones are sent."""
    server = start(chatd, message_rate="1")
    say, is_error, is_said = {
        "v1": ('{"type":"message.send","id":"1","room":"general","text":"x"}',
               lambda f: f if f["type"] == "error" else None, lambda f: f.get("id") == "1"),
        "classic": ('{"text":"x"}', lambda f: f.get("error"), lambda f: f["text"] == "x"),
    }[dialect]
    errors, waited_for = [], 0
    with RawWs(server, headers={**cookie("alice"), **(V1 if dialect == "v1" else {})}) as ws:
        if dialect == "v1":
            ws.send(frame(TEXT, '{"type":"room.join","id":"0","room":"general"}'))
        while len(errors) < 1000:
            if waited_for == 0:
                ws.send(frame(TEXT, say) * 10)
                waited_for = 10
            opcode, payload = ws.frame()
            if opcode == CLOSE:
                break
            got = json.loads(payload)
            if is_error(got) is not None:
                errors.append(is_error(got))
                assert errors[-1]["code"] == "rate_limited" and "wait" in errors[-1]["message"]
                waited_for -= 1
            elif is_said(got):
                waited_for -= 1
        assert opcode == CLOSE and int.from_bytes(payload[:2], "big") == 4003
    assert 95 <= len(errors) < 400
    assert server.metrics()["chatd_too_many_total"] == 1


async def test_who_waits_as_told_is_never_closed(chatd):
    server = start(chatd, message_rate="20")
    async with person(server, *ONE) as alice:
        refused = 0
        while refused < 10:
            answer = await alice.ask("message.send", room="general", text="x")
            if answer["type"] == "error":
                refused += 1
                await asyncio.sleep(answer["retry_ms"] / 1000)
                assert (await alice.ask("message.send", room="general", text="y"))["type"] == "ack"
        await alice.settle()  # which is answered


def test_a_flood_of_classic_joins_gets_429(chatd):
    server = start(chatd, join_rate_address="1")
    mine = {"X-Forwarded-For": "203.0.113.1"}

    def ask(headers):
        with Raw(server) as raw:
            raw.send(upgrade_request("/ws", {**cookie("alice"), **headers}))
            return raw.reply()
    answers = [ask(mine) for _ in range(20)]
    refused = [answer for answer in answers if answer.status != 101]
    assert 0 < len(refused) <= 15
    for answer in refused:
        assert answer.status == 429 and int(answer.headers["retry-after"]) > 0
        assert json.loads(answer.body)["error"]["code"] == "rate_limited"
    assert limited(server) == {"join_rate_address": len(refused)}
    assert ask({"X-Forwarded-For": "203.0.113.2"}).status == 101


async def test_to_come_back_makes_no_bucket_full(chatd):
    server = start(chatd, message_rate_user="1")
    answers = []
    for _ in range(4):
        async with person(server, *ONE) as alice:
            asked = [alice.ask_later("message.send", room="general", text="x") for _ in range(10)]
            answers += await asyncio.gather(*asked)
    assert 5 <= judge(answers) < N


async def test_a_local_address_is_not_counted(chatd):
    """A proxy that is not trusted may stand behind it, and with it everybody."""
    server = start(chatd, message_rate_address="1", join_rate_address="1")
    people = [(user, "192.168.1.7", room) for user, _, room in ACCOUNTS]
    async with Crowd(server, *people, *people) as crowd:
        assert await flood(crowd, "message.send", text="N") == N


async def test_a_text_above_a_burst_is_paid_for_later(chatd):
    server = start(chatd, byte_rate_user="100")
    async with person(server, *ONE) as alice:
        await alice.say("x" * 4000)
        answer = await alice.ask("message.send", room="general", text="x")
        assert answer["code"] == "rate_limited" and answer["retry_ms"] > 5000


async def test_a_reload_changes_a_rate(chatd):
    server = start(chatd, message_rate="1")
    async with person(server, *ONE) as alice:
        assert await flood([alice], "message.send", text="N") < N
        server.sections["rooms"]["message_rate"] = "0"
        server.write_ini()
        server.hang_up()

        async def is_free():
            return (await alice.ask("message.send", room="general", text="x"))["type"] == "ack"
        while not await is_free():
            await asyncio.sleep(0.05)
        assert await flood([alice], "message.send", text="N") == N


async def test_a_classroom_is_not_limited(chatd, dialect):
    """40 people behind one address, as it is shipped: all come at once, to three rooms each, and all speak at once."""
    server = chatd(core={**CALM, "trusted_proxies": "127.0.0.1"}, sections=with_secret(), rates=True)
    if dialect == "v1":
        async with Crowd(server, *[(f"user{i}", "203.0.113.1", None) for i in range(40)]) as people:
            rooms = ["general", "homework", "lunch"]
            joins = [one.ask_later("room.join", room=room) for one in people for room in rooms]
            assert judge(await asyncio.gather(*joins)) == 120
            says = [one.ask_later("message.send", room="general", text=f"{i}")
                    for i in range(5) for one in people]
            assert judge(await asyncio.gather(*says)) == 200
    else:
        headers = {"X-Forwarded-For": "203.0.113.1"}
        sockets = [RawWs(server, headers={**cookie(f"user{i}"), **headers}) for i in range(40)]
        for ws in sockets:
            ws.send(frame(TEXT, '{"text":"hello"}') * 5)
        for _ in range(200):
            assert json.loads(sockets[0].text())["text"] == "hello"
        for ws in sockets:
            ws.close()
    assert limited(server) == {}
