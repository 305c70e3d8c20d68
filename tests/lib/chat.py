# SPDX-License-Identifier: MIT
"""People who chat: `websockets` and `requests` behind calls that return when it is done."""
import asyncio
import json
import os
import pathlib
import socket
import struct
import uuid

import pytest
import requests
import websockets

from server import BUILD, DEADLINE, DEFAULT_PLUGINS

ALL_OFF = dict.fromkeys(DEFAULT_PLUGINS, "off")
# Tokens need a key. With one of the tests' own the server is ready at once.
AUTH = {"jwt_secret": "a key of the tests, longer than 32 bytes", "clock_leeway": "0"}
PASSWORD = "correct horse battery"
ROGUES = BUILD / "lib" / "chatd-rogue"
EXAMPLES = BUILD / "lib" / "chatd-examples"


def rogue(name):
    """The line of [plugins] for a rogue plugin."""
    return {name: ROGUES / f"{name}.so"}


def example(name):
    return {name: EXAMPLES / f"{name}.so"}


def plugin_folder(folder, *files):
    """A folder for plugin_dir: the bundled plugins and `files`, so that `optional` finds them."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in [*(BUILD / "lib" / "chatd").glob("*.so"), *files]:
        os.symlink(file, folder / pathlib.Path(file).name)
    return folder


def does_not_start(server):
    """Starts a server that must end with 1; its log is to be looked at."""
    try:
        with pytest.raises(AssertionError, match="ended with 1"):
            server.start()
    finally:
        server.stop()


def sign_up(server, user):
    """Makes an account and logs in; returns the token."""
    body = {"user": user, "password": PASSWORD}
    answer = requests.post(server.http + "/register", json=body, timeout=DEADLINE)
    assert answer.status_code == 201, answer.text
    answer = requests.post(server.http + "/login", json=body, timeout=DEADLINE)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


class Client:
    """A WebSocket; frames come and go as JSON. Its loop turns only inside the calls."""

    def __init__(self, url, token=None, subprotocol=None):
        self.loop = asyncio.new_event_loop()
        headers = {"Cookie": f"token={token}"} if token else {}

        async def connect():
            return await websockets.connect(
                url,
                extra_headers=headers,
                subprotocols=[subprotocol] if subprotocol else None,
                ping_interval=None,
                open_timeout=DEADLINE,
                close_timeout=1,
            )

        try:
            self.ws = self._run(connect())
        except BaseException:
            self.loop.close()
            raise

    def _run(self, awaitable):
        return self.loop.run_until_complete(asyncio.wait_for(awaitable, DEADLINE))

    def send(self, frame):
        self._run(self.ws.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame)))

    def recv(self):
        data = self._run(self.ws.recv())
        return json.loads(data) if isinstance(data, str) else data

    def say(self, text):
        self.send({"text": text})

    def hears(self, text):
        """Reads on until a message with this text; returns it. Fails at an error."""
        while True:
            frame = self.recv()
            assert "error" not in frame, frame
            if frame.get("text") == text:
                return frame

    def ask(self, **frame):
        """A chatd.v1 request; returns its answer."""
        frame.setdefault("id", uuid.uuid4().hex)
        self.send(frame)
        while True:
            answer = self.recv()
            if answer.get("id") == frame["id"]:
                return answer

    def close_code(self):
        """Waits until the server has closed; returns its code."""
        self._run(self.ws.wait_closed())
        return self.ws.close_code

    def drop(self, reset=False):
        """Leaves without a close frame: by FIN, or by RST as a crashed machine would."""
        if reset:
            linger = struct.pack("ii", 1, 0)
            sock = self.ws.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.ws.transport.abort()
        self._run(self.ws.wait_closed())
        self.loop.close()

    def close(self):
        if self.loop.is_closed():
            return
        try:
            self._run(self.ws.close())
        finally:
            self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def classic(server, token=None, room="general"):
    return Client(server.ws(f"/ws?room={room}"), token)


def v1(server, token=None):
    """Returns a chatd.v1 client; its first frame, the hello, is in .hello."""
    client = Client(server.ws(), token, "chatd.v1")
    client.hello = client.recv()
    return client


def refused(server, path="/ws", token=None, subprotocol=None):
    """The HTTP status an upgrade is refused with."""
    try:
        Client(server.ws(path), token, subprotocol).close()
    except websockets.InvalidStatusCode as error:
        return error.status_code
    raise AssertionError(f"the upgrade of {path} was accepted")
