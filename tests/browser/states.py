# SPDX-License-Identifier: MIT
"""The page in all its states, one after the other: for pictures (shots.py) and for axe (test_axe.py)."""
from selenium.webdriver.common.keys import Keys

from history import Writer
from window import SERVER_AWAY, SERVER_STARTING

TALK = (
    ("alice", "Good morning! Has anyone tried the new release yet?"),
    ("bob", "Yes, since yesterday. Two workers, one small machine, 4,000 people connected."),
    ("bob", "It does not even get warm 🙂"),
    ("alice", "Nice. The notes are at https://chat.example.org/notes?v=1.0 (short ones)."),
    ("bob", "Reading. One question:\n  - do rooms survive a restart?\n  - and who may create them?"),
    ("alice", "They do, with everything said in them. And anybody may: type a name on the left."),
    ("bob", "Отлично, спасибо! Тогда сегодня переезжаем."),
    ("alice", "👍"),
    ("bob", "שלום! and العربية in one line, with https://example.org/a-rather-long-address/that/wraps?on=a-phone"),
)
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)>",
    "\u202egnp.exe\u202c and \u2067what follows\u2069",
    "W" * 400,
    "Z\u0335\u0341\u0330\u0345a\u0336\u0301\u0330l\u0337\u0346\u0331g\u0335\u030b\u0332o" * 6,
    "one\n\n\n\nfour lines below",
)

# Holds back what the page asks the history for, until release().
HOLD = """
window.held = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (JSON.parse(data).type === 'history.get') held.push([this, data]); else send.call(this, data);
};
window.release = () => { WebSocket.prototype.send = send; for (const [socket, data] of held) socket.send(data); };
"""
# The next message is refused for good, by a plugin.
REFUSE = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  const frame = JSON.parse(data);
  if (frame.type !== 'message.send') return send.call(this, data);
  WebSocket.prototype.send = send;
  setTimeout(() => tap.say({type: 'error', id: frame.id, code: 'filter.word', temporary: false,
                            message: 'This word is not welcome here.'}));
};
"""


def talk(pages):
    for number, (name, text) in enumerate(TALK, 1):
        pages[name].send(text)
        for page in pages.values():
            page.wait(lambda page=page: len(page.messages) == number, "the message")


def walk(server, window, visit, language="en-US"):
    """visit(page, name) is called in each state; it may change theme and width, and puts them back."""
    def enter():
        page = window(language=language).tap().open()
        return page.expect(SERVER_AWAY, SERVER_STARTING, r"/login .*status of 401")

    alice, bob = enter(), enter()
    alice.wait_shown("#sign-form")
    visit(alice, "sign-in")
    alice.fill_sign("alice", "wrong password")
    alice.click("#show-password")
    alice.click("#sign-in")
    alice.wait_text("#sign-error", ".")
    visit(alice, "sign-in-error")
    alice.click("#sign-settings")
    visit(alice, "sign-in-settings")
    alice.press(Keys.ESCAPE)
    pages = {"alice": alice, "bob": bob}
    for name, page in pages.items():
        page.sign_up(name)
    visit(alice, "empty-room")
    for room in ("releases", "кофе-брейк", "a-room-with-quite-a-long-name-for-one", "general"):
        alice.choose_room(room)
        if room != "general":
            alice.send("hello")
    talk(pages)
    bob.reload()
    bob.wait(lambda: len(bob.messages) == len(TALK), "the history")
    alice.insert("#text", "See you at five")
    bob.wait_text("#typing", "alice")
    visit(bob, "talk")
    visit(alice, "talk-own")

    # What was not read: counts, and the line in the room.
    alice.choose_room("releases")
    for text in ("Did you see it?", "It is in general."):
        bob.send(text)
    alice.wait(lambda: alice.rooms["general"] == "2", "the count")
    visit(alice, "unread")
    alice.press_room("general")
    visit(alice, "new-line")
    alice.click("#settings-open")
    alice.wait_shown("#settings")
    visit(alice, "settings")
    alice.click("#password-part summary")
    alice.click("#password-change")
    alice.wait_text("#account-error", ".")
    visit(alice, "account")
    alice.press(Keys.ESCAPE)

    # Refused, and missing.
    alice.element("#text").clear()
    alice.js(REFUSE)
    alice.send("A message that a plugin refuses")
    alice.wait_shown("#messages .problem")
    visit(alice, "refused")
    alice.click("#messages [data-act=discard]")
    alice.js(HOLD)
    life = alice.js("return fetch('/api/v1/rooms/general/messages?limit=1').then((r) => r.json()).then((p) => p.epoch)")
    top = len(TALK) + 2
    alice.js("tap.drop = true")
    for text in ("skipped one", "skipped two"):
        bob.send(text)
    alice.wait(lambda: alice.js("return tap.dropped") == 2, "what is dropped")
    alice.js("tap.drop = false; tap.say({type: 'gap', room: 'general', from: arguments[0], to: arguments[1],"
             " epoch: arguments[2]})", top + 1, top + 2, life)
    bob.send("after the gap")
    alice.wait_texts([*[text for _, text in TALK], "Did you see it?", "It is in general.", "after the gap"])
    visit(alice, "gap")
    alice.js("release()")
    alice.wait(lambda: len(alice.messages) == top + 3, "what the gap skipped")

    # Further up, and something new below.
    Writer(server).write([f"Line {number} of a long story that goes on for a while." for number in range(60)])
    alice.wait(lambda: "Line 59" in alice.texts[-1], "the story")
    alice.js("document.querySelector('#log').scrollTop -= 900")
    alice.wait_text("#jump", ".")
    bob.send("And the end of it.")
    alice.wait_text("#jump", "1")
    visit(alice, "further-up")

    for room, texts in (("hostile", HOSTILE), ("W" * 64, ("in a room with a long name",))):
        bob.choose_room(room)
        for text in texts:
            bob.send(text)
        bob.wait(lambda texts=texts: len(bob.messages) == len(texts) and bob.messages[-1]["state"] == "logged", "them")
        visit(bob, "hostile" if room == "hostile" else "long-room-name")
    bob.insert("#text", "a\n" * 12 + "b" * 3700)
    bob.wait_text("#text-room", ".")
    visit(bob, "long-draft")
    while bob.shown("#leave"):
        bob.click("#leave")
    bob.wait_shown("#nowhere")
    visit(bob, "no-room")

    server.stop()
    alice.wait_state("offline")
    alice.click("#jump")
    alice.send("Written in a tunnel")
    visit(alice, "offline")
