# SPDX-License-Identifier: MIT
"""A receiver of webhooks that does as a test says, and remembers what it was sent.

    with Receiver() as receiver:
        receiver.answer = lambda request: Answer(200, {"text": request.json["text"].upper()})
        ...
        request = receiver.wait(1)[0]

An answer may take its time: request.hold(event) waits for the event, or for the other side to leave.
"""
import http.server
import json
import select
import socket
import ssl
import threading
import time

from server import wait_until


class Answer:
    """`body`: JSON, or bytes as they are; None: none. `close`: the connection is cut instead; `leave`: after it, and
    nobody was told that it would be."""

    def __init__(self, status=204, body=None, headers=None, chunked=False, close=False, leave=False):
        self.status, self.body, self.close, self.leave = status, body, close, leave
        self.headers, self.chunked = headers or {}, chunked

    def bytes(self):
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


class Request:
    def __init__(self, handler, raw):
        self.path, self.headers, self.raw = handler.path, handler.headers, raw
        self.json = json.loads(raw) if raw else None
        self.at = time.monotonic()
        self.was_left = False  # the other side did not wait for the answer
        self._socket, self._over = handler.connection, handler.server.over

    @property
    def events(self):
        return self.json["events"]

    def hold(self, event):
        """False: the other side has left, or the test is over."""
        while not event.wait(0.01):
            if self._over.is_set():
                return False
            if select.select([self._socket], [], [], 0)[0] and not self._peek():
                self.was_left = True
                return False
        return True

    def _peek(self):
        try:
            return self._socket.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return b""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = Request(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))
        receiver = self.server.receiver
        with receiver.lock:
            receiver.requests.append(request)
        try:
            self.give(receiver.answer(request))
        except OSError:
            self.close_connection = True

    do_GET = do_POST  # what a client makes of some redirects

    def give(self, answer):
        data = answer.bytes()
        if answer.close:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            data = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
        elif data is not None or answer.status not in (204, 304):
            data = data or b""
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if data:
            self.wfile.write(data)
        self.close_connection = self.close_connection or answer.leave

    def log_message(self, *_):
        pass


class Http(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def get_request(self):
        self.receiver.connections += 1
        return super().get_request()

    def handle_error(self, *_):
        pass  # a connection that was cut


class Receiver:
    """`tls`: (certificate, key), files."""

    def __init__(self, tls=None, port=0):
        self.requests, self.lock, self.connections = [], threading.Lock(), 0
        self.answer = lambda request: Answer(204)
        self.tls = tls
        self._http = Http(("127.0.0.1", port), Handler)
        self._http.receiver = self
        self._http.over = threading.Event()
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True,
                                                    do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self._http.server_address[1]

    def url(self, path="/hook", host="127.0.0.1"):
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{path}"

    def wait(self, n):
        """Waits until n requests have come; returns all."""
        wait_until(lambda: len(self.requests) >= n, what=f"{n} requests")
        return list(self.requests)

    def events(self):
        """All events of all deliveries, in the order in which they came."""
        with self.lock:
            return [event for request in self.requests for event in request.events]

    def close(self):
        self._http.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
