# SPDX-License-Identifier: MIT
"""A plugin built with today's headers that is content with an older core: accepted there, and told what it lacks.

The older core is tests/sdk/older: today's code behind a table of functions and a descriptor as long as those of
OLDER_MINOR. What is in the core's own behaviour, and in bundled plugins, is not older.
"""
import minors
import pytest
from chat import ALL_OFF, Client, does_not_start, v1
from minors import OLDER_CHATD, Probe
from server import Server

NAME = minors.names()[-1]
LOWERED = minors.FOLDER / "lowered" / f"{NAME}.so"
OLDER = range(1, minors.minor(NAME))
TABLE_BYTES = {1: 528, 2: 552, 3: 560}  # of struct chatd_core, in sdk/abi/0.N.txt


def older(minor, **options):
    return {"program": OLDER_CHATD, "env": {"OLDER_MINOR": str(minor)}, **options}


@pytest.fixture(params=OLDER, ids=[f"0.{minor}" for minor in OLDER])
def minor(request):
    return request.param


def test_every_older_minor_is_tried():
    assert set(TABLE_BYTES) == set(OLDER)


def test_a_plugin_that_is_content_with_it_runs(chatd, minor):
    store = {"memory-store": minors.FOLDER / "0-1" / "memory-store.so"}
    server = chatd(**older(minor, core={"queue_hard": "64k", "deflate": "off"},
                           only={**ALL_OFF, **store, NAME: LOWERED})).expect("memory of each worker")
    probe = Probe(server, NAME)
    told = probe.ask("core")
    assert (told["abi"], told["bytes"]) == (f"0.{minor}", TABLE_BYTES[minor])
    assert told["limit"] == (0 if minor >= 2 else -7)
    assert told["pid"] == (server.process.pid if minor >= 3 else 0)
    with v1(server) as client:
        assert client.hello["limits"].get(f"{NAME}.max") == (43 if minor >= 2 else None)  # told "core"
        verb = f"{NAME}.echo"
        assert client.ask(type=verb, id="1") == {"type": "ack", "id": "1", "minor": probe.minor, "kind": verb}
    with Client(probe.ws()) as client:
        client.send("frame hello")
        assert client._run(client.ws.recv()) == "hello"
        client.send("behind")
        if minor < 2:
            client.send(b"binary")
        while client._run(client.ws.recv()) not in (b"binary", '{"drained":"after behind"}'):
            pass
    assert probe.seen("no send_at") == probe.seen("no on_behind") == (1 if minor < 2 else 0)
    assert probe.ask("tasks")["watched"] == 3
    assert probe.ask("event", word="wait")["code"] == "unavailable"
    assert probe.ask("kv")["kv1"] == [0, "one", 0]
    probe.wait_seen("tick")


def test_one_that_is_not_is_refused(tmp_path, minor):
    server = Server(tmp_path / "chatd", **older(minor, only={**ALL_OFF, **minors.line(NAME)}))
    does_not_start(server)
    present = NAME.removeprefix("probe-").replace("-", ".")
    assert f"{NAME}.so needs at least ABI {present}, chatd has 0.{minor}: use a newer chatd" in server.log


def test_older_plugins_run_in_it(chatd, minor):
    names = [name for name in minors.names() if minors.minor(name) <= minor]
    server = chatd(**older(minor, only={**ALL_OFF, **minors.line(*names)}))
    for name in names:
        assert Probe(server, name).ask("seen")["minor"] == minors.minor(name)


def test_a_descriptor_with_something_that_0_1_does_not_know_is_refused(tmp_path, chatd):
    """As sdk/doc/versions.md says of `cancel`."""
    plugin = {NAME: minors.FOLDER / "lowered-cancel" / f"{NAME}.so"}
    server = Server(tmp_path / "one", **older(1, only={**ALL_OFF, **plugin}))
    does_not_start(server)
    assert f"{NAME}.so has a larger descriptor than this chatd knows, and uses it: it needs a newer chatd" in server.log
    server = chatd(**older(2, only={**ALL_OFF, **plugin}))
    server.stop()
    assert f"{NAME}: cancel" in server.log
