/* SPDX-License-Identifier: MIT */
/* Hooks, verdicts and waits; the faults a handler can make. */
#include "plugin.h"

static enum chatd_verdict (*check)(chatd_plugin *self, struct chatd_ev_message *msg);
static enum chatd_verdict (*change)(chatd_plugin *self, struct chatd_ev_message *msg);
static chatd_wait wait;
static int gone, watched;
static uint64_t watched_seq;

static enum chatd_verdict on_check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    return check != NULL ? check(self, msg) : CHATD_NEXT;
}

static enum chatd_verdict on_change(chatd_plugin *self, struct chatd_ev_message *msg)
{
    return change != NULL ? change(self, msg) : CHATD_NEXT;
}

static enum chatd_verdict on_watch(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self;
    watched++;
    watched_seq = msg->seq;
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    /* Watched first: the band decides, not who came first. */
    int err = chatd_on_message(self, CHATD_WATCH, on_watch);

    if (err == CHATD_OK)
        err = chatd_on_message(self, CHATD_CHANGE, on_change);
    return err == CHATD_OK ? chatd_on_message(self, CHATD_CHECK, on_check) : err;
}

static int setup(void **state)
{
    check = change = NULL;
    gone = watched = 0;
    wait.v = 0;
    *state = host_with(init);
    return 0;
}

static int teardown(void **state)
{
    return testhost_free(*state);
}

static const struct testhost_outcome *say(struct testhost *t, const char *text)
{
    return testhost_say(t, (chatd_conn){0}, "general", text);
}

/* --- verdicts ------------------------------------------------------------------------------------- */

static enum chatd_verdict refuse(chatd_plugin *self, struct chatd_ev_message *msg)
{
    return chatd_deny_for(self, &msg->ev, "tested.no", "Not this.", 500);
}

static enum chatd_verdict shout(chatd_plugin *self, struct chatd_ev_message *msg)
{
    return chatd_set_text(self, msg, "LOUD", 4) == CHATD_OK ? CHATD_NEXT : CHATD_DENY;
}

static void test_allowed_and_watched(void **state)
{
    const struct testhost_outcome *said = say(*state, "hello");

    assert_int_equal(said->verdict, CHATD_NEXT);
    assert_string_equal(said->text, "hello");
    assert_int_equal(watched, 1);
    assert_int_equal(watched_seq, 1);
    say(*state, "again");
    assert_int_equal(watched_seq, 2);
}

static void test_refused(void **state)
{
    check = refuse;
    const struct testhost_outcome *said = say(*state, "hello");

    assert_int_equal(said->verdict, CHATD_DENY);
    assert_string_equal(said->code, "tested.no");
    assert_string_equal(said->text, "Not this.");
    assert_int_equal(said->retry_ms, 500);
    assert_int_equal(watched, 0);
}

static void test_rewritten(void **state)
{
    change = shout;
    assert_string_equal(say(*state, "hello")->text, "LOUD");
}

/* --- faults --------------------------------------------------------------------------------------- */

static enum chatd_verdict done(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self, (void)msg;
    return CHATD_DONE;
}

static enum chatd_verdict nonsense(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self, (void)msg;
    return (enum chatd_verdict)17;
}

static enum chatd_verdict only_says_wait(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self, (void)msg;
    return CHATD_WAIT;
}

static enum chatd_verdict forgets_to_wait(chatd_plugin *self, struct chatd_ev_message *msg)
{
    assert_int_equal(chatd_ev_wait(self, &msg->ev, 10, NULL, NULL, &wait), CHATD_OK);
    return CHATD_NEXT;
}

static enum chatd_verdict touches(chatd_plugin *self, struct chatd_ev_message *msg)
{
    (void)self;
    msg->text = CHATD_STR("mine");
    return CHATD_NEXT;
}

static void faulty(struct testhost *t, const char *part)
{
    assert_int_equal(say(t, "hello")->verdict, CHATD_DENY);
    only_fault(t, part);
}

static void test_faults_deny(void **state)
{
    change = done; /* in CHANGE it is fine */
    assert_int_equal(say(*state, "hello")->verdict, CHATD_NEXT);
    change = NULL;
    check = done;
    faulty(*state, "returned DONE in CHECK");
    check = nonsense;
    faulty(*state, "a verdict that does not exist");
    check = only_says_wait;
    faulty(*state, "waits without chatd_ev_wait()");
    check = forgets_to_wait;
    faulty(*state, "called chatd_ev_wait() and did not wait");
    check = shout;
    assert_int_equal(say(*state, "hello")->verdict, CHATD_NEXT);
    assert_int_equal(testhost_excuse(*state, "attaches memory to message in CHECK"), 1);
    only_fault(*state, "changed the payload of message in CHECK");
    check = touches;
    assert_int_equal(say(*state, "hello")->verdict, CHATD_NEXT);
    only_fault(*state, "changed the payload of message in CHECK");
}

