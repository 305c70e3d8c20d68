# SPDX-License-Identifier: MIT
"""What a WebSocket server has to do, case by case: what is sent to an echo, and what must come back.

The numbers are those that the Autobahn test suite gave its sections and groups: 1 framing, 2 pings and pongs, 3 reserved
bits, 4 opcodes, 5 fragmentation, 6 UTF-8, 7 closing, 9 large and many, 10 other. Each names the section of RFC 6455
that it is about. 12 and 13 are in deflate_cases.py.
"""
import dataclasses

from raw_ws import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, frame

MEGABYTE = 1 << 20


@dataclasses.dataclass
class Case:
    number: str
    section: str  # of RFC 6455
    title: str
    send: bytes
    answers: list = dataclasses.field(default_factory=list)  # (opcode, payload), in this order
    closes: int = None  # the code that the server closes with after them; None: it lives on
    chop: int = 0  # bytes of each write; 0: all at once
    rfc: str = "6455"
    offer: str = None  # Sec-WebSocket-Extensions; the answers are given as they are inflated
    bits: int = 15  # the window that the server was told to keep to

    @property
    def key(self):
        return tuple(int(part) for part in self.number.split("."))


CASES = []


def case(number, section, title, send, answers=(), closes=None, chop=0):
    CASES.append(Case(number, section, title, send, list(answers), closes, chop))


def cases(group, section, rows):
    """Rows of (title, send, answers, closes) become GROUP.1, GROUP.2, ..."""
    for n, row in enumerate(rows, 1):
        case(f"{group}.{n}", section, *row)


def text_of(n):
    return b"*" * n


