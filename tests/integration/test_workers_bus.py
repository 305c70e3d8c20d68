# SPDX-License-Identifier: MIT
"""What workers tell each other: messages, signals, revocations, tries; and one that does not listen."""
import asyncio
import contextlib
import os
import signal
import subprocess

import pytest
import requests
from chat import ALL_OFF, v1
from raw_ws import account, login
from server import DEADLINE, ROOT, wait_until

WITHOUT_STORE = {**ALL_OFF, "rooms": "on", "typing": "on"}
PEOPLE = 12  # over four workers: that all are on one happens once in 4 million runs


def say(person, text):
    person.send({"type": "message.send", "room": "general", "text": text})


def heard_a_word(listener, speaker):
    """Has something of the speaker come, by the time that something of one's own is back?"""
    say(speaker, "word")
    say(listener, "word")
    while True:
        frame = listener.recv()
        if frame["type"] == "message" and frame["user"] == speaker.hello["user"]:
            return True
        if frame["type"] == "message" and frame["user"] == listener.hello["user"]:
            return False


def test_messages_without_a_store_reach_all_workers(chatd):
    server = chatd(workers=4, core={"verb_rate": "0"}, only=WITHOUT_STORE)
    with contextlib.ExitStack() as stack:
        people = [stack.enter_context(v1(server)) for _ in range(PEOPLE)]
        for person in people:
            assert person.ask(type="room.join", room="general")["type"] == "ack"
        # Without a store a room is heard from the moment on that all workers have asked for it.
        for listener, speaker in [(person, people[0]) for person in people[1:]] + [
                (people[0], person) for person in people[1:]]:
            while not heard_a_word(listener, speaker):
                continue
        for i, speaker in enumerate(people):
            say(speaker, f"m{i}")
        for person in people:
            heard = set()
            while len(heard) < PEOPLE:
                frame = person.recv()
                if frame["type"] == "message" and frame["text"] != "word":
                    assert frame["text"] not in heard
                    heard.add(frame["text"])


async def test_typing_is_seen_in_all_workers_and_not_by_oneself(clusters):
    chat = clusters(workers=4, sections={"typing": {"throttle": "0s", "expire": "60s"}})
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}")) for i in range(PEOPLE)]
        await people[0].say("everybody is here")
        for person in people:
            await person.hears("everybody is here")
        await people[0].type()
        for person in people[1:]:
            await person.next(type="typing", user="user0", typing=True)
        await people[1].say("a barrier")
        await people[0].hears("a barrier")


def test_signing_out_closes_the_sockets_of_all_workers(chatd):
    server = chatd(workers=4)
    token = account(server, "alice")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(v1(server, token)) for _ in range(PEOPLE)]
        answer = requests.post(server.http + "/logout", timeout=DEADLINE,
                               headers={"Authorization": "Bearer " + token})
        assert answer.status_code == 200
        assert [socket.close_code() for socket in sockets] == [4501] * PEOPLE
    # Nor does it open a new one, whichever worker is asked.
    answers = [requests.get(server.http + "/api/v1/me", timeout=DEADLINE,
                            headers={"Authorization": "Bearer " + token}) for _ in range(PEOPLE)]
    assert {answer.status_code for answer in answers} == {401}


def test_tries_to_log_in_are_counted_over_all_workers(chatd):
    server = chatd(workers=4, sections={"auth": {"login_rate": "6", "register_rate": "0"}})
    account(server, "alice")  # one try of the six
    codes = []
    for _ in range(24):
        codes.append(login(server, "alice", "wrong password").status_code)
    # A try is told within a turn of the loops: a burst of one person's is nearly exact.
    assert codes.count(401) <= 8 and codes.count(429) >= 16


