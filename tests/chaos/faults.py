# SPDX-License-Identifier: MIT
"""Faults, and the order in which a seed has them come.

    strikes = plan(seed, seconds, "redis")      # the same seed, the same plan
    counts = await strike_all(strikes, world, crowd)

There are two lanes, so that two faults may hurt at a time: one of processes and clients, one of the store
and the way to it. In each of them one fault comes after the other. All kinds come before one comes again.
"""
import asyncio
import collections
import dataclasses
import os
import random
import signal
import sqlite3
import time

# Kinds, with the least and the longest time that each lasts, in seconds.
PROCESSES = {"kill a worker": (0, 0.5), "kill an instance": (0, 2), "stop a worker": (0.5, 7),
             "reload": (0, 0.2), "roll": (0, 1), "people in a tunnel": (0, 0.5),
             "slow readers": (2, 6)}
STORES = {"sqlite": {"full disk": (0.5, 3), "locked file": (0.5, 3)},
          "redis": {"restart Redis": (0, 2), "kill Redis": (0, 2), "stop Redis": (0.5, 7),
                    "cut the network": (0.2, 7), "slow network": (1, 4),
                    "kill the pub/sub connections": (0, 0.5), "lose publications": (1, 5),
                    "full disk": (0.5, 3)}}
PAUSE = (0.3, 1.5)  # between two
TAIL_BYTES = 20000  # of the append-only file that a power cut takes at most, where it is not synced


@dataclasses.dataclass(frozen=True)
class Strike:
    lane: int
    at: float  # seconds from the beginning; later if the one before is not over
    kind: str
    lasts: float
    dice: int  # seed of whatever it chooses

    def __str__(self):
        return f"{self.at:6.1f} s  {self.kind}, {self.lasts:.1f} s"


def plan(seed, seconds, store, only=None, without=()):
    """The strikes within so many seconds, in the order of their times."""
    strikes = []
    for lane, kinds in enumerate((PROCESSES, STORES[store])):
        dice = random.Random(f"{seed} {lane} {store}")
        kinds = {kind: span for kind, span in kinds.items()
                 if kind not in without and (only is None or kind in only)}
        at, deck = dice.uniform(*PAUSE), []
        while kinds:
            deck = deck or dice.sample(sorted(kinds), len(kinds))
            kind = deck.pop()
            lasts = dice.uniform(*kinds[kind])
            if at + lasts > seconds:
                break
            strikes.append(Strike(lane, at, kind, lasts, dice.randrange(2 ** 32)))
            at += lasts + dice.uniform(*PAUSE)
    return sorted(strikes, key=lambda strike: strike.at)


async def strike_all(strikes, world, crowd):
    """Returns how many of each kind came."""
    began = time.monotonic()
    counts = collections.Counter()

    async def lane(number):
        for strike in strikes:
            if strike.lane == number:
                await asyncio.sleep(max(0, began + strike.at - time.monotonic()))
                await FAULTS[strike.kind](world, crowd, strike, random.Random(strike.dice))
                counts[strike.kind] += 1
    await asyncio.gather(lane(0), lane(1))
    return counts


# -- processes and clients --------------------------------------------------------------------------


