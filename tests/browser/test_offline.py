# SPDX-License-Identifier: MIT
"""The server goes and comes back; nothing written is lost, nothing is sent or shown twice."""
import signal

from selenium.webdriver.common.keys import Keys

from window import SERVER_AWAY, SERVER_STARTING

CUT = "ERR_CONNECTION_CLOSED"


def enter(name, server, window):
    page = window(server).expect(SERVER_AWAY, SERVER_STARTING, CUT)
    return page.sign_up(name)


def two(server, window):
    return enter("alice", server, window), enter("bob", server, window)


def numbers(page):
    return [message["seq"] for message in page.messages]


def test_restart(chatd, window, restart):
    server = chatd()
    alice, bob = two(server, window)
    alice.send("before")
    bob.wait_texts(["before"])

    server.stop()
    for page in (alice, bob):
        page.wait_state("offline")
        page.wait_text("#status", r"^No connection. Trying again…\s*(\d+ s)?$")
        assert page.texts == ["before"], "what is there stays readable"

    # Written meanwhile: it stands there, waits, and goes by itself when the server is back.
    alice.send("written while away")
    alice.send("and another")
    assert [message["state"] for message in alice.messages] == ["logged", "pending", "pending"]
    alice.insert("#text", "a draft")

    restart(server)
    everything = ["before", "written while away", "and another"]
    for page in (alice, bob):
        page.wait_state("online")
        page.wait_logged(everything)
        assert page.text("#status") == "Connected"
        assert numbers(page) == [1, 2, 3]
    assert alice.value("#text") == "a draft"
    bob.send("after")
    for page in (alice, bob):
        page.wait_logged([*everything, "after"])


def test_retry_button(chatd, window, restart):
    server = chatd()
    alice = enter("alice", server, window)
    server.stop()
    alice.wait_shown("#retry")
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
    alice.send("into the void")
    assert alice.messages[-1]["state"] == "pending"
    kill()
    alice.wait_state("offline")
    assert alice.texts == ["before", "into the void"]

    restart(server)
    for page in (alice, bob):
        page.wait_logged(["before", "into the void"])


def test_stored_but_the_answer_was_lost(chatd, window, wire):
    server = chatd()
    line = wire(server)
    alice, bob = enter("alice", line, window), enter("bob", server, window)
    line.deaf = True
    alice.send("heard by all but me")
    bob.wait_texts(["heard by all but me"])
    assert alice.messages[0]["state"] == "pending"
    alice.insert("#text", "the next one")

    line.cut()
    line.deaf = False
    # It is sent once more with the same cid, and is one message for everybody.
    alice.wait_logged(["heard by all but me"])
    alice.press(Keys.ENTER)
    for page in (alice, bob):
        page.wait_logged(["heard by all but me", "the next one"])
        assert numbers(page) == [1, 2]


def test_reload_with_a_message_under_way(chatd, window, wire):
    server = chatd()
    line = wire(server)
    alice, bob = enter("alice", line, window), enter("bob", server, window)
    line.deaf = True
    alice.send("sent just before the reload")
    bob.wait_texts(["sent just before the reload"])
    # Keys that Chromium's own connections would swallow are not needed: the page alone is loaded again.
    line.cut()
    line.deaf = False
    alice.reload()
    for page in (alice, bob):
        page.wait_logged(["sent just before the reload"])
        assert numbers(page) == [1]


# The page's files still come, its socket does not.
NO_SOCKET = """
window.WebSocket = class extends WebSocket {
  constructor(url, ...rest) {
    super(localStorage.getItem('test.noSocket') ? url.replace('/ws', '/nowhere') : url, ...rest);
  }
};
"""


def test_written_offline_survives_a_reload(chatd, window):
    server = chatd()
    alice, bob = two(server, window)
    alice.cdp("Page.addScriptToEvaluateOnNewDocument", source=NO_SOCKET)
    alice.expect("WebSocket connection to .*/nowhere")
    alice.js("localStorage.setItem('test.noSocket', 1)")
    alice.driver.refresh()
    alice.wait_shown("#chat")
    alice.send("in the tunnel")
    alice.insert("#text", "half a sentence")
    alice.driver.refresh()
    alice.wait_texts(["in the tunnel"])
    assert alice.value("#text") == "half a sentence"
    assert alice.messages[0]["state"] == "pending"
    assert bob.texts == []
    alice.js("localStorage.removeItem('test.noSocket')")
    for page in (alice, bob):
        page.wait_logged(["in the tunnel"])


def test_missed_messages_come_once(chatd, window, wire):
    server = chatd()
    line = wire(server)
    alice, bob = enter("alice", line, window), enter("bob", server, window)
    for number in range(3):
        bob.send(f"before {number}")
    alice.wait_texts([f"before {number}" for number in range(3)])
    line.deaf = True
    for number in range(3):
        bob.send(f"missed {number}")
    bob.wait(lambda: len(bob.messages) == 6, "six messages")
    line.cut()
    line.deaf = False
    alice.wait_logged(bob.texts)
    assert numbers(alice) == [1, 2, 3, 4, 5, 6]


def test_a_dead_line_is_noticed_when_the_page_wakes_up(chatd, window, wire):
    """A phone comes out of a tunnel: the socket still counts as open, and nothing comes through it."""
    server = chatd()
    line = wire(server)
    alice, bob = enter("alice", line, window), enter("bob", server, window)
    line.deaf = True
    bob.send("said meanwhile")
    # The old links stay deaf; new ones are heard.
    line.deaf_links()
    alice.js("window.dispatchEvent(new Event('online'))")
    alice.wait_texts(["said meanwhile"])
    alice.wait_state("online")


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
