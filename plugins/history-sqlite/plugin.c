/* SPDX-License-Identifier: MIT */
/* The plugin history-sqlite: options, registration, opening and closing of the database. */
#include "history.h"

#include <chatd/chatd.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For the workers of a server whose master was killed: they notice at once, and drain. */
#define HISTORY_PATIENCE_MS 15000u

static const char *const synchronous_choices[] = {
    [STORE_SYNC_FULL] = "full", [STORE_SYNC_NORMAL] = "normal", NULL};

static const struct chatd_cfg_field fields[] = {
    {.key = "path",
     .type = CHATD_CFG_PATH,
     .offset = offsetof(struct history_config, path),
     .def = "chatd.db",
     .help = "the database file; two more, -wal and -shm, and a .lock lie beside it"},
    {.key = "log",
     .type = CHATD_CFG_BOOL,
     .offset = offsetof(struct history_config, log),
     .def = "on",
     .help = "keep the rooms' messages; off: key-value entries (users, keys) alone"},
    {.key = "history_max",
     .type = CHATD_CFG_INT,
     .offset = offsetof(struct history_config, history_max),
     .def = "10000",
     .min = 100,
     .max = 1000000000,
     .help = "records kept per room; up to a tenth more until they are removed together"},
    {.key = "history_age",
     .type = CHATD_CFG_DURATION,
     .offset = offsetof(struct history_config, history_age_ms),
     .def = "0",
     .min = 0,
     .max = INT64_C(10) * 365 * 86400 * 1000,
     .help = "records older than this are deleted; 0: however old they are"},
    {.key = "synchronous",
     .type = CHATD_CFG_ENUM,
     .offset = offsetof(struct history_config, synchronous),
     .def = "full",
     .choices = synchronous_choices,
     .help = "full: what was acknowledged survives power loss; normal: faster, the last may not"},
    {.key = "batch_max",
     .type = CHATD_CFG_INT,
     .offset = offsetof(struct history_config, batch_max),
     .def = "256",
     .min = 1,
     .max = 65536,
     .help = "operations that share one commit at most"},
    {.key = "queue_max",
     .type = CHATD_CFG_INT,
     .offset = offsetof(struct history_config, queue_max),
     .def = "10000",
     .min = 1,
     .max = 10000000,
     .help = "operations waiting for the disk; more are refused as busy"},
    {.key = "canary",
     .type = CHATD_CFG_DURATION,
     .offset = offsetof(struct history_config, canary_ms),
     .def = "5s",
     .min = 1000,
     .max = 60000,
     .help = "how often a small write is tried; away when three in a row do not go through"},
    {.key = NULL},
};

static const struct chatd_need needs[] = {
    /* Later: history-redis may be the bus, and in turn list its rooms in our chatd.kv. */
    {CHATD_BUS_SERVICE, CHATD_BUS_MAJOR, CHATD_BUS_MINOR, CHATD_NEED_OPTIONAL | CHATD_NEED_LATER},
    {NULL, 0, 0, 0},
};

/* --- shared by the services -------------------------------------------------------------------- */

void *history_op_new(size_t size, const struct op_class *class, chatd_str *const *strings, int n)
{
    size_t bytes = size;

    for (int i = 0; i < n; i++)
        bytes += strings[i]->n + 1;
    struct op *op = calloc(1, bytes);

    if (op == NULL)
        return NULL;
    op->class = class;
    char *at = (char *)op + size;

    for (int i = 0; i < n; i++) {
        if (strings[i]->n > 0)
            memcpy(at, strings[i]->p, strings[i]->n);
        strings[i]->p = at;
        at += strings[i]->n + 1;
    }
    return op;
}

int history_submit(struct history *history, struct op *op)
{
    int err = history != NULL ? batch_submit(&history->batch, op, false) : CHATD_E_STATE;

    if (err == CHATD_E_BUSY)
        chatd_metric_add(history->self, history->metrics.refused, 0, 1);
    if (err != CHATD_OK)
        op->class->destroy(op);
    else
        chatd_metric_set(history->self, history->metrics.queue, 0, history->batch.pending);
    return err;
}

/* --- what the batch reports -------------------------------------------------------------------- */

