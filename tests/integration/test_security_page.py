# SPDX-License-Identifier: MIT
"""SECURITY.md says nothing that is not so: its options, defaults, counters and tests are there."""
import re

import pytest
from server import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.split("## Measures")[1].splitlines() if line.startswith("| ")][1:]
MEASURES = [row for row in ROWS if not row[0].startswith("**")]


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def documented():
    """{(section, key): default} of etc/chatd.ini."""
    found, section = {}, None
    for line in (ROOT / "etc" / "chatd.ini").read_text().splitlines():
        header = re.fullmatch(r"\[(.*)\]", line)
        entry = re.fullmatch(r"(?:; )?([a-z][a-z0-9_.-]*) =(?: (.*))?", line)
        section = header[1] if header else section
        if entry:
            found[section, entry[1]] = entry[2] or ""
    return found


def counters():
    """What /metrics can have, as text of the sources."""
    core = (ROOT / "core" / "host" / "metric.c").read_text()
    found = {f"chatd_{name}" for name in re.findall(r'\{"([a-z_]+)", ', core)}
    found |= {f"chatd_{name}" for name in re.findall(r'"([a-z_]+_total)"', core)}
    for folder in (ROOT / "plugins").iterdir():
        for source in folder.glob("*.c"):
            prefix = f"chatd_{folder.name.replace('-', '_')}_"
            found |= {prefix + name for name in re.findall(r'"([a-z_]+)"', source.read_text())}
    return found


def test_the_table_is_there():
    assert len(MEASURES) > 40 and all(len(row) == 4 for row in ROWS)


def test_every_option_is_in_the_ini_with_that_default():
    known = documented()
    for row in MEASURES:
        for text in words(row[1]):
            section, key, default = re.fullmatch(r"(?:\[(.*)\] )?(\S+) =(?: (.*))?", text).groups()
            assert known.get((section or "chatd", key)) == (default or ""), text


def test_every_counter_is_in_the_sources():
    assert {word for row in MEASURES for word in words(row[2])} - counters() == set()


@pytest.mark.parametrize("place", sorted({word for row in MEASURES for word in words(row[3])} |
                                         set(re.findall(r"`(test_\w+\.py::\w+)`", PAGE))))
def test_every_test_is_there(place):
    file, name = place.split("::")
    sources = list((ROOT / "tests").rglob(file))
    assert len(sources) == 1
    pattern = rf"^(async )?def {name}\(" if file.endswith(".py") else rf"^static void {name}\("
    assert re.search(pattern, sources[0].read_text(), re.M)


def test_every_measure_is_attacked():
    assert [row[0] for row in MEASURES if not words(row[3])] == []
