# SPDX-License-Identifier: MIT
"""What is missing is shown in its place and fetched; what the server lost is said."""
from history import FAST, Writer


def tapped(server, window, name="alice"):
    page = window(server).tap().open()
    page.sign_up(name)
    page.wait_state("online")
    return page


def kinds(page):
    return page.js("return [...document.querySelectorAll('#messages > *')].map((row) => "
                   "row.matches('.message') ? Number(row.dataset.seq) : row.textContent)")


def epoch(page):
    return page.js("""return fetch('/api/v1/rooms/general/messages?limit=1').then((r) => r.json())
                      .then((page) => page.epoch)""")


def miss(page, writer, texts):
    """The page is too slow for these: it does not get them, and is told."""
    count = page.js("return tap.dropped")
    page.js("tap.drop = true")
    writer.write(texts)
    page.wait(lambda: page.js("return tap.dropped") == count + len(texts), "what is dropped")
    page.js("tap.drop = false")


def gap(page, first, last, life):
    page.js("tap.say({type: 'gap', room: 'general', from: arguments[0], to: arguments[1], epoch: arguments[2]})",
            first, last, life)


def test_a_gap_is_filled_in_its_place(chatd, window):
    server = chatd(core=FAST)
    writer = Writer(server)
    alice = tapped(server, window)
    writer.write(["1", "2", "3"])
    alice.wait_texts(["1", "2", "3"])
    life = epoch(alice)
    miss(alice, writer, [str(number) for number in range(4, 16)])
    # The page it asks for is held back, so that one can look at the line.
    alice.js("window.held = []; const send = WebSocket.prototype.send; WebSocket.prototype.send = function (data) {"
             " if (JSON.parse(data).type === 'history.get') held.push([this, data]); else send.call(this, data); };"
             "window.release = () => { WebSocket.prototype.send = send; for (const [s, d] of held) s.send(d); };")
    gap(alice, 4, 15, life)
    writer.write(["16"])
    alice.wait(lambda: kinds(alice)[1:] == [1, 2, 3, "12 messages skipped, loading…", 16] or
               kinds(alice)[2:] == [1, 2, 3, "12 messages skipped, loading…", 16], "the gap in its place")
    alice.js("release()")
    alice.wait_texts([str(number) for number in range(1, 17)])
    assert not alice.driver.find_elements("css selector", "#messages .gap")


def test_a_gap_that_cannot_be_loaded_has_a_button(chatd, window):
    server = chatd(core=FAST)
    writer = Writer(server)
    alice = tapped(server, window)
    writer.write(["1"])
    alice.wait_texts(["1"])
    life = epoch(alice)
    miss(alice, writer, ["2", "3"])
    alice.js("const send = WebSocket.prototype.send; WebSocket.prototype.send = function (data) {"
             " const frame = JSON.parse(data);"
             " if (frame.type !== 'history.get') return send.call(this, data);"
             " setTimeout(() => tap.say({type: 'error', id: frame.id, code: 'internal', message: 'no', temporary: false})); };"
             "window.mend = () => { WebSocket.prototype.send = send; };")
    gap(alice, 2, 3, life)
    alice.wait_text("#messages .gap", "2 messages skipped, they could not be loaded Load")
    alice.js("mend()")
    alice.click("#messages .gap button")
    alice.wait_texts(["1", "2", "3"])


def test_what_the_server_lost_is_said(chatd, window):
    server = chatd(core=FAST)
    writer = Writer(server)
    alice = tapped(server, window)
    writer.write(["1", "2", "3"])
    alice.wait_texts(["1", "2", "3"])
    alice.js("tap.say({type: 'reset', room: 'general', epoch: 'another', seq: 1})")
    alice.wait_texts(["1"])
    alice.wait_text("#messages .gap", "^The server has lost 2 messages that were here$")
    alice.js("tap.say({type: 'message', room: 'general', seq: 2, ts: Date.now(), user: 'bob', text: 'of a new life'})")
    alice.wait_texts(["1", "of a new life"])


def test_more_was_missed_than_comes_by_itself(chatd, window, wire):
    server = chatd(core=FAST, sections={"rooms": {"resume_max": "20", "history_on_join": "10"}})
    line = wire(server)
    writer = Writer(server)
    alice = window(line).expect("ERR_CONNECTION_CLOSED")
    alice.sign_up("alice")
    writer.write(["1", "2"])
    alice.wait_texts(["1", "2"])
    line.deaf = True
    writer.write([str(number) for number in range(3, 101)])
    line.cut()
    line.deaf = False
    # The latest page, a gap before it, and then all.
    alice.wait(lambda: alice.texts[-1] == "100" and len(alice.texts) > 15, "what the gap left out")
    assert [message["text"] for message in alice.read_all()] == [str(number) for number in range(1, 101)]
    assert not alice.driver.find_elements("css selector", "#messages .gap")
