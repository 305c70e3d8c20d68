# SPDX-License-Identifier: MIT
"""chatd --check: every mistake, with its place and what to write instead, in one run."""
import os
import shutil
import signal

import pytest
from chat import EXAMPLES, ROGUES, plugin_folder
from server import BUILD, run_chatd


def check(folder, text, *args, env=None):
    ini = folder / "chatd.ini"
    ini.write_text(text)
    return run_chatd("--check", *args, "-c", ini, env=env, cwd=folder)


def complaint(result, *parts):
    """The one line of stderr with all these parts."""
    lines = [line for line in result.stderr.splitlines() if all(p in line for p in parts)]
    assert len(lines) == 1, (parts, result.stderr)
    return lines[0]


def test_five_mistakes_are_told_in_one_run(tmp_path):
    result = check(
        tmp_path,
        "[chatd]\n"
        "listn = 127.0.0.1:0\n"
        "ping_interval = soon\n"
        "cpu_threads = 99\n"
        "[plugins]\n"
        "auth = on\n"
        "history-sqlite = on\n"
        "[auht]\n"
        "[auth]\n"
        "cookie_secure = maybe\n",
    )
    ini = tmp_path / "chatd.ini"
    assert result.returncode == 1
    complaint(result, f"{ini}:2: ", '"listn"', 'did you mean "listen"?')
    complaint(result, f"{ini}:3: ", "ping_interval = soon is not a duration", "1s to 1h")
    complaint(result, f"{ini}:4: ", "cpu_threads", "16")
    complaint(result, f"{ini}:8: ", "unknown section [auht]", "did you mean [auth]?")
    complaint(result, f"{ini}:10: ", "cookie_secure", "auto, on or off")
    assert f"{ini}: 5 errors, 0 warnings" in result.stderr
    assert "ok" not in result.stdout


def test_a_sound_file_is_ok(tmp_path):
    result = check(tmp_path, "[chatd]\nlisten = 127.0.0.1:0\n")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{tmp_path / 'chatd.ini'}: ok\n"


def test_check_makes_no_database(tmp_path):
    assert check(tmp_path, "[plugins]\nhistory-sqlite = on\n").returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chatd.ini"]


def test_a_missing_file_is_named(tmp_path):
    result = run_chatd("--check", "-c", tmp_path / "none.ini")
    assert result.returncode == 1
    complaint(result, str(tmp_path / "none.ini"), "No such file")


def test_an_unknown_section_far_from_any_other_has_no_guess(tmp_path):
    result = check(tmp_path, "[zzzzzzzzzzzz]\n")
    assert result.returncode == 1
    assert complaint(result, ":1: ").endswith("unknown section [zzzzzzzzzzzz]")


def test_the_section_of_a_plugin_that_is_off_is_fine(tmp_path):
    result = check(tmp_path, "[plugins]\ntyping = off\n[typing]\nexpire = 6s\n")
    assert (result.returncode, result.stderr) == (0, "")


def test_an_unknown_plugin_is_named_with_its_line(tmp_path):
    result = check(tmp_path, "[plugins]\nhistroy-sqlite = on\n")
    assert result.returncode == 1
    line = complaint(result, "chatd.ini:2: ", "there is no plugin", "histroy-sqlite.so")
    assert 'did you mean "history-sqlite"?' in line


def test_a_file_that_is_no_shared_object_is_refused(tmp_path):
    broken = tmp_path / "broken.so"
    broken.write_text("not ELF")
    result = check(tmp_path, f"[plugins]\nbroken = {broken}\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", "cannot load plugin", str(broken))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_plugin_is_refused(tmp_path):
    copy = tmp_path / "hello.so"
    shutil.copy(EXAMPLES / "hello.so", copy)
    copy.chmod(0)
    result = check(tmp_path, f"[plugins]\nhello = {copy}\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", str(copy), "Permission denied")


def test_a_folder_is_no_plugin(tmp_path):
    result = check(tmp_path, f"[plugins]\nhello = {tmp_path}/\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", "is not a file")


