# SPDX-License-Identifier: MIT
"""Starts a real chatd on a free port in a temporary folder, and checks its log when it ends."""
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CHATD_BUILD", ROOT / "build" / "asan")).resolve()
CHATD = BUILD / "bin" / "chatd"
WORKERS = int(os.environ.get("CHATD_TEST_WORKERS", "0"))
# A program that looks on, with its options: tests/memcheck.sh has valgrind there.
WRAPPER = shlex.split(os.environ.get("CHATD_TEST_WRAPPER", ""))
DEADLINE = float(os.environ.get("CHATD_TEST_DEADLINE", "20"))

NO_RATES = dict.fromkeys((
    "message_rate", "message_rate_user", "message_rate_address", "message_rate_room",
    "byte_rate_user", "join_rate_user", "join_rate_address", "signal_rate_user"), "0")
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


def children_of(pid):
    """Process ids; none if there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def is_chatd(pid):
    """Is this process there and one of ours? A zombie is not."""
    try:
        return b"chatd" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def reap_orphan(pid):
    """A worker whose master was killed leaves by itself; one that does not is ended."""
    try:
        wait_until(lambda: not is_chatd(pid), what="the end of a worker")
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        raise


def clean_env(extra=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("CHATD_") and k != "REDIS_ADDR"}
    env.update(extra or {})
    return env


class Server:
    """One chatd. Options of [chatd] as `core`, of plugins as `sections`, on/off as `plugins`.
    `workers`: 0 is one process, which starts soonest; `program`: another chatd, or a link to one.
    `rates`: the limits of [rooms] are as shipped; else off, since tests talk faster than people."""

    def __init__(self, folder, core=None, plugins=None, sections=None, env=None, only=None,
                 workers=WORKERS, program=None, rates=False):
        self.folder = pathlib.Path(folder)
        self.program = program or CHATD
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ini = self.folder / "chatd.ini"
        self.log_path = self.folder / "chatd.log"
        self.env = clean_env(env)
        # slow_hook: on a loaded machine a hook that took long was rather not running.
        usual = {"listen": "127.0.0.1:0", "workers": str(workers), "slow_hook": "60s"}
        if os.geteuid() != 0:
            usual["core_dumps"] = "on"  # else the tests that look into /proc/PID may not
        chosen = dict(only if only is not None else DEFAULT_PLUGINS)
        chosen.update(plugins or {})
        self.sections = {
            "chatd": {**usual, **(core or {})},
            "plugins": chosen,
            **{name: dict(keys) for name, keys in (sections or {}).items()},
        }
        if chosen.get("auth", "off") != "off":
            self.sections.setdefault("auth", {})
            for key, value in {"bcrypt_cost": "10"}.items():
                self.sections["auth"].setdefault(key, value)
        if chosen.get("rooms", "off") != "off" and not rates:
            self.sections["rooms"] = {**NO_RATES, **self.sections.get("rooms", {})}
        self.process = None
        self.port = None
        self.expected = ["running as root"]  # patterns of warnings and errors that belong to the test

    # -- life ---------------------------------------------------------------------------------

    def write_ini(self):
        self.ini.write_text(ini_text(self.sections))

    def start(self):
        self.write_ini()
        log = open(self.log_path, "ab")
        offset = self.log_path.stat().st_size
        self.process = subprocess.Popen(
            [*WRAPPER, str(self.program), "-c", str(self.ini)],
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
        pids = self.worker_pids()
        try:
            code = self.process.wait(timeout=deadline)
        finally:
            for pid in pids:
                reap_orphan(pid)
        self.process = None
        return code

    # -- its processes ------------------------------------------------------------------------

    def worker_pids(self):
        """The workers of the master, oldest first; those that are leaving included."""
        return sorted(children_of(self.process.pid))

    def wait_workers(self, n, without=()):
        """Waits until there are n workers, none of them in `without`; returns their pids."""
        def there():
            pids = self.worker_pids()
            return pids if len(pids) == n and not set(pids) & set(without) else None
        return wait_until(there, what=f"{n} workers")

    def wait_serving(self, n):
        """Waits until n workers accept connections."""
        def serve():
            try:
                return self.metrics().get("chatd_workers") == n
            except OSError:
                return False  # the one that was asked has just died
        wait_until(serve, what=f"{n} serving workers")

    def hang_up(self):
        """Reload."""
        self.process.send_signal(signal.SIGHUP)

    def roll(self):
        self.process.send_signal(signal.SIGUSR2)

    # -- what it says of itself ---------------------------------------------------------------

    def metrics(self):
        """{"name{labels}": value} of /metrics."""
        with urllib.request.urlopen(self.http + "/metrics", timeout=DEADLINE) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def ready(self):
        """(status, JSON) of /readyz."""
        try:
            with urllib.request.urlopen(self.http + "/readyz", timeout=DEADLINE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def unsent_bytes(self):
        """What the kernel keeps for its end of all connections, sent or not, until the peer took it."""
        local = f":{self.port:04X}"
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(int(row[4].split(":")[0], 16) for row in rows if row[1].endswith(local))

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
                     "WARNING: ThreadSanitizer", "definitely lost in loss record",
                     "uninitialised value", "Invalid read of", "Invalid write of"):
            assert mark not in text, text
        for line in text.splitlines():
            if "(the line above came " in line:
                continue  # judged by that one
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
