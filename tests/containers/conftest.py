# SPDX-License-Identifier: MIT
"""Fixtures of the container tests. One stack serves them all, since it takes its time to come up."""
import os
import pathlib
import signal
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "containers"), str(TESTS / "chaos"), str(TESTS / "browser")]

from stack import FIGURES, Stack  # noqa: E402


def pytest_configure():
    """Whoever ends the run wants its containers gone, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter):
    for text in FIGURES:
        terminalreporter.write_line(f"figure: {text}")


@pytest.fixture(scope="session")
def built():
    """The stack, with its image built, nothing running."""
    stack = Stack(os.environ.get("CHATD_TEST_PROJECT", f"chatdtest{os.getpid()}"))
    try:
        stack.build()
        yield stack
    finally:
        problems = stack.close()
        stack.forget()
    assert not problems, "\n".join(problems)


@pytest.fixture
def stack(built):
    """Three instances behind NGINX."""
    built.calm()
    yield built
    print(built.compose("logs", "--no-color", "--tail", "60"))  # pytest shows it if the test failed
