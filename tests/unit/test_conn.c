/* SPDX-License-Identifier: MIT */
/* The WebSocket connection: reading, pausing, back-pressure, keep-alive, every way of closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/ws_deflate.h"
#include "net/ws_inflate.h"
#include "net_fixture.h"

static void messages_come_whole(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    client_sends(k, 0x81, "one", 3);
    client_sends(k, 0x81, "two", 3);
    client_sends(k, 0x82, "", 0);
    turn();
    assert_string_equal(events, "message(1,one) message(1,two) message(2,) ");
    end_client(k);
}

/* A message that is torn lies in memory of its own, which must have room for the NUL. */
static void torn_messages_have_a_nul_too(void **state)
{
    static const uint8_t head[] = {0x81, 0x85, 0, 0, 0, 0};
    struct client *k = open_client(0);
    size_t i;

    (void)state;
    send(k->fd, head, sizeof(head), 0);
    turn();
    for (i = 0; i < 5; i++) {
        send(k->fd, &"hello"[i], 1, 0);
        turn();
    }
    assert_string_equal(events, "message(1,hello) ");
    end_client(k);
}

static void pause_conn(struct conn *c)
{
    conn_pause(c);
}

static void a_paused_connection_waits_and_goes_on_in_order(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    on_message_then = pause_conn;
    client_sends(k, 0x81, "1", 1);
    client_sends(k, 0x81, "2", 1);
    turn();
    client_sends(k, 0x81, "3", 1);
    turn();
    assert_string_equal(events, "message(1,1) ");
    conn_resume(k->conn);
    assert_string_equal(events, "message(1,1) message(1,2) ");
    turn();
    assert_string_equal(events, "message(1,1) message(1,2) ");
    on_message_then = NULL;
    conn_resume(k->conn);
    turn();
    assert_string_equal(events, "message(1,1) message(1,2) message(1,3) ");
    end_client(k);
}

static void pause_and_resume(struct conn *c)
{
    conn_pause(c);
    conn_pause(c);
    conn_resume(c);
    conn_resume(c);
}

static void resume_inside_the_handler(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    on_message_then = pause_and_resume;
    client_sends(k, 0x81, "1", 1);
    client_sends(k, 0x81, "2", 1);
    turn();
    assert_string_equal(events, "message(1,1) message(1,2) ");
    end_client(k);
}

static void leaving_is_noticed_while_paused(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    on_message_then = pause_conn;
    client_sends(k, 0x81, "1", 1);
    client_sends(k, 0x81, "2", 1);
    turn();
    close(k->fd);
    k->fd = -1;
    turn();
    assert_string_equal(events, "message(1,1) gone closed(1006,the client left while something "
                                "waited for it) ");
    assert_null(conn_get(&net, k->id));
    end_client(k);
}

static void the_client_closes(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    client_sends(k, 0x88,
                 "\x03\xe8"
                 "bye",
                 5);
    turn();
    assert_string_equal(receive(k), "8:1000 |");
    assert_true(k->eof);
    assert_string_equal(events, "closed(1000,closed by the client) ");
    end_client(k);
}

static void a_close_without_code_is_answered_alike(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    client_sends(k, 0x88, "", 0);
    turn();
    assert_string_equal(receive(k), "8:|");
    assert_string_equal(events, "closed(1005,closed by the client) ");
    end_client(k);
}

static void the_server_closes(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    say(k->conn, "last");
    conn_close(k->conn, 4503, "no");
    assert_int_equal(say(k->conn, "too late"), -1);
    conn_close(k->conn, 1000, "twice is once");
    net_flush(&net);
    assert_string_equal(receive(k), "1:last|8:4503 no|");
    assert_false(k->eof);
    client_sends(k, 0x81, "not heard", 9);
    client_sends(k, 0x88, "\x11\x97", 2);
    turn();
    assert_string_equal(receive(k), "");
    assert_true(k->eof);
    assert_string_equal(events, "closed(4503,closed by the server) ");
    end_client(k);
}

