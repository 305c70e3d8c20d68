# SPDX-License-Identifier: MIT
"""A roll while workers die, stand still or wait for clients that do not go."""
import os
import signal

import pytest
import requests
from chat import ALL_OFF, classic, rogue
from gate import Gate
from raw_ws import RawWs
from server import CHATD, DEADLINE, wait_until

ROOMS = {**ALL_OFF, "rooms": "on"}
SOON = {"roll_time": "1s", "close_timeout": "1s"}


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "gate")


def serves(server, workers):
    """So many workers, and a connection finds one whichever it is dealt to."""
    server.wait_workers(workers)
    server.wait_serving(workers)
    for _ in range(40):
        assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


def rolls(server, n=1):
    """The n-th roll that goes through."""
    server.roll()
    wait_until(lambda: server.log.count("roll: done") >= n, what="the end of the roll")


# -- who does not go --------------------------------------------------------------------------------


def test_a_client_that_does_not_answer_does_not_keep_an_old_worker(chatd, workers):
    server = chatd(workers=workers, core=SOON, only=ROOMS)
    old = server.worker_pids()
    with RawWs(server), RawWs(server):
        rolls(server)
        assert not set(server.worker_pids()) & set(old)
    serves(server, workers)


def test_a_connection_that_never_says_anything_does_not_either(chatd, workers):
    server = chatd(workers=workers, core={**SOON, "http_head_timeout": "60s"}, only=ROOMS)
    old = server.worker_pids()
    with server.connect(), server.connect() as begun:
        begun.sendall(b"GET /livez HT")
        rolls(server)
        assert not set(server.worker_pids()) & set(old)
    serves(server, workers)


def test_an_old_worker_that_stands_still_is_ended(chatd, workers):
    server = chatd(workers=workers, core={**SOON, "stop_time": "2s", "hang_limit": "0"}, only=ROOMS)
    server.expect("has not left in time: killed")
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGSTOP)
    rolls(server)
    assert server.log.count(f"(pid {pid}) has not left in time: killed") == 1
    serves(server, workers)


# -- who dies ---------------------------------------------------------------------------------------


def test_a_new_worker_that_dies_before_it_serves_calls_it_off(chatd, gate, workers):
    server = chatd(workers=workers, core=SOON, only=ROOMS, program=gate.program)
    server.expect("called off", "it was to serve after a roll")
    old = server.worker_pids()
    with classic(server) as client:
        gate.hold()
        server.roll()
        os.kill(gate.wait_held(workers)[-1], signal.SIGKILL)
        server.wait_log("roll: called off: a new worker did not start; the old workers go on")
        gate.open()
        assert server.wait_workers(workers) == old
        client.say("still here")
        client.hears("still here")
    rolls(server)
    serves(server, workers)


def test_old_workers_that_die_meanwhile_are_replaced_by_the_roll(chatd, gate, workers):
    server = chatd(workers=workers, core=SOON, only=ROOMS, program=gate.program)
    server.expect("was killed by signal 9")
    old = server.worker_pids()
    gate.hold()
    server.roll()
    gate.wait_held(workers)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
        server.wait_log(rf"pid {pid}\) was killed .*; the next one is on its way")
    gate.open()
    server.wait_log("roll: done")
    serves(server, workers)


def test_old_workers_that_died_come_back_when_it_is_called_off(chatd, gate, workers):
    server = chatd(workers=workers, core=SOON, only=ROOMS, program=gate.program)
    server.expect("was killed by signal 9", "called off")
    old = server.worker_pids()
    gate.hold()
    server.roll()
    fresh = gate.wait_held(workers)
    os.kill(old[0], signal.SIGKILL)
    server.wait_log(rf"pid {old[0]}\) was killed .*; the next one is on its way")
    os.kill(fresh[0], signal.SIGKILL)
    server.wait_log("roll: called off")
    gate.open()
    serves(server, workers)
    assert set(old[1:]) <= set(server.worker_pids())
    rolls(server)
    serves(server, workers)


def test_one_that_takes_too_long_calls_it_off(chatd, gate, workers):
    server = chatd(workers=workers, core={**SOON, "start_time": "1s"}, only=ROOMS,
                   program=gate.program)
    server.expect("called off", "it was to serve after a roll")
    old = server.worker_pids()
    gate.hold()
    server.roll()
    server.wait_log("roll: called off: a new worker was not ready within start_time")
    gate.open()
    assert server.wait_workers(workers) == old
    rolls(server)
    serves(server, workers)


