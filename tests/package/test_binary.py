# SPDX-License-Identifier: MIT
"""What the compiler and the linker did against whoever finds a way to overwrite memory."""
import platform
import re

import pytest
from bare_root import run
from server import BUILD

FILES = [BUILD / "bin" / "chatd", *sorted((BUILD / "lib" / "chatd").glob("*.so"))]


def readelf(*words):
    return run("readelf", "-W", *words).stdout


@pytest.fixture(autouse=True)
def plain():
    if re.search(r"^CHATD_SANITIZE:\w+=.", (BUILD / "CMakeCache.txt").read_text(), re.M):
        pytest.skip("a build with sanitizers is not the one that is installed")


def test_all_plugins_are_looked_at():
    assert len(FILES) >= 7


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_program_and_plugins_are_hardened(file):
    head, dynamic, symbols = readelf("-hl", file), readelf("-d", file), readelf("--dyn-syms", file)
    # Everywhere in memory: an executable is DYN only as a PIE.
    assert re.search(r"Type: +DYN", head)
    if file.name == "chatd":
        assert re.search(r"FLAGS_1.*\bPIE\b", dynamic)
    # Tables of functions are read-only once it runs: all of them, as they are filled at the start.
    assert "GNU_RELRO" in head
    assert re.search(r"\(FLAGS\).*BIND_NOW", dynamic) and re.search(r"\(FLAGS_1\).*\bNOW\b", dynamic)
    # Neither a stack that runs nor memory that may be both written and run.
    stack = re.search(r"GNU_STACK.* (R\S*) +0x", head)
    assert stack and stack[1] == "RW"
    assert not re.search(r"LOAD.* RWE ", head)
    assert "TEXTREL" not in dynamic and not re.search("RPATH|RUNPATH", dynamic)
    # -fstack-protector-strong; _FORTIFY_SOURCE leaves the names of what it has put in the place of printf().
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk\b", symbols) or file.name == "typing.so"  # which has nothing to check


@pytest.mark.skipif(platform.machine() != "x86_64", reason="as x86-64 does it")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_functions_begin_where_a_jump_may_land(file):
    """-fcf-protection. Debian's own start-up files are without it, so the note of the whole file is not there."""
    code = run("objdump", "-d", "--no-show-raw-insn", file).stdout
    assert code.count("endbr64") > 20
