/* SPDX-License-Identifier: MIT */
/* The table of metrics. */
#include "counters.h"

int counters_register(struct counters *c, chatd_plugin *self)
{
    static const char *const verdicts[] = {"unchanged", "rewritten", "dropped", "failed",
                                           "late",      "full",      "gone",    NULL};
    static const char *const deliveries[] = {"done", "failed", "refused", NULL};
    static const char *const events[] = {"sent", "overflowed", "refused", "given_up",
                                         "lost", "kept",       "taken",   NULL};
    const struct {
        int *out;
        uint32_t kind;
        const char *name, *help;
        const char *const *values;
    } rows[] = {
        {&c->verdicts, CHATD_COUNTER, "verdicts_total", "messages that were asked about", verdicts},
        {&c->verdict_seconds, CHATD_HISTOGRAM, "verdict_seconds", "from the question to the answer",
         NULL},
        {&c->waiting, CHATD_GAUGE, "verdicts_waiting", "messages that wait for their verdict",
         NULL},
        {&c->deliveries, CHATD_COUNTER, "deliveries_total",
         "requests to events_url; failed ones are repeated", deliveries},
        {&c->delivery_seconds, CHATD_HISTOGRAM, "delivery_seconds",
         "until such a request was answered", NULL},
        {&c->events, CHATD_COUNTER, "events_total", "what became of the events", events},
        {&c->queue, CHATD_GAUGE, "queue", "events that wait to be delivered", NULL},
    };
    int rc = CHATD_OK;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == CHATD_OK; i++) {
        const struct chatd_metric_def def = {.size = sizeof(def),
                                             .kind = rows[i].kind,
                                             .name = rows[i].name,
                                             .help = rows[i].help,
                                             .label = rows[i].values != NULL ? "outcome" : NULL,
                                             .values = rows[i].values};

        rc = chatd_metric(self, &def, rows[i].out);
    }
    return rc;
}
