/* SPDX-License-Identifier: MIT */
/* Events: the order of handlers, every verdict, waits and all their ends, who may raise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "base/log.h"
#include "host/host.h"
#include "host/metric.h"
#include "host/work.h"

#include <stdio.h>
#include <string.h>

#define NAME "test.event/1"

static struct host h;
static struct config_report report;
static struct plugin a, b;
static uint32_t event;
static struct chatd_ev ev;
static char trace[1024];
static int verdict_of[6]; /* of handler 0..5 */
static int decided;       /* what done() was called with; -1: not yet */
static chatd_wait wait_id;
static unsigned deadline_ms;
static void (*in_handler)(void);

static void note(const char *text)
{
    strcat(strcat(trace, text), " ");
}

static void gone(chatd_plugin *self, void *arg)
{
    (void)arg;
    note("gone");
    /* The wait is over: too late, and harmless. */
    assert_int_equal(wait_resume(self, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_E_GONE);
}

static enum chatd_verdict run(chatd_plugin *self, struct chatd_ev *e, int i)
{
    char name[3] = {plugin_of(self) == &a ? 'a' : 'b', (char)('0' + i), '\0'};

    note(name);
    if (verdict_of[i] == CHATD_WAIT && deadline_ms > 0)
        assert_int_equal(wait_new(self, e, deadline_ms, gone, NULL, &wait_id), CHATD_OK);
    if (in_handler != NULL)
        in_handler();
    return (enum chatd_verdict)verdict_of[i];
}

#define HANDLER(i)                                                               \
    static enum chatd_verdict handler##i(chatd_plugin *self, struct chatd_ev *e) \
    {                                                                            \
        return run(self, e, i);                                                  \
    }
HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)
HANDLER(4)
HANDLER(5)

static int on(struct plugin *p, int band, chatd_named_handler fn)
{
    return hook_on(&p->pub, event, band, chatd_thunk_named, (chatd_fn)fn);
}

static void done(chatd_plugin *self, int verdict, void *arg)
{
    assert_ptr_equal(self, &a.pub);
    assert_ptr_equal(arg, &decided);
    assert_int_equal(decided, -1); /* once */
    decided = verdict;
    note(verdict == CHATD_DENY ? ev.code.p : "allowed");
}

static void raise_it(void)
{
    decided = -1;
    ev = (struct chatd_ev){.size = sizeof(ev)};
    trace[0] = '\0';
    assert_int_equal(hook_raise(&a.pub, event, &ev, done, &decided), CHATD_OK);
}

static void expect(const char *want)
{
    assert_string_equal(trace, want);
}

static void freeze(void)
{
    assert_int_equal(hook_freeze(&h), 0);
}

static void make(struct plugin *p, char *name, uint32_t order)
{
    memset(p, 0, sizeof(*p));
    p->host = &h;
    p->name = name;
    p->order = order;
    p->row = (uint32_t)(seat_plugin(h.seat, name) + 1);
    p->state = PLUGIN_INIT;
    p->pub = (struct chatd_plugin){sizeof(p->pub), NULL, NULL, NULL};
}

