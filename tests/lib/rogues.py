# SPDX-License-Identifier: MIT
"""What a person reads about each rogue: the lines of tests/sdk/rogue/README.md, to be looked for in a log."""
import re

from server import ROOT

PLACES = {"<file>": r"/\S+\.so", "<ini>": r"/\S+\.ini", "<n>": r"\d+", "<abi>": r"\d+\.\d+", "<conn>": "[0-9a-f]{16}",
          "<next>": r"a new one starts (?:now|in \d+ s)"}


def lines():
    """{plugin, or "plugin, words": [its lines]}"""
    page = (ROOT / "tests" / "sdk" / "rogue" / "README.md").read_text()
    table = page.partition("## What a person reads")[2]
    found = {}
    for names, line in re.findall(r"^\| `(\S+`(?:, `[^`]+`)?) \| `([^`]+)` \|$", table, re.M):
        found.setdefault(names.replace("`", ""), []).append(line)
    return found


LINES = lines()


def pattern(line):
    parts = re.split("(" + "|".join(PLACES) + ")", line)
    return "".join(PLACES.get(part) or re.escape(part) for part in parts)


def reads(name, log):
    """Every line of the table for this rogue is in the log, whole."""
    for line in LINES[name]:
        level, said = re.fullmatch(r"(\w+) +(.*)", line).groups()
        which = f"{level:<5} (?:#\\d+ )?{pattern(said)}"  # a worker of several says its number
        assert re.search(rf"^\S+Z {which}$", log, re.M), f"not read: {line}\n\n{log}"
    return True


def reads_in_check(name, stderr):
    """The same of what --check says, which has no "error config: " in front."""
    for line in LINES[name]:
        said = line.partition(": ")[2]
        assert re.search(pattern(said) + "$", stderr, re.M), f"not read: {said}\n\n{stderr}"
    return True
