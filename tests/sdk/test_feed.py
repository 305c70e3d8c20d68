# SPDX-License-Identifier: MIT
"""The example feed, one file for every chatd from 0.1 on: in today's, and in one whose table of functions ends where
that of 0.1 ended (tests/sdk/older)."""
import json

import pytest
import requests
from chat import ALL_OFF, AUTH, Client, does_not_start, example, sign_up, v1
from minors import OLDER_CHATD
from raw_ws import BINARY, CLOSE, TEXT, RawWs
from server import DEADLINE, Server

# Little is kept for one that does not read.
TIGHT = {"queue_hard": "8k", "queue_soft": "4k", "unsent_max": "16k", "deflate": "off", "close_timeout": "60s"}
POSTS = 2000  # of 4000 bytes are more than any kernel keeps for the slow one
OLDER = {"program": OLDER_CHATD, "env": {"OLDER_MINOR": "1"}}


def post(server, body, session=requests, **options):
    return session.post(server.http + "/feed/posts", data=body, timeout=DEADLINE, **options)


def post_until(server, quick, counter):
    """Numbered posts, each of which the quick one hears, until the counter moves; returns how many."""
    with requests.Session() as session:
        for n in range(1, POSTS + 1):
            assert post(server, b"%08d" % n + b"." * 3992, session).status_code == 202
            opcode, data = quick.data()
            assert (opcode, int(data[:8])) == (BINARY, n)
            if n % 10 == 0 and server.metrics()[counter] > 0:
                return n
    raise AssertionError(f"{counter} did not move with {POSTS} posts")


def test_feed_passes_posts_on_to_all_who_listen(chatd):
    server = chatd(only={**ALL_OFF, **example("feed")})
    with Client(server.ws("/feed")) as one, Client(server.ws("/feed")) as two:
        one.send("nobody reads this")
        answer = post(server, b"first \xff")
        assert (answer.status_code, answer.json()) == (202, {"n": 1, "listeners": 2})
        assert one.recv() == two.recv() == b"first \xff"
        assert post(server, b"x" * 4097).status_code == 413
    with v1(server) as client:
        assert client.hello["limits"]["feed_bytes"] == 4096


def test_feed_is_written_by_those_who_signed_in(chatd):
    server = chatd(only={**ALL_OFF, "auth": "on", **example("memory-store"), **example("feed")}, sections={"auth": AUTH})
    server.expect("memory of each worker")
    token = sign_up(server, "alice")
    with Client(server.ws("/feed")) as stranger:
        assert post(server, b"anybody").status_code == 401
        assert post(server, b"alice", cookies={"token": token}).status_code == 202
        assert stranger.recv() == b"alice"


def test_a_slow_listener_is_told_what_it_missed(chatd):
    server = chatd(core=TIGHT, only={**ALL_OFF, **example("feed")})
    with RawWs(server, "/feed") as quick, RawWs(server, "/feed", receive_buffer=4096) as slow:
        n = post_until(server, quick, "chatd_skipped_total")
        accounted = []
        told = 0
        while len(accounted) < n:
            opcode, data = slow.data()
            if opcode == TEXT:
                gap = json.loads(data)["missed"]
                accounted += range(gap["from"], gap["to"] + 1)
                told += 1
            else:
                accounted.append(int(data[:8]))
        assert accounted == list(range(1, n + 1)) and told > 0
        assert post(server, b"%08d" % (n + 1)).json() == {"n": n + 1, "listeners": 2}
        assert slow.data() == quick.data() == (BINARY, b"%08d" % (n + 1))
        assert server.metrics()["chatd_too_slow_total"] == 0


# -- in an older chatd ----------------------------------------------------------------------------


def test_in_a_chatd_of_0_1_a_slow_listener_is_closed(chatd):
    server = chatd(core=TIGHT, only={**ALL_OFF, **example("feed")}, **OLDER)
    with RawWs(server, "/feed") as quick, RawWs(server, "/feed", receive_buffer=4096) as slow:
        n = post_until(server, quick, "chatd_too_slow_total")
        heard = []
        while True:
            opcode, data = slow.data()
            if opcode == CLOSE:
                break
            heard.append(int(data[:8]))
        assert int.from_bytes(data[:2], "big") == 4001
        assert heard == list(range(1, len(heard) + 1)) and len(heard) < n
        assert post(server, b"%08d" % (n + 1)).json()["n"] == n + 1
        assert quick.data() == (BINARY, b"%08d" % (n + 1))
        assert server.metrics()["chatd_skipped_total"] == 0
    with v1(server) as client:
        assert "feed_bytes" not in client.hello["limits"]


@pytest.mark.parametrize("name", ["hello", "dice"])
def test_a_chatd_of_0_1_refuses_what_did_not_say_that_0_1_is_enough(tmp_path, name):
    server = Server(tmp_path / "chatd", only={**ALL_OFF, **example(name)}, **OLDER)
    does_not_start(server)
    assert f"{name}.so needs at least ABI 0.4, chatd has 0.1: use a newer chatd" in server.log
