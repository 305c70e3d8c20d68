# SPDX-License-Identifier: MIT
"""What the environment says: it wins, secrets may lie in files, and unknown names are told."""
import re

import pytest
from server import run_chatd

SECRET = "this secret has more than thirty-two bytes"


def dump(folder, text="", env=None):
    ini = folder / "chatd.ini"
    ini.write_text(text)
    return run_chatd("--dump-config", "-c", ini, env=env, cwd=folder)


def value(result, section, key):
    """(value, origin) of an option in a dump."""
    part = result.stdout.split(f"[{section}]\n", 1)[1].split("\n[", 1)[0]
    found = re.search(rf"^; from (.*)\n{key} = (.*)$", part, re.M)
    assert found, part
    return found[2], found[1]


def test_a_variable_wins_over_the_ini(tmp_path):
    text = "[chatd]\nlisten = 127.0.0.1:1\nstop_time = 3s\n"
    result = dump(tmp_path, text, {"CHATD_LISTEN": "127.0.0.1:2"})
    assert result.returncode == 0, result.stderr
    assert value(result, "chatd", "listen") == ("127.0.0.1:2", "environment CHATD_LISTEN")
    assert value(result, "chatd", "stop_time") == ("3s", f"{tmp_path / 'chatd.ini'}:3")
    assert value(result, "chatd", "slow_hook") == ("50ms", "default")


def test_a_plugins_option_comes_from_its_section_and_key(tmp_path):
    result = dump(tmp_path, env={"CHATD_HISTORY_SQLITE_HISTORY_MAX": "500"})
    origin = "environment CHATD_HISTORY_SQLITE_HISTORY_MAX"
    assert value(result, "history-sqlite", "history_max") == ("500", origin)


def test_a_variable_switches_a_plugin(tmp_path):
    result = dump(tmp_path, "[plugins]\ntyping = on\nrooms = on\n", {"CHATD_PLUGINS_TYPING": "off"})
    assert value(result, "plugins", "typing") == ("off", "environment CHATD_PLUGINS_TYPING")
    assert "[typing]" not in result.stdout
    assert "[rooms]" in result.stdout


def test_a_variable_adds_a_plugin_the_ini_does_not_name(tmp_path):
    result = dump(tmp_path, "[plugins]\nrooms = on\n", {"CHATD_PLUGINS_HISTORY_SQLITE": "on"})
    assert result.returncode == 0, result.stderr
    origin = "environment CHATD_PLUGINS_HISTORY_SQLITE"
    assert value(result, "plugins", "history-sqlite") == ("on", origin)
    assert "[history-sqlite]" in result.stdout


def test_a_wrong_value_names_its_variable(tmp_path):
    result = run_chatd("--check", env={"CHATD_CPU_THREADS": "many"}, cwd=tmp_path)
    assert result.returncode == 1
    assert "environment CHATD_CPU_THREADS: " in result.stderr


def test_a_relative_path_begins_at_the_ini_or_at_the_working_directory(tmp_path):
    (tmp_path / "etc").mkdir()
    ini = tmp_path / "etc" / "chatd.ini"
    ini.write_text("[history-sqlite]\npath = data.db\n")
    result = run_chatd("--dump-config", "-c", ini, cwd=tmp_path)
    assert value(result, "history-sqlite", "path")[0] == str(tmp_path / "etc" / "data.db")
    env = {"CHATD_HISTORY_SQLITE_PATH": "data.db"}
    result = run_chatd("--dump-config", "-c", ini, cwd=tmp_path, env=env)
    assert value(result, "history-sqlite", "path")[0] == str(tmp_path / "data.db")


def test_a_secret_can_be_the_first_line_of_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(SECRET + "\nnot this\n")
    env = {"CHATD_AUTH_JWT_SECRET_FILE": str(file)}
    result = dump(tmp_path, env=env)
    assert (result.returncode, result.stderr) == (0, "")
    assert value(result, "auth", "jwt_secret")[1] == "environment CHATD_AUTH_JWT_SECRET_FILE"
    # It is read: a key that is too short is refused by its owner.
    file.write_text("short\n")
    result = run_chatd("--check", env=env, cwd=tmp_path)
    assert result.returncode == 1
    assert "jwt_secret has 5 bytes" in result.stderr


