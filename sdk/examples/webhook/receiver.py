# SPDX-License-Identifier: MIT
"""A receiver for the plugin webhook, to begin with: python3 receiver.py 8081 SECRET

It has an answer for each message (POST /verdict) and prints what happens (POST /events).
"""
import hashlib
import hmac
import http.server
import json
import sys
import time


def is_genuine(secret, header, body, now=None, tolerance=300):
    """Is this request of a server that has the secret, and not an old one that somebody sends again?"""
    try:
        parts = dict(part.split("=", 1) for part in header.split(","))
        signed_at = int(parts["t"])
        signature = parts["v1"]
    except (AttributeError, KeyError, ValueError):
        return False
    wanted = hmac.new(secret.encode(), b"%d." % signed_at + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        return False
    return abs((time.time() if now is None else now) - signed_at) <= tolerance


def verdict(message):
    """The status and the JSON of the answer to one message."""
    if "spam" in message["text"]:
        return 204, None  # it is not published
    if "damn" in message["text"]:
        return 200, {"text": message["text"].replace("damn", "d***")}
    return 304, None  # as it is


class Seen:
    """Ids of the latest events: what was delivered twice is dropped."""

    def __init__(self, size=100000):
        self.ids, self.size = {}, size

    def is_new(self, event):
        if event["id"] in self.ids:
            return False
        self.ids[event["id"]] = True
        if len(self.ids) > self.size:
            del self.ids[next(iter(self.ids))]
        return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    secret, seen = "", Seen()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not is_genuine(self.secret, self.headers.get("X-Chatd-Signature"), body):
            self.answer(401, {"error": "the signature is wrong"})
        elif self.path == "/verdict":
            self.answer(*verdict(json.loads(body)))
        else:
            for event in filter(self.seen.is_new, json.loads(body)["events"]):
                print(json.dumps(event), flush=True)
            self.answer(204, None)

    def answer(self, status, value):
        text = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if value is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Handler.secret = sys.argv[2]
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
