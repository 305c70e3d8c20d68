#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints the cases as a table by section of RFC 6455 and RFC 7692: how many, and their numbers."""
import collections
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "lib")]

import cases  # noqa: E402
import deflate_cases  # noqa: E402


def groups(found):
    """1.1.1 to 1.1.8 and 1.3.5 become "1.1, 1.3"."""
    return ", ".join(dict.fromkeys(case.number.rsplit(".", 1)[0] if case.number.count(".") > 1 else case.number
                                   for case in sorted(found, key=lambda case: case.key)))


def print_table(rfc, found):
    by_section = collections.defaultdict(list)
    for one in found:
        by_section[one.section].append(one)
    print(f"| RFC {rfc} | cases | numbers |\n|---|---|---|")
    for section in sorted(by_section, key=lambda text: [int(part) for part in text.split(".")]):
        print(f"| {section} | {len(by_section[section])} | {groups(by_section[section])} |")
    print(f"| | {len(found)} | |\n")


print_table("6455", cases.CASES)
print_table("7692", deflate_cases.CASES)
