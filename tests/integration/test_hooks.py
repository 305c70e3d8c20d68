# SPDX-License-Identifier: MIT
"""The order of handlers: what --check --hooks prints, and what a line in [hooks] changes."""
from chat import ALL_OFF, classic, example, rogue
from server import ini_text, run_chatd

# Both look at every message in CHECK: wordfilter refuses "secret", bad-verdict is at fault.
BOTH = {**ALL_OFF, "rooms": "on", **example("wordfilter"), **rogue("bad-verdict")}
WORD = {"wordfilter": {"word": "secret"}}


def hooks(folder, sections):
    ini = folder / "chatd.ini"
    ini.write_text(ini_text(sections))
    result = run_chatd("--check", "--hooks", "-c", ini, cwd=folder)
    return result, [tuple(line.split()) for line in result.stdout.splitlines()]


def order(rows, event):
    return [(band, plugin) for name, band, plugin in
            (row for row in rows if len(row) == 3) if name == event]


def test_hooks_are_printed_by_event_and_band(tmp_path):
    plugins = {**ALL_OFF, "rooms": "on", "typing": "on", **example("shout"),
               **example("wordfilter")}
    result, rows = hooks(tmp_path, {"plugins": plugins, **WORD})
    assert result.returncode == 0, result.stderr
    assert order(rows, "message") == [("CHECK", "wordfilter"), ("CHANGE", "shout"),
                                      ("WATCH", "typing")]
    assert ("CHECK", "typing") in order(rows, "signal")
    assert result.stdout.endswith(f"{tmp_path / 'chatd.ini'}: ok\n")


def test_without_hooks_the_check_prints_none(tmp_path):
    (tmp_path / "chatd.ini").write_text("")
    result = run_chatd("--check", "-c", tmp_path / "chatd.ini", cwd=tmp_path)
    assert result.stdout == f"{tmp_path / 'chatd.ini'}: ok\n"


def test_the_order_in_plugins_decides_a_tie(tmp_path):
    _, rows = hooks(tmp_path, {"plugins": BOTH, **WORD})
    assert order(rows, "message") == [("CHECK", "wordfilter"), ("CHECK", "bad-verdict")]
    turned = {**ALL_OFF, "rooms": "on", **rogue("bad-verdict"), **example("wordfilter")}
    _, rows = hooks(tmp_path, {"plugins": turned, **WORD})
    assert order(rows, "message") == [("CHECK", "bad-verdict"), ("CHECK", "wordfilter")]


def test_a_line_in_hooks_changes_the_order(tmp_path):
    sections = {"plugins": BOTH, **WORD, "hooks": {"message": "bad-verdict, wordfilter"}}
    result, rows = hooks(tmp_path, sections)
    assert result.returncode == 0, result.stderr
    assert order(rows, "message") == [("CHECK", "bad-verdict"), ("CHECK", "wordfilter")]


def test_whoever_is_not_named_comes_after(tmp_path):
    sections = {"plugins": BOTH, **WORD, "hooks": {"message": "bad-verdict"}}
    _, rows = hooks(tmp_path, sections)
    assert order(rows, "message") == [("CHECK", "bad-verdict"), ("CHECK", "wordfilter")]


def test_the_order_is_the_one_that_holds_at_run_time(chatd):
    def refusal(**sections):
        server = chatd(only=BOTH, sections={**WORD, **sections}).expect("bad-verdict")
        with classic(server) as client:
            client.say("a secret")
            return client.recv()["error"]["code"]

    assert refusal() == "wordfilter.refused"
    assert refusal(hooks={"message": "bad-verdict wordfilter"}) == "internal"


def test_an_event_that_does_not_exist_is_told_with_its_place(tmp_path):
    result, _ = hooks(tmp_path, {"plugins": {"rooms": "on"}, "hooks": {"mesage": "rooms"}})
    assert result.returncode == 1
    assert 'chatd.ini:5: [hooks] has no event "mesage"' in result.stderr
    assert 'did you mean "message"?' in result.stderr


def test_a_plugin_that_does_not_hook_the_event_is_told_with_its_place(tmp_path):
    result, _ = hooks(tmp_path, {"plugins": {"rooms": "on"}, "hooks": {"message": "static"}})
    assert result.returncode == 1
    assert 'chatd.ini:5: [hooks] message names "static"' in result.stderr


def test_the_environment_orders_as_well(tmp_path):
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": BOTH, **WORD}))
    env = {"CHATD_HOOKS_MESSAGE": "bad-verdict"}
    result = run_chatd("--check", "--hooks", "-c", ini, env=env, cwd=tmp_path)
    rows = [tuple(line.split()) for line in result.stdout.splitlines()]
    assert order(rows, "message")[0] == ("CHECK", "bad-verdict")
