/* SPDX-License-Identifier: MIT */
/* Records and the classic frames made from them, byte for byte. */
#include "classic_frame.h"
#include "out.h"
#include "record.h"
#include "v1_frame.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static chatd_str str(const char *s)
{
    return (chatd_str){s, strlen(s)};
}

/* The text is this one; frees it. */
static void expect(char *text, size_t n, const char *wanted)
{
    assert_non_null(text);
    assert_int_equal(n, strlen(text));
    assert_string_equal(text, wanted);
    free(text);
}

static void a_record_has_a_cid_if_there_is_one(void **state)
{
    size_t n = 0;
    char *p;

    (void)state;
    p = record_write(str("alice"), str("general"), str("Hello"), str(""), 0, &n);
    expect(p, n, "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"Hello\"}");
    p = record_write(str("alice"), str("general"), str("Hello"), str("c1"), 0, &n);
    expect(p, n, "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"Hello\",\"cid\":\"c1\"}");
    p = record_write(str("alice"), str("general"), str("Hello"), str(""), 1790000000000, &n);
    expect(p, n,
           "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"Hello\",\"ts\":1790000000000}");
}

static void what_is_written_is_read_back(void **state)
{
    static const char *const texts[] = {"plain", "\"quotes\" \\ and\n\t\r lines", "\x01\x1f\x7f",
                                        "\xe2\x80\xa8 \xe2\x80\xa9", "\xf0\x9f\x98\x80"};
    size_t i, n = 0;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *p = record_write(str("\"a\\"), str("r"), str(texts[i]), str("\"c"), 0, &n);
        struct record record;

        assert_true(record_open((chatd_str){p, n}, &record));
        assert_string_equal(record.user.p, "\"a\\");
        assert_string_equal(record.text.p, texts[i]);
        assert_string_equal(record.cid.p, "\"c");
        record_close(&record);
        free(p);
    }
}

/* The worst case of the buffer's arithmetic: everything is escaped. */
static void every_byte_may_need_six(void **state)
{
    char text[512];
    size_t n = 0;
    char *p;
    struct record record = {.kind = CHATD_STR("")};

    (void)state;
    memset(text, 1, sizeof(text));
    p = record_write((chatd_str){text, 64}, (chatd_str){text, 64}, (chatd_str){text, 512},
                     (chatd_str){text, 64}, INT64_MAX, &n);
    assert_non_null(p);
    free(p);
    record.user = record.text = (chatd_str){text, sizeof(text)};
    p = classic_message((chatd_str){text, 64}, &record, UINT64_MAX >> 1, INT64_MAX, &n);
    assert_non_null(p);
    free(p);
}

static void numbers(void **state)
{
    static const int64_t row[] = {0, 7, -1, 10, 1790000000000, INT64_MAX, INT64_MIN};
    char expected[32];
    struct out out;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        assert_int_equal(out_init(&out, OUT_NUMBER_MAX), CHATD_OK);
        out_number(&out, row[i]);
        snprintf(expected, sizeof(expected), "%" PRId64, row[i]);
        assert_string_equal(out.p, expected);
        out_free(&out);
    }
}

static void records_of_others(void **state)
{
    static const char *const not_records[] = {
        "",
        "[]",
        "{}",
        "{\"user\":\"a\"}",
        "{\"user\":1,\"text\":\"x\"}",
        "{\"user\":\"a\",\"text\":\"x\",\"kind\":7}",
        "{\"user\":\"a\",\"text\":\"x\"} ",
        "{\"user\":\"a\",\"user\":\"b\",\"text\":\"x\"}",
    };
    struct record record;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(not_records) / sizeof(not_records[0]); i++) {
        bool is_record = record_open(str(not_records[i]), &record);

        if (is_record)
            record_close(&record);
        /* white space after the object is fine */
        assert_int_equal(is_record, i == 6);
    }
    /* as the seed wrote them */
    assert_true(record_open(
        str("{\"user\":\"bob\",\"room\":\"general\",\"text\":\"old\",\"typing\":false}"), &record));
    assert_string_equal(record.user.p, "bob");
    assert_int_equal(record.cid.n, 0);
    assert_int_equal(record.kind.n, 0);
    record_close(&record);
    /* of kinds that are yet to come: they may be about another record, and need no text */
    assert_true(record_open(str("{\"user\":\"a\",\"kind\":\"deletion\",\"ref\":7}"), &record));
    assert_string_equal(record.kind.p, "deletion");
    assert_int_equal(record.ref, 7);
    assert_int_equal(record.text.n, 0);
    record_close(&record);
    assert_true(record_open(str("{\"user\":\"a\",\"text\":\"x\",\"ref\":7}"), &record));
    assert_int_equal(record.ref, 0); /* a message is about nothing */
    record_close(&record);
}