static int setup(void **state)
{
    static char name_a[] = "a", name_b[] = "b", name_core[] = "core";
    const struct net_limits limits = {.max_connections = 10};

    (void)state;
    memset(&report, 0, sizeof(report));
    memset(&h, 0, sizeof(h));
    h.base = event_base_new();
    h.loop_thread = pthread_self();
    h.opt.slow_hook_ms = 100000;
    h.config = config_load(NULL, NULL, &report);
    net_init(&h.net, h.base, &limits, 1);
    metric_init(&h);
    make(&h.core, name_core, 0);
    make(&a, name_a, 1);
    make(&b, name_b, 2);
    wait_init(&h);
    hook_init(&h);
    memset(verdict_of, 0, sizeof(verdict_of));
    deadline_ms = 50;
    in_handler = NULL;
    assert_int_equal(hook_event_named(&a.pub, NAME, CHATD_DECIDE_ASYNC, 1, &event), CHATD_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(h.wait_slab.n_live, 0);
    assert_null(h.waits);
    assert_null(h.chain);
    assert_int_equal(h.seat->work, 0);
    hook_deinit(&h);
    slab_deinit(&h.wait_slab);
    net_deinit(&h.net);
    metric_deinit(&h);
    config_free(h.config);
    event_base_free(h.base);
    return 0;
}

/* a0 b1 in CHECK, a2 b3 in CHANGE, a4 b5 in WATCH, registered in another order. */
static void hook_all(void)
{
    assert_int_equal(on(&b, CHATD_WATCH, handler5), CHATD_OK);
    assert_int_equal(on(&b, CHATD_CHANGE, handler3), CHATD_OK);
    assert_int_equal(on(&b, CHATD_CHECK, handler1), CHATD_OK);
    assert_int_equal(on(&a, CHATD_WATCH, handler4), CHATD_OK);
    assert_int_equal(on(&a, CHATD_CHANGE, handler2), CHATD_OK);
    assert_int_equal(on(&a, CHATD_CHECK, handler0), CHATD_OK);
    freeze();
    a.state = b.state = PLUGIN_STARTED;
}

static void bands_then_needs(void **state)
{
    (void)state;
    hook_all();
    raise_it();
    expect("a0 b1 a2 b3 allowed ");
    assert_int_equal(hook_raised(&a.pub, event, &ev), CHATD_OK);
    expect("a0 b1 a2 b3 allowed a4 b5 ");
}

static void ties_go_by_registration(void **state)
{
    (void)state;
    on(&a, CHATD_CHECK, handler5);
    on(&a, CHATD_CHECK, handler1);
    on(&a, CHATD_CHECK, handler3);
    freeze();
    raise_it();
    expect("a5 a1 a3 allowed ");
}

static void done_skips_the_band(void **state)
{
    (void)state;
    hook_all();
    verdict_of[2] = CHATD_DONE;
    raise_it();
    expect("a0 b1 a2 allowed ");
}

static void done_in_check_denies(void **state)
{
    (void)state;
    hook_all();
    verdict_of[0] = CHATD_DONE;
    raise_it();
    expect("a0 internal ");
}

static void verdicts_that_do_not_exist_deny(void **state)
{
    (void)state;
    hook_all();
    verdict_of[1] = 17;
    raise_it();
    expect("a0 b1 internal ");
    verdict_of[1] = CHATD_WAIT;
    deadline_ms = 0; /* WAIT without chatd_ev_wait() */
    raise_it();
    expect("a0 b1 internal ");
}

static void deny_it(void)
{
    char code[] = "test.no", text[] = "No.";

    in_handler = NULL;
    hook_deny(&a.pub, &ev, code, text, 250);
    memset(code, 'x', sizeof(code) - 1); /* it was copied */
    memset(text, 'x', sizeof(text) - 1);
}

static void done_reads_denial(chatd_plugin *self, int verdict, void *arg)
{
    (void)self;
    (void)arg;
    assert_int_equal(verdict, CHATD_DENY);
    assert_string_equal(ev.code.p, "test.no");
    assert_string_equal(ev.text.p, "No.");
    assert_int_equal(ev.code.n, 7);
    assert_int_equal(ev.retry_ms, 250);
    hook_ev_drop(self, &ev); /* not asked for, and harmless */
    note("read");
}

static void denials_are_copied(void **state)
{
    (void)state;
    hook_all();
    verdict_of[0] = CHATD_DENY;
    raise_it();
    expect("a0 forbidden "); /* without chatd_deny() */
    in_handler = deny_it;
    trace[0] = '\0';
    ev = (struct chatd_ev){.size = sizeof(ev)};
    assert_int_equal(hook_raise(&a.pub, event, &ev, done_reads_denial, NULL), CHATD_OK);
    expect("a0 read ");
}

static void resumes_go_on_with_the_next(void **state)
{
    (void)state;
    hook_all();
    verdict_of[0] = CHATD_WAIT;
    raise_it();
    expect("a0 ");
    assert_int_equal(decided, -1);
    assert_int_equal(wait_resume(&b.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_E_GONE);
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_WAIT, NULL, NULL, 0), CHATD_E_INVAL);
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_OK);
    expect("a0 b1 a2 b3 allowed ");
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_E_GONE);
}

static void resumes_may_deny_or_settle(void **state)
{
    (void)state;
    hook_all();
    verdict_of[2] = CHATD_WAIT;
    raise_it();
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_DONE, NULL, NULL, 0), CHATD_OK);
    expect("a0 b1 a2 allowed ");
    raise_it();
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_DENY, "test.later", NULL, 0), CHATD_OK);
    expect("a0 b1 a2 test.later ");
    verdict_of[2] = CHATD_NEXT;
    verdict_of[1] = CHATD_WAIT;
    raise_it();
    assert_int_equal(wait_resume(&b.pub, wait_id, CHATD_DONE, NULL, NULL, 0), CHATD_OK);
    expect("a0 b1 internal "); /* DONE in CHECK this way neither */
}

