# SPDX-License-Identifier: MIT
"""Raw sockets: HTTP by the byte, WebSocket by the frame, and the tokens to get in with."""
import base64
import hashlib
import os
import socket
import time
import uuid

import jwt
import requests
from server import DEADLINE, wait_until

SECRET = "a key of the tests, longer than 32 bytes"
PASSWORD = "correct horse"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

# A loaded machine is slow and the log's warning about it is no finding of these tests.
CALM = {"slow_hook": "60s"}


def signed(user, ttl=3600, key=SECRET, algorithm="HS256", **claims):
    """A token as another program with the same key would make it; claims=None leaves one out."""
    now = int(time.time())
    all_claims = {"sub": user, "jti": uuid.uuid4().hex, "iat": now, "exp": now + ttl, **claims}
    all_claims = {k: v for k, v in all_claims.items() if v is not None}
    return jwt.encode(all_claims, key, algorithm=algorithm)


def cookie(user, **options):
    """The header by which a WebSocket of `user` gets in, on a chatd with SECRET."""
    return {"Cookie": "token=" + signed(user, **options)}


def with_secret(**sections):
    """Sections of an INI whose tokens signed() can make, and end when they say."""
    auth = {"jwt_secret": SECRET, "clock_leeway": "0", **sections.pop("auth", {})}
    return {"auth": auth, **sections}


def register(server, user, password=PASSWORD, **options):
    """POST /register, repeated while the server is still about to be ready."""
    def ask():
        reply = requests.post(server.http + "/register",
                              json={"user": user, "password": password}, **options)
        return [reply] if reply.status_code != 503 else None  # a refusal is falsy by itself
    return wait_until(ask, what="an answer to /register")[0]


def wait_for_key(server):
    """Until then /login answers 503. A body that is none: no password is hashed."""
    wait_until(lambda: requests.post(server.http + "/login", data="x").status_code == 400,
               what="the key for tokens")


def login(server, user, password=PASSWORD, **options):
    return requests.post(server.http + "/login", json={"user": user, "password": password},
                         **options)


def account(server, user, password=PASSWORD):
    """Registers `user` and returns the token of a login."""
    reply = register(server, user, password)
    assert reply.status_code == 201, reply.text
    return login(server, user, password).json()["token"]


class Reply:
    """One HTTP answer. Header names in lower case."""

    def __init__(self, head, body):
        lines = head.split(b"\r\n")
        self.version, status, *_ = lines[0].decode().split(" ", 2)
        self.status = int(status)
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = body

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body!r}>"


class Raw:
    """A TCP connection with a buffer."""

    def __init__(self, server, timeout=DEADLINE, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def more(self, n=65536):
        """False at the end of the stream."""
        try:
            part = self.sock.recv(n)
        except ConnectionResetError:
            part = b""
        self.buffer += part
        return part != b""

    def take(self, n):
        while len(self.buffer) < n:
            assert self.more(), f"the stream ended inside {n} bytes: {self.buffer!r}"
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def line_block(self):
        while b"\r\n\r\n" not in self.buffer:
            assert self.more(), f"the stream ended inside a head: {self.buffer!r}"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    def reply(self, no_body=False):
        """The next HTTP answer, by its Content-Length."""
        head = self.line_block()
        reply = Reply(head, b"")
        if not no_body and reply.status not in (101, 204, 304) and reply.status >= 200:
            reply.body = self.take(int(reply.headers["content-length"]))
        return reply

    def ask(self, text, no_body=False):
        """Sends a request, given with plain line ends, and returns the answer."""
        self.send(text.replace("\n", "\r\n").encode())
        return self.reply(no_body)

    def rest(self):
        """All that comes until the server closes; fails at the time-out."""
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x11\x22\x33\x44", length_form=None):
    """A client's frame. mask=None: unmasked; length_form 16 or 64 forces that form."""
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload)
    form = length_form or (7 if n < 126 else 16 if n < 65536 else 64)
    flag = 0x80 if mask is not None else 0
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    if form == 7:
        head += bytes([flag | n])
    else:
        head += bytes([flag | (126 if form == 16 else 127)]) + n.to_bytes(form // 8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def close_frame(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def accept_of(key):
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


def upgrade_request(path="/ws", headers=None, method="GET", version="HTTP/1.1"):
    """An upgrade's head. A header of value None is left out."""
    fields = {"Host": "test", "Upgrade": "websocket", "Connection": "Upgrade",
              "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13", **(headers or {})}
    lines = [f"{method} {path} {version}"]
    lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class RawWs(Raw):
    """A WebSocket of which every byte is the test's own."""

    def __init__(self, server, path="/ws", headers=None, early=b"", **options):
        super().__init__(server, **options)
        self.send(upgrade_request(path, headers) + early)
        reply = self.reply()
        assert reply.status == 101, reply
        assert reply.headers["sec-websocket-accept"] == accept_of(KEY)
        self.extensions = reply.headers.get("sec-websocket-extensions")

    def frame(self):
        """(opcode, payload) of the next frame; servers neither mask nor, here, fragment."""
        first, payload = self.frame_of(0)
        return first & 15, payload

    def frame_of(self, rsv_allowed):
        """(first byte, payload) of the next frame."""
        first, second = self.take(2)
        assert first & 0x80 and not first & 0x70 & ~rsv_allowed, f"first byte {first:#x}"
        assert not second & 0x80, "a server's frame is masked"
        n = second
        if n >= 126:
            n = int.from_bytes(self.take(2 if n == 126 else 8), "big")
        return first, self.take(n)

    def data(self):
        """The next frame that is no ping; pings are answered."""
        while True:
            opcode, payload = self.frame()
            if opcode != PING:
                return opcode, payload
            self.send(frame(PONG, payload))

    def text(self):
        opcode, payload = self.data()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    def close_code(self):
        """The code of the close frame that must come next; 1005 for none."""
        opcode, payload = self.data()
        assert opcode == CLOSE, (opcode, payload)
        return int.from_bytes(payload[:2], "big") if payload else 1005

    def is_refused(self, code):
        """The server closes with `code`, nothing before it, and then the connection."""
        assert self.close_code() == code
        self.send(close_frame(code))
        assert self.rest() == b""
        return True


def blob(n):
    return base64.b64encode(os.urandom(n))[:n]
