/* SPDX-License-Identifier: MIT */
/* The first frame of a chatd.v1 connection: who it is, what this server offers, and its limits; and the
 * last one. */
#include "host/host.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/rng.h"

#include <string.h>

enum { BYE_RETRY_MIN_MS = 500, BYE_RETRY_SPREAD_MS = 4500, ROLL_RETRY_SPREAD_MS = 500 };

int hello_feature(chatd_plugin *self, const char *name)
{
    struct host *h = host_of(self);
    size_t i;

    if (!host_may_register(self, "a feature"))
        return CHATD_E_STATE;
    if (name == NULL || h->n_features == FEATURES_MAX)
        return CHATD_E_INVAL;
    for (i = 0; i < h->n_features; i++) {
        if (strcmp(h->feature[i].name, name) == 0)
            return CHATD_E_EXISTS;
    }
    h->feature[h->n_features].name = name;
    h->feature[h->n_features++].plugin = plugin_of(self);
    return CHATD_OK;
}

/* A new value of one's own limit is fine at any time: a reload may bring it. */
int hello_limit(chatd_plugin *self, const char *name, int64_t value)
{
    struct host *h = host_of(self);
    size_t i;

    if (name == NULL || strcmp(name, "message_bytes") == 0) /* that one is the core's */
        return CHATD_E_INVAL;
    for (i = 0; i < h->n_limits; i++) {
        if (strcmp(h->limit[i].name, name) != 0)
            continue;
        if (h->limit[i].plugin != plugin_of(self))
            return CHATD_E_EXISTS;
        h->limit[i].value = value;
        return CHATD_OK;
    }
    if (!host_may_register(self, "a limit"))
        return CHATD_E_STATE;
    if (h->n_limits == LIMITS_MAX)
        return CHATD_E_INVAL;
    h->limit[h->n_limits].name = name;
    h->limit[h->n_limits].value = value;
    h->limit[h->n_limits++].plugin = plugin_of(self);
    return CHATD_OK;
}

void hello_remove(struct host *h, const struct plugin *p)
{
    size_t i, kept = 0;

    for (i = 0; i < h->n_features; i++) {
        if (h->feature[i].plugin != p)
            h->feature[kept++] = h->feature[i];
    }
    h->n_features = kept;
    for (i = 0, kept = 0; i < h->n_limits; i++) {
        if (h->limit[i].plugin != p)
            h->limit[kept++] = h->limit[i];
    }
    h->n_limits = kept;
}

/* By the server's clock, and what that says now: the client's own may be wrong. */
static void add_expiry(struct host *h, uint64_t conn, struct buf *out)
{
    const struct conn *c = conn_get(&h->net, conn);

    if (c != NULL && c->expires_ms > 0)
        buf_printf(out, ",\"expires\":%lld,\"now\":%lld", (long long)c->expires_ms,
                   (long long)clock_wall_ms());
}

static void on_connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    struct host *h = host_of(self);
    const struct net_limits *lim = &h->net.limits;
    struct buf out = {0};
    size_t i;

    if (strcmp(ev->subprotocol.p, V1_SUBPROTOCOL) != 0)
        return;
    buf_puts(&out, "{\"type\":\"hello\",\"user\":");
    buf_json(&out, ev->user.p, ev->user.n);
    buf_printf(&out, ",\"session\":\"%016llx%016llx\",\"instance\":\"%s\",\"server\":\"%s\"",
               (unsigned long long)rng_u64(), (unsigned long long)rng_u64(), h->instance,
               h->opt.server);
    add_expiry(h, ev->ev.conn.v, &out);
    buf_puts(&out, ",\"features\":[");
    for (i = 0; i < h->n_features; i++) {
        buf_puts(&out, i > 0 ? "," : "");
        buf_json(&out, h->feature[i].name, strlen(h->feature[i].name));
    }
    buf_printf(&out, "],\"ping_ms\":%lld,\"limits\":{\"message_bytes\":%lld",
               (long long)lim->ping_interval_ms, (long long)lim->message_max);
    for (i = 0; i < h->n_limits; i++) {
        buf_puts(&out, ",");
        buf_json(&out, h->limit[i].name, strlen(h->limit[i].name));
        buf_printf(&out, ":%lld", (long long)h->limit[i].value);
    }
    buf_puts(&out, "}}");
    verb_send(h, ev->ev.conn.v, &out);
    buf_deinit(&out);
}

/* When to come back after a close that is nobody's fault: not all at once. 0: as the client likes. */
static unsigned retry_ms(unsigned code)
{
    bool is_ours = code == CHATD_CLOSE_GOING_AWAY || code == CHATD_CLOSE_TRY_LATER;

    /* The others of a server that rolls are there already, and its closes are spread over time. */
    if (code == CHATD_CLOSE_ROLL)
        return 1 + (unsigned)(rng_u64() % ROLL_RETRY_SPREAD_MS);
    return is_ours ? BYE_RETRY_MIN_MS + (unsigned)(rng_u64() % BYE_RETRY_SPREAD_MS) : 0;
}

static struct frame *farewell(void *arg, struct conn *c, unsigned code, const char *reason)
{
    const struct ws_claim *claim = claim_of(arg, c);
    unsigned retry = retry_ms(code);
    struct buf out = {0};
    struct frame *f;

    if (claim == NULL || claim->def.subprotocol == NULL ||
        strcmp(claim->def.subprotocol, V1_SUBPROTOCOL) != 0)
        return NULL;
    buf_printf(&out, "{\"type\":\"bye\",\"code\":%u,\"reason\":", code);
    buf_json(&out, reason, strlen(reason));
    if (retry > 0)
        buf_printf(&out, ",\"retry_ms\":%u", retry);
    buf_puts(&out, "}");
    f = frame_new(CHATD_TEXT, out.p, out.n);
    buf_deinit(&out);
    return f;
}

void hello_init(struct host *h)
{
    h->net.calls.farewell = farewell;
    chatd_on_connected(&h->core.pub, on_connected);
}
