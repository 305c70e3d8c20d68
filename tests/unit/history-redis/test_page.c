/* SPDX-License-Identifier: MIT */
/* Reading what the script `range` gives, by way of hiredis' parser. */
#include "page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static redisReply *parse(redisReader *reader, const char *wire)
{
    void *reply = NULL;

    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    return reply;
}

static void test_a_page(void **state)
{
    struct chatd_log_record records[8];
    redisReader *reader = redisReaderCreate();
    struct page page;
    redisReply *reply =
        parse(reader, "*8\r\n$2\r\ne2\r\n$2\r\ne1\r\n$1\r\n3\r\n$1\r\n9\r\n:1\r\n$1\r\n7\r\n"
                      "$26\r\n{\"seq\":7,\"ts\":70,\"a\":true}\r\n$14\r\n{\"user\":\"old\"}\r\n");

    (void)state;
    assert_true(page_read(reply, records, &page));
    assert_memory_equal(page.epoch.p, "e2", 2);
    assert_memory_equal(page.previous.p, "e1", 2);
    assert_true(page.common == 3 && page.top == 9 && page.more && page.n == 2);
    assert_true(records[0].seq == 7 && records[0].ts == 70);
    assert_memory_equal(records[0].record.p, "{\"a\":true}", records[0].record.n);
    assert_true(records[1].seq == 8 && records[1].ts == 0 && records[1].record.n == 14);
    freeReplyObject(reply);
    redisReaderFree(reader);
}

static void test_what_is_no_page(void **state)
{
    static const char *const bad[] = {
        "+OK\r\n",
        "*0\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*5\r\n$1\r\ne\r\n$0\r\n\r\n$1\r\n0\r\n$1\r\n0\r\n:0\r\n",
        "*6\r\n$0\r\n\r\n$0\r\n\r\n$1\r\n0\r\n$1\r\n0\r\n:0\r\n$1\r\n1\r\n",
        "*6\r\n$1\r\ne\r\n$0\r\n\r\n$1\r\nx\r\n$1\r\n0\r\n:0\r\n$1\r\n1\r\n",
        "*6\r\n$1\r\ne\r\n$0\r\n\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n1\r\n",
        "*7\r\n$1\r\ne\r\n$0\r\n\r\n$1\r\n0\r\n$1\r\n0\r\n:0\r\n$1\r\n1\r\n$-1\r\n",
    };
    struct chatd_log_record records[8];
    struct page page;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        redisReader *reader = redisReaderCreate();
        redisReply *reply = parse(reader, bad[i]);

        if (page_read(reply, records, &page))
            fail_msg("%s", bad[i]);
        freeReplyObject(reply);
        redisReaderFree(reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_page),
                                       cmocka_unit_test(test_what_is_no_page)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
