/* SPDX-License-Identifier: MIT */
/* Metrics: registration, counting, and the Prometheus text of all of them. */
#include "host/metric.h"

#include "base/mem.h"

#include <string.h>

enum { VALUES_MAX = 64, BUCKETS = 12 };

static const double bucket_le[BUCKETS] = {0.0001, 0.00025, 0.001, 0.0025, 0.01, 0.025,
                                          0.1,    0.25,    1.0,   2.5,    5.0,  10.0};

struct metric {
    struct plugin *plugin;
    struct chatd_metric_def def;
    int n_rows;
    int64_t *value; /* a row each; histograms: BUCKETS + 1 counts a row */
    double *sum;    /* histograms */
};

int metric_new(chatd_plugin *self, const struct chatd_metric_def *in, int *metric_out)
{
    struct host *h = host_of(self);
    struct chatd_metric_def def;
    struct metric *m;
    int rc = host_record(in, sizeof(def), &def, sizeof(def)), n = 1;

    if (!host_may_register(self, "a metric"))
        return CHATD_E_STATE;
    if (rc < 0)
        return rc;
    if (def.name == NULL || def.help == NULL || def.kind > CHATD_HISTOGRAM ||
        (def.label != NULL && def.values == NULL))
        return CHATD_E_INVAL;
    if (def.label != NULL) {
        for (n = 0; n < VALUES_MAX && def.values[n] != NULL; n++)
            continue;
    }
    h->metric = mem_realloc(h->metric, (h->n_metrics + 1) * sizeof(*h->metric));
    m = &h->metric[h->n_metrics];
    memset(m, 0, sizeof(*m));
    m->plugin = plugin_of(self);
    m->def = def;
    m->n_rows = n;
    m->value = mem_alloc((size_t)n * (BUCKETS + 1) * sizeof(int64_t));
    m->sum = mem_alloc((size_t)n * sizeof(double));
    *metric_out = (int)h->n_metrics++;
    return CHATD_OK;
}

static struct metric *row(chatd_plugin *self, int metric, int label, uint32_t kinds)
{
    struct host *h = host_of(self);
    struct metric *m;

    if (metric < 0 || (size_t)metric >= h->n_metrics)
        return NULL;
    m = &h->metric[metric];
    if (m->plugin != plugin_of(self) || label < 0 || label >= m->n_rows ||
        (kinds >> m->def.kind & 1) == 0)
        return NULL;
    return m;
}

void metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    struct metric *m = row(self, metric, label, 1u << CHATD_COUNTER | 1u << CHATD_GAUGE);

    if (m != NULL)
        m->value[label] += n;
}

void metric_set(chatd_plugin *self, int metric, int label, int64_t value)
{
    struct metric *m = row(self, metric, label, 1u << CHATD_GAUGE);

    if (m != NULL)
        m->value[label] = value;
}

void metric_observe(chatd_plugin *self, int metric, int label, double value)
{
    struct metric *m = row(self, metric, label, 1u << CHATD_HISTOGRAM);
    int i;

    if (m == NULL)
        return;
    for (i = 0; i < BUCKETS && value > bucket_le[i]; i++)
        continue;
    m->value[label * (BUCKETS + 1) + i]++;
    m->sum[label] += value;
}

/* The rows of a plugin that failed to start stay, unseen: numbers given out must not move. */
void metric_remove(struct host *h, const struct plugin *p)
{
    size_t i;

    for (i = 0; i < h->n_metrics; i++) {
        if (h->metric[i].plugin == p)
            h->metric[i].plugin = NULL;
    }
}

void metric_deinit(struct host *h)
{
    size_t i;

    for (i = 0; i < h->n_metrics; i++) {
        mem_free(h->metric[i].value);
        mem_free(h->metric[i].sum);
    }
    mem_free(h->metric);
}

/* --- text --------------------------------------------------------------------------------------- */

static void put_name(struct buf *out, const struct metric *m, const char *suffix)
{
    const char *p;

    buf_puts(out, "chatd_");
    for (p = m->plugin->name; *p != '\0'; p++)
        buf_add(out, *p == '-' ? "_" : p, 1);
    buf_printf(out, "_%s%s", m->def.name, suffix);
}

static void put_label(struct buf *out, const struct metric *m, int label, const char *le)
{
    if (m->def.label == NULL && le == NULL)
        return;
    buf_puts(out, "{");
    if (m->def.label != NULL)
        buf_printf(out, "%s=\"%s\"%s", m->def.label, m->def.values[label], le != NULL ? "," : "");
    if (le != NULL)
        buf_printf(out, "le=\"%s\"", le);
    buf_puts(out, "}");
}

static void put_histogram(struct buf *out, const struct metric *m, int label)
{
    int64_t total = 0;
    char le[32];
    int i;

    for (i = 0; i <= BUCKETS; i++) {
        struct buf text = {0};

        total += m->value[label * (BUCKETS + 1) + i];
        if (i < BUCKETS)
            buf_printf(&text, "%g", bucket_le[i]);
        else
            buf_puts(&text, "+Inf");
        strncpy(le, text.p, sizeof(le) - 1);
        le[sizeof(le) - 1] = '\0';
        buf_deinit(&text);
        put_name(out, m, "_bucket");
        put_label(out, m, label, le);
        buf_printf(out, " %lld\n", (long long)total);
    }
    put_name(out, m, "_sum");
    put_label(out, m, label, NULL);
    buf_printf(out, " %.9g\n", m->sum[label]);
    put_name(out, m, "_count");
    put_label(out, m, label, NULL);
    buf_printf(out, " %lld\n", (long long)total);
}

