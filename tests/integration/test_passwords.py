# SPDX-License-Identifier: MIT
"""Which passwords may be chosen (auth/README.md, Passwords)."""
import itertools
import re
import signal
import subprocess

import pytest
import requests
from raw_ws import CALM, PASSWORD, account, login, register, with_secret
from server import DEADLINE, wait_until

WEAK = ["12345678", "password1", "qwertyuiop", "drowssap1", "aaaaaaaaaaab", "a1b2c3d4e5"]
NAMED = ["alice2026", "ALICE!?!?", "alicealice", "\uff21\uff4c\uff49\uff43\uff45 2026"]


@pytest.fixture
def server(chatd):
    return chatd(core=CALM, sections=with_secret())


def error_of(reply):
    return reply.status_code, reply.json()["error"]["code"]


def change(server, token, new):
    return requests.post(server.http + "/api/v1/password", json={"old": PASSWORD, "new": new},
                         headers={"Authorization": "Bearer " + token}, timeout=DEADLINE)


def warnings(server):
    return re.findall(r"warn .*cracklib-runtime", server.log)


def test_weak_passwords_are_refused_with_the_reason(server):
    token = account(server, "carol")
    for weak in WEAK:
        for reply in register(server, "alice", weak), change(server, token, weak):
            assert error_of(reply) == (400, "bad_password"), weak
            message = reply.json()["error"]["message"]
            assert message.startswith("The password is easy to guess: "), message
    assert login(server, "carol").status_code == 200


def test_the_name_is_no_password(server):
    token = account(server, "alice")
    for named in NAMED:
        assert error_of(change(server, token, named)) == (400, "bad_password"), named
    for named in NAMED:
        assert error_of(register(server, "Alice", named)) == (400, "bad_password"), named


@pytest.mark.parametrize("good", [PASSWORD, "correct horse battery", "battery staple", "zq7!mk2v",
                                  "\u0434\u043b\u0438\u043d\u043d\u044b\u0439 \u043f\u0430\u0440\u043e\u043b\u044c"])
def test_what_tests_and_pages_use_is_taken(server, good):
    assert register(server, "alice", good).status_code == 201


def test_the_check_can_be_turned_off_and_on_again(chatd):
    server = chatd(core=CALM, sections=with_secret(auth={"password_check": "off"}))
    assert register(server, "alice", WEAK[0]).status_code == 201
    server.sections["auth"]["password_check"] = "on"
    server.write_ini()
    server.process.send_signal(signal.SIGHUP)
    names = (f"bob{i}" for i in itertools.count())
    wait_until(lambda: register(server, next(names), WEAK[0]).status_code == 400, what="the check")


def test_without_a_dictionary_people_register_and_the_log_says_what_to_install(chatd, tmp_path):
    sections = with_secret(auth={"password_dictionary": str(tmp_path / "none")})
    server = chatd(core=CALM, sections=sections).expect("cracklib-runtime")
    wait_until(lambda: warnings(server), what="the warning")
    assert register(server, "alice", WEAK[0]).status_code == 201
    assert register(server, "bob", WEAK[0]).status_code == 201
    assert len(warnings(server)) == 1


def test_a_dictionary_of_ones_own(chatd, tmp_path):
    (tmp_path / "words").write_text("kalevipoeg\nvanapagan\n")
    with open(tmp_path / "words", "rb") as words:
        subprocess.run(["/usr/sbin/cracklib-packer", tmp_path / "own"], stdin=words, check=True,
                       capture_output=True)
    sections = with_secret(auth={"password_dictionary": str(tmp_path / "own")})
    server = chatd(core=CALM, sections=sections)
    assert error_of(register(server, "alice", "Vanapagan")) == (400, "bad_password")
    assert register(server, "alice", "a1b2c3d4e5").status_code == 201  # not in this one
