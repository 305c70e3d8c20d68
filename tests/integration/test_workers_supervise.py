# SPDX-License-Identifier: MIT
"""Workers die, hang and come back; the log names who is to blame; everybody else chats on."""
import contextlib
import os
import re
import signal
import socket
import time

import pytest
import requests
from chat import ROGUES, plugin_folder, rogue
from rogues import LINES, reads
from server import DEADLINE, wait_until

# The process is to die by the signal, not by a sanitizer's report.
AS_IT_IS = {"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0"}
NEXT = "a new one starts (now|in [0-9]+ s)"


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


def restarts(server, reason):
    return server.metrics().get(f'chatd_worker_restarts_total{{reason="{reason}"}}', 0)


def with_rogue(clusters, workers, name="crash-word", **options):
    options.setdefault("env", AS_IT_IS)
    return clusters(workers=workers, plugins=rogue(name), **options)


# -- deaths ---------------------------------------------------------------------------------------


def test_killed_workers_are_replaced_one_after_the_other(clusters, workers):
    server = clusters(workers=workers).nodes[0].expect("was killed by signal 9")
    for n, pid in enumerate(server.worker_pids(), 1):
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        server.wait_log(rf"worker \d+ \(pid {pid}\) was killed by signal 9 .*; a new one starts now")
        server.wait_workers(workers, without=[pid])
        server.wait_serving(workers)
        assert time.monotonic() - began < 10  # one second where nothing else keeps the machine busy
        assert restarts(server, "killed") == n


async def test_totals_do_not_fall_when_a_worker_dies(clusters, workers):
    chat = clusters(workers=workers)
    server = chat.nodes[0].expect("was killed by signal 9")
    names = ["chatd_upgrades_total", "chatd_messages_in_total", "chatd_http_requests_total",
             "chatd_rooms_messages_total", 'chatd_handshakes_total{outcome="ok"}']
    async with contextlib.AsyncExitStack() as stack:
        for i in range(8):
            await (await stack.enter_async_context(chat.v1(f"user{i}"))).say("Hello")
    wait_until(lambda: server.metrics()["chatd_rooms_messages_total"] == 8, what="8 messages")
    before = server.metrics()
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGKILL)
        server.wait_workers(workers, without=[pid])
        server.wait_serving(workers)
        now = server.metrics()
        assert all(now[name] >= before[name] for name in names)
    assert now["chatd_upgrades_total"] == 8 and now["chatd_rooms_messages_total"] == 8
    wait_until(lambda: server.metrics()["chatd_connections"] == 0, what="no connections")


CRASHES = [
    ("crash me", r"crash-word 1\.0 in message crashed worker \d+ \(pid \d+\): signal 11 "
                 r"\(Segmentation fault\) at address 0x0, connection [0-9a-f]{16}; " + NEXT),
    ("call nothing", r"crash-word 1\.0 in message crashed worker \d+ .*: signal 11 .*; " + NEXT),
    ("abort me", r"crash-word 1\.0 in message crashed worker \d+ .*: signal 6 \(Aborted\), conn.*; "
     + NEXT),
    ("exit please", r"crash-word 1\.0 in message ended worker \d+ .* with exit code 7, conn.*; " + NEXT),
    ("timer me", r"crash-word 1\.0 in its timer crashed worker \d+ .*: signal 11 .*; " + NEXT),
    ("job me", r"crash-word 1\.0 in its job crashed worker \d+ .*: signal 11 .*; " + NEXT),
]


