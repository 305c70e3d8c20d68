# SPDX-License-Identifier: MIT
"""A restored backup of the SQLite file begins a new epoch (protocol.md, part 4)."""
import sqlite3

import pytest
from cluster import BULK, seqs, texts
from history_check import check
from transcript import Transcript

OLD, LOST = 20, 30  # messages in the backup, and after it


def back_up(node):
    """As the plugin's README says, while chatd runs."""
    source, copy = sqlite3.connect(node.folder / "chatd.db"), sqlite3.connect(node.folder / "copy")
    with copy:
        source.backup(copy)
    source.close()
    copy.close()


def restore(node):
    """Stop, remove -wal and -shm, put the backup in place, leave the lock file, start."""
    assert node.stop() == 0
    for name in ("chatd.db-wal", "chatd.db-shm"):
        (node.folder / name).unlink(missing_ok=True)
    (node.folder / "copy").rename(node.folder / "chatd.db")
    node.start()


@pytest.fixture
def chat(clusters):
    return clusters(core=BULK).expect("restored|backup|epoch")


async def restored(chat):
    """The epoch of before, with OLD + LOST messages of which OLD are left."""
    epoch, _ = await chat.fill(OLD)
    back_up(chat.nodes[0])
    await chat.fill(LOST, prefix="lost")
    restore(chat.nodes[0])
    return epoch


@pytest.mark.parametrize("seq", [0, 1, OLD - 1, OLD])
async def test_a_position_in_the_common_part_is_good(chat, seq):
    """A `since` in `prev` with seq < `first` is good (the common part)."""
    epoch = await restored(chat)
    async with chat.v1("alice", room=None) as alice:
        ack = await alice.join("general", (epoch, seq))
        assert (ack["recovered"], ack["seq"], ack["top"]) == (True, seq, OLD)
        assert ack["epoch"] != epoch
        assert texts(await alice.hear(OLD - seq)) == [f"m{i}" for i in range(seq + 1, OLD + 1)]
        await alice.say("new", room="general")
        assert (await alice.hears("new"))["seq"] == OLD + 1


@pytest.mark.parametrize("seq", [OLD + 1, OLD + LOST, OLD + LOST + 7])
async def test_a_position_in_what_was_lost_is_not_recovered(chat, seq):
    """Any other old or future position gives `recovered:false`."""
    epoch = await restored(chat)
    async with chat.v1("alice", room=None) as alice:
        ack = await alice.join("general", (epoch, seq))
        assert (ack["recovered"], ack["seq"], ack["top"]) == (False, 0, OLD)
        assert ack["epoch"] != epoch
        assert seqs(await alice.hear(OLD)) == list(range(1, OLD + 1))


async def test_the_common_part_stays_good_when_the_new_epoch_grew(chat):
    epoch = await restored(chat)
    new, top = await chat.fill(5, prefix="new")
    assert new != epoch and top == OLD + 5
    async with chat.v1("alice", room=None) as alice:
        assert (await alice.join("general", (epoch, OLD)))["recovered"] is True
        assert texts(await alice.hear(5)) == [f"new{i}" for i in range(1, 6)]
        await alice.leave("general")
        assert (await alice.join("general", (epoch, OLD + 3)))["recovered"] is False
        await alice.hear(OLD + 5)
        await alice.leave("general")
        assert (await alice.join("general", (new, OLD + 3)))["recovered"] is True
        assert texts(await alice.hear(2)) == ["new4", "new5"]


async def test_a_room_that_lost_nothing_recovers_at_its_top(chat):
    await chat.fill(3, room="other")
    epoch = await restored(chat)
    async with chat.v1("alice", room=None) as alice:
        ack = await alice.join("other", (epoch, 3))
        assert (ack["recovered"], ack["seq"], ack["top"]) == (True, 3, 3)


async def test_clients_that_come_back_see_one_history(chat):
    """What you hold after `seq` is void; the rest is the same for everybody."""
    transcript = Transcript()
    node = chat.nodes[0]
    async with chat.v1("alice", transcript=transcript, reconnects=True) as alice, \
            chat.v1("bob", transcript=transcript, reconnects=True) as bob:
        await alice.say("kept")
        await bob.hears("kept")
        back_up(node)
        await alice.say("lost")
        await bob.hears("lost")
        restore(node)
        await alice.say_surely("new")
        await bob.until(text="new")
        await alice.until(text="new")
    report = check(transcript.entries)
    report.assert_good()
    assert report.counts["voided"] >= 2
