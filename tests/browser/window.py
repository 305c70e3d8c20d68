# SPDX-License-Identifier: MIT
"""A browser window with the chat page in it, driven as a person would, and a wire that can be cut."""
import re
import socket
import threading

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

DEADLINE = 30
PASSWORD = "correct horse"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-color-profile=srgb",
)

# Console lines of ordinary use: the page asks who it is before anybody has signed in.
NOBODY_YET = r"/api/v1/me .*status of 401"
# While the server is away nothing can be loaded, and the browser says so for each attempt.
SERVER_AWAY = r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED"
SERVER_STARTING = r"status of 503|Unexpected response code: 503"

# What is on the screen, as one object: no element can go stale between two questions.
MESSAGES = """
return [...document.querySelectorAll('#messages > .message')].map((row) => ({
  user: row.querySelector('.author').textContent,
  text: row.querySelector('.text').textContent,
  own: row.classList.contains('own'),
  seq: Number(row.dataset.seq),
  inside: [...row.querySelectorAll('.text *')].map((inner) => [inner.localName, inner.href, inner.rel]),
  state: ['pending', 'sent', 'failed'].find((state) => row.classList.contains(state)) ?? 'logged',
}));
"""

# True unless an element, or what it lies in, moves and will stop.
RESTS = """
const moves = (a) => a.playState === 'running' && a.effect.getComputedTiming().iterations !== Infinity;
for (let part = document.querySelector(arguments[0]); part !== null; part = part.parentElement) {
  if (part.getAnimations().some(moves)) {
    return false;
  }
}
return true;
"""

# Between the page and its WebSocket: drop what comes, and put in what a server would say.
TAP = """
window.tap = {drop: false, dropped: 0, sockets: []};
window.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    window.tap.sockets.push(this);
    this.addEventListener('message', (event) => {
      if (!window.tap.drop || event.isTrusted === false) return;
      window.tap.dropped += JSON.parse(event.data).type === 'message' ? 1 : 0;
      event.stopImmediatePropagation();
    });
  }
};
window.tap.say = (frame) => window.tap.sockets.at(-1).dispatchEvent(
  new MessageEvent('message', {data: JSON.stringify(frame)}));
"""

# The dots of the typing indicator never rest.
STILL = """
return document.getAnimations().every((animation) => animation.playState !== 'running'
  || animation.effect.getComputedTiming().endTime === Infinity);
"""