async def test_one_that_stands_still_costs_the_others_nothing_and_catches_up(clusters):
    """hang_limit = 0: nobody ends it. Its clients have every message, in order, when it goes on."""
    chat = clusters(workers=2, core={"hang_limit": "0", "bus_queue": "128k", "verb_rate": "0"},
                    sections={"rooms": {"history_on_join": "0"}})
    server = chat.nodes[0].expect("does not take orders", "history-sqlite", "has been")
    text = "x" * 3000
    async with contextlib.AsyncExitStack() as stack:
        # Over two workers: if all were on one, it would tell the other nothing, and drop nothing (once in 500,000 runs).
        people = [await stack.enter_async_context(chat.v1(f"user{i}")) for i in range(20)]
        await people[0].say("here")
        for person in people:
            await person.hears("here")
        # One that stands still in its turn to write holds up all writes: then it is not the one.
        for stopped in 4 * server.worker_pids():
            for person in people:  # nothing of before is on its way any more
                await person.say("calm")
            os.kill(stopped, signal.SIGSTOP)
            try:
                speaker = await first_that_speaks(people)
                if speaker is None:
                    continue
                for i in range(300):
                    await speaker.say(f"{i} {text}")
                await asyncio.to_thread(wait_until, lambda: server_metric(server, stopped, "chatd_bus_dropped_total") > 0)
                break
            finally:
                os.kill(stopped, signal.SIGCONT)
        else:
            pytest.fail("nobody could speak, whoever stood still")
        for person in people:
            seen = []
            while len(seen) < 300:
                said = (await person.next())["text"]
                if said.endswith(text):
                    seen.append(int(said.split()[0]))
            assert seen == list(range(300))


async def first_that_speaks(people):
    """One of a worker that runs; None if none is."""
    says = {asyncio.create_task(person.say("are you there")): person for person in people}
    done, pending = await asyncio.wait(says, timeout=3, return_when=asyncio.FIRST_COMPLETED)
    for say in pending:
        say.cancel()
    return next((says[say] for say in done if say.exception() is None), None)


def server_metric(server, stopped, name):
    """Asked until the worker that runs answers."""
    def ask():
        with contextlib.suppress(OSError, requests.RequestException):
            text = requests.get(server.http + "/metrics", timeout=1).text
            for line in text.splitlines():
                if line.startswith(name + " "):
                    return [float(line.split()[1])]
        return None
    return wait_until(ask, what="/metrics")[0]


def test_a_worker_holds_no_descriptor_of_the_others(chatd):
    """Its own pair and pipe, the board, the listener: nothing else is handed down."""
    server = chatd(workers=4, only={**ALL_OFF, "rooms": "on"})
    listing = [os.readlink(f"/proc/{pid}/fd/{fd}") for pid in server.worker_pids()
               for fd in os.listdir(f"/proc/{pid}/fd")]
    sockets = [name for name in listing if name.startswith("socket:")]
    # Control, bus, listener, and a request or two of the tests before.
    assert len(sockets) <= 4 * 4
    assert len(set(sockets)) == len(sockets)


# What a plugin that damages memory may come to: something that is no frame, in the stream to the other workers.
NOISE = r"""
#include <chatd/chatd.h>
#include <string.h>
#include <sys/socket.h>
static void handle(chatd_plugin *self, chatd_req req)
{
    char noise[64];
    int fd, domain = 0, type = 0;
    socklen_t n = sizeof(int);
    memset(noise, 0xff, sizeof(noise));
    for (fd = 3; fd < 256; fd++)
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_UNIX &&
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM)
            send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
    chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}
static int init(chatd_plugin *self)
{
    static const struct chatd_route_def def = {
        .size = sizeof(def), .method = "POST", .pattern = "/noise", .handle = handle};
    return chatd_route(self, &def);
}
CHATD_PLUGIN(.name = "noise", .version = "1.0", .license = "MIT", .init = init);
"""


def test_a_worker_that_says_what_is_no_message_is_replaced(chatd, tmp_path):
    """Its clients would go on in a chat of their own, and nobody would know."""
    source, so = tmp_path / "noise.c", tmp_path / "noise.so"
    source.write_text(NOISE)
    subprocess.run(["cc", "-shared", "-fPIC", "-I", ROOT / "sdk" / "include", source, "-o", so], check=True)
    server = chatd(workers=2, only={**WITHOUT_STORE, "noise": so})
    server.expect(r"worker \d \(pid \d+\) wrote to the other workers what is no message.*a new one starts")
    before = server.wait_workers(2)
    with contextlib.suppress(requests.ConnectionError):
        requests.post(server.http + "/noise", timeout=DEADLINE)
    wait_until(lambda: len(set(server.worker_pids()) & set(before)) == 1, what="the end of that worker")
    server.wait_serving(2)
    assert 'wrote to the other workers' in server.log
