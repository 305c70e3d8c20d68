# SPDX-License-Identifier: MIT
"""Nothing on the page keeps people out who see, hear or move differently, as far as a program can tell."""
import axe
import pytest
from history import FAST
from states import walk


@pytest.mark.parametrize("language", ("en-US", "ru"))
def test_every_state(chatd, window, language):
    """In light and dark, on a wide screen and on a phone."""
    server = chatd(core=FAST)
    problems = []
    seen = []

    def visit(page, name):
        seen.append(name)
        problems.extend(f"{name}: {text}" for text in axe.everywhere(page))
        if name == "unread":
            page.phone().click("#menu")
            problems.extend(f"drawer: {text}" for text in axe.violations(page))
            page.press("\ue00c")
            page.wide()

    walk(server, lambda **options: window(server, **options), visit, language)
    assert not problems, "\n".join(problems)
    assert len(seen) > 15


FAULTS = {
    "color-contrast": "document.querySelector('.lead').style.color = '#d0d0d0'",
    "label": "document.querySelector('label[for=user]').remove()",
    "page-has-heading-one": "document.querySelector('h1').remove()",
    "target-size": """for (const button of document.querySelectorAll('.sign-buttons button')) {
                        button.style.cssText = 'all: unset; display: block; height: 8px; font-size: 5px';
                      }""",
}


@pytest.mark.parametrize("rule", FAULTS)
def test_axe_sees_a_fault(chatd, window, rule):
    page = window(chatd())
    page.wait_shown("#sign-form")
    page.js(FAULTS[rule])
    found = axe.violations(page)
    assert [text for text in found if text.startswith(f"{rule} (")], found
