# SPDX-License-Identifier: MIT
"""Two people talk; rooms; history; texts meant to do harm."""

from selenium.webdriver.common.keys import Keys

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 2\">",
    "<svg onload=alert(3)>&lt;b&gt; \"quoted\" </div></li></ol>",
    "javascript:window.hacked=4 and data:text/html,<script>window.hacked=5</script>",
    "\u202egnp.exe\u202c and \u2067what follows\u2069",
    "{a} {{constructor.constructor('window.hacked=6')()}} ${window.hacked=7}",
    "W" * 3000,
    "http://x.example/" + "a" * 1500,
    "e\u0301" + "\u0336" * 200,
    "👩‍👩‍👧‍👦 שלום مرحبا",
    "Z" * 4000,
    "ก็็็็็็็็็็็็็็็็็็็็" * 30,
    "\u200b\u2060\u00ad",
    "line one\nline two\u2028line three",
)
OPEN = "\u202egnp.exe \u2066\u2067 left open"
REFUSED = (
    ("\x1b[31mred", "Not sent: The message has a control character in it."),
    (OPEN, "Not sent: The message changes the direction of text and does not change it back."),
)
# Whether the text of an element of a message, given by its place and a selector, is drawn from left to right.
READS_RIGHT = """
const words = document.querySelectorAll('#messages > .message')[arguments[0]].querySelector(arguments[1]).firstChild;
const left = (at) => {
  const range = document.createRange();
  range.setStart(words, at);
  range.setEnd(words, at + 1);
  return range.getBoundingClientRect().left;
};
return left(0) < left(words.data.length - 1);
"""


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

    alice.reload()
    alice.wait_texts(["first", "second"])
    assert alice.messages == before
    assert alice.text(".day") == "Today"


def test_hostile_texts_are_only_text(chatd, window):
    alice, bob = pair(chatd(), window)
    for text in HOSTILE:
        alice.send(text)
    for page in (alice, bob):
        page.wait(lambda page=page: page.messages and page.messages[-1]["seq"] == len(HOSTILE), "all of them")
    bob.reload()
    bob.wait(lambda: bob.messages and bob.messages[-1]["seq"] == len(HOSTILE), "all of them")
    for page in (alice, bob):
        shown = page.read_all()
        assert [message["text"] for message in shown] == list(HOSTILE)
        # Nothing but text, and one link.
        assert [message["inside"] for message in shown if message["inside"]] \
            == [[["a", HOSTILE[7], "noopener noreferrer"]]]
        assert page.js("return typeof window.hacked") == "undefined"
        page.js("document.querySelector('#log').scrollTop = 0")
        page.wait(lambda page=page: page.messages[0]["seq"] == 1, "the first ones")
        assert page.fits()


def test_a_direction_left_open_ends_with_its_message(chatd, window):
    """This server refuses such texts; an older one may have stored them."""
    alice = window(chatd()).tap().open()
    alice.sign_up("alice")
    alice.send("1")
    alice.wait_logged(["1"])
    for seq, text in ((2, OPEN), (3, "what comes after it")):
        alice.js("tap.say({type: 'message', room: 'general', seq: arguments[0], ts: Date.now(), user: arguments[2],"
                 " text: arguments[1]})", seq, text, "bob" if seq == 3 else "\u202emallory")
    alice.wait_texts(["1", OPEN, "what comes after it"])
    assert not alice.js(READS_RIGHT, 1, ".text"), "the override is not shown at all"
    for row, selector in ((1, "time"), (2, ".author"), (2, ".text"), (2, "time")):
        assert alice.js(READS_RIGHT, row, selector), (row, selector)


def test_what_the_server_refuses_is_said_at_the_message(chatd, window):
    alice = window(chatd())
    alice.sign_up("alice")
    for text, problem in REFUSED:
        alice.send(text)
        alice.wait_text("#messages .problem", problem)
        alice.click("#messages [data-act=discard]")
        alice.wait(lambda: not alice.driver.find_elements("css selector", "#messages .problem"), "the end of it")
    alice.send("as usual")
    alice.wait_logged(["as usual"])


def test_too_long_is_said_while_writing(chatd, window):
    alice, bob = pair(chatd(sections={"rooms": {"text_max": "100"}}), window)
    alice.insert("#text", "я" * 45)
    alice.wait_text("#text-room", "^5 characters left$")
    alice.press("x" * 11)
    alice.wait_text("#text-room", "^1 character too long$")
    assert not alice.element("#send").is_enabled()
    alice.press(Keys.ENTER)
    alice.press(Keys.BACKSPACE)
    alice.wait_text("#text-room", "^0 characters left$")
    alice.press(Keys.ENTER)
    bob.wait_texts(["я" * 45 + "x" * 10])
    assert not alice.shown("#text-room")


def test_refused_message_can_be_sent_again(chatd, window):
    """A plugin, a limit: what the server refuses for good stays with the reason, a way to send it, and one to drop it."""
    alice = window(chatd()).tap().open()
    alice.sign_up("alice")
    alice.wait_state("online")
    # The server's answer to the next message is lost, and another one comes in its place.
    alice.js("""
        tap.drop = true;
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (data) {
          const frame = JSON.parse(data);
          if (frame.type !== 'message.send') return send.call(this, data);
          setTimeout(() => tap.say({type: 'error', id: frame.id, code: 'filter.word', temporary: false,
                                    message: 'This word is not welcome here.'}));
        };
    """)
    alice.send("a bad word")
    alice.wait_text("#messages .problem", "Not sent: This word is not welcome here.")
    assert alice.js("return document.querySelector('#announcer').textContent") == "Not sent: This word is not welcome here."
    # It waits for the person, over a reload too.
    alice.reload()
    alice.wait_text("#messages .problem", "Not sent: This word is not welcome here.")
    alice.click("#messages [data-act=resend]")
    alice.wait_logged(["a bad word"])
    assert not alice.driver.find_elements("css selector", "#messages .problem")


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
