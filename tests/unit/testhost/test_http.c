/* SPDX-License-Identifier: MIT */
/* Requests, and what is lent for them. */
#include "plugin.h"

#include <stdio.h>

static chatd_req later;
static chatd_str kept;

static void on_item(chatd_plugin *self, chatd_req req)
{
    struct chatd_request info = {.size = sizeof(info)};
    chatd_str id, color, token, cookie;
    char body[200];

    assert_int_equal(chatd_request(self, req, &info), CHATD_OK);
    assert_int_equal(chatd_req_param(self, req, "id", &id), CHATD_OK);
    assert_int_equal(chatd_req_query(self, req, "color", &color), CHATD_OK);
    assert_int_equal(chatd_req_header(self, req, "x-token", &token), CHATD_OK);
    assert_int_equal(chatd_req_cookie(self, req, "session", &cookie), CHATD_OK);
    assert_int_equal(chatd_req_header(self, req, "absent", &token), CHATD_E_NOTFOUND);
    assert_int_equal(chatd_req_header(self, req, "twice", &token), CHATD_E_INVAL);
    snprintf(body, sizeof(body), "%s %s %s %s %s %s", id.p, color.p, token.p, cookie.p, info.user.p,
             info.address.p);
    const struct chatd_header header = {"X-Answer", "yes"};
    const struct chatd_reply reply = {.size = sizeof(reply),
                                      .status = 201,
                                      .content_type = "text/plain",
                                      .body = {body, strlen(body)},
                                      .headers = &header,
                                      .n_headers = 1,
                                      .header_stride = sizeof(header)};

    kept = id;
    assert_int_equal(chatd_reply(self, req, &reply), CHATD_OK);
    assert_int_equal(chatd_reply(self, req, &reply), CHATD_E_GONE);
}

static void on_later(chatd_plugin *self, chatd_req req)
{
    (void)self;
    later = req;
}

static void on_post(chatd_plugin *self, chatd_req req)
{
    struct chatd_request info = {.size = sizeof(info)};

    assert_int_equal(chatd_request(self, req, &info), CHATD_OK);
    chatd_reply_json(self, req, 200, info.body);
}

static chatd_wait http_wait;

static enum chatd_verdict on_http(chatd_plugin *self, struct chatd_ev_http *ev)
{
    if (strcmp(ev->path.p, "/named") == 0)
        return chatd_req_identify(self, ev->ev.req, CHATD_STR("ann"), 0) == CHATD_OK ? CHATD_NEXT
                                                                                     : CHATD_DENY;
    if (strcmp(ev->path.p, "/waiting") == 0)
        return chatd_ev_wait(self, &ev->ev, 1000, NULL, NULL, &http_wait) == CHATD_OK ? CHATD_WAIT
                                                                                      : CHATD_DENY;
    if (strcmp(ev->path.p, "/limited") == 0)
        return chatd_deny_for(self, &ev->ev, "rate_limited", "Later.", 1500);
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    static const struct chatd_route_def routes[] = {
        {.size = sizeof(routes[0]), .method = "GET", .pattern = "/items/{id}", .handle = on_item},
        {.size = sizeof(routes[0]), .method = "GET", .pattern = "/later", .handle = on_later},
        {.size = sizeof(routes[0]), .method = "GET", .pattern = "/limited", .handle = on_later},
        {.size = sizeof(routes[0]),
         .flags = CHATD_ROUTE_JSON,
         .method = "POST",
         .pattern = "/post",
         .max_body = 10,
         .handle = on_post},
    };

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        assert_int_equal(chatd_route(self, &routes[i]), CHATD_OK);
    return chatd_on_http(self, CHATD_CHECK, on_http);
}

static int setup(void **state)
{
    *state = host_with(init);
    return 0;
}

static int teardown(void **state)
{
    return testhost_free(*state);
}

static int status(struct testhost *t, const char *method, const char *target, const char *type,
                  const char *body)
{
    chatd_req req = testhost_request(
        t, &(struct testhost_http){
               .method = method, .target = target, .headers = type, .body = {body, strlen(body)}});

    return testhost_answer(t, req)->status;
}

