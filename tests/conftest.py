# SPDX-License-Identifier: MIT
"""Fixtures of all Python tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))

from server import Server  # noqa: E402


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
