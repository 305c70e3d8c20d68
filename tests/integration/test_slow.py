# SPDX-License-Identifier: MIT
"""Clients that do not read, and more clients than there is room for."""
import json
import socket
import struct

import pytest
import requests
from raw_ws import CALM, TEXT, Raw, RawWs, cookie, frame, upgrade_request, with_secret
from server import wait_until

TEXT_BYTES = 60000
BIG = {**CALM, "message_max": "1m", "write_timeout": "10m", "ping_interval": "10m"}
MANY = 400  # of them are more than the kernel keeps for two sockets


def chat(chatd, **core):
    return chatd(core={**BIG, **core},
                 sections=with_secret(rooms={"text_max": "64k", "history_on_join": "0"}))


def metric(server, name):
    for line in requests.get(server.http + "/metrics").text.splitlines():
        if line.startswith(f"chatd_{name} "):
            return int(line.split()[1])
    raise AssertionError(f"no metric {name}")


def talk_until(server, alice, witness, condition):
    """Alice talks, and the witness hears every word, until the condition is true."""
    for i in range(MANY):
        text = f"{i} " + "x" * TEXT_BYTES
        alice.send(frame(TEXT, json.dumps({"text": text})))
        for ws in (alice, witness):
            got = json.loads(ws.text())
            assert (got["text"], got["seq"]) == (text, i + 1)
        if condition():
            return i + 1
    raise AssertionError(f"it did not come with {MANY} messages of {TEXT_BYTES} bytes")


def test_a_client_that_stops_reading_is_closed_with_4001_and_others_notice_nothing(chatd):
    """A connection that is too slow is closed with 4001."""
    server = chat(chatd, queue_hard="128k", queue_soft="64k", close_timeout="60s")
    with RawWs(server, headers=cookie("alice")) as alice, \
            RawWs(server, headers=cookie("bob")) as bob, \
            RawWs(server, headers=cookie("slow"), receive_buffer=4096) as slow:
        count = talk_until(server, alice, bob, lambda: metric(server, "too_slow_total") == 1)
        # What it was sent before is whole and in order; then comes the reason.
        for seq in range(1, count + 1):
            opcode, payload = slow.data()
            if opcode != TEXT:
                break
            assert json.loads(payload)["seq"] == seq
        assert (opcode, int.from_bytes(payload[:2], "big")) == (8, 4001)
        assert metric(server, "connections") in (2, 3)
        alice.send(frame(TEXT, '{"text":"after"}'))
        assert json.loads(bob.text())["text"] == "after"


def test_write_timeout_ends_a_client_that_takes_nothing(chatd):
    server = chat(chatd, queue_hard="64m", queue_soft="32m", write_timeout="1s")
    with RawWs(server, headers=cookie("alice")) as alice, \
            RawWs(server, headers=cookie("bob")) as bob, \
            RawWs(server, headers=cookie("slow"), receive_buffer=4096):
        talk_until(server, alice, bob, lambda: metric(server, "too_slow_total") == 1)
        wait_until(lambda: metric(server, "connections") == 2, what="the end of the slow one")


def test_typing_is_dropped_for_a_client_above_queue_soft(chatd):
    """Above queue_soft ephemeral frames are dropped; messages are not."""
    server = chat(chatd, queue_soft="4k", queue_hard="64m")
    with RawWs(server, headers=cookie("alice")) as alice, \
            RawWs(server, headers=cookie("bob")) as bob, \
            RawWs(server, headers=cookie("slow"), receive_buffer=4096) as slow:
        typing = []

        def dropped():
            """Each asks with a name of its own: the same one's repeat would be throttled."""
            name = f"t{len(typing)}"
            with RawWs(server, headers=cookie(name)) as ws:
                ws.send(frame(TEXT, '{"typing":true}'))
                for other in (alice, bob):
                    got = json.loads(other.text())
                    assert (got["user"], got["typing"]) == (name, True)
            typing.append(name)
            return metric(server, "dropped_ephemeral_total") >= 1
        count = talk_until(server, alice, bob, dropped)
        assert metric(server, "too_slow_total") == 0
        shown, seq = [], 0
        while seq < count:
            got = json.loads(slow.text())
            if got["typing"]:
                shown.append(got["user"])
            else:
                seq += 1
                assert got["seq"] == seq
        assert len(shown) < len(typing)


def test_more_than_max_connections_get_503_until_one_leaves(chatd):
    server = chatd(core={**CALM, "max_connections": "2"}, sections=with_secret())
    with RawWs(server, headers=cookie("alice")) as alice:
        with RawWs(server, headers=cookie("bob")):
            with Raw(server) as raw:
                raw.send(upgrade_request("/ws", cookie("carol")))
                reply = raw.reply()
                assert reply.status == 503
                assert int(reply.headers["retry-after"]) > 0
                assert json.loads(reply.body)["error"]["code"] == "full"
            assert metric(server, "refused_full_total") == 1
            assert requests.get(server.http + "/livez").status_code == 200

        def gets_in():
            with Raw(server) as raw:
                raw.send(upgrade_request("/ws", cookie("carol")))
                return raw.reply().status == 101
        wait_until(gets_in, what="a free place")
        alice.send(frame(TEXT, '{"text":"still here"}'))
        assert json.loads(alice.text())["text"] == "still here"


@pytest.mark.parametrize("leave", ["close frame", "FIN", "reset"])
def test_a_connection_that_leaves_is_forgotten(chatd, leave):
    server = chatd(core=CALM, sections=with_secret())
    ws = RawWs(server, headers=cookie("alice"))
    assert metric(server, "connections") == 1
    if leave == "close frame":
        ws.send(frame(8, b"\x03\xe8"))
    elif leave == "reset":
        ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ws.close()
    wait_until(lambda: metric(server, "connections") == 0, what="the end of the connection")
    wait_until(lambda: metric(server, "rooms_members") == 0, what="an empty room")
