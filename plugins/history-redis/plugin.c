/* SPDX-License-Identifier: MIT */
/* The plugin history-redis: options, registration, and what the parts tell each other. */
#include "history.h"

#include "hash.h"

#include <chatd/chatd.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct chatd_cfg_field fields[] = {
    {.key = "address",
     .type = CHATD_CFG_STR,
     .offset = offsetof(struct history_config, address),
     .def = "127.0.0.1:6379",
     .min = 1,
     .max = 300,
     .help = "where Redis is: host:port, [IPv6]:port or unix:/path",
     .env = "REDIS_ADDR"},
    {.key = "user",
     .type = CHATD_CFG_STR,
     .offset = offsetof(struct history_config, user),
     .help = "user of Redis' access lists; not set: the default one"},
    {.key = "password",
     .type = CHATD_CFG_SECRET,
     .offset = offsetof(struct history_config, password),
     .help = "password of the user, or Redis' requirepass"},
    {.key = "database",
     .type = CHATD_CFG_INT,
     .offset = offsetof(struct history_config, database),
     .def = "0",
     .min = 0,
     .max = 1000000,
     .help = "number of the database"},
    {.key = "log",
     .type = CHATD_CFG_BOOL,
     .offset = offsetof(struct history_config, log),
     .def = "on",
     .help = "keep the rooms' messages; off: key-value entries and the bus alone"},
    {.key = "history_max",
     .type = CHATD_CFG_INT,
     .offset = offsetof(struct history_config, history_max),
     .def = "10000",
     .min = 100,
     .max = 1000000000,
     .help = "records kept per room"},
    {.key = "history_age",
     .type = CHATD_CFG_DURATION,
     .offset = offsetof(struct history_config, history_age_ms),
     .def = "0",
     .min = 0,
     .max = INT64_C(10) * 365 * 86400 * 1000,
     .help = "records older than this are deleted; 0: however old they are"},
    {.key = "queue_max",
     .type = CHATD_CFG_INT,
     .offset = offsetof(struct history_config, queue_max),
     .def = "10000",
     .min = 1,
     .max = 10000000,
     .help = "operations waiting for Redis; more are refused as busy"},
    {.key = "queue_bytes",
     .type = CHATD_CFG_SIZE,
     .offset = offsetof(struct history_config, queue_bytes),
     .def = "64m",
     .min = INT64_C(1) << 20,
     .max = INT64_C(64) << 30,
     .help = "memory for those; more are refused as busy"},
    {.key = "canary",
     .type = CHATD_CFG_DURATION,
     .offset = offsetof(struct history_config, canary_ms),
     .def = "5s",
     .min = 100,
     .max = 10000,
     .help = "how often a small write, read and publication are tried"},
    {.key = "position_check",
     .type = CHATD_CFG_DURATION,
     .offset = offsetof(struct history_config, check_ms),
     .def = "20s",
     .min = 100,
     .max = 3600000,
     .help = "how often Redis is asked where the rooms stand, to find lost publications"},
    {.key = "connect_timeout",
     .type = CHATD_CFG_DURATION,
     .offset = offsetof(struct history_config, connect_timeout_ms),
     .def = "5s",
     .min = 100,
     .max = 60000,
     .help = "time for a connection to be made and to log in"},
    {.key = NULL},
};

/* Rooms that the seed left are told to whatever keeps chatd.kv: often this plugin itself. */
static const struct chatd_need needs[] = {
    {.service = CHATD_KV_SERVICE,
     .major = CHATD_KV_MAJOR,
     .minor = CHATD_KV_MINOR,
     .flags = CHATD_NEED_OPTIONAL},
    {.service = NULL},
};

static void show_queue(struct history *history)
{
    chatd_metric_set(history->self, history->metrics.queue, 0, history->queue.count);
}

int history_submit(struct history *history, struct request *request)
{
    int err = request != NULL ? queue_submit(&history->queue, request) : CHATD_E_BUSY;

    if (err == CHATD_E_BUSY)
        chatd_metric_add(history->self, history->metrics.refused, 0, 1);
    else if (err == CHATD_OK)
        chatd_metric_add(history->self, history->metrics.operations, 0, 1);
    show_queue(history);
    return err;
}

