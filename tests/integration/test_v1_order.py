# SPDX-License-Identifier: MIT
"""What one client asks takes effect, and is answered, in the order in which it asked."""
import asyncio
import contextlib
import itertools
import sqlite3

import pytest
from chat import rogue
from cluster import BULK, texts
from server import wait_until

WAITS = (0, 30, 5, 60, None, 1)  # ms that a hook lets a message wait; None: no hook does


def wait_text(i, wait):
    return f"m{i}" if wait is None else f"wait {wait} m{i}"


@pytest.fixture
def chat(cluster):
    return cluster(core=BULK, plugins=rogue("wait-word"))


@contextlib.contextmanager
def slow_store(chat):
    """Inside, nothing is written; Redis answers nothing at all."""
    if chat.store == "redis":
        chat.redis.pause()
        try:
            yield
        finally:
            chat.redis.resume()
    else:
        with contextlib.closing(sqlite3.connect(chat.nodes[0].folder / "chatd.db",
                                                isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")


async def are_read(chat, n):
    """Waits until the workers have read n messages of clients since they were started."""
    def count():
        return sum(node.metrics()["chatd_messages_in_total"] for node in chat.nodes) >= n
    await asyncio.get_running_loop().run_in_executor(None, lambda: wait_until(count))


class Pipe:
    """Sends requests without waiting, and notes in which order they are answered."""

    def __init__(self, client):
        self.client, self.asked, self.answered, self.futures = client, [], [], []

    def ask(self, label, type, **arguments):
        self.asked.append(label)
        self.futures.append(self.client.ask_later(
            type, lambda _: self.answered.append(label), **arguments))

    async def answers(self):
        """All answers, by label, once they came in order."""
        frames = [await asyncio.wait_for(future, 20) for future in self.futures]
        assert self.answered == self.asked
        return dict(zip(self.asked, frames))


async def test_requests_of_all_kinds_are_answered_in_order(chat):
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        pipe = Pipe(alice)
        waits = itertools.cycle(WAITS)
        for i in range(1, 21):
            pipe.ask(f"m{i}", "message.send", room="general", text=wait_text(i, next(waits)))
            if i % 4 == 1:
                pipe.ask(f"page{i}", "history.get", room="general", limit=200)
            if i % 5 == 2:
                pipe.ask(f"join{i}", "room.join", room=f"wait-{i}")
                pipe.ask(f"other{i}", "message.send", room=f"wait-{i}", text=f"other{i}")
                pipe.ask(f"leave{i}", "room.leave", room=f"wait-{i}")
        answers = await pipe.answers()
        assert {frame["type"] for frame in answers.values()} == {"ack"}
        for i in range(1, 21):
            assert answers[f"m{i}"]["seq"] == i
            if i % 4 == 1:
                # All that was said before is on the page, nothing that was said later.
                assert len(answers[f"page{i}"]["messages"]) == i
            if i % 5 == 2:
                assert answers[f"other{i}"]["seq"] == 1
        heard = [await bob.next(type="message") for _ in range(20)]
        assert [text.split("m")[-1] for text in texts(heard)] == [str(i) for i in range(1, 21)]


async def test_a_slow_store_changes_no_order(chat):
    """Neither reads nor what needs no store at all overtake a message that is not stored yet."""
    async with chat.v1("alice") as alice:
        pipe = Pipe(alice)
        with slow_store(chat):
            for i in range(1, 4):
                pipe.ask(f"m{i}", "message.send", room="general", text=f"m{i}")
            await are_read(chat, 4)
            pipe.ask("page", "history.get", room="general")
            pipe.ask("leave", "room.leave", room="general")
            pipe.ask("gone", "message.send", room="general", text="gone")
            pipe.ask("back", "room.join", room="general")
            pipe.ask("m4", "message.send", room="general", text="m4")
            await are_read(chat, 5)
        answers = await pipe.answers()
        assert texts(answers["page"]["messages"]) == ["m1", "m2", "m3"]
        assert answers["gone"]["code"] == "not_member"
        assert answers["back"]["top"] == 3
        assert answers["m4"]["seq"] == 4


async def test_more_than_is_put_off_waits_in_the_socket(chat):
    """However much somebody sends at once: all of it is answered, in order."""
    async with chat.v1("alice") as alice:
        pipe = Pipe(alice)
        with slow_store(chat):
            for i in range(1, 101):
                pipe.ask(f"m{i}", "message.send", room="general", text=f"m{i} {'x' * 2000}")
                pipe.ask(f"page{i}", "history.get", room="general", limit=1)
                pipe.ask(f"again{i}", "room.join", room="general")
            await are_read(chat, 20)
        answers = await pipe.answers()
        for i in range(1, 101):
            assert answers[f"m{i}"]["seq"] == answers[f"page{i}"]["top"] == i
            assert answers[f"again{i}"]["code"] == "conflict"


async def test_a_ping_is_answered_while_requests_wait(chat):
    """It asks whether the line is there, and no store."""
    async with chat.v1("alice") as alice:
        with slow_store(chat):
            first = alice.ask_later("message.send", room="general", text="m1")
            page = alice.ask_later("history.get", room="general")
            assert (await alice.ask("ping"))["type"] == "ack"
            assert not first.done() and not page.done()
        assert len((await page)["messages"]) == 1


async def test_a_refusal_does_not_overtake(chat):
    """Refused at once, by a hook, or by a hook after a wait: what came before is answered before."""
    async with chat.v1("alice") as alice, chat.v1("bob", node=-1) as bob:
        pipe = Pipe(alice)
        with slow_store(chat):
            for i in range(4):
                pipe.ask(f"m{i}", "message.send", room="general", text=f"m{i}")
                pipe.ask(f"empty{i}", "message.send", room="general", text=" ")
                pipe.ask(f"nowhere{i}", "message.send", room="nowhere", text="x")
                pipe.ask(f"roomless{i}", "message.send", text="x")
                pipe.ask(f"denied{i}", "message.send", room="general", text="wait 1 deny")
            await are_read(chat, 2 + 20)
        answers = await pipe.answers()
        codes = [answers[label].get("code") for label in pipe.asked]
        assert codes == 4 * [None, "bad_request", "not_member", "bad_request", "wait-word.denied"]
        assert texts([await bob.next(type="message") for _ in range(4)]) == ["m0", "m1", "m2", "m3"]


async def test_classic_messages_keep_their_order_too(chat):
    waits = itertools.cycle(WAITS)
    said = [f"{wait_text(i, next(waits))}" for i in range(1, 21)]
    async with chat.classic("alice") as alice, chat.v1("bob", node=-1) as bob:
        for i, text in enumerate(said):
            await alice.send({"text": text})
            if i % 4 == 3:
                await alice.send({"text": f"wait 2 deny {i}"})
                await alice.send({"text": " "})
        frames = await alice.hear(30)
        refused = [frame["error"]["code"] for frame in frames if "error" in frame]
        assert refused == 5 * ["wait-word.denied", "bad_request"]
        assert texts(frame for frame in frames if "error" not in frame) == said
        assert texts(await bob.hear(20)) == said


async def test_nobody_else_waits(chat):
    """While a message of alice's waits for a hook, bob on the same worker chats on."""
    async with chat.v1("alice") as alice, chat.v1("bob") as bob:
        answer = alice.ask_later("message.send", room="general", text="wait 60000 never")
        later = alice.ask_later("message.send", room="general", text="later")
        for i in range(1, 6):
            await bob.say(f"b{i}")
            await bob.hears(f"b{i}", seq=i)
        assert not answer.done() and not later.done()


async def test_who_leaves_while_its_request_waits_is_forgotten(chat):
    async with chat.v1("bob") as bob:
        alice = await chat.v1("alice").open()
        with slow_store(chat):
            alice.ask_later("message.send", room="general", text="m1")
            await are_read(chat, 3)
            for _ in range(3):
                alice.ask_later("history.get", room="general")
            await are_read(chat, 4)
            await alice.drop()
        await bob.hears("m1", seq=1)
        await bob.say("m2")
        await bob.hears("m2", seq=2)