static void put_metric(struct buf *out, const struct metric *m)
{
    static const char *const kind[] = {"counter", "gauge", "histogram"};
    int i;

    buf_puts(out, "# HELP ");
    put_name(out, m, "");
    buf_printf(out, " %s\n# TYPE ", m->def.help);
    put_name(out, m, "");
    buf_printf(out, " %s\n", kind[m->def.kind]);
    for (i = 0; i < m->n_rows; i++) {
        if (m->def.kind == CHATD_HISTOGRAM) {
            put_histogram(out, m, i);
            continue;
        }
        put_name(out, m, "");
        put_label(out, m, i, NULL);
        buf_printf(out, " %lld\n", (long long)m->value[i]);
    }
}

static void put_one(struct buf *out, const char *name, const char *kind, const char *help,
                    uint64_t value)
{
    buf_printf(out, "# HELP chatd_%s %s\n# TYPE chatd_%s %s\nchatd_%s %llu\n", name, help, name,
               kind, name, (unsigned long long)value);
}

static void put_hooks(struct buf *out, const struct host *h)
{
    size_t e, i;

    buf_puts(out, "# HELP chatd_hook_seconds Time spent in handlers.\n"
                  "# TYPE chatd_hook_seconds summary\n");
    for (e = 0; e < h->n_events; e++) {
        for (i = 0; i < h->event[e].n; i++) {
            const struct hook *hk = &h->event[e].hook[i], *twin = NULL;
            size_t k;

            for (k = 0; k < i && twin == NULL; k++)
                twin = h->event[e].hook[k].plugin == hk->plugin ? &h->event[e].hook[k] : NULL;
            if (twin != NULL)
                continue;
            uint64_t calls = 0, ns = 0;
            for (k = i; k < h->event[e].n; k++) {
                if (h->event[e].hook[k].plugin == hk->plugin) {
                    calls += h->event[e].hook[k].calls;
                    ns += h->event[e].hook[k].spent_ns;
                }
            }
            buf_printf(out, "chatd_hook_seconds_sum{plugin=\"%s\",event=\"%s\"} %.9g\n",
                       hk->plugin->name, h->event[e].name, (double)ns / 1e9);
            buf_printf(out, "chatd_hook_seconds_count{plugin=\"%s\",event=\"%s\"} %llu\n",
                       hk->plugin->name, h->event[e].name, (unsigned long long)calls);
        }
    }
}

void metric_text(const struct host *h, struct buf *out)
{
    const struct net_counters *n = &h->net.count;
    const struct http_counters *c = &h->http.count;
    const struct {
        const char *name, *kind, *help;
        uint64_t value;
    } row[] = {
        {"connections", "gauge", "WebSocket connections open now.", h->net.conns.n_live},
        {"http_connections", "gauge", "HTTP connections open now.", h->http.n_peers},
        {"channels", "gauge", "Channels open now.", h->net.channels.n_live},
        {"upgrades_total", "counter", "WebSocket connections made.", n->upgrades},
        {"closed_total", "counter", "WebSocket connections ended.", n->closed},
        {"messages_in_total", "counter", "Messages received.", n->messages_in},
        {"received_bytes_total", "counter", "Bytes received on WebSockets.", n->bytes_in},
        {"frames_out_total", "counter", "Frames sent or queued.", n->frames_out},
        {"sent_bytes_total", "counter", "Bytes sent on WebSockets.", n->bytes_out},
        {"too_slow_total", "counter", "Connections closed with 4001.", n->too_slow},
        {"dropped_ephemeral_total", "counter", "Ephemeral frames dropped at queue_soft.",
         n->dropped_ephemeral},
        {"skipped_total", "counter", "Stored frames that queue_hard kept from a connection.",
         n->skipped},
        {"no_pong_total", "counter", "Connections closed with 4002.", n->no_pong},
        {"protocol_errors_total", "counter", "Connections that broke RFC 6455.",
         n->protocol_errors},
        {"refused_full_total", "counter", "Upgrades refused at max_connections.", n->refused_full},
        {"http_requests_total", "counter", "HTTP requests.", c->requests},
        {"http_bad_requests_total", "counter", "Requests refused before routing.", c->bad_requests},
        {"http_timeouts_total", "counter", "Heads, bodies and answers that took too long.",
         c->timeouts},
        {"http_refused_full_total", "counter", "Connections refused at max_http_connections.",
         c->refused_full},
        {"http_refused_origin_total", "counter", "Requests of a foreign Origin.",
         c->refused_origin},
    };
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        put_one(out, row[i].name, row[i].kind, row[i].help, row[i].value);
    for (i = 0; i < h->n_metrics; i++) {
        if (h->metric[i].plugin != NULL)
            put_metric(out, &h->metric[i]);
    }
    put_hooks(out, h);
}
