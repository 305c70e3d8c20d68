/* SPDX-License-Identifier: MIT */
/* Routes, what a request says, replies of every kind, and the event `http`. */
#include "probe.h"

#include <inttypes.h>
#include <string.h>

static int request_slot;

static void add_str(struct text *text, const char *name, int rc, chatd_str value)
{
    if (rc == CHATD_OK)
        text_add(text, ",\"%s\":\"%s\"", name, text_plain(value));
    else
        text_add(text, ",\"%s\":%d", name, rc);
}

/* GET /NAME/request/{name}/{rest...} */
static void tell_request(chatd_plugin *self, chatd_req req)
{
    static const struct chatd_header headers[] = {{"X-Probe", NAME},
                                                  {"Cache-Control", "max-age=1"}};
    struct chatd_request info = {.size = sizeof(info)};
    struct chatd_reply reply = {
        .size = sizeof(reply),
        .status = 203,
        .content_type = "application/vnd.probe+json",
        .headers = headers,
        .n_headers = 2,
        .header_stride = sizeof(headers[0]),
    };
    struct text text = {0};
    chatd_str value = CHATD_STR("");
    const int *asked;
    int rc = chatd_request(self, req, &info);

    text_add(&text, "{\"rc\":%d,\"secure\":%u,\"expires\":%" PRId64, rc, info.is_secure,
             info.expires_ms);
    add_str(&text, "method", 0, info.method);
    add_str(&text, "path", 0, info.path);
    add_str(&text, "address", 0, info.address);
    add_str(&text, "user", 0, info.user);
    rc = chatd_req_param(self, req, "name", &value);
    add_str(&text, "name", rc, value);
    rc = chatd_req_param(self, req, "rest", &value);
    add_str(&text, "rest", rc, value);
    rc = chatd_req_query(self, req, "q", &value);
    add_str(&text, "q", rc, value);
    rc = chatd_req_query(self, req, "none", &value);
    add_str(&text, "none", rc, value);
    rc = chatd_req_header(self, req, "x-probe", &value);
    add_str(&text, "header", rc, value);
    rc = chatd_req_cookie(self, req, "crumb", &value);
    add_str(&text, "crumb", rc, value);
    asked = chatd_slot_of(self, request_slot, req.v);
    text_add(&text, ",\"slot\":%d}", asked != NULL ? *asked : -1);
    reply.body.p = text.p;
    reply.body.n = text.n;
    seen(chatd_reply(self, req, &reply) == CHATD_OK ? "replied" : "reply failed");
    seen(chatd_reply(self, req, &reply) == CHATD_E_GONE ? "reply gone" : "replied twice");
}

/* POST /NAME/body: a JSON body of at most 100 bytes comes back. */
static void tell_body(chatd_plugin *self, chatd_req req)
{
    struct chatd_request info = {.size = sizeof(info)};

    if (chatd_request(self, req, &info) == CHATD_OK)
        (void)chatd_reply_json(self, req, 201, info.body);
}

static void tell_error(chatd_plugin *self, chatd_req req)
{
    (void)chatd_reply_error(self, req, 409, NAME ".teapot", "This is no coffee pot.", 1500);
}

static void tell_login(chatd_plugin *self, chatd_req req)
{
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{\"in\":true}"));
}

/* --- the event --------------------------------------------------------------------------------------------------- */

static enum chatd_verdict check_http(chatd_plugin *self, struct chatd_ev_http *ev)
{
    chatd_str value;
    int *asked;

    if (!begins(ev->path, "/" NAME "/"))
        return CHATD_NEXT;
    asked = chatd_slot_of(self, request_slot, ev->ev.req.v);
    if (asked != NULL)
        *asked = (int)ev->pattern.n;
    if (chatd_req_header(self, ev->ev.req, "X-Probe-User", &value) == CHATD_OK &&
        chatd_req_identify(self, ev->ev.req, value, 1790000000000) != CHATD_OK)
        seen("identify failed");
    if (chatd_req_header(self, ev->ev.req, "X-Probe-Deny", &value) == CHATD_OK)
        return chatd_deny_for(self, &ev->ev, value.p, "The probe refuses.", 2500);
    return CHATD_NEXT;
}

static enum chatd_verdict change_http(chatd_plugin *self, struct chatd_ev_http *ev)
{
    chatd_str value;

    if (!begins(ev->path, "/" NAME "/") ||
        chatd_req_header(self, ev->ev.req, "X-Probe-Wait", &value) != CHATD_OK)
        return CHATD_NEXT;
    return probe_wait(self, &ev->ev, is_text(value, "deny") ? CHATD_DENY : CHATD_NEXT);
}

static enum chatd_verdict watch_http(chatd_plugin *self, struct chatd_ev_http *ev)
{
    (void)self;
    if (begins(ev->path, "/" NAME "/request/") && is_text(ev->method, "GET") &&
        (ev->route_flags & CHATD_ROUTE_IDENTITY))
        seen("http");
    return CHATD_NEXT;
}

static void destroy_request(chatd_plugin *self, void *block)
{
    (void)self;
    if (*(int *)block > 0)
        seen("request slot");
}

int http_init(chatd_plugin *self)
{
    static const struct chatd_route_def post = {
        .size = sizeof(post),
        .flags = CHATD_ROUTE_JSON | CHATD_ROUTE_ANY_ORIGIN,
        .method = "POST",
        .pattern = "/" NAME "/body",
        .max_body = 100,
        .handle = tell_body,
    };
    int rc = chatd_route(self, &post);

    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/request/{name}/{rest...}", CHATD_ROUTE_IDENTITY,
                       tell_request);
    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/error", 0, tell_error);
    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/login", CHATD_ROUTE_LOGIN, tell_login);
    if (rc == CHATD_OK)
        rc = chatd_slot(self, CHATD_SLOT_REQ, sizeof(int), destroy_request, &request_slot);
    if (rc == CHATD_OK)
        rc = chatd_on_http(self, CHATD_CHECK, check_http);
    if (rc == CHATD_OK)
        rc = chatd_on_http(self, CHATD_CHANGE, change_http);
    return rc < 0 ? rc : chatd_on_http(self, CHATD_WATCH, watch_http);
}