def send_signal(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass  # it has just ended


async def kill_a_worker(world, crowd, strike, dice):
    send_signal(dice.choice(world.processes(dice.choice(world.nodes))), signal.SIGKILL)
    await asyncio.sleep(strike.lasts)


async def kill_an_instance(world, crowd, strike, dice):
    node = dice.choice(world.nodes)
    await asyncio.to_thread(node.stop, signal.SIGKILL)
    await asyncio.sleep(strike.lasts)
    await asyncio.to_thread(world.start_node, node)


async def stop_a_worker(world, crowd, strike, dice):
    """Longer than hang_limit means that the master ends it."""
    pid = dice.choice(world.processes(dice.choice(world.nodes)))
    send_signal(pid, signal.SIGSTOP)
    await asyncio.sleep(strike.lasts)
    send_signal(pid, signal.SIGCONT)


async def reload(world, crowd, strike, dice):
    node = dice.choice(world.nodes)
    node.sections["rooms"]["joins_max"] = str(dice.randrange(100, 200))
    node.write_ini()
    node.hang_up()
    await asyncio.sleep(strike.lasts)


async def roll(world, crowd, strike, dice):
    dice.choice(world.nodes).roll()
    await asyncio.sleep(strike.lasts)


async def people_in_a_tunnel(world, crowd, strike, dice):
    for person in dice.sample(crowd.people, len(crowd.people) // 3):
        if not person.ws.closed:
            person.ws.transport.abort()
    await asyncio.sleep(strike.lasts)


async def slow_readers(world, crowd, strike, dice):
    """Those that have small buffers, and the rest has not."""
    slow = [person for person in crowd.narrow if not person.ws.closed]
    for person in slow:
        person.pause()
    await asyncio.sleep(strike.lasts)
    for person in slow:
        person.resume()


# -- the store and the way to it --------------------------------------------------------------------


async def full_disk(world, crowd, strike, dice):
    """A Redis that syncs always ends by itself when it cannot."""
    await asyncio.to_thread(world.disk.fill)
    await asyncio.sleep(strike.lasts)
    await asyncio.to_thread(world.disk.free)
    if world.redis is not None:
        await asyncio.to_thread(world.start_redis)


async def locked_file(world, crowd, strike, dice):
    """Another program holds the database's lock."""
    def hold():
        other = sqlite3.connect(world.nodes[0].sections["history-sqlite"]["path"], timeout=10,
                                isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(strike.lasts)
            other.execute("ROLLBACK")
        except sqlite3.OperationalError:
            pass  # the disk is full, or it was never free
        finally:
            other.close()
    await asyncio.to_thread(hold)


async def restart_redis(world, crowd, strike, dice):
    await asyncio.to_thread(world.redis.stop)
    await asyncio.sleep(strike.lasts)
    await asyncio.to_thread(world.start_redis)


async def kill_redis(world, crowd, strike, dice):
    """As a power cut: what was not synced is lost."""
    await asyncio.to_thread(world.redis.kill)
    if world.policy == "everysec":
        world.redis.cut_tail(dice.randrange(TAIL_BYTES))
    await asyncio.sleep(strike.lasts)
    await asyncio.to_thread(world.start_redis)


async def stop_redis(world, crowd, strike, dice):
    world.redis.pause()
    await asyncio.sleep(strike.lasts)
    world.redis.resume()


async def cut_the_network(world, crowd, strike, dice):
    """One instance's; its packets are refused, or vanish."""
    proxy = dice.choice(world.proxies)
    dice.choice([proxy.cut, proxy.blackhole])()
    await asyncio.sleep(strike.lasts)
    proxy.heal()


async def slow_network(world, crowd, strike, dice):
    proxy = dice.choice(world.proxies)
    proxy.delay(dice.randrange(20, 150))
    await asyncio.sleep(strike.lasts)
    proxy.heal()


async def kill_the_pubsub_connections(world, crowd, strike, dice):
    await asyncio.to_thread(lambda: world.redis.client().client_kill_filter(_type="pubsub"))
    await asyncio.sleep(strike.lasts)


async def lose_publications(world, crowd, strike, dice):
    """Some of them, or all, on the way to some of the instances."""
    share = dice.choice([0.1, 0.5, 1.0])
    for proxy in dice.sample(world.proxies, dice.randrange(1, len(world.proxies) + 1)):
        proxy.lose(share)
    await asyncio.sleep(strike.lasts)
    for proxy in world.proxies:
        proxy.lose(0)


FAULTS = {"kill a worker": kill_a_worker, "kill an instance": kill_an_instance,
          "stop a worker": stop_a_worker, "reload": reload, "roll": roll,
          "people in a tunnel": people_in_a_tunnel, "slow readers": slow_readers,
          "full disk": full_disk, "locked file": locked_file, "restart Redis": restart_redis,
          "kill Redis": kill_redis, "stop Redis": stop_redis, "cut the network": cut_the_network,
          "slow network": slow_network, "kill the pub/sub connections": kill_the_pubsub_connections,
          "lose publications": lose_publications}
