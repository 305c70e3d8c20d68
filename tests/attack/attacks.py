# SPDX-License-Identifier: MIT
"""The attacks: what is poured, what it may cost in memory, and which counters have to show that a measure held."""
import dataclasses
import json
import zlib

from hoses import Hose
from raw_ws import BINARY, CONT, PING, TEXT, cookie, frame, upgrade_request

KIB, MIB = 1 << 10, 1 << 20

# What memory may be at most beside what there was before: of each connection its own, and so much for all.
WS_BYTES, HTTP_BYTES, ROOM_FOR_ALL = 6 * KIB, 24 * KIB, 48 * MIB
# Defaults of chatd.ini, two workers.
MAX_CONNECTIONS, MAX_HTTP, QUEUE_HARD, RING_BYTES = 10000, 2 * 2000, MIB, 64 * MIB


@dataclasses.dataclass
class Attack:
    name: str
    hoses: list
    counters: dict  # of /metrics: the least by which the attack raises it
    cap: int  # bytes
    core: dict = dataclasses.field(default_factory=dict)  # [chatd], beside its defaults
    sections: dict = dataclasses.field(default_factory=dict)
    seconds: int = 10
    expected: tuple = ()  # warnings in the log


def http(connections, held=0):
    return ROOM_FOR_ALL + connections * (HTTP_BYTES + held)


def sockets(connections, held=0):
    """`held`: bytes of each that wait for something."""
    return ROOM_FOR_ALL + MAX_HTTP * HTTP_BYTES + connections * (WS_BYTES + held)


def heads(user, n=20, path="/ws", **fields):
    """Upgrades of n users."""
    return [upgrade_request(path, {**cookie(f"{user}{i}"), **fields}) for i in range(n)]


def v1(user, n=20):
    return heads(user, n, **{"Sec-WebSocket-Protocol": "chatd.v1"})


def call(type, **arguments):
    return frame(TEXT, json.dumps({"type": type, **arguments}))


def posts(path, n, password):
    """Requests that differ in the name."""
    rows = []
    for i in range(n):
        body = json.dumps({"user": f"mallory{i}", "password": password}).encode()
        rows.append(b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body))
    return rows


