/* SPDX-License-Identifier: MIT */
/* HTTP routes: requests in, one reply each, now or later. */
#ifndef CHATD_HTTP_H
#define CHATD_HTTP_H

#include <chatd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum chatd_route_flag {
    CHATD_ROUTE_LOGIN = 1,     /* 401 without identity (while a chatd.auth is loaded) */
    CHATD_ROUTE_IDENTITY = 2,  /* identify the caller if possible; guests pass */
    CHATD_ROUTE_JSON = 4,      /* a body must be application/json, else 415 */
    CHATD_ROUTE_ANY_ORIGIN = 8 /* a foreign Origin is not refused for methods that change things */
};

/*
 * A route. `pattern` is made of literal segments, `{name}` for one segment and, as the last one,
 * `{name...}` for the rest. Literals win over `{name}`, which wins over `{name...}`, segment by
 * segment. Two routes that match the same paths stop the start, naming both plugins.
 * GET serves HEAD too. A path that only other methods have is answered 405 with Allow.
 */
struct chatd_route_def {
    uint32_t size;
    uint32_t flags;     /* enum chatd_route_flag */
    const char *method; /* "GET", "POST", "PUT", "DELETE", "PATCH" */
    const char *pattern;
    size_t max_body; /* bytes; more is answered 413. 0: a body is refused */
    /* Must end in one chatd_reply(), within `http_timeout`, else the core answers 504. */
    void (*handle)(chatd_plugin *self, chatd_req req);
};

/* [init] Adds a route. The record is copied, its strings must be literals. */
static inline int chatd_route(chatd_plugin *self, const struct chatd_route_def *def)
{
    return self->core->route(self, def);
}

/* What a request says. Set `size`. The strings live until the reply. */
struct chatd_request {
    uint32_t size;
    uint32_t is_secure; /* https; this core speaks plain HTTP and believes no proxy yet: 0 */
    chatd_str method, path;
    chatd_str body;    /* bytes */
    chatd_str address; /* of the client */
    chatd_str user;    /* empty: nobody identified it */
    int64_t expires_ms;
};

/* [loop] Fills *info. CHATD_E_GONE: answered, or the client left. */
static inline int chatd_request(chatd_plugin *self, chatd_req req, struct chatd_request *info)
{
    return self->core->req_info(self, req, info);
}

/* [loop] A header's value by case-insensitive name; a `{name}` of the pattern, percent-decoded;
 * a query argument, decoded; a cookie. CHATD_E_NOTFOUND, CHATD_E_GONE; CHATD_E_INVAL for what is
 * there twice or decodes to something that is not UTF-8 or has a NUL in it. */
static inline int chatd_req_header(chatd_plugin *self, chatd_req req, const char *name,
                                   chatd_str *value_out)
{
    return self->core->req_header(self, req, name, value_out);
}

static inline int chatd_req_param(chatd_plugin *self, chatd_req req, const char *name,
                                  chatd_str *value_out)
{
    return self->core->req_param(self, req, name, value_out);
}

static inline int chatd_req_query(chatd_plugin *self, chatd_req req, const char *name,
                                  chatd_str *value_out)
{
    return self->core->req_query(self, req, name, value_out);
}

static inline int chatd_req_cookie(chatd_plugin *self, chatd_req req, const char *name,
                                   chatd_str *value_out)
{
    return self->core->req_cookie(self, req, name, value_out);
}

/* [loop] In `http`: names the caller; `expires_ms` as in chatd_conn_identify(). */
static inline int chatd_req_identify(chatd_plugin *self, chatd_req req, chatd_str user,
                                     int64_t expires_ms)
{
    return self->core->req_identify(self, req, user, expires_ms);
}

struct chatd_header {
    const char *name;
    const char *value;
};

struct chatd_reply {
    uint32_t size;
    uint32_t status;
    const char *content_type;           /* NULL: application/json */
    chatd_str body;                     /* copied */
    const struct chatd_header *headers; /* n_headers rows; may be NULL */
    uint32_t n_headers;
    uint32_t header_stride; /* sizeof(struct chatd_header) */
};

/* [loop] Answers. CHATD_E_GONE, quiet: the client left or it was answered already. The core adds
 * the security headers, Content-Length, and `Cache-Control: no-store` unless one is given. */
static inline int chatd_reply(chatd_plugin *self, chatd_req req, const struct chatd_reply *reply)
{
    return self->core->reply(self, req, reply);
}

/* [loop] Answers with a JSON body and no further headers. */
static inline int chatd_reply_json(chatd_plugin *self, chatd_req req, uint32_t status,
                                   chatd_str body)
{
    struct chatd_reply r = {sizeof(r), status, NULL, body, NULL, 0, sizeof(struct chatd_header)};

    return self->core->reply(self, req, &r);
}

/* [loop] Answers {"error":{"code","message"}}; retry_ms > 0 adds Retry-After in whole seconds. `status`
 * 0 is the one that belongs to the code, as for a denial in `http` (since 0.2). */
static inline int chatd_reply_error(chatd_plugin *self, chatd_req req, int status, const char *code,
                                    const char *message, uint32_t retry_ms)
{
    return self->core->reply_error(self, req, status, code, message, retry_ms);
}

#ifdef __cplusplus
}
#endif
#endif
