# SPDX-License-Identifier: MIT
"""Starts the attacker's processes (attack_hose), waits for their end, and adds up what they tell."""
import collections
import json
import pathlib
import subprocess

from server import ROOT, clean_env

PROGRAM = ROOT / "build" / "attack" / "attack_hose"
NICENESS = "10"  # the attackers' processors would be their own
GRACE_S = 15


def write_records(path, records):
    """Byte strings, each behind its length."""
    with open(path, "wb") as file:
        for record in records:
            file.write(len(record).to_bytes(4, "big") + record)
    return path


class Hose:
    """`processes` of `conns` connections each. `heads`, `first` and `records` are lists of byte strings, all else is as
    `attack_hose` says."""

    def __init__(self, conns, processes=1, sources=4, heads=(), first=(), records=(), **numbers):
        self.conns, self.processes, self.sources, self.numbers = conns, processes, sources, numbers
        self.files = {"heads": heads, "first": first, "records": records}

    def commands(self, folder, port, seconds):
        paths = []
        for name, records in self.files.items():
            if records:
                paths += [f"--{name}", str(write_records(folder / f"{id(self)}.{name}", records))]
        numbers = [str(word) for name, value in self.numbers.items()
                   for word in (f"--{name.replace('_', '-')}", int(value))]
        for i in range(self.processes):
            yield [str(PROGRAM), "--port", str(port), "--seconds", str(seconds),
                   "--conns", str(self.conns), "--sources", str(self.sources),
                   "--first-source", str(2 + i * self.sources), *numbers, *paths]


def be_nice(pid):
    """Where each session has its own share of the processors (autogroup), `nice` counts only inside of it."""
    try:
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(NICENESS)
    except OSError:
        pass  # there are none, or it is over already


class Flood:
    """All hoses of an attack, from start() to end()."""

    def __init__(self, hoses, folder, port, seconds):
        self.seconds = seconds
        self.commands = [command for hose in hoses for command in hose.commands(folder, port, seconds)]
        self.running = []

    def start(self):
        for command in self.commands:
            process = subprocess.Popen(["nice", "-n", NICENESS, *command], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, env=clean_env(), text=True, start_new_session=True)
            be_nice(process.pid)
            self.running.append(process)
        return self

    def is_on(self):
        return any(process.poll() is None for process in self.running)

    def end(self):
        """They end by themselves. Returns the sums of what they counted."""
        sums = collections.Counter()
        try:
            for process in self.running:
                out, _ = process.communicate(timeout=GRACE_S)
                assert process.returncode == 0, f"attack_hose ended with {process.returncode}"
                told = json.loads(out)
                sums.update({f"status {status}": n for status, n in told.pop("status").items()})
                sums.update(told)
        finally:
            self.kill()
        sums["seconds"] = self.seconds
        return sums

    def kill(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