static void batch_ended(void *arg, const struct commit_result *result)
{
    struct history *history = arg;
    const struct history_metrics *metrics = &history->metrics;
    chatd_plugin *self = history->self;

    chatd_metric_set(self, metrics->queue, 0, (int64_t)(history->batch.pending - result->ops));
    if (result->failed || result->flawed)
        chatd_metric_add(self, metrics->failures, 0, 1);
    if (result->wrote && !result->failed && !result->trial) {
        chatd_metric_add(self, metrics->commits, 0, 1);
        chatd_metric_add(self, metrics->operations, 0, result->ops);
        chatd_metric_observe(self, metrics->commit_seconds, 0, result->seconds);
    }
    if (result->failed && result->trial)
        health_trial_failed(&history->health, result->failure);
    else if (result->failed)
        health_ill(&history->health, CHATD_AWAY, result->failure);
    else if (result->flawed && (result->wrote || history->health.state == CHATD_READY))
        health_ill(&history->health, CHATD_DEGRADED, result->failure);
    else if (result->wrote && !result->flawed)
        health_well(&history->health, result->trial);
}

static void batch_stuck(void *arg)
{
    struct history *history = arg;
    const struct history_config *config = history->self->config;
    char text[512];

    snprintf(text, sizeof(text), "%s has not answered for %u s", config->path,
             BATCH_DEADLINE_MS / 1000);
    health_ill(&history->health, CHATD_AWAY, text);
}

/* --- life -------------------------------------------------------------------------------------- */

static void history_free(void *arg)
{
    struct history *history = arg;

    subs_deinit(&history->subs);
    peers_stop(&history->peers);
    store_close(history->store);
    free(history);
}

static int metrics_register(chatd_plugin *self, struct history_metrics *metrics)
{
    const struct {
        int *out;
        uint32_t kind;
        const char *name, *help;
    } rows[] = {
        {&metrics->appends, CHATD_COUNTER, "appends_total", "records appended"},
        {&metrics->duplicates, CHATD_COUNTER, "duplicates_total", "appends found to be repeats"},
        {&metrics->commits, CHATD_COUNTER, "commits_total", "transactions that wrote"},
        {&metrics->operations, CHATD_COUNTER, "operations_total", "operations in those"},
        {&metrics->failures, CHATD_COUNTER, "failures_total", "transactions the storage failed"},
        {&metrics->refused, CHATD_COUNTER, "refused_total", "calls refused above queue_max"},
        {&metrics->refills, CHATD_COUNTER, "refills_total", "pages read for members"},
        {&metrics->expired, CHATD_COUNTER, "expired_total", "records deleted for their age"},
        {&metrics->queue, CHATD_GAUGE, "queue", "operations waiting or under way"},
        {&metrics->commit_seconds, CHATD_HISTOGRAM, "commit_seconds",
         "from taking the turn to write until the commit is done"},
    };
    int err = CHATD_OK;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && err == CHATD_OK; i++) {
        const struct chatd_metric_def def = {
            .size = sizeof(def), .kind = rows[i].kind, .name = rows[i].name, .help = rows[i].help};

        err = chatd_metric(self, &def, rows[i].out);
    }
    return err;
}

static int services_offer(chatd_plugin *self, const struct history_config *config)
{
    const struct chatd_service_def log = {.size = sizeof(log),
                                          .major = CHATD_LOG_MAJOR,
                                          .minor = CHATD_LOG_MINOR,
                                          .name = CHATD_LOG_SERVICE,
                                          .api = &history_log_api};
    const struct chatd_service_def kv = {.size = sizeof(kv),
                                         .major = CHATD_KV_MAJOR,
                                         .minor = CHATD_KV_MINOR,
                                         .name = CHATD_KV_SERVICE,
                                         .api = &history_kv_api};
    int err = config->log ? chatd_service_offer(self, &log) : CHATD_OK;

    if (config->log)
        (void)chatd_feature(self, "history"); /* another store may have said so before */
    return err == CHATD_OK ? chatd_service_offer(self, &kv) : err;
}