@pytest.mark.parametrize("text, line", CRASHES, ids=[text for text, _ in CRASHES])
async def test_a_crash_is_named_and_its_clients_come_back(clusters, workers, text, line):
    chat = with_rogue(clusters, workers)
    server = chat.nodes[0].expect("crash-word 1.0 in ")
    people = [chat.v1(f"user{i}", reconnects=True) for i in range(8)]
    async with contextlib.AsyncExitStack() as stack:
        for person in people:
            await stack.enter_async_context(person)
        await people[0].say("before")
        await people[0].send({"type": "message.send", "room": "general", "text": text})
        server.wait_log("error core: " + line)
        assert f"crash-word, {text}" not in LINES or reads(f"crash-word, {text}", server.log)
        server.wait_serving(workers)
        for i, person in enumerate(people):
            await person.say_surely(f"after {i}")
        for person in people:
            heard = []
            while len(heard) < 9:
                said = (await person.next()).get("text")
                if said != text:  # a timer and a job come after the message went through
                    heard.append(said)
            assert sorted(heard) == ["after " + str(i) for i in range(8)] + ["before"]
    assert restarts(server, "exit" if text == "exit please" else "crash") == 1
    assert server.ready() == (200, {"status": "ready", "reasons": []})


async def test_a_sanitizers_exit_is_named_as_the_signal_it_was(clusters, tmp_path):
    chat = with_rogue(clusters, 2, env={"ASAN_OPTIONS": f"log_path={tmp_path / 'report'}"})
    server = chat.nodes[0].expect("crash-word 1.0 in message")
    async with chat.v1("alice", reconnects=True) as alice:
        await alice.send({"type": "message.send", "room": "general", "text": "crash me"})
        server.wait_log(r"crash-word 1\.0 in message crashed worker \d .*: signal 11 ")
        await alice.say_surely("after")


# -- the connections of a slot without a worker ---------------------------------------------------


