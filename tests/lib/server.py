# SPDX-License-Identifier: MIT
"""Starts a real chatd on a free port in a temporary folder, and checks its log when it ends."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CHATD_BUILD", ROOT / "build" / "asan")).resolve()
CHATD = BUILD / "bin" / "chatd"
DEADLINE = float(os.environ.get("CHATD_TEST_DEADLINE", "20"))

DEFAULT_PLUGINS = {
    "auth": "on",
    "rooms": "on",
    "history-sqlite": "on",
    "typing": "on",
    "static": "on",
}


def wait_until(condition, deadline=DEADLINE, what="the condition"):
    """Polls until condition() is true and returns its value; fails with `what` at the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {deadline} s")
        time.sleep(0.01)


def ini_text(sections):
    """{section: {key: value}} as an INI."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in keys.items()]
        lines.append("")
    return "\n".join(lines)


def clean_env(extra=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("CHATD_") and k != "REDIS_ADDR"}
    env.update(extra or {})
    return env


class Server:
    """One chatd. Options of [chatd] as `core`, of plugins as `sections`, on/off as `plugins`."""

    def __init__(self, folder, core=None, plugins=None, sections=None, env=None, only=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ini = self.folder / "chatd.ini"
        self.log_path = self.folder / "chatd.log"
        self.env = clean_env(env)
        chosen = dict(only if only is not None else DEFAULT_PLUGINS)
        chosen.update(plugins or {})
        self.sections = {
            "chatd": {"listen": "127.0.0.1:0", **(core or {})},
            "plugins": chosen,
            **{name: dict(keys) for name, keys in (sections or {}).items()},
        }
        if chosen.get("auth", "off") != "off":
            self.sections.setdefault("auth", {})
            for key, value in {"bcrypt_cost": "10"}.items():
                self.sections["auth"].setdefault(key, value)
        self.process = None
        self.port = None
        self.expected = []  # patterns of warnings and errors that belong to the test

    # -- life ---------------------------------------------------------------------------------

    def write_ini(self):
        self.ini.write_text(ini_text(self.sections))

    def start(self):
        self.write_ini()
        log = open(self.log_path, "ab")
        offset = self.log_path.stat().st_size
        self.process = subprocess.Popen(
            [str(CHATD), "-c", str(self.ini)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.env,
            cwd=self.folder,
            start_new_session=True,
        )
        log.close()

        def listening():
            text = self.log_path.read_bytes()[offset:].decode(errors="replace")
            found = re.search(r"listens on http://[^ \"]*:(\d+)", text)
            if found:
                return int(found[1])
            if self.process.poll() is not None:
                raise AssertionError(f"chatd ended with {self.process.returncode}:\n{text}")
            return 0

        self.port = wait_until(listening, what="listening")
        return self

    def stop(self, sig=signal.SIGTERM, deadline=DEADLINE):
        """Ends it and returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        code = self.process.wait(timeout=deadline)
        self.process = None
        return code

    def close(self):
        """The end of a test: stops it and looks for what must not be in the log."""
        code = self.stop()
        self.check_log()
        assert code in (None, 0), f"chatd ended with {code}:\n{self.log}"

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.close()
        else:
            try:
                self.stop()
            finally:
                print(self.log)

    # -- log ----------------------------------------------------------------------------------

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, deadline=DEADLINE):
        return wait_until(lambda: re.search(pattern, self.log), deadline, f"log line {pattern!r}")

    def expect(self, *patterns):
        """Warnings and errors matching these do not fail the test."""
        self.expected += patterns
        return self

    def check_log(self):
        text = self.log
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                     "WARNING: ThreadSanitizer"):
            assert mark not in text, text
        for line in text.splitlines():
            if re.match(r"\S+Z (warn|error) ", line):
                assert any(re.search(p, line) for p in self.expected), f"unexpected: {line}\n\n{text}"

    # -- addresses ----------------------------------------------------------------------------

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}"

    def ws(self, path="/ws"):
        return f"ws://127.0.0.1:{self.port}{path}"

    def connect(self, timeout=DEADLINE):
        """A raw TCP connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def raw(self, data, timeout=DEADLINE):
        """Sends bytes and returns all that comes until the server closes."""
        with self.connect(timeout) as sock:
            sock.sendall(data)
            parts = []
            while True:
                part = sock.recv(65536)
                if not part:
                    return b"".join(parts)
                parts.append(part)


def run_chatd(*args, env=None, cwd=None, timeout=60):
    """Runs chatd to its end; returns the CompletedProcess with text output."""
    return subprocess.run(
        [str(CHATD), *map(str, args)],
        env=clean_env(env),
        cwd=cwd,
        timeout=timeout,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        errors="replace",
    )


def dumps(value):
    return json.dumps(value, ensure_ascii=False)
