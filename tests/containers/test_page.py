# SPDX-License-Identifier: MIT
"""The page in two browsers, through NGINX, on instances that need not be the same."""
import os

import pytest
from server import wait_until
from window import SERVER_AWAY, SERVER_STARTING, Window


@pytest.fixture
def window(stack, tmp_path_factory):
    windows = []

    def start(**options):
        windows.append(Window(tmp_path_factory.mktemp("profile"), stack.http, **options))
        return windows[-1].open()

    yield start
    for one in windows:
        one.close()


def test_two_browsers_chat(stack, window):
    """They sign up, talk, see each other type, and go on when an instance dies."""
    alice, bob = window(), window(size=(420, 800))
    alice.sign_up("alice")
    bob.sign_up("bob")
    alice.send("Hello from one side of NGINX")
    bob.wait_texts(["Hello from one side of NGINX"])
    bob.send("and from the other")
    alice.wait_texts(["Hello from one side of NGINX", "and from the other"])
    picture = os.environ.get("CHATD_TEST_PICTURES")
    if picture:
        alice.driver.save_screenshot(f"{picture}/nginx-alice.png")
        bob.driver.save_screenshot(f"{picture}/nginx-bob.png")
    for one in (alice, bob):
        one.check_console()
        one.expect(SERVER_AWAY, SERVER_STARTING)
    for container in stack.containers()[:2]:
        stack.docker("kill", container)
    wait_until(lambda: len(stack.containers()) == 1, what="one instance that is left")
    alice.send("still here")
    bob.wait_texts(["Hello from one side of NGINX", "and from the other", "still here"])
    for one in (alice, bob):
        one.check_console()
