/* SPDX-License-Identifier: MIT */
/* Metrics of plugins: names and labels, kinds, a seat without room, a plugin that failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/mem.h"
#include "host/metric.h"

#include <math.h>
#include <string.h>

static struct host h;
static struct plugin a, b;
static struct buf out;

static void make(struct plugin *p, char *name)
{
    memset(p, 0, sizeof(*p));
    p->host = &h;
    p->name = name;
    p->state = PLUGIN_INIT;
    p->row = (uint32_t)(seat_plugin(h.seat, name) + 1);
}

static int setup(void **state)
{
    static char name_a[] = "a-b", name_b[] = "b";

    (void)state;
    memset(&h, 0, sizeof(h));
    h.base = event_base_new();
    h.loop_thread = pthread_self();
    metric_init(&h);
    job_init(&h);
    make(&a, name_a);
    make(&b, name_b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    job_deinit(&h);
    metric_deinit(&h);
    event_base_free(h.base);
    buf_deinit(&out);
    return 0;
}

static void expect_line(const char *line, bool is_there)
{
    char *whole = mem_printf("\n%s\n", line);

    buf_clear(&out);
    metric_text(&h, &out);
    if ((strstr(out.p, whole) != NULL) != is_there)
        fail_msg("%s: %s\n%s", is_there ? "lacks" : "has", line, out.p);
    mem_free(whole);
}

static int add(struct plugin *p, uint32_t kind, const char *name, const char *label,
               const char *const *values, int *id_out)
{
    const struct chatd_metric_def def = {sizeof(def), kind, name, "Help.", label, values};

    return metric_new(&p->pub, &def, id_out);
}

static void rows_have_the_plugins_name_and_their_labels(void **state)
{
    static const char *const values[] = {"x", "a\"\\\nz", NULL};
    int id;

    (void)state;
    assert_int_equal(add(&a, CHATD_COUNTER, "n_total", "why", values, &id), CHATD_OK);
    metric_add(&a.pub, id, 0, 2);
    metric_add(&a.pub, id, 1, 3);
    metric_add(&a.pub, id, 2, 9);  /* no such row */
    metric_add(&a.pub, id, -1, 9); /* nor this */
    metric_add(&b.pub, id, 0, 9);  /* another's */
    metric_set(&a.pub, id, 0, 9);  /* not a gauge */
    metric_observe(&a.pub, id, 0, 9);
    expect_line("chatd_a_b_n_total{why=\"x\"} 2", true);
    expect_line("chatd_a_b_n_total{why=\"a\\\"\\\\\\nz\"} 3", true);
    expect_line("# TYPE chatd_a_b_n_total counter", true);
    expect_line("chatd_connections 0", true);
    expect_line("chatd_jobs_waiting{queue=\"io\"} 0", true);
    expect_line("chatd_handshakes_total{outcome=\"ok\"} 0", true);
}

static void gauges_and_histograms(void **state)
{
    int gauge, seconds;

    (void)state;
    assert_int_equal(add(&a, CHATD_GAUGE, "level", NULL, NULL, &gauge), CHATD_OK);
    assert_int_equal(add(&a, CHATD_HISTOGRAM, "s", NULL, NULL, &seconds), CHATD_OK);
    metric_set(&a.pub, gauge, 0, -4);
    metric_add(&a.pub, gauge, 0, 1);
    expect_line("chatd_a_b_level -3", true);
    metric_observe(&a.pub, seconds, 0, 0.25);
    metric_observe(&a.pub, seconds, 0, -1.0);
    metric_observe(&a.pub, seconds, 0, (double)NAN);
    expect_line("chatd_a_b_s_bucket{le=\"0.1\"} 2", true);
    expect_line("chatd_a_b_s_bucket{le=\"0.25\"} 3", true);
    expect_line("chatd_a_b_s_sum 0.25", true);
    metric_observe(&a.pub, seconds, 0, (double)INFINITY);
    expect_line("chatd_a_b_s_sum 1000000000.25", true);
    expect_line("chatd_a_b_s_count 4", true);
}

static void what_does_not_fit_is_refused(void **state)
{
    char name[100];
    int id, n = 0, rc;

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(add(&a, CHATD_COUNTER, name, NULL, NULL, &id), CHATD_E_INVAL);
    assert_int_equal(add(&a, CHATD_COUNTER, "no name", NULL, NULL, &id), CHATD_E_INVAL);
    expect_line("chatd_a_b_no name 0", false);
    while ((rc = add(&a, CHATD_HISTOGRAM, "s", NULL, NULL, &id)) == CHATD_OK)
        n++;
    assert_int_equal(rc, CHATD_E_BUSY);
    assert_in_range(n, 300, 600);
    metric_observe(&a.pub, id, 0, 1); /* the last one that was given out */
    /* Handlers are timed all the same, into nothing. */
    while (seat_values(h.seat, 1) != NULL)
        continue;
    assert_ptr_equal(metric_hook(&h, &b, "message"), h.uncounted);
}

static void those_of_a_failed_plugin_are_not_shown(void **state)
{
    int first, second;

    (void)state;
    assert_int_equal(add(&a, CHATD_COUNTER, "n_total", NULL, NULL, &first), CHATD_OK);
    assert_int_equal(add(&b, CHATD_COUNTER, "n_total", NULL, NULL, &second), CHATD_OK);
    metric_remove(&h, &a);
    metric_add(&a.pub, first, 0, 1);
    metric_add(&b.pub, second, 0, 1);
    expect_line("chatd_a_b_n_total 0", false);
    expect_line("chatd_a_b_n_total 1", false);
    expect_line("chatd_b_n_total 1", true);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_have_the_plugins_name_and_their_labels),
        T(gauges_and_histograms),
        T(what_does_not_fit_is_refused),
        T(those_of_a_failed_plugin_are_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
