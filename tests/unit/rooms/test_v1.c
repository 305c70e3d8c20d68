/* SPDX-License-Identifier: MIT */
/* The plugin as a whole, on a test host: what chatd.v1 clients see, beside classic ones. */
#include "scene.h"

enum { USER_MAX = 40000 };

static void begin(int with)
{
    config = (struct rooms_config){.default_room = "general",
                                   .history_on_join = 3,
                                   .text_max = 100,
                                   .ring_bytes = 1 << 20,
                                   .rooms_max = 10,
                                   .inflight_max = 2,
                                   .joins_max = 2,
                                   .resume_max = 300,
                                   .dedup_window_ms = 600000};
    scene_begin(with);
}

static void end(void)
{
    scene_end();
}

/* The next thing that was sent to `c` is exactly this. Answers are "ack ID MEMBERS" and "error ID CODE". */
static void hears(int c, const char *what)
{
    const char *said = testhost_next_text(host, client[c]);
    char expected[1152], id[65], rest[1024] = "";

    assert_non_null(said);
    if (sscanf(what, "ack %64s %1023[^\n]", id, rest) == 2) {
        snprintf(expected, sizeof(expected), "{\"type\":\"ack\",\"id\":\"%s\",%s}", id, rest);
        assert_string_equal(said, expected);
    } else if (sscanf(what, "error %64s %1023[^\n]", id, rest) == 2) {
        snprintf(expected, sizeof(expected), "{\"type\":\"error\",\"id\":\"%s\",\"code\":\"%s\",",
                 id, rest);
        if (strncmp(said, expected, strlen(expected)) != 0)
            assert_string_equal(said, expected);
    } else {
        assert_string_equal(said, what);
    }
}

static void hears_text(int c, const char *text, int seq)
{
    const char *said = testhost_next_text(host, client[c]);
    char part[64];

    assert_non_null(said);
    snprintf(part, sizeof(part), "\"seq\":%d,", seq);
    assert_non_null(strstr(said, part));
    snprintf(part, sizeof(part), "\"text\":\"%s\"", text);
    assert_non_null(strstr(said, part));
}

static void hears_no_more(int c)
{
    assert_int_equal(testhost_unread(host, client[c]), 0);
}

/* What was sent to it so far, of which at least one thing, is of no interest. */
static void has_heard(int c)
{
    assert_non_null(testhost_next_text(host, client[c]));
    while (testhost_next_text(host, client[c]) != NULL) {
    }
}

static void opens(int c, const char *user)
{
    client[c] = testhost_connect(host, &(struct testhost_client){.user = user});
    assert_int_equal(testhost_conn_state(host, client[c]), TESTHOST_CONN_OPEN);
}

static void joins(int c, const char *user, const char *since)
{
    char rest[256];

    opens(c, user);
    snprintf(rest, sizeof(rest), "\"room\":\"general\"%s%s", since[0] != '\0' ? ",\"since\":" : "",
             since);
    asks(c, "room.join", "j", rest);
    turn();
}

static void says(int c, const char *text)
{
    char rest[256];

    snprintf(rest, sizeof(rest), "\"room\":\"general\",\"text\":\"%s\"", text);
    asks(c, "message.send", "", rest); /* no id: no answer */
    turn();
}

/* Puts m1..mN into the log as another server would, with nobody here. They are large by the name of
 * their user. */
static void fill_large(int n, int user_bytes)
{
    static char user[USER_MAX + 1], record[USER_MAX + 64];

    memset(user, 'x', (size_t)user_bytes);
    user[user_bytes] = '\0';
    for (int i = 1; i <= n; i++) {
        snprintf(record, sizeof(record), "{\"user\":\"%s\",\"room\":\"general\",\"text\":\"m%d\"}",
                 user, i);
        fake_log_add(&store, record);
    }
}

static void fill(int n)
{
    fill_large(n, 1);
}

static void hears_filled(int c, int from, int to)
{
    char text[16];
    int i;

    for (i = from; i <= to; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        hears_text(c, text, i);
    }
}

static struct room *general(void)
{
    return find("general");
}

/* ------------------------------------------------------------------------------------------------- */

