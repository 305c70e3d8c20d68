/* SPDX-License-Identifier: MIT */
/* Connections, verbs, sockets, channels and frames. */
#include "plugin.h"

static int slot, destroyed, closed;
static uint32_t closed_code;
static chatd_channel channel;
static chatd_conn left_behind;
static uint64_t left_mark;

static void on_verb(chatd_plugin *self, const struct chatd_verb_call *call)
{
    if (call->id.n == 0)
        chatd_verb_error(self, call->conn, call->id, "bad_request", "An \"id\" is wanted.", 0);
    else
        chatd_verb_ack(self, call->conn, call->id, CHATD_STR("\"seq\":4"));
    ++*(int *)chatd_slot_of(self, slot, call->conn.v);
}

static void on_socket(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode, chatd_str data)
{
    chatd_conn_send(self, conn, opcode, data, 0);
}

static void on_destroy(chatd_plugin *self, void *block)
{
    (void)self;
    destroyed += *(int *)block;
}

static enum chatd_verdict on_upgrade(chatd_plugin *self, struct chatd_ev_upgrade *ev)
{
    chatd_str token;

    if (chatd_req_query(self, ev->ev.req, "token", &token) != CHATD_OK)
        return CHATD_NEXT;
    if (strcmp(token.p, "bad") == 0)
        return chatd_deny(self, &ev->ev, "tested.token", "No.");
    return chatd_conn_identify(self, ev->ev.conn, token, 0) == CHATD_OK ? CHATD_NEXT : CHATD_DENY;
}

static void on_connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    assert_int_equal(chatd_channel_join(self, channel, ev->ev.conn), CHATD_OK);
    assert_int_equal(chatd_channel_join(self, channel, ev->ev.conn), CHATD_E_EXISTS);
}

static void on_closed(chatd_plugin *self, const struct chatd_ev_closed *ev)
{
    assert_non_null(chatd_slot_of(self, slot, ev->ev.conn.v));
    assert_int_equal(chatd_conn_send(self, ev->ev.conn, CHATD_TEXT, CHATD_STR("x"), 0),
                     CHATD_E_GONE);
    closed++;
    closed_code = ev->code;
}

static void on_behind(chatd_plugin *self, chatd_channel of, chatd_conn conn, uint64_t mark,
                      void *arg)
{
    (void)self, (void)of, (void)arg;
    left_behind = conn;
    left_mark = mark;
}

static int init(chatd_plugin *self)
{
    static const struct chatd_verb_def verb = {
        .size = sizeof(verb), .name = "tested.do", .max_body = 100, .handle = on_verb};
    static const struct chatd_ws_def echo = {
        .size = sizeof(echo), .path = "/echo", .handle = on_socket};

    assert_int_equal(chatd_slot(self, CHATD_SLOT_CONN, sizeof(int), on_destroy, &slot), CHATD_OK);
    assert_int_equal(chatd_verb(self, &verb), CHATD_OK);
    assert_int_equal(chatd_ws(self, &echo), CHATD_OK);
    assert_int_equal(chatd_on_upgrade(self, CHATD_CHECK, on_upgrade), CHATD_OK);
    assert_int_equal(chatd_on_connected(self, on_connected), CHATD_OK);
    assert_int_equal(chatd_channel_open(self, CHATD_STR("all"), &channel), CHATD_OK);
    assert_int_equal(chatd_channel_on_behind(self, channel, on_behind, NULL), CHATD_OK);
    return chatd_on_closed(self, on_closed);
}

static int setup(void **state)
{
    destroyed = closed = 0;
    closed_code = 0;
    left_behind.v = left_mark = 0;
    *state = host_with(init);
    return 0;
}

static int teardown(void **state)
{
    return testhost_free(*state);
}

static void test_names(void **state)
{
    struct testhost *t = *state;
    chatd_conn guest = client(t, NULL);
    chatd_conn ann = testhost_connect(t, &(struct testhost_client){.path = "/ws?token=ann"});
    chatd_conn bad = testhost_connect(t, &(struct testhost_client){.path = "/ws?token=bad"});

    assert_string_equal(testhost_conn_user(t, guest), "guest-1");
    assert_string_equal(testhost_conn_user(t, ann), "ann");
    assert_int_equal(testhost_conn_state(t, bad), TESTHOST_CONN_REFUSED);
    assert_string_equal(testhost_conn_code(t, bad), "tested.token");
    assert_int_equal(testhost_channel(t, "all"), 2);
    assert_int_equal(testhost_channel(t, "none"), -1);
}

