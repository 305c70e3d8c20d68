/* SPDX-License-Identifier: MIT */
/* Channels: who gets what, in which order, whatever happens to members in the turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/uring.h"
#include "net/ws_deflate.h"
#include "net_fixture.h"

static struct channel *open_channel(void)
{
    uint64_t id;
    struct channel *ch = channel_new(&net, &id);

    assert_ptr_equal(channel_get(&net, id), ch);
    return ch;
}

static void everybody_gets_it_at_the_end_of_the_turn(void **state)
{
    struct channel *ch = open_channel();
    struct client *k[5];
    int i;

    (void)state;
    for (i = 0; i < 5; i++) {
        k[i] = open_client(0);
        assert_int_equal(channel_join(ch, k[i]->conn), 0);
        assert_int_equal(channel_join(ch, k[i]->conn), -1);
    }
    tell(ch, "a", 0);
    tell(ch, "b", k[2]->id);
    tell(ch, "c", 0);
    assert_string_equal(receive(k[0]), "");
    net_flush(&net);
    for (i = 0; i < 5; i++) {
        assert_string_equal(receive(k[i]), i == 2 ? "1:a|1:c|" : "1:a|1:b|1:c|");
        assert_true(conn_keeps_up(k[i]->conn)); /* nothing per member */
        end_client(k[i]);
    }
}

static void hundreds_of_notes_with_exceptions(void **state)
{
    struct channel *ch = open_channel();
    struct client *a = open_client(0), *b = open_client(0);
    char want_a[4096] = "", want_b[4096] = "", text[16];
    int i;

    (void)state;
    channel_join(ch, a->conn);
    channel_join(ch, b->conn);
    for (i = 0; i < 300; i++) { /* above 64 vectors and above the cap of notes */
        snprintf(text, sizeof(text), "%d", i);
        tell(ch, text, i % 3 == 0 ? a->id : i % 7 == 0 ? b->id : 0);
        snprintf(text, sizeof(text), "1:%d|", i);
        if (i % 3 != 0)
            strcat(want_a, text);
        if (i % 3 == 0 || i % 7 != 0)
            strcat(want_b, text);
    }
    net_flush(&net);
    assert_string_equal(receive(a), want_a);
    assert_string_equal(receive(b), want_b);
    end_client(a);
    end_client(b);
}

static void joining_and_leaving_in_mid_turn(void **state)
{
    struct channel *ch = open_channel();
    struct client *a = open_client(0), *b = open_client(0);

    (void)state;
    tell(ch, "nobody hears", 0);
    channel_join(ch, a->conn);
    tell(ch, "1", 0);
    channel_join(ch, b->conn);
    tell(ch, "2", 0);
    assert_int_equal(channel_leave(ch, a->conn), 0);
    assert_int_equal(channel_leave(ch, a->conn), -1);
    tell(ch, "3", 0);
    net_flush(&net);
    assert_string_equal(receive(a), "1:1|1:2|");
    assert_string_equal(receive(b), "1:2|1:3|");
    end_client(a);
    end_client(b);
}

static void direct_sends_before_a_join_come_first(void **state)
{
    struct channel *ch = open_channel();
    struct client *a = open_client(0);

    (void)state;
    say(a->conn, "page");
    channel_join(ch, a->conn);
    tell(ch, "live", 0);
    net_flush(&net);
    assert_string_equal(receive(a), "1:page|1:live|");
    end_client(a);
}

static void a_slow_member_keeps_its_order(void **state)
{
    struct channel *ch = open_channel();
    struct client *slow = open_client(1), *fast = open_client(0);
    char got[8192] = "", want[8192] = "", text[128];
    int i, n = 0;

    (void)state;
    channel_join(ch, slow->conn);
    channel_join(ch, fast->conn);
    for (i = 0; i < 50; i++) {
        struct frame *f = big_frame((size_t)1000 + (size_t)i);

        channel_send(ch, f, 0, 0, SEND_OR_CLOSE);
        frame_unref(&f);
        snprintf(text, sizeof(text), "1:#%d|", 1000 + i);
        strcat(want, text);
        if (i % 5 == 4)
            net_flush(&net);
    }
    assert_false(conn_keeps_up(slow->conn));
    assert_string_equal(receive(fast), want);
    while (n++ < 1000 && strlen(got) < strlen(want)) {
        strcat(got, receive(slow));
        turn();
    }
    assert_string_equal(got, want);
    assert_true(conn_keeps_up(slow->conn));
    end_client(slow);
    end_client(fast);
}

