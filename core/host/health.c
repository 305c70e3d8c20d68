/* SPDX-License-Identifier: MIT */
/* /livez, /readyz and /metrics, as routes of the core. */
#include "host/metric.h"

#include "base/buf.h"
#include "config/core_options.h"

#include <string.h>

static void livez(chatd_plugin *self, chatd_req req)
{
    chatd_reply_json(self, req, 200, CHATD_STR("{\"status\":\"alive\"}"));
}

static int put_reason(struct buf *out, const struct plugin *p, int worst)
{
    static const char *const state[] = {"ready", "degraded", "away"};

    if (p->ready == CHATD_READY)
        return worst;
    buf_puts(out, out->n > 0 ? "," : "");
    buf_puts(out, "{\"plugin\":");
    buf_json(out, p->name, strlen(p->name));
    buf_printf(out, ",\"state\":\"%s\",\"reason\":", state[p->ready]);
    buf_json(out, p->ready_text ? p->ready_text : "", p->ready_text ? strlen(p->ready_text) : 0);
    buf_puts(out, "}");
    return p->ready > worst ? p->ready : worst;
}

static void readyz(chatd_plugin *self, chatd_req req)
{
    static const char *const word[] = {"ready", "degraded", "unavailable"};
    struct host *h = host_of(self);
    struct buf reasons = {0}, out = {0};
    int worst = put_reason(&reasons, &h->core, CHATD_READY);
    size_t i;

    for (i = 0; i < h->n_plugins; i++)
        worst = put_reason(&reasons, h->plugin[i], worst);
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

/* A request that a proxy on this machine passed on is not local: it says so in its headers. */
static void metrics(chatd_plugin *self, chatd_req req)
{
    struct host *h = host_of(self);
    struct http_req *r = http_req_get(&h->http, req.v);
    struct buf out = {0};
    struct chatd_reply reply = {.size = sizeof(reply),
                                .status = 200,
                                .content_type = "text/plain; version=0.0.4; charset=utf-8"};

    if (h->opt.metrics == METRICS_OFF ||
        (h->opt.metrics == METRICS_LOCAL &&
         (!is_local(http_req_address(r)) || http_req_header(r, "X-Forwarded-For") != NULL ||
          http_req_header(r, "X-Real-IP") != NULL || http_req_header(r, "Forwarded") != NULL))) {
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
