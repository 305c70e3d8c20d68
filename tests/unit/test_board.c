/* SPDX-License-Identifier: MIT */
/* The board: who may write where, what outlives a worker, and readers that believe nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/buf.h"
#include "base/mem.h"
#include "board/seat.h"

#include <chatd/plugin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct board *b;

static int setup(void **state)
{
    (void)state;
    b = board_new(4, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    board_free(b);
    return 0;
}

static struct seat *take(void)
{
    unsigned i = board_take_seat(b, 1);

    assert_int_not_equal(i, BOARD_NO_SEAT);
    return board_seat(b, i);
}

static int64_t *series(struct seat *s, const char *name, const char *labels, enum series_kind kind)
{
    int64_t *value =
        seat_series_new(s, &(struct series_def){name, labels, "Help.", kind, SERIES_ONE});

    assert_non_null(value);
    return value;
}

/* Static, so that a test may look at it in passing. */
static const char *text(void)
{
    static struct buf out;

    buf_clear(&out);
    board_text(b, &out);
    return out.n > 0 ? out.p : "";
}

static void expect_line(const char *line)
{
    char *whole = mem_printf("\n%s\n", line);

    if (strstr(text(), whole) == NULL)
        fail_msg("no line %s in:\n%s", line, text());
    mem_free(whole);
}

/* How a child ends that attaches seat 0 and writes one number at `at` of seat `target`. */
static int status_of_writer(unsigned target)
{
    pid_t pid;
    int status;

    pid = fork();
    if (pid == 0) {
        struct board *own = board_attach(board_fd(b), 0);

        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would end it in its own way */
        if (own == NULL)
            _exit(2);
        board_seat(own, target)->value[0] = 77;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_worker_writes_its_own_seat_alone(void **state)
{
    unsigned i;

    (void)state;
    assert_int_equal(status_of_writer(0), 0);
    assert_int_equal(board_seat(b, 0)->value[0], 77);
    for (i = 1; i <= 4; i++) { /* 4: the retired row */
        int status = status_of_writer(i);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSEGV);
        assert_int_equal(board_seat(b, i)->value[0], 0);
    }
}

static void what_is_no_board_is_not_attached(void **state)
{
    struct board *other;
    FILE *f = tmpfile();

    (void)state;
    assert_null(board_attach(-1, 0));
    assert_null(board_attach(fileno(f), 0));
    fclose(f);
    assert_null(board_attach(board_fd(b), 4));
    other = board_attach(board_fd(b), 3);
    assert_int_equal(board_own_index(other), 3);
    assert_int_equal(board_own(other)->pid, getpid());
    board_free(other);
    board_head(b)->layout++;
    assert_null(board_attach(board_fd(b), 0));
    assert_int_equal(ftruncate(board_fd(b), 4096), -1); /* sealed */
}

static void totals_do_not_fall_when_a_worker_is_gone(void **state)
{
    struct seat *one = take(), *two = take();
    int64_t *x = series(one, "chatd_x_total", "", SERIES_COUNTER);
    int64_t *y = series(two, "chatd_x_total", "", SERIES_COUNTER);
    int64_t *h = series(one, "chatd_h_seconds", "a=\"1\"", SERIES_HISTOGRAM);
    int64_t *s = series(one, "chatd_s_seconds", "", SERIES_SUMMARY);

    (void)state;
    *x = 5;
    *y = 7;
    series_observe(h, 2000000);
    series_observe(h, -1);
    s[0] = 3;
    s[1] = 1500000000;
    expect_line("chatd_x_total 12");
    one->crash.signal = 11;
    board_retire(b, 0);
    assert_int_equal(board_head(b)->seq, 2 + 2 + 2); /* even, and moved on: two takes and this */
    expect_line("chatd_x_total 12");
    expect_line("chatd_h_seconds_bucket{a=\"1\",le=\"0.0001\"} 1");
    expect_line("chatd_h_seconds_bucket{a=\"1\",le=\"0.0025\"} 2");
    expect_line("chatd_h_seconds_count{a=\"1\"} 2");
    expect_line("chatd_h_seconds_sum{a=\"1\"} 0.002");
    expect_line("chatd_s_seconds_sum 1.5");
    expect_line("chatd_s_seconds_count 3");
    /* The next one there begins at nothing, and its end is added to the first one's. */
    assert_int_equal(one->crash.signal, 0);
    assert_ptr_equal(board_seat(b, board_take_seat(b, 9)), board_seat(b, 2)); /* longest free */
    board_retire(b, 1);
    expect_line("chatd_x_total 12");
}

static void a_gauge_goes_with_its_worker(void **state)
{
    int64_t *x = series(take(), "chatd_g", "", SERIES_GAUGE);
    int64_t *y = series(take(), "chatd_g", "", SERIES_GAUGE);

    (void)state;
    *x = 5;
    *y = -7;
    expect_line("chatd_g -2");
    board_retire(b, 1);
    expect_line("chatd_g 5");
    board_retire(b, 0);
    assert_null(strstr(text(), "chatd_g"));
}

static void seats_are_given_out_in_turn(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 4; i++)
        assert_int_equal(board_take_seat(b, i + 1), i);
    assert_int_equal(board_take_seat(b, 5), BOARD_NO_SEAT);
    assert_int_equal(board_head(b)->generation[2], 3);
    assert_int_equal(board_seat(b, 2)->generation, 3);
    board_retire(b, 2);
    board_retire(b, 0);
    assert_int_equal(board_take_seat(b, 5), 2);
    assert_int_equal(board_take_seat(b, 6), 0);
}

