/* SPDX-License-Identifier: MIT */
/* Whether the page that sends a request is one of ours. */
#include "net/http.h"

#include "base/log.h"

#include <string.h>
#include <strings.h>

/* The scheme is a part of an origin (RFC 6454, 4), but which one is the server's own only a trusted proxy
 * tells. Under https a page that came by http may be anybody's who sits on the line. The other way round
 * nothing is refused: a proxy behind the one with the certificate says http. */
static bool is_own_origin(const struct http_req *r, const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");

    return at != NULL && host != NULL && strcasecmp(at + 3, host) == 0 &&
           !(r->is_secure && strncasecmp(origin, "http://", 7) == 0);
}

bool http_origin_ok(struct http_req *r)
{
    const char *origin = http_req_header(r, "Origin"), *host = http_req_header(r, "Host");
    const char *const *allowed = r->http->opt.allowed_origins;

    if (origin == NULL || is_own_origin(r, origin, host))
        return true;
    for (; allowed != NULL && *allowed != NULL; allowed++) {
        if (strcmp(*allowed, "*") == 0 || strcasecmp(*allowed, origin) == 0)
            return true;
    }
    if (http_cors_may(r)) /* who may read may act */
        return true;
    r->http->count->refused_origin++;
    log_warn("refused Origin %.200s for Host %.200s from %s; if it is yours, write "
             "allowed_origins = %.200s in [chatd]",
             origin, host != NULL ? host : "(none)", http_req_address(r), origin);
    return false;
}
