# SPDX-License-Identifier: MIT
"""etc/chatd.ini says what the schema says: every option, its default, and nothing else."""
import re
import shutil

import pytest
from server import BUILD, ROOT, ini_text, run_chatd

INI = ROOT / "etc" / "chatd.ini"
OPEN_SECTIONS = ("plugins", "services", "hooks")

# Options whose default is not a value that can be written down, and one to try them with.
WITHOUT_DEFAULT = {
    ("chatd", "plugin_dir"): BUILD / "lib" / "chatd",
    ("chatd", "user"): "nobody",
    ("chatd", "runtime_dir"): "run",
    ("chatd", "allowed_origins"): "https://chat.example https://www.chat.example",
    ("chatd", "cors_origins"): "https://app.example http://127.0.0.1:5173",
    ("chatd", "trusted_proxies"): "127.0.0.1 10.0.0.0/8 2001:db8::/32 private",
    ("history-redis", "user"): "chatd",
    ("history-redis", "password"): "secret",
    ("auth", "jwt_key_file"): "key.pem",
    ("auth", "jwt_old_key_file"): "old.pem",
    ("auth", "jwt_old_secret"): "X" * 48,
    ("auth", "jwt_secret"): "this secret has more than thirty-two bytes",
    ("auth", "password_dictionary"): "/var/cache/cracklib/cracklib_dict",
    ("static", "root"): ROOT / "static",
}

# In the place of another option, or with a file that is not here.
NOT_TOGETHER = {("auth", "jwt_key_file"), ("auth", "jwt_old_key_file")}


def options(text, pattern):
    """{(section, key): value} of the lines that match `pattern`."""
    found, section = {}, None
    for line in text.splitlines():
        header = re.fullmatch(r"\[(.*)\]", line)
        entry = re.fullmatch(pattern, line)
        if header:
            section = header[1]
        elif entry:
            assert (section, entry[1]) not in found, line
            found[section, entry[1]] = entry[2]
    return found


def documented():
    """Active and commented options of etc/chatd.ini."""
    return options(INI.read_text(), r"(?:; )?([a-z][a-z0-9_.-]*) = ?(.*)")


@pytest.fixture
def schema(tmp_path):
    """Options and defaults as chatd prints them, with every bundled plugin."""
    bundled = [p.stem for p in (BUILD / "lib" / "chatd").glob("*.so")]
    services = {"chatd.kv": "history-sqlite", "chatd.log": "history-sqlite"}
    ini = tmp_path / "all.ini"
    ini.write_text(ini_text({"plugins": dict.fromkeys(bundled, "on"), "services": services}))
    result = run_chatd("--dump-config", "-c", ini, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = options(result.stdout, r"(?:; )?([a-z][a-z0-9_.-]*) = ?(.*)")
    found["plugins", "history-redis"] = "off"  # one of the two stores is enough
    found["history-sqlite", "path"] = found["history-sqlite", "path"].removeprefix(f"{tmp_path}/")
    return found


def test_every_option_is_in_the_file_with_its_default(schema):
    missing = {at: value for at, value in schema.items() if documented().get(at) != value}
    assert missing == {}


def test_the_file_has_no_option_that_chatd_does_not_know(schema):
    extra = [at for at in documented() if at not in schema and at[0] not in OPEN_SECTIONS]
    assert extra == []


def test_every_bundled_plugin_is_in_the_file():
    bundled = {p.stem for p in (BUILD / "lib" / "chatd").glob("*.so")}
    assert {key for section, key in documented() if section == "plugins"} == bundled
    assert bundled <= {line.strip("[]") for line in INI.read_text().splitlines()}


def test_what_is_without_default_is_what_this_file_says(schema):
    assert {at for at, value in schema.items() if value == ""} == set(WITHOUT_DEFAULT)


def test_every_option_has_an_explanation_above_it():
    explained = False
    for line in INI.read_text().splitlines():
        if re.fullmatch(r"(?:; )?[a-z][a-z0-9_.-]* = ?.*", line):
            assert explained, line  # options in a row share one explanation
        else:
            explained = line.startswith("; ")


def test_what_is_active_is_a_sqlite_server_on_every_address():
    active = options(INI.read_text(), r"([a-z][a-z0-9_.-]*) = ?(.*)")
    assert active.pop(("chatd", "listen")) == "0.0.0.0:8080"
    assert active.pop(("history-sqlite", "path")) == "chatd.db"
    assert {section for section, _ in active} == {"plugins"}
    assert active.pop(("plugins", "history-redis")) == "off"
    assert set(active.values()) == {"on"}


def test_the_file_passes_the_check_as_it_is(tmp_path):
    shutil.copy(INI, tmp_path)
    result = run_chatd("--check", "-c", tmp_path / INI.name)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_file_passes_with_every_option_switched_on(tmp_path):
    lines, section = [], None
    for line in INI.read_text().splitlines():
        section = line[1:-1] if re.fullmatch(r"\[.*\]", line) else section
        entry = re.fullmatch(r"; ([a-z][a-z0-9_.-]*) = ?(.*)", line)
        if entry and (section, entry[1]) not in NOT_TOGETHER:
            value = WITHOUT_DEFAULT.get((section, entry[1]), entry[2])
            line = f"{entry[1]} = {value}"
        lines.append(line)
    ini = tmp_path / "chatd.ini"
    ini.write_text("\n".join(lines) + "\n")
    result = run_chatd("--check", "-c", ini)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(options(ini.read_text(), r"([a-z][a-z0-9_.-]*) = ?(.*)")) == \
        len(documented()) - len(NOT_TOGETHER)


def test_the_file_starts_a_server(chatd, tmp_path):
    server = chatd(env={"CHATD_LISTEN": "127.0.0.1:0"}, only={})
    server.stop()
    server.write_ini = lambda: shutil.copy(INI, server.ini)
    server.start()
    assert (server.folder / "chatd.db").exists()