static void the_master_counts_in_the_retired_row(void **state)
{
    int64_t *crash =
        board_counter(b, "chatd_worker_restarts_total", "reason=\"crash\"", "Workers replaced.");
    int64_t *workers = board_gauge(b, "chatd_workers", "", "Workers.");

    (void)state;
    *crash += 2;
    *workers = 4;
    assert_ptr_equal(board_counter(b, "chatd_worker_restarts_total", "reason=\"crash\"", ""),
                     crash);
    assert_ptr_not_equal(board_counter(b, "chatd_worker_restarts_total", "reason=\"hang\"", ""),
                         crash);
    expect_line("chatd_worker_restarts_total{reason=\"crash\"} 2");
    expect_line("chatd_workers 4");
}

static void the_text_is_as_prometheus_has_it(void **state)
{
    struct seat *one = take(), *two = take();
    int64_t *h;

    (void)state;
    *series(one, "chatd_a_total", "k=\"1\"", SERIES_COUNTER) = 1;
    *series(one, "chatd_b", "", SERIES_GAUGE) = 2;
    /* In another order, and with a label that the first does not have. */
    *series(two, "chatd_b", "", SERIES_GAUGE) = 3;
    *series(two, "chatd_a_total", "k=\"2\"", SERIES_COUNTER) = 4;
    *series(two, "chatd_a_total", "k=\"1\"", SERIES_COUNTER) = 8;
    h = series(two, "chatd_h_seconds", "k=\"1\"", SERIES_HISTOGRAM);
    series_observe(h, 100000);
    series_observe(h, 100001);
    series_observe(h, 99000000000);
    *seat_series_new(two, &(struct series_def){"chatd_t_seconds", "", "T.", SERIES_COUNTER,
                                               SERIES_NS}) = 1230000000;
    *series(two, "chatd_hidden", "", SERIES_COUNTER) = 4;
    seat_hide(two, &two->value[two->n_values - 1]);
    assert_string_equal(text(), "# HELP chatd_a_total Help.\n"
                                "# TYPE chatd_a_total counter\n"
                                "chatd_a_total{k=\"1\"} 9\n"
                                "chatd_a_total{k=\"2\"} 4\n"
                                "# HELP chatd_b Help.\n"
                                "# TYPE chatd_b gauge\n"
                                "chatd_b 5\n"
                                "# HELP chatd_h_seconds Help.\n"
                                "# TYPE chatd_h_seconds histogram\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.0001\"} 1\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.00025\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.001\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.0025\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.01\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.025\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.1\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"0.25\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"1\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"2.5\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"5\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"10\"} 2\n"
                                "chatd_h_seconds_bucket{k=\"1\",le=\"+Inf\"} 3\n"
                                "chatd_h_seconds_sum{k=\"1\"} 99.000200001\n"
                                "chatd_h_seconds_count{k=\"1\"} 3\n"
                                "# HELP chatd_t_seconds T.\n"
                                "# TYPE chatd_t_seconds counter\n"
                                "chatd_t_seconds 1.23\n");
}

