# SPDX-License-Identifier: MIT
"""Fixtures of the browser tests."""
import collections
import os
import signal

import pytest
from raw_ws import CALM
from selenium.common.exceptions import WebDriverException
from window import Window, Wire


@pytest.fixture
def chatd(chatd):
    """As elsewhere; but where Chromium starts, chatd waits for its turn, and that is no news."""
    return lambda core=None, **options: chatd(core={**CALM, **(core or {})}, **options)


@pytest.fixture(scope="session")
def idle_windows():
    """Those that no test uses now, by their options: Chromium takes longer to start than most tests."""
    idle = collections.defaultdict(list)
    yield idle
    for windows in idle.values():
        for one in windows:
            one.close()


@pytest.fixture
def window(idle_windows, tmp_path_factory):
    """window(server, **options) opens the page; after the test every console must be clean."""
    windows = []

    def start(server, path="/", **options):
        idle = idle_windows[tuple(sorted(options.items()))]
        one = idle.pop() if idle else Window(tmp_path_factory.mktemp("profile"), **options)
        windows.append((one, idle))
        # The port may be that of a Wire.
        one.address = f"http://127.0.0.1:{server.port}"
        return one.open(path)

    yield start
    problems = []
    for one, idle in windows:
        try:
            one.check_console()
        except AssertionError as error:
            problems.append(str(error))
        try:
            one.renew()
            idle.append(one)
        except WebDriverException:
            one.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def wire():
    wires = []

    def start(server):
        wires.append(Wire(server.port))
        return wires[-1]

    yield start
    for one in wires:
        one.close()


@pytest.fixture
def restart():
    """restart(server) starts a stopped server again where it was."""

    def start(server):
        server.sections["chatd"]["listen"] = f"127.0.0.1:{server.port}"
        return server.start()

    return start


@pytest.fixture
def freeze():
    """freeze(server) stops all its processes in their tracks; the returned function kills them."""

    def start(server):
        group = server.process.pid
        os.killpg(group, signal.SIGSTOP)

        def kill():
            os.killpg(group, signal.SIGKILL)
            server.process.wait()
            server.process = None

        return kill

    return start