static void a_close_that_is_not_answered_ends_too(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    conn_close(k->conn, 1000, "");
    seconds_pass(4);
    assert_string_equal(events, "");
    seconds_pass(2);
    assert_string_equal(events, "closed(1000,closed by the server) ");
    end_client(k);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    struct client *k = open_client(0);
    char reason[200];
    size_t i;

    (void)state;
    for (i = 0; i + 1 < sizeof(reason); i += 2)
        memcpy(reason + i, "\xc3\xa4", 2); /* byte 123 is the second of a character */
    reason[198] = '\0';
    conn_close(k->conn, 1000, reason);
    net_flush(&net);
    recv(k->fd, k->in, sizeof(k->in), 0);
    assert_int_equal(k->in[1], 124);
    assert_int_equal(k->in[2 + 123], 0xa4);
    end_client(k);
}

static void broken_frames_close_with_the_code(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    send(k->fd, "\x81\x01x", 3, 0); /* not masked */
    turn();
    receive(k);
    assert_memory_equal(k->got.text, "8:1002 ", 7);
    assert_true(k->eof); /* our side is shut, theirs is awaited */
    assert_string_equal(events, "");
    send(k->fd, "whatever", 8, 0);
    turn();
    shutdown(k->fd, SHUT_WR);
    turn();
    assert_memory_equal(events, "closed(1002,", 12);
    assert_int_equal(net.count->protocol_errors, 1);
    end_client(k);
}

static void a_cut_connection_is_1006(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    close(k->fd);
    k->fd = -1;
    turn();
    assert_string_equal(events, "closed(1006,the client left without a close frame) ");
    end_client(k);
}

static void pings_are_answered_and_sent(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    client_sends(k, 0x89, "abc", 3);
    turn();
    assert_string_equal(receive(k), "10:abc|");
    seconds_pass(19);
    assert_string_equal(receive(k), "");
    seconds_pass(2);
    assert_string_equal(receive(k), "9:|");
    client_sends(k, 0x8a, "", 0);
    turn();
    seconds_pass(19);
    assert_string_equal(receive(k), "");
    seconds_pass(2);
    assert_string_equal(receive(k), "9:|");
    seconds_pass(8);
    assert_string_equal(receive(k), "");
    seconds_pass(2);
    assert_string_equal(receive(k), "8:4002 no pong|");
    seconds_pass(6);
    assert_string_equal(events, "closed(4002,no pong) ");
    assert_int_equal(net.count->no_pong, 1);
    end_client(k);
}

/* Who sends pings and reads nothing gets no queue full of pongs: one a second is waiting. */
static void pings_of_one_that_does_not_read_fill_nothing(void **state)
{
    struct client *k = open_client(4096);
    static char big[200000];
    struct frame *f = frame_new(0x2, big, sizeof(big));
    size_t before, i;

    (void)state;
    conn_send(k->conn, f, false);
    frame_unref(&f);
    net_flush(&net);
    assert_true(k->conn->flags & CONN_WANT_WRITE);
    before = k->conn->aside->queue.bytes;
    for (i = 0; i < 50; i++)
        client_sends(k, 0x89, "p", 1);
    turn();
    assert_int_equal(k->conn->aside->queue.bytes, before + 3);
    net.now_s++;
    client_sends(k, 0x89, "p", 1);
    turn();
    assert_int_equal(k->conn->aside->queue.bytes, before + 6);
    end_client(k);
}

static void the_pong_deadline_rests_while_paused(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    seconds_pass(21);
    assert_string_equal(receive(k), "9:|");
    conn_pause(k->conn);
    client_sends(k, 0x8a, "", 0);
    seconds_pass(60);
    conn_resume(k->conn);
    net.now_s++;
    net_tick(&net); /* the tick comes before the pong is read */
    turn();
    assert_string_equal(receive(k), "");
    assert_int_equal(k->conn->state, CONN_OPEN);
    end_client(k);
}

static void tokens_expire(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    conn_expire_at(k->conn, 5000000 + 7000, 5000000);
    seconds_pass(6);
    assert_string_equal(receive(k), "");
    seconds_pass(2);
    assert_string_equal(receive(k), "8:4501 token expired|");
    end_client(k);
}

static void expiry_moves(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    conn_expire_at(k->conn, 5000000 + 3000, 5000000);
    conn_expire_at(k->conn, 0, 5000000);
    seconds_pass(10);
    assert_string_equal(receive(k), "");
    conn_expire_at(k->conn, 1, 5000000); /* long ago */
    seconds_pass(2);
    assert_string_equal(receive(k), "8:4501 token expired|");
    end_client(k);
}

