# SPDX-License-Identifier: MIT
"""The server goes and comes back; nothing written is lost, nothing is shown twice."""
import signal

from selenium.webdriver.common.keys import Keys

from window import SERVER_AWAY, SERVER_STARTING


def enter(name, server, window):
    page = window(server).expect(SERVER_AWAY, SERVER_STARTING)
    return page.sign_up(name)


def two(server, window):
    return enter("alice", server, window), enter("bob", server, window)


def test_restart(chatd, window, restart):
    server = chatd()
    alice, bob = two(server, window)
    alice.send("before")
    bob.wait_texts(["before"])

    server.stop()
    for page in (alice, bob):
        page.wait_state("offline")
        assert page.text("#status") == "No connection. Trying again…"
        assert page.shown("#retry")
        assert page.texts == ["before"], "what is there stays readable"

    # Written meanwhile: Enter says why nothing happens, and keeps it.
    alice.insert("#text", "written while away")
    alice.press(Keys.ENTER)
    alice.wait_text("#notice", "Your message stays in the box")
    assert alice.value("#text") == "written while away"
    assert not alice.element("#send").is_enabled()

    restart(server)
    for page in (alice, bob):
        page.wait_state("online")
        page.wait(lambda: page.text("#status") == "Connected", "the state in words")
    alice.wait(lambda: not alice.shown("#notice"), "the end of the notice")
    assert alice.value("#text") == "written while away"
    alice.press(Keys.ENTER)
    for page in (alice, bob):
        page.wait_texts(["before", "written while away"])
    bob.send("after")
    for page in (alice, bob):
        page.wait_texts(["before", "written while away", "after"])
        assert [message["seq"] for message in page.messages] == [1, 2, 3]


def test_retry_button(chatd, window, restart):
    server = chatd()
    alice = enter("alice", server, window)
    server.stop()
    alice.wait_state("offline")
    restart(server)
    # It may have come back by itself already; then the button is gone.
    alice.js("const b = document.querySelector('#retry'); if (!b.hidden) b.click()")
    alice.wait_state("online")
    assert not alice.shown("#retry")


def test_server_dies_with_a_message_under_way(chatd, window, restart, freeze):
    server = chatd()
    alice, bob = two(server, window)
    alice.send("before")
    bob.wait_texts(["before"])
    kill = freeze(server)
    alice.insert("#text", "into the void")
    alice.press(Keys.ENTER)
    alice.wait(lambda: alice.value("#text") == "", "the empty box")
    kill()
    alice.wait_text("#notice", "It is back in the box")
    assert alice.value("#text") == "into the void"

    restart(server)
    for page in (alice, bob):
        page.wait_state("online")
    alice.press(Keys.ENTER)
    for page in (alice, bob):
        page.wait_texts(["before", "into the void"])


def test_stored_but_the_answer_was_lost(chatd, window, wire):
    server = chatd()
    line = wire(server)
    alice, bob = enter("alice", line, window).expect("ERR_CONNECTION_CLOSED"), enter("bob", server, window)
    line.deaf = True
    alice.insert("#text", "heard by all but me")
    alice.press(Keys.ENTER)
    bob.wait_texts(["heard by all but me"])
    alice.insert("#text", "the next one")
    assert alice.texts == []

    line.cut()
    line.deaf = False
    # The page gets it with the history and does not offer it for sending once more.
    alice.wait_texts(["heard by all but me"])
    alice.wait(lambda: alice.value("#text") == "the next one", "the draft alone")
    assert alice.messages[0]["own"]
    assert not alice.shown("#notice")


def test_missed_messages_come_once(chatd, window, wire):
    server = chatd()
    line = wire(server)
    alice, bob = enter("alice", line, window).expect("ERR_CONNECTION_CLOSED"), enter("bob", server, window)
    for number in range(3):
        bob.send(f"before {number}")
    alice.wait_texts([f"before {number}" for number in range(3)])
    line.deaf = True
    for number in range(3):
        bob.send(f"missed {number}")
    bob.wait(lambda: len(bob.messages) == 6, "six messages")
    line.cut()
    line.deaf = False
    everything = [message["text"] for message in bob.messages]
    alice.wait_texts(everything)
    assert [message["seq"] for message in alice.messages] == [1, 2, 3, 4, 5, 6]


def test_page_opened_while_the_server_is_away(chatd, window):
    alice = enter("alice", chatd(), window)
    # The page is there, from the browser; the server is not.
    alice.cdp("Network.enable")
    alice.cdp("Network.setBlockedURLs", urls=["*/api/v1/me"])
    alice.expect("ERR_BLOCKED_BY_CLIENT|ERR_BLOCKED_BY_INSPECTOR")
    alice.driver.refresh()
    alice.wait_text("#boot", "The server does not answer. Trying again…")
    alice.cdp("Network.setBlockedURLs", urls=[])
    alice.wait_signed_in()


def test_killed_server_is_noticed(chatd, window, restart):
    server = chatd()
    alice, bob = two(server, window)
    server.stop(signal.SIGKILL)
    alice.wait_state("offline")
    restart(server)
    alice.wait_state("online")
    bob.wait_state("online")
    alice.send("again")
    bob.wait_texts(["again"])
