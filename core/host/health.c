/* SPDX-License-Identifier: MIT */
/* /livez, /readyz and /metrics, as routes of the core. The latter two speak for all workers, whichever
 * of them is asked. */
#include "host/metric.h"

#include "base/buf.h"
#include "base/mem.h"
#include "config/core_options.h"

#include <string.h>

static void livez(chatd_plugin *self, chatd_req req)
{
    chatd_reply_json(self, req, 200, CHATD_STR("{\"status\":\"alive\"}"));
}

static void put_reason(struct buf *out, const struct board_reason *r)
{
    buf_puts(out, out->n > 0 ? "," : "");
    buf_puts(out, "{\"plugin\":");
    buf_json(out, r->plugin, strlen(r->plugin));
    buf_printf(out, ",\"state\":\"%s\",\"reason\":", r->state == CHATD_AWAY ? "away" : "degraded");
    buf_json(out, r->text, strlen(r->text));
    buf_puts(out, "}");
}

/* Whoever answers is not asked for itself: a worker that is on its way out says nothing of the server. */
static void readyz(chatd_plugin *self, chatd_req req)
{
    static const char *const word[] = {"ready", "degraded", "unavailable"};
    struct buf reasons = {0}, out = {0};
    uint32_t worst = CHATD_READY;
    size_t n, i;
    struct board_reason *reason = board_reasons(host_of(self)->board, &n);

    for (i = 0; i < n; i++) {
        put_reason(&reasons, &reason[i]);
        worst = reason[i].state > worst ? reason[i].state : worst;
    }
    mem_free(reason);
    buf_printf(&out, "{\"status\":\"%s\",\"reasons\":[%s]}", word[worst],
               reasons.n > 0 ? reasons.p : "");
    chatd_reply_json(self, req, worst == CHATD_AWAY ? 503 : 200, (chatd_str){out.p, out.n});
    buf_deinit(&reasons);
    buf_deinit(&out);
}

static bool is_local(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strncmp(address, "::ffff:127.", 11) == 0;
}

/* A proxy on this machine is local, those for whom it asks are not: what it adds shows them, whether it is
 * trusted or not. Its word for where they are counts for nothing here. */
static bool is_from_here(struct http_req *r)
{
    static const char *const added[] = {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
                                        "X-Real-IP",       "Forwarded",         "Via"};
    size_t i;

    for (i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        if (http_req_header(r, added[i]) != NULL)
            return false;
    }
    return is_local(http_req_peer(r));
}

static void metrics(chatd_plugin *self, chatd_req req)
{
    struct host *h = host_of(self);
    struct http_req *r = http_req_get(&h->http, req.v);
    struct buf out = {0};
    struct chatd_reply reply = {.size = sizeof(reply),
                                .status = 200,
                                .content_type = "text/plain; version=0.0.4; charset=utf-8"};

    if (h->opt.metrics == METRICS_OFF || (h->opt.metrics == METRICS_LOCAL && !is_from_here(r))) {
        chatd_reply_error(self, req, 404, "not_found", "There is nothing here.", 0);
        return;
    }
    metric_text(h, &out);
    reply.body = (chatd_str){out.p, out.n};
    chatd_reply(self, req, &reply);
    buf_deinit(&out);
}

void health_init(struct host *h)
{
    static const struct chatd_route_def routes[] = {
        {sizeof(routes[0]), 0, "GET", "/livez", 0, livez},
        {sizeof(routes[0]), 0, "GET", "/readyz", 0, readyz},
        {sizeof(routes[0]), 0, "GET", "/metrics", 0, metrics},
    };
    size_t i;

    for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        request_route(&h->core.pub, &routes[i]);
}