def test_a_world_writable_plugin_is_refused(tmp_path):
    copy = tmp_path / "hello.so"
    shutil.copy(EXAMPLES / "hello.so", copy)
    copy.chmod(0o757)
    result = check(tmp_path, f"[plugins]\nhello = {copy}\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", str(copy), "writable by everybody; chmod o-w it")


def test_a_group_writable_plugin_is_a_warning(tmp_path):
    copy = tmp_path / "hello.so"
    shutil.copy(EXAMPLES / "hello.so", copy)
    copy.chmod(0o775)
    result = check(tmp_path, f"[plugins]\nhello = {copy}\n")
    assert result.returncode == 0, result.stderr
    complaint(result, "warn", str(copy), "writable by its group")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_plugin_of_another_user_is_refused(tmp_path):
    copy = tmp_path / "hello.so"
    shutil.copy(EXAMPLES / "hello.so", copy)
    os.chown(copy, 65534, 65534)
    result = check(tmp_path, f"[plugins]\nhello = {copy}\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", "belongs to user 65534", "chown it")


def test_a_plugin_must_be_named_as_it_calls_itself(tmp_path):
    result = check(tmp_path, f"[plugins]\ngreeting = {EXAMPLES / 'hello.so'}\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", '"hello"', "use that name")


def test_a_wrong_value_in_plugins_says_what_can_stand_there(tmp_path):
    result = check(tmp_path, "[plugins]\nrooms = maybe\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", "rooms = maybe", "on, off, optional, or the path of a .so")


def test_a_missing_required_option_is_named(tmp_path):
    result = check(tmp_path, f"[plugins]\nwordfilter = {EXAMPLES / 'wordfilter.so'}\n")
    assert result.returncode == 1
    complaint(result, "[wordfilter] word is required", "CHATD_WORDFILTER_WORD")


@pytest.mark.parametrize("workers", ["auto", "0", "1", "64"])
def test_these_are_numbers_of_workers(tmp_path, workers):
    assert check(tmp_path, f"[chatd]\nworkers = {workers}\n").returncode == 0


@pytest.mark.parametrize("workers", ["65", "-1", "many", "1.5", "2x"])
def test_another_number_of_workers_is_refused(tmp_path, workers):
    result = check(tmp_path, f"[chatd]\nworkers = {workers}\n")
    assert result.returncode == 1
    complaint(result, "chatd.ini:2: ", f"workers = {workers}", "write auto, or 0 to 64")


def test_a_plugin_that_crashes_in_init_is_told_by_name_and_signal(tmp_path):
    result = check(tmp_path, f"[plugins]\ninit-crash = {ROGUES / 'init-crash.so'}\n")
    assert result.returncode == 1
    complaint(result, "plugin init-crash crashed the check", f"signal {int(signal.SIGABRT)} ")


def test_check_never_calls_start(tmp_path, chatd):
    rogue = ROGUES / "late-register.so"
    result = check(tmp_path, f"[plugins]\nlate-register = {rogue}\n")
    assert result.returncode == 0, result.stderr
    assert "late-register: " not in result.stderr
    # The same plugin does log when it is started.
    server = chatd(only={"late-register": rogue}).expect("outside init")
    assert "late-register: route rc=-6" in server.log


def test_an_optional_plugin_that_is_missing_is_a_warning(tmp_path):
    result = check(tmp_path, "[plugins]\nnowhere = optional\n")
    assert result.returncode == 0
    complaint(result, "there is no plugin", "nowhere.so")
    complaint(result, "warning: ", "nowhere is optional")


def test_a_plugin_dir_is_where_names_are_looked_for(tmp_path):
    folder = plugin_folder(tmp_path / "plugins", EXAMPLES / "hello.so")
    result = check(tmp_path, "[chatd]\nplugin_dir = plugins\n[plugins]\nhello = on\n")
    assert result.returncode == 0, result.stderr
    assert (folder / "hello.so").exists()
    result = check(tmp_path, "[plugins]\nhello = on\n")
    complaint(result, str(BUILD / "bin"), "there is no plugin", "lib/chatd/hello.so")