static void a_conversation(void **state)
{
    (void)state;
    begin(LOG);
    joins(1, "alice", "");
    joins(2, "bob", "");
    hears(1, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":0,\"recovered\":false");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":0,\"recovered\":false");
    upgrades(3, "carol", "general");
    turn();
    asks(1, "message.send", "s", "\"room\":\"general\",\"text\":\"one\",\"cid\":\"c\"");
    turn();
    hears(1, "ack s \"room\":\"general\",\"seq\":1,\"ts\":1000,\"cid\":\"c\"");
    hears(1, "{\"type\":\"message\",\"room\":\"general\",\"seq\":1,\"ts\":1000,\"user\":\"alice\","
             "\"text\":\"one\",\"cid\":\"c\"}");
    hears_text(2, "one", 1);
    hears(3, "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"one\",\"typing\":false,"
             "\"seq\":1,\"ts\":1000}");
    assert_int_equal(testhost_frames(host), 2); /* once per dialect */
    testhost_send_text(host, client[3], "{\"text\":\"two\"}");
    turn();
    hears_text(1, "two", 2);
    hears_text(3, "two", 2);

    asks(2, "room.leave", "l", "\"room\":\"general\"");
    hears_text(2, "two", 2);
    hears(2, "ack l \"room\":\"general\"");
    assert_int_equal(seen.leave, 1);
    asks(2, "room.leave", "l", "\"room\":\"general\"");
    hears(2, "error l not_member");
    asks(2, "message.send", "s", "\"room\":\"general\",\"text\":\"x\"");
    hears(2, "error s not_member");
    says(1, "three");
    hears_no_more(2);
    end();
}

static void requests_that_are_refused(void **state)
{
    static const struct {
        const char *type, *rest, *code;
    } cases[] = {
        {"room.join", "\"room\":\"a b\"", "bad_request"},
        {"room.join", "\"rom\":\"a\"", "bad_request"},
        {"room.join", "\"room\":7", "bad_request"},
        {"room.join", "\"room\":\"general\"", "conflict"},
        {"room.join", "\"room\":\"a\",\"since\":7", "bad_request"},
        {"room.join", "\"room\":\"a\",\"since\":{\"epoch\":\"e1\"}", "bad_request"},
        {"room.join", "\"room\":\"a\",\"since\":{\"epoch\":\"e1\",\"seq\":-1}", "bad_request"},
        {"room.join", "\"room\":\"a\",\"since\":{\"epoch\":1,\"seq\":1}", "bad_request"},
        {"message.send", "\"room\":\"general\"", "bad_request"},
        {"message.send", "\"room\":\"general\",\"text\":\"\"", "bad_request"},
        {"message.send", "\"room\":\"general\",\"text\":[]", "bad_request"},
        {"message.send", "\"room\":\"general\",\"text\":\"x\",\"cid\":5", "bad_request"},
        {"message.send",
         "\"room\":\"general\",\"text\":\"x\",\"cid\":"
         "\"12345678901234567890123456789012345678901234567890123456789012345\"",
         "bad_request"},
        {"history.get", "\"room\":\"other\"", "not_member"},
        {"history.get", "\"room\":\"general\",\"limit\":0", "bad_request"},
        {"history.get", "\"room\":\"general\",\"limit\":201", "bad_request"},
        {"history.get", "\"room\":\"general\",\"limit\":\"5\"", "bad_request"},
        {"history.get", "\"room\":\"general\",\"before\":0", "bad_request"},
        {"history.get", "\"room\":\"general\",\"before\":-1", "bad_request"},
        {"history.get", "\"room\":\"general\",\"before\":5,\"after\":1", "bad_request"},
    };
    char want[64];
    size_t i;

    (void)state;
    begin(LOG);
    joins(1, "alice", "");
    has_heard(1);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        asks(1, cases[i].type, "r", cases[i].rest);
        turn();
        snprintf(want, sizeof(want), "error r %s", cases[i].code);
        hears(1, want);
    }
    assert_int_equal(store.n_records, 0);
    asks(1, "room.join", "r", "\"room\":\"second\"");
    turn();
    has_heard(1);
    asks(1, "room.join", "r", "\"room\":\"third\"");
    hears(1, "error r rate_limited");
    end();
}

/* Who comes back pipelines: it speaks before its join is answered. */
static void sending_while_joining(void **state)
{
    (void)state;
    begin(LOG);
    opens(1, "alice");
    asks(1, "room.join", "j", "\"room\":\"general\"");
    asks(1, "message.send", "s", "\"room\":\"general\",\"text\":\"early\"");
    asks(1, "room.join", "again", "\"room\":\"general\"");
    asks(1, "message.send", "s2", "\"room\":\"general\",\"text\":\"late\"");
    hears_no_more(1);
    turn();
    hears(1, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":0,\"recovered\":false");
    hears(1, "ack s \"room\":\"general\",\"seq\":1,\"ts\":1000");
    hears(1, "error again conflict"); /* in its turn */
    hears(1, "ack s2 \"room\":\"general\",\"seq\":2,\"ts\":1000");
    hears_text(1, "early", 1);
    hears_text(1, "late", 2);
    hears_no_more(1);
    /* One that changes its mind while the page is read; and one that goes away. */
    testhost_advance(host, 60001);
    opens(2, "bob");
    asks(2, "room.join", "j", "\"room\":\"other\"");
    asks(2, "room.leave", "l", "\"room\":\"other\"");
    hears_no_more(2);
    turn();
    hears(2, "ack j \"room\":\"other\",\"epoch\":\"e1\",\"seq\":0,\"top\":2,\"recovered\":false");
    hears_text(2, "early", 1); /* this log has one list for all rooms */
    hears_text(2, "late", 2);
    hears(2, "ack l \"room\":\"other\"");
    testhost_advance(host, 60001);
    asks(2, "room.join", "j", "\"room\":\"other\"");
    asks(2, "message.send", "s", "\"room\":\"other\",\"text\":\"x\"");
    asks(2, "room.leave", "l", "\"room\":\"other\"");
    leaves(2);
    turn();
    end();
}

