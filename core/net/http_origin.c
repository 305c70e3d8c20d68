/* SPDX-License-Identifier: MIT */
/* Whether the page that sends a request is one of ours. */
#include "net/http.h"

#include "base/log.h"

#include <string.h>
#include <strings.h>

bool http_origin_ok(struct http_req *r)
{
    const char *origin = http_req_header(r, "Origin"), *host = http_req_header(r, "Host"), *at;
    const char *const *allowed = r->http->opt.allowed_origins;

    if (origin == NULL)
        return true;
    at = strstr(origin, "://");
    if (at != NULL && host != NULL && strcasecmp(at + 3, host) == 0)
        return true;
    for (; allowed != NULL && *allowed != NULL; allowed++) {
        if (strcmp(*allowed, "*") == 0 || strcasecmp(*allowed, origin) == 0)
            return true;
    }
    r->http->count->refused_origin++;
    log_warn("refused Origin %.200s for Host %.200s from %s; if it is yours, write "
             "allowed_origins = %.200s in [chatd]",
             origin, host != NULL ? host : "(none)", http_req_address(r), origin);
    return false;
}
