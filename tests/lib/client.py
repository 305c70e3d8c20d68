# SPDX-License-Identifier: MIT
"""Clients for tests, on asyncio and the library `websockets`; chatd.v1 is in client_v1.py.

    async with ClassicClient(server, token, "alice", room="general") as alice:
        await alice.say("Hello")          # it was acknowledged
        await alice.hears("Hello")        # the next frame, which must be this message

Both dialects have say(), hears(), next(), until(), type() and close(). Frames that answer nothing
wait in the inbox, in their order, until next() and its relatives read them.

With reconnects=True a client comes back after a lost connection, to the next of its servers if it
was given a list. With a Transcript (transcript.py) all that is sent and seen is noted there.
"""
import asyncio
import json
import random
import socket
import urllib.parse
import uuid

import websockets

from server import DEADLINE

BACKOFF = (0.05, 1.0)  # of a reconnect: the first limit and the last, full jitter
NO_RETURN = range(4500, 5000)  # "after 4500-4999 it must not"


class Refused(Exception):
    """The server's error: .code, and the whole frame or object as .error."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.error = error["code"], error


class Unknown(Exception):
    """The connection ended before the answer."""


class Closed(Exception):
    """The connection is over, and so is its inbox; .code is the close code."""

    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class Say:
    """A message on its way. `repeats`: after a reconnect and a temporary error it is sent again."""

    def __init__(self, room, text, cid, repeats):
        self.room, self.text, self.cid, self.repeats = room, text, cid, repeats
        self.answer = asyncio.get_running_loop().create_future()


class Client:
    """What the dialects have in common: connections and their inbox."""

    subprotocols = None

    def __init__(self, servers, token=None, name=None, room=None, transcript=None,
                 reconnects=False, narrow=False, headers=None):
        self.servers = servers if isinstance(servers, list) else [servers]
        self.instance = 0  # index of the server it is, or was last, connected to
        self.token, self.name, self.room = token, name, room
        self.reader = name or uuid.uuid4().hex[:8]  # its name in the transcript
        self.transcript, self.reconnects = transcript, reconnects
        self.headers = headers or {}  # of the upgrade, such as a proxy's
        self.narrow = narrow  # the kernel keeps next to nothing for who does not read
        self.inbox = asyncio.Queue()
        self.connections = 0
        self.ws = None
        self.close_code = None
        self.refusal = None  # why the latest try to come back failed
        self.is_closing = False
        self.tasks = set()
        self.life = None

    # -- connections ----------------------------------------------------------------------------

    @property
    def server(self):
        return self.servers[self.instance]

    async def open(self):
        """Connects, once; from then on frames are read."""
        await self._connect()
        self.life = asyncio.create_task(self._live())
        return self

    async def _connect(self):
        self.ws = await websockets.connect(
            self.server.ws(self.path()),
            **(await narrow_socket(self.server.port) if self.narrow else {}),
            extra_headers={**self.headers, **({"Cookie": f"token={self.token}"} if self.token else {})},
            subprotocols=self.subprotocols, compression=None, ping_interval=None, max_queue=None,
            max_size=None, open_timeout=DEADLINE, close_timeout=2)
        self.connections += 1

    async def _live(self):
        while True:
            self.opened()
            try:
                async for data in self.ws:
                    self.take(json.loads(data))
            except websockets.ConnectionClosed:
                pass
            self.close_code = self.ws.close_code
            self.note("closed", code=self.close_code)
            self.lost()
            if not await self._come_back():
                break
        self.gave_up()
        self.inbox.put_nowait(Closed(self.close_code))

    async def _come_back(self):
        limit, last = BACKOFF
        while self.reconnects and not self.is_closing and self.close_code not in NO_RETURN:
            await asyncio.sleep(random.uniform(0, limit))
            limit = min(2 * limit, last)
            self.instance = (self.instance + 1) % len(self.servers)
            try:
                await self._connect()
                return True
            except websockets.InvalidStatusCode as error:
                self.refusal = error
                if error.status_code in (401, 403):
                    break
            except (OSError, asyncio.TimeoutError, websockets.InvalidHandshake,
                    websockets.ConnectionClosed) as error:
                self.refusal = error
        return False

    def pause(self):
        """Reads nothing, until resume() or the end of the connection."""
        self.ws.transport.pause_reading()

    def resume(self):
        if not self.ws.closed and not self.ws.transport.is_closing():
            self.ws.transport.resume_reading()

    async def drop(self):
        """Ends the connection without a close frame, as a cut network does."""
        self.ws.transport.abort()
        await self.ws.wait_closed()

    async def close(self):
        self.is_closing = True
        for task in self.tasks:
            task.cancel()
        if self.life is None:
            return
        await self.ws.close()
        try:  # it may be between two connections
            await asyncio.wait_for(self.life, 2)
        except asyncio.TimeoutError:
            await self.ws.close()

    async def closed(self):
        """Waits until the connection is over for good; returns its close code."""
        await asyncio.wait_for(asyncio.shield(self.life), DEADLINE)
        return self.close_code

    async def __aenter__(self):
        return await self.open()

    async def __aexit__(self, *exception):
        await self.close()

    def spawn(self, coroutine):
        """A task that ends with the client at the latest."""
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def note(self, op, **fields):
        if self.transcript is not None:
            who = {"reader": self.reader, "instance": self.instance,
                   "connection": f"{self.reader}/{self.connections}"}
            self.transcript.add(op, **who, **fields)

    def note_say(self, op, say, **fields):
        if self.transcript is not None:
            self.transcript.add(op, user=self.name, room=say.room, text=say.text, cid=say.cid,
                                **fields)

    def note_record(self, op, frame, epoch):
        self.note(op, room=frame["room"], epoch=epoch, seq=frame.get("seq"), user=frame["user"],
                  text=frame["text"], cid=frame.get("cid"))

    async def send(self, frame):
        """A frame as it is, if the connection still takes one."""
        try:
            await self.ws.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))
        except websockets.ConnectionClosed:
            pass  # lost() tells whom it concerns

    # -- the inbox ------------------------------------------------------------------------------

    async def next(self, **fields):
        """The next frame, which must have these fields. Raises Closed at the end."""
        try:
            frame = await asyncio.wait_for(self.inbox.get(), DEADLINE)
        except asyncio.TimeoutError:
            raise AssertionError(f"{self.reader} heard nothing within {DEADLINE} s; "
                                 f"awaited: {fields or 'anything'}") from None
        if isinstance(frame, Closed):
            self.inbox.put_nowait(frame)
            raise frame
        wrong = {key: frame.get(key) for key, value in fields.items() if frame.get(key) != value}
        assert not wrong, f"{self.reader} awaited {fields} and got {frame}"
        return frame

    async def until(self, **fields):
        """Reads on until a frame has these fields."""
        while True:
            frame = await self.next()
            if all(frame.get(key) == value for key, value in fields.items()):
                return frame

    async def hears(self, text, **fields):
        """The next frame, which must be the message `text`."""
        return await self.next(text=text, **fields)

    async def hear(self, n):
        """The next n frames."""
        return [await self.next() for _ in range(n)]

    def pending(self):
        """Takes what is in the inbox just now."""
        frames = []
        while not self.inbox.empty():
            frames.append(self.inbox.get_nowait())
        return frames

    # -- of the dialects ------------------------------------------------------------------------

    def path(self):
        return "/ws"

    def opened(self):
        """A connection was made, nothing read from it yet."""

    def take(self, frame):
        """A frame came."""
        self.inbox.put_nowait(frame)

    def lost(self):
        """A connection ended."""

    def gave_up(self):
        """There will be no further one."""


async def narrow_socket(port):
    """An argument for connect(): small segments and a small buffer, so that the other side's is small too."""
    sock = socket.socket()
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return {"sock": sock}


