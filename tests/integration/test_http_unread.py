# SPDX-License-Identifier: MIT
"""Answers that the client does not take, and requests that the server has not come to: who waits for whom."""
import contextlib
import os
import signal
import socket
import time

import pytest
import requests
from raw_ws import CALM, Raw
from server import wait_until

GET = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"
LARGE = b"x" * (16 * 1024 * 1024)


@pytest.fixture
def start(chatd, tmp_path):
    """A server with /large.txt, of which the kernel holds only a part."""
    (tmp_path / "index.html").write_text("<!doctype html><title>test</title>")
    (tmp_path / "large.txt").write_bytes(LARGE)

    def run(**core):
        return chatd(core={**CALM, **core}, sections={"static": {"root": str(tmp_path), "file_max": "32m"}})
    return run


def ask_and_wait(server, stack):
    """A client that asks for it and takes nothing. What the kernel takes has been written when its first byte is there."""
    raw = stack.enter_context(Raw(server, receive_buffer=4096))
    raw.send(GET % b"/large.txt")
    assert raw.sock.recv(1, socket.MSG_PEEK)
    return raw


def alive(server):
    with contextlib.suppress(requests.RequestException):
        return requests.get(server.http + "/livez").status_code == 200
    return False


def test_clients_that_take_no_answer_keep_nobody_out(start):
    server = start(max_http_connections="3")
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            ask_and_wait(server, stack)
        wait_until(lambda: alive(server), what="room")
        assert server.metrics()["chatd_http_made_room_total"] >= 1


def test_an_answer_that_is_not_taken_ends(start):
    server = start(write_timeout="1s")
    with contextlib.ExitStack() as stack:
        raw = ask_and_wait(server, stack)
        wait_until(lambda: server.metrics()["chatd_http_timeouts_total"] >= 1, what="the end")
        wait_until(lambda: server.metrics()["chatd_http_connections"] <= 1, what="its connection to be freed")
        assert len(raw.rest()) < len(LARGE)


def test_who_takes_an_answer_slowly_gets_all_of_it(start):
    """For longer than write_timeout, and faster than the least."""
    server = start(write_timeout="2s")
    parts = []
    with Raw(server, receive_buffer=65536) as raw:
        began = time.monotonic()
        raw.send(b"GET /large.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        while not parts or parts[-1]:
            parts.append(raw.sock.recv(65536))
            if time.monotonic() - began < 3.5:
                time.sleep(0.2)  # at most a piece in a fifth of a second
    assert b"".join(parts).endswith(b"\r\n\r\n" + LARGE)
    assert server.metrics()["chatd_http_timeouts_total"] == 0


def test_a_crowd_that_asks_at_once_is_answered(chatd):
    """More than max_http_connections: each has an answer, if only that there is no room."""
    server = chatd(core={**CALM, "max_http_connections": "60"}, only={"static": "off"})
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        with contextlib.ExitStack() as stack:
            crowd = [stack.enter_context(Raw(server)) for _ in range(200)]
            for raw in crowd:
                raw.send(GET % b"/livez")
            os.kill(server.process.pid, signal.SIGCONT)
            statuses = [raw.reply().status for raw in crowd]
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert set(statuses) <= {200, 503} and statuses.count(200) >= 60, statuses
