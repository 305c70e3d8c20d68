#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What each store costs: latency of the acknowledgement at fixed rates, and CPU per million deliveries.

Starts the reference, and a chatd for each store with its own redis-server where it needs one; loads them in
turn, never two at one time. Prints tables; --out keeps a line of JSON for each run. See README.md.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile

import lab
from lab import ROOT, in_turn, middle, output, shape, sync_us, wrong
from redis_server import PROGRAM

PLUGINS = {"rooms": "on", "typing": "on", "auth": "off", "static": "off",
           "history-sqlite": "off", "history-redis": "off"}
STORES = ("none", "sqlite-normal", "sqlite-full", "redis-off", "redis-everysec", "redis-always")


def start_chatd(stack, folder, name):
    """chatd with the store STORE-SETTING of this name, for guests."""
    store, _, setting = name.partition("-")
    plugins, sections, pids = dict(PLUGINS), {}, []
    if store == "sqlite":
        sections["history-sqlite"] = {"synchronous": setting}
    elif store == "redis":
        redis = lab.start_redis(stack, folder / "redis", setting)
        sections["history-redis"] = {"address": redis.address}
        pids.append(redis.process.pid)
    if store != "none":
        plugins[f"history-{store}"] = "on"
    return lab.start_chatd(stack, folder, name, plugins=plugins, sections=sections, workers=0, pids=pids)


def load(options, target, mode, **settings):
    """One run of bench_load: what it printed, as a dict."""
    if options.no_cid:
        settings["no_cid"] = True
    return lab.load(target, mode, dialect=options.dialect, **settings)


def latency(options, targets, results):
    for rate in options.rates:
        in_turn(options.repeat, targets, lambda target: results.add("latency", f"{rate}/s", load(
            options, target, "open", **shape(options.latency_case), rate=rate,
            seconds=options.latency_seconds)))


def cpu_cases(options):
    """Where a room has one member there is nobody to sweep."""
    return [(case, sweep) for case in options.cases
            for sweep in ([0] if shape(case)["members"] == 1 else options.sweeps)]


def cpu(options, targets, results):
    for case, sweep in cpu_cases(options):
        in_turn(options.repeat, targets, lambda target: results.add("cpu", f"{case} sweep {sweep}", load(
            options, target, "fanout", **shape(case), sweep_ms=sweep,
            seconds=options.cpu_seconds)))


def ms(runs, name):
    """Median of the repetitions, and their range."""
    if name not in runs[0]:
        return "-"
    values = [run[name] / 1000 for run in runs]
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def table(*rows):
    print()
    print(lab.markdown(rows))


WRONG = "lost/doubled/reordered/unanswered/errors"


def latency_table(options, targets, results):
    rows = [("rate", "server", "ack p50 ms", "ack p99 ms", "ack p99.9 ms", "delivery p50 ms",
             "delivery p99 ms", "CPU s/M", WRONG)]
    for rate in options.rates:
        for target in targets:
            runs = results.runs["latency", f"{rate}/s", target.name]
            names = ("ack_p50_us", "ack_p99_us", "ack_p999_us", "p50_us", "p99_us")
            rows.append((f"{rate}/s", target.name, *(ms(runs, name) for name in names),
                         f"{middle(runs, lambda run: run['server_cpu_s_per_million']):.1f}",
                         wrong(runs)))
    table(*rows)


def cpu_table(options, targets, results):
    rows = [("case", "server", "chatd s/M", "Redis s/M", "sum s/M", "sum range", "paired ratio",
             "generator s/M", "deliveries/s", WRONG)]
    for case, sweep in cpu_cases(options):
        key = f"{case} sweep {sweep}"
        floor = results.runs["cpu", key, "floor"]
        for target in targets:
            runs = results.runs["cpu", key, target.name]
            each = [middle(runs, lambda run: run["server_cpu_s_per_million_each"][i])
                    for i in range(len(target.pids))]
            sums = [run["server_cpu_s_per_million"] for run in runs]
            ratio = statistics.median(s / f["server_cpu_s_per_million"]
                                      for s, f in zip(sums, floor))
            rows.append((key, target.name, f"{each[0]:.2f}",
                         f"{each[1]:.2f}" if len(each) > 1 else "-",
                         f"{statistics.median(sums):.2f}", f"{min(sums):.2f}-{max(sums):.2f}",
                         f"{ratio:.2f}",
                         f"{middle(runs, lambda run: run['client_cpu_s_per_million']):.2f}",
                         f"{middle(runs, lambda run: run['deliveries_per_s']):.0f}", wrong(runs)))
    table(*rows)


def conditions(folder):
    p50, p99 = sync_us(folder)
    return {"commit": output("git", "describe", "--always", "--dirty"), "cpus": os.cpu_count(),
            "load": os.getloadavg()[0], "filesystem": output("stat", "-f", "-c", "%T", folder),
            "fdatasync_p50_us": p50, "fdatasync_p99_us": p99,
            "redis": output("redis-server", "--version", program=PROGRAM).partition(" sha")[0]
            if PROGRAM else "none"}


def numbers(text):
    return [int(word) for word in text.split(",")]


def words(text):
    return text.split(",")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--out", help="a file for one line of JSON per run")
    add("--part", choices=("latency", "cpu", "both"), default="both")
    add("--stores", type=words, default=["none", "sqlite-full", "redis-everysec", "redis-always"],
        help="of " + ",".join(STORES) + " (none,sqlite-full,redis-everysec,redis-always)")
    add("--dialect", choices=("v1", "classic"), default="v1", help="classic has no acks (v1)")
    add("--no-cid", action="store_true", help="v1: nothing for the store to look for doubles by")
    add("--repeat", type=int, default=5)
    add("--rates", type=numbers, default=[200, 1000], help="messages a second (200,1000)")
    add("--latency-case", default="10x10", help="rooms x members (10x10)")
    add("--latency-seconds", type=int, default=10)
    add("--cases", type=words, default=["100x1x1", "100x1x8", "1x1000x1", "1x1000x8"],
        help="rooms x members x in flight (100x1x1,100x1x8,1x1000x1,1x1000x8)")
    add("--cpu-seconds", type=int, default=3)
    add("--sweeps", type=numbers, default=[0, 50], help="--sweep-ms of larger rooms (0,50)")
    add("--folder", default=ROOT / "build", help="on the disk that the stores are to be measured on")
    options = parser.parse_args()
    if not set(options.stores) <= set(STORES):
        parser.error("--stores: of " + ",".join(STORES))
    if any(name.startswith("redis") for name in options.stores) and not PROGRAM:
        parser.error("there is no redis-server")
    return options


def main():
    options = parse()
    results = lab.Results(options.out)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-store-", dir=options.folder)))
        told = conditions(folder)
        results.keep({"part": "conditions", **told})
        print(", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
        if told["load"] > 0.5 or told["filesystem"] == "tmpfs":
            print("store.py: this machine is not quiet, or the folder is not on a disk: "
                  "these are no figures to keep", file=sys.stderr)
        floor = lab.start_floor(stack)
        targets = [floor, *(start_chatd(stack, folder / name, name) for name in options.stores)]
        for target in targets:  # what is done only once is done now
            load(options, target, "fanout", rooms=100, members=1, inflight=8, seconds=1)
        if options.part != "cpu":
            latency(options, targets, results)
            latency_table(options, targets, results)
        if options.part != "latency":
            cpu(options, targets, results)
            cpu_table(options, targets, results)


if __name__ == "__main__":
    main()
