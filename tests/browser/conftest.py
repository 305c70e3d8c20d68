# SPDX-License-Identifier: MIT
"""Fixtures of the browser tests."""
import os
import signal

import pytest
from window import Window, Wire


@pytest.fixture
def window(tmp_path):
    """window(server, **options) opens the page; after the test every console must be clean."""
    windows = []

    def start(server, path="/", **options):
        # The port may be that of a Wire.
        one = Window(tmp_path / f"profile{len(windows)}", f"http://127.0.0.1:{server.port}", **options)
        windows.append(one)
        return one.open(path)

    yield start
    problems = []
    for one in windows:
        try:
            one.check_console()
        except AssertionError as error:
            problems.append(str(error))
        finally:
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
