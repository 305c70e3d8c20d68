# SPDX-License-Identifier: MIT
"""Accounts and sessions as a person sees them."""
import time

import jwt
import requests
from raw_ws import signed, with_secret
from selenium.webdriver.common.keys import Keys

from window import PASSWORD


def register(server, user):
    answer = requests.post(f"{server.http}/register", json={"user": user, "password": PASSWORD})
    assert answer.status_code == 201


def test_sign_up_out_in(chatd, window):
    server = chatd()
    page = window(server)
    page.wait_shown("#sign-form")
    page.wait_focus("#user")

    page.sign_up("Алиса")
    assert page.text("#me") == "алиса"
    assert page.text("#room-title") == "general"
    assert page.text("#status") == "Connected"
    page.wait_text("#empty", "^No messages yet. Write the first one.$")
    page.wait_focus("#text")

    page.click("#sign-out")
    page.wait_text("#sign-notice", "You have signed out")
    assert not page.shown("#chat")
    assert page.driver.get_cookies() == []
    assert page.value("#password") == ""

    page.sign_in("Алиса")
    assert page.text("#me") == "алиса"


def test_refusals_are_clear(chatd, window):
    server = chatd()
    register(server, "alice")
    page = window(server).expect(r"/login .*status of 401", r"/register .*status of 409")

    page.fill_sign("", "")
    page.click("#sign-in")
    page.wait_text("#sign-error", "Enter a name")
    page.wait_focus("#user")

    page.fill_sign("alice", "")
    page.press(Keys.ENTER)
    page.wait_text("#sign-error", "Enter a password")
    page.wait_focus("#password")

    for user in ("alice", "nobody"):
        page.fill_sign(user, "wrong password")
        page.click("#sign-in")
        page.wait_text("#sign-error", "^Wrong name or password.$")
        # What was typed stays, so that one letter can be put right.
        assert page.value("#user") == user

    page.fill_sign("alice")
    page.click("#sign-up")
    page.wait_text("#sign-error", "^This name is taken.$")

    page.fill_sign("bob", "short")
    page.click("#sign-up")
    page.wait_text("#sign-error", "at least 8 characters")

    page.fill_sign("b/o b")
    page.click("#sign-up")
    page.wait_text("#sign-error", "1 to 32 letters")
    assert not page.shown("#chat")

    page.sign_in("alice")


def test_the_next_person_is_somebody_else(chatd, window):
    page = window(chatd())
    page.sign_up("alice")
    page.choose_room("private")
    page.insert("#text", "a secret")
    page.click("#sign-out")
    page.wait_text("#sign-notice", "You have signed out")
    page.element("#user").clear()
    page.sign_up("bob")
    assert page.text("#room-title") == "general"
    assert page.rooms == {"general": ""}
    assert page.value("#text") == ""


def test_somebody_else_signs_in_in_another_tab(chatd, window):
    """There is one cookie for all tabs: whoever it belongs to, all show it, and nobody signs out somebody else."""
    server = chatd()
    page = window(server)
    page.sign_up("alice")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open("/favicon.svg")
    register(server, "bob")
    answer = requests.post(f"{server.http}/login", json={"user": "bob", "password": PASSWORD})
    page.driver.add_cookie({"name": "token", "value": answer.json()["token"]})
    page.js("localStorage.setItem('chatd.user', '\"bob\"')")
    page.driver.switch_to.window(first)
    page.wait_text("#me", "^bob$")
    page.wait_signed_in()


def test_revoked_elsewhere(chatd, window):
    server = chatd()
    page = window(server)
    page.sign_up("alice")
    page.insert("#text", "half a sentence")

    cookies = {cookie["name"]: cookie["value"] for cookie in page.driver.get_cookies()}
    assert requests.post(f"{server.http}/logout", cookies=cookies).status_code == 200

    page.wait_text("#sign-notice", "Your session has ended")
    assert page.shown("#sign-form") and not page.shown("#chat")
    assert page.value("#user") == "alice"
    page.wait_focus("#password")

    page.sign_in("alice")
    assert page.value("#text") == "half a sentence", "the draft is lost with the session"


def test_revoked_while_the_page_was_shut(chatd, window):
    server = chatd()
    page = window(server)
    page.sign_up("alice")
    cookies = {cookie["name"]: cookie["value"] for cookie in page.driver.get_cookies()}
    page.driver.get("about:blank")
    assert requests.post(f"{server.http}/logout", cookies=cookies).status_code == 200
    page.open()
    page.wait_shown("#sign-form")
    assert not page.shown("#chat")


def test_guest(chatd, window):
    server = chatd(plugins={"auth": "off"})
    first, second = (window(server).expect(r"/api/v1/me .*status of 404") for _ in range(2))
    for page in (first, second):
        page.wait_signed_in()
        page.wait_text("#me", "^guest-")
        assert not page.shown("#sign-form")
        assert not page.shown("#sign-out"), "a guest has no session to leave"

    first.send("hello from a guest")
    second.wait_texts(["hello from a guest"])
    second.send("hello back")
    both = ["hello from a guest", "hello back"]
    first.wait_texts(both)
    second.wait_texts(both)
    assert [message["own"] for message in first.messages] == [True, False]
    assert [message["own"] for message in second.messages] == [False, True]
    assert first.text("#me") == first.messages[0]["user"] != second.text("#me")


def test_scripts_see_no_token(chatd, window):
    page = window(chatd())
    page.sign_up("alice")
    [cookie] = page.driver.get_cookies()
    assert cookie["name"] == "token" and cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    assert page.js("return document.cookie") == ""
    stored = page.js("return JSON.stringify({...localStorage, ...sessionStorage})")
    assert cookie["value"] not in stored and "token" not in stored
    assert cookie["value"] not in page.driver.page_source


def test_a_page_that_stays_open_is_not_signed_out(chatd, window):
    """Its token ends, but by then there is another one, and the socket goes on with it."""
    server = chatd(sections=with_secret())
    page = window(server)
    page.sign_up("alice")
    start = time.time()
    token = signed("alice", ttl=34, chatd_renew=int(start) + 3600)

    def end():
        cookie = page.driver.get_cookie("token")["value"]
        return jwt.decode(cookie, options={"verify_signature": False})["exp"]
    page.driver.add_cookie({"name": "token", "value": token, "httpOnly": True, "path": "/"})
    page.reload()
    page.wait_signed_in()
    assert end() < start + 36
    page.wait(lambda: end() > start + 3000, "a renewed cookie", deadline=60)
    page.wait(lambda: server.metrics()["chatd_auth_renewed_total"] == 2, "a renewed socket")
    page.wait(lambda: time.time() > start + 37, "the end of the first token", deadline=60)
    page.send("still here")
    page.wait_texts(["still here"])
    assert page.text("#status") == "Connected"
    assert server.metrics()["chatd_connections"] == 1
