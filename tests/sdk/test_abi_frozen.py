# SPDX-License-Identifier: MIT
"""The headers of released minors, kept in sdk/abi: untouched, as recorded, and still the beginning of today's."""
import re
import subprocess

import pytest
import sdk_abi
from server import ROOT

SDK = ROOT / "sdk"
FROZEN = sdk_abi.frozen(SDK)


def test_everything_that_was_declared_still_is():
    assert sdk_abi.problems(SDK) == []


def test_every_minor_but_the_present_one_is_kept():
    present = sdk_abi.Headers(SDK / "include").version
    major, minor = map(int, present.split("."))
    released = [f"{major}.{i}" for i in range(1, minor)]
    assert list(FROZEN) == released
    assert sorted(file.stem for file in (SDK / "abi").glob("*.txt")) == [*released, present]
    page = (SDK / "abi" / "README.md").read_text()
    for version in released:
        assert re.search(rf"^\| \[?{re.escape(version)}\b.*\| `[0-9a-f]{{7}}` \|", page, re.M), version


@pytest.mark.parametrize("version", FROZEN)
def test_kept_headers_are_as_they_were(version):
    folder = FROZEN[version].parent
    result = subprocess.run(["sha256sum", "--quiet", "--strict", "--check", "sha256"], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert result.returncode == 0, result.stdout
    named = {line.split()[1] for line in (folder / "sha256").read_text().splitlines()}
    assert named == {str(file.relative_to(folder)) for file in folder.rglob("*.h")}
    assert sdk_abi.Headers(FROZEN[version]).version == version


@pytest.mark.parametrize("version", FROZEN)
def test_kept_headers_have_the_layout_of_their_record(version, tmp_path):
    """Each line of the golden record becomes an assertion that the compiler checks."""
    headers = sdk_abi.Headers(FROZEN[version])
    names = sorted(str(file.relative_to(FROZEN[version])) for file in FROZEN[version].rglob("*.h"))
    lines = [f"#include <{name}>" for name in names]

    def type_of(name):
        return name if name in headers.types else f"struct {name}"

    for line in (SDK / "abi" / f"{version}.txt").read_text().splitlines():
        kind, name, *rest = line.split()
        if kind in ("struct", "row", "frozen"):
            lines.append(f'_Static_assert(sizeof({type_of(name)}) == {rest[0]}, "{line}");')
        elif kind == "member":
            tag, member = name.split(".")
            lines.append(f'_Static_assert(offsetof({type_of(tag)}, {member}) == {rest[0]}, "{line}");')
            lines.append(f'_Static_assert(sizeof((({type_of(tag)} *)0)->{member}) == {rest[1]}, "{line}");')
        elif kind == "value":
            lines.append(f'_Static_assert({name} == {rest[0]}, "{line}");')
    assert len(lines) > 500
    source = tmp_path / "record.c"
    source.write_text("\n".join(lines) + "\n")
    result = subprocess.run(["cc", "-std=c11", "-fsyntax-only", "-I", FROZEN[version], source], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert result.returncode == 0, result.stdout
    recorded = {tuple(line.split()[1:3]) for line in (SDK / "abi" / f"{version}.txt").read_text().splitlines()
                if line.startswith("event ")}
    assert recorded == {(name, str(event[0])) for name, event in headers.events.items()}
    assert sdk_abi.unlisted(headers, SDK / "abi" / f"{version}.txt") == []
