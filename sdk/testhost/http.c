/* SPDX-License-Identifier: MIT */
/* HTTP requests: asked by the test, found a route, answered by the plugin. */
#include "host.h"

#include "host/answer.h"
#include "net/pct.h"

#include <strings.h>

enum { HTTP_TIMEOUT_MS = 30000, HEADERS_MAX = 32 };

struct request *request_of(struct testhost *t, uint64_t id)
{
    struct request *r = table_get(&t->reqs, KIND_REQ, id);

    return r != NULL && !r->is_over ? r : NULL;
}

struct request *request_new(struct testhost *t, const char *method, const char *target,
                            const char *headers, const char *address)
{
    struct request *r = mem_alloc(sizeof(*r));
    size_t path = strcspn(target, "?");

    r->id = table_add(&t->reqs, KIND_REQ, r);
    r->method = mem_strdup(method);
    r->path = mem_strndup(target, path);
    r->query = mem_strdup(target[path] == '?' ? target + path + 1 : "");
    r->headers = mem_strdup(headers != NULL ? headers : "");
    r->address = mem_strdup(address != NULL ? address : "127.0.0.1");
    r->due_ms = t->mono_ms + HTTP_TIMEOUT_MS;
    r->answer = (struct testhost_answer){.content_type = "", .body = {"", 0}, .headers = ""};
    return r;
}

void request_over(struct testhost *t, struct request *r)
{
    if (r->is_over)
        return;
    r->is_over = true;
    wait_abandon(t, 0, r->id);
    slots_end(t, &r->slots);
    loan_end(t, &r->loan);
}

/* --- answers -------------------------------------------------------------------------------------- */

static void answer(struct testhost *t, struct request *r, const struct chatd_reply *reply)
{
    buf_add(&r->answer_body, reply->body.p, reply->body.n);
    r->content_type =
        mem_strdup(reply->content_type != NULL ? reply->content_type : "application/json");
    for (uint32_t i = 0; i < reply->n_headers; i++) {
        const struct chatd_header *header =
            (const void *)((const char *)reply->headers + (size_t)i * reply->header_stride);

        buf_printf(&r->answer_headers, "%s: %s\n", header->name, header->value);
    }
    r->answer = (struct testhost_answer){
        .status = (int)reply->status,
        .content_type = r->content_type,
        .body = {r->answer_body.p != NULL ? r->answer_body.p : "", r->answer_body.n},
        .headers = r->answer_headers.p != NULL ? r->answer_headers.p : ""};
    request_over(t, r);
}

static void refuse(struct testhost *t, struct request *r, int status, const char *code,
                   const char *message, uint32_t retry_ms)
{
    struct buf body = {0};
    char *seconds = mem_printf("%u", (retry_ms + 999) / 1000);
    const struct chatd_header retry = {"Retry-After", seconds};

    buf_puts(&body, "{\"error\":{\"code\":");
    buf_json(&body, code, strlen(code));
    buf_puts(&body, ",\"message\":");
    buf_json(&body, message, strlen(message));
    buf_puts(&body, "}}");
    answer(t, r,
           &(struct chatd_reply){.size = sizeof(struct chatd_reply),
                                 .status = status != 0 ? (uint32_t)status : answer_status(code),
                                 .body = {body.p, body.n},
                                 .headers = &retry,
                                 .n_headers = retry_ms > 0,
                                 .header_stride = sizeof(retry)});
    mem_free(seconds);
    buf_deinit(&body);
}

/* --- the way to the route ------------------------------------------------------------------------- */

struct asked {
    struct chatd_ev_http ev; /* first */
    struct request *r;
    struct loan loan;
};

