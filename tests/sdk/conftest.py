# SPDX-License-Identifier: MIT
"""Fixtures of the SDK's tests."""
import subprocess

import pytest
from server import BUILD


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """Where the build is installed, as a stranger has it."""
    folder = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
    return folder
