/* SPDX-License-Identifier: MIT */
/* What Redis' errors mean, and reading INFO. */
#include "info.h"
#include "trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_kinds(void **state)
{
    static const struct {
        const char *error;
        enum trouble_kind kind;
        bool is_unexecuted;
    } cases[] = {
        {"NOSCRIPT No matching script. Please use EVAL.", TROUBLE_NO_SCRIPT, true},
        {"WRONGTYPE key chat_history:x is a string, not a list", TROUBLE_TYPE, false},
        {"OOM command not allowed when used memory > 'maxmemory'. script: x, on @user_script:1.",
         TROUBLE_STORE, false},
        {"ERR Error running script (call to f_x): @user_script:1: -OOM command not allowed",
         TROUBLE_STORE, false},
        {"MISCONF Redis is configured to save RDB snapshots", TROUBLE_STORE, false},
        {"READONLY You can't write against a read only replica.", TROUBLE_PLACE, true},
        {"ERR Error running script (call to f_x): @user_script: 1: -READONLY You can't write",
         TROUBLE_PLACE, true},
        {"LOADING Redis is loading the dataset in memory", TROUBLE_PLACE, true},
        {"BUSY Redis is busy running a script.", TROUBLE_STORE, true},
        {"WRONGPASS invalid username-password pair or user is disabled.", TROUBLE_ACCESS, true},
        {"NOAUTH Authentication required.", TROUBLE_ACCESS, true},
        {"NOPERM this user has no permissions", TROUBLE_ACCESS, false},
        {"ERR max number of clients reached", TROUBLE_PLACE, true},
        {"ERR something else", TROUBLE_OTHER, false},
        {"BUSYGROUP no", TROUBLE_OTHER, false},
        {"", TROUBLE_OTHER, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct trouble *trouble = trouble_of(cases[i].error);

        if (trouble->kind != cases[i].kind || trouble->is_unexecuted != cases[i].is_unexecuted)
            fail_msg("%s", cases[i].error);
        assert_true(strlen(trouble->advice) > 0);
    }
}

static void test_texts(void **state)
{
    char text[512];

    (void)state;
    trouble_text("h:1", "READONLY You can't write against a read only replica.", text,
                 sizeof(text));
    assert_string_equal(text,
                        "h:1: READONLY You can't write against a read only replica: this is a "
                        "read-only replica: let [history-redis] address name the master");
    trouble_text("h:1", "OOM too much. script: 0123, on @user_script:7.", text, sizeof(text));
    assert_string_equal(text, "h:1: OOM too much: raise maxmemory in redis.conf, or delete what is "
                              "not needed");
}

/* Redis repeats the arguments of what it does not know. */
static void test_no_message_gets_into_a_text(void **state)
{
    char text[512], cut[40];

    (void)state;
    trouble_text("h:1", "ERR unknown command 'EVALSHA', with args beginning with: 'secret' ", text,
                 sizeof(text));
    assert_null(strstr(text, "secret"));
    trouble_text("h:1", "ERR line\r\nsecret", text, sizeof(text));
    assert_null(strstr(text, "secret"));
    trouble_text("h:1", "ERR something long enough to be cut off by the buffer", cut, sizeof(cut));
    assert_int_equal(strlen(cut), sizeof(cut) - 1);
}

static void test_info(void **state)
{
    static const char info[] = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Memory\r\n"
                               "maxmemory:0\r\nmaxmemory_policy:noeviction\r\nrole:master";
    char value[8];

    (void)state;
    assert_true(info_get(info, "run_id", value, sizeof(value)));
    assert_string_equal(value, "abc");
    assert_true(info_get(info, "maxmemory", value, sizeof(value)));
    assert_string_equal(value, "0");
    assert_true(info_get(info, "maxmemory_policy", value, sizeof(value)));
    assert_string_equal(value, "noevict"); /* cut */
    assert_true(info_get(info, "role", value, sizeof(value)));
    assert_string_equal(value, "master");
    assert_false(info_get(info, "id", value, sizeof(value)));
    assert_string_equal(value, "");
    assert_false(info_get("", "role", value, sizeof(value)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_no_message_gets_into_a_text),
        cmocka_unit_test(test_info),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
