/* SPDX-License-Identifier: MIT */
/* The slab: ids, stale ids, order of reuse, caps, and the retirement of a slot before it wraps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/slab.h"

#include <string.h>

struct item {
    uint64_t a;
    char b[20];
};

static void ids_name_worker_generation_index(void **state)
{
    struct slab s;
    uint64_t id;

    (void)state;
    slab_init(&s, sizeof(struct item), 10, 7);
    assert_non_null(slab_new(&s, &id));
    assert_int_equal(id >> 56, 7);
    assert_int_equal(id >> 24 & 0xffffffff, 1);
    assert_int_equal(slab_index(id), 0);
    assert_int_equal(slab_id(&s, 0), id);
    slab_deinit(&s);
}

static void what_is_no_id_is_not_found(void **state)
{
    struct slab s;
    uint64_t id;

    (void)state;
    slab_init(&s, sizeof(struct item), 10, 1);
    assert_null(slab_get(&s, 0));
    assert_null(slab_at(&s, 0));
    assert_non_null(slab_new(&s, &id));
    assert_null(slab_get(&s, id + 1));                   /* a slot that was never used */
    assert_null(slab_get(&s, id + 100000));              /* beyond the slots */
    assert_null(slab_get(&s, id + ((uint64_t)1 << 24))); /* another generation */
    assert_null(slab_get(&s, id ^ (uint64_t)3 << 56));   /* another worker */
    assert_null(slab_get(&s, UINT64_MAX));
    slab_free(&s, id + ((uint64_t)1 << 24)); /* harmless */
    assert_non_null(slab_get(&s, id));
    slab_deinit(&s);
}

static void stale_ids_stay_stale(void **state)
{
    struct slab s;
    uint64_t first, again;
    struct item *p;

    (void)state;
    slab_init(&s, sizeof(struct item), 1000, 1);
    p = slab_new(&s, &first);
    memset(p, 0xff, sizeof(*p));
    slab_free(&s, first);
    assert_null(slab_get(&s, first));
    assert_null(slab_at(&s, slab_index(first)));
    slab_free(&s, first); /* twice is harmless */
    assert_int_equal(s.n_live, 0);
    do {
        p = slab_new(&s, &again);
        assert_int_equal(p->a, 0); /* zeroed */
        slab_free(&s, again);
    } while (slab_index(again) != slab_index(first));
    assert_null(slab_get(&s, first));
    assert_int_not_equal(first, again);
    slab_deinit(&s);
}

static void slots_are_reused_oldest_first(void **state)
{
    struct slab s;
    uint64_t id[256], next;
    int i;

    (void)state;
    slab_init(&s, sizeof(struct item), 1000, 1);
    for (i = 0; i < 256; i++)
        assert_non_null(slab_new(&s, &id[i]));
    slab_free(&s, id[9]);
    slab_free(&s, id[3]);
    slab_free(&s, id[200]);
    assert_non_null(slab_new(&s, &next));
    assert_int_equal(slab_index(next), 9);
    assert_non_null(slab_new(&s, &next));
    assert_int_equal(slab_index(next), 3);
    assert_non_null(slab_new(&s, &next));
    assert_int_equal(slab_index(next), 200);
    slab_deinit(&s);
}

static void addresses_do_not_move(void **state)
{
    struct slab s;
    uint64_t id[1000];
    struct item *p[1000];
    int i;

    (void)state;
    slab_init(&s, sizeof(struct item), 1000, 1);
    for (i = 0; i < 1000; i++) {
        p[i] = slab_new(&s, &id[i]);
        p[i]->a = (uint64_t)i;
    }
    for (i = 0; i < 1000; i++) {
        assert_ptr_equal(slab_get(&s, id[i]), p[i]);
        assert_ptr_equal(slab_at(&s, slab_index(id[i])), p[i]);
        assert_int_equal(p[i]->a, i);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
    }
    assert_null(slab_new(&s, &id[0])); /* `max` are alive */
    slab_free(&s, id[500]);
    assert_non_null(slab_new(&s, &id[0]));
    assert_null(slab_new(&s, &id[0]));
    slab_deinit(&s);
}

static void slot_retires_before_its_generation_wraps(void **state)
{
    struct slab s;
    uint64_t id, other;
    int i;

    (void)state;
    slab_init(&s, sizeof(struct item), 1000, 1);
    assert_non_null(slab_new(&s, &id));
    s.chunk[0]->generation[0] = UINT32_MAX - 2; /* odd: its last life */
    id = slab_id(&s, 0);
    assert_non_null(slab_get(&s, id));
    slab_free(&s, id);
    assert_null(slab_get(&s, id));
    for (i = 0; i < 600; i++) {
        assert_non_null(slab_new(&s, &other));
        assert_int_not_equal(slab_index(other), 0);
    }
    slab_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_name_worker_generation_index),
        cmocka_unit_test(what_is_no_id_is_not_found),
        cmocka_unit_test(stale_ids_stay_stale),
        cmocka_unit_test(slots_are_reused_oldest_first),
        cmocka_unit_test(addresses_do_not_move),
        cmocka_unit_test(slot_retires_before_its_generation_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
