/* SPDX-License-Identifier: MIT */
/* Metrics: the core's own and those of plugins, registered in the seat of this process. */
#include "host/metric.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stddef.h>
#include <string.h>

enum { VALUES_MAX = 64, HOOK_EVENT_CHARS = 40 };

#define SECONDS_MAX 1e9 /* of one observation; more is a mistake, and would overflow a sum */

struct metric {
    struct plugin *plugin;
    uint32_t kind;
    int n_rows;
    unsigned n_values; /* a row */
    int64_t *value;
};

_Static_assert(offsetof(struct core_values, net.connections) / sizeof(int64_t) == SEAT_CONNECTIONS,
               "others look there");

/* --- the core's own ------------------------------------------------------------------------------- */

#define VALUE(member) (offsetof(struct core_values, member) / sizeof(int64_t))
#define OUTCOME(name, index)                                                               \
    {                                                                                      \
        "handshakes_total", "outcome=\"" name "\"", "Upgrades asked for, by their answer", \
            SERIES_COUNTER, VALUE(http.handshakes[index])                                  \
    }
#define DEFLATE_MESSAGES   "Compressed messages; one that is sent counts once, however many get it."
#define DEFLATE_PLAIN      "Bytes of compressed messages before compression."
#define DEFLATE_COMPRESSED "Bytes of compressed messages after compression."
#define PER_QUEUE(kind, name, help, member)                        \
    {name, "queue=\"cpu\"", help, kind, VALUE(member[QUEUE_CPU])}, \
    {                                                              \
        name, "queue=\"io\"", help, kind, VALUE(member[QUEUE_IO])  \
    }

