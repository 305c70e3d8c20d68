# SPDX-License-Identifier: MIT
"""What systemd hears, at a socket of its kind."""
import os
import pathlib
import re
import socket
import subprocess
import uuid

import pytest
from chat import ALL_OFF
from server import DEADLINE, ROOT, Server

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
    assert len(settings) == len(set(settings) - {""}) and "ExecReload" in settings
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
