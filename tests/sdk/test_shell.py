# SPDX-License-Identifier: MIT
"""The shell tests that need no server: headers alone, layouts, quotes and hooks in the pages."""
import subprocess

import pytest
from server import ROOT


@pytest.mark.parametrize("script", ["test_headers.sh", "test_abi.sh", "test_doc_quotes.sh", "test_doc_hooks.sh"])
def test_the_script_passes(script):
    result = subprocess.run(["sh", str(ROOT / "tests" / "sdk" / script)], text=True, timeout=300,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert result.returncode == 0, result.stdout
    assert "FAIL" not in result.stdout
