# SPDX-License-Identifier: MIT
"""SIGHUP to a master: checked first, then applied in all workers."""
import contextlib
import os
import re
import signal
import time

import pytest
import requests
from chat import ALL_OFF, classic, example, rogue
from gate import Gate
from server import DEADLINE, wait_until

WITH_FILTER = {**ALL_OFF, "rooms": "on", **example("wordfilter")}


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


def reload(server, n=1, **sections):
    for name, options in sections.items():
        server.sections[name].update(options)
    server.write_ini()
    server.hang_up()


@contextlib.contextmanager
def crowd(server, n=16):
    """So many that each worker has some, as far as the kernel deals them out."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(classic(server, room=f"room{i}")) for i in range(n)]


def all_refuse(people, word):
    for person in people:
        person.say(word)
        while (frame := person.recv()).get("error") is None:
            assert frame["text"] != word, "it was let through"
        assert frame["error"]["code"] == "wordfilter.refused"


def all_pass(people, word):
    for person in people:
        person.say(word)
        person.hears(word)


def test_all_workers_have_it_under_open_sockets(chatd, workers):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=workers)
    with crowd(server) as people:
        all_refuse(people, "cake")
        reload(server, wordfilter={"word": "bread"})
        server.wait_log("reload: done")
        all_refuse(people, "bread")
        all_pass(people, "cake")
    assert server.log.count("reload: [wordfilter] word is new") == 1


def test_a_broken_file_changes_nothing_anywhere(chatd, workers):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}, "rooms": {}},
                   workers=workers).expect("text_max", "nothing has changed")
    with crowd(server) as people:
        reload(server, wordfilter={"word": "bread"}, rooms={"text_max": "a lot"})
        server.wait_log("error core: reload: 1 mistake, nothing has changed")
        server.wait_log(r"error config: .*chatd\.ini:\d+: \[rooms\] text_max = a lot is not a size")
        all_pass(people, "bread")
        all_refuse(people, "cake")


def test_a_plugin_that_crashes_the_check_changes_nothing(chatd, workers):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=workers)
    server.expect("init-crash", "reload: the check failed")
    pids = server.worker_pids()
    reload(server, plugins=rogue("init-crash"))
    server.wait_log("error config: plugin init-crash crashed the check with signal 6")
    server.wait_log("error core: reload: the check failed, nothing has changed")
    assert server.worker_pids() == pids


def test_what_it_cannot_change_is_named_once(chatd, workers):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}, "rooms": {}},
                   workers=workers).expect("needs a ro", "needs a re")
    reload(server, chatd={"listen": "127.0.0.1:1", "ping_interval": "21s", "log_level": "debug",
                          "workers": "3"}, plugins={"typing": "on"})
    server.wait_log("reload: done")
    for line in ("[chatd] listen needs a restart", "[chatd] ping_interval needs a roll",
                 "[chatd] workers needs a roll", "[plugins] has changed and needs a roll",
                 "[chatd] log_level is new"):
        assert server.log.count("reload: " + line) == 1, line
    assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200
    assert len(server.worker_pids()) == workers


def test_the_log_level_is_that_of_all_of_them(chatd, workers):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=workers)

    def come_and_go():
        """Each worker that had somebody tells of the end at level debug."""
        with crowd(server):
            pass
        return len(speakers(server, "debug")) == workers
    come_and_go()
    reload(server, chatd={"log_level": "debug"})
    server.wait_log("reload: done")
    assert not speakers(server, "debug")
    wait_until(come_and_go, what="a line of each worker at debug")
    server.hang_up()  # the master, too
    os.kill(server.worker_pids()[0], signal.SIGTERM)
    server.wait_log(r"debug core: worker 0 \(pid \d+\) has ended: 0")
    server.wait_workers(workers)
    server.wait_serving(workers)


def speakers(server, level):
    """The numbers of the workers that wrote at this level."""
    return set(re.findall(rf"^\S+Z {level} +#(\d+) ", server.log, re.M))


# -- workers that are on their way ----------------------------------------------------------------


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "gate")


def test_one_that_has_not_begun_reads_the_new_file(chatd, gate):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=4,
                   program=gate.program).expect("killed by signal 9")
    gate.hold()
    os.kill(server.worker_pids()[0], signal.SIGKILL)
    gate.wait_held()
    reload(server, wordfilter={"word": "bread"})
    server.wait_log("reload: done")
    gate.open()
    server.wait_serving(4)
    with crowd(server, 32) as people:
        all_pass(people, "cake")
        all_refuse(people, "bread")


def test_with_no_worker_to_tell_it_is_done_at_once(chatd, gate):
    """Whoever comes next reads the new file: nothing is missing, and nobody is late."""
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=1,
                   program=gate.program).expect("killed by signal 9", "not answered")
    gate.hold()
    os.kill(server.worker_pids()[0], signal.SIGKILL)
    gate.wait_held()
    reload(server, wordfilter={"word": "bread"})
    server.wait_log("reload: (done|.*answered)")
    gate.open()
    server.wait_serving(1)
    assert "not answered" not in server.log
    assert "reload: done" in server.log


def stopped_in_its_start(server, pid, workers):
    """Stops the worker after it has read the file and before it serves; False: it was too quick."""
    def has_plugins():
        with open(f"/proc/{pid}/maps") as maps:
            return "wordfilter.so" in maps.read()
    end = time.monotonic() + DEADLINE
    while not has_plugins():
        assert time.monotonic() < end, "it loads no plugin"
    os.kill(pid, signal.SIGSTOP)
    with open(f"/proc/{pid}/status") as status:
        wait_until(lambda: status.seek(0) == 0 and "stopped" in status.read(), what="a stop")
    return server.metrics()["chatd_workers"] < workers


def test_one_that_has_read_the_old_file_gets_the_new_one_too(chatd):
    """A reload reaches it while its plugins start."""
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=2,
                   core={"hang_limit": "0"}).expect("killed by signal 9")
    def caught():
        old = server.worker_pids()
        os.kill(old[0], signal.SIGKILL)
        pid = [pid for pid in server.wait_workers(2, without=[old[0]]) if pid not in old][0]
        if stopped_in_its_start(server, pid, 2):
            return pid
        os.kill(pid, signal.SIGCONT)
        server.wait_serving(2)
        return None
    pid = wait_until(caught, deadline=3 * DEADLINE, what="a worker that is stopped in its start")
    reload(server, wordfilter={"word": "bread"})
    server.wait_log("reload: done")
    os.kill(pid, signal.SIGCONT)
    server.wait_serving(2)
    with crowd(server, 32) as people:
        all_refuse(people, "bread")
        all_pass(people, "cake")


def test_one_that_stands_still_is_told_and_the_others_have_it(chatd):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=2,
                   core={"hang_limit": "0"}).expect("reload: 1 worker has not answered within 10 s")
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        reload(server, wordfilter={"word": "bread"})
        server.wait_log("warn  core: reload: 1 worker has not answered within 10 s", 2 * DEADLINE)
    finally:
        os.kill(pid, signal.SIGCONT)
    with crowd(server) as people:  # it had the order all the same
        all_refuse(people, "bread")
    reload(server, wordfilter={"word": "butter"})
    server.wait_log("reload: done")
    with crowd(server) as people:
        all_refuse(people, "butter")


def test_one_that_dies_in_a_reload_does_not_keep_it(chatd):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=2,
                   core={"hang_limit": "0"}).expect("killed by signal 9")
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGSTOP)
    reload(server, wordfilter={"word": "bread"})
    server.wait_log("reload: .wordfilter. word is new|the word to refuse is now")
    os.kill(pid, signal.SIGKILL)
    server.wait_log("reload: done")
    server.wait_workers(2, without=[pid])
    server.wait_serving(2)
    with crowd(server) as people:
        all_refuse(people, "bread")


def test_again_and_again(chatd, workers):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}}, workers=workers)
    with crowd(server, 8) as people:
        for n in range(1, 4):
            reload(server, wordfilter={"word": f"word{n}"})
            wait_until(lambda: server.log.count("reload: done") == n, what="the end of the reload")
            all_refuse(people, f"word{n}")


def test_a_worker_that_is_replaced_reads_the_file_that_was_accepted(chatd, workers):
    """Somebody is in the middle of editing it: that must not keep the new worker away."""
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}, "rooms": {}},
                   workers=workers).expect("was killed by signal 9")
    server.sections["rooms"] = {"text_max": "a lot"}
    server.sections["wordfilter"]["word"] = "bread"
    server.write_ini()
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGKILL)
        server.wait_workers(workers, without=[pid])
        server.wait_serving(workers)
    with crowd(server, 8) as people:
        all_pass(people, "bread")
        all_refuse(people, "cake")
    # With a reload it is the new one for those that come later, too.
    server.sections["rooms"] = {}
    server.write_ini()
    server.hang_up()
    server.wait_log("reload: done")
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGKILL)
    server.wait_workers(workers, without=[pid])
    server.wait_serving(workers)
    with crowd(server, 8) as people:
        all_refuse(people, "bread")
