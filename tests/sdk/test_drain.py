# SPDX-License-Identifier: MIT
"""What a plugin asks of a service in drain() is done, also where nobody is connected."""
import pytest
from chat import ALL_OFF
from server import BUILD

PROBE = BUILD / "lib" / "chatd-probe"


@pytest.mark.parametrize("workers", [0, 1])
def test_the_last_word_is_kept(chatd, workers):
    server = chatd(workers=workers, only={**ALL_OFF, "history-sqlite": "on", "drain": PROBE / "drain.so"})
    server.wait_log("drain: it was not kept")
    server.stop()
    assert "drain: the last word: 0" in server.log
    server.start()
    server.wait_log("drain: it was kept")


def test_the_last_word_is_kept_in_a_roll(chatd):
    server = chatd(workers=1, only={**ALL_OFF, "history-sqlite": "on", "drain": PROBE / "drain.so"})
    server.wait_log("drain: it was not kept")
    server.roll()
    server.wait_log("drain: the last word: 0")
