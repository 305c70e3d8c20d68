# SPDX-License-Identifier: MIT
"""The cases of cases.py and deflate_cases.py, each on a connection of its own, against the example plugin echo.

`python3 tests/conformance/table.py` prints them by section of the RFC.
"""
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import deflate_cases  # noqa: E402
from cases import CASES, MEGABYTE  # noqa: E402
from raw_deflate import ANSWER, RSV1, Compressed, deflated, inflated  # noqa: E402
from raw_ws import CALM, CLOSE, TEXT, RawWs, close_frame, frame  # noqa: E402
from server import BUILD, Server  # noqa: E402

DEFLATE_MIN = 256  # the server's default
ECHO = {"echo": str(BUILD / "lib" / "chatd-examples" / "echo.so")}
ALL = CASES + deflate_cases.CASES
LIMITS = {"message_max": str(16 * MEGABYTE), "queue_soft": "32m", "queue_hard": "64m", "frame_rate": "0"}


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """One server for all: a case that harms it shows at the next."""
    with Server(tmp_path_factory.mktemp("echo"), core={**CALM, **LIMITS}, only=ECHO) as server:
        yield server


def send(ws, case):
    size = case.chop or len(case.send)
    for at in range(0, len(case.send), max(size, 1)):
        try:
            ws.send(case.send[at:at + size])
        except (BrokenPipeError, ConnectionResetError):
            assert case.closes is not None  # it has read enough
            return


def connect(echo, case):
    if case.offer is None:
        return RawWs(echo, "/echo")
    ws = Compressed(echo, offer=case.offer, bits=case.bits)
    assert ws.extensions.startswith(ANSWER)
    return ws


def answer(ws, case):
    """(opcode, payload) of the next frame. What it saves something for is compressed where that was agreed on."""
    if case.offer is None:
        return ws.frame()
    first, payload = ws.frame_of(RSV1)
    if not first & RSV1:
        assert len(payload) < DEFLATE_MIN or len(deflated(payload)) >= len(payload)
        return first & 15, payload
    return first & 15, inflated(payload, case.bits)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.number)
def test_case(echo, case):
    with connect(echo, case) as ws:
        sender = threading.Thread(target=send, args=(ws, case))
        sender.start()
        try:
            for expected in case.answers:
                assert answer(ws, case) == expected
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
    assert len({case.number for case in ALL}) == len(ALL)