/* What cannot begin yet is put off; when that is much, nothing more is read before it is less. */
static void one_that_asks_for_much_at_once(void **state)
{
    char text[32];
    int i;

    (void)state;
    begin(LOG);
    opens(1, "alice");
    asks(1, "room.join", "j", "\"room\":\"general\"");
    for (i = 1; i <= 80; i++) {
        snprintf(text, sizeof(text), "%d", i);
        asks(1, "room.leave", text, "\"room\":\"other\"");
        assert_int_equal(testhost_waits(host), i >= 32);
    }
    testhost_advance(host, 300000); /* no event may wait for so long */
    assert_int_equal(testhost_waits(host), 1);
    hears_no_more(1);
    turn();
    assert_int_equal(testhost_waits(host), 0);
    hears(1, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":0,\"recovered\":false");
    for (i = 1; i <= 80; i++) {
        snprintf(text, sizeof(text), "error %d not_member", i);
        hears(1, text);
    }
    hears_no_more(1);
    /* One that leaves meanwhile. */
    asks(1, "room.join", "j", "\"room\":\"second\"");
    for (i = 1; i <= 80; i++)
        asks(1, "room.leave", "l", "\"room\":\"other\"");
    assert_int_equal(testhost_waits(host), 1);
    leaves(1);
    assert_int_equal(testhost_waits(host), 0);
    end();
}

static void a_store_that_is_away(void **state)
{
    (void)state;
    begin(LOG);
    store.fail_range = true;
    joins(1, "alice", "");
    hears(1, "error j unavailable");
    assert_null(general());
    store.fail_range = false;
    joins(2, "alice", "");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":0,\"recovered\":false");
    store.fail_append = true;
    asks(2, "message.send", "s", "\"room\":\"general\",\"text\":\"x\"");
    turn();
    hears(2, "error s timeout");
    assert_int_equal(closed_code(2), 0);
    store.fail_range = true;
    asks(2, "history.get", "h", "\"room\":\"general\"");
    turn();
    hears(2, "error h unavailable");
    end();
}

static void without_a_log(void **state)
{
    (void)state;
    begin(0);
    joins(1, "alice", "{\"epoch\":\"e1\",\"seq\":3}");
    hears(1, "ack j \"room\":\"general\",\"recovered\":false");
    asks(1, "message.send", "s", "\"room\":\"general\",\"text\":\"x\",\"cid\":\"c\"");
    turn();
    hears(1, "ack s \"room\":\"general\",\"cid\":\"c\"");
    hears(1, "{\"type\":\"message\",\"room\":\"general\",\"ts\":1000,\"user\":\"alice\","
             "\"text\":\"x\",\"cid\":\"c\"}");
    asks(1, "history.get", "h", "\"room\":\"general\"");
    hears(1, "error h not_found");
    end();
}

/* --- Resuming ------------------------------------------------------------------------------------ */

static void resuming(void **state)
{
    (void)state;
    begin(LOG);
    fill(10);
    joins(1, "a", "");
    hears(1,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":7,\"top\":10,\"recovered\":false");
    hears_filled(1, 8, 10);
    assert_int_equal(store.n_ranges, 1);

    joins(2, "b", "{\"epoch\":\"e1\",\"seq\":8}"); /* in the ring */
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":8,\"top\":10,\"recovered\":true");
    hears_filled(2, 9, 10);
    joins(3, "c", "{\"epoch\":\"e1\",\"seq\":10}"); /* nothing missed */
    hears(3,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":10,\"top\":10,\"recovered\":true");
    hears_no_more(3);
    assert_int_equal(store.n_ranges, 1);

    joins(4, "d", "{\"epoch\":\"e1\",\"seq\":2}"); /* before the ring */
    hears(4, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":2,\"top\":10,\"recovered\":true");
    hears_filled(4, 3, 10);
    assert_int_equal(store.n_ranges, 2);
    joins(5, "e", "{\"epoch\":\"e1\",\"seq\":11}"); /* the future: the store says no */
    hears(5,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":7,\"top\":10,\"recovered\":false");
    hears_filled(5, 8, 10);
    joins(6, "f", "{\"epoch\":\"other\",\"seq\":9}");
    hears(6,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":7,\"top\":10,\"recovered\":false");
    says(1, "live");
    hears_filled(6, 8, 10);
    hears_text(6, "live", 11);
    hears_text(4, "live", 11);
    hears_no_more(6);
    end();
}

