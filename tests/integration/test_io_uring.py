# SPDX-License-Identifier: MIT
"""Sends through an io_uring and one by one: what members see is the same, also when a socket takes but a part."""
import contextlib
import ctypes
import os
import pathlib
import re

import pytest
from test_slow_many import CORE, FREES, ROOMS, Stalled, read_up_to, talk

MEMBERS = 20
SYS_IO_URING_SETUP = 425  # on every architecture but Alpha


@pytest.mark.parametrize("setting", ["on", "off"])
async def test_everybody_gets_everything_in_order(clusters, setting):
    """Members that read beside some that do not: whose socket is full gets the rest, or a gap, and loses no byte."""
    chat = clusters(core={**CORE, "io_uring": setting}, sections={"rooms": ROOMS}, env=FREES)
    server = chat.nodes[0]
    assert server.metrics()["chatd_io_uring"] <= (setting == "on")
    async with contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(getattr(chat, kind)(f"{kind}{i}"))
                   for i in range(MEMBERS // 2) for kind in ("v1", "classic")]
        stalled = [Stalled(server).joined() for _ in range(5)]
        for slow in stalled:
            stack.callback(slow.close)
        top = 0
        while server.metrics()["chatd_skipped_total"] < len(stalled):
            assert top < 2000, "they are not too slow yet"
            await talk(readers[0], readers, top + 1, 20, 3000)
            top += 20
        await talk(readers[2], readers, top + 1, 20, 100)
        top += 20
        for slow in stalled:
            assert read_up_to(slow, top)


def rings(server):
    """Descriptors of io_urings that chatd's processes have."""
    pids = [server.process.pid, *server.worker_pids()]
    found = 0
    for fd in (fd for pid in pids for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found += "io_uring" in os.readlink(fd)
    return found


def kernel_allows():
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(ctypes.c_long(SYS_IO_URING_SETUP), ctypes.c_long(1), ctypes.create_string_buffer(256))
    if fd >= 0:
        os.close(fd)
    release = re.match(r"(\d+)", os.uname().release)
    return fd >= 0 and int(release[1]) >= 6


@pytest.mark.parametrize("workers", [0, 2])
def test_each_worker_has_one_where_the_kernel_allows_it(chatd, workers):
    server = chatd(workers=workers)
    expected = max(workers, 1) if kernel_allows() else 0
    assert server.metrics()["chatd_io_uring"] == rings(server) == expected


def test_off_is_off(chatd):
    server = chatd(core={"io_uring": "off"})
    assert server.metrics()["chatd_io_uring"] == rings(server) == 0
