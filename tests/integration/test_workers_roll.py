# SPDX-License-Identifier: MIT
"""A roll: new workers take the place of old ones, and nobody notices but by a close that says so."""
import asyncio
import contextlib
import os
import pathlib
import re
import stat
import sys
import textwrap

import pytest
import requests
from chat import EXAMPLES, classic, rogue, v1
from history_check import check
from redis_server import free_port
from raw_ws import signed
from server import CHATD, DEADLINE, wait_until
from transcript import Transcript

SOON = {"roll_time": "2s"}


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


def roll(server, n=1):
    """A roll to its end; the n-th of this server."""
    server.roll()
    wait_until(lambda: server.log.count("roll: done") >= n or "called off" in server.log,
               what="the end of the roll")
    assert "called off" not in server.log, server.log


# -- what clients see -----------------------------------------------------------------------------


def test_clients_are_told_and_sent_to_the_new_workers(chatd, workers):
    server = chatd(workers=workers, core=SOON, sections={"auth": {"jwt_secret": "s" * 40}})
    old = server.worker_pids()
    token = signed("alice", key="s" * 40)
    with classic(server, token) as one, v1(server, token) as other:
        server.roll()
        bye = other.recv()
        assert (bye["type"], bye["code"]) == ("bye", 1012) and bye["retry_ms"] > 0
        assert (one.close_code(), other.close_code()) == (1012, 1012)
    server.wait_log("roll: done")
    assert not set(server.worker_pids()) & set(old)
    assert len(server.worker_pids()) == workers


async def test_who_resumes_misses_nothing_and_nothing_comes_twice(clusters, tmp_path, workers):
    chat = clusters(workers=workers, core={**SOON, "verb_rate": "0"})
    server = chat.nodes[0]
    transcript = Transcript(tmp_path / "transcript.jsonl")
    people = [chat.v1(f"user{i}", reconnects=True, transcript=transcript) for i in range(8)]
    async with contextlib.AsyncExitStack() as stack:
        for person in people:
            await stack.enter_async_context(person)
        server.roll()
        says, n = [], 0
        while "roll: done" not in server.log:
            says.append(asyncio.create_task(people[n % 8].say_surely(f"m{n}", deadline=3 * DEADLINE)))
            n += 1
            await asyncio.sleep(0.01)
        await asyncio.gather(*says)
        await people[0].say_surely("the end")
        for person in people:
            while (await person.next()).get("text") != "the end":
                continue
    transcript.close()
    check(transcript.entries).assert_good()


def test_connection_attempts_never_fail_while_it_rolls(chatd, workers):
    server = chatd(workers=workers, core=SOON, sections={"auth": {"jwt_secret": "s" * 40}})
    token = signed("alice", key="s" * 40)
    with classic(server, token):  # somebody whom the old worker waits for
        server.roll()
        tries = 0
        while "roll: done" not in server.log:
            assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200
            with v1(server, token) as client:
                assert client.hello["user"] == "alice"
            tries += 1
    assert tries > 10


def test_a_connection_that_asks_again_is_answered_once_more_and_closed(chatd, workers):
    """Keep-alive: the old worker answers what comes, and says that it goes."""
    server = chatd(workers=workers, core=SOON, sections={"auth": {"jwt_secret": "s" * 40}})
    with classic(server, signed("alice", key="s" * 40)), server.connect() as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHo")  # has begun when the roll comes
        server.roll()
        server.wait_log("roll: new workers serve")
        sock.sendall(b"st: x\r\n\r\n")
        answer = b""
        while part := sock.recv(4096):
            answer += part
        assert answer.startswith(b"HTTP/1.1 200") and b"Connection: close" in answer
    server.wait_log("roll: done")


async def test_totals_do_not_fall(clusters, workers):
    chat = clusters(workers=workers, core=SOON)
    server = chat.nodes[0]
    async with chat.v1("alice") as alice:
        for i in range(5):
            await alice.say(f"m{i}")
    names = ["chatd_upgrades_total", "chatd_messages_in_total", "chatd_rooms_messages_total"]
    before = server.metrics()
    for n in (1, 2):
        roll(server, n)
        now = server.metrics()
        assert all(now[name] >= before[name] for name in names)
    assert now["chatd_rooms_messages_total"] == 5


# -- what changes ---------------------------------------------------------------------------------


async def test_the_number_of_workers_comes_with_a_roll(clusters):
    chat = clusters(workers=1, core=SOON)
    server = chat.nodes[0]
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}", reconnects=True))
                  for i in range(6)]
        for n, workers in enumerate([4, 2, 3], 1):
            server.sections["chatd"]["workers"] = str(workers)
            server.write_ini()
            roll(server, n)
            server.wait_serving(workers)
            server.wait_workers(workers)
            await people[n].say_surely(f"now {workers}")
            for person in people:
                while (await person.next()).get("text") != f"now {workers}":
                    continue
            answers = [requests.get(server.http + "/livez", timeout=DEADLINE) for _ in range(30)]
            assert all(answer.status_code == 200 for answer in answers)


def test_a_new_plugin_comes_with_a_roll(chatd, workers):
    server = chatd(workers=workers, core=SOON)
    assert requests.get(server.http + "/hello", timeout=DEADLINE).status_code == 404
    server.sections["plugins"]["hello"] = EXAMPLES / "hello.so"
    server.write_ini()
    roll(server)
    assert requests.get(server.http + "/hello", timeout=DEADLINE).status_code == 200


