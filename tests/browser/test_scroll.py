# SPDX-License-Identifier: MIT
"""A long history: only a window of it is in the page, and the reader's place is kept whatever happens around it."""
from history import FAST, Writer, texts_of

AT_END = "const l = document.querySelector('#log'); return l.scrollHeight - l.scrollTop - l.clientHeight < 2"
# The first message in the view, and how far below the upper edge it stands.
PLACE = """
const top = document.querySelector('#log').getBoundingClientRect().top;
for (const row of document.querySelectorAll('#messages > .message')) {
  const box = row.getBoundingClientRect();
  if (box.bottom > top + 1) return [Number(row.dataset.seq), Math.round(box.top - top)];
}
return null;
"""
FIRST = "return Number(document.querySelector('#messages > .message')?.dataset.seq)"
COUNT = "return document.querySelectorAll('#messages > *').length"


def wheel(page, delta):
    """Scrolls as a person does; returns when the page has drawn that."""
    page.js("document.querySelector('#log').scrollBy(0, arguments[0])", delta)
    page.frame()


def enter(server, window, name="alice"):
    page = window(server)
    page.sign_up(name)
    page.wait(lambda: page.js(AT_END), "the end of the log")
    return page


def test_reading_further_up(chatd, window):
    server = chatd()
    alice, bob = enter(server, window), enter(server, window, "bob")
    alice.send("\n".join(f"line {number}" for number in range(60)))
    bob.wait(lambda: len(bob.messages) == 1, "the long message")
    bob.wait(lambda: bob.js(AT_END), "the end of the log")

    bob.js("document.querySelector('#log').scrollTop = 0")
    bob.wait_text("#jump", "To the latest messages")
    alice.send("news")
    bob.wait_text("#jump", "1 new message")
    assert bob.driver.title == "(1) general · chatd"
    assert not bob.js(AT_END), "the reader is pulled away"
    bob.click("#jump")
    bob.wait(lambda: bob.js(AT_END) and not bob.shown("#jump"), "the end of the log")
    bob.wait(lambda: bob.driver.title == "general · chatd", "the title")

    # A turned or narrowed screen lays out all anew; who was at the end stays there.
    bob.phone()
    bob.wait(lambda: bob.js("return innerWidth") == 360 and bob.js(AT_END), "the end of the log")
    alice.send("more news")
    bob.wait(lambda: len(bob.messages) == 3 and bob.js(AT_END), "the end of the log")
    assert not bob.shown("#jump")


def test_older_pages_keep_the_place(chatd, window):
    server = chatd(core=FAST)
    texts = texts_of(400)
    Writer(server).write(texts)
    alice = enter(server, window)
    alice.wait(lambda: alice.texts[-1:] == texts[-1:], "the latest page")
    for _ in range(200):
        before = alice.js(PLACE)
        wheel(alice, -150)
        after = alice.js(PLACE)
        # What is read moves with the wheel and by nothing else, though pages come in above it.
        assert after[0] <= before[0]
        if after[0] == before[0]:
            assert abs(after[1] - before[1] - 150) <= 2 or alice.js("return document.querySelector('#log').scrollTop") == 0
        if alice.js(FIRST) == 1 and alice.js("return document.querySelector('#log').scrollTop") == 0:
            break
    assert alice.text("#messages .start") == "This is the beginning of the conversation."
    # All the way down again: every message is there, once and in order.
    assert [message["seq"] for message in alice.read_all()] == list(range(1, 401))


def test_the_very_top_is_a_place_too(chatd, window):
    """Who drags the scrollbar to the top gets a page, not the whole history, and stays where he was."""
    server = chatd(core=FAST)
    Writer(server).write(texts_of(1500))
    alice = enter(server, window)
    alice.wait(lambda: alice.js(FIRST) > 1400, "the latest page")
    alice.js("window.asked = 0; const send = WebSocket.prototype.send; WebSocket.prototype.send = function (data) {"
             " if (JSON.parse(data).type === 'history.get') asked += 1; send.call(this, data); };")
    first = alice.js("return Number(document.querySelector('#messages > .message').dataset.seq)")
    alice.js("document.querySelector('#log').scrollTop = 0")
    alice.frame()
    top = alice.js(PLACE)[0]
    assert top <= first
    alice.wait(lambda: alice.js("return asked") > 0, "a page")
    alice.wait(lambda: alice.js("return document.querySelector('#log').scrollTop") > 1000, "older messages above")
    assert abs(alice.js(PLACE)[0] - top) <= 1, (first, top, alice.js(PLACE), alice.js("return asked"))
    assert alice.js("return asked") <= 3


def test_place_is_kept_while_others_write(chatd, window):
    server = chatd(core=FAST)
    writer = Writer(server)
    writer.write(texts_of(200))
    alice = enter(server, window)
    alice.wait(lambda: len(alice.messages) > 10, "messages")
    wheel(alice, -900)
    alice.wait_text("#jump", "latest")
    place = alice.js(PLACE)
    writer.write([f"news {number}" for number in range(20)])
    alice.wait_text("#jump", "^20 new messages$")
    assert alice.js(PLACE) == place
    # To another room and back: the place is still there.
    alice.choose_room("garden")
    alice.press_room("general")
    # To the pixel, as heights have fractions.
    alice.wait(lambda: alice.js(PLACE)[0] == place[0] and abs(alice.js(PLACE)[1] - place[1]) <= 1,
               f"the place in the room {place}")
    # A key leads to the end.
    alice.js("document.querySelector('#log').focus()")
    alice.press("\ue00c")
    alice.wait(lambda: alice.js(AT_END), "the end of the log")
    alice.wait(lambda: not alice.shown("#jump"), "the end of the button")


def test_ten_thousand_messages(chatd, window):
    server = chatd(core=FAST)
    Writer(server).write(texts_of(10_000))
    alice = enter(server, window)
    alice.wait(lambda: len(alice.messages) > 5, "messages")
    most = 0
    for _ in range(2000):
        alice.js("const log = document.querySelector('#log'); log.scrollTop = Math.min(log.scrollTop, 300)")
        alice.frame()
        most = max(most, alice.js(COUNT))
        if alice.js(FIRST) == 1 and alice.driver.find_elements("css selector", "#messages .start"):
            break
    assert alice.js(FIRST) == 1
    # The whole of it has a scrollbar, and a window of it rows.
    assert alice.js("return document.querySelector('#log').scrollHeight") > 300_000
    assert most < 250, f"{most} rows in the page"
    # Dragged anywhere, there is something to read, and the rows are the right ones.
    for part in (0.5, 0.1, 0.9, 0.33):
        alice.js("const l = document.querySelector('#log'); l.scrollTop = l.scrollHeight * arguments[0]", part)
        alice.frame()
        place = alice.js(PLACE)
        assert place is not None and abs(place[0] / 10_000 - part) < 0.15, (part, place)
        seqs = [message["seq"] for message in alice.messages]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    alice.click("#jump")
    alice.wait(lambda: alice.js(AT_END), "the end of the log")
    alice.send("at last")
    alice.wait(lambda: alice.texts[-1] == "at last", "the message")
    assert alice.js(AT_END)
