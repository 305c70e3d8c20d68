# SPDX-License-Identifier: MIT
"""What the benchmarks share: servers to be loaded, one run of the generator, repetitions in turn, tables."""
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = pathlib.Path(os.environ.get("BENCH", ROOT / "build" / "bench"))
os.environ.setdefault("CHATD_BUILD", str(ROOT / "build" / "release"))
sys.path.insert(0, str(ROOT / "tests" / "lib"))

from redis_server import Redis, free_port  # noqa: E402
from server import Server, children_of, wait_until  # noqa: E402

# Limits that a load generator would run into, and a warning that a busy machine would cause.
CORE = {"verb_rate": "0", "frame_rate": "0", "slow_hook": "60s", "max_connections": "200000",
        "max_http_connections": "200000"}
# Accounts are in SQLite; what is said is kept nowhere.
PLUGINS = {"auth": "on", "rooms": "on", "typing": "on", "static": "off", "history-sqlite": "on",
           "history-redis": "off"}
NO_LOG = {"history-sqlite": {"log": "off"}}
USER, PASSWORD = "bench", "correct horse battery"
# No rewrite of the append-only file falls into one run and not into another.
REDIS_ARGS = {"off": ("--appendonly", "no"),
              "everysec": ("--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"),
              "always": ("--appendfsync", "always", "--auto-aof-rewrite-percentage", "0")}


class Target:
    """A server under load: `pids` are the roots of the process trees whose CPU counts, `cookie` a login of its
    own, `server` the chatd, if it is one."""

    def __init__(self, name, port, pids, cookie="", server=None):
        self.name = name
        self.port = port
        self.pids = pids
        self.cookie = cookie
        self.server = server


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def end(process, deadline=10):
    """Asks a program to end, and ends it when it does not."""
    process.terminate()
    try:
        process.wait(timeout=deadline)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_program(stack, name, command, port, **options):
    """A server that is a program of its own, and listens on `port`."""
    process = subprocess.Popen(list(map(str, command)), **options)
    stack.callback(end, process)
    wait_until(lambda: process.poll() is not None or answers(port), what=name)
    if process.poll() is not None:
        sys.exit(f"bench: {name} did not start")
    return Target(name, port, [process.pid])


def start_floor(stack, *flags, name="floor"):
    port = free_port()
    return start_program(stack, name, [BENCH / "bench_floor", port, *flags], port)


def is_ready(server):
    try:
        with urllib.request.urlopen(server.http + "/readyz", timeout=5) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def log_in(server):
    """The login of one account that all connections of a run share: its token."""
    body = json.dumps({"user": USER, "password": PASSWORD}).encode()
    with contextlib.suppress(urllib.error.HTTPError):  # it is there already
        urllib.request.urlopen(server.http + "/register", body, timeout=30).close()
    with urllib.request.urlopen(server.http + "/login", body, timeout=30) as answer:
        return json.load(answer)["token"]


def start_chatd(stack, folder, name, core=None, plugins=None, sections=None, workers=1, pids=()):
    """chatd with accounts, rooms and typing, without a log and with one worker, unless told otherwise. `pids`: a
    Redis' beside it."""
    server = Server(folder / name, core={**CORE, **(core or {})}, only={**PLUGINS, **(plugins or {})},
                    sections=NO_LOG if sections is None else sections, workers=workers)
    stack.callback(server.stop)
    server.start()
    wait_until(lambda: is_ready(server), 60, f"readiness of {name}")
    cookie = f"token={log_in(server)}" if server.sections["plugins"]["auth"] == "on" else ""
    return Target(name, server.port, [server.process.pid, *pids], cookie, server)


def start_redis(stack, folder, setting):
    return stack.enter_context(Redis(folder, REDIS_ARGS[setting]))


def load_command(target, mode, **settings):
    command = [BENCH / "bench_load", mode, "--port", target.port, "--pid", ",".join(map(str, target.pids))]
    if target.cookie:
        command += ["--cookie", target.cookie]
    for name, value in settings.items():
        name = "--" + name.replace("_", "-")
        command += [name] if value is True else [name, value]
    return list(map(str, command))


def load(target, mode, **settings):
    """One run of bench_load: what it printed, as a dict. A setting that is True is a flag."""
    done = subprocess.run(load_command(target, mode, **settings), stdout=subprocess.PIPE, text=True,
                          timeout=settings.get("seconds", 5) + 300)
    if done.returncode != 0:
        sys.exit(f"bench: the load on {target.name} failed")
    return {"target": target.name, **json.loads(done.stdout)}


