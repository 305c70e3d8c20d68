/* SPDX-License-Identifier: MIT */
/* Subscribers over a store and channels that the test plays, with steps it chooses. */
#include "subs.h"

#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READS_MAX 128

/* One room. Its records have no content: their number says it all. */
struct world {
    struct testhost *t;
    struct story story;
    struct subs subs;
    char epoch[24], previous[24];
    uint64_t top, first, common;
    uint32_t page_max; /* a page ends earlier than asked for; 0: it does not */
    struct {
        uint64_t seq;
        uint32_t limit;
        char fresh[24];
        page_done done;
        void *arg;
    } reads[READS_MAX]; /* not answered yet */
    int n_reads;
    int err; /* of the next read's answer */
    int listens;
};

struct listener {
    struct world *world;
    const char *name;
    chatd_sub sub;
    uint64_t last, leave_at;
    struct listener *takes_along;
};

static int subs_read(void *arg, const struct page_wish *wish, page_done done, void *done_arg)
{
    struct world *world = arg;
    int i = world->n_reads++;

    assert_true(wish->patient && wish->direction == CHATD_LOG_AFTER && i < READS_MAX);
    world->reads[i].seq = wish->seq;
    world->reads[i].limit = wish->limit;
    snprintf(world->reads[i].fresh, sizeof(world->reads[i].fresh), "%.*s", (int)wish->fresh.n,
             wish->fresh.n > 0 ? wish->fresh.p : "");
    world->reads[i].done = done;
    world->reads[i].arg = done_arg;
    return CHATD_OK;
}

static int subs_listen(void *arg, chatd_str room)
{
    (void)room;
    ((struct world *)arg)->listens++;
    return CHATD_OK;
}

static void subs_unlisten(void *arg, chatd_str room)
{
    (void)room;
    ((struct world *)arg)->listens--;
}

static int setup(void **state)
{
    static const struct subs_events events = {
        .read = subs_read, .listen = subs_listen, .unlisten = subs_unlisten};
    struct world *world = calloc(1, sizeof(*world));

    world->t = host_for("subs");
    subs_init(&world->subs, testhost_self(world->t), &events, world);
    strcpy(world->epoch, "e1");
    world->first = 1;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    testhost_cancel(world->t);
    subs_deinit(&world->subs);
    for (int i = 0; i < world->n_reads; i++) /* as the queue does when the server stops */
        world->reads[i].done(world->reads[i].arg, CHATD_E_CANCELLED, NULL);
    assert_int_equal(testhost_free(world->t), 0);
    assert_int_equal(world->listens, 0);
    free(world);
    return 0;
}

/* --- what the test does ------------------------------------------------------------------------ */

/* The oldest read is answered with what the store has now. */
static void answer(struct world *world)
{
    static struct chatd_log_record records[SUBS_PAGE];
    struct page page = {.epoch = {world->epoch, strlen(world->epoch)},
                        .previous = {world->previous, strlen(world->previous)},
                        .common = world->common,
                        .top = world->top,
                        .records = records};

    assert_true(world->n_reads > 0);
    uint64_t seq = world->reads[0].seq + 1;
    uint32_t limit = world->reads[0].limit;
    page_done done = world->reads[0].done;
    void *arg = world->reads[0].arg;

    if (seq < world->first)
        seq = world->first;
    if (world->page_max > 0 && limit > world->page_max)
        limit = world->page_max;
    for (; seq <= world->top && page.n < limit; seq++)
        records[page.n++] =
            (struct chatd_log_record){.seq = seq, .ts = 1, .record = CHATD_STR("{}")};
    world->n_reads--;
    memmove(&world->reads[0], &world->reads[1], sizeof(world->reads[0]) * (size_t)world->n_reads);
    int err = world->err;

    world->err = CHATD_OK;
    done(arg, err, err == CHATD_OK ? &page : NULL);
}

static void answer_all(struct world *world)
{
    while (world->n_reads > 0)
        answer(world);
}

static void listening(struct world *world)
{
    subs_listening(&world->subs, CHATD_STR("a"));
}

