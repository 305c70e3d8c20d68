# SPDX-License-Identifier: MIT
"""A stranger does what first-plugin.md says, line by line, and what examples/README.md says."""
import re

from chat import classic
from pages import ByHand, Shell, blocks
from server import ROOT, wait_until

PAGE = "sdk/doc/first-plugin.md"
FILES = {"cmake": "CMakeLists.txt", "c": "wordfilter.c", "ini": "chatd.ini"}
START = "chatd -c chatd.ini\n"


def refuses(server, word):
    with classic(server) as client:
        client.say(f"a {word} a day")
        return client.recv().get("error", {}).get("code") == "wordfilter.refused"


def test_the_page_leads_from_an_empty_folder_to_a_loaded_plugin(tmp_path, prefix):
    shell = Shell(tmp_path, prefix / "bin", {"<prefix>": prefix, "127.0.0.1:8080": "127.0.0.1:0"})
    server = None
    try:
        for language, text in blocks(PAGE):
            if language in FILES:
                shell.write(FILES[language], text, append=language == "c")
            elif text == START:
                server = ByHand(shell, text).start()
                assert refuses(server, "potato") and not refuses(server, "cabbage")
            else:
                assert language == "sh", language
                shell.run(text)
        assert server is not None, f"{PAGE} has no block {START!r}"
        server.wait_log(r"\[wordfilter\] word is new")
        # Each connection may come to another worker.
        wait_until(lambda: all(refuses(server, "cabbage") and not refuses(server, "potato") for _ in range(8)),
                   what="the new word in all workers")
    finally:
        if server is not None:
            server.close()
    assert "ok" in shell.run("chatd --check -c chatd.ini")
    for built in ("build/wordfilter.so", "wordfilter.so"):
        assert (shell.folder / built).is_file(), f"the page builds no {built}"


def test_the_page_names_every_file_that_is_written():
    text = (ROOT / PAGE).read_text()
    for name in FILES.values():
        assert re.search(rf"`{re.escape(name)}`[.:]", text), name


def test_the_readme_of_the_examples_builds_one(tmp_path, prefix):
    folder = tmp_path / "echo"
    shell = Shell(tmp_path, prefix / "bin", {"<prefix>": prefix, "/tmp/echo": folder})
    for language, text in blocks("sdk/examples/README.md"):
        if language == "sh":
            shell.run(text)
        else:
            shell.write("chatd.ini", text)
    assert {path.name for path in folder.glob("**/echo.so")} == {"echo.so"}
    assert "ok" in shell.run("chatd --check -c chatd.ini")