class Held:
    """Connections that stay; `joined` is what was told when all were in, ask() tells the same of now."""

    def __init__(self, process, joined):
        self.process = process
        self.joined = json.loads(joined)

    def ask(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextlib.contextmanager
def held(target, **settings):
    """Connections that stay in their rooms while the block runs, a Held."""
    process = subprocess.Popen(load_command(target, "hold", **settings), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        joined = process.stdout.readline()
        if not joined:
            sys.exit(f"bench: connections to {target.name} could not be made")
        yield Held(process, joined)
        if process.poll() is not None:
            sys.exit(f"bench: connections to {target.name} were lost")
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            if process.wait(timeout=60) != 0:
                print(f"bench: connections to {target.name} were closed by it", file=sys.stderr)
        except subprocess.TimeoutExpired:
            end(process)


def with_children(pids):
    return [*pids, *(child for pid in pids for child in children_of(pid))]


def cpu_s(pids):
    """User and system seconds of processes and of their children."""
    stats = [pathlib.Path(f"/proc/{pid}/stat").read_text() for pid in with_children(pids)]
    fields = [stat.rpartition(")")[2].split() for stat in stats]  # a name may have spaces in it
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


def memory(pids):
    """Private bytes of processes and of their children."""
    total = 0
    for pid in with_children(pids):
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024
    return total


class Results:
    """Runs by (part, case, target), in the order of repetitions; `path` gets a line of JSON for each."""

    def __init__(self, path=None):
        self.file = open(path, "w", encoding="utf-8") if path else None
        self.runs = {}

    def keep(self, line):
        if self.file:
            print(json.dumps(line), file=self.file, flush=True)

    def add(self, part, case, run):
        self.keep({"part": part, "case": case, **run})
        self.runs.setdefault((part, case, run["target"]), []).append(run)

    def of(self, part, case, target):
        return self.runs[part, case, target]


def in_turn(repeat, targets, step):
    """step(target) for all, repeatedly; every other time backwards, so that no one is always first."""
    for i in range(repeat):
        for target in targets if i % 2 == 0 else reversed(targets):
            step(target)


def shape(case):
    """"10x100x8" is 10 rooms of 100 members, 8 messages of each in flight."""
    rooms, members, *rest = map(int, case.split("x"))
    return {"rooms": rooms, "members": members, **({"inflight": rest[0]} if rest else {})}


def middle(runs, value):
    """The median of a field, or of what a function makes of each run."""
    return statistics.median(value(run) if callable(value) else run[value] for run in runs)


def paired(runs, others, field="server_cpu_s_per_million"):
    """The median of each repetition's own ratio: it stands drift of the machine better than that of the medians."""
    return statistics.median(run[field] / other[field] for run, other in zip(runs, others))


def wrong(runs):
    """lost/doubled/reordered/unanswered/errors over all runs, answers and closed or refused connections among them."""
    def total(*names):
        return sum(run.get(name, 0) for run in runs for name in names)
    errors = sum(sum(run.get("errors", {}).values()) for run in runs) + total("closed", "refused")
    counts = (total("lost"), total("doubled", "answers_doubled"),
              total("reordered", "acks_reordered"), total("unanswered"), errors)
    return "/".join(map(str, counts))


HEAD = ("work", "goal", "chatd", "reference", "ratio", "wrong")


class Lab:
    """Where a part of the table works: its folder, how often it repeats, and where every run is kept."""

    def __init__(self, stack, folder, options, results):
        self.stack = stack
        self.folder = folder
        self.options = options
        self.repeat = options.repeat
        self.seconds = options.seconds
        self.results = results

    def compare(self, part, case, targets, mode="fanout", **settings):
        """Loads the targets in turn; the runs of each, by its name."""
        def step(target):
            self.results.add(part, case, load(target, mode, **{"seconds": self.seconds, **settings}))
        in_turn(self.repeat, targets, step)
        return {target.name: self.results.of(part, case, target.name) for target in targets}


def cost_row(work, goal, runs, name, reference, field="server_cpu_s_per_million", digits=2):
    """A row of what is paid for in CPU, and its paired ratio."""
    return (work, goal, f"{middle(runs[name], field):.{digits}f}", f"{middle(runs[reference], field):.{digits}f}",
            f"{paired(runs[name], runs[reference], field):.2f}", wrong(runs[name]))


def markdown(rows):
    """A table; the first row is its head."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows[1:])])


def sync_us(folder):
    """p50 and p99 of an append of 4 KiB with fdatasync: what a store that waits for the disk waits for."""
    times = []
    with open(folder / "sync", "wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            begin = time.monotonic()
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - begin) * 1e6)
    times.sort()
    return round(times[100]), round(times[198])


def output(*command, program=None):
    return subprocess.run(command, executable=program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, cwd=ROOT).stdout.strip()
