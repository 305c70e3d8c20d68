/* SPDX-License-Identifier: MIT */
/* Which mistyped words get a suggestion, and which rather none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "config/nearest.h"

#include <string.h>

static const char *const words[] = {"listen",     "workers", "auth", "history-redis",
                                    "jwt_secret", NULL,      "cost"};

static const char *word_at(void *ctx, size_t i)
{
    (void)ctx;
    return words[i];
}

static const char *nearest(const char *word)
{
    return config_nearest(word, word_at, NULL, sizeof(words) / sizeof(words[0]));
}

static void test_one_step(void **state)
{
    (void)state;
    assert_string_equal(nearest("lisen"), "listen");   /* a letter missing */
    assert_string_equal(nearest("liisten"), "listen"); /* one too many */
    assert_string_equal(nearest("listem"), "listen");  /* another one */
    assert_string_equal(nearest("auht"), "auth");      /* two swapped */
}

static void test_exact_and_spelling(void **state)
{
    (void)state;
    assert_string_equal(nearest("cost"), "cost");
    assert_string_equal(nearest("LISTEN"), "listen");
    assert_string_equal(nearest("history_redis"), "history-redis");
    assert_string_equal(nearest("jwt-secret"), "jwt_secret");
}

static void test_more_steps_in_longer_words(void **state)
{
    (void)state;
    assert_string_equal(nearest("histori-rediss"), "history-redis");
    assert_string_equal(nearest("jwtsecrte"), "jwt_secret");
    assert_null(nearest("aht0")); /* two of four is not close */
}

static void test_silent_when_nothing_is_close(void **state)
{
    (void)state;
    assert_null(nearest("port"));
    assert_null(nearest(""));
    assert_null(nearest("x"));
    assert_null(config_nearest("listen", word_at, NULL, 0));
}

static void test_closest_wins_then_first(void **state)
{
    (void)state;
    assert_string_equal(nearest("host"), "cost");
    assert_string_equal(nearest("workerss"), "workers");
}

static const char *given(void *ctx, size_t i)
{
    const char *const *list = ctx;
    return list[i];
}

static void test_ties_and_better_later(void **state)
{
    (void)state;
    const char *list[] = {"rooms_mex", "rooms_mix", "rooms_max"};
    assert_string_equal(config_nearest("rooms_mux", given, list, 3), "rooms_mex");
    assert_string_equal(config_nearest("rooms_maxx", given, list, 3), "rooms_max");
}

static void test_long_words(void **state)
{
    (void)state;
    char long_word[66], limit_word[65];
    memset(long_word, 'a', 65);
    long_word[65] = '\0';
    memset(limit_word, 'a', 64);
    limit_word[64] = '\0';
    const char *list[] = {long_word, limit_word};
    assert_null(config_nearest(long_word, given, list, 2));
    assert_ptr_equal(config_nearest(limit_word, given, list, 2), limit_word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_step),
        cmocka_unit_test(test_exact_and_spelling),
        cmocka_unit_test(test_more_steps_in_longer_words),
        cmocka_unit_test(test_silent_when_nothing_is_close),
        cmocka_unit_test(test_closest_wins_then_first),
        cmocka_unit_test(test_ties_and_better_later),
        cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