def bytes_of(n):
    return bytes(range(256)) * (n // 256) + bytes(range(n % 256))


def cut(opcode, payload, size, between=b""):
    """A message in frames of `size` bytes, with `between` after each but the last."""
    parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
    frames = [frame(opcode if at == 0 else CONT, part, fin=at == len(parts) - 1) for at, part in enumerate(parts)]
    return between.join(frames)


# -- 1 framing ------------------------------------------------------------------------------------

for group, opcode, make in (("1.1", TEXT, text_of), ("1.2", BINARY, bytes_of)):
    kind = "text" if opcode == TEXT else "binary"
    for n, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
        case(f"{group}.{n}", "5.2", f"{kind} of {size} bytes", frame(opcode, make(size)), [(opcode, make(size))])
    case(f"{group}.8", "5.2", f"{kind} of 65536 bytes in writes of 997", frame(opcode, make(65536)),
         [(opcode, make(65536))], chop=997)
for n, (form, size) in enumerate(((16, 0), (16, 125), (64, 126), (64, 65535)), 1):
    case(f"1.3.{n}", "5.2", f"{size} bytes with a length of {form} bits: not the minimal number of bytes",
         frame(BINARY, bytes_of(size), length_form=form), closes=1002)
case("1.3.5", "5.2", "a length whose most significant bit is 1", b"\x82\xff\x80" + b"\0" * 7 + b"mask", closes=1002)
for n, opcode in enumerate((TEXT, BINARY, PING, CLOSE), 1):
    case(f"1.4.{n}", "5.1", f"opcode {opcode} without a mask", frame(opcode, b"", mask=None), closes=1002)

# -- 2 pings and pongs ----------------------------------------------------------------------------

case("2.1", "5.5.2", "a ping without payload", frame(PING), [(PONG, b"")])
case("2.2", "5.5.3", "a ping with text", frame(PING, b"Hello, world!"), [(PONG, b"Hello, world!")])
case("2.3", "5.5.3", "a ping with bytes that are no UTF-8", frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
     [(PONG, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")])
case("2.4", "5.5", "a ping of 125 bytes", frame(PING, b"\xfe" * 125), [(PONG, b"\xfe" * 125)])
case("2.5", "5.5", "a ping of 126 bytes", frame(PING, b"\xfe" * 126), closes=1002)
case("2.6", "5.5", "a ping of 125 bytes in writes of 1", frame(PING, b"\xfe" * 125), [(PONG, b"\xfe" * 125)], chop=1)
case("2.7", "5.5.3", "a pong that nobody asked for", frame(PONG))
case("2.8", "5.5.3", "a pong that nobody asked for, with a payload", frame(PONG, b"unsolicited"))
case("2.9", "5.5.3", "such a pong, and a ping", frame(PONG, b"unsolicited") + frame(PING, b"ping"), [(PONG, b"ping")])
case("2.10", "5.5.3", "10 pings", b"".join(frame(PING, b"ping %d" % i) for i in range(10)),
     [(PONG, b"ping %d" % i) for i in range(10)])
case("2.11", "5.5.3", "10 pings in writes of 1", b"".join(frame(PING, b"ping %d" % i) for i in range(10)),
     [(PONG, b"ping %d" % i) for i in range(10)], chop=1)

# -- 3 reserved bits ------------------------------------------------------------------------------

HELLO = (TEXT, b"Hello, world!")
case("3.1", "5.2", "RSV3 on a text", frame(TEXT, b"", rsv=0x10), closes=1002)
case("3.2", "5.2", "a text, then RSV2, then a ping",
     frame(*HELLO) + frame(*HELLO, rsv=0x20) + frame(PING), [HELLO], 1002)
case("3.3", "5.2", "the same with RSV2 and RSV3, in three writes",
     frame(*HELLO) + frame(*HELLO, rsv=0x30) + frame(PING), [HELLO], 1002, chop=len(frame(*HELLO)))
case("3.4", "5.2", "the same with RSV1, in writes of 1",
     frame(*HELLO) + frame(*HELLO, rsv=0x40) + frame(PING), [HELLO], 1002, chop=1)
case("3.5", "5.2", "RSV1 and RSV3 on a binary", frame(BINARY, b"\x00\xff", rsv=0x50), closes=1002)
case("3.6", "5.2", "RSV1 and RSV2 on a ping", frame(PING, b"x", rsv=0x60), closes=1002)
case("3.7", "5.2", "all three on a close", frame(CLOSE, b"", rsv=0x70), closes=1002)

# -- 4 opcodes ------------------------------------------------------------------------------------

for group, kind, first in (("4.1", "data", 3), ("4.2", "control", 11)):
    case(f"{group}.1", "5.2", f"{kind} opcode {first}", frame(first), closes=1002)
    case(f"{group}.2", "5.2", f"{kind} opcode {first + 1} with a payload", frame(first + 1, b"reserved"), closes=1002)
    case(f"{group}.3", "5.2", f"a text, then {kind} opcode {first + 2}, then a ping",
         frame(*HELLO) + frame(first + 2) + frame(PING), [HELLO], 1002)
    case(f"{group}.4", "5.2", f"a text, then {kind} opcode {first + 3} with a payload, then a ping",
         frame(*HELLO) + frame(first + 3, b"reserved") + frame(PING), [HELLO], 1002)
    case(f"{group}.5", "5.2", f"a text, then {kind} opcode {first + 4} in writes of 1",
         frame(*HELLO) + frame(first + 4, b"reserved") + frame(PING), [HELLO], 1002, chop=1)

# -- 5 fragmentation ------------------------------------------------------------------------------

WHOLE = (TEXT, b"fragment1fragment2")
ONE, TWO = frame(TEXT, b"fragment1", fin=False), frame(CONT, b"fragment2")
case("5.1", "5.5", "a ping in two fragments", frame(PING, b"a", fin=False) + frame(CONT, b"b"), closes=1002)
case("5.2", "5.5", "a pong in two fragments", frame(PONG, b"a", fin=False) + frame(CONT, b"b"), closes=1002)
case("5.3", "5.4", "a text in two fragments", ONE + TWO, [WHOLE])
case("5.4", "5.4", "the same, a frame a write", ONE + TWO, [WHOLE], chop=len(ONE))
case("5.5", "5.4", "the same in writes of 1", ONE + TWO, [WHOLE], chop=1)
case("5.6", "5.4", "a ping between the two", ONE + frame(PING, b"ping") + TWO, [(PONG, b"ping"), WHOLE])
case("5.7", "5.4", "the same, a frame a write", ONE + frame(PING, b"ping") + TWO, [(PONG, b"ping"), WHOLE],
     chop=len(ONE))
case("5.8", "5.4", "the same in writes of 1", ONE + frame(PING, b"ping") + TWO, [(PONG, b"ping"), WHOLE], chop=1)
for n, (fin, chop) in enumerate(((True, 0), (True, 40), (True, 1), (False, 0), (False, 40), (False, 1)), 9):
    case(f"5.{n}", "5.4", f"nothing to continue, FIN {int(fin)}, in writes of {chop or 'all'}",
         frame(CONT, b"non-continuation payload", fin=fin) + frame(*HELLO), closes=1002, chop=chop)
case("5.15", "5.4", "a text in two, then nothing to continue, then a text in one",
     ONE + TWO + frame(CONT, b"fragment3", fin=False) + frame(TEXT, b"fragment4"), [WHOLE], 1002)
case("5.16", "5.4", "twice a continuation without FIN, then a text", 2 * (frame(CONT, b"a", fin=False) +
     frame(TEXT, b"b", fin=False) + frame(CONT, b"c")), closes=1002)
case("5.17", "5.4", "twice a continuation with FIN, then a text", 2 * (frame(CONT, b"a") +
     frame(TEXT, b"b", fin=False) + frame(CONT, b"c")), closes=1002)
case("5.18", "5.4", "a text inside a text", ONE + frame(TEXT, b"fragment2"), closes=1002)
MANY = [frame(TEXT if i == 1 else CONT, b"fragment%d" % i, fin=i == 5) for i in range(1, 6)]
FIVE = (TEXT, b"".join(b"fragment%d" % i for i in range(1, 6)))
case("5.19", "5.4", "five fragments, pings after the second and the fourth",
     b"".join([*MANY[:2], frame(PING, b"one"), *MANY[2:4], frame(PING, b"two"), MANY[4]]),
     [(PONG, b"one"), (PONG, b"two"), FIVE])
case("5.20", "5.4", "the same in writes of 1",
     b"".join([*MANY[:2], frame(PING, b"one"), *MANY[2:4], frame(PING, b"two"), MANY[4]]),
     [(PONG, b"one"), (PONG, b"two"), FIVE], chop=1)
case("5.21", "5.4", "fragments without payload, the first and the last of them",
     frame(TEXT, b"", fin=False) + frame(CONT, b"middle", fin=False) + frame(CONT, b""), [(TEXT, b"middle")])
case("5.22", "5.4", "a close inside a text in fragments", ONE + close_frame(1000), closes=1000)

# -- 6 UTF-8 --------------------------------------------------------------------------------------

WORD = "Hello-µ@ßöäüàá-UTF-8!!".encode()
cases("6.1", "5.6", [
    ("an empty text", frame(TEXT), [(TEXT, b"")], None),
    ("three empty fragments", frame(TEXT, fin=False) + frame(CONT, fin=False) + frame(CONT),
     [(TEXT, b"")], None),
    ("a text between two empty fragments", frame(TEXT, fin=False) + frame(CONT, b"middle", fin=False) + frame(CONT),
     [(TEXT, b"middle")], None)])
cases("6.2", "5.6", [
    ("valid, in one", frame(TEXT, WORD), [(TEXT, WORD)], None),
    ("valid, cut between characters", cut(TEXT, WORD, 6), [(TEXT, WORD)], None),
    ("valid, a byte a fragment", cut(TEXT, WORD, 1), [(TEXT, WORD)], None),
    ("valid, cut within a character", cut(TEXT, "κόσμε".encode(), 1), [(TEXT, "κόσμε".encode())], None)])
BROKEN = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
cases("6.3", "8.1", [
    ("a surrogate, in one", frame(TEXT, BROKEN), [], 1007),
    ("a surrogate, a byte a fragment", cut(TEXT, BROKEN, 1), [], 1007)])
# What comes before the fault is a whole frame, or a part of one; the rest never comes.
cases("6.4", "8.1", [
    ("refused at the fragment it is in", frame(TEXT, b"\xce\xba", fin=False) + frame(CONT, b"\xf4\x90", fin=False),
     [], 1007),
    ("refused at its first impossible byte", frame(TEXT, b"\xf4\x90", fin=False), [], 1007),
    ("refused within its frame", frame(TEXT, b"\xce\xba\xf4\x90\x80\x80" + b"x" * 100)[:20], [], 1007),
    ("refused within its frame, in writes of 1", frame(TEXT, b"\xce\xba\xf4\x90\x80\x80" + b"x" * 100)[:20], [], 1007)])
CASES[-1].chop = 1

GOOD = {
    "6.5": ["\u03ba\u1f79\u03c3\u03bc\u03b5", "\u0000", "\u0080", "\u0800", "\U00010000"],
    "6.7": ["\u007f", "\u07ff", "\uffff", "\U0010ffff"],
    "6.9": ["\ud7ff", "\ue000", "\ufffd", "\U0010ffff"],
    # Noncharacters are characters to a protocol.
    "6.22": [chr(plane << 16 | low) for plane in range(17) for low in (0xfffe, 0xffff)],
    "6.23": ["\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufeff", "\u2028"],
}
for group, words in GOOD.items():
    cases(group, "5.6", [(f"good: {word.encode().hex()}", frame(TEXT, word.encode()), [(TEXT, word.encode())], None)
                         for word in words])
BAD = {
    "6.6": (b"\xce", b"\xce\xba\xe1", b"\xce\xba\xe1\xbd", b"\xe1\xbd\xb9\xcf", b"\xf0\x90\x80"),
    "6.8": (b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"),  # five and six bytes
    "6.10": (b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"),
    "6.11": (b"\xf4\x90\x80\x80",),  # beyond U+10FFFF
    "6.12": (b"\x80", b"\xbf", b"\x80\xbf", b"\x80\xbf\x80\xbf\x80\xbf", bytes(range(0x80, 0xc0))),  # unexpected
    "6.13": tuple(b" ".join(bytes([byte]) for byte in r) for r in (
        range(0xc0, 0xe0), range(0xe0, 0xf0), range(0xf0, 0xf8), range(0xf8, 0xfc), range(0xfc, 0xfe))),  # lonely
    "6.14": (b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf"),  # a byte is missing
    "6.16": (b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"),
    "6.17": (b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf"),  # "/", too long
    "6.18": (b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf"),
    "6.19": (b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80"),  # NUL, too long
    "6.20": tuple(bytes.fromhex(word) for word in
                  ("eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf")),  # surrogates
    "6.21": tuple(bytes.fromhex(word) for word in ("eda080edb080", "eda080edbfbf", "edadbfedb080", "edafbfedbfbf")),
}
for group, words in BAD.items():
    cases(group, "8.1", [(f"bad: {word.hex()}", frame(TEXT, word), [], 1007) for word in words])

# -- 7 closing ------------------------------------------------------------------------------------

cases("7.1", "5.5.1", [
    ("a text, then a close", frame(*HELLO) + close_frame(1000), [HELLO], 1000),
    ("two closes", close_frame(1000) + close_frame(1000), [], 1000),
    ("a ping after a close", close_frame(1000) + frame(PING), [], 1000),
    ("a text after a close", close_frame(1000) + frame(*HELLO), [], 1000),
    ("a text in fragments, of which the last is after a close", ONE + close_frame(1000) + TWO, [], 1000),
    ("a large text, then a close and a ping", frame(TEXT, text_of(262144)) + frame(*HELLO) + close_frame(1000) +
     frame(PING), [(TEXT, text_of(262144)), HELLO], 1000)])
cases("7.3", "5.5.1", [
    ("a close without payload", frame(CLOSE), [], 1005),
    ("a close with 1 byte", frame(CLOSE, b"\x03"), [], 1002),
    ("a close with a code", close_frame(1000), [], 1000),
    ("a close with code and reason", close_frame(1000, b"Hello, world!"), [], 1000),
    ("a reason of 123 bytes", close_frame(1000, text_of(123)), [], 1000),
    ("a reason of 124 bytes", close_frame(1000, text_of(124)), [], 1002)])
case("7.5.1", "8.1", "a reason that is no UTF-8", close_frame(1000, BROKEN), closes=1007)
cases("7.7", "7.4.1", [(f"close {code}", close_frame(code), [], code) for code in (
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)])
cases("7.9", "7.4.1", [(f"close {code}, which none may send", close_frame(code), [], 1002) for code in (
    0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999)])
cases("7.13", "7.4.2", [(f"close {code}, out of range", close_frame(code), [], 1002) for code in (5000, 65535)])

# -- 9 large and many -----------------------------------------------------------------------------

for group, opcode, make in (("9.1", TEXT, text_of), ("9.2", BINARY, bytes_of)):
    for n, size in enumerate((65536, 262144, MEGABYTE, 4 * MEGABYTE, 8 * MEGABYTE, 16 * MEGABYTE), 1):
        case(f"{group}.{n}", "5.2", f"{size // 1024} KiB in one frame", frame(opcode, make(size)), [(opcode, make(size))])
for group, opcode, make in (("9.3", TEXT, text_of), ("9.4", BINARY, bytes_of)):
    for n, size in enumerate((64, 256, 1024, 4096, 16384, 65536, 262144, MEGABYTE, 4 * MEGABYTE), 1):
        case(f"{group}.{n}", "5.4", f"4 MiB in fragments of {size} bytes", cut(opcode, make(4 * MEGABYTE), size),
             [(opcode, make(4 * MEGABYTE))])
for group, opcode, make in (("9.5", TEXT, text_of), ("9.6", BINARY, bytes_of)):
    for n, size in enumerate((64, 128, 256, 512, 1024, 2048), 1):
        case(f"{group}.{n}", "5.2", f"1 MiB in writes of {size} bytes", frame(opcode, make(MEGABYTE)),
             [(opcode, make(MEGABYTE))], chop=size)
for group, opcode, make in (("9.7", TEXT, text_of), ("9.8", BINARY, bytes_of)):
    for n, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
        case(f"{group}.{n}", "5.2", f"1000 messages of {size} bytes", 1000 * frame(opcode, make(size)),
             1000 * [(opcode, make(size))])

# -- 10 other -------------------------------------------------------------------------------------

case("10.1.1", "5.4", "64 KiB in fragments of 1300 bytes", cut(TEXT, text_of(65536), 1300), [(TEXT, text_of(65536))])
