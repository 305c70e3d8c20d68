# SPDX-License-Identifier: MIT
"""What somebody on the same machine learns of a running chatd, of its files and of its crash."""
import json
import os
import pathlib
import re
import resource
import signal
import stat

import pytest
import requests
from raw_ws import CALM, Raw, login, register, with_secret
from server import run_chatd, wait_until

SECRETS = {"jwt_secret": "an-older-key-nobody-may-see-0123456789", "redis": "the-password-of-redis-77"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into such a process")


@pytest.fixture
def unlimited():
    """Started from a shell that lets everything be dumped, and gives every file to all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    before = os.umask(0)
    yield
    os.umask(before)
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def pids(server):
    return [server.process.pid, *server.worker_pids()]


def core_limit(pid):
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return next(line for line in text.splitlines() if line.startswith("Max core file size")).split()[4]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_crash_leaves_no_core_file(chatd, unlimited, workers):
    server = chatd(core=CALM, workers=workers)
    assert {core_limit(pid) for pid in pids(server)} == {"0"}
    server.stop()


def ended(server, number):
    """The process' end by a signal whose default is a core file: whether there was one."""
    os.kill(server.process.pid, number)
    _, status = os.waitpid(server.process.pid, 0)
    server.process.returncode = 0  # this end is no finding
    assert os.WTERMSIG(status) == number
    return os.WCOREDUMP(status)


@pytest.mark.parametrize("choice", ["off", "on"])
def test_core_files_come_where_they_are_wanted(chatd, unlimited, choice):
    # The sanitizer has a setting of its own for this.
    server = chatd(core={**CALM, "core_dumps": choice}, env={"ASAN_OPTIONS": "disable_coredump=0"})
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    wanted = "0" if choice == "off" else "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    assert core_limit(server.process.pid) == wanted
    dumped = ended(server, signal.SIGQUIT)
    if choice == "off":
        assert not dumped
    elif not dumped:
        pytest.skip("this machine makes no core files")


@needs_root
@pytest.mark.parametrize("choice, may", [("off", False), ("on", True)])
def test_the_same_user_sees_its_memory_and_environment_only_with_core_dumps(chatd, choice, may):
    """The kernel gives /proc/PID to root where nobody may look in. Root, as here, always may: the owner says it."""
    server = chatd(core={**CALM, "core_dumps": choice, "user": "nobody"}, workers=2,
                   only={"static": "off"}, env={"CHATD_AUTH_JWT_SECRET": SECRETS["jwt_secret"]})
    server.expect("CHATD_AUTH_JWT_SECRET")
    for pid in pids(server):
        assert (os.stat(f"/proc/{pid}/environ").st_uid != 0) == may


def test_files_are_for_their_owner_alone(chatd, unlimited):
    server = chatd(core={**CALM, "runtime_dir": "run"})
    register(server, "alice")
    made = {path.relative_to(server.folder).as_posix(): stat.S_IMODE(path.stat().st_mode)
            for path in server.folder.rglob("*") if path not in (server.ini, server.log_path)}
    assert {"chatd.db", "chatd.db-wal", "chatd.db-shm", "chatd.db.lock"} <= set(made)
    # The number of a process is no secret, and programs of others ask for it.
    assert (made.pop("run"), made.pop("run/chatd.pid")) == (0o755, 0o644)
    assert {mode & 0o177 for mode in made.values()} == {0}, made
    # What a plugin makes without a word about its mode.
    for pid in pids(server):
        assert re.search(r"^Umask:\s+0077$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)


def test_no_secret_is_printed(tmp_path, chatd):
    """Neither a good nor a bad one, by no command, at no level of the log."""
    good = {"auth": {"jwt_secret": SECRETS["jwt_secret"]}}
    server = chatd(core={**CALM, "log_level": "debug"}, sections=good)
    register(server, "alice", "my secret password 4711")
    token = login(server, "alice", "my secret password 4711").json()["token"]
    requests.get(server.http + "/api/v1/me", headers={"Authorization": "Bearer " + token})
    requests.get(server.http + "/api/v1/me", cookies={"token": token + "x"})
    text = server.log + requests.get(server.http + "/metrics").text
    for secret in (SECRETS["jwt_secret"], "my secret password 4711", token, token.split(".")[2]):
        assert secret not in text
    bad = tmp_path / "bad.ini"
    bad.write_text(f"[chatd]\nlisten = nonsense\n[plugins]\nauth = on\nhistory-redis = on\n[auth]\n"
                   f"jwt_secret = {SECRETS['jwt_secret'][:30]}\njwt_old_secret = {SECRETS['jwt_secret']}\n"
                   f"[history-redis]\npassword = {SECRETS['redis']}\nuser = x\n")
    for command in (["--check"], ["--dump-config"], []):
        result = run_chatd("-c", bad, *command)
        assert result.returncode == 1, result
        for secret in (SECRETS["jwt_secret"][:30], SECRETS["redis"]):
            assert secret not in result.stdout + result.stderr


def memory(pid):
    """What a process may write: heap, stacks, its libraries' data."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            words = line.split()
            begin, end = (int(word, 16) for word in words[0].split("-"))
            # Not what the sanitizer reserves without ever touching it.
            if not words[1].startswith("rw") or end - begin > 1 << 30:
                continue
            try:
                mem.seek(begin)
                yield mem.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue


def found_in_memory(server, text):
    return any(text.encode() in block for pid in pids(server) for block in memory(pid))


@needs_root
def test_passwords_do_not_stay_in_memory(chatd):
    """What a core file, a swapped page or a fault like Heartbleed would show."""
    server = chatd(core=CALM, sections=with_secret())
    first, wrong = "kept nowhere, number 0815", "wrong and kept nowhere 0816"
    assert register(server, "alice", first).status_code == 201
    assert login(server, "alice", first).status_code == 200
    assert login(server, "alice", wrong).status_code == 401
    body = json.dumps({"user": "alice", "password": wrong}).encode()
    with Raw(server) as raw:  # in pieces, and with another request behind it
        raw.send(b"POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(body))
        for i in range(0, len(body), 9):
            raw.send(body[i:i + 9])
        assert raw.reply().status == 401
        assert raw.ask("GET /livez HTTP/1.1\nHost: test\n\n").status == 200
    for password in (first, wrong):
        wait_until(lambda: not found_in_memory(server, password), what="the end of a password in memory")
