# SPDX-License-Identifier: MIT
"""A real redis-server on a free port, and a TCP proxy that can slow down, cut and swallow what passes."""
import os
import pathlib
import random
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time

import redis
from server import DEADLINE, wait_until

# redis-server is one program with redis-check-rdb, told apart by the name it is called by. The latter
# lies in redis-tools, which Debian installs without starting a service.
PROGRAM = shutil.which("redis-server") or shutil.which("redis-check-rdb")


def free_port():
    """A port that nobody listens on now. It may be taken again: whoever uses it tries another."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Redis:
    """One redis-server. `args` are directives of redis.conf, ("--maxmemory", "10mb"). It keeps its port
    and its data over stop() and start(): by an append-only file that is synced with every write, so
    that what it acknowledged survives kill(), too."""

    def __init__(self, folder, args=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "redis.log"
        self.args = list(args)
        self.port = None
        self.process = None
        self.password = None  # for client() and for waiting, where the server asks for one
        self._clients = []

    def _command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
                "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                "--logfile", str(self.log_path), "--daemonize", "no", *map(str, self.args)]

    def _launch(self):
        self.process = subprocess.Popen(
            self._command(), executable=PROGRAM, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=self.folder, start_new_session=True)

    def _answers(self):
        if self.process.poll() is not None:
            raise ChildProcessError(self.log)
        try:
            with redis.Redis(port=self.port, password=self.password, socket_timeout=1) as client:
                return client.ping()
        except redis.BusyLoadingError:
            return False
        except redis.ConnectionError:
            return False
        except redis.RedisError:
            return True  # it answers, if only that we may not ask

    def start(self, wait=True):
        """Starts it, on the port it had before. wait=False: returns while it may still load."""
        tries = 1 if self.port else 10
        for left in reversed(range(tries)):
            if tries > 1:
                self.port = free_port()
            self._launch()
            try:
                if wait:
                    wait_until(self._answers, what="redis-server")
                return self
            except ChildProcessError:
                if not left:
                    raise
        return self

    def _end(self, sig, deadline):
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(sig)
        self.process.wait(timeout=deadline)
        self.process = None

    def stop(self, deadline=DEADLINE):
        self._end(signal.SIGTERM, deadline)

    def kill(self):
        """As a machine that loses power, but for the disk."""
        self._end(signal.SIGKILL, DEADLINE)

    def forget(self):
        """While it does not run: the next start is the first."""
        for path in self.folder.glob("appendonly*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.folder / "dump.rdb").unlink(missing_ok=True)

    def cut_tail(self, n):
        """While it does not run: takes the last n bytes of its append-only file, as a power cut would that
        came before the sync."""
        files = sorted((self.folder / "appendonlydir").glob("*.incr.aof"),
                       key=lambda path: path.stat().st_mtime)
        if files:
            os.truncate(files[-1], max(0, files[-1].stat().st_size - n))

    def restart(self):
        self.stop()
        return self.start()

    def pause(self):
        """It keeps its connections and answers nothing, until resume()."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def client(self, **options):
        """A python-redis client with text answers; closed with the server."""
        options = {"decode_responses": True, "socket_timeout": DEADLINE, "password": self.password,
                   **options}
        client = redis.Redis(port=self.port, **options)
        self._clients.append(client)
        return client

    def configure(self, **directives):
        """CONFIG SET, with dashes as underscores: configure(maxmemory_policy="noeviction")."""
        client = self.client()
        for name, value in directives.items():
            client.config_set(name.replace("_", "-"), value)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()


