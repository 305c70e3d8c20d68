# SPDX-License-Identifier: MIT
"""What README.md shows is what happens: its commands, what they print, its INI examples.

A comment before a fenced block says what the block is:
  <!-- run -->         commands for sh      <!-- prints -->  what those print, ... is any text
  <!-- file: NAME -->  the file NAME        <!-- check -->   an INI that `chatd --check` accepts
"""
import os
import re
import subprocess
import time

import pytest
from server import ROOT, clean_env, run_chatd

README = (ROOT / "README.md").read_text()
ADDRESS = "localhost:8080"
MARKED = re.compile(r"^<!-- (run|prints|check|file: \S+) -->\n```\w*\n(.*?)^```$", re.M | re.S)
BLOCKS = MARKED.findall(README)
CHECKED = [text for mark, text in BLOCKS if mark == "check"]


def matches(pattern, text):
    parts = [re.escape(part) for part in pattern.strip().split("...")]
    return re.fullmatch(".+".join(parts), text.strip(), re.S)


def test_every_marked_block_is_read():
    assert len(BLOCKS) == len(re.findall(r"^<!-- ", README, re.M))
    assert {mark.split(":")[0] for mark, _ in BLOCKS} == {"run", "prints", "check", "file"}


def test_no_shown_call_is_left_out():
    shown = len(re.findall(r"^(?:curl|python3) ", README, re.M))
    run = sum(len(re.findall(r"^(?:curl|python3) ", text, re.M))
              for mark, text in BLOCKS if mark == "run")
    assert run == shown > 0


def test_calls_print_what_is_shown(chatd, tmp_path):
    server = chatd()
    folder = tmp_path / "newcomer"
    folder.mkdir()
    env = clean_env({"PATH": "/usr/bin:/bin", "no_proxy": "*"})
    printed = None
    for mark, text in BLOCKS:
        text = text.replace(ADDRESS, f"127.0.0.1:{server.port}")
        if mark == "run":
            assert printed is None, "a run block without its prints block"
            done = subprocess.run(["sh", "-eu", "-c", text], cwd=folder, env=env, timeout=60,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            assert done.returncode == 0, f"{text}\n{done.stderr}"
            printed = done.stdout
        elif mark == "prints":
            assert printed is not None and matches(text, printed), f"shown:\n{text}\nis:\n{printed}"
            printed = None
        elif mark.startswith("file: "):
            (folder / mark[len("file: "):]).write_text(text)
    assert printed is None


@pytest.mark.parametrize("text", CHECKED, ids=[text.split("\n")[0] for text in CHECKED])
def test_examples_of_the_configuration_are_right(text, tmp_path):
    ini = tmp_path / "chatd.ini"
    ini.write_text(text)
    done = run_chatd("--check", "-c", ini)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stdout + done.stderr


def test_quick_start_says_what_is_shown():
    script = (ROOT / "etc" / "quickstart.sh").read_text()
    packages = (ROOT / "etc" / "packages.sh").read_text()
    shown = re.search(r"^Installing from Debian.*?^```$", README, re.M | re.S)[0].splitlines()[1:-1]
    for line in shown:
        line = line.replace(ADDRESS, "$host:$port").replace("CHATD_LISTEN=127.0.0.1:8080",
                                                            "CHATD_LISTEN=127.0.0.1:$port")
        assert line.strip() in script, line
    build_list = re.search(r'build\)\s+packages="\$packages (.*?)"', packages, re.S)[1].split()
    first = re.search(r"^Installing from Debian: (.*) \.\.\.$", README, re.M)[1].split()
    assert build_list[:len(first)] == first


def test_second_start_is_told_from_the_sources(tmp_path):
    """Copies what the quick start looks at; nothing is built, the program is a stand-in."""
    tree = tmp_path / "tree"
    for folder in ("core", "plugins", "sdk", "etc", "build/release/bin"):
        (tree / folder).mkdir(parents=True)
    for name in ("CMakeLists.txt", "CMakePresets.json", "etc/packages.sh", "etc/quickstart.sh",
                 "etc/chatd.ini"):
        (tree / name).write_bytes((ROOT / name).read_bytes())
    program = tree / "build/release/bin/chatd"
    program.write_text("#!/bin/sh\necho \"program $*\"\n")
    program.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cmake").write_text("#!/bin/sh\necho called >>\"$CMAKE_CALLS\"\n")
    (tools / "cmake").chmod(0o755)
    calls = tmp_path / "calls"
    env = clean_env({"PATH": f"{tools}:{os.environ['PATH']}", "CMAKE_CALLS": str(calls),
                     "CHATD_NO_INSTALL": "1", "CHATD_LISTEN": "127.0.0.1:1"})

    def start():
        calls.write_text("")
        done = subprocess.run(["sh", str(tree / "etc/quickstart.sh")], env=env, timeout=30,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert f"program -c {tree}/var/chatd.ini" in done.stdout
        # File systems tell time in ticks: put what there is clearly before whatever comes.
        then = time.time() - 100
        for path in tree.rglob("*"):
            os.utime(path, (then, then))
        os.utime(tree / "build/release/quickstart.stamp", (then + 50, then + 50))
        return "called" in calls.read_text()

    assert start(), "the first start builds"
    assert not start(), "the second does not"
    added = tree / "plugins" / "new.c"
    added.write_text("")
    assert start(), "a new file is built"
    assert not start()
    added.unlink()
    assert start(), "a file that went is noticed"
    assert not start()


def test_a_taken_port_is_noticed(chatd):
    server = chatd()
    script = (ROOT / "etc" / "quickstart.sh").read_text()
    function = re.search(r"^port_taken\(\) \{.*?^\}$", script, re.M | re.S)[0]
    for port, expected in ((server.port, 0), (1, 1)):
        done = subprocess.run(["sh", "-c", f"{function}\nport_taken {port}"], timeout=30)
        assert done.returncode == expected
