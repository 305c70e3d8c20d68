# SPDX-License-Identifier: MIT
"""Fixtures of all Python tests."""
import asyncio
import inspect
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))

from server import DEADLINE, Server  # noqa: E402

# Store, instances, workers of each (0: one process).
PLACES = [("sqlite", 1, 0), ("sqlite", 1, 4), ("redis", 1, 0), ("redis", 3, 0), ("redis", 2, 2)]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """`async def test_...` is run to its end, or to its limit."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 6 * DEADLINE))
    return True


@pytest.fixture
def chatd(tmp_path):
    """chatd(**options) starts a Server; all are ended, and their logs checked, after the test."""
    servers = []

    def start(**options):
        server = Server(tmp_path / f"chatd{len(servers)}", **options)
        servers.append(server)
        return server.start()

    yield start
    problems = []
    for server in reversed(servers):
        try:
            server.close()
        except AssertionError as error:
            problems.append(str(error))
        print(server.log)  # pytest shows it if the test failed
    assert not problems, "\n\n".join(problems)


@pytest.fixture(params=PLACES, ids=[f"{store}-{n}" + (f"x{workers}" if workers else "") for store, n, workers in PLACES])
def place(request):
    """(store, instances, workers): each test that uses it, also by way of cluster and chat, runs on all."""
    return request.param


@pytest.fixture(params=["classic", "v1"])
def dialect(request):
    return request.param


@pytest.fixture
def clusters(tmp_path):
    """clusters(**options) starts a Cluster (lib/cluster.py); all are ended and checked."""
    from cluster import Cluster

    started = []

    def start(**options):
        cluster = Cluster(tmp_path / f"cluster{len(started)}", **options)
        started.append(cluster)
        return cluster.start()

    yield start
    problems = [problem for cluster in reversed(started) for problem in cluster.close()]
    assert not problems, "\n\n".join(problems)


@pytest.fixture
def cluster(clusters, place):
    """cluster(**options): the same at the test's place."""
    store, instances, workers = place
    return lambda **options: clusters(store=store, instances=instances, workers=workers, **options)


@pytest.fixture
def chat(cluster):
    """A Cluster with default options."""
    return cluster()
