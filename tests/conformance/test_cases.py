# SPDX-License-Identifier: MIT
"""The cases of cases.py, each on a connection of its own, against the example plugin echo.

`python3 tests/conformance/table.py` prints them by section of the RFC.
"""
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from cases import CASES, MEGABYTE  # noqa: E402
from raw_ws import CALM, CLOSE, TEXT, RawWs, close_frame, frame  # noqa: E402
from server import BUILD, Server  # noqa: E402

ECHO = {"echo": str(BUILD / "lib" / "chatd-examples" / "echo.so")}
SIZES = {"message_max": str(16 * MEGABYTE), "queue_soft": "32m", "queue_hard": "64m"}


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """One server for all: a case that harms it shows at the next."""
    with Server(tmp_path_factory.mktemp("echo"), core={**CALM, **SIZES}, only=ECHO) as server:
        yield server


def send(ws, case):
    size = case.chop or len(case.send)
    for at in range(0, len(case.send), max(size, 1)):
        try:
            ws.send(case.send[at:at + size])
        except (BrokenPipeError, ConnectionResetError):
            assert case.closes is not None  # it has read enough
            return


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_case(echo, case):
    with RawWs(echo, "/echo") as ws:
        sender = threading.Thread(target=send, args=(ws, case))
        sender.start()
        try:
            for opcode, payload in case.answers:
                assert ws.frame() == (opcode, payload)
            if case.closes is None:
                sender.join()
                ws.send(frame(TEXT, "alive?"))
                assert ws.frame() == (TEXT, b"alive?")
                ws.send(close_frame(1000))
                assert ws.close_code() == 1000
            else:
                opcode, payload = ws.frame()
                assert opcode == CLOSE
                assert (int.from_bytes(payload[:2], "big") if payload else 1005) == case.closes
                sender.join()
                if case.closes in (1002, 1007):
                    ws.send(close_frame(case.closes))
            # 7.1.1: the server closes the connection first.
            assert ws.rest() == b""
        finally:
            sender.join()


def test_numbers_are_unique():
    assert len({case.number for case in CASES}) == len(CASES)
