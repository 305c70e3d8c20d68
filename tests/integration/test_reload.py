# SPDX-License-Identifier: MIT
"""SIGHUP reads the configuration again: what may change does, the rest is named, sockets stay."""
import signal

import requests
from chat import ALL_OFF, classic, example
from server import DEADLINE

WITH_FILTER = {**ALL_OFF, "rooms": "on", **example("wordfilter")}


def hang_up(server, **sections):
    """Changes options in the file and tells the server."""
    for name, options in sections.items():
        server.sections[name].update(options)
    server.write_ini()
    server.process.send_signal(signal.SIGHUP)


def test_a_reloadable_option_changes_under_an_open_socket(chatd):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}})
    with classic(server) as client:
        client.say("cake")
        assert client.recv()["error"]["code"] == "wordfilter.refused"
        hang_up(server, wordfilter={"word": "bread"})
        server.wait_log(r"reload: \[wordfilter\] word is new")
        server.wait_log("reload: done")
        client.say("cake")
        client.hears("cake")
        client.say("bread")
        assert client.recv()["error"]["code"] == "wordfilter.refused"


def test_what_needs_a_restart_is_named_and_stays(chatd):
    server = chatd(core={"ping_interval": "20s"}, only=WITH_FILTER,
                   sections={"wordfilter": {"word": "cake"}, "rooms": {}})
    server.expect("needs a restart")
    hang_up(server, chatd={"ping_interval": "21s"}, plugins={"typing": "on"})
    server.wait_log(r"warn .*\[chatd\] ping_interval needs a restart")
    server.wait_log(r"warn .*\[plugins\] has changed and needs a restart")
    server.wait_log("reload: done")
    assert requests.get(server.http + "/metrics", timeout=DEADLINE).status_code == 200


def test_a_file_with_a_mistake_changes_nothing(chatd):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}, "rooms": {}})
    server.expect("text_max", "nothing has changed")
    hang_up(server, wordfilter={"word": "bread"}, rooms={"text_max": "a lot"})
    server.wait_log(r"error config: .*chatd\.ini:\d+: \[rooms\] text_max = a lot is not a size")
    server.wait_log("reload: 1 mistake, nothing has changed")
    with classic(server) as client:
        client.say("cake")
        assert client.recv()["error"]["code"] == "wordfilter.refused"
        client.say("bread")
        client.hears("bread")


def test_reloading_again_and_again_is_fine(chatd):
    server = chatd(only=WITH_FILTER, sections={"wordfilter": {"word": "cake"}})
    for i in range(5):
        hang_up(server, wordfilter={"word": f"word{i}"})
        # Equal lines are folded, so wait for what the option does.
        with classic(server) as client:
            client.say(f"word{i} once more")
            while "error" not in client.recv():
                client.say(f"word{i} once more")
