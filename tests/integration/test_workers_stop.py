# SPDX-License-Identifier: MIT
"""A server of several processes starts, and stops, as one. More of the start: test_workers_start.py."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import pytest
import requests
from chat import ALL_OFF, classic, does_not_start, rogue, v1
from gate import Gate
from history_check import check
from raw_ws import signed
from redis_server import free_port
from server import CHATD, DEADLINE, Server, clean_env, is_chatd, wait_until
from transcript import Transcript

KEY = "s" * 40
ROOMS = {**ALL_OFF, "rooms": "on"}


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


def fails(folder, **options):
    """Starts a server that must end with 1; returns its log."""
    server = Server(folder, **options)
    does_not_start(server)
    return server.log


def is_free(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def gone(pids):
    wait_until(lambda: not any(is_chatd(pid) for pid in pids), what="the end of the processes")


# -- start ----------------------------------------------------------------------------------------


def test_the_line_that_says_where_comes_when_all_serve(chatd, workers):
    server = chatd(workers=workers, only=ROOMS)
    word = "1 worker," if workers == 1 else f"{workers} workers,"
    assert re.search(rf"listens on http://127\.0\.0\.1:\d+ \(instance [0-9a-f]{{16}}, {word} "
                     rf"pid {server.process.pid}\)", server.log)
    assert server.metrics()["chatd_workers"] == workers


@pytest.mark.parametrize("first", [0, 2])
def test_a_second_chatd_does_not_share_the_port(chatd, tmp_path, workers, first):
    """SO_REUSEPORT alone would let it in, and it would get its share of the clients."""
    other = chatd(workers=first, only=ROOMS)
    log = fails(tmp_path / "second", core={"listen": f"127.0.0.1:{other.port}"}, only=ROOMS,
                workers=workers)
    assert log.count("another server has it: stop that one or change listen") == 1
    assert requests.get(other.http + "/livez", timeout=DEADLINE).status_code == 200


def test_a_port_of_another_program_is_told(tmp_path, workers):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        log = fails(tmp_path / "chatd", core={"listen": f"127.0.0.1:{other.getsockname()[1]}"},
                    only=ROOMS, workers=workers)
    assert log.count("error core: cannot listen on") == 1


def test_a_mistake_is_told_once(tmp_path, workers):
    log = fails(tmp_path / "chatd", only=ROOMS, sections={"rooms": {"text_max": "a lot"}},
                workers=workers)
    assert log.count("text_max = a lot is not a size") == 1
    assert "not started: 1 mistake in" in log


def test_a_plugin_that_does_not_start_is_told_once(tmp_path, workers):
    log = fails(tmp_path / "chatd", only={**ROOMS, **rogue("start-fails")}, workers=workers)
    assert log.count("plugin start-fails failed to start") == 1
    assert re.search(r"worker 0 \(pid \d+\) ended with 1; not started", log)


def test_a_signal_while_it_starts_ends_it_in_order(tmp_path, workers):
    server = Server(tmp_path / "chatd", only=ROOMS, workers=workers)
    server.write_ini()
    process = subprocess.Popen([CHATD, "-c", server.ini], env=clean_env(), stderr=subprocess.PIPE)
    wait_until(lambda: os.path.exists(f"/proc/{process.pid}/task/{process.pid}/children")
               and open(f"/proc/{process.pid}/task/{process.pid}/children").read(),
               what="its first child")
    process.send_signal(signal.SIGTERM)
    text = process.communicate(timeout=DEADLINE)[1].decode()
    assert process.returncode in (0, -signal.SIGTERM), text


# -- stop -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sig, word", [(signal.SIGTERM, "terminate"), (signal.SIGINT, "interrupt")])
def test_it_stops_in_order(chatd, workers, sig, word):
    server = chatd(workers=workers, sections={"auth": {"jwt_secret": KEY}})
    pids, port = server.worker_pids(), server.port
    token = signed("alice", key=KEY)
    with classic(server, token) as one, v1(server, token) as other:
        server.process.send_signal(sig)
        bye = other.recv()
        assert (bye["type"], bye["code"]) == ("bye", 1001) and bye["retry_ms"] > 0
        assert (one.close_code(), other.close_code()) == (1001, 1001)
        assert server.process.wait(timeout=DEADLINE) == 0
    assert f"{word}: stopping, clients have 5000 ms" in server.log
    assert server.log.endswith("core: stopped\n")
    assert is_free(port) and not any(is_chatd(pid) for pid in pids)


def deaf(server):
    """A WebSocket that never answers a close; the socket is the caller's to close."""
    sock = server.connect()
    sock.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 b"Sec-WebSocket-Protocol: chatd.v1\r\n\r\n")
    assert sock.recv(4096).startswith(b"HTTP/1.1 101")
    return sock


def test_a_second_signal_ends_it_at_once(chatd, workers):
    server = chatd(core={"stop_time": "10m", "close_timeout": "60s"}, only=ROOMS, workers=workers)
    pids = server.worker_pids()
    with deaf(server):
        server.process.send_signal(signal.SIGINT)
        server.wait_log("interrupt: stopping")
        assert server.process.poll() is None
        assert server.stop(signal.SIGINT) == 0
    gone(pids)


def test_a_worker_that_stands_still_does_not_keep_it(chatd, workers):
    server = chatd(core={"stop_time": "2s"}, only=ROOMS, workers=workers)
    pids = server.worker_pids()
    os.kill(pids[0], signal.SIGSTOP)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    gone(pids)


