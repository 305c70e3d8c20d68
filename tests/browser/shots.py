# SPDX-License-Identifier: MIT
"""Takes pictures of the page in all its states: shots.py FOLDER. For people to look at, not a test."""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

from selenium.webdriver.common.keys import Keys  # noqa: E402
from server import Server  # noqa: E402
from window import Window  # noqa: E402

TALK = (
    ("alice", "Good morning! Has anyone tried the new release yet?"),
    ("bob", "Yes, since yesterday. Two workers, one small machine, 4,000 people connected."),
    ("bob", "It does not even get warm 🙂"),
    ("alice", "Nice. The notes are at https://chat.example.org/notes?v=1.0 (short ones)."),
    ("bob", "Reading. One question:\n  - do rooms survive a restart?\n  - and who may create them?"),
    ("alice", "They do, with everything said in them. And anybody may: type a name on the left."),
    ("bob", "Отлично, спасибо! Тогда сегодня переезжаем."),
)

# The dots of the typing indicator never rest.
STILL = "return document.getAnimations().every((a) => a.animationName || a.playState === 'finished')"


def talk(pages):
    for name, text in TALK:
        count = len(pages["bob"].messages) + 1
        pages[name].send(text)
        for page in pages.values():
            page.wait(lambda page=page: len(page.messages) == count, "the message")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    windows = []
    with tempfile.TemporaryDirectory() as scratch:
        server = Server(pathlib.Path(scratch) / "chatd")
        server.start()

        def window(**options):
            windows.append(Window(f"{scratch}/profile{len(windows)}", server.http, **options))
            return windows[-1].open()

        def shot(page, name):
            page.wait(lambda: page.js(STILL), "the end of movements")
            # Two frames: what was asked for has been painted.
            page.driver.execute_async_script(
                "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
            page.driver.save_screenshot(str(folder / f"{name}.png"))

        try:
            pages = {"alice": window(), "bob": window()}
            alice, bob = pages.values()
            alice.wait_shown("#sign-form")
            shot(alice, "sign-in")
            alice.fill_sign("alice", "wrong password")
            alice.click("#sign-in")
            alice.wait_text("#sign-error", ".")
            shot(alice, "sign-in-error")
            for name, page in pages.items():
                page.sign_up(name)
            shot(alice, "chat-empty")
            for room in ("releases", "кофе-брейк", "a-room-with-quite-a-long-name-for-one", "general"):
                alice.choose_room(room)
                if room != "general":
                    alice.send("hello")
            talk(pages)
            bob.driver.refresh()
            bob.wait_signed_in()
            bob.wait(lambda: len(bob.messages) == len(TALK), "the history")
            alice.insert("#text", "See you")
            bob.wait_text("#typing", "alice")
            shot(alice, "chat-alice")
            shot(bob, "chat-bob")
            shot(bob.dark(), "chat-dark")
            bob.dark(False).phone()
            alice.press("!")
            shot(bob, "phone")
            shot(bob.dark(), "phone-dark")
            bob.dark(False).click("#menu")
            bob.wait_focus("#rooms [aria-current]")
            shot(bob, "phone-rooms")
            bob.click("#sign-out")
            bob.wait_text("#sign-notice", ".")
            shot(bob, "phone-sign-in")
            vera = window(language="ru")
            vera.wait_shown("#sign-form")
            shot(vera, "russian-sign-in")
            vera.sign_up("Вера")
            vera.send("Всем привет! Это страница по-русски.")
            alice.press("!!")
            vera.wait_text("#typing", "alice")
            shot(vera, "russian")
            shot(vera.phone(), "russian-phone")
            server.stop()
            alice.wait_state("offline")
            alice.press(Keys.ENTER)
            alice.wait_text("#notice", ".")
            shot(alice, "offline")
            shot(alice.dark().phone(), "offline-phone-dark")
        finally:
            for page in windows:
                page.close()
            server.stop()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
