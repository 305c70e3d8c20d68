# SPDX-License-Identifier: MIT
"""/metrics and /readyz speak for all workers."""
import contextlib
import os
import re
import signal
import subprocess

import pytest
import requests
import websockets
from chat import ALL_OFF, classic, refused, v1
from promtool import promtool
from raw_ws import Raw, signed, upgrade_request
from server import DEADLINE, wait_until


@pytest.fixture(params=[0, 1, 4])
def workers(request):
    return request.param


async def test_numbers_are_those_of_all_workers(clusters, workers):
    chat = clusters(workers=workers)
    server = chat.nodes[0]
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}")) for i in range(16)]
        for person in people:
            await person.say("Hello")

        def counted():
            now = server.metrics()
            return (now["chatd_connections"], now["chatd_rooms_members"],
                    now["chatd_rooms_messages_total"], now["chatd_history_sqlite_appends_total"],
                    now['chatd_handshakes_total{outcome="ok"}']) == (16, 16, 16, 16, 16)
        wait_until(counted, what="16 of each")
        # Each of 16 messages to each of 16 people, and more.
        assert server.metrics()["chatd_frames_out_total"] >= 256
    wait_until(lambda: server.metrics()["chatd_connections"] == 0, what="no connections")


def test_handshakes_are_counted_by_how_they_ended(chatd, workers):
    server = chatd(workers=workers, sections={"auth": {"jwt_secret": "s" * 40}})
    with classic(server, signed("alice", key="s" * 40)):
        assert refused(server) == 401
        assert refused(server, "/nowhere") == 404
        bad = (b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n")
        assert server.raw(bad).startswith(b"HTTP/1.1 400")

    def outcome(name):
        return server.metrics()[f'chatd_handshakes_total{{outcome="{name}"}}']
    assert [outcome(name) for name in ("ok", "unauthorized", "not_found", "bad_request")] == [1, 1, 1, 1]


def test_max_connections_counts_all_workers_together(chatd, workers):
    server = chatd(workers=workers, core={"max_connections": "8"}, only={**ALL_OFF, "rooms": "on"})
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(v1(server))
        assert [refused(server) for _ in range(8)] == [503] * 8
    assert server.metrics()['chatd_handshakes_total{outcome="full"}'] == 8

    def gets_in():
        try:
            v1(server).close()
        except websockets.InvalidStatusCode:
            return False
        return True
    wait_until(gets_in, what="a free place")


def test_who_comes_at_once_finds_no_more_places_than_there_are(chatd, workers):
    """Workers look at each other's numbers without a lock: as many as come in the same instant to
    different ones may get in, one to each of the others."""
    server = chatd(workers=workers, core={"max_connections": "8"}, only={**ALL_OFF, "rooms": "on"})
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(Raw(server)) for _ in range(40)]
        for it in sockets:
            it.send(upgrade_request())
        statuses = [it.reply().status for it in sockets]
        assert set(statuses) == {101, 503}
        got_in = statuses.count(101)
        assert 8 <= got_in < 8 + max(workers, 1), statuses
        assert server.metrics()["chatd_connections"] == got_in
        assert server.metrics()['chatd_handshakes_total{outcome="full"}'] == 40 - got_in


async def test_each_worker_gives_the_same_answer(clusters):
    """Nothing moves: 20 questions on as many connections, and no number differs but of the asking."""
    chat = clusters(workers=4)
    server = chat.nodes[0]
    own = re.compile(r"^chatd_(http_|received_|loop_|hook_|job_|uptime|process_|.*_seconds)")
    async with contextlib.AsyncExitStack() as stack:
        for i in range(8):
            person = await stack.enter_async_context(chat.v1(f"user{i}"))
            await person.say("Hello")

        def settled():
            samples = [server.metrics() for _ in range(20)]
            first = {name for name, value in samples[0].items()
                     if any(sample[name] != value for sample in samples)}
            return all(own.match(name) for name in first)
        wait_until(settled, what="the same numbers from each")


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_totals_of_a_worker_that_is_gone_still_count(clusters, how):
    server = clusters(workers=4, core={"roll_time": "1s"}).nodes[0]
    server.expect("was killed by signal 9")
    for _ in range(12):
        assert refused(server) == 401
    name = 'chatd_handshakes_total{outcome="unauthorized"}'
    assert server.metrics()[name] == 12
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGTERM if how == "stopped" else signal.SIGKILL)
        server.wait_workers(4, without=[pid])
        server.wait_serving(4)
        assert server.metrics()[name] == 12


def test_ready_tells_of_a_store_that_is_away_once(clusters):
    chat = clusters(store="redis", workers=4)
    server = chat.nodes[0].expect("history-redis")
    chat.redis.stop()

    def away():
        status, body = server.ready()
        return body if status == 503 else None
    body = wait_until(away, deadline=3 * DEADLINE, what="a server that is away")
    assert body["status"] == "unavailable"
    reasons = [reason["reason"] for reason in body["reasons"] if reason["plugin"] == "history-redis"]
    assert len(reasons) == len(set(reasons)) >= 1


def test_a_worker_that_is_missing_is_told(clusters):
    server = clusters(workers=2, core={"hang_limit": "0"}).nodes[0].expect("was killed by signal 9")
    seen = set()
    for _ in range(3):  # the second comes back after a second, the third after two
        pid = server.worker_pids()[-1]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda p=pid: p not in server.worker_pids(), what="its end")
        with contextlib.suppress(requests.RequestException, OSError):
            status, body = server.ready()
            seen.add((status, body["status"], str(body["reasons"])))
        server.wait_workers(2, without=[pid])
        server.wait_serving(2)
    assert any(status == 200 and state == "degraded" and "is being replaced" in reasons
               for status, state, reasons in seen), seen


async def test_prometheus_finds_nothing_in_a_busy_server_either(clusters):
    """With two dialects, refusals, a renewed worker and the two generations of a roll."""
    chat = clusters(workers=4, core={"roll_time": "3s"})
    server = chat.nodes[0]
    async with contextlib.AsyncExitStack() as stack:
        for i in range(8):
            person = await stack.enter_async_context(chat.v1(f"user{i}", reconnects=True))
            await person.say_surely("Hello")
            await person.type()
        await stack.enter_async_context(chat.classic("bob"))
        assert chat.get("/nowhere").status_code == 404
        assert requests.post(server.http + "/login", data="x", timeout=DEADLINE).status_code == 400
        pid = server.worker_pids()[0]
        os.kill(pid, signal.SIGTERM)
        server.wait_workers(4, without=[pid])
        server.wait_serving(4)
        server.roll()
        server.wait_log("roll: new workers serve")
        text = requests.get(server.http + "/metrics", timeout=DEADLINE).text
    done = subprocess.run([promtool(), "check", "metrics"], input=text, text=True,
                          capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    names = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(names) == len(set(names))
    server.wait_log("roll: done")


async def test_prometheus_finds_nothing_to_mend(clusters):
    chat = clusters(workers=4)
    async with chat.v1("alice") as alice, chat.classic("bob") as bob:
        await alice.say("Hello")
        await bob.hears("Hello")
        text = requests.get(chat.nodes[0].http + "/metrics", timeout=DEADLINE).text
    done = subprocess.run([promtool(), "check", "metrics"], input=text, text=True,
                          capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
