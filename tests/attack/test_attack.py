# SPDX-License-Identifier: MIT
"""Floods from this machine, for a bounded time each, while two people chat with each other.

A test fails when a message of theirs is lost, doubled, reordered, refused or out of the deadline; when chatd takes more
memory than the attack's cap; when a counter of /metrics does not show that the measure held; when descriptors do not
come back. How long messages took is told, beside the goal, and fails nothing: that is up to the machine as well.
"""
import asyncio

import pytest
from attacks import ATTACKS, MIB
from hoses import Flood
from pair import Pair, quantile
from server import DEADLINE, wait_until
from watch import Watch, descriptors

GOAL_MS = 100
WORKERS = 2


def counted(server):
    """The metrics, as soon as somebody is let in to ask."""
    def ask():
        try:
            return server.metrics()
        except OSError:
            return None
    return wait_until(ask, what="an answer to /metrics")


def rates(flood):
    """What the attackers did, in a line."""
    seconds = flood["seconds"]
    parts = [f"{flood['opened'] / seconds:.0f} conn/s, {flood['held_max']} held"]
    if flood["records"]:
        parts.append(f"{flood['records'] / seconds:.0f} rec/s")
    parts.append(f"{flood['bytes'] / seconds / 1e6:.2f} MB/s")
    statuses = {name: n for name, n in flood.items() if name.startswith("status")}
    parts += [f"{n}x{name[7:]}" for name, n in sorted(statuses.items())]
    return ", ".join(parts)


async def chat_through(attack, server, folder, pair):
    """Returns what the attackers counted, and the Watch."""
    watch = Watch(server).start()
    flood = Flood(attack.hoses, folder, server.port, attack.seconds)
    try:
        talk = asyncio.gather(pair.talk(), pair.log_in_and_out())
        flood.start()
        while flood.is_on():
            await asyncio.sleep(0.05)
        pair.stop()
        await talk
        told = await asyncio.to_thread(flood.end)
    finally:
        flood.kill()
        watch.end()
    await pair.settle()
    return told, watch


def row_of(attack, pair, flood, watch, before, after):
    latencies = [1000 * seconds for seconds in pair.latencies()]
    p50, p99 = quantile(latencies, 0.5), quantile(latencies, 0.99)
    logins = [seconds for seconds, status in pair.logins if status == 200]
    others = sorted({str(status) for _, status in pair.logins if status != 200})
    notes = [f"{name} +{after.get(name, 0) - before.get(name, 0):.0f}, at least {least}"
             for name, least in attack.counters.items()]
    if p99 >= GOAL_MS:
        notes.append(f"goal missed: p99 {p99:.0f} ms, the goal is {GOAL_MS}")
    if others:
        notes.append(f"logins that failed: {', '.join(others)}")
    return {"attack": attack.name, "p50": f"{p50:.1f}", "p99": f"{p99:.1f}", "max": f"{latencies[-1]:.0f}",
            "memory": f"{(watch.peak - watch.base) / MIB:.0f}", "cap": f"{attack.cap / MIB:.0f}",
            "cpu": f"{watch.cpu:.1f}", "attackers": rates(flood), "notes": notes,
            "logins": f"{len(logins)}/{len(pair.logins)}"
                      + (f" {1000 * max(logins):.0f} ms" if logins else "")}


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name.replace(" ", "-") for attack in ATTACKS])
def test_the_pair_keeps_chatting(clusters, tmp_path, figures, attack):
    chat = clusters(store="redis", workers=WORKERS, core=attack.core, sections=attack.sections)
    server = chat.expect(*attack.expected).nodes[0]
    server.wait_serving(WORKERS)

    async def run():
        pair = await Pair(server).open()
        try:
            before, idle = counted(server), descriptors(server)
            flood, watch = await chat_through(attack, server, tmp_path, pair)
            after = await asyncio.to_thread(counted, server)
            figures(row_of(attack, pair, flood, watch, before, after))
            pair.judge()
            assert not pair.refused(), pair.refused()
            for name, least in attack.counters.items():
                assert after.get(name, 0) - before.get(name, 0) >= least, name
            assert watch.peak - watch.base <= attack.cap
            await asyncio.to_thread(wait_until, lambda: descriptors(server) <= idle + 16, 2 * DEADLINE,
                                    "the return of descriptors")
        finally:
            await pair.close()
    asyncio.run(asyncio.wait_for(run(), attack.seconds + 6 * DEADLINE))
