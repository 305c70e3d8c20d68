# SPDX-License-Identifier: MIT
"""Floods on one connection: frames of any kind (frame_rate), and requests without a pause (verb_rate)."""
import json

import pytest
from chat import ALL_OFF
from raw_ws import CALM, CLOSE, CONT, PING, PONG, TEXT, RawWs, cookie, frame, with_secret
from server import wait_until

FLOODS = {
    "pings": frame(PING, "x") * 400,
    "pongs": frame(PONG) * 400,
    "messages": frame(TEXT, "{}") * 400,
    "fragments": frame(TEXT, b"", fin=False) + frame(CONT, "x", fin=False) * 400,
}
V1 = {"Sec-WebSocket-Protocol": "chatd.v1"}


def close_code(ws):
    """Of the close frame, past all that comes before."""
    while True:
        opcode, payload = ws.frame()
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big")


@pytest.mark.parametrize("headers", [{}, V1], ids=["classic", "v1"])
@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_small_frames_closes_with_4003(chatd, kind, headers):
    server = chatd(core={**CALM, "frame_rate": "100", "verb_rate": "0"}, sections=with_secret())
    with RawWs(server, headers={**cookie("alice"), **headers}) as ws:
        ws.send(FLOODS[kind])
        assert close_code(ws) == 4003
    assert server.metrics()["chatd_too_many_total"] == 1


def test_a_flood_of_compressed_messages_is_not_inflated(chatd):
    server = chatd(core={**CALM, "frame_rate": "100"}, sections=with_secret())
    hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692, 7.2.3.1
    with RawWs(server, headers={**cookie("alice"),
                                "Sec-WebSocket-Extensions": "permessage-deflate"}) as ws:
        ws.send(frame(TEXT, hello, rsv=0x40) * 1000)
        assert close_code(ws) == 4003
    metrics = server.metrics()
    assert metrics["chatd_too_many_total"] == 1
    assert 200 <= metrics['chatd_deflate_messages_total{direction="in"}'] < 500


@pytest.mark.parametrize("rate", ["0", "1000"])
def test_what_is_allowed_is_answered(chatd, rate):
    server = chatd(core={**CALM, "frame_rate": rate}, sections=with_secret())
    with RawWs(server, headers=cookie("alice")) as ws:
        for i in range(400):
            ws.send(frame(PING, str(i)))
        ws.send(FLOODS["fragments"] + frame(CONT, ""))  # no JSON: an answer, and nobody is closed
        frames = []
        while not frames or frames[-1][0] != TEXT:
            frames.append(ws.frame())
        assert b"bad_request" in frames[-1][1]
    assert server.metrics()["chatd_too_many_total"] == 0


def test_who_ignores_rate_limited_is_closed(chatd):
    server = chatd(core={**CALM, "verb_rate": "5", "frame_rate": "0"}, only=ALL_OFF)
    with RawWs(server, headers=V1) as ws:
        ws.send(frame(TEXT, '{"type":"ping","id":"1"}') * 300)
        seen = {"ack": 0, "error": 0}
        while True:
            opcode, payload = ws.frame()
            if opcode == CLOSE:
                break
            got = json.loads(payload)
            seen[got["type"]] = seen.get(got["type"], 0) + 1
            if got["type"] == "error":
                assert got["code"] == "rate_limited" and got["retry_ms"] > 0
        assert int.from_bytes(payload[:2], "big") == 4003
        assert 10 <= seen["ack"] < 50 and 120 <= seen["error"] < 200
    metrics = server.metrics()
    assert metrics["chatd_too_many_total"] == 1
    assert metrics["chatd_rate_limited_total"] > seen["error"]


@pytest.mark.parametrize("text", ['{"type":"no.such","id":"1"}', "[]", '{"type":"ping","id":"1","x":"' + "x" * 5000 + '"}'],
                         ids=["unknown", "malformed", "large"])
def test_messages_that_are_refused_count_too(chatd, text):
    server = chatd(core={**CALM, "verb_rate": "5", "frame_rate": "0"}, only=ALL_OFF)
    with RawWs(server, headers=V1) as ws:
        ws.send(frame(TEXT, text) * 300)
        codes = []
        while True:
            opcode, payload = ws.frame()
            if opcode == CLOSE:
                break
            if (got := json.loads(payload))["type"] == "error":
                codes.append(got["code"])
        assert int.from_bytes(payload[:2], "big") == 4003
        assert set(codes[:10]) < {"unknown_type", "bad_request", "too_large"}, codes[:10]
        assert 100 <= codes.count("rate_limited") < 200


def test_who_waits_as_told_is_never_closed(chatd):
    server = chatd(core={**CALM, "verb_rate": "50"}, only=ALL_OFF)
    with RawWs(server, headers=V1) as ws:
        ws.text()
        refused = 0

        def was_often_refused():
            nonlocal refused
            ws.send(frame(TEXT, '{"type":"ping","id":"1"}') * 101)
            for _ in range(101):
                refused += json.loads(ws.text())["type"] == "error"
            return refused > 10
        wait_until(was_often_refused, what="some refusals")
        ws.send(frame(PING, "still here"))
        assert ws.frame() == (PONG, b"still here")
