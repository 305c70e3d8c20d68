/* SPDX-License-Identifier: MIT */
/* The plugin as its callers see it: the services chatd.log and chatd.kv on a test host. */
#include "store_internal.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INSTANCE "00000000000000aa"

static int setup(void **state)
{
    struct world *world = malloc(sizeof(*world));

    world_make(world);
    assert_int_equal(world_start(world, INSTANCE), CHATD_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    world_stop(world);
    scratch_remove(&world->scratch);
    free(world);
    return 0;
}

static void append_many(struct world *world, const char *room, int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(world_append(world, room, "", i), CHATD_OK);
        if (i % 500 == 499) /* below queue_max */
            testhost_turn(world->t);
    }
    testhost_turn(world->t);
    world->story[0] = '\0';
}

/* Another process of the instance writes: nobody here is told. */
static void append_elsewhere(struct world *world, const char *room, int n)
{
    struct store *store = world_history(world)->store;
    const struct store_entry entry = {
        .room = str_of(room), .user = str_of("bob"), .record = str_of("{}"), .now_ms = 1};
    struct store_appended appended;

    assert_int_equal(store_begin(store, true), CHATD_OK);
    for (int i = 0; i < n; i++)
        assert_int_equal(store_append(store, &entry, &appended), CHATD_OK);
    assert_int_equal(store_commit(store), CHATD_OK);
}

/* --- append and range -------------------------------------------------------------------------- */

static void test_append_and_range(void **state)
{
    struct world *world = *state;

    world_append(world, "a", "", 1);
    world_append(world, "b", "", 1);
    world_range(world, "a", 0, 10, CHATD_LOG_BEFORE); /* sees what was called before it only */
    world_append(world, "a", "", 2);
    assert_string_equal(world->story, "");
    world_expect(world, "+1 +1 1;top=1 +2");
    append_many(world, "a", 8);
    world_range(world, "a", 0, 3, CHATD_LOG_BEFORE);
    world_range(world, "a", 4, 10, CHATD_LOG_BEFORE);
    world_range(world, "a", 4, 3, CHATD_LOG_AFTER);
    world_range(world, "a", 7, 3, CHATD_LOG_AFTER);
    world_range(world, "a", 0, 0, CHATD_LOG_AFTER);
    world_range(world, "nobody", 0, 5, CHATD_LOG_BEFORE);
    world_expect(world, "8,9,10;top=10;more 1,2,3;top=10 5,6,7;top=10;more 8,9,10;top=10 ;top=10 "
                        ";top=0");
    assert_int_equal(testhost_metric(world->t, "appends_total", NULL), 11);
    assert_int_equal(testhost_metric(world->t, "queue", NULL), 0);
}

static void test_doubles(void **state)
{
    struct world *world = *state;

    world_append(world, "a", "cid", 1);
    world_append(world, "a", "cid", 1);
    world_append(world, "b", "cid", 1);
    world_expect(world, "+1 =1 +1");
    testhost_advance(world->t, 599999);
    world_append(world, "a", "cid", 1);
    world_expect(world, "=1");
    testhost_advance(world->t, 1);
    world_append(world, "a", "cid", 1);
    world_expect(world, "+2");
    assert_int_equal(testhost_metric(world->t, "duplicates_total", NULL), 2);
}

static void test_bad_arguments(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};
    char epoch[CHATD_LOG_EPOCH_MAX + 2];

    memset(epoch, 'e', sizeof(epoch) - 1);
    epoch[sizeof(epoch) - 1] = '\0';
    assert_int_equal(world_append(world, "", "", 1), CHATD_E_INVAL);
    assert_int_equal(world_range(world, "a", 0, CHATD_LOG_PAGE_MAX + 1, CHATD_LOG_AFTER),
                     CHATD_E_INVAL);
    assert_int_equal(world_range(world, "a", 0, 1, (enum chatd_log_range_flag)3), CHATD_E_INVAL);
    assert_int_equal(world_listen(world, &l, "a", epoch, 1), CHATD_E_INVAL);
    assert_int_equal(chatd_log_unsubscribe(world->caller, world->log, (chatd_sub){7}),
                     CHATD_E_GONE);
    world_expect(world, "");
}

/* --- subscriptions ----------------------------------------------------------------------------- */

static void test_live(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"}, y = {.name = "y", .leave = 4};

    append_many(world, "a", 2);
    assert_int_equal(world_listen(world, &x, "a", "", 0), CHATD_OK);
    assert_int_equal(world_listen(world, &y, "a", "", 0), CHATD_OK);
    world_append(world, "a", "", 3);
    world_append(world, "b", "", 3);
    world_append(world, "a", "c", 4);
    world_append(world, "a", "c", 4);
    world_append(world, "a", "", 5);
    world_expect(world, "x3 y3 +3 +1 x4 y4 +4 =4 x5 +5");
    world_append(world, "a", "", 6);
    world_expect(world, "x6 +6");
    assert_int_equal(chatd_log_unsubscribe(world->caller, world->log, x.sub), CHATD_OK);
    assert_int_equal(chatd_log_unsubscribe(world->caller, world->log, y.sub), CHATD_E_GONE);
    world_append(world, "a", "", 7);
    world_expect(world, "+7");
}

