# SPDX-License-Identifier: MIT
"""Random clients for a short time; verbs.py runs them for longer, and with a seed of an earlier run."""
import os
import random

import pytest
from verbs import World

SECONDS = float(os.environ.get("CHATD_FUZZ_SECONDS", "16"))
SEED = int(os.environ.get("CHATD_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


@pytest.mark.parametrize("store,instances,workers", [("sqlite", 1, 0), ("redis", 2, 0)])
def test_random_clients(tmp_path, store, instances, workers):
    print(f"seed {SEED}")
    print(World(tmp_path, SEED, store=store, instances=instances, workers=workers).run(SECONDS))
