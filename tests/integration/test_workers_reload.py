# SPDX-License-Identifier: MIT
"""SIGHUP to a master: checked first, then applied in all workers."""
import contextlib
import os
import signal

import pytest
import requests
from chat import ALL_OFF, classic, example, rogue
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
