# SPDX-License-Identifier: MIT
"""The page itself: languages, small and dark screens, the keyboard, the security policy."""
import re

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from window import PASSWORD

WORDS = {
    "en-US": ("Sign in", "Create account", "Write a message", "Connected", "Today", "Your rooms"),
    "ru": ("Войти", "Создать учётную запись", "Напишите сообщение", "На связи", "Сегодня", "Ваши комнаты"),
    "de": ("Sign in", "Create account", "Write a message", "Connected", "Today", "Your rooms"),
}


@pytest.mark.parametrize("language", WORDS)
def test_language(chatd, window, language):
    page = window(chatd(), language=language)
    page.wait_shown("#sign-form")
    assert page.js("return document.documentElement.lang") == ("ru" if language == "ru" else "en")
    sign_in, sign_up, write, connected, today, rooms = WORDS[language]
    assert page.text("#sign-in") == sign_in
    assert page.text("#sign-up") == sign_up
    page.sign_up("alice")
    page.send("1 2 3")
    page.wait_texts(["1 2 3"])
    assert page.element("#text").get_attribute("placeholder") == write
    assert page.text("#status") == connected
    assert page.text(".day") == today
    assert page.text("#rooms-heading") == rooms
    if language == "ru":
        for attribute in ("data-i18n", "data-i18n-label", "data-i18n-placeholder"):
            for text in page.js("""return [...document.querySelectorAll(`[${arguments[0]}]`)].map((e) => (
                arguments[0] === 'data-i18n' ? e.textContent : e.getAttribute('aria-label') ?? e.placeholder))""",
                                attribute):
                assert re.search("[а-яё]", text), f"not in Russian: {text!r}"


def choose(page, css, value):
    page.js("""const field = document.querySelector(arguments[0]);
               field.value = arguments[1];
               field.dispatchEvent(new Event('change', {bubbles: true}));""", css, value)


def test_language_by_switch(chatd, window):
    page = window(chatd())
    page.wait_shown("#sign-form")
    page.click("#sign-settings")
    page.wait_shown("#settings")
    choose(page, "#set-language", "ru")
    page.wait_text("#settings-heading", "^Настройки$")
    page.press(Keys.ESCAPE)
    assert page.text("#sign-in") == "Войти"
    page.sign_up("alice")
    page.send("hello")
    page.wait_texts(["hello"])
    assert page.text(".day") == "Сегодня" and page.text("#status") == "На связи"
    # It stays, and what is on the screen changes with it.
    page.reload()
    page.wait_text("#rooms-heading", "^Ваши комнаты$")
    page.click("#settings-open")
    choose(page, "#set-language", "auto")
    page.wait_text("#settings-heading", "^Settings$")
    page.press(Keys.ESCAPE)
    assert page.text("#status") == "Connected"
    page.wait(lambda: page.text(".day") == "Today", "the day in English")
    assert page.js("return document.documentElement.lang") == "en"


def test_phone(chatd, window):
    page = window(chatd()).phone().open()
    page.wait_shown("#sign-form")
    assert page.js("return innerWidth") == 360
    assert page.fits()
    page.sign_up("a" * 32)
    assert page.fits()
    page.send("W" * 400)
    page.insert("#text", "hello")
    page.press(Keys.ENTER, "there")
    assert page.value("#text") == "hello\nthere", "a keyboard on the screen has no other key for a line"
    page.click("#send")
    page.wait(lambda: len(page.messages) == 2, "both messages")
    assert page.fits()
    box = page.element("#send").rect
    assert box["y"] + box["height"] <= 740, "the button to send lies below the screen"
    assert box["width"] >= 44 and box["height"] >= 44, "too small for a finger"

    # The rooms are a drawer.
    assert not page.shown("#room-name")
    page.click("#menu")
    page.choose_room("garden")
    page.wait(lambda: not page.shown("#room-name"), "the closed drawer")
    page.click("#menu")
    page.wait_shown("#sign-out")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.shown("#room-name"), "the closed drawer")
    page.wait_focus("#menu")
    page.click("#menu")
    page.click("#sign-out")
    page.wait_shown("#sign-form")
    assert page.fits()


def brightness(colour):
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    return (299 * red + 587 * green + 114 * blue) / 1000


def test_dark(chatd, window):
    page = window(chatd()).dark()
    page.sign_up("alice")
    page.send("in the dark")
    page.wait_texts(["in the dark"])
    for css in ("body", ".side", ".message .bubble", "#text"):
        ground, text = (brightness(page.style(css, name)) for name in ("backgroundColor", "color"))
        assert ground < 90 < 180 < text, f"{css} is not dark"
    page.dark(False)
    page.wait(lambda: brightness(page.style("body", "backgroundColor")) > 200, "the light page")