static void broken_rows_are_passed_over(void **state)
{
    struct seat *s = take();
    uint32_t i;

    (void)state;
    for (i = 0; i < 9; i++) {
        char name[32];

        snprintf(name, sizeof(name), "chatd_r%u_total", i);
        *series(s, name, "", SERIES_COUNTER) = 1;
    }
    memset(s->series[0].name, 'x', sizeof(s->series[0].name));
    memset(s->series[1].labels, 'x', sizeof(s->series[1].labels));
    memset(s->series[2].help, 'x', sizeof(s->series[2].help));
    s->series[3].first = SEAT_VALUES_MAX;
    s->series[4].first = UINT32_MAX;
    s->series[5].n = 2;
    s->series[6].kind = 200;
    memcpy(s->series[7].name, "chatd r7\n", 10);
    assert_string_equal(text(), "# HELP chatd_r8_total Help.\n# TYPE chatd_r8_total counter\n"
                                "chatd_r8_total 1\n");
    board_retire(b, 0);
    expect_line("chatd_r8_total 1");
    assert_int_equal(board_seat(b, 4)->n_series, 1);
    /* Nothing in it is what it was. */
    s = take();
    memset(s, 0xff, SEAT_BYTES);
    expect_line("chatd_r8_total 1");
    board_retire(b, 1);
    expect_line("chatd_r8_total 1");
}

static void numbers_that_no_counter_has_are_not_kept(void **state)
{
    struct seat *one = take(), *two = take();

    (void)state;
    *series(one, "chatd_x_total", "", SERIES_COUNTER) = INT64_MAX;
    *series(two, "chatd_x_total", "", SERIES_COUNTER) = INT64_MAX;
    *series(one, "chatd_y_total", "", SERIES_COUNTER) = -5;
    board_retire(b, 0);
    board_retire(b, 1);
    expect_line("chatd_x_total 9223372036854775807");
    expect_line("chatd_y_total 0");
}

static void a_full_seat_refuses(void **state)
{
    struct seat *s = take();
    struct series_def def = {"chatd_x", "", "", SERIES_COUNTER, SERIES_ONE};
    char long_name[SERIES_NAME_BYTES + 1], long_help[200];
    unsigned i;

    (void)state;
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    memset(long_help, 'x', sizeof(long_help) - 1);
    long_help[sizeof(long_help) - 1] = '\0';
    def.name = long_name;
    assert_int_equal(seat_series(s, &def, s->value), SERIES_BAD);
    def.name = "9x";
    assert_int_equal(seat_series(s, &def, s->value), SERIES_BAD);
    def.name = "chatd_x";
    def.labels = "a=\"\n\"";
    assert_int_equal(seat_series(s, &def, s->value), SERIES_BAD);
    def.labels = "";
    def.help = long_help;
    assert_int_equal(seat_series(s, &def, seat_values(s, 1)), SERIES_ADDED); /* the help is cut */
    assert_int_equal(strlen(s->series[0].help), SERIES_HELP_BYTES - 1);
    def.help = "";
    for (i = 1; i < SEAT_SERIES_MAX; i++)
        assert_non_null(seat_series_new(s, &def));
    assert_null(seat_series_new(s, &def));
    assert_false(seat_has_room(s, 1, 0));
    assert_null(seat_values(s, SEAT_VALUES_MAX));
    assert_non_null(seat_values(s, SEAT_VALUES_MAX - s->n_values));
    assert_null(seat_values(s, 1));
    for (i = 0; i < BOARD_PLUGINS_MAX; i++)
        assert_int_equal(seat_plugin(s, "p"), i);
    assert_int_equal(seat_plugin(s, "p"), -1);
    seat_plugin_state(s, -1, CHATD_AWAY, ""); /* nobody's */
    seat_event(s, BOARD_EVENTS_MAX, "e");
}

/* --- states --------------------------------------------------------------------------------------- */