/* --- waits ---------------------------------------------------------------------------------------- */

static void on_gone(chatd_plugin *self, void *arg)
{
    assert_int_equal(chatd_resume(self, wait, CHATD_NEXT, NULL, NULL), CHATD_E_GONE);
    gone++;
    (void)arg;
}

static enum chatd_verdict waits(chatd_plugin *self, struct chatd_ev_message *msg)
{
    assert_int_equal(chatd_ev_wait(self, &msg->ev, 1000, on_gone, NULL, &wait), CHATD_OK);
    return CHATD_WAIT;
}

static enum chatd_verdict resumes_at_once(chatd_plugin *self, struct chatd_ev_message *msg)
{
    assert_int_equal(chatd_ev_wait(self, &msg->ev, 1000, on_gone, NULL, &wait), CHATD_OK);
    assert_int_equal(chatd_resume(self, wait, CHATD_DENY, "tested.soon", "At once."), CHATD_OK);
    return CHATD_WAIT;
}

static void test_wait_and_resume(void **state)
{
    struct testhost *t = *state;

    check = waits;
    change = shout;
    const struct testhost_outcome *said = say(t, "hello");

    assert_int_equal(said->verdict, CHATD_WAIT);
    assert_int_equal(testhost_waits(t), 1);
    testhost_advance(t, 999);
    assert_int_equal(said->verdict, CHATD_WAIT);
    assert_int_equal(chatd_resume(testhost_self(t), wait, CHATD_NEXT, NULL, NULL), CHATD_OK);
    assert_int_equal(said->verdict, CHATD_NEXT);
    assert_string_equal(said->text, "LOUD"); /* it went on with the next handler */
    assert_int_equal(watched, 1);
    assert_int_equal(chatd_resume(testhost_self(t), wait, CHATD_NEXT, NULL, NULL), CHATD_E_GONE);
    assert_int_equal(gone, 0);
}

static void test_deadline_denies(void **state)
{
    check = waits;
    const struct testhost_outcome *said = say(*state, "hello");

    testhost_advance(*state, 1000);
    assert_int_equal(said->verdict, CHATD_DENY);
    assert_string_equal(said->code, "timeout");
    assert_int_equal(gone, 0);
}

static void test_client_that_leaves(void **state)
{
    struct testhost *t = *state;
    chatd_conn conn = client(t, "ann");

    check = waits;
    const struct testhost_outcome *said = testhost_say(t, conn, "general", "hello");

    testhost_hangup(t, conn);
    assert_int_equal(gone, 1);
    assert_int_equal(said->verdict, CHATD_DENY);
}

static void test_stop_ends_waits(void **state)
{
    struct testhost *t = *state;

    check = waits;
    const struct testhost_outcome *said = say(t, "hello");

    testhost_stop(t);
    assert_int_equal(gone, 1);
    assert_int_equal(said->verdict, CHATD_DENY);
}

static void test_resumed_in_the_handler(void **state)
{
    check = resumes_at_once;
    assert_string_equal(say(*state, "hello")->code, "tested.soon");
}

static void test_wait_outside_of_a_handler(void **state)
{
    struct chatd_ev_message msg = {.ev = {.size = sizeof(msg)}};

    assert_int_equal(chatd_ev_wait(testhost_self(*state), &msg.ev, 10, NULL, NULL, &wait),
                     CHATD_E_STATE);
    only_fault(*state, "outside of the event's handler");
}

/* --- the test as another plugin ------------------------------------------------------------------- */

static int another(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    return strcmp(arg, "wait") == 0 ? CHATD_WAIT : testhost_deny(t, ev, "other.no", "Not that.");
}

static struct testhost *host_with_another(const char *what)
{
    const struct chatd_plugin_desc desc = {.size = sizeof(desc), .name = "tested", .init = init};
    struct testhost *t = testhost_new(&desc);
    union {
        const char *in;
        void *out;
    } arg = {what};

    check = change = NULL;
    watched = 0;
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    testhost_hook(t, "message", CHATD_CHECK, another, arg.out);
    assert_int_equal(testhost_start(t), CHATD_OK);
    return t;
}

static void test_another_refuses(void **state)
{
    struct testhost *t = host_with_another("deny");

    (void)state;
    assert_string_equal(say(t, "hello")->code, "other.no");
    assert_int_equal(watched, 0);
    assert_int_equal(testhost_free(t), 0);
}

