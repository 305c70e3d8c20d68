# SPDX-License-Identifier: MIT
"""What faults strike: one chat with its store, its network and its disk.

"sqlite": one chatd of four workers. "redis": three chatd of two workers, each with a network of its own to one
Redis, whose persistence is one of POLICIES.
"""
import pathlib
import re
import time

from cluster import BULK, STORES, Cluster
from disk import NoMount, SmallDisk
from redis_server import Proxy, Redis
from server import BUILD, DEADLINE

# What Redis is told, and whether it may forget what it acknowledged.
POLICIES = {"always": (("--appendonly", "yes", "--appendfsync", "always"), False),
            "everysec": (("--appendonly", "yes", "--appendfsync", "everysec"), True),
            "none": (("--appendonly", "no"), True)}
HANG_LIMIT_S = 5
CORE = {**BULK, "queue_soft": "16k", "queue_hard": "48k", "write_timeout": "20s", "roll_time": "2s",
        "hang_limit": f"{HANG_LIMIT_S}s", "slow_hook": "60s"}
SECTIONS = {"rooms": {"history_on_join": "200", "text_max": "16k"},
            "history-sqlite": {"canary": "1s"},
            "history-redis": {"canary": "1s", "position_check": "2s"}}
# What no fault here may lead to. Signal 9 is what the tests and the master send.
NEVER = re.compile(r"killed by signal (?!9\b)|crashed|assertion|panic", re.IGNORECASE)
BROKEN = BUILD / "lib" / "chatd-broken"


def without(safeguard, store):
    """Lines of [plugins] that take a safeguard away: "dedup", "refill", "order" or "resume"."""
    files = {name: BROKEN / safeguard / f"{name}.so" for name in (f"history-{store}", "rooms")}
    lines = {name: file for name, file in files.items() if file.exists()}
    assert lines, f"no plugin is built without {safeguard}"
    return lines


class World:
    def __init__(self, folder, store, policy="always", plugins=None):
        self.folder, self.store = pathlib.Path(folder), store
        self.disk = SmallDisk(512)
        self.has_disk = True
        self.redis, self.proxies, self.cluster = None, [], None
        self.policy = policy
        self.plugins = plugins or {}

    # -- life -----------------------------------------------------------------------------------

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.disk.__enter__()
        except NoMount:
            self.has_disk = False
        try:
            self._start(self.disk.path if self.has_disk else self.folder)
        except BaseException:
            self._close()
            raise
        return self

    def _start(self, folder):
        sections = {name: dict(keys) for name, keys in SECTIONS.items() if name in ("rooms", f"history-{self.store}")}
        options = {"store": self.store, "core": CORE, "sections": sections,
                   "plugins": {**STORES[self.store], **self.plugins}}
        if self.store == "sqlite":
            sections["history-sqlite"]["path"] = folder / "chatd.db"
            self.cluster = Cluster(self.folder, workers=4, **options)
        else:
            self.redis = Redis(folder / "redis", POLICIES[self.policy][0]).start()
            self.cluster = Cluster(self.folder, instances=3, workers=2, redis=self.redis, **options)
            for node in self.nodes:
                self.proxies.append(Proxy(self.redis.port))
                node.sections["history-redis"]["address"] = self.proxies[-1].address
        self.cluster.expect(".")
        self.cluster.start()

    def _close(self):
        problems = self.cluster.close() if self.cluster is not None else []
        for proxy in self.proxies:
            proxy.close()
        if self.redis is not None:
            self.redis.stop()
        if self.has_disk and self.disk.path is not None:
            self.disk.__exit__()
        for node in self.nodes if self.cluster is not None else []:
            problems += [line for line in node.log.splitlines() if NEVER.search(line)]
        return problems

    def __exit__(self, kind, value, trace):
        problems = self._close()
        if kind is None:
            assert not problems, "\n".join(problems)

    @property
    def nodes(self):
        return self.cluster.nodes

    @property
    def may_forget(self):
        return self.store == "redis" and POLICIES[self.policy][1]

    def persist(self, policy):
        """Another Redis of that policy, with nothing in it, takes the place of the one before."""
        if self.store != "redis" or policy == self.policy:
            return
        self.redis.stop()
        self.redis.forget()
        self.policy = policy
        self.redis.args = list(POLICIES[policy][0])
        self.redis.start()
        for node in self.nodes:
            self.cluster.wait_ready(node)

    def calm(self):
        """All is there and works again, whatever a fault left."""
        for proxy in self.proxies:
            proxy.heal()
        if self.has_disk:
            self.disk.free()
        if self.redis is not None:
            self.start_redis()
            self.redis.resume()
        for node in self.nodes:
            self.start_node(node)
            self.cluster.wait_ready(node)

    # -- what faults are made of ----------------------------------------------------------------

    def start_node(self, node):
        """Until it is there: a full disk, or workers that an older life left, may be in its way."""
        if node.process is not None and node.process.poll() is None:
            return
        insist(node.start, f"{node.folder.name} does not start")

    def start_redis(self):
        if self.redis.process is None or self.redis.process.poll() is not None:
            insist(self.redis.start, "Redis does not start")

    def processes(self, node):
        """Those that serve clients."""
        return node.worker_pids() or [node.process.pid]


def insist(start, what):
    end = time.monotonic() + 3 * DEADLINE
    while True:
        try:
            return start()
        except (AssertionError, ChildProcessError):
            if time.monotonic() > end:
                raise AssertionError(what) from None
            time.sleep(0.2)

