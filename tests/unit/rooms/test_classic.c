/* SPDX-License-Identifier: MIT */
/* The plugin as a whole, against a fake core: what classic clients see. */
#include "fake_core.h"
#include "room.h"

#include <chatd/svc/rooms.h>

#include <setjmp.h>

#include <cmocka.h>

static struct rooms_config config;

static void begin(int has_log, int has_kv)
{
    config = (struct rooms_config){.default_room = "general",
                                   .history_on_join = 3,
                                   .text_max = 100,
                                   .ring_bytes = 1 << 20,
                                   .rooms_max = 10,
                                   .inflight_max = 2,
                                   .joins_max = 3,
                                   .resume_max = 5,
                                   .dedup_window_ms = 600000};
    fake_start(&config, has_log, has_kv);
    fake_turn();
}

static void end(void)
{
    assert_int_equal(fake_stop(), 0);
    assert_null(fake.plugin.data); /* everything was freed */
}

static void join(int c, const char *user, const char *room)
{
    fake_upgrade(c, user, room);
    fake_turn();
    assert_true(fake.conn[c].is_connected);
}

static void expect_sent(int c, int i, const char *part)
{
    assert_true(i < fake.conn[c].n_sent);
    assert_non_null(strstr(fake.conn[c].sent[i], part));
}

static struct room *find(const char *name)
{
    return room_find(fake.plugin.data, fake_str(name));
}

static void everybody_gets_a_message_once(void **state)
{
    (void)state;
    begin(1, 1);
    join(1, "alice", "general");
    join(2, "bob", "");
    fake_says(1, "{\"text\":\"one\",\"typing\":false}");
    fake_turn();
    assert_string_equal(fake.conn[1].sent[0],
                        "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"one\","
                        "\"typing\":false,\"seq\":1,\"ts\":1000}");
    assert_int_equal(fake.conn[1].n_sent, 1);
    assert_int_equal(fake.conn[2].n_sent, 1);
    assert_int_equal(fake.n_frames, 1); /* encoded once */
    assert_int_equal(fake.n_watched[CHATD_EV_message], 1);
    assert_int_equal(fake.n_watched[CHATD_EV_join], 2);
    fake_gone(2);
    assert_int_equal(fake.n_watched[CHATD_EV_leave], 1);
    end();
}

static void joiners_share_one_read_and_then_none(void **state)
{
    int i;

    (void)state;
    begin(1, 0);
    for (i = 1; i <= 5; i++) {
        char text[64];

        snprintf(text, sizeof(text), "{\"user\":\"old\",\"text\":\"m%d\"}", i);
        fake.record[i] = strdup(text);
    }
    fake.n_records = 5;
    fake_upgrade(1, "a", "general");
    fake_upgrade(2, "b", "general");
    fake_upgrade(3, "c", "general");
    fake_turn();
    assert_int_equal(fake.n_ranges, 1);
    for (i = 1; i <= 3; i++) {
        assert_int_equal(fake.conn[i].n_sent, 3);
        expect_sent(i, 0, "\"m3\"");
        expect_sent(i, 1, "\"m4\"");
        expect_sent(i, 2, "\"m5\",\"typing\":false,\"seq\":5");
    }
    for (i = 1; i <= 3; i++)
        fake_gone(i);
    fake_tick(59000);
    join(4, "d", "general");
    assert_int_equal(fake.n_ranges, 1); /* the ring outlived its members */
    assert_int_equal(fake.conn[4].n_sent, 3);
    end();
}

static void nothing_is_lost_between_page_and_socket(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "a", "general");
    fake_says(1, "{\"text\":\"before\"}");
    fake_turn();
    fake.pending_event = CHATD_EV_join; /* b's page is asked for, then a message comes */
    fake_upgrade(2, "b", "general");
    fake_says(1, "{\"text\":\"between\"}");
    fake_turn();
    fake.pending_event = 0;
    fake.pending_done(&fake.plugin, CHATD_NEXT, fake.pending_arg);
    fake_says(1, "{\"text\":\"later\"}");
    fake_turn();
    assert_int_equal(fake.conn[2].n_sent, 3);
    expect_sent(2, 0, "before");
    expect_sent(2, 1, "between");
    expect_sent(2, 2, "later");
    end();
}

