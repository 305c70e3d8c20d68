/* SPDX-License-Identifier: MIT */
/* Tests of password lengths and of bcrypt hashes, at the lowest costs so that they are quick. */
#include "password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char salt_a[PASSWORD_SALT_BYTES] = "0123456789abcde";

static chatd_str str(const char *text)
{
    return (chatd_str){text, strlen(text)};
}

static void hash_of(const char *password, unsigned cost, char out[PASSWORD_HASH_CHARS + 1])
{
    assert_int_equal(password_hash(password, cost, (const unsigned char *)salt_a, out), CHATD_OK);
}

static chatd_str times(char *buf, size_t n)
{
    memset(buf, 'p', n);
    buf[n] = '\0';
    return (chatd_str){buf, n};
}

static void test_lengths(void **state)
{
    char buf[1024];

    (void)state;
    assert_false(password_new_ok(times(buf, 7)));
    assert_true(password_new_ok(times(buf, 8)));
    assert_true(password_new_ok(times(buf, 72)));
    assert_false(password_new_ok(times(buf, 73)));
    assert_false(password_try_ok(times(buf, 0)));
    assert_true(password_try_ok(times(buf, 1)));
    assert_true(password_try_ok(times(buf, 511)));
    assert_false(password_try_ok(times(buf, 512)));
}

static void test_hash_and_verify(void **state)
{
    char hash[PASSWORD_HASH_CHARS + 1];
    unsigned cost = 0;

    (void)state;
    hash_of("correct horse", 10, hash);
    assert_memory_equal(hash, "$2b$10$", 7);
    assert_true(password_hash_known(str(hash), &cost));
    assert_int_equal(cost, 10);
    assert_true(password_verify("correct horse", hash));
    assert_false(password_verify("correct hors", hash));
    assert_false(password_verify("Correct horse", hash));
    assert_false(password_verify("", hash));
}

/* Test vectors of other bcrypt implementations: the variants differ by name only for these. */
static void test_known_vectors(void **state)
{
    static const char body[] = "$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    static const char kinds[] = "aby";
    char hash[PASSWORD_HASH_CHARS + 1];
    unsigned cost;
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        hash[0] = '$';
        hash[1] = '2';
        hash[2] = kinds[i];
        memcpy(hash + 3, body, sizeof(body));
        assert_true(password_hash_known(str(hash), &cost));
        assert_true(password_verify("U*U", hash));
        assert_false(password_verify("U*V", hash));
        assert_true(password_needs_rehash(hash, 10));
        assert_int_equal(password_needs_rehash(hash, 5), kinds[i] != 'b');
    }
}

static void test_long_passwords_verify(void **state)
{
    char hash[PASSWORD_HASH_CHARS + 1], buf[1024];

    (void)state;
    hash_of(times(buf, 511).p, 4, hash);
    assert_true(password_verify(times(buf, 511).p, hash));
    assert_true(password_verify(times(buf, 72).p, hash)); /* bcrypt reads no further */
    assert_false(password_verify(times(buf, 71).p, hash));
}

static void test_utf8_passwords(void **state)
{
    char hash[PASSWORD_HASH_CHARS + 1];

    (void)state;
    hash_of("p\xc3\xa4ssw\xc3\xb6rt", 4, hash);
    assert_true(password_verify("p\xc3\xa4ssw\xc3\xb6rt", hash));
    assert_false(password_verify("passwort", hash));
}

static void test_other_hashes_are_unknown(void **state)
{
    static const char *const hashes[] = {
        "",
        "*0",
        "correct horse",
        "$1$abcdefgh$G//4keteveJp0qb8z2DxG/",
        "abJnggxhB/yWI",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$1a$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe:",
    };
    unsigned cost;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
        assert_false(password_hash_known(str(hashes[i]), &cost));
}

static void test_salt_counts(void **state)
{
    static const unsigned char other[PASSWORD_SALT_BYTES] = {1};
    char a[PASSWORD_HASH_CHARS + 1], b[PASSWORD_HASH_CHARS + 1];

    (void)state;
    hash_of("correct horse", 4, a);
    assert_int_equal(password_hash("correct horse", 4, other, b), CHATD_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(password_hash("x", 99, other, b), CHATD_E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),        cmocka_unit_test(test_hash_and_verify),
        cmocka_unit_test(test_known_vectors),  cmocka_unit_test(test_long_passwords_verify),
        cmocka_unit_test(test_utf8_passwords), cmocka_unit_test(test_other_hashes_are_unknown),
        cmocka_unit_test(test_salt_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