class Window:
    """One browser with a profile of its own. Errors in its console fail the test, see check_console()."""

    def __init__(self, profile, address="", language="en-US", size=(1200, 800)):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*FLAGS, f"--lang={language}", f"--user-data-dir={profile}",
                     f"--window-size={size[0]},{size[1]}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.address = address
        self.expected = [NOBODY_YET]
        self.lines = []

    def close(self):
        self.driver.quit()

    def renew(self):
        """As good as new, much sooner: another tab, and nothing remembered of what was before."""
        self.driver.switch_to.new_window("tab")
        new = self.driver.current_window_handle
        for handle in self.driver.window_handles:
            if handle != new:
                self.driver.switch_to.window(handle)
                self.driver.close()
        self.driver.switch_to.window(new)
        # Without this the tab is shown, but has not the focus.
        self.cdp("Page.bringToFront")
        self.cdp("Network.clearBrowserCookies")
        self.cdp("Network.clearBrowserCache")
        self.cdp("Storage.clearDataForOrigin", origin="*", storageTypes="all")
        self.driver.get_log("browser")
        self.expected = [NOBODY_YET]
        self.lines = []

    # -- console --------------------------------------------------------------------------------

    def expect(self, *patterns):
        """Console lines matching these do not fail the test."""
        self.expected += patterns
        return self

    @property
    def console(self):
        self.lines += self.driver.get_log("browser")
        return self.lines

    def check_console(self):
        for line in self.console:
            bad = line["level"] in ("SEVERE", "WARNING") or "Security Policy" in line["message"]
            known = any(re.search(pattern, line["message"]) for pattern in self.expected)
            assert known or not bad, f"in the console: {line['level']} {line['message']}"

    # -- looking --------------------------------------------------------------------------------

    def wait(self, condition, what, deadline=DEADLINE):
        """Waits until condition() is true and returns its value."""
        try:
            # The page may draw an element anew between finding it and asking it: then once more.
            return WebDriverWait(self.driver, deadline, 0.05, [StaleElementReferenceException]).until(
                lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"{what} did not come within {deadline} s; the page shows:\n"
                                 + self.js("return document.body.innerText")) from None

    def js(self, code, *args):
        return self.driver.execute_script(code, *args)

    def element(self, css):
        return self.driver.find_element("css selector", css)

    def text(self, css):
        """The text shown there, '' when it is hidden."""
        return self.element(css).text

    def value(self, css):
        return self.element(css).get_property("value")

    def style(self, css, name):
        return self.js("return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]",
                       css, name)

    def shown(self, css):
        return self.element(css).is_displayed()

    @property
    def messages(self):
        return self.js(MESSAGES)

    @property
    def texts(self):
        return [message["text"] for message in self.messages]

    @property
    def rooms(self):
        """The rooms one is in and what stands beside their names: {"general": "", "garden": "3"}."""
        return self.js("""return Object.fromEntries([...document.querySelectorAll('#rooms button')].map((b) => [
            b.dataset.room, b.querySelector('.badge > span')?.textContent ?? '']))""")

    def wait_shown(self, css):
        return self.wait(lambda: self.shown(css), f"{css} on the screen")

    def wait_text(self, css, pattern):
        return self.wait(lambda: re.search(pattern, self.text(css)), f"{pattern!r} in {css}")

    def wait_texts(self, texts):
        """Exactly these messages, in this order."""
        try:
            self.wait(lambda: self.texts == list(texts), "the messages")
        except AssertionError:
            assert self.texts == list(texts)
            raise

    def read_all(self):
        """All messages loaded, from the first to the last: the page holds only those near the view."""
        self.js("document.querySelector('#log').scrollTop = 0")
        seen = []
        while True:
            self.frame()
            rows = self.messages
            new = next((at for at, row in enumerate(rows) if not seen or row["seq"] > seen[-1]["seq"]), len(rows))
            seen += rows[new:]
            if self.js("const l = document.querySelector('#log');"
                       "return l.scrollHeight - l.scrollTop - l.clientHeight < 2"):
                return seen
            self.js("document.querySelector('#log').scrollBy(0, 400)")

    def frame(self):
        """Until the page has drawn what it was asked for."""
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    def wait_logged(self, texts):
        """As wait_texts, and the server has them all."""
        self.wait_texts(texts)
        self.wait(lambda: all(message["state"] == "logged" for message in self.messages), "the acknowledgements")

    def wait_rooms(self, rooms):
        try:
            self.wait(lambda: self.rooms == rooms, "the rooms")
        except AssertionError:
            assert self.rooms == rooms
            raise

    def wait_state(self, state):
        self.wait(lambda: self.element("#status").get_attribute("data-state") == state,
                  f"the state {state!r}")

    def wait_room(self, room):
        self.wait(lambda: self.text("#room-title") == room, f"the room {room!r}")
        self.wait_state("online")

    def wait_focus(self, css):
        self.wait(lambda: self.js("return document.activeElement.matches(arguments[0])", css),
                  f"the focus on {css}")

    def wait_still(self):
        """What was asked for has been painted, and nothing moves or changes its colour any more."""
        self.frame()
        self.wait(lambda: self.js(STILL), "the end of movements")

    def fits(self):
        """Nothing is wider than the screen; neither page nor log scrolls sideways."""
        return self.js("""
            return ['html', 'body', '#log', '.card'].every((css) => {
              const box = document.querySelector(css);
              return box.scrollWidth <= box.clientWidth && box.clientWidth <= innerWidth;
            });
        """)

    # -- doing ----------------------------------------------------------------------------------

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def phone(self, width=360, height=740):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=2, mobile=True)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=True)
        return self

    def wide(self):
        """The end of phone()."""
        self.cdp("Emulation.clearDeviceMetricsOverride")
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=False)
        return self

    def dark(self, dark=True):
        scheme = "dark" if dark else "light"
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
        return self

    def tap(self):
        """From the next load on window.tap is between the page and its socket."""
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=TAP)
        return self

    def open(self, path="/"):
        self.driver.get(self.address + path)
        return self

    def reload(self):
        self.driver.refresh()
        return self.wait_signed_in()

    def click(self, css):
        """Where it has come to rest: what still slides in is no longer where the driver saw it."""
        self.wait_shown(css)
        self.wait(lambda: self.js(RESTS, css), f"the rest of {css}")

        def clicked():
            self.element(css).click()
            return True
        self.wait(clicked, f"a click on {css}")

    def press(self, *keys):
        """Keys go where the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def chord(self, *keys):
        """The last one while the others are held."""
        chain = webdriver.ActionChains(self.driver)
        for key in keys[:-1]:
            chain.key_down(key)
        chain.send_keys(keys[-1])
        for key in reversed(keys[:-1]):
            chain.key_up(key)
        chain.perform()

    def insert(self, css, text):
        """Text as an input method or the clipboard gives it: any script, any line breaks, at once."""
        self.click(css)
        self.wait_focus(css)
        self.cdp("Input.insertText", text=text)

    def fill_sign(self, user, password=PASSWORD):
        self.wait_shown("#sign-form")
        for css, value in (("#user", user), ("#password", password)):
            self.element(css).clear()
            if value:
                self.insert(css, value)

    def sign_up(self, user, password=PASSWORD):
        self.fill_sign(user, password)
        self.click("#sign-up")
        return self.wait_signed_in()

    def sign_in(self, user, password=PASSWORD):
        self.fill_sign(user, password)
        self.click("#sign-in")
        return self.wait_signed_in()

    def wait_signed_in(self):
        self.wait_shown("#chat")
        self.wait_state("online")
        return self

    def send(self, text):
        self.insert("#text", text)
        # Where a finger writes, Enter is a line.
        if self.js("return matchMedia('(pointer: coarse)').matches"):
            self.click("#send")
        else:
            self.press(Keys.ENTER)
        self.wait(lambda: self.value("#text") == "", "the empty box")

    def choose_room(self, room):
        """By the field; on a phone the drawer must be open."""
        self.insert("#room-name", room)
        self.click("#room-join")
        self.wait_room(room)

    def press_room(self, room):
        self.wait(lambda: self.js("""
            const list = document.querySelector('.rooms-nav');
            const button = [...list.querySelectorAll('button')].find((b) => b.dataset.room === arguments[0]);
            button?.click();
            return button !== undefined;
        """, room), f"{room!r} in the list")
        self.wait_room(room)


class Wire:
    """A TCP relay before a server. deaf: what the server says is swallowed. cut(): all links break.
    deaf_links(): those there are stay deaf, new ones are heard."""

    def __init__(self, port):
        self.target = port
        self.deaf = False
        self.lost = set()
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self.sockets += [near, far]
            for source, sink, swallow in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._carry, args=(source, sink, swallow),
                                 daemon=True).start()

    def _carry(self, source, sink, swallow):
        try:
            while data := source.recv(65536):
                if not (swallow and (self.deaf or source in self.lost)):
                    sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def deaf_links(self):
        self.lost |= set(self.sockets)
        self.deaf = False

    def cut(self):
        sockets, self.sockets = self.sockets, []
        for end in sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.cut()
