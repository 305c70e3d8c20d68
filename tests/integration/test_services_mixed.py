# SPDX-License-Identifier: MIT
"""Accounts in one store and history in the other, by [services]."""
import json
import re
import sqlite3

import pytest
from chat import does_not_start
from raw_ws import login, register
from server import Server, ini_text, run_chatd

BOTH = {"auth": "on", "rooms": "on", "typing": "on", "history-sqlite": "on", "history-redis": "on"}
SQLITE, REDIS = "history-sqlite", "history-redis"


def mixed(clusters, kv, log, instances=1):
    services = {"chatd.kv": kv, "chatd.log": log}
    chat = clusters(store="redis", instances=instances, plugins=BOTH,
                    sections={"services": services})
    return chat.expect("chatd.kv")


def rows(node, table, where="1"):
    """How many rows the table of the SQLite file has; 0 without the table."""
    with sqlite3.connect(node.folder / "chatd.db") as db:
        found = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE ?",
                           (f"%{table}%",)).fetchone()
        return db.execute(f"SELECT count(*) FROM {found[0]} WHERE {where}").fetchone()[0] \
            if found else 0


@pytest.mark.parametrize("kv, log", [(SQLITE, REDIS), (REDIS, SQLITE)])
async def test_each_store_holds_what_services_say(clusters, dialect, kv, log):
    chat = mixed(clusters, kv, log)
    node, redis = chat.nodes[0], chat.redis.client()
    assert register(node, "alice").status_code == 201
    assert login(node, "alice").status_code == 200
    async with chat.person(dialect, "alice") as alice, chat.v1("bob") as bob:
        for i in range(1, 4):
            assert (await alice.say(f"m{i}"))["seq"] == i
            await bob.hears(f"m{i}", seq=i)
    async with chat.person(dialect, "carol") as carol:
        assert [f["text"] for f in await carol.hear(3)] == ["m1", "m2", "m3"]
    assert redis.hexists("users", "alice") == (kv == REDIS)
    assert rows(node, "kv", "ns = 'users'") == (1 if kv == SQLITE else 0)
    assert redis.llen("chat_history:general") == (3 if log == REDIS else 0)
    assert rows(node, "records") == (3 if log == SQLITE else 0)
    assert [r["room"] for r in chat.get("/api/v1/rooms").json()["rooms"]] == ["general"]


async def test_with_accounts_in_sqlite_they_are_one_instances_alone_and_messages_everybodys(
        clusters):
    """kv in SQLite means one host: accounts, key and revocations are that instance's alone."""
    chat = mixed(clusters, SQLITE, REDIS, instances=2)
    assert register(chat.nodes[0], "alice").status_code == 201
    assert login(chat.nodes[0], "alice").status_code == 200
    assert login(chat.nodes[1], "alice").status_code == 401
    async with chat.v1("alice") as alice, chat.v1("bob", node=1) as bob:
        await alice.say("one chat")
        await bob.hears("one chat", user="alice", seq=1)


async def test_both_survive_a_restart(clusters):
    chat = mixed(clusters, SQLITE, REDIS)
    node = chat.nodes[0]
    assert register(node, "alice").status_code == 201
    async with chat.v1("alice") as alice:
        await alice.say("before")
        position = alice.positions["general"]
    assert node.stop() == 0
    node.start()
    chat.wait_ready(node)
    assert login(node, "alice").status_code == 200
    async with chat.v1("alice", room=None) as alice:
        assert (await alice.join("general", (position[0], 0)))["recovered"] is True
        await alice.hears("before")


def test_without_a_line_the_start_is_refused_with_both_names(tmp_path):
    """Two providers and no line is a start-up error naming both."""
    server = Server(tmp_path / "chatd", only=BOTH)
    does_not_start(server)
    for service in ("chatd.kv", "chatd.log"):
        lines = [line for line in server.log.splitlines() if service in line and " error " in line]
        assert lines and SQLITE in lines[0] and REDIS in lines[0], server.log


def check(folder, services):
    ini = folder / "chatd.ini"
    ini.write_text(ini_text({"plugins": BOTH, "services": services}))
    return run_chatd("--check", "-c", ini, cwd=folder)


def test_check_says_what_accounts_on_one_host_mean(tmp_path):
    """kv in SQLite means one host [...]; `--check` says so."""
    ended = check(tmp_path, {"chatd.kv": SQLITE, "chatd.log": REDIS})
    assert ended.returncode == 0, ended.stderr
    said = [line for line in (ended.stdout + ended.stderr).splitlines()
            if "chatd.kv" in line and SQLITE in line]
    assert said, json.dumps([ended.stdout, ended.stderr])
    assert re.search(r"accounts", said[0]) and re.search(r"instance|host", said[0])


def test_check_has_nothing_to_say_when_redis_has_the_accounts(tmp_path):
    ended = check(tmp_path, {"chatd.kv": REDIS, "chatd.log": SQLITE})
    assert ended.returncode == 0, ended.stderr
    assert "accounts" not in ended.stdout + ended.stderr