static const char *header_of(const struct request *r, const char *name, size_t *n_out, int *found)
{
    size_t n = strlen(name);
    const char *value = NULL;

    *found = 0;
    for (const char *line = r->headers, *end; *line != '\0'; line = *end == '\n' ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        if ((size_t)(end - line) <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
            continue;
        value = line + n + 1;
        value += strspn(value, " \t");
        *n_out = (size_t)(end - value);
        ++*found;
    }
    return value;
}

static bool is_json(const struct request *r)
{
    size_t n;
    int found;
    const char *type = header_of(r, "Content-Type", &n, &found);

    return type != NULL && n >= 16 && strncasecmp(type, "application/json", 16) == 0;
}

static const struct chatd_route_def *route_of(const struct request *r)
{
    return r->match.route->user;
}

static void handle(struct testhost *t, struct request *r)
{
    const struct chatd_route_def *route = route_of(r);

    if ((route->flags & CHATD_ROUTE_LOGIN) && r->user == NULL && has_auth(t)) {
        refuse(t, r, 401, "unauthorized", "Sign in first.", 0);
        return;
    }
    enter(t);
    route->handle(&t->plugin.pub, (chatd_req){r->id});
    leave(t);
}

static void walked(struct walk *walk, int verdict)
{
    struct asked *asked = walk->arg;
    struct testhost *t = walk->t;
    struct request *r = asked->r;
    const struct chatd_ev *ev = &asked->ev.ev;

    if (verdict == CHATD_DENY && !r->is_over)
        refuse(t, r, 0, ev->code.p, ev->text.p, ev->retry_ms);
    else if (verdict != CHATD_DENY && !r->is_over)
        handle(t, r);
    if (verdict == CHATD_DENY)
        event_drop(&asked->ev.ev);
    else
        walk_watch(t, CHATD_EV_http, &asked->ev.ev);
    loan_end(t, &asked->loan);
    mem_free(asked);
    walk_free(walk);
}

static void raise_http(struct testhost *t, struct request *r)
{
    struct asked *asked = mem_alloc(sizeof(*asked));

    asked->r = r;
    asked->ev = (struct chatd_ev_http){.ev = {.size = sizeof(asked->ev), .req = {r->id}},
                                       .method = lend_str(&asked->loan, r->method),
                                       .path = lend_str(&asked->loan, r->path),
                                       .pattern = lend_str(&asked->loan, route_of(r)->pattern),
                                       .route_flags = route_of(r)->flags};
    walk_begin(t, CHATD_EV_http, &asked->ev.ev, walked, asked);
}

chatd_req testhost_request(struct testhost *t, const struct testhost_http *http)
{
    struct request *r;

    if (!may_play(t, "asks"))
        return (chatd_req){0};
    r = request_new(t, http->method != NULL ? http->method : "GET", http->target, http->headers,
                    http->address);
    buf_add(&r->body, http->body.p, http->body.n);
    r->user = http->user != NULL ? mem_strdup(http->user) : NULL;
    r->is_secure = http->is_secure;
    route_find(&t->routes, r->method, r->path, strlen(r->path), &r->match);
    if (r->match.bad_path)
        refuse(t, r, 400, "bad_request", "The path cannot be decoded.", 0);
    else if (r->match.route == NULL && r->match.allow[0] != '\0')
        refuse(t, r, 405, "method_not_allowed", "This path has other methods.", 0);
    else if (r->match.route == NULL)
        refuse(t, r, 404, "not_found", "There is nothing here.", 0);
    else if (http->body.n > route_of(r)->max_body)
        refuse(t, r, 413, "too_large", "The body is too large.", 0);
    else if ((route_of(r)->flags & CHATD_ROUTE_JSON) && http->body.n > 0 && !is_json(r))
        refuse(t, r, 415, "bad_request", "The body must be application/json.", 0);
    else
        raise_http(t, r);
    testhost_turn(t);
    return (chatd_req){r->id};
}

chatd_req testhost_get(struct testhost *t, const char *target)
{
    return testhost_request(t, &(struct testhost_http){.target = target});
}

const struct testhost_answer *testhost_answer(struct testhost *t, chatd_req req)
{
    struct request *r = table_get(&t->reqs, KIND_REQ, req.v);

    return r != NULL && !r->is_upgrade ? &r->answer : NULL;
}

void testhost_leave(struct testhost *t, chatd_req req)
{
    struct request *r = request_of(t, req.v);

    if (r != NULL)
        request_over(t, r);
    testhost_turn(t);
}

int64_t request_due(const struct testhost *t)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < t->reqs.n; i++) {
        const struct request *r = t->reqs.row[i];

        if (!r->is_over && !r->is_upgrade && r->due_ms < due)
            due = r->due_ms;
    }
    return due;
}

bool request_expire(struct testhost *t)
{
    for (size_t i = 0; i < t->reqs.n; i++) {
        struct request *r = t->reqs.row[i];

        if (r->is_over || r->is_upgrade || r->due_ms > t->mono_ms)
            continue;
        fault(t, "did not answer %s %s within %d ms", r->method, r->path, HTTP_TIMEOUT_MS);
        refuse(t, r, 504, "timeout", "The server took too long to answer.", 0);
        return true;
    }
    return false;
}

void request_stop(struct testhost *t)
{
    for (size_t i = 0; i < t->reqs.n; i++) {
        struct request *r = t->reqs.row[i];

        if (!r->is_over && !r->is_upgrade)
            fault(t, "did not answer %s %s before it was stopped", r->method, r->path);
        request_over(t, r);
    }
}

