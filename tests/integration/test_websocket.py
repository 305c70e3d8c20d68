# SPDX-License-Identifier: MIT
"""RFC 6455, rule by rule, against the example plugin echo."""
import asyncio
import os

import pytest
import websockets
from raw_ws import (BINARY, CALM, CLOSE, CONT, PING, PONG, TEXT, RawWs, close_frame, frame)
from server import BUILD

ECHO = {"echo": str(BUILD / "lib" / "chatd-examples" / "echo.so")}


@pytest.fixture
def server(chatd):
    return chatd(core=CALM, only=ECHO)


@pytest.fixture
def ws(server):
    with RawWs(server, "/echo") as raw:
        yield raw


def assert_echoes(ws, opcode, payload):
    assert ws.data() == (opcode, payload if isinstance(payload, bytes) else payload.encode())


def assert_lives(ws):
    ws.send(frame(TEXT, "alive?"))
    assert_echoes(ws, TEXT, "alive?")


# --- messages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 124, 125, 126, 127, 128, 4096, 65535, 65536])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_messages_of_all_sizes_come_back(ws, opcode, size):
    payload = b"x" * size if opcode == TEXT else os.urandom(size)
    ws.send(frame(opcode, payload))
    assert_echoes(ws, opcode, payload)


def test_a_message_may_come_in_fragments(ws):
    """5.4: the first with the opcode, the others with 0, the last with FIN; some may be empty."""
    ws.send(frame(TEXT, "one ", fin=False) + frame(CONT, "", fin=False) +
            frame(CONT, "two ", fin=False) + frame(CONT, "three"))
    assert_echoes(ws, TEXT, "one two three")
    ws.send(frame(BINARY, b"", fin=False) + frame(CONT, b""))
    assert_echoes(ws, BINARY, b"")


def test_control_frames_may_stand_between_fragments(ws):
    """5.4: control frames MAY be injected in the middle of a fragmented message."""
    ws.send(frame(TEXT, "a", fin=False) + frame(PING, "p1") + frame(CONT, "b", fin=False) +
            frame(PONG, "unasked") + frame(PING, "p2") + frame(CONT, "c"))
    assert ws.frame() == (PONG, b"p1")
    assert ws.frame() == (PONG, b"p2")
    assert_echoes(ws, TEXT, "abc")


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))])
def test_a_ping_is_answered_with_its_payload(ws, payload):
    """5.5.3: identical application data."""
    ws.send(frame(PING, payload))
    assert ws.frame() == (PONG, payload)


def test_a_pong_nobody_asked_for_is_ignored(ws):
    ws.send(frame(PONG, b"hello"))
    assert_lives(ws)


def test_frames_may_come_one_byte_at_a_time(ws):
    data = frame(PING, "p") + frame(TEXT, "h\u00e9llo", fin=False) + frame(CONT, "x" * 200)
    for byte in data:
        ws.send(bytes([byte]))
    assert ws.frame() == (PONG, b"p")
    assert_echoes(ws, TEXT, "h\u00e9llo" + "x" * 200)


def test_many_frames_may_come_in_one_segment(ws):
    ws.send(b"".join(frame(TEXT, f"m{i}") for i in range(500)))
    for i in range(500):
        assert_echoes(ws, TEXT, f"m{i}")


@pytest.mark.parametrize("cut", [1, 3, 7, 1000])
def test_frames_may_come_with_the_upgrade_request(server, cut):
    early = frame(TEXT, "early") + frame(PING, "p")
    with RawWs(server, "/echo", early=early[:cut]) as ws:
        ws.send(early[cut:])
        assert_echoes(ws, TEXT, "early")
        assert ws.frame() == (PONG, b"p")
        assert_lives(ws)


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x80\x00\x01\x7f"])
def test_any_mask_is_good(ws, mask):
    ws.send(frame(BINARY, bytes(range(256)) * 3, mask=mask))
    assert_echoes(ws, BINARY, bytes(range(256)) * 3)


def test_the_library_websockets_gets_everything_back(server):
    async def scenario():
        async with websockets.connect(server.ws("/echo"), max_size=None) as ws:
            messages = ["", "h\u00e9", "x" * 60000, b"", os.urandom(60000), "\U0001f600" * 1000]
            for message in messages:
                await ws.send(message)
            assert [await ws.recv() for _ in messages] == messages
            await ws.send(["frag", "ment", "ed"])
            assert await ws.recv() == "fragmented"
            await asyncio.wait_for(await ws.ping(b"data"), 20)
        assert ws.close_code == 1000
    asyncio.run(scenario())


