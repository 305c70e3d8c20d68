/* SPDX-License-Identifier: MIT */
/* The plugin as a whole, on a test host: what classic clients see. */
#include "scene.h"

#include "census.h"

#include <chatd/svc/rooms.h>

/* Text that fills a step of a walk. */
enum { LARGE = 65536, HEARD_MAX = 32 };

static char *heard[CONNS][HEARD_MAX];
static int n_heard[CONNS];

static void begin(int with)
{
    config = (struct rooms_config){.default_room = "general",
                                   .history_on_join = 3,
                                   .text_max = LARGE + 100,
                                   .ring_bytes = 1 << 20,
                                   .rooms_max = 10,
                                   .inflight_max = 2,
                                   .joins_max = 3,
                                   .resume_max = 5,
                                   .dedup_window_ms = 600000};
    scene_begin(with);
}

static void forget(int c)
{
    while (n_heard[c] > 0)
        free(heard[c][--n_heard[c]]);
}

static void end(void)
{
    scene_end();
    for (int c = 0; c < CONNS; c++)
        forget(c);
}

/* How much was sent to it so far. */
static int n_sent(int c)
{
    const char *text;

    while ((text = testhost_next_text(host, client[c])) != NULL) {
        assert_true(n_heard[c] < HEARD_MAX);
        heard[c][n_heard[c]++] = strdup(text);
    }
    return n_heard[c];
}

static const char *sent(int c, int i)
{
    assert_true(i < n_sent(c));
    return heard[c][i];
}

static void expect_sent(int c, int i, const char *part)
{
    assert_non_null(strstr(sent(c, i), part));
}

static const char *code(int c)
{
    return testhost_conn_code(host, client[c]);
}

static void join(int c, const char *user, const char *room)
{
    forget(c);
    upgrades(c, user, room);
    turn();
    assert_int_equal(testhost_conn_state(host, client[c]), TESTHOST_CONN_OPEN);
}

static void says(int c, const char *frame)
{
    testhost_send_text(host, client[c], frame);
}

/* A message of one digit, and much behind it. */
static void says_large(int c, char digit)
{
    static char frame[LARGE + 32];
    size_t n = (size_t)snprintf(frame, sizeof(frame), "{\"text\":\"%c", digit);

    memset(frame + n, 'x', LARGE);
    strcpy(frame + n + LARGE, "\"}");
    says(c, frame);
}

static void everybody_gets_a_message_once(void **state)
{
    (void)state;
    begin(LOG | KV);
    join(1, "alice", "general");
    join(2, "bob", "");
    says(1, "{\"text\":\"one\",\"typing\":false}");
    turn();
    assert_string_equal(sent(1, 0), "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"one\","
                                    "\"typing\":false,\"seq\":1,\"ts\":1000}");
    assert_int_equal(n_sent(1), 1);
    assert_int_equal(n_sent(2), 1);
    assert_int_equal(testhost_frames(host), 1); /* encoded once */
    assert_int_equal(seen.message, 1);
    assert_int_equal(seen.join, 2);
    leaves(2);
    assert_int_equal(seen.leave, 1);
    end();
}

static void joiners_share_one_read_and_then_none(void **state)
{
    int i;

    (void)state;
    begin(LOG);
    for (i = 1; i <= 5; i++) {
        char text[64];

        snprintf(text, sizeof(text), "{\"user\":\"old\",\"text\":\"m%d\"}", i);
        fake_log_add(&store, text);
    }
    upgrades(1, "a", "general");
    upgrades(2, "b", "general");
    upgrades(3, "c", "general");
    turn();
    assert_int_equal(store.n_ranges, 1);
    for (i = 1; i <= 3; i++) {
        assert_int_equal(n_sent(i), 3);
        expect_sent(i, 0, "\"m3\"");
        expect_sent(i, 1, "\"m4\"");
        expect_sent(i, 2, "\"m5\",\"typing\":false,\"seq\":5");
    }
    for (i = 1; i <= 3; i++)
        leaves(i);
    testhost_advance(host, 59000);
    join(4, "d", "general");
    assert_int_equal(store.n_ranges, 1); /* the ring outlived its members */
    assert_int_equal(n_sent(4), 3);
    end();
}