static const char *reasons(void)
{
    static char out[2048];
    struct board_reason *r;
    size_t n, i, at = 0;

    r = board_reasons(b, &n);
    out[0] = '\0';
    for (i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, sizeof(out) - at, "%s:%u:%s|", r[i].plugin, r[i].state,
                               r[i].text);
    mem_free(r);
    return out;
}

static void reasons_of_all_workers_are_told_once(void **state)
{
    struct board_head *head = board_head(b);
    struct seat *one = take(), *two = take(), *old = take();
    int store = seat_plugin(one, "store");

    (void)state;
    assert_int_equal(seat_plugin(two, "core"), 0);
    assert_int_equal(seat_plugin(two, "store"), 1);
    assert_int_equal(seat_plugin(old, "core"), 0);
    head->n_slots = 2;
    head->slot[0].seat = 0;
    head->slot[1].seat = 1;
    assert_string_equal(reasons(), "");
    seat_plugin_state(one, store, CHATD_AWAY, "no Redis");
    seat_plugin_state(two, 1, CHATD_AWAY, "no Redis");
    seat_plugin_state(old, 0, CHATD_AWAY, "stopping"); /* serves in no slot */
    assert_string_equal(reasons(), "store:2:no Redis|");
    seat_plugin_state(two, 1, CHATD_DEGRADED, "slow");
    assert_string_equal(reasons(), "store:2:no Redis|store:1:slow|");
    seat_plugin_state(one, store, CHATD_READY, "");
    board_change_begin(b);
    head->slot[1].seat = BOARD_NO_SEAT;
    snprintf(head->note[0], sizeof(head->note[0]), "the last roll was called off");
    head->n_notes = 1;
    board_change_end(b);
    assert_string_equal(reasons(), "core:1:the last roll was called off|"
                                   "core:1:worker 1 is being replaced|");
    head->n_notes = 0;
    head->is_stopping = 1;
    head->n_slots = 1;
    assert_string_equal(reasons(), "core:2:stopping|");
}

static void broken_states_are_nobodys(void **state)
{
    struct seat *s = take();

    (void)state;
    board_head(b)->n_slots = 1;
    board_head(b)->slot[0].seat = 0;
    seat_plugin(s, "good");
    seat_plugin(s, "never-done");
    seat_plugin(s, "wild");
    seat_plugin_state(s, 0, CHATD_AWAY, "");
    memset(s->plugin[0].text, 'x', sizeof(s->plugin[0].text));
    s->plugin[1].seq = 1; /* its writer died over it */
    s->plugin[1].state = CHATD_AWAY;
    s->plugin[2].state = 77;
    assert_int_equal(strlen(reasons()), strlen("good:2:|") + BOARD_TEXT_BYTES - 1);
    memset(s, 0xff, SEAT_BYTES);
    assert_string_equal(reasons(), "");
    board_head(b)->n_slots = UINT32_MAX; /* 64 of them at most are looked at */
    board_head(b)->slot[0].seat = 0;
    reasons();
}