static void test_who_is_nobody_is_refused_with_auth(void **state)
{
    const struct chatd_plugin_desc desc = {.size = sizeof(desc), .name = "tested", .init = init};
    struct testhost *t = testhost_new(&desc);

    (void)state;
    testhost_fake(t, "chatd.auth", 1, 0, "", NULL);
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    chatd_conn conn = testhost_connect(t, &(struct testhost_client){.user = NULL});

    assert_string_equal(testhost_conn_code(t, conn), "unauthorized");
    assert_int_equal(testhost_free(t), 0);
}

static void test_verbs(void **state)
{
    struct testhost *t = *state;
    chatd_conn conn = client(t, "ann");

    testhost_verb(t, conn, "tested.do", "1\"", NULL);
    assert_int_equal(testhost_unread(t, conn), 1);
    assert_string_equal(testhost_next_text(t, conn),
                        "{\"type\":\"ack\",\"id\":\"1\\\"\",\"seq\":4}");
    assert_null(testhost_next_text(t, conn));
    testhost_verb(t, conn, "tested.do", NULL, "\"room\":\"general\"");
    assert_string_equal(
        testhost_next_text(t, conn),
        "{\"type\":\"error\",\"code\":\"bad_request\",\"message\":\"An \\\"id\\\" is "
        "wanted.\",\"temporary\":false}");
    testhost_verb(
        t, conn, "tested.do", "2",
        "\"x\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"");
    assert_non_null(strstr(testhost_next_text(t, conn), "too_large"));
    testhost_verb(t, conn, "tested.dont", "3", "");
    assert_non_null(strstr(testhost_next_text(t, conn), "unknown_type"));
    only_fault(t, "no verb of the plugin");
    testhost_hangup(t, conn);
    assert_int_equal(destroyed, 2);
    assert_int_equal(closed, 1);
    assert_int_equal(closed_code, 1006);
    assert_int_equal(testhost_close_code(t, conn), 0);
    assert_int_equal(testhost_channel(t, "all"), 0);
}

static void test_a_path_that_is_nobodys(void **state)
{
    chatd_conn conn = testhost_connect(*state, &(struct testhost_client){.path = "/ehco"});

    assert_int_equal(testhost_conn_state(*state, conn), TESTHOST_CONN_REFUSED);
    assert_string_equal(testhost_conn_code(*state, conn), "not_found");
}

static void test_a_socket_of_its_own(void **state)
{
    struct testhost *t = *state;
    chatd_conn conn =
        testhost_connect(t, &(struct testhost_client){.path = "/echo", .subprotocol = ""});

    testhost_send_text(t, conn, "hello");
    assert_string_equal(testhost_next_text(t, conn), "hello");
    testhost_send(t, conn, CHATD_BINARY, (chatd_str){"a\0b", 3});
    assert_int_equal(testhost_next(t, conn).n, 3);
    /* One that offers a subprotocol gets the claim that has none, as in the core. */
    conn = testhost_connect(t, &(struct testhost_client){.path = "/echo"});
    testhost_send_text(t, conn, "hello");
    assert_string_equal(testhost_next_text(t, conn), "hello");
    conn = client(t, "ann");
    testhost_send_text(t, conn, "hello");
    only_fault(t, "did not claim");
}

static void test_closed_by_the_plugin(void **state)
{
    struct testhost *t = *state;
    chatd_conn conn = client(t, "ann");
    chatd_plugin *self = testhost_self(t);

    assert_int_equal(chatd_conn_close(self, conn, 1005, "no"), CHATD_E_INVAL);
    only_fault(t, "closes with 1005");
    assert_int_equal(chatd_conn_close(self, conn, CHATD_CLOSE_BANNED, "out"), CHATD_OK);
    assert_int_equal(closed, 0); /* never before it returned */
    testhost_turn(t);
    assert_int_equal(closed, 1);
    assert_int_equal(testhost_close_code(t, conn), CHATD_CLOSE_BANNED);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, CHATD_STR("x"), 0), CHATD_E_GONE);
    assert_null(chatd_slot_of(self, slot, conn.v));
}

static void test_an_identity_that_ends(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    chatd_conn conn = client(t, "ann");

    assert_int_equal(chatd_conn_identify(self, conn, CHATD_STR("ann"), testhost_wall_ms(t) + 1500),
                     CHATD_OK);
    testhost_advance(t, 1999);
    assert_int_equal(testhost_conn_state(t, conn), TESTHOST_CONN_OPEN);
    assert_int_equal(chatd_conn_identify(self, conn, CHATD_STR("ann"), testhost_wall_ms(t) + 5000),
                     CHATD_OK);
    testhost_set_wall(t, testhost_wall_ms(t) + 86400000); /* it does not jump with the clock */
    testhost_advance(t, 4999);
    assert_int_equal(testhost_conn_state(t, conn), TESTHOST_CONN_OPEN);
    testhost_advance(t, 1);
    assert_int_equal(testhost_conn_state(t, conn), TESTHOST_CONN_GONE);
    assert_int_equal(testhost_close_code(t, conn), CHATD_CLOSE_TOKEN);
    assert_int_equal(closed, 1);
}

