/* SPDX-License-Identifier: MIT */
/* HTTP requests by id. */
#include "host/object.h"

#include "base/mem.h"
#include "host/answer.h"
#include "net/pct.h"
#include "net/utf8.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 32 };

static struct http_req *find(chatd_plugin *self, chatd_req req)
{
    return http_req_get(&host_of(self)->http, req.v);
}

static chatd_str str_of(const char *s)
{
    return (chatd_str){s != NULL ? s : "", s != NULL ? strlen(s) : 0};
}

int object_req_info(chatd_plugin *self, chatd_req req, struct chatd_request *info)
{
    struct http_req *r = find(self, req);
    struct chatd_request full;
    size_t size = info->size;

    if (r == NULL)
        return CHATD_E_GONE;
    if (size < sizeof(uint32_t) || size > CHATD_RECORD_MAX)
        return CHATD_E_INVAL;
    memset(&full, 0, sizeof(full));
    full.size = (uint32_t)size;
    full.is_secure = r->is_secure;
    full.method = str_of(r->method);
    full.path = str_of(r->path);
    full.body.p = http_req_body(r, &full.body.n);
    full.address = str_of(http_req_address(r));
    full.user = str_of(r->user);
    full.expires_ms = r->expires_ms;
    memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
    return CHATD_OK;
}

/* Some headers may be repeated by their nature; for what decides about a request, two are one too
 * many. */
int object_req_header(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct http_req *r = find(self, req);
    const struct evkeyval *kv;
    const char *value = NULL;

    if (r == NULL)
        return CHATD_E_GONE;
    for (kv = evhttp_request_get_input_headers(r->ev)->tqh_first; kv != NULL;
         kv = kv->next.tqe_next) {
        if (strcasecmp(kv->key, name) != 0)
            continue;
        if (value != NULL)
            return CHATD_E_INVAL;
        value = kv->value;
    }
    if (value == NULL)
        return CHATD_E_NOTFOUND;
    if (!utf8_valid(value, strlen(value)))
        return CHATD_E_INVAL;
    *value_out = str_of(value);
    return CHATD_OK;
}

int object_req_param(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct http_req *r = find(self, req);
    size_t i;

    if (r == NULL)
        return CHATD_E_GONE;
    for (i = 0; i < r->match.n_param; i++) {
        if (strcmp(r->match.param[i].name, name) == 0) {
            *value_out = (chatd_str){r->match.param[i].value, r->match.param[i].n};
            return CHATD_OK;
        }
    }
    return CHATD_E_NOTFOUND;
}

static int found(enum pct_found f)
{
    return f == PCT_FOUND ? CHATD_OK : f == PCT_BAD ? CHATD_E_INVAL : CHATD_E_NOTFOUND;
}

int object_req_query(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct http_req *r = find(self, req);
    const char *query;
    char *out;
    size_t n = 0;
    enum pct_found f;

    if (r == NULL)
        return CHATD_E_GONE;
    query = http_req_query_text(r);
    if (query == NULL)
        return CHATD_E_NOTFOUND;
    out = http_req_alloc(r, strlen(query) + 1);
    f = pct_query(query, name, out, &n);
    *value_out = (chatd_str){out, n};
    return found(f);
}

int object_req_cookie(chatd_plugin *self, chatd_req req, const char *name, chatd_str *value_out)
{
    struct http_req *r = find(self, req);
    const char *value = NULL;
    chatd_str header;
    size_t n = 0;
    enum pct_found f;
    char *copy;
    int rc;

    if (r == NULL)
        return CHATD_E_GONE;
    rc = object_req_header(self, req, "Cookie", &header);
    if (rc < 0)
        return rc;
    f = pct_cookie(header.p, name, &value, &n);
    if (f != PCT_FOUND)
        return found(f);
    copy = http_req_alloc(r, n + 1);
    memcpy(copy, value, n);
    *value_out = (chatd_str){copy, n};
    return CHATD_OK;
}

int object_req_identify(chatd_plugin *self, chatd_req req, chatd_str user, int64_t expires_ms)
{
    struct http_req *r = find(self, req);

    if (r == NULL)
        return CHATD_E_GONE;
    if (user.n == 0 || memchr(user.p, '\0', user.n) != NULL)
        return CHATD_E_INVAL;
    mem_free(r->user);
    r->user = mem_strndup(user.p, user.n);
    r->expires_ms = expires_ms;
    return CHATD_OK;
}

int object_reply(chatd_plugin *self, chatd_req req, const struct chatd_reply *in)
{
    struct http_req *r = find(self, req);
    struct http_header header[HEADERS_MAX];
    struct chatd_reply reply;
    uint32_t i;
    int rc = host_record(in, sizeof(reply), &reply, sizeof(reply));

    if (r == NULL)
        return CHATD_E_GONE;
    if (rc < 0)
        return rc;
    if (reply.status < 200 || reply.status > 599 || reply.n_headers > HEADERS_MAX ||
        (reply.n_headers > 0 && reply.headers == NULL) ||
        (reply.n_headers > 0 && reply.header_stride < sizeof(struct chatd_header)))
        return CHATD_E_INVAL;
    for (i = 0; i < reply.n_headers; i++) {
        const struct chatd_header *row =
            (const void *)((const char *)reply.headers + (size_t)i * reply.header_stride);

        if (row->name == NULL || row->value == NULL)
            return CHATD_E_INVAL;
        header[i] = (struct http_header){row->name, row->value};
    }
    http_reply(r, reply.status, reply.content_type, reply.body.p, reply.body.n, header,
               reply.n_headers);
    return CHATD_OK;
}

int object_reply_error(chatd_plugin *self, chatd_req req, int status, const char *code,
                       const char *message, uint32_t retry_ms)
{
    struct http_req *r = find(self, req);

    if (r == NULL)
        return CHATD_E_GONE;
    if (status == 0 && code != NULL)
        status = (int)answer_status(code);
    if (status < 400 || status > 599 || code == NULL || message == NULL)
        return CHATD_E_INVAL;
    http_reply_error(r, (unsigned)status, code, message, retry_ms, NULL, 0);
    return CHATD_OK;
}