# --- what is refused with 1002 -----------------------------------------------------------------


@pytest.mark.parametrize("data", [
    pytest.param(frame(TEXT, "x", mask=None), id="unmasked"),
    pytest.param(frame(PING, "x", mask=None), id="unmasked ping"),
    pytest.param(frame(CLOSE, b"\x03\xe8", mask=None), id="unmasked close"),
    pytest.param(frame(TEXT, "x", rsv=0x40), id="RSV1"),
    pytest.param(frame(TEXT, "x", rsv=0x20), id="RSV2"),
    pytest.param(frame(TEXT, "x", rsv=0x10), id="RSV3"),
    pytest.param(frame(PING, "x", rsv=0x40), id="RSV1 on a ping"),
    pytest.param(frame(CLOSE, b"\x03\xe8", rsv=0x70), id="RSV1-3 on a close"),
    *[pytest.param(frame(op, "x"), id=f"opcode {op}") for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    pytest.param(frame(TEXT, "x", length_form=16), id="1 byte in 16 bits"),
    pytest.param(frame(TEXT, "x" * 125, length_form=16), id="125 bytes in 16 bits"),
    pytest.param(frame(TEXT, "x", length_form=64), id="1 byte in 64 bits"),
    pytest.param(frame(TEXT, "x" * 65535, length_form=64), id="65535 bytes in 64 bits"),
    pytest.param(b"\x81\xff\x80" + b"\0" * 7 + b"abcd", id="the top bit of 64"),
    pytest.param(frame(PING, b"x" * 126), id="a ping of 126"),
    pytest.param(frame(PONG, b"x" * 65536), id="a pong of 65536"),
    pytest.param(frame(CLOSE, b"\x03\xe8" + b"x" * 124), id="a close of 126"),
    pytest.param(frame(PING, b"x", fin=False), id="a fragmented ping"),
    pytest.param(frame(CLOSE, b"\x03\xe8", fin=False), id="a fragmented close"),
    pytest.param(frame(CONT, "x"), id="a continuation of nothing"),
    pytest.param(frame(CONT, "x", fin=False), id="a continuation of nothing without FIN"),
    pytest.param(frame(TEXT, "a", fin=False) + frame(TEXT, "b"), id="text inside text"),
    pytest.param(frame(TEXT, "a", fin=False) + frame(BINARY, b"b"), id="binary inside text"),
    pytest.param(frame(CLOSE, b"\x03"), id="half a close code"),
    *[pytest.param(close_frame(code), id=f"close {code}")
      for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)],
])
def test_broken_frames_close_with_1002(server, ws, data):
    ws.send(data)
    assert ws.is_refused(1002)
    with RawWs(server, "/echo") as other:
        assert_lives(other)


def test_a_message_before_a_broken_frame_is_still_answered(ws):
    ws.send(frame(TEXT, "good") + frame(TEXT, "bad", rsv=0x40) + frame(TEXT, "late"))
    assert_echoes(ws, TEXT, "good")
    assert ws.is_refused(1002)


# --- UTF-8 -------------------------------------------------------------------------------------

BAD_UTF8 = [b"\xff", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"ok\x80", b"\xc3(", b"\xe2\x82", b"\xf0\x9f\x98"]


@pytest.mark.parametrize("text", BAD_UTF8)
def test_text_that_is_not_utf8_closes_with_1007(ws, text):
    """8.1"""
    ws.send(frame(TEXT, text))
    assert ws.is_refused(1007)


def test_bad_utf8_is_refused_before_its_message_is_complete(ws):
    """UTF-8 checked as it arrives."""
    ws.send(frame(TEXT, b"good \xed\xa0", fin=False))
    assert ws.is_refused(1007)


def test_bad_utf8_is_refused_before_its_frame_is_complete(ws):
    ws.send(frame(TEXT, b"\xff" + b"x" * 60000)[:20])
    assert ws.is_refused(1007)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_may_be_cut_by_fragments(ws, cut):
    text = "\U0001f600".encode()
    ws.send(frame(TEXT, text[:cut], fin=False) + frame(PING) + frame(CONT, text[cut:]))
    assert ws.frame() == (PONG, b"")
    assert_echoes(ws, TEXT, text)