static void publish(struct world *world, uint64_t seq)
{
    const struct publication publication = {.is_record = true,
                                            .epoch = {world->epoch, strlen(world->epoch)},
                                            .seq = seq,
                                            .ts = 1,
                                            .body = CHATD_STR("{}")};

    subs_published(&world->subs, CHATD_STR("a"), &publication);
}

/* Appends and publishes. */
static void append(struct world *world)
{
    publish(world, ++world->top);
}

static void on_record(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                      const struct chatd_log_record *record, void *arg)
{
    struct listener *listener = arg;
    struct world *world = listener->world;

    (void)epoch;
    assert_ptr_equal(self, testhost_caller(world->t));
    assert_true(record->seq == listener->last + 1);
    listener->last = record->seq;
    story_tell(&world->story, "%s%llu", listener->name, (unsigned long long)record->seq);
    if (record->seq != listener->leave_at)
        return;
    assert_int_equal(subs_remove(&world->subs, sub), CHATD_OK);
    if (listener->takes_along != NULL)
        assert_int_equal(subs_remove(&world->subs, listener->takes_along->sub), CHATD_OK);
}

static void on_reset(chatd_plugin *self, chatd_sub sub, chatd_str epoch, uint64_t seq, void *arg)
{
    struct listener *listener = arg;

    (void)self, (void)sub;
    if (listener->last > seq)
        listener->last = seq;
    story_tell(&listener->world->story, "%sreset%llu:%.*s", listener->name, (unsigned long long)seq,
               (int)epoch.n, epoch.p);
}

static void on_trimmed(chatd_plugin *self, chatd_sub sub, uint64_t from, uint64_t to, void *arg)
{
    struct listener *listener = arg;

    (void)self, (void)sub;
    assert_true(from == listener->last + 1);
    listener->last = to;
    story_tell(&listener->world->story, "%sgone%llu-%llu", listener->name, (unsigned long long)from,
               (unsigned long long)to);
}

static void subscribe(struct world *world, struct listener *listener, const char *epoch,
                      uint64_t seq)
{
    static const struct chatd_log_listener events = {
        .size = sizeof(events), .record = on_record, .reset = on_reset, .trimmed = on_trimmed};
    const struct chatd_log_position after = {.epoch = {epoch, strlen(epoch)}, .seq = seq};

    listener->world = world;
    listener->last = seq;
    assert_int_equal(subs_add(&world->subs, testhost_caller(world->t), CHATD_STR("a"), &after,
                              &events, listener, &listener->sub),
                     CHATD_OK);
}

/* --- in order, no holes, no doubles ------------------------------------------------------------ */

static void test_reads_when_it_is_listened_to_then_live(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 3;
    subscribe(world, &l, "e1", 1);
    assert_int_equal(world->n_reads, 0); /* what is read before would not be whole */
    listening(world);
    assert_int_equal(world->n_reads, 1);
    answer(world);
    append(world);
    append(world);
    story_expect(&world->story, "l2 l3 l4 l5");
    assert_int_equal(world->n_reads, 0);
}

static void test_what_comes_while_it_reads_is_merged(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 2;
    subscribe(world, &l, "e1", 0);
    listening(world);
    append(world); /* 3: in the page as well */
    append(world);
    world->top = 3; /* the page was read between the two */
    answer(world);
    story_expect(&world->story, "l1 l2 l3 l4");
    world->top = 4;
    append(world);
    story_expect(&world->story, "l5");
    assert_int_equal(world->n_reads, 0);
}

static void test_a_hole_is_read_and_doubles_are_ignored(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    subscribe(world, &l, "e1", 0);
    listening(world);
    answer(world);
    append(world);
    publish(world, 1);
    world->top = 3;
    publish(world, 3); /* 2 was lost on the way */
    story_expect(&world->story, "l1");
    append(world);
    answer(world);
    story_expect(&world->story, "l2 l3 l4");
    assert_int_equal(world->n_reads, 0);
}

static void test_more_than_is_kept_is_read(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    subscribe(world, &l, "e1", 0);
    listening(world);
    for (int i = 0; i < (int)SUBS_KEPT_MAX + 10; i++)
        append(world);
    world->top = 0; /* the page is older than all of them */
    answer(world);
    world->top = SUBS_KEPT_MAX + 10;
    assert_true(l.last == SUBS_KEPT_MAX);
    answer_all(world);
    assert_true(l.last == world->top);
}

