# SPDX-License-Identifier: MIT
"""The rogues of rogue/README.md that work in threads, or begin work when nothing is to begin. `tests/run.sh races` runs
them under the thread sanitizer as well."""
import re
import time

import pytest
import requests
from chat import ALL_OFF, rogue
from rogues import reads
from server import BUILD, DEADLINE


def with_rogue(chatd, name, core=None, **options):
    sections = {name: options} if options else {}
    return chatd(core=core, only={"rooms": "on", **rogue(name)}, sections=sections)


def is_alive(server):
    return requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


def test_an_endless_job_gets_its_timeout_and_the_server_answers(chatd):
    server = with_rogue(chatd, "endless-job", core={"stop_time": "1s"})
    server.expect("a job of endless-job did not return")
    server.wait_log("endless-job: queued rc=0")
    server.wait_log("endless-job: done rc=-8")
    assert is_alive(server)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 15  # the job takes 30 s
    assert "released" not in server.log and "run returns" not in server.log
    assert reads("endless-job", server.log)


def test_a_late_job_is_released_once_after_it_returned(chatd):
    server = with_rogue(chatd, "endless-job", sleep="1s")
    server.wait_log("endless-job: released")
    marks = re.findall(r"endless-job: (done rc=-8|run returns|released)", server.log)
    assert marks == ["done rc=-8", "run returns", "released"]
    assert is_alive(server)


def test_a_stop_waits_for_a_job_that_ends_in_time(chatd):
    server = with_rogue(chatd, "endless-job", core={"stop_time": "20s"}, sleep="1s")
    server.wait_log("endless-job: run begins")  # before that, the stop would take it out of the queue
    assert server.stop() == 0
    marks = re.findall(r"endless-job: (run returns|released)", server.log)
    assert marks == ["run returns", "released"]


def test_nothing_begins_in_stop(chatd):
    server = chatd(only={**ALL_OFF, **rogue("timer-in-stop")})
    assert server.stop() == 0
    assert "timer-in-stop: timer rc=-6 post rc=-6 job rc=-6" in server.log
    assert "called after stop" not in server.log


def is_debug():
    """Does this build look on which thread the core is called?"""
    text = (BUILD / "CMakeCache.txt").read_text()
    return re.search(r"^CMAKE_BUILD_TYPE:\w+=Debug$", text, re.M) is not None


@pytest.mark.skipif(not is_debug(), reason="only debug builds look on which thread the core is called")
async def test_a_resume_from_a_jobs_thread_is_named_and_a_new_worker_comes(clusters):
    as_it_is = "handle_abort=0"  # the process is to die by the signal, not by a sanitizer's report
    chat = clusters(workers=1, plugins=rogue("job-resume"), env={"ASAN_OPTIONS": as_it_is, "TSAN_OPTIONS": as_it_is})
    server = chat.nodes[0].expect("job-resume")
    async with chat.v1("alice", reconnects=True) as alice:
        await alice.send({"type": "message.send", "room": "general", "text": "hello"})
        server.wait_log("job-resume 1.0 in its job crashed worker")
        server.wait_serving(1)
    assert "job-resume: resuming in a thread" in server.log
    assert reads("job-resume", server.log)
    assert server.metrics()['chatd_worker_restarts_total{reason="crash"}'] == 1