static void on_drained(chatd_plugin *self, chatd_conn conn, void *arg)
{
    (void)self, (void)conn;
    ++*(int *)arg;
}

static void test_who_is_slow(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    chatd_conn conn = client(t, "ann");
    int drained = 0;

    testhost_backlog(t, conn, TESTHOST_QUEUE_SOFT);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, CHATD_STR("x"), CHATD_SEND_EPHEMERAL),
                     CHATD_E_BUSY);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, CHATD_STR("y"), 0), CHATD_OK);
    assert_int_equal(chatd_conn_when_drained(self, conn, on_drained, &drained), CHATD_OK);
    assert_int_equal(chatd_conn_when_drained(self, conn, on_drained, &drained), CHATD_E_EXISTS);
    testhost_turn(t);
    assert_int_equal(drained, 0);
    testhost_backlog(t, conn, 0);
    testhost_turn(t);
    assert_int_equal(drained, 1);
    testhost_backlog(t, conn, TESTHOST_QUEUE_HARD);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, CHATD_STR("z"), CHATD_SEND_OR_SKIP),
                     CHATD_E_BUSY);
    assert_int_equal(testhost_conn_state(t, conn), TESTHOST_CONN_OPEN);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, CHATD_STR("z"), 0), CHATD_E_BUSY);
    testhost_turn(t);
    assert_int_equal(testhost_close_code(t, conn), CHATD_CLOSE_TOO_SLOW);
}

static void test_what_has_room(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    chatd_conn conn = client(t, "ann");
    static char large[TESTHOST_QUEUE_HARD];
    chatd_str frame = {large, sizeof(large)};
    int drained = 0;

    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, frame, 0), CHATD_OK);
    testhost_backlog(t, conn, 1);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, frame, CHATD_SEND_OR_SKIP),
                     CHATD_E_BUSY);
    /* It is not asked again before it has taken anything. */
    assert_int_equal(chatd_conn_when_drained(self, conn, on_drained, &drained), CHATD_OK);
    testhost_turn(t);
    assert_int_equal(drained, 0);
    testhost_backlog(t, conn, 0);
    testhost_turn(t);
    assert_int_equal(drained, 1);
    testhost_backlog(t, conn, 1);
    frame.n = 40000;
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, frame, 0), CHATD_OK);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, frame, CHATD_SEND_EPHEMERAL),
                     CHATD_E_BUSY);
    assert_int_equal(chatd_conn_send(self, conn, CHATD_TEXT, frame, 0), CHATD_OK);
    assert_int_equal(chatd_conn_when_drained(self, conn, on_drained, &drained), CHATD_OK);
    testhost_turn(t);
    assert_int_equal(drained, 1);
}

static int wait_some(struct testhost *t, struct chatd_ev *ev, void *arg)
{
    int *left = arg;

    (void)t, (void)ev;
    return (*left)-- > 0 ? CHATD_WAIT : CHATD_NEXT;
}

static void test_nothing_is_read_while_something_waits(void **state)
{
    const struct chatd_plugin_desc desc = {.size = sizeof(desc), .name = "tested", .init = init};
    struct testhost *t = testhost_new(&desc);
    int left = 1;

    (void)state;
    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    testhost_hook(t, "frame", CHATD_CHECK, wait_some, &left);
    assert_int_equal(testhost_start(t), CHATD_OK);
    chatd_conn conn = client(t, "ann");

    testhost_verb(t, conn, "tested.do", "1", NULL);
    testhost_verb(t, conn, "tested.do", "2", NULL);
    assert_int_equal(testhost_unread(t, conn), 0);
    assert_int_equal(testhost_resume(t, CHATD_NEXT, NULL, NULL), 1);
    assert_non_null(strstr(testhost_next_text(t, conn), "\"1\""));
    assert_non_null(strstr(testhost_next_text(t, conn), "\"2\""));
    left = 1;
    testhost_verb(t, conn, "tested.do", "3", NULL);
    testhost_verb(t, conn, "tested.do", "4", NULL);
    testhost_hangup(t, conn);
    assert_int_equal(testhost_resume(t, CHATD_NEXT, NULL, NULL), 0); /* it is over */
    assert_null(testhost_next_text(t, conn));
    conn = client(t, "ann");
    left = 1;
    testhost_verb(t, conn, "tested.do", "5", NULL);
    assert_int_equal(testhost_free(t), 0);
}

