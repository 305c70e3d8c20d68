# SPDX-License-Identifier: MIT
"""The account in the settings: another password, and the end of all sessions."""
from window import PASSWORD

FRESH = "seven green kettles"


def open_account(page):
    page.click("#settings-open")
    page.wait_shown("#account")


def change(page, old, fresh):
    page.js("""for (const [id, value] of [['password-old', arguments[0]], ['password-new', arguments[1]]]) {
                 document.getElementById(id).value = value;
               }""", old, fresh)
    page.click("#password-change")


def close(page):
    page.click("#settings-close")
    page.wait(lambda: not page.shown("#settings"), "the end of the settings")


def is_talking(page, text):
    page.wait_state("online")
    page.send(text)
    page.wait_logged([text])


def test_the_password_is_changed(chatd, window):
    """Here one goes on; all other devices are signed out, and need the new one."""
    server = chatd()
    here = window(server).expect(r"/api/v1/password .*status of 40[03]")
    there = window(server).expect(r"/login .*status of 401")
    here.sign_up("alice")
    there.sign_in("alice")
    open_account(here)
    here.click("#password-part summary")
    for old, fresh, problem in (("", FRESH, "Enter the present password"), (PASSWORD, "", "Enter a new password"),
                                (PASSWORD, "short", "at least 8 characters"), (PASSWORD, "qwertyuiop", "easy to guess"),
                                ("wrong one", FRESH, "The present password is wrong")):
        change(here, old, fresh)
        here.wait_text("#account-error", problem)
    assert there.shown("#chat")

    change(here, PASSWORD, FRESH)
    here.wait_text("#account-done", "The password is changed")
    assert here.text("#account-error") == ""
    assert here.js("return [...document.querySelectorAll('#password-form input[type=password]')]"
                   ".map((input) => input.value)") == ["", ""]
    there.wait_text("#sign-notice", "Your session has ended")
    close(here)
    is_talking(here, "still here")

    there.fill_sign("alice", PASSWORD)
    there.click("#sign-in")
    there.wait_text("#sign-error", "Wrong name or password")
    there.sign_in("alice", FRESH)
    there.wait_logged(["still here"])


def test_another_window_of_this_browser_goes_on(chatd, window):
    """It has the new cookie, too."""
    page = window(chatd())
    page.sign_up("alice")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open()
    page.wait_signed_in()
    second = page.driver.current_window_handle
    page.wait_state("online")
    page.driver.switch_to.window(first)
    open_account(page)
    page.click("#password-part summary")
    change(page, PASSWORD, FRESH)
    page.wait_text("#account-done", "The password is changed")
    page.driver.switch_to.window(second)
    is_talking(page, "from the second")


def test_sign_out_on_all_devices(chatd, window):
    server = chatd()
    here, there = window(server), window(server)
    here.sign_up("alice")
    there.sign_in("alice")
    open_account(here)
    here.click("#sign-out-all")
    here.wait_text("#sign-notice", "You have signed out on all devices")
    there.wait_text("#sign-notice", "Your session has ended")
    for page in (here, there):
        assert not page.shown("#chat") and not page.shown("#settings")
    here.sign_in("alice")


def test_a_guest_has_no_account(chatd, window):
    page = window(chatd(plugins={"auth": "off"})).expect(r"/api/v1/me .*status of 404")
    page.wait_signed_in()
    page.click("#settings-open")
    page.wait_shown("#settings")
    assert not page.shown("#account")


def test_what_could_not_be_loaded_is_loaded_when_asked_again(chatd, window):
    page = window(chatd()).expect(r"account\.js.*ERR_BLOCKED_BY_CLIENT")
    page.sign_up("alice")
    page.cdp("Network.enable")
    page.cdp("Network.setBlockedURLs", urls=["*/js/view/account.js*"])
    page.click("#settings-open")
    page.wait_text("#account-state", "could not be loaded")
    page.click("#account-retry")
    page.wait(lambda: page.js("return performance.getEntriesByType('resource').filter((entry) =>"
                              " entry.name.includes('account.js')).length") == 2, "another attempt")
    page.wait_text("#account-state", "could not be loaded")
    page.cdp("Network.setBlockedURLs", urls=[])
    page.click("#account-retry")
    page.wait_focus("#password-part summary")
    assert page.text("#account-state") == "" and not page.shown("#account-retry")
    page.click("#sign-out-all")
    page.wait_text("#sign-notice", "You have signed out on all devices")
