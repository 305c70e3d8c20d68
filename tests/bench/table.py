#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The table of goals: what chatd costs, as ratios to the reference in the same run. See README.md.

Each part is a function here or in a module beside this one; it takes the lab it works in and returns the rows of
its table. Nothing passes or fails on time.
"""
import argparse
import contextlib
import datetime
import os
import pathlib
import sys
import tempfile

import lab
from lab import in_turn, load, markdown, middle, paired, shape, wrong

HEAD = ("work", "goal", "chatd", "reference", "ratio", "wrong")


class Lab:
    """Where a part works: its folder, how often it repeats, and where every run is kept."""

    def __init__(self, stack, folder, options, results):
        self.stack = stack
        self.folder = folder
        self.repeat = options.repeat
        self.seconds = options.seconds
        self.results = results

    def compare(self, part, case, targets, mode="fanout", **settings):
        """Loads the targets in turn; the runs of each, by its name."""
        def step(target):
            self.results.add(part, case, load(target, mode, **{"seconds": self.seconds, **settings}))
        in_turn(self.repeat, targets, step)
        return {target.name: self.results.of(part, case, target.name) for target in targets}


def cost_row(work, goal, runs, name, reference, **extra):
    """A row of CPU seconds per million deliveries and their paired ratio."""
    field = "server_cpu_s_per_million"
    return (work, goal, f"{middle(runs[name], field):.2f}", f"{middle(runs[reference], field):.2f}",
            f"{paired(runs[name], runs[reference]):.2f}", wrong(runs[name]))


def fanout(room):
    """Against one send() per member with one in flight, against coalesced writes with eight."""
    floor = lab.start_floor(room.stack)
    packed = lab.start_floor(room.stack, "--coalesce", name="coalescing floor")
    chatd = lab.start_chatd(room.stack, room.folder, "chatd")
    rows = [HEAD]
    for case, reference, goal in (("1x1000x1", floor, "1.05"), ("1x10000x1", floor, "1.05"), ("10x10x1", floor, "-"),
                                  ("1x1000x8", packed, "1.1"), ("1x10000x8", packed, "1.1"), ("10x10x8", packed, "1.3"),
                                  ("100x1x1", floor, "1.5")):
        runs = room.compare("fanout", case, [reference, chatd], **shape(case), sweep_ms=0 if "x1x" in case else 50)
        rows.append(cost_row(case, goal, runs, "chatd", reference.name))
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


PARTS = {"fanout": fanout, "store": store}


def conditions(folder):
    p50, p99 = lab.sync_us(folder)
    model = next((line.partition(": ")[2] for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "?")
    return {"date": datetime.date.today().isoformat(), "commit": lab.output("git", "describe", "--always", "--dirty"),
            "cpu": model, "cpus": os.cpu_count(), "kernel": os.uname().release, "load": round(os.getloadavg()[0], 2),
            "fdatasync_p50_us": p50, "fdatasync_p99_us": p99}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--json", default=lab.ROOT / "build" / "bench.jsonl", help="a line for each run")
    parser.add_argument("--markdown", type=argparse.FileType("w"), help="the tables; always on stdout as well")
    parser.add_argument("--folder", default=lab.ROOT / "build", help="on the disk that the stores are measured on")
    options = parser.parse_args()
    if not set(options.parts) <= set(PARTS):
        parser.error("PART is one of " + ", ".join(PARTS))
    return options


def say(options, text):
    print(text, flush=True)
    if options.markdown:
        print(text, file=options.markdown, flush=True)


def main():
    options = parse()
    results = lab.Results(options.json)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as scratch:
        told = conditions(pathlib.Path(scratch))
        results.keep({"part": "conditions", **told})
        say(options, ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items()))
        if told["load"] > 0.5:
            print("table.py: this machine is not quiet: these are no figures to keep", file=sys.stderr)
        for name in options.parts:
            with contextlib.ExitStack() as stack:
                rows = PARTS[name](Lab(stack, pathlib.Path(scratch) / name, options, results))
            say(options, f"\n## {name}\n\n{markdown(rows)}")


if __name__ == "__main__":
    main()