class ClassicClient(Client):
    """The seed's dialect: one room, the echo is the acknowledgement."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.says = []

    def path(self):
        if self.room is None:
            return "/ws"
        return "/ws?room=" + urllib.parse.quote(self.room, safe="")

    def opened(self):
        self.note("join", room=self.room or "general", since=None, epoch=None, seq=None, top=None,
                  recovered=False)

    def take(self, frame):
        if "error" in frame:
            self._settle(None, frame)
        elif not frame["typing"]:
            self.note_record("record", frame, None)
            self._settle(frame["text"], frame)
        super().take(frame)

    def _settle(self, text, frame):
        """Answers the oldest message with this text; refusals come in order, and name none."""
        for say in self.says:
            if text is None or (say.text == text and self.name in (None, frame["user"])):
                self.says.remove(say)
                if say.answer.done():
                    return  # nobody waits any more: unknown
                if text is None:
                    self.note_say("fail", say, code=frame["error"]["code"])
                    say.answer.set_exception(Refused(frame["error"]))
                else:
                    self.note_say("ok", say, epoch=None, seq=frame.get("seq"), duplicate=False)
                    say.answer.set_result(frame)
                return

    def lost(self):
        for say in self.says:
            if not say.answer.done():
                self.note_say("unknown", say)
                say.answer.set_exception(Unknown(say.text))
        self.says.clear()

    async def say(self, text):
        """Sends, and waits for the echo, which it returns; hears() finds it, too."""
        say = Say(self.room or "general", text, None, False)
        self.note_say("attempt", say)
        if self.ws.closed:
            self.note_say("unknown", say)
            raise Unknown(text)
        self.says.append(say)
        await self.send({"text": text, "typing": False})
        return await asyncio.wait_for(say.answer, DEADLINE)

    async def type(self):
        await self.send({"text": "", "typing": True})

    def is_typing(self, frame, user):
        """Whether the frame says that `user` types."""
        return frame.get("typing") is True and frame["user"] == user
