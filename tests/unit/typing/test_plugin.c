/* SPDX-License-Identifier: MIT */
/* The plugin as a whole, on the test host: what members, rooms and other workers see of it. */
#include <chatd/svc/rooms.h>
#include <chatd/testhost.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A chatd.rooms in which everybody is a member of everything but "elsewhere". It tells of each signal
 * that members are shown: "ann@general+", "-" when it ends, "!" behind what goes to them all, "." behind
 * what stays in this worker. */
struct world {
    struct testhost *t;
    char story[512];
};

static void tell(struct world *world, chatd_str room, chatd_str user, uint32_t on, const char *how)
{
    size_t n = strlen(world->story);

    snprintf(world->story + n, sizeof(world->story) - n, "%s%s@%s%s%s", n > 0 ? " " : "", user.p,
             room.p, on != 0 ? "+" : "-", how);
}

/* The story since the last time. */
static const char *told(struct world *world)
{
    static char story[sizeof(world->story)];

    memcpy(story, world->story, sizeof(story));
    world->story[0] = '\0';
    return story;
}

/* As the plugin `rooms` does: the event within the call, and what nobody claims is shown to nobody. */
static int rooms_signal(chatd_plugin *p, chatd_plugin *self, chatd_conn conn, chatd_str room,
                        chatd_str user, chatd_str kind, uint32_t on)
{
    struct world *world = p->data;
    struct chatd_ev_signal ev = {.ev = {.size = sizeof(ev), .conn = conn},
                                 .room = room,
                                 .user = user,
                                 .kind = kind,
                                 .on = on != 0};

    (void)self;
    if (room.n == 0)
        return CHATD_E_INVAL;
    if (conn.v != 0 && strcmp(room.p, "elsewhere") == 0)
        return CHATD_E_NOTFOUND;
    if (testhost_raise(world->t, CHATD_EV_signal, &ev)->verdict == CHATD_NEXT && ev.claimed)
        tell(world, room, user, on, conn.v != 0 ? "" : "!");
    return CHATD_OK;
}

static int rooms_signal_here(chatd_plugin *p, chatd_plugin *self, chatd_str room, chatd_str user,
                             chatd_str kind, uint32_t on)
{
    (void)self;
    assert_string_equal(kind.p, "typing");
    tell(p->data, room, user, on, ".");
    return CHATD_OK;
}

static const struct chatd_rooms_api rooms_api = {
    .size = sizeof(rooms_api), .signal = rooms_signal, .signal_here = rooms_signal_here};

/* 1.0 had no signal_here(). */
static const struct chatd_rooms_api older_api = {
    .size = offsetof(struct chatd_rooms_api, signal_here), .signal = rooms_signal};

static struct world *world_with(const struct chatd_rooms_api *api, const char *options)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->t = testhost_new(&chatd_plugin_v1);
    if (api != NULL)
        testhost_fake(world->t, CHATD_ROOMS_SERVICE, CHATD_ROOMS_MAJOR, CHATD_ROOMS_MINOR, api,
                      world);
    assert_int_equal(testhost_init(world->t, options), CHATD_OK);
    assert_int_equal(testhost_start(world->t), CHATD_OK);
    return world;
}

static void world_free(struct world *world)
{
    assert_int_equal(testhost_free(world->t), 0);
    free(world);
}

