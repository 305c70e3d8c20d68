# SPDX-License-Identifier: MIT
"""The web client's library of chatd.v1 against a real chatd, under Node.js instead of a browser."""
import os
import subprocess
import time

import pytest
from raw_ws import signed
from server import DEADLINE, ROOT

SCRIPT = ROOT / "tests" / "client" / "real.mjs"
# Node.js 18 has no WebSocket of its own. A module finds packages in the folders above itself only, and
# these are not in the source tree: the script is told where.
WS = ROOT / "build" / "client" / "node_modules" / "ws" / "wrapper.mjs"


def run_script(server, **tokens):
    assert WS.exists(), "install it: sh tests/client/packages.sh"
    env = {**os.environ, "CHATD_URL": server.http, "WS_MODULE": str(WS), **tokens}
    done = subprocess.run(["node", str(SCRIPT)], env=env, timeout=6 * DEADLINE, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_two_people(clusters, store):
    [server] = clusters(store=store).nodes
    run_script(server, CHATD_TOKEN=signed("alice", chatd_renew=int(time.time()) + 7200),
               CHATD_OTHER_TOKEN=signed("bob"))


def test_two_guests(clusters):
    [server] = clusters(plugins={"auth": "off"}).nodes
    run_script(server)
