# SPDX-License-Identifier: MIT
"""axe, which looks at a page for what keeps people with disabilities out."""
from server import ROOT

SOURCE = ROOT / "build" / "client" / "node_modules" / "axe-core" / "axe.min.js"

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
RUN = """
const [values, done] = arguments;
axe.run(document, { runOnly: { type: 'tag', values } }).then(
  ({ violations, passes }) => done({ violations, passes: passes.length }),
  (error) => done({ error: String(error) }));
"""


def describe(rule):
    lines = [f"{rule['id']} ({rule['impact']}): {rule['help']}"]
    for node in rule["nodes"]:
        lines += ["    " + node["html"],
                  "        " + node["failureSummary"].replace("\n", "\n        ")]
    return "\n".join(lines)


def violations(page):
    """What is wrong with the page as it is on the screen when all movement has ended: a list of texts."""
    assert SOURCE.exists(), "install it: sh tests/client/packages.sh"
    page.wait_still()
    # A <script> would have to pass the page's Content-Security-Policy; what the driver runs need not.
    if not page.js("return 'axe' in window"):
        page.js(SOURCE.read_text())
    result = page.driver.execute_async_script(RUN, TAGS)
    assert "error" not in result, result["error"]
    assert result["passes"] > 10, "axe has looked at next to nothing"
    return [describe(rule) for rule in result["violations"]]


def everywhere(page):
    """What is wrong in light and dark, on a wide screen and on a phone; leaves it wide and light."""
    found = []
    for size in (page.phone, page.wide):
        for dark in (True, False):
            look = f"{size.__name__}, {'dark' if dark else 'light'}"
            found += [f"{look}: {text}" for text in violations(size().dark(dark))]
    return found
