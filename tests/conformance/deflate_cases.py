# SPDX-License-Identifier: MIT
"""permessage-deflate (RFC 7692), numbered as the rest: 12 messages of several kinds and sizes, 13 terms of the handshake.

12.6 to 12.8 are rules of the RFC one by one.
"""
import json
import random
import zlib

from cases import Case, bytes_of
from raw_deflate import OFFER, RSV1, deflated
from raw_ws import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame

MESSAGES = 100
VOLUME = 1 << 20  # bytes of a case, at most
SIZES = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)
FRAGMENTS = (256, 1024, 4096, 32768)
WORDS = "the room is open and whoever has a key may come in to talk about what there is to say".split()
LETTERS = "\u03ba\u1f79\u03c3\u03bc\u03b5 \u00e4\u00f6\u00fc\u00df \U0001f600\u4f60\u597d "

CASES = []


def case(number, section, title, send, answers=(), closes=None, chop=0, **terms):
    terms.setdefault("offer", OFFER)
    CASES.append(Case(number, section, title, send, list(answers), closes, chop, rfc="7692", **terms))


def dice():
    """The same in every run."""
    return random.Random(7692)


def json_of(n):
    rows = json.dumps([{"id": i, "user": f"u{i % 7}", "text": WORDS[i % len(WORDS)]} for i in range(n // 40 + 1)])
    return rows[:n].encode()


def words_of(n):
    die = dice()
    return " ".join(die.choice(WORDS) for _ in range(n // 2))[:n].encode()


def utf8_of(n):
    data = (LETTERS * (n // 20 + 1)).encode()[:n]
    return data.decode(errors="ignore").encode().ljust(n, b" ")


def noise_of(n):
    return dice().randbytes(n)


def compressed(opcode, payload, size=None, bits=15):
    """A message in one frame, or in frames of `size` bytes: RSV1 is on the first only (6.1)."""
    data = deflated(payload, bits=bits)
    parts = [data[at:at + size] for at in range(0, len(data), size)] if size else [data]
    return b"".join(frame(opcode if at == 0 else CONT, part, fin=at == len(parts) - 1, rsv=0 if at else RSV1)
                    for at, part in enumerate(parts))


# -- 12 messages ----------------------------------------------------------------------------------

KINDS = [("JSON", TEXT, json_of), ("words", TEXT, words_of), ("UTF-8", TEXT, utf8_of),
         ("bytes in order", BINARY, bytes_of), ("noise", BINARY, noise_of)]
for group, (kind, opcode, make) in enumerate(KINDS, 1):
    for n, size in enumerate(SIZES, 1):
        many = min(MESSAGES, VOLUME // size)
        case(f"12.{group}.{n}", "7.2", f"{many} messages of {size} bytes: {kind}",
             many * compressed(opcode, make(size)), many * [(opcode, make(size))])
    for n, size in enumerate(FRAGMENTS, len(SIZES) + 1):
        case(f"12.{group}.{n}", "6.1", f"128 KiB in fragments of {size} bytes: {kind}",
             compressed(opcode, make(131072), size), [(opcode, make(131072))])
    case(f"12.{group}.{len(SIZES) + len(FRAGMENTS) + 1}", "7.2.2", f"1 KiB in writes of 1 byte: {kind}",
         compressed(opcode, make(1024)), [(opcode, make(1024))], chop=1)

HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"
GOOD = [(TEXT, b"Hello")]
for n, (section, title, data) in enumerate([
        ("7.2.3.1", "one block", HELLO),
        ("7.2.3.3", "a block without compression", b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
        ("7.2.3.4", "a block with BFINAL", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
        ("7.2.3.5", "two blocks", b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
        ("7.1.2.2", "made with a window of 512 bytes", deflated("Hello", bits=9))], 1):
    case(f"12.6.{n}", section, title, frame(TEXT, data, rsv=RSV1), GOOD)
case("12.6.6", "7.2.3.6", "an empty message", frame(TEXT, b"\x00", rsv=RSV1), [(TEXT, b"")])
case("12.6.7", "6.1", "messages with and without compression by turns",
     10 * (frame(TEXT, HELLO, rsv=RSV1) + frame(TEXT, "plain")), 10 * [*GOOD, (TEXT, b"plain")])
case("12.6.8", "6.1", "a ping between compressed fragments",
     frame(TEXT, HELLO[:3], fin=False, rsv=RSV1) + frame(PING, b"p") + frame(CONT, HELLO[3:]), [(PONG, b"p"), *GOOD])
case("12.6.9", "6.1", "fragments without payload around compressed ones",
     frame(TEXT, b"", fin=False, rsv=RSV1) + frame(CONT, HELLO, fin=False) + frame(CONT), GOOD)
case("12.6.10", "6.2", "a message that was not compressed, in fragments",
     frame(TEXT, "Hel", fin=False) + frame(CONT, "lo"), GOOD)

for n, (title, data) in enumerate([
        ("RSV1 on a ping", frame(PING, b"p", rsv=RSV1)), ("RSV1 on a pong", frame(PONG, b"p", rsv=RSV1)),
        ("RSV1 on a close", frame(CLOSE, b"\x03\xe8", rsv=RSV1)),
        ("RSV1 on a continuation", frame(TEXT, HELLO[:3], fin=False, rsv=RSV1) + frame(CONT, HELLO[3:], rsv=RSV1)),
        ("RSV1 on a continuation only", frame(TEXT, "a", fin=False) + frame(CONT, HELLO, rsv=RSV1)),
        ("RSV2, which nobody has agreed on", frame(TEXT, HELLO, rsv=0x20)),
        ("RSV1 and RSV3", frame(TEXT, HELLO, rsv=0x50))], 1):
    case(f"12.7.{n}", "6", title, frame(TEXT, HELLO, rsv=RSV1) + data, GOOD, 1002)

for n, (section, title, data) in enumerate([
        ("7.2.2", "a text that was not compressed, with RSV1", b"Hello, plainly"),
        ("7.2.2", "its last byte is missing", HELLO[:-1]), ("7.2.2", "no byte at all", b""),
        ("7.1.1.2", "it refers to a message before it", b"\xf2\x00\x11\x00\x00"),
        ("7.2.1", "with the header of zlib", zlib.compress(b"Hello")),
        ("7.2.2", "inflated it is no UTF-8", deflated(b"a\xc3("))], 1):
    case(f"12.8.{n}", section, title, frame(TEXT, HELLO, rsv=RSV1) + frame(TEXT, data, rsv=RSV1), GOOD, 1007)

# -- 13 terms of the handshake --------------------------------------------------------------------

TERMS = [  # (section, parameters of the offer, window of the server's messages, window of the client's)
    ("7.1", "", 15, 15), ("7.1.1.1", "; server_no_context_takeover", 15, 15),
    ("7.1.1.2", "; client_no_context_takeover", 15, 15), ("7.1.2.1", "; server_max_window_bits=9", 9, 15),
    ("7.1.2.1", "; server_max_window_bits=12; server_no_context_takeover", 12, 15),
    ("7.1.2.2", "; client_max_window_bits", 15, 15), ("7.1.2.2", "; client_max_window_bits=9", 15, 9)]
for group, (section, parameters, window, own) in enumerate(TERMS, 1):
    for n, size in enumerate((16, 256, 1024, 8192, 65536), 1):
        many = min(MESSAGES, VOLUME // size)
        case(f"13.{group}.{n}", section, f"{many} messages of {size} bytes, offer{parameters or ' without parameters'}",
             many * compressed(TEXT, words_of(size), bits=own), many * [(TEXT, words_of(size))],
             offer=OFFER + parameters, bits=window)
