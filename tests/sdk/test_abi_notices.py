# SPDX-License-Identifier: MIT
"""Every kind of change that the ABI forbids is noticed: in a copy of the headers, one at a time."""
import shutil
import subprocess

import pytest
import sdk_abi
from server import ROOT


@pytest.fixture
def sdk(tmp_path):
    copy = tmp_path / "sdk"
    for folder in ("include", "abi"):
        shutil.copytree(ROOT / "sdk" / folder, copy / folder)
    return copy


def complaints(sdk):
    """What test_abi.sh and the comparison of declarations say of it; "" when all is well."""
    result = subprocess.run(["sh", str(ROOT / "tests" / "sdk" / "test_abi.sh"), "--sdk", str(sdk)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = "" if result.returncode == 0 else result.stdout
    return text + "\n".join(sdk_abi.problems(sdk))


def replace(file, old, new):
    text = file.read_text()
    assert text.count(old) == 1, f"{file}: {old!r}"
    file.write_text(text.replace(old, new))


def test_an_untouched_copy_is_fine(sdk):
    assert complaints(sdk) == ""


# what is done, in which header, to which text, and what is said of it
FORBIDDEN = {
    "two members change places": (
        "http.h", "    const char *method; /* \"GET\", \"POST\", \"PUT\", \"DELETE\", \"PATCH\" */\n    const char *pattern;",
        "    const char *pattern;\n    const char *method;", "method of chatd_route_def there is room for a member that is not listed"),
    "a member in the middle": (
        "verb.h", "    const char *name; /* \"message.send\": a-z, 0-9, dot, dash, underscore, at most 64 */\n",
        "    const char *help;\n    const char *name;\n", "chatd_verb_def there is room for a member that is not listed"),
    "a function in the middle of the table": (
        "plugin.h", "    int (*reply)(", "    int (*reply_file)(void);\n    int (*reply)(",
        "chatd_core there is room for a member that is not listed"),
    "a member that is gone": (
        "event.h", "    int64_t ts;     /* milliseconds since 1970 */\n", "",
        "no member named"),
    "a member of another size": (
        "metric.h", "    uint32_t kind;             /* enum chatd_metric_kind */\n", "    uint64_t kind;\n",
        "member chatd_metric_def.kind 4 4: is now: "),
    "a member of another type of that size": (
        "config.h", "    int64_t min, max;", "    uint64_t min, max;",
        'since 0.1, chatd_cfg_field: "int64_t min" is now "uint64_t min"'),
    "a function with one argument more": (
        "plugin.h", "    int (*verb_ack)(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members);",
        "    int (*verb_ack)(chatd_plugin *self, chatd_conn conn, chatd_str id, chatd_str members, int flags);",
        'since 0.1, chatd_core: "int(*verb_ack)('),
    "a callback with one argument less": (
        "svc/kv.h", "typedef void (*chatd_kv_cb)(chatd_plugin *self, int err, const struct chatd_kv_reply *reply,\n"
        "                            void *arg);",
        "typedef void (*chatd_kv_cb)(chatd_plugin *self, int err, const struct chatd_kv_reply *reply);",
        "since 0.1, typedef chatd_kv_cb: was "),
    "an error with another number": (
        "abi.h", "CHATD_E_STATE = -6,", "CHATD_E_STATE = -16,", "value CHATD_E_STATE -6: is now: value CHATD_E_STATE -16"),
    "a flag with another number": (
        "conn.h", "CHATD_SEND_OR_SKIP = 2", "CHATD_SEND_OR_SKIP = 4", "value CHATD_SEND_OR_SKIP 2: is now: "),
    "an event with another id": (
        "event.h", "X(14, signaled,", "X(15, signaled,", "event signaled 14 NOTIFY"),
    "an event of another kind": (
        "event.h", "X(11, signal, struct chatd_ev_signal, DECIDE, ",
        "X(11, signal, struct chatd_ev_signal, DECIDE_ASYNC, ", "event signal 11 DECIDE "),
    "an event that is gone, whose id another one has": (
        "event.h", "X(13, tick, struct chatd_ev_tick, NOTIFY, \"core\")", "X(13, tock, struct chatd_ev_tick, NOTIFY, \"core\")",
        "event tick 13 NOTIFY struct chatd_ev_tick core: is gone"),
    "a limit that was lowered": (
        "abi.h", "#define CHATD_RECORD_MAX 4096u", "#define CHATD_RECORD_MAX 2048u", "value CHATD_RECORD_MAX 4096: is now: "),
    "a frozen record that grows": (
        "event.h", "    void *core;\n};", "    void *core;\n    uint64_t more;\n};",
        "chatd_ev there is room for a member that is not listed"),
    "a record without a line in the record of the ABI": (
        "verb.h", "enum chatd_verb_flag {", "struct chatd_verb_more {\n    uint32_t size;\n};\n\nenum chatd_verb_flag {",
        "chatd_verb_more is in the headers but not listed"),
    "a member in the padding at a record's end": (
        "event.h", "    uint32_t opcode; /* CHATD_TEXT or CHATD_BINARY */\n", "    uint32_t opcode;\n    uint32_t flags;\n",
        "chatd_ev_frame.flags is not in 0.4.txt"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_it_is_noticed(sdk, what):
    header, old, new, said = FORBIDDEN[what]
    replace(sdk / "include" / "chatd" / header, old, new)
    assert said in complaints(sdk)


def test_a_member_at_the_end_wants_a_new_minor(sdk):
    """Appending is what is allowed: the record of the present version says it is not in there."""
    replace(sdk / "include/chatd/http.h", "    uint32_t header_stride; /* sizeof(struct chatd_header) */\n",
            "    uint32_t header_stride;\n    uint64_t more;\n")
    said = complaints(sdk)
    assert "chatd_reply.more is not in 0.4.txt" in said
    assert "since 0." not in said


def record(sdk, text):
    """Whoever breaks a rule may also have written it down."""
    with open(sdk / "abi" / "0.4.txt", "a") as file:
        file.write(text + "\n")


def test_an_id_given_twice_is_noticed_though_it_was_recorded(sdk):
    replace(sdk / "include/chatd/event.h", 'X(14, signaled, struct chatd_ev_signaled, NOTIFY, "chatd.rooms")',
            'X(14, signaled, struct chatd_ev_signaled, NOTIFY, "chatd.rooms")  \\\n'
            '    X(14, pinged, struct chatd_ev_tick, NOTIFY, "core")')
    record(sdk, "event pinged 14 NOTIFY struct chatd_ev_tick core")
    assert complaints(sdk) == "event pinged: its id 14 is that of signaled"


def test_a_number_given_twice_is_noticed_though_it_was_recorded(sdk):
    replace(sdk / "include/chatd/plugin.h", "    CHATD_NEED_LATER = 2\n", "    CHATD_NEED_LATER = 2,\n    CHATD_NEED_SOON = 2\n")
    record(sdk, "value CHATD_NEED_SOON 2")
    assert "enum chatd_need_flag: CHATD_NEED_SOON is 2, as CHATD_NEED_LATER is" in complaints(sdk)


def test_a_raised_minor_wants_its_record_and_the_old_headers(sdk):
    replace(sdk / "include/chatd/abi.h", "#define CHATD_ABI_MINOR 4", "#define CHATD_ABI_MINOR 5")
    said = subprocess.run(["sh", str(ROOT / "tests/sdk/test_abi.sh"), "--sdk", str(sdk)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert said.returncode == 1 and "there is no sdk/abi/0.5.txt; test_abi.sh --print gives it" in said.stdout
    (sdk / "abi/0.5.txt").write_text((sdk / "abi/0.4.txt").read_text().replace("abi 0.4", "abi 0.5"))
    assert complaints(sdk) == "the headers of 0.4 are not kept in sdk/abi/0.4: see sdk/abi/README.md"