def deflated(n):
    """A compressed message that grows to n bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(b" " * n) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate"}
SLOW_BODY = b"POST /login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
LONG_BODY = b"POST /login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
TOO_MANY, TIMEOUTS = "chatd_too_many_total", "chatd_http_timeouts_total"
LINED, HTTP_LINED = "chatd_lined_total", "chatd_http_lined_total"
MADE_ROOM, FULL = "chatd_http_made_room_total", "chatd_refused_full_total"


def limited(by):
    return f'chatd_auth_limited_total{{limit="{by}"}}'


def talk(room, bytes=200):
    return [call("message.send", id="1", room=room, text="x" * bytes)]


ATTACKS = [
    Attack("nobody attacks", [Hose(1)], {}, ROOM_FOR_ALL),
    # -- connections ----------------------------------------------------------------------------
    Attack("10,000 connections that say nothing", [Hose(2500, 4)], {MADE_ROOM: 1000}, http(MAX_HTTP)),
    Attack("10,000 WebSockets that say nothing", [Hose(2600, 4, heads=heads("silent"), upgrade=1)],
           {FULL: 1, "chatd_no_pong_total": 100}, sockets(MAX_CONNECTIONS), seconds=14,
           core={"ping_interval": "4s", "pong_timeout": "3s"}),
    Attack("upgrades begun and not finished",
           [Hose(2000, 2, heads=[upgrade_request("/ws", cookie("half"))[:-2]])],
           {TIMEOUTS: 100}, http(MAX_HTTP), seconds=13),
    Attack("answers that nobody reads",
           [Hose(1000, 2, heads=[b"GET /js/main.js HTTP/1.1\r\nHost: test\r\n\r\n" * 100], rcvbuf=2048, deaf=1)],
           {HTTP_LINED: 1000}, http(MAX_HTTP)),
    Attack("heads of a byte a second",
           [Hose(2000, 2, records=heads("slow"), chunk=1, rate=1)], {TIMEOUTS: 100}, http(MAX_HTTP), seconds=13),
    Attack("bodies of a byte a second",
           [Hose(2500, 2, heads=[SLOW_BODY], records=[b" " * 1000], chunk=1, rate=1)],
           {MADE_ROOM: 1}, http(MAX_HTTP)),
    Attack("bodies of a megabyte, without the last byte",
           [Hose(1000, 2, heads=[LONG_BODY], records=[b" " * 999999], once=1)],
           {"chatd_http_bad_requests_total": 1000}, http(MAX_HTTP)),
    # -- frames ---------------------------------------------------------------------------------
    Attack("frames of one byte",
           [Hose(100, 2, heads=heads("tiny"), records=[frame(TEXT, "1") * 200], upgrade=1, connect_rate=100)],
           {TOO_MANY: 100}, sockets(200)),
    Attack("TCP segments of one byte",
           [Hose(200, 2, heads=heads("bytes"), records=[frame(TEXT, "x" * 2000)], chunk=1, upgrade=1)],
           {}, sockets(400)),
    Attack("fragments without end",
           [Hose(100, 2, heads=heads("parts"), first=[frame(BINARY, b"", fin=False)],
                 records=[frame(CONT, "x", fin=False) * 200], upgrade=1, connect_rate=100)],
           {TOO_MANY: 100}, sockets(200)),
    Attack("pings",
           [Hose(100, 2, heads=heads("pings"), records=[frame(PING, "x" * 125) * 50], upgrade=1, connect_rate=100)],
           {TOO_MANY: 100}, sockets(200)),
    Attack("messages of 60 bytes that inflate to 64 KiB",
           [Hose(100, 2, heads=heads("bombs", **DEFLATE), connect_rate=100, upgrade=1,
                 records=[frame(TEXT, deflated(64 * KIB), rsv=0x40) * 20])],
           {LINED: 1000}, sockets(200, 2 * 64 * KIB)),
    Attack("messages of 64 KiB",
           [Hose(100, 2, heads=heads("large"), records=[frame(TEXT, " " * (64 * KIB))], upgrade=1)],
           {LINED: 1000}, sockets(200, 2 * 64 * KIB)),
    Attack("messages that inflate to 64 MiB",
           [Hose(100, 2, heads=heads("bombs", **DEFLATE), connect_rate=100, upgrade=1,
                 records=[frame(TEXT, deflated(64 * MIB), rsv=0x40)])],
           {"chatd_deflate_too_big_total": 100}, sockets(200, 64 * KIB)),
    Attack("halves of the largest message",
           [Hose(500, 4, heads=heads("halves"), records=[frame(TEXT, "x" * (64 * KIB))[:-1]], once=1, upgrade=1)],
           {}, sockets(2000, 64 * KIB)),
    # -- readers --------------------------------------------------------------------------------
    Attack("1,000 who read nothing in a busy room",
           [Hose(500, 2, heads=heads("deaf", path="/ws?room=busy"), upgrade=1, deaf=1, rcvbuf=4096),
            Hose(20, heads=v1("busy"), first=[call("room.join", id="0", room="busy")], upgrade=1, connect_rate=100,
                 records=talk("busy", 4000), rate=40)],
           {"chatd_too_slow_total": 500}, sockets(1000, 64 * KIB) + 2 * QUEUE_HARD + 2 * RING_BYTES),
    # -- accounts -------------------------------------------------------------------------------
    Attack("wrong passwords",
           [Hose(400, 2, sources=100, records=posts("/login", 2000, "wrong horse"), lockstep=1)],
           {limited("server"): 100}, http(800), sections={"auth": {"bcrypt_cost": "12"}}),
    Attack("registrations",
           [Hose(400, 2, sources=100, records=posts("/register", 2000, "correct horse"), lockstep=1)],
           {limited("server"): 100}, http(800), sections={"auth": {"bcrypt_cost": "12"}}),
    # -- talk -----------------------------------------------------------------------------------
    Attack("messages in another room",
           [Hose(50, heads=v1("other"), first=[call("room.join", id="0", room="other")], upgrade=1, connect_rate=50,
                 records=talk("other"), rate=500)],
           {"chatd_rate_limited_total": 1000}, sockets(50) + 2 * RING_BYTES),
    Attack("messages in the pair's own room",
           [Hose(10, heads=v1("own"), first=[call("room.join", id="0", room="pair")], upgrade=1, connect_rate=10,
                 records=talk("pair"), rate=500)],
           {"chatd_rate_limited_total": 500}, sockets(50) + 2 * RING_BYTES),
]
