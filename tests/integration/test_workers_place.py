# SPDX-License-Identifier: MIT
"""The options `user` and `runtime_dir`."""
import os
import pathlib
import pwd
import shutil
import tempfile

import pytest
from chat import ALL_OFF, does_not_start
from server import BUILD, Server

ROOMS = {**ALL_OFF, "rooms": "on"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(params=[0, 1, 4])
def workers(request):
    return request.param


@pytest.fixture
def open_folder():
    """A folder that everybody may enter: pytest's own are not."""
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def owner(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Uid:"):
            return {int(uid) for uid in line.split()[1:]}
    return None


def reaches(path, uid):
    """May this user read what lies there? Otherwise the program cannot be run as them."""
    return all(os.stat(p).st_mode & 0o005 == 0o005 or os.stat(p).st_uid == uid
               for p in [path, *path.parents])


@needs_root
def test_root_becomes_the_user_and_keeps_the_port(open_folder, workers):
    nobody = pwd.getpwnam("nobody").pw_uid
    if not reaches(BUILD / "bin", nobody):
        pytest.skip("nobody may not enter the build's folder")
    data = open_folder / "data"
    data.mkdir()
    os.chown(data, nobody, nobody)
    server = Server(open_folder / "chatd", workers=workers, core={"user": "nobody"},
                    sections={"history-sqlite": {"path": data / "chatd.db"}})
    server.expected = []  # not even the warning about root
    with server:
        for pid in [server.process.pid, *server.worker_pids()]:
            assert owner(pid) == {nobody}
        assert (data / "chatd.db").stat().st_uid == nobody


@needs_root
def test_a_root_that_stays_is_told_once(chatd, workers):
    server = chatd(workers=workers, only=ROOMS)
    assert server.log.count("running as root: write user = NAME in [chatd]") == 1


@needs_root
def test_a_user_that_does_not_exist_is_told(tmp_path, workers):
    server = Server(tmp_path / "chatd", workers=workers, only=ROOMS, core={"user": "no-such-person"})
    does_not_start(server)
    assert server.log.count("error core: user = no-such-person: there is no such user") == 1


def test_the_pid_file_is_there_while_it_runs(chatd, tmp_path, workers):
    folder = tmp_path / "run"
    server = chatd(workers=workers, only=ROOMS, core={"runtime_dir": folder})
    file = folder / "chatd.pid"
    assert file.read_text() == f"{server.process.pid}\n"
    assert server.stop() == 0
    assert not file.exists()


def test_a_second_one_with_the_same_folder_is_refused(chatd, tmp_path, workers):
    core = {"runtime_dir": tmp_path / "run"}
    first = chatd(workers=workers, only=ROOMS, core=core)
    second = Server(tmp_path / "second", workers=workers, only=ROOMS, core=core)
    does_not_start(second)
    assert f"chatd.pid is locked by another chatd (pid {first.process.pid})" in second.log
    assert (tmp_path / "run" / "chatd.pid").read_text() == f"{first.process.pid}\n"


def test_a_file_left_by_a_killed_one_is_no_hindrance(chatd, tmp_path):
    core = {"runtime_dir": tmp_path / "run"}
    first = chatd(workers=1, only=ROOMS, core=core).expect("the master is gone")
    first.stop(9)
    second = chatd(workers=1, only=ROOMS, core=core)
    assert (tmp_path / "run" / "chatd.pid").read_text() == f"{second.process.pid}\n"
