# SPDX-License-Identifier: MIT
"""The manual pages say what the program says of itself; their look is lint.sh's affair."""
import re
import subprocess

import pytest
from server import BUILD, ROOT, run_chatd

MAN = ROOT / "man"
PAGES = ["chatd.1", "chatd.ini.5", "chatd-plugin.7"]


def page(name):
    return (MAN / name).read_text().replace("\\-", "-").replace("\\(aq", "'")


def plain(name):
    """As it is read at a terminal, without its layout."""
    done = subprocess.run(["groff", "-man", "-Tascii", "-rHY=0", "-P-cbou", MAN / name], text=True, check=True,
                          capture_output=True)
    return re.sub(r"\s+", " ", re.sub(r"-\n\s*", "-", done.stdout))


def test_every_page_is_there():
    assert sorted(path.name for path in MAN.glob("*.[0-9]")) == sorted(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_the_others(name):
    seen = page(name).split(".SH SEE ALSO")[1]
    for other in set(PAGES) - {name}:
        stem, section = other.rsplit(".", 1)
        assert f".BR {stem} ({section})" in seen


def test_every_option_of_the_command_line_and_no_other():
    told = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", run_chatd("--help").stdout))
    assert {"-c", "--check", "--dump-config"} <= told
    shown = page("chatd.1").split(".SH OPTIONS")[1].split(".SH SIGNALS")[0]
    assert [option for option in sorted(told) if not re.search(rf"(?<![\w-]){option}\b", shown)] == []
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page("chatd.1"))) - {"--config"}:
        assert option in told
    assert run_chatd("--config", "/dev/null", "--check").returncode == 0


def test_every_signal():
    described = (ROOT / "etc" / "README.md").read_text().split("## Signals")[1].split("##")[0]
    signals = re.findall(r"`([A-Z0-9]+)`", "".join(re.findall(r"^\| `.*?\|", described, re.M)))
    assert {"TERM", "INT", "HUP", "USR2"} <= set(signals)
    shown = page("chatd.1").split(".SH SIGNALS")[1].split(".SH EXIT STATUS")[0]
    assert [signal for signal in signals if not re.search(rf"\b{signal}\b", shown)] == []


def test_the_options_are_those_that_chatd_dumps():
    done = subprocess.run(["/usr/bin/python3", MAN / "options.py", BUILD, "--check"], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def test_every_option_of_the_shipped_configuration():
    shipped = {}
    for line in (ROOT / "etc" / "chatd.ini").read_text().splitlines():
        if re.fullmatch(r"\[[\w-]+\]", line):
            section = shipped.setdefault(line, set())
        elif key := re.match(r"(?:; )?(\w+) +=", line):
            section.add(key[1])
    text = page("chatd.ini.5")
    for section, keys in shipped.items():
        shown = text.split(f".SS {section}\n")[1].split("\n.S")[0]
        if section not in ("[plugins]", "[services]", "[hooks]"):
            assert set(re.findall(r"^\.BR (\w+) \"", shown, re.M)) == keys, section


def test_a_change_of_an_option_would_be_noticed(tmp_path):
    """The check of the options can fail."""
    copy = tmp_path / "man"
    copy.mkdir()
    for name in ("options.py", "chatd.ini.5"):
        (copy / name).write_text((MAN / name).read_text())
    changed = (copy / "chatd.ini.5").read_text().replace("default 50ms", "default 51ms")
    assert changed != (copy / "chatd.ini.5").read_text()
    (copy / "chatd.ini.5").write_text(changed)
    done = subprocess.run(["/usr/bin/python3", copy / "options.py", BUILD, "--check"], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 1
    assert "default 50ms" in done.stdout and "FAIL" in done.stdout


def test_the_page_for_authors_names_every_event_header_and_page():
    text = plain("chatd-plugin.7")
    events = re.findall(r"\bX\(\d+, (\w+), struct", (ROOT / "sdk/include/chatd/event.h").read_text())
    shown = re.search(r"Events: (.*?)\.", text)[1].split(", ")
    assert sorted(shown) == sorted(events)
    for service in re.findall(r'_SERVICE +"(chatd\.\w+)"',
                              "".join(path.read_text() for path in (ROOT / "sdk/include/chatd/svc").glob("*.h"))):
        assert service in text
    for page_of_sdk in re.findall(r"([a-z-]+\.md)", text):
        assert (ROOT / "sdk" / "doc" / page_of_sdk).is_file()


def test_the_example_of_the_page_for_authors_is_a_plugin(tmp_path):
    """It compiles as the synopsis says, and the check takes it."""
    source = re.search(r"^\.EX\n(#include <chatd.*?)^\.EE$", page("chatd-plugin.7"), re.M | re.S)[1]
    assert "\\" not in source
    (tmp_path / "calm.c").write_text(source)
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-fvisibility=hidden",
                    "-shared", "-Wl,-z,defs", "-I", ROOT / "sdk/include", "-o", tmp_path / "calm.so",
                    tmp_path / "calm.c"], check=True)
    ini = tmp_path / "chatd.ini"
    ini.write_text(f"[plugins]\nrooms = on\ncalm = {tmp_path}/calm.so\n")
    result = run_chatd("--check", "--hooks", "-c", ini)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"^message +CHECK +calm$", result.stdout, re.M)
