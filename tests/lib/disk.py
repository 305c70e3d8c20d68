# SPDX-License-Identifier: MIT
"""A small file system of its own, which can be full.

    with SmallDisk(4) as disk:
        disk.fill(); ...; disk.free()
"""
import os
import pathlib
import subprocess
import tempfile

from server import wait_until

BALLAST = "ballast"


class NoMount(Exception):
    """This user may not mount here."""


class SmallDisk:
    def __init__(self, megabytes):
        self.megabytes = megabytes
        self.path = None

    def __enter__(self):
        folder = tempfile.mkdtemp()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            os.rmdir(folder)
            raise NoMount("a small file system cannot be mounted here")
        self.path = pathlib.Path(folder)
        return self

    def __exit__(self, *exception):
        wait_until(lambda: subprocess.run(["umount", self.path], capture_output=True).returncode == 0,
                   what="umount")
        self.path.rmdir()

    def resize(self, megabytes):
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", self.path], check=True)

    def fill(self):
        """Takes all the room there is now; what others give back meanwhile, too, within reason."""
        for _ in range(20):
            room = os.statvfs(self.path)
            if room.f_bavail == 0:
                return
            with open(self.path / BALLAST, "ab") as ballast:
                try:
                    os.posix_fallocate(ballast.fileno(), ballast.tell(), room.f_bavail * room.f_bsize)
                except OSError:
                    pass  # somebody was faster

    def free(self):
        (self.path / BALLAST).unlink(missing_ok=True)