/* Behind one name may be several servers, as in a failover: both links go to the same one. */
static void agree(struct history *history)
{
    struct link *commands = &history->commands, *subscriber = &history->subscriber;

    if (link_is_up(commands) && link_is_up(subscriber) &&
        strcmp(commands->run_id, subscriber->run_id) != 0)
        link_drop(commands->up_ms < subscriber->up_ms ? commands : subscriber,
                  "another server answers at this address now");
}

/* --- the link for commands --------------------------------------------------------------------- */

static void commands_up(void *arg)
{
    struct history *history = arg;
    const struct link *link = &history->commands;

    chatd_metric_add(history->self, history->metrics.connects, 0, 1);
    chatd_log(history->self, CHATD_LOG_INFO, "connected to Redis at %s (run_id %.8s)",
              link->options->where, link->run_id);
    if (link->warning[0] != '\0')
        chatd_log(history->self, CHATD_LOG_WARN, "%s", link->warning);
    link_hurry(&history->subscriber);
    queue_up(&history->queue);
    scripts_load(&history->queue);
    subs_recheck(&history->subs);
    health_link(&history->health);
    seed_start(&history->seed);
    agree(history);
}

static void commands_down(void *arg)
{
    struct history *history = arg;

    queue_down(&history->queue);
    show_queue(history);
    health_link(&history->health);
}

static void link_failed(void *arg)
{
    struct history *history = arg;

    health_link(&history->health);
}

static void commands_reply(void *arg, redisReply *reply)
{
    struct history *history = arg;

    queue_reply(&history->queue, reply);
    show_queue(history);
}

/* --- the link that subscribes ------------------------------------------------------------------ */

static void subscriber_up(void *arg)
{
    struct history *history = arg;

    link_hurry(&history->commands);
    channels_up(&history->channels);
    health_link(&history->health);
    agree(history);
}

static void subscriber_down(void *arg)
{
    struct history *history = arg;

    channels_down(&history->channels);
    subs_deaf(&history->subs);
    health_link(&history->health);
}

static void subscriber_reply(void *arg, redisReply *reply)
{
    struct history *history = arg;

    channels_reply(&history->channels, reply);
}

static void channel_listening(void *arg, chatd_str room, chatd_str topic)
{
    struct history *history = arg;

    if (room.n > 0)
        subs_listening(&history->subs, room);
    bus_message(&history->bus, topic, CHATD_STR(""), 1);
}

static void channel_message(void *arg, chatd_str room, chatd_str topic, chatd_str payload)
{
    struct history *history = arg;
    struct publication publication;

    if (!text_publication(payload, &publication) ||
        (!publication.is_record && publication.body.n > CHATD_BUS_DATA_MAX))
        chatd_log(history->self, CHATD_LOG_DEBUG, "%.*s: a publication that is not chatd's",
                  (int)topic.n, topic.p);
    else if (!publication.is_record)
        bus_message(&history->bus, topic, publication.body, 0);
    else if (room.n > 0)
        subs_published(&history->subs, room, &publication);
}

static void channels_ready(void *arg)
{
    struct history *history = arg;

    health_link(&history->health);
}

static void channel_canary(void *arg, chatd_str payload)
{
    struct history *history = arg;

    health_canary(&history->health, payload);
}

/* --- what the queue needs ---------------------------------------------------------------------- */

static bool queue_send(void *arg, int argc, const char **argv, const size_t *bytes)
{
    struct history *history = arg;

    return link_send(&history->commands, argc, argv, bytes);
}

static bool queue_is_up(void *arg)
{
    const struct history *history = arg;

    return link_is_up(&history->commands);
}

static int64_t queue_away_ms(void *arg)
{
    const struct history *history = arg;

    return link_away_ms(&history->commands);
}

static uint64_t queue_moved(void *arg)
{
    const struct wire *wire = &((const struct history *)arg)->commands.wire;

    return wire->received + wire->sent;
}

