# SPDX-License-Identifier: MIT
"""What the processes of a chatd use: memory, processor time, descriptors."""
import os
import pathlib
import threading

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")
EVERY_S = 0.1


def pids(server):
    return [server.process.pid, *server.worker_pids()]


def resident(server):
    """Bytes that only these processes have: RSS without what is shared, such as the program itself."""
    total = 0
    for pid in pids(server):
        try:
            fields = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
        except OSError:
            continue
        total += (int(fields[1]) - int(fields[2])) * PAGE
    return total


def cpu_seconds(server):
    total = 0
    for pid in pids(server):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def descriptors(server):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids(server))


class Watch:
    """Samples memory in a thread, from start() to end()."""

    def __init__(self, server):
        self.server = server
        self.peak = self.base = resident(server)
        self.most_descriptors = descriptors(server)
        self.cpu_before = cpu_seconds(server)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._sample)

    def _sample(self):
        while not self.over.wait(EVERY_S):
            self.peak = max(self.peak, resident(self.server))
            self.most_descriptors = max(self.most_descriptors, descriptors(self.server))

    def start(self):
        self.thread.start()
        return self

    def end(self):
        self.over.set()
        self.thread.join()
        self.cpu = cpu_seconds(self.server) - self.cpu_before
        return self