void request_free(struct testhost *t)
{
    for (size_t i = 0; i < t->reqs.n; i++) {
        struct request *r = t->reqs.row[i];

        mem_free(r->method);
        mem_free(r->path);
        mem_free(r->query);
        mem_free(r->headers);
        mem_free(r->user);
        mem_free(r->address);
        mem_free(r->content_type);
        buf_deinit(&r->body);
        buf_deinit(&r->answer_body);
        buf_deinit(&r->answer_headers);
        route_match_deinit(&r->match);
        loan_end(t, &r->loan);
    }
    table_free(&t->reqs);
    for (size_t i = 0; i < t->routes.n; i++)
        mem_free(t->routes.route[i]->user);
    route_table_deinit(&t->routes);
}

/* --- a route of somebody else ----------------------------------------------------------------------- */

static void answer_name(chatd_plugin *self, chatd_req req)
{
    struct testhost *t = host_of(self);
    struct request *r = request_of(t, req.v);
    const char *user = r->user != NULL ? r->user : "";

    answer(t, r,
           &(struct chatd_reply){.size = sizeof(struct chatd_reply),
                                 .status = 200,
                                 .content_type = "text/plain",
                                 .body = {user, strlen(user)}});
}

void testhost_route(struct testhost *t, const char *method, const char *pattern, uint32_t flags)
{
    const struct route *other;
    struct chatd_route_def *def = mem_alloc(sizeof(*def));

    *def = (struct chatd_route_def){.size = sizeof(*def),
                                    .flags = flags,
                                    .max_body = 1 << 20,
                                    .method = method,
                                    .pattern = pattern,
                                    .handle = answer_name};
    if (route_add(&t->routes,
                  &(struct route){.method = (char *)(uintptr_t)method,
                                  .pattern = (char *)(uintptr_t)pattern,
                                  .user = def,
                                  .max_body = def->max_body,
                                  .flags = flags},
                  &other) == ROUTE_ADDED) {
        def->method = t->routes.route[t->routes.n - 1]->method;
        def->pattern = t->routes.route[t->routes.n - 1]->pattern;
        return;
    }
    fault(t, "the test's route %s %s is not one, or clashes with the plugin's", method, pattern);
    mem_free(def);
}

/* --- the plugin's end ----------------------------------------------------------------------------- */

static bool is_method(const char *method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    size_t i = 0, n = sizeof(methods) / sizeof(methods[0]);

    while (i < n && (method == NULL || strcmp(methods[i], method) != 0))
        i++;
    return i < n;
}

int route_new(chatd_plugin *self, const struct chatd_route_def *in)
{
    struct testhost *t = host_of(self);
    struct chatd_route_def def, *copy;
    const struct route *other;
    int rc;

    if (!may_register(self, "a route"))
        return CHATD_E_STATE;
    if ((rc = record_read(t, in, sizeof(def), &def, sizeof(def), "chatd_route")) < 0)
        return rc;
    if (!is_method(def.method) || def.pattern == NULL || def.handle == NULL) {
        fault(t, "adds a route without a method of the list, a pattern or a handler");
        return CHATD_E_INVAL;
    }
    copy = mem_alloc(sizeof(*copy));
    *copy = def;
    switch (route_add(&t->routes,
                      &(struct route){.method = (char *)(uintptr_t)copy->method,
                                      .pattern = (char *)(uintptr_t)copy->pattern,
                                      .user = copy,
                                      .max_body = copy->max_body,
                                      .flags = copy->flags},
                      &other)) {
    case ROUTE_ADDED:
        return CHATD_OK;
    case ROUTE_BAD:
        fault(t, "\"%s\" is not a route pattern", copy->pattern);
        mem_free(copy);
        return CHATD_E_INVAL;
    case ROUTE_CONFLICT:
        break;
    }
    fault(t, "%s %s clashes with its own %s %s", copy->method, copy->pattern, other->method,
          other->pattern);
    mem_free(copy);
    return CHATD_E_EXISTS;
}

int req_info(chatd_plugin *self, chatd_req req, struct chatd_request *info)
{
    struct testhost *t = loop_of(self, "chatd_request");
    struct request *r = request_of(t, req.v);
    struct chatd_request full;
    size_t size = info->size;

    if (r == NULL)
        return CHATD_E_GONE;
    if (size < sizeof(uint32_t) || size > CHATD_RECORD_MAX) {
        fault(t, "calls chatd_request() without a size");
        return CHATD_E_INVAL;
    }
    full = (struct chatd_request){.size = (uint32_t)size,
                                  .is_secure = r->is_secure,
                                  .method = lend_str(&r->loan, r->method),
                                  .path = lend_str(&r->loan, r->path),
                                  .body = lend_bytes(&r->loan, (chatd_str){r->body.p, r->body.n}),
                                  .address = lend_str(&r->loan, r->address),
                                  .user = lend_str(&r->loan, r->user),
                                  .expires_ms = r->expires_ms};
    memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
    return CHATD_OK;
}