static void upgrades_that_are_refused(void **state)
{
    (void)state;
    begin(1, 0);
    fake_upgrade(1, "a", "a b");
    assert_string_equal(fake.conn[1].code, "bad_request");
    fake.deny_event = CHATD_EV_join;
    fake_upgrade(2, "a", "general");
    assert_string_equal(fake.conn[2].code, "test.denied");
    fake.deny_event = 0;
    fake.fail_range = 1;
    fake_upgrade(3, "a", "general");
    fake_upgrade(4, "b", "general");
    fake_turn();
    assert_string_equal(fake.conn[3].code, "unavailable");
    assert_string_equal(fake.conn[4].code, "unavailable");
    assert_null(find("general"));
    fake.fail_range = 0;
    join(5, "c", "general");
    end();
}

static void clients_may_leave_while_they_wait(void **state)
{
    (void)state;
    begin(1, 0);
    fake_upgrade(1, "a", "general"); /* waits for the page */
    fake_gone(1);
    fake_turn();
    assert_null(find("general"));
    fake.pending_event = CHATD_EV_join; /* waits for a plugin */
    fake_upgrade(2, "b", "general");
    fake_gone(2);
    assert_non_null(find("general"));
    fake.pending_done(&fake.plugin, CHATD_DENY, fake.pending_arg);
    assert_null(find("general"));
    end();
}

static void errors_come_to_the_sender_alone(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "a", "general");
    join(2, "b", "general");
    fake_says(1, "nonsense");
    expect_sent(1, 0, "\"code\":\"bad_request\"");
    fake_says(1, "{\"text\":\" \"}");
    expect_sent(1, 1, "white space");
    fake_says(1, "{\"typing\":false}");
    expect_sent(1, 2, "\"code\":\"bad_request\"");
    fake.deny_event = CHATD_EV_message;
    fake_says(1, "{\"text\":\"x\"}");
    expect_sent(1, 3,
                "{\"user\":\"\",\"room\":\"general\",\"text\":\"\",\"typing\":false,"
                "\"error\":{\"code\":\"test.denied\",\"message\":\"Denied by the test.\"}}");
    fake.deny_event = 0;
    fake_says(1, "{\"text\":\"1\"}");
    fake_says(1, "{\"text\":\"2\"}");
    fake_says(1, "{\"text\":\"3\"}"); /* two are at the store */
    expect_sent(1, 4, "\"code\":\"rate_limited\"");
    fake_turn();
    fake_says(1, "{\"text\":\"4\"}");
    fake_turn();
    assert_int_equal(fake.n_records, 3);
    assert_int_equal(fake.conn[2].n_sent, 3);
    fake.ws.handle(&fake.plugin, (chatd_conn){1}, CHATD_BINARY, CHATD_STR("x"));
    assert_int_equal(fake.conn[1].closed_code, 1003);
    end();
}

static void a_store_that_is_away_closes_the_sender(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "a", "general");
    join(2, "b", "general");
    fake.fail_append = 1;
    fake_says(1, "{\"text\":\"1\"}");
    fake_turn();
    assert_int_equal(fake.conn[1].closed_code, 1013);
    assert_int_equal(fake.conn[2].closed_code, 0);
    assert_int_equal(fake.n_watched[CHATD_EV_message], 0);
    end();
}

static void typing_goes_to_the_others(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "alice", "general");
    join(2, "bob", "general");
    fake_says(2, "{\"typing\":true}");
    fake_turn();
    assert_int_equal(fake.conn[1].n_sent, 0); /* nobody claimed it */
    fake.claim = 1;
    fake_says(2, "{\"typing\":true,\"text\":\"\"}");
    fake_turn();
    assert_int_equal(fake.conn[2].n_sent, 0);
    assert_int_equal(fake.conn[1].n_sent, 1);
    assert_true(fake.conn[1].is_ephemeral);
    assert_string_equal(fake.conn[1].sent[0],
                        "{\"user\":\"bob\",\"room\":\"general\",\"text\":\"\",\"typing\":true}");
    end();
}

static void what_was_void_starts_again(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "a", "general");
    fake_says(1, "{\"text\":\"1\"}");
    fake_says(1, "{\"text\":\"2\"}");
    fake_turn();
    fake.listener.reset(&fake.plugin, (chatd_sub){1}, CHATD_STR("e2"), 2, fake.listener_arg);
    assert_int_equal(fake.conn[1].closed_code, 0); /* it saw nothing beyond 2 */
    fake.listener.reset(&fake.plugin, (chatd_sub){1}, CHATD_STR("e1"), 1, fake.listener_arg);
    assert_int_equal(fake.conn[1].closed_code, 4001);
    fake_gone(1);
    end();
}

