# SPDX-License-Identifier: MIT
"""RFC 7692, permessage-deflate: what is agreed on, what is sent and read, and what is refused."""
import asyncio
import json
import os
import zlib

import pytest
import websockets
from raw_deflate import ANSWER, OFFER, RSV1, Compressed, deflated
from raw_ws import (BINARY, CALM, CLOSE, CONT, PING, PONG, TEXT, RawWs, blob, close_frame, cookie,
                    frame, with_secret)
from server import BUILD, wait_until
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

ECHO = {"echo": str(BUILD / "lib" / "chatd-examples" / "echo.so")}
HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692, 7.2.3.1
LONG = "all work and no play makes Jack a dull boy, " * 20


@pytest.fixture
def server(chatd):
    return chatd(core=CALM, only=ECHO)


@pytest.fixture
def ws(server):
    with Compressed(server) as raw:
        assert raw.extensions == ANSWER
        yield raw


def count(server, what, direction=None):
    labels = f'{{direction="{direction}"}}' if direction else ""
    return server.metrics()[f"chatd_deflate_{what}_total{labels}"]


# --- the handshake -----------------------------------------------------------------------------


@pytest.mark.parametrize("offer, answer", [
    (None, None),
    (OFFER, ANSWER),
    ("permessage-deflate; client_max_window_bits", ANSWER),
    ("permessage-deflate; server_max_window_bits=15", ANSWER + "; server_max_window_bits=15"),
    ("permessage-deflate; server_max_window_bits=9", ANSWER + "; server_max_window_bits=9"),
    ("permessage-deflate; server_max_window_bits=8", None),
    ("permessage-deflate; server_max_window_bits=8, permessage-deflate", ANSWER),
    ("x-other, permessage-deflate; unknown=1, permessage-deflate; client_no_context_takeover",
     ANSWER),
    ("permessage-deflate; server_max_window_bits=9\r\nSec-WebSocket-Extensions: permessage-deflate",
     ANSWER + "; server_max_window_bits=9"),
    ("x\r\nSec-WebSocket-Extensions: permessage-deflate", ANSWER),
    ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
    ("permessage-deflate; client_max_window_bits=\"16\"", None),
    ("permessage-deflate; x=\"", None),
    (";;;=,\"", None),
])
def test_an_offer_that_cannot_be_kept_to_is_declined_alone(server, offer, answer):
    """5.1, 7.1: an offer is declined, the handshake goes on."""
    with RawWs(server, "/echo", {"Sec-WebSocket-Extensions": offer}) as ws:
        assert ws.extensions == answer
        ws.send(frame(TEXT, LONG))
        first, _ = ws.frame_of(RSV1)
        assert bool(first & RSV1) == (answer is not None)
    wait_until(lambda: count(server, "upgrades") == (answer is not None), what="the count")


def test_deflate_off_declines_all(chatd):
    with Compressed(chatd(core={**CALM, "deflate": "off"}, only=ECHO)) as ws:
        assert ws.extensions is None
        ws.send(frame(TEXT, HELLO, rsv=RSV1))
        assert ws.is_refused(1002)


# --- messages ----------------------------------------------------------------------------------


def test_messages_are_compressed_both_ways(server, ws):
    ws.send(frame(TEXT, HELLO, rsv=RSV1))
    assert ws.message() == (False, "Hello")  # below deflate_min
    ws.send(frame(TEXT, deflated(LONG), rsv=RSV1))
    assert ws.message() == (True, LONG)
    ws.send(frame(BINARY, LONG))
    assert ws.message() == (True, LONG.encode())
    assert count(server, "messages", "in") == 2
    assert count(server, "plain_bytes", "in") == 5 + len(LONG)
    assert count(server, "compressed_bytes", "in") == len(HELLO) + len(deflated(LONG))
    assert count(server, "messages", "out") == 2
    assert count(server, "plain_bytes", "out") == 2 * len(LONG)
    assert 0 < count(server, "compressed_bytes", "out") < len(LONG)


def test_no_message_refers_to_the_one_before(ws):
    """7.1.1.1: the server does not take its context over. inflated() knows nothing of others."""
    for _ in range(5):
        ws.send(frame(TEXT, LONG))
        assert ws.message() == (True, LONG)


