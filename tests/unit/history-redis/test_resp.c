/* SPDX-License-Identifier: MIT */
/* Commands, against what hiredis makes of them. */
#include "resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>

static void same(int argc, const char **argv, const size_t *bytes)
{
    size_t max = resp_max(argc, bytes);
    char *mine = malloc(max), *theirs = NULL; /* a byte too many is seen by the sanitizer */
    size_t n = resp_put(mine, argc, argv, bytes);
    int m = redisFormatCommandArgv(&theirs, argc, argv, bytes);

    assert_true(n <= max);
    assert_int_equal(n, m);
    assert_memory_equal(mine, theirs, n);
    free(mine);
    redisFreeCommand(theirs);
}

static void lengths(void **state)
{
    static const size_t row[] = {0, 1, 9, 10, 99, 100, 999, 1000, 65536, 1000000};
    const size_t n = sizeof(row) / sizeof(row[0]);
    char *text = malloc(row[n - 1]);
    const char *argv[12];
    size_t bytes[12];

    (void)state;
    memset(text, 'x', row[n - 1]);
    text[0] = '\r';
    text[1] = '\0';
    for (size_t i = 0; i < n; i++) {
        argv[i] = text;
        bytes[i] = row[i];
        same(1, argv + i, bytes + i);
        same((int)i + 1, argv, bytes);
    }
    argv[10] = argv[11] = NULL;
    bytes[10] = bytes[11] = 0;
    same(12, argv, bytes);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lengths)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
