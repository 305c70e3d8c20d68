/* SPDX-License-Identifier: MIT */
/* What the plugin tells: log lines, its state, metrics, features and limits. */
#include "host.h"

#include <stdio.h>

/* --- log ------------------------------------------------------------------------------------------ */

void log_line(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct testhost *t = conn.v != 0 ? loop_of(self, "chatd_log_conn") : host_of(self);
    va_list args;
    char *text;
    struct line *line;

    va_start(args, fmt);
    text = mem_vprintf(fmt, args);
    va_end(args);
    if (level < CHATD_LOG_DEBUG || level > CHATD_LOG_ERROR)
        level = CHATD_LOG_ERROR;
    line = mem_alloc(sizeof(*line) + strlen(text) + 1);
    line->level = level;
    memcpy(line->text, text, strlen(text) + 1);
    pthread_mutex_lock(&t->lock);
    line->next = t->lines;
    t->lines = line;
    pthread_mutex_unlock(&t->lock);
    if (t->show_log)
        fprintf(stderr, "%-5s %s: %s\n", names[level], ((struct puppet *)(void *)self)->name, text);
    mem_free(text);
}

const char *testhost_log(struct testhost *t, int level)
{
    const struct line *line;

    pthread_mutex_lock(&t->lock);
    line = t->lines;
    pthread_mutex_unlock(&t->lock);
    while (line != NULL && line->level != level)
        line = line->next;
    return line != NULL ? line->text : "";
}

int testhost_logged(struct testhost *t, const char *part)
{
    const struct line *line;
    int n = 0;

    pthread_mutex_lock(&t->lock);
    line = t->lines;
    pthread_mutex_unlock(&t->lock);
    for (; line != NULL; line = line->next)
        n += strstr(line->text, part) != NULL;
    return n;
}

void testhost_show_log(struct testhost *t, int show)
{
    t->show_log = show != 0;
}

/* --- state ---------------------------------------------------------------------------------------- */

void ready(chatd_plugin *self, int state, const char *text)
{
    struct testhost *t = loop_of(self, "chatd_ready");

    if (state < CHATD_READY || state > CHATD_AWAY)
        fault(t, "reports the state %d", state);
    t->ready = state;
    mem_free(t->ready_text);
    t->ready_text = mem_strdup(text != NULL ? text : "");
}

int testhost_ready(struct testhost *t)
{
    return t->ready;
}

const char *testhost_ready_text(struct testhost *t)
{
    return t->ready_text != NULL ? t->ready_text : "";
}

/* --- features and limits -------------------------------------------------------------------------- */

static struct named *find(struct named *named, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(named[i].name, name) == 0)
            return &named[i];
    }
    return NULL;
}

int feature(chatd_plugin *self, const char *name)
{
    struct testhost *t = host_of(self);

    if (!may_register(self, "a feature"))
        return CHATD_E_STATE;
    t->feature = mem_grow(t->feature, t->n_features, sizeof(*t->feature));
    t->feature[t->n_features++] = (struct named){.name = mem_strdup(name)};
    return CHATD_OK;
}

int testhost_feature(struct testhost *t, const char *name)
{
    return find(t->feature, t->n_features, name) != NULL;
}

int limit(chatd_plugin *self, const char *name, int64_t value)
{
    struct testhost *t = loop_of(self, "chatd_limit");
    struct named *known = find(t->limit, t->n_limits, name);

    if (known != NULL) {
        known->value = value;
        return CHATD_OK;
    }
    if (!may_register(self, "a limit"))
        return CHATD_E_STATE;
    t->limit = mem_grow(t->limit, t->n_limits, sizeof(*t->limit));
    t->limit[t->n_limits++] = (struct named){.name = mem_strdup(name), .value = value};
    return CHATD_OK;
}

int64_t testhost_limit(struct testhost *t, const char *name)
{
    const struct named *known = find(t->limit, t->n_limits, name);

    return known != NULL ? known->value : -1;
}

/* --- metrics -------------------------------------------------------------------------------------- */

static bool is_metric_name(const char *name)
{
    return name != NULL && name[0] != '\0' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool ends_in_total(const char *name)
{
    size_t n = strlen(name);

    return n > 6 && strcmp(name + n - 6, "_total") == 0;
}

int metric_new(chatd_plugin *self, const struct chatd_metric_def *in, int *metric_out)
{
    struct testhost *t = host_of(self);
    struct metric metric = {.n_labels = 1};
    int rc;

    if (!may_register(self, "a metric"))
        return CHATD_E_STATE;
    if ((rc = record_read(t, in, sizeof(metric.def), &metric.def, sizeof(metric.def),
                          "chatd_metric")) < 0)
        return rc;
    if (!is_metric_name(metric.def.name) || metric.def.help == NULL ||
        metric.def.kind > CHATD_HISTOGRAM ||
        (metric.def.label != NULL && metric.def.values == NULL) ||
        (metric.def.kind == CHATD_COUNTER && !ends_in_total(metric.def.name))) {
        fault(t, "adds a metric \"%s\": a-z, 0-9 and _, a help, and _total behind a counter",
              metric.def.name != NULL ? metric.def.name : "");
        return CHATD_E_INVAL;
    }
    if (metric.def.label != NULL) {
        metric.n_labels = 0;
        while (metric.def.values[metric.n_labels] != NULL)
            metric.n_labels++;
    }
    metric.value = mem_alloc((size_t)(metric.n_labels + 1) * sizeof(*metric.value));
    t->metric = mem_grow(t->metric, t->n_metrics, sizeof(*t->metric));
    t->metric[t->n_metrics] = metric;
    *metric_out = (int)t->n_metrics++;
    return CHATD_OK;
}

static int64_t *value_of(chatd_plugin *self, int metric, int label)
{
    struct testhost *t = loop_of(self, "chatd_metric_*");

    if (metric < 0 || (size_t)metric >= t->n_metrics || label < 0 ||
        label >= t->metric[metric].n_labels)
        return NULL;
    return &t->metric[metric].value[label];
}

void metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    int64_t *value = value_of(self, metric, label);

    if (value != NULL)
        *value += n;
}

void metric_set(chatd_plugin *self, int metric, int label, int64_t n)
{
    int64_t *value = value_of(self, metric, label);

    if (value != NULL)
        *value = n;
}

void metric_observe(chatd_plugin *self, int metric, int label, double seconds)
{
    if (seconds < 0)
        fault(host_of(self), "observes a time below 0");
    metric_add(self, metric, label, 1);
}

int64_t testhost_metric(struct testhost *t, const char *name, const char *label)
{
    for (size_t i = 0; i < t->n_metrics; i++) {
        const struct metric *metric = &t->metric[i];

        if (strcmp(metric->def.name, name) != 0)
            continue;
        for (int k = 0; k < metric->n_labels; k++) {
            if (label == NULL
                    ? metric->def.label == NULL
                    : metric->def.label != NULL && strcmp(metric->def.values[k], label) == 0)
                return metric->value[k];
        }
    }
    fault(t, "has no metric %s%s%s", name, label != NULL ? " of " : "", label != NULL ? label : "");
    return 0;
}

void tell_free(struct testhost *t)
{
    struct line *line;

    while ((line = t->lines) != NULL) {
        t->lines = line->next;
        mem_free(line);
    }
    for (size_t i = 0; i < t->n_metrics; i++)
        mem_free(t->metric[i].value);
    mem_free(t->metric);
    mem_free(t->ready_text);
}