def test_what_does_not_get_smaller_goes_as_it_is(ws):
    noise = os.urandom(5000)
    ws.send(frame(BINARY, noise))
    assert ws.message() == (False, noise)


def test_deflate_min_and_deflate_level(chatd):
    server = chatd(core={**CALM, "deflate_min": "0", "deflate_level": "9"}, only=ECHO)
    with Compressed(server) as ws:
        for text in ("", "a" * 30, "Hello"):
            ws.send(frame(TEXT, text))
            assert ws.message() == (text == "a" * 30, text)


def test_compressed_fragments_with_controls_between(ws):
    """6.1: RSV1 on the first frame only; control frames are not compressed."""
    data = deflated(LONG)
    ws.send(frame(TEXT, data[:9], fin=False, rsv=RSV1) + frame(PING, "p") +
            frame(CONT, b"", fin=False) + frame(CONT, data[9:]))
    assert ws.frame() == (PONG, b"p")
    assert ws.message() == (True, LONG)
    ws.send(frame(TEXT, "a", fin=False) + frame(CONT, "b"))
    assert ws.message() == (False, "ab")


def test_compressed_messages_byte_by_byte_and_many_at_once(ws):
    for byte in frame(TEXT, deflated(LONG), rsv=RSV1):
        ws.send(bytes([byte]))
    assert ws.message() == (True, LONG)
    ws.send(b"".join(frame(TEXT, deflated(f"m{i}"), rsv=RSV1) for i in range(300)))
    assert [ws.message()[1] for _ in range(300)] == [f"m{i}" for i in range(300)]


def test_a_message_of_message_max_may_be_longer_on_the_wire(ws):
    noise = os.urandom(65536)
    data = deflated(noise, level=0)
    assert len(data) > 65536
    ws.send(frame(BINARY, data, rsv=RSV1))
    assert ws.message() == (False, noise)


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("data, code", [
    pytest.param(frame(PING, "x", rsv=RSV1), 1002, id="RSV1 on a ping"),
    pytest.param(frame(PONG, "x", rsv=RSV1), 1002, id="RSV1 on a pong"),
    pytest.param(frame(CLOSE, b"\x03\xe8", rsv=RSV1), 1002, id="RSV1 on a close"),
    pytest.param(frame(TEXT, HELLO[:3], fin=False, rsv=RSV1) + frame(CONT, HELLO[3:], rsv=RSV1),
                 1002, id="RSV1 on a continuation"),
    pytest.param(frame(TEXT, "a", fin=False) + frame(CONT, HELLO, rsv=RSV1), 1002,
                 id="RSV1 on a continuation only"),
    pytest.param(frame(TEXT, HELLO, rsv=0x20), 1002, id="RSV2"),
    pytest.param(frame(TEXT, HELLO, rsv=0x50), 1002, id="RSV1 and RSV3"),
    pytest.param(frame(TEXT, "Hello, plainly", rsv=RSV1), 1007, id="not compressed"),
    pytest.param(frame(TEXT, HELLO[:-1], rsv=RSV1), 1007, id="cut"),
    pytest.param(frame(TEXT, b"", rsv=RSV1), 1007, id="empty, without its byte"),
    pytest.param(frame(TEXT, b"\xf2\x00\x11\x00\x00", rsv=RSV1), 1007, id="a window that was kept"),
    pytest.param(frame(TEXT, zlib.compress(b"Hello"), rsv=RSV1), 1007, id="zlib's header"),
    pytest.param(frame(TEXT, deflated(b"a\xc3("), rsv=RSV1), 1007, id="not UTF-8"),
    pytest.param(frame(TEXT, deflated(b"a\xc3"), rsv=RSV1), 1007, id="ends inside a character"),
    pytest.param(frame(TEXT, deflated("a" * 65537), rsv=RSV1), 1009, id="a byte too long"),
    pytest.param(frame(TEXT, deflated("a" * 30_000_000), rsv=RSV1), 1009, id="a bomb"),
    pytest.param(frame(BINARY, b"x" * 80000, rsv=RSV1), 1009, id="too long on the wire"),
])
def test_it_closes_with(server, ws, data, code):
    ws.send(frame(TEXT, HELLO, rsv=RSV1))
    assert ws.message() == (False, "Hello")
    ws.send(data + frame(TEXT, "never seen"))
    assert ws.is_refused(code)
    assert server.metrics()["chatd_protocol_errors_total"] == 1
    is_bomb = code == 1009 and len(data) < 80000
    assert count(server, "too_big") == is_bomb
    with Compressed(server) as other:  # the state that all share is none the worse
        other.send(frame(TEXT, deflated(LONG), rsv=RSV1))
        assert other.message() == (True, LONG)