static void test_refill_from_position(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    append_many(world, "a", 700);
    x.last = 100;
    assert_int_equal(world_listen(world, &x, "a", world_epoch(world), 100), CHATD_OK);
    testhost_turn(world->t);
    assert_int_equal(x.last, 700); /* rising and without holes: the listener asserts */
    world->story[0] = '\0';
    world_append(world, "a", "", 1);
    world_expect(world, "x701 +701");
}

static void test_appends_during_refill(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};
    char all[2048] = "";
    size_t n = 0;

    append_many(world, "a", 300); /* more than a page */
    assert_int_equal(world_listen(world, &x, "a", world_epoch(world), 0), CHATD_OK);
    world_append(world, "a", "", 301);
    world_append(world, "a", "", 302);
    testhost_turn(world->t);
    for (int i = 1; i <= 302; i++) {
        if (i == 257) /* the first page is told before the answers of its batch */
            n += (size_t)snprintf(all + n, sizeof(all) - n, " +301 +302");
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%sx%d", i > 1 ? " " : "", i);
    }
    world_expect(world, all);
}

static void test_hole_is_read(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    append_many(world, "a", 1);
    world_listen(world, &x, "a", "", 0);
    world_append(world, "a", "", 2);
    world_expect(world, "x2 +2");
    append_elsewhere(world, "a", 3);
    world_expect(world, "");
    world_append(world, "a", "", 6);
    world_expect(world, "+6 x3 x4 x5 x6");
    append_elsewhere(world, "a", 2);
    subs_hint(&world_history(world)->subs, CHATD_STR("a"), 8);
    world_expect(world, "x7 x8");
}

static void test_trimmed(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    append_many(world, "a", 1101); /* a tenth above history_max and one: 101 go */
    world_listen(world, &x, "a", world_epoch(world), 5);
    testhost_turn(world->t);
    assert_memory_equal(world->story, "xgone6-101 x102 x103", 20);
    assert_int_equal(x.last, 1101);
}

/* What a position of the epoch before is worth. */
static void told_worth(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    (void)self;
    assert_int_equal(err, CHATD_OK);
    assert_true(CHATD_HAS(page, common));
    world_tell(world_came(arg), "%.*s:%llu", (int)page->previous.n, page->previous.p,
               (unsigned long long)page->common);
}

static void ask_worth(struct world *world, const char *room, uint32_t limit)
{
    world_asks(world, CHATD_OK,
               chatd_log_range(world->caller, world->log, str_of(room), 0, limit, CHATD_LOG_BEFORE,
                               told_worth, asked));
}

static void test_positions_of_other_epochs(void **state)
{
    struct world *world = *state;
    struct listener old = {.name = "o"}, future = {.name = "f"}, foreign = {.name = "u"};
    struct listener common = {.name = "c"}, present = {.name = "p"};
    char backup[128], before[32];

    append_many(world, "a", 3);
    snprintf(before, sizeof(before), "%s", world_epoch(world));
    world_restart(world);
    assert_string_equal(world_epoch(world), before);
    snprintf(backup, sizeof(backup), "%s.backup", world->scratch.db);
    world_stop(world);
    scratch_copy(world->scratch.db, backup);
    world_start(world, INSTANCE);
    append_many(world, "a", 5);
    world_stop(world);
    scratch_restore(&world->scratch, backup);

    assert_int_equal(world_start(world, INSTANCE), CHATD_OK);
    assert_string_not_equal(world_epoch(world), before);
    assert_non_null(strstr(testhost_log(world->t, CHATD_LOG_WARN), "restored backup"));
    append_many(world, "a", 1); /* 4, another one than before */

    world_listen(world, &old, "a", before, 7);
    world_expect(world, "oreset3 o4");
    world_listen(world, &common, "a", before, 2);
    world_expect(world, "creset3 c3 c4");
    world_listen(world, &foreign, "a", "somebody else's", 2);
    world_expect(world, "ureset0 u1 u2 u3 u4");
    world_listen(world, &future, "a", world_epoch(world), 9);
    world_expect(world, "freset4");
    world_listen(world, &present, "a", world_epoch(world), 4);
    world_expect(world, "");
    world_append(world, "a", "", 5);
    world_expect(world, "o5 c5 u5 f5 p5 +5");
    for (uint32_t limit = 0; limit < 2; limit++)
        ask_worth(world, "a", limit);
    ask_worth(world, "new", 0);
    char expected[256];

    snprintf(expected, sizeof(expected), "%s:3 %s:3 %s:0", before, before, before);
    world_expect(world, expected);
}

/* --- kv ---------------------------------------------------------------------------------------- */

static void replied(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    struct world *world = world_came(arg);

    assert_ptr_equal(self, world->caller);
    if (reply->value.n > 0)
        world_tell(world, "%d:%s", err, reply->value.p);
    else if (reply->number != 0)
        world_tell(world, "%d:%lld", err, (long long)reply->number);
    else
        world_tell(world, "%d", err);
}

static void scanned(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg);

