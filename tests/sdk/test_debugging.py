# SPDX-License-Identifier: MIT
"""What debugging.md says: its commands, each run as it is written, and its messages, each made to be seen.

Of the builds of chatd, one without sanitizers shows most: it is what an author has.
"""
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile

import pytest
from chat import ROGUES, classic, example, rogue
from pages import ByHand, Shell, blocks
from server import BUILD, ROOT, Server, ini_text, run_chatd, wait_until

PAGE = "sdk/doc/debugging.md"
FIRST = "sdk/doc/first-plugin.md"
START = "chatd -c chatd.ini\n"
SANITIZE = re.search(r"^CHATD_SANITIZE:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)[1]
# The process is to die by the signal, not by a sanitizer's report; and no leaks can be looked for in a debugger.
AS_IT_IS = {"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:disable_coredump=0:detect_leaks=0"}


@pytest.fixture(scope="session")
def debugger():
    """gdb, where it may look into a program."""
    done = subprocess.run(["gdb", "-q", "-batch", "-ex", "run", "--args", "true"], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    if "exited normally" not in done.stdout:
        pytest.skip(f"this machine lets no debugger in: {done.stdout.strip()}")


def commands(under, language="sh"):
    return [text for kind, text in blocks(PAGE, under) if kind == language]


@pytest.fixture
def workplace(tmp_path, prefix):
    """A shell in the folder where first-plugin.md ended."""
    shell = Shell(tmp_path, prefix / "bin", {"<prefix>": prefix, "127.0.0.1:8080": "127.0.0.1:0"})
    names = {"cmake": "CMakeLists.txt", "c": "wordfilter.c", "ini": "chatd.ini"}
    for language, text in blocks(FIRST):
        if language in names:
            shell.write(names[language], text, append=language == "c")
        elif text == START:
            break
        elif "check" not in text and "cc " not in text:
            shell.run(text)
    return shell


def rogue_workplace(tmp_path, prefix, name):
    """The same with another plugin: its source is that of a rogue."""
    shell = Shell(tmp_path, prefix / "bin", {"<prefix>": prefix, "wordfilter": name,
                                             "WORDFILTER": name.upper().replace("-", "_")})
    for language, text in blocks(FIRST):
        if language == "cmake":
            shell.write("CMakeLists.txt", text)
    source = ROOT / "tests" / "sdk" / "rogue" / f"{name}.c"
    shell.write(f"{name}.c", source.read_text())
    shell.write("chatd.ini", ini_text({"chatd": {"listen": "127.0.0.1:0"}, "plugins": {"rooms": "on"}}))
    return shell


def say_and_wait_for_the_end(server, text):
    """Something that the server does not survive."""
    client = classic(server)
    client.say(text)
    wait_until(lambda: server.process.poll() is not None, what="the end of the server")
    client.drop()


# -- the check, the log, the metrics --------------------------------------------------------------


def test_the_check_says_who_handles_which_event(workplace):
    text, _ = commands("What the check says")
    [shown] = commands("What the check says", "")
    printed = workplace.run(text).splitlines()
    assert [line for line in printed if "wordfilter" in line] == shown.splitlines()
    assert printed.count("chatd.ini: ok") == 2


def test_what_one_file_is_and_which_plugins_are_loaded(workplace):
    _, text = commands("What the check says")
    printed = workplace.run(text)
    assert "build/wordfilter.so: wordfilter 1.0 (MIT)" in printed and "\n  ok\n" in printed
    assert re.search(r"^ *\d+  wordfilter ", printed, re.M) and "offers chatd.rooms" in printed


def test_the_level_of_the_log_is_written_as_shown(workplace):
    [text] = commands("The log", "ini")
    workplace.write("debug.ini", text + workplace.said("[plugins]\nrooms = on\n"))
    assert "debug.ini: ok" in workplace.run("chatd --check -c debug.ini")
    [start] = re.findall(r"for one start `(.*?)`", (ROOT / PAGE).read_text())
    with ByHand(workplace, start) as server:
        classic(server).close()
        server.wait_log("Z debug ")


def test_the_time_of_each_hook_is_in_the_metrics(workplace):
    [text] = commands("What takes long")
    [shown] = commands("What takes long", "")
    with ByHand(workplace, START) as server:
        with classic(server) as client:
            client.say("hello")
            assert client.hears("hello")
        workplace.replace["127.0.0.1:8080"] = f"127.0.0.1:{server.port}"
        printed = workplace.run(text)
    for line in shown.splitlines():
        name = line.rsplit(" ", 1)[0]
        assert re.search(rf"^{re.escape(name)} [0-9.e-]+$", printed, re.M), name
    assert 'chatd_hook_seconds_count{plugin="wordfilter",event="message"} 1\n' in printed


# -- a debugger -----------------------------------------------------------------------------------


def test_gdb_stops_in_the_handler_and_shows_its_lines(workplace, debugger):
    workplace.env.update(AS_IT_IS)
    build, start = commands("gdb")
    [script] = commands("gdb", "gdb")
    [session] = [text for text in commands("gdb", "") if text.startswith("(gdb)")]
    workplace.run(build)
    workplace.write("wordfilter.gdb", script)
    typed = re.findall(r"^\(gdb\) (.*)$", session, re.M)
    assert typed[-1] == "continue"
    with ByHand(workplace, in_gdb(start, *typed)) as server:
        with classic(server) as client:
            client.say("hello")
            assert client.hears("hello")
    assert re.search(r"Breakpoint 1, check_text \(self=0x\w+, msg=0x\w+\) at \S*wordfilter\.c:\d+", server.log)
    assert re.search(r"^#0 +check_text \(.*\) at \S*wordfilter\.c:\d+$", server.log, re.M)
    assert re.search(r"^#1 +0x\w+ in chatd_thunk_message \(.*\) at \S*event\.h:\d+$", server.log, re.M)
    assert re.search(r'p = 0x\w+ "hello", n = 5', server.log) and '"potato"' in server.log
    assert "exited normally" in server.log


def in_gdb(start, *typed):
    """The command of the page, by itself: with what is typed at the prompt, and gdb's end after it."""
    words = "".join(f" -ex '{line}'" for line in typed)
    changed = start.replace("gdb -q -x wordfilter.gdb", f"gdb -q -batch -x wordfilter.gdb{words}")
    assert changed != start
    return changed


def test_gdb_shows_a_crash_in_init_right_after_run(tmp_path, prefix, debugger):
    shell = rogue_workplace(tmp_path, prefix, "init-crash")
    shell.env.update(AS_IT_IS)
    build, start = commands("gdb")
    [script] = commands("gdb", "gdb")
    shell.run(build)
    shell.write("init-crash.gdb", script)
    printed = shell.run(in_gdb(start, "backtrace"))
    assert re.search(r"received signal SIG\w+", printed)
    assert re.search(r"^#\d+ .*\binit \(.*\) at \S*init-crash\.c:\d+$", printed, re.M)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become somebody else")
@pytest.mark.parametrize("with_sysroot", [True, False])
def test_gdb_of_somebody_who_is_not_root_wants_the_first_line(prefix, with_sysroot, debugger):
    """pytest's own folders are root's alone."""
    build, start = commands("gdb")
    [script] = commands("gdb", "gdb")
    script = script.replace("break check_text", "break crash-word.c:check")
    if not with_sysroot:
        script = script.replace("set sysroot /\n", "")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copytree(prefix, folder / "prefix", symlinks=True)
        (folder / "crash").mkdir()
        shell = rogue_workplace(folder / "crash", folder / "prefix", "crash-word")
        shell.env.update({**AS_IT_IS, "HOME": str(folder)})
        shell.run(build)
        shell.write("crash-word.gdb", script)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        start = in_gdb(start, "backtrace 1", "continue")
        nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
        server = ByHand(shell, start.replace("gdb -q", f"{nobody} gdb -q")).start()
        with classic(server) as client:
            client.say("hello")
            assert client.hears("hello")
        server.stop()  # gdb may be unhappy with a breakpoint it never met
        assert ("Permission denied" in server.log) == (not with_sysroot)
        assert bool(re.search(r"^#0 +check \(.*\) at \S*crash-word\.c:\d+$", server.log, re.M)) == with_sysroot


def test_a_core_file_shows_the_line_of_the_plugin(tmp_path, prefix):
    start, look = commands("Core files")
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("the hard limit allows no core files")
    shell = rogue_workplace(tmp_path, prefix, "crash-word")
    shell.run(commands("gdb")[0])
    shell.env.update({**AS_IT_IS, "CHATD_PLUGINS_CRASH_WORD": "debug/crash-word.so"})
    server = ByHand(shell, start).start()
    say_and_wait_for_the_end(server, "crash me")
    assert server.stop() not in (None, 0)
    cores = list(shell.folder.glob("core*"))
    if not cores:
        pytest.skip("this machine makes no core files, or puts them elsewhere")
    cores[0].rename(shell.folder / "core")  # some have the pid in their name
    printed = shell.run(look)
    assert re.search(r"^#0 .*\bcrash \(.*\) at \S*crash-word\.c:\d+$", printed, re.M)
    assert re.search(r"^#\d+ .*\bcheck \(.*\) at \S*crash-word\.c:\d+$", printed, re.M)


# -- sanitizers, valgrind -------------------------------------------------------------------------


@pytest.mark.skipif(SANITIZE == "thread", reason="the two sanitizers cannot be in one process")
def test_the_address_sanitizer_names_the_line_of_the_plugin(tmp_path, prefix):
    build, start = commands("Sanitizers")[:2]
    shell = rogue_workplace(tmp_path, prefix, "freed-word")
    shell.run(build)
    server = ByHand(shell, start).start()
    say_and_wait_for_the_end(server, "use it")
    assert server.stop() not in (None, 0)
    found = re.search(r"ERROR: AddressSanitizer: heap-use-after-free.*?freed by thread.*?previously allocated",
                      server.log, re.S)
    assert found, server.log
    assert len(re.findall(r" in check \S*freed-word\.c:\d+", found[0])) == 2  # where it was read, and freed


@pytest.mark.skipif(SANITIZE != "", reason="this chatd has a sanitizer itself")
def test_without_the_preload_the_start_ends_as_the_page_says(tmp_path, prefix):
    build, start = commands("Sanitizers")[:2]
    shell = rogue_workplace(tmp_path, prefix, "freed-word")
    shell.run(build)
    shorter = re.sub(r"^LD_PRELOAD=\".*?\" ", "", start, flags=re.M)
    assert shorter != start and "LD_PRELOAD" not in shorter
    [said] = re.findall(r"with `(ASan .*?)`", (ROOT / PAGE).read_text())
    with pytest.raises(AssertionError, match=said):
        ByHand(shell, shorter).start()


@pytest.mark.skipif(SANITIZE.startswith("address"), reason="the two sanitizers cannot be in one process")
def test_the_thread_sanitizer_names_the_line_of_the_plugin(tmp_path, prefix):
    build, start = commands("Sanitizers")[2:]
    shell = rogue_workplace(tmp_path, prefix, "raced-job")
    shell.run(build)
    if SANITIZE == "thread":  # such a chatd needs no preload, the page says
        start = re.sub(r'env LD_PRELOAD=".*?" ', "", start)
    assert ("LD_PRELOAD" in start) == (SANITIZE == "")
    server = ByHand(shell, start).start()
    with classic(server) as client:
        for text in ("one", "two", "three"):
            client.say(text)
            assert client.hears(text)
    server.wait_log("raced-job: done rc=0")
    server.stop()
    assert re.search(r"WARNING: ThreadSanitizer: data race.*#0 (run|check) \S*raced-job\.c:\d+", server.log, re.S)


@pytest.mark.skipif(SANITIZE != "", reason="valgrind cannot look into a build with sanitizers")
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="there is no valgrind")
def test_valgrind_names_the_line_of_the_plugin(tmp_path, prefix):
    build, _ = commands("gdb")
    [start] = commands("valgrind")
    shell = rogue_workplace(tmp_path, prefix, "freed-word")
    shell.run(build)
    server = ByHand(shell, start).start()
    with classic(server) as client:
        client.say("use it")
        assert client.hears("use it")
    assert server.stop(deadline=60) == 0
    assert re.search(r"Invalid read of size 1\n==\d+== +at 0x\w+: check \(freed-word\.c:\d+\)", server.log)
    assert "definitely lost: 0 bytes" in server.log or "no leaks are possible" in server.log


# -- messages -------------------------------------------------------------------------------------

ROWS = re.findall(r"^\| `([^`]+)` \|.*\| `([\w-]+)` \|$", (ROOT / PAGE).read_text(), re.M)
BESIDE = {"dup-service": example("memory-store"), "cycle-a": rogue("cycle-b")}
OPTIONS = {"wait-gone": {"deadline": "200ms"}}
CORE = {"init-crash": {"start_time": "1s"}, "init-hangs": {"start_time": "1s"}, "slow-hook": {"slow_hook": "50ms"},
        "endless-job": {"stop_time": "1s"}, "crash-word": {"hang_limit": "1s"}}
SAID = {"bad-verdict": ["hello"], "done-in-check": ["hello"], "wait-gone": ["hello"], "slow-hook": ["hello"],
        "crash-word": ["crash me", "hang me"], "late-register": [], "endless-job": [], "start-fails": None}


def pattern_of(message):
    """Words in capitals stand for something, but for those of the sources."""
    parts = re.split(r"\b(ABI|GET|DONE|CHECK|CHATD_PLUGIN|[A-Z]+)\b", message)
    known = ("ABI", "GET", "DONE", "CHECK", "CHATD_PLUGIN")
    return "".join(re.escape(part) if i % 2 == 0 or part in known else ".+?" for i, part in enumerate(parts))


def seen(name, folder):
    """What chatd says of a rogue: in the check, or when it runs and is told something."""
    core, sections = CORE.get(name, {}), {name: OPTIONS[name]} if name in OPTIONS else {}
    only = {"rooms": "on", **BESIDE.get(name, {}), **rogue(name)}
    if name not in SAID:
        ini = folder / "chatd.ini"
        ini.write_text(ini_text({"chatd": core, "plugins": only, **sections}))
        return run_chatd("--check", "-c", ini).stderr
    server = Server(folder / "chatd", core=core, sections=sections, only=only, env=AS_IT_IS,
                    workers=int(name == "crash-word"))
    if SAID[name] is None:
        with pytest.raises(AssertionError, match="ended with 1"):
            server.start()
        server.stop()
        return server.log
    server.start()
    try:
        for text in SAID[name]:
            wait_until(lambda: server.metrics().get("chatd_workers", 1) == 1, what="a worker")
            client = classic(server)
            client.say(text)
            if name == "crash-word":
                server.wait_log("crashed worker" if text == "crash me" else "hang_limit")
            else:
                client.recv()
            client.drop()
        if name == "endless-job":
            server.wait_log("run begins")
    finally:
        server.stop()
    return server.log


@pytest.mark.parametrize("name", sorted({name for _, name in ROWS}))
def test_the_messages_are_seen_as_they_are_written(name, tmp_path):
    said = seen(name, tmp_path)
    for message in (message for message, of in ROWS if of == name):
        assert re.search(pattern_of(message), said), f"{message}\n\n{said}"


def test_every_row_of_messages_names_a_rogue():
    text = (ROOT / PAGE).read_text().split("## Messages")[1]
    assert len(ROWS) == len(re.findall(r"^\| `", text, re.M)) > 20
    assert {name for _, name in ROWS} <= {path.stem for path in ROGUES.glob("*.so")}
