# SPDX-License-Identifier: MIT
"""The client library's README is tried as it stands: its page, its folder, and a chatd."""
import re
import shutil

import requests
from server import ROOT
from window import PASSWORD

LIBRARY = ROOT / "static" / "js" / "protocol"


def test_the_page_of_the_readme(chatd, window, tmp_path):
    page = re.search(r"```html\n(.*?)```", (LIBRARY / "README.md").read_text(), re.S)[1]
    script = re.search(r'<script type="module">\n(.*?)</script>', page, re.S)[1]
    root = tmp_path / "site"
    shutil.copytree(LIBRARY, root / "protocol")
    # chatd's own policy forbids scripts within a page, and the README says what to do then.
    (root / "page.js").write_text(script)
    (root / "index.html").write_text(page.replace(script, "").replace('type="module"', 'type="module" src="page.js"'))

    server = chatd(sections={"static": {"root": str(root)}})
    for user in ("alice", "bob"):
        requests.post(f"{server.http}/register", json={"user": user, "password": PASSWORD}).raise_for_status()
    windows = [window(server).expect("HTTP Authentication failed|/favicon.ico") for _ in range(2)]
    alice, bob = windows
    alice.wait(lambda: "Sign in first." in alice.text("#messages"), "the hint")
    for one, user in zip(windows, ("alice", "bob")):
        answer = requests.post(f"{server.http}/login", json={"user": user, "password": PASSWORD})
        one.driver.add_cookie({"name": "token", "value": answer.json()["token"]})
        one.driver.refresh()
        one.wait(lambda one=one: one.text("#state") == "online", "the connection")
    alice.insert("#text", "<b>hello</b> from a page of one's own")
    alice.element("#form button").click()
    for one in windows:
        one.wait(lambda one=one: one.text("#messages li:last-child") == "alice: <b>hello</b> from a page of one's own",
                 "the message")
