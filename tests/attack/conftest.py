# SPDX-License-Identifier: MIT
"""The figures of all attacks, told at the end as one table."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

COLUMNS = ("attack", "p50", "p99", "max", "memory", "cap", "cpu", "logins", "attackers")
rows = []


@pytest.fixture
def figures():
    """figures(row) adds one of COLUMNS to the table."""
    return rows.append


def pytest_terminal_summary(terminalreporter):
    if not rows:
        return
    table = [COLUMNS, *([str(row[name]) for name in COLUMNS] for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(COLUMNS))]
    write = terminalreporter.write_line
    write("figure: latencies of the pair in ms, chatd's memory beside what it had before in MiB, its CPU in s")
    for row in table:
        write("figure: " + "  ".join(word.ljust(width) if i in (0, len(row) - 1) else word.rjust(width)
                                     for i, (word, width) in enumerate(zip(row, widths))).rstrip())
    for row in rows:
        for line in row["notes"]:
            write(f"figure: {row['attack']}: {line}")