static int setup(void **state)
{
    *state = world_with(&rooms_api, NULL);
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static chatd_conn client(struct world *world, const char *user)
{
    chatd_conn conn = testhost_connect(world->t, &(struct testhost_client){.user = user});

    assert_int_equal(testhost_conn_state(world->t, conn), TESTHOST_CONN_OPEN);
    return conn;
}

/* The verb, which is never acknowledged. */
static void type(struct world *world, chatd_conn conn, const char *room, int on)
{
    char members[128];

    snprintf(members, sizeof(members), "\"room\":\"%s\",\"typing\":%s", room,
             on ? "true" : "false");
    testhost_verb(world->t, conn, "typing", "1", members);
}

static int64_t metric(struct world *world, const char *name)
{
    return testhost_metric(world->t, name, NULL);
}

/* --- the signal ----------------------------------------------------------------------------------- */

static const struct testhost_outcome *raise_kind(struct world *world, chatd_conn conn,
                                                 chatd_str kind, uint32_t *claimed_out)
{
    struct chatd_ev_signal ev = {.ev = {.size = sizeof(ev), .conn = conn},
                                 .room = CHATD_STR("general"),
                                 .user = CHATD_STR("ann"),
                                 .kind = kind,
                                 .on = 1};
    const struct testhost_outcome *outcome = testhost_raise(world->t, CHATD_EV_signal, &ev);

    *claimed_out = ev.claimed;
    return outcome;
}

static void claims_its_kind_alone(void **state)
{
    chatd_conn ann = client(*state, "ann");
    uint32_t claimed;

    assert_true(testhost_feature(((struct world *)*state)->t, "typing"));
    assert_int_equal(raise_kind(*state, ann, CHATD_STR("wave"), &claimed)->verdict, CHATD_NEXT);
    assert_int_equal(claimed, 0);
    assert_int_equal(raise_kind(*state, ann, CHATD_STR("typing2"), &claimed)->verdict, CHATD_NEXT);
    assert_int_equal(claimed, 0);
    assert_int_equal(metric(*state, "signals_total"), 0);
    assert_int_equal(raise_kind(*state, ann, CHATD_STR("typing"), &claimed)->verdict, CHATD_NEXT);
    assert_int_equal(claimed, 1);
    assert_int_equal(metric(*state, "signals_total"), 1);
}

static void what_is_no_news_is_denied(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann");
    const struct testhost_outcome *outcome;
    uint32_t claimed;

    raise_kind(world, ann, CHATD_STR("typing"), &claimed);
    outcome = raise_kind(world, ann, CHATD_STR("typing"), &claimed);
    assert_int_equal(outcome->verdict, CHATD_DENY);
    assert_string_equal(outcome->code, "typing.nothing_new");
    assert_int_equal(metric(world, "signals_total"), 1);
    assert_int_equal(metric(world, "throttled_total"), 1);
}

/* A plugin signals on somebody's behalf, without a connection: there is nothing to throttle by. */
static void plugins_are_not_throttled(void **state)
{
    uint32_t claimed;

    for (int i = 0; i < 3; i++)
        assert_int_equal(raise_kind(*state, CHATD_NO_CONN, CHATD_STR("typing"), &claimed)->verdict,
                         CHATD_NEXT);
    assert_int_equal(metric(*state, "throttled_total"), 0);
    testhost_advance(((struct world *)*state)->t, 60000);
    assert_string_equal(told(*state), "");
}

/* --- one's own connections ------------------------------------------------------------------------ */

static void throttles(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann"), bob = client(world, "bob");

    type(world, ann, "general", 1);
    type(world, ann, "general", 1);
    type(world, ann, "random", 1);
    type(world, bob, "general", 1);
    assert_string_equal(told(world), "ann@general+ ann@random+ bob@general+");
    testhost_advance(world->t, 1999);
    type(world, ann, "general", 1);
    assert_string_equal(told(world), "");
    testhost_advance(world->t, 1);
    type(world, ann, "general", 1);
    assert_string_equal(told(world), "ann@general+");
    assert_int_equal(testhost_unread(world->t, ann), 0); /* never an ack */
}

static void stopping_is_told_once(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann");

    type(world, ann, "general", 0);
    assert_string_equal(told(world), "");
    type(world, ann, "general", 1);
    type(world, ann, "general", 0);
    type(world, ann, "general", 0);
    type(world, ann, "general", 1); /* no faster for having stopped */
    assert_string_equal(told(world), "ann@general+ ann@general-");
    testhost_advance(world->t, 60000);
    assert_string_equal(told(world), "");
    assert_int_equal(metric(world, "expired_total"), 0);
}

static void silence_ends_it(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann"), bob = client(world, "bob");

    type(world, ann, "general", 1);
    type(world, bob, "general", 1);
    testhost_advance(world->t, 1000);
    type(world, ann, "general", 1); /* others are not told, but she is alive */
    testhost_advance(world->t, 4999);
    assert_string_equal(told(world), "ann@general+ bob@general+");
    testhost_advance(world->t, 1);
    assert_string_equal(told(world), "bob@general-");
    testhost_advance(world->t, 1000);
    assert_string_equal(told(world), "ann@general-");
    assert_int_equal(metric(world, "expired_total"), 2);
    type(world, ann, "general", 1);
    assert_string_equal(told(world), "ann@general+");
}

static void a_clock_that_jumps_ends_nothing(void **state)
{
    struct world *world = *state;

    type(world, client(world, "ann"), "general", 1);
    testhost_set_wall(world->t, testhost_wall_ms(world->t) + 86400000);
    testhost_advance(world->t, 5000);
    assert_string_equal(told(world), "ann@general+");
}

static void the_message_ends_it(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann");

    type(world, ann, "general", 1);
    type(world, ann, "random", 1);
    assert_int_equal(testhost_say(world->t, ann, "general", "hi")->verdict, CHATD_NEXT);
    testhost_say(world->t, CHATD_NO_CONN, "general", "from a plugin");
    type(world, ann, "general", 0); /* they know that */
    assert_string_equal(told(world), "ann@general+ ann@random+");
    testhost_advance(world->t, 6000);
    assert_string_equal(told(world), "ann@random-");
    type(world, ann, "general", 1);
    testhost_say(world->t, ann, "general", "hi");
    type(world, ann, "general", 1); /* the next message is another one */
    assert_string_equal(told(world), "ann@general+ ann@general+");
}

static void leave(struct world *world, chatd_conn conn, const char *room, const char *user)
{
    struct chatd_ev_leave ev = {.ev = {.size = sizeof(ev), .conn = conn},
                                .room = {room, strlen(room)},
                                .user = {user, strlen(user)}};

    testhost_raise(world->t, CHATD_EV_leave, &ev);
}

static void leaving_ends_it(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann"), bob = client(world, "bob");

    type(world, ann, "general", 1);
    type(world, bob, "general", 1);
    type(world, bob, "general", 0);
    told(world);
    leave(world, ann, "general", "ann");
    leave(world, bob, "general", "bob"); /* he had stopped */
    leave(world, ann, "random", "ann");
    assert_string_equal(told(world), "ann@general-!"); /* she is no member any more */
    testhost_advance(world->t, 60000);
    assert_string_equal(told(world), "");
}

static void a_connection_that_is_gone_is_forgotten(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann"), bob = client(world, "bob");

    type(world, ann, "general", 1);
    type(world, ann, "random", 1);
    type(world, bob, "general", 1);
    told(world);
    testhost_hangup(world->t, ann);
    testhost_advance(world->t, 60000);
    assert_string_equal(told(world), "bob@general-"); /* nobody waits behind her */
    assert_int_equal(metric(world, "expired_total"), 1);
}

static void in_so_many_rooms_only(void **state)
{
    struct world *world = *state;
    chatd_conn ann = client(world, "ann");
    char room[16];

    for (int i = 0; i < 17; i++) {
        snprintf(room, sizeof(room), "r%d", i);
        type(world, ann, room, 1);
    }
    assert_int_equal(metric(world, "signals_total"), 16);
    assert_int_equal(metric(world, "throttled_total"), 1);
    told(world);
    type(world, ann, "r3", 0);
    testhost_say(world->t, ann, "r3", "hi");
    type(world, ann, "late", 1);
    assert_string_equal(told(world), "ann@r3- ann@late+");
}

/* --- those of other workers ----------------------------------------------------------------------- */

static void signaled(struct world *world, const char *user, const char *kind, uint32_t on,
                     uint32_t is_local)
{
    struct chatd_ev_signaled ev = {.ev = {.size = sizeof(ev)},
                                   .room = CHATD_STR("general"),
                                   .user = {user, strlen(user)},
                                   .kind = {kind, strlen(kind)},
                                   .on = on,
                                   .is_local = is_local};

    testhost_raise(world->t, CHATD_EV_signaled, &ev);
}

/* After expire, throttle and a second: 9 s. */
static void remote_silence_ends_it_here(void **state)
{
    struct world *world = *state;

    signaled(world, "cid", "typing", 1, 0);
    signaled(world, "dan", "typing", 1, 0);
    signaled(world, "eve", "typing", 1, 0);
    signaled(world, "fay", "typing", 1, 1); /* hers is a connection of this worker */
    signaled(world, "gus", "wave", 1, 0);
    signaled(world, "eve", "typing", 0, 0);
    signaled(world, "eve", "typing", 0, 0);
    testhost_advance(world->t, 1000);
    signaled(world, "dan", "typing", 1, 0);
    testhost_advance(world->t, 7999);
    assert_string_equal(told(world), "");
    testhost_advance(world->t, 1);
    assert_string_equal(told(world), "cid@general-.");
    testhost_advance(world->t, 1000);
    assert_string_equal(told(world), "dan@general-.");
    testhost_advance(world->t, 60000);
    assert_string_equal(told(world), "");
    assert_int_equal(metric(world, "expired_total"), 2);
    assert_int_equal(metric(world, "signals_total"), 0);
}

static void older_rooms_cannot_show_it(void **state)
{
    struct world *world = world_with(&older_api, NULL);

    (void)state;
    type(world, client(world, "ann"), "general", 1);
    signaled(world, "cid", "typing", 1, 0);
    testhost_advance(world->t, 60000);
    assert_string_equal(told(world), "ann@general+ ann@general-");
    world_free(world);
}

/* --- the verb ------------------------------------------------------------------------------------- */

static void refused(struct world *world, chatd_conn conn, const char *members, const char *code,
                    const char *text)
{
    char expected[256];

    testhost_verb(world->t, conn, "typing", "7", members);
    snprintf(
        expected, sizeof(expected),
        "{\"type\":\"error\",\"id\":\"7\",\"code\":\"%s\",\"message\":\"%s\",\"temporary\":false}",
        code, text);
    assert_string_equal(testhost_next_text(world->t, conn), expected);
    assert_int_equal(testhost_unread(world->t, conn), 0);
}

static void the_verb_says_what_is_wrong(void **state)
{
    static const char *const bad[] = {"",
                                      "\"room\":\"general\"",
                                      "\"typing\":true",
                                      "\"room\":7,\"typing\":true",
                                      "\"room\":\"general\",\"typing\":1",
                                      "\"room\":\"general\",\"typing\":null"};
    struct world *world = *state;
    chatd_conn ann = client(world, "ann");

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        testhost_verb(world->t, ann, "typing", "7", bad[i]);
        assert_non_null(strstr(testhost_next_text(world->t, ann), "\"code\":\"bad_request\""));
    }
    refused(world, ann, "\"room\":\"elsewhere\",\"typing\":true", "not_member",
            "Join the room first.");
    refused(world, ann, "\"room\":\"\",\"typing\":true", "bad_request", "A room has no such name.");
    assert_string_equal(told(world), "");
}

