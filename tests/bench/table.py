#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The table of goals: what chatd costs, as ratios to the reference in the same run. See README.md.

Each part is a function in a module beside this one; it takes the lab it works in and returns the rows of its table.
Nothing passes or fails on time.
"""
import argparse
import contextlib
import datetime
import os
import pathlib
import signal
import sys
import tempfile

import connections
import growth
import lab
import peers
import startup
import storm
import traffic
from lab import Lab, markdown

PARTS = {"fanout": traffic.fanout, "store": traffic.store, "handshake": connections.handshake,
         "idle": connections.idle, "pings": connections.pings, "start": startup.start, "redis": peers.redis,
         "latency": traffic.latency, "growth": growth.growth, "peers": peers.peers, "storm": storm.storm,
         "deflate": traffic.deflate}
RESULTS = pathlib.Path(__file__).with_name("RESULTS.md")


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
    parser.add_argument("--markdown", action="store_true", help=f"the tables to {RESULTS.name} as well")
    parser.add_argument("--big", action="store_true", help="growth: 1,000,000 stored messages, not 100,000")
    parser.add_argument("--folder", default=lab.ROOT / "build", help="on the disk that the stores are measured on")
    options = parser.parse_args()
    if not set(options.parts) <= set(PARTS):
        parser.error("PART is one of " + ", ".join(PARTS))
    return options


def say(told, text):
    print(text, flush=True)
    told.append(text)


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended
    results = lab.Results(options.json)
    told = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as scratch:
        where = {**conditions(pathlib.Path(scratch)), "repeat": options.repeat, "seconds": options.seconds}
        results.keep({"part": "conditions", **where})
        say(told, ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in where.items()))
        if where["load"] > 0.5:
            print("table.py: this machine is not quiet: these are no figures to keep", file=sys.stderr)
        for name in options.parts:
            with contextlib.ExitStack() as stack:
                rows = PARTS[name](Lab(stack, pathlib.Path(scratch) / name, options, results))
            say(told, f"\n## {name}\n\n{markdown(rows)}")
    if options.markdown:
        RESULTS.write_text("# Results\n\n" + "\n".join(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
