# SPDX-License-Identifier: MIT
"""The probes of tests/sdk/minors, one for each minor of the ABI, and what to ask them."""
import requests
from server import BUILD, DEADLINE, wait_until

FOLDER = BUILD / "lib" / "chatd-minors"
OLDER_CHATD = BUILD / "bin" / "chatd_older"


def names():
    """["probe-0-1", ...], oldest first."""
    return sorted((file.stem for file in FOLDER.glob("probe-*.so")),
                  key=lambda name: [int(part) for part in name.split("-")[1:]])


def minor(name):
    return int(name.split("-")[2])


def line(*probes):
    """The lines of [plugins] for them."""
    return {name: FOLDER / f"{name}.so" for name in probes}


class Probe:
    """One of a server's."""

    def __init__(self, server, name):
        self.server, self.name, self.minor = server, name, minor(name)

    def url(self, path):
        return f"{self.server.http}/{self.name}/{path}"

    def get(self, path, **options):
        return requests.get(self.url(path), timeout=DEADLINE, **options)

    def ask(self, path, **query):
        answer = self.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def seen(self, what):
        """How often it saw that."""
        return self.ask("seen").get(what, 0)

    def wait_seen(self, what, n=1):
        wait_until(lambda: self.seen(what) >= n, what=f"{self.name} to see \"{what}\"")

    def word(self, text):
        """A message that this probe, and no other, takes for a command."""
        return f"{self.name} {text}"

    def ws(self):
        return self.server.ws(f"/{self.name}/ws")