static void several_wait_one_after_the_other(void **state)
{
    (void)state;
    hook_all();
    verdict_of[0] = verdict_of[1] = verdict_of[3] = CHATD_WAIT;
    raise_it();
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_OK);
    expect("a0 b1 ");
    assert_int_equal(wait_resume(&b.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_OK);
    expect("a0 b1 a2 b3 ");
    assert_int_equal(wait_resume(&b.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_OK);
    expect("a0 b1 a2 b3 allowed ");
}

static int inside;

static void resume_now(void)
{
    in_handler = NULL;
    assert_int_equal(wait_resume(&a.pub, wait_id, inside, "test.inside", NULL, 0), CHATD_OK);
    assert_int_equal(wait_resume(&a.pub, wait_id, inside, NULL, NULL, 0), CHATD_E_GONE);
}

static void resume_inside_the_handler(void **state)
{
    (void)state;
    hook_all();
    verdict_of[0] = CHATD_WAIT;
    inside = CHATD_NEXT;
    in_handler = resume_now;
    raise_it();
    expect("a0 b1 a2 b3 allowed ");
    inside = CHATD_DENY;
    in_handler = resume_now;
    raise_it();
    expect("a0 test.inside ");
    inside = CHATD_DONE;
    in_handler = resume_now;
    raise_it();
    expect("a0 internal ");
}

static void deadline_denies(void **state)
{
    (void)state;
    hook_all();
    deadline_ms = 1;
    verdict_of[2] = CHATD_WAIT;
    raise_it();
    while (decided < 0)
        event_base_loop(h.base, EVLOOP_ONCE);
    expect("a0 b1 a2 timeout ");
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_E_GONE);
}

static void the_client_leaves(void **state)
{
    (void)state;
    hook_all();
    verdict_of[1] = CHATD_WAIT;
    decided = -1;
    trace[0] = '\0';
    ev = (struct chatd_ev){.size = sizeof(ev), .conn = {42}};
    assert_int_equal(hook_raise(&a.pub, event, &ev, done, &decided), CHATD_OK);
    wait_gone(&h, 41, 0);
    expect("a0 b1 ");
    wait_gone(&h, 42, 0);
    expect("a0 b1 gone gone "); /* the callback, then the denial's code */
    assert_int_equal(decided, CHATD_DENY);
}

static void waits_end_with_their_plugin(void **state)
{
    (void)state;
    hook_all();
    verdict_of[1] = CHATD_WAIT;
    raise_it();
    wait_remove(&h, &b);
    assert_int_equal(decided, CHATD_DENY);
    raise_it();
    wait_remove(&h, &a); /* who raised it */
    assert_int_equal(decided, CHATD_DENY);
}