static void too_slow_is_closed_in_the_flush(void **state)
{
    struct channel *ch = open_channel();
    struct client *slow = open_client(1), *fast = open_client(0);
    char all[65536] = "";
    int i;

    (void)state;
    channel_join(ch, slow->conn);
    channel_join(ch, fast->conn);
    for (i = 0; i < 40; i++) {
        struct frame *f = big_frame(10000);

        channel_send(ch, f, 0, 0, SEND_OR_CLOSE);
        frame_unref(&f);
        net_flush(&net);
        strcat(all, receive(fast));
    }
    assert_int_equal(slow->conn->state, CONN_CLOSING);
    assert_int_equal(net.count->too_slow, 1);
    assert_int_equal(fast->conn->state, CONN_OPEN);
    assert_int_equal(strlen(all), 40 * strlen("1:#10000|"));
    all[0] = '\0';
    for (i = 0; i < 1000 && !conn_keeps_up(slow->conn); i++) {
        strcat(all, receive(slow));
        turn();
    }
    strcat(all, receive(slow));
    assert_string_equal(all + strlen(all) - strlen("1:#10000|8:4001 too slow|"),
                        "1:#10000|8:4001 too slow|");
    assert_int_equal(slow->n, 0);
    /* It stays a member until it is gone, and hears no more. */
    assert_int_equal(ch->n_member, 2);
    tell(ch, "more", 0);
    net_flush(&net);
    assert_string_equal(receive(slow), "");
    seconds_pass(6);
    assert_int_equal(ch->n_member, 1);
    end_client(slow);
    end_client(fast);
}

/* What was sent in the same turn waits for its end, not for the member. */
static void a_frame_above_the_cap_behind_an_answer_is_taken(void **state)
{
    static const enum send_kind kinds[] = {SEND_OR_CLOSE, SEND_OR_SKIP};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct channel *ch = open_channel();
        struct client *k = open_client(0);
        struct frame *f = big_frame(400000); /* above queue_hard */
        int n = 0;

        channel_join(ch, k->conn);
        say(k->conn, "answer");
        channel_send(ch, f, 0, 1, kinds[i]);
        frame_unref(&f);
        net_flush(&net);
        assert_string_equal(receive(k), "1:answer|");
        while (!conn_keeps_up(k->conn) && n++ < 1000) {
            receive(k);
            turn();
        }
        assert_string_equal(receive(k), "1:#400000|");
        assert_int_equal(k->conn->state, CONN_OPEN);
        assert_int_equal(ch->n_member, 1);
        assert_int_equal(net.count->too_slow + net.count->skipped, 0);
        end_client(k);
    }
}

static void ephemeral_notes_spare_the_slow(void **state)
{
    struct channel *ch = open_channel();
    struct client *slow = open_client(1);
    struct frame *f = big_frame(30000), *typing = frame_new(1, "typing", 6);
    char all[8192] = "";
    int i;

    (void)state;
    channel_join(ch, slow->conn);
    while (conn_backlog(slow->conn) < 100000) {
        channel_send(ch, f, 0, 0, SEND_OR_CLOSE);
        net_flush(&net);
    }
    channel_send(ch, typing, 0, 0, SEND_EPHEMERAL);
    net_flush(&net);
    assert_int_equal(net.count->dropped_ephemeral, 1);
    for (i = 0; i < 1000 && !conn_keeps_up(slow->conn); i++) {
        strcat(all, receive(slow));
        turn();
    }
    strcat(all, receive(slow));
    assert_null(strstr(all, "typing"));
    channel_send(ch, typing, 0, 0, SEND_EPHEMERAL);
    net_flush(&net);
    assert_string_equal(receive(slow), "1:typing|");
    frame_unref(&f);
    frame_unref(&typing);
    end_client(slow);
}

static struct channel *rejoin_channel;

static void rejoin(const struct net_behind *behind)
{
    assert_int_equal(channel_join(rejoin_channel, conn_get(&net, behind->conn)), 0);
}