static const struct {
    const char *name, *labels, *help;
    enum series_kind kind;
    size_t place;
} core_row[] = {
    {"connections", "", "WebSocket connections open now.", SERIES_GAUGE, VALUE(net.connections)},
    {"http_connections", "", "HTTP connections open now.", SERIES_GAUGE, VALUE(http.connections)},
    {"channels", "", "Channels open now.", SERIES_GAUGE, VALUE(channels)},
    {"queue_bytes", "", "Bytes that wait for connections that are behind.", SERIES_GAUGE,
     VALUE(net.queue_bytes)},
    {"io_uring", "", "Workers whose sends to rooms go through an io_uring.", SERIES_GAUGE,
     VALUE(io_uring)},
    {"upgrades_total", "", "WebSocket connections made.", SERIES_COUNTER, VALUE(net.upgrades)},
    {"closed_total", "", "WebSocket connections ended.", SERIES_COUNTER, VALUE(net.closed)},
    {"messages_in_total", "", "Messages received.", SERIES_COUNTER, VALUE(net.messages_in)},
    {"received_bytes_total", "", "Bytes received on WebSockets.", SERIES_COUNTER,
     VALUE(net.bytes_in)},
    {"frames_out_total", "", "Frames sent or queued, one for each recipient.", SERIES_COUNTER,
     VALUE(net.frames_out)},
    {"sent_bytes_total", "", "Bytes sent on WebSockets.", SERIES_COUNTER, VALUE(net.bytes_out)},
    {"too_slow_total", "", "Connections closed with 4001.", SERIES_COUNTER, VALUE(net.too_slow)},
    {"dropped_ephemeral_total", "", "Ephemeral frames dropped at queue_soft.", SERIES_COUNTER,
     VALUE(net.dropped_ephemeral)},
    {"skipped_total", "", "Stored frames that queue_hard kept from a connection.", SERIES_COUNTER,
     VALUE(net.skipped)},
    {"no_pong_total", "", "Connections closed with 4002.", SERIES_COUNTER, VALUE(net.no_pong)},
    {"protocol_errors_total", "", "Connections that broke RFC 6455.", SERIES_COUNTER,
     VALUE(net.protocol_errors)},
    {"refused_full_total", "", "Upgrades refused at max_connections.", SERIES_COUNTER,
     VALUE(net.refused_full)},
    {"refused_address_total", "", "Upgrades refused at max_connections_per_address.",
     SERIES_COUNTER, VALUE(net.refused_address)},
    {"too_many_total", "", "Connections closed with 4003.", SERIES_COUNTER, VALUE(net.too_many)},
    {"rate_limited_total", "", "Requests of chatd.v1 refused at verb_rate.", SERIES_COUNTER,
     VALUE(rate_limited)},
    {"deflate_upgrades_total", "", "WebSocket connections made with permessage-deflate.",
     SERIES_COUNTER, VALUE(net.deflate_upgrades)},
    {"deflate_messages_total", "direction=\"in\"", DEFLATE_MESSAGES, SERIES_COUNTER,
     VALUE(net.inflated)},
    {"deflate_messages_total", "direction=\"out\"", DEFLATE_MESSAGES, SERIES_COUNTER,
     VALUE(net.deflated)},
    {"deflate_plain_bytes_total", "direction=\"in\"", DEFLATE_PLAIN, SERIES_COUNTER,
     VALUE(net.inflated_plain_bytes)},
    {"deflate_plain_bytes_total", "direction=\"out\"", DEFLATE_PLAIN, SERIES_COUNTER,
     VALUE(net.deflated_plain_bytes)},
    {"deflate_compressed_bytes_total", "direction=\"in\"", DEFLATE_COMPRESSED, SERIES_COUNTER,
     VALUE(net.inflated_bytes)},
    {"deflate_compressed_bytes_total", "direction=\"out\"", DEFLATE_COMPRESSED, SERIES_COUNTER,
     VALUE(net.deflated_bytes)},
    {"deflate_too_big_total", "", "Compressed messages that grew beyond message_max.",
     SERIES_COUNTER, VALUE(net.inflated_too_big)},
    {"lined_total", "", "Times a connection that sent much had to wait for others.", SERIES_COUNTER,
     VALUE(net.lined)},
    OUTCOME("ok", HANDSHAKE_OK),
    OUTCOME("bad_request", HANDSHAKE_BAD_REQUEST),
    OUTCOME("unauthorized", HANDSHAKE_UNAUTHORIZED),
    OUTCOME("forbidden", HANDSHAKE_FORBIDDEN),
    OUTCOME("not_found", HANDSHAKE_NOT_FOUND),
    OUTCOME("full", HANDSHAKE_FULL),
    OUTCOME("unavailable", HANDSHAKE_UNAVAILABLE),
    OUTCOME("other", HANDSHAKE_OTHER),
    {"http_requests_total", "", "HTTP requests.", SERIES_COUNTER, VALUE(http.requests)},
    {"http_bad_requests_total", "", "Requests refused before routing.", SERIES_COUNTER,
     VALUE(http.bad_requests)},
    {"http_timeouts_total", "",
     "Heads and bodies that took too long to come, and answers to be made or taken.",
     SERIES_COUNTER, VALUE(http.timeouts)},
    {"http_refused_full_total", "", "Connections refused at max_http_connections.", SERIES_COUNTER,
     VALUE(http.refused_full)},
    {"http_made_room_total", "",
     "Connections at max_http_connections that were waited for longest, and ended for a newer one.",
     SERIES_COUNTER, VALUE(http.made_room)},
    {"http_lined_total", "", "Times a request had to wait because there were too many at once.",
     SERIES_COUNTER, VALUE(http.lined)},
    {"http_refused_address_total", "",
     "Connections and requests refused at max_connections_per_address.", SERIES_COUNTER,
     VALUE(http.refused_address)},
    {"http_refused_origin_total", "", "Requests of a foreign Origin.", SERIES_COUNTER,
     VALUE(http.refused_origin)},
    {"http_refused_cors_total", "", "Preflights of pages that are not in cors_origins.",
     SERIES_COUNTER, VALUE(http.refused_cors)},
    {"timers", "", "Timers of plugins that are set now.", SERIES_GAUGE, VALUE(timers)},
    {"watches", "", "Descriptors that plugins watch now.", SERIES_GAUGE, VALUE(watches)},
    PER_QUEUE(SERIES_GAUGE, "jobs_waiting", "Jobs that wait for a thread now.", jobs_waiting),
    PER_QUEUE(SERIES_COUNTER, "jobs_total", "Jobs taken on.", jobs),
};

/* A seat that was just given out has room for the core; anything else is a mistake of ours. */
static void must(bool is_good)
{
    if (!is_good)
        host_cannot("find room for the core's metrics");
}

static void core_series(struct host *h)
{
    static const char *const queue[QUEUES] = {"queue=\"cpu\"", "queue=\"io\""};
    int64_t *value = seat_values(h->seat, sizeof(struct core_values) / sizeof(int64_t));
    size_t i;

    must(value == h->seat->value);
    for (i = 0; i < sizeof(core_row) / sizeof(core_row[0]); i++) {
        char *name = mem_printf("chatd_%s", core_row[i].name);
        const struct series_def def = {name, core_row[i].labels, core_row[i].help, core_row[i].kind,
                                       SERIES_ONE};

        must(seat_series(h->seat, &def, value + core_row[i].place) == SERIES_ADDED);
        mem_free(name);
    }
    for (i = 0; i < QUEUES; i++) {
        const struct series_def def = {"chatd_job_seconds", queue[i], "Time that jobs ran.",
                                       SERIES_HISTOGRAM, SERIES_ONE};

        h->job_seconds[i] = seat_series_new(h->seat, &def);
        must(h->job_seconds[i] != NULL);
    }
    h->values = (struct core_values *)(void *)value;
}