def test_a_close_is_never_compressed(ws):
    ws.send(close_frame(1000, b"r" * 120))
    assert ws.frame() == (CLOSE, b"\x03\xe8")


# --- clients of others, and many of them -------------------------------------------------------


@pytest.mark.parametrize("bits", [None, *range(9, 16)])
def test_the_library_websockets(server, bits):
    """It offers compression by itself; with bits it demands a window."""
    how = {} if bits is None else {"compression": None, "extensions": [
        ClientPerMessageDeflateFactory(server_max_window_bits=bits, client_max_window_bits=bits)]}

    async def scenario():
        async with websockets.connect(server.ws("/echo"), max_size=None, **how) as ws:
            messages = ["", "h\u00e9", LONG * 60, blob(40000).decode(), os.urandom(60000),
                        "\U0001f600" * 1000, b"x" * 60000]
            for message in messages * 2:
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(["frag", "ment", "ed"])
            assert await ws.recv() == "fragmented"
            assert [e.name for e in ws.extensions] == ["permessage-deflate"]
    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert count(server, "messages", "in") == 15
    assert count(server, "messages", "out") >= 6


TALK = {**CALM, "message_max": "1m", "write_timeout": "10m", "ping_interval": "10m",
        "queue_soft": "32m", "queue_hard": "64m"}


def chat(chatd, **core):
    return chatd(core={**TALK, **core},
                 sections=with_secret(rooms={"text_max": "64k", "history_on_join": "0"}))


def joined(server, user, bits=None, **options):
    """A classic socket in `general`: plain, or with a window."""
    if bits is None:
        return Plain(server, headers=cookie(user), **options)
    return Compressed(server, "/ws", f"{OFFER}; server_max_window_bits={bits}", cookie(user), bits,
                      **options)


class Plain(RawWs):
    def message(self):
        return False, self.text()


def test_a_slow_reader_and_readers_of_all_kinds_get_the_same(chatd):
    """One encode, many readers: two compressions a message, whoever reads and however slowly."""
    server = chat(chatd)
    texts = [f"{i} " + blob(40000).decode() for i in range(60)]
    with joined(server, "alice") as alice, joined(server, "bob", 15) as bob, \
            joined(server, "carol", 9) as carol, joined(server, "dave", 15) as dave, \
            joined(server, "slow", 15, receive_buffer=4096) as slow, \
            joined(server, "slower", 9, receive_buffer=4096) as slower, \
            joined(server, "slowest", receive_buffer=4096) as slowest:
        def hear(ws, text):
            was_compressed, got = ws.message()
            assert json.loads(got)["text"] == text
            assert was_compressed == isinstance(ws, Compressed)
        for text in texts:
            alice.send(frame(TEXT, json.dumps({"text": text})))
            for ws in (alice, bob, carol, dave):
                hear(ws, text)
        assert count(server, "messages", "out") == 2 * len(texts)
        assert server.metrics()["chatd_queue_bytes"] > 0  # the slow ones are behind
        for text in texts:
            for ws in (slow, slower, slowest):
                hear(ws, text)
        assert server.metrics()["chatd_too_slow_total"] == 0


def test_short_messages_are_compressed_once_for_all_windows(chatd):
    server = chat(chatd, deflate_min="0")
    with joined(server, "alice") as alice:
        others = [joined(server, f"u{bits}", bits) for bits in range(9, 16)]
        for i in range(20):
            alice.send(frame(TEXT, json.dumps({"text": f"{i} " + "ha" * 40})))
            for ws in (alice, *others):
                was_compressed, got = ws.message()
                assert json.loads(got)["text"] == f"{i} " + "ha" * 40
                assert was_compressed == (ws is not alice)
        assert count(server, "messages", "out") == 20
        for ws in others:
            ws.close()
