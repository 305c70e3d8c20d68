# SPDX-License-Identifier: MIT
"""Services: who offers, who is picked, who is missing."""
import sqlite3

import pytest
import requests
from chat import (
    ALL_OFF, AUTH, PASSWORD, ROGUES, does_not_start, example, plugin_folder, rogue, sign_up,
)
from server import DEADLINE, Server, ini_text, run_chatd

TWO_STORES = {**ALL_OFF, "auth": "on", "history-sqlite": "on", **example("memory-store")}


def check(folder, sections):
    ini = folder / "chatd.ini"
    ini.write_text(ini_text(sections))
    return run_chatd("--check", "-c", ini, cwd=folder)


def count_accounts(server):
    """Accounts in the SQLite file."""
    with sqlite3.connect(server.folder / "chatd.db") as db:
        table = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%kv%'"
        name = db.execute(table).fetchone()[0]
        return db.execute(f"SELECT count(*) FROM {name} WHERE ns = 'users'").fetchone()[0]


def test_two_providers_and_no_line_stop_the_start(tmp_path):
    server = Server(tmp_path / "chatd", only=TWO_STORES)
    does_not_start(server)
    lines = [line for line in server.log.splitlines() if "chatd.kv" in line]
    assert len(lines) == 1, server.log
    for part in ("error", "both", "history-sqlite", "memory-store", "[services]", "chatd.kv = "):
        assert part in lines[0]


@pytest.mark.parametrize("picked, accounts", [("memory-store", 0), ("history-sqlite", 1)])
def test_with_a_line_the_picked_provider_is_used(chatd, picked, accounts):
    sections = {"services": {"chatd.kv": picked}, "auth": AUTH}
    server = chatd(only=TWO_STORES, sections=sections).expect("memory of each worker")
    sign_up(server, "alice")
    server.stop()
    assert count_accounts(server) == accounts


def test_the_environment_picks_as_well(tmp_path):
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": TWO_STORES}))
    env = {"CHATD_SERVICES_CHATD_KV": "memory-store"}
    result = run_chatd("--check", "-c", ini, env=env, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("service, provider", [
    ("chatd.kv", "nobody"),
    ("chatd.kv", "rooms"),
    ("chatd.vk", "history-sqlite"),
])
def test_a_line_that_picks_nobody_is_told_with_its_place(tmp_path, service, provider):
    result = check(tmp_path, {"plugins": {"history-sqlite": "on", "rooms": "on"},
                              "services": {service: provider}})
    assert result.returncode == 1
    assert f"chatd.ini:6: [services] {service} = {provider}" in result.stderr
    assert "no loaded plugin" in result.stderr


def test_a_rogue_that_offers_a_second_store_is_named(tmp_path):
    result = check(tmp_path, {"plugins": {"history-sqlite": "on", **rogue("dup-service")}})
    assert result.returncode == 1
    assert "both history-sqlite and dup-service offer chatd.kv" in result.stderr


def test_a_rogue_that_is_not_picked_is_not_called(chatd):
    plugins = {**ALL_OFF, "auth": "on", "history-sqlite": "on", **rogue("dup-service")}
    sections = {"services": {"chatd.kv": "history-sqlite"}, "auth": AUTH}
    server = chatd(only=plugins, sections=sections)
    sign_up(server, "alice")
    assert "dup-service: offer rc=0" in server.log
    assert "was called" not in server.log


def test_a_picked_store_that_fails_is_answered_503(chatd):
    plugins = {**ALL_OFF, "auth": "on", **rogue("dup-service")}
    server = chatd(only=plugins, sections={"auth": AUTH})
    server.expect("dup-service: .* was called", "auth: ")
    body = {"user": "alice", "password": PASSWORD}
    answer = requests.post(server.http + "/register", json=body, timeout=DEADLINE)
    assert answer.status_code == 503
    assert "was called" in server.log


def test_a_missing_need_names_the_plugin_and_the_service(tmp_path):
    result = check(tmp_path, {"plugins": rogue("need-missing")})
    assert result.returncode == 1
    assert "need-missing needs the service vendor.nothing" in result.stderr
    server = Server(tmp_path / "chatd", only=rogue("need-missing"))
    does_not_start(server)
    assert "need-missing needs the service vendor.nothing" in server.log
    assert "start was called" not in server.log


def test_a_cycle_names_both(tmp_path):
    result = check(tmp_path, {"plugins": {**rogue("cycle-a"), **rogue("cycle-b")}})
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if "cycle" in line and "needs" in line]
    assert len(lines) == 1, result.stderr
    assert "cycle-a" in lines[0] and "cycle-b" in lines[0]
    assert "start was called" not in result.stderr


def test_half_of_a_cycle_is_a_missing_need(tmp_path):
    result = check(tmp_path, {"plugins": rogue("cycle-a")})
    assert result.returncode == 1
    assert "cycle-a needs the service rogue.b, and no loaded plugin offers it" in result.stderr


def test_an_optional_plugin_without_its_need_is_left_out_loudly(chatd, tmp_path):
    folder = plugin_folder(tmp_path / "plugins", ROGUES / "need-missing.so")
    server = chatd(core={"plugin_dir": folder}, only={"rooms": "on", "need-missing": "optional"})
    server.expect("need-missing needs the service vendor.nothing.*goes on without it")
    server.wait_log("warn .*need-missing needs the service vendor.nothing.*goes on without it")
    assert "need-missing: start was called" not in server.log
    assert requests.get(server.http + "/readyz", timeout=DEADLINE).status_code == 200


BOTH_STORES = {"history-sqlite": "on", "history-redis": "on"}


@pytest.mark.parametrize("services, alone, shared, what", [
    ({"chatd.kv": "history-sqlite", "chatd.log": "history-redis"},
     "chatd.kv comes from history-sqlite", "chatd.log comes from history-redis",
     "accounts, keys and revocations are this host's alone; "
     "to share them write [services] chatd.kv = history-redis"),
    ({"chatd.kv": "history-redis", "chatd.log": "history-sqlite"},
     "chatd.log comes from history-sqlite", "chatd.kv comes from history-redis",
     "the rooms' messages are this host's alone; "
     "to share them write [services] chatd.log = history-redis"),
])
def test_a_store_of_one_host_beside_a_shared_one_is_told(tmp_path, services, alone, shared, what):
    result = check(tmp_path, {"plugins": BOTH_STORES, "services": services})
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(lines) == 1, result.stderr
    for part in (alone, shared, what):
        assert part in lines[0]


@pytest.mark.parametrize("plugins, services", [
    ({"history-sqlite": "on"}, {}),
    ({"history-redis": "on"}, {}),
    (BOTH_STORES, {"chatd.kv": "history-redis", "chatd.log": "history-redis"}),
])
def test_services_that_are_shared_alike_are_no_matter(tmp_path, plugins, services):
    result = check(tmp_path, {"plugins": plugins, "services": services})
    assert (result.returncode, result.stderr) == (0, "")
