# SPDX-License-Identifier: MIT
"""What connections cost: parts of the table of goals."""
import lab
from lab import HEAD, cost_row

HANDSHAKES, ROOMS = 10000, 100


def handshake(room):
    """A whole connection: accept, upgrade with the login checked, join, and its end."""
    floor = lab.start_floor(room.stack)
    chatd = lab.start_chatd(room.stack, room.folder, "chatd")
    for target in (floor, chatd):  # what is done only once is done now
        lab.load(target, "connect", conns=500)
    rows = [HEAD]
    for dialect in ("classic", "v1"):
        runs = room.compare("handshake", dialect, [floor, chatd], "connect", dialect=dialect, conns=HANDSHAKES, rooms=ROOMS)
        rows.append(cost_row(f"{dialect}, us each", "50 us", runs, "chatd", "floor", "server_cpu_us_per_handshake", 1))
    return rows
