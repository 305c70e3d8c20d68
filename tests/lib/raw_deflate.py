# SPDX-License-Identifier: MIT
"""WebSockets with permessage-deflate (RFC 7692), byte by byte."""
import zlib

from raw_ws import BINARY, PING, PONG, TEXT, RawWs, frame

RSV1 = 0x40
OFFER = "permessage-deflate"
ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


def deflated(text, level=6, bits=15):
    """A message as a client sends it: a flush without its last four bytes."""
    data = text.encode() if isinstance(text, str) else text
    z = zlib.compressobj(level, zlib.DEFLATED, -bits)
    out = z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH)
    assert out.endswith(b"\0\0\xff\xff")
    return out[:-4]


def inflated(data, bits=15):
    """With a window of no more than what was agreed on. In small pieces: zlib looks back in all of
    what it has just put out, whatever its window."""
    z = zlib.decompressobj(-bits)
    out, rest = b"", data + b"\0\0\xff\xff"
    while True:
        part = z.decompress(rest, 64)
        out, rest = out + part, z.unconsumed_tail
        if not rest and not part:
            return out


class Compressed(RawWs):
    """A socket that offers permessage-deflate."""

    def __init__(self, server, path="/echo", offer=OFFER, headers=None, bits=15, **options):
        self.bits = bits
        super().__init__(server, path, {"Sec-WebSocket-Extensions": offer, **(headers or {})},
                         **options)

    def message(self):
        """(was it compressed, its text or bytes)"""
        while True:
            first, payload = self.frame_of(RSV1)
            if first & 15 == PING:
                self.send(frame(PONG, payload))
                continue
            assert first & 15 in (TEXT, BINARY), (first, payload)
            data = inflated(payload, self.bits) if first & RSV1 else payload
            return bool(first & RSV1), data.decode() if first & 15 == TEXT else data
