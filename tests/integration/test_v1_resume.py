# SPDX-License-Identifier: MIT
"""chatd.v1: coming back with `since` (protocol.md, part 3)."""
import asyncio

import pytest
import requests
from client import Closed
from cluster import BULK, seqs, texts
from history_check import check
from transcript import Transcript


async def join(chat, since, user="alice", **options):
    """A client at the last instance; (client, ack)."""
    client = await chat.v1(user, node=-1, room=None, **options).open()
    return client, await client.join("general", since)


# --- what is recovered ---------------------------------------------------------------------------


@pytest.mark.parametrize("total, seq", [(40, 10), (255, 0), (600, 100), (1150, 150)])
async def test_since_brings_all_after_it(cluster, total, seq):
    """With it: all after `seq` (at most `resume_max`, 1000). Within the ring (256 records), beyond
    it, and just `resume_max`."""
    chat = cluster(core=BULK)
    epoch, _ = await chat.fill(total)
    alice, ack = await join(chat, (epoch, seq))
    assert (ack["epoch"], ack["seq"], ack["top"], ack["recovered"]) == (epoch, seq, total, True)
    got = await alice.hear(total - seq)
    assert seqs(got) == list(range(seq + 1, total + 1))
    assert texts(got) == [f"m{i}" for i in range(seq + 1, total + 1)]
    await alice.say("live", room="general")
    assert (await alice.hears("live"))["seq"] == total + 1
    await alice.close()


async def test_nothing_is_missed_at_the_top(chat):
    epoch, _ = await chat.fill(5)
    alice, ack = await join(chat, (epoch, 5))
    assert (ack["seq"], ack["top"], ack["recovered"]) == (5, 5, True)
    assert await alice.settle() == []
    await alice.say("live", room="general")
    assert (await alice.hears("live"))["seq"] == 6
    await alice.close()


async def test_an_empty_room_recovers_at_its_beginning(chat):
    async with chat.v1("bob") as bob:
        epoch, seq = bob.positions["general"]
        alice, ack = await join(chat, (epoch, seq))
        assert (ack["seq"], ack["top"], ack["recovered"]) == (0, 0, True)
        await bob.say("live")
        await alice.hears("live")
        await alice.close()


async def test_a_long_resume_reaches_who_reads_whole(cluster):
    """A joiner reads pages from the store, the next only when its queue is below `queue_soft`."""
    chat = cluster(core={**BULK, "queue_soft": "64k", "queue_hard": "256k"})
    epoch, _ = await chat.fill(700, prefix="x" * 4000)
    alice, ack = await join(chat, (epoch, 0))
    assert ack["recovered"] is True
    assert seqs(await alice.hear(700)) == list(range(1, 701))
    await alice.say("live", room="general")
    await alice.hears("live")
    await alice.close()


# --- what is not ---------------------------------------------------------------------------------


async def is_not_recovered(chat, since, top):
    """`recovered:false` and the latest page."""
    alice, ack = await join(chat, since)
    assert (ack["recovered"], ack["seq"], ack["top"]) == (False, max(top - 50, 0), top)
    got = await alice.hear(min(top, 50))
    assert seqs(got) == list(range(ack["seq"] + 1, top + 1))
    await alice.say("live", room="general")
    assert (await alice.hears("live"))["seq"] == top + 1
    await alice.close()
    return ack


async def test_more_than_resume_max_is_not_recovered(cluster):
    """All after `seq` (at most `resume_max`, 1000) or `recovered:false` and the latest."""
    chat = cluster(core=BULK)
    epoch, _ = await chat.fill(1150)
    assert (await is_not_recovered(chat, (epoch, 149), 1150))["epoch"] == epoch


async def test_resume_max_can_be_set(cluster):
    chat = cluster(core=BULK, sections={"rooms": {"resume_max": "10"}})
    epoch, _ = await chat.fill(80)
    alice, ack = await join(chat, (epoch, 70))
    assert ack["recovered"] is True and seqs(await alice.hear(10)) == list(range(71, 81))
    await alice.close()
    await is_not_recovered(chat, (epoch, 69), 80)


async def test_a_position_in_the_future_is_not_recovered(cluster):
    """Any other old or future position gives `recovered:false`."""
    chat = cluster(core=BULK)
    epoch, _ = await chat.fill(60)
    await is_not_recovered(chat, (epoch, 61), 60)
    await is_not_recovered(chat, (epoch, 2 ** 53), 61)


async def test_a_position_of_another_epoch_is_not_recovered(cluster):
    chat = cluster(core=BULK)
    epoch, _ = await chat.fill(60)
    for top, seq in enumerate((0, 3, 60, 1000), 60):
        assert (await is_not_recovered(chat, ("no-such-epoch", seq), top))["epoch"] == epoch