/* A chain that is parked goes on with the right hook when others are taken out before it. */
static void removal_while_parked(void **state)
{
    (void)state;
    hook_all();
    verdict_of[1] = CHATD_WAIT;
    raise_it();
    hook_remove(&h, &a);
    assert_int_equal(wait_resume(&b.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_OK);
    expect("a0 b1 b3 allowed ");
}

static void limits_of_waiting(void **state)
{
    chatd_wait w;

    (void)state;
    hook_all();
    assert_int_equal(wait_new(&a.pub, &ev, 10, NULL, NULL, &w), CHATD_E_STATE); /* no walk */
    verdict_of[0] = CHATD_NEXT;
    raise_it();
    assert_int_equal(h.wait_slab.n_live, 0);
}

static void a_wait_that_is_not_returned_denies(void **state)
{
    (void)state;
    on(&a, CHATD_CHECK, handler0);
    freeze();
    verdict_of[0] = CHATD_WAIT;
    in_handler = NULL;
    raise_it();
    assert_int_equal(wait_resume(&a.pub, wait_id, CHATD_NEXT, NULL, NULL, 0), CHATD_OK);
    expect("a0 allowed ");
}

static void only_owners_raise(void **state)
{
    (void)state;
    assert_int_equal(hook_raise(&a.pub, event, &ev, done, NULL), CHATD_E_STATE); /* in init */
    hook_all();
    assert_int_equal(hook_raise(&b.pub, event, &ev, done, NULL), CHATD_E_STATE);
    assert_int_equal(hook_raised(&b.pub, event, &ev), CHATD_E_STATE);
    assert_int_equal(hook_raise(&a.pub, CHATD_EV_upgrade, &ev, done, NULL), CHATD_E_STATE);
    assert_int_equal(hook_raise(&a.pub, 99999, &ev, done, NULL), CHATD_E_STATE);
    assert_int_equal(on(&a, CHATD_CHECK, handler0), CHATD_E_STATE); /* after init */
}

static void registration_is_checked(void **state)
{
    uint32_t again;

    (void)state;
    assert_int_equal(hook_on(&a.pub, 99999, CHATD_CHECK, chatd_thunk_named, (chatd_fn)handler0),
                     CHATD_E_INVAL);
    assert_int_equal(
        hook_on(&a.pub, CHATD_EV_tick, CHATD_CHECK, chatd_thunk_named, (chatd_fn)handler0),
        CHATD_E_INVAL);
    assert_int_equal(on(&a, 3, handler0), CHATD_E_INVAL);
    assert_int_equal(hook_event_named(&b.pub, NAME, CHATD_DECIDE, 1, &again), CHATD_E_EXISTS);
    assert_int_equal(hook_event_named(&b.pub, NAME, 0, 0, &again), CHATD_OK);
    assert_int_equal(again, event);
    assert_int_equal(hook_event_named(&b.pub, "noslash", 0, 0, &again), CHATD_E_INVAL);
    assert_int_equal(hook_event_named(&b.pub, "x.y/1", 3, 1, &again), CHATD_E_INVAL);
    freeze();
}

static void memory_of_an_event_is_capped(void **state)
{
    (void)state;
    hook_all();
    raise_it();
    assert_non_null(hook_ev_alloc(&a.pub, &ev, 1 << 19));
    assert_non_null(hook_ev_alloc(&a.pub, &ev, 1 << 19));
    assert_null(hook_ev_alloc(&a.pub, &ev, 1));
    assert_null(hook_ev_alloc(&a.pub, &ev, SIZE_MAX));
    hook_deny(&a.pub, &ev, "test.full", "Still says why.", 0);
    assert_string_equal(ev.code.p, "test.full");
    hook_ev_drop(&a.pub, &ev);
    assert_null(ev.core);
    assert_non_null(hook_ev_alloc(&a.pub, &ev, 1 << 20));
    assert_int_equal(hook_raised(&a.pub, event, &ev), CHATD_OK); /* frees it */
    assert_null(ev.core);
}

static void look_at_mark(void)
{
    char text[128];

    note(board_work_text(h.seat, h.seat->work, text, sizeof(text)));
    assert_int_not_equal(h.seat->since_ms, 0);
    assert_int_equal(h.seat->conn, 0);
}

static void handlers_are_marked_and_counted(void **state)
{
    struct work_before before;
    struct buf text = {0};

    (void)state;
    on(&a, CHATD_CHECK, handler0);
    on(&b, CHATD_CHECK, handler1);
    on(&b, CHATD_CHANGE, handler2);
    freeze();
    in_handler = look_at_mark;
    raise_it();
    expect("a0 a in " NAME " b1 b in " NAME " b2 b in " NAME " allowed ");
    /* What is marked around it comes back, and since when stays. */
    before = work_enter_at(&h, work_pack(WORK_TIMER, 0, a.row), 9, 5);
    in_handler = NULL;
    raise_it();
    assert_int_equal(h.seat->work, work_pack(WORK_TIMER, 0, a.row));
    assert_int_equal(h.seat->conn, 9);
    assert_int_equal(h.seat->since_ms, 5);
    work_leave(&h, before);
    board_text(h.board, &text);
    assert_non_null(
        strstr(text.p, "\nchatd_hook_seconds_count{plugin=\"a\",event=\"" NAME "\"} 2\n"));
    assert_non_null(
        strstr(text.p, "\nchatd_hook_seconds_count{plugin=\"b\",event=\"" NAME "\"} 4\n"));
    buf_deinit(&text);
    /* The times of one that failed are nobody's. */
    metric_remove(&h, &b);
    board_text(h.board, &text);
    assert_non_null(strstr(text.p, "{plugin=\"a\","));
    assert_null(strstr(text.p, "{plugin=\"b\","));
    buf_deinit(&text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(bands_then_needs),
        T(ties_go_by_registration),
        T(done_skips_the_band),
        T(done_in_check_denies),
        T(verdicts_that_do_not_exist_deny),
        T(denials_are_copied),
        T(resumes_go_on_with_the_next),
        T(resumes_may_deny_or_settle),
        T(several_wait_one_after_the_other),
        T(resume_inside_the_handler),
        T(deadline_denies),
        T(the_client_leaves),
        T(waits_end_with_their_plugin),
        T(removal_while_parked),
        T(limits_of_waiting),
        T(a_wait_that_is_not_returned_denies),
        T(only_owners_raise),
        T(registration_is_checked),
        T(memory_of_an_event_is_capped),
        T(handlers_are_marked_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