def test_a_new_address_needs_a_restart(chatd, workers):
    server = chatd(workers=workers, core=SOON).expect("needs a restart")
    server.sections["chatd"]["listen"] = "127.0.0.1:1"
    server.write_ini()
    roll(server)
    assert r"warn  core: roll: [chatd] listen needs a restart" in server.log
    assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


# -- called off -----------------------------------------------------------------------------------


def called_off(server, pattern):
    """A roll that must not happen: the old workers are still there, and serve."""
    old = server.worker_pids()
    server.expect("roll: called off", *([] if pattern is None else [pattern]))
    times = server.log.count("called off")
    server.roll()
    wait_until(lambda: server.log.count("called off") > times, deadline=2 * DEADLINE,
               what="a roll that is called off")
    assert re.search(rf"roll: called off: .*{pattern}.*; the old workers go on", server.log), server.log
    server.wait_workers(len(old))
    assert server.worker_pids() == old
    assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


def works_afterwards(server):
    """The next roll is an ordinary one."""
    server.roll()
    server.wait_log("roll: done")
    assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


def test_a_broken_file_calls_it_off(chatd, workers):
    server = chatd(workers=workers, core=SOON).expect("text_max")
    server.sections["rooms"] = {"text_max": "a lot"}
    server.write_ini()
    called_off(server, "1 mistake")
    assert re.search(r"error config: .*chatd\.ini:\d+: \[rooms\] text_max = a lot", server.log)
    server.sections["rooms"] = {}
    server.write_ini()
    works_afterwards(server)


@pytest.mark.parametrize("name, why", [("wrong-major", "1 mistake"), ("init-crash", "the check failed"),
                                       ("init-hangs", "the check failed"),
                                       ("start-fails", "a new worker did not start")])
def test_a_plugin_that_cannot_be_used_calls_it_off(chatd, workers, name, why):
    server = chatd(workers=workers, core={**SOON, "start_time": "2s"}).expect(name, "it was to serve after a roll", "mistake")
    server.sections["plugins"].update(rogue(name))
    server.write_ini()
    called_off(server, why)
    del server.sections["plugins"][name]
    server.write_ini()
    works_afterwards(server)


def test_a_store_that_is_away_calls_it_off(clusters, workers):
    chat = clusters(store="redis", workers=workers, core={**SOON, "start_time": "10s"})
    server = chat.nodes[0].expect("history-redis", "auth")
    address = server.sections["history-redis"]["address"]
    server.sections["history-redis"]["address"] = f"127.0.0.1:{free_port()}"
    server.write_ini()
    called_off(server, "is away: ")
    server.sections["history-redis"]["address"] = address
    server.write_ini()
    works_afterwards(server)


STRANGER = """
    #!{python}
    import socket, struct, sys, time
    if sys.argv[1].startswith("--checking"):
        sys.exit(0)
    master = socket.socket(fileno=3)
    master.send(struct.pack("<IIII", 1, 4711, 0, 0) + bytes(24) + b"9.9".ljust(448, bytes(1)))
    time.sleep(60)
"""


def program(folder, text):
    path = pathlib.Path(folder) / "program"
    path.write_text(textwrap.dedent(text).lstrip().replace("{python}", sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("text, why", [
    (STRANGER, "speaks protocol 4711, this master"),
    ("#!/bin/sh\nexit 0\n", "a new worker did not start"),
    ("#!/bin/sh\ncase $1 in --checking*) exit 0 ;; esac\nexec sleep 60\n", "not ready within start_time"),
    ("#!/bin/sh\nexec sleep 60\n", "the check failed"),
    ("this is no program\n", "the check failed"),
], ids=["another protocol", "ends at once", "says nothing", "check hangs", "no program"])
def test_another_program_in_its_place_calls_it_off(chatd, tmp_path, workers, text, why):
    link = tmp_path / "chatd"
    link.symlink_to(CHATD)
    server = chatd(workers=workers, program=link,
                   core={**SOON, "start_time": "2s", "plugin_dir": CHATD.parent.parent / "lib/chatd"})
    server.expect("it was to serve after a roll", "protocol 4711", "cannot run")
    link.unlink()
    link.symlink_to(program(tmp_path, text))
    called_off(server, why)
    link.unlink()
    link.symlink_to(CHATD)
    works_afterwards(server)


def test_one_at_a_time(chatd):
    server = chatd(workers=2, core={"roll_time": "3s"}, sections={"auth": {"jwt_secret": "s" * 40}})
    server.expect("not now")
    with classic(server, signed("alice", key="s" * 40)):
        server.roll()
        server.wait_log("roll: new workers serve")
        server.roll()
        server.wait_log("warn  core: roll: not now, one is under way")
        server.hang_up()
        server.wait_log("warn  core: reload: not now, a roll is under way")
    server.wait_log("roll: done")


def test_a_new_worker_that_dies_while_it_takes_over_is_replaced(chatd):
    server = chatd(workers=2, core=SOON).expect("was killed by signal 9")
    old = server.worker_pids()
    server.roll()
    fresh = wait_until(lambda: [p for p in server.worker_pids() if p not in old], what="new workers")
    server.wait_log("roll: new workers serve|called off")
    with contextlib.suppress(ProcessLookupError):
        os.kill(fresh[0], 9)
    server.wait_log("roll: done|called off")
    server.wait_workers(2, without=[fresh[0]])
    server.wait_serving(2)
    assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200