static void test_pages_follow_each_other(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 5;
    world->page_max = 2;
    subscribe(world, &l, "e1", 0);
    listening(world);
    answer_all(world);
    story_expect(&world->story, "l1 l2 l3 l4 l5");
}

static void test_what_was_trimmed_is_told(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"}, m = {.name = "m"};

    world->top = 9;
    world->first = 7;
    subscribe(world, &l, "e1", 2);
    listening(world);
    answer(world);
    story_expect(&world->story, "lgone3-6 l7 l8 l9");
    world->first = 12;
    world->top = 11; /* all of it */
    publish(world, 11);
    answer_all(world);
    story_expect(&world->story, "lgone10-11");
    subscribe(world, &m, "e1", 11);
    answer_all(world);
    story_expect(&world->story, "");
}

static void test_from_the_present_top_on(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 5;
    subscribe(world, &l, "", 0);
    assert_int_equal(world->n_reads, 1); /* at once: "present" is now */
    assert_int_equal(world->reads[0].limit, 0);
    answer(world);
    l.last = 5;
    world->top = 6; /* before the channel is listened to */
    listening(world);
    answer_all(world);
    append(world);
    story_expect(&world->story, "l6 l7");
}

/* --- epochs ------------------------------------------------------------------------------------ */

static void test_positions_of_other_epochs(void **state)
{
    struct world *world = *state;
    struct listener old = {.name = "o"}, common = {.name = "c"}, foreign = {.name = "f"},
                    ahead = {.name = "a"};

    strcpy(world->epoch, "e2");
    strcpy(world->previous, "e1");
    world->top = 4;
    world->common = 3;
    listening(world);
    subscribe(world, &old, "e1", 7);
    listening(world);
    answer_all(world);
    story_expect(&world->story, "oreset3:e2 o4");
    subscribe(world, &common, "e1", 2);
    answer_all(world);
    story_expect(&world->story, "creset3:e2 c3 c4");
    subscribe(world, &foreign, "e0", 2);
    answer_all(world);
    story_expect(&world->story, "freset0:e2 f1 f2 f3 f4");
    subscribe(world, &ahead, "e2", 9);
    answer_all(world);
    story_expect(&world->story, "areset4:e2");
}

static void begin_epoch(struct world *world, const char *epoch, uint64_t common)
{
    strcpy(world->previous, world->epoch);
    strcpy(world->epoch, epoch);
    world->common = world->top = common;
}

static void test_a_new_epoch_is_read_and_told(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 5;
    subscribe(world, &l, "e1", 5);
    listening(world);
    answer(world);
    begin_epoch(world, "e2", 3);
    append(world);
    answer_all(world);
    append(world);
    story_expect(&world->story, "lreset3:e2 l4 l5");
}

static void test_a_new_epoch_while_it_reads(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 2;
    subscribe(world, &l, "e1", 0);
    listening(world);
    begin_epoch(world, "e2", 2);
    publish(world, 3);
    strcpy(world->epoch, "e1"); /* the page is older */
    answer(world);
    story_expect(&world->story, "l1 l2");
    strcpy(world->epoch, "e2");
    world->top = 3;
    answer_all(world);
    story_expect(&world->story, "lreset2:e2 l3");
}

static void test_a_server_that_came_back_is_asked(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"}, m = {.name = "m"};

    world->top = 2;
    subscribe(world, &l, "e1", 2);
    subscribe(world, &m, "e1", 2);
    listening(world);
    answer_all(world);
    subs_deaf(&world->subs);
    begin_epoch(world, "e2", 1);
    subs_recheck(&world->subs); /* nobody listens yet: too early */
    assert_int_equal(world->n_reads, 0);
    listening(world);
    assert_int_equal(world->n_reads, 2);
    answer_all(world);
    story_expect(&world->story, "lreset1:e2 mreset1:e2");
    subs_recheck(&world->subs);
    assert_int_equal(world->n_reads, 2);
}