static void nothing_is_lost_between_page_and_socket(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "a", "general");
    says(1, "{\"text\":\"before\"}");
    turn();
    others.waits_in = "join"; /* b's page is asked for, then a message comes */
    upgrades(2, "b", "general");
    says(1, "{\"text\":\"between\"}");
    turn();
    others.waits_in = NULL;
    assert_int_equal(testhost_resume(host, CHATD_NEXT, NULL, NULL), 1);
    says(1, "{\"text\":\"later\"}");
    turn();
    assert_int_equal(n_sent(2), 3);
    expect_sent(2, 0, "before");
    expect_sent(2, 1, "between");
    expect_sent(2, 2, "later");
    end();
}

static void upgrades_that_are_refused(void **state)
{
    (void)state;
    begin(LOG);
    upgrades(1, "a", "a%20b");
    assert_string_equal(code(1), "bad_request");
    others.denies = "join";
    upgrades(2, "a", "general");
    assert_string_equal(code(2), "test.denied");
    others.denies = NULL;
    store.fail_range = true;
    upgrades(3, "a", "general");
    upgrades(4, "b", "general");
    turn();
    assert_string_equal(code(3), "unavailable");
    assert_string_equal(code(4), "unavailable");
    assert_null(find("general"));
    store.fail_range = false;
    join(5, "c", "general");
    end();
}

static void clients_may_leave_while_they_wait(void **state)
{
    (void)state;
    begin(LOG);
    upgrades(1, "a", "general"); /* waits for the page */
    leaves(1);
    turn();
    assert_null(find("general"));
    others.waits_in = "join"; /* waits for a plugin */
    upgrades(2, "b", "general");
    leaves(2);
    assert_null(find("general"));
    assert_int_equal(testhost_resume(host, CHATD_DENY, "test.late", "Late."), 0); /* it is over */
    end();
}

static void errors_come_to_the_sender_alone(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "a", "general");
    join(2, "b", "general");
    says(1, "nonsense");
    expect_sent(1, 0, "\"code\":\"bad_request\"");
    says(1, "{\"text\":\" \"}");
    expect_sent(1, 1, "white space");
    says(1, "{\"typing\":false}");
    expect_sent(1, 2, "\"code\":\"bad_request\"");
    others.denies = "message";
    says(1, "{\"text\":\"x\"}");
    expect_sent(1, 3,
                "{\"user\":\"\",\"room\":\"general\",\"text\":\"\",\"typing\":false,"
                "\"error\":{\"code\":\"test.denied\",\"message\":\"Denied by the test.\"}}");
    others.denies = NULL;
    says(1, "{\"text\":\"1\"}");
    says(1, "{\"text\":\"2\"}");
    says(1, "{\"text\":\"3\"}"); /* two are at the store */
    expect_sent(1, 4, "\"code\":\"rate_limited\"");
    turn();
    says(1, "{\"text\":\"4\"}");
    turn();
    assert_int_equal(store.n_records, 3);
    assert_int_equal(n_sent(2), 3);
    testhost_send(host, client[1], CHATD_BINARY, CHATD_STR("x"));
    assert_int_equal(closed_code(1), 1003);
    end();
}

static void a_store_that_is_away_closes_the_sender(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "a", "general");
    join(2, "b", "general");
    store.fail_append = true;
    says(1, "{\"text\":\"1\"}");
    turn();
    assert_int_equal(closed_code(1), 1013);
    assert_int_equal(closed_code(2), 0);
    assert_int_equal(seen.message, 0);
    end();
}