static void a_slow_page_goes_on_when_drained(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "a", "general");
    fake_says(1, "{\"text\":\"1\"}");
    fake_says(1, "{\"text\":\"2\"}");
    fake_turn();
    fake_frame_size = 65536;
    join(2, "b", "general");
    assert_int_equal(fake.conn[2].n_sent, 1);
    fake_says(1, "{\"text\":\"3\"}");
    fake_turn();
    assert_int_equal(fake.conn[2].n_sent, 1); /* not in the channel yet */
    fake_drains(2);
    fake_drains(2);
    assert_int_equal(fake.conn[2].n_sent, 3);
    fake_says(1, "{\"text\":\"4\"}");
    fake_turn();
    assert_int_equal(fake.conn[2].n_sent, 4);
    expect_sent(2, 2, "\"3\"");
    expect_sent(2, 3, "\"4\"");
    end();
}

/* It cannot be told of a gap, and need not: nobody gets what was deleted. */
static void a_slow_page_skips_what_was_deleted(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "a", "general");
    fake_says(1, "{\"text\":\"1\"}");
    fake_says(1, "{\"text\":\"2\"}");
    fake_turn();
    fake_says(1, "{\"text\":\"3\"}");
    fake_turn();
    fake_frame_size = 65536;
    join(2, "b", "general");
    assert_int_equal(fake.conn[2].n_sent, 1);
    fake_forget(2);
    fake_drains(2);
    fake_turn();
    fake_drains(2);
    assert_int_equal(fake.conn[2].closed_code, 0);
    assert_int_equal(fake.conn[2].n_sent, 2);
    expect_sent(2, 1, "\"3\"");
    end();
}

static void deliver_hooks_hide_from_page_and_live(void **state)
{
    (void)state;
    begin(1, 0);
    fake.is_deliver_hooked = 1;
    fake.hide_text = "secret";
    join(1, "a", "general");
    fake_says(1, "{\"text\":\"secret\"}");
    fake_says(1, "{\"text\":\"open\"}");
    fake_turn();
    join(2, "b", "general");
    assert_int_equal(fake.conn[1].n_sent, 1);
    assert_int_equal(fake.conn[2].n_sent, 1);
    expect_sent(2, 0, "open");
    end();
}

static void without_a_log_messages_take_the_bus(void **state)
{
    (void)state;
    begin(0, 1);
    join(1, "a", "general");
    join(2, "b", "general");
    fake_says(1, "{\"text\":\"hi\"}");
    fake_turn();
    assert_string_equal(fake.conn[2].sent[0],
                        "{\"user\":\"a\",\"room\":\"general\",\"text\":\"hi\","
                        "\"typing\":false,\"ts\":1000}");
    assert_int_equal(fake.conn[1].n_sent, 1);
    assert_int_equal(fake.n_listed, 0);
    end();
}

static void rooms_live_as_long_as_they_are_of_use(void **state)
{
    (void)state;
    begin(1, 0);
    join(1, "a", "made-up");
    fake_gone(1);
    assert_null(find("made-up"));
    join(1, "a", "general");
    fake_says(1, "{\"text\":\"1\"}");
    fake_turn();
    fake_gone(1);
    fake_tick(59999);
    assert_non_null(find("general"));
    fake_tick(1);
    assert_null(find("general"));
    end();
}

static void the_list_has_rooms_with_records_or_members(void **state)
{
    (void)state;
    begin(1, 1);
    join(1, "a", "zebra");
    join(2, "a", "general");
    fake_says(2, "{\"text\":\"1\"}");
    fake_says(2, "{\"text\":\"2\"}");
    fake_turn();
    assert_int_equal(fake.n_listed, 1);
    fake_gone(2);
    fake.route.handle(&fake.plugin, (chatd_req){1});
    fake_turn();
    assert_int_equal(fake.reply_status, 200);
    assert_string_equal(fake.reply, "{\"rooms\":[{\"room\":\"general\",\"members\":0},"
                                    "{\"room\":\"zebra\",\"members\":1}]}");
    end();
}

static void list_is(const char *rooms)
{
    char wanted[512];

    snprintf(wanted, sizeof(wanted), "{\"rooms\":[%s]}", rooms);
    fake.route.handle(&fake.plugin, (chatd_req){1});
    fake_turn();
    assert_string_equal(fake.reply, wanted);
}

