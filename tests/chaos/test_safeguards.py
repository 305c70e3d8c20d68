# SPDX-License-Identifier: MIT
"""The chaos tests notice when a safeguard is missing: with plugins that were built without it (tests/broken)
the same run is found guilty."""
import asyncio

import pytest
from test_faults import SEED, play
from world import World, without

SECONDS = 8
TRIES = 5  # a fault that needs the moment between a commit and its answer may miss it
# Many who write to few rooms: what two workers commit one after the other comes in another order.
CROWDED = {"rate": 200, "n_rooms": 2}
# What to strike with, and of which faults the report has to have one.
CASES = {("dedup", "sqlite"): (["people in a tunnel", "locked file"], ["doubled"]),
         ("dedup", "redis"): (["people in a tunnel", "slow network", "cut the network"], ["doubled"]),
         ("refill", "sqlite"): (["stop a worker", "kill a worker"], ["hole", "lost"]),
         ("refill", "redis"): (["lose publications"], ["hole", "lost"]),
         ("resume", "sqlite"): (["people in a tunnel"], ["unrecovered"]),
         ("resume", "redis"): (["people in a tunnel"], ["unrecovered"]),
         ("order", "sqlite"): (["stop a worker", "kill a worker"], ["reordered"]),
         ("order", "redis"): (["lose publications"], ["reordered"])}


@pytest.mark.parametrize("safeguard, store", CASES)
def test_what_is_not_safeguarded_is_noticed(tmp_path, safeguard, store):
    faults, expected = CASES[safeguard, store]
    with World(tmp_path / "world", store, plugins=without(safeguard, store)) as world:
        for i in range(TRIES):
            report, _ = asyncio.run(play(world, tmp_path, f"{SEED} {safeguard} {i}", SECONDS, faults,
                                         **CROWDED))
            print(f"without {safeguard}, seed {SEED}: {report}")
            if any(report.faults[name] for name in expected):
                return
    raise AssertionError(f"it was not noticed: {report}")


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_the_same_faults_with_all_safeguards_are_harmless(tmp_path, store):
    faults = sorted({name for (_, of), (names, _) in CASES.items() if of == store for name in names})
    with World(tmp_path / "world", store) as world:
        report, _ = asyncio.run(play(world, tmp_path, f"{SEED} all", SECONDS, faults))
    print(report)
    report.assert_good()