static void too_much_was_missed(void **state)
{
    (void)state;
    begin(LOG);
    config.resume_max = 5;
    fill(10);
    joins(1, "a", "{\"epoch\":\"e1\",\"seq\":4}");
    hears(1,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":7,\"top\":10,\"recovered\":false");
    joins(2, "a", "{\"epoch\":\"e1\",\"seq\":5}");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":5,\"top\":10,\"recovered\":true");
    hears_filled(2, 6, 10);
    store.n_trimmed = 6;
    joins(3, "a", "{\"epoch\":\"e1\",\"seq\":5}");
    hears(3,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":7,\"top\":10,\"recovered\":false");
    hears_filled(3, 8, 10);
    end();
}

/* 290 records are more than one read and more than the ring: read page by page, each when the one
 * before has drained; what comes meanwhile is neither lost nor doubled. */
static void a_long_way_back(void **state)
{
    int i;

    (void)state;
    begin(LOG);
    fill(290);
    joins(1, "a", "");
    opens(2, "b");
    testhost_backlog(host, client[2], TESTHOST_QUEUE_SOFT);
    asks(2, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":0}");
    turn();
    hears(2,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":290,\"recovered\":true");
    hears_filled(2, 1, 200);
    says(1, "m291");
    for (i = 0; i < 5; i++) {
        drains(2);
        turn();
    }
    hears_filled(2, 201, 291);
    says(1, "live");
    hears_text(2, "live", 292);
    hears_no_more(2);
    end();
}

/* A position that another worker gave, ahead of what came here: no record twice. */
static void ahead_of_this_worker(void **state)
{
    (void)state;
    begin(LOG);
    fill(3);
    joins(1, "a", "");
    hears(1, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":3,\"recovered\":false");
    hears_filled(1, 1, 3);
    fill(2); /* m1 and m2 as 4 and 5, of which the subscription has not told yet */
    opens(2, "b");
    asks(2, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":4}");
    fake_log_answer(&store); /* the read alone */
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":4,\"top\":5,\"recovered\":true");
    hears_text(2, "m2", 5);
    assert_int_equal(general()->n_ahead, 1);
    turn(); /* 4 and 5 come */
    assert_int_equal(general()->n_ahead, 0);
    hears_no_more(2);
    hears_text(1, "m1", 4);
    hears_text(1, "m2", 5);
    says(1, "live");
    hears_text(2, "live", 6);
    hears_no_more(2);
    end();
}

/* --- Slow readers -------------------------------------------------------------------------------- */

static void who_is_too_slow_is_told_of_the_gap(void **state)
{
    (void)state;
    begin(LOG);
    joins(1, "fast", "");
    joins(2, "slow", "");
    has_heard(1);
    has_heard(2);
    says(1, "m1");
    is_full(2);
    says(1, "m2");
    says(1, "m3");
    hears_filled(1, 1, 3);
    hears_filled(2, 1, 1);
    hears_no_more(2);
    assert_int_equal(closed_code(2), 0);
    drains(2);
    hears(2, "{\"type\":\"gap\",\"room\":\"general\",\"from\":2,\"to\":3,\"epoch\":\"e1\"}");
    says(1, "m4");
    hears_text(2, "m4", 4);
    hears_no_more(2);
    /* What it missed is there for the asking. */
    asks(2, "history.get", "h", "\"room\":\"general\",\"after\":1,\"limit\":2");
    turn();
    hears(2, "ack h \"room\":\"general\",\"messages\":[{\"seq\":2,\"ts\":1000,\"user\":\"fast\","
             "\"text\":\"m2\"},{\"seq\":3,\"ts\":1000,\"user\":\"fast\",\"text\":\"m3\"}],"
             "\"epoch\":\"e1\",\"top\":4,\"more\":true,\"next\":3");
    end();
}