static void test_made_anew_while_it_reads_reads_again(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    subscribe(world, &l, "e1", 0);
    listening(world);
    subs_deaf(&world->subs);
    listening(world);
    answer(world); /* it may be from before the second confirmation */
    world->top = 1;
    assert_int_equal(world->n_reads, 1);
    answer(world);
    story_expect(&world->story, "l1");
}

static void test_the_epoch_of_a_room_that_nobody_wrote_to(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    assert_int_equal(subs_fresh_epoch(&world->subs, CHATD_STR("a")).n, 0);
    subscribe(world, &l, "fresh", 0);
    assert_memory_equal(subs_fresh_epoch(&world->subs, CHATD_STR("a")).p, "fresh", 5);
    listening(world);
    assert_string_equal(world->reads[0].fresh, "fresh");
    strcpy(world->epoch, "fresh");
    answer(world);
    append(world);
    story_expect(&world->story, "l1");
    assert_int_equal(subs_fresh_epoch(&world->subs, CHATD_STR("a")).n, 0);
}

static void test_an_epoch_that_cannot_be_published_is_not_used(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    subscribe(world, &l, "two words", 0);
    assert_int_equal(subs_fresh_epoch(&world->subs, CHATD_STR("a")).n, 0);
}

/* --- the position check ------------------------------------------------------------------------ */

/* Where the store says that the room stands. */
static void stands(struct world *world)
{
    subs_stands_at(&world->subs, CHATD_STR("a"), (chatd_str){world->epoch, strlen(world->epoch)},
                   world->top);
}

static void test_a_publication_that_was_lost_is_found(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"}, m = {.name = "m"};

    subscribe(world, &l, "e1", 0);
    subscribe(world, &m, "e1", 0);
    listening(world);
    answer_all(world);
    append(world);
    world->top = 3; /* 2 and 3 were not published */
    stands(world);
    assert_int_equal(world->n_reads, 0);
    assert_int_equal(subs_catch_up(&world->subs), 1);
    answer_all(world);
    story_expect(&world->story, "l1 m1 l2 l3 m2 m3");
    assert_int_equal(subs_catch_up(&world->subs), 0);
}

static void test_a_publication_on_its_way_was_not_lost(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    subscribe(world, &l, "e1", 0);
    listening(world);
    answer(world);
    world->top = 1;
    stands(world);
    publish(world, 1);
    append(world);
    assert_int_equal(subs_catch_up(&world->subs), 0);
    assert_int_equal(world->n_reads, 0);
    story_expect(&world->story, "l1 l2");
}

static void test_what_stood_before_an_epoch_began_says_nothing(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 5;
    subscribe(world, &l, "e1", 5);
    listening(world);
    answer(world);
    world->top = 9;
    stands(world);
    begin_epoch(world, "e2", 3);
    append(world);
    answer_all(world);
    assert_int_equal(subs_catch_up(&world->subs), 0);
    story_expect(&world->story, "lreset3:e2 l4");
}

static void test_another_epoch_or_none_is_read_at_once(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 2;
    subscribe(world, &l, "e1", 2);
    listening(world);
    answer(world);
    begin_epoch(world, "e2", 1);
    stands(world);
    assert_int_equal(world->n_reads, 1);
    answer(world);
    story_expect(&world->story, "lreset1:e2");
    begin_epoch(world, "e3", 0); /* it was deleted, and nobody wrote there since */
    subs_stands_at(&world->subs, CHATD_STR("a"), CHATD_STR(""), 0);
    answer_all(world);
    story_expect(&world->story, "lreset0:e3");
    subs_stands_at(&world->subs, CHATD_STR("a"), CHATD_STR(""), 0);
    assert_int_equal(world->n_reads, 0);
}

static void test_the_check_walks_over_rooms_that_are_listened_to(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};
    chatd_str room;

    subs_check_begin(&world->subs);
    assert_false(subs_check_next(&world->subs, &room));
    subscribe(world, &l, "e1", 0);
    subs_check_begin(&world->subs);
    assert_false(subs_check_next(&world->subs, &room));
    listening(world);
    stands(world); /* before anything was read: nothing to compare with */
    answer_all(world);
    subs_check_begin(&world->subs);
    assert_true(subs_check_next(&world->subs, &room));
    assert_string_equal(room.p, "a");
    assert_false(subs_check_next(&world->subs, &room));
    subs_check_begin(&world->subs);
    subs_remove(&world->subs, l.sub); /* the one that was next */
    assert_false(subs_check_next(&world->subs, &room));
}