static void typing_goes_to_the_others(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "alice", "general");
    join(2, "bob", "general");
    says(2, "{\"typing\":true}");
    turn();
    assert_int_equal(n_sent(1), 0); /* nobody claimed it */
    others.claims = true;
    says(2, "{\"typing\":true,\"text\":\"\"}");
    turn();
    assert_int_equal(n_sent(2), 0);
    assert_int_equal(n_sent(1), 1);
    assert_string_equal(sent(1, 0),
                        "{\"user\":\"bob\",\"room\":\"general\",\"text\":\"\",\"typing\":true}");
    testhost_backlog(host, client[1], TESTHOST_QUEUE_SOFT); /* it is ephemeral */
    says(2, "{\"typing\":true}");
    turn();
    assert_int_equal(n_sent(1), 1);
    end();
}

static void what_was_void_starts_again(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "a", "general");
    says(1, "{\"text\":\"1\"}");
    says(1, "{\"text\":\"2\"}");
    turn();
    fake_log_tell_reset(&store, "e2", 2);
    assert_int_equal(closed_code(1), 0); /* it saw nothing beyond 2 */
    fake_log_tell_reset(&store, "e1", 1);
    assert_int_equal(closed_code(1), 4001);
    leaves(1);
    end();
}

static void a_slow_page_goes_on_when_drained(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "a", "general");
    says_large(1, '1');
    says_large(1, '2');
    turn();
    others.has_slow = true;
    join(2, "b", "general");
    assert_int_equal(n_sent(2), 1);
    says_large(1, '3');
    turn();
    assert_int_equal(n_sent(2), 1); /* not in the channel yet */
    drains(2);
    drains(2);
    assert_int_equal(n_sent(2), 3);
    says_large(1, '4');
    turn();
    assert_int_equal(n_sent(2), 4);
    expect_sent(2, 2, "\"3x");
    expect_sent(2, 3, "\"4x");
    end();
}

/* It cannot be told of a gap, and need not: nobody gets what was deleted. */
static void a_slow_page_skips_what_was_deleted(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "a", "general");
    says_large(1, '1');
    says_large(1, '2');
    turn();
    says_large(1, '3');
    turn();
    others.has_slow = true;
    join(2, "b", "general");
    assert_int_equal(n_sent(2), 1);
    fake_log_forget(&store, 2);
    drains(2);
    turn();
    drains(2);
    assert_int_equal(closed_code(2), 0);
    assert_int_equal(n_sent(2), 2);
    expect_sent(2, 1, "\"3x");
    end();
}

static void deliver_hooks_hide_from_page_and_live(void **state)
{
    (void)state;
    begin(LOG | DELIVER);
    others.hides = "secret";
    join(1, "a", "general");
    says(1, "{\"text\":\"secret\"}");
    says(1, "{\"text\":\"open\"}");
    turn();
    join(2, "b", "general");
    assert_int_equal(n_sent(1), 1);
    assert_int_equal(n_sent(2), 1);
    expect_sent(2, 0, "open");
    end();
}

static void without_a_log_messages_take_the_bus(void **state)
{
    (void)state;
    begin(KV);
    join(1, "a", "general");
    join(2, "b", "general");
    says(1, "{\"text\":\"hi\"}");
    turn();
    assert_string_equal(sent(2, 0), "{\"user\":\"a\",\"room\":\"general\",\"text\":\"hi\","
                                    "\"typing\":false,\"ts\":1000}");
    assert_int_equal(n_sent(1), 1);
    assert_null(testhost_kv_value(host, "rooms", "general").p);
    end();
}

static void rooms_live_as_long_as_they_are_of_use(void **state)
{
    (void)state;
    begin(LOG);
    join(1, "a", "made-up");
    leaves(1);
    assert_null(find("made-up"));
    join(1, "a", "general");
    says(1, "{\"text\":\"1\"}");
    turn();
    leaves(1);
    testhost_advance(host, 59999);
    assert_non_null(find("general"));
    testhost_advance(host, 1);
    assert_null(find("general"));
    end();
}

