/* SPDX-License-Identifier: MIT */
/* Batches: what is in them, when they are full, and in which order they go. */
#include <queue.h>

#include "check.h"

#include <stdlib.h>
#include <string.h>

static const struct queue_limits limits = {
    .events_max = 1000, .bytes_max = 1 << 20, .batch_max = 3};

static bool is_body(const struct batch *b, const char *events)
{
    char body[256];

    snprintf(body, sizeof(body), "{\"delivery\":\"%s\",\"events\":[%s]}", b->id, events);
    return strcmp(b->body.p, body) == 0 && strlen(body) == b->body.n;
}

static void bodies_are_whole_at_any_time(void)
{
    struct queue q;
    struct batch *b, *next;

    queue_init(&q, "0123456789abcdef");
    b = queue_add(&q, &limits, CHATD_STR("1"));
    CHECK(is_body(b, "1") && queue_open(&q) == b);
    CHECK(queue_add(&q, &limits, CHATD_STR("2")) == b);
    CHECK(is_body(b, "1,2") && !b->is_sealed);
    CHECK(queue_add(&q, &limits, CHATD_STR("3")) == b);
    CHECK(is_body(b, "1,2,3") && b->is_sealed && queue_open(&q) == NULL);
    next = queue_add(&q, &limits, CHATD_STR("4"));
    CHECK(next != b && is_body(next, "4") && strcmp(next->id, b->id) > 0);
    CHECK(q.n_events == 4 && q.bytes == b->body.n + next->body.n);
    queue_remove(&q, b);
    CHECK(q.n_events == 1 && q.bytes == next->body.n && queue_first(&q) == next);
    queue_remove(&q, next);
    CHECK(q.n_events == 0 && q.bytes == 0);
    queue_deinit(&q);
}

static void what_can_be_kept_stays_small(void)
{
    static const struct queue_limits many = {
        .events_max = 1000, .bytes_max = 1 << 24, .batch_max = 1000};
    struct queue q;
    char *large = calloc(1, 70001), *half = calloc(1, 35001);
    struct batch *a, *b;

    memset(large, '1', 70000);
    memset(half, '2', 35000);
    queue_init(&q, "0123456789abcdef");
    a = queue_add(&q, &many, (chatd_str){half, 35000});
    b = queue_add(&q, &many, (chatd_str){half, 35000});
    CHECK(a != b && a->is_sealed && !b->is_sealed);
    b = queue_add(&q, &many,
                  (chatd_str){large, 70000}); /* alone, though it is too large to be kept */
    CHECK(b->n == 1 && b->is_sealed);
    CHECK(q.n_events == 3);
    queue_deinit(&q);
    free(large);
    free(half);
}

static void bounds(void)
{
    static const struct queue_limits few = {.events_max = 2, .bytes_max = 100, .batch_max = 10};
    struct queue q;

    queue_init(&q, "0123456789abcdef");
    CHECK(queue_has_room(&q, &few, 1, 100) && !queue_has_room(&q, &few, 1, 101));
    CHECK(queue_has_room(&q, &few, 2, 1) && !queue_has_room(&q, &few, 3, 1));
    queue_add(&q, &few, CHATD_STR("1"));
    CHECK(queue_has_room(&q, &few, 1, 1) && !queue_has_room(&q, &few, 2, 1));
    CHECK(!queue_has_room(&q, &few, 1, 100));
    queue_deinit(&q);
}

static struct batch *foreign(const char *id)
{
    return batch_new((chatd_str){id, strlen(id)}, CHATD_STR("{}"), 5);
}

static void those_of_others_come_in_their_order_before_the_open_one(void)
{
    static const char *const expected[] = {"0123456789abcdef.00000001", "fedcba9876543210.00000001",
                                           "fedcba9876543210.00000002", "ffffffffffffffff.00000001",
                                           "0123456789abcdef.00000002"};
    struct queue q;
    struct batch *b;
    int i;

    queue_init(&q, "0123456789abcdef");
    queue_add(&q, &limits, CHATD_STR("1"))->is_sealed = true;
    queue_add(&q, &limits, CHATD_STR("2"));
    queue_take(&q, foreign(expected[2]));
    queue_take(&q, foreign(expected[1]));
    queue_take(&q, foreign(expected[3]));
    CHECK(q.n_events == 17);
    for (i = 0; i < 5; i++) {
        b = queue_first(&q);
        CHECK(strcmp(b->id, expected[i]) == 0);
        CHECK(queue_find(&q, (chatd_str){b->id, strlen(b->id)}) == b);
        queue_remove(&q, b);
    }
    CHECK(queue_first(&q) == NULL && q.bytes == 0);
    CHECK(foreign("0123456789abcdef.0123456789") == NULL); /* no id of a batch */
    queue_deinit(&q);
}

int main(void)
{
    bodies_are_whole_at_any_time();
    what_can_be_kept_stays_small();
    bounds();
    those_of_others_come_in_their_order_before_the_open_one();
    return 0;
}
