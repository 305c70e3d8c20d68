# SPDX-License-Identifier: MIT
"""The rogues of rogue/README.md that get in: their faults are contained, the rest chats on. Those with threads are in
test_rogue_jobs.py."""
import re

import pytest
import requests
from chat import classic, rogue
from rogues import reads
from server import DEADLINE, wait_until


def with_rogue(chatd, name, core=None, **options):
    sections = {name: options} if options else {}
    return chatd(core=core, only={"rooms": "on", **rogue(name)}, sections=sections)


def is_alive(server):
    return requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200


@pytest.mark.parametrize("name, logs", [("bad-verdict", "returning 77"), ("done-in-check", "returning CHATD_DONE")])
def test_a_wrong_verdict_denies_the_message_to_its_sender_alone(chatd, name, logs):
    server = with_rogue(chatd, name).expect(name)
    with classic(server) as sender, classic(server) as reader:
        for _ in range(2):
            sender.say("hello")
            frame = sender.recv()
            assert (frame["user"], frame["text"]) == ("", "")
            assert frame["error"]["code"] == "internal"
        assert f"{name}: {logs}" in server.log
        assert reads(name, server.log)
        # The reader got nothing: its own refusal is its first frame.
        reader.say("me too")
        assert reader.recv()["error"]["code"] == "internal"
    assert is_alive(server)


def test_others_chat_on_in_another_server_wide_event(chatd):
    """The fault is in `message` alone: typing goes through all the same."""
    server = chatd(only={"rooms": "on", "typing": "on", **rogue("bad-verdict")})
    server.expect("bad-verdict")
    with classic(server) as sender, classic(server) as reader:
        sender.say("hello")
        assert sender.recv()["error"]["code"] == "internal"
        sender.send({"typing": True})
        assert reader.recv()["typing"] is True


@pytest.mark.parametrize("reset", [False, True])
def test_gone_is_called_once_when_the_client_leaves(chatd, reset):
    server = with_rogue(chatd, "wait-gone")
    leaver = classic(server)
    leaver.say("hello")
    server.wait_log("wait-gone: waiting rc=0")
    leaver.drop(reset)
    server.wait_log("wait-gone: gone was called, arg as given", deadline=5)
    # Somebody else's wait ends on its own account.
    stayer = classic(server)
    stayer.say("hello")
    wait_until(lambda: server.log.count("waiting rc=0") == 2, what="the second wait")
    assert server.log.count("gone was called") == 1
    assert is_alive(server)
    stayer.close()
    server.stop()  # tells what the log had folded
    assert "arg wrong" not in server.log


def test_a_clean_close_ends_the_wait_as_well(chatd):
    server = with_rogue(chatd, "wait-gone")
    client = classic(server)
    client.say("hello")
    server.wait_log("wait-gone: waiting rc=0")
    client.close()
    server.wait_log("wait-gone: gone was called, arg as given")


def test_a_wait_that_nobody_resumes_denies_with_timeout(chatd):
    server = with_rogue(chatd, "wait-gone", deadline="200ms").expect("did not resume message")
    with classic(server) as client:
        client.say("hello")
        error = client.recv()["error"]
        assert error["code"] == "timeout"
        assert reads("wait-gone", server.log)
        client.say("again")
        assert client.recv()["error"]["code"] == "timeout"
    assert "gone was called" not in server.log


def test_a_connection_is_not_read_while_its_message_waits(chatd):
    server = with_rogue(chatd, "wait-gone", deadline="200ms").expect("did not resume message")
    with classic(server) as client:
        for i in range(3):
            client.say(f"message {i}")
        for i in range(3):
            assert server.log.count("waiting rc=0") <= i + 1
            assert client.recv()["error"]["code"] == "timeout"
    assert server.log.count("waiting rc=0") == 3


def test_the_server_stops_while_messages_wait(chatd):
    server = with_rogue(chatd, "wait-gone", core={"stop_time": "1s"})
    with classic(server) as client:
        client.say("hello")
        server.wait_log("wait-gone: waiting rc=0")
        assert server.stop() == 0
    assert server.log.count("gone was called") == 1


def test_the_second_resume_changes_nothing(chatd):
    server = with_rogue(chatd, "resume-twice")
    with classic(server) as sender, classic(server) as reader:
        for text in ("one", "two"):
            sender.say(text)
            assert sender.recv()["text"] == text
            assert reader.recv()["text"] == text
    server.wait_log("resume-twice: first rc=0 second rc=-4")
    assert "first rc=-" not in server.log and "second rc=0" not in server.log


def test_a_resume_after_the_client_left_finds_the_wait_gone(chatd):
    server = with_rogue(chatd, "resume-twice")
    client = classic(server)
    client.say("hello")
    client.drop()
    server.wait_log("resume-twice: (gone was called|first rc=0)")
    server.wait_log("resume-twice: first rc=(-4|0) second rc=-4")
    if "gone was called" in server.log:
        assert "resume-twice: first rc=-4 second rc=-4" in server.log
    assert is_alive(server)


def test_a_slow_handler_is_named_and_its_message_delivered(chatd):
    server = with_rogue(chatd, "slow-hook", core={"slow_hook": "50ms"}).expect("slow-hook took")
    with classic(server) as sender, classic(server) as reader:
        sender.say("hello")
        assert reader.hears("hello")
    assert reads("slow-hook", server.log)
    found = re.findall(r"warn  core: slow-hook took (\d+) ms in message", server.log)
    assert len(found) == 1 and int(found[0]) >= 150


def test_a_handler_within_the_limit_is_not_named(chatd):
    server = with_rogue(chatd, "slow-hook", core={"slow_hook": "60s"})
    with classic(server) as sender:
        sender.say("hello")
        assert sender.hears("hello")
    assert "slow-hook took" not in server.log
