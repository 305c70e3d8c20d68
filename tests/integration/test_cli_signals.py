# SPDX-License-Identifier: MIT
"""How a running server ends, and what its signals do."""
import os
import signal
import socket
import subprocess
import time

import pytest
import requests
from chat import ALL_OFF, AUTH, classic, v1
from raw_ws import signed
from server import DEADLINE, wait_until

ROOMS = {**ALL_OFF, "rooms": "on"}


@pytest.mark.parametrize("sig, word", [(signal.SIGTERM, "terminate"), (signal.SIGINT, "interrupt")])
def test_a_signal_closes_clients_with_1001_and_ends_with_0(chatd, sig, word):
    server = chatd(only=ROOMS)
    with classic(server) as a, v1(server) as b:
        server.process.send_signal(sig)
        assert (a.close_code(), b.close_code()) == (1001, 1001)
        assert server.process.wait(timeout=DEADLINE) == 0
    assert f"{word}: stopping, clients have 5000 ms" in server.log
    assert server.log.endswith("core: stopped\n")


def deaf(server):
    """A WebSocket that never answers a close; the socket is the caller's to close."""
    sock = server.connect()
    sock.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 b"Sec-WebSocket-Protocol: chatd.v1\r\n\r\n")
    assert sock.recv(4096).startswith(b"HTTP/1.1 101")
    return sock


def test_a_client_that_does_not_answer_costs_half_of_the_stop_time_at_most(chatd):
    server = chatd(core={"stop_time": "2s", "close_timeout": "60s"}, only=ALL_OFF)
    with deaf(server):
        began = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - began
    assert 0.9 <= took < 10


def test_a_second_signal_ends_it_at_once(chatd):
    server = chatd(core={"stop_time": "10m", "close_timeout": "60s"}, only=ALL_OFF)
    with deaf(server):
        server.process.send_signal(signal.SIGINT)
        server.wait_log("interrupt: stopping, clients have 300000 ms")
        assert server.process.poll() is None
        assert server.stop(signal.SIGINT) == 0


def test_a_stopping_server_takes_no_new_connection(chatd):
    server = chatd(core={"stop_time": "10m", "close_timeout": "60s"}, only=ALL_OFF)
    with deaf(server):
        server.process.send_signal(signal.SIGTERM)

        def refused():
            try:
                socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_until(refused, what="a closed port")
        assert server.process.poll() is None
        server.stop(signal.SIGTERM)


def test_a_message_that_was_acknowledged_survives_a_stop(chatd):
    server = chatd(sections={"auth": AUTH})
    with classic(server, signed("alice")) as client:
        for i in range(20):
            client.say(f"message {i}")
            client.hears(f"message {i}")
    server.stop()
    server.start()
    with classic(server, signed("alice")) as client:
        assert [client.recv()["text"] for _ in range(20)] == [f"message {i}" for i in range(20)]


def test_a_hangup_is_no_end(chatd):
    server = chatd(only=ALL_OFF)
    server.process.send_signal(signal.SIGHUP)
    server.wait_log("info  core: reload: done")
    assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


def test_one_process_does_not_roll_and_does_not_end(chatd):
    server = chatd(only=ALL_OFF).expect("one process cannot take its own place")
    server.process.send_signal(signal.SIGUSR2)
    server.wait_log("warn  core: roll: one process cannot take its own place")
    assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


def test_a_killed_server_starts_again_with_what_it_had(chatd):
    server = chatd(sections={"auth": AUTH})
    with classic(server, signed("alice")) as client:
        client.say("before")
        client.hears("before")
        server.stop(signal.SIGKILL)
    server.start()
    with classic(server, signed("alice")) as client:
        assert client.recv()["text"] == "before"


def test_a_closed_stderr_does_not_end_it(chatd, tmp_path):
    server = chatd(only=ALL_OFF)
    reader, writer = os.pipe()
    env = {**server.env, "CHATD_LISTEN": "127.0.0.1:0"}
    other = subprocess.Popen([f"/proc/{server.process.pid}/exe", "-c", str(server.ini)],
                             stderr=writer, env=env, cwd=tmp_path)
    os.close(writer)
    try:
        text = b""
        while b"listens on" not in text:
            text += os.read(reader, 4096)
        os.close(reader)
        other.send_signal(signal.SIGTERM)  # its last lines have no reader
        assert other.wait(timeout=DEADLINE) == 0
    finally:
        if other.poll() is None:
            other.kill()