/* One that is slow on its way in is not told of a gap: it goes on where it was. */
static void a_slow_way_in(void **state)
{
    (void)state;
    begin(LOG | DELIVER);
    fill_large(10, 40000); /* two fill a step */
    joins(1, "a", "");
    opens(2, "slow");
    asks(2, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":2}");
    turn();
    has_heard(2);
    leaves(2);
    opens(2, "slow");
    testhost_backlog(host, client[2], 1);
    asks(2, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":7}");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":7,\"top\":10,\"recovered\":true");
    hears_filled(2, 8, 9);
    hears_no_more(2);
    says(1, "m11");
    hears_no_more(2);
    others.fills = 2; /* it cannot take it after all */
    drains(2);
    assert_int_equal(others.fills, 0);
    hears_no_more(2);
    drains(2);
    hears_filled(2, 10, 11);
    hears_no_more(2);
    drains(2);
    says(1, "m12");
    hears_filled(2, 12, 12);
    end();
}

static void the_hooks_of_deliver(void **state)
{
    (void)state;
    begin(LOG | DELIVER);
    others.hides = "hidden";
    joins(1, "fast", "");
    joins(2, "slow", "");
    has_heard(1);
    has_heard(2);
    says(1, "m1");
    says(1, "hidden");
    hears_filled(1, 1, 1);
    hears_no_more(1);
    has_heard(2);
    is_full(2);
    says(1, "m3");
    says(1, "m4");
    drains(2);
    hears(2, "{\"type\":\"gap\",\"room\":\"general\",\"from\":3,\"to\":4,\"epoch\":\"e1\"}");
    says(1, "m5");
    hears_filled(2, 5, 5);
    asks(2, "history.get", "h", "\"room\":\"general\",\"limit\":1,\"before\":3");
    turn();
    hears(2, "ack h \"room\":\"general\",\"messages\":[],\"epoch\":\"e1\",\"top\":5,\"more\":true,"
             "\"next\":2"); /* nothing to see, and further on there is something */
    asks(2, "history.get", "h", "\"room\":\"general\",\"limit\":4,\"before\":2");
    turn();
    hears(2, "ack h \"room\":\"general\",\"messages\":[{\"seq\":1,\"ts\":1000,\"user\":\"fast\","
             "\"text\":\"m1\"}],\"epoch\":\"e1\",\"top\":5,\"more\":false");
    end();
}

/* --- New epochs ---------------------------------------------------------------------------------- */

static void a_reset_that_voids_something(void **state)
{
    (void)state;
    begin(LOG);
    joins(1, "a", "");
    upgrades(3, "classic", "general");
    turn();
    has_heard(1);
    says(1, "m1");
    says(1, "m2");
    says(1, "m3");
    hears_filled(1, 1, 3);
    joins(2, "at-one", "{\"epoch\":\"e1\",\"seq\":1}");
    has_heard(2);
    fake_log_reset(&store, "e2", 2);
    hears(1, "{\"type\":\"reset\",\"room\":\"general\",\"epoch\":\"e2\",\"seq\":2}");
    hears(2, "{\"type\":\"reset\",\"room\":\"general\",\"epoch\":\"e2\",\"seq\":2}");
    assert_int_equal(closed_code(3), 4001); /* classic starts again */
    says(1, "new");
    hears_text(1, "new", 3);
    hears_text(2, "new", 3);
    hears_no_more(1);
    /* Positions of the old life are good up to where both are one. */
    joins(4, "d", "{\"epoch\":\"e1\",\"seq\":2}");
    hears(4, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":2,\"top\":3,\"recovered\":true");
    hears_text(4, "new", 3);
    joins(5, "e", "{\"epoch\":\"e1\",\"seq\":3}");
    hears(5, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":0,\"top\":3,\"recovered\":false");
    end();
}

static void a_reset_that_voids_nothing(void **state)
{
    (void)state;
    begin(LOG);
    joins(1, "a", "");
    upgrades(3, "classic", "general");
    turn();
    says(1, "m1");
    has_heard(1);
    fake_log_reset(&store, "e2", 1);
    hears(1, "{\"type\":\"reset\",\"room\":\"general\",\"epoch\":\"e2\",\"seq\":1}");
    assert_int_equal(closed_code(3), 0);
    says(1, "m2");
    hears_text(1, "m2", 2);
    hears_no_more(1);
    end();
}

