# SPDX-License-Identifier: MIT
"""A start that cannot work says why, ends with 1, and leaves nothing half-done."""
import re
import socket

import pytest
import requests
from chat import ALL_OFF, AUTH, EXAMPLES, ROGUES, classic, does_not_start, plugin_folder, rogue, v1
from server import DEADLINE, Server


def fails(folder, **options):
    """Starts a server that must end with 1; returns its log."""
    server = Server(folder / "chatd", **options)
    does_not_start(server)
    assert "AddressSanitizer" not in server.log and "LeakSanitizer" not in server.log
    return server.log


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_a_port_in_use_is_told_with_what_to_change(tmp_path, address):
    family = socket.AF_INET6 if address.startswith("[") else socket.AF_INET
    with socket.socket(family) as other:
        other.bind((address.strip("[]"), 0))
        other.listen()
        listen = f"{address}:{other.getsockname()[1]}"
        log = fails(tmp_path, core={"listen": listen}, only=ALL_OFF)
    line = re.search(r"error core: cannot listen on .*", log)[0]
    assert listen in line
    assert "listen" in line and "CHATD_LISTEN" in line


def test_a_second_chatd_on_the_port_of_the_first_is_refused(chatd, tmp_path):
    first = chatd(only=ALL_OFF)
    log = fails(tmp_path / "second", core={"listen": f"127.0.0.1:{first.port}"}, only=ALL_OFF)
    assert "another server has it" in log
    assert requests.get(first.http + "/livez", timeout=DEADLINE).status_code == 200


def test_a_port_in_use_starts_no_plugin(tmp_path, chatd):
    first = chatd(only=ALL_OFF)
    listen = {"listen": f"127.0.0.1:{first.port}"}
    log = fails(tmp_path / "second", core=listen, only=rogue("late-register"))
    assert "late-register: " not in log


@pytest.mark.parametrize("listen, part", [
    ("8080", "0.0.0.0:8080"),
    ("127.0.0.1:", "0.0.0.0:8080"),
    ("::1:8080", "[::]:8080"),
    ("127.0.0.1:http", "listen = 127.0.0.1:http"),
    ("127.0.0.1:99999", "listen = 127.0.0.1:99999"),
])
def test_an_address_that_is_none_says_how_to_write_one(tmp_path, listen, part):
    log = fails(tmp_path, core={"listen": listen}, only=ALL_OFF)
    line = re.search(r"error config: .*", log)[0]
    assert "chatd.ini:2: " in line and part in line


def test_a_host_that_does_not_exist_is_told(tmp_path):
    log = fails(tmp_path, core={"listen": "no-such-host.invalid:0"}, only=ALL_OFF)
    assert "listen = no-such-host.invalid:0" in re.search(r"error core: .*", log)[0]


def test_mistakes_in_the_configuration_stop_the_start(tmp_path):
    log = fails(tmp_path, core={"listn": "127.0.0.1:0"}, only=ALL_OFF)
    assert 'unknown key "listn" in [chatd]; did you mean "listen"?' in log
    assert "not started: 1 mistake in" in log and "chatd --check" in log


def test_a_plugin_that_is_not_there_stops_the_start(tmp_path):
    log = fails(tmp_path, only={**ALL_OFF, "nowhere": "on"})
    assert re.search(r"error config: .*chatd\.ini:\d+: there is no plugin .*/nowhere\.so", log)


def test_a_database_that_is_none_stops_the_start_and_is_left_alone(tmp_path):
    file = tmp_path / "letter.txt"
    file.write_text("Dear Alice, " * 100)
    log = fails(tmp_path, only={**ALL_OFF, "history-sqlite": "on"},
                sections={"history-sqlite": {"path": file}})
    assert re.search(rf"error history-sqlite: .*{file}.*is not an SQLite database", log)
    assert "plugin history-sqlite failed to start" in log
    assert file.read_text() == "Dear Alice, " * 100


