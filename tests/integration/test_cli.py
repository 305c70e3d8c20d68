# SPDX-License-Identifier: MIT
"""The command line: what it prints and how it ends."""
import re

import pytest
from chat import ALL_OFF
from server import ROOT, run_chatd


def test_version_tells_the_version_and_the_abi():
    result = run_chatd("--version")
    version = re.search(r"project\(chatd VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(rf"chatd {re.escape(version[1])} \(SDK ABI \d+\.\d+\)\n", result.stdout)
    assert run_chatd("-V").stdout == result.stdout


def test_help_names_every_option():
    result = run_chatd("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for option in ("-c FILE", "--check", "--hooks", "--dump-config", "--health", "--version",
                   "--help", "CHATD_CONFIG", "CHATD_LISTEN"):
        assert option in result.stdout
    assert run_chatd("-h").stdout == result.stdout


@pytest.mark.parametrize("args", [["--chekc"], ["-x"], ["-c"]])
def test_an_option_that_does_not_exist_or_lacks_its_value_points_to_help(args):
    result = run_chatd(*args)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Try chatd --help." in result.stderr


def test_a_stray_word_is_refused():
    result = run_chatd("start")
    assert (result.returncode, result.stdout) == (2, "")
    assert '"start" is not understood' in result.stderr


@pytest.mark.parametrize("mode", ["--check", "--dump-config", None])
def test_a_missing_file_ends_with_1(tmp_path, mode):
    args = [mode] if mode else []
    result = run_chatd(*args, "-c", tmp_path / "none.ini", env={"CHATD_LISTEN": "127.0.0.1:0"},
                       cwd=tmp_path)
    assert result.returncode == 1
    assert "none.ini" in result.stderr and "No such file" in result.stderr


def test_chatd_config_names_the_file(tmp_path):
    ini = tmp_path / "other.ini"
    ini.write_text("[chatd]\nlog_level = warn\n")
    result = run_chatd("--dump-config", env={"CHATD_CONFIG": str(ini)})
    assert result.returncode == 0, result.stderr
    assert f"; from {ini}:2\nlog_level = warn\n" in result.stdout


def test_the_argument_wins_over_chatd_config(tmp_path):
    ini = tmp_path / "a.ini"
    ini.write_text("[chatd]\nlog_level = warn\n")
    result = run_chatd("--dump-config", "-c", ini, env={"CHATD_CONFIG": "/nonexistent"})
    assert (result.returncode, result.stderr) == (0, "")


def test_health_asks_the_running_server(chatd):
    server = chatd(only=ALL_OFF)
    address = {"CHATD_LISTEN": f"127.0.0.1:{server.port}"}
    result = run_chatd("--health", "-c", server.ini, env=address)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"chatd at 127.0.0.1:{server.port} is alive\n"
    server.stop()
    result = run_chatd("--health", "-c", server.ini, env=address)
    assert (result.returncode, result.stdout) == (1, "")
    assert "does not answer /livez" in result.stderr
