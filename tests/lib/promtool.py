# SPDX-License-Identifier: MIT
"""Prometheus' own judge of /metrics, out of Debian's package.

The package is unpacked and not installed: installing it would start a server.
"""
import fcntl
import pathlib
import shutil
import subprocess

from server import ROOT


def promtool():
    """The path of the program; from the system, or unpacked into build/promtool."""
    found = shutil.which("promtool")
    if found:
        return found
    folder = ROOT / "build" / "promtool"
    program = folder / "usr" / "bin" / "promtool"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            run(["apt-get", "download", "prometheus"], folder)
            package = next(pathlib.Path(folder).glob("prometheus_*.deb"))
            run(["dpkg-deb", "-x", str(package), str(folder)], folder)
            package.unlink()
    return str(program)


def run(command, folder):
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, f"promtool cannot be had: {' '.join(command)}: {done.stderr}"