def test_a_database_in_use_is_refused_with_the_pid_of_its_user(chatd, tmp_path):
    plugins = {**ALL_OFF, "history-sqlite": "on"}
    first = chatd(only=plugins)
    log = fails(tmp_path / "second", only=plugins,
                sections={"history-sqlite": {"path": first.folder / "chatd.db"}})
    assert re.search(rf"in use by another chatd \(pid {first.process.pid}\)", log)


def test_a_short_key_is_refused_without_being_shown(tmp_path):
    log = fails(tmp_path, sections={"auth": {"jwt_secret": "hunter2-hunter2"}})
    assert "jwt_secret has 15 bytes" in log
    assert "hunter2" not in log


def test_a_static_root_that_is_no_folder_stops_the_start(tmp_path):
    log = fails(tmp_path, only={**ALL_OFF, "static": "on"},
                sections={"static": {"root": tmp_path / "none"}})
    assert re.search(rf"error static: .*{tmp_path / 'none'}", log)


# --- optional plugins ---------------------------------------------------------------------------


def chats(server):
    with classic(server) as a, classic(server) as b:
        a.say("hello")
        return b.hears("hello")["text"] == "hello"


def test_an_optional_plugin_that_is_missing_is_a_loud_line(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "nowhere": "optional"})
    server.expect("nowhere")
    assert re.search(r"there is no plugin .*/nowhere\.so", server.log)
    assert re.search(r"warn .*nowhere is optional: chatd goes on without it", server.log)
    assert chats(server)


def test_an_optional_plugin_that_fails_in_init_leaves_nothing_behind(chatd, tmp_path):
    folder = plugin_folder(tmp_path / "plugins", ROGUES / "init-fails.so")
    server = chatd(core={"plugin_dir": folder}, only={"rooms": "on", "init-fails": "optional"})
    server.expect("init-fails failed in init")
    assert "registered route=0 verb=0 hook=0, now failing" in server.log
    assert re.search(r"warn .*init-fails failed in init \(-10\); it is optional", server.log)
    missing = requests.get(server.http + "/rogue/init-fails", timeout=DEADLINE)
    assert missing.status_code == 404
    with v1(server) as client:
        assert client.ask(type="rogue.init_fails")["code"] == "unknown_type"
    assert chats(server)
    assert "was called" not in server.log


def test_an_optional_plugin_that_fails_in_start_is_stopped_and_left_out(chatd, tmp_path):
    folder = plugin_folder(tmp_path / "plugins", ROGUES / "start-fails.so")
    server = chatd(core={"plugin_dir": folder}, only={"rooms": "on", "start-fails": "optional"})
    server.expect("start-fails failed to start")
    assert "start-fails: timer rc=0 job rc=0, now failing" in server.log
    assert re.search(r"error core: .*start-fails failed to start \(-10\); it is optional",
                     server.log)
    assert server.log.count("start-fails: stop was called") == 1
    assert chats(server)
    assert server.stop() == 0
    assert "its timer was called" not in server.log
    assert server.log.count("start-fails: its job ended") == 1


def test_a_plugin_that_fails_in_start_and_is_not_optional_stops_the_start(tmp_path):
    log = fails(tmp_path, only={"rooms": "on", **rogue("start-fails")})
    assert "plugin start-fails failed to start (-10)" in log
    assert log.count("start-fails: stop was called") == 1
    assert "listens on" not in log


def test_a_consumer_goes_on_without_its_optional_provider(chatd, tmp_path):
    """auth needs chatd.kv only if it is there, and here its provider fails to start."""
    folder = plugin_folder(tmp_path / "plugins", EXAMPLES / "memory-store.so")
    file = tmp_path / "letter.txt"
    file.write_text("no database")
    server = chatd(core={"plugin_dir": folder},
                   only={**ALL_OFF, "rooms": "on", "auth": "on", "history-sqlite": "optional"},
                   sections={"auth": AUTH, "history-sqlite": {"path": file}})
    server.expect("history-sqlite", "chatd.kv")
    assert re.search(r"history-sqlite failed to start .*; it is optional", server.log)
    body = {"user": "alice", "password": "long enough"}
    answer = requests.post(server.http + "/register", json=body, timeout=DEADLINE)
    assert answer.status_code == 503 and "chatd.kv" in answer.text
