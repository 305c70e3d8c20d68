# SPDX-License-Identifier: MIT
"""The benchmarks' load generator against a real chatd: it counts what there is, and tells what goes wrong."""
import json
import subprocess
import urllib.request

import pytest
from raw_ws import CALM, cookie, with_secret
from server import BUILD, DEADLINE, wait_until

PROGRAM = BUILD / "bin" / "bench_load"
CORE = {**CALM, "deflate_min": "0", "frame_rate": "0"}


def command(server, mode, *options):
    assert PROGRAM.exists(), "build with CHATD_TESTS"
    return [PROGRAM, mode, "--port", str(server.port), *map(str, options)]


def run(server, mode, *options):
    done = subprocess.run(command(server, mode, *options), timeout=3 * DEADLINE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def server(chatd):
    return chatd(core=CORE, only={"rooms": "on"})


@pytest.mark.parametrize("flags", [(), ("--deflate",)], ids=["plain", "deflate"])
def test_every_delivery_is_counted(server, dialect, flags):
    told = run(server, "fanout", "--dialect", dialect, "--rooms", 3, "--members", 4, "--inflight", 2,
               "--messages", 90, *flags)
    assert (told["messages"], told["deliveries"]) == (90, 90 * 4)
    assert not any(told[name] for name in ("lost", "doubled", "reordered", "closed"))
    if flags:
        assert told["deflated"] >= told["deliveries"]


def test_a_server_without_compression_is_refused(chatd):
    server = chatd(core={**CALM, "deflate": "off"}, only={"rooms": "on"})
    done = subprocess.run(command(server, "fanout", "--deflate", "--seconds", 1), timeout=3 * DEADLINE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "no compression and 101" in done.stderr


def test_connect_opens_and_closes(server, dialect):
    conns = 2000  # the clock of CPU counts in steps of 10 ms, which 200 do not always fill
    told = run(server, "connect", "--dialect", dialect, "--conns", conns, "--rooms", 4,
               "--pid", server.process.pid)
    assert (told["handshakes"], told["refused"]) == (conns, 0)
    assert told["server_cpu_us_per_handshake"] > 0
    wait_until(lambda: server.metrics()["chatd_connections"] == 0, what="the end of all connections")


def test_connect_counts_what_is_refused(chatd):
    """A token without account is refused by nobody, but so many joins of one user at once are."""
    server = chatd(core=CORE, rates=True, sections=with_secret(rooms={"join_rate_user": "10"}))
    wait_until(lambda: server.ready()[0] == 200, what="a ready chatd")
    told = run(server, "connect", "--conns", 300, "--cookie", cookie("alice")["Cookie"])
    assert told["handshakes"] + told["refused"] == 300
    assert told["handshakes"] >= 50 and told["refused"] > 0


def test_connect_fails_where_nobody_gets_in(chatd):
    server = chatd(core=CORE, sections=with_secret())
    wait_until(lambda: server.ready()[0] == 200, what="a ready chatd")
    done = subprocess.run(command(server, "connect", "--conns", 20), timeout=3 * DEADLINE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "every connection was refused" in done.stderr
    assert done.stderr.count("401") == 1  # the reason once, not twenty times


def start_hold(server, *options):
    process = subprocess.Popen(command(server, "hold", "--conns", 30, *options), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.told = json.loads(process.stdout.readline())
    assert process.told["conns"] == 30
    return process


def test_hold_stays_until_it_is_told(server):
    process = start_hold(server, "--rooms", 3)
    assert server.metrics()["chatd_connections"] == 30
    assert process.communicate(timeout=DEADLINE)[1] == ""
    assert process.returncode == 0


def test_hold_tells_that_connections_were_lost(server):
    process = start_hold(server)
    server.stop()
    told = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == 1
    assert "a connection ended" in told


def test_hold_resumes_in_the_rooms_of_a_run_before(chatd):
    server = chatd(core=CORE, only={"rooms": "on", "history-sqlite": "on"})
    run(server, "fanout", "--dialect", "v1", "--run", 7, "--members", 1, "--messages", 40)
    with urllib.request.urlopen(server.http + "/api/v1/rooms/b00000007-0/messages?limit=1", timeout=DEADLINE) as page:
        page = json.load(page)
    since = json.dumps({"epoch": page["epoch"], "seq": page["top"] - 25})
    process = start_hold(server, "--dialect", "v1", "--run", 7, "--rooms", 1, "--connect-rate", 1000, "--since", since)
    assert process.told["deliveries"] == 30 * 25
    assert process.told["doubled"] == process.told["reordered"] == 0
    process.communicate(timeout=DEADLINE)
