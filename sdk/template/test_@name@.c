/* SPDX-License-Identifier: MIT */
/* Unit tests of @name@: no server, no socket. chatd/testhost.h says what else can be tested so. */
#undef NDEBUG
#include <assert.h>
#include <chatd/testhost.h>
#include <stdio.h>
#include <string.h>

static struct testhost *start(const char *options)
{
    struct testhost *t = testhost_new(&chatd_plugin_v1);

    assert(testhost_init(t, options) == CHATD_OK);
    assert(testhost_start(t) == CHATD_OK);
    return t;
}

static void test_length(void)
{
    struct testhost *t = start("longest = 5");
    chatd_conn ann = testhost_connect(t, &(struct testhost_client){.user = "ann"});
    const struct testhost_outcome *said = testhost_say(t, ann, "general", "12345");

    assert(said->verdict == CHATD_NEXT);
    said = testhost_say(t, ann, "general", "123456");
    assert(said->verdict == CHATD_DENY && strcmp(said->code, "@name@.too_long") == 0);
    assert(testhost_metric(t, "refused_total", NULL) == 1);
    assert(testhost_free(t) == 0); /* no rule of the SDK was broken */
}

static void test_verb_and_route(void)
{
    struct testhost *t = start("");
    chatd_conn ann = testhost_connect(t, &(struct testhost_client){.user = "ann"});

    testhost_verb(t, ann, "@name@.ask", "1", "");
    assert(strcmp(testhost_next_text(t, ann), "{\"type\":\"ack\",\"id\":\"1\",\"longest\":200}") ==
           0);
    testhost_say(t, ann, "general", "hello");
    const struct testhost_answer *answer = testhost_answer(t, testhost_get(t, "/api/v1/@name@"));

    assert(answer->status == 200);
    assert(strcmp(answer->body.p, "{\"longest\":200,\"passed\":1}") == 0);
    assert(testhost_free(t) == 0);
}

static void test_reload(void)
{
    struct testhost *t = start("longest = 5");

    assert(testhost_reload(t, "longest = 7") == CHATD_OK);
    assert(testhost_say(t, (chatd_conn){0}, "general", "123456")->verdict == CHATD_NEXT);
    assert(testhost_reload(t, "longest = 0") == CHATD_E_INVAL); /* as chatd --check would say */
    assert(testhost_free(t) == 0);
}

int main(void)
{
    test_length();
    test_verb_and_route();
    test_reload();
    puts("ok");
    return 0;
}