def test_a_signal_to_all_of_them_is_one_stop(chatd, workers):
    """Ctrl-C goes to the whole group of a terminal."""
    server = chatd(workers=workers, sections={"auth": {"jwt_secret": KEY}})
    with classic(server, signed("alice", key=KEY)) as client:
        os.killpg(server.process.pid, signal.SIGINT)
        assert client.close_code() == 1001
        assert server.process.wait(timeout=DEADLINE) == 0
    assert server.log.count("interrupt: ") == 1


def test_without_their_master_workers_leave_and_free_the_port(chatd, workers):
    server = chatd(workers=workers, sections={"auth": {"jwt_secret": KEY}})
    server.expect("the master is gone")
    pids, port = server.worker_pids(), server.port
    with classic(server, signed("alice", key=KEY)) as client:
        server.process.kill()
        wait_until(lambda: is_free(port), what="a free port")
        assert client.close_code() == 1001
    gone(pids)
    server.process.wait()
    server.process = None


def test_all_that_stand_still_do_not_keep_it(chatd):
    server = chatd(core={"stop_time": "2s"}, only=ROOMS, workers=4)
    pids = server.worker_pids()
    with deaf(server):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
    gone(pids)
    assert is_free(server.port)


def test_one_that_stands_still_does_not_keep_its_clients_from_others(chatd):
    """The others are told in order; the stop is over after stop_time for all."""
    server = chatd(core={"stop_time": "3s"}, workers=4, sections={"auth": {"jwt_secret": KEY}})
    token = signed("alice", key=KEY)
    with contextlib.ExitStack() as stack:
        people = [stack.enter_context(v1(server, token)) for _ in range(16)]
        os.kill(server.worker_pids()[0], signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        codes = [client.close_code() for client in people]
        assert server.process.wait(timeout=DEADLINE) == 0
    # Those of the one that stood still saw their connection cut.
    assert set(codes) <= {1001, 1006} and codes.count(1001) >= 1, codes


@pytest.mark.parametrize("stage", ["new workers start", "old ones leave"])
def test_a_stop_ends_a_roll_too(chatd, tmp_path, workers, stage):
    gate = Gate(tmp_path / "gate")
    server = chatd(workers=workers, program=gate.program, core={"roll_time": "60s"},
                   sections={"auth": {"jwt_secret": KEY}})
    with classic(server, signed("alice", key=KEY)) as client:
        if stage == "new workers start":
            gate.hold()
        server.roll()
        if stage == "new workers start":
            gate.wait_held(workers)
        else:
            server.wait_log("roll: new workers serve")
        pids = server.worker_pids()
        server.process.send_signal(signal.SIGTERM)
        assert client.close_code() in (1001, 1012)
        assert server.process.wait(timeout=DEADLINE) == 0
    gone(pids)
    assert is_free(server.port)
    assert server.log.endswith("core: stopped\n")


def test_a_stop_while_it_reloads_is_a_stop(chatd, workers):
    server = chatd(workers=workers, only=ROOMS)
    pids = server.worker_pids()
    server.hang_up()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=DEADLINE) == 0
    gone(pids)
    assert server.log.endswith("core: stopped\n")


def test_killed_in_a_roll_the_master_leaves_nobody_behind(clusters, workers):
    """The new ones wait for a store that is away, the old ones serve: both notice."""
    chat = clusters(store="redis", workers=workers)
    server = chat.nodes[0].expect("the master is gone", "history-redis", "auth")
    server.sections["history-redis"]["address"] = f"127.0.0.1:{free_port()}"
    server.write_ini()
    server.roll()
    pids = server.wait_workers(2 * workers)
    server.process.kill()
    server.process.wait()
    wait_until(lambda: is_free(server.port), what="a free port")
    gone(pids)
    server.process = None


# -- one worker -----------------------------------------------------------------------------------


async def test_a_worker_that_is_renewed_sends_its_clients_back(clusters, workers):
    chat = clusters(workers=workers)
    server = chat.nodes[0]
    transcript = Transcript()
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(
            chat.v1(f"user{i}", reconnects=True, transcript=transcript)) for i in range(8)]
        await people[0].say_surely("before")
        for n, pid in enumerate(server.worker_pids()):
            os.kill(pid, signal.SIGTERM)
            server.wait_log(rf"pid {pid}\) has left; a new one starts now")
            await people[n].say_surely(f"after {n}")
        server.wait_serving(workers)
        await people[0].say_surely("the end")
        for person in people:
            while (await person.next()).get("text") != "the end":
                continue
        closed = transcript.of("closed")
        # Each had a worker, and each worker was renewed once; who came back soon met it again.
        assert len(closed) >= 8 and {entry["code"] for entry in closed} == {1001}, closed
    check(transcript.entries).assert_good()


async def test_what_was_acknowledged_is_there_after_the_next_start(clusters, workers):
    chat = clusters(workers=workers)
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}")) for i in range(6)]
        for i, person in enumerate(people):
            await person.say(f"m{i}")
        chat.nodes[0].process.send_signal(signal.SIGTERM)
        chat.nodes[0].stop()
    chat.nodes[0].start()
    messages = chat.get("/api/v1/rooms/general/messages").json()["messages"]
    assert [message["text"] for message in messages] == [f"m{i}" for i in range(6)]