static void queue_refused(void *arg, const char *error, chatd_str key)
{
    struct history *history = arg;

    chatd_metric_add(history->self, history->metrics.failures, 0, 1);
    health_refused(&history->health, error, key);
}

static void queue_drop(void *arg, const char *error)
{
    struct history *history = arg;

    if (error != NULL)
        link_refuse(&history->commands, error);
    else
        link_drop(&history->commands, "it has not answered for 5 s; the connection is made anew");
}

/* --- life -------------------------------------------------------------------------------------- */

static int metrics_register(chatd_plugin *self, struct history_metrics *metrics)
{
    const struct {
        int *out;
        uint32_t kind;
        const char *name, *help;
    } rows[] = {
        {&metrics->appends, CHATD_COUNTER, "appends_total", "records appended"},
        {&metrics->duplicates, CHATD_COUNTER, "duplicates_total", "appends found to be repeats"},
        {&metrics->operations, CHATD_COUNTER, "operations_total", "calls taken"},
        {&metrics->failures, CHATD_COUNTER, "failures_total", "operations that Redis refused"},
        {&metrics->refused, CHATD_COUNTER, "refused_total",
         "calls refused above queue_max or queue_bytes"},
        {&metrics->connects, CHATD_COUNTER, "connects_total", "connections made for commands"},
        {&metrics->missed, CHATD_COUNTER, "missed_total",
         "rooms whose publications did not come, found by the position check"},
        {&metrics->expired, CHATD_COUNTER, "expired_total", "records deleted for their age"},
        {&metrics->queue, CHATD_GAUGE, "queue", "operations waiting or under way"},
        {&metrics->append_seconds, CHATD_HISTOGRAM, "append_seconds",
         "from the call until Redis has the record"},
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
    const struct chatd_service_def defs[] = {
        {.size = sizeof(defs[0]),
         .major = CHATD_KV_MAJOR,
         .minor = CHATD_KV_MINOR,
         .name = CHATD_KV_SERVICE,
         .api = &history_kv_api,
         .flags = CHATD_SERVICE_SHARED},
        {.size = sizeof(defs[0]),
         .major = CHATD_BUS_MAJOR,
         .minor = CHATD_BUS_MINOR,
         .name = CHATD_BUS_SERVICE,
         .api = &history_bus_api,
         .flags = CHATD_SERVICE_SHARED},
        {.size = sizeof(defs[0]),
         .major = CHATD_LOG_MAJOR,
         .minor = CHATD_LOG_MINOR,
         .name = CHATD_LOG_SERVICE,
         .api = &history_log_api,
         .flags = CHATD_SERVICE_SHARED},
    };
    int n = config->log ? 3 : 2, err = CHATD_OK;

    for (int i = 0; i < n && err == CHATD_OK; i++)
        err = chatd_service_offer(self, &defs[i]);
    if (config->log)
        (void)chatd_feature(self, "history"); /* another store may have said so before */
    return err;
}

static void links_init(struct history *history)
{
    static const struct link_events commands = {
        .up = commands_up, .down = commands_down, .failed = link_failed, .reply = commands_reply};
    static const struct link_events subscriber = {.up = subscriber_up,
                                                  .down = subscriber_down,
                                                  .failed = link_failed,
                                                  .reply = subscriber_reply};
    const struct history_config *config = history->self->config;

    history->commands_options =
        (struct link_options){.where = config->address,
                              .address = &history->address,
                              .user = config->user,
                              .password = config->password,
                              .database = config->database,
                              .connect_timeout_ms = (uint32_t)config->connect_timeout_ms,
                              .role = "commands"};
    history->subscriber_options = history->commands_options;
    history->subscriber_options.role = "subscriber";
    history->subscriber_options.hint =
        "if its log names output buffer limits, raise client-output-buffer-limit pubsub";
    link_init(&history->commands, history->self, &history->commands_options, &commands, history);
    link_init(&history->subscriber, history->self, &history->subscriber_options, &subscriber,
              history);
}

static void parts_init(struct history *history)
{
    static const struct queue_events queue = {.send = queue_send,
                                              .is_up = queue_is_up,
                                              .away_ms = queue_away_ms,
                                              .moved = queue_moved,
                                              .refused = queue_refused,
                                              .drop = queue_drop};
    static const struct channels_events channels = {.listening = channel_listening,
                                                    .message = channel_message,
                                                    .ready = channels_ready,
                                                    .canary = channel_canary};
    const struct history_config *config = history->self->config;
    chatd_plugin *self = history->self;

    queue_init(&history->queue, self, &queue, history, (uint32_t)config->queue_max,
               (size_t)config->queue_bytes);
    history->queue.run_id = history->commands.run_id;
    channels_init(&history->channels, self, &history->subscriber, config->database, &channels,
                  history);
    history->source = (struct page_source){.self = self, .queue = &history->queue};
    subs_init(&history->subs, self, &history_subs_events, history);
    bus_init(&history->bus, &history->channels);
}

static int init(chatd_plugin *self)
{
    const struct history_config *config = self->config;
    struct history *history;
    const char *why = NULL;
    int err = CHATD_E_BUSY;

    if (config->history_age_ms > 0 && config->history_age_ms < HISTORY_AGE_MS_MIN) {
        chatd_log(self, CHATD_LOG_ERROR,
                  "[history-redis] history_age is under 1s; 0 keeps records "
                  "however old they are");
        return CHATD_E_INVAL;
    }
    history = calloc(1, sizeof(*history));
    if (history != NULL) {
        why = address_parse(config->address, &history->address);
        err = why == NULL ? metrics_register(self, &history->metrics) : CHATD_E_INVAL;
    }
    if (err == CHATD_OK)
        err = services_offer(self, config);
    if (err != CHATD_OK) {
        if (why != NULL)
            chatd_log(self, CHATD_LOG_ERROR, "[history-redis] address (or REDIS_ADDR) = %s %s",
                      config->address, why);
        else
            chatd_log(self, CHATD_LOG_ERROR, "the services or metrics cannot be registered (%d)",
                      err);
        free(history);
        return err;
    }
    history->self = self;
    links_init(history);
    parts_init(history);
    self->data = history;
    return CHATD_OK;
}

/* Redis may be away: that is told, waited for, and no reason not to start. */
static int start(chatd_plugin *self)
{
    const struct history_config *config = self->config;
    struct history *history = self->data;

    seed_init(&history->seed, self, &history->queue,
              config->log ? chatd_service(self, CHATD_KV_SERVICE) : NULL);
    int err = queue_start(&history->queue);

    if (err == CHATD_OK)
        err = health_start(&history->health, self, &history->commands, &history->subscriber,
                           &history->queue, &history->channels, (uint32_t)config->canary_ms);
    if (err == CHATD_OK && config->log)
        err = check_start(&history->check, self, &history->queue, &history->subs,
                          (uint32_t)config->check_ms, config->history_age_ms > 0,
                          history->metrics.missed);
    if (err == CHATD_OK && config->log)
        err = retention_start(&history->retention, self, &history->queue, config->history_age_ms,
                              history->metrics.expired);
    if (err != CHATD_OK) {
        chatd_log(self, CHATD_LOG_ERROR, "no timer can be started (%d)", err);
        return err;
    }
    link_start(&history->commands);
    link_start(&history->subscriber);
    return CHATD_OK;
}

static void cancel(chatd_plugin *self)
{
    struct history *history = self->data;

    queue_cancel(&history->queue);
}

static void stop(chatd_plugin *self)
{
    struct history *history = self->data;

    if (history == NULL)
        return;
    self->data = NULL;
    link_close(&history->commands);
    link_close(&history->subscriber);
    queue_deinit(&history->queue);
    subs_deinit(&history->subs);
    bus_deinit(&history->bus);
    channels_deinit(&history->channels);
    free(history);
}

CHATD_PLUGIN(.name = "history-redis", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct history_config), .needs = needs, .init = init,
             .start = start, .stop = stop, .cancel = cancel);
