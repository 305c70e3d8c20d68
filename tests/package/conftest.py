# SPDX-License-Identifier: MIT
"""Fixtures of the package tests: the packages, and bare roots with them."""
import collections
import pathlib
import re
import shlex
import shutil
import tempfile

import bare_root
import pytest
from server import ROOT, clean_env

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="session")
def packages():
    """{name: file}, made by the command that the README shows."""
    if shutil.which("dpkg-shlibdeps") is None:
        pytest.skip("the packages are made on Debian only: there is no dpkg-shlibdeps")
    command = re.search(r"^cmake --workflow .*$", README, re.M)[0]
    build = ROOT / "build" / "release"
    for old in build.glob("*.deb"):
        old.unlink()
    done = bare_root.run(*shlex.split(command, comments=True), cwd=ROOT, env=clean_env())
    assert done.returncode == 0, done.stdout
    return {path.name.split("_")[0]: path for path in build.glob("*.deb")}


@pytest.fixture(scope="session")
def bare():
    """A bare root, which tests leave as it is. Its files are on a disk, as /tmp may be memory."""
    reason = bare_root.why_not()
    if reason:
        pytest.skip(reason)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="chatd-package.", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield bare_root.Root.make(folder / "bare")
    except bare_root.NoMirror as error:
        pytest.skip(f"no mirror of Debian answers: {error}")
    finally:
        shutil.rmtree(folder)


Installed = collections.namedtuple("Installed", "root printed")


@pytest.fixture(scope="session")
def installed(bare, packages):
    """A root with chatd installed, which tests leave as it is, and what was printed meanwhile."""
    root = bare.copy(bare.folder.parent / "installed")
    printed = root.apt_install(packages["chatd"])
    return Installed(root.forget_apt(), printed)


@pytest.fixture
def machine(installed):
    """A root with chatd installed, to do with as one likes."""
    root = installed.root.copy(installed.root.folder.parent / "machine")
    yield root
    shutil.rmtree(root.folder)


@pytest.fixture
def workshop(bare, packages):
    """A root with both packages and what chatd-sdk recommends."""
    root = bare.copy(bare.folder.parent / "workshop")
    recommended = bare_root.run("dpkg-deb", "-f", packages["chatd-sdk"], "Recommends").stdout
    root.apt_install(*packages.values(), *(word.split(" | ")[0] for word in recommended.strip().split(", ")))
    yield root
    shutil.rmtree(root.folder)