static void a_slow_one_gets_a_queue_then_4001(void **state)
{
    struct client *k = open_client(1);
    size_t taken;
    int i;

    (void)state;
    for (i = 0; i < 100 && say_big(k->conn, 20000, SEND_OR_CLOSE) == 0; i++)
        continue;
    assert_in_range(i, 10, 30);
    assert_int_equal(net.count->too_slow, 1);
    assert_int_equal(net.count->queue_bytes, conn_backlog(k->conn));
    assert_int_equal(k->conn->state, CONN_CLOSING);
    assert_true(conn_backlog(k->conn) < 20100); /* the begun frame and the close frame */
    for (taken = 0; taken < 1000 && !conn_keeps_up(k->conn); taken++) {
        receive(k);
        assert_null(strstr(k->got.text, "8:4001 too slow|1:"));
        turn();
        assert_int_equal(net.count->queue_bytes, conn_backlog(k->conn));
    }
    assert_int_equal(net.count->queue_bytes, 0);
    receive(k);
    assert_non_null(strstr(k->got.text, "8:4001 too slow|"));
    assert_int_equal(k->n, 0); /* nothing torn behind */
    end_client(k);
}

static void a_large_frame_alone_is_not_slow(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    say(k->conn, "small");
    assert_int_equal(say_big(k->conn, 500000, SEND_OR_CLOSE), 0); /* above queue_hard */
    while (!conn_keeps_up(k->conn)) {
        receive(k);
        turn();
    }
    assert_int_equal(net.count->too_slow, 0);
    end_client(k);
}

static void ephemeral_frames_are_dropped_first(void **state)
{
    struct client *k = open_client(1);

    (void)state;
    while (conn_backlog(k->conn) < 100000)
        assert_int_equal(say_big(k->conn, 20000, SEND_OR_CLOSE), 0);
    assert_int_equal(say_big(k->conn, 10, SEND_EPHEMERAL), -1);
    assert_int_equal(net.count->dropped_ephemeral, 1);
    assert_int_equal(k->conn->state, CONN_OPEN);
    assert_int_equal(say_big(k->conn, 10, SEND_OR_CLOSE), 0);
    assert_int_equal(net.count->queue_bytes, conn_backlog(k->conn));
    conn_abort(k->conn, 1006, "the test ends it");
    net_flush(&net);
    assert_int_equal(net.count->queue_bytes, 0);
    assert_int_equal(net.count->connections, 0);
    end_client(k);
}

static void no_progress_ends_the_connection(void **state)
{
    struct client *k = open_client(1);

    (void)state;
    while (conn_backlog(k->conn) < 100000)
        say_big(k->conn, 20000, SEND_OR_CLOSE);
    net_flush(&net);
    while (net.now_s < 1029) {
        seconds_pass(1);
        if (net.now_s % 10 == 0)
            client_sends(k, 0x8a, "", 0); /* it speaks, but does not read */
    }
    assert_string_equal(events, "");
    seconds_pass(2);
    assert_string_equal(events, "closed(4001,too slow: write_timeout without progress) ");
    end_client(k);
}

/* Fills what the socket takes and a little more, without a turn of the loop. */
static void fall_behind(struct client *k, size_t waiting)
{
    while (!(k->conn->flags & CONN_WANT_WRITE)) {
        say_big(k->conn, 1000, SEND_OR_CLOSE);
        net_flush(&net);
    }
    while (conn_backlog(k->conn) < waiting)
        assert_int_equal(say_big(k->conn, 1000, SEND_OR_CLOSE), 0);
}

/* A socket may take more long before the kernel calls it writable. */
static void who_takes_a_little_is_not_stuck(void **state)
{
    struct client *k = open_client(1);
    int i;

    (void)state;
    fall_behind(k, 50000);
    for (i = 0; i < 3; i++) {
        net.now_s += 29;
        assert_true(recv(k->fd, k->in, 4096, MSG_DONTWAIT) > 0);
        net.now_s += 1;
        net_tick(&net); /* no event was handled: the flush below finds it dead or alive */
        net_flush(&net);
        assert_string_equal(events, "");
    }
    seconds_pass(31);
    assert_string_equal(events, "closed(4001,too slow: write_timeout without progress) ");
    end_client(k);
}