static void test_another_waits(void **state)
{
    struct testhost *t = host_with_another("wait");
    const struct testhost_outcome *said = say(t, "hello");

    (void)state;
    assert_int_equal(said->verdict, CHATD_WAIT);
    assert_int_equal(testhost_resume(t, CHATD_NEXT, NULL, NULL), 1);
    assert_int_equal(testhost_resume(t, CHATD_NEXT, NULL, NULL), 0);
    assert_int_equal(said->verdict, CHATD_NEXT);
    assert_int_equal(watched, 1);
    assert_int_equal(testhost_free(t), 0);
}

/* --- events of the plugin's own ------------------------------------------------------------------- */

static uint32_t own;
static int verdict_told;

static int init_own(chatd_plugin *self)
{
    return chatd_event_define(self, "tested.thing/1", CHATD_DECIDE_ASYNC, &own);
}

static void told(chatd_plugin *self, int verdict, void *arg)
{
    (void)self, (void)arg;
    verdict_told = verdict;
}

static void test_own_event(void **state)
{
    struct testhost *t = host_with(init_own);
    struct chatd_ev ev = {.size = sizeof(ev)};
    chatd_plugin *self = testhost_self(t);

    (void)state;
    verdict_told = -1;
    assert_int_equal(chatd_raise_named(self, own, &ev, told, NULL), CHATD_OK);
    assert_int_equal(verdict_told, CHATD_NEXT);
    assert_int_equal(chatd_raised_named(self, own, &ev), CHATD_OK);
    assert_int_equal(testhost_faults(t), 0);
    assert_int_equal(chatd_raise_named(self, own, &ev, told, NULL), CHATD_OK);
    assert_int_equal(testhost_free(t), 1); /* that one is neither committed nor dropped */
}

static void test_events_of_others(void **state)
{
    struct chatd_ev_message msg = {.ev = {.size = sizeof(msg)}};

    assert_int_equal(chatd_raise_message(testhost_self(*state), &msg, told, NULL), CHATD_E_STATE);
}

static int n_ticks;

static void on_tick(chatd_plugin *self, const struct chatd_ev_tick *ev)
{
    assert_int_equal(ev->mono_ms, chatd_mono_ms(self));
    n_ticks++;
}

static int init_tick(chatd_plugin *self)
{
    return chatd_on_tick(self, on_tick);
}

static void test_tick(void **state)
{
    struct testhost *t = host_with(init_tick);

    (void)state;
    n_ticks = 0;
    testhost_advance(t, 3500);
    assert_int_equal(n_ticks, 3);
    assert_int_equal(testhost_free(t), 0);
}

static enum chatd_verdict on_signal(chatd_plugin *self, struct chatd_ev_signal *ev)
{
    (void)self;
    ev->claimed = 1;
    return CHATD_NEXT;
}

static int init_signal(chatd_plugin *self)
{
    return chatd_on_signal(self, CHATD_CHECK, on_signal);
}

static void test_payload_comes_back(void **state)
{
    struct testhost *t = host_with(init_signal);
    struct chatd_ev_signal ev = {.ev = {.size = sizeof(ev)}, .kind = CHATD_STR("typing")};

    (void)state;
    assert_int_equal(testhost_raise(t, CHATD_EV_signal, &ev)->verdict, CHATD_NEXT);
    assert_int_equal(ev.claimed, 1);
    assert_int_equal(testhost_free(t), 0);
}

static void test_what_is_no_event(void **state)
{
    struct chatd_ev_signal no_size = {.kind = CHATD_STR("x")};
    struct testhost *t = *state;

    assert_int_equal(testhost_raise(t, CHATD_EV_signal, &no_size)->verdict, CHATD_DENY);
    only_fault(t, "raises signal with a size of 0");
    t = testhost_new(&(struct chatd_plugin_desc){
        .size = sizeof(struct chatd_plugin_desc), .name = "tested", .init = NULL});
    testhost_hook(t, "mesage", CHATD_CHECK, NULL, NULL);
    only_fault(t, "names \"mesage\", which is no event");
    assert_int_equal(testhost_free(t), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_allowed_and_watched),
        TEST(test_refused),
        TEST(test_rewritten),
        TEST(test_faults_deny),
        TEST(test_wait_and_resume),
        TEST(test_deadline_denies),
        TEST(test_client_that_leaves),
        TEST(test_stop_ends_waits),
        TEST(test_resumed_in_the_handler),
        TEST(test_wait_outside_of_a_handler),
        TEST(test_events_of_others),
        TEST(test_what_is_no_event),
        cmocka_unit_test(test_another_refuses),
        cmocka_unit_test(test_another_waits),
        cmocka_unit_test(test_own_event),
        cmocka_unit_test(test_tick),
        cmocka_unit_test(test_payload_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