static void test_channel_and_frames(void **state)
{
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    chatd_conn ann = client(t, "ann"), bob = client(t, "bob");
    chatd_frame frame;

    assert_int_equal(chatd_frame_new(self, (enum chatd_opcode)9, CHATD_STR("all"), &frame),
                     CHATD_E_INVAL);
    only_fault(t, "makes a frame with opcode 9");
    assert_int_equal(chatd_frame_new(self, CHATD_TEXT, CHATD_STR("all"), &frame), CHATD_OK);
    assert_int_equal(chatd_channel_send(self, channel, frame, ann, 0), CHATD_OK);
    assert_null(testhost_next_text(t, ann));
    assert_string_equal(testhost_next_text(t, bob), "all");
    testhost_backlog(t, bob, TESTHOST_QUEUE_HARD);
    assert_int_equal(chatd_channel_send_at(self, channel, frame, 7), CHATD_OK);
    assert_int_equal(left_mark, 0); /* told later */
    testhost_turn(t);
    assert_int_equal(left_mark, 7);
    assert_true(left_behind.v == bob.v);
    assert_int_equal(testhost_channel(t, "all"), 1);
    assert_string_equal(testhost_next_text(t, ann), "all");
    /* Who comes in again before that is not told of. */
    testhost_backlog(t, bob, 0);
    assert_int_equal(chatd_channel_join(self, channel, bob), CHATD_OK);
    testhost_backlog(t, bob, TESTHOST_QUEUE_HARD);
    assert_int_equal(chatd_channel_send_at(self, channel, frame, 8), CHATD_OK);
    assert_int_equal(chatd_channel_join(self, channel, bob), CHATD_OK);
    testhost_turn(t);
    assert_int_equal(left_mark, 7);
    assert_int_equal(testhost_frames(t), 1);
    chatd_frame_unref(self, &frame);
    assert_true(frame.v == 0);
    assert_int_equal(chatd_conn_close(self, bob, CHATD_CLOSE_BANNED, ""), CHATD_OK);
    assert_int_equal(chatd_channel_leave(self, channel, bob), CHATD_OK);
    assert_int_equal(chatd_channel_join(self, channel, bob), CHATD_E_GONE);
}

static void test_forgotten_frame(void **state)
{
    struct testhost *t = host_with(init);
    chatd_frame frame, copy;

    (void)state;
    assert_int_equal(chatd_frame_new(testhost_self(t), CHATD_TEXT, CHATD_STR("x"), &frame),
                     CHATD_OK);
    copy = frame;
    assert_int_equal(chatd_frame_ref(testhost_self(t), frame), CHATD_OK);
    chatd_frame_unref(testhost_self(t), &frame);
    assert_int_equal(testhost_free(t), 1);
    t = host_with(init);
    assert_int_equal(chatd_frame_new(testhost_self(t), CHATD_TEXT, CHATD_STR("x"), &frame),
                     CHATD_OK);
    copy = frame;
    chatd_frame_unref(testhost_self(t), &frame);
    chatd_frame_unref(testhost_self(t), &copy);
    only_fault(t, "gives a frame back that it does not have");
    assert_int_equal(testhost_free(t), 0);
}

/* What comes too late is a sentence, and no call into a plugin that is gone. */
static void test_clients_after_the_end(void **state)
{
    struct testhost *t = host_with(init);

    (void)state;
    testhost_stop(t);
    assert_true(testhost_connect(t, &(struct testhost_client){.user = "ann"}).v == 0);
    only_fault(t, "the test connects after the plugin was stopped");
    assert_true(testhost_get(t, "/").v == 0);
    only_fault(t, "the test asks after the plugin was stopped");
    assert_int_equal(testhost_say(t, (chatd_conn){0}, "general", "x")->verdict, CHATD_DENY);
    only_fault(t, "the test raises an event after the plugin was stopped");
    assert_int_equal(testhost_free(t), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_verbs),
        TEST(test_a_path_that_is_nobodys),
        TEST(test_a_socket_of_its_own),
        TEST(test_closed_by_the_plugin),
        TEST(test_who_is_slow),
        TEST(test_an_identity_that_ends),
        TEST(test_what_has_room),
        TEST(test_channel_and_frames),
        cmocka_unit_test(test_nothing_is_read_while_something_waits),
        cmocka_unit_test(test_who_is_nobody_is_refused_with_auth),
        cmocka_unit_test(test_forgotten_frame),
        cmocka_unit_test(test_clients_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