/* What other workers say of theirs counts with one's own. */
static void members_elsewhere_count(void **state)
{
    (void)state;
    begin(1, 1);
    join(1, "a", "here");
    fake_census("1111111111111111\n2 here\n3 there\n");
    fake_census("2222222222222222\n4 there\n");
    list_is("{\"room\":\"here\",\"members\":3},{\"room\":\"there\",\"members\":7}");
    fake_census("1111111111111111\n0 there\n");
    fake_census("not a sender\n9 here\n");
    list_is("{\"room\":\"here\",\"members\":3},{\"room\":\"there\",\"members\":4}");
    fake_census(NULL); /* somebody may have died: all is asked for again */
    assert_string_equal(fake.census.said, "abababababababab\n?\n");
    list_is("{\"room\":\"here\",\"members\":1}");
    end();
}

static void others_are_told_of_changes_and_of_all_when_they_ask(void **state)
{
    (void)state;
    begin(1, 1);
    join(1, "a", "here");
    join(2, "b", "here");
    join(3, "c", "there");
    fake_census_tell();
    assert_string_equal(fake.census.said, "abababababababab\n2 here\n1 there\n");
    fake_gone(3);
    fake_census_tell();
    assert_string_equal(fake.census.said, "abababababababab\n0 there\n");
    fake_census("1111111111111111\n?\n");
    fake_census_tell();
    assert_string_equal(fake.census.said, "abababababababab\n2 here\n");
    fake_census("abababababababab\n5 here\n"); /* one's own, back from the bus */
    list_is("{\"room\":\"here\",\"members\":2}");
    end();
}

static void there_are_only_so_many_rooms(void **state)
{
    (void)state;
    begin(1, 1);
    config.rooms_max = 1;
    join(1, "a", "first");
    fake_says(1, "{\"text\":\"1\"}");
    fake_turn();
    fake_gone(1);
    fake_tick(60000);
    free(fake.record[1]); /* the fake log has one room: begin it anew */
    fake.n_records = 0;
    join(1, "a", "second");
    fake_says(1, "{\"text\":\"1\"}");
    fake_turn();
    expect_sent(1, 0, "\"code\":\"rate_limited\"");
    assert_int_equal(fake.n_records, 0);
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
    struct chatd_service rooms;
    struct chatd_rooms_message message = {.size = sizeof(message),
                                          .room = CHATD_STR("general"),
                                          .user = CHATD_STR("bot"),
                                          .text = CHATD_STR("hello"),
                                          .cid = CHATD_STR("")};
    int n = 0;

    (void)state;
    begin(1, 0);
    rooms = (struct chatd_service){.api = fake.offered, .provider = &fake.plugin};
    join(1, "a", "general");
    n_answers = 0;
    assert_int_equal(chatd_rooms_publish(&fake.plugin, &rooms, &message, on_answer, NULL), 0);
    assert_int_equal(n_answers, 0);
    fake_turn();
    assert_int_equal(n_answers, 1);
    assert_int_equal(last_err, CHATD_OK);
    assert_int_equal(last_seq, 1);
    assert_int_equal(fake.conn[1].n_sent, 1);
    message.text = CHATD_STR("");
    assert_int_equal(chatd_rooms_publish(&fake.plugin, &rooms, &message, on_answer, NULL), 0);
    assert_int_equal(n_answers, 1); /* never before the call returned */
    fake_turn();
    assert_int_equal(last_err, CHATD_E_INVAL);
    assert_string_equal(last_code, "bad_request");
    message.room = CHATD_STR("a b");
    assert_int_equal(chatd_rooms_publish(&fake.plugin, &rooms, &message, on_answer, NULL),
                     CHATD_E_INVAL);
    assert_true(chatd_rooms_is_member(&fake.plugin, &rooms, (chatd_conn){1}, CHATD_STR("general")));
    assert_false(chatd_rooms_is_member(&fake.plugin, &rooms, (chatd_conn){1}, CHATD_STR("x")));
    assert_false(
        chatd_rooms_is_member(&fake.plugin, &rooms, (chatd_conn){9}, CHATD_STR("general")));
    chatd_rooms_each_member(&fake.plugin, &rooms, CHATD_STR("general"), count_member, &n);
    assert_int_equal(n, 1);
    assert_int_equal(chatd_rooms_signal(&fake.plugin, &rooms, (chatd_conn){1}, CHATD_STR("x"),
                                        CHATD_STR("a"), CHATD_STR("typing"), 1),
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
