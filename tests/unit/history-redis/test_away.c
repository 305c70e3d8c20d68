/* SPDX-License-Identifier: MIT */
/* The plugin as a whole while no Redis answers: nobody there, a name server or a server that is silent,
 * something else. Every call is called back, in time, to the end. */
#include "history.h"

#include "story.h"

#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <chatd/testhost.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLS_MAX 8

struct world {
    struct testhost *t;
    chatd_plugin *caller;
    const struct chatd_service *log, *kv, *bus;
    struct story story;
    char folder[64], path[80];
    int listener, peer; /* a server of the test's; -1: none */
    struct asked {
        struct world *world;
        struct testhost_call *call;
    } asked[CALLS_MAX];
    int n_asked;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->listener = world->peer = -1;
    snprintf(world->folder, sizeof(world->folder), "/tmp/history-redis-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof(world->path), "%s/redis", world->folder);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    testhost_stop(world->t);
    assert_null(testhost_self(world->t)->data);
    assert_int_equal(testhost_free(world->t), 0);
    if (world->peer >= 0)
        close(world->peer);
    if (world->listener >= 0)
        close(world->listener);
    remove(world->path);
    rmdir(world->folder);
    free(world);
    return 0;
}

/* Its address is the socket in the folder. */
static void start(struct world *world)
{
    char options[128];

    snprintf(options, sizeof(options), "address = unix:%s", world->path);
    world->t = testhost_new(&chatd_plugin_v1);
    world->caller = testhost_caller(world->t);
    assert_int_equal(testhost_init(world->t, options), CHATD_OK);
    world->log = testhost_service(world->t, CHATD_LOG_SERVICE);
    world->kv = testhost_service(world->t, CHATD_KV_SERVICE);
    world->bus = testhost_service(world->t, CHATD_BUS_SERVICE);
    assert_int_equal(testhost_start(world->t), CHATD_OK);
}

/* --- calls ---------------------------------------------------------------------------------------- */

static struct asked *ask(struct world *world, const char *what)
{
    struct asked *asked = &world->asked[world->n_asked++];

    assert_true(world->n_asked <= CALLS_MAX);
    *asked = (struct asked){world, testhost_expect(world->t, what, CHATD_LOG_DEADLINE_MS)};
    return asked;
}

static int called(const struct asked *asked, int err)
{
    if (err == CHATD_OK)
        testhost_returned(asked->call);
    else
        testhost_refused(asked->call);
    return err;
}

static void came(void *arg, const char *what, int err)
{
    struct asked *asked = arg;

    testhost_came(asked->call);
    story_tell(&asked->world->story, "%s%d", what, err);
}

static void on_appended(chatd_plugin *self, int err, const struct chatd_log_appended *result,
                        void *arg)
{
    (void)self;
    assert_null(result);
    came(arg, "append", err);
}

static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    (void)self;
    assert_null(page);
    came(arg, "range", err);
}

static void on_reply(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    (void)self, (void)reply;
    came(arg, "get", err);
}

static int append(struct world *world)
{
    const struct chatd_log_entry entry = {
        .size = sizeof(entry), .room = CHATD_STR("a"), .record = CHATD_STR("{}")};
    struct asked *asked = ask(world, "an append");

    return called(asked, chatd_log_append(world->caller, world->log, &entry, on_appended, asked));
}

static int range(struct world *world)
{
    struct asked *asked = ask(world, "a range");

    return called(asked, chatd_log_range(world->caller, world->log, CHATD_STR("a"), 0, 5,
                                         CHATD_LOG_BEFORE, on_page, asked));
}

static int get(struct world *world)
{
    struct asked *asked = ask(world, "a get");

    return called(asked, chatd_kv_get(world->caller, world->kv, CHATD_STR("n"), CHATD_STR("k"),
                                      on_reply, asked));
}

static void never(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                  const struct chatd_log_record *record, void *arg)
{
    (void)self, (void)sub, (void)epoch, (void)record, (void)arg;
    fail();
}

static void subscribe(struct world *world, chatd_sub *sub_out)
{
    static const struct chatd_log_listener listener = {.size = sizeof(listener), .record = never};

    assert_int_equal(chatd_log_subscribe(world->caller, world->log, CHATD_STR("a"), NULL, &listener,
                                         NULL, sub_out),
                     CHATD_OK);
}

/* --- nobody is there ------------------------------------------------------------------------------ */