static int init(chatd_plugin *self)
{
    const struct history_config *config = self->config;
    struct history *history;

    if (config->history_age_ms > 0 && config->history_age_ms < HISTORY_AGE_MS_MIN) {
        chatd_log(self, CHATD_LOG_ERROR,
                  "[history-sqlite] history_age is under 1s; 0 keeps records "
                  "however old they are");
        return CHATD_E_INVAL;
    }
    history = calloc(1, sizeof(*history));
    if (history == NULL) {
        chatd_log(self, CHATD_LOG_ERROR, "there is no memory");
        return CHATD_E_BUSY;
    }
    const struct batch_options options = {.self = self,
                                          .batch_max = (uint32_t)config->batch_max,
                                          .queue_max = (uint32_t)config->queue_max,
                                          .ended = batch_ended,
                                          .stuck = batch_stuck,
                                          .over = history_free,
                                          .arg = history};
    int err = metrics_register(self, &history->metrics);

    if (err == CHATD_OK)
        err = services_offer(self, config);
    if (err != CHATD_OK) {
        chatd_log(self, CHATD_LOG_ERROR, "the services or metrics cannot be registered (%d)", err);
        free(history);
        return err;
    }
    history->self = self;
    batch_init(&history->batch, &options);
    subs_init(&history->subs, self, &history->batch, &history->peers, history->metrics.refills);
    self->data = history;
    return CHATD_OK;
}

/* Without a bus this is the only worker. */
static int workers_meet(struct history *history)
{
    const struct chatd_service *bus = chatd_service(history->self, CHATD_BUS_SERVICE);
    const char *epoch = store_epoch(history->store);
    int err = peers_start(&history->peers, history->self, bus, (chatd_str){epoch, strlen(epoch)});

    if (err == CHATD_OK && bus != NULL)
        err = sweep_start(&history->sweep, history->self, &history->batch, &history->subs);
    return err;
}

static void tell_wait(void *arg, const char *text)
{
    chatd_plugin *self = arg;

    chatd_log(self, CHATD_LOG_WARN, "%s", text);
}

static int start(chatd_plugin *self)
{
    const struct history_config *config = self->config;
    struct history *history = self->data;
    uint64_t random = 0;
    char fresh_epoch[17];
    char *sentence = NULL;

    chatd_random(self, &random, sizeof(random));
    snprintf(fresh_epoch, sizeof(fresh_epoch), "%016" PRIx64, random);
    const struct store_options options = {.path = config->path,
                                          .instance = chatd_instance(self),
                                          .server_pid = chatd_server_pid(self),
                                          .patience_ms = HISTORY_PATIENCE_MS,
                                          .fresh_epoch = fresh_epoch,
                                          .history_max = config->history_max,
                                          .sync = (enum store_sync)config->synchronous,
                                          .notice = tell_wait,
                                          .arg = self};
    int err = store_open(&options, &history->store, &sentence);

    if (err != CHATD_OK) {
        chatd_log(self, CHATD_LOG_ERROR, "%s", sentence != NULL ? sentence : "there is no memory");
        free(sentence);
        return err;
    }
    if (store_was_restored(history->store))
        chatd_log(self, CHATD_LOG_WARN,
                  "%s is older than what was last written to it, as a restored backup is: "
                  "epoch %s begins, and clients are told",
                  config->path, store_epoch(history->store));
    chatd_log(self, CHATD_LOG_INFO, "%s is open, epoch %s", config->path,
              store_epoch(history->store));
    history->batch.store = history->store;
    err = config->log ? workers_meet(history) : CHATD_OK;
    if (err == CHATD_OK && config->log)
        err = retention_start(&history->retention, self, &history->batch, &history->subs,
                              config->history_age_ms, history->metrics.expired);
    return err == CHATD_OK ? health_start(&history->health, self, &history->batch, config->path,
                                          (uint32_t)config->canary_ms)
                           : err;
}

static void drain(chatd_plugin *self)
{
    struct history *history = self->data;

    batch_flush(&history->batch);
}

/* The bus may stop before this plugin, and is left before that. */
static void cancel(chatd_plugin *self)
{
    struct history *history = self->data;

    batch_cancel(&history->batch);
    subs_silence(&history->subs);
    peers_stop(&history->peers);
}

static void stop(chatd_plugin *self)
{
    struct history *history = self->data;

    if (history == NULL)
        return;
    self->data = NULL;
    /* The core waits for a job that is still under way; the database is closed after it. */
    if (batch_deinit(&history->batch))
        history_free(history);
}

CHATD_PLUGIN(.name = "history-sqlite", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct history_config), .needs = needs, .init = init,
             .start = start, .drain = drain, .stop = stop, .cancel = cancel);