/* Told once it can take it, of the latest life, and of what is good through all of them. */
static void a_slow_reader_hears_of_two_resets(void **state)
{
    (void)state;
    begin(LOG);
    joins(1, "a", "");
    joins(2, "slow", "");
    says(1, "m1");
    says(1, "m2");
    says(1, "m3");
    has_heard(2);
    is_full(2);
    fake_log_reset(&store, "e2", 1);
    says(1, "n2");
    says(1, "n3");
    fake_log_reset(&store, "e3", 3);
    says(1, "o4");
    hears_no_more(2);
    drains(2);
    turn();
    drains(2);
    hears(2, "{\"type\":\"reset\",\"room\":\"general\",\"epoch\":\"e3\",\"seq\":1}");
    hears_text(2, "n2", 2);
    hears_text(2, "n3", 3);
    hears_text(2, "o4", 4);
    says(1, "o5");
    hears_text(2, "o5", 5);
    hears_no_more(2);
    end();
}

/* The first life is known from the page: the room was not here when it ended. */
static void an_old_position_and_a_cold_room(void **state)
{
    (void)state;
    begin(LOG);
    fill(5);
    fake_log_reset(&store, "e2", 5);
    fill(1); /* as 6 */
    joins(1, "a", "{\"epoch\":\"e1\",\"seq\":5}");
    hears(1, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":5,\"top\":6,\"recovered\":true");
    joins(2, "b", "{\"epoch\":\"e1\",\"seq\":6}");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":3,\"top\":6,\"recovered\":false");
    end();
}

/* What fills a page by its size alone is the page: nobody could come in else. */
static void a_page_that_the_store_cut(void **state)
{
    int i;

    (void)state;
    begin(LOG);
    fill(10);
    store.page_max = 2;
    joins(1, "a", "");
    hears(1,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":8,\"top\":10,\"recovered\":false");
    hears_filled(1, 9, 10);
    joins(2, "b", "{\"epoch\":\"e1\",\"seq\":4}");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":4,\"top\":10,\"recovered\":true");
    for (i = 0; i < 5; i++) {
        drains(2);
        turn();
    }
    hears_filled(2, 5, 10);
    hears_no_more(2);
    end();
}

static void a_record_on_its_way_takes_nobodys_place(void **state)
{
    (void)state;
    begin(LOG);
    fill(6);
    joins(1, "a", "");
    has_heard(1);
    fake_log_reset(&store, "e2", 5); /* the ring is empty now */
    fill(1);                         /* as 6: not delivered yet */
    opens(2, "b");
    asks(2, "room.join", "j", "\"room\":\"general\"");
    fake_log_answer(&store); /* which the subscription has not told of yet */
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":2,\"top\":5,\"recovered\":false");
    hears_filled(2, 3, 5);
    turn();
    hears_text(2, "m1", 6);
    hears_no_more(2);
    end();
}

/* The log takes a turn while what was missed is read: the latest page all the same. */
static void a_resume_into_a_reset(void **state)
{
    (void)state;
    begin(LOG);
    fill(7);
    joins(1, "a", "");
    opens(2, "b");
    asks(2, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":1}");
    fake_log_reset(&store, "e2", 5);
    turn();
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":1,\"top\":5,\"recovered\":true");
    hears_filled(2, 2, 5);
    opens(3, "c");
    asks(3, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e2\",\"seq\":0}");
    fake_log_reset(&store, "e3", 4);
    fake_log_reset(&store, "e4", 3); /* e2 is forgotten */
    turn();
    hears(3, "ack j \"room\":\"general\",\"epoch\":\"e4\",\"seq\":0,\"top\":3,\"recovered\":false");
    hears_filled(3, 1, 3);
    end();
}

/* Ahead of the room, and what it is ahead of is trimmed away. */
static void ahead_of_a_trim(void **state)
{
    (void)state;
    begin(LOG);
    fill(3);
    joins(1, "a", "");
    fill(2);
    opens(2, "b");
    asks(2, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":5}");
    fake_log_answer(&store); /* which the subscription has not told of yet */
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":5,\"top\":5,\"recovered\":true");
    fill(2);
    fake_log_trim(&store, 4, 7);
    turn();
    drains(2);
    hears(2, "{\"type\":\"gap\",\"room\":\"general\",\"from\":6,\"to\":7,\"epoch\":\"e1\"}");
    assert_int_equal(general()->n_ahead, 0);
    end();
}

/* The store's new life is seen by a joiner's read before the subscription is told of it: the joiner
 * waits for that, and not for ever. */
static void a_joiner_who_knows_first(void **state)
{
    (void)state;
    begin(LOG);
    fill(5);
    joins(1, "a", "");
    has_heard(1);
    config.history_on_join = 5; /* more than the ring has: the next one reads */
    store.epoch = "e2";
    store.previous = "e1";
    store.common = 5;
    joins(2, "b", "");
    joins(3, "c", "");
    hears_no_more(2);
    store.epoch = "e1";
    fake_log_reset(&store, "e2", 5);
    turn();
    hears(1, "{\"type\":\"reset\",\"room\":\"general\",\"epoch\":\"e2\",\"seq\":5}");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":0,\"top\":5,\"recovered\":false");
    hears_filled(2, 1, 5);
    hears(3, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":0,\"top\":5,\"recovered\":false");

    config.history_on_join = 6;
    store.n_trimmed = 0;
    store.epoch = "e3";
    ring_start(&general()->ring, 5);
    joins(4, "d", "");
    hears_no_more(4);
    testhost_advance(host, CHATD_LOG_DEADLINE_MS);
    hears(4, "error j unavailable");
    end();
}

