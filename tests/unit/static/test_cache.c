/* SPDX-License-Identifier: MIT */
/* The cache of the plugin `static`: what an entry costs, and who gives way. */
#include "cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KB = 1024, ROOM = 100 * KB };

static void put(struct static_cache *cache, const char *path, size_t plain_n, size_t gzip_n)
{
    struct static_file file = {.plain = {.bytes = malloc(plain_n + 1), .n = plain_n}};
    struct static_entry *entry;

    if (gzip_n > 0) {
        file.gzip.bytes = malloc(gzip_n);
        file.gzip.n = gzip_n;
    }
    entry = static_entry_new(path, &file, 0);
    assert_non_null(entry);
    assert_null(file.plain.bytes); /* the entry's now */
    assert_null(file.gzip.bytes);
    static_cache_put(cache, entry, ROOM);
    static_entry_unref(&entry);
}

static int has(struct static_cache *cache, const char *path)
{
    return static_cache_find(cache, path) != NULL;
}

static void test_both_forms_of_a_file_count(void **state)
{
    struct static_cache cache = {0};
    int64_t plain_alone;

    (void)state;
    put(&cache, "a.js", 10 * KB, 0);
    plain_alone = cache.bytes;
    assert_in_range(plain_alone, 10 * KB, 11 * KB);
    put(&cache, "a.js", 10 * KB, 4 * KB);
    assert_int_equal(cache.bytes, plain_alone + 4 * KB);
    static_cache_drop(&cache, "a.js");
    assert_int_equal(cache.bytes, 0);

    put(&cache, "b.js", 60 * KB, 0);
    put(&cache, "c.js", 30 * KB, 0); /* there is room for one more of this form */
    assert_true(has(&cache, "b.js"));
    put(&cache, "c.js", 30 * KB, 20 * KB);
    assert_false(has(&cache, "b.js"));
    put(&cache, "d.js", 80 * KB, 30 * KB); /* larger than all */
    assert_false(has(&cache, "d.js"));
    assert_true(has(&cache, "c.js"));
    static_cache_deinit(&cache);
    assert_int_equal(cache.bytes, 0);
}

static void test_the_longest_unused_gives_way(void **state)
{
    struct static_cache cache = {0};

    (void)state;
    put(&cache, "a.js", 30 * KB, 0);
    put(&cache, "b.js", 30 * KB, 0);
    put(&cache, "c.js", 30 * KB, 0);
    assert_true(has(&cache, "a.js"));
    put(&cache, "d.js", 20 * KB, 10 * KB);
    assert_true(has(&cache, "a.js"));
    assert_false(has(&cache, "b.js"));
    assert_true(has(&cache, "c.js"));
    static_cache_deinit(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms_of_a_file_count),
        cmocka_unit_test(test_the_longest_unused_gives_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