static void test_calls_wait_for_their_deadline(void **state)
{
    struct world *world = *state;

    start(world);
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    assert_non_null(strstr(testhost_ready_text(world->t), "start Redis there"));
    assert_int_equal(append(world), CHATD_OK);
    testhost_advance(world->t, 1000);
    assert_int_equal(get(world), CHATD_OK);
    testhost_advance(world->t, 3999);
    story_expect(&world->story, "");
    testhost_advance(world->t, 1);
    story_expect(&world->story, "append-10");
    assert_int_equal(range(world), CHATD_E_BACKEND); /* away for so long: at once */
    testhost_advance(world->t, 1000);
    story_expect(&world->story, "get-10");
    assert_int_equal(testhost_metric(world->t, "operations_total", NULL), 2);
}

static void test_the_end_is_told_to_all(void **state)
{
    struct world *world = *state;
    chatd_sub sub;

    start(world);
    subscribe(world, &sub);
    append(world);
    range(world);
    get(world);
    testhost_drain(world->t);
    assert_int_equal(append(world), CHATD_OK);
    story_expect(&world->story, "");
    testhost_cancel(world->t);
    story_expect(&world->story, "append-9 range-9 get-9 append-9");
    assert_int_equal(append(world), CHATD_E_STATE);
    assert_int_equal(get(world), CHATD_E_STATE);
    testhost_stop(world->t);
    story_expect(&world->story, "");
}

static void test_subscribers_come_and_go(void **state)
{
    struct world *world = *state;
    chatd_sub first, second;

    start(world);
    subscribe(world, &first);
    subscribe(world, &second);
    testhost_advance(world->t, 60000);
    assert_int_equal(chatd_log_unsubscribe(world->caller, world->log, first), CHATD_OK);
    assert_int_equal(chatd_log_unsubscribe(world->caller, world->log, first), CHATD_E_GONE);
    assert_int_equal(chatd_bus_publish(world->caller, world->bus, CHATD_STR("t"), CHATD_STR("x")),
                     CHATD_E_BACKEND);
    testhost_advance(world->t, 60000);
}

/* --- nobody answers ------------------------------------------------------------------------------- */

/* A name is looked up in a job, whose deadline is the connection's. */
static void test_a_name_server_that_is_silent(void **state)
{
    struct world *world = *state;

    world->t = testhost_new(&chatd_plugin_v1);
    testhost_hold_jobs(world->t, 1);
    assert_int_equal(testhost_init(world->t, "address = name.invalid:7000"), CHATD_OK);
    assert_int_equal(testhost_start(world->t), CHATD_OK);
    testhost_advance(world->t, 4999);
    assert_null(strstr(testhost_ready_text(world->t), "name server"));
    testhost_advance(world->t, 1);
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    assert_non_null(strstr(testhost_ready_text(world->t), "the name server does not answer"));
    testhost_advance(world->t, 20000); /* and is stopped with look-ups under way */
}

/* The plugin connects to a socket of the test's, which takes both of its connections. */
static void listen_there(struct world *world)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    memcpy(at.sun_path, world->path, strlen(world->path) + 1);
    world->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(world->listener >= 0);
    assert_int_equal(bind(world->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(world->listener, 16), 0);
}

static void test_a_server_that_is_silent(void **state)
{
    struct world *world = *state;

    listen_there(world);
    start(world);
    append(world);
    testhost_advance(world->t, 4999);
    assert_non_null(strstr(testhost_ready_text(world->t), "connecting to Redis at "));
    testhost_advance(world->t, 1);
    story_expect(&world->story, "append-10");
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
    assert_non_null(strstr(testhost_ready_text(world->t), "no answer within 5000 ms"));
}

static void test_a_server_of_something_else(void **state)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct world *world = *state;

    listen_there(world);
    start(world);
    world->peer = accept(world->listener, NULL, NULL);
    assert_true(world->peer >= 0);
    assert_int_equal(write(world->peer, answer, sizeof(answer) - 1), sizeof(answer) - 1);
    while (strstr(testhost_ready_text(world->t), "does not speak as Redis does") == NULL)
        assert_true(testhost_wait_watch(world->t, 5000));
    assert_int_equal(testhost_ready(world->t), CHATD_AWAY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_calls_wait_for_their_deadline), TEST(test_the_end_is_told_to_all),
        TEST(test_subscribers_come_and_go),       TEST(test_a_name_server_that_is_silent),
        TEST(test_a_server_that_is_silent),       TEST(test_a_server_of_something_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
