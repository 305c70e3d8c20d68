/* SPDX-License-Identifier: MIT */
/* Counters, gauges and histograms, shown at /metrics as chatd_<plugin>_<name>. */
#ifndef CHATD_METRIC_H
#define CHATD_METRIC_H

#include <chatd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum chatd_metric_kind {
    CHATD_COUNTER = 0,  /* only grows; name ends in _total; summed over workers */
    CHATD_GAUGE = 1,    /* summed over workers */
    CHATD_HISTOGRAM = 2 /* seconds, in fixed buckets from 100 us to 10 s */
};

/* `label` and `values` are a closed list: a metric has one row per value, or one row in all. */
struct chatd_metric_def {
    uint32_t size;
    uint32_t kind;             /* enum chatd_metric_kind */
    const char *name;          /* a-z, 0-9, underscore */
    const char *help;          /* one line */
    const char *label;         /* NULL: no label */
    const char *const *values; /* ends with NULL */
};

/* [init] Registers a metric; the strings must be literals. */
static inline int chatd_metric(chatd_plugin *self, const struct chatd_metric_def *def,
                               int *metric_out)
{
    return self->core->metric(self, def, metric_out);
}

/* [loop] `label` is the index in `values`, 0 without one. Unknown numbers are ignored. */
static inline void chatd_metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    self->core->metric_add(self, metric, label, n);
}

static inline void chatd_metric_set(chatd_plugin *self, int metric, int label, int64_t value)
{
    self->core->metric_set(self, metric, label, value);
}

static inline void chatd_metric_observe(chatd_plugin *self, int metric, int label, double seconds)
{
    self->core->metric_observe(self, metric, label, seconds);
}

#ifdef __cplusplus
}
#endif
#endif