int req_header(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct request *r = request_of(loop_of(self, "chatd_req_header"), req.v);
    const char *value;
    size_t n = 0;
    int found;

    if (r == NULL)
        return CHATD_E_GONE;
    value = header_of(r, name, &n, &found);
    if (found != 1)
        return found == 0 ? CHATD_E_NOTFOUND : CHATD_E_INVAL;
    *value_out = lend_bytes(&r->loan, (chatd_str){value, n});
    return CHATD_OK;
}

int req_param(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct request *r = request_of(loop_of(self, "chatd_req_param"), req.v);

    if (r == NULL)
        return CHATD_E_GONE;
    for (size_t i = 0; i < r->match.n_param; i++) {
        if (strcmp(r->match.param[i].name, name) == 0) {
            *value_out =
                lend_bytes(&r->loan, (chatd_str){r->match.param[i].value, r->match.param[i].n});
            return CHATD_OK;
        }
    }
    return CHATD_E_NOTFOUND;
}

static int found_as(enum pct_found found)
{
    return found == PCT_FOUND ? CHATD_OK : found == PCT_BAD ? CHATD_E_INVAL : CHATD_E_NOTFOUND;
}

int req_query(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct request *r = request_of(loop_of(self, "chatd_req_query"), req.v);
    enum pct_found found;
    char *out;
    size_t n = 0;

    if (r == NULL)
        return CHATD_E_GONE;
    out = mem_alloc(strlen(r->query) + 1);
    found = pct_query(r->query, name, out, &n);
    if (found == PCT_FOUND)
        *value_out = lend_bytes(&r->loan, (chatd_str){out, n});
    mem_free(out);
    return found_as(found);
}

int req_cookie(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct request *r = request_of(loop_of(self, "chatd_req_cookie"), req.v);
    chatd_str header;
    const char *value;
    enum pct_found found;
    size_t n;
    int rc;

    if (r == NULL)
        return CHATD_E_GONE;
    rc = req_header(self, req, "Cookie", &header);
    if (rc != CHATD_OK)
        return rc;
    found = pct_cookie(header.p, name, &value, &n);
    if (found == PCT_FOUND)
        *value_out = lend_bytes(&r->loan, (chatd_str){value, n});
    return found_as(found);
}

int req_identify(chatd_plugin *self, chatd_req req, chatd_str user, int64_t expires_ms)
{
    struct request *r = request_of(loop_of(self, "chatd_req_identify"), req.v);

    if (r == NULL)
        return CHATD_E_GONE;
    if (user.n == 0 || memchr(user.p, '\0', user.n) != NULL)
        return CHATD_E_INVAL;
    mem_free(r->user);
    r->user = mem_strndup(user.p, user.n);
    r->expires_ms = expires_ms;
    return CHATD_OK;
}

int reply(chatd_plugin *self, chatd_req req, const struct chatd_reply *in)
{
    struct testhost *t = loop_of(self, "chatd_reply");
    struct request *r = request_of(t, req.v);
    struct chatd_reply def;
    int rc;

    if (r == NULL || r->is_upgrade)
        return CHATD_E_GONE;
    if ((rc = record_read(t, in, sizeof(def), &def, sizeof(def), "chatd_reply")) < 0)
        return rc;
    if (def.status < 200 || def.status > 599 || def.n_headers > HEADERS_MAX ||
        (def.n_headers > 0 &&
         (def.headers == NULL || def.header_stride < sizeof(struct chatd_header)))) {
        fault(t, "answers with status %u, or headers without a stride", def.status);
        return CHATD_E_INVAL;
    }
    answer(t, r, &def);
    return CHATD_OK;
}

int reply_error(chatd_plugin *self, chatd_req req, int status, const char *code,
                const char *message, uint32_t retry_ms)
{
    struct testhost *t = loop_of(self, "chatd_reply_error");
    struct request *r = request_of(t, req.v);

    if (r == NULL || r->is_upgrade)
        return CHATD_E_GONE;
    if (code == NULL || message == NULL || (status != 0 && (status < 400 || status > 599))) {
        fault(t, "answers an error with status %d, or without a code or a sentence", status);
        return CHATD_E_INVAL;
    }
    refuse(t, r, status, code, message, retry_ms);
    return CHATD_OK;
}