/* It comes from a worker that heard of the new life first: it is not sent back to the old one. */
static void who_comes_from_a_later_epoch(void **state)
{
    (void)state;
    begin(LOG);
    fill(5);
    joins(1, "a", "");
    store.epoch = "e2";
    store.previous = "e1";
    store.common = 5;
    joins(2, "b", "{\"epoch\":\"e2\",\"seq\":4}");
    opens(3, "c"); /* the store has more than this worker */
    asks(3, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":6}");
    turn();
    hears_no_more(2);
    hears_no_more(3);
    store.epoch = "e1";
    fake_log_reset(&store, "e2", 5);
    turn();
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":4,\"top\":5,\"recovered\":true");
    hears_filled(2, 5, 5);
    hears(3, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":2,\"top\":5,\"recovered\":false");
    hears_filled(3, 3, 5);

    store.epoch = "e3"; /* and of which this worker does not hear in time */
    joins(4, "d", "{\"epoch\":\"e3\",\"seq\":1}");
    hears_no_more(4);
    testhost_advance(host, CHATD_LOG_DEADLINE_MS);
    hears(4, "error j unavailable");
    end();
}

/* The same while a member is on its way: the store is asked again until both are of one mind. */
static void a_walker_who_knows_first(void **state)
{
    (void)state;
    begin(LOG);
    fill_large(300, 400); /* a page of the store fills a step */
    joins(1, "a", "");
    opens(2, "b");
    testhost_backlog(host, client[2], 1);
    asks(2, "room.join", "j", "\"room\":\"general\",\"since\":{\"epoch\":\"e1\",\"seq\":0}");
    turn();
    hears(2,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":0,\"top\":300,\"recovered\":true");
    hears_filled(2, 1, 200);
    store.epoch = "e2";
    drains(2);
    turn();
    hears_no_more(2);
    testhost_advance(host, 1000); /* asked again: still ahead */
    turn();
    hears_no_more(2);
    store.epoch = "e1";
    fake_log_reset(&store, "e2", 300);
    turn();
    drains(2);
    turn();
    hears(2, "{\"type\":\"reset\",\"room\":\"general\",\"epoch\":\"e2\",\"seq\":200}");
    hears_filled(2, 201, 300);
    hears_no_more(2);
    end();
}

static void records_that_were_trimmed_before_they_came(void **state)
{
    (void)state;
    begin(LOG);
    joins(1, "a", "");
    upgrades(3, "classic", "general");
    turn();
    has_heard(1);
    says(1, "m1");
    hears_filled(1, 1, 1);
    fill(4);
    fake_log_trim(&store, 2, 3);
    hears(1, "{\"type\":\"gap\",\"room\":\"general\",\"from\":2,\"to\":3,\"epoch\":\"e1\"}");
    assert_int_equal(closed_code(3), 4001);
    turn();
    hears_text(1, "m3", 4);
    hears_text(1, "m4", 5);
    hears_no_more(1);
    end();
}

/* --- Pages over HTTP ------------------------------------------------------------------------------ */

static void pages_over_http(void **state)
{
    const struct testhost_answer *page;

    (void)state;
    begin(LOG);
    fill(60);
    page = testhost_answer(host, testhost_get(host, "/api/v1/rooms/general/messages"));
    turn();
    assert_int_equal(page->status, 200);
    assert_non_null(strstr(page->body.p, "{\"room\":\"general\",\"messages\":[{\"seq\":11,"));
    assert_int_equal(seen.join, 0);
    /* Who may not come in may not read either. */
    others.denies = "join";
    page = testhost_answer(host, testhost_get(host, "/api/v1/rooms/general/messages"));
    turn();
    assert_int_equal(page->status, 403);
    assert_non_null(strstr(page->body.p, "\"test.denied\""));
    assert_null(strstr(page->body.p, "messages"));
    end();
}

