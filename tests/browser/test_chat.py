# SPDX-License-Identifier: MIT
"""Two people talk; rooms; history; texts meant to do harm."""
import urllib.parse

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 2\">",
    "<svg onload=alert(3)>&lt;b&gt; \"quoted\" </div></li></ol>",
    "javascript:window.hacked=4 and data:text/html,<script>window.hacked=5</script>",
    "\u202egnp.exe \u2066\u2067 left open",
    "{a} {{constructor.constructor('window.hacked=6')()}} ${window.hacked=7}",
    "W" * 3000,
    "http://x.example/" + "a" * 1500,
    "e\u0301" + "\u0336" * 200,
    "👩‍👩‍👧‍👦 שלום مرحبا",
)


def pair(server, window):
    alice, bob = window(server), window(server)
    alice.sign_up("alice")
    bob.sign_up("bob")
    return alice, bob


def test_two_people(chatd, window):
    alice, bob = pair(chatd(), window)
    talk = []
    for page, text in ((alice, "Hi Bob"), (bob, "Привет, Алиса"), (alice, "two\nlines"), (bob, "bye")):
        page.send(text)
        talk.append(text)
        alice.wait_texts(talk)
        bob.wait_texts(talk)

    # All at once: both see one order, whatever it is.
    for number in range(5):
        alice.send(f"a{number}")
        bob.send(f"b{number}")
    alice.wait(lambda: len(alice.messages) == 14, "all messages")
    bob.wait(lambda: len(bob.messages) == 14, "all messages")
    seen = alice.messages
    assert [message["seq"] for message in seen] == list(range(1, 15))
    assert [message["text"] for message in seen if message["text"] in {"a0", "a1", "a2", "a3", "a4"}] \
        == ["a0", "a1", "a2", "a3", "a4"]
    assert [{**message, "own": not message["own"]} for message in bob.messages] == seen
    assert all(message["own"] == (message["user"] == "alice") for message in seen)

    # One's own are told apart by place and colour.
    own, other = (alice.element(f".message{kind}:last-of-type .bubble, .message{kind} .bubble")
                  for kind in (".own", ":not(.own)"))
    assert own.value_of_css_property("background-color") != other.value_of_css_property("background-color")
    assert own.rect["x"] + own.rect["width"] > other.rect["x"] + other.rect["width"]


def test_typing_shown_and_gone(chatd, window):
    alice, bob = pair(chatd(), window)
    alice.insert("#text", "I am")
    bob.wait_text("#typing", "^alice is typing…$")
    assert alice.text("#typing") == "", "one does not see oneself type"

    # Sent: gone at once, with the message.
    alice.press(Keys.ENTER)
    bob.wait_texts(["I am"])
    assert bob.text("#typing") == ""

    # Fallen silent: gone after a while.
    alice.insert("#text", "well")
    bob.wait_text("#typing", "^alice is typing…$")
    bob.wait(lambda: bob.text("#typing") == "", "the end of the typing", deadline=12)
    assert bob.texts == ["I am"]


def test_history_after_reload(chatd, window):
    alice, bob = pair(chatd(), window)
    alice.send("first")
    bob.wait_texts(["first"])
    bob.send("second")
    alice.wait_texts(["first", "second"])
    before = alice.messages

    alice.driver.refresh()
    alice.wait_signed_in()
    alice.wait_texts(["first", "second"])
    assert alice.messages == before
    assert alice.text(".day") == "Today"


def test_rooms(chatd, window):
    server = chatd()
    alice, bob = pair(server, window)
    alice.send("in general")
    bob.wait_texts(["in general"])
    alice.insert("#text", "a draft")

    room = "кофе-☕-日本"
    alice.choose_room(room)
    assert alice.texts == [] and alice.value("#text") == ""
    alice.wait_focus("#text")
    alice.send("in the new room")
    alice.wait_texts(["in the new room"])
    assert alice.driver.current_url.endswith("#room=" + urllib.parse.quote(room, safe=""))
    assert alice.driver.title == f"{room} · chatd"

    # Who comes later finds it in the list, with what was said there; nothing came into the old room.
    assert bob.texts == ["in general"]
    bob.driver.refresh()
    bob.wait_signed_in()
    bob.wait(lambda: room in bob.text("#rooms"), "the room in the list")
    bob.driver.find_element(By.CSS_SELECTOR, f'#rooms [data-room="{room}"]').click()
    bob.wait_room(room)
    bob.wait_texts(["in the new room"])
    assert bob.element("#rooms [aria-current]").text == room

    # Back is a step back, and the draft is still there.
    alice.driver.back()
    alice.wait_room("general")
    alice.wait_texts(["in general"])
    assert alice.value("#text") == "a draft"

    alice.insert("#room-name", "no/such {room}")
    alice.press(Keys.ENTER)
    alice.wait_text("#room-error", "1 to 64 bytes")
    assert alice.text("#room-title") == "general"


def test_hostile_texts_are_only_text(chatd, window):
    alice, bob = pair(chatd(), window)
    for text in HOSTILE:
        alice.send(text)
    for page in (alice, bob):
        page.wait_texts(HOSTILE)
    bob.driver.refresh()
    bob.wait_signed_in()
    bob.wait_texts(HOSTILE)
    for page in (alice, bob):
        assert page.js("return typeof window.hacked") == "undefined"
        inside = page.js("return [...new Set([...document.querySelectorAll('#messages *')]"
                         ".map((e) => e.localName))].sort()")
        assert inside == ["a", "div", "li", "span", "time"]
        [link] = page.js("return [...document.querySelectorAll('#messages a')].map((a) => [a.href, a.rel])")
        assert link == [HOSTILE[7], "noopener noreferrer"]
        assert page.fits()
    # An override ends with its message: the line after it reads from left to right again.
    author = bob.js("return document.querySelector('.message .author').getBoundingClientRect().left")
    assert bob.js("return document.querySelector('.message .text').getBoundingClientRect().left") >= author - 20


def test_too_long_comes_back(chatd, window):
    alice, bob = pair(chatd(), window)
    long = "x" * 5000
    alice.insert("#text", long)
    alice.press(Keys.ENTER)
    alice.wait_text("#notice", "too long")
    assert alice.value("#text") == long
    alice.element("#text").clear()
    alice.send("short")
    bob.wait_texts(["short"])
    assert not alice.shown("#notice")


def test_reading_further_up(chatd, window):
    alice, bob = pair(chatd(), window)
    alice.send("\n".join(f"line {number}" for number in range(60)))
    bob.wait(lambda: len(bob.messages) == 1, "the long message")
    at_end = "const l = document.querySelector('#log'); return l.scrollHeight - l.scrollTop - l.clientHeight < 2"
    bob.wait(lambda: bob.js(at_end), "the end of the log")

    bob.js("document.querySelector('#log').scrollTop = 0")
    bob.wait_text("#jump", "To the latest messages")
    alice.send("news")
    bob.wait_text("#jump", "1 new message")
    assert not bob.js(at_end), "the reader is pulled away"
    bob.click("#jump")
    bob.wait(lambda: bob.js(at_end) and not bob.shown("#jump"), "the end of the log")

    # A turned or narrowed screen lays out all anew; who was at the end stays there.
    bob.phone()
    bob.wait(lambda: bob.js("return innerWidth") == 360 and bob.js(at_end), "the end of the log")
    alice.send("more news")
    bob.wait(lambda: len(bob.messages) == 3 and bob.js(at_end), "the end of the log")
    assert not bob.shown("#jump")
