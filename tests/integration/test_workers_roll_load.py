# SPDX-License-Identifier: MIT
"""A roll while people come in, ask, wait for answers: nobody is turned away, no answer is lost."""
import asyncio
import collections
import contextlib
import itertools
import threading
import time

import pytest
from chat import PASSWORD
from raw_ws import Raw, cookie, upgrade_request, with_secret
from server import DEADLINE, wait_until

SOON = {"roll_time": "2s", "max_connections": "1000"}


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


def rolls(server, n=1):
    """The n-th roll of this server, to its end."""
    server.roll()
    wait_until(lambda: server.log.count("roll: done") >= n or "called off" in server.log,
               deadline=3 * DEADLINE, what="the end of the roll")
    assert "called off" not in server.log, server.log


# -- who comes in -----------------------------------------------------------------------------------


def get(server):
    with Raw(server) as it:
        return it.ask("GET /livez HTTP/1.1\nHost: x\nConnection: close\n\n").status


def upgrade(server):
    with Raw(server) as it:
        it.send(upgrade_request(headers=cookie("visitor")))
        return it.reply().status


class Visitors:
    """Threads that each do one thing again and again until the end of the block; `seen` counts what
    came of it."""

    def __init__(self, server, *actions):
        self.seen = collections.Counter()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._visit, args=(server, action))
                        for action in actions]

    def _visit(self, server, action):
        while not self.over.is_set():
            try:
                outcome = action(server)
            except Exception as error:  # what went wrong is the test's finding
                outcome = f"{type(error).__name__}: {error}"
            self.seen[action.__name__, outcome] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        for thread in self.threads:
            thread.join()


def all_got_in(visitors):
    assert set(visitors.seen) == {("get", 200), ("upgrade", 101)}, visitors.seen
    assert min(visitors.seen.values()) > 10, visitors.seen


def test_nobody_who_comes_meanwhile_is_turned_away(chatd, workers):
    server = chatd(workers=workers, core=SOON, sections=with_secret())
    with Visitors(server, get, get, upgrade, upgrade) as visitors:
        rolls(server, 1)
        rolls(server, 2)
    all_got_in(visitors)


def test_nobody_is_turned_away_while_their_number_changes(chatd):
    server = chatd(workers=1, core=SOON, sections=with_secret())
    with Visitors(server, get, get, upgrade, upgrade) as visitors:
        for n, workers in enumerate([4, 2, 3, 1], 1):
            server.sections["chatd"]["workers"] = str(workers)
            server.write_ini()
            rolls(server, n)
            server.wait_workers(workers)
            server.wait_serving(workers)
    all_got_in(visitors)


def test_nobody_is_turned_away_by_a_roll_that_is_called_off(chatd):
    server = chatd(workers=2, core=SOON, sections=with_secret(rooms={}))
    server.expect("called off", "text_max")
    with Visitors(server, get, upgrade) as visitors:
        server.sections["rooms"] = {"text_max": "a lot"}
        server.write_ini()
        server.roll()
        server.wait_log("roll: called off")
        wait_until(lambda: len(visitors.seen) == 2 and min(visitors.seen.values()) > 20,
                   what="some more visitors")
    all_got_in(visitors)


# -- who asks ---------------------------------------------------------------------------------------


def test_who_was_accepted_and_had_not_asked_yet_is_answered(chatd, workers):
    server = chatd(workers=workers, core={"roll_time": "5s"}, sections=with_secret())
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(Raw(server)) for _ in range(16)]
        wait_until(lambda: get(server) == 200, what="an answer")  # a turn of their loops later
        server.roll()
        server.wait_log("roll: new workers serve")
        for it in silent:
            reply = it.ask("GET /livez HTTP/1.1\nHost: x\n\n")
            assert reply.status == 200
    server.wait_log("roll: done")


def test_an_answer_that_takes_its_time_is_waited_for(chatd, workers):
    """A password is hashed by the old worker while the new ones take over."""
    server = chatd(workers=workers, core=SOON,
                   sections=with_secret(auth={"bcrypt_cost": "12", "register_rate": "0",
                                               "register_rate_total": "0"}))
    numbers = itertools.count()

    def register(server):
        body = f'{{"user": "user{next(numbers)}", "password": "{PASSWORD}"}}'
        with Raw(server) as it:
            return it.ask("POST /register HTTP/1.1\nHost: x\nContent-Type: application/json\n"
                          f"Content-Length: {len(body)}\n\n{body}").status
    with Visitors(server, register, register, register) as visitors:
        wait_until(lambda: visitors.seen["register", 201] > 0, what="the first account")
        rolls(server)
        done = visitors.seen["register", 201]
        wait_until(lambda: visitors.seen["register", 201] > done, what="one more account")
    visitors.seen += collections.Counter()  # without what is zero
    assert set(visitors.seen) == {("register", 201)}, visitors.seen


def test_a_connection_that_is_kept_goes_on_elsewhere(chatd, workers):
    """It ends between two answers: with one that says so, or while it is idle. Who asks in this very
    moment hears nothing and asks again, as RFC 9112, 9.5, lets him."""
    server = chatd(workers=workers, core=SOON, sections=with_secret())
    endings = collections.Counter()

    def keep(server):
        with Raw(server) as it:
            for n in itertools.count():
                try:
                    it.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                    if not it.buffer and not it.more():
                        assert n > 0, "the first request of a connection got no answer"
                        endings["idle"] += 1
                        return "ended between two answers"
                except (BrokenPipeError, ConnectionResetError):
                    assert n > 0, "the first request of a connection got no answer"
                    endings["idle"] += 1
                    return "ended between two answers"
                reply = it.reply()
                if reply.status != 200:
                    return reply.status
                if reply.headers.get("connection") == "close":
                    assert it.rest() == b""
                    endings["told"] += 1
                    return "ended between two answers"
                if visitors.over.wait(0.02):
                    return "kept"
    visitors = Visitors(server, *[keep] * 4)
    with visitors:
        rolls(server, 1)
        rolls(server, 2)
    assert set(visitors.seen) <= {("keep", "ended between two answers"), ("keep", "kept")}, \
        visitors.seen
    assert sum(endings.values()) >= 4, endings  # the first four had an old worker


# -- who is sent over -------------------------------------------------------------------------------


async def test_clients_are_sent_over_one_after_the_other(clusters, workers):
    """Not all at once: spread over roll_time, so that new workers can greet them."""
    chat = clusters(workers=workers, core={"roll_time": "4s"})
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(chat.v1(f"user{i}")) for i in range(40)]

        async def end_of(person):
            bye = await person.until(type="bye")
            code = await person.closed()
            return time.monotonic(), bye, code
        chat.nodes[0].roll()
        ends = await asyncio.gather(*map(end_of, people))
    chat.nodes[0].wait_log("roll: done")
    assert {code for _, _, code in ends} == {1012}
    assert all(bye["code"] == 1012 and bye["retry_ms"] > 0 for _, bye, _ in ends)
    times = sorted(at for at, _, _ in ends)
    assert times[-1] - times[0] > 0.2  # 40 of one worker, one a step, are two seconds
    assert times[-1] - times[0] < 4 + DEADLINE
