# SPDX-License-Identifier: MIT
"""Nothing lost, nothing doubled, one order, while everything that can fail does, in an order that a seed gives.

    CHATD_CHAOS_SECONDS=1800    of faults on each store (60)
    CHATD_CHAOS_SEED=...        of an earlier run: the same faults again

It goes in rounds, each with rooms of its own, and judges each by itself.
"""
import asyncio
import collections
import os
import random
import shutil

import pytest
from crowd import Crowd
from faults import plan, strike_all
from world import POLICIES, World

SECONDS = float(os.environ.get("CHATD_CHAOS_SECONDS", "60"))
SEED = os.environ.get("CHATD_CHAOS_SEED") or str(random.SystemRandom().randrange(10 ** 9))
ROUND_S = 60
RATE = 60
ROOMS = 6
GROUPS = 4


def rounds_of(seconds, least):
    """(how many, seconds of each): at least so many, and none longer than ROUND_S."""
    n = max(least, round(seconds / ROUND_S))
    return n, seconds / n


async def play(world, folder, seed, seconds, faults=None, rate=RATE, n_rooms=ROOMS):
    """One round: returns the report, and how many faults of each kind there were."""
    name = seed.replace(" ", "-")
    rooms = [f"r{i}-{name}" for i in range(n_rooms)]
    strikes = plan(seed, seconds, world.store, faults, () if world.has_disk else ("full disk",))
    async with Crowd(world.cluster, folder, rate, rooms, GROUPS, random.Random(seed),
                     narrow=True) as crowd:
        counts = await strike_all(strikes, world, crowd)
        await asyncio.to_thread(world.calm)
        await crowd.goes_on(30)
        return await crowd.end(), counts


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_nothing_is_lost_or_doubled_and_there_is_one_order(tmp_path, store):
    policies = list(POLICIES) if store == "redis" else ["full"]
    n, seconds = rounds_of(SECONDS, len(policies))
    totals, faults = collections.Counter(), collections.Counter()
    print(f"seed {SEED}: {n} rounds of {seconds:.0f} s on {store}")
    with World(tmp_path / "world", store, policies[0]) as world:
        if not world.has_disk:
            print("without full disks: this user may not mount a small one")
        for i in range(n):
            policy = policies[i % len(policies)]
            folder = tmp_path / f"round{i}"
            folder.mkdir()
            world.persist(policy)
            report, counts = asyncio.run(play(world, folder, f"{SEED} {i}", seconds))
            print(f"round {i}, {policy}: {report}")
            for strike in [] if report.is_good else plan(f"{SEED} {i}", seconds, store):
                print(strike)
            report.assert_good()
            assert report.counts["ok"] > 0.5 * report.counts["attempted"]
            if not world.may_forget:
                assert report.counts["forgotten"] == 0
            if store == "sqlite":  # it is never started anew in the eyes of its readers
                assert report.counts["voided"] == report.counts["resets"] == 0
            totals += report.counts
            faults += counts
            shutil.rmtree(folder)
    print(f"{store} in all:", " ".join(f"{name}={n}" for name, n in sorted(totals.items())))
    print("faults: " + ", ".join(f"{kind} {n}" for kind, n in sorted(faults.items())))