/* Numbered notes: the slow one leaves at the first it cannot take, once, whatever follows in the same
 * turn; small ones that would fit again do not slip through behind the hole. */
static void who_falls_behind_leaves_and_is_named(void **state)
{
    struct channel *ch = open_channel(), *other = open_channel();
    struct client *slow = open_client(1), *fast = open_client(0);
    char all[65536] = "";
    uint64_t mark = 0, told;
    int i;

    (void)state;
    channel_join(ch, slow->conn);
    channel_join(other, slow->conn);
    channel_join(ch, fast->conn);
    while (net.n_behind == 0 && ch->n_member == 2 && mark < 100) {
        for (i = 0; i < 4; i++) {
            struct frame *f = big_frame(i < 2 ? 20000 : 5);

            channel_send(ch, f, 0, ++mark, SEND_OR_SKIP);
            frame_unref(&f);
        }
        net_flush(&net);
        strcat(all, receive(fast));
    }
    assert_int_equal(ch->n_member, 1);
    assert_int_equal(other->n_member, 1);
    assert_int_equal(slow->conn->state, CONN_OPEN);
    assert_int_equal(net.count->too_slow, 0);
    assert_int_equal(net.count->skipped, 1);
    /* Told once. What is small would still have fit, so the mark is a large one's. */
    assert_non_null(strstr(events, "behind("));
    told = strtoull(strstr(events, "behind(") + strlen("behind("), NULL, 10);
    assert_null(strstr(strstr(events, "behind(") + 1, "behind"));
    assert_true(told > 14 && told <= mark && (told % 4 == 1 || told % 4 == 2));

    all[0] = '\0';
    for (i = 0; i < 1000 && !conn_keeps_up(slow->conn); i++) {
        strcat(all, receive(slow));
        turn();
    }
    strcat(all, receive(slow));
    for (i = 0, mark = 1; mark < told; mark++) {
        const char *want = mark % 4 == 1 || mark % 4 == 2 ? "1:#20000|" : "1:bbbbb|";

        assert_memory_equal(all + i, want, strlen(want));
        i += (int)strlen(want);
    }
    assert_string_equal(all + i, "");
    end_client(slow);
    end_client(fast);
}

/* One that left and came back in the same turn is told nothing of the time before. */
static void who_comes_back_is_not_told_of_before(void **state)
{
    struct channel *ch = open_channel();
    struct client *slow = open_client(1);
    struct frame *f = big_frame(20000);
    uint64_t mark;

    (void)state;
    channel_join(ch, slow->conn);
    for (mark = 1; ch->n_member == 1; mark++) {
        channel_send(ch, f, 0, mark, SEND_OR_SKIP);
        channel_flush(ch);
    }
    frame_unref(&f);
    assert_int_equal(net.n_behind, 1);
    assert_int_equal(channel_join(ch, slow->conn), 0);
    net_flush(&net);
    assert_null(strstr(events, "behind("));
    assert_int_equal(net.n_behind, 0);
    end_client(slow);
}

/* The callback may take it in again at once: it falls out again if it must, and the turn ends. */
static void who_fell_behind_may_come_back_in_the_callback(void **state)
{
    struct channel *ch = open_channel();
    struct client *slow = open_client(1);
    int i;

    (void)state;
    rejoin_channel = ch;
    on_behind_then = rejoin;
    channel_join(ch, slow->conn);
    for (i = 0; i < 60; i++) {
        struct frame *f = big_frame(10000);

        channel_send(ch, f, 0, (uint64_t)i, SEND_OR_SKIP);
        frame_unref(&f);
        net_flush(&net);
    }
    assert_true(net.count->skipped > 5);
    assert_int_equal(ch->n_member, 1);
    assert_int_equal(slow->conn->flags & CONN_BEHIND, 0);
    end_client(slow);
}

