/* SPDX-License-Identifier: MIT */
/* Which pages from elsewhere may read answers: CORS, for the exact origins of cors_origins alone. */
#include "net/http.h"

#include "base/log.h"

#include <string.h>

/* What a page may send and see beyond what every page may. Never "*", which with a cookie means nothing. */
static const struct http_header reading[] = {
    {"Access-Control-Allow-Credentials", "true"},
    {"Access-Control-Expose-Headers", "ETag, Retry-After"},
};
static const struct http_header sending[] = {
    {"Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match"},
    {"Access-Control-Max-Age", "600"},
};

static bool is_on(const struct http_req *r)
{
    const char *const *row = r->http->opt.cors_origins;

    return row != NULL && *row != NULL;
}

bool http_cors_may(struct http_req *r)
{
    const char *origin = http_req_header(r, "Origin");
    const char *const *row = r->http->opt.cors_origins;

    /* Two Origins are none: which of them the browser meant nobody knows. */
    if (origin == NULL || http_req_header_at(r, "Origin", 1) != NULL)
        return false;
    for (; row != NULL && *row != NULL; row++) {
        if (strcmp(*row, origin) == 0)
            return true;
    }
    return false;
}

/* An answer depends on who asks as soon as anybody may read more than others, also for those who may not:
 * else a cache on the way hands the one out for the other. */
void http_cors_add(struct http_req *r, void (*add)(void *arg, const char *name, const char *value),
                   void *arg)
{
    size_t i;

    if (!is_on(r))
        return;
    add(arg, "Vary", "Origin");
    if (!http_cors_may(r))
        return;
    add(arg, "Access-Control-Allow-Origin", http_req_header(r, "Origin"));
    for (i = 0; i < sizeof(reading) / sizeof(reading[0]); i++)
        add(arg, reading[i].name, reading[i].value);
}

size_t http_cors_preflight(struct http_req *r, struct http_header out[HTTP_CORS_PREFLIGHT])
{
    const char *origin = http_req_header(r, "Origin");
    size_t n = 0;

    if (origin == NULL || http_req_header(r, "Access-Control-Request-Method") == NULL)
        return 0;
    if (!http_cors_may(r)) {
        r->http->count->refused_cors++;
        log_warn(
            "refused pages of %.200s to call from elsewhere (CORS), from %s; if they are yours, "
            "write cors_origins = %.200s in [chatd]",
            origin, http_req_address(r), origin);
        return 0;
    }
    out[n++] = (struct http_header){"Access-Control-Allow-Methods", r->match.allow};
    out[n++] = sending[0];
    out[n++] = sending[1];
    return n;
}