static void v1_frames(void **state)
{
    struct record record = {.user = str("alice"), .text = str("Hello"), .cid = str("c\"1")};
    size_t n = 0;
    char *p;

    (void)state;
    p = v1_message(str("general"), &record, 42, 1790000000000, &n);
    expect(p, n,
           "{\"type\":\"message\",\"room\":\"general\",\"seq\":42,\"ts\":1790000000000,"
           "\"user\":\"alice\",\"text\":\"Hello\",\"cid\":\"c\\\"1\"}");
    record.cid = str("");
    p = v1_message(str("general"), &record, 0, 0, &n);
    expect(p, n,
           "{\"type\":\"message\",\"room\":\"general\",\"user\":\"alice\",\"text\":\"Hello\"}");
    record.kind = str("edit");
    record.ref = 7;
    p = v1_message(str("general"), &record, 8, 0, &n);
    expect(p, n,
           "{\"type\":\"message\",\"room\":\"general\",\"seq\":8,\"user\":\"alice\","
           "\"text\":\"Hello\",\"kind\":\"edit\",\"ref\":7}");
    p = v1_signal(str("general"), str("bob"), str("typing"), true, &n);
    expect(p, n, "{\"type\":\"typing\",\"room\":\"general\",\"user\":\"bob\",\"typing\":true}");
    p = v1_gap(str("r"), str("e"), 3, 9, &n);
    expect(p, n, "{\"type\":\"gap\",\"room\":\"r\",\"from\":3,\"to\":9,\"epoch\":\"e\"}");
    p = v1_reset(str("r"), str("e"), 3, &n);
    expect(p, n, "{\"type\":\"reset\",\"room\":\"r\",\"epoch\":\"e\",\"seq\":3}");
    p = v1_joined(str("r"), str("e"), 3, 9, true, &n);
    expect(p, n, "\"room\":\"r\",\"epoch\":\"e\",\"seq\":3,\"top\":9,\"recovered\":true");
    p = v1_joined(str("r"), str(""), 0, 0, false, &n);
    expect(p, n, "\"room\":\"r\",\"recovered\":false");
    p = v1_sent(str("r"), str("c"), 3, 5, false, &n);
    expect(p, n, "\"room\":\"r\",\"seq\":3,\"ts\":5,\"cid\":\"c\"");
    p = v1_sent(str("r"), str(""), 3, 0, true, &n);
    expect(p, n, "\"room\":\"r\",\"seq\":3,\"duplicate\":true");
}

/* The longest of everything, all of it escaped: the writer's own assertions tell of a short buffer. */
static void v1_frames_at_their_longest(void **state)
{
    static char longest[65536];
    struct record record = {.user = {longest, 256},
                            .text = {longest, 65535},
                            .cid = {longest, 64},
                            .kind = {longest, 256},
                            .ref = UINT64_MAX / 2};
    chatd_str room = {longest, 64}, epoch = {longest, 64};
    struct out out;
    size_t n;

    (void)state;
    memset(longest, 1, sizeof(longest) - 1);
    free(v1_message(room, &record, INT64_MAX, INT64_MAX, &n));
    free(v1_signal(room, record.user, record.kind, false, &n));
    free(v1_gap(room, epoch, INT64_MAX, INT64_MAX, &n));
    free(v1_reset(room, epoch, INT64_MAX, &n));
    free(v1_joined(room, epoch, INT64_MAX, INT64_MAX, false, &n));
    free(v1_sent(room, record.cid, INT64_MAX, INT64_MAX, true, &n));
    assert_int_equal(out_init(&out, v1_row_max(&record)), CHATD_OK);
    v1_row(&out, &record, INT64_MAX, INT64_MAX);
    assert_int_equal(out_reserve(&out, 10), CHATD_OK);
    out_raw(&out, CHATD_STR("0123456789"));
    out_free(&out);
}

