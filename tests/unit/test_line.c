/* SPDX-License-Identifier: MIT */
/* The line of connections that send much: who sends little does not wait for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "net/line.h"
#include "net_fixture.h"

enum { CLIENTS = 8, LARGE = 60000, EACH = 3 };

static struct client *large[CLIENTS], *small;
static unsigned came[CLIENTS]; /* large messages of each */
static unsigned of_turn, others;

static void count(void *arg, struct conn *c, int opcode, const char *data, size_t n)
{
    unsigned i;

    (void)arg;
    (void)opcode;
    if (n < LARGE) {
        others++;
        return;
    }
    for (i = 0; i < CLIENTS && large[i]->conn != c; i++)
        continue;
    assert_int_equal(data[0], 'a' + came[i]); /* in the order in which they were sent */
    came[i]++;
    of_turn++;
}

static void send_large(struct client *k, char letter)
{
    static uint8_t frame[8 + LARGE];
    int room = 400000;

    setsockopt(k->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    memcpy(frame, (uint8_t[]){0x81, 0x80 | 126, LARGE >> 8, LARGE & 255, 0, 0, 0, 0}, 8);
    memset(frame + 8, letter, LARGE);
    assert_int_equal(send(k->fd, frame, sizeof(frame), 0), sizeof(frame));
}

static int setup(void **state)
{
    unsigned i, j;

    net_setup(state);
    net.calls.message = count;
    memset(came, 0, sizeof(came));
    of_turn = others = 0;
    for (i = 0; i < CLIENTS; i++) {
        large[i] = open_client(0);
        for (j = 0; j < EACH; j++)
            send_large(large[i], (char)('a' + j));
    }
    small = open_client(0);
    return 0;
}

static int teardown(void **state)
{
    unsigned i;

    for (i = 0; i < CLIENTS; i++)
        end_client(large[i]);
    end_client(small);
    return net_teardown(state);
}

static unsigned all(void)
{
    unsigned sum = 0, i;

    for (i = 0; i < CLIENTS; i++)
        sum += came[i];
    return sum;
}

static void who_sends_little_goes_first(void **state)
{
    unsigned turns = 0;

    (void)state;
    for (; all() == 0 && turns < 10; turns++)
        turn();
    client_sends(small, 0x81, "hi", 2);
    turn();
    assert_int_equal(others, 1);
    assert_in_range(all(), 1, CLIENTS * EACH - 1);
    assert_true(net.count->lined > 0);
}

static void a_turn_has_a_limit_and_all_come_to_their_turn(void **state)
{
    unsigned turns, i, most, least;

    (void)state;
    for (turns = 0; all() < CLIENTS && turns < 20; turns++)
        turn(); /* the first of each is free */
    for (turns = 0; all() < CLIENTS * EACH && turns < 100; turns++) {
        of_turn = 0;
        turn();
        assert_in_range(of_turn, 0, LINE_TURN_BYTES / LARGE + 1);
        for (i = 0, most = 0, least = EACH; i < CLIENTS; i++) {
            most = came[i] > most ? came[i] : most;
            least = came[i] < least ? came[i] : least;
        }
        assert_in_range(most - least, 0, 2);
    }
    assert_int_equal(all(), CLIENTS * EACH);
    turn();
    assert_int_equal(net.n_line, 0);
}

static void one_that_ends_leaves_the_line(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 20 && net.n_line < CLIENTS; i++)
        turn();
    assert_true(net.n_line > 0);
    for (i = 0; i < CLIENTS; i++)
        conn_abort(large[i]->conn, 1001, "the test ends");
    turn();
    assert_int_equal(net.n_line, 0);
    assert_null(net.line);
}

static void until_the_line_is_empty(void)
{
    unsigned i;

    for (i = 0; i < 100 && all() < CLIENTS * EACH; i++)
        turn();
    turn();
    assert_int_equal(net.n_line, 0);
}

static void send_small(unsigned n)
{
    static uint8_t frames[2000][8];
    unsigned i;

    for (i = 0; i < n; i++)
        memcpy(frames[i], (uint8_t[]){0x81, 0x82, 0, 0, 0, 0, '{', '}'}, 8);
    assert_int_equal(send(small->fd, frames, n * sizeof(frames[0]), 0), n * sizeof(frames[0]));
}

/* The smallest message is work too: a thousand of them are not one of a kilobyte. */
static void many_small_ones_wait_in_line(void **state)
{
    const unsigned free_ones = LINE_FREE_BYTES / LINE_MESSAGE_BYTES;
    const unsigned piece = LINE_PIECE_BYTES / LINE_MESSAGE_BYTES;
    unsigned i;

    (void)state;
    until_the_line_is_empty();
    send_small(2000);
    turn();
    assert_in_range(others, 1, free_ones + piece + 2);
    assert_int_equal(net.n_line, 1);
    for (i = 0; i < 20 && others < 2000; i++)
        turn();
    assert_int_equal(others, 2000);
}

/* What does not wait for others is done in the turn it came in: what came at once leaves in one write. */
static void alone_in_line_it_waits_for_no_other_turn(void **state)
{
    const unsigned frames = LINE_FREE_BYTES / LINE_MESSAGE_BYTES + 20;

    (void)state;
    until_the_line_is_empty();
    send_small(frames);
    turn();
    assert_int_equal(others, frames);
    assert_int_equal(net.n_line, 0);
}

static void a_pause_is_forgiven(void **state)
{
    struct conn *c = large[0]->conn;

    (void)state;
    line_charge(c, 10 * LINE_FREE_BYTES);
    assert_false(line_allows(c));
    net.mono_ms += 999;
    assert_false(line_allows(c));
    net.mono_ms += 1002;
    assert_true(line_allows(c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_sends_little_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_turn_has_a_limit_and_all_come_to_their_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_ends_leaves_the_line, setup, teardown),
        cmocka_unit_test_setup_teardown(many_small_ones_wait_in_line, setup, teardown),
        cmocka_unit_test_setup_teardown(alone_in_line_it_waits_for_no_other_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pause_is_forgiven, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