class Proxy:
    """Listens on a port of its own and passes bytes on to 127.0.0.1:target_port, both ways. What it
    does to them can be changed while it runs."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._delay = 0.0
        self._swallow = False
        self._refuse = False
        self._losing = 0.0
        self.lost = 0  # publications
        self._random = random.Random(0)
        self._pairs = []
        self._lock = threading.Lock()
        self._ended = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def delay(self, ms):
        """From now on every byte arrives that much later, each way."""
        self._delay = ms / 1000

    def cut(self):
        """Resets all connections, and those that come, until heal()."""
        self._refuse = True
        self.drop()

    def drop(self):
        """Ends the connections there are; new ones are welcome."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.end()

    def blackhole(self):
        """Connections stay, new ones are taken, but nothing passes any more: a half-open network."""
        self._swallow = True

    def lose(self, share):
        """From now on that share of the publications in rooms does not reach who subscribed."""
        self._losing = share

    def loses(self):
        lost = self._losing > 0 and self._random.random() < self._losing
        self.lost += lost
        return lost

    def heal(self):
        """Back to passing all on at once. What was swallowed is lost: such connections are ended, as
        a network would in the end."""
        swallowed = self._swallow
        self._delay, self._swallow, self._refuse, self._losing = 0.0, False, False, 0.0
        if swallowed:
            self.drop()

    def connections(self):
        with self._lock:
            return len(self._pairs)

    def close(self):
        self._ended = True
        self.listener.close()
        self.drop()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _accept(self):
        while not self._ended:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self._refuse:
                reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                reset(near)
                continue
            pair = Pair(self, near, far)
            with self._lock:
                self._pairs.append(pair)
            threading.Thread(target=pair.run, daemon=True).start()

    def _forget(self, pair):
        with self._lock:
            if pair in self._pairs:
                self._pairs.remove(pair)


def next_push(data):
    """The first whole answer in what Redis sends to a subscriber: (its bytes, its words, the rest), or
    None while it has not come whole."""
    words, at = [], 0

    def line():
        nonlocal at
        end = data.index(b"\r\n", at)
        text, at = data[at:end], end + 2
        return text

    try:
        head = line()
        for _ in range(int(head[1:]) if head[:1] == b"*" else 0):
            kind = line()
            if kind[:1] == b"$":
                size = int(kind[1:])
                words.append(data[at:at + size])
                at += size + 2
            else:
                words.append(kind[1:])
    except ValueError:
        return None
    return (data[:at], words, data[at:]) if at <= len(data) else None


class Pair:
    """One connection through a proxy: a thread that moves chunks when their time has come."""

    def __init__(self, proxy, near, far):
        self.proxy = proxy
        self.near, self.far = near, far
        self.ended = False
        self.subscribes = False
        self.partial = b""  # of a push that has not come whole
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(DEADLINE)

    def end(self):
        self.ended = True
        for sock in (self.near, self.far):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _sieve(self, to, data):
        """What passes: of publications in rooms, a subscriber may lose some."""
        if to is self.far:
            self.subscribes = self.subscribes or b"SUBSCRIBE" in data
        if to is self.far or not self.subscribes:
            return data
        passed, self.partial = [], self.partial + data
        while (push := next_push(self.partial)) is not None:
            taken, words, self.partial = push
            is_record = words[:1] == [b"message"] and words[1].startswith(b"room:")
            if not (is_record and self.proxy.loses()):
                passed.append(taken)
        return b"".join(passed)

    def run(self):
        waiting = []  # (when, to, bytes), in order for each of the two
        with selectors.DefaultSelector() as selector:
            selector.register(self.near, selectors.EVENT_READ, self.far)
            selector.register(self.far, selectors.EVENT_READ, self.near)
            try:
                while not self.ended:
                    now = time.monotonic()
                    while waiting and waiting[0][0] <= now:
                        _, to, data = waiting.pop(0)
                        to.sendall(data)
                    pause = waiting[0][0] - now if waiting else 0.05
                    for key, _ in selector.select(max(0.0, min(pause, 0.05))):
                        data = key.fileobj.recv(65536)
                        if not data:
                            self.ended = True
                        elif not self.proxy._swallow and (data := self._sieve(key.data, data)):
                            # Bytes never overtake those before them, also when the delay ends.
                            last = max((when for when, to, _ in waiting if to is key.data), default=0)
                            when = max(last, time.monotonic() + self.proxy._delay)
                            waiting.append((when, key.data, data))
                            waiting.sort(key=lambda entry: entry[0])
                for _, to, data in waiting:
                    to.sendall(data)
            except OSError:
                pass
        self.proxy._forget(self)
        reset(self.near)
        self.far.close()


def reset(sock):
    """Ends a connection by RST."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    except OSError:
        pass
    sock.close()