static void test_what_a_request_says(void **state)
{
    struct testhost *t = *state;
    chatd_req req = testhost_request(
        t, &(struct testhost_http){.target = "/items/a%20b?color=deep+red&x=1",
                                   .headers = "X-Token: abc\nCookie: a=1; session=xyz\n"
                                              "Twice: 1\nTwice: 2\n",
                                   .user = "ann",
                                   .address = "203.0.113.9"});
    const struct testhost_answer *answer = testhost_answer(t, req);

    assert_int_equal(answer->status, 201);
    assert_string_equal(answer->body.p, "a b deep red abc xyz ann 203.0.113.9");
    assert_string_equal(answer->content_type, "text/plain");
    assert_string_equal(answer->headers, "X-Answer: yes\n");
}

static void test_no_route(void **state)
{
    assert_int_equal(status(*state, "GET", "/nowhere", NULL, ""), 404);
    assert_int_equal(status(*state, "GET", "/post", NULL, ""), 405);
    assert_int_equal(
        status(*state, "POST", "/post", "Content-Type: application/json", "01234567890"), 413);
    assert_int_equal(status(*state, "POST", "/post", "Content-Type: text/plain", "{}"), 415);
    assert_int_equal(status(*state, "POST", "/post", "Content-Type: application/json", "{}"), 200);
    assert_int_equal(status(*state, "GET", "/items/%zz", NULL, ""), 400);
}

static void test_refused_by_the_event(void **state)
{
    const struct testhost_answer *answer =
        testhost_answer(*state, testhost_get(*state, "/limited"));

    assert_int_equal(answer->status, 429);
    assert_string_equal(answer->headers, "Retry-After: 2\n");
    assert_string_equal(answer->body.p,
                        "{\"error\":{\"code\":\"rate_limited\",\"message\":\"Later.\"}}");
}

static void test_answered_later(void **state)
{
    struct testhost *t = *state;
    chatd_req req = testhost_get(t, "/later");

    assert_int_equal(testhost_answer(t, req)->status, 0);
    assert_int_equal(chatd_reply_error(testhost_self(t), later, 0, "conflict", "No.", 0), CHATD_OK);
    assert_int_equal(testhost_answer(t, req)->status, 409);
}

static void test_answers_that_are_none(void **state)
{
    static const struct chatd_reply replies[] = {
        {.size = sizeof(replies[0]), .status = 199},
        {.size = sizeof(replies[0]), .status = 600},
        {.size = sizeof(replies[0]), .status = 200, .n_headers = 1},
    };
    const struct chatd_reply no_size = {.status = 200};
    struct testhost *t = *state;
    chatd_plugin *self = testhost_self(t);
    chatd_req req = testhost_get(t, "/later");

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        assert_int_equal(chatd_reply(self, later, &replies[i]), CHATD_E_INVAL);
        only_fault(t, "answers with status");
    }
    assert_int_equal(chatd_reply(self, later, &no_size), CHATD_E_INVAL);
    only_fault(t, "gives chatd_reply() a record of 0 bytes");
    assert_int_equal(chatd_reply_error(self, later, 200, "conflict", "No.", 0), CHATD_E_INVAL);
    only_fault(t, "answers an error with status 200");
    assert_int_equal(chatd_reply_error(self, later, 0, NULL, "No.", 0), CHATD_E_INVAL);
    only_fault(t, "without a code");
    assert_int_equal(testhost_answer(t, req)->status, 0);
    testhost_leave(t, req);
}

static void test_client_that_leaves(void **state)
{
    struct testhost *t = *state;
    chatd_req req = testhost_get(t, "/later");

    testhost_leave(t, req);
    assert_int_equal(chatd_reply_json(testhost_self(t), later, 200, CHATD_STR("{}")), CHATD_E_GONE);
    assert_int_equal(testhost_answer(t, req)->status, 0);
}

