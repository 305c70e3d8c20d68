# SPDX-License-Identifier: MIT
"""What the fenced blocks of a page say, and doing it."""
import os
import pathlib
import re
import signal
import subprocess

from server import DEADLINE, ROOT, Server, children_of, clean_env, reap_orphan, wait_until


def blocks(page, under=None):
    """[(language, text)] of the fenced blocks of a page, or of what is under one heading of it."""
    text = (ROOT / page).read_text()
    if under is not None:
        found = re.search(rf"^(#+) {re.escape(under)}$(.*?)(?=^#{{1,6}} |\Z)", _without_code(text), re.M | re.S)
        assert found, f"{page} has no heading {under!r}"
        text = text[found.start(2):found.end(2)]
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def _without_code(text):
    """The page with its blocks blanked: a comment in a block is no heading."""
    return re.sub(r"^```.*?^```$", lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.M | re.S)


class Shell:
    """Runs block after block, each where the one before ended, as somebody at a terminal does."""

    def __init__(self, folder, path, replace=None):
        self.folder = folder
        self.replace = dict(replace or {})
        self.env = clean_env({"PATH": f"{path}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"})

    def said(self, text):
        for old, new in self.replace.items():
            text = text.replace(old, str(new))
        return text

    def run(self, text, timeout=300):
        """Returns what was printed, on both streams; every command has to succeed."""
        note = self.folder / ".where"
        done = subprocess.run(["sh", "-euc", f"{self.said(text)}\npwd >'{note}'"],
                              cwd=self.folder, env=self.env, timeout=timeout, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        self.folder = pathlib.Path(note.read_text().strip())
        note.unlink()
        return done.stdout

    def write(self, name, text, append=False):
        with open(self.folder / name, "a" if append else "w") as file:
            file.write(self.said(text))


class ByHand(Server):
    """A server that a block of a page starts in the shell's folder, perhaps inside another program."""

    def __init__(self, shell, text):
        super().__init__(shell.folder)
        self.text = shell.said(text)
        self.env = {"CHATD_SLOW_HOOK": "60s", **shell.env}  # as every Server of a test
        self.log_path = shell.folder / "by-hand.log"

    def start(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["sh", "-euc", self.text], cwd=self.folder, env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def listening():
            found = re.search(r"listens on http://127\.0\.0\.1:(\d+)", self.log)
            assert found or self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log}"
            return found and int(found[1])

        try:
            self.port = wait_until(listening, what="listening")
        except AssertionError:
            self.stop()
            raise
        return self

    def pid(self):
        """chatd's own, below a shell and whatever looks on."""
        pid = self.process.pid
        while True:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if pathlib.Path(os.fsdecode(words[0])).name == "chatd" or b"valgrind" in words[0]:
                return pid
            [pid] = children_of(pid)

    def worker_pids(self):
        return sorted(children_of(self.pid()))

    def stop(self, sig=signal.SIGTERM, deadline=DEADLINE):
        if self.process is None:
            return None
        workers = []
        try:
            if self.process.poll() is None:
                pid = self.pid()
                workers = children_of(pid)
                os.kill(pid, sig)
            return self.process.wait(timeout=deadline)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGKILL)  # its own session
            raise
        finally:
            self.process.wait()
            self.process = None
            for pid in workers:
                reap_orphan(pid)
