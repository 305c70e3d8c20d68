# SPDX-License-Identifier: MIT
"""The rogues of rogue/README.md that must not get in: refused at the start, and named. What a person reads of each is
in that page, word for word."""
import re

import pytest
import requests
from chat import ALL_OFF, ROGUES, does_not_start, example, plugin_folder, rogue, v1
from rogues import LINES, reads, reads_in_check
from server import DEADLINE, ROOT, Server, ini_text, run_chatd

# name -> (what the plugin itself logs, what nobody may log); what the core says is in rogue/README.md
REFUSED = {
    "wrong-major": (None, "init was called"),
    "too-new-minor": (None, "init was called"),
    "big-tail": (None, "init was called"),
    "later-option": (None, "init was called"),
    "later-need": (None, "init was called"),
    "no-symbol": (None, "init was called"),
    "init-fails": ("registered route=0 verb=0 hook=0, now failing", "was called"),
    "dup-route": ("first rc=0 second rc=-2", None),
    "dup-verb": ("first rc=0 second rc=-2 ping rc=-2 bad name rc=-1", None),
    "larger-record": ("zero tail rc=0 tail rc=-7", None),
    "no-size": ("route rc=-1 ws rc=-1 service rc=-1 slot rc=-1 metric rc=-1 hook rc=-1", None),
    "need-missing": (None, "start was called"),
    "start-fails": ("stop was called", "its timer was called"),
}
# Those whose fault shows only in start(), which a check never calls.
FOUND_BY_START = ("start-fails",)


@pytest.mark.parametrize("name", REFUSED)
def test_a_rogue_stops_the_start_and_is_named(tmp_path, name):
    logs, never = REFUSED[name]
    server = Server(tmp_path / "chatd", only={"rooms": "on", **rogue(name)})
    does_not_start(server)
    assert reads(name, server.log)
    assert logs is None or f"{name}: {logs}" in server.log
    assert never is None or never not in server.log
    assert "listens on" not in server.log
    assert "Sanitizer" not in server.log, server.log


@pytest.mark.parametrize("name", REFUSED)
def test_a_check_finds_the_rogue(tmp_path, name):
    logs, never = REFUSED[name]
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": {"rooms": "on", **rogue(name)}}))
    result = run_chatd("--check", "-c", ini)
    assert "Sanitizer" not in result.stderr, result.stderr
    if name in FOUND_BY_START:
        assert result.returncode == 0
        return
    assert result.returncode == 1
    assert reads_in_check(name, result.stderr)
    assert never is None or never not in result.stderr
    if logs is None and name not in ("need-missing", "later-option"):
        assert f"{ini}:3: " in result.stderr  # refused before its code ran: the line is known


@pytest.mark.parametrize("name, options", [("init-crash", {}), ("init-hangs", {"start_time": "1s"})])
def test_a_check_survives_an_init_that_does_not_come_back(tmp_path, name, options):
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"chatd": options, "plugins": rogue(name)}))
    result = run_chatd("--check", "-c", ini)
    assert result.returncode == 1
    assert reads_in_check(name, result.stderr)


@pytest.mark.parametrize("name", REFUSED)
def test_an_optional_rogue_is_left_out(chatd, tmp_path, name):
    folder = plugin_folder(tmp_path / "plugins", ROGUES / f"{name}.so")
    server = chatd(core={"plugin_dir": folder}, only={"rooms": "on", name: "optional"})
    server.expect(name)
    assert "goes on without it" in server.log
    assert requests.get(server.http + "/readyz", timeout=DEADLINE).status_code == 200
    paths = ("/rogue/init-fails", "/rogue/dup/1", "/rogue/zero-tail", "/rogue/tail", "/rogue/no-size")
    for path in paths:
        assert requests.get(server.http + path, timeout=DEADLINE).status_code == 404
    with v1(server) as client:
        for verb in ("rogue.init_fails", "rogue.twice"):
            assert client.ask(type=verb)["code"] == "unknown_type"
        assert client.ask(type="ping", id="7") == {"type": "ack", "id": "7"}  # not dup-verb's


def test_a_verb_of_the_core_cannot_be_taken(tmp_path):
    server = Server(tmp_path / "chatd", only={**ALL_OFF, **rogue("dup-verb")})
    does_not_start(server)
    assert reads("dup-verb", server.log)


def test_two_stores_are_both_named(tmp_path):
    server = Server(tmp_path / "chatd", only={**ALL_OFF, "history-sqlite": "on", **rogue("dup-service")})
    does_not_start(server)
    assert reads("dup-service", server.log)
    assert "dup-service: offer rc=0" in server.log and "was called" not in server.log


def test_a_route_that_clashes_with_another_plugins_names_both(tmp_path):
    server = Server(tmp_path / "chatd", only={**ALL_OFF, **example("hello"), **rogue("dup-route")},
                    sections={"dup-route": {"pattern": "/hello"}})
    does_not_start(server)
    assert re.search(r"GET /hello of dup-route clashes with GET /hello of hello", server.log)


def test_both_halves_of_a_cycle_are_named(tmp_path):
    server = Server(tmp_path / "chatd", only={**rogue("cycle-a"), **rogue("cycle-b")})
    does_not_start(server)
    assert reads("cycle-a", server.log)
    assert "start was called" not in server.log


def test_a_plugin_of_the_older_minor_runs(chatd):
    server = chatd(only=rogue("older-rows"), sections={"older-rows": {"n": "9"}})
    assert "older-rows: word=first n=9" in server.log


def test_registrations_after_init_are_refused_and_the_server_goes_on(chatd):
    server = chatd(only=rogue("late-register")).expect("late-register registers .* outside init")
    for what in ("route", "verb", "ws", "hook", "slot", "metric", "feature"):
        assert f"late-register: {what} rc=-6" in server.log
    assert reads("late-register", server.log)
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


def test_every_line_of_the_readme_is_looked_for():
    sources = "".join(file.read_text() for folder in ("sdk", "integration")
                      for file in (ROOT / "tests" / folder).glob("test_*.py"))
    for name in LINES:
        assert f'"{name.split(",")[0]}"' in sources, name