/* Its ping waits behind all else, so it cannot answer; when it is through it has the whole time. */
static void who_is_behind_owes_no_pong(void **state)
{
    struct client *k = open_client(1);
    int i;

    (void)state;
    seconds_pass(19);
    fall_behind(k, 100000);
    for (i = 0; i < 8; i++) {
        seconds_pass(5);
        assert_true(recv(k->fd, k->in, 4096, MSG_DONTWAIT) > 0);
        turn();
    }
    assert_string_equal(events, "");
    while (!conn_keeps_up(k->conn)) {
        assert_true(recv(k->fd, k->in, 4096, MSG_DONTWAIT) > 0);
        turn();
    }
    seconds_pass(9);
    assert_string_equal(events, "");
    assert_int_equal(k->conn->state, CONN_OPEN);
    seconds_pass(7);
    assert_int_equal(net.count->no_pong, 1);
    end_client(k);
}

static void small_frames_count_what_keeping_them_costs(void **state)
{
    struct client *k = open_client(1);
    size_t bytes;
    int n = 0;

    (void)state;
    fall_behind(k, 0);
    bytes = k->conn->aside->queue.bytes;
    while (say_big(k->conn, 2, SEND_OR_SKIP) == 0)
        n++;
    assert_in_range(n, 10000, 300000 / (4 + OUTQ_PLACE_BYTES));
    assert_int_equal(k->conn->aside->queue.bytes, bytes + 4 * (size_t)n);
    assert_true(conn_backlog(k->conn) <= 300000);
    assert_int_equal(net.count->queue_bytes, conn_backlog(k->conn));
    end_client(k);
}

/* Below queue_soft, but the next frame is too large for what is left below queue_hard. */
static void who_was_refused_is_drained_when_it_took_something(void **state)
{
    struct client *k = open_client(1);
    int i;

    (void)state;
    fall_behind(k, 50000);
    assert_int_equal(say_big(k->conn, 290000, SEND_OR_SKIP), -1);
    assert_int_equal(net.count->skipped, 1);
    conn_tell_drained(k->conn);
    for (i = 0; i < 10; i++)
        turn();
    assert_string_equal(events, "");
    while (events[0] == '\0') {
        receive(k);
        turn();
    }
    assert_string_equal(events, "drained ");
    end_client(k);
}

static int asked;

static void ask_again(struct conn *c)
{
    asked++;
    conn_tell_drained(c);
}

static void drained_is_told_at_the_end_of_the_turn(void **state)
{
    struct client *k = open_client(1);

    (void)state;
    conn_tell_drained(k->conn);
    assert_string_equal(events, "");
    net_flush(&net);
    assert_string_equal(events, "drained ");
    net_flush(&net);
    assert_string_equal(events, "drained "); /* once */

    /* It waits, but below queue_soft: that counts as drained, EV_WRITE or not. */
    while (!(k->conn->flags & CONN_WANT_WRITE)) {
        say_big(k->conn, 5000, SEND_OR_CLOSE);
        net_flush(&net);
    }
    assert_true(conn_backlog(k->conn) < 100000);
    events[0] = '\0';
    conn_tell_drained(k->conn);
    net_flush(&net);
    assert_string_equal(events, "drained ");

    events[0] = '\0';
    while (conn_backlog(k->conn) < 120000)
        say_big(k->conn, 20000, SEND_OR_CLOSE);
    conn_tell_drained(k->conn);
    say_big(k->conn, 20000, SEND_OR_CLOSE); /* never inside a send */
    net_flush(&net);
    assert_string_equal(events, "");
    while (conn_backlog(k->conn) > 100000) {
        receive(k);
        assert_string_equal(events, "");
        turn();
    }
    assert_string_equal(events, "drained ");
    end_client(k);
}

static void asking_again_when_drained_does_not_hold_the_turn(void **state)
{
    struct client *k = open_client(0);

    (void)state;
    asked = 0;
    on_drained_then = ask_again;
    conn_tell_drained(k->conn);
    net_flush(&net); /* would not end otherwise */
    assert_int_equal(asked, 1);
    turn();
    assert_in_range(asked, 2, 3);
    on_drained_then = NULL;
    end_client(k);
}

static void the_cap_is_kept(void **state)
{
    struct conn *c[100];
    int i;

    (void)state;
    for (i = 0; i < 100; i++)
        assert_non_null(c[i] = conn_new(&net, "x"));
    assert_null(conn_new(&net, "x"));
    assert_int_equal(net.count->refused_full, 1);
    for (i = 0; i < 100; i++) {
        conn_pause(c[i]); /* before it has a descriptor */
        conn_resume(c[i]);
        conn_discard(c[i]);
    }
}