static void list_is(const char *rooms)
{
    const struct testhost_answer *list = testhost_answer(host, testhost_get(host, "/api/v1/rooms"));
    char wanted[512];

    snprintf(wanted, sizeof(wanted), "{\"rooms\":[%s]}", rooms);
    assert_int_equal(list->status, 200);
    assert_string_equal(list->body.p, wanted);
}

static void the_list_has_rooms_with_records_or_members(void **state)
{
    (void)state;
    begin(LOG | KV);
    join(1, "a", "zebra");
    join(2, "a", "general");
    says(2, "{\"text\":\"1\"}");
    says(2, "{\"text\":\"2\"}");
    turn();
    assert_non_null(testhost_kv_value(host, "rooms", "general").p);
    assert_null(testhost_kv_value(host, "rooms", "zebra").p);
    leaves(2);
    list_is("{\"room\":\"general\",\"members\":0},{\"room\":\"zebra\",\"members\":1}");
    end();
}

/* Another worker says something about its members; NULL: something of it was lost. */
static void census(const char *text)
{
    testhost_bus(host, CENSUS_TOPIC, (chatd_str){text, text != NULL ? strlen(text) : 0});
}

/* The last that was said to the others about members, beginning with this worker's own id. */
static char said[1024], own_id[CENSUS_SENDER_BYTES + 1];

static void census_read(void)
{
    const char *letter;
    size_t n = sizeof(CENSUS_TOPIC); /* and a space */

    while ((letter = testhost_bus_next(host)) != NULL) {
        if (strncmp(letter, CENSUS_TOPIC " ", n) != 0)
            continue;
        snprintf(said, sizeof(said), "%s", letter + n);
        snprintf(own_id, sizeof(own_id), "%.16s", said);
    }
}

static void census_said(const char *lines)
{
    char expected[1024];

    said[0] = '\0';
    census_read();
    snprintf(expected, sizeof(expected), "%s\n%s", own_id, lines);
    assert_string_equal(said, expected);
}

/* What other workers say of theirs counts with one's own. */
static void members_elsewhere_count(void **state)
{
    (void)state;
    begin(LOG | KV);
    join(1, "a", "here");
    census("1111111111111111\n2 here\n3 there\n");
    census("2222222222222222\n4 there\n");
    list_is("{\"room\":\"here\",\"members\":3},{\"room\":\"there\",\"members\":7}");
    census("1111111111111111\n0 there\n");
    census("not a sender\n9 here\n");
    list_is("{\"room\":\"here\",\"members\":3},{\"room\":\"there\",\"members\":4}");
    census(NULL); /* somebody may have died: all is asked for again */
    census_said("?\n");
    list_is("{\"room\":\"here\",\"members\":1}");
    end();
}

static void others_are_told_of_changes_and_of_all_when_they_ask(void **state)
{
    char own[64];

    (void)state;
    begin(LOG | KV);
    join(1, "a", "here");
    join(2, "b", "here");
    join(3, "c", "there");
    testhost_advance(host, CENSUS_TELL_MS);
    census_said("2 here\n1 there\n");
    leaves(3);
    testhost_advance(host, CENSUS_TELL_MS);
    census_said("0 there\n");
    census("1111111111111111\n?\n");
    testhost_advance(host, CENSUS_TELL_MS);
    census_said("2 here\n");
    snprintf(own, sizeof(own), "%s\n5 here\n", own_id);
    census(own); /* as it comes back from the bus */
    list_is("{\"room\":\"here\",\"members\":2}");
    end();
}

static void there_are_only_so_many_rooms(void **state)
{
    (void)state;
    begin(LOG | KV);
    config.rooms_max = 1;
    join(1, "a", "first");
    says(1, "{\"text\":\"1\"}");
    turn();
    leaves(1);
    testhost_advance(host, 60000);
    fake_log_reset(&store, "e1", 0); /* it has one room: begin it anew */
    join(1, "a", "second");
    says(1, "{\"text\":\"1\"}");
    turn();
    expect_sent(1, 0, "\"code\":\"rate_limited\"");
    assert_int_equal(store.n_records, 0);
    end();
}

