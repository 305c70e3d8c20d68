# SPDX-License-Identifier: MIT
"""The page itself: languages, small and dark screens, the keyboard, the security policy."""
import re

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from window import PASSWORD

WORDS = {
    "en-US": ("Sign in", "Create account", "Write a message", "Connected", "Today", "Rooms"),
    "ru": ("Войти", "Создать учётную запись", "Напишите сообщение", "На связи", "Сегодня", "Комнаты"),
    "de": ("Sign in", "Create account", "Write a message", "Connected", "Today", "Rooms"),
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


def test_phone(chatd, window):
    page = window(chatd()).phone().open()
    page.wait_shown("#sign-form")
    assert page.js("return innerWidth") == 360
    assert page.fits()
    page.sign_up("a" * 32)
    assert page.fits()
    page.send("W" * 400)
    page.send("hello")
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
    tab_to(page, "#sign-out")
    page.press(Keys.ENTER)
    page.wait_text("#sign-notice", "You have signed out")
    page.wait_focus("#password")
    page.press(PASSWORD, Keys.ENTER)
    page.wait_signed_in()