static void scan(struct world *world, const char *cursor)
{
    world_asks(world, CHATD_OK,
               chatd_kv_scan(world->caller, world->kv, CHATD_STR("ns"), str_of(cursor), 2, scanned,
                             asked));
}

static void scanned(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    struct world *world = world_came(arg);

    assert_ptr_equal(self, world->caller);
    assert_int_equal(err, CHATD_OK);
    for (uint32_t i = 0; i < page->n; i++)
        world_tell(world, "%s=%s", page->items[i].key.p, page->items[i].value.p);
    if (!page->more)
        return;
    world_tell(world, "more");
    scan(world, page->cursor.p);
}

static void test_kv(void **state)
{
    struct world *world = *state;
    chatd_plugin *p = world->caller;
    chatd_str ns = CHATD_STR("ns"), k = CHATD_STR("k");

    world_asks(world, CHATD_OK, chatd_kv_get(p, world->kv, ns, k, replied, asked));
    world_asks(world, CHATD_OK,
               chatd_kv_put(p, world->kv, ns, k, CHATD_STR("one"), 0, replied, asked));
    world_asks(world, CHATD_OK, chatd_kv_get(p, world->kv, ns, k, replied, asked));
    world_asks(world, CHATD_OK,
               chatd_kv_put_absent(p, world->kv, ns, k, CHATD_STR("two"), 0, replied, asked));
    world_asks(world, CHATD_OK,
               chatd_kv_cas(p, world->kv, ns, k, CHATD_STR("x"), CHATD_STR("two"), replied, asked));
    world_asks(
        world, CHATD_OK,
        chatd_kv_cas(p, world->kv, ns, k, CHATD_STR("one"), CHATD_STR("two"), replied, asked));
    chatd_kv_put(p, world->kv, ns, k, CHATD_STR("three"), 0, NULL, NULL);
    world_asks(world, CHATD_OK, chatd_kv_get(p, world->kv, ns, k, replied, asked));
    world_asks(world, CHATD_OK, chatd_kv_del(p, world->kv, ns, k, replied, asked));
    world_asks(world, CHATD_OK, chatd_kv_del(p, world->kv, ns, k, replied, asked));
    world_expect(world, "-3 0 0:one -2:one -2:one 0:two 0:three 0 -3");

    world_asks(world, CHATD_OK, chatd_kv_add(p, world->kv, ns, k, 5, 1000, replied, asked));
    world_asks(world, CHATD_OK, chatd_kv_add(p, world->kv, ns, k, 5, 1000, replied, asked));
    world_expect(world, "0:5 0:10");
    testhost_advance(world->t, 1000);
    world_asks(world, CHATD_OK, chatd_kv_add(p, world->kv, ns, k, 5, 1000, replied, asked));
    world_expect(world, "0:5");
    world_asks(world, CHATD_E_INVAL, chatd_kv_get(p, world->kv, CHATD_STR(""), k, replied, asked));
    world_asks(world, CHATD_E_INVAL, chatd_kv_put(p, world->kv, ns, k, k, -1, replied, asked));
}

static void test_kv_scan(void **state)
{
    struct world *world = *state;
    chatd_plugin *p = world->caller;
    static const char *const keys[] = {"c", "a", "e", "b", "d"};

    for (int i = 0; i < 5; i++)
        chatd_kv_put(p, world->kv, CHATD_STR("ns"), str_of(keys[i]), CHATD_STR("1"), 0, NULL, NULL);
    chatd_kv_put(p, world->kv, CHATD_STR("ns"), CHATD_STR("t"), CHATD_STR("1"), 1000, NULL, NULL);
    chatd_kv_put(p, world->kv, CHATD_STR("other"), CHATD_STR("z"), CHATD_STR("1"), 0, NULL, NULL);
    scan(world, "");
    world_expect(world, "a=1 b=1 more c=1 d=1 more e=1");
}

/* --- the rest ---------------------------------------------------------------------------------- */

static void test_log_off(void **state)
{
    struct world *world = *state;

    world_stop(world);
    world->config.log = 0;
    assert_int_equal(world_start(world, INSTANCE), CHATD_OK);
    assert_null(world->log);
    assert_non_null(world->kv);
}

static void test_threads(void **state)
{
    struct world *world = *state;
    struct listener x = {.name = "x"};

    testhost_overlap_jobs(world->t, 1);
    world_listen(world, &x, "a", "", 0);
    for (int i = 0; i < 200; i++) {
        world_append(world, "a", "", i);
        world_range(world, "a", 0, 5, CHATD_LOG_BEFORE);
        if (i % 5 == 0)
            testhost_turn(world->t);
        world->story[0] = '\0';
    }
    testhost_turn(world->t);
    assert_int_equal(x.last, 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_append_and_range),
        TEST(test_doubles),
        TEST(test_bad_arguments),
        TEST(test_live),
        TEST(test_refill_from_position),
        TEST(test_appends_during_refill),
        TEST(test_hole_is_read),
        TEST(test_trimmed),
        TEST(test_positions_of_other_epochs),
        TEST(test_kv),
        TEST(test_kv_scan),
        TEST(test_log_off),
        TEST(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
