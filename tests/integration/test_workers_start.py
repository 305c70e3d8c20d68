# SPDX-License-Identifier: MIT
"""A server of several processes while it starts: slow, disturbed, beside another one, in a poor place."""
import os
import random
import re
import signal
import socket

import pytest
import requests
from chat import ALL_OFF, does_not_start, rogue
from gate import Gate, ended, starting
from server import CHATD, DEADLINE, Server, is_chatd, wait_until

ROOMS = {**ALL_OFF, "rooms": "on"}


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "gate")


def fails(folder, **options):
    """Starts a server that must end with 1; returns its log."""
    server = Server(folder, **options)
    does_not_start(server)
    return server.log


def port_apart():
    """A free one outside of the range that the kernel gives away: nobody else gets it meanwhile."""
    def found():
        port = random.randrange(10000, 30000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                return None
        return port
    return wait_until(found, what="a free port")


def answers(url):
    return requests.get(url + "/livez", timeout=DEADLINE).status_code == 200


def listeners(port):
    """How many sockets of this machine listen on a port of 127.0.0.1."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def gone(pids):
    wait_until(lambda: not any(is_chatd(pid) for pid in pids), what="the end of the processes")


# -- slow -----------------------------------------------------------------------------------------


def test_it_does_not_say_where_before_all_accept(tmp_path, gate):
    """The first worker serves already, the others are still on their way."""
    listen = f"127.0.0.1:{port_apart()}"
    server = Server(tmp_path / "chatd", only=ROOMS, workers=4, program=gate.program,
                    core={"listen": listen})
    gate.hold(1)
    with ended(server), starting(server) as line:
        gate.wait_held(3)

        def first_serves():
            try:
                return answers(f"http://{listen}")
            except requests.ConnectionError:
                return False
        wait_until(first_serves, what="the first worker")
        assert not line.done() and "listens on" not in server.log
        gate.open()
        line.result()
        assert f"4 workers, pid {server.process.pid})" in server.log
        assert listeners(server.port) == 4


def test_every_socket_that_listens_has_a_worker_once_it_says_where(chatd, workers):
    server = chatd(workers=workers, only=ROOMS)
    assert listeners(server.port) == workers
    assert all(answers(server.http) for _ in range(30))


# -- disturbed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_first_worker_starts_is_a_stop(tmp_path, gate, workers, sig):
    server = Server(tmp_path / "chatd", only=ROOMS, workers=workers, program=gate.program)
    gate.hold()
    with starting(server) as line:
        pids = gate.wait_held()
        server.process.send_signal(sig)
        with pytest.raises(AssertionError, match="ended with 0"):
            line.result()
    gone(pids)
    assert server.log.endswith("core: stopped\n")
    server.close()


def test_a_signal_while_the_others_start_is_a_stop(tmp_path, gate):
    server = Server(tmp_path / "chatd", only=ROOMS, workers=4, program=gate.program)
    gate.hold(1)
    with starting(server) as line:
        pids = gate.wait_held(3) + server.worker_pids()
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(AssertionError, match="ended with 0"):
            line.result()
    gone(pids)
    server.close()


@pytest.mark.parametrize("sig, what", [(signal.SIGHUP, "reload"), (signal.SIGUSR2, "roll")])
def test_a_reload_or_a_roll_is_refused_while_it_starts(tmp_path, gate, sig, what):
    server = Server(tmp_path / "chatd", only=ROOMS, workers=2, program=gate.program)
    server.expect("not now, the server starts")
    gate.hold(1)
    with ended(server), starting(server) as line:
        gate.wait_held()
        server.process.send_signal(sig)
        server.wait_log(f"warn  core: {what}: not now, the server starts")
        gate.open()
        line.result()


def test_a_worker_that_dies_at_the_start_ends_it(tmp_path, gate):
    """Half a server is none: whoever started it learns so from the exit code."""
    server = Server(tmp_path / "chatd", only=ROOMS, workers=4, program=gate.program)
    gate.hold(1)
    with starting(server) as line:
        pids = gate.wait_held(3)
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(AssertionError, match="ended with 1"):
            line.result()
    gone(pids)
    server.stop()
    assert len(re.findall(r"error core: worker \d \(pid \d+\) was killed by signal 9 .*; not started",
                          server.log)) == 1
    assert "core: stopped" not in server.log


def test_a_start_that_takes_too_long_is_given_up(tmp_path, gate, workers):
    server = Server(tmp_path / "chatd", only=ROOMS, workers=workers, program=gate.program,
                    core={"start_time": "1s"})
    gate.hold()
    does_not_start(server)
    assert server.log.count("was not ready within start_time: killed; not started") == 1
    gate.open()
    gone(gate.held())


def test_workers_of_a_master_killed_at_the_start_do_not_stay(tmp_path, gate):
    server = Server(tmp_path / "chatd", only=ROOMS, workers=4, program=gate.program)
    gate.hold(1)
    with starting(server) as line:
        pids = gate.wait_held(3) + server.worker_pids()
        server.process.kill()
        with pytest.raises(AssertionError, match="ended with -9"):
            line.result()
    gate.open()
    gone(pids)
    server.expect("the master is gone").stop()
    server.check_log()


# -- beside another one ---------------------------------------------------------------------------


@pytest.mark.parametrize("first, second", [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"),
                                           ("[::]", "127.0.0.1"), ("127.0.0.1", "[::]")])
def test_an_address_within_the_other_ones_is_taken_too(chatd, tmp_path, workers, first, second):
    other = chatd(only=ROOMS, workers=workers, core={"listen": f"{first}:0"})
    log = fails(tmp_path / "second", only=ROOMS, workers=workers,
                core={"listen": f"{second}:{other.port}"})
    assert log.count("another server has it: stop that one or change listen") == 1
    assert answers(other.http)


def test_two_that_start_at_once_do_not_share_the_port(tmp_path, gate, workers):
    """The first has bound its sockets and does not listen yet: the second must find that out."""
    listen = f"127.0.0.1:{port_apart()}"
    first = Server(tmp_path / "first", only=ROOMS, workers=workers, program=gate.program,
                   core={"listen": listen})
    second = Server(tmp_path / "second", only=ROOMS, workers=workers, core={"listen": listen})
    gate.hold()
    with ended(first), starting(first) as line:
        gate.wait_held()
        try:
            does_not_start(second)
        finally:
            gate.open()
            line.result()
        assert second.log.count("another server has it: stop that one or change listen") == 1


def test_a_master_between_two_workers_keeps_its_port(chatd, tmp_path, gate):
    """Its only worker died and the next is on its way: nobody else gets the address meanwhile."""
    first = chatd(only=ROOMS, workers=1, program=gate.program).expect("killed by signal 9")
    for _ in range(2):  # the second one comes after a second, and until then nobody listens
        pid = first.wait_workers(1)[0]
        first.wait_serving(1)
        os.kill(pid, signal.SIGKILL)
        first.wait_log(rf"pid {pid}\) was killed")
    second = Server(tmp_path / "second", only=ROOMS, workers=1,
                    core={"listen": f"127.0.0.1:{first.port}"})
    does_not_start(second)
    assert "another server has it" in second.log
    first.wait_serving(1)


# -- where ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"),
                    reason="this machine has no IPv6")
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_every_address_of_both_families_on_any_free_port(chatd, workers):
    server = chatd(workers=workers, only=ROOMS, core={"listen": "[::]:0"})
    assert re.search(rf"listens on http://\[::\]:{server.port} ", server.log)
    for host in ("127.0.0.1", "[::1]"):
        assert all(answers(f"http://{host}:{server.port}") for _ in range(2 * workers + 1))


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_too_few_descriptors_are_told_once_with_both_numbers(tmp_path, workers):
    program = tmp_path / "chatd"
    program.write_text(f'#!/bin/sh\nulimit -n 300\nexec "{CHATD}" "$@"\n')
    program.chmod(0o755)
    core = {"max_connections": "400", "max_http_connections": "100"}
    with Server(tmp_path / "low", only=ROOMS, workers=workers, program=program, core=core) \
            .expect("descriptor limit") as server:
        lines = re.findall(r"warn +(.*descriptor limit.*)", server.log)
        assert len(lines) == 1, lines
        assert re.search(r"the descriptor limit is 300; max_connections = 400 and "
                         r"max_http_connections = 100 need 628: raise it", lines[0])


@pytest.mark.parametrize("workers", [1, 4])
def test_a_soft_limit_is_raised_without_a_word(tmp_path, workers):
    program = tmp_path / "chatd"
    program.write_text(f'#!/bin/sh\nulimit -Sn 100\nexec "{CHATD}" "$@"\n')
    program.chmod(0o755)
    core = {"max_connections": "400", "max_http_connections": "100"}
    with Server(tmp_path / "low", only=ROOMS, workers=workers, program=program, core=core) as server:
        for pid in server.worker_pids():
            with open(f"/proc/{pid}/limits") as limits:
                assert int(re.search(r"Max open files +(\d+)", limits.read())[1]) >= 628


def test_auto_follows_the_processors_it_may_use(tmp_path):
    one = min(os.sched_getaffinity(0))
    program = tmp_path / "chatd"
    program.write_text(f'#!/bin/sh\nexec taskset -c {one} "{CHATD}" "$@"\n')
    program.chmod(0o755)
    with Server(tmp_path / "one", only=ROOMS, workers="auto", program=program) as server:
        assert ", 1 worker, pid" in server.log and len(server.worker_pids()) == 1
    with Server(tmp_path / "all", only=ROOMS, workers="auto") as server:
        assert len(server.worker_pids()) == len(os.sched_getaffinity(0))


# -- a reason is told once ------------------------------------------------------------------------


@pytest.mark.parametrize("name, line", [
    ("init-fails", "plugin init-fails failed in init"),
    ("init-crash", "plugin init-crash crashed the check with signal 6"),
    ("wrong-major", "wrong-major.so is built for ABI"),
])
def test_a_plugin_that_cannot_be_used_is_named_once(tmp_path, workers, name, line):
    log = fails(tmp_path / "chatd", only={**ROOMS, **rogue(name)}, workers=workers)
    assert log.count(line) == 1
    assert len(re.findall("error core: not started: ", log)) == 1
    assert "worker 0" not in log and "listens on" not in log