def test_a_surplus_worker_that_dies_meanwhile_is_not_missed(chatd, gate):
    """4 become 2; the third dies in the middle of it."""
    server = chatd(workers=4, core=SOON, only=ROOMS, program=gate.program)
    server.expect("was killed by signal 9")
    gate.hold()
    server.sections["chatd"]["workers"] = "2"
    server.write_ini()
    server.roll()
    gate.wait_held(2)
    for pid in server.worker_pids()[2:4]:
        os.kill(pid, signal.SIGKILL)
        server.wait_log(rf"pid {pid}\) was killed")
    gate.open()
    server.wait_log("roll: done")
    serves(server, 2)


# -- places without a worker of their own -----------------------------------------------------------


def test_after_a_roll_to_fewer_all_places_are_served_whoever_dies(chatd):
    server = chatd(workers=4, core=SOON, only=ROOMS).expect("was killed by signal 9")
    server.sections["chatd"]["workers"] = "2"
    server.write_ini()
    rolls(server)
    serves(server, 2)
    for sig in (signal.SIGTERM, signal.SIGKILL):
        for pid in server.worker_pids():
            os.kill(pid, sig)
            server.wait_workers(2, without=[pid])
            serves(server, 2)
    rolls(server, 2)
    serves(server, 2)
    server.sections["chatd"]["workers"] = "4"
    server.write_ini()
    rolls(server, 3)
    serves(server, 4)


def test_more_workers_called_off_and_then_all_the_same(chatd):
    server = chatd(workers=1, core=SOON, only=ROOMS)
    server.expect("start-fails", "called off", "it was to serve after a roll")
    server.sections["chatd"]["workers"] = "4"
    server.sections["plugins"].update(rogue("start-fails"))
    server.write_ini()
    server.roll()
    server.wait_log("roll: called off: a new worker did not start")
    serves(server, 1)
    del server.sections["plugins"]["start-fails"]
    server.write_ini()
    rolls(server)
    serves(server, 4)


# -- what it cannot do ------------------------------------------------------------------------------


def test_one_process_alone_needs_a_restart(chatd):
    server = chatd(workers=2, core=SOON, only=ROOMS).expect("called off")
    server.sections["chatd"]["workers"] = "0"
    server.write_ini()
    server.roll()
    server.wait_log("roll: called off: workers = 0 needs a restart; the old workers go on")
    serves(server, 2)


def test_a_program_that_is_gone_calls_it_off(chatd, tmp_path, workers):
    link = tmp_path / "chatd"
    link.symlink_to(CHATD)
    server = chatd(workers=workers, core=SOON, only=ROOMS, program=link)
    server.expect(f"cannot run {link}", "called off")
    link.unlink()
    server.roll()
    server.wait_log(f"error core: cannot run {link}: No such file or directory")
    server.wait_log("roll: called off: the check failed; the old workers go on")
    serves(server, workers)
    link.symlink_to(CHATD)
    rolls(server)
    serves(server, workers)


@pytest.mark.parametrize("option, value", [("user", "nobody"), ("runtime_dir", "elsewhere"),
                                           ("listen", "127.0.0.1:1")])
def test_what_needs_a_restart_is_named_once(chatd, workers, option, value):
    server = chatd(workers=workers, core=SOON, only=ROOMS).expect("needs a restart")
    server.sections["chatd"][option] = value
    server.write_ini()
    rolls(server)
    assert server.log.count(f"warn  core: roll: [chatd] {option} needs a restart") == 1
    serves(server, workers)


def test_what_needs_a_restart_is_named_until_there_was_one(chatd):
    server = chatd(workers=1, core=SOON, only=ROOMS).expect("needs a restart")
    before = server.sections["chatd"]["listen"]
    server.sections["chatd"]["listen"] = "127.0.0.1:1"
    server.write_ini()
    line = "roll: [chatd] listen needs a restart"
    rolls(server, 1)
    rolls(server, 2)
    assert server.log.count(line) == 2
    server.sections["chatd"]["listen"] = before  # as it was: nothing to tell
    server.write_ini()
    rolls(server, 3)
    assert server.log.count(line) == 2


def test_many_rolls_leave_nothing_behind(chatd):
    """Descriptors and seats of those that left are given back."""
    server = chatd(workers=2, core={**SOON, "roll_time": "0"}, only=ROOMS)

    def descriptors():
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))
    rolls(server, 1)
    serves(server, 2)
    before = descriptors()
    for n in range(2, 8):
        rolls(server, n)
    serves(server, 2)
    assert descriptors() == before
    assert requests.get(server.http + "/metrics", timeout=DEADLINE).status_code == 200
