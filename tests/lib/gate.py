# SPDX-License-Identifier: MIT
"""Holds workers back before they begin, so that a test can look at a server that is half started.

    gate = Gate(folder)
    server = Server(..., workers=4, program=gate.program)
    gate.hold(1)                # all but the first that comes from now on wait
    with starting(server) as line:
        gate.wait_held(1)       # one is waiting
        gate.open()
        line.result()           # the server listens

The program is a script that the master takes for itself; it becomes chatd under its own name.
"""
import concurrent.futures
import contextlib
import pathlib

from server import CHATD, wait_until

SCRIPT = """#!/bin/bash
# A free place is a folder: taking it away is an act of one, whoever else tries.
passes() {
    for place in "$0".free*; do
        rmdir "$place" 2>/dev/null && return
    done
    return 1
}
if [ "$1" = --worker ] && [ -e "$0.closed" ] && ! passes; then
    : >"$0.held.$$"
    while [ -e "$0.closed" ]; do sleep 0.02; done
    rm -f "$0.held.$$"
fi
exec -a "$0" "CHATD" "$@"
"""


class Gate:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.program = folder / "chatd"
        self.program.write_text(SCRIPT.replace("CHATD", str(CHATD)))
        self.program.chmod(0o755)
        self.closed = folder / "chatd.closed"

    def hold(self, free=0):
        """From now on workers wait, but for the first `free`."""
        for i in range(free):
            self.program.with_name(f"chatd.free{i}").mkdir()
        self.closed.touch()

    def held(self):
        """Process ids of those that wait, or were killed while they waited."""
        return [int(path.name.rsplit(".", 1)[1]) for path in self.program.parent.glob("chatd.held.*")]

    def wait_held(self, n=1):
        """Waits until so many wait; returns their pids."""
        wait_until(lambda: len(self.held()) >= n, what=f"{n} workers at the gate")
        return self.held()

    def open(self):
        self.closed.unlink(missing_ok=True)


@contextlib.contextmanager
def starting(server):
    """Starts it beside the test; yields the future of the line that says where it listens."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        line = pool.submit(server.start)
        wait_until(lambda: server.process is not None or line.done(), what="the process")
        yield line


@contextlib.contextmanager
def ended(server):
    """Whatever the test does: the server is ended and its log looked at."""
    try:
        yield server
    except BaseException:
        server.stop(9)
        print(server.log)
        raise
    server.close()
