# SPDX-License-Identifier: MIT
"""Several rooms at once: joining, leaving, what is unread, drafts."""
import urllib.parse

from selenium.webdriver.common.keys import Keys


def pair(server, window):
    alice, bob = window(server), window(server)
    alice.sign_up("alice")
    bob.sign_up("bob")
    return alice, bob


def test_join_create_back(chatd, window):
    alice, bob = pair(chatd(), window)
    alice.send("in general")
    bob.wait_texts(["in general"])
    alice.insert("#text", "a draft")

    room = "кофе-☕-日本"
    alice.choose_room(room)
    assert alice.texts == [] and alice.value("#text") == ""
    alice.wait_focus("#text")
    alice.send("in the new room")
    alice.wait_logged(["in the new room"])
    assert alice.driver.current_url.endswith("#room=" + urllib.parse.quote(room, safe=""))
    assert alice.driver.title == f"{room} · chatd"
    alice.wait_rooms({"general": "", room: ""})

    # Who comes later finds it among the rooms; nothing came into the old room.
    assert bob.texts == ["in general"]
    bob.reload()
    bob.wait(lambda: room in bob.text("#more-rooms"), "the room in the list")
    bob.press_room(room)
    bob.wait_texts(["in the new room"])
    assert bob.element("#rooms [aria-current]").text == room
    assert not bob.shown("#more-rooms-heading")

    # Back is a step back, and the draft is still there.
    alice.driver.back()
    alice.wait_room("general")
    alice.wait_texts(["in general"])
    assert alice.value("#text") == "a draft"

    alice.insert("#room-name", "no/such {room}")
    alice.press(Keys.ENTER)
    alice.wait_text("#room-error", "up to 64 Latin letters")
    assert alice.text("#room-title") == "general"


def test_unread(chatd, window):
    alice, bob = pair(chatd(), window)
    alice.choose_room("garden")
    bob.send("one")
    bob.send("two")
    alice.wait_rooms({"garden": "", "general": "2"})
    alice.wait(lambda: alice.driver.title == "(2) garden · chatd", "the title")
    assert "2 unread messages" in alice.js(
        "return document.querySelector('#rooms [data-room=general]').textContent")

    # It outlives a reload, and ends when the room is looked at; a line shows where.
    alice.reload()
    alice.wait_rooms({"garden": "", "general": "2"})
    alice.press_room("general")
    alice.wait_texts(["one", "two"])
    alice.wait_rooms({"garden": "", "general": ""})
    assert alice.driver.title == "general · chatd"
    rows = alice.js("return [...document.querySelectorAll('#messages > *')].map((row) => row.className.split(' ')[0] "
                    "+ (row.matches('.new') ? '!' : ''))")
    assert rows.index("line!") < rows.index("message"), rows
    alice.send("thanks")
    alice.wait(lambda: not alice.driver.find_elements("css selector", "#messages .new"), "the end of the line")
    alice.reload()
    alice.wait_rooms({"garden": "", "general": ""})

    # One's own words elsewhere are not news.
    bob.choose_room("garden")
    bob.press_room("general")
    assert bob.rooms == {"garden": "", "general": ""}


NEW_BEFORE = """
const line = document.querySelector('#messages .new');
return line === null ? null : line.nextElementSibling.querySelector('.text').textContent;
"""


def test_the_line_new_is_where_one_left_off(chatd, window):
    alice, bob = pair(chatd(), window)
    bob.send("seen")
    alice.wait_texts(["seen"])
    assert alice.js(NEW_BEFORE) is None, "a first visit has nothing new"
    alice.wait(lambda: '"seq":1' in alice.js("return localStorage['chatd.rooms.alice']"), "what is kept")
    alice.driver.get("about:blank")
    bob.send("missed")
    bob.send("missed, too")
    alice.open().wait_signed_in()
    alice.wait_texts(["seen", "missed", "missed, too"])
    assert alice.js(NEW_BEFORE) == "missed"
    alice.wait(lambda: '"seq":3' in alice.js("return localStorage['chatd.rooms.alice']"), "what is kept")
    alice.reload()
    alice.wait_texts(["seen", "missed", "missed, too"])
    assert alice.js(NEW_BEFORE) is None, "it has been read"