@pytest.mark.parametrize("content", [None, b"", b"\n" + SECRET.encode(), b"a\0b"])
def test_a_secret_file_that_holds_none_is_an_error(tmp_path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    env = {"CHATD_AUTH_JWT_SECRET_FILE": str(file)}
    result = run_chatd("--check", env=env, cwd=tmp_path)
    assert result.returncode == 1
    assert 'environment CHATD_AUTH_JWT_SECRET_FILE: cannot ' in result.stderr
    assert str(file) in result.stderr


def test_a_secret_and_its_file_together_are_an_error(tmp_path):
    file = tmp_path / "key"
    file.write_text(SECRET)
    env = {"CHATD_AUTH_JWT_SECRET_FILE": str(file), "CHATD_AUTH_JWT_SECRET": SECRET}
    result = run_chatd("--check", env=env, cwd=tmp_path)
    assert result.returncode == 1
    assert "keep one of them" in result.stderr
    assert SECRET not in result.stderr


def test_only_a_secret_is_read_from_a_file(tmp_path):
    result = run_chatd("--check", env={"CHATD_LISTEN_FILE": "/etc/hostname"}, cwd=tmp_path)
    assert result.returncode == 0
    assert "warning: environment CHATD_LISTEN_FILE: " in result.stderr
    assert "set CHATD_LISTEN" in result.stderr


def test_secrets_are_masked_wherever_they_come_from(tmp_path):
    from_ini = dump(tmp_path, f"[auth]\njwt_secret = {SECRET}\n")
    from_env = dump(tmp_path, env={"CHATD_AUTH_JWT_SECRET": SECRET})
    for result in (from_ini, from_env):
        assert result.returncode == 0, result.stderr
        assert value(result, "auth", "jwt_secret")[0] == "********"
        assert SECRET not in result.stdout + result.stderr


def test_a_dump_can_be_read_back(tmp_path):
    first = dump(tmp_path, "[chatd]\nslow_hook = 70ms\n[rooms]\ntext_max = 2k\n")
    second = dump(tmp_path, first.stdout)
    assert (second.returncode, second.stderr) == (0, "")

    def values(result):
        return [line for line in result.stdout.splitlines() if not line.startswith("; from ")]

    assert values(first) == values(second)
    assert "slow_hook = 70ms" in values(second)


def test_an_unknown_variable_is_a_warning_with_a_guess(tmp_path):
    result = run_chatd("--check", env={"CHATD_LISTN": "127.0.0.1:0"}, cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout == "(no file): ok, with warnings\n"
    assert result.stderr == (
        "warning: environment CHATD_LISTN: unknown variable; did you mean CHATD_LISTEN?\n"
    )


def test_a_variable_of_a_plugin_that_is_off_is_fine(tmp_path):
    env = {"CHATD_PLUGINS_TYPING": "off", "CHATD_TYPING_EXPIRE": "9s"}
    result = run_chatd("--check", env=env, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


REDIS_ON = {"CHATD_PLUGINS_HISTORY_REDIS": "on", "CHATD_PLUGINS_HISTORY_SQLITE": "off"}


def test_redis_addr_that_nobody_reads_says_what_to_write(tmp_path, chatd):
    result = run_chatd("--check", env={"REDIS_ADDR": "redis:6379"}, cwd=tmp_path)
    assert result.returncode == 0
    assert "warning: environment REDIS_ADDR: " in result.stderr
    assert "CHATD_PLUGINS_HISTORY_REDIS=on" in result.stderr
    server = chatd(only={"typing": "off"}, env={"REDIS_ADDR": "redis:6379"}).expect("REDIS_ADDR")
    assert "environment REDIS_ADDR" in server.log


def test_redis_addr_is_history_redis_address(tmp_path):
    env = {"REDIS_ADDR": "redis:6379", **REDIS_ON}
    result = run_chatd("--dump-config", env=env, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert value(result, "history-redis", "address") == ("redis:6379", "environment REDIS_ADDR")
    assert run_chatd("--check", env=env, cwd=tmp_path).stderr == ""


def test_redis_addr_is_stronger_than_the_ini_and_weaker_than_chatds_own_variable(tmp_path):
    text = "[history-redis]\naddress = ini:1\n"
    result = dump(tmp_path, text, {"REDIS_ADDR": "redis:6379", **REDIS_ON})
    assert value(result, "history-redis", "address")[0] == "redis:6379"
    own = {"CHATD_HISTORY_REDIS_ADDRESS": "own:2"}
    result = dump(tmp_path, text, {"REDIS_ADDR": "redis:6379", **REDIS_ON, **own})
    origin = "environment CHATD_HISTORY_REDIS_ADDRESS"
    assert value(result, "history-redis", "address") == ("own:2", origin)
    result = dump(tmp_path, text, {"REDIS_ADDR": "", **REDIS_ON})
    assert value(result, "history-redis", "address")[0] == "ini:1"


def test_a_redis_addr_that_is_none_is_told(tmp_path):
    result = run_chatd("--check", env={"REDIS_ADDR": "redis://x:6379", **REDIS_ON}, cwd=tmp_path)
    assert result.returncode == 1
    assert "redis://x:6379 is not an address: write host:port" in result.stderr


def test_an_empty_redis_addr_is_none(tmp_path):
    result = run_chatd("--check", env={"REDIS_ADDR": ""}, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_without_a_file_the_default_set_is_on(tmp_path):
    result = run_chatd("--dump-config", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    for name in ("auth", "rooms", "history-sqlite", "typing", "static"):
        assert value(result, "plugins", name) == ("on", "default")


def test_an_ini_without_plugins_has_the_default_set(tmp_path):
    result = dump(tmp_path, "[chatd]\n")
    assert value(result, "plugins", "rooms") == ("on", "default")


def test_an_ini_with_plugins_has_only_those(tmp_path):
    result = dump(tmp_path, "[plugins]\nstatic = on\n")
    assert result.returncode == 0, result.stderr
    assert re.findall(r"^\[(.*)\]$", result.stdout, re.M) == ["plugins", "chatd", "static"]