/* In a child: changes state and text together until it is killed. */
static void write_states(void)
{
    static const char *const text_of[] = {
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct board *own = board_attach(board_fd(b), 0);
    int plugin = seat_plugin(board_own(own), "p"), i;

    alarm(60);
    for (i = 0;; i = !i)
        seat_plugin_state(board_own(own), plugin, i ? CHATD_AWAY : CHATD_DEGRADED, text_of[i]);
}

static void a_reader_sees_what_belongs_together(void **state)
{
    unsigned away = 0, degraded = 0;
    pid_t pid;

    (void)state;
    take();
    board_head(b)->n_slots = 1;
    board_head(b)->slot[0].seat = 0;
    pid = fork();
    if (pid == 0)
        write_states();
    while ((away < 1000 || degraded < 1000) && waitpid(pid, NULL, WNOHANG) == 0) {
        size_t n;
        struct board_reason *r = board_reasons(b, &n);

        if (n > 0) {
            char c = r->state == CHATD_AWAY ? 'a' : 'd';

            assert_int_equal(strlen(r->text), 64);
            assert_int_equal(r->text[0], c);
            assert_int_equal(r->text[63], c);
            away += c == 'a';
            degraded += c == 'd';
        }
        mem_free(r);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(away >= 1000 && degraded >= 1000);
}

static void a_master_that_died_in_a_change_stops_nobody(void **state)
{
    (void)state;
    *series(take(), "chatd_x_total", "", SERIES_COUNTER) = 5;
    board_change_begin(b);
    board_change_begin(b);
    board_change_end(b);
    assert_int_equal(board_head(b)->seq & 1, 1); /* the outer one is not over */
    assert_non_null(strstr(text(), "chatd_x_total 5\n"));
    assert_string_equal(reasons(), "");
    board_change_end(b);
    assert_int_equal(board_head(b)->seq & 1, 0);
}

static void connections_elsewhere(void **state)
{
    struct seat *one, *two;
    struct board *own;

    (void)state;
    take();
    one = take();
    two = take();
    board_head(b)->n_slots = 3;
    board_head(b)->slot[0].seat = 0;
    board_head(b)->slot[1].seat = 1;
    board_head(b)->slot[2].seat = BOARD_NO_SEAT;
    board_seat(b, 0)->value[SEAT_CONNECTIONS] = 100;
    one->value[SEAT_CONNECTIONS] = 10;
    two->value[SEAT_CONNECTIONS] = 1; /* serves in no slot */
    own = board_attach(board_fd(b), 0);
    assert_int_equal(board_connections_elsewhere(own), 10);
    one->value[SEAT_CONNECTIONS] = -1;
    assert_int_equal(board_connections_elsewhere(own), 0);
    one->value[SEAT_CONNECTIONS] = INT64_MAX;
    assert_int_equal(board_connections_elsewhere(own), 0);
    board_free(own);
}

static void marks_of_work_are_told_in_words(void **state)
{
    struct seat *s = take();
    char out[128];
    uint32_t rooms;

    (void)state;
    seat_plugin(s, "core");
    rooms = (uint32_t)seat_plugin(s, "rooms") + 1;
    seat_event(s, 1, "message");
#define WORDS(kind, event, plugin) \
    board_work_text(s, work_pack(kind, event, plugin), out, sizeof(out))
    assert_string_equal(WORDS(WORK_NOTHING, 0, rooms), "");
    assert_string_equal(WORDS(WORK_LOAD, 0, rooms), "rooms while it was loaded");
    seat_plugin_version(s, 1, "1.0");
    assert_string_equal(WORDS(WORK_HOOK, 1, rooms), "rooms 1.0 in message");
    assert_string_equal(WORDS(WORK_TIMER, 0, rooms), "rooms 1.0 in its timer");
    assert_string_equal(WORDS(WORK_HOOK, 7, rooms), "rooms 1.0 in an event");
    assert_string_equal(WORDS(WORK_HOOK, 4095, 4095), "a plugin in an event");
    assert_string_equal(WORDS(WORK_KINDS, 0, rooms), "");
    assert_string_equal(board_work_text(s, UINT32_MAX, out, sizeof(out)), "");
    assert_string_equal(board_work_plugin(s, work_pack(WORK_INIT, 0, rooms), out, 4), "roo");
    assert_string_equal(board_work_plugin(s, work_pack(WORK_INIT, 0, 1), out, 4), "");
    assert_string_equal(board_work_plugin(s, 0, out, 4), "");
    memset(s, 0xff, SEAT_BYTES);
    assert_int_equal(strspn(WORDS(WORK_HOOK, 1, rooms), "? "), 39 + 1 + 39 + 1);
#undef WORDS
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_worker_writes_its_own_seat_alone),
        T(what_is_no_board_is_not_attached),
        T(totals_do_not_fall_when_a_worker_is_gone),
        T(a_gauge_goes_with_its_worker),
        T(seats_are_given_out_in_turn),
        T(the_master_counts_in_the_retired_row),
        T(the_text_is_as_prometheus_has_it),
        T(broken_rows_are_passed_over),
        T(numbers_that_no_counter_has_are_not_kept),
        T(a_full_seat_refuses),
        T(reasons_of_all_workers_are_told_once),
        T(broken_states_are_nobodys),
        T(a_reader_sees_what_belongs_together),
        T(a_master_that_died_in_a_change_stops_nobody),
        T(connections_elsewhere),
        T(marks_of_work_are_told_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
