# SPDX-License-Identifier: MIT
"""The options `user` and `runtime_dir`."""
import os
import pathlib
import pwd
import shutil
import tempfile

import pytest
import requests
from chat import ALL_OFF, does_not_start
from server import BUILD, DEADLINE, Server, wait_until

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


@pytest.fixture
def as_nobody(open_folder):
    """as_nobody(**options): a Server that becomes nobody, whose database is in a folder of theirs."""
    nobody = pwd.getpwnam("nobody")
    if not reaches(BUILD / "bin", nobody.pw_uid):
        pytest.skip("nobody may not enter the build's folder")
    data = open_folder / "data"
    data.mkdir()
    os.chown(data, nobody.pw_uid, nobody.pw_gid)

    def server(core=None, **options):
        it = Server(open_folder / "chatd", core={"user": "nobody", **(core or {})},
                    sections={"history-sqlite": {"path": data / "chatd.db"}}, **options)
        it.expected = []
        return it
    server.folder = data
    server.uid = nobody.pw_uid
    return server


@pytest.fixture
def more_groups():
    """What this process starts is in one more group."""
    before = os.getgroups()
    os.setgroups([*before, 54321])
    yield
    os.setgroups(before)


@needs_root
def test_they_have_nothing_of_root_left(more_groups, as_nobody, workers):
    """User, group and the other groups, in the master as in workers, and no capability."""
    gid = pwd.getpwnam("nobody").pw_gid
    own = set(os.getgrouplist("nobody", gid))
    with as_nobody(workers=workers) as server:
        for pid in [server.process.pid, *server.worker_pids()]:
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
            status = dict(line.split(":", 1) for line in lines)
            assert {int(word) for word in status["Gid"].split()} == {gid}
            assert {int(word) for word in status["Groups"].split()} <= own
            assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0


@needs_root
@pytest.mark.parametrize("workers", [1, 4])
def test_new_workers_of_a_roll_are_the_user_too(as_nobody, workers):
    with as_nobody(workers=workers, core={"roll_time": "1s"}) as server:
        old = server.worker_pids()
        server.roll()
        server.wait_log("roll: done")
        fresh = server.worker_pids()
        assert len(fresh) == workers and not set(old) & set(fresh)
        assert all(owner(pid) == {as_nobody.uid} for pid in fresh)


@needs_root
def test_more_workers_share_a_socket_of_root(as_nobody):
    """Only root could bind another one beside it: the log says so, and all of them serve."""
    with as_nobody(workers=1, core={"roll_time": "1s"}) as server:
        server.expected = ["shares a listening socket, which a restart changes"]
        for n, workers in enumerate([3, 1, 3], 1):
            server.sections["chatd"]["workers"] = str(workers)
            server.write_ini()
            server.roll()
            wait_until(lambda: server.log.count("roll: done") == n, what="the end of the roll")
            server.wait_serving(workers)
            for _ in range(20):
                assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200
        assert server.log.count("shares a listening socket") == 2  # once for each


@needs_root
def test_the_pid_file_belongs_to_the_user_and_goes_with_the_server(as_nobody, open_folder, workers):
    folder = open_folder / "run"
    with as_nobody(workers=workers, core={"runtime_dir": folder}) as server:
        file = folder / "chatd.pid"
        assert file.read_text() == f"{server.process.pid}\n"
        assert folder.stat().st_uid == as_nobody.uid and folder.stat().st_mode & 0o022 == 0
        assert server.stop() == 0
        assert not file.exists()


@needs_root
def test_a_folder_that_was_there_stays_whose_it_is(as_nobody, open_folder, workers):
    """runtime_dir = /run, say: it is everybody's, not this server's to give away."""
    shared = open_folder / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with as_nobody(workers=workers, core={"runtime_dir": shared}):
        assert (shared.stat().st_uid, shared.stat().st_mode & 0o7777) == (0, 0o1777)


@needs_root
def test_a_folder_that_the_user_cannot_write_is_named(as_nobody, open_folder, workers):
    theirs = open_folder / "of-root"
    theirs.mkdir()
    server = as_nobody(workers=workers)
    server.sections["history-sqlite"]["path"] = theirs / "chatd.db"
    does_not_start(server)
    lines = [line for line in server.log.splitlines() if str(theirs) in line]
    assert len(lines) == 1 and " error " in lines[0] and "cannot be" in lines[0], server.log
    assert not list(theirs.iterdir())


@needs_root
def test_a_pid_file_that_is_a_link_is_not_followed(tmp_path, workers):
    """Whoever may write in runtime_dir must not choose what root overwrites."""
    letter = tmp_path / "letter"
    letter.write_text("Dear Alice")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "chatd.pid").symlink_to(letter)
    server = Server(tmp_path / "chatd", workers=workers, only=ROOMS, core={"runtime_dir": folder})
    does_not_start(server)
    assert server.log.count("chatd.pid cannot be written") == 1
    assert letter.read_text() == "Dear Alice"


def test_a_folder_that_cannot_be_made_is_told(tmp_path, workers):
    folder = tmp_path / "none" / "run"
    server = Server(tmp_path / "chatd", workers=workers, only=ROOMS, core={"runtime_dir": folder})
    does_not_start(server)
    assert server.log.count(f"error core: runtime_dir = {folder} cannot be made: No such file") == 1


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
