#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints the cases as a table by section of RFC 6455: how many, and their numbers."""
import collections
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "lib")]

from cases import CASES  # noqa: E402


def groups(found):
    """1.1.1 to 1.1.8 and 1.3.5 become "1.1, 1.3"."""
    return ", ".join(dict.fromkeys(case.number.rsplit(".", 1)[0] if case.number.count(".") > 1 else case.number
                                   for case in sorted(found, key=lambda case: case.key)))


by_section = collections.defaultdict(list)
for one in CASES:
    by_section[one.section].append(one)
print("| RFC 6455 | cases | numbers |\n|---|---|---|")
for section in sorted(by_section, key=lambda text: [int(part) for part in text.split(".")]):
    print(f"| {section} | {len(by_section[section])} | {groups(by_section[section])} |")
print(f"| | {len(CASES)} | |")