static void leaving_members_do_not_disturb_the_others(void **state)
{
    struct channel *a = open_channel(), *b = open_channel();
    struct client *k[20];
    int i;

    (void)state;
    for (i = 0; i < 20; i++) {
        k[i] = open_client(0);
        channel_join(a, k[i]->conn);
        if (i % 2 == 0)
            channel_join(b, k[i]->conn);
    }
    for (i = 0; i < 20; i += 3) { /* gone without a word, found out by the write or the read */
        close(k[i]->fd);
        k[i]->fd = -1;
    }
    tell(a, "a", 0);
    tell(b, "b", 0);
    net_flush(&net);
    turn();
    for (i = 0; i < 20; i++) {
        if (k[i]->fd >= 0) {
            receive(k[i]);
            assert_non_null(strstr(k[i]->got.text, "1:a|"));
            assert_int_equal(strstr(k[i]->got.text, "1:b|") != NULL, i % 2 == 0);
        }
    }
    assert_int_equal(a->n_member, 13);
    assert_int_equal(b->n_member, 6);
    for (i = 0; i < 20; i++)
        end_client(k[i]);
}

static void freeing_sends_what_was_noted(void **state)
{
    struct channel *ch = open_channel(), *other = open_channel();
    struct client *k = open_client(0);
    uint64_t id = ch->id;

    (void)state;
    channel_join(ch, k->conn);
    channel_join(other, k->conn);
    tell(ch, "last words", 0);
    tell(other, "x", 0);
    channel_free(ch);
    assert_null(channel_get(&net, id));
    net_flush(&net);
    assert_string_equal(receive(k), "1:last words|1:x|");
    assert_int_equal(k->conn->members.n, 1);
    end_client(k);
}

/* The counters of memberships were 16 bits once: this wrote beyond the array. */
static void many_memberships(void **state)
{
    enum { MANY = 33000 };
    struct memberships *members;
    struct client *k = open_client(0);
    struct channel *ch = open_channel();

    (void)state;
    members = &k->conn->members;
    members->in.array = calloc(65536, sizeof(*members->in.array));
    members->n = MANY;
    assert_int_equal(channel_join(ch, k->conn), 0);
    assert_int_equal(members->n, MANY + 1);
    assert_int_equal(channel_leave(ch, k->conn), 0);
    assert_int_equal(members->n, MANY);
    free(members->in.array);
    members->n = 0;
    end_client(k);
}

#define T(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)

/* --- compressed --- */

static void allow_compressed(struct client *k, uint8_t window_bits)
{
    k->conn->window_bits = window_bits;
    net.limits.deflate_min = 0;
    if (net.deflate == NULL)
        net.deflate = ws_deflate_new(3);
}

static unsigned forms_of(const struct frame *f)
{
    unsigned n = 0;

    for (f = f->forms; f != NULL; f = f->forms)
        n++;
    return n;
}

/* Bytes that look alike only from afar: a large window finds more than a small one. */
static struct frame *lines(size_t n)
{
    char *p = malloc(n + 64);
    struct frame *f;
    size_t at;

    for (at = 0; at < n;)
        at += (size_t)sprintf(p + at, "line %zu of %zu, ", at * 7919 % 1000, at);
    f = frame_new(1, p, n);
    free(p);
    return f;
}

static size_t received_bytes(struct client *k, uint8_t *first_out)
{
    ssize_t n = recv(k->fd, k->in, sizeof(k->in), MSG_DONTWAIT);

    *first_out = k->in[0];
    return n > 0 ? (size_t)n : 0;
}

static void one_form_for_all_with_a_window(void **state)
{
    static const uint8_t window[] = {0, 15, 9, 15, 9, 0, 15};
    struct channel *ch = open_channel();
    struct frame *f = lines(30000);
    struct client *k[7];
    size_t bytes[7];
    uint8_t first;
    int i;

    (void)state;
    for (i = 0; i < 7; i++) {
        k[i] = open_client(0);
        allow_compressed(k[i], window[i]);
        channel_join(ch, k[i]->conn);
    }
    channel_send(ch, f, 0, 0, SEND_OR_CLOSE);
    net_flush(&net);
    for (i = 0; i < 7; i++) {
        bytes[i] = received_bytes(k[i], &first);
        assert_int_equal(first, window[i] > 0 ? 0xc1 : 0x81);
    }
    assert_int_equal(bytes[0], f->len);
    assert_true(bytes[1] < bytes[2] && bytes[2] < bytes[0]);
    assert_int_equal(bytes[3], bytes[1]);
    assert_int_equal(bytes[4], bytes[2]);
    assert_int_equal(forms_of(f), 2);
    assert_int_equal(net.count->deflated, 2);
    assert_int_equal(net.count->deflated_plain_bytes, 60000);
    assert_int_equal(net.count->bytes_out, 7 * 3 + 2 * bytes[0] + 3 * bytes[1] + 2 * bytes[2]);
    frame_unref(&f);
    for (i = 0; i < 7; i++)
        end_client(k[i]);
}