static void without_rooms(void **state)
{
    struct world *world = world_with(NULL, NULL);
    chatd_conn ann = client(world, "ann");

    (void)state;
    assert_int_equal(testhost_logged(world->t, "no plugin offers chatd.rooms"), 1);
    refused(world, ann, "\"room\":\"general\",\"typing\":true", "not_found",
            "There are no rooms on this server.");
    testhost_advance(world->t, 60000);
    world_free(world);
}

/* --- options -------------------------------------------------------------------------------------- */

static void options_may_change(void **state)
{
    struct world *world = world_with(&rooms_api, "throttle = 0\nexpire = 60s");
    chatd_conn ann = client(world, "ann");

    (void)state;
    type(world, ann, "general", 1);
    type(world, ann, "general", 1);
    testhost_advance(world->t, 20000);
    assert_string_equal(told(world), "ann@general+ ann@general+");
    assert_int_equal(testhost_reload(world->t, "throttle = 30s\nexpire = 40s"), CHATD_OK);
    type(world, ann, "general", 1);
    testhost_advance(world->t, 39000);
    assert_string_equal(told(world), "");
    testhost_advance(world->t, 1000);
    assert_string_equal(told(world), "ann@general-");
    assert_int_equal(testhost_reload(world->t, "expire = 1ms"), CHATD_E_INVAL);
    world_free(world);
}

/* Connections leave before it is stopped; those of other workers it still knows of then. */
static void stops_while_they_type(void **state)
{
    struct world *world = *state;

    type(world, client(world, "ann"), "general", 1);
    signaled(world, "cid", "typing", 1, 0);
    testhost_stop(world->t);
    assert_string_equal(told(world), "ann@general+");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(claims_its_kind_alone),
        TEST(what_is_no_news_is_denied),
        TEST(plugins_are_not_throttled),
        TEST(throttles),
        TEST(stopping_is_told_once),
        TEST(silence_ends_it),
        TEST(a_clock_that_jumps_ends_nothing),
        TEST(the_message_ends_it),
        TEST(leaving_ends_it),
        TEST(a_connection_that_is_gone_is_forgotten),
        TEST(in_so_many_rooms_only),
        TEST(remote_silence_ends_it_here),
        cmocka_unit_test(older_rooms_cannot_show_it),
        TEST(the_verb_says_what_is_wrong),
        cmocka_unit_test(without_rooms),
        cmocka_unit_test(options_may_change),
        TEST(stops_while_they_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