def livez(server):
    """How one attempt ended: "ok" or "refused"; anything slow is an error."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as sock:
            sock.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return "ok" if sock.recv(4096).startswith(b"HTTP/1.1 200") else "cut"
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "cut"


def test_while_workers_die_the_others_take_their_connections(clusters):
    server = clusters(workers=4).nodes[0].expect("was killed by signal 9")
    for pid in server.worker_pids()[:3]:
        os.kill(pid, signal.SIGKILL)
        answers = [livez(server) for _ in range(40)]
        # What the dead one had accepted is cut; nobody waits, nobody is turned away.
        assert "refused" not in answers
        assert answers.count("cut") <= 4
        server.wait_workers(4, without=[pid])
        server.wait_serving(4)


def test_with_nobody_to_accept_for_a_while_connections_are_refused(clusters, tmp_path):
    """A proxy in front then tries elsewhere."""
    mark = tmp_path / "crash"
    chat = with_rogue(clusters, 1, "crash-soon", sections={"crash-soon": {"while": mark}})
    server = chat.nodes[0].expect("crash-soon 1.0 in its timer")
    mark.touch()
    os.kill(server.worker_pids()[0], signal.SIGTERM)  # renewed, and from now on it crashes
    server.wait_log("signal 6 .*; a new one starts in 1 s")
    wait_until(lambda: livez(server) == "refused", what="a refused connection")
    server.wait_log("signal 6 .*; a new one starts in 2 s")
    mark.unlink()
    wait_until(lambda: livez(server) == "ok", what="a new worker")
    assert server.wait_serving(1) is None


# -- plugins that crash again and again -----------------------------------------------------------


def optional(tmp_path, mark):
    folder = plugin_folder(tmp_path / "plugins", ROGUES / "crash-soon.so")
    return {"core": {"plugin_dir": folder}, "plugins": {"crash-soon": "optional"},
            "sections": {"crash-soon": {"while": mark}}}


async def test_an_optional_plugin_to_blame_three_times_is_left_out(clusters, tmp_path):
    mark = tmp_path / "crash"
    mark.touch()
    chat = clusters(workers=2, env=AS_IT_IS, **optional(tmp_path, mark))
    server = chat.nodes[0].expect("crash-soon")
    server.wait_log(r"crash-soon crashed 3 workers within a minute: new workers start without it")
    assert reads("crash-soon", server.log)
    server.wait_serving(2)
    status, body = server.ready()
    assert status == 200 and body["status"] == "degraded"
    assert any("crash-soon" in reason["reason"] for reason in body["reasons"])
    async with chat.v1("alice", reconnects=True) as alice:
        await alice.say_surely("Hello")
    # A roll tries it again; by now it behaves.
    mark.unlink()
    server.roll()
    server.wait_log("roll: done")
    assert server.ready() == (200, {"status": "ready", "reasons": []})


def test_one_that_is_not_optional_stays(clusters, tmp_path):
    mark = tmp_path / "crash"
    mark.touch()
    chat = with_rogue(clusters, 2, "crash-soon", sections={"crash-soon": {"while": mark}})
    server = chat.nodes[0].expect("crash-soon 1.0 in its timer")
    wait_until(lambda: len(re.findall("crashed worker", server.log)) >= 5, what="five crashes")
    assert "start without it" not in server.log
    mark.unlink()
    server.wait_serving(2)


# -- hangs ----------------------------------------------------------------------------------------


async def test_a_worker_that_hangs_is_killed_and_named(clusters, workers):
    chat = with_rogue(clusters, workers, core={"hang_limit": "1s", "slow_hook": "60s"})
    server = chat.nodes[0].expect("crash-word 1.0 in message keeps worker")
    async with chat.v1("alice", reconnects=True) as alice:
        await alice.send({"type": "message.send", "room": "general", "text": "hang me"})
        server.wait_log(r"crash-word 1\.0 in message keeps worker \d \(pid \d+\) for 1 s "
                        r"\(hang_limit\), connection [0-9a-f]+: killed; a new one starts now")
        assert reads("crash-word, hang me", server.log)
        server.wait_serving(workers)
        await alice.say_surely("after")
    assert restarts(server, "hang") == 1


async def test_while_one_hangs_the_others_take_its_connections(clusters):
    """Those that it had accepted wait for its end; new ones do not."""
    chat = with_rogue(clusters, 4, core={"hang_limit": "30s", "slow_hook": "60s"})
    server = chat.nodes[0].expect("was killed by signal 9")
    async with chat.v1("alice") as alice:
        await alice.send({"type": "message.send", "room": "general", "text": "hang me"})
        hanging = wait_until(lambda: busiest(server), what="a worker that hangs")
        wait_until(lambda: all_answer(server), deadline=3 * DEADLINE, what="an answer from each")
        os.kill(hanging, signal.SIGKILL)
        server.wait_workers(4, without=[hanging])
        server.wait_serving(4)


def busiest(server):
    """The worker that is running, not waiting, whenever it is looked at."""
    for pid in server.worker_pids():
        states = []
        for _ in range(20):
            with open(f"/proc/{pid}/stat") as stat:
                states.append(stat.read().rsplit(")", 1)[1].split()[0])
            time.sleep(0.01)
        if set(states) == {"R"}:
            return pid
    return None


def all_answer(server):
    try:
        return all(requests.get(server.http + "/livez", timeout=1).ok for _ in range(40))
    except requests.RequestException:
        return False


async def test_without_a_limit_nobody_is_killed(clusters):
    chat = with_rogue(clusters, 2, core={"hang_limit": "0", "slow_hook": "60s"})
    server = chat.nodes[0]
    pids = server.worker_pids()
    os.kill(pids[0], signal.SIGSTOP)
    try:
        wait_until(lambda: all_answer(server), deadline=3 * DEADLINE, what="an answer from each")
        assert server.worker_pids() == pids
    finally:
        os.kill(pids[0], signal.SIGCONT)


def test_a_worker_told_to_go_by_a_person_is_renewed(clusters, workers):
    server = clusters(workers=workers).nodes[0]
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGTERM)
    server.wait_log(rf"info  core: worker 0 \(pid {pid}\) has left; a new one starts now")
    server.wait_workers(workers, without=[pid])
    server.wait_serving(workers)