def test_a_character_that_the_last_fragment_does_not_end_closes_with_1007(ws):
    ws.send(frame(TEXT, b"\xf0\x9f", fin=False) + frame(CONT, b"\x98"))
    assert ws.is_refused(1007)


@pytest.mark.parametrize("data", BAD_UTF8)
def test_binary_messages_need_not_be_utf8(ws, data):
    ws.send(frame(BINARY, data))
    assert_echoes(ws, BINARY, data)


def test_a_close_reason_that_is_not_utf8_closes_with_1007(ws):
    ws.send(close_frame(1000, b"\xff"))
    assert ws.is_refused(1007)


# --- size --------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [
    pytest.param(frame(BINARY, b"x" * 1025), id="one frame"),
    pytest.param(frame(BINARY, b"x" * 1025)[:8], id="its header"),
    pytest.param(frame(BINARY, b"x" * 1000, fin=False) + frame(CONT, b"x" * 25), id="fragments"),
    pytest.param(b"\x82\xff" + (1 << 62).to_bytes(8, "big") + b"abcd", id="4 EiB announced"),
])
def test_a_message_over_message_max_closes_with_1009(chatd, data):
    server = chatd(core={**CALM, "message_max": "1k"}, only=ECHO)
    with RawWs(server, "/echo") as ws:
        ws.send(frame(BINARY, b"x" * 1024))
        assert_echoes(ws, BINARY, b"x" * 1024)
        ws.send(data)
        assert ws.is_refused(1009)


# --- closing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
                                  1014, 3000, 3999, 4000, 4999])
def test_a_close_is_answered_with_its_code(ws, code):
    """5.5.1"""
    ws.send(close_frame(code, b"good bye"))
    assert ws.close_code() == code
    assert ws.rest() == b""


def test_a_close_without_a_code_is_answered_without(ws):
    ws.send(frame(CLOSE))
    assert ws.close_code() == 1005
    assert ws.rest() == b""


def test_what_comes_after_a_close_is_not_answered(ws):
    ws.send(frame(TEXT, "before") + close_frame(1000) + frame(TEXT, "after") + frame(PING))
    assert_echoes(ws, TEXT, "before")
    assert ws.close_code() == 1000
    assert ws.rest() == b""


def test_a_close_inside_a_fragmented_message_is_answered(ws):
    ws.send(frame(TEXT, "half", fin=False) + close_frame(1001))
    assert ws.close_code() == 1001


def test_a_stop_of_the_server_closes_with_1001(server, ws):
    assert_lives(ws)
    server.process.terminate()
    assert ws.is_refused(1001)
    assert server.process.wait(20) == 0


def test_a_client_that_does_not_answer_a_close_is_dropped_after_close_timeout(chatd):
    server = chatd(core={**CALM, "close_timeout": "1s"}, only=ECHO)
    with RawWs(server, "/echo") as ws:
        ws.send(frame(TEXT, "x", rsv=0x40))
        assert ws.close_code() == 1002
        assert ws.rest() == b""


# --- keep-alive --------------------------------------------------------------------------------

IMPATIENT = {**CALM, "ping_interval": "1s", "pong_timeout": "1s"}


def test_a_silent_client_is_pinged_and_closed_with_4002_without_a_pong(chatd):
    server = chatd(core=IMPATIENT, only=ECHO)
    with RawWs(server, "/echo") as ws:
        assert ws.frame()[0] == PING
        opcode, payload = ws.frame()
        assert (opcode, payload[:2]) == (CLOSE, (4002).to_bytes(2, "big"))
        ws.send(close_frame(4002))
        assert ws.rest() == b""


def test_a_client_that_answers_its_pings_stays(chatd):
    server = chatd(core=IMPATIENT, only=ECHO)
    with RawWs(server, "/echo") as ws:
        for _ in range(3):
            opcode, payload = ws.frame()
            assert opcode == PING
            ws.send(frame(PONG, payload))
        assert_lives(ws)


def test_any_frame_counts_as_a_sign_of_life(chatd):
    server = chatd(core=IMPATIENT, only=ECHO)
    with RawWs(server, "/echo") as ws:
        for _ in range(2):
            assert ws.frame()[0] == PING
            ws.send(frame(TEXT, "I am here"))
            assert ws.frame() == (TEXT, b"I am here")