async def test_a_trimmed_position_is_not_recovered_and_a_kept_one_is(cluster, place):
    chat = cluster(core=BULK, sections={f"history-{place[0]}": {"history_max": "100"}})
    epoch, _ = await chat.fill(400)
    await is_not_recovered(chat, (epoch, 10), 400)
    alice, ack = await join(chat, (epoch, 320))
    assert (ack["recovered"], ack["seq"]) == (True, 320)
    assert seqs(await alice.hear(81)) == list(range(321, 402))
    await alice.close()


async def test_a_bad_since_is_refused(clusters):
    async with clusters().v1("alice", room=None) as alice:
        for since in (7, "e", [], {}, {"epoch": "e"}, {"seq": 1}, {"epoch": 1, "seq": 1},
                      {"epoch": "e", "seq": "1"}, {"epoch": "e", "seq": -1},
                      {"epoch": "e", "seq": 1.5}, {"epoch": "e", "seq": None}):
            answer = await alice.ask("room.join", room="general", since=since)
            assert (answer["type"], answer.get("code")) == ("error", "bad_request"), since
        await alice.join("general")


async def test_an_epoch_that_no_store_has_is_just_another_one(chat):
    for epoch in ("", "x" * 64, "x" * 300, "\u00e9\"\\", "*"):
        alice, ack = await join(chat, (epoch, 1))
        assert ack["recovered"] is False
        await alice.close()


# --- in life -------------------------------------------------------------------------------------


async def test_what_was_said_meanwhile_comes_after_a_reconnect(chat):
    transcript = Transcript()
    async with chat.v1("alice", transcript=transcript) as alice, \
            chat.v1("bob", node=-1, transcript=transcript, reconnects=True) as bob:
        await alice.say("one")
        await bob.hears("one")
        for i in range(3):
            await bob.drop()
            await alice.say(f"meanwhile {i}")
            await bob.hears(f"meanwhile {i}")
        assert bob.connections == 4
        assert len(transcript.of("join", reader="bob", recovered=True)) == 3
        check(transcript.entries).assert_good()


async def test_who_is_cut_off_right_after_its_ack_misses_nothing(cluster):
    """`seq` is the position before the first record that follows."""
    chat = cluster(core=BULK)
    await chat.fill(60)
    for since in (None, 20):
        async with chat.v1("alice", room=None) as alice:
            epoch = (await alice.join("general"))["epoch"]
        alice, ack = await join(chat, since and (epoch, since))
        await alice.drop()
        again, ack_again = await join(chat, (ack["epoch"], ack["seq"]))
        assert ack_again["recovered"] is True
        assert seqs(await again.hear(60 - ack["seq"])) == list(range(ack["seq"] + 1, 61))
        await again.close()


async def test_readers_that_are_cut_off_again_and_again_see_all_once(cluster):
    """Per room every connection sees records in `seq` order, each once."""
    chat = cluster(core=BULK)
    transcript = Transcript()
    nodes = len(chat.nodes)
    total = 600

    async def read(i):
        """Dropped every few messages, until the last one was seen."""
        async with chat.v1(f"r{i}", node=i % nodes, transcript=transcript, reconnects=True) as me:
            heard = 0
            while True:
                frame = await me.next()
                if frame["seq"] == total:
                    return
                heard += 1
                if heard % (17 + 6 * i) == 0:
                    await me.drop()

    async def write(client, first, last):
        for i in range(first, last):
            await client.say_surely(f"m{i}")

    readers = [asyncio.create_task(read(i)) for i in range(4)]
    async with chat.v1("w0", transcript=transcript, reconnects=True) as one, \
            chat.v1("w1", node=-1, transcript=transcript, reconnects=True) as two:
        writers = asyncio.gather(write(one, 0, total // 2), write(two, total // 2, total))
        while not writers.done():
            await asyncio.wait({writers}, timeout=0.2)
            await one.drop()
        await writers
        await asyncio.gather(*readers)
    report = check(transcript.entries)
    report.assert_good()
    assert report.counts["ok"] == total
    assert report.counts["resumed"] >= 4
    assert report.counts["skipped"] == report.counts["voided"] == 0


async def test_a_client_that_may_not_come_back_does_not(chat):
    """After 4500-4999 it must not: the token was revoked."""
    async with chat.v1("alice", reconnects=True) as alice:
        answer = requests.post(chat.nodes[0].http + "/logout",
                               headers={"Cookie": f"token={alice.token}"})
        assert answer.status_code == 200
        assert await alice.closed() == 4501
        with pytest.raises(Closed):
            await alice.until(type="message")
