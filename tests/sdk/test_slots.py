# SPDX-License-Identifier: MIT
"""Slots of all sizes lie apart, aligned and zeroed, and each that was asked for has its end."""
import re

from chat import ALL_OFF, classic
from server import BUILD

PROBE = BUILD / "lib" / "chatd-probe"


def test_slots_of_all_sizes_keep_to_themselves(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "slots": PROBE / "slots.so"})
    with classic(server):
        server.wait_log(r"slots: filled")
    server.wait_log(r"slots: \d+ of \d+ ended")
    ended, registered = map(int, re.search(r"slots: (\d+) of (\d+) ended", server.log).groups())
    assert ended == registered - 1  # one was never asked for
    assert "Sanitizer" not in server.log