static void early_bytes_wait_for_the_introduction(void **state)
{
    static const char early[] = "\x81\x82\0\0\0\0hi";
    struct frame *hello = frame_raw("\x82\x01h", 3);
    struct conn *c = conn_new(&net, "x");
    struct client *k = calloc(1, sizeof(*k));
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    k->fd = fd[1];
    conn_pause(c); /* a wait that began in the upgrade */
    conn_open(c, fd[0], hello, early, sizeof(early) - 1);
    frame_unref(&hello);
    conn_resume(c);
    turn();
    assert_string_equal(events, "");
    assert_string_equal(receive(k), "2:h|");
    conn_resume(c);
    assert_string_equal(events, "message(1,hi) ");
    end_client(k);
}

/* It is watched although something else pauses it as well. */
static void leaving_is_noticed_after_the_introduction(void **state)
{
    struct frame *hello = frame_raw("\x82\x01h", 3);
    struct conn *c = conn_new(&net, "x");
    uint64_t id = c->id;
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    conn_open(c, fd[0], hello, NULL, 0);
    frame_unref(&hello);
    conn_pause(c); /* by who was told of it */
    conn_resume(c);
    turn();
    assert_string_equal(events, "");
    close(fd[1]);
    turn();
    assert_string_equal(events, "gone closed(1006,the client left while something waited for it) ");
    assert_null(conn_get(&net, id));
}

#define T(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)

/* --- compressed --- */

static void forget_events(struct conn *c)
{
    (void)c;
    events[0] = '\0';
}

/* One read holds many messages that are long once they are inflated: they are not all had in one turn. */
static void inflating_takes_turns(void **state)
{
    struct ws_deflate *d = ws_deflate_new(9);
    char *text = calloc(1, 100001);
    const uint8_t *payload;
    struct client *k = open_client(0);
    size_t n;
    int i;

    (void)state;
    net.inflate = ws_inflate_new();
    k->conn->window_bits = 15;
    memset(text, 'x', 100000);
    on_message_then = forget_events;
    n = ws_deflate(d, 9, text, 100000, &payload);
    for (i = 0; i < 10; i++)
        client_sends(k, 0xc1, (const char *)payload, n);
    client_sends(k, 0x81, "short", 5);
    turn();
    assert_int_equal(net.count->messages_in, 2); /* what is free, and its first piece in line */
    turn();
    assert_int_equal(net.count->messages_in, 3);
    conn_pause(k->conn);
    turn();
    conn_resume(k->conn);
    assert_int_equal(net.count->messages_in, 3); /* others go first, as before */
    for (i = 0; i < 7; i++)
        turn();
    assert_int_equal(net.count->messages_in, 10);
    turn();
    assert_int_equal(net.count->messages_in, 11);
    assert_null(k->conn->aside);
    assert_int_equal(net.count->inflated, 10);
    client_sends(k, 0x81, "read again", 10);
    turn();
    assert_int_equal(net.count->messages_in, 12);
    end_client(k);
    free(text);
    ws_deflate_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(messages_come_whole),
        T(torn_messages_have_a_nul_too),
        T(a_paused_connection_waits_and_goes_on_in_order),
        T(resume_inside_the_handler),
        T(leaving_is_noticed_while_paused),
        T(the_client_closes),
        T(a_close_without_code_is_answered_alike),
        T(the_server_closes),
        T(a_close_that_is_not_answered_ends_too),
        T(a_long_reason_is_cut_between_characters),
        T(broken_frames_close_with_the_code),
        T(a_cut_connection_is_1006),
        T(pings_are_answered_and_sent),
        T(pings_of_one_that_does_not_read_fill_nothing),
        T(the_pong_deadline_rests_while_paused),
        T(tokens_expire),
        T(expiry_moves),
        T(a_slow_one_gets_a_queue_then_4001),
        T(a_large_frame_alone_is_not_slow),
        T(ephemeral_frames_are_dropped_first),
        T(no_progress_ends_the_connection),
        T(who_takes_a_little_is_not_stuck),
        T(who_is_behind_owes_no_pong),
        T(small_frames_count_what_keeping_them_costs),
        T(who_was_refused_is_drained_when_it_took_something),
        T(drained_is_told_at_the_end_of_the_turn),
        T(asking_again_when_drained_does_not_hold_the_turn),
        T(the_cap_is_kept),
        T(early_bytes_wait_for_the_introduction),
        T(leaving_is_noticed_after_the_introduction),
        T(inflating_takes_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