/* Queues refer to the form, which outlives the frame; the sender is left out as ever. */
static void queues_share_a_form(void **state)
{
    struct channel *ch = open_channel();
    struct client *k[3];
    struct frame *form;
    int i, j;

    (void)state;
    for (i = 0; i < 3; i++) {
        k[i] = open_client(4096);
        allow_compressed(k[i], 12);
        channel_join(ch, k[i]->conn);
    }
    for (j = 0; j < 8; j++) {
        struct frame *f = lines(20000);

        channel_send(ch, f, k[2]->id, 0, SEND_OR_CLOSE);
        frame_unref(&f);
        net_flush(&net);
    }
    assert_true(conn_keeps_up(k[2]->conn));
    assert_true(k[0]->conn->aside->queue.n >= 2);
    form = k[0]->conn->aside->queue.frame[1];
    assert_ptr_equal(form, k[1]->conn->aside->queue.frame[1]);
    assert_int_equal(form->refs, 2);
    assert_int_equal(form->window_bits, 12);
    assert_null(form->forms);
    assert_int_equal(net.count->deflated, 8);
    for (i = 0; i < 3; i++)
        end_client(k[i]);
}

static void short_ones_are_shared_by_all_windows(void **state)
{
    struct channel *ch = open_channel();
    struct client *k[7];
    struct frame *f = lines(240), *noise = frame_new(1, "0123456789abcdef", 16);
    uint8_t first;
    int i;

    (void)state;
    for (i = 0; i < 7; i++) {
        k[i] = open_client(0);
        allow_compressed(k[i], (uint8_t)(9 + i));
        channel_join(ch, k[i]->conn);
    }
    channel_send(ch, f, 0, 0, SEND_OR_CLOSE);
    net_flush(&net);
    assert_int_equal(forms_of(f), 1);
    for (i = 0; i < 7; i++)
        assert_true(received_bytes(k[i], &first) < 240);
    channel_send(ch, noise, 0, 0, SEND_OR_CLOSE); /* gains nothing */
    net_flush(&net);
    net.limits.deflate_min = 241;
    channel_send(ch, f, 0, 0, SEND_OR_CLOSE);
    net_flush(&net);
    for (i = 0; i < 7; i++)
        assert_int_equal(received_bytes(k[i], &first), 18 + 244);
    assert_int_equal(forms_of(noise), 0);
    assert_int_equal(net.count->deflated, 1);
    frame_unref(&f);
    frame_unref(&noise);
    for (i = 0; i < 7; i++)
        end_client(k[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everybody_gets_it_at_the_end_of_the_turn),
        T(hundreds_of_notes_with_exceptions),
        T(joining_and_leaving_in_mid_turn),
        T(direct_sends_before_a_join_come_first),
        T(a_slow_member_keeps_its_order),
        T(too_slow_is_closed_in_the_flush),
        T(a_frame_above_the_cap_behind_an_answer_is_taken),
        T(ephemeral_notes_spare_the_slow),
        T(who_falls_behind_leaves_and_is_named),
        T(who_comes_back_is_not_told_of_before),
        T(who_fell_behind_may_come_back_in_the_callback),
        T(leaving_members_do_not_disturb_the_others),
        T(freeing_sends_what_was_noted),
        T(many_memberships),
        T(one_form_for_all_with_a_window),
        T(queues_share_a_form),
        T(short_ones_are_shared_by_all_windows),
    };

    const char *why;
    struct uring *ring = uring_new(&why);
    int failed = cmocka_run_group_tests_name("one by one", tests, NULL, NULL);

    if (ring == NULL) {
        printf("skipped: the same through an io_uring: %s\n", why);
        return failed;
    }
    uring_free(&ring);
    with_io_uring = true;
    return failed + cmocka_run_group_tests_name("through an io_uring", tests, NULL, NULL);
}