/* --- leaving and failing ----------------------------------------------------------------------- */

static void test_leaving_in_the_callback(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l", .leave_at = 2}, m = {.name = "m"};

    world->top = 4;
    l.takes_along = &m;
    subscribe(world, &l, "e1", 0);
    subscribe(world, &m, "e1", 4);
    listening(world);
    answer_all(world);
    story_expect(&world->story, "l1 l2");
    assert_int_equal(world->listens, 0);
    assert_int_equal(subs_remove(&world->subs, l.sub), CHATD_E_GONE);
}

static void test_leaving_while_a_page_is_on_its_way(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"}, m = {.name = "m"};

    world->top = 1;
    subscribe(world, &l, "e1", 0);
    listening(world);
    append(world);
    subs_remove(&world->subs, l.sub);
    assert_int_equal(world->listens, 0);
    subscribe(world, &m, "e1", 0);
    listening(world);
    answer_all(world);
    story_expect(&world->story, "m1 m2");
}

static void test_leaving_live(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l", .leave_at = 1}, m = {.name = "m", .leave_at = 1};

    subscribe(world, &l, "e1", 0);
    subscribe(world, &m, "e1", 0);
    listening(world);
    answer_all(world);
    append(world);
    story_expect(&world->story, "l1 m1");
    assert_int_equal(world->listens, 0);
}

static void test_a_read_that_fails_is_tried_again(void **state)
{
    struct world *world = *state;
    struct listener l = {.name = "l"};

    world->top = 1;
    subscribe(world, &l, "e1", 0);
    listening(world);
    world->err = CHATD_E_BACKEND;
    answer(world);
    assert_int_equal(world->n_reads, 0);
    testhost_advance(world->t, SUBS_RETRY_MS);
    assert_int_equal(world->n_reads, 1);
    answer(world);
    story_expect(&world->story, "l1");
}

static void test_so_many_read_at_one_time_and_all_in_the_end(void **state)
{
    struct world *world = *state;
    static struct listener many[SUBS_READS_MAX + 10];

    memset(many, 0, sizeof(many));
    for (size_t i = 0; i < SUBS_READS_MAX + 10; i++) {
        many[i].name = "";
        subscribe(world, &many[i], "e1", 0);
    }
    world->top = 1;
    listening(world);
    assert_int_equal(world->n_reads, SUBS_READS_MAX);
    answer_all(world);
    for (size_t i = 0; i < SUBS_READS_MAX + 10; i++)
        assert_true(many[i].last == 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_when_it_is_listened_to_then_live),
        TEST(test_what_comes_while_it_reads_is_merged),
        TEST(test_a_hole_is_read_and_doubles_are_ignored),
        TEST(test_more_than_is_kept_is_read),
        TEST(test_pages_follow_each_other),
        TEST(test_what_was_trimmed_is_told),
        TEST(test_from_the_present_top_on),
        TEST(test_positions_of_other_epochs),
        TEST(test_a_new_epoch_is_read_and_told),
        TEST(test_a_new_epoch_while_it_reads),
        TEST(test_a_server_that_came_back_is_asked),
        TEST(test_made_anew_while_it_reads_reads_again),
        TEST(test_the_epoch_of_a_room_that_nobody_wrote_to),
        TEST(test_an_epoch_that_cannot_be_published_is_not_used),
        TEST(test_a_publication_that_was_lost_is_found),
        TEST(test_a_publication_on_its_way_was_not_lost),
        TEST(test_what_stood_before_an_epoch_began_says_nothing),
        TEST(test_another_epoch_or_none_is_read_at_once),
        TEST(test_the_check_walks_over_rooms_that_are_listened_to),
        TEST(test_leaving_in_the_callback),
        TEST(test_leaving_while_a_page_is_on_its_way),
        TEST(test_leaving_live),
        TEST(test_a_read_that_fails_is_tried_again),
        TEST(test_so_many_read_at_one_time_and_all_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