void metric_init(struct host *h)
{
    h->board = h->opt.board;
    if (h->board == NULL) {
        struct board_head *head;

        /* The only process: its own seat serves in the only slot. */
        h->board = board_new(1, false);
        head = board_head(h->board);
        head->slot[0].seat = board_take_seat(h->board, 1);
        head->n_slots = 1;
    }
    h->seat = board_own(h->board);
    metric_beat(h);
    core_series(h);
    if (h->net.count != NULL)
        h->values->net = *h->net.count;
    h->net.count = &h->values->net;
    h->http.count = &h->values->http;
}

void metric_beat(struct host *h)
{
    __atomic_store_n(&h->seat->beat_ms, clock_mono_ms(), __ATOMIC_RELAXED);
}

void metric_deinit(struct host *h)
{
    /* What libevent frees later, with its base, counts once more. */
    h->net.count = &h->net.own_count;
    h->http.count = &h->http.own_count;
    mem_free(h->metric);
    if (h->opt.board == NULL)
        board_free(h->board);
}

void metric_refresh(struct host *h)
{
    struct core_values *v = h->values;

    v->channels = h->net.channels.n_live;
    v->io_uring = h->net.uring != NULL;
    v->timers = h->timers.n_live;
    v->watches = h->watches.n_live;
    job_waiting(h, v->jobs_waiting);
}

void metric_text(struct host *h, struct buf *out)
{
    metric_refresh(h);
    board_text(h->board, out);
}

/* --- those of plugins ----------------------------------------------------------------------------- */

static void put_label(struct buf *out, const char *name, const char *value, int chars)
{
    buf_printf(out, "%s%s=\"", out->n > 0 ? "," : "", name);
    for (; *value != '\0' && chars-- > 0; value++) {
        if (*value == '"' || *value == '\\')
            buf_puts(out, "\\");
        buf_add(out, *value == '\n' ? "\\n" : value, *value == '\n' ? 2 : 1);
    }
    buf_puts(out, "\"");
}

static char *full_name(const struct plugin *p, const char *name)
{
    char *full = mem_printf("chatd_%s_%s", p->name, name), *at;

    for (at = full; *at != '\0'; at++) {
        if (*at == '-')
            *at = '_';
    }
    return full;
}

static int refused(const struct plugin *p, const char *name, enum series_result why)
{
    if (why == SERIES_FULL)
        log_error("%s: no room for the metric %s; a worker has room for %d series with %d values",
                  p->name, name, SEAT_SERIES_MAX, SEAT_VALUES_MAX);
    else
        log_error("%s: the metric %s or a label of it is too long or is no name for Prometheus",
                  p->name, name);
    return why == SERIES_FULL ? CHATD_E_BUSY : CHATD_E_INVAL;
}

static enum series_result add_rows(struct host *h, const struct chatd_metric_def *def,
                                   const char *name, enum series_kind kind, const struct metric *m)
{
    enum series_result rc = SERIES_ADDED;
    int i;

    for (i = 0; i < m->n_rows && rc == SERIES_ADDED; i++) {
        struct buf labels = {0};

        if (def->label != NULL)
            put_label(&labels, def->label, def->values[i], SERIES_LABELS_BYTES);
        rc = seat_series(
            h->seat,
            &(struct series_def){name, labels.n > 0 ? labels.p : "", def->help, kind, SERIES_ONE},
            m->value + (size_t)i * m->n_values);
        buf_deinit(&labels);
    }
    return rc;
}

static void hide(struct host *h, const struct metric *m)
{
    int i;

    for (i = 0; i < m->n_rows; i++)
        seat_hide(h->seat, m->value + (size_t)i * m->n_values);
}

