# SPDX-License-Identifier: MIT
"""A stranger installs chatd, builds plugins against it, and runs them from the prefix."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import requests
import server as server_module
from chat import ALL_OFF, Client, classic, does_not_start
from hooks import Answer, Receiver
from server import BUILD, DEADLINE, ROOT, Server


def run(*args, **options):
    result = subprocess.run([str(a) for a in args], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False, **options)
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope="module")
def plugins(prefix, tmp_path_factory):
    """The folder with the plugins that test_out_of_tree.sh has built."""
    note = tmp_path_factory.mktemp("note") / "plugins"
    run("sh", ROOT / "tests" / "sdk" / "test_out_of_tree.sh", prefix, note, timeout=300)
    folder = pathlib.Path(note.read_text().strip())
    yield folder
    shutil.rmtree(folder.parent)


@pytest.fixture
def installed(prefix, monkeypatch):
    monkeypatch.setattr(server_module, "CHATD", prefix / "bin" / "chatd")


def test_the_prefix_has_what_a_server_and_an_author_need(prefix):
    for path in ("bin/chatd", "lib/chatd/rooms.so", "share/chatd/static/index.html",
                 "etc/chatd/chatd.ini", "include/chatd/chatd.h", "lib/pkgconfig/chatd-sdk.pc",
                 "lib/cmake/chatd-sdk/chatd-sdk-config.cmake",
                 "share/chatd/sdk/examples/echo/echo.c", "share/chatd/sdk/doc/hooks.md",
                 "share/doc/chatd/README.md", "share/man/man1/chatd.1", "share/man/man5/chatd.ini.5",
                 "share/man/man7/chatd-plugin.7"):
        assert (prefix / path).is_file(), path
    assert not list((prefix / "lib" / "chatd").glob("*rogue*"))
    assert not list(prefix.rglob("hooks.py"))
    assert not list(prefix.rglob("abi/*"))  # headers of older minors are for chatd's own tests


def test_links_of_the_installed_pages_lead_somewhere(prefix):
    """Without chatd's sources beside them."""
    for page in [*prefix.glob("share/chatd/sdk/doc/*.md"), prefix / "share/chatd/sdk/examples/README.md"]:
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("component, there, missing", [
    ("server", ["man1/chatd.1", "man5/chatd.ini.5"], ["man7"]),
    ("sdk", ["man7/chatd-plugin.7"], ["man1", "man5"]),
])
def test_each_component_has_its_man_pages(tmp_path, component, there, missing):
    run("cmake", "--install", BUILD, "--prefix", tmp_path, "--component", component)
    for page in there:
        assert (tmp_path / "share/man" / page).is_file()
    for folder in missing:
        assert not (tmp_path / "share/man" / folder).exists()


def test_the_installed_server_finds_its_plugins_and_pages_beside_itself(prefix, installed, chatd):
    server = chatd()
    assert pathlib.Path(f"/proc/{server.process.pid}/exe").samefile(prefix / "bin" / "chatd")
    maps = pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()
    for name in ("auth", "rooms", "history-sqlite", "typing", "static"):
        assert str(prefix / "lib" / "chatd" / f"{name}.so") in maps
    assert f"{BUILD}/" not in maps
    page = requests.get(server.http + "/", timeout=DEADLINE)
    assert page.content == (prefix / "share/chatd/static/index.html").read_bytes()


def test_the_installed_server_runs_through_a_symbolic_link(prefix, tmp_path, monkeypatch, chatd):
    link = tmp_path / "chatd-link"
    os.symlink(prefix / "bin" / "chatd", link)
    monkeypatch.setattr(server_module, "CHATD", link)
    server = chatd(only={**ALL_OFF, "static": "on"})
    assert requests.get(server.http + "/", timeout=DEADLINE).status_code == 200


def test_an_echo_built_by_a_stranger_answers_text_and_binary(installed, plugins, chatd):
    server = chatd(only={**ALL_OFF, "echo": plugins / "echo.so"})
    with Client(server.ws("/echo")) as client:
        for data in ("Grüße", b"\x00\x01\xff"):
            client.send(data)
            assert client._run(client.ws.recv()) == data


def test_a_wordfilter_built_by_a_stranger_refuses_its_word(installed, plugins, chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "wordfilter": plugins / "wordfilter.so"},
                   sections={"wordfilter": {"word": "cake"}})
    with classic(server) as client:
        client.say("cake")
        assert client.recv()["error"]["code"] == "wordfilter.refused"
        client.say("bread")
        assert client.hears("bread")


def test_a_webhook_built_by_a_stranger_asks_and_tells(installed, plugins, chatd):
    if not (plugins / "webhook.so").exists():
        pytest.skip("there is no libcurl to build it with")
    with Receiver() as receiver:
        receiver.answer = lambda r: Answer(200, {"text": "fine"}) if r.path == "/ask" else Answer(204)
        section = {"verdict_url": receiver.url("/ask"), "events_url": receiver.url("/tell"), "events": "message",
                   "batch_time": "0", "allow": "127.0.0.1", "secret": "a secret of the tests"}
        server = chatd(only={**ALL_OFF, "rooms": "on", "webhook": plugins / "webhook.so"},
                       sections={"webhook": section})
        with classic(server) as client:
            client.say("well")
            assert client.hears("fine")
            assert receiver.wait(2)[1].events[0]["text"] == "fine"


def test_dice_built_by_a_stranger_in_cxx_roll(installed, plugins, chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", "dice": plugins / "dice.so"})
    with classic(server) as client:
        client.say("/roll 2d1000")
        assert re.fullmatch(r"rolls 2d1000: \d+ \+ \d+ = \d+", client.recv()["text"])
        client.say("/roll 2")
        assert client.recv()["error"]["code"] == "dice.unclear"


def test_a_feed_built_by_a_stranger_passes_posts_on(installed, plugins, chatd):
    server = chatd(only={**ALL_OFF, "feed": plugins / "feed.so"})
    with Client(server.ws("/feed")) as client:
        assert requests.post(server.http + "/feed/posts", data=b"news", timeout=DEADLINE).status_code == 202
        assert client.recv() == b"news"


def test_a_wordfilter_without_its_word_does_not_start(installed, plugins, tmp_path):
    only = {"rooms": "on", "wordfilter": plugins / "wordfilter.so"}
    server = Server(tmp_path / "chatd", only=only)
    does_not_start(server)
    assert "[wordfilter] word is required" in server.log
