# SPDX-License-Identifier: MIT
"""One chat of one or several chatd, each of one or several workers, on one store, and the people in it.

    chat = Cluster(folder, store="redis", instances=3).start()
    async with chat.v1("alice") as alice, chat.classic("bob", node=-1) as bob: ...

Everybody has a token from the start: all instances check them with the key of the tests. People are
in "general" unless they are told another room; room=None (chatd.v1) is nowhere yet.
"""
import pathlib

import requests

from client import ClassicClient
from client_v1 import V1Client
from raw_ws import CALM, signed, with_secret
from redis_server import Redis
from server import DEADLINE, Server, wait_until

STORES = {"sqlite": {"history-sqlite": "on", "history-redis": "off"},
          "redis": {"history-sqlite": "off", "history-redis": "on"}}
BULK = {"verb_rate": "0"}  # [chatd] of tests whose clients talk faster than people


class Cluster:
    """`workers` is of each instance. Options of [chatd] as `core`, of plugins as `sections`, on/off as `plugins`, for all of them.
    `redis` is one that runs already, and that the caller ends; `redis_args` as Redis takes them."""

    def __init__(self, folder, store="sqlite", instances=1, core=None, sections=None, plugins=None,
                 redis=None, redis_args=(), workers=0, **options):
        assert store == "redis" or instances == 1, "one SQLite file has one owner"
        folder = pathlib.Path(folder)
        self.store = store
        self.owns_redis = store == "redis" and redis is None
        self.redis = Redis(folder / "redis", redis_args) if self.owns_redis else redis
        self.nodes = [
            Server(folder / f"chatd{i}", core={**CALM, **(core or {})},
                   plugins={**STORES[store], **(plugins or {})},
                   sections=with_secret(**(sections or {})), workers=workers, **options)
            for i in range(instances)
        ]

    # -- life -----------------------------------------------------------------------------------

    def start(self):
        if self.owns_redis:
            self.redis.start()
        for node in self.nodes:
            if self.redis is not None:
                keys = node.sections.setdefault("history-redis", {})
                keys.setdefault("address", self.redis.address)
            node.start()
        for node in self.nodes:
            self.wait_ready(node)
        return self

    def wait_ready(self, node):
        def answer():
            return requests.get(node.http + "/readyz", timeout=DEADLINE).status_code == 200
        wait_until(answer, what="a ready chatd")

    def close(self):
        """Ends all and looks at the logs; returns what is wrong."""
        problems = []
        for node in self.nodes:
            try:
                node.close()
            except AssertionError as error:
                problems.append(str(error))
            print(node.log)  # pytest shows it if the test failed
        if self.owns_redis:
            self.redis.stop()
        return problems

    def expect(self, *patterns):
        for node in self.nodes:
            node.expect(*patterns)
        return self

    # -- people ---------------------------------------------------------------------------------

    def token(self, user):
        return signed(user)

    def v1(self, user, node=0, room="general", **options):
        return V1Client(self.nodes[node], signed(user), user, room, **options)

    def classic(self, user, node=0, room="general", **options):
        return ClassicClient(self.nodes[node], signed(user), user, room, **options)

    def person(self, dialect, user, **options):
        return {"v1": self.v1, "classic": self.classic}[dialect](user, **options)

    def get(self, path, user="reader", node=0, **arguments):
        """An HTTP answer, asked for with a token."""
        return requests.get(self.nodes[node].http + path, params=arguments, timeout=DEADLINE,
                            headers={"Authorization": "Bearer " + signed(user)})

    async def fill(self, n, room="general", prefix="m", user="filler"):
        """n messages m1, m2...; returns the position (epoch, seq) of the last one."""
        async with self.v1(user, room=room) as client:
            acks = await client.say_all([f"{prefix}{i}" for i in range(1, n + 1)])
            # A busy machine may be too slow to read so much: then a gap tells of the last one.
            while client.positions[room] is not None and client.positions[room][1] < acks[-1]["seq"]:
                await client.next()
            return client.positions[room]


async def meet(*people):
    """Each says a word that all hear: then all are where signals reach them, too."""
    for speaker in people:
        await speaker.say(f"{speaker.name} is here")
        for person in people:
            await person.hears(f"{speaker.name} is here")


def seqs(frames):
    return [frame["seq"] for frame in frames]


def texts(frames):
    return [frame["text"] for frame in frames]
