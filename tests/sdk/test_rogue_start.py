# SPDX-License-Identifier: MIT
"""The rogues of rogue/README.md that must not get in: refused at the start, and named."""
import re

import pytest
import requests
from chat import ALL_OFF, ROGUES, does_not_start, example, plugin_folder, rogue, v1
from server import DEADLINE, ROOT, Server, ini_text, run_chatd

# name -> (what the core says, what the plugin itself logs, what nobody may log)
REFUSED = {
    "wrong-major": (r"wrong-major\.so is built for ABI \d+\.\d+, chatd has \d+\.\d+: rebuild it",
                    None, "init was called"),
    "too-new-minor": (r"too-new-minor\.so needs at least ABI \d+\.\d+, chatd has \d+\.\d+",
                      None, "init was called"),
    "big-tail": (r"big-tail\.so has a larger descriptor than this chatd knows, and uses it",
                 None, "init was called"),
    "no-symbol": (r"no-symbol\.so is no chatd plugin: it has no symbol chatd_plugin_v1",
                  None, "init was called"),
    "init-fails": (r"plugin init-fails failed in init \(-10\)",
                   "registered route=0 verb=0 hook=0, now failing", "was called"),
    "dup-route": (r"plugin dup-route is incomplete: .*init: 1, named above",
                  "first rc=0 second rc=-2", None),
    "dup-verb": (r"plugin dup-verb is incomplete: .*init: 3, named above",
                 "first rc=0 second rc=-2 ping rc=-2 bad name rc=-1", None),
    "larger-record": (r"plugin larger-record is incomplete: .*init: 1, named above",
                      "zero tail rc=0 tail rc=-7", None),
    "need-missing": (r"need-missing needs the service vendor\.nothing", None, "start was called"),
    "start-fails": (r"plugin start-fails failed to start \(-10\)", "stop was called",
                    "its timer was called"),
}
# Those whose fault shows only in start(), which a check never calls.
FOUND_BY_START = ("start-fails",)


@pytest.mark.parametrize("name", REFUSED)
def test_a_rogue_stops_the_start_and_is_named(tmp_path, name):
    core_says, logs, never = REFUSED[name]
    server = Server(tmp_path / "chatd", only={"rooms": "on", **rogue(name)})
    does_not_start(server)
    assert re.search(rf"Z error (core|config): .*{core_says}", server.log), server.log
    assert logs is None or f"{name}: {logs}" in server.log
    assert never is None or never not in server.log
    assert "listens on" not in server.log
    assert "Sanitizer" not in server.log, server.log


@pytest.mark.parametrize("name", REFUSED)
def test_a_check_finds_the_rogue(tmp_path, name):
    core_says, _, never = REFUSED[name]
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": {"rooms": "on", **rogue(name)}}))
    result = run_chatd("--check", "-c", ini)
    assert "Sanitizer" not in result.stderr, result.stderr
    if name in FOUND_BY_START:
        assert result.returncode == 0
        return
    assert result.returncode == 1
    assert re.search(core_says, result.stderr)
    assert never is None or never not in result.stderr
    if REFUSED[name][1] is None and name != "need-missing":
        assert f"{ini}:3: " in result.stderr  # refused before its code ran: the line is known


@pytest.mark.parametrize("name", REFUSED)
def test_an_optional_rogue_is_left_out(chatd, tmp_path, name):
    folder = plugin_folder(tmp_path / "plugins", ROGUES / f"{name}.so")
    server = chatd(core={"plugin_dir": folder}, only={"rooms": "on", name: "optional"})
    server.expect(name)
    assert "goes on without it" in server.log
    assert requests.get(server.http + "/readyz", timeout=DEADLINE).status_code == 200
    paths = ("/rogue/init-fails", "/rogue/dup/1", "/rogue/zero-tail", "/rogue/tail")
    for path in paths:
        assert requests.get(server.http + path, timeout=DEADLINE).status_code == 404
    with v1(server) as client:
        for verb in ("rogue.init_fails", "rogue.twice"):
            assert client.ask(type=verb)["code"] == "unknown_type"
        assert client.ask(type="ping", id="7") == {"type": "ack", "id": "7"}  # not dup-verb's


def test_a_verb_of_the_core_cannot_be_taken(tmp_path):
    server = Server(tmp_path / "chatd", only={**ALL_OFF, **rogue("dup-verb")})
    does_not_start(server)
    assert "dup-verb adds the verb ping, which is core's" in server.log


def test_a_route_that_clashes_with_another_plugins_names_both(tmp_path):
    server = Server(tmp_path / "chatd", only={**ALL_OFF, **example("hello"), **rogue("dup-route")},
                    sections={"dup-route": {"pattern": "/hello"}})
    does_not_start(server)
    assert re.search(r"GET /hello of dup-route clashes with GET /hello of hello", server.log)


def test_both_halves_of_a_cycle_are_named(tmp_path):
    server = Server(tmp_path / "chatd", only={**rogue("cycle-a"), **rogue("cycle-b")})
    does_not_start(server)
    assert re.search(r"error config: cycle-a needs rogue\.b of cycle-b.*a cycle", server.log)
    assert "start was called" not in server.log


def test_a_plugin_of_the_older_minor_runs(chatd):
    server = chatd(only=rogue("older-rows"), sections={"older-rows": {"n": "9"}})
    assert "older-rows: word=first n=9" in server.log


def test_registrations_after_init_are_refused_and_the_server_goes_on(chatd):
    server = chatd(only=rogue("late-register")).expect("late-register registers .* outside init")
    for what in ("route", "verb", "ws", "hook", "slot", "metric", "feature"):
        assert f"late-register: {what} rc=-6" in server.log
    assert requests.get(server.http + "/rogue/late", timeout=DEADLINE).status_code == 404
    assert "late_total" not in requests.get(server.http + "/metrics", timeout=DEADLINE).text
    with v1(server) as client:
        assert client.ask(type="rogue.late")["code"] == "unknown_type"
        assert "rogue-late" not in client.hello["features"]


def test_every_rogue_has_its_line_in_the_readme():
    text = (ROOT / "tests" / "sdk" / "rogue" / "README.md").read_text()
    names = {file.stem for file in ROGUES.glob("*.so")}
    assert names
    for name in names:
        assert re.search(rf"^\| .*`{name}`.* \|", text, re.M), name