static void what_was_deleted_is_not_shown(void **state)
{
    int reads;

    (void)state;
    begin(LOG);
    fill(10);
    joins(1, "a", "");
    hears(1,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":7,\"top\":10,\"recovered\":false");
    hears_filled(1, 8, 10);
    fake_log_forget(&store, 8);
    hears_no_more(1); /* whoever has it keeps it */
    reads = store.n_ranges;
    joins(2, "b", "");
    hears(2,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":8,\"top\":10,\"recovered\":false");
    hears_filled(2, 9, 10);
    joins(3, "c", "{\"epoch\":\"e1\",\"seq\":8}");
    hears(3, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":8,\"top\":10,\"recovered\":true");
    hears_filled(3, 9, 10);
    assert_int_equal(store.n_ranges, reads); /* all of it from memory */
    joins(4, "d", "{\"epoch\":\"e1\",\"seq\":7}");
    hears(4,
          "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":8,\"top\":10,\"recovered\":false");
    hears_filled(4, 9, 10);
    end();
}

static void a_room_that_lost_everything_goes_on(void **state)
{
    (void)state;
    begin(LOG);
    fill(5);
    joins(1, "a", "");
    has_heard(1);
    fake_log_forget(&store, 5);
    joins(2, "b", "");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":5,\"top\":5,\"recovered\":false");
    joins(3, "c", "{\"epoch\":\"e1\",\"seq\":5}");
    hears(3, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":5,\"top\":5,\"recovered\":true");
    joins(4, "d", "{\"epoch\":\"e1\",\"seq\":4}");
    hears(4, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":5,\"top\":5,\"recovered\":false");
    says(1, "anew");
    for (int c = 1; c <= 4; c++) {
        hears_text(c, "anew", 6);
        hears_no_more(c);
    }
    end();
}

/* The store deleted what a page on its way to the ring still holds. */
static void a_page_that_was_overtaken(void **state)
{
    (void)state;
    begin(LOG);
    fill(6);
    joins(1, "a", "");
    config.history_on_join = 6; /* more than the ring has: the next one reads */
    opens(2, "b");
    asks(2, "room.join", "j", "\"room\":\"general\"");
    assert_int_equal(store.n_ranges, 2);
    fake_log_forget(&store, 5);
    store.n_trimmed = 0; /* what the page was read from */
    turn();
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e1\",\"seq\":5,\"top\":6,\"recovered\":false");
    hears_filled(2, 6, 6);
    hears_no_more(2);
    end();
}

/* After a reset that counts anew, the numbers below the old border are other records. */
static void deleted_numbers_that_are_given_out_again(void **state)
{
    (void)state;
    begin(LOG);
    fill(6);
    joins(1, "a", "");
    fake_log_forget(&store, 5);
    fake_log_reset(&store, "e2", 0);
    store.n_trimmed = 0;
    has_heard(1);
    says(1, "anew");
    hears_text(1, "anew", 1);
    joins(2, "b", "");
    hears(2, "ack j \"room\":\"general\",\"epoch\":\"e2\",\"seq\":0,\"top\":1,\"recovered\":false");
    hears_text(2, "anew", 1);
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation),
        cmocka_unit_test(requests_that_are_refused),
        cmocka_unit_test(sending_while_joining),
        cmocka_unit_test(one_that_asks_for_much_at_once),
        cmocka_unit_test(a_store_that_is_away),
        cmocka_unit_test(without_a_log),
        cmocka_unit_test(resuming),
        cmocka_unit_test(too_much_was_missed),
        cmocka_unit_test(a_long_way_back),
        cmocka_unit_test(ahead_of_this_worker),
        cmocka_unit_test(who_is_too_slow_is_told_of_the_gap),
        cmocka_unit_test(a_slow_way_in),
        cmocka_unit_test(the_hooks_of_deliver),
        cmocka_unit_test(a_reset_that_voids_something),
        cmocka_unit_test(a_reset_that_voids_nothing),
        cmocka_unit_test(a_slow_reader_hears_of_two_resets),
        cmocka_unit_test(an_old_position_and_a_cold_room),
        cmocka_unit_test(a_page_that_the_store_cut),
        cmocka_unit_test(a_record_on_its_way_takes_nobodys_place),
        cmocka_unit_test(a_resume_into_a_reset),
        cmocka_unit_test(ahead_of_a_trim),
        cmocka_unit_test(a_joiner_who_knows_first),
        cmocka_unit_test(who_comes_from_a_later_epoch),
        cmocka_unit_test(a_walker_who_knows_first),
        cmocka_unit_test(records_that_were_trimmed_before_they_came),
        cmocka_unit_test(what_was_deleted_is_not_shown),
        cmocka_unit_test(a_room_that_lost_everything_goes_on),
        cmocka_unit_test(a_page_that_was_overtaken),
        cmocka_unit_test(deleted_numbers_that_are_given_out_again),
        cmocka_unit_test(pages_over_http),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
