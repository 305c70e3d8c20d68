# SPDX-License-Identifier: MIT
"""What messages cost, in CPU and in time: parts of the table of goals."""
import lab
from lab import HEAD, cost_row, in_turn, middle, paired, shape, wrong


FANOUT = (  # case, reference, goal with io_uring, goal without
    ("1x1000x1", "floor", "0.9", "1.05"), ("1x10000x1", "floor", "0.9", "1.05"), ("10x10x1", "floor", "-", "-"),
    ("1x1000x8", "coalescing floor", "1.1", "1.1"), ("1x10000x8", "coalescing floor", "1.1", "1.1"),
    ("10x10x8", "coalescing floor", "1.3", "1.3"), ("100x1x1", "floor", "1.5", "1.5"))


def fanout(room):
    """Against one send() per member with one in flight, against coalesced writes with eight; chatd with an io_uring,
    where the kernel lets it, and without."""
    floors = {"floor": lab.start_floor(room.stack),
              "coalescing floor": lab.start_floor(room.stack, "--coalesce", name="coalescing floor")}
    ring = lab.start_chatd(room.stack, room.folder, "io_uring")
    plain = lab.start_chatd(room.stack, room.folder, "sends", core={"io_uring": "off"})
    if ring.server.metrics()["chatd_io_uring"] == 0:
        ring.name = "io_uring, which the kernel forbids"
    rows = [HEAD]
    for case, reference, *goals in FANOUT:
        runs = room.compare("fanout", case, [floors[reference], ring, plain], **shape(case),
                            sweep_ms=0 if "x1x" in case else 50)
        rows += [cost_row(f"{case}, {chatd.name}", goal, runs, chatd.name, reference)
                 for chatd, goal in zip((ring, plain), goals)]
    return rows


def store(room):
    """What SQLite costs that is on the disk before anything is acknowledged."""
    without = lab.start_chatd(room.stack, room.folder, "without")
    full = lab.start_chatd(room.stack, room.folder, "full", sections={"history-sqlite": {"synchronous": "full"}})
    rows = [HEAD]
    for case, goal in (("1x100x1", "1.3"), ("1x100x8", "1.3"), ("1x1000x1", "1.05"), ("1x1000x8", "1.05")):
        runs = room.compare("store", case, [without, full], **shape(case))
        rows.append(cost_row(case, goal, runs, "full", "without"))
    return rows


def saturation(room, targets, case):
    """Deliveries a second of the slower server, when it always has something to do."""
    for target in targets:
        room.results.add("latency, saturation", case, lab.load(target, "fanout", **shape(case), inflight=8,
                                                               seconds=room.seconds))
    return min(run["deliveries_per_s"] for target in targets
               for run in room.results.of("latency, saturation", case, target.name))


def latency_row(room, case, floor, chatd):
    rate = max(1, int(0.4 * saturation(room, (floor, chatd), case) / shape(case)["members"]))
    runs = room.compare("latency", case, [floor, chatd], "open", **shape(case), rate=rate, seconds=3 * room.seconds)

    def quantiles(name):
        return f"{middle(runs[name], 'p50_us'):.0f} / {middle(runs[name], 'p99_us'):.0f}"
    return (f"{case}, {rate} messages/s, p50 / p99 us", "p99 1.2", quantiles("chatd"), quantiles("floor"),
            f"{paired(runs['chatd'], runs['floor'], 'p99_us'):.2f}", wrong(runs["chatd"]))


def latency(room):
    """At 40% of what the slower of the two takes, the same rate for both."""
    floor = lab.start_floor(room.stack)
    chatd = lab.start_chatd(room.stack, room.folder, "chatd")
    return [HEAD, *(latency_row(room, case, floor, chatd) for case in ("10x10", "1x1000"))]


def deflate_row(room, chatd, case, text_bytes):
    """The two loads are in the results as targets, `plain` and `deflate`."""
    work = f"{case}, {text_bytes} bytes"

    def step(name):
        settings = {"deflate": True} if name == "deflate" else {}
        run = lab.load(chatd, "fanout", **shape(case), text_bytes=text_bytes, seconds=room.seconds, **settings)
        room.results.add("deflate", work, {**run, "target": name})
    in_turn(room.repeat, ["plain", "deflate"], step)
    runs = {name: room.results.of("deflate", work, name) for name in ("plain", "deflate")}
    if not all(run["deflated"] for run in runs["deflate"]):
        work += " (NOT compressed)"
    return cost_row(work, "1.2", runs, "deflate", "plain")


def deflate(room):
    """A message is compressed once for a room. Those under deflate_min are not: it is lowered for the shorter one."""
    shipped = lab.start_chatd(room.stack, room.folder, "shipped")
    always = lab.start_chatd(room.stack, room.folder, "always", core={"deflate_min": "0"})
    return [HEAD, *(deflate_row(room, chatd, case, text_bytes) for case in ("1x1000x1", "1x1000x8")
                    for chatd, text_bytes in ((always, 128), (shipped, 1024)))]
