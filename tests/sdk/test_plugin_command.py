# SPDX-License-Identifier: MIT
"""chatd plugin new, check and list, as an author and an operator use them."""
import os
import re
import shutil
import subprocess

import pytest
import requests
from chat import ALL_OFF, v1
from server import BUILD, DEADLINE

LIST = re.compile(r"^ *(\d+|-) +(\S+) ", re.M)


def run(*args, code=0, **options):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CHATD_")}
    result = subprocess.run([str(a) for a in args], text=True, stdout=subprocess.PIPE, env=plain,
                            stderr=subprocess.STDOUT, check=False, timeout=300, **options)
    assert result.returncode == code, result.stdout
    return result.stdout


def sanitizers():
    """What the installed test host was built with, its users must be linked with."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    found = re.search(r"^CHATD_SANITIZE:\w+=(.+)$", cache, re.M)
    return [f"-DCMAKE_C_FLAGS=-fsanitize={found[1]}"] if found else []


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", folder)
    return folder


@pytest.fixture(scope="module")
def chatd_program(prefix):
    return prefix / "bin" / "chatd"


@pytest.fixture(scope="module")
def made(prefix, chatd_program, tmp_path_factory):
    """A new plugin, built and tested as the command says."""
    folder = tmp_path_factory.mktemp("author")
    told = run(chatd_program, "plugin", "new", "my-plugin", cwd=folder)
    for name in ("my-plugin.c", "test_my-plugin.c", "CMakeLists.txt", "README.md", "chatd.ini"):
        assert f"my-plugin/{name}\n" in told
    plugin = folder / "my-plugin"
    run("cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}", *sanitizers(), cwd=plugin)
    run("cmake", "--build", "build", cwd=plugin)
    run("ctest", "--test-dir", "build", "--output-on-failure", cwd=plugin)
    return plugin


# -- new ------------------------------------------------------------------------------------------


def test_no_mark_is_left_in_a_new_plugin(made):
    for path in made.iterdir():
        if path.is_file():
            assert "@" not in path.read_text(), path
            assert "@" not in path.name


def test_a_new_plugin_does_what_its_readme_says(made, chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "my-plugin": made / "build" / "my-plugin.so"},
                   sections={"my-plugin": {"longest": "5"}})
    with v1(server) as client:
        assert client.ask(type="my-plugin.ask")["longest"] == 5
        client.ask(type="room.join", room="general")
        assert client.ask(type="message.send", room="general", text="short")["type"] == "ack"
        assert client.ask(type="message.send", room="general", text="longer")["code"] == "my-plugin.too_long"
    told = requests.get(server.http + "/api/v1/my-plugin", timeout=DEADLINE).json()
    assert told == {"longest": 5, "passed": 1}
    assert "chatd_my_plugin_refused_total 1" in requests.get(server.http + "/metrics", timeout=DEADLINE).text


def test_the_configuration_of_a_new_plugin_is_good(made, chatd_program):
    assert run(chatd_program, "--check", "-c", "chatd.ini", cwd=made).endswith("chatd.ini: ok\n")


@pytest.mark.parametrize("name", ["", "My", "1st", "a b", "a/b", "-c-", "x" * 33, "täg"])
def test_a_name_that_is_none(chatd_program, tmp_path, name):
    told = run(chatd_program, "plugin", "new", "--", name, code=2, cwd=tmp_path)
    assert "is no name for a plugin" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["chatd", "plugins", "auth", "history-sqlite", "test", "all"])
def test_a_name_that_is_taken(chatd_program, tmp_path, name):
    told = run(chatd_program, "plugin", "new", name, code=2, cwd=tmp_path)
    assert "is a name of chatd's or of CMake's own" in told
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_name(chatd_program, tmp_path):
    assert "DIR is empty" in run(chatd_program, "plugin", "new", "mine", "", code=2, cwd=tmp_path)


def test_a_folder_that_is_there_stays_as_it_is(chatd_program, tmp_path):
    (tmp_path / "mine").mkdir()
    assert "cannot make the folder mine: File exists" in run(chatd_program, "plugin", "new", "mine", code=1,
                                                             cwd=tmp_path)
    assert not list((tmp_path / "mine").iterdir())


def test_another_folder(chatd_program, tmp_path):
    run(chatd_program, "plugin", "new", "mine", tmp_path)
    assert (tmp_path / "mine" / "mine.c").is_file()


def test_without_the_sdk(prefix, tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(prefix / "bin" / "chatd", tmp_path / "bin" / "chatd")
    told = run(tmp_path / "bin" / "chatd", "plugin", "new", "mine", code=1, cwd=tmp_path)
    assert "the SDK is not installed (package chatd-sdk" in told
    assert not (tmp_path / "mine").exists()


# -- check ----------------------------------------------------------------------------------------


def test_a_good_plugin_says_what_it_is(made, chatd_program):
    told = run(chatd_program, "plugin", "check", made / "build" / "my-plugin.so")
    assert "my-plugin.so: my-plugin 0.1 (MIT)\n" in told
    assert "  option   longest: number, reloadable, default 200; the most bytes of a message's text\n" in told
    assert told.endswith("  ok\n")


def test_bundled_plugins_are_good(prefix, chatd_program):
    files = sorted((prefix / "lib" / "chatd").glob("*.so"))
    assert len(files) >= 6
    told = run(chatd_program, "plugin", "check", *files)
    assert told.count("\n  ok\n") == len(files)
    assert "  needs    chatd.log 1." in told and ", optional" in told


def compiled(folder, prefix, source, *flags):
    path = folder / "odd.so"
    (folder / "odd.c").write_text(source)
    run("cc", "-shared", "-fPIC", f"-I{prefix / 'include'}", *flags, "-o", path, folder / "odd.c")
    return path


GOOD = """#include <chatd/chatd.h>
static int init(chatd_plugin *self) { (void)self; return CHATD_OK; }
CHATD_PLUGIN(.name = "odd", .version = "1", .license = "MIT", .init = init);
"""


def test_a_symbol_of_a_library_it_is_not_linked_with(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, "void event_base_free(void *);\n" + GOOD.replace(
        "(void)self;", "event_base_free(self);"), "-fvisibility=hidden")
    told = run(chatd_program, "plugin", "check", path, code=1)
    assert "uses event_base_free, which it is not linked with: it is there only because libevent" in told
    assert "-Wl,-z,defs" in told


def test_a_symbol_that_does_not_exist(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, "void chatd_nonsense(void);\n" + GOOD.replace(
        "(void)self;", "(void)self; chatd_nonsense();"), "-fvisibility=hidden")
    assert "undefined symbol: chatd_nonsense" in run(chatd_program, "plugin", "check", path, code=1)


def test_more_symbols_than_one(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, GOOD + "int odd_helper(void) { return 1; }\n"
                    "void *json_object(void) { return 0; }\n")
    told = run(chatd_program, "plugin", "check", path, code=1)
    assert "exports odd_helper: only chatd_plugin_v1 is asked for" in told
    assert re.search(r"exports json_object, and libjansson\S* has that name too: its own calls go there", told)


def test_what_nobody_wrote_is_not_complained_of(prefix, chatd_program, tmp_path):
    (tmp_path / "only.map").write_text("ODD_1 { global: chatd_plugin_v1; local: *; };")
    path = compiled(tmp_path, prefix, GOOD, f"-Wl,--version-script={tmp_path / 'only.map'}")
    assert run(chatd_program, "plugin", "check", path).endswith("  ok\n")
    path = compiled(tmp_path, prefix, GOOD, "-fvisibility=hidden", "-Wl,--hash-style=sysv")
    assert run(chatd_program, "plugin", "check", path).endswith("  ok\n")


def test_templates_of_the_library_of_cxx(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, """#include <map>
#include <string>
static std::map<std::string, std::string> words;
""" + GOOD.replace("(void)self;", "(void)self; words[\"a\"] += \"b\";"), "-xc++", "-std=c++20", "-fvisibility=hidden",
                    "-Wl,--no-as-needed", "-lstdc++")
    assert run(chatd_program, "plugin", "check", path).endswith("  ok\n")


@pytest.mark.parametrize("linker", ["gold", "lld"])
def test_other_linkers(prefix, chatd_program, tmp_path, linker):
    if shutil.which(f"ld.{linker}") is None:
        pytest.skip(f"no ld.{linker} here")
    # lld can leave the dynamic section as the file has it: its addresses are then not moved.
    path = compiled(tmp_path, prefix, GOOD, "-fvisibility=hidden", f"-fuse-ld={linker}",
                    *(["-Wl,-z,rodynamic"] if linker == "lld" else []))
    assert run(chatd_program, "plugin", "check", path).endswith("  ok\n")


def test_an_option_outside_of_its_struct(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, GOOD.replace("CHATD_PLUGIN(", """
static const struct chatd_cfg_field fields[] = {
    {.key = "far", .type = CHATD_CFG_INT, .offset = 64}, {.key = NULL}};
