/* SPDX-License-Identifier: MIT */
/* Tests of what workers tell one another about tries. */
#include "tries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static chatd_str str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

static void test_there_and_back(void **state)
{
    const struct try_news news = {TRY_REGISTER, "0123456789abcdef", "2001:db8::1"};
    char longest[ENTRY_ADDRESS_BYTES], data[TRIES_DATA_BYTES];
    struct try_news read;
    chatd_str text;

    (void)state;
    text = tries_write(&news, data);
    assert_string_equal(text.p, "r 0123456789abcdef 2001:db8::1");
    assert_true(tries_read(text, &read));
    assert_int_equal(read.kind, news.kind);
    assert_string_equal(read.sender, news.sender);
    assert_string_equal(read.whom, news.whom);

    read = (struct try_news){TRY_LOGIN, "ffffffffffffffff", ""};
    memset(longest, 'a', sizeof(longest) - 1);
    memcpy(read.whom, longest, sizeof(longest) - 1);
    text = tries_write(&read, data);
    assert_int_equal(text.n, strlen(data));
    assert_true(tries_read(text, &read));
    assert_int_equal(strlen(read.whom), ENTRY_ADDRESS_BYTES - 1);

    /* What somebody typed as a name, in the longest place. */
    read = (struct try_news){TRY_GUESS, "ffffffffffffffff", "192.0.2.1 no name \n"};
    text = tries_write(&read, data);
    assert_true(tries_read(text, &read));
    assert_string_equal(read.whom, "192.0.2.1 no name \n");
    memset(read.whom, 'a', sizeof(read.whom) - 1);
    text = tries_write(&read, data);
    assert_int_equal(text.n, strlen(data));
    assert_true(tries_read(text, &read));
    assert_int_equal(strlen(read.whom), GUESS_KEY_BYTES - 1);
}

static void test_anything_else(void **state)
{
    static const char *const others[] = {
        "",
        "l",
        "l 0123456789abcdef",
        "l 0123456789abcdef ",
        "x 0123456789abcdef 192.0.2.1",
        "l 0123456789ABCDEF 192.0.2.1",
        "l 0123456789abcde 192.0.2.1",
        "l 0123456789abcdef0 192.0.2.1",
        "l 0123456789abcdef 192.0.2.1 ",
        "l 0123456789abcdef 192.0.2.1\n",
        "l 0123456789abcdef \xc3\xa4",
        "l  123456789abcdef 192.0.2.1",
        "l 0123456789abcdef 0123456789012345678901234567890123456789012345678901234567890123",
    };
    struct try_news news;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (tries_read(str(others[i]), &news))
            fail_msg("`%s` was taken", others[i]);
    assert_false(tries_read((chatd_str){"l 0123456789abcdef 192\0"
                                        "0.2.1",
                                        28},
                            &news));
    assert_true(tries_read(str("l 0123456789abcdef 192.0.2.1"), &news));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_anything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
