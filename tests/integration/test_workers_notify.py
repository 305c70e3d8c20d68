# SPDX-License-Identifier: MIT
"""What systemd hears, at a socket of its kind."""
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import time
import uuid

import pytest
from chat import ALL_OFF
from gate import Gate, ended, starting
from server import CHATD, DEADLINE, ROOT, Server

ROOMS = {**ALL_OFF, "rooms": "on"}


class Systemd:
    def __init__(self, name):
        self.name = name
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        self.sock.settimeout(DEADLINE)

    def hears(self, pattern):
        """The next message that matches; what comes before it is passed over."""
        while True:
            text = self.sock.recv(4096).decode()
            if re.search(pattern, text):
                return text

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.sock.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    name = str(tmp_path / "s") if request.param == "path" else f"@chatd-test-{uuid.uuid4().hex}"
    with Systemd(name) as it:
        yield it


@pytest.mark.parametrize("workers", [1, 4])
def test_it_is_told_of_each_step(chatd, systemd, workers):
    env = {"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "600000"}
    server = chatd(workers=workers, only=ROOMS, env=env, core={"roll_time": "1s"})
    assert re.search(rf"STATUS={workers} worker", systemd.hears("^READY=1"))
    systemd.hears("^WATCHDOG=1$")
    systemd.hears("^WATCHDOG=1$")
    server.hang_up()
    assert re.search(r"^MONOTONIC_USEC=\d+$", systemd.hears("^RELOADING=1"), re.M)
    systemd.hears("^READY=1$")
    server.roll()
    systemd.hears("^STATUS=rolling$")
    systemd.hears(rf"^STATUS={workers} worker")
    for pid in server.worker_pids():
        assert b"NOTIFY_SOCKET" not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    assert server.stop() == 0
    systemd.hears("^STOPPING=1$")


def told_so_far(systemd):
    """What has come, without waiting for more."""
    systemd.sock.setblocking(False)
    texts = []
    with contextlib.suppress(BlockingIOError):
        while True:
            texts.append(systemd.sock.recv(4096).decode())
    systemd.sock.settimeout(DEADLINE)
    return texts


def test_it_is_ready_when_the_last_worker_serves(tmp_path, systemd):
    gate = Gate(tmp_path / "gate")
    server = Server(tmp_path / "chatd", workers=4, only=ROOMS, program=gate.program,
                    env={"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "300000"})
    gate.hold(1)
    with ended(server), starting(server) as line:
        gate.wait_held(3)
        systemd.hears("^WATCHDOG=1$")  # it lives, and is not ready
        systemd.hears("^WATCHDOG=1$")
        assert not any("READY" in text for text in told_so_far(systemd))
        gate.open()
        line.result()
        systemd.hears("^READY=1")


def test_a_reload_that_changes_nothing_is_over_too(chatd, systemd):
    """Otherwise systemctl reload would wait for the end of it."""
    server = chatd(workers=2, only=ROOMS, sections={"rooms": {}}, env={"NOTIFY_SOCKET": systemd.name})
    server.expect("text_max", "nothing has changed")
    systemd.hears("^READY=1")
    server.sections["rooms"] = {"text_max": "a lot"}
    server.write_ini()
    before = time.monotonic_ns() // 1000
    server.hang_up()
    text = systemd.hears("^RELOADING=1")
    assert before <= int(re.search(r"^MONOTONIC_USEC=(\d+)$", text, re.M)[1]) \
        <= time.monotonic_ns() // 1000
    systemd.hears("^READY=1$")
    server.wait_log("nothing has changed")


def test_a_roll_that_is_called_off_is_told_as_what_serves(chatd, systemd):
    server = chatd(workers=2, only=ROOMS, sections={"rooms": {}}, env={"NOTIFY_SOCKET": systemd.name})
    server.expect("text_max", "called off")
    systemd.hears("^READY=1")
    server.sections["rooms"] = {"text_max": "a lot"}
    server.write_ini()
    server.roll()
    systemd.hears("^STATUS=rolling$")
    assert systemd.hears("^STATUS=") == f"STATUS=2 workers serve 127.0.0.1:{server.port}"


def watched(folder, socket_name, pid):
    """A server that WATCHDOG_PID says is watched, or is not: `pid` as the shell understands it."""
    folder.mkdir()
    program = folder / "chatd"
    program.write_text(f'#!/bin/sh\nexport WATCHDOG_PID={pid}\nexec "{CHATD}" "$@"\n')
    program.chmod(0o755)
    return Server(folder / "server", workers=1, only=ROOMS, program=program,
                  env={"NOTIFY_SOCKET": socket_name, "WATCHDOG_USEC": "300000"})


def test_a_watchdog_that_watches_another_process_hears_nothing(tmp_path, systemd):
    with Systemd(str(tmp_path / "other")) as other, \
            watched(tmp_path / "unwatched", other.name, "1"), \
            watched(tmp_path / "watched", systemd.name, "$$"):
        other.hears("^READY=1")
        for _ in range(5):
            systemd.hears("^WATCHDOG=1$")
        assert not any("WATCHDOG" in text for text in told_so_far(other))


def test_a_worker_has_nothing_of_it_in_its_environment(chatd, systemd):
    env = {"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "60000000"}
    server = chatd(workers=2, only=ROOMS, env=env)

    def nothing():
        for pid in server.worker_pids():
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            assert b"NOTIFY_SOCKET" not in environment and b"WATCHDOG_USEC" not in environment
    nothing()
    server.roll()
    server.wait_log("roll: done")
    nothing()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_socket_that_nobody_reads_is_no_hindrance(chatd, tmp_path, workers):
    """Full, or gone: the server goes on."""
    for n, name in enumerate([tmp_path / "full", tmp_path / "none", "nonsense", "@", "/" * 200]):
        with contextlib.ExitStack() as stack:
            if n == 0:
                full = stack.enter_context(Systemd(str(name)))
                filler = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        filler.sendto(b"x", full.name)
            env = {"NOTIFY_SOCKET": str(name), "WATCHDOG_USEC": "300000"}
            with Server(tmp_path / f"server{n}", workers=workers, only=ROOMS, env=env) as server:
                server.hang_up()
                server.wait_log("reload: done")


def test_a_failed_start_is_never_ready(tmp_path, systemd):
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    server = Server(tmp_path / "chatd", workers=2, only=ROOMS, env={"NOTIFY_SOCKET": systemd.name},
                    core={"listen": f"127.0.0.1:{other.getsockname()[1]}"})
    with pytest.raises(AssertionError, match="ended with 1"):
        server.start()
    other.close()
    systemd.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.hears("READY")


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    """systemd-analyze, where it is at hand; else that each line is a section, a setting or a remark."""
    text = (ROOT / "etc" / "chatd.service").read_text()
    settings = re.findall(r"^(\w+)=", text, re.M)
    once = [name for name in settings if name != "SystemCallFilter"]  # a list, then what is taken from it
    assert len(once) == len(set(once)) and "ExecReload" in once
    for line in text.splitlines():
        assert re.fullmatch(r"(#.*|\[(Unit|Service|Install)\]|\w+=.*|)", line), line
    unit = tmp_path / "chatd.service"
    unit.write_text(text.replace("/usr/local/bin/chatd", "/bin/true")
                    .replace("=chatd\nGroup=chatd", "=root\nGroup=root"))
    for folder in os.environ["PATH"].split(":"):
        tool = pathlib.Path(folder) / "systemd-analyze"
        if tool.exists():
            done = subprocess.run([tool, "verify", unit], text=True, capture_output=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, "")
            break
