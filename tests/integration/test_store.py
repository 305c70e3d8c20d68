# SPDX-License-Identifier: MIT
"""The database file: what stops a start, who owns it, and what survives kill -9."""
import json
import os
import re
import signal
import sqlite3
import threading

import pytest
from raw_ws import CALM, TEXT, RawWs, cookie, frame, with_secret
from server import run_chatd


def start_fails(tmp_path, path):
    """Runs chatd with this database; returns its log, which must name the path."""
    ini = tmp_path / "chatd.ini"
    ini.write_text("[chatd]\nlisten = 127.0.0.1:0\n[plugins]\nhistory-sqlite = on\n"
                   f"[history-sqlite]\npath = {path}\n")
    ended = run_chatd("-c", ini, cwd=tmp_path)
    assert ended.returncode == 1, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if str(path) in line and " error " in line]
    assert len(lines) == 1, ended.stderr
    assert "[history-sqlite]" in lines[0]
    return lines[0]


# --- starts that fail --------------------------------------------------------------------------


def test_a_folder_that_is_not_there_stops_the_start(tmp_path):
    assert "No such file" in start_fails(tmp_path, tmp_path / "missing" / "chatd.db")


def test_a_folder_that_may_not_be_written_stops_the_start(tmp_path):
    # /proc refuses new files to root, too.
    start_fails(tmp_path, "/proc/chatd.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_stops_the_start(tmp_path):
    path = tmp_path / "chatd.db"
    sqlite3.connect(path).close()
    path.touch()
    path.chmod(0o400)
    start_fails(tmp_path, path)


def test_a_folder_in_the_place_of_the_file_stops_the_start(tmp_path):
    (tmp_path / "chatd.db").mkdir()
    assert "is a folder" in start_fails(tmp_path, tmp_path / "chatd.db")


@pytest.mark.parametrize("content", [b"not a database " * 1000, b"\0" * 5000, b"x" * 100])
def test_a_file_that_is_no_database_stops_the_start_and_is_left_alone(tmp_path, content):
    path = tmp_path / "chatd.db"
    path.write_bytes(content)
    assert "is not an SQLite database" in start_fails(tmp_path, path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_stops_the_start_and_is_left_alone(tmp_path):
    path = tmp_path / "chatd.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()
    before = path.read_bytes()
    assert "another program" in start_fails(tmp_path, path)
    assert path.read_bytes() == before


def test_a_second_chatd_on_the_file_is_refused_with_the_pid_of_the_first(chatd, tmp_path):
    first = chatd(core=CALM, sections=with_secret())
    line = start_fails(tmp_path, first.folder / "chatd.db")
    assert f"in use by another chatd (pid {first.process.pid})" in line
    with RawWs(first, headers=cookie("alice")) as ws:
        assert_stores(ws, "the first is not disturbed")


def assert_stores(ws, text):
    ws.send(frame(TEXT, json.dumps({"text": text})))
    assert json.loads(ws.text())["text"] == text


def test_the_file_is_free_again_after_kill_9(chatd):
    server = chatd(core=CALM)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    server.start()


def test_the_file_may_be_read_by_its_owner_only(chatd):
    """It holds password hashes and keys."""
    server = chatd(core=CALM)
    for path in server.folder.glob("chatd.db*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_relative_path_is_relative_to_the_ini(chatd):
    server = chatd(core=CALM, sections={"history-sqlite": {"path": "other.db"}})
    assert (server.folder / "other.db").exists()


# --- kill -9 -----------------------------------------------------------------------------------


class Talker(threading.Thread):
    """Says numbered messages, the next when its echo came; `seen` are those whose echo was seen."""

    def __init__(self, server, name, first):
        super().__init__()
        self.name = name
        self.ws = RawWs(server, headers=cookie(name))
        self.next = first
        self.seen = []

    def run(self):
        try:
            while True:
                text = f"{self.name}:{self.next}"
                self.next += 1
                self.ws.send(frame(TEXT, json.dumps({"text": text})))
                while True:
                    got = json.loads(self.ws.text())
                    if got["text"] == text:
                        break
                self.seen.append((got["seq"], text))
        except (AssertionError, OSError):
            return  # the server is gone


def read_to_the_end(ws, got):
    """Puts into `got` what comes before the own message."""
    ws.send(frame(TEXT, '{"text":"the end"}'))
    while True:
        message = json.loads(ws.text())
        if message["text"] == "the end" and message["user"] == "reader":
            return
        got.append((message["seq"], message["text"]))


def test_kill_9_loses_no_acknowledged_message_and_doubles_none(chatd):
    """No acknowledged message lost, none doubled, order kept: an echo that was seen is an
    acknowledgement."""
    server = chatd(core=CALM, sections=with_secret(rooms={"history_on_join": "200"}))
    acknowledged, stored = [], {}
    for life in range(4):
        talkers = [Talker(server, f"t{i}", life * 1000) for i in range(4)]
        for talker in talkers:
            talker.start()
        while sum(len(t.seen) for t in talkers) < 40:
            assert any(t.is_alive() for t in talkers)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        for talker in talkers:
            talker.join()
            talker.ws.close()
            acknowledged += talker.seen
        server.start()
        db = sqlite3.connect(server.folder / "chatd.db")
        rows = db.execute("SELECT seq, record FROM records ORDER BY seq").fetchall()
        db.close()
        stored = {seq: json.loads(record)["text"] for seq, record in rows}
        assert list(stored) == list(range(1, len(stored) + 1))
        assert len(set(stored.values())) == len(stored), "a message is there twice"
        for seq, text in acknowledged:
            assert stored.get(seq) == text
    with RawWs(server, headers=cookie("reader")) as ws:
        got = []
        read_to_the_end(ws, got)
    latest = sorted(stored.items())[-200:]
    assert got == latest


def test_a_stop_keeps_what_was_sent_before_it(chatd):
    server = chatd(core=CALM, sections=with_secret())
    with RawWs(server, headers=cookie("alice")) as ws:
        for i in range(20):
            assert_stores(ws, f"m{i}")
        server.process.terminate()
        assert ws.is_refused(1001)
        assert server.process.wait(20) == 0
    server.start()
    with RawWs(server, headers=cookie("bob")) as ws:
        assert [json.loads(ws.text())["seq"] for _ in range(20)] == list(range(1, 21))


def test_a_restart_keeps_the_epoch(chatd):
    server = chatd(core=CALM)
    assert server.stop() == 0
    server.start()
    epochs = re.findall(r"is open, epoch (\w+)", server.log)
    assert len(epochs) == 2 and epochs[0] == epochs[1]
