# SPDX-License-Identifier: MIT
"""A WebSocket on asyncio whose frames are the test's own, with or without permessage-deflate."""
import asyncio
import zlib

from raw_ws import BINARY, CLOSE, CONT, KEY, PING, PONG, TEXT, frame
from server import DEADLINE

__all__ = ["BINARY", "CLOSE", "CONT", "PING", "PONG", "TEXT", "Gone", "Refused", "Ws", "frame"]

RSV1 = 0x40


class Refused(Exception):
    """The upgrade was answered with another status."""

    def __init__(self, status):
        super().__init__(f"refused with {status}")
        self.status = status


class Gone(Exception):
    """The connection is over; .code is that of the close frame, or None."""

    def __init__(self, code=None, reason=""):
        super().__init__(f"closed with {code} {reason}")
        self.code, self.reason = code, reason


def deflated(data):
    """As RFC 7692 wants it, without context."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(data):
    return zlib.decompressobj(wbits=-15).decompress(data + b"\0\0\xff\xff")


class Ws:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.deflate = False
        self.ended = asyncio.Event()  # set by whoever reads

    @staticmethod
    def request(path, token, subprotocol=None, deflate=False):
        lines = [f"GET {path} HTTP/1.1", "Host: test", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", f"Cookie: token={token}"]
        if subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        if deflate:
            lines.append("Sec-WebSocket-Extensions: permessage-deflate")
        return "\r\n".join([*lines, "", ""]).encode()

    @classmethod
    async def open(cls, server, path, token, subprotocol=None, deflate=False):
        """Raises Refused, or Gone."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(cls.request(path, token, subprotocol, deflate))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
        except (OSError, asyncio.IncompleteReadError):
            raise Gone() from None
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            writer.transport.abort()
            raise Refused(status)
        ws = cls(reader, writer)
        ws.deflate = b"permessage-deflate" in head
        return ws

    async def raw(self, data, step=None):
        """What the other side has closed takes nothing, and that is no error."""
        try:
            for at in range(0, len(data), step or len(data)):
                self.writer.write(data[at:at + (step or len(data))])
                await self.writer.drain()
        except OSError:
            pass

    async def send(self, data, compressed=False, pieces=1):
        """A text, in so many frames."""
        if compressed:
            data = deflated(data)
        size = max(1, -(-len(data) // pieces))
        parts = [data[at:at + size] for at in range(0, len(data), size)] or [b""]
        out = b""
        for i, part in enumerate(parts):
            first = {"rsv": RSV1 if compressed else 0} if i == 0 else {}
            out += frame(TEXT if i == 0 else CONT, part, fin=i == len(parts) - 1, **first)
        await self.raw(out)

    async def message(self):
        """The next text; pings are answered. Raises Gone."""
        while True:
            try:
                first, payload = await self._frame()
            except (OSError, asyncio.IncompleteReadError):
                raise Gone() from None
            opcode = first & 15
            if opcode == CLOSE:
                await self.raw(frame(CLOSE, payload[:2]))
                code = int.from_bytes(payload[:2], "big") if payload else 1005
                raise Gone(code, payload[2:].decode())
            if opcode == PING:
                await self.raw(frame(PONG, payload))
            elif opcode == TEXT:
                return (inflated(payload) if first & RSV1 else payload).decode()

    async def _frame(self):
        first, n = await self.reader.readexactly(2)
        assert first & 0x80 and not first & 0x30 and not n & 0x80, (first, n)
        if n >= 126:
            n = int.from_bytes(await self.reader.readexactly(2 if n == 126 else 8), "big")
        return first, await self.reader.readexactly(n)

    def abort(self):
        self.writer.transport.abort()