static void test_never_answered(void **state)
{
    struct testhost *t = *state;
    chatd_req req = testhost_get(t, "/later");

    testhost_advance(t, 30000);
    assert_int_equal(testhost_answer(t, req)->status, 504);
    only_fault(t, "did not answer GET /later within");
    testhost_get(t, "/later");
    testhost_stop(t);
    only_fault(t, "did not answer GET /later before it was stopped");
}

/* There only with AddressSanitizer. */
int __asan_address_is_poisoned(const volatile void *p) __attribute__((weak));

static void test_kept_pointer(void **state)
{
    test_what_a_request_says(state);
    if (__asan_address_is_poisoned != NULL)
        assert_true(__asan_address_is_poisoned(kept.p));
    else
        assert_memory_equal(kept.p, "\xa5\xa5\xa5\xa5", kept.n + 1);
}

static void test_write_after_the_call(void **state)
{
    struct testhost *t;

    (void)state;
    if (__asan_address_is_poisoned != NULL)
        skip(); /* it would be reported here, which is better */
    t = host_with(init);
    testhost_request(t, &(struct testhost_http){.target = "/items/x?color=1",
                                                .headers = "X-Token: a\nCookie: session=1\n"
                                                           "Twice: 1\nTwice: 2\n"});
    *(char *)(uintptr_t)kept.p = 'x';
    assert_int_equal(testhost_free(t), 1);
}

static int init_clash(chatd_plugin *self)
{
    struct chatd_route_def def = {
        .size = sizeof(def), .method = "GET", .pattern = "/a/{x}", .handle = on_later};

    assert_int_equal(chatd_route(self, &def), CHATD_OK);
    def.pattern = "/a/{y}";
    assert_int_equal(chatd_route(self, &def), CHATD_E_EXISTS);
    def.pattern = "a";
    assert_int_equal(chatd_route(self, &def), CHATD_E_INVAL);
    def.pattern = "/b";
    def.method = "get";
    assert_int_equal(chatd_route(self, &def), CHATD_E_INVAL);
    def.method = "GET";
    def.size = 0;
    assert_int_equal(chatd_route(self, &def), CHATD_E_INVAL);
    return CHATD_OK;
}

static void test_bad_routes(void **state)
{
    struct testhost *t = host_with(init_clash);

    (void)state;
    assert_int_equal(testhost_excuse(t, "clashes with its own GET /a/{x}"), 1);
    assert_int_equal(testhost_excuse(t, "without a method of the list"), 1);
    assert_int_equal(testhost_excuse(t, "gives chatd_route() a record of 0 bytes"), 1);
    only_fault(t, "\"a\" is not a route pattern");
    assert_int_equal(testhost_free(t), 0);
}

static void test_routes_of_others(void **state)
{
    struct testhost *t = host_with(init);
    const struct testhost_answer *answer;

    (void)state;
    testhost_route(t, "GET", "/named", 0);
    testhost_route(t, "GET", "/unnamed", CHATD_ROUTE_LOGIN);
    testhost_route(t, "GET", "/waiting", 0);
    answer = testhost_answer(t, testhost_get(t, "/named"));
    assert_int_equal(answer->status, 200);
    assert_string_equal(answer->body.p, "ann");
    assert_string_equal(testhost_answer(t, testhost_get(t, "/unnamed"))->body.p, "");
    testhost_route(t, "GET", "/later", 0);
    only_fault(t, "the test's route GET /later");
    /* One that an event still holds up at the end is not the plugin's to answer. */
    answer = testhost_answer(t, testhost_get(t, "/waiting"));
    assert_int_equal(answer->status, 0);
    testhost_stop(t);
    assert_int_equal(answer->status, 403);
    assert_int_equal(testhost_free(t), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_request_says),
        TEST(test_no_route),
        TEST(test_refused_by_the_event),
        TEST(test_answered_later),
        TEST(test_answers_that_are_none),
        TEST(test_client_that_leaves),
        TEST(test_never_answered),
        TEST(test_kept_pointer),
        cmocka_unit_test(test_write_after_the_call),
        cmocka_unit_test(test_bad_routes),
        cmocka_unit_test(test_routes_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