def test_dark_by_switch(chatd, window):
    page = window(chatd()).dark(False)
    page.sign_up("alice")
    for theme, dark in (("dark", True), ("light", False)):
        page.dark(not dark)
        page.click("#settings-open")
        choose(page, "#set-theme", theme)
        page.press(Keys.ESCAPE)
        page.wait(lambda: (brightness(page.style("body", "backgroundColor")) < 90) == dark, theme)
        page.reload()
        assert (brightness(page.style("body", "backgroundColor")) < 90) == dark, "it does not stay"
    page.click("#settings-open")
    choose(page, "#set-theme", "system")
    page.wait(lambda: brightness(page.style("body", "backgroundColor")) < 90, "what the system prefers")


def test_security_policy(chatd, window):
    server = chatd()
    answer = requests.get(server.http + "/")
    policy = dict(part.strip().split(" ", 1) for part in
                  answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"

    # The page does all it does under it...
    page = window(server)
    page.sign_up("alice")
    page.send("hello")
    page.wait_texts(["hello"])
    page.check_console()
    # ...and the browser does keep it.
    page.expect("Security Policy")
    page.js("new Image().src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';")
    page.wait(lambda: any("Security Policy" in line["message"] for line in page.console), "the refusal")
    # Text becomes neither script nor markup, and nothing may make an exception.
    page.expect("TrustedScript", "TrustedHTML", "TrustedTypePolicy")
    for attack in ("""const script = document.createElement('script');
                      script.textContent = 'window.hacked = 1';
                      document.body.append(script);""",
                   "document.body.innerHTML = '<p>';",
                   "trustedTypes.createPolicy('default', {createHTML: (text) => text});"):
        assert page.js(f"try {{ {attack} }} catch (error) {{ return error.name; }}") == "TypeError"
    # A script whose text comes by way of a node is no exception.
    page.js("""const script = document.createElement('script');
               script.append('window.hacked = 1');
               document.body.append(script);""")
    assert page.js("return typeof window.hacked") == "undefined"


def tab_to(page, css, key=Keys.TAB):
    for _ in range(20):
        page.press(key)
        if page.js("return document.activeElement.matches(arguments[0])", css):
            assert page.js("return document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"{css} is not reached by the keyboard")


def test_keyboard_alone(chatd, window):
    page = window(chatd())
    page.wait_focus("#user")
    page.press("alice", Keys.TAB, PASSWORD)
    tab_to(page, "#sign-up")
    page.press(Keys.SPACE)
    page.wait_signed_in()
    page.wait_focus("#text")
    page.press("one line", Keys.ENTER)
    page.wait_texts(["one line"])
    page.press("two")
    page.chord(Keys.SHIFT, Keys.ENTER)
    page.press("lines", Keys.ENTER)
    page.wait_texts(["one line", "two\nlines"])
    page.press("   ", Keys.ENTER)
    assert len(page.messages) == 2
    page.js("document.querySelector('#text').select()")
    page.press(Keys.BACKSPACE)

    page.js("document.activeElement.blur()")
    tab_to(page, "#room-name")
    page.press("garden", Keys.ENTER)
    page.wait_room("garden")
    page.wait_focus("#text")
    page.js("document.activeElement.blur()")
    tab_to(page, '#rooms [data-room="general"]')
    page.press(Keys.ENTER)
    page.wait_room("general")

    page.js("document.activeElement.blur()")
    page.press("?")
    page.wait_shown("#settings")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.shown("#settings"), "the closed window")

    tab_to(page, "#sign-out")
    page.press(Keys.ENTER)
    page.wait_text("#sign-notice", "You have signed out")
    page.wait_focus("#password")
    page.press(PASSWORD, Keys.ENTER)
    page.wait_signed_in()


def test_only_what_the_server_has(chatd, window):
    """No history: no older messages; no typing: no signals; without rooms the page says so."""
    server = chatd(plugins={"history-sqlite": "off", "typing": "off", "auth": "off"})
    alice, bob = (window(server).tap().open().expect(r"/api/v1/me .*status of 404") for _ in range(2))
    for page in (alice, bob):
        page.wait_signed_in()
    alice.js("window.sent = []; const send = WebSocket.prototype.send;"
             "WebSocket.prototype.send = function (data) { sent.push(JSON.parse(data).type); send.call(this, data); };")
    alice.insert("#text", "half a word")
    alice.press(Keys.ENTER)
    bob.wait_texts(["half a word"])
    assert alice.js("return sent") == ["message.send"]
    alice.wait_logged(["half a word"])
    assert not alice.driver.find_elements("css selector", "#messages .older, #messages .start")

    bare = window(chatd(plugins={"rooms": "off", "typing": "off", "history-sqlite": "off", "auth": "off"}))
    bare.expect(r"/api/v1/(me|rooms) .*status of 404")
    bare.wait_shown("#chat")
    bare.wait_text("#nowhere", "^This server has no rooms.$")
    assert not bare.shown("#text")


ALERTS = """
window.alerts = {notes: [], tones: 0};
window.Notification = class {
  static permission = 'default';
  static async requestPermission() { return (this.permission = window.answer ?? 'granted'); }
  constructor(title, options) { alerts.notes.push([title, options.body, options.tag]); }
  close() {}
};
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...args) { alerts.tones += 1; start.apply(this, args); };
document.hasFocus = () => !window.away;
"""


def hear(page):
    """Turns the sound on. Where the machine takes long to begin with sound the first ones come too late to be made."""
    for _ in range(5):
        page.click("#set-sound")
        try:
            page.wait(lambda: page.js("return alerts.tones") == 2, "a sound to hear what it is like", 7)
            return
        except AssertionError:
            page.click("#set-sound")
    raise AssertionError("no sound to hear what it is like")


def test_sound_and_notification(chatd, window):
    server = chatd()
    alice, bob = window(server), window(server)
    alice.cdp("Page.addScriptToEvaluateOnNewDocument", source=ALERTS)
    alice.open()
    for page, name in ((alice, "alice"), (bob, "bob")):
        page.sign_up(name)
    bob.send("nobody has asked for alerts")
    alice.wait_texts(["nobody has asked for alerts"])
    assert alice.js("return alerts") == {"notes": [], "tones": 0}

    # Refused by the browser: said, and not kept.
    alice.js("window.answer = 'denied'")
    alice.click("#settings-open")
    alice.click("#set-notify")
    alice.wait_text("#notify-note", "does not allow notifications")
    assert not alice.element("#set-notify").is_selected()
    alice.js("window.answer = 'granted'")
    alice.click("#set-notify")
    hear(alice)
    alice.press(Keys.ESCAPE)

    # Looking at the room: nothing. Looking elsewhere: both.
    bob.send("seen")
    alice.wait_texts(["nobody has asked for alerts", "seen"])
    assert alice.js("return alerts.notes") == []
    alice.js("window.away = true; window.later = Date.now(); Date.now = () => later + 60000")
    bob.send("unseen")
    alice.wait(lambda: alice.js("return alerts.notes.length") == 1, "the notification")
    assert alice.js("return alerts.notes") == [["bob · general", "unseen", "chatd general"]]
    assert alice.js("return alerts.tones") == 4
    alice.reload()
    alice.click("#settings-open")
    assert alice.element("#set-sound").is_selected() and alice.element("#set-notify").is_selected()


def test_first_visit_is_small(chatd, window):
    """Under 100 KB from a server never seen, all files together, and nothing from anywhere else."""
    server = chatd()
    page = window(server)
    page.wait_shown("#sign-form")
    sizes = page.js("""return [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]
        .map((entry) => [entry.name, entry.transferSize])""")
    assert all(name.startswith(server.http + "/") for name, _ in sizes)
    assert len(sizes) > 20
    assert all(size > 0 for name, size in sizes if not name.endswith("/api/v1/me")), sizes
    total = sum(size for _, size in sizes)
    assert total < 100_000, sizes


def test_screen_reader(chatd, window):
    """New messages are announced once; history, scrolling and typing are not."""
    server = chatd()
    alice, bob = window(server), window(server)
    for page, name in ((alice, "alice"), (bob, "bob")):
        page.sign_up(name)
    bob.send("before")
    alice.wait_texts(["before"])
    alice.reload()
    alice.wait_texts(["before"])
    spoken = "return [...document.querySelectorAll('#announcer p')].map((line) => line.textContent)"
    assert alice.js(spoken) == []
    bob.insert("#text", "after")
    alice.wait_text("#typing", "bob")
    bob.press(Keys.ENTER)
    alice.wait_texts(["before", "after"])
    alice.send("my own")
    alice.wait_logged(["before", "after", "my own"])
    assert alice.js(spoken) == ["bob: after"]
    assert alice.element("#log").get_attribute("aria-live") == "off"
    assert alice.element("#announcer").get_attribute("aria-live") == "polite"
    assert alice.js("return document.querySelector('#status [role=status]').textContent") == "Connected"


def test_several_messages_are_copied_with_their_authors(chatd, window):
    server = chatd()
    alice, bob = window(server), window(server)
    for page, name in ((alice, "alice"), (bob, "bob")):
        page.sign_up(name)
    alice.send("one")
    bob.wait_texts(["one"])
    bob.send("two\nlines")
    alice.wait_logged(["one", "two\nlines"])
    copied = alice.js("""
        const range = document.createRange();
        range.selectNodeContents(document.querySelector('#messages'));
        document.getSelection().removeAllRanges();
        document.getSelection().addRange(range);
        const data = new DataTransfer();
        document.querySelector('#messages .text').dispatchEvent(
          new ClipboardEvent('copy', {clipboardData: data, bubbles: true, cancelable: true}));
        return data.getData('text/plain');""")
    assert re.fullmatch(r"\[\d+:\d+.*\] alice: one\n\[\d+:\d+.*\] bob: two\nlines", copied), copied