static void classic_frames(void **state)
{
    struct record record = {.user = str("alice"), .text = str("Hello"), .cid = str("never shown")};
    struct refusal why = {"too_large", "Say \"less\".", 0};
    size_t n = 0;
    char *p;

    (void)state;
    p = classic_message(str("general"), &record, 42, 1790000000000, &n);
    expect(p, n,
           "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"Hello\",\"typing\":false,"
           "\"seq\":42,\"ts\":1790000000000}");
    p = classic_message(str("general"), &record, 7, 0, &n);
    expect(p, n,
           "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"Hello\",\"typing\":false,"
           "\"seq\":7}");
    p = classic_message(str("general"), &record, 0, 5, &n);
    expect(p, n,
           "{\"user\":\"alice\",\"room\":\"general\",\"text\":\"Hello\",\"typing\":false,"
           "\"ts\":5}");
    p = classic_typing(str("general"), str("bob"), &n);
    expect(p, n, "{\"user\":\"bob\",\"room\":\"general\",\"text\":\"\",\"typing\":true}");
    p = classic_error(str("r"), &why, &n);
    expect(p, n,
           "{\"user\":\"\",\"room\":\"r\",\"text\":\"\",\"typing\":false,"
           "\"error\":{\"code\":\"too_large\",\"message\":\"Say \\\"less\\\".\"}}");
}

static void what_clients_say(void **state)
{
    static const struct {
        const char *frame, *text;
        bool is_typing;
    } good[] = {
        {"{\"text\":\"Hello\",\"typing\":false}", "Hello", false},
        {"{\"text\":\"Hello\"}", "Hello", false},
        {"{\"user\":1,\"room\":[],\"text\":\"x\"}", "x", false},
        {"{\"typing\":true}", "", true},
        {"{\"text\":\"\",\"typing\":true}", "", true},
        {"{\"text\":null,\"typing\":true}", "", true},
        {"{\"text\":\"x\",\"typing\":true}", "x", false},
        {"{\"typing\":false}", "", false},
        {"{}", "", false},
    };
    static const struct {
        const char *frame, *says;
    } bad[] = {
        {"", "JSON"},
        {"hello", "JSON"},
        {"[]", "object"},
        {"\"text\"", "JSON"},
        {"{\"text\":5}", "\"text\""},
        {"{\"text\":{},\"typing\":true}", "\"text\""},
        {"{\"typing\":\"true\"}", "\"typing\""},
        {"{\"text\":\"a\",\"typing\":1}", "\"typing\""},
        {"{\"text\":\"a\",\"text\":\"b\"}", "twice"},
        {"{\"text\":\"a\\u0000\"}", "NUL"},
        {"{\"text\":\"a\"}{}", "JSON"},
    };
    struct classic_in in;
    struct refusal why;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(classic_in_open(str(good[i].frame), &in, &why));
        assert_string_equal(in.text.p, good[i].text);
        assert_int_equal(in.is_typing, good[i].is_typing);
        classic_in_close(&in);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(classic_in_open(str(bad[i].frame), &in, &why));
        assert_string_equal(why.code, "bad_request");
        assert_non_null(strstr(why.text, bad[i].says));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_a_cid_if_there_is_one),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(every_byte_may_need_six),
        cmocka_unit_test(numbers),
        cmocka_unit_test(records_of_others),
        cmocka_unit_test(classic_frames),
        cmocka_unit_test(v1_frames),
        cmocka_unit_test(v1_frames_at_their_longest),
        cmocka_unit_test(what_clients_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
