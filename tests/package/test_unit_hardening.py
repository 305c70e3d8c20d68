# SPDX-License-Identifier: MIT
"""What the unit forbids: that it stays as much, and that chatd does not need what it forbids."""
import os
import re
import shutil
import subprocess

import pytest
from bare_root import run
from raw_ws import account
from server import BUILD, ROOT, Server

UNIT = ROOT / "etc" / "chatd.service"
EXPOSURE = 1.4  # what the unit itself and etc/README.md say


def settings(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


@pytest.fixture(scope="module")
def analyze():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    return lambda *words: run("systemd-analyze", *words).stdout


def test_the_exposure_is_what_the_pages_say(analyze):
    told = analyze("security", "--offline=yes", UNIT)
    assert float(re.search(r"Overall exposure level for chatd.service: ([\d.]+)", told)[1]) <= EXPOSURE, told
    assert f"says {EXPOSURE} for this" in UNIT.read_text()
    assert f"exposure of {EXPOSURE}" in (ROOT / "etc" / "README.md").read_text()


def test_what_is_left_open_is_given_a_reason(analyze):
    """Each line that costs something names a setting that the unit's comments name."""
    told = analyze("security", "--offline=yes", UNIT)
    costs = {re.match(r"[A-Za-z]+", name)[0] for name in re.findall(r"^✗ (\S+) .*\d\.\d\s*$", told, re.M)}
    reasons = "".join(line for line in UNIT.read_text().splitlines(True) if line.startswith("#"))
    known = {"RestrictAddressFamilies": "AF_UNIX", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
             "AmbientCapabilities": "CAP_NET_BIND_SERVICE", "DeviceAllow": "char-rtc"}
    missing = {name for name in costs if known.get(name, name) not in reasons}
    assert missing == set()


def groups(analyze):
    """{@group: its words}"""
    found, name = {}, None
    for line in analyze("syscall-filter").splitlines():
        word = line.split("#")[0].strip()
        if line.startswith("@"):
            name = word
            found[name] = set()
        elif name and word:
            found[name].add(word)
    return found


def expand(known, words):
    found = set()
    for word in words:
        found |= expand(known, known[word]) if word in known else {word}
    return found


def test_no_system_call_is_made_that_the_unit_forbids(analyze, tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    known = groups(analyze)
    allow, deny = settings("SystemCallFilter")
    allowed = expand(known, ["@default", *allow.split()]) - expand(known, deny.removeprefix("~").split())
    trace = tmp_path / "trace"
    wrapper = tmp_path / "chatd"
    wrapper.write_text(f"#!/bin/sh\nexec strace -f -qq -o {trace} {BUILD}/bin/chatd \"$@\"\n")
    wrapper.chmod(0o755)
    server = Server(tmp_path / "s", program=wrapper, workers=2,
                    core={"roll_time": "1s", "runtime_dir": "run", "slow_hook": "60s"})
    server.expected = [".*"]  # it is a slow chatd
    with server:
        account(server, "alice")
        master = int((server.folder / "run" / "chatd.pid").read_text())
        subprocess.run(["kill", "-HUP", str(master)], check=True)
        server.wait_log("reload: done|nothing has changed")
        subprocess.run(["kill", "-USR2", str(master)], check=True)
        server.wait_log("roll: done")
        account(server, "bob")
        subprocess.run(["kill", "-TERM", str(master)], check=True)
        server.process.wait(60)
    # What the program itself does begins behind its execve(); strace stands before it.
    used = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", trace.read_text(), re.M))
    assert len(used) > 40
    if os.geteuid() == 0:
        used.discard("fchown")  # SQLite, for root alone: its files belong to whom the database does
    assert used - allowed == set()