static int n_answers, last_err;
static uint64_t last_seq;
static char last_code[64];

static void on_answer(chatd_plugin *self, int err, const struct chatd_rooms_published *result,
                      void *arg)
{
    (void)self, (void)arg;
    n_answers++;
    last_err = err;
    last_seq = result->seq;
    snprintf(last_code, sizeof(last_code), "%s", result->code.p);
}

static int count_member(chatd_plugin *self, chatd_conn conn, void *arg)
{
    (void)self, (void)conn;
    ++*(int *)arg;
    return 0;
}

static void the_service(void **state)
{
    const struct chatd_service *rooms;
    chatd_plugin *caller;
    struct chatd_rooms_message message = {.size = sizeof(message),
                                          .room = CHATD_STR("general"),
                                          .user = CHATD_STR("bot"),
                                          .text = CHATD_STR("hello"),
                                          .cid = CHATD_STR("")};
    int n = 0;

    (void)state;
    begin(LOG);
    rooms = testhost_service(host, CHATD_ROOMS_SERVICE);
    caller = testhost_caller(host);
    join(1, "a", "general");
    n_answers = 0;
    assert_int_equal(chatd_rooms_publish(caller, rooms, &message, on_answer, NULL), 0);
    assert_int_equal(n_answers, 0);
    turn();
    assert_int_equal(n_answers, 1);
    assert_int_equal(last_err, CHATD_OK);
    assert_int_equal(last_seq, 1);
    assert_int_equal(n_sent(1), 1);
    message.text = CHATD_STR("");
    assert_int_equal(chatd_rooms_publish(caller, rooms, &message, on_answer, NULL), 0);
    assert_int_equal(n_answers, 1); /* never before the call returned */
    turn();
    assert_int_equal(last_err, CHATD_E_INVAL);
    assert_string_equal(last_code, "bad_request");
    message.room = CHATD_STR("a b");
    assert_int_equal(chatd_rooms_publish(caller, rooms, &message, on_answer, NULL), CHATD_E_INVAL);
    assert_true(chatd_rooms_is_member(caller, rooms, client[1], CHATD_STR("general")));
    assert_false(chatd_rooms_is_member(caller, rooms, client[1], CHATD_STR("x")));
    assert_false(chatd_rooms_is_member(caller, rooms, (chatd_conn){9}, CHATD_STR("general")));
    chatd_rooms_each_member(caller, rooms, CHATD_STR("general"), count_member, &n);
    assert_int_equal(n, 1);
    assert_int_equal(chatd_rooms_signal(caller, rooms, client[1], CHATD_STR("x"), CHATD_STR("a"),
                                        CHATD_STR("typing"), 1),
                     CHATD_E_NOTFOUND);
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_a_message_once),
        cmocka_unit_test(joiners_share_one_read_and_then_none),
        cmocka_unit_test(nothing_is_lost_between_page_and_socket),
        cmocka_unit_test(upgrades_that_are_refused),
        cmocka_unit_test(clients_may_leave_while_they_wait),
        cmocka_unit_test(errors_come_to_the_sender_alone),
        cmocka_unit_test(a_store_that_is_away_closes_the_sender),
        cmocka_unit_test(typing_goes_to_the_others),
        cmocka_unit_test(what_was_void_starts_again),
        cmocka_unit_test(a_slow_page_goes_on_when_drained),
        cmocka_unit_test(a_slow_page_skips_what_was_deleted),
        cmocka_unit_test(deliver_hooks_hide_from_page_and_live),
        cmocka_unit_test(without_a_log_messages_take_the_bus),
        cmocka_unit_test(rooms_live_as_long_as_they_are_of_use),
        cmocka_unit_test(the_list_has_rooms_with_records_or_members),
        cmocka_unit_test(members_elsewhere_count),
        cmocka_unit_test(others_are_told_of_changes_and_of_all_when_they_ask),
        cmocka_unit_test(there_are_only_so_many_rooms),
        cmocka_unit_test(the_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
