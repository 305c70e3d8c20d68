#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What several workers cost: CPU per million deliveries, the master's included, against one worker.

Starts one chatd for each number of workers and loads them in turn, never two at one time, so that the
ratios are of one run. Prints a table; --out keeps a line of JSON for each run. See README.md.
"""
import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from lab import BENCH, CORE, Server
from store import PLUGINS

STORES = {"none": {}, "sqlite": {"history-sqlite": "on"}}
SQLITE = {"history-sqlite": {"synchronous": "normal"}}


def start(stack, folder, store, workers):
    server = Server(pathlib.Path(folder) / f"{store}-{workers}",
                    core={**CORE, "workers": str(workers)}, only={**PLUGINS, **STORES[store]},
                    sections=SQLITE if store == "sqlite" else {})
    stack.callback(server.stop)
    server.start()
    return server


def load(server, options):
    """One run of bench_load; its line of JSON."""
    command = [BENCH / "bench_load", "fanout", "--port", str(server.port),
               "--pid", str(server.process.pid), "--rooms", str(options.rooms),
               "--members", str(options.members), "--inflight", "1",
               "--seconds", str(options.seconds), "--sweep-ms", "50"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--rooms", type=int, default=2)
    parser.add_argument("--members", type=int, default=500, help="of each room")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=argparse.FileType("w"))
    options = parser.parse_args()
    print("| store | workers | CPU s/M | paired ratio to the first | deliveries/s | wrong |")
    print("|---|---|---|---|---|---|")
    for store in options.stores:
        with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
            servers = {n: start(stack, folder, store, n) for n in options.workers}
            runs = {n: [] for n in options.workers}
            for _ in range(options.repeat):
                for n, server in servers.items():
                    runs[n].append(load(server, options))
                    if options.out:
                        print(json.dumps({"store": store, "workers": n, **runs[n][-1]}),
                              file=options.out)
        first = [run["server_cpu_s_per_million"] for run in runs[options.workers[0]]]
        for n in options.workers:
            cpu = [run["server_cpu_s_per_million"] for run in runs[n]]
            wrong = sum(run[kind] for run in runs[n] for kind in ("lost", "doubled", "reordered"))
            ratio = statistics.median(a / b for a, b in zip(cpu, first))
            rate = statistics.median(run["deliveries_per_s"] for run in runs[n])
            print(f"| {store} | {n} | {statistics.median(cpu):.2f} | {ratio:.3f} | {rate:.0f} "
                  f"| {wrong} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