def test_nobody_looks(chatd, window):
    """The window has not the focus: counted, marked, and read when somebody looks again."""
    alice, bob = pair(chatd(), window)
    bob.send("seen")
    alice.wait_texts(["seen"])
    alice.js("window.away = true; document.hasFocus = () => !window.away;"
             "Object.defineProperty(document, 'hidden', {get: () => window.away})")
    bob.send("\n".join(f"line {number}" for number in range(60)))
    bob.send("and more")
    alice.wait(lambda: alice.driver.title == "(2) general · chatd", "the title")
    alice.js("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    # It begins where one stopped reading, not at the end.
    alice.wait(lambda: alice.js("return document.querySelector('#messages .new')?.getBoundingClientRect().top > 0"),
               "the line in the view")
    alice.wait_text("#jump", "2 new messages")
    alice.click("#jump")
    alice.wait(lambda: alice.driver.title == "general · chatd", "the title")


def test_two_tabs_of_one_person(chatd, window):
    alice, bob = pair(chatd(), window)
    first = alice.driver.current_window_handle
    alice.driver.switch_to.new_window("tab")
    second = alice.driver.current_window_handle
    alice.open().wait_signed_in()
    alice.choose_room("garden")
    alice.driver.switch_to.window(first)
    alice.wait_rooms({"garden": "", "general": ""})
    # Read in one is read in both; left in one is left in both.
    alice.driver.switch_to.window(second)
    bob.send("hello")
    alice.wait_rooms({"garden": "", "general": "1"})
    alice.driver.switch_to.window(first)
    alice.wait_texts(["hello"])
    alice.js("window.dispatchEvent(new Event('focus'))")
    alice.driver.switch_to.window(second)
    alice.wait_rooms({"garden": "", "general": ""})
    alice.click("#leave")
    alice.wait_rooms({"general": ""})
    alice.driver.switch_to.window(first)
    alice.wait_rooms({"general": ""})
    alice.insert("#text", "half a sentence")
    # Signed out in one: in both, and nothing that was written stays.
    alice.driver.switch_to.window(second)
    alice.click("#sign-out")
    alice.wait_text("#sign-notice", "signed out")
    alice.driver.switch_to.window(first)
    alice.wait_shown("#sign-form")
    alice.wait(lambda: "half a sentence" not in alice.js("return JSON.stringify({...sessionStorage})"), "forgotten texts")


def test_rooms_of_others_and_long_lists(chatd, window):
    alice, bob = pair(chatd(), window)
    for number in range(16):
        alice.choose_room(f"room-{number:02}")
    # The one on the screen is in sight.
    in_sight = """const nav = document.querySelector('.rooms-nav').getBoundingClientRect();
                  const row = document.querySelector('#rooms [aria-current]').getBoundingClientRect();
                  return row.top >= nav.top - 1 && row.bottom <= nav.bottom + 1;"""
    alice.wait(lambda: alice.js(in_sight), "the last room in sight")
    alice.press_room("room-00")
    alice.wait(lambda: alice.js(in_sight), "the first room in sight")
    # Whoever looks for a room sees those that have just been made.
    bob.send("here only")
    alice.press_room("room-05")
    alice.send("a room begins with its first message")
    bob.click("#room-name")
    bob.press("room-")
    bob.wait(lambda: "room-05" in bob.text("#more-rooms"), "the new room")
    # The page opens where one was.
    alice.wait(lambda: "room-05" in alice.js("return localStorage['chatd.last.alice']"), "what is kept")
    alice.open().wait_room("room-05")


def test_leave(chatd, window):
    alice, bob = pair(chatd(), window)
    alice.choose_room("garden")
    alice.send("hello")
    alice.click("#leave")
    alice.wait_room("general")
    alice.wait_rooms({"general": ""})
    bob.choose_room("garden")
    bob.send("nobody here")
    # Not a member any more: nothing is counted, also not after a reload.
    bob.press_room("general")
    bob.send("hi")
    alice.wait_texts(["hi"])
    assert alice.rooms == {"general": ""}
    alice.reload()
    alice.wait_rooms({"general": ""})

    # The last one too; then the page says what to do.
    alice.click("#leave")
    alice.wait_text("#nowhere", "No room is open")
    assert not alice.shown("#text") and alice.rooms == {}
    assert alice.driver.title == "chatd"
    alice.reload()
    alice.wait_text("#nowhere", "No room is open")
    alice.choose_room("garden")
    alice.wait_texts(["hello", "nobody here"])


def test_drafts_stay_with_their_rooms(chatd, window):
    alice = window(chatd())
    alice.sign_up("alice")
    alice.insert("#text", "for general")
    alice.choose_room("garden")
    assert alice.value("#text") == ""
    alice.insert("#text", "for the garden")
    alice.reload()
    assert alice.value("#text") == "for the garden"
    alice.press_room("general")
    assert alice.value("#text") == "for general"
    # Who signs out leaves nothing behind.
    alice.click("#sign-out")
    alice.wait_text("#sign-notice", "signed out")
    assert "for general" not in alice.js("return JSON.stringify({...sessionStorage, ...localStorage})")
    alice.sign_in("alice")
    assert alice.value("#text") == ""


def test_keys_between_rooms(chatd, window):
    alice, bob = pair(chatd(), window)
    for room in ("a", "b"):
        alice.choose_room(room)
    bob.choose_room("a")
    bob.send("news")
    alice.wait_rooms({"a": "1", "b": "", "general": ""})
    alice.chord(Keys.ALT, Keys.ARROW_DOWN)
    alice.wait_room("general")
    alice.wait_focus("#text")
    alice.chord(Keys.ALT, Keys.ARROW_DOWN)
    alice.wait_room("a")
    bob.send("more news")
    alice.wait_texts(["news", "more news"])
    bob.press_room("general")
    bob.send("here")
    alice.wait_rooms({"a": "", "b": "", "general": "1"})
    alice.chord(Keys.ALT, Keys.SHIFT, Keys.ARROW_UP)
    alice.wait_room("general")
    alice.chord(Keys.CONTROL, "k")
    alice.wait_focus("#room-name")
    alice.press("b", Keys.ENTER)
    alice.wait_room("b")


def test_a_room_one_may_not_enter(chatd, window):
    """limits.rooms is the refusal that needs no plugin."""
    server = chatd(sections={"rooms": {"joins_max": "2"}})
    alice = window(server)
    alice.sign_up("alice")
    alice.choose_room("two")
    alice.insert("#room-name", "three")
    alice.click("#room-join")
    alice.wait_text("#nowhere", "too many rooms. Leave one first.")
    assert not alice.shown("#text")
    alice.click("#leave")
    alice.wait(lambda: alice.shown("#text"), "the box")
    alice.wait(lambda: set(alice.rooms) == {"general", "two"}, "the list without it")
