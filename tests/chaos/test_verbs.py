# SPDX-License-Identifier: MIT
"""Random clients for a short time; verbs.py runs them for longer, and with a seed of an earlier run."""
import os
import random

import pytest
from verbs import Broken, World
from world import without

SECONDS = 10
SEED = int(os.environ.get("CHATD_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


@pytest.mark.parametrize("store,instances,workers", [("sqlite", 1, 0), ("redis", 2, 0)])
def test_random_clients(tmp_path, store, instances, workers):
    print(f"seed {SEED}")
    print(World(tmp_path, SEED, store=store, instances=instances, workers=workers).run(SECONDS))


def test_a_broken_store_is_found_guilty(tmp_path):
    """One that knows no doubles."""
    with pytest.raises(Broken, match="stored twice"):
        World(tmp_path, SEED, plugins=without("dedup", "sqlite")).run(2 * SECONDS)