CHATD_PLUGIN(""").replace(".init = init", ".config = fields, .config_size = 8, .init = init"), "-fvisibility=hidden")
    assert "option table: [odd] far has a member outside of the struct" in run(
        chatd_program, "plugin", "check", path, code=1)


def test_what_is_no_plugin(chatd_program, prefix, tmp_path):
    (tmp_path / "text.so").write_text("no code " * 100)
    assert "error: ./text.so: invalid ELF header" in run(chatd_program, "plugin", "check", "text.so", code=1, cwd=tmp_path)
    assert "cannot open plugin ./none.so" in run(chatd_program, "plugin", "check", "none.so", code=1, cwd=tmp_path)
    path = compiled(tmp_path, prefix, "static int x; int *y(void) { return &x; }\n", "-fvisibility=hidden")
    assert "has no symbol chatd_plugin_v1" in run(chatd_program, "plugin", "check", path, code=1)


def test_one_that_crashes_when_it_is_loaded(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, GOOD + "#include <signal.h>\n#include <unistd.h>\n"
                    "__attribute__((constructor)) static void now(void) { kill(getpid(), SIGKILL); }\n",
                    "-fvisibility=hidden")
    assert "crashed when it was loaded, with signal 9" in run(chatd_program, "plugin", "check", path, code=1)


def test_one_that_ends_the_program_when_it_is_loaded(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, GOOD + "#include <stdlib.h>\n"
                    "__attribute__((constructor)) static void now(void) { exit(0); }\n", "-fvisibility=hidden")
    assert "ended the program when it was loaded, with code 0" in run(
        chatd_program, "plugin", "check", path, code=1)


def test_one_that_is_called_like_the_core(prefix, chatd_program, tmp_path):
    path = compiled(tmp_path, prefix, GOOD.replace('"odd"', '"core"'), "-fvisibility=hidden")
    assert 'plugin name "core" is chatd\'s own' in run(chatd_program, "plugin", "check", path, code=1)


def test_a_file_that_anybody_may_write(made, chatd_program, tmp_path):
    path = tmp_path / "my-plugin.so"
    shutil.copy(made / "build" / "my-plugin.so", path)
    path.chmod(0o666)
    assert "is writable by everybody; chmod o-w it" in run(chatd_program, "plugin", "check", path, code=1)


# -- list -----------------------------------------------------------------------------------------


def write_ini(folder, **plugins):
    lines = ["[plugins]", *(f"{name.replace('_', '-')} = {value}" for name, value in plugins.items()),
             "[history-sqlite]", f"path = {folder / 'chatd.db'}"]
    path = folder / "chatd.ini"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_list_has_the_order_the_place_and_who_serves_whom(prefix, chatd_program, tmp_path):
    ini = write_ini(tmp_path, typing="on", rooms="on", history_sqlite="on", auth="off", static="off")
    told = run(chatd_program, "-c", ini, "plugin", "list")
    order = [name for number, name in LIST.findall(told) if number.isdigit()]
    assert set(order) == {"history-sqlite", "rooms", "typing"}
    assert order.index("history-sqlite") < order.index("rooms") < order.index("typing")
    assert {name for number, name in LIST.findall(told) if number == "-"} >= {"auth", "static"}
    assert f"{prefix / 'bin'}/../lib/chatd/rooms.so" in told
    assert "     offers chatd.log 1." in told
    assert re.search(r"     needs  chatd\.log 1\.\d+, from history-sqlite\n", told)
    assert "chatd.ini: ok" not in told


def test_a_list_with_a_mistake_tells_it(chatd_program, tmp_path):
    ini = write_ini(tmp_path, romms="on", auth="off", static="off")
    told = run(chatd_program, "-c", ini, "plugin", "list", code=1)
    assert 'did you mean "rooms"?' in told


@pytest.mark.parametrize("words", [[], ["nwe"], ["new"], ["check"], ["list", "x"]])
def test_what_is_no_command(chatd_program, words):
    told = run(chatd_program, "plugin", *words, code=2)
    assert "chatd plugin new NAME" in told and "chatd plugin check FILE.so" in told