int metric_new(chatd_plugin *self, const struct chatd_metric_def *in, int *metric_out)
{
    static const enum series_kind kind[] = {SERIES_COUNTER, SERIES_GAUGE, SERIES_HISTOGRAM};
    struct host *h = host_of(self);
    struct chatd_metric_def def;
    struct metric m = {.plugin = plugin_of(self), .n_rows = 1};
    enum series_result result = SERIES_FULL;
    char *name;
    int rc = host_registration(self, "a metric", in, sizeof(def), &def, sizeof(def));

    if (rc < 0)
        return rc;
    if (def.name == NULL || def.help == NULL || def.kind > CHATD_HISTOGRAM ||
        (def.label != NULL && def.values == NULL)) {
        log_error(
            "%s adds a metric without a name, a help text, a kind that there is, or the values "
            "of its label",
            m.plugin->name);
        return CHATD_E_INVAL;
    }
    if (def.label != NULL) {
        for (m.n_rows = 0; m.n_rows < VALUES_MAX && def.values[m.n_rows] != NULL; m.n_rows++)
            continue;
    }
    m.kind = def.kind;
    m.n_values = series_values(kind[def.kind]);
    name = full_name(m.plugin, def.name);
    if (seat_has_room(h->seat, (unsigned)m.n_rows, (unsigned)m.n_rows * m.n_values)) {
        m.value = seat_values(h->seat, (unsigned)m.n_rows * m.n_values);
        result = add_rows(h, &def, name, kind[def.kind], &m);
    }
    if (result != SERIES_ADDED) {
        if (m.value != NULL)
            hide(h, &m);
        rc = refused(m.plugin, name, result);
        mem_free(name);
        return rc;
    }
    mem_free(name);
    h->metric = mem_realloc(h->metric, (h->n_metrics + 1) * sizeof(*h->metric));
    h->metric[h->n_metrics] = m;
    *metric_out = (int)h->n_metrics++;
    return CHATD_OK;
}

static int64_t *row(chatd_plugin *self, int metric, int label, uint32_t kinds)
{
    struct host *h = host_of(self);
    struct metric *m;

    if (metric < 0 || (size_t)metric >= h->n_metrics)
        return NULL;
    m = &h->metric[metric];
    if (m->plugin != plugin_of(self) || label < 0 || label >= m->n_rows ||
        (kinds >> m->kind & 1) == 0)
        return NULL;
    return m->value + (size_t)label * m->n_values;
}

void metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    int64_t *value = row(self, metric, label, 1u << CHATD_COUNTER | 1u << CHATD_GAUGE);

    if (value != NULL)
        *value += n;
}

void metric_set(chatd_plugin *self, int metric, int label, int64_t to)
{
    int64_t *value = row(self, metric, label, 1u << CHATD_GAUGE);

    if (value != NULL)
        *value = to;
}

void metric_observe(chatd_plugin *self, int metric, int label, double seconds)
{
    int64_t *value = row(self, metric, label, 1u << CHATD_HISTOGRAM);

    if (value == NULL)
        return;
    if (!(seconds > 0)) /* not a number, too */
        seconds = 0;
    series_observe(value, (int64_t)((seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * 1e9 + 0.5));
}

/* Of a plugin that failed. One that merely stops keeps its rows: they are to outlive the process. */
void metric_remove(struct host *h, const struct plugin *p)
{
    struct buf label = {0};
    size_t i;

    for (i = 0; i < h->n_metrics; i++) {
        if (h->metric[i].plugin != p)
            continue;
        hide(h, &h->metric[i]);
        h->metric[i].plugin = NULL; /* its place stays: numbers given out must not move */
    }
    put_label(&label, "plugin", p->name, SERIES_LABELS_BYTES);
    for (i = 0; i < h->seat->n_series && i < SEAT_SERIES_MAX; i++) {
        struct series *s = &h->seat->series[i];

        if (strcmp(s->name, "chatd_hook_seconds") == 0 && strncmp(s->labels, label.p, label.n) == 0)
            s->kind = SERIES_HIDDEN;
    }
    buf_deinit(&label);
}

int64_t *metric_hook(struct host *h, const struct plugin *p, const char *event)
{
    struct series like = {.name = "chatd_hook_seconds", .kind = SERIES_SUMMARY};
    const struct series *found;
    struct buf labels = {0};
    uint32_t hint = 0;
    int64_t *value;

    put_label(&labels, "plugin", p->name, SERIES_LABELS_BYTES);
    put_label(&labels, "event", event, HOOK_EVENT_CHARS);
    seat_text(like.labels, sizeof(like.labels), labels.p, labels.n);
    found = series_find(h->seat, &like, &hint);
    if (found != NULL) {
        value = &h->seat->value[found->first];
    } else {
        value = seat_series_new(h->seat,
                                &(struct series_def){like.name, labels.p, "Time spent in handlers.",
                                                     SERIES_SUMMARY, SERIES_ONE});
    }
    if (value == NULL) {
        log_warn("%s: no room for the times of its handlers of %s", p->name, event);
        value = h->uncounted;
    }
    buf_deinit(&labels);
    return value;
}
